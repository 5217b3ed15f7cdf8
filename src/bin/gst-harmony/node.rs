//! JSON values that know where in their document they are, so that an error names the place.

use serde_json::{Map, Value};

/// A value and its path (`blocks[3].pts_ns`).
pub struct Node<'a> {
    path: String,
    value: &'a Value,
}

/// An object of which every key must be asked for.
pub struct Object<'a> {
    path: String,
    fields: &'a Map<String, Value>,
    known: Vec<&'static str>,
}

impl<'a> Node<'a> {
    /// The value at `path`.
    pub fn new(path: impl Into<String>, value: &'a Value) -> Self {
        Self {
            path: path.into(),
            value,
        }
    }

    /// An error about this value.
    pub fn wrong(&self, expected: &str) -> String {
        let mut found = self.value.to_string();
        if found.chars().count() > 60 {
            found = found.chars().take(57).collect::<String>() + "...";
        }
        format!("{}: found {found}, expected {expected}", self.path)
    }

    /// The value as an object.
    pub fn object(&self) -> Result<Object<'a>, String> {
        let fields = self
            .value
            .as_object()
            .ok_or_else(|| self.wrong("an object"))?;
        Ok(Object {
            path: self.path.clone(),
            fields,
            known: Vec::new(),
        })
    }

    /// The elements of an array.
    pub fn array(&self) -> Result<Vec<Node<'a>>, String> {
        let list = self
            .value
            .as_array()
            .ok_or_else(|| self.wrong("an array"))?;
        Ok(list
            .iter()
            .enumerate()
            .map(|(n, value)| Node::new(format!("{}[{n}]", self.path), value))
            .collect())
    }

    /// The value as text.
    pub fn text(&self) -> Result<&'a str, String> {
        self.value.as_str().ok_or_else(|| self.wrong("a string"))
    }

    /// The value as JSON text.
    pub fn json(&self) -> String {
        self.value.to_string()
    }

    /// The value as true or false.
    pub fn boolean(&self) -> Result<bool, String> {
        self.value
            .as_bool()
            .ok_or_else(|| self.wrong("true or false"))
    }

    /// The value as a signed number.
    pub fn signed(&self) -> Result<i64, String> {
        self.value
            .as_i64()
            .ok_or_else(|| self.wrong("a whole number of 64 bits"))
    }

    /// The value as a number from 0 to `T`'s largest.
    pub fn unsigned<T: TryFrom<u64> + Bounded>(&self) -> Result<T, String> {
        let number = self
            .value
            .as_u64()
            .and_then(|number| T::try_from(number).ok());
        number.ok_or_else(|| self.wrong(&format!("a whole number from 0 to {}", T::LARGEST)))
    }
}

/// Unsigned types with their largest value.
pub trait Bounded {
    /// The largest value.
    const LARGEST: u64;
}
impl Bounded for u16 {
    const LARGEST: u64 = u16::MAX as u64;
}
impl Bounded for u32 {
    const LARGEST: u64 = u32::MAX as u64;
}
impl Bounded for u64 {
    const LARGEST: u64 = u64::MAX;
}

impl<'a> Object<'a> {
    /// The value of `key`; a `null` counts as absent.
    pub fn get(&mut self, key: &'static str) -> Option<Node<'a>> {
        self.known.push(key);
        let value = self.fields.get(key).filter(|value| !value.is_null())?;
        let path = if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        };
        Some(Node::new(path, value))
    }

    /// The value of `key`, which must be there.
    pub fn need(&mut self, key: &'static str) -> Result<Node<'a>, String> {
        self.get(key)
            .ok_or_else(|| format!("{}: found no \"{key}\", expected one", self.place()))
    }

    /// True or false at `key`, false where it is absent.
    pub fn flag(&mut self, key: &'static str) -> Result<bool, String> {
        self.get(key).map_or(Ok(false), |node| node.boolean())
    }

    /// Keys that nobody asked for are mistakes.
    pub fn end(self) -> Result<(), String> {
        match self
            .fields
            .keys()
            .find(|key| !self.known.contains(&key.as_str()))
        {
            None => Ok(()),
            Some(key) => Err(format!(
                "{}: found \"{key}\", expected one of {}",
                self.place(),
                self.known.join(", ")
            )),
        }
    }

    /// The path, with a name for the document itself.
    pub fn place(&self) -> &str {
        if self.path.is_empty() {
            "the document"
        } else {
            &self.path
        }
    }
}
