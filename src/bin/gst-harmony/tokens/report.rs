//! What is known of a stream and its tokens, for people and for programs.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::collect::Stream;
use super::timeline::{Fate, LastEnd, OnScreen, Timeline, Token, us};
use crate::failure::{Failure, Outcome};
use crate::json::JsonWriter;
use crate::output;
use crate::partial::Partial;

/// Where something is written.
pub struct Target {
    out: Box<dyn Write>,
    /// A file appears when it is complete.
    file: Option<(Partial, PathBuf)>,
}

impl Target {
    pub fn file(path: &Path) -> Outcome<Self> {
        let (partial, file) = Partial::file(path)?;
        Ok(Self {
            out: Box::new(BufWriter::with_capacity(1 << 16, file)),
            file: Some((partial, path.to_owned())),
        })
    }

    pub fn stdout() -> Self {
        Self {
            out: Box::new(output::stdout()),
            file: None,
        }
    }

    pub fn stderr() -> Self {
        Self {
            out: Box::new(BufWriter::new(io::stderr())),
            file: None,
        }
    }

    /// Writes all of it.
    fn write(mut self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Outcome {
        let written = write(&mut self.out).and_then(|()| self.out.flush());
        match &mut self.file {
            Some((partial, path)) => {
                written.map_err(|error| Failure::data(path, error))?;
                partial.commit()
            }
            None => written.map_err(|error| Failure::output(&error)),
        }
    }
}

/// A stream, its frames and what is asked of them.
#[derive(Default)]
pub struct Report {
    pub input: PathBuf,
    /// The stream, from 1, of so many.
    pub number: usize,
    pub streams: usize,
    /// Links of a chained file.
    pub links: usize,
    pub kind: &'static str,
    pub codec: String,
    pub media_type: String,
    pub from_dts: u64,
    pub timeline: Timeline,
    /// Nanoseconds.
    pub seek: Vec<u64>,
}

impl Report {
    /// What the stream says of itself.
    pub fn describe(&mut self, stream: &Stream) {
        self.kind = stream.kind.name();
        self.codec = stream.codec();
        let media = stream.caps.as_ref().and_then(|caps| caps.structure(0));
        self.media_type = media.map_or_else(String::new, |s| s.name().to_string());
    }

    /// The tokens as records.
    pub fn binary(&self, target: Target) -> Outcome {
        target.write(|out| {
            let mut tokens = self.timeline.tokens();
            tokens.try_for_each(|token| out.write_all(&token.to_bytes()))
        })
    }

    /// All that is known but the tokens, as JSON.
    pub fn metadata(&self, target: Target) -> Outcome {
        target.write(|out| {
            let mut json = JsonWriter::new(out);
            json.object()?;
            self.facts(&mut json)?;
            json.finish().map(drop)
        })
    }

    /// The tokens, or what is on the screen, and all that is known.
    pub fn whole(&self, target: Target, json: bool) -> Outcome {
        target.write(|out| if json { self.json(out) } else { self.text(out) })
    }

    /// What is known, where the rest has gone into a file.
    pub fn summary(&self, json: bool) -> Outcome {
        if json {
            return self.metadata(Target::stdout());
        }
        output::print_text(&self.heading())
    }

    fn facts(&self, json: &mut JsonWriter<impl Write>) -> io::Result<()> {
        let timeline = &self.timeline;
        let left_out = json!({
            "outside": timeline.count(Fate::Outside),
            "hidden": timeline.count(Fate::Hidden),
            "untimed": timeline.count(Fate::Untimed),
        });
        let rate = json!({
            "constant": timeline.rate.is_some(),
            "fraction": timeline.rate.map(|(n, d)| format!("{n}/{d}")),
            "value": timeline.frames_per_second(),
        });
        json.entry("input", &self.input)?;
        json.entry("stream", &self.number)?;
        json.entry("streams", &self.streams)?;
        json.entry("links", &self.links)?;
        json.entry("kind", &self.kind)?;
        json.entry("codec", &self.codec)?;
        json.entry("media_type", &self.media_type)?;
        json.entry("frames", &timeline.len())?;
        json.entry("start_us", &timeline.start_us())?;
        json.entry("end_us", &timeline.end_us)?;
        json.entry("duration_us", &timeline.duration_us())?;
        json.entry("last_duration", &timeline.last_end.name())?;
        json.entry("frame_rate", &rate)?;
        json.entry("from_dts", &self.from_dts)?;
        json.entry("left_out", &left_out)?;
        let keys = timeline.tokens().filter(|token| token.key);
        let keys: Vec<u32> = keys.map(|token| token.index).collect();
        json.entry("keys", &keys)
    }

    fn json(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut json = JsonWriter::new(out);
        json.object()?;
        self.facts(&mut json)?;
        if self.seek.is_empty() {
            json.key("tokens")?;
            json.array()?;
            for token in self.timeline.tokens() {
                json.value(&describe(&token))?;
            }
        } else {
            json.key("seek")?;
            json.array()?;
            for (at_us, on) in self.answers() {
                json.value(&answer(at_us, on))?;
            }
        }
        json.close()?;
        json.finish().map(drop)
    }

    /// What is on the screen at each time that is asked for.
    fn answers(&self) -> impl Iterator<Item = (u64, Option<OnScreen>)> + '_ {
        let times = self.seek.iter().map(|at| us(*at));
        times.map(|at_us| (at_us, self.timeline.seek(at_us)))
    }

    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(self.heading().as_bytes())?;
        if !self.seek.is_empty() {
            writeln!(out)?;
            return self.answers().try_for_each(|(at_us, on)| {
                let text = sentence(at_us, on, &self.timeline);
                out.write_all(text.as_bytes())
            });
        }
        writeln!(out, "\n       index  pts             key")?;
        self.timeline.tokens().try_for_each(|token| {
            let (time, key) = (time(token.pts_us), if token.key { "key" } else { "" });
            let line = format!("  {:>10}  {time:<14}  {key}", token.index);
            writeln!(out, "{}", line.trim_end())
        })
    }

    fn heading(&self) -> String {
        let timeline = &self.timeline;
        let keys = timeline.tokens().filter(|token| token.key).count();
        let mut text = format!(
            "{}: stream {} of {}, {}, {}\n  frames    {}, {keys} of them keys\n",
            self.input.display(),
            self.number,
            self.streams,
            self.kind,
            self.codec,
            timeline.len(),
        );
        let last = match timeline.last_end {
            LastEnd::Told => "",
            LastEnd::Estimated => ", the last frame's duration estimated",
            LastEnd::Unknown => ", the last frame's duration unknown",
        };
        text.push_str(&format!(
            "  time      {} to {}, {}{last}\n",
            time(timeline.start_us()),
            time(timeline.end_us),
            time(timeline.duration_us()),
        ));
        let rate = match (timeline.rate, timeline.frames_per_second()) {
            (Some((n, 1)), _) => format!("{n} frames a second"),
            (Some((n, d)), _) => format!("{n}/{d} frames a second"),
            (None, Some(average)) => format!("variable, {average:.3} frames a second on average"),
            (None, None) => "unknown".to_owned(),
        };
        text.push_str(&format!("  rate      {rate}\n"));
        if self.links > 1 {
            text.push_str(&format!("  links     {}\n", self.links));
        }
        let left_out = [
            (Fate::Outside, "outside of the playback"),
            (Fate::Hidden, "not shown"),
            (Fate::Untimed, "without PTS and DTS"),
        ];
        let left_out = left_out.map(|(fate, what)| (timeline.count(fate), what));
        let left_out = left_out.iter().filter(|(count, _)| *count > 0);
        let left_out: Vec<String> = left_out.map(|(n, what)| format!("{n} {what}")).collect();
        if !left_out.is_empty() {
            text.push_str(&format!("  left out  {}\n", left_out.join(", ")));
        }
        if self.from_dts > 0 {
            text.push_str(&format!(
                "  no PTS    {} frames: their DTS stands in\n",
                self.from_dts
            ));
        }
        text
    }
}

/// Microseconds for people.
fn time(us: u64) -> String {
    output::time(i64::try_from(us.saturating_mul(1000)).unwrap_or(i64::MAX))
}

fn describe(token: &Token) -> Value {
    json!({"pts_us": token.pts_us, "index": token.index, "key": token.key})
}

/// What is on the screen, for programs.
fn answer(at_us: u64, on: Option<OnScreen>) -> Value {
    let decode = on.and_then(|on| on.decode);
    let mut value = Map::new();
    value.insert("at_us".into(), at_us.into());
    let frame = on.map(|on| {
        let mut frame = describe(&on.token);
        frame["end_us"] = on.end_us.into();
        frame
    });
    value.insert("frame".into(), frame.into());
    let key = decode.and_then(|decode| decode.key);
    value.insert("start".into(), key.map(|key| describe(&key)).into());
    let frames = decode.map(|decode| decode.frames);
    value.insert("decode".into(), frames.into());
    Value::Object(value)
}

/// What is on the screen, for people.
fn sentence(at_us: u64, on: Option<OnScreen>, timeline: &Timeline) -> String {
    let at = time(at_us);
    let Some(on) = on else {
        let (from, to) = (time(timeline.start_us()), time(timeline.end_us));
        return format!("  {at}  nothing: frames are shown from {from} to {to}\n");
    };
    let (index, from, to) = (on.token.index, time(on.token.pts_us), time(on.end_us));
    let decode = match on.decode {
        None => "no key frame comes before it".to_owned(),
        Some(decode) => {
            let from = match decode.key {
                Some(key) => format!("key frame {} at {}", key.index, time(key.pts_us)),
                None => "a key frame that is not shown".to_owned(),
            };
            let plural = if decode.frames == 1 { "" } else { "s" };
            format!("decode {} frame{plural} from {from}", decode.frames)
        }
    };
    format!("  {at}  frame {index}, from {from} to {to}: {decode}\n")
}
