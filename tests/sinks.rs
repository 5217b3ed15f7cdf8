//! `h4mkmux` into sinks that do not seek: a pipe, a TCP server with clients that come early and late, a file for each
//! key block. What they write plays. `fmp4remux` into `filesink` and its limits.

mod common;

use std::io::Read;
use std::net::TcpStream;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::mpsc;

use common::packets::capture;
use common::pipeline::quoted;
use common::{Recipe, Stream, media};
use gst::prelude::*;

const MEDIA: Recipe = media::H264_ONE_KEY;

fn record(sink: &str) -> gst::Pipeline {
    common::launch(&format!(
        "{} ! matroskademux ! h264parse ! h4mkmux ! {sink}",
        MEDIA.source()
    ))
}

fn played(path: &Path, strict: bool) -> Vec<Stream> {
    let (run, streams) = capture(&format!(
        "filesrc location={} ! h4mkdemux name=d strict={strict}",
        quoted(path)
    ));
    assert_eq!(run.error, None, "{path:?}");
    streams
}

#[test]
fn a_pipe_gets_the_same_bytes_as_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let (file, piped) = (folder.path().join("file"), folder.path().join("piped"));
    common::run(&record(&format!("filesink location={}", quoted(&file)))).good();
    let pipe = std::fs::File::create(&piped).unwrap();
    common::run(&record(&format!("fdsink fd={}", pipe.as_raw_fd()))).good();
    let bytes = std::fs::read(&file).unwrap();
    assert!(bytes == std::fs::read(&piped).unwrap());
    assert_eq!(played(&file, true)[0].packets.len(), 90);
}

/// A block of 2000 bytes every 40 ms, a key block every 500 ms.
fn block(number: u64) -> gst::Buffer {
    let mut buffer = gst::Buffer::from_slice(vec![number as u8; 2000]);
    let made = buffer.get_mut().unwrap();
    made.set_pts(gst::ClockTime::from_mseconds(number * 40));
    made.set_duration(gst::ClockTime::from_mseconds(40));
    if !number.is_multiple_of(12) {
        made.set_flags(gst::BufferFlags::DELTA_UNIT);
    }
    buffer
}

/// Connects and waits until the server has the client; a thread reads what arrives, up to the footer.
fn client(port: i32, added: &mpsc::Receiver<()>) -> std::thread::JoinHandle<Vec<u8>> {
    let mut stream = TcpStream::connect(("127.0.0.1", u16::try_from(port).unwrap())).unwrap();
    added.recv().unwrap();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let mut more = |length: u64| {
            let from = bytes.len();
            (&mut stream).take(length).read_to_end(&mut bytes).unwrap();
            bytes[from..].to_vec()
        };
        more(16);
        loop {
            let head = more(12);
            let length = u32::from_le_bytes(head[8..12].try_into().unwrap());
            more(u64::from(length) + 4);
            if head.starts_with(b"XEND") {
                more(4);
                return bytes;
            }
        }
    })
}

#[test]
fn a_client_of_a_tcp_server_that_joins_late_plays_from_the_next_key_block() {
    let pipeline = common::launch(
        "appsrc name=a format=time caps=video/x-h264,stream-format=avc ! h4mkmux group-duration=0 \
         ! tcpserversink name=s host=127.0.0.1 port=0 sync=false sync-method=next-keyframe",
    );
    let source: gst_app::AppSrc = pipeline.by_name("a").unwrap().downcast().unwrap();
    let sink = pipeline.by_name("s").unwrap();
    let (tell, added) = mpsc::channel();
    sink.connect("client-added", false, move |_| {
        tell.send(()).unwrap();
        None
    });
    pipeline.set_state(gst::State::Playing).unwrap();
    // The port is bound on the way to PAUSED, which the sink reaches with its first buffer at the latest.
    let port = sink.property::<i32>("current-port");
    let early = client(port, &added);
    // Each buffer that the server has rendered is queued for its clients, or it waits for them.
    let (rendered, wait) = mpsc::channel();
    sink.static_pad("sink").unwrap().add_probe(
        gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST,
        move |_, _| {
            let _ = rendered.send(());
            gst::PadProbeReturn::Ok
        },
    );
    for number in 0..30 {
        source.push_buffer(block(number)).unwrap();
    }
    for _ in 0..20 {
        wait.recv().unwrap();
    }
    let late = client(port, &added);
    for number in 30..120 {
        source.push_buffer(block(number)).unwrap();
    }
    source.end_of_stream().unwrap();
    let run = common::pipeline::watch(&pipeline.bus().unwrap());
    assert_eq!(run.error, None);
    // The server forgets what it has not sent when it stops.
    let (early, late) = (early.join().unwrap(), late.join().unwrap());
    pipeline.set_state(gst::State::Null).unwrap();

    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in [("early", early), ("late", late)] {
        let path = folder.path().join(name);
        std::fs::write(&path, &bytes).unwrap();
        let streams = played(&path, false);
        let packets = &streams[0].packets;
        let first = packets[0].pts.unwrap() / 40_000_000;
        assert!(
            !packets[0].flags.contains(gst::BufferFlags::DELTA_UNIT),
            "{name}"
        );
        if name == "early" {
            assert_eq!(first, 0);
        } else {
            assert!(first >= 24 && first % 12 == 0, "joined at {first}");
        }
        let numbers = packets.iter().map(|p| p.pts.unwrap() / 40_000_000);
        assert!(numbers.eq(first..first + packets.len() as i64), "{name}");
        assert_eq!(packets.len() as i64, 120 - first, "{name}");
    }
}

#[test]
fn each_file_of_a_multifilesink_plays_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let pattern = folder.path().join("part-%03d.h4mk");
    let pipeline = common::launch(&format!(
        "{} ! matroskademux ! h264parse ! h4mkmux ! multifilesink next-file=key-frame min-keyframe-distance=400000000 location={}",
        media::H264_OPEN_GOP.source(),
        quoted(&pattern)
    ));
    common::run(&pipeline).good();
    let mut total = 0;
    let mut parts: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    parts.sort();
    assert!(parts.len() >= 6, "{parts:?}");
    for part in &parts {
        let streams = played(part, false);
        let packets = &streams[0].packets;
        assert!(
            !packets[0].flags.contains(gst::BufferFlags::DELTA_UNIT),
            "{part:?}"
        );
        total += packets.len();
    }
    assert_eq!(total, 96);
}

/// 3000 AAC frames of 300 bytes, each in three memories.
fn divided_frames() -> Vec<gst::Buffer> {
    common::init();
    let frame = |number: u64| {
        let mut buffer = gst::Buffer::new();
        let made = buffer.get_mut().unwrap();
        made.set_pts(gst::ClockTime::from_nseconds(number * 21_333_333));
        for place in 0..3 {
            let byte = (number * 3 + place) % 251;
            made.append_memory(gst::Memory::from_slice(vec![byte as u8; 100]));
        }
        buffer
    };
    (0..3000).map(frame).collect()
}

/// `fmp4remux` with properties into `filesink`: what is in the file.
fn remuxed(properties: &str, frames: &[gst::Buffer]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.mp4");
    let pipeline = common::launch(&format!(
        "appsrc name=a format=time caps=audio/mpeg,mpegversion=4,stream-format=raw,framed=true,rate=48000,channels=2,\
         codec_data=(buffer)1190 ! fmp4remux {properties} ! filesink location={}",
        quoted(&path)
    ));
    let source: gst_app::AppSrc = pipeline.by_name("a").unwrap().downcast().unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    for frame in frames {
        source.push_buffer(frame.clone()).unwrap();
    }
    source.end_of_stream().unwrap();
    common::run(&pipeline).good();
    std::fs::read(&path).unwrap()
}

#[test]
fn samples_of_several_memories_are_whole_behind_filesink() {
    let frames = divided_frames();
    // Mapped as a whole, a buffer's memories become one.
    let memories = frames.iter().flat_map(|frame| frame.iter_memories());
    let payload: Vec<u8> = memories
        .flat_map(|memory| memory.map_readable().unwrap().to_vec())
        .collect();
    let one_fragment = "fragment-duration=100000000000 max-gop-duration=100000000000";
    let at_end = "output-mode=progressive moov-placement=end interleave-time=0";
    for properties in [one_fragment, at_end] {
        let file = remuxed(properties, &frames);
        let mut places = file.windows(payload.len());
        assert!(places.any(|place| place == payload), "{properties}");
    }
}
