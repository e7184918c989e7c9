//! Checks the numbers in a JSON text, because RustPython's parser accepts some that JSON does not allow, such as `01`.

/// Returns `true` if every number outside strings is a valid JSON number. The result means nothing if the rest of the
/// text is not JSON.
pub(crate) fn are_strict(text: &[u8]) -> bool {
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        rest = match byte {
            b'"' => after_string(after),
            b'0'..=b'9' | b'-' | b'+' | b'.' => {
                let length = rest.iter().take_while(|byte| is_part(**byte)).count();
                let (number, after) = rest.split_at(length);
                if number != b"-" && !is_number(number) {
                    return false;
                }
                after
            }
            _ => after,
        };
    }
    true
}

/// Skips the rest of a string, after its opening quote. Returns the text after the closing quote.
fn after_string(mut rest: &[u8]) -> &[u8] {
    while let Some((byte, after)) = rest.split_first() {
        rest = match byte {
            b'"' => return after,
            b'\\' => after.get(1..).unwrap_or_default(),
            _ => after,
        };
    }
    rest
}

fn is_part(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E')
}

fn is_number(number: &[u8]) -> bool {
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut rest = number.strip_prefix(b"-").unwrap_or(number);
    let whole = digits(rest);
    if whole == 0 || (whole > 1 && rest[0] == b'0') {
        return false;
    }
    rest = &rest[whole..];
    if let Some(fraction) = rest.strip_prefix(b".") {
        let length = digits(fraction);
        if length == 0 {
            return false;
        }
        rest = &fraction[length..];
    }
    if let Some(exponent) = rest.strip_prefix(b"e").or_else(|| rest.strip_prefix(b"E")) {
        let unsigned = exponent.strip_prefix(b"-").or_else(|| exponent.strip_prefix(b"+")).unwrap_or(exponent);
        let length = digits(unsigned);
        if length == 0 {
            return false;
        }
        rest = &unsigned[length..];
    }
    rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_outside_of_strings_are_checked() {
        for text in ["0", "-0", "[10,-1.5e+3,1E5]", r#"{"01":"1.","a\"01":-Infinity}"#, "\"01", "\"\\"] {
            assert!(are_strict(text.as_bytes()), "{text}");
        }
        for text in ["01", "-01", "1.", ".5", "+1", "1e", "1e+", "--1", "1.2.3", "[1-2]", r#"{"a":"\"", "b":00}"#] {
            assert!(!are_strict(text.as_bytes()), "{text}");
        }
    }
}
