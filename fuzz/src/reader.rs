//! Any bytes as a file: every way of reading it ends, stays inside it, and agrees with the others.

use gstharmony::h4mk::{
    BackScan, ChainBlock, FileHeader, Opener, Record, Search, Step, Walk, chain,
};

/// Walks, opens and searches the bytes.
pub fn reader(data: &[u8]) {
    let known = walk(Walk::new(Some(data.len() as u64)), data, usize::MAX);
    let streamed = walk(Walk::new(None), data, usize::MAX);
    agree(&known, &streamed);
    chains(&known);
    open(data);
    search(data);
}

/// What a walk brought: one line for each step, the blocks, how it ended.
#[derive(Default)]
struct Walked {
    steps: Vec<(u64, char)>,
    blocks: Vec<(u16, ChainBlock)>,
    /// `None` after a cut: there the two ways of walking may differ.
    end: Option<String>,
}

/// Steps until the end, giving the walker no more than it asks for.
fn walk(mut walk: Walk, data: &[u8], most: usize) -> Walked {
    let mut out = Walked::default();
    while out.steps.len() < most {
        let at = walk.position();
        let rest = usize::try_from(at)
            .ok()
            .and_then(|at| data.get(at..))
            .unwrap_or_default();
        let step = match next(&mut walk, rest) {
            Ok(step) => step,
            Err(error) => {
                assert!(error.contains("offset "), "{error}");
                out.end = Some(error);
                break;
            }
        };
        let kind = match step {
            Step::Need(_) => unreachable!("next gives all that is needed"),
            Step::Header(_) => 'h',
            Step::Chunk(_, record) => letter(&record),
            Step::Block(block) => {
                assert_eq!(block.offset, at);
                if block.end() <= data.len() as u64 {
                    out.blocks
                        .push((block.meta.track_id, ChainBlock::from(&block)));
                }
                'b'
            }
            Step::Footer { .. } => {
                out.end = Some("footer".into());
                'f'
            }
            Step::Cut(cut) => {
                assert!(cut.offset <= at.max(data.len() as u64));
                assert!(cut.into_error().to_string().contains("offset "));
                break;
            }
        };
        assert!(walk.position() > at, "the walker stays at {at}");
        out.steps.push((at, kind));
        if kind == 'f' {
            break;
        }
    }
    out
}

/// The next step that is no request for more, or the error in words.
fn next(walk: &mut Walk, rest: &[u8]) -> Result<Step, String> {
    let mut given = 0;
    loop {
        let window = &rest[..given];
        match walk
            .step(window, given == rest.len())
            .map_err(|e| e.to_string())?
        {
            Step::Need(needed) => {
                assert!(
                    needed > given,
                    "{needed} bytes are asked for, {given} were there"
                );
                assert!(given < rest.len(), "more is asked for at the end");
                given = needed.min(rest.len());
            }
            step => return Ok(step),
        }
    }
}

fn letter(record: &Record) -> char {
    match record {
        Record::Tracks(_) => 't',
        Record::Sidecar(_) => 's',
        Record::Timing { .. } => 'x',
        Record::SeekTable(_) => 'k',
        Record::Index(_) => 'i',
        Record::End(_) => 'e',
        Record::Unknown(_) => '?',
    }
}

/// A file of known length and the same bytes as a stream are the same, up to where the file is cut.
fn agree(known: &Walked, streamed: &Walked) {
    let steps = known.steps.len();
    assert_eq!(streamed.steps.get(..steps), Some(&known.steps[..]));
    if known.end.is_some() {
        assert_eq!((streamed.steps.len(), &streamed.end), (steps, &known.end));
    }
}

fn chains(walked: &Walked) {
    let Some((track, last)) = walked.blocks.last() else {
        return;
    };
    for time in [i64::MIN, 0, last.pts_ns / 2, last.pts_ns, i64::MAX] {
        let of_track = walked
            .blocks
            .iter()
            .filter(|(id, _)| id == track)
            .map(|(_, b)| *b);
        if let Some(chain) = chain::chain(of_track, time) {
            assert!(chain.key.kind.is_key() && chain.key.pts_ns <= time);
            assert_eq!(chain.blocks.first(), Some(&chain.key));
        }
    }
}

/// The bytes of a request, which must lie in the file.
fn part(data: &[u8], (offset, length): (u64, usize)) -> &[u8] {
    let start = usize::try_from(offset).expect("a request lies in the file");
    let end = start
        .checked_add(length)
        .expect("a request lies in the file");
    data.get(start..end).expect("a request lies in the file")
}

fn open(data: &[u8]) {
    let mut opener = Opener::new(data.len() as u64);
    let mut reads = 0;
    while let Some(request) = opener.request() {
        reads += 1;
        assert!(reads <= 3, "opening takes more than three reads");
        if opener.feed(part(data, request)).is_err() {
            return;
        }
    }
    let opened = opener.finish().expect("opening is done");
    let Some(finished) = opened.finished else {
        return;
    };
    for entry in finished.index.entries().iter().take(32) {
        let found = finished
            .index
            .find(entry.track_id, entry.pts_ns)
            .expect("an entry is found");
        assert_eq!(
            (found.track_id, found.pts_ns),
            (entry.track_id, entry.pts_ns)
        );
        let length = Some(data.len() as u64);
        walk(Walk::at(entry.offset, opened.header, length), data, 32);
    }
}

fn search(data: &[u8]) {
    let Ok(header) = FileHeader::parse(data) else {
        return;
    };
    let mut scan = BackScan::new(data.len() as u64);
    while let Some(request) = scan.request() {
        scan.feed(part(data, request));
    }
    let Some(last) = scan.finish() else { return };
    assert_eq!(&data[last.position as usize..][..4], b"XIDX");
    let tracks: Vec<_> = last
        .entries
        .iter()
        .map(|e| e.track_id)
        .take(3)
        .chain([0xfffe])
        .collect();
    for (track, time) in tracks
        .into_iter()
        .zip([i64::MIN, 0, last.first_ns, i64::MAX])
    {
        let mut search = Search::new(last.clone(), track, time);
        let mut before = last.position;
        let mut reads = 0;
        while let Some((offset, length)) = search.request() {
            reads += 1;
            assert!(
                offset <= before && reads <= data.len(),
                "the search goes round"
            );
            before = before.max(offset);
            let end = offset.saturating_add(length as u64).min(data.len() as u64);
            search.feed(part(data, (offset, (end - offset) as usize)));
        }
        if let Some(entry) = search.finish() {
            assert!(entry.track_id == track && entry.pts_ns <= time);
            walk(
                Walk::at(entry.offset, header, Some(data.len() as u64)),
                data,
                32,
            );
        }
    }
}
