//! The framing: file header, chunk head, checksum.

use std::fmt;

use super::crc::crc32;
use super::error::Error;

/// Bytes of the file header.
pub const HEADER_BYTES: usize = 16;
/// Bytes before a chunk's payload.
pub const HEAD_BYTES: usize = 12;
/// Bytes of a chunk around its payload: head and CRC.
pub const FRAME_BYTES: u64 = 16;
/// Bytes of the footer.
pub const FOOTER_BYTES: usize = 4;

/// A chunk's four-character type.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChunkType(pub [u8; 4]);

impl ChunkType {
    /// Tracks, JSON.
    pub const TRACKS: Self = Self(*b"TRAK");
    /// Metadata sidecar, JSON.
    pub const META: Self = Self(*b"META");
    /// Safety and audit sidecar, JSON.
    pub const SAFETY: Self = Self(*b"SAFE");
    /// Verification sidecar, JSON.
    pub const VERIFICATION: Self = Self(*b"VERI");
    /// Notes sidecar, UTF-8 text.
    pub const NOTE: Self = Self(*b"NOTE");
    /// One block of a track.
    pub const BLOCK: Self = Self(*b"CORE");
    /// Version 1 seek table of a track.
    pub const SEEK_TABLE: Self = Self(*b"TSEK");
    /// Exact timing of the next blocks.
    pub const TIMING: Self = Self(*b"XTIM");
    /// Seek entries since the previous one.
    pub const INDEX: Self = Self(*b"XIDX");
    /// End of a finished file.
    pub const END: Self = Self(*b"XEND");
    /// Parameters of encryption.
    pub const KEY: Self = Self(*b"XKEY");
    /// Hashes of the file's segments.
    pub const HASHES: Self = Self(*b"XVER");

    /// True for the types whose payload the reader has to see, false for those it may skip.
    pub(crate) fn is_record(self) -> bool {
        matches!(
            self,
            Self::TRACKS
                | Self::META
                | Self::SAFETY
                | Self::VERIFICATION
                | Self::NOTE
                | Self::SEEK_TABLE
                | Self::TIMING
                | Self::INDEX
                | Self::END
        )
    }
}

impl fmt::Display for ChunkType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_ascii())
    }
}

impl fmt::Debug for ChunkType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The first 16 bytes of a file (specification section 1, `header`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FileHeader {
    /// Bit 0: extensions are present; bit 1: payloads are transformed.
    pub flags: u8,
    /// Version of the extensions, 0 without them.
    pub extension_version: u16,
    /// The user's time stamp in milliseconds.
    pub timestamp_ms: u64,
}

impl FileHeader {
    /// Flag: extensions are present.
    pub const EXTENSIONS: u8 = 1;
    /// Flag: payloads are compressed or encrypted.
    pub const TRANSFORMED: u8 = 2;

    /// True when the file says that it carries the extensions.
    pub fn has_extensions(&self) -> bool {
        self.flags & Self::EXTENSIONS != 0
    }

    /// The bytes of the header.
    pub fn to_bytes(self) -> [u8; HEADER_BYTES] {
        let mut out = [0; HEADER_BYTES];
        let (magic, rest) = out.split_at_mut(4);
        magic.copy_from_slice(b"H4MK");
        let fields = [1, self.flags]
            .into_iter()
            .chain(self.extension_version.to_le_bytes())
            .chain(self.timestamp_ms.to_le_bytes());
        rest.iter_mut()
            .zip(fields)
            .for_each(|(to, from)| *to = from);
        out
    }

    /// Reads the header.
    ///
    /// # Errors
    /// Too few bytes, another magic, the big-endian dialect, another version.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let truncated = Error::Truncated {
            offset: 0,
            what: "the file header",
            available: bytes.len() as u64,
            needed: HEADER_BYTES as u64,
        };
        if let Some(found) = bytes.first_chunk::<4>()
            && found != b"H4MK"
        {
            return Err(Error::BadMagic { found: *found });
        }
        let header: &[u8; HEADER_BYTES] = bytes.first_chunk().ok_or(truncated)?;
        let &[_, _, _, _, version, flags, r0, r1, t @ ..] = header;
        if [version, flags, r0, r1] == [0, 1, 0, 0] {
            return Err(Error::BigEndianDialect);
        }
        if version != 1 {
            return Err(Error::Version { found: version });
        }
        Ok(Self {
            flags,
            extension_version: u16::from_le_bytes([r0, r1]),
            timestamp_ms: u64::from_le_bytes(t),
        })
    }
}

/// The 12 bytes before a chunk's payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkHead {
    /// Type.
    pub kind: ChunkType,
    /// Flags, whose meaning depends on the type.
    pub flags: u32,
    /// Bytes of payload.
    pub length: u32,
}

impl ChunkHead {
    /// The bytes of the head.
    pub fn to_bytes(self) -> [u8; HEAD_BYTES] {
        let [a, b, c, d] = self.kind.0;
        let [e, f, g, h] = self.flags.to_le_bytes();
        let [i, j, k, l] = self.length.to_le_bytes();
        [a, b, c, d, e, f, g, h, i, j, k, l]
    }

    /// Reads a head; any 12 bytes are one.
    pub fn parse(bytes: &[u8; HEAD_BYTES]) -> Self {
        let &[a, b, c, d, e, f, g, h, i, j, k, l] = bytes;
        Self {
            kind: ChunkType([a, b, c, d]),
            flags: u32::from_le_bytes([e, f, g, h]),
            length: u32::from_le_bytes([i, j, k, l]),
        }
    }

    /// Bytes of the whole chunk: head, payload and CRC.
    pub fn total(self) -> u64 {
        u64::from(self.length) + FRAME_BYTES
    }
}

/// Checks the CRC of a whole chunk that starts at `offset`, and takes it apart.
///
/// # Errors
/// [`Error::Truncated`] when `bytes` ends early, [`Error::ChunkCrc`].
pub fn open_chunk(bytes: &[u8], offset: u64) -> Result<(ChunkHead, &[u8], u32), Error> {
    let truncated = |needed| Error::Truncated {
        offset,
        what: "a chunk",
        available: bytes.len() as u64,
        needed,
    };
    let head = bytes
        .first_chunk()
        .map(ChunkHead::parse)
        .ok_or_else(|| truncated(HEAD_BYTES as u64))?;
    let chunk = usize::try_from(head.total())
        .ok()
        .and_then(|total| bytes.get(..total))
        .ok_or_else(|| truncated(head.total()))?;
    let (content, stored) = chunk
        .split_last_chunk::<4>()
        .ok_or_else(|| truncated(head.total()))?;
    let found = u32::from_le_bytes(*stored);
    let expected = crc32(content);
    if found != expected {
        return Err(Error::ChunkCrc {
            offset,
            kind: head.kind,
            found,
            expected,
        });
    }
    let (_, payload) = content
        .split_at_checked(HEAD_BYTES)
        .ok_or_else(|| truncated(head.total()))?;
    Ok((head, payload, found))
}

/// Appends a whole chunk and returns its length in bytes.
///
/// # Errors
/// The length of a payload past 4 GiB, which a chunk can't hold.
pub fn put_chunk(
    out: &mut Vec<u8>,
    kind: ChunkType,
    flags: u32,
    payload: &[u8],
) -> Result<u64, usize> {
    let length = u32::try_from(payload.len()).map_err(|_| payload.len())?;
    let head = ChunkHead {
        kind,
        flags,
        length,
    };
    let mut crc = crc32fast::Hasher::new();
    for part in [&head.to_bytes(), payload] {
        crc.update(part);
        out.extend_from_slice(part);
    }
    out.extend_from_slice(&crc.finalize().to_le_bytes());
    Ok(head.total())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_big_endian_dialect_is_named() {
        let bytes = b"H4MK\x00\x01\x00\x00\0\0\0\0\0\0\0\0";
        assert_eq!(FileHeader::parse(bytes), Err(Error::BigEndianDialect));
    }

    #[test]
    fn a_header_comes_back() {
        let header = FileHeader {
            flags: 1,
            extension_version: 1,
            timestamp_ms: 1_700_000_000_123,
        };
        assert_eq!(FileHeader::parse(&header.to_bytes()), Ok(header));
    }

    #[test]
    fn a_chunk_comes_back_and_a_changed_byte_is_seen() {
        let mut out = Vec::new();
        put_chunk(&mut out, ChunkType::NOTE, 7, b"hello").unwrap();
        let (head, payload, _) = open_chunk(&out, 0).unwrap();
        assert_eq!((head.flags, payload), (7, &b"hello"[..]));
        for at in 0..out.len() {
            let mut bad = out.clone();
            bad[at] ^= 1;
            assert!(open_chunk(&bad, 0).is_err(), "byte {at}");
        }
    }
}
