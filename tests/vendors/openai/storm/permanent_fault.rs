//! The permanent fault of a seed.

use std::collections::HashSet;

use jiff::Timestamp;
use openai::{ORGANIZATION, TENANT};
use serde_json::Value;
use simulators::openai::{Behaviours, BrokenSpan};
use simulators::{Gateway, ServedEvent};
use tests::rig::reconciliation::reconcile;
use tests::world::rng::SeededRng;

use super::super::world::{World, stream};
use super::length::STORM_SECONDS;
use crate::storm::{DAY, RefusedSpan, gateway, refused_span};

/// The permanent fault of a seed.
#[derive(Debug, Clone, Default)]
pub(super) struct PermanentFault {
    broken_spans: Vec<BrokenSpan>,
    gateway: Vec<Gateway>,
}

impl PermanentFault {
    /// Picks the fault of a seed; one seed in five has none.
    pub(super) fn new(seed: u64) -> Self {
        let mut rng = SeededRng::new(seed ^ 0xBAD);
        let rng = &mut rng;
        match rng.below(5) {
            0 => Self::default(),
            1 => Self { gateway: vec![gateway(rng, None)], ..Self::default() },
            _ => Self { broken_spans: vec![broken_span(rng)], ..Self::default() },
        }
    }

    /// Adds the fault to these behaviours.
    pub(super) fn add_to(&self, behaviours: Behaviours) -> Behaviours {
        let Self { broken_spans, gateway } = self.clone();
        Behaviours { broken_spans, gateway, ..behaviours }
    }

    /// Asserts that each event that was visible at `shown_by` is delivered, or pending if it cannot be listed. Skips the
    /// events of the tenant's listing unless `with_tenant` is set, because that listing may have been refused in the
    /// last day.
    #[track_caller]
    pub(super) fn assert_healthy_delivered(&self, world: &World, shown_by: Timestamp, with_tenant: bool) {
        let served = world.running.served();
        let result = reconcile(&world.store, &stream(), &served).unwrap();
        assert!(result.duplicated.is_empty() && result.unexpected.is_empty(), "{result:?}");
        let lost: HashSet<_> = result.lost.iter().collect();
        for event in served.iter().filter(|event| event.visible_at <= shown_by && lost.contains(&event.identity)) {
            let (is_tenant, second) = (is_tenant_scoped(event), second(event));
            if is_tenant && !with_tenant {
                continue;
            }
            let state = &world.head().listings[if is_tenant { TENANT } else { ORGANIZATION }];
            let is_pending = state.pending.spans.iter().any(|span| (span.from..span.to).contains(&second));
            let (id, shown) = (&event.identity, event.visible_at);
            let what = format!("{id} of {second}, shown at {shown}; {self:?}; {state:?}");
            assert!(is_pending || second >= state.watermark, "neither delivered nor pending: {what}");
            assert!(self.breaks(is_tenant, second), "healthy and not delivered: {what}");
        }
    }

    /// Returns `true` if an event of this second cannot be listed.
    fn breaks(&self, is_tenant: bool, second: i64) -> bool {
        let concerns = |span: &&BrokenSpan| span.tenant_only.is_none_or(|tenant_only| tenant_only == is_tenant);
        let has = |span: &BrokenSpan| (span.from.as_second()..span.to.as_second()).contains(&second);
        self.broken_spans.iter().filter(concerns).any(has)
    }
}

fn is_tenant_scoped(event: &ServedEvent) -> bool {
    let value: Value = serde_json::from_str(&event.raw).unwrap_or_default();
    let event_type = value["type"].as_str().unwrap_or_default();
    event_type.starts_with("tenant.") || matches!(event_type, "role.bound_to_resource" | "role.unbound_from_resource")
}

fn second(event: &ServedEvent) -> i64 {
    let value: Value = serde_json::from_str(&event.raw).unwrap_or_default();
    value["effective_at"].as_i64().unwrap_or_default()
}

/// Picks a broken span within the time that has events.
fn broken_span(rng: &mut SeededRng) -> BrokenSpan {
    let RefusedSpan { from, to, status } = refused_span(rng, -2 * DAY, STORM_SECONDS);
    let tenant_only = rng.pick(&[None, None, Some(false), Some(true)]);
    BrokenSpan { from, to, status, tenant_only, retry_after_seconds: None }
}
