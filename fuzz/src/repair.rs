//! Checksums that hold: what lies behind a CRC is only reached by bytes whose CRC is right.

/// The bytes with the CRC of every chunk that fits, and the footer, made right.
pub fn repair(data: &[u8]) -> Vec<u8> {
    let mut file = data.to_vec();
    let mut at = 16;
    while let Some(end) = chunk_end(&file, at) {
        let crc = crc32fast::hash(&file[at..end - 4]);
        file[end - 4..end].copy_from_slice(&crc.to_le_bytes());
        at = end;
    }
    if at + 4 == file.len() {
        let crc = crc32fast::hash(&file[..at]);
        file[at..].copy_from_slice(&crc.to_le_bytes());
    }
    file
}

/// Where the chunk at `at` ends, if it lies in the file.
fn chunk_end(file: &[u8], at: usize) -> Option<usize> {
    let length = u32::from_le_bytes(file.get(at + 8..at + 12)?.try_into().ok()?);
    let end = at
        .checked_add(16)?
        .checked_add(usize::try_from(length).ok()?)?;
    (end <= file.len()).then_some(end)
}
