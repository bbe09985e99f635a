//! Finds a credential in what an upstream sends back: plain, or in the encodings software uses by itself.
//!
//! Copies that are encrypted, compressed, split up or spelled out on purpose are not found.

use std::fmt;
use std::ops::Range;

use aho_corasick::packed;
use memchr::memmem::Finder;

use crate::Secret;
use crate::encodings::{Hidden, base64_forms, is_never_escaped, json_forms, percent_forms};

/// What a found copy is replaced with.
pub const REDACTED: &[u8] = b"[redacted]";

/// Shorter copies are not looked for: they would be found in innocent text.
const NEEDLE_BYTES_MIN: usize = 8;

/// From here on it pays to look for all spellings in one pass.
const SEARCHED_AT_ONCE_BYTES_MIN: usize = 8 << 10;

/// How many bytes of a spelling are looked for first.
const MARK_BYTES: usize = 4;

/// The spellings of one upstream's credential to look for.
///
/// - **Shape**: byte strings of at least 8 bytes, none inside another; wiped when dropped.
/// - **Source**: the values of the headers that are injected, opened for this call.
///
/// Each value is looked for as it is, without its scheme (`Bearer xyz` → `xyz`), and for `Basic` as
/// the user and password inside. Each of these plain, as base64 (at any alignment, both alphabets),
/// percent-encoded and JSON-escaped.
pub struct EchoNeedles {
    needles: Vec<Hidden>,
}

impl EchoNeedles {
    /// Prepares the search for some header values.
    pub fn new<'a>(values: impl IntoIterator<Item = &'a Secret>) -> Self {
        let mut found = Vec::new();
        for value in values {
            for core in cores(value.expose()) {
                found.extend(base64_forms(&core));
                // Most credentials are spelled the same everywhere; it pays to see that first.
                if !core.iter().all(|byte| is_never_escaped(*byte)) {
                    found.extend(percent_forms(&core));
                    found.extend(json_forms(&core));
                }
                found.push(core);
            }
        }
        Self { needles: distinct(found) }
    }

    /// Both searches in one: for an exchange that showed one credential after another.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.needles.extend(other.needles);
        Self { needles: distinct(self.needles) }
    }

    /// Whether there is a copy in a short text, such as the value of a header.
    pub fn is_in(&self, haystack: &[u8]) -> bool {
        self.needles.iter().any(|needle| starts(needle, haystack).next().is_some())
    }

    /// Whether there is nothing to look for: no value, or values shorter than 8 bytes.
    pub fn is_empty(&self) -> bool {
        self.needles.is_empty()
    }

    /// The length of the longest spelling, in bytes. A reader of a stream that keeps the last
    /// `longest() - 1` bytes in front of the next chunk misses nothing; [`EchoNeedles::open_end`]
    /// tells how much of that is needed.
    pub fn longest(&self) -> usize {
        self.needles.iter().map(|needle| needle.len()).max().unwrap_or(0)
    }

    /// The first copy in `haystack`.
    pub fn find(&self, haystack: &[u8]) -> Option<Range<usize>> {
        let mut first: Option<Range<usize>> = None;
        for needle in &self.needles {
            // Only a copy that begins earlier is of interest.
            let end = first.as_ref().map_or(haystack.len(), |f| f.start + needle.len() - 1);
            let before = haystack.get(..end).unwrap_or(haystack);
            if let Some(start) = Finder::new(needle.as_slice()).find(before) {
                first = Some(start..start + needle.len());
            }
        }
        first
    }

    /// How many bytes at the end of `haystack` could be the beginning of a copy. They may only be
    /// passed on together with what follows; everything before them can be searched and let go.
    pub fn open_end(&self, haystack: &[u8]) -> usize {
        let longest_start = |needle: &Hidden| {
            let from = haystack.len().saturating_sub(needle.len().saturating_sub(1));
            let tail = haystack.get(from..)?;
            memchr::memchr_iter(*needle.first()?, tail)
                .filter_map(|at| tail.get(at..))
                .find(|end| needle.starts_with(end))
                .map(<[u8]>::len)
        };
        self.needles.iter().filter_map(longest_start).max().unwrap_or(0)
    }

    /// `haystack` with every copy replaced by [`REDACTED`]; `None` if there is none.
    pub fn redact(&self, haystack: &[u8]) -> Option<Vec<u8>> {
        let mut copies: Vec<Range<usize>> = Vec::new();
        self.each_copy(haystack, |copy| copies.push(copy));
        if copies.is_empty() {
            return None;
        }
        copies.sort_by_key(|copy| copy.start);

        let mut out = Vec::with_capacity(haystack.len());
        let mut done = 0;
        for copy in copies {
            // Copies may overlap; what is left of a later one is cut off with the first.
            if copy.start >= done {
                out.extend_from_slice(haystack.get(done..copy.start).unwrap_or_default());
                out.extend_from_slice(REDACTED);
            }
            done = done.max(copy.end);
        }
        out.extend_from_slice(haystack.get(done..).unwrap_or_default());
        Some(out)
    }
}

impl fmt::Debug for EchoNeedles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EchoNeedles({} spellings, [redacted])", self.needles.len())
    }
}

impl EchoNeedles {
    /// Tells every copy, overlapping ones too: a secret like `abababab` may overlap itself.
    fn each_copy(&self, haystack: &[u8], mut tell: impl FnMut(Range<usize>)) {
        if haystack.len() < SEARCHED_AT_ONCE_BYTES_MIN {
            for needle in &self.needles {
                starts(needle, haystack).for_each(|at| tell(at..at + needle.len()));
            }
            return;
        }
        match self.marks() {
            Some((searcher, marks)) => {
                let mut from = 0;
                while let Some(found) = searcher.find_in(haystack, (from..haystack.len()).into()) {
                    from = found.start() + 1;
                    // Marks of the same bytes are told apart by their needles, not by the searcher.
                    for (needle, offset) in marks.iter().filter(|(needle, offset)| {
                        haystack.get(found.range()) == needle.get(*offset..*offset + MARK_BYTES)
                    }) {
                        let copy = found.start().checked_sub(*offset);
                        let copy = copy.map(|start| start..start + needle.len());
                        if let Some(copy) = copy
                            && haystack.get(copy.clone()) == Some(needle.as_slice())
                        {
                            tell(copy);
                        }
                    }
                }
            }
            None => {
                for needle in &self.needles {
                    let finder = Finder::new(needle.as_slice());
                    let mut from = 0;
                    while let Some(at) = haystack.get(from..).and_then(|rest| finder.find(rest)) {
                        let start = from + at;
                        tell(start..start + needle.len());
                        from = start + 1;
                    }
                }
            }
        }
    }

    /// A few bytes of each needle, to look for all of them in one pass; where in the needle they
    /// stand. The searcher keeps copies, and a few bytes are no copy of a credential.
    ///
    /// `None` where this machine or these needles do not allow for it.
    fn marks(&self) -> Option<(packed::Searcher, Vec<(&Hidden, usize)>)> {
        let marks: Vec<(&Hidden, usize)> =
            self.needles.iter().map(|needle| (needle, rare_place(needle))).collect();
        let mut builder = packed::Config::new().builder();
        for (needle, offset) in &marks {
            builder.add(needle.get(*offset..*offset + MARK_BYTES)?);
        }
        Some((builder.build()?, marks))
    }
}

/// Where a needle stands in a short haystack.
fn starts<'a>(needle: &'a [u8], haystack: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    let last = haystack.len().saturating_sub(needle.len().saturating_sub(1));
    let first = needle.first().copied().unwrap_or_default();
    memchr::memchr_iter(first, haystack.get(..last).unwrap_or_default())
        .filter(move |at| haystack.get(*at..).is_some_and(|rest| rest.starts_with(needle)))
}

/// The place in a needle whose bytes are least likely in JSON: capitals and digits are rarer than
/// small letters, and those rarer than the rest.
fn rare_place(needle: &[u8]) -> usize {
    let weight = |byte: &u8| match byte {
        b'A'..=b'Z' => 0,
        b'0'..=b'9' => 1,
        b'a'..=b'z' => 3,
        _ => 6,
    };
    let windows = needle.windows(MARK_BYTES).enumerate();
    let rarest = windows.min_by_key(|(_, bytes)| bytes.iter().map(weight).sum::<u32>());
    rarest.map_or(0, |(at, _)| at)
}

/// The secrets inside a header value: all of it, and what follows the scheme.
fn cores(value: &[u8]) -> Vec<Hidden> {
    let hidden = |bytes: &[u8]| Hidden::new(bytes.to_vec());
    let value = value.trim_ascii();
    let Some((scheme, rest)) = split_scheme(value) else { return vec![hidden(value)] };
    // Whatever spells the whole value spells what follows the scheme in the same way, so looking for
    // that finds both; and it saves the spellings of the blank between them, which are many.
    let mut cores = vec![hidden(rest)];
    if rest.len() < NEEDLE_BYTES_MIN {
        cores.push(hidden(value));
    }

    if scheme.eq_ignore_ascii_case(b"basic") {
        let mut pair = Hidden::new(Vec::with_capacity(rest.len() + 8));
        let lenient = base64::engine::GeneralPurposeConfig::new()
            .with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent);
        let reader = base64::engine::GeneralPurpose::new(&base64::alphabet::STANDARD, lenient);
        if base64::Engine::decode_vec(&reader, rest, &mut pair).is_ok() {
            // `user:password`: the password by itself, and the pair.
            if let Some(colon) = pair.iter().position(|byte| *byte == b':') {
                cores.push(hidden(pair.get(colon + 1..).unwrap_or_default()));
            }
            cores.push(pair);
        }
    } else if let Some((_, parameter)) = split_at_byte(rest, b'=').filter(|_| !rest.contains(&b','))
    {
        // `Token token="xyz"`.
        let quotes = |byte: &u8| *byte == b'"';
        let from = parameter.iter().take_while(|byte| quotes(byte)).count();
        let until =
            parameter.len() - parameter.iter().rev().take_while(|byte| quotes(byte)).count();
        cores.push(hidden(parameter.get(from..until).unwrap_or_default()));
    }
    cores
}

/// Splits `Scheme rest`, as HTTP's authentication headers are written.
fn split_scheme(value: &[u8]) -> Option<(&[u8], &[u8])> {
    let (scheme, rest) = split_at_byte(value, b' ')?;
    let is_scheme = !scheme.is_empty()
        && scheme.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte));
    is_scheme.then(|| (scheme, rest.trim_ascii()))
}

fn split_at_byte(bytes: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let (before, rest) = bytes.split_at_checked(memchr::memchr(at, bytes)?)?;
    Some((before, rest.get(1..)?))
}

/// Drops what is too short, and what cannot be present without another needle being present as well.
fn distinct(mut found: Vec<Hidden>) -> Vec<Hidden> {
    found.retain(|needle| needle.len() >= NEEDLE_BYTES_MIN);
    found.sort_by_key(|needle| needle.len());
    let mut needles: Vec<Hidden> = Vec::new();
    for candidate in found {
        let covered = |needle: &Hidden| starts(needle, &candidate).next().is_some();
        if !needles.iter().any(covered) {
            needles.push(candidate);
        }
    }
    needles
}

#[cfg(test)]
mod tests;
