//! Tests of fields that real records have and Panther's schemas do not declare.

use serde_json::{Value, json};

use super::line;
use crate::log_type::LogType;
use crate::log_type::schemas::schema;

fn value(log_type: LogType, event: &Value) -> (Value, u32) {
    let (line, normalized) = line(log_type, &event.to_string());
    (serde_json::from_str(&line).unwrap(), normalized.undeclared)
}

#[test]
fn c4_member_address_alert_and_copilot_fields_of_general_are_declared() {
    let copilot = json!({
        "Messages": [{"JailbreakDetected": "true"}],
        "AccessedResources": [{"ID": "https://h.example/x", "Status": "failure", "PolicyDetails": "", "XPIADetected": 1}],
    });
    let event = json!({
        "Members": [{"DisplayName": "M", "Role": "1", "UPN": "m@example.org"}],
        "ClientIPs": ["198.51.100.7:443", "unknown"],
        "AlertEntityId": "a@example.org",
        "NonPIIParameters": "-Identity",
        "CopilotEventData": copilot,
    });
    let (line, undeclared) = value(LogType::General, &event);
    assert_eq!(undeclared, 0);
    assert_eq!(line["Members"], json!([{"DisplayName": "M", "Role": 1, "UPN": "m@example.org"}]));
    assert_eq!(line["NonPIIParameters"], "-Identity");
    assert_eq!(line["CopilotEventData"]["Messages"], json!([{"JailbreakDetected": true}]));
    assert_eq!(line["CopilotEventData"]["AccessedResources"][0]["XPIADetected"], true);
    assert_eq!(line["p_any_usernames"], json!(["a@example.org", "m@example.org"]));
    assert_eq!(line["p_any_emails"], json!(["a@example.org"]));
    assert_eq!(line["p_any_ip_addresses"], json!(["198.51.100.7"]));
    assert_eq!(line["p_any_domain_names"], json!(["h.example"]));
}

#[test]
fn c5_list_malware_and_sync_fields_of_sharepoint_are_declared() {
    let names = [
        "MD5Hash",
        "SHA256Hash",
        "VirusInfo",
        "VirusVendor",
        "FromApp",
        "ItemCount",
        "ListColor",
        "ListIcon",
        "ListServerTemplate",
        "TemplateTypeId",
        "CustomizedDoclib",
        "Source",
        "DoNotDistributeEvent",
        "HighPriorityMediaProcessing",
        "CrossScopeSyncDelete",
        "FileSyncBytesCommitted",
        "EventSignature",
        "AssertingApplicationId",
    ];
    let fields = schema(LogType::SharePoint).fields();
    for name in names {
        assert!(fields.iter().any(|field| field.path == name && field.is_extension), "{name}");
    }
    let event = json!({"MD5Hash": "A".repeat(32), "SHA256Hash": "b".repeat(64), "FromApp": true, "ItemCount": 0});
    let (line, undeclared) = value(LogType::SharePoint, &event);
    assert_eq!(undeclared, 0);
    assert_eq!(line["p_any_md5_hashes"], json!(["a".repeat(32)]));
    assert_eq!(line["p_any_sha256_hashes"], json!(["b".repeat(64)]));
}
