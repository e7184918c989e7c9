//! Formats drift as text.

use collector::Drift;
use schema::Names;

/// Returns one line for each kind of drift that occurred. Each line begins with the source and the log type.
pub(crate) fn lines(source: &str, log_type: &str, drift: &Drift) -> Vec<String> {
    let (none, names) = (Names::default(), &drift.names);
    [
        (drift.undeclared_fields, "undeclared fields", &names.undeclared),
        (drift.unknown_record_types, "events of an unknown type", &names.unknown_types),
        (drift.nonconforming, "values under p_nonconforming", &none),
        (drift.missing_required, "required fields missing", &names.missing),
        (drift.udm_failed, "failed names of p_udm", &names.udm_failed),
    ]
    .into_iter()
    .filter(|(count, ..)| *count > 0)
    .map(|(count, what, names)| format!("{source}  {log_type}  {what}: {count}{}", examples_text(names)))
    .collect()
}

/// Formats a few names as examples. The vendor chose these names, so control characters are escaped for the terminal.
fn examples_text(names: &Names) -> String {
    let quoted: Vec<_> = names.all().iter().map(|name| format!("{name:?}")).collect();
    if quoted.is_empty() { String::new() } else { format!(", such as {}", quoted.join(" ")) }
}

/// Formats the lines of all streams as a section with a heading; empty if there is no drift.
pub(crate) fn section(lines: &[String]) -> String {
    if lines.is_empty() { String::new() } else { format!("\n\nDrift:\n  {}", lines.join("\n  ")) }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use schema::{LineContext, LogType, Normalizer};

    use super::*;

    fn drift(event: &str) -> Drift {
        let mut drift = Drift::default();
        let context = LineContext { source_id: "", source_label: "", parse_time: Timestamp::UNIX_EPOCH };
        let normalizer = Normalizer::new(LogType::OpenAiAudit);
        let mut out = Vec::new();
        let line = normalizer.normalize_with_drift(event.as_bytes(), &context, &mut out, &mut drift.names).unwrap();
        drift.count(&line);
        drift
    }

    #[test]
    fn each_kind_of_drift_has_a_line_with_names() {
        let drift = drift(r#"{"id":"a","type":"new.one","effective_at":"soon","x\u001b":1,"y":2}"#);
        let expected = [
            r#"acme  T  undeclared fields: 2, such as "x\u{1b}" "y""#,
            r#"acme  T  events of an unknown type: 1, such as "new.one""#,
            "acme  T  values under p_nonconforming: 1",
        ];
        assert_eq!(lines("acme", "T", &drift), expected);
        assert_eq!(section(&["a".to_owned(), "b".to_owned()]), "\n\nDrift:\n  a\n  b");
    }

    #[test]
    fn without_drift_there_is_no_section() {
        let drift = drift(r#"{"id":"a","type":"login.failed","effective_at":1}"#);
        assert_eq!(section(&lines("acme", "T", &drift)), "");
    }
}
