//! Queries in TIME and DEFAULT (PCM samples at 48 kHz).

use gst::prelude::*;
use gst_base::subclass::prelude::*;

use super::imp::OpusIndexSrc;
use super::time::{sample_of, time_of};

type Value = gst::GenericFormattedValue;

/// A count of PCM samples in a format.
fn samples_in(format: gst::Format, samples: u64) -> Option<Value> {
    match format {
        gst::Format::Default => Some(gst::format::Default::try_from(samples).ok()?.into()),
        gst::Format::Time => Some(time_of(samples).into()),
        _ => None,
    }
}

/// The PCM samples of a value.
pub(super) fn samples_of(value: Value) -> Option<u64> {
    match value {
        Value::Default(Some(samples)) => Some(*samples),
        Value::Time(Some(time)) => Some(sample_of(time)),
        _ => None,
    }
}

impl OpusIndexSrc {
    pub(super) fn answer(&self, query: &mut gst::QueryRef) -> bool {
        use gst::QueryViewMut as View;
        match query.view_mut() {
            View::Position(q) => {
                let position = self.position().and_then(|p| samples_in(q.format(), p));
                position.is_some_and(|position| {
                    q.set(position);
                    true
                })
            }
            View::Duration(q) => {
                let duration = self.duration().and_then(|d| samples_in(q.format(), d));
                duration.is_some_and(|duration| {
                    q.set(duration);
                    true
                })
            }
            View::Seeking(q) => {
                let format = q.format();
                let zero = samples_in(format, 0);
                let none = || Value::none_for_format(format);
                let end = self.duration().and_then(|d| samples_in(format, d));
                let seekable = zero.is_some();
                q.set(
                    seekable,
                    zero.unwrap_or_else(none),
                    end.unwrap_or_else(none),
                );
                true
            }
            View::Convert(q) => {
                let (value, format) = q.get();
                let converted = match value.format() == format {
                    true => Some(value),
                    false => samples_of(value).and_then(|samples| samples_in(format, samples)),
                };
                converted.is_some_and(|converted| {
                    q.set(value, converted);
                    true
                })
            }
            View::Formats(q) => {
                q.set([gst::Format::Time, gst::Format::Default]);
                true
            }
            View::Scheduling(q) => {
                q.set(gst::SchedulingFlags::SEEKABLE, 1, -1, 0);
                q.add_scheduling_modes([gst::PadMode::Push]);
                true
            }
            _ => BaseSrcImplExt::parent_query(self, query),
        }
    }

    /// PCM samples of the stream, as far as it is written.
    pub(super) fn duration(&self) -> Option<u64> {
        Some(self.open()?.attributes().pcm_samples())
    }

    /// The PCM sample behind what was pushed last.
    fn position(&self) -> Option<u64> {
        self.open()?;
        // The segment of the base class can't be read here: that waits for the streaming thread.
        let mut query = gst::query::Position::new(gst::Format::Time);
        if !BaseSrcImplExt::parent_query(self, &mut query) {
            return None;
        }
        samples_of(query.result())
    }
}
