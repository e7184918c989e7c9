//! The Lambda shell as a separate process: its answers, its log and the bucket.

use std::collections::BTreeSet;
use std::time::Duration;

use collector::{State, Stream};
use serde_json::json;
use simulators::openai::ADMIN_KEY;

use super::deployed::{EVENTS, SCHEDULED_EVENT, metrics, stream_lines, tick_lines, world};
use super::{Fault, Faults};

const TIME: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn every_event_once_over_many_invocations() {
    let mut world = world().await;
    world.secret("acme-AbCdEf", "acme");
    let process = world.start(&["acme-AbCdEf"], &[]);
    let first = world.function.invoke(SCHEDULED_EVENT, TIME).await.unwrap();
    assert_eq!(first, json!({"streams": 1, "delivered": EVENTS, "objects": 1, "rejected": 0}));
    for payload in ["null", "[]", "\"by hand\""] {
        let again = world.function.invoke(payload, TIME).await.unwrap();
        assert_eq!(again["delivered"], 0, "{again}");
    }
    let row_ids = world.row_ids().await;
    assert_eq!((row_ids.len(), row_ids.iter().collect::<BTreeSet<_>>().len()), (EVENTS, EVENTS));
    assert_eq!(world.simulator.served().len(), EVENTS);

    let log = process.kill_and_read_log();
    let (lines, records) = (stream_lines(&log), metrics(&log));
    assert_eq!((lines.len(), records.len()), (4, 4));
    assert_eq!(
        (&lines[0]["level"], &lines[0]["source"], &lines[0]["delivered"]),
        (&json!("INFO"), &json!("acme"), &json!(EVENTS))
    );
    assert_eq!((&records[0]["Vendor"], &records[0]["Stack"]), (&json!("openai"), &json!("audit-pull")));
    let ticks = tick_lines(&log);
    assert_eq!((&ticks[0]["delivered"], &ticks[0]["failed_streams"]), (&json!(EVENTS), &json!(0)));
    assert_eq!(ticks[3]["delivered"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_without_its_secret_fails_alone() {
    let mut world = world().await;
    world.secret("acme-AbCdEf", "acme");
    let process = world.start(&["missing-AbCdEf", "acme-AbCdEf"], &[]);
    let error = world.function.invoke(SCHEDULED_EVENT, TIME).await.unwrap_err();
    assert_eq!(error["errorType"], "NeedsPerson", "{error}");
    let message = error["errorMessage"].as_str().unwrap();
    assert!(message.starts_with("1 of 2 streams failed") && message.contains("create missing-AbCdEf"), "{message}");
    assert_eq!(world.row_ids().await.len(), EVENTS);

    // Once the secret exists the same process collects the source.
    world.secret("missing-AbCdEf", "other");
    let cured = world.function.invoke(SCHEDULED_EVENT, TIME).await.unwrap();
    assert_eq!((&cured["streams"], &cured["delivered"]), (&json!(2), &json!(EVENTS)));

    let log = process.kill_and_read_log();
    let failed: Vec<_> = stream_lines(&log).into_iter().filter(|line| line["level"] == "ERROR").collect();
    assert_eq!((failed.len(), &failed[0]["source"]), (1, &json!("missing-AbCdEf")));
    let needs: u64 = metrics(&log).iter().map(|record| record["NeedsPerson"].as_u64().unwrap()).sum();
    assert_eq!(needs, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn b3_one_source_id_in_two_secrets_stops_those_two_only() {
    let mut world = world().await;
    world.secret("one-AbCdEf", "acme");
    world.secret("two-AbCdEf", "acme");
    world.secret("three-AbCdEf", "other");
    let process = world.start(&["one-AbCdEf", "two-AbCdEf", "three-AbCdEf"], &[]);
    let error = world.function.invoke(SCHEDULED_EVENT, TIME).await.unwrap_err();
    assert_eq!(error["errorType"], "NeedsPerson");
    let message = error["errorMessage"].as_str().unwrap();
    assert!(message.starts_with("2 of 3 streams failed") && message.contains("one-AbCdEf and two-AbCdEf"), "{message}");
    let stream = Stream {
        source: "acme".to_owned().try_into().unwrap(),
        label: String::new(),
        log_type: schema::LogType::OpenAiAudit,
        listings: vec![],
    };
    assert_eq!(world.state().await.head(&stream).await, Ok(None));
    assert_eq!(world.row_ids().await.len(), EVENTS);
    let log = process.kill_and_read_log();
    let failed = stream_lines(&log).into_iter().filter(|line| line["level"] == "ERROR");
    let failed: BTreeSet<_> = failed.map(|line| line["source"].as_str().unwrap()).collect();
    assert_eq!(failed, BTreeSet::from(["one-AbCdEf", "two-AbCdEf"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn b3_bare_keys_in_two_secrets_are_two_sources() {
    let mut world = world().await;
    world.bare_secret("acme/openai-AbCdEf", ADMIN_KEY);
    world.bare_secret("other-UvWxYz", ADMIN_KEY);
    let process = world.start(&["acme/openai-AbCdEf", "other-UvWxYz"], &[]);
    let summary = world.function.invoke(SCHEDULED_EVENT, TIME).await.unwrap();
    assert_eq!((&summary["streams"], &summary["delivered"]), (&json!(2), &json!(2 * EVENTS)));
    let log = process.kill_and_read_log();
    let sources: BTreeSet<_> = stream_lines(&log).iter().map(|line| line["source"].as_str().unwrap()).collect();
    assert_eq!(sources, BTreeSet::from(["acme-openai", "other"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn b3_an_arn_without_its_suffix_gives_the_whole_name_of_its_secret() {
    let mut world = world().await;
    for name in ["acme-Q1plus-AbCdEf", "acme-Q2plus-UvWxYz"] {
        world.bare_secret(name, ADMIN_KEY);
    }
    let process = world.start(&["acme-Q1plus", "acme-Q2plus-UvWxYz"], &[]);
    let summary = world.function.invoke(SCHEDULED_EVENT, TIME).await.unwrap();
    assert_eq!((&summary["streams"], &summary["delivered"]), (&json!(2), &json!(2 * EVENTS)));
    let log = process.kill_and_read_log();
    let sources: BTreeSet<_> = stream_lines(&log).iter().map(|line| line["source"].as_str().unwrap()).collect();
    assert_eq!(sources, BTreeSet::from(["acme-Q1plus", "acme-Q2plus"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn b1_a_secret_that_is_corrected_is_taken_on_the_next_tick() {
    let mut world = world().await;
    world.bare_secret("acme-AbCdEf", r#"{"admin_key":1}"#);
    let process = world.start(&["acme-AbCdEf"], &[]);
    let error = world.function.invoke(SCHEDULED_EVENT, TIME).await.unwrap_err();
    assert_eq!(error["errorType"], "NeedsPerson", "{error}");
    world.secret("acme-AbCdEf", "acme");
    let summary = world.function.invoke(SCHEDULED_EVENT, TIME).await.unwrap();
    assert_eq!((&summary["streams"], &summary["delivered"]), (&json!(1), &json!(EVENTS)));
    process.kill_and_read_log();
}

/// A late function is killed by Lambda without any message, so the shell must end in time.
#[tokio::test(flavor = "multi_thread")]
async fn e2_a_hanging_call_is_cut_off_and_named_before_lambda_kills_it() {
    let mut world = world().await;
    world.secret("acme-AbCdEf", "acme");
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent_url = format!("http://{}", silent.local_addr().unwrap());
    let process = world.start(&["acme-AbCdEf"], &[("AWS_ENDPOINT_URL_DYNAMODB", &silent_url)]);
    let error = world.function.invoke(SCHEDULED_EVENT, Duration::from_secs(16)).await.unwrap_err();
    assert_eq!(error["errorType"], "NextTick", "{error}");
    let message = error["errorMessage"].as_str().unwrap();
    assert!(message.contains("acme/openai_audit: did not end in time and was cut off"), "{error}");
    assert!(message.contains("from the state table: read the head of acme/openai_audit"), "{error}");
    let log = process.kill_and_read_log();
    assert_eq!((&stream_lines(&log)[0]["level"], &tick_lines(&log)[0]["failed_streams"]), (&json!("WARN"), &json!(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn e2_a_silent_bucket_is_named() {
    let mut world = world().await;
    world.secret("acme-AbCdEf", "acme");
    let (url, faults) = Faults::between(world.url("AWS_ENDPOINT_URL_S3")).await;
    faults.next_times(50, "GET", &Fault::Swallow);
    let process = world.start(&["acme-AbCdEf"], &[("AWS_ENDPOINT_URL_S3", &url)]);
    let error = world.function.invoke(SCHEDULED_EVENT, Duration::from_secs(16)).await.unwrap_err();
    let message = error["errorMessage"].as_str().unwrap();
    assert!(message.contains("from the bucket: get audit/_state/acme-openai_audit.json"), "{error}");
    process.kill_and_read_log();
}

/// Each service fails to answer one call; the tick still delivers all events.
#[tokio::test(flavor = "multi_thread")]
async fn e1_a_service_that_is_silent_once_costs_a_retry_and_not_the_tick() {
    for (variable, operation) in [
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", "GetSecretValue"),
        ("AWS_ENDPOINT_URL_DYNAMODB", "GetItem"),
        ("AWS_ENDPOINT_URL_DYNAMODB", "TransactWriteItems"),
        ("AWS_ENDPOINT_URL_S3", "GET"),
        ("AWS_ENDPOINT_URL_S3", "PUT"),
    ] {
        let mut world = world().await;
        world.secret("acme-AbCdEf", "acme");
        let (url, faults) = Faults::between(world.url(variable)).await;
        faults.next(operation, Fault::Swallow);
        let process = world.start(&["acme-AbCdEf"], &[(variable, &url)]);
        let summary = world.function.invoke(SCHEDULED_EVENT, Duration::from_secs(30)).await;
        assert_eq!(summary.unwrap()["delivered"], json!(EVENTS), "{operation}");
        assert!(faults.are_spent(), "{operation}");
        process.kill_and_read_log();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_credentials_need_a_person() {
    let mut world = world().await;
    world.secret("acme-AbCdEf", "acme");
    let none = [("AWS_ACCESS_KEY_ID", ""), ("AWS_SECRET_ACCESS_KEY", ""), ("AWS_EC2_METADATA_DISABLED", "true")];
    let process = world.start(&["acme-AbCdEf"], &none);
    let error = world.function.invoke(SCHEDULED_EVENT, TIME).await.unwrap_err();
    assert_eq!(error["errorType"], "NeedsPerson", "{error}");
    assert!(error["errorMessage"].as_str().unwrap().contains("check the AWS region, credentials"), "{error}");
    let log = process.kill_and_read_log();
    assert_eq!((stream_lines(&log).len(), &stream_lines(&log)[0]["level"]), (1, &json!("ERROR")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_environment_stops_the_start_with_one_line() {
    let world = world().await;
    let process = world.start(&["acme-AbCdEf"], &[("BUCKET", ""), ("COMPRESSION", "lz4"), ("OPENAI_KEY", ADMIN_KEY)]);
    let (is_success, log) = process.wait_until_ended();
    assert!(!is_success);
    let [line] = &log[..] else { panic!("{log:?}") };
    let failure = line["failure"].as_str().unwrap();
    assert!(
        ["BUCKET is not set", "COMPRESSION must be", "OPENAI_KEY is unknown"].iter().all(|says| failure.contains(says)),
        "{failure}"
    );
}
