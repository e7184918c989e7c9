//! The constructed fields of the built-in log types.

use super::Construction;
use crate::log_type::LogType;
use crate::model::Schema;

/// Attaches its constructions to the schema of a built-in log type; returns any other schema as it is.
pub(crate) fn with_constructions(mut schema: Schema) -> Schema {
    let constructions: &[(&[&str], Construction)] = match LogType::from_name(&schema.name) {
        Some(LogType::OpenAiAudit) => &[
            (&["actor", "user"], Construction::ActorUser),
            (&["actor", "service_account"], Construction::ActorServiceAccount),
            (&["project"], Construction::Project),
            (&["api_key"], Construction::ApiKey),
            (&["user"], Construction::User),
            (&["service_account"], Construction::ServiceAccount),
            (&["api_key.updated", "data"], Construction::Scopes { from: "changes_requested" }),
            (&["api_key.updated", "changes_requested"], Construction::Scopes { from: "data" }),
        ],
        Some(LogType::General) => &[(&["payload"], Construction::Payload)],
        _ => &[],
    };
    for (path, construction) in constructions {
        schema.root.construct(path, *construction);
    }
    schema
}
