//! A secret becomes a source.

use adapters::http::HttpClient;
use adapters::local::LocalSecrets;
use collector::{Clock, PortError, Secrets, Source};
use microsoft365::{Microsoft365, Overrides};
use openai::OpenAi;

/// The OpenAI organization whose secret is called `reference`.
pub(crate) async fn openai<'a, C: Clock>(
    http: &HttpClient,
    secrets: &'a LocalSecrets,
    clock: &'a C,
    config: &openai::Config,
    reference: &str,
) -> Result<Source<OpenAi<'a, LocalSecrets, C>>, PortError> {
    OpenAi::source(http, secrets, clock, config, reference).await
}

/// The Microsoft 365 tenant whose secret is called `reference`.
pub(crate) async fn microsoft365<C: Clock>(
    http: &HttpClient,
    secrets: &LocalSecrets,
    clock: C,
    overrides: &Overrides,
    reference: &str,
) -> Result<Source<Microsoft365<LocalSecrets, C>>, PortError> {
    let secret = secrets.get(reference, false).await?;
    let config = microsoft365::Config::parse(&secret, overrides)
        .map_err(|error| PortError::person(format!("Microsoft 365 secret {reference}: {error}")))?;
    let streams = microsoft365::streams(&config);
    let vendor = Microsoft365::new(&config, secrets.clone(), reference, http.clone(), clock);
    Ok(Source { vendor, streams, policy: microsoft365::POLICY })
}
