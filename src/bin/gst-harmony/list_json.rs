//! `list --json`: one document, written while the file is walked again.

use std::io;

use gstharmony::h4mk::{
    Block, Chunk, ChunkHead, ChunkType, Clipping, Entry, FileHeader, IndexChunk, Record, Step,
    Track, Tracks,
};
use serde::Serialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::failure::{Failure, Outcome};
use crate::io::{Scan, Source};
use crate::json::JsonWriter;
use crate::output;
use crate::progress::Progress;
use crate::survey::{SIDECARS, Survey};

type Out = JsonWriter<io::BufWriter<io::StdoutLock<'static>>>;

/// One element of `chunks`.
#[derive(Serialize)]
pub struct ChunkLine {
    #[serde(rename = "type")]
    pub kind: String,
    pub flags: u32,
    /// Position of the payload.
    pub offset: u64,
    pub length: u32,
    pub crc32: u32,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub core: Option<CoreLine>,
}

/// What a CORE has besides.
#[derive(Serialize)]
pub struct CoreLine {
    pub track_id: u16,
    pub pts_ms: u32,
    pub block: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload_sha256: Option<String>,
}

/// One element of `extensions.blocks`.
#[derive(Serialize)]
struct BlockLine {
    sequence: Option<u64>,
    number: Option<u64>,
    track_id: u16,
    offset: u64,
    length: u32,
    block: &'static str,
    exact: bool,
    pts_ns: Option<i64>,
    dts_ns: Option<i64>,
    duration_ns: Option<u64>,
    discont: bool,
    header: bool,
    droppable: bool,
    buffer_flags: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    clipping: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transform: Option<Value>,
}

/// One element of `extensions.indexes`. No `Value`: an index may have a million entries.
#[derive(Serialize)]
struct IndexLine<'a> {
    offset: u64,
    #[serde(rename = "self")]
    position: u64,
    previous: u64,
    skip: u64,
    sequence: u64,
    first_ns: i64,
    last_ns: i64,
    ordinal: u32,
    full: bool,
    entries: Vec<EntryLine>,
    trak_offsets: &'a [u64],
}

/// One seek entry.
#[derive(Serialize)]
struct EntryLine {
    pts_ns: i64,
    offset: u64,
    track_id: u16,
    leading: bool,
    trak: u32,
    number: u32,
}

impl ChunkLine {
    fn new(head: ChunkHead, start: u64, crc32: u32, core: Option<CoreLine>) -> Self {
        let payload = start.saturating_add(12);
        Self {
            kind: head.kind.to_string(),
            flags: head.flags,
            offset: payload,
            length: head.length,
            crc32,
            core,
        }
    }

    fn of_block(block: &Block, crc32: u32, payload_sha256: Option<String>) -> Self {
        let length = block.meta.len.saturating_add(8);
        let head = ChunkHead {
            kind: ChunkType::BLOCK,
            flags: block.flags,
            length,
        };
        let core = CoreLine {
            track_id: block.meta.track_id,
            pts_ms: block.pts_ms,
            block: block.meta.kind.as_str(),
            payload_sha256,
        };
        Self::new(head, block.offset, crc32, Some(core))
    }
}

impl From<&Block> for BlockLine {
    fn from(block: &Block) -> Self {
        let meta = &block.meta;
        Self {
            sequence: block.sequence,
            number: block.number,
            track_id: meta.track_id,
            offset: block.payload_offset(),
            length: meta.len,
            block: meta.kind.as_str(),
            exact: block.exact,
            pts_ns: meta.timing.pts,
            dts_ns: meta.timing.dts,
            duration_ns: meta.timing.duration,
            discont: meta.discont,
            header: meta.header,
            droppable: meta.droppable,
            buffer_flags: meta.buffer_flags,
            clipping: meta
                .clipping
                .map(|Clipping { start, end }| json!({"start": start, "end": end})),
            transform: block
                .transform
                .map(|t| json!({"kinds": t.kinds, "clear_length": t.clear_length})),
        }
    }
}

/// Walks the first `stop` bytes again, which are known to be sound, and hands every chunk to `each`.
pub fn each_chunk(
    source: &mut Source,
    stop: u64,
    hash: bool,
    each: &mut dyn FnMut(ChunkLine) -> io::Result<()>,
) -> Outcome {
    let mut progress = Progress::new(stop, "listing");
    let mut scan = Scan::new(source);
    while scan.position() < stop {
        let line = match scan.strict()? {
            Step::Block(block) => {
                // The stored CRC stands behind the payload: it is read from there when the bytes are not wanted.
                let (crc, sha256) = if hash {
                    let mut sha256 = Sha256::new();
                    let crc = scan.block(&block, &mut |piece| sha256.update(piece))?;
                    (
                        crc.map_err(|error| scan.source().failure(&error))?,
                        Some(format!("{:x}", sha256.finalize())),
                    )
                } else {
                    (scan.stored_crc(block.end())?, None)
                };
                ChunkLine::of_block(&block, crc, sha256)
            }
            Step::Chunk(chunk, _) => {
                let crc = match chunk.crc {
                    Some(crc) => crc,
                    None => scan.stored_crc(chunk.end())?,
                };
                ChunkLine::new(chunk.head, chunk.offset, crc, None)
            }
            Step::Footer { .. } | Step::Cut(_) => return Ok(()),
            Step::Header(_) | Step::Need(_) => continue,
        };
        each(line).map_err(|error| Failure::output(&error))?;
        progress.update(scan.position());
    }
    Ok(())
}

/// Prints the whole document.
pub fn print(source: &mut Source, survey: &Survey, hash: bool) -> Outcome {
    let mut json = JsonWriter::new(output::stdout());
    let out = |error: io::Error| Failure::output(&error);
    json.object().map_err(out)?;
    head(&mut json, survey).map_err(out)?;
    json.key("chunks")
        .and_then(|()| json.array())
        .map_err(out)?;
    each_chunk(source, survey.stop, hash, &mut |line| json.value(&line))?;
    json.close().map_err(out)?;
    seek_tables(&mut json, source, survey)?;
    json.key("extensions")
        .and_then(|()| json.object())
        .map_err(out)?;
    extensions(&mut json, survey).map_err(out)?;
    if survey.header.has_extensions() {
        timing(&mut json, source, survey.stop)?;
    }
    json.close().map_err(out)?;
    output::finish(json.finish().map_err(out)?)
}

fn head(json: &mut Out, survey: &Survey) -> io::Result<()> {
    let header = &survey.header;
    json.entry(
        "header",
        &json!({"magic": "H4MK", "version": 1, "flags": header.flags, "timestamp": header.timestamp_ms}),
    )?;
    let none = Tracks::default();
    let tracks = survey.tracks.as_deref().unwrap_or(&none);
    let tracks: Vec<Value> = tracks.0.iter().map(track).collect();
    json.entry("tracks", &tracks)?;
    let mut sidecars = Map::new();
    for kind in SIDECARS {
        if let Some(text) = survey.sidecars.get(&kind) {
            sidecars.insert(kind.to_string(), text.clone().into());
        }
    }
    json.entry("sidecars", &sidecars)
}

/// The seven keys of version 1.
pub fn track(track: &Track) -> Value {
    json!({
        "track_id": track.track_id,
        "name": track.name,
        "kind": track.kind,
        "codec": track.codec,
        "sample_rate": track.sample_rate,
        "channels": track.channels,
        "note": track.note,
    })
}

fn seek_tables(json: &mut Out, source: &mut Source, survey: &Survey) -> Outcome {
    let out = |error: io::Error| Failure::output(&error);
    json.key("seek_tables")
        .and_then(|()| json.object())
        .map_err(out)?;
    for (track, position) in &survey.seek_tables {
        let mut scan = Scan::at(source, *position, FileHeader::default());
        if let Step::Chunk(_, Record::SeekTable(table)) = scan.strict()? {
            json.entry(&track.to_string(), &table.entries)
                .map_err(out)?;
        }
    }
    json.close().map_err(out)
}

fn extensions(json: &mut Out, survey: &Survey) -> io::Result<()> {
    json.entry("present", &survey.header.has_extensions())?;
    json.entry("version", &survey.header.extension_version)?;
    json.entry("complete", &survey.cut.is_none())?;
    let cut = survey
        .cut
        .as_ref()
        .map(|error| json!({"offset": survey.stop, "reason": error.to_string()}));
    json.entry("cut", &cut)?;
    let none = Tracks::default();
    let tracks = survey.last_tracks.as_deref().unwrap_or(&none);
    let extended = |t: &Track| {
        let mut value = track(t);
        value["caps"] = json!(t.caps);
        value["tags"] = json!(t.tags);
        value["sparse"] = json!(t.sparse);
        value
    };
    let tracks: Vec<Value> = if survey.header.has_extensions() {
        tracks.0.iter().map(extended).collect()
    } else {
        Vec::new()
    };
    json.entry("tracks", &tracks)?;
    let end = survey.end.map(|end| {
        json!({
            "full_index": end.full_index, "trak": end.trak, "verification": end.verification, "blocks": end.blocks,
            "first_ns": end.first_ns, "last_ns": end.last_ns,
        })
    });
    json.entry("end", &end)
}

/// Exact timing and index chunks: two lists, and so two walks over the chunk heads.
fn timing(json: &mut Out, source: &mut Source, stop: u64) -> Outcome {
    list(json, source, stop, "blocks", &|json, step| match step {
        Step::Block(block) => json.value(&BlockLine::from(block)),
        _ => Ok(()),
    })?;
    list(json, source, stop, "indexes", &|json, step| match step {
        Step::Chunk(chunk, Record::Index(index)) => json.value(&IndexLine::new(chunk, index)),
        _ => Ok(()),
    })
}

fn list(
    json: &mut Out,
    source: &mut Source,
    stop: u64,
    key: &str,
    each: &dyn Fn(&mut Out, &Step) -> io::Result<()>,
) -> Outcome {
    let out = |error: io::Error| Failure::output(&error);
    json.key(key).and_then(|()| json.array()).map_err(out)?;
    let mut scan = Scan::new(source);
    while scan.position() < stop {
        let step = scan.strict()?;
        if matches!(step, Step::Footer { .. } | Step::Cut(_)) {
            break;
        }
        each(json, &step).map_err(out)?;
    }
    json.close().map_err(out)
}

impl<'a> IndexLine<'a> {
    fn new(chunk: &Chunk, index: &'a IndexChunk) -> Self {
        let entry = |entry: &Entry| EntryLine {
            pts_ns: entry.pts_ns,
            offset: entry.offset,
            track_id: entry.track_id,
            leading: entry.leading,
            trak: entry.trak,
            number: entry.number,
        };
        Self {
            offset: chunk.offset,
            position: index.position,
            previous: index.previous,
            skip: index.skip,
            sequence: index.sequence,
            first_ns: index.first_ns,
            last_ns: index.last_ns,
            ordinal: index.ordinal,
            full: index.full,
            entries: index.entries.iter().map(entry).collect(),
            trak_offsets: &index.trak_offsets,
        }
    }
}
