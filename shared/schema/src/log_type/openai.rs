//! The log type of OpenAI.

use std::sync::LazyLock;

use super::record_types::RecordTypes;
use super::spec::{LogTypeSpec, data_model_files};
use crate::event::construct::Construction;
use crate::identity::{EventTime, IdentityRule};
use crate::udm::builtin::open_ai;

pub(super) static AUDIT: LogTypeSpec = LogTypeSpec {
    name: "OpenAI.Audit",
    table: "openai_audit",
    schema: include_str!("../../schemas/OpenAI.Audit.yml"),
    keeps_undeclared: true,
    constructions: &[
        (&["actor", "user"], Construction::ActorUser),
        (&["actor", "service_account"], Construction::ActorServiceAccount),
        (&["project"], Construction::Project),
        (&["api_key"], Construction::ApiKey),
        (&["user"], Construction::User),
        (&["service_account"], Construction::ServiceAccount),
        (&["api_key.updated", "data"], Construction::Scopes { from: "changes_requested" }),
        (&["api_key.updated", "changes_requested"], Construction::Scopes { from: "data" }),
    ],
    identity: &IdentityRule { id: Some("id"), shared_id: None, time: EventTime::Unix("effective_at") },
    record_types: &RECORD_TYPES,
    data_model: data_model_files!("openai_audit"),
    native_model: &open_ai::MODEL,
};

static RECORD_TYPES: LazyLock<RecordTypes> =
    LazyLock::new(|| RecordTypes::named("type", include_str!("../../record_types/OpenAI.txt")));
