//! Passkeys through the API, with an authenticator of our own. The browser's stands in the tests of
//! the browser.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};
use store::Role;

use crate::browser::{Browser, person};
use crate::issuer::encoded;
use crate::world::{Answer, World};

/// An authenticator with one passkey.
struct Authenticator {
    key: EcdsaKeyPair,
    id: &'static str,
    handle: String,
    counter: u32,
}

impl Authenticator {
    fn new(id: &'static str) -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        Self { key, id, handle: String::new(), counter: 0 }
    }

    fn head(&mut self, flags: u8) -> Vec<u8> {
        self.counter += 1;
        let mut data = digest(&SHA256, b"localhost").as_ref().to_vec();
        data.push(flags);
        data.extend(self.counter.to_be_bytes());
        data
    }

    /// Answers `navigator.credentials.create`.
    fn create(&mut self, world: &World, options: &Value) -> Value {
        self.handle = options["user"]["id"].as_str().unwrap().to_owned();
        let mut data = self.head(0x45);
        data.extend([0; 16]);
        data.extend([0, u8::try_from(self.id.len()).unwrap()]);
        data.extend(self.id.as_bytes());
        let point = self.key.public_key().as_ref();
        data.extend([0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20]);
        data.extend(&point[1..33]);
        data.extend([0x22, 0x58, 0x20]);
        data.extend(&point[33..]);
        let mut object = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58".to_vec();
        object.push(u8::try_from(data.len()).unwrap());
        object.extend(data);
        json!({
            "id": encoded(self.id), "rawId": encoded(self.id), "type": "public-key",
            "clientExtensionResults": {}, "authenticatorAttachment": "platform",
            "response": {
                "clientDataJSON": encoded(client_data(world, "webauthn.create", options)),
                "attestationObject": encoded(object),
                "transports": ["internal"],
            },
        })
    }

    /// Answers `navigator.credentials.get`.
    fn get(&mut self, world: &World, options: &Value) -> Value {
        let data = self.head(0x05);
        let client_data = client_data(world, "webauthn.get", options);
        let signed = [&data[..], digest(&SHA256, client_data.as_bytes()).as_ref()].concat();
        let signature = self.key.sign(&SystemRandom::new(), &signed).unwrap();
        json!({
            "id": encoded(self.id), "rawId": encoded(self.id), "type": "public-key",
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": encoded(client_data), "authenticatorData": encoded(data),
                "signature": encoded(signature), "userHandle": self.handle,
            },
        })
    }
}

fn client_data(world: &World, kind: &str, options: &Value) -> String {
    let challenge = options["challenge"].as_str().unwrap();
    let origin = format!("http://localhost:{}", world.address.port());
    json!({ "type": kind, "challenge": challenge, "origin": origin, "crossOrigin": false })
        .to_string()
}

/// Asks as a page at `http://localhost` does.
async fn ask(
    world: &World,
    browser: &mut Browser,
    method: &str,
    path: &str,
    body: &Value,
) -> Answer {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let host = format!("localhost:{}", world.address.port());
    let mut head =
        format!("{method} /api/v1{path} HTTP/1.1\r\nhost: {host}\r\norigin: http://{host}\r\n");
    if let Some(cookie) = &browser.cookie {
        head.push_str(&format!("cookie: __Host-countersign={cookie}\r\n"));
    }
    if !body.is_empty() {
        head.push_str("content-type: application/json\r\n");
    }
    head.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
    let answer = world.raw(head.as_bytes()).await;
    if let Some(line) = answer.headers.get("set-cookie") {
        let value = line.strip_prefix("__Host-countersign=").unwrap().split(';').next().unwrap();
        browser.cookie = Some(value.to_owned());
    }
    answer
}

async fn register(world: &World, browser: &mut Browser, key: &mut Authenticator) -> Answer {
    let begun = ask(world, browser, "POST", "/me/passkeys/begin", &Value::Null).await;
    assert_eq!(begun.status, 200, "{}", begun.body);
    let credential = key.create(world, &begun.json()["publicKey"]);
    let body = json!({ "label": "laptop", "credential": credential });
    ask(world, browser, "POST", "/me/passkeys", &body).await
}

async fn sign_in(world: &World, browser: &mut Browser, key: &mut Authenticator) -> Answer {
    let begun = ask(world, browser, "POST", "/sign-in/passkey/begin", &Value::Null).await;
    assert_eq!(begun.status, 200, "{}", begun.body);
    let body = json!({ "credential": key.get(world, &begun.json()["publicKey"]) });
    ask(world, browser, "POST", "/sign-in/passkey/finish", &body).await
}

#[tokio::test]
async fn a_passkey_is_registered_signs_in_proves_afresh_and_is_taken_away() {
    let world = World::start().await;
    let (member, mut browser) = person(&world, "ada@example.org", Role::Admin).await;
    let mut key = Authenticator::new("laptop-key");
    let made = register(&world, &mut browser, &mut key).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let again = register(&world, &mut browser, &mut key).await;
    assert_eq!((again.status, again.code().as_str()), (409, "conflict"));

    let mut other = Browser::default();
    let answer = sign_in(&world, &mut other, &mut key).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.json()["member"]["id"], member.as_str());
    assert_eq!(answer.json()["session"]["method"], "passkey");

    world.clock.pass(400);
    let path = "/identity-providers/none";
    assert_eq!(other.ask(&world, "DELETE", path, "").await.code(), "reauthentication_required");
    let begun = ask(&world, &mut other, "POST", "/session/fresh/passkey/begin", &Value::Null).await;
    let body = json!({ "credential": key.get(&world, &begun.json()["publicKey"]) });
    let proved = ask(&world, &mut other, "POST", "/session/fresh/passkey/finish", &body).await;
    assert_eq!(proved.status, 200, "{}", proved.body);
    assert_eq!(other.ask(&world, "DELETE", path, "").await.status, 404);

    let list = other.ask(&world, "GET", "/me/passkeys", "").await.json();
    assert_eq!(list["items"][0]["label"], "laptop");
    let path = format!("/me/passkeys/{}", list["items"][0]["id"].as_str().unwrap());
    let (_, mut eve) = person(&world, "eve@example.org", Role::Admin).await;
    assert_eq!(eve.ask(&world, "DELETE", &path, "").await.status, 404);
    assert_eq!(other.ask(&world, "DELETE", &path, "").await.status, 204);
    let answer = sign_in(&world, &mut Browser::default(), &mut key).await;
    assert_eq!((answer.status, answer.code().as_str()), (401, "sign_in_failed"));
}

#[tokio::test]
async fn an_answer_counts_once_and_for_what_it_was_asked() {
    let world = World::start().await;
    let (_, mut browser) = person(&world, "ada@example.org", Role::Viewer).await;
    let mut key = Authenticator::new("key");
    register(&world, &mut browser, &mut key).await;
    let mut other = Browser::default();
    let begun = ask(&world, &mut other, "POST", "/sign-in/passkey/begin", &Value::Null).await;
    let options = begun.json()["publicKey"].clone();
    let body = json!({ "credential": key.get(&world, &options) });
    let finish = "/sign-in/passkey/finish";
    // For another exchange: gone, and so is the challenge.
    let wrong = ask(&world, &mut browser, "POST", "/session/fresh/passkey/finish", &body).await;
    assert_eq!(wrong.status, 410);
    assert_eq!(ask(&world, &mut other, "POST", finish, &body).await.status, 410);

    let begun = ask(&world, &mut other, "POST", "/sign-in/passkey/begin", &Value::Null).await;
    let body = json!({ "credential": key.get(&world, &begun.json()["publicKey"]) });
    assert_eq!(ask(&world, &mut other, "POST", finish, &body).await.status, 200);
    assert_eq!(ask(&world, &mut other, "POST", finish, &body).await.status, 410);

    let begun = ask(&world, &mut other, "POST", "/sign-in/passkey/begin", &Value::Null).await;
    let body = json!({ "credential": key.get(&world, &begun.json()["publicKey"]) });
    world.clock.pass(600);
    assert_eq!(ask(&world, &mut other, "POST", finish, &body).await.status, 410);
}

#[tokio::test]
async fn a_copied_authenticator_is_noticed() {
    let world = World::start().await;
    let (_, mut browser) = person(&world, "ada@example.org", Role::Viewer).await;
    let mut key = Authenticator::new("key");
    register(&world, &mut browser, &mut key).await;
    for _ in 0..3 {
        assert_eq!(sign_in(&world, &mut Browser::default(), &mut key).await.status, 200);
    }
    key.counter = 1;
    let copy = sign_in(&world, &mut Browser::default(), &mut key).await;
    assert_eq!((copy.status, copy.code().as_str()), (401, "sign_in_failed"));
    let refusals = world.admin("GET", "/refusals", "").await.body;
    assert!(refusals.contains("sign_in_passkey_counter"), "{refusals}");
}

#[tokio::test]
async fn registering_needs_a_fresh_proof_and_a_name_that_stays() {
    let world = World::start().await;
    let (_, mut browser) = person(&world, "ada@example.org", Role::Viewer).await;
    let by_number = browser.ask(&world, "POST", "/me/passkeys/begin", "").await;
    assert_eq!((by_number.status, by_number.code().as_str()), (409, "no_passkeys_here"));
    assert_eq!(browser.ask(&world, "GET", "/sign-in", "").await.json()["passkey"], false);
    let by_name = ask(&world, &mut browser, "GET", "/sign-in", &Value::Null).await;
    assert_eq!(by_name.json()["passkey"], true);
    world.clock.pass(400);
    let stale = ask(&world, &mut browser, "POST", "/me/passkeys/begin", &Value::Null).await;
    assert_eq!(stale.code(), "reauthentication_required");
}

#[tokio::test]
async fn nobodys_passkey_and_a_forged_one_get_the_same_answer() {
    let world = World::start().await;
    let (_, mut browser) = person(&world, "ada@example.org", Role::Viewer).await;
    let mut key = Authenticator::new("key");
    register(&world, &mut browser, &mut key).await;
    let mut unknown = Authenticator::new("other");
    unknown.handle = key.handle.clone();
    let mut forged = Authenticator::new("key");
    forged.handle = key.handle.clone();
    forged.counter = 100;
    let mut claims_another = Authenticator::new("key");
    std::mem::swap(&mut claims_another.key, &mut key.key);
    claims_another.handle = encoded("mem_another");
    claims_another.counter = 100;
    let mut said = vec![];
    for key in [&mut unknown, &mut forged, &mut claims_another] {
        let answer = sign_in(&world, &mut Browser::default(), key).await;
        assert_eq!(answer.status, 401);
        said.push(answer.json()["detail"].clone());
    }
    said.dedup();
    assert_eq!(said.len(), 1);
}
