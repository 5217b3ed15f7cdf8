//! `gst-harmony list`: what is in an H4MK file.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;
use gstharmony::h4mk::Track;

use crate::failure::{Failure, Outcome};
use crate::io::{Scan, Source};
use crate::list_json;
use crate::output::{self, Table};
use crate::survey::{SIDECARS, Survey};

/// List the tracks, sidecars and chunks of an H4MK file, after checking all of it.
#[derive(ClapArgs)]
pub struct Args {
    /// The file.
    #[arg(value_name = "FILE.h4mk")]
    file: PathBuf,
    /// Also print the SHA-256 of every block's stored bytes (with --json or --chunks).
    #[arg(long)]
    hash: bool,
    /// Also print every chunk (--json always does).
    #[arg(long)]
    chunks: bool,
    /// Take a cut or growing file as far as it is whole.
    #[arg(long)]
    partial: bool,
}

/// Runs the subcommand.
pub fn run(args: &Args, json: bool) -> Outcome {
    let mut source = Source::open(&args.file)?;
    let survey = Survey::take(&mut Scan::new(&mut source), args.partial)?;
    if json {
        return list_json::print(&mut source, &survey, args.hash);
    }
    let mut out = output::stdout();
    let failed = |error: std::io::Error| Failure::output(&error);
    out.write_all(summary(&args.file, source.length(), &survey).as_bytes())
        .map_err(failed)?;
    if args.chunks || args.hash {
        writeln!(
            out,
            "\n      offset  type       length     flags     crc32  track  kind  pts"
        )
        .map_err(failed)?;
        list_json::each_chunk(&mut source, survey.stop, args.hash, &mut |line| {
            let (kind, flags) = (&line.kind, line.flags);
            write!(
                out,
                "{:>12}  {kind:<4}  {:>11}  {flags:08x}  {:08x}",
                line.offset, line.length, line.crc32
            )?;
            if let Some(core) = &line.core {
                let time = output::time(i64::from(core.pts_ms) * 1_000_000);
                write!(out, "  {:>5}  {:<4}  {time}", core.track_id, core.block)?;
                if let Some(sha256) = &core.payload_sha256 {
                    write!(out, "  {sha256}")?;
                }
            }
            writeln!(out)
        })?;
    }
    output::finish(out)
}

fn summary(file: &Path, length: u64, survey: &Survey) -> String {
    let mut text = format!("{}: H4MK version 1", file.display());
    if survey.header.has_extensions() {
        text.push_str(&format!(
            " with extensions {}",
            survey.header.extension_version
        ));
    }
    text.push_str(&format!(", {}\n", output::size(length)));
    if let Some(cut) = &survey.cut {
        text.push_str(&format!("  cut: {cut}\n"));
    }
    if let Some((first, last)) = survey.span() {
        let lasts = output::time(last.saturating_sub(first));
        text.push_str(&format!(
            "  time      {} to {}, {lasts}\n",
            output::time(first),
            output::time(last)
        ));
    }
    if survey.header.timestamp_ms > 0 {
        text.push_str(&format!("  timestamp {} ms\n", survey.header.timestamp_ms));
    }
    let types: Vec<String> = survey
        .types
        .iter()
        .map(|(kind, count)| format!("{count} {kind}"))
        .collect();
    text.push_str(&format!(
        "  chunks    {}: {}\n",
        survey.chunks,
        types.join(", ")
    ));
    for kind in SIDECARS {
        if let Some(sidecar) = survey.sidecars.get(&kind) {
            text.push_str(&format!("  {kind}      {}\n", shorten(sidecar)));
        }
    }
    text.push('\n');
    text.push_str(&tracks(survey));
    text
}

fn tracks(survey: &Survey) -> String {
    let columns = [
        ">track",
        "name",
        "kind",
        "codec",
        ">Hz",
        ">channels",
        ">blocks",
        ">keys",
        ">size",
        ">rate",
        ">first",
        ">last",
    ];
    let mut table = Table::new(&columns);
    let known = survey.last_tracks.iter().flat_map(|tracks| tracks.0.iter());
    let unknown = survey.stats.keys().filter(|id| {
        survey
            .last_tracks
            .as_ref()
            .is_none_or(|t| t.get(**id).is_none())
    });
    for track in known {
        table.row(row(track, survey));
    }
    for track_id in unknown {
        let track = Track {
            track_id: *track_id,
            name: "(in no TRAK)".to_owned(),
            ..Track::default()
        };
        table.row(row(&track, survey));
    }
    table.render()
}

fn row(track: &Track, survey: &Survey) -> Vec<String> {
    let stats = survey
        .stats
        .get(&track.track_id)
        .cloned()
        .unwrap_or_default();
    let number = |n: u32| {
        if n == 0 {
            "-".to_owned()
        } else {
            n.to_string()
        }
    };
    let span = stats.span.filter(|(first, last)| last > first);
    let rate = span.map_or("-".to_owned(), |(first, last)| {
        let seconds = (i128::from(last) - i128::from(first)) as f64 / 1e9;
        output::rate(stats.bytes as f64 * 8.0 / seconds)
    });
    let time = |time: Option<i64>| time.map_or("-".to_owned(), output::time);
    vec![
        track.track_id.to_string(),
        shorten(&track.name),
        shorten(&track.kind),
        shorten(&track.codec),
        number(track.sample_rate),
        number(track.channels),
        stats.blocks.to_string(),
        stats.keys.to_string(),
        output::size(stats.bytes),
        rate,
        time(stats.span.map(|span| span.0)),
        time(stats.span.map(|span| span.1)),
    ]
}

/// One line of at most 72 characters, with nothing in it that would move the cursor.
fn shorten(text: &str) -> String {
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    let mut line: String = text.chars().take(73).map(clean).collect();
    if line.chars().count() > 72 {
        line = line.chars().take(71).collect::<String>() + "…";
    }
    line
}
