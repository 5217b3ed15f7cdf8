//! The streaming writer: one pass, nothing sought back, bounded memory.
//!
//! The writer appends framing to a buffer of the caller's and never sees a payload as a whole: for each
//! block it appends the 20 bytes that precede the payload and returns the CRC that follows it, so that the
//! caller's memory goes out as it came in.

use std::collections::{HashMap, VecDeque};

use super::block::{BLOCK_PREFIX_BYTES, BlockMeta, MAX_PTS_MS, floor_ms};
use super::chunk::{ChunkHead, ChunkType, FileHeader, HEAD_BYTES, put_chunk};
use super::crc::FileCrc;
use super::index::{End, Entry, IndexChunk};
use super::index_builder::{
    DEFAULT_INTERVAL_NS, DEFAULT_MEMORY, IndexBuilder, Indexed, Span, seek_entry,
};
use super::index_chain::IndexChain;
use super::timing::put_timing;
use super::track::{Track, Tracks};

/// Most blocks of a group that is not live.
pub const MAX_GROUP: usize = 16;
/// An XIDX is written at a key block of a track with deltas after this time.
const INDEX_AT_KEY_NS: i64 = 2_000_000_000;
/// An XIDX is written anywhere after this time.
const INDEX_ANYWHERE_NS: i64 = 10_000_000_000;

/// Why something can't be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// The calls came in the wrong order.
    #[error("the writer {0}")]
    State(&'static str),
    /// A block of a track that no TRAK has.
    #[error("track {0} is not in the TRAK in force")]
    UnknownTrack(u16),
    /// Two tracks with one number.
    #[error("track_id {0} is used twice, expected once")]
    DuplicateTrack(u16),
    /// A chunk can't be longer than 4 GiB.
    #[error("{what} has {length} bytes, expected at most {most}")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// Its length.
        length: u64,
        /// The limit.
        most: u64,
    },
    /// The payload has another length than the group said.
    #[error("payload of track {track_id} has {found} bytes, expected {expected}")]
    PayloadLength {
        /// Its track.
        track_id: u16,
        /// Bytes handed over.
        found: u64,
        /// Bytes promised.
        expected: u32,
    },
    /// Times of one group lie more than 2^63 ns apart.
    #[error("times in one group lie more than 292 years apart")]
    TimeRange,
    /// Plain version 1 can't hold it.
    #[error("{limit}: found {found}; with extensions this can be written")]
    Version1 {
        /// The limit of version 1.
        limit: &'static str,
        /// What goes beyond it.
        found: String,
    },
}

/// How a file is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriterOptions {
    /// The header's time stamp in milliseconds.
    pub timestamp_ms: u64,
    /// False writes a plain version 1 file.
    pub extensions: bool,
    /// Least time between the seek entries of a track where every block is a key block, nanoseconds.
    pub index_interval_ns: u64,
    /// Most bytes of seek entries in memory before that time doubles.
    pub index_memory: usize,
}

impl Default for WriterOptions {
    fn default() -> Self {
        Self {
            timestamp_ms: 0,
            extensions: true,
            index_interval_ns: DEFAULT_INTERVAL_NS,
            index_memory: DEFAULT_MEMORY,
        }
    }
}

/// The user's sidecars: JSON texts and a note.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sidecars {
    /// META.
    pub meta: Option<String>,
    /// SAFE.
    pub safety: Option<String>,
    /// VERI.
    pub verification: Option<String>,
    /// NOTE.
    pub note: Option<String>,
}

impl Sidecars {
    fn chunks(&self) -> impl Iterator<Item = (ChunkType, &str)> {
        [
            (ChunkType::META, &self.meta),
            (ChunkType::SAFETY, &self.safety),
            (ChunkType::VERIFICATION, &self.verification),
            (ChunkType::NOTE, &self.note),
        ]
        .into_iter()
        .filter_map(|(kind, text)| Some((kind, text.as_deref()?)))
    }
}

/// Writes one file.
#[derive(Debug, Clone)]
pub struct Writer {
    options: WriterOptions,
    position: u64,
    crc: Option<FileCrc>,
    tracks: Tracks,
    trak_offsets: Vec<u64>,
    /// PTS of each track's last block in milliseconds.
    last_ms: HashMap<u16, u32>,
    builder: IndexBuilder,
    chain: IndexChain,
    blocks: u64,
    /// Blocks whose timing is written and whose payloads are not, and where to read from to meet them.
    group: VecDeque<BlockMeta>,
    group_offset: u64,
    finished: bool,
}

impl Writer {
    /// A writer at the start of a file.
    pub fn new(options: WriterOptions) -> Self {
        Self {
            builder: IndexBuilder::new(options.index_interval_ns, options.index_memory),
            options,
            position: 0,
            crc: None,
            tracks: Tracks::default(),
            trak_offsets: Vec::new(),
            last_ms: HashMap::new(),
            chain: IndexChain::default(),
            blocks: 0,
            group: VecDeque::new(),
            group_offset: 0,
            finished: false,
        }
    }

    /// Bytes of the file so far, the open group's payloads not counted before they are written.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// True once the track had a block that does not decode on its own.
    pub fn has_deltas(&self, track_id: u16) -> bool {
        self.builder.has_deltas(track_id)
    }

    /// Appends the file header, TRAK and sidecars.
    ///
    /// # Errors
    /// [`WriteError`]: started before, a track twice, a text past 4 GiB.
    pub fn start(
        &mut self,
        tracks: &[Track],
        sidecars: &Sidecars,
        out: &mut Vec<u8>,
    ) -> Result<(), WriteError> {
        if self.crc.is_some() {
            return Err(WriteError::State("is started already"));
        }
        check_tracks(tracks)?;
        let header = FileHeader {
            flags: if self.options.extensions {
                FileHeader::EXTENSIONS
            } else {
                0
            },
            extension_version: u16::from(self.options.extensions),
            timestamp_ms: self.options.timestamp_ms,
        }
        .to_bytes();
        out.extend_from_slice(&header);
        self.position = header.len() as u64;
        self.crc = Some(FileCrc::new(&header));
        self.put_tracks(tracks, out)?;
        for (kind, text) in sidecars.chunks() {
            self.chunk(kind, 0, text.as_bytes(), out)?;
        }
        Ok(())
    }

    /// Appends an XIDX and a whole new TRAK, in force from here on.
    ///
    /// # Errors
    /// [`WriteError`]: not between groups, a track twice; plain version 1 holds one TRAK.
    pub fn set_tracks(&mut self, tracks: &[Track], out: &mut Vec<u8>) -> Result<(), WriteError> {
        self.between_groups()?;
        if !self.options.extensions {
            return Err(WriteError::Version1 {
                limit: "plain version 1 has the tracks of its first TRAK only",
                found: "a late track or changed caps".to_string(),
            });
        }
        check_tracks(tracks)?;
        self.put_index(out)?;
        self.put_tracks(tracks, out)
    }

    /// Opens a group: appends an XIDX when one is due, then the timing of `blocks`. One call of
    /// [`Writer::block`] must follow for each of them, in order.
    ///
    /// # Errors
    /// [`WriteError`]: a group is open, an unknown track, a payload past 4 GiB, more than 65 535 blocks, a
    /// time that can't be written.
    pub fn begin_group(
        &mut self,
        blocks: &[BlockMeta],
        out: &mut Vec<u8>,
    ) -> Result<(), WriteError> {
        self.between_groups()?;
        for block in blocks {
            self.check_block(block)?;
        }
        if self.options.extensions {
            if blocks.first().is_some_and(|b| self.is_index_due(b)) {
                self.put_index(out)?;
            }
            self.group_offset = self.position;
            self.put_timing(blocks, out)?;
        }
        self.group.extend(blocks);
        Ok(())
    }

    fn put_timing(&mut self, blocks: &[BlockMeta], out: &mut Vec<u8>) -> Result<(), WriteError> {
        let count = u16::try_from(blocks.len()).map_err(|_| WriteError::TooLarge {
            what: "a group (in blocks)",
            length: blocks.len() as u64,
            most: u64::from(u16::MAX),
        })?;
        let mut payload = Vec::with_capacity(16 + blocks.len() * 24);
        put_timing(self.blocks, blocks, &mut payload).ok_or(WriteError::TimeRange)?;
        self.chunk(ChunkType::TIMING, u32::from(count), &payload, out)
    }

    /// Appends the 20 bytes before the next block's payload; the CRC that it returns must follow the payload.
    ///
    /// # Errors
    /// [`WriteError`]: no block is due, the payload has another length than the group said.
    pub fn block<'a>(
        &mut self,
        payload: impl IntoIterator<Item = &'a [u8]>,
        out: &mut Vec<u8>,
    ) -> Result<[u8; 4], WriteError> {
        let block = self
            .group
            .pop_front()
            .ok_or(WriteError::State("has no block due: begin a group first"))?;
        let time = block.timing.pts.or(block.timing.dts);
        let last_ms = self.last_ms.entry(block.track_id).or_default();
        *last_ms = time.map_or(*last_ms, floor_ms);
        let pts_ms = *last_ms;
        let head = ChunkHead {
            kind: ChunkType::BLOCK,
            flags: pts_ms | block.kind.to_flags(),
            length: block.len.saturating_add(BLOCK_PREFIX_BYTES),
        };
        let mut crc = crc32fast::Hasher::new();
        let head_at = out.len();
        out.extend_from_slice(&head.to_bytes());
        out.extend_from_slice(b"H4TB");
        out.extend_from_slice(&block.track_id.to_le_bytes());
        out.extend_from_slice(&[0; 2]);
        crc.update(out.get(head_at..).unwrap_or_default());
        let mut found = 0;
        for part in payload {
            crc.update(part);
            found += part.len() as u64;
        }
        if found != u64::from(block.len) {
            return Err(WriteError::PayloadLength {
                track_id: block.track_id,
                found,
                expected: block.len,
            });
        }
        self.count(&block, time, pts_ms, head);
        Ok(crc.finalize().to_le_bytes())
    }

    /// The block's place in the index, and the file one block longer.
    fn count(&mut self, block: &BlockMeta, time: Option<i64>, pts_ms: u32, head: ChunkHead) {
        let offset = if self.options.extensions {
            self.group_offset
        } else {
            self.position
        };
        self.builder.push(&Indexed {
            track_id: block.track_id,
            kind: block.kind,
            time_ns: time,
            duration_ns: block.timing.duration.unwrap_or(0),
            offset,
            seek_entry: seek_entry(time, pts_ms, self.position + HEAD_BYTES as u64),
            trak: self.trak(),
        });
        self.blocks += 1;
        self.advance(head.total());
    }

    /// Appends the tail: XIDX, seek tables, full index, TRAK, META (as given here), XEND and footer; of plain
    /// version 1, META where it was not there at the start, seek tables and footer.
    ///
    /// # Errors
    /// [`WriteError`]: not started, a group is open, a text past 4 GiB.
    pub fn finish(&mut self, meta: Option<&str>, out: &mut Vec<u8>) -> Result<(), WriteError> {
        self.between_groups()?;
        if self.options.extensions {
            self.put_index(out)?;
        }
        for table in self.builder.seek_tables() {
            self.chunk(ChunkType::SEEK_TABLE, 0, &table.to_payload(), out)?;
        }
        let full_index = self.position;
        if self.options.extensions {
            self.put_full_index(out)?;
        }
        let trak = self.position;
        if self.options.extensions {
            let json = self.tracks.to_json(true);
            self.chunk(ChunkType::TRACKS, 0, json.as_bytes(), out)?;
        }
        if let Some(meta) = meta {
            self.chunk(ChunkType::META, 0, meta.as_bytes(), out)?;
        }
        if self.options.extensions {
            let span = self.builder.span();
            let end = End {
                full_index,
                trak,
                verification: 0,
                blocks: self.blocks,
                first_ns: span.map_or(0, |s| s.first_ns),
                last_ns: span.map_or(0, |s| s.last_ns),
            };
            self.chunk(ChunkType::END, 0, &end.to_payload(), out)?;
        }
        let footer = self.crc.map_or(0, FileCrc::value);
        out.extend_from_slice(&footer.to_le_bytes());
        self.position += 4;
        self.finished = true;
        Ok(())
    }

    fn between_groups(&self) -> Result<(), WriteError> {
        if self.crc.is_none() {
            return Err(WriteError::State("is not started"));
        }
        if self.finished {
            return Err(WriteError::State("is finished"));
        }
        if !self.group.is_empty() {
            return Err(WriteError::State("has a group open"));
        }
        Ok(())
    }

    fn check_block(&self, block: &BlockMeta) -> Result<(), WriteError> {
        if self.tracks.get(block.track_id).is_none() {
            return Err(WriteError::UnknownTrack(block.track_id));
        }
        let most = u32::MAX - BLOCK_PREFIX_BYTES;
        if block.len > most {
            return Err(WriteError::TooLarge {
                what: "a block",
                length: u64::from(block.len),
                most: u64::from(most),
            });
        }
        let time = block.timing.pts.or(block.timing.dts);
        let ms = time.map_or(0, |t| t.div_euclid(1_000_000));
        if !self.options.extensions && !(0..=i64::from(MAX_PTS_MS)).contains(&ms) {
            return Err(WriteError::Version1 {
                limit: "plain version 1 holds a PTS from 0 to 268435455 ms (74.6 h)",
                found: format!("{ms} ms in track {}", block.track_id),
            });
        }
        Ok(())
    }

    fn is_index_due(&self, block: &BlockMeta) -> bool {
        let time = block.timing.pts.or(block.timing.dts);
        let (Some(time), Some(span)) = (time, self.builder.recent_span()) else {
            return false;
        };
        let elapsed = time.saturating_sub(span.first_ns);
        let key = block.kind.is_key() && self.builder.has_deltas(block.track_id);
        elapsed >= INDEX_ANYWHERE_NS || key && elapsed >= INDEX_AT_KEY_NS
    }

    fn trak(&self) -> u32 {
        u32::try_from(self.trak_offsets.len().saturating_sub(1)).unwrap_or(u32::MAX)
    }

    fn put_tracks(&mut self, tracks: &[Track], out: &mut Vec<u8>) -> Result<(), WriteError> {
        self.tracks = Tracks(tracks.to_vec());
        let json = self.tracks.to_json(self.options.extensions);
        self.trak_offsets.push(self.position);
        self.chunk(ChunkType::TRACKS, 0, json.as_bytes(), out)
    }

    /// An XIDX with the entries since the last one.
    fn put_index(&mut self, out: &mut Vec<u8>) -> Result<(), WriteError> {
        let span = self.builder.recent_span();
        let entries = self.builder.take_recent();
        self.put_entries(span, entries, false, out)
    }

    /// The XIDX of the whole file.
    fn put_full_index(&mut self, out: &mut Vec<u8>) -> Result<(), WriteError> {
        let mut entries = self.builder.all();
        entries.sort_by_key(|e| (e.track_id, e.pts_ns));
        self.put_entries(self.builder.span(), entries, true, out)
    }

    fn put_entries(
        &mut self,
        span: Option<Span>,
        entries: Vec<Entry>,
        full: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), WriteError> {
        let (ordinal, previous, skip) = self.chain.next(self.position);
        let index = IndexChunk {
            position: self.position,
            previous,
            skip,
            sequence: self.blocks,
            first_ns: span.map_or(0, |s| s.first_ns),
            last_ns: span.map_or(0, |s| s.last_ns),
            ordinal,
            full,
            entries,
            trak_offsets: if full {
                self.trak_offsets.clone()
            } else {
                Vec::new()
            },
        };
        self.chunk(ChunkType::INDEX, index.flags(), &index.to_payload(), out)
    }

    fn chunk(
        &mut self,
        kind: ChunkType,
        flags: u32,
        payload: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), WriteError> {
        let total =
            put_chunk(out, kind, flags, payload).map_err(|length| WriteError::TooLarge {
                what: "a chunk",
                length: length as u64,
                most: u64::from(u32::MAX),
            })?;
        self.advance(total);
        Ok(())
    }

    fn advance(&mut self, total: u64) {
        self.position += total;
        if let Some(crc) = &mut self.crc {
            crc.chunk(total);
        }
    }
}

fn check_tracks(tracks: &[Track]) -> Result<(), WriteError> {
    let mut seen = std::collections::HashSet::new();
    match tracks.iter().find(|t| !seen.insert(t.track_id)) {
        Some(track) => Err(WriteError::DuplicateTrack(track.track_id)),
        None => Ok(()),
    }
}
