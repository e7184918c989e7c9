//! Recognises keys where none belong: what stands in a name or a path goes into logs, objects and messages.

/// The beginnings of vendors' keys that say what they are, in small letters.
const KEY_BEGINNINGS: [&str; 4] = ["sk-admin-", "sk-proj-", "sk-svcacct-", "sk-none-"];
/// The beginning of any other key of OpenAI.
const KEY_BEGINNING: &str = "sk-";
/// A word that begins so is a key when so many characters follow, and not a name.
const MIN_KEY_CHARS: usize = 20;
/// Stands in each client secret that Microsoft makes.
const CLIENT_SECRET_MARK: &str = "Q~";

/// Returns `true` if `text` holds what looks like a vendor's key or client secret.
pub fn looks_like_a_key(text: &str) -> bool {
    let small = text.to_ascii_lowercase();
    let is_of_key = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
    let mut words = small.split(|letter| !is_of_key(letter));
    text.contains(CLIENT_SECRET_MARK)
        || KEY_BEGINNINGS.iter().any(|beginning| small.contains(beginning))
        || words.any(|word| word.strip_prefix(KEY_BEGINNING).is_some_and(|rest| rest.len() >= MIN_KEY_CHARS))
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
