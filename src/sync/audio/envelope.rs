//! When it gets louder, band by band: what a coarse comparison goes by.

use realfft::num_complex::Complex32;

use super::super::{RATE, Window};
use super::mono::clean;
use super::spectrum::Spectra;

/// Bands of an envelope, as wide as each other on a scale of pitch.
pub const BANDS: usize = 12;
/// From one row to the next, in samples: 10 ms.
pub const HOP: usize = (RATE / 100.0) as usize;
/// Rows a second.
pub const ROWS: f64 = RATE / HOP as f64;
/// What the bands span, in Hz.
const LOW: f64 = 150.0;
const HIGH: f64 = 7_000.0;
/// Samples of a row: 32 ms.
const LENGTH: usize = 512;
/// Quieter than this part of a band's mean power is not told from silence.
const FLOOR: f32 = 0.02;
/// How far the local mean reaches to either side, in rows.
const LOCAL: usize = 50;

/// Onsets in [`BANDS`] bands, [`ROWS`] a second.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Envelope {
    /// The time of the first row's middle, in seconds on the own line of what it was made from.
    pub start: f64,
    /// How much louder each band got, in nepers of its power, less the mean of half a second around.
    pub rows: Vec<[f32; BANDS]>,
}

impl Envelope {
    /// The envelope of a window; without rows for one shorter than 32 ms.
    #[must_use]
    pub fn of(window: &Window) -> Self {
        let mut rows = powers(&window.samples);
        louder(&mut rows);
        less_local_mean(&mut rows);
        Self {
            start: window.start + LENGTH as f64 / 2.0 / RATE,
            rows,
        }
    }

    /// The time of a row's middle, in seconds.
    #[must_use]
    pub fn time(&self, row: usize) -> f64 {
        self.start + row as f64 / ROWS
    }
}

/// The power of each band in each row.
fn powers(samples: &[f32]) -> Vec<[f32; BANDS]> {
    let angle = |at: usize| std::f64::consts::TAU * at as f64 / LENGTH as f64;
    let shape: Vec<f32> = (0..LENGTH)
        .map(|at| (0.5 - 0.5 * angle(at).cos()) as f32)
        .collect();
    let bands: Vec<Option<usize>> = (0..=LENGTH / 2).map(band).collect();
    let mut spectra = Spectra::new();
    let mut work = vec![0.0; LENGTH];
    let mut spectrum: Vec<Complex32> = Vec::new();
    let row = |samples: &[f32]| {
        for ((work, sample), shape) in work.iter_mut().zip(samples).zip(&shape) {
            *work = clean(*sample) * shape;
        }
        spectra.forward(&mut work, &mut spectrum);
        let mut row = [0.0; BANDS];
        for (bin, band) in spectrum.iter().zip(&bands) {
            if let Some(power) = band.and_then(|band| row.get_mut(band)) {
                *power += bin.norm_sqr();
            }
        }
        row
    };
    samples.windows(LENGTH).step_by(HOP).map(row).collect()
}

/// The band that a bin belongs to.
fn band(bin: usize) -> Option<usize> {
    let frequency = bin as f64 * RATE / LENGTH as f64;
    let part = (frequency / LOW).ln() / (HIGH / LOW).ln();
    (0.0..1.0)
        .contains(&part)
        .then_some((part * BANDS as f64) as usize)
}

/// Makes of powers how much louder each row is than the one before.
fn louder(rows: &mut [[f32; BANDS]]) {
    let mut floors = [f32::MIN_POSITIVE; BANDS];
    let share = FLOOR / rows.len().max(1) as f32;
    for row in rows.iter() {
        for (floor, power) in floors.iter_mut().zip(row) {
            *floor += power * share;
        }
    }
    let mut last: Option<[f32; BANDS]> = None;
    for row in rows {
        for (power, floor) in row.iter_mut().zip(floors) {
            *power = (*power + floor).ln();
        }
        let now = *row;
        for (value, last) in row.iter_mut().zip(last.unwrap_or(now)) {
            *value = (*value - last).max(0.0);
        }
        last = Some(now);
    }
}

/// Takes the mean of the rows around from each.
fn less_local_mean(rows: &mut [[f32; BANDS]]) {
    let flux = rows.to_vec();
    let mut sums = [0.0_f64; BANDS];
    let mut count = 0.0_f64;
    let mut add = |row: Option<&[f32; BANDS]>, sign: f64| {
        for (sum, value) in sums.iter_mut().zip(row.into_iter().flatten()) {
            *sum += sign * f64::from(*value);
        }
        count += if row.is_some() { sign } else { 0.0 };
        (sums, count)
    };
    for row in flux.iter().take(LOCAL) {
        add(Some(row), 1.0);
    }
    for (at, row) in rows.iter_mut().enumerate() {
        add(flux.get(at + LOCAL), 1.0);
        let gone = at.checked_sub(LOCAL + 1).and_then(|gone| flux.get(gone));
        let (sums, count) = add(gone, -1.0);
        for (value, sum) in row.iter_mut().zip(sums) {
            *value -= (sum / count.max(1.0)) as f32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_onset_stands_in_its_band_and_row() {
        let mut samples = vec![0.0_f32; 32_000];
        for (at, value) in samples.iter_mut().enumerate() {
            let loud = if at < 16_000 { 0.01 } else { 1.0 };
            *value = loud * (std::f64::consts::TAU * 1000.0 * at as f64 / RATE).sin() as f32;
        }
        let envelope = Envelope::of(&Window {
            start: 7.0,
            samples,
        });
        let band = band(32).unwrap();
        let values = envelope.rows.iter().map(|row| row[band]).enumerate();
        let (row, height) = values.max_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
        assert!(
            (envelope.time(row) - 8.0).abs() < 0.02,
            "{}",
            envelope.time(row)
        );
        assert!(height > 1.0, "{height}");
        let sum: f32 = envelope.rows.iter().map(|row| row[band]).sum();
        assert!(sum.abs() / (envelope.rows.len() as f32) < 0.05, "{sum}");
    }

    #[test]
    fn too_little_audio_has_no_rows() {
        for count in [0, 1, LENGTH - 1] {
            let window = Window {
                start: 0.0,
                samples: vec![f32::NAN; count],
            };
            assert!(Envelope::of(&window).rows.is_empty());
        }
        let window = Window {
            start: 0.0,
            samples: vec![f32::NAN; LENGTH],
        };
        assert_eq!(Envelope::of(&window).rows, [[0.0; BANDS]]);
    }
}
