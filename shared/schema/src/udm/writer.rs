//! Writes `p_udm`: the values of a data model's names for one line.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::ops::ControlFlow;
use std::sync::{Arc, PoisonError};

use data_models::jsonpath::JsonPath;
use data_models::{DataModel, Name, Value};

use super::model::{Engine, LineModel, SharedMethods};
use super::native::{List, Members, NativeMethod, NativeModel, NativeValue, NativeValues, PathIndex};
use super::places::{Places, Slots};
use super::searched::{SearchedName, UnicodeEscapes};
use super::udm_type::{TypeMismatch, UdmType};
use crate::drift::Names;
use crate::event::json::write_string;
use crate::language::model::{RowSlots, Schema, Slot};

/// The maximum size of the names and values of one line, in bytes. A name whose value would exceed it fails, so that a
/// model cannot make a line many times as long as its event.
const MAX_VALUES_BYTES: usize = 1 << 20;

/// Writes `p_udm` on the lines of one schema.
#[derive(Debug)]
pub(crate) struct Writer {
    model: LineModel,
    /// The names that the model maps, sorted.
    names: Box<[UdmName]>,
    slots: Slots,
    native: Option<Native>,
}

/// The Rust part of a built-in model, with the places in the line that it reads.
#[derive(Debug)]
struct Native {
    model: &'static NativeModel,
    /// The place of each path in [`NativeModel::reads`]; `None` if there was no free slot.
    places: Box<[Option<Place>]>,
    /// The slots of each list in [`NativeModel::lists`]; `None` if the schema does not declare the list.
    lists: Box<[Option<RowSlots>]>,
}

/// The place of a value in the line: the slot of a member, and the names that lead from that member to the value.
#[derive(Debug)]
struct Place {
    slot: Slot,
    names: Box<[SearchedName]>,
}

/// A name that the model maps, with its path and method.
#[derive(Debug)]
struct UdmName {
    name: Box<str>,
    /// The text `,"name":`, which is written before the value.
    key: Box<[u8]>,
    kind: UdmType,
    path: Option<Path>,
    method: Option<Method>,
}

#[derive(Debug)]
enum Path {
    /// A path that consists of names only, which leads to one place.
    Names(Place),
    /// Any other path. It is evaluated on the parsed line.
    Any(JsonPath),
}

#[derive(Debug)]
enum Method {
    Native(NativeMethod),
    /// The name of a method that the model's engine calls.
    Called(Box<str>),
}

/// A name has no value because its path or method failed, or because the value cannot be converted to the name's type.
struct Failed;

impl From<TypeMismatch> for Failed {
    fn from(TypeMismatch: TypeMismatch) -> Self {
        Self
    }
}

impl Writer {
    /// Prepares a model for the lines of a schema. Sets the slots of the schema's fields that the model reads.
    pub(crate) fn new(model: LineModel, schema: &mut Schema) -> Arc<Self> {
        let mut slots = Slots::default();
        let native = match &model.engine {
            Engine::Native(native) => Some(Native::new(native, &mut slots, schema)),
            _ => None,
        };
        let mut sorted: Vec<&Name> = model.model.names.iter().collect();
        sorted.sort_by(|a, b| a.name.cmp(&b.name));
        let name = |name: &&Name| UdmName {
            name: name.name.as_str().into(),
            key: key(&name.name),
            kind: UdmType::of(&name.name),
            path: name.path.as_ref().map(|(path, _)| Path::new(path, &mut slots, schema)),
            method: name.method.as_deref().map(|method| Method::new(method, native.as_ref())),
        };
        let names = sorted.iter().map(name).collect();
        Arc::new(Self { model, names, slots, native })
    }

    /// Returns the slots of the members that the model reads.
    pub(crate) fn slots(&self) -> &Slots {
        &self.slots
    }

    /// Appends `p_udm`, with a comma before it, to the line that begins at the offset `from` in `lines` and has no
    /// closing brace yet. Appends nothing if no name has a value. Records the names that failed and returns their
    /// number.
    pub(crate) fn write(
        &self,
        from: usize,
        places: &mut Places,
        lines: &mut Vec<u8>,
        buffer: &mut Vec<u8>,
        failed: &mut Names,
    ) -> u32 {
        places.find_standard(&self.slots, lines);
        buffer.clear();
        lines.push(b'}');
        let text = lines.get(from..).unwrap_or_default();
        let line =
            Line { writer: self, places, text, start: from, escapes: UnicodeEscapes::of(text), whole: OnceCell::new() };
        let count = self.values(&line, buffer, failed);
        lines.pop();
        if let Some((_, members)) = buffer.split_first() {
            lines.extend_from_slice(b",\"p_udm\":{");
            lines.extend_from_slice(members);
            lines.push(b'}');
        }
        count
    }

    /// Appends the names and their values to `out`, each with a comma before it. Records the names that failed and
    /// returns their number.
    fn values(&self, line: &Line<'_>, out: &mut Vec<u8>, failed: &mut Names) -> u32 {
        let mut count = 0;
        let native = self.native.as_ref();
        let mut native = native.map_or_else(NativeValues::default, |native| (native.model.values)(line));
        for name in &self.names {
            let start_of_name = out.len();
            out.extend_from_slice(&name.key);
            let written = name
                .write(line, &mut native, out)
                .and_then(|is_written| if out.len() > MAX_VALUES_BYTES { Err(Failed) } else { Ok(is_written) });
            match written {
                Ok(true) => continue,
                Ok(false) => {}
                Err(Failed) => {
                    count += 1;
                    failed.note(|text| text.push_str(&name.name));
                }
            }
            out.truncate(start_of_name);
        }
        count
    }
}

fn key(name: &str) -> Box<[u8]> {
    let mut key = vec![b','];
    write_string(name, &mut key);
    key.push(b':');
    key.into()
}

impl Path {
    fn new(path: &JsonPath, slots: &mut Slots, schema: &mut Schema) -> Self {
        let place = path.names().and_then(|names| Place::new(names, slots, schema));
        place.map_or_else(|| Self::Any(path.clone()), Self::Names)
    }
}

impl Native {
    fn new(model: &'static NativeModel, slots: &mut Slots, schema: &mut Schema) -> Self {
        let lists = model.lists.iter().map(|list| slots.claim_rows(&mut schema.root, list.name, list.cells)).collect();
        let places = model.reads.iter().map(|path| Place::new(path, slots, schema)).collect();
        Self { model, places, lists }
    }
}

impl Place {
    /// Claims the place that a path of names leads to; `None` if all slots are taken.
    fn new(path: &[impl AsRef<str>], slots: &mut Slots, schema: &mut Schema) -> Option<Self> {
        let (slot, used) = slots.claim(&mut schema.root, path)?;
        let names = path.get(used..)?.iter().map(|name| SearchedName::new(name.as_ref())).collect();
        Some(Self { slot, names })
    }
}

impl Method {
    fn new(name: &str, native: Option<&Native>) -> Self {
        let found = native.and_then(|native| native.model.method(name));
        found.map_or_else(|| Self::Called(name.into()), Self::Native)
    }
}

impl UdmName {
    /// Writes the value that the name's path finds, or else the value of its method. Returns `false` if neither has a
    /// value.
    fn write(&self, line: &Line<'_>, native: &mut NativeValues<'_>, out: &mut Vec<u8>) -> Result<bool, Failed> {
        match (self.found_by_path(line)?, &self.method) {
            (Some(json), _) => Ok(self.kind.write(&json, out)?),
            (None, Some(Method::Called(method))) => Ok(self.kind.write(line.call(method)?.as_bytes(), out)?),
            (None, Some(Method::Native(method))) => self.write_native(native.take(*method), out),
            (None, None) => Ok(false),
        }
    }

    /// Returns the JSON text of the value that the name's path finds; `None` if there is none.
    fn found_by_path<'l>(&self, line: &Line<'l>) -> Result<Option<Cow<'l, [u8]>>, Failed> {
        match &self.path {
            None => Ok(None),
            Some(Path::Any(path)) => Ok(line.find(path)?.map(into_bytes)),
            Some(Path::Names(place)) => Ok(line.value_at(place).map(Cow::Borrowed)),
        }
    }

    fn write_native(&self, value: Option<NativeValue<'_>>, out: &mut Vec<u8>) -> Result<bool, Failed> {
        match value {
            None => return Ok(false),
            Some(NativeValue::Json(json)) => return Ok(self.kind.write(json, out)?),
            Some(NativeValue::Text(text)) => self.kind.write_text(&text, out)?,
            Some(NativeValue::Number(number)) => self.kind.write_number(number, out)?,
        }
        Ok(true)
    }
}

/// A line that was written, up to `p_udm`.
struct Line<'l> {
    writer: &'l Writer,
    places: &'l Places,
    /// The line with its closing brace.
    text: &'l [u8],
    /// The offset at which the line begins in the buffer of lines.
    start: usize,
    escapes: UnicodeEscapes<'l>,
    /// The parsed line, computed when the first path or method needs it; `None` if the line is nested too deeply.
    whole: OnceCell<Option<Value<'l>>>,
}

impl<'l> Line<'l> {
    /// Returns the JSON text of the value at a place; `None` if the line does not have it.
    #[inline]
    fn value_at(&self, place: &Place) -> Option<&'l [u8]> {
        let member = self.places.get(self.text, self.start, place.slot)?;
        place.names.iter().try_fold(member, |at, name| name.member(at, &self.escapes))
    }

    fn whole(&self) -> Result<&Value<'l>, Failed> {
        let parse = || Value::parse(std::str::from_utf8(self.text).ok()?).ok();
        self.whole.get_or_init(parse).as_ref().ok_or(Failed)
    }

    /// Returns the JSON text of the value that a path finds, `None` if it finds none. Fails if it finds several.
    fn find(&self, path: &JsonPath) -> Result<Option<Cow<'l, str>>, Failed> {
        let mut found = path.find(self.whole()?).map_err(|_| Failed)?;
        match found.len() {
            0 | 1 => found.pop().map(|found| json(&found.value)).transpose(),
            _ => Err(Failed),
        }
    }

    /// Calls a method and returns its value as compact JSON text.
    fn call(&self, method: &str) -> Result<String, Failed> {
        let Engine::Shared(methods) = &self.writer.model.engine else { return Err(Failed) };
        let result = call(methods, &self.writer.model.model, method, self.whole()?)?;
        // The text of an owned copy is compact and has no repeated keys, as a line requires.
        let value = Value::parse(&result).map_err(|_| Failed)?.to_owned();
        json(&value).map(Cow::into_owned)
    }
}

fn call(methods: &SharedMethods, model: &DataModel, method: &str, line: &Value<'_>) -> Result<String, Failed> {
    let mut methods = methods.lock().unwrap_or_else(PoisonError::into_inner);
    methods.call(model, method, line).map_err(|_| Failed)
}

fn into_bytes(text: Cow<'_, str>) -> Cow<'_, [u8]> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}

/// Returns the compact JSON text of a value. Fails for a number that JSON cannot write, such as infinity.
fn json<'e>(value: &Value<'e>) -> Result<Cow<'e, str>, Failed> {
    let text = value.to_json();
    let is_json = matches!(value, Value::Raw(_)) || Value::parse(&text).is_ok();
    is_json.then_some(text).ok_or(Failed)
}

impl Members for Line<'_> {
    fn get(&self, read: PathIndex) -> Option<&[u8]> {
        self.value_at(self.writer.native.as_ref()?.places.get(read)?.as_ref()?)
    }

    fn each_row<'l>(&'l self, list: &List, visit: &mut dyn FnMut([Option<&'l [u8]>; 2]) -> ControlFlow<()>) {
        let slots = self.writer.native.as_ref().and_then(|native| *native.lists.get(list.number)?);
        if let Some(slots) = slots {
            let _ = self.places.rows(self.text, self.start, slots).try_for_each(visit);
        }
    }
}
