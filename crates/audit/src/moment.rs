//! Moments as entries write them: RFC 3339 in UTC, to the microsecond.

/// Appends the moment that many microseconds after 1970; years outside 0 to 9999 are cut to them.
pub(crate) fn write(micros: i64, out: &mut Vec<u8>) {
    const FIRST: i64 = -62_167_219_200_000_000;
    const LAST: i64 = 253_402_300_799_999_999;
    let micros = micros.clamp(FIRST, LAST);
    let (days, rest) = (micros.div_euclid(86_400_000_000), micros.rem_euclid(86_400_000_000));
    let (year, month, day) = civil(days);
    let (seconds, fraction) = (rest / 1_000_000, rest % 1_000_000);
    let mut put = |number: i64, digits: u32, then: u8| {
        for place in (0..digits).rev() {
            out.push(b'0' + (number / 10_i64.pow(place) % 10) as u8);
        }
        out.push(then);
    };
    put(year, 4, b'-');
    put(month, 2, b'-');
    put(day, 2, b'T');
    put(seconds / 3600, 2, b':');
    put(seconds / 60 % 60, 2, b':');
    put(seconds % 60, 2, b'.');
    put(fraction, 6, b'Z');
}

/// The date of a day counted from 1970-01-01, by Howard Hinnant's algorithm.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    #[test]
    fn moments_are_written_to_the_microsecond() {
        for (micros, text) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (-1, "1969-12-31T23:59:59.999999Z"),
            (951_782_400_000_001, "2000-02-29T00:00:00.000001Z"),
            (1_795_263_905_123_456, "2026-11-21T12:25:05.123456Z"),
            (i64::MAX, "9999-12-31T23:59:59.999999Z"),
            (i64::MIN, "0000-01-01T00:00:00.000000Z"),
        ] {
            let mut out = Vec::new();
            super::write(micros, &mut out);
            assert_eq!(String::from_utf8_lossy(&out), text, "{micros}");
        }
    }
}
