//! The two forms of the login's token endpoint.

use uuid::Uuid;

/// The token endpoint at which an app registration logs in. Both issue the same tokens. The vendor documents the older
/// one for this API, but the newer one is in general use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum TokenEndpoint {
    /// `/oauth2/v2.0/token`, whose requests name a scope.
    #[default]
    V2,
    /// `/oauth2/token`, whose requests name a resource.
    V1,
}

impl TokenEndpoint {
    /// Both endpoints.
    pub(crate) const ALL: [Self; 2] = [Self::V2, Self::V1];

    /// Returns the name by which a source's secret selects the endpoint.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::V2 => "v2",
            Self::V1 => "v1",
        }
    }

    /// Returns the endpoint of that name; letter case does not matter.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|endpoint| endpoint.name().eq_ignore_ascii_case(name))
    }

    /// Returns the path on the login host.
    pub(crate) fn path(self, tenant: Uuid) -> String {
        match self {
            Self::V2 => format!("/{tenant}/oauth2/v2.0/token"),
            Self::V1 => format!("/{tenant}/oauth2/token"),
        }
    }

    /// Returns the form field that names the token's audience, and its value.
    pub(crate) fn audience_field(self, audience: &str) -> (&'static str, String) {
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
    fn names_identify_their_endpoint() {
        for endpoint in TokenEndpoint::ALL {
            assert_eq!(TokenEndpoint::from_name(&endpoint.name().to_uppercase()), Some(endpoint));
        }
        assert_eq!(TokenEndpoint::from_name("v3"), None);
    }

    #[test]
    fn paths_and_audience_fields() {
        let check = |endpoint: TokenEndpoint, path: &str, expected: (&str, &str)| {
            assert_eq!(endpoint.path(Uuid::nil()), format!("/{}{path}", Uuid::nil()));
            let (field, value) = endpoint.audience_field("https://manage.office.com");
            assert_eq!((field, value.as_str()), expected);
        };
        check(TokenEndpoint::V2, "/oauth2/v2.0/token", ("scope", "https://manage.office.com/.default"));
        check(TokenEndpoint::V1, "/oauth2/token", ("resource", "https://manage.office.com"));
    }
}
