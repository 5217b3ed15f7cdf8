//! Cues that are shown at one time, which MP4 has no room for.

use super::*;

/// Cues of (start, length) in ms: when they are shown.
fn shown(until: Until, cues: &[(i64, i64)]) -> Vec<(i64, u32)> {
    let mut queue = TrackQueue::new(TEXT);
    let mut taken = Vec::new();
    for (n, (start, length)) in (0_u32..).zip(cues) {
        queue
            .push(Input {
                duration_ns: Some(length * MS),
                ..input(0, n, start * MS, true)
            })
            .unwrap();
        if until == Until::Ready {
            taken.extend(queue.take(until).unwrap());
        }
    }
    taken.extend(queue.take(Until::End).unwrap());
    let cues = taken.iter().filter(|s| s.payload.is_some());
    cues.map(|s| (s.pts, s.duration)).collect()
}

#[test]
fn a_cue_ends_where_the_next_one_begins_and_delays_none() {
    for until in [Until::Ready, Until::End] {
        let found = shown(
            until,
            &[(1000, 9000), (2000, 1000), (2500, 1000), (7000, 500)],
        );
        assert_eq!(
            found,
            [(1000, 1000), (2000, 500), (2500, 1000), (7000, 500)]
        );
    }
}

#[test]
fn cues_that_begin_together_share_their_time() {
    for until in [Until::Ready, Until::End] {
        let found = shown(
            until,
            &[(1000, 2000), (1000, 2000), (1000, 2000), (3000, 1000)],
        );
        assert_eq!(
            found,
            [(1000, 1000), (2000, 500), (2500, 500), (3000, 1000)]
        );
    }
}

#[test]
fn a_cue_behind_one_that_is_written_ends_when_it_has_to() {
    let mut queue = TrackQueue::new(TEXT);
    let cue = |n: u32, start: i64, length: i64| Input {
        duration_ns: Some(length * MS),
        ..input(0, n, start * MS, true)
    };
    let cut = Cut {
        time_ns: 2000 * MS,
        kind: CutKind::Segment,
        at: None,
    };
    queue.push(cue(0, 1000, 2000)).unwrap();
    queue.take(Until::Cut(cut)).unwrap();
    queue.push(cue(1, 2500, 1000)).unwrap();
    let rest = queue.take(Until::End).unwrap();
    let times: Vec<_> = rest.iter().map(|s| (s.pts, s.duration)).collect();
    assert_eq!(times, [(3000, 500)]);
}
