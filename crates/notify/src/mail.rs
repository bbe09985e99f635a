//! One attempt by SMTP. The name of the server is looked up and checked by the guard of `dial`; the
//! connection goes to a checked address, and TLS is held to the name.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dial::{Guard, GuardError};
use lettre::address::{Address, Envelope};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use store::{ChannelTarget, Due, MailSecurity, Moment};
use vault::Secret;

use crate::words::Note;

/// How long each step may take, and all of them together.
const STEP_WITHIN: Duration = Duration::from_secs(10);
const DEADLINE: Duration = Duration::from_secs(20);
/// How many bytes of a subject one encoded word holds.
const WORD_BYTES: usize = 42;

/// Sends a mail.
///
/// - **Errors**: why it was not taken, in words of ours: what the server said is not repeated.
pub(crate) async fn send(due: &Due, note: &Note, now: Moment) -> Result<(), String> {
    let ChannelTarget::Email { host, port, security, username, from, to } =
        &due.channel.draft.target
    else {
        return Err("the channel is not one of mail".to_owned());
    };
    let envelope = envelope(from, to)?;
    let message = written(due, note, now, from, to);
    let sent = async {
        let address = address(host, *port, *security, &due.channel.draft.private_targets).await;
        let address = address.map_err(|error| format!("refused before dialling: {error}"))?;
        let tls = || {
            TlsParameters::new(host.clone())
                .map_err(|_| "the name of the server cannot be used for TLS".to_owned())
        };
        let tls = match security {
            MailSecurity::Tls => Tls::Wrapper(tls()?),
            MailSecurity::StartTls => Tls::Required(tls()?),
            MailSecurity::Plain => Tls::None,
        };
        let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(address)
            .port(*port)
            .tls(tls)
            .timeout(Some(STEP_WITHIN));
        if let Some(username) = username {
            let password = due.secret.as_ref().and_then(Secret::expose_str);
            let password = password.ok_or("the channel has no password: set it again")?;
            transport =
                transport.credentials(Credentials::new(username.clone(), password.to_owned()));
        }
        transport.build().send_raw(&envelope, &message).await.map_err(|error| why(&error))
    };
    let late = |_| Err("the mail server did not finish in time".to_owned());
    tokio::time::timeout(DEADLINE, sent).await.unwrap_or_else(late).map(drop)
}

/// The address to dial, checked. A plain connection is for loopback and listed targets, as `http` is.
async fn address(
    host: &str,
    port: u16,
    security: MailSecurity,
    private_targets: &[String],
) -> Result<String, GuardError> {
    let scheme = if security == MailSecurity::Plain { "http" } else { "https" };
    let bracketed = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let (_, guard) = Guard::of(&format!("{scheme}://{bracketed}:{port}/"), private_targets)?;
    let found = guard.resolve(host, port).await?;
    found.first().map(|found| found.ip().to_string()).ok_or(GuardError::Unresolved)
}

fn envelope(from: &str, to: &[String]) -> Result<Envelope, String> {
    let odd = || "an address of the channel cannot be used".to_owned();
    let read = |text: &str| text.parse::<Address>().map_err(|_| odd());
    let to = to.iter().map(|to| read(to)).collect::<Result<Vec<_>, _>>()?;
    Envelope::new(Some(read(from)?), to).map_err(|_| odd())
}

/// The mail as it is sent: headers, and the text in base64, so that no line of it can be one of ours.
fn written(due: &Due, note: &Note, now: Moment, from: &str, to: &[String]) -> Vec<u8> {
    let at = jiff::Timestamp::from_microsecond(now.micros()).unwrap_or_default();
    let at = at.to_zoned(jiff::tz::TimeZone::UTC);
    let date = jiff::fmt::rfc2822::to_string(&at).unwrap_or_default();
    let (message, channel) = (&due.delivery.message, &due.delivery.channel);
    let domain = from.rsplit_once('@').map_or("localhost", |(_, domain)| domain);
    let mut text = format!(
        "From: {from}\r\nTo: {}\r\nSubject: {}\r\nDate: {date}\r\n\
         Message-ID: <{message}.{channel}@{domain}>\r\nAuto-Submitted: auto-generated\r\n\
         MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Transfer-Encoding: base64\r\n\r\n",
        to.join(",\r\n "),
        subject(&format!("[Countersign] {}", note.subject)),
    );
    let body = STANDARD.encode(note.mail().replace('\n', "\r\n"));
    for line in body.as_bytes().chunks(76) {
        text.push_str(&String::from_utf8_lossy(line));
        text.push_str("\r\n");
    }
    text.into_bytes()
}

/// A subject in encoded words (RFC 2047), so that no name can end the line.
fn subject(text: &str) -> String {
    let mut words: Vec<String> = vec![String::new()];
    for c in text.chars() {
        match words.last_mut() {
            Some(word) if word.len() + c.len_utf8() <= WORD_BYTES => word.push(c),
            _ => words.push(c.to_string()),
        }
    }
    let words = words.iter().map(|word| format!("=?utf-8?B?{}?=", STANDARD.encode(word)));
    words.collect::<Vec<_>>().join("\r\n ")
}

/// What went wrong, by kind: the server's own words may hold anything.
fn why(error: &lettre::transport::smtp::Error) -> String {
    if let Some(code) = error.status() {
        return format!("the mail server answered {code}");
    }
    let text = if error.is_timeout() {
        "the mail server did not answer in time"
    } else if error.is_tls() {
        "TLS with the mail server failed"
    } else if error.is_client() {
        "the mail server lacks what is needed: STARTTLS, or a way to sign in"
    } else {
        "no connection to the mail server could be made"
    };
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_cannot_end_its_line() {
        let written =
            subject("refund ünï\r\nBcc: everybody@example.org and a good deal more of it");
        for line in written.split("\r\n ") {
            assert!(line.starts_with("=?utf-8?B?") && line.ends_with("?="), "{line}");
            assert!(line.len() <= 75 && !line.contains(['\r', '\n']), "{line}");
        }
    }

    #[tokio::test]
    async fn a_mail_server_inside_is_not_dialled() {
        for (host, port, security) in [
            ("10.0.0.1", 465, MailSecurity::Tls),
            ("169.254.169.254", 587, MailSecurity::StartTls),
            ("mail.example.com", 25, MailSecurity::Plain),
            ("::ffff:169.254.169.254", 465, MailSecurity::Tls),
        ] {
            assert!(address(host, port, security, &[]).await.is_err(), "{host}");
        }
        let listed = ["10.0.0.1:465".to_owned()];
        let found = address("10.0.0.1", 465, MailSecurity::Tls, &listed).await;
        assert_eq!(found.unwrap(), "10.0.0.1");
        assert_eq!(address("127.0.0.1", 25, MailSecurity::Plain, &[]).await.unwrap(), "127.0.0.1");
    }
}
