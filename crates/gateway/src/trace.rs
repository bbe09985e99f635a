//! W3C trace context: read from what the agent sent, written to what the upstream gets.
//!
//! What comes in is read strictly and written again from what was read; a value that is not one is
//! as if it were not there. Ids are random numbers, and no value of a call ever gets into them.

use std::sync::Arc;

use http::header::{HeaderMap, HeaderName, HeaderValue};
use json::{Object, Value};
use vault::{OsRandom, Randomness as _};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
/// The most bytes of a `tracestate` that is carried on.
const STATE_BYTES_MAX: usize = 512;
/// The most members of a `tracestate`.
const STATE_MEMBERS_MAX: usize = 32;

/// Where a request stands in a trace.
///
/// - **Source**: the agent's `traceparent`, in `_meta` or, failing that, in a header; otherwise a
///   trace of our own, if somebody collects traces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The trace.
    pub id: [u8; 16],
    /// The agent's span, if it named one.
    pub parent: Option<[u8; 8]>,
    /// The span of the request here.
    pub span: [u8; 8],
    /// The span of the exchange with the upstream: what the upstream is told. The agent's own while
    /// nobody collects traces here.
    pub onward: [u8; 8],
    /// Whether the trace is recorded.
    pub sampled: bool,
    /// What others keep beside the trace.
    state: Option<Arc<str>>,
}

impl Trace {
    /// The place of a request in a trace. `kept`: somebody collects our spans.
    pub(crate) fn of(headers: &HeaderMap, meta: Option<&Object>, kept: bool) -> Option<Self> {
        let given = given(headers, meta);
        if !kept {
            let (id, parent, sampled, state) = given?;
            return Some(Self {
                id,
                parent: Some(parent),
                span: parent,
                onward: parent,
                sampled,
                state,
            });
        }
        // Without randomness there is no trace; the call does not depend on it.
        let mut random = [0; 32];
        OsRandom.fill(&mut random).ok()?;
        let [new_id, more] = [&random[..16], &random[16..]];
        let span = more[..8].try_into().ok()?;
        let onward = more[8..].try_into().ok()?;
        Some(match given {
            Some((id, parent, sampled, state)) => {
                Self { id, parent: Some(parent), span, onward, sampled, state }
            }
            None => {
                let id = new_id.try_into().ok()?;
                Self { id, parent: None, span, onward, sampled: true, state: None }
            }
        })
    }

    /// Tells the upstream: in a header, and in `_meta` where it is or belongs.
    pub(crate) fn tell(&self, headers: &mut HeaderMap, meta: Option<&mut Object>) {
        let text = write(&self.id, &self.onward, self.sampled);
        if let Ok(value) = HeaderValue::from_str(&text) {
            headers.insert(TRACEPARENT, value);
        }
        if let Some(state) = &self.state
            && let Ok(value) = HeaderValue::from_str(state)
        {
            headers.insert(TRACESTATE, value);
        }
        let Some(meta) = meta else { return };
        meta.insert("traceparent", text);
        match &self.state {
            Some(state) => meta.insert("tracestate", &**state),
            None => drop(meta.remove("tracestate")),
        }
    }
}

/// Trace, span of the sender, whether it records, and what others keep beside it.
type Given = ([u8; 16], [u8; 8], bool, Option<Arc<str>>);

fn given(headers: &HeaderMap, meta: Option<&Object>) -> Option<Given> {
    let text = |name: &str| meta.and_then(|meta| meta.get(name)).and_then(Value::as_str);
    if let Some((id, span, sampled)) = text("traceparent").and_then(read) {
        return Some((id, span, sampled, text("tracestate").and_then(state)));
    }
    let mut parents = headers.get_all(TRACEPARENT).iter();
    // Two of them say two things, so they say nothing.
    let (Some(parent), None) = (parents.next(), parents.next()) else { return None };
    let (id, span, sampled) = read(parent.to_str().ok()?)?;
    let states = headers.get_all(TRACESTATE).iter().map(HeaderValue::to_str);
    let states: Option<Vec<&str>> = states.map(Result::ok).collect();
    let states = states.filter(|states| !states.is_empty()).map(|states| states.join(","));
    Some((id, span, sampled, states.and_then(|text| state(&text))))
}

/// Reads a `traceparent`. Of a later version only what this one defines is read, as the
/// specification asks.
fn read(text: &str) -> Option<([u8; 16], [u8; 8], bool)> {
    let bytes = text.as_bytes();
    let version = hex::<1>(bytes.get(..2)?)?;
    let ends = match (version, bytes.get(55)) {
        ([0xff], _) | ([0], Some(_)) => false,
        (_, None) => true,
        (_, Some(next)) => *next == b'-',
    };
    let dashes = [2, 35, 52].iter().all(|at| bytes.get(*at) == Some(&b'-'));
    if !ends || !dashes {
        return None;
    }
    let id = hex::<16>(bytes.get(3..35)?)?;
    let span = hex::<8>(bytes.get(36..52)?)?;
    let [flags] = hex::<1>(bytes.get(53..55)?)?;
    (id != [0; 16] && span != [0; 8]).then_some((id, span, flags & 1 == 1))
}

fn write(id: &[u8; 16], span: &[u8; 8], sampled: bool) -> String {
    let mut text = String::with_capacity(55);
    text.push_str("00-");
    push_hex(&mut text, id);
    text.push('-');
    push_hex(&mut text, span);
    text.push_str(if sampled { "-01" } else { "-00" });
    text
}

/// A `tracestate` that may be carried on: a bounded list of `key=value` in visible characters.
fn state(text: &str) -> Option<Arc<str>> {
    let members = text.split(',').map(|member| member.trim_matches([' ', '\t']));
    let members: Vec<&str> = members.filter(|member| !member.is_empty()).collect();
    let good = |member: &&str| {
        member.split_once('=').is_some_and(|(key, value)| {
            let key_byte =
                |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-*/@".contains(&b);
            (1..=256).contains(&key.len())
                && key.bytes().all(key_byte)
                && (1..=256).contains(&value.len())
                && value.bytes().all(|b| (0x20..0x7f).contains(&b) && b != b'=')
        })
    };
    let text = members.join(",");
    let fits = !members.is_empty() && members.len() <= STATE_MEMBERS_MAX;
    (fits && text.len() <= STATE_BYTES_MAX && members.iter().all(good)).then(|| text.into())
}

fn push_hex(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        for half in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(half), 16).unwrap_or('0'));
        }
    }
}

/// Lower-case hex digits, and nothing else.
fn hex<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let bytes = text.chunks(2).map(|pair| match *pair {
        [high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    });
    bytes.collect::<Option<Vec<u8>>>()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn headers(of: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in of {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn a_parent_is_read_as_the_specification_says() {
        let (id, span, sampled) = read(PARENT).unwrap();
        assert_eq!(write(&id, &span, sampled), PARENT);
        assert!(!read(&PARENT.replace("-01", "-00")).unwrap().2);
        // A later version: what this one knows of it.
        assert!(read(&format!("01{}-more", &PARENT[2..])).is_some());
        for bad in [
            "",
            "00",
            &PARENT[..54],
            &format!("{PARENT}-more"),
            &format!("{PARENT}x"),
            &format!("01{}x", &PARENT[2..]),
            &PARENT.replace("00-", "ff-"),
            &PARENT.to_uppercase(),
            &PARENT.replace("0af7651916cd43dd8448eb211c80319c", &"0".repeat(32)),
            &PARENT.replace("b7ad6b7169203331", &"0".repeat(16)),
            &PARENT.replace('-', "_"),
            "00-canary-canary-01",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_stands_beside_a_trace_is_carried_on_or_dropped_whole() {
        for (text, expected) in [
            ("a=1", Some("a=1")),
            ("a=1 , ,b@c=x y", Some("a=1,b@c=x y")),
            ("", None),
            ("A=1", None),
            ("a", None),
            ("a=1=2", None),
            ("a=\u{e9}", None),
        ] {
            assert_eq!(state(text).as_deref(), expected, "{text}");
        }
        assert_eq!(state(&format!("a={}", "x".repeat(600))), None);
        assert_eq!(state(&vec!["a=1"; 33].join(",")), None);
    }

    #[test]
    fn without_anybody_who_collects_a_trace_passes_as_it_came() {
        let headers =
            headers(&[("traceparent", PARENT), ("tracestate", "a=1"), ("tracestate", "b=2")]);
        let trace = Trace::of(&headers, None, false).unwrap();
        let mut out = HeaderMap::new();
        trace.tell(&mut out, None);
        assert_eq!(out["traceparent"], PARENT);
        assert_eq!(out["tracestate"], "a=1,b=2");
        assert_eq!(Trace::of(&HeaderMap::new(), None, false), None);
    }

    #[test]
    fn with_somebody_who_collects_the_upstream_is_told_of_our_span() {
        let mut meta = Object::new();
        meta.insert("traceparent", PARENT);
        meta.insert("tracestate", "NOT ONE");
        let other = headers(&[("traceparent", &PARENT.replace("0af7", "ffff"))]);
        let trace = Trace::of(&other, Some(&meta), true).unwrap();
        let mut out = HeaderMap::new();
        trace.tell(&mut out, Some(&mut meta));
        let told = meta.get("traceparent").and_then(Value::as_str).unwrap();
        assert_eq!(out["traceparent"], *told);
        assert!(told.starts_with("00-0af7651916cd43dd8448eb211c80319c-"), "the agent's trace");
        assert!(!told.contains("b7ad6b7169203331"), "and a span of ours");
        assert_eq!(meta.get("tracestate"), None);
        let own =
            Trace::of(&headers(&[("traceparent", PARENT), ("traceparent", PARENT)]), None, true);
        assert_eq!(own.unwrap().parent, None, "two parents are none");
    }
}
