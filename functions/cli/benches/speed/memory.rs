//! The memory that much more input than that takes: each measurement in a process of its own, whose peak the
//! operating system tells.

use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use collector::BatchLimits;
use schema::{ArraySplitter, LogType};
use serde::{Deserialize, Serialize};

use crate::blob::{ARRAY, LINES, Pieces};
use crate::compressors::COLLECTORS_GZIP;
use crate::corpus::{Normalizers, raw_events};
use crate::failed::Failed;
use crate::measure::stopwatch;
use crate::table::{aligned, row};
use crate::target::{PEAK_MIB, Target};

/// Its lines are the longest: each has its record twice.
const LOG_TYPE: LogType = LogType::General;
/// The longest event of a pull, in bytes.
const LONGEST_EVENT: usize = 64 << 20;
/// The command line has ended by then, once its input has.
const LONGEST_END: Duration = Duration::from_secs(60);

/// The bytes that went through a process, and its peak memory.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Streamed {
    pub(crate) bytes: u64,
    /// Seconds in which the process did its work, where it knows.
    seconds: Option<f64>,
    pub(crate) lines: u64,
    pub(crate) objects: u64,
    pub(crate) object_bytes: u64,
    peak_kib: u64,
}

/// A process and whether it held its bound.
#[derive(Debug, Serialize)]
pub(crate) struct Memory {
    process: &'static str,
    #[serde(flatten)]
    streamed: Streamed,
    pub(crate) peak_mib: Target,
}

/// A blob of so many bytes through the collector's path, and as many through the command line.
pub(crate) fn measure(bytes: u64) -> Result<Vec<Memory>, Failed> {
    let all = [("blob → split → normalise → compress", again(bytes)?), ("audit-pull normalize", normalize(bytes)?)];
    let memory = |(process, streamed): (_, Streamed)| {
        let peak_mib = Target::new(streamed.peak_kib as f64 / 1_024.0, PEAK_MIB);
        Memory { process, streamed, peak_mib }
    };
    Ok(all.map(memory).into())
}

/// This program again, with nothing to do but [`stream`].
fn again(bytes: u64) -> Result<Streamed, Failed> {
    let program = std::env::current_exe()?;
    let output = Command::new(program).args(["--stream-blob", &bytes.to_string()]).stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(format!("streaming a blob failed: {}", output.status).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Puts a blob through as a pull does; to be called in a process that has done nothing else.
pub(crate) fn stream(bytes: u64) -> Result<Streamed, Failed> {
    let mut splitter = ArraySplitter::new(LONGEST_EVENT);
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

/// The batch in hand, and what became of those before it.
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
        let object = std::hint::black_box(COLLECTORS_GZIP.compress(&lines)?);
        self.done.objects += 1;
        self.done.object_bytes += object.len() as u64;
        Ok(())
    }
}

/// The same bytes as lines through `audit-pull normalize`.
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

/// Feeds it and watches how much it holds, until it ends.
fn feed(child: &mut Child, bytes: u64) -> Result<Streamed, Failed> {
    let status = format!("/proc/{}/status", child.id());
    let mut streamed = Streamed::default();
    let look = |streamed: &mut Streamed| {
        let peak = std::fs::read_to_string(&status).ok().and_then(|status| peak_kib(&status));
        streamed.peak_kib = streamed.peak_kib.max(peak.unwrap_or(0));
    };
    let mut stdin = child.stdin.take().ok_or("no standard input")?;
    for piece in Pieces::new(raw_events(LOG_TYPE), LINES, bytes) {
        stdin.write_all(&piece)?;
        streamed.bytes += piece.len() as u64;
        look(&mut streamed);
    }
    drop(stdin);
    let ended = stopwatch() + LONGEST_END;
    while child.try_wait()?.is_none() {
        if stopwatch() > ended {
            return Err("audit-pull normalize does not end".into());
        }
        look(&mut streamed);
        std::thread::yield_now();
    }
    Ok(streamed)
}

/// The most that a process ever held, in KiB, from its `/proc/…/status`; one that has ended holds nothing.
pub(crate) fn peak_kib(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

/// The peaks as a table.
pub(crate) fn told(all: &[Memory]) -> String {
    let mut rows = vec![row(["memory", "MB in", "objects", "MB/s", "peak MiB", "target"])];
    for Memory { process, streamed, peak_mib } in all {
        let mb = streamed.bytes as f64 / 1e6;
        let objects = if streamed.objects > 0 { streamed.objects.to_string() } else { String::new() };
        let speed = streamed.seconds.map(|seconds| format!("{:.0}", mb / seconds)).unwrap_or_default();
        let peak = format!("{:.1}", peak_mib.value);
        rows.push(row([process, &format!("{mb:.0}"), &objects, &speed, &peak, &peak_mib.told()]));
    }
    aligned(&rows)
}
