//! Parses the tokens of a path into a syntax tree.
//!
//! The precedence of the operators is that of `jsonpath-ng`. From weak to strong: brackets, arithmetic, `..`, `.`, `|`,
//! `&`, `where`. So `a.b[0]` is `(a.b)[0]`, `a..b.c` is `a..(b.c)`, and `$.a | $.b` is `$.(a | $).b`.

use super::ast::{Comparison, Condition, Literal, Operand, Operator, Path};
use super::error::PathError;
use super::lexer::{Kind, Token, tokens};
use super::{named, python};

/// The maximum length of a path, in bytes.
const MAX_PATH_BYTES: usize = 4096;
/// The maximum number of tokens in a path.
const MAX_TOKENS: usize = 512;
/// The maximum nesting of parentheses, brackets and right-hand operands.
const MAX_DEPTH: usize = 32;

/// The precedence of an operator, from weak to strong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Precedence {
    Weakest,
    Descendants,
    Child,
    Union,
    Intersection,
    Where,
}

pub(super) fn parse(text: &str) -> Result<Path, PathError> {
    if text.len() > MAX_PATH_BYTES {
        return Err(PathError::new(MAX_PATH_BYTES, format!("the path is longer than {MAX_PATH_BYTES} bytes")));
    }
    let tokens = tokens(text)?;
    if let Some(token) = tokens.get(MAX_TOKENS) {
        return Err(PathError::new(token.at, format!("the path has more than {MAX_TOKENS} parts")));
    }
    let mut parser = Parser { tokens, next: 0, end: text.len(), depth: 0 };
    let path = parser.path(Precedence::Weakest)?;
    match parser.peek() {
        None => Ok(path),
        Some(_) => {
            let reason = "the path is complete before this; a name with a space or a sign in it needs quotes";
            Err(PathError::new(parser.place(), reason))
        }
    }
}

struct Parser {
    tokens: Vec<Token>,
    next: usize,
    end: usize,
    depth: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Kind> {
        self.tokens.get(self.next).map(|token| &token.kind)
    }

    fn peek_after(&self) -> Option<&Kind> {
        self.tokens.get(self.next + 1).map(|token| &token.kind)
    }

    fn is_next(&self, symbol: char) -> bool {
        self.peek() == Some(&Kind::Symbol(symbol))
    }

    fn take(&mut self) -> Option<Kind> {
        let kind = self.peek().cloned();
        self.next += 1;
        kind
    }

    fn expect(&mut self, symbol: char) -> Result<(), PathError> {
        if !self.is_next(symbol) {
            return Err(self.unexpected(&format!("{symbol:?}")));
        }
        self.next += 1;
        Ok(())
    }

    fn place(&self) -> usize {
        self.tokens.get(self.next).map_or(self.end, |token| token.at)
    }

    fn unexpected(&self, wanted: &str) -> PathError {
        PathError::new(self.place(), format!("{wanted} is missing"))
    }

    /// Runs a grammar rule one level deeper. Fails at the maximum depth, so that no path overflows the stack.
    fn deeper<T>(&mut self, rule: impl FnOnce(&mut Self) -> Result<T, PathError>) -> Result<T, PathError> {
        if self.depth == MAX_DEPTH {
            return Err(PathError::new(self.place(), format!("the path is nested deeper than {MAX_DEPTH} levels")));
        }
        self.depth += 1;
        let result = rule(self);
        self.depth -= 1;
        result
    }

    /// Parses a path, but only operators that bind more strongly than `min_precedence`. [`Precedence::Weakest`] allows all
    /// operators.
    fn path(&mut self, min_precedence: Precedence) -> Result<Path, PathError> {
        self.deeper(|parser| {
            let first = parser.first()?;
            parser.continued(first, min_precedence)
        })
    }

    fn continued(&mut self, first: Path, min_precedence: Precedence) -> Result<Path, PathError> {
        let mut path = first;
        loop {
            let precedence = match self.peek() {
                Some(Kind::Symbol('[')) if min_precedence == Precedence::Weakest => {
                    path = self.bracket(path)?;
                    continue;
                }
                Some(Kind::Symbol('+' | '-' | '*')) if min_precedence == Precedence::Weakest => {
                    path = self.operation(Operand::from(path))?;
                    continue;
                }
                Some(Kind::DoubleDot) => Precedence::Descendants,
                Some(Kind::Symbol('.')) => Precedence::Child,
                Some(Kind::Symbol('|')) => Precedence::Union,
                Some(Kind::Symbol('&')) => Precedence::Intersection,
                Some(Kind::Where) => Precedence::Where,
                _ => return Ok(path),
            };
            if precedence <= min_precedence {
                return Ok(path);
            }
            self.next += 1;
            let (left, right) = (Box::new(path), Box::new(self.path(precedence)?));
            path = match precedence {
                Precedence::Descendants => Path::Descendants(left, right),
                Precedence::Child => Path::Child(left, right),
                Precedence::Union => Path::Union(left, right),
                Precedence::Where => Path::Where(left, right),
                _ => Path::Intersection,
            };
        }
    }

    /// Parses the first part of a path, up to an operator or a bracket that may follow.
    fn first(&mut self) -> Result<Path, PathError> {
        let at = self.place();
        match self.take() {
            Some(Kind::Symbol('$')) => Ok(Path::Root),
            Some(Kind::Symbol('@')) => Ok(Path::This),
            Some(Kind::Symbol('*')) => Ok(Path::AnyField),
            Some(Kind::Name(name)) => self.names(name),
            Some(Kind::Named(text)) => named::parse(&text).map_err(|reason| PathError::new(at, reason)),
            Some(Kind::Integer(number)) => self.number(Literal::Integer(number)),
            Some(Kind::Float(number)) => self.number(Literal::Float(number)),
            Some(Kind::Symbol('(')) => {
                let path = self.path(Precedence::Weakest)?;
                self.expect(')')?;
                Ok(path)
            }
            Some(Kind::Symbol('[')) => {
                let path = self.index_or_names()?;
                self.expect(']')?;
                Ok(path)
            }
            _ => {
                self.next -= 1;
                Err(self.unexpected("a name, $ or ["))
            }
        }
    }

    /// Parses an operation that begins with a number. A number alone is not a path.
    fn number(&mut self, number: Literal) -> Result<Path, PathError> {
        if !matches!(self.peek(), Some(Kind::Symbol('+' | '-' | '*'))) {
            self.next -= 1;
            return Err(self.unexpected("a name, $ or ["));
        }
        self.operation(Operand::Literal(number))
    }

    /// Parses the rest of a list of names after the `first`. A `'*'` among the names means any member.
    fn names(&mut self, first: String) -> Result<Path, PathError> {
        let mut names = vec![first];
        while self.is_next(',') {
            self.next += 1;
            match self.take() {
                Some(Kind::Name(name)) => names.push(name),
                _ => {
                    self.next -= 1;
                    return Err(self.unexpected("a name"));
                }
            }
        }
        Ok(if names.iter().any(|name| name == "*") { Path::AnyField } else { Path::Fields(names) })
    }

    /// Parses the operator and the right side of an arithmetic operation.
    fn operation(&mut self, left: Operand) -> Result<Path, PathError> {
        let operator = match self.take() {
            Some(Kind::Symbol('+')) => Operator::Add,
            Some(Kind::Symbol('-')) => Operator::Subtract,
            _ => Operator::Multiply,
        };
        let literal = match self.peek() {
            Some(Kind::Integer(number)) => Some(Literal::Integer(*number)),
            Some(Kind::Float(number)) => Some(Literal::Float(*number)),
            _ => None,
        };
        let goes_on = matches!(self.peek_after(), Some(Kind::Symbol('+' | '-' | '*')));
        let right = match literal.filter(|_| !goes_on) {
            Some(literal) => {
                self.next += 1;
                Operand::Literal(literal)
            }
            None => Operand::from(self.path(Precedence::Weakest)?),
        };
        Ok(Path::Arithmetic { left: Box::new(left), operator, right: Box::new(right) })
    }

    /// Parses a bracket that follows a path.
    fn bracket(&mut self, path: Path) -> Result<Path, PathError> {
        self.next += 1;
        let inside = match self.peek() {
            Some(Kind::Symbol('?')) => {
                self.next += 1;
                Path::Filter(Box::new(self.deeper(Self::any)?))
            }
            Some(Kind::Sort { .. }) => self.sort_keys()?,
            _ => self.index_or_names()?,
        };
        self.expect(']')?;
        Ok(Path::child(path, inside))
    }

    /// Parses the content of a bracket: an index, a slice, `*` or names.
    fn index_or_names(&mut self) -> Result<Path, PathError> {
        match self.take() {
            Some(Kind::Name(name)) => self.names(name),
            Some(Kind::Symbol('*')) => Ok(Path::Slice { start: None, end: None }),
            Some(Kind::Symbol(':')) => Ok(Path::Slice { start: None, end: self.integer() }),
            Some(Kind::Integer(number)) => {
                let number = saturated(number);
                if !self.is_next(':') {
                    return Ok(Path::Index(number));
                }
                self.next += 1;
                Ok(Path::Slice { start: Some(number), end: self.integer() })
            }
            found => {
                self.next -= 1;
                if matches!(found, Some(Kind::Symbol('?') | Kind::Sort { .. })) {
                    let reason = "a filter or an order in brackets needs a path before it, such as * after ..";
                    return Err(PathError::new(self.place(), reason));
                }
                Err(self.unexpected("an index, a slice, a name or a filter"))
            }
        }
    }

    fn integer(&mut self) -> Option<i64> {
        let Some(Kind::Integer(number)) = self.peek() else { return None };
        let number = saturated(*number);
        self.next += 1;
        Some(number)
    }

    fn sort_keys(&mut self) -> Result<Path, PathError> {
        let mut keys = Vec::new();
        while let Some(Kind::Sort { is_falling }) = self.peek() {
            let is_falling = *is_falling;
            self.next += 1;
            keys.push((self.path(Precedence::Weakest)?, is_falling));
        }
        Ok(Path::Sorted(keys))
    }

    fn any(&mut self) -> Result<Condition, PathError> {
        let mut conditions = vec![self.all()?];
        while self.peek() == Some(&Kind::Or) {
            self.next += 1;
            conditions.push(self.all()?);
        }
        Ok(single_or(conditions, Condition::Any))
    }

    /// Parses conditions that are joined by `&&` or, after a comparison, by `&`. Between two paths `&` is an
    /// intersection.
    fn all(&mut self) -> Result<Condition, PathError> {
        let mut conditions = vec![self.condition()?];
        while matches!(self.peek(), Some(Kind::And | Kind::Symbol('&'))) {
            self.next += 1;
            conditions.push(self.condition()?);
        }
        Ok(single_or(conditions, Condition::All))
    }

    /// Parses one comparison, or conditions in parentheses. Parentheses that contain only a path belong to that path.
    fn condition(&mut self) -> Result<Condition, PathError> {
        if !self.is_next('(') {
            let path = self.path(Precedence::Weakest)?;
            return self.comparison(path);
        }
        self.next += 1;
        let inside = self.deeper(Self::any)?;
        self.expect(')')?;
        match inside {
            Condition::Exists(path) => {
                let path = self.continued(path, Precedence::Weakest)?;
                self.comparison(path)
            }
            group => Ok(group),
        }
    }

    /// Parses the rest of a comparison after the path on its left side.
    fn comparison(&mut self, path: Path) -> Result<Condition, PathError> {
        let Some(Kind::Comparison(operator)) = self.peek() else { return Ok(Condition::Exists(path)) };
        let operator = *operator;
        self.next += 1;
        let at = self.place();
        let literal = match self.take() {
            Some(Kind::Name(text)) => Literal::String(text),
            Some(Kind::Integer(number)) => Literal::Integer(number),
            Some(Kind::Float(number)) => Literal::Float(number),
            Some(Kind::Boolean(value)) => Literal::Boolean(value),
            _ => {
                self.next -= 1;
                return Err(self.unexpected("a quoted text, a number, true or false"));
            }
        };
        let comparison = match operator {
            "==" | "=" => Comparison::Equal,
            "!=" => Comparison::NotEqual,
            "<" => Comparison::Less,
            "<=" => Comparison::LessOrEqual,
            ">" => Comparison::Greater,
            ">=" => Comparison::GreaterOrEqual,
            _ => match literal {
                Literal::String(pattern) => {
                    let pattern = python::regex(&pattern).map_err(|reason| PathError::new(at, reason))?;
                    return Ok(Condition::Matches(path, pattern));
                }
                _ => Comparison::MatchWithoutPattern,
            },
        };
        Ok(Condition::Compares(path, comparison, literal))
    }
}

impl From<Path> for Operand {
    /// A single name becomes a literal text, as in `jsonpath-ng`.
    fn from(path: Path) -> Self {
        match path {
            Path::Fields(mut names) if names.len() == 1 => Self::Literal(Literal::String(names.remove(0))),
            Path::AnyField => Self::Literal(Literal::String("*".to_owned())),
            path => Self::Path(path),
        }
    }
}

/// Returns the condition itself if there is only one, else all of them as a group.
fn single_or(mut conditions: Vec<Condition>, group: fn(Vec<Condition>) -> Condition) -> Condition {
    if conditions.len() == 1 { conditions.remove(0) } else { group(conditions) }
}

/// Limits an index to 64 bits. No list is that long, so the meaning stays the same.
fn saturated(number: i128) -> i64 {
    i64::try_from(number).unwrap_or(if number < 0 { i64::MIN } else { i64::MAX })
}
