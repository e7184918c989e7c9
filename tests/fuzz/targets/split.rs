//! Runs `ArraySplitter` on any bytes in pieces of any size. The first byte of the input gives the maximum length of an
//! element and the number of cuts, the next two bytes per cut its position; the rest is the array.
#![no_main]

use libfuzzer_sys::fuzz_target;
use schema::{ArraySplitter, SplitError};
use serde_json::value::RawValue;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Returns the elements up to the end or up to an error, and the result.
fn split<'a>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
    max_element_bytes: usize,
) -> (Vec<Vec<u8>>, Result<(), SplitError>) {
    let mut elements = Vec::new();
    let mut splitter = ArraySplitter::new(max_element_bytes);
    for piece in pieces {
        if let Err(error) = splitter.push(piece, |element| elements.push(element.to_vec())) {
            return (elements, Err(error));
        }
    }
    let result = splitter.finish(|element| elements.push(element.to_vec()));
    (elements, result)
}

fn pieces<'a>(input: &'a [u8], cuts: &[u8]) -> Vec<&'a [u8]> {
    let place = |cut: &[u8]| usize::from(u16::from_le_bytes([cut[0], cut[1]])) % (input.len() + 1);
    let mut places: Vec<usize> = cuts.chunks_exact(2).map(place).chain([0, input.len()]).collect();
    places.sort_unstable();
    places.windows(2).map(|pair| &input[pair[0]..pair[1]]).collect()
}

fn as_json(element: &[u8]) -> Option<&RawValue> {
    serde_json::from_slice(element).ok()
}

/// Compares the elements with those that `serde_json` finds.
fn check_against_serde_json(input: &[u8], elements: &[Vec<u8>], result: &Result<(), SplitError>) {
    let input = input.strip_prefix(BYTE_ORDER_MARK).unwrap_or(input);
    match serde_json::from_slice::<Vec<&RawValue>>(input) {
        Ok(expected) => {
            assert_eq!(*result, Ok(()), "an array was refused");
            let expected: Vec<&[u8]> = expected.into_iter().map(|element| element.get().as_bytes()).collect();
            assert_eq!(elements, expected);
        }
        Err(error) => {
            let is_sound = result.is_ok() && elements.iter().all(|element| as_json(element).is_some());
            assert!(!is_sound, "sound elements were found in what is no array: {error}");
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((choice, rest)) = data.split_first() else { return };
    let Some((cuts, input)) = rest.split_at_checked(usize::from(choice & 7) * 2) else { return };
    let whole = split([input], input.len());
    check_against_serde_json(input, &whole.0, &whole.1);
    assert_eq!(split(pieces(input, cuts), input.len()), whole, "cut into pieces");
    assert_eq!(split(input.chunks(1), input.len()), whole, "byte by byte");

    // With a small limit, other cuts may give another error, but not other elements or another outcome.
    let max_element_bytes = usize::from(choice >> 3);
    let (elements, result) = split([input], max_element_bytes);
    assert!(elements.iter().all(|element| element.len() <= max_element_bytes), "over the bound");
    let (others, other) = split(pieces(input, cuts), max_element_bytes);
    assert_eq!((elements, result.is_ok()), (others, other.is_ok()), "cut into pieces, bounded");
});
