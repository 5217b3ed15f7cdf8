//! `gst-harmony extract`: the samples of a store's packets, range by range.

use std::ops::Range;
use std::path::PathBuf;

use clap::{ArgGroup, Args as ClapArgs};
use gstharmony::opus::{Preroll, RATE};
use gstharmony::opus_store::{Certainty, Extraction, OpusStore, Pcm, Sample, StoreError, certify};
use serde_json::{Value, json};

use super::pcm::{Bytes, Format, Target, Writer};
use super::segments::{self, Samples, Segment};
use super::sequential::{self, Stop};
use super::wav::Channels;
use crate::failure::{Failure, Outcome};
use crate::output;
use crate::progress::Progress;
use crate::remux::input::Interrupt;

/// Decode any samples of a store to WAV or raw PCM at 48 kHz.
///
/// Samples are counted from the first that is heard (the pre-skip is left out). Certified means that they are those of a
/// decoder that began at the start of the stream, bit by bit, shown by the hashes of a store written with --pcm-hash.
#[derive(ClapArgs)]
#[command(group = ArgGroup::new("what").required(true).args(["samples", "segments"]))]
pub struct Args {
    /// The store.
    #[arg(value_name = "STORE")]
    store: PathBuf,
    /// The samples from A to B, B excluded; without A from the start, without B to the end.
    #[arg(long, value_name = "A:B")]
    samples: Option<Samples>,
    /// A list of ranges: lines of start,stop or start,stop,name (CSV). Each becomes a file NAME.wav in the folder of
    /// --output; without that they come one after the other.
    #[arg(long, value_name = "FILE.csv")]
    segments: Option<PathBuf>,
    /// The link of a chained stream, counted from 0.
    #[arg(long, value_name = "N", default_value_t = 0)]
    link: u64,
    /// Decode so much before each range: certified (as much as the hashes ask for), auto (the same where there are
    /// hashes, else what the store recommends), or milliseconds.
    #[arg(long, value_name = "auto|certified|MS", default_value = "auto")]
    preroll: Preroll,
    /// Leave out the gain that the stream's header asks for (RFC 7845, section 5.1).
    #[arg(long)]
    no_gain: bool,
    /// Threads that decode; by default as many as there are processors.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
    /// The form of the samples.
    #[arg(long, value_enum, default_value = "wav")]
    format: Format,
    /// The file to write, or the folder for segments; without it, standard output.
    #[arg(short, long, value_name = "FILE|DIR")]
    output: Option<PathBuf>,
}

/// Most values (samples of one channel) that are decoded in one piece by one thread; several threads share them. A range
/// that is longer is cut, so that memory stays bounded.
const PIECE: u64 = 4 << 20;
/// Least share of a thread, so that pre-roll stays a small part of what is decoded.
const LEAST: u64 = 1 << 19;
/// The same where nothing may be cut: what is longer is decoded by one thread.
const LEAST_UNCUT: u64 = 1 << 20;

/// Most values of a piece.
fn most(jobs: usize, may_cut: bool) -> u64 {
    let least = if may_cut { LEAST } else { LEAST_UNCUT };
    (PIECE / (jobs.max(1) as u64)).max(least)
}

/// A part of a segment that is decoded at once.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Piece {
    /// Number of its segment.
    segment: usize,
    range: Range<u64>,
    first: bool,
    last: bool,
    /// It is long, and may not be cut.
    long: bool,
}

/// Runs of pieces that are decoded alike. What is asked for as pre-roll is before a segment: within it, the pieces that
/// follow the first have their own.
fn runs(pieces: &[Piece], preroll: Preroll) -> impl Iterator<Item = &[Piece]> {
    let is_samples = matches!(preroll, Preroll::Samples(_));
    let way = move |piece: &Piece| (piece.long, is_samples && !piece.first);
    pieces.chunk_by(move |a, b| way(a) == way(b))
}

/// Cuts segments into pieces of at most `most` samples, where they may be cut.
fn pieces(segments: &[Segment], most: u64, may_cut: bool) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for (number, segment) in segments.iter().enumerate() {
        let Range { mut start, end } = segment.range;
        let long = !may_cut && end.saturating_sub(start) > most;
        let most = if long { u64::MAX } else { most.max(1) };
        while start < end {
            let stop = end.min(start.saturating_add(most));
            pieces.push(Piece {
                segment: number,
                range: start..stop,
                first: start == segment.range.start,
                last: stop == end,
                long,
            });
            start = stop;
        }
    }
    pieces
}

/// Runs the subcommand.
pub fn run(args: &Args, json: bool) -> Outcome {
    if json && args.output.is_none() {
        let what = "--json: found the samples on standard output, expected --output beside it";
        return Err(Failure::Usage(what.to_owned()));
    }
    let refused = |error: StoreError| super::failure(&args.store, &error);
    let store = OpusStore::open_link(&args.store, args.link).map_err(refused)?;
    let segments = segments(args, &store)?;
    let target = Target::new(args.output.as_deref(), args.segments.is_some())?;
    let interrupt = Interrupt::new()?;
    let attributes = store.attributes();
    let channels = Channels::new(attributes.channels, attributes.mapping_family);
    let job = Job {
        args,
        store: &store,
        segments: &segments,
        channels: attributes.channels,
        jobs: jobs(args),
        interrupt,
    };
    let writer = Writer::new(target, args.format, channels, RATE);
    let done = match args.format {
        Format::F32 => job.run::<f32>(writer),
        _ => job.run::<i16>(writer),
    }?;
    job.report(&done, json)
}

/// What is asked for, within what is there.
fn segments(args: &Args, store: &OpusStore) -> Outcome<Vec<Segment>> {
    let Some(list) = &args.segments else {
        let total = store.attributes().pcm_samples();
        let range = args
            .samples
            .map_or(0..total, |samples| samples.range(total));
        store
            .check_range(&range)
            .map_err(|error| super::failure(&args.store, &error))?;
        if range.is_empty() {
            let what = format!("found no sample from {} on, expected one", range.start);
            return Err(Failure::Usage(format!("{}: {what}", args.store.display())));
        }
        let name = String::new();
        return Ok(vec![Segment {
            name,
            range,
            line: 0,
        }]);
    };
    let segments = segments::read(list)?;
    for segment in &segments {
        store.check_range(&segment.range).map_err(|error| {
            let what = super::message(&args.store, &error);
            Failure::data(list, format!("line {}: {what}", segment.line))
        })?;
    }
    Ok(segments)
}

/// How many threads decode.
fn jobs(args: &Args) -> usize {
    let processors = || std::thread::available_parallelism().map_or(1, usize::from);
    args.jobs.map_or_else(processors, usize::from)
}

/// What became of a segment.
#[derive(Debug, Default)]
struct Written {
    file: Option<PathBuf>,
    /// Longest pre-roll of its pieces, in samples; why it is not certified.
    preroll: u64,
    uncertified: Option<String>,
}

/// One extraction.
struct Job<'a> {
    args: &'a Args,
    store: &'a OpusStore,
    segments: &'a [Segment],
    channels: u8,
    jobs: usize,
    interrupt: Interrupt,
}

impl Job<'_> {
    /// Decodes and writes everything, in its order.
    fn run<T: Sample + Bytes>(&self, mut writer: Writer) -> Outcome<Vec<Written>> {
        let uncut = self.uncut()?;
        let most = most(self.jobs, uncut.is_none()) / u64::from(self.channels.max(1));
        let all = pieces(self.segments, most, uncut.is_none());
        let mut progress = Progress::counting(self.total(), "extracting");
        let mut written: Vec<Written> = Vec::new();
        let mut behind = 0;
        self.interrupt.watch();
        let mut take = |piece: &Piece, samples: &mut [T], certainty: &Certainty| {
            self.write(&mut writer, &mut written, piece, samples, certainty)?;
            behind += samples.len() as u64 / u64::from(self.channels.max(1));
            progress.update(behind);
            match self.interrupt.came() {
                true => Err(Failure::data(&self.args.store, "stopped before the end")),
                false => Ok(()),
            }
        };
        for alike in runs(&all, self.args.preroll) {
            let done = match alike.first() {
                Some(piece) if piece.long => self.long(alike, uncut.as_deref(), &mut take),
                Some(piece) => self.pieces(alike, piece.first, &mut take),
                None => Ok(()),
            };
            done.map_err(|stop| match stop {
                Stop::Store(error) => super::failure(&self.args.store, &error),
                Stop::Failure(failure) => failure,
            })?;
        }
        Ok(written)
    }

    /// Decodes pieces, each with its pre-roll.
    fn pieces<T: Sample>(
        &self,
        pieces: &[Piece],
        first: bool,
        take: &mut impl FnMut(&Piece, &mut [T], &Certainty) -> Outcome,
    ) -> Result<(), Stop> {
        let mut how = self.extraction();
        if !first && matches!(how.preroll, Preroll::Samples(_)) {
            how.preroll = Preroll::Auto;
        }
        let ranges: Vec<_> = pieces.iter().map(|piece| piece.range.clone()).collect();
        let each = |number: usize, mut pcm: Pcm<T>| match pieces.get(number) {
            Some(piece) => take(piece, &mut pcm.samples, &pcm.certainty).map_err(Stop::Failure),
            None => Ok(()),
        };
        self.store.extract_many(&ranges, &how, self.jobs, each)
    }

    /// Decodes segments that are long, one after the other.
    fn long<T: Bytes>(
        &self,
        segments: &[Piece],
        why: Option<&str>,
        take: &mut impl FnMut(&Piece, &mut [T], &Certainty) -> Outcome,
    ) -> Result<(), Stop> {
        let certainty = Certainty::Uncertified {
            why: why.unwrap_or_default().to_owned(),
        };
        for segment in segments {
            let mut part = Piece {
                last: false,
                ..segment.clone()
            };
            let mut left = segment.range.end - segment.range.start;
            let each = |samples: &mut [T]| {
                // All of it may be pre-roll.
                if samples.is_empty() {
                    return Ok(());
                }
                let found = samples.len() as u64 / u64::from(self.channels.max(1));
                left = left
                    .checked_sub(found)
                    .ok_or_else(|| self.damaged(segment))?;
                part.last = left == 0;
                take(&part, samples, &certainty)?;
                part.first = false;
                Ok(())
            };
            sequential::decode(self.store, &segment.range, &self.extraction(), each)?;
            if left != 0 {
                return Err(Stop::Failure(self.damaged(segment)));
            }
        }
        Ok(())
    }

    /// The packets that the index names for a segment have more or fewer samples.
    fn damaged(&self, segment: &Piece) -> Failure {
        let Range { start, end } = segment.range;
        let what = format!(
            "samples {start}:{end}: found another number of them in the packets that the index names, expected {}: the \
             index is damaged (index --rebuild writes it anew)",
            end - start
        );
        Failure::data(&self.args.store, what)
    }

    /// Why long segments must be decoded in one go: a decoder that begins in the middle gives other samples, and there is
    /// no proof that it doesn't.
    fn uncut(&self) -> Outcome<Option<String>> {
        let attributes = self.store.attributes();
        let refused = |error| super::failure(&self.args.store, &error);
        let fingerprint = attributes.decoder_fingerprint.as_ref();
        Ok(match fingerprint.filter(|_| self.store.info().certified) {
            Some(theirs) if theirs == certify::fingerprint().map_err(refused)? => None,
            _ if attributes.modes_seen == ["CELT"] => None,
            Some(theirs) => Some(format!("the hashes are of another decoder, {theirs}")),
            // Refused when the first piece is decoded.
            None if self.args.preroll == Preroll::Certified => None,
            None => Some("the store has no hashes of its samples".to_owned()),
        })
    }

    fn extraction(&self) -> Extraction {
        Extraction {
            preroll: self.args.preroll,
            gain: !self.args.no_gain,
        }
    }

    /// Samples of all segments.
    fn total(&self) -> u64 {
        let samples = self.segments.iter().map(|s| s.range.end - s.range.start);
        samples.fold(0, u64::saturating_add)
    }

    fn write<T: Bytes>(
        &self,
        writer: &mut Writer,
        written: &mut Vec<Written>,
        piece: &Piece,
        samples: &mut [T],
        certainty: &Certainty,
    ) -> Outcome {
        let Some(segment) = self.segments.get(piece.segment) else {
            return Ok(());
        };
        if piece.first {
            // One file or pipe holds all segments: it begins with the first of them.
            let file = match (writer.is_folder(), piece.segment) {
                (true, _) => {
                    writer.begin(&segment.name, segment.range.end - segment.range.start)?
                }
                (false, 0) => writer.begin(&segment.name, self.total())?,
                (false, _) => self.args.output.clone(),
            };
            written.push(Written {
                file,
                ..Written::default()
            });
        }
        if let Some(written) = written.last_mut() {
            match certainty {
                Certainty::Certified { preroll_samples } => {
                    written.preroll = written.preroll.max(*preroll_samples);
                }
                Certainty::Uncertified { why } => {
                    written.uncertified.get_or_insert_with(|| why.clone());
                }
            }
        }
        writer.write(samples)?;
        let is_last = writer.is_folder() || piece.segment + 1 == self.segments.len();
        match piece.last && is_last {
            true => writer.end(),
            false => Ok(()),
        }
    }

    /// Says what was written, on standard error where the samples went to standard output.
    fn report(&self, written: &[Written], json: bool) -> Outcome {
        let certified = written.iter().all(|written| written.uncertified.is_none());
        if json {
            let segment = |(segment, written): (&Segment, &Written)| {
                json!({
                    "name": segment.name, "file": written.file,
                    "start": segment.range.start, "stop": segment.range.end,
                    "certified": written.uncertified.is_none(), "why": written.uncertified,
                    "preroll_samples": written.uncertified.is_none().then_some(written.preroll),
                })
            };
            let segments: Vec<Value> = self.segments.iter().zip(written).map(segment).collect();
            return output::print_json(&json!({
                "store": self.args.store, "link": self.args.link, "format": self.args.format.extension(),
                "rate": RATE, "channels": self.channels, "certified": certified, "segments": segments,
            }));
        }
        let samples = self.total();
        let what = match self.args.segments {
            Some(_) => format!("{} segments, {samples} samples", written.len()),
            None => format!("{samples} samples"),
        };
        let why = written
            .iter()
            .find_map(|written| written.uncertified.as_deref());
        let not = written.iter().filter(|w| w.uncertified.is_some()).count();
        let certainty = match why {
            None => "certified".to_owned(),
            Some(why) if not == written.len() => format!("uncertified: {why}"),
            Some(why) => format!("{not} of them uncertified: {why}"),
        };
        let store = self.args.store.display();
        match &self.args.output {
            Some(path) => output::print_text(&format!(
                "{}: {what} of {store}, {certainty}\n",
                path.display()
            )),
            None => {
                eprintln!("gst-harmony: {store}: {what}, {certainty}");
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(range: Range<u64>) -> Segment {
        Segment {
            name: String::new(),
            range,
            line: 0,
        }
    }

    #[test]
    fn long_segments_are_cut_where_they_may() {
        let segments = [segment(0..10), segment(5..30)];
        let cut = |may_cut| -> Vec<_> {
            let pieces = pieces(&segments, 10, may_cut).into_iter();
            pieces
                .map(|p| (p.segment, p.range, p.first, p.last, p.long))
                .collect()
        };
        assert_eq!(
            cut(true),
            [
                (0, 0..10, true, true, false),
                (1, 5..15, true, false, false),
                (1, 15..25, false, false, false),
                (1, 25..30, false, true, false),
            ]
        );
        assert_eq!(
            cut(false),
            [(0, 0..10, true, true, false), (1, 5..30, true, true, true)]
        );
    }

    #[test]
    fn threads_share_a_run_of_many_pieces() {
        let segments = [segment(0..15), segment(20..40), segment(50..55)];
        let pieces = pieces(&segments, 10, true);
        let lengths = |preroll| runs(&pieces, preroll).map(<[_]>::len).collect::<Vec<_>>();
        assert_eq!(lengths(Preroll::Auto), [5]);
        assert_eq!(lengths(Preroll::Certified), [5]);
        assert_eq!(lengths(Preroll::Samples(0)), [1, 1, 1, 1, 1]);
    }

    #[test]
    fn threads_share_the_memory_of_one() {
        for may_cut in [true, false] {
            assert_eq!(most(1, may_cut), PIECE);
            assert_eq!(most(4, may_cut), PIECE / 4);
        }
        assert_eq!((most(8, true), most(8, false)), (PIECE / 8, LEAST_UNCUT));
        assert_eq!((most(1024, true), most(1024, false)), (LEAST, LEAST_UNCUT));
    }
}
