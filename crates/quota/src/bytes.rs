//! Length-prefixed bytes: how keys and rows are written down, and how they are read back strictly.
//!
//! Lengths and counts are LEB128 in their one shortest form, so every structure has exactly one
//! encoding and no two structures share one.

/// Bytes that are not what the encoding writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bytes end in the middle of something.
    #[error("the bytes end too early")]
    TooShort,
    /// More bytes follow than the encoding has.
    #[error("bytes follow after the end")]
    TooLong,
    /// A length is not in its shortest form, or beyond what this machine can hold.
    #[error("a length is malformed")]
    Length,
    /// A text is not UTF-8.
    #[error("a text is not UTF-8")]
    Text,
    /// A tag or version that this release does not write.
    #[error("unknown tag {0}")]
    Tag(u8),
}

/// Writes a count or a length.
pub(crate) fn put_count(out: &mut Vec<u8>, mut count: usize) {
    loop {
        let low = u8::try_from(count & 0x7f).unwrap_or(0x7f);
        count >>= 7;
        if count == 0 {
            out.push(low);
            return;
        }
        out.push(low | 0x80);
    }
}

/// Writes a text with its length before it.
pub(crate) fn put_text(out: &mut Vec<u8>, text: &str) {
    put_count(out, text.len());
    out.extend_from_slice(text.as_bytes());
}

/// Writes a signed number, eight bytes, most significant first.
pub(crate) fn put_i64(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(&value.to_be_bytes());
}

/// Reads from the front of some bytes.
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn u8(&mut self) -> Result<u8, DecodeError> {
        let (first, rest) = self.0.split_first().ok_or(DecodeError::TooShort)?;
        self.0 = rest;
        Ok(*first)
    }

    pub(crate) fn i64(&mut self) -> Result<i64, DecodeError> {
        let (first, rest) = self.0.split_first_chunk::<8>().ok_or(DecodeError::TooShort)?;
        self.0 = rest;
        Ok(i64::from_be_bytes(*first))
    }

    pub(crate) fn flag(&mut self) -> Result<bool, DecodeError> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(DecodeError::Tag(other)),
        }
    }

    pub(crate) fn count(&mut self) -> Result<usize, DecodeError> {
        let mut count = 0_u64;
        for place in 0..9 {
            let byte = self.u8()?;
            count |= u64::from(byte & 0x7f) << (7 * place);
            if byte & 0x80 == 0 {
                if byte == 0 && place > 0 {
                    return Err(DecodeError::Length);
                }
                return usize::try_from(count).map_err(|_| DecodeError::Length);
            }
        }
        Err(DecodeError::Length)
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], DecodeError> {
        let length = self.count()?;
        let (bytes, rest) = self.0.split_at_checked(length).ok_or(DecodeError::TooShort)?;
        self.0 = rest;
        Ok(bytes)
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, DecodeError> {
        std::str::from_utf8(self.bytes()?).map_err(|_| DecodeError::Text)
    }

    pub(crate) fn end(self) -> Result<(), DecodeError> {
        if self.0.is_empty() { Ok(()) } else { Err(DecodeError::TooLong) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_reads_back_and_has_one_form_only() {
        for count in [0, 1, 127, 128, 300, 16_383, 16_384, 1 << 40] {
            let mut out = Vec::new();
            put_count(&mut out, count);
            let mut reader = Reader(&out);
            assert_eq!(reader.count(), Ok(count));
            assert_eq!(reader.end(), Ok(()));
        }
        for bad in [&[0x80, 0x00][..], &[0xff; 10]] {
            assert_eq!(Reader(bad).count(), Err(DecodeError::Length), "{bad:?}");
        }
        assert_eq!(Reader(&[0x80]).count(), Err(DecodeError::TooShort));
    }
}
