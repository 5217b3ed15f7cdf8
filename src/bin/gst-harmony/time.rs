//! Times on the command line.

/// A day is longer than anything that is asked for by its length; it keeps numbers far from their types' limits.
const MOST: u64 = 86_400_000_000_000;

/// A point in time from 0, in nanoseconds: `90`, `1.5s`, `500ms`, `20us`, `2:03.5` or `1:02:03.5`. What is finer than a
/// nanosecond is rounded.
pub fn moment(text: &str) -> Result<u64, String> {
    let ns = match text.rsplit_once(':') {
        Some((before, seconds)) => clock(before, seconds),
        None => [("ms", 6), ("us", 3), ("s", 9)]
            .into_iter()
            .find_map(|(unit, digits)| Some((text.strip_suffix(unit)?, digits)))
            .map_or_else(
                || decimal(text, 9),
                |(number, digits)| decimal(number, digits),
            ),
    };
    // What is counted from 0 has a sign elsewhere.
    let ns = ns.filter(|ns| i64::try_from(*ns).is_ok());
    ns.ok_or_else(|| "expected a time such as 1.5, 500ms, 20us or 1:02:03.5".to_owned())
}

/// A length of time, from 0 to a day.
pub fn length(text: &str) -> Result<gst::ClockTime, String> {
    let ns = moment(text).ok().filter(|ns| *ns <= MOST);
    ns.map(gst::ClockTime::from_nseconds)
        .ok_or_else(|| "expected a time, such as 2s or 500ms".to_owned())
}

/// A length of time above 0, to a day: `2s`, `1.5s`, `500ms`, or `2` for seconds.
pub fn duration(text: &str) -> Result<gst::ClockTime, String> {
    let above = length(text).ok().filter(|time| !time.is_zero());
    above.ok_or_else(|| "expected a time above 0, such as 2s or 500ms".to_owned())
}

/// `h:mm` or `mm`, and the seconds behind it.
fn clock(before: &str, seconds: &str) -> Option<u64> {
    let below = |number: u64, limit: u64| (number < limit).then_some(number);
    let (hours, minutes) = match before.split_once(':') {
        Some((hours, minutes)) => (whole(hours)?, below(whole(minutes)?, 60)?),
        None => (0, whole(before)?),
    };
    let minutes = hours.checked_mul(60)?.checked_add(minutes)?;
    let seconds = below(decimal(seconds, 9)?, 60_000_000_000)?;
    minutes.checked_mul(60_000_000_000)?.checked_add(seconds)
}

/// Digits, and nothing else.
fn whole(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

/// A decimal number times ten to the power of `digits`, rounded.
fn decimal(text: &str, digits: usize) -> Option<u64> {
    let (integer, fraction) = text.split_once('.').unwrap_or((text, "0"));
    // `.5` is a number; nothing is none.
    let integer = match integer.is_empty() && text.starts_with('.') {
        true => 0,
        false => whole(integer)?,
    };
    let all_digits = fraction.bytes().all(|byte| byte.is_ascii_digit());
    if fraction.is_empty() || !all_digits {
        return None;
    }
    let kept = whole(&format!("{fraction:0<digits$}")[..digits])?;
    let up = fraction
        .as_bytes()
        .get(digits)
        .is_some_and(|next| *next >= b'5');
    let scale = 10u64.pow(u32::try_from(digits).ok()?);
    integer
        .checked_mul(scale)?
        .checked_add(kept)?
        .checked_add(u64::from(up))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit() {
        let ms = |text| duration(text).map(|time| time.mseconds());
        assert_eq!(
            (ms("2s"), ms("500ms"), ms("1.5s"), ms("3")),
            (Ok(2000), Ok(500), Ok(1500), Ok(3000))
        );
        for wrong in ["", "s", "0", "-1s", "2m", "nan", "inf", "1e300s", "86401"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
        assert_eq!(length("0ms"), Ok(gst::ClockTime::ZERO));
    }

    #[test]
    fn moments_are_exact() {
        for (text, ns) in [
            ("0", 0),
            ("1.001", 1_001_000_000),
            ("0.123456789", 123_456_789),
            ("0.1234567894", 123_456_789),
            ("0.1234567895", 123_456_790),
            (".5", 500_000_000),
            ("33.333ms", 33_333_000),
            ("41708us", 41_708_000),
            ("0:00:01.500", 1_500_000_000),
            ("2:03.5", 123_500_000_000),
            ("25:00:00", 90_000_000_000_000),
            ("100000s", 100_000_000_000_000),
        ] {
            assert_eq!(moment(text), Ok(ns), "{text}");
        }
        for wrong in [
            "",
            ".",
            "1.",
            "1,5",
            "+1",
            "-1",
            "1:60",
            "1:60:00",
            "1:1:1:1",
            ":1",
            "1:",
            "1.5:00",
            "1 s",
            "99999999999999999999",
            "9999999999999",
            "1.\u{661}",
        ] {
            assert!(moment(wrong).is_err(), "{wrong}");
        }
    }
}
