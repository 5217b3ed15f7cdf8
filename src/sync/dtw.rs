//! Dynamic time warping of two envelopes: a diagnostic that shows cuts and repeats.
//!
//! It is no measure of drift: its steps are 10 ms long, and its path wanders where nothing happens.

use super::Window;
use super::audio::envelope::{BANDS, Envelope, ROWS};
use super::offline::coarse::Coarse;

/// Most pairs of rows that are compared, one byte each.
const MOST_CELLS: usize = 32 << 20;
/// How much a step that is not diagonal costs beyond its distance.
const SIDEWAYS: f32 = 0.1;

/// How a path came to a pair of rows.
const DIAGONAL: u8 = 0;
const STREAM: u8 = 1;
const REFERENCE: u8 = 2;

/// The path along which `stream` fits `reference` best: pairs of a time of the stream's and of the reference's, in seconds, 10 ms
/// apart. Nothing where no offset of up to `max_offset` makes them overlap.
///
/// It is looked for in a band (Sakoe and Chiba) about the best single offset: as wide as 32 Mi pairs of rows allow, which is
/// all of `max_offset` for a minute and ±2.8 s for ten.
#[must_use]
pub fn path(reference: &Window, stream: &Window, max_offset: f64) -> Vec<(f64, f64)> {
    let (left, right) = (Envelope::of(reference), Envelope::of(stream));
    let Some(offset) = Coarse::new(&left).best(&right, max_offset) else {
        return Vec::new();
    };
    let band = Band::new(&left, &right, offset, max_offset);
    let steps = band.warp(&left, &right);
    let times = steps
        .into_iter()
        .map(|(row, column)| (right.time(row), left.time(column)));
    times.collect()
}

/// The rows of the stream that are compared, and with which of the reference.
struct Band {
    rows: std::ops::Range<usize>,
    /// The reference's row that belongs to the stream's row 0.
    zero: i64,
    /// How far beside that is looked.
    side: i64,
    columns: usize,
}

impl Band {
    fn new(reference: &Envelope, stream: &Envelope, offset: f64, max_offset: f64) -> Self {
        let zero = ((stream.start + offset - reference.start) * ROWS).round() as i64;
        let count = stream.rows.len() as i64;
        let columns = reference.rows.len() as i64;
        let first = (-zero).clamp(0, count);
        let behind = (columns - zero).clamp(first, count);
        let most = MOST_CELLS as i64 / (behind - first).max(1) / 2;
        Self {
            rows: first as usize..behind as usize,
            zero,
            side: ((max_offset * ROWS).clamp(1.0, 1e9) as i64)
                .min(most)
                .min(columns),
            columns: columns as usize,
        }
    }

    fn width(&self) -> usize {
        2 * self.side as usize + 1
    }

    /// The reference's row at `cell` of a row of the stream.
    fn column(&self, row: usize, cell: usize) -> Option<usize> {
        let column = usize::try_from(row as i64 + self.zero - self.side + cell as i64).ok()?;
        (column < self.columns).then_some(column)
    }

    fn warp(&self, reference: &Envelope, stream: &Envelope) -> Vec<(usize, usize)> {
        let reference: Vec<_> = reference.rows.iter().map(unit).collect();
        let width = self.width();
        let mut came = vec![DIAGONAL; width * self.rows.len()];
        // The path may begin anywhere in the first row.
        let mut costs = vec![0.0_f32; width];
        for ((row, values), came) in self
            .rows
            .clone()
            .zip(stream.rows.get(self.rows.clone()).unwrap_or_default())
            .zip(came.chunks_mut(width))
        {
            let values = unit(values);
            let mut next = Vec::with_capacity(width);
            let mut left = f32::INFINITY;
            for (cell, came) in came.iter_mut().enumerate() {
                let other = self
                    .column(row, cell)
                    .and_then(|column| reference.get(column));
                let distance = other.map_or(f32::INFINITY, |other| distance(&values, other));
                // A row on, the same cell is one column on: the diagonal.
                let diagonal = costs.get(cell).copied().unwrap_or(f32::INFINITY);
                let above = costs.get(cell + 1).copied().unwrap_or(f32::INFINITY) + SIDEWAYS;
                let before = left + SIDEWAYS;
                let (cost, step) = if diagonal <= above && diagonal <= before {
                    (diagonal, DIAGONAL)
                } else if above <= before {
                    (above, STREAM)
                } else {
                    (before, REFERENCE)
                };
                *came = step;
                left = cost + distance;
                next.push(left);
            }
            costs = next;
        }
        self.back(&costs, &came)
    }

    /// The path, from its end.
    fn back(&self, costs: &[f32], came: &[u8]) -> Vec<(usize, usize)> {
        let ends = costs
            .iter()
            .enumerate()
            .filter(|(_, cost)| cost.is_finite());
        let Some((mut cell, _)) = ends.min_by(|left, right| left.1.total_cmp(right.1)) else {
            return Vec::new();
        };
        let mut path = Vec::new();
        let mut rows = self.rows.clone().zip(came.chunks(self.width())).rev();
        let mut row = rows.next();
        while let Some((at, steps)) = row {
            if let Some(column) = self.column(at, cell) {
                path.push((at, column));
            }
            match steps.get(cell) {
                Some(&REFERENCE) if cell > 0 => cell -= 1,
                Some(&STREAM) => {
                    cell += 1;
                    row = rows.next();
                }
                _ => row = rows.next(),
            }
        }
        path.reverse();
        path
    }
}

/// A row as a direction; nothing is one that lies at right angles to all.
fn unit(row: &[f32; BANDS]) -> [f32; BANDS] {
    let length = row.iter().map(|value| value * value).sum::<f32>().sqrt();
    row.map(|value| value / (length + 0.5))
}

/// From 0 for the same to 2 for the opposite.
fn distance(left: &[f32; BANDS], right: &[f32; BANDS]) -> f32 {
    1.0 - left
        .iter()
        .zip(right)
        .map(|(left, right)| left * right)
        .sum::<f32>()
}
