//! Names that every query engine takes as a column.

use std::borrow::Cow;

/// The column of a field: ASCII letters, digits, `_` and `-` stay; a sign with a name becomes that name, with a `_`
/// before and after it but not at the ends; every other character becomes `_`.
pub(crate) fn column(name: &str) -> Cow<'_, str> {
    if is_safe(name) {
        return Cow::Borrowed(name);
    }
    let mut column = String::with_capacity(name.len() + 8);
    for (at, char) in name.char_indices() {
        match sign(char) {
            Some(word) => {
                let is_last = at + char.len_utf8() == name.len();
                column.push_str(if at > 0 { "_" } else { "" });
                column.push_str(word);
                column.push_str(if is_last { "" } else { "_" });
            }
            None if is_plain(char) => column.push(char),
            None => column.push('_'),
        }
    }
    if column.is_empty() { Cow::Borrowed("_") } else { Cow::Owned(column) }
}

/// Whether a name is its own column.
pub(crate) fn is_safe(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| is_plain(char::from(byte)))
}

fn is_plain(char: char) -> bool {
    char.is_ascii_alphanumeric() || matches!(char, '_' | '-')
}

fn sign(char: char) -> Option<&'static str> {
    Some(match char {
        '@' => "at_sign",
        '$' => "dollar_sign",
        ',' => "comma",
        '`' => "backtick",
        '\'' => "apostrophe",
        '*' => "asterisk",
        '&' => "ampersand",
        '!' => "exclamation",
        '%' => "percent",
        '+' => "plus",
        '/' => "slash",
        '\\' => "backslash",
        '#' => "hash",
        '~' => "tilde",
        '=' => "eq",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_columns() {
        for (name, expected) in [
            ("ClientIP", "ClientIP"),
            ("api_key.created", "api_key_created"),
            ("log-status 2", "log-status_2"),
            ("@ts", "at_sign_ts"),
            ("a@b", "a_at_sign_b"),
            ("a@", "a_at_sign"),
            ("a/$b", "a_slash__dollar_sign_b"),
            ("_@", "__at_sign"),
            ("@_x", "at_sign__x"),
            ("@", "at_sign"),
            ("größe", "gr__e"),
            ("", "_"),
        ] {
            assert_eq!(column(name), expected, "{name}");
        }
    }
}
