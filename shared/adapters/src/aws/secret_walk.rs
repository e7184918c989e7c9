//! One walk over the pages of a listing of secrets: pages in, the next page token or the list out.
//!
//! Secrets Manager filters after it has cut its pages, so a page may be short or empty and yet have a next one. A walk
//! is therefore bounded by the secrets that it finds and not by its pages; the caller bounds its time.

use std::collections::{BTreeSet, HashSet};
use std::hash::{BuildHasher, RandomState};

use collector::PortError;

use super::secret_list::SecretList;

/// The secrets that a listing returns at most.
pub(super) const MAX_SECRETS: usize = 2_000;

/// One secret of a page: its name and its ARN, where the answer has them.
pub(super) type Listed = (Option<String>, Option<String>);

/// The state of a walk between two pages.
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
    /// There is another page, at [`Walk::token`].
    NextPage,
    /// The list is complete, or there are more secrets than [`MAX_SECRETS`].
    Done(SecretList),
}

impl Walk {
    /// The token of the page that is read next; `None` before the first page.
    pub(super) fn token(&self) -> Option<String> {
        self.token.clone()
    }

    /// The pages that were taken so far.
    pub(super) fn pages(&self) -> usize {
        self.pages
    }

    /// Takes the secrets of a page whose names begin with `prefix`, each once. A page token that came before is an error:
    /// the walk would never end. After its last page, and after that error, the walk stands at its beginning again.
    pub(super) fn take(
        &mut self,
        prefix: &str,
        secrets: impl IntoIterator<Item = Listed>,
        next: Option<String>,
    ) -> Result<Step, PortError> {
        self.pages += 1;
        // The service compares names in its own way; our rights go by the letter.
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
                 list would never end; the next tick begins it anew",
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

    fn secret(number: usize) -> Listed {
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
            assert_eq!(walk.take(PREFIX, [secret(number)], token(2 * number)), Ok(Step::NextPage));
            assert_eq!(walk.take(PREFIX, [], token(2 * number + 1)), Ok(Step::NextPage));
        }
        let list = done(walk.take(PREFIX, [], None).unwrap());
        assert_eq!((list.arns.len(), list.has_more), (MAX_SECRETS, false));
    }

    #[test]
    fn b5_more_secrets_than_can_be_listed_are_told() {
        let mut walk = Walk::default();
        let list = done(walk.take(PREFIX, (0..=MAX_SECRETS).map(secret), token(0)).unwrap());
        assert_eq!((list.arns.len(), list.has_more), (MAX_SECRETS, true));
    }

    #[test]
    fn b5_a_page_token_that_repeats_is_an_error() {
        let mut walk = Walk::default();
        for number in 0..3 {
            assert_eq!(walk.take(PREFIX, [secret(number)], token(number)), Ok(Step::NextPage));
        }
        let error = walk.take(PREFIX, [secret(3)], token(1)).unwrap_err();
        assert_eq!(error.recovery, Recovery::NextTick);
        assert!(error.message.contains("page 4 has a page token that came before"), "{error}");
        assert_eq!((walk.pages(), walk.token()), (0, None));
    }

    #[test]
    fn b5_a_secret_on_two_pages_is_one_and_names_go_by_the_letter() {
        let mut walk = Walk::default();
        walk.take(PREFIX, [secret(1), secret(2)], token(0)).unwrap();
        let others = [(Some("Audit-Pull/x".to_owned()), Some("arn:x".to_owned())), (None, Some("arn:y".to_owned()))];
        let last = walk.take(PREFIX, others.into_iter().chain([secret(2)]), Some(String::new())).unwrap();
        assert_eq!(done(last).arns, ["arn:audit-pull/0001-AbCdEf", "arn:audit-pull/0002-AbCdEf"]);
    }
}
