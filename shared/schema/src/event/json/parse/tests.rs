use super::*;

fn check(text: &str, ok: bool) {
    assert_eq!(parse(text.as_bytes()).is_ok(), ok, "{text}");
    assert_eq!(serde_json::from_str::<serde_json::Value>(text).is_ok(), ok, "serde_json, {text}");
}

#[test]
fn text_that_the_rfc_allows_is_parsed() {
    for text in [
        "{}",
        " [ ] ",
        "null",
        "-0",
        "0.5e-3",
        "1E+9",
        "\"\"",
        "\"\\u0041\\n\\/\"",
        "{\"a\":[1,{\"b\":null}]}",
        "\"\u{2028}\u{7f}\"",
        "{\"a\":1,\"a\":2}",
        "[[],{}]",
        "\"\\ud83d\\ude00\"",
        "\"123456789012345\"",
    ] {
        check(text, true);
    }
}

#[test]
fn text_that_the_rfc_forbids_is_refused() {
    for text in [
        "",
        " ",
        "{",
        "[",
        "[1,]",
        "{\"a\":1,}",
        "{a:1}",
        "{\"a\"}",
        "01",
        "1.",
        ".5",
        "+1",
        "1e",
        "-",
        "nul",
        "nulL",
        "\"\t\"",
        "\"a\nbcdefghij\"",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\"\\u12",
        "\"abc",
        "[1 2]",
        "{} {}",
        "'a'",
        "NaN",
        "]",
        "{\"a\":}",
        "{\"a\" 1}",
        "{1:2}",
    ] {
        check(text, false);
    }
}

#[test]
fn values_nested_too_deeply_are_refused() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(parse(nested(MAX_DEPTH).as_bytes()).is_ok());
    assert_eq!(parse(nested(MAX_DEPTH + 1).as_bytes()).err(), Some(SyntaxError::TooDeep));
    assert_eq!(parse("[".repeat(1_000_000).as_bytes()).err(), Some(SyntaxError::TooDeep));
}

#[test]
fn bytes_that_are_not_utf8_are_refused() {
    assert_eq!(parse(b"\"a\xff\"").err(), Some(SyntaxError::NotUtf8(2)));
}

#[test]
fn every_special_byte_is_found_at_every_place() {
    for at in 0..20 {
        for byte in 0..=127_u8 {
            let mut text = vec![b'a'; 20];
            text[at] = byte;
            let special = matches!(byte, b'"' | b'\\' | 0..=0x1f);
            assert_eq!(find_special_byte(&text, 0), if special { at } else { 20 }, "byte {byte} at {at}");
        }
    }
}

#[test]
fn members_are_sorted_and_the_last_of_equal_keys_counts() -> Result<(), SyntaxError> {
    let document = parse(br#"{"b":1,"abcdefghij":2,"\u0061bcdefghii":3,"b":4,"":5}"#)?;
    let keys: Vec<_> = document.distinct_members(0).map(|member| document.name(&member)).collect();
    assert_eq!(keys, ["", "abcdefghii", "abcdefghij", "b"]);
    assert_eq!(document.get(0, "b").map(|id| document.raw(id)), Some("4"));
    assert_eq!(document.members(0).len(), 5);
    assert_eq!(document.get(0, "c"), None);
    Ok(())
}
