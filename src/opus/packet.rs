//! Opus packets: table of contents, frames and duration, with all rules of RFC 6716, 3.4 checked.

use super::{Error, MOST_SAMPLES};

/// Most bytes of a frame (RFC 6716, 3.2.1).
const MOST_BYTES: usize = 1275;
/// The rule that lengths of self-delimited packets break where 3.4 has none.
const DELIMITED: &str = "Appendix B";

/// What codes the frames of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Linear prediction: speech at up to wideband.
    Silk,
    /// SILK below 8 kHz, CELT above.
    Hybrid,
    /// MDCT.
    Celt,
}

/// The first byte of a packet (RFC 6716, 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Toc {
    /// Mode, bandwidth and frame size: 0 to 31 of table 2.
    pub config: u8,
    /// Two channels are coded.
    pub stereo: bool,
    /// How frames are packed: 0 one, 1 two of one size, 2 two of different sizes, 3 any number.
    pub code: u8,
}

impl From<u8> for Toc {
    fn from(byte: u8) -> Self {
        Self {
            config: byte >> 3,
            stereo: byte & 4 != 0,
            code: byte & 3,
        }
    }
}

impl Toc {
    /// What codes the frames.
    pub const fn mode(self) -> Mode {
        match self.config {
            0..=11 => Mode::Silk,
            12..=15 => Mode::Hybrid,
            _ => Mode::Celt,
        }
    }

    /// Samples of each frame at 48 kHz: 120 (2.5 ms) to 2880 (60 ms).
    pub const fn frame_samples(self) -> u32 {
        match (self.mode(), self.config % 4) {
            (Mode::Silk, 3) => 2880,
            (Mode::Silk, size) => 480 << size,
            (Mode::Hybrid, size) => 480 << (size % 2),
            (Mode::Celt, size) => 120 << size,
        }
    }
}

/// What a packet says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet {
    /// Its table of contents; of a multistream packet, the first stream's.
    pub toc: Toc,
    /// Frames, 1 to 48; of a multistream packet, the first stream's.
    pub frames: u8,
    /// Samples at 48 kHz, 1 to 5760.
    pub samples: u32,
    /// Whether a stream of it is of the modes SILK, hybrid and CELT.
    pub modes: [bool; 3],
}

impl Packet {
    /// Reads a packet of one stream and checks that it is whole.
    ///
    /// # Errors
    /// [`Error::Packet`] with the first rule of RFC 6716, 3.4 that it breaks; R1 where it is empty.
    pub fn parse(data: &[u8]) -> Result<Self, Error> {
        Reader { data, at: 0 }.packet::<false>()
    }

    /// Reads a packet of `streams` streams (RFC 7845, 3): self-delimited packets (RFC 6716, Appendix B), but for the last.
    ///
    /// # Errors
    /// [`Error::Packet`] as [`Packet::parse`], with R1 where a stream, or all of them, are missing;
    /// [`Error::StreamDurations`] when the streams differ in duration.
    pub fn parse_streams(data: &[u8], streams: u8) -> Result<Self, Error> {
        let mut reader = Reader { data, at: 0 };
        let Some(last) = streams.checked_sub(1) else {
            return Err(reader.breaks("R1", "no stream", "1 or more"));
        };
        let mut first: Option<Self> = None;
        let mut modes = [false; 3];
        for stream in 0..streams {
            let packet = if stream == last {
                reader.packet::<false>()
            } else {
                reader.packet::<true>()
            }?;
            for (seen, mode) in modes.iter_mut().zip(packet.modes) {
                *seen |= mode;
            }
            let expected = first.get_or_insert(packet).samples;
            if packet.samples != expected {
                return Err(Error::StreamDurations {
                    stream,
                    found: packet.samples,
                    expected,
                });
            }
        }
        first
            .map(|first| Self { modes, ..first })
            .ok_or_else(|| reader.breaks("R1", "no stream", "1 or more"))
    }
}

/// Samples of a packet at 48 kHz, 1 to 5760, by its table of contents alone: for packets of an unknown number of streams,
/// whose rest can't be checked.
///
/// # Errors
/// [`Error::Packet`] when it breaks R1 or R5, or ends before its frame count.
pub fn samples(data: &[u8]) -> Result<u32, Error> {
    let mut reader = Reader { data, at: 0 };
    let toc = reader.toc()?;
    reader.frames(toc).map(|frames| frames.samples)
}

/// How many frames a packet has and how they are packed.
#[derive(Debug, Clone, Copy)]
struct Frames {
    count: u8,
    /// Of all of them.
    samples: u32,
    /// Each has a length of its own.
    vbr: bool,
    padded: bool,
    /// The rule of lengths of this code.
    rule: &'static str,
}

/// Reads the packets of all streams, one after the other.
#[derive(Debug, Clone)]
struct Reader<'a> {
    data: &'a [u8],
    /// Bytes read.
    at: usize,
}

impl Reader<'_> {
    /// An error at the byte that is next.
    #[cold]
    fn breaks(&self, rule: &'static str, found: impl ToString, expected: &'static str) -> Error {
        Error::Packet {
            rule,
            offset: self.at,
            found: found.to_string(),
            expected,
        }
    }

    /// Bytes that are left.
    fn left(&self) -> usize {
        self.data.len().saturating_sub(self.at)
    }

    fn byte(&mut self, rule: &'static str, expected: &'static str) -> Result<u8, Error> {
        let Some(byte) = self.data.get(self.at).copied() else {
            return Err(self.breaks(rule, "the end", expected));
        };
        self.at += 1;
        Ok(byte)
    }

    fn toc(&mut self) -> Result<Toc, Error> {
        self.byte("R1", "1 byte or more").map(Toc::from)
    }

    /// The number of frames, with the frame count byte of code 3 (3.2.5).
    fn frames(&mut self, toc: Toc) -> Result<Frames, Error> {
        let (count, vbr, padded, rule) = match toc.code {
            0 => (1, false, false, DELIMITED),
            1 => (2, false, false, "R3"),
            2 => (2, true, false, "R4"),
            _ => {
                let byte = self.byte("R6 and R7", "a frame count byte")?;
                let vbr = byte & 0x80 != 0;
                let rule = if vbr { "R7" } else { "R6" };
                (byte & 0x3f, vbr, byte & 0x40 != 0, rule)
            }
        };
        let samples = u32::from(count) * toc.frame_samples();
        if samples == 0 || samples > MOST_SAMPLES {
            // Codes 0 to 2 never get here: two frames last 120 ms at most.
            let found = format!("{count} frames of {} samples", toc.frame_samples());
            self.at -= 1;
            return Err(self.breaks("R5", found, "1 to 5760 samples (120 ms)"));
        }
        Ok(Frames {
            count,
            samples,
            vbr,
            padded,
            rule,
        })
    }

    /// Bytes of padding behind the frames (3.2.5): each 255 stands for 254 and one more length byte.
    fn padding(&mut self, rule: &'static str) -> Result<usize, Error> {
        let mut padding = 0usize;
        loop {
            let byte = self.byte(rule, "a length of padding")?;
            if byte < 255 {
                return Ok(padding.saturating_add(usize::from(byte)));
            }
            padding = padding.saturating_add(254);
        }
    }

    /// The length of a frame, of one or two bytes (3.2.1): 1275 at most.
    fn length(&mut self, rule: &'static str) -> Result<usize, Error> {
        let first = usize::from(self.byte(rule, "the length of a frame")?);
        if first < 252 {
            return Ok(first);
        }
        let second = usize::from(self.byte(rule, "the second byte of a frame's length")?);
        Ok(second * 4 + first)
    }

    /// Reads a packet, and moves behind it. One that is not `DELIMITED` takes all that is left.
    #[inline]
    fn packet<const DELIMITED: bool>(&mut self) -> Result<Packet, Error> {
        let toc = self.toc()?;
        let frames = self.frames(toc)?;
        let padding = if frames.padded {
            self.padding(frames.rule)?
        } else {
            0
        };
        let mut explicit = 0usize;
        if frames.vbr {
            for _ in 1..frames.count {
                explicit = explicit.saturating_add(self.length(frames.rule)?);
            }
        }
        if DELIMITED {
            let length = self.length(frames.rule)?;
            let times = if frames.vbr { 1 } else { frames.count };
            explicit = explicit.saturating_add(length.saturating_mul(times.into()));
        }
        let Some(rest) = self.left().checked_sub(explicit.saturating_add(padding)) else {
            let found = format!("{explicit} bytes of frames and {padding} of padding");
            return Err(self.breaks(frames.rule, found, "as many as are left at most"));
        };
        if DELIMITED {
            self.at = self.data.len().saturating_sub(rest);
        } else {
            self.implicit(&frames, rest)?;
            self.at = self.data.len();
        }
        let mode = toc.mode();
        Ok(Packet {
            toc,
            frames: frames.count,
            samples: frames.samples,
            modes: [
                matches!(mode, Mode::Silk),
                matches!(mode, Mode::Hybrid),
                matches!(mode, Mode::Celt),
            ],
        })
    }

    /// Checks the `rest` of the bytes of a packet, which the last frame takes, or all of them in equal parts.
    #[inline]
    fn implicit(&self, frames: &Frames, rest: usize) -> Result<(), Error> {
        let parts = if frames.vbr { 1 } else { frames.count.max(1) };
        let length = rest / usize::from(parts);
        if length * usize::from(parts) != rest {
            let found = format!("{rest} bytes for {parts} frames of one size");
            return Err(self.breaks(frames.rule, found, "a multiple of the number of frames"));
        }
        if length > MOST_BYTES {
            return Err(self.breaks("R2", format!("a frame of {length} bytes"), "1275 at most"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rule that a packet of one stream breaks, and the byte.
    fn broken(data: &[u8]) -> (&'static str, usize) {
        match Packet::parse(data).unwrap_err() {
            Error::Packet { rule, offset, .. } => (rule, offset),
            other => panic!("{other}"),
        }
    }

    fn read(data: &[u8]) -> (u8, u32) {
        let packet = Packet::parse(data).unwrap();
        assert_eq!(samples(data).unwrap(), packet.samples);
        (packet.frames, packet.samples)
    }

    /// A packet: the bytes, and `zeros` more.
    fn packet(bytes: &[u8], zeros: usize) -> Vec<u8> {
        [bytes, &vec![0; zeros]].concat()
    }

    #[test]
    fn frames_last_as_table_2_says() {
        use Mode::{Celt, Hybrid, Silk};
        let silk = [480, 960, 1920, 2880].repeat(3).into_iter();
        let hybrid = [480, 960].repeat(2).into_iter();
        let celt = [120, 240, 480, 960].repeat(4).into_iter();
        let rows = silk.map(|s| (Silk, s));
        let rows = rows.chain(hybrid.map(|s| (Hybrid, s)));
        let rows: Vec<_> = rows.chain(celt.map(|s| (Celt, s))).collect();
        assert_eq!(rows.len(), 32);
        for (config, expected) in (0u8..).zip(rows) {
            let toc = Toc::from(config << 3 | 4);
            assert_eq!((toc.mode(), toc.frame_samples()), expected, "{config}");
            assert!(toc.stereo && toc.config == config && toc.code == 0);
        }
    }

    #[test]
    fn codes_have_the_frames_that_they_say() {
        assert_eq!(read(&[31 << 3]), (1, 960), "a frame without bytes");
        assert_eq!(read(&packet(&[31 << 3], 1275)), (1, 960));
        assert_eq!(read(&packet(&[31 << 3 | 1], 2550)), (2, 1920));
        assert_eq!(read(&packet(&[31 << 3 | 2, 255, 255], 2550)), (2, 1920));
        assert_eq!(read(&packet(&[31 << 3 | 3, 6], 12)), (6, 5760));
        assert_eq!(read(&packet(&[16 << 3 | 3, 48], 48 * 1275)), (48, 5760));
        assert_eq!(read(&[31 << 3 | 3, 0x83, 1, 2, 9, 9, 9, 9]), (3, 2880));
        assert_eq!(read(&[31 << 3 | 3, 0x41, 2, 7, 0, 0]), (1, 960), "padding");
        assert_eq!(read(&packet(&[31 << 3 | 3, 0x41, 255, 1], 255)), (1, 960));
    }

    #[test]
    fn every_rule_is_named_with_its_byte() {
        assert_eq!(broken(&[]), ("R1", 0));
        assert_eq!(broken(&packet(&[31 << 3], 1276)), ("R2", 1));
        assert_eq!(broken(&packet(&[31 << 3 | 1], 2552)), ("R2", 1));
        assert_eq!(broken(&packet(&[31 << 3 | 2, 0], 1276)), ("R2", 2));
        assert_eq!(broken(&packet(&[31 << 3 | 3, 2], 2552)), ("R2", 2));
        assert_eq!(broken(&packet(&[31 << 3 | 3, 0x82, 0], 1276)), ("R2", 3));
        assert_eq!(broken(&[31 << 3 | 1, 0]), ("R3", 1));
        assert_eq!(broken(&[31 << 3 | 2]), ("R4", 1));
        assert_eq!(broken(&[31 << 3 | 2, 252]), ("R4", 2));
        assert_eq!(broken(&[31 << 3 | 2, 3, 0, 0]), ("R4", 2));
        assert_eq!(broken(&[31 << 3 | 3, 0]), ("R5", 1));
        assert_eq!(broken(&packet(&[31 << 3 | 3, 7], 7)), ("R5", 1));
        assert_eq!(broken(&[31 << 3 | 3]), ("R6 and R7", 1));
        assert_eq!(broken(&[31 << 3 | 3, 2, 0]), ("R6", 2));
        assert_eq!(broken(&[31 << 3 | 3, 0x41]), ("R6", 2));
        assert_eq!(broken(&[31 << 3 | 3, 0x41, 255]), ("R6", 3));
        assert_eq!(broken(&[31 << 3 | 3, 0x41, 1]), ("R6", 3));
        assert_eq!(broken(&[31 << 3 | 3, 0xc1, 1]), ("R7", 3));
        assert_eq!(broken(&[31 << 3 | 3, 0x82]), ("R7", 2));
        assert_eq!(broken(&[31 << 3 | 3, 0x82, 253]), ("R7", 3));
        assert_eq!(broken(&[31 << 3 | 3, 0x83, 1, 1, 0]), ("R7", 4));
    }

    #[test]
    fn streams_follow_each_other_self_delimited() {
        let celt = 31 << 3;
        // One frame; two of one size; two sizes; code 3 of one size, and of several, with padding.
        let cases: [&[u8]; 5] = [
            &[celt, 1, 9],
            &[celt | 1, 2, 9, 9, 9, 9],
            &[celt | 2, 1, 2, 9, 9, 9],
            &[celt | 3, 0x42, 1, 2, 9, 9, 9, 9, 0],
            &[celt | 3, 0xc2, 1, 0, 2, 9, 9, 0],
        ];
        for first in cases {
            let second = celt | u8::from(first[0] & 3 != 0);
            let data = [first, &[second, 1, 1]].concat();
            let packet = Packet::parse_streams(&data, 2).unwrap();
            assert_eq!(packet.samples, samples(&data).unwrap());
            assert_eq!(packet.toc, Toc::from(first[0]), "the first stream's");
            for cut in 0..=first.len() {
                match Packet::parse_streams(&data[..cut], 2).unwrap_err() {
                    Error::Packet { offset, .. } => assert!(offset <= cut, "{first:?}: {offset}"),
                    other => panic!("{first:?}: {other}"),
                }
            }
            assert!(Packet::parse_streams(&data, 0).is_err());
        }
        assert_eq!(
            Packet::parse_streams(&[celt, 0, celt, 0, celt], 3),
            Packet::parse(&[celt])
        );
    }

    #[test]
    fn modes_are_those_of_all_streams() {
        let (silk, hybrid, celt) = (1 << 3, 13 << 3, 31 << 3);
        let modes = |data: &[u8], streams| Packet::parse_streams(data, streams).unwrap().modes;
        assert_eq!(modes(&[celt], 1), [false, false, true]);
        assert_eq!(modes(&[celt, 0, silk], 2), [true, false, true]);
        assert_eq!(modes(&[hybrid, 0, hybrid, 0, celt], 3), [false, true, true]);
    }

    #[test]
    fn streams_of_other_durations_are_refused() {
        let celt = 31 << 3;
        let error = Packet::parse_streams(&[celt, 0, celt, 0, celt - 8], 3).unwrap_err();
        let expected = Error::StreamDurations {
            stream: 2,
            found: 480,
            expected: 960,
        };
        assert_eq!(error, expected);
    }

    #[test]
    fn a_missing_stream_breaks_r1_and_a_length_too_long_appendix_b() {
        let celt = 31 << 3;
        for (data, rule, offset) in [
            ([celt, 2, 0, celt], "R1", 4),
            ([celt, 0, celt, 1], "Appendix B", 4),
            ([celt, 3, 0, 0], "Appendix B", 2),
        ] {
            let expected = (rule, offset);
            match Packet::parse_streams(&data, 3).unwrap_err() {
                Error::Packet { rule, offset, .. } => assert_eq!((rule, offset), expected),
                other => panic!("{other}"),
            }
        }
    }
}
