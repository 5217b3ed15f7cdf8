//! The query `sample-table`: every buffer that a pad will push, from XTIM records and CORE heads alone.

use std::sync::Arc;

use gst::subclass::prelude::*;

use super::deliver::union;
use super::imp::{CAT, H4mkDemux};
use super::reader::{Item, ReadError, Reader, Source};
use super::settings::Expose;
use super::source::PullSource;
use super::stream::track_caps;
use crate::h4mk::{Block, Record, Track, Tracks};
use crate::sample_table::{
    Clipped, FIELD_CAPS, FIELD_CAPS_CHANGES, FIELD_CLIPPING, FIELD_SAMPLES, FIELD_VERSION,
    TableSample, VERSION,
};

/// Blocks of a file that has tables, at most; packed they are 640 MiB. 24 hours of video and audio have 6 million.
const MAX_BLOCKS: u64 = 1 << 24;

/// The tables of all tracks, or that the file has none.
#[derive(Default)]
pub(super) struct Tables(Vec<Table>);

struct Table {
    track_id: u16,
    caps: gst::Caps,
    samples: gst::Buffer,
    clipping: Option<gst::Buffer>,
    changes: Vec<(u64, gst::Caps)>,
}

/// The table of a track as it grows.
struct Growing {
    track: Track,
    /// The caps, each with the number of the first sample that they hold for.
    caps: Vec<(u64, gst::Caps)>,
    samples: Vec<u8>,
    count: u64,
    clipping: Vec<u8>,
}

impl Growing {
    fn new(track: &Track) -> Self {
        Self {
            track: track.clone(),
            caps: vec![(0, caps_of(track))],
            samples: Vec::new(),
            count: 0,
            clipping: Vec::new(),
        }
    }

    /// A later TRAK's description: its caps go out before the next buffer, where they are others.
    fn update(&mut self, track: &Track) {
        if *track == self.track {
            return;
        }
        self.track = track.clone();
        self.caps.pop_if(|(from, _)| *from == self.count);
        let caps = caps_of(track);
        if self.caps.last().is_none_or(|(_, before)| *before != caps) {
            self.caps.push((self.count, caps));
        }
    }

    fn push(&mut self, block: &Block) {
        let meta = &block.meta;
        let sample = TableSample {
            position: block.offset,
            size: meta.len,
            sync: meta.kind.is_key(),
            header: meta.header,
            // A pad's first buffer follows nothing.
            discont: meta.discont || self.count == 0,
            droppable: meta.droppable,
            pts: meta.timing.pts,
            dts: meta.timing.dts,
            duration: meta.timing.duration,
        };
        self.samples.extend_from_slice(&sample.to_bytes());
        if let Some(clipping) = meta.clipping {
            let clipped = Clipped {
                sample: self.count,
                start: clipping.start,
                end: clipping.end,
            };
            self.clipping.extend_from_slice(&clipped.to_bytes());
        }
        self.count = self.count.saturating_add(1);
    }

    fn finish(self) -> Table {
        let mut caps = self.caps.into_iter();
        let first = caps.next().map(|(_, caps)| caps);
        Table {
            track_id: self.track.track_id,
            caps: first.unwrap_or_else(|| caps_of(&self.track)),
            samples: gst::Buffer::from_slice(self.samples),
            clipping: (!self.clipping.is_empty()).then(|| gst::Buffer::from_slice(self.clipping)),
            changes: caps.collect(),
        }
    }
}

fn caps_of(track: &Track) -> gst::Caps {
    track_caps(track, Expose::Streams).0
}

/// Follows the tracks of a file as the streams do that play it.
struct Growth {
    tables: Vec<Growing>,
    /// The tracks in force at the end.
    last: Option<Arc<Tracks>>,
    extended: bool,
    /// The first TRAK was met.
    exposed: bool,
    blocks: u64,
}

impl Growth {
    fn tracks(&mut self, tracks: &Arc<Tracks>) {
        let in_force = if !std::mem::replace(&mut self.exposed, true) {
            union(tracks, self.last.as_deref())
        } else if self.extended {
            tracks.clone()
        } else {
            return;
        };
        for track in &in_force.0 {
            match self.table(track.track_id) {
                Some(table) => table.update(track),
                None => self.tables.push(Growing::new(track)),
            }
        }
    }

    fn table(&mut self, track_id: u16) -> Option<&mut Growing> {
        self.tables
            .iter_mut()
            .find(|t| t.track.track_id == track_id)
    }

    fn block(&mut self, block: &Block) {
        self.blocks = self.blocks.saturating_add(1);
        if let Some(table) = self.table(block.meta.track_id) {
            table.push(block);
        }
    }
}

impl Table {
    fn answer(&self, structure: &mut gst::StructureRef) {
        structure.set(FIELD_VERSION, VERSION);
        structure.set(FIELD_CAPS, &self.caps);
        structure.set(FIELD_SAMPLES, &self.samples);
        let changes = self.changes.iter().map(|(sample, caps)| {
            gst::Structure::builder("caps-change")
                .field("sample", sample)
                .field("caps", caps)
                .build()
        });
        structure.set(FIELD_CAPS_CHANGES, gst::Array::new(changes));
        if let Some(clipping) = &self.clipping {
            structure.set(FIELD_CLIPPING, clipping);
        }
    }
}

impl H4mkDemux {
    /// Answers the query, in pull mode and for a finished file that plays from its start.
    pub(super) fn sample_table(&self, pad: &gst::Pad, query: &mut gst::query::Custom) -> bool {
        let settings = self.settings();
        if settings.follow || settings.expose != Expose::Streams {
            return false;
        }
        let track_id = {
            let state = self.state();
            let plain = gst::FormattedSegment::<gst::ClockTime>::new();
            let from_start = state.segment.start() == plain.start()
                && state.segment.stop() == plain.stop()
                && state.segment.rate() == plain.rate()
                && state.segment.flags().is_empty();
            let stream = state.streams.iter().find(|s| *s.pad == *pad);
            stream.filter(|_| from_start).map(|s| s.track.track_id)
        };
        let (Some(track_id), Some(tables)) = (track_id, self.all_tables()) else {
            return false;
        };
        let table = tables.0.iter().find(|t| t.track_id == track_id);
        if let Some(table) = table {
            table.answer(query.structure_mut());
        }
        table.is_some()
    }

    /// The tables of all tracks, from one walk, however many threads ask.
    fn all_tables(&self) -> Option<Arc<Tables>> {
        let mut known = self.tables();
        if known.is_none() {
            // A read that a flush broke off says nothing of the file: the next query tries again.
            match self.walk_tables() {
                Ok(tables) => *known = Some(Arc::new(tables.unwrap_or_default())),
                Err(ReadError::Format(error)) => {
                    gst::warning!(CAT, imp = self, "No sample table: {error}");
                    *known = Some(Arc::default());
                }
                Err(ReadError::Flow(flow)) => {
                    gst::debug!(CAT, imp = self, "No sample table: {flow}");
                }
            }
        }
        known.clone()
    }

    /// Walks the heads of the whole file, beside the thread that plays it; `None` when it is not finished.
    fn walk_tables(&self) -> Result<Option<Tables>, ReadError> {
        let (last, extended) = match self.reader().as_ref() {
            Some(reader) if matches!(reader.source, Source::Pull(_)) => {
                let last = reader.finished.as_ref().map(|f| f.tracks.clone());
                let extended = reader.header.is_some_and(|h| h.has_extensions());
                (last, extended)
            }
            _ => return Ok(None),
        };
        if extended && last.is_none() {
            return Ok(None);
        }
        let mut growth = Growth {
            tables: Vec::new(),
            last,
            extended,
            exposed: false,
            blocks: 0,
        };
        let mut source = PullSource::new(&self.sinkpad);
        source.heads_only = true;
        let mut reader = Reader::new(Source::Pull(source));
        while growth.blocks < MAX_BLOCKS {
            match reader.next()? {
                Item::Block(block) => growth.block(&block),
                Item::Record(Record::Tracks(tracks)) => growth.tracks(&tracks),
                Item::Record(_) => {}
                Item::End => {
                    let tables = growth.tables.into_iter().map(Growing::finish);
                    return Ok(Some(Tables(tables.collect())));
                }
                Item::Cut(_) | Item::Wait => return Ok(None),
            }
        }
        gst::warning!(
            CAT,
            imp = self,
            "No sample table: more than {MAX_BLOCKS} blocks"
        );
        Ok(None)
    }
}
