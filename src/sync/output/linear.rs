//! Straight lines between samples, for numeric sensors.

use super::sinc::AHEAD;

/// Interleaved values at `count` positions, the first `begin` samples behind sample `AHEAD - 1` of each plane, each `step`
/// samples further.
pub fn fill(planes: &[&[f32]], begin: f64, step: f64, count: usize, out: &mut Vec<f32>) {
    for frame in 0..count {
        let at = begin + frame as f64 * step;
        let (sample, fraction) = (at as usize + AHEAD - 1, at.fract() as f32);
        for plane in planes {
            let here = plane.get(sample).copied().unwrap_or(0.0);
            let next = plane.get(sample + 1).copied().unwrap_or(here);
            out.push(here + (next - here) * fraction);
        }
    }
}
