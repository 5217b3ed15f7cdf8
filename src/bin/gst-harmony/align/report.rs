//! What was measured, for people and for programs.

use std::path::Path;

use gstharmony::sync::Factors;
use gstharmony::sync::offline::Verdict;
use serde_json::{Value, json};

use super::pair::{Aligned, By};
use super::read::Material;
use crate::failure::Outcome;
use crate::output::{self, Table};

/// Prints it.
pub fn print(reference: &Material, streams: &[Aligned], max_drift: f64, json: bool) -> Outcome {
    if json {
        return output::print_json(&value(&reference.path, streams));
    }
    output::print_text(&text(reference, streams, max_drift))
}

/// A number; nothing where there is none.
fn finite(known: bool, value: f64) -> Option<f64> {
    (known && value.is_finite()).then_some(value)
}

fn value(reference: &Path, streams: &[Aligned]) -> Value {
    let streams = streams.iter().map(|stream| {
        let measure = stream.measure();
        let known = stream.has_map();
        let Factors {
            peak,
            second,
            inliers,
            freshness,
        } = measure.factors;
        json!({
            "file": stream.file,
            "state": stream.state(),
            "offset_s": finite(known, measure.map.offset),
            "drift_ppm": finite(known, measure.map.ppm()),
            "uncertainty_s": finite(known, measure.uncertainty),
            "quality": measure.factors.quality(),
            "factors": {"peak": peak, "second": second, "inliers": inliers, "freshness": freshness},
        })
    });
    json!({"reference": reference, "streams": streams.collect::<Vec<_>>()})
}

fn text(reference: &Material, streams: &[Aligned], max_drift: f64) -> String {
    let length = output::time((reference.end * 1e2).round() as i64 * 10_000_000);
    let mut text = format!("reference: {}, {length}\n", reference.path.display());
    let mut table = Table::new(&[
        "file",
        "state",
        ">offset",
        ">drift",
        ">uncertainty",
        ">quality",
    ]);
    for stream in streams {
        let measure = stream.measure();
        let known = stream.has_map();
        let cell =
            |value: f64, text: String| finite(known, value).map_or_else(String::new, |_| text);
        let (offset, ppm) = (measure.map.offset, measure.map.ppm());
        table.row(vec![
            stream.file.display().to_string(),
            stream.state().to_owned(),
            cell(offset, signed(offset, 6, "s")),
            cell(ppm, signed(ppm, 2, "ppm")),
            cell(
                measure.uncertainty,
                format!("±{}", span(measure.uncertainty)),
            ),
            format!("{:.2}", measure.factors.quality()),
        ]);
    }
    text.push_str(&table.render());
    for stream in streams {
        for line in words(reference, stream, max_drift) {
            text.push_str(&format!("{}: {line}\n", stream.file.display()));
        }
    }
    if streams.iter().any(|stream| !stream.path.is_empty()) {
        text.push_str(
            "the warping path in the picture is a diagnostic: it shows cuts and repeats, and follows 10 ms steps; as a measure of \
             drift it is off by 4.5 to 8 ms, so that offset and drift above do not come from it\n",
        );
    }
    text
}

/// A number with its sign; none before what is 0 with so many digits.
pub fn signed(value: f64, digits: usize, unit: &str) -> String {
    let text = format!("{value:+.digits$} {unit}");
    match text.contains(|c| ('1'..='9').contains(&c)) {
        true => text,
        false => text.trim_start_matches(['+', '-']).to_owned(),
    }
}

/// Seconds in the unit that reads best.
pub fn span(seconds: f64) -> String {
    match seconds.abs() {
        ..1e-3 => format!("{:.0} µs", seconds * 1e6),
        ..1.0 => format!("{:.2} ms", seconds * 1e3),
        _ => format!("{seconds:.2} s"),
    }
}

/// What the numbers mean.
fn words(reference: &Material, stream: &Aligned, max_drift: f64) -> Vec<String> {
    let mut lines = Vec::new();
    let offset = stream.measure().map.offset;
    let search = format!("±{} and ±{max_drift} ppm", span(stream.max_offset));
    match stream.comparison.state {
        Verdict::Locked | Verdict::Provisional => {
            lines.push(match offset.abs() {
                size if size <= stream.measure().uncertainty => {
                    "it begins with the reference".to_owned()
                }
                size if offset < 0.0 => format!("it begins {} before the reference", span(size)),
                size => format!("it begins {} after the reference", span(size)),
            });
        }
        _ if reference.is_silent() => lines.push("the reference is silent".to_owned()),
        _ if stream.silent => lines.push("it is silent".to_owned()),
        Verdict::Ambiguous => lines.push(format!(
            "more than one offset explains it about as well, as in a loop or a steady beat, within {search}; a smaller \
             --max-offset leaves fewer"
        )),
        Verdict::Unrelated => lines.push(format!(
            "nothing in it agrees with the reference, within {search}; --max-offset and --max-drift look farther"
        )),
    }
    if stream.comparison.state == Verdict::Provisional {
        lines.push("too little of it agrees to be sure: the offset is a candidate".to_owned());
    }
    if let By::Events {
        stream: (n, kind),
        reference: (m, of),
    } = stream.by
    {
        lines.push(format!(
            "compared by {n} {kind} with {m} {of} of the reference"
        ));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_take_the_unit_that_reads_best() {
        let spans = [3.2e-6, 0.0042, 2.345].map(span);
        assert_eq!(spans, ["3 µs", "4.20 ms", "2.35 s"]);
        let numbers = [-1.5, 2e-9, -2e-9].map(|value| signed(value, 3, "s"));
        assert_eq!(numbers, ["-1.500 s", "0.000 s", "0.000 s"]);
    }
}
