//! Whatever a movie has in it, `mp4-atom` decodes its boxes strictly, and every sample lies where they say.

use gstharmony::isobmff::boxes::{
    self, AccessPoint, FragmentOptions, Placement, ProducerTime, SegmentKind, SegmentType,
    TrackAccess,
};
use gstharmony::isobmff::model::{
    AudioCodec, AudioEntry, Bitrate, Colour, ContentLight, Cover, Edit, Fragment, MasteringDisplay,
    Movie, Orientation, Run, Sample, SampleEntry, Tags, TextEntry, Track, TrackFragment, Variant,
    VideoCodec, VideoEntry,
};
use gstharmony::isobmff::progressive::{ChunkLimits, TablesBuilder};
use mp4_atom::Any;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use crate::common::boxes as read;

/// Configurations that decoders accept: `mp4-atom` reads into them. H.264 320×180, H.265 160×96 and others as the
/// encoders of the tests' media write them.
mod config {
    pub const AVC: &[u8] = &[
        1, 0x64, 0, 0x0c, 0xff, 0xe1, 0, 0x0a, 0x67, 0x64, 0, 0x0c, 0xac, 0xd9, 0x41, 0x41, 0xfb,
        0x01, 1, 0, 4, 0x68, 0xeb, 0xe3, 0xcb, 0xfd, 0xf8, 0xf8, 0,
    ];
    pub const HEVC: &[u8] = &[
        1, 1, 0x60, 0, 0, 0, 0x90, 0, 0, 0, 0, 0, 30, 0xf0, 0, 0xfc, 0xfd, 0xf8, 0xf8, 0, 0, 0x0f,
        0,
    ];
    pub const AV1: &[u8] = &[0x81, 0, 0x0c, 0];
    pub const VP9: &[u8] = &[0, 10, 0x82, 2, 2, 2, 0, 0];
    pub const AAC: &[u8] = &[0x11, 0x90];
    pub const OPUS: &[u8] = &[0, 2, 1, 0x38, 0, 0, 0xbb, 0x80, 0, 0, 0];
    pub const FLAC: &[u8] = &[
        0x80, 0, 0, 34, 0x10, 0, 0x10, 0, 0, 0, 0x0e, 0, 0x26, 0x31, 0x0a, 0xc4, 0x40, 0xf0, 0, 2,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ];
    pub const AC3: &[u8] = &[0x10, 0x3d, 0xe0];
    pub const EAC3: &[u8] = &[0x06, 0, 0x20, 0x0f, 0];
}

fn video_codec() -> impl Strategy<Value = VideoCodec> {
    let avc = |in_band| VideoCodec::Avc {
        config: config::AVC.into(),
        in_band,
    };
    let hevc = |in_band| VideoCodec::Hevc {
        config: config::HEVC.into(),
        in_band,
    };
    prop_oneof![
        any::<bool>().prop_map(avc),
        any::<bool>().prop_map(hevc),
        Just(VideoCodec::Av1 {
            config: config::AV1.into()
        }),
        Just(VideoCodec::Vp9 {
            config: config::VP9.into()
        }),
    ]
}

fn bitrate() -> impl Strategy<Value = Option<Bitrate>> {
    let bitrate = |(max, average)| Bitrate { max, average };
    option::of(any::<(u32, u32)>().prop_map(bitrate))
}

fn video() -> impl Strategy<Value = VideoEntry> {
    let colour =
        any::<(u16, u16, u16, bool)>().prop_map(|(primaries, transfer, matrix, full)| Colour {
            primaries,
            transfer,
            matrix,
            full_range: full,
        });
    let mastering =
        any::<([(u16, u16); 3], (u16, u16), u32, u32)>().prop_map(|parts| MasteringDisplay {
            primaries_gbr: parts.0,
            white_point: parts.1,
            max_luminance: parts.2,
            min_luminance: parts.3,
        });
    let light = any::<(u16, u16)>().prop_map(|(max_content, max_average)| ContentLight {
        max_content,
        max_average,
    });
    (
        video_codec(),
        any::<(u16, u16)>(),
        option::of(any::<(u32, u32)>()),
        option::of(colour),
        option::of(mastering),
        option::of(light),
        bitrate(),
    )
        .prop_map(|parts| VideoEntry {
            codec: parts.0,
            width: parts.1.0,
            height: parts.1.1,
            pixel_aspect: parts.2,
            colour: parts.3,
            mastering: parts.4,
            light: parts.5,
            bitrate: parts.6,
        })
}

fn audio() -> impl Strategy<Value = AudioEntry> {
    let codec = prop_oneof![
        Just(AudioCodec::Aac {
            config: config::AAC.into()
        }),
        Just(AudioCodec::Opus {
            config: config::OPUS.into()
        }),
        Just(AudioCodec::Flac {
            blocks: config::FLAC.into()
        }),
        Just(AudioCodec::Ac3 {
            config: config::AC3.into()
        }),
        Just(AudioCodec::Eac3 {
            config: config::EAC3.into()
        }),
    ];
    (codec, 1u16..9, 1u32..400_000, bitrate()).prop_map(|(codec, channels, rate, bitrate)| {
        // mp4-atom 0.17 knows btrt in these two alone.
        let known = matches!(codec, AudioCodec::Aac { .. } | AudioCodec::Opus { .. });
        let bitrate = bitrate.filter(|_| known);
        AudioEntry {
            codec,
            channels,
            rate,
            sample_size: 16,
            bitrate,
        }
    })
}

fn entry() -> impl Strategy<Value = SampleEntry> {
    prop_oneof![
        video().prop_map(SampleEntry::Video),
        audio().prop_map(SampleEntry::Audio),
        any::<(u16, u16)>()
            .prop_map(|(width, height)| SampleEntry::Text(TextEntry { width, height })),
    ]
}

fn edit() -> impl Strategy<Value = Edit> {
    (any::<u64>(), option::of(0..=i64::MAX as u64)).prop_map(|(duration, media_time)| Edit {
        duration,
        media_time,
    })
}

fn track() -> impl Strategy<Value = Track> {
    let orientation = (0u8..4, any::<bool>()).prop_map(|(quarter_turns, mirrored)| Orientation {
        quarter_turns,
        mirrored,
    });
    (
        1u32..=u32::MAX,
        "[a-zA-Z]{0,3}(-[a-zA-Z]{2})?",
        "[a-zé]{0,8}",
        orientation,
        entry(),
        vec(edit(), 0..3),
    )
        .prop_map(
            |(timescale, language, name, orientation, entry, edits)| Track {
                id: 0,
                timescale,
                language,
                name,
                orientation,
                entries: vec![entry],
                edits,
            },
        )
}

fn tags() -> impl Strategy<Value = Tags> {
    // Of the texts mp4-atom 0.17 knows few; not the title.
    let text = option::of("[a-zé]{0,20}").prop_map(|text| {
        let item = |text| (*b"\xa9too", text);
        text.map(item).into_iter().collect::<Vec<_>>()
    });
    let cover = option::of(vec(any::<u8>(), 0..20)).prop_map(|bytes| {
        let cover = bytes.map(Cover::Jpeg);
        cover.into_iter().collect::<Vec<_>>()
    });
    (text, cover).prop_map(|(texts, covers)| Tags {
        texts,
        covers,
        ..Tags::default()
    })
}

fn movie() -> impl Strategy<Value = Movie> {
    let variant = prop_oneof![Just(Variant::Fragmented), Just(Variant::Progressive)];
    (
        variant,
        1u32..=u32::MAX,
        option::of(any::<u64>()),
        vec(track(), 1..5),
        tags(),
    )
        .prop_map(|(variant, timescale, creation_time, mut tracks, tags)| {
            for (place, track) in tracks.iter_mut().enumerate() {
                track.id = place as u32 + 1;
            }
            Movie {
                variant,
                timescale,
                creation_time,
                tracks,
                tags,
            }
        })
}

/// Samples in runs, few values of each field so that defaults take part.
fn runs() -> impl Strategy<Value = Vec<Vec<Sample>>> {
    let sample = (
        prop_oneof![Just(384u32), 0u32..5000],
        prop_oneof![Just(1024u32), any::<u32>()],
        prop_oneof![Just(0u32), any::<u32>()],
        any::<(bool, bool)>(),
    )
        .prop_map(
            |(size, duration, composition_offset, (sync, open))| Sample {
                size,
                duration,
                composition_offset,
                sync,
                open: sync && open,
                entry: 0,
            },
        );
    vec(vec(sample, 1..12), 1..4)
}

/// A track's first time, its `roll_distance`, and its samples in runs.
type Part = (u64, Option<i16>, Vec<Vec<Sample>>);

/// A fragment of the tracks, their runs in turn.
fn fragment(tracks: &[Part]) -> Fragment {
    let mut parts: Vec<_> = tracks
        .iter()
        .zip(1..)
        .map(|((time, roll_distance, _), track)| TrackFragment {
            track,
            base_decode_time: *time,
            roll_distance: *roll_distance,
            runs: Vec::new(),
        })
        .collect();
    let mut payload = 0;
    for turn in 0..3 {
        for (part, (_, _, runs)) in parts.iter_mut().zip(tracks) {
            let Some(samples) = runs.get(turn) else {
                continue;
            };
            let samples = samples.clone();
            let size: u64 = samples.iter().map(|s| u64::from(s.size)).sum();
            part.runs.push(Run {
                offset: payload,
                samples,
            });
            payload += size;
        }
    }
    Fragment {
        sequence: 1,
        tracks: parts,
        payload,
    }
}

/// Where each sample lies in the payload.
fn places(fragment: &Fragment) -> Vec<usize> {
    let mut places = Vec::new();
    for run in fragment.tracks.iter().flat_map(|part| &part.runs) {
        let mut at = run.offset as usize;
        for sample in &run.samples {
            places.push(at);
            at += sample.size as usize;
        }
    }
    places
}

fn options() -> impl Strategy<Value = FragmentOptions> {
    let styp = (0usize..3, any::<bool>()).prop_map(|(kind, last)| SegmentType {
        kind: [
            SegmentKind::Segment,
            SegmentKind::Fragment,
            SegmentKind::Chunk,
        ][kind],
        last,
    });
    let prft = any::<(u64, u64)>().prop_map(|(ntp, media_time)| ProducerTime {
        track: 1,
        ntp,
        media_time,
        flags: 0,
    });
    (option::of(styp), option::of(prft), Just(false))
        .prop_map(|(styp, prft, sidx)| FragmentOptions { styp, prft, sidx })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn an_init_segment_decodes(movie in movie()) {
        let file = boxes::init_segment(&movie).expect("any movie can be written");
        prop_assert_eq!(read::layout(&file), ["ftyp", "moov"]);
        let (atoms, _) = read::strict(&file);
        let Any::Moov(moov) = &atoms[1] else { panic!("a moov") };
        prop_assert_eq!(moov.trak.len(), movie.tracks.len());
        for (read, track) in moov.trak.iter().zip(&movie.tracks) {
            prop_assert_eq!(read.tkhd.track_id, track.id);
            prop_assert_eq!(read.mdia.mdhd.timescale, track.timescale);
            prop_assert_eq!(read.mdia.minf.stbl.stsd.codecs.len(), 1);
            let edits = read.edts.as_ref().and_then(|edts| edts.elst.as_ref());
            let read: Vec<_> = edits.iter().flat_map(|elst| &elst.entries).map(|e| e.segment_duration).collect();
            let edits: Vec<_> = track.edits.iter().map(|e| e.duration).collect();
            prop_assert_eq!(read, edits);
        }
    }

    #[test]
    fn fragments_come_back_with_every_sample(
        movie in movie(),
        tracks in vec((0..=u64::MAX >> 1, option::of(any::<i16>()), runs()), 1..4),
        options in options(),
    ) {
        let tracks = &tracks[..tracks.len().min(movie.tracks.len())];
        let fragment = fragment(tracks);
        let mut file = boxes::init_segment(&movie).expect("any movie can be written");
        let start = file.len();
        let header = boxes::fragment_header(&movie, &fragment, &options).expect("a small fragment");
        file.extend(header);
        let headers = file.len();
        file.resize(headers + fragment.payload as usize, 0);
        // Decoded strictly on the way.
        let (_, read) = read::fragments(&file);
        prop_assert_eq!(read.len(), fragment.tracks.len());
        for (read, part) in read.iter().zip(&fragment.tracks) {
            prop_assert_eq!(read.base, part.base_decode_time);
            let samples: Vec<_> = part.runs.iter().flat_map(|run| &run.samples).collect();
            prop_assert_eq!(read.samples.len(), samples.len());
            for (read, sample) in read.samples.iter().zip(samples) {
                prop_assert_eq!((read.size, read.duration), (sample.size, sample.duration));
                prop_assert_eq!(read.offset, i64::from(sample.composition_offset));
                prop_assert_eq!(read.sync(), sample.sync);
            }
        }
        let moof = read::top(&file[start..], b"moof");
        let mut found = Vec::new();
        for (traf, read) in moof.all(b"traf").zip(&read) {
            let mut sizes = read.samples.iter().map(|sample| sample.size as usize);
            for trun in traf.all(b"trun") {
                let mut at = start + moof.offset + trun.number(8, 4) as usize;
                for size in sizes.by_ref().take(trun.number(4, 4) as usize) {
                    found.push(at - headers);
                    at += size;
                }
            }
        }
        prop_assert_eq!(found, places(&fragment));
    }

    #[test]
    fn sample_tables_come_back(movie in movie(), runs in vec(runs(), 4), payload in 0..=u32::MAX >> 1, wide in any::<bool>()) {
        let limits = ChunkLimits { bytes: 8192, ticks: u64::MAX };
        let mut end = 0;
        let tables: Vec<_> = movie.tracks.iter().zip(&runs).map(|(_, runs)| {
            let mut builder = TablesBuilder::new(limits, None);
            for sample in runs.iter().flatten() {
                builder.push(sample, end).expect("a small file");
                end += u64::from(sample.size);
            }
            builder.finish()
        }).collect();
        let placement = Placement { payload: payload.into(), wide };
        let moov = boxes::moov(&movie, &tables, placement).expect("a small file");
        let (atoms, _) = read::strict(&moov);
        let Any::Moov(read) = &atoms[0] else { panic!("a moov") };
        for ((trak, tables), runs) in read.trak.iter().zip(&tables).zip(&runs) {
            let stbl = &trak.mdia.minf.stbl;
            let sizes: Vec<_> = match &stbl.stsz.samples {
                mp4_atom::StszSamples::Identical { count, size } => vec![*size; *count as usize],
                mp4_atom::StszSamples::Different { sizes } => sizes.clone(),
            };
            let expected: Vec<_> = runs.iter().flatten().map(|s| s.size).collect();
            prop_assert_eq!(sizes, expected);
            let durations: u64 = stbl.stts.entries.iter().map(|e| u64::from(e.sample_count) * u64::from(e.sample_delta)).sum();
            prop_assert_eq!(durations, trak.mdia.mdhd.duration);
            let chunks: Vec<u64> = match (&stbl.stco, &stbl.co64) {
                (Some(stco), None) => stco.entries.iter().map(|&e| e.into()).collect(),
                (None, Some(co64)) => co64.entries.clone(),
                _ => panic!("one of them"),
            };
            let expected: Vec<_> = tables.chunk_offsets.iter().map(|o| o + u64::from(payload)).collect();
            prop_assert_eq!(chunks, expected);
        }
    }

    #[test]
    fn random_access_decodes(points in vec(any::<(u64, u64, u32, u32, u32)>(), 0..20)) {
        let points: Vec<_> = points.into_iter().map(|(time, moof, traf, trun, sample)| {
            AccessPoint { time, moof, traf, trun, sample }
        }).collect();
        let bytes = boxes::mfra(&[TrackAccess { track: 1, points: points.clone() }]).expect("a small box");
        let (atoms, _) = read::strict(&bytes);
        let Any::Mfra(mfra) = &atoms[0] else { panic!("an mfra") };
        let read: Vec<_> = mfra.tfra[0].entries.iter().map(|e| {
            (e.time, e.moof_offset, e.traf_number, e.trun_number, e.sample_delta)
        }).collect();
        let expected: Vec<_> = points.iter().map(|p| (p.time, p.moof, p.traf, p.trun, p.sample)).collect();
        prop_assert_eq!(read, expected);
    }
}
