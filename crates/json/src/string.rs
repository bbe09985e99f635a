//! What stands between the quotes of a string: found quickly, decoded once it is known to be sound.

/// Bytes that are looked at together.
const BLOCK: usize = 64;

/// How many bytes from the start are neither a quote, a backslash nor a control character.
pub(crate) fn plain_run(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 255;
    const HIGHS: u64 = ONES * 128;
    let zero_byte = |word: u64| word.wrapping_sub(ONES) & !word & HIGHS;
    let mut at = 0;
    // Eight bytes at a time. A borrow can mark bytes above the first hit only, so the lowest
    // mark is always right.
    for chunk in bytes.chunks_exact(8) {
        let mut eight = [0; 8];
        eight.copy_from_slice(chunk);
        let word = u64::from_le_bytes(eight);
        let marks = zero_byte(word ^ (ONES * u64::from(b'"')))
            | zero_byte(word ^ (ONES * u64::from(b'\\')))
            | (word.wrapping_sub(ONES * 0x20) & !word & HIGHS);
        if marks != 0 {
            return at + (marks.trailing_zeros() / 8) as usize;
        }
        at += 8;
        // A string this long is likely to go on: look at whole blocks from here.
        if at == BLOCK {
            at += plain_blocks(bytes.get(at..).unwrap_or_default());
            return at + plain_end(bytes.get(at..).unwrap_or_default());
        }
    }
    at + plain_end(bytes.get(at..).unwrap_or_default())
}

/// How many bytes of whole blocks from the start are plain.
fn plain_blocks(bytes: &[u8]) -> usize {
    let is_plain =
        |block: &&[u8]| !block.iter().fold(false, |special, byte| special | is_special(*byte));
    bytes.chunks_exact(BLOCK).take_while(is_plain).count() * BLOCK
}

fn plain_end(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| !is_special(**byte)).count()
}

fn is_special(byte: u8) -> bool {
    (byte < 0x20) | (byte == b'"') | (byte == b'\\')
}

/// How many bytes from the start are plain or belong to an escape of two characters that stands
/// for itself (`\"`, `\n` and the like, not `\u`), in whole blocks. What follows is for a reader
/// that looks at each byte.
///
/// Text that holds JSON has a backslash every few bytes, and taking them one by one costs more
/// than everything else that is done to an answer.
pub(crate) fn escaped_run(bytes: &[u8]) -> usize {
    const EVEN: u64 = 0x5555_5555_5555_5555;
    let mut at = 0;
    // Whether the first byte of the block is escaped by the last one of the block before.
    let mut carried = 0;
    for block in bytes.chunks_exact(BLOCK) {
        let quotes = mask(block, |byte| byte == b'"');
        let backslashes = mask(block, |byte| byte == b'\\');
        // Hardly a text holds one, and whether any stands in a block is asked at a third of the price.
        let controls = match block.iter().fold(false, |some, byte| some | (*byte < 0x20)) {
            true => mask(block, |byte| byte < 0x20),
            false => 0,
        };
        // A backslash that is not escaped itself escapes what follows: in a run of backslashes,
        // every second one, counted from where the run begins.
        let free = backslashes & !carried;
        let follows = (free << 1) | carried;
        let odd_starts = free & !EVEN & !follows;
        let (ends, overflow) = odd_starts.overflowing_add(free);
        let escaped = (EVEN ^ (ends << 1)) & follows;
        let others = escaped & !quotes & !backslashes;
        let mut stop = (quotes & !escaped) | controls;
        let mut rest = others;
        while rest != 0 {
            let place = rest.trailing_zeros() as usize;
            rest &= rest - 1;
            if !matches!(block.get(place), Some(b'/' | b'b' | b'f' | b'n' | b'r' | b't')) {
                // From its backslash on, which may be the last byte of the block before.
                if place == 0 {
                    return at - 1;
                }
                stop |= 1 << (place - 1);
            }
        }
        if stop != 0 {
            return at + stop.trailing_zeros() as usize;
        }
        carried = u64::from(overflow);
        at += BLOCK;
    }
    at - carried as usize
}

/// One bit for each byte of a block that is as asked, the first byte's the lowest.
fn mask(block: &[u8], asked: impl Fn(u8) -> bool) -> u64 {
    let mut ones = [0; BLOCK];
    for (one, byte) in ones.iter_mut().zip(block) {
        *one = u8::from(asked(*byte));
    }
    let mut bits = 0;
    for (index, eight) in ones.chunks_exact(8).enumerate() {
        let mut word = [0; 8];
        word.copy_from_slice(eight);
        // Gathers the lowest bit of each byte into the highest byte.
        let gathered = u64::from_le_bytes(word).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        bits |= gathered << (index * 8);
    }
    bits
}

/// Decodes what stands between the quotes of a string that the lexer has passed.
pub(crate) fn unescape(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut chars = raw.chars();
    let unit = |chars: &mut std::str::Chars<'_>| {
        chars.by_ref().take(4).fold(0, |n, c| n * 16 + c.to_digit(16).unwrap_or(0))
    };
    while let Some(c) = chars.next() {
        if c != '\\' {
            text.push(c);
            continue;
        }
        match chars.next() {
            Some('b') => text.push('\u{8}'),
            Some('f') => text.push('\u{c}'),
            Some('n') => text.push('\n'),
            Some('r') => text.push('\r'),
            Some('t') => text.push('\t'),
            Some('u') => {
                let first = unit(&mut chars);
                let code = if (0xd800..0xdc00).contains(&first) {
                    chars.next();
                    chars.next();
                    let second = unit(&mut chars);
                    0x10000 + ((first - 0xd800) << 10) + (second.wrapping_sub(0xdc00) & 0x3ff)
                } else {
                    first
                };
                text.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            Some(other) => text.push(other),
            None => {}
        }
    }
    text
}

/// Whether a code point is one that Unicode reserves for no character.
pub(crate) fn is_noncharacter(c: char) -> bool {
    let code = u32::from(c);
    (0xfdd0..=0xfdef).contains(&code) || code & 0xfffe == 0xfffe
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As [`escaped_run`], byte by byte and to the last byte.
    fn slowly(bytes: &[u8]) -> usize {
        let mut at = 0;
        loop {
            match bytes.get(at..).unwrap_or_default() {
                [] | [b'"', ..] | [0..0x20, ..] | [b'\\'] => return at,
                [b'\\', b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => at += 2,
                [b'\\', ..] => return at,
                _ => at += 1,
            }
        }
    }

    /// A small generator, so that the texts are the same each time.
    fn text(seed: u64, length: usize, letters: &[u8]) -> Vec<u8> {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        (0..length)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                letters[(state % letters.len() as u64) as usize]
            })
            .collect()
    }

    #[test]
    fn blocks_agree_with_bytes() {
        let alphabets: [&[u8]; 5] = [
            b"\\",
            b"\\\\\\a",
            b"\\\\\"nabcdefghijklmnopqrstuvwxyz",
            b"\\u\\n0000aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            b"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz\x01\"\\\xc3\xa9",
        ];
        for seed in 0..4_000 {
            let letters = alphabets[(seed % 5) as usize];
            let bytes = text(seed, (seed % 300) as usize, letters);
            let (fast, slow) = (escaped_run(&bytes), slowly(&bytes));
            // Whole blocks only: it may stop early, never late, and what it passed is settled.
            assert!(fast <= slow, "{bytes:?}");
            assert!(slow - fast < BLOCK + 1 || fast == slow, "{bytes:?}: {fast} {slow}");
            assert_eq!(fast + slowly(&bytes[fast..]), slow, "{bytes:?}");
            let plain = bytes.iter().take_while(|byte| !is_special(**byte)).count();
            assert_eq!(plain_run(&bytes), plain, "{bytes:?}");
        }
    }
}
