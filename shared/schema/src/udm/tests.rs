//! Tests of `p_udm` on lines of a small schema.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use data_models::specification::{SourceFile, load};
use data_models::{DataModel, DataModels, Methods, Value};
use jiff::Timestamp;

use super::native::{List, Members, NativeMethod, NativeModel, NativeValue, NativeValues, reads};
use super::{LineModel, SharedMethods};
use crate::log_type::models::builtin_model;
use crate::{DriftNames, LineContext, LogType, Mode, Normalized, Normalizer, Schema};

const SCHEMA: &str = r#"
schema: Test.Udm
fields:
- {name: id, type: string}
- {name: at, type: timestamp, timeFormats: [rfc3339], isEventTime: true}
- {name: port, type: int}
- {name: pin, type: string, mask: {type: redact, to: "*"}}
- {name: any, type: json}
- {name: actor, type: object, fields: [{name: mail, type: string}, {name: inner, type: object, fields: [{name: ip, type: string}]}]}
- {name: list, type: array, element: {type: object, fields: [{name: name, type: string}, {name: value, type: string}]}}
- {name: a b, type: string}
- {name: a.b, type: string}
"#;

fn model(mappings: &str) -> DataModel {
    let text = format!(
        "AnalysisType: datamodel\nDataModelID: Test\nEnabled: true\nLogTypes: [Test.Udm]\nFilename: test.py\nMappings:\n{mappings}"
    );
    let models = DataModels::new(&load(&[SourceFile { path: "test.yml".into(), text }]).unwrap());
    models.get("Test.Udm").unwrap().clone()
}

fn normalizer(mode: Mode) -> Normalizer {
    Normalizer::with_schema(Schema::parse(SCHEMA, "test.yml").unwrap(), mode)
}

fn line(normalizer: &Normalizer, event: &str) -> (String, Normalized, DriftNames) {
    let context =
        LineContext { source_id: "acme", source_label: "", parse_time: Timestamp::from_second(1_787_301_900).unwrap() };
    let (mut out, mut names) = (b"{\"id\":\"the line before\"}\n".to_vec(), DriftNames::default());
    let start = out.len();
    let normalized = normalizer.normalize_with_drift(event.as_bytes(), &context, &mut out, &mut names).unwrap();
    (String::from_utf8(out.split_off(start)).unwrap(), normalized, names)
}

/// Returns the `p_udm` of an event's line, and the names whose evaluation failed.
fn udm_of(normalizer: &Normalizer, event: &str) -> (String, Vec<String>) {
    let (line, normalized, names) = line(normalizer, event);
    let udm = line.rsplit_once(",\"p_udm\":{").map(|(_, udm)| format!("{{{}", udm.strip_suffix("}\n").unwrap()));
    assert_eq!(normalized.udm_failed as usize, names.udm_failed.all().len());
    (udm.unwrap_or_default(), names.udm_failed.all().to_vec())
}

fn check(mappings: &str, event: &str, expected: &str, failed: &[&str]) {
    let normalizer = normalizer(Mode::Default).with_model(Some(LineModel::new(model(mappings), None)));
    assert_eq!(
        udm_of(&normalizer, event),
        (expected.to_owned(), failed.iter().map(|name| (*name).to_owned()).collect())
    );
}

#[test]
fn p_udm_is_the_last_member_and_has_the_names_with_a_value_in_their_order() {
    let mappings = "- {Name: user, Path: $.actor.mail}\n- {Name: own, Path: any}\n- {Name: actor_user, Path: $.id}\n- {Name: none, Path: nothing}\n";
    let normalizer = normalizer(Mode::Default).with_model(Some(LineModel::new(model(mappings), None)));
    let (line, ..) =
        line(&normalizer, r#"{"id":"é\"","any":{"b":[1, null]},"actor":{"mail":"a@b"},"c":"x","at":"soon"}"#);
    let end = r#","p_nonconforming":{"at":"soon"},"p_udm":{"actor_user":"é\"","own":{"b":[1,null]},"user":"a@b"}}"#;
    assert!(line.ends_with(&format!("{end}\n")), "{line}");
    check(mappings, "{}", "", &[]);
}

#[test]
fn one_match_counts_even_if_it_is_null_and_several_fail() {
    let mappings =
        "- {Name: own, Path: $.any.x}\n- {Name: own, Method: never}\n- {Name: several, Path: '$.list[*].name'}\n";
    check(mappings, r#"{"any":{"x":null}}"#, "", &[]);
    check(mappings, r#"{"any":{"x":0},"list":[{"name":"a"}]}"#, r#"{"own":0,"several":"a"}"#, &[]);
    check(mappings, r#"{"any":{"x":""},"list":[{"name":"a"},{"name":"b"}]}"#, r#"{"own":""}"#, &["several"]);
    check(mappings, r#"{"any":{}}"#, "", &["own"]);
}

#[test]
fn a_path_that_orders_unlike_types_fails() {
    check("- {Name: a, Path: '$.any[?(@.n > 1)].n'}\n", r#"{"any":[{"n":null}]}"#, "", &["a"]);
    check("- {Name: a, Path: '$.any[?(@.n > 1)].n'}\n", r#"{"any":[{"n":2}]}"#, r#"{"a":2}"#, &[]);
}

#[test]
fn standard_names_have_one_type() {
    let mappings = "- {Name: source_port, Path: any}\n- {Name: source_ip, Path: any}\n- {Name: own, Path: any}\n";
    check(mappings, r#"{"any":"0443"}"#, r#"{"own":"0443","source_ip":"0443","source_port":443}"#, &[]);
    check(mappings, r#"{"any":443}"#, r#"{"own":443,"source_ip":"443","source_port":443}"#, &[]);
    check(mappings, r#"{"any":["a"]}"#, r#"{"own":["a"],"source_ip":"[\"a\"]"}"#, &["source_port"]);
    check(mappings, r#"{"any":false}"#, r#"{"own":false,"source_ip":"false"}"#, &["source_port"]);
}

#[test]
fn every_member_of_the_line_can_be_read() {
    let mappings = "- {Name: a, Path: $.actor.inner.ip}\n- {Name: b, Path: $.actor.other.x}\n- {Name: c, Path: own}\n- {Name: d, Path: p_source_id}\n- {Name: e, Path: p_nonconforming.port}\n- {Name: f, Path: a_b}\n- {Name: g, Path: p_udm}\n- {Name: h, Path: $.own.y.z}\n- {Name: i, Path: $.actor}\n";
    check(
        mappings,
        r#"{"actor":{"inner":{"ip":"1.2.3.4"},"other":{"x":1}},"own":{"y":{"z":2}},"port":"http","a b":"first","a.b":"second","p_udm":1}"#,
        r#"{"a":"1.2.3.4","b":1,"c":{"y":{"z":2}},"d":"acme","e":"http","f":"first","h":2,"i":{"inner":{"ip":"1.2.3.4"},"other":{"x":1}}}"#,
        &[],
    );
    check(
        mappings,
        r#"{"actor":"{\"inner\":{\"ip\":\"::1\"}}","a.b":"second"}"#,
        r#"{"a":"::1","d":"acme","f":"second","i":{"inner":{"ip":"::1"}}}"#,
        &[],
    );
    check(mappings, r#"{"actor":[{"inner":{"ip":"::1"}}],"own":[]}"#, r#"{"d":"acme"}"#, &[]);
}

#[test]
fn one_event_leaves_nothing_for_the_next() {
    let normalizer = normalizer(Mode::Default)
        .with_model(Some(LineModel::new(model("- {Name: a, Path: $.actor.inner.ip}\n- {Name: b, Path: own}\n"), None)));
    assert_eq!(udm_of(&normalizer, r#"{"actor":{"inner":{"ip":"1"}},"own":2}"#).0, r#"{"a":"1","b":2}"#);
    assert_eq!(udm_of(&normalizer, r#"{"actor":{"inner":{}},"id":"x"}"#).0, "");
    assert_eq!(udm_of(&normalizer, r#"{"own":3}"#).0, r#"{"b":3}"#);
}

#[test]
fn masked_values_stay_masked() {
    check(
        "- {Name: user, Path: pin}\n- {Name: own, Path: $.any.pin}\n- {Name: whole, Path: '$..pin'}\n",
        r#"{"pin":"1234","any":{"pin":"1234"}}"#,
        r#"{"own":"*","user":"*"}"#,
        &["whole"],
    );
}

#[test]
fn without_a_model_and_in_strict_mode_there_is_no_p_udm() {
    let model_of_lines = || Some(LineModel::new(model("- {Name: user, Path: id}\n"), None));
    let event = r#"{"id":"a"}"#;
    assert_eq!(udm_of(&normalizer(Mode::Strict).with_model(model_of_lines()), event).0, "");
    let with = normalizer(Mode::Default).with_model(model_of_lines());
    assert_eq!(udm_of(&with, event).0, r#"{"user":"a"}"#);
    assert_eq!(udm_of(&with.with_model(None), event).0, "");
}

#[test]
fn more_members_than_slots_are_read_as_well() {
    let mappings: String = (0..300).map(|at| format!("- {{Name: n{at:03}, Path: $.x{at}}}\n")).collect();
    check(&mappings, r#"{"x0":0,"x299":299}"#, r#"{"n000":0,"n299":299}"#, &[]);
}

#[test]
fn the_values_of_a_line_are_bounded() {
    let mappings: String = (0..9).map(|at| format!("- {{Name: n{at}, Path: $.any}}\n")).collect();
    let text = "x".repeat(200_000);
    let normalizer = normalizer(Mode::Default).with_model(Some(LineModel::new(model(&mappings), None)));
    let (udm, failed) = udm_of(&normalizer, &format!("{{\"any\":\"{text}\"}}"));
    assert_eq!((udm.matches("\"n").count(), failed.join(" ")), (5, "n5 n6 n7 n8".to_owned()));
}

/// Calls methods, each of which returns the kind of value that its name says.
struct Echo;

impl Methods for Echo {
    fn call(&mut self, model: &DataModel, method: &str, event: &Value<'_>) -> Result<String, String> {
        assert_eq!(model.id, "Test");
        match method {
            "whole" => Ok(event.to_json().into_owned()),
            "spaced" => Ok("{ \"a\" : [1,\n2.50, \"\\ud800\"], \"a\": 1 }".to_owned()),
            "endless" => Ok("1e999".to_owned()),
            "none" => Ok("null".to_owned()),
            "broken" => Ok("{".to_owned()),
            _ => Err("KeyError: 'x'".to_owned()),
        }
    }
}

#[test]
fn methods_are_called_with_the_line_and_their_values_go_into_it() {
    let methods: SharedMethods = Arc::new(Mutex::new(Box::new(Echo)));
    let names = ["broken", "endless", "fails", "none", "spaced", "whole"];
    let mappings: String = names.iter().map(|name| format!("- {{Name: {name}, Method: {name}}}\n")).collect();
    let normalizer = normalizer(Mode::Default).with_model(Some(LineModel::new(model(&mappings), Some(methods))));
    let (udm, failed) = udm_of(&normalizer, r#"{"id":"a"}"#);
    let (spaced, whole) = udm.split_once(",\"whole\":").unwrap();
    assert_eq!(spaced, r#"{"spaced":{"a":1}"#);
    assert!(whole.starts_with(r#"{"id":"a","p_log_type":"Test.Udm","#) && whole.ends_with("}}"), "{whole}");
    assert_eq!(failed, ["broken", "endless", "fails"]);
}

reads! {
    ID: "id";
    MAIL: "actor"."mail";
    PORT: "port";
    UNDECLARED: "undeclared"."deep"."x";
}

const LIST: List = List { number: 0, name: "list", cells: ["name", "value"] };

/// Returns the two members of each object of the list as text.
fn rows(line: &dyn Members) -> String {
    let mut text = String::new();
    line.each_row(&LIST, &mut |row| {
        row.iter().for_each(|json| text.push_str(json.map_or("-", |json| std::str::from_utf8(json).unwrap())));
        text.push(';');
        if text.contains("last") { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    text
}

fn values<'l>(line: &'l dyn Members) -> NativeValues<'l> {
    NativeValues {
        user: line.get(MAIL).map(NativeValue::Json),
        user_agent: line.get(UNDECLARED).map(NativeValue::Json),
        source_port: line.get(PORT).and_then(|port| std::str::from_utf8(port).unwrap().parse().ok()),
        actor_user: line.get(ID).map(|id| NativeValue::Text(format!("<{}>", id.len()).into())),
        assigned_admin_role: Some(NativeValue::Text(rows(line).into())),
        ..NativeValues::default()
    }
}

static NATIVE: NativeModel = NativeModel {
    reads: READS,
    lists: &[LIST],
    methods: &[
        NativeMethod::ActorUser,
        NativeMethod::AssignedAdminRole,
        NativeMethod::SourcePort,
        NativeMethod::User,
        NativeMethod::UserAgent,
    ],
    values,
};

#[test]
fn every_built_in_model_is_valid_and_has_its_methods() {
    for log_type in LogType::ALL {
        let model_of_lines = builtin_model(log_type);
        assert_eq!(model_of_lines.model().log_type, log_type.name());
        let known = |method: &String| log_type.spec().native_model.method(method).is_some();
        assert!(model_of_lines.model().names.iter().filter_map(|name| name.method.as_ref()).all(known), "{log_type:?}");
    }
}

#[test]
fn native_methods_read_the_members_that_they_name() {
    let mappings = "- {Name: user, Method: get_user}\n- {Name: source_port, Method: get_source_port}\n- {Name: a, Method: get_actor_user}\n- {Name: b, Method: get_user_agent}\n- {Name: own, Path: $.actor.inner.ip}\n- {Name: missing, Method: missing}\n";
    let model_of_lines = LineModel::native(model(mappings), &NATIVE);
    let (udm, failed) = udm_of(
        &normalizer(Mode::Default).with_model(Some(model_of_lines)),
        r#"{"id":"x","port":443,"actor":{"mail":"a@b","inner":{"ip":"1"}},"undeclared":{"deep":{"x":"y"}}}"#,
    );
    assert_eq!(udm, r#"{"a":"<3>","b":"y","own":"1","source_port":443,"user":"a@b"}"#);
    assert_eq!(failed, ["missing"]);
}

#[test]
fn native_methods_read_the_objects_of_a_list() {
    let rows = |event: &str| {
        let model_of_lines = LineModel::native(model("- {Name: rows, Method: get_assigned_admin_role}\n"), &NATIVE);
        let (udm, _) = udm_of(&normalizer(Mode::Default).with_model(Some(model_of_lines)), event);
        udm.strip_prefix("{\"rows\":\"").unwrap().strip_suffix("\"}").unwrap().replace("\\\"", "'")
    };
    assert_eq!(rows(r#"{"list":[{"name":"a","value":"b"},{"value":"c","name":"d"}]}"#), "'a''b';'d''c';");
    assert_eq!(rows(r#"{"list":[{"name":"a"},{"value":"b"},{},{"name":null}]}"#), "'a'-;-'b';--;--;");
    assert_eq!(rows(r#"{"list":[null,{"other":{"name":"x"},"name":"a"},7]}"#), "'a'-;");
    assert_eq!(rows(r#"{"list":[{"name":"last"},{"name":"b"}]}"#), "'last'-;");
    assert_eq!(rows(r#"{"list":"[{\"name\":\"a\"}]"}"#), "'a'-;");
    for none in ["{}", r#"{"list":null}"#, r#"{"list":"text"}"#, r#"{"list":{"name":"a"}}"#, r#"{"list":[]}"#] {
        assert_eq!(rows(none), "", "{none}");
    }
}
