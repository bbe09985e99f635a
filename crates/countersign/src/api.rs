//! A small client of the control plane's API: one request, one answer, all errors in words.

use std::path::Path;
use std::time::Duration;

use http::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH,
};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use url::Url;
use vault::Secret;

use crate::args::Instance;
use crate::failure::{Failure, reason};
use crate::out;

/// How long an answer may take. A refresh asks an upstream, which may be slow.
const ANSWER_WAIT_MAX: Duration = Duration::from_secs(60);
/// The most of an answer that is read.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// The control plane of a running instance.
pub(crate) struct Api {
    base: Url,
    key: HeaderValue,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl Api {
    /// The instance the command line and the environment name.
    pub(crate) fn of(instance: &Instance) -> Result<Self, Failure> {
        let base = base(&instance.url)?;
        let key = key(instance.api_key_file.as_deref())?;
        Self::new(base, &key)
    }

    /// A client for this address, with this key.
    pub(crate) fn new(base: Url, key: &Secret) -> Result<Self, Failure> {
        let text = [b"Bearer ", key.expose()].concat();
        let mut key = HeaderValue::from_bytes(&text).map_err(|_| {
            Failure::new(
                "bad_key",
                "the API key holds characters that no key has",
                "give the key alone, as it was shown: it begins with `csk1_`",
            )
        })?;
        key.set_sensitive(true);
        let client = Client::builder(TokioExecutor::new()).build(crate::tls::connector(&base));
        Ok(Self { base, key, client })
    }

    /// Reads.
    pub(crate) async fn get(&self, path: &[&str]) -> Result<Value, Failure> {
        self.ask(Method::GET, path, &[], None).await
    }

    /// Reads with parameters.
    pub(crate) async fn query(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<Value, Failure> {
        self.ask(Method::GET, path, query, None).await
    }

    /// Makes something, or has something done.
    pub(crate) async fn post(&self, path: &[&str], body: String) -> Result<Value, Failure> {
        self.ask(Method::POST, path, &[], Some(body)).await
    }

    /// Has something done that needs nothing said.
    pub(crate) async fn act(&self, path: &[&str]) -> Result<Value, Failure> {
        self.ask(Method::POST, path, &[], None).await
    }

    /// Replaces.
    pub(crate) async fn put(&self, path: &[&str], body: String) -> Result<Value, Failure> {
        self.ask(Method::PUT, path, &[], Some(body)).await
    }

    /// Replaces what is at this entity tag, or whatever is there (`*`).
    pub(crate) async fn replace(
        &self,
        path: &[&str],
        body: String,
        tag: &str,
    ) -> Result<Value, Failure> {
        self.tagged(Method::PUT, path, Some(body), tag).await
    }

    /// Does something to what is at this entity tag.
    pub(crate) async fn tagged(
        &self,
        method: Method,
        path: &[&str],
        body: Option<String>,
        tag: &str,
    ) -> Result<Value, Failure> {
        self.ask_with(method, path, &[], body, Some((IF_MATCH, tag))).await
    }

    /// Puts the first one of its kind.
    pub(crate) async fn put_first(&self, path: &[&str], body: String) -> Result<Value, Failure> {
        self.ask_with(Method::PUT, path, &[], Some(body), Some((IF_NONE_MATCH, "*"))).await
    }

    /// Where the control plane is, without a slash at the end.
    pub(crate) fn address(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// Removes.
    pub(crate) async fn delete(&self, path: &[&str]) -> Result<Value, Failure> {
        self.ask(Method::DELETE, path, &[], None).await
    }

    /// Reads a whole list, page by page.
    pub(crate) async fn list(&self, path: &[&str]) -> Result<Vec<Value>, Failure> {
        let mut items = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let query: Vec<_> = after.iter().map(|after| ("after", after.as_str())).collect();
            let mut page = self.query(path, &query).await?;
            if let Some(list) = page.get_mut("items").and_then(Value::as_array_mut) {
                items.append(list);
            }
            match page.get("next").and_then(Value::as_str) {
                Some(next) if after.as_deref() != Some(next) => after = Some(next.to_owned()),
                _ => return Ok(items),
            }
        }
    }

    /// One request and its answer: the body, `null` where there is none.
    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        body: Option<String>,
    ) -> Result<Value, Failure> {
        self.ask_with(method, path, query, body, None).await
    }

    async fn ask_with(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        body: Option<String>,
        condition: Option<(HeaderName, &str)>,
    ) -> Result<Value, Failure> {
        let asked = async {
            let mut request = self.request(method, path, query, body)?;
            if let Some((name, value)) = condition {
                let value = HeaderValue::from_str(value).map_err(|_| self.strange("no tag"))?;
                request.headers_mut().insert(name, value);
            }
            let response = self.client.request(request).await;
            let response = response.map_err(|error| self.unreachable(&error))?;
            let status = response.status();
            let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX)
                .collect()
                .await
                .map_err(|_| self.strange("the answer was cut off"))?
                .to_bytes();
            let body = match body.as_ref() {
                [] => Value::Null,
                bytes => serde_json::from_slice(bytes)
                    .map_err(|_| self.strange(&format!("it answered {status} and no JSON")))?,
            };
            if status.is_success() { Ok(body) } else { Err(refused(status, &body)) }
        };
        tokio::time::timeout(ANSWER_WAIT_MAX, asked)
            .await
            .unwrap_or_else(|_| Err(self.strange("it did not answer within a minute")))
    }

    /// What the instance's clock says, by the head of its answer.
    pub(crate) async fn date(&self) -> Option<jiff::Timestamp> {
        let asked = self.send(Method::GET, &["health"], &[], None);
        let response = tokio::time::timeout(ANSWER_WAIT_MAX, asked).await.ok()?.ok()?;
        let date = response.headers().get(http::header::DATE)?.to_str().ok()?.to_owned();
        jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(&date).ok()
    }

    /// Opens a stream of events.
    pub(crate) async fn stream(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
        last_event_id: Option<&str>,
    ) -> Result<Incoming, Failure> {
        let mut request = self.request(Method::GET, path, query, None)?;
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
        if let Some(id) = last_event_id.and_then(|id| HeaderValue::from_str(id).ok()) {
            request.headers_mut().insert("last-event-id", id);
        }
        let response = self.client.request(request).await.map_err(|e| self.unreachable(&e))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response.into_body());
        }
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
        let body = body.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        Err(refused(status, &serde_json::from_slice(&body).unwrap_or(Value::Null)))
    }

    /// Has something made, and hands it back as it comes, with its length if it is said.
    pub(crate) async fn download(&self, path: &[&str]) -> Result<(Incoming, Option<u64>), Failure> {
        let request = self.request(Method::POST, path, &[], None)?;
        let response = self.client.request(request).await.map_err(|e| self.unreachable(&e))?;
        let status = response.status();
        if status.is_success() {
            let length = response.headers().get(http::header::CONTENT_LENGTH);
            let length = length.and_then(|value| value.to_str().ok()?.parse().ok());
            return Ok((response.into_body(), length));
        }
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
        let body = body.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        Err(refused(status, &serde_json::from_slice(&body).unwrap_or(Value::Null)))
    }

    async fn send(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        body: Option<String>,
    ) -> Result<http::Response<Incoming>, Failure> {
        let request = self.request(method, path, query, body)?;
        self.client.request(request).await.map_err(|error| self.unreachable(&error))
    }

    fn request(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        body: Option<String>,
    ) -> Result<Request<Full<Bytes>>, Failure> {
        let mut url = self.base.clone();
        let wrong =
            || Failure::usage("the control plane's address is no base for a path", NEXT_URL);
        url.path_segments_mut()
            .map_err(|()| wrong())?
            .pop_if_empty()
            .extend(["api", "v1"])
            .extend(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut request = Request::builder()
            .method(method)
            .uri(url.as_str())
            .header(AUTHORIZATION, self.key.clone())
            .header(ACCEPT, "application/json");
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        request.body(Full::from(body.unwrap_or_default())).map_err(|_| wrong())
    }

    fn unreachable(&self, error: &hyper_util::client::legacy::Error) -> Failure {
        let why = deepest(error);
        Failure::new(
            "unreachable",
            format!("there is no answer from the control plane at {}: {why}", self.base),
            "start it with `countersign serve`, or name another with COUNTERSIGN_URL",
        )
    }

    fn strange(&self, what: &str) -> Failure {
        Failure::new(
            "strange_answer",
            format!("what listens at {} does not answer as Countersign does: {what}", self.base),
            "check the address in COUNTERSIGN_URL: it is the control plane's, not the gateway's",
        )
    }
}

const NEXT_URL: &str =
    "give an address such as http://127.0.0.1:7070 with --url or COUNTERSIGN_URL";

/// Reads the control plane's address.
pub(crate) fn base(text: &str) -> Result<Url, Failure> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let url = url.filter(|url| url.username().is_empty() && url.password().is_none());
    let Some(url) = url else {
        return Err(Failure::usage("the control plane's address cannot be read", NEXT_URL));
    };
    let local = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    if url.scheme() == "http" && !local {
        out::note(&format!("countersign: warning: the API key travels to {url} unencrypted"));
    }
    Ok(url)
}

/// Reads the API key from its file or from the environment.
fn key(file: Option<&Path>) -> Result<Secret, Failure> {
    let text = match file {
        Some(path) => std::fs::read_to_string(path).map_err(|error| {
            Failure::new(
                "no_key",
                format!("the API key file `{}` cannot be read: {}", path.display(), reason(&error)),
                "name the file the key was written to with --api-key-file",
            )
        })?,
        None => std::env::var("COUNTERSIGN_API_KEY").unwrap_or_default(),
    };
    let text = text.trim();
    if text.is_empty() {
        return Err(Failure::new(
            "no_key",
            "there is no API key",
            "set COUNTERSIGN_API_KEY, or name its file with --api-key-file; \
             the first start of `countersign serve` printed one",
        ));
    }
    Ok(Secret::from(text.to_owned()))
}

/// What the control plane refused, in its own words.
fn refused(status: StatusCode, problem: &Value) -> Failure {
    let text = |name: &str| problem.get(name).and_then(Value::as_str).unwrap_or_default();
    let code = match text("code") {
        "" => status.as_str().to_owned(),
        code => code.to_owned(),
    };
    let what = match (text("title"), text("detail")) {
        ("", "") => format!("the control plane answered {status}"),
        (title, "") => title.to_owned(),
        ("", detail) => detail.to_owned(),
        (title, detail) => format!("{title}: {detail}"),
    };
    let next = match code.as_str() {
        "unauthenticated" => {
            "give a key that is active: COUNTERSIGN_API_KEY, or the file named by --api-key-file"
        }
        "forbidden" => {
            "use a key with a higher role; `countersign key list` shows them to an admin"
        }
        "not_found" => "the matching `list` command shows what there is",
        "taken" => "choose another name, or change the one there is",
        "kept_in_files" => {
            "change its files and run `countersign apply`, or lift the mark with `countersign policy release`"
        }
        "stale" => "look at the present state and repeat the change",
        "upstream_unreachable" => {
            "start the upstream or correct its address, then `countersign server refresh`"
        }
        "unavailable" => "run `countersign doctor` on the machine of the instance",
        _ => "",
    };
    let details = problem
        .get("errors")
        .and_then(Value::as_array)
        .map(|errors| errors.iter().map(crate::commands::fault_line).collect::<Vec<_>>());
    Failure::new(&code, what, next).listing(details.unwrap_or_default())
}

/// The last cause of an error: the first ones only say that something failed.
fn deepest(error: &(dyn std::error::Error + 'static)) -> String {
    let mut last = error;
    while let Some(cause) = last.source() {
        last = cause;
    }
    match last.downcast_ref::<std::io::Error>() {
        Some(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
            "nothing listens there".to_owned()
        }
        Some(error) => reason(error),
        None => last.to_string(),
    }
}
