//! The numbers that the strict reader accepts, in their order: the next one up, the next one down, and
//! how each is written. Nothing is decided by a float here; binary64 only says which numbers there are.

use crate::number::{Decimal, Number, shortest};

impl Decimal {
    /// The least number above this one that the strict reader accepts.
    ///
    /// - **Errors**: `None` when there is none.
    /// - **Source**: the reader accepts the decimals that readers of binary64 print, one for each.
    pub fn above(self) -> Option<Self> {
        let float: f64 = self.to_string().parse().ok()?;
        let here = of_float(float)?;
        if here > self { Some(here) } else { of_float(float.next_up()) }
    }

    /// The greatest number below this one that the strict reader accepts.
    ///
    /// - **Errors**: `None` when there is none.
    pub fn below(self) -> Option<Self> {
        let float: f64 = self.to_string().parse().ok()?;
        let here = of_float(float)?;
        if here < self { Some(here) } else { of_float(float.next_down()) }
    }

    /// The greatest whole number at or below the value, if it is one that may be written as an integer.
    pub fn floor(self) -> Option<i64> {
        let digits = i128::from(self.digits());
        let power = self.exponent().unsigned_abs();
        let whole = match (self.exponent() >= 0, 10_i128.checked_pow(power)) {
            (true, factor) => digits.checked_mul(factor?)?,
            (false, Some(divisor)) if self.is_negative() => (digits + divisor - 1) / divisor,
            (false, Some(divisor)) => digits / divisor,
            (false, None) => i128::from(self.is_negative()),
        };
        let whole = if self.is_negative() { -whole } else { whole };
        i64::try_from(whole).ok().filter(|whole| whole.unsigned_abs() <= 1 << 53)
    }
}

fn of_float(float: f64) -> Option<Decimal> {
    if float.is_finite() { shortest(float).ok() } else { None }
}

impl Number {
    /// A number of that value, written as an integer (`1`) or not (`1.0`).
    ///
    /// - **Errors**: `None` when the strict reader accepts no such number.
    pub fn of_decimal(value: Decimal, integer: bool) -> Option<Self> {
        let plain = value.to_string();
        let pointed = format!("{plain}.0");
        let sign = if value.is_negative() { "-" } else { "" };
        let powered = format!("{sign}{}e{}", value.digits(), value.exponent());
        [plain, pointed, powered].iter().find_map(|text| {
            // A second `.` or a `.` behind an exponent is no number.
            let odd = text.ends_with(".0") && !value.is_whole()
                || text.contains("e") && text.ends_with(".0");
            let number = if odd { None } else { Self::of_lexeme(text).ok() };
            number.filter(|number| number.is_integer() == integer && number.value() == value)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Limits, read};

    fn decimal(text: &str) -> Decimal {
        read(text.as_bytes(), Limits::REQUEST).unwrap().as_number().unwrap().value()
    }

    #[test]
    fn neighbours_are_numbers_with_nothing_between_them() {
        for (text, above) in [
            ("0", "5e-324"),
            ("1", "1.0000000000000002"),
            ("500", "500.00000000000006"),
            ("0.1", "0.10000000000000002"),
            ("-1", "-0.9999999999999999"),
            ("9007199254740991", "9007199254740992.0"),
            ("1e300", "1.0000000000000002e300"),
        ] {
            let (here, next) = (decimal(text), decimal(above));
            assert_eq!(here.above(), Some(next), "{text}");
            assert_eq!(next.below(), Some(here), "{above}");
        }
        assert_eq!(decimal("1.7976931348623157e308").above(), None);
        assert_eq!(decimal("-5e-324").above(), Some(Decimal::ZERO));
        // A decimal that no float prints lies between two that some do.
        let between = Decimal::new(false, 9_007_199_254_740_993, 0);
        assert!(between.below() < Some(between) && Some(between) < between.above());
    }

    #[test]
    fn numbers_are_written_so_that_the_reader_takes_them_back() {
        for (text, integer) in [
            ("0", true),
            ("0", false),
            ("500", true),
            ("500", false),
            ("-3", true),
            ("0.5", false),
            ("1e300", false),
            ("9007199254740992.0", false),
            ("5e-324", false),
            ("100000000000000000000.0", false),
        ] {
            let value = decimal(text);
            let number = Number::of_decimal(value, integer).unwrap();
            let back = read(number.text().as_bytes(), Limits::REQUEST).unwrap();
            let back = back.as_number().unwrap();
            assert_eq!((back.value(), back.is_integer()), (value, integer), "{text}");
        }
        assert!(Number::of_decimal(decimal("0.5"), true).is_none());
        assert!(Number::of_decimal(decimal("1e300"), true).is_none());
    }

    #[test]
    fn floors_are_whole_and_below() {
        for (text, floor) in [
            ("0.5", Some(0)),
            ("-0.5", Some(-1)),
            ("7", Some(7)),
            ("-7", Some(-7)),
            ("12.99", Some(12)),
            ("5e-324", Some(0)),
            ("-5e-324", Some(-1)),
            ("1e300", None),
        ] {
            assert_eq!(decimal(text).floor(), floor, "{text}");
        }
    }
}
