//! The settings that all generated records have in common.

use super::super::behaviours::Behaviours;
use super::super::content_type::ContentType;
use crate::options::Options;
use crate::seeded_rng::SeededRng;

/// The huge blob of a content type. Its records are the first `records` ones of the content type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HugeBlob {
    pub(in super::super) content_type: ContentType,
    pub(in super::super) records: usize,
    /// The minimum size of each of these records in bytes.
    pub(in super::super) record_bytes: usize,
}

/// The settings that all generated records have in common. They never change while the simulator runs, so a record
/// always has the same text.
#[derive(Debug, Clone)]
pub(crate) struct RecordSettings {
    pub(super) seed: u64,
    pub(super) tenant: String,
    pub(super) irregular_records: f64,
    pub(super) unpublished_records: f64,
    pub(super) odd_addresses: f64,
    pub(super) case_twins: f64,
    pub(super) alert_data_as_text: bool,
    pub(super) large_records: f64,
    pub(super) split_events: f64,
    pub(super) huge_blob: Option<HugeBlob>,
}

impl RecordSettings {
    pub(in super::super) fn new(options: &Options, behaviours: &Behaviours) -> Self {
        Self {
            seed: options.seed,
            tenant: behaviours.tenant_id.clone(),
            irregular_records: behaviours.irregular_records,
            unpublished_records: behaviours.unpublished_records,
            odd_addresses: behaviours.odd_addresses,
            case_twins: behaviours.case_twins,
            alert_data_as_text: behaviours.alert_data_as_text,
            large_records: behaviours.large_records,
            split_events: behaviours.split_events,
            huge_blob: None,
        }
    }

    /// Sets the huge blob. Its records are generated with at least the size that it asks for.
    pub(in super::super) fn with_huge_blob(self, huge_blob: Option<HugeBlob>) -> Self {
        Self { huge_blob, ..self }
    }

    /// Returns the `Id` of the record with this number. If the record is irregular, its text may have another spelling.
    pub(in super::super) fn id(&self, content_type: ContentType, number: usize) -> String {
        SeededRng::new(self.seed ^ 1, content_type.name(), number as u64).guid()
    }
}
