//! Tests of indicators in all forms in which vendors send them.

use serde_json::Value;

use super::context;
use crate::line::normalize::{Mode, Normalizer};
use crate::log_type::LogType;
use crate::log_type::schemas::schema;

/// Returns a member of the event's line; null if the line has no such member.
fn member(log_type: LogType, mode: Mode, event: &str, name: &str) -> Value {
    let mut out = Vec::new();
    Normalizer::with_schema(schema(log_type), mode).normalize(event.as_bytes(), &context(), &mut out).unwrap();
    serde_json::from_slice::<Value>(&out).unwrap()[name].take()
}

/// Returns an event that holds a text in the field at a path.
fn event_with(path: &str, text: &str) -> String {
    let text = Value::from(text).to_string();
    path.rsplit('.').fold(text, |inner, name| match name.strip_suffix("[]") {
        Some(name) => format!("{{\"{name}\":[{inner}]}}"),
        None => format!("{{\"{name}\":{inner}}}"),
    })
}

const ADDRESS_FORMS: [(&str, &[&str]); 11] = [
    ("2603:10b6:208:1ab::20%7", &["2603:10b6:208:1ab::20"]),
    ("203.0.113.7%11:443", &["203.0.113.7"]),
    ("203.0.113.7-443", &["203.0.113.7"]),
    ("::ffff:203.0.113.7:443", &["203.0.113.7", "::ffff:203.0.113.7"]),
    ("[fe80::1%16]:443", &["fe80::1"]),
    ("20.92.177.18, 162.158.2.18", &["162.158.2.18", "20.92.177.18"]),
    (" [2001:db8::1] ", &["2001:db8::1"]),
    ("[2001:db8::1]%7:443", &["2001:db8::1"]),
    ("fe80::1%eth0 203.0.113.7:443", &["203.0.113.7", "fe80::1"]),
    ("203.0.113.7;unknown;[2001:db8::1]-443", &["2001:db8::1", "203.0.113.7"]),
    ("::ffff:c633:6407", &["198.51.100.7", "::ffff:c633:6407"]),
];

#[test]
fn c1_every_ip_field_of_every_schema_gives_its_bare_addresses() {
    for log_type in LogType::ALL {
        let fields = schema(log_type).fields().into_iter();
        let paths: Vec<String> = fields
            .filter(|field| field.indicators.iter().any(|name| name == "ip"))
            // These names have a dot, which `event_with` would read as the separator of a path.
            .filter(|field| !field.path.starts_with("ip_allowlist") && !field.path.starts_with("ip."))
            .map(|field| if field.element.is_some() { field.path + "[]" } else { field.path })
            .collect();
        assert!(!paths.is_empty(), "{}", log_type.name());
        for (path, (text, expected)) in paths.iter().flat_map(|path| ADDRESS_FORMS.iter().map(move |form| (path, form)))
        {
            let found = member(log_type, Mode::Default, &event_with(path, text), "p_any_ip_addresses");
            assert_eq!(found, Value::from(*expected), "{} {path}: {text}", log_type.name());
        }
    }
}

#[test]
fn c1_strict_mode_finds_only_plain_addresses() {
    for (text, _) in ADDRESS_FORMS.iter().filter(|(text, _)| text.parse::<std::net::IpAddr>().is_err()) {
        let common = r#""Id":"1","RecordType":1,"CreationTime":"2026-08-21T08:44:05","Operation":"o","OrganizationId":"g","UserType":0"#;
        let event = format!("{{{common},\"ClientIP\":\"{}\"}}", text.trim());
        let found = member(LogType::SharePoint, Mode::Strict, &event, "p_any_ip_addresses");
        assert_eq!(found, Value::Null, "{text}");
    }
}

#[test]
fn c2_an_ipv4_mapped_address_gives_the_ipv4_form_as_well() {
    let both = Value::from(["198.51.100.7", "::ffff:198.51.100.7"].as_slice());
    for (path, text) in [
        ("ClientIP", "::ffff:198.51.100.7"),
        ("DeviceDisplayName", "::ffff:198.51.100.7"),
        ("SiteUrl", "https://[::ffff:198.51.100.7]/x"),
    ] {
        let found = member(LogType::SharePoint, Mode::Default, &event_with(path, text), "p_any_ip_addresses");
        assert_eq!(found, both, "{path}: {text}");
    }
}

#[test]
fn c6_the_actor_of_an_api_key_is_found_like_the_actor_of_a_session() {
    for (actor, expected) in [
        (r#""session":{"user":{"id":"user-1","email":"a@example.org"}}"#, "user-1"),
        (r#""api_key":{"id":"key-1","type":"user","user":{"id":"user-1","email":"a@example.org"}}"#, "user-1"),
        (r#""api_key":{"type":"service_account","service_account":{"id":"svc-1"}}"#, "svc-1"),
        (r#""user":{"id":"user-1"}"#, "user-1"),
        (r#""service_account":{"id":"svc-1"}"#, "svc-1"),
    ] {
        let event = format!(r#"{{"id":"a","type":"t","effective_at":1,"actor":{{{actor}}},"user":{{"id":"target"}}}}"#);
        let found = |mode| member(LogType::OpenAiAudit, mode, &event, "p_any_actor_ids");
        assert_eq!(found(Mode::Default), Value::from([expected].as_slice()), "{actor}");
        assert_eq!(found(Mode::Strict), Value::Null, "{actor}");
    }
}

#[test]
fn c7_a_link_gives_the_host_that_a_browser_opens_in_default_mode() {
    for link in
        ["https://evil.example/100%", "https://evil.example/#50%", "https:\\\\evil.example\\x", "ht\ttp://evil.example"]
    {
        for log_type in LogType::ALL {
            let fields = schema(log_type).fields().into_iter();
            let links =
                fields.filter(|field| field.indicators.iter().any(|name| name == "url") && field.element.is_none());
            for field in links {
                let found = member(log_type, Mode::Default, &event_with(&field.path, link), "p_any_domain_names");
                assert_eq!(
                    found,
                    Value::from(["evil.example"].as_slice()),
                    "{} {} {link}",
                    log_type.name(),
                    field.path
                );
            }
        }
    }
    let common = r#""Id":"1","RecordType":1,"CreationTime":"2026-08-21T08:44:05","Operation":"o","OrganizationId":"g","UserType":0"#;
    let event = format!("{{{common},\"SiteUrl\":\"https://evil.example/100%\"}}");
    assert_eq!(member(LogType::SharePoint, Mode::Strict, &event, "p_any_domain_names"), Value::Null);
}
