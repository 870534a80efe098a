//! JSON from outside: bounded, without duplicate keys, without `null`.
//!
//! serde_json alone lets the last of two equal keys win in maps, takes an array where a struct is meant, and reads
//! `null` as an absent option. Two readers that differ on any of these can be made to see two documents in one text.

use serde::Serialize;
use serde::de::{DeserializeOwned, DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::fmt;

/// Why JSON was refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Longer than the bound of its kind.
    #[error("{length} bytes, at most {bound} are allowed")]
    TooLong {
        /// Bytes found.
        length: usize,
        /// Bytes allowed.
        bound: usize,
    },
    /// Not JSON, a duplicate key, a `null`, or not the expected shape; the message names line and column.
    #[error(transparent)]
    Syntax(#[from] serde_json::Error),
    /// Something in the text did not become part of the value: an array in place of an object, or a list that must be
    /// left out when it is empty.
    #[error("the text says more than the document that it was read as")]
    NotUnderstood,
}

/// Reads a `T` from at most `bound` bytes. Duplicate keys and `null` are refused at every depth; unknown keys are
/// refused by `T` (`deny_unknown_fields`).
pub fn parse<T: DeserializeOwned>(text: impl AsRef<[u8]>, bound: usize) -> Result<T, Error> {
    let text = text.as_ref();
    parse_value(text, bound)?;
    Ok(serde_json::from_slice(text)?)
}

/// Reads a document that is signed or hashed: like [`parse`], and everything that the text says must be found again
/// in the value (which may say more, where a key has a default).
pub fn parse_document<T: DeserializeOwned + Serialize>(
    text: &str,
    bound: usize,
) -> Result<T, Error> {
    match as_we_write(text, bound) {
        Some(document) => Ok(document),
        None => read_closely(text, bound),
    }
}

fn read_closely<T: DeserializeOwned + Serialize>(text: &str, bound: usize) -> Result<T, Error> {
    let said = parse_value(text.as_bytes(), bound)?;
    let document: T = serde_json::from_str(text)?;
    let understood = serde_json::to_value(&document)?;
    if contains(&understood, &said) {
        Ok(document)
    } else {
        Err(Error::NotUnderstood)
    }
}

/// The document whose text this is to the byte as it is written here, which nearly all are. Nothing is said twice in what
/// is written of a value, and nothing that is not in it.
fn as_we_write<T: DeserializeOwned + Serialize>(text: &str, bound: usize) -> Option<T> {
    if text.len() > bound || text.contains("null") {
        return None;
    }
    let document: T = serde_json::from_str(text).ok()?;
    let written = serde_json::to_string(&document).ok()?;
    (written == text).then_some(document)
}

/// Writes a document of this crate, its keys in the order of its fields.
pub(crate) fn write<T: Serialize>(document: &T) -> String {
    serde_json::to_string(document)
        .expect("our documents have text keys only and their parts all have a text form")
}

/// Reads any JSON value under the same rules.
pub fn parse_value(text: &[u8], bound: usize) -> Result<Value, Error> {
    if text.len() > bound {
        return Err(Error::TooLong {
            length: text.len(),
            bound,
        });
    }
    let mut reader = serde_json::Deserializer::from_slice(text);
    let value = Strict.deserialize(&mut reader)?;
    reader.end()?;
    Ok(value)
}

fn contains(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => part
            .iter()
            .all(|(key, value)| whole.get(key).is_some_and(|found| contains(found, value))),
        (Value::Array(whole), Value::Array(part)) => {
            whole.len() == part.len()
                && whole
                    .iter()
                    .zip(part)
                    .all(|(whole, part)| contains(whole, part))
        }
        _ => whole == part,
    }
}

struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value other than null")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        serde_json::Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| E::custom("not a finite number"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(Strict)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let value = entries.next_value_seed(Strict)?;
            if object.contains_key(&key) {
                return Err(A::Error::custom(format_args!("duplicate key {key:?}")));
            }
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Document {
        name: String,
        number: u64,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        list: Vec<Part>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        choice: Option<bool>,
        by_name: BTreeMap<String, u8>,
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Part {
        a: String,
        b: u8,
    }

    prop_compose! {
        fn document()(
            name in ".{0,6}",
            number: u64,
            list in prop::collection::vec((".{0,3}", any::<u8>()), 0..3),
            choice: Option<bool>,
            by_name in prop::collection::btree_map("[a-cnul]{1,4}", any::<u8>(), 0..3),
        ) -> Document {
            let list = list.into_iter().map(|(a, b)| Part { a, b }).collect();
            Document { name, number, list, choice, by_name }
        }
    }

    proptest! {
        #[test]
        fn what_is_read_at_once_is_what_is_read_closely(
            document in document(),
            edits in prop::collection::vec((any::<prop::sample::Index>(), "[ \\[\\]{}:,\"0-9a-cnul.e-]{0,5}"), 0..3),
        ) {
            let mut text = write(&document);
            for (place, piece) in edits {
                let places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
                text.insert_str(places[place.index(places.len())], &piece);
            }
            let at_once = as_we_write::<Document>(&text, text.len());
            let closely = read_closely::<Document>(&text, text.len());
            if let Some(document) = &at_once {
                prop_assert_eq!(Some(document), closely.as_ref().ok());
            }
            let read = parse_document::<Document>(&text, text.len());
            prop_assert_eq!(read.ok(), closely.ok());
        }
    }

    #[test]
    fn a_text_as_it_is_written_here_is_read_at_once_and_within_its_bound() {
        let part = Part {
            a: "x".to_owned(),
            b: 1,
        };
        let text = write(&part);
        assert_eq!(as_we_write(&text, text.len()), Some(part));
        assert_eq!(as_we_write::<Part>(&text, text.len() - 1), None);
        assert_eq!(as_we_write::<Part>(&format!("{text} "), 100), None);
        assert_eq!(as_we_write::<Part>(r#"{"b":1,"a":"x"}"#, 100), None);
        assert!(matches!(
            parse_document::<Part>(&text, text.len() - 1),
            Err(Error::TooLong { .. })
        ));
    }
}
