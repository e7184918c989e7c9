//! A parser of CloudFormation's YAML into JSON: `!Name x` becomes `{"Fn::Name": x}`, and every scalar a text.

use granit_parser::{Event, Parser, Tag};
use serde_json::{Map, Value, json};

/// Parses the one document in `text`.
pub(crate) fn parse(text: &str) -> Value {
    let events = Parser::new_from_str(text).map(|next| next.unwrap_or_else(|error| panic!("{error}")).0);
    let mut open: Vec<(Value, String)> = Vec::new();
    let mut document = Value::Null;
    let mut key: Vec<Option<String>> = Vec::new();
    for event in events {
        let done = match event {
            Event::Scalar(scalar, _, _, tag) => tagged(json!(scalar), &function(tag.as_deref())),
            Event::SequenceStart(_, _, tag) => {
                open.push((json!([]), function(tag.as_deref())));
                key.push(None);
                continue;
            }
            Event::MappingStart(_, _, tag) => {
                open.push((json!({}), function(tag.as_deref())));
                key.push(None);
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                key.pop();
                let Some((value, function)) = open.pop() else { panic!("an end without its start") };
                tagged(value, &function)
            }
            _ => continue,
        };
        match open.last_mut() {
            Some((Value::Array(values), _)) => values.push(done),
            Some((Value::Object(fields), _)) => put(fields, key.last_mut(), done),
            _ => document = done,
        }
    }
    document
}

/// Adds a key, or the value of the last added key.
fn put(fields: &mut Map<String, Value>, key: Option<&mut Option<String>>, value: Value) {
    let Some(key) = key else { panic!("no place for {value}") };
    match key.take() {
        Some(name) => assert!(fields.insert(name.clone(), value).is_none(), "{name} is given twice"),
        None => *key = value.as_str().map(str::to_owned),
    }
}

/// Returns the name of the function that a tag means; empty if it means none.
fn function(tag: Option<&Tag>) -> String {
    match tag.map(Tag::suffix) {
        None => String::new(),
        Some(name @ ("Ref" | "Condition")) => name.to_owned(),
        Some(name) => format!("Fn::{name}"),
    }
}

fn tagged(value: Value, function: &str) -> Value {
    if function.is_empty() { value } else { json!({ function: value }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_become_functions() {
        let text = "a: !Sub ${B}*\nb:\n  - !If [C, !Ref D, 1]\n  - Fn::If: [E, { f: g }, !GetAtt h.i] # a comment\n";
        let expected = json!({
            "a": {"Fn::Sub": "${B}*"},
            "b": [{"Fn::If": ["C", {"Ref": "D"}, "1"]}, {"Fn::If": ["E", {"f": "g"}, {"Fn::GetAtt": "h.i"}]}],
        });
        assert_eq!(parse(text), expected);
    }
}
