//! A stream while it is indexed: packets in, rows and gaps out.

use super::packet::Packet;
use super::{Attributes, Clip, Error, Gap, Head, PreSkipSource, Row, attributes};

/// Milliseconds of pre-roll after which CELT decodes the same samples as from the start: the most that any of 21 files
/// needed with libopus 1.3.1 was 1140. Most places need 660 at most.
const CELT_PREROLL_MS: u32 = 1200;
/// What is tried for SILK and hybrid streams: enough at most places of many, and of few for some speech, which converges
/// late or never. Only hashes tell.
const ANY_PREROLL_MS: u32 = 2000;

/// What is known of a stream before its first packet.
#[derive(Debug, Clone, PartialEq)]
pub struct Start {
    /// Its header; made from other knowledge where the stream has none.
    pub head: Head,
    /// The bytes of its `OpusHead`; `None` where it has none.
    pub head_bytes: Option<Vec<u8>>,
    /// The bytes of its `OpusTags`.
    pub tags: Option<Vec<u8>>,
    /// The pre-skip that the application demands.
    pub pre_skip: Option<u64>,
    /// Samples between the first packet and the start of the segment, which is all that some demuxers tell.
    pub before_segment: u64,
}

/// The state of one link of a stream.
#[derive(Debug, Clone)]
pub struct Stream {
    start: Start,
    last: Option<Row>,
    packets: u64,
    modes: [bool; 3],
    /// Samples that are clipped at the start, and whether none has been kept so far.
    leading: u64,
    in_leading: bool,
    /// A clip of the start that is longer than its packet: what the demuxer knows of the stream, not of the packet.
    whole_leading: u64,
    /// Samples that are clipped at the end of what came so far.
    trailing: u64,
    ignored_clips: u64,
}

impl Stream {
    /// A stream before its first packet.
    pub const fn new(start: Start) -> Self {
        Self {
            start,
            last: None,
            packets: 0,
            modes: [false; 3],
            leading: 0,
            in_leading: true,
            whole_leading: 0,
            trailing: 0,
            ignored_clips: 0,
        }
    }

    /// Packets so far.
    pub const fn packets(&self) -> u64 {
        self.packets
    }

    /// Samples of the time line so far.
    pub fn total_samples(&self) -> u64 {
        self.last.map_or(0, |row| row.cum_end.saturating_add(1))
    }

    /// Packets in the midst of the stream that were to be clipped, which an index has no place for.
    pub const fn ignored_clips(&self) -> u64 {
        self.ignored_clips
    }

    /// Looks whether a packet breaks a rule, without counting it.
    ///
    /// # Errors
    /// When it breaks a rule of RFC 6716, 3.4.
    pub fn check(&self, bytes: &[u8]) -> Result<Packet, Error> {
        match self.start.head.streams() {
            1 => Packet::parse(bytes),
            streams => Packet::parse_streams(bytes, streams),
        }
    }

    /// The row of the next packet, which has at least one byte. `clip` is what a player leaves out of it.
    ///
    /// # Errors
    /// When the packet breaks a rule of RFC 6716, 3.4; the state is then as it was.
    pub fn packet(&mut self, bytes: &[u8], clip: Clip) -> Result<Row, Error> {
        let packet = self.check(bytes)?;
        let row = Row::after(
            self.last.as_ref(),
            self.packets,
            bytes.len() as u64,
            packet.samples,
        )?;
        self.clipped(clip, row.sample_count);
        for (seen, mode) in self.modes.iter_mut().zip(packet.modes) {
            *seen |= mode;
        }
        self.last = Some(row);
        self.packets += 1;
        Ok(row)
    }

    /// Samples are missing, or a packet came without bytes, which takes as long as the one before where nobody knows.
    pub fn gap(&self, samples: Option<u64>) -> Gap {
        let as_before = self.last.map_or(0, |row| row.sample_count);
        Gap {
            packet: self.packets,
            samples: samples.unwrap_or(as_before),
        }
    }

    /// Adds up what is clipped at the start and at the end; either may take more than one packet.
    fn clipped(&mut self, clip: Clip, count: u64) {
        if self.in_leading {
            // matroskademux clips every block whose timestamp lies in the pre-skip by the whole of it, and one block may
            // be laced of several packets; oggdemux adds up wrongly in packets of 2.5 ms.
            if clip.start > count && self.whole_leading == 0 {
                self.whole_leading = clip.start;
            }
            self.leading = self.leading.saturating_add(clip.start.min(count));
            self.in_leading = clip.start >= count;
        } else if clip.start > 0 {
            self.ignored_clips += 1;
        }
        if self.trailing > 0 && clip.end < count {
            // What was taken for the end was not the end.
            self.ignored_clips += 1;
            self.trailing = 0;
        }
        self.trailing = self.trailing.saturating_add(clip.end.min(count));
    }

    /// The pre-skip, and where it comes from.
    pub fn pre_skip(&self) -> (u64, PreSkipSource) {
        let start = &self.start;
        let clipped = match (self.whole_leading, &start.head_bytes) {
            (0, _) => self.leading,
            (_, Some(_)) => 0,
            (whole, None) => whole,
        };
        match (start.pre_skip, clipped, &start.head_bytes) {
            (Some(samples), _, _) => (samples, PreSkipSource::Property),
            // While nothing is kept the header knows better how much it will be.
            (None, 1.., Some(_)) if self.in_leading => {
                let samples = clipped.max(start.head.pre_skip.into());
                (samples, PreSkipSource::ClippingMeta)
            }
            (None, 1.., _) => (clipped, PreSkipSource::ClippingMeta),
            (None, 0, Some(_)) => (start.head.pre_skip.into(), PreSkipSource::StreamHeader),
            (None, 0, None) if start.before_segment > 0 => {
                (start.before_segment, PreSkipSource::Segment)
            }
            (None, 0, None) => (0, PreSkipSource::Unknown),
        }
    }

    /// The stream ends so many samples before its last packet does, where clipping said nothing of it.
    pub const fn end_before(&mut self, samples: u64) {
        if self.trailing == 0 {
            self.trailing = samples;
        }
    }

    /// The modes of its packets.
    pub fn modes_seen(&self) -> Vec<String> {
        ["SILK", "hybrid", "CELT"]
            .iter()
            .zip(self.modes)
            .filter(|(_, seen)| *seen)
            .map(|(name, _)| (*name).to_owned())
            .collect()
    }

    /// What a store says of the packets so far. The end is known only when the stream is `complete`.
    pub fn attributes(&self, libopus_version: &str, complete: bool) -> Attributes {
        let head = &self.start.head;
        let (pre_skip, pre_skip_source) = self.pre_skip();
        let only_celt = self.modes == [false, false, true];
        Attributes {
            spec_version: attributes::SPEC_VERSION.into(),
            codec: attributes::CODEC.into(),
            index_fields: Attributes::all_index_fields(),
            gap_fields: Attributes::all_gap_fields(),
            cum_end: attributes::CUM_END.into(),
            timeline: attributes::TIMELINE.into(),
            opus_head: self
                .start
                .head_bytes
                .clone()
                .unwrap_or_else(|| head.to_bytes()),
            opus_tags: self.start.tags.clone().unwrap_or_default(),
            channels: head.channels,
            mapping_family: head.family(),
            pre_skip,
            pre_skip_source,
            end_trim: if complete { self.trailing } else { 0 },
            total_samples: self.total_samples(),
            output_gain_q8: head.gain,
            input_sample_rate: head.input_rate,
            committed_packets: self.packets,
            complete,
            modes_seen: self.modes_seen(),
            recommended_preroll_ms: if only_celt {
                CELT_PREROLL_MS
            } else {
                ANY_PREROLL_MS
            },
            libopus_version: libopus_version.into(),
            decoder_fingerprint: None,
            links: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::opus::Mapping;

    /// CELT, 20 ms; CELT, 2.5 ms; SILK, 60 ms.
    const LONG: &[u8] = &[31 << 3, 1, 2, 3];
    const SHORT: &[u8] = &[28 << 3, 1];
    const SILK: &[u8] = &[3 << 3, 9];

    fn stream(head_bytes: Option<Vec<u8>>, before_segment: u64) -> Stream {
        let head = Head {
            channels: 1,
            pre_skip: 312,
            input_rate: 44_100,
            gain: -3,
            mapping: Mapping::Simple,
        };
        Stream::new(Start {
            head,
            head_bytes,
            tags: None,
            pre_skip: None,
            before_segment,
        })
    }

    fn clip(start: u64, end: u64) -> Clip {
        Clip { start, end }
    }

    #[test]
    fn packets_are_counted_from_their_toc() {
        let mut stream = stream(None, 0);
        let rows = [LONG, SHORT, SILK].map(|p| stream.packet(p, Clip::default()).unwrap());
        assert_eq!(
            rows.map(|r| r.values()),
            [
                [0, 4, 960, 0, 959],
                [4, 2, 120, 960, 1079],
                [6, 2, 2880, 1080, 3959],
            ]
        );
        assert_eq!((stream.packets(), stream.total_samples()), (3, 3960));
        assert_eq!(stream.modes_seen(), ["SILK", "CELT"]);
        let before = stream.clone();
        let error = stream
            .packet(&[31 << 3 | 3, 0], Clip::default())
            .unwrap_err();
        assert!(matches!(error, Error::Packet { .. }), "{error}");
        assert_eq!(
            stream.packets(),
            before.packets(),
            "a bad packet counts for nothing"
        );
    }

    #[test]
    fn pre_skip_may_take_more_than_one_packet() {
        let mut stream = stream(Some(vec![]), 0);
        for start in [120, 120, 72, 0, 0] {
            stream.packet(SHORT, clip(start, 0)).unwrap();
            assert_eq!(stream.pre_skip().0, 312, "never another in a growing store");
        }
        assert_eq!(stream.pre_skip(), (312, PreSkipSource::ClippingMeta));
        stream.packet(LONG, clip(100, 0)).unwrap();
        assert_eq!(
            stream.pre_skip().0,
            312,
            "a cut in the midst is no pre-skip"
        );
        assert_eq!(stream.ignored_clips(), 1);
    }

    #[test]
    fn clips_longer_than_their_packets_leave_the_pre_skip_to_the_header() {
        // Packets of 2.5 ms as matroskademux and oggdemux clip them, and a laced block of them.
        for starts in [[312, 312, 312, 0], [120, 240, 72, 0], [312, 0, 0, 0]] {
            for (head_bytes, source) in [
                (Some(vec![]), PreSkipSource::StreamHeader),
                (None, PreSkipSource::ClippingMeta),
            ] {
                let told = head_bytes.is_some();
                let mut stream = stream(head_bytes, 0);
                for start in starts {
                    stream.packet(SHORT, clip(start, 0)).unwrap();
                }
                let first = if starts[0] > 120 { 312 } else { 240 };
                let expected = if told { 312 } else { first };
                assert_eq!(stream.pre_skip(), (expected, source), "{starts:?}");
                assert_eq!(stream.ignored_clips(), 0);
            }
        }
    }

    #[test]
    fn pre_skip_is_what_is_known() {
        let mut header = stream(Some(vec![]), 99);
        header.packet(LONG, Clip::default()).unwrap();
        assert_eq!(header.pre_skip(), (312, PreSkipSource::StreamHeader));
        assert_eq!(stream(None, 312).pre_skip(), (312, PreSkipSource::Segment));
        assert_eq!(stream(None, 0).pre_skip(), (0, PreSkipSource::Unknown));
        let mut set = stream(Some(vec![]), 0);
        set.start.pre_skip = Some(7);
        set.packet(LONG, clip(312, 0)).unwrap();
        assert_eq!(set.pre_skip(), (7, PreSkipSource::Property));
    }

    #[test]
    fn the_end_may_take_more_than_one_packet() {
        let mut stream = stream(None, 0);
        stream.packet(LONG, clip(0, 960)).unwrap();
        stream.packet(LONG, clip(0, 0)).unwrap();
        assert_eq!(stream.ignored_clips(), 1, "that was not the end");
        stream.packet(LONG, clip(0, 500)).unwrap();
        stream.packet(SHORT, clip(0, 120)).unwrap();
        assert_eq!(stream.attributes("", false).end_trim, 0, "not the end yet");
        let attributes = stream.attributes("", true);
        assert_eq!((attributes.end_trim, attributes.pcm_samples()), (620, 2380));
        stream.end_before(9);
        assert_eq!(stream.attributes("", true).end_trim, 620);
    }

    #[test]
    fn pre_roll_depends_on_the_modes() {
        let mut stream = stream(None, 0);
        stream.packet(LONG, Clip::default()).unwrap();
        assert_eq!(stream.attributes("", true).recommended_preroll_ms, 1200);
        stream.packet(SILK, Clip::default()).unwrap();
        assert_eq!(stream.attributes("", true).recommended_preroll_ms, 2000);
    }

    #[test]
    fn gaps_stand_before_the_next_packet() {
        let mut stream = stream(None, 0);
        assert_eq!(
            stream.gap(None),
            Gap {
                packet: 0,
                samples: 0
            }
        );
        stream.packet(SILK, Clip::default()).unwrap();
        assert_eq!(
            stream.gap(None),
            Gap {
                packet: 1,
                samples: 2880
            }
        );
        assert_eq!(
            stream.gap(Some(5)),
            Gap {
                packet: 1,
                samples: 5
            }
        );
    }
}
