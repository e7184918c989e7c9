//! A compiled path.

use fancy_regex::Regex;

/// A path, or a part of one.
#[derive(Debug, Clone)]
pub(super) enum Path {
    /// `$`
    Root,
    /// `@` and `` `this` ``
    This,
    /// `` `parent` ``
    Parent,
    /// One or more names.
    Fields(Vec<String>),
    /// `*`, also in a list of names.
    AnyField,
    /// `[n]`
    Index(i64),
    /// `[a:b]` and `[*]`
    Slice { start: Option<i64>, end: Option<i64> },
    /// `left.right`
    Child(Box<Path>, Box<Path>),
    /// `left..right`
    Descendants(Box<Path>, Box<Path>),
    /// `left|right`
    Union(Box<Path>, Box<Path>),
    /// `left&right`, which the reference reads and never evaluates.
    Intersection,
    /// `left where right`
    Where(Box<Path>, Box<Path>),
    /// `[?(…)]`
    Filter(Box<Condition>),
    /// `[/name]` and `[\name]`: the keys and whether each is in falling order. `` `sorted` `` has no keys.
    Sorted(Vec<(Path, bool)>),
    /// `` `len` ``
    Length,
    /// `` `sub(/pattern/, replacement)` ``
    Substitute { pattern: Regex, replacement: Vec<Piece> },
    /// `` `split(c, segment, max)` ``
    Split { separator: char, segment: usize, max_splits: Option<usize> },
    /// `` `str()` ``
    Text,
    /// `left + right` and the like.
    Arithmetic { left: Box<Operand>, operator: Operator, right: Box<Operand> },
}

/// A piece of a replacement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// Text that stands as it is.
    Text(String),
    /// The text that a group of the pattern matched.
    Group(usize),
}

/// A side of an arithmetic operation.
#[derive(Debug, Clone)]
pub(super) enum Operand {
    Path(Path),
    Literal(Literal),
}

/// An arithmetic operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
}

/// A value that stands in a path.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Literal {
    Integer(i128),
    Float(f64),
    Boolean(bool),
    String(String),
}

/// The condition of a filter on an element.
#[derive(Debug, Clone)]
pub(super) enum Condition {
    /// The path finds something.
    Exists(Path),
    /// A value that the path finds compares to the literal.
    Compares(Path, Comparison, Literal),
    /// A text that the path finds matches the pattern.
    Matches(Path, Regex),
    /// All of them.
    All(Vec<Condition>),
    /// One of them.
    Any(Vec<Condition>),
}

/// A comparison operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    /// `=~` with a value that is no pattern, which the reference reads and never evaluates.
    MatchesNoPattern,
}

impl Path {
    pub(super) fn child(left: Self, right: Self) -> Self {
        Self::Child(Box::new(left), Box::new(right))
    }

    /// Appends the names that the path goes through, and returns `true`, if it consists of names only.
    pub(super) fn collect_names(&self, names: &mut Vec<Box<str>>) -> bool {
        match self {
            Self::Root | Self::This => names.is_empty(),
            Self::Fields(fields) => match fields.as_slice() {
                [name] => {
                    names.push(name.as_str().into());
                    true
                }
                _ => false,
            },
            Self::Child(left, right) => left.collect_names(names) && right.collect_names(names),
            _ => false,
        }
    }
}
