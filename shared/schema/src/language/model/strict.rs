//! A schema as the reference runs it.

use super::{Object, Schema, Type, Value};

impl Schema {
    /// Without the fields that are ours, and without what the reference does not look for: where columns collide it
    /// writes none of them, so that nothing in them is an indicator or the event's time.
    pub(crate) fn without_extensions(mut self) -> Self {
        self.root.drop_extensions();
        self
    }
}

impl Object {
    fn drop_extensions(&mut self) {
        let mut fields = std::mem::take(&mut self.fields);
        fields.retain(|field| !field.extension);
        fields.iter_mut().for_each(|field| field.value.drop_extensions());
        *self = Self::new(fields);
        self.fields.iter_mut().filter(|field| field.collides).for_each(|field| field.value.silence());
    }
}

impl Value {
    fn drop_extensions(&mut self) {
        let of_the_reference = self.written.indicators.len();
        self.indicators = self.indicators.iter().take(of_the_reference).copied().collect();
        match &mut self.kind {
            Type::Object(object) => object.drop_extensions(),
            Type::Array(element) => element.drop_extensions(),
            _ => {}
        }
    }

    /// Nothing in it is found.
    fn silence(&mut self) {
        self.indicators = Box::default();
        self.is_event_time = false;
        match &mut self.kind {
            Type::Object(object) => object.fields.iter_mut().for_each(|field| field.value.silence()),
            Type::Array(element) => element.silence(),
            _ => {}
        }
    }
}
