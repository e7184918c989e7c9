//! One account as a source of the collector: its audit log, page by page.

use std::time::Duration;

use adapters::http::{Answer, HttpClient, Request, Url, endpoint};
use collector::{
    Clock, ListRequest, Listed, NoBody, PortError, Prepared, RetryPolicy, Secrets, Source, Stream, Tries, UnixSeconds,
    Vendor, retry,
};
use secrecy::SecretString;

use crate::config::{Config, SourceSecret};
use crate::policy::POLICY;
use crate::wire;

/// Events per page.
const PAGE_LIMIT: &str = "100";
/// The longest page.
const MAX_PAGE_BYTES: usize = 8 << 20;
/// Makes up to four calls within some ten seconds.
const RETRY: RetryPolicy = RetryPolicy {
    attempts: 4,
    first_wait: Duration::from_millis(500),
    max_wait: Duration::from_secs(8),
    max_retry_after: Duration::from_secs(30),
};

/// The API of one account, which has one secret. The key is sent to the configured base URL only.
#[derive(Debug)]
pub struct Toy<C> {
    http: HttpClient,
    clock: C,
    base_url: Url,
    key: SecretString,
}

impl<C: Clock> Toy<C> {
    /// Reads the secret called `reference` and returns its source.
    ///
    /// Fails if the secret cannot be read or is invalid.
    pub async fn source<S: Secrets>(
        http: &HttpClient,
        secrets: S,
        clock: C,
        config: &Config,
        reference: &str,
    ) -> Result<Source<Self>, PortError> {
        let secret = SourceSecret::parse(reference, &secrets.get(reference, false).await?)?;
        let streams = secret.streams();
        let vendor = Self { http: http.clone(), clock, base_url: config.base_url.clone(), key: secret.key };
        Ok(Source { vendor, streams, policy: POLICY })
    }

    async fn page(&self, request: &ListRequest<'_>) -> Result<Listed, PortError> {
        let answer = self.http.send(Request::get(self.url(request)).bearer(&self.key)).await?;
        let place = answer.place().to_owned();
        if let Some(refusal) = refusal(&answer) {
            return Err(refusal.with_context(&place));
        }
        let body = answer.bytes_within(MAX_PAGE_BYTES).await?;
        let body =
            body.ok_or_else(|| PortError::person(format!("{place}: a page is longer than {MAX_PAGE_BYTES} bytes")))?;
        wire::page(&body).map(Listed::Page).map_err(|error| PortError::again(format!("{place}: {error}")))
    }

    fn url(&self, request: &ListRequest<'_>) -> Url {
        let mut url = endpoint(&self.base_url, "/events");
        url.query_pairs_mut()
            .append_pair("from", &request.window.from.to_string())
            .append_pair("to", &request.window.to.to_string())
            .append_pair("limit", PAGE_LIMIT)
            .extend_pairs(request.cursor.map(|cursor| ("after", cursor)));
        url
    }
}

/// Returns the error of an answer that is not a page.
fn refusal(answer: &Answer) -> Option<PortError> {
    match answer.status() {
        200 => None,
        401 => Some(PortError::person("the key was refused; put a new one into the secret")),
        status => Some(PortError::again(format!("status {status}"))),
    }
}

impl<C: Clock> Vendor for Toy<C> {
    type Body = NoBody;

    async fn prepare(&self, _: &Stream, _: Option<UnixSeconds>) -> Result<Prepared, PortError> {
        Ok(Prepared::Ready { vendor_now: None, started: false })
    }

    async fn list(&self, request: ListRequest<'_>) -> Result<Listed, PortError> {
        match request.tries {
            Tries::Patient => retry(&self.clock, &RETRY, || self.page(&request)).await,
            Tries::Once => self.page(&request).await.map_err(PortError::for_next_tick),
        }
    }
}
