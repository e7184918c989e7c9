//! One step of a check, and its result.

use serde::Serialize;

use super::code::Code;

/// The steps in the order in which they are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepName {
    /// The source's secret can be read and is well-formed.
    Secret,
    /// The vendor's host answers, and no gateway answers in its place.
    Host,
    /// The vendor accepts the credential.
    Token,
    /// The credential has the permissions that reading needs.
    Permissions,
    /// The vendor records events.
    Auditing,
    /// The vendor records one content type.
    Subscription,
    /// The first page of a listing can be read.
    FirstPage,
    /// An object can be put, replaced and read.
    Bucket,
    /// A row can be put and read.
    Table,
    /// The head of a stream and its birth record belong together.
    State,
    /// Our clock agrees with the vendor's.
    Clock,
    /// Somebody receives the alarms.
    Alarms,
}

impl StepName {
    /// Returns the name in text and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::Host => "host",
            Self::Token => "token",
            Self::Permissions => "permissions",
            Self::Auditing => "auditing",
            Self::Subscription => "subscription",
            Self::FirstPage => "first-page",
            Self::Bucket => "bucket",
            Self::Table => "table",
            Self::State => "state",
            Self::Clock => "clock",
            Self::Alarms => "alarms",
        }
    }
}

/// The result of one step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The step.
    pub step: StepName,
    /// The source, or the name of its secret while the source is not known; `None` for a step that concerns all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The part that was checked, such as a content type; `None` if there is only one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// `true` if the step passed, `false` if it failed; `None` if it was not checked.
    pub ok: Option<bool>,
    /// The cause of a failure, for programs.
    pub code: Option<Code>,
    /// The cause of a failure, or the reason why the step was not checked.
    pub cause: Option<String>,
    /// The action that cures the failure.
    pub fix: Option<String>,
    /// A remark on a step that passed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_has_the_same_name_in_text_and_in_json() {
        for step in [StepName::FirstPage, StepName::Secret, StepName::Alarms] {
            assert_eq!(serde_json::to_value(step).unwrap(), step.name());
        }
    }
}
