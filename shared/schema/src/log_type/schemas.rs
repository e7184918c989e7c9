//! The schemas of the built-in log types.

use super::{LogType, PerLogType};
use crate::language::model::Schema;

static SCHEMAS: PerLogType<Schema> = PerLogType::new();

/// Returns the schema of a built-in log type.
pub fn schema(log_type: LogType) -> Schema {
    SCHEMAS.get(log_type, parse_schema).clone()
}

/// Returns the text of a built-in log type's schema file.
pub fn schema_text(log_type: LogType) -> &'static str {
    log_type.spec().schema
}

#[expect(clippy::expect_used, reason = "the files are part of this build, and a test parses every one of them")]
fn parse_schema(log_type: LogType) -> Schema {
    Schema::parse(schema_text(log_type), log_type.name()).expect("a built-in schema is valid")
}

/// Adds the constructions of the log type to the schema of a built-in log type. Returns any other schema unchanged.
pub(crate) fn with_constructions(mut schema: Schema) -> Schema {
    let log_type = LogType::from_name(&schema.name);
    for (path, construction) in log_type.map(|log_type| log_type.spec().constructions).unwrap_or_default() {
        schema.root.construct(path, *construction);
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_schema_is_valid_and_named_after_its_log_type() {
        for log_type in LogType::ALL {
            let schema = Schema::parse(schema_text(log_type), log_type.name()).unwrap();
            assert_eq!(schema.name(), log_type.name());
        }
    }
}
