//! Sounds for tests, the same ones for the same seed.

use std::f64::consts::{PI, TAU};
use std::sync::OnceLock;

use realfft::RealFftPlanner;

use super::super::{RATE, Window};
use super::kernel::{kaiser, sinc};

/// A generator of numbers (SplitMix64).
pub(crate) struct Rng(pub(crate) u64);

impl Rng {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// 0..1.
    pub(crate) fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform()
    }

    /// Mean 0, deviation 1.
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (TAU * self.uniform()).cos()
    }
}

pub(crate) fn samples(seconds: f64) -> usize {
    (seconds * RATE).round() as usize
}

/// Gains in the frequency domain: no delay.
pub(crate) fn filter(sound: &[f32], gain: impl Fn(f64) -> f64) -> Vec<f32> {
    let length = (sound.len() + 4096).next_power_of_two();
    let mut planner = RealFftPlanner::<f32>::new();
    let (forward, inverse) = (
        planner.plan_fft_forward(length),
        planner.plan_fft_inverse(length),
    );
    let mut work = sound.to_vec();
    work.resize(length, 0.0);
    let mut spectrum = forward.make_output_vec();
    forward.process(&mut work, &mut spectrum).unwrap();
    for (bin, value) in spectrum.iter_mut().enumerate() {
        *value *= (gain(bin as f64 * RATE / length as f64) / length as f64) as f32;
    }
    inverse.process(&mut spectrum, &mut work).unwrap();
    work.truncate(sound.len());
    work
}

/// `sound` through a room: the direct sound, then an exponentially decaying tail of noise.
pub(crate) fn reverb(sound: &[f32], seed: u64, decay: f64, wet: f64) -> Vec<f32> {
    let mut rng = Rng(seed);
    let mut response: Vec<f32> = (0..samples(decay))
        .map(|at| {
            let time = at as f64 / RATE;
            let tail = rng.normal() * (-6.9 * time / decay).exp();
            if time < 0.003 { 0.0 } else { tail as f32 }
        })
        .collect();
    let energy: f32 = response.iter().map(|value| value * value).sum();
    response
        .iter_mut()
        .for_each(|value| *value *= wet as f32 / energy.sqrt());
    response[0] = 1.0;
    let length = (sound.len() + response.len()).next_power_of_two();
    let mut planner = RealFftPlanner::<f32>::new();
    let (forward, inverse) = (
        planner.plan_fft_forward(length),
        planner.plan_fft_inverse(length),
    );
    let mut left = sound.to_vec();
    left.resize(length, 0.0);
    response.resize(length, 0.0);
    let (mut first, mut second) = (forward.make_output_vec(), forward.make_output_vec());
    forward.process(&mut left, &mut first).unwrap();
    forward.process(&mut response, &mut second).unwrap();
    for (value, other) in first.iter_mut().zip(&second) {
        *value = *value * other / length as f32;
    }
    inverse.process(&mut first, &mut left).unwrap();
    left.truncate(sound.len());
    left
}

/// White noise.
pub(crate) fn noise(seed: u64, seconds: f64) -> Vec<f32> {
    let mut rng = Rng(seed);
    (0..samples(seconds))
        .map(|_| 0.1 * rng.normal() as f32)
        .collect()
}

/// Noise of which each octave is as loud.
pub(crate) fn pink(seed: u64, seconds: f64) -> Vec<f32> {
    filter(&noise(seed, seconds), |frequency| {
        (100.0 / frequency.max(20.0)).sqrt()
    })
}

/// `sound` with `other` that many decibels below it.
pub(crate) fn mix(sound: &[f32], other: &[f32], decibels: f64) -> Vec<f32> {
    let power =
        |sound: &[f32]| sound.iter().map(|v| f64::from(v * v)).sum::<f64>() / sound.len() as f64;
    let gain = (power(sound) / power(other)).sqrt() * 10_f64.powf(-decibels / 20.0);
    sound
        .iter()
        .zip(other)
        .map(|(left, right)| left + right * gain as f32)
        .collect()
}

/// Something like speech: voiced syllables of gliding pitch through formants, hisses, and pauses.
pub(crate) fn speech(seed: u64, seconds: f64) -> Vec<f32> {
    let mut rng = Rng(seed);
    let mut sound = vec![0.0_f32; samples(seconds)];
    let mut from = 0;
    while from < sound.len() {
        let length = samples(rng.between(0.08, 0.3));
        let to = (from + length).min(sound.len());
        match rng.uniform() {
            part if part < 0.2 => {}
            part if part < 0.4 => hiss(&mut rng, &mut sound[from..to]),
            _ => voice(&mut rng, &mut sound[from..to]),
        }
        from = to;
    }
    sound
}

fn hiss(rng: &mut Rng, sound: &mut [f32]) {
    let (mut last, length) = (0.0, sound.len());
    for (at, value) in sound.iter_mut().enumerate() {
        let noise = rng.normal();
        let shape = (PI * at as f64 / length as f64).sin();
        *value = (0.05 * shape * (noise - last)) as f32;
        last = noise;
    }
}

fn voice(rng: &mut Rng, sound: &mut [f32]) {
    let (mut pitch, glide) = (rng.between(90.0, 220.0), rng.between(-0.3, 0.3));
    let formants = [
        rng.between(300.0, 800.0),
        rng.between(900.0, 2200.0),
        rng.between(2300.0, 3500.0),
    ];
    let mut states = [[0.0_f64; 2]; 3];
    let (mut phase, length) = (0.0, sound.len());
    for (at, value) in sound.iter_mut().enumerate() {
        pitch *= 1.0 + glide / RATE;
        phase += pitch / RATE;
        let mut input = 0.003 * rng.normal();
        if phase >= 1.0 {
            phase -= 1.0;
            input += 1.0;
        }
        let shape = (PI * at as f64 / length as f64).sin();
        let mut sum = 0.0;
        for (state, formant) in states.iter_mut().zip(formants) {
            let radius = (-PI * 90.0 / RATE).exp();
            let next = input + 2.0 * radius * (TAU * formant / RATE).cos() * state[0]
                - radius * radius * state[1];
            state[1] = state[0];
            state[0] = next;
            sum += next;
        }
        *value = (0.05 * shape * sum) as f32;
    }
}

/// Something like music: decaying chords and beats of one tempo.
pub(crate) fn music(seed: u64, seconds: f64) -> Vec<f32> {
    let mut rng = Rng(seed);
    let mut sound = vec![0.0_f32; samples(seconds)];
    let beat = rng.between(0.35, 0.6);
    let scale = [0, 2, 4, 5, 7, 9, 11];
    let mut time = 0.0;
    while time < seconds {
        for _ in 0..3 {
            let note = scale[(rng.next() % 7) as usize] + 12 * (rng.next() % 3) as i32;
            let frequency =
                130.8 * 2_f64.powf(f64::from(note) / 12.0) * (1.0 + rng.between(-1e-3, 1e-3));
            let from = samples(time + rng.between(0.0, 0.01));
            for (at, value) in sound.iter_mut().skip(from).take(samples(1.5)).enumerate() {
                let time = at as f64 / RATE;
                let tone: f64 = (1..8)
                    .map(|harmonic| {
                        let harmonic = f64::from(harmonic);
                        (TAU * frequency * harmonic * time).sin() * (-2.0 * harmonic * time).exp()
                            / harmonic
                    })
                    .sum();
                *value += (0.05 * tone) as f32;
            }
        }
        let from = samples(time);
        for (at, value) in sound.iter_mut().skip(from).take(samples(0.1)).enumerate() {
            *value += (0.1 * rng.normal() * (-(at as f64) / 400.0).exp()) as f32;
        }
        time += beat;
    }
    sound
}

/// Taps of the interpolation, and how many fractions of a sample are in its table.
const TAPS: usize = 48;
const PHASES: usize = 1024;

/// The coefficients for each fraction of a sample.
fn table() -> &'static [[f32; TAPS]] {
    static TABLE: OnceLock<Vec<[f32; TAPS]>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let row = |phase: usize| {
            let half = TAPS as f64 / 2.0;
            let distance = |tap: usize| tap as f64 - (half - 1.0) - phase as f64 / PHASES as f64;
            std::array::from_fn(|tap| {
                (sinc(distance(tap)) * kaiser(distance(tap) / half, 8.0)) as f32
            })
        };
        (0..=PHASES).map(row).collect()
    })
}

/// What a stream hears of `sound` whose own time *t* is the sound's time `offset + t * (1 + drift)`: `seconds` of it.
pub(crate) fn heard(sound: &[f32], offset: f64, drift: f64, seconds: f64) -> Vec<f32> {
    let table = table();
    let value = |at: usize| {
        let position = (offset + at as f64 / RATE * (1.0 + drift)) * RATE;
        let whole = position.floor();
        let phase = (position - whole) * PHASES as f64;
        let (row, share) = (phase as usize, phase.fract() as f32);
        let first = whole as i64 - (TAPS as i64 / 2 - 1);
        let mut sum = 0.0;
        for (tap, (low, high)) in table[row].iter().zip(&table[row + 1]).enumerate() {
            let index = usize::try_from(first + tap as i64).ok();
            let value = index.and_then(|index| sound.get(index)).unwrap_or(&0.0);
            sum += value * (low + (high - low) * share);
        }
        sum
    };
    (0..samples(seconds)).map(value).collect()
}

pub(crate) fn window(start: f64, samples: Vec<f32>) -> Window {
    Window { start, samples }
}

/// `seconds` of `sound` from `from` on, as a window on its own line.
pub(crate) fn cut(sound: &[f32], from: f64, seconds: f64) -> Window {
    let first = samples(from);
    window(
        first as f64 / RATE,
        sound[first..first + samples(seconds)].to_vec(),
    )
}
