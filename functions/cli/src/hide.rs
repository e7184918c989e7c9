//! Hides API keys that were passed as an argument by mistake, so that no message repeats them.

use std::ffi::OsString;

use adapters::looks_like_a_key;

/// The text that replaces a key in a message.
const KEY_REPLACEMENT: &str = "(hidden: it looks like a key)";

/// The arguments that look like API keys.
#[derive(Debug, Default)]
pub(crate) struct Keys(Vec<String>);

impl Keys {
    /// Finds the arguments, and the values in arguments, that look like keys.
    pub(crate) fn among(arguments: &[OsString]) -> Self {
        let texts = arguments.iter().map(|argument| argument.to_string_lossy().into_owned());
        // In `--name=value` and `--secret=vendor=file`, a message may show a part alone.
        let parts = texts.flat_map(|text| {
            let parts: Vec<String> = text.match_indices('=').map(|(at, _)| text[at + 1..].to_owned()).collect();
            std::iter::once(text).chain(parts)
        });
        Self(parts.filter(|text| looks_like_a_key(text)).collect())
    }

    /// Returns `true` if no argument looks like a key.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the text with each key replaced by [`KEY_REPLACEMENT`].
    pub(crate) fn hide_in(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, key| text.replace(key, KEY_REPLACEMENT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_keys_are_hidden_and_all_else_stays() {
        let arguments = ["pull", "openai", "--prefix=sk-admin-canary", "sk-proj-canary"].map(OsString::from);
        let text = Keys::among(&arguments).hide_in("'sk-admin-canary' and 'sk-proj-canary' of openai");
        assert_eq!(text, format!("'{KEY_REPLACEMENT}' and '{KEY_REPLACEMENT}' of openai"));
        assert!(Keys::among(&arguments[..2]).is_empty());
    }
}
