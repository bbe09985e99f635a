//! The little of CBOR that authenticators speak (CTAP2's canonical form), read strictly: lengths are
//! definite, integers are short, names stand once, nothing is left over, nesting is shallow.

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    Int(i64),
    Bytes(&'a [u8]),
    Text(&'a str),
    List(Vec<Value<'a>>),
    Map(Vec<(Value<'a>, Value<'a>)>),
    Bool(bool),
    Null,
}

/// How deep values may nest: attestation objects need three.
const DEPTH_MAX: u8 = 6;
/// The most items of one list or map.
const ITEMS_MAX: usize = 64;

/// Reads one value and hands back what follows it.
pub(super) fn read(bytes: &[u8]) -> Option<(Value<'_>, &[u8])> {
    value(bytes, 0)
}

/// Reads one value that is all there is.
pub(super) fn read_all(bytes: &[u8]) -> Option<Value<'_>> {
    read(bytes).and_then(|(value, rest)| rest.is_empty().then_some(value))
}

impl<'a> Value<'a> {
    /// The member of a map under an integer.
    pub(super) fn at(&self, name: i64) -> Option<&Value<'a>> {
        self.member(&Value::Int(name))
    }

    /// The member of a map under a text.
    pub(super) fn named(&self, name: &str) -> Option<&Value<'a>> {
        self.member(&Value::Text(name))
    }

    fn member(&self, name: &Value<'_>) -> Option<&Value<'a>> {
        let Value::Map(members) = self else { return None };
        members.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    pub(super) fn int(&self) -> Option<i64> {
        if let Self::Int(number) = self { Some(*number) } else { None }
    }

    pub(super) fn bytes(&self) -> Option<&'a [u8]> {
        if let Self::Bytes(bytes) = self { Some(bytes) } else { None }
    }
}

fn value(bytes: &[u8], depth: u8) -> Option<(Value<'_>, &[u8])> {
    if depth > DEPTH_MAX {
        return None;
    }
    let (first, rest) = bytes.split_first()?;
    let (major, info) = (first >> 5, first & 31);
    if major == 7 {
        let simple = match info {
            20 => Value::Bool(false),
            21 => Value::Bool(true),
            22 => Value::Null,
            _ => return None,
        };
        return Some((simple, rest));
    }
    let (argument, rest) = argument(info, rest)?;
    match major {
        0 => Some((Value::Int(i64::try_from(argument).ok()?), rest)),
        1 => Some((Value::Int(-1 - i64::try_from(argument).ok()?), rest)),
        2 => {
            let (bytes, rest) = rest.split_at_checked(usize::try_from(argument).ok()?)?;
            Some((Value::Bytes(bytes), rest))
        }
        3 => {
            let (text, rest) = rest.split_at_checked(usize::try_from(argument).ok()?)?;
            Some((Value::Text(std::str::from_utf8(text).ok()?), rest))
        }
        4 => list(count(argument)?, rest, depth),
        5 => map(count(argument)?, rest, depth),
        _ => None,
    }
}

fn count(argument: u64) -> Option<usize> {
    usize::try_from(argument).ok().filter(|count| *count <= ITEMS_MAX)
}

fn list(count: usize, mut rest: &[u8], depth: u8) -> Option<(Value<'_>, &[u8])> {
    let mut items = Vec::with_capacity(count);
    for _ in 0..count {
        let (item, after) = value(rest, depth + 1)?;
        items.push(item);
        rest = after;
    }
    Some((Value::List(items), rest))
}

fn map(count: usize, mut rest: &[u8], depth: u8) -> Option<(Value<'_>, &[u8])> {
    let mut members: Vec<(Value<'_>, Value<'_>)> = Vec::with_capacity(count);
    for _ in 0..count {
        let (name, after) = value(rest, depth + 1)?;
        let (member, after) = value(after, depth + 1)?;
        let plain = matches!(name, Value::Int(_) | Value::Text(_));
        if !plain || members.iter().any(|(other, _)| *other == name) {
            return None;
        }
        members.push((name, member));
        rest = after;
    }
    Some((Value::Map(members), rest))
}

/// The number behind a head, in the shortest form that holds it.
fn argument(info: u8, rest: &[u8]) -> Option<(u64, &[u8])> {
    let size = match info {
        0..=23 => return Some((u64::from(info), rest)),
        24 => 1,
        25 => 2,
        26 => 4,
        27 => 8,
        _ => return None,
    };
    let (digits, rest) = rest.split_at_checked(size)?;
    let number = digits.iter().fold(0_u64, |number, digit| number << 8 | u64::from(*digit));
    let shortest = match size {
        1 => number >= 24,
        2 => number > 0xff,
        4 => number > 0xffff,
        _ => number > 0xffff_ffff,
    };
    shortest.then_some((number, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_they_are_written() {
        let map = read_all(&[0xa3, 0x01, 0x02, 0x20, 0x41, 0xff, 0x61, b'a', 0x82, 0xf5, 0xf6]);
        let map = map.unwrap();
        assert_eq!(map.at(1).and_then(Value::int), Some(2));
        assert_eq!(map.at(-1).and_then(Value::bytes), Some([0xff].as_slice()));
        assert_eq!(map.named("a"), Some(&Value::List(vec![Value::Bool(true), Value::Null])));
        assert_eq!(read_all(&[0x39, 0x01, 0x00]), Some(Value::Int(-257)));
    }

    #[test]
    fn what_is_not_canonical_is_not_read() {
        let nested = [vec![0x81; 20], vec![0x00]].concat();
        let cases: [&[u8]; 14] = [
            &[],
            &[0x18, 0x17],                   // 23 in two bytes
            &[0x19, 0x00, 0xff],             // 255 in three
            &[0x5f, 0x41, 0x00, 0xff],       // indefinite length
            &[0x42, 0x00],                   // cut off
            &[0x61, 0xff],                   // not UTF-8
            &[0xa2, 0x01, 0x01, 0x01, 0x02], // a name twice
            &[0xa1, 0x80, 0x01],             // a list as a name
            &[0xc0, 0x00],                   // a tag
            &[0xf9, 0x00, 0x00],             // a float
            &[0x00, 0x00],                   // something left over
            &[0x9a, 0xff, 0xff, 0xff, 0xff], // four thousand million items
            &[0x1b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            &nested,
        ];
        for bytes in cases {
            assert_eq!(read_all(bytes), None, "{bytes:x?}");
        }
    }
}
