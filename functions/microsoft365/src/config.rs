//! A source's secret and the deployment's overrides, parsed once into what cannot be wrong.
//!
//! No message repeats a value: people paste secrets into the wrong field.

use adapters::http::{BadBaseUrl, Url, base_url};
use adapters::looks_like_a_key;
use collector::{ListingId, SourceId, Stream};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::certificate::Certificate;
use crate::cloud::Cloud;
use crate::content_type::ContentType;
use crate::token_endpoint::TokenEndpoint;

/// The variable that moves the API elsewhere: an origin, with a path prefix if need be.
pub const API_URL: &str = "MICROSOFT365_API_URL";
/// The variable that moves the login elsewhere: an origin, with a path prefix if need be.
pub const LOGIN_URL: &str = "MICROSOFT365_LOGIN_URL";

/// The one listing of a content type. Heads store its name.
pub const LISTING: ListingId = "content";

/// Where the vendor is, if not at its own hosts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    api: Option<Url>,
    login: Option<Url>,
}

impl Overrides {
    /// Reads [`API_URL`] and [`LOGIN_URL`] through `variable`; one that is unset or empty overrides nothing.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let url = |name: &'static str| match variable(name) {
            Some(text) if !text.trim().is_empty() => base_url(name, &text).map(Some),
            _ => Ok(None),
        };
        Ok(Self { api: url(API_URL)?, login: url(LOGIN_URL)? })
    }
}

/// One tenant: what to pull, from where, as whom.
#[derive(Debug, Clone)]
pub struct Config {
    /// The source's id; by default the tenant's.
    pub source: SourceId,
    /// The source's label; by default its id.
    pub label: String,
    /// The tenant.
    pub tenant: Uuid,
    /// Sent with every call as `PublisherIdentifier`: whose request quota is used. By default the tenant's id.
    pub publisher: Uuid,
    /// What is pulled, without repeats; by default everything.
    pub content_types: Vec<ContentType>,
    pub(crate) endpoints: Endpoints,
    pub(crate) client: Client,
}

/// Where the API and the login are, and whom tokens are for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoints {
    pub(crate) api: Url,
    pub(crate) login: Url,
    /// Stays the cloud's own when the API is reached through another host.
    pub(crate) audience: &'static str,
    pub(crate) token: TokenEndpoint,
}

/// The app registration we log in as.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) id: String,
    pub(crate) credential: Credential,
}

/// How the app registration proves itself.
#[derive(Debug, Clone)]
pub(crate) enum Credential {
    Secret(SecretString),
    Certificate(Certificate),
}

impl Client {
    fn is_secret(&self, text: &str) -> bool {
        matches!(&self.credential, Credential::Secret(secret) if secret.expose_secret() == text)
    }

    /// Whether logging in as the other would send the same.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.id == other.id
            && match (&self.credential, &other.credential) {
                (Credential::Secret(ours), Credential::Secret(theirs)) => {
                    ours.expose_secret() == theirs.expose_secret()
                }
                (Credential::Certificate(ours), Credential::Certificate(theirs)) => ours == theirs,
                _ => false,
            }
    }
}

/// A secret or a setting that cannot be used: which field, and what it should be. The sentence
/// lacks its subject: the caller knows which secret it read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

impl From<BadBaseUrl> for ConfigError {
    fn from(error: BadBaseUrl) -> Self {
        Self(error.to_string())
    }
}

impl Config {
    /// Parses a source's secret: a JSON object of `tenant_id`, `client_id`, `client_secret` (or
    /// `certificate_pem` and `private_key_pem`), and optionally `source_id`, `source_label`,
    /// `cloud`, `content_types`, `publisher_id` and `token_endpoint`. Any other field is an error.
    pub fn parse(secret: &SecretString, overrides: &Overrides) -> Result<Self, ConfigError> {
        let mut fields = Fields::parse(secret.expose_secret())?;
        let tenant = fields.guid("tenant_id")?.ok_or_else(|| missing("tenant_id"))?;
        let source = source_id(fields.text("source_id")?.unwrap_or_else(|| tenant.to_string()))?;
        let label = fields.text("source_label")?.unwrap_or_else(|| source.to_string());
        let publisher = fields.guid("publisher_id")?.unwrap_or(tenant);
        let content_types = content_types(fields.texts("content_types")?)?;
        let token = token_endpoint(fields.text("token_endpoint")?)?;
        let endpoints = endpoints(cloud(fields.text("cloud")?)?, token, overrides)?;
        let client = Client {
            id: fields.text("client_id")?.ok_or_else(|| missing("client_id"))?,
            credential: credential(&mut fields)?,
        };
        // They go into every line.
        if [source.as_str(), &label].into_iter().any(|text| looks_like_a_key(text) || client.is_secret(text)) {
            return Err(ConfigError(
                "source_id or source_label holds a secret; it belongs in client_secret".to_owned(),
            ));
        }
        fields.end()?;
        Ok(Self { source, label, tenant, publisher, content_types, endpoints, client })
    }
}

/// The source's streams: one a content type, in the order of the secret.
pub fn streams(config: &Config) -> Vec<Stream> {
    let stream = |content_type: &ContentType| Stream {
        source: config.source.clone(),
        label: config.label.clone(),
        log_type: content_type.log_type(),
        listings: vec![LISTING],
    };
    config.content_types.iter().map(stream).collect()
}

fn source_id(text: String) -> Result<SourceId, ConfigError> {
    let bad = |_| ConfigError("source_id must be 1 to 64 of the characters A-Z a-z 0-9 _ . -".to_owned());
    SourceId::try_from(text).map_err(bad)
}

fn cloud(name: Option<String>) -> Result<Cloud, ConfigError> {
    let unknown = || ConfigError(format!("cloud must be one of {}", Cloud::ALL.map(Cloud::name).join(", ")));
    name.map_or(Ok(Cloud::default()), |name| Cloud::from_name(&name).ok_or_else(unknown))
}

fn token_endpoint(name: Option<String>) -> Result<TokenEndpoint, ConfigError> {
    let known = TokenEndpoint::ALL.map(TokenEndpoint::name).join(", ");
    let unknown = || ConfigError(format!("token_endpoint must be one of {known}"));
    name.map_or(Ok(TokenEndpoint::default()), |name| TokenEndpoint::from_name(&name).ok_or_else(unknown))
}

fn endpoints(cloud: Cloud, token: TokenEndpoint, overrides: &Overrides) -> Result<Endpoints, ConfigError> {
    let url = |name, overridden: &Option<Url>, default| match overridden {
        Some(url) => Ok(url.clone()),
        None => base_url(name, default),
    };
    let (api, login) = (url(API_URL, &overrides.api, cloud.api())?, url(LOGIN_URL, &overrides.login, cloud.login())?);
    Ok(Endpoints { api, login, audience: cloud.api(), token })
}

fn content_types(names: Option<Vec<String>>) -> Result<Vec<ContentType>, ConfigError> {
    let Some(names) = names else { return Ok(ContentType::ALL.to_vec()) };
    let mut chosen = Vec::new();
    for name in names {
        let known = ContentType::ALL.map(ContentType::name).join(", ");
        let content_type = ContentType::from_name(&name)
            .ok_or_else(|| ConfigError(format!("content_types must be some of {known}")))?;
        if chosen.contains(&content_type) {
            return Err(ConfigError(format!("content_types names {content_type} twice")));
        }
        chosen.push(content_type);
    }
    if chosen.is_empty() {
        return Err(ConfigError("content_types is empty; leave it out to pull everything".to_owned()));
    }
    Ok(chosen)
}

fn credential(fields: &mut Fields) -> Result<Credential, ConfigError> {
    let secret = fields.text("client_secret")?;
    match (secret, fields.text("certificate_pem")?, fields.text("private_key_pem")?) {
        (Some(secret), None, None) => Ok(Credential::Secret(secret.into())),
        (None, Some(certificate), Some(key)) => {
            let certificate = Certificate::from_pem(&certificate, &key.into());
            certificate.map(Credential::Certificate).map_err(|problem| ConfigError(problem.to_owned()))
        }
        (None, Some(_), None) => Err(missing("private_key_pem")),
        (None, None, Some(_)) => Err(missing("certificate_pem")),
        (None, None, None) => {
            Err(ConfigError("client_secret, or certificate_pem and private_key_pem, is missing".to_owned()))
        }
        (Some(_), _, _) => {
            Err(ConfigError("client_secret and a certificate are both given; keep one of them".to_owned()))
        }
    }
}

fn missing(field: &str) -> ConfigError {
    ConfigError(format!("{field} is missing"))
}

/// The secret's fields, taken out one by one.
struct Fields(Map<String, Value>);

impl Fields {
    fn parse(text: &str) -> Result<Self, ConfigError> {
        match serde_json::from_str(text) {
            Ok(Value::Object(fields)) => Ok(Self(fields)),
            // Where it broke, without the parser's quotation of what it met there.
            Err(error) => Err(ConfigError(format!("is not JSON: line {} column {}", error.line(), error.column()))),
            Ok(_) => Err(ConfigError("is JSON, but not an object".to_owned())),
        }
    }

    fn text(&mut self, field: &str) -> Result<Option<String>, ConfigError> {
        match self.0.remove(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.trim().is_empty() => Err(ConfigError(format!("{field} is empty"))),
            Some(Value::String(text)) => Ok(Some(text.trim().to_owned())),
            Some(_) => Err(ConfigError(format!("{field} must be a string"))),
        }
    }

    fn texts(&mut self, field: &str) -> Result<Option<Vec<String>>, ConfigError> {
        let strings = || ConfigError(format!("{field} must be an array of strings"));
        match self.0.remove(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Array(values)) => {
                let text = |value: Value| value.as_str().map(str::to_owned).ok_or_else(strings);
                values.into_iter().map(text).collect::<Result<_, _>>().map(Some)
            }
            Some(_) => Err(strings()),
        }
    }

    fn guid(&mut self, field: &str) -> Result<Option<Uuid>, ConfigError> {
        let bad = |_| ConfigError(format!("{field} must be a GUID: 00000000-0000-0000-0000-000000000000"));
        self.text(field)?.map(|text| Uuid::try_parse(&text).map_err(bad)).transpose()
    }

    /// Nothing may be left: a misspelt field would be a setting silently not taken.
    fn end(self) -> Result<(), ConfigError> {
        let known = "source_id, source_label, tenant_id, client_id, client_secret, certificate_pem, \
                     private_key_pem, cloud, content_types, publisher_id, token_endpoint";
        let Some(name) = self.0.keys().next() else { return Ok(()) };
        // A name is shown only if it looks like one: it may be a secret that slipped to the left.
        let plain = name.len() <= LONGEST_FIELD_NAME && name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        let name = if plain { format!(" {name}") } else { String::new() };
        Err(ConfigError(format!("holds an unknown field{name}; the known ones are {known}")))
    }
}

/// In characters; for messages only.
const LONGEST_FIELD_NAME: usize = 24;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TENANT: &str = "0F3C9A52-7B1E-4d8a-9c60-5e2f4b7a1d93";

    fn parse(changes: Value) -> Result<Config, ConfigError> {
        let mut fields = json!({"tenant_id": TENANT, "client_id": "app", "client_secret": "canary"});
        for (name, value) in changes.as_object().unwrap() {
            fields[name] = value.clone();
        }
        Config::parse(&SecretString::from(fields.to_string()), &Overrides::default())
    }

    #[track_caller]
    fn err(changes: Value, problem: &str) {
        let message = parse(changes).unwrap_err().to_string();
        assert!(message.contains(problem), "{message}");
        assert!(!message.contains("canary"), "{message}");
    }

    #[test]
    fn ok_defaults() {
        let config = parse(json!({})).unwrap();
        let tenant = TENANT.to_lowercase();
        assert_eq!((config.source.as_str(), config.label.as_str()), (tenant.as_str(), tenant.as_str()));
        assert_eq!((config.publisher, config.content_types.len()), (config.tenant, 5));
        assert_eq!(config.endpoints.api.as_str(), "https://manage.office.com/");
        assert_eq!(config.endpoints.login.as_str(), "https://login.microsoftonline.com/");
        assert_eq!(config.endpoints.token, TokenEndpoint::V2);
        let streams = streams(&config);
        assert_eq!(streams.len(), 5);
        assert!(streams.iter().all(|stream| stream.listings == ["content"]));
    }

    #[test]
    fn ok_everything() {
        let publisher = "11111111-2222-3333-4444-555555555555";
        let config = parse(json!({
            "source_id": "acme", "source_label": "Acme", "cloud": "GCC-High", "publisher_id": publisher,
            "content_types": ["audit.exchange", "DLP.All"], "token_endpoint": "V1",
        }))
        .unwrap();
        assert_eq!((config.source.as_str(), config.label.as_str()), ("acme", "Acme"));
        assert_eq!(config.publisher.to_string(), publisher);
        assert_eq!(config.content_types, [ContentType::Exchange, ContentType::Dlp]);
        assert_eq!(config.endpoints.token, TokenEndpoint::V1);
    }

    #[test]
    fn ok_clouds() {
        let check = |cloud: &str, api: &str, login: &str| {
            let Endpoints { api: at, login: login_at, audience, .. } =
                parse(json!({ "cloud": cloud })).unwrap().endpoints;
            assert_eq!((at.as_str(), login_at.as_str()), (&*format!("{api}/"), &*format!("{login}/")), "{cloud}");
            assert_eq!(audience, api);
        };
        check("commercial", "https://manage.office.com", "https://login.microsoftonline.com");
        check("gcc", "https://manage-gcc.office.com", "https://login.microsoftonline.com");
        check("GCC-High", "https://manage.office365.us", "https://login.microsoftonline.us");
        check("dod", "https://manage.protection.apps.mil", "https://login.microsoftonline.us");
    }

    #[test]
    fn ok_overrides_leave_the_audience() {
        let variable = |name: &str| match name {
            API_URL => Some("http://127.0.0.1:9/api/".to_owned()),
            LOGIN_URL => Some("http://localhost:9/login".to_owned()),
            _ => None,
        };
        let secret = json!({"tenant_id": TENANT, "client_id": "app", "client_secret": "canary"}).to_string();
        let config = Config::parse(&secret.into(), &Overrides::read(variable).unwrap()).unwrap();
        assert_eq!(config.endpoints.api.as_str(), "http://127.0.0.1:9/api");
        assert_eq!(config.endpoints.login.as_str(), "http://localhost:9/login");
        assert_eq!(config.endpoints.audience, "https://manage.office.com");
    }

    #[test]
    fn err_overrides() {
        let error = Overrides::read(|name| (name == API_URL).then(|| "http://example.com".to_owned())).unwrap_err();
        assert!(error.to_string().contains(API_URL), "{error}");
        assert_eq!(Overrides::read(|_| Some(" ".to_owned())).unwrap(), Overrides::default());
    }

    #[test]
    fn err_fields() {
        err(json!({"tenant_id": null}), "tenant_id is missing");
        err(json!({"tenant_id": "canary"}), "tenant_id must be a GUID");
        err(json!({"publisher_id": "canary"}), "publisher_id must be a GUID");
        err(json!({"client_id": ""}), "client_id is empty");
        err(json!({"client_secret": null}), "client_secret, or certificate_pem");
        err(json!({"client_secret": ["canary"]}), "client_secret must be a string");
        err(json!({"certificate_pem": "canary"}), "both given");
        err(json!({"client_secret": null, "private_key_pem": "canary"}), "certificate_pem is missing");
        err(json!({"client_secret": null, "certificate_pem": "canary"}), "private_key_pem is missing");
        let certificate = json!({"client_secret": null, "certificate_pem": "canary", "private_key_pem": "canary"});
        err(certificate, "certificate_pem is not a certificate in PEM");
        err(json!({"source_id": "a canary"}), "source_id must be");
        err(json!({"source_label": "canary"}), "source_id or source_label holds a secret");
        err(json!({"source_id": "sk-admin-canary"}), "source_id or source_label holds a secret");
        err(json!({"cloud": "canary"}), "cloud must be one of commercial, gcc, gcc-high, dod");
        err(json!({"token_endpoint": "canary"}), "token_endpoint must be one of v2, v1");
        err(json!({"content_types": []}), "content_types is empty");
        err(json!({"content_types": "DLP.All"}), "array of strings");
        err(json!({"content_types": ["canary"]}), "content_types must be some of Audit.");
        err(json!({"content_types": ["DLP.All", "dlp.all"]}), "twice");
        err(json!({"client_secrets": 1}), "unknown field client_secrets; ");
        err(json!({"8Q~canary": 1}), "unknown field; ");
    }

    #[test]
    fn err_not_an_object() {
        for text in ["canary", "{\"client_secret\":\"canary\"", "[\"canary\"]", ""] {
            let error = Config::parse(&text.into(), &Overrides::default()).unwrap_err();
            assert!(error.to_string().starts_with("is "), "{error}");
            assert!(!error.to_string().contains("canary"), "{error}");
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        assert!(!format!("{:?}", parse(json!({})).unwrap()).contains("canary"));
    }
}
