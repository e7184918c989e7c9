//! Scenes made from a seed.

use collector::{BatchLimits, Compression, Retention, Settings, Sweep, VendorPolicy};
use schema::LogType;

use super::cast::{DAY, HOUR, Shape, scene_stream};
use super::cast_trouble::trouble;
use super::chance::Chance;
use super::scene::Scene;

/// The scene of a seed.
pub fn scene(chance: &mut Chance) -> Scene {
    let shape = chance.pick(&[Shape::Events, Shape::Blobs]);
    let log_types: &[LogType] = match shape {
        Shape::Events => &[LogType::OpenAiAudit],
        Shape::Blobs => chance.pick(&[&[LogType::Exchange][..], &[LogType::Exchange, LogType::General][..]]),
    };
    let mut streams: Vec<_> = log_types.iter().map(|log_type| scene_stream(chance, shape, *log_type)).collect();
    let trouble = trouble(chance, shape, &mut streams);
    Scene {
        streams,
        policy: policy(chance, shape),
        settings: Settings {
            prefix: chance.pick(&["", "logs/"]).to_owned(),
            compression: Compression::Gzip,
            lookback: chance.pick(&[6 * HOUR, 2 * DAY]),
            batch: BatchLimits {
                lines: chance.pick(&[1, 2, 3, 5]),
                bytes: chance.pick(&[300, 16 << 20]),
                ledger_hours: chance.pick(&[1, 3, 90]),
            },
        },
        page_size: chance.pick(&[1, 2, 3, 10]),
        chunk_bytes: chance.pick(&[7, 60, 4_096]),
        tells_time: shape == Shape::Blobs,
        tick_seconds: chance.pick(&[50, 270]),
        page_seconds: 0,
        trouble,
    }
}

fn policy(chance: &mut Chance, shape: Shape) -> VendorPolicy {
    const DAILY: Sweep = Sweep { every: HOUR, reach: 86_400 };
    const WEEKLY: Sweep = Sweep { every: DAY, reach: 604_800 };
    match shape {
        Shape::Events => VendorPolicy {
            tick_seconds: 60,
            overlap: 600,
            sweeps: &[DAILY],
            first_window_seconds: chance.pick(&[HOUR, 8 * HOUR]),
            max_window_seconds: chance.pick(&[8 * HOUR, 30 * DAY]),
            retention: None,
            horizon: 400 * DAY,
            split_after_pages: chance.pick(&[None, Some(4)]),
            silence: None,
            start_delay: None,
            fetches_ahead: 1,
        },
        Shape::Blobs => VendorPolicy {
            tick_seconds: 60,
            overlap: 10_800,
            sweeps: &[DAILY, WEEKLY],
            first_window_seconds: DAY,
            max_window_seconds: DAY,
            retention: Some(Retention { keeps: 7 * DAY, margin: HOUR }),
            horizon: 30 * DAY,
            split_after_pages: chance.pick(&[None, Some(50)]),
            silence: None,
            start_delay: None,
            fetches_ahead: chance.pick(&[1, 3]),
        },
    }
}
