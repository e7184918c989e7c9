//! The secrets that a function serves: those whose ARNs its environment holds, and those whose names begin with its
//! prefix.
//!
//! Lambda limits the environment to 4 kB, which is enough for about 45 ARNs. A prefix has no such limit, and a new
//! secret needs no deployment.

use std::collections::BTreeSet;
use std::time::Duration;

use collector::{Clock, PortError, Recovery, StreamReport};
use jiff::Timestamp;

use super::environment::Environment;
use super::in_flight::InFlight;
use super::isolated::run_isolated;
use super::sources::not_opened;
use crate::aws::{ListSecrets, SecretList, with_deadline, without_suffix};

/// A list of this age is read again, so that a new secret is found within ten minutes.
const LIST_MAX_AGE: Duration = Duration::from_secs(9 * 60);
/// Time limit for a listing, which delays the tick.
const LIST_TIMEOUT: Duration = Duration::from_secs(10);

/// The secrets whose names begin with the prefix, and when they were listed; `None` before the first listing.
#[derive(Debug, Default)]
pub(super) struct SecretListCache(Option<(Timestamp, SecretList)>);

impl SecretListCache {
    /// Returns the ARNs of all secrets to serve, each once, and a report if there is a problem with the listed ones. If
    /// a new listing fails, the last list is still used.
    pub(super) async fn arns(
        &mut self,
        environment: &Environment,
        secrets: &impl ListSecrets,
        clock: &impl Clock,
    ) -> (Vec<String>, Option<StreamReport>) {
        self.arns_since(LIST_MAX_AGE, environment, secrets, clock).await
    }

    /// Returns the same as [`SecretListCache::arns`], but lists the secrets in every call.
    pub(super) async fn arns_now(
        &mut self,
        environment: &Environment,
        secrets: &impl ListSecrets,
        clock: &impl Clock,
    ) -> (Vec<String>, Option<StreamReport>) {
        self.arns_since(Duration::ZERO, environment, secrets, clock).await
    }

    async fn arns_since(
        &mut self,
        max_age: Duration,
        environment: &Environment,
        secrets: &impl ListSecrets,
        clock: &impl Clock,
    ) -> (Vec<String>, Option<StreamReport>) {
        let mut arns = environment.secret_arns.clone();
        let Some(prefix) = &environment.secret_prefix else { return (arns, None) };
        let problem = self.renew(max_age, prefix, secrets, clock).await.err();
        // An ARN in the environment may lack the suffix of Secrets Manager. A listed one always has it.
        let known: BTreeSet<_> = arns.iter().cloned().collect();
        let is_named = |arn: &str| known.contains(arn) || without_suffix(arn).is_some_and(|stem| known.contains(stem));
        let listed = self.0.iter().flat_map(|(_, list)| &list.arns);
        arns.extend(listed.filter(|arn| !is_named(arn)).cloned());
        (arns, problem.map(|error| not_opened(prefix, &error)))
    }

    async fn renew(
        &mut self,
        max_age: Duration,
        prefix: &str,
        secrets: &impl ListSecrets,
        clock: &impl Clock,
    ) -> Result<(), PortError> {
        let now = clock.now();
        if self.0.as_ref().is_none_or(|(at, _)| now >= *at + max_age) {
            let (cutoff, calls) = (now + LIST_TIMEOUT, InFlight::default());
            let description = format!("secret store: list the secrets of {prefix}");
            let work = with_deadline(cutoff, calls.track(description, secrets.list(prefix)));
            match run_isolated(clock, cutoff, &calls, work).await.flatten() {
                Ok(list) => self.0 = Some((now, list)),
                Err(error) if self.0.is_some() && error.recovery != Recovery::Person => {
                    tracing::warn!(
                        prefix,
                        failure = error.message,
                        "the secrets could not be listed again; the last list stays"
                    );
                }
                Err(error) => return Err(error),
            }
        }
        match &self.0 {
            Some((_, list)) if list.has_more => Err(PortError::person(format!(
                "more than {} secrets begin with this, and the others are not served; move some to a deployment of \
                 their own",
                list.arns.len()
            ))),
            Some((_, list)) if list.arns.is_empty() => Err(PortError::person(
                "no secret has a name that begins with this; create one for each tenant, or correct the prefix",
            )),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::collections::BTreeMap;

    use collector::Secrets;
    use secrecy::SecretString;

    use super::*;

    struct Store(RefCell<Result<SecretList, PortError>>, Cell<usize>);

    impl Secrets for Store {
        async fn get(&self, _: &str, _: bool) -> Result<SecretString, PortError> {
            Err(PortError::person("not asked here"))
        }
    }

    impl ListSecrets for Store {
        async fn list(&self, prefix: &str) -> Result<SecretList, PortError> {
            assert_eq!(prefix, "audit-pull/");
            self.1.set(self.1.get() + 1);
            self.0.borrow().clone()
        }
    }

    struct FakeClock(Cell<i64>);

    impl Clock for FakeClock {
        fn now(&self) -> Timestamp {
            Timestamp::from_second(self.0.get()).unwrap()
        }

        async fn sleep(&self, _: Duration) {}

        fn random(&self) -> u64 {
            0
        }
    }

    const ARN: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:";

    fn list(names: &[&str]) -> SecretList {
        SecretList { arns: names.iter().map(|name| format!("{ARN}{name}")).collect(), has_more: false }
    }

    fn environment() -> Environment {
        let arn = format!("{ARN}a");
        let variables: BTreeMap<String, String> = [
            ("OPENAI_SECRET_ARNS", arn.as_str()),
            ("OPENAI_SECRET_PREFIX", "audit-pull/"),
            ("STATE_TABLE", "state"),
            ("BUCKET", "lake"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        Environment::parse("OPENAI", &[], &variables).unwrap()
    }

    #[tokio::test]
    async fn b5_listed_secrets_are_added_to_the_configured_ones_and_new_ones_within_ten_minutes() {
        let (store, clock) = (Store(RefCell::new(Ok(list(&["b", "a"]))), Cell::new(0)), FakeClock(Cell::new(1_000)));
        let (mut listed, environment) = (SecretListCache::default(), environment());
        assert_eq!(listed.arns(&environment, &store, &clock).await, (list(&["a", "b"]).arns, None));
        *store.0.borrow_mut() = Ok(list(&["b", "c"]));
        let mut seen = Vec::new();
        for _ in 0..10 {
            clock.0.set(clock.0.get() + 60);
            seen.push(listed.arns(&environment, &store, &clock).await.0.len());
        }
        assert_eq!((seen[0], seen[9], store.1.get()), (2, 3, 2));
        *store.0.borrow_mut() = Ok(list(&["b", "c", "d"]));
        assert_eq!(listed.arns_now(&environment, &store, &clock).await.0.len(), 4);
    }

    #[tokio::test]
    async fn b5_a_secret_that_is_named_without_its_suffix_and_listed_is_served_once() {
        let (store, clock) =
            (Store(RefCell::new(Ok(list(&["a-AbCdEf", "b-AbCdEf"]))), Cell::new(0)), FakeClock(Cell::new(0)));
        let (arns, report) = SecretListCache::default().arns(&environment(), &store, &clock).await;
        assert_eq!((arns, report), (list(&["a", "b-AbCdEf"]).arns, None));
    }

    #[tokio::test]
    async fn b5_the_last_list_is_kept_if_a_new_listing_fails_and_a_problem_for_a_person_is_reported() {
        let (store, clock) = (Store(RefCell::new(Ok(list(&["b"]))), Cell::new(0)), FakeClock(Cell::new(1_000)));
        let (mut listed, environment) = (SecretListCache::default(), environment());
        listed.arns(&environment, &store, &clock).await;
        for (answer, is_reported) in [
            (Err(PortError::next_tick("throttled")), false),
            (Err(PortError::person("grant it")), true),
            (Ok(SecretList { has_more: true, ..list(&["b"]) }), true),
        ] {
            clock.0.set(clock.0.get() + 600);
            *store.0.borrow_mut() = answer;
            let (arns, report) = listed.arns(&environment, &store, &clock).await;
            assert_eq!((arns, report.is_some()), (list(&["a", "b"]).arns, is_reported));
        }
        *store.0.borrow_mut() = Ok(SecretList::default());
        let (arns, report) = SecretListCache::default().arns(&environment, &store, &clock).await;
        assert_eq!(arns, list(&["a"]).arns);
        assert!(report.unwrap().failure.unwrap().message.starts_with("audit-pull/: no secret has a name that begins"));
    }
}
