//! `gst-harmony tokens`: when each frame of a media file is shown, and what has to be decoded to see it.

mod collect;
mod rate;
mod report;
mod timeline;

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;

use crate::failure::{Failure, Outcome};
use crate::remux::different;
use crate::remux::input::{Input, Interrupt};
use crate::time::moment;
use collect::{Kind, Stream};
use rate::Hints;
use report::{Report, Target};
use timeline::{Fate, Timeline};

/// Show when each frame of a media file is shown, in that order, and which are key frames; or what is on the screen at a time.
///
/// Reads what GStreamer can parse: Matroska, WebM, MP4, MPEG-TS, AVI, Ogg, H4MK and others. Nothing is decoded. Times count
/// from the start of the playback; frames that lie outside of it are left out and counted.
#[derive(ClapArgs)]
pub struct Args {
    /// The file.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Write the tokens as records of 13 bytes: pts_us (64 bits), index (32), key (8), little-endian.
    #[arg(long, conflicts_with = "seek")]
    binary: bool,
    /// Take this stream, as `discover` numbers them, from 1; by default the first of pictures, else the first of sound.
    #[arg(long, value_name = "N")]
    stream: Option<usize>,
    /// Show which frame is on the screen at this time, and what to decode to see it; a time such as 1.5, 500ms, 20us or
    /// 1:02:03.5. More than one are taken.
    #[arg(long, value_name = "T", value_parser = moment, value_delimiter = ',')]
    seek: Vec<u64>,
    /// Write to this file; what is known of the stream is printed then.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write what is known of the stream, as JSON, to this file; with --binary on standard output it goes to standard error
    /// without.
    #[arg(long, value_name = "FILE.json")]
    metadata: Option<PathBuf>,
}

/// Runs the subcommand.
pub fn run(args: &Args, json: bool) -> Outcome {
    if args.binary && args.output.is_none() && io::stdout().is_terminal() {
        let what = "found a terminal, expected --output FILE or a pipe for the tokens";
        return Err(Failure::Usage(what.to_owned()));
    }
    let files = [&args.output, &args.metadata].map(Option::as_deref);
    for file in files.into_iter().flatten() {
        different(&args.file, file)?;
    }
    if args.output.is_some() && args.output == args.metadata {
        let what = "--metadata: found the file of --output, expected another one";
        return Err(Failure::Usage(what.to_owned()));
    }
    let interrupt = Interrupt::new()?;
    let input = Input::open(&args.file)?;
    if files.iter().any(Option::is_some) {
        interrupt.watch();
    }
    let [output, metadata] = files.map(|file| file.map(Target::file).transpose());
    let (output, metadata) = (output?, metadata?);
    crate::run::init()?;
    let groups = collect::collect(input, interrupt)?;
    let report = report(args, groups)?;
    if let Some(metadata) = metadata {
        report.metadata(metadata)?;
    }
    match (output, args.binary) {
        (Some(output), true) => report.binary(output)?,
        (Some(output), false) => report.whole(output, json)?,
        (None, true) => {
            if args.metadata.is_none() {
                report.metadata(Target::stderr())?;
            }
            return report.binary(Target::stdout());
        }
        (None, false) => return report.whole(Target::stdout(), json),
    }
    report.summary(json)
}

/// What is known of the stream that is wanted.
fn report(args: &Args, groups: Vec<Vec<Stream>>) -> Outcome<Report> {
    let first = groups.first().map_or(&[][..], Vec::as_slice);
    let number = choose(&args.file, first, args.stream)?;
    let kind = first[number].kind;
    // The same stream in each link of a chained file: the first of its kind there, or the second, and so on.
    let of_kind = first[..number].iter().filter(|s| s.kind == kind).count();
    let streams = first.len();
    let links = groups.into_iter().filter_map(|group| {
        let mut alike = group.into_iter().filter(|s| s.kind == kind);
        alike.nth(of_kind)
    });
    let mut report = Report {
        input: args.file.clone(),
        number: number + 1,
        streams,
        seek: args.seek.clone(),
        ..Report::default()
    };
    let mut hints = Hints::default();
    let mut frames = Vec::new();
    for link in links {
        if report.links == 0 {
            hints = hints_of(&link);
            report.describe(&link);
        }
        report.links += 1;
        report.from_dts += link.from_dts;
        frames.extend(link.into_frames());
    }
    report.timeline =
        Timeline::new(frames, hints).map_err(|what| Failure::data(&args.file, what))?;
    let untimed = report.timeline.count(Fate::Untimed);
    if report.timeline.len() == 0 {
        let what = match untimed {
            0 => format!("stream {}: found no frame, expected one", number + 1),
            n => format!(
                "stream {}: found {n} frames without PTS and DTS, expected a time",
                number + 1
            ),
        };
        return Err(Failure::data(&args.file, what));
    }
    Ok(report)
}

/// Place of the stream that is wanted.
fn choose(file: &Path, streams: &[Stream], wanted: Option<usize>) -> Outcome<usize> {
    let Some(wanted) = wanted else {
        let best = streams.iter().map(|stream| stream.kind).min();
        let first = streams.iter().position(|stream| Some(stream.kind) == best);
        return Ok(first.unwrap_or(0));
    };
    let place = wanted.checked_sub(1).filter(|place| *place < streams.len());
    place.ok_or_else(|| {
        let name = |(place, stream): (usize, &Stream)| {
            format!("{} ({}, {})", place + 1, stream.kind.name(), stream.codec())
        };
        let there: Vec<String> = streams.iter().enumerate().map(name).collect();
        let (file, there) = (file.display(), there.join(", "));
        Failure::Usage(format!(
            "{file}: --stream: found {wanted}, expected one of {there}"
        ))
    })
}

/// What the caps say of the rate.
fn hints_of(stream: &Stream) -> Hints {
    let field = stream.caps.as_ref().and_then(|caps| caps.structure(0));
    let told = field.and_then(|s| s.get::<gst::Fraction>("framerate").ok());
    let told = told.and_then(|rate| {
        let (n, d) = (
            u64::try_from(rate.numer()).ok()?,
            u64::try_from(rate.denom()).ok()?,
        );
        rate::reduce(n, d)
    });
    let sample_rate = field.and_then(|s| s.get::<i32>("rate").ok());
    let sample_rate = sample_rate.filter(|_| stream.kind == Kind::Audio);
    Hints {
        told,
        sample_rate: sample_rate.and_then(|rate| u64::try_from(rate).ok()),
    }
}
