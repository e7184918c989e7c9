//! `OpenAI.Audit`

use std::borrow::Cow;

use super::event_types::*;
use super::read::{first_text, look_up, returned, source_ip, text, value};
use crate::log_type::LogType;
use crate::udm::native::{Members, NativeModel, NativeValue};

pub(super) const MODEL: NativeModel = NativeModel {
    log_type: LogType::OpenAiAudit,
    reads: &[
        "type",
        "actor",
        "user",
        "service_account",
        "invite_sent",
        "role_assignment_created",
        "role_assignment_deleted",
        "service_account_created",
        "service_account_deleted",
        "service_account_updated",
        "user_added",
        "user_deleted",
        "user_updated",
    ],
    methods: &[
        ("get_actor_user", actor_user),
        ("get_assigned_admin_role", assigned_admin_role),
        ("get_event_type", event_type),
        ("get_source_ip", get_source_ip),
        ("get_user", user),
    ],
};

const ACTORS: &[&[&str]] = &[
    &["actor", "session", "user", "email"],
    &["actor", "session", "user", "id"],
    &["actor", "user", "email"],
    &["actor", "user", "id"],
    &["actor", "api_key", "user", "email"],
    &["actor", "api_key", "user", "id"],
    &["actor", "service_account", "id"],
    &["actor", "api_key", "service_account", "id"],
];

const TARGETS: &[&[&str]] = &[
    &["user", "email"],
    &["user", "id"],
    &["invite_sent", "data", "email"],
    &["role_assignment_created", "principal_id"],
    &["role_assignment_deleted", "principal_id"],
    &["service_account", "id"],
    &["user_added", "id"],
    &["user_updated", "id"],
    &["user_deleted", "id"],
    &["service_account_created", "id"],
    &["service_account_updated", "id"],
    &["service_account_deleted", "id"],
];

const EVENT_TYPES: &[(&str, &str)] = &[
    ("group.created", USER_GROUP_CREATED),
    ("group.deleted", USER_GROUP_DELETED),
    ("group.updated", USER_GROUP_MODIFIED),
    ("invite.sent", USER_ACCOUNT_CREATED),
    ("login.failed", FAILED_LOGIN),
    ("login.succeeded", SUCCESSFUL_LOGIN),
    ("logout.succeeded", SUCCESSFUL_LOGOUT),
    ("role.assignment.created", USER_ROLE_MODIFIED),
    ("role.assignment.deleted", USER_ROLE_MODIFIED),
    ("role.created", USER_ROLE_CREATED),
    ("role.deleted", USER_ROLE_DELETED),
    ("role.updated", USER_ROLE_MODIFIED),
    ("service_account.created", USER_ACCOUNT_CREATED),
    ("service_account.deleted", USER_ACCOUNT_DELETED),
    ("service_account.updated", USER_ACCOUNT_MODIFIED),
    ("tenant.custom_role.created", USER_ROLE_CREATED),
    ("tenant.custom_role.deleted", USER_ROLE_DELETED),
    ("tenant.custom_role.updated", USER_ROLE_MODIFIED),
    ("tenant.group.created", USER_GROUP_CREATED),
    ("tenant.group.deleted", USER_GROUP_DELETED),
    ("tenant.group.member.added", USER_GROUP_MODIFIED),
    ("tenant.group.member.removed", USER_GROUP_MODIFIED),
    ("tenant.group.updated", USER_GROUP_MODIFIED),
    ("tenant.role_assignment.created", USER_ROLE_MODIFIED),
    ("tenant.role_assignment.deleted", USER_ROLE_MODIFIED),
    ("tenant.service_account.deleted", USER_ACCOUNT_DELETED),
    ("tenant.service_account.updated", USER_ACCOUNT_MODIFIED),
    ("tenant.user.added", USER_ACCOUNT_CREATED),
    ("tenant.user.invited", USER_ACCOUNT_CREATED),
    ("tenant.user.removed", USER_ACCOUNT_DELETED),
    ("tenant.user.updated", USER_ACCOUNT_MODIFIED),
    ("user.added", USER_ACCOUNT_CREATED),
    ("user.deleted", USER_ACCOUNT_DELETED),
    ("user.updated", USER_ACCOUNT_MODIFIED),
];

fn actor_user<'l>(members: &'l dyn Members) -> Option<NativeValue<'l>> {
    first_text(members, ACTORS).map(returned)
}

fn user<'l>(members: &'l dyn Members) -> Option<NativeValue<'l>> {
    first_text(members, TARGETS).map(returned)
}

fn get_source_ip<'l>(members: &'l dyn Members) -> Option<NativeValue<'l>> {
    source_ip(value(members, &["actor", "session", "ip_address"]))
}

fn assigned_admin_role<'l>(members: &'l dyn Members) -> Option<NativeValue<'l>> {
    admin_role(members, &text(members, &["type"])?).map(returned)
}

fn event_type<'l>(members: &'l dyn Members) -> Option<NativeValue<'l>> {
    let kind = text(members, &["type"])?;
    let event_type = look_up(EVENT_TYPES, &kind)?;
    let is_change = matches!(event_type, USER_ACCOUNT_MODIFIED | USER_ROLE_MODIFIED);
    let is_grant = is_change && admin_role(members, &kind).is_some();
    Some(returned(if is_grant { ADMIN_ROLE_ASSIGNED } else { event_type }.into()))
}

/// The role that the event gives, if it is one of an owner or an administrator.
fn admin_role<'l>(members: &'l dyn Members, kind: &str) -> Option<Cow<'l, str>> {
    let role = match kind {
        "role.assignment.created" => role_of_assignment(text(members, &["role_assignment_created", "id"])?)?,
        "service_account.created" => text(members, &["service_account_created", "data", "role"])?,
        "service_account.updated" => text(members, &["service_account_updated", "changes_requested", "role"])?,
        "user.added" => text(members, &["user_added", "data", "role"])?,
        "user.updated" => text(members, &["user_updated", "changes_requested", "role"])?,
        _ => return None,
    };
    let lower = role.to_ascii_lowercase();
    (lower.contains("owner") || lower.contains("admin")).then_some(role)
}

/// The role in an assignment's id, such as `api-owner` in `role_assignment_role-api-owner__organization__org-1_user-2`
/// and in `role-api-owner__organization__org-1_user-2`.
fn role_of_assignment(id: Cow<'_, str>) -> Option<Cow<'_, str>> {
    match id {
        Cow::Borrowed(id) => role_in(id).map(Cow::Borrowed),
        Cow::Owned(id) => role_in(&id).map(|role| role.to_owned().into()),
    }
}

fn role_in(id: &str) -> Option<&str> {
    let id = id.strip_prefix("role_assignment_").unwrap_or(id);
    id.strip_prefix("role-")?.split('_').next()
}
