//! The schemas of the built-in log types.

use crate::log_type::{LogType, PerLogType};
use crate::model::Schema;

static SCHEMAS: PerLogType<Schema> = PerLogType::new();

/// A built-in log type's schema.
pub fn schema(log_type: LogType) -> Schema {
    SCHEMAS.get(log_type, parsed).clone()
}

/// The text of a built-in log type's schema file.
pub fn schema_text(log_type: LogType) -> &'static str {
    match log_type {
        LogType::OpenAiAudit => include_str!("../schemas/OpenAI.Audit.yml"),
        LogType::AzureActiveDirectory => include_str!("../schemas/Microsoft365.Audit.AzureActiveDirectory.yml"),
        LogType::Exchange => include_str!("../schemas/Microsoft365.Audit.Exchange.yml"),
        LogType::General => include_str!("../schemas/Microsoft365.Audit.General.yml"),
        LogType::SharePoint => include_str!("../schemas/Microsoft365.Audit.SharePoint.yml"),
        LogType::Dlp => include_str!("../schemas/Microsoft365.DLP.All.yml"),
    }
}

#[expect(clippy::expect_used, reason = "the files are part of this build, and a test parses every one of them")]
fn parsed(log_type: LogType) -> Schema {
    Schema::parse(schema_text(log_type), log_type.name()).expect("a built-in schema is valid")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_one_is_valid_and_named_after_its_log_type() {
        for log_type in LogType::ALL {
            let schema = Schema::parse(schema_text(log_type), log_type.name()).unwrap();
            assert_eq!(schema.name(), log_type.name());
        }
    }
}
