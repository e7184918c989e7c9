//! Compares compressors on batches of the size that the collector writes.

use std::collections::HashMap;
use std::hint::black_box;
use std::time::Duration;

use schema::LogType;
use serde::Serialize;

use crate::compressors::{ALL, COLLECTOR_GZIP, COLLECTOR_ZSTD, Compressor};
use crate::corpus::{Corpus, Normalizers};
use crate::cost::{Cheaper, Cost};
use crate::failed::Failed;
use crate::measure::{Contestant, fastest, stopwatch};
use crate::table::{align_columns, row};

const MB: f64 = 1e6;

/// The lines of one batch.
struct Batch {
    log_type: LogType,
    lines: Vec<u8>,
}

/// The speed and the compression ratio of a compressor.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Outcome {
    /// Lines compressed per second, in MB before compression.
    pub(crate) line_mb_per_second: f64,
    /// The size of the lines divided by the size of the object.
    pub(crate) ratio: f64,
}

/// The results of one compressor.
#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    compressor: Compressor,
    microsoft365: Outcome,
    openai: Outcome,
    /// The cost in dollars per TB of Microsoft 365's lines.
    cost: Cost,
    /// The retention times at which this compressor is cheaper than the collector's gzip.
    pub(crate) cheaper: Cheaper,
}

/// Measures all compressors. `mixed` determines the share of each content type in Microsoft 365's lines.
pub(crate) fn measure(mixed: &Corpus, rounds: usize) -> Result<Vec<Figures>, Failed> {
    let mut normalizers = Normalizers::new();
    let cut = |log_type| Ok(Batch { log_type, lines: normalizers.batch(log_type)? });
    let batches = LogType::ALL.into_iter().map(cut).collect::<Result<Vec<_>, Failed>>()?;
    let mut object_bytes = Vec::new();
    for compressor in ALL {
        let sizes = batches.iter().map(|batch| compressor.compress(&batch.lines).map(|object| object.len()));
        object_bytes.push(sizes.collect::<Result<Vec<_>, _>>()?);
    }
    let shortest = fastest(rounds, batches.len(), || contestants(&batches), |_| (), stopwatch);
    let shares = shares(mixed)?;
    let outcomes = object_bytes.iter().zip(&shortest).map(|(sizes, times)| {
        let results = batches
            .iter()
            .zip(sizes.iter().zip(times))
            .map(|(batch, (size, time))| CompressionResult::of(batch, *size, *time));
        let results: Vec<_> = results.collect();
        let share = |result: &CompressionResult| shares.get(&result.log_type).copied().unwrap_or(0.0);
        (
            combine(&results, share),
            combine(&results, |result| f64::from(u8::from(result.log_type == LogType::OpenAiAudit))),
        )
    });
    Ok(figures(&outcomes.collect::<Vec<_>>()))
}

fn contestants(batches: &[Batch]) -> [Contestant<'_>; ALL.len()] {
    ALL.map(|compressor| -> Contestant<'_> {
        Box::new(move |batch| drop(black_box(compressor.compress(black_box(&batches[batch].lines)))))
    })
}

/// Returns the share of each log type in the bytes of all lines.
fn shares(mixed: &Corpus) -> Result<HashMap<LogType, f64>, Failed> {
    let mut normalizers = Normalizers::new();
    let mut shares = HashMap::new();
    for event in &mixed.events {
        *shares.entry(event.log_type).or_default() += normalizers.lines(std::slice::from_ref(event))?.len() as f64;
    }
    let all: f64 = shares.values().sum();
    shares.values_mut().for_each(|share| *share /= all);
    Ok(shares)
}

/// The result of compressing one batch: the time and the compressed size, each per byte of the batch's lines.
pub(crate) struct CompressionResult {
    pub(crate) log_type: LogType,
    pub(crate) seconds: f64,
    pub(crate) bytes: f64,
}

impl CompressionResult {
    fn of(batch: &Batch, object_bytes: usize, time: Duration) -> Self {
        let lines = batch.lines.len() as f64;
        Self { log_type: batch.log_type, seconds: time.as_secs_f64() / lines, bytes: object_bytes as f64 / lines }
    }
}

/// Combines the results of several batches into one. `share` is the share of a batch in all lines.
pub(crate) fn combine(results: &[CompressionResult], share: impl Fn(&CompressionResult) -> f64) -> Outcome {
    let seconds: f64 = results.iter().map(|result| share(result) * result.seconds).sum();
    let bytes: f64 = results.iter().map(|result| share(result) * result.bytes).sum();
    Outcome { line_mb_per_second: 1.0 / seconds / MB, ratio: 1.0 / bytes }
}

/// Returns the results of all compressors. `outcomes` has one pair per compressor, in the order of [`ALL`]: the outcome
/// for Microsoft 365 and that for OpenAI.
pub(crate) fn figures(outcomes: &[(Outcome, Outcome)]) -> Vec<Figures> {
    let cost = |outcome: &Outcome| Cost::of(outcome.line_mb_per_second * MB, outcome.ratio);
    let all_outcomes = || ALL.into_iter().zip(outcomes);
    let collectors =
        all_outcomes().find(|(compressor, _)| *compressor == COLLECTOR_GZIP).map(|(_, (one, _))| cost(one));
    let figures = all_outcomes().map(|(compressor, (microsoft365, openai))| {
        let cost = cost(microsoft365);
        let cheaper = cost.cheaper_than(collectors.unwrap_or(cost));
        Figures { compressor, microsoft365: *microsoft365, openai: *openai, cost, cheaper }
    });
    figures.collect()
}

/// Returns the results as a table, followed by the sentences of [`cost_sentences`].
pub(crate) fn to_table(all: &[Figures]) -> String {
    let mut rows = vec![
        row(["", "M365", "", "OpenAI", "", "$/TB", "$/TB", "$/TB", "cheaper than"]),
        row(["compressors", "MB/s", "ratio", "MB/s", "ratio", "compress", "a year", "both", "the collector's"]),
    ];
    for Figures { compressor, microsoft365, openai, cost, cheaper } in all {
        let mut cells = vec![compressor.to_string()];
        for outcome in [microsoft365, openai] {
            cells.extend([format!("{:.0}", outcome.line_mb_per_second), format!("{:.2}", outcome.ratio)]);
        }
        cells.extend([cost.compress, cost.year, cost.first_year()].map(|dollars| format!("{dollars:.2}")));
        let is_collectors = [COLLECTOR_GZIP, COLLECTOR_ZSTD].contains(compressor);
        cells.push(cheaper_text(*compressor, *cheaper));
        if is_collectors {
            cells[0].push_str(" *");
        }
        rows.push(cells);
    }
    align_columns(&rows) + &cost_sentences(all).unwrap_or_default()
}

fn cheaper_text(compressor: Compressor, cheaper: Cheaper) -> String {
    match cheaper {
        _ if compressor == COLLECTOR_GZIP => String::new(),
        Cheaper::Always => "always".to_owned(),
        Cheaper::Never => "never".to_owned(),
        Cheaper::FromDays(days) => format!("if kept > {days:.1} d"),
        Cheaper::UntilDays(days) => format!("if kept < {days:.1} d"),
    }
}

/// Returns sentences that compare the costs of the first year; `None` if the collector's gzip was not measured.
pub(crate) fn cost_sentences(all: &[Figures]) -> Option<String> {
    let by_first_year =
        |figures: &&Figures, other: &&Figures| figures.cost.first_year().total_cmp(&other.cost.first_year());
    let collectors = all.iter().find(|figures| figures.compressor == COLLECTOR_GZIP)?;
    let gzip = all.iter().filter(|figures| figures.compressor.is_gzip()).min_by(by_first_year)?;
    let any = all.iter().min_by(by_first_year)?;
    let saving_percent = |figures: &Figures| 100.0 * (1.0 - figures.cost.first_year() / collectors.cost.first_year());
    Some(format!(
        "MB of lines, in batches as the collector cuts them. $/TB: for a TB of Microsoft 365's lines, once for compressing \
         (Lambda, x86)\nand each year for keeping (S3 Standard).\n* The collector's, by default gzip. Of its first year's cost {:.1} % is storage.\nCheapest gzip: {}, {:.1} % less; \
         cheapest of all: {}, {:.1} % less.\n",
        100.0 * collectors.cost.year / collectors.cost.first_year(),
        gzip.compressor,
        saving_percent(gzip),
        any.compressor,
        saving_percent(any),
    ))
}
