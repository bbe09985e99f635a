//! Every hop on the way to a token: what an upstream and its authorization server name is judged like
//! a stranger's word, and no redirect leads anywhere.

#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use dial::{Addresses, Names};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use oauth::{
    Answer, AuthMethod, ClientAuth, Guarded, TokenError, TokenRequest, Unanswered, Web, discover,
    register,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use vault::Secret;

/// A site on this machine: says what it was told at each path, and counts who came.
#[derive(Clone, Default)]
struct Site {
    says: Arc<Mutex<HashMap<String, String>>>,
    came: Arc<AtomicUsize>,
}

impl Site {
    async fn start(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let site = self.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                site.came.fetch_add(1, Ordering::Relaxed);
                let mut bytes = vec![0; 65_536];
                let count = stream.read(&mut bytes).await.unwrap_or(0);
                let text = String::from_utf8_lossy(&bytes[..count]).into_owned();
                let path = text.split(' ').nth(1).unwrap_or_default().to_owned();
                let said = site.says.lock().unwrap().get(&path).cloned();
                let said =
                    said.unwrap_or_else(|| "HTTP/1.1 404 X\r\ncontent-length: 0\r\n\r\n".into());
                let _ = stream.write_all(said.as_bytes()).await;
            }
        });
        base
    }

    fn say(&self, path: &str, raw: String) {
        self.says.lock().unwrap().insert(path.to_owned(), raw);
    }

    fn document(&self, path: &str, body: &str) {
        let raw = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        self.say(path, raw);
    }

    fn came(&self) -> usize {
        self.came.load(Ordering::Relaxed)
    }
}

const DESCRIPTION: &str = "/.well-known/oauth-protected-resource/mcp";
const METADATA: &str = "/.well-known/oauth-authorization-server";

/// A site that says everything rightly.
async fn sound() -> (Site, String) {
    let site = Site::default();
    let base = site.start().await;
    site.document(
        DESCRIPTION,
        &format!(r#"{{"resource":"{base}/mcp","authorization_servers":["{base}"]}}"#),
    );
    site.document(METADATA, &format!(r#"{{"issuer":"{base}","authorization_endpoint":"{base}/a","token_endpoint":"{base}/token","registration_endpoint":"{base}/register","code_challenge_methods_supported":["S256"]}}"#));
    site.document("/register", r#"{"client_id":"c"}"#);
    site.document("/token", r#"{"access_token":"a","token_type":"Bearer","expires_in":60}"#);
    (site, base)
}

fn client() -> ClientAuth<'static> {
    ClientAuth {
        client_id: "c",
        method: AuthMethod::None,
        secret: None,
        issuer: "https://as.example",
    }
}

/// The whole way: found, registered, a refresh token used. How far it came.
async fn walk(web: &dyn Web, upstream: &str) -> &'static str {
    let Ok(found) = discover(web, upstream).await else { return "discovery" };
    if register(web, &found, "https://here.example/back", &[]).await.is_err() {
        return "registration";
    }
    let refresh = Secret::from("rt-canary".to_owned());
    let request = TokenRequest::Refresh(&refresh);
    let tokens = request.send(web, &found.token_endpoint, &client(), upstream, &[], 0).await;
    if tokens.is_err() { "token" } else { "the end" }
}

/// S06, S10: a redirect on any hop ends the way there, and nobody goes where it points.
#[tokio::test]
async fn s06_s10_no_hop_follows_a_redirect() {
    let inside = Site::default();
    let target = inside.start().await;
    inside.document("/", r#"{"client_id":"c","access_token":"a","token_type":"Bearer"}"#);
    for status in [301, 302, 303, 307, 308] {
        for (hop, stops) in [
            ("/mcp", "the end"),
            // Where the server's description is not there, its own origin is asked.
            (DESCRIPTION, "the end"),
            (METADATA, "discovery"),
            ("/register", "registration"),
            ("/token", "token"),
        ] {
            let (site, base) = sound().await;
            site.say(
                hop,
                format!("HTTP/1.1 {status} X\r\nlocation: {target}/\r\ncontent-length: 0\r\n\r\n"),
            );
            let (web, upstream) = (Guarded::of(&base, &[]), format!("{base}/mcp"));
            let came = walk(&web, &upstream).await;
            assert_eq!(came, stops, "{status} {hop}");
        }
    }
    assert_eq!(inside.came(), 0);
    let (_, base) = sound().await;
    assert_eq!(walk(&Guarded::of(&base, &[]), &format!("{base}/mcp")).await, "the end");
}

/// Pages of the internet that need no dialling; everything else goes the real way.
struct World {
    pages: HashMap<String, String>,
    challenge: String,
    real: Guarded,
}

#[async_trait]
impl Web for World {
    async fn get(&self, url: &str) -> Result<Answer, Unanswered> {
        match self.pages.get(url) {
            Some(page) => Ok(answer(200, page, "")),
            None if url.starts_with("https://mcp.example/")
                || url.starts_with("https://as.example/") =>
            {
                Ok(answer(404, "", ""))
            }
            None => self.real.get(url).await,
        }
    }

    async fn post(&self, url: &str, headers: HeaderMap, body: Bytes) -> Result<Answer, Unanswered> {
        match url {
            UPSTREAM => Ok(answer(401, "", &self.challenge)),
            "https://as.example/register" => Ok(answer(201, r#"{"client_id":"c"}"#, "")),
            _ => self.real.post(url, headers, body).await,
        }
    }
}

const UPSTREAM: &str = "https://mcp.example/mcp";

fn answer(status: u16, body: &str, challenge: &str) -> Answer {
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::try_from(challenge) {
        headers.insert(header::WWW_AUTHENTICATE, value);
    }
    let status = StatusCode::from_u16(status).unwrap();
    Answer { status, headers, body: Bytes::copy_from_slice(body.as_bytes()) }
}

/// Every name leads to this machine.
#[derive(Debug)]
struct Here(Arc<AtomicUsize>);

impl Names for Here {
    fn look_up(&self, _: &str, port: u16) -> Addresses {
        self.0.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move { io::Result::Ok(vec![SocketAddr::from(([127, 0, 0, 1], port))]) })
    }
}

/// S10, S20: whoever names an address inside, in whichever document and spelling, is not asked there.
#[tokio::test]
async fn s10_no_document_sends_us_inside() {
    let inside = Site::default();
    let base = inside.start().await;
    let port = base.rsplit(':').next().unwrap().to_owned();
    let asked = Arc::new(AtomicUsize::new(0));
    let places = [
        format!("http://127.0.0.1:{port}"),
        format!("https://127.0.0.1:{port}"),
        format!("https://localhost:{port}"),
        format!("https://localhost.:{port}"),
        format!("https://2130706433:{port}"),
        format!("https://0x7f.1:{port}"),
        format!("https://0177.0.0.1:{port}"),
        format!("https://[::1]:{port}"),
        format!("https://[::ffff:7f00:1]:{port}"),
        format!("https://[64:ff9b::7f00:1]:{port}"),
        // Names that lead here, whatever they look like.
        format!("https://as.attacker.example:{port}"),
        format!("https://as.attacker.example.:{port}"),
        format!("https://127.0.0.1.attacker.example:{port}"),
        format!("https://xn--bcher-kva.example:{port}"),
        "https://169.254.169.254".to_owned(),
        "https://user:pw@10.0.0.1".to_owned(),
        "file:///etc".to_owned(),
    ];
    for place in &places {
        for hop in ["resource_metadata", "authorization_servers", "registration", "token"] {
            let of = |this: &str, honest: &str| match this == hop {
                true => place.clone(),
                false => honest.to_owned(),
            };
            let issuer = of("authorization_servers", "https://as.example");
            let description =
                format!(r#"{{"resource":"{UPSTREAM}","authorization_servers":["{issuer}"]}}"#);
            let metadata = format!(
                r#"{{"issuer":"https://as.example","authorization_endpoint":"https://as.example/a","token_endpoint":"{}/token","registration_endpoint":"{}/register","code_challenge_methods_supported":["S256"]}}"#,
                of("token", "https://as.example"),
                of("registration", "https://as.example"),
            );
            let challenge = match hop {
                "resource_metadata" => format!(r#"Bearer resource_metadata="{place}/about""#),
                _ => String::new(),
            };
            let web = World {
                pages: HashMap::from([
                    (format!("https://mcp.example{DESCRIPTION}"), description),
                    (format!("https://as.example{METADATA}"), metadata),
                ]),
                challenge,
                real: Guarded::of(UPSTREAM, &[]).asking(Arc::new(Here(asked.clone()))),
            };
            let came = walk(&web, UPSTREAM).await;
            let stops = match hop {
                "registration" => ["registration", "discovery"],
                "token" => ["token", "discovery"],
                _ => ["discovery", "discovery"],
            };
            assert!(stops.contains(&came), "{hop} {place}: {came}");
        }
    }
    assert_eq!(inside.came(), 0, "nobody inside was reached");
    assert!(asked.load(Ordering::Relaxed) > 0, "the names were looked up");
}

/// S10: a refresh token or a code is not sent to an address that has turned inwards since.
#[tokio::test]
async fn s10_nothing_secret_leaves_for_an_address_that_turned_inwards() {
    let inside = Site::default();
    let base = inside.start().await;
    let port = base.rsplit(':').next().unwrap().to_owned();
    let web = Guarded::of(UPSTREAM, &[]).asking(Arc::new(Here(Arc::default())));
    let refresh = Secret::from("rt-canary".to_owned());
    let code =
        TokenRequest::Code { code: "c", verifier: "v", redirect_uri: "https://here.example" };
    for request in [TokenRequest::Refresh(&refresh), code, TokenRequest::Client] {
        let endpoint = format!("https://as.example:{port}/token");
        let sent = request.send(&web, &endpoint, &client(), UPSTREAM, &[], 0).await;
        let Err(TokenError::Unsent(why)) = sent else { unreachable!("{sent:?}") };
        assert!(!why.contains("as.example") && !why.contains("canary"), "{why}");
    }
    assert_eq!(inside.came(), 0);
}

/// S11: documents that are too large, too deep, of another kind, or say a thing twice.
#[tokio::test]
async fn s11_documents_are_bounded_and_read_strictly() {
    let deep = format!("{}1{}", r#"{"a":"#.repeat(17), "}".repeat(17));
    let many: Vec<String> = (0..5_000).map(|n| format!(r#""k{n}":1"#)).collect();
    let large = format!(r#"{{"pad":"{}"}}"#, "x".repeat(256 * 1024));
    let bodies = [
        large.clone(),
        deep,
        format!("{{{}}}", many.join(",")),
        "[]".to_owned(),
        "null".to_owned(),
        "\"text\"".to_owned(),
        "<html>".to_owned(),
        String::new(),
        "{\"issuer\":\"a\",\"issuer\":\"b\"}".to_owned(),
        "{\"issuer\":\"\\ud800\"}".to_owned(),
        "{\"n\":1e999}".to_owned(),
    ];
    for body in &bodies {
        for hop in [DESCRIPTION, METADATA] {
            let (site, base) = sound().await;
            site.document(hop, body);
            let came = walk(&Guarded::of(&base, &[]), &format!("{base}/mcp")).await;
            assert_eq!(came, "discovery", "{hop} {}", body.chars().take(60).collect::<String>());
        }
        for (hop, stops) in [("/register", "registration"), ("/token", "token")] {
            let (site, base) = sound().await;
            site.document(hop, body);
            assert_eq!(walk(&Guarded::of(&base, &[]), &format!("{base}/mcp")).await, stops);
        }
    }
    // A length that is announced is believed before a byte of it is waited for.
    let (site, base) = sound().await;
    site.say(
        METADATA,
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 52428800\r\n\r\n{"
            .into(),
    );
    assert_eq!(walk(&Guarded::of(&base, &[]), &format!("{base}/mcp")).await, "discovery");
    // One that never ends is cut off by its size.
    let chunk = format!("{:x}\r\n{}\r\n", large.len(), large);
    site.say(METADATA, format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{chunk}"));
    assert_eq!(walk(&Guarded::of(&base, &[]), &format!("{base}/mcp")).await, "discovery");
}
