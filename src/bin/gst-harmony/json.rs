//! JSON written piece by piece, so that a list of ten million blocks needs no memory.

use std::io::{self, Write};

use serde::Serialize;

/// Writes one JSON document. The caller opens and closes objects and arrays in turn.
pub struct JsonWriter<W: Write> {
    out: W,
    /// For every open object or array: its closing bracket and whether it holds something yet.
    open: Vec<(u8, bool)>,
    /// A key was written and waits for its value.
    keyed: bool,
}

impl<W: Write> JsonWriter<W> {
    /// A document on `out`.
    pub fn new(out: W) -> Self {
        Self {
            out,
            open: Vec::new(),
            keyed: false,
        }
    }

    /// Comma and line break before a value that is not the first, indentation, nothing after a key.
    fn separate(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.keyed) {
            return Ok(());
        }
        let depth = self.open.len();
        if let Some((_, filled)) = self.open.last_mut() {
            self.out.write_all(if std::mem::replace(filled, true) {
                b",\n"
            } else {
                b"\n"
            })?;
            write!(self.out, "{:1$}", "", 2 * depth)?;
        }
        Ok(())
    }

    /// The key of the next value of an object.
    pub fn key(&mut self, key: &str) -> io::Result<()> {
        self.separate()?;
        serde_json::to_writer(&mut self.out, key)?;
        self.out.write_all(b": ")?;
        self.keyed = true;
        Ok(())
    }

    /// A whole value, on one line.
    pub fn value(&mut self, value: &impl Serialize) -> io::Result<()> {
        self.separate()?;
        serde_json::to_writer(&mut self.out, value)?;
        Ok(())
    }

    /// A key with its whole value.
    pub fn entry(&mut self, key: &str, value: &impl Serialize) -> io::Result<()> {
        self.key(key)?;
        self.value(value)
    }

    /// Begins an object; [`Self::close`] ends it.
    pub fn object(&mut self) -> io::Result<()> {
        self.separate()?;
        self.open.push((b'}', false));
        self.out.write_all(b"{")
    }

    /// Begins an array; [`Self::close`] ends it.
    pub fn array(&mut self) -> io::Result<()> {
        self.separate()?;
        self.open.push((b']', false));
        self.out.write_all(b"[")
    }

    /// Ends what was begun last.
    pub fn close(&mut self) -> io::Result<()> {
        let Some((bracket, filled)) = self.open.pop() else {
            return Ok(());
        };
        if filled {
            write!(self.out, "\n{:1$}", "", 2 * self.open.len())?;
        }
        self.out.write_all(&[bracket])
    }

    /// Ends the document with a line end and gives the output back.
    pub fn finish(mut self) -> io::Result<W> {
        while !self.open.is_empty() {
            self.close()?;
        }
        self.out.write_all(b"\n")?;
        Ok(self.out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_make_one_document() {
        let mut json = JsonWriter::new(Vec::new());
        json.object().unwrap();
        json.entry("a\n", &1).unwrap();
        json.key("list").unwrap();
        json.array().unwrap();
        json.value(&[1, 2]).unwrap();
        json.object().unwrap();
        json.close().unwrap();
        json.close().unwrap();
        json.entry("none", &None::<u8>).unwrap();
        let text = String::from_utf8(json.finish().unwrap()).unwrap();
        assert_eq!(
            text,
            "{\n  \"a\\n\": 1,\n  \"list\": [\n    [1,2],\n    {}\n  ],\n  \"none\": null\n}\n"
        );
        serde_json::from_str::<serde_json::Value>(&text).unwrap();
    }
}
