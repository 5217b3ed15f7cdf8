//! When the light of a flash came on, from how much of it each row has seen.

use super::grid::{Area, Frame, Layout};

/// How far a row's share of light may be off: cameras bend it, encoders smear it.
const OFF: f64 = 0.12;
/// Of the strongest rise, blocks that rise by this share count.
const STRONG: f32 = 0.5;
/// A flash that has this share of its light still is on.
const STILL: f32 = 0.5;
/// What is added to either side of an interval, as a share of the exposure.
const SLACK: f64 = 0.04;
/// The exponent from luma to light.
const GAMMA: f64 = 2.2;

/// How a camera's rows are exposed, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct Shutter {
    pub exposure: f64,
    pub readout: f64,
}

impl Shutter {
    /// The earliest and the latest time. `base` is a frame without light, `here` the first with much of it, `before` the
    /// one before it, which may have a little; the light of `after`, if there is any, is all of it.
    pub fn interval(
        &self,
        layout: &Layout,
        area: Area,
        base: &Frame,
        before: &Frame,
        here: &Frame,
        after: Option<&Frame>,
    ) -> Option<(f64, f64)> {
        let most = |frame: &Frame| {
            (area.rows.0..area.rows.1)
                .flat_map(|row| layout.row(area, row))
                .filter_map(|at| Some(frame.blocks.get(at)?.0 - base.blocks.get(at)?.0))
                .fold(0.0, f32::max)
        };
        let bright = STRONG * most(here);
        let sum = |frame: &Frame| {
            (area.rows.0..area.rows.1)
                .flat_map(|row| layout.row(area, row))
                .filter_map(|at| {
                    let base = base.blocks.get(at)?.0;
                    let counts = here.blocks.get(at)?.0 - base >= bright;
                    counts.then_some(frame.blocks.get(at)?.0 - base)
                })
                .sum::<f32>()
        };
        let lit = after.filter(|after| sum(after) > STILL * sum(here));
        let full = lit.unwrap_or(here);
        let strong = STRONG * most(full);
        let mut bounds = Vec::new();
        for row in area.rows.0..area.rows.1 {
            let blocks: Vec<_> = layout
                .row(area, row)
                .filter_map(|at| Some((at, base.blocks.get(at)?.0, *full.blocks.get(at)?)))
                .filter(|(_, base, full)| full.0 - base >= strong && full.0 > *base)
                .collect();
            if blocks.is_empty() {
                continue;
            }
            let start = layout.depth(row) * self.readout;
            let share = |frame: &Frame| share(&blocks, frame);
            bounds.push(self.bounds(before.pts + start, share(before)));
            if lit.is_some() {
                bounds.push(self.bounds(here.pts + start, share(here)));
            } else {
                // How much light there is in all is not known: some came before this row's exposure ended.
                bounds.push((f64::NEG_INFINITY, here.pts + start + self.exposure));
            }
        }
        let (earliest, latest) = common(&bounds)?;
        let slack = SLACK * self.exposure;
        let (earliest, latest) = (earliest - slack, latest + slack);
        (earliest.is_finite() && latest.is_finite()).then_some((earliest, latest))
    }

    /// Between when the light came on for a row to have this share of it, exposed from `start` on.
    fn bounds(&self, start: f64, share: f64) -> (f64, f64) {
        let at = |share: f64| start + self.exposure * (1.0 - share);
        let earliest = if share + OFF < 1.0 {
            at((share + OFF).max(0.0))
        } else {
            f64::NEG_INFINITY
        };
        let latest = if share - OFF > 0.0 {
            at((share - OFF).min(1.0))
        } else {
            f64::INFINITY
        };
        (earliest, latest)
    }
}

/// The share of the full light that these blocks have in a frame.
fn share(blocks: &[(usize, f32, (f32, f32))], frame: &Frame) -> f64 {
    let (mut sum, mut weights) = (0.0, 0.0);
    for (at, base, (full, peak)) in blocks {
        let Some((here, _)) = frame.blocks.get(*at) else {
            continue;
        };
        let weight = f64::from(full - base);
        // Light that fills but a part of the block is as bright as the block's brightest pixel.
        let (dark, bright) = (f64::from(*base), f64::from(peak.max(*full)));
        let grown = f64::from(here - base) / weight;
        let light = |luma: f64| ((luma - 16.0) / 219.0).clamp(0.0, 1.2).powf(GAMMA);
        let all = light(bright) - light(dark);
        if all > 0.0 {
            let seen = light(dark + grown * (bright - dark)) - light(dark);
            sum += weight * seen / all;
            weights += weight;
        }
    }
    if weights > 0.0 { sum / weights } else { 0.0 }
}

/// Where most of the intervals overlap: the hull of all places where equally many do.
fn common(bounds: &[(f64, f64)]) -> Option<(f64, f64)> {
    let mut ends: Vec<(f64, bool)> = bounds
        .iter()
        .flat_map(|&(earliest, latest)| [(earliest, true), (latest, false)])
        .collect();
    // At one time begins come before ends.
    ends.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
    let (mut open, mut most) = (0_usize, 0);
    let mut hull: Option<(f64, f64)> = None;
    let mut at_most = false;
    for (time, begins) in ends {
        if begins {
            open += 1;
            if open > most {
                most = open;
                hull = Some((time, time));
            }
            at_most = open == most;
        } else {
            if at_most && open == most {
                hull = hull.map(|(from, _)| (from, time));
            }
            at_most = false;
            open = open.saturating_sub(1);
        }
    }
    hull
}
