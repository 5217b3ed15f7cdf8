//! Markers of numbers: steps and onsets.

use crate::sync::Event;
use crate::sync::audio::Format;
use crate::sync::output::MOST_CHANNELS;
use crate::sync::sensor::Sensor;

/// The latest of what is felt.
#[derive(Debug)]
pub struct Reading {
    rate: u32,
    channels: usize,
    sensor: Sensor,
    values: Vec<f32>,
}

impl Reading {
    /// `None` for what can't be looked at.
    pub fn new(caps: &gst::CapsRef) -> Option<Self> {
        let caps = caps.structure(0)?;
        let rate = u32::try_from(caps.get::<i32>("rate").ok()?).ok()?.max(1);
        let channels = usize::try_from(caps.get::<i32>("channels").ok()?).ok()?;
        (1..=MOST_CHANNELS).contains(&channels).then(|| Self {
            rate,
            channels,
            sensor: Sensor::new(rate, channels),
            values: Vec::new(),
        })
    }

    /// Nothing was felt.
    pub fn clear(&mut self) {
        self.sensor = Sensor::new(self.rate, self.channels);
    }

    /// Readings that begin at `time`; up to where the stream is seen then. What begins in them goes to `found`.
    pub fn push(&mut self, time: f64, bytes: &[u8], found: &mut Vec<Event>) -> f64 {
        Format::F32.read(bytes, &mut self.values);
        found.extend(self.sensor.push(time, &self.values));
        let frames = self.values.len() / self.channels;
        time + frames as f64 / f64::from(self.rate)
    }
}
