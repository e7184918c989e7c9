//! The guarantees of the template about rights, keys and parameters.
#![expect(clippy::unwrap_used, reason = "a failed call fails the test")]

use std::collections::BTreeSet;
use std::path::Path;

use adapters::lambda::Environment;
use serde_json::{Value, json};

use crate::stack::{Stack, template};

/// Returns the lines from `first` to the next line with no deeper indentation.
fn block(text: &str, first: &str) -> String {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut lines = text.lines().skip_while(|line| *line != first);
    let head = lines.next().unwrap_or_else(|| panic!("no {first:?}"));
    let body = lines.take_while(|line| line.trim().is_empty() || indent(line) > indent(head));
    std::iter::once(head).chain(body).collect::<Vec<_>>().join("\n")
}

/// The parameters of a deployment with both vendors and all options.
const FULL: [(&str, &str); 6] = [
    ("OpenAISecretArns", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:o-AbCdEf"),
    ("OpenAISecretPrefix", "audit-pull/openai/"),
    ("Microsoft365SecretArns", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:m-AbCdEf"),
    ("Microsoft365SecretPrefix", "audit-pull/microsoft365/"),
    ("KmsKeyArn", "arn:aws:kms:eu-west-1:123456789012:key/bucket"),
    ("SecretsKmsKeyArn", "arn:aws:kms:eu-west-1:123456789012:key/secrets"),
];
const ROLES: [&str; 2] = ["OpenAIRole", "Microsoft365Role"];

/// The SDK's calls and the actions that they need. The end-to-end test compares the rights of the deployed roles with the
/// calls that the functions made there (`tests/e2e/rights.py`); this table also covers the keys of KMS.
/// Reads also need the key of the bucket or of the secrets.
const CALLS: [(&str, &[&str]); 13] = [
    ("batch_get_item", &["dynamodb:BatchGetItem"]),
    ("get_item", &["dynamodb:GetItem"]),
    // A read may ask for one version, and s3:ListBucket lets S3 report that a key is missing.
    ("get_object", &["s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket", "kms:Decrypt"]),
    ("get_secret_value", &["secretsmanager:GetSecretValue", "kms:Decrypt"]),
    ("list_object_versions", &["s3:ListBucketVersions"]),
    ("list_objects_v2", &["s3:ListBucket"]),
    ("list_secrets", &["secretsmanager:ListSecrets"]),
    ("list_subscriptions_by_topic", &["sns:ListSubscriptionsByTopic"]),
    ("put_item", &["dynamodb:PutItem"]),
    ("publish", &["sns:Publish"]),
    ("put_object", &["s3:PutObject", "kms:GenerateDataKey"]),
    ("query", &["dynamodb:Query"]),
    ("send_message_batch", &[SEND]),
];
/// The right that only the planners of a fan-out have.
const SEND: &str = "sqs:SendMessage";
/// A transaction needs the actions of its parts.
const PARTS_OF_TRANSACTIONS: [(&str, &str); 4] = [
    ("Put", "dynamodb:PutItem"),
    ("Update", "dynamodb:UpdateItem"),
    ("Delete", "dynamodb:DeleteItem"),
    ("ConditionCheck", "dynamodb:ConditionCheckItem"),
];
/// Actions that no call in the code needs: Lambda's runtime writes the logs.
const OF_THE_RUNTIME: [&str; 2] = ["logs:CreateLogStream", "logs:PutLogEvents"];
/// Actions that no call in the code needs: Lambda reads a queue with the rights of the function.
const OF_THE_MAPPING: [&str; 3] = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"];
/// The vendors, each with the beginning of the names of its resources, the timeout of its function and its period.
const VENDORS: [(&str, &str, u64, u64); 2] = [("OpenAI", "openai", 55, 60), ("Microsoft365", "microsoft365", 290, 300)];

/// Returns the source text of the adapters to AWS, without comments and tests.
fn aws_code(folder: &Path) -> String {
    let mut code = String::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            code += &aws_code(&path);
        } else if !path.ends_with("tests.rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let product = text.split("#[cfg(test)]").next().unwrap();
            code.extend(product.lines().filter(|line| !line.trim_start().starts_with("//")));
        }
    }
    code
}

/// Returns the actions that the calls in the code need.
fn needed() -> BTreeSet<String> {
    let code = aws_code(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/adapters/src/aws")));
    let calls: BTreeSet<String> = code
        .split("client")
        .skip(1)
        .filter_map(|after| after.trim_start().strip_prefix('.'))
        .map(|call| call.chars().take_while(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '_').collect())
        .collect();
    let mut needed: BTreeSet<String> = OF_THE_RUNTIME.map(str::to_owned).into();
    for call in calls {
        if call == "transact_write_items" {
            let parts = PARTS_OF_TRANSACTIONS.iter().filter(|(part, _)| code.contains(&format!("{part}::builder()")));
            needed.extend(parts.map(|(_, action)| (*action).to_owned()));
            continue;
        }
        let known = CALLS.iter().find(|(known, _)| *known == call);
        let (_, actions) = known.unwrap_or_else(|| panic!("{call} is new: name its actions here and in the template"));
        needed.extend(actions.iter().map(|action| (*action).to_owned()));
    }
    assert!(needed.contains("dynamodb:PutItem") && needed.contains("s3:PutObject"), "{needed:?}");
    needed
}

fn texts(value: &Value) -> Vec<String> {
    let one = |value: &Value| value.as_str().unwrap().to_owned();
    value.as_array().map_or_else(|| vec![one(value)], |values| values.iter().map(one).collect())
}

fn granted(stack: &Stack, role: &str) -> BTreeSet<String> {
    let statements = stack.statements(role).into_iter().filter(|statement| statement["Effect"] == "Allow");
    statements.flat_map(|statement| texts(&statement["Action"])).collect()
}

#[test]
fn d10_a_role_has_exactly_the_rights_that_the_calls_of_the_code_take() {
    let (full, mut needed) = (Stack::new(&FULL), needed());
    assert!(needed.remove(SEND));
    let plain = Stack::new(&[FULL[0], FULL[2]]);
    for role in ROLES {
        assert_eq!(granted(&full, role), needed, "{role}");
        let without: BTreeSet<_> = needed
            .iter()
            .filter(|action| !action.starts_with("kms:") && *action != "secretsmanager:ListSecrets")
            .cloned()
            .collect();
        assert_eq!(granted(&plain, role), without, "{role}");
    }
}

/// Returns the full stack with a fan-out.
fn fan_out() -> Stack {
    Stack::new(&[&FULL[..], &[("FanOut", "true"), ("FanOutConcurrency", "7")]].concat())
}

#[test]
fn d10_a_planner_may_only_list_secrets_and_send_and_a_worker_may_also_read_its_queue() {
    let (stack, mut needed) = (fan_out(), needed());
    assert!(needed.remove(SEND));
    needed.extend(OF_THE_MAPPING.map(str::to_owned));
    let plain = Stack::new(&[FULL[0], FULL[2], ("FanOut", "true")]);
    let mut planner: BTreeSet<String> = OF_THE_RUNTIME.map(str::to_owned).into();
    planner.insert(SEND.to_owned());
    for (id, vendor, ..) in VENDORS {
        assert_eq!(granted(&stack, &format!("{id}Role")), needed, "{id}");
        assert_eq!(granted(&plain, &format!("{id}PlannerRole")), planner, "{id}");
        let with_prefix = granted(&stack, &format!("{id}PlannerRole"));
        let more: Vec<_> = with_prefix.difference(&planner).map(String::as_str).collect();
        assert_eq!((more, with_prefix.is_superset(&planner)), (vec!["secretsmanager:ListSecrets"], true), "{id}");
        let statements = stack.statements(&format!("{id}Role"));
        let queue = statements.iter().find(|statement| statement["Sid"] == "Queue").unwrap();
        assert_eq!(queue["Resource"], format!("arn:aws:sqs:eu-west-1:123456789012:stack-{vendor}-sources"));
    }
}

#[test]
fn the_fan_out_is_deployed_only_if_it_is_asked_for_and_then_only_the_planner_has_a_schedule() {
    let (with, without) = (fan_out(), Stack::new(&FULL));
    let paused = Stack::new(&[&FULL[..], &[("FanOut", "true"), ("ScheduleState", "DISABLED")]].concat());
    let of_one = Stack::new(&[FULL[0], ("FanOut", "true")]);
    for (id, ..) in VENDORS {
        for name in
            [format!("{id}Planner"), format!("{id}PlannerRole"), format!("{id}PlannerLogGroup"), format!("{id}FanOut")]
        {
            assert!(with.resource(&name).is_some() && without.resource(&name).is_none(), "{name}");
            assert_eq!(of_one.resource(&name).is_some(), id == "OpenAI", "{name}");
        }
        let state = |stack: &Stack, function: &str, event: &str| {
            stack.resource(&format!("{id}{function}")).unwrap()["Events"][event]["Properties"]["State"].clone()
        };
        assert_eq!(
            (state(&with, "Function", "Tick"), state(&with, "Planner", "Plan")),
            (json!("DISABLED"), json!("ENABLED"))
        );
        assert_eq!(state(&without, "Function", "Tick"), "ENABLED");
        assert_eq!(state(&paused, "Planner", "Plan"), "DISABLED");
    }
}

/// The numbers are those that Lambda's documentation advises for a queue.
#[test]
fn the_queue_of_a_fan_out_fits_the_timeout_of_its_function() {
    let stack = fan_out();
    for (id, vendor, timeout, _) in VENDORS {
        let function = stack.resource(&format!("{id}Function")).unwrap();
        assert_eq!(function["Timeout"], timeout.to_string());
        let given = stack.resource(&format!("{id}FanOut")).unwrap()["Parameters"].clone();
        let mut given: Vec<(&str, &str)> =
            given.as_object().unwrap().iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect();
        // `Ref` to a function is its name.
        let name = function["FunctionName"].as_str().unwrap();
        given.iter_mut().filter(|(parameter, _)| *parameter == "FunctionName").for_each(|(_, value)| *value = name);
        let nested = Stack::nested("fan-out.yaml", &given);
        let (queue, mapping) = (nested.resource("Queue").unwrap(), nested.resource("Mapping").unwrap());
        let number = |value: &Value| value.as_str().unwrap().parse::<u64>().unwrap();
        let (visibility, window) =
            (number(&queue["VisibilityTimeout"]), number(&mapping["MaximumBatchingWindowInSeconds"]));
        assert!(visibility >= 6 * timeout + window && number(&queue["MessageRetentionPeriod"]) > visibility, "{queue}");
        assert_eq!(queue["QueueName"], format!("stack-{vendor}-sources"));
        assert_eq!(queue["RedrivePolicy"]["maxReceiveCount"], "1");
        assert_eq!(mapping["ScalingConfig"], json!({"MaximumConcurrency": "7"}));
        assert_eq!(mapping["FunctionResponseTypes"], json!(["ReportBatchItemFailures"]));
        let planner = stack.resource(&format!("{id}Planner")).unwrap();
        let watched = nested.resource("PlannerAlarm").unwrap()["Dimensions"][0]["Value"].clone();
        assert_eq!(
            (&planner["FunctionName"], watched),
            (&json!(format!("{name}-planner")), json!(format!("{name}-planner")))
        );
    }
}

#[test]
fn a_planner_starts_with_its_variables() {
    let stack = fan_out();
    for (id, vendor, _, period) in VENDORS {
        let mut variables = stack.variables(&format!("{id}Planner"));
        let url = variables.insert("FAN_OUT_QUEUE_URL".to_owned(), "https://sqs/1/q".to_owned());
        assert_eq!(url.unwrap(), format!("{id}FanOut.Outputs.QueueUrl"));
        let environment = Environment::parse(&vendor.to_ascii_uppercase(), &[], &variables).unwrap();
        assert_eq!(u64::from(environment.fan_out.unwrap().period_seconds), period);
        let worker = stack.variables(&format!("{id}Function"));
        let names = |suffix: &str| format!("{}_SECRET_{suffix}", vendor.to_ascii_uppercase());
        for name in [names("ARNS"), names("PREFIX")] {
            assert_eq!(worker[&name], variables[&name]);
        }
    }
}

#[test]
fn d10_no_right_has_a_wildcard_in_its_action_or_is_on_everything() {
    let full = fan_out();
    for role in ROLES.into_iter().chain(["OpenAIPlannerRole", "Microsoft365PlannerRole"]) {
        for statement in full.statements(role) {
            let actions = texts(&statement["Action"]);
            assert!(actions.iter().all(|action| !action.contains('*')), "{statement}");
            for resource in texts(&statement["Resource"]) {
                // Only ListSecrets is allowed on every resource, because it supports no other. A resource with a prefix
                // ends in a slash and a star.
                let is_list = actions == ["secretsmanager:ListSecrets"];
                let star = resource.find('*');
                let is_of_prefix = star.is_none_or(|at| at + 1 == resource.len() && resource.ends_with("/*"));
                assert!(if is_list { resource == "*" } else { is_of_prefix }, "{statement}");
            }
        }
    }
}

#[test]
fn d10_the_bucket_is_listed_and_read_below_the_prefix_only() {
    let stack = Stack::new(&[FULL[0], ("Prefix", "team/audit/"), ("ExistingBucketName", "lake")]);
    let statements = stack.statements("OpenAIRole");
    let of = |sid: &str| statements.iter().find(|statement| statement["Sid"] == sid).unwrap();
    assert_eq!(of("Objects")["Resource"], "arn:aws:s3:::lake/team/audit/*");
    assert_eq!(of("Listing")["Resource"], "arn:aws:s3:::lake");
    assert_eq!(of("Listing")["Condition"], json!({"StringLike": {"s3:prefix": "team/audit/*"}}));
}

#[test]
fn b5_a_role_may_not_read_the_secrets_of_the_other_vendor() {
    let full = Stack::new(&FULL);
    for (role, arns, prefix) in [
        ("OpenAIRole", "Microsoft365SecretArns", "Microsoft365SecretPrefix"),
        ("Microsoft365Role", "OpenAISecretArns", "OpenAISecretPrefix"),
    ] {
        let value = |name| FULL.iter().find(|(known, _)| *known == name).unwrap().1;
        let statements = full.statements(role);
        let denied = statements.iter().filter(|statement| statement["Effect"] == "Deny");
        let denied: Vec<_> = denied.flat_map(|statement| texts(&statement["Resource"])).collect();
        let prefix = format!("arn:aws:secretsmanager:eu-west-1:123456789012:secret:{}*", value(prefix));
        assert_eq!(denied, [value(arns).to_owned(), prefix], "{role}");
    }
    let single = Stack::new(&FULL[..2]).statements("OpenAIRole");
    assert!(single.iter().all(|statement| statement["Effect"] == "Allow"));
}

/// Each function gets the other's prefix, so that it can refuse one that overlaps with its own.
#[test]
fn b5_overlapping_prefixes_are_refused_by_a_rule_or_at_the_start_of_both_functions() {
    let stack = |openai, microsoft365| {
        Stack::new(&[("OpenAISecretPrefix", openai), ("Microsoft365SecretPrefix", microsoft365)])
    };
    let starts = |stack: &Stack| {
        [("OPENAI", "OpenAIFunction"), ("MICROSOFT365", "Microsoft365Function")]
            .map(|(vendor, function)| Environment::parse(vendor, &[], &stack.variables(function)).is_ok())
    };
    let apart = stack("audit-pull/openai/", "audit-pull/openai-eu/");
    assert_eq!((apart.refusals(), starts(&apart)), (vec![], [true, true]));
    let same = stack("audit-pull/", "audit-pull/");
    assert!(same.refusals()[0].contains("a prefix of its own"));
    for nested in [same, stack("audit-pull/", "audit-pull/m/"), stack("audit-pull/o/", "audit-pull/")] {
        assert_eq!(starts(&nested), [false, false]);
    }
}

#[test]
fn b5_one_list_of_arns_for_both_vendors_is_refused() {
    let arns = FULL[0].1;
    let both = Stack::new(&[("OpenAISecretArns", arns), ("Microsoft365SecretArns", arns)]);
    assert!(both.refusals()[0].contains("for one vendor only"), "{:?}", both.refusals());
}

/// The rules are evaluated: all defaults are refused, and every choice of vendors is accepted.
#[test]
fn d11_a_deployment_without_a_vendor_is_refused() {
    let refusals = |given: &[(&str, &str)]| Stack::new(given).refusals();
    let none = refusals(&[]);
    assert!(none.len() == 1 && none[0].contains("at least one vendor"), "{none:?}");
    assert_eq!(refusals(&[("ExistingBucketName", "lake"), ("Prefix", ""), ("Lake", "true")]), none);
    let vendors = &FULL[..4];
    for one in vendors {
        assert_eq!(refusals(&[*one]), [""; 0], "{one:?}");
    }
    // Every choice of the four parameters is accepted and has a function per vendor.
    for choice in 1..1 << vendors.len() {
        let chosen: Vec<_> =
            vendors.iter().enumerate().filter(|(at, _)| choice >> at & 1 == 1).map(|(_, one)| *one).collect();
        assert_eq!(refusals(&chosen), [""; 0], "{chosen:?}");
        let stack = Stack::new(&chosen);
        for (vendor, function) in [("OpenAI", "OpenAIFunction"), ("Microsoft365", "Microsoft365Function")] {
            let is_chosen = chosen.iter().any(|(name, _)| name.starts_with(vendor));
            assert_eq!(stack.resource(function).is_some(), is_chosen, "{chosen:?}");
        }
    }
}

#[test]
fn d10_only_the_prefix_can_be_listed() {
    let listing = block(&template(), "          - Sid: Listing");
    assert!(listing.contains("StringLike:\n                s3:prefix: !Sub ${Prefix}*"), "{listing}");
    assert!(!template().contains("IfExists"));
}

#[test]
fn d10_bucket_and_secrets_have_a_key_each() {
    let template = template();
    for (sid, key, service, other) in [
        ("BucketKey", "KmsKeyArn", "s3.", "secretsmanager."),
        ("SecretsKey", "SecretsKmsKeyArn", "secretsmanager.", "s3."),
    ] {
        let statement = block(&template, &format!("              - Sid: {sid}"));
        assert!(statement.contains(&format!("Resource: !Ref {key}\n")), "{statement}");
        assert!(
            statement.contains(&format!("kms:ViaService: !Sub {service}")) && !statement.contains(other),
            "{statement}"
        );
        assert!(template.contains(&format!("\n  {key}:\n    Type: String\n    Default: \"\"")));
    }
}

#[test]
fn d10_each_role_has_an_optional_boundary_and_a_path() {
    let template = template();
    for name in ["OpenAIRole", "Microsoft365Role", "OpenAIPlannerRole", "Microsoft365PlannerRole"] {
        let role = block(&template, &format!("  {name}:"));
        let boundary =
            "PermissionsBoundary: !If [HasPermissionsBoundary, !Ref PermissionsBoundaryArn, !Ref AWS::NoValue]";
        assert!(role.contains("Path: !Ref RolePath") && role.contains(boundary), "{role}");
    }
    assert_eq!(template.matches("Type: AWS::IAM::Role").count(), 4);
}

#[test]
fn b5_a_prefix_gives_the_right_to_read_the_secrets_of_its_names_only() {
    let template = template();
    for (role, parameter) in [("OpenAIRole", "OpenAISecretPrefix"), ("Microsoft365Role", "Microsoft365SecretPrefix")] {
        let role = block(&template, &format!("  {role}:"));
        let read = block(&role, "                  - Sid: SecretsOfPrefix");
        assert!(read.contains("Action: secretsmanager:GetSecretValue\n"), "{read}");
        assert!(read.ends_with(&format!(":secret:${{{parameter}}}*")), "{read}");
        let list = block(&role, "                  - Sid: SecretNames");
        assert!(list.contains("Action: secretsmanager:ListSecrets\n"), "{list}");
    }
}
