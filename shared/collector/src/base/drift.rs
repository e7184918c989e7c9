//! Counts the differences between delivered lines and what the schemas declare and the vendors publish (drift).

use schema::{DriftNames, Names, Normalized};
use serde::Serialize;

/// The drift of lines: counts, and a few names that show a person where to look. Lines with drift are delivered like
/// any others.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Drift {
    /// Fields that the schema does not declare. The lines keep them.
    pub undeclared_fields: u64,
    /// Events of a type that the vendor's published list does not have.
    pub unknown_record_types: u64,
    /// Values that did not fit their declared type. The lines keep them under `p_nonconforming`.
    pub nonconforming: u64,
    /// Fields the schema requires and the event did not have.
    pub missing_required: u64,
    /// Names of the data model whose values could not be computed. The lines' `p_udm` lacks them.
    pub udm_failed: u64,
    /// The first few distinct names of the fields, record types and data-model names that are counted above.
    #[serde(flatten)]
    pub names: DriftNames,
}

impl Drift {
    /// Counts the drift of `lines`, and returns the counts with `names`. The names of one kind are left out if the
    /// count of that kind is 0.
    pub(crate) fn of<'a>(lines: impl Iterator<Item = &'a Normalized>, names: &DriftNames) -> Self {
        let mut drift = Self::default();
        lines.for_each(|line| drift.count(line));
        // `names` may include those of lines that were dropped, because another tick delivered them first. If a count
        // is 0, only dropped lines can have had such names.
        let names_if_counted = |count: u64, names: &Names| if count > 0 { names.clone() } else { Names::default() };
        drift.names = DriftNames {
            undeclared: names_if_counted(drift.undeclared_fields, &names.undeclared),
            unknown_types: names_if_counted(drift.unknown_record_types, &names.unknown_types),
            missing: names_if_counted(drift.missing_required, &names.missing),
            udm_failed: names_if_counted(drift.udm_failed, &names.udm_failed),
        };
        drift
    }

    /// Adds the counts of one line. It adds no names, because the normaliser collects those.
    pub fn count(&mut self, line: &Normalized) {
        self.undeclared_fields += u64::from(line.undeclared);
        self.unknown_record_types += u64::from(line.is_unknown_type);
        self.nonconforming += u64::from(line.nonconforming);
        self.missing_required += u64::from(line.missing_required);
        self.udm_failed += u64::from(line.udm_failed);
    }

    /// Adds the drift of other lines.
    pub fn merge(&mut self, others: &Self) {
        self.undeclared_fields += others.undeclared_fields;
        self.unknown_record_types += others.unknown_record_types;
        self.nonconforming += others.nonconforming;
        self.missing_required += others.missing_required;
        self.udm_failed += others.udm_failed;
        self.names.merge(&others.names);
    }

    /// Returns `true` if all counts are 0.
    pub fn is_none(&self) -> bool {
        let of_events = self.undeclared_fields + self.unknown_record_types + self.nonconforming + self.missing_required;
        of_events + self.udm_failed == 0
    }
}

#[cfg(test)]
mod tests {
    use schema::{LineContext, LogType, Normalizer};

    use super::*;

    #[test]
    fn ok_names_without_counts_are_left_out() {
        let mut names = DriftNames::default();
        let normalizer = Normalizer::new(LogType::OpenAiAudit);
        let parse_time = jiff::Timestamp::UNIX_EPOCH;
        let context = LineContext { source_id: "", source_label: "", parse_time };
        let mut normalize = |event: &str| {
            normalizer.normalize_with_drift(event.as_bytes(), &context, &mut Vec::new(), &mut names).unwrap()
        };
        let line = normalize(r#"{"id":"a","type":"login.succeeded","effective_at":1787301900}"#);
        normalize(r#"{"id":"b","type":"api_key.rotated","effective_at":"soon","b":1}"#);
        assert!(!names.undeclared.all().is_empty());
        assert_eq!(Drift::of([line].iter(), &names), Drift::default());
    }

    #[test]
    fn ok_the_json_of_drift_is_flat() {
        let mut drift = Drift { nonconforming: 1, ..Drift::default() };
        drift.merge(&Drift { undeclared_fields: 2, ..Drift::default() });
        let json = serde_json::to_value(drift).unwrap();
        assert_eq!((&json["undeclared_fields"], &json["nonconforming"]), (&2.into(), &1.into()));
        assert_eq!(json["unknown_record_type_names"], serde_json::json!([]));
    }
}
