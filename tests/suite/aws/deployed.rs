//! A function as it is deployed: a separate process with local servers in place of AWS and the vendor.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use adapters::aws::{DynamoState, S3Bucket, dynamodb_client, s3_client};
use adapters::clock::SystemClock;
use adapters::http::HttpClient;
use adapters::lambda::{Shell, exit_code};
use collector::{Bucket, Clock, PortError};
use flate2::read::MultiGzDecoder;
use openai::{Config, OpenAi};
use serde_json::{Value, json};
use simulators::Options;
use simulators::RunningSimulator;
use simulators::openai::{ADMIN_KEY, OpenAiSimulator};

use super::dynamodb_server::{self, TABLE, create_table};
use super::runtime_api::{self, Function};
use super::s3_server::{BUCKET, Store};
use super::secrets_server::SecretStore;
use super::sns_server::Topic;
use super::{ACCESS_KEY, LONG_TIMEOUT, SECRET_KEY, sdk};

/// The number of events of the simulated vendor, all of them in the past.
pub(crate) const EVENTS: usize = 137;
/// The prefix of every API key in these tests, which may appear in no output.
const KEY_PREFIX: &str = "sk-admin-";
/// The payload of a scheduled event of EventBridge.
pub(crate) const SCHEDULED_EVENT: &str =
    r#"{"version":"0","id":"5","detail-type":"Scheduled Event","source":"aws.events","detail":{}}"#;

fn arn(name: &str) -> String {
    format!("arn:aws:secretsmanager:eu-west-1:123456789012:secret:{name}")
}

pub(crate) struct World {
    secret_store: SecretStore,
    pub(crate) store: Store,
    pub(crate) simulator: RunningSimulator,
    pub(crate) topic: Topic,
    urls: [(&'static str, String); 5],
    pub(crate) function: Function,
}

pub(crate) async fn world() -> World {
    let (s3, store) = Store::serve().await;
    let (secrets, secret_store) = SecretStore::serve().await;
    let (sns, topic) = Topic::serve().await;
    let dynamodb = dynamodb_server::serve().await;
    create_table(&dynamodb_client(&sdk(&dynamodb, LONG_TIMEOUT).await)).await;
    let (host, function) = runtime_api::start().await;
    let options = Options { events: EVENTS, ..Options::new(SystemClock.now() - Duration::from_secs(60)) };
    let simulator = OpenAiSimulator::start(options, 0, Arc::new(|| SystemClock.now())).unwrap();
    let urls = [
        ("AWS_ENDPOINT_URL_S3", s3),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", secrets),
        ("AWS_ENDPOINT_URL_DYNAMODB", dynamodb),
        ("AWS_ENDPOINT_URL_SNS", sns),
        ("AWS_LAMBDA_RUNTIME_API", host),
    ];
    World { secret_store, store, simulator, topic, urls, function }
}

impl World {
    /// Stores a source's secret under `name`.
    pub(crate) fn secret(&self, name: &str, source_id: &str) {
        self.secret_with_key(name, source_id, ADMIN_KEY);
    }

    /// Stores a source's secret with this API key. The simulator accepts only [`ADMIN_KEY`].
    pub(crate) fn secret_with_key(&self, name: &str, source_id: &str, key: &str) {
        assert!(key.starts_with(KEY_PREFIX), "else nothing would find it in a log");
        let secret = json!({"source_id": source_id, "source_label": "Acme", "admin_key": key});
        self.secret_store.store(&arn(name), &secret.to_string());
    }

    /// Stores a secret with exactly this text.
    pub(crate) fn bare_secret(&self, name: &str, text: &str) {
        self.secret_store.store(&arn(name), text);
    }

    /// Starts the function with the sources of these secrets and with additional environment variables.
    pub(crate) fn start<S: AsRef<str>>(&self, secrets: &[S], more: &[(&str, &str)]) -> Process {
        let arns: Vec<String> = secrets.iter().map(|name| arn(name.as_ref())).collect();
        let base_url = format!("http://{}/v1", self.simulator.address());
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "aws::deployed::function", "--nocapture", "--test-threads=1"])
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
        let outputs = vec![reader(child.stdout.take().unwrap()), reader(child.stderr.take().unwrap())];
        Process { child, outputs }
    }

    async fn bucket(&self) -> S3Bucket<SystemClock> {
        S3Bucket::new(s3_client(&sdk(&self.urls[0].1, LONG_TIMEOUT).await), BUCKET, SystemClock)
    }

    pub(crate) async fn state(&self) -> DynamoState<SystemClock> {
        DynamoState::new(dynamodb_client(&sdk(&self.urls[2].1, LONG_TIMEOUT).await), TABLE, SystemClock)
    }

    /// Returns the address of the service whose endpoint this variable sets.
    pub(crate) fn url(&self, variable: &str) -> String {
        self.urls.iter().find(|(name, _)| *name == variable).unwrap().1.clone()
    }

    /// Returns the row ids of all lines in the bucket.
    pub(crate) async fn row_ids(&self) -> Vec<String> {
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

/// The function's process, which ends with the test.
pub(crate) struct Process {
    child: Child,
    /// The threads that read standard output and standard error, and return their text.
    outputs: Vec<JoinHandle<String>>,
}

/// Reads the output continuously, as Lambda does: a process that fills a pipe without a reader blocks.
fn reader(mut from: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut text = String::new();
        from.read_to_string(&mut text).unwrap();
        text
    })
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Process {
    /// Ends the process and returns the JSON lines of its standard output. Asserts that no
    /// credential is in its output.
    pub(crate) fn kill_and_read_log(mut self) -> Vec<Value> {
        let _ = self.child.kill();
        self.wait_until_ended().1
    }

    /// Waits until the process ends by itself. Returns `true` on success, and the output.
    pub(crate) fn wait_until_ended(mut self) -> (bool, Vec<Value>) {
        let is_success = self.child.wait().unwrap().success();
        let texts: Vec<_> = self.outputs.drain(..).map(|reader| reader.join().unwrap()).collect();
        for text in &texts {
            assert!(!text.contains(KEY_PREFIX) && !text.contains(SECRET_KEY), "a credential was written:\n{text}");
        }
        // The test harness prints a text before the function's first line, on the same line.
        let objects = texts[0].lines().filter_map(|line| line.find('{').map(|at| &line[at..]));
        (is_success, objects.map(|object| serde_json::from_str(object).unwrap()).collect())
    }
}

/// Runs as the process that the other tests start, with the same code as the function's `main`. It tests nothing
/// itself.
#[tokio::test]
#[ignore = "started by the other tests"]
async fn function() {
    let run = async {
        let shell = Shell::start("OPENAI", &["OPENAI_BASE_URL", "OPENAI_LISTINGS"]).await?;
        let config = Config::from_variables(|name| shell.environment.variable(name))?;
        let http = HttpClient::new()?;
        let open = async |secret: &str| OpenAi::source(&http, &shell.secrets, &shell.clock, &config, secret).await;
        let check =
            async |checkup: &_, secret: &str| openai::check(checkup, &http, &shell.secrets, &config, secret).await;
        shell.serve(open, check).await
    };
    let outcome: Result<(), PortError> = run.await;
    let failed = outcome.is_err();
    exit_code(outcome);
    std::process::exit(i32::from(failed));
}

/// Returns the log's lines about streams.
pub(crate) fn stream_lines(log: &[Value]) -> Vec<&Value> {
    log.iter().filter(|line| line["message"] == "stream").collect()
}

/// Returns the log's lines with the sums of a tick.
pub(crate) fn tick_lines(log: &[Value]) -> Vec<&Value> {
    log.iter().filter(|line| line["message"] == "tick").collect()
}

/// Returns the log's metrics records.
pub(crate) fn metrics(log: &[Value]) -> Vec<&Value> {
    log.iter().filter(|line| line.get("_aws").is_some()).collect()
}
