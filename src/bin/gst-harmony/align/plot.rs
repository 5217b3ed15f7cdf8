//! The picture of a measurement: for each stream its correlation, offset over time, residuals and quality.

use super::pair::Aligned;
use super::report::{signed, span};
use super::svg::{Axis, Panel, Place, Svg, bars};

const WIDTH: f64 = 980.0;
const MARGIN: f64 = 16.0;
const HEADING: f64 = 44.0;
const PANEL: f64 = 200.0;
const WARP: f64 = 220.0;

/// Draws all streams, one below the other.
pub fn draw(reference: &str, streams: &[Aligned]) -> String {
    let mut svg = Svg::new();
    svg.text(
        MARGIN,
        28.0,
        "title",
        "start",
        &format!("Streams against {reference}"),
    );
    let mut y = HEADING;
    for stream in streams {
        y = row(&mut svg, stream, y);
    }
    let names: Vec<String> = streams.iter().map(summary).collect();
    let title = format!("Sync of {} streams with {reference}", streams.len());
    svg.finish(WIDTH, y + MARGIN / 2.0, &title, &names.join("; "))
}

/// State and figures of a stream in a line.
fn summary(stream: &Aligned) -> String {
    let (file, state) = (stream.file.display(), stream.state());
    let quality = stream.measure().factors.quality();
    if !stream.has_map() {
        return format!("{file}: {state}, quality {quality:.2}");
    }
    let map = stream.measure().map;
    format!(
        "{file}: {state}, offset {}, drift {}, ±{}, quality {quality:.2}",
        signed(map.offset, 6, "s"),
        signed(map.ppm(), 2, "ppm"),
        span(stream.measure().uncertainty)
    )
}

/// One stream from `y` downwards; gives where the next begins.
fn row(svg: &mut Svg, stream: &Aligned, y: f64) -> f64 {
    let half = (WIDTH - 3.0 * MARGIN) / 2.0;
    let [left, right] = [MARGIN, 2.0 * MARGIN + half];
    let place = |x: f64, y: f64| Place {
        x,
        y,
        width: half,
        height: PANEL,
    };
    svg.group("stream", &summary(stream));
    svg.text(MARGIN, y + 16.0, "panel", "start", &summary(stream));
    let first = y + 30.0;
    correlation(svg, place(left, first), stream);
    offsets(svg, place(right, first), stream);
    let second = first + PANEL;
    residuals(svg, place(left, second), stream);
    let factors = stream.measure().factors;
    let values = [
        ("peak", factors.peak),
        ("second", factors.second),
        ("inliers", factors.inliers),
        ("freshness", factors.freshness),
        ("quality", factors.quality()),
    ];
    bars(
        svg,
        place(right, second),
        "quality and its factors",
        &values,
    );
    let mut end = second + PANEL;
    if !stream.path.is_empty() {
        let place = Place {
            x: left,
            y: end,
            width: WIDTH - 2.0 * MARGIN,
            height: WARP,
        };
        warp(svg, place, stream);
        end += WARP;
    }
    svg.end_group();
    end + MARGIN
}

/// The unit that seconds of this size are drawn in, and how many of it a second has.
fn unit(size: f64) -> (&'static str, f64) {
    match size {
        ..2e-3 => ("µs", 1e6),
        ..2.0 => ("ms", 1e3),
        _ => ("s", 1.0),
    }
}

/// How far values lie apart.
fn width(values: impl Iterator<Item = f64>) -> f64 {
    let ends = values.filter(|value| value.is_finite());
    let (low, high) = ends.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    (high - low).max(0.0)
}

/// From the stream's beginning to its end, so that diagrams stand above each other.
fn time_axis(stream: &Aligned) -> Axis {
    let end = if stream.end > 0.0 { stream.end } else { 1.0 };
    Axis::between("time of the stream (s)".to_owned(), 0.0, end)
}

/// How well each lag of the best window fits.
fn correlation(svg: &mut Svg, place: Place, stream: &Aligned) {
    let curve = &stream.comparison.curve;
    let (name, scale) = unit(width(curve.iter().map(|(lag, _)| *lag)));
    let scaled: Vec<(f64, f64)> = curve
        .iter()
        .map(|(lag, value)| (lag * scale, f64::from(*value)))
        .collect();
    let x = Axis::tight(
        format!("offset ({name})"),
        scaled.iter().map(|(lag, _)| *lag),
    );
    let y = Axis::around(
        stream.by.unit().to_owned(),
        scaled.iter().map(|(_, value)| *value),
        1.0,
    );
    let mut panel = Panel::new(svg, place, "correlation of the best window", x, y);
    panel.line("line", &scaled);
    let best = scaled.iter().max_by(|a, b| a.1.total_cmp(&b.1));
    match best {
        Some((lag, _)) => panel.upright(*lag),
        None => panel.say("nothing to correlate"),
    }
    panel.finish();
}

/// Each measurement and the line that was fitted, about the line's middle; without a line what single windows say.
fn offsets(svg: &mut Svg, place: Place, stream: &Aligned) {
    let map = stream.measure().map;
    let found = &stream.comparison;
    let off = found.residuals.iter();
    let mut votes: Vec<(f64, f64)> = off.map(|(at, off)| (*at, map.shift(*at) + off)).collect();
    if votes.is_empty() {
        votes = found
            .votes
            .iter()
            .map(|vote| (vote.at, vote.shift))
            .collect();
    }
    let ends = if stream.has_map() {
        vec![(0.0, map.shift(0.0)), (stream.end, map.shift(stream.end))]
    } else {
        Vec::new()
    };
    let middle = if stream.has_map() {
        map.shift(stream.end / 2.0)
    } else {
        let mut shifts: Vec<f64> = votes.iter().map(|(_, shift)| *shift).collect();
        shifts.sort_by(f64::total_cmp);
        shifts.get(shifts.len() / 2).copied().unwrap_or(0.0)
    };
    let all = || votes.iter().chain(&ends).map(|(_, shift)| shift - middle);
    let (name, scale) = unit(width(all()));
    let sign = if middle < 0.0 { '+' } else { '−' };
    let label = format!("offset {sign} {:.6} s ({name})", middle.abs());
    let y = Axis::around(label, all().map(|shift| shift * scale), least(name));
    let mut panel = Panel::new(svg, place, "offset over time", time_axis(stream), y);
    let about = |(at, shift): &(f64, f64)| (*at, (shift - middle) * scale);
    panel.line("fit", &ends.iter().map(about).collect::<Vec<_>>());
    panel.dots("dot", votes.iter().map(about));
    if votes.is_empty() {
        panel.say("no window passed");
    }
    panel.finish();
}

/// Least height of an axis in a unit: noise must not look like a signal.
fn least(unit: &str) -> f64 {
    if unit == "µs" { 20.0 } else { 1.0 }
}

/// How far each measurement lies from the line, and what accuracy is claimed.
fn residuals(svg: &mut Svg, place: Place, stream: &Aligned) {
    let points = &stream.comparison.residuals;
    let (name, scale) = unit(width(points.iter().map(|(_, residual)| *residual)));
    let scaled: Vec<(f64, f64)> = points.iter().map(|(at, r)| (*at, r * scale)).collect();
    let heights = scaled.iter().map(|(_, residual)| *residual);
    let y = Axis::around(format!("residual ({name})"), heights, least(name));
    let claimed = Some(stream.measure().uncertainty).filter(|claimed| claimed.is_finite());
    let title = claimed.map_or("residuals".to_owned(), |claimed| {
        format!("residuals (claimed: ±{})", span(claimed))
    });
    let mut panel = Panel::new(svg, place, &title, time_axis(stream), y);
    if let Some(claimed) = claimed {
        panel.level(claimed * scale);
        panel.level(-claimed * scale);
    }
    panel.dots("dot", scaled);
    if points.is_empty() {
        panel.say("no line was fitted");
    }
    panel.finish();
}

/// The warping path of the two envelopes, as the offset along it: a cut or a repeat is a step.
fn warp(svg: &mut Svg, place: Place, stream: &Aligned) {
    let path = stream.path.iter().map(|(own, other)| (*own, other - own));
    let path: Vec<(f64, f64)> = path.collect();
    let y = Axis::around(
        "time of the reference − time of the stream (s)".to_owned(),
        path.iter().map(|point| point.1),
        0.1,
    );
    let title = "warping path (diagnostic: 10 ms steps, not a measure of drift)";
    let mut panel = Panel::new(svg, place, title, time_axis(stream), y);
    if stream.has_map() {
        let map = stream.measure().map;
        panel.line("fit", &[0.0, stream.end].map(|at| (at, map.shift(at))));
    }
    panel.line("line", &path);
    panel.finish();
}
