//! The windows of vendor time that are listed.

use std::time::Duration;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use simulators::microsoft365::ContentType;

use super::*;

/// Returns the windows of all first-page requests of one content type, in seconds since 1970.
fn windows(world: &World, content_type: ContentType) -> Vec<(i64, i64)> {
    let name = format!("contentType={}&", content_type.name());
    let asked = world.received_requests_of("content").into_iter().map(|asked| asked.target);
    let first = asked.filter(|target| target.contains(&name) && !target.to_lowercase().contains("nextpage="));
    first.map(|target| (bound(&target, "startTime="), bound(&target, "endTime="))).collect()
}

fn bound(target: &str, name: &str) -> i64 {
    let text = target.split(name).nth(1).unwrap().split('&').next().unwrap().replace("%3A", ":");
    text.parse::<DateTime>().unwrap().to_zoned(TimeZone::UTC).unwrap().timestamp().as_second()
}

impl World {
    /// Asserts that no window is longer than a day, ends before it begins, or begins more than seven days ago, and that
    /// none was refused.
    #[track_caller]
    fn assert_windows(&self) {
        for content_type in ContentType::ALL {
            for (from, to) in windows(self, content_type) {
                assert!(from < to && to - from <= DAY, "{from} to {to}");
            }
        }
        assert!(!self.statuses("content").contains(&400), "a window was refused");
    }

    /// Counts the records that were listed this many seconds ago and are not delivered yet.
    fn overdue(&self, seconds: i64) -> usize {
        let due = self.time.now() - jiff::SignedDuration::from_secs(seconds);
        let served: Vec<_> = self.running.served().into_iter().filter(|event| event.visible_at <= due).collect();
        self.reconcile(&served).iter().map(|result| result.lost.len()).sum()
    }
}

#[tokio::test]
async fn f47_a_blob_listed_late_is_found_by_overlap_and_sweeps_and_delivered_once() {
    // Blobs are listed up to `latest` seconds after their time, must be delivered `within` seconds of being listed, and
    // ticks come `every` so many minutes.
    for (latest, within, every) in [(3 * HOUR, 300, 5), (20 * HOUR, HOUR + 300, 20), (6 * DAY, DAY + HOUR, 6 * 60)] {
        let options =
            Options { events: 80, span_seconds: HOUR, ahead_seconds: latest / 3, ..Options::new(start_time()) };
        let world =
            world_with(&options, |it| (it.late_blobs, it.max_delay_seconds, it.records_per_blob) = (1.0, latest, 2));
        let worker = world.worker();
        while world.running.pending() > 0 || world.running.requests() == 0 {
            let reports = tick(&worker).await;
            assert!(reports.iter().all(|report| report.drained && report.gaps.is_empty()), "{reports:?}");
            assert_eq!(world.overdue(within), 0, "{latest}");
            world.minutes(every);
        }
        world.time.advance(Duration::from_secs(within.unsigned_abs()));
        tick(&worker).await;
        world.assert_exact();
    }
}

#[tokio::test]
async fn f56_a_wrong_clock_of_the_collector_loses_nothing() {
    for ahead in [360, -360, 3_000, -3_000] {
        let options =
            Options { events: 200, span_seconds: 6 * DAY, ahead_seconds: 4 * HOUR, ..Options::new(start_time()) };
        let mut world =
            World::with_clock_ahead(&options, Behaviours { late_blobs: 0.0, ..Behaviours::default() }, ahead);
        world.settings.lookback_seconds = 7 * DAY;
        world.minutes(1);
        while world.running.pending() > 0 || world.running.requests() == 0 {
            let reports = world.tick().await.unwrap();
            assert!(reports.iter().all(|report| report.failure.is_none() && report.drained), "{ahead}: {reports:?}");
            let now = world.time.now().as_second() - start_time().as_second();
            for stream in world.streams() {
                assert!(world.watermark(stream.log_type) <= now, "{ahead}: a watermark in the vendor's future");
            }
            // No window ended in the vendor's future.
            let latest = windows(&world, ContentType::Exchange).iter().map(|window| window.1).max().unwrap();
            assert!(latest <= world.time.now().as_second() + 1, "{ahead}: {latest}");
            world.minutes(20);
        }
        world.tick().await.unwrap();
        world.assert_windows();
        world.assert_exact();
    }
}

#[tokio::test]
async fn f56_a_wrong_or_changing_clock_of_the_vendor_loses_nothing() {
    let options = Options { events: 200, span_seconds: HOUR, ahead_seconds: 4 * HOUR, ..Options::new(start_time()) };
    let world = world_with(&options, |it| it.date_off_seconds = -360);
    let worker = world.worker();
    for off in [-360, 0, 240, -240, 360, 0] {
        world.simulator.change(|it| it.date_off_seconds = off);
        for _ in 0..3 {
            let reports = tick(&worker).await;
            assert!(reports.iter().all(|report| report.failure.is_none() && report.gaps.is_empty()), "{reports:?}");
            world.minutes(20);
        }
    }
    tick(&worker).await;
    assert_eq!(world.running.pending(), 0);
    world.assert_exact();
}

#[tokio::test]
async fn f57_after_nine_days_down_listing_begins_at_the_retention_and_the_gap_is_reported_once() {
    let options = Options { events: 400, span_seconds: HOUR, ahead_seconds: 9 * DAY, ..Options::new(start_time()) };
    let world = world_with(&options, |_| {});
    world.drain().await;
    let watermark = start_time().as_second() + world.watermark(LogType::Exchange);
    world.minutes(9 * 24 * 60);
    let (asked, now) = (windows(&world, ContentType::Exchange).len(), world.time.now().as_second());
    let oldest = now - 7 * DAY + 600;

    let reports = world.tick().await.unwrap();
    for report in &reports {
        let [gap] = &report.gaps[..] else { panic!("{report:?}") };
        assert_eq!((gap.from, gap.to), (watermark, oldest));
        assert!(gap.cause.contains("the vendor no longer has what was not listed in time"), "{gap:?}");
        assert!(report.drained && report.failure.is_none() && report.lines.delivered > 0, "{report:?}");
    }
    // The tick listed seven consecutive windows from the retention limit to the present.
    let windows = windows(&world, ContentType::Exchange).split_off(asked);
    assert_eq!((windows.len(), windows[0].0), (7, oldest));
    assert!(windows.windows(2).all(|pair| pair[0].1 == pair[1].0), "{windows:?}");
    assert!((now..now + 300).contains(&windows[6].1));
    world.assert_windows();
    for _ in 0..3 {
        world.minutes(5);
        assert_drained(&world.tick().await.unwrap(), 0);
    }
    world.assert_exact();
}

#[tokio::test]
async fn f57_a_gap_is_reported_once_by_the_tick_that_passes_it() {
    // The vendor is down, or a permission is missing. Either way nothing is listed, and the gap grows until it is.
    for refusal in [vendor_error(500, "AF50000"), vendor_error(401, "AF10001")] {
        let options =
            Options { events: 400, span_seconds: HOUR, ahead_seconds: 10 * DAY, ..Options::new(start_time()) };
        let world = world_with(&options, |_| {});
        world.drain().await;
        let watermark = start_time().as_second() + world.watermark(LogType::Exchange);
        world.minutes(9 * 24 * 60);
        for minutes in [0, 5, 5, 60] {
            world.minutes(minutes);
            world.script(Vec::new());
            world.tick_that_lists_nothing(&refusal).await;
        }
        world.script(Vec::new());
        world.minutes(5);
        let oldest = world.time.now().as_second() - 7 * DAY + 600;
        let reports = world.tick().await.unwrap();
        let [gap] = &report_of(&reports, LogType::Exchange).gaps[..] else { panic!("{reports:?}") };
        assert_eq!((gap.from, gap.to), (watermark, oldest));
        world.minutes(5);
        assert_drained(&world.tick().await.unwrap(), 0);
        world.minutes(24 * 60);
        world.drain().await;
        world.assert_exact();
    }
}

impl World {
    /// Runs a tick in which every listing gets this refusal. Asserts that no gap is reported, because the gap may still
    /// grow.
    async fn tick_that_lists_nothing(&self, refusal: &Fault) {
        self.script(fault_at_first_requests(1_000, "content", refusal));
        for report in self.tick().await.unwrap() {
            assert!(report.failure.is_some() && report.gaps.is_empty(), "{report:?}");
        }
    }
}

#[tokio::test]
async fn f58_no_window_is_longer_than_a_day_whatever_the_look_back() {
    for now in ["2026-11-22T06:00:00Z", "2028-03-01T00:00:00Z", "2028-02-29T23:59:59Z", "2027-01-01T00:00:30Z"] {
        for lookback in [DAY - 1, DAY, DAY + 1, 2 * DAY - 1, 3 * DAY + 1, 7 * DAY] {
            let options = Options { events: 20, span_seconds: 6 * DAY, ..Options::new(now.parse().unwrap()) };
            let mut world = world_with(&options, |_| {});
            world.settings.lookback_seconds = lookback;
            let began = world.time.now().as_second();
            let reports = world.tick().await.unwrap();
            assert!(reports.iter().all(|report| report.drained && report.gaps.is_empty()), "{reports:?}");
            world.assert_windows();
            // The windows are consecutive, and no more than needed.
            let windows = windows(&world, ContentType::Exchange);
            let span = lookback.min(7 * DAY - 1_200);
            assert_eq!(windows[0].0, began - span, "{now}");
            assert!(windows.windows(2).all(|pair| pair[0].1 == pair[1].0), "{windows:?}");
            let last = windows.last().unwrap().1;
            assert_eq!(windows.len() as i64, (last - windows[0].0 + DAY - 1) / DAY, "{now} {lookback}");
        }
    }
}

#[tokio::test]
async fn f58_no_window_is_longer_than_a_day_after_any_pause() {
    let options = Options { events: 60, span_seconds: HOUR, ahead_seconds: 6 * DAY, ..Options::new(start_time()) };
    let world = world_with(&options, |_| {});
    world.drain().await;
    // The pauses are around a day with and without the overlap of three hours, which is listed too.
    for pause in [DAY - 3 * HOUR - 1, DAY - 3 * HOUR, DAY - 3 * HOUR + 1, DAY - 1, DAY, DAY + 1, 2 * DAY + 1] {
        world.time.advance(Duration::from_secs(pause.unsigned_abs()));
        let reports = world.tick().await.unwrap();
        assert!(reports.iter().all(|report| report.drained && report.gaps.is_empty()), "{reports:?}");
    }
    world.drain().await;
    world.assert_windows();
    assert_eq!(world.running.pending(), 0);
    world.assert_exact();
}
