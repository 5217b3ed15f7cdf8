//! Where the streams go: one file, or a folder with a file for each segment. Either appears when it is complete.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use gst::prelude::*;

use super::codecs::{Kind, MUXER, make};
use crate::failure::{Failure, Outcome};
use crate::partial::Partial;

/// The form of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Fragmented,
    Cmaf,
    Progressive,
}

impl Mode {
    /// The muxer's name for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fragmented => "fragmented",
            Self::Cmaf => "cmaf",
            Self::Progressive => "progressive",
        }
    }
}

/// What a target is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    File(Mode),
    /// Segments and playlists.
    Folder,
}

/// A file or folder to write.
#[derive(Debug)]
pub struct Target {
    pub path: PathBuf,
    pub form: Form,
    partial: Partial,
    /// Kept open, so that a pipe's reader sees no end before the sink opens it, too.
    _open: Option<File>,
}

impl Target {
    /// A file beside what may be there already.
    pub fn file(path: &Path, mode: Mode) -> Outcome<Self> {
        if path.is_dir() {
            return Err(Failure::Usage(format!(
                "{}: found a folder, expected the name of a file (--hls DIR writes a folder)",
                path.display()
            )));
        }
        let (partial, open) = Partial::file(path)?;
        Ok(Self::new(path, Form::File(mode), partial, Some(open)))
    }

    /// A folder that is not there yet, or is empty.
    pub fn folder(path: &Path) -> Outcome<Self> {
        let used = match fs::read_dir(path) {
            Ok(mut entries) => entries.next().is_some(),
            Err(_) => path.exists(),
        };
        if used {
            return Err(Failure::Usage(format!(
                "{}: found something there, expected a new or an empty folder",
                path.display()
            )));
        }
        let partial = Partial::folder(path)?;
        Ok(Self::new(path, Form::Folder, partial, None))
    }

    fn new(path: &Path, form: Form, partial: Partial, open: Option<File>) -> Self {
        Self {
            path: path.to_owned(),
            form,
            partial,
            _open: open,
        }
    }

    /// Where it is being written.
    pub fn partial(&self) -> &Path {
        self.partial.partial()
    }

    /// It is complete: gives it its name.
    pub fn commit(&mut self) -> Outcome {
        self.partial.commit()
    }
}

/// The elements behind the streams of one target.
#[derive(Debug)]
pub struct Output {
    folder: Option<PathBuf>,
    fragment: gst::ClockTime,
    /// A file's muxer.
    mux: Option<gst::Element>,
    /// It holds one stream only.
    single: bool,
}

impl Output {
    /// Adds what does not depend on the streams. `placement` is the muxer's `moov-placement`.
    pub fn new(
        pipeline: &gst::Pipeline,
        target: &Target,
        fragment: gst::ClockTime,
        placement: &str,
    ) -> Outcome<Self> {
        let mut output = Self {
            folder: None,
            fragment,
            mux: None,
            single: target.form == Form::File(Mode::Cmaf),
        };
        match target.form {
            Form::Folder => output.folder = Some(target.partial().to_owned()),
            Form::File(mode) => {
                let mux = output.muxer("mux", mode)?;
                if mode == Mode::Progressive {
                    mux.set_property_from_str("moov-placement", placement);
                }
                let sink = sink("filesink", target.partial())?;
                add(pipeline, &mux)?;
                add(pipeline, &sink)?;
                link(&mux, &sink)?;
                output.mux = Some(mux);
            }
        }
        Ok(output)
    }

    fn muxer(&self, name: &str, mode: Mode) -> Outcome<gst::Element> {
        let mux = make(MUXER)?;
        mux.set_property("name", name);
        mux.set_property_from_str("output-mode", mode.name());
        mux.set_property("fragment-duration", self.fragment);
        Ok(mux)
    }

    /// A pad that takes the packets of a stream, which is called `track`.
    pub fn attach(&self, pipeline: &gst::Pipeline, kind: Kind, track: &str) -> Outcome<gst::Pad> {
        let used = |mux: &gst::Element| mux.num_sink_pads() > 0;
        if self.single && self.mux.as_ref().is_some_and(used) {
            let what =
                "--cmaf: found several streams, expected one; --hls DIR writes a file for each";
            return Err(Failure::Data(what.to_owned()));
        }
        match (&self.mux, &self.folder) {
            (Some(mux), _) => request(mux, &format!("{}_%u", kind.name())),
            (None, Some(folder)) if kind == Kind::Subtitle => subtitles(pipeline, folder, track),
            (None, Some(folder)) => self.segments(pipeline, folder, track, kind),
            (None, None) => Err(Failure::Data("found no output, expected one".to_owned())),
        }
    }

    /// A muxer of the track's own, a file for each segment.
    fn segments(
        &self,
        pipeline: &gst::Pipeline,
        folder: &Path,
        track: &str,
        kind: Kind,
    ) -> Outcome<gst::Pad> {
        let mux = self.muxer(track, Mode::Cmaf)?;
        let playlist = folder.join(format!("{track}.m3u8"));
        mux.set_property("playlist-location", playlist.to_string_lossy().as_ref());
        mux.set_property("segment-uri", format!("{track}_%05d.m4s"));
        mux.set_property_from_str("playlist-type", "vod");
        // The muxer's lists are a file each, the first the init segment. The folder's name is no pattern.
        let folder = folder.to_string_lossy().replace('%', "%%");
        let files = Path::new(&folder).join(format!("{track}_%05d.m4s"));
        let sink = sink("multifilesink", &files)?;
        sink.set_property_from_str("next-file", "buffer");
        add(pipeline, &mux)?;
        add(pipeline, &sink)?;
        link(&mux, &sink)?;
        request(&mux, &format!("{}_%u", kind.name()))
    }
}

/// Subtitles for HLS are WebVTT (RFC 8216, section 3.5).
fn subtitles(pipeline: &gst::Pipeline, folder: &Path, track: &str) -> Outcome<gst::Pad> {
    let encoder = make("webvttenc")?;
    let sink = sink("filesink", &folder.join(format!("{track}.vtt")))?;
    add(pipeline, &encoder)?;
    add(pipeline, &sink)?;
    link(&encoder, &sink)?;
    let pad = encoder.static_pad("sink");
    pad.ok_or_else(|| Failure::Data("webvttenc: found no pad".to_owned()))
}

/// A sink that writes as fast as it gets, and does not wait for the others to begin.
fn sink(name: &str, location: &Path) -> Outcome<gst::Element> {
    let sink = make(name)?;
    sink.set_property("location", location);
    sink.set_property("async", false);
    sink.set_property("sync", false);
    Ok(sink)
}

/// Adds an element, in the state of the pipeline.
pub fn add(pipeline: &gst::Pipeline, element: &gst::Element) -> Outcome {
    let failed =
        |error: gst::glib::BoolError| Failure::Data(format!("{}: {error}", element.name()));
    pipeline.add(element).map_err(failed)?;
    element.sync_state_with_parent().map_err(failed)
}

fn link(from: &gst::Element, to: &gst::Element) -> Outcome {
    from.link(to)
        .map_err(|error| Failure::Data(error.to_string()))
}

/// Links two pads.
pub fn join(from: Option<&gst::Pad>, to: &gst::Pad) -> Outcome {
    let linked = from.map(|from| (from.link(to), from));
    match linked {
        Some((Ok(_), _)) => Ok(()),
        Some((Err(error), from)) => {
            let caps = from.current_caps().unwrap_or_else(|| from.query_caps(None));
            let caps = super::codecs::description(&caps);
            Err(Failure::Data(format!(
                "{}: cannot take {caps}: {error}",
                to.name()
            )))
        }
        None => Err(Failure::Data(format!(
            "{}: found no pad to link, expected one",
            to.name()
        ))),
    }
}

fn request(element: &gst::Element, template: &str) -> Outcome<gst::Pad> {
    let refused = || Failure::Data(format!("{} gives no pad {template}", element.name()));
    element.request_pad_simple(template).ok_or_else(refused)
}
