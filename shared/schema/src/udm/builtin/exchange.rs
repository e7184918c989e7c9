//! The methods of the data model of `Microsoft365.Audit.Exchange`.

use super::event_types::*;
use super::read::{event_type_of_operation, find_row, first_string, has_failed, look_up, source, string};
use super::table::Table;
use crate::udm::native::{List, Members, NativeMethod, NativeModel, NativeValue, NativeValues, reads};
use crate::udm::raw;

pub(crate) static MODEL: NativeModel = NativeModel {
    reads: READS,
    lists: &[PARAMETERS],
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
    CLIENT_IP_ADDRESS: "ClientIPAddress";
    CLIENT_IP: "ClientIP";
    ACTOR_IP: "ActorIP";
    MAILBOX_OWNER: "MailboxOwnerUPN";
    SEND_AS_USER: "SendAsUserSmtp";
    SEND_ON_BEHALF_OF_USER: "SendOnBehalfOfUserSmtp";
}

const PARAMETERS: List = List { number: 0, name: "Parameters", cells: ["Name", "Value"] };

static EVENT_TYPES: Table<20> = Table::new([
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
]);

/// For each cmdlet that assigns a role, the parameter that names the role.
const ROLES: &[(&str, &str)] = &[("Add-RoleGroupMember", "Identity"), ("New-ManagementRoleAssignment", "Role")];
/// For each cmdlet that assigns a role, the parameter that names the user who gets it.
const MEMBERS: &[(&str, &str)] = &[("Add-RoleGroupMember", "Member"), ("New-ManagementRoleAssignment", "User")];

fn values<'l>(members: &'l dyn Members) -> NativeValues<'l> {
    let addresses = [CLIENT_IP_ADDRESS, CLIENT_IP, ACTOR_IP].into_iter().filter_map(|read| members.get(read));
    let (source_ip, source_port) = source(addresses);
    let user = first_string(members, &[MAILBOX_OWNER, SEND_AS_USER, SEND_ON_BEHALF_OF_USER]);
    NativeValues {
        assigned_admin_role: assigned_admin_role(members),
        event_type: event_type(members),
        source_ip,
        source_port,
        user: user.or_else(|| parameter(members, MEMBERS)),
        ..NativeValues::default()
    }
}

fn assigned_admin_role<'l>(members: &'l dyn Members) -> Option<NativeValue<'l>> {
    parameter(members, ROLES).filter(|_| !has_failed(members.get(RESULT_STATUS)))
}

/// Returns the value of the parameter that the table `names` has for the event's operation.
fn parameter<'l>(members: &'l dyn Members, names: &[(&str, &'static str)]) -> Option<NativeValue<'l>> {
    let name = look_up(names, &raw::text(members.get(OPERATION)?)?)?;
    find_row(members, &PARAMETERS, |[key, value]| if raw::is_string(key?, name) { string(value?) } else { None })
}

fn event_type(members: &dyn Members) -> Option<&'static str> {
    let (operation, status) = (members.get(OPERATION), members.get(RESULT_STATUS));
    let is_login = raw::text(operation?)?.eq_ignore_ascii_case("MailboxLogin");
    if is_login && has_failed(status) {
        return Some(FAILED_LOGIN);
    }
    event_type_of_operation(&EVENT_TYPES, operation, status)
}
