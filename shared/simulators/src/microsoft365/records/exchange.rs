//! Records of `Audit.Exchange`: actions of administrators and users on mailboxes.

use serde_json::{Value, json};

use super::builder::{PEOPLE, RecordBuilder};
use crate::fields::Fields;

const SERVER: &str = "DB7PR04MB4523 (15.20.4200.000)";

pub(super) fn record(builder: &mut RecordBuilder<'_>) -> Fields<'static> {
    match builder.rng.below(4) {
        0 | 1 => admin_record(builder),
        2 => item_record(builder),
        _ => items_record(builder),
    }
}

fn admin_record(builder: &mut RecordBuilder<'_>) -> Fields<'static> {
    let operation = builder.rng.pick(&[
        "New-InboxRule",
        "Set-Mailbox",
        "Add-MailboxPermission",
        "Set-TransportRule",
        "Update-RoleGroupMember",
    ]);
    let common = builder.common(1, operation, "Exchange");
    let fields = builder.with_client_ip(common);
    let person = builder.rng.pick(&PEOPLE);
    fields
        .with("ObjectId", format!("EURPR04A001.PROD.OUTLOOK.COM/Microsoft Exchange Hosted Organizations/example.onmicrosoft.com/{person}"))
        .with("ExternalAccess", builder.rng.chance(0.1))
        .with("OrganizationName", "example.onmicrosoft.com")
        .with("OriginatingServer", SERVER)
        .with("Parameters", json!([
            {"Name": "Identity", "Value": person},
            {"Name": "ForwardTo", "Value": builder.rng.pick(&["smtp:attacker@example.net", "smtp:archive@example.com", ""])},
            {"Name": "DeliverToMailboxAndForward", "Value": builder.rng.pick(&["True", "False"])},
        ]))
        .with("SessionId", builder.rng.guid())
        .with("AppAccessContext", builder.app_access_context())
}

fn mailbox_fields(builder: &mut RecordBuilder<'_>, record_type: i64, operation: &'static str) -> Fields<'static> {
    let common = builder.common(record_type, operation, "Exchange");
    let fields = builder.with_client_ip(common);
    let owner = builder.rng.pick(&PEOPLE);
    let sid = format!(
        "S-1-5-21-{}-{}-{}",
        builder.rng.between(1, i64::from(u32::MAX)),
        builder.rng.between(1, 9_999_999),
        builder.rng.between(1, 9_999_999)
    );
    fields
        .with("ClientIPAddress", builder.address())
        .with(
            "ClientInfoString",
            builder.rng.pick(&[
                "Client=OWA;Action=ViaProxy",
                "Client=REST;Client=RESTSystem;;",
                "Client=MSExchangeRPC",
            ]),
        )
        .with("ExternalAccess", false)
        .with("InternalLogonType", 0)
        .with("LogonType", builder.rng.between(0, 2))
        .with("LogonUserSid", sid.as_str())
        .with("MailboxGuid", builder.rng.guid())
        .with("MailboxOwnerSid", sid)
        .with("MailboxOwnerUPN", owner)
        .with("OrganizationName", "example.onmicrosoft.com")
        .with("OriginatingServer", format!("{SERVER}\r\n"))
        .with("SessionId", builder.rng.guid())
}

fn item_record(builder: &mut RecordBuilder<'_>) -> Fields<'static> {
    let operation = builder.rng.pick(&["Create", "Update", "Send", "SendAs", "SendOnBehalf"]);
    let mut fields = mailbox_fields(builder, 2, operation);
    let item = mail_json(builder);
    if operation == "SendAs" {
        fields =
            fields.with("SendAsUserSmtp", builder.rng.pick(&PEOPLE)).with("SendAsUserMailboxGuid", builder.rng.guid());
    }
    fields.with("Item", item).with("Sender", builder.rng.pick(&PEOPLE)).with("AdditionalInfo", json!({"Client": "OWA"}))
}

fn items_record(builder: &mut RecordBuilder<'_>) -> Fields<'static> {
    let operation = builder.rng.pick(&["HardDelete", "SoftDelete", "MoveToDeletedItems", "MailItemsAccessed"]);
    let fields = mailbox_fields(builder, if operation == "MailItemsAccessed" { 50 } else { 3 }, operation);
    let affected: Vec<_> = (0..1 + builder.rng.below(3)).map(|_| mail_json(builder)).collect();
    let folder = folder_json(builder);
    fields
        .with("AffectedItems", affected)
        .with("CrossMailboxOperation", false)
        .with("Folder", folder.clone())
        .with("Folders", json!([folder]))
        .with("OperationCount", 1 + builder.rng.below(9))
        .with("OperationProperties", json!([{"Name": "MailAccessType", "Value": builder.rng.pick(&["Bind", "Sync"])}]))
}

fn mail_json(builder: &mut RecordBuilder<'_>) -> Value {
    let mut mail_json = json!({
        "Id": builder.rng.alphanumeric(44),
        "InternetMessageId": format!("<{}@example.com>", builder.rng.alphanumeric(24)),
        "Subject": builder.rng.pick(&["Quarterly figures", "Re: offer ✔", "FW: \"urgent\" invoice", "Grüße aus Köln", ""]),
        "SizeInBytes": builder.rng.between(900, 4_000_000),
        "ParentFolder": folder_json(builder),
    });
    if builder.rng.chance(0.4) {
        mail_json["Attachments"] = json!("figures.xlsx (8192b); logo (2).png (773b)");
    }
    mail_json
}

fn folder_json(builder: &mut RecordBuilder<'_>) -> Value {
    json!({"Id": builder.rng.alphanumeric(32), "Path": builder.rng.pick(&["\\Inbox", "\\Sent Items", "\\Deleted Items", "\\Entwürfe"])})
}
