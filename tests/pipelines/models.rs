//! Those that give blocks and frames to `adaptersink`.

use tempfile::TempDir;

use crate::common::ffprobe::probe;
use crate::common::media;
use crate::{launch, recorded, recording, set};

#[test]
fn blocks_go_to_a_model() {
    let folder = TempDir::new().expect("a folder");
    let source = recording(&folder);
    let file = folder.path().join("groups");
    launch(
        "decode-to-model",
        &[
            set("source.location", &source),
            set("model.location", &file),
        ],
    );
    let first = &recorded(&source)[0];
    let stored: usize = first.packets.iter().map(|p| p.size).sum();
    assert_eq!(std::fs::read(&file).expect("the groups").len(), stored);
}

#[test]
fn a_film_becomes_rgb() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("frames");
    let film = media::H264_AAC.path();
    launch(
        "decode-to-rgb",
        &[set("source.location", &film), set("frames.location", &file)],
    );
    let frames = probe(&film)[0].packets.len();
    let written = std::fs::read(&file).expect("the frames");
    assert_eq!(written.len(), frames * 320 * 180 * 3);
}
