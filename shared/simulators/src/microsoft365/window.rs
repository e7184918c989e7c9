//! The window of time that a listing asks for.

use hyper::StatusCode;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::behaviours::Behaviours;
use super::error;
use super::request::Parameters;
use crate::http::Reply;
use crate::moment::after_seconds;

const DAY: SignedDuration = SignedDuration::from_hours(24);
/// A window may start at most this many seconds ago.
const MAX_WINDOW_AGE_SECONDS: i64 = 7 * 24 * 3_600;

/// A window of time: `start` belongs to it, `end` does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) start: Timestamp,
    pub(super) end: Timestamp,
}

/// Returns the window that a listing asks for. Without `startTime` and `endTime` it is the last 24 hours.
///
/// # Errors
/// The API's answer to a window that is malformed, too long or too old.
pub(super) fn requested_window(
    parameters: &Parameters,
    now: Timestamp,
    behaviours: &Behaviours,
) -> Result<Window, Reply> {
    window(parameters.get("startTime"), parameters.get("endTime"), now, behaviours)
}

fn window(start: Option<&str>, end: Option<&str>, now: Timestamp, behaviours: &Behaviours) -> Result<Window, Reply> {
    let (start_text, end_text) = match (start, end) {
        (None, None) => return Ok(Window { start: now.saturating_sub(DAY).unwrap_or(now), end: now }),
        (Some(start), Some(end)) => (start, end),
        _ => {
            let message = "Start time and end time must both be specified (or both omitted) and must be less than or equal to 24 hours apart, with the start time no more than 7 days in the past.";
            return Err(error::bad_request("AF20030", message));
        }
    };
    let mut window =
        Window { start: parse_parameter("startTime", start_text)?, end: parse_parameter("endTime", end_text)? };
    let is_too_long = window.start.duration_until(window.end) > DAY;
    if is_too_long && behaviours.long_span_partial {
        window.end = window.start.saturating_add(DAY).unwrap_or(window.end);
    }
    let is_too_old = window.start < after_seconds(now, -MAX_WINDOW_AGE_SECONDS - behaviours.grace_seconds);
    if window.start >= window.end || is_too_old || (is_too_long && !behaviours.long_span_partial) {
        let message = format!(
            "StartTime and EndTime must both be specified (or both omitted) and must be less than or equal to 24 hours apart, with the start time prior to end time and start time no more than 7 days in the past. StartTime:{start_text}, EndTime:{end_text}"
        );
        return Err(error::bad_request("AF20055", &message));
    }
    Ok(window)
}

fn parse_parameter(name: &str, text: &str) -> Result<Timestamp, Reply> {
    parse(text).ok_or_else(|| {
        let message = format!("Invalid parameter type: {name}. Expected type: datetime");
        error::error(StatusCode::BAD_REQUEST, "AF20002", &message)
    })
}

/// Parses a time in UTC: `YYYY-MM-DD`, `YYYY-MM-DDTHH:MM` or `YYYY-MM-DDTHH:MM:SS`, the last one with or without a
/// fraction. A `Z` at the end is optional. `None` if the text has another form.
pub(super) fn parse(text: &str) -> Option<Timestamp> {
    let text = text.strip_suffix(['Z', 'z']).unwrap_or(text);
    let time = match text.len() {
        10 => text.parse::<Date>().ok()?.to_datetime(jiff::civil::Time::midnight()),
        16 if text.as_bytes()[10] == b'T' => format!("{text}:00").parse::<DateTime>().ok()?,
        19.. if text.as_bytes()[10] == b'T' && !text[11..].contains(['+', '-', '[']) => {
            text.parse::<DateTime>().ok()?
        }
        _ => return None,
    };
    Some(time.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

/// Formats a time as the API does: in UTC, with milliseconds and a `Z`.
pub(super) fn format_time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-11-22T09:00:00Z".parse().unwrap()
    }

    #[test]
    fn b44_three_time_formats_are_accepted_with_and_without_a_fraction_and_z() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(parse(text), expected.map(|text| text.parse().unwrap()), "{text}");
        };
        check("2026-11-22", Some("2026-11-22T00:00:00Z"));
        check("2026-11-22T08:30", Some("2026-11-22T08:30:00Z"));
        check("2026-11-22T08:30:15", Some("2026-11-22T08:30:15Z"));
        check("2026-11-22T08:30:15Z", Some("2026-11-22T08:30:15Z"));
        check("2026-11-22T08:30:15.250Z", Some("2026-11-22T08:30:15.25Z"));
        check("2026-11-22T08:30Z", Some("2026-11-22T08:30:00Z"));
        check("2026-11-22T08:30:15 00:00", None); // An unescaped `+` of a URL is decoded as a space.
        check("2026-11-22T08:30:15+00:00", None);
        check("2026-11-22 08:30:15", None);
        check("1795334400", None);
        check("", None);
    }

    fn check(behaviours: &Behaviours, start: Option<&str>, end: Option<&str>, code: Option<&str>) {
        let answer = window(start, end, now(), behaviours);
        let body = answer.err().map(|reply| String::from_utf8(reply.body).unwrap());
        assert_eq!(body.is_some(), code.is_some(), "{start:?} {end:?} {body:?}");
        assert!(body.unwrap_or_default().contains(code.unwrap_or_default()), "{start:?} {end:?}");
    }

    #[test]
    fn b44_b45_a_window_has_both_times_or_none_and_respects_a_day_and_a_week() {
        let check = |start, end, code| check(&Behaviours::default(), start, end, code);
        check(None, None, None);
        check(Some("2026-11-21T09:00:00"), Some("2026-11-22T09:00:00"), None);
        check(Some("2026-11-22T08:00:00"), Some("2026-11-22T10:00:00"), None);
        check(Some("2026-11-15T08:00:00"), Some("2026-11-15T09:00:00"), None);
        check(Some("2026-11-22"), None, Some("AF20030"));
        check(None, Some("2026-11-22"), Some("AF20030"));
        check(Some("2026-11-21T09:00:00"), Some("2026-11-22T09:00:01"), Some("AF20055"));
        check(Some("2026-11-22T08:00:00"), Some("2026-11-22T08:00:00"), Some("AF20055"));
        check(Some("2026-11-15T07:59:59"), Some("2026-11-15T09:00:00"), Some("AF20055"));
        check(Some("today"), Some("2026-11-22"), Some("AF20002"));
    }

    #[test]
    fn b45_the_oldest_window_depends_on_the_grace() {
        let check = |grace_seconds, start, code| {
            let behaviours = Behaviours { grace_seconds, ..Behaviours::default() };
            check(&behaviours, Some(start), Some("2026-11-15T09:30:00"), code);
        };
        check(0, "2026-11-15T09:00:00", None);
        check(0, "2026-11-15T08:59:59", Some("StartTime:2026-11-15T08:59:59, EndTime:2026-11-15T09:30:00"));
        check(600, "2026-11-15T08:50:00", None);
        check(600, "2026-11-15T08:49:59", Some("AF20055"));
    }

    #[test]
    fn b45_a_long_window_may_be_shortened() {
        let behaviours = Behaviours { long_span_partial: true, ..Behaviours::default() };
        let window = window(Some("2026-11-20"), Some("2026-11-22"), now(), &behaviours).unwrap();
        assert_eq!(format_time(window.end), "2026-11-21T00:00:00.000Z");
    }
}
