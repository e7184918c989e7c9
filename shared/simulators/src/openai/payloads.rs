//! The payload of an event: the object under the key that is the event's type.

use serde_json::{Value, json};

use super::awkward::pem;
use super::behaviours::Behaviours;
use super::people::{EMAILS, PROJECTS};
use crate::dice::Dice;

const SCOPES: [&str; 6] = [
    "api.model.request",
    "api.files.read",
    "api.files.write",
    "api.fine_tuning.jobs.read",
    "api.usage.read",
    "api.audit_logs.read",
];
const PERMISSIONS: [&str; 5] =
    ["api.projects.read", "api.projects.write", "api.users.read", "api.billing.read", "api.connectors.use"];
const NAMES: [&str; 6] =
    ["Ledger assistant", "Büro Zürich", "研究開発", "Night batch", "Support \"tier 2\"", "R&D / evals"];

/// Returns the payload; `None` for a type that has none.
pub(super) fn payload(event_type: &str, dice: &mut Dice, behaviours: &Behaviours) -> Option<Value> {
    if event_type.starts_with("tenant.") {
        return Some(tenant(event_type, dice));
    }
    let (family, _) = event_type.split_once('.')?;
    Some(match family {
        "login" | "logout" => return login(event_type, dice, behaviours.empty_login_payload),
        "resource" | "tunnel" => return None,
        "api_key" => api_key(event_type, dice, behaviours.scopes_requested),
        "certificate" | "certificates" | "external_key" | "checkpoint" => key_material(event_type, dice),
        "group" | "invite" | "project" | "organization" | "rate_limit" => organization(event_type, dice),
        "ip_allowlist" => ip_allowlist(event_type, dice),
        "role" => role(event_type, dice),
        "service_account" | "user" | "scim" => member(event_type, dice),
        "workload_identity_provider" | "workload_identity_provider_mapping" => workload_identity(event_type, dice),
        _ => {
            json!({"id": dice.alphanumeric(12), "detail": {"reason": "of a kind yet unheard of", "weight": dice.between(1, 9)}})
        }
    })
}

fn login(event_type: &str, dice: &mut Dice, empty_login: bool) -> Option<Value> {
    if event_type.ends_with(".failed") {
        let (code, message) = dice.pick(&[
            ("invalid_credentials", "The e-mail address or the password is wrong."),
            ("mfa_required", "A second factor is needed."),
            ("session_expired", "The session has come to its end."),
        ]);
        return Some(json!({"error_code": code, "error_message": message}));
    }
    empty_login.then(|| json!({}))
}

fn id(prefix: &str, dice: &mut Dice) -> String {
    format!("{prefix}{}", dice.alphanumeric(16))
}

fn some<'a>(from: &[&'a str], dice: &mut Dice) -> Vec<&'a str> {
    let (start, count) = (dice.below(from.len()), 1 + dice.below(3));
    from.iter().cycle().skip(start).take(count).copied().collect()
}

fn api_key(event_type: &str, dice: &mut Dice, requested_share: f64) -> Value {
    let id = id("key_", dice);
    let scopes = some(&SCOPES, dice);
    match event_type {
        "api_key.deleted" => json!({"id": id}),
        // The specification has one of the two forms, and production sends the other.
        "api_key.updated" if dice.chance(requested_share) => json!({"id": id, "changes_requested": {"scopes": scopes}}),
        _ => json!({"id": id, "data": {"scopes": scopes}}),
    }
}

fn key_material(event_type: &str, dice: &mut Dice) -> Value {
    let name = dice.pick(&NAMES);
    match event_type {
        "certificate.deleted" => json!({"id": id("cert_", dice), "name": name, "certificate": pem(dice, 12, "\n")}),
        "certificates.activated" | "certificates.deactivated" => {
            let certificates: Vec<_> = (0..1 + dice.below(3))
                .map(|number| json!({"id": id("cert_", dice), "name": format!("{name} {number}")}))
                .collect();
            json!({"certificates": certificates})
        }
        "external_key.registered" => {
            json!({"id": id("ekm_", dice), "data": {"provider": "aws-kms", "region": "eu-central-1", "usable": true}})
        }
        "external_key.removed" => json!({"id": id("ekm_", dice)}),
        "checkpoint.permission.created" => json!({
            "id": id("cp_", dice),
            "data": {"project_id": dice.pick(&PROJECTS).0, "fine_tuned_model_checkpoint": "ft:small-4:example::Ab12:ckpt-step-80"},
        }),
        "checkpoint.permission.deleted" => json!({"id": id("cp_", dice)}),
        _ => json!({"id": id("cert_", dice), "name": name}),
    }
}

fn organization(event_type: &str, dice: &mut Dice) -> Value {
    let name = dice.pick(&NAMES);
    match event_type {
        "group.created" => json!({"id": id("group_", dice), "data": {"group_name": name}}),
        "group.updated" => json!({"id": id("group_", dice), "changes_requested": {"group_name": name}}),
        "group.deleted" => json!({"id": id("group_", dice)}),
        "invite.sent" => json!({
            "id": id("invite-", dice),
            "data": {"email": dice.pick(&EMAILS), "role": dice.pick(&["owner", "member"])},
        }),
        "invite.accepted" | "invite.deleted" => json!({"id": id("invite-", dice)}),
        "project.created" => json!({"id": id("proj_", dice), "data": {"name": name, "title": name}}),
        "project.updated" => json!({"id": dice.pick(&PROJECTS).0, "changes_requested": {"title": name}}),
        "rate_limit.updated" => json!({
            "id": format!("rl-small-4-{}", dice.alphanumeric(6)),
            "changes_requested": {
                "max_requests_per_1_minute": dice.between(1, 50) * 100,
                "max_tokens_per_1_minute": dice.between(1, 90) * 10_000,
                "max_images_per_1_minute": dice.between(1, 50),
                "max_audio_megabytes_per_1_minute": dice.between(1, 50),
                "max_requests_per_1_day": dice.between(1, 50) * 1_000,
                "batch_1_day_max_input_tokens": dice.between(1, 9_000) * 1_000_000,
            },
        }),
        "rate_limit.deleted" => json!({"id": format!("rl-small-4-{}", dice.alphanumeric(6))}),
        "organization.updated" => json!({"id": "org-9Tq2LmXw", "changes_requested": {
            "title": name, "name": "example-org", "description": "what the whole company shares",
            "threads_ui_visibility": dice.pick(&["ANY_ROLE", "OWNERS", "NONE"]),
            "usage_dashboard_visibility": dice.pick(&["ANY_ROLE", "OWNERS"]),
            "api_call_logging": dice.pick(&["disabled", "enabled_per_call", "enabled_for_selected_projects"]),
            "api_call_logging_project_ids": PROJECTS[0].0,
        }}),
        _ => json!({"id": dice.pick(&PROJECTS).0}),
    }
}

fn ip_allowlist(event_type: &str, dice: &mut Dice) -> Value {
    let name = dice.pick(&NAMES);
    let ips: Vec<_> = (0..1 + dice.below(4))
        .map(|_| {
            if dice.chance(0.3) {
                format!("2001:db8:{}::/48", dice.hex(4))
            } else {
                format!("203.0.113.{}/32", dice.below(256))
            }
        })
        .collect();
    match event_type {
        "ip_allowlist.updated" => json!({"id": id("ipal_", dice), "allowed_ips": ips}),
        "ip_allowlist.config.activated" | "ip_allowlist.config.deactivated" => {
            json!({"configs": [{"id": id("ipal_", dice), "name": name}]})
        }
        _ => json!({"id": id("ipal_", dice), "name": name, "allowed_ips": ips}),
    }
}

fn role(event_type: &str, dice: &mut Dice) -> Value {
    let role = format!("role-{}", dice.alphanumeric(10));
    let permissions = some(&PERMISSIONS, dice);
    match event_type {
        "role.created" => json!({
            "id": role, "role_name": dice.pick(&NAMES), "permissions": permissions,
            "resource_type": "api.project", "resource_id": dice.pick(&PROJECTS).0,
        }),
        "role.updated" => json!({"id": role, "changes_requested": {
            "role_name": dice.pick(&NAMES), "resource_id": dice.pick(&PROJECTS).0, "resource_type": "api.project",
            "permissions_added": permissions, "description": "as agreed", "metadata": {"ticket": dice.between(1, 9_999)},
        }}),
        "role.deleted" => json!({"id": role}),
        "role.assignment.created" | "role.assignment.deleted" => {
            let user = id("user-", dice);
            json!({
                "id": format!("{role}__api-organization__org-9Tq2LmXw_{user}"), "principal_id": user,
                "principal_type": dice.pick(&["user", "group"]), "resource_id": "org-9Tq2LmXw", "resource_type": "api.organization",
            })
        }
        _ => {
            let (workspace, connector) = (dice.guid(), id("connector_", dice));
            json!({
                "id": format!("{workspace}__{connector}"), "role_id": role, "resource_id": connector, "resource_type": "chatgpt.connector",
                "permissions": permissions, "workspace_id": workspace, "connector_id": connector, "connector_name": dice.pick(&NAMES),
                "enabled": event_type == "role.bound_to_resource",
                "source": dice.pick(&["role_toggle", "role_connector_update", "role_delete", "workspace_permissions", "connector_publish"]),
            })
        }
    }
}

fn member(event_type: &str, dice: &mut Dice) -> Value {
    let (family, verb) = event_type.split_once('.').unwrap_or((event_type, ""));
    let id = match family {
        "service_account" => id("svc_acct_", dice),
        "scim" => "org-9Tq2LmXw".to_owned(),
        _ => id("user-", dice),
    };
    let role = dice.pick(&["owner", "member", "viewer"]);
    match verb {
        "added" | "created" => json!({"id": id, "data": {"role": role}}),
        "updated" => json!({"id": id, "changes_requested": {"role": role}}),
        _ => json!({"id": id}),
    }
}

fn workload_identity(event_type: &str, dice: &mut Dice) -> Value {
    let provider = id("wip_", dice);
    let data = json!({"issuer": "https://token.example.com", "audience": "api", "claims": {"sub": "repo:example/app", "n": dice.between(1, 99)}});
    match event_type {
        "workload_identity_provider.created" => json!({"id": provider, "data": data}),
        "workload_identity_provider.updated" => json!({"id": provider, "changes_requested": data}),
        "workload_identity_provider.deleted" => json!({"id": provider, "name": dice.pick(&NAMES)}),
        "workload_identity_provider_mapping.created" => {
            json!({"id": id("wipm_", dice), "identity_provider_id": provider, "data": data})
        }
        "workload_identity_provider_mapping.updated" => {
            json!({"id": id("wipm_", dice), "identity_provider_id": provider, "changes_requested": data})
        }
        _ => json!({
            "id": id("wipm_", dice), "identity_provider_id": provider,
            "project_id": dice.pick(&PROJECTS).0, "service_account_id": id("svc_acct_", dice),
        }),
    }
}

/// No form is documented for these types, so the payload is a plausible one.
fn tenant(event_type: &str, dice: &mut Dice) -> Value {
    let subject = event_type.trim_start_matches("tenant.").split('.').next().unwrap_or("tenant");
    json!({
        "id": id(&format!("{subject}_"), dice), "tenant_id": "tenant-Yw3Kd8Rz", "name": dice.pick(&NAMES),
        "changes_requested": {"enabled": dice.chance(0.5), "limit": dice.between(0, 5_000_000_000)},
    })
}
