//! Numbers as digits `0-9A-Za-z`, of a fixed width, most significant first. Written only, never read.

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Writes a number into all of `out`, padded with `0`. What does not fit is cut off at the top.
///
/// - **Shape**: `number` is big-endian. It is divided in place, so that no copy of a secret is made;
///   what is left in it afterwards means nothing.
pub(crate) fn write(number: &mut [u8], out: &mut [u8]) {
    for digit in out.iter_mut().rev() {
        let mut rest = 0;
        for byte in number.iter_mut() {
            let value = rest * 256 + u32::from(*byte);
            *byte = (value / 62) as u8;
            rest = value % 62;
        }
        *digit = DIGITS[rest as usize];
    }
}

/// Whether the byte is one of the digits.
pub(crate) fn is_digit(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(number: u128, width: usize) -> String {
        let mut out = vec![0; width];
        write(&mut number.to_be_bytes(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn digits_come_in_order_and_are_padded() {
        assert_eq!(written(0, 3), "000");
        assert_eq!(written(61, 3), "00z");
        assert_eq!(written(62, 3), "010");
        assert_eq!(written(62 * 62 * 62 - 1, 3), "zzz");
        assert_eq!(written(u128::from(u32::MAX), 6), "4gfFC3");
    }

    #[test]
    fn forty_three_digits_hold_every_256_bit_number() {
        let mut largest = [0xFF; 32];
        let mut out = [0; 43];
        write(&mut largest, &mut out);
        // 2^256 - 1, worked out with whole numbers of any size.
        assert_eq!(
            std::str::from_utf8(&out).unwrap(),
            "yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp1"
        );
    }

    #[test]
    fn only_the_digits_are_digits() {
        for byte in 0..=u8::MAX {
            assert_eq!(is_digit(byte), DIGITS.contains(&byte), "{byte}");
        }
    }
}
