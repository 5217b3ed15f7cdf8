use super::super::table::{Told, ask};
use super::media::*;
use crate::elements::fmp4remux::streams::FrameLength;
use crate::isobmff::fragment::Media;
use crate::sample_table::{
    Clipped, FIELD_CAPS_CHANGES, FIELD_CLIPPING, FIELD_SAMPLES, TableSample,
};

/// Tracks whose upstream tells these samples.
fn told_tracks(sent: &[Sent]) -> (Vec<NewTrack>, Vec<gst::Pad>) {
    let mut tracks = tracks();
    let mut sources = Vec::new();
    for (number, track) in tracks.iter_mut().enumerate() {
        let (sink, source) = asked(Some(table(sent, number)));
        track.pad = sink;
        sources.push(source);
    }
    (tracks, sources)
}

#[test]
fn known_samples_follow_their_moov_in_the_order_told() {
    let sent = sent();
    let (tracks, _sources) = told_tracks(&sent);
    // They come by their tracks, as if one branch were slow.
    let mut late = sent.clone();
    late.sort_by_key(|s| s.track);
    let (bytes, written) = write(options(MoovPlacement::FrontExact), tracks, &late, false);
    assert_eq!(written, Ok(()));
    assert_eq!(kinds(&bytes), ["ftyp", "moov", "mdat"]);
    assert_holds(&bytes, &sent);
    let media = boxes(&bytes).0.pop().unwrap().1 - 8;
    let order: Vec<u8> = sent
        .iter()
        .flat_map(|s| {
            [
                if s.track == 2 { vec![0; 2] } else { Vec::new() },
                s.payload.clone(),
            ]
            .concat()
        })
        .collect();
    assert!(
        bytes[bytes.len() - media..] == order,
        "the order of the media"
    );
}

#[test]
fn a_buffer_that_differs_is_an_error_that_says_how() {
    let sent = sent();
    let with = |change: &dyn Fn(&mut Vec<Sent>)| {
        let (tracks, _sources) = told_tracks(&sent);
        let mut changed = sent.clone();
        change(&mut changed);
        let (_, written) = write(options(MoovPlacement::FrontExact), tracks, &changed, false);
        written.unwrap_err()
    };
    assert_eq!(
        with(&|s| s[0].payload.truncate(5)),
        "Some(1): buffer 0: found 5 bytes with PTS 0 ns, expected 3000 bytes with PTS 0 ns as its sample table says"
    );
    let later = with(&|s| s.iter_mut().filter(|s| s.track == 1).nth(3).unwrap().pts_ns += 1);
    assert!(later.starts_with("Some(2): buffer 3: found"), "{later}");
    let fewer = with(&|s| {
        s.pop();
    });
    assert!(fewer.contains("buffers at the end, expected"), "{fewer}");
    let more = with(&|s| s.push(s[s.len() - 1].clone()));
    assert!(more.contains("found buffer"), "{more}");
}

#[test]
fn without_a_sample_table_the_pad_and_a_way_out_are_named() {
    let mut tracks = tracks();
    let (sink, _source) = asked(None);
    tracks[0].pad = sink;
    let (_, written) = write(options(MoovPlacement::FrontExact), tracks, &[], false);
    let error = written.unwrap_err();
    assert!(
        error.starts_with("Some(1): moov-placement=front-exact"),
        "{error}"
    );
    assert!(error.contains("front-spool"), "{error}");
}

#[test]
fn caps_that_change_are_described_before_the_media() {
    let sent: Vec<_> = sent().into_iter().filter(|s| s.track == 0).collect();
    let mut answer = table(&sent, 0);
    let caps = gst::Caps::new_empty_simple("video/x-other");
    let change = gst::Structure::builder("caps-change")
        .field("sample", 30_u64)
        .field("caps", &caps)
        .build();
    answer.set(FIELD_CAPS_CHANGES, gst::Array::new([change]));
    let (sink, _source) = asked(Some(answer));
    let mut track = tracks().remove(0);
    track.pad = sink;
    let (mut out, file, _sink) = output(false);
    let exact = options(MoovPlacement::FrontExact);
    let mut describe = |track: usize, told: &gst::Caps| {
        assert_eq!((track, told), (0, &caps));
        Ok(video_entry(32))
    };
    let mut progressive =
        Progressive::start(exact, movie(), vec![track], &mut describe, &mut out).unwrap();
    assert_eq!(progressive.describe(0, &video_entry(32)).unwrap(), 1);
    let untold = progressive.describe(0, &video_entry(16)).unwrap_err();
    assert!(text(untold).starts_with("Some(1): found caps that its sample table does not tell"));
    for sent in &sent {
        progressive.push(0, input(sent), &mut out).unwrap();
    }
    progressive.finish(&mut out).unwrap();
    let moov = boxes(&file.lock().unwrap().bytes).1;
    let stbl = &moov.trak[0].mdia.minf.stbl;
    assert_eq!(stbl.stsd.codecs.len(), 2);
    let chunks = &stbl.stsc.entries;
    let first: u32 = chunks
        .iter()
        .filter(|r| r.sample_description_index == 2)
        .map(|r| r.first_chunk)
        .min()
        .unwrap();
    let before = chunks
        .iter()
        .filter(|r| r.first_chunk < first)
        .map(|r| r.samples_per_chunk);
    // 12 pictures of 40 ms in half a second: the third chunk ends early.
    assert_eq!(before.collect::<Vec<_>>(), [12, 6]);
}

#[test]
fn samples_are_told_as_their_buffers_become() {
    let sent: Vec<_> = sent().into_iter().filter(|s| s.track == 1).collect();
    let told = |answer: gst::Structure, change: &dyn Fn(&mut NewTrack)| {
        let (sink, _source) = asked(Some(answer));
        let mut track = tracks().remove(1);
        track.pad = sink;
        change(&mut track);
        let told = ask(&mut track, &mut |_| Err(String::new())).map_err(text);
        told.map(|told| (told.inputs, told.skip))
    };
    let mut clipped = table(&sent, 1);
    let packed = [
        Clipped {
            sample: 0,
            start: 480,
            end: 0,
        },
        Clipped {
            sample: 2,
            start: 0,
            end: 24,
        },
    ];
    let packed: Vec<u8> = packed.iter().flat_map(|c| c.to_bytes()).collect();
    clipped.set(FIELD_CLIPPING, gst::Buffer::from_slice(packed));
    let (inputs, skip) = told(clipped, &|track| track.prefix = 2).unwrap();
    assert_eq!(inputs.len(), sent.len());
    assert_eq!(
        inputs[0].pts_ns, -10_000_000,
        "what is clipped is before its time"
    );
    assert_eq!((inputs[1].pts_ns, skip), (sent[1].pts_ns, 480));
    assert_eq!((inputs[1].trim, inputs[2].trim), (0, 24));
    assert_eq!(inputs[0].size as usize, sent[0].payload.len() - 2);
}

#[test]
fn frames_of_unknown_length_last_to_the_next() {
    // Opus out of Matroska: times in milliseconds and no durations.
    let sent: Vec<_> = [0, 21, 40, 100]
        .map(|ms| Sent {
            track: 1,
            pts_ns: ms * MS,
            sync: true,
            payload: vec![0; 10],
        })
        .into();
    let told = ask_opus(table(&sent, 1)).unwrap();
    let frames: Vec<_> = told.inputs.iter().map(|i| i.frame).collect();
    assert_eq!(frames, [960, 960, 2880, 2880]);
}

#[test]
fn a_duration_that_leaves_clipped_samples_out_is_made_whole() {
    let sent: Vec<_> = [0, 13_500_000, 33_500_000]
        .map(|pts_ns| Sent {
            track: 1,
            pts_ns,
            sync: true,
            payload: vec![0; 10],
        })
        .into();
    let durations = [13_500_000, 20_000_000, 6_500_000];
    let packed = sent
        .iter()
        .zip(durations)
        .zip(0..)
        .flat_map(|((s, duration), position)| {
            let sample = TableSample {
                position,
                size: 10,
                sync: true,
                pts: Some(s.pts_ns),
                duration: Some(duration),
                ..Default::default()
            };
            sample.to_bytes()
        });
    let clipping =
        [(0, 312, 0), (2, 0, 648)].map(|(sample, start, end)| Clipped { sample, start, end });
    let clipping: Vec<u8> = clipping.iter().flat_map(|c| c.to_bytes()).collect();
    let mut answer = table(&sent, 1);
    answer.set(
        FIELD_SAMPLES,
        gst::Buffer::from_slice(packed.collect::<Vec<u8>>()),
    );
    answer.set(FIELD_CLIPPING, gst::Buffer::from_slice(clipping));
    let told = ask_opus(answer).unwrap();
    let frames: Vec<_> = told.inputs.iter().map(|i| (i.frame, i.trim)).collect();
    assert_eq!(frames, [(960, 0), (960, 0), (960, 648)]);
    assert_eq!((told.inputs[0].pts_ns, told.skip), (-6_500_000, 312));
}

/// What an Opus track makes of an answer.
fn ask_opus(answer: gst::Structure) -> Result<Told, Fault> {
    ask_audio(answer, FrameLength::Opus)
}

fn ask_audio(answer: gst::Structure, frame: FrameLength) -> Result<Told, Fault> {
    let (sink, _source) = asked(Some(answer));
    let mut track = tracks().remove(1);
    track.pad = sink;
    track.spec.media = Media::Audio { unit: Some(120) };
    track.kind = Kind::Audio {
        frame,
        rate: 48_000,
        pre_skip: 0,
        pre_roll: 0,
    };
    ask(&mut track, &mut |_| Err(String::new()))
}

#[test]
fn text_that_loses_its_markup_keeps_the_size_told() {
    let sent: Vec<_> = sent().into_iter().filter(|s| s.track == 2).collect();
    let (sink, _source) = asked(Some(table(&sent, 2)));
    let mut track = tracks().remove(2);
    track.pad = sink;
    let (mut out, file, _sink) = output(false);
    let exact = options(MoovPlacement::FrontExact);
    let mut progressive =
        Progressive::start(exact, movie(), vec![track], &mut refuse, &mut out).unwrap();
    for sent in &sent {
        let mut plain = input(sent);
        plain.payload = gst::Buffer::from_slice(*b"\0\x02ab");
        plain.size = 4;
        progressive.push(0, plain, &mut out).unwrap();
    }
    progressive.finish(&mut out).unwrap();
    let bytes = &file.lock().unwrap().bytes;
    let samples = read(bytes, &boxes(bytes).1.trak[0].mdia.minf.stbl);
    let cues: Vec<_> = samples
        .iter()
        .map(|s| &s.0)
        .filter(|s| s.len() > 2)
        .collect();
    let sizes: Vec<_> = cues.iter().map(|c| c.len()).collect();
    assert_eq!(
        sizes,
        sent.iter().map(|s| s.payload.len()).collect::<Vec<_>>()
    );
    assert!(cues.iter().all(|c| c.starts_with(b"\0\x02ab\0\0\0")));
}

#[test]
fn dependent_frames_are_told_with_the_sample_that_they_are_part_of() {
    let packed = [Some(0), None, Some(32 * MS), None]
        .iter()
        .zip(0..)
        .flat_map(|(pts, position)| {
            let sample = TableSample {
                position,
                size: 100 + position as u32,
                sync: true,
                pts: *pts,
                duration: pts.map(|_| 32_000_000),
                ..Default::default()
            };
            sample.to_bytes()
        });
    let mut answer = table(&[], 1);
    answer.set(
        FIELD_SAMPLES,
        gst::Buffer::from_slice(packed.collect::<Vec<u8>>()),
    );
    let told = ask_audio(answer, FrameLength::Eac3).unwrap();
    let sizes: Vec<_> = told
        .inputs
        .iter()
        .map(|i| (i.payload, i.size, i.frame))
        .collect();
    assert_eq!(sizes, [(0, 201, 1536), (2, 205, 1536)]);
}
