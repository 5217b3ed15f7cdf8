//! `gst-harmony align`: how files lie on one time line, measured from what is in them.

mod decode;
mod pair;
mod pictures;
mod plot;
mod read;
mod report;
mod sensor;
mod sound;
mod stretch;
mod svg;

use std::io::Write;
use std::path::PathBuf;

use clap::Args as ClapArgs;

use crate::failure::{Failure, Outcome};
use crate::partial::Partial;
use crate::remux::different;
use crate::remux::input::Interrupt;
use crate::time::{duration, length};
use pair::Wishes;
use pictures::Shutter;
use read::{Reader, parallel};

/// Measure how recordings of one scene lie on one time line: offset and drift, with an accuracy that is claimed.
///
/// Reads what GStreamer can play, and readings of sensors as CSV (time in seconds, then values). Sound is compared with
/// sound; where one of two files has none, flashes, claps and steps are. Exit status 0 only when every stream is locked.
#[derive(ClapArgs)]
pub struct Args {
    /// The files; the first is the reference.
    #[arg(value_name = "FILE", num_args = 2.., required = true)]
    files: Vec<PathBuf>,
    /// The file whose time line the others are measured on.
    #[arg(long, value_name = "FILE")]
    reference: Option<PathBuf>,
    /// Largest offset that is looked for, such as 90s or 500ms; by default as far as the longer of two files goes.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    max_offset: Option<gst::ClockTime>,
    /// Largest drift that is looked for, in parts per million.
    #[arg(long, value_name = "PPM", default_value_t = 500.0, value_parser = drift)]
    max_drift: f64,
    /// Length of the pieces of sound that are compared.
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "5s")]
    window: gst::ClockTime,
    /// How long the camera exposes a row, where pictures are compared.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    exposure: Option<gst::ClockTime>,
    /// How long after the first row the camera reads the last one; 0 is all rows at once.
    #[arg(long, value_name = "TIME", value_parser = length)]
    readout_time: Option<gst::ClockTime>,
    /// Draw correlation, offset over time, residuals and quality.
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
    /// Draw the warping path of the envelopes as well: a diagnostic that shows cuts and repeats, not a measure of drift.
    #[arg(long, requires = "plot")]
    dtw: bool,
}

/// A drift in parts per million; no clock is further off than the most.
fn drift(text: &str) -> Result<f64, String> {
    let ppm: Option<f64> = text.parse().ok();
    ppm.filter(|ppm| (0.0..=5_000.0).contains(ppm))
        .ok_or_else(|| "expected parts per million, 0 to 5000".to_owned())
}

fn seconds(time: gst::ClockTime) -> f64 {
    time.nseconds() as f64 / 1e9
}

/// Runs the subcommand.
pub fn run(args: &Args, json: bool) -> Outcome {
    let reference = args.reference()?;
    let interrupt = Interrupt::new()?;
    let mut plot = None;
    if let Some(path) = &args.plot {
        for file in &args.files {
            different(file, path)?;
        }
        plot = Some(Partial::file(path)?);
        interrupt.watch();
    }
    crate::run::init()?;
    let shutter = Shutter {
        exposure: args.exposure.map(seconds),
        readout: args.readout_time.map_or(0.0, seconds),
    };
    let reader = Reader {
        interrupt: interrupt.clone(),
        shutter,
    };
    let mut materials = reader.read(&args.files, reference)?;
    let reference = materials.remove(reference);
    let streams = parallel(&materials, |_, stream| {
        Ok(pair::align(&reference, stream, &args.wishes()))
    })?;
    if interrupt.came() {
        return Err(Failure::data(&reference.path, "stopped before its end"));
    }
    if let Some((mut partial, mut file)) = plot {
        let picture = plot::draw(&reference.path.display().to_string(), &streams);
        let written = file.write_all(picture.as_bytes());
        written.map_err(|error| Failure::data(partial.partial(), error))?;
        partial.commit()?;
    }
    report::print(&reference, &streams, args.max_drift, json)?;
    let unlocked = streams.iter().filter(|stream| !stream.is_locked()).count();
    match unlocked {
        0 => Ok(()),
        n => Err(Failure::Data(format!(
            "found {n} of {} streams not locked, expected none",
            streams.len()
        ))),
    }
}

impl Args {
    /// Which of the files is the reference.
    fn reference(&self) -> Outcome<usize> {
        let Some(reference) = &self.reference else {
            return Ok(0);
        };
        let found = self.files.iter().position(|file| file == reference);
        found.ok_or_else(|| {
            let what = "--reference: found it not among the files, expected one of them";
            Failure::Usage(format!("{}: {what}", reference.display()))
        })
    }

    fn wishes(&self) -> Wishes {
        Wishes {
            window: seconds(self.window),
            max_offset: self.max_offset.map(seconds),
            max_drift: self.max_drift * 1e-6,
            dtw: self.dtw,
        }
    }
}
