//! The syntax tree of a compiled path.

use fancy_regex::Regex;

/// A path, or a part of one.
#[derive(Debug, Clone)]
pub(super) enum Path {
    /// `$`: the whole event.
    Root,
    /// `@` and `` `this` ``: the current value.
    This,
    /// `` `parent` ``: the value that contains the current one.
    Parent,
    /// Members with these names: `name` or `'a', 'b'`.
    Fields(Vec<String>),
    /// All members: `*`, alone or among other names.
    AnyField,
    /// `[n]`: the element of a list at this index.
    Index(i64),
    /// `[start:end]`: a range of a list's elements. `[*]` is the range without bounds.
    Slice { start: Option<i64>, end: Option<i64> },
    /// `left.right`: `right` is applied to each value that `left` finds.
    Child(Box<Path>, Box<Path>),
    /// `left..right`: `right` is applied to each value that `left` finds, and to all values nested in it.
    Descendants(Box<Path>, Box<Path>),
    /// `left|right`: the values that `left` finds, followed by those that `right` finds.
    Union(Box<Path>, Box<Path>),
    /// `left & right`. `jsonpath-ng` parses it but cannot evaluate it.
    Intersection,
    /// `left where right`: the values of `left` in which `right` finds something.
    Where(Box<Path>, Box<Path>),
    /// `[?(…)]`: the elements for which the condition holds.
    Filter(Box<Condition>),
    /// `[/path]` and `[\path]`: the keys to sort by, each with `true` for descending order. `` `sorted` `` has no keys.
    Sorted(Vec<(Path, bool)>),
    /// `` `len` ``: the length of a list, an object or a text.
    Length,
    /// `` `sub(/pattern/, replacement)` ``: replaces each match of the pattern in a text.
    Substitute { pattern: Regex, replacement: Vec<Piece> },
    /// `` `split(c, segment, max)` ``: splits a text at the character `c` and takes the part with the index `segment`.
    Split { separator: char, segment: usize, max_splits: Option<usize> },
    /// `` `str()` ``: converts a value to text as Python's `str` does.
    Text,
    /// `left + right`, `left - right` or `left * right`.
    Arithmetic { left: Box<Operand>, operator: Operator, right: Box<Operand> },
}

/// A piece of the replacement in `` `sub(…)` ``.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// Literal text.
    Text(String),
    /// The text that a group of the pattern matched.
    Group(usize),
}

/// One side of an arithmetic operation.
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

/// A literal value in a path.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Literal {
    Integer(i128),
    Float(f64),
    Boolean(bool),
    String(String),
}

/// The condition that a filter tests on an element.
#[derive(Debug, Clone)]
pub(super) enum Condition {
    /// The path finds at least one value.
    Exists(Path),
    /// Any value that the path finds compares to the literal in this way.
    Compares(Path, Comparison, Literal),
    /// Any text that the path finds matches the pattern.
    Matches(Path, Regex),
    /// All conditions are true.
    All(Vec<Condition>),
    /// At least one condition is true.
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
    /// `=~` with a literal that is not a text. `jsonpath-ng` parses it but cannot evaluate it.
    MatchWithoutPattern,
}

impl Path {
    pub(super) fn child(left: Self, right: Self) -> Self {
        Self::Child(Box::new(left), Box::new(right))
    }

    /// Returns `true` and appends the path's names if the path consists of names only.
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
