//! Records, made when they are asked for: the same number always gives the same record.

mod dlp;
mod entra;
mod exchange;
mod form;
mod general;
mod irregular;
mod maker;
mod others;
mod recipe;
mod sharepoint;
mod unknown;

use jiff::Timestamp;
use serde_json::json;

use super::content_type::ContentType;
use crate::dice::{Dice, is_so};
use maker::Maker;

pub(super) use form::Form;
pub(super) use recipe::{Huge, Recipe};

/// A record that can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Made {
    pub(super) content_type: ContentType,
    /// The first of a content type is 1.
    pub(super) number: usize,
    /// The number of the record whose `Id` it bears; its own, as a rule.
    pub(super) named_as: usize,
    /// Seconds since 1970.
    pub(super) happened: i64,
}

impl Recipe {
    /// The record's text.
    pub(super) fn record(&self, made: &Made, form: Form) -> String {
        let mut maker = Maker {
            dice: Dice::new(self.seed ^ 2, made.content_type.name(), made.number as u64),
            id: self.id(made.content_type, made.named_as),
            time: moment(made.happened),
            recipe: self,
            number: made.number,
            form,
        };
        let mut fields = match made.content_type {
            ContentType::Entra => entra::record(&mut maker),
            ContentType::Exchange => exchange::record(&mut maker),
            ContentType::SharePoint => sharepoint::record(&mut maker),
            ContentType::General => general::record(&mut maker),
            ContentType::Dlp => dlp::record(&mut maker),
        };
        let large = maker.dice.chance(self.large).then_some(LARGE);
        let huge = self.huge.as_ref().filter(|huge| huge.content_type == made.content_type);
        if let Some(bytes) = huge.filter(|huge| made.number <= huge.records).map(|huge| huge.bytes).or(large) {
            fields = fields.with("ExtendedData", "…".repeat(bytes.div_ceil("…".len())));
        }
        if maker.dice.chance(self.irregular) {
            irregular::make(&mut fields, &mut maker.dice);
        }
        if maker.dice.chance(self.unknown) {
            unknown::make(&mut fields, &mut maker.dice);
        }
        if is_so(self.odd_addresses, &mut maker.dice) {
            irregular::address(&mut fields, &mut maker.dice);
        }
        if is_so(self.case_twins, &mut maker.dice) {
            let twins = json!({"ItemName": "Quarter", "itemName": "quarter", "Inner": {"ID": 1, "Id": 2, "id": 3}});
            fields = fields.with("EventProperties", twins);
        }
        fields.to_json()
    }
}

/// Bytes of the text in a large record.
const LARGE: usize = 24_000;

/// A moment as records write it: seconds, no zone.
fn moment(seconds: i64) -> String {
    Timestamp::from_second(seconds).unwrap_or_default().strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use serde_json::Value;

    use super::super::behaviours::Behaviours;
    use super::*;
    use crate::options::Options;

    fn texts(content_type: ContentType, form: Form, behaviours: &Behaviours) -> Vec<String> {
        let recipe = Recipe::new(&Options::new(Timestamp::UNIX_EPOCH), behaviours);
        let made = |number| Made { content_type, number, named_as: number, happened: 1_795_338_000 };
        let texts: Vec<_> = (1..=300).map(|number| recipe.record(&made(number), form)).collect();
        assert!(texts.iter().enumerate().all(|(place, text)| *text == recipe.record(&made(place + 1), form)));
        assert_eq!(texts.iter().collect::<HashSet<_>>().len(), texts.len());
        texts
    }

    fn records(content_type: ContentType, behaviours: &Behaviours) -> Vec<Value> {
        let texts = texts(content_type, Form::Full, behaviours);
        texts.iter().map(|text| serde_json::from_str(text).unwrap()).collect()
    }

    #[test]
    fn every_record_has_what_records_must_have() {
        for content_type in ContentType::ALL {
            for record in records(content_type, &Behaviours::default()) {
                for name in ["Id", "Operation", "OrganizationId", "UserId"] {
                    assert!(record[name].is_string(), "{name} of {record}");
                }
                assert!(record["RecordType"].is_i64() && record["UserType"].is_i64(), "{record}");
                assert_eq!(record["CreationTime"], "2026-11-22T09:00:00");
            }
        }
    }

    #[test]
    fn what_a_content_type_is_known_by() {
        let check = |content_type, names: &[&str]| {
            let records = records(content_type, &Behaviours::default());
            for name in names {
                assert!(records.iter().any(|record| !record[name].is_null()), "no {content_type:?} has {name}");
            }
        };
        check(
            ContentType::Entra,
            &["Actor", "Target", "ExtendedProperties", "ModifiedProperties", "AzureActiveDirectoryEventType"],
        );
        check(ContentType::Exchange, &["Parameters", "ExternalAccess", "MailboxOwnerUPN", "Item", "AffectedItems"]);
        check(ContentType::SharePoint, &["SiteUrl", "SourceFileName", "SharingType", "EventData"]);
        check(ContentType::General, &["CopilotEventData", "TeamName", "WorkSpaceName", "RecordNumber", "Data"]);
        check(
            ContentType::Dlp,
            &["PolicyDetails", "SharePointMetaData", "ExchangeMetaData", "EndpointMetaData", "IncidentId"],
        );
    }

    #[test]
    fn b66_b67_irregular_and_unknown_ones_still_are_objects() {
        let behaviours = Behaviours { irregular: 1.0, unknown: 1.0, ..Behaviours::default() };
        for content_type in ContentType::ALL {
            assert!(records(content_type, &behaviours).iter().all(Value::is_object));
        }
    }

    #[test]
    fn b55_a_share_of_records_is_large() {
        let texts = texts(ContentType::Exchange, Form::Full, &Behaviours { large: 0.1, ..Behaviours::default() });
        let large = texts.iter().filter(|text| text.len() > 20_000).count();
        assert!((15..=50).contains(&large), "{large}");
    }

    #[test]
    fn b68_redacted_ones_lack_what_was_detected_and_nothing_else() {
        for content_type in ContentType::ALL {
            let [full, redacted] =
                [Form::Full, Form::Redacted].map(|form| texts(content_type, form, &Behaviours::default()));
            assert_eq!(full == redacted, content_type != ContentType::Dlp, "{content_type:?}");
        }
        let read = |form| -> Vec<Value> {
            let texts = texts(ContentType::Dlp, form, &Behaviours::default());
            texts.iter().map(|text| serde_json::from_str(text).unwrap()).collect()
        };
        for (mut full, redacted) in read(Form::Full).into_iter().zip(read(Form::Redacted)) {
            assert!(
                full.to_string().contains("4111111111111111") && !redacted.to_string().contains("4111111111111111")
            );
            assert_eq!(redacted["SensitiveInfoDetectionIsIncluded"], false);
            full["SensitiveInfoDetectionIsIncluded"] = false.into();
            without_detections(&mut full);
            assert_eq!(full, redacted);
        }
    }

    fn without_detections(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                fields.remove("SensitiveInformationDetections");
                fields.values_mut().for_each(without_detections);
            }
            Value::Array(elements) => elements.iter_mut().for_each(without_detections),
            _ => {}
        }
    }

    #[test]
    fn b69_a_split_record_has_three_parts_of_one_correlation_and_another_id_each() {
        let records = records(ContentType::General, &Behaviours { split: 0.3, ..Behaviours::default() });
        let mut parts: HashMap<&str, Vec<&Value>> = HashMap::new();
        for record in records.iter().filter(|record| record["Operation"] == "SearchStarted") {
            parts.entry(record["CorrelationId"].as_str().unwrap()).or_default().push(record);
        }
        assert!((15..45).contains(&parts.len()), "{}", parts.len());
        for parts in parts.values() {
            let numbers: Vec<_> = parts.iter().map(|part| part["RecordNumber"].as_i64().unwrap()).collect();
            assert_eq!(numbers, [1, 2, 3]);
            assert_eq!(parts.iter().map(|part| part["Id"].as_str()).collect::<HashSet<_>>().len(), 3);
        }
    }
}
