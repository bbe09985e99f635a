//! Mail by SMTP, against a server that speaks as much of it as is needed.

use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use store::{ChannelTarget, DeliveryState, MailSecurity};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use vault::Secret;

use crate::{House, PLANTED};

/// A mail server that answers recipients with this, and keeps what it hears.
async fn server(to_recipients: &'static str) -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard: Arc<Mutex<Vec<String>>> = Arc::default();
    let keeps = Arc::clone(&heard);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let keeps = Arc::clone(&keeps);
            tokio::spawn(async move { serve(stream, to_recipients, &keeps).await });
        }
    });
    (port, heard)
}

async fn serve(stream: TcpStream, to_recipients: &str, heard: &Mutex<Vec<String>>) {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    let _ = write.write_all(b"220 mail.test ESMTP\r\n").await;
    let mut in_data = false;
    while let Ok(Some(line)) = lines.next_line().await {
        heard.lock().unwrap().push(line.clone());
        let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        let answer = match verb.as_str() {
            _ if in_data && line == "." => {
                in_data = false;
                "250 taken"
            }
            _ if in_data => continue,
            "EHLO" => "250-mail.test\r\n250 AUTH PLAIN",
            "AUTH" => "235 welcome",
            "RCPT" => to_recipients,
            "DATA" => {
                in_data = true;
                "354 go on"
            }
            "QUIT" => "221 bye",
            _ => "250 ok",
        };
        let _ = write.write_all(format!("{answer}\r\n").as_bytes()).await;
    }
}

fn target(port: u16) -> ChannelTarget {
    ChannelTarget::Email {
        host: "127.0.0.1".to_owned(),
        port,
        security: MailSecurity::Plain,
        username: Some("countersign".to_owned()),
        from: "countersign@example.org".to_owned(),
        to: vec!["finance@example.org".to_owned(), "deputy@example.org".to_owned()],
    }
}

/// V15 for mail.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_says_what_waits_and_where_and_no_value() {
    let house = House::open();
    let (port, heard) = server("250 ok").await;
    let secret = Some(Secret::from("mail-password".to_owned()));
    let channel = house.channel("mail", target(port), secret).await;
    let approval = house.ask(1).await;
    house.work(5).await;
    let message = house.messages(&channel).await.remove(0);
    assert_eq!((message.state, message.told.as_str()), (DeliveryState::Delivered, ""));
    let heard = heard.lock().unwrap().clone();
    let said = |line: &str| assert!(heard.iter().any(|h| h == line), "{line}: {heard:?}");
    said("MAIL FROM:<countersign@example.org>");
    said("RCPT TO:<finance@example.org>");
    said("RCPT TO:<deputy@example.org>");
    said("Auto-Submitted: auto-generated");
    said(&format!("Message-ID: <{}.{}@example.org>", message.message, channel.id));
    let auth = heard.iter().find_map(|line| line.strip_prefix("AUTH PLAIN ")).unwrap();
    assert_eq!(STANDARD.decode(auth).unwrap(), b"\0countersign\0mail-password");
    let blank = heard.iter().position(String::is_empty).unwrap();
    let end = heard.iter().position(|line| line == ".").unwrap();
    let text = STANDARD.decode(heard[blank + 1..end].concat()).unwrap();
    let text = String::from_utf8(text).unwrap();
    for part in [
        "refund_payment waits for a sign-off.",
        "Rule: /tools/refund_payment/approve_if/args.amount-gt",
        "Time left: 2 hours",
        &format!("https://countersign.example/approvals/{}", approval.id),
        "Opening the link decides nothing.",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!heard.join("\n").contains(PLANTED) && !text.contains(PLANTED));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_that_is_not_taken_waits() {
    let house = House::open();
    let (port, _) = server("451 come back, finance@example.org").await;
    let secret = || Some(Secret::from("mail-password".to_owned()));
    let refusing = house.channel("refusing", target(port), secret()).await;
    let gone = house.channel("gone", target(1), secret()).await;
    let unsigned = house.channel("unsigned", target(port), None).await;
    house.ask(1).await;
    house.courier.round().await.unwrap();
    for (channel, told) in [
        (&refusing, "the mail server answered 451"),
        (&gone, "no connection to the mail server could be made"),
        (&unsigned, "the channel has no password: set it again"),
    ] {
        let message = house.messages(channel).await.remove(0);
        assert_eq!((message.state, message.told.as_str()), (DeliveryState::Waiting, told));
    }
}
