//! Tests the count of drift through whole ticks.
#![expect(clippy::unwrap_used, reason = "a failed call fails the test")]

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::FutureExt;
use jiff::Timestamp;
use schema::{LogType, NO_CUSTOM_MODELS};

use collector::{
    Bucket, Clock, Drift, Env, Head, Item, LedgerHour, LedgerItem, LedgerKind, ListRequest, Listed, NoBody, Page,
    PortError, Prepared, Put, Settings, Source, SourceCache, SourceId, State, Stream, StreamReport, Vendor,
    VendorPolicy, Written, run_tick,
};

const NOW: i64 = 1_787_301_900;

/// State, bucket and clock of one stream.
#[derive(Default)]
struct World {
    head: RefCell<Option<Head>>,
    ledger: RefCell<Vec<LedgerItem>>,
    objects: RefCell<BTreeMap<String, Vec<u8>>>,
    /// An object that another tick puts just before ours.
    put_before: Cell<Option<Vec<u8>>>,
}

impl State for World {
    async fn head(&self, _: &Stream) -> Result<Option<Head>, PortError> {
        Ok(self.head.borrow().clone())
    }

    async fn write(
        &self,
        _: &Stream,
        expected: Option<u64>,
        head: &Head,
        items: &[LedgerItem],
    ) -> Result<Written, PortError> {
        if self.head.borrow().as_ref().map(|head| head.version) != expected {
            return Ok(Written::Refused);
        }
        self.ledger.borrow_mut().extend_from_slice(items);
        self.head.replace(Some(head.clone()));
        Ok(Written::Applied)
    }

    async fn ledger(
        &self,
        _: &Stream,
        kind: LedgerKind,
        hour: u32,
        after: Option<u64>,
    ) -> Result<Vec<LedgerItem>, PortError> {
        let wanted =
            |item: &&LedgerItem| item.kind == kind && item.hour == hour && after.is_none_or(|after| item.seq > after);
        Ok(self.ledger.borrow().iter().filter(wanted).cloned().collect())
    }

    async fn visible_hours(&self, _: &Stream, seq: u64, hours: &[LedgerHour]) -> Result<Vec<LedgerHour>, PortError> {
        let items = self.ledger.borrow();
        let is_there = |hour: &&LedgerHour| {
            items.iter().any(|item| item.seq == seq && item.kind == hour.kind && item.hour == hour.hour)
        };
        Ok(hours.iter().filter(is_there).copied().collect())
    }
}

impl Bucket for World {
    async fn put_if_absent(&self, key: &str, body: Vec<u8>, _: &str) -> Result<Put, PortError> {
        let mut objects = self.objects.borrow_mut();
        let put_before = if key.contains("/dt=") { self.put_before.take() } else { None };
        if let Some(other) = put_before {
            objects.insert(key.to_owned(), other);
        }
        if objects.contains_key(key) {
            return Ok(Put::AlreadyThere);
        }
        objects.insert(key.to_owned(), body);
        Ok(Put::Created)
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, PortError> {
        Ok(self.objects.borrow().get(key).cloned())
    }

    async fn replace(&self, key: &str, expected: &[u8], body: Vec<u8>, _: &str) -> Result<bool, PortError> {
        match self.objects.borrow_mut().get_mut(key) {
            Some(object) if object == expected => {
                *object = body;
                Ok(true)
            }
            _ => Ok(false),
        }
    }
}

impl Clock for World {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(NOW).unwrap()
    }

    async fn sleep(&self, _: Duration) {
        std::future::pending().await
    }

    fn random(&self) -> u64 {
        7
    }
}

/// A vendor that lists the same events over and over.
struct RepeatingVendor(Vec<String>);

impl Vendor for RepeatingVendor {
    type Body = NoBody;

    async fn prepare(&self, _: &Stream, _: Option<i64>) -> Result<Prepared, PortError> {
        Ok(Prepared::Ready { vendor_now: None, started: false })
    }

    async fn list(&self, _: ListRequest<'_>) -> Result<Listed, PortError> {
        let items = self.0.iter().map(|event| Item::Event(event.clone().into_bytes())).collect();
        Ok(Listed::Page(Page { items, ..Page::default() }))
    }
}

fn source(events: Vec<String>) -> Source<RepeatingVendor> {
    let stream = Stream {
        source: SourceId::try_from("acme".to_owned()).unwrap(),
        label: String::new(),
        log_type: LogType::OpenAiAudit,
        listings: vec!["all"],
    };
    let policy = VendorPolicy {
        tick_seconds: 60,
        overlap_seconds: 600,
        sweeps: &[],
        first_window_seconds: 30 * 86_400,
        max_window_seconds: 30 * 86_400,
        retention: None,
        dedup_horizon_seconds: 86_400,
        split_after_pages: None,
        silence: None,
        no_data_advice: "",
        start_delay: None,
        fetches_ahead: 1,
    };
    Source { vendor: RepeatingVendor(events), streams: vec![stream], policy }
}

fn tick(world: &World, source: &Source<RepeatingVendor>) -> StreamReport {
    let (settings, deadline) = (Settings::default(), world.now() + Duration::from_secs(60));
    let env =
        Env { state: world, bucket: world, clock: world, settings: &settings, models: &NO_CUSTOM_MODELS, deadline };
    let reports = run_tick(&env, source, &SourceCache::default()).now_or_never().unwrap();
    assert_eq!((&reports[0].failure, reports[0].drained), (&None, true));
    reports[0].clone()
}

fn drifting(id: &str) -> String {
    format!(r#"{{"id":"{id}","type":"api_key.rotated","effective_at":"soon","{id}":1,"p_x":2}}"#)
}

fn conforming(id: &str) -> String {
    format!(r#"{{"id":"{id}","type":"login.succeeded","effective_at":{NOW}}}"#)
}

#[test]
fn ok_two_drifting_events_listed_twice_count_once() {
    let events = [drifting("a"), conforming("b"), drifting("a"), drifting("c"), r#"{"id":"d"}"#.to_owned()];
    let (world, source) = (World::default(), source(events.to_vec()));
    let first = tick(&world, &source);
    assert_eq!((first.listed.events, first.lines.delivered, first.listed.duplicates), (5, 4, 1));
    let drift = &first.lines.drift;
    assert_eq!((drift.undeclared_fields, drift.unknown_record_types), (4, 2));
    // In each of the two drifting lines the time and the reserved field `p_x` do not conform. The fifth event lacks
    // both required fields.
    assert_eq!((drift.nonconforming, drift.missing_required), (4, 2));
    assert_eq!(drift.names.undeclared.all(), ["a", "p_x", "c"]);
    assert_eq!(drift.names.unknown_types.all(), ["api_key.rotated"]);
    assert_eq!(drift.names.missing.all(), ["type", "effective_at"]);
    // A second process, which has no cache, lists the same events again and finds them in the ledger.
    let second = tick(&world, &source);
    assert_eq!((second.listed.events, second.lines.delivered, second.listed.duplicates), (5, 0, 5));
    assert_eq!((second.lines.drift.is_none(), second.lines.drift), (true, Drift::default()));
}

#[test]
fn ok_the_drift_of_lines_that_another_tick_delivers_first_does_not_count() {
    let (theirs, ours) = (World::default(), World::default());
    tick(&theirs, &source(vec![drifting("a")]));
    let put = theirs.objects.borrow().iter().find(|(key, _)| key.contains("/dt=")).map(|(_, object)| object.clone());
    ours.put_before.set(Some(put.unwrap()));
    let report = tick(&ours, &source(vec![drifting("a"), conforming("b"), drifting("c")]));
    assert_eq!((report.lines.delivered, report.lines.adopted), (2, 1));
    assert_eq!((report.lines.drift.undeclared_fields, report.lines.drift.unknown_record_types), (2, 1));
}

#[test]
fn ok_an_unknown_type_is_delivered_like_any_other() {
    let event = r#"{"id":"a","type":"api_key.rotated","effective_at":1787301900,"api_key.rotated":{"id":"k"}}"#;
    let report = tick(&World::default(), &source(vec![event.to_owned()]));
    assert_eq!((report.lines.delivered, report.lines.rejected, report.lines.drift.unknown_record_types), (1, 0, 1));
}
