//! The behaviours of each preset of faults.

use super::behaviours::{Behaviours, CLIENT_ID, CLIENT_SECRET, READ, READ_DLP, TENANT_ID};
use super::kinds::{AlreadyOn, Cloud, Expiration, Throttle, Unauthorized};
use crate::faults::{Faults, Transport};
use crate::seeded_rng::SeededRng;

impl Default for Behaviours {
    fn default() -> Self {
        Self::new(Faults::None, 0)
    }
}

impl Behaviours {
    /// Returns the behaviours of a preset. In a storm, `seed` decides the faults and their shares.
    pub fn new(faults: Faults, seed: u64) -> Self {
        let mut rng = SeededRng::new(seed, "microsoft365 behaviours", 0);
        let healthy = healthy(Transport::new(faults, &mut rng));
        match faults {
            Faults::None => healthy,
            Faults::Some => Self { token_refused: 0.02, token_error: 0.1, throttled: 0.03, ..healthy },
            Faults::Storm => storm(healthy, &mut rng),
        }
    }
}

fn storm(healthy: Behaviours, rng: &mut SeededRng) -> Behaviours {
    Behaviours {
        token_seconds: rng.pick(&[3_599, 3_599, 600]),
        token_refused: rng.share(0.03),
        token_error: rng.share(0.2),
        already_on: rng.pick(&[AlreadyOn::Af20024, AlreadyOn::Ok]),
        start_throttled: rng.chance(0.5),
        status_missing: rng.chance(0.5),
        page_size: rng.pick(&[1, 3, 10, 50]),
        empty_pages: rng.share(0.2),
        next_page_url: rng.share(1.0),
        long_span_partial: rng.chance(0.5),
        partial_boundary: rng.share(0.2),
        records_per_blob: rng.pick(&[1, 16, 200]),
        repeated_records: rng.share(0.2),
        repeated_elsewhere: rng.share(0.04),
        same_id: rng.share(0.04),
        days_old_records: rng.share(0.1),
        delayed_blobs: rng.share(0.5),
        late_blobs: rng.share(0.2),
        not_found_yet: rng.share(0.06),
        throttled: rng.share(0.06),
        throttle: rng.pick(&[Throttle::Forbidden, Throttle::TooManyRequests]),
        internal_error: rng.share(0.06),
        error_in_ok: rng.share(0.04),
        uri_elsewhere: rng.share(0.2),
        byte_order_mark: rng.share(0.2),
        date_off_seconds: rng.between(-300, 300),
        irregular_records: rng.share(0.3),
        large_records: rng.share(0.02),
        // New behaviours are added at the end, so that the behaviours above keep their random values for each seed.
        stopped_is_gone: rng.chance(0.5),
        odd_casing: rng.share(1.0),
        links_lost: rng.share(0.04),
        grace_seconds: rng.pick(&[0, 1_800, 3_600]),
        same_instant: rng.pick(&[0.2, 0.5, 0.9]),
        repeated_days_later: rng.share(0.04),
        quick_records: rng.share(1.0),
        slow_records: rng.share(0.2),
        unpublished_records: rng.share(0.1),
        split_events: rng.share(0.5),
        ..healthy
    }
}

fn healthy(transport: Transport) -> Behaviours {
    Behaviours {
        tenant_id: TENANT_ID.to_owned(),
        other_tenants: Vec::new(),
        client_id: CLIENT_ID.to_owned(),
        client_secrets: vec![CLIENT_SECRET.to_owned()],
        expired_secrets: Vec::new(),
        certificates: Vec::new(),
        cloud: Cloud::Commercial,
        roles: vec![READ.to_owned(), READ_DLP.to_owned()],
        scopes: Vec::new(),
        dlp_redacted: false,
        token_seconds: 3_599,
        token_refused: 0.0,
        token_error: 0.0,
        login_page: 0.0,
        token_missing: 0.0,
        unauthorized: Unauthorized::Message,
        auditing_off: false,
        already_on: AlreadyOn::Af20024,
        start_throttled: false,
        start_waits_seconds: None,
        start_broken: None,
        stopped_is_gone: false,
        status_missing: false,
        first_blob_seconds: 0,
        slow_start: None,
        has_history: true,
        page_size: 10,
        empty_pages: 0.0,
        next_page_url: 0.0,
        odd_casing: 0.5,
        links_lost: 0.0,
        links_stuck: 0.0,
        grace_seconds: 3_600,
        long_span_partial: false,
        partial_boundary: 0.0,
        records_per_blob: 16,
        huge_blob: None,
        same_instant: 0.2,
        repeated_records: 0.05,
        repeated_days_later: 0.005,
        repeated_elsewhere: 0.0,
        same_id: 0.0,
        quick_records: 0.1,
        slow_records: 0.02,
        days_old_records: 0.02,
        delayed_blobs: 0.0,
        late_blobs: 0.02,
        max_delay_seconds: 2 * 3_600,
        not_found_yet: 0.0,
        per_minute: 2_000,
        per_minute_shared: 500,
        throttled: 0.0,
        throttle: Throttle::Forbidden,
        no_resource: 0.0,
        internal_error: 0.0,
        error_in_ok: 0.0,
        broken_content_type: None,
        uri_elsewhere: 0.0,
        expiration: Expiration::SevenDays,
        broken_record: 0.0,
        byte_order_mark: 0.0,
        date_off_seconds: 0,
        irregular_records: 0.0,
        odd_addresses: 0.0,
        case_twins: 0.0,
        alert_data_as_text: true,
        unpublished_records: 0.0,
        split_events: 0.15,
        large_records: 0.0,
        broken_spans: Vec::new(),
        broken_blobs: Vec::new(),
        trickling_blobs: Vec::new(),
        outages: Vec::new(),
        edge_page: 0.0,
        gateway: Vec::new(),
        transport,
        script: Vec::new(),
    }
}
