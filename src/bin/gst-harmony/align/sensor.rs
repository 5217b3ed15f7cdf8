//! Readings of sensors as CSV: a column of times in seconds, then one of values for each channel.

use std::fs::File;
use std::path::Path;

use csv::{ReaderBuilder, StringRecord, Trim};

use crate::failure::{Failure, Outcome};

/// Readings in the order of their times.
#[derive(Clone, Debug, PartialEq)]
pub struct Readings {
    /// In seconds.
    pub times: Vec<f64>,
    /// Values of one reading after the other.
    pub values: Vec<f32>,
    pub channels: usize,
}

impl Readings {
    /// Readings a second: by the median of what lies between two.
    pub fn rate(&self) -> u32 {
        let mut steps: Vec<f64> = self
            .times
            .windows(2)
            .map(|pair| pair[1] - pair[0])
            .collect();
        steps.sort_by(f64::total_cmp);
        let middle = steps.get(steps.len() / 2);
        middle.map_or(1, |step| (1.0 / step).round().max(1.0) as u32)
    }
}

/// A file of readings, by its name.
pub fn is_sensor(path: &Path) -> bool {
    let extension = path.extension().map(|e| e.to_ascii_lowercase());
    extension.is_some_and(|extension| extension == "csv")
}

/// Reads all of it. A first line without a number in front is a heading; lines that begin with `#` are comments.
pub fn read(path: &Path) -> Outcome<Readings> {
    let file = File::open(path).map_err(|error| Failure::open(path, &error))?;
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .comment(Some(b'#'))
        .trim(Trim::All)
        .flexible(true)
        .from_reader(file);
    let mut readings = Readings {
        times: Vec::new(),
        values: Vec::new(),
        channels: 0,
    };
    let mut record = StringRecord::new();
    let mut first = true;
    while reader
        .read_record(&mut record)
        .map_err(|error| Failure::data(path, error))?
    {
        let heading = std::mem::take(&mut first) && number(&record, 0).is_err();
        if heading {
            continue;
        }
        let line = record.position().map_or(0, csv::Position::line);
        readings
            .add(&record)
            .map_err(|what| Failure::data(path, format!("line {line}: {what}")))?;
    }
    if readings.times.len() < 2 {
        let found = readings.times.len();
        let what = format!("found {found} readings, expected lines of time,value (in seconds)");
        return Err(Failure::data(path, what));
    }
    Ok(readings)
}

impl Readings {
    fn add(&mut self, record: &StringRecord) -> Result<(), String> {
        let time = number(record, 0)?;
        if let Some(last) = self.times.last().filter(|last| time <= **last) {
            return Err(format!(
                "found time {time} behind {last}, expected times that rise"
            ));
        }
        let channels = record.len() - 1;
        if channels == 0 {
            return Err("found one column, expected a time and at least one value".to_owned());
        }
        if !self.times.is_empty() && channels != self.channels {
            return Err(format!(
                "found {channels} values, expected {} as in the lines before",
                self.channels
            ));
        }
        self.channels = channels;
        for column in 1..record.len() {
            self.values.push(number(record, column)? as f32);
        }
        self.times.push(time);
        Ok(())
    }
}

fn number(record: &StringRecord, column: usize) -> Result<f64, String> {
    let text = record.get(column).unwrap_or_default();
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
    number.ok_or_else(|| format!("found {text:?} in column {}, expected a number", column + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Outcome<Readings> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        std::fs::write(&path, text).unwrap();
        read(&path)
    }

    #[test]
    fn a_heading_and_comments_are_passed_over() {
        let readings =
            parsed("# made by hand\ntime_s, x, y\n0, 1, 2\n0.01, 3, 4\n0.03,5,6\n").unwrap();
        assert_eq!(readings.times, [0.0, 0.01, 0.03]);
        assert_eq!(readings.values, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        assert_eq!(readings.channels, 2);
        assert_eq!(readings.rate(), 50);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (text, words) in [
            ("", "found 0 readings"),
            ("0,1\n", "found 1 readings"),
            ("t,x\n0,1\n1,z\n", "line 3: found \"z\" in column 2"),
            ("0,1\n1,nan\n", "line 2: found \"nan\" in column 2"),
            ("0,1\n1,2,3\n", "line 2: found 2 values, expected 1"),
            ("0\n1\n", "line 1: found one column"),
            ("0,1\n0,2\n", "line 2: found time 0 behind 0"),
        ] {
            let Err(Failure::Data(what)) = parsed(text) else {
                panic!("{text}: no error");
            };
            assert!(what.contains(words), "{text}: {what}");
        }
    }
}
