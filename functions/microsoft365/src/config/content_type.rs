//! The five feeds of the Management Activity API.

use schema::LogType;

/// A content type: one feed of a tenant, with a subscription and a listing of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ContentType {
    /// `Audit.AzureActiveDirectory`
    AzureActiveDirectory,
    /// `Audit.Exchange`
    Exchange,
    /// `Audit.SharePoint`
    SharePoint,
    /// `Audit.General`
    General,
    /// `DLP.All`
    Dlp,
}

impl ContentType {
    /// Every content type.
    pub const ALL: [Self; 5] = [Self::AzureActiveDirectory, Self::Exchange, Self::SharePoint, Self::General, Self::Dlp];

    /// Returns the API's name of the content type.
    pub fn name(self) -> &'static str {
        match self {
            Self::AzureActiveDirectory => "Audit.AzureActiveDirectory",
            Self::Exchange => "Audit.Exchange",
            Self::SharePoint => "Audit.SharePoint",
            Self::General => "Audit.General",
            Self::Dlp => "DLP.All",
        }
    }

    /// Returns the content type of that name. Letter case does not matter, as for the vendor.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|content_type| content_type.name().eq_ignore_ascii_case(name.trim()))
    }

    /// Returns the log type of the content type's records.
    pub fn log_type(self) -> LogType {
        match self {
            Self::AzureActiveDirectory => LogType::AzureActiveDirectory,
            Self::Exchange => LogType::Exchange,
            Self::SharePoint => LogType::SharePoint,
            Self::General => LogType::General,
            Self::Dlp => LogType::Dlp,
        }
    }

    /// Returns the content type whose records are of that log type.
    pub fn from_log_type(log_type: LogType) -> Option<Self> {
        Self::ALL.into_iter().find(|content_type| content_type.log_type() == log_type)
    }

    /// Returns the application permissions that an app registration needs to read this content type.
    pub fn permissions(self) -> &'static str {
        match self {
            Self::Dlp => "ActivityFeed.Read and ActivityFeed.ReadDlp",
            _ => "ActivityFeed.Read",
        }
    }
}

impl std::fmt::Display for ContentType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_log_types_identify_their_content_type() {
        for content_type in ContentType::ALL {
            assert_eq!(ContentType::from_name(&content_type.name().to_lowercase()), Some(content_type));
            assert_eq!(ContentType::from_log_type(content_type.log_type()), Some(content_type));
            assert_eq!(content_type.log_type().name(), format!("Microsoft365.{content_type}"));
        }
        assert_eq!(ContentType::from_name("Audit.Teams"), None);
        assert_eq!(ContentType::from_log_type(LogType::OpenAiAudit), None);
    }
}
