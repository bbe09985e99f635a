//! One attempt by HTTP: a signed webhook, or a message to Slack.

use std::time::Duration;

use dial::{Fetch, FetchError};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde_json::Value;
use store::{Delivery, Due, Moment, Signing};
use vault::Secret;

use crate::{sign, words};

/// How long an attempt may take: looking up, dialling, sending, reading.
const DEADLINE: Duration = Duration::from_secs(10);
/// The most of an answer that is waited for. Nothing of it is kept.
const ANSWER_BYTES_MAX: usize = 1 << 20;

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
    let key = due.secret.as_ref().ok_or(sign::NotAKey).map_err(|error| error.to_string())?;
    let headers = signed(&due.delivery, signing, key, now, &body);
    post(&due.channel.draft.private_targets, url, headers?, body).await
}

fn signed(
    of: &Delivery,
    signing: &Signing,
    key: &Secret,
    now: Moment,
    body: &[u8],
) -> Result<HeaderMap, String> {
    let (id, seconds) = (of.message.as_str(), now.micros().div_euclid(1_000_000));
    let signature = sign::signature(signing, key, id, seconds, body);
    let signature = signature.map_err(|error| error.to_string())?;
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", seconds.to_string()),
        ("webhook-signature", signature),
    ] {
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
