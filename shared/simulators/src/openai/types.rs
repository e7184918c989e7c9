//! The event types in the specification of the audit logs API.

/// The types of events that happen in an organization or in a project.
pub(crate) const ORGANIZATION_TYPES: [&str; 59] = [
    "api_key.created",
    "api_key.updated",
    "api_key.deleted",
    "certificate.created",
    "certificate.updated",
    "certificate.deleted",
    "certificates.activated",
    "certificates.deactivated",
    "checkpoint.permission.created",
    "checkpoint.permission.deleted",
    "external_key.registered",
    "external_key.removed",
    "group.created",
    "group.updated",
    "group.deleted",
    "invite.sent",
    "invite.accepted",
    "invite.deleted",
    "ip_allowlist.created",
    "ip_allowlist.updated",
    "ip_allowlist.deleted",
    "ip_allowlist.config.activated",
    "ip_allowlist.config.deactivated",
    "login.succeeded",
    "login.failed",
    "logout.succeeded",
    "logout.failed",
    "organization.updated",
    "project.created",
    "project.updated",
    "project.archived",
    "project.deleted",
    "rate_limit.updated",
    "rate_limit.deleted",
    "resource.deleted",
    "role.created",
    "role.updated",
    "role.deleted",
    "role.assignment.created",
    "role.assignment.deleted",
    "role.bound_to_resource",
    "role.unbound_from_resource",
    "scim.enabled",
    "scim.disabled",
    "service_account.created",
    "service_account.updated",
    "service_account.deleted",
    "tunnel.created",
    "tunnel.updated",
    "tunnel.deleted",
    "user.added",
    "user.updated",
    "user.deleted",
    "workload_identity_provider.created",
    "workload_identity_provider.updated",
    "workload_identity_provider.deleted",
    "workload_identity_provider_mapping.created",
    "workload_identity_provider_mapping.updated",
    "workload_identity_provider_mapping.deleted",
];

/// The types of events that happen in a tenant, which holds several organizations.
pub(crate) const TENANT_TYPES: [&str; 86] = [
    "tenant.metadata.updated",
    "tenant.microsoft_entra_mapping.upserted",
    "tenant.microsoft_entra_mapping.deleted",
    "tenant.migration.completed",
    "tenant.sso.migrated",
    "tenant.domains.migrated",
    "tenant.migration_rollout.status.updated",
    "tenant.migration_rollout.tier.updated",
    "tenant.workload_identity.provider.created",
    "tenant.workload_identity.provider.updated",
    "tenant.workload_identity.provider.archived",
    "tenant.workload_identity.mapping.created",
    "tenant.workload_identity.mapping.updated",
    "tenant.workload_identity.mapping.archived",
    "tenant.workload_identity.binding.created",
    "tenant.workload_identity.principal.provisioned",
    "tenant.workload_identity.access_token.issued",
    "tenant.admin_api_key.created",
    "tenant.admin_api_key.updated",
    "tenant.admin_api_key.deleted",
    "tenant.project_api_key.created",
    "tenant.chatgpt_access_token.revoked",
    "tenant.sso_connection.created",
    "tenant.sso_connection.updated",
    "tenant.sso_connection.deleted",
    "tenant.sso_connection.setup.started",
    "tenant.policy.created",
    "tenant.policy.updated",
    "tenant.policy.deleted",
    "tenant.policy.attached",
    "tenant.policy.detached",
    "tenant.principal_authentication_policy.resolved",
    "tenant.scim.setup.started",
    "tenant.scim.deletion.requested",
    "tenant.scim.directory.created",
    "tenant.product_access_policy.updated",
    "tenant.third_party_app_policy.updated",
    "tenant.resource_share_grant.created",
    "tenant.resource_share_grant.updated",
    "tenant.resource_share_grant.accepted",
    "tenant.resource_share_grant.declined",
    "tenant.resource_share_grant.revoked",
    "tenant.resource_share_grant.deleted",
    "tenant.service_account.updated",
    "tenant.service_account.deleted",
    "tenant.service_account.token.revoked",
    "tenant.billing.overage_limit.updated",
    "tenant.billing.alerts.updated",
    "tenant.billing.info.updated",
    "tenant.usage_limit.workspace.updated",
    "tenant.usage_limit.group.updated",
    "tenant.usage_limit.user.updated",
    "tenant.usage_limit.increase_request.updated",
    "tenant.usage_limit.increase_request.resolved",
    "tenant.group.created",
    "tenant.group.updated",
    "tenant.group.deleted",
    "tenant.group.member.added",
    "tenant.group.member.removed",
    "tenant.role.metadata.updated",
    "tenant.custom_role.created",
    "tenant.custom_role.updated",
    "tenant.custom_role.deleted",
    "tenant.role_assignment.created",
    "tenant.role_assignment.deleted",
    "tenant.resource_role_assignment.created",
    "tenant.resource_role_assignment.deleted",
    "tenant.resource_access.updated",
    "tenant.resource_access.deleted",
    "tenant.ads_account.onboarding.redemption",
    "tenant.session_policy.created",
    "tenant.session_policy.updated",
    "tenant.session_policy.deleted",
    "tenant.session_revocation.started",
    "tenant.user.added",
    "tenant.user.updated",
    "tenant.user.removed",
    "tenant.user.looked_up",
    "tenant.user.invited",
    "tenant.membership.revoked",
    "tenant.membership.accepted",
    "tenant.membership.declined",
    "tenant.api_organization_invite.upserted",
    "tenant.api_organization_invite.deleted",
    "tenant.chatgpt_workspace_invite.upserted",
    "tenant.workspace_invite_email_settings.updated",
];

/// The number of all event types.
pub(crate) const TYPE_COUNT: usize = ORGANIZATION_TYPES.len() + TENANT_TYPES.len();

/// Returns an event type. `number` is an index into the two lists joined together; it starts again at their end.
pub(crate) fn event_type_by_number(number: usize) -> &'static str {
    let number = number % TYPE_COUNT;
    ORGANIZATION_TYPES.get(number).copied().unwrap_or_else(|| TENANT_TYPES[number - ORGANIZATION_TYPES.len()])
}

/// Event types, each with its earlier name. Some payloads still stand under the earlier name.
const EARLIER_NAMES: [(&str, &str); 9] = [
    ("checkpoint.permission.created", "checkpoint_permission.created"),
    ("checkpoint.permission.deleted", "checkpoint_permission.deleted"),
    ("role.assignment.created", "role_assignment.created"),
    ("role.assignment.deleted", "role_assignment.deleted"),
    ("ip_allowlist.created", "ip.allowlist.created"),
    ("ip_allowlist.updated", "ip.allowlist.updated"),
    ("ip_allowlist.deleted", "ip.allowlist.deleted"),
    ("ip_allowlist.config.activated", "ip.allowlist.config.activated"),
    ("ip_allowlist.config.deactivated", "ip.allowlist.config.deactivated"),
];

/// Returns the earlier name of an event type; `None` if it had no other name.
pub(crate) fn earlier_name(event_type: &str) -> Option<&'static str> {
    EARLIER_NAMES.iter().find(|(known, _)| *known == event_type).map(|(_, earlier)| *earlier)
}

/// Returns `true` if the specification has this event type.
pub(crate) fn is_known(event_type: &str) -> bool {
    ORGANIZATION_TYPES.contains(&event_type) || TENANT_TYPES.contains(&event_type)
}

/// Returns `true` if events of this type are listed under `tenant_only=true`.
pub(crate) fn is_tenant_scoped(event_type: &str) -> bool {
    event_type.starts_with("tenant.") || matches!(event_type, "role.bound_to_resource" | "role.unbound_from_resource")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_of_the_145_types_is_listed_once() {
        let all: HashSet<_> = (0..TYPE_COUNT).map(event_type_by_number).collect();
        assert_eq!((all.len(), TYPE_COUNT), (145, 145));
        assert!(all.iter().all(|event_type| is_known(event_type)));
        assert_eq!(all.iter().filter(|event_type| is_tenant_scoped(event_type)).count(), 88);
    }
}
