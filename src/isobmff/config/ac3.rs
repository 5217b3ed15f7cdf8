//! AC-3: `dac3` from a synchronization frame (ETSI TS 102 366, 4.4 and F.4).

use super::{Error, bits::Bits};

/// Samples of every frame.
pub const SAMPLES: u32 = 1536;

/// What the header of a frame says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// The payload of `dac3`.
    pub record: [u8; 3],
    /// Hz.
    pub rate: u32,
    /// Channels, the low frequency one included.
    pub channels: u16,
}

/// Hz of `fscod`.
pub(super) const RATES: [u32; 3] = [48_000, 44_100, 32_000];

/// Channels of `acmod`, without the low frequency one.
pub(super) fn channels(acmod: u8, lfe: bool) -> u16 {
    let full = match acmod {
        1 => 1,
        0 | 2 => 2,
        3 | 4 => 3,
        5 | 6 => 4,
        _ => 5,
    };
    full + u16::from(lfe)
}

impl Config {
    /// Reads `syncinfo` and the beginning of `bsi` of a frame.
    ///
    /// # Errors
    /// When it is cut, no AC-3, or has reserved codes.
    pub fn parse(frame: &[u8]) -> Result<Self, Error> {
        let mut bits = Bits::new("AC-3 frame", frame);
        let sync = bits.take(16, "syncword")?;
        if sync != 0x0b77 {
            return Err(bits.wrong("syncword", format!("{sync:04x}"), "0b77"));
        }
        bits.skip(16, "crc1")?;
        let fscod = bits.small(2, "fscod")?;
        let rate = RATES.get(usize::from(fscod)).copied();
        let rate = rate.ok_or_else(|| bits.wrong("fscod", fscod, "0 to 2"))?;
        let frmsizecod = bits.small(6, "frmsizecod")?;
        if frmsizecod > 37 {
            return Err(bits.wrong("frmsizecod", frmsizecod, "0 to 37"));
        }
        let bsid = bits.small(5, "bsid")?;
        if bsid > 10 {
            return Err(bits.wrong("bsid", bsid, "10 at most (AC-3)"));
        }
        let bsmod = bits.small(3, "bsmod")?;
        let acmod = bits.small(3, "acmod")?;
        if acmod & 1 == 1 && acmod != 1 {
            bits.skip(2, "cmixlev")?;
        }
        if acmod & 4 != 0 {
            bits.skip(2, "surmixlev")?;
        }
        if acmod == 2 {
            bits.skip(2, "dsurmod")?;
        }
        let lfe = bits.flag("lfeon")?;
        let record = (u32::from(fscod) << 22)
            | (u32::from(bsid) << 17)
            | (u32::from(bsmod) << 14)
            | (u32::from(acmod) << 11)
            | (u32::from(lfe) << 10)
            | (u32::from(frmsizecod / 2) << 5);
        let [_, record @ ..] = record.to_be_bytes();
        Ok(Self {
            record,
            // 9 and 10 are the half and the quarter rates of later use.
            rate: rate >> bsid.saturating_sub(8),
            channels: channels(acmod, lfe),
        })
    }
}
