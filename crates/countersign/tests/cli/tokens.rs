//! `credential oauth` and what follows it, as an operator types it: an authorization server with a
//! client made beforehand, one that registers clients, consent in a browser, accounts for each person.

use std::collections::HashMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use crate::commands::{House, call, house_with};

/// An authorization server and, behind its tokens, the payments server.
#[derive(Clone)]
struct Site {
    base: String,
    /// Where the payments server listens, and its key.
    behind: (String, String),
    tokens: Arc<Mutex<Tokens>>,
}

#[derive(Default)]
struct Tokens {
    made: u32,
    /// The bodies of token requests, with the authorization header in front.
    asked: Vec<String>,
    revoked: bool,
}

impl Site {
    fn start(behind: &str, key: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let behind = behind.strip_prefix("http://").unwrap().split('/').next().unwrap().to_owned();
        let site = Self { base, behind: (behind, key.to_owned()), tokens: Arc::default() };
        let serving = site.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let site = serving.clone();
                std::thread::spawn(move || site.answer(stream));
            }
        });
        site
    }

    fn answer(&self, mut stream: TcpStream) {
        let mut bytes = Vec::new();
        let (head, body) = loop {
            let mut part = [0; 4096];
            let count = stream.read(&mut part).unwrap_or(0);
            bytes.extend_from_slice(&part[..count]);
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let Some((head, body)) = text.split_once("\r\n\r\n") else {
                assert!(count > 0, "a whole head");
                continue;
            };
            let lower = head.to_ascii_lowercase();
            let length = lower.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.and_then(|length| length.parse().ok()).unwrap_or(0) {
                break (head.to_owned(), body.to_owned());
            }
        };
        let path = head.split(' ').nth(1).unwrap_or_default();
        let header = |wanted: &str| {
            let mut lines = head.lines().filter_map(|line| line.split_once(": "));
            lines
                .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
                .map(|(_, value)| value.to_owned())
        };
        let base = &self.base;
        let (status, said) = match path {
            "/.well-known/oauth-protected-resource/mcp" => (
                200,
                format!(
                    r#"{{"resource":"{base}/mcp","authorization_servers":["{base}"],"scopes_supported":["pay"]}}"#
                ),
            ),
            "/.well-known/oauth-authorization-server" => (
                200,
                format!(
                    r#"{{"issuer":"{base}","authorization_endpoint":"{base}/authorize","token_endpoint":"{base}/token","registration_endpoint":"{base}/register","code_challenge_methods_supported":["S256"]}}"#
                ),
            ),
            "/register" => (201, r#"{"client_id":"made-for-us"}"#.to_owned()),
            "/token" => {
                let mut tokens = self.tokens.lock().unwrap();
                tokens
                    .asked
                    .push(format!("{} {body}", header("authorization").unwrap_or_default()));
                tokens.made += 1;
                let made = tokens.made;
                (
                    200,
                    format!(
                        r#"{{"access_token":"at-{made}-canary","refresh_token":"rt-{made}-canary","token_type":"Bearer","expires_in":3600}}"#
                    ),
                )
            }
            "/mcp" => {
                let tokens = self.tokens.lock().unwrap();
                let token = header("authorization").unwrap_or_default();
                let good = token.starts_with("Bearer at-") && !tokens.revoked;
                drop(tokens);
                if good {
                    let _ = stream.write_all(&self.behind(&head, &body));
                    return;
                }
                (401, String::new())
            }
            _ => (404, String::new()),
        };
        let _ = write!(
            stream,
            "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{said}",
            said.len()
        );
    }

    /// The answer of the payments server, asked with its own key.
    fn behind(&self, head: &str, body: &str) -> Vec<u8> {
        let (address, key) = &self.behind;
        let mut asked: Vec<String> = head
            .lines()
            .filter(|line| {
                let name = line.split(':').next().unwrap_or_default().to_ascii_lowercase();
                !matches!(name.as_str(), "authorization" | "host" | "connection")
            })
            .map(str::to_owned)
            .collect();
        asked.push(format!("host: {address}\r\nauthorization: Bearer {key}\r\nconnection: close"));
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "{}\r\n\r\n{body}", asked.join("\r\n")).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        answer
    }

    fn asked(&self) -> Vec<String> {
        self.tokens.lock().unwrap().asked.clone()
    }
}

async fn scene() -> (House, Site) {
    let house = house_with(payments::Options::default()).await;
    let site = Site::start(&house.payments.url(), "sk_commands");
    house.json(&["server", "add", "pay", &format!("{}/mcp", site.base), "--no-probe"]);
    (house, site)
}

/// What a person reads, of a command that must succeed.
fn read(house: &House, arguments: &[&str]) -> String {
    let ended = house.instance.run(arguments);
    assert_eq!(ended.code, Some(0), "{arguments:?}: {ended:?}");
    assert!(!ended.out.contains("canary") && !ended.err.contains("canary"), "{ended:?}");
    ended.out
}

/// What a person reads of a command that is refused: what is wrong, and what to do.
fn refused(house: &House, arguments: &[&str]) -> (String, String, String) {
    let ended = house.instance.run(&[&["--json"], arguments].concat());
    assert_eq!(ended.code, Some(1), "{arguments:?}: {ended:?}");
    assert!(!ended.err.contains("canary"), "{ended:?}");
    ended.failure()
}

/// Opens an address as a browser does, without following anything.
fn browse(url: &str) -> String {
    let rest = url.strip_prefix("http://").unwrap();
    let (host, path) = rest.split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    write!(stream, "GET /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Consents: where the authorization server would send the browser back to.
fn consent(address: &str) -> String {
    let query = address.split_once('?').unwrap().1;
    let sent: HashMap<String, String> =
        url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    assert_eq!(sent["code_challenge_method"], "S256");
    format!("{}?state={}&code=c0de", sent["redirect_uri"], sent["state"])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_asks_for_itself_is_set_tried_shown_and_removed() {
    let (house, site) = scene().await;
    let write = |name: &str, text: &str| fs::write(house.dir.path().join(name), text).unwrap();
    write("secret", "cs-canary\n");
    write("empty", "\n");
    write("key.pem", "-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----\n");

    // Wrong in ways that are told before anything is kept.
    let oauth = ["credential", "oauth", "pay"];
    let with = |more: &[&'static str]| -> Vec<&str> { [&oauth[..], more].concat() };
    let by_itself = ["--client-credentials", "--client-id", "us"];
    for (more, code) in [
        (&["--client-id", "us", "--secret-file", "empty"][..], "no_value"),
        (&["--client-id", "us", "--secret-file", "none"], "unreadable_file"),
        (&["--client-id", "us", "--key-file", "key.pem"], "invalid"),
        (&["--issuer", "https://as.example"], "authorization_server"),
        (&["--scope", "a b"], "invalid"),
    ] {
        let (found, said, _) = refused(&house, &with(more));
        assert_eq!(found, code, "{more:?}: {said}");
        assert!(!said.is_empty(), "{more:?}");
        assert!(!said.contains("no the"), "{said}");
    }
    for more in [
        &["--client-credentials"][..],
        &["--secret-file", "secret"],
        &["--client-credentials", "--client-id", "us", "--per-identity"],
        &["--client-id", "us", "--secret-file", "secret", "--key-file", "key.pem"],
        &["--client-id", "us", "--client-document", "https://a.example/b"],
    ] {
        assert_eq!(house.instance.run(&with(more)).code, Some(2), "{more:?}");
    }
    assert_eq!(refused(&house, &["credential", "show", "pay"]).0, "not_found");
    assert_eq!(refused(&house, &["credential", "test", "pay"]).0, "not_found");
    assert_eq!(refused(&house, &["credential", "connect", "pay"]).0, "not_found");

    let said = read(&house, &[&with(&by_itself)[..], &["--secret-file", "secret"]].concat());
    assert!(said.contains("`countersign credential test pay` tries it"), "{said}");
    let said = read(&house, &["credential", "test", "pay"]);
    assert!(said.contains("`pay` answers and lists 6 tools"), "{said}");
    let asked = site.asked();
    assert!(asked[0].starts_with("Basic ") && asked[0].contains("grant_type=client_credentials"));
    let shown = read(&house, &["credential", "show", "pay"]);
    for line in
        ["kind           oauth", "client         us", "scopes         pay", "opens          yes"]
    {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    let listed = read(&house, &["credential", "connections", "pay"]);
    assert!(listed.contains("connected") && listed.contains("IDENTITY"), "{listed}");
    // Nobody has to consent, and nobody can.
    let (code, said, _) = refused(&house, &["credential", "connect", "pay"]);
    assert!(code == "conflict" && said.contains("nobody has to consent"), "{said}");

    fs::write(house.dir.path().join("p.json"), r#"{"version":"1","default":"allow"}"#).unwrap();
    house.json(&["policy", "publish", "all", "p.json"]);
    let issued = house.json(&["grant", "issue", "bot", "--server", "pay=all"]);
    let (gateway, token) =
        (house.instance.line["gateway_url"].as_str().unwrap(), issued["token"].as_str().unwrap());
    assert!(call(gateway, token, "list_invoices").contains("Harbour Books"));

    // The upstream takes no token of ours any more: said, with what to do.
    site.tokens.lock().unwrap().revoked = true;
    let (code, said, next) = refused(&house, &["credential", "test", "pay"]);
    assert_eq!(code, "not_answered", "{said}");
    assert!(next.contains("set the credential anew or connect again"), "{next}");
    let answer = call(gateway, token, "list_invoices");
    assert!(!answer.contains("Harbour") && !answer.contains("canary"), "{answer}");

    let said = read(&house, &["credential", "remove", "pay"]);
    assert!(said.contains("removed"), "{said}");
    assert_eq!(refused(&house, &["credential", "connections", "pay"]).0, "not_found");
    assert_eq!(refused(&house, &["credential", "remove", "pay"]).0, "not_found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accounts_are_connected_by_consent_and_disconnected() {
    let (house, site) = scene().await;
    let said = read(&house, &["credential", "oauth", "pay", "--issuer", &site.base]);
    assert!(said.contains("`countersign credential connect pay` connects an account"), "{said}");
    let (_, said, _) = refused(&house, &["credential", "test", "pay"]);
    assert!(said.contains("does not answer with its credential"), "{said}");

    let said = read(&house, &["credential", "connect", "pay"]);
    let address = said.lines().last().unwrap();
    assert!(said.contains("within ten minutes") && address.starts_with(&site.base), "{said}");
    let page = browse(&consent(address));
    assert!(
        page.starts_with("HTTP/1.1 200") && page.contains("The account is connected"),
        "{page}"
    );
    assert!(browse(&consent(address)).starts_with("HTTP/1.1 400"), "once");
    let said = read(&house, &["credential", "test", "pay"]);
    assert!(said.contains("lists 6 tools"), "{said}");
    let said = read(&house, &["credential", "disconnect", "pay"]);
    assert!(said.contains("disconnected"), "{said}");
    assert_eq!(refused(&house, &["credential", "test", "pay"]).0, "not_answered");
    assert_eq!(refused(&house, &["credential", "disconnect", "pay"]).0, "not_found");
    // One account that all share has no identity.
    assert_eq!(
        refused(&house, &["credential", "connect", "pay", "--identity", "ada"]).0,
        "invalid"
    );

    // An account for each person, and the one that lists the tools.
    read(
        &house,
        &["credential", "oauth", "pay", "--per-identity", "--scope", "pay", "--scope", "see"],
    );
    for identity in ["", "ada@example.org"] {
        let said = read(&house, &["credential", "connect", "pay", "--identity", identity]);
        let address = said.lines().last().unwrap();
        assert!(address.contains("scope=pay+see"), "{address}");
        assert!(browse(&consent(address)).starts_with("HTTP/1.1 200"), "{identity}");
    }
    let listed = read(&house, &["credential", "connections", "pay"]);
    assert!(listed.contains("ada@example.org") && listed.lines().count() == 3, "{listed}");
    assert!(read(&house, &["credential", "test", "pay"]).contains("lists 6 tools"));
    read(&house, &["credential", "disconnect", "pay", "--identity", "ada@example.org"]);
    assert_eq!(read(&house, &["credential", "connections", "pay"]).lines().count(), 2);

    // Another address: the client and the accounts are gone, and the log of changes says so.
    let moved = format!(r#"{{"url":"{}/moved","name":"Pay"}}"#, site.base);
    fs::create_dir_all(house.dir.path().join("state/servers")).unwrap();
    fs::write(house.dir.path().join("state/servers/pay.json"), moved).unwrap();
    house.json(&["apply", "-f", "state"]);
    assert_eq!(refused(&house, &["credential", "show", "pay"]).0, "not_found");
    let changes = house.instance.run(&["--json", "audit", "list", "--event", "server.updated"]).out;
    assert!(changes.contains("credential") && !changes.contains("canary"), "{changes}");
}
