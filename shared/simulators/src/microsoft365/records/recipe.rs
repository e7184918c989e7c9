//! The settings that records are made by.

use super::super::behaviours::Behaviours;
use super::super::content_type::ContentType;
use crate::dice::Dice;
use crate::options::Options;

/// The first records of a content type are large: together they are one huge blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Huge {
    pub(in super::super) content_type: ContentType,
    pub(in super::super) records: usize,
    /// Bytes of each, at least.
    pub(in super::super) bytes: usize,
}

/// What records are made by. Settled at the start: a record never changes.
#[derive(Debug, Clone)]
pub(crate) struct Recipe {
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

impl Recipe {
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

    /// The same, with the records of a huge blob.
    pub(in super::super) fn with_huge(self, huge: Option<Huge>) -> Self {
        Self { huge, ..self }
    }

    /// The `Id` of the record of that number; an irregular one may spell it otherwise.
    pub(in super::super) fn id(&self, content_type: ContentType, number: usize) -> String {
        Dice::new(self.seed ^ 1, content_type.name(), number as u64).guid()
    }
}
