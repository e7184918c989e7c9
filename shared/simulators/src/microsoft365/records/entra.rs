//! Records of `Audit.AzureActiveDirectory`: sign-ins, and changes of the directory.

use serde_json::{Value, json};

use super::builder::{PEOPLE, RecordBuilder};
use crate::fields::Fields;

pub(super) fn record(builder: &mut RecordBuilder<'_>) -> Fields<'static> {
    if builder.rng.chance(0.6) { login_record(builder) } else { directory_change_record(builder) }
}

fn login_record(builder: &mut RecordBuilder<'_>) -> Fields<'static> {
    let failed = builder.rng.chance(0.2);
    let operation = if failed { "UserLoginFailed" } else { "UserLoggedIn" };
    let common = builder.common(15, operation, "AzureActiveDirectory");
    let fields = builder.with_client_ip(common);
    let application = builder.rng.guid();
    let fields = fields
        .with("ObjectId", builder.rng.pick(&["Unknown", "00000002-0000-0ff1-ce00-000000000000", "Not Available"]))
        .with("AzureActiveDirectoryEventType", 1)
        .with("ExtendedProperties", json!([
            {"Name": "ResultStatusDetail", "Value": if failed { "UserError" } else { "Success" }},
            {"Name": "UserAgent", "Value": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36"},
            {"Name": "RequestType", "Value": builder.rng.pick(&["OAuth2:Authorize", "OAuth2:Token", "SAS:ProcessAuth", "Login:login"])},
        ]))
        .with("ModifiedProperties", json!([]))
        .with("Actor", actor_json(builder))
        .with("ActorContextId", builder.record_settings.tenant.as_str())
        .with("ActorIpAddress", builder.address())
        .with("InterSystemsId", builder.rng.guid())
        .with("IntraSystemId", builder.rng.guid())
        .with("SupportTicketId", "")
        .with("Target", json!([{"ID": application, "Type": 0}]))
        .with("TargetContextId", builder.record_settings.tenant.as_str())
        .with("ApplicationId", application)
        .with("DeviceProperties", device_properties(builder))
        .with("ErrorNumber", if failed { "50126" } else { "0" });
    if failed { fields.with("LogonError", "InvalidUserNameOrPassword") } else { fields }
}

fn directory_change_record(builder: &mut RecordBuilder<'_>) -> Fields<'static> {
    let operation = builder.rng.pick(&[
        "Add member to group.",
        "Update user.",
        "Update application.",
        "Add app role assignment to service principal.",
        "Reset user password.",
        "Disable Strong Authentication.",
        "Consent to application.",
    ]);
    let person = builder.rng.pick(&PEOPLE);
    let common = builder.common(8, operation, "AzureActiveDirectory");
    let fields = builder.with_client_ip(common);
    fields
        .with("ObjectId", person)
        .with("AzureActiveDirectoryEventType", 1)
        .with("ExtendedProperties", json!([
            {"Name": "additionalDetails", "Value": "{\"User-Agent\":\"EvoSTS\",\"AppId\":\"<null>\"}"},
            {"Name": "extendedAuditEventCategory", "Value": builder.rng.pick(&["User", "Group", "Application", "ServicePrincipal"])},
        ]))
        .with("ModifiedProperties", json!([
            {"Name": "StrongAuthenticationRequirement", "NewValue": "[]", "OldValue": "[\r\n  {\r\n    \"RelyingParty\": \"*\",\r\n    \"State\": 1\r\n  }\r\n]"},
            {"Name": "Included Updated Properties", "NewValue": "StrongAuthenticationRequirement", "OldValue": ""},
        ]))
        .with("Actor", actor_json(builder))
        .with("ActorContextId", builder.record_settings.tenant.as_str())
        .with("InterSystemsId", builder.rng.guid())
        .with("IntraSystemId", builder.rng.guid())
        .with("SupportTicketId", "")
        .with("Target", json!([
            {"ID": format!("User_{}", builder.rng.guid()), "Type": 2},
            {"ID": person, "Type": 5},
            {"ID": builder.rng.hex(16).to_uppercase(), "Type": 3},
        ]))
        .with("TargetContextId", builder.record_settings.tenant.as_str())
}

fn actor_json(builder: &mut RecordBuilder<'_>) -> Value {
    let person = builder.rng.pick(&PEOPLE);
    json!([{"ID": builder.rng.guid(), "Type": 0}, {"ID": person, "Type": 5}, {"ID": builder.rng.hex(16).to_uppercase(), "Type": 3}])
}

fn device_properties(builder: &mut RecordBuilder<'_>) -> Value {
    json!([
        {"Name": "OS", "Value": builder.rng.pick(&["Windows10", "MacOs", "Ios 18.1", "Android"])},
        {"Name": "BrowserType", "Value": builder.rng.pick(&["Edge", "Chrome", "Safari"])},
        {"Name": "IsCompliantAndManaged", "Value": builder.rng.pick(&["True", "False"])},
        {"Name": "SessionId", "Value": builder.rng.guid()},
    ])
}
