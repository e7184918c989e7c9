//! The methods of the data model of `Microsoft365.Audit.SharePoint`.

use super::event_types::*;
use super::read::{event_type_of_operation, first_string, source};
use super::table::Table;
use crate::udm::native::{Members, NativeMethod, NativeModel, NativeValue, NativeValues, reads};

pub(crate) static MODEL: NativeModel = NativeModel {
    reads: READS,
    lists: &[],
    methods: &[
        NativeMethod::AssignedAdminRole,
        NativeMethod::EventType,
        NativeMethod::SourceIp,
        NativeMethod::SourcePort,
        NativeMethod::User,
    ],
    values,
};

reads! {
    OPERATION: "Operation";
    RESULT_STATUS: "ResultStatus";
    CLIENT_IP: "ClientIP";
    TARGET_USER: "TargetUserOrGroupName";
    SHARED_WITH: "UserSharedWith";
}

/// The operation that makes somebody an administrator of a site collection.
const ADMIN_ADDED: &str = "SiteCollectionAdminAdded";
/// The name of the role that [`ADMIN_ADDED`] assigns.
const ADMIN_ROLE: &str = "Site Collection Administrator";

static EVENT_TYPES: Table<10> = Table::new([
    ("AddedToGroup", USER_GROUP_MODIFIED),
    ("GroupAdded", USER_GROUP_CREATED),
    ("GroupRemoved", USER_GROUP_DELETED),
    ("GroupUpdated", USER_GROUP_MODIFIED),
    ("PermissionLevelAdded", USER_ROLE_CREATED),
    ("PermissionLevelModified", USER_ROLE_MODIFIED),
    ("PermissionLevelRemoved", USER_ROLE_DELETED),
    ("RemovedFromGroup", USER_GROUP_MODIFIED),
    (ADMIN_ADDED, ADMIN_ROLE_ASSIGNED),
    ("SiteCollectionAdminRemoved", USER_ROLE_MODIFIED),
]);

fn values<'l>(members: &'l dyn Members) -> NativeValues<'l> {
    let event_type = event_type_of_operation(&EVENT_TYPES, members.get(OPERATION), members.get(RESULT_STATUS));
    let is_grant = event_type == Some(ADMIN_ROLE_ASSIGNED);
    let (source_ip, source_port) = source(members.get(CLIENT_IP));
    NativeValues {
        assigned_admin_role: is_grant.then_some(NativeValue::Text(ADMIN_ROLE.into())),
        event_type,
        source_ip,
        source_port,
        user: first_string(members, &[TARGET_USER, SHARED_WITH]),
        ..NativeValues::default()
    }
}
