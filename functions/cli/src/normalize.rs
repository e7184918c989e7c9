//! `audit-pull normalize`: raw events in, lines out.

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

/// The longest line that is read, in bytes: that of a pull. A longer one is rejected.
const LONGEST_LINE: usize = 64 << 20;

#[derive(Debug, clap::Args)]
#[command(after_help = REJECTED)]
pub(crate) struct Args {
    #[command(flatten)]
    schema: SchemaChoice,
    /// Behave as the reference does and add nothing of ours: undeclared fields are dropped, misfits rejected
    #[arg(long)]
    strict: bool,
    /// A folder of data models: that of the log type gives p_udm in place of the built-in one
    #[arg(long, value_name = "DIR", conflicts_with = "strict")]
    models: Option<PathBuf>,
    /// p_source_id of every line, 1 to 64 of the characters A-Z a-z 0-9 _ . -
    #[arg(long, value_name = "S", value_parser = source_id)]
    source_id: Option<SourceId>,
    /// p_source_label of every line
    #[arg(long, value_name = "L", default_value = "", hide_default_value = true)]
    source_label: String,
    /// p_parse_time of every line [default: now]
    #[arg(long, value_name = "RFC3339")]
    parse_time: Option<Timestamp>,
    /// Also write the rejected events with their reasons to this file; what was in it is lost
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
    let mut lines = Lines {
        normalizer: with_models(args.schema.normalizer(args.strict)?, args.models.as_deref())?,
        args,
        out: Vec::new(),
        reasons: Vec::new(),
        rejected: args.rejected.as_deref().map(RejectedFile::create).transpose()?,
        drift: Drift::default(),
    };
    if each_line(LONGEST_LINE, &mut lines)? {
        lines.tell_drift();
    }
    Ok(Exit::Well)
}

/// The normaliser with the model for its log type that stands in a folder. It keeps its own if there is none.
fn with_models(normalizer: Normalizer, folder: Option<&Path>) -> Result<Normalizer, Failed> {
    let model = match folder {
        Some(folder) => Models::needed(folder)?.line_model(normalizer.log_type()),
        None => None,
    };
    Ok(if model.is_some() { normalizer.with_model(model) } else { normalizer })
}

/// A source id, as a source's secret may have it.
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

/// Lines on their way, and what became of those that are none.
struct Lines<'a> {
    normalizer: Normalizer,
    args: &'a Args,
    out: Vec<u8>,
    reasons: Vec<u8>,
    rejected: Option<RejectedFile>,
    drift: Drift,
}

/// The object on standard error after the reasons.
#[derive(Debug, Serialize)]
struct Drifted<'a> {
    drift: &'a Drift,
}

/// An event that did not become a line.
#[derive(Debug, Serialize)]
struct Rejected<'a> {
    /// The number of its line in the input, from 1.
    line: u64,
    reason: &'a str,
    /// The event; bytes that are not UTF-8 stand as U+FFFD.
    #[serde(skip_serializing_if = "Option::is_none")]
    raw: Option<&'a str>,
}

impl LineSink for Lines<'_> {
    fn take(&mut self, number: u64, line: Line<'_>) {
        let raw = match line {
            Line::Whole(raw) => raw,
            Line::TooLong => return self.reject(number, &format!("longer than {LONGEST_LINE} bytes"), None),
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
        output::note(&self.reasons);
        self.reasons.clear();
        self.rejected.as_mut().map_or(Ok(()), RejectedFile::flush)?;
        let is_read = output::put(&self.out)?;
        self.out.clear();
        Ok(is_read)
    }
}

impl Lines<'_> {
    fn tell_drift(&self) {
        if !self.drift.is_none() {
            let mut text = Vec::new();
            append(&mut text, &Drifted { drift: &self.drift });
            output::note(&text);
        }
    }

    fn reject(&mut self, line: u64, reason: &str, raw: Option<&[u8]>) {
        append(&mut self.reasons, &Rejected { line, reason, raw: None });
        if let Some(file) = &mut self.rejected {
            let raw = raw.map(String::from_utf8_lossy);
            append(&mut file.pending, &Rejected { line, reason, raw: raw.as_deref() });
        }
    }
}

fn append(to: &mut Vec<u8>, value: &impl Serialize) {
    // Numbers and strings, into memory: there is nothing in it that could fail.
    let _ = serde_json::to_writer(&mut *to, value);
    to.push(b'\n');
}

/// The file of `--rejected`.
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
