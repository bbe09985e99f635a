//! What Python's and Node's readers make of the bytes that are forwarded is what was judged.

use std::io::Write as _;
use std::process::{Command, Stdio};

use json::{Limits, Value};
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;

use crate::generate;

/// How many values each foreign reader gets.
const VALUES: usize = 12_000;

/// Each line in, one line out: the value as tagged lists, numbers as exact text.
const PYTHON: &str = r#"
import json, sys
from decimal import Decimal
def tell(v):
    if v is None or v is True or v is False: return v
    if isinstance(v, str): return ["s", v]
    if isinstance(v, (int, float)): return ["n", format(Decimal(repr(v)), "e")]
    if isinstance(v, list): return ["l", [tell(e) for e in v]]
    return ["o", [[k, tell(e)] for k, e in v.items()]]
for line in sys.stdin.buffer:
    sys.stdout.write(json.dumps(tell(json.loads(line))) + "\n")
"#;

const NODE: &str = r#"
const tell = v => v === null || typeof v === "boolean" ? v
  : typeof v === "string" ? ["s", v]
  : typeof v === "number" ? ["n", v.toExponential()]
  : Array.isArray(v) ? ["l", v.map(tell)]
  : ["o", Object.keys(v).map(k => [k, tell(v[k])])];
const lines = require("fs").readFileSync(0, "utf8").split("\n");
lines.pop();
process.stdout.write(lines.map(line => JSON.stringify(tell(JSON.parse(line))) + "\n").join(""));
"#;

fn told(program: &str, arguments: &[&str], lines: &[u8]) -> Vec<String> {
    let mut child = Command::new(program)
        .args(arguments)
        .env("PYTHONIOENCODING", "utf-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program} is needed to compare readers: {error}"));
    let mut stdin = child.stdin.take().expect("a pipe");
    let lines = lines.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&lines));
    let output = child.wait_with_output().unwrap();
    writer.join().expect("the writer ends").unwrap();
    assert!(output.status.success(), "{program} refused a line");
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// Whether a foreign reader's account is of that value.
fn agrees(account: &Value, value: &Value) -> bool {
    let tagged = |tag: &str| match account.as_array() {
        Some([Value::String(found), inner]) if found == tag => Some(inner),
        _ => None,
    };
    match value {
        Value::Null | Value::Bool(_) => account == value,
        Value::String(text) => tagged("s").and_then(Value::as_str) == Some(text),
        Value::Number(number) => {
            let Some(told) = tagged("n").and_then(Value::as_str) else { return false };
            let told = json::read(told.as_bytes(), Limits::REQUEST)
                .unwrap_or_else(|error| panic!("{} became {told}: {error}", number.text()));
            told.as_number().map(json::Number::value) == Some(number.value())
        }
        Value::Array(list) => {
            let Some(told) = tagged("l").and_then(Value::as_array) else { return false };
            told.len() == list.len()
                && told.iter().zip(list).all(|(told, value)| agrees(told, value))
        }
        Value::Object(object) => {
            let Some(told) = tagged("o").and_then(Value::as_array) else { return false };
            told.len() == object.len()
                && told.iter().all(|member| match member.as_array() {
                    Some([Value::String(name), told]) => {
                        object.get(name).is_some_and(|value| agrees(told, value))
                    }
                    _ => false,
                })
        }
    }
}

#[test]
fn python_and_node_read_what_was_judged() {
    let mut runner = TestRunner::deterministic();
    let mut judged = Vec::new();
    let mut lines = Vec::new();
    for n in 0..VALUES {
        let value = generate::value().new_tree(&mut runner).unwrap().current();
        // Odd ones as they are forwarded, even ones in the spelling an agent might send.
        if n % 2 == 1 {
            json::write(&value, &mut lines);
        } else {
            let mut text = String::new();
            generate::spelt(&value, &mut (0..=255).cycle().skip(n % 256), &mut text);
            assert_eq!(json::read(text.as_bytes(), Limits::REQUEST).as_ref(), Ok(&value), "{text}");
            lines.extend_from_slice(text.as_bytes());
        }
        lines.push(b'\n');
        judged.push(value);
    }
    for (program, arguments) in [("python3", ["-c", PYTHON]), ("node", ["-e", NODE])] {
        let accounts = told(program, &arguments, &lines);
        assert_eq!(accounts.len(), judged.len(), "{program}");
        for (account, value) in accounts.iter().zip(&judged) {
            let read =
                json::read(account.as_bytes(), Limits { exact: false, ..Limits::ANSWER }).unwrap();
            let forwarded = String::from_utf8(json::write_to_vec(value)).unwrap();
            assert!(agrees(&read, value), "{program} reads {forwarded} as {account}");
        }
    }
}

/// Floats as they lie in memory, one a line, printed as the language prints them.
const PYTHON_PRINTS: &str = r#"
import struct, sys
for line in sys.stdin: print(repr(struct.unpack(">d", bytes.fromhex(line.strip()))[0]))
"#;

const NODE_PRINTS: &str = r#"
const lines = require("fs").readFileSync(0, "utf8").trim().split("\n");
console.log(lines.map(line => JSON.stringify(Buffer.from(line, "hex").readDoubleBE())).join("\n"));
"#;

#[test]
fn every_float_that_python_or_node_prints_is_taken() {
    let mut runner = TestRunner::deterministic();
    let mut lines = String::new();
    let mut floats = Vec::new();
    let any = proptest::num::f64::NORMAL | proptest::num::f64::SUBNORMAL;
    for n in 0..VALUES {
        let float = match n % 2 {
            0 => any.new_tree(&mut runner).unwrap().current(),
            _ => generate::near_a_tie().new_tree(&mut runner).unwrap().current(),
        };
        lines.push_str(&format!("{:016x}\n", float.to_bits()));
        floats.push(float);
    }
    for (program, arguments) in [("python3", ["-c", PYTHON_PRINTS]), ("node", ["-e", NODE_PRINTS])]
    {
        let printed = told(program, &arguments, lines.as_bytes());
        assert_eq!(printed.len(), floats.len(), "{program}");
        for (text, float) in printed.iter().zip(&floats) {
            // Beyond 2^53 an integer is written like one of many that are not told apart.
            let integer = !text.contains(['.', 'e']);
            if *float == 0.0 || integer && float.abs() >= 9_007_199_254_740_992.0 {
                continue;
            }
            let read = json::read(text.as_bytes(), Limits::REQUEST);
            assert!(read.is_ok(), "{program} prints {text}: {read:?}");
        }
    }
}

#[test]
fn a_foreign_account_of_another_value_is_noticed() {
    let value = |text: &str| json::read(text.as_bytes(), Limits::REQUEST).unwrap();
    let account = value(r#"["o",[["a",["n","1e+2"]],["b",["l",[["s","x"],null]]]]]"#);
    assert!(agrees(&account, &value(r#"{"b":["x",null],"a":100}"#)));
    for other in [
        r#"{"b":["x",null],"a":101}"#,
        r#"{"b":["x",null],"a":"100"}"#,
        r#"{"b":["x",false],"a":100}"#,
        r#"{"b":["x"],"a":100}"#,
        r#"{"b":["x",null]}"#,
        r#"{"b":["x",null],"a":100,"c":1}"#,
        "[]",
    ] {
        assert!(!agrees(&account, &value(other)), "{other}");
    }
}
