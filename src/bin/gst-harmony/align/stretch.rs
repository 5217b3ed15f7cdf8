//! Stretches of sound without a hole, and where their timestamps put them.
//!
//! A file is there as a whole, so that its timestamps are looked at as a whole: containers round them to milliseconds or
//! worse, and the first is as wrong as any other.

use gstharmony::sync::clock::fit::{median, robust};
use gstharmony::sync::{Affine, RATE, Window};

use crate::failure::{Failure, Outcome};
use crate::output;

/// A longer hole, in seconds, is no pause but a wrong timestamp.
const LONGEST_HOLE: f64 = 3600.0;
/// A longer way back, in seconds, is no overlap of packets but a wrong timestamp.
const LONGEST_OVERLAP: f64 = 1.0;
/// Timestamps that run slower or faster than the samples by less than this, in seconds, are rounded and no more.
const ROUNDED: f64 = 1.5e-3;
/// So many timestamps are enough to know the others by.
const MARKS: usize = 200;

/// Mono samples one after the other.
#[derive(Default)]
pub struct Stretch {
    pub samples: Vec<f32>,
    /// What each timestamp says: the time by the count of samples, and what is to be added to it, in seconds.
    pub marks: Vec<(f64, f64)>,
    /// Where it lies if no timestamp says it, in seconds.
    pub start: f64,
}

impl Stretch {
    /// From the time by the count of samples to that of the file.
    fn map(&self) -> Affine {
        let every = self.marks.len().div_ceil(MARKS).max(1);
        let marks: Vec<(f64, f64)> = self.marks.iter().step_by(every).copied().collect();
        let length = self.samples.len() as f64 / RATE;
        let fit = robust(&marks).filter(|fit| (fit.map.drift * length).abs() >= ROUNDED);
        fit.map(|fit| fit.map).unwrap_or_else(|| {
            let mut shifts: Vec<f64> = marks.iter().map(|mark| mark.1).collect();
            Affine {
                offset: median(&mut shifts).unwrap_or(self.start),
                drift: 0.0,
            }
        })
    }

    /// Its samples on the time line of the file: single ones are left out or repeated where that runs at another rate.
    fn straight(self) -> Window {
        let map = self.map();
        let start = map.offset;
        if map.drift == 0.0 {
            let samples = self.samples;
            return Window { start, samples };
        }
        let count = (self.samples.len() as f64 * (1.0 + map.drift)).round() as usize;
        let nearest = |at: usize| (at as f64 / (1.0 + map.drift)).round() as usize;
        let samples = (0..count).filter_map(|at| self.samples.get(nearest(at)).copied());
        Window {
            start,
            samples: samples.collect(),
        }
    }
}

/// All stretches of a file on one line, holes as silence. Where two overlap, the later one counts.
pub fn join(stretches: Vec<Stretch>) -> Outcome<Option<Window>> {
    let mut stretches = stretches.into_iter().filter(|s| !s.samples.is_empty());
    let Some(mut window) = stretches.next().map(Stretch::straight) else {
        return Ok(None);
    };
    for stretch in stretches {
        let next = stretch.straight();
        let missing = next.start - window.end();
        let at = || output::time((window.end() * 1e9) as i64);
        if missing > LONGEST_HOLE {
            return Err(Failure::Data(format!(
                "its sound: found a hole of {missing:.0} s at {}, expected at most {LONGEST_HOLE} s",
                at()
            )));
        }
        if missing < -LONGEST_OVERLAP {
            return Err(Failure::Data(format!(
                "its sound: found timestamps that go back by {:.3} s at {}, expected them to rise",
                -missing,
                at()
            )));
        }
        let length = window.samples.len() as i64 + (missing * RATE).round() as i64;
        let length = usize::try_from(length).unwrap_or(0);
        window.samples.resize(length, 0.0);
        window.samples.extend(next.samples);
    }
    Ok(Some(window))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A second of samples that count up, with a timestamp each 20 ms.
    fn second(stamp: impl Fn(f64) -> f64) -> Stretch {
        let times = (0..50).map(|n| f64::from(n) * 0.02);
        Stretch {
            samples: (0..16_000_u16).map(f32::from).collect(),
            marks: times.map(|time| (time, stamp(time) - time)).collect(),
            start: 0.0,
        }
    }

    #[test]
    fn rounded_timestamps_are_averaged_and_the_first_is_one_of_them() {
        let rounded = |time: f64| match time {
            0.0 => 7.0015,
            time => ((7.0 + time) * 1e3 + 0.3).round() / 1e3,
        };
        let window = join(vec![second(rounded)]).unwrap().unwrap();
        assert!((window.start - 7.0).abs() < 1e-9, "{}", window.start);
        assert_eq!(window.samples.len(), 16_000);
    }

    #[test]
    fn timestamps_of_another_rate_bend_the_samples() {
        let window = join(vec![second(|time| 1.0 + time * 1.01)])
            .unwrap()
            .unwrap();
        assert_eq!(window.samples.len(), 16_160);
        assert!((window.samples[8_080] - 8_000.0).abs() < 2.0);
    }

    #[test]
    fn holes_are_silence_and_overlaps_are_cut() {
        let at = |start: f64| second(move |time| start + time);
        let window = join(vec![at(0.0), at(1.5), at(2.25)]).unwrap().unwrap();
        assert_eq!(window.samples.len(), 52_000);
        let level = |at: usize| window.samples[at];
        assert_eq!(
            (level(15_999), level(20_000), level(24_001)),
            (15_999.0, 0.0, 1.0)
        );
        assert_eq!((level(35_999), level(36_001)), (11_999.0, 1.0));
        assert!(join(vec![at(0.0), at(5_000.0)]).is_err());
        assert!(join(vec![at(5.0), at(0.0)]).is_err());
        assert!(join(Vec::new()).unwrap().is_none());
    }
}
