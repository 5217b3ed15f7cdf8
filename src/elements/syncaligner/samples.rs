//! Samples of audio and sensors, carried along the applied map.

use crate::sync::audio::Format;
use crate::sync::output::{Chunk, Kernel, Steer, Warp};

use super::line::Line;
use super::output::{Came, Out, Piece};
use super::queue::Media;

/// Samples of a stream on their way.
#[derive(Debug)]
pub(super) struct Samples {
    warp: Warp,
    rate: f64,
    channels: usize,
    format: Format,
    /// Used again for each buffer.
    scratch: Vec<f32>,
    /// What stands in for samples that do not come: silence, or the last reading.
    rest: Vec<f32>,
    /// Values hold until the next, as a sensor's.
    holds: bool,
    /// The reference timestamps of what came last: those of what is made from it.
    stamps: Vec<Stamp>,
    /// Where that begins on the own line.
    stamped: f64,
}

/// A time on another clock.
#[derive(Debug)]
struct Stamp {
    caps: gst::Caps,
    time: gst::ClockTime,
}

/// A number in caps.
fn number(caps: &gst::CapsRef, name: &str) -> u32 {
    let value = caps.structure(0).and_then(|s| s.get::<i32>(name).ok());
    value
        .and_then(|v| u32::try_from(v).ok())
        .unwrap_or(1)
        .max(1)
}

impl Samples {
    pub fn audio(caps: &gst::CapsRef) -> Self {
        Self::new(caps, Kernel::Sinc)
    }

    pub fn sensor(caps: &gst::CapsRef) -> Self {
        Self::new(caps, Kernel::Linear)
    }

    fn new(caps: &gst::CapsRef, kernel: Kernel) -> Self {
        let (rate, channels) = (number(caps, "rate"), number(caps, "channels") as usize);
        let format = caps.structure(0).and_then(|s| s.get::<&str>("format").ok());
        Self {
            warp: Warp::new(rate, channels, kernel),
            rate: f64::from(rate),
            channels,
            format: match format {
                Some("S16LE") => Format::S16,
                _ => Format::F32,
            },
            scratch: Vec::new(),
            rest: vec![0.0; channels],
            holds: kernel == Kernel::Linear,
            stamps: Vec::new(),
            stamped: 0.0,
        }
    }

    /// Forgets all that was taken, after a flush.
    pub fn clear(&mut self) {
        self.warp.clear();
    }

    pub fn push(&mut self, media: &Media, steer: &mut Steer, line: &mut Line, out: &mut Vec<Out>) {
        if !self.read(&media.buffer) {
            out.push(Out::Dropped);
            return;
        }
        self.note(media);
        self.keep_last();
        let dropped = self.warp.counts().dropped;
        let samples = std::mem::take(&mut self.scratch);
        let chunks = self.warp.push(media.from, &samples, steer);
        let whole = samples.len();
        self.scratch = samples;
        let untouched = steer.is_identity()
            && matches!(chunks.as_slice(), [only] if only.samples.len() == whole && only.time == media.from);
        let came = Some(Came::of(media));
        for chunk in chunks {
            if untouched {
                self.pass(media, chunk, line, out);
            } else {
                self.emit(chunk, came, line, out);
            }
        }
        if self.warp.counts().dropped > dropped {
            out.push(Out::Dropped);
        }
    }

    /// A buffer goes out as it is: what may have to stand in for the next is kept.
    pub fn passes(&mut self, buffer: &gst::BufferRef) {
        if self.holds && self.read(buffer) {
            self.keep_last();
        }
    }

    /// Keeps the last reading of the scratch.
    fn keep_last(&mut self) {
        if let Some(last) = self.scratch.len().checked_sub(self.channels)
            && self.holds
        {
            self.rest.copy_from_slice(&self.scratch[last..]);
        }
    }

    pub fn drain(&mut self, steer: &mut Steer, line: &mut Line, out: &mut Vec<Out>) {
        for chunk in self.warp.drain(steer) {
            self.emit(chunk, None, line, out);
        }
    }

    /// What stands in for about so many seconds of samples that do not come, and how long it really is.
    pub fn held(&self, about: f64) -> (Vec<u8>, f64) {
        let frames = (about * self.rate).round().max(1.0);
        let samples: Vec<f32> = self.rest.repeat(frames as usize);
        (self.format.write(&samples), frames / self.rate)
    }

    /// Fills the scratch with the samples of a buffer; false where that can't be read.
    fn read(&mut self, buffer: &gst::BufferRef) -> bool {
        let Ok(map) = buffer.map_readable() else {
            return false;
        };
        self.format.read(&map, &mut self.scratch);
        true
    }

    /// Keeps the times that a buffer has on other clocks, its own among them.
    fn note(&mut self, media: &Media) {
        self.stamped = media.from;
        self.stamps.clear();
        let own = media.buffer.pts().map(|time| Stamp {
            caps: super::original_caps(),
            time,
        });
        let others = media.buffer.iter_meta::<gst::ReferenceTimestampMeta>();
        self.stamps.extend(own);
        self.stamps.extend(others.map(|meta| Stamp {
            caps: meta.reference_owned(),
            time: meta.timestamp(),
        }));
    }

    /// The buffer itself, at its own time.
    fn pass(&mut self, media: &Media, chunk: Chunk, line: &mut Line, out: &mut Vec<Out>) {
        self.warp.reuse(chunk.samples);
        out.push(match line.place(media.from, media.to) {
            Some(place) => Out::Media(Piece {
                buffer: place.put(media.buffer.clone()),
                came: Some(Came::of(media)),
                repeats: false,
            }),
            None => Out::Dropped,
        });
    }

    /// New samples; those for which the line has no place any more are left out.
    fn emit(&mut self, chunk: Chunk, came: Option<Came>, line: &mut Line, out: &mut Vec<Out>) {
        let passed = line.end().unwrap_or(0.0) - chunk.time;
        // Half a sample is rounding.
        let skip = (passed * self.rate - 0.5).ceil().max(0.0) as usize;
        let begin = skip.saturating_mul(self.channels);
        let samples = chunk.samples.get(begin..).unwrap_or_default();
        let length = (samples.len() / self.channels) as f64 / self.rate;
        let later = skip as f64 / self.rate;
        let from = chunk.time + later;
        line.discont |= chunk.discont;
        if samples.is_empty() {
            out.push(Out::Dropped);
        } else if let Some(place) = line.place(from, from + length) {
            let mut buffer = gst::Buffer::from_mut_slice(self.format.write(samples));
            if let Some(made) = buffer.get_mut() {
                place.stamp(made);
                self.stamp(made, chunk.own + later);
                if chunk.silent {
                    made.set_flags(gst::BufferFlags::GAP);
                }
            }
            if chunk.silent {
                out.push(Out::Gap(length));
            }
            out.push(Out::Media(Piece {
                buffer,
                came,
                repeats: false,
            }));
        } else {
            out.push(Out::Dropped);
        }
        self.warp.reuse(chunk.samples);
    }

    /// Notes when, on other clocks, what stands at `own` on the own line was.
    fn stamp(&self, buffer: &mut gst::BufferRef, own: f64) {
        let after = ((own - self.stamped) * 1e9).round() as i64;
        for stamp in &self.stamps {
            let ns = stamp.time.nseconds().saturating_add_signed(after);
            let time = gst::ClockTime::from_nseconds(ns.min(u64::MAX - 1));
            gst::ReferenceTimestampMeta::add(buffer, &stamp.caps, time, gst::ClockTime::NONE);
        }
    }
}
