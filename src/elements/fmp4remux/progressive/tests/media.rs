//! Tracks and samples for the tests, and a reader of what comes out.

use std::sync::{Arc, Mutex};

pub use gst::prelude::*;
use mp4_atom::{Any, Decode, Moov, Stbl, StszSamples};

pub use super::super::*;
use crate::elements::fmp4remux::streams::{FrameLength, Units};
use crate::isobmff::fragment::Media;
use crate::isobmff::model::{AudioCodec, AudioEntry, TextEntry, Variant, VideoCodec, VideoEntry};
use crate::sample_table::{FIELD_CAPS_CHANGES, FIELD_SAMPLES, FIELD_VERSION, QUERY, TableSample};

pub const MS: i64 = 1_000_000;
pub const PICTURES: i64 = 90;

/// One sample on its way: track, PTS in nanoseconds, whether it is a sync sample, payload.
#[derive(Clone)]
pub struct Sent {
    pub track: usize,
    pub pts_ns: i64,
    pub sync: bool,
    pub payload: Vec<u8>,
}

/// What lies downstream: bytes, and where the next ones go.
#[derive(Default)]
pub struct File {
    pub bytes: Vec<u8>,
    pub position: usize,
}

impl File {
    fn write(&mut self, bytes: &[u8]) {
        let end = self.position + bytes.len();
        self.bytes.resize(self.bytes.len().max(end), 0);
        self.bytes[self.position..end].copy_from_slice(bytes);
        self.position = end;
    }
}

/// An output into a file in memory.
pub fn output(can_seek: bool) -> (Output, Arc<Mutex<File>>, gst::Pad) {
    let file = Arc::new(Mutex::new(File::default()));
    let (write, seek) = (file.clone(), file.clone());
    let sink = gst::Pad::builder(gst::PadDirection::Sink)
        .chain_function(move |_, _, buffer| {
            write.lock().unwrap().write(&buffer.map_readable().unwrap());
            Ok(gst::FlowSuccess::Ok)
        })
        .event_function(move |_, _, event| {
            if let gst::EventView::Segment(segment) = event.view() {
                let segment = segment.segment().downcast_ref::<gst::format::Bytes>();
                let start = segment.and_then(|s| s.start()).unwrap();
                seek.lock().unwrap().position = usize::try_from(*start).unwrap();
            }
            true
        })
        .query_function(move |_, _, query| match query.view_mut() {
            gst::QueryViewMut::Seeking(q) => {
                q.set(can_seek, gst::format::Bytes::ZERO, gst::format::Bytes::NONE);
                true
            }
            _ => false,
        })
        .build();
    let source = gst::Pad::new(gst::PadDirection::Src);
    source.link(&sink).unwrap();
    source.set_active(true).unwrap();
    sink.set_active(true).unwrap();
    let mut out = Output::new(source);
    out.caps(&gst::Caps::new_empty_simple("video/quicktime"));
    (out, file, sink)
}

/// A sink pad of a muxer; its upstream answers with this structure.
pub fn asked(answer: Option<gst::Structure>) -> (gst::Pad, gst::Pad) {
    let source = gst::Pad::builder(gst::PadDirection::Src)
        .query_function(move |_, _, query| match (query.view_mut(), &answer) {
            (gst::QueryViewMut::Custom(q), Some(answer)) => {
                let told = q.structure_mut();
                assert_eq!(told.name(), QUERY);
                answer
                    .iter()
                    .for_each(|(name, value)| told.set_value(name.as_str(), value.clone()));
                true
            }
            _ => false,
        })
        .build();
    let sink = gst::Pad::new(gst::PadDirection::Sink);
    source.link(&sink).unwrap();
    (sink, source)
}

pub fn video_entry(size: u16) -> SampleEntry {
    SampleEntry::Video(VideoEntry {
        codec: VideoCodec::Avc {
            config: vec![1, 100, 0, 31, 255, 224, 0],
            in_band: false,
        },
        width: size,
        height: size,
        pixel_aspect: None,
        colour: None,
        mastering: None,
        light: None,
        bitrate: None,
    })
}

pub fn new_track(
    id: u32,
    timescale: u32,
    entry: SampleEntry,
    (media, kind): (Media, Kind),
) -> NewTrack {
    NewTrack {
        slot: id as usize,
        pad: gst::Pad::new(gst::PadDirection::Sink),
        track: Track {
            id,
            timescale,
            language: String::new(),
            name: String::new(),
            orientation: Default::default(),
            entries: vec![entry],
            edits: Vec::new(),
        },
        spec: TrackSpec {
            timescale,
            media,
            first: None,
        },
        kind,
        roll_distance: None,
        prefix: 0,
        sparse: false,
    }
}

/// Video with B-frames, audio, text.
pub fn tracks() -> Vec<NewTrack> {
    gst::init().unwrap();
    let pictures = Media::Video {
        depth: 1,
        delay: 512,
        frame: Some(512),
    };
    let video = Kind::Video {
        reorder_depth: 1,
        frame_duration_ns: Some(40_000_000),
        units: Units::Frame,
    };
    let audio = Kind::Audio {
        frame: FrameLength::Constant(1024),
        rate: 48_000,
        pre_skip: 0,
        pre_roll: 0,
    };
    let sound = SampleEntry::Audio(AudioEntry {
        codec: AudioCodec::Aac {
            config: vec![0x11, 0x90],
        },
        channels: 2,
        rate: 48_000,
        sample_size: 16,
        bitrate: None,
    });
    let mut text = new_track(
        3,
        1000,
        SampleEntry::Text(TextEntry::default()),
        (Media::Text, Kind::Text { markup: false }),
    );
    text.sparse = true;
    vec![
        new_track(1, 12_800, video_entry(64), (pictures, video)),
        new_track(2, 48_000, sound, (Media::Audio { unit: None }, audio)),
        text,
    ]
}

/// The samples of these tracks, in the order in which they come.
pub fn sent() -> Vec<Sent> {
    let mut sent = Vec::new();
    let payload = |track: usize, n: i64| {
        let text = format!("{track}:{n};").into_bytes();
        let size = [3000, 300, 12][track] + (n as usize * 7) % 100;
        text.into_iter().cycle().take(size).collect()
    };
    for n in 0..PICTURES {
        let pts_ns = (n - n % 3 + [0, 2, 1][(n % 3) as usize]) * 40 * MS;
        sent.push((
            n * 40 * MS,
            Sent {
                track: 0,
                pts_ns,
                sync: n % 30 == 0,
                payload: payload(0, n),
            },
        ));
    }
    for n in 0..PICTURES * 40 * 48 / 1024 {
        let pts_ns = n * 1024 * 1_000_000_000 / 48_000;
        sent.push((
            pts_ns,
            Sent {
                track: 1,
                pts_ns,
                sync: true,
                payload: payload(1, n),
            },
        ));
    }
    for n in 0..2 {
        let pts_ns = (500 + 1500 * n) * MS;
        sent.push((
            pts_ns,
            Sent {
                track: 2,
                pts_ns,
                sync: true,
                payload: payload(2, n),
            },
        ));
    }
    sent.sort_by_key(|(time, sent)| (*time, sent.track));
    sent.into_iter().map(|(_, sent)| sent).collect()
}

pub fn input(sent: &Sent) -> Input<gst::Buffer> {
    Input {
        pts_ns: sent.pts_ns,
        duration_ns: (sent.track == 2).then_some(250 * MS),
        frame: 1024,
        even: true,
        trim: 0,
        sync: sent.sync,
        size: sent.payload.len() as u32,
        entry: 0,
        payload: gst::Buffer::from_slice(sent.payload.clone()),
    }
}

/// What upstream would say of these samples, which lie in this order.
pub fn table(sent: &[Sent], track: usize) -> gst::Structure {
    gst::init().unwrap();
    let text = if track == 2 { EMPTY_SIZE } else { 0 };
    let samples = sent.iter().enumerate().filter(|(_, s)| s.track == track);
    let packed: Vec<u8> = samples
        .flat_map(|(position, s)| {
            let sample = TableSample {
                position: position as u64,
                size: s.payload.len() as u32 - text,
                sync: s.sync,
                pts: Some(s.pts_ns),
                duration: (track == 2).then_some(250_000_000),
                ..Default::default()
            };
            sample.to_bytes()
        })
        .collect();
    gst::Structure::builder("sample-table")
        .field(FIELD_VERSION, 1_u32)
        .field(FIELD_SAMPLES, gst::Buffer::from_slice(packed))
        .field(
            FIELD_CAPS_CHANGES,
            gst::Array::new(Vec::<gst::Structure>::new()),
        )
        .build()
}

pub fn options(placement: MoovPlacement) -> Options {
    Options {
        placement,
        reserved_ns: Some(10_000 * MS as u64),
        interleave_bytes: None,
        interleave_ns: Some(500 * MS as u64),
        edits: WriteEdtsMode::Auto,
    }
}

pub fn movie() -> Movie {
    Movie {
        variant: Variant::Progressive,
        timescale: 48_000,
        ..Movie::default()
    }
}

pub fn refuse(_: usize, _: &gst::Caps) -> Result<SampleEntry, String> {
    Err("no other caps here".to_string())
}

pub fn text(fault: Fault) -> String {
    match fault {
        Fault::Mux { reason, slot } => format!("{slot:?}: {reason}"),
        Fault::Flow(flow) => format!("{flow:?}"),
    }
}

/// Writes all; the error, if any, comes with what was written.
pub fn write(
    options: Options,
    tracks: Vec<NewTrack>,
    sent: &[Sent],
    can_seek: bool,
) -> (Vec<u8>, Result<(), String>) {
    let (mut out, file, _sink) = output(can_seek);
    let write_all = |out: &mut Output| -> Result<(), Fault> {
        let mut file = Progressive::start(options, movie(), tracks, &mut refuse, out)?;
        for sent in sent {
            file.push(sent.track, input(sent), out)?;
        }
        file.finish(out)
    };
    let written = write_all(&mut out).map_err(text);
    let bytes = std::mem::take(&mut file.lock().unwrap().bytes);
    (bytes, written)
}

/// Types and sizes of the boxes of a file, and its `moov`.
pub fn boxes(bytes: &[u8]) -> (Vec<(String, usize)>, Moov) {
    let (mut found, mut moov) = (Vec::new(), None);
    let mut rest = bytes;
    while !rest.is_empty() {
        let before = rest.len();
        let kind = String::from_utf8(rest[4..8].to_vec()).unwrap();
        if let Any::Moov(m) = Any::decode(&mut rest).unwrap() {
            moov = Some(m);
        }
        found.push((kind, before - rest.len()));
    }
    (found, moov.expect("a moov"))
}

pub fn kinds(bytes: &[u8]) -> Vec<String> {
    let mut kinds: Vec<_> = boxes(bytes).0.into_iter().map(|(kind, _)| kind).collect();
    kinds.dedup();
    kinds
}

/// The samples of a track: payload, decoding time, composition time, sync.
pub fn read(bytes: &[u8], stbl: &Stbl) -> Vec<(Vec<u8>, i64, i64, bool)> {
    let sizes = match &stbl.stsz.samples {
        StszSamples::Identical { count, size } => vec![*size; *count as usize],
        StszSamples::Different { sizes } => sizes.clone(),
    };
    let deltas = stbl.stts.entries.iter();
    let deltas: Vec<_> = deltas
        .flat_map(|e| std::iter::repeat_n(i64::from(e.sample_delta), e.sample_count as usize))
        .collect();
    let offsets: Vec<_> = match &stbl.ctts {
        Some(ctts) => (ctts.entries.iter())
            .flat_map(|e| std::iter::repeat_n(e.sample_offset, e.sample_count as usize))
            .collect(),
        None => vec![0; sizes.len()],
    };
    let narrow = stbl
        .stco
        .iter()
        .flat_map(|s| s.entries.iter().map(|o| u64::from(*o)));
    let wide = stbl.co64.iter().flat_map(|s| s.entries.iter().copied());
    let (mut found, mut time) = (Vec::new(), 0);
    for (chunk, offset) in (1_u32..).zip(narrow.chain(wide)) {
        let rows = stbl.stsc.entries.iter();
        let row = rows.take_while(|r| r.first_chunk <= chunk).last().unwrap();
        let mut at = offset as usize;
        for _ in 0..row.samples_per_chunk {
            let n = found.len();
            let size = sizes[n] as usize;
            let sync = (stbl.stss.as_ref()).is_none_or(|s| s.entries.contains(&(n as u32 + 1)));
            found.push((bytes[at..at + size].to_vec(), time, time + offsets[n], sync));
            time += deltas[n];
            at += size;
        }
    }
    assert_eq!(found.len(), sizes.len());
    found
}

/// Fails unless a file has all samples with their times.
pub fn assert_holds(bytes: &[u8], sent: &[Sent]) {
    let (_, moov) = boxes(bytes);
    for (track, timescale) in [(0, 12_800), (1, 48_000), (2, 1000)] {
        let trak = &moov.trak[track];
        let found = read(bytes, &trak.mdia.minf.stbl);
        let edits = trak.edts.as_ref().and_then(|e| e.elst.as_ref());
        let media_time = edits.and_then(|e| e.entries.last().unwrap().media_time);
        let shift = media_time.unwrap_or(0) as i64;
        let empty = vec![0; EMPTY_SIZE as usize];
        let found = found.iter().filter(|(payload, ..)| *payload != empty);
        let told = sent.iter().filter(|s| s.track == track);
        let expected: Vec<_> = told
            .map(|s| {
                let pts = crate::isobmff::timing::ticks(s.pts_ns, timescale);
                (s.payload.clone(), pts + shift, s.sync)
            })
            .collect();
        let found: Vec<_> = found
            .map(|(payload, dts, pts, sync)| {
                assert!(dts <= pts);
                (payload.clone(), *pts, *sync)
            })
            .collect();
        assert_eq!(found, expected, "track {track}");
    }
}
