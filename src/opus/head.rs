//! `OpusHead`, the header of a stream (RFC 7845, 5.1).

use super::Error;

/// What an `OpusHead` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Output channels, 1 to 255.
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

/// `channel mapping family` and its table (5.1.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mapping {
    /// Family 0: one stream, mono or stereo.
    Simple,
    /// Any other that has a table: 1, 255, and the reserved ones, which are read as 255 (5.1.1.4).
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

/// The family whose head has a matrix in place of the table (RFC 8486, 3.2).
const MATRIX_FAMILY: u8 = 3;
/// Most channels of family 1 (5.1.1.2).
const MOST_SURROUND: u8 = 8;

impl Head {
    /// Reads an `OpusHead`. Bytes behind it are left out.
    ///
    /// # Errors
    /// [`Error::HeadTruncated`] when it is cut; [`Error::Head`] when it is of another major version, or has channels that
    /// it can't have.
    pub fn parse(head: &[u8]) -> Result<Self, Error> {
        let mut fields = Fields { head, at: 0 };
        let magic: [u8; 8] = fields.bytes("magic")?;
        if magic != *b"OpusHead" {
            let found = String::from_utf8_lossy(&magic).into_owned();
            return Err(wrong("magic", 0, found, "OpusHead"));
        }
        let version = fields.byte("version")?;
        if version > 15 {
            return Err(wrong("version", 8, version, "0 to 15"));
        }
        let channels = fields.byte("channel count")?;
        let pre_skip = u16::from_le_bytes(fields.bytes("pre-skip")?);
        let input_rate = u32::from_le_bytes(fields.bytes("input sample rate")?);
        let gain = i16::from_le_bytes(fields.bytes("output gain")?);
        let mapping = match fields.byte("channel mapping family")? {
            0 => Mapping::Simple,
            MATRIX_FAMILY => return Err(matrix()),
            family => Mapping::Table {
                family,
                streams: fields.byte("stream count")?,
                coupled: fields.byte("coupled count")?,
                channels: fields
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
    /// [`Error::Head`] when they do not.
    pub fn checked(self) -> Result<Self, Error> {
        match &self.mapping {
            Mapping::Simple if matches!(self.channels, 1 | 2) => Ok(self),
            Mapping::Simple => Err(wrong("channel count", 9, self.channels, "1 or 2")),
            Mapping::Table {
                family: MATRIX_FAMILY,
                ..
            } => Err(matrix()),
            Mapping::Table {
                family,
                streams,
                coupled,
                channels,
            } => {
                if *family == 1 && self.channels > MOST_SURROUND {
                    return Err(wrong("channel count", 9, self.channels, "1 to 8"));
                }
                let decoded = u16::from(*streams) + u16::from(*coupled);
                if *streams == 0 || coupled > streams || decoded > 255 {
                    let found = format!("{streams}, {coupled} of them coupled");
                    return Err(wrong("stream count", 19, found, "1 to 255 channels"));
                }
                let known = |c: &u8| *c == 255 || u16::from(*c) < decoded;
                if self.channels == 0
                    || channels.len() != usize::from(self.channels)
                    || !channels.iter().all(known)
                {
                    let found = format!("{channels:?}");
                    return Err(wrong(
                        "channel mapping",
                        21,
                        found,
                        "a decoded channel each",
                    ));
                }
                Ok(self)
            }
        }
    }

    /// The `OpusHead` again, of version 1.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = b"OpusHead\x01".to_vec();
        out.push(self.channels);
        out.extend(self.pre_skip.to_le_bytes());
        out.extend(self.input_rate.to_le_bytes());
        out.extend(self.gain.to_le_bytes());
        self.mapping.write(&mut out);
        out
    }

    /// Channel mapping family: 0, 1 and 255 are in use.
    pub const fn family(&self) -> u8 {
        match &self.mapping {
            Mapping::Simple => 0,
            Mapping::Table { family, .. } => *family,
        }
    }

    /// Streams in a packet, 1 or more.
    pub const fn streams(&self) -> u8 {
        match &self.mapping {
            Mapping::Simple => 1,
            Mapping::Table { streams, .. } => *streams,
        }
    }

    /// Streams that are stereo; they come first.
    pub const fn coupled(&self) -> u8 {
        match &self.mapping {
            Mapping::Simple => self.channels.saturating_sub(1),
            Mapping::Table { coupled, .. } => *coupled,
        }
    }

    /// For each output channel, the decoded channel, or 255 for silence.
    pub fn mapping_table(&self) -> Vec<u8> {
        match &self.mapping {
            Mapping::Simple => (0..self.channels).collect(),
            Mapping::Table { channels, .. } => channels.clone(),
        }
    }
}

impl Mapping {
    /// Appends family and table, which `OpusHead` and `dOps` have alike.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Simple => out.push(0),
            Self::Table {
                family,
                streams,
                coupled,
                channels,
            } => {
                out.extend([*family, *streams, *coupled]);
                out.extend(channels);
            }
        }
    }
}

/// An error: the field at byte `offset` has a value that it can't have.
fn wrong(
    field: &'static str,
    offset: usize,
    found: impl ToString,
    expected: &'static str,
) -> Error {
    Error::Head {
        field,
        offset,
        found: found.to_string(),
        expected,
    }
}

fn matrix() -> Error {
    let expected = "one with a channel mapping table: any but 3";
    wrong("channel mapping family", 18, MATRIX_FAMILY, expected)
}

/// Reads fields of whole bytes.
struct Fields<'a> {
    head: &'a [u8],
    at: usize,
}

impl<'a> Fields<'a> {
    fn slice(&mut self, count: usize, field: &'static str) -> Result<&'a [u8], Error> {
        let end = self.at.saturating_add(count);
        let found = self.head.get(self.at..end).ok_or(Error::HeadTruncated {
            field,
            found: self.head.len(),
        })?;
        self.at = end;
        Ok(found)
    }

    fn bytes<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], Error> {
        let mut out = [0; N];
        out.copy_from_slice(self.slice(N, field)?);
        Ok(out)
    }

    fn byte(&mut self, field: &'static str) -> Result<u8, Error> {
        self.bytes(field).map(|[byte]: [u8; 1]| byte)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEREO: &[u8; 19] = b"OpusHead\x01\x02\x38\x01\x80\xbb\x00\x00\xfe\xff\x00";
    const SURROUND: &[u8; 27] =
        b"OpusHead\x01\x06\x38\x01\x80\xbb\x00\x00\x00\x00\x01\x04\x02\x00\x04\x01\x02\x03\x05";

    #[test]
    fn fields_are_little_endian() {
        let head = Head::parse(STEREO).unwrap();
        assert_eq!(
            (head.pre_skip, head.input_rate, head.gain),
            (312, 48_000, -2)
        );
        assert_eq!((head.family(), head.streams(), head.coupled()), (0, 1, 1));
        assert_eq!(head.mapping_table(), [0, 1]);
        let mut mono = *STEREO;
        mono[9] = 1;
        let head = Head::parse(&mono).unwrap();
        assert_eq!((head.family(), head.streams(), head.coupled()), (0, 1, 0));
        assert_eq!(head.mapping_table(), [0]);
        for channels in [0, 3] {
            mono[9] = channels;
            assert!(Head::parse(&mono).is_err(), "family 0 is mono or stereo");
        }
    }

    #[test]
    fn what_is_written_is_what_was_read() {
        for bytes in [&STEREO[..], SURROUND] {
            assert_eq!(Head::parse(bytes).unwrap().to_bytes(), bytes);
            for cut in 0..bytes.len() {
                let error = Head::parse(&bytes[..cut]).unwrap_err();
                let truncated = matches!(error, Error::HeadTruncated { found, .. } if found == cut);
                assert!(truncated, "{cut}: {error}");
            }
        }
    }

    #[test]
    fn mappings_name_channels_that_are_there() {
        let head = Head::parse(SURROUND).unwrap();
        assert_eq!((head.family(), head.streams(), head.coupled()), (1, 4, 2));
        assert_eq!(head.mapping_table(), [0, 4, 1, 2, 3, 5]);
        let mut wrong = *SURROUND;
        *wrong.last_mut().unwrap() = 6;
        assert!(Head::parse(&wrong).is_err());
        *wrong.last_mut().unwrap() = 255;
        assert!(Head::parse(&wrong).is_ok(), "silence");
        wrong[20] = 5;
        assert!(Head::parse(&wrong).is_err(), "5 of 4 streams coupled");
        wrong[19..21].copy_from_slice(&[128, 128]);
        assert!(Head::parse(&wrong).is_err(), "256 decoded channels");
        wrong[19..21].copy_from_slice(&[0, 0]);
        assert!(Head::parse(&wrong).is_err(), "no stream");
    }

    #[test]
    fn families_have_the_channels_of_their_sections() {
        let of = |family: u8, channels: u8| {
            let mut head = STEREO.to_vec();
            (head[9], head[18]) = (channels, family);
            head.extend([channels, 0]);
            head.extend(0..channels);
            Head::parse(&head)
        };
        assert!(of(1, 8).is_ok() && of(255, 255).is_ok());
        assert!(of(2, 9).is_ok(), "ambisonics has a table, too");
        for (family, channels, field) in [
            (1, 9, "channel count"),
            (1, 0, "stream count"),
            (255, 0, "stream count"),
            (3, 4, "channel mapping family"),
        ] {
            let error = of(family, channels).unwrap_err();
            let named = matches!(error, Error::Head { field: f, .. } if f == field);
            assert!(named, "family {family}, {channels} channels: {error}");
        }
    }

    #[test]
    fn versions_of_another_major_number_are_refused() {
        let mut head = *STEREO;
        head[8] = 15;
        assert!(Head::parse(&head).is_ok());
        head[8] = 16;
        assert!(Head::parse(&head).is_err());
        head[0] = b'o';
        let error = Head::parse(&head).unwrap_err().to_string();
        assert!(error.contains("magic"), "{error}");
    }
}
