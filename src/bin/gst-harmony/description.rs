//! The JSON description that `build` reads: everything but the blocks at once, the blocks one at a time.

use std::cell::Cell;
use std::fmt;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use gstharmony::h4mk::{BlockMeta, Clipping, Kind, Timing, Track, Tracks};
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::{Map, Value};

use crate::failure::{Failure, Outcome};
use crate::node::{Node, Object};

/// Everything in a description but its blocks.
pub struct Document {
    /// Header time stamp in milliseconds.
    pub timestamp: u64,
    /// Write the extensions (default) or a plain version 1 file.
    pub extensions: bool,
    /// The tracks.
    pub tracks: Tracks,
    /// META, SAFE, VERI and NOTE with their text, in this order.
    pub sidecars: Vec<([u8; 4], String)>,
}

/// One block of a description.
pub struct BlockSpec {
    /// What the writer is told; `len` is 0 until the payload is looked at.
    pub meta: BlockMeta,
    /// Where the payload is.
    pub payload: Payload,
}

/// Where a block's payload is.
pub enum Payload {
    /// The bytes themselves.
    Bytes(Vec<u8>),
    /// `length` bytes (all that follow, where `None`) from `offset` of a file.
    File {
        path: PathBuf,
        offset: u64,
        length: Option<u64>,
    },
}

impl Document {
    /// Reads the document, passing over its blocks.
    pub fn read(file: &Path) -> Outcome<Self> {
        let mut fields = Map::new();
        parse(file, &Cell::new(0), Pass::Document(&mut fields))?;
        let value = Value::Object(fields);
        Self::from_value(&value).map_err(|what| Failure::data(file, what))
    }

    fn from_value(value: &Value) -> Result<Self, String> {
        let mut document = Node::new("", value).object()?;
        let timestamp = document
            .get("timestamp")
            .map_or(Ok(0), |node| node.unsigned::<u64>())?;
        let extensions = document
            .get("extensions")
            .map_or(Ok(true), |node| node.boolean())?;
        let tracks = document
            .need("tracks")?
            .array()?
            .iter()
            .map(track)
            .collect::<Result<_, _>>()?;
        let mut sidecars = Vec::new();
        if let Some(node) = document.get("sidecars") {
            let mut object = node.object()?;
            for key in ["META", "SAFE", "VERI", "NOTE"] {
                if let Some(node) = object.get(key) {
                    let mut kind = [0; 4];
                    kind.copy_from_slice(key.as_bytes());
                    // Text goes in as it is, JSON as its text.
                    sidecars.push((
                        kind,
                        node.text().map_or_else(|_| node.json(), str::to_owned),
                    ));
                }
            }
            object.end()?;
        }
        document.end()?;
        Ok(Self {
            timestamp,
            extensions,
            tracks: Tracks(tracks),
            sidecars,
        })
    }
}

fn track(node: &Node<'_>) -> Result<Track, String> {
    let mut fields = node.object()?;
    let mut text = |key| {
        fields
            .get(key)
            .map_or(Ok(String::new()), |node| node.text().map(str::to_owned))
    };
    let (name, note) = (text("name")?, text("note")?);
    let mut number = |key| fields.get(key).map_or(Ok(0), |node| node.unsigned::<u32>());
    let (sample_rate, channels) = (number("sample_rate")?, number("channels")?);
    let mut optional = |key| {
        fields
            .get(key)
            .map(|node| node.text().map(str::to_owned))
            .transpose()
    };
    let (caps, tags) = (optional("caps")?, optional("tags")?);
    let track = Track {
        track_id: fields.need("track_id")?.unsigned()?,
        name,
        kind: fields.need("kind")?.text()?.to_owned(),
        codec: fields.need("codec")?.text()?.to_owned(),
        sample_rate,
        channels,
        note,
        caps,
        tags,
        sparse: fields.flag("sparse")?,
    };
    fields.end()?;
    Ok(track)
}

impl BlockSpec {
    fn from_value(number: u64, value: &Value, folder: &Path) -> Result<Self, String> {
        let mut fields = Node::new(format!("blocks[{number}]"), value).object()?;
        let pts = match (fields.get("pts_ns"), fields.get("pts_ms")) {
            (Some(_), Some(ms)) => return Err(ms.wrong("either pts_ns or pts_ms")),
            (Some(ns), None) => Some(ns.signed()?),
            (None, Some(ms)) => {
                let ns = ms.signed()?.checked_mul(1_000_000);
                Some(ns.ok_or_else(|| {
                    ms.wrong("milliseconds of which the nanoseconds have 64 bits")
                })?)
            }
            (None, None) => None,
        };
        let dts = fields.get("dts_ns").map(|node| node.signed()).transpose()?;
        let duration = fields
            .get("duration_ns")
            .map(|node| node.unsigned())
            .transpose()?;
        let kind = fields
            .get("block")
            .map_or(Ok(Kind::I), |node| match node.text()? {
                "I" => Ok(Kind::I),
                "P" => Ok(Kind::P),
                "B" => Ok(Kind::B),
                _ => Err(node.wrong("\"I\", \"P\" or \"B\"")),
            })?;
        let clipping = fields
            .get("clipping")
            .map(|node| clipping(&node))
            .transpose()?;
        let meta = BlockMeta {
            track_id: fields.need("track_id")?.unsigned()?,
            kind,
            timing: Timing { pts, dts, duration },
            discont: fields.flag("discont")?,
            header: fields.flag("header")?,
            droppable: fields.flag("droppable")?,
            buffer_flags: fields
                .get("buffer_flags")
                .map_or(Ok(0), |node| node.unsigned())?,
            clipping,
            len: 0,
        };
        let payload = payload(&mut fields, folder)?;
        fields.end()?;
        Ok(Self { meta, payload })
    }
}

fn payload(fields: &mut Object<'_>, folder: &Path) -> Result<Payload, String> {
    match (fields.get("hex"), fields.get("payload")) {
        (Some(hex), None) => Ok(Payload::Bytes(from_hex(&hex)?)),
        (None, Some(file)) => Ok(Payload::File {
            path: folder.join(file.text()?),
            offset: fields.get("offset").map_or(Ok(0), |node| node.unsigned())?,
            length: fields
                .get("length")
                .map(|node| node.unsigned())
                .transpose()?,
        }),
        (Some(hex), Some(_)) => Err(hex.wrong("either payload or hex")),
        (None, None) => Err(format!(
            "{}: found no payload, expected \"payload\" or \"hex\"",
            fields.place()
        )),
    }
}

fn clipping(node: &Node<'_>) -> Result<Clipping, String> {
    let mut fields = node.object()?;
    let clipping = Clipping {
        start: fields.need("start")?.unsigned()?,
        end: fields.need("end")?.unsigned()?,
    };
    fields.end()?;
    Ok(clipping)
}

fn from_hex(node: &Node<'_>) -> Result<Vec<u8>, String> {
    let text = node.text()?.as_bytes();
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let pair = |pair: &[u8]| match *pair {
        [high, low] => digit(high)
            .zip(digit(low))
            .and_then(|(high, low)| u8::try_from(high << 4 | low).ok()),
        _ => None,
    };
    text.chunks(2)
        .map(pair)
        .collect::<Option<_>>()
        .ok_or_else(|| node.wrong("pairs of hexadecimal digits"))
}

/// Hands the blocks of `file` to `each`, one at a time and in their order, with their number and with how many bytes
/// of the description are read. Payload files are looked for beside it.
pub fn each_block(file: &Path, each: &mut dyn FnMut(u64, u64, BlockSpec) -> Outcome) -> Outcome {
    let folder = file.parent().unwrap_or(Path::new(""));
    let mut stopped = None;
    let read = Cell::new(0);
    let mut next = |number: u64, value: Value| {
        let outcome = BlockSpec::from_value(number, &value, folder)
            .map_err(|what| Failure::data(file, what))
            .and_then(|block| each(number, read.get(), block));
        outcome.map_err(|failure| stopped = Some(failure)).is_ok()
    };
    let parsed = parse(file, &read, Pass::Blocks(&mut next));
    // When `each` stopped the reading, its reason is the one that counts.
    stopped.map_or(parsed, Err)
}

/// What one reading of the file is after.
enum Pass<'a> {
    /// All but the blocks.
    Document(&'a mut Map<String, Value>),
    /// The blocks; false stops.
    Blocks(&'a mut dyn FnMut(u64, Value) -> bool),
}

/// Counts the bytes that go through.
struct Counted<'a>(File, &'a Cell<u64>);

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.0.read(buffer)?;
        self.1.set(self.1.get() + read as u64);
        Ok(read)
    }
}

fn parse(file: &Path, read: &Cell<u64>, pass: Pass<'_>) -> Outcome {
    let input = File::open(file).map_err(|error| Failure::open(file, &error))?;
    let input = Counted(input, read);
    let mut json = serde_json::Deserializer::from_reader(BufReader::with_capacity(1 << 16, input));
    pass.deserialize(&mut json)
        .and_then(|()| json.end())
        .map_err(|error| Failure::data(file, format!("not a description: {error}")))
}

impl<'de> DeserializeSeed<'de> for Pass<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Pass<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with tracks and blocks")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            match (&mut self, key.as_str()) {
                (Self::Document(_), "blocks") => {
                    map.next_value::<IgnoredAny>()?;
                }
                (Self::Document(fields), _) => {
                    let value = map.next_value()?;
                    if fields.insert(key.clone(), value).is_some() {
                        return Err(A::Error::custom(format!(
                            "found \"{key}\" twice, expected it once"
                        )));
                    }
                }
                (Self::Blocks(each), "blocks") => map.next_value_seed(Blocks(*each))?,
                (Self::Blocks(_), _) => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

struct Blocks<'a>(&'a mut dyn FnMut(u64, Value) -> bool);

impl<'de> DeserializeSeed<'de> for Blocks<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Blocks<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of blocks")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let mut number = 0;
        while let Some(value) = list.next_element()? {
            if !(self.0)(number, value) {
                return Err(A::Error::custom("stopped"));
            }
            number += 1;
        }
        Ok(())
    }
}
