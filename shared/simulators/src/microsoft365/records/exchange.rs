//! Records of `Audit.Exchange`: actions of administrators, and actions in mailboxes.

use serde_json::{Value, json};

use super::builder::{PEOPLE, RecordBuilder};
use crate::fields::Fields;

const SERVER: &str = "DB7PR04MB4523 (15.20.4200.000)";

pub(super) fn record(builder: &mut RecordBuilder<'_>) -> Fields<'static> {
    match builder.dice.below(4) {
        0 | 1 => admin(builder),
        2 => item(builder),
        _ => items(builder),
    }
}

fn admin(builder: &mut RecordBuilder<'_>) -> Fields<'static> {
    let operation = builder.dice.pick(&[
        "New-InboxRule",
        "Set-Mailbox",
        "Add-MailboxPermission",
        "Set-TransportRule",
        "Update-RoleGroupMember",
    ]);
    let common = builder.common(1, operation, "Exchange");
    let fields = builder.with_client_ip(common);
    let person = builder.dice.pick(&PEOPLE);
    fields
        .with("ObjectId", format!("EURPR04A001.PROD.OUTLOOK.COM/Microsoft Exchange Hosted Organizations/example.onmicrosoft.com/{person}"))
        .with("ExternalAccess", builder.dice.chance(0.1))
        .with("OrganizationName", "example.onmicrosoft.com")
        .with("OriginatingServer", SERVER)
        .with("Parameters", json!([
            {"Name": "Identity", "Value": person},
            {"Name": "ForwardTo", "Value": builder.dice.pick(&["smtp:attacker@example.net", "smtp:archive@example.com", ""])},
            {"Name": "DeliverToMailboxAndForward", "Value": builder.dice.pick(&["True", "False"])},
        ]))
        .with("SessionId", builder.dice.guid())
        .with("AppAccessContext", builder.app_access_context())
}

fn mailbox(builder: &mut RecordBuilder<'_>, record_type: i64, operation: &'static str) -> Fields<'static> {
    let common = builder.common(record_type, operation, "Exchange");
    let fields = builder.with_client_ip(common);
    let owner = builder.dice.pick(&PEOPLE);
    let sid = format!(
        "S-1-5-21-{}-{}-{}",
        builder.dice.between(1, i64::from(u32::MAX)),
        builder.dice.between(1, 9_999_999),
        builder.dice.between(1, 9_999_999)
    );
    fields
        .with("ClientIPAddress", builder.address())
        .with(
            "ClientInfoString",
            builder.dice.pick(&[
                "Client=OWA;Action=ViaProxy",
                "Client=REST;Client=RESTSystem;;",
                "Client=MSExchangeRPC",
            ]),
        )
        .with("ExternalAccess", false)
        .with("InternalLogonType", 0)
        .with("LogonType", builder.dice.between(0, 2))
        .with("LogonUserSid", sid.as_str())
        .with("MailboxGuid", builder.dice.guid())
        .with("MailboxOwnerSid", sid)
        .with("MailboxOwnerUPN", owner)
        .with("OrganizationName", "example.onmicrosoft.com")
        .with("OriginatingServer", format!("{SERVER}\r\n"))
        .with("SessionId", builder.dice.guid())
}

fn item(builder: &mut RecordBuilder<'_>) -> Fields<'static> {
    let operation = builder.dice.pick(&["Create", "Update", "Send", "SendAs", "SendOnBehalf"]);
    let mut fields = mailbox(builder, 2, operation);
    let item = mail(builder);
    if operation == "SendAs" {
        fields = fields
            .with("SendAsUserSmtp", builder.dice.pick(&PEOPLE))
            .with("SendAsUserMailboxGuid", builder.dice.guid());
    }
    fields
        .with("Item", item)
        .with("Sender", builder.dice.pick(&PEOPLE))
        .with("AdditionalInfo", json!({"Client": "OWA"}))
}

fn items(builder: &mut RecordBuilder<'_>) -> Fields<'static> {
    let operation = builder.dice.pick(&["HardDelete", "SoftDelete", "MoveToDeletedItems", "MailItemsAccessed"]);
    let fields = mailbox(builder, if operation == "MailItemsAccessed" { 50 } else { 3 }, operation);
    let affected: Vec<_> = (0..1 + builder.dice.below(3)).map(|_| mail(builder)).collect();
    let folder = folder(builder);
    fields
        .with("AffectedItems", affected)
        .with("CrossMailboxOperation", false)
        .with("Folder", folder.clone())
        .with("Folders", json!([folder]))
        .with("OperationCount", 1 + builder.dice.below(9))
        .with("OperationProperties", json!([{"Name": "MailAccessType", "Value": builder.dice.pick(&["Bind", "Sync"])}]))
}

fn mail(builder: &mut RecordBuilder<'_>) -> Value {
    let mut mail = json!({
        "Id": builder.dice.alphanumeric(44),
        "InternetMessageId": format!("<{}@example.com>", builder.dice.alphanumeric(24)),
        "Subject": builder.dice.pick(&["Quarterly figures", "Re: offer ✔", "FW: \"urgent\" invoice", "Grüße aus Köln", ""]),
        "SizeInBytes": builder.dice.between(900, 4_000_000),
        "ParentFolder": folder(builder),
    });
    if builder.dice.chance(0.4) {
        mail["Attachments"] = json!("figures.xlsx (8192b); logo (2).png (773b)");
    }
    mail
}

fn folder(builder: &mut RecordBuilder<'_>) -> Value {
    json!({"Id": builder.dice.alphanumeric(32), "Path": builder.dice.pick(&["\\Inbox", "\\Sent Items", "\\Deleted Items", "\\Entwürfe"])})
}
