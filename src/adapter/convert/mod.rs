//! Raw pictures to RGB and RGBA, by the vectors of the crate `yuv`.
//!
//! Each luma sample takes the nearest chroma sample: the one at half its column and half its row. In limited range a luma below black (16 of
//! 255) is black. Every byte is within 1 of what the equations of ITU-T H.273, 8.3, give in floating point, rounded: for all 2^24 colours
//! of 8 bits and all 2^30 of 10 bits, on x86-64.

mod eight;
mod layout;
mod packed;
mod ten;
#[cfg(test)]
mod tests;

use yuv::{YuvError, YuvRange, YuvStandardMatrix};

use super::Error;
pub use layout::Layout;

/// How luma and chroma are made of red, green and blue: the constants K of ITU-T H.273, table 4.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Matrix {
    /// Rec. ITU-R BT.601: matrix coefficients 5 and 6.
    Bt601,
    /// Rec. ITU-R BT.709: matrix coefficients 1.
    #[default]
    Bt709,
    /// Rec. ITU-R BT.2020, non-constant luminance: matrix coefficients 9.
    Bt2020,
}

/// Which codes stand for black and white.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Range {
    /// Luma 16 to 235, chroma 16 to 240, of 255.
    #[default]
    Limited,
    /// All codes.
    Full,
}

/// What comes out, 8 bits each; what had no alpha is opaque.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// Red, green, blue.
    Rgb,
    /// Red, green, blue, alpha.
    Rgba,
}

impl Target {
    /// Bytes of a pixel.
    #[must_use]
    pub fn pixel(self) -> usize {
        match self {
            Self::Rgb => 3,
            Self::Rgba => 4,
        }
    }
}

/// Rows of samples.
#[derive(Debug, Clone, Copy)]
pub struct Plane<'a> {
    /// From the first sample of the first row; the last row needs no padding.
    pub data: &'a [u8],
    /// Bytes from one row to the next.
    pub stride: usize,
}

/// A raw picture.
#[derive(Debug, Clone, Copy)]
pub struct Picture<'a> {
    /// Where its samples lie.
    pub layout: Layout,
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Its planes, in the order of the layout.
    pub planes: &'a [Plane<'a>],
    /// Of no account for red, green and blue.
    pub matrix: Matrix,
    /// Of no account for red, green and blue.
    pub range: Range,
}

/// Rows that are taken at once where samples have to be moved, an even number: what they hold at 4K fits into the second cache.
const BAND: usize = 16;

/// What is asked for, in the crate's terms.
#[derive(Clone, Copy)]
struct Job {
    width: usize,
    matrix: YuvStandardMatrix,
    range: YuvRange,
    target: Target,
    stride: usize,
}

/// Writes the picture as rows of `target`, `stride` bytes apart; bytes between the rows stay as they are.
///
/// # Errors
/// [`Error::Picture`] when planes or `out` are too short for the size, when a stride is more than 2^32 - 1 bytes, and on a processor
/// without SSE4.1 or NEON.
pub fn convert(
    picture: &Picture,
    target: Target,
    out: &mut [u8],
    stride: usize,
) -> Result<(), Error> {
    picture.check()?;
    let row = times(picture.width, target.pixel())?;
    let size = span("the output", out.len(), stride, row, picture.height)?;
    let out = out.get_mut(..size).unwrap_or_default();
    let job = Job {
        width: picture.width,
        matrix: match picture.matrix {
            Matrix::Bt601 => YuvStandardMatrix::Bt601,
            Matrix::Bt709 => YuvStandardMatrix::Bt709,
            Matrix::Bt2020 => YuvStandardMatrix::Bt2020,
        },
        range: match picture.range {
            Range::Limited => YuvRange::Limited,
            Range::Full => YuvRange::Full,
        },
        target,
        stride,
    };
    if picture.layout.is_packed() {
        return packed::convert(picture, job, out);
    }
    if !has_vectors() {
        return Err(Error::Picture(
            "found a processor without SSE4.1 or NEON, expected one with it".to_owned(),
        ));
    }
    if picture.layout.is_deep() {
        ten::convert(picture, job, out)
    } else {
        eight::convert(picture, job, out)
    }
}

/// The crate's code without vectors does not take luma below black as black, and 10 bits wrap around in it.
fn has_vectors() -> bool {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    let found = std::arch::is_x86_feature_detected!("sse4.1");
    #[cfg(not(any(target_arch = "x86", target_arch = "x86_64")))]
    let found = cfg!(all(target_arch = "aarch64", target_feature = "neon"));
    found
}

impl<'a> Picture<'a> {
    /// That all samples are there.
    fn check(&self) -> Result<(), Error> {
        let (width, height) = (self.width, self.height);
        if width == 0 || height == 0 {
            return Err(Error::Picture(format!(
                "found {width}x{height}, expected at least one pixel"
            )));
        }
        let shapes = self.layout.planes(width, height);
        if shapes.len() != self.planes.len() {
            return Err(Error::Picture(format!(
                "found {} planes, expected {} of {}",
                self.planes.len(),
                shapes.len(),
                self.layout.name()
            )));
        }
        for (number, (plane, shape)) in self.planes.iter().zip(shapes).enumerate() {
            let row = times(shape.samples, shape.bytes)?;
            let name = format!("plane {number} of {}", self.layout.name());
            span(&name, plane.data.len(), plane.stride, row, shape.rows)?;
        }
        Ok(())
    }

    fn plane(&self, number: usize) -> Result<Plane<'a>, Error> {
        self.planes
            .get(number)
            .copied()
            .ok_or_else(|| Error::Picture(format!("found no plane {number}, expected one")))
    }
}

impl<'a> Plane<'a> {
    /// The first bytes of each row.
    fn rows(self, bytes: usize) -> impl Iterator<Item = &'a [u8]> {
        self.data
            .chunks(self.stride)
            .filter_map(move |row| row.get(..bytes))
    }
}

/// From the first byte of the first row to the last of the last, where that is not more than there is.
fn span(name: &str, found: usize, stride: usize, row: usize, rows: usize) -> Result<usize, Error> {
    if stride < row {
        return Err(Error::Picture(format!(
            "{name}: found {stride} bytes from row to row, expected at least {row}"
        )));
    }
    if u32::try_from(stride).is_err() {
        return Err(Error::Picture(format!(
            "{name}: found {stride} bytes from row to row, expected at most {}",
            u32::MAX
        )));
    }
    let expected = stride
        .checked_mul(rows.saturating_sub(1))
        .and_then(|before| before.checked_add(row));
    match expected {
        Some(expected) if expected <= found => Ok(expected),
        Some(expected) => Err(Error::Picture(format!(
            "{name}: found {found} bytes, expected at least {expected}"
        ))),
        None => Err(Error::Picture(format!(
            "{name}: found {found} bytes, expected {rows} rows of {stride}"
        ))),
    }
}

fn times(count: usize, bytes: usize) -> Result<usize, Error> {
    count.checked_mul(bytes).ok_or_else(|| {
        Error::Picture(format!(
            "found rows of {count} times {bytes} bytes, expected what can be counted"
        ))
    })
}

fn narrow(count: usize) -> Result<u32, Error> {
    u32::try_from(count)
        .map_err(|_| Error::Picture(format!("found {count}, expected at most {}", u32::MAX)))
}

/// The crate refuses what [`Picture::check`] should have refused.
fn refused(error: YuvError) -> Error {
    Error::Picture(error.to_string())
}
