//! `Audit.General`: every other service.

use serde_json::json;

use super::maker::{Maker, PEOPLE};
use super::others;
use crate::dice::Dice;
use crate::fields::Fields;

/// An oversized eDiscovery record comes in so many parts.
const PARTS: usize = 3;

pub(super) fn record(maker: &mut Maker<'_>) -> Fields<'static> {
    let before = maker.number - 1;
    if Dice::new(maker.recipe.seed, "split", (before / PARTS) as u64).chance(maker.recipe.split) {
        return ediscovery(maker, before / PARTS, before % PARTS);
    }
    match maker.dice.below(8) {
        0..=2 => teams(maker),
        3 => power_bi(maker),
        4 => copilot(maker),
        5 => alert(maker),
        6 => others::investigation(maker),
        _ => others::conversation(maker),
    }
}

fn teams(maker: &mut Maker<'_>) -> Fields<'static> {
    let operation = maker.dice.pick(&[
        "MemberAdded",
        "TeamsSessionStarted",
        "ChannelAdded",
        "MessageSent",
        "MeetingParticipantDetail",
    ]);
    let common = maker.common(25, operation, "MicrosoftTeams");
    let fields = maker.with_client_ip(common);
    fields
        .with("CommunicationType", "Team")
        .with("TeamName", maker.dice.pick(&["Finance", "Équipe Sécurité", "夜勤"]))
        .with("TeamGuid", format!("19:{}@thread.tacv2", maker.dice.hex(32)))
        .with("AADGroupId", maker.dice.guid())
        .with("ItemName", maker.dice.pick(&["General", "Incident 42"]))
        .with(
            "Members",
            json!([
                {"DisplayName": "Mina Okafor", "Role": 1, "UPN": maker.dice.pick(&PEOPLE)},
                {"DisplayName": "Jens Åberg", "Role": 2, "UPN": maker.dice.pick(&PEOPLE)},
            ]),
        )
        .with("AppAccessContext", maker.app_access_context())
}

fn power_bi(maker: &mut Maker<'_>) -> Fields<'static> {
    let operation = maker.dice.pick(&["ViewReport", "ExportReport", "ShareDashboard", "GetDatasources"]);
    let common = maker.common(20, operation, "PowerBI");
    let fields = maker.with_client_ip(common);
    fields
        .with("UserAgent", "Mozilla/5.0")
        .with("Activity", operation)
        .with("ItemName", "Sales by region")
        .with("WorkSpaceName", "Finance")
        .with("WorkspaceId", maker.dice.guid())
        .with("DatasetName", "Sales")
        .with("DatasetId", maker.dice.guid())
        .with("IsSuccess", true)
        .with("RequestId", maker.dice.guid())
        .with("ActivityId", maker.dice.guid())
}

fn copilot(maker: &mut Maker<'_>) -> Fields<'static> {
    let common = maker.common(261, "CopilotInteraction", "Copilot");
    let fields = maker.with_client_ip(common);
    fields
        .with("ClientRegion", "eu")
        .with("CopilotLogVersion", "1.0.0.0")
        .with("CopilotEventData", json!({
            "AppHost": maker.dice.pick(&["Word", "Teams", "Office", "Edge"]),
            "ThreadId": format!("19:{}@thread.v2", maker.dice.alphanumeric(24)),
            "Contexts": [{"Id": "https://example.sharepoint.com/sites/finance/plan.docx", "Type": "docx"}],
            "MessageIds": [],
            "Messages": [
                {"Id": maker.dice.between(1_700_000_000_000, 1_800_000_000_000).to_string(), "Size": maker.dice.between(5, 5_000_000_000), "isPrompt": true},
                {"Id": maker.dice.between(1_700_000_000_000, 1_800_000_000_000).to_string(), "isPrompt": false},
            ],
            "AccessedResources": [{"Name": "plan.docx", "Type": "docx", "listItemUniqueId": maker.dice.guid(), "Action": "Read"}],
            "ModelTransparencyDetails": [{"ModelName": "DEEP_LEO"}],
            "AISystemPlugin": [{"Id": "BingWebSearch", "Name": "BingWebSearch"}],
        }))
}

fn alert(maker: &mut Maker<'_>) -> Fields<'static> {
    let operation = maker.dice.pick(&["AlertTriggered", "AlertEntityGenerated"]);
    let fields = maker.common(40, operation, "SecurityComplianceCenter");
    let data = format!(
        "{{\"etype\":\"User\",\"QueryTime\":\"2026-11-21T08:00:00\",\"sip\":\"\",\"QueryTime\":\"11/21/2026 8:00:00 AM\",\"eid\":\"{}\"}}",
        maker.dice.pick(&PEOPLE)
    );
    let data = match maker.recipe.alert_data_as_text {
        true => json!(data),
        // The last of two values of one name counts.
        false => serde_json::from_str(&data).unwrap_or_default(),
    };
    fields
        .with("ObjectId", maker.dice.guid())
        .with("AlertId", maker.dice.guid())
        .with("AlertType", "System")
        .with("Category", "ThreatManagement")
        .with("Comments", "New alert")
        .with("Data", data)
        .with("Name", "Suspicious connector activity")
        .with("PolicyId", maker.dice.guid())
        .with("Severity", maker.dice.pick(&["Low", "Medium", "High", "Informational"]))
        .with("Source", "Office 365 Security & Compliance")
        .with("Status", "Active")
}

/// One of the parts that an oversized record was split in: the correlation is the same in all of them.
fn ediscovery(maker: &mut Maker<'_>, whole: usize, part: usize) -> Fields<'static> {
    let correlation = Dice::new(maker.recipe.seed, "ediscovery", whole as u64).guid();
    maker
        .common(24, "SearchStarted", "SecurityComplianceCenter")
        .with("Case", "Matter 17")
        .with("CorrelationId", correlation)
        .with("RecordNumber", part + 1)
        .with("ExchangeLocations", PEOPLE.join(","))
        .with("Query", "(from:attacker@example.net) AND (subject:\"urgent\")")
        .with("Parameters", "-Name \"Matter 17\" -ExchangeLocation \"All\"")
        .with("NonPIIParameters", "-Name -ExchangeLocation")
}
