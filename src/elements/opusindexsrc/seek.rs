//! Seeks, in TIME and DEFAULT, turned into the ones in TIME that the base class carries out.

use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_base::prelude::*;

use super::imp::{CAT, OpusIndexSrc};
use super::query::samples_of;
use super::time::{sample_of, time_of};

type Value = gst::GenericFormattedValue;

/// An end of a seek: how it is meant, and the PCM sample; none: the end of the stream.
type Point = (gst::SeekType, Option<u64>);

impl OpusIndexSrc {
    /// Has the base class carry out a seek, in one of its ways.
    pub(super) fn run_seek(
        &self,
        event: &gst::Event,
        base_class: impl FnOnce(gst::Event) -> bool,
    ) -> bool {
        match self.accept_seek(event) {
            Ok(None) => true,
            Ok(Some(accepted)) => {
                let unplaced = match accepted.view() {
                    gst::EventView::Seek(seek) => {
                        let (_, _, start, _, stop, _) = seek.get();
                        (start, stop) == (gst::SeekType::None, gst::SeekType::None)
                    }
                    _ => true,
                };
                let done = base_class(accepted);
                if done {
                    self.keep_seek(event.seqnum(), !unplaced);
                }
                done
            }
            Err(why) => {
                gst::warning!(CAT, imp = self, "No seek: {why}");
                false
            }
        }
    }

    /// A seek in TIME for what the base class is to do; `None` where the event is dealt with already.
    ///
    /// # Errors
    /// The reason where it can't be done.
    fn accept_seek(&self, event: &gst::Event) -> Result<Option<gst::Event>, String> {
        let gst::EventView::Seek(seek) = event.view() else {
            return Err("not a seek".into());
        };
        let (rate, flags, start_type, start, stop_type, stop) = seek.get();
        if rate <= 0.0 {
            return Err(
                "reverse playback: a packet can only be decoded behind the ones before it".into(),
            );
        }
        if self.last_seek() == Some(event.seqnum()) {
            // Each sink of a pipeline sends the same seek.
            return Ok(None);
        }
        if flags.contains(gst::SeekFlags::INSTANT_RATE_CHANGE) {
            self.change_rate(rate, flags, event.seqnum())?;
            return Ok(None);
        }
        let start = self.point(start_type, start, "start")?;
        let stop = self.point(stop_type, stop, "stop")?;
        let (start, stop) = self.consistent(start, stop)?;
        let time = |(kind, sample): Point| (kind, sample.map(time_of));
        let ((start_type, start), (stop_type, stop)) = (time(start), time(stop));
        let event = gst::event::Seek::builder(rate, flags, start_type, start, stop_type, stop)
            .seqnum(event.seqnum())
            .build();
        Ok(Some(event))
    }

    /// An end of a seek, its place counted from the start of the stream.
    fn point(&self, kind: gst::SeekType, value: Value, name: &str) -> Result<Point, String> {
        let format = value.format();
        if !matches!(format, gst::Format::Time | gst::Format::Default) {
            return Err(format!(
                "{name}: found format {format:?}, expected TIME or DEFAULT"
            ));
        }
        match kind {
            gst::SeekType::Set => Ok((kind, samples_of(value))),
            gst::SeekType::End => {
                let total = self.duration().ok_or("the end is not known yet")?;
                // A negative value has come through an unsigned type.
                let back = value.value().unsigned_abs();
                let back = match format {
                    gst::Format::Time => samples_of(gst::ClockTime::from_nseconds(back).into()),
                    _ => Some(back),
                };
                let back = back.unwrap_or_default();
                let sample = match value.value() {
                    ..0 => total.saturating_sub(back),
                    _ => total.saturating_add(back),
                };
                Ok((gst::SeekType::Set, Some(sample)))
            }
            _ => Ok((gst::SeekType::None, None)),
        }
    }

    /// Both ends, the stop not before the start. A start behind the stop that stays plays to the end.
    fn consistent(&self, start: Point, stop: Point) -> Result<(Point, Point), String> {
        use gst::SeekType::{None as Keep, Set};
        let (kept_start, kept_stop, list) = match self.session().as_ref() {
            Some(session) => {
                let segment = session.segment();
                let sample = |time: Option<gst::ClockTime>| time.map(sample_of);
                let start = sample(segment.start()).unwrap_or_default();
                (start, sample(segment.stop()), session.plays_list())
            }
            None => (0, None, false),
        };
        match (start, stop) {
            ((Set, first), (Keep, _)) if list || kept_stop <= first => {
                Ok(((Set, first), (Set, None)))
            }
            ((Set, first), (Set, Some(stop))) if stop < first.unwrap_or_default() => Err(format!(
                "stop {stop} is before start {}",
                first.unwrap_or_default()
            )),
            ((Keep, _), (Set, Some(stop))) if stop < kept_start => Err(format!(
                "stop {stop} is before start {kept_start}, which is kept"
            )),
            points => Ok(points),
        }
    }

    /// Changes the rate from here on, without a new segment. Such an event has no start, no stop and no flush.
    fn change_rate(
        &self,
        rate: f64,
        flags: gst::SeekFlags,
        seqnum: gst::Seqnum,
    ) -> Result<(), String> {
        let now = self.session().as_ref().map(|s| s.segment().rate());
        let rate = rate / now.ok_or("nothing plays")?;
        let kept = gst::SegmentFlags::from_bits_truncate(flags.bits());
        let event = gst::event::InstantRateChange::builder(rate, kept)
            .seqnum(seqnum)
            .build();
        match self.obj().src_pad().push_event(event) {
            true => Ok(()),
            false => Err("nothing downstream changes its rate".into()),
        }
    }
}
