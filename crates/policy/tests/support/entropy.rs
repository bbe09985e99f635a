//! Documents, calls and worlds spun from a string of bytes, so that a failing case shrinks well.

#![allow(dead_code, reason = "each test file uses its part")]

use std::fmt::Write as _;

/// Choices taken from bytes; zero when they are used up.
pub(crate) struct Entropy<'a> {
    bytes: std::slice::Iter<'a, u8>,
}

impl<'a> Entropy<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes: bytes.iter() }
    }

    fn byte(&mut self) -> usize {
        usize::from(self.bytes.next().copied().unwrap_or(0))
    }

    pub(crate) fn below(&mut self, most: usize) -> usize {
        if most > 256 { (self.byte() * 256 + self.byte()) % most } else { self.byte() % most }
    }

    /// True once in so many.
    pub(crate) fn one_in(&mut self, many: usize) -> bool {
        self.byte() % many == many - 1
    }

    pub(crate) fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }
}

pub(crate) const TOOLS: [&str; 7] = ["pay", "pay_out", "read", "read_all", "*", "a/b~c", "Pay"];

pub(crate) const ARGUMENTS: [&str; 7] = ["a", "b", "items", "cust", "odd.key", "grid", "B"];

const KEYS: [&str; 9] = ["pay", "pay_*", "*", "read", "*_out", "*a*", "a/b~c", "pay_out", "re*d*"];

const PATHS: [&str; 28] = [
    "args.a",
    "args.a",
    "args.a",
    "args.b",
    "args.b",
    "args.cust.email",
    "args.cust",
    "args.items",
    "args.items[*]",
    "args.items[*]",
    "args.items[*].a",
    "args.items[*].a",
    "args.items[0]",
    "args.items[1].a",
    "args[\"odd.key\"]",
    "args.grid[*][*]",
    "args.grid[*][0]",
    "args.grid[1]",
    "args.items[*].tags[*]",
    "args",
    "tool.name",
    "tool.name",
    "grant.label",
    "grant.identity",
    "grant.tags.team",
    "request.time",
    "request.weekday",
    "request.date",
];

const NUMBERS: [&str; 18] = [
    "0",
    "1",
    "1.0",
    "10e-1",
    "2",
    "2.5",
    "100",
    "-1",
    "-0.5",
    "10000.01",
    "0.0000001",
    "1.0000005",
    "9223372036854",
    "9223372036855",
    "5",
    "1e2",
    "1e300",
    "4",
];

const TEXTS: [&str; 16] = [
    "",
    "a",
    "ab",
    "abc",
    "usd",
    "eur",
    "USD",
    "é",
    "x\\nab",
    "10",
    "1",
    "pay",
    "sat",
    "12:00",
    "ada@example.com",
    "billing",
];

const FEW: [&str; 7] = ["1", "\"ab\"", "1.0", "\"usd\"", "2", "\"a\"", "true"];

/// Paths that lead to one scalar, more often than not.
const PLAIN: [&str; 8] = [
    "args.a",
    "args.b",
    "args.a",
    "args.b",
    "args.cust.email",
    "args.items[0].a",
    "args.items[*].a",
    "tool.name",
];

const PATTERNS: [&str; 14] = [
    "a",
    "a+",
    "a|ab",
    "^a",
    "b$",
    "[a-z]*",
    ".",
    ".*",
    "(?i)usd|eur",
    "\\\\S.{1,}",
    "(a+)+b",
    "^(ab?)*c?$",
    "é",
    "[0-9:]+",
];

pub(crate) const OPS: [&str; 20] = [
    "eq",
    "neq",
    "in",
    "not_in",
    "lt",
    "lte",
    "gt",
    "gte",
    "matches",
    "regex",
    "starts_with",
    "ends_with",
    "contains",
    "not_contains",
    "exists",
    "length_lt",
    "length_lte",
    "length_gt",
    "length_gte",
    "type",
];

const TYPES: [&str; 7] = ["string", "number", "integer", "boolean", "array", "object", "null"];

const ZONES: [&str; 4] = ["UTC", "Europe/Berlin", "America/Los_Angeles", "Asia/Kathmandu"];

impl Entropy<'_> {
    fn scalar(&mut self) -> String {
        // Often one of a few, so that constants and arguments meet.
        if self.one_in(2) {
            return self.pick(&FEW).to_owned();
        }
        match self.below(8) {
            0..=2 => self.pick(&NUMBERS).to_owned(),
            3..=6 => format!("\"{}\"", self.pick(&TEXTS)),
            _ => self.pick(&["true", "false"]).to_owned(),
        }
    }

    fn scalars(&mut self) -> String {
        let count = self.pick(&[0, 1, 4, 8, 12]);
        let list: Vec<String> = (0..count).map(|_| self.scalar()).collect();
        format!("[{}]", list.join(","))
    }

    /// A value of an argument.
    fn value(&mut self, depth: usize) -> String {
        match self.below(24) {
            0 => "null".to_owned(),
            1..=3 if depth > 0 => {
                let count = self.below(4);
                let list: Vec<String> = (0..count).map(|_| self.value(depth - 1)).collect();
                format!("[{}]", list.join(","))
            }
            4 if depth > 0 => self.object(&["a", "email", "tags"], depth - 1),
            _ => self.scalar(),
        }
    }

    fn object(&mut self, names: &[&str], depth: usize) -> String {
        let mut members = Vec::new();
        for name in names {
            if !self.one_in(4) {
                members.push(format!("\"{name}\":{}", self.value(depth)));
            }
        }
        format!("{{{}}}", members.join(","))
    }

    fn list_of(&mut self, mut each: impl FnMut(&mut Self) -> String) -> String {
        let count = self.below(4);
        let list: Vec<String> = (0..count).map(|_| each(self)).collect();
        format!("[{}]", list.join(","))
    }

    /// The arguments of a call, or none.
    pub(crate) fn arguments(&mut self) -> Option<String> {
        if self.one_in(24) {
            return None;
        }
        let mut members = Vec::new();
        for name in ARGUMENTS {
            let value = match name {
                "B" if !self.one_in(16) => continue,
                "odd.key" | "grid" if !self.one_in(3) => continue,
                _ if self.one_in(12) => continue,
                "items" if !self.one_in(6) => self.list_of(|e| e.object(&["a", "tags"], 1)),
                "grid" => self.list_of(|e| e.list_of(Self::scalar)),
                "cust" => self.object(&["email", "tier"], 1),
                _ => self.value(2),
            };
            members.push(format!("\"{name}\":{value}"));
        }
        // `B` and `b` in one object are refused before anything is judged.
        if members.iter().any(|m| m.starts_with("\"B\"")) {
            members.retain(|m| !m.starts_with("\"b\""));
        }
        Some(format!("{{{}}}", members.join(",")))
    }

    fn comparison(&mut self) -> String {
        let path = if self.one_in(3) { self.pick(&PATHS) } else { self.pick(&PLAIN) };
        let op = self.pick(&OPS);
        let takes_path = !matches!(op, "matches" | "regex" | "exists" | "type");
        let value = if takes_path && self.one_in(8) {
            let single: Vec<&str> = PATHS.into_iter().filter(|p| !p.contains('*')).collect();
            format!("{{\"path\":\"{}\"}}", self.pick(&single).replace('"', "\\\""))
        } else {
            match op {
                "in" | "not_in" => self.scalars(),
                "lt" | "lte" | "gt" | "gte" => match self.one_in(3) {
                    true => format!("\"{}\"", self.pick(&TEXTS)),
                    false => self.pick(&NUMBERS).to_owned(),
                },
                "matches" | "regex" => format!("\"{}\"", self.pick(&PATTERNS)),
                "starts_with" | "ends_with" => {
                    format!("\"{}\"", self.pick(&["a", "ab", "u", "d", "", "b", "usd", "é"]))
                }
                "eq" | "neq" if !self.one_in(4) => self.pick(&FEW).to_owned(),
                "contains" | "not_contains" if self.one_in(2) => {
                    self.pick(&["\"a\"", "\"b\"", "1", "\"\""]).to_owned()
                }
                "exists" => self.pick(&["true", "false"]).to_owned(),
                "length_lt" | "length_lte" | "length_gt" | "length_gte" => {
                    self.pick(&["0", "1", "2", "3"]).to_owned()
                }
                "type" => format!("\"{}\"", self.pick(&TYPES)),
                _ => self.scalar(),
            }
        };
        let each = match path.contains('*') && self.one_in(3) {
            true => self.pick(&[",\"each\":\"any\"", ",\"each\":\"all\""]),
            false => "",
        };
        let path = path.replace('"', "\\\"");
        format!("{{\"path\":\"{path}\",\"op\":\"{op}\",\"value\":{value}{each}}}")
    }

    fn condition(&mut self, depth: usize) -> String {
        match self.below(10) {
            7 if depth > 0 => {
                let (a, b) = (self.condition(depth - 1), self.condition(depth - 1));
                format!("{{\"any\":[{a},{b}]}}")
            }
            8 if depth > 0 => {
                let (a, b) = (self.condition(depth - 1), self.condition(depth - 1));
                format!("{{\"all\":[{a},{b}]}}")
            }
            9 if depth > 0 => format!("{{\"not\":{}}}", self.condition(depth - 1)),
            _ => self.comparison(),
        }
    }

    fn conditions(&mut self) -> String {
        let count = self.pick(&[0, 1, 1, 1, 1, 2, 2, 3]);
        let list: Vec<String> = (0..count).map(|_| self.condition(2)).collect();
        format!("[{}]", list.join(","))
    }

    /// Predicates, each with a guard often enough that some let calls through.
    fn predicates(&mut self, list: &str) -> String {
        let count = self.pick(&[0, 1, 1, 2, 3, 12]);
        let mut predicates = Vec::new();
        for index in 0..count {
            let conditions = self.conditions();
            let id = match self.one_in(2) {
                true => format!("\"id\":\"r/{index}\","),
                false => String::new(),
            };
            let more = match (list, self.one_in(4)) {
                ("approve_if", true) => ",\"approvers\":[\"group:g\"],\"count\":2",
                ("approve_if", false) => "",
                (_, true) => ",\"on_deny\":\"No.\"",
                (_, false) => "",
            };
            predicates.push(format!("{{{id}\"conditions\":{conditions}{more}}}"));
        }
        format!("[{}]", predicates.join(","))
    }

    fn limits(&mut self) -> String {
        let count = self.pick(&[0, 0, 1, 2]);
        let mut limits = Vec::new();
        for index in 0..count {
            let mut limit = format!("{{\"counter\":\"c{index}/\"");
            let window = self.pick(&["minute", "day", "90s", "month"]);
            let max = self.pick(&["0", "0.5", "1", "100", "9223372036854", "1.000001"]);
            let _ = write!(limit, ",\"window\":\"{window}\",\"max\":{max}");
            if self.one_in(2) {
                let amount = self.pick(&["args.a", "args.b", "args.items[*].a", "args.grid[*][*]"]);
                let _ = write!(limit, ",\"amount\":\"{amount}\"");
            }
            if self.one_in(3) {
                let per = self.pick(&["args.b", "args.cust.email", "grant.label", "request.date"]);
                let _ = write!(limit, ",\"per\":[\"{per}\"]");
            }
            limit.push('}');
            limits.push(limit);
        }
        format!("[{}]", limits.join(","))
    }

    fn entry(&mut self, tool: bool) -> String {
        let mut members = Vec::new();
        for list in ["deny_if", "require", "approve_if"] {
            // `require` stops most calls: leave it out more often.
            let rare = if list == "require" { 3 } else { 2 };
            if self.one_in(rare) {
                members.push(format!("\"{list}\":{}", self.predicates(list)));
            }
        }
        if self.one_in(3) {
            members.push(format!("\"limits\":{}", self.limits()));
        }
        if tool && self.one_in(5) {
            members.push("\"unlisted_args\":\"allow\"".to_owned());
        }
        format!("{{{}}}", members.join(","))
    }

    /// A document; rules whose names collide still need an `id`.
    pub(crate) fn document(&mut self) -> String {
        let mut text = format!(
            "{{\"version\":\"1\",\"default\":\"{}\",\"timezone\":\"{}\"",
            self.pick(&["deny", "allow"]),
            self.pick(&ZONES)
        );
        if self.one_in(8) {
            let hide = self.pick(&["pay_out", "read*", "*", "nothing"]);
            let _ = write!(text, ",\"hide\":[\"{hide}\"]");
        }
        if self.one_in(8) {
            text.push_str(",\"hide_denied\":true");
        }
        if self.one_in(4) {
            let _ = write!(text, ",\"all_tools\":{}", self.entry(false));
        }
        let mut tools = Vec::new();
        for key in KEYS {
            if self.one_in(3) {
                tools.push(format!("\"{key}\":{}", self.entry(true)));
            }
        }
        let _ = write!(text, ",\"tools\":{{{}}}}}", tools.join(","));
        text
    }
}
