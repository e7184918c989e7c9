//! Messages to people through a topic of Simple Notification Service.

use aws_sdk_sns::Client;
use collector::{Clock, Notifier, PortError, retry};

use super::attempt::{SMALL_CALL_TIMEOUT, attempt};
use super::call::{Call, CallError, RETRIES};

/// Maximum number of characters in a subject: the maximum of SNS.
const MAX_SUBJECT_CHARS: usize = 100;

/// A topic to which messages are published.
#[derive(Debug, Clone)]
pub struct SnsTopic<C> {
    client: Client,
    arn: String,
    clock: C,
}

impl<C: Clock> SnsTopic<C> {
    /// Returns an adapter that publishes to the topic `arn` with `client`.
    pub fn new(client: Client, arn: &str, clock: C) -> Self {
        Self { client, arn: arn.to_owned(), clock }
    }
}

impl<C: Clock> Notifier for SnsTopic<C> {
    async fn notify(&self, subject: &str, text: &str) -> Result<(), PortError> {
        let call = call(&self.arn);
        let subject = plain_subject(subject);
        let request = self.client.publish().topic_arn(&self.arn).subject(subject).message(text);
        retry(&self.clock, &RETRIES, || async {
            let sent = attempt(&self.clock, SMALL_CALL_TIMEOUT, request.clone().send()).await;
            sent.map(drop).map_err(|error| CallError::of(&error).into_port_error(&call))
        })
        .await
    }
}

/// Returns the subject in the form that SNS accepts: one line of printable ASCII characters, not too long.
fn plain_subject(subject: &str) -> String {
    let plain = |c: char| if c == ' ' || c.is_ascii_graphic() { c } else { '?' };
    subject.chars().map(plain).take(MAX_SUBJECT_CHARS).collect()
}

fn call(arn: &str) -> Call {
    Call {
        action: "sns:Publish",
        target: format!("topic {arn}"),
        denied_advice: format!("grant sns:Publish on {arn}, and the use of its KMS key where it has one"),
        missing_advice: format!("create {arn}, or correct AlarmTopicArn"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_one_short_line_of_ascii() {
        assert_eq!(plain_subject("acme/x is silent"), "acme/x is silent");
        assert_eq!(plain_subject("a\nü"), "a??");
        assert_eq!(plain_subject(&"a".repeat(300)).len(), MAX_SUBJECT_CHARS);
    }
}
