//! The Management Activity API and its token endpoint.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use simulators::microsoft365::{
    AlreadyOn, Behaviours, CLIENT_ID, CLIENT_SECRET, Certificate, Cloud, ContentType, Microsoft365Simulator, READ,
    TENANT_ID, Throttle,
};
use simulators::{Faults, Options, Running, Scripted};

use crate::client::{Answer, send};
use crate::{Hand, run};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const PUBLISHER: &str = "PublisherIdentifier=3f6c1d52-8b0e-4c1a-9d7e-2a5b9c4e7f10";

/// A client with a token.
struct Client<'a> {
    running: &'a Running,
    token: String,
}

fn options(hand: &Hand) -> Options {
    Options { events: 500, ..Options::new(hand.now()) }
}

async fn token(running: &Running, path: &str, target: &str) -> Answer {
    // The secret's `+ / = & %` encoded by hand.
    let secret = CLIENT_SECRET
        .replace('%', "%25")
        .replace('+', "%2B")
        .replace('/', "%2F")
        .replace('=', "%3D")
        .replace('&', "%26");
    let body = format!("grant_type=client_credentials&client_id={CLIENT_ID}&client_secret={secret}&{target}");
    send(
        running.address(),
        "POST",
        &format!("{path}/{TENANT_ID}/oauth2/{}", if target.starts_with("scope") { "v2.0/token" } else { "token" }),
        &[FORM],
        &body,
    )
    .await
    .unwrap()
}

impl<'a> Client<'a> {
    async fn new(running: &'a Running) -> Self {
        let answer = token(running, "/login", "scope=https%3A%2F%2Fmanage.office.com%2F.default").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        Self { running, token: answer.json()["access_token"].as_str().unwrap().to_owned() }
    }

    async fn send(&self, method: &str, target: &str) -> Answer {
        let authorization = format!("Bearer {}", self.token);
        send(self.running.address(), method, target, &[("authorization", &authorization)], "").await.unwrap()
    }

    async fn feed(&self, method: &str, what: &str) -> Answer {
        let and = if what.contains('?') { '&' } else { '?' };
        self.send(method, &format!("/api/v1.0/{TENANT_ID}/activity/feed/{what}{and}{PUBLISHER}")).await
    }

    async fn start(&self, content_type: ContentType) -> Answer {
        self.feed("POST", &format!("subscriptions/start?contentType={}", content_type.name())).await
    }

    async fn list(&self, content_type: ContentType, window: &str) -> Answer {
        self.feed("GET", &format!("subscriptions/content?contentType={}{window}", content_type.name())).await
    }

    /// All items of a window, page by page.
    async fn items(&self, content_type: ContentType, from: Timestamp, to: Timestamp) -> Vec<Value> {
        let window = format!("&startTime={}&endTime={}", written(from), written(to));
        let mut answer = self.list(content_type, &window).await;
        let mut items = Vec::new();
        for _ in 0..1_000 {
            assert_eq!(answer.status, 200, "{}", answer.text());
            items.extend(answer.json().as_array().unwrap().iter().cloned());
            let next = answer.header("NextPageUri").or_else(|| answer.header("NextPageUrl"));
            let Some(next) = next.map(|next| self.path(next)) else { return items };
            assert!(next.starts_with("/api/v1/"), "{next}");
            answer = self.send("GET", &next).await;
        }
        panic!("a thousand pages and no end");
    }

    fn path(&self, uri: &str) -> String {
        uri.strip_prefix(&format!("http://{}", self.running.address())).unwrap_or_else(|| panic!("{uri}")).to_owned()
    }

    /// Everything of the last seven days, canonical enough: as the text of every record.
    async fn everything(&self, content_type: ContentType, now: Timestamp) -> Vec<String> {
        let mut records = Vec::new();
        for day in (0..7).rev() {
            let to = now - SignedDuration::from_hours(24 * day);
            for item in self.items(content_type, to - SignedDuration::from_hours(24), to).await {
                let answer = self.send("GET", &self.path(item["contentUri"].as_str().unwrap())).await;
                assert_eq!(answer.status, 200, "{}", answer.text());
                records.extend(answer.json().as_array().unwrap().iter().map(Value::to_string));
            }
        }
        records
    }
}

fn written(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

#[test]
fn all_feeds_together_are_the_ledger() {
    run(async {
        let hand = Hand::new();
        let running = Microsoft365Simulator::start(options(&hand), 0, hand.clock()).unwrap();
        let client = Client::new(&running).await;
        for content_type in ContentType::ALL {
            assert_eq!(
                client.start(content_type).await.json(),
                json!({"contentType": content_type.name(), "status": "enabled", "webhook": null})
            );
        }
        assert!(running.pending() > 0, "nothing is late");
        hand.pass(5);
        let mut all = BTreeSet::new();
        let mut count = 0;
        for content_type in ContentType::ALL {
            let records = client.everything(content_type, hand.now()).await;
            assert!(!records.is_empty());
            count += records.len();
            all.extend(records.into_iter().map(|record| (content_type.log_type(), record)));
        }
        let served: BTreeSet<_> = running
            .served()
            .into_iter()
            .map(|event| {
                assert!(event.until > Some(hand.now()));
                (event.log_type, serde_json::from_str::<Value>(&event.raw).unwrap().to_string())
            })
            .collect();
        assert_eq!(served, all);
        assert_eq!((running.pending(), all.len()), (0, 500));
        assert_eq!(running.counts().iter().map(|(_, count)| count).sum::<u64>(), 500);
        assert!(count > 510, "nothing comes twice: {count}");
        running.stop().await;
    });
}

#[test]
fn items_and_headers_are_as_in_production() {
    run(async {
        let hand = Hand::new();
        let running = Microsoft365Simulator::start(options(&hand), 0, hand.clock()).unwrap();
        let client = Client::new(&running).await;
        client.start(ContentType::Entra).await;
        let answer = client.list(ContentType::Entra, "").await;
        assert_eq!(answer.header("content-type"), Some("application/json; charset=utf-8"));
        assert_eq!((answer.header("expires"), answer.header("x-powered-by")), (Some("-1"), Some("ASP.NET")));
        assert_eq!(answer.header("date"), Some("Sun, 22 Nov 2026 09:00:00 GMT"));
        let item = answer.json()[0].clone();
        let created: Timestamp = item["contentCreated"].as_str().unwrap().parse().unwrap();
        let expires: Timestamp = item["contentExpiration"].as_str().unwrap().parse().unwrap();
        assert_eq!(created.duration_until(expires), SignedDuration::from_hours(7 * 24));
        let uri = item["contentUri"].as_str().unwrap();
        assert!(uri.contains('$') && uri.ends_with(item["contentId"].as_str().unwrap()), "{uri}");
        let plain = client.send("GET", &client.path(uri)).await;
        let encoded = client.send("GET", &client.path(&uri.replace('$', "%24"))).await;
        assert_eq!((plain.status, &plain.body), (200, &encoded.body));
    });
}

#[test]
fn subscriptions_come_and_go() {
    run(async {
        let hand = Hand::new();
        let running = Microsoft365Simulator::start(options(&hand), 0, hand.clock()).unwrap();
        let client = Client::new(&running).await;
        let code = |answer: &Answer| answer.json()["error"]["code"].as_str().map(str::to_owned);
        assert_eq!(client.feed("GET", "subscriptions/list").await.json(), json!([]));
        assert_eq!(code(&client.list(ContentType::Dlp, "").await).as_deref(), Some("AF20022"));
        assert_eq!(client.start(ContentType::Dlp).await.status, 200);
        let again = client.start(ContentType::Dlp).await;
        assert_eq!((again.status, code(&again).as_deref()), (400, Some("AF20024")));
        assert_eq!(client.feed("GET", "subscriptions/list").await.json()[0]["status"], "enabled");
        let stop = client.feed("POST", "subscriptions/stop?contentType=DLP.All").await;
        assert_eq!((stop.status, stop.body.len()), (200, 0));
        assert_eq!(code(&client.list(ContentType::Dlp, "").await).as_deref(), Some("AF20023"));
    });
}

#[test]
fn err_every_code_where_it_belongs() {
    run(async {
        let hand = Hand::new();
        let running = Microsoft365Simulator::start(options(&hand), 0, hand.clock()).unwrap();
        let client = Client::new(&running).await;
        client.start(ContentType::Entra).await;
        let feed = format!("/api/v1.0/{TENANT_ID}/activity/feed");
        let content = format!("{feed}/subscriptions/content?contentType=Audit.AzureActiveDirectory");
        for (target, status, part) in [
            (format!("{feed}/subscriptions/content"), 400, "AF20001"),
            (format!("{feed}/subscriptions/content?contentType=Audit.Nothing"), 400, "AF20020"),
            (format!("{content}&startTime=2026-11-22"), 400, "AF20030"),
            (
                format!("{content}&startTime=2026-11-22T08:00:00+00:00&endTime=2026-11-22T09:00:00+00:00"),
                400,
                "AF20002",
            ),
            (format!("{content}&startTime=2026-11-20&endTime=2026-11-22"), 400, "AF20055"),
            (
                format!("{content}&startTime=2026-11-22&endTime=2026-11-22T08:00&nextPage=00000000ffffffffffffffff"),
                400,
                "AF20031",
            ),
            (format!("{content}&PublisherIdentifier=me"), 400, "AF20002"),
            (format!("{feed}/audit/20261122$nothing$here"), 404, "AF20050"),
            (format!("{feed}/audit/malformed"), 400, "AF20052"),
            ("/api/v1.0/tenant/activity/feed/subscriptions/list".to_owned(), 400, "AF20013"),
            (
                "/api/v1.0/00000000-0000-4000-8000-000000000000/activity/feed/subscriptions/list".to_owned(),
                400,
                "AF20010",
            ),
            (format!("{feed}/nothing"), 404, "<html>"),
            (format!("{feed}/subscriptions/start?contentType=Audit.General"), 405, "http method"),
        ] {
            let answer = client.send("GET", &target).await;
            assert!(answer.status == status && answer.text().contains(part), "{target}: {answer:?}");
        }
        let stranger = Client { running: &running, token: "stranger".to_owned() };
        assert_eq!(stranger.send("GET", &content).await.status, 401);
        hand.pass(3_599);
        assert_eq!(client.send("GET", &content).await.status, 401);
    });
}

#[test]
fn content_expires_and_links_age() {
    run(async {
        let hand = Hand::new();
        let behaviours = Behaviours { page_size: 1, token_seconds: 10_000_000, ..Behaviours::default() };
        let running = Microsoft365Simulator::with(&options(&hand), behaviours, hand.clock()).unwrap().serve(0).unwrap();
        let client = Client::new(&running).await;
        client.start(ContentType::Entra).await;
        let first = client.list(ContentType::Entra, "").await;
        let uri = client.path(first.json()[0]["contentUri"].as_str().unwrap());
        let link = client.path(first.header("NextPageUri").unwrap());
        assert_eq!((client.send("GET", &uri).await.status, client.send("GET", &link).await.status), (200, 200));
        hand.pass(8 * 24 * 3_600);
        for (target, code) in [(uri, "AF20051"), (link, "AF20055")] {
            let answer = client.send("GET", &target).await;
            assert!(answer.status == 400 && answer.text().contains(code), "{answer:?}");
        }
    });
}

/// What one change of behaviour does to an answer; `what` is asked after Exchange was started.
fn check(change: impl FnOnce(&mut Behaviours), method: &str, what: &str, expect: impl FnOnce(Answer)) {
    run(async {
        let hand = Hand::new();
        let simulator = Microsoft365Simulator::new(&Options { events: 2_000, ..options(&hand) }, hand.clock()).unwrap();
        let running = simulator.serve(0).unwrap();
        Client::new(&running).await.start(ContentType::Exchange).await;
        simulator.change(change);
        let client = Client::new(&running).await;
        expect(client.feed(method, what).await);
    });
}

#[test]
fn behaviours_one_by_one() {
    let start = "subscriptions/start?contentType=Audit.Exchange";
    let list = "subscriptions/content?contentType=Audit.Exchange";
    let has = |status: u16, part: &'static str| {
        move |answer: Answer| assert!(answer.status == status && answer.text().contains(part), "{answer:?}")
    };
    check(|b| b.already_on = AlreadyOn::Ok, "POST", start, has(200, "enabled"));
    check(|b| b.start_throttled = true, "POST", start, has(403, "AF429"));
    check(|b| b.auditing_off = true, "POST", start, has(400, "does not exist"));
    check(|b| b.roles = vec![READ.to_owned()], "POST", "subscriptions/start?contentType=DLP.All", has(401, "AF10001"));
    check(|b| b.roles = vec![READ.to_owned()], "GET", list, has(200, "contentUri"));
    check(|b| b.roles = Vec::new(), "GET", list, has(401, "AF10001"));
    check(|b| b.cloud = Cloud::GccHigh, "GET", list, has(401, "denied"));
    check(|b| b.first_blob_seconds = 60, "GET", list, has(200, "[]"));
    check(
        |b| b.empty_pages = 1.0,
        "GET",
        list,
        |answer| {
            assert_eq!((answer.json(), answer.header("NextPageUri").is_some()), (json!([]), true));
        },
    );
    check(
        |b| (b.page_size, b.next_page_url) = (1, 1.0),
        "GET",
        list,
        |answer| assert!(answer.header("nextPageUrl").is_some()),
    );
    check(
        |b| b.throttled = 1.0,
        "GET",
        list,
        |answer| {
            assert_eq!((answer.status, answer.header("retry-after")), (403, None));
            assert!(
                answer.text().starts_with("{'error':{'code':'AF429'")
                    && serde_json::from_slice::<Value>(&answer.body).is_err()
            );
        },
    );
    check(|b| (b.throttled, b.throttle) = (1.0, Throttle::TooManyRequests), "GET", list, has(429, "AF429"));
    check(|b| b.per_minute = 0, "GET", list, has(403, "PublisherId=3f6c1d52"));
    check(|b| b.internal_error = 1.0, "GET", list, has(500, "AF5000"));
    check(|b| b.error_in_ok = 1.0, "GET", list, has(200, "error"));
    check(|b| b.broken = Some(ContentType::Exchange), "GET", list, has(500, "AF5000"));
    check(|b| b.broken = Some(ContentType::Dlp), "GET", list, has(200, "contentUri"));
    check(
        |b| b.status_missing = true,
        "GET",
        "subscriptions/list",
        |answer| assert_eq!(answer.json()[0].get("status"), None),
    );
    check(
        |b| b.date_off_seconds = -60,
        "GET",
        list,
        |answer| assert_eq!(answer.header("date"), Some("Sun, 22 Nov 2026 08:59:00 GMT")),
    );
    check(
        |b| b.uri_elsewhere = 1.0,
        "GET",
        list,
        |answer| {
            let good = format!("/api/v1.0/{TENANT_ID}/activity/feed/audit/");
            let elsewhere = |item: &Value| {
                !item["contentUri"].as_str().unwrap().contains(&good)
                    || item["contentUri"].as_str().unwrap().contains("//localhost/")
            };
            assert!(answer.json().as_array().unwrap().iter().all(elsewhere));
        },
    );
}

#[test]
fn a_revoked_token_stays_so_and_the_next_one_is_good() {
    run(async {
        let hand = Hand::new();
        let simulator = Microsoft365Simulator::new(&options(&hand), hand.clock()).unwrap();
        simulator.change(|b| b.token_refused = 1.0);
        let running = simulator.serve(0).unwrap();
        let client = Client::new(&running).await;
        for expected in [200, 200, 200, 200, 200, 401, 401] {
            assert_eq!(client.feed("GET", "subscriptions/list").await.status, expected);
        }
        simulator.change(|b| b.token_refused = 0.0);
        assert_eq!(client.feed("GET", "subscriptions/list").await.status, 401);
        assert_eq!(Client::new(&running).await.feed("GET", "subscriptions/list").await.status, 200);
    });
}

#[test]
fn tokens_in_both_forms_and_at_both_places() {
    run(async {
        let hand = Hand::new();
        let running = Microsoft365Simulator::start(options(&hand), 0, hand.clock()).unwrap();
        let new = token(&running, "", "scope=https%3A%2F%2Fmanage.office.com%2F.default").await;
        assert_eq!((new.status, &new.json()["expires_in"]), (200, &json!(3599)));
        let old = token(&running, "/login", "resource=https%3A%2F%2Fmanage.office.com").await;
        assert_eq!((old.status, &old.json()["expires_in"]), (200, &json!("3599")));
        let own = token(&running, "", &format!("scope=http://{}/.default", running.address())).await;
        assert_eq!(own.status, 200, "{}", own.text());
        let body = format!(
            "grant_type=client_credentials&client_id={CLIENT_ID}&client_secret={CLIENT_SECRET}&scope=x/.default"
        );
        let raw =
            send(running.address(), "POST", &format!("/{TENANT_ID}/oauth2/v2.0/token"), &[FORM], &body).await.unwrap();
        assert_eq!(
            (raw.status, &raw.json()["error"]),
            (401, &json!("invalid_client")),
            "a secret that was not encoded"
        );
    });
}

#[test]
fn a_certificate_logs_in_once_per_assertion() {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::rsa::KeySize;
    use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    run(async {
        let hand = Hand::new();
        let simulator = Microsoft365Simulator::new(&options(&hand), hand.clock()).unwrap();
        let key = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let certificate =
            Certificate { thumbprint: "thumb".to_owned(), public_key: key.public_key().as_ref().to_vec() };
        simulator.change(|b| b.certificates = vec![certificate]);
        let running = simulator.serve(0).unwrap();
        let path = format!("/login/{TENANT_ID}/oauth2/v2.0/token");
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let now = hand.now().as_second();
        let claims = json!({
            "aud": format!("http://{}{path}", running.address()), "iss": CLIENT_ID, "sub": CLIENT_ID,
            "jti": "once", "nbf": now, "exp": now + 600,
        });
        let signed = format!("{}.{}", part(&json!({"alg": "RS256", "typ": "JWT", "x5t": "thumb"})), part(&claims));
        let mut signature = vec![0; key.public_modulus_len()];
        key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
        let body = format!(
            "grant_type=client_credentials&client_id={CLIENT_ID}&scope=https://manage.office.com/.default\
             &client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer\
             &client_assertion={signed}.{}",
            URL_SAFE_NO_PAD.encode(signature)
        );
        let first = send(running.address(), "POST", &path, &[FORM], &body).await.unwrap();
        let again = send(running.address(), "POST", &path, &[FORM], &body).await.unwrap();
        assert_eq!((first.status, again.status), (200, 401), "{} {}", first.text(), again.text());
        assert_eq!(again.json()["error_codes"], json!([50_013]));
    });
}

#[test]
fn what_was_stopped_is_lost_and_not_in_the_ledger() {
    run(async {
        let hand = Hand::new();
        let options = Options { ahead_seconds: 86_400, span_seconds: 1, events: 2_000, ..options(&hand) };
        let behaviours = Behaviours { late: 0.0, token_seconds: 10_000_000, ..Behaviours::default() };
        let running = Microsoft365Simulator::with(&options, behaviours, hand.clock()).unwrap().serve(0).unwrap();
        let client = Client::new(&running).await;
        client.start(ContentType::Exchange).await;
        hand.pass(6 * 3_600);
        let before = client.everything(ContentType::Exchange, hand.now()).await.len();
        client.feed("POST", "subscriptions/stop?contentType=Audit.Exchange").await;
        hand.pass(6 * 3_600);
        client.start(ContentType::Exchange).await;
        assert_eq!(client.everything(ContentType::Exchange, hand.now()).await.len(), before);
        hand.pass(13 * 3_600);
        let all: BTreeSet<_> = client.everything(ContentType::Exchange, hand.now()).await.into_iter().collect();
        assert_eq!(running.served().len(), all.len());
        assert!((200..450).contains(&all.len()), "{}", all.len());
    });
}

#[test]
fn a_storm_has_all_of_it_and_always_the_same() {
    let story = |seed| {
        let mut story = Vec::new();
        run(async {
            let hand = Hand::new();
            let options = Options { seed, faults: Faults::Storm, ..options(&hand) };
            let simulator = Microsoft365Simulator::new(&options, hand.clock()).unwrap();
            let refusal = simulators::Fault::Throttled { retry_after: None };
            simulator.change(|b| {
                b.token_error = 0.0;
                b.transport.reset = 0.0;
                b.transport.cut = 0.0;
                b.transport.server_error = 0.0;
                b.script = vec![Scripted::new("content", 2, refusal)];
            });
            let running = simulator.serve(0).unwrap();
            let client = Client::new(&running).await;
            for _ in 0..5 {
                client.start(ContentType::General).await;
                let answer = client.list(ContentType::General, "").await;
                // The port is another one each time.
                let port = running.address().port().to_string();
                story.push((answer.status, answer.text().replace(&port, "")));
            }
        });
        story
    };
    let first = story(5);
    assert_eq!(first, story(5));
    assert_ne!(first, story(6));
    assert!(first[1].1.contains("AF429"));
}
