//! Secrets in AWS Secrets Manager.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueOutput;
use collector::{Clock, PortError, Secrets, retry};
use secrecy::SecretString;

use super::attempt::{SMALL_CALL, attempt};
use super::call::{Call, CallError, RETRIES};

/// The version of a secret that is in force.
const CURRENT: &str = "AWSCURRENT";

/// Secrets by ARN, each read once while the process is warm.
#[derive(Debug)]
pub struct SecretsManager<C> {
    client: Client,
    clock: C,
    read: Mutex<HashMap<String, SecretString>>,
}

impl<C: Clock> SecretsManager<C> {
    /// Reads with `client`.
    pub fn new(client: Client, clock: C) -> Self {
        Self { client, clock, read: Mutex::default() }
    }

    async fn read(&self, arn: &str) -> Result<SecretString, PortError> {
        let call = call(arn);
        retry(&self.clock, &RETRIES, || async {
            let request = self.client.get_secret_value().secret_id(arn).version_stage(CURRENT);
            let sent = attempt(&self.clock, SMALL_CALL, request.send()).await;
            let answer = sent.map_err(|error| CallError::of(&error).into_port(&call))?;
            text(answer).ok_or_else(|| {
                PortError::person(format!("{} on {}: the secret holds no text; store it as text", call.action, call.on))
            })
        })
        .await
    }
}

impl<C: Clock> Secrets for SecretsManager<C> {
    async fn get(&self, reference: &str, fresh: bool) -> Result<SecretString, PortError> {
        let known = || self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(secret) = known().get(reference).filter(|_| !fresh) {
            return Ok(secret.clone());
        }
        let secret = self.read(reference).await?;
        known().insert(reference.to_owned(), secret.clone());
        Ok(secret)
    }
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
        grant: format!("grant secretsmanager:GetSecretValue on {name}, and kms:Decrypt on its key where it has one"),
        missing: format!("create {name}, or correct its ARN; a secret marked for deletion must be restored first"),
    }
}

/// The name in a secret's ARN, `arn:aws:secretsmanager:region:account:secret:NAME`; anything else as it is.
pub(crate) fn secret_name(arn: &str) -> &str {
    arn.splitn(7, ':').nth(6).unwrap_or(arn)
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
