//! Entries: what the log says, as canonical JSON (RFC 8785).
//!
//! - A **decision** is written before a call leaves, or instead of it.
//! - An **outcome** says what became of a call that was let through.
//! - An **admin** entry says what somebody changed, read or took out.
//!
//! No entry holds a value of an argument or a result. Which names it holds is the redaction scheme
//! that it names itself: [`REDACTION`]. Where an administrator has asked for it, a decision also holds
//! keyed fingerprints, and the digest of what was sealed to somebody else's key.
//!
//! Entries are written from the rows that the store keeps anyway, each time they are asked for.
//! So the bytes below are a promise: a member that is added later must be absent from older entries.

use json::{Limits, Value};

use crate::{Hash, moment};

/// The redaction scheme of these entries: of arguments only the names that the accepted definition
/// of the tool lists, all others counted; of limits which were charged, not how much.
pub const REDACTION: &str = "keys-v1";

/// A text longer than this stands as its digest.
const TEXT_BYTES_MAX: usize = 1_024;
/// A list, or the detail of a change, longer than this stands as its digest.
const LONG_BYTES_MAX: usize = 2_048;
/// The largest number that every reader of JSON reads alike.
const NUMBER_MAX: u64 = (1 << 53) - 1;

/// What was decided of a call, or of a flood of like refusals.
#[derive(Clone, Copy, Debug)]
pub struct Decision<'a, N> {
    /// Its place in the log.
    pub index: u64,
    /// The call.
    pub call: &'a str,
    /// When it came in, in microseconds since the epoch.
    pub at: i64,
    /// The organisation.
    pub org: &'a str,
    /// The grant, by its id.
    pub grant: &'a str,
    /// What the grant was called then.
    pub grant_label: &'a str,
    /// Whom the grant belongs to.
    pub identity: &'a str,
    /// The generation of the token that was shown.
    pub token_generation: u64,
    /// The server, by its id.
    pub server: &'a str,
    /// What the server was called then.
    pub server_slug: &'a str,
    /// The MCP version the agent spoke.
    pub version: &'a str,
    /// The JSON-RPC method.
    pub method: &'a str,
    /// The tool.
    pub tool: Option<&'a str>,
    /// The fingerprint of the tool's accepted definition.
    pub fingerprint: Option<&'a str>,
    /// The policy that judged, and its version.
    pub policy: Option<(&'a str, u64)>,
    /// `allowed`, `held` or `denied`.
    pub verdict: &'a str,
    /// The rule that decided.
    pub rule: &'a str,
    /// Why, as a stable code.
    pub reason: &'a str,
    /// Names of known arguments.
    pub known_args: &'a [N],
    /// How many arguments are not known.
    pub unknown_args: u64,
    /// The size of the request in bytes.
    pub request_bytes: u64,
    /// The limits charged: pointers, no amounts.
    pub charged: &'a [N],
    /// How many calls it stands for.
    pub count: u64,
    /// The sign-off that the call used up.
    pub approval: Option<&'a str>,
    /// What was kept of the arguments, sealed to somebody else's key: JSON text.
    pub capture: Option<&'a str>,
    /// Keyed fingerprints of arguments: JSON text.
    pub fingerprints: Option<&'a str>,
}

impl<N: AsRef<str>> Decision<'_, N> {
    /// Appends the entry.
    pub fn write(&self, out: &mut Vec<u8>) {
        let mut entry = Members::open(out);
        entry.maybe("approval", self.approval);
        entry.moment("at", self.at);
        entry.text("call", self.call);
        entry.json("capture", self.capture);
        entry.list("charged", self.charged);
        entry.number("count", self.count);
        entry.text("decision", self.verdict);
        entry.maybe("fingerprint", self.fingerprint);
        entry.json("fingerprints", self.fingerprints);
        entry.text("grant", self.grant);
        entry.text("grant_label", self.grant_label);
        entry.text("identity", self.identity);
        entry.number("index", self.index);
        entry.text("kind", "decision");
        entry.list("known_args", self.known_args);
        entry.text("method", self.method);
        entry.text("org", self.org);
        if let Some((policy, version)) = self.policy {
            entry.text("policy", policy);
            entry.number("policy_version", version);
        }
        entry.text("reason", self.reason);
        entry.text("redaction", REDACTION);
        entry.number("request_bytes", self.request_bytes);
        entry.text("rule", self.rule);
        entry.text("server", self.server);
        entry.text("server_slug", self.server_slug);
        entry.number("token_generation", self.token_generation);
        entry.maybe("tool", self.tool);
        entry.number("unknown_args", self.unknown_args);
        entry.text("version", self.version);
        entry.close();
    }
}

/// What became of a call that was let through. Its decision says whose it is.
#[derive(Clone, Copy, Debug)]
pub struct Outcome<'a> {
    /// Its place in the log.
    pub index: u64,
    /// The call.
    pub call: &'a str,
    /// When it ended, in microseconds since the epoch.
    pub at: i64,
    /// What became of it, as a stable code.
    pub class: &'a str,
    /// More detail, as a stable code, or empty.
    pub detail: &'a str,
    /// The HTTP status of the upstream, if it answered.
    pub upstream_status: Option<u64>,
    /// The size of the answer in bytes.
    pub response_bytes: u64,
    /// The whole time it took, in microseconds.
    pub took_micros: u64,
    /// Of that, the time spent in the upstream.
    pub upstream_micros: u64,
    /// Whether a copy of the credential was taken out of the answer.
    pub echo_removed: bool,
    /// What was kept of the result, sealed to somebody else's key: JSON text.
    pub capture: Option<&'a str>,
}

impl Outcome<'_> {
    /// Appends the entry.
    pub fn write(&self, out: &mut Vec<u8>) {
        let mut entry = Members::open(out);
        entry.moment("at", self.at);
        entry.text("call", self.call);
        entry.json("capture", self.capture);
        entry.text("class", self.class);
        entry.text("detail", self.detail);
        entry.flag("echo_removed", self.echo_removed);
        entry.number("index", self.index);
        entry.text("kind", "outcome");
        entry.text("redaction", REDACTION);
        entry.number("response_bytes", self.response_bytes);
        entry.number("took_micros", self.took_micros);
        entry.number("upstream_micros", self.upstream_micros);
        if let Some(status) = self.upstream_status {
            entry.number("upstream_status", status);
        }
        entry.close();
    }
}

/// What somebody changed, read or took out.
#[derive(Clone, Copy, Debug)]
pub struct Admin<'a> {
    /// Its place in the log.
    pub index: u64,
    /// When, in microseconds since the epoch.
    pub at: i64,
    /// The organisation.
    pub org: &'a str,
    /// What people call the actor.
    pub name: &'a str,
    /// The acting API key, by its id.
    pub key: Option<&'a str>,
    /// The acting member, by their id.
    pub member: Option<&'a str>,
    /// The session they acted in.
    pub session: Option<&'a str>,
    /// From where.
    pub address: Option<&'a str>,
    /// What, as a stable name.
    pub event: &'a str,
    /// What it was done to.
    pub subject: &'a str,
    /// Before and after by field, secrets as "changed": JSON text.
    pub detail: &'a str,
}

impl Admin<'_> {
    /// Appends the entry.
    pub fn write(&self, out: &mut Vec<u8>) {
        let mut entry = Members::open(out);
        entry.maybe("address", self.address);
        entry.moment("at", self.at);
        entry.json("detail", Some(self.detail));
        entry.text("event", self.event);
        entry.number("index", self.index);
        entry.maybe("key", self.key);
        entry.text("kind", "admin");
        entry.maybe("member", self.member);
        entry.text("name", self.name);
        entry.text("org", self.org);
        entry.text("redaction", REDACTION);
        entry.maybe("session", self.session);
        entry.text("subject", self.subject);
        entry.close();
    }
}

/// Writes the members of one object, which come in the order of their names.
struct Members<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> Members<'a> {
    fn open(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out }
    }

    /// Names are written by us and need no escapes.
    fn name(&mut self, name: &str) {
        if self.out.last() != Some(&b'{') {
            self.out.push(b',');
        }
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    fn text(&mut self, name: &str, text: &str) {
        if text.len() > TEXT_BYTES_MAX {
            return self.digest(name, None, text.as_bytes());
        }
        self.name(name);
        json::write_string(text, self.out);
    }

    fn maybe(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(name, text);
        }
    }

    fn number(&mut self, name: &str, number: u64) {
        self.name(name);
        let (mut digits, mut at, mut rest) = ([0; 20], 20, number.min(NUMBER_MAX));
        loop {
            at -= 1;
            digits[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        self.out.extend_from_slice(&digits[at..]);
    }

    fn flag(&mut self, name: &str, flag: bool) {
        self.name(name);
        self.out.extend_from_slice(if flag { b"true" } else { b"false" });
    }

    fn moment(&mut self, name: &str, micros: i64) {
        self.name(name);
        self.out.push(b'"');
        moment::write(micros, self.out);
        self.out.push(b'"');
    }

    fn list<N: AsRef<str>>(&mut self, name: &str, list: &[N]) {
        let before = self.out.len();
        self.name(name);
        let start = self.out.len();
        self.out.push(b'[');
        for (at, text) in list.iter().enumerate() {
            if at > 0 {
                self.out.push(b',');
            }
            json::write_string(text.as_ref(), self.out);
        }
        self.out.push(b']');
        if self.out.len() - start > LONG_BYTES_MAX {
            let written = self.out.split_off(start);
            self.out.truncate(before);
            self.digest(name, Some(list.len() as u64), &written);
        }
    }

    /// JSON text, if there is some. What is none, which the store never writes, stands as its digest,
    /// so that nothing a row may hold is left out.
    fn json(&mut self, name: &str, text: Option<&str>) {
        let Some(text) = text else { return };
        let value = json::read(text.as_bytes(), Limits::ANSWER);
        match value.map(|value: Value| json::canonical(&value)) {
            Ok(written) => self.long(name, None, &written),
            Err(_) => self.digest(name, None, text.as_bytes()),
        }
    }

    /// JSON that is canonical already.
    fn long(&mut self, name: &str, count: Option<u64>, written: &[u8]) {
        if written.len() > LONG_BYTES_MAX {
            return self.digest(name, count, written);
        }
        self.name(name);
        self.out.extend_from_slice(written);
    }

    /// What is too long to stand here: how long it is, of how many parts, and its digest.
    fn digest(&mut self, name: &str, count: Option<u64>, bytes: &[u8]) {
        self.name(name);
        let mut inner = Members::open(self.out);
        inner.number("bytes", bytes.len() as u64);
        if let Some(count) = count {
            inner.number("count", count);
        }
        inner.text("sha256", &Hash::sha256(bytes).to_string());
        inner.close();
    }

    fn close(self) {
        self.out.push(b'}');
    }
}
