//! Records of `Audit.General`, which has the events of all services without a content type of their own.

use serde_json::json;

use super::builder::{PEOPLE, RecordBuilder};
use super::others;
use crate::fields::Fields;
use crate::seeded_rng::SeededRng;

/// An eDiscovery event that is too large for one record is split into this many records.
const RECORDS_PER_EVENT: usize = 3;

pub(super) fn record(builder: &mut RecordBuilder<'_>) -> Fields<'static> {
    let index = builder.number - 1;
    if SeededRng::new(builder.record_settings.seed, "split", (index / RECORDS_PER_EVENT) as u64)
        .chance(builder.record_settings.split_events)
    {
        return ediscovery_record(builder, index / RECORDS_PER_EVENT, index % RECORDS_PER_EVENT);
    }
    match builder.rng.below(8) {
        0..=2 => teams_record(builder),
        3 => power_bi_record(builder),
        4 => copilot_record(builder),
        5 => alert_record(builder),
        6 => others::investigation_record(builder),
        _ => others::conversation_record(builder),
    }
}

fn teams_record(builder: &mut RecordBuilder<'_>) -> Fields<'static> {
    let operation = builder.rng.pick(&[
        "MemberAdded",
        "TeamsSessionStarted",
        "ChannelAdded",
        "MessageSent",
        "MeetingParticipantDetail",
    ]);
    let common = builder.common(25, operation, "MicrosoftTeams");
    let fields = builder.with_client_ip(common);
    fields
        .with("CommunicationType", "Team")
        .with("TeamName", builder.rng.pick(&["Finance", "Équipe Sécurité", "夜勤"]))
        .with("TeamGuid", format!("19:{}@thread.tacv2", builder.rng.hex(32)))
        .with("AADGroupId", builder.rng.guid())
        .with("ItemName", builder.rng.pick(&["General", "Incident 42"]))
        .with(
            "Members",
            json!([
                {"DisplayName": "Mina Okafor", "Role": 1, "UPN": builder.rng.pick(&PEOPLE)},
                {"DisplayName": "Jens Åberg", "Role": 2, "UPN": builder.rng.pick(&PEOPLE)},
            ]),
        )
        .with("AppAccessContext", builder.app_access_context())
}

fn power_bi_record(builder: &mut RecordBuilder<'_>) -> Fields<'static> {
    let operation = builder.rng.pick(&["ViewReport", "ExportReport", "ShareDashboard", "GetDatasources"]);
    let common = builder.common(20, operation, "PowerBI");
    let fields = builder.with_client_ip(common);
    fields
        .with("UserAgent", "Mozilla/5.0")
        .with("Activity", operation)
        .with("ItemName", "Sales by region")
        .with("WorkSpaceName", "Finance")
        .with("WorkspaceId", builder.rng.guid())
        .with("DatasetName", "Sales")
        .with("DatasetId", builder.rng.guid())
        .with("IsSuccess", true)
        .with("RequestId", builder.rng.guid())
        .with("ActivityId", builder.rng.guid())
}

fn copilot_record(builder: &mut RecordBuilder<'_>) -> Fields<'static> {
    let common = builder.common(261, "CopilotInteraction", "Copilot");
    let fields = builder.with_client_ip(common);
    fields
        .with("ClientRegion", "eu")
        .with("CopilotLogVersion", "1.0.0.0")
        .with("CopilotEventData", json!({
            "AppHost": builder.rng.pick(&["Word", "Teams", "Office", "Edge"]),
            "ThreadId": format!("19:{}@thread.v2", builder.rng.alphanumeric(24)),
            "Contexts": [{"Id": "https://example.sharepoint.com/sites/finance/plan.docx", "Type": "docx"}],
            "MessageIds": [],
            "Messages": [
                {"Id": builder.rng.between(1_700_000_000_000, 1_800_000_000_000).to_string(), "Size": builder.rng.between(5, 5_000_000_000), "isPrompt": true},
                {"Id": builder.rng.between(1_700_000_000_000, 1_800_000_000_000).to_string(), "isPrompt": false},
            ],
            "AccessedResources": [{"Name": "plan.docx", "Type": "docx", "listItemUniqueId": builder.rng.guid(), "Action": "Read"}],
            "ModelTransparencyDetails": [{"ModelName": "DEEP_LEO"}],
            "AISystemPlugin": [{"Id": "BingWebSearch", "Name": "BingWebSearch"}],
        }))
}

fn alert_record(builder: &mut RecordBuilder<'_>) -> Fields<'static> {
    let operation = builder.rng.pick(&["AlertTriggered", "AlertEntityGenerated"]);
    let fields = builder.common(40, operation, "SecurityComplianceCenter");
    let data = format!(
        "{{\"etype\":\"User\",\"QueryTime\":\"2026-11-21T08:00:00\",\"sip\":\"\",\"QueryTime\":\"11/21/2026 8:00:00 AM\",\"eid\":\"{}\"}}",
        builder.rng.pick(&PEOPLE)
    );
    let data = match builder.record_settings.alert_data_as_text {
        true => json!(data),
        // The text has the key `QueryTime` twice; the object keeps the last one.
        false => serde_json::from_str(&data).unwrap_or_default(),
    };
    fields
        .with("ObjectId", builder.rng.guid())
        .with("AlertId", builder.rng.guid())
        .with("AlertType", "System")
        .with("Category", "ThreatManagement")
        .with("Comments", "New alert")
        .with("Data", data)
        .with("Name", "Suspicious connector activity")
        .with("PolicyId", builder.rng.guid())
        .with("Severity", builder.rng.pick(&["Low", "Medium", "High", "Informational"]))
        .with("Source", "Office 365 Security & Compliance")
        .with("Status", "Active")
}

/// Returns one of the [`RECORDS_PER_EVENT`] records of an eDiscovery event. All records of the event with the number
/// `event_number` have the same `CorrelationId`.
fn ediscovery_record(builder: &mut RecordBuilder<'_>, event_number: usize, part: usize) -> Fields<'static> {
    let correlation_id = SeededRng::new(builder.record_settings.seed, "ediscovery", event_number as u64).guid();
    builder
        .common(24, "SearchStarted", "SecurityComplianceCenter")
        .with("Case", "Matter 17")
        .with("CorrelationId", correlation_id)
        .with("RecordNumber", part + 1)
        .with("ExchangeLocations", PEOPLE.join(","))
        .with("Query", "(from:attacker@example.net) AND (subject:\"urgent\")")
        .with("Parameters", "-Name \"Matter 17\" -ExchangeLocation \"All\"")
        .with("NonPIIParameters", "-Name -ExchangeLocation")
}
