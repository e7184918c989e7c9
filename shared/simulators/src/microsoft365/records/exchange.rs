//! `Audit.Exchange`: what administrators do, and what is done in mailboxes.

use serde_json::{Value, json};

use super::maker::{Maker, PEOPLE};
use crate::fields::Fields;

const SERVER: &str = "DB7PR04MB4523 (15.20.4200.000)";

pub(super) fn record(maker: &mut Maker<'_>) -> Fields<'static> {
    match maker.dice.below(4) {
        0 | 1 => admin(maker),
        2 => item(maker),
        _ => items(maker),
    }
}

fn admin(maker: &mut Maker<'_>) -> Fields<'static> {
    let operation = maker.dice.pick(&[
        "New-InboxRule",
        "Set-Mailbox",
        "Add-MailboxPermission",
        "Set-TransportRule",
        "Update-RoleGroupMember",
    ]);
    let common = maker.common(1, operation, "Exchange");
    let fields = maker.with_client_ip(common);
    let person = maker.dice.pick(&PEOPLE);
    fields
        .with("ObjectId", format!("EURPR04A001.PROD.OUTLOOK.COM/Microsoft Exchange Hosted Organizations/example.onmicrosoft.com/{person}"))
        .with("ExternalAccess", maker.dice.chance(0.1))
        .with("OrganizationName", "example.onmicrosoft.com")
        .with("OriginatingServer", SERVER)
        .with("Parameters", json!([
            {"Name": "Identity", "Value": person},
            {"Name": "ForwardTo", "Value": maker.dice.pick(&["smtp:attacker@example.net", "smtp:archive@example.com", ""])},
            {"Name": "DeliverToMailboxAndForward", "Value": maker.dice.pick(&["True", "False"])},
        ]))
        .with("SessionId", maker.dice.guid())
        .with("AppAccessContext", maker.app_access_context())
}

fn mailbox(maker: &mut Maker<'_>, record_type: i64, operation: &'static str) -> Fields<'static> {
    let common = maker.common(record_type, operation, "Exchange");
    let fields = maker.with_client_ip(common);
    let owner = maker.dice.pick(&PEOPLE);
    let sid = format!(
        "S-1-5-21-{}-{}-{}",
        maker.dice.between(1, i64::from(u32::MAX)),
        maker.dice.between(1, 9_999_999),
        maker.dice.between(1, 9_999_999)
    );
    fields
        .with("ClientIPAddress", maker.address())
        .with(
            "ClientInfoString",
            maker.dice.pick(&["Client=OWA;Action=ViaProxy", "Client=REST;Client=RESTSystem;;", "Client=MSExchangeRPC"]),
        )
        .with("ExternalAccess", false)
        .with("InternalLogonType", 0)
        .with("LogonType", maker.dice.between(0, 2))
        .with("LogonUserSid", sid.as_str())
        .with("MailboxGuid", maker.dice.guid())
        .with("MailboxOwnerSid", sid)
        .with("MailboxOwnerUPN", owner)
        .with("OrganizationName", "example.onmicrosoft.com")
        .with("OriginatingServer", format!("{SERVER}\r\n"))
        .with("SessionId", maker.dice.guid())
}

fn item(maker: &mut Maker<'_>) -> Fields<'static> {
    let operation = maker.dice.pick(&["Create", "Update", "Send", "SendAs", "SendOnBehalf"]);
    let mut fields = mailbox(maker, 2, operation);
    let item = mail(maker);
    if operation == "SendAs" {
        fields =
            fields.with("SendAsUserSmtp", maker.dice.pick(&PEOPLE)).with("SendAsUserMailboxGuid", maker.dice.guid());
    }
    fields.with("Item", item).with("Sender", maker.dice.pick(&PEOPLE)).with("AdditionalInfo", json!({"Client": "OWA"}))
}

fn items(maker: &mut Maker<'_>) -> Fields<'static> {
    let operation = maker.dice.pick(&["HardDelete", "SoftDelete", "MoveToDeletedItems", "MailItemsAccessed"]);
    let fields = mailbox(maker, if operation == "MailItemsAccessed" { 50 } else { 3 }, operation);
    let affected: Vec<_> = (0..1 + maker.dice.below(3)).map(|_| mail(maker)).collect();
    let folder = folder(maker);
    fields
        .with("AffectedItems", affected)
        .with("CrossMailboxOperation", false)
        .with("Folder", folder.clone())
        .with("Folders", json!([folder]))
        .with("OperationCount", 1 + maker.dice.below(9))
        .with("OperationProperties", json!([{"Name": "MailAccessType", "Value": maker.dice.pick(&["Bind", "Sync"])}]))
}

fn mail(maker: &mut Maker<'_>) -> Value {
    let mut mail = json!({
        "Id": maker.dice.alphanumeric(44),
        "InternetMessageId": format!("<{}@example.com>", maker.dice.alphanumeric(24)),
        "Subject": maker.dice.pick(&["Quarterly figures", "Re: offer ✔", "FW: \"urgent\" invoice", "Grüße aus Köln", ""]),
        "SizeInBytes": maker.dice.between(900, 4_000_000),
        "ParentFolder": folder(maker),
    });
    if maker.dice.chance(0.4) {
        mail["Attachments"] = json!("figures.xlsx (8192b); logo (2).png (773b)");
    }
    mail
}

fn folder(maker: &mut Maker<'_>) -> Value {
    json!({"Id": maker.dice.alphanumeric(32), "Path": maker.dice.pick(&["\\Inbox", "\\Sent Items", "\\Deleted Items", "\\Entwürfe"])})
}
