//! `gst-harmony verify`: CRCs, order, and whether the indexes agree with the blocks; or a store of Opus packets.

use std::path::PathBuf;

use clap::Args as ClapArgs;
use gstharmony::h4mk::{Error, FileHeader, Record, Step};
use serde_json::{Value, json};

use crate::failure::{Failure, Outcome};
use crate::findings::Findings;
use crate::io::{Scan, Source};
use crate::output;
use crate::progress::Progress;
use crate::survey::Survey;
use crate::verify_index::IndexCheck;
use crate::verify_order::OrderCheck;

/// Check an H4MK file (CRCs, order, indexes against blocks), or a store of Opus packets (index, packets, attributes).
///
/// What is wrong in one place does not stop the check: all that is wrong is told. Warnings do not change the exit status.
#[derive(ClapArgs)]
pub struct Args {
    /// The file, or the folder of a store.
    #[arg(value_name = "FILE.h4mk|STORE")]
    file: PathBuf,
    /// Take a cut or growing file as far as it is whole.
    #[arg(long)]
    partial: bool,
    /// Decode all packets of a certified store and compare with its hashes.
    #[arg(long, conflicts_with = "partial")]
    hashes: bool,
}

/// Runs the subcommand.
pub fn run(args: &Args, json: bool) -> Outcome {
    if args.file.is_dir() {
        return crate::opus::verify::run(&args.file, args.hashes, json);
    }
    if args.hashes {
        return Err(Failure::Usage(
            "--hashes: found a file, expected the folder of a store".to_owned(),
        ));
    }
    let mut source = Source::open(&args.file)?;
    let mut findings = Findings::default();
    let survey = walk(&mut source, args.partial, &mut findings)?;
    seek_tables(&mut source, &survey, &mut findings)?;
    if json {
        output::print_json(&report(args, &source, &survey, &findings))?;
    } else {
        let mut text = findings.warning_lines(&args.file);
        if findings.is_good() {
            let (chunks, blocks) = (survey.chunks, survey.blocks);
            let whole = if survey.cut.is_some() {
                ", as far as it is whole"
            } else {
                ""
            };
            let file = args.file.display();
            text.push_str(&format!(
                "{file}: good{whole}: {chunks} chunks, {blocks} blocks: CRCs, order and indexes hold\n"
            ));
        }
        output::print_text(&text)?;
    }
    match findings.problem_lines(&args.file) {
        None => Ok(()),
        Some(lines) => Err(Failure::Data(lines)),
    }
}

/// Every chunk in turn, to the end of what can be read.
fn walk(source: &mut Source, partial: bool, findings: &mut Findings) -> Outcome<Survey> {
    let mut survey = Survey::default();
    let mut order = OrderCheck::default();
    // A file that has no header gives the error of the walk below.
    let finished = source.opened().ok().and_then(|opened| opened.finished);
    let mut index = IndexCheck::new(finished.as_deref());
    let mut progress = Progress::new(source.length(), "checking");
    let mut scan = Scan::new(source);
    loop {
        let step = match scan.next()? {
            Ok(step) => step,
            Err(error) => {
                findings.problem_of(&error);
                break;
            }
        };
        let checked = scan.crc(&step)?;
        if let Err(error) = checked {
            findings.problem_of(&error);
        }
        progress.update(scan.position());
        let ended = survey.observe(&step);
        if let Step::Cut(cut) = &step {
            let error = cut.clone().into_error();
            // A footer that is there and wrong is damage, not an early end.
            if !partial || matches!(error, Error::FooterCrc { .. }) {
                findings.problem_of(&error);
            }
        }
        order.step(&step, &survey, findings);
        index.step(&step, &survey, findings);
        if ended {
            break;
        }
        survey.stop = scan.position();
    }
    if survey.footer.is_some() {
        index.end(&survey, findings);
    }
    Ok(survey)
}

/// Every entry of a seek table must be a key block of its track, and every key block must have one.
fn seek_tables(source: &mut Source, survey: &Survey, findings: &mut Findings) -> Outcome {
    for (track, position) in &survey.seek_tables {
        let mut scan = Scan::at(source, *position, FileHeader::default());
        let Ok(Step::Chunk(_, Record::SeekTable(table))) = scan.next()? else {
            continue;
        };
        let mut wrong =
            |what: String| findings.problem(*position, format!("TSEK of track {track}: {what}"));
        let keys = survey.stats.get(track).map_or(0, |stats| stats.keys);
        if table.entries.len() as u64 != keys {
            wrong(format!(
                "found {} entries, expected one for each of {keys} key blocks",
                table.entries.len()
            ));
        }
        if !table.entries.is_sorted_by(|a, b| a.0 <= b.0 && a != b) {
            wrong("found entries out of order, expected them sorted by PTS".to_owned());
        }
        for (pts_ms, offset) in &table.entries {
            let at = u64::from(*offset);
            let there = at.checked_sub(12).filter(|at| *at < survey.stop);
            let step = there
                .map(|at| Scan::at(source, at, FileHeader::default()).next())
                .transpose()?;
            let found = match step {
                Some(Ok(Step::Block(block))) => {
                    let (track, kind) = (block.meta.track_id, block.meta.kind.as_str());
                    format!("a block of track {track}, kind {kind}, {} ms", block.pts_ms)
                }
                _ => "no block".to_owned(),
            };
            let expected = format!("a block of track {track}, kind I, {pts_ms} ms");
            if found != expected {
                wrong(format!(
                    "entry for offset {at}: found {found}, expected {expected}"
                ));
            }
        }
    }
    Ok(())
}

fn report(args: &Args, source: &Source, survey: &Survey, findings: &Findings) -> Value {
    let tracks: Vec<Value> = survey
        .stats
        .iter()
        .map(|(track, stats)| {
            json!({
                "track_id": track, "blocks": stats.blocks, "keys": stats.keys, "bytes": stats.bytes,
                "first_ns": stats.span.map(|span| span.0), "last_ns": stats.span.map(|span| span.1),
            })
        })
        .collect();
    json!({
        "file": args.file,
        "ok": findings.is_good(),
        "complete": survey.footer.is_some(),
        "bytes": source.length(),
        "chunks": survey.chunks,
        "blocks": survey.blocks,
        "tracks": tracks,
        "problems": findings.problems(),
        "problem_count": findings.problem_count(),
        "warnings": findings.warnings(),
        "warning_count": findings.warning_count(),
    })
}
