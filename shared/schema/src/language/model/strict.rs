//! Reduces a schema to what Panther's schema declares, for strict mode.

use super::{Object, Schema, Type, Value};

impl Schema {
    /// Removes the extensions. Also removes the indicators and event times of fields that share a column, because
    /// Panther writes none of these fields.
    pub(crate) fn without_extensions(mut self) -> Self {
        self.root.drop_extensions();
        self
    }
}

impl Object {
    fn drop_extensions(&mut self) {
        let mut fields = std::mem::take(&mut self.fields);
        fields.retain(|field| !field.is_extension);
        fields.iter_mut().for_each(|field| field.value.drop_extensions());
        *self = Self::new(fields);
        self.fields
            .iter_mut()
            .filter(|field| field.shares_column)
            .for_each(|field| field.value.clear_indicators_and_event_time());
    }
}

impl Value {
    fn drop_extensions(&mut self) {
        let reference_count = self.declaration.indicators.len();
        self.indicators = self.indicators.iter().take(reference_count).copied().collect();
        match &mut self.kind {
            Type::Object(object) => object.drop_extensions(),
            Type::Array(element) => element.drop_extensions(),
            _ => {}
        }
    }

    /// Removes the indicators and the event time from a value and from all values inside it.
    fn clear_indicators_and_event_time(&mut self) {
        self.indicators = Box::default();
        self.is_event_time = false;
        match &mut self.kind {
            Type::Object(object) => {
                object.fields.iter_mut().for_each(|field| field.value.clear_indicators_and_event_time())
            }
            Type::Array(element) => element.clear_indicators_and_event_time(),
            _ => {}
        }
    }
}
