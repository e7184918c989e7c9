//! The connection check of one organization: its secret, host, key, permissions, audit logging and first pages.

use adapters::doctor::{Checkup, Code, Fault, Findings, StepName, connection_fault, is_html};
use adapters::http::{Answer, HttpClient, Request, endpoint};
use collector::{Clock, ListingId, PortError, Secrets, Window};
use secrecy::{ExposeSecret, SecretString};

use crate::config::{ADMIN_KEY_ADVICE, Config, SourceSecret, TENANT};
use crate::refusal::{Refusal, RefusedCall, UNPAID_CODES, lacks_permission, refuses_address, refuses_region};
use crate::source::{MAX_ERROR_BYTES, MAX_PAGE_BYTES, ORGANIZATION_HEADER, organization, page_url};
use crate::wire::{self, ApiError};

/// The span of the first page. An organization that uses the API logs something in this time.
const SPAN_SECONDS: i64 = 30 * 86_400;
/// The first page has at most this many events.
const PAGE_LIMIT: &str = "1";
/// The steps that the first call of the API decides, in their order.
const STEPS_OF_FIRST_PAGE: [StepName; 4] =
    [StepName::Token, StepName::Permissions, StepName::Auditing, StepName::FirstPage];
const AUDITING_FIX: &str = "an owner of the organization turns audit logging on (Organization settings, Data controls, \
     Data retention); if it is on, check that the organization may use the API from here";

/// A step that failed, and its failure.
type FailedStep = (StepName, Fault);

/// Checks everything that the source of this secret needs at the vendor, and records each step.
pub async fn check<S: Secrets, C: Clock>(
    checkup: &Checkup<C>,
    http: &HttpClient,
    secrets: &S,
    config: &Config,
    reference: &str,
) -> Findings {
    checkup.name_source(Some(reference));
    let Some(secret) = checkup.step(StepName::Secret, "", read_secret(secrets, reference)).await else {
        checkup.skip_after(StepName::Secret, &[&[StepName::Host], &STEPS_OF_FIRST_PAGE[..]].concat());
        return Findings::default();
    };
    let streams = secret.streams(&config.listings);
    checkup.name_source(Some(secret.source_id.as_str()));
    let mut findings = Findings { streams, ..Findings::default() };
    let host = config.base_url.host_str().unwrap_or_default();
    if checkup.step(StepName::Host, host, check_host(http, config)).await.is_none() {
        checkup.skip_after(StepName::Host, &STEPS_OF_FIRST_PAGE);
        return findings;
    }
    let caller = Caller { checkup, http, config, key: &secret.admin_key };
    caller.check_listings(&mut findings).await;
    findings
}

async fn read_secret<S: Secrets>(secrets: &S, reference: &str) -> Result<(SourceSecret, String), Fault> {
    let text = secrets.get(reference, true).await.map_err(|error| Fault::of_secret_store(&error))?;
    let secret = SourceSecret::parse_named(reference, secrets.name(reference).as_deref(), &text).map_err(|error| {
        let is_other_key = error.message.contains(ADMIN_KEY_ADVICE);
        Fault::of(if is_other_key { Code::WrongKeyKind } else { Code::SecretMalformed }, &error)
    })?;
    Ok((secret, String::new()))
}

/// Requests the audit log without a key. The API's refusal shows that the host is reached.
async fn check_host(http: &HttpClient, config: &Config) -> Result<((), String), Fault> {
    let request = Request::get(endpoint(&config.base_url, "/organization/audit_logs"));
    let answer = http.send(request).await.map_err(|error| connection_fault(&error))?;
    let (place, status) = (answer.place().to_owned(), answer.status());
    let content_type = answer.header("content-type").map(str::to_owned);
    let body = answer.bytes(MAX_ERROR_BYTES).await.unwrap_or_default();
    if is_html(content_type.as_deref(), &body) {
        return Err(Fault::new(
            Code::Gateway,
            format!("{place}: HTTP {status} with a page of HTML, which is a gateway's"),
        ));
    }
    Ok(((), String::new()))
}

/// The parts of a call with the key.
struct Caller<'a, C> {
    checkup: &'a Checkup<C>,
    http: &'a HttpClient,
    config: &'a Config,
    key: &'a SecretString,
}

/// The first page of a listing.
enum FirstPage {
    /// The page has an event, or none.
    Page { has_event: bool },
    /// The vendor does not offer the listing to this organization.
    NotOffered,
}

impl<C: Clock> Caller<'_, C> {
    /// Requests the first page of each listing. The first request also decides the steps before.
    async fn check_listings(&self, findings: &mut Findings) {
        let mut pages = Vec::new();
        for listing in &self.config.listings {
            pages.push((*listing, self.first_page(listing, findings).await));
        }
        let is_empty = |page: &Result<FirstPage, FailedStep>| {
            matches!(page, Ok(FirstPage::NotOffered | FirstPage::Page { has_event: false }))
        };
        let is_silent = pages.iter().all(|(_, page)| is_empty(page));
        let failed = pages.iter().find_map(|(_, page)| page.as_ref().err()).cloned();
        self.record_access(failed, is_silent);
        for (listing, page) in pages {
            match page {
                Ok(FirstPage::Page { .. }) => self.checkup.pass(StepName::FirstPage, listing, ""),
                Ok(FirstPage::NotOffered) => {
                    self.checkup.pass(StepName::FirstPage, listing, "the vendor does not offer this listing here");
                }
                Err((StepName::FirstPage, fault)) => self.checkup.fail(StepName::FirstPage, listing, fault),
                Err((step, _)) => {
                    self.checkup.skip(StepName::FirstPage, listing, &format!("the step {} failed", step.name()));
                }
            }
        }
    }

    /// Records the steps before the first page: those before the failed one passed, and those after it were not checked.
    fn record_access(&self, failed: Option<FailedStep>, is_silent: bool) {
        let steps = [StepName::Token, StepName::Permissions, StepName::Auditing];
        let failed_step = failed.as_ref().map(|(step, _)| *step);
        for step in steps {
            match &failed {
                Some((failed, fault)) if *failed == step => self.checkup.fail(step, "", fault.clone()),
                // The call did not reach the part of the API that decides this step.
                Some((StepName::FirstPage, _)) => self.checkup.skip(step, "", "the first page could not be read"),
                Some((failed, _)) if *failed < step => {
                    self.checkup.skip(step, "", &format!("the step {} failed", failed.name()));
                }
                _ if step == StepName::Auditing && failed_step.is_none() && is_silent => {
                    let cause = "the audit log shows no event of the last 30 days, not even the creation of this key";
                    self.checkup.fail(
                        step,
                        "",
                        Fault { fix: AUDITING_FIX.to_owned(), ..Fault::new(Code::NoEvents, cause) },
                    );
                }
                _ => self.checkup.pass(step, "", ""),
            }
        }
    }

    async fn first_page(&self, listing: ListingId, findings: &mut Findings) -> Result<FirstPage, FailedStep> {
        let now = self.checkup.clock().now().as_second();
        let window = Window { from: now - SPAN_SECONDS, to: now };
        let url = page_url(&self.config.base_url, listing, window, PAGE_LIMIT);
        let sending = async {
            self.http.send(Request::get(url).bearer(self.key)).await.map_err(|error| connection_fault(&error))
        };
        let answer = self.checkup.limited(sending).await.map_err(at_first_page)?;
        if !(200..300).contains(&answer.status()) {
            return self.judge_refusal(listing, answer).await;
        }
        findings.vendor_ahead = answer.date().map(|date| date.duration_since(self.checkup.clock().now()));
        let (place, owner) = (answer.place().to_owned(), organization(answer.header(ORGANIZATION_HEADER)));
        let reading = async { answer.bytes(MAX_PAGE_BYTES).await.map_err(|error| Fault::of_vendor(&error)) };
        let body = self.checkup.limited(reading).await.map_err(at_first_page)?;
        match wire::page(&body) {
            Ok(page) => {
                findings.owner = owner.or(findings.owner.take());
                Ok(FirstPage::Page { has_event: !page.items.is_empty() })
            }
            Err(_) if is_html(None, &body) => {
                let cause = format!("{place}: a page of HTML instead of events, which is a gateway's");
                Err(at_first_page(Fault::new(Code::Gateway, cause)))
            }
            Err(error) => Err(at_first_page(Fault::new(Code::VendorFailed, format!("{place}: {error}")))),
        }
    }

    /// Finds the step at which a refused call failed.
    async fn judge_refusal(&self, listing: ListingId, answer: Answer) -> Result<FirstPage, FailedStep> {
        let (place, status, retry_after) = (answer.place().to_owned(), answer.status(), answer.retry_after());
        let request_id = answer.header("x-request-id").map(str::to_owned);
        let reading = async { Ok(answer.bytes(MAX_ERROR_BYTES).await.unwrap_or_default()) };
        let body = self.checkup.limited(reading).await.map_err(at_first_page)?;
        let error = ApiError::parse(status, &body);
        let (step, code) = step_and_code(status, error.as_ref());
        let call = RefusedCall {
            place: &place,
            listing,
            has_cursor: false,
            status,
            request_id: request_id.as_deref(),
            retry_after,
            should_retry: None,
            error,
        };
        let error: PortError = match call.refusal(self.key.expose_secret()) {
            Refusal::NotOffered if listing == TENANT => return Ok(FirstPage::NotOffered),
            Refusal::NotOffered | Refusal::CursorLost => PortError::next_tick(format!("{place}: HTTP {status}")),
            Refusal::Key(error) | Refusal::Failed(error) | Refusal::Cooldown(_, error) => error,
        };
        let mut fault = Fault::of(code, &error);
        if code == Code::AuditingOff {
            fault.fix = AUDITING_FIX.to_owned();
        }
        Err((step, fault))
    }
}

fn at_first_page(fault: Fault) -> FailedStep {
    (StepName::FirstPage, fault)
}

/// Returns the step that a refusal concerns, and its code. `error` is the API's own error; `None` for an answer of a
/// gateway.
fn step_and_code(status: u16, error: Option<&ApiError>) -> (StepName, Code) {
    let Some(error) = error else { return (StepName::FirstPage, Code::Gateway) };
    match status {
        400..=404 | 451 if refuses_region(error) => (StepName::Token, Code::RegionRefused),
        401 | 403 if refuses_address(error) => (StepName::Token, Code::AddressRefused),
        401 | 403 if lacks_permission(error) => (StepName::Permissions, Code::ScopeMissing),
        401 => (StepName::Token, Code::KeyRefused),
        403 => (StepName::Auditing, Code::AuditingOff),
        429 if UNPAID_CODES.contains(&error.code.as_str()) => (StepName::FirstPage, Code::Unpaid),
        429 => (StepName::FirstPage, Code::Throttled),
        408 | 500.. => (StepName::FirstPage, Code::VendorFailed),
        _ => (StepName::FirstPage, Code::VendorRefused),
    }
}
