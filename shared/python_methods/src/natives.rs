//! Functions in Rust for the Python shims, and replacements for parts of RustPython that differ from CPython.

use std::sync::OnceLock;

use rustpython_vm::builtins::{PyStr, PyStrRef, PyTypeRef};
use rustpython_vm::function::FuncArgs;
use rustpython_vm::{PyObjectRef, PyResult, VirtualMachine};

use crate::floats;
use crate::json_numbers::are_strict;
use crate::unicode::{DECIMALS, DIGITS, LETTERS, NUMERICS, is_in};

/// The maximum depth of nested Python calls, as in CPython.
const RECURSION_LIMIT: usize = 1_000;
const DECIMAL_DIGITS: u32 = 10;

/// The function in a type that makes a new instance, `__new__`.
type NewFunc = fn(PyTypeRef, FuncArgs, &VirtualMachine) -> PyResult;

/// RustPython's own `__new__` of `int` and `float`.
static ORIGINAL_INT: OnceLock<NewFunc> = OnceLock::new();
static ORIGINAL_FLOAT: OnceLock<NewFunc> = OnceLock::new();

/// Replaces the built-ins that Python code cannot replace, and returns the module `_native`, which the shims use.
pub(crate) fn install(vm: &VirtualMachine) -> PyResult<PyObjectRef> {
    vm.recursion_limit.set(RECURSION_LIMIT);
    floats::install(vm);
    install_numbers(vm);
    install_classes(vm);
    let module = vm.new_module("_native", vm.ctx.new_dict(), None);
    module.set_attr("set_attribute", vm.new_function("set_attribute", set_attribute), vm)?;
    module.set_attr("numbers_are_strict", vm.new_function("numbers_are_strict", numbers_are_strict), vm)?;
    module.set_attr("original_repr", vm.new_function("original_repr", floats::original_repr), vm)?;
    module.set_attr("decimal_ranges", vm.new_function("decimal_ranges", decimal_ranges), vm)?;
    module.set_attr(
        "has_ambiguous_word_characters",
        vm.new_function("has_ambiguous_word_characters", has_ambiguous_word_characters),
        vm,
    )?;
    Ok(module.into())
}

/// Sets an attribute of a type, even of a built-in one, which Python code cannot change.
fn set_attribute(class: PyTypeRef, name: PyStrRef, value: PyObjectRef, vm: &VirtualMachine) {
    class.set_attr(vm.ctx.intern_str(name.to_string_lossy().as_ref()), value);
}

fn numbers_are_strict(text: PyStrRef) -> bool {
    are_strict(text.as_wtf8().as_bytes())
}

/// Returns the ranges of the decimal digits beyond ASCII, as a Python list of pairs.
fn decimal_ranges(vm: &VirtualMachine) -> PyObjectRef {
    let number = |point: u32| vm.ctx.new_int(point).into();
    let pair = |(first, last): &(u32, u32)| vm.ctx.new_tuple(vec![number(*first), number(*last)]).into();
    vm.ctx.new_list(DECIMALS.iter().map(pair).collect()).into()
}

/// Returns `true` if a text has a character that only one of RustPython and CPython counts as a word character (`\w`).
fn has_ambiguous_word_characters(text: PyStrRef) -> bool {
    let is_ambiguous = |character: char| character.is_alphanumeric() != is_letter_or_number(u32::from(character));
    text.to_string_lossy().chars().any(is_ambiguous)
}

/// Makes `int` and `float` accept digits and spaces of all scripts, as CPython does.
fn install_numbers(vm: &VirtualMachine) {
    for (class, own, new) in [
        (vm.ctx.types.int_type, &ORIGINAL_INT, new_int as NewFunc),
        (vm.ctx.types.float_type, &ORIGINAL_FLOAT, new_float),
    ] {
        if let Some(original) = class.slots.new.load() {
            let _ = own.set(original);
            class.slots.new.store(Some(new));
            class.slots.vectorcall.store(None);
        }
    }
}

fn new_int(class: PyTypeRef, arguments: FuncArgs, vm: &VirtualMachine) -> PyResult {
    new_number(&ORIGINAL_INT, class, arguments, vm)
}

fn new_float(class: PyTypeRef, arguments: FuncArgs, vm: &VirtualMachine) -> PyResult {
    new_number(&ORIGINAL_FLOAT, class, arguments, vm)
}

fn new_number(own: &OnceLock<NewFunc>, class: PyTypeRef, mut arguments: FuncArgs, vm: &VirtualMachine) -> PyResult {
    let own = own.get().ok_or_else(|| vm.new_runtime_error("numbers are not installed".to_owned()))?;
    if let Some(first) = arguments.args.first_mut() {
        let ascii = first
            .downcast_ref::<PyStr>()
            .filter(|text| !is_plain(text))
            .and_then(|text| text.to_str())
            .map(ascii_digits);
        if let Some(ascii) = ascii {
            *first = vm.ctx.new_str(ascii).into();
        }
    }
    own(class, arguments, vm)
}

/// Returns `true` if RustPython's `int` and `float` read the text as CPython's do.
fn is_plain(text: &PyStr) -> bool {
    text.isascii()
}

/// Replaces the decimal digits of all scripts by ASCII digits, and other white space by spaces.
fn ascii_digits(text: &str) -> String {
    let ascii = |character: char| match character {
        '\u{1c}'..='\u{1f}' => ' ',
        _ if character.is_ascii() => character,
        _ if character.is_whitespace() => ' ',
        _ => decimal(u32::from(character)).unwrap_or(character),
    };
    text.chars().map(ascii).collect()
}

/// Returns the ASCII digit for a decimal digit of any script. Each range in [`DECIMALS`] consists of whole runs of ten
/// digits.
fn decimal(character: u32) -> Option<char> {
    let next = DECIMALS.partition_point(|range| range.1 < character);
    let (first, _) = DECIMALS.get(next).filter(|range| range.0 <= character)?;
    char::from_digit((character - first) % DECIMAL_DIGITS, DECIMAL_DIGITS)
}

/// Replaces the methods that test for classes of characters, such as `str.isalpha`.
fn install_classes(vm: &VirtualMachine) {
    let class = vm.ctx.types.str_type;
    for (name, method) in [
        ("isalpha", vm.new_method("isalpha", class, |text: PyStrRef| all(&text, is_letter))),
        ("isdecimal", vm.new_method("isdecimal", class, |text: PyStrRef| all(&text, is_decimal))),
        ("isdigit", vm.new_method("isdigit", class, |text: PyStrRef| all(&text, is_digit))),
        ("isnumeric", vm.new_method("isnumeric", class, |text: PyStrRef| all(&text, is_numeric))),
        ("isalnum", vm.new_method("isalnum", class, |text: PyStrRef| all(&text, is_letter_or_number))),
    ] {
        class.set_attr(vm.ctx.intern_str(name), method.into());
    }
}

fn all(text: &PyStr, is_of_class: fn(u32) -> bool) -> bool {
    let text = text.as_wtf8();
    !text.is_empty() && text.code_points().all(|point| is_of_class(point.to_u32()))
}

fn ascii(point: u32) -> Option<u8> {
    u8::try_from(point).ok().filter(u8::is_ascii)
}

fn is_letter(point: u32) -> bool {
    ascii(point).map_or_else(|| is_in(&LETTERS, point), |byte| byte.is_ascii_alphabetic())
}

fn is_decimal(point: u32) -> bool {
    ascii(point).map_or_else(|| is_in(&DECIMALS, point), |byte| byte.is_ascii_digit())
}

fn is_digit(point: u32) -> bool {
    ascii(point).map_or_else(|| is_in(&DIGITS, point), |byte| byte.is_ascii_digit())
}

fn is_numeric(point: u32) -> bool {
    ascii(point).map_or_else(|| is_in(&NUMERICS, point), |byte| byte.is_ascii_digit())
}

fn is_letter_or_number(point: u32) -> bool {
    is_letter(point) || is_numeric(point)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_of_all_scripts_become_those_of_ascii() {
        assert_eq!(ascii_digits("\u{a0}-\u{663}\u{1d7d8}\u{1d7ff}7\u{b2}"), " -3097\u{b2}");
    }
}
