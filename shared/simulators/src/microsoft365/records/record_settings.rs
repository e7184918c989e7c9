//! The settings from which records are made.

use super::super::behaviours::Behaviours;
use super::super::content_type::ContentType;
use crate::dice::Dice;
use crate::options::Options;

/// The huge blob of a content type, made of its first records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Huge {
    pub(in super::super) content_type: ContentType,
    pub(in super::super) records: usize,
    /// The least number of bytes of each record.
    pub(in super::super) bytes: usize,
}

/// The settings from which records are made. They are fixed at the start, so a record never changes.
#[derive(Debug, Clone)]
pub(crate) struct RecordSettings {
    pub(super) seed: u64,
    pub(super) tenant: String,
    pub(super) irregular: f64,
    pub(super) unknown: f64,
    pub(super) odd_addresses: f64,
    pub(super) case_twins: f64,
    pub(super) alert_data_as_text: bool,
    pub(super) large: f64,
    pub(super) split: f64,
    pub(super) huge: Option<Huge>,
}

impl RecordSettings {
    pub(in super::super) fn new(options: &Options, behaviours: &Behaviours) -> Self {
        Self {
            seed: options.seed,
            tenant: behaviours.tenant_id.clone(),
            irregular: behaviours.irregular,
            unknown: behaviours.unknown,
            odd_addresses: behaviours.odd_addresses,
            case_twins: behaviours.case_twins,
            alert_data_as_text: behaviours.alert_data_as_text,
            large: behaviours.large,
            split: behaviours.split,
            huge: None,
        }
    }

    /// Adds the records of a huge blob.
    pub(in super::super) fn with_huge(self, huge: Option<Huge>) -> Self {
        Self { huge, ..self }
    }

    /// Returns the `Id` of the record with that number. An irregular record may spell it differently.
    pub(in super::super) fn id(&self, content_type: ContentType, number: usize) -> String {
        Dice::new(self.seed ^ 1, content_type.name(), number as u64).guid()
    }
}
