//! Tests of fields that are sent under another name or in another form than declared.

use serde_json::{Value, json};

use super::{check, line};
use crate::log_type::LogType;
use crate::log_type::schemas::schema;

fn value(log_type: LogType, event: &str) -> Value {
    serde_json::from_str(&line(log_type, event).0).unwrap()
}

#[test]
fn c3_a_payload_under_an_earlier_type_name_goes_to_its_column() {
    for (name, column) in [
        ("checkpoint_permission.created", "checkpoint_permission_created"),
        ("role_assignment.created", "role_assignment_created"),
        ("ip.allowlist.created", "ip_allowlist_created"),
    ] {
        let is_declared = |name: &str| schema(LogType::OpenAiAudit).fields().iter().any(|field| field.path == name);
        assert!(!is_declared(name), "{name}");
        let found = value(LogType::OpenAiAudit, &format!(r#"{{"id":"1","type":"{name}","{name}":{{"id":"p"}}}}"#));
        assert_eq!(found[column], json!({"id": "p"}), "{found}");
        assert_eq!(found.get("p_nonconforming"), None, "{found}");
    }
}

#[test]
fn c3_any_free_column_takes_another_name_at_any_depth() {
    check(LogType::Dlp, r#"{"Client IP":"1.2.3.4"}"#, r#"{"Client_IP":"1.2.3.4""#, "");
    let event = r#"{"App-Access":1,"actor":{"api.key":{"id":"k"}}}"#;
    check(LogType::OpenAiAudit, event, r#"{"actor":{"api_key":{"id":"k"}},"App-Access":1"#, "");
    // A member with the column's own name has precedence, in any order.
    let event = r#"{"role_assignment.created":{"id":"a"},"role_assignment_created":{"id":"b"}}"#;
    let after = r#","p_nonconforming":{"role_assignment.created":{"id":"a"}}"#;
    check(LogType::OpenAiAudit, event, r#"{"role_assignment_created":{"id":"b"}"#, after);
}

#[test]
fn c10_an_array_or_object_sent_as_its_json_text_is_parsed() {
    let pairs = json!([{"Name": "a", "Value": "b"}]);
    for (log_type, name) in [
        (LogType::Exchange, "Parameters"),
        (LogType::AzureActiveDirectory, "ExtendedProperties"),
        (LogType::SharePoint, "ModifiedProperties"),
    ] {
        let event = json!({ "Id": "1", name: format!(" {pairs}") }).to_string();
        let found = value(log_type, &event);
        assert_eq!(found[name], pairs, "{found}");
        assert_eq!(found.get("p_nonconforming"), None, "{found}");
    }
    let event = json!({"AppAccessContext": r#"{"APIId":"a","CorrelationId":"c","New":[1]}"#}).to_string();
    let own = r#"{"AppAccessContext":{"APIId":"a","CorrelationId":"c","New":[1]}"#;
    check(LogType::Dlp, &event, own, r#","p_any_trace_ids":["c"]"#);
}

#[test]
fn c10_a_text_of_another_shape_is_set_aside_as_it_was_sent() {
    for text in ["", "[1", r#"{"Name":"a"}"#, "-Identity a", "\"[]\"", "null", "[] x"] {
        let event = json!({"Id": "1", "Parameters": text}).to_string();
        let found = value(LogType::Exchange, &event);
        assert_eq!(found.get("Parameters"), None, "{text}");
        assert_eq!(found["p_nonconforming"]["Parameters"], *text, "{found}");
    }
}
