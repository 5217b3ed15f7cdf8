//! The buffers that go out: lists, flags, times, memory.

use gst::BufferFlags as F;
use gst::prelude::*;

use crate::common::pipeline::quoted;
use crate::common::{boxes, ffprobe, media};
use crate::streams::{AUDIO, VIDEO, bytes, picture, pictures, playing, seconds};

fn headers(event: &gst::Event) -> Option<Vec<u8>> {
    let gst::EventView::Caps(caps) = event.view() else {
        return None;
    };
    let structure = caps.caps().structure(0).unwrap();
    assert_eq!(structure.name(), "video/quicktime");
    let headers: gst::ArrayRef = structure.get("streamheader").unwrap();
    let buffers = headers.iter().map(|v| v.get::<gst::Buffer>().unwrap());
    let bytes: Vec<_> = buffers
        .map(|b| b.map_readable().unwrap().to_vec())
        .collect();
    Some(bytes.concat())
}

#[test]
fn the_init_segment_is_a_list_of_its_own_and_the_stream_header() {
    let mut rig = playing("");
    let video = rig.input("video_0", VIDEO);
    pictures(&video, 0..30);
    let lists = rig.lists();
    let [init, first] = &lists[..] else {
        panic!("{lists:?}");
    };
    assert_eq!(init.len(), 1);
    assert_eq!(init[0].flags(), F::DISCONT | F::HEADER);
    let header = init[0].map_readable().unwrap().to_vec();
    assert_eq!(boxes::layout(&header), ["ftyp", "moov"]);
    let events = rig.events();
    let types: Vec<gst::EventType> = events.iter().map(|e| e.type_()).collect();
    use gst::EventType as T;
    assert_eq!(types, [T::StreamStart, T::Caps, T::Segment]);
    assert_eq!(headers(&events[1]), Some(header));
    assert_eq!(first.len(), 26, "a header and a second of samples");
}

#[test]
fn a_fragment_is_a_list_of_a_header_with_times_and_the_samples() {
    let mut rig = playing("");
    let (video, audio) = (rig.input("video_0", VIDEO), rig.input("audio_0", AUDIO));
    seconds(&video, &audio, 0..3);
    video.end();
    audio.end();
    let lists = rig.lists();
    assert_eq!(lists.len(), 4);
    let (mut offset, mut samples) = (lists[0][0].size() as u64, 0);
    for (place, list) in lists[1..].iter().enumerate() {
        let begin = gst::ClockTime::from_seconds(place as u64);
        let head = &list[0];
        assert_eq!(head.flags(), F::HEADER);
        assert_eq!((head.pts(), head.dts()), (Some(begin), Some(begin)));
        let second = gst::ClockTime::SECOND;
        assert!(head.duration().unwrap().absdiff(second) < gst::ClockTime::from_mseconds(30));
        let (last, others) = list[1..].split_last().unwrap();
        assert!(others.iter().all(|b| b.flags() == F::DELTA_UNIT));
        assert_eq!(last.flags(), F::DELTA_UNIT | F::MARKER);
        for buffer in list {
            assert_eq!(buffer.offset(), offset);
            offset = buffer.offset_end();
        }
        samples += list.len() - 1;
    }
    assert_eq!(samples, 75 + 141);
    assert_eq!(offset, bytes(&mut rig).len() as u64);
}

#[test]
fn the_header_of_a_chunk_that_goes_on_a_segment_is_a_delta_unit() {
    let mut rig = playing("chunk-duration=400000000");
    let video = rig.input("video_0", VIDEO);
    pictures(&video, 0..60);
    video.end();
    let lists = rig.lists();
    let flags: Vec<F> = lists[1..].iter().map(|list| list[0].flags()).collect();
    let (whole, chunk) = (F::HEADER, F::HEADER | F::DELTA_UNIT);
    assert_eq!(flags, [whole, chunk, chunk, whole, chunk, chunk, whole]);
}

#[test]
fn a_part_of_a_split_group_is_a_delta_unit() {
    let mut rig = playing("max-gop-duration=1000000000");
    let video = rig.input("video_0", VIDEO);
    video.pad.push(picture(0)).unwrap();
    for number in 1..60 {
        let delta = crate::streams::picture_at(number, number * 40, false);
        video.pad.push(delta).unwrap();
    }
    video.end();
    let lists = rig.lists();
    let flags: Vec<F> = lists[1..].iter().map(|list| list[0].flags()).collect();
    let part = F::HEADER | F::DELTA_UNIT;
    assert_eq!(flags, [F::HEADER, part, part]);
}

#[test]
fn samples_are_passed_on_and_not_copied() {
    for properties in ["", "chunk-duration=200000000", "output-mode=progressive"] {
        let mut rig = playing(properties);
        let video = rig.input("video_0", VIDEO);
        let mut given = Vec::new();
        for number in 0..60 {
            let mut buffer = picture(number);
            let made = buffer.get_mut().unwrap();
            // Several memories are no reason to copy.
            let mut second = vec![0, 0, 0, 200];
            second.resize(204, 7);
            made.append_memory(gst::Memory::from_slice(second));
            given.extend(buffer.iter_memories().map(|m| m.as_ptr()));
            video.pad.push(buffer).unwrap();
        }
        video.end();
        rig.drain();
        if properties.contains("progressive") {
            assert_eq!(boxes::layout(&bytes(&mut rig)), ["ftyp", "moov", "mdat"]);
            continue;
        }
        let memories = |b: &gst::Buffer| b.iter_memories().map(|m| m.as_ptr()).collect::<Vec<_>>();
        let passed: Vec<_> = rig.seen.iter().flat_map(memories).collect();
        let copied = given.iter().filter(|memory| !passed.contains(memory));
        assert_eq!(copied.count(), 0, "of {}, {properties}", given.len());
    }
}

#[test]
fn a_buffer_that_others_hold_too_stays_as_it_was() {
    let rig = playing("");
    let video = rig.input("video_0", VIDEO);
    let shared = picture(0);
    video.pad.push(shared.clone()).unwrap();
    pictures(&video, 1..30);
    assert_eq!(shared.flags(), F::empty());
    assert_eq!(shared.offset(), u64::MAX);
    assert_eq!(shared.pts(), Some(gst::ClockTime::ZERO));
}

#[test]
fn multifilesink_gets_an_init_segment_and_a_file_for_each_segment() {
    let folder = tempfile::tempdir().unwrap();
    let pipeline = crate::common::launch(&format!(
        "{} ! matroskademux ! h264parse ! fmp4remux fragment-duration=1000000000 \
         ! multifilesink next-file=buffer location={}",
        media::H264_OPEN_GOP.source(),
        quoted(&folder.path().join("%d.mp4"))
    ));
    crate::common::run(&pipeline).good();
    let read = |number: usize| std::fs::read(folder.path().join(format!("{number}.mp4"))).unwrap();
    let files = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(boxes::layout(&read(0)), ["ftyp", "moov"]);
    let mut packets = 0;
    for number in 1..files {
        assert_eq!(boxes::layout(&read(number)), ["styp", "moof", "mdat"]);
        let alone = folder.path().join("alone.mp4");
        std::fs::write(&alone, [read(0), read(number)].concat()).unwrap();
        let streams = ffprobe::probe(&alone);
        assert!(streams[0].packets[0].key, "segment {number}");
        packets += streams[0].packets.len();
    }
    assert_eq!(packets, 96);
}

#[test]
fn who_joins_late_finds_the_init_segment_in_the_caps_and_begins_at_a_key() {
    let mut rig = playing("");
    let video = rig.input("video_0", VIDEO);
    pictures(&video, 0..80);
    let lists = rig.lists();
    let src = rig.mux.static_pad("src").unwrap();
    let caps = gst::event::Caps::new(&src.current_caps().unwrap());
    let mut joined = headers(&caps).unwrap();
    let key = |b: &&gst::Buffer| !b.flags().contains(F::DELTA_UNIT);
    let late = lists.last().unwrap();
    assert_eq!(late.iter().filter(key).count(), 1);
    for buffer in late {
        joined.extend_from_slice(&buffer.map_readable().unwrap());
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("late.mp4");
    std::fs::write(&file, joined).unwrap();
    let (_, fragments) = boxes::fragments(&std::fs::read(&file).unwrap());
    assert_eq!(fragments.len(), 1);
    assert!(fragments[0].samples[0].sync());
    assert_eq!(fragments[0].samples.len(), 25);
}
