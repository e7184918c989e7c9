//! A secret becomes a source.

use adapters::http::HttpClient;
use adapters::local::LocalSecrets;
use collector::{Clock, PortError, Source};
use microsoft365::Microsoft365;
use openai::OpenAi;

/// The OpenAI organization whose secret is called `reference`.
pub(crate) async fn openai<'a, C: Clock>(
    http: &HttpClient,
    secrets: &'a LocalSecrets,
    clock: &'a C,
    config: &openai::Config,
    reference: &str,
) -> Result<Source<OpenAi<&'a LocalSecrets, &'a C>>, PortError> {
    OpenAi::source(http, secrets, clock, config, reference).await
}

/// The Microsoft 365 tenant whose secret is called `reference`.
pub(crate) async fn microsoft365<C: Clock>(
    http: &HttpClient,
    secrets: &LocalSecrets,
    clock: C,
    config: &microsoft365::Config,
    reference: &str,
) -> Result<Source<Microsoft365<LocalSecrets, C>>, PortError> {
    Microsoft365::source(http, secrets.clone(), clock, config, reference).await
}
