//! A camera whose frames have their numbers in them, and what came out of its stream.

use std::collections::VecDeque;

use crate::live::{Stage, buffer, naming};
use crate::scene::Clock;

/// Seconds from frame to frame by the camera's own clock.
pub const EVERY: f64 = 1.0 / 30.0;
/// In seconds, from a frame's timestamp on; all rows at once.
pub const EXPOSURE: f64 = 0.008;
/// How long a flash lasts, in seconds.
const FLASH: f64 = 0.1;
/// It says that it is so late, in milliseconds.
const LATENCY: u64 = 40;

const SIZE: usize = 64 * 48;
const CAPS: &str = "video/x-raw,format=GRAY8,width=64,height=48,framerate=30/1";
/// Grey levels without light and with all of it.
const LEVELS: (f64, f64) = (40.0, 180.0);

/// A camera by its own clock, whose timestamps are `lead` seconds less than the truth at first.
pub struct Camera<'a> {
    pub clock: &'a Clock,
    pub lead: f64,
    /// When light comes on, in seconds of the reference.
    pub flashes: &'a [f64],
}

impl Camera<'_> {
    /// The share of a frame's exposure that has light.
    fn light(&self, own: f64) -> f64 {
        let (begin, end) = (self.clock.apply(own), self.clock.apply(own + EXPOSURE));
        let common = |flash: &f64| (end.min(flash + FLASH) - begin.max(*flash)).max(0.0);
        self.flashes.iter().map(common).sum::<f64>() / (end - begin)
    }

    fn frame(&self, number: u32) -> Vec<u8> {
        let light = self.light(f64::from(number) * EVERY);
        let level = LEVELS.0 + (LEVELS.1 - LEVELS.0) * light;
        let mut picture = vec![level.round() as u8; SIZE];
        picture[..4].copy_from_slice(&number.to_le_bytes());
        picture
    }

    /// Puts it onto the stage, where it films for so many seconds; the number of its source.
    pub fn film(&self, stage: &mut Stage, seconds: f64) -> usize {
        let (base, first) = naming(self.clock, self.lead);
        let numbers = (first / EVERY).ceil() as u32..(seconds / EVERY) as u32;
        let frames: VecDeque<_> = numbers
            .map(|number| {
                let own = f64::from(number) * EVERY;
                let there = self.clock.apply(own + EVERY);
                (there, buffer(own + base, EVERY, self.frame(number)))
            })
            .collect();
        stage.add(CAPS, LATENCY, frames)
    }
}

/// A frame that came out.
#[derive(Clone, Copy, Debug)]
pub struct Shown {
    pub number: u32,
    /// Its PTS in seconds.
    pub at: f64,
    /// It came out before.
    pub again: bool,
}

/// Frames in the order in which they came out; times and numbers only rise.
pub fn shown(buffers: &[gst::Buffer]) -> Vec<Shown> {
    let mut film: Vec<Shown> = Vec::new();
    for buffer in buffers {
        let map = buffer.map_readable().expect("readable");
        let number = u32::from_le_bytes([map[0], map[1], map[2], map[3]]);
        let at = buffer.pts().expect("a PTS").nseconds() as f64 * 1e-9;
        let last = film.last();
        assert!(
            last.is_none_or(|last| last.at < at && last.number <= number),
            "frame {number} at {at} s comes after {last:?}"
        );
        let again = last.is_some_and(|last| last.number == number);
        film.push(Shown { number, at, again });
    }
    film
}
