//! The six log types.

use std::sync::OnceLock;

/// A log type: the name of a schema and of the table its lines go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogType {
    /// `OpenAI.Audit`
    OpenAiAudit,
    /// `Microsoft365.Audit.AzureActiveDirectory`
    AzureActiveDirectory,
    /// `Microsoft365.Audit.Exchange`
    Exchange,
    /// `Microsoft365.Audit.General`
    General,
    /// `Microsoft365.Audit.SharePoint`
    SharePoint,
    /// `Microsoft365.DLP.All`
    Dlp,
}

impl LogType {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::OpenAiAudit, Self::AzureActiveDirectory, Self::Exchange, Self::General, Self::SharePoint, Self::Dlp];

    /// The schema's name, which is `p_log_type`.
    pub fn name(self) -> &'static str {
        match self {
            Self::OpenAiAudit => "OpenAI.Audit",
            Self::AzureActiveDirectory => "Microsoft365.Audit.AzureActiveDirectory",
            Self::Exchange => "Microsoft365.Audit.Exchange",
            Self::General => "Microsoft365.Audit.General",
            Self::SharePoint => "Microsoft365.Audit.SharePoint",
            Self::Dlp => "Microsoft365.DLP.All",
        }
    }

    /// The table's name: the log type's in lower case, `.` as `_`.
    pub fn table(self) -> String {
        table(self.name())
    }

    /// The log type of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|log_type| log_type.name() == name)
    }
}

/// A value for each log type, made when it is first asked for.
#[derive(Debug)]
pub(crate) struct PerLogType<T>([OnceLock<T>; LogType::ALL.len()]);

impl<T> PerLogType<T> {
    pub(crate) const fn new() -> Self {
        Self([const { OnceLock::new() }; LogType::ALL.len()])
    }

    /// The value of a log type, which `make` makes the first time.
    pub(crate) fn get(&self, log_type: LogType, make: impl FnOnce(LogType) -> T) -> &T {
        self.0[log_type as usize].get_or_init(|| make(log_type))
    }
}

/// The name of the table for lines of a log type.
pub(crate) fn table(log_type: &str) -> String {
    log_type.to_ascii_lowercase().replace('.', "_")
}
