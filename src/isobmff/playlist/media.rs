//! The media playlist: segments in order, each of them shown once.

use std::collections::VecDeque;
use std::fmt::Write;
use std::sync::Arc;

use super::{Error, Uri, VERSION};

const NS_PER_SECOND: u64 = 1_000_000_000;

/// A server must not take away segments that leave less than this many target durations (RFC 8216, section 6.2.2).
const LEAST_WINDOW: u64 = 3;

/// How a playlist grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Complete when it is shown: EXT-X-PLAYLIST-TYPE VOD. It may not change, so it is to be written at its end.
    Vod,
    /// Grows at its end: EXT-X-PLAYLIST-TYPE EVENT.
    Event,
    /// Grows at its end and, with a window, loses its first segments: no EXT-X-PLAYLIST-TYPE.
    Live {
        /// Most segments listed, 0 for all; there are more while they are shorter than three target durations.
        window: usize,
    },
}

/// Bytes of a resource: EXT-X-BYTERANGE and the attribute BYTERANGE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ByteRange {
    /// First byte.
    pub offset: u64,
    /// Bytes.
    pub length: u64,
}

/// An initialization segment: EXT-X-MAP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Map {
    /// Where it is.
    pub uri: Uri,
    /// Which bytes of it; `None` for all.
    pub range: Option<ByteRange>,
}

/// A media segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Where it is.
    pub uri: Uri,
    /// Which bytes of it; `None` for all.
    pub range: Option<ByteRange>,
    /// Nanoseconds.
    pub duration_ns: u64,
    /// Decodes without the segments before it.
    pub independent: bool,
    /// Times, tracks or coding do not go on from the segment before it: EXT-X-DISCONTINUITY.
    pub discontinuity: bool,
}

#[derive(Debug)]
struct Entry {
    duration_ns: u64,
    independent: bool,
    discontinuity: bool,
    /// The EXT-X-MAP line in force.
    map: Option<Arc<str>>,
    /// EXTINF, EXT-X-BYTERANGE and the URI.
    lines: String,
}

/// A media playlist (RFC 8216, section 4.3.3).
#[derive(Debug)]
pub struct Media {
    kind: Kind,
    /// Seconds.
    target: u64,
    sequence: u64,
    discontinuities: u64,
    entries: VecDeque<Entry>,
    /// Nanoseconds of all entries.
    listed_ns: u64,
    /// Entries that are not independent.
    dependent: usize,
    map: Option<Arc<str>>,
    any: bool,
    /// The next segment has another initialization segment than the one before it.
    new_map: bool,
    ended: bool,
}

impl Media {
    /// An empty playlist. `target` is EXT-X-TARGETDURATION in whole seconds, 1 at least; `first` is the
    /// EXT-X-MEDIA-SEQUENCE of the first segment.
    pub fn new(kind: Kind, target: u64, first: u64) -> Result<Self, Error> {
        if target == 0 {
            return Err(Error::Target);
        }
        Ok(Self {
            kind,
            target,
            sequence: first,
            discontinuities: 0,
            entries: VecDeque::new(),
            listed_ns: 0,
            dependent: 0,
            map: None,
            any: false,
            new_map: false,
            ended: false,
        })
    }

    /// The initialization segment of the segments that follow; WebVTT has none. Another one in the middle makes a
    /// discontinuity.
    pub fn map(&mut self, map: &Map) {
        let range = map
            .range
            .map(|r| format!(",BYTERANGE=\"{}@{}\"", r.length, r.offset));
        let line = format!(
            "#EXT-X-MAP:URI=\"{}\"{}\n",
            map.uri,
            range.unwrap_or_default()
        );
        self.map = Some(line.into());
        self.new_map = self.any;
    }

    /// Adds a segment. Gives the target duration where this segment is longer than it and so has raised it:
    /// players may count on a target that never changes (RFC 8216, section 6.2.1).
    pub fn push(&mut self, segment: &Segment) -> Result<Option<u64>, Error> {
        if self.ended {
            return Err(Error::Ended {
                uri: segment.uri.to_string(),
            });
        }
        let new_map = std::mem::take(&mut self.new_map);
        let discontinuity = new_map || segment.discontinuity && self.any;
        let range = segment
            .range
            .map(|r| format!("#EXT-X-BYTERANGE:{}@{}\n", r.length, r.offset));
        let (seconds, range) = (decimal(segment.duration_ns), range.unwrap_or_default());
        self.entries.push_back(Entry {
            duration_ns: segment.duration_ns,
            independent: segment.independent,
            discontinuity,
            map: self.map.clone(),
            lines: format!("#EXTINF:{seconds},\n{range}{}\n", segment.uri),
        });
        self.any = true;
        self.listed_ns = self.listed_ns.saturating_add(segment.duration_ns);
        self.dependent += usize::from(!segment.independent);
        let rounded = segment.duration_ns.saturating_add(NS_PER_SECOND / 2) / NS_PER_SECOND;
        let raised = rounded > self.target;
        self.target = self.target.max(rounded);
        self.slide();
        Ok(raised.then_some(self.target))
    }

    /// Takes away the first segments of a window that is full.
    fn slide(&mut self) {
        let Kind::Live {
            window: window @ 1..,
        } = self.kind
        else {
            return;
        };
        let least = self.target.saturating_mul(LEAST_WINDOW * NS_PER_SECOND);
        while self.entries.len() > window
            && let Some(first) = self.entries.front()
            && self.listed_ns.saturating_sub(first.duration_ns) >= least
        {
            self.sequence = self.sequence.saturating_add(1);
            self.discontinuities += u64::from(first.discontinuity);
            self.dependent -= usize::from(!first.independent);
            self.listed_ns = self.listed_ns.saturating_sub(first.duration_ns);
            self.entries.pop_front();
        }
    }

    /// No segment follows: EXT-X-ENDLIST.
    pub fn end(&mut self) {
        self.ended = true;
    }

    /// Segments that are listed.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True where no segment is listed.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The playlist's text, UTF-8 with LF line ends.
    pub fn render(&self) -> String {
        let lines: usize = self.entries.iter().map(|entry| entry.lines.len()).sum();
        let mut text = String::with_capacity(512 + lines);
        self.head(&mut text);
        let mut map = None;
        for entry in &self.entries {
            if entry.discontinuity {
                text.push_str("#EXT-X-DISCONTINUITY\n");
            }
            // Behind a discontinuity it is said again, also where its text is that of the old one.
            if let Some(line) = &entry.map
                && (entry.discontinuity || map != Some(line))
            {
                text.push_str(line);
                map = Some(line);
            }
            text.push_str(&entry.lines);
        }
        if self.ended {
            text.push_str("#EXT-X-ENDLIST\n");
        }
        text
    }

    fn head(&self, text: &mut String) {
        // Writing to a string can't fail.
        let _ = writeln!(
            text,
            "#EXTM3U\n#EXT-X-VERSION:{VERSION}\n#EXT-X-TARGETDURATION:{}",
            self.target
        );
        let _ = writeln!(text, "#EXT-X-MEDIA-SEQUENCE:{}", self.sequence);
        if self.discontinuities > 0 {
            let _ = writeln!(
                text,
                "#EXT-X-DISCONTINUITY-SEQUENCE:{}",
                self.discontinuities
            );
        }
        match self.kind {
            Kind::Vod => text.push_str("#EXT-X-PLAYLIST-TYPE:VOD\n"),
            Kind::Event => text.push_str("#EXT-X-PLAYLIST-TYPE:EVENT\n"),
            Kind::Live { .. } => {}
        }
        if self.dependent == 0 && !self.entries.is_empty() {
            text.push_str("#EXT-X-INDEPENDENT-SEGMENTS\n");
        }
    }
}

/// Seconds with as many of nine decimals as the nanoseconds need, three at least: sums do not drift.
fn decimal(ns: u64) -> String {
    let (seconds, rest) = (ns / NS_PER_SECOND, ns % NS_PER_SECOND);
    let mut digits = format!("{rest:09}");
    while digits.len() > 3 && digits.ends_with('0') {
        digits.pop();
    }
    format!("{seconds}.{digits}")
}
