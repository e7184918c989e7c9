//! Records: their latency, their irregular forms, and the redacted form.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::Value;
use simulators::microsoft365::{Behaviours, ContentType, READ, identity};

use super::{World, item_time, long_lived_tokens};
use crate::run;

/// Returns, for each record, the minutes between the time when it happened and the time when it became available.
async fn latency_minutes(behaviours: Behaviours) -> Vec<i64> {
    let world = World::new(behaviours);
    let client = world.client_with_subscriptions(&[ContentType::Exchange]).await;
    let mut latency_minutes = Vec::new();
    for item in client.all_items(ContentType::Exchange, world.now()).await {
        for record in client.records(&item).await {
            let happened: DateTime = record["CreationTime"].as_str().unwrap().parse().unwrap();
            let happened = happened.to_zoned(TimeZone::UTC).unwrap().timestamp();
            latency_minutes.push(happened.duration_until(item_time(&item, "contentCreated")).as_mins());
        }
    }
    latency_minutes
}

fn without_repeats() -> Behaviours {
    Behaviours { repeated_records: 0.0, repeated_days_later: 0.0, days_old_records: 0.0, ..long_lived_tokens() }
}

#[test]
fn b58_records_take_about_an_hour_at_least_minutes_and_at_most_a_day() {
    run(async {
        let latency_minutes = latency_minutes(Behaviours { slow_records: 0.1, ..without_repeats() }).await;
        let count = |from, to| latency_minutes.iter().filter(|minutes| (from..=to).contains(*minutes)).count();
        assert!(count(60, 91) * 10 > latency_minutes.len() * 6, "{latency_minutes:?}");
        assert!(count(2, 11) > 3 && count(92, 24 * 60) > 3 && count(24 * 60 + 1, i64::MAX) == 0, "{latency_minutes:?}");
    });
}

#[test]
fn b58_after_an_outage_a_day_of_records_comes_within_minutes() {
    run(async {
        let world = World::new(Behaviours { delayed_blobs: 1.0, ..without_repeats() });
        let client = world.client_with_subscriptions(&[ContentType::Exchange]).await;
        let items = client.all_items(ContentType::Exchange, world.now()).await;
        let created: Vec<_> = items.iter().map(|item| item_time(item, "contentCreated")).collect();
        let in_flood = |at: &&jiff::Timestamp| created[0].duration_until(**at) <= SignedDuration::from_mins(10);
        assert!(created.iter().filter(in_flood).count() * 10 > created.len() * 7, "{created:?}");
        let latency_minutes = latency_minutes(Behaviours { delayed_blobs: 1.0, ..without_repeats() }).await;
        assert!(latency_minutes.iter().filter(|minutes| **minutes >= 90).count() * 10 > latency_minutes.len() * 7);
    });
}

#[test]
fn b59_new_blobs_have_records_that_are_days_old() {
    run(async {
        let latency_minutes = latency_minutes(Behaviours { days_old_records: 0.3, ..without_repeats() }).await;
        let old = latency_minutes.iter().filter(|minutes| **minutes > 24 * 60).count();
        assert!(
            old * 10 > latency_minutes.len() * 2 && old * 10 < latency_minutes.len() * 4,
            "{old} of {}",
            latency_minutes.len()
        );
    });
}

#[test]
fn b66_b67_irregular_forms_and_unpublished_types_occur_at_the_set_rates() {
    run(async {
        for (share, range) in [(0.0, 0..1), (0.5, 30..95)] {
            let world =
                World::new(Behaviours { irregular_records: share, unpublished_records: share, ..without_repeats() });
            let client = world.client_with_subscriptions(&[ContentType::Entra]).await;
            let records = client.all_records(ContentType::Entra, world.now()).await;
            let is_unknown = |record: &&Value| {
                record["RecordType"].as_i64().is_some_and(|number| !(0..=463).contains(&number))
                    || record.get("NewSince2027").is_some()
            };
            let is_irregular = |record: &&Value| {
                !record["UserType"].is_i64()
                    || !record["RecordType"].is_i64()
                    || record["CreationTime"].as_str().is_some_and(|time| time.len() > 19)
                    || !record["ModifiedProperties"].is_array()
                    || record["UserId"].as_str() == Some("")
                    || record["ClientIP"].as_str() == Some("localhost")
                    || record["Operation"].as_str().unwrap().starts_with(char::is_lowercase)
            };
            let unknown = records.iter().filter(is_unknown).count();
            let irregular = records.iter().filter(is_irregular).count();
            assert!(
                range.contains(&unknown) && (share == 0.0) == (irregular == 0),
                "{irregular}, {unknown} of {}",
                records.len()
            );
        }
    });
}

#[test]
fn b68_detected_values_are_sent_if_the_token_permits_them() {
    run(async {
        let world = World::new(Behaviours { dlp_redacted: true, ..without_repeats() });
        let client = world.client_with_subscriptions(&[ContentType::Dlp]).await;
        let full = client.all_records(ContentType::Dlp, world.now()).await;
        assert!(full.iter().all(|record| record.to_string().contains("\"DetectedValues\"")));
        world.simulator.change(|behaviours| behaviours.roles = vec![READ.to_owned()]);
        let redacted = world.client().await.all_records(ContentType::Dlp, world.now()).await;
        assert!(redacted.iter().all(|record| !record.to_string().contains("\"DetectedValues\"")));
        assert!(redacted.iter().all(|record| record["SensitiveInfoDetectionIsIncluded"] == false));
        assert_eq!(full.len(), redacted.len());
        // The ledger has every record in both forms, because clients could get both.
        let sent: BTreeSet<_> = full.iter().chain(&redacted).map(|record| identity(&record.to_string())).collect();
        let served: BTreeSet<_> = world.simulator.ledger().records().map(|record| identity(&record.raw)).collect();
        assert_eq!((served.len(), &served), (full.len() * 2, &sent));
    });
}

#[test]
fn b69_parts_of_a_split_record_have_one_correlation_and_ids_of_their_own() {
    run(async {
        let world = World::new(Behaviours { split_events: 1.0, ..without_repeats() });
        let client = world.client_with_subscriptions(&[ContentType::General]).await;
        let records = client.all_records(ContentType::General, world.now()).await;
        let count = |name: &str| records.iter().map(|record| record[name].to_string()).collect::<BTreeSet<_>>().len();
        assert_eq!((count("Id"), count("RecordNumber")), (records.len(), 3));
        assert_eq!(count("CorrelationId"), records.len().div_ceil(3));
    });
}
