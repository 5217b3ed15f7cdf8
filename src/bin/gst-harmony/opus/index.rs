//! `gst-harmony index`: the Opus packets of a media file into a store, or the index of a store anew.

use std::path::{Path, PathBuf};

use clap::{Args as ClapArgs, ValueEnum};
use serde_json::json;

use super::session;
use crate::failure::{Failure, Outcome};
use crate::output;
use crate::remux::input::{Input, Interrupt};

/// Write the Opus packets of a media file and their index to a Zarr store, as they are.
///
/// Reads what GStreamer can parse: Ogg with all its links, WebM, Matroska, MP4, MPEG-TS and others. Other sound (WAV,
/// FLAC, MP3, ...) is encoded with --encode only: Opus has at most 48 kHz and is not lossless.
#[derive(ClapArgs)]
pub struct Args {
    /// The file to read.
    #[arg(
        value_name = "INPUT",
        required_unless_present = "rebuild",
        requires = "output"
    )]
    input: Option<PathBuf>,
    /// The store to write.
    #[arg(short, long, value_name = "STORE", conflicts_with = "rebuild")]
    output: Option<PathBuf>,
    /// Replace a store of Opus packets that is there; nothing else is ever replaced.
    #[arg(long, requires = "output")]
    overwrite: bool,
    /// Version of Zarr's format.
    #[arg(long, value_name = "VERSION", default_value = "3", requires = "output")]
    zarr_format: Format,
    /// Compression of the index; packets are never compressed again.
    #[arg(
        long,
        value_name = "CODEC",
        default_value = "none",
        requires = "output"
    )]
    index_compression: Compression,
    /// Decode all packets once and keep a hash of each one's samples, for certified extraction.
    #[arg(long, requires = "output")]
    pcm_hash: bool,
    /// Samples at 48 kHz to skip at the start, where the file does not say it (MP4) or says it wrong.
    #[arg(long, value_name = "SAMPLES", requires = "output")]
    pre_skip: Option<u32>,
    /// Take this stream of sound, counted from 0, and not the first of Opus.
    #[arg(long, value_name = "N", requires = "output")]
    stream: Option<usize>,
    /// Encode sound that is not Opus, at 48 kHz.
    #[arg(long, requires = "output")]
    encode: bool,
    /// Bits a second of --encode.
    #[arg(long, value_name = "BIT/S", default_value_t = 96_000, requires = "encode",
          value_parser = clap::value_parser!(i32).range(4_000..=650_000))]
    bitrate: i32,
    /// Count the samples of a store's packets again and write its index anew.
    #[arg(long, value_name = "STORE", conflicts_with = "input")]
    rebuild: Option<PathBuf>,
}

/// Versions of Zarr's format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Groups and arrays described by `.zgroup` and `.zarray`.
    #[value(name = "2")]
    V2,
    /// By `zarr.json`.
    #[value(name = "3")]
    V3,
}

/// How the index lies on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Compression {
    /// As it is: a reader gets a few rows alone.
    None,
    /// Smaller, and read by whole chunks.
    Zstd,
}

/// What the pipeline is to do.
pub struct Wishes {
    /// The store to write.
    pub store: PathBuf,
    /// The other properties of `opusindexer`.
    pub properties: Vec<(&'static str, String)>,
    /// Which stream of sound, from 0.
    pub stream: Option<usize>,
    /// Bits a second of sound that is encoded, where that is allowed.
    pub encode: Option<i32>,
}

impl Args {
    fn wishes(&self, store: &Path) -> Wishes {
        let flag = |set: bool| set.to_string();
        let name = |value: &dyn ToString| value.to_string();
        let mut properties = vec![
            ("overwrite", flag(self.overwrite)),
            (
                "zarr-format",
                name(&match self.zarr_format {
                    Format::V2 => 2,
                    Format::V3 => 3,
                }),
            ),
            (
                "index-compression",
                name(&match self.index_compression {
                    Compression::None => "none",
                    Compression::Zstd => "zstd",
                }),
            ),
            ("pcm-hash", flag(self.pcm_hash)),
        ];
        if let Some(samples) = self.pre_skip {
            properties.push(("pre-skip", name(&samples)));
        }
        Wishes {
            store: store.to_owned(),
            properties,
            stream: self.stream,
            encode: self.encode.then_some(self.bitrate),
        }
    }
}

/// Runs the subcommand.
pub fn run(args: &Args, json: bool) -> Outcome {
    if let Some(store) = &args.rebuild {
        return rebuild(store, json);
    }
    let (Some(input), Some(store)) = (&args.input, &args.output) else {
        // clap asks for them.
        return Err(Failure::Usage("expected INPUT and --output".to_owned()));
    };
    if store.exists() && !args.overwrite {
        return Err(Failure::Usage(format!(
            "{}: found something there, expected a new name (--overwrite replaces a store)",
            store.display()
        )));
    }
    let interrupt = Interrupt::new()?;
    let opened = Input::open(input)?;
    interrupt.watch();
    crate::run::init()?;
    let done = session::index(opened, interrupt, args.wishes(store))?;
    super::info::print_written(input, store, &done, json)
}

fn rebuild(store: &Path, json: bool) -> Outcome {
    let mut progress = super::progress("rebuilding");
    let rebuilt = gstharmony::opus_store::rebuild::rebuild(store, &mut progress)
        .map_err(|error| super::failure(store, &error))?;
    drop(progress);
    let (links, packets, samples) = (rebuilt.links, rebuilt.packets, rebuilt.samples);
    if json {
        return output::print_json(
            &json!({"store": store, "links": links, "packets": packets, "samples": samples}),
        );
    }
    let links = if links > 1 {
        format!("{links} links, ")
    } else {
        String::new()
    };
    let store = store.display();
    output::print_text(&format!(
        "{store}: the index is written anew: {links}{packets} packets, {samples} samples, pre-skip and end trim included\n"
    ))
}
