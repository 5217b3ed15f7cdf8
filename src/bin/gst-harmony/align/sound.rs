//! Decoded sound on the time line of its file, as the measurement wants it.

use gstharmony::sync::audio::Mono;
use gstharmony::sync::line::{Placed, SampleLine};
use gstharmony::sync::{RATE, Window};

use super::decode::Taker;
use crate::failure::{Failure, Outcome};
use crate::output;

/// A longer hole, in seconds, is no pause but a wrong timestamp.
const LONGEST_HOLE: f64 = 3600.0;
/// A longer way back, in seconds, is no overlap of packets but a wrong timestamp.
const LONGEST_OVERLAP: f64 = 1.0;
/// Samples a second that are converted.
const RATES: std::ops::RangeInclusive<u32> = 8_000..=384_000;

/// Mono sound at the rate of the measurement. A file's time 0 is where its playback begins (running time).
#[derive(Default)]
pub struct Sound {
    segment: Option<gst::FormattedSegment<gst::ClockTime>>,
    format: Option<Format>,
    /// Samples of one buffer.
    scratch: Vec<f32>,
    pub window: Window,
    /// Where its last sample ends, in seconds.
    pub end: f64,
}

/// A form of sound and what follows it.
struct Format {
    info: gst_audio::AudioInfo,
    line: SampleLine,
    mono: Mono,
}

impl Taker for Sound {
    const KIND: &'static str = "audio/";
    // What most files have stays as it is.
    const DECODER: &'static str = "decodebin name=first ! audioconvert ! capsfilter name=last \
                                   caps=audio/x-raw,format=(string){S16LE,F32LE},layout=(string)interleaved";

    fn event(&mut self, event: &gst::EventRef) -> Outcome {
        match event.view() {
            gst::EventView::Segment(segment) => {
                self.segment = segment.segment().downcast_ref().cloned();
            }
            gst::EventView::Caps(caps) => {
                let info = gst_audio::AudioInfo::from_caps(caps.caps())
                    .map_err(|error| Failure::Data(format!("its sound: {error}")))?;
                if !RATES.contains(&info.rate()) {
                    return Err(Failure::Data(format!(
                        "its sound: found {} Hz, expected {} to {} Hz",
                        info.rate(),
                        RATES.start(),
                        RATES.end()
                    )));
                }
                if self.format.as_ref().is_none_or(|old| old.info != info) {
                    self.format = Some(Format::new(info));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Takes what of a buffer lies within its segment: decoders run ahead of where playback begins.
    fn buffer(&mut self, buffer: &gst::Buffer) -> Outcome {
        let (Some(segment), Some(format)) = (&self.segment, &mut self.format) else {
            return Err(Failure::Data(
                "its sound: found a buffer before its caps and segment".to_owned(),
            ));
        };
        let (rate, bpf) = (format.info.rate(), format.info.bpf());
        let clipped = gst_audio::audio_buffer_clip(buffer.clone(), segment.upcast_ref(), rate, bpf);
        let Some(buffer) = clipped else {
            return Ok(());
        };
        let running = buffer.pts().and_then(|pts| segment.to_running_time(pts));
        let pts = running.map(|time| time.nseconds() as f64 / 1e9);
        let discont = buffer.flags().contains(gst::BufferFlags::DISCONT);
        let map = buffer
            .map_readable()
            .map_err(|error| Failure::Data(error.to_string()))?;
        self.scratch.clear();
        if format.info.format() == gst_audio::AudioFormat::F32le {
            let samples = map.as_chunks::<4>().0.iter();
            self.scratch.extend(samples.map(|b| f32::from_le_bytes(*b)));
        } else {
            let samples = map.as_chunks::<2>().0.iter();
            let scaled = samples.map(|b| f32::from(i16::from_le_bytes(*b)) / 32_768.0);
            self.scratch.extend(scaled);
        }
        format.push(pts, discont, &self.scratch, &mut self.window)?;
        self.end = format.line.end().unwrap_or(self.end);
        Ok(())
    }
}

impl Format {
    fn new(info: gst_audio::AudioInfo) -> Self {
        Self {
            line: SampleLine::new(info.rate()),
            mono: Mono::new(info.rate(), info.channels() as usize),
            info,
        }
    }

    /// Converts interleaved samples and appends them where they lie.
    fn push(
        &mut self,
        pts: Option<f64>,
        discont: bool,
        samples: &[f32],
        window: &mut Window,
    ) -> Outcome {
        let channels = self.info.channels();
        let frames = samples.len() as u64 / u64::from(channels.max(1));
        let placed = self.line.place(pts, frames, discont);
        if let Placed::Jumped(_) = placed {
            self.mono = Mono::new(self.info.rate(), channels as usize);
        }
        extend(window, placed.time() - self.mono.behind())?;
        self.mono.push(samples, &mut window.samples);
        Ok(())
    }
}

/// Makes the window end at `time`, to the nearest sample. Where timestamps run slower or faster than the samples, this leaves
/// out or repeats single ones.
fn extend(window: &mut Window, time: f64) -> Outcome {
    if window.samples.is_empty() {
        window.start = time;
        return Ok(());
    }
    let missing = time - window.end();
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
    // Less than a sample stays as it is.
    let samples = (missing * RATE) as i64;
    let length = window.samples.len() as i64 + samples;
    let fill = match samples {
        1 => window.samples.last().copied().unwrap_or(0.0),
        _ => 0.0,
    };
    window
        .samples
        .resize(usize::try_from(length).unwrap_or(0), fill);
    Ok(())
}
