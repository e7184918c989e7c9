mod duplicate_keys;
mod extensions;
mod indicators;
mod masks;
mod other_forms;
mod times;

use super::*;

fn context() -> LineContext<'static> {
    let parse_time = Timestamp::from_second(1_787_301_900).unwrap();
    LineContext { source_id: "acme", source_label: "", parse_time }
}

/// Returns the line of an event without `p_udm`, which has its own tests.
fn line(log_type: LogType, event: &str) -> (String, Normalized) {
    let mut out = Vec::new();
    let normalized =
        Normalizer::new(log_type).with_model(None).normalize(event.as_bytes(), &context(), &mut out).unwrap();
    (String::from_utf8(out).unwrap(), normalized)
}

/// Checks the part of the line before the standard fields, and the part after them.
fn check(log_type: LogType, event: &str, own: &str, after: &str) -> Normalized {
    let (line, normalized) = line(log_type, event);
    assert_eq!(line.split_once(",\"p_log_type\"").map(|(own, _)| own), Some(own), "{event}");
    let end = line.split_once("\"p_schema_version\":0").map(|(_, after)| after.strip_suffix("}\n"));
    assert_eq!(end, Some(Some(after)), "{event}");
    normalized
}

#[test]
fn a_line_has_the_event_and_the_standard_fields() {
    let (line, normalized) = line(LogType::OpenAiAudit, r#"{"type":"x","effective_at":1787301845,"id":"a"}"#);
    let expected = concat!(
        r#"{"id":"a","type":"x","effective_at":"2026-08-21 08:44:05.000000000","#,
        r#""p_log_type":"OpenAI.Audit","p_row_id":"ROW","p_event_time":"2026-08-21 08:44:05.000000000","#,
        r#""p_parse_time":"2026-08-21 08:45:00.000000000","p_source_id":"acme","p_schema_version":0}"#,
        "\n"
    );
    assert_eq!(line, expected.replace("ROW", &normalized.row_id.to_string()));
    assert_eq!(normalized.event_time, Timestamp::from_second(1_787_301_845).ok());
    assert_eq!((normalized.nonconforming, normalized.undeclared), (0, 0));
}

#[test]
fn p_event_time_is_the_parse_time_if_the_event_has_no_time() {
    let (line, normalized) = line(LogType::Dlp, "{}");
    assert!(line.starts_with(r#"{"p_log_type":"Microsoft365.DLP.All","#), "{line}");
    assert!(line.contains(r#""p_event_time":"2026-08-21 08:45:00.000000000""#), "{line}");
    assert_eq!(normalized.event_time, None);
}

#[test]
fn undeclared_fields_are_sorted_and_null_and_empty_arrays_dropped() {
    let event = r#"{"z.1":[],"y":null,"x":{"c":[1,null],"b":[],"a.b":{}},"Id":"1","AppAccessContext":{"New":1,"APIId":"a"},"a":0}"#;
    let own = r#"{"Id":"1","AppAccessContext":{"APIId":"a","New":1},"a":0,"x":{"a_b":{},"c":[1,null]}"#;
    let normalized = check(LogType::SharePoint, event, own, "");
    assert_eq!((normalized.nonconforming, normalized.undeclared), (0, 5));
}

#[test]
fn values_that_do_not_fit_are_set_aside_with_their_paths() {
    let event =
        r#"{"RecordType":"Audit","Scope":{"a":[1]},"Actor":[{"Type":1.5,"ID":"me"},"you"],"CreationTime":"soon"}"#;
    let own = r#"{"Scope":"{\"a\":[1]}","Actor":[{"ID":"me"},null]"#;
    let after = r#","p_any_usernames":["me"],"p_nonconforming":{"Actor[0].Type":1.5,"Actor[1]":"you","CreationTime":"soon","RecordType":"Audit","Scope":{"a":[1]}}"#;
    assert_eq!(check(LogType::AzureActiveDirectory, event, own, after).nonconforming, 5);
}

#[test]
fn forged_standard_fields_are_set_aside() {
    let event = r#"{"p_log_type":"x","P_Row_Id":"y","p_any_emails":["a@b"],"p.event":1,"Id":"1"}"#;
    let after = r#","p_nonconforming":{"P_Row_Id":"y","p.event":1,"p_any_emails":["a@b"],"p_log_type":"x"}"#;
    check(LogType::Exchange, event, r#"{"Id":"1""#, after);
    let (line, _) = line(LogType::General, event);
    assert!(line.starts_with(r#"{"Id":"1","payload":{"p_log_type":"x","#), "{line}");
    assert_eq!(line.matches("\"p_log_type\"").count(), 2);
}

#[test]
fn values_of_taken_columns_are_set_aside() {
    let event = r#"{"a.b":1,"a b":2,"a_b":3}"#;
    check(LogType::Dlp, event, r#"{"a_b":2"#, r#","p_nonconforming":{"a.b":1,"a_b":3}"#);
    let event = r#"{"scim.enabled":{"id":"1"},"scim_enabled":{"id":"2"}}"#;
    check(
        LogType::OpenAiAudit,
        event,
        r#"{"scim_enabled":{"id":"1"}"#,
        r#","p_nonconforming":{"scim_enabled":{"id":"2"}}"#,
    );
}

#[test]
fn a_value_of_another_name_that_does_not_fit_its_column_is_set_aside() {
    let after = r#","p_nonconforming":{"api.key":5}"#;
    check(LogType::OpenAiAudit, r#"{"id":"1","api.key":5}"#, r#"{"id":"1""#, after);
    let event = r#"{"api.key":5,"api_key":{"id":"k"}}"#;
    check(LogType::OpenAiAudit, event, r#"{"api_key":{"id":"k"}"#, after);
}

#[test]
fn a_member_under_the_column_name_of_a_field_is_that_field() {
    let event = r#"{"api_key_created":{"data":{"scopes":[]},"id":1}}"#;
    check(LogType::OpenAiAudit, event, r#"{"api_key_created":{"id":"1","data":{}}"#, "");
}

#[test]
fn the_payload_of_general_is_the_whole_record() {
    let event = "{ \"Workload\":\"Teams\",\n\"Links\":[{\"UPN\":null}],\"RecordType\":\"x\" }";
    let own = r#"{"Workload":"Teams","payload":{"Workload":"Teams","Links":[{"UPN":null}],"RecordType":"x"}"#;
    let normalized = check(LogType::General, event, own, r#","p_nonconforming":{"RecordType":"x"}"#);
    assert_eq!(normalized.undeclared, 1);
}

#[test]
fn fields_that_the_openai_api_does_not_have_are_filled() {
    let check = |event: &str, own: &str| {
        let (line, _) = line(LogType::OpenAiAudit, event);
        let found = line.split_once(",\"p_log_type\"").map(|(own, _)| own);
        assert_eq!(found, Some(own), "{event}");
    };
    check(
        r#"{"type":"user.updated","user.updated":{"id":"u","changes_requested":{"role":"owner"}},"actor":{"type":"session","session":{"user":{"id":"s","email":"s@x"}}}}"#,
        r#"{"type":"user.updated","actor":{"type":"session","user":{"id":"s","email":"s@x"},"session":{"user":{"id":"s","email":"s@x"}}},"user":{"id":"u","role":"owner"},"user_updated":{"id":"u","changes_requested":{"role":"owner"}}"#,
    );
    check(
        r#"{"type":"api_key.updated","api_key.updated":{"id":"k","changes_requested":{"scopes":["a"]}},"actor":{"api_key":{"service_account":{"id":"v"}}}}"#,
        r#"{"type":"api_key.updated","actor":{"service_account":{"id":"v"},"api_key":{"service_account":{"id":"v"}}},"api_key":{"id":"k"},"api_key_updated":{"id":"k","changes_requested":{"scopes":["a"]},"data":{"scopes":["a"]}}"#,
    );
    check(
        r#"{"type":"api_key.updated","api_key.updated":{"data":{"scopes":["a"]}},"actor":null}"#,
        r#"{"type":"api_key.updated","api_key_updated":{"changes_requested":{"scopes":["a"]},"data":{"scopes":["a"]}}"#,
    );
    check(
        r#"{"type":"invite.sent","invite.sent":{"data":{"email":"n@x","role":"member"}}}"#,
        r#"{"type":"invite.sent","user":{"email":"n@x","role":"member"},"invite_sent":{"data":{"email":"n@x","role":"member"}}"#,
    );
    check(
        r#"{"type":"project.created","project.created":{"id":"p","data":{"name":"","title":"T"}}}"#,
        r#"{"type":"project.created","project":{"id":"p","name":"T"},"project_created":{"id":"p","data":{"name":"","title":"T"}}"#,
    );
    check(
        r#"{"type":"service_account.deleted","service_account.deleted":{"id":"v"},"service_account":{"id":"sent"}}"#,
        r#"{"type":"service_account.deleted","service_account":{"id":"sent"},"service_account_deleted":{"id":"v"}"#,
    );
}

#[test]
fn unusual_times_and_addresses_are_read() {
    let after = r#","p_any_ip_addresses":["1.2.3.4","2001:db8::1"]"#;
    let event =
        r#"{"CreationTime":"2026-08-21T08:44:05.5Z","ClientIP":"1.2.3.4:80","ClientIPAddress":"[2001:db8::1]:80"}"#;
    let own = r#"{"CreationTime":"2026-08-21 08:44:05.500000000","ClientIP":"1.2.3.4:80","ClientIPAddress":"[2001:db8::1]:80""#;
    check(LogType::Exchange, event, own, after);
    check(
        LogType::OpenAiAudit,
        r#"{"effective_at":1787301845123}"#,
        r#"{"effective_at":"2026-08-21 08:44:05.123000000""#,
        "",
    );
}

#[test]
fn the_last_of_duplicate_keys_is_in_the_line() {
    let after = r#","p_nonconforming":{"Id":"1","x.a":1}"#;
    check(LogType::Dlp, r#"{"Id":"1","x":{"a":1,"a":2},"Id":"2"}"#, r#"{"Id":"2","x":{"a":2}"#, after);
}

#[test]
fn lone_surrogates_become_replacement_characters() {
    check(LogType::Dlp, r#"{"Id":"\ud800","x\udc00":1}"#, "{\"Id\":\"\u{fffd}\",\"x_\":1", "");
}

/// Checks the counts and names of an event's drift: undeclared fields, unknown types, missing fields.
fn check_drift(log_type: LogType, event: &str, counts: (u32, bool, u32), names: [&[&str]; 3]) {
    let (mut out, mut noted) = (Vec::new(), DriftNames::default());
    let line =
        Normalizer::new(log_type).normalize_with_drift(event.as_bytes(), &context(), &mut out, &mut noted).unwrap();
    assert_eq!((line.undeclared, line.is_unknown_type, line.missing_required), counts, "{event}");
    let [undeclared, unknown_types, missing] = names;
    assert_eq!(noted.undeclared.all(), undeclared, "{event}");
    assert_eq!(noted.unknown_types.all(), unknown_types, "{event}");
    assert_eq!(noted.missing.all(), missing, "{event}");
}

#[test]
fn drift_is_counted_and_named() {
    let openai = |event, counts, names| check_drift(LogType::OpenAiAudit, event, counts, names);
    openai(r#"{"id":"a","type":"login.succeeded","effective_at":1}"#, (0, false, 0), [&[], &[], &[]]);
    openai(
        r#"{"id":"a","type":"api_key.rotated","effective_at":null,"x":{"y":1},"actor":{"z":"secret"}}"#,
        (2, true, 1),
        [&["actor.z", "x"], &["api_key.rotated"], &["effective_at"]],
    );
    let common =
        r#""Id":"1","RecordType":464,"CreationTime":"2026-08-21T08:44:05","Operation":"o","OrganizationId":"g""#;
    let event = format!(r#"{{{common},"UserType":0,"Folders":[{{"New":1}},{{"New":2}}]}}"#);
    let names: [&[&str]; 3] = [&["Folders[].New"], &["464"], &["ExternalAccess"]];
    check_drift(LogType::Exchange, &event, (2, true, 1), names);
    check_drift(
        LogType::Dlp,
        "{}",
        (0, false, 8),
        [
            &[],
            &[],
            &[
                "Id",
                "RecordType",
                "CreationTime",
                "Operation",
                "OrganizationId",
                "UserType",
                "PolicyDetails",
                "SensitiveInfoDetectionIsIncluded",
            ],
        ],
    );
}

#[test]
fn strict_mode_and_custom_schemas_have_no_record_types() {
    let event = r#"{"id":"a","type":"api_key.rotated","effective_at":1,"x":1}"#;
    let strict = Normalizer::with_schema(schema(LogType::OpenAiAudit), Mode::Strict);
    let own = Schema::parse("schema: A.B\nfields:\n- {name: type, type: string}\n", "a.yml").unwrap();
    for (normalizer, undeclared) in [(strict, 0), (Normalizer::with_schema(own, Mode::Default), 3)] {
        let (mut out, mut names) = (Vec::new(), DriftNames::default());
        let line = normalizer.normalize_with_drift(event.as_bytes(), &context(), &mut out, &mut names).unwrap();
        assert_eq!((line.undeclared, line.is_unknown_type, line.missing_required), (undeclared, false, 0));
        assert_eq!(names.undeclared.all().len(), undeclared as usize);
    }
}

#[test]
fn inputs_other_than_json_objects_are_rejected() {
    let deep = "{\"a\":".repeat(200);
    for (input, reason) in [
        ("", "not JSON: the text ends where a value should be at byte 0"),
        ("{\"a\":1} x", "not JSON: more after the end of the value at byte 8"),
        ("[1]", "not an object but an array"),
        ("null", "not an object but null"),
        ("\"a\"", "not an object but a string"),
        (deep.as_str(), "nested deeper than 128 levels"),
    ] {
        let mut out = b"before".to_vec();
        let rejection = Normalizer::new(LogType::Dlp).normalize(input.as_bytes(), &context(), &mut out).unwrap_err();
        assert_eq!(rejection.reason, reason, "{input}");
        assert!(rejection.row_id.hour < RowId::RESERVED_HOURS);
        assert_eq!(out, b"before");
    }
}

#[test]
fn strict_mode_has_no_extensions() {
    let strict = |log_type: LogType, event: &str| {
        let mut out = Vec::new();
        let normalizer = Normalizer::with_schema(schema(log_type), Mode::Strict);
        normalizer.normalize(event.as_bytes(), &context(), &mut out).map(|_| String::from_utf8(out).unwrap())
    };
    let event = r#"{"id":"a","type":"user.added","effective_at":1,"user.added":{"id":"u"},"actor":{"session":{"user":{"id":"s"}}}} rest"#;
    let line = strict(LogType::OpenAiAudit, event).unwrap();
    assert!(
        line.starts_with(
            r#"{"id":"a","type":"user.added","effective_at":"1970-01-01 00:00:01.000000000","actor":{},"p_log_type""#
        ),
        "{line}"
    );
    assert!(!line.contains("p_schema_version"), "{line}");
    let refused = |event| strict(LogType::OpenAiAudit, event).unwrap_err().reason;
    assert_eq!(refused(r#"{"id":"a","type":"t"}"#), "effective_at is required");
    assert_eq!(refused("null"), "id is required");
    assert_eq!(
        refused(r#"{"id":"a","type":"t","effective_at":1,"actor":{"user":{"id":[]}}}"#),
        "actor.user.id is not a string"
    );
}

#[test]
fn features_that_no_built_in_schema_uses_work() {
    let text = r#"
schema: Test.All
definitions:
  Who: {type: object, fields: [{name: name, type: string}]}
fields:
- {name: who, type: ref, target: Who}
- {name: new, type: string, rename: {from: old}}
- {name: name, type: string, copy: {from: who.name}}
- {name: both, type: string, concat: {separator: "-", paths: [who.name, n]}}
- {name: second, type: string, split: {from: list, separator: ",", index: 1}}
- {name: secret, type: string, mask: {type: redact, to: "*"}}
- {name: hashed, type: string, rename: {from: raw}, mask: {type: hash, salt: s}}
- {name: inner, type: object, isEmbeddedJSON: true, fields: [{name: n, type: int}]}
- {name: day, type: timestamp, timeFormats: [rfc3339, "%Y-%m-%d"]}
- {name: net, type: string, validate: {cidr: ipv4}}
"#;
    let normalizer = Normalizer::with_schema(Schema::parse(text, "test.yml").unwrap(), Mode::Strict);
    let line = |event: &str| {
        let mut out = Vec::new();
        let end = normalizer.normalize(event.as_bytes(), &context(), &mut out);
        end.map(|_| String::from_utf8(out).unwrap().split(",\"p_log_type\"").next().unwrap().to_owned())
    };
    let event = r#"{"who":{"name":"x"},"old":1,"n":2,"list":"a,b","secret":"s3","raw":"r","inner":"{\"n\":\"5\"}","net":"10.0.0.0/8"}"#;
    // The SHA-256 of salt and text: `printf sr | sha256sum`.
    let hash = "cc8844298c08e2fb7ba75080b9fad6fbd23d63bf3534c713e87ad87cee8f5b57";
    let expected = format!(
        r#"{{"who":{{"name":"x"}},"new":"1","name":"x","both":"x-2","second":"b","secret":"*","hashed":"{hash}","inner":{{"n":5}},"net":"10.0.0.0/8""#
    );
    assert_eq!(line(event).unwrap(), expected);
    assert_eq!(line(r#"{"net":"10.0.0.0"}"#).unwrap_err().reason, "net is not the IP network it has to be");
    assert_eq!(line(r#"{"inner":"{"}"#).unwrap_err().reason, "inner is not JSON in a string");
    assert_eq!(line(r#"{"day":"2024-01-02T00:00:00Z"}"#).unwrap(), r#"{"day":"2024-01-02 00:00:00.000000000""#);
    assert_eq!(line(r#"{"day":"2024-01-02"}"#).unwrap(), r#"{"day":"2024-01-02 00:00:00.000000000""#);
}

#[test]
fn buffers_stay_reusable_after_any_input() {
    let normalizer = Normalizer::new(LogType::General);
    let normalize = |event: &str| normalizer.normalize(event.as_bytes(), &context(), &mut Vec::new()).is_ok();
    let is_reusable = || normalizer.buffers.take().document.is_reusable();
    assert!(normalize(r#"{"Id":"a"}"#) && is_reusable());
    assert!(!normalize("{") && is_reusable(), "after what is not JSON");
    assert!(!normalize("[]") && is_reusable(), "after what is not an object");
    for at in 0..3_000 {
        assert!(normalize(&format!("{{\"key {at}\":1}}")));
    }
    assert!(is_reusable(), "after more shapes than are remembered");
}

#[test]
fn a_line_is_never_many_times_as_long_as_its_event() {
    let event = format!(r#"{{"CreationTime":"2026-08-21T08:44:05","PolicyDetails":[{}1]}}"#, "1,".repeat(200_000));
    let mut out = Vec::new();
    let normalized = Normalizer::new(LogType::Dlp).normalize(event.as_bytes(), &context(), &mut out).unwrap();
    assert_eq!(normalized.nonconforming, 200_001);
    assert!(out.len() < 4 * event.len() + 1_000, "{} for {}", out.len(), event.len());
}
