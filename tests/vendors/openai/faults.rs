//! What the vendor is known to do to its clients, and what must come of it.

use std::time::Duration;

use simulators::{Fault, Scripted};

use super::world::World;

const LIST: &str = "audit_logs";

/// A fault at the `number`th request that goes on from a cursor.
fn on_page(number: u64, fault: Fault) -> Scripted {
    Scripted::new(LIST, number - 1, fault).having("after")
}

#[tokio::test]
async fn f01_throttled_on_page_3_waits_as_told_and_loses_no_page() {
    let world = World::of_minutes(450);
    world.simulator.change(|it| it.script = vec![on_page(3, Fault::Throttled { retry_after: Some(7) })]);
    let before = world.time.now();
    let report = world.tick().await.unwrap();
    assert!(report.drained && report.failure.is_none(), "{report:?}");
    assert!(world.time.now().duration_since(before) >= Duration::from_secs(7).try_into().unwrap());
    assert_eq!(report.delivered, 450);
    world.assert_exact();
}
