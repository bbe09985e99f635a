//! S: the gateway's own way out, with a name server that changes its mind. The guard by itself is tried
//! in `dial`, discovery in `oauth`, and saving an address in `control`.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dial::{Addresses, Guard, Names};
use gateway::Config;
use serde_json::json;
use store::{
    Connecting as _, ConnectionKey, ControlPlane as _, NewTokens, OAuthCare as _, OAuthGrant,
    OAuthSettings, OnToolChange, ServerDraft,
};
use testkit::{Answer, Era, House, Seen, Setup};
use tokio::net::TcpListener;
use vault::Secret;

use crate::fixture;

/// Public to the first who ask, and this machine to everybody after.
#[derive(Debug, Default)]
struct Turning {
    public: usize,
    asked: AtomicUsize,
}

impl Names for Turning {
    fn look_up(&self, _: &str, port: u16) -> Addresses {
        let turned = self.asked.fetch_add(1, Ordering::SeqCst) >= self.public;
        let ip: IpAddr = if turned { [127, 0, 0, 1].into() } else { [93, 184, 216, 34].into() };
        Box::pin(async move { io::Result::Ok(vec![SocketAddr::new(ip, port)]) })
    }
}

/// Something on this machine that nobody should reach: its port, and how often it was reached.
async fn inside() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let reached = Arc::new(AtomicUsize::new(0));
    let count = reached.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            drop(stream);
        }
    });
    (port, reached)
}

async fn house(names: Arc<Turning>) -> House {
    let mut setup = Setup::new(fixture::tools(), fixture::policy());
    setup.config = Config { names, ..Config::default() };
    House::start(setup).await
}

/// S04: a server whose name was public when it was saved, and leads inside when it is dialled.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s04_a_name_that_turned_inwards_is_not_dialled() {
    let (port, reached) = inside().await;
    let names = Arc::new(Turning { public: 1, asked: AtomicUsize::new(0) });
    let house = house(names.clone()).await;
    let url = format!("https://mcp.turning.example:{port}/mcp");
    // As it is checked when it is saved.
    let (_, guard) = Guard::of(&url, &[]).unwrap();
    assert!(guard.asking(names.clone()).resolve("mcp.turning.example", port).await.is_ok());
    let draft = ServerDraft {
        slug: "turning".into(),
        name: "Turning".into(),
        url,
        private_targets: Vec::new(),
        on_tool_change: OnToolChange::Deny,
        enabled: true,
    };
    let server = house.store.server_create(&house.by(), draft).await.unwrap().id;
    let key = vec![("authorization".to_owned(), Secret::from("Bearer canary".to_owned()))];
    house.store.credential_set(&house.by(), &server, key).await.unwrap();
    let asked = names.asked.load(Ordering::SeqCst);
    assert!(house.gateway.probe(&server).await.is_err());
    assert!(names.asked.load(Ordering::SeqCst) > asked, "it was asked again at the dial");
    let agent = house.issue_for("turning", std::slice::from_ref(&server)).await.at("turning");
    for era in [Era::Legacy, Era::Modern] {
        for (method, params) in
            [("tools/list", json!({})), ("tools/call", json!({"name": "anything"}))]
        {
            let answer = agent.request(&era, method, params).await;
            let told = answer.json();
            let failed = told["error"].is_object() || told["result"]["isError"] == true;
            assert!(failed, "{method}: {}", answer.text());
            assert!(!answer.text().contains("turning.example"), "{}", answer.text());
        }
    }
    assert_eq!(reached.load(Ordering::SeqCst), 0, "nobody inside was reached");
}

/// S04, S10: a token endpoint that turned inwards gets no refresh token, and the call fails closed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s10_a_token_endpoint_that_turned_inwards_gets_no_refresh_token() {
    let (port, reached) = inside().await;
    let house = house(Arc::default()).await;
    let settings = OAuthSettings {
        grant: OAuthGrant::AuthorizationCode,
        per_identity: false,
        issuer: "https://as.turning.example".into(),
        authorization_endpoint: None,
        token_endpoint: format!("https://as.turning.example:{port}/token"),
        says_issuer: false,
        resource: house.upstream.url(),
        scopes: vec![],
        client_id: "us".into(),
        auth_method: "none".into(),
        redirect_uri: "https://here.example/back".into(),
    };
    let by = house.by();
    let set = house.store.credential_set_oauth(&by, &house.server, settings, None);
    let credential = set.await.unwrap();
    let tokens = NewTokens {
        access: Arc::new(Secret::from("ended".to_owned())),
        refresh: Some(Arc::new(Secret::from("canary".to_owned()))),
        scopes: None,
        expires_at: Some(by.at.plus_seconds(-10)),
        refresh_at: Some(by.at.plus_seconds(-20)),
    };
    let (store, generation) = (&house.store, credential.generation);
    store.connection_set(&by, &house.server, &credential.id, generation, "", tokens).await.unwrap();
    let mark = house.upstream.mark();
    let answer = house.agent("a").call(&Era::Modern, "list_invoices", json!({})).await;
    assert!(answer.text().contains("50201"), "{}", answer.text());
    assert_eq!(house.upstream.mark(), mark, "the call was not sent");
    assert_eq!(reached.load(Ordering::SeqCst), 0, "nobody inside was reached");
    let key = ConnectionKey {
        org: store.org().clone(),
        credential: credential.id,
        identity: String::new(),
    };
    let kept = store.connection(&key).await.unwrap().unwrap();
    assert_eq!(kept.state, store::ConnectionState::Connected, "time may mend it");
}

/// S23: pictures that tools name are the agent's to fetch, and nobody's here.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s23_nothing_fetches_the_pictures_that_an_upstream_names() {
    let (port, reached) = inside().await;
    let picture = format!("http://127.0.0.1:{port}/icon.svg");
    let tools = json!([{
        "name": "anything", "description": "d", "inputSchema": {"type": "object", "$id": picture},
        "icons": [{"src": picture, "mimeType": "image/svg+xml"}],
    }]);
    let house = House::start(Setup::new(tools, fixture::policy())).await;
    let shown = picture.clone();
    house.upstream.script(move |seen: &Seen| {
        let info = json!({"name": "x", "version": "1", "websiteUrl": shown, "icons": [{"src": shown}]});
        match seen.method() {
            "initialize" => Some(Answer::result(seen, json!({"protocolVersion": "2025-11-25",
                "capabilities": {"tools": {}}, "serverInfo": info}))),
            "server/discover" => Some(Answer::result(seen, json!({"resultType": "complete",
                "supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}, "serverInfo": info}))),
            _ => None,
        }
    });
    house.discover().await;
    for era in [Era::Legacy, Era::Modern] {
        let agent = house.agent("a");
        agent.request(&era, "tools/list", json!({})).await;
        agent.call(&era, "anything", json!({})).await;
    }
    assert_eq!(reached.load(Ordering::SeqCst), 0);
}
