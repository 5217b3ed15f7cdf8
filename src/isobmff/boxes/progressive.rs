//! `moov` with the tables of all samples.

use super::brands;
use super::movie::{self, Samples};
use super::stbl::Tables;
use super::writer::{BoxWriter, is_wide};
use crate::isobmff::error::Error;
use crate::isobmff::model::Movie;
use crate::isobmff::tables::{SampleSizes, TrackTables};

/// `ftyp`.
///
/// # Errors
///
/// None of a [`Movie`] that memory holds.
pub fn file_type(movie: &Movie) -> Result<Vec<u8>, Error> {
    let mut w = BoxWriter::with_capacity(64);
    brands::ftyp(&mut w, movie);
    w.finish()
}

/// `moov` of a progressive file, `tables` in the order of the movie's tracks. The payload of `mdat`, from which their
/// chunk offsets count, begins at the position `payload` in the file. Offsets are 64-bit (`co64`) in all tracks where
/// one of them needs it, so the size rises with `payload` once.
///
/// # Errors
///
/// [`Error::Tables`] where there is not one for each track, [`Error::BoxTooLarge`] past 4 GiB.
pub fn moov(movie: &Movie, tables: &[TrackTables], payload: u64) -> Result<Vec<u8>, Error> {
    if tables.len() != movie.tracks.len() {
        return Err(Error::Tables {
            found: tables.len(),
            expected: movie.tracks.len(),
        });
    }
    let chunks = tables.iter().flat_map(|track| &track.chunk_offsets);
    let last = chunks.max().copied().unwrap_or(0);
    let mut w = BoxWriter::with_capacity(bound(tables));
    let samples = Samples::Tables(&Tables {
        tracks: tables,
        payload,
        wide: is_wide(last.saturating_add(payload)),
    });
    movie::moov(&mut w, movie, &samples);
    w.finish()
}

/// About the bytes of `moov`.
fn bound(tables: &[TrackTables]) -> usize {
    let sizes = tables.iter().map(|track| {
        let samples = match &track.sizes {
            SampleSizes::Constant { .. } => 0,
            SampleSizes::Each(sizes) => sizes.len(),
        };
        let pairs = track.durations.len() + track.composition_offsets.len() + track.open.len();
        let sync = track.sync.as_ref().map_or(0, Vec::len);
        2048 + 4 * (samples + sync)
            + 8 * (pairs + track.chunk_offsets.len())
            + 12 * track.chunks.len()
    });
    1024 + sizes.sum::<usize>()
}
