//! The body of a page: the JSON object that holds the events.

use hyper::StatusCode;

use super::behaviours::Behaviours;
use super::choices::EdgeIds;
use super::event::Event;
use super::list::Page;
use crate::http::Reply;
use crate::seeded_rng::{SeededRng, happens};

/// Returns the reply with this page: one JSON object, or several ones in a row if `behaviours` say so.
pub(super) fn envelopes(page: &Page, events: &[Event], behaviours: &Behaviours, rng: &mut SeededRng) -> Reply {
    let parts = if rng.chance(behaviours.several_documents) { 2 + rng.below(2) } else { 1 };
    let size = page.events.len().div_ceil(parts).max(1);
    let mut writer = EnvelopeWriter { events, behaviours, rng, body: String::new() };
    let mut unsent = page.events.as_slice();
    loop {
        let (part, rest) = unsent.split_at(size.min(unsent.len()));
        writer.write_envelope(part, page.has_more || !rest.is_empty());
        unsent = rest;
        if unsent.is_empty() {
            return Reply::new(StatusCode::OK, "application/json", writer.body);
        }
    }
}

struct EnvelopeWriter<'a> {
    events: &'a [Event],
    behaviours: &'a Behaviours,
    rng: &'a mut SeededRng,
    body: String,
}

impl EnvelopeWriter<'_> {
    fn write_envelope(&mut self, indices: &[usize], has_more: bool) {
        if indices.is_empty() && happens(self.behaviours.data_null, self.rng) {
            self.body.push_str(r#"{"object":"list","data":null"#);
            return self.write_end(indices, has_more);
        }
        self.body.push_str(r#"{"object":"list","data":["#);
        let mut order = indices.to_vec();
        if self.rng.chance(self.behaviours.shuffled_pages) {
            self.rng.shuffle(&mut order);
        }
        for (number, index) in order.iter().enumerate() {
            if number > 0 {
                self.body.push(',');
            }
            self.write_event(*index);
        }
        self.body.push(']');
        self.write_end(indices, has_more);
    }

    fn write_end(&mut self, indices: &[usize], has_more: bool) {
        self.write_edge_ids(indices);
        self.body.push_str(&format!(",\"has_more\":{has_more}}}\n"));
    }

    fn write_event(&mut self, index: usize) {
        let raw = &self.events[index].raw;
        match self.rng.chance(self.behaviours.reshaped_events).then(|| with_changed_source(raw, self.rng)).flatten() {
            Some(reshaped) => self.body.push_str(&reshaped),
            None => self.body.push_str(raw),
        }
    }

    fn write_edge_ids(&mut self, indices: &[usize]) {
        let withheld = self.rng.chance(self.behaviours.edge_ids_withheld);
        for (name, index) in [("first_id", indices.first()), ("last_id", indices.last())] {
            let id = index.map(|index| self.events[*index].cursor.as_str());
            let value = match self.behaviours.edge_ids {
                EdgeIds::Absent if withheld => continue,
                EdgeIds::Null if withheld => serde_json::Value::Null,
                _ => id.into(),
            };
            self.body.push_str(&format!(r#","{name}":{value}"#));
        }
    }
}

/// Returns the event without its field `source`, or with such a field if it has none. `None` if the event is not a
/// valid JSON object.
fn with_changed_source(raw: &str, rng: &mut SeededRng) -> Option<String> {
    let mut event: serde_json::Map<String, serde_json::Value> = serde_json::from_str(raw).ok()?;
    if event.remove("source").is_none() {
        event.insert("source".to_owned(), rng.pick(&["retool", "adminapi"]).into());
    }
    serde_json::to_string(&event).ok()
}
