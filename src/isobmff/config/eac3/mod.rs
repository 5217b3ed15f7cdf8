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

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame of 64 bytes from its fields: each a value and its number of bits.
    fn frame(fields: &[(u32, u32)]) -> Vec<u8> {
        let mut bits = Vec::new();
        for (value, count) in fields {
            bits.extend((0..*count).rev().map(|at| (value >> at) & 1 == 1));
        }
        bits.resize(64 * 8, false);
        let byte = |bits: &[bool]| bits.iter().fold(0, |byte, bit| byte << 1 | u8::from(*bit));
        bits.chunks(8).map(byte).collect()
    }

    /// 3/2 with the low frequency channel at 48 kHz; `tail` follows `dialnorm`.
    fn independent(substream: u32, blocks: u32, tail: &[(u32, u32)]) -> Vec<u8> {
        let head = [
            (0x0b77, 16),
            (0, 2),
            (substream, 3),
            (31, 11),
            (0, 2),
            (blocks, 2),
            (7, 3),
            (1, 1),
            (16, 5),
            (0, 5),
        ];
        frame(&[&head, tail].concat())
    }

    /// 2/0 that lies at `map`.
    fn dependent(map: u32) -> Vec<u8> {
        frame(&[
            (0x0b77, 16),
            (1, 2),
            (0, 3),
            (31, 11),
            (0, 2),
            (3, 2),
            (2, 3),
            (0, 1),
            (16, 5),
            (0, 5),
            (0, 1),
            (1, 1),
            (map, 16),
        ])
    }

    #[test]
    fn dependents_add_channels_and_no_time() {
        // Lrs/Rrs is bit 6 of the map, from the highest.
        let unit = [independent(0, 3, &[]), dependent(1 << 9)].concat();
        assert_eq!(samples(&unit), Ok(1536));
        assert_eq!(samples(&dependent(1 << 9)), Ok(0));
        let config = Config::parse(&unit).unwrap();
        assert_eq!((config.rate, config.channels), (48_000, 8));
        // 128 bytes in 32 ms; one dependent; Lrs/Rrs is bit 1 of chan_loc.
        assert_eq!(config.record, [1, 0, 0x20, 0x0f, 2, 2]);
        let error = Config::parse(&dependent(0)).unwrap_err().to_string();
        assert!(error.contains("independent"), "{error}");
    }

    #[test]
    fn blocks_of_several_frames_add_up() {
        let unit = [independent(0, 1, &[]), independent(0, 1, &[])].concat();
        assert_eq!(samples(&unit), Ok(1024));
        let config = Config::parse(&unit).unwrap();
        assert_eq!(config.record.len(), 5, "one program");
        let two = [independent(0, 3, &[]), independent(1, 3, &[])].concat();
        assert_eq!(samples(&two), Ok(1536));
        assert_eq!(Config::parse(&two).unwrap().record.len(), 8);
    }

    #[test]
    fn service_and_objects_are_behind_the_mixing_metadata() {
        let tail = [
            (0, 1),     // compre
            (1, 1),     // mixmdate
            (0, 2 + 6), // dmixmod, ltrtcmixlev, lorocmixlev
            (0, 6),     // ltrtsurmixlev, lorosurmixlev
            (1, 1),     // lfemixlevcode
            (0, 5),
            (0, 2), // pgmscle, extpgmscle
            (3, 2), // mixdef
            (1, 5), // three bytes
            (0xff_ffff, 24),
            (0, 1), // frmmixcfginfoe
            (1, 1), // infomdate
            (5, 3), // bsmod
            (0, 2 + 2),
            (0, 1), // audprodie
            (0, 1), // sourcefscod
            (1, 1), // addbsie
            (1, 6), // two bytes
            (1, 8), // flag_ec3_extension_type_a
            (16, 8),
        ];
        let config = Config::parse(&independent(0, 3, &tail)).unwrap();
        assert_eq!(config.record[3], 5 << 4 | 0x0f);
        assert_eq!(config.record[5..], [1, 16]);
    }
}
