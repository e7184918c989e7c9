//! The payload of an event: the object that stands under the event's type as its key.

use serde_json::{Value, json};

use super::awkward::pem;
use super::behaviours::Behaviours;
use super::people::{EMAILS, PROJECTS};
use crate::seeded_rng::SeededRng;

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

/// Returns a random payload for this event type; `None` if events of this type have no payload.
pub(super) fn payload(event_type: &str, rng: &mut SeededRng, behaviours: &Behaviours) -> Option<Value> {
    if event_type.starts_with("tenant.") {
        return Some(tenant_payload(event_type, rng));
    }
    let (family, _) = event_type.split_once('.')?;
    Some(match family {
        "login" | "logout" => return login_payload(event_type, rng, behaviours.empty_login_payload),
        "resource" | "tunnel" => return None,
        "api_key" => api_key_payload(event_type, rng, behaviours.scopes_requested),
        "certificate" | "certificates" | "external_key" | "checkpoint" => key_material_payload(event_type, rng),
        "group" | "invite" | "project" | "organization" | "rate_limit" => organization_payload(event_type, rng),
        "ip_allowlist" => ip_allowlist_payload(event_type, rng),
        "role" => role_payload(event_type, rng),
        "service_account" | "user" | "scim" => member_payload(event_type, rng),
        "workload_identity_provider" | "workload_identity_provider_mapping" => {
            workload_identity_payload(event_type, rng)
        }
        _ => {
            json!({"id": rng.alphanumeric(12), "detail": {"reason": "of a kind yet unheard of", "weight": rng.between(1, 9)}})
        }
    })
}

fn login_payload(event_type: &str, rng: &mut SeededRng, empty_login: bool) -> Option<Value> {
    if event_type.ends_with(".failed") {
        let (code, message) = rng.pick(&[
            ("invalid_credentials", "The e-mail address or the password is wrong."),
            ("mfa_required", "A second factor is needed."),
            ("session_expired", "The session has come to its end."),
        ]);
        return Some(json!({"error_code": code, "error_message": message}));
    }
    empty_login.then(|| json!({}))
}

fn random_id(prefix: &str, rng: &mut SeededRng) -> String {
    format!("{prefix}{}", rng.alphanumeric(16))
}

fn pick_some<'a>(from: &[&'a str], rng: &mut SeededRng) -> Vec<&'a str> {
    let (start, count) = (rng.below(from.len()), 1 + rng.below(3));
    from.iter().cycle().skip(start).take(count).copied().collect()
}

fn api_key_payload(event_type: &str, rng: &mut SeededRng, requested_share: f64) -> Value {
    let id = random_id("key_", rng);
    let scopes = pick_some(&SCOPES, rng);
    match event_type {
        "api_key.deleted" => json!({"id": id}),
        // The specification has only one of the two forms, but the API in production sends the other one.
        "api_key.updated" if rng.chance(requested_share) => json!({"id": id, "changes_requested": {"scopes": scopes}}),
        _ => json!({"id": id, "data": {"scopes": scopes}}),
    }
}

fn key_material_payload(event_type: &str, rng: &mut SeededRng) -> Value {
    let name = rng.pick(&NAMES);
    match event_type {
        "certificate.deleted" => {
            json!({"id": random_id("cert_", rng), "name": name, "certificate": pem(rng, 12, "\n")})
        }
        "certificates.activated" | "certificates.deactivated" => {
            let certificates: Vec<_> = (0..1 + rng.below(3))
                .map(|number| json!({"id": random_id("cert_", rng), "name": format!("{name} {number}")}))
                .collect();
            json!({"certificates": certificates})
        }
        "external_key.registered" => {
            json!({"id": random_id("ekm_", rng), "data": {"provider": "aws-kms", "region": "eu-central-1", "usable": true}})
        }
        "external_key.removed" => json!({"id": random_id("ekm_", rng)}),
        "checkpoint.permission.created" => json!({
            "id": random_id("cp_", rng),
            "data": {"project_id": rng.pick(&PROJECTS).0, "fine_tuned_model_checkpoint": "ft:small-4:example::Ab12:ckpt-step-80"},
        }),
        "checkpoint.permission.deleted" => json!({"id": random_id("cp_", rng)}),
        _ => json!({"id": random_id("cert_", rng), "name": name}),
    }
}

fn organization_payload(event_type: &str, rng: &mut SeededRng) -> Value {
    let name = rng.pick(&NAMES);
    match event_type {
        "group.created" => json!({"id": random_id("group_", rng), "data": {"group_name": name}}),
        "group.updated" => json!({"id": random_id("group_", rng), "changes_requested": {"group_name": name}}),
        "group.deleted" => json!({"id": random_id("group_", rng)}),
        "invite.sent" => json!({
            "id": random_id("invite-", rng),
            "data": {"email": rng.pick(&EMAILS), "role": rng.pick(&["owner", "member"])},
        }),
        "invite.accepted" | "invite.deleted" => json!({"id": random_id("invite-", rng)}),
        "project.created" => json!({"id": random_id("proj_", rng), "data": {"name": name, "title": name}}),
        "project.updated" => json!({"id": rng.pick(&PROJECTS).0, "changes_requested": {"title": name}}),
        "rate_limit.updated" => json!({
            "id": format!("rl-small-4-{}", rng.alphanumeric(6)),
            "changes_requested": {
                "max_requests_per_1_minute": rng.between(1, 50) * 100,
                "max_tokens_per_1_minute": rng.between(1, 90) * 10_000,
                "max_images_per_1_minute": rng.between(1, 50),
                "max_audio_megabytes_per_1_minute": rng.between(1, 50),
                "max_requests_per_1_day": rng.between(1, 50) * 1_000,
                "batch_1_day_max_input_tokens": rng.between(1, 9_000) * 1_000_000,
            },
        }),
        "rate_limit.deleted" => json!({"id": format!("rl-small-4-{}", rng.alphanumeric(6))}),
        "organization.updated" => json!({"id": "org-9Tq2LmXw", "changes_requested": {
            "title": name, "name": "example-org", "description": "what the whole company shares",
            "threads_ui_visibility": rng.pick(&["ANY_ROLE", "OWNERS", "NONE"]),
            "usage_dashboard_visibility": rng.pick(&["ANY_ROLE", "OWNERS"]),
            "api_call_logging": rng.pick(&["disabled", "enabled_per_call", "enabled_for_selected_projects"]),
            "api_call_logging_project_ids": PROJECTS[0].0,
        }}),
        _ => json!({"id": rng.pick(&PROJECTS).0}),
    }
}

fn ip_allowlist_payload(event_type: &str, rng: &mut SeededRng) -> Value {
    let name = rng.pick(&NAMES);
    let ips: Vec<_> = (0..1 + rng.below(4))
        .map(|_| {
            if rng.chance(0.3) {
                format!("2001:db8:{}::/48", rng.hex(4))
            } else {
                format!("203.0.113.{}/32", rng.below(256))
            }
        })
        .collect();
    match event_type {
        "ip_allowlist.updated" => json!({"id": random_id("ipal_", rng), "allowed_ips": ips}),
        "ip_allowlist.config.activated" | "ip_allowlist.config.deactivated" => {
            json!({"configs": [{"id": random_id("ipal_", rng), "name": name}]})
        }
        _ => json!({"id": random_id("ipal_", rng), "name": name, "allowed_ips": ips}),
    }
}

fn role_payload(event_type: &str, rng: &mut SeededRng) -> Value {
    let role = format!("role-{}", rng.alphanumeric(10));
    let permissions = pick_some(&PERMISSIONS, rng);
    match event_type {
        "role.created" => json!({
            "id": role, "role_name": rng.pick(&NAMES), "permissions": permissions,
            "resource_type": "api.project", "resource_id": rng.pick(&PROJECTS).0,
        }),
        "role.updated" => json!({"id": role, "changes_requested": {
            "role_name": rng.pick(&NAMES), "resource_id": rng.pick(&PROJECTS).0, "resource_type": "api.project",
            "permissions_added": permissions, "description": "as agreed", "metadata": {"ticket": rng.between(1, 9_999)},
        }}),
        "role.deleted" => json!({"id": role}),
        "role.assignment.created" | "role.assignment.deleted" => {
            let user = random_id("user-", rng);
            json!({
                "id": format!("{role}__api-organization__org-9Tq2LmXw_{user}"), "principal_id": user,
                "principal_type": rng.pick(&["user", "group"]), "resource_id": "org-9Tq2LmXw", "resource_type": "api.organization",
            })
        }
        _ => {
            let (workspace, connector) = (rng.guid(), random_id("connector_", rng));
            json!({
                "id": format!("{workspace}__{connector}"), "role_id": role, "resource_id": connector, "resource_type": "chatgpt.connector",
                "permissions": permissions, "workspace_id": workspace, "connector_id": connector, "connector_name": rng.pick(&NAMES),
                "enabled": event_type == "role.bound_to_resource",
                "source": rng.pick(&["role_toggle", "role_connector_update", "role_delete", "workspace_permissions", "connector_publish"]),
            })
        }
    }
}

fn member_payload(event_type: &str, rng: &mut SeededRng) -> Value {
    let (family, verb) = event_type.split_once('.').unwrap_or((event_type, ""));
    let id = match family {
        "service_account" => random_id("svc_acct_", rng),
        "scim" => "org-9Tq2LmXw".to_owned(),
        _ => random_id("user-", rng),
    };
    let role = rng.pick(&["owner", "member", "viewer"]);
    match verb {
        "added" | "created" => json!({"id": id, "data": {"role": role}}),
        "updated" => json!({"id": id, "changes_requested": {"role": role}}),
        _ => json!({"id": id}),
    }
}

fn workload_identity_payload(event_type: &str, rng: &mut SeededRng) -> Value {
    let provider = random_id("wip_", rng);
    let data = json!({"issuer": "https://token.example.com", "audience": "api", "claims": {"sub": "repo:example/app", "n": rng.between(1, 99)}});
    match event_type {
        "workload_identity_provider.created" => json!({"id": provider, "data": data}),
        "workload_identity_provider.updated" => json!({"id": provider, "changes_requested": data}),
        "workload_identity_provider.deleted" => json!({"id": provider, "name": rng.pick(&NAMES)}),
        "workload_identity_provider_mapping.created" => {
            json!({"id": random_id("wipm_", rng), "identity_provider_id": provider, "data": data})
        }
        "workload_identity_provider_mapping.updated" => {
            json!({"id": random_id("wipm_", rng), "identity_provider_id": provider, "changes_requested": data})
        }
        _ => json!({
            "id": random_id("wipm_", rng), "identity_provider_id": provider,
            "project_id": rng.pick(&PROJECTS).0, "service_account_id": random_id("svc_acct_", rng),
        }),
    }
}

/// Returns a plausible payload: the API's specification describes none for these types.
fn tenant_payload(event_type: &str, rng: &mut SeededRng) -> Value {
    let subject = event_type.trim_start_matches("tenant.").split('.').next().unwrap_or("tenant");
    json!({
        "id": random_id(&format!("{subject}_"), rng), "tenant_id": "tenant-Yw3Kd8Rz", "name": rng.pick(&NAMES),
        "changes_requested": {"enabled": rng.chance(0.5), "limit": rng.between(0, 5_000_000_000)},
    })
}
