//! The connection check finds each planted fault, and prints its cause and fix.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use adapters::aws::{DynamoState, S3Bucket, dynamodb_client, s3_client};
use adapters::clock::SystemClock;
use adapters::doctor::{Checkup, Code, Findings, Report, StepName, Stores, check_clock, check_stores, render};
use adapters::http::HttpClient;
use adapters::local::{LocalBucket, LocalSecrets, LocalState, SecretSource};
use axum::Router;
use axum::routing::post;
use collector::{Bucket, Clock, Head, HeadTimes, LastCommit, State, Stream};
use schema::LogType;
use serde_json::{Value, json};
use simulators::microsoft365::{self as m365, Microsoft365Simulator};
use simulators::openai::{self as oai, ADMIN_KEY, Key, OpenAiSimulator};
use simulators::{Gateway, Options};

use super::deployed::world;
use super::dynamodb_server::{self, TABLE, create_table};
use super::faults::serve;
use super::s3_server::{BUCKET, Store};
use super::{ClockWithShortSleeps, Fault, Faults, LONG_TIMEOUT, sdk};

/// The time limit of a check.
const CHECK_TIMEOUT: Duration = Duration::from_secs(60);
/// An address at which nothing listens.
const CLOSED_URL: &str = "http://127.0.0.1:1";
const DOCTOR_EVENT: &str = r#"{"action":"doctor"}"#;
/// A GUID, which is the form of the id of a client secret.
const SECRET_ID: &str = "0c0ffee0-1111-4222-8333-444455556666";
const STREAM_RECORD: &str = "_state/acme-openai_audit.json";

type PendingCheck = Pin<Box<dyn Future<Output = Report>>>;

/// A planted fault, with the step and the words in which the check must report it.
struct PlantedFault {
    name: &'static str,
    check: PendingCheck,
    step: StepName,
    code: Code,
    /// Words of the cause and of the fix.
    says: [&'static str; 2],
}

fn planted_fault(
    name: &'static str,
    check: impl Future<Output = Report> + 'static,
    step: StepName,
    code: Code,
    says: [&'static str; 2],
) -> PlantedFault {
    PlantedFault { name, check: Box::pin(check), step, code, says }
}

fn now() -> Arc<dyn Fn() -> jiff::Timestamp + Send + Sync> {
    Arc::new(|| SystemClock.now())
}

fn checkup() -> Checkup<SystemClock> {
    Checkup::new(SystemClock, SystemClock.now() + CHECK_TIMEOUT)
}

fn secrets(text: &str) -> LocalSecrets {
    LocalSecrets::new([("secret".to_owned(), SecretSource::Text(text.into()))])
}

fn finish(checkup: Checkup<SystemClock>, findings: &Findings) -> Report {
    check_clock(&checkup, findings.vendor_ahead);
    Report::new(checkup.into_steps())
}

/// Checks OpenAI with this secret against a simulator with these behaviours, or at another address.
async fn openai_at(secret: &str, url: Option<&str>, change: impl FnOnce(&mut oai::Behaviours)) -> Report {
    let options = Options { events: 50, ..Options::new(SystemClock.now() - Duration::from_secs(60)) };
    let mut behaviours = oai::Behaviours::default();
    change(&mut behaviours);
    let running = OpenAiSimulator::with(&options, behaviours, now()).unwrap().serve(0).unwrap();
    let origin = url.map_or_else(|| format!("http://{}", running.address()), str::to_owned);
    let variable = |name: &str| (name == openai::BASE_URL_VARIABLE).then(|| format!("{origin}/v1"));
    let config = openai::Config::from_variables(variable).unwrap();
    let (checkup, http) = (checkup(), HttpClient::new().unwrap());
    let findings = openai::check(&checkup, &http, &secrets(secret), &config, "secret").await;
    finish(checkup, &findings)
}

async fn openai(secret: &'static str, change: impl FnOnce(&mut oai::Behaviours)) -> Report {
    openai_at(secret, None, change).await
}

/// A simulated tenant and the configuration with which it is found.
struct Tenant {
    simulator: Microsoft365Simulator,
    _running: simulators::RunningSimulator,
    config: microsoft365::Config,
}

impl Tenant {
    fn new(change: impl FnOnce(&mut m365::Behaviours)) -> Self {
        let options = Options { events: 50, ..Options::new(SystemClock.now() - Duration::from_secs(60)) };
        let mut behaviours = m365::Behaviours::default();
        change(&mut behaviours);
        let simulator = Microsoft365Simulator::with(&options, behaviours, now()).unwrap();
        let running = simulator.serve(0).unwrap();
        let origin = format!("http://{}", running.address());
        let variable = |name: &str| {
            let login = (name == microsoft365::LOGIN_URL_VARIABLE).then(|| format!("{origin}/login"));
            login.or_else(|| (name == microsoft365::API_URL_VARIABLE).then(|| origin.clone()))
        };
        let config = microsoft365::Config::from_variables(variable).unwrap();
        Self { simulator, _running: running, config }
    }

    /// Checks the tenant with a secret that has these fields besides the valid ones.
    async fn check(&self, fields: Value) -> Report {
        let mut secret = json!({
            "tenant_id": m365::TENANT_ID, "client_id": m365::CLIENT_ID, "client_secret": m365::CLIENT_SECRET,
            "source_id": "acme",
        });
        for (name, value) in fields.as_object().unwrap() {
            secret[name] = value.clone();
        }
        let (checkup, http) = (checkup(), HttpClient::new().unwrap());
        let secrets = secrets(&secret.to_string());
        let findings = microsoft365::check(&checkup, &http, &secrets, &self.config, "secret").await;
        finish(checkup, &findings)
    }
}

async fn microsoft(fields: Value, change: impl FnOnce(&mut m365::Behaviours)) -> Report {
    Tenant::new(change).check(fields).await
}

async fn disabled_subscription() -> Report {
    let (tenant, fields) = (Tenant::new(|_| {}), json!({"content_types": ["Audit.Exchange"]}));
    assert!(tenant.check(fields.clone()).await.ok);
    assert!(tenant.simulator.disable(m365::ContentType::Exchange));
    tenant.check(fields).await
}

fn stream() -> Stream {
    Stream {
        source: "acme".to_owned().try_into().unwrap(),
        label: "Acme".to_owned(),
        log_type: LogType::OpenAiAudit,
        listings: vec!["organization"],
    }
}

fn head(id: &str, seq: u64) -> Head {
    Head {
        version: 1,
        id: id.to_owned(),
        seq,
        intent: None,
        restoring: None,
        last_commit: LastCommit::default(),
        floor: 0,
        listings: [].into(),
        times: HeadTimes::default(),
    }
}

/// Checks the stores on AWS: the bucket of this name, with these faults, and the table if it is to exist.
async fn on_aws(bucket: &str, faulty: Option<(&str, Fault)>, has_table: bool) -> Report {
    let (upstream, _store) = Store::serve().await;
    let (s3, faults) = Faults::between(upstream).await;
    if let Some((operation, fault)) = faulty {
        faults.next(operation, fault);
    }
    let dynamodb = dynamodb_client(&sdk(&dynamodb_server::serve().await, LONG_TIMEOUT).await);
    if has_table {
        create_table(&dynamodb).await;
    }
    let state = DynamoState::new(dynamodb, TABLE, ClockWithShortSleeps);
    let bucket = S3Bucket::new(s3_client(&sdk(&s3, LONG_TIMEOUT).await), bucket, ClockWithShortSleeps);
    let checkup = checkup();
    let stores = Stores { state: Ok(&state), bucket: Ok(&bucket), prefix: "audit/" };
    check_stores(&checkup, stores, &[findings(None)]).await;
    Report::new(checkup.into_steps())
}

/// Returns the findings on the stream's source: the vendor's answers named this owner.
fn findings(owner: Option<&str>) -> Findings {
    Findings { streams: vec![stream()], owner: owner.map(str::to_owned), ..Findings::default() }
}

/// Checks a local lake whose stream has this head and this id in its birth record.
async fn on_disk(head: Option<Head>, record: Option<&str>) -> Report {
    on_disk_of(head, record, None).await
}

/// Does the same as [`on_disk`] with an owner in the birth record. The vendor answers for `org-b`.
async fn on_disk_of(head: Option<Head>, record: Option<&str>, owner: Option<&str>) -> Report {
    let lake = tempfile::tempdir().unwrap();
    let (state, bucket) = (LocalState::open(lake.path()).unwrap(), LocalBucket::open(lake.path(), "").unwrap());
    if let Some(head) = head {
        state.write(&stream(), None, &head, &[]).await.unwrap();
    }
    if let Some(id) = record {
        let record = json!({"id": id, "born_at": "", "seq": 3, "owner": owner}).to_string();
        bucket.put_if_absent(STREAM_RECORD, record.into(), "application/json").await.unwrap();
    }
    let checkup = checkup();
    let sources = [findings(Some("org-b"))];
    check_stores(&checkup, Stores { state: Ok(&state), bucket: Ok(&bucket), prefix: "" }, &sources).await;
    Report::new(checkup.into_steps())
}

fn denied(message: &str) -> Fault {
    Fault::answer(403, format!("<Error><Code>AccessDenied</Code><Message>{message}</Message></Error>"))
}

/// Invokes a function with the check's event. `subscriptions` is the answer of SNS.
async fn in_function(subscriptions: &'static str) -> Value {
    let mut world = world().await;
    world.secret("acme-AbCdEf", "acme");
    let answer = format!(
        "<ListSubscriptionsByTopicResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\">\
         <ListSubscriptionsByTopicResult><Subscriptions>{subscriptions}</Subscriptions></ListSubscriptionsByTopicResult>\
         <ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></ListSubscriptionsByTopicResponse>"
    );
    let sns = serve(Router::new().route("/", post(async move || ([("content-type", "text/xml")], answer)))).await;
    let topic = ("ALARM_TOPIC_ARN", "arn:aws:sns:eu-west-1:123456789012:alarms");
    let process = world.start(&["acme-AbCdEf"], &[topic, ("AWS_ENDPOINT_URL_SNS", &sns)]);
    let report = world.function.invoke(DOCTOR_EVENT, CHECK_TIMEOUT).await.unwrap();
    process.kill_and_read_log();
    report
}

fn gateway() -> Vec<Gateway> {
    let body = "<html>Sign in</html>".to_owned();
    vec![Gateway { operation: None, share: 1.0, status: 403, body, date_offset_seconds: 0 }]
}

fn faults_of_vendors() -> Vec<PlantedFault> {
    use Code::*;
    use StepName::*;
    let without_scope = |behaviours: &mut oai::Behaviours| {
        behaviours.keys = vec![Key { may_read_audit_logs: false, ..Key::new(ADMIN_KEY) }];
    };
    let expired = |behaviours: &mut m365::Behaviours| behaviours.expired_secrets = vec!["expired-canary".to_owned()];
    let delegated = |behaviours: &mut m365::Behaviours| {
        (behaviours.roles, behaviours.scopes) = (vec![], vec![m365::READ.to_owned()]);
    };
    vec![
        planted_fault(
            "wrong key",
            openai("sk-admin-canary", |_| {}),
            Token,
            KeyRefused,
            ["not accepted", "put a valid key"],
        ),
        planted_fault(
            "project key",
            openai("sk-proj-canary", |_| {}),
            Secret,
            WrongKeyKind,
            ["a project's API key", "put an admin key"],
        ),
        planted_fault(
            "read-only scope lacking",
            openai(ADMIN_KEY, without_scope),
            Permissions,
            ScopeMissing,
            ["lacks the permission api.audit_logs.read", "must grant"],
        ),
        planted_fault(
            "audit logging off",
            openai(ADMIN_KEY, |behaviours| behaviours.audit_logging = oai::AuditLogging::OffForbidden),
            Auditing,
            AuditingOff,
            ["HTTP 403", "turns audit logging on"],
        ),
        planted_fault(
            "audit logging off, and an empty list",
            openai(ADMIN_KEY, |behaviours| behaviours.audit_logging = oai::AuditLogging::OffEmpty),
            Auditing,
            NoEvents,
            ["no event of the last 30 days", "turns audit logging on"],
        ),
        planted_fault(
            "expired secret",
            microsoft(json!({"client_secret": "expired-canary"}), expired),
            Token,
            SecretExpired,
            ["AADSTS7000222: the client secret has expired", "create a new one"],
        ),
        planted_fault(
            "secret id instead of value",
            microsoft(json!({"client_secret": SECRET_ID}), |_| {}),
            Token,
            SecretIdInsteadOfValue,
            ["has the form of an id", "put its value, not its id"],
        ),
        planted_fault(
            "wrong tenant",
            microsoft(json!({"tenant_id": SECRET_ID}), |_| {}),
            Token,
            WrongTenant,
            ["AADSTS90002: no such tenant", "check tenant_id"],
        ),
        planted_fault(
            "no consent",
            microsoft(json!({}), |behaviours| behaviours.roles.clear()),
            Permissions,
            NoConsent,
            ["no administrator has consented", "grant admin consent"],
        ),
        planted_fault(
            "delegated instead of application permission",
            microsoft(json!({}), delegated),
            Permissions,
            DelegatedPermission,
            ["delegated permissions only (ActivityFeed.Read)", "application permission ActivityFeed.Read"],
        ),
        planted_fault(
            "auditing off",
            microsoft(json!({}), |behaviours| behaviours.auditing_off = true),
            Auditing,
            AuditingOff,
            ["records no audit log", "UnifiedAuditLogIngestionEnabled"],
        ),
        planted_fault(
            "subscription disabled",
            disabled_subscription(),
            Subscription,
            SubscriptionDisabled,
            ["Audit.Exchange is disabled", "who or what disabled"],
        ),
        planted_fault(
            "DLP permission missing",
            microsoft(json!({}), |behaviours| behaviours.roles = vec![m365::READ.to_owned()]),
            Permissions,
            DlpPermissionMissing,
            ["lacks ActivityFeed.ReadDlp", "add the application permission ActivityFeed.ReadDlp"],
        ),
        planted_fault(
            "wrong cloud",
            microsoft(json!({}), |behaviours| behaviours.cloud = m365::Cloud::GccHigh),
            Permissions,
            WrongCloud,
            ["refuses a token that was just issued", "correct cloud"],
        ),
        planted_fault(
            "clock off",
            microsoft(json!({}), |behaviours| behaviours.date_off_seconds = 4_000),
            Clock,
            ClockOff,
            ["s behind that of the vendor", "correct this machine's clock"],
        ),
        planted_fault(
            "host unreachable",
            openai_at(ADMIN_KEY, Some(CLOSED_URL), |_| {}),
            Host,
            HostUnreachable,
            ["could not connect", "allow outgoing HTTPS"],
        ),
        planted_fault(
            "gateway in between",
            openai(ADMIN_KEY, |behaviours| behaviours.gateway = gateway()),
            Host,
            Gateway,
            ["page of HTML", "pass the gateway"],
        ),
        planted_fault(
            "gateway in front of the API",
            microsoft(json!({}), |behaviours| behaviours.gateway = gateway()),
            Host,
            Gateway,
            ["page of HTML", "pass the gateway"],
        ),
        planted_fault(
            "malformed secret",
            openai("{\"admin_key\":\"canary\",}", |_| {}),
            Secret,
            SecretMalformed,
            ["the JSON breaks at line 1", "README.md shows its form"],
        ),
    ]
}

fn faults_of_stores() -> Vec<PlantedFault> {
    use Code::*;
    use StepName::*;
    let kms = "User is not authorized to perform: kms:GenerateDataKey on resource: arn:aws:kms:key";
    vec![
        planted_fault(
            "bucket missing",
            on_aws("another", None, true),
            Bucket,
            BucketMissing,
            ["NoSuchBucket (404)", "create the bucket another"],
        ),
        planted_fault(
            "no write right",
            on_aws(BUCKET, Some(("PUT", denied("Access Denied"))), true),
            Bucket,
            BucketDenied,
            ["AccessDenied (403)", "grant s3:PutObject"],
        ),
        planted_fault(
            "KMS denied",
            on_aws(BUCKET, Some(("PUT", denied(kms))), true),
            Bucket,
            KmsDenied,
            ["kms:GenerateDataKey on resource", "kms:GenerateDataKey and kms:Decrypt"],
        ),
        planted_fault(
            "table missing",
            on_aws(BUCKET, None, false),
            Table,
            TableMissing,
            ["ResourceNotFoundException", "create table"],
        ),
        planted_fault(
            "table of another deployment",
            on_disk(Some(head("mine", 3)), Some("another")),
            State,
            ForeignDeployment,
            ["belongs to another deployment", "use another prefix"],
        ),
        planted_fault(
            "lost state",
            on_disk(None, Some("mine")),
            State,
            StateLost,
            ["the state of this stream is gone", "audit-pull rebuild"],
        ),
        planted_fault(
            "restored state",
            on_disk(Some(head("mine", 2)), Some("mine")),
            State,
            StateRestored,
            ["restored from a backup", "audit-pull rebuild"],
        ),
        planted_fault(
            "other organization",
            on_disk_of(Some(head("mine", 3)), Some("mine"), Some("org-a")),
            State,
            OtherOwner,
            ["the vendor answers for \"org-b\"", "source_id of its own"],
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn each_planted_fault_is_found_with_its_cause_and_fix() {
    for planted in faults_of_vendors().into_iter().chain(faults_of_stores()) {
        let (name, report) = (planted.name, planted.check.await);
        let text = render(&report);
        let failed: Vec<_> = report.steps.iter().filter(|step| step.ok == Some(false)).collect();
        let [step] = failed[..] else { panic!("{name}: not one step failed:\n{text}") };
        assert_eq!((step.step, step.code), (planted.step, Some(planted.code)), "{name}:\n{text}");
        let [cause, fix] = planted.says;
        assert!(step.cause.as_deref().unwrap().contains(cause), "{name}: {cause:?} is missing:\n{text}");
        assert!(step.fix.as_deref().unwrap().contains(fix), "{name}: {fix:?} is missing:\n{text}");
        assert!(text.contains(&format!("✗ {}", planted.step.name())) && text.contains(cause) && text.contains(fix));
        let json = serde_json::to_string(&report).unwrap();
        for secret in ["canary", ADMIN_KEY, m365::CLIENT_SECRET] {
            assert!(!text.contains(secret) && !json.contains(secret), "{name}: a secret was printed:\n{text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_up_without_faults_passes_every_step() {
    let reports = [
        openai(ADMIN_KEY, |_| {}).await,
        microsoft(json!({}), |_| {}).await,
        on_aws(BUCKET, None, true).await,
        on_disk(Some(head("mine", 3)), Some("mine")).await,
        on_disk(None, None).await,
        on_disk_of(Some(head("mine", 3)), Some("mine"), Some("org-b")).await,
    ];
    for report in reports {
        assert!(report.ok && report.severity().is_none(), "{}", render(&report));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_check_of_the_stores_passes_too() {
    let lake = tempfile::tempdir().unwrap();
    let (state, bucket) = (LocalState::open(lake.path()).unwrap(), LocalBucket::open(lake.path(), "").unwrap());
    for _ in 0..2 {
        let checkup = checkup();
        check_stores(&checkup, Stores { state: Ok(&state), bucket: Ok(&bucket), prefix: "" }, &[]).await;
        let report = Report::new(checkup.into_steps());
        assert!(report.ok && report.steps.len() == 2, "{}", render(&report));
    }
}

fn step<'a>(report: &'a Value, name: &str) -> &'a Value {
    report["steps"].as_array().unwrap().iter().find(|step| step["step"] == name).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_checks_its_sources_with_its_own_rights_and_finds_no_subscriber() {
    let member = |arn: &str| format!("<member><SubscriptionArn>{arn}</SubscriptionArn></member>").leak() as &str;
    let report = in_function(member("arn:aws:sns:eu-west-1:123456789012:alarms:1")).await;
    assert_eq!(report["ok"], true, "{report}");
    for name in
        ["secret", "host", "token", "permissions", "auditing", "first-page", "bucket", "table", "state", "clock"]
    {
        assert_eq!(step(&report, name)["ok"], true, "{name}");
    }
    assert_eq!(step(&report, "alarms")["note"], "1 subscribers");
    for (subscriptions, cause) in [("", "nobody is subscribed"), (member("PendingConfirmation"), "not confirmed")] {
        let report = in_function(subscriptions).await;
        let alarms = step(&report, "alarms");
        assert_eq!((&report["ok"], &alarms["code"]), (&json!(false), &json!("no-subscriber")), "{report}");
        assert!(
            alarms["cause"].as_str().unwrap().contains(cause) && alarms["fix"].as_str().unwrap().contains("confirm")
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_action_is_refused() {
    let mut world = world().await;
    world.secret("acme-AbCdEf", "acme");
    let process = world.start(&["acme-AbCdEf"], &[]);
    let error = world.function.invoke(r#"{"action":"rebuild"}"#, CHECK_TIMEOUT).await.unwrap_err();
    assert!(error["errorMessage"].as_str().unwrap().contains("the only one known"), "{error}");
    let report = world.function.invoke(DOCTOR_EVENT, CHECK_TIMEOUT).await.unwrap();
    assert_eq!(step(&report, "alarms")["ok"], Value::Null);
    process.kill_and_read_log();
}
