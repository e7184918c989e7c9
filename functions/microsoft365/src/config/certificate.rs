//! Logging in with a certificate: a short-lived statement of who we are, signed with its key.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use uuid::Uuid;

/// How long an assertion is good for, in seconds: one login.
const LIVES_SECONDS: i64 = 600;
/// How far an assertion begins in the past, in seconds: our clock may be as far ahead of the vendor's
/// as it may be behind.
const BEGINS_EARLIER_SECONDS: i64 = LIVES_SECONDS;

/// An app registration's certificate and its private key. `Debug` shows the thumbprint only.
#[derive(Clone)]
pub(crate) struct Certificate {
    thumbprint: String,
    key: Arc<RsaKeyPair>,
}

impl Certificate {
    /// Reads both from PEM; an RSA key in PKCS #8 or PKCS #1. The error is a predicate: "… is not …".
    pub(crate) fn from_pem(certificate: &str, key: &SecretString) -> Result<Self, &'static str> {
        let certificate = CertificateDer::from_pem_slice(certificate.as_bytes())
            .map_err(|_| "certificate_pem is not a certificate in PEM")?;
        let key = PrivateKeyDer::from_pem_slice(key.expose_secret().as_bytes())
            .map_err(|_| "private_key_pem is not an unencrypted private key in PEM")?;
        let key = match &key {
            PrivateKeyDer::Pkcs8(der) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()),
            PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()),
            _ => return Err("private_key_pem is not an RSA key"),
        }
        .map_err(|_| "private_key_pem is not an RSA key of 2048 bits or more")?;
        // The certificate holds its public key as it is: enough to tell two files mixed up.
        let public_key = key.public_key().as_ref();
        if !certificate.windows(public_key.len()).any(|part| part == public_key) {
            return Err("private_key_pem is not the key of certificate_pem");
        }
        let thumbprint = URL_SAFE_NO_PAD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, &certificate));
        Ok(Self { thumbprint, key: Arc::new(key) })
    }

    /// The assertion (a JWT, RS256) that `client_id` logs in with at `audience`, the token URL. `id`
    /// must not repeat. `None` when the key cannot sign.
    pub(crate) fn assertion(&self, client_id: &str, audience: &str, now: Timestamp, id: Uuid) -> Option<SecretString> {
        let now = now.as_second();
        let header = json!({"alg": "RS256", "typ": "JWT", "x5t": self.thumbprint});
        let claims = json!({
            "aud": audience, "iss": client_id, "sub": client_id, "jti": id.to_string(),
            "nbf": now - BEGINS_EARLIER_SECONDS, "exp": now + LIVES_SECONDS,
        });
        let encode = |part: &serde_json::Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let signed = format!("{}.{}", encode(&header), encode(&claims));
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).ok()?;
        Some(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)).into())
    }
}

/// Two are the same if certificate and key are.
impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.thumbprint == other.thumbprint && self.key.public_key().as_ref() == other.key.public_key().as_ref()
    }
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificate").field("thumbprint", &self.thumbprint).finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
    use aws_lc_rs::rsa::KeySize;
    use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    /// A key, and what is enough of a certificate of it: both in PEM.
    pub(crate) fn pair() -> (String, SecretString, RsaKeyPair) {
        let key = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let private: Pkcs8V1Der<'_> = key.as_der().unwrap();
        let certificate = [b"before".as_slice(), key.public_key().as_ref(), b"after"].concat();
        (pem("CERTIFICATE", &certificate), pem("PRIVATE KEY", private.as_ref()).into(), key)
    }

    fn pem(label: &str, der: &[u8]) -> String {
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
    }

    /// Header and claims of an assertion whose signature holds.
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
    fn ok_assertion() {
        let (certificate, private, key) = pair();
        let certificate = Certificate::from_pem(&certificate, &private).unwrap();
        let now = Timestamp::from_second(1_787_301_845).unwrap();
        let id = Uuid::from_u128(7);
        let assertion = certificate.assertion("app", "https://login/token", now, id).unwrap();
        let (header, claims) = verified(assertion.expose_secret(), &key);
        assert_eq!(header["alg"], "RS256");
        assert_eq!(header["x5t"].as_str().unwrap().len(), 27);
        assert_eq!(claims["aud"], "https://login/token");
        assert_eq!((&claims["iss"], &claims["sub"]), (&json!("app"), &json!("app")));
        assert_eq!(claims["jti"], id.to_string());
        assert_eq!(claims["exp"].as_i64().unwrap() - claims["nbf"].as_i64().unwrap(), 1_200);
    }

    #[test]
    fn err_pem() {
        let ((certificate, private, _), (other, _, _)) = (pair(), pair());
        let err = |certificate: &str, key: &SecretString| Certificate::from_pem(certificate, key).unwrap_err();
        assert!(err("canary", &private).starts_with("certificate_pem is not a certificate"));
        assert!(err(&certificate, &"canary".into()).starts_with("private_key_pem is not an unencrypted"));
        let broken = pem("PRIVATE KEY", b"canary").into();
        assert!(err(&certificate, &broken).starts_with("private_key_pem is not an RSA key"));
        assert!(err(&other, &private).starts_with("private_key_pem is not the key of"));
    }

    #[test]
    fn debug_shows_no_key() {
        let (certificate, private, _) = pair();
        let shown = format!("{:?}", Certificate::from_pem(&certificate, &private).unwrap());
        assert!(shown.len() < 80 && shown.contains("thumbprint"), "{shown}");
    }
}
