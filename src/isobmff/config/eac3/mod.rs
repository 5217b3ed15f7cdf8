//! E-AC-3: `dec3` from the synchronization frames of an access unit (ETSI TS 102 366, E.1 and F.6).

mod frame;

pub use frame::Frame;

use super::{Error, bits::Bits};

/// What an access unit says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The payload of `dec3`.
    pub record: Vec<u8>,
    /// Hz.
    pub rate: u32,
    /// Channels of the first independent substream with those that its dependents add.
    pub channels: u16,
}

/// An independent substream and those that depend on it.
struct Program {
    frame: Frame,
    dependents: u8,
    /// `chan_loc`.
    locations: u16,
}

/// The frames of a buffer, one after the other.
fn frames(unit: &[u8]) -> impl Iterator<Item = Result<Frame, Error>> {
    let mut rest = unit;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let frame = Frame::parse(rest);
        rest = match &frame {
            Ok(frame) => rest.get(frame.size..).unwrap_or_default(),
            Err(_) => &[],
        };
        Some(frame)
    })
}

/// Samples of a buffer: those of the first independent substream. Dependent substreams and other programs last as long as
/// it does; a buffer of such alone lasts nothing.
///
/// # Errors
/// When a frame can't be read.
pub fn samples(unit: &[u8]) -> Result<u32, Error> {
    let mut samples = 0u32;
    for frame in frames(unit) {
        let frame = frame?;
        if !frame.dependent && frame.substream == 0 {
            samples = samples.saturating_add(frame.samples());
        }
    }
    Ok(samples)
}

impl Config {
    /// Makes the record from an access unit.
    ///
    /// # Errors
    /// When a frame can't be read, or the first depends on another.
    pub fn parse(unit: &[u8]) -> Result<Self, Error> {
        let bits = Bits::new("E-AC-3 access unit", unit);
        let mut programs: Vec<Program> = Vec::new();
        let (mut bytes, mut samples) = (0u64, 0u64);
        for frame in frames(unit) {
            let frame = frame?;
            bytes += frame.size as u64;
            if frame.dependent {
                let needed = || bits.wrong("strmtyp", "a dependent", "an independent frame first");
                let program = programs.last_mut().ok_or_else(needed)?;
                // The frames of the next blocks repeat the substreams of the first.
                if program.dependents <= frame.substream {
                    program.dependents = frame.substream + 1;
                }
                program.locations |= frame.locations;
                continue;
            }
            if frame.substream == 0 {
                samples += u64::from(frame.samples());
            }
            if usize::from(frame.substream) >= programs.len() {
                programs.push(Program {
                    frame,
                    dependents: 0,
                    locations: 0,
                });
            }
        }
        let first = programs
            .first()
            .ok_or_else(|| bits.wrong("frames", "none", "one at least"))?;
        let rate = first.frame.rate;
        let added = u16::try_from(2 * (first.locations & 0x73).count_ones()).unwrap_or(0);
        let single = u16::try_from((first.locations & !0x73).count_ones()).unwrap_or(0);
        Ok(Self {
            rate,
            channels: first.frame.channels() + added + single,
            record: record(&programs, bytes, samples),
        })
    }
}

/// The payload of `dec3`.
fn record(programs: &[Program], bytes: u64, samples: u64) -> Vec<u8> {
    let rate = programs.first().map_or(0, |p| u64::from(p.frame.rate));
    let second = samples * 1000;
    let kilobits = (bytes * 8 * rate + second / 2)
        .checked_div(second)
        .unwrap_or(0);
    let count = programs.len().saturating_sub(1) as u64;
    let mut out = ((kilobits.min(0x1fff) << 3 | count.min(7)) as u16)
        .to_be_bytes()
        .to_vec();
    for program in programs.iter().take(8) {
        let frame = &program.frame;
        let bit = |yes: bool| u32::from(yes);
        let fixed = (u32::from(frame.fscod) << 22)
            | (u32::from(frame.bsid) << 17)
            | (u32::from(frame.bsmod) << 12)
            | (u32::from(frame.acmod) << 9)
            | (bit(frame.lfe) << 8)
            | (u32::from(program.dependents.min(15)) << 1)
            | u32::from(program.locations >> 8);
        let [_, fixed @ ..] = fixed.to_be_bytes();
        out.extend(fixed);
        if program.dependents > 0 {
            out.push(program.locations as u8);
        }
    }
    if let Some(complexity) = programs.first().and_then(|p| p.frame.objects) {
        out.extend([1, complexity]);
    }
    out
}
