//! The pipeline of `index`, and its run to the end.

use std::path::Path;

use super::index::Wishes;
use super::links::{LeftOut, Links, SharedLinks};
use crate::failure::{Failure, Outcome};
use crate::progress::Progress;
use crate::remux::input::{Input, Interrupt};
use crate::remux::track::lock;
use crate::run::error_text;
use crate::session::{Session, Work};

/// What was done beside what the store says.
pub struct Done {
    pub left_out: Vec<LeftOut>,
    /// Of sound that was encoded: what it was, and its samples a second.
    pub encoded: Option<(String, i32)>,
}

/// Indexes the input.
pub fn index(input: Input, interrupt: Interrupt, wishes: Wishes) -> Outcome<Done> {
    let session = Session::new(input, interrupt)?;
    // The rest is added when it is known what is in the file.
    let parser = session.read_by("parsebin")?;
    let mut links = Links::follow(&session, &parser, wishes);
    let mut progress = Progress::new(session.input.length, "indexing");
    session.run(&mut links, |done| progress.update(done))?;
    drop(progress);
    let mut links = lock(&links);
    Ok(Done {
        left_out: std::mem::take(&mut links.left_out),
        encoded: links.encoded.take(),
    })
}

impl Work for SharedLinks {
    fn has_begun(&self) -> bool {
        lock(self).has_begun()
    }

    fn failure(&self, input: &Path, error: &gst::message::Error) -> Failure {
        if error.error().matches(gst::StreamError::TypeNotFound) {
            let what = "found no file format that GStreamer knows, expected one. If these are Opus packets one after \
                        the other: they have no lengths of their own (RFC 6716, section 3), so that they can't be told \
                        apart; write them to Ogg, Matroska or MP4 where they are made";
            return Failure::data(input, what);
        }
        if error.error().matches(gst::ResourceError::OpenWrite) {
            return Failure::Usage(error_text(error));
        }
        Failure::data(input, error_text(error))
    }
}
