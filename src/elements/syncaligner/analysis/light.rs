//! Markers of pictures: flashes in their luma.

use gst_video::{VideoFormatFlags, VideoInfo};

use super::super::pad::Words;
use crate::sync::Event;
use crate::sync::picture::{Depth, Luma, Picture};

/// Where the luma of a format is, or its green, which stands for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    plane: usize,
    /// Bytes to the first pixel's, and from one to the next.
    offset: usize,
    step: usize,
    depth: Depth,
}

impl Place {
    /// `None` for formats whose luma has no place of its own.
    fn of(info: &VideoInfo) -> Option<Self> {
        let format = info.format_info();
        let component = usize::from(format.is_rgb());
        let depth = *format.depth().get(component)?;
        let shift = *format.shift().get(component)?;
        let step = *format.pixel_stride().get(component)?;
        let step = usize::try_from(step).ok().filter(|step| *step > 0)?;
        let depth = match (depth, shift) {
            (8, 0) => Depth::Eight,
            (9..=16, _) if depth + shift <= 16 && step >= 2 && format.is_le() => {
                Depth::Sixteen(depth + shift - 8)
            }
            _ => return None,
        };
        if format
            .flags()
            .intersects(VideoFormatFlags::COMPLEX | VideoFormatFlags::TILED)
        {
            return None;
        }
        Some(Self {
            plane: usize::try_from(*format.plane().get(component)?).ok()?,
            offset: usize::try_from(*format.poffset().get(component)?).ok()?,
            step,
            depth,
        })
    }
}

/// The latest of what is seen.
#[derive(Debug)]
pub struct Light {
    info: VideoInfo,
    place: Place,
    /// What the user says of the camera's shutter.
    shutter: (Option<f64>, f64),
    picture: Picture,
}

impl Light {
    /// `None` for what can't be looked at.
    pub fn new(caps: &gst::CapsRef, words: &Words) -> Option<Self> {
        let info = VideoInfo::from_caps(caps).ok()?;
        let seconds = |ns: u64| ns as f64 * 1e-9;
        let shutter = (
            words.exposure_ns.map(seconds),
            words.readout_ns.map_or(0.0, seconds),
        );
        Some(Self {
            place: Place::of(&info)?,
            picture: picture(&info, shutter),
            info,
            shutter,
        })
    }

    /// Nothing was seen.
    pub fn clear(&mut self) {
        self.picture = picture(&self.info, self.shutter);
    }

    /// The frame of that time; up to where the stream is seen then. Flashes go to `found`.
    pub fn push(
        &mut self,
        time: f64,
        buffer: &gst::BufferRef,
        bytes: &[u8],
        found: &mut Vec<Event>,
    ) -> f64 {
        let lasts = buffer
            .duration()
            .map_or(0.0, |d| d.nseconds() as f64 * 1e-9);
        let Place {
            plane,
            offset,
            step,
            depth,
        } = self.place;
        let meta = buffer.meta::<gst_video::VideoMeta>();
        let (starts, strides) = match &meta {
            Some(meta) => (meta.offset(), meta.stride()),
            None => (self.info.offset(), self.info.stride()),
        };
        let start = starts
            .get(plane)
            .and_then(|start| start.checked_add(offset));
        let stride = strides.get(plane).and_then(|s| usize::try_from(*s).ok());
        if let (Some(start), Some(stride)) = (start, stride) {
            let luma = Luma {
                data: bytes.get(start..).unwrap_or_default(),
                stride,
                step,
                depth,
            };
            found.extend(self.picture.push(time, lasts, &luma));
        }
        time + lasts
    }
}

fn picture(info: &VideoInfo, (exposure, readout): (Option<f64>, f64)) -> Picture {
    let size = |value: u32| usize::try_from(value).unwrap_or(0);
    Picture::new(size(info.width()), size(info.height()), exposure, readout)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(format: gst_video::VideoFormat) -> Option<Place> {
        gst::init().unwrap();
        Place::of(&VideoInfo::builder(format, 64, 32).build().unwrap())
    }

    #[test]
    fn the_luma_of_common_formats_is_found() {
        use gst_video::VideoFormat as F;
        let told = |format| {
            let place = place(format).unwrap();
            (place.plane, place.offset, place.step, place.depth)
        };
        for format in [F::I420, F::Nv12, F::Gray8, F::Y444] {
            assert_eq!(told(format), (0, 0, 1, Depth::Eight), "{format:?}");
        }
        assert_eq!(told(F::Yuy2), (0, 0, 2, Depth::Eight));
        assert_eq!(told(F::Uyvy), (0, 1, 2, Depth::Eight));
        assert_eq!(told(F::Rgb), (0, 1, 3, Depth::Eight));
        assert_eq!(told(F::Bgrx), (0, 1, 4, Depth::Eight));
        assert_eq!(told(F::Gray16Le), (0, 0, 2, Depth::Sixteen(8)));
        assert_eq!(told(F::I42010le), (0, 0, 2, Depth::Sixteen(2)));
        assert_eq!(told(F::P01010le), (0, 0, 2, Depth::Sixteen(8)));
    }

    #[test]
    fn what_has_no_luma_of_its_own_is_refused() {
        use gst_video::VideoFormat as F;
        for format in [F::V210, F::Rgb16, F::I42010be, F::Nv124l4] {
            assert_eq!(place(format), None, "{format:?}");
        }
    }
}
