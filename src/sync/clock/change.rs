//! Wide searches that don't agree with the map, and when two of them overthrow it.

use std::collections::VecDeque;

use super::votes::AGREE;
use crate::sync::audio::Found;

/// Two searches must have heard this much that the other did not, in seconds.
const APART: f64 = 0.9;
/// A rival older than this has no say, in seconds.
const MEMORY: f64 = 10.0;
/// Rivals that are remembered.
const MOST: usize = 8;

/// A wide search that passed its gates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Proof {
    /// The end of the audio that was compared, in seconds on the stream's own line.
    pub end: f64,
    /// What was found.
    pub found: Found,
}

impl Proof {
    /// How far two searches lie off each other after the drift between them, in seconds.
    #[must_use]
    pub fn off(&self, other: &Self) -> f64 {
        let drift = f64::midpoint(self.found.drift, other.found.drift);
        let time = other.found.at - self.found.at;
        (other.found.shift - self.found.shift - time * drift).abs()
    }
}

/// Wide searches that passed their gates and contradict what is held true.
#[derive(Debug, Default)]
pub struct Rivals {
    proofs: VecDeque<Proof>,
}

impl Rivals {
    /// Takes one in. If it agrees with an earlier one, that one: the two are a change point.
    pub fn push(&mut self, proof: Proof) -> Option<Proof> {
        self.proofs
            .retain(|rival| (0.0..=MEMORY).contains(&(proof.end - rival.end)));
        let mut agreeing = self.proofs.iter().rev();
        let agreed = agreeing
            .find(|rival| proof.end - rival.end >= APART && rival.off(&proof) <= AGREE)
            .copied();
        if self.proofs.len() >= MOST {
            self.proofs.pop_front();
        }
        self.proofs.push_back(proof);
        agreed
    }

    /// Forgets them: the map was confirmed.
    pub fn clear(&mut self) {
        self.proofs.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proof(end: f64, shift: f64, drift: f64) -> Proof {
        let at = end - 2.5;
        let found = Found {
            at,
            shift,
            drift,
            peak: 20.0,
            second: 0.3,
        };
        Proof { end, found }
    }

    #[test]
    fn two_that_agree_after_their_drift_are_a_change() {
        let mut rivals = Rivals::default();
        assert_eq!(rivals.push(proof(5.0, 0.1, 4e-4)), None);
        assert_eq!(rivals.push(proof(6.0, 0.2, 4e-4)), None);
        let agreed = rivals.push(proof(8.0, 0.1012, 4e-4));
        assert!((agreed.unwrap().end - 5.0).abs() < 1e-12);
    }

    #[test]
    fn what_heard_the_same_is_no_second_witness() {
        let mut rivals = Rivals::default();
        assert_eq!(rivals.push(proof(5.0, 0.1, 0.0)), None);
        assert_eq!(rivals.push(proof(5.25, 0.1, 0.0)), None);
        assert!(rivals.push(proof(6.0, 0.1, 0.0)).is_some());
    }

    #[test]
    fn old_ones_and_those_from_before_a_confirmation_are_forgotten() {
        let mut rivals = Rivals::default();
        assert_eq!(rivals.push(proof(5.0, 0.1, 0.0)), None);
        assert_eq!(rivals.push(proof(16.0, 0.1, 0.0)), None);
        rivals.clear();
        assert_eq!(rivals.push(proof(17.0, 0.1, 0.0)), None);
        for count in 0..1000 {
            rivals.push(proof(18.0 + f64::from(count) * 0.01, f64::from(count), 0.0));
        }
        assert!(rivals.proofs.len() <= MOST);
    }
}
