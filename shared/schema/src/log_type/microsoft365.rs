//! The log types of Microsoft 365.

use std::sync::LazyLock;

use super::record_types::RecordTypes;
use super::spec::{LogTypeSpec, data_model_files};
use crate::event::construct::Construction;
use crate::identity::{EventTime, IdentityRule};
use crate::udm::builtin::{azure_active_directory, dlp, exchange, general, share_point};

pub(super) static AZURE_ACTIVE_DIRECTORY: LogTypeSpec = LogTypeSpec {
    name: "Microsoft365.Audit.AzureActiveDirectory",
    table: "microsoft365_audit_azureactivedirectory",
    schema: include_str!("../../schemas/Microsoft365.Audit.AzureActiveDirectory.yml"),
    keeps_undeclared: true,
    constructions: &[],
    identity: &IDENTITY,
    record_types: &RECORD_TYPES,
    data_model: data_model_files!("microsoft365_audit_azureactivedirectory"),
    native_model: &azure_active_directory::MODEL,
};

pub(super) static EXCHANGE: LogTypeSpec = LogTypeSpec {
    name: "Microsoft365.Audit.Exchange",
    table: "microsoft365_audit_exchange",
    schema: include_str!("../../schemas/Microsoft365.Audit.Exchange.yml"),
    keeps_undeclared: true,
    constructions: &[],
    identity: &IDENTITY,
    record_types: &RECORD_TYPES,
    data_model: data_model_files!("microsoft365_audit_exchange"),
    native_model: &exchange::MODEL,
};

pub(super) static GENERAL: LogTypeSpec = LogTypeSpec {
    name: "Microsoft365.Audit.General",
    table: "microsoft365_audit_general",
    schema: include_str!("../../schemas/Microsoft365.Audit.General.yml"),
    // The field `payload` holds the whole event, with all undeclared fields.
    keeps_undeclared: false,
    constructions: &[(&["payload"], Construction::Payload)],
    identity: &IDENTITY,
    record_types: &RECORD_TYPES,
    data_model: data_model_files!("microsoft365_audit_general"),
    native_model: &general::MODEL,
};

pub(super) static SHARE_POINT: LogTypeSpec = LogTypeSpec {
    name: "Microsoft365.Audit.SharePoint",
    table: "microsoft365_audit_sharepoint",
    schema: include_str!("../../schemas/Microsoft365.Audit.SharePoint.yml"),
    keeps_undeclared: true,
    constructions: &[],
    identity: &IDENTITY,
    record_types: &RECORD_TYPES,
    data_model: data_model_files!("microsoft365_audit_sharepoint"),
    native_model: &share_point::MODEL,
};

pub(super) static DLP: LogTypeSpec = LogTypeSpec {
    name: "Microsoft365.DLP.All",
    table: "microsoft365_dlp_all",
    schema: include_str!("../../schemas/Microsoft365.DLP.All.yml"),
    keeps_undeclared: true,
    constructions: &[],
    identity: &IDENTITY,
    record_types: &RECORD_TYPES,
    data_model: data_model_files!("microsoft365_dlp_all"),
    native_model: &dlp::MODEL,
};

/// The identity of all events of Microsoft 365. Several events may share an `Id`, so an event is identified by its
/// whole content.
static IDENTITY: IdentityRule = IdentityRule { id: None, shared_id: Some("Id"), time: EventTime::Iso("CreationTime") };

static RECORD_TYPES: LazyLock<RecordTypes> =
    LazyLock::new(|| RecordTypes::numbered("RecordType", include_str!("../../record_types/Microsoft365.txt")));
