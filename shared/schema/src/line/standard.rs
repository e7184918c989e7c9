//! The fields that lines of every log type have, for those who read schemas.

use std::collections::BTreeSet;

use crate::language::model::{Object, Schema, Type, Value};
use crate::value::indicator::Any;

/// What a standard field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holds {
    LogType,
    RowId,
    Time,
    Text,
    Revision,
    /// Names and values.
    Object,
    /// Texts, each once.
    Set,
    /// The standard names of data models, and others.
    Udm,
}

/// A field beside those of the event.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Standard {
    pub(crate) name: &'static str,
    pub(crate) holds: Holds,
    /// No line is without it.
    pub(crate) is_always: bool,
    pub(crate) description: &'static str,
}

const fn standard(name: &'static str, holds: Holds, is_always: bool, description: &'static str) -> Standard {
    Standard { name, holds, is_always, description }
}

const FIRST: [Standard; 7] = [
    standard("p_log_type", Holds::LogType, true, "Log type: the name of the schema."),
    standard("p_row_id", Holds::RowId, true, "Names the event: the same event has the same one everywhere."),
    standard("p_event_time", Holds::Time, true, "Moment of the event, UTC; without one, p_parse_time."),
    standard("p_parse_time", Holds::Time, true, "Moment at which the line was made, UTC."),
    standard("p_source_id", Holds::Text, false, "Identifier of the source that the event came from."),
    standard("p_source_label", Holds::Text, false, "Label of the source."),
    standard("p_schema_version", Holds::Revision, true, "Revision of the schema."),
];
const NONCONFORMING: Standard = standard(
    "p_nonconforming",
    Holds::Object,
    false,
    "Values that did not fit their declared type or whose name was taken, by their path.",
);

const UDM: Standard = standard(
    "p_udm",
    Holds::Udm,
    false,
    "The values of the data model's names, such as source_ip and actor_user: one set of names for all log types.",
);

impl Schema {
    /// The standard fields, in the order of a line; of `p_any_*`, those that the schema's indicators may fill.
    pub(crate) fn standard(&self) -> Vec<Standard> {
        let mut found = BTreeSet::new();
        feeds(&self.root, &mut found);
        let any = |any: Any| standard(any.name(), Holds::Set, false, any.description());
        FIRST.into_iter().chain(found.into_iter().map(any)).chain([NONCONFORMING, UDM]).collect()
    }
}

fn feeds(object: &Object, found: &mut BTreeSet<Any>) {
    object.fields.iter().for_each(|field| of_value(&field.value, found));
}

fn of_value(value: &Value, found: &mut BTreeSet<Any>) {
    found.extend(value.indicators.iter().flat_map(|indicator| indicator.feeds()));
    match &value.kind {
        Type::Object(object) => feeds(object, found),
        Type::Array(element) => of_value(element, found),
        _ => {}
    }
}

impl Any {
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
    fn indicators_at_any_depth_are_found() {
        let text = "schema: A.B\nfields:\n- {name: o, type: object, fields: [{name: x, type: array, element: {type: string, indicators: [url]}}]}\n- {name: u, type: string, indicators: [username]}\n";
        let names: Vec<_> =
            Schema::parse(text, "a.yml").unwrap().standard().iter().map(|standard| standard.name).collect();
        assert_eq!(names[..2], ["p_log_type", "p_row_id"]);
        assert_eq!(
            names[7..],
            ["p_any_domain_names", "p_any_ip_addresses", "p_any_usernames", "p_nonconforming", "p_udm"]
        );
    }
}
