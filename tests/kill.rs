//! A recording killed with SIGKILL at any size plays: everything that was whole in the file comes out.

mod common;

use std::path::Path;
use std::process::{Child, Stdio};

use common::pipeline::quoted;
use common::{PluginFolder, Random, media, packets};
use gst::prelude::*;
use gstharmony::h4mk::{Step, Walk};
use sha2::{Digest, Sha256};

/// Starts a recording, in a process of its own, that never ends by itself.
fn start(plugin: &PluginFolder, file: &Path, properties: &str) -> Child {
    // The stream is real; it is repeated by the encoder's own source to be endless.
    let line = format!(
        "h4mkmux name=m {properties} ! filesink buffer-mode=unbuffered location={} \
         videotestsrc ! video/x-raw,width=160,height=90,framerate=25/1 \
         ! x264enc bframes=2 key-int-max=25 speed-preset=ultrafast ! h264parse ! queue ! m. \
         audiotestsrc samplesperbuffer=960 ! audio/x-raw,rate=48000,channels=1 ! opusenc ! queue ! m.",
        file.display()
    );
    let mut command = plugin.command("gst-launch-1.0");
    command
        .arg("-q")
        .args(line.split_whitespace())
        .stdout(Stdio::null());
    command.spawn().expect("gst-launch-1.0 is installed")
}

/// Kills the recording as soon as its file has `bytes` bytes.
fn kill_at(child: &mut Child, file: &Path, bytes: u64) {
    // No sleep: what is waited for is the size, asked again and again while the child does the work.
    while std::fs::metadata(file).map_or(0, |m| m.len()) < bytes {
        assert!(
            child.try_wait().expect("the child is there").is_none(),
            "the recording ended by itself"
        );
        std::thread::yield_now();
    }
    child.kill().expect("SIGKILL is sent");
    child.wait().expect("the child is gone");
}

/// The blocks that are whole in the file: track and payload, in file order.
fn whole_blocks(bytes: &[u8]) -> Vec<(u16, String)> {
    let mut walk = Walk::new(Some(bytes.len() as u64));
    let mut blocks = Vec::new();
    loop {
        let window = &bytes[walk.position() as usize..];
        match walk.step(window, true).expect("what is there is sound") {
            Step::Block(block) => {
                let payload = &bytes[block.data_offset() as usize..block.end() as usize - 4];
                assert!(block.exact, "a block without its timing");
                blocks.push((
                    block.meta.track_id,
                    format!("{:x}", Sha256::digest(payload)),
                ));
            }
            Step::Footer { .. } => panic!("the recording was finished before it was killed"),
            Step::Cut(_) => return blocks,
            _ => {}
        }
    }
}

#[test]
fn a_writer_killed_at_random_sizes_leaves_a_file_that_plays() {
    let plugin = PluginFolder::new();
    let mut random = Random::new(9);
    for round in 0..8 {
        let file = plugin.file(&format!("killed-{round}.h4mk"));
        let mut child = start(&plugin, &file, "");
        kill_at(&mut child, &file, 1_000 + random.below(1 << (14 + round)));
        let bytes = std::fs::read(&file).unwrap();
        let expected = whole_blocks(&bytes);
        for mode in ["", "queue !"] {
            let line = format!(
                "filesrc location={} ! {mode} h4mkdemux name=d",
                quoted(&file)
            );
            let (run, streams) = packets::capture(&line);
            if !expected.is_empty() {
                assert_eq!(run.error, None, "round {round}, {} bytes", bytes.len());
            }
            let mut played: Vec<&str> = streams
                .iter()
                .flat_map(|s| s.packets.iter().map(|p| p.sha256.as_str()))
                .collect();
            let mut wanted: Vec<&str> = expected.iter().map(|b| b.1.as_str()).collect();
            played.sort_unstable();
            wanted.sort_unstable();
            assert!(
                played == wanted,
                "round {round}: {} of {} blocks",
                played.len(),
                wanted.len()
            );
        }
        std::fs::remove_file(&file).unwrap();
    }
}

#[test]
fn a_killed_recording_decodes_and_seeks() {
    let plugin = PluginFolder::new();
    let file = plugin.file("killed.h4mk");
    let mut child = start(&plugin, &file, "");
    kill_at(&mut child, &file, 400_000);
    let pipeline = common::launch(&format!(
        "filesrc location={} ! decodebin name=d  d. ! queue ! fakesink  d. ! queue ! fakesink",
        quoted(&file)
    ));
    pipeline.set_state(gst::State::Paused).expect("it starts");
    let bus = pipeline.bus().expect("a bus");
    let ready = [gst::MessageType::AsyncDone, gst::MessageType::Error];
    let message = bus
        .timed_pop_filtered(common::pipeline::PATIENCE, &ready)
        .expect("it prerolls");
    assert_eq!(message.type_(), gst::MessageType::AsyncDone, "{message:?}");
    let flags = gst::SeekFlags::FLUSH | gst::SeekFlags::ACCURATE;
    let target = gst::ClockTime::from_mseconds(1_500);
    pipeline
        .seek_simple(flags, target)
        .expect("a killed file can be sought in");
    let message = bus
        .timed_pop_filtered(common::pipeline::PATIENCE, &ready)
        .expect("it seeks");
    assert_eq!(message.type_(), gst::MessageType::AsyncDone, "{message:?}");
    let position = pipeline
        .query_position::<gst::ClockTime>()
        .expect("a position");
    assert!(
        position >= target && position < target + gst::ClockTime::from_mseconds(40),
        "{position}"
    );
    pipeline.set_state(gst::State::Null).expect("it stops");
}

#[test]
fn a_recording_of_real_media_cut_everywhere_loses_no_whole_block() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file.h4mk");
    let sources = media::H264_AAC.source();
    let line = format!(
        "h4mkmux name=m ! filesink location={}  {sources} ! parsebin name=p  p. ! queue ! m.  p. ! queue ! m.",
        quoted(&file)
    );
    common::run(&common::launch(&line)).good();
    common::cut::cut_everywhere(&file, &["", "queue !"]);
}
