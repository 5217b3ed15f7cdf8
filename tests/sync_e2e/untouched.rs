//! What is not to be changed comes out as it came.

use gst::prelude::*;

use crate::common::corpus::pair;
use crate::live::Stage;
use crate::scene::Scene;

/// Everything came out, bit for bit, at its own time.
#[track_caller]
fn came_out_as_it_went_in(stage: &Stage) {
    for number in 0..2 {
        let (sent, out) = (&stage.sent[number], stage.lane(number).all());
        assert_eq!(sent.len(), out.len(), "buffers of stream {number}");
        for (sent, out) in sent.iter().zip(&out) {
            assert_eq!(sent.pts(), out.pts());
            assert_eq!(sent.duration(), out.duration());
            let bytes = |buffer: &gst::Buffer| buffer.map_readable().expect("readable").to_vec();
            assert!(bytes(sent) == bytes(out), "the samples at {:?}", sent.pts());
        }
    }
}

#[test]
fn measuring_changes_nothing_and_tells_offset_and_drift() {
    let (pair, lead) = (pair("drift-speech-+200-clean", 40), 0.12);
    let mut stage = Stage::new("mode=measure", &Scene::from(&pair), lead);
    stage.play_until_locked(1);
    assert!(stage.play(stage.now + 5.0), "locked too late");
    let sink = &stage.lane(1).sink;
    let offset = sink.property::<i64>("offset") as f64 * 1e-9;
    let drift = sink.property::<f64>("drift-ppm");
    let uncertainty = sink.property::<u64>("uncertainty-ns");
    // What was early at first has since drifted.
    let own = stage.now - pair.offset;
    let expected = lead + own * pair.drift;
    assert!(
        (offset - expected).abs() < 1e-3,
        "{offset} s, expected {expected} s"
    );
    assert!((drift - pair.drift * 1e6).abs() < 20.0, "{drift} ppm");
    assert!(uncertainty <= 1_000_000, "{uncertainty} ns");
    stage.end();
    came_out_as_it_went_in(&stage);
}

#[track_caller]
fn stays_unlocked(name: &str) {
    let pair = pair(name, 20);
    let mut stage = Stage::new("", &Scene::from(&pair), 0.0);
    while stage.play(stage.now + 1.0) {
        let state = stage.state(1);
        assert!(
            state == "unlocked" || state == "ambiguous",
            "{state} at {} s",
            stage.now
        );
        stage.look();
    }
    stage.end();
    came_out_as_it_went_in(&stage);
}

#[test]
fn speech_of_one_voice_that_has_nothing_in_common_passes_untouched() {
    stays_unlocked("unrelated-voice-0");
}

#[test]
fn music_of_one_tempo_that_has_nothing_in_common_passes_untouched() {
    stays_unlocked("unrelated-tempo-0");
}

#[test]
fn a_loop_is_refused_and_passes_untouched() {
    stays_unlocked("loops-speech-0");
}
