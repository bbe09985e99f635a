//! Exact amounts of money: read from a JSON number's own text, added and written without ever meeting a float.

use std::fmt;

/// Decimals kept after the point.
const DECIMALS: i64 = 6;
/// Millionths in one major unit.
const UNIT: i128 = 1_000_000;
/// The largest amount one call may name, in major units. The sum of as many calls as a `u64` can
/// count still fits the `i128` underneath, so totals cannot overflow.
pub const AMOUNT_MAX: i128 = 1_000_000_000_000;

/// An amount of money in one currency, named elsewhere.
///
/// - **Shape**: a whole number of millionths.
/// - **Units**: read and printed in major units (`480`, `12.5`).
/// - **Source**: the text of a JSON number in a call's arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Amount(i128);

/// Why a text is not an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// Not a decimal number as JSON writes it.
    #[error("not a number")]
    NotANumber,
    /// More than six decimals are needed to hold it exactly.
    #[error("more than 6 decimals")]
    TooFine,
    /// Further from zero than [`AMOUNT_MAX`].
    #[error("more than {AMOUNT_MAX}")]
    TooLarge,
}

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// Reads the text of a JSON number, exponent and all: `0.30`, `48e1` and `1.5E-3` are exact.
    pub fn parse(text: &str) -> Result<Self, AmountError> {
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, read_exponent(exponent)?),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
        let digits_only = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !digits_only(whole) || !digits_only(fraction) {
            return Err(AmountError::NotANumber);
        }

        // Zeros at the end carry no value; without them the digits either fit or do not.
        let digits = [whole, fraction].concat();
        let kept = digits.trim_end_matches('0');
        let dropped = digits.len() - kept.len();
        let digits = kept.trim_start_matches('0');
        if digits.is_empty() {
            return Ok(Self::ZERO);
        }
        let length = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        let shift = exponent
            .saturating_sub(length(fraction.len()))
            .saturating_add(length(dropped))
            .saturating_add(DECIMALS);
        if shift < 0 {
            return Err(AmountError::TooFine);
        }
        let millionths = u32::try_from(shift)
            .ok()
            .and_then(|shift| 10_i128.checked_pow(shift))
            .zip(digits.parse::<i128>().ok())
            .and_then(|(scale, digits)| digits.checked_mul(scale))
            .filter(|value| *value <= AMOUNT_MAX * UNIT)
            .ok_or(AmountError::TooLarge)?;
        Ok(Self(if negative { -millionths } else { millionths }))
    }

    /// This many whole major units.
    pub const fn whole(units: u32) -> Self {
        Self(units as i128 * UNIT)
    }

    /// The two amounts together. Cannot overflow, see [`AMOUNT_MAX`]; it saturates all the same.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The amount in millionths of a major unit.
    pub const fn millionths(self) -> i128 {
        self.0
    }

    /// The amount in whole major units, if nothing is left over.
    pub const fn to_whole(self) -> Option<i128> {
        if self.0 % UNIT == 0 { Some(self.0 / UNIT) } else { None }
    }
}

/// The exponent's value. One too long for an `i64` is as good as the largest.
fn read_exponent(text: &str) -> Result<i64, AmountError> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(AmountError::NotANumber);
    }
    let value = digits.parse::<i64>().unwrap_or(i64::MAX);
    Ok(if text.starts_with('-') { -value } else { value })
}

impl fmt::Display for Amount {
    /// The shortest exact decimal: `480`, `0.3`. Also a valid JSON number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, fraction) = (self.0.abs() / UNIT, self.0.abs() % UNIT);
        if fraction == 0 {
            return write!(f, "{sign}{whole}");
        }
        let fraction = format!("{fraction:06}");
        write!(f, "{sign}{whole}.{}", fraction.trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_read_exactly_and_printed_in_its_shortest_form() {
        for (text, printed) in [
            ("480", "480"),
            ("0", "0"),
            ("-0", "0"),
            ("0.10", "0.1"),
            ("1e2", "100"),
            ("1.5E+3", "1500"),
            ("1500e-3", "1.5"),
            ("0.000001", "0.000001"),
            ("1.0000000000000", "1"),
            ("-12.34", "-12.34"),
            ("999999999999.999999", "999999999999.999999"),
            ("1000000000000", "1000000000000"),
            ("0e99999999999999999999", "0"),
            ("1000000000000e-12", "1"),
        ] {
            assert_eq!(
                Amount::parse(text).map(|a| a.to_string()),
                Ok(printed.to_owned()),
                "{text}"
            );
        }
    }

    #[test]
    fn what_cannot_be_held_exactly_is_refused() {
        for (text, error) in [
            ("0.0000001", AmountError::TooFine),
            ("1e-7", AmountError::TooFine),
            ("1e-99999999999999999999", AmountError::TooFine),
            ("1000000000000.000001", AmountError::TooLarge),
            ("1e13", AmountError::TooLarge),
            ("1e99999999999999999999", AmountError::TooLarge),
            ("123456789012345678901234567890123456789012345", AmountError::TooLarge),
            ("", AmountError::NotANumber),
            ("-", AmountError::NotANumber),
            ("1.", AmountError::NotANumber),
            (".5", AmountError::NotANumber),
            ("1e", AmountError::NotANumber),
            ("\"5\"", AmountError::NotANumber),
            ("null", AmountError::NotANumber),
            ("+1", AmountError::NotANumber),
        ] {
            assert_eq!(Amount::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn a_tenth_and_two_tenths_are_three_tenths() {
        let sum = Amount::parse("0.1").unwrap().plus(Amount::parse("0.2").unwrap());
        assert_eq!(sum, Amount::parse("0.3").unwrap());
        assert_eq!(sum.to_string(), "0.3");
        assert_eq!(sum.to_whole(), None);
        assert_eq!(Amount::whole(7).to_whole(), Some(7));
    }
}
