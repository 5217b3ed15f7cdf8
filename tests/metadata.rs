//! What `h4mkmux` says of the file and its tracks: sidecars, tags, tables of contents, descriptions.

mod common;

use common::rig::{Kind as Live, Rig, buffer};
use gst::prelude::*;
use gstharmony::h4mk::Record;
use gstharmony::tags;
use serde_json::{Value, json};

const VIDEO: &str = "video/x-h264,stream-format=avc";
const AUDIO: &str = "audio/x-opus,rate=48000,channels=2";

/// The META texts of a file, in order.
fn metas(rig: &mut Rig) -> Vec<Value> {
    let file = rig.file();
    let texts = file.records.iter().filter_map(|record| match record {
        Record::Sidecar(text) => Some(text),
        _ => None,
    });
    texts
        .map(|text| serde_json::from_str(text).unwrap())
        .collect()
}

#[test]
fn a_stream_without_caps_is_an_octet_stream() {
    let mut rig = Rig::playing("");
    let any = rig.silent("sink_0", Live::default());
    let segment = gst::FormattedSegment::<gst::format::Bytes>::new();
    any.event(gst::event::Segment::new(&segment));
    any.pad.push(gst::Buffer::from_slice(*b"bytes")).unwrap();
    any.end();
    let file = rig.file();
    let track = &file.tracks()[0].0[0];
    assert_eq!((&*track.codec, &*track.kind), ("octet-stream", "data"));
    assert_eq!(track.caps.as_deref(), Some("application/octet-stream"));
    assert_eq!(file.payload(&file.blocks[0]), b"bytes");
}

#[test]
fn what_the_user_says_of_a_track_is_in_its_description() {
    let mut rig = Rig::new("");
    let video = rig.silent("video_0", Live::default());
    let proxy = rig.mux.dynamic_cast_ref::<gst::ChildProxy>().unwrap();
    proxy.set_child_property("video_0::track-name", "front");
    proxy.set_child_property("video_0::kind", "camera");
    proxy.set_child_property("video_0::note", "left");
    rig.set_state(gst::State::Playing);
    let audio = rig.input("audio_%u", AUDIO);
    video.event(gst::event::StreamStart::new("video"));
    video.caps(VIDEO);
    [video, audio].iter().for_each(|input| input.end());
    let tracks = rig.file().tracks()[0].0.clone();
    let track = &tracks[0];
    assert_eq!((&*track.name, &*track.kind), ("front", "camera"));
    assert_eq!((&*track.note, &*track.codec), ("left", "h264"));
    let track = &tracks[1];
    assert_eq!(track.name, "audio_0");
    assert_eq!((&*track.kind, &*track.codec), ("audio", "opus"));
    assert_eq!((track.sample_rate, track.channels), (48_000, 2));
    assert_eq!(
        track.caps.as_deref(),
        Some("audio/x-opus, rate=(int)48000, channels=(int)2")
    );
}

#[test]
fn sidecars_are_written_and_checked() {
    let rig = Rig::new("notes=remark");
    rig.mux.set_property("meta", r#"{"a":1}"#);
    rig.mux.set_property("safety", r#"{"b":2}"#);
    rig.mux.set_property("verification", r#"{"c":3}"#);
    let mut rig = rig;
    rig.set_state(gst::State::Playing);
    let video = rig.input("video_0", VIDEO);
    video.end();
    let file = rig.file();
    let texts: Vec<&str> = file
        .records
        .iter()
        .filter_map(|record| match record {
            Record::Sidecar(text) => Some(&**text),
            _ => None,
        })
        .collect();
    let a = r#"{"a":1}"#;
    assert_eq!(texts, [a, r#"{"b":2}"#, r#"{"c":3}"#, "remark", a]);

    for (property, value) in [("meta", "[1]"), ("meta", "{"), ("safety", "x")] {
        let rig = Rig::new("");
        rig.mux.set_property(property, value);
        rig.set_state(gst::State::Playing);
        let video = rig.input("video_0", VIDEO);
        assert_eq!(video.pad.push(buffer(0)), Err(gst::FlowError::Error));
        let error = rig.error();
        assert!(error.contains(property), "{error}");
    }
}

fn tag_list(title: &str, scope: gst::TagScope) -> gst::TagList {
    let mut tags = gst::TagList::new();
    let made = tags.get_mut().unwrap();
    made.add::<gst::tags::Title>(&title, gst::TagMergeMode::Append);
    made.set_scope(scope);
    tags
}

#[test]
fn tags_of_the_file_land_in_meta_and_tags_of_a_stream_in_its_track() {
    let rig = Rig::new("");
    let setter = rig.mux.dynamic_cast_ref::<gst::TagSetter>().unwrap();
    setter.add_tag::<gst::tags::Artist>(&"Somebody", gst::TagMergeMode::Append);
    rig.mux.set_property("meta", r#"{"user":true}"#);
    let mut rig = rig;
    rig.set_state(gst::State::Playing);
    let video = rig.input("video_0", VIDEO);
    video.event(gst::event::Tag::new(tag_list(
        "Of the stream",
        gst::TagScope::Stream,
    )));
    video.push(0);
    video.event(gst::event::Tag::new(tag_list(
        "Of the file",
        gst::TagScope::Global,
    )));
    video.event(gst::event::Tag::new(tag_list(
        "Changed",
        gst::TagScope::Stream,
    )));
    video.push(40);
    video.end();
    let (file, metas) = (rig.file(), metas(&mut rig));
    assert_eq!(metas[0]["tags"], json!({"artist": "Somebody"}));
    assert_eq!(metas[1]["user"], json!(true));
    let title = &metas[1]["tags"]["title"];
    assert_eq!(
        (title, metas.len()),
        (&json!("Of the file"), 2),
        "late tags are in the copy"
    );
    let (restored, _) = tags::from_meta(&metas[1].to_string());
    let restored = restored.unwrap();
    assert_eq!(
        restored.get::<gst::tags::Artist>().unwrap().get(),
        "Somebody"
    );
    let titles: Vec<String> = file
        .tracks()
        .iter()
        .map(|t| {
            let tags = tags::parse(t.0[0].tags.as_ref().unwrap()).unwrap();
            tags.get::<gst::tags::Title>().unwrap().get().to_string()
        })
        .collect();
    assert_eq!(titles.first().unwrap(), "Of the stream");
    assert_eq!(
        titles.last().unwrap(),
        "Changed",
        "late tags are in the copy"
    );
}

#[test]
fn a_table_of_contents_is_kept() {
    let mut rig = Rig::playing("");
    let video = rig.input("video_0", VIDEO);
    let mut toc = gst::Toc::new(gst::TocScope::Global);
    let made = toc.get_mut().unwrap();
    let mut edition = gst::TocEntry::new(gst::TocEntryType::Edition, "e");
    let mut chapter = gst::TocEntry::new(gst::TocEntryType::Chapter, "c1");
    let writable = chapter.get_mut().unwrap();
    writable.set_start_stop_times(-5, 1_000);
    writable.set_tags(tag_list("Chapter \"one\"", gst::TagScope::Stream));
    edition.get_mut().unwrap().append_sub_entry(chapter);
    made.append_entry(edition);
    made.set_tags(tag_list("Contents", gst::TagScope::Global));
    video.event(gst::event::Toc::new(&toc, false));
    video.push(0);
    video.end();
    let (_, restored) = tags::from_meta(&metas(&mut rig)[0].to_string());
    let restored = restored.unwrap();
    assert_eq!(restored.scope(), gst::TocScope::Global);
    let chapter = restored.find_entry("c1").unwrap();
    assert_eq!(chapter.start_stop_times(), Some((-5, 1_000)));
    assert_eq!(chapter.entry_type(), gst::TocEntryType::Chapter);
    let tags = chapter.tags().unwrap();
    assert_eq!(
        tags.get::<gst::tags::Title>().unwrap().get(),
        "Chapter \"one\""
    );
}
