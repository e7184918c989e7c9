//! The deployment's configuration and a source's secret, both validated when they are read.
//!
//! No message repeats a value, because people paste secrets into the wrong field.

use adapters::http::{Url, base_url};
use adapters::looks_like_a_key;
use collector::{ListingId, PortError, SourceId, Stream};
use schema::LogType;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

use crate::default_source_id::default_source_id;

/// Environment variable that replaces [`DEFAULT_BASE_URL`]. Like the default, its value ends in `/v1`.
pub const BASE_URL_VARIABLE: &str = "OPENAI_BASE_URL";
/// Environment variable that names the listings to pull, `organization` or `tenant`, separated by commas.
pub const LISTINGS_VARIABLE: &str = "OPENAI_LISTINGS";
/// All environment variables of this vendor, except those that select its secrets.
pub const VARIABLES: [&str; 2] = [BASE_URL_VARIABLE, LISTINGS_VARIABLE];

/// The listing of organization and project events (`tenant_only=false`).
pub const ORGANIZATION: ListingId = "organization";
/// The listing of tenant events (`tenant_only=true`).
pub const TENANT: ListingId = "tenant";
/// Every listing.
pub const LISTINGS: [ListingId; 2] = [ORGANIZATION, TENANT];

/// The base URL of the API, unless [`BASE_URL_VARIABLE`] replaces it.
pub const DEFAULT_BASE_URL: &str = "https://api.openai.com/v1";

/// The prefix of every admin key.
const ADMIN_KEY_PREFIX: &str = "sk-admin-";
/// The fields that a secret may have.
const FIELDS: [&str; 3] = ["source_id", "source_label", "admin_key"];
/// Prefixes of OpenAI's other keys, with a description of the key. These keys cannot read the audit log. `sk-` comes
/// last, because every prefix begins with it.
const OTHER_KEYS: [(&str, &str); 4] = [
    ("sk-proj-", "a project's API key"),
    ("sk-svcacct-", "a service account's API key"),
    ("sk-None-", "a user's API key"),
    ("sk-", "a user's or a project's API key"),
];
/// The advice on how to get an admin key.
pub(crate) const ADMIN_KEY_ADVICE: &str =
    "an owner of the organization makes one at platform.openai.com, Organization settings, Admin keys";
/// The longest name of an unknown field that a message shows, in bytes.
const MAX_SHOWN_FIELD_NAME: usize = 24;

/// The settings that all sources of a deployment share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The base URL of the API, without a slash at its end.
    pub base_url: Url,
    /// The listings to follow: at least one, and each of them once.
    pub listings: Vec<ListingId>,
}

impl Config {
    /// Reads [`VARIABLES`] through `variable`. A variable that is unset or empty leaves the default: [`DEFAULT_BASE_URL`]
    /// and every listing.
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self, PortError> {
        let variable = |name| variable(name).filter(|text| !text.trim().is_empty());
        Ok(Self {
            base_url: parse_base_url(variable(BASE_URL_VARIABLE).as_deref().unwrap_or(DEFAULT_BASE_URL))?,
            listings: variable(LISTINGS_VARIABLE).map_or(Ok(LISTINGS.to_vec()), |text| parse_listings(&text))?,
        })
    }
}

fn parse_base_url(text: &str) -> Result<Url, PortError> {
    let url = base_url(BASE_URL_VARIABLE, text).map_err(|error| PortError::person(error.to_string()))?;
    if !url.path().ends_with("/v1") {
        return Err(PortError::person(format!("{BASE_URL_VARIABLE} must end in /v1, as {DEFAULT_BASE_URL} does")));
    }
    Ok(url)
}

fn parse_listings(text: &str) -> Result<Vec<ListingId>, PortError> {
    let mut listings = Vec::new();
    for (position, name) in (1..).zip(text.split(',').map(str::trim)) {
        let listing = LISTINGS.into_iter().find(|listing| *listing == name).ok_or_else(|| {
            let (chars, all) = (name.chars().count(), LISTINGS.join(", "));
            PortError::person(format!(
                "{LISTINGS_VARIABLE}: entry {position} ({chars} characters) is none of the listings {all}"
            ))
        })?;
        if !listings.contains(&listing) {
            listings.push(listing);
        }
    }
    Ok(listings)
}

/// A source's secret: the JSON object `{"source_id","source_label","admin_key"}`, or the bare key. Only the key is
/// required.
#[derive(Debug, Clone)]
pub struct SourceSecret {
    /// The field `source_id`. Its default is derived from the secret's name.
    pub source_id: SourceId,
    /// The field `source_label`. Its default is the source's id.
    pub source_label: String,
    /// The field `admin_key`, or the whole text of a secret that is a bare key.
    pub admin_key: SecretString,
}

impl SourceSecret {
    /// Parses the text of the secret called `reference`. An error names the reference and a field, never a part of the
    /// text.
    pub fn parse(reference: &str, text: &SecretString) -> Result<Self, PortError> {
        Self::parse_named(reference, None, text)
    }

    /// Parses the text of the secret called `reference`, as [`SourceSecret::parse`] does. Without a `source_id` in the text,
    /// the id is derived from `name`, the secret's name in its store.
    pub fn parse_named(reference: &str, name: Option<&str>, text: &SecretString) -> Result<Self, PortError> {
        Self::parse_text(&default_source_id(reference, name), text.expose_secret().trim())
            .map_err(|problem| PortError::person(format!("OpenAI secret {reference}: {problem}")))
    }

    fn parse_text(default_id: &str, text: &str) -> Result<Self, String> {
        // Some editors put a byte order mark before the text.
        let text = text.trim_start_matches('\u{feff}').trim();
        if text.starts_with("sk-") {
            return Self::new(default_id, None, None, text);
        }
        let fields = parse_object(text)?;
        if let Some(name) = fields.keys().find(|name| !FIELDS.contains(&name.as_str())) {
            return Err(format!(
                "it holds an unknown field{}, which is none of {}",
                shown_field_name(name),
                quoted_field_names()
            ));
        }
        let field = |name: &str| match fields.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.trim()).filter(|text| !text.is_empty())),
            Some(_) => Err(format!("{name} is not a string")),
        };
        let admin_key = field("admin_key")?.ok_or("admin_key is missing or empty")?;
        Self::new(default_id, field("source_id")?, field("source_label")?, admin_key)
    }

    fn new(
        default_id: &str,
        source_id: Option<&str>,
        source_label: Option<&str>,
        admin_key: &str,
    ) -> Result<Self, String> {
        if let Some(kind) = kind_of_other_key(admin_key) {
            return Err(format!(
                "it holds {kind}, which cannot read the audit log; put an admin key ({ADMIN_KEY_PREFIX}…) there: \
                 {ADMIN_KEY_ADVICE}"
            ));
        }
        if !admin_key.chars().all(|c| c.is_ascii_graphic()) {
            return Err("admin_key holds spaces, line breaks or other characters no key has".to_owned());
        }
        // Neither may be a key, because every delivered line contains both.
        if [source_id, source_label]
            .into_iter()
            .flatten()
            .any(|text| text.starts_with("sk-") || looks_like_a_key(text) || text == admin_key)
        {
            return Err("source_id or source_label holds a key; keys belong in admin_key".to_owned());
        }
        let source_id = source_id.unwrap_or(default_id);
        Ok(Self {
            source_id: SourceId::try_from(source_id.to_owned()).map_err(|error| error.to_string())?,
            source_label: source_label.unwrap_or(source_id).to_owned(),
            admin_key: SecretString::from(admin_key),
        })
    }

    /// Returns the source's only stream, which has these listings.
    pub fn streams(&self, listings: &[ListingId]) -> Vec<Stream> {
        vec![Stream {
            source: self.source_id.clone(),
            label: self.source_label.clone(),
            log_type: LogType::OpenAiAudit,
            listings: listings.to_vec(),
        }]
    }
}

/// Parses the secret's JSON object. An error names the position of the fault, and no part of the text.
fn parse_object(text: &str) -> Result<Map<String, Value>, String> {
    let neither =
        || format!("it is neither the JSON object {{{}}} nor a bare {ADMIN_KEY_PREFIX}… key", quoted_field_names());
    if !text.starts_with(['{', '[']) {
        return Err(neither());
    }
    match serde_json::from_str(text) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(format!("{}: it is JSON of another kind", neither())),
        Err(error) => {
            let (line, column) = (error.line(), error.column());
            // A common mistake is a comma before the closing brace. The parser reports the position of the brace, so
            // the message adds that a comma comes before it.
            let is_trailing_comma = text.lines().nth(line.saturating_sub(1)).is_some_and(|broken| {
                let before = broken.get(..column.saturating_sub(1)).unwrap_or_default();
                let earlier: String = text.lines().take(line.saturating_sub(1)).collect();
                (earlier + before).trim_end().ends_with(',')
            });
            let comma = if is_trailing_comma { ", after a comma that no field follows" } else { "" };
            Err(format!("{}: the JSON breaks at line {line} column {column}{comma}", neither()))
        }
    }
}

/// Returns a field's name for a message, or an empty text if it does not look like a name: it may be a misplaced key.
fn shown_field_name(name: &str) -> String {
    let is_plain = name.len() <= MAX_SHOWN_FIELD_NAME && name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    if is_plain { format!(" {name}") } else { String::new() }
}

/// Returns the kind of a key that is not an admin key; `None` if its prefix is an admin key's or unknown.
fn kind_of_other_key(key: &str) -> Option<&'static str> {
    let other = OTHER_KEYS.into_iter().find(|(prefix, _)| key.starts_with(prefix));
    other.filter(|_| !key.starts_with(ADMIN_KEY_PREFIX)).map(|(_, kind)| kind)
}

/// Returns the names of a secret's fields in quotes, for a message.
fn quoted_field_names() -> String {
    FIELDS.map(|name| format!("\"{name}\"")).join(",")
}

#[cfg(test)]
mod tests {
    use collector::Recovery;

    use super::*;

    fn config(base_url: Option<&str>, listings: Option<&str>) -> Result<Config, String> {
        let variable = |name: &str| match name {
            BASE_URL_VARIABLE => base_url.map(str::to_owned),
            LISTINGS_VARIABLE => listings.map(str::to_owned),
            other => panic!("{other} is not a variable of this vendor"),
        };
        Config::from_variables(variable).map_err(|error| {
            assert_eq!(error.recovery, Recovery::Person);
            error.message
        })
    }

    #[test]
    fn ok_base_url() {
        let url = |text| config(text, None).unwrap().base_url.to_string();
        assert_eq!(url(None), DEFAULT_BASE_URL);
        assert_eq!(url(Some(" ")), DEFAULT_BASE_URL);
        assert_eq!(url(Some("http://127.0.0.1:8080/v1/")), "http://127.0.0.1:8080/v1");
        assert_eq!(url(Some("https://proxy.example.com/openai/v1")), "https://proxy.example.com/openai/v1");
    }

    #[test]
    fn err_base_url() {
        for bad in ["https://api.openai.com", "https://api.openai.com/v2", "http://api.openai.com/v1", "api/v1"] {
            assert!(config(Some(bad), None).unwrap_err().starts_with("OPENAI_BASE_URL "), "{bad}");
        }
    }

    #[test]
    fn listings_are_read_by_name() {
        assert_eq!(config(None, None).unwrap().listings, ["organization", "tenant"]);
        assert_eq!(config(None, Some("tenant")).unwrap().listings, ["tenant"]);
        assert_eq!(config(None, Some("tenant, organization,tenant")).unwrap().listings, ["tenant", "organization"]);
        assert!(config(None, Some("tenants")).unwrap_err().contains("organization, tenant"));
        let error = config(None, Some("tenant, sk-admin-canary")).unwrap_err();
        assert!(error.contains("entry 2 (15 characters)") && !error.contains("canary"), "{error}");
    }

    fn ok(text: &str, id: &str, label: &str, key: &str) {
        let secret = SourceSecret::parse("ref", &SecretString::from(text)).unwrap();
        assert_eq!((secret.source_id.as_str(), secret.source_label.as_str()), (id, label), "{text}");
        assert_eq!(secret.admin_key.expose_secret(), key, "{text}");
        assert!(!format!("{secret:?}").contains("canary"));
    }

    fn err(text: &str, problem: &str) {
        let error = SourceSecret::parse("ref", &SecretString::from(text)).unwrap_err();
        assert_eq!(error.recovery, Recovery::Person);
        assert!(error.message.starts_with("OpenAI secret ref: ") && error.message.contains(problem), "{error}");
        assert!(!error.message.contains("canary"), "{error}");
    }

    #[test]
    fn ok_secrets() {
        ok(" sk-admin-canary\n", "openai", "openai", "sk-admin-canary");
        ok(r#"{"admin_key":"sk-admin-canary"}"#, "openai", "openai", "sk-admin-canary");
        ok(r#"{"source_id":"acme","admin_key":"sk-admin-canary"}"#, "acme", "acme", "sk-admin-canary");
        let all = r#"{"source_id":"acme","source_label":"Acme Ltd","admin_key":" sk-admin-canary "}"#;
        ok(all, "acme", "Acme Ltd", "sk-admin-canary");
        ok(r#"{"source_id":"risk-1","admin_key":"sk-admin-canary"}"#, "risk-1", "risk-1", "sk-admin-canary");
    }

    #[test]
    fn err_secrets() {
        err("", "neither the JSON object");
        err("canary", "neither the JSON object");
        err(r#"["canary"]"#, "nor a bare sk-admin-… key: it is JSON of another kind");
        err(r#"{"admin_key":"canary""#, "the JSON breaks at line 1 column 21");
        err(r#"{"sk-admin-canary":"admin_key"}"#, "an unknown field, which is none of \"source_id\"");
        err(r#"{"source_id":"acme"}"#, "admin_key is missing");
        err(r#"{"admin_key":""}"#, "admin_key is missing");
        err(r#"{"admin_key":{"canary":1}}"#, "admin_key is not a string");
        err("{\"admin_key\":\"canary\\nkey\"}", "no key has");
        err("sk-admin-canary sk-admin-canary", "no key has");
        err(r#"{"source_id":"sk-admin-canary","admin_key":"acme"}"#, "keys belong in admin_key");
        err(r#"{"source_id":"Bearer sk-admin-canary","admin_key":"acme"}"#, "keys belong in admin_key");
        err(r#"{"source_id":"a b","admin_key":"sk-admin-canary"}"#, "change source_id");
        err(r#"{"source_id":"canary!","admin_key":"sk-admin-x"}"#, "7 characters, and that at 7 is not allowed");
        err(r#"{"source_label":"canary","admin_key":"canary"}"#, "keys belong in admin_key");
    }

    #[test]
    fn b6_an_invalid_secret_is_reported_with_its_line_and_field() {
        ok("\u{feff}{\"admin_key\":\"sk-admin-canary\"}", "openai", "openai", "sk-admin-canary");
        ok("\u{feff}sk-admin-canary\r\n", "openai", "openai", "sk-admin-canary");
        let comma = "{\n  \"source_id\": \"acme\",\n  \"admin_key\": \"sk-admin-canary\",\n}\n";
        err(comma, "the JSON breaks at line 4 column 1, after a comma that no field follows");
        err("{\"admin_key\":\"sk-admin-canary\",}", "line 1 column 32, after a comma");
        err(
            "{\n\"admin_key\" \"sk-admin-canary\"}",
            "{\"source_id\",\"source_label\",\"admin_key\"} nor a bare sk-admin-… key: the JSON breaks at line 2 column 13",
        );
        let misspelt = r#"{"source_id":"acme","adminkey":"sk-admin-canary"}"#;
        err(misspelt, "an unknown field adminkey, which is none of \"source_id\",\"source_label\",\"admin_key\"");
    }

    #[test]
    fn b7_the_message_on_another_key_names_its_kind_and_where_admin_keys_are_made() {
        for (key, kind) in [
            ("sk-proj-canary", "a project's API key"),
            ("sk-svcacct-canary", "a service account's API key"),
            ("sk-None-canary", "a user's API key"),
            ("sk-canary", "a user's or a project's API key"),
        ] {
            for text in [key.to_owned(), format!(r#"{{"source_id":"acme","admin_key":"{key}"}}"#)] {
                err(&text, &format!("it holds {kind}, which cannot read the audit log; put an admin key (sk-admin-…)"));
                err(&text, "platform.openai.com, Organization settings, Admin keys");
            }
        }
    }

    #[test]
    fn a_secret_has_one_stream_with_the_listings() {
        let secret = SourceSecret::parse("ref", &SecretString::from("sk-admin-x")).unwrap();
        let streams = secret.streams(&[TENANT]);
        assert_eq!(streams.iter().map(Stream::name).collect::<Vec<_>>(), ["openai/openai_audit"]);
        assert_eq!(streams[0].listings, ["tenant"]);
    }
}
