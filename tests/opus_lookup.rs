//! The search for the packet that holds a sample: indices of 20 million rows, made by a function.

use std::ops::Range;

use gstharmony::opus::lookup::{Search, Step};
use gstharmony::opus::{Error, Row};
use proptest::prelude::*;

/// Packets of the large indices: 110 hours of 20 ms.
const PACKETS: u64 = 20_000_000;
/// Windows that no index of [`PACKETS`] may need more of: two for each halving down to the largest window, and the first two.
const MOST_WINDOWS: u32 = 2 + 2 * 14;
/// Rows of the largest window.
const MOST_ROWS: u64 = 2049;
/// Frame sizes of Opus, and the shortest and longest row that an index can have.
const DURATIONS: [u64; 9] = [1, 120, 240, 480, 960, 1920, 2880, 3840, 5760];

/// Packets whose durations repeat.
#[derive(Debug, Clone)]
struct Piece {
    packet: u64,
    sample: u64,
    /// First samples of the pattern's packets, and the sum of all.
    starts: Vec<u64>,
}

/// An index, as a function of the packet's number.
#[derive(Debug, Clone)]
struct Index {
    pieces: Vec<Piece>,
    packets: u64,
    samples: u64,
}

impl Index {
    /// Pieces of some packets, whose durations repeat.
    fn new<'a>(pieces: impl IntoIterator<Item = (u64, &'a [u64])>) -> Self {
        let mut index = Self {
            pieces: Vec::new(),
            packets: 0,
            samples: 0,
        };
        for (packets, durations) in pieces {
            let mut starts = vec![0];
            starts.extend(durations.iter().scan(0, |sum, duration| {
                *sum += duration;
                Some(*sum)
            }));
            index.pieces.push(Piece {
                packet: index.packets,
                sample: index.samples,
                starts,
            });
            index.packets += packets;
            index.samples = index.start(index.packets);
        }
        index
    }

    /// The first sample of a packet, or the end.
    fn start(&self, packet: u64) -> u64 {
        let behind = self.pieces.partition_point(|piece| piece.packet <= packet);
        let piece = &self.pieces[behind - 1];
        let length = piece.starts.len() as u64 - 1;
        let (times, at) = (
            (packet - piece.packet) / length,
            (packet - piece.packet) % length,
        );
        piece.sample + times * piece.starts[length as usize] + piece.starts[at as usize]
    }

    fn row(&self, packet: u64) -> Row {
        let (start, end) = (self.start(packet), self.start(packet + 1));
        Row {
            byte_pos: packet * 100,
            byte_len: 100,
            sample_count: end - start,
            cum_start: start,
            cum_end: end - 1,
        }
    }

    fn rows(&self, range: Range<u64>) -> Vec<Row> {
        range.map(|packet| self.row(packet)).collect()
    }

    /// The windows that the search for a sample took; checks what it finds.
    fn windows(&self, sample: u64) -> u32 {
        let mut search = Search::new(sample, self.packets, self.samples).unwrap();
        for windows in 0.. {
            match search.next() {
                Step::Rows(range) => {
                    assert!(!range.is_empty() && range.end <= self.packets);
                    assert!(range.end - range.start <= MOST_ROWS);
                    search.feed(range.start, &self.rows(range)).unwrap();
                }
                Step::Found { packet, row } => {
                    assert_eq!(row, self.row(packet));
                    assert!(row.holds(sample), "{sample} is not in {row:?}");
                    return windows;
                }
            }
            assert!(windows <= MOST_WINDOWS, "{windows} windows for {sample}");
        }
        unreachable!("the loop has no end")
    }
}

/// Samples at the edges of pieces, which are the hardest.
fn edges(index: &Index) -> impl Iterator<Item = u64> {
    let edges = index.pieces.iter().map(|piece| piece.sample);
    edges
        .chain([index.samples])
        .flat_map(|sample| [sample.saturating_sub(1), sample])
        .filter(|sample| *sample < index.samples)
}

/// Pieces of very different lengths, constant or not, of [`PACKETS`] together.
fn pieces() -> impl Strategy<Value = Vec<(u64, Vec<u64>)>> {
    let duration = prop::sample::select(&DURATIONS[..]);
    let pattern = prop_oneof![
        duration.clone().prop_map(|duration| vec![duration]),
        prop::collection::vec(duration, 2..40),
        prop::collection::vec(1..=5760u64, 2..40),
    ];
    let length = (0..24u32, 1..=u64::MAX).prop_map(|(scale, any)| 1 + any % (1 << scale));
    prop::collection::vec((length, pattern), 1..60).prop_map(|mut pieces| {
        let rest = PACKETS.saturating_sub(pieces.iter().map(|(length, _)| length).sum());
        let middle = pieces.len() / 2;
        pieces[middle].0 += rest;
        pieces
    })
}

fn index_of(pieces: &[(u64, Vec<u64>)]) -> Index {
    Index::new(
        pieces
            .iter()
            .map(|(length, durations)| (*length, &durations[..])),
    )
}

#[test]
fn packets_of_one_duration_take_one_window() {
    for duration in [120, 960, 5760] {
        for last in [120, duration] {
            let index = Index::new([(PACKETS - 1, &[duration][..]), (1, &[last])]);
            let inside = (0..1000).map(|k| index.samples / 1000 * k);
            for sample in inside.chain(edges(&index)) {
                assert_eq!(index.windows(sample), 1, "{sample} of {duration}");
            }
        }
    }
}

#[test]
fn packets_of_mixed_durations_take_two_windows() {
    let mixed: Vec<u64> = (0..1000u64)
        .map(|k| DURATIONS[(k * k % 7) as usize + 1])
        .collect();
    let index = Index::new([(PACKETS, &mixed[..])]);
    for k in 0..2000 {
        assert!(index.windows(index.samples / 2000 * k) <= 2);
    }
}

#[test]
fn one_change_of_duration_takes_two_windows_mostly() {
    let mut windows = Vec::new();
    for change in 1..20 {
        let change = PACKETS / 20 * change;
        let index = Index::new([(change, &[960][..]), (PACKETS - change, &[2880])]);
        windows.extend((0..100).map(|k| index.windows(index.samples / 100 * k)));
    }
    let two = windows.iter().filter(|windows| **windows <= 2).count();
    assert!(two * 3 >= windows.len() * 2, "{two} of {}", windows.len());
}

#[test]
fn small_indices_are_found_whole() {
    let durations = [120, 5760, 1, 960];
    for packets in 1..600 {
        let index = Index::new([(packets, &durations[..])]);
        for packet in (0..packets).step_by(7) {
            let row = index.row(packet);
            assert!(index.windows(row.cum_start) <= 3 && index.windows(row.cum_end) <= 3);
        }
        assert!(Search::new(index.samples, packets, index.samples).is_none());
    }
    assert!(Search::new(0, 0, 0).is_none() && Search::new(0, 0, 1).is_none());
}

#[test]
fn rows_that_do_not_meet_those_that_are_left_are_refused() {
    let index = Index::new([(1000, &[960, 120][..]), (1000, &[5760])]);
    let mut search = Search::new(index.samples - 1, 2000, index.samples).unwrap();
    assert!(search.feed(0, &[]).is_err());
    assert!(search.feed(2000, &[index.row(1999)]).is_err());
    search.feed(0, &index.rows(0..100)).unwrap();
    assert!(
        search.feed(0, &index.rows(0..100)).is_err(),
        "known already"
    );
    let Step::Rows(range) = search.next() else {
        panic!("found in no row that holds it")
    };
    assert!(range.start >= 100);
}

/// Gives rows that keep as many packets as possible in question, within what rows fed before allow.
struct Adversary {
    sample: u64,
    low: (u64, u64),
    high: (u64, u64),
}

impl Adversary {
    /// Samples at which packet `at` can begin.
    fn room(&self, at: u64) -> (u64, u64) {
        let (below, above) = (at - self.low.0, self.high.0 - at);
        (
            (self.low.1 + below).max(self.high.1.saturating_sub(above * 5760)),
            (self.low.1 + below * 5760).min(self.high.1 - above),
        )
    }

    /// First and last row of a window, with the sample outside of it where that can be: below it where `below`.
    fn answer(&mut self, range: &Range<u64>, below: bool, far: bool) -> (u64, u64) {
        let count = range.end - range.start;
        let (mut least, mut most) = self.room(range.start);
        if below {
            least = least.max(self.sample + 1);
        } else {
            most = most.min(self.sample.saturating_sub(count - 1));
        }
        if least > most {
            (least, most) = self.room(range.start);
        }
        let start = if far == below { most } else { least };
        let old = std::mem::replace(&mut self.low, (range.start, start));
        let (mut least, mut most) = self.room(range.end);
        if !below && least <= self.sample {
            most = most.min(self.sample);
        }
        least = least.min(most);
        let end = if far { least } else { most };
        if self.sample < start {
            (self.low, self.high) = (old, (range.start, start));
        } else {
            self.low = (range.end, end);
        }
        (start, end)
    }
}

/// Rows of a window that begins and ends at these samples.
fn spread(range: &Range<u64>, start: u64, end: u64) -> Vec<Row> {
    let count = range.end - range.start;
    let at = |k: u64| start + (u128::from(end - start) * u128::from(k) / u128::from(count)) as u64;
    let row = |k| Row {
        byte_pos: (range.start + k) * 100,
        byte_len: 100,
        sample_count: at(k + 1) - at(k),
        cum_start: at(k),
        cum_end: at(k + 1) - 1,
    };
    (0..count).map(row).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn the_row_of_any_sample_is_found(
        pieces in pieces(),
        samples in prop::collection::vec(any::<u64>(), 5),
    ) {
        let index = index_of(&pieces);
        for sample in samples {
            index.windows(sample % index.samples);
        }
        for sample in edges(&index).step_by(7) {
            index.windows(sample);
        }
    }

    #[test]
    fn a_wrong_sum_of_samples_only_misleads_the_guess(
        pieces in pieces(),
        sample in any::<u64>(),
        total in prop_oneof![any::<u64>(), 1..PACKETS * 6000],
    ) {
        let index = index_of(&pieces);
        let sample = sample % index.samples;
        let Some(mut search) = Search::new(sample, index.packets, total) else {
            prop_assert!(sample >= total);
            return Ok(());
        };
        for _ in 0..=2 * MOST_WINDOWS {
            match search.next() {
                Step::Rows(range) => search.feed(range.start, &index.rows(range)).unwrap(),
                Step::Found { row, .. } => {
                    prop_assert!(row.holds(sample));
                    return Ok(());
                }
            }
        }
        prop_assert!(false, "no end");
    }

    #[test]
    fn whole_pages_of_a_cache_do_as_well(pieces in pieces(), sample in any::<u64>()) {
        let index = index_of(&pieces);
        let sample = sample % index.samples;
        let mut search = Search::new(sample, index.packets, index.samples).unwrap();
        for _ in 0..=2 * MOST_WINDOWS {
            match search.next() {
                Step::Rows(range) => {
                    let page = (range.start + range.end) / 2 / 512 * 512;
                    let end = (page + 512).min(index.packets);
                    search.feed(page, &index.rows(page..end)).unwrap();
                }
                Step::Found { packet, row } => {
                    prop_assert!(row.holds(sample) && row == index.row(packet));
                    return Ok(());
                }
            }
        }
        prop_assert!(false, "no end");
    }

    /// Whatever rows answer, the windows are as few as promised.
    #[test]
    fn no_rows_can_make_it_read_more_windows(
        total in PACKETS..=PACKETS * 5760,
        sample in any::<u64>(),
        choices in prop::collection::vec(any::<(bool, bool)>(), 64),
    ) {
        let sample = sample % total;
        let mut search = Search::new(sample, PACKETS, total).unwrap();
        let mut adversary = Adversary { sample, low: (0, 0), high: (PACKETS, total) };
        for (windows, (greedy, far)) in (1..).zip(choices) {
            let Step::Rows(range) = search.next() else { return Ok(()) };
            prop_assert!(windows <= MOST_WINDOWS, "{windows} windows");
            let (below, above) = (range.start - adversary.low.0, adversary.high.0 - range.end);
            let (start, end) = adversary.answer(&range, (below > above) == greedy, far);
            search.feed(range.start, &spread(&range, start, end)).unwrap();
        }
    }

    /// Damage is an error or is not met; it never gives a row that does not hold the sample, and never goes on for ever.
    #[test]
    fn damaged_rows_are_errors_at_most(
        pieces in prop::collection::vec((1..3000u64, prop::collection::vec(1..=5760u64, 1..9)), 1..5),
        damage in prop::collection::vec((any::<prop::sample::Index>(), 0..5usize, any::<u64>()), 0..40),
        sample in any::<u64>(),
    ) {
        let index = index_of(&pieces);
        let mut rows = index.rows(0..index.packets);
        for (at, field, value) in damage {
            let row = at.get_mut(&mut rows);
            let mut values = row.values();
            values[field] = if value % 2 == 0 { value } else { value % (2 * index.samples) };
            *row = Row::from_values(values);
        }
        let sample = sample % index.samples;
        let mut search = Search::new(sample, index.packets, index.samples).unwrap();
        for _ in 0..=index.packets {
            match search.next() {
                Step::Rows(range) => {
                    let window = &rows[range.start as usize..range.end as usize];
                    match search.feed(range.start, window) {
                        Ok(()) => {}
                        Err(Error::Row { .. } | Error::Overflow { .. }) => return Ok(()),
                        Err(other) => panic!("{other}"),
                    }
                }
                Step::Found { packet, row } => {
                    prop_assert!(row.holds(sample));
                    prop_assert_eq!(row, rows[packet as usize]);
                    return Ok(());
                }
            }
        }
        prop_assert!(false, "no end");
    }
}
