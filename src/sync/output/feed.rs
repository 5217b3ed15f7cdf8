//! Samples that wait to be carried over, and the times they lie at.

use std::collections::VecDeque;

use super::sinc::TAPS;

/// Samples before the first that are held as zeros, so that the filter has a past.
const PAST: i64 = TAPS as i64;
/// A buffer whose time is further than this from the end of the one before does not follow it, in seconds.
const BROKEN: f64 = 5e-3;
/// The most by which the samples' spacing may differ from its nominal value while a line is caught up with.
const BEND: f64 = 5e-3;
/// The most by which it may differ for good.
const RATE_LIMIT: f64 = 2.5e-3;
/// A spacing this close to the nominal one is that.
const STRAIGHT: f64 = 1e-7;
/// Times this close are the same, in seconds.
const SAME: f64 = 1e-9;

/// A straight part of the line: from sample `index` on, at `time`, each `spacing` seconds.
#[derive(Clone, Copy, Debug)]
struct Part {
    index: i64,
    time: f64,
    spacing: f64,
}

/// A position between samples, and how far it may be counted on from there.
#[derive(Clone, Copy, Debug)]
pub struct Position {
    /// Samples since the start of the line, with a fraction.
    pub index: f64,
    /// Seconds from sample to sample there.
    pub spacing: f64,
    /// From this index on the spacing is another.
    pub until: f64,
}

/// A queue of samples, channel by channel, with a line of times that never leaps.
///
/// The times that buffers are pushed with bend the line, so that it meets them at their ends.
#[derive(Clone, Debug)]
pub struct Feed {
    planes: Vec<Vec<f32>>,
    /// The index of the first sample held.
    base: i64,
    /// The index behind the last sample.
    end: i64,
    parts: VecDeque<Part>,
    /// The time and the index the last buffer came with.
    given: Option<(f64, i64)>,
    nominal: f64,
}

impl Feed {
    pub fn new(rate: f64, channels: usize) -> Self {
        let mut feed = Self {
            planes: vec![Vec::new(); channels],
            base: 0,
            end: 0,
            parts: VecDeque::new(),
            given: None,
            nominal: 1.0 / rate,
        };
        feed.clear();
        feed
    }

    /// Forgets everything; sample 0 is the next one.
    pub fn clear(&mut self) {
        for plane in &mut self.planes {
            plane.clear();
            plane.resize(PAST as usize, 0.0);
        }
        self.base = -PAST;
        self.end = 0;
        self.parts.clear();
        self.given = None;
    }

    /// The index behind the last sample.
    pub fn end(&self) -> i64 {
        self.end
    }

    /// The time behind the last sample; none before the first.
    pub fn end_time(&self) -> Option<f64> {
        let last = self.parts.back()?;
        Some(last.time + (self.end - last.index) as f64 * last.spacing)
    }

    /// Whether samples at `time` would follow those that are here.
    pub fn follows(&self, time: f64) -> bool {
        self.end_time()
            .is_none_or(|end| (time - end).abs() <= BROKEN)
    }

    /// Appends interleaved samples that begin at `time`; those of a frame that is not whole are ignored.
    pub fn push(&mut self, time: f64, interleaved: &[f32]) {
        let channels = self.planes.len();
        let frames = interleaved.len() / channels.max(1);
        if frames == 0 {
            return;
        }
        self.extend_line(time, frames);
        for (channel, plane) in self.planes.iter_mut().enumerate() {
            plane.extend(
                interleaved
                    .iter()
                    .skip(channel)
                    .step_by(channels)
                    .take(frames),
            );
        }
        self.end += frames as i64;
    }

    /// Appends zeros, or the last value, behind the end: the filter's future when there is no more.
    pub fn pad(&mut self, frames: usize, hold: bool) {
        for plane in &mut self.planes {
            let value = plane.last().filter(|_| hold).copied().unwrap_or(0.0);
            plane.resize(plane.len() + frames, value);
        }
    }

    fn extend_line(&mut self, time: f64, frames: usize) {
        let nominal = self.nominal;
        let begin = self.end_time().unwrap_or(time);
        let mut spacing = match self.given {
            Some((before, index)) if self.end > index => {
                (time - before) / (self.end - index) as f64
            }
            _ => nominal,
        };
        let within = |ratio: f64, limit: f64| ratio.clamp(1.0 - limit, 1.0 + limit);
        spacing = nominal * within(spacing / nominal, RATE_LIMIT);
        let straight = (spacing / nominal - 1.0).abs() < STRAIGHT && (time - begin).abs() < SAME;
        spacing = if straight {
            nominal
        } else {
            let meet = (time - begin) / frames as f64 + spacing;
            nominal * within(meet / nominal, BEND)
        };
        self.given = Some((time, self.end));
        if self.parts.back().is_none_or(|last| last.spacing != spacing) {
            self.parts.push_back(Part {
                index: self.end,
                time: begin,
                spacing,
            });
        }
    }

    /// Where `time` lies; beyond the ends the line goes on straight.
    pub fn position(&self, time: f64) -> Option<Position> {
        let next = self
            .parts
            .iter()
            .skip(1)
            .position(|part| part.time > time)
            .map_or(self.parts.len(), |at| at + 1);
        let part = self.parts.get(next - 1)?;
        Some(Position {
            index: part.index as f64 + (time - part.time) / part.spacing,
            spacing: part.spacing,
            until: self
                .parts
                .get(next)
                .map_or(f64::INFINITY, |part| part.index as f64),
        })
    }

    /// The time of the oldest sample that is held with the filter's past before it.
    pub fn oldest(&self) -> f64 {
        let index = self.base + PAST;
        self.parts.front().map_or(f64::NEG_INFINITY, |part| {
            part.time + (index - part.index) as f64 * part.spacing
        })
    }

    /// Forgets what lies more than the filter's past before `index`.
    pub fn trim(&mut self, index: i64) {
        let keep = index
            .min(self.end)
            .saturating_sub(PAST)
            .clamp(self.base, self.end);
        let gone = (keep - self.base) as usize;
        for plane in &mut self.planes {
            plane.drain(..gone.min(plane.len()));
        }
        self.base = keep;
        while self.parts.get(1).is_some_and(|part| part.index <= keep) {
            self.parts.pop_front();
        }
    }

    /// The samples of each channel from `index` on; none if fewer than `count` of them are held.
    pub fn planes(&self, index: i64, count: usize) -> Option<Vec<&[f32]>> {
        let from = usize::try_from(index.checked_sub(self.base)?).ok()?;
        self.planes
            .iter()
            .map(|plane| plane.get(from..).filter(|rest| rest.len() >= count))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_continuous_and_meets_the_times_given() {
        let mut feed = Feed::new(1000.0, 1);
        let mut last = 2.0;
        for k in 0..100_u32 {
            let time = 2.0 + f64::from(k) * 0.01 * 1.001;
            feed.push(time, &[0.0; 10]);
            let part = *feed.parts.back().unwrap();
            if part.index == feed.end - 10 {
                assert!((part.time - last).abs() < 1e-12);
            }
            last = feed.end_time().unwrap();
            if k > 2 {
                assert!((last - time - 0.01001).abs() < 1e-9, "{k}");
            }
        }
        let at = feed.position(2.5).unwrap();
        assert!((at.index - 499.5).abs() < 0.2, "{at:?}");
    }

    #[test]
    fn exact_times_keep_the_nominal_spacing() {
        let mut feed = Feed::new(44_100.0, 2);
        for k in 0..500_u32 {
            let time = ((1000.0 + f64::from(k) * 441.0 / 44_100.0) * 1e9).round() / 1e9;
            feed.push(time, &[0.0; 882]);
            feed.trim(feed.end());
        }
        assert_eq!(feed.position(1004.0).unwrap().spacing, 1.0 / 44_100.0);
    }

    #[test]
    fn trimming_keeps_the_past_of_the_filter() {
        let mut feed = Feed::new(1000.0, 2);
        let samples: Vec<f32> = (0..200_u8).map(f32::from).collect();
        feed.push(0.0, &samples);
        feed.trim(50);
        assert_eq!(feed.base, 50 - PAST);
        let planes = feed.planes(50, 50).unwrap();
        assert_eq!((planes[0][0], planes[1][0]), (100.0, 101.0));
        assert_eq!(planes[0].len(), 50);
        assert_eq!(feed.planes(50, 51), None);
        assert_eq!(feed.planes(-100, 1), None);
        feed.trim(i64::MAX);
        assert_eq!(feed.base, 100 - PAST);
    }

    #[test]
    fn broken_frames_are_ignored() {
        let mut feed = Feed::new(1000.0, 3);
        feed.push(0.0, &[1.0, 2.0]);
        assert_eq!(feed.end_time(), None);
        feed.push(0.0, &[1.0, 2.0, 3.0, 4.0]);
        assert_eq!(feed.end(), 1);
    }
}
