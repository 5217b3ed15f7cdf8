//! Any bytes as the JSON of a TRAK chunk; what is accepted must come back.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    harmony_fuzz::bounded(data, harmony_fuzz::tracks);
});
