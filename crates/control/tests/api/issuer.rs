//! An identity provider that says whatever a test likes: for every claim broken in turn. A real one
//! stands in the tests of peers.

use std::sync::{Arc, Mutex};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// What the issuer answers with, and what it was asked.
pub(crate) struct Says {
    /// Put over the claims of a good token: `null` takes a claim away.
    pub(crate) claims: Value,
    /// Put over the header of a good token.
    pub(crate) header: Value,
    /// Put over the discovery document.
    pub(crate) discovery: Value,
    /// What the userinfo endpoint says.
    pub(crate) userinfo: Value,
    /// Signs with a key that is not published.
    pub(crate) other_key: bool,
    /// The nonce and the challenge of the visit.
    pub(crate) nonce: String,
    pub(crate) challenge: String,
    /// How often the key set was read.
    pub(crate) keys_read: u32,
    /// What the token endpoint was asked, and with which header.
    pub(crate) asked: Vec<(String, Option<String>)>,
}

/// The issuer.
pub(crate) struct Issuer {
    pub(crate) url: String,
    pub(crate) says: Arc<Mutex<Says>>,
}

struct Parts {
    url: String,
    key: EcdsaKeyPair,
    other: EcdsaKeyPair,
    says: Arc<Mutex<Says>>,
}

fn pair() -> EcdsaKeyPair {
    EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap()
}

fn put_over(base: &mut Value, over: &Value) {
    for (name, value) in over.as_object().unwrap() {
        if value.is_null() {
            base.as_object_mut().unwrap().remove(name);
        } else {
            base[name] = value.clone();
        }
    }
}

pub(crate) fn encoded(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn seconds() -> i64 {
    crate::world::now().micros() / 1_000_000
}

impl Parts {
    fn token(&self) -> String {
        let says = self.says.lock().unwrap();
        let half = digest(&SHA256, b"an-access-token").as_ref()[..16].to_vec();
        let mut claims = json!({
            "iss": self.url, "sub": "person-1", "aud": "countersign", "nonce": says.nonce,
            "iat": seconds(), "exp": seconds() + 300, "auth_time": seconds(),
            "at_hash": encoded(half), "email": "ada@example.org", "email_verified": true,
            "name": "Ada", "groups": ["staff"],
        });
        put_over(&mut claims, &says.claims);
        let mut header = json!({ "alg": "ES256", "typ": "JWT", "kid": "k1" });
        put_over(&mut header, &says.header);
        let signed = format!("{}.{}", encoded(header.to_string()), encoded(claims.to_string()));
        let key = if says.other_key { &self.other } else { &self.key };
        let signature = key.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", encoded(signature))
    }

    fn jwks(&self) -> Value {
        let point = self.key.public_key().as_ref();
        let (x, y) = (encoded(&point[1..33]), encoded(&point[33..]));
        json!({ "keys": [
            { "kty": "EC", "crv": "P-256", "kid": "k1", "use": "sig", "alg": "ES256", "x": x, "y": y },
            { "kty": "new-kind", "kid": "k9" },
            { "kty": "oct", "kid": "k2", "k": "c2VjcmV0" },
        ] })
    }
}

impl Issuer {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let says = Arc::new(Mutex::new(Says {
            claims: json!({}),
            header: json!({}),
            discovery: json!({}),
            userinfo: json!({}),
            other_key: false,
            nonce: String::new(),
            challenge: String::new(),
            keys_read: 0,
            asked: vec![],
        }));
        let parts = Parts { url: url.clone(), key: pair(), other: pair(), says: Arc::clone(&says) };
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/jwks", get(keys))
            .route("/token", post(token))
            .route("/userinfo", get(userinfo))
            .with_state(Arc::new(parts));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, says }
    }

    pub(crate) fn says(&self) -> std::sync::MutexGuard<'_, Says> {
        self.says.lock().unwrap()
    }
}

async fn discovery(State(parts): State<Arc<Parts>>) -> Json<Value> {
    let url = &parts.url;
    let mut document = json!({
        "issuer": url,
        "authorization_endpoint": format!("{url}/authorize"),
        "token_endpoint": format!("{url}/token"),
        "jwks_uri": format!("{url}/jwks"),
        "userinfo_endpoint": format!("{url}/userinfo"),
        "code_challenge_methods_supported": ["S256"],
    });
    put_over(&mut document, &parts.says.lock().unwrap().discovery);
    Json(document)
}

async fn keys(State(parts): State<Arc<Parts>>) -> Json<Value> {
    parts.says.lock().unwrap().keys_read += 1;
    Json(parts.jwks())
}

async fn userinfo(State(parts): State<Arc<Parts>>) -> Json<Value> {
    Json(parts.says.lock().unwrap().userinfo.clone())
}

/// Hands out tokens for the one code there is, to whoever knows the verifier of the challenge.
async fn token(
    State(parts): State<Arc<Parts>>,
    headers: http::HeaderMap,
    form: String,
) -> (http::StatusCode, Json<Value>) {
    let header = headers.get("authorization").map(|h| h.to_str().unwrap().to_owned());
    let pairs: Vec<(String, String)> =
        url::form_urlencoded::parse(form.as_bytes()).into_owned().collect();
    let of = |name: &str| {
        pairs.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone()).unwrap_or_default()
    };
    let verifier = of("code_verifier");
    let good = {
        let mut says = parts.says.lock().unwrap();
        says.asked.push((form, header));
        of("code") == "the-code" && encoded(digest(&SHA256, verifier.as_bytes())) == says.challenge
    };
    if !good {
        return (http::StatusCode::BAD_REQUEST, Json(json!({ "error": "invalid_grant" })));
    }
    let tokens = json!({
        "access_token": "an-access-token", "token_type": "Bearer", "id_token": parts.token(),
    });
    (http::StatusCode::OK, Json(tokens))
}
