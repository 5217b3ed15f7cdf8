//! The flashes in the pictures of a file.

use gst_video::prelude::*;
use gstharmony::sync::Event;
use gstharmony::sync::picture::{Depth, Luma, Picture};

use super::decode::{PICTURES, Taker};
use crate::failure::{Failure, Outcome};

/// How the camera takes a frame, where the user knows it. In seconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shutter {
    pub exposure: Option<f64>,
    pub readout: f64,
}

/// Flashes by running time.
#[derive(Default)]
pub struct Flashes {
    shutter: Shutter,
    segment: Option<gst::FormattedSegment<gst::ClockTime>>,
    format: Option<(gst_video::VideoInfo, Picture)>,
    events: Vec<Event>,
    /// The end of the last picture, in seconds.
    pub end: f64,
}

impl Flashes {
    pub fn new(shutter: Shutter) -> Self {
        Self {
            shutter,
            ..Self::default()
        }
    }
}

impl Flashes {
    /// All of them, when the last picture was seen.
    pub fn finish(mut self) -> Vec<Event> {
        let last = self
            .format
            .as_mut()
            .and_then(|(_, picture)| picture.finish());
        self.events.extend(last);
        self.events
    }
}

impl Taker for Flashes {
    const KINDS: &'static [&'static str] = PICTURES;
    // Luma alone in the first plane, as most decoders give it.
    const DECODER: &'static str = "decodebin name=first ! videoconvert ! capsfilter name=last \
        caps=video/x-raw,format=(string){I420,NV12,YV12,NV21,Y42B,Y444,Y41B,GRAY8,I420_10LE,P010_10LE,I422_10LE}";

    fn event(&mut self, event: &gst::EventRef) -> Outcome {
        match event.view() {
            gst::EventView::Segment(segment) => {
                self.segment = segment.segment().downcast_ref().cloned();
            }
            gst::EventView::Caps(caps) => {
                let info = gst_video::VideoInfo::from_caps(caps.caps())
                    .map_err(|error| Failure::Data(format!("its pictures: {error}")))?;
                let Shutter { exposure, readout } = self.shutter;
                let picture = Picture::new(
                    info.width() as usize,
                    info.height() as usize,
                    exposure,
                    readout,
                );
                self.format = Some((info, picture));
            }
            _ => {}
        }
        Ok(())
    }

    fn buffer(&mut self, buffer: &gst::Buffer) -> Outcome {
        let (Some(segment), Some((info, picture))) = (&self.segment, &mut self.format) else {
            return Err(Failure::Data(
                "its pictures: found a buffer before its caps and segment".to_owned(),
            ));
        };
        let begin = buffer.pts().and_then(|pts| segment.to_running_time(pts));
        let (Some(begin), Ok(frame)) = (
            begin,
            gst_video::VideoFrameRef::from_buffer_ref_readable(buffer, info),
        ) else {
            return Ok(());
        };
        let seconds = |time: gst::ClockTime| time.nseconds() as f64 / 1e9;
        let duration = buffer.duration().map(seconds).unwrap_or(0.0);
        self.end = self.end.max(seconds(begin) + duration);
        let data = frame
            .plane_data(0)
            .map_err(|error| Failure::Data(format!("its pictures: {error}")))?;
        let format = info.format_info();
        let bits = format.depth()[0] + format.shift()[0];
        let luma = Luma {
            data,
            stride: frame.plane_stride()[0].unsigned_abs() as usize,
            step: format.pixel_stride()[0].unsigned_abs() as usize,
            depth: match bits {
                ..=8 => Depth::Eight,
                bits => Depth::Sixteen(bits - 8),
            },
        };
        let found = picture.push(seconds(begin), duration, &luma);
        self.events.extend(found);
        Ok(())
    }
}
