//! What can be wrong with the bytes of a file, each with its place.

use super::chunk::ChunkType;

/// A reading error. Every variant names the absolute offset at which the file is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The file does not begin with `H4MK`.
    #[error("offset 0: bad magic: found {found:02x?}, expected \"H4MK\"")]
    BadMagic {
        /// The first four bytes.
        found: [u8; 4],
    },
    /// The older big-endian dialect, which shares the magic.
    #[error(
        "offset 4: big-endian H4MK dialect (bytes 4..8 are 00 01 00 00), which is not supported; \
         expected little-endian version 1"
    )]
    BigEndianDialect,
    /// A version this reader does not know.
    #[error("offset 4: unsupported version: found {found}, expected 1")]
    Version {
        /// The version byte.
        found: u8,
    },
    /// The file ends before something that must be there.
    #[error("offset {offset}: file ends inside {what}: found {available} bytes, expected {needed}")]
    Truncated {
        /// Where the unfinished part begins.
        offset: u64,
        /// What is unfinished.
        what: &'static str,
        /// Bytes that are there.
        available: u64,
        /// Bytes that must be there.
        needed: u64,
    },
    /// The file ends after a whole chunk, without its footer.
    #[error("offset {offset}: no footer: the file is unfinished or cut")]
    MissingFooter {
        /// The end of the last whole chunk.
        offset: u64,
    },
    /// The checksum after a chunk does not hold.
    #[error(
        "offset {offset}: {kind} chunk is damaged: CRC found {found:08x}, expected {expected:08x}"
    )]
    ChunkCrc {
        /// Start of the chunk.
        offset: u64,
        /// Its type.
        kind: ChunkType,
        /// CRC stored in the file.
        found: u32,
        /// CRC of the bytes.
        expected: u32,
    },
    /// The checksum at the end of the file does not hold.
    #[error("offset {offset}: footer CRC found {found:08x}, expected {expected:08x}")]
    FooterCrc {
        /// Start of the footer.
        offset: u64,
        /// CRC stored in the file.
        found: u32,
        /// CRC of the bytes.
        expected: u32,
    },
    /// A field of a chunk has a value that it can't have.
    #[error("offset {offset}: {kind} chunk, {field}: found {found}, expected {expected}")]
    Field {
        /// Absolute offset of the field, or of the chunk for a field of a JSON.
        offset: u64,
        /// Type of the chunk.
        kind: ChunkType,
        /// Name of the field.
        field: &'static str,
        /// What is there.
        found: String,
        /// What should be.
        expected: String,
    },
    /// The JSON of a TRAK chunk is not what it must be.
    #[error("offset {offset}: TRAK chunk: {reason}")]
    Tracks {
        /// Start of the chunk.
        offset: u64,
        /// What is wrong, in words.
        reason: String,
    },
}

impl Error {
    /// Absolute offset at which the file is wrong.
    pub fn offset(&self) -> u64 {
        match self {
            Self::BadMagic { .. } => 0,
            Self::BigEndianDialect | Self::Version { .. } => 4,
            Self::Truncated { offset, .. }
            | Self::MissingFooter { offset }
            | Self::ChunkCrc { offset, .. }
            | Self::FooterCrc { offset, .. }
            | Self::Field { offset, .. }
            | Self::Tracks { offset, .. } => *offset,
        }
    }
}
