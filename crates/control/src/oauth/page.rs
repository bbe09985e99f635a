//! What a person reads whose browser comes back from an authorization server: a small page without
//! scripts, whose every word is ours. Nothing of the address that the browser came with is in it.

use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, StatusCode, header};

use crate::problem::{Code, Problem};

/// Why an account is not connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotConnected {
    /// The answer is late, was used before, was never asked for, or is another browser's.
    Expired,
    /// The credential was replaced or removed, or the server moved or went, while the person was away.
    Changed,
    /// The person who began may not connect this account any more.
    NotAllowed,
    /// The answer names another authorization server, or none where it must.
    OtherIssuer,
    /// The person, or the authorization server, said no.
    Declined,
    /// The authorization server reports a fault of its own, or of how we asked.
    Failed,
    /// The code brought no token that can be used.
    NoToken,
    /// More was granted than was asked for.
    Broader,
    /// Our own store did not keep it.
    NotKept,
}

impl NotConnected {
    /// What happened, and what to do about it.
    const fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Expired => (
                "This link is no longer good",
                "An answer counts once, within ten minutes, and only in the browser that began. \
                 Nothing was connected by it.",
                "Go to the server in Countersign and connect again. If the account is shown as \
                 connected there, you are done.",
            ),
            Self::Changed => (
                "The server was changed meanwhile",
                "While you were away, somebody changed the server's address or its credential. \
                 Nothing was connected.",
                "Go to the server in Countersign, see what changed, and connect again.",
            ),
            Self::NotAllowed => (
                "You may not connect this account any more",
                "Your role, or your membership, ended while you were away. Nothing was connected.",
                "Ask an administrator.",
            ),
            Self::OtherIssuer => (
                "The answer came from somebody else",
                "It does not name the authorization server that you were sent to, so it was not \
                 looked at, and nothing was connected.",
                "Connect again. If this page comes back, tell an administrator: either the \
                 authorization server changed its name, or somebody is in between.",
            ),
            Self::Declined => (
                "Nothing was connected",
                "The authorization server says that access was not granted.",
                "If you chose so, all is well. Otherwise go to the server in Countersign and \
                 connect again with an account that may grant it.",
            ),
            Self::Failed => (
                "The authorization server could not go on",
                "It answered with an error of its own. Nothing was connected.",
                "Try again in a while. If it stays so, an administrator sees the reason in \
                 Countersign's log.",
            ),
            Self::NoToken => (
                "The authorization server gave no usable token",
                "You consented, and what came back could not be used. Nothing was connected.",
                "Connect again. If it stays so, an administrator sees the reason in Countersign's \
                 log.",
            ),
            Self::Broader => (
                "More was granted than was asked for",
                "The authorization server gave more rights than this server's credential asks \
                 for, so nothing was kept.",
                "An administrator can add the scopes to the credential; then connect again.",
            ),
            Self::NotKept => (
                "The connection could not be kept",
                "You consented, and Countersign could not write it down. Nothing is connected.",
                "Connect again. If it stays so, tell an administrator.",
            ),
        }
    }

    /// The stable word that the dashboard's address carries.
    const fn word(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Changed => "changed",
            Self::NotAllowed => "not_allowed",
            Self::OtherIssuer => "other_issuer",
            Self::Declined => "declined",
            Self::Failed => "failed",
            Self::NoToken => "no_token",
            Self::Broader => "broader_scope",
            Self::NotKept => "not_kept",
        }
    }

    const fn code(self) -> Code {
        match self {
            Self::NotAllowed => Code::Forbidden,
            Self::NoToken | Self::Failed => Code::AuthorizationServer,
            Self::NotKept => Code::Unavailable,
            _ => Code::BadRequest,
        }
    }

    /// The page that says so.
    pub(super) fn page(self) -> Response {
        let (title, happened, next) = self.words();
        page(self.code().status(), title, happened, next)
    }

    /// The same for a program.
    pub(super) fn problem(self) -> Problem {
        let (_, happened, next) = self.words();
        Problem::new(self.code(), format!("{happened} {next}"))
    }
}

/// The page for somebody whose account is connected and who did not begin in this browser.
pub(super) fn connected() -> Response {
    page(
        StatusCode::OK,
        "The account is connected",
        "Calls of agents can use it from now on.",
        "You can close this page.",
    )
}

/// The way back to the server's page of the dashboard, which says how it ended.
pub(super) fn back_to(slug: &str, why: Option<NotConnected>) -> Response {
    // A slug is letters, digits and hyphens; whatever else it were, it would lead nowhere else.
    let path: String = url::form_urlencoded::byte_serialize(slug.as_bytes()).collect();
    let word = why.map_or("connected", NotConnected::word);
    let there = HeaderValue::try_from(format!("/servers/{path}/connect?result={word}"));
    let there = there.unwrap_or(HeaderValue::from_static("/servers"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, there)]).into_response()
}

fn page(status: StatusCode, title: &str, happened: &str, next: &str) -> Response {
    let text = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title} · Countersign</title>\n</head>\n<body>\n<main>\n\
         <h1>{title}</h1>\n<p>{happened}</p>\n<p>{next}</p>\n\
         <p><a href=\"/servers\">To the servers</a></p>\n</main>\n</body>\n</html>\n"
    );
    // What else every answer has stands where all of them get it: nothing may be loaded, run or framed.
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    (status, [(header::CONTENT_TYPE, html)], text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_back_stays_in_the_dashboard() {
        for (slug, path) in [
            ("pay", "/servers/pay/connect?result=changed"),
            ("a/../../b", "/servers/a%2F..%2F..%2Fb/connect?result=changed"),
            ("//evil.example", "/servers/%2F%2Fevil.example/connect?result=changed"),
        ] {
            let why = Some(NotConnected::Changed);
            assert_eq!(back_to(slug, why).headers()["location"], path);
        }
    }
}
