//! Secrets in AWS Secrets Manager.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueOutput;
use aws_sdk_secretsmanager::operation::list_secrets::ListSecretsOutput;
use aws_sdk_secretsmanager::types::{Filter, FilterNameStringType};
use collector::{Clock, PortError, Recovery, Secrets, lock, retry};
use secrecy::SecretString;

use super::attempt::{SMALL_CALL_TIMEOUT, attempt};
use super::call::{Call, CallError, RETRIES};
use super::secret_list::{ListSecrets, SecretList};
use super::secret_walk::{Step, Walk};

/// The staging label of the version of a secret that is in use.
const CURRENT_STAGE: &str = "AWSCURRENT";

/// Secrets per page: the maximum of Secrets Manager.
const SECRETS_PER_PAGE: i32 = 100;
/// Time after which an incomplete listing stops. The next call continues it.
const MAX_LIST_TIME: Duration = Duration::from_secs(8);

/// A secret that was read, with its name if the answer has one.
#[derive(Debug, Clone)]
struct SecretRead {
    text: SecretString,
    name: Option<String>,
}

/// Secrets by ARN. A secret is cached until the process ends or a fresh read is requested.
#[derive(Debug)]
pub struct SecretsManager<C> {
    client: Client,
    clock: C,
    cache: Mutex<HashMap<String, SecretRead>>,
    /// Incomplete listings by prefix. The next call continues them.
    walks: Mutex<HashMap<String, Walk>>,
}

impl<C: Clock> SecretsManager<C> {
    /// Returns an adapter that reads with `client`.
    pub fn new(client: Client, clock: C) -> Self {
        Self { client, clock, cache: Mutex::default(), walks: Mutex::default() }
    }

    async fn read(&self, arn: &str) -> Result<SecretRead, PortError> {
        let call = call(arn);
        retry(&self.clock, &RETRIES, || async {
            let request = self.client.get_secret_value().secret_id(arn).version_stage(CURRENT_STAGE);
            let sent = attempt(&self.clock, SMALL_CALL_TIMEOUT, request.send()).await;
            let answer = sent.map_err(|error| CallError::of(&error).into_port_error(&call))?;
            let name = name(&answer);
            text(answer).map(|text| SecretRead { text, name }).ok_or_else(|| {
                PortError::person(format!(
                    "{} on {}: the secret holds no text; store it as text",
                    call.action, call.target
                ))
            })
        })
        .await
    }
}

impl<C: Clock> Secrets for SecretsManager<C> {
    async fn get(&self, reference: &str, fresh: bool) -> Result<SecretString, PortError> {
        let cache = || lock(&self.cache);
        if let Some(read) = cache().get(reference).filter(|_| !fresh) {
            return Ok(read.text.clone());
        }
        let read = self.read(reference).await?;
        cache().insert(reference.to_owned(), read.clone());
        Ok(read.text)
    }

    fn name(&self, reference: &str) -> Option<String> {
        lock(&self.cache).get(reference)?.name.clone()
    }
}

impl<C: Clock> SecretsManager<C> {
    async fn page(&self, prefix: &str, token: Option<String>) -> Result<ListSecretsOutput, PortError> {
        let call = list_call(prefix);
        let filter = Filter::builder().key(FilterNameStringType::Name).values(prefix).build();
        let request = self.client.list_secrets().filters(filter).max_results(SECRETS_PER_PAGE).set_next_token(token);
        retry(&self.clock, &RETRIES, || async {
            let sent = attempt(&self.clock, SMALL_CALL_TIMEOUT, request.clone().send()).await;
            sent.map_err(|error| CallError::of(&error).into_port_error(&call))
        })
        .await
    }

    /// Reads pages until the list is complete. An account with very many other secrets needs more than
    /// [`MAX_LIST_TIME`]: then this fails, and the next call with the same `walk` continues.
    async fn continue_listing(&self, prefix: &str, walk: &mut Walk) -> Result<SecretList, PortError> {
        let end = self.clock.now() + MAX_LIST_TIME;
        loop {
            let page = self.page(prefix, walk.token()).await?;
            let secrets = page.secret_list.unwrap_or_default().into_iter().map(|secret| (secret.name, secret.arn));
            if let Step::Done(list) = walk.add_page(prefix, secrets, page.next_token)? {
                return Ok(list);
            }
            if self.clock.now() >= end {
                return Err(PortError::next_tick(format!(
                    "secretsmanager:ListSecrets on secrets of {prefix}: the list is not complete after {} pages and {} s; \
                     the next tick goes on from there",
                    walk.pages(),
                    MAX_LIST_TIME.as_secs()
                )));
            }
        }
    }
}

/// A listing that is stored for the next call when it is dropped, unless it is at its start.
struct ResumableListing<'a> {
    walks: &'a Mutex<HashMap<String, Walk>>,
    prefix: &'a str,
    walk: Walk,
}

impl Drop for ResumableListing<'_> {
    fn drop(&mut self) {
        let walk = std::mem::take(&mut self.walk);
        if walk.pages() > 0 {
            lock(self.walks).insert(self.prefix.to_owned(), walk);
        }
    }
}

impl<C: Clock> ListSecrets for SecretsManager<C> {
    async fn list(&self, prefix: &str) -> Result<SecretList, PortError> {
        let walk = lock(&self.walks).remove(prefix).unwrap_or_default();
        let mut resumable = ResumableListing { walks: &self.walks, prefix, walk };
        let is_resumed = resumable.walk.pages() > 0;
        let needs_person =
            |listed: &Result<_, PortError>| listed.as_ref().is_err_and(|error| error.recovery == Recovery::Person);
        let mut listed = self.continue_listing(prefix, &mut resumable.walk).await;
        if is_resumed && needs_person(&listed) {
            // The stored page token may have expired. A listing from the start needs none.
            resumable.walk = Walk::default();
            listed = self.continue_listing(prefix, &mut resumable.walk).await;
        }
        if needs_person(&listed) {
            resumable.walk = Walk::default();
        }
        listed
    }
}

fn list_call(prefix: &str) -> Call {
    Call {
        action: "secretsmanager:ListSecrets",
        target: format!("secrets of {prefix}"),
        denied_advice: "grant secretsmanager:ListSecrets on all resources; it knows no narrower one".to_owned(),
        missing_advice: "check the AWS region and endpoint".to_owned(),
    }
}

/// Returns the secret's name: the answer's, or the one in the answer's ARN, which always has its suffix.
fn name(answer: &GetSecretValueOutput) -> Option<String> {
    let of_arn = || answer.arn().and_then(without_suffix).map(|arn| secret_name(arn).to_owned());
    answer.name().filter(|name| !name.is_empty()).map(str::to_owned).or_else(of_arn)
}

/// Returns the secret's text. Secrets Manager holds it in one of two fields, as text or as bytes. `None` if it is not
/// UTF-8.
fn text(answer: GetSecretValueOutput) -> Option<SecretString> {
    if let Some(text) = answer.secret_string {
        return Some(text.into());
    }
    let bytes = answer.secret_binary?.into_inner();
    String::from_utf8(bytes).ok().map(SecretString::from)
}

fn call(arn: &str) -> Call {
    let name = secret_name(arn);
    Call {
        action: "secretsmanager:GetSecretValue",
        target: format!("secret {name}"),
        denied_advice: format!(
            "grant secretsmanager:GetSecretValue on {name}, and kms:Decrypt on its key where it has one; where AWS speaks of \
             an explicit deny, the secret is named for another vendor too, and must be named for one only"
        ),
        missing_advice: format!(
            "create {name}, or correct its ARN; a secret marked for deletion must be restored first"
        ),
    }
}

/// Returns the name in a secret's ARN, `arn:aws:secretsmanager:region:account:secret:NAME`. Any other text is returned
/// unchanged.
pub(crate) fn secret_name(arn: &str) -> &str {
    arn.splitn(7, ':').nth(6).unwrap_or(arn)
}

/// Number of letters and digits that Secrets Manager adds to the end of an ARN, after a hyphen.
const SUFFIX_CHARS: usize = 6;

/// Returns an ARN without the suffix that Secrets Manager added; `None` if it does not end like that.
pub(crate) fn without_suffix(arn: &str) -> Option<&str> {
    let (stem, suffix) = arn.rsplit_once('-')?;
    let is_suffix = suffix.len() == SUFFIX_CHARS && suffix.chars().all(|letter| letter.is_ascii_alphanumeric());
    is_suffix.then_some(stem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secrets_name_is_read_from_its_arn() {
        assert_eq!(
            secret_name("arn:aws:secretsmanager:eu-west-1:123456789012:secret:acme/openai-AbCdEf"),
            "acme/openai-AbCdEf"
        );
        assert_eq!(secret_name("acme/openai"), "acme/openai");
    }
}
