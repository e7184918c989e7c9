//! Recognises and removes the white space that JSON allows between tokens.

/// Returns the text without the white space at both ends.
pub(super) fn without_space(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|byte| !is_space(*byte)).unwrap_or(text.len());
    without_space_after(&text[start..])
}

/// Returns the text without the white space at its end.
pub(super) fn without_space_after(element: &[u8]) -> &[u8] {
    let end = element.iter().rposition(|byte| !is_space(*byte)).map_or(0, |last| last + 1);
    element.get(..end).unwrap_or(element)
}

/// Returns `true` for white space that JSON allows between tokens.
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}
