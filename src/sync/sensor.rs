//! Steps and onsets in numbers that are measured at a fixed rate.
//!
//! A channel's change from sample to sample is compared with what is usual there: the median of the latest changes (the
//! mean, where most are 0), which a step itself hardly moves. What begins must be over before anything begins anew.

use std::collections::VecDeque;

use super::Event;

/// Changes that the usual one is taken from, and how many are needed for it.
const LATEST: usize = 128;
const NEEDED: usize = 16;
/// They are taken from at most so many samples a second.
const TAKEN: usize = 100;
/// The usual change is computed anew after so many.
const AFRESH: usize = 8;
/// A change of so many times the usual one is an event. Of normal noise it is 8 standard deviations.
const FAR: f64 = 8.0;
/// A change of this many belongs to one that follows.
const SOME: f64 = 3.0;
/// A change of this many tells that something still goes on.
const BUSY: f64 = 5.0;
/// Events are at least so far apart, and all channels are calm for so long before another, in seconds.
const APART: f64 = 0.1;
/// What does not calm down in this time, in seconds, is usual.
const LONGEST: f64 = 1.0;
/// Samples that may be missing without a break.
const MISSING: f64 = 5.0;
/// Strengths are cut here: of what never changes, any change is infinitely strong.
const STRONGEST: f64 = 1000.0;

/// Finds steps and onsets in the channels of a sensor.
#[derive(Clone, Debug)]
pub struct Sensor {
    period: f64,
    channels: Vec<Channel>,
    /// The time of the last frame.
    last: Option<f64>,
    /// When the last event was, and when something last changed much.
    told: f64,
    busy: f64,
}

#[derive(Clone, Debug, Default)]
struct Channel {
    /// The last value that is a number, and its time.
    value: Option<(f64, f64)>,
    changes: VecDeque<f64>,
    usual: f64,
    since: usize,
    skip: usize,
    /// Where a change began: the times before and after, and the value before.
    begun: Option<(f64, f64, f64)>,
}

impl Sensor {
    /// For frames of so many channels, so many a second. 0 counts as 1.
    #[must_use]
    pub fn new(rate: u32, channels: usize) -> Self {
        Self {
            period: 1.0 / f64::from(rate.max(1)),
            channels: vec![Channel::default(); channels.max(1)],
            last: None,
            told: f64::NEG_INFINITY,
            busy: f64::NEG_INFINITY,
        }
    }

    /// Takes interleaved samples, the first frame at `time` in seconds on the stream's own line, and returns what begins
    /// in them. An event lies between two samples. Values that are no numbers are missing.
    pub fn push(&mut self, time: f64, interleaved: &[f32]) -> Vec<Event> {
        let mut found = Vec::new();
        if !time.is_finite() {
            return found;
        }
        for (k, frame) in interleaved.chunks_exact(self.channels.len()).enumerate() {
            let now = time + k as f64 * self.period;
            let follows = |last: f64| now > last && now - last <= MISSING * self.period;
            if !self.last.is_none_or(follows) {
                self.begin_anew();
            }
            self.last = Some(now);
            found.extend(self.frame(now, frame));
        }
        found
    }

    fn begin_anew(&mut self) {
        for channel in &mut self.channels {
            channel.value = None;
            channel.begun = None;
        }
        self.told = f64::NEG_INFINITY;
        self.busy = f64::NEG_INFINITY;
    }

    fn frame(&mut self, now: f64, frame: &[f32]) -> Option<Event> {
        let every = ((1.0 / self.period) as usize / TAKEN).max(1);
        let mut best: Option<Event> = None;
        let mut moves = false;
        for (channel, value) in self.channels.iter_mut().zip(frame) {
            let (event, moved) = channel.take(now, f64::from(*value), every);
            moves |= moved;
            if let Some(event) = event
                && best.is_none_or(|best| event.strength > best.strength)
            {
                best = Some(event);
            }
        }
        let calm = now - self.busy > APART || now - self.told > LONGEST;
        if moves {
            self.busy = now;
        }
        let event = best.filter(|event| calm && event.middle() - self.told > APART)?;
        self.told = event.middle();
        Some(event)
    }
}

impl Channel {
    /// What begins with this value, and whether something goes on.
    fn take(&mut self, now: f64, value: f64, every: usize) -> (Option<Event>, bool) {
        if !value.is_finite() {
            return (None, false);
        }
        let Some((before, value_before)) = self.value.replace((now, value)) else {
            return (None, false);
        };
        let change = value - value_before;
        let known = self.changes.len() >= NEEDED;
        let usual = self.usual;
        self.learn(change.abs(), every);
        if !known || change == 0.0 || change.abs() <= SOME * usual {
            self.begun = None;
            return (None, false);
        }
        let turned = |&(_, _, from): &(f64, f64, f64)| (value_before - from) * change < 0.0;
        if self.begun.as_ref().is_none_or(turned) {
            self.begun = Some((before, now, value_before));
        }
        let far = self
            .begun
            .filter(|(_, _, from)| (value - from).abs() > FAR * usual);
        let event = far.map(|(earliest, latest, from)| Event {
            earliest,
            latest,
            strength: ((value - from).abs() / usual).min(STRONGEST) as f32,
        });
        (event, change.abs() > BUSY * usual)
    }

    fn learn(&mut self, change: f64, every: usize) {
        self.skip += 1;
        if self.skip < every {
            return;
        }
        self.skip = 0;
        if self.changes.len() == LATEST {
            self.changes.pop_front();
        }
        self.changes.push_back(change);
        self.since += 1;
        if self.since >= AFRESH || self.changes.len() <= NEEDED {
            self.since = 0;
            self.usual = usual(&self.changes);
        }
    }
}

/// The standard deviation of normal changes of these sizes, by their median or, where that is less, half of what their mean
/// says.
fn usual(changes: &VecDeque<f64>) -> f64 {
    let mut sorted: Vec<f64> = changes.iter().copied().collect();
    if sorted.is_empty() {
        return 0.0;
    }
    let mean = sorted.iter().sum::<f64>() / sorted.len() as f64;
    let middle = sorted.len() / 2;
    let median = *sorted.select_nth_unstable_by(middle, f64::total_cmp).1;
    (1.4826 * median).max(0.5 * 1.2533 * mean)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(seed: &mut u64) -> f64 {
        let mut sum = 0.0;
        for _ in 0..12 {
            *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            sum += (*seed >> 33) as f64 / f64::from(1_u32 << 30) - 1.0;
        }
        sum / 2.0
    }

    /// A level that turns at each time, a knock, and nothing but noise.
    fn record(times: &[f64], seconds: f64, rate: f64, level: f64) -> Vec<f32> {
        let mut seed = 1;
        (0..(seconds * rate) as u32)
            .flat_map(|k| {
                let now = f64::from(k) / rate;
                let past = times.iter().filter(|t| **t < now).count();
                let since = now - past.checked_sub(1).map_or(-99.0, |at| times[at]);
                let knock = (-since / 0.08).exp() * (56.5 * since).cos();
                let slow = 0.05 * (now / 7.0).sin();
                let clean = [(past % 2) as f64 + slow, knock, 0.0];
                clean.map(|value| (value + level * noise(&mut seed)) as f32)
            })
            .collect()
    }

    fn irregular(count: u32) -> Vec<f64> {
        (0..count)
            .map(|k| 2.0 + f64::from(k) * 1.3 + f64::from(k * 7919 % 101) / 101.0 * 0.7)
            .collect()
    }

    #[test]
    fn steps_lie_between_two_samples() {
        for (rate, level) in [(100, 0.02), (100, 0.0), (1000, 0.02), (20, 0.03)] {
            let times = irregular(30);
            let samples = record(&times, 45.0, f64::from(rate), level);
            let mut sensor = Sensor::new(rate, 3);
            let events: Vec<Event> = samples
                .chunks(3 * 7)
                .enumerate()
                .flat_map(|(k, part)| sensor.push(k as f64 * 7.0 / f64::from(rate), part))
                .collect();
            assert_eq!(events.len(), 30, "{rate} {level}");
            for (event, time) in events.iter().zip(&times) {
                assert!(event.earliest <= *time + 1e-9 && *time <= event.latest + 1e-9);
                assert!(event.latest - event.earliest < 1.01 / f64::from(rate));
                assert!(event.strength > 8.0);
            }
        }
    }

    #[test]
    fn a_step_that_rises_slowly_begins_where_it_leaves_the_noise() {
        let mut sensor = Sensor::new(100, 1);
        let mut seed = 3;
        let samples: Vec<f32> = (0..400)
            .map(|k| {
                let rise = (f64::from(k - 200) / 5.0).clamp(0.0, 1.0);
                (rise + 0.02 * noise(&mut seed)) as f32
            })
            .collect();
        let events = sensor.push(0.0, &samples);
        assert_eq!(events.len(), 1);
        assert!((events[0].earliest - 2.0).abs() < 1e-9);
        assert!((events[0].latest - 2.01).abs() < 1e-9);
    }

    #[test]
    fn noise_ramps_and_waves_have_no_events() {
        let mut seed = 9;
        let samples: Vec<f32> = (0..20_000)
            .flat_map(|k| {
                let now = f64::from(k) / 100.0;
                let wave = (std::f64::consts::TAU * 1.5 * now).sin();
                [noise(&mut seed), now, wave].map(|value| value as f32)
            })
            .collect();
        assert_eq!(Sensor::new(100, 3).push(0.0, &samples), []);
    }

    #[test]
    fn missing_values_widen_the_interval() {
        let mut samples = vec![0.0_f32; 60];
        samples.extend([f32::NAN, f32::INFINITY, 1.0]);
        samples.extend([1.0; 30]);
        let events = Sensor::new(100, 1).push(0.0, &samples);
        assert_eq!(events.len(), 1);
        assert!((events[0].earliest - 0.59).abs() < 1e-9);
        assert!((events[0].latest - 0.62).abs() < 1e-9);
    }

    #[test]
    fn a_hole_is_no_step() {
        let mut sensor = Sensor::new(100, 1);
        assert_eq!(sensor.push(0.0, &[0.0; 100]), []);
        assert_eq!(sensor.push(5.0, &[1.0; 100]), []);
        assert_eq!(sensor.push(2.0, &[0.0; 100]), []);
    }

    #[test]
    fn hostile_input_does_no_harm() {
        for (rate, channels) in [(0, 0), (1, 1), (u32::MAX, 64)] {
            let mut sensor = Sensor::new(rate, channels);
            for time in [f64::NAN, 0.0, 1e300, -1e300, f64::INFINITY] {
                for value in [0.0, f32::NAN, f32::MAX, f32::MIN, 1e-40] {
                    let samples: Vec<f32> = (0..999)
                        .map(|k| if k % 97 == 0 { value } else { 0.5 })
                        .collect();
                    for event in sensor.push(time, &samples) {
                        assert!(event.strength.is_finite());
                    }
                }
            }
        }
    }
}
