//! Markers of sound: mono at 16 kHz, and onsets.

use crate::sync::audio::{Format, Mono, Onsets, RATES, Track};
use crate::sync::{Event, RATE, Window};

/// Further off than this, in seconds, is elsewhere.
const JUMP: f64 = 0.04;
/// Samples of the track that lie off by more than this are too many, or too few.
const SLACK: f64 = 0.75;
/// How sound comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    format: Format,
    rate: u32,
    channels: usize,
}

impl Layout {
    /// `None` for what can't be listened to.
    pub fn of(caps: &gst::CapsRef) -> Option<Self> {
        let caps = caps.structure(0)?;
        let rate = u32::try_from(caps.get::<i32>("rate").ok()?).ok()?;
        if !RATES.contains(&rate) {
            return None;
        }
        let channels = usize::try_from(caps.get::<i32>("channels").ok()?).ok()?;
        let format = match caps.get::<&str>("format").ok()? {
            "F32LE" => Format::F32,
            "S16LE" => Format::S16,
            _ => return None,
        };
        Some(Self {
            format,
            rate,
            channels: channels.max(1),
        })
    }

    fn frames(self, bytes: &[u8]) -> u64 {
        (bytes.len() / self.channels.saturating_mul(self.format.width())) as u64
    }
}

/// The latest of what is heard.
#[derive(Debug)]
pub struct Sound {
    layout: Layout,
    /// The time behind the last sample that came.
    end: Option<f64>,
    mono: Mono,
    track: Track,
    onsets: Onsets,
    /// How much of it is kept, in seconds.
    keep: f64,
    begun: bool,
    /// Room for the samples of a buffer, as they came and as mono.
    samples: Vec<f32>,
    made: Vec<f32>,
}

impl Sound {
    /// Keeps so many seconds.
    pub fn new(layout: Layout, keep: f64) -> Self {
        Self {
            layout,
            end: None,
            mono: Mono::new(layout.rate, layout.channels),
            track: Track::new(keep),
            onsets: Onsets::new(),
            keep,
            begun: false,
            samples: Vec::new(),
            made: Vec::new(),
        }
    }

    /// What comes next is of another layout, on the same line.
    pub fn set_layout(&mut self, layout: Layout) {
        if layout != self.layout {
            self.layout = layout;
            self.mono = Mono::new(layout.rate, layout.channels);
        }
    }

    /// Samples that begin at `time`; how far the track reaches then. Onsets go to `found`.
    pub fn push(&mut self, time: f64, bytes: &[u8], found: &mut Vec<Event>) -> f64 {
        let Layout { rate, channels, .. } = self.layout;
        if self.end.is_some_and(|end| (time - end).abs() > JUMP) {
            self.mono = Mono::new(rate, channels);
        }
        let behind = time + self.layout.frames(bytes) as f64 / f64::from(rate);
        self.end = Some(behind);
        self.layout.format.read(bytes, &mut self.samples);
        self.made.clear();
        self.mono.push(&self.samples, &mut self.made);
        let start = behind - self.mono.behind() - self.made.len() as f64 / RATE;
        self.append(start);
        found.extend(self.onsets.push(start, &self.made));
        self.track.end()
    }

    /// Appends what was made. A stream whose timestamps pass faster or slower than its samples would run off the track's line:
    /// there a sample is doubled or left out now and then.
    fn append(&mut self, start: f64) {
        if self.made.is_empty() {
            return;
        }
        let end = self.track.end();
        if !std::mem::replace(&mut self.begun, true) || (start - end).abs() > JUMP {
            return self.track.push(start, &self.made);
        }
        let off = (start - end) * RATE;
        let surplus = if off.abs() > SLACK { off.round() } else { 0.0 };
        if surplus > 0.0 {
            let first = self.made.first().copied().unwrap_or_default();
            self.track.push(end, &vec![first; surplus as usize]);
        }
        let unneeded = ((-surplus).max(0.0) as usize).min(self.made.len());
        let rest = self.made.get(unneeded..).unwrap_or_default();
        self.track.push(self.track.end(), rest);
    }

    /// Nothing was heard.
    pub fn clear(&mut self) {
        let keep = self.keep;
        *self = Self::new(self.layout, keep);
    }

    /// What is kept of a span of times.
    pub fn window(&self, (from, to): (f64, f64)) -> Option<Window> {
        self.track.window(from, to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caps(format: &str, rate: i32, channels: i32) -> gst::Caps {
        gst::init().unwrap();
        gst::Caps::builder("audio/x-raw")
            .field("format", format)
            .field("rate", rate)
            .field("channels", channels)
            .build()
    }

    fn tone(rate: f64, from: f64, seconds: f64) -> Vec<u8> {
        let (first, count) = ((from * rate).round(), (seconds * rate).round() as usize);
        let value = |n: usize| {
            let time = (first + n as f64) / rate;
            (std::f64::consts::TAU * 440.0 * time).sin() as f32
        };
        (0..count).flat_map(|n| value(n).to_le_bytes()).collect()
    }

    #[test]
    fn what_cannot_be_listened_to_is_refused() {
        assert!(Layout::of(&caps("S16LE", 48_000, 2)).is_some());
        assert_eq!(Layout::of(&caps("S24LE", 48_000, 2)), None);
        assert_eq!(Layout::of(&caps("F32LE", 4_000, 2)), None);
    }

    #[test]
    fn sound_keeps_its_place_where_timestamps_pass_at_another_rate() {
        for ppm in [-400.0, 400.0] {
            let layout = Layout::of(&caps("F32LE", 48_000, 1)).unwrap();
            let mut sound = Sound::new(layout, 5.0);
            let stretch = 1.0 + ppm * 1e-6;
            let mut seen = 0.0;
            for n in 0..3000 {
                let at = f64::from(n) * 0.01;
                seen = sound.push(at * stretch, &tone(48_000.0, at, 0.01), &mut Vec::new());
            }
            assert!((seen - 30.0 * stretch).abs() < 2e-3, "{ppm}: {seen}");
            let window = sound.window((26.0, 29.9)).unwrap();
            assert!(window.duration() > 3.88, "{ppm}: no hole");
            for (n, value) in window.samples.iter().enumerate() {
                let time = (window.start + n as f64 / RATE) / stretch;
                let expected = (std::f64::consts::TAU * 440.0 * time).sin();
                // A sample off by two of its periods at this frequency.
                assert!(
                    (f64::from(*value) - expected).abs() < 0.35,
                    "{ppm} at {time}"
                );
            }
        }
    }

    #[test]
    fn a_jump_begins_elsewhere() {
        let layout = Layout::of(&caps("F32LE", 16_000, 1)).unwrap();
        let mut sound = Sound::new(layout, 5.0);
        sound.push(0.0, &tone(16_000.0, 0.0, 1.0), &mut Vec::new());
        let seen = sound.push(10.0, &tone(16_000.0, 10.0, 1.0), &mut Vec::new());
        assert!((seen - 11.0).abs() < 0.01, "{seen}");
        assert_eq!(sound.window((0.0, 9.0)), None);
    }
}
