//! Who may ask, and what for.

use super::api::{Call, State};
use super::behaviours::{READ, READ_DLP};
use super::content_type::ContentType;
use super::token::Grant;
use super::{error, request};
use crate::dice::Dice;
use crate::http::Reply;

impl State {
    /// Tenant, token and publisher are in order; what the token is good for.
    pub(super) fn admit(&mut self, call: &Call<'_>, dice: &mut Dice) -> Result<Grant, Reply> {
        if !request::is_guid(call.tenant) {
            let message = format!("The tenant ID passed in the URL ({}) is not a valid GUID.", call.tenant);
            return Err(error::refused("AF20013", &message));
        }
        let headers = call.request.headers();
        if !self.tokens.wear(headers, dice.chance(self.behaviours.token_refused)) {
            return Err(error::unauthorized());
        }
        let grant = self.tokens.grant(headers, call.clocks.login).cloned().ok_or_else(error::unauthorized)?;
        let is_for_us =
            grant.audience == self.behaviours.cloud.audience() || grant.audience == request::origin(call.request);
        if !is_for_us {
            return Err(error::unauthorized());
        }
        self.is_the_tenant(call.tenant, &grant)?;
        match call.parameters.get("PublisherIdentifier") {
            Some(publisher) if !request::is_guid(publisher) => {
                Err(error::refused("AF20002", "Invalid parameter type: PublisherIdentifier. Expected type: guid"))
            }
            _ if !grant.permits(READ) => Err(error::not_permitted(&grant.roles)),
            _ => Ok(grant),
        }
    }

    /// The tenant is the token's, and has an audit log.
    fn is_the_tenant(&self, tenant: &str, grant: &Grant) -> Result<(), Reply> {
        if !tenant.eq_ignore_ascii_case(&grant.tenant) {
            let message = format!(
                "The tenant ID passed in the URL ({tenant}) does not match the tenant ID passed in the access token ({}).",
                grant.tenant
            );
            return Err(error::refused("AF20010", &message));
        }
        if !tenant.eq_ignore_ascii_case(&self.behaviours.tenant_id) {
            let message = format!("Specified tenant ID ({tenant}) does not exist in the system or has been deleted.");
            return Err(error::refused("AF20011", &message));
        }
        Ok(())
    }

    /// The token permits this content type.
    pub(super) fn permit(&self, grant: &Grant, content_type: ContentType) -> Result<(), Reply> {
        let is_free = content_type != ContentType::Dlp || self.behaviours.dlp_redacted;
        if is_free || grant.permits(READ_DLP) { Ok(()) } else { Err(error::not_permitted(&grant.roles)) }
    }
}
