//! Checks whether a client may make a request: its token, the tenant, the publisher and the permissions.

use super::behaviours::{Behaviours, READ, READ_DLP};
use super::call::Call;
use super::content_type::ContentType;
use super::token::{Grant, Tokens};
use super::{error, request};
use crate::http::Reply;
use crate::seeded_rng::SeededRng;

/// Checks the tenant, the token, the publisher and the permission [`READ`]. Returns the rights of the token.
///
/// # Errors
/// The answer that refuses the request.
pub(super) fn admit(
    call: &Call<'_>,
    tokens: &mut Tokens,
    behaviours: &Behaviours,
    rng: &mut SeededRng,
) -> Result<Grant, Reply> {
    if !request::is_guid(call.tenant) {
        let message = format!("The tenant ID passed in the URL ({}) is not a valid GUID.", call.tenant);
        return Err(error::bad_request("AF20013", &message));
    }
    let headers = call.request.headers();
    let unauthorized = || error::unauthorized(behaviours.unauthorized);
    if !tokens.count_use(headers, rng.chance(behaviours.token_refused)) {
        return Err(unauthorized());
    }
    let grant = tokens.grant(headers, call.clocks.login).cloned().ok_or_else(unauthorized)?;
    let is_for_us = grant.audience == behaviours.cloud.audience() || grant.audience == request::origin(call.request);
    if !is_for_us {
        return Err(unauthorized());
    }
    check_tenant(call.tenant, &grant, behaviours)?;
    match call.parameters.get("PublisherIdentifier") {
        Some(publisher) if !request::is_guid(publisher) => {
            Err(error::bad_request("AF20002", "Invalid parameter type: PublisherIdentifier. Expected type: guid"))
        }
        _ if !grant.permits(READ) => Err(error::not_permitted(&grant.roles)),
        _ => Ok(grant),
    }
}

/// Checks that the token was issued for `tenant`, and that this tenant has an audit log.
///
/// # Errors
/// The answer that refuses the request.
fn check_tenant(tenant: &str, grant: &Grant, behaviours: &Behaviours) -> Result<(), Reply> {
    if !tenant.eq_ignore_ascii_case(&grant.tenant) {
        let message = format!(
            "The tenant ID passed in the URL ({tenant}) does not match the tenant ID passed in the access token ({}).",
            grant.tenant
        );
        return Err(error::bad_request("AF20010", &message));
    }
    if !tenant.eq_ignore_ascii_case(&behaviours.tenant_id) {
        let message = format!("Specified tenant ID ({tenant}) does not exist in the system or has been deleted.");
        return Err(error::bad_request("AF20011", &message));
    }
    Ok(())
}

/// Checks that the token may read this content type.
///
/// # Errors
/// The answer that refuses the request.
pub(super) fn permit(grant: &Grant, content_type: ContentType, behaviours: &Behaviours) -> Result<(), Reply> {
    let is_free = content_type != ContentType::Dlp || behaviours.dlp_redacted;
    if is_free || grant.permits(READ_DLP) { Ok(()) } else { Err(error::not_permitted(&grant.roles)) }
}
