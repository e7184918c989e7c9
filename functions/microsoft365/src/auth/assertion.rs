//! The signed assertion that takes the place of a client secret in a login with a certificate.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::json;
use uuid::Uuid;

use crate::config::certificate::Certificate;

/// An assertion expires after this time. Each login gets a new one.
const LIFETIME_SECONDS: i64 = 600;
/// The validity of an assertion begins this long in the past, because our clock may be ahead of the vendor's.
const CLOCK_SKEW_SECONDS: i64 = LIFETIME_SECONDS;

/// Returns the assertion (a JWT, RS256) with which `client_id` logs in at `audience`, the token URL.
///
/// `id` must be unique. `None` if the key cannot sign.
pub(super) fn assertion(
    certificate: &Certificate,
    client_id: &str,
    audience: &str,
    now: Timestamp,
    id: Uuid,
) -> Option<SecretString> {
    let now = now.as_second();
    let header = json!({"alg": "RS256", "typ": "JWT", "x5t": certificate.thumbprint()});
    let claims = json!({
        "aud": audience, "iss": client_id, "sub": client_id, "jti": id.to_string(),
        "nbf": now - CLOCK_SKEW_SECONDS, "exp": now + LIFETIME_SECONDS,
    });
    let encode = |part: &serde_json::Value| URL_SAFE_NO_PAD.encode(part.to_string());
    let signed = format!("{}.{}", encode(&header), encode(&claims));
    let signature = certificate.sign(signed.as_bytes())?;
    Some(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)).into())
}

#[cfg(test)]
pub(crate) mod tests {
    use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
    use secrecy::ExposeSecret;

    use super::*;
    use crate::config::certificate::tests::certificate_and_key;

    /// Verifies the signature of an assertion, and returns its header and claims.
    pub(crate) fn verified(assertion: &str, key: &RsaKeyPair) -> (serde_json::Value, serde_json::Value) {
        let (signed, signature) = assertion.rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        let public_key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public_key().as_ref());
        public_key.verify(signed.as_bytes(), &signature).unwrap();
        let (header, claims) = signed.split_once('.').unwrap();
        let decode = |part: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
        (decode(header), decode(claims))
    }

    #[test]
    fn ok_an_assertion_holds_its_claims_and_is_signed() {
        let (certificate, private, key) = certificate_and_key();
        let certificate = Certificate::from_pem(&certificate, &private).unwrap();
        let now = Timestamp::from_second(1_787_301_845).unwrap();
        let id = Uuid::from_u128(7);
        let assertion = assertion(&certificate, "app", "https://login/token", now, id).unwrap();
        let (header, claims) = verified(assertion.expose_secret(), &key);
        assert_eq!(header["alg"], "RS256");
        assert_eq!(header["x5t"].as_str().unwrap().len(), 27);
        assert_eq!(claims["aud"], "https://login/token");
        assert_eq!((&claims["iss"], &claims["sub"]), (&json!("app"), &json!("app")));
        assert_eq!(claims["jti"], id.to_string());
        assert_eq!(claims["exp"].as_i64().unwrap() - claims["nbf"].as_i64().unwrap(), 1_200);
    }
}
