//! The results of a check as text and as JSON.

use serde::Serialize;

use super::code::{Code, Severity};
use super::step::Step;

/// The results of all steps, in their order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// `true` if no step failed.
    pub ok: bool,
    /// The steps.
    pub steps: Vec<Step>,
}

impl Report {
    /// Returns the report of these steps.
    pub fn new(steps: Vec<Step>) -> Self {
        Self { ok: steps.iter().all(|step| step.ok != Some(false)), steps }
    }

    /// Returns the highest severity of the failures; `None` if no step failed.
    pub fn severity(&self) -> Option<Severity> {
        self.steps.iter().filter_map(|step| step.code).map(Code::severity).max()
    }
}

/// Returns one line for each step, and two more for each failure: its cause and its fix.
pub fn render(report: &Report) -> String {
    report.steps.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn line(step: &Step) -> String {
    let parts = [step.about.as_deref(), step.source.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(", ");
    let parts = if parts.is_empty() { String::new() } else { format!(" ({parts})") };
    let name = format!("{}{parts}", step.step.name());
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    match step.ok {
        Some(true) => step.note.as_ref().map_or_else(|| format!("✓ {name}"), |note| format!("✓ {name}: {note}")),
        Some(false) => {
            let code = step.code.map(Code::name).unwrap_or_default();
            format!("✗ {name}: {code}\n    cause: {}\n    fix:   {}", text(&step.cause), text(&step.fix))
        }
        None => format!("– {name}: not checked because {}", text(&step.cause)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::step::StepName;
    use super::*;

    #[test]
    fn every_result_has_its_sign_and_a_failure_its_cause_and_fix() {
        let blank = Step {
            step: StepName::FirstPage,
            source: Some("acme".to_owned()),
            about: None,
            ok: Some(true),
            code: None,
            cause: None,
            fix: None,
            note: Some("3 events".to_owned()),
        };
        let failed = Step {
            ok: Some(false),
            code: Some(Code::NoConsent),
            cause: Some("c".to_owned()),
            fix: Some("f".to_owned()),
            about: Some("DLP.All".to_owned()),
            ..blank.clone()
        };
        let skipped = Step { ok: None, cause: Some("it is late".to_owned()), ..blank.clone() };
        let report = Report::new(vec![blank, failed, skipped]);
        assert_eq!(
            render(&report),
            "✓ first-page (acme): 3 events\n✗ first-page (DLP.All, acme): no-consent\n    cause: c\n    fix:   f\n\
             – first-page (acme): not checked because it is late"
        );
        assert_eq!((report.ok, report.severity()), (false, Some(Severity::Person)));
        assert_eq!(serde_json::to_value(&report).unwrap()["steps"][1]["code"], "no-consent");
    }
}
