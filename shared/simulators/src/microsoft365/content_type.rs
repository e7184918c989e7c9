//! The content types of the API.

use serde::{Deserialize, Serialize};

/// A content type. A client subscribes to each one separately and lists its blobs separately.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ContentType {
    /// `Audit.AzureActiveDirectory`
    #[serde(rename = "Audit.AzureActiveDirectory")]
    Entra,
    /// `Audit.Exchange`
    #[serde(rename = "Audit.Exchange")]
    Exchange,
    /// `Audit.SharePoint`
    #[serde(rename = "Audit.SharePoint")]
    SharePoint,
    /// `Audit.General`
    #[serde(rename = "Audit.General")]
    General,
    /// `DLP.All`
    #[serde(rename = "DLP.All")]
    Dlp,
}

impl ContentType {
    /// All content types.
    pub const ALL: [Self; 5] = [Self::Entra, Self::Exchange, Self::SharePoint, Self::General, Self::Dlp];

    /// Returns the name that the API uses.
    pub fn name(self) -> &'static str {
        match self {
            Self::Entra => "Audit.AzureActiveDirectory",
            Self::Exchange => "Audit.Exchange",
            Self::SharePoint => "Audit.SharePoint",
            Self::General => "Audit.General",
            Self::Dlp => "DLP.All",
        }
    }

    /// Returns the log type that a collector gives to the records of this content type.
    pub fn log_type(self) -> &'static str {
        match self {
            Self::Entra => "Microsoft365.Audit.AzureActiveDirectory",
            Self::Exchange => "Microsoft365.Audit.Exchange",
            Self::SharePoint => "Microsoft365.Audit.SharePoint",
            Self::General => "Microsoft365.Audit.General",
            Self::Dlp => "Microsoft365.DLP.All",
        }
    }

    /// Returns the content type with this name in the API, in any upper or lower case; `None` if there is no such
    /// content type.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|content_type| content_type.name().eq_ignore_ascii_case(name))
    }

    /// Returns the index of this content type in [`Self::ALL`].
    pub(super) fn index(self) -> usize {
        self as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_parses_to_its_value() {
        for (index, content_type) in ContentType::ALL.into_iter().enumerate() {
            assert_eq!(ContentType::named(&content_type.name().to_lowercase()), Some(content_type));
            assert_eq!(content_type.index(), index);
        }
        assert_eq!(ContentType::named("Audit.Nothing"), None);
    }
}
