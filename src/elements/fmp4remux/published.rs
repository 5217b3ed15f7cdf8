//! What the element tells of the file while it writes: messages, the signal `fragment-written`, the properties
//! `byte-range-map` and `stream-origin`, and the playlist.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gst::glib;
use gst::prelude::*;

use super::fragmented::Fragmented;
use super::hls::{Hls, Written};
use super::settings::Settings;

/// A fragment, or a chunk of one, that goes out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fragment {
    /// `mfhd`: `sequence_number`.
    pub sequence: u32,
    /// Its segment's number.
    pub segment: u32,
    pub start_ns: u64,
    pub duration_ns: u64,
    /// First byte in the output.
    pub offset: u64,
    pub size: u64,
    pub starts_with_key: bool,
    /// It goes on a fragment.
    pub is_chunk: bool,
    /// Behind a new init segment.
    pub discontinuity: bool,
}

/// What properties read.
#[derive(Debug, Default)]
pub(super) struct Shared {
    inits: Vec<(u64, u64)>,
    fragments: Vec<Fragment>,
    origin: Option<gst::Structure>,
    requests: Requests,
}

/// What the action signals ask for.
#[derive(Debug, Default)]
pub(super) struct Requests {
    splits: Vec<i64>,
    headers: bool,
}

impl Requests {
    /// Has them carried out.
    pub fn apply(self, file: &mut Fragmented) {
        self.splits
            .into_iter()
            .for_each(|split| file.split_at(split));
        if self.headers {
            file.send_headers();
        }
    }
}

/// Shared by the element and its muxer.
pub(super) type SharedRef = Arc<Mutex<Shared>>;

pub(super) fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// The property `byte-range-map`: `init` and `fragments`, each with offset and size.
    pub fn byte_ranges(&self) -> gst::Structure {
        let inits = self.inits.iter().map(|(offset, size)| {
            let range = gst::Structure::builder("init");
            range
                .field("offset", offset)
                .field("size", size)
                .build()
                .to_send_value()
        });
        let fragments = self
            .fragments
            .iter()
            .map(|f| f.structure("fragment").to_send_value());
        gst::Structure::builder("byte-range-map")
            .field("init", gst::Array::from_values(inits))
            .field("fragments", gst::Array::from_values(fragments))
            .build()
    }

    /// A segment is to begin at the first key at or past this running time.
    pub fn split_at(&mut self, time: gst::ClockTime) {
        let time = i64::try_from(time.nseconds()).unwrap_or(i64::MAX);
        self.requests.splits.push(time);
    }

    /// The init segment is to go out once more.
    pub fn send_headers(&mut self) {
        self.requests.headers = true;
    }

    pub fn take_requests(&mut self) -> Requests {
        std::mem::take(&mut self.requests)
    }

    /// The property `stream-origin`, once it is known.
    pub fn origin(&self) -> Option<gst::Structure> {
        self.origin.clone()
    }
}

impl Fragment {
    fn structure(&self, name: &str) -> gst::Structure {
        gst::Structure::builder(name)
            .field("sequence", self.sequence)
            .field("start", self.start_ns)
            .field("duration", self.duration_ns)
            .field("offset", self.offset)
            .field("size", self.size)
            .field("starts-with-key", self.starts_with_key)
            .build()
    }
}

/// Tells.
#[derive(Debug)]
pub(super) struct Published {
    element: glib::WeakRef<gst::Element>,
    shared: SharedRef,
    hls: Option<Hls>,
}

impl Published {
    /// Tells of a new file. The message of an error names the property.
    pub fn new(
        settings: &Settings,
        element: &gst::Element,
        shared: SharedRef,
    ) -> Result<Self, String> {
        let hls = settings.playlist().map(Hls::new).transpose();
        let requests = lock(&shared).take_requests();
        *lock(&shared) = Shared {
            requests,
            ..Shared::default()
        };
        Ok(Self {
            element: element.downgrade(),
            shared,
            hls: hls.map_err(|error| error.to_string())?,
        })
    }

    /// An init segment of `size` bytes is at `offset`.
    pub fn init(&mut self, offset: u64, size: u64) -> Result<(), String> {
        lock(&self.shared).inits.push((offset, size));
        let raised = self.hls.as_mut().map(|hls| hls.init(offset, size));
        self.listed(raised)
    }

    /// A fragment has gone out.
    pub fn fragment(&mut self, fragment: &Fragment) -> Result<(), String> {
        lock(&self.shared).fragments.push(*fragment);
        let raised = self.hls.as_mut().map(|hls| {
            hls.fragment(&Written {
                sequence: fragment.segment,
                start_ns: fragment.start_ns,
                duration_ns: fragment.duration_ns,
                offset: fragment.offset,
                size: fragment.size,
                starts_with_key: fragment.starts_with_key,
                chunk: fragment.is_chunk,
                discontinuity: fragment.discontinuity,
            })
        });
        self.listed(raised)?;
        let Some(element) = self.element.upgrade() else {
            return Ok(());
        };
        element.emit_by_name::<()>(
            "fragment-written",
            &[
                &fragment.sequence,
                &fragment.start_ns,
                &fragment.duration_ns,
                &fragment.offset,
                &fragment.size,
                &fragment.starts_with_key,
            ],
        );
        let structure = fragment.structure("fragment-written");
        // Without a bus nobody listens.
        let _ = element.post_message(
            gst::message::Element::builder(structure)
                .src(&element)
                .build(),
        );
        Ok(())
    }

    /// Frames of a pad's sound do not follow each other: they are where their times say.
    pub fn off_grid(&self, pad: &str) {
        if let Some(element) = self.element.upgrade() {
            gst::element_warning!(
                element,
                gst::StreamError::Mux,
                [
                    "{pad}: audio has gaps or jumps: from the first on, frames are where their PTS says"
                ]
            );
        }
    }

    /// Nothing follows.
    pub fn end(&mut self) -> Result<(), String> {
        let raised = self.hls.as_mut().map(Hls::end);
        self.listed(raised)
    }

    /// What each track's times begin with: name of the pad, timescale, C and first tick.
    pub fn origin(&self, tracks: impl Iterator<Item = (String, u32, i64, i64)>) {
        let mut origin = gst::Structure::builder("stream-origin");
        for (pad, timescale, delay, first) in tracks {
            let track = gst::Structure::builder("origin")
                .field("timescale", timescale)
                .field("delay", delay)
                .field("first", first)
                .build();
            origin = origin.field(pad, track);
        }
        lock(&self.shared).origin = Some(origin.build());
        if let Some(element) = self.element.upgrade() {
            element.notify("stream-origin");
        }
    }

    /// Warns where a growing playlist had to break its promise.
    fn listed(
        &self,
        raised: Option<Result<Option<u64>, super::hls::HlsError>>,
    ) -> Result<(), String> {
        match raised
            .transpose()
            .map_err(|error| error.to_string())?
            .flatten()
        {
            Some(seconds) => {
                if let Some(element) = self.element.upgrade() {
                    gst::element_warning!(
                        element,
                        gst::StreamError::Mux,
                        [
                            "a segment of {seconds} s is longer than the playlist's target duration: set max-gop-duration"
                        ]
                    );
                }
                Ok(())
            }
            None => Ok(()),
        }
    }
}
