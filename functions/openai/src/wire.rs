//! Parses pages and errors of the API. Only the envelope of a page is parsed, and its events keep their bytes.

use collector::{Item, Page};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

/// The reason why an answer with status 200 is not a usable page.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadPage {
    /// The body is cut short, is not JSON, or is not a list object.
    #[error("the answer is not a list of events (line {line}, column {column})")]
    NotAList {
        /// Line of the body at which parsing failed, from 1.
        line: usize,
        /// Column of that line, from 1.
        column: usize,
    },
    /// The page has `has_more`, but no events and no cursor for the next page.
    #[error("the page says there is more, but has no last_id and no event with an id to go on from")]
    NoCursor,
}

/// The cursor of a page that has events and `has_more`, but names no next page. The page's events are delivered; a request
/// with this cursor is answered as a lost cursor.
pub(crate) const LOST_CURSOR: &str = "";

/// The value of `object` in the envelope of a page.
const LIST_OBJECT: &str = "list";

#[derive(Deserialize)]
struct Envelope<'a> {
    object: Option<Value>,
    /// The events. The vendor has sent `null` for a page without events, and may leave the field out.
    #[serde(borrow, default, deserialize_with = "list_or_null")]
    data: Option<Vec<&'a RawValue>>,
    has_more: Option<bool>,
    last_id: Option<String>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

impl Envelope<'_> {
    /// Returns `true` if the object is a page: it has `data`, or another field that only a page has. An object with an error
    /// and no events is not a page.
    fn is_page(&self) -> bool {
        let is_list = self.object.as_ref().and_then(Value::as_str) == Some(LIST_OBJECT);
        self.has_events() || self.error.is_none() && (self.data.is_some() || is_list || self.has_more.is_some())
    }

    fn has_events(&self) -> bool {
        self.data.as_ref().is_some_and(|data| !data.is_empty())
    }
}

/// Reads a list; `null` counts as an empty one.
fn list_or_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<&'de RawValue>>, D::Error> {
    Ok(Some(Option::deserialize(deserializer)?.unwrap_or_default()))
}

/// Reads the page in `body`: one or more list objects in a row, the last of which has the cursor.
///
/// If `has_more` is missing, a page with events and a cursor counts as having a next page.
pub(crate) fn page(body: &[u8]) -> Result<Page, BadPage> {
    // Invalid UTF-8 bytes are replaced, because otherwise one of them would make the whole page unreadable.
    let text = String::from_utf8_lossy(body);
    let text = text.trim_start_matches('\u{feff}');
    let mut events: Vec<&RawValue> = Vec::new();
    let mut last = None;
    for envelope in serde_json::Deserializer::from_str(text).into_iter::<Envelope<'_>>() {
        let envelope = envelope.map_err(|e| BadPage::NotAList { line: e.line(), column: e.column() })?;
        if !envelope.is_page() {
            return Err(BadPage::NotAList { line: 1, column: 1 });
        }
        events.extend(envelope.data.iter().flatten());
        last = Some(envelope);
    }
    let last = last.ok_or(BadPage::NotAList { line: 1, column: 1 })?;
    let next = match last.has_more {
        Some(false) => None,
        Some(true) => {
            let lost = || (!events.is_empty()).then(|| LOST_CURSOR.to_owned());
            Some(cursor(last.last_id, &events).or_else(lost).ok_or(BadPage::NoCursor)?)
        }
        None if last.has_events() => cursor(last.last_id, &events),
        None => None,
    };
    let items = events.into_iter().map(|event| Item::Event(event.get().as_bytes().to_vec())).collect();
    Ok(Page { items, next, vendor_now: None, owner: None })
}

/// Returns `last_id`. If the vendor left it out, returns the id of the last event that has one.
fn cursor(last_id: Option<String>, events: &[&RawValue]) -> Option<String> {
    #[derive(Deserialize)]
    struct WithId {
        id: String,
    }
    let of_event = |event: &&RawValue| serde_json::from_str::<WithId>(event.get()).ok().map(|event| event.id);
    last_id.filter(|id| !id.is_empty()).or_else(|| events.iter().rev().filter_map(of_event).find(|id| !id.is_empty()))
}

/// A longer name of a scope is not shown in a message.
const MAX_SCOPE_BYTES: usize = 64;
/// A message shows at most this many scopes.
const MAX_SCOPES: usize = 5;

/// Words of the API's messages about a key, in lower case.
const KEY_WORDS: [&str; 3] = ["api key", "insufficient permission", "missing scope"];

/// The API's own error. A missing field is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub(crate) message: String,
    pub(crate) code: String,
    pub(crate) param: String,
}

impl ApiError {
    /// Reads the API's own error from the body of an answer with this status.
    ///
    /// The error is an object under `error` with a message and at least one of `type`, `code` and `param`, each of which is
    /// a string or null. `None` for any other body (HTML, an empty body, other JSON), which comes from a gateway or proxy.
    /// A string under `error` counts only with status 401 and words about the key: the API has sent that, but gateways
    /// send `{"error":"Forbidden"}`.
    pub(crate) fn parse(status: u16, body: &[u8]) -> Option<Self> {
        let body: Value = serde_json::from_slice(body).ok()?;
        let error = body.get("error")?;
        if let Some(text) = error.as_str() {
            let error = Self { message: text.to_owned(), ..Self::default() };
            return (status == 401 && error.is_about_key()).then_some(error);
        }
        let is_text_or_null = |value: &Value| value.is_string() || value.is_null();
        let fields = ["type", "code", "param"].map(|name| error.get(name));
        let is_ours = fields.iter().any(Option::is_some) && fields.into_iter().flatten().all(is_text_or_null);
        let field = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (message, code) = (field("message"), field("code"));
        if !is_ours || message.is_empty() && code.is_empty() {
            return None;
        }
        // Some errors have a type instead of a code.
        let code = if code.is_empty() { field("type") } else { code };
        Some(Self { message, code, param: field("param") })
    }

    /// Returns `true` if the message mentions an API key or a missing permission.
    fn is_about_key(&self) -> bool {
        let lower = self.message.to_lowercase();
        !self.missing_scopes().is_empty() || KEY_WORDS.iter().any(|words| lower.contains(words))
    }

    /// Returns the first [`MAX_SCOPES`] scopes that the message calls missing, such as `api.audit_logs.read`.
    pub(crate) fn missing_scopes(&self) -> Vec<&str> {
        let Some((_, rest)) = self.message.split_once("scope") else { return Vec::new() };
        rest.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_')))
            .map(|word| word.trim_matches('.'))
            .filter(|word| word.starts_with("api.") && word.len() <= MAX_SCOPE_BYTES)
            .take(MAX_SCOPES)
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
    fn ok_pages_with_and_without_a_next_one() {
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
    fn a6_a_page_without_data_is_empty_and_other_objects_are_no_pages() {
        ok(r#"{"object":"list","first_id":null,"last_id":null,"has_more":false}"#, &[], None);
        for body in [r#"{"object":"list"}"#, r#"{"has_more":false}"#, r#"{"object":"list","has_more":null}"#] {
            ok(body, &[], None);
        }
        ok(r#"{"object":"list","last_id":"z","has_more":true}"#, &[], Some("z"));
        ok(r#"{"object":"list","data":[1],"has_more":false,"error":null}"#, &["1"], None);
        err(r#"{"object":"list","has_more":true}"#, "no last_id");
        for body in [
            r#"{"object":"error","message":"canary"}"#,
            r#"{"object":"list","has_more":"no"}"#,
            r#"{"object":"list","data":null,"error":{"message":"canary"}}"#,
            r#"{"has_more":false,"error":"canary"}"#,
            r#"{"last_id":"canary"}"#,
            r#"{"data":[1],"has_more":false} {"message":"canary"}"#,
        ] {
            err(body, "not a list of events");
        }
    }

    #[test]
    fn a6_events_without_ids_are_returned_and_end_the_listing_without_a_cursor() {
        ok(r#"{"data":[{"a":1},{"id":7}],"has_more":false}"#, &[r#"{"a":1}"#, r#"{"id":7}"#], None);
        ok(r#"{"data":[{"a":1},{"id":null}]}"#, &[r#"{"a":1}"#, r#"{"id":null}"#], None);
        ok(r#"{"object":"list","data":[{"a":1}],"last_id":null,"has_more":null}"#, &[r#"{"a":1}"#], None);
        // There are more events after this page, but it names no cursor for them.
        ok(r#"{"data":[{"a":1}],"last_id":null,"has_more":true}"#, &[r#"{"a":1}"#], Some(LOST_CURSOR));
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
    fn ok_a_page_without_has_more_is_followed_to_an_empty_page() {
        ok(r#"{"data":[{"id":"a"}],"last_id":"a"}"#, &[r#"{"id":"a"}"#], Some("a"));
        ok(r#"{"data":[]}"#, &[], None);
    }

    #[test]
    fn ok_several_list_objects_in_one_body() {
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
    fn ok_an_invalid_utf8_byte_is_replaced() {
        let page = page(b"{\"data\":[{\"id\":\"\xff\"}],\"has_more\":false}").unwrap();
        assert_eq!(page.items, [Item::Event("{\"id\":\"\u{fffd}\"}".into())]);
    }

    #[test]
    fn err_bodies_that_are_no_pages() {
        for body in ["", " ", "<html>canary</html>", "[]", "{}", r#"{"data":{}}"#, r#"{"id":"x"}"#] {
            err(body, "not a list of events");
        }
        err(r#"{"data":[{"id":"canary"},{"id":"#, "not a list of events");
        err(r#"{"data":[],"has_more":true}"#, "no last_id");
    }

    fn error(status: u16, body: &str, message: &str, code: &str, param: &str) {
        let expected = ApiError { message: message.into(), code: code.into(), param: param.into() };
        assert_eq!(ApiError::parse(status, body.as_bytes()), Some(expected), "{body}");
    }

    #[test]
    fn errors_in_every_form() {
        error(400, r#"{"error":{"message":"m","type":"t","param":"after","code":"c"}}"#, "m", "c", "after");
        error(400, r#"{"error":{"message":"m","type":"t","param":null,"code":null}}"#, "m", "t", "");
        error(400, r#"{"error":{"code":"c"}}"#, "", "c", "");
        error(400, r#"{"error":{"message":"m","param":null}}"#, "m", "", "");
        for text in
            ["Incorrect API key provided", "Missing scopes: api.audit_logs.read", "You have insufficient permissions"]
        {
            error(401, &format!(r#"{{"error":"{text}"}}"#), text, "", "");
        }
    }

    #[test]
    fn a1_an_error_in_another_form_than_the_apis_is_a_gateways() {
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
            r#"{"error":"Forbidden"}"#,
            r#"{"error":"Unauthorized"}"#,
            r#"{"error":true,"message":"Forbidden"}"#,
            r#"{"error":{"message":"Forbidden"}}"#,
            r#"{"error":{"code":403,"message":"Forbidden","status":"PERMISSION_DENIED"}}"#,
            r#"{"error":{"message":"Forbidden","type":["t"]}}"#,
            r#"{"error":{"type":"t","message":""}}"#,
            r#"{"error":{"message":"cut sho"#,
        ];
        for (body, status) in bodies.into_iter().flat_map(|body| [(body, 401), (body, 403)]) {
            assert_eq!(ApiError::parse(status, body.as_bytes()), None, "{body}");
        }
        for status in [400, 403, 404] {
            assert_eq!(ApiError::parse(status, br#"{"error":"Invalid API key"}"#), None, "{status}");
        }
    }

    #[test]
    fn missing_scopes_are_read_from_the_message() {
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
