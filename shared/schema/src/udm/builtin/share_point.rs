//! `Microsoft365.Audit.SharePoint`

use super::event_types::*;
use super::read::{first_text, has_failed, of_operation, returned, source_ip, source_port, text};
use crate::log_type::LogType;
use crate::udm::native::{Members, NativeModel, NativeValue};

pub(super) const MODEL: NativeModel = NativeModel {
    log_type: LogType::SharePoint,
    reads: &["Operation", "ResultStatus", "ClientIP", "UserSharedWith", "TargetUserOrGroupName"],
    methods: &[
        ("get_assigned_admin_role", assigned_admin_role),
        ("get_event_type", event_type),
        ("get_source_ip", get_source_ip),
        ("get_source_port", get_source_port),
        ("get_user", user),
    ],
};

const TARGETS: &[&[&str]] = &[&["TargetUserOrGroupName"], &["UserSharedWith"]];
/// The operation that makes somebody the administrator of a site collection, and the name of that role.
const ADMIN_ADDED: &str = "SiteCollectionAdminAdded";
const ADMIN_ROLE: &str = "Site Collection Administrator";

const EVENT_TYPES: &[(&str, &str)] = &[
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
];

fn user<'l>(members: &'l dyn Members) -> Option<NativeValue<'l>> {
    first_text(members, TARGETS).map(returned)
}

fn assigned_admin_role<'l>(members: &'l dyn Members) -> Option<NativeValue<'l>> {
    let is_grant = text(members, &["Operation"])?.eq_ignore_ascii_case(ADMIN_ADDED) && !has_failed(members);
    is_grant.then(|| returned(ADMIN_ROLE.into()))
}

fn event_type<'l>(members: &'l dyn Members) -> Option<NativeValue<'l>> {
    of_operation(members, EVENT_TYPES)
}

fn get_source_ip<'l>(members: &'l dyn Members) -> Option<NativeValue<'l>> {
    source_ip(members.get("ClientIP"))
}

fn get_source_port<'l>(members: &'l dyn Members) -> Option<NativeValue<'l>> {
    source_port(members.get("ClientIP"))
}
