//! The fan-out: a planner and a worker as separate processes of the same binary, and the adapter to the queue.

use std::collections::BTreeSet;
use std::time::Duration;

use adapters::aws::{MessageQueue, SqsQueue, sqs_client};
use collector::Recovery;
use serde_json::{Value, json};

use super::deployed::{EVENTS, Process, SCHEDULED_EVENT, World, metrics, stream_lines, world};
use super::runtime_api::{self, Function};
use super::sqs_server::Queue;
use super::{ClockWithShortSleeps, LONG_TIMEOUT, assert_error, sdk};

const TIME: Duration = Duration::from_secs(60);
/// Messages per invocation of the worker, as in the template.
const BATCH: usize = 8;
const PREFIX: (&str, &str) = ("OPENAI_SECRET_PREFIX", "audit-pull/");
const NONE: [&str; 0] = [];

/// A planner's process, its invoker and its queue.
struct Planner {
    process: Process,
    function: Function,
    queue: Queue,
}

impl Planner {
    async fn start(world: &World) -> Self {
        let (url, queue) = Queue::serve().await;
        let (host, function) = runtime_api::start().await;
        let queue_url = format!("{url}/123456789012/sources");
        let variables = [
            PREFIX,
            ("AWS_ENDPOINT_URL_SQS", &url),
            ("AWS_LAMBDA_RUNTIME_API", &host),
            ("FAN_OUT_QUEUE_URL", &queue_url),
            ("FAN_OUT_PERIOD_SECONDS", "60"),
        ];
        Self { process: world.start(&NONE, &variables), function, queue }
    }

    /// Invokes the planner and returns the messages that it sent.
    async fn plan(&mut self) -> Vec<String> {
        let plan = self.function.invoke(SCHEDULED_EVENT, TIME).await.unwrap();
        let bodies = self.queue.take();
        assert_eq!(plan, json!({"sources": bodies.len(), "messages": bodies.len()}));
        bodies
    }
}

/// Returns the event in which Lambda passes these messages. Their ids are their places in the batch.
fn event(bodies: &[String]) -> String {
    let record = |(id, body): (usize, &String)| {
        json!({"messageId": id.to_string(), "receiptHandle": "r", "body": body, "attributes": {"ApproximateReceiveCount": "1"},
            "messageAttributes": {}, "md5OfBody": "0", "eventSource": "aws:sqs", "awsRegion": "eu-west-1",
            "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:sources"})
    };
    json!({"Records": bodies.iter().enumerate().map(record).collect::<Vec<_>>()}).to_string()
}

fn name(number: usize) -> String {
    format!("audit-pull/source-{number:02}-AbCdEf")
}

fn sources(lines: &[&Value]) -> BTreeSet<String> {
    lines.iter().map(|line| line["source"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_planner_and_a_worker_deliver_every_event_of_every_source_once() {
    const SOURCES: usize = 20;
    let mut world = world().await;
    (0..SOURCES).for_each(|number| world.secret(&name(number), &format!("source-{number:02}")));
    let (mut planner, worker) = (Planner::start(&world).await, world.start(&NONE, &[PREFIX]));
    let bodies = planner.plan().await;
    assert_eq!(bodies.iter().collect::<BTreeSet<_>>().len(), SOURCES);
    for batch in bodies.chunks(BATCH) {
        assert_eq!(world.function.invoke(event(batch), TIME).await.unwrap(), json!({"batchItemFailures": []}));
    }
    // SQS delivers a message at least once, so the same message may come again.
    assert_eq!(world.function.invoke(event(&bodies[..BATCH]), TIME).await.unwrap(), json!({"batchItemFailures": []}));
    let row_ids = world.row_ids().await;
    let distinct: BTreeSet<_> = row_ids.iter().collect();
    assert_eq!((row_ids.len(), distinct.len()), (SOURCES * EVENTS, SOURCES * EVENTS));

    // A new secret is a source of the next plan.
    world.secret(&name(SOURCES), "new");
    let bodies = planner.plan().await;
    assert_eq!(bodies.len(), SOURCES + 1);
    let body = bodies.iter().find(|body| body.contains(&name(SOURCES))).unwrap();
    world.function.invoke(event(std::slice::from_ref(body)), TIME).await.unwrap();
    assert_eq!(world.row_ids().await.len(), (SOURCES + 1) * EVENTS);

    let (plans, log) = (planner.process.kill_and_read_log(), worker.kill_and_read_log());
    let plans: Vec<_> = plans.iter().filter(|line| line["message"] == "plan").map(|line| &line["messages"]).collect();
    assert_eq!(plans, [&json!(SOURCES), &json!(SOURCES + 1)]);
    let lines = stream_lines(&log);
    assert_eq!((lines.len(), sources(&lines).len()), (SOURCES + BATCH + 1, SOURCES + 1));
    // Each invocation writes one metrics record.
    assert_eq!(metrics(&log).len(), SOURCES.div_ceil(BATCH) + 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_refuses_foreign_messages_and_a_tick_that_failed_is_no_failure_of_its_message() {
    let mut world = world().await;
    world.secret(&name(0), "acme");
    world.secret("elsewhere/x-AbCdEf", "foreign");
    let worker = world.start(&NONE, &[PREFIX]);
    let arn = |name: &str| format!("arn:aws:secretsmanager:eu-west-1:123456789012:secret:{name}");
    let message = |name: &str, expires_at: i64| json!({"secret_arn": arn(name), "expires_at": expires_at}).to_string();
    let never = 4_102_444_800;
    let batch = [
        message(&name(0), never),
        message("elsewhere/x-AbCdEf", never),
        message(&name(7), never), // no such secret
        "{}".to_owned(),
        message(&name(1), 1),
    ];
    let response = world.function.invoke(event(&batch), TIME).await.unwrap();
    assert_eq!(response, json!({"batchItemFailures": [{"itemIdentifier": "1"}, {"itemIdentifier": "3"}]}));
    assert_eq!(world.row_ids().await.len(), EVENTS);
    let log = worker.kill_and_read_log();
    let lines = stream_lines(&log);
    let failed = |source: &str| {
        let line = lines.iter().find(|line| line["source"] == source).unwrap_or_else(|| panic!("{source}: {log:?}"));
        (line["level"].as_str().unwrap(), line["failure"].as_str().unwrap().to_owned())
    };
    for (source, level, says) in [
        ("message 1", "ERROR", "names a secret that is neither"),
        ("message 3", "ERROR", "its body is not"),
        (&name(7), "ERROR", "create audit-pull/source-07-AbCdEf"),
        (&name(1), "WARN", "got no worker in its period"),
    ] {
        let (found, failure) = failed(source);
        assert!(found == level && failure.contains(says), "{source}: {failure}");
    }
    assert!(!sources(&lines).contains("foreign"));
    assert_eq!(metrics(&log)[0]["NeedsPerson"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_planner_does_nothing_else_and_says_which_messages_it_could_not_send() {
    let world = world().await;
    (0..3).for_each(|number| world.secret(&name(number), &format!("source-{number:02}")));
    let mut planner = Planner::start(&world).await;
    for other in [r#"{"action":"doctor"}"#.to_owned(), event(&["{}".to_owned()])] {
        let error = planner.function.invoke(other, TIME).await.unwrap_err();
        assert!(error["errorMessage"].as_str().unwrap().contains("this function only plans"), "{error}");
    }
    planner.queue.refuse_after(1, true);
    let error = planner.function.invoke(SCHEDULED_EVENT, TIME).await.unwrap_err();
    assert_eq!(error["errorType"], "NeedsPerson");
    assert!(error["errorMessage"].as_str().unwrap().contains("3 of 3 sources got no message"), "{error}");
    let log = planner.process.kill_and_read_log();
    assert_eq!((metrics(&log).len(), &metrics(&log)[0]["Failures"]), (1, &json!(1)));
    assert_eq!(world.row_ids().await, [""; 0]);
}

#[tokio::test]
async fn e1_messages_that_the_queue_refuses_are_sent_again_unless_the_sender_is_at_fault() {
    let (url, queue) = Queue::serve().await;
    let client = sqs_client(&sdk(&url, LONG_TIMEOUT).await);
    let adapter = SqsQueue::new(client, &format!("{url}/123456789012/sources"), ClockWithShortSleeps);
    let bodies: Vec<String> = (0..10).map(|number| number.to_string()).collect();
    queue.refuse_after(4, false);
    queue.refuse_after(2, false);
    adapter.send(&bodies).await.unwrap();
    let sent = queue.take();
    assert_eq!((sent.len(), sent.iter().collect::<BTreeSet<_>>().len()), (10, 10));
    assert_eq!(queue.calls(), [10, 2]);
    queue.refuse_after(0, true);
    assert_error(adapter.send(&bodies).await, Recovery::Person, &["sqs:SendMessage on queue sources", "Refused: why"]);
}
