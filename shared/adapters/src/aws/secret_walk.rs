//! A listing of secrets, page by page.
//!
//! Secrets Manager divides all secrets into pages before it filters them, so a page may be short or empty although
//! there are more pages. The number of secrets found is therefore bounded here, and the number of pages is not. The
//! caller bounds the time.

use std::collections::{BTreeSet, HashSet};
use std::hash::{BuildHasher, RandomState};

use collector::PortError;

use super::secret_list::SecretList;

/// A list holds at most this many secrets.
pub(super) const MAX_SECRETS: usize = 2_000;

/// One secret of a page: its name and its ARN, if the answer has them.
pub(super) type NameAndArn = (Option<String>, Option<String>);

/// The state of a listing between two pages.
#[derive(Debug, Default)]
pub(super) struct Walk {
    arns: BTreeSet<String>,
    token: Option<String>,
    /// Hashes of all page tokens so far.
    tokens: HashSet<u64>,
    hasher: RandomState,
    pages: usize,
}

/// The next step after a page.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// There are more pages: the next one has the token [`Walk::token`].
    NextPage,
    /// The listing has ended: the list is complete or holds [`MAX_SECRETS`].
    Done(SecretList),
}

impl Walk {
    /// Returns the token of the next page to read; `None` for the first page.
    pub(super) fn token(&self) -> Option<String> {
        self.token.clone()
    }

    /// Returns the number of pages added so far.
    pub(super) fn pages(&self) -> usize {
        self.pages
    }

    /// Adds the secrets of a page whose names begin with `prefix`; `next` is the token of the next page. A secret that
    /// is on two pages counts once.
    ///
    /// Fails if a page token repeats, because the listing would never end. After the last page and after this error the
    /// walk is back at its start.
    pub(super) fn add_page(
        &mut self,
        prefix: &str,
        secrets: impl IntoIterator<Item = NameAndArn>,
        next: Option<String>,
    ) -> Result<Step, PortError> {
        self.pages += 1;
        // Secrets Manager ignores case when it compares names. IAM permissions do not, so names are compared again
        // here.
        let named = secrets.into_iter().filter(|(name, _)| name.as_ref().is_some_and(|name| name.starts_with(prefix)));
        self.arns.extend(named.filter_map(|(_, arn)| arn));
        let has_more = self.arns.len() > MAX_SECRETS;
        let Some(next) = next.filter(|token| !has_more && !token.is_empty()) else {
            let arns = std::mem::take(self).arns.into_iter().take(MAX_SECRETS).collect();
            return Ok(Step::Done(SecretList { arns, has_more }));
        };
        if !self.tokens.insert(self.hasher.hash_one(&next)) {
            return Err(PortError::next_tick(format!(
                "secretsmanager:ListSecrets on secrets of {prefix}: page {} has a page token that came before, so the \
                 list would never end; the next tick starts the list again",
                std::mem::take(self).pages
            )));
        }
        self.token = Some(next);
        Ok(Step::NextPage)
    }
}

#[cfg(test)]
mod tests {
    use collector::Recovery;

    use super::*;

    const PREFIX: &str = "audit-pull/";

    fn secret(number: usize) -> NameAndArn {
        (Some(format!("{PREFIX}{number:04}")), Some(format!("arn:{PREFIX}{number:04}-AbCdEf")))
    }

    fn token(number: usize) -> Option<String> {
        Some(format!("token {number}"))
    }

    fn done(step: Step) -> SecretList {
        match step {
            Step::Done(list) => list,
            Step::NextPage => panic!("there is no other page"),
        }
    }

    #[test]
    fn b5_short_and_empty_pages_do_not_bound_the_secrets() {
        let mut walk = Walk::default();
        for number in 0..MAX_SECRETS {
            assert_eq!(walk.add_page(PREFIX, [secret(number)], token(2 * number)), Ok(Step::NextPage));
            assert_eq!(walk.add_page(PREFIX, [], token(2 * number + 1)), Ok(Step::NextPage));
        }
        let list = done(walk.add_page(PREFIX, [], None).unwrap());
        assert_eq!((list.arns.len(), list.has_more), (MAX_SECRETS, false));
    }

    #[test]
    fn b5_more_secrets_than_can_be_listed_are_reported() {
        let mut walk = Walk::default();
        let list = done(walk.add_page(PREFIX, (0..=MAX_SECRETS).map(secret), token(0)).unwrap());
        assert_eq!((list.arns.len(), list.has_more), (MAX_SECRETS, true));
    }

    #[test]
    fn b5_a_page_token_that_repeats_is_an_error() {
        let mut walk = Walk::default();
        for number in 0..3 {
            assert_eq!(walk.add_page(PREFIX, [secret(number)], token(number)), Ok(Step::NextPage));
        }
        let error = walk.add_page(PREFIX, [secret(3)], token(1)).unwrap_err();
        assert_eq!(error.recovery, Recovery::NextTick);
        assert!(error.message.contains("page 4 has a page token that came before"), "{error}");
        assert_eq!((walk.pages(), walk.token()), (0, None));
    }

    #[test]
    fn b5_a_secret_on_two_pages_counts_once_and_the_case_of_a_name_matters() {
        let mut walk = Walk::default();
        walk.add_page(PREFIX, [secret(1), secret(2)], token(0)).unwrap();
        let others = [(Some("Audit-Pull/x".to_owned()), Some("arn:x".to_owned())), (None, Some("arn:y".to_owned()))];
        let last = walk.add_page(PREFIX, others.into_iter().chain([secret(2)]), Some(String::new())).unwrap();
        assert_eq!(done(last).arns, ["arn:audit-pull/0001-AbCdEf", "arn:audit-pull/0002-AbCdEf"]);
    }
}
