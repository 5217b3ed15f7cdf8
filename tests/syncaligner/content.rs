//! What buffers have in them when they come out.

use gst::prelude::*;

use crate::rig::{AUDIO, Lane, Rig, SENSOR, VIDEO, audio, bytes, video};

fn samples(lane: &Lane) -> Vec<f32> {
    let all = lane.all();
    let mut samples = Vec::new();
    for buffer in &all {
        let map = buffer.map_readable().expect("readable");
        let values = map.chunks_exact(4).map(|b| b.try_into().expect("four"));
        samples.extend(values.map(f32::from_le_bytes));
    }
    samples
}

/// True where each buffer begins where the one before ends, to the nanosecond.
fn assert_contiguous(buffers: &[gst::Buffer]) {
    for pair in buffers.windows(2) {
        let end = pair[0].pts().unwrap() + pair[0].duration().unwrap();
        let begin = pair[1].pts().unwrap();
        let off = end.nseconds().abs_diff(begin.nseconds());
        assert!(off <= 1, "{end} and {begin}");
    }
}

#[test]
fn what_is_not_moved_is_not_copied() {
    let rig = Rig::playing("");
    let (reference, other) = (rig.file(AUDIO), rig.file(AUDIO));
    for lane in [&reference, &other] {
        let buffer = audio(0);
        let memory = buffer.peek_memory(0).as_ptr();
        lane.push(buffer);
        let out = lane.buffers(1);
        assert_eq!(out[0].peek_memory(0).as_ptr(), memory);
    }
}

#[test]
fn audio_at_an_offset_of_whole_samples_is_bit_exact() {
    let rig = Rig::playing("");
    let (_reference, other) = (rig.file(AUDIO), rig.file(AUDIO));
    _reference.push(audio(0));
    rig.set_offset(&other, 50);
    for ms in (0..1000).step_by(20) {
        other.push(audio(ms));
    }
    other.end();
    other.wait_for(gst::EventType::Eos);
    let out = other.all();
    assert_eq!(out[0].pts(), Some(gst::ClockTime::from_mseconds(50)));
    assert_contiguous(&out);
    let expected: Vec<f32> = (0..48_000).map(|n| n as f32 * 1e-6).collect();
    assert_eq!(samples(&other), expected);
    let meta = out[5].meta::<gst::ReferenceTimestampMeta>().unwrap();
    let was = out[5].pts().unwrap() - gst::ClockTime::from_mseconds(50);
    assert_eq!(meta.timestamp(), was);
}

#[test]
fn audio_steps_forward_through_silence() {
    let rig = Rig::playing("");
    let (reference, other) = (rig.file(AUDIO), rig.file(AUDIO));
    reference.push(audio(0));
    for ms in (0..200).step_by(20) {
        other.push(audio(ms));
    }
    other.buffers(10);
    rig.set_offset(&other, 100);
    for ms in (200..400).step_by(20) {
        other.push(audio(ms));
    }
    other.end();
    other.wait_for(gst::EventType::Eos);
    assert_contiguous(&other.all());
    let out = samples(&other);
    assert_eq!(out.len(), 500 * 48);
    assert!(out[205 * 48..299 * 48].iter().all(|s| *s == 0.0));
    let gap = rig.stat(&other, "gap");
    assert!((80_000_000..=100_000_000).contains(&gap), "{gap}");
    let discont = other
        .all()
        .iter()
        .skip(1)
        .any(|b| b.flags().contains(gst::BufferFlags::DISCONT));
    assert!(discont, "the step is marked");
}

#[test]
fn audio_may_keep_its_samples() {
    let rig = Rig::playing("");
    let (reference, other) = (rig.file(AUDIO), rig.silent("sink_%u", None));
    other
        .sink
        .set_property_from_str("audio-correction", "timestamp");
    other.event(gst::event::StreamStart::new("other"));
    other.caps(AUDIO);
    other.segment(0);
    reference.push(audio(0));
    rig.set_offset(&other, 33);
    let buffer = audio(0);
    let memory = buffer.peek_memory(0).as_ptr();
    other.push(buffer);
    other.push(audio(20));
    assert_eq!(other.times(2), [33, 53]);
    assert_eq!(other.all()[0].peek_memory(0).as_ptr(), memory);
}

#[test]
fn s16_is_carried_as_s16() {
    let caps = "audio/x-raw,format=S16LE,layout=interleaved,rate=48000,channels=2";
    let rig = Rig::playing("");
    let (reference, other) = (rig.file(AUDIO), rig.file(caps));
    reference.push(audio(0));
    rig.set_offset(&other, 10);
    let data: Vec<u8> = (0..960 * 2)
        .flat_map(|n: i16| (n * 17).to_le_bytes())
        .collect();
    other.push(bytes(0, 20, data.clone()));
    other.end();
    other.wait_for(gst::EventType::Eos);
    let out = other.all();
    assert_eq!(out[0].pts(), Some(gst::ClockTime::from_mseconds(10)));
    let map = out[0].map_readable().unwrap();
    assert_eq!(map.as_slice(), data);
}

#[test]
fn frames_fill_the_hole_that_a_step_makes() {
    let rig = Rig::playing("");
    let (reference, other) = (rig.file(AUDIO), rig.file(VIDEO));
    reference.push(audio(0));
    for ms in (0..200).step_by(40) {
        other.push(video(ms));
    }
    other.buffers(5);
    rig.set_offset(&other, 120);
    other.push(video(200));
    assert_eq!(other.times(9)[4..], [160, 200, 240, 280, 320]);
    assert_eq!(rig.stat(&other, "duplicated"), 3);
    assert_eq!(rig.stat(&other, "out"), 6);
}

#[test]
fn readings_of_a_sensor_lie_on_straight_lines() {
    let rig = Rig::playing("");
    let (reference, other) = (rig.file(AUDIO), rig.file(SENSOR));
    reference.push(audio(0));
    rig.set_offset(&other, 25);
    for n in 0..50_u64 {
        other.push(bytes(n * 10, 10, (n as f32).to_le_bytes().to_vec()));
    }
    other.end();
    other.wait_for(gst::EventType::Eos);
    let out = other.all();
    assert_contiguous(&out);
    assert_eq!(out[0].pts(), Some(gst::ClockTime::from_mseconds(25)));
    let values = samples(&other);
    assert!(
        values
            .windows(2)
            .take(40)
            .all(|w| (w[1] - w[0] - 1.0).abs() < 1e-3)
    );
}

#[test]
fn measure_passes_everything_as_it_is() {
    let rig = Rig::playing("mode=measure");
    let (first, second) = (rig.silent("sink_%u", None), rig.file(VIDEO));
    let mut events = vec![gst::event::StreamStart::new("first")];
    events.push(gst::event::Caps::new(&AUDIO.parse().unwrap()));
    let mut segment = gst::FormattedSegment::<gst::ClockTime>::new();
    segment.set_start(gst::ClockTime::from_mseconds(40));
    segment.set_base(gst::ClockTime::from_mseconds(7));
    events.push(gst::event::Segment::new(&segment));
    events.iter().for_each(|event| first.event(event.clone()));
    rig.set_offset(&second, 100);
    second.push(video(0));
    let sent: Vec<gst::Buffer> = [40, 20, 900, 60].into_iter().map(audio).collect();
    sent.iter().for_each(|buffer| first.push(buffer.clone()));
    let out = first.all();
    assert_eq!(out.len(), sent.len(), "nothing waits");
    for (out, sent) in out.iter().zip(&sent) {
        assert_eq!(out.as_ptr(), sent.as_ptr());
    }
    let came: Vec<_> = first.events().iter().map(|e| e.as_ptr()).collect();
    let expected: Vec<_> = events.iter().map(|e| e.as_ptr()).collect();
    assert_eq!(came, expected);
    assert_eq!(second.times(1), [0]);
    assert_eq!(rig.latency(&first), (false, 0, None));
}

#[test]
fn every_channel_is_carried_however_many_there_are() {
    const CHANNELS: usize = 100;
    let caps = "audio/x-raw,format=S16LE,layout=interleaved,rate=44100,channels=100,channel-mask=(bitmask)0";
    let rig = Rig::playing("");
    let (reference, other) = (rig.file(AUDIO), rig.file(caps));
    reference.push(audio(0));
    // No whole number of samples.
    rig.set_offset(&other, 1);
    // Each channel has a value of its own.
    let frame: Vec<u8> = (0..CHANNELS as i16)
        .flat_map(|n| (n * 300).to_le_bytes())
        .collect();
    for ms in (0..200).step_by(20) {
        other.push(bytes(ms, 20, frame.repeat(882)));
    }
    other.end();
    other.wait_for(gst::EventType::Eos);
    let all = other.all();
    assert_contiguous(&all);
    let out: Vec<u8> = all
        .iter()
        .flat_map(|b| b.map_readable().expect("readable").to_vec())
        .collect();
    assert_eq!(out.len(), 8820 * CHANNELS * 2);
    // The filter looks beyond both ends.
    let inner = &out[16 * frame.len()..8804 * frame.len()];
    let same = |out: &[u8]| {
        let samples = |bytes: &[u8]| {
            let values = bytes.chunks_exact(2).map(|b| [b[0], b[1]]);
            values.map(i16::from_le_bytes).collect::<Vec<_>>()
        };
        let pairs = samples(out).into_iter().zip(samples(&frame));
        pairs.into_iter().all(|(a, b)| a.abs_diff(b) <= 1)
    };
    assert!(inner.chunks(frame.len()).all(same));
}
