//! Claps, flashes and steps whose times are known: what is measured of them.

use std::fs;

use gst::prelude::*;
use gstharmony::elements::syncaligner::PadState;

use crate::common::corpus::{self, Pair};
use crate::common::pipeline::quoted;
use crate::common::{launch, run};
use crate::rig::{AUDIO, Rig, bytes};

/// How far a pad's map at its end lies off the truth, and what accuracy is claimed, in seconds.
fn error(pad: &gst::Pad, pair: &Pair) -> (f64, f64) {
    assert_eq!(pad.property::<PadState>("state"), PadState::Locked);
    let end = pair.truth["seconds"].as_f64().expect("a length");
    let offset = pad.property::<i64>("offset") as f64 * 1e-9;
    let claimed = pad.property::<u64>("uncertainty-ns") as f64 * 1e-9;
    ((end + offset - pair.apply(end)).abs(), claimed)
}

#[test]
fn a_camera_locks_by_flashes_to_claps() {
    let pair = corpus::pair("flash-30.0-rolling-full-x264", 24);
    let ns = |key: &str| (pair.truth[key].as_f64().expect("seconds") * 1e9) as u64;
    let pipeline = launch(&format!(
        "syncaligner name=s reference-pad=sink_0 max-drift=50 \
         filesrc location={} ! wavparse ! s.sink_0 s.src_0 ! fakesink sync=false async=false \
         filesrc location={} ! decodebin ! s.sink_1 s.src_1 ! fakesink sync=false async=false",
        quoted(&pair.reference),
        quoted(&pair.stream)
    ));
    let element = pipeline.by_name("s").expect("the aligner");
    let (exposure, readout) = (ns("exposure_s"), ns("readout_s"));
    element.connect_pad_added(move |_, pad| {
        if pad.name() == "sink_1" {
            pad.set_property("exposure", exposure);
            pad.set_property("readout-time", readout);
        }
    });
    let ran = run(&pipeline).good();
    let names = ran
        .messages
        .iter()
        .filter_map(|m| m.structure())
        .map(|s| s.name());
    assert!(names.into_iter().any(|name| name == "syncaligner-locked"));
    let pad = element.static_pad("sink_1").expect("its pad");
    let (error, claimed) = error(&pad, &pair);
    // A frame is 33 ms, and less than a dozen flashes are seen.
    assert!(error <= claimed && claimed < 10e-3, "{error} {claimed}");
}

/// A sensor's CSV as interleaved values, three channels at 100 Hz.
fn readings(pair: &Pair) -> Vec<f32> {
    let text = fs::read_to_string(&pair.stream).expect("a CSV");
    let rows = text.lines().skip(1);
    rows.flat_map(|row| {
        row.split(',')
            .skip(1)
            .map(|v| v.parse::<f32>().expect("a number"))
    })
    .collect()
}

#[test]
fn a_sensor_locks_by_steps_to_claps() {
    let pair = corpus::pair("sensor-1", 24);
    let sound = corpus::samples(&pair.reference);
    let steps = readings(&pair);
    // No claim holds for a clock that drifts more than was said: this one has 80 ppm.
    let rig = Rig::playing("max-drift=100");
    let microphone = rig.file(AUDIO);
    let sensor = rig.file("application/x-sensor,format=F32LE,channels=3,rate=100");
    let values = |part: &[f32]| {
        part.iter()
            .flat_map(|v| v.to_le_bytes())
            .collect::<Vec<u8>>()
    };
    // 100 ms a buffer.
    for (n, (sound, steps)) in sound
        .chunks_exact(4800)
        .zip(steps.chunks_exact(30))
        .enumerate()
    {
        let ms = 100 * n as u64;
        microphone.push(bytes(ms, 100, values(sound)));
        sensor.push(bytes(ms, 100, values(steps)));
    }
    let locked = rig.message("syncaligner-locked");
    assert_eq!(locked.get::<&str>("pad"), Ok(sensor.sink.name().as_str()));
    let (error, claimed) = error(&sensor.sink, &pair);
    // A reading is 10 ms.
    assert!(error <= claimed && claimed < 8e-3, "{error} {claimed}");
}
