//! FLAC: `dfLa` (FLAC in ISOBMFF, 3.3.2) from metadata blocks, and frame headers (RFC 9639, 8 and 9).

use super::{Error, bits::Bits};

/// Name of the comment that holds a channel mask, without which six channels are in the usual order.
const CHANNEL_MASK: &[u8] = b"WAVEFORMATEXTENSIBLE_CHANNEL_MASK=";
/// Type of the block VORBIS_COMMENT.
const COMMENT: u8 = 4;

/// What the metadata blocks say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The payload of `dfLa` without version and flags: STREAMINFO, and the comments where they tell which channel is
    /// which. Tags, pictures and seek points have places of their own in MP4.
    pub blocks: Vec<u8>,
    /// Hz.
    pub rate: u32,
    /// Channels.
    pub channels: u8,
    /// Bits of a sample.
    pub bits_per_sample: u8,
    /// Least and most samples of a frame.
    pub block_size: (u16, u16),
}

impl Config {
    /// Reads the headers of a stream: metadata blocks, one or more a buffer, the first with the magic `fLaC` before it,
    /// or with the header of FLAC in Ogg (0x7F `FLAC`), or neither.
    ///
    /// # Errors
    /// When the first block is no STREAMINFO, or one is cut.
    pub fn parse<'a>(headers: impl IntoIterator<Item = &'a [u8]>) -> Result<Self, Error> {
        let mut info: Option<&[u8]> = None;
        let mut comment: Option<&[u8]> = None;
        for header in headers {
            let mut bits = Bits::new("FLAC metadata", blocks_of(header));
            while bits.left() > 0 {
                bits.skip(1, "last-metadata-block flag")?;
                let kind = bits.small(7, "block type")?;
                let length = bits.take(24, "block length")?;
                let block = bits.slice(length as usize, "block")?;
                match (kind, info) {
                    (0, None) => info = Some(block),
                    (_, None) => return Err(bits.wrong("block type", kind, "0 (STREAMINFO)")),
                    (COMMENT, _) if tells_channels(block) => comment = Some(block),
                    _ => {}
                }
            }
        }
        let bits = Bits::new("FLAC metadata", &[]);
        let info = info.ok_or_else(|| bits.wrong("STREAMINFO", "none", "one"))?;
        Self::from_blocks(info, comment)
    }

    fn from_blocks(info: &[u8], comment: Option<&[u8]>) -> Result<Self, Error> {
        let mut bits = Bits::new("FLAC STREAMINFO", info);
        if info.len() != 34 {
            return Err(bits.wrong("length", info.len(), "34 bytes"));
        }
        let least = bits.take(16, "minimum block size")? as u16;
        let most = bits.take(16, "maximum block size")? as u16;
        bits.skip(48, "frame sizes")?;
        let rate = bits.take(20, "sample rate")?;
        if rate == 0 {
            return Err(bits.wrong("sample rate", rate, "1 Hz or more"));
        }
        let channels = bits.small(3, "channels")? + 1;
        let bits_per_sample = bits.small(5, "bits per sample")? + 1;
        let mut blocks = Vec::new();
        put_block(&mut blocks, 0, comment.is_none(), info);
        if let Some(comment) = comment {
            put_block(&mut blocks, COMMENT, true, comment);
        }
        Ok(Self {
            blocks,
            rate,
            channels,
            bits_per_sample,
            block_size: (least, most),
        })
    }
}

/// A header without what is before its blocks.
fn blocks_of(header: &[u8]) -> &[u8] {
    // 0x7F, "FLAC", version, number of headers: 9 bytes.
    let header = match header.strip_prefix(b"\x7fFLAC") {
        Some(rest) => rest.get(4..).unwrap_or_default(),
        None => header,
    };
    header.strip_prefix(b"fLaC").unwrap_or(header)
}

/// True of a VORBIS_COMMENT with a channel mask.
fn tells_channels(comment: &[u8]) -> bool {
    comment
        .windows(CHANNEL_MASK.len())
        .any(|name| name.eq_ignore_ascii_case(CHANNEL_MASK))
}

fn put_block(out: &mut Vec<u8>, kind: u8, last: bool, block: &[u8]) {
    // What was read has a length of 24 bits.
    let [_, length @ ..] = (block.len() as u32).to_be_bytes();
    out.push((u8::from(last) << 7) | kind);
    out.extend(length);
    out.extend_from_slice(block);
}

/// True when a buffer begins with the sync code of a frame; without it, it is a header.
pub fn has_sync(buffer: &[u8]) -> bool {
    matches!(buffer, [0xff, second, ..] if second & 0xfe == 0xf8)
}

/// Samples of the frame at the start of a buffer (RFC 9639, 9.1).
///
/// # Errors
/// When no frame begins there, or its header is cut or has a reserved block size.
pub fn samples(frame: &[u8]) -> Result<u32, Error> {
    let mut bits = Bits::new("FLAC frame", frame);
    let sync = bits.take(15, "sync code")?;
    if sync != 0x7ffc {
        return Err(bits.wrong("sync code", format!("{sync:#x}"), "0x7ffc"));
    }
    bits.skip(1, "blocking strategy")?;
    let size = bits.small(4, "block size")?;
    bits.skip(12, "sample rate to reserved bit")?;
    let length = match (bits.peek(8) as u8).leading_ones() {
        0 => 1,
        ones @ 2..=7 => ones,
        _ => return Err(bits.wrong("coded number", bits.peek(8), "a UTF-8 sequence")),
    };
    bits.skip(8 * length as usize, "coded number")?;
    match size {
        0 => Err(bits.wrong("block size", 0, "1 to 15")),
        1 => Ok(192),
        2..=5 => Ok(144 << size),
        6 => Ok(bits.take(8, "block size")? + 1),
        7 => Ok(bits.take(16, "block size")? + 1),
        _ => Ok(1 << size),
    }
}
