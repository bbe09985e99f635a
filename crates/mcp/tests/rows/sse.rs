//! Row X06: event streams, however they arrive.

use mcp::sse::{Decoder, Event, Item, SseError, encode};
use proptest::prelude::*;

fn decode(stream: &[u8], max: usize, pieces: usize) -> Result<Vec<Item>, SseError> {
    let mut decoder = Decoder::new(max);
    let mut items = Vec::new();
    for piece in stream.chunks(pieces.max(1)) {
        decoder.push(piece, &mut items)?;
    }
    Ok(items)
}

fn event(data: &str) -> Item {
    Item::Event(Event::message(data.as_bytes().to_vec()))
}

#[test]
fn x06_every_line_end_and_every_cut_gives_the_same_events() {
    let full = Item::Event(Event {
        id: Some("7".into()),
        event: Some("message".into()),
        data: Some(b"{\n}".to_vec()),
        retry: Some(2000),
    });
    let primed =
        Item::Event(Event { id: Some("1".into()), data: Some(Vec::new()), ..Event::default() });
    let rows: &[(&str, Vec<Item>)] = &[
        ("data: a\n\ndata: b\n\n", vec![event("a"), event("b")]),
        ("data:a\ndata: b\ndata:  c\n\n", vec![event("a\nb\n c")]),
        ("id: 7\nevent: message\nretry: 2000\ndata: {\ndata: }\n\n", vec![full]),
        (": ping\n\ndata: a\n\n", vec![Item::Comment, event("a")]),
        ("id: 1\ndata:\n\n", vec![primed]),
        ("data\n\n", vec![event("")]),
        ("\n\n\ndata: a\n\n\n", vec![event("a")]),
        ("data: cut off", vec![]),
        ("data: cut off\n", vec![]),
        ("unknown: x\nDATA: x\n data: x\n\n", vec![]),
        ("retry: 5x\ndata: a\n\n", vec![event("a")]),
        ("retry: 99999999999999999999999\ndata: a\n\n", vec![event("a")]),
        ("data: a:b\n\n", vec![event("a:b")]),
        ("\u{feff}data: a\n\n", vec![event("a")]),
        ("data: a\n\n\u{feff}data: b\n\n", vec![event("a")]),
    ];
    for (stream, items) in rows {
        for ending in ["\n", "\r", "\r\n"] {
            let stream = stream.replace('\n', ending);
            for pieces in [1, 2, 3, 5, 1000] {
                let found = decode(stream.as_bytes(), 1000, pieces);
                assert_eq!(found.as_ref(), Ok(items), "{stream:?} in pieces of {pieces}");
            }
        }
    }
}

#[test]
fn x06_a_nul_byte_or_an_id_that_is_not_text_ends_the_stream() {
    for (stream, error) in [
        (&b"data: a\0b\n\n"[..], SseError::Nul),
        (b"\0", SseError::Nul),
        (b": \0\n\n", SseError::Nul),
        (b"id: \xff\n\n", SseError::BadField),
        (b"event: \xff\n\n", SseError::BadField),
    ] {
        assert_eq!(decode(stream, 1000, 1), Err(error), "{}", stream.escape_ascii());
    }
    let long = format!("id: {}\n\n", "x".repeat(5_000));
    assert_eq!(decode(long.as_bytes(), 100_000, 64), Err(SseError::BadField));
}

#[test]
fn an_event_is_bounded_however_it_is_cut_and_however_small_its_lines() {
    for stream in [
        "data: ".to_owned() + &"x".repeat(2_000),
        "data: xxxx\n".repeat(300),
        "data:\n".repeat(2_000),
    ] {
        for pieces in [1, 7, 4096] {
            let found = decode(stream.as_bytes(), 1_000, pieces);
            assert_eq!(found, Err(SseError::TooLarge { max: 1_000 }), "pieces of {pieces}");
        }
    }
    let mut decoder = Decoder::new(10);
    let mut items = Vec::new();
    assert!(decoder.push(b"data: 0123456789", &mut items).is_err());
    assert!(decoder.push(b"data: a\n\n", &mut items).is_err(), "it does not recover");
    assert_eq!((items.len(), decoder.held()), (0, 0));
    // Many events within the bound are no matter.
    let many = "data: 12345\n\n".repeat(1_000);
    assert_eq!(decode(many.as_bytes(), 100, 100).map(|items| items.len()), Ok(1_000));
}

#[test]
fn an_events_type_says_whether_it_carries_a_message() {
    for (name, carries) in
        [(None, true), (Some("message"), true), (Some(""), true), (Some("endpoint"), false)]
    {
        let event = Event { event: name.map(str::to_owned), ..Event::default() };
        assert_eq!(event.is_message(), carries, "{name:?}");
    }
}

#[test]
fn a_line_end_in_an_id_makes_no_field() {
    let event = Event {
        id: Some("1\ndata: forged\r\n\r\n".into()),
        event: Some("a\rb".into()),
        data: Some(b"{}".to_vec()),
        retry: None,
    };
    assert_eq!(encode(&event), b"event: ab\nid: 1data: forged\ndata: {}\n\n");
}

proptest! {
    #[test]
    fn events_that_are_written_read_back(
        id in proptest::option::of("[^\r\n\0]{0,12}"),
        kind in proptest::option::of("[^\r\n\0]{0,12}"),
        data in proptest::option::of("[^\r\0]{0,40}"),
        retry in proptest::option::of(0..u64::MAX),
        pieces in 1..20_usize,
    ) {
        let event = Event { id, event: kind, data: data.map(String::into_bytes), retry };
        let items = decode(&encode(&event), 10_000, pieces).unwrap();
        if event == Event::default() {
            prop_assert_eq!(items, []);
        } else {
            prop_assert_eq!(items, [Item::Event(event)]);
        }
    }

    #[test]
    fn no_cut_changes_what_is_read(stream in "[dat: \r\n\u{feff}ix]{0,80}", pieces in 1..10_usize) {
        prop_assert_eq!(decode(stream.as_bytes(), 64, pieces).ok(), decode(stream.as_bytes(), 64, 1_000).ok());
    }
}
