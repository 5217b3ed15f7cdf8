//! Luma and chroma of 8 bits.

use yuv::{
    YuvError, YuvPlanarImage, YuvRange, YuvStandardMatrix, yuv420_to_rgb, yuv420_to_rgba,
    yuv422_to_rgb, yuv422_to_rgba, yuv444_to_rgb, yuv444_to_rgba,
};

use super::layout::Sampling;
use super::{BAND, Error, Job, Picture, Plane, Target, narrow, refused};

type Convert =
    fn(&YuvPlanarImage<u8>, &mut [u8], u32, YuvRange, YuvStandardMatrix) -> Result<(), YuvError>;

pub(super) fn convert(picture: &Picture, job: Job, out: &mut [u8]) -> Result<(), Error> {
    let (y, second) = (picture.plane(0)?, picture.plane(1)?);
    if picture.layout.is_paired() {
        return paired(picture, y, second, job, out);
    }
    let third = picture.plane(2)?;
    let (u, v) = match picture.layout.is_swapped() {
        true => (third, second),
        false => (second, third),
    };
    planar(&Planar { y, u, v }, picture, job, picture.height, out)
}

/// The crate has functions for pairs too, but they leave out a last row without padding, and don't bear a width of 1.
fn paired(
    picture: &Picture,
    y: Plane,
    pairs: Plane,
    job: Job,
    out: &mut [u8],
) -> Result<(), Error> {
    let (columns, rows) = picture.layout.sampling().of(picture.width, BAND);
    let mut first = vec![0; columns.saturating_mul(rows)];
    let mut second = first.clone();
    let mut pairs = pairs.rows(columns.saturating_mul(2));
    let mut left = picture.height;
    let luma = y.data.chunks(y.stride.saturating_mul(BAND));
    let bands = out.chunks_mut(job.stride.saturating_mul(BAND));
    for (out, data) in bands.zip(luma) {
        let rows = first
            .chunks_exact_mut(columns)
            .zip(second.chunks_exact_mut(columns));
        for ((first, second), pairs) in rows.zip(pairs.by_ref()) {
            for ((first, second), &[a, b]) in first.iter_mut().zip(second).zip(pairs.as_chunks().0)
            {
                (*first, *second) = (a, b);
            }
        }
        let plane = |data| Plane {
            data,
            stride: columns,
        };
        let (u, v) = match picture.layout.is_swapped() {
            true => (plane(&second), plane(&first)),
            false => (plane(&first), plane(&second)),
        };
        let y = Plane { data, ..y };
        planar(&Planar { y, u, v }, picture, job, left.min(BAND), out)?;
        left = left.saturating_sub(BAND);
    }
    Ok(())
}

/// Planes of a picture, or of rows of it.
struct Planar<'a> {
    y: Plane<'a>,
    u: Plane<'a>,
    v: Plane<'a>,
}

fn planar(
    planes: &Planar,
    picture: &Picture,
    job: Job,
    height: usize,
    out: &mut [u8],
) -> Result<(), Error> {
    let sampling = picture.layout.sampling();
    let image = YuvPlanarImage {
        y_plane: planes.y.data,
        y_stride: narrow(planes.y.stride)?,
        u_plane: planes.u.data,
        u_stride: narrow(planes.u.stride)?,
        v_plane: planes.v.data,
        v_stride: narrow(planes.v.stride)?,
        width: narrow(job.width)?,
        height: narrow(height)?,
    };
    let convert: Convert = match (sampling, job.target) {
        (Sampling::S420, Target::Rgb) => yuv420_to_rgb,
        (Sampling::S420, Target::Rgba) => yuv420_to_rgba,
        (Sampling::S422, Target::Rgb) => yuv422_to_rgb,
        (Sampling::S422, Target::Rgba) => yuv422_to_rgba,
        (Sampling::S444, Target::Rgb) => yuv444_to_rgb,
        (Sampling::S444, Target::Rgba) => yuv444_to_rgba,
    };
    convert(&image, out, narrow(job.stride)?, job.range, job.matrix).map_err(refused)?;
    for colour in rare(job) {
        mend(colour, planes, sampling, job, out);
    }
    Ok(())
}

/// Luma of the colours that the crate's vectors round three times to the same side, so that green is off by 2.
const RARE_LUMA: u8 = 238;

/// Such a colour.
struct Rare {
    cb: u8,
    cr: u8,
    /// What green should be.
    green: u8,
}

/// Of all 2^24 colours in each matrix and range these alone.
fn rare(job: Job) -> &'static [Rare] {
    const BT709: &[Rare] = &[Rare {
        cb: 60,
        cr: 219,
        green: 224,
    }];
    const BT2020: &[Rare] = &[
        Rare {
            cb: 136,
            cr: 241,
            green: 183,
        },
        Rare {
            cb: 152,
            cr: 241,
            green: 180,
        },
    ];
    match (job.matrix, job.range) {
        (YuvStandardMatrix::Bt709, YuvRange::Limited) => BT709,
        (YuvStandardMatrix::Bt2020, YuvRange::Limited) => BT2020,
        _ => &[],
    }
}

fn mend(colour: &Rare, planes: &Planar, sampling: Sampling, job: Job, out: &mut [u8]) {
    let (across, down) = sampling.steps();
    let columns = job.width.div_ceil(across);
    let luma = planes.y.data.chunks(planes.y.stride.saturating_mul(down));
    let chroma = planes.u.rows(columns).zip(planes.v.rows(columns));
    let bands = out.chunks_mut(job.stride.saturating_mul(down));
    for ((out, luma), (u, v)) in bands.zip(luma).zip(chroma) {
        let is_here = |(&u, &v): (&u8, &u8)| (u == colour.cb) & (v == colour.cr);
        // Without a way out of the row, so that it is done by vectors.
        if !u
            .iter()
            .zip(v)
            .fold(false, |found, pair| found | is_here(pair))
        {
            continue;
        }
        let rows = out.chunks_mut(job.stride).zip(luma.chunks(planes.y.stride));
        for (out, luma) in rows {
            let luma = luma.get(..job.width).unwrap_or_default();
            let places = out.chunks_mut(across.saturating_mul(job.target.pixel()));
            let places = places.zip(luma.chunks(across));
            for (_, (out, luma)) in u
                .iter()
                .zip(v)
                .zip(places)
                .filter(|(pair, _)| is_here(*pair))
            {
                let pixels = out.chunks_exact_mut(job.target.pixel()).zip(luma);
                for (pixel, _) in pixels.filter(|&(_, &y)| y == RARE_LUMA) {
                    if let Some(green) = pixel.get_mut(1) {
                        *green = colour.green;
                    }
                }
            }
        }
    }
}
