use std::f64::consts::FRAC_PI_2;

use super::*;

const BOTH: [PhaseMode; 2] = [PhaseMode::Absolute, PhaseMode::Advance];

#[test]
fn one_frame_of_four_samples_is_as_reckoned_by_hand() {
    // cos(pi n / 2) = 1 0 -1 0 under Hann's 0 1/2 1 1/2.
    let mut dsp = adapter(4, PhaseMode::Absolute, SynthesisWindow::Hann);
    let hann = play(&mut dsp, &steady(&[(1, LOUD, 0)], 1), || false);
    let mut dsp = adapter(4, PhaseMode::Absolute, SynthesisWindow::None);
    let bare = play(&mut dsp, &steady(&[(1, LOUD, 0)], 1), || false);
    for (found, expected) in [(hann, [0.0, 0.0, -1.0, 0.0]), (bare, [1.0, 0.0, -1.0, 0.0])] {
        assert_eq!(found.len(), 4);
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-7, "{found} {expected}");
        }
    }
}

#[test]
fn an_even_bin_that_goes_on_is_one_cosine_in_either_mode() {
    for mode in BOTH {
        let mut dsp = adapter(64, mode, SynthesisWindow::Hann);
        let found = play(&mut dsp, &steady(&[(6, LOUD, FIFTH)], 9), || false);
        assert_eq!(found.len(), 10 * 32);
        assert_middle(&found, 64, |n| {
            (TAU * 6.0 * n as f64 / 64.0 + TAU / 5.0).cos()
        });
    }
}

#[test]
fn an_odd_bin_goes_on_where_phases_advance() {
    let mut dsp = adapter(64, PhaseMode::Advance, SynthesisWindow::Hann);
    let found = play(&mut dsp, &steady(&[(7, LOUD / 3, FIFTH)], 9), || false);
    assert_middle(&found, 64, |n| {
        (TAU * 7.0 * n as f64 / 64.0 + TAU / 5.0).cos() / 3.0
    });
}

#[test]
fn an_odd_bin_of_absolute_phases_cancels_into_its_neighbours() {
    let mut dsp = adapter(64, PhaseMode::Absolute, SynthesisWindow::Hann);
    let found = play(&mut dsp, &steady(&[(7, LOUD, 0)], 9), || false);
    assert_middle(&found, 64, |n| {
        let turn = TAU * n as f64 / 64.0;
        -0.5 * ((6.0 * turn).cos() + (8.0 * turn).cos())
    });
    // Where both frames are equally loud.
    assert!(found[48].abs() < 1e-6);
}

#[test]
fn half_a_turn_in_each_second_block_makes_an_odd_absolute_bin_go_on() {
    // 32767.5 steps would be half a turn: the nearest is 24 millionths of a turn off.
    let groups: Vec<_> = (0..9)
        .map(|t| vec![vec![(7, LOUD, if t % 2 == 0 { 0 } else { 32_768 })]])
        .collect();
    let found = play(
        &mut adapter(64, PhaseMode::Absolute, SynthesisWindow::Hann),
        &groups,
        || false,
    );
    for (n, sample) in found.iter().enumerate().take(288).skip(32) {
        let expected = (TAU * 7.0 * n as f64 / 64.0).cos();
        assert!((f64::from(*sample) - expected).abs() < 1e-4, "{n}");
    }
}

#[test]
fn first_and_last_bin_are_real() {
    for (bin, sign) in [(0_u16, 1.0), (4, -1.0_f64)] {
        let quiet = TURN / 5;
        let mut dsp = adapter(8, PhaseMode::Advance, SynthesisWindow::Hann);
        let found = play(&mut dsp, &steady(&[(bin, quiet, FIFTH)], 5), || false);
        assert_middle(&found, 8, |n| 0.2 * (TAU / 5.0).cos() * sign.powi(n as i32));
    }
}

#[test]
fn the_last_bin_of_an_odd_number_turns_too() {
    let mut dsp = adapter(6, PhaseMode::Advance, SynthesisWindow::Hann);
    let found = play(&mut dsp, &steady(&[(3, LOUD, 0)], 6), || false);
    assert_middle(&found, 6, |n| (PI * n as f64).cos());
}

#[test]
fn without_a_window_hann_windowed_spectra_come_back() {
    // The transform of a Hann-windowed cosine at bin 8 has half of it there and a quarter, negative, on either side.
    let half_turn = 32_768;
    let groups = steady(
        &[
            (7, LOUD / 4 + 1, half_turn),
            (8, LOUD / 2 + 1, 0),
            (9, LOUD / 4 + 1, half_turn),
        ],
        6,
    );
    let mut dsp = adapter(64, PhaseMode::Absolute, SynthesisWindow::None);
    let found = play(&mut dsp, &groups, || false);
    for (n, sample) in found.iter().enumerate().take(192).skip(32) {
        let expected = (TAU * 8.0 * n as f64 / 64.0).cos();
        assert!((f64::from(*sample) - expected).abs() < 2e-4, "{n}");
    }
}

#[test]
fn frames_without_a_window_are_added_as_they_are() {
    let mut dsp = adapter(8, PhaseMode::Absolute, SynthesisWindow::None);
    let found = play(&mut dsp, &steady(&[(0, LOUD, 0)], 3), || false);
    let expected: Vec<f32> = [1.0, 2.0, 2.0, 1.0]
        .into_iter()
        .flat_map(|level| [level; 4])
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn nothing_is_clipped() {
    let all: Vec<Raw> = (0..=1024).map(|bin| (bin, LOUD, 0)).collect();
    let mut dsp = adapter(2048, PhaseMode::Advance, SynthesisWindow::None);
    let found = play(&mut dsp, &steady(&all, 1), || false);
    assert_eq!(found[0], 1025.0);
}

#[test]
fn a_quarter_turn_makes_a_negative_sine() {
    // 16384 is a quarter of a turn and a 262 thousandth.
    let mut dsp = adapter(64, PhaseMode::Advance, SynthesisWindow::Hann);
    let found = play(&mut dsp, &steady(&[(5, LOUD, 16_384)], 4), || false);
    for (n, sample) in found.iter().enumerate().take(128).skip(32) {
        let expected = -(TAU * 5.0 * n as f64 / 64.0).sin();
        assert!((f64::from(*sample) - expected).abs() < 1e-4, "{n}");
        let exact = (TAU * 5.0 * n as f64 / 64.0 + FRAC_PI_2 * 65_536.0 / 65_535.0).cos();
        assert!((f64::from(*sample) - exact).abs() < 1e-6, "{n}");
    }
}
