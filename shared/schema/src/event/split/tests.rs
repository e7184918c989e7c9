//! Tests of valid and broken arrays.

use super::*;

fn split(pieces: &[&[u8]], max_element_bytes: usize) -> Result<Vec<String>, SplitError> {
    let mut elements = Vec::new();
    let mut splitter = ArraySplitter::new(max_element_bytes);
    for piece in pieces {
        splitter.push(piece, |element| elements.push(String::from_utf8_lossy(element).into_owned()))?;
    }
    splitter.finish(|element| elements.push(String::from_utf8_lossy(element).into_owned()))?;
    Ok(elements)
}

/// Checks the elements of a text that arrives as a whole, byte by byte, and in two pieces with every possible cut.
fn check(text: &str, expected: &[&str]) {
    let bytes = text.as_bytes();
    assert_eq!(
        split(&[bytes], 1000).as_deref(),
        Ok(expected.iter().map(|element| (*element).to_owned()).collect::<Vec<_>>().as_slice()),
        "{text}"
    );
    assert_eq!(split(&bytes.chunks(1).collect::<Vec<_>>(), 1000).unwrap(), expected, "{text}");
    for at in 0..bytes.len() {
        assert_eq!(split(&[&bytes[..at], &bytes[at..]], 1000).unwrap(), expected, "{text} cut at {at}");
    }
}

#[test]
fn elements_are_the_same_wherever_the_input_is_cut() {
    check("[]", &[]);
    check("\u{feff} \n[ \t] \r\n", &[]);
    check("[1\x0c ,2\t\r\n]", &["1\x0c", "2"]);
    check("[1, \"a\" ,null]", &["1", "\"a\"", "null"]);
    check(r#"[{"a":"]},\"\\"},[[{}],"\\\\"]]"#, &[r#"{"a":"]},\"\\"}"#, r#"[[{}],"\\\\"]"#]);
    check("[{\"é\":\"\\u00e9\u{1f600}\"} , {}\n]", &["{\"é\":\"\\u00e9\u{1f600}\"}", "{}"]);
}

#[test]
fn a8_an_element_without_its_end_does_not_affect_others() {
    let next = r#"{"Id":"3"}"#;
    for broken in [
        r#"{"Id":"2""#,
        r#"{"Id":"2","b":{"c":1}"#,
        r#"{"Id":"2","b":{"c":1"#,
        r#"{"Id":"2","b":[{"c":1},{"d":[2]}]"#,
        "{\"Id\":\"2\",\"b\":\"},{\"",
        r#"{"Id":"2","b":"x}"#,
        r#"{"Id":"2","b":{"c":"x}}"#,
        r#"{"Id":"2","b":[1,2}"#,
        r#"{"Id":"2","b":[{"c":1,{"d":2}]}"#,
        r#"{"Id"2}"#,
        "{",
    ] {
        check(&format!(r#"[{{"Id":"1"}},{broken},{next}]"#), &[r#"{"Id":"1"}"#, broken, next]);
        // The first record of an array can only be recognised by its first name, which must be complete.
        if broken.contains("\"Id\":") {
            check(&format!("[{broken}\n ,\n  {next}, 4]"), &[broken, next, "4"]);
        }
    }
    // Two broken records in a row, and a broken record at the end.
    check(r#"[{"a":1,{"a":2,{"a":3}]"#, &[r#"{"a":1,{"a":2"#, r#"{"a":3}"#]);
    check(r#"[{"a":1},{"a":2]"#, &[r#"{"a":1}"#, r#"{"a":2"#]);
    // The string of the first record has no end, and the next record is on another line.
    check("[{\"a\":\"x},\n{ \"a\":1}]", &["{\"a\":\"x}", "{ \"a\":1}"]);
}

#[test]
fn a8_a_brace_in_an_open_array_or_string_does_not_begin_a_record() {
    // A brace in an array that is not closed may begin an object of that array, so no record is found.
    let text = r#"[{"a":[{"b":1},{"Id":"2"}]"#;
    assert!(split(&[text.as_bytes()], 100).is_err(), "{text}");
    for broken in [r#"{"a":[{"b":"x},{"Id":"2"}"#, r#"{"a":"x,{"Id":"2"}"#] {
        check(&format!("[{broken}]"), &[broken]);
    }
    // Strings may contain text that looks like the beginning of a record.
    check(r#"[{"a":"},{","b":"x},{"},{"c":",{"}]"#, &[r#"{"a":"},{","b":"x},{"}"#, r#"{"c":",{"}"#]);
}

#[test]
fn a8_mismatched_brackets_affect_only_their_record() {
    let (first, next) = (r#"{"Id":"1","Actor":[{"ID":"a"}]}"#, r#"{"Id":"3","Actor":[]}"#);
    for broken in [
        // A surplus bracket or brace inside of the record.
        r#"{"Id":"2","Actor":[{"ID":"a"}]],"b":1}"#,
        r#"{"Id":"2","Actor":[{"ID":"a"}}],"b":1}"#,
        r#"{"Id":"2","c":{"d":1}},"b":1}"#,
        r#"{"Id":"2","c":[[1,2],"b":1}"#,
        r#"{"Id":"2","c":{{"d":1},"b":1}"#,
        // An opening bracket or brace is missing.
        r#"{"Id":"2",{"ID":"a","Type":0},{"ID":"b","Type":1}],"b":1}"#,
        r#"{"Id":"2","Actor":{"ID":"a"},{"ID":"b"}],"b":1}"#,
        r#"{"Id":"2","Actor":["ID":"a"},{"ID":"b"}],"b":1}"#,
        r#""Id":"2","b":1}"#,
        // The record is cut inside of a string or a name, after a comma or a colon, or in an array.
        r#"{"Id":"2","b":"x"#,
        r#"{"Id":"2","b":"x\\"#,
        r#"{"Id":"2","b":"x\u00"#,
        r#"{"Id":"2","bb"#,
        r#"{"Id":"2","b":"#,
        r#"{"Id":"2","b":1,"#,
        r#"{"Id":"2","b":[1,"x"#,
        r#"{"Id":"2","Actor":[{"ID":"a","Type":"x"#,
        // A quotation mark is missing, or a string has a control character.
        r#"{"Id":2","b":1}"#,
        "{\"Id\":\"2\n\",\"b\":1}",
    ] {
        check(&format!("[{first},{broken},{next},{first}]"), &[first, broken, next, first]);
        check(&format!("[{first}\n,\n{broken}\n,\n{next}\n]"), &[first, broken, next]);
        check(&format!("[{first},{next},{broken},{next}]"), &[first, next, broken, next]);
    }
    // Before the first complete record, only the first name of the broken record itself is known.
    for broken in [r#"{"Id":"2",{"ID":"a"},{"ID":"b"}],"b":1}"#, r#"{"Id":"2","b":"x"#, r#"{"Id":"2","b":[1]]}"#] {
        check(&format!("[{broken},{next},{first}]"), &[broken, next, first]);
    }
}

#[test]
fn a8_surplus_text_between_records_affects_no_record() {
    let (one, two, three) = (r#"{"Id":"1"}"#, r#"{"Id":"2","b":[]}"#, r#"{"Id":"3"}"#);
    for surplus in ["]", "}", "}}", "}]"] {
        check(&format!("[{one}, {two}{surplus} ,{three}]"), &[one, two, surplus, three]);
        check(&format!("[{one}{surplus},\n{two},{three}]"), &[one, surplus, two, three]);
    }
    for surplus in ["}", "}}", "]"] {
        check(&format!("[{one},{two}{surplus}]"), &[one, two, surplus]);
    }
    check(&format!("[{one}],[{two},{three},{one}]"), &[one, "],[", two, three, one]);
    // A comma is missing or surplus.
    check(&format!("[{one} {two},{three}]"), &[one, "", two, three]);
    check(&format!("[{one},,{two},{three}]"), &[one, "", two, three]);
    check(&format!("[{one},{two},]"), &[one, two, ""]);
}

#[test]
fn a8_records_after_a_cut_array_are_distinguished_from_its_elements() {
    let (one, cut) = (r#"{"Id":"1","m":[{"n":0}]}"#, r#"{"Id":"2","m":[{"n":1}"#);
    let (three, four) = (r#"{"Id":"3","m":[]}"#, r#"{"Id":"4","m":[{"n":2},{"n":3}]}"#);
    check(&format!("[{one},{cut},{three},{four}]"), &[one, cut, three, four]);
    // Objects inside of these records begin with the same name as the records, so other names must decide.
    let (one, cut) = (r#"{"Id":"1","T":1,"m":[{"Id":0}]}"#, r#"{"Id":"2","T":2,"m":[{"Id":1},{"Id":5}"#);
    let (three, four) = (r#"{"Id":"3","T":3,"m":[]}"#, r#"{"Id":"4","T":4,"m":[{"Id":2},{"Id":3}]}"#);
    check(&format!("[{one},{cut},{three},{four}]"), &[one, cut, three, four]);
    let lost = r#"{"Id":"2","T":2,{"Id":1},{"Id":5}],"x":1}"#;
    check(&format!("[{one},{lost},{three},{four}]"), &[one, lost, three, four]);
}

/// Returns the elements up to the end or the first error, and `true` if there was no error.
fn outcome(pieces: &[&[u8]], max_element_bytes: usize) -> (Vec<Vec<u8>>, bool) {
    let (mut elements, mut splitter) = (Vec::new(), ArraySplitter::new(max_element_bytes));
    let is_split = pieces.iter().all(|piece| splitter.push(piece, |element| elements.push(element.to_vec())).is_ok());
    let is_split = is_split && splitter.finish(|element| elements.push(element.to_vec())).is_ok();
    (elements, is_split)
}

#[test]
fn a8_broken_input_never_counts_as_valid_and_cuts_make_no_difference() {
    const PARTS: [&str; 16] =
        ["{", "}", "[", "]", ",", ":", "\"", "\\", " ", "\n", "a", "1", "{\"a\":1}", ",{\"a\":", "},{\"", "\"a\":"];
    // A linear congruential generator makes the same inputs in every run.
    let mut state = 7_u64;
    let mut random = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    for _ in 0..40_000 {
        let parts = (0..random(14)).map(|_| PARTS[random(PARTS.len() as u64) as usize]);
        let text = format!("[{}]", parts.collect::<String>());
        let bytes = text.as_bytes();
        let (elements, is_split) = outcome(&[bytes], bytes.len());
        let are_valid = elements.iter().all(|element| serde_json::from_slice::<serde::de::IgnoredAny>(element).is_ok());
        let is_array = serde_json::from_slice::<Vec<serde::de::IgnoredAny>>(bytes).is_ok();
        assert_eq!(is_split && are_valid, is_array, "{text}");
        let (cut, bound) = (random(bytes.len() as u64) as usize, random(12) as usize);
        for max_element_bytes in [bytes.len(), bound] {
            let whole = outcome(&[bytes], max_element_bytes);
            assert_eq!(
                outcome(&[&bytes[..cut], &bytes[cut..]], max_element_bytes),
                whole,
                "{text} cut at {cut}, {max_element_bytes}"
            );
            assert_eq!(
                outcome(&bytes.chunks(1).collect::<Vec<_>>(), max_element_bytes),
                whole,
                "{text} by bytes, {max_element_bytes}"
            );
            assert!(whole.0.iter().all(|element| element.len() <= max_element_bytes), "{text}");
        }
    }
}

#[test]
fn input_without_a_closed_array_is_refused() {
    for text in
        ["", " ", "\u{feff}", "{}", "null", "[", "[1", "[1,", "[\"a", "[{", "[1] x", "[{\"a\":[1]", "[}", "[1]]x"]
    {
        assert!(split(&[text.as_bytes()], 100).is_err(), "{text}");
        assert!(split(&text.as_bytes().chunks(1).collect::<Vec<_>>(), 100).is_err(), "{text}");
    }
    assert!(split(&[b"\xef\xbb[]"], 100).is_err());
    assert!(split(&[b" \xef\xbb\xbf[]"], 100).is_err());
}

#[test]
fn a8_broken_text_is_emitted_as_an_element() {
    for (text, elements) in [
        ("[1,]", &["1,"][..]),
        ("[,1]", &[",1"]),
        ("[\"a]", &["\"a"]),
        ("[}]", &["}"]),
        ("[1]]", &["1", "]"]),
        ("[][]", &["]", "["]),
    ] {
        check(text, elements);
    }
}

#[test]
fn an_element_over_the_limit_is_refused() {
    assert_eq!(split(&[b"[12345]"], 5).unwrap(), ["12345"]);
    for pieces in [&[b"[123456]".as_slice()][..], &[b"[123".as_slice(), b"456"], &[b"[\"".as_slice(), b"aaaaaaaa"]] {
        assert_eq!(split(pieces, 5).unwrap_err().0, "an element is longer than 5 bytes");
    }
}

/// Returns records as Microsoft sends them. Objects inside of some records begin with the name `Id`.
fn records() -> Vec<String> {
    let record = |at: usize| {
        let inner = match at % 3 {
            0 => r#""Actor":[{"ID":"a@example.org","Type":5},{"ID":"x","Type":2}]"#,
            1 => r#""Folders":[{"Id":"f","Path":"\\\\Inbox"},{"Id":"g","Path":"a,{\"Id\":1}"}],"Size":7"#,
            _ => r#""Data":"{\"a\":[{\"Id\":\"x\"},{\"Id\":\"y\"}]}","Tags":[],"Item":{"Id":"i","N":[1,{"a":null}]}"#,
        };
        format!(
            r#"{{"CreationTime":"2026-08-21T08:44:0{at}","Id":"{at}","Operation":"o","OrganizationId":"g","RecordType":{at},"UserType":0,{inner},"End":true}}"#
        )
    };
    (0..8).map(record).collect()
}

/// Breaks one record at each place in turn. Checks that all other records are emitted, and that no valid element has
/// parts of two records. A part of the broken record may be a valid element.
fn check_broken(at: usize, break_it: impl Fn(&str, usize) -> String) {
    let records = records();
    for place in 0..=records[at].len() {
        let broken = break_it(&records[at], place);
        let parts: Vec<&str> =
            records.iter().enumerate().map(|(of, element)| if of == at { &*broken } else { &**element }).collect();
        let text = format!("[{}]", parts.join(","));
        // A cut at the end of the last record may also remove the end of the array.
        let Ok(elements) = split(&[text.as_bytes()], 10_000) else {
            assert_eq!(at + 1, records.len(), "{text}");
            continue;
        };
        assert_eq!(elements, split(&text.as_bytes().chunks(1).collect::<Vec<_>>(), 10_000).unwrap(), "{text}");
        for (of, record) in records.iter().enumerate().filter(|(of, _)| *of != at) {
            assert!(elements.contains(record), "record {of} of {text}: {elements:#?}");
        }
        for element in elements.iter().filter(|element| serde_json::from_str::<serde::de::IgnoredAny>(element).is_ok())
        {
            assert!(records.contains(element) || broken.trim().starts_with(&**element), "{element} in {text}");
        }
    }
}

#[test]
fn a8_a_record_cut_anywhere_does_not_affect_others() {
    (0..8).for_each(|at| check_broken(at, |record, place| record[..place].to_owned()));
}

#[test]
fn a8_a_surplus_character_affects_only_its_record() {
    for sign in ["]", "}", "[", "{", "\"", "\n", "\0", ",", ":", "\\"] {
        (0..8)
            .for_each(|at| check_broken(at, |record, place| format!("{}{sign}{}", &record[..place], &record[place..])));
    }
}

#[test]
fn a8_missing_characters_affect_only_their_record() {
    for lost in [1, 2, 5, 9, 30] {
        let without = |record: &str, place: usize| {
            format!("{}{}", &record[..place], record.get(place + lost..).unwrap_or_default())
        };
        (0..8).for_each(|at| check_broken(at, without));
    }
}

#[test]
fn a8_an_array_that_is_broken_everywhere_is_read_quickly() {
    const REPETITIONS: usize = 100_000;
    for part in [
        r#",{"Id":1,"m":["#,
        r#",{"Id":1,"m":[1,{"Id":2}"#,
        r#",{"Id":"x"#,
        r#",{"Id":"x}"#,
        r#",{"Id":{"#,
        r#",{"Id":1}]"#,
        r#",{"Id":1}}"#,
        r#",{"Id":1},"a":2}"#,
        r#",{ "Id" "#,
        "{",
        "\\\"{",
    ] {
        let text = format!(r#"[{{"Id":0}},{{"Id":1,"m":["x"{}]"#, part.repeat(REPETITIONS));
        let (elements, _) = outcome(&[text.as_bytes()], text.len());
        assert_eq!(elements[0], br#"{"Id":0}"#, "{part}");
    }
}
