//! What a check has found.

use crate::opus::layout;
use crate::opus_store::StoreError;

/// Most problems, and most notes, that are kept; more are counted.
pub const MOST_KEPT: usize = 100;

/// Something of a store that is wrong or worth telling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Number of the link, from 0.
    pub link: u64,
    /// Number of the packet in the link, where it is about one.
    pub packet: Option<u64>,
    /// What it is.
    pub what: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.link > 0 {
            write!(f, "{}: ", layout::link_group(self.link))?;
        }
        if let Some(packet) = self.packet {
            write!(f, "packet {packet}: ")?;
        }
        f.write_str(&self.what)
    }
}

/// Findings of one sort: the first ones, and how many there are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Findings {
    kept: Vec<Finding>,
    count: u64,
}

impl Findings {
    /// The first [`MOST_KEPT`].
    pub fn kept(&self) -> &[Finding] {
        &self.kept
    }

    /// How many there are, those not kept included.
    pub const fn count(&self) -> u64 {
        self.count
    }

    fn push(&mut self, finding: Finding) {
        self.count += 1;
        if self.kept.len() < MOST_KEPT {
            self.kept.push(finding);
        }
    }
}

/// What became of the hashes of a link's samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Hashes {
    /// The store has none.
    #[default]
    None,
    /// Nobody asked for them to be checked.
    NotChecked,
    /// This machine's decoder is another than the one that made them.
    OtherDecoder,
    /// That many were compared.
    Checked(u64),
}

/// A link that was checked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LinkReport {
    /// Number of the link, from 0.
    pub link: u64,
    /// Committed packets.
    pub packets: u64,
    /// Packets of which row and bytes could be read.
    pub read: u64,
    /// Bytes of those packets.
    pub bytes: u64,
    /// PCM samples at 48 kHz.
    pub pcm_samples: u64,
    /// Gaps.
    pub gaps: u64,
    /// Whether its writer ended it.
    pub complete: bool,
    /// What became of the hashes.
    pub hashes: Hashes,
}

/// What a check has found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// The links that could be opened.
    pub links: Vec<LinkReport>,
    /// What makes the store bad.
    pub problems: Findings,
    /// What does not.
    pub notes: Findings,
}

impl Report {
    /// True without problems.
    pub const fn is_good(&self) -> bool {
        self.problems.count == 0
    }
}

/// A report while one link is checked.
pub(super) struct Findable<'a> {
    pub report: &'a mut Report,
    pub link: u64,
}

impl Findable<'_> {
    /// Something that must not be.
    pub fn problem(&mut self, packet: Option<u64>, what: impl Into<String>) {
        let (link, what) = (self.link, what.into());
        self.report.problems.push(Finding { link, packet, what });
    }

    /// An error, as a problem. Those of packets and rows say their number themselves.
    pub fn error(&mut self, error: &StoreError) {
        self.problem(None, error.to_string());
    }

    /// An error, unless it is a missing chunk: all of those are told at the start.
    pub fn error_unless_missing(&mut self, error: &StoreError) {
        if !matches!(error, StoreError::MissingChunk { .. }) {
            self.error(error);
        }
    }

    /// Something that may be.
    pub fn note(&mut self, what: impl Into<String>) {
        let (link, what) = (self.link, what.into());
        let packet = None;
        self.report.notes.push(Finding { link, packet, what });
    }

    /// `found` and `expected` should be the same.
    pub fn same<T: PartialEq + std::fmt::Display>(&mut self, what: &str, found: T, expected: T) {
        if found != expected {
            self.problem(None, format!("{what}: found {found}, expected {expected}"));
        }
    }
}
