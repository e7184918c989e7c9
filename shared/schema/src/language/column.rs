//! Turns field names into column names that every query engine accepts.

use std::borrow::Cow;

/// Returns the column name of a field.
///
/// ASCII letters, digits, `_` and `-` stay. A symbol that has a name becomes that name (`@` becomes `at_sign`), with a
/// `_` before and after it except at the ends. Every other character, and an empty name, becomes `_`.
pub(crate) fn column(name: &str) -> Cow<'_, str> {
    if is_column_name(name) {
        return Cow::Borrowed(name);
    }
    let mut column = String::with_capacity(name.len() + 8);
    for (at, char) in name.char_indices() {
        match symbol_name(char) {
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

/// Returns `true` if a name is its own column name.
pub(crate) fn is_column_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| is_plain(char::from(byte)))
}

fn is_plain(char: char) -> bool {
    char.is_ascii_alphanumeric() || matches!(char, '_' | '-')
}

fn symbol_name(char: char) -> Option<&'static str> {
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
    fn every_name_has_a_column_name() {
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
