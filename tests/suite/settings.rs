//! Secrets that were put into a wrong setting: no message repeats them.

use std::collections::{BTreeMap, BTreeSet};

use adapters::lambda::Environment;
use collector::PortError;
use openai::SourceSecret;
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::stack::Stack;

/// Secrets that a person may paste into a setting: alone, in a list, or in a path.
const SECRETS: [&str; 4] =
    ["sk-admin-canary-0123456789", "abc8Q~canary.defghijklmnopqrstuvwxyz012345", "sk-proj-canary", "canary secret!"];
/// The positions that a secret may have in the text of a setting.
const FORMS: [&str; 8] = [
    "{}",
    " {} ",
    "organization,{}",
    "https://user:{}@proxy.example.com/v1",
    "https://proxy.example.com/{}",
    "http://{}/v1",
    "{}/",
    "arn:aws:secretsmanager:eu-west-1:123456789012:secret:acme-AbCdEf,{}",
];

/// The variables that the template gives a function, each with a good value.
fn variables(function: &str) -> BTreeMap<String, String> {
    let stack = Stack::new(&[
        ("OpenAISecretArns", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:acme-AbCdEf"),
        ("OpenAISecretPrefix", "audit-pull/openai/"),
        ("Microsoft365SecretArns", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:other-AbCdEf"),
        ("Microsoft365SecretPrefix", "audit-pull/microsoft365/"),
        ("OpenAIListings", "tenant"),
        ("OpenAIBaseUrl", "https://proxy.example.com/v1"),
        ("Microsoft365ApiUrl", "https://proxy.example.com"),
        ("Microsoft365LoginUrl", "https://proxy.example.com"),
        ("AlarmTopicArn", "arn:aws:sns:eu-west-1:123456789012:alarms"),
    ]);
    let variables = stack.variables(function);
    assert!(variables.len() >= 8, "{variables:?}");
    variables
}

/// Starts the function with these variables as its `main` does, but ends before the first secret is read.
fn start(function: &str, variables: &BTreeMap<String, String>) -> Result<(), PortError> {
    if function == "OpenAIFunction" {
        let environment = Environment::parse("OPENAI", &openai::VARIABLES, variables)?;
        return openai::Config::from_variables(|name| environment.variable(name)).map(drop);
    }
    let environment = Environment::parse("MICROSOFT365", &microsoft365::VARIABLES, variables)?;
    microsoft365::Config::from_variables(|name| environment.variable(name)).map(drop)
}

#[test]
fn b6_no_message_on_a_setting_of_a_function_repeats_a_secret_in_it() {
    for function in ["OpenAIFunction", "Microsoft365Function"] {
        let good = variables(function);
        start(function, &good).unwrap();
        let mut refused = BTreeSet::new();
        for (name, secret, form) in name_secret_and_form(&good) {
            let mut variables = good.clone();
            variables.insert(name.to_owned(), form.replace("{}", secret));
            if let Err(error) = start(function, &variables) {
                assert!(!error.message.contains("canary"), "{name}={form}: {error}");
                refused.insert(name);
            }
        }
        // A secret in the prefix of the other vendor is not refused, because that prefix is only compared with the
        // function's own.
        let all: BTreeSet<_> = good.keys().map(String::as_str).collect();
        let unread: Vec<_> = all.difference(&refused).collect();
        assert!(unread.iter().all(|name| name.ends_with("_SECRET_PREFIX")) && unread.len() < 2, "{unread:?}");
    }
}

/// No setting accepts a key of a known form, because later messages repeat accepted settings.
#[test]
fn b6_a_key_is_accepted_in_no_setting_of_a_function() {
    for function in ["OpenAIFunction", "Microsoft365Function"] {
        let good = variables(function);
        let own = if function == "OpenAIFunction" { "MICROSOFT365_" } else { "OPENAI_" };
        for (name, secret, form) in name_secret_and_form(&good).filter(|(name, ..)| !name.starts_with(own)) {
            let mut variables = good.clone();
            variables.insert(name.to_owned(), form.replace("{}", secret));
            let is_key = secret.starts_with("sk-") || secret.contains("Q~");
            assert!(!is_key || start(function, &variables).is_err(), "{name}={form}");
        }
    }
}

fn name_secret_and_form(
    variables: &BTreeMap<String, String>,
) -> impl Iterator<Item = (&str, &'static str, &'static str)> {
    let of_name = |name| SECRETS.into_iter().flat_map(move |secret| FORMS.map(|form| (name, secret, form)));
    variables.keys().flat_map(move |name| of_name(name.as_str()))
}

#[test]
fn b6_no_field_of_a_secret_is_repeated() {
    let openai = json!({"source_id": "acme", "source_label": "Acme", "admin_key": "sk-admin-canary"});
    let guid = "0f3c9a52-7b1e-4d8a-9c60-5e2f4b7a1d93";
    let microsoft365 = json!({
        "source_id": "acme", "source_label": "Acme", "tenant_id": guid, "client_id": guid, "client_secret": "canary",
        "certificate_pem": null, "private_key_pem": null, "cloud": "gcc", "content_types": ["DLP.All"],
        "publisher_id": guid, "token_endpoint": "v1",
    });
    for good in [openai, microsoft365] {
        for name in good.as_object().unwrap().keys() {
            for secret in SECRETS {
                for value in [json!(secret), json!([secret]), json!({ secret: secret })] {
                    let mut fields = good.clone();
                    fields[name] = value;
                    check_secret(&fields);
                }
                let mut fields = good.clone();
                fields[secret] = Value::Null;
                check_secret(&fields);
            }
        }
    }
}

fn check_secret(fields: &Value) {
    let text = SecretString::from(fields.to_string());
    let openai = SourceSecret::parse("acme", &text).map(|secret| secret.source_id.to_string());
    let microsoft365 = microsoft365::SourceSecret::parse(&text, &microsoft365::Config::default());
    let openai = openai.unwrap_or_else(|error| error.to_string());
    let microsoft365 = microsoft365.map_or_else(|error| error.to_string(), |secret| secret.source_id.to_string());
    for message in [openai, microsoft365] {
        assert!(!message.contains("canary"), "{fields}: {message}");
    }
}
