//! The connection check of one tenant: its secret, hosts, login, permissions, auditing, subscriptions and first pages.

mod claims;
mod login_fault;
mod refusal_fault;

use std::cell::Cell;
use std::collections::BTreeMap;

use adapters::doctor::{Checkup, Code, Fault, Findings, StepName, connection_fault, is_html};
use adapters::http::{Answer, HttpClient, Request, Url};
use collector::{Clock, PortError, Secrets, Tries, Window};
use jiff::SignedDuration;
use secrecy::ExposeSecret;

use crate::auth::token::Requester;
use crate::config::content_type::ContentType;
use crate::config::{Config, SourceSecret};
use crate::errors::af_codes;
use crate::errors::refusal::Task;
use crate::feed::api::{Api, Call, CallKind, Outcome};
use crate::feed::subscription::{read_list, read_start};
use crate::feed::urls::Urls;
use crate::feed::wire::SubscriptionStatus;
use crate::source::read_items;
use claims::Claims;
use login_fault::login_fault;
use refusal_fault::refusal_fault;

/// The span of a first page.
const SPAN_SECONDS: i64 = 3_600;
/// The longest part of an answer without a token that is read.
const MAX_ANSWER_BYTES: usize = 64 << 10;
/// The steps that need a token.
const STEPS_WITH_TOKEN: [StepName; 4] =
    [StepName::Permissions, StepName::Auditing, StepName::Subscription, StepName::FirstPage];

/// The status of each subscription that the vendor lists.
type Statuses = BTreeMap<ContentType, SubscriptionStatus>;

/// Checks everything that the source of this secret needs at the vendor, and records each step.
///
/// It starts a subscription only if none is enabled, because only a start shows if auditing is on. A tick would start it,
/// too.
pub async fn check<S: Secrets, C: Clock>(
    checkup: &Checkup<C>,
    http: &HttpClient,
    secrets: &S,
    config: &Config,
    reference: &str,
) -> Findings {
    checkup.name_source(Some(reference));
    let Some(secret) = checkup.step(StepName::Secret, "", read_secret(secrets, config, reference)).await else {
        checkup.skip_after(StepName::Secret, &[&[StepName::Host, StepName::Token], &STEPS_WITH_TOKEN[..]].concat());
        return Findings::default();
    };
    checkup.name_source(Some(secret.source_id.as_str()));
    let mut findings =
        Findings { streams: secret.streams(), owner: Some(secret.tenant_id.to_string()), vendor_ahead: None };
    let (login, list) = (&secret.endpoints.login_url, Urls::new(&secret).subscriptions());
    let is_login_up = checkup.step(StepName::Host, &host(login), check_host(http, login, false)).await.is_some();
    let is_api_up = checkup.step(StepName::Host, &host(&list), check_host(http, &list, true)).await.is_some();
    if !is_login_up || !is_api_up {
        checkup.skip_after(StepName::Host, &[&[StepName::Token], &STEPS_WITH_TOKEN[..]].concat());
        return findings;
    }
    let api = Api::new(&secret, secrets, reference.to_owned(), http.clone(), checkup.clock());
    let tenant = Tenant { checkup, api: &api, secret: &secret };
    tenant.check().await;
    findings.vendor_ahead =
        api.vendor_now().map(|now| SignedDuration::from_secs(now - checkup.clock().now().as_second()));
    findings
}

fn host(url: &Url) -> String {
    url.host_str().unwrap_or_default().to_owned()
}

async fn read_secret<S: Secrets>(
    secrets: &S,
    config: &Config,
    reference: &str,
) -> Result<(SourceSecret, String), Fault> {
    let text = secrets.get(reference, true).await.map_err(|error| Fault::of_secret_store(&error))?;
    let secret = SourceSecret::parse(&text, config).map_err(|error| {
        let error = PortError::person(format!("Microsoft 365 secret {reference}: {error}"));
        Fault::of(Code::SecretMalformed, &error)
    })?;
    Ok((secret, String::new()))
}

/// Sends a request without a credential. Any answer shows that the host is reached, but the API never answers with HTML.
async fn check_host(http: &HttpClient, url: &Url, is_api: bool) -> Result<((), String), Fault> {
    let answer = http.send(Request::get(url.clone())).await.map_err(|error| connection_fault(&error))?;
    let (place, status) = (answer.place().to_owned(), answer.status());
    let content_type = answer.header("content-type").map(str::to_owned);
    let body = answer.bytes(MAX_ANSWER_BYTES).await.unwrap_or_default();
    if is_api && is_html(content_type.as_deref(), &body) {
        return Err(Fault::new(
            Code::Gateway,
            format!("{place}: HTTP {status} with a page of HTML, which is a gateway's"),
        ));
    }
    Ok(((), String::new()))
}

/// The parts of the checks that need a token.
struct Tenant<'a, S, C> {
    checkup: &'a Checkup<C>,
    api: &'a Api<&'a S, &'a C>,
    secret: &'a SourceSecret,
}

impl<S: Secrets, C: Clock> Tenant<'_, S, C> {
    async fn check(&self) {
        let Some(claims) = self.checkup.step(StepName::Token, "", self.log_in()).await else {
            return self.checkup.skip_after(StepName::Token, &STEPS_WITH_TOKEN);
        };
        let permissions = self.check_permissions(&claims);
        let Some(mut statuses) = self.checkup.step(StepName::Permissions, "", permissions).await else {
            return self.checkup.skip_after(StepName::Permissions, &STEPS_WITH_TOKEN[1..]);
        };
        let readable = self.check_dlp_permission(&claims);
        let started = self.check_auditing(&readable, &statuses).await;
        statuses.extend(started.map(|content_type| (content_type, SubscriptionStatus::Enabled)));
        for content_type in &self.secret.content_types {
            self.check_subscription(*content_type, &readable, &statuses, started);
        }
        for content_type in &self.secret.content_types {
            self.check_first_page(*content_type, &readable, &statuses, started).await;
        }
    }

    async fn log_in(&self) -> Result<(Claims, String), Fault> {
        let requester = Requester { content_type: None, tries: Tries::Once };
        let token = self.api.token(requester).await.map_err(|error| login_fault(&error, &self.secret.client))?;
        Ok((Claims::read(token.text.expose_secret()), String::new()))
    }

    /// Checks the claims of the token, and that the API accepts it. Returns the list of subscriptions.
    async fn check_permissions(&self, claims: &Claims) -> Result<(Statuses, String), Fault> {
        claims.check(self.secret)?;
        let task = Task { content_type: None, activity: "listing subscriptions" };
        let statuses = self.call(CallKind::Check, &self.api.urls.subscriptions(), task, read_list).await?;
        Ok((statuses, String::new()))
    }

    /// Returns the content types that the token may read.
    fn check_dlp_permission(&self, claims: &Claims) -> Vec<ContentType> {
        let mut readable = self.secret.content_types.clone();
        if readable.contains(&ContentType::Dlp) {
            match claims.check_dlp() {
                Ok(()) => self.checkup.pass(StepName::Permissions, ContentType::Dlp.name(), ""),
                Err(fault) => {
                    self.checkup.fail(StepName::Permissions, ContentType::Dlp.name(), fault);
                    readable.retain(|content_type| *content_type != ContentType::Dlp);
                }
            }
        }
        readable
    }

    /// Checks that the tenant records an audit log: a subscription is enabled, or one can be started. Returns the content
    /// type whose subscription was started.
    async fn check_auditing(&self, readable: &[ContentType], statuses: &Statuses) -> Option<ContentType> {
        let status = |content_type: &&ContentType| statuses.get(content_type).copied();
        if readable.iter().any(|content_type| status(&content_type) == Some(SubscriptionStatus::Enabled)) {
            self.checkup.pass(StepName::Auditing, "", "a subscription is enabled");
            return None;
        }
        let Some(missing) = readable.iter().find(|content_type| status(content_type).is_none()) else {
            self.checkup.skip(
                StepName::Auditing,
                "",
                "no subscription is enabled, and disabled ones are left to the tick",
            );
            return None;
        };
        self.checkup.step(StepName::Auditing, "", self.start(*missing)).await
    }

    async fn start(&self, content_type: ContentType) -> Result<(ContentType, String), Fault> {
        let task = Task { content_type: Some(content_type), activity: "starting the subscription" };
        let (url, sent) = (self.api.urls.start(content_type), Cell::new(false));
        match self.answer(CallKind::Start(&sent), &url, task, read_start).await? {
            Err(refusal) if !refusal.has_af_code(&[af_codes::ALREADY_ENABLED]) => Err(refusal_fault(refusal, task)),
            _ => Ok((content_type, format!("the subscription to {content_type} was started to find out"))),
        }
    }

    fn check_subscription(
        &self,
        content_type: ContentType,
        readable: &[ContentType],
        statuses: &Statuses,
        started: Option<ContentType>,
    ) {
        let (step, about) = (StepName::Subscription, content_type.name());
        match statuses.get(&content_type) {
            _ if !readable.contains(&content_type) => self.checkup.skip(step, about, "a permission is missing"),
            _ if started == Some(content_type) => {
                self.checkup.pass(step, about, "started by this check; the first content follows within 12 hours");
            }
            Some(SubscriptionStatus::Enabled) => self.checkup.pass(step, about, ""),
            Some(SubscriptionStatus::Disabled) => {
                let cause = format!("the subscription to {about} is disabled, so the vendor records nothing for it");
                self.checkup.fail(step, about, Fault::new(Code::SubscriptionDisabled, cause));
            }
            None => {
                let note = "not started yet; the first tick starts it, and the first content follows within 12 hours";
                self.checkup.pass(step, about, note);
            }
        }
    }

    async fn check_first_page(
        &self,
        content_type: ContentType,
        readable: &[ContentType],
        statuses: &Statuses,
        started: Option<ContentType>,
    ) {
        let (step, about) = (StepName::FirstPage, content_type.name());
        let is_enabled = statuses.get(&content_type) == Some(&SubscriptionStatus::Enabled);
        if !readable.contains(&content_type) {
            self.checkup.skip(step, about, "a permission is missing");
        } else if started == Some(content_type) {
            self.checkup.skip(step, about, "the subscription was started a moment ago");
        } else if !is_enabled {
            self.checkup.skip(step, about, "the subscription is not enabled");
        } else {
            self.checkup.step(step, about, self.first_page(content_type)).await;
        }
    }

    async fn first_page(&self, content_type: ContentType) -> Result<((), String), Fault> {
        let now = self.api.trusted_now().unwrap_or_else(|| self.checkup.clock().now().as_second());
        let url = self.api.urls.content(content_type, Window { from: now - SPAN_SECONDS, to: now });
        let task = Task { content_type: Some(content_type), activity: "listing content" };
        let items = self.call(CallKind::Check, &url, task, read_items).await?;
        Ok(((), format!("{} blobs in the last hour", items.len())))
    }

    /// Makes a call. A refusal is a failure.
    async fn call<T>(
        &self,
        kind: CallKind<'_>,
        url: &Url,
        task: Task<'_>,
        read: impl AsyncFn(Answer) -> Result<Outcome<T>, PortError>,
    ) -> Result<T, Fault> {
        self.answer(kind, url, task, read).await?.map_err(|refusal| {
            if refusal.is_stale_token() {
                return self.refused_token();
            }
            refusal_fault(refusal, task)
        })
    }

    /// Makes a call, once.
    async fn answer<T>(
        &self,
        kind: CallKind<'_>,
        url: &Url,
        task: Task<'_>,
        read: impl AsyncFn(Answer) -> Result<Outcome<T>, PortError>,
    ) -> Result<Outcome<T>, Fault> {
        let call = Call { kind, url, task, tries: Tries::Once };
        self.api.call(call, read).await.map_err(|error| {
            let is_login = error.message.contains("logging in");
            if is_login { login_fault(&error, &self.secret.client) } else { Fault::of_vendor(&error) }
        })
    }

    /// Returns the failure of a token that the login has just issued for this API and tenant, and the API refuses.
    fn refused_token(&self) -> Fault {
        let (host, audience) = (host(&self.secret.endpoints.api_url), self.secret.endpoints.audience);
        Fault::new(Code::WrongCloud, format!("the API at {host} refuses a token that was just issued for {audience}"))
    }
}
