//! Signals, and properties about where segments begin and which boxes there are.

use std::sync::{Arc, Mutex};

use gst::prelude::*;

use crate::common::pipeline::{launch, run};
use crate::common::{Rig, boxes};
use crate::run::Told;
use crate::streams::{AUDIO, VIDEO, bytes, pictures, playing, seconds};

const MS: u64 = 1_000_000;

/// What the messages on the bus tell of fragments.
fn told(rig: &Rig) -> Vec<Told> {
    let messages = std::iter::from_fn(|| rig.bus.pop());
    messages
        .filter_map(|message| {
            let structure = message.structure()?;
            (structure.name() == "fragment-written").then(|| Told::new(structure))
        })
        .collect()
}

fn starts(told: &[Told]) -> Vec<u64> {
    told.iter().map(|t| t.start / MS).collect()
}

#[test]
fn signal_message_and_property_tell_of_every_fragment_where_it_lies() {
    let mut rig = playing("chunk-duration=500000000");
    let heard = Arc::<Mutex<Vec<Told>>>::default();
    let kept = heard.clone();
    rig.mux.connect("fragment-written", false, move |args| {
        kept.lock().unwrap().push(Told {
            sequence: args[1].get().unwrap(),
            start: args[2].get().unwrap(),
            duration: args[3].get().unwrap(),
            offset: args[4].get().unwrap(),
            size: args[5].get().unwrap(),
            key: args[6].get().unwrap(),
        });
        None
    });
    let (video, audio) = (rig.input("video_0", VIDEO), rig.input("audio_0", AUDIO));
    seconds(&video, &audio, 0..3);
    video.end();
    audio.end();
    let told = told(&rig);
    assert_eq!(told, *heard.lock().unwrap());
    let map: gst::Structure = rig.mux.property("byte-range-map");
    let listed: gst::ArrayRef = map.get("fragments").unwrap();
    let listed = listed.iter().map(|v| v.get::<gst::Structure>().unwrap());
    assert_eq!(listed.map(|s| Told::new(&s)).collect::<Vec<_>>(), told);
    assert_eq!(starts(&told), [0, 500, 1000, 1500, 2000, 2500]);
    let keys: Vec<bool> = told.iter().map(|t| t.key).collect();
    assert_eq!(keys, [true, false, true, false, true, false]);
    let numbers: Vec<u32> = told.iter().map(|t| t.sequence).collect();
    assert_eq!(numbers, [4096, 4097, 8192, 8193, 12288, 12289]);

    let bytes = bytes(&mut rig);
    let inits: gst::ArrayRef = map.get("init").unwrap();
    let init: gst::Structure = inits.first().unwrap().get().unwrap();
    let (offset, size): (u64, u64) = (init.get("offset").unwrap(), init.get("size").unwrap());
    assert_eq!(offset, 0);
    assert_eq!(boxes::layout(&bytes[..size as usize]), ["ftyp", "moov"]);
    let mut end = size;
    for part in &told {
        assert_eq!(part.offset, end);
        end += part.size;
        let part = &bytes[part.offset as usize..end as usize];
        assert_eq!(boxes::layout(part), ["styp", "moof", "mdat"]);
    }
    assert_eq!(end, bytes.len() as u64);
}

#[test]
fn a_segment_begins_at_the_first_key_behind_a_split_that_was_asked_for() {
    let rig = playing("manual-split=true max-gop-duration=60000000000");
    let video = rig.input("video_0", VIDEO);
    let split = |ms| {
        let at = gst::ClockTime::from_mseconds(ms);
        rig.mux.emit_by_name::<()>("split-at-running-time", &[&at]);
    };
    split(2000);
    pictures(&video, 0..20);
    split(3500);
    pictures(&video, 20..200);
    video.end();
    assert_eq!(starts(&told(&rig)), [0, 2000, 4000]);
}

#[test]
fn a_split_makes_the_segment_before_it_short_and_the_next_count_from_it() {
    let rig = Rig::of("fmp4remux", "fragment-duration=3000000000");
    rig.set_state(gst::State::Playing);
    let video = rig.input("video_0", VIDEO);
    let at = gst::ClockTime::from_mseconds(900);
    rig.mux.emit_by_name::<()>("split-at-running-time", &[&at]);
    pictures(&video, 0..200);
    video.end();
    assert_eq!(starts(&told(&rig)), [0, 1000, 4000, 7000]);
}

#[test]
fn headers_go_out_again_when_they_are_asked_for() {
    let mut rig = playing("");
    let video = rig.input("video_0", VIDEO);
    pictures(&video, 0..30);
    rig.mux.emit_by_name::<()>("send-headers", &[]);
    pictures(&video, 30..80);
    video.end();
    let lists = rig.lists();
    let layout: Vec<usize> = lists.iter().map(Vec::len).collect();
    assert_eq!(layout, [1, 26, 1, 26, 26, 6]);
    assert_eq!(
        lists[0][0].map_readable().unwrap().as_slice(),
        lists[2][0].map_readable().unwrap().as_slice()
    );
}

#[test]
fn encoders_are_asked_for_a_key_where_a_segment_is_due() {
    let pipeline = launch(
        "videotestsrc num-buffers=125 ! video/x-raw,width=64,height=48,framerate=25/1 \
         ! x264enc key-int-max=10000 option-string=scenecut=0 speed-preset=ultrafast tune=zerolatency \
         ! video/x-h264,profile=baseline ! fmp4remux fragment-duration=1000000000 ! fakesink sync=false",
    );
    let run = run(&pipeline).good();
    let structures = run.messages.iter().filter_map(|m| m.structure());
    let told: Vec<Told> = structures
        .filter(|s| s.name() == "fragment-written")
        .map(Told::new)
        .collect();
    assert_eq!(starts(&told), [0, 1000, 2000, 3000, 4000]);
    assert!(told.iter().all(|t| t.key));
}

#[test]
fn keys_are_not_asked_for_when_that_is_not_wanted() {
    for (wanted, expected) in [(true, 3), (false, 0)] {
        let rig = playing(&format!("send-force-keyunit={wanted}"));
        let video = rig.input("video_0", VIDEO);
        let asked = Arc::<Mutex<Vec<u64>>>::default();
        let kept = asked.clone();
        let mask = gst::PadProbeType::EVENT_UPSTREAM;
        video.pad.add_probe(mask, move |_, info| {
            let structure = info.event().and_then(|e| e.structure()).unwrap();
            assert_eq!(structure.name(), "GstForceKeyUnit");
            kept.lock()
                .unwrap()
                .push(structure.get::<u64>("running-time").unwrap() / MS);
            gst::PadProbeReturn::Ok
        });
        pictures(&video, 0..60);
        let asked = asked.lock().unwrap();
        assert_eq!(asked.len(), expected);
        assert!(asked.iter().zip([1000, 2000, 3000]).all(|(a, e)| *a == e));
    }
}

#[test]
fn a_forced_key_unit_from_upstream_begins_a_segment_and_is_passed_on() {
    let rig = playing("");
    let video = rig.input("video_0", VIDEO);
    pictures(&video, 0..10);
    let force = gst::Structure::builder("GstForceKeyUnit")
        .field("running-time", 400 * MS)
        .build();
    video.event(gst::event::CustomDownstream::new(force));
    let key = crate::streams::picture_at(10, 400, true);
    video.pad.push(key).unwrap();
    pictures(&video, 11..40);
    video.end();
    assert_eq!(starts(&told(&rig)), [0, 400]);
    let custom = |e: &gst::Event| e.type_() == gst::EventType::CustomDownstream;
    assert!(rig.events().iter().any(custom));
}

/// Two seconds of pictures and sound.
fn file(properties: &str) -> Vec<u8> {
    let mut rig = playing(properties);
    let (video, audio) = (rig.input("video_0", VIDEO), rig.input("audio_0", AUDIO));
    seconds(&video, &audio, 0..2);
    video.end();
    audio.end();
    bytes(&mut rig)
}

#[test]
fn indexes_and_edit_lists_are_written_when_they_are_asked_for() {
    let plain = [
        "ftyp", "moov", "styp", "moof", "mdat", "styp", "moof", "mdat",
    ];
    assert_eq!(boxes::layout(&file("")), plain);
    let indexed = file("write-sidx=true write-mfra=true");
    let layout = boxes::layout(&indexed);
    assert_eq!(layout[2..6], ["styp", "sidx", "moof", "mdat"]);
    assert_eq!(layout.last().unwrap(), "mfra");
    boxes::strict(&indexed);
    let edits = |properties: &str| {
        let moov = boxes::top(&file(properties), b"moov");
        let has = |trak: &boxes::Node| trak.find("edts/elst").is_some();
        moov.all(b"trak").map(has).collect::<Vec<_>>()
    };
    assert_eq!(edits("write-edts-mode=auto"), [false, false]);
    assert_eq!(edits("write-edts-mode=always"), [true, true]);
    assert_eq!(edits("write-edts-mode=never"), [false, false]);
}

#[test]
fn tracks_take_turns_by_time_and_by_bytes() {
    let runs = |properties: &str| {
        let moof = boxes::top(&file(properties), b"moof");
        let traf = moof.all(b"traf").next().unwrap();
        traf.all(b"trun").count()
    };
    assert_eq!(runs("interleave-time=0"), 1);
    assert_eq!(runs("interleave-time=250000000"), 4);
    // A picture has 13 bytes.
    assert_eq!(runs("interleave-time=0 interleave-bytes=130"), 3);
}

#[test]
fn the_time_of_creation_is_that_of_the_property_or_none() {
    let created = |rig: &mut Rig| {
        let video = rig.input("video_0", VIDEO);
        pictures(&video, 0..5);
        video.end();
        let moov = boxes::top(&bytes(rig), b"moov");
        moov.at("mvhd").number(4, 4)
    };
    assert_eq!(created(&mut playing("")), 0);
    let mut rig = Rig::of("fmp4remux", "");
    let time = gst::DateTime::from_iso8601_string("2026-11-21T12:00:00Z").unwrap();
    rig.mux.set_property("creation-time", time);
    rig.set_state(gst::State::Playing);
    assert_eq!(created(&mut rig), 1_795_262_400 + 2_082_844_800);
}

#[test]
fn tags_of_the_application_are_written() {
    let mut rig = Rig::of("fmp4remux", "");
    let setter: &gst::TagSetter = rig.mux.dynamic_cast_ref().unwrap();
    setter.add_tag::<gst::tags::Title>(&"Harmony", gst::TagMergeMode::Replace);
    rig.set_state(gst::State::Playing);
    let video = rig.input("video_0", VIDEO);
    pictures(&video, 0..5);
    video.end();
    let bytes = bytes(&mut rig);
    let moov = boxes::top(&bytes, b"moov");
    let items = moov.at("udta/meta/ilst");
    assert_eq!(&items.children[0].kind, b"\xa9nam");
    assert!(bytes.windows(7).any(|w| w == b"Harmony"));
}

#[test]
fn equal_input_makes_equal_files_also_when_one_muxer_starts_again() {
    let mut rig = playing("write-mfra=true write-sidx=true");
    let mut write = || {
        rig.set_state(gst::State::Playing);
        let (video, audio) = (rig.input("video_0", VIDEO), rig.input("audio_0", AUDIO));
        seconds(&video, &audio, 0..3);
        video.end();
        audio.end();
        let file = bytes(&mut rig);
        rig.seen.clear();
        rig.set_state(gst::State::Null);
        rig.mux.release_request_pad(&video.sink);
        rig.mux.release_request_pad(&audio.sink);
        file
    };
    assert_eq!(write(), write());
}
