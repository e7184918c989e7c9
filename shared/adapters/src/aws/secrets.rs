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

use super::attempt::{SMALL_CALL, attempt};
use super::call::{Call, CallError, RETRIES};
use super::secret_list::{ListSecrets, SecretList};
use super::secret_walk::{Step, Walk};

/// The version of a secret that is in force.
const CURRENT: &str = "AWSCURRENT";

/// As many as Secrets Manager puts on a page.
const SECRETS_PER_PAGE: i32 = 100;
/// One call lists for no longer than this; the next one goes on from there.
const LIST_TIME: Duration = Duration::from_secs(8);

/// A secret that was read.
#[derive(Debug, Clone)]
struct Read {
    text: SecretString,
    name: Option<String>,
}

/// Secrets by ARN, each read once while the process is warm.
#[derive(Debug)]
pub struct SecretsManager<C> {
    client: Client,
    clock: C,
    read: Mutex<HashMap<String, Read>>,
    /// Listings that ran out of time, by their prefixes.
    walks: Mutex<HashMap<String, Walk>>,
}

impl<C: Clock> SecretsManager<C> {
    /// Reads with `client`.
    pub fn new(client: Client, clock: C) -> Self {
        Self { client, clock, read: Mutex::default(), walks: Mutex::default() }
    }

    async fn read(&self, arn: &str) -> Result<Read, PortError> {
        let call = call(arn);
        retry(&self.clock, &RETRIES, || async {
            let request = self.client.get_secret_value().secret_id(arn).version_stage(CURRENT);
            let sent = attempt(&self.clock, SMALL_CALL, request.send()).await;
            let answer = sent.map_err(|error| CallError::of(&error).into_port(&call))?;
            let name = name(&answer);
            text(answer).map(|text| Read { text, name }).ok_or_else(|| {
                PortError::person(format!("{} on {}: the secret holds no text; store it as text", call.action, call.on))
            })
        })
        .await
    }
}

impl<C: Clock> Secrets for SecretsManager<C> {
    async fn get(&self, reference: &str, fresh: bool) -> Result<SecretString, PortError> {
        let known = || lock(&self.read);
        if let Some(read) = known().get(reference).filter(|_| !fresh) {
            return Ok(read.text.clone());
        }
        let read = self.read(reference).await?;
        known().insert(reference.to_owned(), read.clone());
        Ok(read.text)
    }

    fn name(&self, reference: &str) -> Option<String> {
        lock(&self.read).get(reference)?.name.clone()
    }
}

impl<C: Clock> SecretsManager<C> {
    async fn page(&self, prefix: &str, token: Option<String>) -> Result<ListSecretsOutput, PortError> {
        let call = list_call(prefix);
        let filter = Filter::builder().key(FilterNameStringType::Name).values(prefix).build();
        let request = self.client.list_secrets().filters(filter).max_results(SECRETS_PER_PAGE).set_next_token(token);
        retry(&self.clock, &RETRIES, || async {
            let sent = attempt(&self.clock, SMALL_CALL, request.clone().send()).await;
            sent.map_err(|error| CallError::of(&error).into_port(&call))
        })
        .await
    }

    /// Walks on until the list is complete. In an account with very many other secrets that takes more time than one call
    /// has: then the walk stays where it is, and the next call goes on from there.
    async fn walk_on(&self, prefix: &str, walk: &mut Walk) -> Result<SecretList, PortError> {
        let end = self.clock.now() + LIST_TIME;
        loop {
            let page = self.page(prefix, walk.token()).await?;
            let secrets = page.secret_list.unwrap_or_default().into_iter().map(|secret| (secret.name, secret.arn));
            if let Step::Done(list) = walk.take(prefix, secrets, page.next_token)? {
                return Ok(list);
            }
            if self.clock.now() >= end {
                return Err(PortError::next_tick(format!(
                    "secretsmanager:ListSecrets on secrets of {prefix}: the list is not complete after {} pages and {} s; \
                     the next tick goes on from there",
                    walk.pages(),
                    LIST_TIME.as_secs()
                )));
            }
        }
    }
}

/// A walk that goes back to its place when nobody waits for it any longer.
struct Resumable<'a> {
    walks: &'a Mutex<HashMap<String, Walk>>,
    prefix: &'a str,
    walk: Walk,
}

impl Drop for Resumable<'_> {
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
        let mut resumable = Resumable { walks: &self.walks, prefix, walk };
        let is_resumed = resumable.walk.pages() > 0;
        let needs_person =
            |listed: &Result<_, PortError>| listed.as_ref().is_err_and(|error| error.recovery == Recovery::Person);
        let mut listed = self.walk_on(prefix, &mut resumable.walk).await;
        if is_resumed && needs_person(&listed) {
            // A page token expires, and a listing from the beginning needs none.
            resumable.walk = Walk::default();
            listed = self.walk_on(prefix, &mut resumable.walk).await;
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
        on: format!("secrets of {prefix}"),
        grant: "grant secretsmanager:ListSecrets on all resources; it knows no narrower one".to_owned(),
        missing: "check the AWS region and endpoint".to_owned(),
    }
}

/// The secret's name: the answer says it, or the answer's ARN, which is always a whole one.
fn name(answer: &GetSecretValueOutput) -> Option<String> {
    let of_arn = || answer.arn().and_then(without_suffix).map(|arn| secret_name(arn).to_owned());
    answer.name().filter(|name| !name.is_empty()).map(str::to_owned).or_else(of_arn)
}

/// Text is in one field when stored by the console, in the other when stored as bytes.
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
        on: format!("secret {name}"),
        grant: format!(
            "grant secretsmanager:GetSecretValue on {name}, and kms:Decrypt on its key where it has one; where AWS speaks of \
             an explicit deny, the secret is named for another vendor too, and must be named for one only"
        ),
        missing: format!("create {name}, or correct its ARN; a secret marked for deletion must be restored first"),
    }
}

/// The name in a secret's ARN, `arn:aws:secretsmanager:region:account:secret:NAME`; anything else as it is.
pub(crate) fn secret_name(arn: &str) -> &str {
    arn.splitn(7, ':').nth(6).unwrap_or(arn)
}

/// Secrets Manager ends each whole ARN in a hyphen and so many letters and digits.
const SUFFIX_CHARS: usize = 6;

/// A whole ARN without the suffix that Secrets Manager gave it; `None` where nothing like a suffix ends it.
pub(crate) fn without_suffix(arn: &str) -> Option<&str> {
    let (stem, suffix) = arn.rsplit_once('-')?;
    let is_suffix = suffix.len() == SUFFIX_CHARS && suffix.chars().all(|letter| letter.is_ascii_alphanumeric());
    is_suffix.then_some(stem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_an_arn() {
        assert_eq!(
            secret_name("arn:aws:secretsmanager:eu-west-1:123456789012:secret:acme/openai-AbCdEf"),
            "acme/openai-AbCdEf"
        );
        assert_eq!(secret_name("acme/openai"), "acme/openai");
    }
}
