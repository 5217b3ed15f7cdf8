//! The query `sample-table`: it tells every buffer that a pad then pushes.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::record;
use crate::common::pipeline::{PATIENCE, quoted};
use crate::common::{Packet, Recipe, Stream, Tap, data, launch, media, pipeline};
use gst::prelude::*;
use gstharmony::h4mk::{BlockMeta, Clipping, Kind, Sidecars, Timing, Track, Writer, WriterOptions};
use gstharmony::sample_table::{Clipped, QUERY, SampleTable, TableSample, VERSION};

/// What a pad answered.
#[derive(Clone, Debug, PartialEq)]
struct Answer {
    caps: gst::Caps,
    samples: Vec<TableSample>,
    changes: Vec<(u64, gst::Caps)>,
    clipping: Vec<Clipped>,
}

fn bytes(structure: &gst::StructureRef, field: &str) -> Option<Vec<u8>> {
    let buffer = structure.get_optional::<gst::Buffer>(field).unwrap()?;
    Some(buffer.map_readable().unwrap().to_vec())
}

/// Asks through the peer of a sink pad.
fn ask(pad: &gst::Pad) -> Option<Answer> {
    let mut query = gst::query::Custom::new(gst::Structure::new_empty(QUERY));
    if !pad.peer_query(query.query_mut()) {
        return None;
    }
    let structure = query.structure().unwrap();
    assert_eq!(structure.get::<u32>("version"), Ok(VERSION));
    let packed = bytes(structure, "samples").unwrap();
    let changes = structure.get::<gst::Array>("caps-changes").unwrap();
    let change = |change: &gst::glib::SendValue| {
        let change: gst::Structure = change.get().unwrap();
        (change.get("sample").unwrap(), change.get("caps").unwrap())
    };
    Some(Answer {
        caps: structure.get("caps").unwrap(),
        samples: SampleTable::parse(&packed).unwrap().iter().collect(),
        changes: changes.iter().map(change).collect(),
        clipping: Clipped::parse_all(&bytes(structure, "clipping").unwrap_or_default()).collect(),
    })
}

/// What a played file brought, and what its pads had said of that.
#[derive(Default)]
struct Played {
    streams: Vec<Stream>,
    /// A pad's answers: when it was made, to its sink before the first buffer, and when it was in the middle.
    answers: Vec<Vec<Option<Answer>>>,
    /// The pad of every buffer, in the order in which they were pushed.
    order: Vec<usize>,
}

/// Plays a file with a queue of one buffer on each pad.
fn play(file: &Path, properties: &str) -> Played {
    let pipeline = launch(&format!(
        "filesrc location={} ! h4mkdemux name=d {properties}",
        quoted(file)
    ));
    let tap = Tap::default();
    let played = Arc::new(Mutex::new(Played::default()));
    let (weak, shared, watched) = (pipeline.downgrade(), played.clone(), tap.clone());
    let demux = pipeline.by_name("d").unwrap();
    demux.connect_pad_added(move |_, pad| {
        let pipeline = weak.upgrade().unwrap();
        let at = shared.lock().unwrap().answers.len();
        watched.pad(pad);
        let order = shared.clone();
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
            order.lock().unwrap().order.push(at);
            gst::PadProbeReturn::Ok
        });
        let queue = gst::ElementFactory::make("queue")
            .property("max-size-buffers", 1u32)
            .build()
            .unwrap();
        let sink = gst::ElementFactory::make("fakesink")
            .property("sync", false)
            .property("async", false)
            .build()
            .unwrap();
        pipeline.add_many([&queue, &sink]).unwrap();
        queue.link(&sink).unwrap();
        let queue_pad = queue.static_pad("sink").unwrap();
        pad.link(&queue_pad).unwrap();
        shared.lock().unwrap().answers.push(vec![ask(&queue_pad)]);
        let sink_pad = sink.static_pad("sink").unwrap();
        let (answers, seen) = (shared.clone(), AtomicUsize::new(0));
        sink_pad.add_probe(gst::PadProbeType::BUFFER, move |pad, _| {
            if [0, 19].contains(&seen.fetch_add(1, Ordering::Relaxed)) {
                let answer = ask(pad);
                answers.lock().unwrap().answers[at].push(answer);
            }
            gst::PadProbeReturn::Ok
        });
        queue.sync_state_with_parent().unwrap();
        sink.sync_state_with_parent().unwrap();
    });
    pipeline::run(&pipeline);
    let mut played = std::mem::take(&mut *played.lock().unwrap());
    played.streams = tap.streams();
    played
}

/// A buffer as a table tells it, without its place.
fn as_told(packet: &Packet) -> TableSample {
    let has = |flag| packet.flags.contains(flag);
    TableSample {
        position: 0,
        size: packet.size as u32,
        sync: !has(gst::BufferFlags::DELTA_UNIT),
        header: has(gst::BufferFlags::HEADER),
        discont: has(gst::BufferFlags::DISCONT),
        droppable: has(gst::BufferFlags::DROPPABLE),
        pts: packet.pts,
        dts: packet.dts,
        duration: packet.duration,
    }
}

/// Fails unless all pads told everything beforehand, each time they were asked, and in the common order.
fn assert_told(file: &Path) -> Vec<Answer> {
    let played = play(file, "");
    let name = file.display();
    assert!(!played.streams.is_empty(), "{name}: no pads");
    let mut order = Vec::new();
    let mut tables = Vec::new();
    for (pad, (answers, stream)) in played.answers.iter().zip(&played.streams).enumerate() {
        let count = stream.packets.len();
        let asked = 1 + usize::from(count >= 1) + usize::from(count >= 20);
        assert_eq!(answers.len(), asked, "{name}: {}", stream.pad);
        let first = answers[0].as_ref().expect("an answer");
        assert!(answers.iter().all(|a| a.as_ref() == Some(first)), "{name}");
        for (at, (told, packet)) in first.samples.iter().zip(&stream.packets).enumerate() {
            order.push((told.position, pad));
            let told = TableSample {
                position: 0,
                ..*told
            };
            assert_eq!(told, as_told(packet), "{name}: {}, buffer {at}", stream.pad);
        }
        assert_eq!(first.samples.len(), count, "{name}: {}", stream.pad);
        assert_eq!(Some(&first.caps), stream.caps.first(), "{name}");
        tables.push(first.clone());
    }
    order.sort_unstable();
    let order: Vec<usize> = order.into_iter().map(|(_, pad)| pad).collect();
    assert_eq!(order, played.order, "{name}: order of the pads");
    tables
}

/// Fails unless a media file that `h4mkmux` records, with these properties, is told.
fn recorded_is_told(recipe: Recipe, streams: usize, properties: &str) {
    let branches = super::branches(streams);
    let sources = format!("{} ! parsebin name=p  {branches}", recipe.source());
    let recording = record(&sources, properties);
    let tables = assert_told(&recording.file);
    assert_eq!(tables.len(), streams);
    assert!(tables.iter().all(|t| t.changes.is_empty()));
}

#[test]
fn h264_with_b_frames_and_aac_are_told() {
    recorded_is_told(media::H264_AAC, 2, "");
}

#[test]
fn a_variable_frame_rate_and_times_before_zero_are_told() {
    recorded_is_told(media::H264_VFR, 1, "");
    recorded_is_told(media::H264_EDIT_LIST, 2, "");
}

#[test]
fn many_tracks_and_sparse_ones_are_told() {
    recorded_is_told(media::TAGGED, 3, "");
    recorded_is_told(media::H264_SRT, 2, "");
}

#[test]
fn stream_headers_are_told() {
    recorded_is_told(media::OPUS, 1, "");
    recorded_is_told(media::FLAC, 1, "");
}

#[test]
fn version_1_files_are_told_with_milliseconds() {
    recorded_is_told(media::VP9_OPUS, 2, "extensions=false");
    for name in [
        "gops",
        "multitrack",
        "b-blocks",
        "unicode",
        "minimal",
        "limits",
    ] {
        assert_told(&data(&format!("h4mk/{name}.h4mk")));
    }
    assert_told(&data("h4x/two-tracks.h4mk"));
}

fn video(part: u64) -> Track {
    Track {
        track_id: 1,
        kind: "video".into(),
        caps: Some(format!("video/x-test,part={part}")),
        ..Track::default()
    }
}

fn audio() -> Track {
    Track {
        track_id: 2,
        kind: "audio".into(),
        caps: Some("audio/x-test".into()),
        ..Track::default()
    }
}

/// Writes blocks of two tracks. Before the blocks of the video whose number `parts` has, its caps change; the audio
/// comes with the first of these changes and is clipped.
fn written(parts: &[u64]) -> Vec<u8> {
    let mut writer = Writer::new(WriterOptions::default());
    let mut out = Vec::new();
    let none = Sidecars::default();
    writer.start(&[video(0)], &none, &mut out).unwrap();
    for n in 0..60 {
        if parts.contains(&n) {
            writer.set_tracks(&[video(n), audio()], &mut out).unwrap();
        }
        for track_id in [1, 2] {
            if track_id == 2 && n < parts[0] {
                continue;
            }
            let clipping = (track_id == 2 && (n == parts[0] || n == 59))
                .then_some(Clipping { start: 312, end: n });
            let block = BlockMeta {
                track_id,
                kind: if n % 10 == 0 { Kind::I } else { Kind::P },
                timing: Timing {
                    pts: Some(n as i64 * 40_000_000 - 100_000_000),
                    dts: None,
                    duration: (n % 3 != 0).then_some(40_000_000),
                },
                discont: n == 7,
                header: n == 8,
                droppable: n == 9,
                buffer_flags: 0,
                clipping,
                len: 300 + u32::from(track_id),
            };
            writer.begin_group(&[block], &mut out).unwrap();
            let payload = vec![n as u8; block.len as usize];
            let crc = writer.block([&payload[..]], &mut out).unwrap();
            out.extend(payload);
            out.extend(crc);
        }
    }
    writer.finish(None, &mut out).unwrap();
    out
}

#[test]
fn caps_that_change_are_told_with_their_first_buffer_and_so_is_clipping() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file.h4mk");
    // Two changes at once count as the last of them.
    std::fs::write(&file, written(&[20, 50])).unwrap();
    let tables = assert_told(&file);
    let caps = |part: i32| {
        gst::Caps::builder("video/x-test")
            .field("part", part)
            .build()
    };
    assert_eq!(tables[0].caps, caps(0));
    assert_eq!(tables[0].changes, [(20, caps(20)), (50, caps(50))]);
    assert_eq!(tables[0].clipping, []);
    assert_eq!(tables[1].changes, []);
    let clipped = |sample, end| Clipped {
        sample,
        start: 312,
        end,
    };
    assert_eq!(tables[1].clipping, [clipped(0, 20), clipped(39, 59)]);
}

/// Fails if any pad answers.
fn assert_not_told(file: &Path, properties: &str) {
    let played = play(file, properties);
    let answers: Vec<_> = played.answers.iter().flatten().collect();
    assert!(answers.len() > 1, "{}: never asked", file.display());
    assert!(answers.iter().all(|a| a.is_none()), "{}", file.display());
}

#[test]
fn what_cannot_be_told_is_not_answered() {
    let finished = data("h4x/two-tracks.h4mk");
    assert_not_told(&finished, "expose=blocks");
    assert_not_told(&finished, "follow=true");

    let folder = tempfile::tempdir().unwrap();
    let bytes = std::fs::read(&finished).unwrap();
    let cut = folder.path().join("cut.h4mk");
    std::fs::write(&cut, &bytes[..bytes.len() - 1]).unwrap();
    assert_not_told(&cut, "");
    let bytes = std::fs::read(data("h4mk/gops.h4mk")).unwrap();
    std::fs::write(&cut, &bytes[..bytes.len() - 5]).unwrap();
    assert_not_told(&cut, "");
}

#[test]
fn a_file_that_is_pushed_is_not_told() {
    let pipeline = launch(&format!(
        "filesrc location={} ! queue ! h4mkdemux name=d  d.video_0 ! fakesink name=s async=false",
        quoted(&data("h4x/two-tracks.h4mk"))
    ));
    let answers = Arc::new(Mutex::new(Vec::new()));
    let shared = answers.clone();
    let sink = pipeline.by_name("s").unwrap().static_pad("sink").unwrap();
    sink.add_probe(gst::PadProbeType::BUFFER, move |pad, _| {
        let answer = ask(pad);
        shared.lock().unwrap().push(answer);
        gst::PadProbeReturn::Ok
    });
    pipeline::run(&pipeline).good();
    let answers = answers.lock().unwrap();
    assert!(!answers.is_empty() && answers.iter().all(|a| a.is_none()));
}

#[test]
fn a_segment_that_is_not_the_whole_is_not_told_and_the_application_may_ask() {
    let pipeline = launch(&format!(
        "filesrc location={} ! h4mkdemux name=d  fakesink name=s",
        quoted(&data("h4x/two-tracks.h4mk"))
    ));
    let sink = pipeline.by_name("s").unwrap().static_pad("sink").unwrap();
    let (demux, peer) = (pipeline.by_name("d").unwrap(), sink.clone());
    demux.connect_pad_added(move |_, pad| {
        if pad.name() == "video_0" {
            pad.link(&peer).unwrap();
        }
    });
    pipeline.set_state(gst::State::Paused).unwrap();
    pipeline.state(PATIENCE).0.unwrap();
    let told = ask(&sink).unwrap();
    let seek = |to: u64| {
        let flags = gst::SeekFlags::FLUSH | gst::SeekFlags::ACCURATE;
        let to = gst::ClockTime::from_mseconds(to);
        pipeline.seek_simple(flags, to).unwrap();
        pipeline.state(PATIENCE).0.unwrap();
    };
    seek(100);
    assert_eq!(ask(&sink), None);
    seek(0);
    assert_eq!(ask(&sink), None, "a flag of the seek remains");
    pipeline.set_state(gst::State::Null).unwrap();
    pipeline.set_state(gst::State::Paused).unwrap();
    pipeline.state(PATIENCE).0.unwrap();
    assert_eq!(ask(&sink), Some(told), "after a restart");
    pipeline.set_state(gst::State::Null).unwrap();
}
