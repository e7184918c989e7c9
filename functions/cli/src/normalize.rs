//! `audit-pull normalize`: converts raw events to lines.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use adapters::clock::SystemClock;
use collector::{Clock, Drift, SourceId};
use jiff::Timestamp;
use schema::{LineContext, LogType, Mode, Normalizer};
use serde::Serialize;

use crate::exit::{Exit, Failed};
use crate::input::{LineSink, each_line};
use crate::models::Models;
use crate::output;
use crate::schema::{from_file, log_type};
use crate::splitter::Line;

/// The maximum size of an input line in bytes, as in a pull. A longer line is rejected.
const MAX_LINE_BYTES: usize = 64 << 20;

#[derive(Debug, clap::Args)]
#[command(after_help = REJECTED)]
pub(crate) struct Args {
    #[command(flatten)]
    schema: SchemaChoice,
    /// Behave exactly as Panther: drop undeclared fields, and reject events with values that do not fit the schema
    #[arg(long)]
    strict: bool,
    /// A folder of data models; the one for the log type replaces the built-in one for p_udm
    #[arg(long, value_name = "DIR", conflicts_with = "strict")]
    models: Option<PathBuf>,
    /// The p_source_id of every line: 1 to 64 of the characters A-Z a-z 0-9 _ . -
    #[arg(long, value_name = "S", value_parser = source_id)]
    source_id: Option<SourceId>,
    /// The p_source_label of every line
    #[arg(long, value_name = "L", default_value = "", hide_default_value = true)]
    source_label: String,
    /// The p_parse_time of every line [default: now]
    #[arg(long, value_name = "RFC3339")]
    parse_time: Option<Timestamp>,
    /// Also write rejected events with the reasons to this file, which is overwritten
    #[arg(long, value_name = "FILE")]
    rejected: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct SchemaChoice {
    /// The log type of the events
    #[arg(long, value_name = "T", value_parser = log_type)]
    log_type: Option<LogType>,
    /// A schema file of your own
    #[arg(long, value_name = "FILE")]
    schema: Option<PathBuf>,
}

const REJECTED: &str =
    "Standard input holds one raw event a line; an empty line is no event. Standard output gets a line for
each. An event that cannot become one gets none: its reason goes to standard error, as
{\"line\":N,\"reason\":\"…\"}, and to the file of --rejected, there with the event as \"raw\". Where events drift from
their schema or are of a type that the vendor has not published, {\"drift\":{…}} with counts and a few names follows.

Exit codes: 0 everything was read, also when events were rejected; 2 usage; 3 reading or writing failed.";

pub(crate) fn run(args: &Args) -> Result<Exit, Failed> {
    let mut lines = LineConverter {
        normalizer: with_models(args.schema.normalizer(args.strict)?, args.models.as_deref())?,
        args,
        out: Vec::new(),
        reasons: Vec::new(),
        rejected: args.rejected.as_deref().map(RejectedFile::create).transpose()?,
        drift: Drift::default(),
    };
    if each_line(MAX_LINE_BYTES, &mut lines)? {
        lines.report_drift();
    }
    Ok(Exit::Success)
}

/// Replaces the normaliser's data model by the one in `folder` for its log type. Without such a model, the normaliser
/// keeps its own.
fn with_models(normalizer: Normalizer, folder: Option<&Path>) -> Result<Normalizer, Failed> {
    let model = match folder {
        Some(folder) => Models::load_or_print_faults(folder)?.into_line_model(normalizer.log_type()),
        None => None,
    };
    Ok(if model.is_some() { normalizer.with_model(model) } else { normalizer })
}

/// Parses a source id, with the same rules as in the secret of a source.
fn source_id(text: &str) -> Result<SourceId, String> {
    let reason = "it is not 1 to 64 of the characters A-Z a-z 0-9 _ . -";
    SourceId::try_from(text.to_owned()).map_err(|_| reason.to_owned())
}

impl SchemaChoice {
    fn normalizer(&self, strict: bool) -> Result<Normalizer, Failed> {
        let schema = match (self.log_type, &self.schema) {
            (Some(log_type), _) => schema::schema(log_type),
            (None, Some(file)) => from_file(file)?.0,
            (None, None) => return Err(Failed::usage("--log-type or --schema is needed")),
        };
        let mode = if strict { Mode::Strict } else { Mode::Default };
        Ok(Normalizer::with_schema(schema, mode))
    }
}

/// Converts the input to lines, and keeps lines and reasons until they are written.
struct LineConverter<'a> {
    normalizer: Normalizer,
    args: &'a Args,
    out: Vec<u8>,
    reasons: Vec<u8>,
    rejected: Option<RejectedFile>,
    drift: Drift,
}

/// The object about drift that is printed to standard error at the end.
#[derive(Debug, Serialize)]
struct DriftMessage<'a> {
    drift: &'a Drift,
}

/// The object that is printed for an event that could not be converted.
#[derive(Debug, Serialize)]
struct RejectedEvent<'a> {
    /// The number of the input line, from 1.
    line: u64,
    reason: &'a str,
    /// The event, with invalid UTF-8 replaced by U+FFFD; `None` where only the reason is printed, or if the line is too
    /// long.
    #[serde(skip_serializing_if = "Option::is_none")]
    raw: Option<&'a str>,
}

impl LineSink for LineConverter<'_> {
    fn take(&mut self, number: u64, line: Line<'_>) {
        let raw = match line {
            Line::Whole(raw) => raw,
            Line::TooLong => return self.reject(number, &format!("longer than {MAX_LINE_BYTES} bytes"), None),
        };
        if raw.trim_ascii().is_empty() {
            return;
        }
        let context = LineContext {
            source_id: self.args.source_id.as_ref().map_or("", SourceId::as_str),
            source_label: &self.args.source_label,
            parse_time: self.args.parse_time.unwrap_or_else(|| SystemClock.now()),
        };
        match self.normalizer.normalize_with_drift(raw, &context, &mut self.out, &mut self.drift.names) {
            Ok(line) => self.drift.count(&line),
            Err(rejection) => self.reject(number, &rejection.reason, Some(raw)),
        }
    }

    fn flush(&mut self) -> Result<bool, Failed> {
        output::write_stderr(&self.reasons);
        self.reasons.clear();
        self.rejected.as_mut().map_or(Ok(()), RejectedFile::flush)?;
        let is_read = output::write_stdout(&self.out)?;
        self.out.clear();
        Ok(is_read)
    }
}

impl LineConverter<'_> {
    fn report_drift(&self) {
        if !self.drift.is_none() {
            let mut text = Vec::new();
            append(&mut text, &DriftMessage { drift: &self.drift });
            output::write_stderr(&text);
        }
    }

    fn reject(&mut self, line: u64, reason: &str, raw: Option<&[u8]>) {
        append(&mut self.reasons, &RejectedEvent { line, reason, raw: None });
        if let Some(file) = &mut self.rejected {
            let raw = raw.map(String::from_utf8_lossy);
            append(&mut file.pending, &RejectedEvent { line, reason, raw: raw.as_deref() });
        }
    }
}

fn append(to: &mut Vec<u8>, value: &impl Serialize) {
    // Writing numbers and strings to memory cannot fail.
    let _ = serde_json::to_writer(&mut *to, value);
    to.push(b'\n');
}

/// The file that `--rejected` names, and the text that is not written to it yet.
struct RejectedFile {
    file: File,
    path: PathBuf,
    pending: Vec<u8>,
}

impl RejectedFile {
    fn create(path: &Path) -> Result<Self, Failed> {
        match File::create(path) {
            Ok(file) => Ok(Self { file, path: path.to_owned(), pending: Vec::new() }),
            Err(error) => Err(Failed::usage(format!("cannot write {}: {error}", path.display()))),
        }
    }

    fn flush(&mut self) -> Result<(), Failed> {
        let written = self.file.write_all(&self.pending);
        self.pending.clear();
        written.map_err(|error| Failed::person(format!("cannot write {}: {error}", self.path.display())))
    }
}
