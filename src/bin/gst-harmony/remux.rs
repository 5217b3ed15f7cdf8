//! `gst-harmony remux`: what a media file holds, as it is, into MP4 or HLS.

pub mod codecs;
pub mod input;
pub mod output;
pub mod track;

mod hls;
mod report;
mod session;
mod streams;

use std::path::{Path, PathBuf};

use clap::{Args as ClapArgs, ValueEnum};

use crate::failure::{Failure, Outcome};
use crate::time::duration;
use input::{Input, Interrupt};
use output::{Mode, Target};

/// Put the streams of a media file into MP4, or into a folder for HLS, without encoding them anew.
///
/// Reads what GStreamer can parse: Matroska, WebM, MP4, MPEG-TS, FLV, Ogg, H4MK and others. Times, key frames, HDR
/// metadata, rotation, languages and tags stay as they are. Subtitles that are text are kept; what else MP4 can't hold
/// is left out and told, but for pictures and sound: those end it with an error.
#[derive(ClapArgs)]
pub struct Args {
    /// The file to read.
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// The MP4 file to write; it appears when it is complete.
    #[arg(value_name = "OUT.mp4", required_unless_present = "hls")]
    output: Option<PathBuf>,
    /// All samples described before the media (moov first) and not in fragments.
    #[arg(long, conflicts_with_all = ["cmaf", "fragment"])]
    progressive: bool,
    /// A CMAF track file; IN must have one stream.
    #[arg(long)]
    cmaf: bool,
    /// A folder to write for HLS: segments and a playlist for each stream, and master.m3u8; it appears when it is
    /// complete.
    #[arg(long, value_name = "DIR")]
    hls: Option<PathBuf>,
    /// Shortest duration of a fragment or segment, such as 2s or 500ms: it ends with the first key frame after it.
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "2s")]
    fragment: gst::ClockTime,
    /// Encode sound that MP4 can't hold (Vorbis, MP3, PCM, ...); sound that it can hold stays as it is.
    #[arg(long, value_name = "CODEC")]
    transcode_audio: Option<AudioCodec>,
}

/// What sound is encoded as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AudioCodec {
    /// AAC-LC.
    Aac,
    /// Opus.
    Opus,
}

/// Runs the subcommand.
pub fn run(args: &Args, json: bool) -> Outcome {
    let interrupt = Interrupt::new()?;
    let input = Input::open(&args.input)?;
    interrupt.watch();
    crate::run::init()?;
    let mut targets = Vec::new();
    if let Some(path) = &args.output {
        different(&args.input, path)?;
        let mode = match (args.progressive, args.cmaf) {
            (true, _) => Mode::Progressive,
            (_, true) => Mode::Cmaf,
            _ => Mode::Fragmented,
        };
        targets.push(Target::file(path, mode)?);
    }
    if let Some(folder) = &args.hls {
        targets.push(Target::folder(folder)?);
    }
    let done = session::remux(
        input,
        interrupt,
        targets,
        args.fragment,
        args.transcode_audio,
    )?;
    report::print(&args.input, &done, json)
}

/// Refuses to write the file that is read.
pub fn different(input: &Path, output: &Path) -> Outcome {
    let same = match (input.canonicalize(), output.canonicalize()) {
        (Ok(input), Ok(output)) => input == output || one_file(&input, &output),
        _ => false,
    };
    match same {
        true => Err(Failure::Usage(format!(
            "{}: found the file that is read, expected another one to write",
            output.display()
        ))),
        false => Ok(()),
    }
}

/// Two names of one file (hard links).
#[cfg(unix)]
fn one_file(a: &Path, b: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (a.metadata(), b.metadata()) {
        (Ok(a), Ok(b)) => a.dev() == b.dev() && a.ino() == b.ino(),
        _ => false,
    }
}

#[cfg(not(unix))]
fn one_file(_: &Path, _: &Path) -> bool {
    false
}
