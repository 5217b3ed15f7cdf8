//! A frame as a grid of mean luma: a row of blocks for every eighth row of pixels.

/// Every so many rows of pixels are looked at.
const EVERY: usize = 8;
/// Blocks of a row, at most.
const BLOCKS: usize = 16;
/// Pixels of a block that are looked at, at most.
const PIXELS: usize = 8;
/// Rows of blocks of a cell.
const TALL: usize = 4;

/// How luma is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// A byte.
    Eight,
    /// Two bytes, the lower one first; so many bits are shifted out to get a byte: 2 for 10 bits in the lower part, 8 for
    /// 16 bits or for fewer in the upper part.
    Sixteen(u32),
}

/// The luma of a frame, or whatever stands for it: a byte of green does.
#[derive(Clone, Copy, Debug)]
pub struct Luma<'a> {
    /// The bytes, from the first pixel's luma on.
    pub data: &'a [u8],
    /// Bytes from a row to the next.
    pub stride: usize,
    /// Bytes from a pixel to the next.
    pub step: usize,
    /// How it is stored.
    pub depth: Depth,
}

/// A frame in blocks.
#[derive(Clone, Debug)]
pub struct Frame {
    pub pts: f64,
    duration: f64,
    /// The mean and the highest luma of each block, row by row, from 0 to 255.
    pub blocks: Vec<(f32, f32)>,
}

impl Frame {
    /// How long it lasts; as long as `before` did, if that is not known.
    pub fn lasts(&self, before: &Self) -> f64 {
        if self.duration.is_finite() && self.duration > 0.0 {
            self.duration
        } else {
            self.pts - before.pts
        }
    }
}

/// How frames of one size are looked at.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    pub height: usize,
    rows: usize,
    columns: usize,
    /// Pixels of a block, how many are looked at, and pixels from one of those to the next.
    wide: usize,
    pixels: usize,
    apart: usize,
}

impl Layout {
    pub fn new(width: usize, height: usize) -> Self {
        let columns = width.min(BLOCKS);
        let wide = width.checked_div(columns).unwrap_or(0);
        let pixels = wide.min(PIXELS);
        Self {
            height,
            rows: height.div_ceil(EVERY),
            columns,
            wide,
            pixels,
            apart: wide.checked_div(pixels).unwrap_or(0),
        }
    }

    /// The number of cells: some rows of blocks each, one block wide.
    pub fn cells(&self) -> usize {
        self.rows.div_ceil(TALL) * self.columns
    }

    /// A cell's row and column.
    pub fn cell(&self, index: usize) -> (usize, usize) {
        (index / self.columns.max(1), index % self.columns.max(1))
    }

    /// None if the luma ends before its last row does, or there is none.
    pub fn sample(
        &self,
        pts: f64,
        duration: f64,
        luma: &Luma<'_>,
        spare: Option<Frame>,
    ) -> Option<Frame> {
        let mut blocks = spare.map(|frame| frame.blocks).unwrap_or_default();
        blocks.clear();
        for row in 0..self.rows {
            let start = row.checked_mul(EVERY)?.checked_mul(luma.stride)?;
            let data = luma.data.get(start..)?;
            for column in 0..self.columns {
                blocks.push(self.block(column, data, luma)?);
            }
        }
        (!blocks.is_empty()).then_some(Frame {
            pts,
            duration,
            blocks,
        })
    }

    fn block(&self, column: usize, row: &[u8], luma: &Luma<'_>) -> Option<(f32, f32)> {
        let apart = self.apart.checked_mul(luma.step).filter(|a| *a > 0)?;
        let start = self.wide.checked_mul(luma.step)?.checked_mul(column)?;
        let (bytes, scale) = match luma.depth {
            Depth::Eight => (1, 1.0),
            Depth::Sixteen(shift) => (2, 1.0 / f64::from(shift.min(15)).exp2() as f32),
        };
        let last = (self.pixels - 1).checked_mul(apart)?;
        let end = start.checked_add(last)?.checked_add(bytes)?;
        let block = row.get(start..end)?;
        let (sum, most) = match luma.depth {
            Depth::Eight => total(block.iter().step_by(apart).map(|luma| u32::from(*luma))),
            Depth::Sixteen(_) => total(block.chunks(apart).map(|pixel| match pixel {
                [low, high, ..] => u32::from(u16::from_le_bytes([*low, *high])),
                _ => 0,
            })),
        };
        let mean = sum as f32 / self.pixels as f32;
        Some(((mean * scale).min(255.0), (most as f32 * scale).min(255.0)))
    }

    /// By how much each cell rose on average.
    pub fn rises(&self, before: &Frame, after: &Frame) -> Vec<f32> {
        let columns = self.columns.max(1);
        let tall = TALL * columns;
        let mut all = Vec::with_capacity(self.cells());
        for (before, after) in before.blocks.chunks(tall).zip(after.blocks.chunks(tall)) {
            let rows = before.len() / columns;
            for column in 0..columns {
                let old = before.iter().skip(column).step_by(columns);
                let new = after.iter().skip(column).step_by(columns);
                let sum: f32 = new.zip(old).map(|(new, old)| new.0 - old.0).sum();
                all.push(sum / rows.max(1) as f32);
            }
        }
        all
    }

    /// How much the cells around one fall, as a share of how much they rise, both against `normal`.
    pub fn moves(&self, rises: &[f32], (row, column): (usize, usize), normal: f32) -> f32 {
        let (mut up, mut down) = (0.0, 0.0);
        for row in row.saturating_sub(2)..=row + 2 {
            let first = column.saturating_sub(2);
            let last = (column + 3).min(self.columns);
            let start = row * self.columns;
            for rise in rises.get(start + first..start + last).unwrap_or_default() {
                let rise = rise - normal;
                up += rise.max(0.0);
                down -= rise.min(0.0);
            }
        }
        if up > 0.0 { down / up } else { f32::INFINITY }
    }

    /// The blocks about a cell, or all of them.
    pub fn rows_of(&self, cell: Option<(usize, usize)>) -> Area {
        match cell {
            None => Area {
                rows: (0, self.rows),
                columns: (0, self.columns),
            },
            Some((row, column)) => Area {
                rows: (
                    (row * TALL).saturating_sub(TALL),
                    (row * TALL + 2 * TALL).min(self.rows),
                ),
                columns: (column.saturating_sub(1), (column + 2).min(self.columns)),
            },
        }
    }

    /// The indices of an area's blocks in row `row`.
    pub fn row(&self, area: Area, row: usize) -> std::ops::Range<usize> {
        let start = row * self.columns;
        start + area.columns.0..start + area.columns.1
    }

    /// Where a row of blocks lies in the picture, from 0 to 1.
    pub fn depth(&self, row: usize) -> f64 {
        (row * EVERY) as f64 / self.height.max(1) as f64
    }
}

/// Some rows and columns of blocks, each from the first to before the last.
#[derive(Clone, Copy, Debug)]
pub struct Area {
    pub rows: (usize, usize),
    pub columns: (usize, usize),
}

fn total(pixels: impl Iterator<Item = u32>) -> (u32, u32) {
    pixels.fold((0, 0), |(sum, most), pixel| (sum + pixel, most.max(pixel)))
}
