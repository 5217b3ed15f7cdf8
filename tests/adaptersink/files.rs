//! Real media.

use gst::prelude::*;
use gstharmony::elements::adaptersink::AdapterSink;

use crate::common::media::{H264_AAC, H264_VFR};
use crate::common::pipeline::watch;
use crate::common::{launch, run};
use crate::rig::{index, stat};

/// No output takes this long on any machine.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);

/// All outputs of a pipeline with the sink `s`.
fn outputs(description: &str) -> (Vec<gst::Sample>, AdapterSink) {
    let pipeline = launch(description);
    let sink = pipeline.by_name("s").expect("it has a sink");
    let sink: AdapterSink = sink.downcast().expect("the sink");
    // There is nothing to pull from an element that has not started.
    pipeline.set_state(gst::State::Paused).expect("it pauses");
    pipeline.set_state(gst::State::Playing).expect("it plays");
    let outputs = std::iter::from_fn(|| sink.try_pull_output(PATIENCE)).collect();
    watch(&pipeline.bus().expect("a bus")).good();
    pipeline.set_state(gst::State::Null).expect("it stops");
    (outputs, sink)
}

/// The same stream by `appsink`.
fn by_appsink(description: &str) -> Vec<gst::Sample> {
    let pipeline = launch(&format!("{description} ! appsink name=a sync=false"));
    let sink = pipeline.by_name("a").expect("it has a sink");
    let sink: gst_app::AppSink = sink.downcast().expect("an appsink");
    pipeline.set_state(gst::State::Playing).expect("it plays");
    let samples = std::iter::from_fn(|| sink.pull_sample().ok()).collect();
    pipeline.set_state(gst::State::Null).expect("it stops");
    samples
}

fn bytes(sample: &gst::Sample) -> Vec<u8> {
    sample.buffer().unwrap().map_readable().unwrap().to_vec()
}

#[test]
fn frames_as_they_are_have_the_bytes_and_times_that_appsink_has() {
    for media in [H264_AAC, H264_VFR] {
        let stream = format!(
            "{} ! matroskademux ! h264parse ! avdec_h264",
            media.source()
        );
        let expected = by_appsink(&stream);
        let (found, sink) = outputs(&format!("{stream} ! adaptersink name=s"));
        assert_eq!(found.len(), expected.len());
        assert!(found.len() > 90);
        for (number, (found, expected)) in found.iter().zip(&expected).enumerate() {
            assert_eq!(index(found), number as u64);
            let times =
                |s: &gst::Sample| (s.buffer().unwrap().pts(), s.buffer().unwrap().duration());
            assert_eq!(times(found), times(expected), "VFR is kept");
            assert_eq!(found.caps(), expected.caps());
            assert!(bytes(found) == bytes(expected), "frame {number}");
        }
        assert_eq!(stat(&sink, "rendered"), found.len() as u64);
        assert_eq!(stat(&sink, "lost"), 0);
    }
}

/// Coefficients of red and blue (ITU-T H.273, table 4).
fn coefficients(colorimetry: &str) -> (f64, f64) {
    match colorimetry {
        c if c.contains("601") => (0.299, 0.114),
        c if c.contains("709") => (0.2126, 0.0722),
        _ => (0.2627, 0.0593),
    }
}

/// A pixel of I420 in floating point, with the nearest chroma sample; black is the lowest luma in limited range.
fn reference(
    frame: &[u8],
    (width, height): (usize, usize),
    at: (usize, usize),
    full: bool,
    colorimetry: &str,
) -> [f64; 3] {
    let (x, y) = at;
    // Widths here are multiples of 4: rows have no padding.
    let quarter = width / 2 * (height / 2);
    let chroma = width * height + y / 2 * (width / 2) + x / 2;
    let (luma, blue, red) = (frame[y * width + x], frame[chroma], frame[chroma + quarter]);
    let centered = |c: u8| f64::from(c) - 128.0;
    let (luma, blue, red) = match full {
        true => (
            f64::from(luma) / 255.0,
            centered(blue) / 255.0,
            centered(red) / 255.0,
        ),
        false => (
            (f64::from(luma.max(16)) - 16.0) / 219.0,
            centered(blue) / 224.0,
            centered(red) / 224.0,
        ),
    };
    let (kr, kb) = coefficients(colorimetry);
    let (r, b) = (
        luma + 2.0 * (1.0 - kr) * red,
        luma + 2.0 * (1.0 - kb) * blue,
    );
    let g = (luma - kr * r - kb * b) / (1.0 - kr - kb);
    [r, g, b].map(|v| (v * 255.0).clamp(0.0, 255.0))
}

#[test]
fn rgb_is_what_the_caps_matrix_and_range_give() {
    let size = (64, 48);
    // Range, matrix, transfer and primaries, as GStreamer numbers them.
    let all = [
        ("2:4:16:4", false, "601"),
        ("2:3:5:1", false, "709"),
        ("2:6:13:7", false, "2020"),
        ("1:4:16:4", true, "601"),
        ("1:3:5:1", true, "709"),
        ("1:6:13:7", true, "2020"),
    ];
    for (colorimetry, full, matrix) in all {
        let stream = format!(
            "videotestsrc pattern=snow num-buffers=2 \
             ! video/x-raw,format=I420,width=64,height=48,colorimetry=(string){colorimetry}"
        );
        let (frames, _) = outputs(&format!("{stream} ! adaptersink name=s"));
        for (format, pixel) in [("RGB", 3), ("RGBA", 4)] {
            let (converted, _) = outputs(&format!(
                "{stream} ! adaptersink name=s frame-format={format}"
            ));
            assert_eq!(converted.len(), frames.len());
            for (found, frame) in converted.iter().zip(&frames) {
                let caps = found.caps().unwrap().structure(0).unwrap();
                assert_eq!(caps.get::<&str>("format"), Ok(format));
                assert_eq!(found.buffer().unwrap().pts(), frame.buffer().unwrap().pts());
                let (found, frame) = (bytes(found), bytes(frame));
                assert_eq!(found.len(), 64 * 48 * pixel);
                for (number, found) in found.chunks(pixel).enumerate() {
                    let at = (number % size.0, number / size.0);
                    let expected = reference(&frame, size, at, full, matrix);
                    for (found, expected) in found.iter().zip(expected) {
                        let off = (f64::from(*found) - expected).abs();
                        assert!(
                            off <= 1.0,
                            "{colorimetry} {at:?}: {found}, expected {expected}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn blocks_that_are_gone_from_a_recording_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("film.h4mk");
    run(&launch(&format!(
        "{} ! matroskademux ! h264parse ! h4mkmux ! filesink location={}",
        H264_VFR.source(),
        file.display()
    )))
    .good();
    let pipeline = launch(&format!(
        "filesrc location={} ! h4mkdemux expose=blocks ! queue name=q ! adaptersink name=s location={}",
        file.display(),
        folder.path().join("blocks").display()
    ));
    // Every seventh from the fourth on is taken out on its way, two in a row of each third.
    let pad = pipeline.by_name("q").unwrap().static_pad("src").unwrap();
    let taken = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let counted = taken.clone();
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let number = info.buffer().expect("a buffer").offset();
        if number % 7 == 3 || number % 21 == 4 {
            counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            return gst::PadProbeReturn::Drop;
        }
        gst::PadProbeReturn::Ok
    });
    let sink: AdapterSink = pipeline.by_name("s").unwrap().downcast().unwrap();
    run(&pipeline).good();
    let taken = taken.load(std::sync::atomic::Ordering::Relaxed);
    assert!(taken > 15);
    assert_eq!(stat(&sink, "lost"), taken);
    assert_eq!(stat(&sink, "corrupt"), 0);
}
