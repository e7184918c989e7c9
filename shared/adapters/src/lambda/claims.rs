//! Checks that no secret is configured for two vendors.
//!
//! A function knows the configured secrets of the other vendors, too. If one vendor's prefix begins with another's,
//! both functions would read the same secrets and each would treat them as its own.

use std::collections::BTreeMap;

use crate::aws::{secret_name, without_suffix};

const ARNS: &str = "_SECRET_ARNS";
const PREFIX: &str = "_SECRET_PREFIX";

/// The secrets that the variables of one vendor select, by ARN or by prefix.
struct Claim<'a> {
    vendor: &'a str,
    arns: Vec<&'a str>,
    prefix: Option<&'a str>,
}

/// Returns a problem for each overlap between the secrets of `vendor` and those of another vendor: the name of the
/// variable at fault, and the text that follows the name in a message.
pub(super) fn claimed_twice(vendor: &str, variables: &BTreeMap<String, String>) -> Vec<(String, String)> {
    let own = Claim::of(vendor, variables);
    let others = variables.keys().filter_map(|name| name.strip_suffix(ARNS).or_else(|| name.strip_suffix(PREFIX)));
    let mut others: Vec<_> = others.filter(|other| *other != vendor).collect();
    others.sort_unstable();
    others.dedup();
    others.into_iter().flat_map(|other| own.shared_with(&Claim::of(other, variables))).collect()
}

impl<'a> Claim<'a> {
    fn of(vendor: &'a str, variables: &'a BTreeMap<String, String>) -> Self {
        let text = |ending: &str| variables.get(&format!("{vendor}{ending}")).map_or("", |text| text.trim());
        let arns = text(ARNS).split(',').map(str::trim).filter(|arn| !arn.is_empty()).collect();
        Self { vendor, arns, prefix: Some(text(PREFIX)).filter(|prefix| !prefix.is_empty()) }
    }

    fn shared_with(&self, other: &Self) -> Vec<(String, String)> {
        const CURE: &str = "a secret would be read for two vendors; name each secret for one vendor only";
        let (arns, prefix) = (format!("{}{ARNS}", self.vendor), format!("{}{PREFIX}", self.vendor));
        let (other_arns, other_prefix) = (format!("{}{ARNS}", other.vendor), format!("{}{PREFIX}", other.vendor));
        let mut shared = Vec::new();
        if self.prefix.zip(other.prefix).is_some_and(|(ours, theirs)| overlap(ours, theirs)) {
            let cure = "give each vendor a prefix of its own, such as audit-pull/openai/ and audit-pull/microsoft365/";
            let problem = format!(
                "and {other_prefix}: one is the beginning of the other, so a secret would be read for two vendors; {cure}"
            );
            shared.push((prefix.clone(), problem));
        }
        if let Some(at) = self.arns.iter().position(|arn| other.prefix.is_some_and(|prefix| covers(prefix, arn))) {
            shared.push((arns.clone(), format!("entry {} begins with {other_prefix}: {CURE}", at + 1)));
        }
        if let Some(at) = other.arns.iter().position(|arn| self.prefix.is_some_and(|prefix| covers(prefix, arn))) {
            shared.push((prefix, format!("is the beginning of entry {} of {other_arns}: {CURE}", at + 1)));
        }
        if let Some(at) = self.arns.iter().position(|arn| other.arns.iter().any(|theirs| is_same_secret(arn, theirs))) {
            shared.push((arns, format!("entry {} stands in {other_arns} too: {CURE}", at + 1)));
        }
        shared
    }
}

fn overlap(one: &str, other: &str) -> bool {
    one.starts_with(other) || other.starts_with(one)
}

fn covers(prefix: &str, arn: &str) -> bool {
    secret_name(arn).starts_with(prefix)
}

/// Returns `true` if two ARNs name the same secret: they are equal, or only one of them has the suffix that Secrets
/// Manager adds.
pub(super) fn is_same_secret(one: &str, other: &str) -> bool {
    one == other || without_suffix(one) == Some(other) || without_suffix(other) == Some(one)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arn(name: &str) -> String {
        format!("arn:aws:secretsmanager:eu-west-1:123456789012:secret:{name}")
    }

    fn check(variables: &[(&str, &str)], expected: &[(&str, &str)]) {
        let variables = variables.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        let shared = claimed_twice("OPENAI", &variables);
        assert_eq!(shared.len(), expected.len(), "{shared:?}");
        for ((name, problem), (expected_name, says)) in shared.iter().zip(expected) {
            assert!(name == expected_name && problem.contains(says), "{shared:?}");
        }
    }

    #[test]
    fn b5_prefixes_that_contain_each_other_are_refused() {
        let problem = [("OPENAI_SECRET_PREFIX", "and MICROSOFT365_SECRET_PREFIX: one is the beginning of the other")];
        for (ours, theirs, expected) in [
            ("a/", "a/", &problem[..]),
            ("a/", " a/microsoft365/ ", &problem),
            ("a/openai/", "a/", &problem),
            ("audit-pull/openai", "audit-pull/openai-eu/", &problem),
            ("audit-pull/openai/", "audit-pull/openai-eu/", &[]),
            ("a/", "", &[]),
            ("", "a/", &[]),
        ] {
            check(&[("OPENAI_SECRET_PREFIX", ours), ("MICROSOFT365_SECRET_PREFIX", theirs)], expected);
        }
    }

    #[test]
    fn b5_a_secret_that_two_vendors_name_is_refused() {
        let (one, two) = (arn("a/one-AbCdEf"), arn("b/two-AbCdEf"));
        let both = format!("{one}, {two}");
        check(
            &[("OPENAI_SECRET_ARNS", &both), ("MICROSOFT365_SECRET_PREFIX", "b/")],
            &[("OPENAI_SECRET_ARNS", "entry 2 begins with MICROSOFT365_SECRET_PREFIX")],
        );
        check(
            &[("OPENAI_SECRET_PREFIX", "b/"), ("MICROSOFT365_SECRET_ARNS", &both)],
            &[("OPENAI_SECRET_PREFIX", "is the beginning of entry 2 of MICROSOFT365_SECRET_ARNS")],
        );
        for same in [&one, &arn("a/one")] {
            check(
                &[("OPENAI_SECRET_ARNS", &both), ("MICROSOFT365_SECRET_ARNS", same)],
                &[("OPENAI_SECRET_ARNS", "entry 1 stands in MICROSOFT365_SECRET_ARNS too")],
            );
        }
        check(&[("OPENAI_SECRET_ARNS", &one), ("MICROSOFT365_SECRET_ARNS", &two)], &[]);
    }
}
