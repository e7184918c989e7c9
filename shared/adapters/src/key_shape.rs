//! Recognises keys in fields that must not hold any, such as names and paths, which appear in logs, objects and
//! messages.

/// Prefixes, in lower case, that only keys of OpenAI have.
const KEY_PREFIXES: [&str; 4] = ["sk-admin-", "sk-proj-", "sk-svcacct-", "sk-none-"];
/// The prefix of OpenAI's other keys, in lower case. A name may begin with it, too.
const SHORT_KEY_PREFIX: &str = "sk-";
/// A word with [`SHORT_KEY_PREFIX`] is a key if at least this many characters follow the prefix.
const MIN_KEY_CHARS: usize = 20;
/// Every client secret of Microsoft contains this text.
const CLIENT_SECRET_MARKER: &str = "Q~";

/// Returns `true` if `text` contains what looks like a vendor's key or client secret.
pub fn looks_like_a_key(text: &str) -> bool {
    let lower_case = text.to_ascii_lowercase();
    let is_key_letter = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
    let mut words = lower_case.split(|letter| !is_key_letter(letter));
    text.contains(CLIENT_SECRET_MARKER)
        || KEY_PREFIXES.iter().any(|prefix| lower_case.contains(prefix))
        || words.any(|word| word.strip_prefix(SHORT_KEY_PREFIX).is_some_and(|rest| rest.len() >= MIN_KEY_CHARS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_keys_are_recognised_and_names_are_not() {
        for key in [
            "sk-admin-x",
            "Bearer sk-proj-x",
            "https://proxy.example.com/sk-svcacct-x/v1",
            "SK-ADMIN-X",
            "sk-0123456789abcdefghij",
            "abc8Q~defghijklmnopqrstuvwxyz0123456789",
        ] {
            assert!(looks_like_a_key(key), "{key}");
        }
        for name in ["", "risk-1", "sk-logs", "task-0123456789abcdefghijkl", "audit-pull/openai/acme-AbCdEf"] {
            assert!(!looks_like_a_key(name), "{name}");
        }
    }
}
