//! `audit-pull udm`: prints the values of data models for events.

use std::path::PathBuf;

use data_models::{DataModel, Methods, Name, UdmError, Value, View};

use crate::exit::{Exit, Failed};
use crate::input::{LineSink, each_line};
use crate::models::{self, Models, load_folder_or_builtin, no_model_message};
use crate::output;
use crate::splitter::Line;

/// The maximum size of an input line, in bytes.
const MAX_LINE_BYTES: usize = 32 << 20;
/// The member of an event that names its log type, which determines the model.
const LOG_TYPE: &str = "p_log_type";

#[derive(Debug, clap::Args)]
#[command(after_help = OUTPUT)]
pub(crate) struct Args {
    /// The folder of models: YAML files in it, and in folders below it whose name contains data_models [default: the
    /// built-in models]
    #[arg(long, value_name = "DIR")]
    models: Option<PathBuf>,
    /// Only load the models with their methods, and print every fault on its own line
    #[arg(long, requires = "models")]
    check: bool,
}

const OUTPUT: &str = "Standard input holds one event per line; its p_log_type picks the model. Standard output gets a
line for each: {\"udm\":{name:value},\"udm_path\":{name:path},\"errors\":{name:message}}. A name without a value stands
nowhere. On the line of an event without a model, errors has p_log_type; on that of a line that is no JSON object, it
has event. A path sees the event without p_log_type, so that `*` and `..` do not find it, unless the path names it; a
method sees the whole event.

Exit codes: 0 all well; 1 --check found faults; 2 usage, or the models have faults; 3 reading or writing failed.";

pub(crate) fn run(args: &Args) -> Result<Exit, Failed> {
    let folder = args.models.as_deref();
    if let (true, Some(folder)) = (args.check, folder) {
        return models::check(folder);
    }
    let mut events = EventAnswerer { models: load_folder_or_builtin(folder)?, out: Vec::new() };
    each_line(MAX_LINE_BYTES, &mut events)?;
    Ok(Exit::Success)
}

/// Answers events, and keeps the answers until they are written.
struct EventAnswerer {
    models: Models,
    out: Vec<u8>,
}

impl LineSink for EventAnswerer {
    fn take(&mut self, _: u64, line: Line<'_>) {
        let mut answer = Answer::default();
        match line {
            Line::Whole(line) => answer.fill(line, &mut self.models),
            Line::TooLong => answer.errors.add("event", &text(&format!("longer than {MAX_LINE_BYTES} bytes"))),
        }
        answer.write(&mut self.out);
    }

    fn flush(&mut self) -> Result<bool, Failed> {
        let is_read = output::write_stdout(&self.out)?;
        self.out.clear();
        Ok(is_read)
    }
}

/// The answer to one event. An event that cannot be read has only errors.
#[derive(Debug, Default)]
struct Answer {
    udm: Members,
    udm_path: Members,
    errors: Members,
}

impl Answer {
    fn fill(&mut self, line: &[u8], models: &mut Models) {
        let event = std::str::from_utf8(line).map_err(|error| format!("not UTF-8: {error}"));
        match event.and_then(|line| Value::parse(line).map_err(|error| error.to_string())) {
            Ok(event) => self.fill_from(&event, models),
            Err(reason) => self.errors.add("event", &text(&reason)),
        }
    }

    fn fill_from(&mut self, event: &Value<'_>, models: &mut Models) {
        if !matches!(event.view(), View::Object(_)) {
            return self.errors.add("event", &text("the event is no JSON object"));
        }
        let Some(View::String(log_type)) = event.get(LOG_TYPE).map(|value| value.view()) else {
            let reason = "the event has no p_log_type, a text that picks the model";
            return self.errors.add(LOG_TYPE, &text(reason));
        };
        match models.get(&log_type) {
            Some((model, engine)) => self.add_names(model, event, engine),
            None => self.errors.add(LOG_TYPE, &text(&no_model_message(&log_type, models))),
        }
    }

    fn add_names(&mut self, model: &DataModel, event: &Value<'_>, engine: &mut dyn Methods) {
        let bare = without_log_type(event);
        let bare = Value::parse(&bare).unwrap_or_else(|_| event.clone());
        for name in &model.names {
            let event = if reads_log_type(name) { event } else { &bare };
            match model.mapped(name, event, engine) {
                Ok(None) => {}
                Ok(Some(found)) => {
                    self.udm_path.add(&name.name, &text(&found.path));
                    let json = found.value.to_json();
                    // A computed value may be a number that JSON cannot write, such as infinity.
                    match Value::parse(&json) {
                        Ok(_) => self.udm.add(&name.name, &json),
                        Err(_) => self.errors.add(&name.name, &text("the value is a number that JSON does not have")),
                    }
                }
                Err(error) => {
                    // A method that failed is still the source of the name, so `udm_path` shows it as for a method that
                    // succeeded.
                    if let UdmError::Method { method, .. } = &error {
                        self.udm_path.add(&name.name, &text(method));
                    }
                    self.errors.add(&name.name, &text(&error.to_string()));
                }
            }
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        let (udm, udm_path, errors) = (&self.udm.0, &self.udm_path.0, &self.errors.0);
        out.extend_from_slice(
            format!("{{\"udm\":{{{udm}}},\"udm_path\":{{{udm_path}}},\"errors\":{{{errors}}}}}\n").as_bytes(),
        );
    }
}

/// Returns the event without `p_log_type`, which was added only to choose the model.
fn without_log_type(event: &Value<'_>) -> String {
    let mut members = Members::default();
    if let View::Object(of_event) = event.view() {
        for (name, value) in of_event.iter().filter(|(name, _)| name != LOG_TYPE) {
            members.add(name, &value.to_json());
        }
    }
    format!("{{{}}}", members.0)
}

/// Returns `true` if the value may depend on `p_log_type`: its path mentions it, or a method may read it.
fn reads_log_type(name: &Name) -> bool {
    name.method.is_some() || name.path.as_ref().is_some_and(|(_, text)| text.contains(LOG_TYPE))
}

/// The members of a JSON object, as JSON text.
#[derive(Debug, Default)]
struct Members(String);

impl Members {
    fn add(&mut self, name: &str, json: &str) {
        if !self.0.is_empty() {
            self.0.push(',');
        }
        self.0.push_str(&text(name));
        self.0.push(':');
        self.0.push_str(json);
    }
}

/// Returns a text as a JSON string.
fn text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
