//! `moov` with the tables of all samples.

use super::brands;
use super::movie::{self, Samples};
use super::stbl::Tables;
use super::writer::{BoxWriter, is_wide, mdat_header};
use crate::isobmff::error::Error;
use crate::isobmff::model::Movie;
use crate::isobmff::tables::{SampleSizes, TrackTables};

/// Where the samples of a progressive file lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placement {
    /// Offset in the file of the first byte of the payload of `mdat`.
    pub payload: u64,
    /// 64-bit chunk offsets, `co64`; `stco` else.
    pub wide: bool,
}

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

/// `moov` of a progressive file, `tables` in the order of the movie's tracks. Its size depends on `placement.wide`, not
/// on `placement.payload`.
///
/// # Errors
///
/// [`Error::Tables`] where there is not one for each track, [`Error::TooLarge`] for a chunk past 4 GiB in `stco`,
/// [`Error::BoxTooLarge`].
pub fn moov(movie: &Movie, tables: &[TrackTables], placement: Placement) -> Result<Vec<u8>, Error> {
    if tables.len() != movie.tracks.len() {
        return Err(Error::Tables {
            found: tables.len(),
            expected: movie.tracks.len(),
        });
    }
    let mut w = BoxWriter::with_capacity(bound(tables));
    let samples = Samples::Tables(&Tables {
        tracks: tables,
        payload: placement.payload,
        wide: placement.wide,
    });
    movie::moov(&mut w, movie, &samples);
    w.finish()
}

/// All of a moov-first file but its payload of `payload` bytes: `ftyp`, `moov`, and the header of `mdat`. Chunk offsets
/// are 64-bit only where the file needs it.
///
/// # Errors
///
/// Those of [`moov`].
pub fn progressive_header(
    movie: &Movie,
    tables: &[TrackTables],
    payload: u64,
) -> Result<Vec<u8>, Error> {
    let mut out = file_type(movie)?;
    let mdat = mdat_header(payload);
    let before = (out.len() + mdat.len()) as u64;
    let chunks = tables.iter().flat_map(|track| &track.chunk_offsets);
    let last = chunks.max().copied().unwrap_or(0);
    // Where offsets in the payload alone pass 32 bits, the narrow tables can't be written.
    let mut wide = is_wide(last);
    let start = |wide| {
        let placement = Placement { payload: 0, wide };
        let size = moov(movie, tables, placement)?.len() as u64;
        Ok::<_, Error>(before.saturating_add(size))
    };
    let mut payload = start(wide)?;
    if !wide && is_wide(payload.saturating_add(last)) {
        wide = true;
        payload = start(wide)?;
    }
    let placement = Placement { payload, wide };
    out.extend_from_slice(&moov(movie, tables, placement)?);
    out.extend_from_slice(&mdat);
    Ok(out)
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
