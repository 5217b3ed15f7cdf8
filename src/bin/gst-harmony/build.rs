//! `gst-harmony build`: an H4MK file from a JSON description and payload files.

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;
use gstharmony::h4mk::writer::MAX_GROUP;
use gstharmony::h4mk::{BlockMeta, Sidecars, WriteError, Writer, WriterOptions};
use serde_json::json;

use crate::description::{BlockSpec, Document, Payload, each_block};
use crate::failure::{Failure, Outcome};
use crate::output;
use crate::partial::Partial;
use crate::progress::Progress;

/// Longest time that one group of timing records covers.
const GROUP_NS: u64 = 100_000_000;

/// Build an H4MK file from a JSON description and payload files.
///
/// Memory holds one payload at a time, so the description and the payloads may be of any length.
#[derive(ClapArgs)]
#[command(after_long_help = FORM)]
pub struct Args {
    /// The description.
    #[arg(value_name = "DESCRIPTION.json")]
    description: PathBuf,
    /// The file to write; it appears when it is complete.
    #[arg(short, long, value_name = "FILE.h4mk")]
    output: PathBuf,
}

const FORM: &str = r#"The description:
  {
    "timestamp": 0,                 milliseconds in the file header (default 0)
    "extensions": true,             false: a plain version 1 file (default true)
    "tracks": [
      {"track_id": 1, "name": "cam", "kind": "video", "codec": "h264",
       "sample_rate": 0, "channels": 0, "note": "",
       "caps": "video/x-h264,...", "tags": "taglist,...", "sparse": false}
    ],                              track_id, kind and codec are needed
    "sidecars": {"META": "text or JSON", "SAFE": {}, "VERI": {}, "NOTE": "text"},
    "blocks": [                     in decode order
      {"track_id": 1, "block": "I", "pts_ns": 0, "payload": "frames.bin", "offset": 0, "length": 100},
      {"track_id": 1, "block": "P", "pts_ms": 40, "hex": "00ff"}
    ]
  }
A block has pts_ns or pts_ms, and may have dts_ns, duration_ns, block (I, P or B; default I), discont, header,
droppable, buffer_flags and clipping {"start": samples, "end": samples}. Its payload is hex, or a file beside the
description from offset (default 0) for length bytes (default: to its end)."#;

/// Runs the subcommand.
pub fn run(args: &Args, json: bool) -> Outcome {
    let document = Document::read(&args.description)?;
    let (mut partial, file) = Partial::file(&args.output)?;
    let mut build = Build::new(args, &document, file)?;
    build.blocks()?;
    let (blocks, bytes) = build.finish()?;
    partial.commit()?;
    if json {
        return output::print_json(&json!({"file": args.output, "blocks": blocks, "bytes": bytes}));
    }
    let size = output::size(bytes);
    output::print_text(&format!(
        "{}: {blocks} blocks, {size}\n",
        args.output.display()
    ))
}

/// A file being written.
struct Build<'a> {
    args: &'a Args,
    document: &'a Document,
    writer: Writer,
    out: BufWriter<File>,
    /// Framing that the writer appended and that is not written yet.
    framing: Vec<u8>,
    group: Vec<BlockSpec>,
    /// Number of the group's first block, of the next block where the group is empty.
    first: u64,
    payloads: Payloads,
}

impl<'a> Build<'a> {
    fn new(args: &'a Args, document: &'a Document, file: File) -> Outcome<Self> {
        let mut build = Self {
            args,
            document,
            writer: Writer::new(WriterOptions {
                timestamp_ms: document.timestamp,
                extensions: document.extensions,
                ..WriterOptions::default()
            }),
            out: BufWriter::with_capacity(1 << 18, file),
            framing: Vec::new(),
            group: Vec::with_capacity(MAX_GROUP),
            first: 0,
            payloads: Payloads::default(),
        };
        let text = |kind: &[u8; 4]| {
            let found = document.sidecars.iter().find(|(of, _)| of == kind);
            found.map(|(_, text)| text.clone())
        };
        let sidecars = Sidecars {
            meta: text(b"META"),
            safety: text(b"SAFE"),
            verification: text(b"VERI"),
            note: text(b"NOTE"),
        };
        build
            .writer
            .start(&document.tracks.0, &sidecars, &mut build.framing)
            .map_err(|error| Failure::data(&args.description, format!("tracks: {error}")))?;
        build.write_framing()?;
        Ok(build)
    }

    fn blocks(&mut self) -> Outcome {
        let description = self.args.description.clone();
        let length = std::fs::metadata(&description).map_or(0, |metadata| metadata.len());
        let mut progress = Progress::new(length, "building");
        each_block(&description, &mut |number, position, block| {
            progress.update(position);
            self.push(number, block)
        })?;
        self.flush()
    }

    /// Takes a block, whose payload is looked at for its length only.
    fn push(&mut self, number: u64, mut block: BlockSpec) -> Outcome {
        let wrong =
            |what: String| Failure::data(&self.args.description, format!("blocks[{number}]{what}"));
        let track = block.meta.track_id;
        if self.document.tracks.get(track).is_none() {
            let ids: Vec<String> = self
                .document
                .tracks
                .0
                .iter()
                .map(|t| t.track_id.to_string())
                .collect();
            return Err(wrong(format!(
                ".track_id: found {track}, expected one of {}",
                ids.join(", ")
            )));
        }
        block.meta.len = self.payloads.length(&block.payload).map_err(wrong)?;
        if self.opens_group(&block.meta) {
            self.flush()?;
        }
        self.group.push(block);
        Ok(())
    }

    /// A group has at most 16 blocks and 100 ms; a key block of a track with deltas opens one.
    fn opens_group(&self, meta: &BlockMeta) -> bool {
        let time = |meta: &BlockMeta| meta.timing.pts.or(meta.timing.dts);
        let Some(first) = self.group.first() else {
            return false;
        };
        let long = time(&first.meta)
            .zip(time(meta))
            .is_some_and(|(first, this)| first.abs_diff(this) >= GROUP_NS);
        let delta =
            |spec: &BlockSpec| spec.meta.track_id == meta.track_id && !spec.meta.kind.is_key();
        let deltas = || self.writer.has_deltas(meta.track_id) || self.group.iter().any(delta);
        self.group.len() >= MAX_GROUP || long || (meta.kind.is_key() && deltas())
    }

    /// Writes the group.
    fn flush(&mut self) -> Outcome {
        let group = std::mem::take(&mut self.group);
        if group.is_empty() {
            return Ok(());
        }
        let metas: Vec<BlockMeta> = group.iter().map(|spec| spec.meta).collect();
        let place = place(self.first..self.first + metas.len() as u64);
        let description = &self.args.description;
        let refused = |error: WriteError| Failure::data(description, format!("{place}: {error}"));
        self.writer
            .begin_group(&metas, &mut self.framing)
            .map_err(refused)?;
        for (number, spec) in (self.first..).zip(&group) {
            let payload = self
                .payloads
                .read(spec)
                .map_err(|what| Failure::data(description, format!("blocks[{number}]{what}")))?;
            let crc = self
                .writer
                .block([payload], &mut self.framing)
                .map_err(refused)?;
            let written = self
                .out
                .write_all(&self.framing)
                .and_then(|()| self.out.write_all(payload));
            written.map_err(|error| Failure::data(&self.args.output, error))?;
            self.framing.clear();
            self.framing.extend_from_slice(&crc);
        }
        self.first += group.len() as u64;
        self.write_framing()
    }

    fn write_framing(&mut self) -> Outcome {
        let written = self.out.write_all(&self.framing);
        self.framing.clear();
        written.map_err(|error| Failure::data(&self.args.output, error))
    }

    /// Writes the tail; gives the number of blocks and of bytes.
    fn finish(mut self) -> Outcome<(u64, u64)> {
        let meta = self
            .document
            .sidecars
            .iter()
            .find(|(kind, _)| kind == b"META");
        // With the extensions the tail repeats META; plain version 1 has it once.
        let meta = meta
            .filter(|_| self.document.extensions)
            .map(|(_, text)| text.as_str());
        self.writer
            .finish(meta, &mut self.framing)
            .map_err(|error| Failure::data(&self.args.description, error))?;
        self.write_framing()?;
        self.out
            .flush()
            .map_err(|error| Failure::data(&self.args.output, error))?;
        Ok((self.first, self.writer.position()))
    }
}

/// `blocks[3]` or `blocks[3..=5]`.
fn place(numbers: Range<u64>) -> String {
    let last = numbers.end.saturating_sub(1);
    if last == numbers.start {
        format!("blocks[{last}]")
    } else {
        format!("blocks[{}..={last}]", numbers.start)
    }
}

/// The payload files: the one used last stays open.
#[derive(Default)]
struct Payloads {
    open: Option<(PathBuf, File, u64)>,
    bytes: Vec<u8>,
}

impl Payloads {
    fn file(&mut self, path: &Path) -> io::Result<(&mut File, u64)> {
        if self.open.as_ref().is_none_or(|(open, ..)| open != path) {
            let file = File::open(path)?;
            let length = file.metadata()?.len();
            self.open = Some((path.to_owned(), file, length));
        }
        match &mut self.open {
            Some((_, file, length)) => Ok((file, *length)),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    /// Bytes of a payload. Errors begin with the key that is wrong.
    fn length(&mut self, payload: &Payload) -> Result<u32, String> {
        let length = match payload {
            Payload::Bytes(bytes) => bytes.len() as u64,
            Payload::File {
                path,
                offset,
                length,
            } => {
                let file = self.file(path);
                let (_, all) =
                    file.map_err(|error| format!(".payload: {}: {error}", path.display()))?;
                let short = |key: &str, found: u64, most: u64| {
                    format!(
                        ".{key}: found {found}, expected at most {most}: {} has {all} bytes",
                        path.display()
                    )
                };
                let left = all
                    .checked_sub(*offset)
                    .ok_or_else(|| short("offset", *offset, all))?;
                match *length {
                    Some(length) if length > left => return Err(short("length", length, left)),
                    Some(length) => length,
                    None => left,
                }
            }
        };
        u32::try_from(length).map_err(|_| {
            format!(
                ".length: found {length} bytes, expected at most {}",
                u32::MAX
            )
        })
    }

    /// A payload's bytes.
    fn read<'a>(&'a mut self, spec: &'a BlockSpec) -> Result<&'a [u8], String> {
        let (path, offset) = match &spec.payload {
            Payload::Bytes(bytes) => return Ok(bytes),
            Payload::File { path, offset, .. } => (path, *offset),
        };
        let failed = |error: io::Error| format!(".payload: {}: {error}", path.display());
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        let (file, _) = self.file(path).map_err(failed)?;
        file.seek(SeekFrom::Start(offset)).map_err(failed)?;
        // `take` and not a buffer of the promised length: no more room than there are bytes.
        file.take(u64::from(spec.meta.len))
            .read_to_end(&mut bytes)
            .map_err(failed)?;
        self.bytes = bytes;
        Ok(&self.bytes)
    }
}
