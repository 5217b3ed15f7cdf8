use super::*;

#[test]
fn sizes_and_rates_that_can_not_be_are_refused() {
    let with = |fft_size, sample_rate| {
        Dsp::new(Options {
            fft_size,
            sample_rate,
            ..Options::default()
        })
        .map(|dsp| dsp.rate())
        .map_err(|e| e.to_string())
    };
    for size in [0, 2, 3, 7, 65_537, 65_538, usize::MAX] {
        let expected = format!("fft-size: found {size}, expected an even number from 4 to 65536");
        assert_eq!(with(size, 0), Err(expected));
    }
    assert_eq!(with(4, 0), Ok(48_000));
    assert_eq!(with(65_536, 44_100), Ok(44_100));
    assert_eq!(
        with(64, 1 << 31),
        Err("sample-rate: found 2147483648, expected at most 2147483647".to_owned())
    );
}

#[test]
fn the_rate_is_that_of_the_options_then_of_the_stream() {
    let configured = |sample_rate, rate| {
        let mut dsp = Dsp::new(Options {
            sample_rate,
            ..Options::default()
        })
        .unwrap();
        let stream = Stream {
            rate,
            ..Stream::default()
        };
        dsp.configure(&stream)
            .map(|()| dsp.rate())
            .map_err(|e| e.to_string())
    };
    assert_eq!(configured(0, None), Ok(48_000));
    assert_eq!(configured(0, Some((8000, 1))), Ok(8000));
    assert_eq!(configured(0, Some((16_000, 2))), Ok(8000));
    assert_eq!(configured(96_000, Some((0, 0))), Ok(96_000));
    for (samples, seconds) in [(0, 1), (30_000, 1001), (1, 0), (u32::MAX, 1)] {
        let expected = format!(
            "stream: rate: found {samples}/{seconds}, expected whole Hz from 1 to 2147483647"
        );
        assert_eq!(configured(0, Some((samples, seconds))), Err(expected));
    }
}

#[test]
fn an_output_says_what_it_is() {
    let mut dsp = adapter(8, PhaseMode::Absolute, SynthesisWindow::Hann);
    let stream = Stream {
        rate: Some((44_100, 1)),
        ..Stream::default()
    };
    dsp.configure(&stream).unwrap();
    let mut state = dsp.decode_i(&block(0, Kind::I, bytes(&[]))).unwrap();
    let output = dsp.finalize(&mut state).unwrap();
    assert_eq!(
        output.caps.as_deref(),
        Some(
            "audio/x-raw, format=(string)F32LE, rate=(int)44100, channels=(int)1, layout=(string)interleaved"
        )
    );
    assert_eq!(output.size(), 16);
    assert_eq!(dsp.finalize(&mut state).unwrap().size(), 0);
}

#[test]
fn a_state_tells_its_loudest_bin() {
    let mut dsp = adapter(64, PhaseMode::Absolute, SynthesisWindow::Hann);
    let mut state = dsp.decode_i(&block(0, Kind::I, bytes(&[]))).unwrap();
    let silent = serde_json::json!({ "blocks": 1, "bins": 0, "loudest": null });
    assert_eq!(dsp.describe(&state), silent);
    let entries = [(2, FIFTH, 0), (4, 2 * FIFTH, FIFTH), (9, 2 * FIFTH, 0)];
    dsp.apply_p(&mut state, &block(1, Kind::P, bytes(&entries)))
        .unwrap();
    assert_eq!(
        dsp.describe(&state),
        serde_json::json!({
            "blocks": 2,
            "bins": 3,
            "loudest": { "bin": 4, "frequency": 3000.0, "magnitude": 0.4, "phase": 0.2 },
        })
    );
}

#[test]
fn nothing_is_left_where_nothing_came() {
    let mut dsp = adapter(8, PhaseMode::Absolute, SynthesisWindow::Hann);
    assert!(dsp.drain().unwrap().is_none());
    let first = play(&mut dsp, &steady(&[(1, LOUD, 0)], 3), || false);
    // The end of a stream leaves nothing for the next.
    assert!(dsp.drain().unwrap().is_none());
    assert_eq!(play(&mut dsp, &steady(&[(1, LOUD, 0)], 3), || false), first);
}

#[test]
fn a_reset_forgets_the_overlap_and_the_count_of_blocks() {
    let groups = steady(&[(3, LOUD, FIFTH)], 3);
    let mut dsp = adapter(16, PhaseMode::Advance, SynthesisWindow::Hann);
    let expected = play(&mut dsp, &groups, || false);
    let mut state = dsp
        .decode_i(&block(0, Kind::I, bytes(&[(2, LOUD, 9), (5, 70, 9)])))
        .unwrap();
    dsp.finalize(&mut state).unwrap();
    Adapter::reset(&mut dsp);
    assert_eq!(play(&mut dsp, &groups, || false), expected);
}
