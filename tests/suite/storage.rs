//! The template's bucket: lifecycle, Object Lock, access logs, and the notifications of new objects.
#![expect(clippy::unwrap_used, reason = "a failed call fails the test")]

use schema::LogType;
use serde_json::{Value, json};

use crate::stack::{Stack, array};

const TOPIC: &str = "NewObjectsSnsTopic";
const TOPIC_ARN: &str = "arn:aws:sns:eu-west-1:123456789012:NewObjectsSnsTopic";
const EXISTING_TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:mine";
/// Keys below the prefix that are no objects of lines.
const OTHER_KEYS: [&str; 4] = [
    "_state/acme-openai_audit.json",
    "rejected/openai_audit/acme-00.json",
    "_athena/0d1f9f5e.csv",
    "_models/openai_audit_data_model.yml",
];
const PREFIXES: [&str; 3] = ["", "audit/", "team/audit/"];

fn bucket(given: &[(&str, &str)]) -> Value {
    Stack::new(given).resource("Bucket").unwrap()
}

/// Returns the lifecycle rules of the bucket.
fn rules(given: &[(&str, &str)]) -> Vec<Value> {
    array(&bucket(given)["LifecycleConfiguration"]["Rules"]).clone()
}

/// Returns the rules for objects of lines and for rejected input.
fn own_rules(given: &[(&str, &str)]) -> Vec<Value> {
    let is_own = |rule: &Value| rule["Id"] != "noncurrent" && rule["Id"] != "query-results";
    rules(given).into_iter().filter(is_own).collect()
}

/// Returns the key of an object of each log type below the prefix.
fn line_keys(prefix: &str) -> Vec<String> {
    let key =
        |log_type: LogType| format!("{prefix}{}/dt=2026-11-22/hour=03/acme-000000000042.ndjson.gz", log_type.table());
    LogType::ALL.into_iter().map(key).collect()
}

/// Returns the prefixes of the bucket's notifications. All are for every way to create an object.
fn notified(bucket: &Value, topic: &str) -> Vec<String> {
    let configurations = array(&bucket["NotificationConfiguration"]["TopicConfigurations"]).iter();
    let prefix = |configuration: &Value| {
        assert_eq!(configuration["Event"], "s3:ObjectCreated:*");
        assert_eq!(configuration["Topic"], topic);
        let rules = array(&configuration["Filter"]["S3Key"]["Rules"]);
        assert!(rules.len() == 1 && rules[0]["Name"] == "prefix", "{rules:?}");
        rules[0]["Value"].as_str().unwrap().to_owned()
    };
    configurations.map(prefix).collect()
}

fn matches(prefixes: &[String], key: &str) -> usize {
    prefixes.iter().filter(|prefix| key.starts_with(prefix.as_str())).count()
}

#[test]
fn by_default_lines_stay_for_ever_and_nobody_is_notified() {
    let stack = Stack::new(&[("OpenAISecretPrefix", "a/")]);
    let bucket = stack.resource("Bucket").unwrap();
    assert_eq!(own_rules(&[]), Vec::<Value>::new());
    for absent in ["ObjectLockEnabled", "ObjectLockConfiguration", "LoggingConfiguration", "NotificationConfiguration"]
    {
        assert_eq!(bucket.get(absent), None, "{absent}");
    }
    assert_eq!(stack.resource(TOPIC), None);
    assert_eq!(stack.resource("NewObjectsTopicPolicy"), None);
    assert_eq!((stack.output("NewObjectsTopicArn"), stack.output("NotificationsToAdd")), (None, None));
}

#[test]
fn lines_are_moved_and_deleted_by_exactly_one_rule() {
    for prefix in PREFIXES {
        let given = [("Prefix", prefix), ("TransitionDays", "30"), ("ExpirationDays", "365")];
        let rules = own_rules(&given);
        for key in line_keys(prefix) {
            let matching: Vec<_> =
                rules.iter().filter(|rule| key.starts_with(rule["Prefix"].as_str().unwrap())).collect();
            assert_eq!(matching.len(), 1, "{key}");
            assert_eq!(matching[0]["ExpirationInDays"], "365");
            let transitions = json!([{"TransitionInDays": "30", "StorageClass": "GLACIER_IR"}]);
            assert_eq!(matching[0]["Transitions"], transitions);
        }
    }
}

#[test]
fn no_rule_deletes_birth_records_or_data_models() {
    for prefix in PREFIXES {
        for rule in rules(&[("Prefix", prefix), ("TransitionDays", "1"), ("ExpirationDays", "1")]) {
            let is_current = rule.get("ExpirationInDays").is_some() || rule.get("Transitions").is_some();
            for key in [OTHER_KEYS[0], OTHER_KEYS[3]].map(|key| format!("{prefix}{key}")) {
                let is_matching = rule.get("Prefix").is_none_or(|of| key.starts_with(of.as_str().unwrap()));
                assert!(!(is_current && is_matching), "{rule} on {key}");
            }
        }
    }
}

#[test]
fn expiry_deletes_rejected_input_too_and_a_move_does_not_move_it() {
    let rejected = |given: &[(&str, &str)]| own_rules(given).into_iter().find(|rule| rule["Id"] == "rejected");
    let rule = rejected(&[("ExpirationDays", "90")]).unwrap();
    assert_eq!((&rule["Prefix"], &rule["ExpirationInDays"]), (&json!("audit/rejected/"), &json!("90")));
    assert_eq!(rejected(&[("TransitionDays", "90")]), None);
    let moved = own_rules(&[("TransitionDays", "90"), ("TransitionStorageClass", "DEEP_ARCHIVE")]);
    assert!(moved.iter().all(|rule| rule.get("ExpirationInDays").is_none()), "{moved:?}");
    assert_eq!(moved[0]["Transitions"][0]["StorageClass"], "DEEP_ARCHIVE");
}

#[test]
fn results_of_queries_expire() {
    let rule = rules(&[("Prefix", "p/")]).into_iter().find(|rule| rule["Id"] == "query-results").unwrap();
    assert_eq!((&rule["Prefix"], &rule["ExpirationInDays"]), (&json!("p/_athena/"), &json!("7")));
}

#[test]
fn object_lock_and_access_logs_are_settings_of_the_bucket() {
    let locked = bucket(&[("ObjectLockMode", "COMPLIANCE"), ("ObjectLockDays", "400")]);
    assert_eq!(locked["ObjectLockEnabled"], "true");
    let retention = &locked["ObjectLockConfiguration"]["Rule"]["DefaultRetention"];
    assert_eq!(retention, &json!({"Mode": "COMPLIANCE", "Days": "400"}));
    assert_eq!(locked["VersioningConfiguration"]["Status"], "Enabled");
    let logged = bucket(&[("AccessLogBucketName", "logs"), ("AccessLogPrefix", "a/")]);
    assert_eq!(logged["LoggingConfiguration"], json!({"DestinationBucketName": "logs", "LogFilePrefix": "a/"}));
}

#[test]
fn each_object_of_lines_notifies_once_and_nothing_else_notifies() {
    for prefix in PREFIXES {
        for (parameter, topic) in [("true", TOPIC_ARN), (EXISTING_TOPIC, EXISTING_TOPIC)] {
            let bucket = bucket(&[("Prefix", prefix), ("NewObjectsTopic", parameter)]);
            let prefixes = notified(&bucket, topic);
            assert!(line_keys(prefix).iter().all(|key| matches(&prefixes, key) == 1), "{prefixes:?}");
            assert!(OTHER_KEYS.iter().all(|key| matches(&prefixes, &format!("{prefix}{key}")) == 0), "{prefixes:?}");
            // S3 refuses a configuration in which one prefix contains another.
            assert!(prefixes.iter().all(|one| matches(&prefixes, one) == 1), "{prefixes:?}");
        }
    }
}

/// Returns the statement of the topic's policy with this `Sid`.
fn statement(stack: &Stack, sid: &str) -> Option<Value> {
    let policy = stack.resource("NewObjectsTopicPolicy").unwrap();
    array(&policy["PolicyDocument"]["Statement"]).iter().find(|statement| statement["Sid"] == sid).cloned()
}

#[test]
fn only_s3_for_a_bucket_of_the_account_may_publish_to_the_topic() {
    let source = |given: &[(&str, &str)]| {
        let statement = statement(&Stack::new(given), "Bucket").unwrap();
        assert_eq!(statement["Principal"], json!({"Service": "s3.amazonaws.com"}));
        assert_eq!((&statement["Action"], &statement["Resource"]), (&json!("sns:Publish"), &json!(TOPIC_ARN)));
        assert_eq!(statement["Condition"]["StringEquals"], json!({"aws:SourceAccount": "123456789012"}));
        statement["Condition"]["ArnLike"]["aws:SourceArn"].clone()
    };
    assert_eq!(source(&[("NewObjectsTopic", "true")]), "arn:aws:s3:::*");
    assert_eq!(source(&[("NewObjectsTopic", "true"), ("ExistingBucketName", "lake")]), "arn:aws:s3:::lake");
}

#[test]
fn named_principals_may_subscribe_and_do_nothing_else() {
    let stack = Stack::new(&[
        ("NewObjectsTopic", "true"),
        ("NewObjectsSubscribers", "arn:aws:iam::111122223333:user/vj4g,444455556666"),
    ]);
    let subscribers = statement(&stack, "Subscribers").unwrap();
    assert_eq!(subscribers["Principal"]["AWS"], json!(["arn:aws:iam::111122223333:user/vj4g", "444455556666"]));
    assert_eq!((&subscribers["Action"], &subscribers["Resource"]), (&json!("sns:Subscribe"), &json!(TOPIC_ARN)));
    assert_eq!(statement(&Stack::new(&[("NewObjectsTopic", "true")]), "Subscribers"), None);
}

#[test]
fn the_notifications_of_an_existing_bucket_are_left_alone_and_named() {
    let given = [("ExistingBucketName", "lake"), ("Prefix", "p/"), ("NewObjectsTopic", EXISTING_TOPIC)];
    let stack = Stack::new(&given);
    assert_eq!((stack.resource("Bucket"), stack.resource(TOPIC)), (None, None));
    let to_add = stack.output("NotificationsToAdd").unwrap();
    let entries: Value = serde_json::from_str(to_add.as_str().unwrap()).unwrap();
    let prefixes: Vec<String> = array(&entries)
        .iter()
        .map(|entry| {
            assert_eq!(
                (&entry["TopicArn"], &entry["Events"]),
                (&json!(EXISTING_TOPIC), &json!(["s3:ObjectCreated:*"]))
            );
            entry["Filter"]["Key"]["FilterRules"][0]["Value"].as_str().unwrap().to_owned()
        })
        .collect();
    let created = bucket(&[given[1], given[2]]);
    assert_eq!(prefixes, notified(&created, EXISTING_TOPIC));
    assert_eq!(Stack::new(&[given[2]]).output("NotificationsToAdd"), None);
}

#[test]
fn settings_that_an_existing_bucket_would_not_get_are_refused() {
    let refusals = |given: &[(&str, &str)]| {
        let vendor = [("OpenAISecretPrefix", "a/")];
        Stack::new(&[&vendor, given].concat()).refusals().len()
    };
    for setting in [
        ("TransitionDays", "30"),
        ("ExpirationDays", "1"),
        ("ObjectLockMode", "GOVERNANCE"),
        ("AccessLogBucketName", "l"),
    ] {
        assert_eq!(refusals(&[setting]), 0, "{setting:?}");
        assert_eq!(refusals(&[setting, ("ExistingBucketName", "lake")]), 1, "{setting:?}");
    }
    assert_eq!(refusals(&[("NewObjectsTopic", "true"), ("ExistingBucketName", "lake")]), 0);
}

#[test]
fn results_of_queries_are_never_locked() {
    let refusals = |given: &[(&str, &str)]| {
        let locked = [("OpenAISecretPrefix", "a/"), ("ObjectLockMode", "COMPLIANCE"), ("Lake", "true")];
        Stack::new(&[&locked, given].concat()).refusals()
    };
    assert!(refusals(&[])[0].contains("QueryResultsLocation"), "{:?}", refusals(&[]));
    assert_eq!(refusals(&[("QueryResultsLocation", "s3://results/athena/")]), [""; 0]);
}

#[test]
fn results_of_queries_are_encrypted_like_the_bucket() {
    let key = "arn:aws:kms:eu-west-1:123456789012:key/bucket";
    let parameters = |given: &[(&str, &str)]| {
        let lake =
            Stack::new(&[&[("Lake", "true"), ("KmsKeyArn", key)], given].concat()).resource("LakeStack").unwrap();
        lake["Parameters"].clone()
    };
    assert_eq!(parameters(&[])["KmsKeyArn"], key);
    let elsewhere = parameters(&[("QueryResultsLocation", "s3://results/")]);
    assert_eq!((&elsewhere["KmsKeyArn"], &elsewhere["ResultsLocation"]), (&json!(""), &json!("s3://results/")));
}
