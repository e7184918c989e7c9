//! The methods of the data model of `OpenAI.Audit`.

use std::borrow::Cow;

use super::event_types::*;
use super::read::{first_string, source, text};
use super::table::Table;
use crate::udm::native::{Members, NativeMethod, NativeModel, NativeValue, NativeValues, PathIndex, reads};

pub(crate) static MODEL: NativeModel = NativeModel {
    reads: READS,
    lists: &[],
    methods: &[
        NativeMethod::ActorUser,
        NativeMethod::AssignedAdminRole,
        NativeMethod::EventType,
        NativeMethod::SourceIp,
        NativeMethod::User,
    ],
    values,
};

reads! {
    TYPE: "type";
    SESSION_IP: "actor"."session"."ip_address";
    SESSION_USER_EMAIL: "actor"."session"."user"."email";
    SESSION_USER: "actor"."session"."user"."id";
    ACTOR_USER_EMAIL: "actor"."user"."email";
    ACTOR_USER: "actor"."user"."id";
    KEY_USER_EMAIL: "actor"."api_key"."user"."email";
    KEY_USER: "actor"."api_key"."user"."id";
    ACTOR_SERVICE_ACCOUNT: "actor"."service_account"."id";
    KEY_SERVICE_ACCOUNT: "actor"."api_key"."service_account"."id";
    USER_EMAIL: "user"."email";
    USER: "user"."id";
    INVITED_EMAIL: "invite_sent"."data"."email";
    ASSIGNMENT: "role_assignment_created"."id";
    ASSIGNED_PRINCIPAL: "role_assignment_created"."principal_id";
    UNASSIGNED_PRINCIPAL: "role_assignment_deleted"."principal_id";
    SERVICE_ACCOUNT: "service_account"."id";
    USER_ADDED: "user_added"."id";
    USER_ADDED_ROLE: "user_added"."data"."role";
    USER_UPDATED: "user_updated"."id";
    USER_UPDATED_ROLE: "user_updated"."changes_requested"."role";
    USER_DELETED: "user_deleted"."id";
    SERVICE_ACCOUNT_CREATED: "service_account_created"."id";
    SERVICE_ACCOUNT_CREATED_ROLE: "service_account_created"."data"."role";
    SERVICE_ACCOUNT_UPDATED: "service_account_updated"."id";
    SERVICE_ACCOUNT_UPDATED_ROLE: "service_account_updated"."changes_requested"."role";
    SERVICE_ACCOUNT_DELETED: "service_account_deleted"."id";
}

const ACTORS: &[PathIndex] = &[
    SESSION_USER_EMAIL,
    SESSION_USER,
    ACTOR_USER_EMAIL,
    ACTOR_USER,
    KEY_USER_EMAIL,
    KEY_USER,
    ACTOR_SERVICE_ACCOUNT,
    KEY_SERVICE_ACCOUNT,
];

const TARGETS: &[PathIndex] = &[
    USER_EMAIL,
    USER,
    INVITED_EMAIL,
    ASSIGNED_PRINCIPAL,
    UNASSIGNED_PRINCIPAL,
    SERVICE_ACCOUNT,
    USER_ADDED,
    USER_UPDATED,
    USER_DELETED,
    SERVICE_ACCOUNT_CREATED,
    SERVICE_ACCOUNT_UPDATED,
    SERVICE_ACCOUNT_DELETED,
];

static EVENT_TYPES: Table<34> = Table::new([
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
]);

fn values<'l>(members: &'l dyn Members) -> NativeValues<'l> {
    let kind = text(members, TYPE);
    let role = kind.as_deref().and_then(|kind| admin_role(members, kind));
    let (source_ip, _) = source(members.get(SESSION_IP));
    NativeValues {
        actor_user: first_string(members, ACTORS),
        event_type: kind.as_deref().and_then(|kind| event_type(kind, role.is_some())),
        assigned_admin_role: role.map(NativeValue::Text),
        source_ip,
        user: first_string(members, TARGETS),
        ..NativeValues::default()
    }
}

fn event_type(kind: &str, gives_admin_role: bool) -> Option<&'static str> {
    let event_type = EVENT_TYPES.get(kind)?;
    let is_change = matches!(event_type, USER_ACCOUNT_MODIFIED | USER_ROLE_MODIFIED);
    Some(if is_change && gives_admin_role { ADMIN_ROLE_ASSIGNED } else { event_type })
}

/// Returns the role that an event of the type `kind` assigns, if it is the role of an owner or an administrator.
fn admin_role<'l>(members: &'l dyn Members, kind: &str) -> Option<Cow<'l, str>> {
    let role = match kind {
        "role.assignment.created" => role_of_assignment(text(members, ASSIGNMENT)?)?,
        "service_account.created" => text(members, SERVICE_ACCOUNT_CREATED_ROLE)?,
        "service_account.updated" => text(members, SERVICE_ACCOUNT_UPDATED_ROLE)?,
        "user.added" => text(members, USER_ADDED_ROLE)?,
        "user.updated" => text(members, USER_UPDATED_ROLE)?,
        _ => return None,
    };
    ["owner", "admin"].iter().any(|power| contains(&role, power)).then_some(role)
}

/// Returns `true` if a text contains another text, which must not be empty, in any letter case.
fn contains(text: &str, part: &str) -> bool {
    text.as_bytes().windows(part.len()).any(|window| window.eq_ignore_ascii_case(part.as_bytes()))
}

/// Returns the role in the id of a role assignment: `api-owner` for both
/// `role_assignment_role-api-owner__organization__org-1_user-2` and `role-api-owner__organization__org-1_user-2`.
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
