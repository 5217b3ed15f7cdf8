//! Files past 4 GiB.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use gst::prelude::*;
use mp4_atom::{Any, Header, ReadAtom, ReadFrom};

use super::long::frame;
use crate::common::pipeline::{launch, quoted, run};
use crate::common::sparse::sparse;

const LARGE: u32 = 256 << 20;
const COUNT: u32 = 20;

/// Every box but the media data, with its place.
fn boxes_but_media(path: &Path) -> Vec<(u64, Any)> {
    let mut file = BufReader::new(File::open(path).expect("the file is there"));
    let mut found = Vec::new();
    loop {
        let at = file.stream_position().expect("a position");
        let header = <Option<Header> as ReadFrom>::read_from(&mut file).expect("a header");
        let Some(header) = header else { return found };
        if header.kind == mp4_atom::FourCC::new(b"mdat") {
            let size = header.size.expect("a size") as i64;
            file.seek(SeekFrom::Current(size)).expect("a seek");
        } else {
            found.push((at, Any::read_atom(&header, &mut file).expect("a box")));
        }
    }
}

/// A frame a second, the first and the last of a few bytes, the others one shared buffer of `LARGE` zeros.
/// Returns the small frame.
fn write(path: &Path, properties: &str) -> Vec<u8> {
    let (caps, small) = frame();
    let pipeline = launch(&format!(
        "fmp4remux name=m {properties} ! filesink name=sink location={}",
        quoted(path)
    ));
    sparse(&pipeline.by_name("sink").expect("the sink"));
    let source = gst_app::AppSrc::builder()
        .caps(&caps)
        .format(gst::Format::Time)
        .max_bytes(0)
        .build();
    pipeline.add(&source).expect("the source is added");
    let muxer = pipeline.by_name("m").expect("the muxer");
    let pad = muxer.request_pad_simple("video_0").expect("a pad");
    let source_pad = source.static_pad("src").expect("a source pad");
    source_pad.link(&pad).expect("the muxer takes the stream");
    // An IDR slice with its length before it.
    let mut large = vec![0_u8; LARGE as usize];
    large[..4].copy_from_slice(&(LARGE - 4).to_be_bytes());
    large[4] = 0x65;
    let large = gst::Buffer::from_slice(large);
    for number in 0..COUNT {
        let small_one = number == 0 || number + 1 == COUNT;
        let mut buffer = if small_one {
            gst::Buffer::from_slice(small.clone())
        } else {
            large.clone()
        };
        let labels = buffer.make_mut();
        labels.set_pts(gst::ClockTime::from_seconds(u64::from(number)));
        labels.set_dts(gst::ClockTime::from_seconds(u64::from(number)));
        labels.set_duration(gst::ClockTime::SECOND);
        source
            .push_buffer(buffer)
            .expect("the source takes the buffer");
    }
    source.end_of_stream().expect("the source ends");
    run(&pipeline).good();
    small
}

/// The bytes of a file from a place on.
fn read_at(path: &Path, at: u64, size: usize) -> Vec<u8> {
    let mut file = File::open(path).expect("the file is there");
    file.seek(SeekFrom::Start(at)).expect("a seek");
    let mut bytes = vec![0; size];
    file.read_exact(&mut bytes).expect("the bytes are there");
    bytes
}

#[test]
fn fragments_past_4_gib_are_found_by_the_random_access_table() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file.mp4");
    let small = write(&file, "fragment-duration=1000000000 write-mfra=true");
    let boxes = boxes_but_media(&file);
    let mut moofs = boxes.iter().filter_map(|(at, any)| match any {
        Any::Moof(moof) => Some((*at, moof)),
        _ => None,
    });
    let (at, last) = moofs.next_back().unwrap();
    assert!(at > u64::from(u32::MAX), "{at}");
    let mut tables = boxes.iter().filter_map(|(_, any)| match any {
        Any::Mfra(mfra) => Some(&mfra.tfra[0]),
        _ => None,
    });
    let entry = tables.next_back().unwrap().entries.last().unwrap();
    assert_eq!(entry.moof_offset, at);
    let run = &last.traf[0].trun[0];
    let sample = at
        .checked_add_signed(run.data_offset.unwrap().into())
        .unwrap();
    assert_eq!(read_at(&file, sample, small.len()), small);
}

#[test]
fn a_progressive_file_past_4_gib_has_offsets_of_64_bits() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file.mp4");
    let small = write(&file, "output-mode=progressive moov-placement=end");
    let boxes = boxes_but_media(&file);
    let tables = boxes.iter().find_map(|(_, any)| match any {
        Any::Moov(moov) => Some(&moov.trak[0].mdia.minf.stbl),
        _ => None,
    });
    let chunks = &tables.unwrap().co64.as_ref().expect("co64").entries;
    // The last frame is what the last chunk ends with, and the media data too.
    let end = boxes.last().unwrap().0;
    assert!(*chunks.last().unwrap() > u64::from(u32::MAX));
    assert_eq!(read_at(&file, end - small.len() as u64, small.len()), small);
}
