use super::*;

const MS: i64 = 1_000_000;

fn at(ms: i64) -> Said {
    Said {
        time: Some(ms * MS),
        duration: 20 * MS,
        ..Said::default()
    }
}

fn begun(to_ms: i64) -> Times {
    let mut times = Times::default();
    for ms in (0..to_ms).step_by(20) {
        assert_eq!(times.place(at(ms)).map(|p| p.from), Some(ms * MS));
    }
    times
}

fn from_ms(placed: Option<Placed>) -> Option<i64> {
    placed.map(|p| p.from / MS)
}

#[test]
fn what_has_no_timestamp_goes_on() {
    let mut times = begun(100);
    let said = Said {
        time: None,
        ..at(0)
    };
    assert_eq!(from_ms(times.place(said)), Some(100));
    assert_eq!(from_ms(times.place(said)), Some(120));
}

#[test]
fn without_time_and_duration_the_clock_says_where() {
    let said = |now: i64| Said {
        now: Some(now * MS),
        ..Said::default()
    };
    let mut times = Times::default();
    assert_eq!(from_ms(times.place(said(100))), Some(100));
    assert_eq!(from_ms(times.place(said(700))), Some(700));
}

#[test]
fn a_gap_leads_on_or_is_none() {
    let gap = |times: &mut Times, ms: i64, duration: i64| {
        let duration = duration * MS;
        times.gap(Said { duration, ..at(ms) })
    };
    let mut times = begun(100);
    assert_eq!(gap(&mut times, 36_000_000, 1000), None);
    assert_eq!(gap(&mut times, -5000, 20), None);
    assert_eq!(gap(&mut times, 100, i64::MAX / MS), None);
    assert_eq!(gap(&mut times, 100, 400), Some((100 * MS, 500 * MS)));
    assert_eq!(from_ms(times.place(at(500))), Some(500));
    let mut times = lively(0);
    let to_come = Said {
        duration: 5000 * MS,
        ..live(1000, 1000)
    };
    assert_eq!(times.gap(to_come), None, "no clock has seen that");
}

#[test]
fn one_mad_timestamp_costs_one_buffer() {
    for mad in [-5000, 3_600_000_000, i64::MAX / MS, i64::MIN / MS] {
        let mut times = begun(100);
        assert_eq!(times.place(at(mad)), None);
        let placed = times.place(at(120)).unwrap();
        assert_eq!(placed.from, 120 * MS, "after {mad}");
        assert!(!placed.jumped && !placed.stale);
    }
}

#[test]
fn random_timestamps_are_never_believed() {
    let mut times = begun(100);
    for i in 0..50 {
        assert_eq!(times.place(at(-1000 - 500 * i)), None);
    }
}

#[test]
fn a_line_that_begins_anew_goes_on_where_it_was() {
    let mut times = begun(10_000);
    assert_eq!(times.place(at(0)), None);
    let placed = times.place(at(20)).unwrap();
    assert_eq!(placed.from, 10_000 * MS);
    assert!(placed.jumped && placed.stale);
    assert_eq!(from_ms(times.place(at(40))), Some(10_020));
    assert_eq!(times.added(), 9_980 * MS);
}

#[test]
fn a_hole_is_a_hole() {
    let mut times = begun(100);
    let placed = times.place(at(1100)).unwrap();
    assert_eq!((placed.from, placed.jumped), (1100 * MS, true));
    assert!(!placed.stale);
    assert_eq!(times.place(at(5000)), None, "too long a hole");
    let mut times = begun(100);
    let said = Said {
        discont: true,
        ..at(5000)
    };
    assert_eq!(from_ms(times.place(said)), Some(5000));
    let mut times = begun(100);
    let said = Said {
        now: Some(5010 * MS),
        ..at(5000)
    };
    assert_eq!(from_ms(times.place(said)), Some(5000));
}

#[test]
fn live_timestamps_are_near_the_clock() {
    let mut times = Times::default();
    let now = Some(10_000 * MS);
    let live = |ms| Said { now, ..at(ms) };
    assert_eq!(times.place(live(0)), None);
    let placed = times.place(live(20)).unwrap();
    assert_eq!(placed.from, 10_000 * MS, "put to where the clock is");
    assert_eq!(from_ms(times.place(live(40))), Some(10_020));
}

/// A live stream whose timestamps are `ahead` of the clock for a second.
fn lively(ahead: i64) -> Times {
    let mut times = Times::default();
    for ms in (0..1000).step_by(20) {
        assert!(times.place(live(ms + ahead, ms)).is_some());
    }
    times
}

fn live(ms: i64, now: i64) -> Said {
    Said {
        now: Some(now * MS),
        ..at(ms)
    }
}

#[test]
fn a_live_line_that_jumps_stays_as_far_from_the_clock() {
    for ahead in [-700, 0, 400] {
        let mut times = lively(ahead);
        assert_eq!(times.place(live(-1500, 1500)), None);
        let placed = times.place(live(-1480, 1520)).unwrap();
        assert_eq!(placed.from, (1520 + ahead) * MS);
        assert!(placed.jumped && placed.stale);
    }
}

#[test]
fn live_media_do_not_come_before_they_were_made() {
    let mut times = lively(0);
    assert_eq!(times.place(live(2500, 1000)), None, "no hole");
    let placed = times.place(live(2520, 1020)).unwrap();
    assert_eq!(placed.from, 1020 * MS);
    assert!(placed.stale);
    // What was late catches up behind a hole, what is always early stays that, and a jitter buffer may be early.
    for (begun, to, latency) in [(-700, 1500, 0), (400, 1900, 0), (0, 2100, 600)] {
        let said = Said {
            latency: latency * MS,
            ..live(to, 1500)
        };
        let placed = lively(begun).place(said).unwrap();
        assert_eq!((placed.from, placed.stale), (to * MS, false));
    }
}

#[test]
fn a_live_line_stays_as_far_from_the_clock_over_a_flush() {
    let mut times = lively(-300);
    assert_eq!(times.place(live(-1500, 1500)), None);
    assert_eq!(from_ms(times.place(live(-1480, 1520))), Some(1220));
    times.flush();
    let placed = times.place(live(-480, 2520)).unwrap();
    assert_eq!((placed.from, placed.stale), (2220 * MS, false));
    times.flush();
    assert_eq!(times.place(live(0, 5000)), None, "it has jumped, too");
    let placed = times.place(live(20, 5020)).unwrap();
    assert_eq!((placed.from, placed.stale), (4720 * MS, true));
    times.flush();
    assert_eq!(from_ms(times.place(at(40))), Some(40), "of a file");
}

#[test]
fn a_clock_that_sticks_hardly_moves_the_line() {
    let mut times = lively(0);
    for now in (1000..3000).step_by(20) {
        let mad = i64::MAX / MS - now % 40;
        times.place(live(mad, now));
    }
    assert_eq!(times.place(live(0, 3000)), None);
    let placed = times.place(live(20, 3020)).unwrap();
    assert!(
        placed.stale && (placed.from - 3020 * MS).abs() < 45 * MS,
        "{placed:?}"
    );
}

#[test]
fn what_comes_back_late_and_stays_late_has_jumped() {
    let mut times = lively(0);
    // Nothing for 1.3 s; what comes then leads on from what came before.
    let away = |ms: i64| live(ms, ms + 1300);
    let mut placed = (1000..2000)
        .step_by(20)
        .filter_map(|ms| times.place(away(ms)).map(|p| (ms, p)));
    let (ms, placed) = placed.find(|(_, p)| p.stale).unwrap();
    assert_eq!(ms, 1400, "0.4 s later");
    assert!(
        near(placed.from, 2700 * MS, 3 * MS),
        "where the clock is: {placed:?}"
    );
}

#[test]
fn what_waited_in_a_network_catches_up() {
    let mut times = lively(0);
    // Five times as fast as the clock, for 1 s.
    for ms in (1000..2600).step_by(20) {
        let now = (2300 + (ms - 1000) / 5).max(ms);
        let placed = times.place(live(ms, now)).unwrap();
        assert_eq!((placed.from, placed.stale), (ms * MS, false));
    }
}

#[test]
fn what_comes_late_without_having_been_away_is_kept() {
    let mut times = lively(0);
    // Its way gets longer, by 100 ms in each 100 ms, to 2 s.
    for ms in (1000..5000).step_by(20) {
        let now = ms + (ms - 1000).min(2000);
        let placed = times.place(live(ms, now)).unwrap();
        assert_eq!((placed.from, placed.stale), (ms * MS, false));
    }
}
