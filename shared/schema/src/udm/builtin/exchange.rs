//! `Microsoft365.Audit.Exchange`

use super::event_types::*;
use super::read::{first_text, has_failed, look_up, of_operation, pair_text, returned, source_ip, source_port, text};
use crate::log_type::LogType;
use crate::udm::native::{Members, NativeModel, NativeValue};

pub(super) const MODEL: NativeModel = NativeModel {
    log_type: LogType::Exchange,
    reads: &[
        "Operation",
        "ResultStatus",
        "ClientIP",
        "Parameters",
        "MailboxOwnerUPN",
        "ClientIPAddress",
        "SendAsUserSmtp",
        "SendOnBehalfOfUserSmtp",
        "ActorIP",
    ],
    methods: &[
        ("get_assigned_admin_role", assigned_admin_role),
        ("get_event_type", event_type),
        ("get_source_ip", get_source_ip),
        ("get_source_port", get_source_port),
        ("get_user", user),
    ],
};

const TARGETS: &[&[&str]] = &[&["MailboxOwnerUPN"], &["SendAsUserSmtp"], &["SendOnBehalfOfUserSmtp"]];

const EVENT_TYPES: &[(&str, &str)] = &[
    ("Add-DistributionGroupMember", USER_GROUP_MODIFIED),
    ("Add-RoleGroupMember", ADMIN_ROLE_ASSIGNED),
    ("MailboxLogin", SUCCESSFUL_LOGIN),
    ("New-DistributionGroup", USER_GROUP_CREATED),
    ("New-Mailbox", USER_ACCOUNT_CREATED),
    ("New-ManagementRole", USER_ROLE_CREATED),
    ("New-ManagementRoleAssignment", ADMIN_ROLE_ASSIGNED),
    ("New-RoleGroup", USER_ROLE_CREATED),
    ("Remove-DistributionGroup", USER_GROUP_DELETED),
    ("Remove-DistributionGroupMember", USER_GROUP_MODIFIED),
    ("Remove-Mailbox", USER_ACCOUNT_DELETED),
    ("Remove-ManagementRole", USER_ROLE_DELETED),
    ("Remove-ManagementRoleAssignment", USER_ROLE_MODIFIED),
    ("Remove-RoleGroup", USER_ROLE_DELETED),
    ("Remove-RoleGroupMember", USER_ROLE_MODIFIED),
    ("Set-DistributionGroup", USER_GROUP_MODIFIED),
    ("Set-ManagementRole", USER_ROLE_MODIFIED),
    ("Set-RoleGroup", USER_ROLE_MODIFIED),
    ("Update-DistributionGroupMember", USER_GROUP_MODIFIED),
    ("Update-RoleGroupMember", USER_ROLE_MODIFIED),
];

/// The parameter of a cmdlet that names the role it gives.
const ROLES: &[(&str, &str)] = &[("Add-RoleGroupMember", "Identity"), ("New-ManagementRoleAssignment", "Role")];
/// The parameter of a cmdlet that names the user it gives a role to.
const MEMBERS: &[(&str, &str)] = &[("Add-RoleGroupMember", "Member"), ("New-ManagementRoleAssignment", "User")];

fn user<'l>(members: &'l dyn Members) -> Option<NativeValue<'l>> {
    let user = first_text(members, TARGETS).map(returned);
    user.or_else(|| parameter(members, MEMBERS))
}

fn assigned_admin_role<'l>(members: &'l dyn Members) -> Option<NativeValue<'l>> {
    if has_failed(members) { None } else { parameter(members, ROLES) }
}

/// The parameter that a table names for the operation.
fn parameter<'l>(members: &'l dyn Members, names: &[(&str, &'static str)]) -> Option<NativeValue<'l>> {
    let name = look_up(names, &text(members, &["Operation"])?)?;
    pair_text(members, "Parameters", name, "Value").map(returned)
}

fn event_type<'l>(members: &'l dyn Members) -> Option<NativeValue<'l>> {
    let is_login = text(members, &["Operation"])?.eq_ignore_ascii_case("MailboxLogin");
    if is_login && has_failed(members) {
        return Some(returned(FAILED_LOGIN.into()));
    }
    of_operation(members, EVENT_TYPES)
}

fn addresses(members: &dyn Members) -> impl Iterator<Item = &str> {
    ["ClientIPAddress", "ClientIP", "ActorIP"].into_iter().filter_map(|name| members.get(name))
}

fn get_source_ip<'l>(members: &'l dyn Members) -> Option<NativeValue<'l>> {
    source_ip(addresses(members))
}

fn get_source_port<'l>(members: &'l dyn Members) -> Option<NativeValue<'l>> {
    source_port(addresses(members))
}
