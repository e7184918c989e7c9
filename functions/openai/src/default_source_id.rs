//! The default source id, for a secret without a `source_id`.

use collector::SourceId;

/// The id for a secret without a name, as on the command line.
const ID_WITHOUT_NAME: &str = "openai";
/// Number of parts in a secret's ARN, `arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME-SUFFIX`.
const ARN_PARTS: usize = 7;
/// Characters of the suffix that Secrets Manager adds to an ARN after a hyphen. A secret that is created again gets
/// another suffix.
const SUFFIX_CHARS: usize = 6;
/// The longest source id.
const MAX_ID_CHARS: usize = 64;

/// Derives a source id from the secret's name: each character that an id may not have becomes `-`, and the id has at
/// most 64 characters.
///
/// `name` is the secret's name in its store. If it is `None`, the name in the ARN `reference` is used. If `reference`
/// is not an ARN either, the id is `openai`.
pub(crate) fn default_source_id(reference: &str, name: Option<&str>) -> String {
    let parts: Vec<&str> = reference.splitn(ARN_PARTS, ':').collect();
    let ["arn", _, "secretsmanager", _, _, "secret", name_in_arn] = parts[..] else {
        return ID_WITHOUT_NAME.to_owned();
    };
    let name = name.unwrap_or_else(|| without_suffix(name_in_arn));
    let id: String = name.chars().map(allowed_or_hyphen).take(MAX_ID_CHARS).collect();
    SourceId::try_from(id).map_or_else(|_| ID_WITHOUT_NAME.to_owned(), String::from)
}

/// Removes the suffix that Secrets Manager adds to an ARN.
///
/// An ARN may lack the suffix, and its name may end in a word that has the form of a suffix. Six lower-case letters are
/// therefore kept: they may be a word, and a random suffix hardly ever has only lower-case letters.
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

/// Returns the character, or `-` if a source id may not contain it.
fn allowed_or_hyphen(letter: char) -> char {
    if letter.is_ascii_alphanumeric() || matches!(letter, '_' | '.' | '-') { letter } else { '-' }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> String {
        id_with_store_name(name, None)
    }

    fn id_with_store_name(name: &str, store_name: Option<&str>) -> String {
        default_source_id(&format!("arn:aws:secretsmanager:eu-west-1:123456789012:secret:{name}"), store_name)
    }

    #[test]
    fn b3_a_default_source_id_is_the_name_of_its_secret() {
        assert_eq!(id("acme-AbCdEf"), "acme");
        assert_eq!(id("audit-pull/openai/acme-x1Y2z3"), "audit-pull-openai-acme");
        assert_eq!(id("a+b=c@d e-AbCdEf"), "a-b-c-d-e");
        assert_eq!(id("acme_1.eu"), "acme_1.eu");
        assert_eq!(id(&format!("{}-AbCdEf", "a".repeat(200))), "a".repeat(64));
    }

    #[test]
    fn b3_a_secret_that_is_created_again_keeps_its_default_source_id() {
        assert_eq!(id("acme-AbCdEf"), id("acme-UvWxYz"));
    }

    #[test]
    fn b3_a_secret_of_the_command_line_keeps_the_plain_default() {
        for reference in ["secrets/acme.json", "of the environment", "arn:aws:s3:::acme", ""] {
            assert_eq!(default_source_id(reference, None), "openai");
        }
    }

    #[test]
    fn b3_the_name_in_the_store_is_used_unchanged() {
        assert_eq!(id_with_store_name("acme-Q1plus", Some("acme-Q1plus")), "acme-Q1plus");
        assert_eq!(id_with_store_name("acme-Q1plus-AbCdEf", Some("acme-Q1plus")), "acme-Q1plus");
        assert_eq!(
            id_with_store_name("audit-pull/acme-openai-AbCdEf", Some("audit-pull/acme-openai")),
            "audit-pull-acme-openai"
        );
    }

    #[test]
    fn b3_an_arn_without_its_suffix_loses_no_part_of_the_name() {
        assert_eq!(id("acme-openai"), "acme-openai");
        assert_eq!(id("audit-pull/acme-tenant"), "audit-pull-acme-tenant");
    }
}
