//! The deployment's configuration and a source's secret, both validated when they are read.
//!
//! No message repeats a value, because people paste secrets into the wrong field.

pub(crate) mod certificate;
pub(crate) mod cloud;
pub(crate) mod content_type;
pub(crate) mod token_endpoint;

use adapters::http::{BadBaseUrl, Url, base_url};
use adapters::looks_like_a_key;
use collector::{ListingId, PortError, SourceId, Stream};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use uuid::Uuid;

use certificate::Certificate;
use cloud::Cloud;
use content_type::ContentType;
use token_endpoint::TokenEndpoint;

/// Environment variable that replaces the origin of the API's URLs. Its value may contain a path.
pub const API_URL_VARIABLE: &str = "MICROSOFT365_API_URL";
/// Environment variable that replaces the origin of the login's URLs. Its value may contain a path.
pub const LOGIN_URL_VARIABLE: &str = "MICROSOFT365_LOGIN_URL";

/// All environment variables of this vendor, except those that select its secrets.
pub const VARIABLES: [&str; 2] = [API_URL_VARIABLE, LOGIN_URL_VARIABLE];

/// The only listing of a content type. Heads store this name, so it must not change.
pub const LISTING: ListingId = "content";

/// The settings that all sources of a deployment share: the URLs of the API and the login, if they are not the vendor's
/// own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    api_url: Option<Url>,
    login_url: Option<Url>,
}

impl Config {
    /// Reads [`VARIABLES`] through `variable`. If a variable is unset or empty, the vendor's own URL is used.
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self, PortError> {
        let url = |name: &'static str| match variable(name) {
            Some(text) if !text.trim().is_empty() => {
                base_url(name, &text).map(Some).map_err(|error| PortError::person(error.to_string()))
            }
            _ => Ok(None),
        };
        Ok(Self { api_url: url(API_URL_VARIABLE)?, login_url: url(LOGIN_URL_VARIABLE)? })
    }
}

/// A source's secret: one tenant, the app registration to log in as, and the content types to pull.
#[derive(Debug, Clone)]
pub struct SourceSecret {
    /// The field `source_id`. Its default is the tenant's id.
    pub source_id: SourceId,
    /// The field `source_label`. Its default is the source's id.
    pub source_label: String,
    /// The field `tenant_id`.
    pub tenant_id: Uuid,
    /// The field `publisher_id`, which every call sends as `PublisherIdentifier`: the vendor counts requests by it. Its
    /// default is the tenant's id.
    pub publisher_id: Uuid,
    /// The field `content_types`, each of them once. Its default is all content types.
    pub content_types: Vec<ContentType>,
    pub(crate) endpoints: Endpoints,
    pub(crate) client: Client,
}

/// The endpoints of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoints {
    pub(crate) api_url: Url,
    pub(crate) login_url: Url,
    /// Audience of the tokens: the API of the tenant's cloud, even if [`API_URL_VARIABLE`] replaces its URL.
    pub(crate) audience: &'static str,
    pub(crate) token_endpoint: TokenEndpoint,
}

/// The app registration that logs in.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) id: String,
    pub(crate) credential: Credential,
}

/// The proof of identity of an app registration.
#[derive(Debug, Clone)]
pub(crate) enum Credential {
    Secret(SecretString),
    Certificate(Certificate),
}

impl Client {
    fn is_secret(&self, text: &str) -> bool {
        matches!(&self.credential, Credential::Secret(secret) if secret.expose_secret() == text)
    }

    /// Returns `true` if a login with `other` would send the same credential.
    pub(crate) fn has_same_credential(&self, other: &Self) -> bool {
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

/// An invalid secret. The text names the field and its required form. If it begins with a verb ("is not JSON"), the
/// caller puts the secret's name before it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

impl From<BadBaseUrl> for ConfigError {
    fn from(error: BadBaseUrl) -> Self {
        Self(error.to_string())
    }
}

impl SourceSecret {
    /// Parses the text of a secret: a JSON object of `tenant_id`, `client_id`, `client_secret` (or
    /// `certificate_pem` and `private_key_pem`), and optionally `source_id`, `source_label`,
    /// `cloud`, `content_types`, `publisher_id` and `token_endpoint`. Any other field is an error.
    pub fn parse(text: &SecretString, config: &Config) -> Result<Self, ConfigError> {
        let mut fields = Fields::parse(text.expose_secret())?;
        let tenant_id = fields.guid("tenant_id")?.ok_or_else(|| missing("tenant_id"))?;
        let source_id = source_id(fields.text("source_id")?.unwrap_or_else(|| tenant_id.to_string()))?;
        let source_label = fields.text("source_label")?.unwrap_or_else(|| source_id.to_string());
        let publisher_id = fields.guid("publisher_id")?.unwrap_or(tenant_id);
        let content_types = content_types(fields.texts("content_types")?)?;
        let token_endpoint = token_endpoint(fields.text("token_endpoint")?)?;
        let endpoints = endpoints(cloud(fields.text("cloud")?)?, token_endpoint, config)?;
        let client = Client {
            id: fields.text("client_id")?.ok_or_else(|| missing("client_id"))?,
            credential: credential(&mut fields)?,
        };
        // Neither may be a secret, because every delivered line contains both.
        if [source_id.as_str(), &source_label].into_iter().any(|text| looks_like_a_key(text) || client.is_secret(text))
        {
            return Err(ConfigError(
                "source_id or source_label holds a secret; it belongs in client_secret".to_owned(),
            ));
        }
        fields.finish()?;
        Ok(Self { source_id, source_label, tenant_id, publisher_id, content_types, endpoints, client })
    }

    /// Returns the source's streams: one per content type, in the order of the secret.
    pub fn streams(&self) -> Vec<Stream> {
        let stream = |content_type: &ContentType| Stream {
            source: self.source_id.clone(),
            label: self.source_label.clone(),
            log_type: content_type.log_type(),
            listings: vec![LISTING],
        };
        self.content_types.iter().map(stream).collect()
    }
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

fn endpoints(cloud: Cloud, token_endpoint: TokenEndpoint, config: &Config) -> Result<Endpoints, ConfigError> {
    let url = |name, replacement: &Option<Url>, default| match replacement {
        Some(url) => Ok(url.clone()),
        None => base_url(name, default),
    };
    let api_url = url(API_URL_VARIABLE, &config.api_url, cloud.api())?;
    let login_url = url(LOGIN_URL_VARIABLE, &config.login_url, cloud.login())?;
    Ok(Endpoints { api_url, login_url, audience: cloud.api(), token_endpoint })
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

/// The fields of a secret. Reading a field removes it, so that [`Fields::finish`] finds unknown ones.
struct Fields(Map<String, Value>);

impl Fields {
    fn parse(text: &str) -> Result<Self, ConfigError> {
        match serde_json::from_str(text) {
            Ok(Value::Object(fields)) => Ok(Self(fields)),
            // The text is a secret and the parser's message may quote it, so only the position is reported.
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

    /// Fails if a field is left, because a misspelt field would be ignored silently.
    fn finish(self) -> Result<(), ConfigError> {
        let known = "source_id, source_label, tenant_id, client_id, client_secret, certificate_pem, \
                     private_key_pem, cloud, content_types, publisher_id, token_endpoint";
        let Some(name) = self.0.keys().next() else { return Ok(()) };
        // A name that does not look like one is not shown: it may be a secret in the wrong place.
        let is_plain = name.len() <= MAX_SHOWN_FIELD_NAME && name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        let name = if is_plain { format!(" {name}") } else { String::new() };
        Err(ConfigError(format!("holds an unknown field{name}; the known ones are {known}")))
    }
}

/// The longest name of an unknown field that a message shows, in bytes.
const MAX_SHOWN_FIELD_NAME: usize = 24;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TENANT: &str = "0F3C9A52-7B1E-4d8a-9c60-5e2f4b7a1d93";

    fn parse(changes: Value) -> Result<SourceSecret, ConfigError> {
        let mut fields = json!({"tenant_id": TENANT, "client_id": "app", "client_secret": "canary"});
        for (name, value) in changes.as_object().unwrap() {
            fields[name] = value.clone();
        }
        SourceSecret::parse(&SecretString::from(fields.to_string()), &Config::default())
    }

    #[track_caller]
    fn err(changes: Value, problem: &str) {
        let message = parse(changes).unwrap_err().to_string();
        assert!(message.contains(problem), "{message}");
        assert!(!message.contains("canary"), "{message}");
    }

    #[test]
    fn ok_a_secret_with_the_required_fields() {
        let secret = parse(json!({})).unwrap();
        let tenant = TENANT.to_lowercase();
        assert_eq!((secret.source_id.as_str(), secret.source_label.as_str()), (tenant.as_str(), tenant.as_str()));
        assert_eq!((secret.publisher_id, secret.content_types.len()), (secret.tenant_id, 5));
        assert_eq!(secret.endpoints.api_url.as_str(), "https://manage.office.com/");
        assert_eq!(secret.endpoints.login_url.as_str(), "https://login.microsoftonline.com/");
        assert_eq!(secret.endpoints.token_endpoint, TokenEndpoint::V2);
        let streams = secret.streams();
        assert_eq!(streams.len(), 5);
        assert!(streams.iter().all(|stream| stream.listings == ["content"]));
    }

    #[test]
    fn ok_a_secret_with_every_field() {
        let publisher = "11111111-2222-3333-4444-555555555555";
        let secret = parse(json!({
            "source_id": "acme", "source_label": "Acme", "cloud": "GCC-High", "publisher_id": publisher,
            "content_types": ["audit.exchange", "DLP.All"], "token_endpoint": "V1",
        }))
        .unwrap();
        assert_eq!((secret.source_id.as_str(), secret.source_label.as_str()), ("acme", "Acme"));
        assert_eq!(secret.publisher_id.to_string(), publisher);
        assert_eq!(secret.content_types, [ContentType::Exchange, ContentType::Dlp]);
        assert_eq!(secret.endpoints.token_endpoint, TokenEndpoint::V1);
    }

    #[test]
    fn ok_each_cloud() {
        let check = |cloud: &str, api: &str, login: &str| {
            let Endpoints { api_url, login_url, audience, .. } = parse(json!({ "cloud": cloud })).unwrap().endpoints;
            assert_eq!((api_url.as_str(), login_url.as_str()), (&*format!("{api}/"), &*format!("{login}/")), "{cloud}");
            assert_eq!(audience, api);
        };
        check("commercial", "https://manage.office.com", "https://login.microsoftonline.com");
        check("gcc", "https://manage-gcc.office.com", "https://login.microsoftonline.com");
        check("GCC-High", "https://manage.office365.us", "https://login.microsoftonline.us");
        check("dod", "https://manage.protection.apps.mil", "https://login.microsoftonline.us");
    }

    #[test]
    fn ok_the_variables_leave_the_audience() {
        let variable = |name: &str| match name {
            API_URL_VARIABLE => Some("http://127.0.0.1:9/api/".to_owned()),
            LOGIN_URL_VARIABLE => Some("http://localhost:9/login".to_owned()),
            _ => None,
        };
        let text = json!({"tenant_id": TENANT, "client_id": "app", "client_secret": "canary"}).to_string();
        let secret = SourceSecret::parse(&text.into(), &Config::from_variables(variable).unwrap()).unwrap();
        assert_eq!(secret.endpoints.api_url.as_str(), "http://127.0.0.1:9/api");
        assert_eq!(secret.endpoints.login_url.as_str(), "http://localhost:9/login");
        assert_eq!(secret.endpoints.audience, "https://manage.office.com");
    }

    #[test]
    fn err_each_wrong_variable_is_named() {
        let error = Config::from_variables(|name| (name == API_URL_VARIABLE).then(|| "http://example.com".to_owned()))
            .unwrap_err();
        assert!(error.to_string().contains(API_URL_VARIABLE), "{error}");
        assert_eq!(Config::from_variables(|_| Some(" ".to_owned())).unwrap(), Config::default());
    }

    #[test]
    fn err_each_field() {
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
    fn err_a_text_that_is_no_object() {
        for text in ["canary", "{\"client_secret\":\"canary\"", "[\"canary\"]", ""] {
            let error = SourceSecret::parse(&text.into(), &Config::default()).unwrap_err();
            assert!(error.to_string().starts_with("is "), "{error}");
            assert!(!error.to_string().contains("canary"), "{error}");
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        assert!(!format!("{:?}", parse(json!({})).unwrap()).contains("canary"));
    }
}
