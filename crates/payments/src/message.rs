//! Reading one JSON-RPC message without losing anything: ids and arguments keep the text they came with.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::answer::Fault;

/// The most members one object may have. Names are compared pairwise, so this bounds the work.
const MEMBERS_MAX: usize = 256;

/// One JSON-RPC message, borrowed from the request's body.
pub(crate) struct Message<'a> {
    /// The raw text of `id`, if the member is there.
    id: Option<&'a RawValue>,
    /// The method, decoded.
    pub(crate) method: Cow<'a, str>,
    /// The params, unread.
    params: Option<&'a RawValue>,
}

impl<'a> Message<'a> {
    /// Reads a body as exactly one request or notification.
    pub(crate) fn read(body: &'a [u8]) -> Result<Self, Fault> {
        if body.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'[') {
            return Err(Fault::invalid_request("batches are not accepted: send one message"));
        }
        let members: Members<'a> = serde_json::from_slice(body).map_err(|e| {
            if e.is_data() {
                Fault::invalid_request("the body is not one JSON-RPC message")
            } else {
                Fault::parse_error()
            }
        })?;
        if members.text("jsonrpc").as_deref() != Some("2.0") {
            return Err(Fault::invalid_request("`jsonrpc` must be \"2.0\""));
        }
        let id = members.get("id");
        if id.is_some_and(|id| {
            !id.get().starts_with(['"', '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9'])
        }) {
            return Err(Fault::invalid_request("`id` must be a string or a number"));
        }
        let Some(method) = members.text("method") else {
            return Err(Fault::invalid_request(
                "a message needs a `method`; this server asks nothing, so it takes no responses",
            ));
        };
        if members.get("result").is_some() || members.get("error").is_some() {
            return Err(Fault::invalid_request("a message is a request or a response, not both"));
        }
        // What is meant to be answered must be answerable, or a call could be carried out unseen.
        if id.is_none() && !method.starts_with("notifications/") {
            return Err(Fault::invalid_request("a request needs an `id`"));
        }
        Ok(Self { id, method, params: members.get("params") })
    }

    /// The id exactly as it was written, or `None` for a notification.
    pub(crate) fn id(&self) -> Option<&'a str> {
        self.id.map(RawValue::get)
    }

    /// The members of `params`; none if `params` is absent.
    pub(crate) fn params(&self) -> Result<Members<'a>, Fault> {
        self.params.map_or_else(|| Ok(Members::default()), |params| Members::of("`params`", params))
    }
}

/// The members of one JSON object, in order, values unread. No name occurs twice.
#[derive(Default)]
pub(crate) struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Members<'a> {
    /// Reads `value` as an object. `what` names it in the refusal.
    pub(crate) fn of(what: &str, value: &'a RawValue) -> Result<Self, Fault> {
        serde_json::from_str(value.get()).map_err(|_| {
            Fault::invalid_params(format!("{what} must be an object without repeated names"))
        })
    }

    /// The value of a member, if it is there.
    pub(crate) fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, value)| *value)
    }

    /// The value of a member, if it is there and a string.
    pub(crate) fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        self.get(name).and_then(decode_text)
    }

    /// Every member in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), *value))
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members: Vec<(Cow<'de, str>, &'de RawValue)> = Vec::with_capacity(4);
                while let Some(Text(name)) = map.next_key()? {
                    if members.len() == MEMBERS_MAX || members.iter().any(|(n, _)| *n == name) {
                        return Err(A::Error::custom("a name occurs twice, or there are too many"));
                    }
                    members.push((name, map.next_value()?));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

/// A string that borrows from the input where it holds no escapes.
#[derive(serde::Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// The string a value holds, or `None` if it is not a string.
pub(crate) fn decode_text(value: &RawValue) -> Option<Cow<'_, str>> {
    serde_json::from_str::<Text<'_>>(value.get()).ok().map(|text| text.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_keeps_its_id_and_numbers_as_written() {
        let body = br#" {"jsonrpc":"2.0","id":1.0,"method":"tools\/call","params":{"n":12345678901234567890123.10}} "#;
        let message = Message::read(body).map_err(|f| f.message).unwrap();
        assert_eq!(message.id(), Some("1.0"));
        assert_eq!(message.method, "tools/call");
        let params = message.params().map_err(|f| f.message).unwrap();
        assert_eq!(params.get("n").map(RawValue::get), Some("12345678901234567890123.10"));
    }

    #[test]
    fn anything_but_one_message_is_refused_with_its_code() {
        for (body, code) in [
            ("", -32700),
            ("{", -32700),
            ("nonsense", -32700),
            (r#"{"jsonrpc":"2.0","id":1,"method":"ping"} x"#, -32700),
            ("[]", -32600),
            (r#" [{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, -32600),
            ("5", -32600),
            ("null", -32600),
            (r#"{"id":1,"method":"ping"}"#, -32600),
            (r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, -32600),
            (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, -32600),
            (r#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#, -32600),
            (r#"{"jsonrpc":"2.0","id":true,"method":"ping"}"#, -32600),
            (r#"{"jsonrpc":"2.0","id":1,"method":7}"#, -32600),
            (r#"{"jsonrpc":"2.0","id":1,"result":{}}"#, -32600),
            (r#"{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}"#, -32600),
            (r#"{"jsonrpc":"2.0","method":"tools/call"}"#, -32600),
            (r#"{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}"#, -32600),
            (r#"{"jsonrpc":"2.0","id":1,"method":"ping","m\u0065thod":"tools/call"}"#, -32600),
        ] {
            assert_eq!(
                Message::read(body.as_bytes()).map(|_| ()).map_err(|f| f.code),
                Err(code),
                "{body}"
            );
        }
        assert_eq!(
            Message::read(b"{\"jsonrpc\":\"2.0\",\"id\":\"\xff\",\"method\":\"a\"}")
                .map(|_| ())
                .map_err(|f| f.code),
            Err(-32700)
        );
    }
}
