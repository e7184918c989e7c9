//! Records of `DLP.All`: data loss prevention found sensitive information in an e-mail, in a file or on a device.

use serde_json::{Value, json};

use super::builder::{PEOPLE, RecordBuilder};
use super::record_form::RecordForm;
use crate::fields::Fields;

pub(super) fn record(builder: &mut RecordBuilder<'_>) -> Fields<'static> {
    let fields = match builder.rng.below(3) {
        0 => exchange_record(builder),
        1 => sharepoint_record(builder),
        _ => endpoint_record(builder),
    };
    let policy_details = policy_details(builder);
    fields
        .with("IncidentId", builder.rng.guid())
        .with("PolicyDetails", json!([policy_details]))
        .with("SensitiveInfoDetectionIsIncluded", builder.form == RecordForm::Full)
}

fn exchange_record(builder: &mut RecordBuilder<'_>) -> Fields<'static> {
    let operation = builder.rng.pick(&["DlpRuleMatch", "DlpRuleUndo", "DlpInfo"]);
    builder.common(13, operation, "Exchange").with("ObjectId", "").with(
        "ExchangeMetaData",
        json!({
            "MessageID": format!("<{}@example.com>", builder.rng.alphanumeric(24)),
            "From": builder.rng.pick(&PEOPLE), "To": [builder.rng.pick(&PEOPLE)], "CC": [], "BCC": [],
            "Subject": "Card numbers", "Sent": builder.time, "RecipientCount": 1, "UniqueID": builder.rng.guid(),
            "FileSize": builder.rng.between(900, 90_000),
        }),
    )
}

fn sharepoint_record(builder: &mut RecordBuilder<'_>) -> Fields<'static> {
    let operation = builder.rng.pick(&["DLPRuleMatch", "DlpRuleUndo"]);
    builder.common(11, operation, "OneDrive").with("ObjectId", "https://example-my.sharepoint.com/p/cards.xlsx").with("SharePointMetaData", json!({
        "From": builder.rng.pick(&PEOPLE), "ItemCreationTime": builder.time, "ItemLastModifiedTime": builder.time,
        "SiteCollectionGuid": builder.rng.guid(), "SiteCollectionUrl": "https://example-my.sharepoint.com/p",
        "FileName": "cards.xlsx", "FileOwner": "Mina Okafor", "FilePathUrl": "https://example-my.sharepoint.com/p/cards.xlsx",
        "DocumentLastModifier": builder.rng.pick(&PEOPLE), "UniqueID": builder.rng.guid(),
    }))
}

fn endpoint_record(builder: &mut RecordBuilder<'_>) -> Fields<'static> {
    builder.common(63, "DLPRuleMatch", "Endpoint").with("ObjectId", "C:\\Users\\mina\\cards.csv").with("EndpointMetaData", json!({
        "SensitiveInformation": [sensitive_information(builder)], "EnforcementMode": "1", "FileExtension": "csv", "FileType": "CSV",
        "DeviceName": "ws-0417", "DeviceId": builder.rng.hex(40),
    }))
}

fn policy_details(builder: &mut RecordBuilder<'_>) -> Value {
    json!({
        "PolicyId": builder.rng.guid(), "PolicyName": "Card data",
        "Rules": [{
            "RuleId": builder.rng.guid(), "RuleName": "Many cards", "RuleMode": "Enable",
            "Severity": builder.rng.pick(&["Low", "Medium", "High"]),
            "Actions": ["BlockAccess", "NotifyUser"], "ActionParameters": ["NotifyUser:SiteAdmin"],
            "ConditionsMatched": {
                "SensitiveInformation": [sensitive_information(builder)],
                "DocumentProperties": [{"Name": "Label", "Value": "Vertraulich"}],
                "OtherConditions": [{"Name": "SharedWith", "Value": "External"}],
            },
        }],
    })
}

/// Returns a description of the sensitive information that was found. In the full form it includes the detected values.
fn sensitive_information(builder: &mut RecordBuilder<'_>) -> Value {
    let count = builder.rng.between(1, 40);
    let mut sensitive_information = json!({
        "Confidence": builder.rng.pick(&[65, 75, 85, 95]), "Count": count, "UniqueCount": count,
        "Location": builder.rng.pick(&["Message Body", "Attachment"]),
        "SensitiveType": "50842eb7-edc8-4019-85dd-5a5c1f2bb085", "SensitiveInformationTypeName": "Credit Card Number",
        "SensitiveInformationDetailedClassificationAttributes": [{"Confidence": 85, "Count": count, "IsMatch": true}],
    });
    if builder.form == RecordForm::Full {
        sensitive_information["SensitiveInformationDetections"] = json!({"DetectedValues": [{"Name": "4111111111111111", "Value": "card 4111111111111111 exp 11/29"}], "ResultsTruncated": false});
    }
    sensitive_information
}
