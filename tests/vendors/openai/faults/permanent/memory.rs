//! Many big tenants in one process.

use collector::MemoryBudget;
use futures_util::future::join_all;

use super::*;

/// Tenants of one process.
const TENANTS: usize = 8;
/// Events of each, one per six seconds.
const EVENTS: i64 = 6_000;
/// What all of them may use: far less than their batches and ledgers would take together.
const LIMIT_BYTES: usize = 8 << 20;
/// Beside the limit: what each tenant has in hand when it notices that the limit is exceeded, some pages of events.
const IN_HAND_BYTES: usize = TENANTS * (512 << 10);
/// Ticks within which all of them have caught up.
const MAX_TICKS: usize = 40;

#[tokio::test]
async fn eight_big_tenants_that_catch_up_share_one_memory_bound() {
    let events = || (0..EVENTS).map(|number| event(&format!("e-{number:05}"), -1 - number * 6)).collect();
    let worlds: Vec<World> = (0..TENANTS).map(|_| World::of(events())).collect();
    let budget = MemoryBudget::new(LIMIT_BYTES);
    let workers = join_all(worlds.iter().map(async |world| world.worker().await.with_memory_budget(&budget))).await;
    for ticks in 1.. {
        let reports = join_all(workers.iter().map(tick)).await;
        if reports.iter().all(|report| report.drained) {
            break;
        }
        assert!(ticks < MAX_TICKS, "not caught up after {ticks} ticks");
        worlds.iter().for_each(|world| world.minutes(1));
    }
    worlds.iter().for_each(|world| drop(world.assert_exact()));
    let used = budget.max_used_bytes();
    assert!(used <= LIMIT_BYTES + IN_HAND_BYTES, "{used} bytes");
    // All of it was needed: the bound was a bound.
    assert!(used > LIMIT_BYTES / 2, "{used} bytes");
}
