//! Functions that the methods of several built-in models use.
//!
//! They expect field names exactly as the schema spells them, because the normaliser writes them so on every line.

use std::borrow::Cow;
use std::ops::ControlFlow;

use super::table::Table;
use crate::udm::native::{List, Members, NativeValue, PathIndex};
use crate::udm::raw;
use crate::value::indicator::address::{addresses_and_ports, is_ip};

/// Texts that Microsoft writes in place of a name or an identifier that it does not know.
const PLACEHOLDERS: [&str; 3] = ["Not Available", "Unknown", "<null>"];
/// The values of `ResultStatus` that mean a failed operation, in lower case.
const FAILED_RESULTS: [&str; 3] = ["failed", "failure", "false"];

/// Returns the text at the end of a path; `None` if it is empty or not a string.
pub(super) fn text<'l>(members: &'l dyn Members, read: PathIndex) -> Option<Cow<'l, str>> {
    raw::text(members.get(read)?)
}

/// Converts a non-empty JSON string to a method's value; `None` for any other JSON.
pub(super) fn string(json: &[u8]) -> Option<NativeValue<'_>> {
    Some(match raw::text(json)? {
        Cow::Borrowed(_) => NativeValue::Json(json),
        Cow::Owned(text) => NativeValue::Text(text.into()),
    })
}

/// Converts a JSON string to a method's value; `None` for a string that is empty or a placeholder, and for any other JSON.
pub(super) fn known_string(json: &[u8]) -> Option<NativeValue<'_>> {
    let is_placeholder = PLACEHOLDERS.iter().any(|placeholder| raw::is_string(json, placeholder));
    if is_placeholder { None } else { string(json) }
}

/// Returns the first non-empty string at the end of the given paths, in their order.
pub(super) fn first_string<'l>(members: &'l dyn Members, reads: &[PathIndex]) -> Option<NativeValue<'l>> {
    reads.iter().find_map(|read| string(members.get(*read)?))
}

/// Returns `true` for a text that is not a placeholder.
pub(super) fn is_known(text: &str) -> bool {
    !PLACEHOLDERS.contains(&text)
}

/// Returns the first IP address in the values, and its port. A value may be an address alone, or text with addresses
/// and ports in it.
pub(super) fn source<'l>(values: impl IntoIterator<Item = &'l [u8]>) -> (Option<NativeValue<'l>>, Option<u16>) {
    let found = values.into_iter().find_map(|json| match raw::text(json)? {
        Cow::Borrowed(text) => {
            // Most values are an address and nothing else.
            if is_ip(text) {
                return Some((NativeValue::Json(json), None));
            }
            let (address, port) = addresses_and_ports(text).next()?;
            Some((NativeValue::Text(address.into()), port))
        }
        Cow::Owned(text) => {
            let (address, port) = addresses_and_ports(&text).next()?;
            Some((NativeValue::Text(address.to_owned().into()), port))
        }
    });
    found.map_or((None, None), |(address, port)| (Some(address), port))
}

/// Calls `find` with each object of a list. Returns the first value that `find` returns.
pub(super) fn find_row<'l, T>(
    members: &'l dyn Members,
    list: &List,
    mut find: impl FnMut([Option<&'l [u8]>; 2]) -> Option<T>,
) -> Option<T> {
    let mut found = None;
    members.each_row(list, &mut |row| {
        found = find(row);
        if found.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    found
}

/// Returns the index in `names` of a name that is given as a JSON string; `None` if it is not among them.
pub(super) fn position(name: Option<&[u8]>, names: &[&str]) -> Option<usize> {
    let name = name?;
    names.iter().position(|wanted| raw::is_string(name, wanted))
}

/// Returns `true` if a `ResultStatus` says that the operation failed.
pub(super) fn has_failed(result_status: Option<&[u8]>) -> bool {
    let status = result_status.and_then(raw::text);
    status.is_some_and(|status| FAILED_RESULTS.iter().any(|failed| status.eq_ignore_ascii_case(failed)))
}

/// Looks up a text in a table; the case of letters does not matter.
pub(super) fn look_up(table: &[(&str, &'static str)], text: &str) -> Option<&'static str> {
    table.iter().find(|(key, _)| key.eq_ignore_ascii_case(text)).map(|(_, value)| *value)
}

/// Returns the event type of an operation, `None` if the operation is unknown or failed.
pub(super) fn event_type_of_operation<const N: usize>(
    table: &Table<N>,
    operation: Option<&[u8]>,
    result_status: Option<&[u8]>,
) -> Option<&'static str> {
    let event_type = table.get(&raw::text(operation?)?)?;
    (!has_failed(result_status)).then_some(event_type)
}
