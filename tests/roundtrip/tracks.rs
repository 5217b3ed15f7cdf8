//! Many tracks, late ones, changing ones, silent ones, and what they carry besides packets.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use gst::prelude::*;

use super::{record, record_fed};
use crate::common::feed::{Item, add_track};
use crate::common::media;

const MS: i64 = 1_000_000;

fn audio(track: u8, count: i64) -> Vec<Item> {
    (0..count)
        .map(|n| Item::key(n * 20 * MS, vec![track; 20 + n as usize % 50]).lasting(20_000_000))
        .collect()
}

#[test]
fn one_track() {
    record_fed("", |feed| {
        let source = feed.track("audio_%u", "audio/x-test,rate=48000,channels=2");
        source.push_all(&audio(1, 300));
        source.end();
    })
    .check();
}

#[test]
fn thirty_two_tracks() {
    let recording = record_fed("", |feed| {
        for track in 0..32 {
            let template = ["video_%u", "audio_%u", "subtitle_%u", "sink_%u"][track % 4];
            let source = feed.track(template, &format!("application/x-test,number={track}"));
            source.push_all(&audio(track as u8, 50 + track as i64));
            source.end();
        }
    });
    assert_eq!(recording.check().len(), 32);
}

#[test]
fn json_klv_text_and_octets() {
    let recording = record_fed("", |feed| {
        let kinds = [
            ("sink_%u", "application/x-json"),
            ("sink_%u", "meta/x-klv,parsed=true"),
            ("subtitle_%u", "text/x-raw,format=utf8"),
            ("subtitle_%u", "application/x-subtitle-vtt"),
            ("sink_%u", "application/octet-stream"),
        ];
        for (track, (template, caps)) in kinds.into_iter().enumerate() {
            let source = feed.track(template, caps);
            source.push_all(&audio(track as u8, 40));
            source.end();
        }
    });
    recording.check();
}

#[test]
fn a_sparse_track_is_not_waited_for() {
    let recording = record_fed("", |feed| {
        let rare = feed.sparse_track("subtitle_%u", "text/x-raw,format=utf8");
        let steady = feed.track("audio_%u", "audio/x-test,rate=48000,channels=1");
        // The sparse track never ends by itself: it is ended when the steady one is through.
        rare.push(&Item::key(2_000 * MS, "only").lasting(1_000_000_000));
        steady.push_all(&audio(1, 500));
        steady.end();
        let pad = feed.muxer.sink_pads().pop().expect("the pad");
        pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
            if info
                .event()
                .is_some_and(|e| e.type_() == gst::EventType::Eos)
            {
                rare.end();
            }
            gst::PadProbeReturn::Ok
        });
    });
    let played = recording.check();
    let sparse = played.iter().filter(|s| {
        let start = s.stream_flags.unwrap_or_else(gst::StreamFlags::empty);
        start.contains(gst::StreamFlags::SPARSE)
    });
    assert_eq!(sparse.count(), 1, "the demuxer says which track is sparse");
}

#[test]
fn caps_that_change() {
    let recording = record_fed("", |feed| {
        let video = feed.track("video_%u", "video/x-test,width=100,codec_data=(buffer)0102");
        let sound = feed.track("audio_%u", "audio/x-test,rate=48000,channels=1");
        sound.push_all(&audio(2, 100));
        for (part, width) in [100, 200, 100, 50].into_iter().enumerate() {
            video.caps(&format!(
                "video/x-test,width={width},codec_data=(buffer)010{part}"
            ));
            let start = part as i64 * 500 * MS;
            video.push(&Item::key(start, vec![part as u8; 100]));
            (1..10).for_each(|n| video.push(&Item::delta(start + n * 50 * MS, vec![n as u8; 10])));
        }
        video.end();
        sound.end();
    });
    assert!(recording.streams[0].caps.len() >= 4);
    recording.check();
}

#[test]
fn a_pad_that_comes_late() {
    let late: Arc<Mutex<Vec<Item>>> = Arc::new(Mutex::new(
        (50..100)
            .map(|n| Item::key(n * 20 * MS, vec![9; 30]).lasting(20_000_000))
            .collect(),
    ));
    let recording = record_fed("", |feed| {
        let first = feed.track("audio_%u", "audio/x-test,rate=48000,channels=1");
        let items = audio(1, 100);
        first.push_all(&items[..50]);
        let pad = feed.muxer.static_pad("audio_0").expect("the pad");
        let (pipeline, muxer) = (feed.pipeline.downgrade(), feed.muxer.downgrade());
        let count = AtomicUsize::new(0);
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
            if count.fetch_add(1, Ordering::SeqCst) == 49 {
                let (Some(pipeline), Some(muxer)) = (pipeline.upgrade(), muxer.upgrade()) else {
                    return gst::PadProbeReturn::Remove;
                };
                let source =
                    add_track(&pipeline, &muxer, "video_%u", "video/x-late,width=5", false);
                source.push_all(&late.lock().expect("the items"));
                source.end();
                first.push_all(&items[50..]);
                first.end();
            }
            gst::PadProbeReturn::Ok
        });
    });
    assert_eq!(recording.streams.len(), 2);
    let played = recording.check();
    assert!(played.iter().any(|s| s.pad.starts_with("video")));
    let v1 = recording.check_v1();
    assert_eq!(
        v1["tracks"].as_array().map(Vec::len),
        Some(1),
        "version 1 knows the first TRAK's tracks"
    );
}

#[test]
fn tags_reach_the_file_and_come_back() {
    let sources = format!(
        "{} ! matroskademux name=p  {}",
        media::TAGGED.source(),
        super::branches(3)
    );
    let recording = record(&sources, "");
    let played = recording.check();
    let tags: Vec<gst::TagList> = played
        .iter()
        .flat_map(|s| s.events.iter())
        .filter_map(|e| match e.view() {
            gst::EventView::Tag(tag) => Some(tag.tag_owned()),
            _ => None,
        })
        .collect();
    let titles = tags.iter().filter_map(|t| t.get::<gst::tags::Title>());
    assert!(titles.into_iter().any(|t| t.get() == "Harmony"), "{tags:?}");
    let mut languages: Vec<String> = tags
        .iter()
        .filter_map(|t| {
            t.get::<gst::tags::LanguageCode>()
                .map(|l| l.get().to_owned())
        })
        .filter(|language| language != "und")
        .collect();
    languages.sort();
    languages.dedup();
    assert_eq!(languages, ["de", "fr"]);
    let meta = recording.check_v1()["sidecars"]["META"]
        .as_str()
        .map(str::to_owned);
    assert!(
        meta.is_some_and(|m| m.contains("Harmony")),
        "tags land in META"
    );
}

#[test]
fn names_kinds_notes_and_sidecars_are_what_version_1_sees() {
    let recording = record_fed(
        "meta=\"{\\\"a\\\":1}\" safety=\"{\\\"b\\\":2}\" verification=\"{\\\"c\\\":3}\" notes=\"naïve ✓\" timestamp=1234567",
        |feed| {
            let source = feed.track("sink_%u", "application/x-json");
            let pad = feed.muxer.static_pad("sink_0").expect("the pad");
            pad.set_property("track-name", "sensor ♪");
            pad.set_property("kind", "control");
            pad.set_property("note", "заметка");
            source.push_all(&audio(1, 10));
            source.end();
        },
    );
    recording.check();
    let file = recording.check_v1();
    let track = &file["tracks"][0];
    assert_eq!(
        (&track["name"], &track["kind"], &track["note"]),
        (&"sensor ♪".into(), &"control".into(), &"заметка".into())
    );
    assert_eq!(file["header"]["timestamp"], 1_234_567);
    assert_eq!(file["sidecars"]["NOTE"], "naïve ✓");
    for (kind, key) in [("META", "a"), ("SAFE", "b"), ("VERI", "c")] {
        let text = file["sidecars"][kind].as_str().expect("a sidecar");
        let json: serde_json::Value = serde_json::from_str(text).expect("JSON");
        assert!(json[key].is_number(), "{kind}: {text}");
    }
}
