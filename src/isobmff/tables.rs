//! Rows of the sample tables in the `moov` of a progressive file (ISO/IEC 14496-12, 8.5 to 8.9).

/// The tables of one track's `stbl`, run-length coded as the boxes have them. The durations of `mdhd`, `tkhd` and
/// `mvhd` follow from them and from the track's edits.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TrackTables {
    /// `stts`: samples in decoding order.
    pub durations: Vec<DurationRun>,
    /// `ctts`, version 0; empty where every offset is 0: the box is left out.
    pub composition_offsets: Vec<OffsetRun>,
    /// `stss`: numbers of the sync samples, from 1; `None` where all are: the box is left out.
    pub sync: Option<Vec<u32>>,
    /// `stsc`: chunks of one shape, by their first.
    pub chunks: Vec<ChunkRun>,
    /// `stsz`.
    pub sizes: SampleSizes,
    /// `stco` or `co64`: for each chunk, bytes from the first byte of the payload of `mdat`.
    pub chunk_offsets: Vec<u64>,
    /// `roll_distance` of every sample, for `sgpd` and `sbgp` of type `roll`.
    pub roll_distance: Option<i16>,
    /// `sbgp` of type `rap `: runs of samples that are open-GOP sync samples and of those that are not; empty where
    /// none is.
    pub open: Vec<MemberRun>,
}

/// A row of `stts`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DurationRun {
    /// Samples in a row.
    pub count: u32,
    /// Ticks from the decoding time of each to the next one's.
    pub duration: u32,
}

/// A row of `ctts`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OffsetRun {
    /// Samples in a row.
    pub count: u32,
    /// Ticks from the decoding to the composition time of each.
    pub offset: u32,
}

/// A row of `stsc`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkRun {
    /// Number of the first chunk of this shape, from 1.
    pub first_chunk: u32,
    /// Samples in each of the chunks.
    pub samples: u32,
    /// Place of their description in [`Track::entries`](super::model::Track::entries), from 0.
    pub entry: u32,
}

/// `stsz`: bytes of the samples.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SampleSizes {
    /// All have one size.
    Constant {
        /// Bytes of each.
        size: u32,
        /// Samples.
        count: u32,
    },
    /// Bytes of each, in decoding order.
    Each(Vec<u32>),
}

impl Default for SampleSizes {
    fn default() -> Self {
        Self::Each(Vec::new())
    }
}

/// A row of `sbgp`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemberRun {
    /// Samples in a row.
    pub count: u32,
    /// They are members of the group.
    pub member: bool,
}
