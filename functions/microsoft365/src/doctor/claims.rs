//! The claims of an access token that decide what it may read.

use adapters::doctor::{Code, Fault};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::config::SourceSecret;

/// The permission to read all content types except `DLP.All`.
const READ: &str = "ActivityFeed.Read";
/// The permission that `DLP.All` needs besides.
const READ_DLP: &str = "ActivityFeed.ReadDlp";

/// The claims that matter here. A token that is no JWT has none; then only the API can tell what it permits.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Claims {
    is_readable: bool,
    /// The API for which the token was issued.
    audience: Option<String>,
    /// The tenant for which the token was issued.
    tenant: Option<String>,
    /// Application permissions.
    roles: Vec<String>,
    /// Delegated permissions.
    scopes: Vec<String>,
}

impl Claims {
    /// Reads the claims of a token. The signature is not verified, because only the API can rely on them.
    pub(super) fn read(token: &str) -> Self {
        let payload = token.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part.trim_end_matches('=')).ok());
        let Some(claims) = payload.and_then(|payload| serde_json::from_slice::<Value>(&payload).ok()) else {
            return Self::default();
        };
        let text = |name: &str| claims.get(name).and_then(Value::as_str).map(str::to_owned);
        let roles = claims.get("roles").and_then(Value::as_array).into_iter().flatten();
        Self {
            is_readable: true,
            audience: text("aud"),
            tenant: text("tid"),
            roles: roles.filter_map(Value::as_str).map(str::to_owned).collect(),
            scopes: text("scp").unwrap_or_default().split_whitespace().map(str::to_owned).collect(),
        }
    }

    /// Checks that the token is for the tenant and the API of the secret, and may read.
    pub(super) fn check(&self, secret: &SourceSecret) -> Result<(), Fault> {
        let audience = secret.endpoints.audience;
        let (tenant, expected) = (self.tenant.as_deref(), secret.tenant_id.to_string());
        if tenant.is_some_and(|tenant| !tenant.eq_ignore_ascii_case(&expected)) {
            return Err(Fault::new(Code::WrongTenant, "the token was issued for another tenant than tenant_id"));
        }
        if self
            .audience
            .as_deref()
            .is_some_and(|known| known.starts_with("https://") && known.trim_end_matches('/') != audience)
        {
            return Err(Fault::new(Code::WrongCloud, format!("the token was issued for another API than {audience}")));
        }
        if !self.is_readable || self.roles.iter().any(|role| role == READ) {
            return Ok(());
        }
        let (roles, scopes) = (self.roles.join(", "), self.scopes.join(", "));
        Err(if !self.scopes.is_empty() {
            let cause = format!("the token has delegated permissions only ({scopes}), and a function has no user");
            Fault::new(Code::DelegatedPermission, cause)
        } else if self.roles.is_empty() {
            Fault::new(
                Code::NoConsent,
                "the token has no permission: none was added as an application permission, or no administrator has \
                 consented",
            )
        } else {
            Fault::new(Code::PermissionMissing, format!("the token lacks {READ}; it has {roles}"))
        })
    }

    /// Checks that the token may read `DLP.All`.
    pub(super) fn check_dlp(&self) -> Result<(), Fault> {
        if !self.is_readable || self.roles.iter().any(|role| role == READ_DLP) {
            return Ok(());
        }
        let cause = format!("the token lacks {READ_DLP}, so DLP.All cannot be pulled; everything else can");
        Err(Fault::new(Code::DlpPermissionMissing, cause))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::Config;

    const TENANT: &str = "3f6c1d52-8b0e-4c1a-9d7e-2a5b9c4e7f10";

    fn code(claims: &Value) -> Option<Code> {
        let secret = json!({"tenant_id": TENANT, "client_id": "app", "client_secret": "canary"}).to_string();
        let secret = SourceSecret::parse(&secret.into(), &Config::default()).unwrap();
        let token = format!("head.{}.signature", URL_SAFE_NO_PAD.encode(claims.to_string()));
        Claims::read(&token).check(&secret).err().map(|fault| fault.code)
    }

    #[test]
    fn each_claim_has_its_fault() {
        let api = "https://manage.office.com";
        assert_eq!(code(&json!({"aud": api, "tid": TENANT, "roles": [READ]})), None);
        assert_eq!(code(&json!({"aud": api, "tid": "another", "roles": [READ]})), Some(Code::WrongTenant));
        let other = json!({"aud": "https://manage.office365.us", "tid": TENANT, "roles": [READ]});
        assert_eq!(code(&other), Some(Code::WrongCloud));
        assert_eq!(code(&json!({"tid": TENANT, "scp": READ})), Some(Code::DelegatedPermission));
        assert_eq!(code(&json!({"tid": TENANT})), Some(Code::NoConsent));
        assert_eq!(code(&json!({"tid": TENANT, "roles": [READ_DLP]})), Some(Code::PermissionMissing));
    }

    #[test]
    fn a_token_that_is_no_jwt_is_left_to_the_api() {
        for token in ["opaque", "a.%.c", "a.bm8.c"] {
            assert_eq!((Claims::read(token), Claims::read(token).check_dlp()), (Claims::default(), Ok(())));
        }
    }
}
