//! Random scenarios.

use collector::{BatchLimits, Compression, Retention, Settings, Sweep, VendorPolicy};
use schema::LogType;

use super::random_faults::permanent_faults;
use super::random_streams::{DAY, HOUR, Shape, scenario_stream};
use super::rng::SeededRng;
use super::scenario::Scenario;

/// Creates a random scenario.
pub fn scenario(rng: &mut SeededRng) -> Scenario {
    let shape = rng.pick(&[Shape::Events, Shape::Blobs]);
    let log_types: &[LogType] = match shape {
        Shape::Events => &[LogType::OpenAiAudit],
        Shape::Blobs => rng.pick(&[&[LogType::Exchange][..], &[LogType::Exchange, LogType::General][..]]),
    };
    let mut streams: Vec<_> = log_types.iter().map(|log_type| scenario_stream(rng, shape, *log_type)).collect();
    let permanent_faults = permanent_faults(rng, shape, &mut streams);
    Scenario {
        streams,
        policy: policy(rng, shape),
        settings: Settings {
            no_data_seconds: 0,
            prefix: rng.pick(&["", "logs/"]).to_owned(),
            compression: Compression::Gzip,
            lookback_seconds: rng.pick(&[6 * HOUR, 2 * DAY]),
            batch: BatchLimits {
                lines: rng.pick(&[1, 2, 3, 5]),
                bytes: rng.pick(&[300, 16 << 20]),
                ledger_hours: rng.pick(&[1, 3, 90]),
            },
        },
        page_size: rng.pick(&[1, 2, 3, 10]),
        chunk_bytes: rng.pick(&[7, 60, 4_096]),
        has_clock_in_prepare: shape == Shape::Blobs,
        tick_seconds: rng.pick(&[50, 270]),
        page_seconds: 0,
        permanent_faults,
    }
}

fn policy(rng: &mut SeededRng, shape: Shape) -> VendorPolicy {
    const DAILY: Sweep = Sweep { interval_seconds: HOUR, reach_seconds: 86_400 };
    const WEEKLY: Sweep = Sweep { interval_seconds: DAY, reach_seconds: 604_800 };
    match shape {
        Shape::Events => VendorPolicy {
            tick_seconds: 60,
            overlap_seconds: 600,
            sweeps: &[DAILY],
            first_window_seconds: rng.pick(&[HOUR, 8 * HOUR]),
            max_window_seconds: rng.pick(&[8 * HOUR, 30 * DAY]),
            retention: None,
            dedup_horizon_seconds: 400 * DAY,
            split_after_pages: rng.pick(&[None, Some(4)]),
            silence: None,
            no_data_advice: "",
            start_delay: None,
            fetches_ahead: 1,
        },
        Shape::Blobs => VendorPolicy {
            tick_seconds: 60,
            overlap_seconds: 10_800,
            sweeps: &[DAILY, WEEKLY],
            first_window_seconds: DAY,
            max_window_seconds: DAY,
            retention: Some(Retention { keep_seconds: 7 * DAY, margin_seconds: HOUR }),
            dedup_horizon_seconds: 30 * DAY,
            split_after_pages: rng.pick(&[None, Some(50)]),
            silence: None,
            no_data_advice: "",
            start_delay: None,
            fetches_ahead: rng.pick(&[1, 3]),
        },
    }
}
