//! What the template promises to those who read it before they deploy it.
#![expect(clippy::unwrap_used, reason = "a failed call fails the test")]

use std::collections::BTreeSet;

fn template() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../template.yaml")).unwrap()
}

/// The lines from the one that is `first` to the next with no deeper indentation.
fn block(text: &str, first: &str) -> String {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut lines = text.lines().skip_while(|line| *line != first);
    let head = lines.next().unwrap_or_else(|| panic!("no {first:?}"));
    let body = lines.take_while(|line| line.trim().is_empty() || indent(line) > indent(head));
    std::iter::once(head).chain(body).collect::<Vec<_>>().join("\n")
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
    for name in ["OpenAIRole", "Microsoft365Role"] {
        let role = block(&template, &format!("  {name}:"));
        let boundary =
            "PermissionsBoundary: !If [HasPermissionsBoundary, !Ref PermissionsBoundaryArn, !Ref AWS::NoValue]";
        assert!(role.contains("Path: !Ref RolePath") && role.contains(boundary), "{role}");
    }
    assert_eq!(template.matches("Type: AWS::IAM::Role").count(), 2);
}

#[test]
fn d11_a_deployment_without_a_vendor_is_refused() {
    let template = template();
    let rule = block(&template, "  AtLeastOneVendor:");
    let names = |text: &str| -> BTreeSet<String> {
        let words = text.split(|c: char| !c.is_ascii_alphanumeric());
        words.filter(|word| word.ends_with("SecretArns") || word.ends_with("SecretPrefix")).map(str::to_owned).collect()
    };
    assert_eq!(names(&rule), names(&block(&template, "Parameters:")));
    assert!(rule.contains("Assert: !Or") && rule.contains("AssertDescription"), "{rule}");
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
