//! A channel as it is asked for: read, checked, and its key made where it needs one.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use store::{ApprovalState, Channel, ChannelDraft, ChannelTarget, MailSecurity, Signing};
use utoipa::ToSchema;
use vault::{OsRandom, Randomness as _, Secret};

use crate::problem::{Code, Fault, Problem};
use crate::server_url;

/// What people are told of when nobody says: that something waits for them.
const EVENTS_OF_PEOPLE: [ApprovalState; 1] = [ApprovalState::Pending];
/// Programs are told of everything.
const EVENTS_OF_PROGRAMS: [ApprovalState; 6] = [
    ApprovalState::Pending,
    ApprovalState::Approved,
    ApprovalState::Denied,
    ApprovalState::Expired,
    ApprovalState::Withdrawn,
    ApprovalState::Consumed,
];
/// The longest password or user name of a mail server.
const SIGN_IN_BYTES_MAX: usize = 1_000;

/// What a channel is.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ChannelKind {
    /// A POST of signed JSON.
    Webhook,
    /// An incoming webhook of Slack.
    Slack,
    /// Mail by SMTP.
    Email,
}

/// How a webhook is signed.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, ToSchema)]
pub(crate) enum SigningName {
    /// A key that both sides know.
    #[serde(rename = "hmac-sha256")]
    Hmac,
    /// The receiver knows the public key alone.
    #[serde(rename = "ed25519")]
    Ed25519,
}

/// A mail server, and who writes to whom.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChannelSmtpIn {
    /// The name or address of the mail server.
    host: String,
    /// Its port: 465 with `tls`, 587 with `starttls`, 25 with `plain` if it is not said.
    port: Option<u16>,
    /// `tls` (if it is not said), `starttls`, or `plain` for loopback and private targets.
    security: Option<String>,
    /// Who we are there, if it asks.
    username: Option<String>,
    /// Given once and never shown. Left out on a change, the one that is kept stays, unless the
    /// server or the user changed.
    #[schema(write_only)]
    password: Option<String>,
    /// The sender's address.
    from: String,
    /// Whom it goes to, 1 to 20 addresses.
    to: Vec<String>,
}

/// A channel, as it is set up.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChannelIn {
    /// What people call it; unique.
    name: String,
    kind: ChannelKind,
    /// Whether it tells anybody anything; yes if it is not said.
    enabled: Option<bool>,
    /// The states of approvals that it tells of. If it is not said: all of them for a webhook,
    /// `pending` for people.
    events: Option<Vec<String>>,
    /// Private targets it may be reached at, each `host:port`.
    #[serde(default)]
    private_targets: Vec<String>,
    /// Where a webhook goes, or the address that Slack gave. Slack's is never shown, and may be left
    /// out on a change.
    url: Option<String>,
    /// How a webhook is signed; `hmac-sha256` if it is not said. Another one makes another key.
    signing: Option<SigningName>,
    /// The mail server, for `email`.
    smtp: Option<ChannelSmtpIn>,
}

/// What was asked for, checked.
pub(super) struct Read {
    pub(super) draft: ChannelDraft,
    pub(super) secret: Option<Secret>,
    /// What the receiver is to know, where a key was made.
    pub(super) shown: Option<String>,
}

/// Checks what a channel is to be; `before` is what it was, whose secrets stay where none are given.
///
/// - **Errors**: every fault at once, each with the field it is of.
pub(super) fn read(given: ChannelIn, before: Option<&Channel>) -> Result<Read, Problem> {
    let mut faults = vec![];
    let events = events(&given, &mut faults);
    let (target, secret, shown, private_targets) = match given.kind {
        ChannelKind::Webhook => webhook(&given, before, &mut faults)?,
        ChannelKind::Slack => slack(&given, before, &mut faults),
        ChannelKind::Email => email(&given, before, &mut faults),
    };
    for (there, pointer, allowed) in [
        (given.url.is_some(), "/url", given.kind != ChannelKind::Email),
        (given.signing.is_some(), "/signing", given.kind == ChannelKind::Webhook),
        (given.smtp.is_some(), "/smtp", given.kind == ChannelKind::Email),
    ] {
        if there && !allowed {
            faults.push(Fault::new(pointer, "invalid_value", "is not for this kind of channel"));
        }
    }
    if !faults.is_empty() {
        return Err(Problem::invalid(faults));
    }
    let enabled = given.enabled.unwrap_or(true);
    let draft = ChannelDraft { name: given.name, enabled, events, private_targets, target };
    Ok(Read { draft, secret, shown })
}

fn events(given: &ChannelIn, faults: &mut Vec<Fault>) -> Vec<ApprovalState> {
    let Some(names) = &given.events else {
        return match given.kind {
            ChannelKind::Webhook => EVENTS_OF_PROGRAMS.to_vec(),
            ChannelKind::Slack | ChannelKind::Email => EVENTS_OF_PEOPLE.to_vec(),
        };
    };
    let mut events = vec![];
    for (at, name) in names.iter().enumerate() {
        match ApprovalState::parse(name) {
            Some(state) if !events.contains(&state) => events.push(state),
            Some(_) => {}
            None => faults.push(Fault::new(
                format!("/events/{at}"),
                "invalid_value",
                "is pending, approved, denied, expired, withdrawn or consumed",
            )),
        }
    }
    events
}

/// A target, its secret, what is shown of it, and the private targets.
type Target = (ChannelTarget, Option<Secret>, Option<String>, Vec<String>);

fn webhook(
    given: &ChannelIn,
    before: Option<&Channel>,
    faults: &mut Vec<Fault>,
) -> Result<Target, Problem> {
    let (url, private_targets) = address(given, faults);
    let kept = before.and_then(|channel| match &channel.draft.target {
        ChannelTarget::Webhook { signing, .. } => Some(signing.clone()),
        ChannelTarget::Slack | ChannelTarget::Email { .. } => None,
    });
    let stays = match (&kept, given.signing) {
        (Some(_), None)
        | (Some(Signing::Hmac), Some(SigningName::Hmac))
        | (Some(Signing::Ed25519 { .. }), Some(SigningName::Ed25519)) => kept,
        _ => None,
    };
    if let Some(signing) = stays {
        return Ok((ChannelTarget::Webhook { url, signing }, None, None, private_targets));
    }
    let mut key = vec![0; 32];
    let none = |_| Problem::new(Code::Internal, "the system gave no random bytes");
    OsRandom.fill(&mut key).map_err(none)?;
    let (signing, shown) = match given.signing {
        Some(SigningName::Ed25519) => {
            let pair = Ed25519KeyPair::from_seed_unchecked(&key)
                .map_err(|_| Problem::new(Code::Internal, "no key could be made"))?;
            (Signing::Ed25519 { public_key: STANDARD.encode(pair.public_key()) }, None)
        }
        _ => (Signing::Hmac, Some(format!("whsec_{}", STANDARD.encode(&key)))),
    };
    Ok((ChannelTarget::Webhook { url, signing }, Some(Secret::new(key)), shown, private_targets))
}

fn slack(given: &ChannelIn, before: Option<&Channel>, faults: &mut Vec<Fault>) -> Target {
    if given.url.is_none() && before.is_some_and(|channel| channel.has_secret) {
        let targets = targets(&given.private_targets, faults);
        return (ChannelTarget::Slack, None, None, targets);
    }
    let (url, targets) = address(given, faults);
    (ChannelTarget::Slack, Some(Secret::from(url)), None, targets)
}

fn email(given: &ChannelIn, before: Option<&Channel>, faults: &mut Vec<Fault>) -> Target {
    let private_targets = targets(&given.private_targets, faults);
    let mut wrong = |pointer: &str, message: &str| {
        faults.push(Fault::new(pointer, "invalid_value", message));
    };
    let Some(smtp) = &given.smtp else {
        wrong("/smtp", "say which mail server, who writes and to whom");
        return (ChannelTarget::Slack, None, None, private_targets);
    };
    let security = smtp.security.as_deref().map_or(Some(MailSecurity::Tls), MailSecurity::parse);
    if security.is_none() {
        wrong("/smtp/security", "is tls, starttls or plain");
    }
    let security = security.unwrap_or(MailSecurity::Tls);
    let port = smtp.port.unwrap_or(match security {
        MailSecurity::Tls => 465,
        MailSecurity::StartTls => 587,
        MailSecurity::Plain => 25,
    });
    // The guard that dials reads hosts as parts of URLs, so they are checked as such.
    let scheme = if security == MailSecurity::Plain { "http" } else { "https" };
    let bracketed =
        if smtp.host.contains(':') { format!("[{}]", smtp.host) } else { smtp.host.clone() };
    let plain = |c: char| c.is_ascii_alphanumeric() || ".-:_".contains(c);
    let fits = !smtp.host.is_empty() && smtp.host.len() <= 255 && smtp.host.chars().all(plain);
    if !fits
        || server_url::read(&format!("{scheme}://{bracketed}:{port}/"), &private_targets).is_err()
    {
        wrong(
            "/smtp/host",
            "is no host that may be used; a plain connection is for loopback and listed private targets only",
        );
    }
    let signs_in = |text: &Option<String>| {
        text.as_ref().is_none_or(|text| {
            (1..=SIGN_IN_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control)
        })
    };
    if !signs_in(&smtp.username) {
        wrong("/smtp/username", "has 1 to 1,000 visible characters");
    }
    if !signs_in(&smtp.password) {
        wrong("/smtp/password", "has 1 to 1,000 visible characters");
    }
    let target = ChannelTarget::Email {
        host: smtp.host.clone(),
        port,
        security,
        username: smtp.username.clone(),
        from: smtp.from.clone(),
        to: smtp.to.clone(),
    };
    let kept = before
        .is_some_and(|channel| channel.has_secret && same_user(&channel.draft.target, &target));
    match (&smtp.username, &smtp.password) {
        (Some(_), None) if !kept => wrong("/smtp/password", "a user name needs a password"),
        (None, Some(_)) => wrong("/smtp/username", "a password needs a user name"),
        _ => {}
    }
    (target, smtp.password.clone().map(Secret::from), None, private_targets)
}

/// Whether a password of the one is good for the other.
fn same_user(one: &ChannelTarget, other: &ChannelTarget) -> bool {
    let whose = |target: &ChannelTarget| match target {
        ChannelTarget::Email { host, port, security, username, .. } => {
            Some((host.clone(), *port, *security, username.clone()))
        }
        ChannelTarget::Webhook { .. } | ChannelTarget::Slack => None,
    };
    whose(one).is_some() && whose(one) == whose(other)
}

fn address(given: &ChannelIn, faults: &mut Vec<Fault>) -> (String, Vec<String>) {
    match server_url::read(given.url.as_deref().unwrap_or_default(), &given.private_targets) {
        Ok(read) => read,
        Err(found) => {
            faults.extend(found);
            (String::new(), vec![])
        }
    }
}

fn targets(given: &[String], faults: &mut Vec<Fault>) -> Vec<String> {
    match server_url::read("https://localhost/", given) {
        Ok((_, targets)) => targets,
        Err(found) => {
            faults.extend(found);
            vec![]
        }
    }
}
