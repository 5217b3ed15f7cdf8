//! The peaks of a correlation.

use super::super::RATE;
use super::kernel::{Kernel, dot};

/// What belongs to a peak itself, in samples to either side: 1 ms.
const OWN: usize = (RATE / 1000.0) as usize;
/// Places a sample at which a peak is looked for before a parabola is laid through the best three.
const FINER: i32 = 8;

/// A peak of either sign; a microphone may be wired either way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Peak {
    /// Where it stands, in values of the curve.
    pub(super) position: f64,
    /// How high it is, without its sign.
    pub(super) height: f64,
}

/// What a curve says of its highest peak.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Peaks {
    pub(super) first: Peak,
    /// Its height over the root mean square of what is not within 1 ms of it.
    pub(super) ratio: f64,
    /// The height of the highest peak further away, as a part of the first's.
    pub(super) second: f64,
}

/// Finds the highest peak of `values` within `inside`, and its rival anywhere. A curve without a peak has none.
pub(super) fn peaks(
    kernel: &Kernel,
    values: &[f32],
    inside: std::ops::Range<usize>,
) -> Option<Peaks> {
    let start = inside.start;
    let (at, _) = largest(values.get(inside)?)?;
    let first = refine(kernel, values, start + at);
    let before = values
        .get(..(start + at).saturating_sub(OWN))
        .unwrap_or_default();
    let behind_from = start + at + OWN + 1;
    let behind = values.get(behind_from..).unwrap_or_default();
    let count = before.len() + behind.len();
    if count == 0 || first.height <= 0.0 {
        return None;
    }
    let rms = ((energy(before) + energy(behind)) / count as f64).sqrt();
    let rival = [(0, before), (behind_from, behind)]
        .into_iter()
        .filter_map(|(start, values)| {
            let (at, height) = largest(values)?;
            Some((start + at, height))
        });
    let rival = rival.max_by(|left, right| left.1.total_cmp(&right.1));
    let second = rival.map_or(0.0, |(at, _)| refine(kernel, values, at).height);
    Some(Peaks {
        first,
        ratio: if rms > 0.0 {
            first.height / rms
        } else {
            f64::MAX
        },
        second: second / first.height,
    })
}

/// The peak near value `at`, between samples: the best of eight places a sample, and a parabola through its neighbours. The
/// curve holds nothing above 7 kHz, so it is known between its values.
pub(super) fn refine(kernel: &Kernel, values: &[f32], at: usize) -> Peak {
    let fine =
        |step: i32| f64::from(kernel.at(values, at as f64 + f64::from(step) / f64::from(FINER)));
    let best =
        (-FINER..=FINER).max_by(|left, right| fine(*left).abs().total_cmp(&fine(*right).abs()));
    let best = best.unwrap_or(0);
    let (left, middle, right) = (fine(best - 1), fine(best), fine(best + 1));
    let bend = left - 2.0 * middle + right;
    let offset = if bend == 0.0 {
        0.0
    } else {
        (0.5 * (left - right) / bend).clamp(-0.5, 0.5)
    };
    Peak {
        position: at as f64 + (f64::from(best) + offset) / f64::from(FINER),
        height: (middle - 0.25 * (left - right) * offset).abs(),
    }
}

/// The largest of the values without their signs, and where it is.
pub(crate) fn largest(values: &[f32]) -> Option<(usize, f32)> {
    /// The largest of each piece is found by vector code, and then its place in one of them.
    const PIECE: usize = 256;
    let of_piece = |piece: &[f32]| {
        let (eights, rest) = piece.as_chunks::<8>();
        let mut most = [0.0_f32; 8];
        for eight in eights {
            for (most, value) in most.iter_mut().zip(eight) {
                let height = value.abs();
                *most = if height > *most { height } else { *most };
            }
        }
        let rest = rest.iter().map(|value| value.abs());
        most.into_iter().chain(rest).fold(0.0, f32::max)
    };
    let pieces = values.chunks(PIECE).map(of_piece).enumerate();
    let (number, height) = pieces.max_by(|left, right| left.1.total_cmp(&right.1))?;
    let start = number * PIECE;
    let piece = values.get(start..)?;
    let at = piece.iter().position(|value| value.abs() >= height)?;
    Some((start + at, height))
}

/// The sum of the squares.
pub(crate) fn energy(values: &[f32]) -> f64 {
    // In pieces, so that the sum is exact enough and still fast.
    let pieces = values.chunks(1024);
    pieces.map(|piece| f64::from(dot(piece, piece))).sum()
}
