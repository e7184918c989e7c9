//! The Lambda shell, as a process of its own: what its invoker, its log and the bucket see.

use std::collections::BTreeSet;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use adapters::aws::{DynamoState, S3Bucket, dynamodb_client, s3_client};
use adapters::clock::SystemClock;
use adapters::http::HttpClient;
use adapters::lambda::{Shell, exit_code};
use collector::{Bucket, Clock, PortError, State, Stream};
use flate2::read::MultiGzDecoder;
use openai::{Config, OpenAi};
use serde_json::{Value, json};
use simulators::Options;
use simulators::Running;
use simulators::openai::{ADMIN_KEY, OpenAiSimulator};

use super::dynamodb_server::{self, TABLE, create_table};
use super::runtime_api::{self, Function};
use super::s3_server::{BUCKET, Store};
use super::secrets_server::Vault;
use super::{ACCESS_KEY, PATIENT, SECRET_KEY, sdk};

const EVENTS: usize = 137;
const TIME: Duration = Duration::from_secs(60);
/// What EventBridge sends; and what somebody may send by hand.
const SCHEDULED: &str = r#"{"version":"0","id":"5","detail-type":"Scheduled Event","source":"aws.events","detail":{}}"#;

fn arn(name: &str) -> String {
    format!("arn:aws:secretsmanager:eu-west-1:123456789012:secret:{name}")
}

struct World {
    vault: Vault,
    store: Store,
    simulator: Running,
    urls: [(&'static str, String); 4],
    function: Function,
}

async fn world() -> World {
    let (s3, store) = Store::serve().await;
    let (secrets, vault) = Vault::serve().await;
    let dynamodb = dynamodb_server::serve().await;
    create_table(&dynamodb_client(&sdk(&dynamodb, PATIENT).await)).await;
    let (host, function) = runtime_api::start().await;
    let options = Options { events: EVENTS, ..Options::new(SystemClock.now() - Duration::from_secs(60)) };
    let simulator = OpenAiSimulator::start(options, 0, Arc::new(|| SystemClock.now())).unwrap();
    let urls = [
        ("AWS_ENDPOINT_URL_S3", s3),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", secrets),
        ("AWS_ENDPOINT_URL_DYNAMODB", dynamodb),
        ("AWS_LAMBDA_RUNTIME_API", host),
    ];
    World { vault, store, simulator, urls, function }
}

impl World {
    /// A source's secret under `name`.
    fn secret(&self, name: &str, source_id: &str) {
        let secret = json!({"source_id": source_id, "source_label": "Acme", "admin_key": ADMIN_KEY});
        self.vault.store(&arn(name), &secret.to_string());
    }

    fn start(&self, secrets: &[&str], more: &[(&str, &str)]) -> Process {
        let arns: Vec<String> = secrets.iter().map(|name| arn(name)).collect();
        let base_url = format!("http://{}/v1", self.simulator.address());
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "aws::shell::function", "--nocapture", "--test-threads=1"])
            .env_clear()
            .envs(self.urls.clone())
            .envs([
                ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
                ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
                ("AWS_REGION", "eu-west-1"),
            ])
            .envs([("AWS_LAMBDA_FUNCTION_NAME", "f"), ("AWS_LAMBDA_FUNCTION_VERSION", "1")])
            .envs([("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"), ("STATE_TABLE", TABLE), ("BUCKET", BUCKET)])
            .envs([("PREFIX", "audit"), ("OPENAI_BASE_URL", &base_url), ("OPENAI_SECRET_ARNS", &arns.join(","))])
            .envs(more.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Process(child)
    }

    async fn bucket(&self) -> S3Bucket<SystemClock> {
        S3Bucket::new(s3_client(&sdk(&self.urls[0].1, PATIENT).await), BUCKET, SystemClock)
    }

    async fn state(&self) -> DynamoState<SystemClock> {
        DynamoState::new(dynamodb_client(&sdk(&self.urls[2].1, PATIENT).await), TABLE, SystemClock)
    }

    /// The row ids of every line in the bucket.
    async fn row_ids(&self) -> Vec<String> {
        let bucket = self.bucket().await;
        let mut found = Vec::new();
        for key in self.store.keys().iter().filter(|key| key.starts_with("audit/openai_audit/")) {
            let object = bucket.get(key).await.unwrap().unwrap();
            let mut text = String::new();
            MultiGzDecoder::new(&object[..]).read_to_string(&mut text).unwrap();
            let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
            found.extend(lines.map(|line| line["p_row_id"].as_str().unwrap().to_owned()));
        }
        found
    }
}

/// The function's process; ends with the test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Process {
    /// Ends it and gives the JSON lines it wrote to standard output, having made sure that no
    /// credential is in anything it wrote.
    fn end(mut self) -> Vec<Value> {
        let _ = self.0.kill();
        self.read()
    }

    fn read(&mut self) -> Vec<Value> {
        let (mut out, mut err) = (String::new(), String::new());
        self.0.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        self.0.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        for text in [&out, &err] {
            assert!(!text.contains(ADMIN_KEY) && !text.contains(SECRET_KEY), "a credential was written:\n{text}");
        }
        // The test harness writes before our first line, and gives it no line of its own.
        let objects = out.lines().filter_map(|line| line.find('{').map(|at| &line[at..]));
        objects.map(|object| serde_json::from_str(object).unwrap()).collect()
    }
}

/// Not a test of its own: the process that the others start. The same as the function's `main`.
#[tokio::test]
#[ignore = "started by the other tests"]
async fn function() {
    let run = async {
        let shell = Shell::start("OPENAI", &["OPENAI_BASE_URL", "OPENAI_LISTINGS"]).await?;
        let config = Config::from_variables(|name| shell.environment.variable(name))?;
        let http = HttpClient::new()?;
        shell.serve(async |secret| OpenAi::source(&http, &shell.secrets, &shell.clock, &config, secret).await).await
    };
    let ended: Result<(), PortError> = run.await;
    let failed = ended.is_err();
    exit_code(ended);
    std::process::exit(i32::from(failed));
}

fn stream_lines(log: &[Value]) -> Vec<&Value> {
    log.iter().filter(|line| line["message"] == "stream").collect()
}

fn metrics(log: &[Value]) -> Vec<&Value> {
    log.iter().filter(|line| line.get("_aws").is_some()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_once_over_many_invocations() {
    let mut world = world().await;
    world.secret("acme-AbCdEf", "acme");
    let process = world.start(&["acme-AbCdEf"], &[]);
    let first = world.function.invoke(SCHEDULED, TIME).await.unwrap();
    assert_eq!(first, json!({"streams": 1, "delivered": EVENTS, "objects": 1, "rejected": 0}));
    for payload in ["null", "[]", "\"by hand\""] {
        let again = world.function.invoke(payload, TIME).await.unwrap();
        assert_eq!(again["delivered"], 0, "{again}");
    }
    let row_ids = world.row_ids().await;
    assert_eq!((row_ids.len(), row_ids.iter().collect::<BTreeSet<_>>().len()), (EVENTS, EVENTS));
    assert_eq!(world.simulator.served().len(), EVENTS);

    let log = process.end();
    let (lines, records) = (stream_lines(&log), metrics(&log));
    assert_eq!((lines.len(), records.len()), (4, 4));
    assert_eq!(
        (&lines[0]["level"], &lines[0]["source"], &lines[0]["delivered"]),
        (&json!("INFO"), &json!("acme"), &json!(EVENTS))
    );
    assert_eq!(
        (&records[0]["Vendor"], &records[0]["Source"], &records[0]["Stream"]),
        (&json!("openai"), &json!("acme"), &json!("openai_audit"))
    );
    assert_eq!((&records[0]["Delivered"], &records[0]["Failures"]), (&json!(EVENTS), &json!(0)));
    assert_eq!(records[3]["Delivered"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_without_its_secret_fails_alone() {
    let mut world = world().await;
    world.secret("acme-AbCdEf", "acme");
    let process = world.start(&["missing-AbCdEf", "acme-AbCdEf"], &[]);
    let error = world.function.invoke(SCHEDULED, TIME).await.unwrap_err();
    assert_eq!(error["errorType"], "NeedsPerson", "{error}");
    let message = error["errorMessage"].as_str().unwrap();
    assert!(message.starts_with("1 of 2 streams failed") && message.contains("create missing-AbCdEf"), "{message}");
    assert_eq!(world.row_ids().await.len(), EVENTS);

    // Once the secret is there the source comes up in the same process.
    world.secret("missing-AbCdEf", "other");
    let cured = world.function.invoke(SCHEDULED, TIME).await.unwrap();
    assert_eq!((&cured["streams"], &cured["delivered"]), (&json!(2), &json!(EVENTS)));

    let log = process.end();
    let failed: Vec<_> = stream_lines(&log).into_iter().filter(|line| line["level"] == "ERROR").collect();
    assert_eq!((failed.len(), &failed[0]["source"]), (1, &json!("missing-AbCdEf")));
    let needs: u64 = metrics(&log).iter().map(|record| record["NeedsPerson"].as_u64().unwrap()).sum();
    assert_eq!(needs, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_source_id_in_two_secrets_pulls_nothing() {
    let mut world = world().await;
    world.secret("one-AbCdEf", "acme");
    world.secret("two-AbCdEf", "acme");
    let process = world.start(&["one-AbCdEf", "two-AbCdEf"], &[]);
    let error = world.function.invoke(SCHEDULED, TIME).await.unwrap_err();
    assert_eq!(error["errorType"], "NeedsPerson");
    let message = error["errorMessage"].as_str().unwrap();
    assert!(message.contains("one-AbCdEf and two-AbCdEf"), "{message}");
    let stream = Stream {
        source: "acme".to_owned().try_into().unwrap(),
        label: String::new(),
        log_type: schema::LogType::OpenAiAudit,
        listings: vec![],
    };
    assert_eq!(world.state().await.head(&stream).await, Ok(None));
    assert_eq!((world.store.keys().len(), world.simulator.requests()), (0, 0));
    assert_eq!(metrics(&process.end())[0]["NeedsPerson"], 1);
}

/// Lambda kills what is late, and then nothing tells why.
#[tokio::test(flavor = "multi_thread")]
async fn what_hangs_is_cut_off_before_lambda_does() {
    let mut world = world().await;
    world.secret("acme-AbCdEf", "acme");
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent_url = format!("http://{}", silent.local_addr().unwrap());
    let process = world.start(&["acme-AbCdEf"], &[("AWS_ENDPOINT_URL_DYNAMODB", &silent_url)]);
    let error = world.function.invoke(SCHEDULED, Duration::from_secs(8)).await.unwrap_err();
    assert_eq!(error["errorType"], "NextTick", "{error}");
    assert!(error["errorMessage"].as_str().unwrap().contains("acme/openai_audit"), "{error}");
    let log = process.end();
    assert_eq!((&stream_lines(&log)[0]["level"], &metrics(&log)[0]["Failures"]), (&json!("WARN"), &json!(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_credentials_a_person_is_told_so() {
    let mut world = world().await;
    world.secret("acme-AbCdEf", "acme");
    let none = [("AWS_ACCESS_KEY_ID", ""), ("AWS_SECRET_ACCESS_KEY", ""), ("AWS_EC2_METADATA_DISABLED", "true")];
    let process = world.start(&["acme-AbCdEf"], &none);
    let error = world.function.invoke(SCHEDULED, TIME).await.unwrap_err();
    assert_eq!(error["errorType"], "NeedsPerson", "{error}");
    assert!(error["errorMessage"].as_str().unwrap().contains("check the AWS region, credentials"), "{error}");
    let log = process.end();
    assert_eq!((stream_lines(&log).len(), &stream_lines(&log)[0]["level"]), (1, &json!("ERROR")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_environment_stops_the_start_with_one_line() {
    let world = world().await;
    let mut process =
        world.start(&["acme-AbCdEf"], &[("BUCKET", ""), ("COMPRESSION", "lz4"), ("OPENAI_KEY", ADMIN_KEY)]);
    assert!(!process.0.wait().unwrap().success());
    let log = process.read();
    let [line] = &log[..] else { panic!("{log:?}") };
    let failure = line["failure"].as_str().unwrap();
    assert!(
        ["BUCKET is not set", "COMPRESSION must be", "OPENAI_KEY is unknown"].iter().all(|says| failure.contains(says)),
        "{failure}"
    );
}
