//! `Microsoft365.Audit.AzureActiveDirectory`

use std::borrow::Cow;

use data_models::{Value, View};

use super::event_types::*;
use super::read::{has_failed, known, look_up, pair_text, pairs, returned, source_ip, source_port, text};
use crate::log_type::LogType;
use crate::udm::native::{Members, NativeModel, NativeValue};
use crate::udm::raw;

pub(super) const MODEL: NativeModel = NativeModel {
    log_type: LogType::AzureActiveDirectory,
    reads: &[
        "RecordType",
        "Operation",
        "ResultStatus",
        "ObjectId",
        "UserId",
        "ClientIP",
        "ExtendedProperties",
        "ModifiedProperties",
        "LoginStatus",
        "Actor",
        "ActorIpAddress",
        "Target",
        "LogonError",
    ],
    methods: &[
        ("get_actor_user", actor_user),
        ("get_assigned_admin_role", assigned_admin_role),
        ("get_event_type", event_type),
        ("get_source_ip", get_source_ip),
        ("get_source_port", get_source_port),
        ("get_user", user),
        ("get_user_agent", user_agent),
    ],
};

/// The `Type` of an identity that is a user principal name.
const PRINCIPAL_NAME: &str = "5";
/// The `RecordType` of sign-ins by the older account logon.
const ACCOUNT_LOGON: &str = "9";

/// Operations, without the full stop that most of them end with.
const EVENT_TYPES: &[(&str, &str)] = &[
    ("Add eligible member to role", ADMIN_ROLE_ASSIGNED),
    ("Add eligible member to role in PIM completed (permanent)", ADMIN_ROLE_ASSIGNED),
    ("Add eligible member to role in PIM completed (timebound)", ADMIN_ROLE_ASSIGNED),
    ("Add group", USER_GROUP_CREATED),
    ("Add member to group", USER_GROUP_MODIFIED),
    ("Add member to role", ADMIN_ROLE_ASSIGNED),
    ("Add member to role completed (PIM activation)", ADMIN_ROLE_ASSIGNED),
    ("Add member to role in PIM completed (permanent)", ADMIN_ROLE_ASSIGNED),
    ("Add member to role in PIM completed (timebound)", ADMIN_ROLE_ASSIGNED),
    ("Add member to role outside of PIM (permanent)", ADMIN_ROLE_ASSIGNED),
    ("Add owner to group", USER_GROUP_MODIFIED),
    ("Add role definition", USER_ROLE_CREATED),
    ("Add scoped member to role", ADMIN_ROLE_ASSIGNED),
    ("Add user", USER_ACCOUNT_CREATED),
    ("Change user license", USER_ACCOUNT_MODIFIED),
    ("Change user password", USER_ACCOUNT_MODIFIED),
    ("Delete group", USER_GROUP_DELETED),
    ("Delete role definition", USER_ROLE_DELETED),
    ("Delete user", USER_ACCOUNT_DELETED),
    ("Disable account", USER_ACCOUNT_MODIFIED),
    ("Disable Strong Authentication", MFA_DISABLED),
    ("Enable account", USER_ACCOUNT_MODIFIED),
    ("Enable Strong Authentication", MFA_ENABLED),
    ("Hard delete group", USER_GROUP_DELETED),
    ("Hard delete user", USER_ACCOUNT_DELETED),
    ("Invite external user", USER_ACCOUNT_CREATED),
    ("Remove eligible member from role", USER_ROLE_MODIFIED),
    ("Remove member from group", USER_GROUP_MODIFIED),
    ("Remove member from role", USER_ROLE_MODIFIED),
    ("Remove owner from group", USER_GROUP_MODIFIED),
    ("Remove scoped member from role", USER_ROLE_MODIFIED),
    ("Reset user password", USER_ACCOUNT_MODIFIED),
    ("Restore user", USER_ACCOUNT_MODIFIED),
    ("Set force change user password", USER_ACCOUNT_MODIFIED),
    ("Set license properties", USER_ACCOUNT_MODIFIED),
    ("Update group", USER_GROUP_MODIFIED),
    ("Update role definition", USER_ROLE_MODIFIED),
    ("Update user", USER_ACCOUNT_MODIFIED),
    ("UserLoggedIn", SUCCESSFUL_LOGIN),
    ("UserLoggedOff", SUCCESSFUL_LOGOUT),
    ("UserLoginFailed", FAILED_LOGIN),
];

fn actor_user<'l>(members: &'l dyn Members) -> Option<NativeValue<'l>> {
    let user = text(members, &["UserId"]).and_then(known);
    user.or_else(|| principal_name(members, "Actor")).map(returned)
}

fn user<'l>(members: &'l dyn Members) -> Option<NativeValue<'l>> {
    let object = || text(members, &["ObjectId"]).filter(|object| object.contains('@'));
    principal_name(members, "Target").or_else(object).map(returned)
}

/// The first user principal name in a list of identities.
fn principal_name<'l>(members: &'l dyn Members, list: &str) -> Option<Cow<'l, str>> {
    let identities = raw::elements(members.get(list)?);
    let mut names = identities.filter(|identity| raw::member(identity, "Type") == Some(PRINCIPAL_NAME));
    names.find_map(|identity| raw::text(raw::member(identity, "ID")?).and_then(known))
}

fn addresses(members: &dyn Members) -> impl Iterator<Item = &str> {
    ["ClientIP", "ActorIpAddress"].into_iter().filter_map(|name| members.get(name))
}

fn get_source_ip<'l>(members: &'l dyn Members) -> Option<NativeValue<'l>> {
    source_ip(addresses(members))
}

fn get_source_port<'l>(members: &'l dyn Members) -> Option<NativeValue<'l>> {
    source_port(addresses(members))
}

fn user_agent<'l>(members: &'l dyn Members) -> Option<NativeValue<'l>> {
    let user_agent = pair_text(members, "ExtendedProperties", "UserAgent", "Value").and_then(known);
    user_agent.or_else(|| user_agent_in_details(members)).map(returned)
}

/// The user agent of a change in the directory, which stands in an object that is sent as text.
fn user_agent_in_details<'l>(members: &'l dyn Members) -> Option<Cow<'l, str>> {
    let details = pair_text(members, "ExtendedProperties", "additionalDetails", "Value")?;
    match Value::parse(&details).ok()?.get("User-Agent")?.view() {
        View::String(text) if !text.is_empty() => known(text.into_owned().into()),
        _ => None,
    }
}

fn event_type<'l>(members: &'l dyn Members) -> Option<NativeValue<'l>> {
    let operation = text(members, &["Operation"])?;
    let operation = operation.trim_matches([' ', '.']);
    let event_type = look_up(EVENT_TYPES, operation).or_else(|| account_logon(members, operation))?;
    let event_type = match event_type {
        SUCCESSFUL_LOGIN => {
            if is_failed_login(members) {
                FAILED_LOGIN
            } else {
                SUCCESSFUL_LOGIN
            }
        }
        FAILED_LOGIN => FAILED_LOGIN,
        _ if has_failed(members) => return None,
        USER_ACCOUNT_MODIFIED => mfa_change(members).unwrap_or(USER_ACCOUNT_MODIFIED),
        other => other,
    };
    Some(returned(event_type.into()))
}

fn account_logon(members: &dyn Members, operation: &str) -> Option<&'static str> {
    let is_logon = members.get("RecordType") == Some(ACCOUNT_LOGON) && operation.to_ascii_lowercase().contains("logon");
    is_logon.then_some(SUCCESSFUL_LOGIN)
}

fn is_failed_login(members: &dyn Members) -> bool {
    let has_error = text(members, &["LogonError"]).and_then(known).is_some();
    let has_status = members.get("LoginStatus").is_some_and(|status| !matches!(status, "0" | "null"));
    has_error || has_status || has_failed(members)
}

/// The change of the user's second factors, if there is one: of the methods that the user has registered, else of
/// the requirement that an administrator has set.
fn mfa_change(members: &dyn Members) -> Option<&'static str> {
    let methods = match change(members, "StrongAuthenticationMethod") {
        Some((false, true)) => Some(MFA_ENABLED),
        Some((true, false)) => Some(MFA_DISABLED),
        Some((true, true)) => Some(MFA_RESET),
        _ => None,
    };
    methods.or_else(|| match change(members, "StrongAuthenticationRequirement") {
        Some((false, true)) => Some(MFA_ENABLED),
        Some((true, false)) => Some(MFA_DISABLED),
        _ => None,
    })
}

/// Returns whether a property that was changed had a value before, and has one now.
fn change(members: &dyn Members, name: &str) -> Option<(bool, bool)> {
    let property = pairs(members, "ModifiedProperties", name).next()?;
    let [old, new] = ["OldValue", "NewValue"].map(|name| content(raw::member(property, name)));
    (old != new).then_some((!old.is_empty(), !new.is_empty()))
}

/// A property's value without the brackets, quotes and spaces around it: empty for an empty list.
fn content(value: Option<&str>) -> Cow<'_, str> {
    let Some(text) = value.and_then(raw::text) else { return Cow::Borrowed("") };
    text.trim_matches(['[', ']', '"', ' ', '\t', '\r', '\n']).to_owned().into()
}

fn assigned_admin_role<'l>(members: &'l dyn Members) -> Option<NativeValue<'l>> {
    if event_type(members)? != returned(ADMIN_ROLE_ASSIGNED.into()) {
        return None;
    }
    match pair_text(members, "ModifiedProperties", "Role.DisplayName", "NewValue")? {
        Cow::Borrowed(role) => Some(Cow::Borrowed(role.trim_matches('"'))),
        Cow::Owned(role) => Some(role.trim_matches('"').to_owned().into()),
    }
    .filter(|role| !role.is_empty())
    .map(returned)
}
