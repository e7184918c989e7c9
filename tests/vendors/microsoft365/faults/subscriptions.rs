//! Subscriptions that are missing, disabled or not permitted.

use std::collections::BTreeMap;

use collector::PortError;
use jiff::Timestamp;
use simulators::microsoft365::{AlreadyOn, ContentType, READ, READ_DLP};
use tests::rig::memory_store::{Call, Outcome};

use super::*;

const QUARTER_HOUR_SECONDS: i64 = 15 * 60;

/// Creates a script by which the next list of subscriptions is empty.
fn no_subscriptions() -> Vec<Scripted> {
    vec![Scripted::new("subscriptions", 1, Fault::answer(200, "[]"))]
}

impl World {
    /// Returns the times at which each content type was started.
    fn starts(&self) -> BTreeMap<String, Vec<Timestamp>> {
        let mut starts: BTreeMap<String, Vec<Timestamp>> = BTreeMap::new();
        for asked in self.received_requests_of("start") {
            let name = asked.target.split("contentType=").nth(1).unwrap().split('&').next().unwrap().to_owned();
            starts.entry(name).or_default().push(asked.at);
        }
        starts
    }

    /// Asserts that no content type was started twice within a quarter of an hour. Returns the number of starts of
    /// each.
    #[track_caller]
    fn assert_starts_apart(&self) -> BTreeMap<String, usize> {
        let starts = self.starts();
        for (name, times) in &starts {
            let apart = |pair: &[Timestamp]| pair[1].duration_since(pair[0]).as_secs() >= QUARTER_HOUR_SECONDS;
            assert!(times.windows(2).all(apart), "{name}: {times:?}");
        }
        starts.into_iter().map(|(name, times)| (name, times.len())).collect()
    }
}

#[tokio::test]
async fn f31_a_start_of_an_enabled_subscription_counts_as_success() {
    for already_on in [AlreadyOn::Af20024, AlreadyOn::Ok] {
        let world = tenant_with(60, |it| it.already_on = already_on);
        assert_drained(&world.tick().await.unwrap(), 60);
        world.minutes(20);
        world.script(no_subscriptions());
        assert_drained(&world.tick().await.unwrap(), 0);
        let again = if already_on == AlreadyOn::Ok { 200 } else { 400 };
        assert_eq!(world.statuses("start"), [200, 200, 200, 200, 200, again, again, again, again, again]);
        world.assert_exact();
    }
}

#[tokio::test]
async fn f32_half_a_day_without_content_is_no_gap_and_no_failure() {
    let options = Options { events: 80, span_seconds: HOUR, ahead_seconds: DAY, ..Options::new(start_time()) };
    let world = world_with(&options, |it| (it.has_history, it.first_blob_seconds) = (false, 12 * HOUR));
    let worker = world.worker();
    for _ in 0..24 {
        assert_drained(&tick(&worker).await, 0);
        // An empty listing counts as listed.
        world.assert_caught_up(LogType::General);
        world.minutes(30);
    }
    let first = delivered(&tick(&worker).await);
    assert!(first > 20, "{first}");
    while world.running.pending() > 0 {
        world.minutes(30);
        tick(&worker).await;
    }
    world.minutes(30);
    assert_drained(&tick(&worker).await, 0);
    world.assert_exact();
}

#[tokio::test]
async fn f32_a_content_type_that_stays_empty_for_nine_days_has_no_gap() {
    let options = Options { events: 200, span_seconds: HOUR, ahead_seconds: 10 * DAY, ..Options::new(start_time()) };
    let slow = Some((ContentType::Dlp, 9 * DAY));
    let world = world_with(&options, |it| (it.slow_start, it.records_per_blob) = (slow, 2));
    let worker = world.worker();
    for _ in 0..18 {
        let reports = tick(&worker).await;
        assert!(reports.iter().all(|report| report.drained && report.gaps.is_empty()), "{reports:?}");
        assert_eq!(report_of(&reports, LogType::Dlp).listed.events, 0);
        world.assert_caught_up(LogType::Dlp);
        world.minutes(12 * 60);
    }
    world.minutes(5);
    assert!(report_of(&tick(&worker).await, LogType::Dlp).lines.delivered > 0);
    while world.running.pending() > 0 {
        world.minutes(12 * 60);
        tick(&worker).await;
    }
    world.minutes(12 * 60);
    assert_drained(&tick(&worker).await, 0);
    world.assert_exact();
}

/// Creates a deployment whose settings were just extended by DLP. The vendor's list of subscriptions fails, so only
/// listing content reveals that DLP has no subscription.
async fn dlp_added(records: usize) -> World {
    let world = tenant(records);
    world.credential.set("content_types", &json!(["Audit.AzureActiveDirectory", "Audit.Exchange", "Audit.General"]));
    world.tick().await.unwrap();
    world.credential.set("content_types", &json!(["Audit.AzureActiveDirectory", "Audit.Exchange", "DLP.All"]));
    world.minutes(5);
    world.script(fault_at_first_requests(TRIES, "subscriptions", &vendor_error(500, "AF50000")));
    world
}

#[tokio::test]
async fn f33_a_missing_subscription_is_started_and_listed_by_the_next_tick() {
    let world = dlp_added(100).await;
    let reports = world.tick().await.unwrap();
    assert!(reports.iter().all(|report| report.failure.is_none() && report.gaps.is_empty()), "{reports:?}");
    // The other content types were listed to their ends. DLP was not listed at all, so its watermark does not move.
    assert_eq!(
        (report_of(&reports, LogType::Exchange).listed.pages, report_of(&reports, LogType::Dlp).listed.pages),
        (1, 0)
    );
    world.assert_caught_up(LogType::Exchange);
    assert_eq!(world.watermark(LogType::Dlp), 360 - DAY);
    assert_eq!(world.starts()["DLP.All"].len(), 1);
    assert_eq!(world.received_requests_of("content").iter().filter(|asked| asked.status == Some(400)).count(), 1);

    // A new process reads from the state that DLP was started, and does not start it again.
    world.minutes(5);
    let reports = world.tick().await.unwrap();
    assert_drained(&reports, report_of(&reports, LogType::Dlp).lines.delivered);
    assert!(report_of(&reports, LogType::Dlp).lines.delivered > 0);
    assert_eq!(world.assert_starts_apart()["DLP.All"], 1);
    world
        .credential
        .set("content_types", &json!(["Audit.AzureActiveDirectory", "Audit.Exchange", "Audit.General", "DLP.All"]));
    world.assert_exact();
}

#[tokio::test]
async fn f33_a_start_that_is_not_noticed_yet_is_not_repeated() {
    let world = dlp_added(100).await;
    world.tick().await.unwrap();
    // For minutes the vendor answers as if DLP had never been started, both to listing and in the list of
    // subscriptions.
    let mut had = 0;
    for minutes in [1, 5, 5] {
        world.minutes(minutes);
        let unnoticed =
            |number| Scripted::new("content", number, vendor_error(400, "AF20022")).having("contentType=DLP.All");
        world.script([no_subscriptions(), (1..=TRIES).map(unnoticed).collect()].concat());
        let reports = world.tick().await.unwrap();
        let dlp = assert_others_drained(&reports, LogType::Dlp);
        // A start may take two minutes to take effect. After that the missing subscription is reported as a failure.
        match minutes {
            1 => assert_eq!(dlp.failure, None),
            _ => assert_failed(dlp, false, "AF20022: there is no subscription, although it was started"),
        }
        had += dlp.lines.delivered;
        assert_eq!(world.watermark(LogType::Dlp), 360 - DAY);
        assert_eq!(world.starts()["DLP.All"].len(), 1);
    }
    world.script(Vec::new());
    world.minutes(5);
    had += report_of(&world.tick().await.unwrap(), LogType::Dlp).lines.delivered;
    assert!(had > 0);
}

/// A start in the middle of a listing is written to the head at once. That write must not move the watermark past
/// windows whose lines are not delivered yet.
#[tokio::test]
async fn f33_a_start_during_a_listing_moves_no_watermark_past_undelivered_lines() {
    let options = Options { events: 200, span_seconds: 2 * DAY, ..Options::new(start_time()) };
    let mut world = world_with(&options, |_| {});
    world.settings.lookback_seconds = 2 * DAY;
    world.credential.set("content_types", &json!(["Audit.Exchange"]));
    world.tick().await.unwrap();
    // Another source of the same tenant begins. Its second request for content finds no subscription, so it starts one.
    world.credential.set("source_id", &json!("another"));
    let unsubscribed = Scripted::new("content", 2, vendor_error(400, "AF20022"));
    world.script(
        [fault_at_first_requests(TRIES, "subscriptions", &vendor_error(500, "AF50000")), vec![unsubscribed]].concat(),
    );
    let full = PortError::next_tick("the bucket is full");
    let fails = move |call, number| match call {
        Call::Put if number > 1 => Outcome::Fails { is_applied: false, error: full.clone() },
        _ => Outcome::Succeeds,
    };
    world.store.script(fails);
    let reports = world.tick().await.unwrap();
    assert_failed(&reports[0], false, "the bucket is full");
    assert_eq!((world.starts()["Audit.Exchange"].len(), world.watermark(LogType::Exchange)), (2, 60 - 2 * DAY));
    world.store.clear_faults();
    world.minutes(5);
    world.drain().await;
    let result = world.reconcile(&world.running.served()).remove(0);
    assert!(result.lost.is_empty() && result.duplicated.is_empty(), "{result:?}");
}

#[tokio::test]
async fn f33_a_start_that_fails_while_listing_is_not_repeated_by_cold_processes() {
    let world = dlp_added(100).await;
    let failing = Scripted::new("start", 1, vendor_error(500, "AF50000"));
    world.script(
        [fault_at_first_requests(TRIES, "subscriptions", &vendor_error(500, "AF50000")), vec![failing]].concat(),
    );
    let says = ["DLP.All: starting the subscription: HTTP 500", "AF20022", "AF20022"];
    for (minutes, says) in [0, 5, 5].into_iter().zip(says) {
        world.minutes(minutes);
        let reports = world.tick().await.unwrap();
        assert_failed(assert_others_drained(&reports, LogType::Dlp), false, says);
        assert_eq!((world.received_requests_of("start").len(), world.watermark(LogType::Dlp)), (4, 360 - DAY));
    }
    // A start may be repeated after a quarter of an hour.
    world.minutes(6);
    let reports = world.tick().await.unwrap();
    assert!(report_of(&reports, LogType::Dlp).lines.delivered > 0);
    assert_eq!(world.received_requests_of("start").len(), 5);
}

#[tokio::test]
async fn f34_a_subscription_that_is_disabled_is_started_once_and_the_possible_loss_is_reported() {
    // Either the list of subscriptions reveals that the subscription is disabled, or, if the list fails, listing
    // content does.
    for list_fails in [false, true] {
        let options =
            Options { events: 300, span_seconds: HOUR, ahead_seconds: 30 * HOUR, ..Options::new(start_time()) };
        let world = world_with(&options, |_| {});
        world.drain().await;
        world.minutes(25 * 60);
        world.drain().await;
        let watermark = world.watermark(LogType::Exchange);
        assert!(world.simulator.disable(ContentType::Exchange));
        world.minutes(60);
        if list_fails {
            world.script(fault_at_first_requests(TRIES, "subscriptions", &vendor_error(500, "AF50000")));
        }
        let started = world.time.now();
        let reports = world.tick().await.unwrap();
        let report = assert_others_drained(&reports, LogType::Exchange);
        assert_failed(report, false, "the subscription was disabled; it was started again at 2026-11-23T08:0");
        let message = &report.failure.as_ref().unwrap().message;
        // The possible loss reaches from the start of the last listing's overlap to the new start.
        let listed_from = start_time() + jiff::SignedDuration::from_secs((watermark - 3 * HOUR).max(60 - DAY));
        assert!(message.contains(&format!("recorded between {listed_from} and ")), "{message}");
        assert_eq!(world.watermark(LogType::Exchange), watermark, "nothing was listed");
        let starts = &world.starts()["Audit.Exchange"];
        assert!(starts.len() == 2 && starts[1] >= started, "{starts:?}");
        let [gap] = &report.gaps[..] else { panic!("{report:?}") };
        assert_eq!(gap.from, listed_from.as_second());
        assert!((0..5).contains(&(gap.to - starts[1].as_second())), "{gap:?}");
        assert!(gap.cause.ends_with("/microsoft365_audit_exchange: may not have been recorded"), "{gap:?}");

        // The fault is reported once, and listing continues; the vendor did not keep the content made meanwhile.
        world.minutes(5);
        let reports = world.tick().await.unwrap();
        assert!(reports.iter().all(|report| report.drained && report.failure.is_none()), "{reports:?}");
        assert!(reports.iter().all(|report| report.gaps.is_empty()), "{reports:?}");
        while world.running.pending() > 0 {
            world.minutes(60);
            world.drain().await;
        }
        world.minutes(5);
        world.drain().await;
        world.assert_exact();
    }
}

#[tokio::test]
async fn f34_a_subscription_that_somebody_keeps_disabling_needs_a_person() {
    let world = tenant(60);
    world.drain().await;
    let (mut needed_person, mut gaps) = (0, 0);
    for _ in 0..12 {
        world.minutes(10);
        world.simulator.disable(ContentType::Exchange);
        let reports = world.tick().await.unwrap();
        let report = assert_others_drained(&reports, LogType::Exchange);
        needed_person += u32::from(report.failure.as_ref().unwrap().needs_person);
        gaps += report.gaps.len();
    }
    // Every tick needs a person, because each finds the subscription disabled less than a day after its last start.
    assert_eq!(needed_person, 12);
    let starts = world.assert_starts_apart()["Audit.Exchange"];
    assert!((6..=8).contains(&starts), "{starts}");
    // Each start but the first reports the content that may be lost.
    assert_eq!(gaps, starts - 1);
}

#[tokio::test]
async fn f35_a_content_type_that_is_not_permitted_delays_none_of_the_others() {
    let options = Options { events: 200, span_seconds: HOUR, ahead_seconds: 6 * HOUR, ..Options::new(start_time()) };
    let world = world_with(&options, |it| it.roles = vec![READ.to_owned()]);
    let worker = world.worker();
    for _ in 0..12 {
        let reports = tick(&worker).await;
        let dlp = assert_others_drained(&reports, LogType::Dlp);
        assert_failed(dlp, true, "AF10001: the app registration lacks a permission");
        let message = &dlp.failure.as_ref().unwrap().message;
        assert!(message.contains("ActivityFeed.ReadDlp") && message.contains("grant admin consent"), "{message}");
        assert_eq!((dlp.lines.delivered, world.watermark(LogType::Dlp)), (0, 60 - DAY));
        world.assert_caught_up(LogType::Exchange);
        world.minutes(30);
    }
    // A tick requests one window of DLP and at most one other.
    let of_dlp = world.received_requests_of("content").iter().filter(|asked| asked.target.contains("DLP.All")).count();
    assert!((12..=24).contains(&of_dlp), "{of_dlp}");
    assert_eq!(world.assert_starts_apart()["Audit.Exchange"], 1);

    // Somebody grants the permission. The running process gets it with its next token, within the hour.
    world.simulator.change(|it| it.roles = vec![READ.to_owned(), READ_DLP.to_owned()]);
    world.minutes(60);
    assert!(report_of(&tick(&worker).await, LogType::Dlp).lines.delivered > 0);
    world.assert_exact();
}

#[tokio::test]
async fn f55_auditing_that_is_off_needs_a_person_and_is_tried_four_times_per_hour() {
    let world = tenant_with(60, |it| it.auditing_off = true);
    for number in 1..=12 {
        let reports = world.tick().await.unwrap();
        for report in &reports {
            let failure = report.failure.as_ref().unwrap();
            // A new process does not know why the last start failed, until it may start the subscription itself.
            let words = ["turn on unified audit logging", "check that unified audit logging is on"];
            assert!(words.iter().any(|words| failure.message.contains(words)), "{failure:?}");
            assert_eq!(failure.needs_person, failure.message.contains(words[0]), "{failure:?}");
            assert!((number - 1) % 3 > 0 || failure.needs_person, "{failure:?}");
            assert_eq!(report.lines.delivered, 0);
        }
        world.minutes(5);
    }
    // The ticks took an hour, in which each content type was started four times.
    assert!(world.assert_starts_apart().values().all(|starts| *starts == 4), "{:?}", world.starts());
    world.simulator.change(|it| it.auditing_off = false);
    world.minutes(15);
    let ticks = world.drain().await;
    assert_eq!(ticks.iter().map(|reports| delivered(reports)).sum::<u64>(), 60);
    world.assert_exact();
}

#[tokio::test]
async fn f66_starts_are_a_quarter_of_an_hour_apart_whoever_makes_them() {
    // The list of subscriptions is always empty, and the vendor throttles starts.
    let world = tenant_with(60, |it| it.start_throttled = true);
    for _ in 0..24 {
        world.script(no_subscriptions());
        assert!(world.tick().await.unwrap().iter().all(|report| report.drained && report.failure.is_none()));
        world.minutes(5);
        world.script(Vec::new());
        // A different script has to come in between, because an unchanged script does not count from 1 again.
        world.simulator.change(|it| it.script = vec![Scripted::new("stop", 1, Fault::ServerError)]);
        assert!(world.tick().await.unwrap().iter().all(|report| report.drained));
        world.minutes(5);
    }
    let starts = world.assert_starts_apart();
    assert!(starts.values().all(|starts| (10..=16).contains(starts)), "{starts:?}");
    assert!(world.statuses("start").iter().all(|status| *status != 403), "a start was throttled");
    world.assert_exact();
}

#[tokio::test]
async fn f66_a_failed_start_is_remembered_like_any_other() {
    let world = tenant(60);
    world.script(fault_at_first_requests(TYPES, "start", &Fault::Throttled { retry_after: None }));
    for number in 0..3 {
        let reports = world.tick().await.unwrap();
        for report in &reports {
            let words = if number == 0 { "starting the subscription: HTTP 403 (AF429)" } else { "AF20022" };
            assert_failed(report, false, words);
        }
        assert_eq!(world.running.requests_of("start"), TYPES);
        // A throttled start delays only starts: the tick makes its other calls without a wait.
        assert!(world.elapsed_seconds() < 300.0 * f64::from(number) + 30.0);
        world.minutes(5);
    }
    world.minutes(5);
    let ticks = world.drain().await;
    assert_eq!(ticks.iter().map(|reports| delivered(reports)).sum::<u64>(), 60);
    assert!(world.assert_starts_apart().values().all(|starts| *starts == 2));
    world.assert_exact();
}

#[tokio::test]
async fn f66_a_tick_that_dies_after_a_start_causes_no_second_start_within_a_quarter_of_an_hour() {
    let world = tenant_with(60, |it| it.start_throttled = true);
    for max_polls in [20, 40, 80, 160] {
        let _ = world.worker().tick(TICK_SECONDS, Some(max_polls)).await;
        world.minutes(2);
    }
    world.drain().await;
    assert!(world.assert_starts_apart().values().all(|starts| *starts == 1), "{:?}", world.starts());
    world.assert_exact();
}

#[tokio::test]
async fn f70_without_the_list_of_subscriptions_content_is_listed_and_nothing_started() {
    let options = Options { events: 200, span_seconds: HOUR, ahead_seconds: 3 * HOUR, ..Options::new(start_time()) };
    let world = world_with(&options, |_| {});
    world.drain().await;
    for fault in [
        vendor_error(500, "AF50000"),
        Fault::answer(200, "<html>gateway</html>"),
        Fault::Reset,
        vendor_error(401, "AF10001"),
    ] {
        world.script(fault_at_first_requests(100, "subscriptions", &fault));
        for _ in 0..5 {
            world.minutes(10);
            let asked = world.running.requests_of("subscriptions");
            let reports = world.tick().await.unwrap();
            assert!(reports.iter().all(|report| report.drained && report.failure.is_none()), "{reports:?}");
            let asked = world.running.requests_of("subscriptions") - asked;
            assert!((1..=TRIES).contains(&asked), "{asked}");
        }
    }
    assert_eq!(world.running.requests_of("start"), TYPES);
    assert_eq!(world.running.pending(), 0);
    world.assert_exact();
}

#[tokio::test]
async fn a5_a_throttled_start_that_names_a_wait_in_words_is_repeated_after_it_and_needs_no_person() {
    let world = tenant_with(60, |it| it.start_waits_seconds = Some(526));
    let worker = world.worker();
    let mut ticks = 0;
    while delivered(&tick(&worker).await) == 0 {
        ticks += 1;
        assert!(ticks <= 3, "the starts come to nothing");
        world.minutes(5);
    }
    // One start of each content type was refused, and the second one was accepted after the wait.
    let starts = world.received_requests_of("start");
    assert_eq!((starts.len() as u64, ticks), (2 * TYPES, 2), "{starts:?}");
    assert!(starts[starts.len() - 1].at.duration_since(starts[0].at).as_secs() >= 526);

    let world = tenant_with(60, |it| it.start_waits_seconds = Some(526));
    for report in world.tick().await.unwrap() {
        assert_failed(&report, false, "starting the subscription: HTTP 403 (AF429): too many requests");
    }
}

#[tokio::test]
async fn a5_a_start_of_one_type_that_fails_affects_no_other() {
    let world = tenant_with(60, |it| it.start_broken = Some(simulators::microsoft365::ContentType::Dlp));
    let reports = world.tick().await.unwrap();
    let dlp = assert_others_drained(&reports, LogType::Dlp);
    assert_failed(dlp, false, "starting the subscription: HTTP 500");
}
