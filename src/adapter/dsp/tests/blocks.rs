use super::*;

fn bins_after(blocks: &[&[Raw]]) -> Vec<(usize, Bin)> {
    let mut dsp = adapter(64, PhaseMode::Absolute, SynthesisWindow::Hann);
    let mut state = dsp.decode_i(&block(0, Kind::I, bytes(blocks[0]))).unwrap();
    for entries in &blocks[1..] {
        dsp.apply_p(&mut state, &block(1, Kind::P, bytes(entries)))
            .unwrap();
    }
    state.sounding().collect()
}

#[test]
fn an_i_sets_and_a_p_adds() {
    let found = bins_after(&[&[(1, 100, 7), (5, 10, 0)], &[(1, 20, 3), (32, 1, 1)], &[]]);
    assert_eq!(found, [bin(1, 120, 10), bin(5, 10, 0), bin(32, 1, 1)]);
}

#[test]
fn magnitudes_stay_at_one() {
    let found = bins_after(&[&[(1, 65_000, 0)], &[(1, 535, 0), (2, 9, 0)], &[(1, 1, 0)]]);
    assert_eq!(found, [bin(1, LOUD, 0), bin(2, 9, 0)]);
}

#[test]
fn phases_are_added_modulo_a_turn() {
    // 65535 is a whole turn, so nothing.
    let found = bins_after(&[
        &[(1, 1, 60_000), (2, 1, 65_535), (3, 1, 65_534)],
        &[(1, 0, 10_000), (2, 0, 65_535), (3, 0, 1)],
    ]);
    assert_eq!(found, [bin(1, 1, 4465), bin(2, 1, 0), bin(3, 1, 0)]);
}

#[test]
fn entries_act_in_their_order() {
    let found = bins_after(&[&[(1, 5, 5), (1, 7, 9)], &[(1, 1, 1), (1, 2, 2)]]);
    assert_eq!(found, [bin(1, 10, 12)]);
}

#[test]
fn a_key_block_forgets_the_bins_before_it() {
    let groups = vec![vec![vec![(2, LOUD, 0)]], vec![vec![]], vec![vec![]]];
    let mut dsp = adapter(8, PhaseMode::Absolute, SynthesisWindow::Hann);
    let found = play(&mut dsp, &groups, || false);
    assert!(found[4..8].iter().any(|sample| *sample != 0.0));
    assert_eq!(found[8..], [0.0; 8]);
}

fn fault(bytes: Vec<u8>) -> String {
    let mut dsp = adapter(64, PhaseMode::Absolute, SynthesisWindow::Hann);
    let error = dsp
        .decode_i(&block(17, Kind::I, bytes.clone()))
        .unwrap_err();
    assert!(error.is_of_block());
    let mut state = dsp
        .decode_i(&block(0, Kind::I, super::bytes(&[(3, 4, 5)])))
        .unwrap();
    let again = dsp
        .apply_p(&mut state, &block(17, Kind::P, bytes))
        .unwrap_err();
    assert_eq!(error, again);
    // As it was before the fault.
    assert_eq!(state.sounding().collect::<Vec<_>>(), [bin(3, 4, 5)]);
    assert_eq!(samples(&dsp.finalize(&mut state).unwrap()).len(), 32);
    error.to_string()
}

#[test]
fn a_malformed_block_is_named_with_what_is_wrong() {
    let good = bytes(&[(1, 2, 3), (32, 5, 6)]);
    let changed = |at: usize, value: u8| {
        let mut bytes = good.clone();
        bytes[at] = value;
        bytes
    };
    let cases = [
        (vec![], "length: found 0 bytes, expected 8 at least"),
        (
            good[..7].to_vec(),
            "length: found 7 bytes, expected 8 at least",
        ),
        (changed(3, b'1'), "magic: found \"DSP1\", expected \"DSP0\""),
        (
            changed(0, 0xff),
            "magic: found \"\\xffSP0\", expected \"DSP0\"",
        ),
        (changed(7, 1), "reserved: found 256, expected 0"),
        (
            good[..19].to_vec(),
            "length: found 19 bytes, expected 20 for a count of 2",
        ),
        (
            [good.as_slice(), &[0]].concat(),
            "length: found 21 bytes, expected 20 for a count of 2",
        ),
        (
            changed(4, 3),
            "length: found 20 bytes, expected 26 for a count of 3",
        ),
        (
            changed(5, 0xff),
            "length: found 20 bytes, expected 391700 for a count of 65282",
        ),
        (
            changed(14, 33),
            "entry 1: found bin 33, expected at most 32",
        ),
    ];
    for (bytes, reason) in cases {
        assert_eq!(fault(bytes), format!("block 17: {reason}"));
    }
}
