//! Tokens: both versions of the endpoint, login by secret and by certificate, and the errors.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use simulators::microsoft365::{Behaviours, CLIENT_ID, CLIENT_SECRET, Certificate, TENANT_ID};

use super::{COMMERCIAL_AUDIENCE, Client, FORM_HEADER, World, token};
use crate::client::{Answer, send};
use crate::run;

#[test]
fn b33_both_versions_of_the_token_endpoint_are_served_at_both_paths() {
    run(async {
        let world = World::new(Behaviours::default());
        for place in ["", "/login"] {
            let new = format!("{place}/{TENANT_ID}/oauth2/v2.0/token");
            let new = token(&world.running, &new, "scope=https%3A%2F%2Fmanage.office.com%2F.default").await;
            let body = new.json();
            assert_eq!((new.status, &body["expires_in"], body.get("resource")), (200, &json!(3_599), None));
            let old = format!("{place}/{TENANT_ID}/oauth2/token?api-version=1.0");
            let old = token(&world.running, &old, "resource=https%3A%2F%2Fmanage.office.com").await;
            let body = old.json();
            assert_eq!(
                (old.status, &body["expires_in"], &body["resource"]),
                (200, &json!("3599"), &json!(COMMERCIAL_AUDIENCE))
            );
            let on = world.now().as_second() + 3_599;
            assert_eq!(body["expires_on"], json!(on.to_string()));
            assert_eq!(body["not_before"], json!((world.now().as_second() - 300).to_string()));
        }
        let own = format!("scope=http://{}/.default", world.running.address());
        assert_eq!(token(&world.running, &format!("/{TENANT_ID}/oauth2/v2.0/token"), &own).await.status, 200);
    });
}

#[test]
fn b34_a_secret_is_decoded_from_its_form() {
    run(async {
        let world = World::new(Behaviours::default());
        let body = format!(
            "grant_type=client_credentials&client_id={CLIENT_ID}&client_secret={CLIENT_SECRET}&scope={COMMERCIAL_AUDIENCE}/.default"
        );
        let path = format!("/{TENANT_ID}/oauth2/v2.0/token");
        let raw = send(world.running.address(), "POST", &path, &[FORM_HEADER], &body).await.unwrap();
        assert_eq!((raw.status, &raw.json()["error"]), (401, &json!("invalid_client")), "it was not encoded");
    });
}

/// A client that logs in with an assertion that it signs.
struct Signer {
    world: World,
    key: RsaKeyPair,
    path: String,
}

impl Signer {
    fn new() -> Self {
        let key = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let certificate =
            Certificate { thumbprint: "thumb".to_owned(), public_key: key.public_key().as_ref().to_vec() };
        let world = World::new(Behaviours { certificates: vec![certificate], ..Behaviours::default() });
        Self { world, key, path: format!("/login/{TENANT_ID}/oauth2/v2.0/token") }
    }

    fn claims(&self, id: &str) -> Value {
        let now = self.world.now().as_second();
        let audience = format!("http://{}{}", self.world.running.address(), self.path);
        json!({"aud": audience, "iss": CLIENT_ID, "sub": CLIENT_ID, "jti": id, "nbf": now, "exp": now + 600})
    }

    fn signed(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    async fn log_in(&self, assertion: &str) -> Answer {
        let body = format!(
            "grant_type=client_credentials&client_id={CLIENT_ID}&scope={COMMERCIAL_AUDIENCE}/.default\
             &client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer\
             &client_assertion={assertion}"
        );
        send(self.world.running.address(), "POST", &self.path, &[FORM_HEADER], &body).await.unwrap()
    }

    /// Logs in and returns the AADSTS code of the error, or 0 if the login succeeded.
    async fn code(&self, header: &Value, claims: &Value) -> i64 {
        let answer = self.log_in(&self.signed(header, claims)).await;
        match answer.status {
            200 => 0,
            _ => answer.json()["error_codes"][0].as_i64().unwrap(),
        }
    }
}

#[test]
fn b34_an_assertion_is_valid_once() {
    run(async {
        let signer = Signer::new();
        let header = json!({"alg": "RS256", "typ": "JWT", "x5t": "thumb"});
        let assertion = signer.signed(&header, &signer.claims("once"));
        let first = signer.log_in(&assertion).await;
        assert_eq!(first.status, 200, "{}", first.text());
        let again = signer.log_in(&assertion).await;
        assert_eq!((again.status, &again.json()["error_codes"]), (401, &json!([50_013])));
        let other_words = signer.claims("once");
        assert_eq!(signer.code(&header, &other_words).await, 50_013, "the same jti");
        assert_eq!(signer.code(&header, &signer.claims("twice")).await, 0);
    });
}

#[test]
fn b34_an_assertion_needs_this_audience_a_valid_time_and_a_known_certificate() {
    run(async {
        let signer = Signer::new();
        let header = json!({"alg": "RS256", "typ": "JWT", "x5t": "thumb"});
        let now = signer.world.now().as_second();
        let audience = format!("http://{}", signer.world.running.address());
        for (id, (name, value, code)) in [
            ("aud", json!(format!("{audience}/{TENANT_ID}/oauth2/v2.0/token")), 700_023),
            ("aud", json!(format!("{audience}{}/", signer.path)), 700_023),
            ("aud", json!(format!("{audience}{}", signer.path)), 0),
            ("exp", json!(now), 700_024),
            ("nbf", json!(now + 1), 700_024),
            ("iss", json!("another"), 700_021),
        ]
        .into_iter()
        .enumerate()
        {
            let mut claims = signer.claims(&id.to_string());
            claims[name] = value;
            assert_eq!(signer.code(&header, &claims).await, code, "{claims}");
        }
        let unknown = json!({"alg": "RS256", "typ": "JWT", "x5t": "another"});
        assert_eq!(signer.code(&unknown, &signer.claims("x")).await, 700_027);
        let late = signer.signed(&header, &signer.claims("late"));
        signer.world.clock.advance(600);
        assert_eq!(signer.log_in(&late).await.json()["error_codes"], json!([700_024]));
    });
}

#[test]
fn b35_refusals_have_the_ids_that_support_asks_for() {
    run(async {
        let behaviours = Behaviours { expired_secrets: vec!["old".to_owned()], ..Behaviours::default() };
        let world = World::new(behaviours);
        let known = format!("/{TENANT_ID}/oauth2/v2.0/token");
        let unknown = "/0a1b2c3d-0000-4000-8000-00000000000f/oauth2/v2.0/token";
        for (path, secret, status, error, code) in [
            (known.as_str(), "wrong", 401, "invalid_client", 7_000_215),
            (&known, "old", 401, "invalid_client", 7_000_222),
            (unknown, "wrong", 400, "invalid_request", 90_002),
        ] {
            let body = format!(
                "grant_type=client_credentials&client_id={CLIENT_ID}&client_secret={secret}&scope={COMMERCIAL_AUDIENCE}/.default"
            );
            let answer = send(world.running.address(), "POST", path, &[FORM_HEADER], &body).await.unwrap();
            let error_body = answer.json();
            assert_eq!(
                (answer.status, &error_body["error"], &error_body["error_codes"]),
                (status, &json!(error), &json!([code]))
            );
            let description = error_body["error_description"].as_str().unwrap();
            assert!(description.starts_with(&format!("AADSTS{code}")), "{error_body}");
            for id in ["trace_id", "correlation_id"] {
                assert!(description.contains(error_body[id].as_str().unwrap()), "{error_body}");
            }
        }
    });
}

#[test]
fn b36_a_token_expires_by_the_virtual_clock_in_the_middle_of_a_run() {
    run(async {
        let world = World::new(Behaviours { token_seconds: 600, ..Behaviours::default() });
        let client = world.client().await;
        for (pass, expected) in [(0, 200), (599, 200), (1, 401), (0, 401)] {
            world.clock.advance(pass);
            assert_eq!(client.feed("GET", "subscriptions/list").await.status, expected);
        }
        assert_eq!(Client::new(&world.running).await.feed("GET", "subscriptions/list").await.status, 200);
    });
}

#[test]
fn b36_a_revoked_token_stays_revoked_and_the_next_one_is_valid() {
    run(async {
        let world = World::new(Behaviours { token_refused: 1.0, ..Behaviours::default() });
        let client = world.client().await;
        for expected in [200, 200, 200, 200, 200, 401, 401] {
            assert_eq!(client.feed("GET", "subscriptions/list").await.status, expected);
        }
        world.simulator.change(|behaviours| behaviours.token_refused = 0.0);
        assert_eq!(client.feed("GET", "subscriptions/list").await.status, 401);
        assert_eq!(world.client().await.feed("GET", "subscriptions/list").await.status, 200);
    });
}
