//! `Audit.AzureActiveDirectory`: sign-ins and changes to the directory.

use serde_json::{Value, json};

use super::maker::{Maker, PEOPLE};
use crate::fields::Fields;

pub(super) fn record(maker: &mut Maker<'_>) -> Fields<'static> {
    if maker.dice.chance(0.6) { login(maker) } else { change(maker) }
}

fn login(maker: &mut Maker<'_>) -> Fields<'static> {
    let failed = maker.dice.chance(0.2);
    let operation = if failed { "UserLoginFailed" } else { "UserLoggedIn" };
    let common = maker.common(15, operation, "AzureActiveDirectory");
    let fields = maker.with_client_ip(common);
    let application = maker.dice.guid();
    let fields = fields
        .with("ObjectId", maker.dice.pick(&["Unknown", "00000002-0000-0ff1-ce00-000000000000", "Not Available"]))
        .with("AzureActiveDirectoryEventType", 1)
        .with("ExtendedProperties", json!([
            {"Name": "ResultStatusDetail", "Value": if failed { "UserError" } else { "Success" }},
            {"Name": "UserAgent", "Value": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36"},
            {"Name": "RequestType", "Value": maker.dice.pick(&["OAuth2:Authorize", "OAuth2:Token", "SAS:ProcessAuth", "Login:login"])},
        ]))
        .with("ModifiedProperties", json!([]))
        .with("Actor", actor(maker))
        .with("ActorContextId", maker.recipe.tenant.as_str())
        .with("ActorIpAddress", maker.address())
        .with("InterSystemsId", maker.dice.guid())
        .with("IntraSystemId", maker.dice.guid())
        .with("SupportTicketId", "")
        .with("Target", json!([{"ID": application, "Type": 0}]))
        .with("TargetContextId", maker.recipe.tenant.as_str())
        .with("ApplicationId", application)
        .with("DeviceProperties", device(maker))
        .with("ErrorNumber", if failed { "50126" } else { "0" });
    if failed { fields.with("LogonError", "InvalidUserNameOrPassword") } else { fields }
}

fn change(maker: &mut Maker<'_>) -> Fields<'static> {
    let operation = maker.dice.pick(&[
        "Add member to group.",
        "Update user.",
        "Update application.",
        "Add app role assignment to service principal.",
        "Reset user password.",
        "Disable Strong Authentication.",
        "Consent to application.",
    ]);
    let person = maker.dice.pick(&PEOPLE);
    let common = maker.common(8, operation, "AzureActiveDirectory");
    let fields = maker.with_client_ip(common);
    fields
        .with("ObjectId", person)
        .with("AzureActiveDirectoryEventType", 1)
        .with("ExtendedProperties", json!([
            {"Name": "additionalDetails", "Value": "{\"User-Agent\":\"EvoSTS\",\"AppId\":\"<null>\"}"},
            {"Name": "extendedAuditEventCategory", "Value": maker.dice.pick(&["User", "Group", "Application", "ServicePrincipal"])},
        ]))
        .with("ModifiedProperties", json!([
            {"Name": "StrongAuthenticationRequirement", "NewValue": "[]", "OldValue": "[\r\n  {\r\n    \"RelyingParty\": \"*\",\r\n    \"State\": 1\r\n  }\r\n]"},
            {"Name": "Included Updated Properties", "NewValue": "StrongAuthenticationRequirement", "OldValue": ""},
        ]))
        .with("Actor", actor(maker))
        .with("ActorContextId", maker.recipe.tenant.as_str())
        .with("InterSystemsId", maker.dice.guid())
        .with("IntraSystemId", maker.dice.guid())
        .with("SupportTicketId", "")
        .with("Target", json!([
            {"ID": format!("User_{}", maker.dice.guid()), "Type": 2},
            {"ID": person, "Type": 5},
            {"ID": maker.dice.hex(16).to_uppercase(), "Type": 3},
        ]))
        .with("TargetContextId", maker.recipe.tenant.as_str())
}

fn actor(maker: &mut Maker<'_>) -> Value {
    let person = maker.dice.pick(&PEOPLE);
    json!([{"ID": maker.dice.guid(), "Type": 0}, {"ID": person, "Type": 5}, {"ID": maker.dice.hex(16).to_uppercase(), "Type": 3}])
}

fn device(maker: &mut Maker<'_>) -> Value {
    json!([
        {"Name": "OS", "Value": maker.dice.pick(&["Windows10", "MacOs", "Ios 18.1", "Android"])},
        {"Name": "BrowserType", "Value": maker.dice.pick(&["Edge", "Chrome", "Safari"])},
        {"Name": "IsCompliantAndManaged", "Value": maker.dice.pick(&["True", "False"])},
        {"Name": "SessionId", "Value": maker.dice.guid()},
    ])
}
