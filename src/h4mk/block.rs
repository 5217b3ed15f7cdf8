//! Blocks: what a CORE chunk holds and what is known about it.

use super::chunk::{ChunkHead, ChunkType, FOOTER_BYTES, HEAD_BYTES};
use super::error::Error;
use super::timing::{Record, Timing, Transform};

/// Bytes of a CORE before its opaque bytes: chunk head, `H4TB`, track id, reserved.
pub const BLOCK_HEAD_BYTES: usize = HEAD_BYTES + 8;
/// Bytes of a CORE's payload before its opaque bytes.
pub const BLOCK_PREFIX_BYTES: u32 = 8;
/// The largest PTS of version 1 in milliseconds: 28 bits, 74.6 hours.
pub const MAX_PTS_MS: u32 = (1 << 28) - 1;

/// A time in nanoseconds as version 1 has it: the floor in milliseconds, clamped to 28 bits.
pub fn floor_ms(time_ns: i64) -> u32 {
    let ms = time_ns
        .div_euclid(1_000_000)
        .clamp(0, i64::from(MAX_PTS_MS));
    u32::try_from(ms).unwrap_or(MAX_PTS_MS)
}

/// What a block needs to be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Decodes on its own.
    I,
    /// Needs blocks before it.
    P,
    /// Needs blocks before it and is shown before one of them.
    B,
}

impl Kind {
    /// The kind in bits 28..29 of a CORE's flags, `None` for the value that is not in use.
    pub fn from_flags(flags: u32) -> Option<Self> {
        match flags >> 28 & 3 {
            0 => Some(Self::I),
            1 => Some(Self::P),
            2 => Some(Self::B),
            _ => None,
        }
    }

    /// The kind as bits 28..29 of a CORE's flags.
    pub fn to_flags(self) -> u32 {
        (self as u32) << 28
    }

    /// True for a block that decodes on its own.
    pub fn is_key(self) -> bool {
        self == Self::I
    }

    /// `"I"`, `"P"` or `"B"`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::I => "I",
            Self::P => "P",
            Self::B => "B",
        }
    }
}

/// Tells the kind of a track's blocks from delta flag and PTS (specification section 4).
#[derive(Debug, Clone, Copy, Default)]
pub struct KindTracker {
    highest: Option<i64>,
}

impl KindTracker {
    /// The kind of the next block in decode order; `pts` in nanoseconds.
    pub fn classify(&mut self, delta: bool, pts: Option<i64>) -> Kind {
        let kind = match (delta, pts, self.highest) {
            (false, ..) => Kind::I,
            (true, Some(pts), Some(highest)) if pts < highest => Kind::B,
            (true, ..) => Kind::P,
        };
        self.highest = if kind.is_key() {
            pts
        } else {
            self.highest.max(pts)
        };
        kind
    }
}

/// Samples to cut from a decoded audio block, as `GstAudioClippingMeta` has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clipping {
    /// Samples to cut from the start.
    pub start: u64,
    /// Samples to cut from the end.
    pub end: u64,
}

/// What the writer is told about a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockMeta {
    /// The track, which must be in the TRAK in force.
    pub track_id: u16,
    /// What the block needs to be decoded.
    pub kind: Kind,
    /// Times in nanoseconds of stream running time.
    pub timing: Timing,
    /// The block does not follow the one before it.
    pub discont: bool,
    /// The block is a stream header.
    pub header: bool,
    /// No other block needs this one.
    pub droppable: bool,
    /// Remaining buffer flags: marker, gap, corrupted, interlacing.
    pub buffer_flags: u32,
    /// Samples to cut from the decoded block.
    pub clipping: Option<Clipping>,
    /// Bytes of the opaque payload.
    pub len: u32,
}

/// A block found by the walker.
#[derive(Debug, Clone)]
pub struct Block {
    /// Number of the block in the file, from 0; `None` where it can't be known.
    pub sequence: Option<u64>,
    /// Number of the block in its track, from 0; `None` after a jump with no anchor.
    pub number: Option<u64>,
    /// PTS of version 1, in milliseconds.
    pub pts_ms: u32,
    /// Exact times and flags; from the milliseconds alone where `exact` is false.
    pub meta: BlockMeta,
    /// True when a timing record was bound to the block.
    pub exact: bool,
    /// How the stored bytes were transformed, if they were.
    pub transform: Option<Transform>,
    /// Start of the CORE chunk.
    pub offset: u64,
    /// Where to read from to meet this block with its timing: its XTIM, else its CORE.
    pub group_offset: u64,
    /// The chunk's flags.
    pub flags: u32,
    /// Checks the chunk's CRC.
    pub check: PayloadCheck,
}

impl Block {
    /// Absolute position of the CORE's payload, as version 1 names blocks.
    pub fn payload_offset(&self) -> u64 {
        self.offset + HEAD_BYTES as u64
    }

    /// Absolute position of the opaque bytes.
    pub fn data_offset(&self) -> u64 {
        self.offset + BLOCK_HEAD_BYTES as u64
    }

    /// Absolute position of the byte after the chunk.
    pub fn end(&self) -> u64 {
        self.data_offset() + u64::from(self.meta.len) + FOOTER_BYTES as u64
    }

    /// PTS, else DTS, in nanoseconds.
    pub fn time(&self) -> Option<i64> {
        self.meta.timing.pts.or(self.meta.timing.dts)
    }

    pub(crate) fn new(core: Core, record: Option<Record>, offset: u64) -> Self {
        let plain = BlockMeta {
            track_id: core.track_id,
            kind: core.kind,
            timing: Timing {
                pts: Some(i64::from(core.pts_ms) * 1_000_000),
                dts: None,
                duration: None,
            },
            discont: false,
            header: false,
            droppable: false,
            buffer_flags: 0,
            clipping: None,
            len: core.len,
        };
        let meta = record.as_ref().map_or(plain, |r| BlockMeta {
            timing: r.timing,
            discont: r.discont,
            header: r.header,
            droppable: r.droppable,
            buffer_flags: r.buffer_flags,
            clipping: r.clipping,
            ..plain
        });
        Self {
            sequence: None,
            number: None,
            pts_ms: core.pts_ms,
            meta,
            exact: record.is_some(),
            transform: record.and_then(|r| r.transform),
            offset,
            group_offset: offset,
            flags: core.flags,
            check: core.check,
        }
    }
}

/// The first 20 bytes of a CORE chunk, taken apart.
#[derive(Debug, Clone)]
pub(crate) struct Core {
    pub track_id: u16,
    pub kind: Kind,
    pub pts_ms: u32,
    pub flags: u32,
    /// Bytes of opaque payload.
    pub len: u32,
    pub check: PayloadCheck,
}

impl Core {
    /// Reads `bytes`, the first 20 of a CORE at absolute `offset`.
    pub(crate) fn parse(bytes: &[u8; BLOCK_HEAD_BYTES], offset: u64) -> Result<Self, Error> {
        let &[
            h0,
            h1,
            h2,
            h3,
            h4,
            h5,
            h6,
            h7,
            h8,
            h9,
            h10,
            h11,
            m0,
            m1,
            m2,
            m3,
            t0,
            t1,
            _,
            _,
        ] = bytes;
        let head = ChunkHead::parse(&[h0, h1, h2, h3, h4, h5, h6, h7, h8, h9, h10, h11]);
        let error = |at: u64, field, found: String, expected: &str| Error::Field {
            offset: offset + at,
            kind: ChunkType::BLOCK,
            field,
            found,
            expected: expected.to_string(),
        };
        let len = head
            .length
            .checked_sub(BLOCK_PREFIX_BYTES)
            .ok_or_else(|| error(8, "length", head.length.to_string(), "at least 8"))?;
        let magic = [m0, m1, m2, m3];
        if &magic != b"H4TB" {
            let found = magic.escape_ascii().to_string();
            return Err(error(12, "magic", found, "H4TB"));
        }
        if head.flags >> 30 != 0 {
            return Err(error(
                4,
                "flags",
                format!("{:#010x}", head.flags),
                "bits 30 and 31 zero",
            ));
        }
        let kind = Kind::from_flags(head.flags)
            .ok_or_else(|| error(4, "flags, kind", "3".to_string(), "0, 1 or 2"))?;
        Ok(Self {
            track_id: u16::from_le_bytes([t0, t1]),
            kind,
            pts_ms: head.flags & MAX_PTS_MS,
            flags: head.flags,
            len,
            check: PayloadCheck::new(head, offset, bytes),
        })
    }
}

/// Checks the CRC of a chunk whose payload the walker did not need to see.
///
/// Feed the bytes from [`PayloadCheck::next_offset`] to the end of the payload, in as many pieces as is
/// handy, then hand over the four bytes that follow.
#[derive(Debug, Clone)]
pub struct PayloadCheck {
    hasher: crc32fast::Hasher,
    kind: ChunkType,
    offset: u64,
    next: u64,
    left: u64,
}

impl PayloadCheck {
    /// `seen` are the first bytes of the chunk at `offset`, its head included.
    pub(crate) fn new(head: ChunkHead, offset: u64, seen: &[u8]) -> Self {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(seen);
        let seen = seen.len() as u64;
        Self {
            hasher,
            kind: head.kind,
            offset,
            next: offset + seen,
            left: (u64::from(head.length) + HEAD_BYTES as u64).saturating_sub(seen),
        }
    }

    /// Absolute position of the first byte still to be fed.
    pub fn next_offset(&self) -> u64 {
        self.next
    }

    /// Bytes still to be fed before the stored CRC.
    pub fn left(&self) -> u64 {
        self.left
    }

    /// Takes a piece of the payload; what goes beyond its end is not counted.
    pub fn update(&mut self, piece: &[u8]) {
        let wanted = usize::try_from(self.left).map_or(piece.len(), |n| n.min(piece.len()));
        let piece = piece.get(..wanted).unwrap_or(piece);
        self.hasher.update(piece);
        self.next += wanted as u64;
        self.left -= wanted as u64;
    }

    /// The CRC that the chunk must end with.
    pub fn expected(&self) -> u32 {
        self.hasher.clone().finalize()
    }

    /// Compares with the four bytes stored after the payload.
    ///
    /// # Errors
    /// [`Error::Truncated`] when not all of the payload was fed, [`Error::ChunkCrc`].
    pub fn finish(self, stored: [u8; 4]) -> Result<(), Error> {
        if self.left > 0 {
            return Err(Error::Truncated {
                offset: self.offset,
                what: "a chunk",
                available: self.next - self.offset,
                needed: self.next - self.offset + self.left + FOOTER_BYTES as u64,
            });
        }
        let found = u32::from_le_bytes(stored);
        let expected = self.hasher.finalize();
        if found == expected {
            return Ok(());
        }
        Err(Error::ChunkCrc {
            offset: self.offset,
            kind: self.kind,
            found,
            expected,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_follow_delta_flag_and_the_highest_pts_since_the_key() {
        let mut kinds = KindTracker::default();
        let got: String = [
            (false, 100),
            (true, 60), // leading picture of an open group
            (true, 220),
            (true, 140),
            (true, 180),
            (true, 260),
            (false, 200),
            (true, 240),
        ]
        .into_iter()
        .map(|(delta, pts)| kinds.classify(delta, Some(pts)).as_str())
        .collect();
        assert_eq!(got, "IBPBBPIP");
    }
}
