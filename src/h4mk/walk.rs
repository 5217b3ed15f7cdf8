//! The walker: bytes at a position in, records out.
//!
//! It says how many contiguous bytes it needs at [`Walk::position`]; the caller gets them from a file, a
//! socket or memory and calls [`Walk::step`]. Of a CORE, and of chunk types it does not know, it needs the
//! head only: whether the payload is read at all is the caller's choice.

use std::sync::Arc;
use std::vec;

use super::block::{BLOCK_HEAD_BYTES, BLOCK_PREFIX_BYTES, Block, Core, PayloadCheck, floor_ms};
use super::chunk::{
    ChunkHead, ChunkType, FOOTER_BYTES, FileHeader, HEAD_BYTES, HEADER_BYTES, open_chunk,
};
use super::crc::FileCrc;
use super::error::Error;
use super::index::{End, IndexChunk, SeekTable};
use super::timing::{Record as TimingRecord, TimingChunk};
use super::track::Tracks;

/// Frame of a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk {
    /// Start of the chunk; its payload begins 12 bytes later.
    pub offset: u64,
    /// Type, flags and length.
    pub head: ChunkHead,
    /// The stored and checked CRC; `None` where the walker did not see the payload.
    pub crc: Option<u32>,
}

impl Chunk {
    /// Absolute position of the byte after the chunk.
    pub fn end(&self) -> u64 {
        self.offset.saturating_add(self.head.total())
    }
}

/// What a chunk other than CORE says.
#[derive(Debug, Clone)]
pub enum Record {
    /// TRAK. Version 1 files keep their first one in force.
    Tracks(Arc<Tracks>),
    /// META, SAFE, VERI or NOTE: its text.
    Sidecar(String),
    /// XTIM: number of the first block and count.
    Timing {
        /// Number of the first of the blocks.
        sequence: u64,
        /// How many blocks it describes.
        count: usize,
    },
    /// TSEK.
    SeekTable(SeekTable),
    /// XIDX.
    Index(IndexChunk),
    /// XEND.
    End(End),
    /// A type that has no meaning here; its CRC can be checked by whoever has the bytes.
    Unknown(PayloadCheck),
}

/// How a file ends early.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// End of what is whole.
    pub offset: u64,
    error: Error,
}

impl Cut {
    /// What a strict reader makes of it.
    pub fn into_error(self) -> Error {
        self.error
    }
}

/// What a step brought.
#[derive(Debug, Clone)]
pub enum Step {
    /// So many contiguous bytes are needed at [`Walk::position`].
    Need(usize),
    /// The file header.
    Header(FileHeader),
    /// A chunk other than CORE.
    Chunk(Chunk, Record),
    /// A CORE.
    Block(Block),
    /// The footer, which holds. Nothing comes after it.
    Footer {
        /// Its position.
        offset: u64,
        /// Its value.
        crc: u32,
    },
    /// The file ends early here. A growing file can be stepped again when there is more of it.
    Cut(Cut),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expect {
    Header,
    Chunk,
    /// After XEND.
    Footer,
    Nothing,
}

/// Timing records that wait for their COREs.
#[derive(Debug, Clone)]
struct Pending {
    records: vec::IntoIter<TimingRecord>,
    offset: u64,
    sequence: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct TrackState {
    /// Blocks so far, if that can be known.
    blocks: Option<u64>,
    /// PTS of the last CORE in milliseconds.
    last_ms: Option<u32>,
}

/// Walks a file chunk by chunk.
#[derive(Debug, Clone)]
pub struct Walk {
    expect: Expect,
    position: u64,
    length: Option<u64>,
    extensions: bool,
    crc: Option<FileCrc>,
    pending: Option<Pending>,
    /// True from the start of the file on: every count is known.
    from_start: bool,
    sequence: Option<u64>,
    /// Sorted by track.
    tracks: Vec<(u16, TrackState)>,
    seen_tracks: bool,
}

impl Walk {
    /// Begins before the file header. `length` is the file's, where it is known.
    pub fn new(length: Option<u64>) -> Self {
        Self {
            expect: Expect::Header,
            position: 0,
            length,
            extensions: false,
            crc: None,
            pending: None,
            from_start: true,
            sequence: Some(0),
            tracks: Vec::new(),
            seen_tracks: false,
        }
    }

    /// Begins at a chunk in the middle of a file.
    pub fn at(position: u64, header: FileHeader, length: Option<u64>) -> Self {
        Self {
            expect: Expect::Chunk,
            position,
            extensions: header.has_extensions(),
            from_start: false,
            sequence: None,
            ..Self::new(length)
        }
    }

    /// Where the next bytes are wanted.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The length of the file, as far as it is known.
    pub fn length(&self) -> Option<u64> {
        self.length
    }

    /// A growing file has grown.
    pub fn set_length(&mut self, length: Option<u64>) {
        self.length = length;
    }

    /// True once the footer was seen.
    pub fn is_finished(&self) -> bool {
        self.expect == Expect::Nothing
    }

    /// The number that the track's next block has.
    pub fn set_next_number(&mut self, track_id: u16, number: u64) {
        track_state(&mut self.tracks, track_id, TrackState::default()).blocks = Some(number);
    }

    /// The number that the next block of the file has, where it is known.
    pub fn next_sequence(&self) -> Option<u64> {
        self.sequence
    }

    /// Takes the next step. `window` begins at [`Walk::position`]; `at_end` says that nothing follows it.
    ///
    /// # Errors
    /// Whatever is wrong with the bytes; the walker stays where it is.
    pub fn step(&mut self, window: &[u8], at_end: bool) -> Result<Step, Error> {
        match self.expect {
            Expect::Header => self.header(window, at_end),
            Expect::Chunk if self.at_footer(window, at_end) => Ok(self.footer(window)),
            Expect::Chunk => self.chunk(window, at_end),
            Expect::Footer if window.len() < FOOTER_BYTES => {
                Ok(self.need(FOOTER_BYTES, window, at_end, "the footer"))
            }
            Expect::Footer => Ok(self.footer(window)),
            Expect::Nothing => Ok(Step::Cut(Cut {
                offset: self.position,
                error: Error::MissingFooter {
                    offset: self.position,
                },
            })),
        }
    }

    fn need(&self, needed: usize, window: &[u8], at_end: bool, what: &'static str) -> Step {
        if !at_end {
            return Step::Need(needed);
        }
        self.cut(window.len() as u64, needed as u64, what)
    }

    fn cut(&self, available: u64, needed: u64, what: &'static str) -> Step {
        let offset = self.position;
        let error = if available == 0 && self.expect != Expect::Header {
            Error::MissingFooter { offset }
        } else {
            Error::Truncated {
                offset,
                what,
                available,
                needed,
            }
        };
        Step::Cut(Cut { offset, error })
    }

    fn header(&mut self, window: &[u8], at_end: bool) -> Result<Step, Error> {
        let Some(bytes) = window.get(..HEADER_BYTES) else {
            // What is wrong in the first bytes is wrong however many follow.
            if window.len() >= 4 {
                match FileHeader::parse(window) {
                    Err(Error::Truncated { .. }) | Ok(_) => {}
                    Err(error) => return Err(error),
                }
            }
            return Ok(self.need(HEADER_BYTES, window, at_end, "the file header"));
        };
        let header = FileHeader::parse(bytes)?;
        self.extensions = header.has_extensions();
        self.crc = Some(FileCrc::new(bytes));
        self.expect = Expect::Chunk;
        self.position = HEADER_BYTES as u64;
        Ok(Step::Header(header))
    }

    /// Four bytes before the end can only be the footer.
    fn at_footer(&self, window: &[u8], at_end: bool) -> bool {
        match self.length {
            Some(length) => {
                length.checked_sub(self.position) == Some(FOOTER_BYTES as u64)
                    && window.len() >= FOOTER_BYTES
            }
            None => at_end && window.len() == FOOTER_BYTES,
        }
    }

    fn footer(&mut self, window: &[u8]) -> Step {
        let offset = self.position;
        let Some(stored) = window.first_chunk::<FOOTER_BYTES>() else {
            return Step::Need(FOOTER_BYTES);
        };
        let found = u32::from_le_bytes(*stored);
        match self.crc.map(FileCrc::value) {
            Some(expected) if expected != found => Step::Cut(Cut {
                offset,
                error: Error::FooterCrc {
                    offset,
                    found,
                    expected,
                },
            }),
            _ => {
                self.expect = Expect::Nothing;
                self.position += FOOTER_BYTES as u64;
                Step::Footer { offset, crc: found }
            }
        }
    }

    fn chunk(&mut self, window: &[u8], at_end: bool) -> Result<Step, Error> {
        let Some(head) = window.first_chunk::<HEAD_BYTES>().map(ChunkHead::parse) else {
            return Ok(self.need(HEAD_BYTES, window, at_end, "a chunk's head"));
        };
        if let Some(length) = self.length
            && self.position.saturating_add(head.total()) > length
        {
            let available = length.saturating_sub(self.position);
            return Ok(self.cut(available, head.total(), "a chunk"));
        }
        if head.kind == ChunkType::BLOCK {
            return match window.first_chunk::<BLOCK_HEAD_BYTES>() {
                Some(bytes) => self.block(head, bytes),
                None => Ok(self.need(BLOCK_HEAD_BYTES, window, at_end, "a CORE chunk")),
            };
        }
        if !head.kind.is_record() {
            return Ok(self.unknown(head, window));
        }
        let total = usize::try_from(head.total()).unwrap_or(usize::MAX);
        if window.len() < total {
            return Ok(self.need(total, window, at_end, "a chunk"));
        }
        self.record(window)
    }

    fn advance(&mut self, total: u64) {
        self.position = self.position.saturating_add(total);
        if let Some(crc) = &mut self.crc {
            crc.chunk(total);
        }
    }

    fn unknown(&mut self, head: ChunkHead, window: &[u8]) -> Step {
        let offset = self.position;
        let seen = window.get(..HEAD_BYTES).unwrap_or_default();
        let check = PayloadCheck::new(head, offset, seen);
        self.pending = None;
        self.advance(head.total());
        let chunk = Chunk {
            offset,
            head,
            crc: None,
        };
        Step::Chunk(chunk, Record::Unknown(check))
    }

    fn record(&mut self, window: &[u8]) -> Result<Step, Error> {
        let offset = self.position;
        let (head, payload, crc) = open_chunk(window, offset)?;
        let at = offset + HEAD_BYTES as u64;
        let mut pending = None;
        let mut after = Expect::Chunk;
        let record = match head.kind {
            ChunkType::TRACKS => Record::Tracks(Arc::new(Tracks::parse(payload, offset)?)),
            ChunkType::TIMING => {
                let timing = TimingChunk::parse(head.flags, payload, at)?;
                let (sequence, count) = (timing.sequence, timing.records.len());
                pending = Some(Pending {
                    records: timing.records.into_iter(),
                    offset,
                    sequence,
                });
                Record::Timing { sequence, count }
            }
            ChunkType::SEEK_TABLE => Record::SeekTable(SeekTable::parse(payload, at)?),
            ChunkType::INDEX => Record::Index(IndexChunk::parse(head.flags, payload, at)?),
            ChunkType::END => {
                after = Expect::Footer;
                Record::End(End::parse(payload, at)?)
            }
            _ => Record::Sidecar(sidecar(head, payload, at)?),
        };
        self.seen_tracks |= matches!(record, Record::Tracks(_));
        // Without the extensions, their chunk types are nobody's.
        self.pending = pending.filter(|_| self.extensions);
        self.expect = after;
        self.advance(head.total());
        let chunk = Chunk {
            offset,
            head,
            crc: Some(crc),
        };
        Ok(Step::Chunk(chunk, record))
    }

    fn block(&mut self, head: ChunkHead, bytes: &[u8; BLOCK_HEAD_BYTES]) -> Result<Step, Error> {
        let offset = self.position;
        let core = Core::parse(bytes, offset)?;
        let new = TrackState {
            blocks: self.from_start.then_some(0),
            last_ms: self.from_start.then_some(0),
        };
        let track = track_state(&mut self.tracks, core.track_id, new);
        let bound = match &mut self.pending {
            Some(pending) => pending.bind(&core, track.last_ms),
            None => None,
        };
        let mut group_offset = offset;
        let record = bound.map(|(record, sequence, group)| {
            self.sequence = Some(sequence);
            group_offset = group;
            record
        });
        if record.is_none() {
            self.pending = None;
        }
        track.last_ms = Some(core.pts_ms);
        let number = track.blocks;
        track.blocks = number.map(|n| n.saturating_add(1));
        let mut block = Block::new(core, record, offset);
        block.sequence = self.sequence;
        block.number = number;
        block.group_offset = group_offset;
        self.sequence = self.sequence.map(|n| n.saturating_add(1));
        self.advance(head.total());
        Ok(Step::Block(block))
    }
}

impl Pending {
    /// The record of the next CORE, its number and the XTIM's position, if it agrees with the CORE.
    fn bind(&mut self, core: &Core, last_ms: Option<u32>) -> Option<(TimingRecord, u64, u64)> {
        let record = self.records.next()?;
        let sequence = self.sequence;
        self.sequence = sequence.saturating_add(1);
        let bytes = u64::from(core.len) + u64::from(BLOCK_PREFIX_BYTES);
        let time = record.timing.pts.or(record.timing.dts);
        let expected_ms = time.map(floor_ms).or(last_ms);
        let agrees = record.core_bytes == bytes && expected_ms.is_none_or(|ms| ms == core.pts_ms);
        agrees.then_some((record, sequence, self.offset))
    }
}

/// The state of a track, `new` where it has none yet.
fn track_state(
    tracks: &mut Vec<(u16, TrackState)>,
    track_id: u16,
    new: TrackState,
) -> &mut TrackState {
    let at = match tracks.binary_search_by_key(&track_id, |(id, _)| *id) {
        Ok(at) => at,
        Err(at) => {
            tracks.insert(at, (track_id, new));
            at
        }
    };
    #[allow(clippy::indexing_slicing)] // found or put there just above
    &mut tracks[at].1
}

fn sidecar(head: ChunkHead, payload: &[u8], offset: u64) -> Result<String, Error> {
    String::from_utf8(payload.to_vec()).map_err(|e| Error::Field {
        offset: offset + e.utf8_error().valid_up_to() as u64,
        kind: head.kind,
        field: "text",
        found: "bytes that are not UTF-8".to_string(),
        expected: "UTF-8".to_string(),
    })
}
