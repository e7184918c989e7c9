//! Tokens to a compiled path.
//!
//! The reference's grammar is a table of precedences. From weak to strong: brackets, arithmetic, `..`, `.`, `|`, `&`,
//! `where`. So `a.b[0]` is `(a.b)[0]`, `a..b.c` is `a..(b.c)`, and `$.a | $.b` is `$.(a | $).b`.

use super::ast::{Comparison, Condition, Literal, Operand, Operator, Path};
use super::error::PathError;
use super::lexer::{Kind, Token, tokens};
use super::{named, python};

/// The longest path, in bytes.
const MAX_PATH_BYTES: usize = 4096;
/// The most tokens of a path.
const MAX_TOKENS: usize = 512;
/// The deepest nesting of parentheses, brackets and right-hand sides.
const MAX_DEPTH: usize = 32;

/// The strength with which an operator binds its sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Strength {
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
    let path = parser.path(Strength::Weakest)?;
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

    /// Runs a rule one level deeper.
    fn deeper<T>(&mut self, rule: impl FnOnce(&mut Self) -> Result<T, PathError>) -> Result<T, PathError> {
        if self.depth == MAX_DEPTH {
            return Err(PathError::new(self.place(), format!("the path is nested deeper than {MAX_DEPTH} levels")));
        }
        self.depth += 1;
        let result = rule(self);
        self.depth -= 1;
        result
    }

    /// A path of operators that bind more strongly than `least`, or, for the weakest, any path.
    fn path(&mut self, least: Strength) -> Result<Path, PathError> {
        self.deeper(|parser| {
            let first = parser.first()?;
            parser.continued(first, least)
        })
    }

    fn continued(&mut self, first: Path, least: Strength) -> Result<Path, PathError> {
        let mut path = first;
        loop {
            let strength = match self.peek() {
                Some(Kind::Symbol('[')) if least == Strength::Weakest => {
                    path = self.bracket(path)?;
                    continue;
                }
                Some(Kind::Symbol('+' | '-' | '*')) if least == Strength::Weakest => {
                    path = self.operation(Operand::from(path))?;
                    continue;
                }
                Some(Kind::DoubleDot) => Strength::Descendants,
                Some(Kind::Symbol('.')) => Strength::Child,
                Some(Kind::Symbol('|')) => Strength::Union,
                Some(Kind::Symbol('&')) => Strength::Intersection,
                Some(Kind::Where) => Strength::Where,
                _ => return Ok(path),
            };
            if strength <= least {
                return Ok(path);
            }
            self.next += 1;
            let (left, right) = (Box::new(path), Box::new(self.path(strength)?));
            path = match strength {
                Strength::Descendants => Path::Descendants(left, right),
                Strength::Child => Path::Child(left, right),
                Strength::Union => Path::Union(left, right),
                Strength::Where => Path::Where(left, right),
                _ => Path::Intersection,
            };
        }
    }

    /// A path without operators at its end.
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
                let path = self.path(Strength::Weakest)?;
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

    /// A number, which must be the left side of an operation.
    fn number(&mut self, number: Literal) -> Result<Path, PathError> {
        if !matches!(self.peek(), Some(Kind::Symbol('+' | '-' | '*'))) {
            self.next -= 1;
            return Err(self.unexpected("a name, $ or ["));
        }
        self.operation(Operand::Literal(number))
    }

    /// One or more names with commas in between, the first of which is read. A quoted `*` is any name as well.
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

    /// The rest of an operation after its left side.
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
            None => Operand::from(self.path(Strength::Weakest)?),
        };
        Ok(Path::Arithmetic { left: Box::new(left), operator, right: Box::new(right) })
    }

    /// A bracket after a path.
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

    /// An index, a slice, `*` or names.
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
            keys.push((self.path(Strength::Weakest)?, is_falling));
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

    /// Conditions joined by `&&`, or by `&` after a comparison: between two paths `&` is an intersection.
    fn all(&mut self) -> Result<Condition, PathError> {
        let mut conditions = vec![self.condition()?];
        while matches!(self.peek(), Some(Kind::And | Kind::Symbol('&'))) {
            self.next += 1;
            conditions.push(self.condition()?);
        }
        Ok(single_or(conditions, Condition::All))
    }

    /// One comparison, or conditions in parentheses. Parentheses around a path alone belong to the path.
    fn condition(&mut self) -> Result<Condition, PathError> {
        if !self.is_next('(') {
            let path = self.path(Strength::Weakest)?;
            return self.comparison(path);
        }
        self.next += 1;
        let inside = self.deeper(Self::any)?;
        self.expect(')')?;
        match inside {
            Condition::Exists(path) => {
                let path = self.continued(path, Strength::Weakest)?;
                self.comparison(path)
            }
            group => Ok(group),
        }
    }

    /// The rest of a comparison after its path.
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
                _ => Comparison::MatchesNoPattern,
            },
        };
        Ok(Condition::Compares(path, comparison, literal))
    }
}

impl From<Path> for Operand {
    /// A single bare name is the text of the name, as in the reference.
    fn from(path: Path) -> Self {
        match path {
            Path::Fields(mut names) if names.len() == 1 => Self::Literal(Literal::String(names.remove(0))),
            Path::AnyField => Self::Literal(Literal::String("*".to_owned())),
            path => Self::Path(path),
        }
    }
}

/// The one condition, or all of them in a group.
fn single_or(mut conditions: Vec<Condition>, group: fn(Vec<Condition>) -> Condition) -> Condition {
    if conditions.len() == 1 { conditions.remove(0) } else { group(conditions) }
}

/// A number of an index, which no list reaches beyond 64 bits.
fn saturated(number: i128) -> i64 {
    i64::try_from(number).unwrap_or(if number < 0 { i64::MIN } else { i64::MAX })
}
