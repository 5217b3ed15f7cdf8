//! Opening a finished file: three reads, whatever its size (specification section 3).

use std::sync::Arc;

use super::chunk::{ChunkHead, ChunkType, FRAME_BYTES, FileHeader, HEADER_BYTES, open_chunk};
use super::error::Error;
use super::index::{END_BYTES, End, Index, IndexChunk};
use super::track::Tracks;

/// XEND with its framing, and the footer.
pub const TAIL_BYTES: usize = 12 + END_BYTES + 4 + 4;
/// A tail from the full index on that is longer than this is not read at once: such a file is walked.
pub const MAX_TAIL_READ: u64 = 512 << 20;

/// What the end of a finished file says.
#[derive(Debug, Clone)]
pub struct Finished {
    /// Seek entries.
    pub index: Index,
    /// The last chunk.
    pub end: End,
    /// Highest end of a block, as far as XEND, the full index or a seek entry says, nanoseconds.
    pub last_ns: i64,
    /// The tracks in force at the end.
    pub tracks: Arc<Tracks>,
    /// Position of every TRAK but the last copy, in order.
    pub trak_offsets: Vec<u64>,
    /// The sidecar META in force at the end.
    pub meta: Option<String>,
}

/// What opening brought.
#[derive(Debug, Clone)]
pub struct Opened {
    /// The file header.
    pub header: FileHeader,
    /// `None`: a file without a valid XEND, which has to be walked.
    pub finished: Option<Box<Finished>>,
}

#[derive(Debug, Clone)]
enum Stage {
    Header,
    Tail(FileHeader),
    Index(FileHeader, End),
    Done(Opened),
}

/// Opens a file of known length: ask [`Opener::request`] what to read, [`Opener::feed`] it, until it is done.
#[derive(Debug, Clone)]
pub struct Opener {
    length: u64,
    stage: Stage,
}

impl Opener {
    /// For a file of `length` bytes.
    pub fn new(length: u64) -> Self {
        Self {
            length,
            stage: Stage::Header,
        }
    }

    /// The next range wanted, as offset and length; `None` when opening is done.
    pub fn request(&self) -> Option<(u64, usize)> {
        match &self.stage {
            Stage::Header => Some((0, HEADER_BYTES.min(usize::try_from(self.length).ok()?))),
            Stage::Tail(_) => Some((self.length - TAIL_BYTES as u64, TAIL_BYTES)),
            Stage::Index(_, end) => {
                let length = self.tail_start().saturating_sub(end.full_index);
                Some((end.full_index, usize::try_from(length).ok()?))
            }
            Stage::Done(_) => None,
        }
    }

    fn tail_start(&self) -> u64 {
        self.length.saturating_sub(TAIL_BYTES as u64)
    }

    /// Takes the bytes of the range wanted.
    ///
    /// # Errors
    /// Only a file header that is none: whatever else is wrong makes the file one that has to be walked.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.stage = match &self.stage {
            Stage::Header => {
                let header = FileHeader::parse(bytes)?;
                let least = (HEADER_BYTES + TAIL_BYTES) as u64;
                if header.has_extensions() && self.length >= least {
                    Stage::Tail(header)
                } else {
                    unfinished(header)
                }
            }
            Stage::Tail(header) => match self.end(bytes) {
                Some(end) => Stage::Index(*header, end),
                None => unfinished(*header),
            },
            Stage::Index(header, end) => Stage::Done(Opened {
                header: *header,
                finished: finished(bytes, *end).map(Box::new),
            }),
            Stage::Done(opened) => Stage::Done(opened.clone()),
        };
        Ok(())
    }

    fn end(&self, bytes: &[u8]) -> Option<End> {
        let offset = self.tail_start();
        let (head, payload, _) = open_chunk(bytes, offset).ok()?;
        let end = End::parse(payload, offset).ok()?;
        let place = HEADER_BYTES as u64..offset.saturating_sub(FRAME_BYTES);
        let fits = place.contains(&end.full_index) && offset - end.full_index <= MAX_TAIL_READ;
        (head.kind == ChunkType::END && fits).then_some(end)
    }

    /// What opening brought, once [`Opener::request`] is `None`.
    pub fn finish(self) -> Option<Opened> {
        match self.stage {
            Stage::Done(opened) => Some(opened),
            _ => None,
        }
    }
}

fn unfinished(header: FileHeader) -> Stage {
    Stage::Done(Opened {
        header,
        finished: None,
    })
}

/// Reads the chunks from the full index to before XEND.
fn finished(bytes: &[u8], end: End) -> Option<Finished> {
    let (head, payload, _) = open_chunk(bytes, end.full_index).ok()?;
    let index = IndexChunk::parse(head.flags, payload, end.full_index).ok()?;
    if head.kind != ChunkType::INDEX || !index.full || index.position != end.full_index {
        return None;
    }
    let mut at = usize::try_from(head.total()).ok()?;
    let (mut tracks, mut meta) = (None, None);
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        let offset = end.full_index + at as u64;
        let (head, payload): (ChunkHead, &[u8]) =
            open_chunk(rest, offset).map(|(h, p, _)| (h, p)).ok()?;
        match head.kind {
            ChunkType::TRACKS => tracks = Some(Tracks::parse(payload, offset).ok()?),
            ChunkType::META => meta = String::from_utf8(payload.to_vec()).ok(),
            _ => {}
        }
        at += usize::try_from(head.total()).ok()?;
    }
    let last_entry = index.entries.iter().map(|e| e.pts_ns).max();
    let last_ns = last_entry.map_or(i64::MIN, |last| last.max(index.last_ns));
    Some(Finished {
        last_ns: last_ns.max(end.last_ns),
        index: Index::new(index.entries),
        end,
        tracks: Arc::new(tracks?),
        trak_offsets: index.trak_offsets,
        meta,
    })
}
