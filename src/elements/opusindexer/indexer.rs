//! What passes through `opusindexer` on its way into the store.

use std::time::{Duration, Instant};

use super::clock::{Clock, Missing, samples};
use super::settings::{OnError, Settings};
use crate::opus::{Clip, Start};
use crate::opus_caps::{Described, described};
use crate::opus_store::{StoreError, StoreWriter, Summary};
use crate::{meta, opus};

/// Why the stream can't go on.
#[derive(Debug)]
pub(super) enum Fault {
    /// The store, or a packet.
    Store(StoreError),
    /// Caps or headers of the stream.
    Stream(String),
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Packets between looks at the clock.
const LOOK_AFTER_PACKETS: u64 = 8;

/// The first bytes of headers that demuxers send among the packets.
const HEAD: &[u8] = b"OpusHead";
const TAGS: &[u8] = b"OpusTags";

/// Counts of all links.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Totals {
    pub links: u64,
    pub packets: u64,
    pub samples: u64,
    pub gaps: u64,
    pub committed_packets: u64,
}

/// The store while it is written.
pub(super) struct Indexer {
    writer: StoreWriter,
    settings: Settings,
    described: Option<Described>,
    /// A link is begun in the store.
    begun: bool,
    stream_id: Option<String>,
    segment_start_ns: Option<u64>,
    /// No packet came since a flush.
    flushed: bool,
    clock: Clock,
    /// Samples of the last packet.
    last_count: u64,
    /// Samples at its end that its duration leaves out.
    beyond_duration: u64,
    committed: Instant,
    totals: Totals,
}

impl Indexer {
    /// Begins a store.
    ///
    /// # Errors
    /// When nothing can be written at the location.
    pub(super) fn create(settings: Settings) -> Result<Self, StoreError> {
        let location = settings.location.clone().unwrap_or_default();
        Ok(Self {
            writer: StoreWriter::create(location, settings.options())?,
            settings,
            described: None,
            begun: false,
            stream_id: None,
            segment_start_ns: None,
            flushed: false,
            clock: Clock::default(),
            last_count: 0,
            beyond_duration: 0,
            committed: Instant::now(),
            totals: Totals::default(),
        })
    }

    pub(super) const fn totals(&self) -> Totals {
        self.totals
    }

    /// Another stream begins: what comes is another link.
    pub(super) fn stream_start(&mut self, id: &str) -> Result<(), Fault> {
        let before = self.stream_id.replace(id.to_owned());
        if before.is_some_and(|before| before != id) {
            self.end_link()?;
        }
        Ok(())
    }

    pub(super) fn caps(&mut self, caps: &gst::CapsRef) -> Result<(), Fault> {
        let new = described(caps).map_err(Fault::Stream)?;
        self.describe(new)
    }

    /// Takes a description; one that differs belongs to another link.
    fn describe(&mut self, mut new: Described) -> Result<(), Fault> {
        if let Some(old) = &self.described {
            let same = old.head == new.head
                || new.head_bytes.is_none() && old.head.mapping == new.head.mapping;
            if same {
                // Caps without headers do not take away what is known.
                new.head = old.head.clone();
                new.head_bytes = new.head_bytes.or_else(|| old.head_bytes.clone());
                new.tags = new.tags.or_else(|| old.tags.clone());
            } else {
                self.end_link()?;
            }
        }
        self.described = Some(new);
        Ok(())
    }

    pub(super) fn segment(&mut self, segment: &gst::Segment) {
        let time = segment.downcast_ref::<gst::ClockTime>();
        let start = time.and_then(|segment| segment.start());
        self.segment_start_ns = start.map(gst::ClockTime::nseconds);
        self.clock.interrupt();
    }

    /// After a flush nothing tells how much is missing.
    pub(super) fn flushed(&mut self) {
        self.flushed = true;
        self.clock.interrupt();
    }

    /// Upstream has nothing for a time.
    pub(super) fn gap(
        &mut self,
        pts: gst::ClockTime,
        duration: Option<gst::ClockTime>,
    ) -> Result<(), Fault> {
        let duration = duration.map(gst::ClockTime::nseconds);
        let samples = self.clock.gap(pts.nseconds(), duration);
        self.missing(samples)?;
        self.commit_when_due()
    }

    /// A packet, or a header among them. The answer is a warning.
    pub(super) fn buffer(&mut self, buffer: &gst::BufferRef) -> Result<Option<StoreError>, Fault> {
        // To map several memories would put their copy in their place: that is done to another buffer.
        let other = (buffer.n_memory() > 1).then(|| buffer.to_owned());
        let map = other.as_deref().unwrap_or(buffer).map_readable();
        let map = map.map_err(|_| Fault::Stream("a buffer can't be read".into()))?;
        if buffer.flags().contains(gst::BufferFlags::HEADER) || buffer.pts().is_none() {
            if map.starts_with(HEAD) {
                return self.header(map.to_vec()).map(|()| None);
            }
            if map.starts_with(TAGS) {
                if let Some(described) = &mut self.described {
                    described.tags = Some(map.to_vec());
                }
                return Ok(None);
            }
        }
        self.begin(buffer.pts())?;
        self.flushed = false;
        let warning = self.packet(buffer, &map)?;
        self.commit_when_due()?;
        Ok(warning)
    }

    /// A header behind packets begins another link, though it may be the same: links of a chain may share their serial
    /// number, and oggdemux then takes them for one stream. After a flush headers may come once more.
    fn header(&mut self, bytes: Vec<u8>) -> Result<(), Fault> {
        if self.begun && !self.flushed {
            self.end_link()?;
        }
        let head = opus::Head::parse(&bytes)
            .map_err(|error| Fault::Stream(format!("header in the stream: {error}")))?;
        self.describe(Described {
            head,
            head_bytes: Some(bytes),
            tags: None,
        })
    }

    /// Begins the link of the packet that comes now.
    fn begin(&mut self, pts: Option<gst::ClockTime>) -> Result<(), Fault> {
        if self.begun {
            return Ok(());
        }
        let Some(described) = self.described.clone() else {
            return Err(Fault::Stream("neither caps nor OpusHead came".into()));
        };
        let pts = pts.map(gst::ClockTime::nseconds);
        let before_segment = match (self.segment_start_ns, pts) {
            (Some(start), Some(pts)) => samples(start.saturating_sub(pts)),
            _ => 0,
        };
        self.writer.begin(Start {
            head: described.head,
            head_bytes: described.head_bytes,
            tags: described.tags,
            pre_skip: u64::try_from(self.settings.pre_skip).ok(),
            before_segment,
        })?;
        self.begun = true;
        self.totals.links += 1;
        self.clock = Clock::default();
        Ok(())
    }

    fn packet(
        &mut self,
        buffer: &gst::BufferRef,
        bytes: &[u8],
    ) -> Result<Option<StoreError>, Fault> {
        let pts = buffer.pts().map(gst::ClockTime::nseconds);
        let discont = buffer.flags().contains(gst::BufferFlags::DISCONT);
        match self.clock.packet(pts, discont) {
            Missing::Nothing => {}
            Missing::Samples(samples) => self.missing(samples)?,
            Missing::Unknown => self.missing(0)?,
            Missing::Late(samples) => self.writer.amend_gap(samples)?,
        }
        let duration = buffer
            .duration()
            .map(|duration| samples(duration.nseconds()));
        if bytes.is_empty() {
            // It stands for a packet that was lost or not sent.
            self.lost(duration)?;
            return Ok(None);
        }
        let clip =
            meta::clipping(buffer, Some(opus::RATE)).map_or(Clip::default(), |clipping| Clip {
                start: clipping.start,
                end: clipping.end,
            });
        let row = match self.writer.packet(bytes, clip) {
            Ok(Some(row)) => row,
            Ok(None) => return Ok(None),
            Err(error @ (StoreError::Packet { .. } | StoreError::Decode { .. }))
                if self.settings.on_error == OnError::Skip =>
            {
                self.lost(duration)?;
                return Ok(Some(error));
            }
            Err(error) => return Err(error.into()),
        };
        let kept = row
            .sample_count
            .saturating_sub(clip.start)
            .saturating_sub(clip.end);
        if kept == 0 {
            // Demuxers place the packets of the pre-skip each in its own way.
            self.clock.interrupt();
        } else {
            self.clock.lasts(kept);
        }
        self.last_count = row.sample_count;
        self.beyond_duration =
            duration.map_or(0, |duration| row.sample_count.saturating_sub(duration));
        self.totals.packets += 1;
        self.totals.samples = self.totals.samples.saturating_add(row.sample_count);
        Ok(None)
    }

    /// Records a packet that is not there; it takes as long as the one before where nobody knows.
    fn lost(&mut self, duration: Option<u64>) -> Result<(), Fault> {
        let samples = duration.unwrap_or(self.last_count);
        self.clock.lost(samples);
        self.missing(samples)
    }

    /// Records a gap, once there is a link that it can be in.
    fn missing(&mut self, samples: u64) -> Result<(), Fault> {
        if self.begun {
            self.writer.gap(samples)?;
            self.totals.gaps += 1;
        }
        Ok(())
    }

    fn commit_when_due(&mut self) -> Result<(), Fault> {
        let interval = self.settings.commit_interval();
        // The clock is looked at now and then: it costs as much as a packet.
        let looks =
            interval == Duration::ZERO || self.totals.packets.is_multiple_of(LOOK_AFTER_PACKETS);
        if looks && self.committed.elapsed() >= interval {
            self.commit()?;
        }
        Ok(())
    }

    /// Makes all that came readable.
    pub(super) fn commit(&mut self) -> Result<(), StoreError> {
        if self.begun {
            self.writer.commit()?;
            self.totals.committed_packets = self.writer.committed_packets();
        }
        self.committed = Instant::now();
        Ok(())
    }

    /// What comes next belongs to another link.
    fn end_link(&mut self) -> Result<(), StoreError> {
        let told = matches!(&self.described, Some(described) if described.head_bytes.is_some());
        if self.begun && !told {
            // MP4 has the end trim in the duration of its last sample, and nowhere else in GStreamer.
            self.writer.end_before(self.beyond_duration)?;
        }
        self.begun = false;
        Ok(())
    }

    /// All is there.
    pub(super) fn finish(&mut self) -> Result<Summary, Fault> {
        if self.totals.links == 0 {
            // A stream of headers alone is a store, too.
            self.begin(None)?;
        }
        self.end_link()?;
        Ok(self.writer.finish()?)
    }
}
