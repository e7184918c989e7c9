//! Recognises and removes the white space that JSON allows between tokens.

/// Returns the text without white space around it.
pub(super) fn without_space(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|byte| !is_space(*byte)).unwrap_or(text.len());
    without_space_after(&text[start..])
}

/// Returns the text without white space behind it.
pub(super) fn without_space_after(element: &[u8]) -> &[u8] {
    let end = element.iter().rposition(|byte| !is_space(*byte)).map_or(0, |last| last + 1);
    element.get(..end).unwrap_or(element)
}

/// Returns `true` for a byte that JSON allows between tokens.
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}
