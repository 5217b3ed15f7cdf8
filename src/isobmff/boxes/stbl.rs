//! The sample tables of `stbl` (ISO/IEC 14496-12, 8.5 to 8.9).

use super::groups::{self, Place};
use super::writer::BoxWriter;
use crate::isobmff::model::{AudioCodec, Movie, SampleEntry, Track};
use crate::isobmff::tables::{SampleSizes, TrackTables};

/// The tables that a track without samples of its own must have: `stts`, `stsc`, `stsz` and `stco`; for Opus also the
/// group `roll` (Opus in ISOBMFF, 4.3.6.2), which its fragments describe anew.
pub(super) fn empty(w: &mut BoxWriter, track: &Track) {
    w.full(*b"stts", 0, 0, |w| w.u32(0));
    w.full(*b"stsc", 0, 0, |w| w.u32(0));
    w.full(*b"stsz", 0, 0, |w| w.zeros(8));
    w.full(*b"stco", 0, 0, |w| w.u32(0));
    let opus = |entry: &SampleEntry| match entry {
        SampleEntry::Audio(audio) => matches!(audio.codec, AudioCodec::Opus { .. }),
        _ => false,
    };
    if track.entries.iter().any(opus) {
        groups::no_roll(w);
    }
}

/// The tables of all tracks, and where their samples lie.
pub(super) struct Tables<'a> {
    pub(super) tracks: &'a [TrackTables],
    /// Offset in the file of the first byte of the payload of `mdat`.
    pub(super) payload: u64,
    /// 64-bit chunk offsets: `co64`.
    pub(super) wide: bool,
}

impl Tables<'_> {
    /// Ticks of the media, and ticks of the movie that the track is shown for.
    pub(super) fn durations(&self, movie: &Movie, track: &Track, place: usize) -> (u64, u64) {
        let rows = self
            .tracks
            .get(place)
            .map(|tables| tables.durations.as_slice());
        let media = rows.unwrap_or_default().iter().fold(0u64, |sum, row| {
            sum.saturating_add(u64::from(row.count) * u64::from(row.duration))
        });
        if track.edits.is_empty() {
            return (media, rescaled(media, track.timescale, movie.timescale));
        }
        let edits = track.edits.iter();
        (
            media,
            edits.fold(0, |sum, edit| sum.saturating_add(edit.duration)),
        )
    }

    /// Ticks of the movie that its longest track is shown for.
    pub(super) fn movie_duration(&self, movie: &Movie) -> u64 {
        let tracks = movie.tracks.iter().enumerate();
        let durations = tracks.map(|(place, track)| self.durations(movie, track, place).1);
        durations.max().unwrap_or(0)
    }

    /// The tables of the track at `place`.
    pub(super) fn write(&self, w: &mut BoxWriter, track: &Track, place: usize) {
        let Some(tables) = self.tracks.get(place) else {
            return empty(w, track);
        };
        times(w, tables);
        if let Some(sync) = &tables.sync {
            w.full(*b"stss", 0, 0, |w| {
                w.count(sync.len(), "stss: entry_count");
                sync.iter().for_each(|&number| w.u32(number));
            });
        }
        self.places(w, tables);
        if let Some(distance) = tables.roll_distance {
            let samples = match &tables.sizes {
                SampleSizes::Constant { count, .. } => *count,
                SampleSizes::Each(sizes) => w.narrow(sizes.len() as u64, "stsz: sample_count"),
            };
            groups::roll(w, Place::Table, distance, samples);
        }
        if !tables.open.is_empty() {
            groups::random_access(w, Place::Table, &tables.open);
        }
    }

    /// `stsc`, `stsz` and `stco` or `co64`.
    fn places(&self, w: &mut BoxWriter, tables: &TrackTables) {
        w.full(*b"stsc", 0, 0, |w| {
            w.count(tables.chunks.len(), "stsc: entry_count");
            for row in &tables.chunks {
                w.u32(row.first_chunk);
                w.u32(row.samples);
                w.u32(row.entry.saturating_add(1));
            }
        });
        w.full(*b"stsz", 0, 0, |w| match &tables.sizes {
            SampleSizes::Constant { size, count } => {
                w.u32(*size);
                w.u32(*count);
                // A size of 0 says that each sample's follows.
                if *size == 0 {
                    w.zeros(4 * *count as usize);
                }
            }
            SampleSizes::Each(sizes) => {
                w.u32(0);
                w.count(sizes.len(), "stsz: sample_count");
                sizes.iter().for_each(|&size| w.u32(size));
            }
        });
        let kind = if self.wide { *b"co64" } else { *b"stco" };
        w.full(kind, 0, 0, |w| {
            w.count(tables.chunk_offsets.len(), "stco: entry_count");
            for offset in &tables.chunk_offsets {
                let offset = offset.saturating_add(self.payload);
                w.sized(self.wide, offset, "stco: chunk_offset");
            }
        });
    }
}

/// `stts` and `ctts`.
fn times(w: &mut BoxWriter, tables: &TrackTables) {
    w.full(*b"stts", 0, 0, |w| {
        w.count(tables.durations.len(), "stts: entry_count");
        for row in &tables.durations {
            w.u32(row.count);
            w.u32(row.duration);
        }
    });
    if !tables.composition_offsets.is_empty() {
        w.full(*b"ctts", 0, 0, |w| {
            w.count(tables.composition_offsets.len(), "ctts: entry_count");
            for row in &tables.composition_offsets {
                w.u32(row.count);
                w.u32(row.offset);
            }
        });
    }
}

/// `ticks` of one timescale in another, rounded up so that no sample ends after it.
fn rescaled(ticks: u64, from: u32, to: u32) -> u64 {
    let scaled = (u128::from(ticks) * u128::from(to)).div_ceil(u128::from(from.max(1)));
    u64::try_from(scaled).unwrap_or(u64::MAX)
}
