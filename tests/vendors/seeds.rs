//! Runs of many seeds on all cores.

use std::future::Future;
use std::ops::Range;
use std::pin::Pin;

use collector::StreamReport;
use tests::rig::killable::Died;

/// The totals of one storm or of many.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Totals {
    pub(crate) ticks: u64,
    pub(crate) deaths: u64,
    /// Failed streams in ticks that did not die.
    pub(crate) failures: u64,
    pub(crate) needed_person: u64,
    pub(crate) adopted: u64,
    pub(crate) duplicates: u64,
    pub(crate) requests: u64,
    pub(crate) lines: u64,
}

impl Totals {
    /// Adds a tick.
    pub(crate) fn add(&mut self, ended: &Result<Vec<StreamReport>, Died>) {
        self.ticks += 1;
        let Ok(reports) = ended else {
            self.deaths += 1;
            return;
        };
        for report in reports {
            self.failures += u64::from(report.failure.is_some());
            self.needed_person += u64::from(report.failure.as_ref().is_some_and(|failure| failure.needs_person));
            self.adopted += report.lines.adopted;
            self.duplicates += report.listed.duplicates;
        }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            ticks: self.ticks + other.ticks,
            deaths: self.deaths + other.deaths,
            failures: self.failures + other.failures,
            needed_person: self.needed_person + other.needed_person,
            adopted: self.adopted + other.adopted,
            duplicates: self.duplicates + other.duplicates,
            requests: self.requests + other.requests,
            lines: self.lines + other.lines,
        }
    }
}

/// Runs the seeds on all cores, each core with a runtime of its own, and adds up their totals. When a seed panics its
/// number is printed.
pub(crate) fn on_all_cores(
    seeds: &Range<u64>,
    run: impl Fn(u64) -> Pin<Box<dyn Future<Output = Totals>>> + Sync,
) -> Totals {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let own = |core: usize| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        seeds.clone().skip(core).step_by(cores).fold(Totals::default(), |totals, seed| {
            let _seed = SeedOnPanic(seed);
            totals.plus(runtime.block_on(run(seed)))
        })
    };
    std::thread::scope(|scope| {
        let own = &own;
        let parts: Vec<_> = (0..cores).map(|core| scope.spawn(move || own(core))).collect();
        let joined = parts.into_iter().map(|part| part.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        joined.fold(Totals::default(), Totals::plus)
    })
}

/// Prints the seed if its run panics.
struct SeedOnPanic(u64);

impl Drop for SeedOnPanic {
    #[expect(clippy::print_stderr, reason = "the seed belongs beside the panic's message")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("it was seed {}", self.0);
        }
    }
}
