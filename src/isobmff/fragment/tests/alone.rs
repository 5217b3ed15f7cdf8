//! Segments that are rendered alone.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::*;

#[test]
fn each_segment_alone_is_its_twin() {
    let all = timeline(400, 2_000 * MS..4_500 * MS);
    for chunk_ns in [None, Some(200 * MS)] {
        let options = Options {
            max_gop_ns: 700 * MS,
            fragment_ns: 600 * MS,
            chunk_ns,
            ..options(600)
        };
        let whole = run(options, &[VIDEO, AUDIO], &all);
        let last = whole.last().unwrap().segment;
        for segment in 1..=last {
            let twins: Vec<_> = whole
                .iter()
                .filter(|p| p.segment == segment)
                .cloned()
                .collect();
            let range = (
                twins.first().unwrap().time_ns.0,
                twins.last().unwrap().time_ns.1,
            );
            let first = |track: usize| {
                let first = whole
                    .iter()
                    .find_map(|p| p.tracks.iter().find(|t| t.track == track));
                first.and_then(|t| t.samples.iter().map(|s| s.pts).min())
            };
            let alone = run(
                Options {
                    first_segment: segment,
                    range: Some(range),
                    ..options
                },
                &[
                    TrackSpec {
                        first: first(0),
                        ..VIDEO
                    },
                    TrackSpec {
                        first: first(1),
                        ..AUDIO
                    },
                ],
                // Sought to: something before it comes too.
                &all.iter()
                    .filter(|(t, ..)| *t >= range.0 - 1_500 * MS)
                    .cloned()
                    .collect::<Vec<_>>(),
            );
            let strip = |parts: Vec<Part<Name>>| -> Vec<Part<Name>> {
                parts
                    .into_iter()
                    .map(|p| Part {
                        is_last: false,
                        ..p
                    })
                    .collect()
            };
            assert_eq!(strip(alone), strip(twins), "segment {segment}");
        }
    }
}

#[test]
fn a_segment_alone_is_complete_before_the_input_ends() {
    let mut fragmenter = Fragmenter::new(Options {
        range: Some((0, 1_000 * MS)),
        ..options(1000)
    });
    fragmenter.add(VIDEO);
    fragmenter.add(AUDIO);
    let mut parts = 0;
    for (time, track, input) in timeline(400, 0..0) {
        fragmenter.push(track, input).unwrap();
        parts += usize::from(fragmenter.next_part().unwrap().is_some());
        if fragmenter.is_complete() {
            assert!(time < 2_300 * MS, "the first key past the end is at 1.92 s");
            break;
        }
    }
    assert_eq!(parts, 1);
    assert!(fragmenter.is_complete());
}

#[test]
fn a_flush_forgets_what_came_before_it() {
    let all = timeline(400, 0..0);
    let whole = run(options(2000), &[VIDEO, AUDIO], &all);
    let third = &whole[2];
    let mut fragmenter = Fragmenter::new(Options {
        first_segment: third.segment,
        range: Some(third.time_ns),
        ..options(2000)
    });
    for spec in [VIDEO, AUDIO] {
        fragmenter.add(TrackSpec {
            first: Some(0),
            ..spec
        });
    }
    // It runs into the segment from the start of the file, and is then sought to where it should be.
    for (_, track, input) in all.iter().filter(|(time, ..)| *time < third.time_ns.1) {
        fragmenter.push(*track, input.clone()).unwrap();
        assert!(fragmenter.next_part().unwrap().is_none());
    }
    fragmenter.flush(1);
    fragmenter.flush(0);
    let mut parts = Vec::new();
    for (_, track, input) in all
        .iter()
        .filter(|(time, ..)| *time >= third.time_ns.0 - MS)
    {
        fragmenter.push(*track, input.clone()).unwrap();
        parts.extend(std::iter::from_fn(|| fragmenter.next_part().unwrap()));
    }
    assert_eq!(parts, std::slice::from_ref(third));
}
