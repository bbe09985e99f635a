//! One attempt by HTTP: a signed webhook, or a message to Slack.

use std::time::Duration;

use dial::{Fetch, FetchError};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde_json::Value;
use store::{Delivery, Due, Moment, Signing};
use vault::{Secret, WebhookKey};

use crate::words;

/// How long an attempt may take: looking up, dialling, sending, reading.
const DEADLINE: Duration = Duration::from_secs(10);
/// The most of an answer that is waited for. Nothing of it is kept.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// The bytes of a key: of HMAC, and the seed of Ed25519.
const KEY_BYTES: usize = 32;

/// Sends a webhook.
///
/// - **Errors**: why it was not taken, in words of ours.
pub(crate) async fn webhook(
    due: &Due,
    url: &str,
    signing: &Signing,
    links: &str,
    now: Moment,
) -> Result<(), String> {
    let body = words::body(&due.delivery, links, now).to_string().into_bytes();
    let key = key(signing, due.secret.as_ref())?;
    let headers = signed(&due.delivery, &key, now, &body)?;
    post(&due.channel.draft.private_targets, url, headers, body).await
}

/// What a channel signs with. A key that is none, or of another length, signs nothing.
fn key(signing: &Signing, kept: Option<&Secret>) -> Result<WebhookKey, String> {
    let key = kept.filter(|key| key.expose().len() == KEY_BYTES);
    let key = match (signing, key) {
        (Signing::Hmac, Some(key)) => Some(WebhookKey::hmac(key)),
        (Signing::Ed25519 { .. }, Some(seed)) => WebhookKey::ed25519(seed).ok(),
        (_, None) => None,
    };
    key.ok_or_else(|| "the signing key of the channel cannot be used".to_owned())
}

fn signed(of: &Delivery, key: &WebhookKey, now: Moment, body: &[u8]) -> Result<HeaderMap, String> {
    let seconds = now.micros().div_euclid(1_000_000);
    let mut headers = HeaderMap::new();
    for (name, value) in key.headers(of.message.as_str(), seconds, body) {
        let value = HeaderValue::try_from(value).map_err(|_| "the message has an odd id")?;
        headers.insert(HeaderName::from_static(name), value);
    }
    Ok(headers)
}

/// Sends a message to Slack, whose address is the secret.
pub(crate) async fn slack(due: &Due, message: &Value) -> Result<(), String> {
    let url = due.secret.as_ref().and_then(Secret::expose_str);
    let url = url.ok_or("the channel has no address: set it again")?;
    let body = message.to_string().into_bytes();
    post(&due.channel.draft.private_targets, url, HeaderMap::new(), body).await
}

async fn post(
    private_targets: &[String],
    url: &str,
    mut headers: HeaderMap,
    body: Vec<u8>,
) -> Result<(), String> {
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let agent = concat!("countersign/", env!("CARGO_PKG_VERSION"));
    headers.insert(header::USER_AGENT, HeaderValue::from_static(agent));
    let fetch = Fetch::new(ANSWER_BYTES_MAX, DEADLINE, private_targets.to_vec());
    match fetch.post(url, headers, body).await {
        Ok(answer) if answer.status.is_success() => Ok(()),
        Ok(answer) if answer.status.is_redirection() => Err(format!(
            "the receiver answered {}: redirects are not followed",
            answer.status.as_u16()
        )),
        Ok(answer) => Err(format!("the receiver answered {}", answer.status.as_u16())),
        // Neither names the address nor what was sent.
        Err(error @ FetchError::Guard(_)) => Err(format!("refused before dialling: {error}")),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_another_length_signs_nothing() {
        for signing in [Signing::Hmac, Signing::Ed25519 { public_key: String::new() }] {
            let good = Secret::new(vec![7; KEY_BYTES]);
            assert!(key(&signing, Some(&good)).is_ok());
            for bad in [None, Some(Secret::new(vec![7; KEY_BYTES - 1])), Some(Secret::new(vec![]))]
            {
                assert!(key(&signing, bad.as_ref()).is_err());
            }
        }
    }
}
