//! Luma and chroma of 10 bits.

use yuv::{
    YuvError, YuvPlanarImage, YuvRange, YuvStandardMatrix, i010_to_rgb, i010_to_rgba, i210_to_rgb,
    i210_to_rgba,
};

use super::layout::Sampling;
use super::{BAND, Error, Job, Layout, Picture, Target, narrow, refused};

/// The largest sample.
const MOST: u16 = 0x3FF;

type Convert =
    fn(&YuvPlanarImage<u16>, &mut [u8], u32, YuvRange, YuvStandardMatrix) -> Result<(), YuvError>;

pub(super) fn convert(picture: &Picture, job: Job, out: &mut [u8]) -> Result<(), Error> {
    let sampling = picture.layout.sampling();
    let convert: Convert = match (sampling, job.target) {
        (Sampling::S420, Target::Rgb) => i010_to_rgb,
        (Sampling::S420, Target::Rgba) => i010_to_rgba,
        (_, Target::Rgb) => i210_to_rgb,
        (_, Target::Rgba) => i210_to_rgba,
    };
    let mut samples = Samples::of(picture)?;
    let mut band = Band::new(picture);
    // The crate panics at some odd widths: these have a column more, and the result is copied.
    let even = narrow(band.width.saturating_mul(job.target.pixel()))?;
    let mut wide = match band.width > job.width {
        true => vec![0; (even as usize).saturating_mul(BAND)],
        false => Vec::new(),
    };
    let mut left = picture.height;
    for out in out.chunks_mut(job.stride.saturating_mul(BAND)) {
        samples.fill(&mut band);
        let image = band.image(left.min(BAND))?;
        if wide.is_empty() {
            convert(&image, out, narrow(job.stride)?, job.range, job.matrix).map_err(refused)?;
        } else {
            convert(&image, &mut wide, even, job.range, job.matrix).map_err(refused)?;
            let row = job.width.saturating_mul(job.target.pixel());
            let rows = wide.chunks(even as usize);
            for (to, from) in out.chunks_mut(job.stride).zip(rows) {
                if let (Some(to), Some(from)) = (to.get_mut(..row), from.get(..row)) {
                    to.copy_from_slice(from);
                }
            }
        }
        left = left.saturating_sub(BAND);
    }
    Ok(())
}

/// Samples as the processor has them, in the lower part, Cb and Cr apart: the crate has vectors for these alone.
struct Band {
    y: Vec<u16>,
    u: Vec<u16>,
    v: Vec<u16>,
    /// An even number.
    width: usize,
    columns: usize,
}

impl Band {
    fn new(picture: &Picture) -> Self {
        let (columns, rows) = picture.layout.sampling().of(picture.width, BAND);
        let chroma = vec![0; columns.saturating_mul(rows)];
        let width = columns.saturating_mul(2);
        Self {
            y: vec![0; width.saturating_mul(BAND)],
            u: chroma.clone(),
            v: chroma,
            width,
            columns,
        }
    }

    fn image(&self, height: usize) -> Result<YuvPlanarImage<'_, u16>, Error> {
        Ok(YuvPlanarImage {
            y_plane: &self.y,
            y_stride: narrow(self.width)?,
            u_plane: &self.u,
            u_stride: narrow(self.columns)?,
            v_plane: &self.v,
            v_stride: narrow(self.columns)?,
            width: narrow(self.width)?,
            height: narrow(height)?,
        })
    }
}

/// Rows that are not in a band yet.
struct Samples<Y, C> {
    luma: Y,
    /// Pairs, or Cb.
    first: C,
    /// Cr.
    second: Option<C>,
    shift: u32,
}

impl<'a> Samples<(), ()> {
    fn of(
        picture: &Picture<'a>,
    ) -> Result<Samples<impl Iterator<Item = &'a [u8]>, impl Iterator<Item = &'a [u8]>>, Error>
    {
        let paired = picture.layout.is_paired();
        let columns = picture.width.div_ceil(2);
        let bytes = columns.saturating_mul(if paired { 4 } else { 2 });
        Ok(Samples {
            luma: picture.plane(0)?.rows(picture.width.saturating_mul(2)),
            first: picture.plane(1)?.rows(bytes),
            second: match paired {
                true => None,
                false => Some(picture.plane(2)?.rows(bytes)),
            },
            shift: if picture.layout == Layout::P010 { 6 } else { 0 },
        })
    }
}

impl<'a, Y: Iterator<Item = &'a [u8]>, C: Iterator<Item = &'a [u8]>> Samples<Y, C> {
    fn fill(&mut self, band: &mut Band) {
        let luma = band.y.chunks_exact_mut(band.width);
        for (to, from) in luma.zip(self.luma.by_ref()) {
            widen(to, from, self.shift);
        }
        let rows = band.u.chunks_exact_mut(band.columns);
        let rows = rows.zip(band.v.chunks_exact_mut(band.columns));
        for ((u, v), from) in rows.zip(self.first.by_ref()) {
            match self.second.as_mut().map(Iterator::next) {
                None => part(u, v, from, self.shift),
                Some(other) => {
                    widen(u, from, self.shift);
                    widen(v, other.unwrap_or_default(), self.shift);
                }
            }
        }
    }
}

/// Samples of a row.
fn widen(to: &mut [u16], from: &[u8], shift: u32) {
    for (to, &from) in to.iter_mut().zip(from.as_chunks().0) {
        *to = (u16::from_le_bytes(from) >> shift).min(MOST);
    }
}

/// Samples of a row of pairs.
fn part(u: &mut [u16], v: &mut [u16], from: &[u8], shift: u32) {
    for ((u, v), &[a, b, c, d]) in u.iter_mut().zip(v).zip(from.as_chunks().0) {
        *u = (u16::from_le_bytes([a, b]) >> shift).min(MOST);
        *v = (u16::from_le_bytes([c, d]) >> shift).min(MOST);
    }
}
