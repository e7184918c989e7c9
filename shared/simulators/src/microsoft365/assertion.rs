//! Login with a certificate: verifies the JWT (the client assertion) that the client signed with its private key.

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The value of `client_assertion_type` that the token endpoint accepts.
pub(super) const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A certificate that is registered for the application, so that a client may log in with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// The SHA-1 hash of the certificate in base64url without padding. An assertion names its certificate by it, in the
    /// header field `x5t`.
    pub thumbprint: String,
    /// The RSA public key, DER-encoded as in PKCS #1.
    pub public_key: Vec<u8>,
}

/// The values that a valid assertion must match.
pub(super) struct ExpectedClaims<'a> {
    pub(super) client_id: &'a str,
    /// The URL of the token request.
    pub(super) audience: &'a str,
    /// The current time, in seconds since 1970.
    pub(super) now: i64,
}

/// The error of an invalid assertion: its AADSTS code and its message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct InvalidAssertion(pub(super) u32, pub(super) &'static str);

#[derive(Deserialize)]
struct Header {
    alg: String,
    x5t: Option<String>,
}

#[derive(Deserialize)]
struct Claims {
    aud: String,
    iss: String,
    sub: String,
    jti: String,
    nbf: i64,
    exp: i64,
}

/// An assertion that is valid, unless it was used before.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct VerifiedAssertion {
    /// The assertion's `jti`, a unique id.
    pub(super) id: String,
    /// The assertion's expiry, in seconds since 1970.
    pub(super) expires: i64,
}

/// Verifies the signature and the claims of an assertion. The caller must check that it was not used before.
pub(super) fn verify(
    assertion: &str,
    certificates: &[Certificate],
    expected: &ExpectedClaims<'_>,
) -> Result<VerifiedAssertion, InvalidAssertion> {
    const MALFORMED: InvalidAssertion = InvalidAssertion(50_027, "The client assertion is malformed.");
    let (signed, signature) = assertion.rsplit_once('.').ok_or(MALFORMED)?;
    let (header, claims) = signed.split_once('.').ok_or(MALFORMED)?;
    let header: Header = decode_part(header).ok_or(MALFORMED)?;
    let claims: Claims = decode_part(claims).ok_or(MALFORMED)?;
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| MALFORMED)?;
    let unknown =
        InvalidAssertion(700_027, "The certificate with which the client assertion was signed is not registered.");
    if header.alg != "RS256" {
        return Err(InvalidAssertion(5_002_738, "The algorithm of the client assertion is not supported."));
    }
    let certificate =
        certificates.iter().find(|known| header.x5t.as_ref() == Some(&known.thumbprint)).ok_or(unknown)?;
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &certificate.public_key)
        .verify(signed.as_bytes(), &signature)
        .map_err(|_| InvalidAssertion(700_027, "The client assertion has an invalid signature."))?;
    if claims.aud != expected.audience {
        return Err(InvalidAssertion(700_023, "The audience of the client assertion is not this endpoint."));
    }
    if claims.iss != expected.client_id || claims.sub != expected.client_id {
        return Err(InvalidAssertion(700_021, "The client assertion was not issued by the client."));
    }
    if expected.now < claims.nbf || claims.exp <= expected.now {
        return Err(InvalidAssertion(700_024, "The client assertion is not within its valid time range."));
    }
    Ok(VerifiedAssertion { id: claims.jti, expires: claims.exp })
}

fn decode_part<T: DeserializeOwned>(part: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::rsa::KeySize;
    use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
    use serde_json::{Value, json};

    use super::*;

    fn signed(key: &RsaKeyPair, header: &Value, claims: &Value) -> String {
        let encoded = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encoded(header), encoded(claims));
        let mut signature = vec![0; key.public_modulus_len()];
        key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    #[test]
    fn b34_an_assertion_needs_a_valid_signature_audience_issuer_and_time() {
        let [key, other_key] = [(); 2].map(|()| RsaKeyPair::generate(KeySize::Rsa2048).unwrap());
        let public_key = key.public_key().as_ref().to_vec();
        let certificates = [Certificate { thumbprint: "t".to_owned(), public_key }];
        let header = json!({"alg": "RS256", "typ": "JWT", "x5t": "t"});
        let claims = json!({"aud": "u", "iss": "c", "sub": "c", "jti": "j", "nbf": 10, "exp": 20});
        let check = |assertion: &str, now: i64, expected: Result<&str, u32>| {
            let expected_claims = ExpectedClaims { client_id: "c", audience: "u", now };
            let verified = verify(assertion, &certificates, &expected_claims);
            let expected = expected.map(|id| VerifiedAssertion { id: id.to_owned(), expires: 20 });
            assert_eq!(verified.map_err(|bad| bad.0), expected, "{assertion}");
        };
        let with_claim = |name: &str, value: Value| {
            let mut claims = claims.clone();
            claims[name] = value;
            signed(&key, &header, &claims)
        };
        let good = signed(&key, &header, &claims);
        check(&good, 10, Ok("j"));
        check(&good, 9, Err(700_024));
        check(&good, 20, Err(700_024));
        check(&signed(&other_key, &header, &claims), 10, Err(700_027));
        check(&signed(&key, &json!({"alg": "RS256", "x5t": "z"}), &claims), 10, Err(700_027));
        check(&signed(&key, &json!({"alg": "RS256"}), &claims), 10, Err(700_027));
        check(&signed(&key, &json!({"alg": "none", "x5t": "t"}), &claims), 10, Err(5_002_738));
        check(&with_claim("aud", json!("v")), 10, Err(700_023));
        check(&with_claim("aud", json!("u/")), 10, Err(700_023));
        check(&with_claim("iss", json!("d")), 10, Err(700_021));
        check(&with_claim("sub", json!("d")), 10, Err(700_021));
        check("no.assertion", 10, Err(50_027));
        check("", 10, Err(50_027));
    }
}
