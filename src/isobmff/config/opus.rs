//! Opus: `OpusHead` (RFC 7845, 5.1), `dOps` (Opus in ISOBMFF, 4.3.2) and the durations of packets (RFC 6716, 3.1).

use super::{Error, bits::Bits};

/// Samples a second of all times of Opus.
pub const RATE: u32 = 48_000;
/// Samples that a decoder needs to converge after a seek: 80 ms (RFC 7845, 4.6).
pub const PRE_ROLL: u32 = 3840;
/// Most samples of a packet: 120 ms.
const MOST_SAMPLES: u32 = 5760;

/// What an `OpusHead` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Output channels.
    pub channels: u8,
    /// Samples at 48 kHz to leave out at the start.
    pub pre_skip: u16,
    /// Hz of the sound before it was encoded; 0 where unknown.
    pub input_rate: u32,
    /// Gain in 1/256 dB.
    pub gain: i16,
    /// Channel mapping.
    pub mapping: Mapping,
}

/// `channel mapping family` and its table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mapping {
    /// Family 0: one stream, mono or stereo.
    Simple,
    /// Any other.
    Table {
        /// The family.
        family: u8,
        /// Streams in a packet.
        streams: u8,
        /// Those of them that are stereo.
        coupled: u8,
        /// For each output channel, the decoded channel, or 255 for silence.
        channels: Vec<u8>,
    },
}

impl Head {
    /// Reads an `OpusHead`.
    ///
    /// # Errors
    /// When it is cut, of another major version, or has channels that it can't have.
    pub fn parse(head: &[u8]) -> Result<Self, Error> {
        let mut bits = Bits::new("OpusHead", head);
        let magic = bits.slice(8, "magic")?;
        if magic != b"OpusHead" {
            let found = String::from_utf8_lossy(magic).into_owned();
            return Err(bits.wrong("magic", found, "OpusHead"));
        }
        let version = bits.small(8, "version")?;
        if version > 15 {
            return Err(bits.wrong("version", version, "0 to 15"));
        }
        let channels = bits.small(8, "channel count")?;
        let pre_skip = (bits.take(16, "pre-skip")? as u16).swap_bytes();
        let input_rate = bits.take(32, "input sample rate")?.swap_bytes();
        let gain = (bits.take(16, "output gain")? as u16).swap_bytes() as i16;
        let mapping = match bits.small(8, "channel mapping family")? {
            0 => Mapping::Simple,
            family => Mapping::Table {
                family,
                streams: bits.small(8, "stream count")?,
                coupled: bits.small(8, "coupled count")?,
                channels: bits
                    .slice(usize::from(channels), "channel mapping")?
                    .to_vec(),
            },
        };
        Self {
            channels,
            pre_skip,
            input_rate,
            gain,
            mapping,
        }
        .checked()
    }

    /// The head, where its channels and streams agree.
    ///
    /// # Errors
    /// When they do not.
    pub fn checked(self) -> Result<Self, Error> {
        let bits = Bits::new("OpusHead", &[]);
        match &self.mapping {
            Mapping::Simple if matches!(self.channels, 1 | 2) => Ok(self),
            Mapping::Simple => Err(bits.wrong("channel count", self.channels, "1 or 2")),
            Mapping::Table {
                streams,
                coupled,
                channels,
                ..
            } => {
                let decoded = u16::from(*streams) + u16::from(*coupled);
                if *streams == 0 || coupled > streams || decoded > 255 {
                    let found = format!("{streams}, {coupled} of them coupled");
                    return Err(bits.wrong("stream count", found, "1 to 255 channels"));
                }
                let known = |c: &u8| *c == 255 || u16::from(*c) < decoded;
                if self.channels == 0
                    || channels.len() != usize::from(self.channels)
                    || !channels.iter().all(known)
                {
                    let found = format!("{channels:?}");
                    return Err(bits.wrong("channel mapping", found, "a decoded channel each"));
                }
                Ok(self)
            }
        }
    }

    /// The payload of `dOps`.
    pub fn record(&self) -> Vec<u8> {
        let mut out = vec![0, self.channels];
        out.extend(self.pre_skip.to_be_bytes());
        out.extend(self.input_rate.to_be_bytes());
        out.extend(self.gain.to_be_bytes());
        match &self.mapping {
            Mapping::Simple => out.push(0),
            Mapping::Table {
                family,
                streams,
                coupled,
                channels,
            } => {
                out.extend([*family, *streams, *coupled]);
                out.extend(channels);
            }
        }
        out
    }
}

/// Samples of a packet at 48 kHz, by its table of contents.
///
/// # Errors
/// When it is empty, has no frame, or lasts longer than 120 ms.
pub fn samples(packet: &[u8]) -> Result<u32, Error> {
    let mut bits = Bits::new("Opus packet", packet);
    let config = bits.small(5, "TOC")?;
    bits.skip(1, "TOC")?;
    let frame = match (config, config % 4) {
        (0..=11, 0) => 480,
        (0..=11, 1) => 960,
        (0..=11, 2) => 1920,
        (0..=11, _) => 2880,
        (12..=15, 0 | 2) => 480,
        (12..=15, _) => 960,
        (_, size) => 120 << size,
    };
    let frames = match bits.small(2, "TOC")? {
        0 => 1,
        1 | 2 => 2,
        _ => u32::from(bits.small(8, "frame count")? & 0x3f),
    };
    let samples = frame * frames;
    if samples == 0 || samples > MOST_SAMPLES {
        let found = format!("{frames} of {frame} samples");
        return Err(bits.wrong("frame count", found, "1 to 120 ms"));
    }
    Ok(samples)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_last_as_rfc_6716_says() {
        // Table 2: a configuration of each size, and the codes of the number of frames.
        for (toc, samples_) in [
            (0u8, 480),
            (1, 960),
            (2, 1920),
            (3, 2880),
            (12, 480),
            (13, 960),
            (15, 960),
            (16, 120),
            (17, 240),
            (30, 480),
            (31, 960),
        ] {
            assert_eq!(samples(&[toc << 3]).unwrap(), samples_, "{toc}");
            assert_eq!(samples(&[toc << 3 | 2]).unwrap(), 2 * samples_, "{toc}");
        }
        assert_eq!(samples(&[31 << 3 | 3, 0x80 | 6]).unwrap(), 5760);
        assert!(samples(&[31 << 3 | 3, 7]).is_err(), "140 ms");
        assert!(samples(&[31 << 3 | 3, 0]).is_err(), "no frame");
        assert!(samples(&[31 << 3 | 3]).is_err(), "cut");
        assert!(samples(&[]).is_err());
    }

    #[test]
    fn heads_turn_big_endian() {
        let head = *b"OpusHead\x01\x02\x38\x01\x80\xbb\x00\x00\xfe\xff\x00";
        let parsed = Head::parse(&head).unwrap();
        assert_eq!(
            (parsed.pre_skip, parsed.input_rate, parsed.gain),
            (312, 48_000, -2)
        );
        let expected = *b"\x00\x02\x01\x38\x00\x00\xbb\x80\xff\xfe\x00";
        assert_eq!(parsed.record(), expected);
        let mut three = head;
        three[9] = 3;
        assert!(Head::parse(&three).is_err(), "family 0 is mono or stereo");
        for cut in 0..head.len() {
            assert!(Head::parse(&head[..cut]).is_err());
        }
    }

    #[test]
    fn mappings_name_channels_that_are_there() {
        let head =
            b"OpusHead\x01\x06\x38\x01\x80\xbb\x00\x00\x00\x00\x01\x04\x02\x00\x04\x01\x02\x03\x05";
        let record = Head::parse(head).unwrap().record();
        assert_eq!(record[10..], [1, 4, 2, 0, 4, 1, 2, 3, 5]);
        let mut wrong = *head;
        *wrong.last_mut().unwrap() = 6;
        assert!(Head::parse(&wrong).is_err());
        *wrong.last_mut().unwrap() = 255;
        assert!(Head::parse(&wrong).is_ok(), "silence");
    }
}
