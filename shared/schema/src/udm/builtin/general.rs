//! `Microsoft365.Audit.General`

use std::borrow::Cow;

use super::event_types::*;
use super::read::{of_operation, returned, source_ip, source_port, text};
use crate::log_type::LogType;
use crate::udm::native::{Members, NativeModel, NativeValue};
use crate::udm::raw;

pub(super) const MODEL: NativeModel = NativeModel {
    log_type: LogType::General,
    reads: &[
        "Operation",
        "ResultStatus",
        "ClientIP",
        "payload",
        "SenderIp",
        "UserIp",
        "Members",
        "ClientIPs",
        "EntityType",
        "AlertEntityId",
    ],
    methods: &[
        ("get_event_type", event_type),
        ("get_source_ip", get_source_ip),
        ("get_source_port", get_source_port),
        ("get_user", user),
    ],
};

/// The members of the payload that name a user.
const TARGETS: [&str; 2] = ["TargetUserId", "UserUPN"];

const EVENT_TYPES: &[(&str, &str)] = &[
    ("MemberAdded", USER_GROUP_MODIFIED),
    ("MemberRemoved", USER_GROUP_MODIFIED),
    ("MemberRoleChanged", USER_GROUP_MODIFIED),
    ("TeamCreated", USER_GROUP_CREATED),
    ("TeamDeleted", USER_GROUP_DELETED),
    ("TeamsSessionStarted", SUCCESSFUL_LOGIN),
];

fn user<'l>(members: &'l dyn Members) -> Option<NativeValue<'l>> {
    let member = || raw::elements(members.get("Members")?).find_map(|one| raw::text(raw::member(one, "UPN")?));
    let subject = || {
        let is_user = text(members, &["EntityType"])?.eq_ignore_ascii_case("User");
        is_user.then(|| text(members, &["AlertEntityId"]))?
    };
    let target = || TARGETS.into_iter().find_map(|name| in_payload(members, name));
    member().or_else(subject).or_else(target).map(returned)
}

/// A text of the payload. Most payloads do not have it, and a search for its name is much faster than reading all
/// members; only escapes (`\u`) can hide a name from it.
fn in_payload<'l>(members: &'l dyn Members, name: &str) -> Option<Cow<'l, str>> {
    let payload = members.get("payload")?;
    let may_have = payload.contains(name) || payload.contains("\\u");
    may_have.then(|| raw::text(raw::member(payload, name)?))?
}

fn event_type<'l>(members: &'l dyn Members) -> Option<NativeValue<'l>> {
    of_operation(members, EVENT_TYPES)
}

fn addresses(members: &dyn Members) -> impl Iterator<Item = &str> {
    let of_user = ["ClientIP", "UserIp"].into_iter().filter_map(|name| members.get(name));
    let listed = members.get("ClientIPs").into_iter().flat_map(raw::elements);
    of_user.chain(listed).chain(members.get("SenderIp"))
}

fn get_source_ip<'l>(members: &'l dyn Members) -> Option<NativeValue<'l>> {
    source_ip(addresses(members))
}

fn get_source_port<'l>(members: &'l dyn Members) -> Option<NativeValue<'l>> {
    source_port(addresses(members))
}
