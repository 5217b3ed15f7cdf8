//! An open store and what is played of it: range after range, each with caps and a segment of its own.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use super::caps::Headers;
use super::deliver::{Next, Playing, Readable};
use super::ranges::Wanted;
use super::time::{sample_of, time_of};
use crate::opus::{Plan, Preroll, RATE};
use crate::opus_store::{Certainty, OpusStore, StoreError};

/// Samples of a millisecond.
const MS: u64 = RATE as u64 / 1000;
/// Samples at the start of a range that are compared with the hashes: half a minute, which decodes in a tenth of a second.
const CERTIFIED: u64 = 30_000 * MS;

/// Segments are in TIME.
pub(super) type Segment = gst::FormattedSegment<gst::ClockTime>;

/// What happens next.
pub(super) enum Step {
    /// A range begins. The segment is none for the first one after a seek, which has its own already.
    Range(Option<gst::Caps>, Option<Segment>),
    /// A range is to begin, and these samples of it are to be certified: [`Session::certify`] takes what comes of it.
    /// It may take long, so it is not done here, where others would wait.
    Certify(Range<u64>),
    Packet(gst::Buffer),
    /// Nothing more is there yet.
    Wait,
    End,
}

/// How the store is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading {
    pub preroll: Preroll,
    /// Packets are compared with the index.
    pub verify: bool,
    /// More is waited for at the end of a store that grows.
    pub follow: bool,
}

/// What was played.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Stats {
    pub packets: u64,
    pub bytes: u64,
    pub ranges: u32,
    /// Those of them whose samples are proved.
    pub certified: u32,
    /// Samples that were decoded before the last range.
    pub preroll: u64,
}

pub(super) struct Session {
    store: Arc<OpusStore>,
    headers: Headers,
    pre_skip: u64,
    /// What was asked for by properties or URI.
    wanted: Vec<Wanted>,
    /// Ranges that are still to be begun.
    queue: VecDeque<Wanted>,
    playing: Option<Playing>,
    /// The segment of the last seek.
    segment: Segment,
    /// PCM samples of the ranges before the one that is played.
    played: u64,
    /// PCM samples of the one that is played, so far.
    playing_samples: u64,
    /// A range has begun since the last seek.
    begun: bool,
    /// What plays is what was asked for by properties or URI, not by a seek.
    asked: bool,
    /// Samples to decode before the next range, once they are certified or known not to be.
    certified: Option<u64>,
    follow: bool,
    readable: Readable,
    tagged: bool,
    placed: bool,
    listed: bool,
    /// Why a range is not certified.
    doubt: Option<String>,
    doubted: bool,
    pub stats: Stats,
}

impl Session {
    /// # Errors
    /// Where the stream's header can't be used, the ranges are not in the store, or it has no hashes to certify them with.
    pub fn new(
        store: Arc<OpusStore>,
        wanted: Vec<Wanted>,
        preroll: Preroll,
        follow: bool,
    ) -> Result<Self, StoreError> {
        let attributes = store.attributes();
        let readable = Readable::of(&attributes, follow);
        if preroll == Preroll::Certified && !store.info().certified {
            return Err(StoreError::NoHashes);
        }
        let session = Self {
            headers: Headers::new(&attributes).map_err(StoreError::Head)?,
            pre_skip: attributes.pre_skip,
            store,
            wanted,
            queue: VecDeque::new(),
            playing: None,
            segment: Segment::new(),
            played: 0,
            playing_samples: 0,
            begun: false,
            asked: false,
            certified: None,
            follow,
            readable,
            tagged: false,
            placed: false,
            listed: false,
            doubt: None,
            doubted: false,
            stats: Stats::default(),
        };
        for wanted in &session.wanted {
            session.check(wanted)?;
        }
        Ok(session)
    }

    /// The comments of the stream, once.
    pub fn take_tags(&mut self) -> Option<gst::TagList> {
        (!std::mem::replace(&mut self.tagged, true)).then(|| self.headers.tags())
    }

    /// A seek has said what is played, be it the one that the base class begins with.
    pub fn is_placed(&self) -> bool {
        self.placed
    }

    /// Refuses a range that the store does not have and will not have.
    fn check(&self, wanted: &Wanted) -> Result<(), StoreError> {
        let attributes = self.store.attributes();
        let total = attributes.pcm_samples();
        let Wanted { start, stop } = *wanted;
        let behind = stop.unwrap_or(if start == 0 {
            0
        } else {
            start.saturating_add(1)
        });
        if behind <= total || self.readable.growing {
            return Ok(());
        }
        if attributes.has_ended() {
            let stop = stop.unwrap_or(total);
            return Err(StoreError::Range { start, stop, total });
        }
        Err(StoreError::NotComplete {
            wanted: behind.saturating_sub(1),
            readable: total,
            committed_packets: attributes.committed_packets,
        })
    }

    /// Plays what was asked for before any seek, and puts its first range into the segment.
    pub fn play_wanted(&mut self, segment: &mut Segment) {
        self.queue = self.wanted.iter().copied().collect();
        if let Some(first) = self.queue.front() {
            let start = time_of(first.start);
            segment.set_start(start);
            segment.set_position(start);
            segment.set_time(start);
            segment.set_stop(first.stop.map(time_of));
        }
        self.asked = true;
        self.restart(segment);
    }

    /// Plays a segment from its position on, and moves its ends to where samples begin.
    pub fn play_segment(&mut self, segment: &mut Segment) {
        let position = segment.position().or(segment.start()).unwrap_or_default();
        let start = sample_of(position);
        let stop = segment.stop().map(sample_of);
        self.queue = VecDeque::from([Wanted { start, stop }]);
        if segment.start() == Some(position) {
            segment.set_start(time_of(start));
            segment.set_time(time_of(start));
        }
        segment.set_position(time_of(start));
        segment.set_stop(stop.map(time_of));
        self.asked = false;
        self.restart(segment);
    }

    fn restart(&mut self, segment: &mut Segment) {
        self.listed = self.queue.len() > 1;
        let attributes = self.store.attributes();
        if attributes.has_ended() {
            // A duration would limit later seeks, so a store that grows has none.
            segment.set_duration(time_of(attributes.pcm_samples()));
        }
        self.segment = segment.clone();
        (self.playing, self.certified) = (None, None);
        (self.played, self.playing_samples, self.begun) = (0, 0, false);
        self.placed = true;
    }

    /// The segment of the last seek.
    pub fn segment(&self) -> &Segment {
        &self.segment
    }

    /// True while several ranges are played one after the other: a seek has not ended that.
    pub fn plays_list(&self) -> bool {
        self.listed
    }

    /// Looks again at how far the store can be read.
    ///
    /// # Errors
    /// Where the samples that were played would have other numbers now.
    pub fn look(&mut self) -> Result<(), StoreError> {
        let attributes = self.store.attributes();
        // It grows while all packets that came are skipped.
        if attributes.pre_skip != self.pre_skip && self.begun {
            return Err(StoreError::BadAttribute {
                name: "pre_skip".into(),
                found: attributes.pre_skip.to_string(),
                expected: format!("{} as before", self.pre_skip),
            });
        }
        self.pre_skip = attributes.pre_skip;
        self.readable = Readable::of(&attributes, self.follow);
        Ok(())
    }

    /// What happens next.
    ///
    /// # Errors
    /// When the store can't be read or is damaged.
    pub fn step(&mut self, reading: &Reading) -> Result<Step, StoreError> {
        if self.follow != reading.follow {
            self.follow = reading.follow;
            self.look()?;
        }
        let readable = self.readable;
        loop {
            let Some(playing) = &mut self.playing else {
                let Some(wanted) = self.queue.front().copied() else {
                    return Ok(Step::End);
                };
                if readable.growing && wanted.start >= readable.samples {
                    return Ok(Step::Wait);
                }
                if let Some(step) = self.begin(wanted, reading)? {
                    return Ok(step);
                }
                continue;
            };
            match playing.next(&self.store, &readable)? {
                Next::Packet(buffer) => {
                    self.count(&buffer);
                    return Ok(Step::Packet(buffer));
                }
                Next::Starved if readable.growing => return Ok(Step::Wait),
                Next::Done | Next::Starved => {
                    let wanted = playing.wanted;
                    self.playing = None;
                    self.check_asked(&wanted)?;
                    self.played = self.played.saturating_add(self.playing_samples);
                }
            }
        }
    }

    /// Refuses a range of the properties that the store does not have, now that it is known how much it has.
    fn check_asked(&self, wanted: &Wanted) -> Result<(), StoreError> {
        match self.asked {
            true => self.check(wanted),
            // A seek may go behind the end.
            false => Ok(()),
        }
    }

    fn count(&mut self, buffer: &gst::BufferRef) {
        let kept = buffer.offset_end().saturating_sub(buffer.offset());
        self.playing_samples = self.playing_samples.saturating_add(kept);
        self.stats.packets = self.stats.packets.saturating_add(1);
        self.stats.bytes = self.stats.bytes.saturating_add(buffer.size() as u64);
    }

    /// Begins the first range of the queue; `None` where the store has nothing of it.
    fn begin(&mut self, wanted: Wanted, reading: &Reading) -> Result<Option<Step>, StoreError> {
        self.check_asked(&wanted)?;
        let readable = self.readable;
        let open = u64::MAX.saturating_sub(self.pre_skip);
        let known = if readable.growing {
            open
        } else {
            readable.samples
        };
        let range = wanted.start..wanted.stop.map_or(known, |stop| stop.min(known));
        if range.is_empty() {
            self.queue.pop_front();
            return Ok(None);
        }
        let preroll = match (reading.preroll, self.certified.take()) {
            (Preroll::Samples(samples), _) | (Preroll::Certified, Some(samples)) => samples,
            (Preroll::Auto, _) => self.recommended(),
            (Preroll::Certified, None) => {
                let end = range.start.saturating_add(CERTIFIED).min(range.end);
                let end = end.min(readable.samples).max(range.start);
                return Ok(Some(Step::Certify(range.start..end)));
            }
        };
        self.queue.pop_front();
        let plan = Plan::new(&range, self.pre_skip, preroll);
        let first = self.store.find_on_timeline(plan.from)?;
        let last = match readable.growing {
            true => None,
            false => Some(self.store.find_on_timeline(plan.end - 1)?.packet + 1),
        };
        let clipped = plan.start.saturating_sub(first.row.cum_start);
        self.stats.ranges = self.stats.ranges.wrapping_add(1);
        self.stats.preroll = clipped;
        let mut playing = Playing::new(wanted, plan, self.pre_skip, first.packet, last);
        if reading.verify {
            playing = playing.checked(self.headers.head.streams());
        }
        self.playing = Some(playing);
        self.playing_samples = 0;
        let caps = self.headers.caps(self.stats.ranges, clipped);
        let stop = match self.store.attributes().has_ended() {
            true => Some(range.end),
            false => wanted.stop,
        };
        let segment = self.begun.then(|| self.next_segment(range.start, stop));
        self.begun = true;
        Ok(Some(Step::Range(caps, segment)))
    }

    /// Samples to decode before a range where nothing is proved.
    fn recommended(&self) -> u64 {
        u64::from(self.store.attributes().recommended_preroll_ms) * MS
    }

    /// Takes what is known of the samples of [`Step::Certify`].
    pub fn certify(&mut self, certainty: Certainty) {
        self.certified = Some(match certainty {
            Certainty::Certified { preroll_samples } => {
                self.stats.certified = self.stats.certified.saturating_add(1);
                preroll_samples
            }
            Certainty::Uncertified { why } => {
                self.doubt.get_or_insert(why);
                self.recommended()
            }
        });
    }

    /// Why a range is not certified, once it is known.
    pub fn take_doubt(&mut self) -> Option<String> {
        let doubt = self.doubt.as_mut().filter(|_| !self.doubted)?;
        self.doubted = true;
        Some(std::mem::take(doubt))
    }

    /// The segment of a range that follows others without a seek.
    fn next_segment(&self, start: u64, stop: Option<u64>) -> Segment {
        let mut segment = self.segment.clone();
        let start = time_of(start);
        segment.set_start(start);
        segment.set_position(start);
        segment.set_time(start);
        segment.set_stop(stop.map(time_of));
        let played = time_of(self.played).nseconds() as f64 / segment.rate();
        let base = segment.base().unwrap_or_default();
        let played = gst::ClockTime::from_nseconds((played.round() as u64).min(u64::MAX - 1));
        segment.set_base(base.saturating_add(played));
        segment
    }
}
