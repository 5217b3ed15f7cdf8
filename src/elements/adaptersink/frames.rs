//! Raw pictures as adapters want them.

use std::sync::{Arc, Mutex, PoisonError};

use gst_video::prelude::*;
use gst_video::{
    VideoColorMatrix, VideoColorRange, VideoColorimetry, VideoFormat, VideoFrameRef, VideoInfo,
};

use super::payload::{self, BufferPayload, Sticky};
use crate::adapter::convert::{Layout, Matrix, Picture, Plane, Range, Target, convert};
use crate::adapter::{Block, Error};

/// Converts pictures.
pub(super) struct Converter {
    target: Target,
    stream: Option<Stream>,
    pool: Arc<Pool>,
}

/// A form of pictures and what it becomes.
struct Stream {
    info: VideoInfo,
    layout: Layout,
    matrix: Matrix,
    range: Range,
    caps: gst::Caps,
    stride: usize,
}

impl Converter {
    /// `kept`: how many pictures are in use at once, after which memory is used again.
    pub(super) fn new(target: Target, kept: usize) -> Self {
        let pool = Pool {
            free: Mutex::default(),
            kept,
        };
        Self {
            target,
            stream: None,
            pool: Arc::new(pool),
        }
    }

    /// Caps of what comes out for what comes in.
    pub(super) fn begin(&mut self, caps: &gst::Caps) -> Result<gst::Caps, Error> {
        let expected = |found: &str| {
            Error::Stream(format!(
                "frame-format: found {found}, expected pictures of video/x-raw that can be converted"
            ))
        };
        let info = VideoInfo::from_caps(caps).map_err(|_| expected(&caps.to_string()))?;
        let name = info.format().to_str();
        let layout = Layout::from_name(name).ok_or_else(|| expected(name))?;
        let colorimetry = info.colorimetry();
        let matrix = match colorimetry.matrix() {
            // Its coefficients differ from those of BT.601 by less than 1 %.
            VideoColorMatrix::Bt601 | VideoColorMatrix::Fcc => Matrix::Bt601,
            VideoColorMatrix::Bt709 | VideoColorMatrix::Rgb | VideoColorMatrix::Unknown => {
                Matrix::Bt709
            }
            VideoColorMatrix::Bt2020 => Matrix::Bt2020,
            other => return Err(expected(&format!("the color matrix {other:?}"))),
        };
        let range = match colorimetry.range() {
            VideoColorRange::Range0_255 => Range::Full,
            _ => Range::Limited,
        };
        let format = match self.target {
            Target::Rgb => VideoFormat::Rgb,
            Target::Rgba => VideoFormat::Rgba,
        };
        let made = VideoColorimetry::new(
            VideoColorRange::Range0_255,
            VideoColorMatrix::Rgb,
            colorimetry.transfer(),
            colorimetry.primaries(),
        );
        let mut caps = caps.clone();
        if let Some(structure) = caps.make_mut().structure_mut(0) {
            structure.set("format", format.to_str());
            structure.set("colorimetry", made.to_string());
            structure.remove_field("chroma-site");
        }
        let made = VideoInfo::from_caps(&caps).map_err(|_| expected(&caps.to_string()))?;
        let stride = made.stride().first();
        let stride = stride.and_then(|&stride| usize::try_from(stride).ok());
        self.stream = Some(Stream {
            info,
            layout,
            matrix,
            range,
            caps: caps.clone(),
            stride: stride.unwrap_or_default(),
        });
        Ok(caps)
    }

    /// Puts the converted picture into the block.
    pub(super) fn convert(&self, block: &mut Block) -> Result<(), Error> {
        let (Some(stream), Some(payload)) = (&self.stream, payload::of_buffer(&block.payload))
        else {
            return Err(block.error("found no picture, expected one"));
        };
        let unreadable = || {
            let found = payload.buffer().size();
            let (width, height) = (stream.info.width(), stream.info.height());
            block.error(format!(
                "found a buffer of {found} bytes, expected {} of {width}x{height} that can be read",
                stream.layout.name()
            ))
        };
        let frame = VideoFrameRef::from_buffer_ref_readable(payload.buffer(), &stream.info)
            .map_err(|_| unreadable())?;
        let mut planes = Vec::with_capacity(frame.n_planes() as usize);
        for (number, &stride) in (0..frame.n_planes()).zip(frame.plane_stride()) {
            planes.push(Plane {
                data: frame.plane_data(number).map_err(|_| unreadable())?,
                stride: usize::try_from(stride).map_err(|_| unreadable())?,
            });
        }
        let picture = Picture {
            layout: stream.layout,
            width: stream.info.width() as usize,
            height: stream.info.height() as usize,
            planes: &planes,
            matrix: stream.matrix,
            range: stream.range,
        };
        let mut bytes = self.pool.take(stream.stride * picture.height);
        convert(&picture, self.target, &mut bytes.bytes, stream.stride)
            .map_err(|error| block.error(error.to_string()))?;
        let mut buffer = gst::Buffer::from_slice(bytes);
        // What is said of the picture beside its bytes.
        let flags = gst::BufferCopyFlags::TIMESTAMPS | gst::BufferCopyFlags::FLAGS;
        let _ = payload.buffer().copy_into(buffer.make_mut(), flags, ..);
        let sticky = Sticky {
            caps: stream.caps.clone(),
            segment: payload.sticky.segment.clone(),
        };
        let converted = BufferPayload::new(buffer, Arc::new(sticky));
        drop(frame);
        block.payload = Arc::new(converted);
        Ok(())
    }
}

/// Memory of pictures that nobody uses any more.
#[derive(Debug)]
struct Pool {
    free: Mutex<Vec<Vec<u8>>>,
    kept: usize,
}

impl Pool {
    fn take(self: &Arc<Self>, length: usize) -> Pooled {
        let free = self
            .free
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        let mut bytes = free.unwrap_or_default();
        bytes.resize(length, 0);
        Pooled {
            bytes,
            pool: self.clone(),
        }
    }
}

/// Bytes that go back to their pool.
struct Pooled {
    bytes: Vec<u8>,
    pool: Arc<Pool>,
}

impl AsRef<[u8]> for Pooled {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        let mut free = self
            .pool
            .free
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if free.len() < self.pool.kept {
            free.push(std::mem::take(&mut self.bytes));
        }
    }
}
