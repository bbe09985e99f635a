//! What the HTTP headers of a request say about its message, and the headers an upstream gets.
//!
//! Headers never decide anything: the body does. A header that disagrees with the body is refused,
//! and an upstream receives headers made anew from the body that was judged.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use json::{Object, Value};

use crate::call::Call;
use crate::malformed::Malformed;
use crate::message::{Message, Request};
use crate::meta;
use crate::method::Method;
use crate::tools::{HeaderParam, ParamType};
use crate::version::{Era, Version};

/// `MCP-Protocol-Version`
pub const PROTOCOL_VERSION: &str = "mcp-protocol-version";
/// `Mcp-Method`
pub const METHOD: &str = "mcp-method";
/// `Mcp-Name`
pub const NAME: &str = "mcp-name";
/// `Mcp-Param-…`
pub const PARAM_PREFIX: &str = "mcp-param-";
/// `Mcp-Session-Id` (legacy era)
pub const SESSION_ID: &str = "mcp-session-id";
/// `Last-Event-ID` (legacy era)
pub const LAST_EVENT_ID: &str = "last-event-id";

const SENTINEL_START: &str = "=?base64?";
const SENTINEL_END: &str = "?=";

/// The header lines of a request.
pub trait Headers {
    /// Every line: its name in any case and its value. A name that stands twice comes twice.
    fn lines(&self) -> impl Iterator<Item = (&str, &[u8])>;
}

impl Headers for [(&str, &str)] {
    fn lines(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.iter().map(|(name, value)| (*name, value.as_bytes()))
    }
}

/// The value of a header that may stand once, without the blanks around it.
///
/// - **Errors**: it stands twice, or holds anything but visible ASCII, blanks and tabs.
pub fn singleton<'a, H: Headers + ?Sized>(
    headers: &'a H,
    name: &str,
) -> Result<Option<&'a str>, Malformed> {
    let mut lines = headers.lines().filter(|(found, _)| found.eq_ignore_ascii_case(name));
    let Some((_, value)) = lines.next() else { return Ok(None) };
    if lines.next().is_some() {
        return Err(Malformed::header("duplicate_header", format!("{name} stands twice")));
    }
    plain(value).map(Some).ok_or_else(|| bad_characters(name))
}

fn plain(value: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(value).ok()?;
    let sound = text.bytes().all(|b| b == b'\t' || (b' '..=b'~').contains(&b));
    sound.then(|| text.trim_matches([' ', '\t']))
}

fn bad_characters(name: &str) -> Malformed {
    Malformed::header("bad_header", format!("{name} holds characters that no header value may"))
}

/// The era and version of a request, with every header that repeats the body checked against it.
///
/// - **Shape**: `message` is `None` for GET and DELETE. For `initialize` of the legacy era the
///   version is the one to settle on. A request inside a session must also be compared with the
///   session's version: see [`stated_version`].
/// - **Errors**: `-32020` where a header is missing, doubled or disagrees, `-32022` where the version
///   is not served, `-32602` where a modern request lacks its `_meta`.
pub fn resolve<H: Headers + ?Sized>(
    headers: &H,
    message: Option<&Message>,
) -> Result<(Era, Version), Malformed> {
    resolve_plain(headers, message).map_err(|refusal| match message.and_then(Message::id) {
        Some(id) => refusal.for_id(id),
        None => refusal,
    })
}

/// The version the header names, if it names one that is served.
///
/// - **Errors**: as [`resolve`] for that header.
pub fn stated_version<H: Headers + ?Sized>(headers: &H) -> Result<Option<Version>, Malformed> {
    match singleton(headers, PROTOCOL_VERSION)? {
        None => Ok(None),
        Some(text) => Version::parse(text)
            .map(Some)
            .ok_or_else(|| Malformed::unsupported_version(text, Version::SUPPORTED)),
    }
}

fn resolve_plain<H: Headers + ?Sized>(
    headers: &H,
    message: Option<&Message>,
) -> Result<(Era, Version), Malformed> {
    let header = singleton(headers, PROTOCOL_VERSION)?;
    let stated = match message.and_then(Message::meta).and_then(|m| m.get(meta::PROTOCOL_VERSION)) {
        None => None,
        Some(Value::String(stated)) => Some(stated.as_str()),
        Some(_) => return Err(missing_meta(meta::PROTOCOL_VERSION)),
    };
    let opens_session =
        stated.is_none() && message.and_then(Message::method) == Some(&Method::Initialize);
    if stated.is_some() || (!opens_session && header.is_some_and(is_modern)) {
        return modern(headers, message, header, stated).map(|version| (Era::Modern, version));
    }
    if opens_session {
        let asked = message.and_then(Message::params).and_then(|p| p.get("protocolVersion"));
        let asked = asked.and_then(Value::as_str).unwrap_or_default();
        return Ok((Era::Legacy, Version::negotiate(asked)));
    }
    let version = match header {
        None => Version::ASSUMED,
        Some(text) => Version::parse(text)
            .ok_or_else(|| Malformed::unsupported_version(text, Version::SUPPORTED))?,
    };
    Ok((Era::Legacy, version))
}

/// Whether a version is of the modern era or later, whether or not it is served.
fn is_modern(text: &str) -> bool {
    let is_date = text.len() == Version::MODERN_SINCE.len()
        && text
            .bytes()
            .zip(Version::MODERN_SINCE.bytes())
            .all(|(b, pattern)| if pattern == b'-' { b == b'-' } else { b.is_ascii_digit() });
    is_date && text >= Version::MODERN_SINCE
}

fn modern<H: Headers + ?Sized>(
    headers: &H,
    message: Option<&Message>,
    header: Option<&str>,
    stated: Option<&str>,
) -> Result<Version, Malformed> {
    let Some(version) = header else {
        return Err(Malformed::header("header_missing", "MCP-Protocol-Version is missing"));
    };
    if stated.is_some_and(|stated| stated != version) {
        let text = "MCP-Protocol-Version and the version in `_meta` differ";
        return Err(Malformed::header("header_mismatch", text));
    }
    let version = Version::parse(version)
        .filter(|version| version.era() == Era::Modern)
        .ok_or_else(|| Malformed::unsupported_version(version, Version::SUPPORTED))?;
    match message {
        None => {}
        Some(Message::Response(_)) => {
            let text = "no response is posted in the modern era";
            return Err(Malformed::envelope("unexpected_response", text));
        }
        Some(Message::Notification(notification)) => {
            if let Some(method) = singleton(headers, METHOD)? {
                same_method(method, &notification.method)?;
            }
        }
        Some(Message::Request(request)) => modern_request(headers, message, request, stated)?,
    }
    Ok(version)
}

fn modern_request<H: Headers + ?Sized>(
    headers: &H,
    message: Option<&Message>,
    request: &Request,
    stated: Option<&str>,
) -> Result<(), Malformed> {
    if stated.is_none() {
        return Err(missing_meta(meta::PROTOCOL_VERSION));
    }
    let capabilities =
        message.and_then(Message::meta).and_then(|m| m.get(meta::CLIENT_CAPABILITIES));
    if capabilities.and_then(Value::as_object).is_none() {
        return Err(missing_meta(meta::CLIENT_CAPABILITIES));
    }
    match singleton(headers, METHOD)? {
        Some(method) => same_method(method, &request.method)?,
        None => return Err(Malformed::header("header_missing", "Mcp-Method is missing")),
    }
    // A method that this era does not know is refused as such, whatever it names.
    let named_by = request.method.name_member().filter(|_| request.method.known_in(Era::Modern));
    let Some(member) = named_by else { return Ok(()) };
    let named = request.params.as_ref().and_then(|p| p.get(member)).and_then(Value::as_str);
    match (singleton(headers, NAME)?, named) {
        // Without a name in the body the body itself is refused, with the better reason.
        (_, None) => Ok(()),
        (None, Some(_)) => Err(Malformed::header("header_missing", "Mcp-Name is missing")),
        (Some(value), Some(named)) => {
            if decode(value).as_deref() == Some(named) {
                Ok(())
            } else {
                let text = format!("Mcp-Name and `params.{member}` differ");
                Err(Malformed::header("header_mismatch", text))
            }
        }
    }
}

fn same_method(header: &str, method: &Method) -> Result<(), Malformed> {
    if header == method.as_str() {
        return Ok(());
    }
    Err(Malformed::header("header_mismatch", "Mcp-Method and `method` differ"))
}

fn missing_meta(key: &str) -> Malformed {
    Malformed::params("missing_meta", format!("`_meta` lacks a usable `{key}`"))
}

/// Checks the `Mcp-Param-…` headers of a modern tool call against the accepted definition.
///
/// - **Shape**: `declared` is the definition's [`header_params`](crate::tools::ToolDefinition).
/// - **Errors**: `-32020` where a header is not declared, missing, doubled, without a value in the
///   body or of another value (integers compare as numbers).
pub fn check_params<H: Headers + ?Sized>(
    headers: &H,
    call: &Call,
    declared: &[HeaderParam],
) -> Result<(), Malformed> {
    for (name, _) in headers.lines() {
        if let Some(param) = param_name(name)
            && !declared.iter().any(|known| known.header.eq_ignore_ascii_case(param))
        {
            let text = "an Mcp-Param header stands for nothing in the tool's schema";
            return Err(Malformed::header("header_unknown", text));
        }
    }
    for param in declared {
        let name = format!("{PARAM_PREFIX}{}", param.header);
        let value = value_at(call.arguments.as_ref(), &param.path);
        match (singleton(headers, &name)?, value) {
            (None, None) => {}
            (Some(header), Some(value)) if same_value(header, value, param.kind) => {}
            (None, Some(_)) => {
                return Err(Malformed::header("header_missing", format!("{name} is missing")));
            }
            (Some(_), _) => {
                let text = format!("{name} and the argument differ");
                return Err(Malformed::header("header_mismatch", text));
            }
        }
    }
    Ok(())
}

fn param_name(name: &str) -> Option<&str> {
    let (start, rest) = name.split_at_checked(PARAM_PREFIX.len())?;
    start.eq_ignore_ascii_case(PARAM_PREFIX).then_some(rest)
}

/// The argument at that path; `null` is as if it were not there.
fn value_at<'a>(arguments: Option<&'a Object>, path: &[String]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    let start = arguments?.get(first)?;
    rest.iter().try_fold(start, |value, name| value.get(name)).filter(|value| !value.is_null())
}

fn same_value(header: &str, value: &Value, kind: ParamType) -> bool {
    let Some(decoded) = decode(header) else { return false };
    match (kind, value) {
        (ParamType::String, Value::String(text)) => decoded == *text,
        (ParamType::Boolean, Value::Bool(truth)) => decoded == truth.to_string(),
        (ParamType::Integer, Value::Number(number)) if number.value().is_whole() => {
            let read = json::read(decoded.as_bytes(), json::Limits::REQUEST);
            read.is_ok_and(|read| {
                !decoded.starts_with([' ', '\t', '\r', '\n'])
                    && !decoded.ends_with([' ', '\t', '\r', '\n'])
                    && read.as_number().is_some_and(|n| n.value() == number.value())
            })
        }
        _ => false,
    }
}

/// The headers an upstream of the modern era gets with a request, made from what was judged.
///
/// - **Shape**: names in lower case, values that every HTTP implementation passes unchanged.
pub fn upstream_headers(version: Version, request: &Request) -> Vec<(String, String)> {
    let member = request.method.name_member();
    let params = request.params.as_ref();
    let name = member.and_then(|member| params?.get(member)?.as_str());
    standard(version, &request.method, name)
}

/// As [`upstream_headers`], for a tool call with its `Mcp-Param-…` headers.
pub fn upstream_call_headers(
    version: Version,
    call: &Call,
    declared: &[HeaderParam],
) -> Vec<(String, String)> {
    let mut headers = standard(version, &Method::ToolsCall, Some(&call.name));
    for param in declared {
        let value = value_at(call.arguments.as_ref(), &param.path);
        let text = match (param.kind, value) {
            (ParamType::String, Some(Value::String(text))) => encode(text),
            (ParamType::Boolean, Some(Value::Bool(truth))) => truth.to_string(),
            (ParamType::Integer, Some(Value::Number(n))) if n.value().is_whole() => {
                n.value().to_string()
            }
            _ => continue,
        };
        headers.push((format!("{PARAM_PREFIX}{}", param.header.to_ascii_lowercase()), text));
    }
    headers
}

fn standard(version: Version, method: &Method, name: Option<&str>) -> Vec<(String, String)> {
    let mut headers = vec![
        (PROTOCOL_VERSION.to_owned(), version.as_str().to_owned()),
        (METHOD.to_owned(), method.as_str().to_owned()),
    ];
    if let Some(name) = name {
        headers.push((NAME.to_owned(), encode(name)));
    }
    headers
}

/// What a header value stands for: a Base64 sentinel decoded, anything else as it is.
///
/// - **Errors**: `None` when a whole sentinel holds no Base64 or no UTF-8.
fn decode(value: &str) -> Option<String> {
    let inner = value.strip_prefix(SENTINEL_START).and_then(|rest| rest.strip_suffix(SENTINEL_END));
    match inner {
        None => Some(value.to_owned()),
        Some(inner) => String::from_utf8(STANDARD.decode(inner).ok()?).ok(),
    }
}

/// The header value that stands for a text: itself if it survives as one, otherwise a sentinel.
fn encode(text: &str) -> String {
    let looks_encoded = text.starts_with(SENTINEL_START) && text.ends_with(SENTINEL_END);
    let survives = text.bytes().all(|b| (b' '..=b'~').contains(&b)) && text.trim() == text;
    if survives && !looks_encoded && !text.is_empty() {
        return text.to_owned();
    }
    format!("{SENTINEL_START}{}{SENTINEL_END}", STANDARD.encode(text))
}
