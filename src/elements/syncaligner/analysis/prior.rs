//! What clocks say: the absolute times that buffers bring with them.
//!
//! A buffer's reference timestamp meta says when it was made by a clock that both streams may know. Where they do, their maps
//! to that clock give the map between them.

use std::collections::VecDeque;

use crate::sync::Affine;
use crate::sync::clock::fit::{Prior, robust_about};

/// Seconds from the epoch of NTP to that of UNIX (RFC 5905, section 6).
const NTP_TO_UNIX_NS: i128 = 2_208_988_800 * 1_000_000_000;
/// Between stamps that are kept, in seconds.
const EVERY: f64 = 0.5;
/// As many are kept: half a minute.
const MOST: usize = 60;
/// What is known of a clock's rate before it is measured: quartz, as a ratio.
const QUARTZ: f64 = 50e-6;

/// Clocks that can be told from each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// NTP and UNIX time.
    Utc,
    /// IEEE 1588: TAI, or a domain's own.
    Ptp,
}

impl Kind {
    const ALL: [Self; 2] = [Self::Ptp, Self::Utc];

    /// The accuracy that is claimed for two machines on such a clock, in seconds: NTP keeps them within some milliseconds
    /// on a local network and some tens across the Internet; PTP, where interfaces don't stamp in hardware, within 100 µs.
    fn uncertainty(self) -> f64 {
        match self {
            Self::Utc => 10e-3,
            Self::Ptp => 0.1e-3,
        }
    }
}

/// Times of one clock against a stream's own line.
#[derive(Clone, Debug, Default)]
struct Clock {
    /// The first time, in nanoseconds of the clock: others are told relative to it.
    base: i128,
    /// Own times and what is added to them, in seconds.
    points: VecDeque<(f64, f64)>,
}

/// A map from a stream's own line to a clock.
#[derive(Clone, Copy, Debug)]
struct Reading {
    base: i128,
    map: Affine,
    sigma: f64,
}

impl Clock {
    fn take(&mut self, at: f64, time: i128) {
        let newest = self.points.back().map(|point| point.0);
        if newest.is_some_and(|newest| at < newest + EVERY) {
            return;
        }
        if newest.is_none() {
            self.base = time;
        }
        let since = time.saturating_sub(self.base) as f64 * 1e-9;
        self.points.push_back((at, since - at));
        if self.points.len() > MOST {
            self.points.pop_front();
        }
    }

    /// What is told up to `seen`.
    fn read(&self, seen: f64) -> Option<Reading> {
        let told = self.points.iter().copied().filter(|point| point.0 <= seen);
        let points: Vec<(f64, f64)> = told.collect();
        let known = Prior {
            drift: 0.0,
            sigma: QUARTZ,
            shared: EVERY,
        };
        let fit = robust_about(&points, &known)?;
        Some(Reading {
            base: self.base,
            map: fit.map,
            sigma: fit.sigma,
        })
    }
}

/// Times that came with a stream.
#[derive(Clone, Debug, Default)]
pub struct Stamps {
    utc: Clock,
    ptp: Clock,
}

/// A map that clocks tell, and the accuracy that is claimed for it, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Told {
    pub map: Affine,
    pub uncertainty: f64,
}

impl Stamps {
    /// Takes what came with media that begin at `at`.
    pub fn take(&mut self, at: f64, buffer: &gst::BufferRef) {
        for meta in buffer.iter_meta::<gst::ReferenceTimestampMeta>() {
            let time = i128::from(meta.timestamp().nseconds());
            match meta.reference().structure(0).map(|s| s.name().as_str()) {
                Some("timestamp/x-ntp") => self.utc.take(at, time - NTP_TO_UNIX_NS),
                Some("timestamp/x-unix") => self.utc.take(at, time),
                Some("timestamp/x-ptp") => self.ptp.take(at, time),
                _ => {}
            }
        }
    }

    /// The own line is another.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    fn of(&self, kind: Kind) -> &Clock {
        match kind {
            Kind::Utc => &self.utc,
            Kind::Ptp => &self.ptp,
        }
    }

    /// The map from this stream's line to the reference's, by the best clock that both know; told up to `seen` on both.
    pub fn told(&self, reference: &Self, seen: f64) -> Option<Told> {
        Kind::ALL.into_iter().find_map(|kind| {
            let there = reference.of(kind).read(seen)?;
            let here = self.of(kind).read(seen)?;
            let bases = here.base.saturating_sub(there.base) as f64 * 1e-9;
            let same = Affine {
                offset: bases,
                drift: 0.0,
            };
            Some(Told {
                map: there.map.inverse().after(&same.after(&here.map)),
                uncertainty: kind.uncertainty() + 2.0 * (here.sigma + there.sigma),
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stamps of a stream whose own time 0 is that time of the clock, in nanoseconds, and that loses `drift` on it.
    fn stamps(name: &str, zero: u64, drift: f64) -> Stamps {
        gst::init().unwrap();
        let caps = gst::Caps::new_empty_simple(name);
        let mut stamps = Stamps::default();
        for n in 0..100_u32 {
            let at = f64::from(n) * 0.2;
            let mut buffer = gst::Buffer::new();
            let jitter = f64::from(n * 7919 % 5) * 1e-4 - 2e-4;
            let since = ((at * (1.0 + drift) + jitter) * 1e9) as u64;
            let time = gst::ClockTime::from_nseconds(zero + since + 1_000_000);
            let made = buffer.get_mut().unwrap();
            gst::ReferenceTimestampMeta::add(made, &caps, time, gst::ClockTime::NONE);
            stamps.take(at, &buffer);
        }
        stamps
    }

    #[test]
    fn clocks_of_one_kind_tell_a_map() {
        const NOW: u64 = 1_750_000_000_000_000_000;
        let reference = stamps("timestamp/x-unix", NOW, 0.0);
        let since_1900 = NOW + NTP_TO_UNIX_NS as u64;
        let stream = stamps("timestamp/x-ntp", since_1900 + 700_000_000, 30e-6);
        let told = stream.told(&reference, 20.0).unwrap();
        assert!((told.map.shift(10.0) - 0.7003).abs() < 0.2e-3, "{told:?}");
        assert!((0.01..0.02).contains(&told.uncertainty));
        assert_eq!(
            stream.told(&reference, -1.0),
            None,
            "nothing was told so early"
        );
    }

    #[test]
    fn clocks_of_other_kinds_tell_nothing() {
        let unix = stamps("timestamp/x-unix", 1_000, 0.0);
        let ptp = stamps("timestamp/x-ptp", 1_000, 0.0);
        assert_eq!(unix.told(&ptp, 20.0), None);
        assert!(ptp.told(&ptp, 20.0).unwrap().map.offset.abs() < 1e-9);
        let original = stamps("timestamp/x-original", 1_000, 0.0);
        assert_eq!(original.told(&original, 20.0), None);
    }
}
