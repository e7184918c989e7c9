//! The methods of the data model of `Microsoft365.Audit.General`.

use super::event_types::*;
use super::read::{event_type_of_operation, find_row, first_string, source, string, text};
use super::table::Table;
use crate::udm::native::{List, Members, NativeMethod, NativeModel, NativeValue, NativeValues, reads};
use crate::udm::raw;

pub(crate) static MODEL: NativeModel = NativeModel {
    reads: READS,
    lists: &[MEMBERS],
    methods: &[NativeMethod::EventType, NativeMethod::SourceIp, NativeMethod::SourcePort, NativeMethod::User],
    values,
};

reads! {
    OPERATION: "Operation";
    RESULT_STATUS: "ResultStatus";
    CLIENT_IP: "ClientIP";
    USER_IP: "UserIp";
    CLIENT_IPS: "ClientIPs";
    SENDER_IP: "SenderIp";
    ENTITY_TYPE: "EntityType";
    ALERT_ENTITY: "AlertEntityId";
    PAYLOAD_TARGET_USER: "payload"."TargetUserId";
    PAYLOAD_USER: "payload"."UserUPN";
}

const MEMBERS: List = List { number: 0, name: "Members", cells: ["UPN", "Role"] };

static EVENT_TYPES: Table<6> = Table::new([
    ("MemberAdded", USER_GROUP_MODIFIED),
    ("MemberRemoved", USER_GROUP_MODIFIED),
    ("MemberRoleChanged", USER_GROUP_MODIFIED),
    ("TeamCreated", USER_GROUP_CREATED),
    ("TeamDeleted", USER_GROUP_DELETED),
    ("TeamsSessionStarted", SUCCESSFUL_LOGIN),
]);

fn values<'l>(members: &'l dyn Members) -> NativeValues<'l> {
    let of_user = [CLIENT_IP, USER_IP].into_iter().filter_map(|read| members.get(read));
    let listed = members.get(CLIENT_IPS).into_iter().flat_map(raw::elements);
    let (source_ip, source_port) = source(of_user.chain(listed).chain(members.get(SENDER_IP)));
    NativeValues {
        event_type: event_type_of_operation(&EVENT_TYPES, members.get(OPERATION), members.get(RESULT_STATUS)),
        source_ip,
        source_port,
        user: user(members),
        ..NativeValues::default()
    }
}

fn user<'l>(members: &'l dyn Members) -> Option<NativeValue<'l>> {
    let member = || find_row(members, &MEMBERS, |[name, _]| string(name?));
    let subject = || {
        let is_user = text(members, ENTITY_TYPE)?.eq_ignore_ascii_case("User");
        is_user.then(|| string(members.get(ALERT_ENTITY)?))?
    };
    member().or_else(subject).or_else(|| first_string(members, &[PAYLOAD_TARGET_USER, PAYLOAD_USER]))
}
