//! The failure of the login: its code by the number of Microsoft Entra.

use adapters::doctor::{Code, Fault, connection_fault};
use collector::{PortError, Recovery};
use secrecy::ExposeSecret;
use uuid::Uuid;

use crate::auth::aadsts;
use crate::config::{Client, Credential};

/// Returns the failure of a login. The cause and the fix are those of the error's own advice, unless there is better
/// evidence here.
pub(super) fn login_fault(error: &PortError, client: &Client) -> Fault {
    let Some(number) = aadsts::code_in(&error.message) else { return without_number(error) };
    let code = match number {
        7_000_215 if is_secret_id(client) => {
            let cause = format!("{}: client_secret has the form of an id", cause_of(error));
            return Fault::new(Code::SecretIdInsteadOfValue, cause);
        }
        7_000_215 | 7_000_216 => Code::WrongSecret,
        7_000_222 => Code::SecretExpired,
        50_012 | 50_013 | 50_027 | 700_021 | 700_023 | 700_027 | 700_030 => Code::CertificateRefused,
        90_002 | 900_023 => Code::WrongTenant,
        700_016 | 7_000_112 | 7_000_218 => Code::WrongApplication,
        90_038 | 900_382 | 900_439 | 70_011 | 500_011 | 650_057 | 1_002_012 => Code::WrongCloud,
        65_001 | 7_000_229 => Code::NoConsent,
        700_024 => Code::ClockOff,
        _ => return Fault::of(if error.is_refusal() { Code::LoginRefused } else { Code::VendorFailed }, error),
    };
    Fault::of(code, error)
}

/// Returns the failure of a login without a number: of the connection, of a gateway, or of the service.
fn without_number(error: &PortError) -> Fault {
    let has = |words: &str| error.message.contains(words);
    if has("could not connect") || has("no answer") {
        return connection_fault(error);
    }
    if has("gateway") {
        return Fault::of(Code::Gateway, error);
    }
    match error.recovery {
        Recovery::Paused => Fault::of(Code::Throttled, error),
        _ if has("too many logins") => Fault::of(Code::Throttled, error),
        Recovery::Person | Recovery::PersonIfPersistent => Fault::of(Code::LoginRefused, error),
        Recovery::Again { .. } | Recovery::NextTick => Fault::of(Code::VendorFailed, error),
    }
}

/// Returns `true` if the client secret is a GUID. The id of a client secret is one, and its value never is.
fn is_secret_id(client: &Client) -> bool {
    matches!(&client.credential, Credential::Secret(secret) if Uuid::try_parse(secret.expose_secret()).is_ok())
}

fn cause_of(error: &PortError) -> &str {
    error.message.split("; ").next().unwrap_or(&error.message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(message: &str, secret: &str) -> Code {
        let client = Client { id: "app".to_owned(), credential: Credential::Secret(secret.into()) };
        let fault = login_fault(&PortError::person(message), &client);
        assert!(!fault.cause.is_empty() && !fault.fix.is_empty() && !fault.cause.contains(secret));
        fault.code
    }

    #[test]
    fn the_id_of_a_secret_is_told_from_a_wrong_value() {
        let message = "logging in: HTTP 401 AADSTS7000215: the client secret is wrong; put the value there";
        assert_eq!(code(message, "s8Q~canary"), Code::WrongSecret);
        assert_eq!(code(message, "3f6c1d52-8b0e-4c1a-9d7e-2a5b9c4e7f10"), Code::SecretIdInsteadOfValue);
    }

    #[test]
    fn a_login_without_a_number_fails_by_its_connection_or_its_gateway() {
        assert_eq!(code("logging in: login.example/x: could not connect: refused", "canary"), Code::HostUnreachable);
        assert_eq!(
            code("logging in: HTTP 403: the answer is not the login service's but a gateway's", "canary"),
            Code::Gateway
        );
    }
}
