//! Numbers as they were written and as exact decimals. No float takes part in any comparison.

use std::cmp::Ordering;
use std::fmt;

/// The most characters a number may be written with.
pub(crate) const NUMBER_CHARS_MAX: usize = 64;

/// The largest integer that every reader of binary64 keeps apart from its neighbours.
const SAFE_INTEGER_MAX: u64 = (1 << 53) - 1;

/// Decimals of this many digits survive binary64 whatever they are (`DBL_DIG`).
const DIGITS_ALWAYS_EXACT: u32 = 15;

/// An exact decimal: `digits` × 10^`exponent`.
///
/// - **Shape**: normalised (no trailing zero in `digits`, zero is 0 × 10^0 and never negative), so
///   equal values are equal structures.
/// - **Errors**: none; every number that the reader lets through fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Decimal {
    negative: bool,
    digits: u64,
    exponent: i32,
}

impl Decimal {
    /// Zero.
    pub const ZERO: Self = Self { negative: false, digits: 0, exponent: 0 };

    /// A decimal of its parts, normalised.
    pub fn new(negative: bool, mut digits: u64, mut exponent: i32) -> Self {
        if digits == 0 {
            return Self::ZERO;
        }
        while digits.is_multiple_of(10) {
            digits /= 10;
            exponent = exponent.saturating_add(1);
        }
        Self { negative, digits, exponent }
    }

    /// Whether the value is below zero.
    pub const fn is_negative(self) -> bool {
        self.negative
    }

    /// Whether the value is zero.
    pub const fn is_zero(self) -> bool {
        self.digits == 0
    }

    /// Whether the value is a whole number (`1.0` is).
    pub const fn is_whole(self) -> bool {
        self.exponent >= 0
    }

    /// The significant digits, without sign or exponent.
    pub const fn digits(self) -> u64 {
        self.digits
    }

    /// The power of ten the digits are multiplied with.
    pub const fn exponent(self) -> i32 {
        self.exponent
    }

    /// The value in millionths, rounded up (towards positive infinity).
    ///
    /// - **Units**: millionths of the number as written.
    /// - **Errors**: `None` when the result does not fit an `i64`.
    pub fn millionths_up(self) -> Option<i64> {
        let shift = self.exponent.checked_add(6)?;
        let digits = i128::from(self.digits);
        let magnitude = if shift >= 0 {
            let factor = 10_i128.checked_pow(u32::try_from(shift).ok()?)?;
            digits.checked_mul(factor)?
        } else {
            let power = shift.unsigned_abs();
            match 10_i128.checked_pow(power) {
                Some(divisor) if self.negative => digits / divisor,
                Some(divisor) => digits / divisor + i128::from(digits % divisor != 0),
                None if self.negative => 0,
                None => i128::from(digits != 0),
            }
        };
        i64::try_from(if self.negative { -magnitude } else { magnitude }).ok()
    }

    fn cmp_magnitude(self, other: Self) -> Ordering {
        match (self.digits, other.digits) {
            (0, 0) => return Ordering::Equal,
            (0, _) => return Ordering::Less,
            (_, 0) => return Ordering::Greater,
            _ => {}
        }
        // Both have at most 20 digits: with the same leading power of ten the exponents are at
        // most 19 apart, and 20 + 19 digits fit a u128 with room to spare below 10^38.
        let order = |d: Self| i64::from(d.digits.ilog10()) + i64::from(d.exponent);
        order(self).cmp(&order(other)).then_with(|| {
            let low = self.exponent.min(other.exponent);
            let scaled = |d: Self| {
                let power = d.exponent.saturating_sub(low).unsigned_abs();
                u128::from(d.digits).saturating_mul(10_u128.saturating_pow(power))
            };
            scaled(self).cmp(&scaled(other))
        })
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.negative, other.negative) {
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, false) => self.cmp_magnitude(*other),
            (true, true) => other.cmp_magnitude(*self),
        }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl From<i64> for Decimal {
    fn from(value: i64) -> Self {
        Self::new(value < 0, value.unsigned_abs(), 0)
    }
}

impl fmt::Display for Decimal {
    /// Plain notation where that is short, otherwise `digits` with an exponent.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.negative {
            f.write_str("-")?;
        }
        let digits = self.digits.to_string();
        let point = i64::try_from(digits.len()).unwrap_or(i64::MAX) + i64::from(self.exponent);
        match (self.exponent, point) {
            (0..=20, _) => write!(f, "{digits}{:0>1$}", "", self.exponent.unsigned_abs() as usize),
            (..0, 1..) => {
                let (whole, fraction) = digits.split_at(usize::try_from(point).unwrap_or(0));
                write!(f, "{whole}.{fraction}")
            }
            (..0, -20..=0) => {
                write!(f, "0.{:0>1$}{digits}", "", usize::try_from(-point).unwrap_or(0))
            }
            _ => write!(f, "{digits}e{}", self.exponent),
        }
    }
}

/// A number: its text, kept to the letter, and its exact value.
#[derive(Clone, Debug)]
pub struct Number {
    text: Box<str>,
    value: Decimal,
}

/// Why a number is refused although it is JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberFault {
    /// More than 64 characters.
    TooLong,
    /// Beyond binary64.
    OutOfRange,
    /// A binary64 reader and an exact reader would disagree, or an integer beyond ±(2^53−1).
    NotExact,
    /// `-0` in any spelling.
    NegativeZero,
}

impl Number {
    /// A number of JSON text that already matched the grammar.
    pub(crate) fn of_lexeme(text: &str) -> Result<Self, NumberFault> {
        let value = exact(text)?;
        Ok(Self { text: text.into(), value })
    }

    /// The number as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The exact value.
    pub fn value(&self) -> Decimal {
        self.value
    }

    /// Whether it is written as an integer: without a fraction and without an exponent.
    pub fn is_integer(&self) -> bool {
        is_integer_text(&self.text)
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        Self { text: value.to_string().into(), value: value.into() }
    }
}

impl PartialEq for Number {
    /// Equal by exact value: `1` = `1.0`.
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl Eq for Number {}

fn is_integer_text(text: &str) -> bool {
    !text.bytes().any(|b| matches!(b, b'.' | b'e' | b'E'))
}

/// The exact value of a lexeme, if every reader agrees on it.
fn exact(text: &str) -> Result<Decimal, NumberFault> {
    if text.len() > NUMBER_CHARS_MAX {
        return Err(NumberFault::TooLong);
    }
    let (negative, digits, exponent, count) = parts(text)?;
    if digits == 0 {
        return if negative { Err(NumberFault::NegativeZero) } else { Ok(Decimal::ZERO) };
    }
    if is_integer_text(text) {
        let magnitude = u32::try_from(exponent)
            .ok()
            .and_then(|power| 10_u64.checked_pow(power))
            .and_then(|factor| digits.checked_mul(factor));
        return if magnitude.is_some_and(|m| m <= SAFE_INTEGER_MAX) {
            Ok(Decimal::new(negative, digits, exponent))
        } else {
            Err(NumberFault::NotExact)
        };
    }
    let value = Decimal::new(negative, digits, exponent);
    let leading = i64::from(value.digits.ilog10()) + i64::from(value.exponent);
    if count <= DIGITS_ALWAYS_EXACT && (-290..=290).contains(&leading) {
        return Ok(value);
    }
    let float: f64 = text.parse().map_err(|_| NumberFault::NotExact)?;
    if float.is_infinite() {
        return Err(NumberFault::OutOfRange);
    }
    if shortest(float)? == value { Ok(value) } else { Err(NumberFault::NotExact) }
}

/// The decimal that readers of binary64 print for a float: the fewest digits that read back as it,
/// the closest of those, and of two equally close ones the even one (as ECMAScript and Python do).
pub(crate) fn shortest(float: f64) -> Result<Decimal, NumberFault> {
    // `{:e}` prints all that, except that of two equally close ones it may print the odd one.
    let (negative, digits, exponent, count) = parts(&format!("{float:e}"))?;
    if count > 19 {
        return Err(NumberFault::NotExact);
    }
    let shortest = Decimal::new(negative, digits, exponent);
    let even = even_of_two(float, count as usize).map(|n| Decimal::new(negative, n, exponent));
    Ok(even.filter(|even| even.to_string().parse() == Ok(float)).unwrap_or(shortest))
}

/// If a float lies exactly halfway between two decimals of so many digits: the digits of the even
/// one.
fn even_of_two(float: f64, count: usize) -> Option<u64> {
    let lower_of_two = |digits: usize| {
        let exact = format!("{float:.digits$e}");
        let (mantissa, _) = exact.split_once('e')?;
        let mut found = mantissa.bytes().filter(u8::is_ascii_digit).map(|b| u64::from(b - b'0'));
        let lower = found.by_ref().take(count).fold(0, |n, digit| n * 10 + digit);
        (found.next() == Some(5) && found.all(|digit| digit == 0)).then_some(lower)
    };
    // Nearly all are told apart by the first few digits; no float has more than 767.
    lower_of_two(40)?;
    lower_of_two(800).map(|lower| lower + lower % 2)
}

/// Sign, significant digits (leading and trailing zeros dropped), exponent, and how many digits.
fn parts(text: &str) -> Result<(bool, u64, i32, u32), NumberFault> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (mantissa, written) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let (mut digits, mut count, mut scale, mut zeros) = (0_u64, 0_u32, 0_i64, 0_u32);
    let mut after_point = false;
    for byte in mantissa.bytes() {
        if byte == b'.' {
            after_point = true;
            continue;
        }
        scale -= i64::from(after_point);
        let digit = u64::from(byte.wrapping_sub(b'0'));
        if digit == 0 {
            // Zeros count only once a digit follows them.
            zeros += u32::from(count > 0);
            continue;
        }
        count += zeros + 1;
        if count > 19 {
            return Err(NumberFault::NotExact);
        }
        digits = digits * 10_u64.pow(zeros + 1) + digit;
        zeros = 0;
    }
    scale += i64::from(zeros);
    if digits == 0 {
        return Ok((negative, 0, 0, 0));
    }
    let written = match written.map(parse_exponent) {
        None => 0,
        Some(Some(exponent)) => exponent,
        // An exponent of more than nine digits: beyond every float, or below the smallest.
        Some(None) if text.contains("e-") || text.contains("E-") => {
            return Err(NumberFault::NotExact);
        }
        Some(None) => return Err(NumberFault::OutOfRange),
    };
    let exponent =
        i32::try_from(scale + i64::from(written)).map_err(|_| NumberFault::OutOfRange)?;
    Ok((negative, digits, exponent, count))
}

fn parse_exponent(text: &str) -> Option<i32> {
    let (negative, digits) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let digits = digits.trim_start_matches('0');
    if digits.len() > 9 {
        return None;
    }
    let magnitude = digits.bytes().fold(0_i32, |n, b| n * 10 + i32::from(b.wrapping_sub(b'0')));
    Some(if negative { -magnitude } else { magnitude })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Result<Decimal, NumberFault> {
        Number::of_lexeme(text).map(|n| n.value())
    }

    #[test]
    fn numbers_on_which_readers_agree_are_kept() {
        for text in [
            "0",
            "1",
            "-1",
            "1.0",
            "0.1",
            "100.50",
            "1e0",
            "10e-1",
            "9007199254740991",
            "1e21",
            "-9007199254740991",
            "123456789.123456",
            "5e-324",
            "1.7976931348623157e308",
            "0.0",
            "0e999999999999",
            "1E+2",
            "4.35",
            "2.2250738585072014e-308",
            "1e-7",
            "0.3",
            "1e22",
        ] {
            assert!(value(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn numbers_on_which_readers_disagree_are_refused() {
        use NumberFault::*;
        for (text, fault) in [
            ("1e400", OutOfRange),
            ("-1e400", OutOfRange),
            ("1E+9999999999", OutOfRange),
            ("1e-400", NotExact),
            ("1e-9999999999", NotExact),
            ("-0", NegativeZero),
            ("-0.0", NegativeZero),
            ("-0e0", NegativeZero),
            ("-0e9999999999", NegativeZero),
            ("100.00000000000000001", NotExact),
            ("9007199254740992", NotExact),
            ("9007199254740993.0", NotExact),
            ("12345678901234567890123", NotExact),
            ("10000000000000000000", NotExact),
            ("1234567890123.4567890123", NotExact),
            ("0.1000000000000000055511151231257827", NotExact),
        ] {
            assert_eq!(value(text), Err(fault), "{text}");
        }
        assert_eq!(value(&"1".repeat(65)), Err(TooLong));
    }

    #[test]
    fn of_two_spellings_equally_close_to_a_float_the_even_one_is_kept() {
        // 77224484138580.625 and its like lie halfway between two decimals of 16 digits.
        for (kept, refused) in [
            ("77224484138580.62", "77224484138580.63"),
            ("-77224484138580.62", "-77224484138580.63"),
            ("77224484138580.88", "77224484138580.87"),
            ("7.722448413858062e13", "7.722448413858063e13"),
            ("5e-324", "4e-324"),
        ] {
            assert!(value(kept).is_ok(), "{kept}");
            assert_eq!(value(refused), Err(NumberFault::NotExact), "{refused}");
        }
    }

    #[test]
    fn order_is_exact() {
        let ascending = [
            "-1e300",
            "-2",
            "-1.5",
            "0",
            "1e-300",
            "0.1",
            "0.30000000000000004",
            "1",
            "2",
            "10",
            "10.5",
            "1e2",
            "1e300",
        ];
        for pair in ascending.windows(2) {
            assert!(value(pair[0]).unwrap() < value(pair[1]).unwrap(), "{pair:?}");
        }
        assert_eq!(value("1"), value("1.0"));
        assert_eq!(value("100"), value("1e2"));
        assert_eq!(value("0"), value("0.000"));
    }

    #[test]
    fn millionths_round_up_and_never_overflow() {
        for (text, expected) in [
            ("0.99", Some(990_000)),
            ("1e-7", Some(1)),
            ("-1e-7", Some(0)),
            ("1.0000001", Some(1_000_001)),
            ("-5", Some(-5_000_000)),
            ("9007199254740.99", Some(9_007_199_254_740_990_000)),
            ("9223372036854.775", Some(9_223_372_036_854_775_000)),
            ("1e300", None),
            ("1e-300", Some(1)),
            ("0", Some(0)),
        ] {
            assert_eq!(value(text).map(Decimal::millionths_up), Ok(expected), "{text}");
        }
    }

    #[test]
    fn decimals_print_as_people_write_them() {
        for (text, shown) in [
            ("1.50", "1.5"),
            ("100", "100"),
            ("0.001", "0.001"),
            ("-2.5e1", "-25"),
            ("1e30", "1e30"),
        ] {
            assert_eq!(value(text).unwrap().to_string(), shown);
        }
    }
}
