//! The envelope of a page and the shapes of an error. Events stay the bytes they came as.

use collector::{Item, Page};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

/// Why an answer with status 200 is not a page that can be gone on from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadPage {
    /// Cut short, not JSON, or not a list object.
    #[error("the answer is not a list of events (line {line}, column {column})")]
    NotAList {
        /// Of the body, from 1.
        line: usize,
        /// Of the line, from 1.
        column: usize,
    },
    /// `has_more` without anything to ask for more with.
    #[error("the page says there is more, but has no last_id and no event with an id to go on from")]
    NoCursor,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    /// The vendor has written `null` for a page without events.
    #[serde(borrow, deserialize_with = "list_or_null")]
    data: Vec<&'a RawValue>,
    has_more: Option<bool>,
    last_id: Option<String>,
}

/// Reads a list; `null` counts as an empty one.
fn list_or_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<&'de RawValue>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// The page in `body`: one or more list objects one after the other, the last of which tells how to
/// go on. Without `has_more`, a page that is not empty may have a next one.
pub(crate) fn page(body: &[u8]) -> Result<Page, BadPage> {
    // A stray byte that is not UTF-8 costs itself, not the page.
    let text = String::from_utf8_lossy(body);
    let text = text.trim_start_matches('\u{feff}');
    let mut events: Vec<&RawValue> = Vec::new();
    let mut last = None;
    for envelope in serde_json::Deserializer::from_str(text).into_iter::<Envelope<'_>>() {
        let envelope = envelope.map_err(|e| BadPage::NotAList { line: e.line(), column: e.column() })?;
        events.extend(&envelope.data);
        last = Some(envelope);
    }
    let last = last.ok_or(BadPage::NotAList { line: 1, column: 1 })?;
    let next = match last.has_more.unwrap_or(!last.data.is_empty()) {
        false => None,
        true => Some(cursor(last.last_id, &events).ok_or(BadPage::NoCursor)?),
    };
    let items = events.into_iter().map(|event| Item::Event(event.get().as_bytes().to_vec())).collect();
    Ok(Page { items, next, vendor_now: None, owner: None })
}

/// `last_id`, which the vendor may leave out; else the id of the last event that has one.
fn cursor(last_id: Option<String>, events: &[&RawValue]) -> Option<String> {
    #[derive(Deserialize)]
    struct WithId {
        id: String,
    }
    let of_event = |event: &&RawValue| serde_json::from_str::<WithId>(event.get()).ok().map(|event| event.id);
    last_id.filter(|id| !id.is_empty()).or_else(|| events.iter().rev().filter_map(of_event).find(|id| !id.is_empty()))
}

/// The longest name of a scope, in bytes.
const LONGEST_SCOPE: usize = 64;
/// More scopes than that nobody has to read.
const MOST_SCOPES: usize = 5;

/// The API's own error. A field that the API left out is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub(crate) message: String,
    pub(crate) code: String,
    pub(crate) param: String,
}

impl ApiError {
    /// Reads `{"error":{…}}` with a message or a code, and `{"error":"…"}`.
    ///
    /// `None` for any other body (HTML, nothing, other JSON): a gateway or proxy in front of the API answered.
    pub(crate) fn parse(body: &[u8]) -> Option<Self> {
        let body: Value = serde_json::from_slice(body).ok()?;
        let error = body.get("error")?;
        let field = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let message = error.as_str().map_or_else(|| field("message"), str::to_owned);
        let code = field("code");
        if message.is_empty() && code.is_empty() {
            return None;
        }
        // Some errors have a type where others have a code.
        let code = if code.is_empty() { field("type") } else { code };
        Some(Self { message, code, param: field("param") })
    }

    /// The scopes the message says are missing, e.g. `api.audit_logs.read`; the first few.
    pub(crate) fn missing_scopes(&self) -> Vec<&str> {
        let Some((_, rest)) = self.message.split_once("scope") else { return Vec::new() };
        rest.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_')))
            .map(|word| word.trim_matches('.'))
            .filter(|word| word.starts_with("api.") && word.len() <= LONGEST_SCOPE)
            .take(MOST_SCOPES)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ok(body: &str, events: &[&str], next: Option<&str>) {
        let page = page(body.as_bytes()).unwrap();
        let expected: Vec<Item> = events.iter().map(|event| Item::Event(event.as_bytes().to_vec())).collect();
        assert_eq!((page.items, page.next.as_deref()), (expected, next), "{body}");
    }

    fn err(body: &str, problem: &str) {
        let message = page(body.as_bytes()).unwrap_err().to_string();
        assert!(message.contains(problem), "{body}: {message}");
        assert!(!message.contains("canary"), "{message}");
    }

    #[test]
    fn ok_pages() {
        ok(r#"{"object":"list","data":[],"first_id":null,"last_id":null,"has_more":false}"#, &[], None);
        ok(
            r#"{"data":[ {"id":"a"} ,{"id" : "b"}],"last_id":"b","has_more":false}"#,
            &[r#"{"id":"a"}"#, r#"{"id" : "b"}"#],
            None,
        );
        ok(r#"{"data":[{"id":"a"}],"last_id":"z","has_more":true}"#, &[r#"{"id":"a"}"#], Some("z"));
        ok(r#"{"data":[],"last_id":"z","has_more":true}"#, &[], Some("z"));
    }

    #[test]
    fn a6_data_that_is_null_is_an_empty_page() {
        ok(r#"{"object":"list","data":null,"first_id":null,"last_id":null,"has_more":false}"#, &[], None);
        ok(r#"{"data":null}"#, &[], None);
        ok(r#"{"data":null,"last_id":"z","has_more":true}"#, &[], Some("z"));
        err(r#"{"data":null,"has_more":true}"#, "no last_id");
    }

    #[test]
    fn ok_cursor_without_last_id() {
        for last_id in ["", r#""last_id":null,"#, r#""last_id":"","#] {
            let body = format!(r#"{{"data":[{{"id":"a"}},{{"id":"b"}}],{last_id}"has_more":true}}"#);
            ok(&body, &[r#"{"id":"a"}"#, r#"{"id":"b"}"#], Some("b"));
        }
        ok(
            r#"{"data":[{"id":"a"},7,{"id":1},{}],"has_more":true}"#,
            &[r#"{"id":"a"}"#, "7", r#"{"id":1}"#, "{}"],
            Some("a"),
        );
    }

    #[test]
    fn ok_without_has_more_is_followed_to_an_empty_page() {
        ok(r#"{"data":[{"id":"a"}],"last_id":"a"}"#, &[r#"{"id":"a"}"#], Some("a"));
        ok(r#"{"data":[]}"#, &[], None);
    }

    #[test]
    fn ok_several_documents() {
        let body =
            "{\"data\":[1],\"last_id\":\"x\",\"has_more\":true}\n{\"data\":[2],\"last_id\":\"y\",\"has_more\":false}\n";
        ok(body, &["1", "2"], None);
        let body = r#"{"data":[{"id":"a"}],"has_more":false} {"data":[],"has_more":true}"#;
        ok(body, &[r#"{"id":"a"}"#], Some("a"));
    }

    #[test]
    fn ok_events_are_not_interpreted() {
        let odd = r#"{"a":1e400,"a":12345678901234567890123,"b":"\ud800","c":null}"#;
        ok(
            &format!("\u{feff}{{\"data\":[{odd},null,\"x\",[]],\"has_more\":false}}"),
            &[odd, "null", "\"x\"", "[]"],
            None,
        );
        let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
        ok(&format!("{{\"data\":[{deep}],\"has_more\":false}}"), &[&deep], None);
    }

    #[test]
    fn ok_stray_byte() {
        let page = page(b"{\"data\":[{\"id\":\"\xff\"}],\"has_more\":false}").unwrap();
        assert_eq!(page.items, [Item::Event("{\"id\":\"\u{fffd}\"}".into())]);
    }

    #[test]
    fn err_pages() {
        for body in ["", " ", "<html>canary</html>", "[]", "{}", r#"{"data":{}}"#, r#"{"has_more":false}"#] {
            err(body, "not a list of events");
        }
        err(r#"{"data":[{"id":"canary"},{"id":"#, "not a list of events");
        err(r#"{"data":[],"has_more":true}"#, "no last_id");
        err(r#"{"data":[{"type":"x"}],"last_id":null,"has_more":true}"#, "no last_id");
    }

    fn error(body: &str, message: &str, code: &str, param: &str) {
        let expected = ApiError { message: message.into(), code: code.into(), param: param.into() };
        assert_eq!(ApiError::parse(body.as_bytes()), Some(expected), "{body}");
    }

    #[test]
    fn errors_of_every_shape() {
        error(r#"{"error":{"message":"m","type":"t","param":"after","code":"c"}}"#, "m", "c", "after");
        error(r#"{"error":{"message":"m","type":"t","param":null,"code":null}}"#, "m", "t", "");
        error(r#"{"error":"plain"}"#, "plain", "", "");
        error(r#"{"error":{"code":"c"}}"#, "", "c", "");
        error(r#"{"error":{"message":"m"}}"#, "m", "", "");
    }

    #[test]
    fn no_error_of_the_api() {
        let bodies = [
            "",
            " ",
            "<html>502</html>",
            "null",
            "[]",
            "3",
            "{}",
            r#"{"message":"Forbidden"}"#,
            r#"{"errors":[{"message":"m"}]}"#,
            r#"{"error":null}"#,
            r#"{"error":""}"#,
            r#"{"error":{}}"#,
            r#"{"error":[{}]}"#,
            r#"{"error":{"type":"t","message":""}}"#,
            r#"{"error":{"message":"cut sho"#,
        ];
        for body in bodies {
            assert_eq!(ApiError::parse(body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn scopes() {
        let scopes = |message: &str| {
            let error = ApiError { message: message.into(), ..ApiError::default() };
            error.missing_scopes().into_iter().map(str::to_owned).collect::<Vec<_>>()
        };
        let live = "You have insufficient permissions for this operation. Missing scopes: api.audit_logs.read. Check your role.";
        assert_eq!(scopes(live), ["api.audit_logs.read"]);
        assert_eq!(scopes("Missing scopes: api.audit_logs.read, api.x"), ["api.audit_logs.read", "api.x"]);
        assert!(scopes("Incorrect API key provided. See platform.openai.com").is_empty());
    }
}
