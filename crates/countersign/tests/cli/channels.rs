//! Channels as an operator types them: made, tried against a receiver, removed; and a restart in the
//! middle.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use tempfile::tempdir;

use crate::program::{Ended, Running, serve};

/// A receiver that takes everything, and hands over the bodies.
fn receiver() -> (String, Receiver<(String, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://127.0.0.1:{}/hook", listener.local_addr().unwrap().port());
    let (sender, received) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let (mut head, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                stream.read_line(&mut line).unwrap();
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length: ") {
                    length = value.trim().parse().unwrap();
                }
                if line == "\r\n" || line.is_empty() {
                    break;
                }
                head.push_str(&line);
            }
            let mut body = vec![0; length];
            stream.read_exact(&mut body).unwrap();
            let answer = "HTTP/1.1 204 x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            let _ = stream.get_mut().write_all(answer.as_bytes());
            if sender.send((head, String::from_utf8(body).unwrap())).is_err() {
                return;
            }
        }
    });
    (url, received)
}

fn done(house: &Running, arguments: &[&str]) -> Ended {
    let ended = house.run(arguments);
    assert_eq!(ended.code, Some(0), "{arguments:?}: {ended:?}");
    ended
}

#[test]
fn a_channel_is_made_tried_and_removed() {
    let dir = tempdir().unwrap();
    let house = serve(dir.path());
    let (url, received) = receiver();
    let made = done(&house, &["channel", "add", "webhook", "ops", &url, "--event", "pending"]);
    assert!(made.out.contains("key: whsec_"), "{made:?}");
    let made = done(&house, &["channel", "add", "webhook", "signed", &url, "--signing", "ed25519"]);
    assert!(made.out.contains("public key: whpk_"), "{made:?}");
    fs::write(dir.path().join("slack.url"), format!("{url}\n")).unwrap();
    done(&house, &["channel", "add", "slack", "people", "--url-file", "slack.url"]);
    for channel in ["ops", "signed", "people"] {
        done(&house, &["channel", "test", channel]);
        let (head, body) = received.recv_timeout(Duration::from_secs(10)).unwrap();
        assert!(head.starts_with("POST /hook "), "{head}");
        let signed = head.to_ascii_lowercase().contains("webhook-signature: v1");
        assert_eq!(signed, channel != "people", "{head}");
        assert!(body.contains("a test of this channel") || body.contains("A test of this"));
    }
    let shown = done(&house, &["channel", "show", "people"]);
    assert!(!shown.out.contains("127.0.0.1"), "the address is a secret: {shown:?}");

    // One that answers nothing says so, and stands among the dead.
    let dead = "http://127.0.0.1:9/";
    done(&house, &["channel", "add", "webhook", "dead", dead]);
    let failed = house.run(&["--json", "channel", "test", "dead"]);
    assert_eq!(failed.code, Some(1), "{failed:?}");
    let (code, what, _) = failed.failure();
    assert_eq!(code, "not_delivered");
    assert!(what.contains("no connection could be made"), "{what}");
    let listed = done(&house, &["--json", "channel", "messages", "dead", "--state", "dead"]);
    let message = listed.lines()[0]["message"].as_str().unwrap().to_owned();
    done(&house, &["channel", "retry", "dead", &message]);
    let listed = done(&house, &["channel", "list"]);
    for name in ["ops", "signed", "people", "dead"] {
        assert!(listed.out.contains(name), "{listed:?}");
    }
    done(&house, &["channel", "remove", "dead"]);
    let gone = house.run(&["--json", "channel", "show", "dead"]);
    assert_eq!(gone.code, Some(1));

    let (code, log) = house.stop("-TERM");
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("a message was not delivered"), "{log}");
    assert!(!log.contains("whsec_"), "{log}");
}
