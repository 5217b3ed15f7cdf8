//! Which samples are in which fragment.
//!
//! One track decides where fragments end: the first with pictures, at keys; without pictures the first with audio, at
//! multiples of the fragment's duration. The others follow by presentation time. A fragment is complete when each
//! track has a sample behind the cut, from which the one before it has its duration, or is known to have none.
//!
//! A segment (what is between two cuts of kind [`CutKind::Segment`]) has in it nothing of what was before: rendered
//! alone, from its times and the number of the first, it is the same.

mod audio;
mod cuts;
mod layout;
mod queue;
#[cfg(test)]
mod tests;
mod text;
mod video;

use std::collections::VecDeque;

use super::timing::{TimingError, nanoseconds};
use cuts::Decider;
pub use layout::{Interleave, Payload, TrackInfo, boxed, layout};
use queue::Queue;
pub use queue::{Cut, CutKind, Input, Media, Placed, TrackQueue, TrackSpec, Until};
pub use text::EMPTY_SIZE;

/// Fragments of one segment are numbered from a multiple of this on.
pub const MOST_PARTS: u32 = 4096;

/// Live, a fragment waits no longer for the next sample of a track: one that is there comes at most a frame, and the
/// delay of reordering, behind those of other tracks.
const LIVE_GAP_NS: i64 = 200_000_000;

/// How long fragments are. All times are nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// A segment ends at the first key so long after its begin.
    pub fragment_ns: i64,
    /// A segment that finds no key is split after so long.
    pub max_gop_ns: i64,
    /// Segments are written in chunks of so long.
    pub chunk_ns: Option<i64>,
    /// How long a fragment waits for the next sample of a track.
    pub max_gap_ns: i64,
    /// Number of the first segment.
    pub first_segment: u32,
    /// One segment alone: from the first key at or past the begin, or, where that is zero, from the first sample of
    /// all, to the first key at or past the end.
    pub range: Option<(i64, i64)>,
}

impl Options {
    /// Where a segment alone begins, if that is not for its first sample to say: a file can begin before zero.
    fn begin(&self) -> Option<i64> {
        self.range
            .map(|(start, _)| start)
            .filter(|start| *start > 0)
    }
}

/// Samples of one track in a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartTrack<T> {
    /// Place of the track.
    pub track: usize,
    /// Ticks from the samples' times to media times.
    pub shift: i64,
    /// In decoding order, one at least.
    pub samples: Vec<Placed<T>>,
}

/// One movie fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part<T> {
    /// Number of its segment.
    pub segment: u32,
    /// Its place in the segment.
    pub index: u32,
    /// A chunk and not the begin of a fragment.
    pub is_chunk: bool,
    /// Where it begins and ends, nanoseconds.
    pub time_ns: (i64, i64),
    /// Decoding can begin here.
    pub starts_with_key: bool,
    /// In the order of the tracks, those that have samples.
    pub tracks: Vec<PartTrack<T>>,
    /// Nothing follows.
    pub is_last: bool,
}

impl<T> Part<T> {
    /// `sequence_number` of `mfhd`.
    pub fn sequence(&self) -> u32 {
        let index = self.index.min(MOST_PARTS - 1);
        self.segment.wrapping_mul(MOST_PARTS).wrapping_add(index)
    }
}

/// A track's sample has a time that can't be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackError {
    /// Place of the track.
    pub track: usize,
    /// What is wrong.
    pub error: TimingError,
}

fn at(track: usize) -> impl Fn(TimingError) -> TrackError {
    move |error| TrackError { track, error }
}

/// Plans fragments from the samples of all tracks, pushed about in time order.
#[derive(Debug)]
pub struct Fragmenter<T> {
    options: Options,
    tracks: Vec<TrackQueue<T>>,
    specs: Vec<TrackSpec>,
    decider: Decider,
    /// Decided and not taken, in order.
    cuts: VecDeque<Cut>,
    segment: u32,
    index: u32,
    /// Begin of the part that is taken next, and why it begins.
    begin: Option<(i64, CutKind)>,
    newest_ns: i64,
    ended: bool,
    finished: bool,
}

impl<T> Fragmenter<T> {
    /// No tracks yet.
    pub fn new(options: Options) -> Self {
        Self {
            segment: options.first_segment,
            decider: Decider::new(&options),
            options,
            tracks: Vec::new(),
            specs: Vec::new(),
            cuts: VecDeque::new(),
            index: 0,
            begin: options.begin().map(|start| (start, CutKind::Segment)),
            newest_ns: i64::MIN,
            ended: false,
            finished: false,
        }
    }

    /// Adds a track. Returns its place.
    pub fn add(&mut self, spec: TrackSpec) -> usize {
        self.tracks.push(TrackQueue::new(spec));
        self.specs.push(spec);
        self.tracks.len() - 1
    }

    /// The track at a place.
    pub fn track(&self, track: usize) -> Option<&TrackQueue<T>> {
        self.tracks.get(track)
    }

    /// Input is live: what does not come in its time is not waited for.
    pub fn set_live(&mut self) {
        self.options.max_gap_ns = self.options.max_gap_ns.min(LIVE_GAP_NS);
        self.decider.set_live(self.options.max_gap_ns);
    }

    /// A segment begins at the first key at or past a time, however short the one before gets.
    pub fn split_at(&mut self, time_ns: i64) {
        self.decider.split_at(time_ns);
    }

    /// A segment begins at a time, key or not.
    pub fn cut_at(&mut self, time_ns: i64) {
        self.decider.cut_at(time_ns);
    }

    /// Where the segment begins that the newest samples are in, nanoseconds.
    pub fn segment_begin(&self) -> Option<i64> {
        self.decider.segment_begin()
    }

    /// Takes a track's next sample.
    ///
    /// # Errors
    /// When its time can't be.
    pub fn push(&mut self, track: usize, input: Input<T>) -> Result<(), TrackError> {
        let Some(queue) = self.tracks.get_mut(track) else {
            return Ok(());
        };
        if !self.decider.admits(track, queue, &input) {
            return Ok(());
        }
        self.newest_ns = self.newest_ns.max(input.pts_ns);
        queue.push(input).map_err(at(track))
    }

    /// Forgets the samples of a track that are in no part: what follows comes from elsewhere.
    pub fn flush(&mut self, track: usize) {
        let Some((queue, spec)) = self.tracks.get_mut(track).zip(self.specs.get(track)) else {
            return;
        };
        let first = spec
            .first
            .or(queue.first().filter(|_| self.options.range.is_none()));
        *queue = TrackQueue::new(TrackSpec { first, ..*spec });
        if self
            .decider
            .flush(track, &self.options, self.begin.map(|(time, _)| time))
        {
            self.cuts.clear();
            self.newest_ns = i64::MIN;
        }
    }

    /// A track has no more samples.
    ///
    /// # Errors
    /// When the time of one that was held back can't be.
    pub fn end(&mut self, track: usize) -> Result<(), TrackError> {
        match self.tracks.get_mut(track) {
            Some(queue) if !queue.has_ended() => queue.end().map_err(at(track)),
            _ => Ok(()),
        }
    }

    /// No track has more samples.
    ///
    /// # Errors
    /// As [`Fragmenter::end`].
    pub fn finish(&mut self) -> Result<(), TrackError> {
        self.ended = true;
        (0..self.tracks.len()).try_for_each(|track| self.end(track))
    }

    /// True when nothing that comes can change what is written: a segment alone is complete.
    pub fn is_complete(&self) -> bool {
        self.finished
    }

    /// The next part that is complete.
    ///
    /// # Errors
    /// When times or durations can't be.
    pub fn next_part(&mut self) -> Result<Option<Part<T>>, TrackError> {
        while !self.finished {
            if let Some(begin) = self
                .decider
                .decide(&self.tracks, self.newest_ns, &mut self.cuts)
            {
                self.begin.get_or_insert((begin, CutKind::Segment));
            }
            let Some(cut) = self.cuts.front().copied() else {
                if !self.ended {
                    return Ok(None);
                }
                self.finished = true;
                return self.take(Until::End);
            };
            if !self.is_settled(&cut) {
                return Ok(None);
            }
            self.cuts.pop_front();
            self.finished = self.options.range.is_some() && cut.kind == CutKind::Segment;
            if let Some(part) = self.take(Until::Cut(cut))? {
                return Ok(Some(part));
            }
        }
        Ok(None)
    }

    fn is_settled(&self, cut: &Cut) -> bool {
        let waited = self.newest_ns.saturating_sub(cut.time_ns) >= self.options.max_gap_ns;
        let mut tracks = self.tracks.iter();
        waited || tracks.all(|track| track.is_settled(cut))
    }

    fn take(&mut self, until: Until) -> Result<Option<Part<T>>, TrackError> {
        let (begin_ns, begin_kind) = self.begin.unwrap_or((0, CutKind::Segment));
        let mut taken = Vec::with_capacity(self.tracks.len());
        let mut end_ns = begin_ns;
        for (track, (queue, spec)) in self.tracks.iter_mut().zip(&self.specs).enumerate() {
            if let Queue::Text(text) = &mut queue.queue {
                let alone = self.options.begin().is_some();
                text.begin(begin_ns, alone).map_err(at(track))?;
            }
            let samples = queue.take(until).map_err(at(track))?;
            let shift = queue.shift();
            for sample in &samples {
                let end = sample.pts.saturating_add(i64::from(sample.duration));
                end_ns = end_ns.max(nanoseconds(end, spec.timescale.max(1)));
            }
            if !samples.is_empty() {
                taken.push(PartTrack {
                    track,
                    shift,
                    samples,
                });
            }
        }
        let (segment, index) = (self.segment, self.index);
        if let Until::Cut(cut) = until {
            self.begin = Some((cut.time_ns, cut.kind));
            end_ns = cut.time_ns;
            if cut.kind == CutKind::Segment && !taken.is_empty() {
                self.segment = self.segment.wrapping_add(1);
                self.index = 0;
            } else if !taken.is_empty() {
                self.index += 1;
            }
        }
        if taken.is_empty() {
            return Ok(None);
        }
        // Whichever track decides now: pictures alone need keys.
        let pictures = |part: &&PartTrack<T>| {
            let queue = self.tracks.get(part.track).map(|t| &t.queue);
            matches!(queue, Some(Queue::Video(_)))
        };
        let leading = taken.iter().find(pictures).or(taken.first());
        let key = leading
            .and_then(|t| t.samples.first())
            .is_some_and(|s| s.sync);
        Ok(Some(Part {
            segment,
            index,
            is_chunk: begin_kind == CutKind::Chunk,
            time_ns: (begin_ns, end_ns),
            starts_with_key: key,
            tracks: taken,
            is_last: until == Until::End,
        }))
    }
}
