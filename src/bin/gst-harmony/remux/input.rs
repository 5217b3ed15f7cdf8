//! The file or pipe that is read, and Ctrl-C while it is.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gst::prelude::*;
use gstharmony::h4mk::Tracks;

use super::codecs::{Way, make, way};
use crate::failure::{Failure, Outcome};
use crate::io::Source;

/// What is read.
pub struct Input {
    pub path: PathBuf,
    /// Bytes of a file.
    pub length: u64,
    /// A pipe is opened once: a second opening would find its writer gone.
    pipe: Option<File>,
}

impl Input {
    /// Opens a pipe, which waits for its writer; a file is left to its source element.
    pub fn open(path: &Path) -> Outcome<Self> {
        let metadata = std::fs::metadata(path).map_err(|error| Failure::open(path, &error))?;
        if metadata.is_dir() {
            let what = "found a folder, expected a file";
            return Err(Failure::Usage(format!("{}: {what}", path.display())));
        }
        let pipe = (!metadata.is_file()).then(|| File::open(path));
        Ok(Self {
            path: path.to_owned(),
            length: metadata.len(),
            pipe: pipe
                .transpose()
                .map_err(|error| Failure::open(path, &error))?,
        })
    }

    /// The element that reads it. It must not outlive this.
    pub fn source(&self) -> Outcome<gst::Element> {
        let Some(pipe) = &self.pipe else {
            let source = make("filesrc")?;
            source.set_property("location", self.path.as_path());
            return Ok(source);
        };
        let source = make("fdsrc")?;
        source.set_property("fd", pipe.as_raw_fd());
        Ok(source)
    }

    /// For an H4MK file, whether its tracks go into MP4 as they are, so that their demuxer can tell all samples
    /// beforehand; `None` for any other.
    pub fn tells_samples(&self) -> Option<bool> {
        let mut source = self.h4mk()?;
        let plain = |tracks: &Tracks| {
            tracks.0.iter().enumerate().all(|(number, track)| {
                let caps = track
                    .caps
                    .as_deref()
                    .and_then(|caps| caps.parse::<gst::Caps>().ok());
                caps.is_some_and(|caps| matches!(way(&caps, number, None), Ok(Way::Plain(_))))
            })
        };
        let finished = source.opened().ok().and_then(|opened| opened.finished);
        Some(finished.is_some_and(|finished| plain(&finished.tracks)))
    }

    /// An H4MK file. A pipe can't be looked into before it is read.
    pub fn h4mk(&self) -> Option<Source> {
        if self.pipe.is_some() {
            return None;
        }
        let mut source = Source::open(&self.path).ok()?;
        let is_h4mk = source.window(0, 4).ok()?.starts_with(b"H4MK");
        is_h4mk.then_some(source)
    }
}

/// Ctrl-C and SIGTERM.
#[derive(Clone, Default)]
pub struct Interrupt {
    came: Arc<AtomicBool>,
    /// There is something to clean up.
    watched: Arc<AtomicBool>,
}

impl Interrupt {
    /// Takes over the signals. Until [`Self::watch`] they end the program as they would without.
    pub fn new() -> Outcome<Self> {
        let interrupt = Self::default();
        let Self { came, watched } = interrupt.clone();
        ctrlc::set_handler(move || {
            came.store(true, Ordering::SeqCst);
            if !watched.load(Ordering::SeqCst) {
                std::process::exit(1);
            }
        })
        .map_err(|error| Failure::Data(format!("cannot watch for Ctrl-C: {error}")))?;
        Ok(interrupt)
    }

    /// From now on the caller looks at [`Self::came`].
    pub fn watch(&self) {
        self.watched.store(true, Ordering::SeqCst);
    }

    pub fn came(&self) -> bool {
        self.came.load(Ordering::SeqCst)
    }
}
