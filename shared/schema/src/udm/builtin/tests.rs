use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use data_models::specification::{SourceFile, load};
use data_models::{DataModel, DataModels, Value};
use serde::Deserialize;

use super::event_types::*;
use super::*;
use crate::log_type::LogType;
use crate::log_type::models::{NativeMethods, examples_text, model_text, python_text};

const MIN_EXAMPLES: usize = 7;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Examples {
    log_type: String,
    examples: Vec<Example>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Example {
    name: String,
    event: serde_json::Value,
    expected: BTreeMap<String, serde_json::Value>,
}

fn model(log_type: LogType) -> DataModel {
    let file = SourceFile { path: format!("{}_data_model.yml", log_type.table()), text: model_text(log_type).into() };
    let specifications = load(&[file]).unwrap();
    assert_eq!(specifications[0].id, format!("AuditPull.{}", log_type.name()));
    assert_eq!(specifications[0].filename, Some(format!("{}_data_model.py", log_type.table())));
    DataModels::new(&specifications).get(log_type.name()).unwrap().clone()
}

/// Each Python file runs alone, so each file that reads addresses has a copy of these functions.
#[test]
fn the_functions_that_read_addresses_are_the_same_in_all_files() {
    let functions_of =
        |log_type| python_text(log_type).split_once("\ndef port_of(value):\n").map(|(_, functions)| functions);
    let first = functions_of(LogType::OpenAiAudit).unwrap();
    assert!(first.contains("\ndef source(values):\n"));
    let reads_addresses = |log_type: &LogType| python_text(*log_type).contains("\ndef get_source_ip(event):");
    assert!(LogType::ALL.into_iter().filter(reads_addresses).all(|log_type| functions_of(log_type) == Some(first)));
}

fn examples(log_type: LogType) -> Vec<Example> {
    let examples: Examples = serde_saphyr::from_str(examples_text(log_type)).unwrap();
    assert_eq!(examples.log_type, log_type.name());
    examples.examples
}

/// Returns the names that have a value for a line, with their values.
fn values(model: &DataModel, line: &serde_json::Value) -> BTreeMap<String, serde_json::Value> {
    let text = line.to_string();
    let event = Value::parse(&text).unwrap();
    let value = |name: &data_models::Name| {
        let found = model.mapped(name, &event, &mut NativeMethods).unwrap()?;
        let value: serde_json::Value = serde_json::from_str(&found.value.to_json()).unwrap();
        (!value.is_null()).then(|| (name.name.clone(), value))
    };
    model.names.iter().filter_map(value).collect()
}

#[test]
fn every_example_has_exactly_the_values_that_it_expects() {
    for log_type in LogType::ALL {
        let (model, examples) = (model(log_type), examples(log_type));
        assert!(examples.len() >= MIN_EXAMPLES, "{}", log_type.name());
        for Example { name, event, expected } in &examples {
            assert_eq!(event["p_log_type"], log_type.name(), "{name}");
            assert!(event["p_row_id"].is_string(), "{name}");
            assert_eq!(values(&model, event), *expected, "{}: {name}", log_type.name());
        }
    }
}

#[test]
fn every_name_of_a_model_has_a_value_in_some_example_and_some_example_has_none() {
    for log_type in LogType::ALL {
        let examples = examples(log_type);
        for name in &model(log_type).names {
            let is_shown = examples.iter().any(|example| example.expected.contains_key(&name.name));
            assert!(is_shown, "{}: {}", log_type.name(), name.name);
        }
        assert!(examples.iter().any(|example| example.expected.is_empty()), "{}", log_type.name());
    }
}

#[test]
fn the_methods_in_rust_are_those_of_the_files() {
    for log_type in LogType::ALL {
        let native = log_type.spec().native_model;
        let mut methods: Vec<String> = model(log_type).names.into_iter().filter_map(|name| name.method).collect();
        methods.sort_unstable();
        assert_eq!(native.methods.iter().map(|method| method.name()).collect::<Vec<_>>(), methods);
        let python = python_text(log_type);
        assert!(methods.iter().all(|method| python.contains(&format!("\ndef {method}(event):"))), "{methods:?}");
    }
}

/// Reads a line, and records the paths that a model asks for.
struct ReadRecorder<'l>(Line<'l>, RefCell<BTreeSet<PathIndex>>);

impl Members for ReadRecorder<'_> {
    fn get(&self, read: PathIndex) -> Option<&[u8]> {
        self.1.borrow_mut().insert(read);
        self.0.get(read)
    }

    fn each_row<'l>(&'l self, list: &List, visit: &mut dyn FnMut([Option<&'l [u8]>; 2]) -> ControlFlow<()>) {
        self.0.each_row(list, visit);
    }
}

/// Returns `true` if the path of a field, with `_` in place of `.`, is the first name of `path` or begins with it.
fn is_in_schema(fields: &[crate::FieldInfo], path: &[&str]) -> bool {
    let is_first = |rest: &str| rest.is_empty() || rest.starts_with(['.', '_', '[']);
    fields.iter().any(|field| field.path.replace('.', "_").strip_prefix(path[0]).is_some_and(is_first))
}

#[test]
fn a_model_reads_every_path_that_it_declares_and_all_are_in_the_schema() {
    for log_type in LogType::ALL {
        let native = log_type.spec().native_model;
        let fields = crate::log_type::schemas::schema(log_type).fields();
        for path in native.reads {
            assert!(is_in_schema(&fields, path), "{}: {path:?} is no field of the schema", log_type.name());
        }
        for (number, list) in native.lists.iter().enumerate() {
            assert_eq!(list.number, number, "{list:?}");
            let cells = list.cells.map(|cell| format!("{}[].{cell}", list.name));
            assert!(cells.iter().all(|cell| fields.iter().any(|field| field.path == *cell)), "{list:?}");
        }
        let mut read = BTreeSet::new();
        // On an empty line, every method tries all of its paths.
        let lines = examples(log_type).into_iter().map(|example| example.event.to_string());
        for text in lines.chain(["{}".to_owned()]) {
            let members = ReadRecorder(Line { text: &text, reads: native.reads }, RefCell::default());
            (native.values)(&members);
            read.extend(members.1.into_inner());
        }
        let unread: Vec<_> = (0..native.reads.len()).filter(|at| !read.contains(at)).collect();
        assert!(unread.is_empty(), "{}: {unread:?} are not read in any example", log_type.name());
    }
}

/// Returns the value of a method on a line, as JSON; `None` if the method has no value for this line.
fn native(log_type: LogType, method: &str, line: &str) -> Option<String> {
    let native = log_type.spec().native_model;
    let method = native.method(method).unwrap();
    let members = Line { text: line, reads: native.reads };
    (native.values)(&members).take(method).map(|value| json(&value))
}

#[test]
fn placeholders_are_no_users() {
    let actor = |line: &str| native(LogType::AzureActiveDirectory, "get_actor_user", line);
    let line = r#"{"UserId":"Not Available","Actor":[{"ID":"Unknown","Type":5},null,{"ID":"a@b","Type":5}]}"#;
    assert_eq!(actor(line).as_deref(), Some("\"a@b\""));
    assert_eq!(actor(r#"{"UserId":"Not Available","Actor":[{"ID":"a@b","Type":2}]}"#), None);
    assert_eq!(actor(r#"{"UserId":"","Actor":"a@b"}"#), None);
}

#[test]
fn the_first_address_in_any_candidate_is_the_source() {
    let source = |line: &str| {
        ["get_source_ip", "get_source_port"].map(|method| native(LogType::AzureActiveDirectory, method, line))
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(
        source(r#"{"ClientIP":"localhost:1","ActorIpAddress":"unknown, [fe80::1%2]:8443, 192.0.2.1"}"#),
        [some("\"fe80::1\""), some("8443")]
    );
    assert_eq!(source(r#"{"ClientIP":"192.0.2.1","ActorIpAddress":"192.0.2.2:80"}"#), [some("\"192.0.2.1\""), None]);
    assert_eq!(source(r#"{"ClientIP":"\t192.0.2.1:80\u0000"}"#), [None, None]);
    assert_eq!(source(r#"{"ClientIP":"\t192.0.2.1:80\n"}"#), [some("\"192.0.2.1\""), some("80")]);
    assert_eq!(source(r#"{"ClientIP":null,"ActorIpAddress":7}"#), [None, None]);
}

#[test]
fn a_role_stands_in_the_id_of_its_assignment() {
    let role = |id: &str| {
        let line = format!(r#"{{"type":"role.assignment.created","role_assignment_created":{{"id":"{id}"}}}}"#);
        let method = |method| native(LogType::OpenAiAudit, method, &line);
        (method("get_assigned_admin_role"), method("get_event_type"))
    };
    let some = |text: &str| Some(format!("\"{text}\""));
    for (id, expected) in [
        ("role-api-owner__organization__org-1_user-2", some("api-owner")),
        ("role_assignment_role-api-project-Admin__p__q_r", some("api-project-Admin")),
        ("role-api-reader__organization__org-1_user-admin", None),
        ("owner__organization__org-1_user-2", None),
        ("", None),
    ] {
        let event_type = if expected.is_some() { "admin_role_assigned" } else { "user_role_modified" };
        assert_eq!(role(id), (expected, some(event_type)), "{id}");
    }
}

#[test]
fn a_change_of_second_factors_compares_the_old_and_new_factors() {
    let event_type = |name: &str, old: &str, new: &str| {
        let line = format!(
            r#"{{"Operation":"Update user.","ModifiedProperties":[null,"x",{{"Name":"{name}","OldValue":{old},"NewValue":{new}}}]}}"#
        );
        native(LogType::AzureActiveDirectory, "get_event_type", &line).unwrap()
    };
    let (none, one, two) = (r#""[\r\n]""#, r#""[{\"MethodType\":7}]""#, r#""[{\"MethodType\":6}]""#);
    for (name, old, new, expected) in [
        ("StrongAuthenticationMethod", none, one, MFA_ENABLED),
        ("StrongAuthenticationMethod", "null", one, MFA_ENABLED),
        ("StrongAuthenticationMethod", one, none, MFA_DISABLED),
        ("StrongAuthenticationMethod", one, two, MFA_RESET),
        ("StrongAuthenticationMethod", one, one, USER_ACCOUNT_MODIFIED),
        ("StrongAuthenticationMethod", none, "null", USER_ACCOUNT_MODIFIED),
        ("StrongAuthenticationRequirement", none, one, MFA_ENABLED),
        ("StrongAuthenticationRequirement", one, none, MFA_DISABLED),
        ("StrongAuthenticationRequirement", one, two, USER_ACCOUNT_MODIFIED),
        ("StrongAuthenticationUserDetails", none, one, USER_ACCOUNT_MODIFIED),
    ] {
        assert_eq!(event_type(name, old, new), format!("\"{expected}\""), "{name} {old} {new}");
    }
}

#[test]
fn a_user_agent_in_details_is_found_in_json_only() {
    let agent = |details: &str| {
        let line = serde_json::json!({"ExtendedProperties": [{"Name": "additionalDetails", "Value": details}]});
        native(LogType::AzureActiveDirectory, "get_user_agent", &line.to_string())
    };
    assert_eq!(agent(" {\"User-Agent\" : \"a \\u00fc\"} ").as_deref(), Some("\"a ü\""));
    for details in ["{\"User-Agent\":1}", "{\"User-Agent\":\"\"}", "[]", "\"User-Agent\"", "{", "", "User-Agent: a"] {
        assert_eq!(agent(details), None, "{details}");
    }
}

#[test]
fn a_user_in_the_payload_is_found_by_any_spelling_of_the_name() {
    let user = |line: &str| native(LogType::General, "get_user", line);
    assert_eq!(user(r#"{"payload":{"a":"TargetUserId","UserUPN":"a@b"}}"#).as_deref(), Some("\"a@b\""));
    assert_eq!(user(r#"{"payload":{"\u0055serUPN":"a@b"}}"#).as_deref(), Some("\"a@b\""));
    assert_eq!(user(r#"{"payload":{"x":{"UserUPN":"a@b"}},"UserUPN":"a@b"}"#), None);
}
