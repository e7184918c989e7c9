//! `Audit.SharePoint`: files, pages and sharing, in SharePoint and OneDrive.

use serde_json::json;

use super::maker::{Maker, PEOPLE};
use crate::fields::Fields;

const FILES: [(&str, &str); 5] = [
    ("Q3 forecast.xlsx", "xlsx"),
    ("Überblick.docx", "docx"),
    ("契約書.pdf", "pdf"),
    ("key_material.pem", "pem"),
    ("notes", ""),
];

pub(super) fn record(maker: &mut Maker<'_>) -> Fields<'static> {
    match maker.dice.below(5) {
        0 => sharing(maker),
        1 => page(maker),
        _ => file(maker),
    }
}

fn base(maker: &mut Maker<'_>, record_type: i64, operation: &'static str) -> Fields<'static> {
    let workload = maker.dice.pick(&["SharePoint", "OneDrive"]);
    let common = maker.common(record_type, operation, workload);
    let fields = maker.with_client_ip(common);
    let host = if workload == "OneDrive" { "example-my" } else { "example" };
    fields
        .with("SiteUrl", format!("https://{host}.sharepoint.com/sites/finance/"))
        .with("Site", maker.dice.guid())
        .with("WebId", maker.dice.guid())
        .with("EventSource", maker.dice.pick(&["SharePoint", "ObjectModel"]))
        .with("UserAgent", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36")
        .with("CorrelationId", maker.dice.guid())
        .with("ListItemUniqueId", maker.dice.guid())
}

fn file(maker: &mut Maker<'_>) -> Fields<'static> {
    let operation = maker.dice.pick(&[
        "FileAccessed",
        "FileDownloaded",
        "FileModified",
        "FileUploaded",
        "FileRenamed",
        "FileDeleted",
    ]);
    let (name, extension) = maker.dice.pick(&FILES);
    let fields = base(maker, 6, operation)
        .with("ItemType", "File")
        .with("ObjectId", format!("https://example.sharepoint.com/sites/finance/Shared Documents/{name}"))
        .with("SourceFileName", name)
        .with("SourceFileExtension", extension)
        .with("SourceRelativeUrl", "Shared Documents")
        .with("ListId", maker.dice.guid())
        .with("FileSizeBytes", maker.dice.between(0, 5_000_000_000))
        .with("HighPriorityMediaProcessing", false);
    match operation {
        "FileRenamed" => fields
            .with("DestinationFileName", format!("new {name}"))
            .with("DestinationFileExtension", extension)
            .with("DestinationRelativeUrl", "Shared Documents/Archive"),
        "FileDownloaded" => fields
            .with("MachineDomainInfo", "{b1f2}")
            .with("MachineId", maker.dice.guid())
            .with("AppAccessContext", maker.app_access_context()),
        _ => fields,
    }
}

fn sharing(maker: &mut Maker<'_>) -> Fields<'static> {
    let operation =
        maker.dice.pick(&["SharingSet", "AnonymousLinkCreated", "SharingInvitationCreated", "AddedToSecureLink"]);
    base(maker, 14, operation)
        .with("ItemType", maker.dice.pick(&["File", "Folder", "Web"]))
        .with("ObjectId", "https://example.sharepoint.com/sites/finance/Shared Documents")
        .with("SharingType", maker.dice.pick(&["Direct", "Anonymous"]))
        .with("TargetUserOrGroupName", maker.dice.pick(&PEOPLE))
        .with("TargetUserOrGroupType", maker.dice.pick(&["Guest", "Member", "SecurityGroup"]))
        .with("UserSharedWith", maker.dice.pick(&PEOPLE))
        .with("EventData", "<Type>Edit</Type><Sharing link scope>Anyone</Sharing link scope>")
        .with("UniqueSharingId", maker.dice.guid())
}

fn page(maker: &mut Maker<'_>) -> Fields<'static> {
    let operation =
        maker.dice.pick(&["PageViewed", "PageViewedExtended", "SiteCollectionAdminAdded", "SensitivityLabelApplied"]);
    base(maker, 4, operation)
        .with("ItemType", "Page")
        .with("ObjectId", "https://example.sharepoint.com/sites/finance/SitePages/Home.aspx")
        .with("CustomUniqueId", maker.dice.chance(0.5))
        .with(
            "ModifiedProperties",
            json!([{"Name": "SiteAdmin", "NewValue": maker.dice.pick(&PEOPLE), "OldValue": ""}]),
        )
        .with(
            "SensitivityLabelEventData",
            json!({"ActionSourceDetail": "0", "LabelEventType": "2", "SensitivityLabelId": maker.dice.guid()}),
        )
}
