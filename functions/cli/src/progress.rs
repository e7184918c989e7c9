//! Shows the progress of a tick on a terminal.

use std::future::Future;
use std::io::IsTerminal;
use std::pin::pin;
use std::time::Duration;

use adapters::clock::SystemClock;
use collector::{Clock, ProgressCounts, SourceCache};
use indicatif::{ProgressBar, ProgressStyle};

/// The time between two updates of the display.
pub(crate) const UPDATE_INTERVAL: Duration = Duration::from_millis(250);

/// Waits for a tick. Meanwhile it shows the progress that `cache` counts, if standard error is a terminal.
pub(crate) async fn wait_with_progress<T>(cache: &SourceCache, tick: impl Future<Output = T>) -> T {
    if !std::io::stderr().is_terminal() {
        return tick.await;
    }
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {msg}") {
        bar.set_style(style);
    }
    let mut tick = pin!(tick);
    let done = loop {
        bar.set_message(text(cache.progress()));
        bar.tick();
        tokio::select! {
            done = &mut tick => break done,
            () = SystemClock.sleep(UPDATE_INTERVAL) => {}
        }
    };
    bar.finish_and_clear();
    done
}

pub(crate) fn text(counts: ProgressCounts) -> String {
    let ProgressCounts { pages, blobs, events, delivered, watermark_lag_seconds } = counts;
    let lag = watermark_lag_seconds.map(|seconds| format!(", lag {}", duration(seconds))).unwrap_or_default();
    format!("{pages} pages, {blobs} blobs, {events} events, {delivered} delivered{lag}")
}

/// Formats a duration with its one or two largest units.
pub(crate) fn duration(seconds: i64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..86_400 => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d3_progress_names_pages_blobs_events_delivered_and_lag() {
        let counts =
            ProgressCounts { pages: 1, blobs: 2, events: 3, delivered: 4, watermark_lag_seconds: Some(90_061) };
        assert_eq!(text(counts), "1 pages, 2 blobs, 3 events, 4 delivered, lag 1 d 1 h");
        assert_eq!(text(ProgressCounts::default()), "0 pages, 0 blobs, 0 events, 0 delivered");
        assert_eq!([59, 61, 3_660].map(duration), ["59 s", "1 min", "1 h 1 min"]);
    }
}
