//! `gst-harmony chain`: which blocks show a track at a time.

use std::path::PathBuf;

use clap::Args as ClapArgs;
use gstharmony::h4mk::chain::time_from_ms;
use gstharmony::h4mk::{Chain, ChainBlock, ChainFinder, FileHeader, Finished, Step, Tracks};
use serde_json::json;

use crate::failure::{Failure, Outcome};
use crate::io::{Scan, Source};
use crate::output::{self, Table};
use crate::progress::Progress;

/// Show the blocks to decode, in file order, to see a track at a time.
#[derive(ClapArgs)]
pub struct Args {
    /// The file.
    #[arg(value_name = "FILE.h4mk")]
    file: PathBuf,
    /// The track's number.
    #[arg(long, value_name = "N")]
    track: u16,
    /// The time in milliseconds.
    #[arg(long, value_name = "T", allow_negative_numbers = true)]
    at_ms: i64,
    /// Take a cut or growing file as far as it is whole.
    #[arg(long)]
    partial: bool,
}

/// Runs the subcommand.
pub fn run(args: &Args, json: bool) -> Outcome {
    let mut source = Source::open(&args.file)?;
    let time = time_from_ms(args.at_ms);
    let opened = source.opened()?;
    let chain = match opened.finished {
        Some(finished) => from_index(&mut source, opened.header, &finished, args.track, time)?,
        None => from_walk(&mut source, args, time)?,
    };
    if json {
        let offsets: Vec<u64> = chain
            .iter()
            .flat_map(|c| &c.blocks)
            .map(|b| b.payload_offset)
            .collect();
        let key = chain.as_ref().map(|chain| chain.key.payload_offset);
        return output::print_json(&json!({"keyframe": key, "chain": offsets}));
    }
    output::print_text(&text(args, chain.as_ref()))
}

fn known(source: &Source, tracks: &Tracks, track: u16) -> Outcome {
    if tracks.get(track).is_some() {
        return Ok(());
    }
    let there: Vec<String> = tracks
        .0
        .iter()
        .map(|track| track.track_id.to_string())
        .collect();
    let path = source.path().display();
    Err(Failure::Usage(format!(
        "{path}: --track: found {track}, expected one of {}",
        there.join(", ")
    )))
}

/// From the seek entry before the time, reading one group.
fn from_index(
    source: &mut Source,
    header: FileHeader,
    finished: &Finished,
    track: u16,
    time: i64,
) -> Outcome<Option<Chain>> {
    known(source, &finished.tracks, track)?;
    let Some(entry) = finished.index.find(track, time) else {
        return Ok(None);
    };
    let mut scan = Scan::at(source, entry.offset, header);
    let mut finder = ChainFinder::new(time);
    while scan.position() < finished.end.full_index {
        if let Step::Block(block) = scan.strict()? {
            let settled = block.meta.track_id == track && {
                let checked = scan.block(&block, &mut |_| {})?;
                checked.map_err(|error| scan.source().failure(&error))?;
                finder.push(ChainBlock::from(&block))
            };
            if settled {
                break;
            }
        }
    }
    Ok(finder.finish())
}

/// From the whole file, every CRC checked: nothing says where to begin, nor that the file is whole.
fn from_walk(source: &mut Source, args: &Args, time: i64) -> Outcome<Option<Chain>> {
    let mut progress = Progress::new(source.length(), "reading");
    let mut scan = Scan::new(source);
    let mut finder = ChainFinder::new(time);
    let mut survey = crate::survey::Survey::default();
    loop {
        let step = scan.checked(args.partial)?;
        progress.update(scan.position());
        if let Step::Block(block) = &step
            && block.meta.track_id == args.track
        {
            finder.push(ChainBlock::from(block));
        }
        if survey.observe(&step) {
            break;
        }
    }
    // Version 1 goes by its first TRAK; with the extensions, the last one knows the late tracks too.
    let tracks = if survey.header.has_extensions() {
        survey.last_tracks
    } else {
        survey.tracks
    };
    known(source, &tracks.unwrap_or_default(), args.track)?;
    Ok(finder.finish())
}

fn text(args: &Args, chain: Option<&Chain>) -> String {
    let at = output::time(args.at_ms.saturating_mul(1_000_000));
    let Some(chain) = chain else {
        return format!("track {} has no key block at or before {at}\n", args.track);
    };
    let count = chain.blocks.len();
    let plural = if count == 1 { "" } else { "s" };
    let mut table = Table::new(&[">offset", "kind", ">pts", "droppable"]);
    for block in &chain.blocks {
        let droppable = if block.droppable { "yes" } else { "" };
        table.row(vec![
            block.payload_offset.to_string(),
            block.kind.as_str().to_owned(),
            output::time(block.pts_ns),
            droppable.to_owned(),
        ]);
    }
    format!(
        "track {} at {at}: {count} block{plural} to decode\n\n{}",
        args.track,
        table.render()
    )
}
