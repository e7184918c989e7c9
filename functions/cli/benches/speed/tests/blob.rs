use crate::blob::{ARRAY, Framing, LINES, PIECE_BYTES, Pieces};

fn pieces(framing: Framing, bytes: u64) -> Vec<Vec<u8>> {
    let events = (0_u64..).map(|number| format!("{{\"number\":{number:0100}}}").replace(":0", ":1"));
    Pieces::new(events, framing, bytes).collect()
}

#[test]
fn pieces_form_one_array_of_the_requested_size() {
    let pieces = pieces(ARRAY, 200_000);
    assert!(pieces.len() == 4 && pieces[..3].iter().all(|piece| piece.len() == PIECE_BYTES));
    let whole = pieces.concat();
    assert!((200_000..200_200).contains(&whole.len()), "{}", whole.len());
    let events: Vec<serde_json::Map<String, serde_json::Value>> = serde_json::from_slice(&whole).unwrap();
    // By hand: each event has 111 bytes and a separator, and there is one more byte at the end.
    assert_eq!(whole.len(), events.len() * 112 + 1);
}

#[test]
fn pieces_can_have_one_event_per_line() {
    let text = String::from_utf8(pieces(LINES, 300).concat()).unwrap();
    assert!(text.ends_with("}\n") && text.lines().all(|line| line.starts_with('{') && line.ends_with('}')));
    assert_eq!(text.lines().count(), 3);
}
