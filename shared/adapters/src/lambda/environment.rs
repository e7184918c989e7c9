//! The settings in the function's environment variables, parsed and validated once.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use collector::{Compression, MAX_SHARED_BYTES, PortError, Settings};

use super::claims::claimed_twice;
use super::fan_out::{FanOut, period, queue_url};
use crate::looks_like_a_key;

/// The longest look-back of a new stream, in days.
const MAX_LOOKBACK_DAYS: u16 = 3_650;
/// The longest prefix of object keys. S3 limits a whole key to 1,024 bytes.
const MAX_PREFIX_CHARS: usize = 256;
/// The longest prefix of secret names. `template.yaml` has the same bound.
const MAX_SECRET_PREFIX_CHARS: usize = 128;
const DAY_SECONDS: i64 = 86_400;
const HOUR_SECONDS: i64 = 3_600;
/// A stream that delivered nothing for this long is silent, unless `NO_DATA_HOURS` is set.
const DEFAULT_NO_DATA_SECONDS: i64 = 24 * HOUR_SECONDS;
/// The greatest number of hours of `NO_DATA_HOURS`. `template.yaml` has the same bound.
const MAX_NO_DATA_HOURS: u16 = 720;
/// The name of the stack in metrics if `STACK_NAME` is not set.
const DEFAULT_STACK: &str = "audit-pull";
/// The longest name of a stack that CloudFormation accepts.
const MAX_STACK_CHARS: usize = 128;
/// Lambda's variable with the function's memory in MB.
const MEMORY_SIZE: &str = "AWS_LAMBDA_FUNCTION_MEMORY_SIZE";
/// Share of the function's memory for ledger caches, batches and blob references together.
const SHARED_MEMORY_PERCENT: usize = 40;
/// Share of the function's memory that the process for Python methods may map.
const METHOD_MEMORY_PERCENT: u64 = 40;
/// Memory that the process for Python methods needs to start. It maps this much but uses little of it.
const MIN_METHOD_BYTES: u64 = 320 << 20;
/// The process for Python methods may map at most this much memory.
const MAX_METHOD_BYTES: u64 = 768 << 20;

/// The settings of a deployment. No message repeats a value, because people paste secrets into the wrong field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// The ARNs of the sources' secrets (`OPENAI_SECRET_ARNS`, `MICROSOFT365_SECRET_ARNS`).
    pub secret_arns: Vec<String>,
    /// Each secret whose name begins with this prefix is a source, too (`OPENAI_SECRET_PREFIX`,
    /// `MICROSOFT365_SECRET_PREFIX`).
    pub secret_prefix: Option<String>,
    /// The DynamoDB table of heads and ledgers (`STATE_TABLE`).
    pub table: String,
    /// The bucket for the objects (`BUCKET`).
    pub bucket: String,
    /// The name of the deployment's stack (`STACK_NAME`), for metrics and messages.
    pub stack: String,
    /// `true` if a tick also writes a metrics record per stream (`DETAILED_METRICS`).
    pub detailed_metrics: bool,
    /// The ARN of the SNS topic of the deployment's alarms and of messages on silent streams (`ALARM_TOPIC_ARN`); `None` if none is sent.
    pub alarm_topic: Option<String>,
    /// The queue to which this function sends one message per source instead of serving the sources itself; `None` if it
    /// serves them.
    pub fan_out: Option<FanOut>,
    /// The settings in `PREFIX`, `COMPRESSION`, `LOOKBACK_DAYS` and `NO_DATA_HOURS`.
    pub settings: Settings,
    /// The place of the deployment's own data models (`DATA_MODELS`).
    pub data_models: Option<ModelsPlace>,
    /// Memory for ledger caches, batches and blob references of all sources together.
    pub shared_bytes: usize,
    /// Memory that the process for Python methods may map.
    pub method_bytes: u64,
    /// The values of the variables that only this vendor has, by name.
    vendor_variables: BTreeMap<String, String>,
}

/// The place of the deployment's own data models.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelsPlace {
    /// Objects of the deployment's bucket whose keys begin with the deployment's prefix and then this path.
    Bucket(String),
    /// Files in this folder of the function's package.
    Package(String),
}

impl Environment {
    /// Reads the process's environment variables. `vendor` is the prefix of the vendor's variables, such as `OPENAI`.
    /// `own` names all of them except `{vendor}_SECRET_ARNS` and `{vendor}_SECRET_PREFIX`.
    ///
    /// The error needs a person and names every problem at once.
    #[expect(clippy::disallowed_methods, reason = "the one door to the function's environment")]
    pub fn read(vendor: &str, own: &[&str]) -> Result<Self, PortError> {
        if std::env::var_os("AWS_LAMBDA_RUNTIME_API").is_none() {
            return Err(PortError::person("this program runs inside AWS Lambda; from a terminal, use audit-pull"));
        }
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Self::parse(vendor, own, &variables)
    }

    /// Parses `variables` as [`Environment::read`] parses those of the process. An empty variable counts as unset. A
    /// secret that the variables of another vendor select, too, is a problem.
    pub fn parse(vendor: &str, own: &[&str], variables: &BTreeMap<String, String>) -> Result<Self, PortError> {
        let mut reader = Reader { variables, problems: Vec::new() };
        let (arns_name, prefix_name) = (format!("{vendor}_SECRET_ARNS"), format!("{vendor}_SECRET_PREFIX"));
        let vendor_variables = reader.vendor_variables(vendor, own, &[&arns_name, &prefix_name]);
        let has_prefix = variables.get(&prefix_name).is_some_and(|text| !text.trim().is_empty());
        let environment = Self {
            secret_arns: if has_prefix {
                reader.optional(&arns_name, secret_arns).unwrap_or_default()
            } else {
                reader.required(&arns_name, secret_arns)
            },
            secret_prefix: reader.optional(&prefix_name, secret_prefix),
            table: reader.required("STATE_TABLE", name),
            bucket: reader.required("BUCKET", name),
            stack: reader.optional("STACK_NAME", stack_name).unwrap_or_else(|| DEFAULT_STACK.to_owned()),
            detailed_metrics: reader.optional("DETAILED_METRICS", true_or_false).unwrap_or_default(),
            alarm_topic: reader.optional("ALARM_TOPIC_ARN", topic_arn),
            fan_out: reader.fan_out(),
            settings: Settings {
                prefix: reader.optional("PREFIX", prefix).unwrap_or_default(),
                compression: reader.optional("COMPRESSION", compression).unwrap_or_default(),
                lookback_seconds: reader
                    .optional("LOOKBACK_DAYS", lookback)
                    .unwrap_or(Settings::default().lookback_seconds),
                no_data_seconds: reader.optional("NO_DATA_HOURS", no_data).unwrap_or(DEFAULT_NO_DATA_SECONDS),
                ..Settings::default()
            },
            data_models: reader.optional("DATA_MODELS", models_place),
            shared_bytes: reader.optional(MEMORY_SIZE, shared_bytes).unwrap_or(MAX_SHARED_BYTES),
            method_bytes: reader.optional(MEMORY_SIZE, method_bytes).unwrap_or(MAX_METHOD_BYTES),
            vendor_variables,
        };
        claimed_twice(vendor, variables).into_iter().for_each(|(name, problem)| reader.problem(&name, problem));
        match reader.problems[..] {
            [] => Ok(environment),
            _ => Err(PortError::person(format!("the function's environment: {}", reader.problems.join("; ")))),
        }
    }

    /// Returns the value of one of the vendor's own variables; `None` if it is unset.
    pub fn variable(&self, name: &str) -> Option<String> {
        self.vendor_variables.get(name).cloned()
    }
}

/// Parses variables and collects the problems, so that one error can name them all.
struct Reader<'a> {
    variables: &'a BTreeMap<String, String>,
    problems: Vec<String>,
}

impl Reader<'_> {
    fn optional<T>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let text = self.variables.get(name).map(|text| text.trim()).filter(|text| !text.is_empty())?;
        match parse(text) {
            // The key would appear in object keys, messages and logs.
            Ok(_) if looks_like_a_key(text) => {
                self.problem(name, "holds a key; keys belong in Secrets Manager only");
                None
            }
            Ok(value) => Some(value),
            Err(problem) => {
                self.problem(name, problem);
                None
            }
        }
    }

    fn required<T: Default>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> T {
        let problems = self.problems.len();
        let value = self.optional(name, parse);
        if value.is_none() && self.problems.len() == problems {
            self.problem(name, "is not set");
        }
        value.unwrap_or_default()
    }

    fn fan_out(&mut self) -> Option<FanOut> {
        let queue_url = self.optional("FAN_OUT_QUEUE_URL", queue_url)?;
        Some(FanOut { queue_url, period_seconds: self.required("FAN_OUT_PERIOD_SECONDS", period) })
    }

    /// Returns the values of the variables `own`. Any other variable of the vendor except `common` is a problem: its
    /// name is probably misspelt, and it would be ignored silently.
    fn vendor_variables(&mut self, vendor: &str, own: &[&str], common: &[&str]) -> BTreeMap<String, String> {
        let prefix = format!("{vendor}_");
        let mut known = BTreeMap::new();
        for (name, value) in self.variables.iter().filter(|(name, _)| name.starts_with(&prefix)) {
            if own.contains(&name.as_str()) {
                known.insert(name.clone(), value.clone());
            } else if !common.contains(&name.as_str()) {
                let all = common.iter().chain(own).copied().collect::<Vec<_>>().join(", ");
                self.problem(name, format!("is unknown; there are {all}"));
            }
        }
        known
    }

    fn problem(&mut self, name: &str, problem: impl Display) {
        self.problems.push(format!("{name} {problem}"));
    }
}

/// Parses `s3:PATH/` or `package:PATH/`. The path cannot lead out of its bucket prefix or folder.
fn models_place(text: &str) -> Result<ModelsPlace, String> {
    let (kind, path) = text.split_once(':').unwrap_or(("", text));
    let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '=');
    let is_part = |part: &str| !part.is_empty() && part != "." && part != ".." && part.chars().all(safe);
    let is_path = path.strip_suffix('/').is_some_and(|path| path.split('/').all(is_part));
    match kind {
        "s3" if is_path => Ok(ModelsPlace::Bucket(path.to_owned())),
        "package" if is_path => Ok(ModelsPlace::Package(path.to_owned())),
        _ => Err("must be s3:PATH/ (below the deployment's prefix in its bucket) or package:PATH/ (in the function's \
                  package), such as s3:_models/"
            .to_owned()),
    }
}

fn shared_bytes(megabytes: &str) -> Result<usize, String> {
    let megabytes: usize = megabytes.parse().map_err(|_| "is not a number of MB".to_owned())?;
    Ok((megabytes << 20) / 100 * SHARED_MEMORY_PERCENT)
}

fn method_bytes(megabytes: &str) -> Result<u64, String> {
    let megabytes: u64 = megabytes.parse().map_err(|_| "is not a number of MB".to_owned())?;
    Ok(((megabytes << 20) / 100 * METHOD_MEMORY_PERCENT).clamp(MIN_METHOD_BYTES, MAX_METHOD_BYTES))
}

fn secret_arns(text: &str) -> Result<Vec<String>, String> {
    let arns: Vec<&str> = text.split(',').map(str::trim).filter(|arn| !arn.is_empty()).collect();
    for (at, arn) in (1..).zip(&arns) {
        let parts: Vec<&str> = arn.splitn(7, ':').collect();
        let [_, _, "secretsmanager", _, _, "secret", name] = parts[..] else {
            return Err(format!(
                "entry {at} is not arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME; put ARNs there, never secrets"
            ));
        };
        if !arn.starts_with("arn:aws") || name.is_empty() || name.contains(char::is_whitespace) {
            return Err(format!("entry {at} is not the ARN of a secret"));
        }
    }
    if arns.is_empty() {
        return Err("holds no ARN".to_owned());
    }
    if arns.iter().collect::<BTreeSet<_>>().len() < arns.len() {
        return Err("holds an ARN twice".to_owned());
    }
    Ok(arns.into_iter().map(str::to_owned).collect())
}

/// Parses a prefix of secret names. It must end in a slash, so that it does not match the beginning of a longer name by
/// accident.
fn secret_prefix(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "/_+=.@-".contains(c);
    let is_good = text.len() > 1 && text.len() <= MAX_SECRET_PREFIX_CHARS && text.ends_with('/');
    if !is_good || text.starts_with('/') || !text.chars().all(allowed) {
        return Err(format!(
            "must be the beginning of secret names that ends in a slash, at most {MAX_SECRET_PREFIX_CHARS} of A-Z a-z \
             0-9 / _ + = . @ -, such as audit-pull/acme/"
        ));
    }
    Ok(text.to_owned())
}

fn name(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if text.starts_with("arn:aws") || text.chars().all(plain) {
        return Ok(text.to_owned());
    }
    Err("is not a name: write it alone, without s3:// or a path".to_owned())
}

fn prefix(text: &str) -> Result<String, String> {
    let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '=' | '/');
    if text.starts_with('/') || text.contains("//") || !text.chars().all(safe) || text.len() > MAX_PREFIX_CHARS {
        return Err(format!(
            "must be at most {MAX_PREFIX_CHARS} of A-Z a-z 0-9 - _ . = /, without a / at its start or two together"
        ));
    }
    Ok(if text.ends_with('/') { text.to_owned() } else { format!("{text}/") })
}

fn compression(text: &str) -> Result<Compression, String> {
    match text {
        "gzip" => Ok(Compression::Gzip),
        "zstd" => Ok(Compression::Zstd),
        _ => Err("must be gzip or zstd".to_owned()),
    }
}

fn lookback(text: &str) -> Result<i64, String> {
    match text.parse::<u16>() {
        Ok(days) if days <= MAX_LOOKBACK_DAYS => Ok(i64::from(days) * DAY_SECONDS),
        _ => Err(format!("must be a whole number of days from 0 to {MAX_LOOKBACK_DAYS}")),
    }
}

fn no_data(text: &str) -> Result<i64, String> {
    match text.parse::<u16>() {
        Ok(hours) if hours <= MAX_NO_DATA_HOURS => Ok(i64::from(hours) * HOUR_SECONDS),
        _ => Err(format!("must be a whole number of hours from 0 to {MAX_NO_DATA_HOURS}")),
    }
}

fn true_or_false(text: &str) -> Result<bool, String> {
    text.parse().map_err(|_| "must be true or false".to_owned())
}

fn stack_name(text: &str) -> Result<String, String> {
    let is_name = text.len() <= MAX_STACK_CHARS && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if is_name { Ok(text.to_owned()) } else { Err("must be the name of a stack: A-Z a-z 0-9 -".to_owned()) }
}

/// Parses `arn:PARTITION:sns:REGION:ACCOUNT:NAME`.
fn topic_arn(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let parts: Vec<&str> = text.split(':').collect();
    match parts[..] {
        ["arn", _, "sns", _, _, name] if !name.is_empty() && parts.iter().all(|part| part.chars().all(plain)) => {
            Ok(text.to_owned())
        }
        _ => Err("must be the ARN of an SNS topic, arn:PARTITION:sns:REGION:ACCOUNT:NAME".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:acme-AbCdEf";
    const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:alarms.fifo";
    const QUEUE: &str = "https://sqs.eu-west-1.amazonaws.com/123456789012/stack-openai-sources";
    const GOOD: [(&str, &str); 3] = [("OPENAI_SECRET_ARNS", ARN), ("STATE_TABLE", "state"), ("BUCKET", "lake")];

    fn parse(changes: &[(&str, &str)]) -> Result<Environment, String> {
        let of = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let mut variables = of(&GOOD);
        variables.extend(of(changes));
        Environment::parse("OPENAI", &["OPENAI_LISTINGS", "OPENAI_BASE_URL"], &variables).map_err(|error| {
            assert_eq!(error.recovery, collector::Recovery::Person);
            assert!(!error.message.contains("canary"), "{error}");
            error.message
        })
    }

    #[track_caller]
    fn err(name: &str, value: &str, problem: &str) {
        let message = parse(&[(name, value)]).unwrap_err();
        assert!(message.contains(&format!("{name} ")) && message.contains(problem), "{message}");
    }

    #[test]
    fn ok_optional_variables_have_defaults() {
        let environment = parse(&[]).unwrap();
        assert_eq!(environment.secret_arns, [ARN]);
        assert_eq!((environment.table.as_str(), environment.bucket.as_str()), ("state", "lake"));
        assert_eq!(environment.settings, Settings { no_data_seconds: 86_400, ..Settings::default() });
        assert_eq!((environment.stack.as_str(), environment.detailed_metrics), ("audit-pull", false));
        assert_eq!(environment.alarm_topic, None);
        assert_eq!(environment.settings.lookback_seconds, 7 * 86_400);
        assert_eq!(environment.variable("OPENAI_LISTINGS"), None);
        assert_eq!(environment.shared_bytes, MAX_SHARED_BYTES);
    }

    #[test]
    fn ok_streams_share_a_part_of_the_functions_memory() {
        let environment = parse(&[(MEMORY_SIZE, "512")]).unwrap();
        assert!((200 << 20..210 << 20).contains(&environment.shared_bytes), "{}", environment.shared_bytes);
    }

    #[test]
    fn ok_every_variable_is_read() {
        let other = "arn:aws-us-gov:secretsmanager:us-gov-west-1:123456789012:secret:a/b:c";
        let environment = parse(&[
            ("OPENAI_SECRET_ARNS", &format!(" {ARN} , {other},")),
            ("PREFIX", "audit/v=1"),
            ("COMPRESSION", "zstd"),
            ("LOOKBACK_DAYS", "30"),
            ("NO_DATA_HOURS", "0"),
            ("STACK_NAME", "audit-2"),
            ("DETAILED_METRICS", "true"),
            ("ALARM_TOPIC_ARN", TOPIC),
            ("FAN_OUT_QUEUE_URL", QUEUE),
            ("FAN_OUT_PERIOD_SECONDS", "60"),
            ("OPENAI_LISTINGS", "tenant"),
            ("MICROSOFT365_WHATEVER", "x"),
        ])
        .unwrap();
        assert_eq!(environment.secret_arns, [ARN, other]);
        assert_eq!(environment.settings.prefix, "audit/v=1/");
        assert_eq!((environment.settings.no_data_seconds, environment.stack.as_str()), (0, "audit-2"));
        assert_eq!((environment.detailed_metrics, environment.alarm_topic.as_deref()), (true, Some(TOPIC)));
        assert_eq!(environment.fan_out, Some(FanOut { queue_url: QUEUE.to_owned(), period_seconds: 60 }));
        assert_eq!(environment.settings.compression, Compression::Zstd);
        assert_eq!(environment.settings.lookback_seconds, 30 * 86_400);
        assert_eq!(environment.variable("OPENAI_LISTINGS").as_deref(), Some("tenant"));
        assert_eq!(parse(&[("PREFIX", "audit/")]).unwrap().settings.prefix, "audit/");
        assert_eq!(parse(&[("PREFIX", " "), ("LOOKBACK_DAYS", "0")]).unwrap().settings.prefix, "");
    }

    #[test]
    fn err_each_invalid_value_is_named() {
        err("OPENAI_SECRET_ARNS", "", "is not set");
        err("OPENAI_SECRET_ARNS", " , ", "holds no ARN");
        err("OPENAI_SECRET_ARNS", "sk-admin-canary", "entry 1 is not arn:");
        err("OPENAI_SECRET_ARNS", &format!("{ARN},arn:aws:s3:::canary"), "entry 2");
        err("OPENAI_SECRET_ARNS", &format!("{ARN} canary"), "entry 1");
        err("OPENAI_SECRET_ARNS", &format!("{ARN},{ARN}"), "twice");
        err("STATE_TABLE", "", "is not set");
        err("BUCKET", "s3://canary", "not a name");
        err("PREFIX", "/canary", "must be at most");
        err("PREFIX", "a//b", "two together");
        err("PREFIX", "a b", "A-Z");
        for name in ["STATE_TABLE", "BUCKET", "PREFIX"] {
            err(name, "sk-admin-canary", "holds a key");
        }
        err("OPENAI_SECRET_PREFIX", "sk-admin-canary/", "holds a key");
        err("OPENAI_SECRET_ARNS", &ARN.replace("acme", "sk-admin-canary"), "holds a key");
        err("COMPRESSION", "canary", "gzip or zstd");
        err("LOOKBACK_DAYS", "canary", "whole number");
        err("LOOKBACK_DAYS", "-1", "whole number");
        err("NO_DATA_HOURS", "721", "whole number of hours");
        err("DETAILED_METRICS", "canary", "true or false");
        err("STACK_NAME", "canary secret!", "name of a stack");
        err("ALARM_TOPIC_ARN", "canary", "ARN of an SNS topic");
        err("ALARM_TOPIC_ARN", &ARN.replace("acme", "canary"), "ARN of an SNS topic");
        err("FAN_OUT_QUEUE_URL", "https://user:canary@host/1/name", "URL of an SQS queue");
        err("FAN_OUT_QUEUE_URL", "canary", "URL of an SQS queue");
        let message = parse(&[("FAN_OUT_QUEUE_URL", QUEUE)]).unwrap_err();
        assert!(message.contains("FAN_OUT_PERIOD_SECONDS is not set"), "{message}");
        err("LOOKBACK_DAYS", "3651", "whole number");
        err(
            "OPENAI_LISTING",
            "canary",
            "is unknown; there are OPENAI_SECRET_ARNS, OPENAI_SECRET_PREFIX, OPENAI_LISTINGS",
        );
    }

    #[test]
    fn b5_a_prefix_of_secret_names_stands_in_for_the_list_of_arns() {
        let environment = parse(&[("OPENAI_SECRET_ARNS", ""), ("OPENAI_SECRET_PREFIX", "audit-pull/openai/")]).unwrap();
        assert_eq!(environment.secret_prefix.as_deref(), Some("audit-pull/openai/"));
        assert_eq!(environment.secret_arns, [""; 0]);
        let both = parse(&[("OPENAI_SECRET_PREFIX", "a/")]).unwrap();
        assert_eq!((both.secret_arns.len(), both.secret_prefix.as_deref()), (1, Some("a/")));
        for bad in ["canary", "/", "/a/", "a b/", "sk-admin-canary", &"a".repeat(200)] {
            err("OPENAI_SECRET_PREFIX", bad, "ends in a slash");
        }
    }

    #[test]
    fn b5_a_secret_of_two_vendors_stops_the_start() {
        let prefix = |ours, theirs| parse(&[("OPENAI_SECRET_PREFIX", ours), ("MICROSOFT365_SECRET_PREFIX", theirs)]);
        assert!(prefix("audit-pull/openai/", "audit-pull/openai-eu/").is_ok());
        let message = prefix("audit-pull/", "audit-pull/canary/").unwrap_err();
        assert!(message.contains("OPENAI_SECRET_PREFIX and MICROSOFT365_SECRET_PREFIX: one is"), "{message}");
        let message = parse(&[("MICROSOFT365_SECRET_PREFIX", "acme")]).unwrap_err();
        assert!(message.contains("OPENAI_SECRET_ARNS entry 1 begins with MICROSOFT365_SECRET_PREFIX"), "{message}");
    }

    #[test]
    fn err_every_problem_is_named_at_once() {
        let message = parse(&[("STATE_TABLE", ""), ("COMPRESSION", "lz4"), ("OPENAI_KEY", "canary")]).unwrap_err();
        for name in ["STATE_TABLE", "COMPRESSION", "OPENAI_KEY"] {
            assert!(message.contains(name), "{message}");
        }
    }
}
