//! Splits the text of a path into tokens.

use super::error::PathError;

/// A token and the byte offset at which it begins.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) at: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    /// A name, quoted or not.
    Name(String),
    Integer(i128),
    Float(f64),
    Boolean(bool),
    /// The text between backquotes, which is a named operator such as `` `len` ``.
    Named(String),
    /// `==`, `=`, `!=`, `<`, `<=`, `>`, `>=`, `=~`
    Comparison(&'static str),
    /// `/` or `\` in brackets, which sorts by a key. A comma may stand before it.
    Sort {
        is_falling: bool,
    },
    Where,
    DoubleDot,
    /// `&&` and `||`, which only later versions of `jsonpath-ng` accept.
    And,
    Or,
    /// One of `* . [ ] ( ) $ , : | & ~ ? @ + -`
    Symbol(char),
}

const COMPARISONS: [&str; 8] = ["=~", "==", "<=", ">=", "!=", "=", "<", ">"];
const SYMBOLS: &str = "*.[]()$,:|&~?@+-";

/// Reads all tokens of a path.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, PathError> {
    let mut lexer = Lexer { text, at: 0 };
    let mut tokens = Vec::new();
    loop {
        lexer.skip(|c| matches!(c, ' ' | '\t' | '\n'));
        let at = lexer.at;
        let Some(next) = lexer.rest().chars().next() else { return Ok(tokens) };
        tokens.push(Token { kind: lexer.token(next)?, at });
    }
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Lexer<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    /// Skips the characters for which `is_wanted` is `true`, and returns them.
    fn skip(&mut self, is_wanted: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let end = rest.find(|c| !is_wanted(c)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn token(&mut self, next: char) -> Result<Kind, PathError> {
        if let Some(kind) = self.sort() {
            return Ok(kind);
        }
        if let Some(name) = self.bare_name() {
            return Ok(match name {
                "true" => Kind::Boolean(true),
                "false" => Kind::Boolean(false),
                "where" => Kind::Where,
                _ => Kind::Name(name.to_owned()),
            });
        }
        if let Some(number) = self.number() {
            return number;
        }
        match next {
            '\'' | '"' => self.quoted(next).map(Kind::Name),
            '`' => self.quoted(next).map(Kind::Named),
            _ => self.operator(next),
        }
    }

    fn operator(&mut self, next: char) -> Result<Kind, PathError> {
        let rest = self.rest();
        for (text, kind) in [("..", Kind::DoubleDot), ("&&", Kind::And), ("||", Kind::Or)] {
            if rest.starts_with(text) {
                self.at += text.len();
                return Ok(kind);
            }
        }
        if let Some(comparison) = COMPARISONS.iter().find(|comparison| rest.starts_with(**comparison)) {
            self.at += comparison.len();
            return Ok(Kind::Comparison(comparison));
        }
        if !SYMBOLS.contains(next) {
            return Err(PathError::new(self.at, format!("{next:?} has no meaning here; a name with it needs quotes")));
        }
        self.at += next.len_utf8();
        Ok(Kind::Symbol(next))
    }

    /// Reads `/` or `\`, with the comma that may stand before it.
    fn sort(&mut self) -> Option<Kind> {
        let rest = self.rest();
        let after_comma = rest.strip_prefix(',').unwrap_or(rest).trim_start();
        let is_falling = match after_comma.chars().next() {
            Some('/') => false,
            Some('\\') => true,
            _ => return None,
        };
        self.at += rest.len() - after_comma.len() + 1;
        Some(Kind::Sort { is_falling })
    }

    /// Reads an unquoted name: an optional `@`, then a letter or `_`, then letters, digits, `_`, `@` and `-`.
    fn bare_name(&mut self) -> Option<&'t str> {
        let rest = self.rest();
        let after_at = rest.strip_prefix('@').unwrap_or(rest);
        if !after_at.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
            return None;
        }
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '@' | '-');
        Some(self.skip(is_part))
    }

    fn number(&mut self) -> Option<Result<Kind, PathError>> {
        let rest = self.rest();
        let digits = |text: &str| text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let sign = usize::from(rest.starts_with('-'));
        let whole = digits(&rest[sign..]);
        if whole == 0 {
            return None;
        }
        let end = sign + whole;
        let fraction = rest[end..].strip_prefix('.').map_or(0, digits);
        let start = self.at;
        let too_large = || PathError::new(start, "the number is too large");
        if fraction > 0 {
            self.at += end + 1 + fraction;
            let number = self.text[start..self.at].parse().map(Kind::Float);
            return Some(number.map_err(|_| too_large()));
        }
        self.at += end;
        Some(self.text[start..self.at].parse().map(Kind::Integer).map_err(|_| too_large()))
    }

    /// Reads a quoted text up to the closing quote. The character after a backslash is taken literally.
    fn quoted(&mut self, quote: char) -> Result<String, PathError> {
        let start = self.at;
        let mut text = String::new();
        let mut characters = self.rest()[1..].char_indices();
        while let Some((at, c)) = characters.next() {
            match c {
                _ if c == quote => {
                    self.at = start + 1 + at + 1;
                    return Ok(text);
                }
                '\\' => match characters.next() {
                    Some((_, escaped)) if escaped != '\n' => text.push(escaped),
                    _ => break,
                },
                _ => text.push(c),
            }
        }
        Err(PathError::new(start, format!("the {quote} is not closed")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<Kind> {
        tokens(text).unwrap().into_iter().map(|token| token.kind).collect()
    }

    fn name(text: &str) -> Kind {
        Kind::Name(text.to_owned())
    }

    #[test]
    fn names_are_bare_or_quoted() {
        assert_eq!(kinds("log-status"), [name("log-status")]);
        assert_eq!(kinds("@odata"), [name("@odata")]);
        assert_eq!(kinds("@.a"), [Kind::Symbol('@'), Kind::Symbol('.'), name("a")]);
        assert_eq!(kinds(r"'a \' b'"), [name("a ' b")]);
        assert_eq!(kinds("trueName true"), [name("trueName"), Kind::Boolean(true)]);
    }

    #[test]
    fn a_sign_directly_before_a_number_belongs_to_it() {
        assert_eq!(kinds("-1 1.5 a-1"), [Kind::Integer(-1), Kind::Float(1.5), name("a-1")]);
        assert_eq!(kinds("1."), [Kind::Integer(1), Kind::Symbol('.')]);
    }

    #[test]
    fn a_character_without_meaning_is_refused_with_its_place() {
        assert_eq!(
            tokens("a #").unwrap_err().to_string(),
            "at character 3: '#' has no meaning here; a name with it needs quotes"
        );
        assert!(tokens("'a").is_err());
        assert!(tokens("한글").is_err());
        assert!(tokens("a\r").is_err());
    }
}
