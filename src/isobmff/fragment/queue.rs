//! The samples of one track that are not in a fragment yet.

use super::audio::AudioQueue;
use super::text::TextQueue;
use super::video::VideoQueue;
use crate::isobmff::timing::TimingError;

/// What decides the times of a track's samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Media {
    /// Pictures, maybe out of order.
    Video {
        /// Most pictures that precede one in decoding order and follow it in presentation order; `usize::MAX`
        /// where that is not known.
        depth: usize,
        /// C: ticks by which decoding is ahead of presentation.
        delay: i64,
        /// Ticks of one picture, where the rate is known.
        frame: Option<i64>,
    },
    /// Frames that follow each other.
    Audio {
        /// All frames are multiples of so many ticks, where they differ in length.
        unit: Option<i64>,
    },
    /// Cues with nothing between them.
    Text,
}

/// One track, as far as times go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrackSpec {
    /// Ticks a second.
    pub timescale: u32,
    /// What it holds.
    pub media: Media,
    /// The stream's first tick, as an earlier run found it.
    pub first: Option<i64>,
}

/// A sample as it comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input<T> {
    /// Presentation time, nanoseconds.
    pub pts_ns: i64,
    /// Nanoseconds.
    pub duration_ns: Option<i64>,
    /// Audio: ticks of the frame.
    pub frame: i64,
    /// Audio: a frame lasts a whole number of ticks, so that frames make a grid.
    pub even: bool,
    /// Audio: ticks of the frame's end that are not to be heard.
    pub trim: i64,
    /// Decoding can begin here.
    pub sync: bool,
    /// Bytes.
    pub size: u32,
    /// Place of its description in the track.
    pub entry: u32,
    /// What was pushed.
    pub payload: T,
}

/// A sample with its times, ticks of the stream: media time less the track's shift.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed<T> {
    /// Presentation time.
    pub pts: i64,
    /// Decoding time.
    pub dts: i64,
    /// To the next sample's decoding time.
    pub duration: u32,
    /// Decoding can begin here.
    pub sync: bool,
    /// A key with leading pictures.
    pub open: bool,
    /// Bytes.
    pub size: u32,
    /// Place of its description in the track.
    pub entry: u32,
    /// What was pushed; `None` for an empty text sample.
    pub payload: Option<T>,
}

/// How far samples are taken out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// To where a fragment ends.
    Cut(Cut),
    /// As many as have a next one, from which they have their durations.
    Ready,
    /// All; nothing follows.
    End,
}

/// Where a fragment ends and the next begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// Presentation time, nanoseconds.
    pub time_ns: i64,
    /// Why.
    pub kind: CutKind,
    /// Number of the first sample behind it, on the track that decided it.
    pub(super) at: Option<u64>,
}

/// Why a fragment ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CutKind {
    /// A segment begins: what follows is rendered without what was before.
    Segment,
    /// The group of pictures is too long to be held.
    Split,
    /// A chunk of a segment (CMAF).
    Chunk,
}

/// Samples of a track, in decoding order.
#[derive(Debug)]
pub(super) enum Queue<T> {
    Video(VideoQueue<T>),
    Audio(AudioQueue<T>),
    Text(TextQueue<T>),
}

/// A track whose samples become timed and wait for a cut.
#[derive(Debug)]
pub struct TrackQueue<T> {
    pub(super) queue: Queue<T>,
    ended: bool,
}

impl<T> TrackQueue<T> {
    /// A track without samples.
    pub fn new(spec: TrackSpec) -> Self {
        let queue = match spec.media {
            Media::Video { .. } => Queue::Video(VideoQueue::new(spec)),
            Media::Audio { unit } => Queue::Audio(AudioQueue::new(spec, unit)),
            Media::Text => Queue::Text(TextQueue::new(spec)),
        };
        Self {
            queue,
            ended: false,
        }
    }

    /// Takes the next sample, in decoding order.
    ///
    /// # Errors
    /// When its time is before that of one that was decoded earlier.
    pub fn push(&mut self, input: Input<T>) -> Result<(), TimingError> {
        match &mut self.queue {
            Queue::Video(queue) => queue.push(input),
            Queue::Audio(queue) => queue.push(input),
            Queue::Text(queue) => {
                queue.push(input);
                Ok(())
            }
        }
    }

    /// No more samples come.
    ///
    /// # Errors
    /// As [`TrackQueue::push`].
    pub fn end(&mut self) -> Result<(), TimingError> {
        self.ended = true;
        match &mut self.queue {
            Queue::Video(queue) => queue.end(),
            Queue::Audio(_) | Queue::Text(_) => Ok(()),
        }
    }

    /// Presentation time of the newest sample; text has none that counts.
    pub(super) fn newest_ns(&self) -> i64 {
        match &self.queue {
            Queue::Video(queue) => queue.newest_ns(),
            Queue::Audio(queue) => queue.newest_ns(),
            Queue::Text(_) => i64::MIN,
        }
    }

    /// True after [`TrackQueue::end`].
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// True when it is known which samples are before the cut, and where the first behind it is.
    pub(super) fn is_settled(&self, cut: &Cut) -> bool {
        self.ended
            || match &self.queue {
                Queue::Video(queue) => queue.is_settled(cut),
                Queue::Audio(queue) => queue.is_settled(cut),
                Queue::Text(_) => true,
            }
    }

    /// Takes samples out.
    ///
    /// # Errors
    /// When times or durations can't be.
    pub fn take(&mut self, until: Until) -> Result<Vec<Placed<T>>, TimingError> {
        match &mut self.queue {
            Queue::Video(queue) => queue.take(until),
            Queue::Audio(queue) => queue.take(until),
            Queue::Text(queue) => queue.take(until),
        }
    }

    /// C: ticks by which decoding is ahead of presentation.
    pub fn delay(&self) -> i64 {
        match &self.queue {
            Queue::Video(queue) => queue.delay(),
            Queue::Audio(_) | Queue::Text(_) => 0,
        }
    }

    /// How many audio frames could not follow the one before them, and were placed by their time alone.
    pub fn off_grid(&self) -> u64 {
        match &self.queue {
            Queue::Audio(queue) => queue.off_grid(),
            Queue::Video(_) | Queue::Text(_) => 0,
        }
    }

    /// The stream's first tick, once it is known.
    pub fn first(&self) -> Option<i64> {
        match &self.queue {
            Queue::Video(queue) => queue.first(),
            Queue::Audio(queue) => queue.first(),
            Queue::Text(_) => Some(0),
        }
    }

    /// Ticks from the stream's times to media times, which an edit list takes back: the decoder's delay, and what
    /// is before zero.
    pub fn shift(&self) -> i64 {
        let before = self.first().unwrap_or(0).saturating_neg().max(0);
        match &self.queue {
            Queue::Video(queue) => queue.delay().saturating_add(before),
            Queue::Audio(_) | Queue::Text(_) => before,
        }
    }
}
