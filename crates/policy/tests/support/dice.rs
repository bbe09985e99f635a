//! Small policies and calls over small domains, thrown from a number so that any of them can be had again.

#![allow(dead_code, reason = "each test file uses its part")]

use json::{Object, Value};

pub(crate) const ARGUMENTS: [&str; 5] = ["a", "b", "s", "cust", "items"];

/// Throws from a number.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(number: usize) -> Self {
        let mut dice =
            Self(0x9E37_79B9_7F4A_7C15 ^ (number as u64 + 1).wrapping_mul(0xD129_0D3B_21F4_7A1D));
        for _ in 0..8 {
            dice.next();
        }
        dice
    }

    fn next(&mut self) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize
    }

    pub(crate) fn below(&mut self, most: usize) -> usize {
        self.next() % most
    }

    pub(crate) fn one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }

    pub(crate) fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }

    fn read(text: &str) -> Value {
        json::read(text.as_bytes(), json::Limits::REQUEST).unwrap()
    }

    fn number(&mut self) -> &'static str {
        self.pick(&["0", "1", "2", "5", "1.5", "-1"])
    }

    fn text(&mut self) -> &'static str {
        self.pick(&["\"a\"", "\"ab\"", "\"b\"", "\"usd\"", "\"\"", "\"é\""])
    }

    fn scalar(&mut self) -> &'static str {
        match self.below(9) {
            0..=3 => self.number(),
            4..=7 => self.text(),
            _ => self.pick(&["true", "false"]),
        }
    }

    /// A value of an argument.
    fn value(&mut self) -> Value {
        match self.below(12) {
            0 => Value::Null,
            1 => Self::read(self.pick(&["[]", "[\"a\"]", "[1,\"b\"]", "[null]", "[1,2,5]"])),
            2 => Self::read(self.pick(&["{}", "{\"x\":1}", "1.0", "2.0", "\"abab\""])),
            _ => Self::read(self.scalar()),
        }
    }

    pub(crate) fn arguments(&mut self) -> Object {
        let mut object = Object::new();
        for name in ["a", "b", "s"] {
            if !self.one_in(6) {
                let value = self.value();
                object.insert(name, value);
            }
        }
        match self.below(6) {
            0 => {}
            1 => {
                let value = self.value();
                object.insert("cust", value);
            }
            _ => {
                let mut inner = Object::new();
                if !self.one_in(4) {
                    let value = self.value();
                    inner.insert("email", value);
                }
                object.insert("cust", Value::Object(inner));
            }
        }
        match self.below(6) {
            0 => {}
            1 => {
                let value = self.value();
                object.insert("items", value);
            }
            _ => {
                let count = self.below(4);
                let list = (0..count).map(|_| {
                    let mut inner = Object::new();
                    if !self.one_in(5) {
                        let value = self.value();
                        inner.insert("n", value);
                    }
                    if self.one_in(6) { self.value() } else { Value::Object(inner) }
                });
                let list = list.collect();
                object.insert("items", Value::Array(list));
            }
        }
        if self.one_in(20) {
            object.insert("unlisted", true);
        }
        object
    }

    fn comparison(&mut self) -> String {
        let path = match self.below(12) {
            0..=3 => "args.a",
            4 | 5 => "args.b",
            6 | 7 => "args.s",
            8 => "args.cust.email",
            9 => "args.items[*].n",
            10 => self.pick(&["args.items", "args.items[0].n", "args.cust"]),
            _ => self.pick(&["tool.name", "grant.label", "request.weekday"]),
        };
        let op = self.pick(&[
            "eq",
            "eq",
            "neq",
            "in",
            "not_in",
            "lt",
            "lte",
            "gt",
            "gt",
            "gte",
            "matches",
            "regex",
            "starts_with",
            "ends_with",
            "contains",
            "not_contains",
            "exists",
            "length_lte",
            "length_gt",
            "type",
        ]);
        let beside = matches!(op, "eq" | "neq" | "lt" | "lte" | "gt" | "gte" | "starts_with");
        let value = if beside && self.one_in(10) {
            let other = self.pick(&["args.a", "args.b", "args.s", "grant.label"]);
            format!("{{\"path\":\"{other}\"}}")
        } else {
            match op {
                "in" | "not_in" => {
                    let count = self.below(4);
                    let list: Vec<&str> = (0..count).map(|_| self.scalar()).collect();
                    format!("[{}]", list.join(","))
                }
                "lt" | "lte" | "gt" | "gte" => match self.one_in(4) {
                    true => self.text().to_owned(),
                    false => self.number().to_owned(),
                },
                "matches" | "regex" => self
                    .pick(&["\"a\"", "\"a|ab\"", "\"[a-z]*\"", "\"(ab)+\"", "\"b$\"", "\".\""])
                    .to_owned(),
                "starts_with" | "ends_with" => self.text().to_owned(),
                "exists" => self.pick(&["true", "false"]).to_owned(),
                "length_lte" | "length_gt" => self.pick(&["0", "1", "2"]).to_owned(),
                "type" => self
                    .pick(&[
                        "\"string\"",
                        "\"number\"",
                        "\"integer\"",
                        "\"array\"",
                        "\"object\"",
                        "\"null\"",
                    ])
                    .to_owned(),
                _ => self.scalar().to_owned(),
            }
        };
        format!("{{\"path\":\"{path}\",\"op\":\"{op}\",\"value\":{value}}}")
    }

    pub(crate) fn condition(&mut self, depth: usize) -> String {
        match self.below(9) {
            6 if depth > 0 => {
                format!("{{\"any\":[{},{}]}}", self.condition(depth - 1), self.condition(depth - 1))
            }
            7 if depth > 0 => {
                format!("{{\"all\":[{},{}]}}", self.condition(depth - 1), self.condition(depth - 1))
            }
            8 if depth > 0 => format!("{{\"not\":{}}}", self.condition(depth - 1)),
            _ => self.comparison(),
        }
    }

    fn predicate(&mut self, list: &str, id: usize) -> String {
        let count = self.pick(&[1, 1, 1, 2, 2, 0]);
        let conditions: Vec<String> = (0..count).map(|_| self.condition(2)).collect();
        let more = match list {
            "approve_if" => self.pick(&[
                "",
                ",\"approvers\":[\"group:g\"]",
                ",\"approvers\":[\"group:g\",\"role:admin\"],\"count\":2",
                ",\"expires_in\":\"5m\"",
            ]),
            _ => "",
        };
        format!("{{\"id\":\"r{id}\",\"conditions\":[{}]{more}}}", conditions.join(","))
    }

    fn entry(&mut self, tool: bool) -> String {
        let mut members = Vec::new();
        for (list, rare) in [("deny_if", 2), ("require", 3), ("approve_if", 2)] {
            if self.one_in(rare) {
                let count = self.pick(&[1, 1, 2, 3]);
                let all: Vec<String> = (0..count).map(|id| self.predicate(list, id)).collect();
                members.push(format!("\"{list}\":[{}]", all.join(",")));
            }
        }
        if self.one_in(5) {
            let amount = self.pick(&[
                "",
                ",\"amount\":\"args.a\"",
                ",\"amount\":\"args.b\",\"per\":[\"args.s\"]",
            ]);
            let max = self.pick(&["0.5", "1", "2", "100"]);
            members.push(format!(
                "\"limits\":[{{\"counter\":\"c\",\"window\":\"day\",\"max\":{max}{amount}}}]"
            ));
        }
        if tool && self.one_in(5) {
            members.push("\"unlisted_args\":\"allow\"".to_owned());
        }
        format!("{{{}}}", members.join(","))
    }

    /// A document.
    pub(crate) fn document(&mut self) -> String {
        let mut members =
            vec![format!("\"default\":\"{}\"", self.pick(&["deny", "deny", "allow"]))];
        if self.one_in(8) {
            members.push(format!("\"hide\":[\"{}\"]", self.pick(&["pay_out", "r*", "pay*"])));
        }
        if self.one_in(10) {
            members.push("\"hide_denied\":true".to_owned());
        }
        if self.one_in(4) {
            members.push(format!("\"all_tools\":{}", self.entry(false)));
        }
        let mut tools = Vec::new();
        for key in ["pay", "pay*", "*", "read"] {
            if self.one_in(2) {
                tools.push(format!("\"{key}\":{}", self.entry(true)));
            }
        }
        members.push(format!("\"tools\":{{{}}}", tools.join(",")));
        format!("{{\"version\":\"1\",{}}}", members.join(","))
    }

    /// The document with something small changed.
    pub(crate) fn changed(&mut self, document: &str) -> String {
        let swaps = [
            ("\"gt\"", "\"gte\""),
            ("\"lt\"", "\"gt\""),
            (":5", ":6"),
            ("\"eq\"", "\"neq\""),
            ("\"default\":\"deny\"", "\"default\":\"allow\""),
            ("\"any\":", "\"all\":"),
            ("\"deny_if\"", "\"require\""),
            ("\"count\":2", "\"count\":1"),
            ("\"usd\"", "\"ab\""),
            ("[a-z]*", "[a-z]+"),
            ("\"max\":2", "\"max\":3"),
            ("length_gt", "length_lte"),
            (":1}", ":2}"),
            ("\"unlisted_args\":\"allow\"", "\"unlisted_args\":\"deny\""),
        ];
        for _ in 0..6 {
            let (old, new) = self.pick(&swaps);
            let changed = document.replacen(old, new, 1);
            let clash = changed.matches("\"deny_if\"").count()
                < document.matches("\"deny_if\"").count()
                && document.contains("\"require\"");
            if changed != document && !clash {
                return changed;
            }
        }
        document.to_owned()
    }
}
