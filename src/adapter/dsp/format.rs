//! The block `DSP0`.

use super::super::{Block, Error};

const MAGIC: &[u8; 4] = b"DSP0";
/// Magic, count and reserved.
const HEAD: usize = 8;
/// Bin, magnitude and phase.
const ENTRY: usize = 6;
/// Magnitude 1, and a whole turn of phase.
pub(super) const TURN: u16 = u16::MAX;

/// Magnitude and phase of a bin, in steps of the format.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bin {
    pub magnitude: u16,
    /// Less than [`TURN`].
    pub phase: u16,
}

impl Bin {
    fn new(magnitude: u16, phase: u16) -> Self {
        Self {
            magnitude,
            phase: phase % TURN,
        }
    }

    /// Adds magnitudes up to 1, and phases modulo a turn.
    pub fn add(&mut self, other: Self) {
        self.magnitude = self.magnitude.saturating_add(other.magnitude);
        let phase = (u32::from(self.phase) + u32::from(other.phase)) % u32::from(TURN);
        // What is left of a division by a u16 is one.
        self.phase = u16::try_from(phase).unwrap_or(0);
    }

    /// 0 to 1.
    pub fn amplitude(self) -> f64 {
        f64::from(self.magnitude) / f64::from(TURN)
    }

    /// From 0 to less than 1.
    pub fn turns(self) -> f64 {
        f64::from(self.phase) / f64::from(TURN)
    }
}

/// What a block says of a bin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    pub bin: usize,
    pub value: Bin,
}

/// The entries of a block for a transform of `bins` bins, all of them checked.
pub(super) fn parse(block: &Block, bins: usize) -> Result<Vec<Entry>, Error> {
    let bytes = block.bytes()?;
    let Some((head, mut rest)) = bytes.split_first_chunk::<HEAD>() else {
        return Err(block.error(format!(
            "length: found {} bytes, expected {HEAD} at least",
            bytes.len()
        )));
    };
    let [m0, m1, m2, m3, c0, c1, r0, r1] = *head;
    let magic = [m0, m1, m2, m3];
    if magic != *MAGIC {
        return Err(block.error(format!(
            "magic: found \"{}\", expected \"DSP0\"",
            magic.escape_ascii()
        )));
    }
    let reserved = u16::from_le_bytes([r0, r1]);
    if reserved != 0 {
        return Err(block.error(format!("reserved: found {reserved}, expected 0")));
    }
    let count = usize::from(u16::from_le_bytes([c0, c1]));
    let expected = HEAD + count * ENTRY;
    if bytes.len() != expected {
        return Err(block.error(format!(
            "length: found {} bytes, expected {expected} for a count of {count}",
            bytes.len()
        )));
    }

    let mut entries = Vec::with_capacity(count);
    while let Some((&[b0, b1, m0, m1, p0, p1], further)) = rest.split_first_chunk::<ENTRY>() {
        let bin = usize::from(u16::from_le_bytes([b0, b1]));
        if bin >= bins {
            return Err(block.error(format!(
                "entry {}: found bin {bin}, expected at most {}",
                entries.len(),
                bins.saturating_sub(1)
            )));
        }
        let value = Bin::new(u16::from_le_bytes([m0, m1]), u16::from_le_bytes([p0, p1]));
        entries.push(Entry { bin, value });
        rest = further;
    }
    Ok(entries)
}
