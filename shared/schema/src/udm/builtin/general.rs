//! `Microsoft365.Audit.General`

use super::event_types::*;
use super::read::{first_text, of_operation, returned, source_ip, source_port, text};
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

const TARGETS: &[&[&str]] = &[&["payload", "TargetUserId"], &["payload", "UserUPN"]];

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
    member().or_else(subject).or_else(|| first_text(members, TARGETS)).map(returned)
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
