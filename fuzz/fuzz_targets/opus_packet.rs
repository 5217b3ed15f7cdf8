//! Any bytes as Opus packets of one stream and of several.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    harmony_fuzz::bounded(data, harmony_fuzz::opus_packet);
});
