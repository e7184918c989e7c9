//! Microsoft's clouds: where a tenant's API and its login are.

/// The cloud a tenant lives in. API host, login host and token audience belong together: a token of
/// one cloud is refused by every other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cloud {
    /// Worldwide.
    #[default]
    Commercial,
    /// US government, moderate.
    Gcc,
    /// US government, high.
    GccHigh,
    /// US Department of Defense.
    Dod,
}

impl Cloud {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Commercial, Self::Gcc, Self::GccHigh, Self::Dod];

    /// Its name in a source's secret.
    pub fn name(self) -> &'static str {
        match self {
            Self::Commercial => "commercial",
            Self::Gcc => "gcc",
            Self::GccHigh => "gcc-high",
            Self::Dod => "dod",
        }
    }

    /// The cloud of that name, in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cloud| cloud.name().eq_ignore_ascii_case(name))
    }

    /// The origin of its Management Activity API, which is also the audience of its tokens.
    pub fn api(self) -> &'static str {
        match self {
            Self::Commercial => "https://manage.office.com",
            Self::Gcc => "https://manage-gcc.office.com",
            Self::GccHigh => "https://manage.office365.us",
            Self::Dod => "https://manage.protection.apps.mil",
        }
    }

    /// The origin of its login. GCC tenants log in where commercial ones do.
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
    fn names_lead_back() {
        for cloud in Cloud::ALL {
            assert_eq!(Cloud::from_name(&cloud.name().to_uppercase()), Some(cloud));
        }
        assert_eq!(Cloud::from_name("enterprise"), None);
    }
}
