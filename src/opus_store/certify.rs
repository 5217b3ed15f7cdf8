//! Hashes of decoded packets, and the fingerprint of a decoder.
//!
//! What a packet decodes to depends on the packets before it. A certified store keeps a hash of what each packet gave
//! when the link was decoded from its start, so that a reader that began later knows whether it got the same. Decoders
//! differ too: in version, in floating-point units, in compilers. The fingerprint tells whether hashes of one may be
//! compared with those of another.

use std::sync::OnceLock;

use super::{Decoder, StoreError};
use crate::opus::{Head, Mapping};

/// Packets of every mode, bandwidth and frame size, with the transitions between them and with intensity stereo out of phase,
/// each behind its length (16 bits, little-endian). Made by tests/python/opus_fingerprint.py with the encoder of libopus 1.3.1.
/// Another file changes all fingerprints, and leaves all certified stores uncertified.
const PACKETS: &[u8] = include_bytes!("fingerprint.packets");

/// The first 8 bytes of BLAKE3 over samples as S16LE, read little-endian. Of a packet: its interleaved samples at
/// 48 kHz, before gain and before any are cut off.
pub fn hash(samples: &[i16]) -> u64 {
    let mut hasher = Hasher::default();
    hasher.update(samples);
    hasher.finish()
}

/// A [`hash`] of samples that come in parts.
#[derive(Default)]
struct Hasher(blake3::Hasher);

impl Hasher {
    /// Takes the next samples.
    fn update(&mut self, samples: &[i16]) {
        // Enough for BLAKE3 to work on several of its blocks of 1 KiB at once.
        let mut bytes = [0; 8192];
        for part in samples.chunks(bytes.len() / 2) {
            for (to, sample) in bytes.chunks_exact_mut(2).zip(part) {
                to.copy_from_slice(&sample.to_le_bytes());
            }
            self.0.update(bytes.get(..2 * part.len()).unwrap_or(&bytes));
        }
    }

    /// The hash of all samples.
    fn finish(&self) -> u64 {
        let mut first = [0; 8];
        self.0.finalize_xof().fill(&mut first);
        u64::from_le_bytes(first)
    }
}

/// What this machine's decoder makes of the packets built into the code, as 16 hexadecimal digits: the first 8 bytes of
/// BLAKE3 over their samples from a stereo and then from a mono decoder.
///
/// # Errors
/// When libopus does not decode them. The first call decodes them, later ones know.
pub fn fingerprint() -> Result<&'static str, StoreError> {
    static KNOWN: OnceLock<String> = OnceLock::new();
    if let Some(known) = KNOWN.get() {
        return Ok(known);
    }
    let both = [2, 1].map(|channels| Decoder::new(&plain(channels)));
    let made = fingerprint_of(both.into_iter().collect::<Result<_, _>>()?)?;
    Ok(KNOWN.get_or_init(|| made))
}

/// The fingerprint of some decoders, each of which decodes all packets.
fn fingerprint_of(decoders: Vec<Decoder>) -> Result<String, StoreError> {
    let mut hasher = Hasher::default();
    let mut samples = Vec::new();
    for mut decoder in decoders {
        for (number, packet) in (0..).zip(packets()) {
            samples.clear();
            decoder
                .decode_i16(packet, &mut samples)
                .map_err(|refusal| refusal.of(number))?;
            hasher.update(&samples);
        }
    }
    Ok(format!("{:016x}", hasher.finish().swap_bytes()))
}

/// A header of mapping family 0.
const fn plain(channels: u8) -> Head {
    Head {
        channels,
        pre_skip: 0,
        input_rate: 48_000,
        gain: 0,
        mapping: Mapping::Simple,
    }
}

/// The packets built into the code.
pub(super) fn packets() -> impl Iterator<Item = &'static [u8]> {
    let mut rest = PACKETS;
    std::iter::from_fn(move || {
        let (len, behind) = rest.split_first_chunk()?;
        let (packet, behind) = behind.split_at_checked(usize::from(u16::from_le_bytes(*len)))?;
        rest = behind;
        Some(packet)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::opus::packet::{Mode, Packet};

    #[test]
    fn hashes_are_those_of_blake3() {
        // Vectors of the BLAKE3 team: the input counts up to 250 again and again.
        let input = |len: usize| -> Vec<i16> {
            let bytes: Vec<u8> = (0..=250).cycle().take(len).collect();
            let pairs = bytes.chunks_exact(2);
            pairs
                .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
                .collect()
        };
        for (len, first) in [
            (0, [0xaf, 0x13, 0x49, 0xb9, 0xf5, 0xf9, 0xa1, 0xa6]),
            (2, [0x7b, 0x70, 0x15, 0xbb, 0x92, 0xcf, 0x0b, 0x31]),
            (1024, [0x42, 0x21, 0x47, 0x39, 0xf0, 0x95, 0xa4, 0x06]),
            (31_744, [0x62, 0xb6, 0x96, 0x0e, 0x1a, 0x44, 0xbc, 0xc1]),
        ] {
            assert_eq!(hash(&input(len)), u64::from_le_bytes(first), "{len}");
        }
    }

    #[test]
    fn the_built_in_packets_have_every_mode_and_every_change_of_mode() {
        let parsed: Vec<_> = packets().map(|p| Packet::parse(p).unwrap()).collect();
        assert_eq!(parsed.len(), 69);
        let length: usize = packets().map(|packet| 2 + packet.len()).sum();
        assert_eq!(length, PACKETS.len(), "nothing is left over");
        let modes: Vec<Mode> = parsed.iter().map(|p| p.toc.mode()).collect();
        for from in [Mode::Silk, Mode::Hybrid, Mode::Celt] {
            for to in [Mode::Silk, Mode::Hybrid, Mode::Celt] {
                assert!(
                    modes.windows(2).any(|pair| pair == [from, to]),
                    "{from:?} {to:?}"
                );
            }
        }
        // SILK at 8, 12 and 16 kHz, hybrid at both of its bandwidths, CELT at its four and in its four frame sizes.
        let configs: Vec<u8> = parsed.iter().map(|p| p.toc.config).collect();
        for bandwidth in [0..=3, 4..=7, 8..=11, 12..=13, 14..=15] {
            assert!(
                configs.iter().any(|c| bandwidth.contains(c)),
                "{bandwidth:?}"
            );
        }
        for celt in [16..=19, 20..=23, 24..=27, 28..=31] {
            assert!(configs.iter().any(|c| celt.contains(c)), "{celt:?}");
        }
        for size in 0..4 {
            assert!(configs.iter().any(|c| *c >= 16 && c % 4 == size), "{size}");
        }
        assert!(parsed.iter().any(|p| p.toc.stereo) && parsed.iter().any(|p| !p.toc.stereo));
    }

    #[test]
    fn the_fingerprint_is_of_the_decoder() {
        let plain = [2, 1].map(|channels| Decoder::new(&plain(channels)).unwrap());
        let [stereo, mono] = plain;
        let known = fingerprint().unwrap();
        assert_eq!(known.len(), 16);
        assert_eq!(fingerprint_of(vec![stereo, mono]).unwrap(), known);
    }

    #[test]
    fn the_fingerprint_tells_phase_inversion() {
        let plain = [2, 1].map(|channels| Decoder::new(&plain(channels)).unwrap());
        let without = plain.map(Decoder::without_phase_inversion);
        let other = fingerprint_of(Vec::from(without)).unwrap();
        assert_ne!(other, fingerprint().unwrap());
    }
}
