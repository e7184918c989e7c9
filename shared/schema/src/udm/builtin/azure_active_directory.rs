//! The methods of the data model of `Microsoft365.Audit.AzureActiveDirectory`.

use std::borrow::Cow;
use std::ops::ControlFlow;

use data_models::Value;

use super::event_types::*;
use super::read::{find_row, has_failed, is_known, known_string, position, source, string, text};
use super::table::Table;
use crate::udm::native::{List, Members, NativeMethod, NativeModel, NativeValue, NativeValues, reads};
use crate::udm::raw;

pub(crate) static MODEL: NativeModel = NativeModel {
    reads: READS,
    lists: &[EXTENDED_PROPERTIES, ACTOR, TARGET],
    methods: &[
        NativeMethod::ActorUser,
        NativeMethod::AssignedAdminRole,
        NativeMethod::EventType,
        NativeMethod::SourceIp,
        NativeMethod::SourcePort,
        NativeMethod::User,
        NativeMethod::UserAgent,
    ],
    values,
};

reads! {
    RECORD_TYPE: "RecordType";
    OPERATION: "Operation";
    RESULT_STATUS: "ResultStatus";
    OBJECT: "ObjectId";
    USER: "UserId";
    CLIENT_IP: "ClientIP";
    ACTOR_IP: "ActorIpAddress";
    MODIFIED_PROPERTIES: "ModifiedProperties";
    LOGIN_STATUS: "LoginStatus";
    LOGON_ERROR: "LogonError";
}

const EXTENDED_PROPERTIES: List = List { number: 0, name: "ExtendedProperties", cells: ["Name", "Value"] };
const ACTOR: List = List { number: 1, name: "Actor", cells: ["Type", "ID"] };
const TARGET: List = List { number: 2, name: "Target", cells: ["Type", "ID"] };

/// The `Type` of an entry of `Actor` or `Target` that is a user principal name.
const USER_PRINCIPAL_NAME_TYPE: &[u8] = b"5";
/// The `RecordType` of events about account logons (`AzureActiveDirectoryAccountLogon`).
const ACCOUNT_LOGON_RECORD_TYPE: &[u8] = b"9";
/// The properties of a user's multi-factor authentication: the methods that the user has registered, and the
/// requirement that an administrator has set.
const MFA_PROPERTIES: [&str; 2] = ["StrongAuthenticationMethod", "StrongAuthenticationRequirement"];

/// The event type of each operation. The operations stand here without the full stop with which most of them end.
static EVENT_TYPES: Table<41> = Table::new([
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
]);

fn values<'l>(members: &'l dyn Members) -> NativeValues<'l> {
    let event_type = event_type(members);
    let (source_ip, source_port) = source([CLIENT_IP, ACTOR_IP].into_iter().filter_map(|read| members.get(read)));
    let is_grant = event_type == Some(ADMIN_ROLE_ASSIGNED);
    NativeValues {
        actor_user: actor_user(members),
        assigned_admin_role: if is_grant { granted_role(members) } else { None },
        event_type,
        source_ip,
        source_port,
        user: user(members),
        user_agent: user_agent(members),
    }
}

fn actor_user<'l>(members: &'l dyn Members) -> Option<NativeValue<'l>> {
    let user = members.get(USER).and_then(known_string);
    user.or_else(|| principal_name(members, &ACTOR))
}

fn user<'l>(members: &'l dyn Members) -> Option<NativeValue<'l>> {
    let target = principal_name(members, &TARGET);
    target.or_else(|| string(members.get(OBJECT).filter(|json| raw::text(json).is_some_and(|id| id.contains('@')))?))
}

/// Returns the first user principal name in a list of identities.
fn principal_name<'l>(members: &'l dyn Members, list: &List) -> Option<NativeValue<'l>> {
    let is_name = |kind: Option<&[u8]>| kind == Some(USER_PRINCIPAL_NAME_TYPE);
    find_row(members, list, |[kind, id]| if is_name(kind) { known_string(id?) } else { None })
}

/// Returns the user agent of a sign-in, or else of a change in the directory.
fn user_agent<'l>(members: &'l dyn Members) -> Option<NativeValue<'l>> {
    let [mut of_sign_in, mut details] = [None; 2];
    members.each_row(&EXTENDED_PROPERTIES, &mut |[name, value]| {
        if let Some(value) = value.filter(|json| raw::is_text(json)) {
            match position(name, &["UserAgent", "additionalDetails"]) {
                Some(0) => of_sign_in = of_sign_in.or(Some(value)),
                Some(_) => details = details.or(Some(value)),
                None => {}
            }
        }
        if of_sign_in.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    of_sign_in.and_then(known_string).or_else(|| user_agent_in_details(&raw::text(details?)?))
}

/// Returns the user agent in `additionalDetails`, a JSON object that is sent as a string.
fn user_agent_in_details(details: &str) -> Option<NativeValue<'static>> {
    // [`raw::last_member`] relies on valid JSON.
    Value::parse(details).ok()?;
    let member = raw::last_member(details.as_bytes(), "User-Agent")?;
    raw::text(member).filter(|text| is_known(text)).map(|text| NativeValue::Text(text.into_owned().into()))
}

fn event_type(members: &dyn Members) -> Option<&'static str> {
    let operation = text(members, OPERATION)?;
    let operation = operation.trim_matches([' ', '.']);
    let event_type = EVENT_TYPES.get(operation).or_else(|| account_logon(members, operation))?;
    let event_type = match event_type {
        SUCCESSFUL_LOGIN => {
            if is_failed_login(members) {
                FAILED_LOGIN
            } else {
                SUCCESSFUL_LOGIN
            }
        }
        FAILED_LOGIN => FAILED_LOGIN,
        _ if has_failed(members.get(RESULT_STATUS)) => return None,
        USER_ACCOUNT_MODIFIED => mfa_change(members).unwrap_or(USER_ACCOUNT_MODIFIED),
        other => other,
    };
    Some(event_type)
}

fn account_logon(members: &dyn Members, operation: &str) -> Option<&'static str> {
    let is_logon =
        members.get(RECORD_TYPE) == Some(ACCOUNT_LOGON_RECORD_TYPE) && operation.to_ascii_lowercase().contains("logon");
    is_logon.then_some(SUCCESSFUL_LOGIN)
}

fn is_failed_login(members: &dyn Members) -> bool {
    let has_error = text(members, LOGON_ERROR).is_some_and(|error| is_known(&error));
    let has_status = members.get(LOGIN_STATUS).is_some_and(|status| !matches!(status, b"0" | b"null"));
    has_error || has_status || has_failed(members.get(RESULT_STATUS))
}

/// Returns the change of the user's registered methods for multi-factor authentication or, if they did not change, of
/// the requirement that an administrator has set. `None` if neither changed.
fn mfa_change(members: &dyn Members) -> Option<&'static str> {
    let [method, requirement] = changes(members.get(MODIFIED_PROPERTIES)?, MFA_PROPERTIES);
    let methods = match method {
        Some((false, true)) => Some(MFA_ENABLED),
        Some((true, false)) => Some(MFA_DISABLED),
        Some((true, true)) => Some(MFA_RESET),
        _ => None,
    };
    methods.or(match requirement {
        Some((false, true)) => Some(MFA_ENABLED),
        Some((true, false)) => Some(MFA_DISABLED),
        _ => None,
    })
}

/// Compares the old and the new value of the first property with each name. Returns one flag for the old and one for
/// the new value, `true` if the value has any content; `None` for a property that did not change or is absent.
fn changes<const N: usize>(properties: &[u8], names: [&str; N]) -> [Option<(bool, bool)>; N] {
    let mut first = [None; N];
    for [name, old, new] in raw::objects(properties, ["Name", "OldValue", "NewValue"]) {
        if let Some(at) = position(name, &names) {
            first[at] = first[at].or(Some((old, new)));
        }
    }
    first.map(|property| {
        let (old, new) = property.map(|(old, new)| (content(old), content(new)))?;
        (old != new).then_some((!old.is_empty(), !new.is_empty()))
    })
}

/// Returns a property's value without the brackets, quotes and spaces around it. An empty list gives an empty text.
fn content(value: Option<&[u8]>) -> Cow<'_, str> {
    let Some(text) = value.and_then(raw::text) else { return Cow::Borrowed("") };
    text.trim_matches(['[', ']', '"', ' ', '\t', '\r', '\n']).to_owned().into()
}

/// Returns the role that an operation assigns.
fn granted_role<'l>(members: &'l dyn Members) -> Option<NativeValue<'l>> {
    let rows = raw::objects(members.get(MODIFIED_PROPERTIES)?, ["Name", "NewValue"]);
    let mut named = rows.filter(|[name, _]| position(*name, &["Role.DisplayName"]).is_some());
    let role = named.find_map(|[_, value]| raw::text(value?))?;
    let role = match role {
        Cow::Borrowed(role) => Cow::Borrowed(role.trim_matches('"')),
        Cow::Owned(role) => role.trim_matches('"').to_owned().into(),
    };
    (!role.is_empty()).then_some(NativeValue::Text(role))
}
