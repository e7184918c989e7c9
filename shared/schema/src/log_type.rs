//! The built-in log types: one table with all that the crate knows about each of them.
//!
//! A log type is one row of the table below. The row names a [`LogTypeSpec`] in the file of the log type's vendor, and
//! the spec names its data files: the schema, the data model, the published record types. No other code lists the log
//! types.

pub(crate) mod models;
pub(crate) mod record_types;
pub(crate) mod schemas;
mod spec;

use std::sync::OnceLock;

use spec::LogTypeSpec;

/// Declares the modules of the vendors, and defines [`LogType`] and [`LogType::spec`] from the rows of the table: each row
/// is a variant, and the name of its [`LogTypeSpec`] in its vendor's module. `cargo fmt` does not see modules that a macro
/// declares, so `.ci/run` formats them by their file names.
macro_rules! log_types {
    ($(mod $vendor:ident { $($(#[$doc:meta])* $variant:ident: $spec:ident;)+ })+) => {
        $(mod $vendor;)+

        /// A log type: the name of a schema, and of the table that holds its lines.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum LogType {
            $($($(#[$doc])* $variant,)+)+
        }

        impl LogType {
            /// All log types, in the order of their declaration.
            pub const ALL: [Self; [$($(Self::$variant),+),+].len()] = [$($(Self::$variant),+),+];

            /// Returns everything that the crate knows about this log type.
            pub(crate) fn spec(self) -> &'static LogTypeSpec {
                match self {
                    $($(Self::$variant => &$vendor::$spec,)+)+
                }
            }
        }
    };
}

log_types! {
    mod openai {
        /// `OpenAI.Audit`
        OpenAiAudit: AUDIT;
    }
    mod microsoft365 {
        /// `Microsoft365.Audit.AzureActiveDirectory`
        AzureActiveDirectory: AZURE_ACTIVE_DIRECTORY;
        /// `Microsoft365.Audit.Exchange`
        Exchange: EXCHANGE;
        /// `Microsoft365.Audit.General`
        General: GENERAL;
        /// `Microsoft365.Audit.SharePoint`
        SharePoint: SHARE_POINT;
        /// `Microsoft365.DLP.All`
        Dlp: DLP;
    }
}

impl LogType {
    /// The schema's name, which is `p_log_type`.
    pub fn name(self) -> &'static str {
        self.spec().name
    }

    /// The table's name: the log type's name in lower case, with `_` for each `.`.
    pub fn table(self) -> String {
        self.spec().table.to_owned()
    }

    /// Returns the log type that has this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|log_type| log_type.name() == name)
    }
}

/// One value per log type. Each value is created on first use.
#[derive(Debug)]
pub(crate) struct PerLogType<T>([OnceLock<T>; LogType::ALL.len()]);

impl<T> PerLogType<T> {
    pub(crate) const fn new() -> Self {
        Self([const { OnceLock::new() }; LogType::ALL.len()])
    }

    /// Returns the value of a log type. The first call creates it with `make`.
    pub(crate) fn get(&self, log_type: LogType, make: impl FnOnce(LogType) -> T) -> &T {
        self.0[log_type as usize].get_or_init(|| make(log_type))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_a_log_type_is_the_table_of_its_schema() {
        for log_type in LogType::ALL {
            assert_eq!(log_type.table(), schemas::schema(log_type).table());
            assert_eq!(LogType::from_name(log_type.name()), Some(log_type));
        }
    }
}
