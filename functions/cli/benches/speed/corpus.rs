//! The events that the benchmark uses, which the simulators generate.

use adapters::clock::SystemClock;
use collector::{BatchLimits, Clock};
use jiff::Timestamp;
use schema::{DriftNames, LineContext, LogType, Normalizer, Rejection};
use simulators::microsoft365::{self, ContentType};
use simulators::openai;

use crate::failed::Failed;

/// The seed from which the events are generated.
const SEED: u64 = 2_026;
/// The time at which the generated events end; the simulators spread them over the days before.
pub(crate) const GENERATED_AT: Timestamp = Timestamp::constant(1_795_338_000, 0);
/// The id and the label of the source in all lines.
pub(crate) const SOURCE: (&str, &str) = ("acme", "Acme");
/// An upper bound on the number of events in a batch. A batch of generated events is full long before.
const MAX_BATCH_EVENTS: usize = 100_000;

/// One raw event.
pub(crate) struct Event {
    pub(crate) log_type: LogType,
    pub(crate) raw: String,
}

/// Different events that are measured together.
pub(crate) struct Corpus {
    pub(crate) name: &'static str,
    pub(crate) events: Vec<Event>,
}

impl Corpus {
    /// Returns the corpora with `count` events each: Microsoft 365 as a mixture of all content types, each content type
    /// alone, and OpenAI.
    pub(crate) fn all(count: usize) -> Vec<Self> {
        let mixed =
            microsoft365::generated_mixed(SEED, GENERATED_AT).map(|(content_type, raw)| (log_type(content_type), raw));
        let mut all = vec![Self::of("Microsoft 365", mixed.take(count))];
        for content_type in ContentType::ALL {
            let events = raw_events(log_type(content_type)).map(|raw| (log_type(content_type), raw));
            all.push(Self::of(content_type.name(), events.take(count)));
        }
        let events = raw_events(LogType::OpenAiAudit).map(|raw| (LogType::OpenAiAudit, raw));
        all.push(Self::of("OpenAI", events.take(count)));
        all
    }

    fn of(name: &'static str, events: impl Iterator<Item = (LogType, String)>) -> Self {
        Self { name, events: events.map(|(log_type, raw)| Event { log_type, raw }).collect() }
    }

    /// Returns the size of all raw events in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.events.iter().map(|event| event.raw.len()).sum()
    }
}

/// Returns an endless sequence of generated events of a log type.
pub(crate) fn raw_events(log_type: LogType) -> Box<dyn Iterator<Item = String>> {
    match content_type(log_type) {
        Some(content_type) => Box::new(microsoft365::generated(content_type, SEED, GENERATED_AT)),
        None => Box::new(openai::generated(SEED, GENERATED_AT)),
    }
}

fn content_type(log_type: LogType) -> Option<ContentType> {
    ContentType::ALL.into_iter().find(|content_type| content_type.log_type() == log_type.name())
}

fn log_type(content_type: ContentType) -> LogType {
    LogType::from_name(content_type.log_type()).unwrap_or(LogType::General)
}

/// A normaliser per log type, used as a pull uses it.
pub(crate) struct Normalizers {
    of_type: Vec<Normalizer>,
    names: DriftNames,
}

impl Normalizers {
    pub(crate) fn new() -> Self {
        Self { of_type: LogType::ALL.map(Normalizer::new).into(), names: DriftNames::default() }
    }

    /// Returns normalisers without data models, so their lines have no `p_udm`.
    pub(crate) fn without_models() -> Self {
        let of_type = LogType::ALL.map(|log_type| Normalizer::new(log_type).with_model(None)).into();
        Self { of_type, names: DriftNames::default() }
    }

    /// Appends the line of an event. As in a pull, it reads the clock once per event and records the names of
    /// undeclared fields and types.
    pub(crate) fn append(&mut self, log_type: LogType, raw: &[u8], lines: &mut Vec<u8>) -> Result<(), Rejection> {
        let context = LineContext { source_id: SOURCE.0, source_label: SOURCE.1, parse_time: SystemClock.now() };
        let normalizer = &self.of_type[log_type as usize];
        let line = normalizer.normalize_with_drift(raw, &context, lines, &mut self.names)?;
        std::hint::black_box(line);
        self.names.keep();
        Ok(())
    }

    /// Returns the lines of all events in one buffer.
    pub(crate) fn lines(&mut self, events: &[Event]) -> Result<Vec<u8>, Failed> {
        let mut lines = Vec::new();
        for event in events {
            self.append(event.log_type, event.raw.as_bytes(), &mut lines)?;
        }
        Ok(lines)
    }

    /// Returns lines of one log type that fill a batch of the collector's size.
    pub(crate) fn batch(&mut self, log_type: LogType) -> Result<Vec<u8>, Failed> {
        let limits = BatchLimits::default();
        let mut lines = Vec::new();
        for (count, raw) in raw_events(log_type).take(MAX_BATCH_EVENTS).enumerate() {
            if lines.len() >= limits.bytes || count >= limits.lines {
                break;
            }
            self.append(log_type, raw.as_bytes(), &mut lines)?;
        }
        Ok(lines)
    }
}
