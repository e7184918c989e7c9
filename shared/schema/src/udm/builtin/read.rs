//! Functions that the methods of several models use.
//!
//! Field names are read as the schema spells them, which is how every line spells them.

use std::borrow::Cow;

use crate::indicator::address::addresses_and_ports;
use crate::udm::native::{Members, NativeValue};
use crate::udm::raw;

/// Texts that Microsoft writes in place of a name or an identifier that it does not know.
const PLACEHOLDERS: [&str; 3] = ["Not Available", "Unknown", "<null>"];
/// The results, in small letters, of operations that failed.
const FAILED: [&str; 3] = ["failed", "failure", "false"];

/// The JSON text of the value at the end of a path of names.
pub(super) fn value<'l>(members: &'l dyn Members, path: &[&str]) -> Option<&'l str> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(members.get(first)?, |value, name| raw::member(value, name))
}

/// The text at the end of a path of names.
pub(super) fn text<'l>(members: &'l dyn Members, path: &[&str]) -> Option<Cow<'l, str>> {
    raw::text(value(members, path)?)
}

/// The first text among those at the end of several paths.
pub(super) fn first_text<'l>(members: &'l dyn Members, paths: &[&[&str]]) -> Option<Cow<'l, str>> {
    paths.iter().find_map(|path| text(members, path))
}

/// A text, unless it is a placeholder.
pub(super) fn known(text: Cow<'_, str>) -> Option<Cow<'_, str>> {
    (!PLACEHOLDERS.contains(&&*text)).then_some(text)
}

/// The result of a method that returns a text.
pub(super) fn returned(text: Cow<'_, str>) -> NativeValue<'_> {
    NativeValue::Text(text)
}

/// The first bare IP address in the values, and the port that follows it there.
fn source<'l>(values: impl IntoIterator<Item = &'l str>) -> Option<(Cow<'l, str>, Option<u16>)> {
    values.into_iter().find_map(|value| match raw::text(value)? {
        Cow::Borrowed(text) => addresses_and_ports(text).next().map(|(address, port)| (address.into(), port)),
        Cow::Owned(text) => addresses_and_ports(&text).next().map(|(address, port)| (address.to_owned().into(), port)),
    })
}

/// The first bare IP address in the values.
pub(super) fn source_ip<'l>(values: impl IntoIterator<Item = &'l str>) -> Option<NativeValue<'l>> {
    Some(returned(source(values)?.0))
}

/// The port of [`source_ip`].
pub(super) fn source_port<'l>(values: impl IntoIterator<Item = &'l str>) -> Option<NativeValue<'l>> {
    Some(NativeValue::Number(source(values)?.1?.into()))
}

/// The elements of a list of pairs that have this `Name`.
pub(super) fn pairs<'l>(members: &'l dyn Members, list: &str, name: &str) -> impl Iterator<Item = &'l str> {
    let elements = members.get(list).into_iter().flat_map(raw::elements);
    elements.filter(move |pair| raw::member(pair, "Name").and_then(raw::text).is_some_and(|text| text == name))
}

/// The first text that a pair of this `Name` has.
pub(super) fn pair_text<'l>(
    members: &'l dyn Members,
    list: &str,
    name: &str,
    of: &'static str,
) -> Option<Cow<'l, str>> {
    pairs(members, list, name).find_map(|pair| raw::text(raw::member(pair, of)?))
}

/// Returns `true` if `ResultStatus` says that the operation failed.
pub(super) fn has_failed(members: &dyn Members) -> bool {
    text(members, &["ResultStatus"])
        .is_some_and(|status| FAILED.iter().any(|failed| status.eq_ignore_ascii_case(failed)))
}

/// Looks up a text in a table, in any letter case.
pub(super) fn look_up(table: &[(&str, &'static str)], text: &str) -> Option<&'static str> {
    table.iter().find(|(key, _)| key.eq_ignore_ascii_case(text)).map(|(_, value)| *value)
}

/// The event type of an operation that did not fail.
pub(super) fn of_operation(members: &dyn Members, table: &[(&str, &'static str)]) -> Option<NativeValue<'static>> {
    let event_type = look_up(table, &text(members, &["Operation"])?)?;
    (!has_failed(members)).then(|| returned(event_type.into()))
}
