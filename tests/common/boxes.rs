//! The boxes of an MP4 file: a reader of our own that knows the shape alone, and the strict one of `mp4-atom`.

use std::fmt;

use mp4_atom::{Any, Decode, Moof, Moov};

/// A box type.
pub type Kind = [u8; 4];

/// A box that holds boxes, and how many bytes precede them: ISO/IEC 14496-12 for the plain ones and the sample
/// entries' fields (VisualSampleEntry 78 bytes, AudioSampleEntry 28), 3GPP TS 26.245 for tx3g.
const PARENTS: &[(&[u8; 4], usize)] = &[
    (b"moov", 0),
    (b"trak", 0),
    (b"edts", 0),
    (b"mdia", 0),
    (b"minf", 0),
    (b"dinf", 0),
    (b"stbl", 0),
    (b"mvex", 0),
    (b"udta", 0),
    (b"ilst", 0),
    (b"moof", 0),
    (b"traf", 0),
    (b"mfra", 0),
    (b"meta", 4),
    (b"stsd", 8),
    (b"dref", 8),
    (b"avc1", 78),
    (b"avc3", 78),
    (b"hvc1", 78),
    (b"hev1", 78),
    (b"av01", 78),
    (b"vp09", 78),
    (b"mp4a", 28),
    (b"Opus", 28),
    (b"fLaC", 28),
    (b"ac-3", 28),
    (b"ec-3", 28),
    (b"tx3g", 38),
];

/// Boxes that `mp4-atom` 0.17 refuses where they belong: the extended language of a media (ISO/IEC 14496-12,
/// 8.4.6), and the HDR boxes of a visual sample entry (12.1.6, 12.1.7).
const UNKNOWN_TO_MP4_ATOM: &[Kind] = &[*b"elng", *b"mdcv", *b"clli"];

/// A box.
#[derive(Clone, PartialEq, Eq)]
pub struct Node {
    /// Its type.
    pub kind: Kind,
    /// Where its header begins in the file.
    pub offset: usize,
    /// What lies between the header and the children, or all of the content when it has no children.
    pub fields: Vec<u8>,
    /// The boxes inside.
    pub children: Vec<Node>,
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", String::from_utf8_lossy(&self.kind), self.offset)?;
        if !self.children.is_empty() {
            f.debug_list().entries(&self.children).finish()?;
        }
        Ok(())
    }
}

impl Node {
    /// The children of this type, in order.
    pub fn all<'a>(&'a self, kind: &'a Kind) -> impl Iterator<Item = &'a Node> {
        self.children.iter().filter(move |n| n.kind == *kind)
    }

    /// The first box down a path such as `mdia/minf/stbl/stsd`.
    pub fn find(&self, path: &str) -> Option<&Node> {
        path.split('/').try_fold(self, |node, name| {
            let child = |n: &&Node| n.kind == name.as_bytes();
            node.children.iter().find(child)
        })
    }

    /// The same, which must be there.
    pub fn at(&self, path: &str) -> &Node {
        self.find(path).unwrap_or_else(|| {
            panic!("no {path} in {self:?}");
        })
    }

    /// A big-endian number of `bytes` bytes among the fields.
    pub fn number(&self, at: usize, bytes: usize) -> u64 {
        let field = &self.fields[at..at + bytes];
        field.iter().fold(0, |n, b| n << 8 | u64::from(*b))
    }

    fn write(&self, without: &[Kind], out: &mut Vec<u8>) {
        if without.contains(&self.kind) {
            return;
        }
        let start = out.len();
        out.extend([0; 4]);
        out.extend(self.kind);
        out.extend(&self.fields);
        for child in &self.children {
            child.write(without, out);
        }
        let size = u32::try_from(out.len() - start).expect("a box of a test is small");
        out[start..start + 4].copy_from_slice(&size.to_be_bytes());
    }
}

/// The top-level boxes of `data`. What is no sequence of whole boxes fails the test.
pub fn parse(data: &[u8]) -> Vec<Node> {
    parse_at(data, 0)
}

fn parse_at(data: &[u8], base: usize) -> Vec<Node> {
    let mut nodes = Vec::new();
    let mut at = 0;
    while at < data.len() {
        let rest = &data[at..];
        assert!(
            rest.len() >= 8,
            "{} stray bytes at {}",
            rest.len(),
            base + at
        );
        let short = u32::from_be_bytes(rest[..4].try_into().expect("4 bytes"));
        let kind: Kind = rest[4..8].try_into().expect("4 bytes");
        let (size, header) = match short {
            0 => (rest.len(), 8),
            1 => {
                let long = u64::from_be_bytes(rest[8..16].try_into().expect("8 bytes"));
                (usize::try_from(long).expect("a size in memory"), 16)
            }
            short => (short as usize, 8),
        };
        let name = String::from_utf8_lossy(&kind);
        assert!(
            size >= header && size <= rest.len(),
            "{name} at {} has size {size}, and {} bytes are left",
            base + at,
            rest.len()
        );
        let content = &rest[header..size];
        let parent = PARENTS.iter().find(|(k, _)| **k == kind);
        let fields = parent.map_or(content.len(), |(_, fields)| *fields);
        assert!(fields <= content.len(), "{name} at {} is cut", base + at);
        nodes.push(Node {
            kind,
            offset: base + at,
            fields: content[..fields].to_vec(),
            children: parse_at(&content[fields..], base + at + header + fields),
        });
        at += size;
    }
    nodes
}

/// The types of the top-level boxes, such as `["ftyp", "moov", "moof", "mdat"]`.
pub fn layout(data: &[u8]) -> Vec<String> {
    let name = |n: &Node| String::from_utf8_lossy(&n.kind).into_owned();
    parse(data).iter().map(name).collect()
}

/// The first top-level box of a type.
pub fn top(data: &[u8], kind: &Kind) -> Node {
    let found = parse(data).into_iter().find(|n| n.kind == *kind);
    found.unwrap_or_else(|| panic!("no {}", String::from_utf8_lossy(kind)))
}

/// Every box decoded by `mp4-atom` with its strict feature: an unknown box, one that ends too early or too late,
/// or a missing one fails the test. Boxes that it does not know where they belong are left out before, and
/// returned by name.
pub fn strict(data: &[u8]) -> (Vec<Any>, Vec<String>) {
    let mut left_out = Vec::new();
    let mut atoms = Vec::new();
    for node in parse(data) {
        names(&node, &mut left_out);
        let mut bytes = Vec::new();
        node.write(UNKNOWN_TO_MP4_ATOM, &mut bytes);
        let atom = Any::decode(&mut bytes.as_slice())
            .unwrap_or_else(|e| panic!("mp4-atom refuses {node:?}: {e:?}"));
        assert!(
            !matches!(atom, Any::Unknown(..)),
            "mp4-atom does not know {node:?}"
        );
        atoms.push(atom);
    }
    (atoms, left_out)
}

fn names(node: &Node, left_out: &mut Vec<String>) {
    if UNKNOWN_TO_MP4_ATOM.contains(&node.kind) {
        left_out.push(String::from_utf8_lossy(&node.kind).into_owned());
    }
    node.children.iter().for_each(|n| names(n, left_out));
}

/// A sample of a fragment, with the defaults filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Ticks.
    pub duration: u32,
    /// Bytes.
    pub size: u32,
    /// Flags as in ISO/IEC 14496-12, 8.8.3.1.
    pub flags: u32,
    /// Ticks from DTS to PTS.
    pub offset: i64,
}

impl Sample {
    /// Whether it is a sync sample: `sample_is_non_sync_sample` is not set.
    pub fn sync(&self) -> bool {
        self.flags & 0x1_0000 == 0
    }
}

/// What one fragment holds of one track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackFragment {
    /// Number of the movie fragment (mfhd).
    pub sequence: u32,
    /// Id of the track.
    pub track: u32,
    /// Decoding time of the first sample, in ticks.
    pub base: u64,
    /// The samples.
    pub samples: Vec<Sample>,
}

impl TrackFragment {
    /// Where the next fragment of the track must begin.
    pub fn end(&self) -> u64 {
        let lasting: u64 = self.samples.iter().map(|s| u64::from(s.duration)).sum();
        self.base + lasting
    }
}

/// The movie and its track fragments, in file order.
pub fn fragments(data: &[u8]) -> (Moov, Vec<TrackFragment>) {
    let (atoms, _) = strict(data);
    let mut movie = None;
    let mut found = Vec::new();
    for atom in atoms {
        match atom {
            Any::Moov(moov) => movie = Some(moov),
            Any::Moof(moof) => {
                let moov: &Moov = movie.as_ref().expect("moov precedes moof");
                found.extend(track_fragments(moov, &moof));
            }
            _ => {}
        }
    }
    (movie.expect("a moov"), found)
}

fn track_fragments(moov: &Moov, moof: &Moof) -> Vec<TrackFragment> {
    let trexes = &moov.mvex.as_ref().expect("a fragmented file has mvex").trex;
    let of_track = |traf: &mp4_atom::Traf| {
        let head = &traf.tfhd;
        let trex = trexes.iter().find(|t| t.track_id == head.track_id);
        let trex = trex.expect("each track has its trex");
        assert!(head.default_base_is_moof, "offsets count from the moof");
        let samples = traf.trun.iter().flat_map(|run| run.samples.iter());
        let sample = |s: mp4_atom::TrunEntry| Sample {
            duration: (s.duration.or(head.default_sample_duration))
                .unwrap_or(trex.default_sample_duration),
            size: (s.size.or(head.default_sample_size)).unwrap_or(trex.default_sample_size),
            flags: (s.flags.or(head.default_sample_flags)).unwrap_or(trex.default_sample_flags),
            offset: s.cts.unwrap_or(0),
        };
        TrackFragment {
            sequence: moof.mfhd.sequence_number,
            track: head.track_id,
            base: traf
                .tfdt
                .as_ref()
                .expect("each fragment has its tfdt")
                .base_media_decode_time,
            samples: samples.map(sample).collect(),
        }
    };
    moof.traf.iter().map(of_track).collect()
}
