//! How XIDX chunks point back to each other, so that a growing file is searched in O(log n).

/// Where the XIDX chunks lie that later ones point to.
#[derive(Debug, Clone, Default)]
pub(crate) struct IndexChain {
    next_ordinal: u32,
    previous: u64,
    /// Ordinals and positions from the newest XIDX over its `skip` to the first: at most 32.
    skips: Vec<(u32, u64)>,
}

impl IndexChain {
    /// Ordinal, `previous` and `skip` of the XIDX at `position`.
    pub(crate) fn next(&mut self, position: u64) -> (u32, u64, u64) {
        let ordinal = self.next_ordinal;
        let target = ordinal & ordinal.wrapping_sub(1);
        while self.skips.last().is_some_and(|(o, _)| *o > target) {
            self.skips.pop();
        }
        let skip = self.skips.last().map_or(0, |(_, at)| *at);
        let previous = std::mem::replace(&mut self.previous, position);
        self.skips.push((ordinal, position));
        self.next_ordinal = ordinal.wrapping_add(1);
        (ordinal, previous, skip)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skip_is_the_ordinal_with_its_lowest_bit_cleared() {
        let mut chain = IndexChain::default();
        for n in 0u32..1000 {
            let position = |n: u32| u64::from(n) * 100 + 16;
            let (ordinal, previous, skip) = chain.next(position(n));
            assert_eq!(ordinal, n);
            if n > 0 {
                assert_eq!(previous, position(n - 1));
                assert_eq!(skip, position(n & (n - 1)));
            } else {
                assert_eq!((previous, skip), (0, 0));
            }
            assert!(chain.skips.len() <= 32);
        }
    }
}
