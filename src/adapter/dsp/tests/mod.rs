mod blocks;
mod random;
mod stream;
mod synthesis;

use std::f64::consts::{PI, TAU};
use std::sync::Arc;

use super::*;
use crate::adapter::{Bytes, Kind};

/// Bin, magnitude and phase.
type Raw = (u16, u16, u16);

/// Steps of phase for a part of a turn, which 65535 is divisible by.
const FIFTH: u16 = TURN / 5;
const LOUD: u16 = TURN;

fn bytes(entries: &[Raw]) -> Vec<u8> {
    let mut bytes = b"DSP0".to_vec();
    let fields = [entries.len() as u16, 0].into_iter();
    let fields = fields.chain(entries.iter().flat_map(|&(b, m, p)| [b, m, p]));
    bytes.extend(fields.flat_map(u16::to_le_bytes));
    bytes
}

fn block(index: u64, kind: Kind, bytes: Vec<u8>) -> Block {
    Block {
        kind,
        pts: None,
        dts: None,
        duration: None,
        number: None,
        index,
        droppable: false,
        payload: Arc::new(Bytes(bytes)),
    }
}

fn adapter(fft_size: usize, phase_mode: PhaseMode, synthesis_window: SynthesisWindow) -> Dsp {
    Dsp::new(Options {
        fft_size,
        phase_mode,
        synthesis_window,
        sample_rate: 0,
    })
    .unwrap()
}

fn samples(output: &Output) -> Vec<f32> {
    let (samples, rest) = output.bytes().unwrap().as_chunks::<4>();
    assert!(rest.is_empty());
    samples.iter().map(|&s| f32::from_le_bytes(s)).collect()
}

/// All samples of groups of blocks, each group an I and its Ps, when a result is taken wherever `cut` says so and before each I.
fn play(dsp: &mut Dsp, groups: &[Vec<Vec<Raw>>], mut cut: impl FnMut() -> bool) -> Vec<f32> {
    let (mut all, mut index) = (Vec::new(), 0);
    for group in groups {
        let mut state = None;
        for entries in group {
            match state.as_mut() {
                None => {
                    state = Some(
                        dsp.decode_i(&block(index, Kind::I, bytes(entries)))
                            .unwrap(),
                    )
                }
                Some(state) => dsp
                    .apply_p(state, &block(index, Kind::P, bytes(entries)))
                    .unwrap(),
            }
            index += 1;
            if cut() {
                all.extend(samples(&dsp.finalize(state.as_mut().unwrap()).unwrap()));
            }
        }
        if let Some(mut state) = state {
            all.extend(samples(&dsp.finalize(&mut state).unwrap()));
        }
    }
    if let Some(tail) = dsp.drain().unwrap() {
        all.extend(samples(&tail));
    }
    all
}

fn steady(entries: &[Raw], blocks: usize) -> Vec<Vec<Vec<Raw>>> {
    vec![vec![entries.to_vec()]; blocks]
}

/// Compares from the second half frame to the one before the last: where two frames overlap.
fn assert_middle(samples: &[f32], fft_size: usize, expected: impl Fn(usize) -> f64) {
    let half = fft_size / 2;
    assert!(samples.len() > 2 * half);
    for (n, &sample) in samples
        .iter()
        .enumerate()
        .take(samples.len() - half)
        .skip(half)
    {
        let expected = expected(n);
        assert!(
            (f64::from(sample) - expected).abs() < 1e-6,
            "sample {n}: {sample}, expected {expected}"
        );
    }
}

fn bin(number: usize, magnitude: u16, phase: u16) -> (usize, Bin) {
    (number, Bin { magnitude, phase })
}
