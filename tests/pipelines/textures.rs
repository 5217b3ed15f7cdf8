//! Pipelines that decode into textures.

use tempfile::TempDir;

use super::common::{gl, launch, media, pipeline, run};
use super::{folder, run_in, set};

/// Pictures in both files are of this size.
const FRAME: usize = 320 * 180 * 4;

#[test]
fn a_film_is_decoded_into_textures() {
    let scratch = TempDir::new().expect("a folder");
    let source = media::H264_AAC.path();
    let (textures, decoded) = (
        scratch.path().join("textures"),
        scratch.path().join("decoded"),
    );
    run_in(
        &folder().join("decode-to-texture.launch"),
        &[
            set("source.location", &source),
            set("sink.location", &textures),
        ],
        &gl::ENVIRONMENT,
    );
    run(&launch(&format!(
        "{} ! decodebin ! videoconvert ! video/x-raw,format=RGBA ! filesink location={}",
        media::H264_AAC.source(),
        pipeline::quoted(&decoded)
    )))
    .good();
    let textures = std::fs::read(&textures).expect("the textures' pixels");
    let decoded = std::fs::read(&decoded).expect("the frames");
    assert_eq!(textures.len(), decoded.len());
    assert!(decoded.len() > 100 * FRAME && decoded.len().is_multiple_of(FRAME));
    // The two convert from Y'CbCr in their own ways.
    for (index, (seen, frame)) in textures
        .chunks(FRAME)
        .zip(decoded.chunks(FRAME))
        .enumerate()
    {
        let apart: u64 = seen
            .iter()
            .zip(frame)
            .map(|(a, b)| u64::from(a.abs_diff(*b)))
            .sum();
        assert!(
            apart < 6 * FRAME as u64,
            "frame {index}: {apart} in {FRAME}"
        );
    }
}
