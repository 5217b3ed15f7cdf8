//! Red, green and blue in another order.

use yuv::{YuvError, bgr_to_rgb, bgr_to_rgba, bgra_to_rgb, bgra_to_rgba, rgb_to_rgba, rgba_to_rgb};

use super::{Error, Job, Layout, Picture, Target, narrow, refused};

type Shuffle = fn(&[u8], u32, &mut [u8], u32, u32, u32) -> Result<(), YuvError>;

/// Alpha is kept or left out, never applied.
pub(super) fn convert(picture: &Picture, job: Job, out: &mut [u8]) -> Result<(), Error> {
    let plane = picture.plane(0)?;
    let shuffle: Shuffle = match (picture.layout, job.target) {
        (Layout::Rgba, Target::Rgb) => rgba_to_rgb,
        (Layout::Bgr, Target::Rgb) => bgr_to_rgb,
        (Layout::Bgra, Target::Rgb) => bgra_to_rgb,
        (Layout::Rgb, Target::Rgba) => rgb_to_rgba,
        (Layout::Bgr, Target::Rgba) => bgr_to_rgba,
        (Layout::Bgra, Target::Rgba) => bgra_to_rgba,
        _ => {
            let row = picture.width.saturating_mul(job.target.pixel());
            let rows = out.chunks_mut(job.stride);
            for (to, from) in rows.zip(plane.rows(row)) {
                if let Some(to) = to.get_mut(..row) {
                    to.copy_from_slice(from);
                }
            }
            return Ok(());
        }
    };
    shuffle(
        plane.data,
        narrow(plane.stride)?,
        out,
        narrow(job.stride)?,
        narrow(picture.width)?,
        narrow(picture.height)?,
    )
    .map_err(refused)
}
