//! Parses named operators such as `` `len` ``, which a path has between backquotes.

use super::ast::{Path, Piece};
use super::python;

/// Compiles the text between the backquotes.
///
/// # Errors
/// No operator has this name, or its arguments are invalid.
pub(super) fn parse(text: &str) -> Result<Path, String> {
    match text {
        "this" => Ok(Path::This),
        "parent" => Ok(Path::Parent),
        "len" => Ok(Path::Length),
        "sorted" => Ok(Path::Sorted(Vec::new())),
        _ if text.starts_with("sub(") => {
            substitute(text).ok_or_else(|| malformed_operator(text, "sub(/pattern/, replacement)"))?
        }
        _ if text.starts_with("split(") => {
            split(text).ok_or_else(|| malformed_operator(text, "split(character, segment, most splits or -1)"))
        }
        _ if text.starts_with("str()") => Ok(Path::Text),
        _ => Err(format!("there is no operator `{text}`")),
    }
}

fn malformed_operator(text: &str, form: &str) -> String {
    format!("`{text}` is not of the form `{form}`")
}

/// Parses `sub(/pattern/, replacement)`. The last `/,` before a space ends the pattern, and the last `)` ends the
/// replacement.
fn substitute(text: &str) -> Option<Result<Path, String>> {
    let inside = text.strip_prefix("sub(/")?.rsplit_once(')')?.0;
    let separators = inside.match_indices("/,").map(|(at, _)| at).collect::<Vec<_>>();
    let is_followed_by_space = |at: &&usize| inside[**at + 2..].starts_with(char::is_whitespace);
    let at = *separators.iter().rev().find(is_followed_by_space)?;
    let (pattern, replacement) = (inside[..at].trim(), inside[at + 2..].trim());
    Some(python::regex(pattern).and_then(|pattern| {
        let replacement = pieces(replacement, &pattern)?;
        Ok(Path::Substitute { pattern, replacement })
    }))
}

/// Parses a replacement in the syntax of Python's `re.sub`, in which `\1`, `\g<1>` and `\g<name>` stand for groups.
fn pieces(text: &str, pattern: &fancy_regex::Regex) -> Result<Vec<Piece>, String> {
    let group = |number: usize| {
        if number < pattern.captures_len() {
            Ok(Piece::Group(number))
        } else {
            Err(format!("the pattern has no group {number}"))
        }
    };
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        push_text(&mut pieces, &rest[..at]);
        rest = &rest[at + 1..];
        if let Some(name) = rest.strip_prefix("g<") {
            let (name, after) = name.split_once('>').ok_or("a group's name has no end")?;
            let numbered = name.parse().ok();
            let named = || pattern.capture_names().position(|other| other == Some(name));
            pieces.push(group(numbered.or_else(named).ok_or_else(|| format!("the pattern has no group {name}"))?)?);
            rest = after;
            continue;
        }
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        match (digits.min(2), rest.chars().next()) {
            (0, Some(c)) => {
                push_text(
                    &mut pieces,
                    match c {
                        'n' => "\n",
                        't' => "\t",
                        'r' => "\r",
                        '\\' => "\\",
                        _ if c.is_ascii_alphabetic() => return Err(format!("\\{c} has no meaning in a replacement")),
                        _ => &rest[..c.len_utf8()],
                    },
                );
                rest = &rest[c.len_utf8()..];
            }
            (0, None) => return Err("the replacement ends with a backslash".to_owned()),
            _ if rest.starts_with('0') => return Err("octal escapes are not supported in a replacement".to_owned()),
            (digits, _) => {
                pieces.push(group(rest[..digits].parse().unwrap_or(usize::MAX))?);
                rest = &rest[digits..];
            }
        }
    }
    push_text(&mut pieces, rest);
    Ok(pieces)
}

fn push_text(pieces: &mut Vec<Piece>, more: &str) {
    match pieces.last_mut() {
        _ if more.is_empty() => {}
        Some(Piece::Text(text)) => text.push_str(more),
        _ => pieces.push(Piece::Text(more.to_owned())),
    }
}

/// Parses `split(character, segment, max_splits)`, where `max_splits` is -1 for no limit.
fn split(text: &str) -> Option<Path> {
    let inside = text.strip_prefix("split(")?;
    let separator = inside.chars().next()?;
    let arguments = inside[separator.len_utf8()..].strip_prefix(',')?;
    let (segment, rest) = arguments.split_once(',')?;
    let max_splits = rest.split_once(')')?.0;
    let has_spaces = segment.starts_with(char::is_whitespace) && rest.starts_with(char::is_whitespace);
    let number = |text: &str| text.trim_start().parse::<usize>().ok();
    let max_splits = if max_splits.trim_start() == "-1" { None } else { Some(number(max_splits)?) };
    has_spaces.then_some(Path::Split { separator, segment: number(segment)?, max_splits })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_are_read_with_their_arguments() {
        assert!(matches!(parse("len"), Ok(Path::Length)));
        assert!(matches!(parse("split(,, 1, -1)"), Ok(Path::Split { separator: ',', segment: 1, max_splits: None })));
        match parse(r"sub(/(a)\/, b/, \1-\g<0>)").unwrap() {
            Path::Substitute { pattern, replacement } => {
                assert_eq!(pattern.as_str(), r"(a)\/, b");
                assert_eq!(replacement, [Piece::Group(1), Piece::Text("-".into()), Piece::Group(0)]);
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_unknown_operator_is_refused() {
        for text in ["size", "split(a, b, c)", "split(a,1,1)", "sub(a, b)", r"sub(/a/, \1)", ""] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
