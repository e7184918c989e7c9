//! The S3 adapter: the answers of S3 and the adapter's reactions.

use std::time::Duration;

use adapters::aws::{S3Bucket, s3_client};
use collector::{Bucket, PortError, Put, Recovery};
use futures_util::future::join_all;

use super::s3_server::{BUCKET, Store};
use super::{ATTEMPTS, ClockWithShortSleeps, Fault, Faults, LONG_TIMEOUT, SHORT_TIMEOUT, assert_error, sdk};
use crate::conformance;

const KEY: &str = "openai_audit/dt=2026-11-22/hour=07/acme-000000000000.ndjson.gz";
const GZIP: &str = "application/gzip";
const RECORD: &str = "_state/acme-openai_audit.json";
const JSON: &str = "application/json";

struct World {
    bucket: S3Bucket<ClockWithShortSleeps>,
    store: Store,
    faults: Faults,
}

async fn world(call_timeout: Duration) -> World {
    let (upstream, store) = Store::serve().await;
    let (url, faults) = Faults::between(upstream).await;
    World {
        bucket: S3Bucket::new(s3_client(&sdk(&url, call_timeout).await), BUCKET, ClockWithShortSleeps),
        store,
        faults,
    }
}

async fn open(url: &str, bucket: &str) -> S3Bucket<ClockWithShortSleeps> {
    S3Bucket::new(s3_client(&sdk(url, LONG_TIMEOUT).await), bucket, ClockWithShortSleeps)
}

impl World {
    async fn put(&self) -> Result<Put, PortError> {
        self.bucket.put_if_absent(KEY, b"ours".to_vec(), GZIP).await
    }

    async fn get(&self) -> Result<Option<Vec<u8>>, PortError> {
        self.bucket.get(KEY).await
    }

    /// Creates the record with the content `old`.
    async fn create_record(&self) {
        assert_eq!(self.bucket.put_if_absent(RECORD, b"old".to_vec(), JSON).await, Ok(Put::Created));
    }

    /// Replaces the record's content `old` with `new`.
    async fn replace(&self) -> Result<bool, PortError> {
        self.bucket.replace(RECORD, b"old", b"new".to_vec(), JSON).await
    }

    async fn record(&self) -> Option<Vec<u8>> {
        self.bucket.get(RECORD).await.unwrap()
    }

    fn fail(&self, method: &str, status: u16, code: &str) {
        self.faults.next(method, error(status, code));
    }
}

fn error(status: u16, code: &str) -> Fault {
    Fault::answer(status, format!("<Error><Code>{code}</Code><Message>in a test</Message></Error>"))
}

#[tokio::test(flavor = "multi_thread")]
async fn conforms() {
    for prefix in ["", "team/"] {
        let (upstream, _) = Store::serve().await;
        let first = open(&upstream, BUCKET).await;
        conformance::bucket(&first, prefix).await;
        conformance::bucket_reopened(&first, &open(&upstream, BUCKET).await, prefix).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_sixteen_creates() {
    let world = world(LONG_TIMEOUT).await;
    for round in 0..20 {
        let key = format!("race/{round}");
        let puts = (0..16_u8).map(|racer| world.bucket.put_if_absent(&key, vec![racer], GZIP));
        let puts: Vec<Put> = join_all(puts).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(puts.iter().filter(|put| **put == Put::Created).count(), 1, "{puts:?}");
        let winner = puts.iter().position(|put| *put == Put::Created).unwrap();
        assert_eq!(world.bucket.get(&key).await, Ok(Some(vec![u8::try_from(winner).unwrap()])));
        assert_eq!(world.store.versions(&key), 1);
    }
}

#[tokio::test]
async fn content_type_is_kept() {
    let world = world(LONG_TIMEOUT).await;
    assert_eq!(world.put().await, Ok(Put::Created));
    assert_eq!(world.store.content_type(KEY).as_deref(), Some(GZIP));
}

#[tokio::test]
async fn a_conflict_is_retried() {
    let world = world(LONG_TIMEOUT).await;
    world.fail("PUT", 409, "ConditionalRequestConflict");
    assert_eq!(world.put().await, Ok(Put::Created));
    world.fail("PUT", 409, "ConditionalRequestConflict");
    world.fail("PUT", 409, "ConditionalRequestConflict");
    assert_eq!(world.put().await, Ok(Put::AlreadyThere));
    assert_eq!(world.faults.seen("PUT").len(), 5);
    assert!(world.faults.are_spent());
}

#[tokio::test]
async fn a_put_without_an_answer_is_repeated() {
    let world = world(SHORT_TIMEOUT).await;
    world.faults.next("PUT", Fault::Swallow);
    world.fail("PUT", 503, "SlowDown");
    world.fail("PUT", 500, "InternalError");
    world.fail("PUT", 400, "RequestTimeout");
    assert_eq!(world.put().await, Ok(Put::Created));
    assert!(world.faults.are_spent());
}

#[tokio::test]
async fn a_lost_answer_is_already_there() {
    let world = world(SHORT_TIMEOUT).await;
    world.faults.next("PUT", Fault::LoseAnswer);
    assert_eq!(world.put().await, Ok(Put::AlreadyThere));
    assert_eq!(world.store.versions(KEY), 1);
}

#[tokio::test]
async fn err_tries_are_bounded() {
    let world = world(LONG_TIMEOUT).await;
    world.faults.next_times(ATTEMPTS * 2, "PUT", &error(503, "SlowDown"));
    assert_error(world.put().await, Recovery::NextTick, &["SlowDown", KEY]);
    assert_eq!(world.faults.seen("PUT").len(), ATTEMPTS);
    world.faults.next_times(ATTEMPTS * 2, "GET", &error(500, "InternalError"));
    assert_error(world.get().await, Recovery::NextTick, &["InternalError", KEY]);
    assert_eq!(world.faults.seen("GET").len(), ATTEMPTS);
}

#[tokio::test]
async fn err_not_allowed_is_never_absent() {
    let world = world(LONG_TIMEOUT).await;
    world.fail("PUT", 403, "AccessDenied");
    assert_error(world.put().await, Recovery::Person, &["s3:PutObject", BUCKET, KEY, "kms:GenerateDataKey"]);
    // S3 answers like this to callers without the right to list, so that they cannot tell if an object exists.
    world.fail("GET", 403, "AccessDenied");
    world.fail("GET", 403, "AccessDenied");
    assert_error(world.get().await, Recovery::Person, &["s3:GetObject", "s3:ListBucket", BUCKET, KEY]);
    assert_eq!((world.faults.seen("PUT").len(), world.faults.seen("GET").len()), (1, 2));
    assert_eq!(world.store.versions(KEY), 0);
}

/// S3 answers 403 for a missing key, because the function may list only below its prefix.
#[tokio::test]
async fn d10_a_missing_key_that_s3_hides_differs_from_one_that_may_not_be_read() {
    let world = world(LONG_TIMEOUT).await;
    let deny = || world.fail("GET", 403, "AccessDenied");
    deny();
    assert_eq!(world.get().await, Ok(None));
    world.put().await.unwrap();
    deny();
    assert!(world.get().await.unwrap().is_some(), "it was created in between");
    world.store.delete(KEY);
    deny();
    assert!(world.get().await.unwrap().is_some(), "the version behind the marker");
}

/// The list of versions shows the object, but reads get a 403: twice, after which the key is read, or three times.
#[tokio::test]
async fn d10_a_hidden_key_that_is_listed_is_read_again_before_it_needs_a_person() {
    let world = world(LONG_TIMEOUT).await;
    world.put().await.unwrap();
    for looks in [2, 3] {
        for look in 0..looks {
            world.fail("GET", 403, "AccessDenied");
            world.faults.next_times(usize::from(look < 2), "GET", &Fault::Pass);
        }
        let got = world.get().await;
        if looks == 2 {
            assert_eq!(got, Ok(Some(b"ours".to_vec())));
        } else {
            assert_error(got, Recovery::Person, &["grant s3:GetObject", KEY]);
        }
        assert!(world.faults.are_spent());
    }
}

#[tokio::test]
async fn d10_a_missing_record_that_s3_hides_is_not_replaced() {
    let world = world(LONG_TIMEOUT).await;
    world.fail("GET", 403, "AccessDenied");
    assert_eq!(world.replace().await, Ok(false));
    world.create_record().await;
    world.store.delete(RECORD);
    world.fail("GET", 403, "AccessDenied");
    assert_eq!(world.replace().await, Ok(false));
    assert_eq!(world.faults.seen("PUT").len(), 1);
}

#[tokio::test]
async fn d10_a_record_deleted_before_its_replacement_is_no_missing_right() {
    let world = world(LONG_TIMEOUT).await;
    let there = Fault::Answer { status: 200, headers: &[("etag", "\"1\"")], body: "old".to_owned() };
    world.faults.next("GET", there.clone());
    world.fail("PUT", 403, "AccessDenied");
    assert_eq!(world.replace().await, Ok(false));
    // The object still exists, so the right to put is missing.
    world.create_record().await;
    world.faults.next("GET", there);
    world.fail("PUT", 403, "AccessDenied");
    assert_error(world.replace().await, Recovery::Person, &["grant s3:PutObject", RECORD]);
}

#[tokio::test]
async fn d10_a_key_whose_versions_may_not_be_listed_says_which_rights_are_missing() {
    let world = world(LONG_TIMEOUT).await;
    for _ in 0..2 {
        world.fail("GET", 403, "AccessDenied");
    }
    let says = ["S3 answers so for a missing key too", "grant s3:GetObject", "grant s3:ListBucketVersions", KEY];
    assert_error(world.get().await, Recovery::Person, &says);
}

#[tokio::test]
async fn err_no_such_bucket() {
    let (upstream, _) = Store::serve().await;
    let elsewhere = open(&upstream, "elsewhere").await;
    let put = elsewhere.put_if_absent(KEY, vec![], GZIP).await;
    assert_error(put, Recovery::Person, &["NoSuchBucket", "create the bucket elsewhere"]);
    assert_error(elsewhere.get(KEY).await, Recovery::Person, &["NoSuchBucket", "create the bucket elsewhere"]);
}

#[tokio::test]
async fn err_a_404_that_is_not_about_the_key() {
    let world = world(LONG_TIMEOUT).await;
    world.faults.next("GET", Fault::answer(404, "a proxy's page"));
    assert_error(world.get().await, Recovery::Person, &["(404)", KEY]);
}

#[tokio::test]
async fn err_credentials_that_do_not_fit() {
    let (upstream, _) = Store::serve().await;
    let config = sdk(&upstream, LONG_TIMEOUT).await;
    let stranger = aws_sdk_s3::config::Credentials::new(super::ACCESS_KEY, "another", None, None, "test");
    let config =
        config.into_builder().credentials_provider(aws_sdk_s3::config::SharedCredentialsProvider::new(stranger));
    let bucket = S3Bucket::new(s3_client(&config.build()), BUCKET, ClockWithShortSleeps);
    assert_error(bucket.get(KEY).await, Recovery::Person, &["SignatureDoesNotMatch"]);
}

#[tokio::test]
async fn err_no_server_listens() {
    let bucket = open("http://127.0.0.1:1", BUCKET).await;
    assert_error(bucket.get(KEY).await, Recovery::NextTick, &["no answer", KEY]);
}

#[tokio::test]
async fn a_body_cut_short_is_read_again() {
    let world = world(LONG_TIMEOUT).await;
    let body: Vec<u8> = (0..200_000_u32).map(|at| (at % 251) as u8).collect();
    assert_eq!(world.bucket.put_if_absent(KEY, body.clone(), GZIP).await, Ok(Put::Created));
    world.faults.next("GET", Fault::CutShort);
    world.faults.next("GET", Fault::Corrupt);
    assert!(world.get().await.unwrap() == Some(body));
    assert_eq!(world.faults.seen("GET").len(), 3);
}

#[tokio::test]
async fn a_read_behind_a_delete_marker_returns_the_last_version() {
    let world = world(LONG_TIMEOUT).await;
    assert_eq!(world.put().await, Ok(Put::Created));
    // Another key begins with this key, and there are more delete markers than fit a page of versions.
    let longer = format!("{KEY}.old");
    assert_eq!(world.bucket.put_if_absent(&longer, b"not ours".to_vec(), GZIP).await, Ok(Put::Created));
    for _ in 0..7 {
        world.store.delete(KEY);
    }
    world.fail("GET", 503, "SlowDown");
    assert_eq!(world.get().await, Ok(Some(b"ours".to_vec())));
}

#[tokio::test]
async fn err_a_delete_marker_with_nothing_behind() {
    let world = world(LONG_TIMEOUT).await;
    assert_eq!(world.put().await, Ok(Put::Created));
    assert_eq!(world.bucket.put_if_absent(&format!("{KEY}.old"), b"x".to_vec(), GZIP).await, Ok(Put::Created));
    world.store.delete(KEY);
    world.store.purge(KEY);
    assert_error(world.get().await, Recovery::Person, &["was deleted", KEY, BUCKET]);
}

#[tokio::test]
async fn err_versions_may_not_be_listed() {
    let world = world(LONG_TIMEOUT).await;
    world.store.delete(KEY);
    let marker = Fault::Answer {
        status: 404,
        headers: &[("x-amz-delete-marker", "true")],
        body: "<Error><Code>NoSuchKey</Code><Message>gone</Message></Error>".to_owned(),
    };
    world.faults.next("GET", marker);
    world.fail("GET", 403, "AccessDenied");
    assert_error(world.get().await, Recovery::Person, &["grant s3:ListBucketVersions", KEY]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_sixteen_replaces() {
    let world = world(LONG_TIMEOUT).await;
    for round in 0..20 {
        let key = format!("_state/race-{round}.json");
        assert_eq!(world.bucket.put_if_absent(&key, b"old".to_vec(), JSON).await, Ok(Put::Created));
        let replacements = (0..16_u8).map(|racer| world.bucket.replace(&key, b"old", vec![racer], JSON));
        let replaced: Vec<bool> = join_all(replacements).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(replaced.iter().filter(|replaced| **replaced).count(), 1, "{replaced:?}");
        let winner = replaced.iter().position(|replaced| *replaced).unwrap();
        assert_eq!(world.bucket.get(&key).await, Ok(Some(vec![u8::try_from(winner).unwrap()])));
        assert_eq!(world.store.versions(&key), 2);
    }
}

#[tokio::test]
async fn content_type_of_a_replacement_is_kept() {
    let world = world(LONG_TIMEOUT).await;
    world.create_record().await;
    assert_eq!(world.bucket.replace(RECORD, b"old", b"new".to_vec(), "text/plain").await, Ok(true));
    assert_eq!(world.store.content_type(RECORD).as_deref(), Some("text/plain"));
}

#[tokio::test]
async fn other_content_is_never_overwritten() {
    let world = world(LONG_TIMEOUT).await;
    assert_eq!(world.replace().await, Ok(false));
    world.create_record().await;
    assert_eq!(world.bucket.replace(RECORD, b"another", b"new".to_vec(), JSON).await, Ok(false));
    assert_eq!(world.faults.seen("PUT").len(), 1);
    assert_eq!(world.record().await, Some(b"old".to_vec()));
}

#[tokio::test]
async fn an_object_that_changes_or_goes_before_the_put_is_not_replaced() {
    let world = world(LONG_TIMEOUT).await;
    world.create_record().await;
    world.fail("PUT", 412, "PreconditionFailed");
    assert_eq!(world.replace().await, Ok(false));
    world.fail("PUT", 404, "NoSuchKey");
    assert_eq!(world.replace().await, Ok(false));
    // Each of the two replacements reads the object once: a refused first attempt cannot have taken effect, so nothing
    // is read again.
    assert_eq!((world.faults.seen("GET").len(), world.store.versions(RECORD)), (2, 1));
}

#[tokio::test]
async fn an_object_behind_a_delete_marker_is_not_replaced() {
    let world = world(LONG_TIMEOUT).await;
    world.create_record().await;
    world.store.delete(RECORD);
    assert_eq!(world.replace().await, Ok(false));
    assert_eq!(world.record().await, Some(b"old".to_vec()));
}

#[tokio::test]
async fn a_replacement_is_repeated() {
    let world = world(SHORT_TIMEOUT).await;
    world.create_record().await;
    world.fail("GET", 503, "SlowDown");
    world.faults.next("GET", Fault::CutShort);
    world.faults.next("PUT", Fault::Swallow);
    world.fail("PUT", 409, "ConditionalRequestConflict");
    world.fail("PUT", 500, "InternalError");
    assert_eq!(world.replace().await, Ok(true));
    assert!(world.faults.are_spent());
    assert_eq!((world.record().await, world.store.versions(RECORD)), (Some(b"new".to_vec()), 2));
}

#[tokio::test]
async fn a_replacement_whose_answer_is_lost_is_known_by_its_content() {
    let world = world(SHORT_TIMEOUT).await;
    world.create_record().await;
    world.faults.next("PUT", Fault::LoseAnswer);
    assert_eq!(world.replace().await, Ok(true));
    assert_eq!((world.record().await, world.store.versions(RECORD)), (Some(b"new".to_vec()), 2));
}

#[tokio::test]
async fn a_refusal_after_a_lost_request_is_no_success_where_the_content_is_another() {
    let world = world(LONG_TIMEOUT).await;
    world.create_record().await;
    world.fail("PUT", 500, "InternalError");
    world.fail("PUT", 412, "PreconditionFailed");
    assert_eq!(world.replace().await, Ok(false));
    assert!(world.faults.are_spent());
    assert_eq!((world.faults.seen("GET").len(), world.store.versions(RECORD)), (2, 1));
}

#[tokio::test]
async fn a_conflict_that_lasts_is_no_success() {
    let world = world(LONG_TIMEOUT).await;
    world.create_record().await;
    world.faults.next_times(ATTEMPTS, "PUT", &error(409, "ConditionalRequestConflict"));
    assert_eq!(world.replace().await, Ok(false));
    assert!(world.faults.are_spent());
    assert_eq!(world.record().await, Some(b"old".to_vec()));
    // A lost request may still take effect.
    world.faults.next("PUT", error(500, "InternalError"));
    world.faults.next_times(ATTEMPTS - 1, "PUT", &error(409, "ConditionalRequestConflict"));
    assert_error(world.replace().await, Recovery::NextTick, &["ConditionalRequestConflict", RECORD]);
}

#[tokio::test]
async fn err_a_failed_replacement_says_why() {
    let world = world(LONG_TIMEOUT).await;
    world.create_record().await;
    world.fail("GET", 403, "AccessDenied");
    assert_error(world.replace().await, Recovery::Person, &["s3:GetObject", BUCKET, RECORD]);
    world.fail("PUT", 403, "AccessDenied");
    assert_error(world.replace().await, Recovery::Person, &["s3:PutObject", BUCKET, RECORD]);
    world.fail("PUT", 404, "NoSuchBucket");
    assert_error(world.replace().await, Recovery::Person, &["NoSuchBucket", "create the bucket"]);
    world.faults.next_times(ATTEMPTS, "PUT", &error(503, "SlowDown"));
    assert_error(world.replace().await, Recovery::NextTick, &["SlowDown", RECORD]);
    let without_e_tag = Fault::Answer { status: 200, headers: &[], body: "old".to_owned() };
    world.faults.next("GET", without_e_tag);
    assert_error(world.replace().await, Recovery::Person, &["no ETag", RECORD]);
    assert_eq!(world.store.versions(RECORD), 1);
}
