//! Expected results of a listing, a fetch and a start for each error code and status of the API.

use super::*;

/// The expected result of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CallResult {
    /// A person has to act, and the message contains this text.
    Person(&'static str),
    /// A person has to act if it persists, and the message contains this text.
    PersonIfPersistent(&'static str),
    /// The next tick tries again, and the message contains this text.
    Later(&'static str),
    /// The call used up its retries within this tick, and the message contains this text.
    Again(&'static str),
    /// Nothing can be listed yet.
    NotYet,
    Missing,
    Expired,
    /// The call used up its retries within this tick, and the body of the last answer is returned unchanged.
    Unchanged,
}

use CallResult::{Again, Expired, Later, Missing, NotYet, Person, PersonIfPersistent, Unchanged};

/// Each code with its usual status and the expected results of a listing and a fetch.
const CODES: [(&str, u16, CallResult, CallResult); 27] = {
    let bug = Person("please report it");
    let webhook = Person("webhook");
    let permission = Person("grant admin consent");
    let tenant = Person("check tenant_id");
    let inside = Again("an error inside the vendor's service");
    [
        ("AF10001", 401, permission, permission),
        ("AF20001", 400, bug, bug),
        ("AF20002", 400, bug, bug),
        ("AF20003", 400, webhook, webhook),
        ("AF20010", 400, tenant, tenant),
        ("AF20011", 400, tenant, tenant),
        ("AF20012", 400, Person("open a support request"), Person("open a support request")),
        ("AF20013", 400, Person("not a GUID"), Person("not a GUID")),
        ("AF20020", 400, Person("take it out of content_types"), Person("take it out of content_types")),
        ("AF20021", 400, webhook, webhook),
        ("AF20022", 400, NotYet, Later("AF20022")),
        ("AF20023", 400, Later("was started again"), Person("AF20023")),
        ("AF20024", 400, Later("a code this version does not know"), Later("a code this version does not know")),
        ("AF20030", 400, Later("check this machine's clock"), Later("check this machine's clock")),
        ("AF20031", 400, Later("no longer known"), Later("no longer known")),
        ("AF20050", 404, Later("AF20050"), Missing),
        ("AF20051", 400, Later("AF20051"), Expired),
        ("AF20052", 400, Later("AF20052"), Missing),
        ("AF20053", 400, bug, bug),
        ("AF20054", 400, bug, bug),
        ("AF20055", 400, Later("check this machine's clock"), Later("check this machine's clock")),
        ("AF429", 403, Later("too many"), Later("too many")),
        ("AF50000", 500, inside, inside),
        ("AF50005", 500, inside, inside),
        ("AF50006", 500, inside, inside),
        ("AF50000", 503, inside, inside),
        ("AF20999", 400, Later("a code this version does not know"), Later("a code this version does not know")),
    ]
};

/// Checks the result of a call and whether it was retried.
fn check_result(name: &str, expected: CallResult, error: Option<&PortError>, calls: usize) {
    let Some(error) = error else {
        return assert!(matches!(expected, NotYet | Missing | Expired | Unchanged), "{name}");
    };
    let (recovery, says) = match expected {
        Person(says) => (Recovery::Person, says),
        PersonIfPersistent(says) => (Recovery::PersonIfPersistent, says),
        Later(says) | Again(says) => (Recovery::NextTick, says),
        other => panic!("{name}: {error} is not {other:?}"),
    };
    assert_eq!(error.recovery, recovery, "{name}: {error}");
    assert!(error.message.contains(says), "{name}: {error}");
    // A 401 leads to one more call with a new token, which is no retry.
    assert_eq!(calls >= 4, matches!(expected, Again(_)), "{name}: {calls} calls");
}

async fn check_list(name: &str, answer: Reply, expected: CallResult) {
    let world = World::new(healthy(move |seen| (seen.operation == "content").then(|| answer.clone()))).await;
    let listed = world.list(None).await;
    check_result(name, expected, listed.as_ref().err(), world.vendor.seen("content").len());
    if let Ok(listed) = listed {
        assert!(
            expected == NotYet && matches!(listed, Listed::NotYet { started: Some(_), fault: None, .. }),
            "{name}: {listed:?}"
        );
    }
}

async fn check_fetch(name: &str, answer: Reply, expected: CallResult) {
    let world = World::new(healthy(move |seen| (seen.operation == "b$1").then(|| answer.clone()))).await;
    let fetched = world.fetch("").await;
    check_result(name, expected, fetched.as_ref().err(), world.vendor.seen("b$1").len());
    match fetched {
        Ok(Fetched::Missing) => assert_eq!(expected, Missing, "{name}"),
        Ok(Fetched::Expired) => assert_eq!(expected, Expired, "{name}"),
        Ok(body) => {
            assert_eq!((expected, world.vendor.seen("b$1").len()), (Unchanged, 4), "{name}");
            assert!(name.ends_with(&String::from_utf8(whole(body).await.unwrap()).unwrap()), "{name}");
        }
        Err(_) => {}
    }
}

/// Checks that a start is made once, whatever its answer, and that a later listing reports its failure.
async fn check_start(name: &str, answer: Reply, is_success: bool) {
    let world = World::of(
        ContentType::Dlp,
        healthy(move |seen| match seen.operation.as_str() {
            "start" => Some(answer.clone()),
            "content" => Some(af(400, "AF20022")),
            _ => None,
        }),
    )
    .await;
    assert_eq!(world.prepare(None).await, world.ready(true), "{name}");
    let listed = world.list(None).await;
    assert_eq!(listed.is_ok(), is_success, "{name}: {listed:?}");
    if let Err(error) = listed {
        assert!(error.message.starts_with("DLP.All: starting the subscription: HTTP "), "{name}: {error}");
    }
    assert_eq!(world.vendor.seen("start").len(), 1, "{name}");
}

#[tokio::test]
async fn every_code_as_json() {
    for (code, status, list_result, fetch_result) in CODES {
        check_list(code, af(status, code), list_result).await;
        check_fetch(code, af(status, code), fetch_result).await;
        check_start(code, af(status, code), code == "AF20024").await;
    }
}

#[tokio::test]
async fn every_code_with_status_200_and_as_something_like_json() {
    for (code, status, list_result, fetch_result) in CODES {
        let quoted = format!("{{'error':{{'code':'{code}','message':'canary'}}}}");
        check_list(code, af(200, code), list_result).await;
        check_fetch(code, af(200, code), fetch_result).await;
        check_list(code, reply(status, quoted.clone()), list_result).await;
        check_fetch(code, reply(status, quoted), fetch_result).await;
    }
}

/// Each status and body without a code, with the expected results of a listing and a fetch.
const STATUSES: [(u16, &str, CallResult, CallResult); 33] = {
    let renewed = PersonIfPersistent("a token just issued is refused");
    let denied = PersonIfPersistent("access is denied");
    let gateway = Again("that of a gateway or proxy");
    let odd = Again("may be a gateway's");
    let redirect = Again("a redirect, which is not followed; check MICROSOFT365_API_URL");
    let down = Again("not available");
    [
        (401, r#"{"Message":"canary"}"#, renewed, renewed),
        (401, "", gateway, gateway),
        (401, "<html>canary</html>", gateway, gateway),
        (404, "", gateway, gateway),
        (404, "<html>canary</html>", gateway, gateway),
        (404, r#"{"message":"canary"}"#, gateway, gateway),
        (404, r#"{"Message":"No HTTP resource was found"}"#, Later("no such thing"), Missing),
        (404, r#"{"error":{"code":"canary"}}"#, Later("no such thing"), Missing),
        (408, "", down, down),
        (429, "", Later("too many"), Later("too many")),
        (403, "Too Many Requests", Later("too many"), Later("too many")),
        (503, "canary: too many requests", Later("too many"), Later("too many")),
        (500, "", down, down),
        (500, r#"{"Message":"canary"}"#, down, down),
        (502, "<html>canary</html>", down, down),
        (503, "<html>canary</html>", down, down),
        (504, "", down, down),
        (200, "", odd, Unchanged),
        (200, "<html>canary</html>", odd, Unchanged),
        (200, r#"{"Message":"canary"}"#, Again("not what was asked for"), Unchanged),
        (200, r#"{"error":{"code":"canary"}}"#, Again("not what was asked for"), Again("not what was asked for")),
        (400, "", gateway, gateway),
        (400, "<html>canary</html>", gateway, gateway),
        (403, "", gateway, gateway),
        (403, "<html>canary AF10001</html>", gateway, gateway),
        (403, r#"{"message":"Forbidden"}"#, gateway, gateway),
        (407, "", gateway, gateway),
        (421, "", gateway, gateway),
        (425, "<html>canary</html>", gateway, gateway),
        (403, r#"{"error":{"code":"canary"}}"#, denied, denied),
        (302, "", redirect, redirect),
        (302, "<html>canary</html>", redirect, redirect),
        (400, r#"{"error":{"code":"canary"}}"#, Later("without a known code"), Later("without a known code")),
    ]
};

#[tokio::test]
async fn every_status_without_a_code() {
    for (status, body, list_result, fetch_result) in STATUSES {
        let name = format!("{status} {body}");
        check_list(&name, reply(status, body), list_result).await;
        check_fetch(&name, reply(status, body), fetch_result).await;
    }
}

#[tokio::test]
async fn a_start_that_a_gateway_answers_is_left_to_the_next_tick() {
    for (status, body) in [(200, ""), (200, "<html>"), (200, "{}"), (302, ""), (401, ""), (403, "<html>"), (404, "")] {
        let start = move |seen: &Seen| match seen.operation.as_str() {
            "start" => Some(reply(status, body)),
            "content" => Some(af(400, "AF20022")),
            _ => None,
        };
        let world = World::of(ContentType::Dlp, healthy(start)).await;
        assert_eq!(world.prepare(None).await, world.ready(true), "{status} {body}");
        check_later(
            &world.list(None).await.unwrap_err(),
            &format!("DLP.All: starting the subscription: HTTP {status}"),
        );
    }
}

#[tokio::test]
async fn auditing_that_is_off_needs_a_person_f55() {
    let off =
        r#"{"error":{"code":"StartSubscription [CorrId=1] canary","message":"at X() Tenant canary does not exist."}}"#;
    let expected = Person("turn on unified audit logging");
    check_list("off", reply(400, off), expected).await;
    check_fetch("off", reply(400, off), expected).await;
    check_start("off", reply(400, off), false).await;
}
