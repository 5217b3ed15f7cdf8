//! Pages of index rows, the least recently used dropped first.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use crate::opus::Row;

use super::StoreError;

/// Consecutive rows of an index, checked.
#[derive(Debug)]
pub(super) struct Page {
    /// Number of the first row's packet.
    pub first: u64,
    /// The rows.
    pub rows: Box<[Row]>,
}

impl Page {
    /// The row of a packet, where it is here.
    pub fn row(&self, packet: u64) -> Option<&Row> {
        let at = usize::try_from(packet.checked_sub(self.first)?).ok()?;
        self.rows.get(at)
    }

    /// The rows of those packets of a range that are here.
    pub fn part(&self, packets: &Range<u64>) -> &[Row] {
        let at = |packet: u64| {
            let rows = self.rows.len() as u64;
            packet.saturating_sub(self.first).min(rows) as usize
        };
        self.rows
            .get(at(packets.start)..at(packets.end))
            .unwrap_or_default()
    }
}

/// A bounded number of pages of one size, shared by threads.
///
/// Two threads that miss the same page both load it; nobody waits while another reads.
#[derive(Debug)]
pub(super) struct Pages {
    /// Rows of a whole page, at least 1.
    size: u64,
    /// Most pages kept.
    most: usize,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    pages: HashMap<u64, Slot>,
    /// Counts uses, so that of two pages the one used later has more.
    uses: u64,
}

#[derive(Debug)]
struct Slot {
    page: Arc<Page>,
    used: u64,
}

impl Pages {
    /// A cache of pages of `size` rows that holds about `most_rows`, but two pages at least.
    pub fn new(size: u64, most_rows: u64) -> Self {
        let size = size.max(1);
        Self {
            size,
            most: usize::try_from(most_rows / size)
                .unwrap_or(usize::MAX)
                .max(2),
            kept: Mutex::default(),
        }
    }

    /// Rows of a whole page.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The page of a packet out of `packets`. `load` is called with the packets of a page that is not here, or that was
    /// loaded when there were fewer packets.
    pub fn get(
        &self,
        packet: u64,
        packets: u64,
        load: impl FnOnce(Range<u64>) -> Result<Box<[Row]>, StoreError>,
    ) -> Result<Arc<Page>, StoreError> {
        let number = packet / self.size;
        let first = number * self.size;
        let end = first.saturating_add(self.size).min(packets);
        if let Some(page) = self.kept(number)
            && page.rows.len() as u64 >= end.saturating_sub(first)
        {
            return Ok(page);
        }
        let page = Arc::new(Page {
            first,
            rows: load(first..end)?,
        });
        self.keep(number, &page);
        Ok(page)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Kept> {
        // Nothing panics between two states of the map, so a poisoned one is whole.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn kept(&self, number: u64) -> Option<Arc<Page>> {
        let mut kept = self.lock();
        kept.uses += 1;
        let uses = kept.uses;
        let slot = kept.pages.get_mut(&number)?;
        slot.used = uses;
        Some(Arc::clone(&slot.page))
    }

    /// Keeps a page, unless another thread has kept one with more rows meanwhile.
    fn keep(&self, number: u64, page: &Arc<Page>) {
        let mut kept = self.lock();
        kept.uses += 1;
        let used = kept.uses;
        if let Some(slot) = kept.pages.get(&number)
            && slot.page.rows.len() >= page.rows.len()
        {
            return;
        }
        let slot = Slot {
            page: Arc::clone(page),
            used,
        };
        kept.pages.insert(number, slot);
        if kept.pages.len() > self.most
            && let Some(oldest) = kept.oldest()
        {
            kept.pages.remove(&oldest);
        }
    }
}

impl Kept {
    /// The page that was used least recently. There are few pages and each costs a read, so looking at all is cheap.
    fn oldest(&self) -> Option<u64> {
        self.pages
            .iter()
            .min_by_key(|(_, slot)| slot.used)
            .map(|(number, _)| *number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    fn rows(packets: Range<u64>) -> Box<[Row]> {
        packets
            .map(|packet| Row {
                byte_pos: packet,
                ..Row::default()
            })
            .collect()
    }

    #[test]
    fn a_page_is_loaded_once_and_found_by_all_its_packets() {
        let pages = Pages::new(4, 8);
        let loads = Cell::new(0);
        for packet in [4, 7, 5, 6] {
            let page = pages
                .get(packet, 100, |wanted| {
                    loads.set(loads.get() + 1);
                    assert_eq!(wanted, 4..8);
                    Ok(rows(wanted))
                })
                .unwrap();
            assert_eq!(page.row(packet).unwrap().byte_pos, packet);
        }
        assert_eq!(loads.get(), 1);
    }

    #[test]
    fn the_page_used_least_recently_goes_first() {
        let pages = Pages::new(1, 2);
        let loads = Cell::new(0);
        let get = |packet| {
            pages
                .get(packet, 9, |wanted| {
                    loads.set(loads.get() + 1);
                    Ok(rows(wanted))
                })
                .unwrap()
        };
        get(0);
        get(1);
        get(0); // 1 is the oldest now
        get(2);
        assert_eq!(loads.get(), 3);
        get(0);
        assert_eq!(loads.get(), 3);
        get(1);
        assert_eq!(loads.get(), 4);
    }

    #[test]
    fn a_page_that_was_cut_by_the_end_is_loaded_again_when_there_is_more() {
        let pages = Pages::new(4, 8);
        let get = |packets| pages.get(0, packets, |wanted| Ok(rows(wanted))).unwrap();
        assert_eq!(get(2).rows.len(), 2);
        assert_eq!(get(3).rows.len(), 3);
        // A reader that knows of fewer packets is content with more.
        assert_eq!(get(2).rows.len(), 3);
    }

    #[test]
    fn a_failed_load_keeps_nothing() {
        let pages = Pages::new(4, 8);
        let fail = |_| Err(StoreError::NoHashes);
        assert!(pages.get(0, 4, fail).is_err());
        assert_eq!(
            pages
                .get(0, 4, |wanted| Ok(rows(wanted)))
                .unwrap()
                .rows
                .len(),
            4
        );
    }

    #[test]
    fn parts_of_a_page_are_cut_to_it() {
        let page = Page {
            first: 8,
            rows: rows(8..12),
        };
        let positions = |range| {
            page.part(&range)
                .iter()
                .map(|row| row.byte_pos)
                .collect::<Vec<_>>()
        };
        assert_eq!(positions(0..10), [8, 9]);
        assert_eq!(positions(9..u64::MAX), [9, 10, 11]);
        assert_eq!(positions(12..13), [0; 0]);
        assert_eq!(positions(0..8), [0; 0]);
        assert!(page.row(7).is_none() && page.row(12).is_none());
    }
}
