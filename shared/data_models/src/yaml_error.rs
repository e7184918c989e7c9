//! Translates the errors of the YAML parser into messages for the author of a file.

use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::{Error, MessageFormatter, UserMessageFormatter};

const NESTED: &str = "lists and maps are nested too deeply";

/// Parts of the parser's messages for syntax errors, each with the message that the author gets instead.
const SYNTAX: [(&str, &str); 18] = [
    ("tab", "a tab stands where YAML allows only spaces"),
    ("simple key expected ':'", "a line is neither \"key: value\" nor a part of the value before it"),
    ("did not find expected '-' indicator", "the indentation of an entry is not that of its list or map"),
    ("did not find expected key", "the indentation of a key is not that of its map"),
    (
        "mapping values are not allowed",
        "a colon with a space after it stands inside a text; put the text in quotes, or correct the indentation",
    ),
    ("mapping keys are not allowed", "a text must not begin with a question mark and a space; put it in quotes"),
    ("block sequence entries are not allowed", "a list's entry stands on the line of its key; put it on the next line"),
    ("anchor or alias", "a text must not begin with * or &; put it in quotes"),
    ("unknown escape character", "a text in double quotes has a backslash before a character that needs none"),
    (
        "invalid indentation in multiline quoted",
        "a text in quotes does not end on its line, and the next one is not indented",
    ),
    ("unexpected end of stream", "the file ends inside a text in quotes"),
    ("illegal placement of ':'", "a list or map in brackets is not closed"),
    ("did not find expected ',' or ']'", "a list in brackets is not closed"),
    ("did not find expected ',' or '}'", "a map in braces is not closed"),
    ("surrogate", "a text has one half of a surrogate pair"),
    ("unsupported YAML major version", "the file is of a YAML version other than 1.1 and 1.2"),
    ("recursion limit exceeded", NESTED),
    ("unexpected end of file", "the file ends too early"),
];

/// Returns the reason of an error as readable text, without the position of the error.
pub(crate) fn reason(error: &Error) -> String {
    match error {
        Error::WithSnippet { error, .. } | Error::AliasError { error, .. } => reason(error),
        Error::MultipleDocuments { .. } => "the file has a second document after \"---\" or \"...\"".to_owned(),
        Error::DuplicateMappingKey { key: Some(key), .. } => format!("the key {key:?} is given twice in one map"),
        Error::DuplicateMappingKey { .. } => "a key is given twice in one map".to_owned(),
        Error::UnknownAnchor { .. } => {
            "an alias names an anchor that is not there; a text that begins with * needs quotes".to_owned()
        }
        Error::RecursiveReferencesRequireWeakTypes { .. } => "an alias stands inside its own anchor".to_owned(),
        Error::MergeValueNotMapOrSeqOfMaps { .. } => "the value of << is neither a map nor a list of maps".to_owned(),
        Error::UnsupportedTag { tag, .. } => format!("the tag {tag} is not known, or does not fit its value"),
        Error::InvalidScalar { .. } => "a value is not of the type that its tag names".to_owned(),
        Error::InvalidBinaryBase64 { .. } | Error::BinaryNotUtf8 { .. } => "a !!binary value is no text".to_owned(),
        Error::NonFiniteFloat { value, .. } => format!("{value} is no finite number; put it in quotes if it is a text"),
        Error::Budget { breach: BudgetBreach::Depth { .. }, .. } => NESTED.to_owned(),
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => {
            "the file has too many values, or its aliases make too many of them".to_owned()
        }
        Error::SerdeMissingField { field, .. } => format!("{field} is missing"),
        Error::SerdeUnknownField { field, expected, .. } => {
            format!("{field:?} is no field here; the fields are {}", expected.join(", "))
        }
        Error::SerdeInvalidType { unexpected, expected, .. } => format!("{unexpected} is given in place of {expected}"),
        other => syntax(&UserMessageFormatter.format_message(other)),
    }
}

/// Returns the reason of a syntax error as readable text.
fn syntax(message: &str) -> String {
    if let Some(character) = message.strip_prefix("unexpected character: `").and_then(|rest| rest.strip_suffix('\'')) {
        return format!("the character {character} must not stand here; put the text in quotes");
    }
    let known = SYNTAX.iter().find(|(part, _)| message.contains(part));
    known.map_or_else(|| message.to_owned(), |(_, reason)| (*reason).to_owned())
}

#[cfg(test)]
mod tests {
    use crate::yaml::parse;

    /// Returns the line and the reason of the error in a text that is not valid YAML.
    fn fault(text: &str) -> (u64, String) {
        let (line, reason) = parse(text).unwrap_err();
        (line.unwrap(), reason)
    }

    #[test]
    fn each_fault_has_its_line_and_a_plain_reason() {
        let bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\n".to_owned()
            + &('b'..='h')
                .map(|name| {
                    format!("{name}: &{name} [{}]\n", vec![format!("*{}", char::from(name as u8 - 1)); 10].join(","))
                })
                .collect::<String>();
        let nested = format!("a: 1\nb: {}{}\n", "[".repeat(100), "]".repeat(100));
        let deep = format!("a: 1\nb: {}{}\n", "[".repeat(3000), "]".repeat(3000));
        let mut different = Vec::new();
        for (text, line, part) in [
            ("a: 1\n---\nb: 1\n", 3, "the file has a second document"),
            ("a: 1\nb: 1\na: 2\n", 3, "the key \"a\" is given twice in one map"),
            ("a: 1\nb: *x\n", 2, "an alias names an anchor that is not there"),
            ("a: 1\nb: *\n", 2, "a text must not begin with *"),
            ("a: 1\nb: &x [*x]\n", 2, "an alias stands inside its own anchor"),
            ("a: 1\n<<: 5\n", 2, "the value of << is neither a map"),
            ("a: 1\nb: !foo c\n", 2, "the tag !foo is not known"),
            ("a: 1\nb: !!python/object:os.system c\n", 2, "is not known, or does not fit its value"),
            ("a: 1\nb: !!map [c]\n", 2, "does not fit its value"),
            ("a: 1\nb: !!int c\n", 2, "not of the type that its tag names"),
            ("a: 1\nb: .inf\n", 2, ".inf is no finite number"),
            ("a: 1\nb: !!binary '%'\n", 2, "a !!binary value is no text"),
            ("a: 1\nb: @c\n", 2, "the character @ must not stand here; put the text in quotes"),
            ("a: 1\nb: c: d\n", 2, "a colon with a space after it stands inside a text"),
            ("a: 1\nb\n", 2, "neither \"key: value\" nor"),
            ("a:\n  b: 1\n\tc: 2\n", 2, "a tab stands where"),
            ("a:\n- b: 1\n c: 1\n", 3, "the indentation of"),
            ("a: 1\nb: \"c\nd: 1\n", 3, "does not end on its line"),
            ("a: 1\nb: \"\\q\"\n", 2, "a backslash before a character"),
            ("a: 1\nb: [c\nd: 1\n", 3, "a list or map in brackets is not closed"),
            ("%YAML 3.0\n---\na: 1\n", 1, "a YAML version other than"),
            (&bomb, 6, "too many values"),
            (&nested, 2, "nested too deeply"),
            (&deep, 2, "nested too deeply"),
        ] {
            let (at, reason) = fault(text);
            if !reason.contains(part) || at != line {
                different.push(format!("{text:.60}: {at}: {reason}"));
            }
        }
        assert!(different.is_empty(), "{}", different.join("\n"));
    }

    #[test]
    fn no_reason_mentions_the_yaml_library() {
        let texts = [
            "a: 1\n---\n",
            "a: 1\na: 1\n",
            "a: .nan\n",
            "[",
            "a: [1, 2\n",
            "\"",
            "'",
            "? a\n: b: c\n",
            "!!int x",
            "{a: b",
            "- - a\n -",
        ];
        for (_, reason) in texts.iter().filter_map(|text| parse(text).err()) {
            for word in ["Policy", "Options", "from_str", "deserialize", "budget", "at line", "Some(", "{ "] {
                assert!(!reason.contains(word), "{reason}");
            }
        }
    }
}
