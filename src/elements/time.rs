//! Times of GStreamer as numbers.

/// Nanoseconds, saturating.
pub(crate) fn nanoseconds(time: gst::ClockTime) -> i64 {
    i64::try_from(time.nseconds()).unwrap_or(i64::MAX)
}

/// Nanoseconds on either side of 0, saturating.
pub(crate) fn signed_nanoseconds(time: gst::Signed<gst::ClockTime>) -> i64 {
    match time {
        gst::Signed::Positive(time) => nanoseconds(time),
        gst::Signed::Negative(time) => -nanoseconds(time),
    }
}
