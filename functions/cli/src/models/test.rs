//! `audit-pull models test`: runs the examples of data models.

use std::path::Path;

use data_models::examples::{self, Example};

use super::builtin;
use super::set::{self, Models, no_model_message};
use crate::exit::{Exit, Failed};
use crate::output;

pub(super) const EXAMPLES: &str = "Examples are YAML files beside the models, without AnalysisType:

  LogType: OpenAI.Audit
  Examples:
    - Name: A login by password
      Event: {type: login.succeeded, actor: {session: {ip_address: 192.0.2.1}}}
      Expected: {source_ip: 192.0.2.1, event_type: successful_login}

Expected has all names with a value, and no others; null stands for a value that is null, and may be left out. Fails
lists the names of which the path or the method must fail:

      Fails: [assigned_admin_role]

Exit codes: 0 all examples agree; 1 an example fails, there is none, or the models have faults; 2 usage.";

/// Runs the examples in a folder or, without a folder, those of the built-in models. Prints the differences.
pub(super) fn run(folder: Option<&Path>) -> Result<Exit, Failed> {
    let loaded = match folder {
        Some(folder) => Models::load(folder),
        None => builtin::load(),
    };
    let examples = loaded.and_then(|models| examples::read(&models.yaml_files).map(|examples| (models, examples)));
    let (mut models, examples) = match examples {
        Ok(loaded) => loaded,
        Err(faults) => {
            set::print_faults(&faults);
            return Ok(Exit::FAULTS);
        }
    };
    let failed = examples.iter().filter(|example| !passes(example, &mut models)).count();
    if examples.is_empty() {
        output::print_error(
            "no example is there; a file of examples has LogType and Examples, as models test --help shows",
        );
    }
    output::print_line(&format!("{} of {} examples agree", examples.len() - failed, examples.len()))?;
    Ok(if failed == 0 && !examples.is_empty() { Exit::Success } else { Exit::FAULTS })
}

/// Runs one example and prints its differences to standard error. Returns `true` if there are none.
fn passes(example: &Example, models: &mut Models) -> bool {
    let differences = match models.get(&example.log_type) {
        Some((model, engine)) => example.differences(model, engine),
        None => vec![no_model_message(&example.log_type, models)],
    };
    for difference in &differences {
        let Example { path, line, name, .. } = example;
        output::write_stderr(format!("{path}:{line}: {name}: {difference}\n").as_bytes());
    }
    differences.is_empty()
}
