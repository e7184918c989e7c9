//! Keys that stand among the arguments by mistake: no message repeats them.

use std::ffi::OsString;

use adapters::looks_like_a_key;

/// Stands in a message for a key.
const HIDDEN: &str = "(hidden: it looks like a key)";

/// The arguments that look like keys.
#[derive(Debug, Default)]
pub(crate) struct Keys(Vec<String>);

impl Keys {
    /// Those of the command's arguments.
    pub(crate) fn among(arguments: &[OsString]) -> Self {
        let texts = arguments.iter().map(|argument| argument.to_string_lossy().into_owned());
        // The value of `--name=value` stands alone in a message.
        let values = texts.flat_map(|text| [text.split_once('=').map(|(_, value)| value.to_owned()), Some(text)]);
        Self(values.flatten().filter(|text| looks_like_a_key(text)).collect())
    }

    /// Returns `true` if there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text without them.
    pub(crate) fn hidden_in(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, key| text.replace(key, HIDDEN))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_keys_are_hidden_and_all_else_stays() {
        let arguments = ["pull", "openai", "--prefix=sk-admin-canary", "sk-proj-canary"].map(OsString::from);
        let text = Keys::among(&arguments).hidden_in("'sk-admin-canary' and 'sk-proj-canary' of openai");
        assert_eq!(text, format!("'{HIDDEN}' and '{HIDDEN}' of openai"));
        assert!(Keys::among(&arguments[..2]).is_empty());
    }
}
