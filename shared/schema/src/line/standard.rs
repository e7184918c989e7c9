//! Describes the standard fields, which do not come from the event, for the exports of schemas.

use std::collections::BTreeSet;

use crate::language::model::{Object, Schema, Type, Value};
use crate::value::indicator::AnyField;

/// The type of a standard field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StandardType {
    LogType,
    RowId,
    Time,
    Text,
    /// An integer that is not negative.
    Revision,
    /// An object with any members.
    Object,
    /// An array of distinct texts.
    Set,
    /// An object with the standard names of data models and any other names.
    Udm,
}

/// A field of lines that does not come from the event.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StandardField {
    pub(crate) name: &'static str,
    pub(crate) kind: StandardType,
    /// Every line of default mode has the field.
    pub(crate) is_always_present: bool,
    pub(crate) description: &'static str,
}

const fn standard(
    name: &'static str,
    kind: StandardType,
    is_always_present: bool,
    description: &'static str,
) -> StandardField {
    StandardField { name, kind, is_always_present, description }
}

const FIRST_FIELDS: [StandardField; 7] = [
    standard("p_log_type", StandardType::LogType, true, "Log type: the name of the schema."),
    standard("p_row_id", StandardType::RowId, true, "Names the event: the same event has the same one everywhere."),
    standard("p_event_time", StandardType::Time, true, "Moment of the event, UTC; without one, p_parse_time."),
    standard("p_parse_time", StandardType::Time, true, "Moment at which the line was made, UTC."),
    standard("p_source_id", StandardType::Text, false, "Identifier of the source that the event came from."),
    standard("p_source_label", StandardType::Text, false, "Label of the source."),
    standard("p_schema_version", StandardType::Revision, true, "Revision of the schema."),
];
const NONCONFORMING: StandardField = standard(
    "p_nonconforming",
    StandardType::Object,
    false,
    "Values that did not fit their declared type or whose name was taken, by their path.",
);

const UDM: StandardField = standard(
    "p_udm",
    StandardType::Udm,
    false,
    "The values of the data model's names, such as source_ip and actor_user: one set of names for all log types.",
);

impl Schema {
    /// Returns the standard fields in the order of a line. They include only those `p_any_*` fields that the schema's
    /// indicators may fill.
    pub(crate) fn standard_fields(&self) -> Vec<StandardField> {
        let mut found = BTreeSet::new();
        collect_any_fields(&self.root, &mut found);
        let any = |any: AnyField| standard(any.name(), StandardType::Set, false, any.description());
        FIRST_FIELDS.into_iter().chain(found.into_iter().map(any)).chain([NONCONFORMING, UDM]).collect()
    }
}

/// Collects the `p_any_*` fields that the indicators of an object may fill.
fn collect_any_fields(object: &Object, found: &mut BTreeSet<AnyField>) {
    object.fields.iter().for_each(|field| collect_from_value(&field.value, found));
}

fn collect_from_value(value: &Value, found: &mut BTreeSet<AnyField>) {
    found.extend(value.indicators.iter().flat_map(|indicator| indicator.fields()));
    match &value.kind {
        Type::Object(object) => collect_any_fields(object, found),
        Type::Array(element) => collect_from_value(element, found),
        _ => {}
    }
}

impl AnyField {
    fn description(self) -> &'static str {
        match self {
            Self::ActorIds => "Actor identifiers in the event.",
            Self::AwsAccountIds => "AWS account ids in the event.",
            Self::AwsArns => "AWS ARNs in the event.",
            Self::AwsInstanceIds => "EC2 instance ids in the event.",
            Self::AwsTags => "AWS tags in the event.",
            Self::DomainNames => "Domain names in the event.",
            Self::Emails => "Mail addresses in the event.",
            Self::IpAddresses => "IP addresses in the event.",
            Self::MacAddresses => "MAC addresses in the event.",
            Self::Md5Hashes => "MD5 hashes in the event.",
            Self::SerialNumbers => "Serial numbers in the event.",
            Self::Sha1Hashes => "SHA-1 hashes in the event.",
            Self::Sha256Hashes => "SHA-256 hashes in the event.",
            Self::TraceIds => "Trace and correlation ids in the event.",
            Self::Usernames => "User names in the event.",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_of_indicators_at_any_depth_are_found() {
        let text = "schema: A.B\nfields:\n- {name: o, type: object, fields: [{name: x, type: array, element: {type: string, indicators: [url]}}]}\n- {name: u, type: string, indicators: [username]}\n";
        let names: Vec<_> =
            Schema::parse(text, "a.yml").unwrap().standard_fields().iter().map(|standard| standard.name).collect();
        assert_eq!(names[..2], ["p_log_type", "p_row_id"]);
        assert_eq!(
            names[7..],
            ["p_any_domain_names", "p_any_ip_addresses", "p_any_usernames", "p_nonconforming", "p_udm"]
        );
    }
}
