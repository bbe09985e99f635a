//! Currencies of ISO 4217: how many decimals each has, and an amount in minor units as people write it.
//! Exact: no float takes part.

use json::{Decimal, Value};

/// Codes by the decimals of their minor unit. Funds without one (precious metals, units of account,
/// test codes) are left out: an amount in those is shown as it is.
const CODES: [(usize, &str); 4] = [
    (0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"),
    (
        2,
        "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN \
         BZD CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP \
         GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP \
         LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR \
         NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN \
         SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD XCG YER \
         ZAR ZMW ZWG",
    ),
    (3, "BHD IQD JOD KWD LYD OMR TND"),
    (4, "CLF UYW"),
];

/// The most characters of an amount: beyond them it is shown as it was sent alone.
const CHARS_MAX: usize = 40;

/// A currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Currency {
    pub(crate) code: &'static str,
    decimals: usize,
}

impl Currency {
    /// The currency of a code, in small letters or large; `None` for what is none.
    pub(crate) fn of(code: &str) -> Option<Self> {
        CODES.iter().find_map(|(decimals, codes)| {
            let found = codes.split(' ').find(|known| known.eq_ignore_ascii_case(code))?;
            Some(Self { code: found, decimals: *decimals })
        })
    }

    /// An amount in minor units as people write it; `None` for what is no whole number.
    ///
    /// - **Units**: `48000` of USD is `480.00`, of JPY `48000`, of KWD `48.000`.
    pub(crate) fn major(self, minor: &Value) -> Option<String> {
        let (negative, digits) = match minor {
            Value::Number(number) => of_decimal(number.value())?,
            Value::String(text) => of_text(text)?,
            _ => return None,
        };
        if digits.len() > CHARS_MAX {
            return None;
        }
        let digits = format!("{digits:0>width$}", width = self.decimals + 1);
        let (whole, rest) = digits.split_at(digits.len() - self.decimals);
        let sign = if negative { "-" } else { "" };
        let point = if rest.is_empty() { "" } else { "." };
        Some(format!("{sign}{whole}{point}{rest}"))
    }
}

fn of_decimal(value: Decimal) -> Option<(bool, String)> {
    let zeros = usize::try_from(value.exponent()).ok().filter(|zeros| *zeros <= CHARS_MAX)?;
    Some((value.is_negative(), format!("{}{}", value.digits(), "0".repeat(zeros))))
}

/// A whole number that was sent as a text, written as JSON writes one.
fn of_text(text: &str) -> Option<(bool, String)> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = digits.bytes().all(|digit| digit.is_ascii_digit());
    let canonical = digits == "0" || !digits.starts_with('0');
    let whole = !digits.is_empty() && plain && canonical && text != "-0";
    whole.then(|| (digits.len() < text.len(), digits.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn major(code: &str, minor: &str) -> Option<String> {
        let value = json::read(minor.as_bytes(), json::Limits::ANSWER).unwrap();
        Currency::of(code).and_then(|currency| currency.major(&value))
    }

    #[test]
    fn an_amount_is_written_with_the_decimals_of_its_currency_and_exactly() {
        for (code, minor, expected) in [
            ("USD", "48000", "480.00"),
            ("usd", "48000", "480.00"),
            ("USD", "5", "0.05"),
            ("USD", "0", "0.00"),
            ("USD", "-48050", "-480.50"),
            ("USD", "-5", "-0.05"),
            ("USD", "4.8e4", "480.00"),
            ("USD", "48000.0", "480.00"),
            ("JPY", "48000", "48000"),
            ("KWD", "48000", "48.000"),
            ("KWD", "1", "0.001"),
            ("CLF", "123456", "12.3456"),
            ("USD", "9007199254740991", "90071992547409.91"),
            ("USD", "\"48000\"", "480.00"),
            ("USD", "\"9007199254740993\"", "90071992547409.93"),
            ("USD", "\"-1\"", "-0.01"),
            ("USD", "\"123456789012345678901234567890\"", "1234567890123456789012345678.90"),
        ] {
            assert_eq!(major(code, minor).as_deref(), Some(expected), "{minor} {code}");
        }
    }

    #[test]
    fn what_is_no_whole_number_of_a_known_currency_is_left_as_it_is() {
        for (code, minor) in [
            ("USD", "480.5"),
            ("USD", "1e60"),
            ("USD", "true"),
            ("USD", "null"),
            ("USD", "[48000]"),
            ("USD", "\"\""),
            ("USD", "\"-\""),
            ("USD", "\"-0\""),
            ("USD", "\"0480\""),
            ("USD", "\"480.00\""),
            ("USD", "\" 480\""),
            ("USD", "\"\u{0664}\""),
            ("XAU", "1"),
            ("XXX", "1"),
            ("US", "1"),
            ("", "1"),
            ("USD EUR", "1"),
            ("USDT", "1"),
        ] {
            assert_eq!(major(code, minor), None, "{minor} {code}");
        }
    }

    #[test]
    fn no_code_stands_twice_and_all_are_three_letters() {
        let mut seen = std::collections::HashSet::new();
        for code in CODES.iter().flat_map(|(_, codes)| codes.split(' ')) {
            assert!(code.len() == 3 && code.bytes().all(|b| b.is_ascii_uppercase()), "{code}");
            assert!(seen.insert(code), "{code}");
        }
        assert!(seen.len() > 150);
    }
}
