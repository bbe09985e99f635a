//! From a strictly read JSON value to a request type, with faults that name the field and the
//! reason and never the value (serde's own texts quote it, so none of them gets through).

use std::fmt;

use json::{Step, Value};
use serde::de::value::StrDeserializer;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, Expected, IntoDeserializer, MapAccess,
    SeqAccess, Unexpected, Visitor,
};
use serde::forward_to_deserialize_any;

use crate::problem::Fault;

/// The newtype name by which [`Exact`] asks for the value as it was read.
const EXACT: &str = "$countersign::exact";

/// Reads the value as a `T`.
///
/// - **Errors**: the first field that is unknown, missing or wrong.
pub(crate) fn from_value<T: DeserializeOwned>(value: &Value) -> Result<T, Box<Fault>> {
    T::deserialize(Reader(value)).map_err(|error| Box::new(error.into_fault()))
}

/// A member that is kept as it was read: numbers to the letter, members in order.
#[derive(Clone, Debug)]
pub(crate) struct Exact(pub(crate) Value);

impl<'de> de::Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Whole;
        impl Visitor<'_> for Whole {
            type Value = Exact;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON value")
            }

            fn visit_bytes<E: de::Error>(self, text: &[u8]) -> Result<Exact, E> {
                json::read(text, crate::body::LIMITS)
                    .map(Exact)
                    .map_err(|_| E::custom("the value cannot be read"))
            }
        }
        deserializer.deserialize_newtype_struct(EXACT, Whole)
    }
}

/// Why a value is not what was asked for. Holds names of fields, never values.
#[derive(Debug)]
struct DecodeError {
    code: &'static str,
    message: String,
    suggestion: Option<String>,
    // Innermost step first: gathered while the error travels outward.
    way: Vec<Step>,
}

impl DecodeError {
    fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), suggestion: None, way: vec![] }
    }

    fn inside(mut self, step: Step) -> Self {
        self.way.push(step);
        self
    }

    fn into_fault(self) -> Fault {
        let mut pointer = String::new();
        for step in self.way.iter().rev() {
            match step {
                Step::Member(name) => json::pointer::push(&mut pointer, name),
                Step::Index(index) => json::pointer::push(&mut pointer, &index.to_string()),
            }
        }
        Fault { suggestion: self.suggestion, ..Fault::new(pointer, self.code, self.message) }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for DecodeError {}

impl de::Error for DecodeError {
    /// Only our own request types call this, with words of their own.
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new("invalid_value", message.to_string())
    }

    fn invalid_type(_: Unexpected<'_>, _: &dyn Expected) -> Self {
        Self::new("wrong_type", "the value has another type than this field takes")
    }

    fn invalid_value(_: Unexpected<'_>, _: &dyn Expected) -> Self {
        Self::new("invalid_value", "the value is outside of what this field takes")
    }

    fn invalid_length(_: usize, _: &dyn Expected) -> Self {
        Self::new("invalid_value", "the list has another length than this field takes")
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::new("invalid_value", format!("this field takes one of {}", list(expected)))
    }

    fn unknown_field(name: &str, expected: &'static [&'static str]) -> Self {
        let mut error = Self::new("unknown_field", "there is no such field here");
        error.suggestion = crate::nearest::nearest(name, expected).map(str::to_owned);
        if printable(name) {
            error = error.inside(Step::Member(name.to_owned()));
        }
        error
    }

    fn missing_field(name: &'static str) -> Self {
        Self::new("missing_field", "this field is required").inside(Step::Member(name.to_owned()))
    }

    fn duplicate_field(name: &'static str) -> Self {
        Self::new("duplicate_key", "this field stands twice").inside(Step::Member(name.to_owned()))
    }
}

/// Whether a name may stand in an answer: it reads like a field's, not like a secret pasted there.
fn printable(name: &str) -> bool {
    name.len() <= 32 && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
}

fn list(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|w| format!("`{w}`")).collect();
    quoted.join(", ")
}

struct Reader<'a>(&'a Value);

impl Reader<'_> {
    fn expected(what: &str) -> DecodeError {
        DecodeError::new("wrong_type", format!("this field takes {what}"))
    }
}

macro_rules! whole_numbers {
    ($($method:ident => $visit:ident as $int:ty;)+) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
            let Value::Number(number) = self.0 else {
                return Err(Self::expected("a whole number"));
            };
            match number.text().parse::<$int>() {
                Ok(whole) => visitor.$visit(whole),
                Err(_) => Err(Self::expected(&format!(
                    "a whole number from {} to {}", <$int>::MIN, <$int>::MAX
                ))),
            }
        }
    )+};
}

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Number(_) => self.deserialize_i64(visitor),
            Value::String(text) => visitor.visit_str(text),
            Value::Array(_) => self.deserialize_seq(visitor),
            Value::Object(_) => self.deserialize_map(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_bool(self.0.as_bool().ok_or_else(|| Self::expected("true or false"))?)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_str(self.0.as_str().ok_or_else(|| Self::expected("a string"))?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let list = self.0.as_array().ok_or_else(|| Self::expected("a list"))?;
        visitor.visit_seq(Elements(list.iter().enumerate()))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let object = self.0.as_object().ok_or_else(|| Self::expected("an object"))?;
        visitor.visit_map(Members { rest: object.iter(), value: None })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        let text = self.0.as_str().ok_or_else(|| Self::expected("a string"))?;
        let word: StrDeserializer<'_, DecodeError> = text.into_deserializer();
        visitor.visit_enum(word)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        if name == EXACT {
            visitor.visit_bytes(&json::write_to_vec(self.0))
        } else {
            visitor.visit_newtype_struct(self)
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_unit()
    }

    whole_numbers! {
        deserialize_i64 => visit_i64 as i64;
        deserialize_i32 => visit_i32 as i32;
        deserialize_u64 => visit_u64 as u64;
        deserialize_u32 => visit_u32 as u32;
        deserialize_u16 => visit_u16 as u16;
    }

    forward_to_deserialize_any! {
        i8 i16 i128 u8 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct
    }
}

struct Elements<'a>(std::iter::Enumerate<std::slice::Iter<'a, Value>>);

impl<'de> SeqAccess<'de> for Elements<'_> {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, DecodeError> {
        let Some((index, value)) = self.0.next() else { return Ok(None) };
        seed.deserialize(Reader(value)).map(Some).map_err(|e| e.inside(Step::Index(index)))
    }
}

struct Members<'a, I> {
    rest: I,
    value: Option<(&'a str, &'a Value)>,
}

impl<'de, 'a, I: Iterator<Item = (&'a str, &'a Value)>> MapAccess<'de> for Members<'a, I> {
    type Error = DecodeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, DecodeError> {
        self.value = self.rest.next();
        let Some((name, _)) = self.value else { return Ok(None) };
        let name: StrDeserializer<'_, DecodeError> = name.into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<S::Value, DecodeError> {
        let Some((name, value)) = self.value.take() else {
            return Err(DecodeError::new("invalid_value", "a member has no value"));
        };
        seed.deserialize(Reader(value)).map_err(|e| e.inside(Step::Member(name.to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        #[serde(rename = "name")]
        _name: String,
        #[serde(rename = "count")]
        _count: Option<u32>,
        #[serde(default, rename = "role")]
        _role: Option<Role>,
        #[serde(default)]
        list: Vec<Inner>,
        #[serde(default)]
        exact: Option<Exact>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        #[serde(rename = "on")]
        _on: bool,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Role {
        Viewer,
        Admin,
    }

    fn read(text: &str) -> Result<Sample, Box<Fault>> {
        from_value(&json::read(text.as_bytes(), json::Limits::REQUEST).unwrap())
    }

    #[test]
    fn a_fault_names_the_field_and_never_the_value() {
        let cases = [
            (r#"{"name": 4111}"#, "/name", "wrong_type"),
            (r#"{"name": null}"#, "/name", "wrong_type"),
            (r#"{"count": 1}"#, "/name", "missing_field"),
            (r#"{"name": "n", "count": "4111"}"#, "/count", "wrong_type"),
            (r#"{"name": "n", "count": -4111}"#, "/count", "wrong_type"),
            (r#"{"name": "n", "count": 4111.5}"#, "/count", "wrong_type"),
            (r#"{"name": "n", "role": "4111"}"#, "/role", "invalid_value"),
            (r#"{"name": "n", "role": {"4111": 1}}"#, "/role", "wrong_type"),
            (r#"{"name": "n", "nam": "4111"}"#, "/nam", "unknown_field"),
            (r#"{"name": "n", "key 4111 with spaces": 1}"#, "", "unknown_field"),
            (
                r#"{"name": "n", "list": [{"on": true}, {"on": "4111"}]}"#,
                "/list/1/on",
                "wrong_type",
            ),
            (r#"{"name": "n", "list": "4111"}"#, "/list", "wrong_type"),
            (r#"["4111"]"#, "", "wrong_type"),
            (r#""4111""#, "", "wrong_type"),
        ];
        for (text, pointer, code) in cases {
            let fault = read(text).unwrap_err();
            assert_eq!((fault.pointer.as_str(), fault.code.as_str()), (pointer, code), "{text}");
            assert!(!format!("{fault:?}").contains("4111"), "{fault:?}");
        }
    }

    #[test]
    fn an_unknown_field_is_answered_with_the_nearest_known_one() {
        assert_eq!(read(r#"{"nmae": "n"}"#).unwrap_err().suggestion.as_deref(), Some("name"));
        assert_eq!(read(r#"{"Name": "n"}"#).unwrap_err().suggestion.as_deref(), Some("name"));
        assert_eq!(read(r#"{"zzzzzz": "n"}"#).unwrap_err().suggestion, None);
    }

    #[test]
    fn an_exact_member_keeps_the_letters_of_its_numbers() {
        let sample =
            read(r#"{"name":"n","count":3,"list":[{"on":true}],"exact":{"b":1.50,"a":[]}}"#)
                .unwrap();
        let Exact(value) = sample.exact.unwrap();
        assert_eq!(json::write_to_vec(&value), br#"{"b":1.50,"a":[]}"#);
        assert_eq!(sample.list.len(), 1);
    }
}
