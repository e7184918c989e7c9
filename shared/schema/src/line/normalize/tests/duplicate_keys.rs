//! Tests of duplicate keys.

use super::{check, line};
use crate::log_type::LogType;

#[test]
fn c9_the_earlier_values_of_a_key_are_set_aside_and_counted() {
    let event = r#"{"Id":"1","x":{"a":1,"a":{"b":2,"b":3},"a":4},"Id":"2","Id":"3"}"#;
    let after = r#","p_nonconforming":{"Id":"1","Id#2":"2","x.a":1,"x.a#2":{"b":3},"x.a.b":2}"#;
    assert_eq!(check(LogType::Dlp, event, r#"{"Id":"3","x":{"a":4}"#, after).nonconforming, 5);
    let event = r#"{"Id":"1","Actor":[{"ID":"a","ID":"b"},{"ID":"c"}],"RecordType":"x","RecordType":8}"#;
    let own = r#"{"Id":"1","RecordType":8,"Actor":[{"ID":"b"},{"ID":"c"}]"#;
    let after = r#","p_any_usernames":["b","c"],"p_nonconforming":{"Actor[0].ID":"a","RecordType":"x"}"#;
    assert_eq!(check(LogType::AzureActiveDirectory, event, own, after).nonconforming, 2);
}

#[test]
fn c9_a_duplicate_key_in_json_or_a_payload_is_also_set_aside() {
    let event = r#"{"Id":"1","ModifiedProperties":[{"Name":"a","Name":"b"}]}"#;
    let own = r#"{"Id":"1","ModifiedProperties":[{"Name":"b"}]"#;
    let after = r#","p_nonconforming":{"ModifiedProperties[0].Name":"a"}"#;
    check(LogType::SharePoint, event, own, after);
    let own = r#"{"Id":"1","payload":{"Id":"1","Members":[{"UPN":"b"}]}"#;
    let (line, normalized) = line(LogType::General, r#"{"Id":"1","Members":[{"UPN":"a","UPN":"b"}]}"#);
    assert!(line.contains(r#""p_nonconforming":{"Members[0].UPN":"a"}"#), "{line}");
    assert!(line.contains(&own[8..]), "{line}");
    assert_eq!(normalized.nonconforming, 1);
}

#[test]
fn c9_null_and_empty_arrays_are_not_set_aside() {
    let event = r#"{"Id":null,"Id":"1","Id":[],"Id":"2","x":1,"x":null}"#;
    check(LogType::Dlp, event, r#"{"Id":"2""#, r#","p_nonconforming":{"Id":"1","x":1}"#);
}
