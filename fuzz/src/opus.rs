//! Opus packets and heads, and the search in an index.

use gstharmony::opus::lookup::{Search, Step};
use gstharmony::opus::{Error, Head, Packet, Row, index, samples};

/// The first byte as a number of streams, the rest as a packet of them and of one stream.
pub fn opus_packet(data: &[u8]) {
    let Some((streams, data)) = data.split_first() else {
        return;
    };
    for parsed in [Packet::parse(data), Packet::parse_streams(data, *streams)] {
        match parsed {
            Ok(packet) => {
                assert!((1..=5760).contains(&packet.samples));
                let frames = u32::from(packet.frames);
                assert_eq!(frames * packet.toc.frame_samples(), packet.samples);
                assert_eq!(samples(data), Ok(packet.samples));
            }
            Err(Error::Packet { offset, .. }) => assert!(offset <= data.len()),
            Err(Error::StreamDurations { stream, .. }) => assert!(stream < *streams),
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(Packet::parse_streams(data, 1), Packet::parse(data));
}

/// The bytes as an `OpusHead`: what is accepted is read again from what is written of it.
pub fn opus_head(data: &[u8]) {
    let Ok(head) = Head::parse(data) else { return };
    assert_eq!(Head::parse(&head.to_bytes()).as_ref(), Ok(&head));
    let decoded = u16::from(head.streams()) + u16::from(head.coupled());
    assert!(head.channels > 0 && head.streams() > 0 && head.coupled() <= head.streams());
    let table = head.mapping_table();
    assert_eq!(table.len(), usize::from(head.channels));
    assert!(table.iter().all(|c| *c == 255 || u16::from(*c) < decoded));
    let record = gstharmony::isobmff::config::opus::record(&head);
    assert_eq!(record[1], head.channels);
}

/// The first 8 bytes as a sample, 4 more for each row: its duration, and damage. The search ends; without damage it finds
/// what a walk over all rows finds.
pub fn opus_lookup(data: &[u8]) {
    let Some((sample, data)) = data.split_first_chunk::<8>() else {
        return;
    };
    let mut rows: Vec<Row> = Vec::new();
    for bytes in data.chunks_exact(4) {
        let duration = u32::from(u16::from_le_bytes([bytes[0], bytes[1]])) % 5760 + 1;
        let packet = rows.len() as u64;
        rows.push(Row::after(rows.last(), packet, 1, duration).expect("small sums"));
    }
    let Some(total) = rows.last().map(|row| row.cum_end + 1) else {
        return;
    };
    let sample = u64::from_le_bytes(*sample) % total;
    let held = rows.iter().position(|row| row.holds(sample));
    let mut damaged = false;
    for (row, bytes) in rows.iter_mut().zip(data.chunks_exact(4)) {
        // Few rows, so that the damage is not met at once.
        if bytes[2] > 250 {
            let mut values = row.values();
            let value = &mut values[usize::from(bytes[3] % 5)];
            *value ^= 1 << (bytes[3] % 64);
            *row = Row::from_values(values);
            damaged = true;
        }
    }
    match search(sample, &rows, total) {
        Ok((packet, row)) => {
            assert!(row.holds(sample));
            assert_eq!(Some(&row), rows.get(packet as usize));
            index::check(None, &row, packet).expect("a row that is found is sound");
            assert!(damaged || held == Some(packet as usize));
        }
        Err(error) => assert!(damaged, "{error}"),
    }
}

fn search(sample: u64, rows: &[Row], total: u64) -> Result<(u64, Row), Error> {
    let packets = rows.len() as u64;
    let mut search = Search::new(sample, packets, total).expect("the sample is in the index");
    for _ in 0..=64 {
        match search.next() {
            Step::Found { packet, row } => return Ok((packet, row)),
            Step::Rows(range) => {
                let window = &rows[range.start as usize..range.end as usize];
                search.feed(range.start, window)?;
            }
        }
    }
    panic!("no end after 64 windows");
}
