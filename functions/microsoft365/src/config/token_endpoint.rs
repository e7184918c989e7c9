//! The two forms of the login's token endpoint.

use uuid::Uuid;

/// Which form of the token endpoint an app registration logs in at. Either gives the same tokens;
/// the vendor documents the older one for this API, and everybody uses the newer one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum TokenEndpoint {
    /// `/oauth2/v2.0/token`, asked for a scope.
    #[default]
    V2,
    /// `/oauth2/token`, asked for a resource.
    V1,
}

impl TokenEndpoint {
    /// Both of them.
    pub(crate) const ALL: [Self; 2] = [Self::V2, Self::V1];

    /// Its name in a source's secret.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::V2 => "v2",
            Self::V1 => "v1",
        }
    }

    /// The endpoint of that name, in any case.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|endpoint| endpoint.name().eq_ignore_ascii_case(name))
    }

    /// Its path on the login host.
    pub(crate) fn path(self, tenant: Uuid) -> String {
        match self {
            Self::V2 => format!("/{tenant}/oauth2/v2.0/token"),
            Self::V1 => format!("/{tenant}/oauth2/token"),
        }
    }

    /// The field of its form that says whom the token is for, and what it says.
    pub(crate) fn target(self, audience: &str) -> (&'static str, String) {
        match self {
            Self::V2 => ("scope", format!("{audience}/.default")),
            Self::V1 => ("resource", audience.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back() {
        for endpoint in TokenEndpoint::ALL {
            assert_eq!(TokenEndpoint::from_name(&endpoint.name().to_uppercase()), Some(endpoint));
        }
        assert_eq!(TokenEndpoint::from_name("v3"), None);
    }

    #[test]
    fn paths_and_targets() {
        let check = |endpoint: TokenEndpoint, path: &str, target: (&str, &str)| {
            assert_eq!(endpoint.path(Uuid::nil()), format!("/{}{path}", Uuid::nil()));
            let (field, value) = endpoint.target("https://manage.office.com");
            assert_eq!((field, value.as_str()), target);
        };
        check(TokenEndpoint::V2, "/oauth2/v2.0/token", ("scope", "https://manage.office.com/.default"));
        check(TokenEndpoint::V1, "/oauth2/token", ("resource", "https://manage.office.com"));
    }
}
