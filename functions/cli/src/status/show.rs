//! Prints the status of streams.

use std::collections::BTreeSet;

use serde::Serialize;

use super::stream_status::StreamStatus;
use crate::exit::{Exit, Failed};
use crate::{output, progress};

#[derive(Serialize)]
struct JsonStatus<'a> {
    streams: &'a [StreamStatus],
}

/// Prints one JSON object, or a table with the problems of all streams below it.
pub(super) fn show(streams: &[StreamStatus], is_json: bool) -> Result<(), Failed> {
    if is_json {
        return output::print_json(&JsonStatus { streams });
    }
    let problems = streams.iter().flat_map(|status| &status.problems).map(|problem| problem.message.clone());
    let removed = streams.iter().filter(|status| status.is_removed).map(|status| &status.source);
    let removed = removed.collect::<BTreeSet<_>>().into_iter();
    let notes =
        removed.map(|source| format!("{source}: removed on purpose; its lines stay, and its streams do not count"));
    let table = output::table(&rows(streams), 3);
    let lines: Vec<String> = std::iter::once(table).chain(notes).chain(problems).collect();
    output::print_line(&lines.join("\n"))
}

/// Returns the exit code: a person must act, there is something to read, or all is well.
pub(super) fn exit(streams: &[StreamStatus]) -> Exit {
    let of_problem = |needs_person| if needs_person { Exit::Person } else { Exit::NextTick };
    let problems = streams.iter().flat_map(|status| &status.problems);
    problems.map(|problem| of_problem(problem.needs_person)).max().unwrap_or(Exit::Success)
}

fn rows(streams: &[StreamStatus]) -> Vec<[String; 11]> {
    let head = [
        "source",
        "log type",
        "watermark",
        "lag",
        "pending",
        "last success",
        "last error",
        "silent since",
        "gaps",
        "objects today",
        "lines today",
    ];
    std::iter::once(head.map(str::to_owned)).chain(streams.iter().map(row)).collect()
}

fn row(status: &StreamStatus) -> [String; 11] {
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let at_least = |count: u64, has_more: bool| if has_more { format!("{count} or more") } else { count.to_string() };
    let today = &status.today;
    [
        status.source.clone(),
        status.log_type.to_owned(),
        or_none(status.watermark.clone()),
        or_none(status.watermark_lag_seconds.map(progress::duration)),
        pending(status),
        or_none(status.last_success.clone()),
        or_none(status.last_error.as_ref().map(|error| error.at.clone())),
        or_none(status.silent_since.clone()),
        or_none(status.gaps.map(|gaps| gaps.to_string())),
        at_least(today.objects_today, today.has_more_objects),
        at_least(today.lines_today, today.has_more_lines),
    ]
}

fn pending(status: &StreamStatus) -> String {
    let pending = &status.pending;
    let count = |count: u64, name: &str| (count > 0).then(|| format!("{count} {name}"));
    let counts = [count(pending.pending_spans, "spans"), count(pending.pending_blobs, "blobs")];
    let counts: Vec<String> = counts.into_iter().flatten().collect();
    if counts.is_empty() { "-".to_owned() } else { counts.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::super::stream_status::Problem;
    use super::*;

    fn status(problems: &[bool]) -> StreamStatus {
        let problem = |needs_person: &bool| Problem { needs_person: *needs_person, message: String::new() };
        StreamStatus { problems: problems.iter().map(problem).collect(), ..StreamStatus::default() }
    }

    #[test]
    fn the_exit_code_says_whether_a_person_must_act() {
        for (problems, expected) in [
            (&[][..], Exit::Success),
            (&[false], Exit::NextTick),
            (&[false, true], Exit::Person),
            (&[true, false], Exit::Person),
        ] {
            assert_eq!(exit(&[status(&[]), status(problems)]), expected, "{problems:?}");
        }
    }

    #[test]
    fn a_row_says_what_is_unknown_and_what_is_cut_off() {
        let mut status = status(&[]);
        status.pending.pending_blobs = 2;
        status.today.lines_today = 7;
        status.today.has_more_lines = true;
        let row = row(&status);
        assert_eq!(
            (row[2].as_str(), row[4].as_str(), row[8].as_str(), row[10].as_str()),
            ("-", "2 blobs", "-", "7 or more")
        );
    }
}
