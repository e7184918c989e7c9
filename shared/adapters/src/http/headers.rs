//! Headers that hold a time: `Retry-After` and `Date`.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

/// A longer wait is shortened to this.
pub(super) const MAX_RETRY_AFTER: Duration = Duration::from_secs(86_400);

/// Returns the wait in `retry-after-ms`, or else the seconds or the date in `Retry-After`. A date is compared with the
/// `Date` of the same answer and not with our clock, which may be wrong. `None` if no readable header names a wait.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let milliseconds = text(headers, "retry-after-ms").and_then(|text| text.parse::<f64>().ok()).map(|ms| ms / 1e3);
    let named = text(headers, RETRY_AFTER.as_str());
    let seconds = milliseconds
        .or_else(|| named.and_then(|text| text.parse::<f64>().ok()))
        .or_else(|| named.and_then(date_seconds).and_then(|then| Some((then - date(headers)?.as_second()) as f64)))?;
    let bounded = seconds.clamp(0.0, MAX_RETRY_AFTER.as_secs_f64());
    Duration::try_from_secs_f64(bounded).ok()
}

/// Returns the time in the header `Date`.
pub(super) fn date(headers: &HeaderMap) -> Option<Timestamp> {
    parse(text(headers, DATE.as_str())?)
}

fn date_seconds(text: &str) -> Option<i64> {
    Some(parse(text)?.as_second())
}

fn parse(text: &str) -> Option<Timestamp> {
    DateTimeParser::new().parse_timestamp(text).ok()
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    Some(headers.get(name)?.to_str().ok()?.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATE_LINE: (&str, &str) = ("date", "Sun, 22 Nov 2026 06:40:00 GMT");

    fn check(pairs: &[(&'static str, &str)], wait_ms: Option<u64>) {
        let headers = pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        assert_eq!(retry_after(&headers), wait_ms.map(Duration::from_millis), "{pairs:?}");
    }

    #[test]
    fn ok_waits_in_headers_are_read() {
        check(&[("retry-after", "7")], Some(7_000));
        check(&[("retry-after", " 0 ")], Some(0));
        check(&[("retry-after", "1.5")], Some(1_500));
        check(&[("retry-after", "9"), ("retry-after-ms", "250")], Some(250));
        check(&[("retry-after", "Sun, 22 Nov 2026 06:40:30 GMT"), DATE_LINE], Some(30_000));
        check(&[("retry-after", "Sun, 22 Nov 2026 06:39:00 GMT"), DATE_LINE], Some(0));
    }

    #[test]
    fn ok_waits_are_bounded() {
        check(&[("retry-after", "999999999")], Some(86_400_000));
        check(&[("retry-after", "-3")], Some(0));
        check(&[("retry-after", "Tue, 22 Nov 2033 06:40:30 GMT"), DATE_LINE], Some(86_400_000));
    }

    #[test]
    fn err_an_unreadable_header_names_no_wait() {
        check(&[], None);
        check(&[("retry-after", "soon")], None);
        check(&[("retry-after", "NaN")], None);
        check(&[("retry-after", "Sun, 22 Nov 2026 06:40:30 GMT")], None);
    }
}
