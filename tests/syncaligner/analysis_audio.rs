//! Recordings whose sync is known, through pipelines: what is measured of them.

use gst::prelude::*;
use gstharmony::elements::syncaligner::PadState;

use crate::common::corpus::{self, Pair};
use crate::common::pipeline::quoted;
use crate::common::{Run, launch, run};

/// What the element said of a pair, and what it says at the end.
struct Said {
    messages: Vec<gst::Structure>,
    state: PadState,
}

impl Said {
    /// The first message of a name.
    fn first(&self, name: &str) -> Option<&gst::Structure> {
        let name = format!("syncaligner-{name}");
        self.messages.iter().find(|m| m.name() == name.as_str())
    }
}

fn messages(run: &Run) -> Vec<gst::Structure> {
    let all = run.messages.iter();
    let structures = all.filter_map(|m| m.structure());
    let ours = structures.filter(|s| s.name().starts_with("syncaligner-"));
    ours.map(ToOwned::to_owned).collect()
}

/// Plays a pair of files to the end.
fn play(pair: &Pair, properties: &str) -> Said {
    let file = |path: &std::path::Path| format!("filesrc location={} ! wavparse", quoted(path));
    let pipeline = launch(&format!(
        "syncaligner name=s reference-pad=sink_0 {properties} \
         {} ! s.sink_0 s.src_0 ! fakesink sync=false async=false \
         {} ! s.sink_1 s.src_1 ! fakesink sync=false async=false",
        file(&pair.reference),
        file(&pair.stream)
    ));
    let element = pipeline.by_name("s").expect("the aligner");
    let ran = run(&pipeline).good();
    let pad = element.static_pad("sink_1").expect("its pad");
    Said {
        messages: messages(&ran),
        state: pad.property("state"),
    }
}

/// How far a message's map lies off the truth, in seconds, and where.
fn error(said: &gst::Structure, pair: &Pair) -> f64 {
    let offset = said.get::<i64>("offset").expect("an offset") as f64 * 1e-9;
    let at = said.get::<gst::ClockTime>("running-time").expect("a time");
    let at = at.nseconds() as f64 * 1e-9;
    (at + offset - pair.apply(at)).abs()
}

#[test]
fn two_recordings_of_one_scene_lock() {
    let pair = corpus::pair("accuracy-speech-0-clean", 12);
    let said = play(&pair, "");
    let locked = said.first("locked").expect("it locks");
    assert!(error(locked, &pair) < 0.05e-3);
    let drift = locked.get::<f64>("drift-ppm").expect("a drift");
    assert!(drift.abs() < 5.0, "{drift}");
    assert!(locked.get::<f64>("quality").expect("a quality") > 0.5);
    assert_eq!(locked.get::<u64>("uncertainty-ns"), Ok(1_000_000));
    assert_eq!(said.state, PadState::Locked);
}

#[test]
fn what_is_measured_is_the_same_each_time() {
    let pair = corpus::pair("drift-music-+20-two-rooms", 12);
    let said = play(&pair, "mode=measure");
    let again = play(&pair, "mode=measure");
    let locked = said.first("locked").expect("it locks");
    assert!(error(locked, &pair) < 0.2e-3);
    assert_eq!(said.messages, again.messages);
}

#[test]
fn recordings_that_have_nothing_to_do_with_each_other_do_not_lock() {
    let pair = corpus::pair("unrelated-speech-0", 12);
    assert!(!pair.related);
    let said = play(&pair, "");
    assert!(said.first("locked").is_none() && said.first("step").is_none());
    assert!(!matches!(
        said.state,
        PadState::Locked | PadState::Provisional
    ));
}

#[test]
fn a_loop_is_ambiguous() {
    let pair = corpus::pair("loops-speech-0", 12);
    let said = play(&pair, "");
    assert!(said.first("ambiguous").is_some());
    assert!(said.first("locked").is_none());
    assert_ne!(said.state, PadState::Locked);
}
