//! What one walk over a file brings together, in memory that does not grow with the file's blocks.

use std::collections::BTreeMap;
use std::sync::Arc;

use gstharmony::h4mk::{Block, Chunk, ChunkType, End, Error, FileHeader, Record, Step, Tracks};

use crate::failure::Outcome;
use crate::io::Scan;
use crate::progress::Progress;

/// The sidecars in the order in which they are listed.
pub const SIDECARS: [ChunkType; 4] = [
    ChunkType::META,
    ChunkType::SAFETY,
    ChunkType::VERIFICATION,
    ChunkType::NOTE,
];
/// Most chunk types that are counted apart; what a damaged file has beyond them counts as `other`.
const MOST_TYPES: usize = 64;

/// What is known of a track's blocks.
#[derive(Debug, Default, Clone)]
pub struct TrackStats {
    /// Blocks.
    pub blocks: u64,
    /// Blocks that decode on their own.
    pub keys: u64,
    /// Bytes of payload.
    pub bytes: u64,
    /// Lowest time and highest end, nanoseconds.
    pub span: Option<(i64, i64)>,
}

/// A file, walked.
#[derive(Debug, Default)]
pub struct Survey {
    /// The file header.
    pub header: FileHeader,
    /// The tracks of the first TRAK.
    pub tracks: Option<Arc<Tracks>>,
    /// The tracks of the last TRAK.
    pub last_tracks: Option<Arc<Tracks>>,
    /// Text of each sidecar, the last of its type.
    pub sidecars: BTreeMap<ChunkType, String>,
    /// Position of each track's seek table, the last of a track.
    pub seek_tables: BTreeMap<u16, u64>,
    /// Chunks by type.
    pub types: BTreeMap<String, u64>,
    /// Chunks in all.
    pub chunks: u64,
    /// COREs in all.
    pub blocks: u64,
    /// Its blocks by track.
    pub stats: BTreeMap<u16, TrackStats>,
    /// The last chunk of a finished file.
    pub end: Option<End>,
    /// End of what is whole.
    pub stop: u64,
    /// Value of the footer, if there is one.
    pub footer: Option<u32>,
    /// Why the file ends early, if it does.
    pub cut: Option<Error>,
}

impl Survey {
    /// Walks the whole file and checks every CRC. A cut file is an error unless `partial`.
    pub fn take(scan: &mut Scan<'_>, partial: bool) -> Outcome<Self> {
        let mut progress = Progress::new(scan.source().length(), "reading");
        let mut survey = Self::default();
        loop {
            let step = scan.checked(partial)?;
            progress.update(scan.position());
            if survey.observe(&step) {
                return Ok(survey);
            }
            survey.stop = scan.position();
        }
    }

    /// Counts a step; true at the file's end.
    pub fn observe(&mut self, step: &Step) -> bool {
        match step {
            Step::Need(_) => {}
            Step::Header(header) => self.header = *header,
            Step::Chunk(chunk, record) => self.chunk(chunk, record),
            Step::Block(block) => self.block(block),
            Step::Footer { crc, .. } => {
                self.footer = Some(*crc);
                return true;
            }
            Step::Cut(cut) => {
                self.cut = Some(cut.clone().into_error());
                return true;
            }
        }
        false
    }

    fn chunk(&mut self, chunk: &Chunk, record: &Record) {
        self.count(chunk.head.kind);
        match record {
            Record::Tracks(tracks) => {
                self.tracks.get_or_insert_with(|| tracks.clone());
                self.last_tracks = Some(tracks.clone());
            }
            Record::Sidecar(text) => {
                self.sidecars.insert(chunk.head.kind, text.clone());
            }
            Record::SeekTable(table) => {
                self.seek_tables.insert(table.track_id, chunk.offset);
            }
            Record::End(end) => self.end = Some(*end),
            Record::Timing { .. } | Record::Index(_) | Record::Unknown(_) => {}
        }
    }

    fn count(&mut self, kind: ChunkType) {
        self.chunks += 1;
        let name = kind.to_string();
        let name = if self.types.len() < MOST_TYPES || self.types.contains_key(&name) {
            name
        } else {
            "other".to_owned()
        };
        *self.types.entry(name).or_default() += 1;
    }

    fn block(&mut self, block: &Block) {
        self.count(ChunkType::BLOCK);
        self.blocks += 1;
        let stats = self.stats.entry(block.meta.track_id).or_default();
        stats.blocks += 1;
        stats.keys += u64::from(block.meta.kind.is_key());
        stats.bytes += u64::from(block.meta.len);
        if let Some(time) = block.time() {
            let end = time.saturating_add_unsigned(block.meta.timing.duration.unwrap_or(0));
            let (first, last) = stats.span.unwrap_or((time, end));
            stats.span = Some((first.min(time), last.max(end)));
        }
    }

    /// Lowest time and highest end of all tracks, nanoseconds.
    pub fn span(&self) -> Option<(i64, i64)> {
        let spans = self.stats.values().filter_map(|stats| stats.span);
        spans.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    }
}
