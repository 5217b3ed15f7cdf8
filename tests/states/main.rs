//! State changes, flushes and EOS at random points leave nothing behind and break nothing.
//!
//! This program runs itself once for each scenario, under the leaks tracer and with fatal criticals, and reads
//! what the tracer says at the end.

#[path = "../common/mod.rs"]
mod common;
mod endless;

use std::process::{Command, ExitCode};

use common::pipeline::{PATIENCE, quoted};
use common::{Random, media};
use endless::{adaptersink, fmp4remux, h4mkmux, opus_store, opusindexer, syncaligner};
use gst::prelude::*;

/// What a child runs: its name and the function.
const SCENARIOS: &[(&str, fn())] = &[
    (
        "one_demuxer_goes_up_and_down_a_hundred_times",
        demuxer_cycles,
    ),
    (
        "a_hundred_demuxers_are_sought_flushed_and_ended_at_random_points",
        demuxers_disturbed,
    ),
    ("one_h4mkmux_goes_up_and_down_a_hundred_times", || {
        muxer_cycles(h4mkmux, 3);
    }),
    (
        "a_hundred_h4mkmux_are_flushed_and_ended_at_random_points",
        || muxers_disturbed(h4mkmux, 4),
    ),
    ("one_fmp4remux_goes_up_and_down_a_hundred_times", || {
        muxer_cycles(fmp4remux, 6);
    }),
    (
        "a_hundred_fmp4remux_are_flushed_and_ended_at_random_points",
        || muxers_disturbed(fmp4remux, 7),
    ),
    ("one_opusindexer_goes_up_and_down_a_hundred_times", || {
        muxer_cycles(opusindexer, 8);
    }),
    (
        "a_hundred_opusindexers_are_flushed_and_ended_at_random_points",
        || muxers_disturbed(opusindexer, 9),
    ),
    (
        "one_opusindexsrc_goes_up_and_down_a_hundred_times",
        source_cycles,
    ),
    (
        "a_hundred_opusindexsrc_are_sought_flushed_and_ended_at_random_points",
        sources_disturbed,
    ),
    ("one_syncaligner_goes_up_and_down_a_hundred_times", || {
        muxer_cycles(syncaligner, 10);
    }),
    (
        "a_hundred_syncaligners_are_flushed_and_ended_at_random_points",
        || muxers_disturbed(syncaligner, 11),
    ),
    ("one_adaptersink_goes_up_and_down_a_hundred_times", || {
        muxer_cycles(adaptersink, 12);
    }),
    (
        "a_hundred_adaptersinks_are_flushed_and_ended_at_random_points",
        || muxers_disturbed(adaptersink, 13),
    ),
    (
        "decodebin_plays_and_is_stopped_at_random_points",
        decodebin_cycles,
    ),
];

/// Leaks an element: the tracer must see it, or it sees nothing.
const CONTROL: (&str, fn()) = ("a_leak_is_seen", || {
    std::mem::forget(
        gst::ElementFactory::make("identity")
            .build()
            .expect("identity"),
    );
});

const CHILD: &str = "HARMONY_STATES_SCENARIO";

fn main() -> ExitCode {
    if let Ok(name) = std::env::var(CHILD) {
        let (_, scenario) = SCENARIOS
            .iter()
            .chain([&CONTROL])
            .find(|(n, _)| *n == name)
            .expect("a known scenario");
        common::init();
        scenario();
        // What the indexers wrote; most scenarios write nothing.
        let _ = std::fs::remove_dir_all(opus_store());
        // SAFETY: nothing of GStreamer is used after this; the tracer reports now.
        unsafe { gst::deinit() };
        return ExitCode::SUCCESS;
    }
    let wanted = std::env::args()
        .skip(1)
        .find(|a| !a.starts_with('-'))
        .unwrap_or_default();
    let (mut passed, mut failed) = (0, 0);
    for (name, _) in SCENARIOS
        .iter()
        .chain([&CONTROL])
        .filter(|(n, _)| n.contains(&wanted))
    {
        let result = match (run_child(name), *name == CONTROL.0) {
            (Err(why), true) if why.contains("GstIdentity") => Ok(()),
            (result, true) => Err(format!("the leak is not seen: {result:?}")),
            (result, false) => result,
        };
        println!(
            "test {name} ... {}",
            if result.is_ok() { "ok" } else { "FAILED" }
        );
        match result {
            Ok(()) => passed += 1,
            Err(why) => {
                failed += 1;
                println!("{why}");
            }
        }
    }
    let word = if failed == 0 { "ok" } else { "FAILED" };
    println!(
        "\ntest result: {word}. {passed} passed; {failed} failed; 0 ignored; 0 measured; 0 filtered out"
    );
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Runs one scenario in a process of its own; an error is what it left alive, or its last words.
fn run_child(name: &str) -> Result<(), String> {
    let program = std::env::current_exe().expect("the test has a path");
    let output = Command::new(program)
        .env(CHILD, name)
        .env("GST_TRACERS", "leaks(check-refs=false)")
        .env("GST_DEBUG", "GST_TRACER:7")
        .env("GST_DEBUG_NO_COLOR", "1")
        .env("G_DEBUG", "fatal-criticals")
        .output()
        .expect("the test runs itself");
    let told = String::from_utf8_lossy(&output.stderr);
    let alive: Vec<&str> = told
        .lines()
        .filter(|l| l.contains("object-alive,") && !l.contains("new format string"))
        .take(20)
        .collect();
    if !alive.is_empty() {
        return Err(format!("left alive:\n{}", alive.join("\n")));
    }
    let talk = told.lines().filter(|l| !l.contains("GST_TRACER"));
    let words: Vec<&str> = talk.collect();
    let critical = words
        .iter()
        .any(|l| l.contains("CRITICAL") || l.contains("panicked"));
    if !output.status.success() || critical {
        let last = words.len().saturating_sub(20);
        return Err(format!("{}:\n{}", output.status, words[last..].join("\n")));
    }
    Ok(())
}

/// The file that the demuxers play.
fn file() -> String {
    quoted(&common::data("h4x/two-tracks.h4mk"))
}

/// Links every pad of `element` to a sink that takes all it gets.
fn end_in_sinks(pipeline: &gst::Pipeline, element: &gst::Element) {
    let weak = pipeline.downgrade();
    element.connect_pad_added(move |_, pad| {
        let Some(pipeline) = weak.upgrade() else {
            return;
        };
        if pad.direction() != gst::PadDirection::Src {
            return;
        }
        let sink = gst::ElementFactory::make("fakesink")
            .property("sync", false)
            .property("async", false)
            .build()
            .expect("fakesink");
        pipeline.add(&sink).expect("the sink is added");
        // The pipeline may be going down at this very moment: then nothing links, and nothing has to.
        let _ = pad.link(&sink.static_pad("sink").expect("a sink pad"));
        let _ = sink.sync_state_with_parent();
    });
}

/// Posts a message on the bus when the `number`th buffer or list passes the pad, which then goes on.
fn tell_at(pad: &gst::Pad, number: u64) {
    let mut left = number;
    let pad_weak = pad.downgrade();
    let mask = gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST;
    let counter = std::sync::Mutex::new(move || {
        left = left.saturating_sub(1);
        left == 0
    });
    pad.add_probe(mask, move |_, _| {
        if !(counter.lock().expect("one thread"))() {
            return gst::PadProbeReturn::Ok;
        }
        if let Some(element) = pad_weak.upgrade().and_then(|p| p.parent_element()) {
            let told = gst::Structure::new_empty("reached");
            let _ = element.post_message(gst::message::Application::new(told));
        }
        gst::PadProbeReturn::Remove
    });
}

/// The messages that [`wait`] waits for.
const KINDS: [gst::MessageType; 3] = [
    gst::MessageType::Application,
    gst::MessageType::Eos,
    gst::MessageType::Error,
];

/// A pipeline whose bus keeps only the messages that are waited for. A bus full of others once lost one that a thread
/// posted as it began, and with it the source that the message named: that is the bus's doing, not the elements'.
fn launch(description: &str) -> gst::Pipeline {
    let pipeline = common::pipeline::launch(description);
    pipeline
        .bus()
        .expect("a bus")
        .set_sync_handler(|_, message| {
            if KINDS.contains(&message.type_()) {
                gst::BusSyncReply::Pass
            } else {
                gst::BusSyncReply::Drop
            }
        });
    pipeline
}

/// Waits until the buffer of [`tell_at`] has passed or the pipeline has ended.
fn wait(pipeline: &gst::Pipeline) -> gst::Message {
    let bus = pipeline.bus().expect("a bus");
    let message = bus
        .timed_pop_filtered(PATIENCE, &KINDS)
        .expect("the pipeline does not hang");
    assert_ne!(message.type_(), gst::MessageType::Error, "{message:?}");
    message
}

fn stop(pipeline: &gst::Pipeline) {
    pipeline.set_state(gst::State::Null).expect("it stops");
}

/// A demuxer of the file, pulled or pushed.
fn demuxer(random: &mut Random) -> (gst::Pipeline, gst::Element) {
    let queue = if random.below(2) == 0 { "" } else { "queue !" };
    let pipeline = launch(&format!(
        "filesrc blocksize=1000 location={} ! {queue} h4mkdemux name=d",
        file()
    ));
    let demuxer = pipeline.by_name("d").expect("the demuxer");
    end_in_sinks(&pipeline, &demuxer);
    (pipeline, demuxer)
}

/// Takes a pipeline up to each state and down again, a hundred times. In some cycles `before` comes first, and it plays
/// until a pad of [`tell_at`] or its end; `after` each cycle.
fn cycles(pipeline: &gst::Pipeline, mut before: impl FnMut(), mut after: impl FnMut()) {
    for cycle in 0..100 {
        let plays = cycle % 6 == 5;
        if plays {
            before();
        }
        let state = [gst::State::Ready, gst::State::Paused, gst::State::Playing][cycle % 3];
        pipeline.set_state(state).expect("it goes up");
        if plays {
            wait(pipeline);
        }
        let down = if cycle % 2 == 0 {
            gst::State::Null
        } else {
            gst::State::Ready
        };
        pipeline.set_state(down).expect("it goes down");
        // What the cycle left on the bus belongs to it.
        pipeline.bus().expect("a bus").set_flushing(true);
        pipeline.bus().expect("a bus").set_flushing(false);
        after();
    }
    stop(pipeline);
}

fn demuxer_cycles() {
    let mut random = Random::new(1);
    let (pipeline, _) = demuxer(&mut random);
    cycles(&pipeline, || {}, || remove_sinks(&pipeline));
}

/// The pads of the next cycle get sinks of their own.
fn remove_sinks(pipeline: &gst::Pipeline) {
    for sink in pipeline.iterate_sinks().into_iter().flatten() {
        let _ = sink.set_state(gst::State::Null);
        let _ = pipeline.remove(&sink);
    }
}

fn demuxers_disturbed() {
    let mut random = Random::new(2);
    for _ in 0..100 {
        let (pipeline, demuxer) = demuxer(&mut random);
        let after = 1 + random.below(200);
        demuxer.connect_pad_added(move |_, pad| tell_at(pad, after));
        pipeline.set_state(gst::State::Playing).expect("it plays");
        let ended = wait(&pipeline).type_() == gst::MessageType::Eos;
        match random.below(4) {
            0 if !ended => {
                pipeline.send_event(gst::event::Eos::new());
            }
            1 => {
                let to = gst::ClockTime::from_mseconds(random.below(8000));
                // A seek may come too late, when the file has been played.
                let _ = demuxer.seek_simple(gst::SeekFlags::FLUSH, to);
                wait(&pipeline);
            }
            2 => {
                let pad = demuxer.static_pad("sink").expect("the sink pad");
                pad.send_event(gst::event::FlushStart::new());
            }
            _ => {}
        }
        stop(&pipeline);
    }
}

/// Makes a muxer, or another element that ends with its streams, behind endless ones.
type Make = fn(&mut Random) -> (gst::Pipeline, gst::Element);

/// The first source pad of an element.
fn first_source(element: &gst::Element) -> gst::Pad {
    element
        .src_pads()
        .into_iter()
        .next()
        .expect("the source pad")
}

fn muxer_cycles(make: Make, seed: u64) {
    let mut random = Random::new(seed);
    let (pipeline, muxer) = make(&mut random);
    let source = first_source(&muxer);
    let before = || tell_at(&source, 1 + random.below(20));
    cycles(&pipeline, before, || {});
}

fn muxers_disturbed(make: Make, seed: u64) {
    let mut random = Random::new(seed);
    for _ in 0..100 {
        let (pipeline, muxer) = make(&mut random);
        tell_at(&first_source(&muxer), 1 + random.below(40));
        pipeline.set_state(gst::State::Playing).expect("it plays");
        wait(&pipeline);
        match random.below(4) {
            0 | 1 => {
                pipeline.send_event(gst::event::Eos::new());
                wait(&pipeline);
            }
            2 => {
                // A flush of one stream, which begins at its source; then all goes on to its end.
                let sources: Vec<_> = pipeline.iterate_sources().into_iter().flatten().collect();
                let source = &sources[random.below(sources.len() as u64) as usize];
                source.send_event(gst::event::FlushStart::new());
                source.send_event(gst::event::FlushStop::new(false));
                tell_at(&first_source(&muxer), 10);
                wait(&pipeline);
                pipeline.send_event(gst::event::Eos::new());
                wait(&pipeline);
            }
            _ => {}
        }
        stop(&pipeline);
    }
}

/// A store of three seconds in a folder.
fn store() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let path = quoted(&folder.path().join("store.zarr"));
    let indexer = launch(&format!(
        "audiotestsrc num-buffers=150 samplesperbuffer=960 ! audio/x-raw,rate=48000 ! opusenc \
         ! opusindexer location={path} ! fakesink sync=false async=false"
    ));
    common::run(&indexer).good();
    folder
}

/// A source that plays the store, or two ranges of it. Without a decoder: those call it an error when the stream ends
/// before a sample came out, and pre-roll has none.
fn source(folder: &tempfile::TempDir, random: &mut Random) -> (gst::Pipeline, gst::Element) {
    let path = quoted(&folder.path().join("store.zarr"));
    let segments = ["", "segments=5000-9000,48000-96000"][random.below(2) as usize];
    let pipeline = launch(&format!(
        "opusindexsrc name=s location={path} {segments} ! fakesink sync=false async=false"
    ));
    let source = pipeline.by_name("s").expect("the source");
    (pipeline, source)
}

fn source_cycles() {
    let folder = store();
    let mut random = Random::new(8);
    let (pipeline, source) = source(&folder, &mut random);
    let pad = source.static_pad("src").expect("the source pad");
    let before = || tell_at(&pad, 1 + random.below(40));
    cycles(&pipeline, before, || {});
}

fn sources_disturbed() {
    let folder = store();
    let mut random = Random::new(9);
    for _ in 0..100 {
        let (pipeline, source) = source(&folder, &mut random);
        let pad = source.static_pad("src").expect("the source pad");
        tell_at(&pad, 1 + random.below(60));
        pipeline.set_state(gst::State::Playing).expect("it plays");
        let ended = wait(&pipeline).type_() == gst::MessageType::Eos;
        match random.below(4) {
            0 if !ended => {
                pipeline.send_event(gst::event::Eos::new());
                wait(&pipeline);
            }
            1 => {
                let to = gst::ClockTime::from_mseconds(random.below(3000));
                source
                    .seek_simple(gst::SeekFlags::FLUSH, to)
                    .expect("a seek");
                wait(&pipeline);
            }
            2 => {
                source.send_event(gst::event::FlushStart::new());
            }
            _ => {}
        }
        stop(&pipeline);
    }
}

fn decodebin_cycles() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("file.h4mk");
    let sources = media::H264_AAC.source();
    let recorder = launch(&format!(
        "h4mkmux name=m ! filesink location={}  {sources} ! parsebin name=p  p. ! queue ! m.  p. ! queue ! m.",
        quoted(&path)
    ));
    common::run(&recorder).good();
    let mut random = Random::new(5);
    for _ in 0..10 {
        let pipeline = launch(&format!(
            "filesrc location={} ! decodebin name=d",
            quoted(&path)
        ));
        let decoder = pipeline.by_name("d").expect("decodebin");
        end_in_sinks(&pipeline, &decoder);
        let after = 1 + random.below(60);
        decoder.connect_pad_added(move |_, pad| tell_at(pad, after));
        pipeline.set_state(gst::State::Playing).expect("it plays");
        wait(&pipeline);
        stop(&pipeline);
    }
}
