//! Which part of its media a track shows, and from when on.

use crate::isobmff::model::Edit;
use crate::isobmff::timing::rescaled;

/// The times of a track's samples, in ticks of the track; presentation time 0 is the start of the movie.
///
/// Media time begins with the first sample's decoding time, as `stts` has it. What is shown before 0, and the delay of
/// a decoder that reorders, is cut by the edit list; what begins late is behind an empty edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TrackSpan(Option<Span>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    first_dts: i64,
    first_pts: i64,
    end: i64,
}

impl TrackSpan {
    /// Adds a sample, in decoding order.
    pub fn push(&mut self, pts: i64, dts: i64, duration: u32) {
        let end = pts.saturating_add(i64::from(duration));
        let span = self.0.get_or_insert(Span {
            first_dts: dts,
            first_pts: pts,
            end,
        });
        span.first_pts = span.first_pts.min(pts);
        span.end = span.end.max(end);
    }

    /// The rows of `elst`; empty where nothing is shown. `skip` are ticks at the start that are decoded and not
    /// presented, in the place of which the rest does not move.
    pub fn edits(&self, skip: u32, timescale: u32, movie_timescale: u32) -> Vec<Edit> {
        let Some(span) = self.0 else {
            return Vec::new();
        };
        let start = span.first_pts.saturating_add(i64::from(skip)).max(0);
        let media_time = u64::try_from(start.saturating_sub(span.first_dts)).unwrap_or(0);
        let movie = |ticks: i64| {
            let ticks = rescaled(ticks, movie_timescale, timescale);
            u64::try_from(ticks).unwrap_or(0)
        };
        let (before, end) = (movie(start), movie(span.end));
        if span.end <= start {
            return Vec::new();
        }
        let empty = Edit {
            duration: before,
            media_time: None,
        };
        let shown = Edit {
            // A duration of 0 would say that the end is not known.
            duration: end.saturating_sub(before).max(1),
            media_time: Some(media_time),
        };
        let late = (before > 0).then_some(empty);
        late.into_iter().chain([shown]).collect()
    }
}

/// Whether media time is presentation time, so that the edits can be left out.
pub fn is_plain(edits: &[Edit]) -> bool {
    edits.iter().all(|edit| edit.media_time == Some(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(samples: &[(i64, i64)]) -> TrackSpan {
        let mut span = TrackSpan::default();
        samples
            .iter()
            .for_each(|(pts, dts)| span.push(*pts, *dts, 40));
        span
    }

    fn shown(media_time: u64, duration: u64) -> Edit {
        Edit {
            duration,
            media_time: Some(media_time),
        }
    }

    #[test]
    fn media_that_is_shown_as_it_is_needs_no_edit() {
        let edits = span(&[(0, 0), (40, 40)]).edits(0, 1000, 1000);
        assert_eq!(edits, [shown(0, 80)]);
        assert!(is_plain(&edits) && is_plain(&[]));
        assert_eq!(TrackSpan::default().edits(0, 1000, 1000), []);
    }

    #[test]
    fn the_delay_of_reordering_is_cut() {
        let pictures = span(&[(0, -80), (160, -40), (80, 0), (40, 40)]);
        let edits = pictures.edits(0, 1000, 90_000);
        assert_eq!(edits, [shown(80, 200 * 90)]);
        assert!(!is_plain(&edits));
    }

    #[test]
    fn a_late_track_is_behind_an_empty_edit() {
        let empty = Edit {
            duration: 1500,
            media_time: None,
        };
        assert_eq!(
            span(&[(1500, 1420)]).edits(0, 1000, 1000),
            [empty, shown(80, 40)]
        );
        // 23.5 hours, past 32 bits of 90 kHz.
        let late = span(&[(90_000 * 84_600, 90_000 * 84_600)]).edits(0, 90_000, 90_000);
        assert_eq!(late[0].duration, 7_614_000_000);
    }

    #[test]
    fn what_is_shown_before_zero_is_cut() {
        assert_eq!(
            span(&[(-60, -60), (-20, -20), (20, 20)]).edits(0, 1000, 1000),
            [shown(60, 60)]
        );
        assert_eq!(
            span(&[(-60, -60)]).edits(0, 1000, 1000),
            [],
            "nothing is shown"
        );
    }

    #[test]
    fn what_a_decoder_skips_is_cut_and_the_rest_stays_in_its_place() {
        let empty = Edit {
            duration: 13,
            media_time: None,
        };
        assert_eq!(
            span(&[(0, 0), (40, 40)]).edits(13, 1000, 1000),
            [empty, shown(13, 67)]
        );
        assert_eq!(
            span(&[(-13, -13), (27, 27)]).edits(13, 1000, 1000),
            [shown(13, 67)]
        );
    }

    #[test]
    fn leading_pictures_are_shown_first() {
        assert_eq!(
            span(&[(80, 0), (40, 40)]).edits(0, 1000, 1000)[1],
            shown(40, 80)
        );
    }
}
