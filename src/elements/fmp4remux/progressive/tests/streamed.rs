use super::media::*;
use crate::elements::fmp4remux::streams::FrameLength;
use crate::h4mk::Clipping;

#[test]
fn the_moov_is_at_the_end_where_nobody_seeks() {
    let sent = sent();
    let (bytes, written) = write(options(MoovPlacement::End), tracks(), &sent, false);
    assert_eq!(written, Ok(()));
    assert_eq!(kinds(&bytes), ["ftyp", "mdat", "moov"]);
    assert_holds(&bytes, &sent);
}

#[test]
fn the_moov_is_first_where_the_media_wait_in_a_file() {
    let sent = sent();
    let (bytes, written) = write(options(MoovPlacement::FrontSpool), tracks(), &sent, false);
    assert_eq!(written, Ok(()));
    assert_eq!(kinds(&bytes), ["ftyp", "moov", "mdat"]);
    assert_holds(&bytes, &sent);
}

#[test]
fn the_moov_fills_the_room_that_was_left_for_it() {
    let sent = sent();
    let (bytes, written) = write(options(MoovPlacement::FrontReserve), tracks(), &sent, true);
    assert_eq!(written, Ok(()));
    assert_eq!(kinds(&bytes), ["ftyp", "moov", "free", "mdat"]);
    assert_holds(&bytes, &sent);
    let (bytes, written) = write(options(MoovPlacement::FrontReserve), tracks(), &sent, false);
    assert!(bytes.is_empty());
    assert!(written.unwrap_err().contains("can't seek"));
    for (reserved_ns, reason) in [(None, "found none"), (Some(u64::MAX), "less than 4 GiB")] {
        let options = Options {
            reserved_ns,
            ..options(MoovPlacement::FrontReserve)
        };
        let (_, written) = write(options, tracks(), &sent, true);
        let error = written.unwrap_err();
        assert!(
            error.contains("reserved-max-duration") && error.contains(reason),
            "{error}"
        );
    }
}

#[test]
fn room_that_is_too_small_is_told_and_the_file_plays() {
    // Four times the pictures that this leaves room for.
    let sent: Vec<_> = (0..4)
        .flat_map(|round| {
            sent().into_iter().map(move |mut s| {
                s.pts_ns += round * PICTURES * 40 * MS;
                s
            })
        })
        .filter(|s| s.track == 0)
        .collect();
    let short = Options {
        reserved_ns: Some(1),
        ..options(MoovPlacement::FrontReserve)
    };
    let (bytes, written) = write(short, tracks(), &sent, true);
    let error = written.unwrap_err();
    assert!(
        error.contains("reserved-max-duration: moov needs"),
        "{error}"
    );
    assert_eq!(kinds(&bytes), ["ftyp", "free", "mdat", "moov"]);
    assert_holds(&bytes, &sent);
}

#[test]
fn a_long_file_s_media_are_in_boxes_of_bounded_size() {
    let large: Vec<_> = (0..40)
        .map(|n| Sent {
            track: 0,
            pts_ns: n * 40 * MS,
            sync: true,
            payload: vec![n as u8; 1 << 20],
        })
        .collect();
    let tracks = vec![tracks().remove(0)];
    let (mut out, file, _sink) = output(false);
    let mut progressive = Progressive::start(
        options(MoovPlacement::End),
        movie(),
        tracks,
        &mut refuse,
        &mut out,
    )
    .unwrap();
    for (n, sent) in large.iter().enumerate() {
        progressive.push(0, input(sent), &mut out).unwrap();
        let behind = (n << 20).saturating_sub(file.lock().unwrap().bytes.len());
        assert!(behind <= 20 << 20, "{behind} bytes wait");
    }
    progressive.finish(&mut out).unwrap();
    let found = boxes(&file.lock().unwrap().bytes).0;
    let media: Vec<_> = found.iter().filter(|(kind, _)| kind == "mdat").collect();
    assert!(media.iter().all(|(_, size)| *size <= 16 << 20), "{media:?}");
    assert!(media.len() > 2);
}

#[test]
fn what_came_before_an_error_plays() {
    let sent = sent();
    let half = &sent[..sent.len() / 2];
    let (mut out, file, _sink) = output(false);
    let end = options(MoovPlacement::End);
    let mut progressive =
        Progressive::start(end, movie(), tracks(), &mut refuse, &mut out).unwrap();
    for sent in half {
        progressive.push(sent.track, input(sent), &mut out).unwrap();
    }
    let early = half.iter().find(|s| s.track == 1).unwrap();
    let refused = progressive.push(1, input(early), &mut out).unwrap_err();
    assert!(text(refused).starts_with("Some(2): PTS goes backward"));
    progressive.finish(&mut out).unwrap();
    assert_holds(&file.lock().unwrap().bytes, half);
}

#[test]
fn other_caps_and_late_tracks_are_in_the_moov() {
    let sent = sent();
    let mut tracks = tracks();
    let mut late = vec![tracks.pop().unwrap(), tracks.pop().unwrap()];
    let (mut out, file, _sink) = output(false);
    let end = options(MoovPlacement::End);
    let mut progressive = Progressive::start(end, movie(), tracks, &mut refuse, &mut out).unwrap();
    let mut entry = 0;
    for (n, sent) in sent.iter().enumerate() {
        while progressive.tracks.len() <= sent.track {
            progressive.add(late.pop().unwrap()).unwrap();
        }
        if n == 100 {
            entry = progressive.describe(0, &video_entry(32)).unwrap();
            assert_eq!(
                (entry, progressive.describe(0, &video_entry(64)).unwrap()),
                (1, 0)
            );
        }
        let mut input = input(sent);
        input.entry = if sent.track == 0 { entry } else { 0 };
        progressive.push(sent.track, input, &mut out).unwrap();
    }
    progressive.finish(&mut out).unwrap();
    let bytes = &file.lock().unwrap().bytes;
    assert_holds(bytes, &sent);
    let stbl = &boxes(bytes).1.trak[0].mdia.minf.stbl;
    assert_eq!(stbl.stsd.codecs.len(), 2);
    let rows = stbl.stsc.entries.iter();
    let descriptions: std::collections::BTreeSet<_> =
        rows.map(|r| r.sample_description_index).collect();
    assert_eq!(descriptions, [1, 2].into());
}

#[test]
fn pre_roll_and_what_is_clipped_are_in_the_moov() {
    let mut track = tracks().remove(1);
    track.kind = Kind::Audio {
        frame: FrameLength::Opus,
        rate: 48_000,
        pre_skip: 312,
        pre_roll: 3840,
    };
    track.roll_distance = Some(-4);
    let (mut out, file, _sink) = output(false);
    let end = options(MoovPlacement::End);
    let mut progressive =
        Progressive::start(end, movie(), vec![track], &mut refuse, &mut out).unwrap();
    for n in 0..50 {
        let mut input = input(&Sent {
            track: 1,
            pts_ns: n * 20 * MS - 6_500_000,
            sync: true,
            payload: vec![n as u8; 100],
        });
        input.frame = 960;
        if n == 0 {
            let clipping = Clipping { start: 312, end: 0 };
            let buffer = input.payload.make_mut();
            let _ = crate::meta::add_clipping(buffer, clipping);
        }
        progressive.push(0, input, &mut out).unwrap();
    }
    progressive.finish(&mut out).unwrap();
    let moov = boxes(&file.lock().unwrap().bytes).1;
    let edits = moov.trak[0].edts.as_ref().unwrap().elst.as_ref().unwrap();
    assert_eq!(edits.entries.len(), 1);
    assert_eq!(edits.entries[0].media_time, Some(312));
    assert_eq!(edits.entries[0].segment_duration, 50 * 960 - 312);
    let stbl = &moov.trak[0].mdia.minf.stbl;
    assert_eq!(stbl.sgpd.len(), 1);
}

#[test]
fn edits_are_written_where_they_are_wanted() {
    let sent = sent();
    let edited = |edits| {
        let options = Options {
            edits,
            ..options(MoovPlacement::End)
        };
        let (bytes, written) = write(options, tracks(), &sent, false);
        assert_eq!(written, Ok(()));
        let moov = boxes(&bytes).1;
        let edits = moov.trak.iter().map(|trak| trak.edts.is_some());
        edits.collect::<Vec<_>>()
    };
    assert_eq!(edited(WriteEdtsMode::Auto), [true, false, false]);
    assert_eq!(edited(WriteEdtsMode::Always), [true; 3]);
    assert_eq!(edited(WriteEdtsMode::Never), [false; 3]);
}
