//! Microsoft's clouds, each with its own API and login.

/// The cloud that a tenant belongs to. Its API, its login and the audience of its tokens belong together: the other
/// clouds refuse its tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cloud {
    /// The worldwide cloud for business.
    #[default]
    Commercial,
    /// GCC: US government, moderate security level.
    Gcc,
    /// GCC High: US government, high security level.
    GccHigh,
    /// The cloud of the US Department of Defense.
    Dod,
}

impl Cloud {
    /// Every cloud.
    pub const ALL: [Self; 4] = [Self::Commercial, Self::Gcc, Self::GccHigh, Self::Dod];

    /// Returns the name by which a source's secret selects the cloud.
    pub fn name(self) -> &'static str {
        match self {
            Self::Commercial => "commercial",
            Self::Gcc => "gcc",
            Self::GccHigh => "gcc-high",
            Self::Dod => "dod",
        }
    }

    /// Returns the cloud of that name; letter case does not matter.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cloud| cloud.name().eq_ignore_ascii_case(name))
    }

    /// Returns the origin of the Management Activity API, which is also the audience of its tokens.
    pub fn api(self) -> &'static str {
        match self {
            Self::Commercial => "https://manage.office.com",
            Self::Gcc => "https://manage-gcc.office.com",
            Self::GccHigh => "https://manage.office365.us",
            Self::Dod => "https://manage.protection.apps.mil",
        }
    }

    /// Returns the origin of the login. GCC tenants use the commercial login.
    pub fn login(self) -> &'static str {
        match self {
            Self::Commercial | Self::Gcc => "https://login.microsoftonline.com",
            Self::GccHigh | Self::Dod => "https://login.microsoftonline.us",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_identify_their_cloud() {
        for cloud in Cloud::ALL {
            assert_eq!(Cloud::from_name(&cloud.name().to_uppercase()), Some(cloud));
        }
        assert_eq!(Cloud::from_name("enterprise"), None);
    }
}
