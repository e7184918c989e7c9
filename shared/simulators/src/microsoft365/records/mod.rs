//! Generates records. A record is generated each time it is needed; the same number always gives the same text.

mod builder;
mod dlp;
mod entra;
mod exchange;
mod general;
mod irregular;
mod others;
mod record_form;
mod record_settings;
mod sharepoint;
mod unknown;

use jiff::Timestamp;
use serde_json::json;

use super::content_type::ContentType;
use crate::seeded_rng::{SeededRng, happens};
use builder::RecordBuilder;

pub(super) use record_form::RecordForm;
pub(super) use record_settings::{HugeBlob, RecordSettings};

/// The values that distinguish a record from the others. Together with the [`RecordSettings`] they determine its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RecordSpec {
    pub(super) content_type: ContentType,
    /// The record's position among the records of its content type, from 1.
    pub(super) number: usize,
    /// The number from which the record's `Id` is made. It is usually the same as `number`; a different
    /// number gives the record the `Id` of the record with that number.
    pub(super) id_number: usize,
    /// The time at which the record happened, in seconds since 1970.
    pub(super) happened_at_seconds: i64,
}

impl RecordSettings {
    /// Returns the record's JSON.
    pub(super) fn record(&self, record_spec: &RecordSpec, form: RecordForm) -> String {
        let mut builder = RecordBuilder {
            rng: SeededRng::new(self.seed ^ 2, record_spec.content_type.name(), record_spec.number as u64),
            id: self.id(record_spec.content_type, record_spec.id_number),
            time: moment(record_spec.happened_at_seconds),
            record_settings: self,
            number: record_spec.number,
            form,
        };
        let mut fields = match record_spec.content_type {
            ContentType::Entra => entra::record(&mut builder),
            ContentType::Exchange => exchange::record(&mut builder),
            ContentType::SharePoint => sharepoint::record(&mut builder),
            ContentType::General => general::record(&mut builder),
            ContentType::Dlp => dlp::record(&mut builder),
        };
        let large = builder.rng.chance(self.large_records).then_some(LARGE_RECORD_BYTES);
        let huge = self.huge_blob.as_ref().filter(|huge| huge.content_type == record_spec.content_type);
        if let Some(bytes) =
            huge.filter(|huge| record_spec.number <= huge.records).map(|huge| huge.record_bytes).or(large)
        {
            fields = fields.with("ExtendedData", "…".repeat(bytes.div_ceil("…".len())));
        }
        if builder.rng.chance(self.irregular_records) {
            irregular::make_irregular(&mut fields, &mut builder.rng);
        }
        if builder.rng.chance(self.unpublished_records) {
            unknown::make_unknown(&mut fields, &mut builder.rng);
        }
        if happens(self.odd_addresses, &mut builder.rng) {
            irregular::replace_client_ip(&mut fields, &mut builder.rng);
        }
        if happens(self.case_twins, &mut builder.rng) {
            let twins = json!({"ItemName": "Quarter", "itemName": "quarter", "Inner": {"ID": 1, "Id": 2, "id": 3}});
            fields = fields.with("EventProperties", twins);
        }
        fields.to_json()
    }
}

/// Size of the text that makes a record large.
const LARGE_RECORD_BYTES: usize = 24_000;

/// Formats a time as records do: in UTC, with seconds, without a zone.
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

    fn texts(content_type: ContentType, form: RecordForm, behaviours: &Behaviours) -> Vec<String> {
        let record_settings = RecordSettings::new(&Options::new(Timestamp::UNIX_EPOCH), behaviours);
        let record_spec =
            |number| RecordSpec { content_type, number, id_number: number, happened_at_seconds: 1_795_338_000 };
        let texts: Vec<_> = (1..=300).map(|number| record_settings.record(&record_spec(number), form)).collect();
        assert!(
            texts
                .iter()
                .enumerate()
                .all(|(index, text)| *text == record_settings.record(&record_spec(index + 1), form))
        );
        assert_eq!(texts.iter().collect::<HashSet<_>>().len(), texts.len());
        texts
    }

    fn records(content_type: ContentType, behaviours: &Behaviours) -> Vec<Value> {
        let texts = texts(content_type, RecordForm::Full, behaviours);
        texts.iter().map(|text| serde_json::from_str(text).unwrap()).collect()
    }

    #[test]
    fn every_record_has_the_required_fields() {
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
    fn every_content_type_has_its_typical_records() {
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
    fn b66_b67_irregular_and_unknown_records_are_objects() {
        let behaviours = Behaviours { irregular_records: 1.0, unpublished_records: 1.0, ..Behaviours::default() };
        for content_type in ContentType::ALL {
            assert!(records(content_type, &behaviours).iter().all(Value::is_object));
        }
    }

    #[test]
    fn b55_a_share_of_records_is_large() {
        let texts =
            texts(ContentType::Exchange, RecordForm::Full, &Behaviours { large_records: 0.1, ..Behaviours::default() });
        let large = texts.iter().filter(|text| text.len() > 20_000).count();
        assert!((15..=50).contains(&large), "{large}");
    }

    #[test]
    fn b68_redacted_records_lack_only_the_detected_values() {
        for content_type in ContentType::ALL {
            let [full, redacted] =
                [RecordForm::Full, RecordForm::Redacted].map(|form| texts(content_type, form, &Behaviours::default()));
            assert_eq!(full == redacted, content_type != ContentType::Dlp, "{content_type:?}");
        }
        let read = |form| -> Vec<Value> {
            let texts = texts(ContentType::Dlp, form, &Behaviours::default());
            texts.iter().map(|text| serde_json::from_str(text).unwrap()).collect()
        };
        for (mut full, redacted) in read(RecordForm::Full).into_iter().zip(read(RecordForm::Redacted)) {
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
    fn b69_the_three_records_of_a_split_event_have_one_correlation_id_and_different_ids() {
        let records = records(ContentType::General, &Behaviours { split_events: 0.3, ..Behaviours::default() });
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
