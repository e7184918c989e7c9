//! Makes arithmetic and text of floats the same as in CPython, where RustPython differs in the last digit.

use std::sync::OnceLock;

use rustpython_vm::builtins::{PyFloat, PyInt, PyStr};
use rustpython_vm::function::OptionalArg;
use rustpython_vm::literal::float::to_string;
use rustpython_vm::protocol::{PyNumberBinaryFunc, PyNumberTernaryFunc};
use rustpython_vm::{AsObject, PyObject, PyObjectRef, PyRef, PyResult, VirtualMachine};

/// No `f64` has more decimal digits after the point than this.
const MAX_FRACTION_DIGITS: usize = 1_074;
/// Two shortest texts of the same length can be equally near to a float only if they have at least this many
/// significant digits.
const MIN_TIE_DIGITS: usize = 15;
/// Rounding to more digits after the point than this changes no float.
const MAX_ROUND_DIGITS: i64 = 323;
/// Rounding to fewer digits after the point than this (digits before the point count as negative) makes every float
/// zero.
const MIN_ROUND_DIGITS: i64 = -308;

/// RustPython's own power operator, which is still used for complex results, for a modulus and for errors.
static ORIGINAL_POWER: OnceLock<PyNumberTernaryFunc> = OnceLock::new();

/// RustPython's own division of ints.
static ORIGINAL_INT_DIVISION: OnceLock<PyNumberBinaryFunc> = OnceLock::new();

/// Replaces the operators of floats. Operators that are right for two floats are replaced too, because RustPython rounds
/// an int differently from CPython if the other operand is a float.
pub(crate) fn install(vm: &VirtualMachine) {
    let float = vm.ctx.types.float_type;
    let slots = &float.slots.as_number;
    slots.remainder.store(Some(remainder));
    slots.right_remainder.store(Some(remainder));
    slots.floor_divide.store(Some(floor_divide));
    slots.right_floor_divide.store(Some(floor_divide));
    slots.divmod.store(Some(divmod));
    slots.right_divmod.store(Some(divmod));
    for (slot, right, operator) in [
        (&slots.add, &slots.right_add, add as PyNumberBinaryFunc),
        (&slots.subtract, &slots.right_subtract, subtract),
        (&slots.multiply, &slots.right_multiply, multiply),
        (&slots.true_divide, &slots.right_true_divide, divide),
    ] {
        slot.store(Some(operator));
        right.store(Some(operator));
    }
    let int_slots = &vm.ctx.types.int_type.slots.as_number;
    if let Some(original) = int_slots.true_divide.load() {
        let _ = ORIGINAL_INT_DIVISION.set(original);
        int_slots.true_divide.store(Some(divide_ints));
        int_slots.right_true_divide.store(Some(divide_ints));
    }
    if let Some(original) = slots.power.load() {
        let _ = ORIGINAL_POWER.set(original);
        slots.power.store(Some(power));
        slots.right_power.store(Some(power));
    }
    install_methods(vm);
    float.slots.repr.store(Some(repr_slot));
    let repr = vm.new_method("__repr__", float, repr_method);
    float.set_attr(vm.ctx.intern_str("__repr__"), repr.into());
    let round = vm.new_method("__round__", float, round);
    float.set_attr(vm.ctx.intern_str("__round__"), round.into());
}

/// Makes the method of a binary operator. `reflected` swaps the operands, as in `__rmod__`.
macro_rules! method {
    ($vm:ident, $name:literal, $operator:ident) => {
        (
            $name,
            $vm.new_method(
                $name,
                $vm.ctx.types.float_type,
                |left: PyObjectRef, right: PyObjectRef, vm: &VirtualMachine| $operator(&left, &right, vm),
            ),
        )
    };
    ($vm:ident, $name:literal, reflected $operator:ident) => {
        (
            $name,
            $vm.new_method(
                $name,
                $vm.ctx.types.float_type,
                |left: PyObjectRef, right: PyObjectRef, vm: &VirtualMachine| $operator(&right, &left, vm),
            ),
        )
    };
}

/// Replaces the operators' methods such as `__mod__`, through which subclasses of `float` call them.
fn install_methods(vm: &VirtualMachine) {
    for (name, method) in [
        method!(vm, "__mod__", remainder),
        method!(vm, "__rmod__", reflected remainder),
        method!(vm, "__floordiv__", floor_divide),
        method!(vm, "__rfloordiv__", reflected floor_divide),
        method!(vm, "__divmod__", divmod),
        method!(vm, "__rdivmod__", reflected divmod),
    ] {
        vm.ctx.types.float_type.set_attr(vm.ctx.intern_str(name), method.into());
    }
}

/// Returns the value of a float or an int; `None` for anything else.
fn operand(object: &PyObject, vm: &VirtualMachine) -> PyResult<Option<f64>> {
    if let Some(float) = object.downcast_ref::<PyFloat>() {
        return Ok(Some(float.to_f64()));
    }
    if object.fast_isinstance(vm.ctx.types.int_type) {
        object.try_float(vm).map(|value| Some(value.to_f64()))
    } else {
        Ok(None)
    }
}

fn with_operands(
    (left, right): (&PyObject, &PyObject),
    vm: &VirtualMachine,
    zero: &str,
    operation: impl FnOnce(f64, f64) -> PyResult,
) -> PyResult {
    match (operand(left, vm)?, operand(right, vm)?) {
        (Some(_), Some(0.0)) => Err(vm.new_zero_division_error(zero.to_owned())),
        (Some(left), Some(right)) => operation(left, right),
        _ => Ok(vm.ctx.not_implemented()),
    }
}

fn add(left: &PyObject, right: &PyObject, vm: &VirtualMachine) -> PyResult {
    with_floats((left, right), vm, |left, right| left + right)
}

fn subtract(left: &PyObject, right: &PyObject, vm: &VirtualMachine) -> PyResult {
    with_floats((left, right), vm, |left, right| left - right)
}

fn multiply(left: &PyObject, right: &PyObject, vm: &VirtualMachine) -> PyResult {
    with_floats((left, right), vm, |left, right| left * right)
}

fn divide(left: &PyObject, right: &PyObject, vm: &VirtualMachine) -> PyResult {
    with_operands((left, right), vm, "float division by zero", |left, right| Ok(vm.ctx.new_float(left / right).into()))
}

/// Divides two ints. As in CPython, zero divided by a negative int is -0.0.
fn divide_ints(left: &PyObject, right: &PyObject, vm: &VirtualMachine) -> PyResult {
    let is_zero = |int: &PyInt| int.as_bigint() == &0.into();
    let is_negative = |int: &PyInt| int.as_bigint() < &0.into();
    if left.downcast_ref::<PyInt>().is_some_and(|left| is_zero(left))
        && right.downcast_ref::<PyInt>().is_some_and(|right| is_negative(right))
    {
        return Ok(vm.ctx.new_float(-0.0).into());
    }
    match ORIGINAL_INT_DIVISION.get() {
        Some(original) => original(left, right, vm),
        None => Ok(vm.ctx.not_implemented()),
    }
}

fn with_floats(
    (left, right): (&PyObject, &PyObject),
    vm: &VirtualMachine,
    operation: impl FnOnce(f64, f64) -> f64,
) -> PyResult {
    match (operand(left, vm)?, operand(right, vm)?) {
        (Some(left), Some(right)) => Ok(vm.ctx.new_float(operation(left, right)).into()),
        _ => Ok(vm.ctx.not_implemented()),
    }
}

fn remainder(left: &PyObject, right: &PyObject, vm: &VirtualMachine) -> PyResult {
    let operation = |left, right| Ok(vm.ctx.new_float(quotient_and_remainder(left, right).1).into());
    with_operands((left, right), vm, "float modulo", operation)
}

fn floor_divide(left: &PyObject, right: &PyObject, vm: &VirtualMachine) -> PyResult {
    let operation = |left, right| Ok(vm.ctx.new_float(quotient_and_remainder(left, right).0).into());
    with_operands((left, right), vm, "float floor division by zero", operation)
}

fn divmod(left: &PyObject, right: &PyObject, vm: &VirtualMachine) -> PyResult {
    let operation = |left, right| {
        let (quotient, rest) = quotient_and_remainder(left, right);
        let pair = [quotient, rest].map(|value| vm.ctx.new_float(value).into());
        Ok(vm.ctx.new_tuple(pair.into()).into())
    };
    with_operands((left, right), vm, "float divmod()", operation)
}

/// Returns the floor of the quotient, and the remainder, which has the sign of the divisor. The remainder is exact, and
/// the quotient is computed from it, so that the two are consistent.
fn quotient_and_remainder(left: f64, right: f64) -> (f64, f64) {
    let mut rest = left % right;
    let mut quotient = (left - rest) / right;
    if rest == 0.0 {
        rest = 0.0_f64.copysign(right);
    } else if (right < 0.0) != (rest < 0.0) {
        rest += right;
        quotient -= 1.0;
    }
    if quotient == 0.0 {
        return (0.0_f64.copysign(left / right), rest);
    }
    let floor = quotient.floor();
    (if quotient - floor > 0.5 { floor + 1.0 } else { floor }, rest)
}

fn power(left: &PyObject, right: &PyObject, modulus: &PyObject, vm: &VirtualMachine) -> PyResult {
    let original = || match ORIGINAL_POWER.get() {
        Some(original) => original(left, right, modulus, vm),
        None => Ok(vm.ctx.not_implemented()),
    };
    let (Some(base), Some(exponent)) = (operand(left, vm)?, operand(right, vm)?) else { return original() };
    let is_complex = base < 0.0 && base.is_finite() && exponent.is_finite() && exponent.fract() != 0.0;
    if !vm.is_none(modulus) || is_complex || (base == 0.0 && exponent < 0.0) {
        return original();
    }
    let value = base.powf(exponent);
    if value.is_infinite() && base.is_finite() && exponent.is_finite() {
        return Err(vm.new_overflow_error("(34, 'Numerical result out of range')".to_owned()));
    }
    Ok(vm.ctx.new_float(value).into())
}

/// Python's `float.__round__`.
fn round(float: PyObjectRef, digits: OptionalArg<PyObjectRef>, vm: &VirtualMachine) -> PyResult {
    let value = float.try_float(vm)?.to_f64();
    let digits = digits.into_option().filter(|digits| !vm.is_none(digits));
    let Some(digits) = digits else {
        let rounded = vm.ctx.new_float(value.round_ties_even());
        return rounded.as_object().try_int(vm).map(Into::into);
    };
    let digits = digits.try_index(vm)?;
    let digits =
        digits.try_to_primitive::<i64>(vm).unwrap_or(if digits.as_bigint() > &0.into() { i64::MAX } else { i64::MIN });
    let rounded = rounded(value, digits);
    if rounded.is_infinite() && value.is_finite() {
        return Err(vm.new_overflow_error("rounded value too large to represent".to_owned()));
    }
    Ok(vm.ctx.new_float(rounded).into())
}

/// Rounds a float to `digits` decimal digits after the point, by its exact decimal value. A tie goes to the even digit.
fn rounded(value: f64, digits: i64) -> f64 {
    if !value.is_finite() || value == 0.0 || digits > MAX_ROUND_DIGITS {
        return value;
    }
    if digits < MIN_ROUND_DIGITS {
        return 0.0_f64.copysign(value);
    }
    let text = rounded_digits(value.abs(), digits);
    text.parse::<f64>().unwrap_or(value).copysign(value)
}

/// Rounds a non-negative float as [`rounded`] does. Returns the decimal digits as an integer with an exponent, such as
/// `267e-2`.
fn rounded_digits(value: f64, digits: i64) -> String {
    let exact = format!("{value:.MAX_FRACTION_DIGITS$}");
    let (whole, fraction) = exact.split_once('.').unwrap_or((&exact, ""));
    let all: Vec<u8> = whole.bytes().chain(fraction.bytes()).map(|digit| digit - b'0').collect();
    let kept = i64::try_from(whole.len()).unwrap_or(i64::MAX).saturating_add(digits);
    let Ok(kept) = usize::try_from(kept) else { return "0".to_owned() };
    let (head, tail) = all.split_at(kept.min(all.len()));
    let is_odd = head.last().is_some_and(|digit| digit % 2 == 1);
    let rest = tail.iter().skip(1).any(|digit| *digit > 0);
    let is_up = tail.first().is_some_and(|first| *first > 5 || (*first == 5 && (rest || is_odd)));
    let mut text: String = std::iter::once(&0).chain(head).map(|digit| char::from(b'0' + digit)).collect();
    if is_up {
        text = incremented(&text);
    }
    format!("{text}e{}", -digits)
}

/// Returns the shortest text that is parsed as the same float. If two such texts are equally near to the float, returns
/// the one whose last digit is even.
fn repr(value: f64) -> String {
    let original = to_string(value);
    let (mantissa, exponent) = original.split_once('e').unwrap_or((&original, "0"));
    let mantissa = mantissa.strip_suffix(".0").unwrap_or(mantissa);
    let fraction = mantissa.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    let is_odd = mantissa.bytes().last().is_some_and(|last| last.is_ascii_digit() && last % 2 == 1);
    let length = mantissa.bytes().filter(u8::is_ascii_digit).count();
    let (Ok(exponent), Ok(fraction)) = (exponent.parse::<i64>(), i64::try_from(fraction)) else { return original };
    if !is_odd || length < MIN_TIE_DIGITS || !value.is_finite() {
        return original;
    }
    let even = rounded_digits(value.abs(), fraction - exponent);
    let is_same = even.parse::<f64>().is_ok_and(|even| even.to_bits() == value.abs().to_bits());
    let last = even.split_once('e').and_then(|(digits, _)| digits.chars().last()).filter(|_| is_same);
    match (last, original.split_at_checked(mantissa.len())) {
        (Some(last), Some((head, tail))) => format!("{}{last}{tail}", &head[..head.len() - 1]),
        _ => original,
    }
}

fn repr_slot(float: &PyObject, vm: &VirtualMachine) -> PyResult<PyRef<PyStr>> {
    let value = float.downcast_ref::<PyFloat>().map_or(f64::NAN, |float| float.to_f64());
    Ok(vm.ctx.new_str(repr(value)))
}

fn repr_method(float: PyObjectRef, vm: &VirtualMachine) -> PyResult<PyRef<PyStr>> {
    repr_slot(&float, vm)
}

/// Returns RustPython's own text of a float.
pub(crate) fn original_repr(float: PyObjectRef) -> String {
    to_string(float.downcast_ref::<PyFloat>().map_or(f64::NAN, |float| float.to_f64()))
}

/// Adds 1 to a decimal number that is given as digits.
fn incremented(number: &str) -> String {
    let mut digits: Vec<u8> = number.bytes().collect();
    for digit in digits.iter_mut().rev() {
        if *digit < b'9' {
            *digit += 1;
            return String::from_utf8_lossy(&digits).into_owned();
        }
        *digit = b'0';
    }
    format!("1{}", String::from_utf8_lossy(&digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The expected values come from CPython.
    #[test]
    fn quotients_and_remainders_are_those_of_c_python() {
        for (left, right, quotient, rest) in [
            (-1e-20, 3.0, -1.0, 3.0),
            (5.0, 0.1, 49.0, 0.099_999_999_999_999_73),
            (-7.5, 2.0, -4.0, 0.5),
            (7.5, -2.0, -4.0, -0.5),
            (-6.0, 3.0, -2.0, 0.0),
            (0.3, 0.1, 2.0, 0.099_999_999_999_999_98),
        ] {
            let found = quotient_and_remainder(left, right);
            assert_eq!(found.0.to_bits(), f64::to_bits(quotient), "{left} // {right}");
            assert_eq!(found.1.to_bits(), f64::to_bits(rest), "{left} % {right}: {}", found.1);
        }
    }

    /// The expected values come from CPython.
    #[test]
    fn a_tie_of_two_shortest_texts_goes_to_the_even_digit() {
        for (value, expected) in [
            (599_891_682_124_221.0 + 0.25, "599891682124221.2"),
            (-599_891_682_124_221.0 - 0.75, "-599891682124221.8"),
            (70_368_744_177_664.0 + 0.125, "70368744177664.12"),
            (0.1, "0.1"),
            (1e22, "1e+22"),
            (-2.5e-7, "-2.5e-07"),
            (1.234_567_890_123_456_7e300, "1.2345678901234567e+300"),
        ] {
            assert_eq!(repr(value), expected);
        }
    }

    /// The expected values come from CPython.
    #[test]
    fn rounding_goes_by_the_exact_digits_and_ties_to_even() {
        for (value, digits, expected) in [
            (2.675, 2, 2.67),
            (0.125, 2, 0.12),
            (0.375, 2, 0.38),
            (-0.125, 2, -0.12),
            (9.995, 2, 9.99),
            (99.96, 1, 100.0),
            (12345.678, -2, 12300.0),
            (25.0, -1, 20.0),
            (75.0, -2, 100.0),
            (50.0, -2, 0.0),
            (2.5, -1, 0.0),
            (7.5, -1, 10.0),
            (5e-324, 323, 0.0),
            (1.5, 400, 1.5),
            (1e300, -400, 0.0),
        ] {
            assert_eq!(rounded(value, digits).to_bits(), f64::to_bits(expected), "round({value}, {digits})");
        }
    }
}
