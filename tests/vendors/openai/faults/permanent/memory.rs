//! Many large tenants in one process.

use collector::MemoryBudget;
use futures_util::future::join_all;

use super::*;

/// The number of tenants of the process.
const TENANTS: usize = 8;
/// The number of events per tenant, one every six seconds.
const EVENTS: i64 = 6_000;
/// The memory limit of all tenants together: far less than their batches and ledgers would take.
const LIMIT_BYTES: usize = 8 << 20;
/// The allowed excess: the pages of events that each tenant holds when it notices that the limit is exceeded.
const MAX_EXCESS_BYTES: usize = TENANTS * (512 << 10);
/// The maximum number of ticks until all tenants have caught up.
const MAX_TICKS: usize = 40;

#[tokio::test]
async fn eight_big_tenants_that_catch_up_share_one_memory_bound() {
    let events = || (0..EVENTS).map(|number| event(&format!("e-{number:05}"), -1 - number * 6)).collect();
    let worlds: Vec<World> = (0..TENANTS).map(|_| World::with_events(events())).collect();
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
    assert!(used <= LIMIT_BYTES + MAX_EXCESS_BYTES, "{used} bytes");
    // The tenants together used more than half of the limit, so the limit was effective.
    assert!(used > LIMIT_BYTES / 2, "{used} bytes");
}
