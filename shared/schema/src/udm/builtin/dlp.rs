//! `Microsoft365.DLP.All`

use super::read::{first_text, returned, source_ip, source_port, value};
use crate::log_type::LogType;
use crate::udm::native::{Members, NativeModel, NativeValue};

pub(super) const MODEL: NativeModel = NativeModel {
    log_type: LogType::Dlp,
    reads: &["ClientIP", "SharePointMetaData", "ExchangeMetaData", "EndpointMetaData"],
    methods: &[("get_source_ip", get_source_ip), ("get_source_port", get_source_port), ("get_user", user)],
};

const TARGETS: &[&[&str]] =
    &[&["ExchangeMetaData", "From"], &["SharePointMetaData", "From"], &["SharePointMetaData", "FileOwner"]];
const ADDRESSES: [&[&str]; 2] = [&["ClientIP"], &["EndpointMetaData", "ClientIP"]];

fn user<'l>(members: &'l dyn Members) -> Option<NativeValue<'l>> {
    first_text(members, TARGETS).map(returned)
}

fn addresses(members: &dyn Members) -> impl Iterator<Item = &str> {
    ADDRESSES.into_iter().filter_map(|path| value(members, path))
}

fn get_source_ip<'l>(members: &'l dyn Members) -> Option<NativeValue<'l>> {
    source_ip(addresses(members))
}

fn get_source_port<'l>(members: &'l dyn Members) -> Option<NativeValue<'l>> {
    source_port(addresses(members))
}
