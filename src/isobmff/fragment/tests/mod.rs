//! Fragments of numbers: no bytes, no pipelines.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod alone;
mod cues;

use super::*;
use proptest::prelude::*;

const MS: i64 = 1_000_000;

fn options(fragment_ms: i64) -> Options {
    Options {
        fragment_ns: fragment_ms * MS,
        max_gop_ns: 10_000 * MS,
        chunk_ns: None,
        max_gap_ns: 10_000 * MS,
        first_segment: 1,
        range: None,
    }
}

const VIDEO: TrackSpec = TrackSpec {
    timescale: 1000,
    media: Media::Video {
        depth: 2,
        delay: 80,
        frame: Some(40),
    },
    first: None,
};
const AUDIO: TrackSpec = TrackSpec {
    timescale: 48_000,
    media: Media::Audio { unit: None },
    first: None,
};
const TEXT: TrackSpec = TrackSpec {
    timescale: 1000,
    media: Media::Text,
    first: None,
};

/// A sample named for its track and number.
type Name = (usize, u32);

fn input(track: usize, number: u32, pts_ns: i64, sync: bool) -> Input<Name> {
    Input {
        pts_ns,
        duration_ns: None,
        frame: 1024,
        even: true,
        trim: 0,
        sync,
        size: 100 + number % 7,
        entry: 0,
        payload: (track, number),
    }
}

/// 25 pictures a second in open groups of 25, two B-frames pictures deep: (PTS in ms, key), decoding order.
fn pictures(count: u32) -> Vec<(i64, bool)> {
    // 0, then 160 80 40 120 for each four.
    let mut shown = vec![(0, true)];
    for four in 0..count / 4 {
        let base = i64::from(four) * 160;
        for (place, pts) in [160, 80, 40, 120].into_iter().enumerate() {
            shown.push((base + pts, place == 0 && four % 6 == 5));
        }
    }
    shown
}

/// (order time, track, input), as a collector orders them.
fn timeline(video: u32, audio_gap: std::ops::Range<i64>) -> Vec<(i64, usize, Input<Name>)> {
    let mut all: Vec<_> = (0_u32..)
        .zip(pictures(video))
        .map(|(n, (ms, key))| (ms * MS, 0, input(0, n, ms * MS, key)))
        .collect();
    // The order of the pictures stays: a later one is not before an earlier one.
    let mut latest = i64::MIN;
    for (time, _, _) in &mut all {
        latest = latest.max(*time);
        *time = latest;
    }
    let end = latest;
    for n in 0_u32.. {
        let ns = crate::isobmff::timing::nanoseconds(i64::from(n) * 1024, 48_000);
        if ns > end {
            break;
        }
        if !audio_gap.contains(&ns) {
            all.push((ns, 1, input(1, n, ns, true)));
        }
    }
    all.sort_by_key(|(time, track, _)| (*time, *track));
    all
}

fn run(
    options: Options,
    specs: &[TrackSpec],
    all: &[(i64, usize, Input<Name>)],
) -> Vec<Part<Name>> {
    let mut fragmenter = Fragmenter::new(options);
    specs.iter().for_each(|spec| {
        fragmenter.add(*spec);
    });
    let mut parts = Vec::new();
    for (_, track, input) in all {
        fragmenter.push(*track, input.clone()).unwrap();
        while let Some(part) = fragmenter.next_part().unwrap() {
            parts.push(part);
        }
    }
    fragmenter.finish().unwrap();
    while let Some(part) = fragmenter.next_part().unwrap() {
        parts.push(part);
    }
    parts
}

/// Every fragment of a track goes on where the one before ended.
fn assert_contiguous(parts: &[Part<Name>], track: usize) {
    let mut end = None;
    for part in parts {
        let Some(track) = part.tracks.iter().find(|t| t.track == track) else {
            continue;
        };
        for sample in &track.samples {
            if let Some(end) = end {
                assert_eq!(sample.dts, end);
            }
            assert!(sample.dts <= sample.pts);
            end = Some(sample.dts + i64::from(sample.duration));
        }
    }
    assert!(end.is_some());
}

fn names(parts: &[Part<Name>], track: usize) -> Vec<u32> {
    let of_track = parts
        .iter()
        .flat_map(|p| p.tracks.iter().filter(|t| t.track == track));
    of_track
        .flat_map(|t| &t.samples)
        .filter_map(|s| s.payload.map(|(_, n)| n))
        .collect()
}

#[test]
fn fragments_begin_at_keys_and_lose_nothing() {
    let all = timeline(200, 0..0);
    let parts = run(options(1500), &[VIDEO, AUDIO], &all);
    assert!(parts.len() > 3);
    assert!(parts.iter().all(|p| p.starts_with_key && p.index == 0));
    let sequences: Vec<_> = parts.iter().map(Part::sequence).collect();
    assert_eq!(sequences[..3], [4096, 8192, 12288]);
    for track in [0, 1] {
        assert_contiguous(&parts, track);
        let expected = all.iter().filter(|(_, t, _)| *t == track).count();
        assert_eq!(
            names(&parts, track),
            (0..expected as u32).collect::<Vec<_>>()
        );
    }
    assert!(parts.windows(2).all(|p| p[0].time_ns.1 == p[1].time_ns.0));
    assert!(
        parts[1].tracks[0].samples[0].open,
        "leading pictures follow the key"
    );
    assert_eq!(parts[0].tracks[0].shift, 80);
    assert!(parts.last().unwrap().is_last);
}

#[test]
fn a_gap_makes_the_sample_before_it_longer() {
    let all = timeline(400, 2_000 * MS..8_000 * MS);
    let parts = run(options(1000), &[VIDEO, AUDIO], &all);
    assert_contiguous(&parts, 0);
    assert_contiguous(&parts, 1);
    assert!(
        parts.iter().any(|p| p.tracks.len() == 1),
        "fragments in the gap have no audio"
    );
}

#[test]
fn a_long_group_is_split_and_says_so() {
    let all: Vec<_> = (0..1000_u32)
        .map(|n| {
            (
                i64::from(n) * 40 * MS,
                0,
                input(0, n, i64::from(n) * 40 * MS, n == 0),
            )
        })
        .collect();
    let parts = run(options(2000), &[VIDEO], &all);
    assert_eq!(parts.len(), 4);
    assert_eq!(
        parts
            .iter()
            .map(|p| (p.segment, p.index, p.starts_with_key))
            .collect::<Vec<_>>(),
        [(1, 0, true), (1, 1, false), (1, 2, false), (1, 3, false)]
    );
    assert_contiguous(&parts, 0);
}

#[test]
fn audio_alone_is_cut_at_multiples_of_the_duration() {
    let all: Vec<_> = timeline(400, 0..0)
        .into_iter()
        .filter(|(_, t, _)| *t == 1)
        .collect();
    let all: Vec<_> = all.into_iter().map(|(t, _, i)| (t, 0, i)).collect();
    let parts = run(options(2000), &[AUDIO], &all);
    assert_contiguous(&parts, 0);
    for (n, part) in (0_i64..).zip(&parts[..parts.len() - 1]) {
        assert_eq!(part.time_ns, (n * 2_000 * MS, (n + 1) * 2_000 * MS));
        let first = part.tracks[0].samples[0].pts;
        assert!((first - n * 96_000).abs() < 1024);
    }
}

#[test]
fn audio_that_goes_on_is_cut_without_pictures() {
    let mut all = timeline(100, 0..0);
    let n = all.iter().filter(|(_, t, _)| *t == 1).count() as u32;
    let video_end = all.len();
    for n in n..n + 500 {
        let ns = crate::isobmff::timing::nanoseconds(i64::from(n) * 1024, 48_000);
        all.push((ns, 1, input(1, n, ns, true)));
    }
    let mut fragmenter = Fragmenter::new(options(1000));
    fragmenter.add(VIDEO);
    fragmenter.add(AUDIO);
    let mut parts = Vec::new();
    for (at, (_, track, input)) in all.iter().enumerate() {
        if at == video_end {
            fragmenter.end(0).unwrap();
        }
        fragmenter.push(*track, input.clone()).unwrap();
        parts.extend(std::iter::from_fn(|| fragmenter.next_part().unwrap()));
    }
    assert!(parts.len() >= 12, "{} parts", parts.len());
    fragmenter.finish().unwrap();
    parts.extend(std::iter::from_fn(|| fragmenter.next_part().unwrap()));
    assert_contiguous(&parts, 0);
    assert_contiguous(&parts, 1);
    assert_eq!(names(&parts, 1).len(), n as usize + 500);
}

#[test]
fn audio_that_ends_later_does_not_cut_between_pictures() {
    // Keys at 960 ms and so on; the pictures end 640 ms behind the last.
    let mut fragmenter = Fragmenter::new(options(500));
    fragmenter.add(VIDEO);
    fragmenter.add(AUDIO);
    let mut parts = Vec::new();
    for (_, track, input) in timeline(112, 0..0) {
        fragmenter.push(track, input).unwrap();
        parts.extend(fragmenter.next_part().unwrap());
    }
    fragmenter.end(0).unwrap();
    for n in 211..221 {
        let ns = crate::isobmff::timing::nanoseconds(i64::from(n) * 1024, 48_000);
        fragmenter.push(1, input(1, n, ns, true)).unwrap();
        parts.extend(fragmenter.next_part().unwrap());
    }
    fragmenter.finish().unwrap();
    parts.extend(std::iter::from_fn(|| fragmenter.next_part().unwrap()));
    assert_eq!(parts.len(), 5);
    let first = |part: &Part<Name>| part.tracks[0].samples[0].sync;
    assert!(
        parts
            .iter()
            .all(|part| part.tracks[0].track == 0 && first(part))
    );
}

#[test]
fn a_dead_track_is_not_waited_for_longer_than_the_gap() {
    let options = Options {
        max_gap_ns: 3_000 * MS,
        ..options(1000)
    };
    let mut fragmenter = Fragmenter::new(options);
    fragmenter.add(VIDEO);
    fragmenter.add(AUDIO);
    let mut parts = Vec::new();
    for (_, track, input) in timeline(400, 1_000 * MS..i64::MAX) {
        fragmenter.push(track, input).unwrap();
        parts.extend(std::iter::from_fn(|| fragmenter.next_part().unwrap()));
    }
    assert_eq!(parts.len(), 6, "of 1.92 s, but for the last 3 s of 16");
    assert_contiguous(&parts, 0);
}

#[test]
fn a_picture_that_stands_still_does_not_hold_the_audio() {
    let options = Options {
        max_gap_ns: 1_000 * MS,
        max_gop_ns: 2_000 * MS,
        ..options(1000)
    };
    let mut fragmenter = Fragmenter::new(options);
    fragmenter.add(VIDEO);
    fragmenter.add(AUDIO);
    fragmenter.push(0, input(0, 0, 0, true)).unwrap();
    let mut parts = Vec::new();
    for n in 0..3000_u32 {
        let ns = crate::isobmff::timing::nanoseconds(i64::from(n) * 1024, 48_000);
        fragmenter.push(1, input(1, n, ns, true)).unwrap();
        parts.extend(std::iter::from_fn(|| fragmenter.next_part().unwrap()));
    }
    assert!(parts.len() > 10);
    fragmenter.push(0, input(0, 1, 65_000 * MS, true)).unwrap();
    fragmenter.finish().unwrap();
    parts.extend(std::iter::from_fn(|| fragmenter.next_part().unwrap()));
    assert_eq!(names(&parts, 0), [0, 1]);
    assert_eq!(names(&parts, 1).len(), 3000);
    assert_contiguous(&parts, 1);
}

#[test]
fn cues_have_nothing_between_them() {
    let mut all = timeline(400, 0..0);
    for (n, (start, length)) in (0_u32..).zip([(500, 750), (1900, 100), (3100, 5000), (9000, 100)])
    {
        let cue = Input {
            duration_ns: Some(length * MS),
            ..input(2, n, start * MS, true)
        };
        all.push((start * MS, 2, cue));
    }
    all.sort_by_key(|(time, track, _)| (*time, *track));
    let parts = run(options(1000), &[VIDEO, AUDIO, TEXT], &all);
    assert_contiguous(&parts, 2);
    assert_eq!(names(&parts, 2), [0, 1, 2, 3]);
    let cues: Vec<_> = parts
        .iter()
        .flat_map(|p| p.tracks.iter().filter(|t| t.track == 2))
        .flat_map(|t| &t.samples)
        .filter(|s| s.payload.is_some())
        .map(|s| (s.pts, s.duration))
        .collect();
    assert_eq!(cues, [(500, 750), (1900, 100), (3100, 5000), (9000, 100)]);
}

#[test]
fn a_split_that_was_asked_for_comes_at_the_next_key() {
    let all = timeline(200, 0..0);
    let mut fragmenter = Fragmenter::new(options(100_000));
    fragmenter.add(VIDEO);
    fragmenter.add(AUDIO);
    fragmenter.split_at(1_500 * MS);
    let mut parts = Vec::new();
    for (_, track, input) in &all {
        fragmenter.push(*track, input.clone()).unwrap();
        parts.extend(std::iter::from_fn(|| fragmenter.next_part().unwrap()));
    }
    let ends: Vec<_> = parts.iter().map(|p| p.time_ns.1 / MS).collect();
    assert_eq!(ends, [1920], "keys are at 960, 1920, ...");
}

#[test]
fn audio_before_zero_shifts_the_media() {
    let all: Vec<_> = (0..10_u32)
        .map(|n| {
            let ns = crate::isobmff::timing::nanoseconds(i64::from(n) * 1024 - 312, 48_000);
            (ns, 0, input(0, n, ns, true))
        })
        .collect();
    let parts = run(options(2000), &[AUDIO], &all);
    assert_eq!(parts[0].tracks[0].shift, 312);
    let info = |_| TrackInfo {
        id: 1,
        timescale: 48_000,
        roll_distance: None,
    };
    let (fragment, _) = layout(parts[0].clone(), info, Interleave::default()).unwrap();
    assert_eq!(fragment.tracks[0].base_decode_time, 0);
}

#[test]
fn tracks_take_turns_in_a_fragment() {
    let parts = run(options(1000), &[VIDEO, AUDIO], &timeline(100, 0..0));
    let info = |track: usize| TrackInfo {
        id: track as u32 + 1,
        timescale: if track == 0 { 1000 } else { 48_000 },
        roll_distance: None,
    };
    let interleave = Interleave {
        bytes: None,
        time_ns: Some(250 * MS),
    };
    let samples = parts[0]
        .tracks
        .iter()
        .map(|t| t.samples.len())
        .sum::<usize>();
    let (fragment, payloads) = layout(parts[0].clone(), info, interleave).unwrap();
    assert_eq!(payloads.len(), samples);
    assert!(fragment.tracks.iter().all(|t| t.runs.len() >= 3));
    // The rows fill the payload without gaps or overlaps.
    let mut rows: Vec<_> = fragment
        .tracks
        .iter()
        .flat_map(|t| &t.runs)
        .map(|r| {
            (
                r.offset,
                r.samples.iter().map(|s| u64::from(s.size)).sum::<u64>(),
            )
        })
        .collect();
    rows.sort_unstable();
    let mut end = 0;
    for (offset, size) in rows {
        assert_eq!(offset, end);
        end += size;
    }
    assert_eq!(end, fragment.payload);
}

proptest! {
    #[test]
    fn whatever_comes_nothing_is_lost_and_nothing_panics(
        steps in prop::collection::vec((0_usize..3, -100_i64..400, any::<bool>()), 1..300),
        chunk in prop::option::of(1_i64..500),
        gap in 100_i64..5_000,
    ) {
        let options = Options {
            chunk_ns: chunk.map(|c| c * MS),
            max_gap_ns: gap * MS,
            ..options(700)
        };
        let mut fragmenter = Fragmenter::new(options);
        [VIDEO, AUDIO, TEXT].iter().for_each(|spec| { fragmenter.add(*spec); });
        let mut now = [0_i64; 3];
        let mut pushed = 0;
        let mut taken = 0;
        for (n, (track, step, sync)) in (0_u32..).zip(steps) {
            now[track] += step * MS;
            if fragmenter.push(track, input(track, n, now[track], sync)).is_err() {
                return Ok(());
            }
            pushed += 1;
            loop {
                match fragmenter.next_part() {
                    Ok(Some(part)) => taken += part.tracks.iter().flat_map(|t| &t.samples).filter(|s| s.payload.is_some()).count(),
                    Ok(None) => break,
                    Err(_) => return Ok(()),
                }
            }
        }
        if fragmenter.finish().is_err() { return Ok(()); }
        loop {
            match fragmenter.next_part() {
                Ok(Some(part)) => taken += part.tracks.iter().flat_map(|t| &t.samples).filter(|s| s.payload.is_some()).count(),
                Ok(None) => break,
                Err(_) => return Ok(()),
            }
        }
        prop_assert_eq!(taken, pushed);
    }
}
