//! Any bytes as the header, a sample or a packet of each codec.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    harmony_fuzz::bounded(data, harmony_fuzz::config);
});
