//! Texts in a file that are not what they should be: an answer, a warning or nothing, never a crash.

mod common;

use common::pipeline::{quoted, run};
use common::{Tap, launch};
use gst::prelude::*;
use gstharmony::h4mk::{BlockMeta, Kind, Sidecars, Timing, Track, Writer, WriterOptions};

/// A file with one block of one track.
fn file(track: Track, meta: Option<String>) -> Vec<u8> {
    let mut writer = Writer::new(WriterOptions::default());
    let mut out = Vec::new();
    let sidecars = Sidecars {
        meta,
        ..Sidecars::default()
    };
    writer.start(&[track], &sidecars, &mut out).unwrap();
    let block = BlockMeta {
        track_id: 1,
        kind: Kind::I,
        timing: Timing {
            pts: Some(0),
            dts: None,
            duration: None,
        },
        discont: false,
        header: false,
        droppable: false,
        buffer_flags: 0,
        clipping: None,
        len: 4,
    };
    writer.begin_group(&[block], &mut out).unwrap();
    let crc = writer.block([&b"text"[..]], &mut out).unwrap();
    out.extend(b"text");
    out.extend(crc);
    writer.finish(None, &mut out).unwrap();
    out
}

fn track(caps: &str, tags: Option<&str>) -> Track {
    Track {
        track_id: 1,
        name: "camera".into(),
        kind: "data".into(),
        caps: Some(caps.into()),
        tags: tags.map(Into::into),
        ..Track::default()
    }
}

/// Plays the file, asks for its tracks, and gives what passed its pad.
fn play(bytes: &[u8]) -> (common::Stream, common::Run) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("text.h4mk");
    std::fs::write(&path, bytes).unwrap();
    let line = format!("filesrc location={} ! h4mkdemux name=d", quoted(&path));
    let pipeline = launch(&line);
    let demuxer = pipeline.by_name("d").unwrap();
    let tap = Tap::default();
    tap.sources(&pipeline, &demuxer);
    let _ = demuxer.property::<gst::Structure>("tracks");
    let run = run(&pipeline);
    (tap.streams().remove(0), run)
}

fn titles(stream: &common::Stream) -> Vec<String> {
    let tags = stream.events.iter().filter_map(|e| match e.view() {
        gst::EventView::Tag(e) => e.tag().generic("title")?.get::<String>().ok(),
        _ => None,
    });
    tags.collect()
}

#[test]
fn texts_nested_without_end_are_refused() {
    for open in ["<", "{", "(GstStructure)[a,x=", "(GstCaps)[a/b,x="] {
        let nested = open.repeat(200_000);
        let (stream, run) = play(&file(track(&format!("a/b,x={nested}"), None), None));
        assert_eq!(run.error, None);
        assert_eq!(stream.packets.len(), 1, "it plays as blocks");
        let tags = format!("taglist,title={nested}");
        let meta = serde_json::json!({ "h4x": { "tags": tags, "toc": { "scope": "global", "tags": tags, "entries": [] } } });
        let (stream, run) = play(&file(track("a/b", Some(&tags)), Some(meta.to_string())));
        assert_eq!(run.error, None);
        assert_eq!(stream.packets.len(), 1);
        assert!(
            titles(&stream).is_empty(),
            "no title was recorded that is one"
        );
    }
}

#[test]
fn tags_of_another_type_than_theirs_are_left_out() {
    let tags = "taglist, title=(int)5, artist=(string){ \"one\", \"two\" }, bitrate=(string)fast, x-unknown=(int)3, container-format=(int)1;";
    let meta = serde_json::json!({ "h4x": { "tags": tags } });
    let (stream, run) = play(&file(track("a/b", Some(tags)), Some(meta.to_string())));
    run.good();
    assert!(
        titles(&stream).is_empty(),
        "no title was recorded that is one"
    );
    let artists: Vec<usize> = stream
        .events
        .iter()
        .filter_map(|e| match e.view() {
            gst::EventView::Tag(e) => Some(e.tag().size_by_name("artist")),
            _ => None,
        })
        .collect();
    assert_eq!(artists, [2, 2]);
}

#[test]
fn texts_with_zeroes_in_them_play() {
    let mut odd = track("a/b,x=\0,y=1", Some("taglist,title=\0"));
    odd.name = "a\0b".into();
    odd.kind = "video\0".into();
    odd.codec = "co\0dec".into();
    odd.note = "\0".into();
    let meta = serde_json::json!({ "h4x": { "tags": "\0", "toc": { "scope": "global", "entries": [{ "type": "chapter", "uid": "a\0" }] } } });
    let (stream, run) = play(&file(odd, Some(meta.to_string())));
    assert_eq!(run.error, None);
    assert_eq!(stream.packets.len(), 1);
}
