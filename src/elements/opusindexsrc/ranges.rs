//! Ranges of PCM samples, as properties and URIs have them.

use std::fmt;
use std::str::FromStr;

/// PCM samples `[start, stop)`; without a stop, all that follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Wanted {
    pub start: u64,
    pub stop: Option<u64>,
}

impl Wanted {
    /// A range that has a sample.
    ///
    /// # Errors
    /// Where it stops before its first sample.
    pub fn new(start: u64, stop: Option<u64>) -> Result<Self, String> {
        match stop {
            Some(stop) if stop <= start => Err(format!(
                "found stop {stop}, expected more than the start, {start}"
            )),
            _ => Ok(Self { start, stop }),
        }
    }
}

impl FromStr for Wanted {
    type Err = String;

    /// `a-b`, or `a-` for all from a on.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("found {text:?}, expected first-stop in samples, stop excluded");
        let (start, stop) = text.split_once('-').ok_or_else(wrong)?;
        let number = |text: &str| text.parse::<u64>().map_err(|_| wrong());
        let stop = match stop {
            "" => None,
            stop => Some(number(stop)?),
        };
        Self::new(number(start)?, stop)
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-", self.start)?;
        self.stop.map_or(Ok(()), |stop| write!(f, "{stop}"))
    }
}

/// Ranges with commas between them.
///
/// # Errors
/// Where there is none, or one is wrong.
pub(super) fn parse_list(text: &str) -> Result<Vec<Wanted>, String> {
    text.split(',').map(|range| range.trim().parse()).collect()
}

/// The text that [`parse_list`] reads.
pub(super) fn list_text(ranges: &[Wanted]) -> String {
    let ranges: Vec<String> = ranges.iter().map(Wanted::to_string).collect();
    ranges.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_and_written() {
        for text in ["0-48000", "5-", "0-1,7-9,3-", "10-20,10-20"] {
            let ranges = parse_list(text).unwrap();
            assert_eq!(list_text(&ranges), text);
        }
        let spaced = parse_list("0-1, 7-9").unwrap();
        assert_eq!(list_text(&spaced), "0-1,7-9");
        assert_eq!(
            spaced[1],
            Wanted {
                start: 7,
                stop: Some(9)
            }
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        for wrong in ["", "5", "-5", "a-b", "1-2,", "1-2-3", "1--1", "+1-2x"] {
            let error = parse_list(wrong).unwrap_err();
            assert!(error.contains("expected first-stop"), "{wrong}: {error}");
        }
        for wrong in ["5-5", "7-3", "0-1,9-2"] {
            let error = parse_list(wrong).unwrap_err();
            assert!(error.contains("more than the start"), "{wrong}: {error}");
        }
    }
}
