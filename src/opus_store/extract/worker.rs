//! Decodes range after range with one decoder.

use std::marker::PhantomData;
use std::ops::Range;

use super::super::{Decoder, OpusStore, Refusal, StoreError, certify};
use super::{Certainty, Extraction, Pcm, Sample};
use crate::opus::index::check;
use crate::opus::{Clip, Error, MOST_SAMPLES, Plan, Preroll, RATE, Row};

/// Packets that are read at a time.
const BATCH: usize = 512;
/// Bytes that are set aside for samples before any is decoded: a range may be longer than what a damaged store has.
const RESERVED: usize = 64 << 20;
/// Least pre-roll that is tried in a certified store, from which it doubles: 80 ms (RFC 7845, 4.6).
const LEAST: u64 = 80 * MS;
/// Samples of a millisecond.
const MS: u64 = RATE as u64 / 1000;

/// Decodes ranges of a link, one after the other.
pub struct Worker<'s, T> {
    store: &'s OpusStore,
    pre_skip: u64,
    /// Samples of pre-roll; the first try where it may be widened.
    preroll: u64,
    proof: Proof,
    decoder: Decoder,
    /// Decodes what hashes are of, where that is not what is returned.
    witness: Option<Decoder>,
    witnessed: Vec<i16>,
    interrupted: Option<Interrupted<'s>>,
    samples: PhantomData<T>,
}

/// Tells whether the samples are no longer wanted.
pub type Interrupted<'s> = &'s (dyn Fn() -> bool + Sync);

/// What there is to prove samples with.
enum Proof {
    /// Hashes; the pre-roll is widened until they match.
    Widen,
    /// Hashes; the pre-roll stays as it is.
    Compare,
    /// Nothing, and why.
    None(String),
}

/// A range: samples of the time line, and the packets that hold them.
struct Wanted {
    plan: Plan,
    packets: Range<u64>,
}

/// One go through the packets of a range.
struct Pass<'p> {
    /// The packet that is decoded first.
    first: u64,
    /// Hashes of the packets of the range; empty where there are none.
    hashes: &'p [u64],
    /// Whether a hash that does not match ends it.
    strict: bool,
}

impl<'s, T: Sample> Worker<'s, T> {
    /// A worker for a store.
    ///
    /// # Errors
    /// [`StoreError::Head`] and [`StoreError::Decoder`] where the stream can't be decoded, [`StoreError::NoHashes`].
    pub fn new(store: &'s OpusStore, how: &Extraction) -> Result<Self, StoreError> {
        let (attributes, head) = (store.attributes(), store.head()?);
        let gain = if how.gain {
            attributes.output_gain_q8
        } else {
            0
        };
        let mut decoder = Decoder::new(&head)?;
        decoder
            .set_gain(gain)
            .map_err(|refusal| StoreError::Decoder(refusal.to_string()))?;
        let fingerprint = attributes.decoder_fingerprint.as_deref();
        let proof = match fingerprint.filter(|_| store.info().certified) {
            Some(theirs) => Proof::of(theirs, certify::fingerprint()?, how.preroll),
            None if how.preroll == Preroll::Certified => return Err(StoreError::NoHashes),
            None => Proof::None("the store has no hashes of its samples".into()),
        };
        let hashed = gain == 0 && T::hash(&[]).is_some();
        let witness = match proof {
            Proof::Widen | Proof::Compare if !hashed => Some(Decoder::new(&head)?),
            _ => None,
        };
        let recommended = u64::from(attributes.recommended_preroll_ms) * MS;
        Ok(Self {
            store,
            pre_skip: attributes.pre_skip,
            preroll: match how.preroll {
                Preroll::Samples(samples) => samples,
                Preroll::Auto | Preroll::Certified => recommended.max(LEAST),
            },
            proof,
            decoder,
            witness,
            witnessed: Vec::new(),
            interrupted: None,
            samples: PhantomData,
        })
    }

    /// Asks before each batch of packets whether it is to end.
    pub fn unless(mut self, interrupted: Interrupted<'s>) -> Self {
        self.interrupted = Some(interrupted);
        self
    }

    /// The samples of a range.
    ///
    /// # Errors
    /// Those of [`OpusStore::extract`].
    pub fn extract(&mut self, range: &Range<u64>) -> Result<Pcm<T>, StoreError> {
        self.store.check_range(range)?;
        let wanted = self.wanted(range)?;
        let hashes = match self.proof {
            Proof::None(_) => Vec::new(),
            _ => self.store.hashes(wanted.packets.clone())?,
        };
        // What is cut off of the first packet is decoded first, and each packet asks for room for the longest.
        let room = (range.end - range.start).saturating_add(2 * u64::from(MOST_SAMPLES));
        let room = usize::try_from(room).unwrap_or(usize::MAX);
        let room = room.saturating_mul(self.decoder.channels());
        let mut samples = Vec::with_capacity(room.min(RESERVED / size_of::<T>()));
        let certainty = if range.is_empty() {
            self.judge(None, 0, true)
        } else {
            self.converge(&wanted, &hashes, &mut samples)?
        };
        Ok(Pcm {
            samples,
            channels: self.decoder.channels(),
            certainty,
        })
    }

    /// The packets that hold a range.
    fn wanted(&self, range: &Range<u64>) -> Result<Wanted, StoreError> {
        let plan = Plan::new(range, self.pre_skip, self.preroll);
        if range.is_empty() {
            let packets = 0..0;
            return Ok(Wanted { plan, packets });
        }
        let first = self.store.find_on_timeline(plan.start)?;
        let last = self.store.find_on_timeline(plan.end - 1)?;
        if last.packet < first.packet {
            return Err(StoreError::NotMonotone(Error::Row {
                packet: last.packet,
                field: "cum_end",
                found: last.row.cum_end,
                expected: format!(
                    "less than {}, as packet {} is later",
                    plan.start, first.packet
                ),
            }));
        }
        let packets = first.packet..last.packet + 1;
        Ok(Wanted { plan, packets })
    }

    /// Decodes a range, where that can be proved with as much pre-roll as it takes.
    fn converge(
        &mut self,
        wanted: &Wanted,
        hashes: &[u64],
        out: &mut Vec<T>,
    ) -> Result<Certainty, StoreError> {
        let mut preroll = self.preroll;
        loop {
            let from = wanted.plan.start.saturating_sub(preroll);
            let begin = self.store.find_on_timeline(from)?;
            let first = begin.packet.min(wanted.packets.start);
            let widen = matches!(self.proof, Proof::Widen) && first > 0;
            out.clear();
            let pass = Pass {
                first,
                hashes,
                strict: widen,
            };
            let miss = self.pass(wanted, &pass, out)?;
            if miss.is_none() || !widen {
                let preroll = wanted.plan.start.saturating_sub(begin.row.cum_start);
                return Ok(self.judge(miss, preroll, first == 0));
            }
            preroll = preroll.saturating_mul(2);
        }
    }

    /// What is known of samples whose first packet with another hash is `miss`.
    fn judge(&self, miss: Option<u64>, preroll_samples: u64, from_start: bool) -> Certainty {
        let why = match (&self.proof, miss) {
            (Proof::None(why), _) => why.clone(),
            (_, Some(packet)) if from_start => format!(
                "packet {packet} does not decode to its hash, although all packets before it were decoded"
            ),
            (_, Some(packet)) => format!(
                "packet {packet} does not decode to its hash with a pre-roll of {preroll_samples} samples"
            ),
            (_, None) if self.witness.is_some() && !from_start => format!(
                "hashes are of 16-bit samples without gain, which match with a pre-roll of {preroll_samples} \
                 samples"
            ),
            (_, None) => return Certainty::Certified { preroll_samples },
        };
        Certainty::Uncertified { why }
    }

    /// Decodes from packet `pass.first` to the end of a range, and appends the range's samples to `out`. Returns the first
    /// packet of the range with another hash.
    fn pass(
        &mut self,
        wanted: &Wanted,
        pass: &Pass<'_>,
        out: &mut Vec<T>,
    ) -> Result<Option<u64>, StoreError> {
        let refused = |refusal: Refusal| refusal.of(pass.first);
        self.decoder.reset().map_err(refused)?;
        if let Some(witness) = &mut self.witness {
            witness.reset().map_err(refused)?;
        }
        let mut previous: Option<Row> = None;
        let mut miss = None;
        for begin in (pass.first..wanted.packets.end).step_by(BATCH) {
            if self.interrupted.is_some_and(|interrupted| interrupted()) {
                return Err(StoreError::Interrupted);
            }
            let end = begin.saturating_add(BATCH as u64);
            let batch = self.store.packets(begin..end.min(wanted.packets.end))?;
            if let Some(row) = batch.rows.first() {
                check(previous.as_ref(), row, begin).map_err(StoreError::NotMonotone)?;
            }
            previous = batch.rows.last().copied();
            for (number, (row, packet)) in (begin..).zip(batch.iter()) {
                let at = number.checked_sub(wanted.packets.start);
                let at = at.and_then(|at| usize::try_from(at).ok());
                let hash = at.and_then(|at| pass.hashes.get(at));
                let matches = self.packet(number, packet, row, wanted.plan.clip(row), hash, out)?;
                if !matches {
                    miss = miss.or(Some(number));
                    if pass.strict {
                        return Ok(miss);
                    }
                }
            }
        }
        Ok(miss)
    }

    /// Decodes a packet, compares it with its hash where it has one, and appends what is kept of it to `out`. Returns
    /// whether it has that hash.
    fn packet(
        &mut self,
        number: u64,
        packet: &[u8],
        row: &Row,
        clip: Clip,
        hash: Option<&u64>,
        out: &mut Vec<T>,
    ) -> Result<bool, StoreError> {
        let begin = out.len();
        let samples = T::decode(&mut self.decoder, packet, out).map_err(|r| r.of(number))?;
        if samples as u64 != row.sample_count {
            return Err(StoreError::NotMonotone(Error::Row {
                packet: number,
                field: "sample_count",
                found: row.sample_count,
                expected: format!("{samples}, as libopus decodes"),
            }));
        }
        let found = match &mut self.witness {
            Some(witness) => {
                self.witnessed.clear();
                let decoded = witness.decode_i16(packet, &mut self.witnessed);
                decoded.map_err(|refusal| refusal.of(number))?;
                hash.map(|_| certify::hash(&self.witnessed))
            }
            None => hash.and_then(|_| T::hash(out.get(begin..).unwrap_or_default())),
        };
        // Clips are parts of the packet, whose samples were just counted.
        let values = |samples: u64| samples as usize * self.decoder.channels();
        out.truncate(out.len() - values(clip.end));
        out.drain(begin..begin + values(clip.start));
        Ok(found == hash.copied())
    }
}

impl Proof {
    /// What hashes of the decoder with fingerprint `theirs` prove about samples of the one with `ours`.
    fn of(theirs: &str, ours: &str, preroll: Preroll) -> Self {
        if theirs != ours {
            return Self::None(format!(
                "the hashes are of decoder {theirs}, and this one is {ours}"
            ));
        }
        match preroll {
            Preroll::Auto | Preroll::Certified => Self::Widen,
            Preroll::Samples(_) => Self::Compare,
        }
    }
}
