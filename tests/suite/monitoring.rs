//! The alarms, the dashboard and the saved queries, compared with what a function emits.
#![expect(clippy::unwrap_used, reason = "a failed call fails the test")]

use std::collections::{BTreeMap, BTreeSet};

use adapters::lambda::{Deployment, TickUsage, log_lines, metrics_record};
use collector::{Failure, Gap, Notes, PendingReport, PortError, StreamReport};
use jiff::Timestamp;
use serde_json::Value;

use crate::stack::{Stack, array};

/// A stack with both vendors and all options.
const FULL: [(&str, &str); 2] = [
    ("OpenAISecretArns", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:o-AbCdEf"),
    ("Microsoft365SecretArns", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:m-AbCdEf"),
];
/// The name of the stack in the tests.
const STACK: &str = "stack";
/// The vendors, each with the beginning of the names of its resources.
const VENDORS: [(&str, &str); 2] = [("OpenAI", "openai"), ("Microsoft365", "microsoft365")];
/// The metrics that Lambda itself records with the dimension `FunctionName`.
const LAMBDA_METRICS: [&str; 4] = ["Duration", "Errors", "Invocations", "Throttles"];
/// The words of the query language of Logs Insights that the queries use.
const QUERY_WORDS: [&str; 20] = [
    "SOURCE",
    "and",
    "as",
    "asc",
    "bin",
    "by",
    "count",
    "desc",
    "fields",
    "filter",
    "h",
    "ispresent",
    "latest",
    "limit",
    "m",
    "max",
    "or",
    "sort",
    "stats",
    "sum",
];
/// Fields that CloudWatch Logs adds to each line.
const LOG_FIELDS: [&str; 2] = ["@message", "@timestamp"];

/// A metric: namespace, name, and the values of its dimensions by name.
type Metric = (String, String, BTreeMap<String, String>);

/// Returns a report in which every value is known.
fn full_report() -> StreamReport {
    StreamReport {
        source: "acme".to_owned(),
        stream: "openai_audit".to_owned(),
        pending: PendingReport {
            pending_age_seconds: Some(1),
            pending_reason: Some("slow".to_owned()),
            ..PendingReport::default()
        },
        gaps: vec![Gap { from: 1, to: 2, cause: "late".to_owned() }],
        notes: Notes {
            silence: Some("none".to_owned()),
            silent_since: Some(1),
            waiting: Some("it waits".to_owned()),
            watermark_lag_seconds: Some(1),
            clock_skew_seconds: Some(1),
            ..Notes::default()
        },
        failure: Some(Failure::new("acme", &PortError::person("no"))),
        ..StreamReport::default()
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// Returns the metrics that the functions of the stack record by default, without or with a fan-out.
fn emitted(is_fan_out: bool) -> BTreeSet<Metric> {
    let mut emitted = BTreeSet::new();
    for (_, vendor) in VENDORS {
        let deployment = Deployment { stack: STACK, vendor, is_fan_out };
        let record = metrics_record(deployment, &[full_report()], Timestamp::UNIX_EPOCH);
        for directive in array(&record["_aws"]["CloudWatchMetrics"]) {
            for names in array(&directive["Dimensions"]) {
                let dimensions = array(names).iter().map(|name| (text(name), text(&record[text(name)])));
                let dimensions: BTreeMap<_, _> = dimensions.collect();
                let metrics = array(&directive["Metrics"]).iter();
                emitted
                    .extend(metrics.map(|it| (text(&directive["Namespace"]), text(&it["Name"]), dimensions.clone())));
            }
        }
    }
    assert_eq!(emitted.len(), if is_fan_out { 14 } else { 12 }, "{emitted:?}");
    emitted
}

/// Asserts that a function of the stack, or Lambda itself, records the metric.
#[track_caller]
fn assert_recorded(user: &str, metric: &Metric, functions: &[String], is_fan_out: bool) {
    let (namespace, name, dimensions) = metric;
    if namespace == "AWS/Lambda" {
        let function = dimensions.get("FunctionName").unwrap();
        let is_known = LAMBDA_METRICS.contains(&name.as_str()) && dimensions.len() == 1;
        assert!(is_known && functions.contains(function), "{user}: {metric:?}");
    } else {
        assert!(emitted(is_fan_out).contains(metric), "{user}: no function records {metric:?}");
    }
}

/// Returns the alarms of a vendor.
fn alarms(root: &Stack, id: &str) -> (String, BTreeMap<String, Value>) {
    let parameters = root.resource(&format!("{id}Alarms")).unwrap()["Parameters"].clone();
    let given: Vec<(String, String)> =
        parameters.as_object().unwrap().iter().map(|(name, value)| (name.clone(), text(value))).collect();
    let given: Vec<_> = given.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let alarms = Stack::nested("alarms.yaml", &given).resources("AWS::CloudWatch::Alarm");
    (text(&parameters["FunctionName"]), alarms)
}

#[test]
fn every_alarm_watches_a_metric_that_is_recorded() {
    for (fan_out, is_fan_out) in [("false", false), ("true", true)] {
        let root = Stack::new(&[FULL[0], FULL[1], ("FanOut", fan_out)]);
        for (id, _) in VENDORS {
            let (function, alarms) = alarms(&root, id);
            assert_eq!(alarms.len(), 9, "{:?}", alarms.keys());
            alarms.iter().for_each(|(name, alarm)| assert_alarm(&root, &function, name, alarm, is_fan_out));
        }
    }
}

/// Asserts that the function records the alarm's metric, and that the alarm reaches the topic.
#[track_caller]
fn assert_alarm(root: &Stack, function: &str, name: &str, alarm: &Value, is_fan_out: bool) {
    let dimensions = array(&alarm["Dimensions"]).iter();
    let dimensions = dimensions.map(|it| (text(&it["Name"]), text(&it["Value"]))).collect();
    let metric = (text(&alarm["Namespace"]), text(&alarm["MetricName"]), dimensions);
    assert_recorded(name, &metric, &[function.to_owned()], is_fan_out);
    let topic = text(&root.output("AlarmTopicArn").unwrap());
    assert!(topic.ends_with(":AlarmTopic") && alarm["AlarmActions"] == serde_json::json!([topic]), "{name}");
}

/// A metric without an alarm costs as much as one with an alarm, and the log has its value for nothing.
#[test]
fn every_metric_has_an_alarm() {
    for (fan_out, is_fan_out) in [("false", false), ("true", true)] {
        let root = Stack::new(&[FULL[0], FULL[1], ("FanOut", fan_out)]);
        let watched = |id| alarms(&root, id).1.into_values().map(|alarm| text(&alarm["MetricName"]));
        let watched: BTreeSet<_> = VENDORS.iter().flat_map(|(id, _)| watched(id)).collect();
        for (_, name, _) in emitted(is_fan_out) {
            assert!(watched.contains(&name), "{name} has no alarm");
        }
    }
}

/// An invocation of a fan-out succeeds although a tick failed, so Lambda's own metric would not show it.
#[test]
fn with_a_fan_out_the_alarm_on_errors_watches_the_failures_that_ticks_report() {
    for (fan_out, metric) in [("false", "Errors"), ("true", "Failures")] {
        let root = Stack::new(&[FULL[0], FULL[1], ("FanOut", fan_out)]);
        for (id, _) in VENDORS {
            assert_eq!(alarms(&root, id).1["ErrorsAlarm"]["MetricName"], metric);
        }
    }
}

#[test]
fn the_alarm_on_silent_streams_is_deployed_unless_the_setting_is_zero() {
    let root = Stack::new(&[FULL[0], FULL[1], ("NoDataHours", "0")]);
    for (id, _) in VENDORS {
        assert!(!alarms(&root, id).1.contains_key("SilentStreamsAlarm"));
        assert_eq!(root.variables(&format!("{id}Function"))["NO_DATA_HOURS"], "0");
    }
    let statements = root.statements("OpenAIRole");
    assert!(statements.iter().all(|statement| statement["Sid"] != "Messages"), "{statements:?}");
}

#[test]
fn alarms_and_messages_go_to_the_existing_topic_if_one_is_named() {
    let topic = "arn:aws:sns:eu-west-1:123456789012:on-call";
    let root = Stack::new(&[FULL[0], FULL[1], ("AlarmTopicArn", topic)]);
    assert_eq!(root.resource("AlarmTopic"), None);
    assert_eq!(root.output("AlarmTopicArn").unwrap(), topic);
    for (id, _) in VENDORS {
        assert_eq!(root.variables(&format!("{id}Function"))["ALARM_TOPIC_ARN"], topic);
        for alarm in alarms(&root, id).1.values() {
            assert_eq!(alarm["AlarmActions"], serde_json::json!([topic]));
        }
        let statements = root.statements(&format!("{id}Role"));
        let publish = statements.iter().find(|statement| statement["Sid"] == "Messages").unwrap();
        assert_eq!(publish["Action"], "sns:Publish");
        assert_eq!(publish["Resource"], topic);
    }
    let both = Stack::new(&[FULL[0], ("AlarmTopicArn", topic), ("AlarmEmail", "a@example.com")]);
    assert!(both.refusals()[0].contains("either AlarmEmail or AlarmTopicArn"));
}

#[test]
fn an_output_says_when_nobody_receives_the_alarms() {
    let receiver = |more: &[(&str, &str)]| text(&Stack::new(&[&FULL, more].concat()).output("AlarmReceiver").unwrap());
    assert!(receiver(&[]).starts_with("NOBODY"));
    assert!(receiver(&[("AlarmEmail", "a@example.com")]).starts_with("a@example.com"));
    assert!(receiver(&[("AlarmTopicArn", "arn:aws:sns:r:123456789012:t")]).ends_with("arn:aws:sns:r:123456789012:t"));
}

fn dashboard(given: &[(&str, &str)]) -> Stack {
    let given: Vec<_> = given.iter().copied().chain([("DashboardName", STACK)]).collect();
    Stack::nested("dashboard.yaml", &given)
}

/// Returns the widgets of this type.
fn widgets(kind: &str) -> Vec<Value> {
    let body = text(&dashboard(&[]).resource("Dashboard").unwrap()["DashboardBody"]);
    let body: Value = serde_json::from_str(&body).unwrap();
    let widgets: Vec<_> = array(&body["widgets"])
        .iter()
        .filter(|widget| widget["type"] == kind)
        .map(|it| it["properties"].clone())
        .collect();
    assert!(widgets.len() >= 7, "{kind}");
    widgets
}

#[test]
fn every_metric_widget_shows_metrics_that_are_recorded() {
    let functions = VENDORS.map(|(_, vendor)| format!("{STACK}-{vendor}"));
    for widget in widgets("metric") {
        for metric in array(&widget["metrics"]) {
            let parts: Vec<_> = array(metric).iter().map(text).collect();
            let dimensions = parts[2..].chunks(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect();
            let title = text(&widget["title"]);
            assert_recorded(&title, &(parts[0].clone(), parts[1].clone(), dimensions), &functions, false);
        }
    }
}

/// Returns the names of fields in a query, without the names that it gives itself.
fn fields(query: &str) -> BTreeSet<String> {
    let unquoted: String = query.split('\'').step_by(2).collect::<Vec<_>>().join(" ");
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '@';
    let words: Vec<&str> = unquoted.split(|c| !is_name(c)).filter(|word| !word.is_empty()).collect();
    let own: BTreeSet<&str> = words.windows(2).filter(|pair| pair[0] == "as").map(|pair| pair[1]).collect();
    let is_number = |word: &str| word.starts_with(|c: char| c.is_ascii_digit());
    let is_field = |word: &&str| !is_number(word) && !QUERY_WORDS.contains(word) && !own.contains(word);
    words.into_iter().filter(is_field).map(str::to_owned).collect()
}

/// Asserts that the query reads one kind of line, and only fields of that line.
#[track_caller]
fn assert_fields_are_logged(query: &str) {
    let [stream, tick] = log_lines("openai", &full_report(), &TickUsage::default());
    let line = if query.contains("message = 'stream'") { stream } else { tick };
    let line: Value = serde_json::from_str(&line).unwrap();
    let kind = text(&line["message"]);
    assert!(query.contains(&format!("message = '{kind}'")), "{query}");
    let fields = fields(query);
    assert!(fields.len() >= 2, "{query}");
    for field in fields {
        assert!(LOG_FIELDS.contains(&field.as_str()) || line.get(&field).is_some(), "{field} of {query}: {line}");
    }
}

#[test]
fn every_log_widget_and_saved_query_reads_fields_of_the_log() {
    let root = Stack::new(&FULL);
    let groups: BTreeSet<String> =
        root.resources("AWS::Logs::LogGroup").values().map(|group| text(&group["LogGroupName"])).collect();
    let sources = format!("SOURCE '/aws/lambda/{STACK}-openai' | SOURCE '/aws/lambda/{STACK}-microsoft365' | ");
    let mut shown = BTreeSet::new();
    for widget in widgets("log") {
        let query = text(&widget["query"]);
        let query = query.strip_prefix(&sources).unwrap_or_else(|| panic!("{query}"));
        assert_fields_are_logged(query);
        shown.insert(query.to_owned());
    }
    let saved = dashboard(&[]).resources("AWS::Logs::QueryDefinition");
    for query in saved.values() {
        let named: BTreeSet<String> = array(&query["LogGroupNames"]).iter().map(text).collect();
        assert_eq!(named, groups);
        let query = text(&query["QueryString"]).replace("\n| ", " | ");
        assert!(shown.remove(&query), "{query} is in no widget");
    }
    assert_eq!(shown, BTreeSet::new());
}

#[test]
fn a_dashboard_of_one_vendor_reads_the_log_of_its_function_only() {
    let dashboard = dashboard(&[("HasOpenAI", "false")]);
    let body = text(&dashboard.resource("Dashboard").unwrap()["DashboardBody"]);
    assert!(body.contains("SOURCE '/aws/lambda/stack-microsoft365' | filter") && !body.contains("stack-openai' |"));
    for query in dashboard.resources("AWS::Logs::QueryDefinition").values() {
        assert_eq!(query["LogGroupNames"], serde_json::json!(["/aws/lambda/stack-microsoft365"]));
    }
}
