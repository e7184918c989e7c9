//! More records of `Audit.General`, of services whose fields have varying types even in production.

use serde_json::{Value, json};

use super::builder::{PEOPLE, RecordBuilder};
use crate::fields::Fields;

/// Returns the record of an automated investigation. Its actions are objects, or the same objects as text, and its
/// times have several formats.
pub(super) fn investigation_record(builder: &mut RecordBuilder<'_>) -> Fields<'static> {
    let operation = builder.rng.pick(&["AirInvestigationData", "AirManualInvestigation"]);
    let fields = builder.common(64, operation, "AirInvestigation");
    let actions: Vec<_> = (1..=1 + builder.rng.below(3)).map(|number| investigation_action(builder, number)).collect();
    let actions = match builder.rng.chance(0.5) {
        true => actions,
        false => actions.iter().map(|action| Value::from(action.to_string())).collect(),
    };
    let entity = builder.rng.pick(&PEOPLE);
    let time = builder.time.clone();
    fields
        .with("InvestigationId", format!("urn:ZappedUrlInvestigation:{}", builder.rng.hex(32)))
        .with("InvestigationName", "Mail with malicious urls is zapped")
        .with("InvestigationType", "ZappedUrlInvestigation")
        .with("Status", builder.rng.pick(&["Investigation Started", "Remediated", "Pending Action"]))
        .with("Actions", actions)
        .with("Data", format!("{{\"$id\":\"1\",\"Entities\":[\"{entity}\"],\"QueryTime\":\"{time}\",\"sip\":\"\"}}"))
        .with("StartTimeUtc", format!("{time}Z"))
        .with("EndTimeUtc", format!("{time}.0000000Z"))
        .with("LastUpdateTimeUtc", "12/31/2023 11:59:59 PM")
        .with("DeepLinkUrl", "https://security.example.com/mtp-investigation/urn")
}

fn investigation_action(builder: &mut RecordBuilder<'_>, number: usize) -> Value {
    json!({
        "$id": number.to_string(), "ActionId": format!("urn:EmailZapper:{}", builder.rng.hex(32)),
        "ActionStatus": "Pending", "Entities": [{"$ref": "1"}], "LogCreationTime": format!("{}.1234567Z", builder.time),
    })
}

/// Returns the record of a chat with an AI application, or of a message on Viva Engage (Yammer). Its `Message` is an
/// object or a text, and some of its numbers need more than 32 bits.
pub(super) fn conversation_record(builder: &mut RecordBuilder<'_>) -> Fields<'static> {
    if builder.rng.chance(0.5) {
        let fields = builder.common(284, "AIAppInteraction", "AIApp");
        let message = match builder.rng.chance(0.5) {
            true => {
                json!({"ThreadId": builder.rng.hex(16), "SizeInBytes": builder.rng.between(1, 90_000), "Id": "0"})
            }
            false => json!("What did we sell in the third quarter?"),
        };
        let platform = if builder.rng.chance(0.5) { json!(1) } else { json!("Mac") };
        return fields.with("Message", message).with("Platform", platform);
    }
    let operation = builder.rng.pick(&["MessageCreation", "GroupCreation", "FileVisited"]);
    let fields = builder.common(22, operation, "Yammer");
    builder
        .with_client_ip(fields)
        .with("ActorUserId", builder.rng.pick(&PEOPLE))
        .with("ActorYammerUserId", builder.rng.between(i64::from(u32::MAX), 9_007_199_254_740_993))
        .with("MessageId", builder.rng.between(1, 9_007_199_254_740_993))
        .with("GroupName", "All company")
        .with("YammerNetworkId", 5_846_122_497_i64)
}
