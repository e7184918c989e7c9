//! The id of a source whose secret names none.

use collector::SourceId;

/// The id where the secret has no name of its own: on the command line.
const UNNAMED: &str = "openai";
/// The parts of a secret's ARN, `arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME-SUFFIX`.
const ARN_PARTS: usize = 7;
/// Secrets Manager ends each ARN in a hyphen and so many characters, which a secret that is created anew does not keep.
const SUFFIX_CHARS: usize = 6;
/// The longest source id, in characters.
const MAX_CHARS: usize = 64;

/// Returns the secret's name with `-` in the place of each character that no source id may have, cut to 64 characters.
///
/// The name is the one that the secret's store told, or else that in the ARN `reference`. A reference that is no ARN is a
/// secret without a name of its own, and gives `openai`.
pub(crate) fn default_source_id(reference: &str, name: Option<&str>) -> String {
    let parts: Vec<&str> = reference.splitn(ARN_PARTS, ':').collect();
    let ["arn", _, "secretsmanager", _, _, "secret", in_arn] = parts[..] else { return UNNAMED.to_owned() };
    let name = name.unwrap_or_else(|| without_suffix(in_arn));
    let id: String = name.chars().map(allowed).take(MAX_CHARS).collect();
    SourceId::try_from(id).map_or_else(|_| UNNAMED.to_owned(), String::from)
}

/// An ARN need not have its suffix, and a name may end like one. A suffix is made by chance, so it hardly ever has small
/// letters only, as the words of names do: those stay.
fn without_suffix(name: &str) -> &str {
    match name.rsplit_once('-') {
        Some((stem, suffix))
            if !stem.is_empty()
                && suffix.len() == SUFFIX_CHARS
                && suffix.chars().all(|letter| letter.is_ascii_alphanumeric())
                && !suffix.chars().all(|letter| letter.is_ascii_lowercase()) =>
        {
            stem
        }
        _ => name,
    }
}

fn allowed(letter: char) -> char {
    if letter.is_ascii_alphanumeric() || matches!(letter, '_' | '.' | '-') { letter } else { '-' }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str) -> String {
        told(name, None)
    }

    fn told(name: &str, by_the_store: Option<&str>) -> String {
        default_source_id(&format!("arn:aws:secretsmanager:eu-west-1:123456789012:secret:{name}"), by_the_store)
    }

    #[test]
    fn b3_a_default_source_id_is_the_name_of_its_secret() {
        assert_eq!(of("acme-AbCdEf"), "acme");
        assert_eq!(of("audit-pull/openai/acme-x1Y2z3"), "audit-pull-openai-acme");
        assert_eq!(of("a+b=c@d e-AbCdEf"), "a-b-c-d-e");
        assert_eq!(of("acme_1.eu"), "acme_1.eu");
        assert_eq!(of(&format!("{}-AbCdEf", "a".repeat(200))), "a".repeat(64));
    }

    #[test]
    fn b3_a_secret_that_is_created_anew_keeps_its_default_source_id() {
        assert_eq!(of("acme-AbCdEf"), of("acme-UvWxYz"));
    }

    #[test]
    fn b3_a_secret_of_the_command_line_keeps_the_plain_default() {
        for reference in ["secrets/acme.json", "of the environment", "arn:aws:s3:::acme", ""] {
            assert_eq!(default_source_id(reference, None), "openai");
        }
    }

    #[test]
    fn b3_the_name_that_the_store_tells_is_taken_whole() {
        assert_eq!(told("acme-Q1plus", Some("acme-Q1plus")), "acme-Q1plus");
        assert_eq!(told("acme-Q1plus-AbCdEf", Some("acme-Q1plus")), "acme-Q1plus");
        assert_eq!(told("audit-pull/acme-openai-AbCdEf", Some("audit-pull/acme-openai")), "audit-pull-acme-openai");
    }

    #[test]
    fn b3_an_arn_without_its_suffix_loses_no_part_of_the_name() {
        assert_eq!(of("acme-openai"), "acme-openai");
        assert_eq!(of("audit-pull/acme-tenant"), "audit-pull-acme-tenant");
    }
}
