//! `h4mkdemux` on the reference vectors, in pull mode, push mode and streamed.

mod common;

use common::packets::capture;
use common::{FileServer, Stream, data};
use gst::prelude::*;
use serde_json::Value;

fn json(name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(data(name)).unwrap()).unwrap()
}

fn file(name: &str) -> String {
    format!("filesrc location={}", common::pipeline::quoted(&data(name)))
}

/// What a stream brought, as the vector's JSON says it.
fn timing(stream: &Stream) -> Vec<Value> {
    let mut highest = None;
    stream
        .packets
        .iter()
        .map(|p| {
            let delta = p.flags.contains(gst::BufferFlags::DELTA_UNIT);
            let kind = match (delta, highest.max(p.pts) > p.pts) {
                (false, _) => "I",
                (true, false) => "P",
                (true, true) => "B",
            };
            highest = if delta { highest.max(p.pts) } else { p.pts };
            serde_json::json!([p.pts, p.dts, p.duration, kind, p.sha256])
        })
        .collect()
}

fn assert_exact(streams: &[Stream], what: &str) {
    let expected = json("h4x/two-tracks.json");
    let all = expected["timing"].as_array().unwrap();
    assert_eq!(streams.len(), 2, "{what}");
    for (stream, track) in streams.iter().zip(1..) {
        let of_track: Vec<Value> = all
            .iter()
            .filter(|t| t[0] == track)
            .map(|t| Value::from(&t.as_array().unwrap()[1..]))
            .collect();
        assert_eq!(timing(stream), of_track, "{what}, track {track}");
        assert!(stream.ended(), "{what}, track {track}");
    }
}

#[test]
fn the_exact_timing_comes_out_in_pull_mode() {
    let source = file("h4x/two-tracks.h4mk");
    let (run, streams) = capture(&format!("{source} ! h4mkdemux name=d"));
    run.good();
    assert_exact(&streams, "pull mode");
}

#[test]
fn the_exact_timing_comes_out_in_push_mode_with_seeks_upstream() {
    let source = file("h4x/two-tracks.h4mk");
    let (run, streams) = capture(&format!("{source} ! queue ! h4mkdemux name=d"));
    run.good();
    assert_exact(&streams, "push mode from a file");

    let server = FileServer::new(&data("h4x/two-tracks.h4mk"), true);
    let (run, streams) = capture(&format!(
        "souphttpsrc location={} ! h4mkdemux name=d",
        server.url()
    ));
    run.good();
    assert_exact(&streams, "push mode over HTTP");
    assert!(server.seeks() >= 2, "the index is fetched first");
}

#[test]
fn the_exact_timing_comes_out_of_a_stream_that_cannot_seek() {
    let server = FileServer::new(&data("h4x/two-tracks.h4mk"), false);
    let (run, streams) = capture(&format!(
        "souphttpsrc location={} blocksize=777 ! h4mkdemux name=d",
        server.url()
    ));
    run.good();
    assert_exact(&streams, "streamed");
}

#[test]
fn a_version_1_file_plays_as_blocks_with_millisecond_pts() {
    for name in [
        "gops",
        "multitrack",
        "b-blocks",
        "unicode",
        "minimal",
        "limits",
    ] {
        let source = file(&format!("h4mk/{name}.h4mk"));
        let (run, streams) = capture(&format!("{source} ! h4mkdemux name=d"));
        run.good();
        let expected = json(&format!("h4mk/{name}.json"));
        for (stream, track) in streams.iter().zip(expected["tracks"].as_array().unwrap()) {
            let caps = stream.caps[0].structure(0).unwrap();
            assert_eq!(caps.name(), "application/x-h4mk-block", "{name}");
            assert_eq!(track["codec"], caps.get::<&str>("codec").unwrap(), "{name}");
            let id = caps.get::<i32>("track-id").unwrap();
            assert_eq!(track["track_id"], id, "{name}");
            let blocks: Vec<(i64, &str)> = expected["chunks"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|c| c["type"] == "CORE" && c["track_id"] == id)
                .map(|c| {
                    let pts = c["pts_ms"].as_i64().unwrap() * 1_000_000;
                    (pts, c["payload_sha256"].as_str().unwrap())
                })
                .collect();
            let found: Vec<(i64, &str)> = stream
                .packets
                .iter()
                .map(|p| (p.pts.unwrap(), p.sha256.as_str()))
                .collect();
            assert_eq!(found, blocks, "{name}");
        }
    }
}

#[test]
fn blocks_carry_their_kind_and_their_number() {
    common::init();
    let source = file("h4x/two-tracks.h4mk");
    let pipeline = common::launch(&format!(
        "{source} ! h4mkdemux name=d expose=blocks d.video_0 ! fakesink name=s sync=false async=false \
         d.audio_0 ! fakesink sync=false async=false"
    ));
    let sink = pipeline.by_name("s").unwrap();
    let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen_by_probe = seen.clone();
    sink.static_pad("sink")
        .unwrap()
        .add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            let buffer = info.buffer().unwrap();
            let kind = gstharmony::meta::block_kind(buffer).unwrap();
            seen_by_probe
                .lock()
                .unwrap()
                .push((buffer.offset(), kind.as_str()));
            gst::PadProbeReturn::Ok
        });
    common::run(&pipeline).good();
    let expected: Vec<(u64, String)> = json("h4x/two-tracks.json")["timing"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|t| t[0] == 1)
        .map(|t| t[4].as_str().unwrap().to_string())
        .enumerate()
        .map(|(n, kind)| (n as u64, kind))
        .collect();
    let seen = seen.lock().unwrap();
    let found: Vec<(u64, String)> = seen.iter().map(|(n, k)| (*n, k.to_string())).collect();
    assert_eq!(found, expected);
}

#[test]
fn every_bad_vector_is_an_error_that_says_where() {
    let mut count = 0;
    for entry in std::fs::read_dir(data("h4mk")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_string();
        if !name.starts_with("bad-") || name == "bad-empty.h4mk" {
            continue;
        }
        for queue in ["", "! queue"] {
            let source = file(&format!("h4mk/{name}"));
            let (run, _) = capture(&format!(
                "{source} {queue} ! application/x-h4mk ! h4mkdemux name=d strict=true"
            ));
            let error = run.failure();
            assert!(error.contains("offset "), "{name}{queue}: {error}");
        }
        count += 1;
    }
    assert_eq!(count, 7);
}

#[test]
fn a_cut_file_plays_what_is_whole_and_says_that_it_is_cut() {
    let (run, streams) = capture(&format!(
        "{} ! h4mkdemux name=d",
        file("h4mk/bad-truncated.h4mk")
    ));
    assert_eq!(run.error, None);
    assert_eq!(run.warnings.len(), 1, "{:?}", run.warnings);
    assert!(run.warnings[0].contains("offset"), "{:?}", run.warnings);
    let whole = json("h4mk/gops.json");
    let shas: Vec<&Value> = whole["chunks"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|c| c.get("payload_sha256"))
        .collect();
    let found = &streams[0].packets;
    assert!(found.len() > 10 && found.len() < shas.len());
    assert!(found.iter().zip(shas).all(|(p, sha)| *sha == p.sha256));
}

#[test]
fn the_decode_chain_signal_answers_as_the_reference_does() {
    common::init();
    let pipeline = common::launch(&format!(
        "{} ! h4mkdemux name=d ! fakesink",
        file("h4mk/b-blocks.h4mk")
    ));
    pipeline.set_state(gst::State::Paused).unwrap();
    let (result, ..) = pipeline.state(common::pipeline::PATIENCE);
    result.unwrap();
    let demux = pipeline.by_name("d").unwrap();
    for query in json("h4mk/b-blocks.json")["queries"].as_array().unwrap() {
        let track = query["track_id"].as_u64().unwrap() as u32;
        let time = query["t_ms"].as_u64().unwrap() * 1_000_000 + 999_999;
        let found: Option<gst::Structure> = demux.emit_by_name("decode-chain", &[&track, &time]);
        let Some(found) = found else {
            assert_eq!(query["keyframe"], Value::Null, "{query}");
            continue;
        };
        assert_eq!(query["keyframe"], found.get::<u64>("keyframe").unwrap());
        let chain: Vec<u64> = found
            .get::<gst::Array>("chain")
            .unwrap()
            .iter()
            .map(|v| v.get::<u64>().unwrap())
            .collect();
        assert_eq!(query["chain"], Value::from(chain), "{query}");
    }
    pipeline.set_state(gst::State::Null).unwrap();
}
