//! Which samples are asked for: `--samples a:b`, or a list of segments in CSV.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::ops::Range;
use std::path::Path;
use std::str::FromStr;

use csv::{ReaderBuilder, StringRecord, Trim};

use crate::failure::{Failure, Outcome};

/// PCM samples, the end excluded; without an end, all that follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Samples {
    start: u64,
    stop: Option<u64>,
}

impl FromStr for Samples {
    type Err = String;

    /// `a:b`, `a:`, `:b` or `:`.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!("found {text:?}, expected START:STOP in samples at 48 kHz, such as 48000:96000")
        };
        let (start, stop) = text.split_once(':').ok_or_else(wrong)?;
        let number = |text: &str| text.parse::<u64>().map_err(|_| wrong());
        let start = if start.is_empty() { 0 } else { number(start)? };
        let stop = (!stop.is_empty()).then(|| number(stop)).transpose()?;
        match stop {
            Some(stop) if stop <= start => Err(format!(
                "found {start}:{stop}, expected a stop behind the start (it is excluded)"
            )),
            _ => Ok(Self { start, stop }),
        }
    }
}

impl Samples {
    /// The range in a stream of `total` samples.
    pub fn range(self, total: u64) -> Range<u64> {
        self.start..self.stop.unwrap_or(total)
    }
}

/// A range of PCM samples and what it is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    pub name: String,
    pub range: Range<u64>,
    /// The line of the list.
    pub line: u64,
}

/// Names of the columns, where the list begins with them.
const COLUMNS: [&str; 3] = ["start", "stop", "name"];

/// Reads a list of segments: `start,stop` or `start,stop,name` on each line, with a line of these words before them or
/// without.
pub fn read(path: &Path) -> Outcome<Vec<Segment>> {
    let file = File::open(path).map_err(|error| Failure::open(path, &error))?;
    parse(file).map_err(|what| Failure::data(path, what))
}

fn parse(input: impl Read) -> Result<Vec<Segment>, String> {
    let mut segments = Vec::new();
    let mut names = BTreeSet::new();
    let mut is_first = true;
    for (line, text) in (1..).zip(BufReader::new(input).lines()) {
        let at = |what: String| format!("line {line}{what}");
        let text = text.map_err(|error| at(format!(": {error}")))?;
        // Spreadsheets begin a file with a byte order mark.
        let text = text.trim_start_matches('\u{feff}');
        if text.trim().is_empty() {
            continue;
        }
        let record = record(text).map_err(|error| at(format!(": {error}")))?;
        if std::mem::take(&mut is_first) && is_heading(&record) {
            continue;
        }
        let segment =
            segment(&record, line, segments.len()).map_err(|what| at(format!(", {what}")))?;
        if !names.insert(segment.name.clone()) {
            return Err(at(format!(", name: {:?} is there twice", segment.name)));
        }
        segments.push(segment);
    }
    match segments.is_empty() {
        true => Err("found no segment, expected lines of start,stop[,name]".to_owned()),
        false => Ok(segments),
    }
}

/// The fields of a line. Lines are read one by one, as the reader of CSV counts them in its own way.
fn record(line: &str) -> Result<StringRecord, csv::Error> {
    let mut record = StringRecord::new();
    ReaderBuilder::new()
        .has_headers(false)
        .trim(Trim::All)
        .buffer_capacity(256)
        .from_reader(line.as_bytes())
        .read_record(&mut record)?;
    Ok(record)
}

fn is_heading(record: &StringRecord) -> bool {
    let is = |(found, expected): (&str, &str)| found.eq_ignore_ascii_case(expected);
    (2..=3).contains(&record.len()) && record.iter().zip(COLUMNS).all(is)
}

fn segment(record: &StringRecord, line: u64, before: usize) -> Result<Segment, String> {
    if !(2..=3).contains(&record.len()) {
        let found = record.len();
        return Err(format!(
            "columns: found {found}, expected start,stop or start,stop,name"
        ));
    }
    let number = |column: usize| {
        let text = record.get(column).unwrap_or_default();
        let column = COLUMNS.get(column).copied().unwrap_or_default();
        let wrong = |_| format!("{column}: found {text:?}, expected a number of samples at 48 kHz");
        text.parse::<u64>().map_err(wrong)
    };
    let (start, stop) = (number(0)?, number(1)?);
    if stop <= start {
        return Err(format!(
            "stop: found {stop}, expected one behind start {start} (it is excluded)"
        ));
    }
    let name = match record.get(2).filter(|name| !name.is_empty()) {
        Some(name) => plain(name)?.to_owned(),
        None => format!("{:06}", before + 1),
    };
    Ok(Segment {
        name,
        range: start..stop,
        line,
    })
}

/// A name that stays in its folder.
fn plain(name: &str) -> Result<&str, String> {
    let bad = |c: char| c == '/' || c == '\\' || c.is_control();
    match name.starts_with('.') || name.contains(bad) {
        true => Err(format!(
            "name: found {name:?}, expected the name of a file without a folder"
        )),
        false => Ok(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_have_two_ends() {
        let range = |text: &str| text.parse::<Samples>().map(|samples| samples.range(100));
        assert_eq!(range("10:20"), Ok(10..20));
        assert_eq!(range(":20"), Ok(0..20));
        assert_eq!(range("10:"), Ok(10..100));
        assert_eq!(range(":"), Ok(0..100));
        for wrong in ["", "10", "a:b", "-1:5", "5:5", "6:5", "1:2:3", "0x1:2"] {
            assert!(wrong.parse::<Samples>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn lists_have_a_heading_or_none() {
        let expected = |first: &str, second: &str, line| {
            let segment = |name: &str, range, line| Segment {
                name: name.to_owned(),
                range,
                line,
            };
            vec![segment(first, 0..10, line), segment(second, 5..7, line + 1)]
        };
        assert_eq!(
            parse("0,10\n5,7\n".as_bytes()),
            Ok(expected("000001", "000002", 1))
        );
        assert_eq!(
            parse("\u{feff}Start, stop\r\n0, 10\r\n5,7".as_bytes()),
            Ok(expected("000001", "000002", 2))
        );
        assert_eq!(
            parse("start,stop,name\n0,10,one\n5,7,\"a, b\"\n".as_bytes()),
            Ok(expected("one", "a, b", 2))
        );
        assert_eq!(
            parse("0,10,\n5,7,x\n".as_bytes()),
            Ok(expected("000001", "x", 1))
        );
    }

    #[test]
    fn what_is_wrong_with_a_list_has_its_line() {
        for (text, words) in [
            ("", &["no segment"] as &[_]),
            ("start,stop\n", &["no segment"]),
            ("0,10\n\n5\n", &["line 3", "found 1"]),
            ("0,10\n5,6,a,b\n", &["line 2", "found 4"]),
            ("0,10\n5,x\n", &["line 2", "stop", "\"x\""]),
            ("start,stop\n-1,5\n", &["line 2", "start", "\"-1\""]),
            ("0,10\n5,5\n", &["line 2", "stop", "found 5"]),
            ("from,to\n0,10\n", &["line 1", "start", "\"from\""]),
            ("0,1,a\n1,2,b\n2,3,a\n", &["line 3", "\"a\"", "twice"]),
            ("0,1,../a\n", &["line 1", "name", "\"../a\""]),
            ("0,1,.a\n", &["line 1", "name"]),
        ] {
            let error = parse(text.as_bytes()).unwrap_err();
            for word in words {
                assert!(error.contains(word), "{text:?}: {error}");
            }
        }
        let bytes = [b"0,1\n".as_slice(), b"\xff,2\n"].concat();
        let error = parse(bytes.as_slice()).unwrap_err();
        assert!(
            error.contains("line 2") && error.contains("UTF-8"),
            "{error}"
        );
    }
}
