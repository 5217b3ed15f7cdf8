//! Any bytes as an H4MK file: walked whole and in pieces, opened, searched without an end. Once as they are, once with
//! checksums that hold, which no mutation would find.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    harmony_fuzz::bounded(data, harmony_fuzz::reader);
    harmony_fuzz::bounded(&harmony_fuzz::repair(data), harmony_fuzz::reader);
});
