//! Carries samples along the applied map.

use super::feed::Feed;
use super::linear;
use super::sinc::{AHEAD, Sinc, TAPS};
use super::steer::Steer;
use crate::sync::Affine;

mod step;
#[cfg(test)]
mod tests;

use step::{Course, Tail};

/// The highest rate of samples, in Hz.
pub const MOST_RATE: u32 = 384_000;
/// The most channels of a stream: each takes room for every sample that is made.
pub const MOST_CHANNELS: usize = 4096;
/// A position this close to a sample is on it, in samples.
const ON: f64 = 1e-4;
/// A pace this close to one sample a frame is that.
const STILL: f64 = 1e-10;
/// Samples before a position that the filter needs.
const PAST: i64 = AHEAD as i64 - 1;
/// The most frames of one chunk that a small input makes.
const LEAST: usize = 256;
/// Later than this, in seconds, nothing is.
const LATEST: f64 = 1e9;
/// Buffers that are kept for use again.
const SPARE: usize = 8;

/// How values between samples come about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernel {
    /// A windowed sinc of 32 taps, for audio. Steps fade.
    Sinc,
    /// Straight lines, for numeric sensors. Steps do not fade.
    Linear,
}

/// Samples on the output line.
#[derive(Clone, Debug, PartialEq)]
pub struct Chunk {
    /// The time of the first frame on the output line, in seconds.
    pub time: f64,
    /// The time of its content on the stream's own line.
    pub own: f64,
    /// Interleaved samples.
    pub samples: Vec<f32>,
    /// The output leaps here, or the content does.
    pub discont: bool,
    /// There is no content: all samples are 0.
    pub silent: bool,
}

/// Frames (samples of one channel) so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Frames that came in.
    pub taken: u64,
    /// Frames that went out, silent ones too.
    pub made: u64,
    /// Frames of the input that a step backwards or a bound left out.
    pub dropped: u64,
    /// Frames of silence that went out.
    pub silent: u64,
}

/// Where the output stands.
#[derive(Clone, Copy, Debug)]
struct Grid {
    /// The time of frame 0 on the output line.
    start: f64,
    /// The next frame.
    next: i64,
}

/// Resamples along a [`Steer`].
///
/// Output is contiguous at the nominal rate, whatever spacing the input has on its own line. Until the first target every
/// sample passes untouched with the time it came with. A step forwards fades out within 5 ms, is silent, and fades in; one
/// backwards cross-fades within 5 ms from the old content to the new, and what lies between is dropped.
///
/// The filter looks 16 samples ahead, so the end of a push waits for the next one; where the map leads from sample to
/// sample, nothing waits.
#[derive(Clone, Debug)]
pub struct Warp {
    rate: f64,
    channels: usize,
    kernel: Kernel,
    table: Sinc,
    feed: Feed,
    /// None while the samples pass untouched, and before the first.
    grid: Option<Grid>,
    map: Affine,
    tail: Option<Tail>,
    /// The frame at which the new content begins, while it fades in.
    fade_from: Option<i64>,
    /// Where the content broke off, until the new begins.
    content: Option<f64>,
    /// Samples pass untouched.
    passing: bool,
    /// Nothing of this line went out yet.
    fresh: bool,
    /// The next chunk leaps.
    discont: bool,
    /// The output may not go before this time.
    floor: f64,
    limit: usize,
    counts: Counts,
    spare: Vec<Vec<f32>>,
}

impl Warp {
    /// For frames of so many channels (1 to [`MOST_CHANNELS`]) at this rate (1 to [`MOST_RATE`], in Hz); values outside count
    /// as the nearest.
    #[must_use]
    pub fn new(rate: u32, channels: usize, kernel: Kernel) -> Self {
        let rate = f64::from(rate.clamp(1, MOST_RATE));
        let channels = channels.clamp(1, MOST_CHANNELS);
        Self {
            rate,
            channels,
            kernel,
            table: Sinc::new(),
            feed: Feed::new(rate, channels),
            grid: None,
            map: Affine::IDENTITY,
            tail: None,
            fade_from: None,
            content: None,
            passing: false,
            fresh: true,
            discont: true,
            floor: 0.0,
            limit: LEAST,
            counts: Counts::default(),
            spare: Vec::new(),
        }
    }

    /// Frames so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The time behind the last frame that went out, in seconds on the output line; none before the first.
    #[must_use]
    pub fn end(&self) -> Option<f64> {
        match self.grid {
            Some(grid) if !self.fresh => Some(self.time_of(grid, grid.next)),
            None if !self.fresh => self.feed.end_time().map(|end| end.max(self.floor)),
            _ => (self.floor > 0.0).then_some(self.floor),
        }
    }

    /// Gives a chunk's buffer back, to be filled again.
    pub fn reuse(&mut self, mut samples: Vec<f32>) {
        if self.spare.len() < SPARE {
            samples.clear();
            self.spare.push(samples);
        }
    }

    /// Takes interleaved samples that begin at `time` on the stream's own line, and returns what can be made with them.
    ///
    /// Times should be a line of their own, as [`SampleLine`](crate::sync::line::SampleLine) gives them. One that is more
    /// than 5 ms from the end of the samples before, begins a new line, as after [`drain`](Self::drain). One that is not
    /// finite counts as that end.
    pub fn push(&mut self, time: f64, interleaved: &[f32], steer: &mut Steer) -> Vec<Chunk> {
        let mut out = Vec::new();
        let frames = interleaved.len() / self.channels;
        if frames == 0 {
            return out;
        }
        self.counts.taken += frames as u64;
        let time = match (time.abs() <= LATEST, self.feed.end_time()) {
            (true, _) => time,
            (false, end) => end.unwrap_or(0.0),
        };
        if !self.feed.follows(time) {
            self.finish(steer, &mut out);
        }
        self.limit = frames.max(LEAST);
        let first = self.feed.end_time().is_none();
        if first {
            self.passing = steer.is_identity();
        }
        if self.passing && steer.is_identity() {
            self.pass(time, interleaved, frames, steer, &mut out);
            return out;
        }
        if self.passing {
            self.passing = false;
            self.leave();
        }
        self.feed.push(time, interleaved);
        if self.grid.is_none() {
            self.begin(time, steer);
        }
        self.render(steer, false, &mut out);
        self.trim();
        out
    }

    /// Returns what is left, and ends the line: the next samples begin a new one, whose times never go before this one's
    /// end. For the end of the stream and for holes and leaps of its timestamps.
    pub fn drain(&mut self, steer: &mut Steer) -> Vec<Chunk> {
        let mut out = Vec::new();
        self.finish(steer, &mut out);
        out
    }

    /// Forgets all that was taken and where the output stood, after a flush.
    pub fn clear(&mut self) {
        self.end_line();
        self.floor = 0.0;
    }

    fn end_line(&mut self) {
        self.feed.clear();
        self.grid = None;
        self.tail = None;
        self.fade_from = None;
        self.content = None;
        self.fresh = true;
        self.discont = true;
    }

    fn finish(&mut self, steer: &mut Steer, out: &mut Vec<Chunk>) {
        if self.grid.is_some() {
            self.feed.pad(TAPS, self.kernel == Kernel::Linear);
            self.render(steer, true, out);
            if let Some(rest) = self.tail.take() {
                self.end_tail(&rest, i64::MAX, out);
            }
        }
        self.floor = self.end().unwrap_or(self.floor);
        self.end_line();
    }

    /// Lets samples through as they are, but for those before the bound.
    fn pass(
        &mut self,
        time: f64,
        interleaved: &[f32],
        frames: usize,
        steer: &mut Steer,
        out: &mut Vec<Chunk>,
    ) {
        self.feed.push(time, interleaved);
        self.feed.trim(self.feed.end());
        let early = if self.fresh {
            ((self.floor - time) * self.rate - ON).ceil().max(0.0) as usize
        } else {
            0
        };
        let skip = early.min(frames);
        self.counts.dropped += skip as u64;
        let end = self.feed.end_time().unwrap_or(time);
        steer.piece(end);
        let kept = interleaved
            .get(skip * self.channels..frames * self.channels)
            .unwrap_or_default();
        if kept.is_empty() {
            return;
        }
        let mut samples = self.buffer();
        samples.extend_from_slice(kept);
        let own = time + skip as f64 / self.rate;
        self.fresh = false;
        // Times that are no line may run backwards.
        self.floor = self.floor.max(own);
        self.send(self.floor, own, samples, false, out);
    }

    /// From passing on to resampling: the grid begins where the last sample ended.
    fn leave(&mut self) {
        if self.fresh {
            return;
        }
        if let Some(end) = self.feed.end_time() {
            self.grid = Some(Grid {
                start: end.max(self.floor),
                next: 0,
            });
            self.map = Affine::IDENTITY;
        }
    }

    /// Begins a grid at the mapped time of the first sample, or where the output may go on.
    fn begin(&mut self, own: f64, steer: &mut Steer) {
        self.map = steer.map_at(own);
        let start = self.map.apply(own);
        let early = ((self.floor - start) * self.rate - ON).ceil().max(0.0);
        self.content = Some(own);
        self.grid = Some(Grid {
            start: start + early / self.rate,
            next: 0,
        });
    }

    fn time_of(&self, grid: Grid, frame: i64) -> f64 {
        grid.start + frame as f64 / self.rate
    }

    fn trim(&mut self) {
        let Some(grid) = self.grid else { return };
        let own = self.map.invert(self.time_of(grid, grid.next));
        if let Some(at) = self.feed.position(own) {
            self.feed.trim(at.index.floor() as i64);
        }
    }

    fn render(&mut self, steer: &mut Steer, last: bool, out: &mut Vec<Chunk>) {
        let mut open = Open {
            samples: self.buffer(),
            head: None,
        };
        while let Some(grid) = self.grid {
            let until = match self.course(grid, steer) {
                Course::Again => continue,
                Course::Step => {
                    if !self.capture(grid, last) {
                        break;
                    }
                    self.close(&mut open, out);
                    self.change(grid, steer, out);
                    continue;
                }
                Course::Run(until) => until,
            };
            let time = self.time_of(grid, grid.next);
            let own = self.map.invert(time);
            let room = self
                .limit
                .saturating_sub(open.samples.len() / self.channels);
            if room == 0 {
                self.close(&mut open, out);
                continue;
            }
            let made = self.run(own, until, room, last, &mut open.samples);
            if made == 0 {
                break;
            }
            open.head.get_or_insert((time, own));
            if let Some(content) = self.content.take() {
                let left_out = ((own - content) * self.rate).round();
                self.counts.dropped += left_out as u64;
            }
            self.blend(grid.next, made, &mut open.samples);
            self.fresh = false;
            self.grid = Some(Grid {
                next: grid.next + made as i64,
                ..grid
            });
        }
        self.close(&mut open, out);
        self.reuse(open.samples);
    }

    /// Makes frames from `own` on while the map and the input's spacing stay, at most `room`; returns how many.
    pub(super) fn run(
        &self,
        own: f64,
        until: f64,
        room: usize,
        last: bool,
        out: &mut Vec<f32>,
    ) -> usize {
        let Some(at) = self.feed.position(own) else {
            return 0;
        };
        let pace = 1.0 / self.rate / (1.0 + self.map.drift);
        let step = pace / at.spacing;
        let copies = (step - 1.0).abs() < STILL && (at.index - at.index.round()).abs() < ON;
        let begin = if copies { at.index.round() } else { at.index };
        let ahead = match self.kernel {
            _ if copies || last => 0,
            Kernel::Sinc => AHEAD,
            Kernel::Linear => 1,
        };
        let here = (self.feed.end() as f64 - ahead as f64 - begin) / step;
        let same = ((until - own) / pace)
            .min((at.until - begin) / step)
            .ceil()
            .max(1.0);
        let count = (here.ceil().max(0.0) as usize).min(same as usize).min(room);
        let from = begin.floor();
        let Some(planes) = self.feed.planes(from as i64 - PAST, count) else {
            return 0;
        };
        match self.kernel {
            _ if copies => interleave(&planes, count, out),
            Kernel::Sinc => self.table.fill(&planes, begin - from, step, count, out),
            Kernel::Linear => linear::fill(&planes, begin - from, step, count, out),
        }
        count
    }

    fn close(&mut self, open: &mut Open, out: &mut Vec<Chunk>) {
        if let Some((time, own)) = open.head.take() {
            let samples = std::mem::replace(&mut open.samples, self.buffer());
            self.send(time, own, samples, false, out);
        }
    }

    fn buffer(&mut self) -> Vec<f32> {
        self.spare.pop().unwrap_or_default()
    }

    fn send(&mut self, time: f64, own: f64, samples: Vec<f32>, silent: bool, out: &mut Vec<Chunk>) {
        let frames = (samples.len() / self.channels) as u64;
        self.counts.made += frames;
        if silent {
            self.counts.silent += frames;
        }
        let discont = !silent && std::mem::take(&mut self.discont);
        out.push(Chunk {
            time,
            own,
            samples,
            discont,
            silent,
        });
    }
}

/// Frames of a chunk that is being made.
#[derive(Debug, Default)]
struct Open {
    samples: Vec<f32>,
    /// The output's time and the stream's own time of the first.
    head: Option<(f64, f64)>,
}

fn interleave(planes: &[&[f32]], count: usize, out: &mut Vec<f32>) {
    let skip = PAST as usize;
    for at in skip..skip + count {
        out.extend(
            planes
                .iter()
                .map(|plane| plane.get(at).copied().unwrap_or(0.0)),
        );
    }
}
