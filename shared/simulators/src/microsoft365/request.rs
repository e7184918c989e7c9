//! Reads a request: its operation, its tenant and its query parameters.

use crate::http::{self, Request};

/// An operation of the API or of the token endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation<'a> {
    TokenV1,
    TokenV2,
    Start,
    Stop,
    Subscriptions,
    Content,
    Notifications,
    SensitiveTypes,
    /// The fetch of a blob. The value is the blob's id as it stands in the URL, which may be percent-encoded.
    Blob(&'a str),
}

impl Operation<'_> {
    /// Returns the name of the operation, as in [`Scripted::operation`](crate::Scripted::operation).
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::TokenV1 | Self::TokenV2 => "token",
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Subscriptions => "subscriptions",
            Self::Content => "content",
            Self::Notifications => "notifications",
            Self::SensitiveTypes => "sensitive_types",
            Self::Blob(_) => "blob",
        }
    }

    /// Returns the name that the vendor gives to the operation in the answer to a throttled request.
    pub(super) fn vendor_method(self) -> &'static str {
        match self {
            Self::TokenV1 | Self::TokenV2 => "GetToken",
            Self::Start => "StartSubscription",
            Self::Stop => "StopSubscription",
            Self::Subscriptions => "ListSubscriptions",
            Self::Content => "ListContent",
            Self::Notifications => "ListNotifications",
            Self::SensitiveTypes => "GetDlpSensitiveTypes",
            Self::Blob(_) => "GetBlob",
        }
    }

    pub(super) fn http_method(self) -> &'static str {
        match self {
            Self::TokenV1 | Self::TokenV2 | Self::Start | Self::Stop => "POST",
            _ => "GET",
        }
    }
}

/// Returns the tenant and the operation that a path names; `None` for an unknown path.
pub(super) fn operation(path: &str) -> Option<(&str, Operation<'_>)> {
    if let Some(rest) = path.strip_prefix("/api/v1.0/").or_else(|| path.strip_prefix("/api/v1/")) {
        let (tenant, rest) = rest.split_once("/activity/feed/")?;
        let operation = match rest {
            "subscriptions/start" => Operation::Start,
            "subscriptions/stop" => Operation::Stop,
            "subscriptions/list" => Operation::Subscriptions,
            "subscriptions/content" => Operation::Content,
            "subscriptions/notifications" => Operation::Notifications,
            "resources/dlpSensitiveTypes" => Operation::SensitiveTypes,
            other => Operation::Blob(other.strip_prefix("audit/")?),
        };
        return Some((tenant, operation));
    }
    let rest = path.strip_prefix("/login/").or_else(|| path.strip_prefix('/'))?;
    match rest.split_once('/')? {
        (tenant, "oauth2/token") => Some((tenant, Operation::TokenV1)),
        (tenant, "oauth2/v2.0/token") => Some((tenant, Operation::TokenV2)),
        _ => None,
    }
}

/// The decoded query parameters of a request. Their names are compared without regard to upper and lower case.
#[derive(Debug)]
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    pub(super) fn of(request: &Request) -> Self {
        Self(http::decode_parameters(request.uri().query().unwrap_or_default().as_bytes()))
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// Returns `true` if the text is a GUID with hyphens, such as `3f6c1d52-8b0e-4c1a-9d7e-2a5b9c4e7f10`.
pub(super) fn is_guid(text: &str) -> bool {
    let parts: Vec<_> = text.split('-').collect();
    parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12])
        && parts.iter().all(|part| part.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Returns the scheme and host under which the client reached this server, such as `http://127.0.0.1:8080`.
pub(super) fn origin(request: &Request) -> String {
    format!("http://{}", http::header(request.headers(), "host").unwrap_or("127.0.0.1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_their_operations() {
        let check = |path, expected| assert_eq!(operation(path), expected, "{path}");
        check("/api/v1.0/t/activity/feed/subscriptions/start", Some(("t", Operation::Start)));
        check("/api/v1/t/activity/feed/subscriptions/content", Some(("t", Operation::Content)));
        check("/api/v1.0/t/activity/feed/audit/a$b%24c", Some(("t", Operation::Blob("a$b%24c"))));
        check("/t/oauth2/token", Some(("t", Operation::TokenV1)));
        check("/login/t/oauth2/v2.0/token", Some(("t", Operation::TokenV2)));
        check("/api/v1.0/t/activity/feed/nothing", None);
        check("/", None);
    }

    #[test]
    fn guids_are_recognised() {
        assert!(is_guid(super::super::TENANT_ID));
        for text in ["", "no", "3f6c1d52-8b0e-4c1a-9d7e-2a5b9c4e7f1", "3f6c1d52-8b0e-4c1a-9d7e-2a5b9c4e7f1g"] {
            assert!(!is_guid(text), "{text}");
        }
    }
}
