//! Measures how fast events are normalised to lines, and lines compressed to an object.

use std::hint::black_box;
use std::time::Duration;

use serde::Serialize;

use crate::baselines::{append_copy, append_value};
use crate::compressors::COLLECTOR_GZIP;
use crate::corpus::{Corpus, Event, Normalizers};
use crate::failed::Failed;
use crate::measure::{Contestant, fastest, stopwatch};
use crate::table::{align_columns, row};
use crate::target::{MAX_TIME_RATIO_TO_NO_MODEL, MIN_SPEED_RATIO_TO_PARTS, MIN_SPEED_RATIO_TO_VALUE, Target};

const MB: f64 = 1e6;

/// A speed, in bytes and in events.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Speed {
    /// Raw events in MB per second. All speeds refer to raw events, also that of the compressor, so that they can be
    /// compared.
    pub(crate) input_mb_per_second: f64,
    pub(crate) events_per_second: f64,
}

/// The speeds for one corpus.
#[derive(Debug, Serialize)]
pub(crate) struct Speeds {
    corpus: &'static str,
    events: usize,
    pub(crate) bytes_per_event: f64,
    /// The size of the lines divided by the size of the raw events.
    pub(crate) lines_over_input: f64,
    normalise: Speed,
    normalise_without_model: Speed,
    normalise_and_compress: Speed,
    /// The speed of the compressor alone. It compresses lines, but the speed is in MB of the raw events they came from.
    compress: Speed,
    pub(crate) value: Speed,
    memcpy: Speed,
    /// The normaliser's speed divided by that of the baseline with `serde_json::Value`.
    pub(crate) over_value: Target,
    /// The speed of normalising and compressing together, divided by the speed that is computed from the
    /// two separate speeds.
    pub(crate) over_parts: Target,
    /// The time to normalise, divided by the time without data models. It has a target only for all corpora together.
    pub(crate) over_no_model: f64,
}

/// Measures all speeds for one corpus.
pub(crate) fn measure(corpus: &Corpus, chunk: usize, rounds: usize) -> Result<Speeds, Failed> {
    let chunks: Vec<_> = corpus.events.chunks(chunk).collect();
    let lines = chunks.iter().map(|chunk| Normalizers::new().lines(chunk)).collect::<Result<Vec<_>, _>>()?;
    check(corpus, &lines)?;
    let compress = |chunk: usize| compress(&lines[chunk]);
    let shortest = fastest(rounds, chunks.len(), || contestants(&chunks, &lines), compress, stopwatch);
    let line_bytes = lines.iter().map(Vec::len).sum();
    Ok(Speeds::new(corpus, line_bytes, shortest.map(|times| times.iter().sum::<Duration>().as_secs_f64())))
}

/// Runs the functions whose errors are ignored while they are measured, and returns their errors.
fn check(corpus: &Corpus, lines: &[Vec<u8>]) -> Result<(), Failed> {
    corpus.events.iter().try_for_each(|event| append_value(event, &mut Vec::new()))?;
    lines.iter().try_for_each(|lines| COLLECTOR_GZIP.compress(lines).map(|_| ()))?;
    Ok(())
}

/// Returns the functions to measure, in the order in which [`Speeds::new`] expects their times.
fn contestants<'a>(chunks: &'a [&'a [Event]], lines: &'a [Vec<u8>]) -> [Contestant<'a>; 6] {
    let (mut alone, mut combined) = (Normalizers::new(), Normalizers::new());
    let mut without = Normalizers::without_models();
    [
        each(chunks, move |events, out| append_lines(&mut alone, events, out)),
        each(chunks, move |events, out| append_lines(&mut without, events, out)),
        each(chunks, move |events, out| {
            append_lines(&mut combined, events, out);
            compress(out);
        }),
        Box::new(move |chunk| compress(&lines[chunk])),
        each(chunks, |events, out| events.iter().for_each(|event| drop(black_box(append_value(event, out))))),
        each(chunks, |events, out| events.iter().for_each(|event| append_copy(event, out))),
    ]
}

/// Returns a contestant that calls `make` with the events of a chunk and an empty buffer. All its calls share the
/// buffer's memory.
fn each<'a>(chunks: &'a [&'a [Event]], mut make: impl FnMut(&[Event], &mut Vec<u8>) + 'a) -> Contestant<'a> {
    let mut out = Vec::new();
    Box::new(move |chunk| {
        out.clear();
        make(chunks[chunk], &mut out);
        black_box(&out);
    })
}

fn compress(lines: &[u8]) {
    drop(black_box(COLLECTOR_GZIP.compress(black_box(lines))));
}

fn append_lines(normalizers: &mut Normalizers, events: &[Event], lines: &mut Vec<u8>) {
    for event in events {
        let _ = black_box(normalizers.append(event.log_type, event.raw.as_bytes(), lines));
    }
}

impl Speeds {
    pub(crate) fn new(corpus: &Corpus, line_bytes: usize, seconds: [f64; 6]) -> Self {
        let (events, bytes) = (corpus.events.len(), corpus.bytes() as f64);
        let speed = |seconds: f64| Speed {
            input_mb_per_second: bytes / MB / seconds,
            events_per_second: events as f64 / seconds,
        };
        let [normalise, without, both, compress, value, memcpy] = seconds;
        Self {
            corpus: corpus.name,
            events,
            bytes_per_event: bytes / events as f64,
            lines_over_input: line_bytes as f64 / bytes,
            normalise: speed(normalise),
            normalise_without_model: speed(without),
            normalise_and_compress: speed(both),
            compress: speed(compress),
            value: speed(value),
            memcpy: speed(memcpy),
            over_value: Target::new(value / normalise, MIN_SPEED_RATIO_TO_VALUE),
            // The expected time for both steps is the sum of their separate times.
            over_parts: Target::new((normalise + compress) / both, MIN_SPEED_RATIO_TO_PARTS),
            over_no_model: normalise / without,
        }
    }

    pub(crate) fn all(&self) -> [Speed; 6] {
        [
            self.normalise,
            self.normalise_without_model,
            self.normalise_and_compress,
            self.compress,
            self.value,
            self.memcpy,
        ]
    }
}

/// Returns the time to normalise all these corpora with the built-in data models, divided by the time without.
pub(crate) fn over_no_model(all: &[Speeds]) -> Target {
    let seconds = |of: fn(&Speeds) -> Speed| -> f64 {
        all.iter().map(|speeds| speeds.events as f64 / of(speeds).events_per_second).sum()
    };
    let with = seconds(|speeds| speeds.normalise);
    Target::new(with / seconds(|speeds| speeds.normalise_without_model), MAX_TIME_RATIO_TO_NO_MODEL)
}

/// Returns the speeds as a table.
pub(crate) fn to_table(all: &[Speeds]) -> String {
    let head =
        ["B/event", "lines/input", "normalise N", "without model", "N + compress", "compress C", "Value", "memcpy"];
    let mut rows = vec![[&["MB of raw events a second"][..], &head].concat().into_iter().map(str::to_owned).collect()];
    for speeds in all {
        let about = [format!("{:.0}", speeds.bytes_per_event), format!("{:.2}", speeds.lines_over_input)];
        let figures = speeds.all().map(|speed| format!("{:.0}", speed.input_mb_per_second));
        rows.push([vec![speeds.corpus.to_owned()], about.into(), figures.into()].concat());
    }
    rows.push(row(["thousand events a second"]));
    for speeds in all {
        let figures = speeds.all().map(|speed| format!("{:.0}", speed.events_per_second / 1e3));
        rows.push([vec![speeds.corpus.to_owned(), String::new(), String::new()], figures.into()].concat());
    }
    align_columns(&rows)
}

/// Returns the ratios and their targets as a table.
pub(crate) fn ratios_table(all: &[Speeds]) -> String {
    let mut rows =
        vec![row(["ratios", "N / Value", "target", "(N + compress) / (N·C/(N+C))", "target", "time / without model"])];
    for Speeds { corpus, over_value, over_parts, over_no_model, .. } in all {
        let ratio = |target: &Target| format!("{:.2}", target.value);
        let figures = [over_value, over_parts].map(|target| [ratio(target), target.to_cell()]).concat();
        rows.push([vec![(*corpus).to_owned()], figures, vec![format!("{over_no_model:.2}")]].concat());
    }
    align_columns(&rows)
}
