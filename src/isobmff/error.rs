//! What the core refuses to write, with what was found and expected.

/// A writing error. Nothing of the box it names has been given out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A value does not fit the field that has to hold it.
    #[error("{field}: found {found}, expected at most {max}")]
    TooLarge {
        /// Box and field, such as `trun: data_offset`.
        field: &'static str,
        /// The value.
        found: u64,
        /// The most that the field holds.
        max: u64,
    },
    /// A box other than `mdat` has more bytes than its size field counts.
    #[error("box {kind}: found {size} bytes, expected at most {}", u32::MAX)]
    BoxTooLarge {
        /// Its type, four characters.
        kind: String,
        /// Its bytes.
        size: u64,
    },
    /// A fragment has samples of a track that the movie does not have.
    #[error(
        "fragment {sequence}: found samples of track {track}, expected one of the movie's {tracks} tracks"
    )]
    UnknownTrack {
        /// `sequence_number` of the fragment.
        sequence: u32,
        /// `track_ID`.
        track: u32,
        /// Tracks of the movie.
        tracks: usize,
    },
    /// Samples of one track fragment refer to different descriptions, but `tfhd` names one for all.
    #[error(
        "track {track}: found samples of description {found}, expected {expected} as for the fragment's first"
    )]
    MixedEntries {
        /// `track_ID`.
        track: u32,
        /// Place in [`Track::entries`](super::model::Track::entries) of the sample that differs.
        found: u32,
        /// Place of the first sample's.
        expected: u32,
    },
    /// Tables for another number of tracks than the movie has.
    #[error("sample tables: found those of {found} tracks, expected {expected}")]
    Tables {
        /// Tables.
        found: usize,
        /// Tracks of the movie.
        expected: usize,
    },
    /// A CMAF file has one track (ISO/IEC 23000-19, 7.3.2.2).
    #[error("CMAF: found {found} tracks, expected 1")]
    CmafTracks {
        /// Tracks of the movie.
        found: usize,
    },
}
