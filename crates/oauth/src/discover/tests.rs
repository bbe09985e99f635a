//! Discovery against documents that are right, wrong, of others and hostile.

use std::collections::HashMap;

use async_trait::async_trait;
use http::StatusCode;

use super::*;
use crate::Answer;

const UPSTREAM: &str = "https://mcp.example/a/mcp";
const ISSUER: &str = "https://as.example/t";
const AT: &str = "https://as.example/.well-known/oauth-authorization-server/t";
const HERE: &str = "https://mcp.example/.well-known/oauth-protected-resource/a/mcp";

/// Documents by address; everything else is not there.
#[derive(Default)]
struct Pages {
    pages: HashMap<String, (u16, String)>,
    challenge: Option<&'static str>,
    /// Everybody may say hello.
    greets: bool,
}

impl Pages {
    fn with(mut self, url: &str, body: &str) -> Self {
        self.pages.insert(url.to_owned(), (200, body.to_owned()));
        self
    }
}

#[async_trait]
impl Web for Pages {
    async fn get(&self, url: &str) -> Result<Answer, Unanswered> {
        if url.contains("169.254") {
            return Err(Unanswered::Refused("it is inside".into()));
        }
        let (status, body) = self.pages.get(url).cloned().unwrap_or((404, String::new()));
        let status = StatusCode::from_u16(status).unwrap_or_default();
        Ok(Answer { status, headers: HeaderMap::new(), body: body.into() })
    }

    async fn post(&self, _: &str, _: HeaderMap, body: Bytes) -> Result<Answer, Unanswered> {
        let mut headers = HeaderMap::new();
        if self.greets && body == HELLO {
            return Ok(Answer { status: StatusCode::OK, headers, body: Bytes::new() });
        }
        if let Some(challenge) = self.challenge {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        Ok(Answer { status: StatusCode::UNAUTHORIZED, headers, body: Bytes::new() })
    }
}

fn description(resource: &str, issuer: &str) -> String {
    format!(
        r#"{{"resource":"{resource}","authorization_servers":["{issuer}"],"scopes_supported":["r"]}}"#
    )
}

fn metadata(more: &str) -> String {
    format!(
        r#"{{"issuer":"{ISSUER}","authorization_endpoint":"https://as.example/a","token_endpoint":"https://as.example/t","code_challenge_methods_supported":["S256"]{more}}}"#
    )
}

fn sound() -> Pages {
    Pages::default().with(HERE, &description(UPSTREAM, ISSUER)).with(AT, &metadata(""))
}

#[tokio::test]
async fn what_is_sound_is_found_wherever_it_may_stand() {
    let found = discover(&sound(), UPSTREAM).await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((found.resource.as_str(), found.issuer.as_str()), (UPSTREAM, ISSUER));
    assert_eq!((found.scopes, found.takes_s256), (vec!["r".to_owned()], true));
    let root = "https://mcp.example/.well-known/oauth-protected-resource";
    for at in [
        "https://as.example/.well-known/openid-configuration/t",
        "https://as.example/t/.well-known/openid-configuration",
    ] {
        let pages = Pages::default()
            .with(root, &description("https://mcp.example/a", ISSUER))
            .with(at, &metadata(""));
        assert!(discover(&pages, UPSTREAM).await.is_ok(), "{at}");
    }
    // What the upstream asks for now goes before what it lists.
    let mut pages = sound().with("https://mcp.example/p", &description(UPSTREAM, ISSUER));
    pages.challenge = Some(r#"Bearer resource_metadata="https://mcp.example/p", scope="w x""#);
    let found = discover(&pages, UPSTREAM).await;
    assert_eq!(found.map(|f| f.scopes).ok(), Some(vec!["w".to_owned(), "x".to_owned()]));
}

/// S10, S12, S22: whoever writes the documents decides nothing that is not theirs.
#[tokio::test]
async fn s12_documents_of_others_and_addresses_that_are_none_end_the_search() {
    let other =
        |more: &str, from: &str, to: &str| sound().with(AT, &metadata(more).replace(from, to));
    let cases = [
        sound().with(HERE, &description("https://mcp.example/other", ISSUER)),
        sound().with(HERE, &description("https://evil.example/a/mcp", ISSUER)),
        sound().with(HERE, &description("https://mcp.example/a/mc", ISSUER)),
        sound().with(HERE, "[]"),
        sound()
            .with(HERE, r#"{"resource":"https://mcp.example/a/mcp","authorization_servers":[]}"#),
        sound().with(HERE, &description(UPSTREAM, "https://169.254.169.254/latest")),
        other("", ISSUER, "https://as.example/t/"),
        other("", ISSUER, "https://AS.example/t"),
        other("", "https://as.example/a", "javascript:alert(1)"),
        other("", "https://as.example/a", "http://as.example/a"),
        other("", "\"https://as.example/t\",\"code", "\"file:///etc/passwd\",\"code"),
        other("", "\"https://as.example/t\",\"code", "\"https://u:p@as.example/t\",\"code"),
        sound().with(AT, "{\"issuer\":1,\"issuer\":2}"),
        sound().with(AT, "not json"),
    ];
    for (number, pages) in cases.iter().enumerate() {
        let found = discover(pages, UPSTREAM).await;
        assert!(found.is_err(), "case {number}: {found:?}");
    }
    let mut pages = sound();
    pages.challenge = Some(r#"Bearer resource_metadata="https://169.254.169.254/x""#);
    let refused = discover(&pages, UPSTREAM).await;
    assert!(matches!(refused, Err(DiscoverError::Unanswered { .. })), "{refused:?}");
}

/// S14: without PKCE by S256 nobody is sent there.
#[tokio::test]
async fn s14_nobody_is_sent_where_a_code_could_be_stolen() {
    let visit = crate::Visit {
        client_id: "c",
        redirect_uri: "https://here.example/back",
        scopes: &[],
        state: "s",
        verifier: "v",
    };
    for said in ["", r#""code_challenge_methods_supported":["plain"],"#] {
        let document = metadata("").replace(r#","code_challenge_methods_supported":["S256"]"#, "");
        let document = document.replacen('{', &format!("{{{said}"), 1);
        let found = discover(&sound().with(AT, &document), UPSTREAM).await;
        let Ok(found) = found else { panic!("{found:?}") };
        assert!(matches!(visit.address(&found), Err(crate::VisitError::NoPkce)));
    }
    let Ok(found) = discover(&sound(), UPSTREAM).await else { panic!("it is sound") };
    let address = visit.address(&found).unwrap_or_default();
    for part in [
        "response_type=code",
        "code_challenge_method=S256",
        "state=s",
        "resource=https%3A%2F%2Fmcp.example%2Fa%2Fmcp",
    ] {
        assert!(address.contains(part), "{part}: {address}");
    }
    assert!(!address.contains("scope="), "{address}");
}

/// S15: the issuer is compared letter by letter.
#[test]
fn s15_an_answer_names_its_issuer_letter_by_letter() {
    use crate::names_issuer;
    for (says, named, fits) in [
        (true, Some(ISSUER), true),
        (false, Some(ISSUER), true),
        (false, None, true),
        (true, None, false),
        (false, Some("https://as.example/t/"), false),
        (true, Some("https://AS.example/t"), false),
        (true, Some("https://evil.example"), false),
        (true, Some(""), false),
    ] {
        assert_eq!(names_issuer(ISSUER, says, named), fits, "{says} {named:?}");
    }
}

/// Some upstreams let everybody say hello, and say which scopes they want to whoever asks for more.
#[tokio::test]
async fn an_upstream_that_greets_everybody_is_asked_for_more() {
    for greets in [true, false] {
        let pages =
            Pages { greets, challenge: Some(r#"Bearer scope="basic""#), ..Pages::default() }
                .with(HERE, &description(UPSTREAM, ISSUER))
                .with(AT, &metadata(""));
        assert_eq!(discover(&pages, UPSTREAM).await.unwrap().scopes, ["basic"], "{greets}");
    }
}
