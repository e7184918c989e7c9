//! `DLP.All`: what data loss prevention found, in mail, in files and on devices.

use serde_json::{Value, json};

use super::form::Form;
use super::maker::{Maker, PEOPLE};
use crate::fields::Fields;

pub(super) fn record(maker: &mut Maker<'_>) -> Fields<'static> {
    let fields = match maker.dice.below(3) {
        0 => exchange(maker),
        1 => sharepoint(maker),
        _ => endpoint(maker),
    };
    let policy = policy(maker);
    fields
        .with("IncidentId", maker.dice.guid())
        .with("PolicyDetails", json!([policy]))
        .with("SensitiveInfoDetectionIsIncluded", maker.form == Form::Full)
}

fn exchange(maker: &mut Maker<'_>) -> Fields<'static> {
    let operation = maker.dice.pick(&["DlpRuleMatch", "DlpRuleUndo", "DlpInfo"]);
    maker.common(13, operation, "Exchange").with("ObjectId", "").with(
        "ExchangeMetaData",
        json!({
            "MessageID": format!("<{}@example.com>", maker.dice.alphanumeric(24)),
            "From": maker.dice.pick(&PEOPLE), "To": [maker.dice.pick(&PEOPLE)], "CC": [], "BCC": [],
            "Subject": "Card numbers", "Sent": maker.time, "RecipientCount": 1, "UniqueID": maker.dice.guid(),
            "FileSize": maker.dice.between(900, 90_000),
        }),
    )
}

fn sharepoint(maker: &mut Maker<'_>) -> Fields<'static> {
    let operation = maker.dice.pick(&["DLPRuleMatch", "DlpRuleUndo"]);
    maker.common(11, operation, "OneDrive").with("ObjectId", "https://example-my.sharepoint.com/p/cards.xlsx").with("SharePointMetaData", json!({
        "From": maker.dice.pick(&PEOPLE), "ItemCreationTime": maker.time, "ItemLastModifiedTime": maker.time,
        "SiteCollectionGuid": maker.dice.guid(), "SiteCollectionUrl": "https://example-my.sharepoint.com/p",
        "FileName": "cards.xlsx", "FileOwner": "Mina Okafor", "FilePathUrl": "https://example-my.sharepoint.com/p/cards.xlsx",
        "DocumentLastModifier": maker.dice.pick(&PEOPLE), "UniqueID": maker.dice.guid(),
    }))
}

fn endpoint(maker: &mut Maker<'_>) -> Fields<'static> {
    maker.common(63, "DLPRuleMatch", "Endpoint").with("ObjectId", "C:\\Users\\mina\\cards.csv").with("EndpointMetaData", json!({
        "SensitiveInformation": [information(maker)], "EnforcementMode": "1", "FileExtension": "csv", "FileType": "CSV",
        "DeviceName": "ws-0417", "DeviceId": maker.dice.hex(40),
    }))
}

fn policy(maker: &mut Maker<'_>) -> Value {
    json!({
        "PolicyId": maker.dice.guid(), "PolicyName": "Card data",
        "Rules": [{
            "RuleId": maker.dice.guid(), "RuleName": "Many cards", "RuleMode": "Enable",
            "Severity": maker.dice.pick(&["Low", "Medium", "High"]),
            "Actions": ["BlockAccess", "NotifyUser"], "ActionParameters": ["NotifyUser:SiteAdmin"],
            "ConditionsMatched": {
                "SensitiveInformation": [information(maker)],
                "DocumentProperties": [{"Name": "Label", "Value": "Vertraulich"}],
                "OtherConditions": [{"Name": "SharedWith", "Value": "External"}],
            },
        }],
    })
}

/// What was found, and, for those who may see it, the values themselves.
fn information(maker: &mut Maker<'_>) -> Value {
    let count = maker.dice.between(1, 40);
    let mut information = json!({
        "Confidence": maker.dice.pick(&[65, 75, 85, 95]), "Count": count, "UniqueCount": count,
        "Location": maker.dice.pick(&["Message Body", "Attachment"]),
        "SensitiveType": "50842eb7-edc8-4019-85dd-5a5c1f2bb085", "SensitiveInformationTypeName": "Credit Card Number",
        "SensitiveInformationDetailedClassificationAttributes": [{"Confidence": 85, "Count": count, "IsMatch": true}],
    });
    if maker.form == Form::Full {
        information["SensitiveInformationDetections"] = json!({"DetectedValues": [{"Name": "4111111111111111", "Value": "card 4111111111111111 exp 11/29"}], "ResultsTruncated": false});
    }
    information
}
