//! The search for a sample in sound and in damaged rows.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    harmony_fuzz::bounded(data, harmony_fuzz::opus_lookup);
});
