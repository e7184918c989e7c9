//! Reads the row ids of old objects, whose ledger items may have expired.

use adapters::ListObjects;
use collector::{Backfill, Bucket, Stream, UnixSeconds, Window, restore_rows};
use jiff::Timestamp;
use jiff::tz::Offset;

use crate::exit::Failed;
use crate::lake::Lake;
use crate::output;
use crate::status::source_of;

/// At most this many objects are listed per log type and day.
const MAX_LISTED_OBJECTS: usize = 200_000;
const DAY_SECONDS: UnixSeconds = 86_400;

/// Restores the row ids of the span in memory, if their ledger items may have expired: reads the objects of the streams
/// that were put when these items were written.
///
/// # Errors
/// The bucket cannot be listed, an object cannot be read, or there are too many rows for the memory.
pub(super) async fn restore_expired(
    lake: &Lake,
    streams: &[Stream],
    backfill: &Backfill,
    now: UnixSeconds,
) -> Result<(), Failed> {
    let Some(collected) = backfill.expired(now) else { return Ok(()) };
    let mut objects: u64 = 0;
    for stream in streams {
        for day in days(collected) {
            let prefix = format!("{}{}/dt={day}/", lake.settings.prefix, stream.log_type.table());
            let keys = lake.bucket.keys(&prefix, MAX_LISTED_OBJECTS).await?;
            for key in keys.iter().filter(|key| source_of(key) == Some(stream.source.as_str())) {
                // Somebody may have moved the object meanwhile; then the bucket does not have its lines.
                if let Some(object) = lake.bucket.get(key).await? {
                    restore_rows(backfill, stream, key, &object)?;
                    objects += 1;
                }
            }
        }
    }
    output::print_error(&format!(
        "a part of the span is older than the ledger, so the row ids of {objects} objects were read again"
    ));
    Ok(())
}

/// Returns the dates of the days that have a second of the window, in UTC.
fn days(window: Window) -> Vec<String> {
    let first = window.from - window.from.rem_euclid(DAY_SECONDS);
    let mut days = Vec::new();
    for second in (first..window.to).step_by(86_400) {
        if let Ok(time) = Timestamp::from_second(second) {
            days.push(Offset::UTC.to_datetime(time).date().to_string());
        }
    }
    days
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_of_a_window_is_named_once() {
        let second = |text: &str| text.parse::<Timestamp>().unwrap().as_second();
        let window = |from, to| Window { from: second(from), to: second(to) };
        assert_eq!(days(window("2026-02-27T23:00:00Z", "2026-03-01T00:00:00Z")), ["2026-02-27", "2026-02-28"]);
        assert_eq!(days(window("2026-02-28T00:00:00Z", "2026-02-28T00:00:01Z")), ["2026-02-28"]);
    }
}
