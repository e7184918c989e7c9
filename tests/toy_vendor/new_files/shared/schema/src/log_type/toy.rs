//! The log type of the toy vendor.

use std::sync::LazyLock;

use super::record_types::RecordTypes;
use super::spec::{LogTypeSpec, data_model_files};
use crate::identity::{EventTime, IdentityRule};
use crate::udm::native::{NativeModel, NativeValues};

pub(super) static AUDIT: LogTypeSpec = LogTypeSpec {
    name: "Toy.Audit",
    table: "toy_audit",
    schema: include_str!("../../schemas/Toy.Audit.yml"),
    keeps_undeclared: true,
    constructions: &[],
    identity: &IdentityRule { id: Some("id"), shared_id: None, time: EventTime::Unix("time") },
    record_types: &RECORD_TYPES,
    data_model: data_model_files!("toy_audit"),
    native_model: &MODEL,
};

/// The model has no methods, because each of its names has a path.
static MODEL: NativeModel = NativeModel { reads: &[], lists: &[], methods: &[], values: |_| NativeValues::default() };

static RECORD_TYPES: LazyLock<RecordTypes> =
    LazyLock::new(|| RecordTypes::named("action", include_str!("../../record_types/Toy.txt")));
