use super::*;

/// The samples as the module's page says they are, term by term.
fn reference(
    blocks: &[Vec<(usize, Bin)>],
    fft_size: usize,
    phase_mode: PhaseMode,
    window: SynthesisWindow,
) -> Vec<f64> {
    let half = fft_size / 2;
    let mut all = vec![0.0; (blocks.len() + 1) * half];
    for (t, bins) in blocks.iter().enumerate() {
        for n in 0..fft_size {
            let factor = match window {
                SynthesisWindow::Hann => (PI * n as f64 / fft_size as f64).sin().powi(2),
                SynthesisWindow::None => 1.0,
            };
            for &(k, bin) in bins {
                let magnitude = f64::from(bin.magnitude) / 65_535.0;
                let mut phase = f64::from(bin.phase) / 65_535.0 * TAU;
                if phase_mode == PhaseMode::Advance {
                    phase += PI * ((k * t) % 2) as f64;
                }
                let turn = TAU * ((k * n) % fft_size) as f64 / fft_size as f64;
                let value = if k == 0 || k == half {
                    phase.cos() * turn.cos()
                } else {
                    (turn + phase).cos()
                };
                all[t * half + n] += magnitude * factor * value;
            }
        }
    }
    all
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(128))]

    #[test]
    fn samples_are_those_of_the_formula_wherever_results_are_taken(
        half in 2_usize..40,
        advance in proptest::bool::ANY,
        hann in proptest::bool::ANY,
        groups in proptest::collection::vec(
            proptest::collection::vec(
                proptest::collection::vec((0_u16..40, 0_u16.., 0_u16..), 0..6),
                1..6,
            ),
            1..5,
        ),
        cuts in proptest::collection::vec(proptest::bool::ANY, 32),
    ) {
        let mut groups = groups;
        for entry in groups.iter_mut().flatten().flatten() {
            entry.0 %= half as u16 + 1;
        }
        let mode = if advance { PhaseMode::Advance } else { PhaseMode::Absolute };
        let window = if hann { SynthesisWindow::Hann } else { SynthesisWindow::None };
        let mut dsp = adapter(2 * half, mode, window);
        let by_group = play(&mut dsp, &groups, || false);
        let by_block = play(&mut dsp, &groups, || true);
        let mut cuts = cuts.into_iter();
        let anyhow = play(&mut dsp, &groups, || cuts.next().unwrap_or_default());
        proptest::prop_assert_eq!(&by_group, &by_block);
        proptest::prop_assert_eq!(&by_group, &anyhow);

        let mut blocks = Vec::new();
        for group in &groups {
            let mut bins = vec![(0_u16, 0_u32); half + 1];
            for (number, entries) in group.iter().enumerate() {
                for &(k, magnitude, phase) in entries {
                    let bin = &mut bins[usize::from(k)];
                    *bin = if number == 0 {
                        (magnitude, u32::from(phase))
                    } else {
                        (bin.0.saturating_add(magnitude), bin.1 + u32::from(phase))
                    };
                }
                let spectrum = bins.iter().enumerate();
                blocks.push(spectrum.map(|(k, bin)| super::bin(k, bin.0, (bin.1 % 65_535) as u16)).collect());
            }
        }
        let expected = reference(&blocks, 2 * half, mode, window);
        proptest::prop_assert_eq!(by_group.len(), expected.len());
        for (found, expected) in by_group.iter().zip(expected) {
            proptest::prop_assert!((f64::from(*found) - expected).abs() < 1e-5, "{} {}", found, expected);
        }
    }

    #[test]
    fn any_bytes_are_entries_or_an_error(
        tail in proptest::collection::vec(proptest::num::u8::ANY, 0..64),
        magic in proptest::bool::ANY,
        count in proptest::option::of(0_u16..12),
        size in proptest::sample::select(vec![4_usize, 64, 65_536]),
    ) {
        let mut bytes = if magic { b"DSP0".to_vec() } else { Vec::new() };
        if let Some(count) = count {
            bytes.extend(count.to_le_bytes());
            bytes.extend([0, 0]);
        }
        bytes.extend(tail);
        let mut dsp = adapter(size, PhaseMode::Absolute, SynthesisWindow::Hann);
        let whole = magic && bytes.len() >= 8 && bytes[6..8] == [0, 0]
            && bytes.len() == 8 + 6 * usize::from(u16::from_le_bytes([bytes[4], bytes[5]]))
            && bytes[8..].chunks(6).all(|e| usize::from(u16::from_le_bytes([e[0], e[1]])) <= size / 2);
        match dsp.decode_i(&block(3, Kind::I, bytes.clone())) {
            Ok(mut state) => {
                proptest::prop_assert!(whole);
                dsp.apply_p(&mut state, &block(4, Kind::P, bytes)).unwrap();
                let found = samples(&dsp.finalize(&mut state).unwrap());
                proptest::prop_assert_eq!(found.len(), size);
                proptest::prop_assert!(found.iter().all(|sample| sample.is_finite()));
            }
            Err(error) => {
                proptest::prop_assert!(!whole, "{}", error);
                proptest::prop_assert!(error.is_of_block());
            }
        }
    }
}
