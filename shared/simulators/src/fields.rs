//! A JSON object whose fields keep the order in which they were added, as in the objects that the vendors send.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::Value;

/// The names and values of a JSON object's fields, in the order in which they are written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fields<'a>(pub(crate) Vec<(&'a str, Value)>);

impl<'a> Fields<'a> {
    /// Adds a field at the end.
    pub(crate) fn with(mut self, name: &'a str, value: impl Into<Value>) -> Self {
        self.0.push((name, value.into()));
        self
    }

    /// Replaces the value of a field. Does nothing if there is no such field.
    pub(crate) fn replace(&mut self, name: &str, value: impl Into<Value>) {
        if let Some((_, old)) = self.0.iter_mut().find(|(known, _)| *known == name) {
            *old = value.into();
        }
    }

    /// Removes a field. Does nothing if there is no such field.
    pub(crate) fn remove(&mut self, name: &str) {
        self.0.retain(|(known, _)| *known != name);
    }

    /// Returns the object as JSON.
    pub(crate) fn to_json(&self) -> String {
        // Writing to memory cannot fail, and every key is a string.
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_keep_their_order() {
        let mut fields = Fields(Vec::new()).with("b", 1).with("a", 2).with("c", 3);
        fields.replace("a", "x");
        fields.remove("c");
        assert_eq!(fields.to_json(), r#"{"b":1,"a":"x"}"#);
    }
}
