//! Records of `DLP.All`: matches of data loss prevention in mail, in files and on devices.

use serde_json::{Value, json};

use super::builder::{PEOPLE, RecordBuilder};
use super::form::Form;
use crate::fields::Fields;

pub(super) fn record(builder: &mut RecordBuilder<'_>) -> Fields<'static> {
    let fields = match builder.dice.below(3) {
        0 => exchange(builder),
        1 => sharepoint(builder),
        _ => endpoint(builder),
    };
    let policy = policy(builder);
    fields
        .with("IncidentId", builder.dice.guid())
        .with("PolicyDetails", json!([policy]))
        .with("SensitiveInfoDetectionIsIncluded", builder.form == Form::Full)
}

fn exchange(builder: &mut RecordBuilder<'_>) -> Fields<'static> {
    let operation = builder.dice.pick(&["DlpRuleMatch", "DlpRuleUndo", "DlpInfo"]);
    builder.common(13, operation, "Exchange").with("ObjectId", "").with(
        "ExchangeMetaData",
        json!({
            "MessageID": format!("<{}@example.com>", builder.dice.alphanumeric(24)),
            "From": builder.dice.pick(&PEOPLE), "To": [builder.dice.pick(&PEOPLE)], "CC": [], "BCC": [],
            "Subject": "Card numbers", "Sent": builder.time, "RecipientCount": 1, "UniqueID": builder.dice.guid(),
            "FileSize": builder.dice.between(900, 90_000),
        }),
    )
}

fn sharepoint(builder: &mut RecordBuilder<'_>) -> Fields<'static> {
    let operation = builder.dice.pick(&["DLPRuleMatch", "DlpRuleUndo"]);
    builder.common(11, operation, "OneDrive").with("ObjectId", "https://example-my.sharepoint.com/p/cards.xlsx").with("SharePointMetaData", json!({
        "From": builder.dice.pick(&PEOPLE), "ItemCreationTime": builder.time, "ItemLastModifiedTime": builder.time,
        "SiteCollectionGuid": builder.dice.guid(), "SiteCollectionUrl": "https://example-my.sharepoint.com/p",
        "FileName": "cards.xlsx", "FileOwner": "Mina Okafor", "FilePathUrl": "https://example-my.sharepoint.com/p/cards.xlsx",
        "DocumentLastModifier": builder.dice.pick(&PEOPLE), "UniqueID": builder.dice.guid(),
    }))
}

fn endpoint(builder: &mut RecordBuilder<'_>) -> Fields<'static> {
    builder.common(63, "DLPRuleMatch", "Endpoint").with("ObjectId", "C:\\Users\\mina\\cards.csv").with("EndpointMetaData", json!({
        "SensitiveInformation": [information(builder)], "EnforcementMode": "1", "FileExtension": "csv", "FileType": "CSV",
        "DeviceName": "ws-0417", "DeviceId": builder.dice.hex(40),
    }))
}

fn policy(builder: &mut RecordBuilder<'_>) -> Value {
    json!({
        "PolicyId": builder.dice.guid(), "PolicyName": "Card data",
        "Rules": [{
            "RuleId": builder.dice.guid(), "RuleName": "Many cards", "RuleMode": "Enable",
            "Severity": builder.dice.pick(&["Low", "Medium", "High"]),
            "Actions": ["BlockAccess", "NotifyUser"], "ActionParameters": ["NotifyUser:SiteAdmin"],
            "ConditionsMatched": {
                "SensitiveInformation": [information(builder)],
                "DocumentProperties": [{"Name": "Label", "Value": "Vertraulich"}],
                "OtherConditions": [{"Name": "SharedWith", "Value": "External"}],
            },
        }],
    })
}

/// Returns the matched information, with the detected values for callers that may see them.
fn information(builder: &mut RecordBuilder<'_>) -> Value {
    let count = builder.dice.between(1, 40);
    let mut information = json!({
        "Confidence": builder.dice.pick(&[65, 75, 85, 95]), "Count": count, "UniqueCount": count,
        "Location": builder.dice.pick(&["Message Body", "Attachment"]),
        "SensitiveType": "50842eb7-edc8-4019-85dd-5a5c1f2bb085", "SensitiveInformationTypeName": "Credit Card Number",
        "SensitiveInformationDetailedClassificationAttributes": [{"Confidence": 85, "Count": count, "IsMatch": true}],
    });
    if builder.form == Form::Full {
        information["SensitiveInformationDetections"] = json!({"DetectedValues": [{"Name": "4111111111111111", "Value": "card 4111111111111111 exp 11/29"}], "ResultsTruncated": false});
    }
    information
}
