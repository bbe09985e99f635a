//! Asking for tokens: what is sent, what is taken for an answer, and what is not.

use std::sync::Mutex;

use async_trait::async_trait;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, KeyPair as _, UnparsedPublicKey};
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;

use super::*;
use crate::Answer;

/// An endpoint that says one thing and keeps what it was asked.
struct Endpoint {
    says: (u16, &'static str),
    asked: Mutex<Vec<(HeaderMap, String)>>,
}

#[async_trait]
impl Web for Endpoint {
    async fn get(&self, _: &str) -> Result<Answer, Unanswered> {
        Err(Unanswered::Lost("nothing is here".into()))
    }

    async fn post(&self, _: &str, headers: HeaderMap, body: Bytes) -> Result<Answer, Unanswered> {
        let form = String::from_utf8_lossy(&body).into_owned();
        self.asked.lock().unwrap_or_else(|held| held.into_inner()).push((headers, form));
        let status = StatusCode::from_u16(self.says.0).unwrap_or_default();
        Ok(Answer {
            status,
            headers: HeaderMap::new(),
            body: Bytes::from_static(self.says.1.as_bytes()),
        })
    }
}

async fn send(
    says: (u16, &'static str),
    request: TokenRequest<'_>,
    client: &ClientAuth<'_>,
) -> (Result<Tokens, TokenError>, HeaderMap, String) {
    let endpoint = Endpoint { says, asked: Mutex::default() };
    let scopes = ["a".to_owned(), "b".to_owned()];
    let sent = request.send(&endpoint, "https://as/t", client, "https://mcp/x", &scopes, 1_000);
    let sent = sent.await;
    let mut asked = endpoint.asked.into_inner().unwrap_or_else(|held| held.into_inner());
    let (headers, form) = asked.pop().unwrap_or_default();
    (sent, headers, form)
}

const GOOD: &str = r#"{"access_token":"at","token_type":"bearer","expires_in":60}"#;

fn client<'a>(method: AuthMethod, secret: Option<&'a Secret>) -> ClientAuth<'a> {
    ClientAuth { client_id: "c d", method, secret, issuer: "https://as" }
}

#[tokio::test]
async fn each_request_names_the_resource_and_proves_the_client_its_way() {
    let secret = Secret::from("s&s".to_owned());
    let refresh = Secret::from("rt".to_owned());
    let code = TokenRequest::Code { code: "x", verifier: "v", redirect_uri: "https://h/b" };
    let cases = [
        (code, AuthMethod::None, None, "client_id=c+d"),
        (code, AuthMethod::Post, Some(&secret), "client_secret=s%26s"),
        (TokenRequest::Refresh(&refresh), AuthMethod::Basic, Some(&secret), "refresh_token=rt"),
        (TokenRequest::Client, AuthMethod::Basic, Some(&secret), "scope=a+b"),
    ];
    for (request, method, secret, part) in cases {
        let (sent, headers, form) = send((200, GOOD), request, &client(method, secret)).await;
        assert!(sent.is_ok(), "{sent:?}");
        assert!(form.contains("resource=https%3A%2F%2Fmcp%2Fx") && form.contains(part), "{form}");
        let basic = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let expected = (method == AuthMethod::Basic).then_some("Basic YytkOnMlMjZz");
        assert_eq!(basic, expected);
    }
}

/// S18: what is no bearer token is none, whatever else it is.
#[tokio::test]
async fn s18_answers_that_are_no_bearer_token_are_refused() {
    for body in [
        "",
        "[]",
        "{}",
        r#"{"access_token":"at"}"#,
        r#"{"access_token":"at","token_type":"mac"}"#,
        r#"{"access_token":"at","token_type":"DPoP"}"#,
        r#"{"access_token":"","token_type":"Bearer"}"#,
        r#"{"access_token":"a b","token_type":"Bearer"}"#,
        r#"{"access_token":"a\r\nhost: x","token_type":"Bearer"}"#,
        r#"{"access_token":"at","token_type":"Bearer","expires_in":-1}"#,
        r#"{"access_token":"at","token_type":"Bearer","expires_in":"soon"}"#,
        r#"{"access_token":"at","token_type":"Bearer","refresh_token":7}"#,
        r#"{"access_token":"at","access_token":"bt","token_type":"Bearer"}"#,
    ] {
        let client = client(AuthMethod::None, None);
        let (sent, ..) = send((200, body), TokenRequest::Client, &client).await;
        assert!(matches!(sent, Err(TokenError::Unusable)), "{body}: {sent:?}");
    }
    let client = client(AuthMethod::None, None);
    let said = r#"{"access_token":"at","token_type":"BEARER","expires_in":"3600","scope":"a  c"}"#;
    let (sent, ..) = send((200, said), TokenRequest::Client, &client).await;
    let Ok(tokens) = sent else { panic!("{sent:?}") };
    assert_eq!((tokens.expires_in, tokens.refresh.is_none()), (Some(3600), true));
    let asked = ["a".to_owned(), "b".to_owned()];
    assert_eq!(broader(&asked, tokens.scopes.as_deref()), ["c"]);
    assert!(broader(&asked, None).is_empty() && broader(&[], tokens.scopes.as_deref()).is_empty());
}

/// S19: what time mends is told from what somebody must mend.
#[tokio::test]
async fn s19_a_refusal_says_whether_to_try_again() {
    let told = |(status, body)| async move {
        let client = client(AuthMethod::None, None);
        let (sent, ..) = send((status, body), TokenRequest::Client, &client).await;
        match sent {
            Err(TokenError::InvalidGrant) => "again by a person".to_owned(),
            Err(TokenError::Refused(code)) => code.to_owned(),
            Err(TokenError::Later(_)) => "later".to_owned(),
            Err(TokenError::Lost(_)) => "nobody knows".to_owned(),
            other => format!("{other:?}"),
        }
    };
    for (answer, expected) in [
        ((400, r#"{"error":"invalid_grant"}"#), "again by a person"),
        ((401, r#"{"error":"invalid_client"}"#), "invalid_client"),
        ((400, r#"{"error":"canary4111"}"#), "other"),
        ((429, r#"{"error":"slow_down"}"#), "later"),
        ((500, r#"{"error":"server_error"}"#), "nobody knows"),
        ((502, ""), "nobody knows"),
        ((302, ""), "later"),
        ((400, "<html>"), "later"),
    ] {
        assert_eq!(told(answer).await, expected, "{answer:?}");
    }
}

#[tokio::test]
async fn a_statement_is_signed_for_the_issuer_and_lives_a_minute() {
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
    let random = aws_lc_rs::rand::SystemRandom::new();
    let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random);
    let Ok(document) = made else { panic!("a key is made") };
    let body = STANDARD.encode(document.as_ref());
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n");
    let pem = Secret::from(pem);
    let client = client(AuthMethod::PrivateKeyJwt, Some(&pem));
    let (sent, _, form) = send((200, GOOD), TokenRequest::Client, &client).await;
    assert!(sent.is_ok(), "{sent:?}");
    let jwt = form.split('&').find_map(|part| part.strip_prefix("client_assertion="));
    let parts: Vec<&str> = jwt.unwrap_or_default().split('.').collect();
    let [head, claims, signature] = parts.as_slice() else { panic!("{form}") };
    let read = |text: &str| {
        let bytes = URL_SAFE_NO_PAD.decode(text).unwrap_or_default();
        String::from_utf8(bytes).unwrap_or_default()
    };
    assert_eq!(read(head), r#"{"alg":"ES256","typ":"JWT"}"#);
    let said = read(claims);
    for part in [r#""iss":"c d","sub":"c d","aud":"https://as","iat":1000,"exp":1060"#, "jti"] {
        assert!(said.contains(part), "{said}");
    }
    let Ok(pair) = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref())
    else {
        panic!("it is a key")
    };
    let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, pair.public_key().as_ref());
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap_or_default();
    assert!(public.verify(format!("{head}.{claims}").as_bytes(), &signature).is_ok());
    for no_key in ["", "-----BEGIN EC PRIVATE KEY-----", "canary4111"] {
        let Err(error) = SigningKey::of_pem(no_key) else { panic!("{no_key} is no key") };
        assert!(!error.to_string().contains("canary"), "{error}");
    }
}
