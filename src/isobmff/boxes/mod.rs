//! Writes boxes, one file a family.
//!
//! A fragmented file is [`init_segment`], then for each fragment [`fragment_header`] and its payload, then [`mfra`]
//! where it is wanted. A progressive one is [`progressive_header`] and the payload, or pieces of it: [`file_type`],
//! [`moov`], [`mdat_header`].

mod brands;
mod fragment;
mod groups;
mod index;
mod language;
mod movie;
mod progressive;
mod stbl;
mod stsd;
mod tags;
#[cfg(test)]
mod tests;
mod track;
mod writer;

pub use brands::{SegmentKind, SegmentType};
pub use fragment::{FragmentOptions, fragment_header};
pub use index::{
    Access, AccessPoint, ProducerTime, SegmentIndex, Subsegment, TrackAccess,
    earliest_presentation, mfra, sidx, sidx_size,
};
pub use progressive::{Placement, file_type, moov, progressive_header};
pub use writer::mdat_header;

use super::error::Error;
use super::model::{Movie, Variant};
use writer::BoxWriter;

/// `ftyp` and a `moov` without samples: what fragments need to be understood.
///
/// # Errors
///
/// [`Error`] where a CMAF movie has not one track, or a box would pass 4 GiB.
pub fn init_segment(movie: &Movie) -> Result<Vec<u8>, Error> {
    if movie.variant == Variant::Cmaf && movie.tracks.len() != 1 {
        return Err(Error::CmafTracks {
            found: movie.tracks.len(),
        });
    }
    let mut w = BoxWriter::with_capacity(1024 * (1 + movie.tracks.len()));
    brands::ftyp(&mut w, movie);
    movie::moov(&mut w, movie, &movie::Samples::Fragmented);
    w.finish()
}
