//! Decoded sound on the time line of its file, as the measurement wants it.

use gstharmony::sync::audio::{Format, Mono, RATES};
use gstharmony::sync::line::{Placed, SampleLine};

use super::decode::Taker;
use super::stretch::Stretch;
use crate::failure::{Failure, Outcome};

/// A buffer that is marked as a new beginning is one if it lies this far off, in seconds.
const APART: f64 = 2e-3;

/// Mono sound at the rate of the measurement. A file's time 0 is where its playback begins (running time).
#[derive(Default)]
pub struct Sound {
    segment: Option<gst::FormattedSegment<gst::ClockTime>>,
    sound: Option<Form>,
    /// Samples of one buffer.
    scratch: Vec<f32>,
    pub stretches: Vec<Stretch>,
    /// Where its last sample ends, in seconds.
    pub end: f64,
}

/// A form of sound and what follows it.
struct Form {
    info: gst_audio::AudioInfo,
    line: SampleLine,
    mono: Mono,
    /// Samples of one channel since the stretch began.
    frames: u64,
}

impl Taker for Sound {
    const KINDS: &'static [&'static str] = &["audio/"];
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
                if self.sound.as_ref().is_none_or(|old| old.info != info) {
                    self.sound = Some(Form::new(info));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Takes what of a buffer lies within its segment: decoders run ahead of where playback begins.
    fn buffer(&mut self, buffer: &gst::Buffer) -> Outcome {
        let (Some(segment), Some(form)) = (&self.segment, &mut self.sound) else {
            return Err(Failure::Data(
                "its sound: found a buffer before its caps and segment".to_owned(),
            ));
        };
        let (rate, bpf) = (form.info.rate(), form.info.bpf());
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
        form.samples().read(&map, &mut self.scratch);
        form.push(pts, discont, &self.scratch, &mut self.stretches);
        self.end = form.line.end().unwrap_or(self.end);
        Ok(())
    }
}

impl Form {
    fn new(info: gst_audio::AudioInfo) -> Self {
        Self {
            line: SampleLine::new(info.rate()),
            mono: Mono::new(info.rate(), info.channels() as usize),
            frames: 0,
            info,
        }
    }

    fn samples(&self) -> Format {
        match self.info.format() {
            gst_audio::AudioFormat::F32le => Format::F32,
            _ => Format::S16,
        }
    }

    /// Converts interleaved samples and appends them to the last stretch, or to a new one.
    fn push(
        &mut self,
        pts: Option<f64>,
        discont: bool,
        samples: &[f32],
        stretches: &mut Vec<Stretch>,
    ) {
        let channels = self.info.channels();
        let count = samples.len() as u64 / u64::from(channels.max(1));
        let off = pts.zip(self.line.end()).map(|(pts, end)| (pts - end).abs());
        let apart = discont && off.is_some_and(|off| off > APART);
        let placed = self.line.place(pts, count, apart);
        if let Placed::Jumped(start) = placed {
            self.mono = Mono::new(self.info.rate(), channels as usize);
            self.frames = 0;
            stretches.push(Stretch {
                start,
                ..Stretch::default()
            });
        }
        let Some(stretch) = stretches.last_mut() else {
            return;
        };
        let counted = self.frames as f64 / f64::from(self.info.rate());
        stretch
            .marks
            .extend(pts.map(|pts| (counted, pts - counted)));
        self.mono.push(samples, &mut stretch.samples);
        self.frames += count;
    }
}
