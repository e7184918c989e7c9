//! An app registration's certificate and its private key.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use secrecy::{ExposeSecret, SecretString};

/// A certificate and its private key. `Debug` shows the thumbprint only.
#[derive(Clone)]
pub(crate) struct Certificate {
    thumbprint: String,
    key: Arc<RsaKeyPair>,
}

impl Certificate {
    /// Reads a certificate and its RSA key (PKCS #8 or PKCS #1) from PEM. The error is a sentence that begins with the
    /// name of the faulty field.
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
        // A certificate contains its public key as plain bytes. So the private key belongs to the certificate if the
        // certificate contains the bytes of the key's public part.
        let public_key = key.public_key().as_ref();
        if !certificate.windows(public_key.len()).any(|part| part == public_key) {
            return Err("private_key_pem is not the key of certificate_pem");
        }
        let thumbprint = URL_SAFE_NO_PAD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, &certificate));
        Ok(Self { thumbprint, key: Arc::new(key) })
    }

    /// Returns the SHA-1 thumbprint in base64url, by which the login finds the certificate.
    pub(crate) fn thumbprint(&self) -> &str {
        &self.thumbprint
    }

    /// Signs `message` with the private key (RS256); `None` if the key cannot sign.
    pub(crate) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).ok()?;
        Some(signature)
    }
}

/// Two certificates are equal if their thumbprints and public keys are equal.
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
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    /// Returns a certificate in PEM, its private key in PEM, and the same key for signing. The certificate holds no
    /// more than `from_pem` needs.
    pub(crate) fn certificate_and_key() -> (String, SecretString, RsaKeyPair) {
        let key = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let private: Pkcs8V1Der<'_> = key.as_der().unwrap();
        let certificate = [b"before".as_slice(), key.public_key().as_ref(), b"after"].concat();
        (pem("CERTIFICATE", &certificate), pem("PRIVATE KEY", private.as_ref()).into(), key)
    }

    fn pem(label: &str, der: &[u8]) -> String {
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
    }

    #[test]
    fn err_certificates_and_keys() {
        let ((certificate, private, _), (other, _, _)) = (certificate_and_key(), certificate_and_key());
        let err = |certificate: &str, key: &SecretString| Certificate::from_pem(certificate, key).unwrap_err();
        assert!(err("canary", &private).starts_with("certificate_pem is not a certificate"));
        assert!(err(&certificate, &"canary".into()).starts_with("private_key_pem is not an unencrypted"));
        let broken = pem("PRIVATE KEY", b"canary").into();
        assert!(err(&certificate, &broken).starts_with("private_key_pem is not an RSA key"));
        assert!(err(&other, &private).starts_with("private_key_pem is not the key of"));
    }

    #[test]
    fn debug_shows_no_key() {
        let (certificate, private, _) = certificate_and_key();
        let shown = format!("{:?}", Certificate::from_pem(&certificate, &private).unwrap());
        assert!(shown.len() < 80 && shown.contains("thumbprint"), "{shown}");
    }
}
