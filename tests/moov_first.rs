//! Progressive MP4 of which `moov` is the first box, made in one pass from what `h4mkdemux` tells beforehand; and
//! progressive files when something is wrong.

mod common;

use std::fs::File;
use std::io::{PipeReader, Read, Seek, SeekFrom, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use common::ffprobe::{Probe, probe};
use common::pipeline::{launch, quoted, run};
use common::{Recipe, boxes, media};
use gst::prelude::*;
use gstharmony::h4mk::{
    Block, BlockMeta, Kind, Sidecars, Step, Timing, Track, Walk, Writer, WriterOptions,
};

const SECOND: i64 = 1_000_000_000;

/// Records a media file as H4MK, as `parsebin` gives it.
fn recorded(recipe: Recipe, streams: usize, folder: &Path) -> PathBuf {
    let file = folder.join("file.h4mk");
    run(&launch(&format!(
        "{} ! parsebin name=p  h4mkmux name=m ! filesink location={}  {}",
        recipe.source(),
        quoted(&file),
        "p. ! queue ! m. ".repeat(streams)
    )))
    .good();
    file
}

/// A pipeline from an H4MK file into a muxer, with `streams` streams.
fn remux_line(file: &Path, streams: usize, properties: &str, sink: &str) -> String {
    format!(
        "filesrc location={} ! h4mkdemux name=d  fmp4remux name=m output-mode=progressive {properties} ! {sink}  {}",
        quoted(file),
        "d. ! queue ! m. ".repeat(streams)
    )
}

/// Remuxes into a file, which must end well.
fn remuxed(file: &Path, streams: usize, placement: &str) -> PathBuf {
    let out = file.with_extension(format!("{}.mp4", placement.replace(' ', "")));
    let sink = format!("filesink location={}", quoted(&out));
    let properties = format!("moov-placement={placement}");
    run(&launch(&remux_line(file, streams, &properties, &sink))).good();
    out
}

fn kinds(data: &[u8]) -> Vec<String> {
    let mut kinds = boxes::layout(data);
    kinds.dedup();
    kinds
}

/// The blocks of an H4MK file, in their order.
fn blocks(bytes: &[u8]) -> Vec<Block> {
    let mut walk = Walk::new(Some(bytes.len() as u64));
    let mut found = Vec::new();
    loop {
        let at = walk.position() as usize;
        match walk.step(&bytes[at..], true).unwrap() {
            Step::Block(block) => found.push(block),
            Step::Footer { .. } => return found,
            Step::Cut(cut) => panic!("{}", cut.into_error()),
            _ => {}
        }
    }
}

/// Reads a pipe to its end, on a thread of its own.
fn drained(mut reader: PipeReader) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).unwrap();
        bytes
    })
}

#[test]
fn a_pipe_gets_moov_first_and_then_the_media_in_the_order_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = recorded(media::H264_AAC, 2, folder.path());
    let (reader, writer) = std::io::pipe().unwrap();
    let bytes = drained(reader);
    let writer = OwnedFd::from(writer);
    let sink = format!("fdsink fd={}", writer.as_raw_fd());
    run(&launch(&remux_line(
        &file,
        2,
        "moov-placement=front-exact",
        &sink,
    )))
    .good();
    drop(writer);
    let bytes = bytes.join().unwrap();
    assert_eq!(kinds(&bytes), ["ftyp", "moov", "mdat"]);
    let source = std::fs::read(&file).unwrap();
    let media: Vec<u8> = blocks(&source)
        .iter()
        .flat_map(|b| {
            let at = b.data_offset() as usize;
            source[at..at + b.meta.len as usize].to_vec()
        })
        .collect();
    assert!(boxes::top(&bytes, b"mdat").fields == media);
}

/// What ffprobe makes of the packets of each stream.
fn same_packets(one: &[Probe], other: &[Probe], what: &str) {
    assert_eq!(one.len(), other.len(), "{what}");
    for (one, other) in one.iter().zip(other) {
        assert!(!one.packets.is_empty(), "{what}");
        assert_eq!(one.time_base, other.time_base, "{what}");
        assert_eq!(one.packets, other.packets, "{what}");
    }
}

/// Fails unless a file is the same, packet for packet, wherever its `moov` goes.
fn same_everywhere(recipe: Recipe, streams: usize) {
    let folder = tempfile::tempdir().unwrap();
    let file = recorded(recipe, streams, folder.path());
    let wanted = probe(&remuxed(&file, streams, "front-spool"));
    for placement in [
        "front-exact",
        "end",
        "front-reserve reserved-max-duration=10000000000",
    ] {
        let found = probe(&remuxed(&file, streams, placement));
        same_packets(&found, &wanted, &format!("{}, {placement}", recipe.name));
    }
}

#[test]
fn pictures_are_the_same_wherever_moov_goes() {
    same_everywhere(media::H264_AAC, 2);
    same_everywhere(media::H264_OPEN_GOP, 1);
    same_everywhere(media::H264_VFR, 1);
    same_everywhere(media::H265_OPEN_GOP, 1);
    same_everywhere(media::AV1, 1);
}

#[test]
fn sound_is_the_same_wherever_moov_goes() {
    same_everywhere(media::VP9_OPUS, 2);
    same_everywhere(media::OPUS, 1);
    same_everywhere(media::FLAC, 1);
    same_everywhere(media::APART, 2);
    same_everywhere(media::TAGGED, 3);
}

/// The subtitles of a file as ffmpeg reads them, without spaces at the ends of lines.
fn subtitles(file: &Path) -> Vec<String> {
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(file)
        .args(["-map", "0:s", "-f", "srt", "-"])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let text = String::from_utf8(output.stdout).unwrap();
    text.replace("</font>", "")
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect()
}

#[test]
fn markup_whose_plain_size_nobody_tells_is_read_as_it_is_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let file = recorded(media::H264_SRT, 2, folder.path());
    let wanted = subtitles(&remuxed(&file, 2, "front-spool"));
    assert!(
        wanted.iter().any(|line| line.ends_with(">second naïve ✓")),
        "{wanted:?}"
    );
    assert_eq!(subtitles(&remuxed(&file, 2, "front-exact")), wanted);
}

#[test]
fn equal_input_gives_equal_files() {
    let folder = tempfile::tempdir().unwrap();
    let file = recorded(media::H264_AAC, 2, folder.path());
    for placement in ["front-exact", "front-spool", "end"] {
        let bytes = |_| std::fs::read(remuxed(&file, 2, placement)).unwrap();
        let [one, other] = [0, 1].map(bytes);
        assert!(one == other, "{placement}");
    }
}

/// The error of a pipeline.
fn error(line: &str, prepare: impl FnOnce(&gst::Pipeline)) -> String {
    let pipeline = launch(line);
    prepare(&pipeline);
    run(&pipeline).failure()
}

#[test]
fn a_source_that_tells_nothing_is_named_with_what_does() {
    let folder = tempfile::tempdir().unwrap();
    let file = recorded(media::H264_AAC, 2, folder.path());
    let line = remux_line(&file, 2, "moov-placement=front-exact", "fakesink");
    let pushed = error(&line.replace("! h4mkdemux", "! queue ! h4mkdemux"), |_| {});
    assert!(pushed.contains("answers no sample-table query"), "{pushed}");
    assert!(
        pushed.contains("sink_") && pushed.contains("front-spool"),
        "{pushed}"
    );
}

#[test]
fn a_buffer_that_was_changed_on_its_way_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = recorded(media::H264_AAC, 2, folder.path());
    let line = remux_line(&file, 2, "moov-placement=front-exact", "fakesink");
    let said = error(&line, |pipeline| {
        let muxer = pipeline.by_name("m").unwrap();
        let seen = Mutex::new(0);
        muxer
            .static_pad("sink_0")
            .unwrap()
            .add_probe(gst::PadProbeType::BUFFER, move |_, info| {
                let mut seen = seen.lock().unwrap();
                *seen += 1;
                if let (11, Some(gst::PadProbeData::Buffer(buffer))) = (*seen, &mut info.data) {
                    let later = buffer.pts().unwrap() + gst::ClockTime::from_nseconds(1);
                    buffer.make_mut().set_pts(later);
                }
                gst::PadProbeReturn::Ok
            });
    });
    assert!(said.contains("sink_0: buffer 10: found"), "{said}");
    assert!(said.contains("as its sample table says"), "{said}");
}

/// A frame of AAC LC in which two channels are silent.
const SILENCE: [u8; 6] = [0x21, 0x10, 0x04, 0x60, 0x8c, 0x1c];

/// AAC of 1024 samples at 48 kHz, as the payloads of the tests claim.
fn sound() -> Track {
    Track {
        track_id: 1,
        kind: "audio".into(),
        caps: Some(
            "audio/mpeg,mpegversion=(int)4,stream-format=(string)raw,rate=(int)48000,channels=(int)2,\
             codec_data=(buffer)1190"
                .into(),
        ),
        ..Track::default()
    }
}

/// A block of sound without a time.
fn block(len: u32) -> BlockMeta {
    BlockMeta {
        track_id: 1,
        kind: Kind::I,
        timing: Timing::default(),
        discont: false,
        header: false,
        droppable: false,
        buffer_flags: 0,
        clipping: None,
        len,
    }
}

/// Writes blocks of sound at these times in nanoseconds, all with one payload.
fn write_sound(path: &Path, times: impl Iterator<Item = i64>, payload: &[u8]) {
    let mut writer = Writer::new(WriterOptions::default());
    let mut out = Vec::new();
    writer
        .start(&[sound()], &Sidecars::default(), &mut out)
        .unwrap();
    for time in times {
        let block = BlockMeta {
            timing: Timing {
                pts: Some(time),
                ..Timing::default()
            },
            ..block(payload.len() as u32)
        };
        writer.begin_group(&[block], &mut out).unwrap();
        let crc = writer.block([payload], &mut out).unwrap();
        out.extend(payload);
        out.extend(crc);
    }
    writer.finish(None, &mut out).unwrap();
    std::fs::write(path, out).unwrap();
}

fn frame(n: i64) -> i64 {
    n * 1024 * SECOND / 48_000
}

#[test]
fn what_came_before_bad_input_plays() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file.h4mk");
    let times = (0..100).map(|n| frame(if n == 60 { 20 } else { n }));
    write_sound(&file, times, &SILENCE);
    for placement in [
        "end",
        "front-spool",
        "front-reserve reserved-max-duration=10000000000",
    ] {
        let out = folder.path().join("out.mp4");
        let sink = format!("filesink location={}", quoted(&out));
        let said = error(
            &remux_line(&file, 1, &format!("moov-placement={placement}"), &sink),
            |_| {},
        );
        assert!(said.contains("sink_0: PTS goes backward"), "{said}");
        let found = &probe(&out)[0];
        let wanted: Vec<i64> = (0..60).map(|n| n * 1024).collect();
        let times: Vec<i64> = found.packets.iter().filter_map(|p| p.pts).collect();
        assert_eq!(times, wanted, "{placement}");
    }
}

#[test]
fn room_that_is_too_small_is_told_and_the_file_plays() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file.h4mk");
    // Gaps between frames, each of another length than the one before.
    write_sound(&file, (0..6000).map(|n| frame(n * 3 + n % 2)), &SILENCE);
    let out = folder.path().join("out.mp4");
    let sink = format!("filesink location={}", quoted(&out));
    let short = "moov-placement=front-reserve reserved-max-duration=1";
    let said = error(&remux_line(&file, 1, short, &sink), |_| {});
    assert!(said.contains("reserved-max-duration: moov needs"), "{said}");
    assert_eq!(
        kinds(&std::fs::read(&out).unwrap()),
        ["ftyp", "free", "mdat", "moov"]
    );
    assert_eq!(probe(&out)[0].packets.len(), 6000);
}

#[test]
fn more_than_a_day_keeps_its_times() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file.h4mk");
    // Ticks past 32 bits: 24.9 hours at 48 kHz.
    let times: Vec<i64> = (0..3000).map(|n| n * 32 * SECOND).collect();
    write_sound(&file, times.iter().copied(), &SILENCE);
    for placement in ["front-exact", "end"] {
        let found = &probe(&remuxed(&file, 1, placement))[0];
        assert!(found.pts_ns() == times, "{placement}");
        let last = found.packets.last().unwrap().pts.unwrap();
        assert!(last > i64::from(u32::MAX), "{last}");
    }
}

/// The bytes that come out before the media, and how many come out in all.
fn head_and_length(pipeline: &gst::Pipeline) -> (Vec<u8>, u64) {
    let sink = pipeline
        .by_name("sink")
        .unwrap()
        .static_pad("sink")
        .unwrap();
    let seen = Arc::new(Mutex::new((Vec::new(), 0)));
    let see = seen.clone();
    let mask = gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST;
    sink.add_probe(mask, move |_, info| {
        let mut seen = see.lock().unwrap();
        let mut add = |buffer: &gst::BufferRef| {
            if seen.1 == 0 {
                seen.0 = buffer.map_readable().unwrap().to_vec();
            }
            seen.1 += buffer.size() as u64;
        };
        match &info.data {
            Some(gst::PadProbeData::Buffer(buffer)) => add(buffer),
            Some(gst::PadProbeData::BufferList(list)) => list.iter().for_each(add),
            _ => {}
        }
        gst::PadProbeReturn::Ok
    });
    run(pipeline).good();
    std::mem::take(&mut *seen.lock().unwrap())
}

/// Writes frames of this size, whose zeros are holes on the disk, one a second.
fn write_large(path: &Path, frames: i64, size: u32) {
    let zeros = vec![0; size as usize];
    let mut file = File::create(path).unwrap();
    let mut writer = Writer::new(WriterOptions::default());
    let mut out = Vec::new();
    writer
        .start(&[sound()], &Sidecars::default(), &mut out)
        .unwrap();
    for n in 0..frames {
        let block = BlockMeta {
            timing: Timing {
                pts: Some(n * SECOND),
                ..Timing::default()
            },
            ..block(size)
        };
        writer.begin_group(&[block], &mut out).unwrap();
        let crc = writer.block([&zeros[..]], &mut out).unwrap();
        file.write_all(&out).unwrap();
        file.seek(SeekFrom::Current(size.into())).unwrap();
        out.clear();
        out.extend(crc);
    }
    writer.finish(None, &mut out).unwrap();
    file.write_all(&out).unwrap();
}

#[test]
fn past_4_gib_sizes_and_offsets_have_64_bits() {
    const SIZE: u32 = 256 << 20;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file.h4mk");
    write_large(&file, 17, SIZE);
    let line = remux_line(&file, 1, "moov-placement=front-exact", "fakesink name=sink");
    let (head, length) = head_and_length(&launch(&line));
    let media = 17 * u64::from(SIZE);
    assert_eq!(length, head.len() as u64 + media);
    // The header of mdat says what follows; without it the head is whole boxes.
    let (front, mdat) = head.split_at(head.len() - 16);
    assert_eq!(
        mdat,
        [&[0, 0, 0, 1][..], b"mdat", &(media + 16).to_be_bytes()].concat()
    );
    let offsets = boxes::top(front, b"moov")
        .at("trak/mdia/minf/stbl/co64")
        .clone();
    let last = offsets.number(offsets.fields.len() - 8, 8);
    assert_eq!(last, length - u64::from(SIZE));
}
