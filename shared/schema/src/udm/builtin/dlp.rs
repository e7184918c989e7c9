//! The methods of the data model of `Microsoft365.DLP.All`.

use super::read::{first_string, source};
use crate::udm::native::{Members, NativeMethod, NativeModel, NativeValues, reads};

pub(crate) static MODEL: NativeModel = NativeModel {
    reads: READS,
    lists: &[],
    methods: &[NativeMethod::SourceIp, NativeMethod::SourcePort, NativeMethod::User],
    values,
};

reads! {
    CLIENT_IP: "ClientIP";
    ENDPOINT_CLIENT_IP: "EndpointMetaData"."ClientIP";
    MAIL_FROM: "ExchangeMetaData"."From";
    SITE_FROM: "SharePointMetaData"."From";
    FILE_OWNER: "SharePointMetaData"."FileOwner";
}

fn values<'l>(members: &'l dyn Members) -> NativeValues<'l> {
    let (source_ip, source_port) =
        source([CLIENT_IP, ENDPOINT_CLIENT_IP].into_iter().filter_map(|read| members.get(read)));
    let user = first_string(members, &[MAIL_FROM, SITE_FROM, FILE_OWNER]);
    NativeValues { source_ip, source_port, user, ..NativeValues::default() }
}
