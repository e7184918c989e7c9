//! Records of `Audit.SharePoint`: access to and sharing of files and pages in SharePoint and OneDrive.

use serde_json::json;

use super::builder::{PEOPLE, RecordBuilder};
use crate::fields::Fields;

const FILES: [(&str, &str); 5] = [
    ("Q3 forecast.xlsx", "xlsx"),
    ("Überblick.docx", "docx"),
    ("契約書.pdf", "pdf"),
    ("key_material.pem", "pem"),
    ("notes", ""),
];

pub(super) fn record(builder: &mut RecordBuilder<'_>) -> Fields<'static> {
    match builder.rng.below(5) {
        0 => sharing_record(builder),
        1 => page_record(builder),
        _ => file_record(builder),
    }
}

fn base_fields(builder: &mut RecordBuilder<'_>, record_type: i64, operation: &'static str) -> Fields<'static> {
    let workload = builder.rng.pick(&["SharePoint", "OneDrive"]);
    let common = builder.common(record_type, operation, workload);
    let fields = builder.with_client_ip(common);
    let host = if workload == "OneDrive" { "example-my" } else { "example" };
    fields
        .with("SiteUrl", format!("https://{host}.sharepoint.com/sites/finance/"))
        .with("Site", builder.rng.guid())
        .with("WebId", builder.rng.guid())
        .with("EventSource", builder.rng.pick(&["SharePoint", "ObjectModel"]))
        .with("UserAgent", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36")
        .with("CorrelationId", builder.rng.guid())
        .with("ListItemUniqueId", builder.rng.guid())
}

fn file_record(builder: &mut RecordBuilder<'_>) -> Fields<'static> {
    let operation = builder.rng.pick(&[
        "FileAccessed",
        "FileDownloaded",
        "FileModified",
        "FileUploaded",
        "FileRenamed",
        "FileDeleted",
    ]);
    let (name, extension) = builder.rng.pick(&FILES);
    let fields = base_fields(builder, 6, operation)
        .with("ItemType", "File")
        .with("ObjectId", format!("https://example.sharepoint.com/sites/finance/Shared Documents/{name}"))
        .with("SourceFileName", name)
        .with("SourceFileExtension", extension)
        .with("SourceRelativeUrl", "Shared Documents")
        .with("ListId", builder.rng.guid())
        .with("FileSizeBytes", builder.rng.between(0, 5_000_000_000))
        .with("HighPriorityMediaProcessing", false);
    match operation {
        "FileRenamed" => fields
            .with("DestinationFileName", format!("new {name}"))
            .with("DestinationFileExtension", extension)
            .with("DestinationRelativeUrl", "Shared Documents/Archive"),
        "FileDownloaded" => fields
            .with("MachineDomainInfo", "{b1f2}")
            .with("MachineId", builder.rng.guid())
            .with("AppAccessContext", builder.app_access_context()),
        _ => fields,
    }
}

fn sharing_record(builder: &mut RecordBuilder<'_>) -> Fields<'static> {
    let operation =
        builder.rng.pick(&["SharingSet", "AnonymousLinkCreated", "SharingInvitationCreated", "AddedToSecureLink"]);
    base_fields(builder, 14, operation)
        .with("ItemType", builder.rng.pick(&["File", "Folder", "Web"]))
        .with("ObjectId", "https://example.sharepoint.com/sites/finance/Shared Documents")
        .with("SharingType", builder.rng.pick(&["Direct", "Anonymous"]))
        .with("TargetUserOrGroupName", builder.rng.pick(&PEOPLE))
        .with("TargetUserOrGroupType", builder.rng.pick(&["Guest", "Member", "SecurityGroup"]))
        .with("UserSharedWith", builder.rng.pick(&PEOPLE))
        .with("EventData", "<Type>Edit</Type><Sharing link scope>Anyone</Sharing link scope>")
        .with("UniqueSharingId", builder.rng.guid())
}

fn page_record(builder: &mut RecordBuilder<'_>) -> Fields<'static> {
    let operation =
        builder.rng.pick(&["PageViewed", "PageViewedExtended", "SiteCollectionAdminAdded", "SensitivityLabelApplied"]);
    base_fields(builder, 4, operation)
        .with("ItemType", "Page")
        .with("ObjectId", "https://example.sharepoint.com/sites/finance/SitePages/Home.aspx")
        .with("CustomUniqueId", builder.rng.chance(0.5))
        .with(
            "ModifiedProperties",
            json!([{"Name": "SiteAdmin", "NewValue": builder.rng.pick(&PEOPLE), "OldValue": ""}]),
        )
        .with(
            "SensitivityLabelEventData",
            json!({"ActionSourceDetail": "0", "LabelEventType": "2", "SensitivityLabelId": builder.rng.guid()}),
        )
}
