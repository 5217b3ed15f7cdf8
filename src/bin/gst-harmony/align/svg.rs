//! Diagrams as SVG: panels with axes, lines, dots and bars. Self-contained, for light and dark pages.

use std::fmt::Write;

/// Colours by role, once for a light page and once for a dark one.
const STYLE: &str = "\
  text { font: 12px system-ui, sans-serif; fill: var(--text) }
  .title { font-size: 15px; font-weight: 600 }
  .panel { font-weight: 600 }
  .muted, .tick { fill: var(--muted) }
  .tick { font-size: 11px }
  .page { fill: var(--page) }
  .grid { stroke: var(--grid); fill: none }
  .axis { stroke: var(--muted); fill: none }
  .line { stroke: var(--first); stroke-width: 1.5; fill: none; stroke-linejoin: round }
  .fit { stroke: var(--second); stroke-width: 1.5; fill: none }
  .dot { fill: var(--first) }
  .mark { stroke: var(--second); stroke-dasharray: 4 3; fill: none }
  .empty { fill: var(--grid) }
  svg { --page: #ffffff; --text: #1f2328; --muted: #57606a; --grid: #d8dee4; --first: #0b62c4; --second: #b54708 }
  @media (prefers-color-scheme: dark) {
    svg { --page: #14171c; --text: #e6edf3; --muted: #9aa4af; --grid: #30363d; --first: #6cb0ff; --second: #f0964a }
  }
";

/// Room for tick labels to the left of a panel, for its title above, for tick labels and the axis' label below.
const LEFT: f64 = 58.0;
const ABOVE: f64 = 22.0;
const BELOW: f64 = 38.0;
const RIGHT: f64 = 12.0;

/// Where something lies, in pixels.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

/// Values along one side of a panel.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    pub label: String,
    low: f64,
    high: f64,
}

impl Axis {
    /// An axis that holds all finite `values`, with a little room; one value alone gets room of at least `least`.
    pub fn around(label: String, values: impl IntoIterator<Item = f64>, least: f64) -> Self {
        let finite = values.into_iter().filter(|value| value.is_finite());
        let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(value), high.max(value))
        });
        let (low, high) = if low > high { (0.0, 0.0) } else { (low, high) };
        let room = ((high - low) * 0.06)
            .max((least - (high - low)) / 2.0)
            .max(0.0);
        Self::between(label, low - room, high + room)
    }

    /// An axis that ends where its values end.
    pub fn tight(label: String, values: impl IntoIterator<Item = f64>) -> Self {
        let mut axis = Self::around(label, values, 0.0);
        let room = (axis.high - axis.low) * 0.06 / 1.12;
        (axis.low, axis.high) = (axis.low + room, axis.high - room);
        axis
    }

    /// An axis of exactly these ends.
    pub fn between(label: String, low: f64, high: f64) -> Self {
        Self { label, low, high }
    }

    /// From 0 to 1 along the axis.
    fn part(&self, value: f64) -> f64 {
        let span = self.high - self.low;
        if span > 0.0 {
            ((value - self.low) / span).clamp(-0.5, 1.5)
        } else {
            0.5
        }
    }

    /// About `wanted` round values, and the digits behind the point that they need.
    fn ticks(&self, wanted: f64) -> (Vec<f64>, usize) {
        let span = self.high - self.low;
        if !(span > 0.0 && span.is_finite()) {
            return (vec![self.low], 0);
        }
        let rough = span / wanted;
        let power = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0]
            .map(|times| times * power)
            .into_iter()
            .find(|step| *step >= rough * 0.999)
            .unwrap_or(power);
        let digits = (-step.log10().floor()).clamp(0.0, 12.0) as usize;
        // An end that is a tick but for a rounding error has one.
        let first = (self.low / step - 1e-6).ceil() as i64;
        let last = (self.high / step + 1e-6).floor() as i64;
        let ticks = (first..=last.min(first + 20)).map(|n| n as f64 * step);
        (ticks.collect(), digits)
    }
}

/// A document under construction.
pub struct Svg {
    body: String,
}

/// `text` so that it stands in XML.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // XML 1.0 has no way to write these.
            '\0'..='\x1f' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

impl Svg {
    pub const fn new() -> Self {
        Self {
            body: String::new(),
        }
    }

    fn add(&mut self, element: std::fmt::Arguments) {
        // A string takes everything.
        let _ = self.body.write_fmt(element);
        self.body.push('\n');
    }

    /// Text that begins at `x`; it ends or has its middle there by `anchor`.
    pub fn text(&mut self, x: f64, y: f64, class: &str, anchor: &str, text: &str) {
        let text = escaped(text);
        self.add(format_args!(
            r#"<text x="{x:.1}" y="{y:.1}" class="{class}" text-anchor="{anchor}">{text}</text>"#
        ));
    }

    pub fn rectangle(&mut self, place: Place, class: &str) {
        let Place {
            x,
            y,
            width,
            height,
        } = place;
        self.add(format_args!(
            r#"<rect x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}" class="{class}"/>"#
        ));
    }

    /// What belongs together, with a name for those who look by ear or by program.
    pub fn group(&mut self, class: &str, label: &str) {
        let label = escaped(label);
        self.add(format_args!(
            r#"<g class="{class}" role="group" aria-label="{label}">"#
        ));
    }

    pub fn end_group(&mut self) {
        self.add(format_args!("</g>"));
    }

    /// The whole document.
    pub fn finish(self, width: f64, height: f64, title: &str, description: &str) -> String {
        let (title, description) = (escaped(title), escaped(description));
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" \
             width=\"{width:.0}\" height=\"{height:.0}\" role=\"img\">\n\
             <title>{title}</title>\n<desc>{description}</desc>\n<style>\n{STYLE}</style>\n\
             <rect width=\"100%\" height=\"100%\" class=\"page\"/>\n{}</svg>\n",
            self.body
        )
    }
}

/// A diagram within a document.
pub struct Panel<'a> {
    svg: &'a mut Svg,
    inner: Place,
    x: Axis,
    y: Axis,
}

impl<'a> Panel<'a> {
    /// Draws title and axes; what is added then is clipped to them. [`Self::finish`] ends it.
    pub fn new(svg: &'a mut Svg, place: Place, title: &str, x: Axis, y: Axis) -> Self {
        let inner = Place {
            x: place.x + LEFT,
            y: place.y + ABOVE,
            width: place.width - LEFT - RIGHT,
            height: place.height - ABOVE - BELOW,
        };
        let label = format!("{title}: {} over {}", y.label, x.label);
        svg.group("diagram", &label);
        svg.text(inner.x, place.y + 13.0, "panel", "start", title);
        let end = inner.x + inner.width;
        svg.text(end, place.y + 13.0, "muted", "end", &y.label);
        svg.text(end, inner.y + inner.height + 32.0, "muted", "end", &x.label);
        let mut panel = Self { svg, inner, x, y };
        panel.axes();
        panel
    }

    fn at(&self, x: f64, y: f64) -> (f64, f64) {
        (
            self.inner.x + self.x.part(x) * self.inner.width,
            self.inner.y + (1.0 - self.y.part(y)) * self.inner.height,
        )
    }

    fn axes(&mut self) {
        let Place {
            x: left,
            y: top,
            width,
            height,
        } = self.inner;
        let (right, bottom) = (left + width, top + height);
        let (ticks, digits) = self.x.ticks(width / 70.0);
        for tick in ticks {
            let (x, _) = self.at(tick, 0.0);
            self.path("grid", &format!("M{x:.1} {top:.1}V{bottom:.1}"));
            self.svg
                .text(x, bottom + 15.0, "tick", "middle", &number(tick, digits));
        }
        let (ticks, digits) = self.y.ticks(height / 32.0);
        for tick in ticks {
            let (_, y) = self.at(0.0, tick);
            self.path("grid", &format!("M{left:.1} {y:.1}H{right:.1}"));
            self.svg
                .text(left - 6.0, y + 4.0, "tick", "end", &number(tick, digits));
        }
        self.path(
            "axis",
            &format!("M{left:.1} {top:.1}V{bottom:.1}H{right:.1}"),
        );
    }

    fn path(&mut self, class: &str, data: &str) {
        self.svg
            .add(format_args!(r#"<path class="{class}" d="{data}"/>"#));
    }

    /// Joins points; what is not finite is left out. Of more points than pixels, the lowest and highest of each are drawn.
    pub fn line(&mut self, class: &str, points: &[(f64, f64)]) {
        let finite = points
            .iter()
            .filter(|(x, y)| x.is_finite() && y.is_finite());
        let drawn: Vec<(f64, f64)> = finite.map(|(x, y)| self.at(*x, *y)).collect();
        let mut data = String::new();
        for pixel in drawn.chunk_by(|a, b| drawn.len() > 2000 && a.0.floor() == b.0.floor()) {
            let by_height = |a: &&(f64, f64), b: &&(f64, f64)| a.1.total_cmp(&b.1);
            let ends = [
                pixel.iter().min_by(by_height),
                pixel.iter().max_by(by_height).filter(|_| pixel.len() > 1),
            ];
            for (x, y) in ends.into_iter().flatten() {
                let command = if data.is_empty() { 'M' } else { 'L' };
                // A string takes everything.
                let _ = write!(data, "{command}{x:.1} {y:.1}");
            }
        }
        if !data.is_empty() {
            self.path(class, &data);
        }
    }

    /// One dot a point; of many that fall onto the same pixel, one.
    pub fn dots(&mut self, class: &str, points: impl IntoIterator<Item = (f64, f64)>) {
        let finite = points
            .into_iter()
            .filter(|(x, y)| x.is_finite() && y.is_finite());
        let mut places: Vec<(i64, i64)> = finite
            .map(|(x, y)| self.at(x, y))
            .map(|(x, y)| ((x * 2.0).round() as i64, (y * 2.0).round() as i64))
            .collect();
        places.sort_unstable();
        places.dedup();
        for (x, y) in places {
            let (x, y) = (x as f64 / 2.0, y as f64 / 2.0);
            self.svg.add(format_args!(
                r#"<circle class="{class}" cx="{x}" cy="{y}" r="2.2"/>"#
            ));
        }
    }

    /// A line across at `y`, where the panel holds it.
    pub fn level(&mut self, y: f64) {
        if !(self.y.low..=self.y.high).contains(&y) {
            return;
        }
        let Place { x: left, width, .. } = self.inner;
        let (_, y) = self.at(0.0, y);
        self.path("mark", &format!("M{left:.1} {y:.1}h{width:.1}"));
    }

    /// A line upwards at `x`.
    pub fn upright(&mut self, x: f64) {
        let Place { y: top, height, .. } = self.inner;
        let (x, _) = self.at(x, 0.0);
        self.path("mark", &format!("M{x:.1} {top:.1}v{height:.1}"));
    }

    /// A word in the middle of a panel that has nothing to show.
    pub fn say(&mut self, text: &str) {
        let Place {
            x,
            y,
            width,
            height,
        } = self.inner;
        self.svg
            .text(x + width / 2.0, y + height / 2.0, "muted", "middle", text);
    }

    pub fn finish(self) {
        self.svg.end_group();
    }
}

/// Values from 0 to 1 as bars with their names.
pub fn bars(svg: &mut Svg, place: Place, title: &str, values: &[(&str, f64)]) {
    svg.group("diagram", title);
    svg.text(place.x + LEFT, place.y + 13.0, "panel", "start", title);
    let left = place.x + LEFT + 70.0;
    let most = place.x + place.width - RIGHT - 40.0 - left;
    let step = (place.height - ABOVE - BELOW) / values.len().max(1) as f64;
    for (n, (name, value)) in values.iter().enumerate() {
        let y = place.y + ABOVE + n as f64 * step;
        let middle = y + step / 2.0 + 4.0;
        svg.text(left - 8.0, middle, "muted", "end", name);
        let bar = |part: f64| Place {
            x: left,
            y: y + step * 0.2,
            width: most * part.clamp(0.0, 1.0),
            height: step * 0.6,
        };
        svg.rectangle(bar(1.0), "empty");
        svg.rectangle(bar(*value), "dot");
        svg.text(
            left + most + 8.0,
            middle,
            "muted",
            "start",
            &format!("{value:.2}"),
        );
    }
    svg.end_group();
}

/// A tick's label, with a true minus and no minus before 0.
fn number(value: f64, digits: usize) -> String {
    let text = format!("{:.digits$}", value.abs());
    let negative = value < 0.0 && text.chars().any(|c| ('1'..='9').contains(&c));
    if negative { format!("−{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(low: f64, high: f64) -> Axis {
        Axis::between(String::new(), low, high)
    }

    #[test]
    fn ticks_are_round() {
        let (ticks, digits) = axis(-0.11, 0.32).ticks(5.0);
        let labels: Vec<String> = ticks.iter().map(|tick| number(*tick, digits)).collect();
        assert_eq!(labels, ["−0.1", "0.0", "0.1", "0.2", "0.3"]);
        let (ticks, digits) = axis(0.0, 600.0).ticks(5.0);
        assert_eq!((ticks, digits), (vec![0.0, 200.0, 400.0, 600.0], 0));
        assert_eq!(axis(3.0, 3.0).ticks(5.0).0, [3.0]);
        assert_eq!(axis(f64::NAN, 1.0).ticks(5.0).0.len(), 1);
    }

    #[test]
    fn an_axis_holds_its_values() {
        let around = |values: &[f64]| Axis::around(String::new(), values.iter().copied(), 1.0);
        let wide = around(&[0.0, 10.0, f64::INFINITY]);
        assert!((wide.low + 0.6).abs() < 1e-9 && (wide.high - 10.6).abs() < 1e-9);
        let one = around(&[7.0]);
        assert_eq!((one.low, one.high), (6.5, 7.5));
        assert_eq!(around(&[]), axis(-0.5, 0.5));
    }

    #[test]
    fn what_is_text_stays_text() {
        assert_eq!(escaped("a<b>&\"\u{1}ö"), "a&lt;b&gt;&amp;&quot;\u{fffd}ö");
    }

    #[test]
    fn long_lines_keep_their_ends_and_no_more() {
        let points: Vec<(f64, f64)> = (0..100_000)
            .map(|n| {
                (
                    f64::from(n),
                    if n == 77_777 { 9.0 } else { f64::from(n % 2) },
                )
            })
            .collect();
        let mut svg = Svg::new();
        let place = Place {
            x: 0.0,
            y: 0.0,
            width: 400.0,
            height: 100.0,
        };
        let mut panel = Panel::new(&mut svg, place, "a", axis(0.0, 1e5), axis(0.0, 9.0));
        panel.line("line", &points);
        panel.finish();
        let text = svg.finish(400.0, 100.0, "", "");
        assert!(text.len() < 20_000, "{}", text.len());
        // The one high point, at the top of the panel.
        assert!(text.contains(" 22.0L"));
    }
}
