//! Measures the peak memory of processing an input that is much larger than the memory limit. Each measurement runs in
//! its own process, whose peak the operating system reports.

use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use collector::BatchLimits;
use schema::{ArraySplitter, LogType};
use serde::{Deserialize, Serialize};

use crate::blob::{ARRAY, LINES, Pieces};
use crate::compressors::COLLECTOR_GZIP;
use crate::corpus::{Normalizers, raw_events};
use crate::failed::Failed;
use crate::measure::stopwatch;
use crate::table::{align_columns, row};
use crate::target::{MAX_PEAK_MIB, Target};

/// The log type with the longest lines: each line has its record twice.
const LOG_TYPE: LogType = LogType::General;
/// The maximum size of an event in a pull, in bytes.
const MAX_EVENT_BYTES: usize = 64 << 20;
/// The maximum time that `audit-pull normalize` may take to exit after its input has ended.
const MAX_EXIT_TIME: Duration = Duration::from_secs(60);

/// The bytes that a process has processed, and its peak memory.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Streamed {
    pub(crate) bytes: u64,
    /// The processing time in seconds; `None` if the process does not measure it.
    seconds: Option<f64>,
    pub(crate) lines: u64,
    pub(crate) objects: u64,
    pub(crate) object_bytes: u64,
    peak_kib: u64,
}

/// A process, and the check of its peak memory against the limit.
#[derive(Debug, Serialize)]
pub(crate) struct Memory {
    process: &'static str,
    #[serde(flatten)]
    streamed: Streamed,
    pub(crate) peak_mib: Target,
}

/// Measures the peak memory for `bytes` of input, once in the collector's code and once in `audit-pull normalize`.
pub(crate) fn measure(bytes: u64) -> Result<Vec<Memory>, Failed> {
    let all =
        [("blob → split → normalise → compress", measure_stream(bytes)?), ("audit-pull normalize", normalize(bytes)?)];
    let memory = |(process, streamed): (_, Streamed)| {
        let peak_mib = Target::new(streamed.peak_kib as f64 / 1_024.0, MAX_PEAK_MIB);
        Memory { process, streamed, peak_mib }
    };
    Ok(all.map(memory).into())
}

/// Runs this program again, as a process that only calls [`stream`].
fn measure_stream(bytes: u64) -> Result<Streamed, Failed> {
    let program = std::env::current_exe()?;
    let output = Command::new(program).args(["--stream-blob", &bytes.to_string()]).stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(format!("streaming a blob failed: {}", output.status).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Processes a generated blob as a pull does, and returns the peak memory of this process. The process must not have
/// done anything else before.
pub(crate) fn stream(bytes: u64) -> Result<Streamed, Failed> {
    let mut splitter = ArraySplitter::new(MAX_EVENT_BYTES);
    let mut batches = Batches { normalizers: Normalizers::new(), lines: Vec::new(), done: Streamed::default() };
    let (mut events, mut spent) = (Vec::new(), Duration::ZERO);
    for piece in Pieces::new(raw_events(LOG_TYPE), ARRAY, bytes) {
        let began = stopwatch();
        splitter.push(&piece, |event| events.push(event.to_vec()))?;
        for event in events.drain(..) {
            batches.take(&event)?;
        }
        batches.done.bytes += piece.len() as u64;
        spent += stopwatch().saturating_sub(began);
    }
    splitter.finish(|event| events.push(event.to_vec()))?;
    for event in events.drain(..) {
        batches.take(&event)?;
    }
    batches.deliver()?;
    let peak_kib = peak_kib(&std::fs::read_to_string("/proc/self/status")?).ok_or("no VmHWM in /proc/self/status")?;
    Ok(Streamed { seconds: Some(spent.as_secs_f64()), peak_kib, ..batches.done })
}

/// The current batch, and the totals of the batches before it.
struct Batches {
    normalizers: Normalizers,
    lines: Vec<u8>,
    done: Streamed,
}

impl Batches {
    fn take(&mut self, event: &[u8]) -> Result<(), Failed> {
        self.normalizers.append(LOG_TYPE, event, &mut self.lines)?;
        self.done.lines += 1;
        if self.lines.len() >= BatchLimits::default().bytes { self.deliver() } else { Ok(()) }
    }

    fn deliver(&mut self) -> Result<(), Failed> {
        let lines = std::mem::take(&mut self.lines);
        let object = std::hint::black_box(COLLECTOR_GZIP.compress(&lines)?);
        self.done.objects += 1;
        self.done.object_bytes += object.len() as u64;
        Ok(())
    }
}

/// Runs `audit-pull normalize` on `bytes` of events, one per line.
fn normalize(bytes: u64) -> Result<Streamed, Failed> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_audit-pull"))
        .args(["normalize", "--log-type", LOG_TYPE.name()])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let fed = feed(&mut child, bytes);
    if fed.is_err() {
        child.kill()?;
    }
    let status = child.wait()?;
    match fed {
        Ok(_) if !status.success() => Err(format!("audit-pull normalize failed: {status}").into()),
        fed => fed,
    }
}

/// Writes the input to the process and observes its peak memory until it exits.
fn feed(child: &mut Child, bytes: u64) -> Result<Streamed, Failed> {
    let status = format!("/proc/{}/status", child.id());
    let mut streamed = Streamed::default();
    let update_peak = |streamed: &mut Streamed| {
        let peak = std::fs::read_to_string(&status).ok().and_then(|status| peak_kib(&status));
        streamed.peak_kib = streamed.peak_kib.max(peak.unwrap_or(0));
    };
    let mut stdin = child.stdin.take().ok_or("no standard input")?;
    for piece in Pieces::new(raw_events(LOG_TYPE), LINES, bytes) {
        stdin.write_all(&piece)?;
        streamed.bytes += piece.len() as u64;
        update_peak(&mut streamed);
    }
    drop(stdin);
    let ended = stopwatch() + MAX_EXIT_TIME;
    while child.try_wait()?.is_none() {
        if stopwatch() > ended {
            return Err("audit-pull normalize does not end".into());
        }
        update_peak(&mut streamed);
        std::thread::yield_now();
    }
    Ok(streamed)
}

/// Returns the peak memory of a process in KiB from the text of its `/proc/…/status`; `None` for a process that has
/// exited.
pub(crate) fn peak_kib(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

/// Returns the peak memories as a table.
pub(crate) fn to_table(all: &[Memory]) -> String {
    let mut rows = vec![row(["memory", "MB in", "objects", "MB/s", "peak MiB", "target"])];
    for Memory { process, streamed, peak_mib } in all {
        let mb = streamed.bytes as f64 / 1e6;
        let objects = if streamed.objects > 0 { streamed.objects.to_string() } else { String::new() };
        let speed = streamed.seconds.map(|seconds| format!("{:.0}", mb / seconds)).unwrap_or_default();
        let peak = format!("{:.1}", peak_mib.value);
        rows.push(row([process, &format!("{mb:.0}"), &objects, &speed, &peak, &peak_mib.to_cell()]));
    }
    align_columns(&rows)
}
