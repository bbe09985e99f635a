//! Texts in the manner of the JSON test suites: `Y` must be taken, `N` must be refused by every
//! reader, `I` is left open by the standard and refused here where readers take it differently.

use json::{Fault, Limits, Reader};

enum Must {
    Take,
    Refuse(Fault),
    /// Refused where it is judged, passed where it only passes.
    RefuseJudged(Fault),
}
use Fault::*;
use Must::{Refuse as N, RefuseJudged as I, Take};

const Y: Must = Take;

fn corpus() -> Vec<(&'static str, Vec<u8>, Must)> {
    let mut all: Vec<(&str, Vec<u8>, Must)> = Vec::new();
    let mut add = |row: &'static str, text: &[u8], must: Must| all.push((row, text.to_vec(), must));

    // Structure
    for text in [
        "[]",
        "{}",
        "[[]]",
        "[[],[[]]]",
        " [] ",
        "\t[\n]\r",
        "[1,2]",
        "[null]",
        "[true,false]",
        "null",
        "true",
        "false",
        "0",
        "\"\"",
        "\"x\"",
        "{\"a\":1}",
        "{\"a\":{\"a\":1}}",
        "[{\"a\":1},{\"a\":1}]",
        "{\"a\":[],\"b\":{}}",
        "{\"\":0}",
        "{\"a b\":1}",
        " \n{ \"a\" : [ 1 , 2 ] } ",
    ] {
        add("y_structure", text.as_bytes(), Y);
    }
    for (text, fault) in [
        ("", UnexpectedEnd),
        (" ", UnexpectedEnd),
        ("[", UnexpectedEnd),
        ("{", UnexpectedEnd),
        ("[1", UnexpectedEnd),
        ("[1,", UnexpectedEnd),
        ("{\"a\"", UnexpectedEnd),
        ("{\"a\":", UnexpectedEnd),
        ("{\"a\":1", UnexpectedEnd),
        ("{\"a\":1,", UnexpectedEnd),
        ("[[", UnexpectedEnd),
        ("]", Syntax),
        ("}", Syntax),
        ("[}", Syntax),
        ("{]", Syntax),
        ("[,]", Syntax),
        ("[1,]", Syntax),
        ("[,1]", Syntax),
        ("[1,,2]", Syntax),
        ("[1 2]", Syntax),
        ("[1:2]", Syntax),
        ("{,}", Syntax),
        ("{\"a\":1,}", Syntax),
        ("{\"a\":1,,\"b\":2}", Syntax),
        ("{\"a\" 1}", Syntax),
        ("{\"a\",1}", Syntax),
        ("{\"a\"::1}", Syntax),
        ("{:1}", Syntax),
        ("{1:1}", Syntax),
        ("{a:1}", Syntax),
        ("{'a':1}", Syntax),
        ("{null:1}", Syntax),
        ("{\"a\":1 \"b\":2}", Syntax),
        ("{\"a\":1}}", TrailingData),
        ("[]]", TrailingData),
        ("[] []", TrailingData),
        ("{}x", TrailingData),
        ("{}{}", TrailingData),
        ("1 2", TrailingData),
        ("\"a\"\"b\"", TrailingData),
        ("[]\0", TrailingData),
        ("[]#", TrailingData),
        ("[]//x", TrailingData),
        ("[]\u{a0}", TrailingData),
        ("{}\u{feff}", TrailingData),
        ("/*x*/[]", Syntax),
        ("[/*x*/]", Syntax),
        ("//x\n[]", Syntax),
        ("#[]", Syntax),
        ("<null>", Syntax),
        ("*", Syntax),
        ("(1)", Syntax),
        ("[1;2]", Syntax),
        ("\\u005b]", Syntax),
        ("\u{c}[]", Syntax),
        ("\u{b}[]", Syntax),
        ("[\u{c}]", Syntax),
        ("[\u{a0}]", Syntax),
        ("[\u{2060}]", Syntax),
        ("[\u{85}]", Syntax),
        ("[\u{200b}]", Syntax),
        ("[\u{3000}1]", Syntax),
        ("\0", Syntax),
        ("[\0]", Syntax),
        ("[1\u{0}]", Syntax),
    ] {
        add("n_structure J34 J36 J38", text.as_bytes(), N(fault));
    }

    // Words
    for (text, fault) in [
        ("nul", UnexpectedEnd),
        ("t", UnexpectedEnd),
        ("fals", UnexpectedEnd),
        ("[tru", UnexpectedEnd),
        ("nulL", Syntax),
        ("True", Syntax),
        ("TRUE", Syntax),
        ("None", Syntax),
        ("undefined", Syntax),
        ("NaN", Syntax),
        ("Infinity", Syntax),
        ("-Infinity", Syntax),
        ("-NaN", Syntax),
        ("[nan]", Syntax),
        ("[tru]", Syntax),
        ("nullx", TrailingData),
        ("truefalse", TrailingData),
        ("null0", TrailingData),
        ("[truex]", Syntax),
    ] {
        add("n_words", text.as_bytes(), N(fault));
    }

    // Strings
    for text in [
        r#""\"\\\/\b\f\n\r\t""#,
        r#""\u0041\u00e9\u20ac""#,
        r#""\ud83d\ude00""#,
        r#""\uD834\uDD1E""#,
        r#""\u0000""#,
        r#""\u001f\u007f""#,
        "\"\u{7f}\"",
        "\"é€😀\"",
        "\"\u{2028}\u{2029}\"",
        "\"\u{a0}\"",
        "\"\u{10fffd}\"",
        r#""\u002c""#,
        r#""\\u0041""#,
        r#""\\\\""#,
        "\"/\"",
        r#""\u200b""#,
        "\"'\"",
        r#""\uFFFD""#,
        r#"{"\u00e9":1}"#,
    ] {
        add("y_string", text.as_bytes(), Y);
    }
    for (text, fault) in [
        (r#"""#, UnexpectedEnd),
        (r#""a"#, UnexpectedEnd),
        (r#""\"#, UnexpectedEnd),
        (r#""\""#, UnexpectedEnd),
        (r#""\u"#, UnexpectedEnd),
        (r#""\u00"#, UnexpectedEnd),
        (r#""\ud800\"#, LoneSurrogate),
        (r#""\x41""#, Syntax),
        (r#""\a""#, Syntax),
        (r#""\'""#, Syntax),
        (r#""\0""#, Syntax),
        (r#""\U0041""#, Syntax),
        (r#""\u00g0""#, Syntax),
        (r#""\u 041""#, Syntax),
        (r#""\u+041""#, Syntax),
        (r#""\u004""#, Syntax),
        (r#""\{0041}""#, Syntax),
        (r#""\é""#, Syntax),
        (r#""\u{41}""#, Syntax),
        ("'a'", Syntax),
        ("`a`", Syntax),
        ("a", Syntax),
        ("\"\n\"", ControlCharacter),
        ("\"\t\"", ControlCharacter),
        ("\"\0\"", ControlCharacter),
        ("\"\u{1}\"", ControlCharacter),
        ("\"\u{1f}\"", ControlCharacter),
        ("{\"a\nb\":1}", ControlCharacter),
        (r#""\ud800""#, LoneSurrogate),
        (r#""\udfff""#, LoneSurrogate),
        (r#""\ud800\ud800""#, LoneSurrogate),
        (r#""\ude00\ud83d""#, LoneSurrogate),
        (r#""\ud83dx\ude00""#, LoneSurrogate),
        (r#""\ud800\n""#, LoneSurrogate),
        (r#""\ud800\u0041""#, LoneSurrogate),
        (r#"{"\ud800":1}"#, LoneSurrogate),
        (r#""\ud83d\u""#, Syntax),
    ] {
        add("n_string J17 J37", text.as_bytes(), N(fault));
    }
    for text in [
        &b"\"\xff\""[..],
        b"\"\xc0\xaf\"",
        b"\"\xed\xa0\x80\"",
        b"\"\xe2\x82\"",
        b"\"\xf4\x90\x80\x80\"",
        b"\"\x80\"",
        b"\"\xc3\"",
        b"[\xff]",
        b"\xef\xbb\xbf{}",
        b"\xfe\xff\x00[\x00]",
        b"[\x00]\x00\xff",
        b"\"\xf8\x88\x80\x80\x80\"",
        b"{\"\xe9\":1}",
        b"\xef\xbb\xbf",
    ] {
        add("n_encoding J16", text, N(NotUtf8));
    }
    add("n_encoding J16", b"\"\xe2\x82", N(NotUtf8));
    add("n_encoding", b"[\0]\0", N(Syntax));

    // Numbers
    for text in [
        "0",
        "1",
        "-1",
        "10",
        "123456789012345",
        "9007199254740991",
        "-9007199254740991",
        "0.0",
        "0.5",
        "-0.5",
        "1.0",
        "1.50",
        "1e0",
        "1E0",
        "1e+0",
        "1e-0",
        "1e5",
        "1.5e-3",
        "0e5",
        "0e99999999999",
        "0.000e-99999999999",
        "1e308",
        "1.7976931348623157e308",
        "5e-324",
        "2.2250738585072014e-308",
        "1e-7",
        "1e21",
        "1e22",
        "0.1",
        "0.3",
        "4.35",
        "100.10",
        "0.30000000000000004",
        "123456789.123456",
        "-1E+2",
    ] {
        add("y_number", text.as_bytes(), Y);
    }
    for (text, fault) in [
        ("-", UnexpectedEnd),
        ("1.", UnexpectedEnd),
        ("1e", UnexpectedEnd),
        ("1e+", UnexpectedEnd),
        ("-1.", UnexpectedEnd),
        ("01", Syntax),
        ("-01", Syntax),
        ("00", Syntax),
        ("0x10", TrailingData),
        ("1_000", TrailingData),
        ("1 000", TrailingData),
        ("1a", TrailingData),
        ("1.5.2", TrailingData),
        ("1e5e5", TrailingData),
        ("0b1", TrailingData),
        ("1,5", TrailingData),
        ("012.5", Syntax),
        ("+1", Syntax),
        ("++1", Syntax),
        (".5", Syntax),
        ("-.5", Syntax),
        ("--1", Syntax),
        ("-a", Syntax),
        ("1.e5", Syntax),
        ("1.-5", Syntax),
        ("1e.5", Syntax),
        ("1ee5", Syntax),
        ("- 1", Syntax),
        ("1e 5", Syntax),
        ("[5.]", Syntax),
        ("[1e]", Syntax),
        ("[-]", Syntax),
        ("\u{ff11}", Syntax),
        ("\u{0661}", Syntax),
        ("1\u{ff10}", TrailingData),
        ("\u{2212}1", Syntax),
        ("$1", Syntax),
    ] {
        add("n_number J29", text.as_bytes(), N(fault));
    }
    for (text, fault) in [
        ("1e400", NumberOutOfRange),
        ("-1e400", NumberOutOfRange),
        ("1E+9999999999", NumberOutOfRange),
        ("1e309", NumberOutOfRange),
        ("1.8e308", NumberOutOfRange),
        ("1e-400", NumberNotExact),
        ("1e-9999999999", NumberNotExact),
        ("4e-324", NumberNotExact),
        ("-0", NegativeZero),
        ("-0.0", NegativeZero),
        ("-0e0", NegativeZero),
        ("[-0]", NegativeZero),
        ("100.00000000000000001", NumberNotExact),
        ("9007199254740992", NumberNotExact),
        ("-9007199254740992", NumberNotExact),
        ("9007199254740993", NumberNotExact),
        ("18446744073709551615", NumberNotExact),
        ("1.0000000000000000001", NumberNotExact),
        ("0.1000000000000000055511151231257827", NumberNotExact),
        ("123456789012345678901234567890", NumberNotExact),
    ] {
        add("i_number J20 J21 J22 J24", text.as_bytes(), I(fault));
    }
    add("i_number J20", "1".repeat(65).as_bytes(), I(NumberTooLong));
    add("i_number J20", format!("0.{}", "1".repeat(5_000)).as_bytes(), I(NumberTooLong));

    // Names
    for (text, fault) in [
        (r#"{"a":1,"a":2}"#, DuplicateKey),
        (r#"{"a":1,"a":1}"#, DuplicateKey),
        (r#"{"a":1,"\u0061":2}"#, DuplicateKey),
        (r#"{"":1,"":2}"#, DuplicateKey),
        (r#"[{"x":{"a":1,"b":2,"a":3}}]"#, DuplicateKey),
        (r#"{"\ud83d\ude00":1,"😀":2}"#, DuplicateKey),
    ] {
        add("n_names J01 J04 J05", text.as_bytes(), N(fault));
    }
    for (text, fault) in [
        (r#"{"amount":1,"Amount":2}"#, KeyCollision),
        (r#"{"AMOUNT":1,"amount":2}"#, KeyCollision),
        ("{\"amount\":1,\"amo\u{200b}unt\":2}", KeyCollision),
        ("{\"amo\u{200b}unt\":1,\"amount\":2}", KeyCollision),
        ("{\"params\":1,\"param\u{17f}\":2}", KeyCollision),
        ("{\"token\":1,\"to\u{212a}en\":2}", KeyCollision),
        ("{\"a\":1,\"\u{ff21}\":2}", KeyCollision),
        ("{\"é\":1,\"e\u{301}\":2}", KeyCollision),
        ("{\"é\":1,\"É\":2}", KeyCollision),
        ("{\"σ\":1,\"ς\":2}", KeyCollision),
        ("{\"\":1,\"\u{feff}\":2}", KeyCollision),
        ("{\"a\":1,\"a\u{e0041}\":2}", KeyCollision),
        (r#"{"a\u0000":1}"#, ControlCharacterInKey),
        (r#"{"\n":1}"#, ControlCharacterInKey),
        ("{\"\u{7f}\":1}", ControlCharacterInKey),
        ("{\"\u{85}\":1}", ControlCharacterInKey),
        (r#"{"\ufffe":1}"#, Noncharacter),
        ("{\"a\":\"\u{ffff}\"}", Noncharacter),
        (r#""\ufdd0""#, Noncharacter),
        (r#""\udbff\udfff""#, Noncharacter),
        ("[[\"\u{1fffe}\"]]", Noncharacter),
    ] {
        add("i_names J08 J09 J12 J14 J18", text.as_bytes(), I(fault));
    }
    for text in [
        "{\"а\":1,\"a\":2}",
        "{\"a.b\":1,\"ab\":2}",
        r#"{"__proto__":1,"constructor":2,"prototype":3,"":4}"#,
        "{\"o\":1,\"0\":2}",
    ] {
        add("y_names J13", text.as_bytes(), Y);
    }
    add("i_names J33", format!("{{\"{}\":1}}", "k".repeat(1_025)).as_bytes(), I(NameTooLong));
    add("y_names J33", format!("{{\"{}\":1}}", "k".repeat(1_024)).as_bytes(), Y);
    let alike: Vec<_> = (0..40).map(|n| format!("\"k{n}\":0")).collect();
    add("i_names J09", format!("{{{},\"K7\":1}}", alike.join(",")).as_bytes(), I(KeyCollision));
    add("n_names J01", format!("{{{},\"k7\":1}}", alike.join(",")).as_bytes(), N(DuplicateKey));
    add(
        "i_names J09",
        format!("{{{},\"\u{212a}39\":1}}", alike.join(",")).as_bytes(),
        I(KeyCollision),
    );

    // Depth and size
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    add("y_depth J30", nested(64).as_bytes(), Y);
    add("i_depth J30", nested(65).as_bytes(), I(TooDeep));
    add(
        "i_depth J30",
        format!("{}0{}", r#"{"a":"#.repeat(65), "}".repeat(65)).as_bytes(),
        I(TooDeep),
    );
    add("n_depth J30", "[".repeat(100_000).as_bytes(), N(TooDeep));
    add("n_depth J30", r#"{"a":"#.repeat(1_000_000).as_bytes(), N(TooDeep));
    add("y_size J33", format!("[{}0]", "0,".repeat(9_999)).as_bytes(), Y);
    add("i_size J33", format!("[{}0]", "0,".repeat(10_000)).as_bytes(), I(TooManyMembers));
    add("y_size J33", format!("\"{}\"", "x".repeat(5_000_000)).as_bytes(), Y);
    all
}

/// Passes over the text without building anything.
fn skim(text: &[u8], limits: Limits) -> Result<(), json::ReadError> {
    let mut reader = Reader::new(text, limits)?;
    reader.skip()?;
    reader.end()
}

#[test]
fn every_text_is_taken_or_refused_as_it_must_be() {
    let corpus = corpus();
    assert!(corpus.len() > 300, "{}", corpus.len());
    for (row, text, must) in corpus {
        let shown = text.get(..60).unwrap_or(&text).escape_ascii().to_string();
        let judged = json::read(&text, Limits::REQUEST).map(drop).map_err(|error| error.fault());
        let passed = skim(&text, Limits::ANSWER).map_err(|error| error.fault());
        let expected = match must {
            Take => (Ok(()), Ok(())),
            N(fault) => (Err(fault), Err(fault)),
            I(fault) => (Err(fault), Ok(())),
        };
        assert_eq!((judged, passed), expected, "{row} {shown}");
        let skimmed = skim(&text, Limits::REQUEST).map_err(|error| error.fault());
        assert_eq!(skimmed, judged, "{row}: reading and passing over differ: {shown}");
    }
}

#[test]
fn another_reader_agrees_on_what_is_json() {
    for (row, text, must) in corpus() {
        let shown = text.get(..60).unwrap_or(&text).escape_ascii().to_string();
        let other = std::str::from_utf8(&text)
            .is_ok_and(|text| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok());
        let lenient = match must {
            // It looks neither at names nor at halves of pairs, and stops at 127 levels.
            N(DuplicateKey | LoneSurrogate) => continue,
            Take | I(_) => true,
            N(_) => false,
        };
        assert_eq!(other, lenient, "{row} {shown}");
    }
}

#[test]
fn a_fault_is_told_with_its_place_and_without_content() {
    for (text, at, pointer) in [
        (r#"{"a":{"b":[1,{"secret":1,"secret":2}]}}"#, 25, "/a/b/1/secret"),
        (r#"[1,[2,1e400]]"#, 6, "/1/1"),
        (r#"{"a~/b":x}"#, 8, "/a~0~1b"),
        (r#"{"a":1"#, 6, ""),
    ] {
        let error = json::read(text.as_bytes(), Limits::REQUEST).unwrap_err();
        assert_eq!((error.at(), error.pointer().as_str()), (at, pointer), "{text}");
        assert!(!error.to_string().contains("secret"));
    }
}

#[test]
fn hostile_texts_cost_no_more_than_their_length() {
    let wide = "\u{fdfa}".repeat(300);
    let objects: [String; 6] = [
        (0..5_000).map(|n| format!("\"é{n}\":0,")).collect(),
        (0..24).map(|n| format!("\"{}{n}\":0,", "\u{fdfa}".repeat(15_000))).collect(),
        (0..500).map(|n| format!("\"{wide}{n}\":0,")).collect(),
        (0..1_000).map(|n| format!("\"{}{n}\":0,", "a\u{300}\u{316}".repeat(100))).collect(),
        (0..24).map(|n| format!("\"{}{n}\":0,", "a".repeat(40_000))).collect(),
        (0..2_500).map(|n| format!("\"{}{n}\":0,", "a".repeat(400))).collect(),
    ];
    let mut texts: Vec<String> =
        objects.iter().map(|members| format!("{{{members}\"\":0}}")).collect();
    texts.push(format!("\"{}\"", "\\".repeat(1_000_000)));
    texts.push(format!("\"{}\"", "\\ud83d\\ude00".repeat(80_000)));
    texts.push(format!("[{}", " ".repeat(1_000_000)));
    texts.push("1".repeat(1_000_000));
    texts.push(format!("1e{}", "0".repeat(1_000_000)));
    for text in texts {
        let started = std::time::Instant::now();
        for limits in [Limits::REQUEST, Limits::ANSWER] {
            if let Ok(value) = json::read(text.as_bytes(), limits) {
                assert!(value == value.clone());
                assert_eq!(
                    json::read(&json::canonical(&value), Limits::ANSWER).as_ref(),
                    Ok(&value)
                );
            }
        }
        // An unoptimised build on a busy machine: a generous bound that quadratic work still breaks.
        assert!(started.elapsed().as_secs() < 10, "{} bytes: {}", text.len(), &text[..20]);
    }
}
