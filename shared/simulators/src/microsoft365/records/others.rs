//! `Audit.General` once more: services whose records are odd by design.

use serde_json::{Value, json};

use super::maker::{Maker, PEOPLE};
use crate::fields::Fields;

/// An automated investigation: actions as objects with `$id` or as JSON text, and a time in every notation.
pub(super) fn investigation(maker: &mut Maker<'_>) -> Fields<'static> {
    let operation = maker.dice.pick(&["AirInvestigationData", "AirManualInvestigation"]);
    let fields = maker.common(64, operation, "AirInvestigation");
    let actions: Vec<_> = (1..=1 + maker.dice.below(3)).map(|number| action(maker, number)).collect();
    let actions = match maker.dice.chance(0.5) {
        true => actions,
        false => actions.iter().map(|action| Value::from(action.to_string())).collect(),
    };
    let entity = maker.dice.pick(&PEOPLE);
    let time = maker.time.clone();
    fields
        .with("InvestigationId", format!("urn:ZappedUrlInvestigation:{}", maker.dice.hex(32)))
        .with("InvestigationName", "Mail with malicious urls is zapped")
        .with("InvestigationType", "ZappedUrlInvestigation")
        .with("Status", maker.dice.pick(&["Investigation Started", "Remediated", "Pending Action"]))
        .with("Actions", actions)
        .with("Data", format!("{{\"$id\":\"1\",\"Entities\":[\"{entity}\"],\"QueryTime\":\"{time}\",\"sip\":\"\"}}"))
        .with("StartTimeUtc", format!("{time}Z"))
        .with("EndTimeUtc", format!("{time}.0000000Z"))
        .with("LastUpdateTimeUtc", "12/31/2023 11:59:59 PM")
        .with("DeepLinkUrl", "https://security.example.com/mtp-investigation/urn")
}

fn action(maker: &mut Maker<'_>, number: usize) -> Value {
    json!({
        "$id": number.to_string(), "ActionId": format!("urn:EmailZapper:{}", maker.dice.hex(32)),
        "ActionStatus": "Pending", "Entities": [{"$ref": "1"}], "LogCreationTime": format!("{}.1234567Z", maker.time),
    })
}

/// A conversation with an assistant or on a social network: `Message` is an object or a text, and numbers
/// are longer than 32 bits.
pub(super) fn conversation(maker: &mut Maker<'_>) -> Fields<'static> {
    if maker.dice.chance(0.5) {
        let fields = maker.common(284, "AIAppInteraction", "AIApp");
        let message = match maker.dice.chance(0.5) {
            true => json!({"ThreadId": maker.dice.hex(16), "SizeInBytes": maker.dice.between(1, 90_000), "Id": "0"}),
            false => json!("What did we sell in the third quarter?"),
        };
        let platform = if maker.dice.chance(0.5) { json!(1) } else { json!("Mac") };
        return fields.with("Message", message).with("Platform", platform);
    }
    let operation = maker.dice.pick(&["MessageCreation", "GroupCreation", "FileVisited"]);
    let fields = maker.common(22, operation, "Yammer");
    maker
        .with_client_ip(fields)
        .with("ActorUserId", maker.dice.pick(&PEOPLE))
        .with("ActorYammerUserId", maker.dice.between(i64::from(u32::MAX), 9_007_199_254_740_993))
        .with("MessageId", maker.dice.between(1, 9_007_199_254_740_993))
        .with("GroupName", "All company")
        .with("YammerNetworkId", 5_846_122_497_i64)
}
