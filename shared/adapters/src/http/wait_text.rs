//! Waits that are written in words: "Please retry again after 8m 46s."

use std::time::Duration;

use super::headers::LONGEST_RETRY_AFTER;

/// As much of a text is searched for a wait, in characters.
const MAX_TEXT_CHARS: usize = 2_000;
/// A wait follows one of these.
const MARKERS: [&str; 3] = ["retry", "again", "wait"];
/// Only these may stand between it and the first amount: other numbers, such as those of an id, are no wait.
const BETWEEN: [&str; 10] = ["after", "in", "for", "about", "approximately", "at", "least", "another", "again", "a"];

/// Returns the wait that an error's text asks for, at most a day: amounts with their units (`8m 46s`, `90 seconds`,
/// `1.5s`, `2 minutes and 5 seconds`) that follow a "retry", "again" or "wait" of the text; of several the last one.
pub fn wait_in_text(text: &str) -> Option<Duration> {
    let text: String = text.chars().take(MAX_TEXT_CHARS).collect::<String>().to_ascii_lowercase();
    let ends =
        |marker: &&'static str| text.match_indices(*marker).map(|(at, marker)| at + marker.len()).collect::<Vec<_>>();
    let mut ends: Vec<usize> = MARKERS.iter().flat_map(ends).collect();
    ends.sort_unstable();
    let seconds = ends.into_iter().rev().find_map(|end| amounts(&words(text.get(end..)?)))?;
    Duration::try_from_secs_f64(seconds.clamp(0.0, LONGEST_RETRY_AFTER.as_secs_f64())).ok()
}

/// The sum of the amounts with which the words begin, in seconds.
fn amounts(words: &[&str]) -> Option<f64> {
    let mut seconds = None;
    let mut at = 0;
    while let Some(word) = words.get(at) {
        match amount(word, words.get(at + 1).copied()) {
            Some((amount, length)) => {
                seconds = Some(seconds.unwrap_or(0.0) + amount);
                at += length;
            }
            // An amount goes on after "and" only.
            None if seconds.is_some() && *word == "and" => at += 1,
            None if seconds.is_none() && BETWEEN.contains(word) => at += 1,
            None => break,
        }
    }
    seconds
}

/// Numbers and words, each by itself: `8m46s.` is `8`, `m`, `46`, `s`.
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

/// Seconds of a number with the unit after it, and how many words they are.
fn amount(number: &str, unit: Option<&str>) -> Option<(f64, usize)> {
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
