//! Text for people: tables, times and sizes; and the one handle on standard output.

use std::io::{self, BufWriter, StdoutLock, Write};

use crate::failure::{Failure, Outcome};

/// Standard output, buffered. Call [`finish`] when done, so that a full disk is an error and not a silence.
pub fn stdout() -> BufWriter<StdoutLock<'static>> {
    BufWriter::with_capacity(1 << 16, io::stdout().lock())
}

/// Flushes `out`; a closed pipe is a quiet end.
pub fn finish(mut out: impl Write) -> Outcome {
    out.flush().map_err(|error| Failure::output(&error))
}

/// Prints `value` as indented JSON and a line end.
pub fn print_json(value: &serde_json::Value) -> Outcome {
    let mut out = stdout();
    serde_json::to_writer_pretty(&mut out, value)
        .map_err(io::Error::from)
        .and_then(|()| writeln!(out))
        .map_err(|error| Failure::output(&error))?;
    finish(out)
}

/// Prints `text` as it is.
pub fn print_text(text: &str) -> Outcome {
    let mut out = stdout();
    out.write_all(text.as_bytes())
        .map_err(|error| Failure::output(&error))?;
    finish(out)
}

/// Nanoseconds as `h:mm:ss.mmm`, with as many further digits as they need.
pub fn time(ns: i64) -> String {
    let sign = if ns < 0 { "-" } else { "" };
    let ns = ns.unsigned_abs();
    let (seconds, fraction) = (ns / 1_000_000_000, ns % 1_000_000_000);
    let digits = if fraction % 1_000_000 == 0 {
        format!("{:03}", fraction / 1_000_000)
    } else if fraction % 1_000 == 0 {
        format!("{:06}", fraction / 1_000)
    } else {
        format!("{fraction:09}")
    };
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    format!("{sign}{hours}:{minutes:02}:{:02}.{digits}", seconds % 60)
}

/// Bytes in the unit that reads best.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut scaled = bytes as f64 / 1024.0;
    let mut unit = UNITS[0];
    for next in &UNITS[1..] {
        if scaled < 1024.0 {
            break;
        }
        scaled /= 1024.0;
        unit = next;
    }
    format!("{scaled:.1} {unit}")
}

/// Bits a second in the unit that reads best.
pub fn rate(bits: f64) -> String {
    let (scaled, unit) = match bits {
        ..1e3 => return format!("{bits:.0} bit/s"),
        ..1e6 => (bits / 1e3, "kbit/s"),
        ..1e9 => (bits / 1e6, "Mbit/s"),
        _ => (bits / 1e9, "Gbit/s"),
    };
    format!("{scaled:.1} {unit}")
}

/// A table with a heading, columns as wide as their widest cell. Numbers go to the right.
pub struct Table {
    rows: Vec<Vec<String>>,
    right: Vec<bool>,
}

impl Table {
    /// `columns`: the headings; one that begins with `>` is set to the right.
    pub fn new(columns: &[&str]) -> Self {
        Self {
            rows: vec![
                columns
                    .iter()
                    .map(|c| c.trim_start_matches('>').to_owned())
                    .collect(),
            ],
            right: columns.iter().map(|c| c.starts_with('>')).collect(),
        }
    }

    /// Adds a row, one cell for each column.
    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// The table's text, each line indented by two.
    pub fn render(&self) -> String {
        let width = |column: usize| {
            self.rows
                .iter()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.right.len()).map(width).collect();
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::from(" ");
            for ((cell, width), right) in row.iter().zip(&widths).zip(&self.right) {
                let pad = " ".repeat(width.saturating_sub(cell.chars().count()));
                let (before, after) = if *right {
                    (pad.as_str(), "")
                } else {
                    ("", pad.as_str())
                };
                line.push_str(&format!(" {before}{cell}{after} "));
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_show_the_digits_they_need() {
        assert_eq!(time(0), "0:00:00.000");
        assert_eq!(time(-66_000_000), "-0:00:00.066");
        assert_eq!(time(33_333_333), "0:00:00.033333333");
        assert_eq!(time(3_723_000_004_000), "1:02:03.000004");
        assert_eq!(time(i64::MIN), "-2562047:47:16.854775808");
    }

    #[test]
    fn sizes_take_the_unit_that_reads_best() {
        assert_eq!(size(1023), "1023 B");
        assert_eq!(size(1536), "1.5 KiB");
        assert_eq!(size(5 << 30), "5.0 GiB");
        assert_eq!(size(u64::MAX), "16777216.0 TiB");
    }

    #[test]
    fn rates_take_the_unit_that_reads_best() {
        assert_eq!(rate(999.0), "999 bit/s");
        assert_eq!(rate(2_092_789.0), "2.1 Mbit/s");
    }

    #[test]
    fn tables_align() {
        let mut table = Table::new(&["name", ">n"]);
        table.row(vec!["a".into(), "10".into()]);
        assert_eq!(table.render(), "  name   n\n  a     10\n");
    }
}
