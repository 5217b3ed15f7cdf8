//! Any bytes as an `OpusHead`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    harmony_fuzz::bounded(data, harmony_fuzz::opus_head);
});
