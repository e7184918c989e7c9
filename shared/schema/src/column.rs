//! Names that every query engine takes as a column.

use std::borrow::Cow;

/// The column of a field: ASCII letters, digits, `_` and `-` stay; a sign with a name becomes that name, set apart by
/// `_`; every other character becomes `_`.
pub(crate) fn column(name: &str) -> Cow<'_, str> {
    if is_safe(name) {
        return Cow::Borrowed(name);
    }
    let mut column = String::with_capacity(name.len() + 8);
    let mut chars = name.chars().peekable();
    while let Some(char) = chars.next() {
        match sign(char) {
            Some(word) => {
                let apart = !column.is_empty() && !column.ends_with('_');
                column.push_str(if apart { "_" } else { "" });
                column.push_str(word);
                let more = chars.peek().is_some_and(|next| *next != '_' && is_plain(*next) || sign(*next).is_some());
                column.push_str(if more { "_" } else { "" });
            }
            None if is_plain(char) => column.push(char),
            None => column.push('_'),
        }
    }
    if column.is_empty() { Cow::Borrowed("_") } else { Cow::Owned(column) }
}

fn is_safe(name: &str) -> bool {
    !name.is_empty() && name.chars().all(is_plain)
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
            ("a/$b", "a_slash_dollar_sign_b"),
            ("größe", "gr__e"),
            ("", "_"),
        ] {
            assert_eq!(column(name), expected, "{name}");
        }
    }
}
