//! Real streams, taken out of a file and written anew.

use std::path::PathBuf;
use std::process::Command;

use gstharmony::isobmff::boxes::{self, FragmentOptions, SegmentKind, SegmentType};
use gstharmony::isobmff::model::{
    AudioCodec, AudioEntry, Edit, Fragment, Movie, Run, Sample, SampleEntry, Track, TrackFragment,
    Variant, VideoCodec, VideoEntry,
};
use gstharmony::isobmff::progressive::{ChunkLimits, TablesBuilder};
use gstharmony::isobmff::tables::TrackTables;

use crate::common::boxes as read;
use crate::common::ffprobe::{Probe, probe};
use crate::common::{media, packets};

/// A stream as its demuxer gives it: what the boxes say of the samples, and the samples.
struct Stream {
    track: Track,
    samples: Vec<(Sample, Vec<u8>)>,
}

/// A line of ffprobe: a packet of `stream`, in ticks, and where it lies in the file.
struct Line {
    stream: usize,
    pts: i64,
    dts: i64,
    duration: i64,
    size: usize,
    position: usize,
    key: bool,
}

fn lines() -> Vec<Line> {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-of", "csv=p=0", "-show_entries"])
        .arg("packet=stream_index,pts,dts,duration,size,pos,flags")
        .arg(media::H264_EDIT_LIST.path())
        .output()
        .expect("ffprobe is installed");
    let text = String::from_utf8(output.stdout).expect("ffprobe prints text");
    let line = |line: &str| {
        let mut fields = line.split(',');
        let mut number = || {
            fields
                .next()
                .and_then(|f| f.parse::<i64>().ok())
                .expect(line)
        };
        Line {
            stream: number() as usize,
            pts: number(),
            dts: number(),
            duration: number(),
            size: number() as usize,
            position: number() as usize,
            key: line.contains('K'),
        }
    };
    // Side data ends in a line of its own.
    let packets = text.lines().filter(|line| !line.is_empty());
    packets.map(line).collect()
}

/// The streams of `H264_EDIT_LIST`, both of which begin before their presentation does.
fn source() -> Vec<Stream> {
    let file = std::fs::read(media::H264_EDIT_LIST.path()).expect("the file is there");
    let moov = read::top(&file, b"moov");
    let lines = lines();
    let tracks = moov.all(b"trak").enumerate();
    let streams = tracks.map(|(place, trak)| {
        let lines: Vec<&Line> = lines.iter().filter(|line| line.stream == place).collect();
        let start = lines[0].dts;
        let samples = lines.iter().enumerate().map(|(at, line)| {
            let end = lines
                .get(at + 1)
                .map_or(line.dts + line.duration, |next| next.dts);
            let sample = Sample {
                size: line.size as u32,
                duration: (end - line.dts) as u32,
                composition_offset: (line.pts - line.dts) as u32,
                sync: line.key,
                open: false,
                entry: 0,
            };
            (sample, file[line.position..][..line.size].to_vec())
        });
        Stream {
            samples: samples.collect(),
            track: Track {
                id: place as u32 + 1,
                timescale: trak.at("mdia/mdhd").number(12, 4) as u32,
                language: ["", "en-GB"][place].into(),
                name: String::new(),
                orientation: Default::default(),
                entries: vec![description(trak.at("mdia/minf/stbl/stsd"))],
                edits: vec![Edit {
                    duration: 0,
                    media_time: Some(-start as u64),
                }],
            },
        }
    });
    streams.collect()
}

/// The sample entry of a stream of the source.
fn description(stsd: &read::Node) -> SampleEntry {
    if let Some(avc) = stsd.find("avc1") {
        return SampleEntry::Video(VideoEntry {
            codec: VideoCodec::Avc {
                config: avc.at("avcC").fields.clone(),
                in_band: false,
            },
            width: avc.number(24, 2) as u16,
            height: avc.number(26, 2) as u16,
            pixel_aspect: Some((1, 1)),
            colour: None,
            mastering: None,
            light: None,
            bitrate: None,
        });
    }
    let aac = stsd.at("mp4a");
    let esds = &aac.at("esds").fields;
    let tag = [5, 0x80, 0x80, 0x80];
    let specific = esds.windows(4).position(|bytes| bytes == tag);
    let specific = &esds[specific.expect("a DecoderSpecificInfo") + 4..];
    SampleEntry::Audio(AudioEntry {
        codec: AudioCodec::Aac {
            config: specific[1..][..usize::from(specific[0])].to_vec(),
        },
        channels: aac.number(16, 2) as u16,
        rate: aac.number(24, 2) as u32,
        sample_size: 16,
        bitrate: None,
    })
}

fn movie(variant: Variant, streams: &[Stream]) -> Movie {
    Movie {
        variant,
        timescale: 1000,
        tracks: streams.iter().map(|stream| stream.track.clone()).collect(),
        ..Movie::default()
    }
}

/// Cuts the streams into fragments of about `part` nanoseconds; `interleave` has each track's samples in two runs.
fn fragments(streams: &[Stream], part: u64, interleave: bool) -> Vec<(Fragment, Vec<u8>)> {
    let mut rest: Vec<_> = streams
        .iter()
        .map(|stream| (0, stream.samples.as_slice()))
        .collect();
    let mut out = Vec::new();
    while rest.iter().any(|(_, samples)| !samples.is_empty()) {
        let sequence = out.len() as u32 + 1;
        let end = u64::from(sequence) * part;
        let (mut tracks, mut pieces) = (Vec::new(), Vec::new());
        for (stream, (time, samples)) in streams.iter().zip(&mut rest) {
            let begin = *time;
            let ns = |ticks: u64| ticks * 1_000_000_000 / u64::from(stream.track.timescale);
            let mut taken = 0;
            while taken < samples.len() && ns(*time) < end {
                *time += u64::from(samples[taken].0.duration);
                taken += 1;
            }
            let (now, later) = samples.split_at(taken);
            *samples = later;
            if now.is_empty() {
                continue;
            }
            let middle = if interleave { now.len() / 2 } else { 0 };
            let (early, late) = now.split_at(middle);
            for (turn, piece) in [early, late].into_iter().enumerate() {
                if !piece.is_empty() {
                    pieces.push((turn, tracks.len(), piece));
                }
            }
            tracks.push(TrackFragment {
                track: stream.track.id,
                base_decode_time: begin,
                roll_distance: None,
                runs: Vec::new(),
            });
        }
        pieces.sort_by_key(|(turn, track, _)| (*turn, *track));
        let mut payload = Vec::new();
        for (_, track, piece) in pieces {
            tracks[track].runs.push(Run {
                offset: payload.len() as u64,
                samples: piece.iter().map(|(sample, _)| *sample).collect(),
            });
            piece
                .iter()
                .for_each(|(_, bytes)| payload.extend_from_slice(bytes));
        }
        let fragment = Fragment {
            sequence,
            tracks,
            payload: payload.len() as u64,
        };
        out.push((fragment, payload));
    }
    out
}

fn fragmented(movie: &Movie, parts: &[(Fragment, Vec<u8>)], segment: bool) -> Vec<u8> {
    let mut file = boxes::init_segment(movie).expect("the movie can be written");
    for (at, (fragment, payload)) in parts.iter().enumerate() {
        let styp = SegmentType {
            kind: SegmentKind::Segment,
            last: at + 1 == parts.len(),
        };
        let options = FragmentOptions {
            styp: segment.then_some(styp),
            prft: None,
            sidx: segment,
        };
        let header = boxes::fragment_header(movie, fragment, &options);
        file.extend(header.expect("the fragment can be written"));
        file.extend(payload);
    }
    file
}

fn written(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("file.mp4");
    std::fs::write(&path, bytes).expect("the file is written");
    (folder, path)
}

/// Fails unless `found` has the packets of the source: times, payloads, keys.
fn same_as_source(found: &[Probe]) {
    let expected = probe(&media::H264_EDIT_LIST.path());
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found.codec, expected.codec);
        assert_eq!(found.pts_ns(), expected.pts_ns(), "{}", found.codec);
        assert_eq!(found.digests(), expected.digests());
        let keys = |probe: &Probe| probe.packets.iter().map(|p| p.key).collect::<Vec<_>>();
        assert_eq!(keys(found), keys(expected));
    }
}

/// Fails unless `qtdemux` gives the source's buffers out of `file`. Where edits last to the end of their track,
/// `at_most` more: in the source they end before its last audio.
fn plays_like_source(file: &std::path::Path, at_most: usize) {
    let streams = |location: &std::path::Path| {
        let location = crate::common::pipeline::quoted(location);
        let (run, streams) =
            packets::capture(&format!("filesrc location={location} ! qtdemux name=d"));
        run.good();
        let packets = |stream: packets::Stream| {
            let packets = stream.packets.into_iter();
            packets
                .map(|p| {
                    let delta = p.flags.contains(gst::BufferFlags::DELTA_UNIT);
                    (p.pts.map(|ns| (ns + 500) / 1000), delta, p.sha256)
                })
                .collect::<Vec<_>>()
        };
        streams.into_iter().map(packets).collect::<Vec<_>>()
    };
    let (mut found, expected) = (streams(file), streams(&media::H264_EDIT_LIST.path()));
    for (found, expected) in found.iter_mut().zip(&expected) {
        let more = found.len() - expected.len();
        assert!(more <= at_most, "{more} packets more");
        found.truncate(expected.len());
    }
    assert_eq!(found, expected);
}

#[test]
fn a_fragmented_file_has_the_sources_packets() {
    let streams = source();
    let movie = movie(Variant::Fragmented, &streams);
    for (interleave, segment) in [(false, false), (true, true)] {
        let parts = fragments(&streams, 1_000_000_000, interleave);
        assert_eq!(parts.len(), 4, "3 s and what was before 0");
        let file = fragmented(&movie, &parts, segment);
        let (_, left_out) = read::strict(&file);
        assert_eq!(left_out, ["elng"]);
        let (_folder, path) = written(&file);
        same_as_source(&probe(&path));
        plays_like_source(&path, 2);
    }
}

#[test]
fn cmaf_tracks_have_the_sources_packets() {
    let streams = source();
    let expected = probe(&media::H264_EDIT_LIST.path());
    for (at, stream) in streams.into_iter().enumerate() {
        let mut streams = [stream];
        streams[0].track.id = 1;
        let movie = movie(Variant::Cmaf, &streams);
        let file = fragmented(&movie, &fragments(&streams, 500_000_000, false), true);
        let (_folder, path) = written(&file);
        let found = probe(&path);
        assert_eq!(found[0].pts_ns(), expected[at].pts_ns());
        assert_eq!(found[0].digests(), expected[at].digests());
    }
}

/// Payload of a progressive file, the tracks' samples taking turns, and their tables.
fn tables(streams: &[Stream]) -> (Vec<TrackTables>, Vec<u8>) {
    let limits = ChunkLimits {
        bytes: 1 << 20,
        ticks: u64::MAX,
    };
    let builder = || TablesBuilder::new(limits, None);
    let mut builders: Vec<_> = streams.iter().map(|_| builder()).collect();
    let mut payload = Vec::new();
    for (fragment, bytes) in fragments(streams, 250_000_000, false) {
        for part in &fragment.tracks {
            let mut at = payload.len() as u64 + part.runs[0].offset;
            for sample in part.runs.iter().flat_map(|run| &run.samples) {
                let builder = &mut builders[part.track as usize - 1];
                builder.push(sample, at).expect("a small file");
                at += u64::from(sample.size);
            }
        }
        payload.extend(bytes);
    }
    let tables = builders.into_iter().map(TablesBuilder::finish).collect();
    (tables, payload)
}

#[test]
fn a_moov_first_file_has_the_sources_packets() {
    let mut streams = source();
    for stream in &mut streams {
        let duration = |(sample, _): &(Sample, Vec<u8>)| u64::from(sample.duration);
        let ticks: u64 = stream.samples.iter().map(duration).sum();
        let edit = &mut stream.track.edits[0];
        let shown = ticks - edit.media_time.expect("a time");
        edit.duration = (shown * 1000).div_ceil(u64::from(stream.track.timescale));
    }
    let movie = movie(Variant::Progressive, &streams);
    let (tables, payload) = tables(&streams);
    let head = boxes::progressive_header(&movie, &tables, payload.len() as u64);
    let mut file = head.expect("a small file");
    file.extend(payload);
    assert_eq!(read::layout(&file), ["ftyp", "moov", "mdat"]);
    read::strict(&file);
    let (_folder, path) = written(&file);
    same_as_source(&probe(&path));
    plays_like_source(&path, 0);
}
