//! The client over real HTTP, against a server that answers by a script and stores the requests.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use adapters::http::Timeouts;
use collector::{Item, ListingId, Page, Recovery, Window};
use jiff::Timestamp;

use super::*;
use crate::config::{BASE_URL_VARIABLE, LISTINGS, ORGANIZATION};

const OLD_KEY: &str = "sk-admin-canary-old";
const NEW_KEY: &str = "sk-admin-canary-new";
const EMPTY_PAGE: &str = r#"{"object":"list","data":[],"first_id":null,"last_id":null,"has_more":false}"#;
const WINDOW: Window = Window { from: 1_700_000_000, to: 1_700_000_600 };
const BAD_KEY: &str =
    r#"{"error":{"message":"Incorrect API key provided: sk-admin-canary-old","code":"invalid_api_key"}}"#;

/// A clock that starts in 1970, moves only during sleeps and stores them.
#[derive(Default)]
struct FakeClock {
    slept: RefCell<Vec<Duration>>,
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH + self.slept.borrow().iter().sum::<Duration>()
    }

    async fn sleep(&self, duration: Duration) {
        self.slept.borrow_mut().push(duration);
    }

    fn random(&self) -> u64 {
        0
    }
}

/// A secret store whose cache holds the old key, and whose fresh reads return `fresh`.
struct FakeSecrets {
    fresh: &'static str,
    fresh_reads: RefCell<u32>,
}

impl Secrets for FakeSecrets {
    async fn get(&self, _: &str, fresh: bool) -> Result<SecretString, PortError> {
        *self.fresh_reads.borrow_mut() += u32::from(fresh);
        Ok(SecretString::from(if fresh { self.fresh } else { OLD_KEY }))
    }
}

/// The answers in order, one per request: the status line with headers, and the body.
type Script = Vec<(&'static str, String)>;
type Requests = Arc<Mutex<Vec<String>>>;

fn serve(script: Script) -> (String, Requests) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base_url = format!("http://{}/v1/", listener.local_addr().unwrap());
    let requests = Requests::default();
    let seen = Arc::clone(&requests);
    std::thread::spawn(move || {
        let mut script = VecDeque::from(script);
        while let Ok((socket, _)) = listener.accept() {
            let (head, body) = script.pop_front().unwrap_or(("500 Script Ended", String::new()));
            seen.lock().unwrap().push(answer(socket, head, &body));
        }
    });
    (base_url, requests)
}

fn answer(mut socket: TcpStream, head: &str, body: &str) -> String {
    let mut request = Vec::new();
    let mut buffer = [0; 1_024];
    while !request.ends_with(b"\r\n\r\n") {
        let length = socket.read(&mut buffer).unwrap();
        request.extend_from_slice(&buffer[..length]);
    }
    let length = body.len();
    let answer = format!("HTTP/1.1 {head}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
    // The write fails if the client has closed the connection, which some tests expect.
    let _ = socket.write_all(answer.as_bytes());
    String::from_utf8(request).unwrap()
}

/// The result of one list call, with the requests, sleeps and fresh reads of the secret that it made.
struct CallTrace {
    result: Result<Listed, PortError>,
    requests: Vec<String>,
    slept: Vec<Duration>,
    fresh_reads: u32,
}

impl CallTrace {
    /// Checks that the call failed with this recovery, and that the message contains `says`.
    fn check_error(&self, recovery: Recovery, says: &str) {
        let error = self.result.as_ref().unwrap_err();
        assert_eq!(error.recovery, recovery, "{error}");
        assert!(error.message.contains(says), "{error}");
        assert!(error.message.contains("/v1/organization/audit_logs"), "{error}");
        assert!(!error.message.contains("canary"), "{error}");
    }

    fn vendor_now(&self) -> Option<UnixSeconds> {
        match &self.result {
            Ok(Listed::Page(page)) => page.vendor_now,
            other => panic!("{other:?} is not a page"),
        }
    }

    /// Returns "old", "new" or "none" per request, for the key that it carried.
    fn keys(&self) -> Vec<&str> {
        let key = |request: &'_ str| request.find("sk-admin-canary-").map(|at| at + 16..at + 19);
        self.requests.iter().map(|request| key(request).map_or("none", |range| &request[range])).collect()
    }
}

async fn list(script: Script, fresh: &'static str, listing: ListingId, cursor: Option<&str>) -> CallTrace {
    list_with(Tries::Patient, script, fresh, listing, cursor).await
}

async fn list_with(
    tries: Tries,
    script: Script,
    fresh: &'static str,
    listing: ListingId,
    cursor: Option<&str>,
) -> CallTrace {
    let (base_url, requests) = serve(script);
    let (clock, secrets) = (FakeClock::default(), FakeSecrets { fresh, fresh_reads: RefCell::default() });
    let config = Config::from_variables(|name| (name == BASE_URL_VARIABLE).then(|| base_url.clone())).unwrap();
    let second = Duration::from_secs(1);
    let http = HttpClient::with_timeouts(Timeouts { connect: second, first_byte: second, idle: second }).unwrap();
    let source = OpenAi::source(&http, &secrets, &clock, &config, "the secret").await.unwrap();
    assert!(!format!("{:?}", source.vendor.key).contains("canary"));
    let stream = &source.streams[0];
    let result = source.vendor.list(ListRequest { stream, listing, window: WINDOW, cursor, tries }).await;
    let requests = requests.lock().unwrap().clone();
    CallTrace { result, requests, slept: clock.slept.into_inner(), fresh_reads: secrets.fresh_reads.into_inner() }
}

async fn organization(script: Script) -> CallTrace {
    list(script, OLD_KEY, ORGANIZATION, None).await
}

/// Makes one list call with [`Tries::Once`].
async fn once(script: Script) -> CallTrace {
    list_with(Tries::Once, script, OLD_KEY, ORGANIZATION, None).await
}

fn page(events: &[&str], next: Option<&str>) -> Result<Listed, PortError> {
    let items = events.iter().map(|event| Item::Event(event.as_bytes().to_vec())).collect();
    Ok(Listed::Page(Page { items, next: next.map(str::to_owned), vendor_now: None, owner: None }))
}

#[tokio::test]
async fn b4_a_page_names_the_organization_of_its_key() {
    for (header, owner) in [
        ("\r\nOpenAI-Organization: acme-1", Some("acme-1")),
        ("\r\nopenai-organization: a b", None),
        ("\r\nopenai-organization: ", None),
        ("", None),
    ] {
        let status: &'static str = Box::leak(format!("200 OK{header}").into_boxed_str());
        let seen = organization(vec![(status, EMPTY_PAGE.to_owned())]).await;
        let Ok(Listed::Page(page)) = seen.result else { panic!("{header}") };
        assert_eq!(page.owner.as_deref(), owner, "{header}");
    }
}

#[tokio::test]
async fn a_call_names_the_window_and_returns_events_unchanged() {
    let body = r#"{"object":"list","data":[{"id": "a"},"odd"],"first_id":"a","last_id":"b&c","has_more":true}"#;
    let seen = organization(vec![("200 OK", body.to_owned())]).await;
    assert_eq!(seen.result, page(&[r#"{"id": "a"}"#, "\"odd\""], Some("b&c")));
    let request = &seen.requests[0];
    let query = "effective_at%5Bgte%5D=1700000000&effective_at%5Blt%5D=1700000600&limit=100&tenant_only=false";
    assert!(request.starts_with(&format!("GET /v1/organization/audit_logs?{query} HTTP/1.1\r\n")), "{request}");
    assert!(request.to_lowercase().contains("\r\nauthorization: bearer sk-admin-canary-old\r\n"), "{request}");
    assert!(seen.slept.is_empty());
}

#[tokio::test]
async fn a_cursor_of_the_tenant_listing_is_followed() {
    let seen = list(vec![("200 OK", EMPTY_PAGE.to_owned())], OLD_KEY, TENANT, Some("b&c")).await;
    assert_eq!(seen.result, page(&[], None));
    assert!(seen.requests[0].contains("&tenant_only=true&after=b%26c HTTP"), "{}", seen.requests[0]);
}

#[tokio::test]
async fn a_rotated_key_is_read_once() {
    let script = || vec![("401 No", BAD_KEY.to_owned()), ("200 OK", EMPTY_PAGE.to_owned())];
    let seen = list(script(), NEW_KEY, ORGANIZATION, None).await;
    assert_eq!(seen.result, page(&[], None));
    assert_eq!((seen.keys(), seen.fresh_reads), (vec!["old", "new"], 1));
    assert!(seen.slept.is_empty());
}

#[tokio::test]
async fn e3_a_key_that_is_refused_after_the_secret_was_read_again_needs_a_person_if_that_persists() {
    let unchanged = organization(vec![("401 No", BAD_KEY.to_owned())]).await;
    unchanged.check_error(Recovery::PersonIfPersistent, "put a valid key");
    assert_eq!((unchanged.keys(), unchanged.fresh_reads), (vec!["old"], 1));

    let script = vec![("401 No", BAD_KEY.to_owned()), ("401 No", BAD_KEY.to_owned())];
    let rotated = list(script, NEW_KEY, ORGANIZATION, None).await;
    rotated.check_error(Recovery::PersonIfPersistent, "put a valid key");
    assert_eq!((rotated.keys(), rotated.fresh_reads), (vec!["old", "new"], 1));
}

/// A secret store whose cache answers and whose fresh reads hang.
struct HangingSecrets;

impl Secrets for HangingSecrets {
    async fn get(&self, _: &str, fresh: bool) -> Result<SecretString, PortError> {
        if fresh {
            return std::future::pending().await;
        }
        Ok(SecretString::from(OLD_KEY))
    }
}

#[tokio::test]
async fn e2_a_secret_store_that_hangs_after_a_401_is_named_and_not_the_vendor() {
    for (tries, seconds) in [(Tries::Patient, 12), (Tries::Once, 4)] {
        let (base_url, _) = serve(vec![("401 No", BAD_KEY.to_owned())]);
        let clock = FakeClock::default();
        let config = Config::from_variables(|name| (name == BASE_URL_VARIABLE).then(|| base_url.clone())).unwrap();
        let http = HttpClient::new().unwrap();
        let source = OpenAi::source(&http, &HangingSecrets, &clock, &config, "the secret").await.unwrap();
        let stream = &source.streams[0];
        let request = ListRequest { stream, listing: ORGANIZATION, window: WINDOW, cursor: None, tries };
        let error = source.vendor.list(request).await.unwrap_err();
        assert_eq!(
            (error.recovery, clock.slept.borrow().as_slice()),
            (Recovery::NextTick, &[Duration::from_secs(seconds)][..])
        );
        assert!(error.message.contains("the secret store did not answer"), "{error}");
        assert!(error.message.contains("the secret the secret was read again"), "{error}");
    }
}

#[tokio::test]
async fn a_missing_scope_is_named() {
    let body = r#"{"error":{"message":"Missing scopes: api.audit_logs.read","param":null,"code":null}}"#;
    organization(vec![("401 No\r\nx-request-id: req_7", body.to_owned())])
        .await
        .check_error(Recovery::Person, "(x-request-id req_7): the admin key lacks the permission api.audit_logs.read");
}

#[tokio::test]
async fn a_named_wait_is_honoured() {
    let script = vec![("429 Slow\r\nRetry-After: 7", String::new()), ("200 OK", EMPTY_PAGE.to_owned())];
    let seen = organization(script).await;
    assert_eq!(seen.result, page(&[], None));
    assert!(seen.slept.len() == 1 && (7..9).contains(&seen.slept[0].as_secs()), "{:?}", seen.slept);
    organization(vec![("429 Slow\r\nRetry-After: 3600", String::new())])
        .await
        .check_error(Recovery::NextTick, "too many");
}

#[tokio::test]
async fn a5_a_wait_in_words_is_kept_where_no_header_names_one() {
    let body = r#"{"error":{"message":"Rate limit reached. Please try again in 7s.","code":"rate_limit_exceeded"}}"#;
    for (head, shortest) in [("429 Slow", 7), ("429 Slow\r\nRetry-After: 11", 11)] {
        let seen = organization(vec![(head, body.to_owned()), ("200 OK", EMPTY_PAGE.to_owned())]).await;
        assert_eq!(seen.result, page(&[], None));
        assert!(
            seen.slept.len() == 1 && (shortest..shortest + 2).contains(&seen.slept[0].as_secs()),
            "{:?}",
            seen.slept
        );
    }
}

#[tokio::test]
async fn an_unpaid_bill_is_not_retried() {
    let body = r#"{"error":{"message":"m","type":"insufficient_quota","code":"insufficient_quota"}}"#;
    let seen = organization(vec![("429 Slow", body.to_owned())]).await;
    seen.check_error(Recovery::Person, "billing");
    assert_eq!(seen.requests.len(), 1);
}

#[tokio::test]
async fn no_call_is_made_during_a_cooldown() {
    for head in ["429 Slow\r\nRetry-After: 60", "429 Pay"] {
        let body = if head.ends_with("Pay") { r#"{"error":{"code":"insufficient_quota"}}"# } else { "" };
        let (base_url, requests) = serve(vec![(head, body.to_owned())]);
        let (clock, secrets) = (FakeClock::default(), FakeSecrets { fresh: OLD_KEY, fresh_reads: RefCell::default() });
        let config = Config::from_variables(|name| (name == BASE_URL_VARIABLE).then(|| base_url.clone())).unwrap();
        let source =
            OpenAi::source(&HttpClient::new().unwrap(), &secrets, &clock, &config, "the secret").await.unwrap();
        let stream = &source.streams[0];
        assert!(source.vendor.prepare(stream, None).await.is_ok());
        for listing in LISTINGS {
            let request = ListRequest { stream, listing, window: WINDOW, cursor: None, tries: Tries::Patient };
            source.vendor.list(request).await.unwrap_err();
        }
        // A cooldown alone is not a failure, but the unpaid bill that began it is.
        match source.vendor.prepare(stream, None).await {
            Ok(prepared) => assert!(prepared == Prepared::NotYet && body.is_empty(), "{head}"),
            Err(error) => assert!(error.message.contains("not asked again") && !body.is_empty(), "{error}"),
        }
        assert_eq!(requests.lock().unwrap().len(), 1, "{head}");
    }
}

#[tokio::test]
async fn a_page_that_is_too_long_is_requested_with_fewer_events() {
    let long = format!(r#"{{"data":["{}"],"has_more":false}}"#, "x".repeat(MAX_PAGE_BYTES));
    let script = |answers: usize| vec![("200 OK", long.clone()); answers];
    let seen = organization([script(2), vec![("200 OK", EMPTY_PAGE.to_owned())]].concat()).await;
    assert_eq!(seen.result, page(&[], None));
    let limits = seen.requests.iter().filter_map(|request| request.split_once("&limit=")?.1.split_once('&'));
    assert_eq!(limits.map(|(limit, _)| limit).collect::<Vec<_>>(), PAGE_LIMITS);
    organization(script(3)).await.check_error(Recovery::Person, "longer than");
}

#[tokio::test]
async fn a_page_with_more_but_no_events_and_no_cursor_is_a_lost_cursor() {
    let body = r#"{"data":[],"last_id":null,"has_more":true}"#;
    assert_eq!(organization(vec![("200 OK", body.to_owned())]).await.result, Ok(Listed::CursorLost));
}

#[tokio::test]
async fn a6_events_of_a_page_without_a_cursor_are_returned_and_the_cursor_is_lost() {
    let body = r#"{"data":[{"a":1}],"last_id":null,"has_more":true}"#;
    assert_eq!(organization(vec![("200 OK", body.to_owned())]).await.result, page(&[r#"{"a":1}"#], Some(LOST_CURSOR)));
    let followed = list(Vec::new(), OLD_KEY, ORGANIZATION, Some(LOST_CURSOR)).await;
    assert_eq!((followed.result, followed.requests.len()), (Ok(Listed::CursorLost), 0));
}

#[tokio::test]
async fn a_failure_that_may_pass_is_retried() {
    let broken = [("502 Bad", "<html>"), ("503 Busy", ""), ("200 OK", r#"{"object":"list","data":[{"id":"#)];
    for (head, body) in broken {
        let seen = organization(vec![(head, body.to_owned()), ("200 OK", EMPTY_PAGE.to_owned())]).await;
        assert_eq!(seen.result, page(&[], None), "{head} {body}");
        assert_eq!((seen.requests.len(), seen.slept.len()), (2, 1), "{head} {body}");
        let seen = organization(vec![(head, body.to_owned()); 4]).await;
        seen.check_error(Recovery::NextTick, "(after 4 tries)");
        assert_eq!(seen.requests.len(), 4, "{head} {body}");
    }
}

#[tokio::test]
async fn a_refusal_that_blames_tenant_only_means_a_listing_that_is_not_offered() {
    let body = r#"{"error":{"message":"not for this organization","param":"tenant_only"}}"#;
    for head in ["400 Bad", "403 Forbidden"] {
        let script = || vec![(head, body.to_owned())];
        assert_eq!(list(script(), OLD_KEY, TENANT, None).await.result, Ok(Listed::NotOffered));
        organization(script()).await.check_error(Recovery::PersonIfPersistent, "HTTP 40");
    }
}

#[tokio::test]
async fn a2_an_answer_of_a_gateway_is_retried_and_left_to_the_next_tick() {
    let heads = ["302 Found", "400 Bad", "401 No", "403 Forbidden", "404 Not Found", "421 Misdirected", "425 Early"];
    let bodies = ["", "<html>canary</html>", r#"{"error":"Forbidden"}"#, r#"{"error":{"message":"canary"}}"#];
    for (head, body) in heads.into_iter().flat_map(|head| bodies.map(|body| (head, body))) {
        for listing in LISTINGS {
            let seen = list(vec![(head, body.to_owned()); 4], NEW_KEY, listing, Some("a cursor")).await;
            seen.check_error(Recovery::NextTick, "gateway or proxy");
            // The refusal came from a gateway, so the key is neither renewed nor read again.
            assert_eq!((seen.keys(), seen.fresh_reads), (vec!["old"; 4], 0), "{head} {body}");
        }
        let seen = organization(vec![(head, body.to_owned()), ("200 OK", EMPTY_PAGE.to_owned())]).await;
        assert_eq!(seen.result, page(&[], None), "{head} {body}");
    }
}

#[tokio::test]
async fn a_single_try_is_not_repeated() {
    let body = EMPTY_PAGE.to_owned();
    assert_eq!(once(vec![("200 OK", body.clone())]).await.result, page(&[], None));
    for (head, answer) in [("502 Bad", "<html>"), ("503 Busy", ""), ("200 OK", "{"), ("429 Slow", "")] {
        let seen = once(vec![(head, answer.to_owned()), ("200 OK", body.clone())]).await;
        seen.check_error(Recovery::NextTick, "/v1/organization/audit_logs");
        assert_eq!((seen.requests.len(), seen.slept.len()), (1, 0), "{head}");
    }
}

#[tokio::test]
async fn a_single_try_renews_a_refused_key() {
    let script = vec![("401 No", BAD_KEY.to_owned()), ("200 OK", EMPTY_PAGE.to_owned())];
    let seen = list_with(Tries::Once, script, NEW_KEY, ORGANIZATION, None).await;
    assert_eq!(seen.result, page(&[], None));
    assert_eq!((seen.keys(), seen.fresh_reads), (vec!["old", "new"], 1));
    once(vec![("401 No", BAD_KEY.to_owned())]).await.check_error(Recovery::PersonIfPersistent, "put a valid key");
}

#[tokio::test]
async fn a_single_try_leaves_a_named_wait_to_later_calls() {
    let script = vec![("429 Slow\r\nRetry-After: 7", String::new()), ("200 OK", EMPTY_PAGE.to_owned())];
    let (base_url, requests) = serve(script);
    let (clock, secrets) = (FakeClock::default(), FakeSecrets { fresh: OLD_KEY, fresh_reads: RefCell::default() });
    let config = Config::from_variables(|name| (name == BASE_URL_VARIABLE).then(|| base_url.clone())).unwrap();
    let source = OpenAi::source(&HttpClient::new().unwrap(), &secrets, &clock, &config, "the secret").await.unwrap();
    let list = async |tries| {
        let stream = &source.streams[0];
        source.vendor.list(ListRequest { stream, listing: ORGANIZATION, window: WINDOW, cursor: None, tries }).await
    };
    for recovery in [Recovery::NextTick, Recovery::Paused, Recovery::Paused] {
        assert_eq!(list(Tries::Once).await.unwrap_err().recovery, recovery);
    }
    assert_eq!((requests.lock().unwrap().len(), clock.slept.borrow().len()), (1, 0));
    // A patient call waits for the rest of the cooldown.
    assert_eq!(list(Tries::Patient).await, page(&[], None));
    assert_eq!(*clock.slept.borrow(), [Duration::from_secs(7)]);
}

#[tokio::test]
async fn only_a_page_sets_the_vendors_clock() {
    let dated = |status: &str| -> &'static str {
        Box::leak(format!("{status}\r\nDate: Sun, 22 Nov 2026 06:40:00 GMT").into_boxed_str())
    };
    let seen = organization(vec![(dated("200 OK"), EMPTY_PAGE.to_owned())]).await;
    assert_eq!(seen.vendor_now(), Some(1_795_329_600));
    for (status, body) in [("502 Bad", "<html>"), ("200 OK", "<html>"), ("200 OK", "{}"), ("429 Slow", "")] {
        let seen = organization(vec![(dated(status), body.to_owned()), ("200 OK", EMPTY_PAGE.to_owned())]).await;
        assert_eq!(seen.vendor_now(), None, "{status} {body}");
    }
}

#[tokio::test]
async fn a_lost_cursor_is_not_an_error() {
    for listing in LISTINGS {
        let body = r#"{"error":{"message":"no such object","param":"after"}}"#;
        let seen = list(vec![("400 Bad", body.to_owned())], OLD_KEY, listing, Some("gone")).await;
        assert_eq!(seen.result, Ok(Listed::CursorLost));
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (elsewhere, asked_there) = serve(Vec::new());
    let head: &'static str = Box::leak(format!("302 Found\r\nLocation: {elsewhere}").into_boxed_str());
    organization(vec![(head, String::new()); 4]).await.check_error(Recovery::NextTick, "OPENAI_BASE_URL");
    assert!(asked_there.lock().unwrap().is_empty());
}
