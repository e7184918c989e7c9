//! Waits that a message names in words: "Please retry again after 8m 46s."

use std::time::Duration;

use super::headers::MAX_RETRY_AFTER;

/// Only this many characters of a text are searched.
const MAX_TEXT_CHARS: usize = 2_000;
/// Words after which a wait may follow.
const WAIT_WORDS: [&str; 3] = ["retry", "again", "wait"];
/// The only words that may stand between such a word and the wait. After any other word a number has another meaning,
/// for example an id.
const FILLER_WORDS: [&str; 10] =
    ["after", "in", "for", "about", "approximately", "at", "least", "another", "again", "a"];

/// Returns the wait that an error message asks for, at most a day; `None` if it names no wait.
///
/// A wait is one or more numbers with units (`8m 46s`, `90 seconds`, `1.5s`, `2 minutes and 5 seconds`) after "retry",
/// "again" or "wait". If the text names several waits, the last one counts.
pub fn wait_in_text(text: &str) -> Option<Duration> {
    let text: String = text.chars().take(MAX_TEXT_CHARS).collect::<String>().to_ascii_lowercase();
    let ends =
        |marker: &&'static str| text.match_indices(*marker).map(|(at, marker)| at + marker.len()).collect::<Vec<_>>();
    let mut ends: Vec<usize> = WAIT_WORDS.iter().flat_map(ends).collect();
    ends.sort_unstable();
    let seconds = ends.into_iter().rev().find_map(|end| sum_of_waits(&words(text.get(end..)?)))?;
    Duration::try_from_secs_f64(seconds.clamp(0.0, MAX_RETRY_AFTER.as_secs_f64())).ok()
}

/// Returns the sum, in seconds, of the numbers with units at the beginning of `words`; `None` if there are none.
fn sum_of_waits(words: &[&str]) -> Option<f64> {
    let mut seconds = None;
    let mut at = 0;
    while let Some(word) = words.get(at) {
        match parse_wait(word, words.get(at + 1).copied()) {
            Some((wait, length)) => {
                seconds = Some(seconds.unwrap_or(0.0) + wait);
                at += length;
            }
            // An "and" may stand between two numbers with units.
            None if seconds.is_some() && *word == "and" => at += 1,
            None if seconds.is_none() && FILLER_WORDS.contains(word) => at += 1,
            None => break,
        }
    }
    seconds
}

/// Splits a text into numbers and words: `8m46s.` becomes `8`, `m`, `46`, `s`.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let is_number = |c: char| c.is_ascii_digit() || c == '.';
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_same = |c: char| if first.is_ascii_digit() { is_number(c) } else { c.is_alphabetic() };
        let end = rest.find(|c: char| !is_same(c)).unwrap_or(rest.len()).max(first.len_utf8());
        let (word, after) = rest.split_at(end);
        if first.is_alphanumeric() {
            words.push(word.trim_end_matches('.'));
        }
        rest = after;
    }
    words
}

/// Returns the seconds of a number with its unit, and the count of words used; `None` if the words are something else.
fn parse_wait(number: &str, unit: Option<&str>) -> Option<(f64, usize)> {
    let number = number.parse::<f64>().ok().filter(|number| number.is_finite())?;
    let seconds = match unit? {
        "ms" | "millisecond" | "milliseconds" => 0.001,
        "s" | "sec" | "secs" | "second" | "seconds" => 1.0,
        "m" | "min" | "mins" | "minute" | "minutes" => 60.0,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3_600.0,
        "d" | "day" | "days" => 86_400.0,
        _ => return None,
    };
    Some((number * seconds, 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, wait_ms: Option<u64>) {
        assert_eq!(wait_in_text(text), wait_ms.map(Duration::from_millis), "{text}");
    }

    #[test]
    fn a5_waits_in_words_are_read() {
        let live = "Too many frequent subscription start requests. Please retry again after 8m 46s.";
        check(live, Some(526_000));
        check("Please try again in 20s. Visit https://example.com/limits", Some(20_000));
        check("Please try again in 6m0s.", Some(360_000));
        check("please try again in 860ms", Some(860));
        check("Retry after 1.5 s", Some(1_500));
        check("Wait 90 seconds", Some(90_000));
        check("Wait 8m 46s before you retry.", Some(526_000));
        check("You must wait at least 5 minutes, then try again", Some(300_000));
        check("RETRY AFTER 2 MINUTES", Some(120_000));
        check(
            "limit of 2000 requests in 1 minute; retry in 1 hour, 2 minutes and 3 seconds, then 9 s",
            Some(3_723_000),
        );
        check("retry after 3 days", Some(86_400_000));
    }

    #[test]
    fn err_no_wait_in_words() {
        for text in [
            "",
            "Too many requests. Method=GetBlob, PublisherId=00000000-0000-0000-0000-000000000000",
            "a limit of 20 requests in 10 seconds",
            "retry later",
            "Too many requests, please retry later. CorrelationId=6f1c4d59-4d5e-4d6f-8d7a-1d2s3m4h5d6s",
            "try again later; the request ID is 7s3d-9m",
            "retry with id 4d",
            "retry after 7",
            "retry after 7 requests",
            "retry 5 x 2",
            "wait é 1.2.3 s",
        ] {
            check(text, None);
        }
    }
}
