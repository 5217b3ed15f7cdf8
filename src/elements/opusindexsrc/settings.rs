//! Properties of `opusindexsrc`.

use std::path::PathBuf;

use gst::glib;
use gst::prelude::*;

use super::ranges::{Wanted, list_text, parse_list};
use super::uri::Place;
use crate::opus::Preroll;

/// What `preroll` is unless it is set.
const AUTO: &str = "auto";

#[derive(Debug, Clone)]
pub(super) struct Settings {
    location: Option<PathBuf>,
    link: u64,
    start: u64,
    stop: Option<u64>,
    preroll: String,
    segments: Option<String>,
    pub verify_index: bool,
    pub follow: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            location: None,
            link: 0,
            start: 0,
            stop: None,
            preroll: AUTO.into(),
            segments: None,
            verify_index: true,
            follow: false,
        }
    }
}

/// A text that is set before the store is opened.
fn text(name: &'static str, nick: &'static str, blurb: &'static str) -> glib::ParamSpec {
    glib::ParamSpecString::builder(name)
        .nick(nick)
        .blurb(blurb)
        .mutable_ready()
        .build()
}

/// A count that is set before the store is opened.
fn count(name: &'static str, nick: &'static str, blurb: &'static str) -> glib::ParamSpec {
    glib::ParamSpecUInt64::builder(name)
        .nick(nick)
        .blurb(blurb)
        .maximum(i64::MAX.unsigned_abs())
        .mutable_ready()
        .build()
}

pub(super) fn properties() -> Vec<glib::ParamSpec> {
    vec![
        text("location", "Location", "The folder of the store"),
        count(
            "link",
            "Link",
            "Which link of a chained stream is played, from 0",
        ),
        count(
            "start",
            "Start",
            "The first sample that is played, at 48 kHz",
        ),
        glib::ParamSpecInt64::builder("stop")
            .nick("Stop")
            .blurb("The sample behind the last that is played, at 48 kHz (-1 = the end)")
            .minimum(-1)
            .default_value(-1)
            .mutable_ready()
            .build(),
        text(
            "segments",
            "Segments",
            "Ranges of samples to play one after the other, in place of start and stop: first-stop,first-stop,... (stop excluded)",
        ),
        glib::ParamSpecString::builder("preroll")
            .nick("Pre-roll")
            .blurb("What is decoded before a range so that the decoder has converged: auto (what the store recommends, without a look at its hashes), certified (as much as its hashes ask for, over the first 30 s of the range), or milliseconds")
            .default_value(AUTO)
            .mutable_ready()
            .build(),
        glib::ParamSpecBoolean::builder("verify-index")
            .nick("Verify index")
            .blurb("Compare the index with the packets that are read")
            .default_value(true)
            .mutable_ready()
            .build(),
        glib::ParamSpecBoolean::builder("follow")
            .nick("Follow")
            .blurb("At the end of a store that is still being written, wait for more of it")
            .mutable_playing()
            .build(),
        glib::ParamSpecBoxed::builder::<gst::Structure>("stats")
            .nick("Statistics")
            .blurb("What was played since the store was opened")
            .read_only()
            .build(),
    ]
}

impl Settings {
    pub fn set(&mut self, value: &glib::Value, pspec: &glib::ParamSpec) {
        // The values have passed GObject's type and range checks already.
        let text = || value.get::<Option<String>>().unwrap_or_default();
        let count = || value.get::<u64>().unwrap_or_default();
        match pspec.name() {
            "location" => self.location = text().map(PathBuf::from),
            "link" => self.link = count(),
            "start" => self.start = count(),
            "stop" => self.stop = u64::try_from(value.get::<i64>().unwrap_or(-1)).ok(),
            "segments" => self.segments = text().filter(|segments| !segments.is_empty()),
            "preroll" => self.preroll = text().unwrap_or_else(|| AUTO.into()),
            "verify-index" => self.verify_index = value.get().unwrap_or(true),
            "follow" => self.follow = value.get().unwrap_or_default(),
            _ => {}
        }
    }

    pub fn get(&self, pspec: &glib::ParamSpec) -> glib::Value {
        match pspec.name() {
            "location" => self
                .location
                .as_ref()
                .map(|path| path.to_string_lossy().into_owned())
                .to_value(),
            "link" => self.link.to_value(),
            "start" => self.start.to_value(),
            "stop" => self
                .stop
                .map_or(-1, |stop| i64::try_from(stop).unwrap_or(i64::MAX))
                .to_value(),
            "segments" => self.segments.to_value(),
            "preroll" => self.preroll.to_value(),
            "verify-index" => self.verify_index.to_value(),
            "follow" => self.follow.to_value(),
            _ => pspec.default_value().clone(),
        }
    }

    /// Takes what a URI says: one range as start and stop, several as segments.
    pub fn set_place(&mut self, place: Place) {
        self.location = Some(place.path);
        self.link = place.link;
        (self.start, self.stop, self.segments) = match place.samples.as_slice() {
            [] => (0, None, None),
            [one] => (one.start, one.stop, None),
            many => (0, None, Some(list_text(many))),
        };
    }

    /// The place for a URI; `None` without an absolute location.
    pub fn place(&self) -> Option<Place> {
        let path = std::path::absolute(self.location.as_ref()?).ok()?;
        let mut samples = self.ranges().ok()?;
        if samples == [Wanted::default()] {
            samples.clear();
        }
        Some(Place {
            path,
            samples,
            link: self.link,
        })
    }

    /// The folder of the store.
    ///
    /// # Errors
    /// Where none is set.
    pub fn location(&self) -> Result<&PathBuf, String> {
        self.location
            .as_ref()
            .filter(|path| !path.as_os_str().is_empty())
            .ok_or_else(|| "location: found none, expected the folder of a store".into())
    }

    /// Number of the link.
    pub fn link(&self) -> u64 {
        self.link
    }

    /// What is played, one range at least.
    ///
    /// # Errors
    /// Where a range is wrong, or both forms of ranges are set.
    pub fn ranges(&self) -> Result<Vec<Wanted>, String> {
        let Some(segments) = &self.segments else {
            let range = Wanted::new(self.start, self.stop);
            return Ok(vec![range.map_err(|why| format!("start and stop: {why}"))?]);
        };
        if self.start != 0 || self.stop.is_some() {
            return Err("segments: found start or stop as well, expected one of both".into());
        }
        parse_list(segments).map_err(|why| format!("segments: {why}"))
    }

    /// How much is decoded before each range.
    ///
    /// # Errors
    /// Where the text says nothing.
    pub fn preroll(&self) -> Result<Preroll, String> {
        self.preroll
            .parse()
            .map_err(|why: String| format!("preroll: {why}"))
    }
}
