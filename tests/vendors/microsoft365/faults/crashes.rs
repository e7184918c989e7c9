//! Deaths, concurrent ticks, deadlines, and unavailable state.

use std::time::Duration;

use collector::PortError;
use futures_util::future::join;
use tests::rig::killable::Died;
use tests::rig::memory_store::{Call, Outcome};

use super::*;

/// Lets the caller of this call die while it waits for the answer.
fn dies_at(world: &World, call: Call, number: u64, is_applied: bool) {
    world.store.script(
        move |at, count| if (at, count) == (call, number) { Outcome::Dies { is_applied } } else { Outcome::Succeeds },
    );
}

/// Lets every call of this kind fail, with or without effect.
fn fails_at(world: &World, call: Call, is_applied: bool) {
    let error = PortError::next_tick("the table is not available");
    world.store.script(move |at, _| {
        if at == call { Outcome::Fails { is_applied, error: error.clone() } } else { Outcome::Succeeds }
    });
}

fn adopted(reports: &[StreamReport]) -> u64 {
    reports.iter().map(|report| report.lines.adopted).sum()
}

#[tokio::test]
async fn f46_of_ten_blobs_of_one_instant_four_are_delivered_before_the_kill_and_six_after_it() {
    for is_applied in [true, false] {
        let mut world = tenant_with(60, |it| (it.same_instant, it.records_per_blob) = (1.0, 1));
        world.credential.set("content_types", &json!(["Audit.Exchange"]));
        world.settings.batch.lines = 1;
        dies_at(&world, Call::Commit, 4, is_applied);
        assert_eq!(world.tick().await, Err(Died));
        world.store.clear_faults();
        let blobs: Vec<_> = world.simulator.ledger().blobs().collect();
        let of_instant = |at| blobs.iter().filter(|blob| blob.created == at).count();
        assert!(blobs.iter().map(|blob| of_instant(blob.created)).max() >= Some(10), "{blobs:?}");

        world.minutes(5);
        let fetched = world.running.requests_of("blob");
        let report = world.tick().await.unwrap().remove(0);
        assert_eq!(report.lines.adopted + report.lines.delivered, blobs.len() as u64 - if is_applied { 4 } else { 3 });
        // The consumed blobs are remembered, except the last one, which was still in the batch.
        let fetched = world.running.requests_of("blob") - fetched;
        assert!((blobs.len() as u64 - 4..=blobs.len() as u64 - 2).contains(&fetched), "{fetched}");
        world.assert_exact();
    }
}

#[tokio::test]
async fn f59_killed_between_put_and_commit_the_object_is_adopted_and_not_written_again() {
    let world = exchange(30);
    dies_at(&world, Call::Put, 2, true);
    // The first put is the birth record of the stream.
    assert_eq!(world.tick().await, Err(Died));
    let objects = world.store.objects("microsoft365_audit_exchange/");
    assert_eq!((objects.len(), world.head(LogType::Exchange).seq), (1, 0));
    world.store.clear_faults();
    world.minutes(5);
    let report = world.tick().await.unwrap().remove(0);
    assert!(report.drained && report.failure.is_none(), "{report:?}");
    assert_eq!((report.lines.adopted, report.lines.delivered, report.listed.duplicates), (30, 0, 30));
    assert_eq!(world.store.objects("microsoft365_audit_exchange/"), objects);
    assert_eq!(world.assert_exact(), 30);
}

#[tokio::test]
async fn f59_killed_at_any_call_of_state_or_bucket_nothing_is_lost_or_duplicated() {
    for call in Call::ALL {
        for (number, is_applied) in (1..=4).flat_map(|number| [(number, true), (number, false)]) {
            let mut world = exchange(12);
            world.settings.batch.lines = 5;
            dies_at(&world, call, number, is_applied);
            let died = world.tick().await.is_err();
            let is_optional = matches!(call, Call::Get | Call::VisibleHours | Call::Replace);
            assert!(died || number > 1 || is_optional, "{call:?} {number} never came");
            world.store.clear_faults();
            world.minutes(5);
            world.drain().await;
            assert_eq!(world.assert_exact(), 12, "{call:?} {number} {is_applied}");
        }
    }
}

#[tokio::test]
async fn f60_two_ticks_at_once_deliver_everything_once() {
    for (seconds, lines) in [(0, 20_000), (0, 7), (2, 7)] {
        let mut world = tenant(200);
        world.settings.batch.lines = lines;
        let (one, other) = (world.worker(), world.worker());
        let late = async {
            if seconds > 0 {
                // The second tick begins while the first is still fetching blobs.
                while world.running.requests_of("blob") < 20 {
                    tokio::task::yield_now().await;
                }
            }
            tick(&other).await
        };
        let (first, second) = join(tick(&one), late).await;
        for report in first.iter().chain(&second) {
            assert!(report.failure.as_ref().is_none_or(|failure| !failure.needs_person), "{report:?}");
            assert!(report.gaps.is_empty(), "{report:?}");
        }
        // A tick that finds an uncommitted object of the other tick adopts it, and then both report its lines.
        assert!(delivered(&first) + delivered(&second) + adopted(&first) + adopted(&second) >= 200);
        world.minutes(5);
        world.drain().await;
        assert_eq!(world.assert_exact(), 200);
        assert!(world.received_requests_of("start").len() <= 2 * TYPES as usize);
    }
}

#[tokio::test]
async fn f63_a_tick_ends_in_time_with_what_it_has_committed_and_the_next_goes_on() {
    let mut world = exchange(400);
    // The tick has 120 seconds, and each blob takes half a second.
    world.pace = (500, 500);
    let worker = world.worker();
    let (mut ticks, mut fetched) = (0, 0);
    loop {
        let began = world.time.now();
        let report = worker.tick(120, None).await.unwrap().remove(0);
        ticks += 1;
        assert!(report.failure.is_none() && report.gaps.is_empty(), "{report:?}");
        let took = world.time.now().duration_since(began);
        assert!(took.as_secs() < 120, "{took}");
        if report.drained {
            break;
        }
        // The tick used all of its time except the reserve for its last commit, and committed its batch.
        assert!(took.as_secs() > 100 && report.lines.delivered > 100, "{took} {report:?}");
        let here = world.running.requests_of("blob") - fetched;
        assert!(here <= report.lines.delivered + 32, "{here} fetched, {} delivered", report.lines.delivered);
        fetched += here;
        assert_eq!(world.head(LogType::Exchange).intent, None);
        world.time.advance(Duration::from_secs(180));
    }
    assert!((2..=4).contains(&ticks), "{ticks}");
    assert!(world.running.requests_of("blob") <= 400 + 32 * ticks, "{}", world.running.requests_of("blob"));
    world.assert_exact();
}

#[tokio::test]
async fn f63_a_tick_without_time_does_nothing_and_reports_that() {
    let world = tenant(60);
    for seconds in [0, 1, 8] {
        for report in world.worker().tick(seconds, None).await.unwrap() {
            assert!(!report.drained && report.failure.is_none() && report.lines.delivered == 0, "{report:?}");
        }
        assert_eq!(world.running.requests(), 0);
    }
    assert_drained(&world.tick().await.unwrap(), 60);
    world.assert_exact();
}

#[tokio::test]
async fn f69_without_its_state_a_tick_makes_no_request_to_the_vendor() {
    let world = tenant(60);
    for (call, is_applied) in [(Call::Head, false), (Call::Head, true)] {
        fails_at(&world, call, is_applied);
        for report in world.tick().await.unwrap() {
            assert_failed(&report, false, "the table is not available");
        }
        assert_eq!(world.running.requests(), 0);
        assert!(world.store.objects("").is_empty());
        world.minutes(5);
    }
    world.store.clear_faults();
    assert_drained(&world.tick().await.unwrap(), 60);
    world.assert_exact();
}

#[tokio::test]
async fn f69_while_the_state_cannot_be_written_nothing_is_delivered_and_later_everything_once() {
    for (call, is_applied) in [(Call::Write, false), (Call::Write, true), (Call::Commit, false)] {
        let world = tenant(60);
        fails_at(&world, call, is_applied);
        for _ in 0..3 {
            let reports = world.tick().await.unwrap();
            for report in &reports {
                assert_failed(report, false, "the table is not available");
                assert_eq!((report.lines.delivered, report.drained), (0, false), "{call:?}");
            }
            world.minutes(5);
        }
        world.store.clear_faults();
        world.drain().await;
        assert_eq!(world.assert_exact(), 60, "{call:?} {is_applied}");
    }
}

#[tokio::test]
async fn f69_a_ledger_that_cannot_be_read_is_never_taken_for_an_empty_one() {
    let options = Options { events: 120, span_seconds: HOUR, ahead_seconds: 3 * HOUR, ..Options::new(start_time()) };
    let world = world_with(&options, |_| {});
    world.drain().await;
    for _ in 0..3 {
        world.minutes(60);
        fails_at(&world, Call::Ledger, false);
        let watermark = world.watermark(LogType::Exchange);
        let reports = world.tick().await.unwrap();
        assert_failed(report_of(&reports, LogType::Exchange), false, "the table is not available");
        // A stream that makes no such call is not affected.
        assert_eq!(
            (report_of(&reports, LogType::Exchange).lines.delivered, world.watermark(LogType::Exchange)),
            (0, watermark)
        );
    }
    world.store.clear_faults();
    world.minutes(60);
    world.drain().await;
    world.assert_exact();
}

#[tokio::test]
async fn f69_a_call_whose_answer_is_lost_still_takes_effect_once() {
    for call in [Call::Commit, Call::Put, Call::Get] {
        let world = tenant(60);
        fails_at(&world, call, true);
        world.tick().await.unwrap();
        world.minutes(5);
        world.store.clear_faults();
        world.drain().await;
        assert_eq!(world.assert_exact(), 60, "{call:?}");
    }
}
