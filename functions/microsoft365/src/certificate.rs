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
/// How far an assertion begins in the past, in seconds: our clock may be ahead of the vendor's.
const BEGINS_EARLIER_SECONDS: i64 = 120;

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
