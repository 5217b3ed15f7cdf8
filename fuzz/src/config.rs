//! Codec headers, and the samples and packets whose headers tell more.

use gstharmony::isobmff::config::{aac, ac3, av1, avc, eac3, flac, hevc, vp9};

/// The bytes as each codec's header, sample and packet: what is accepted is within its bounds, and what is written of it is
/// read again.
pub fn config(data: &[u8]) {
    video(data);
    audio(data);
}

fn video(data: &[u8]) {
    if let Ok(config) = avc::Config::parse(data) {
        assert!(config.codecs(true).starts_with("avc3."));
        assert!(config.sps.is_none_or(|sps| sps.reorder_depth() <= 16));
    }
    if let Ok(config) = hevc::Config::parse(data) {
        assert!(config.codecs(true).starts_with("hev1."));
        assert!(config.sps.is_none_or(|sps| sps.reorder_depth <= 16));
    }
    for length_size in [1, 2, 4] {
        if let Some(sps) = avc::find_sps(data, length_size) {
            assert!(avc::has_parameter_sets(data, length_size));
            assert!(sps.width > 0 && sps.height > 0 && sps.reorder_depth() <= 16);
        }
        if let Some(sps) = hevc::find_sps(data, length_size) {
            assert!(hevc::has_parameter_sets(data, length_size));
            assert!(sps.width > 0 && sps.height > 0 && sps.reorder_depth <= 16);
        }
    }
    let _ = (avc::Sps::parse(data), hevc::Sps::parse(data));
    if let Ok(config) = av1::Config::from_temporal_unit(data) {
        let again = av1::Config::parse(&config.record).expect("what is written is read");
        assert_eq!(again, config);
        assert!(config.codecs().starts_with("av01."));
    }
    let _ = (av1::Config::parse(data), av1::Sequence::parse(data));
    let cut = av1::leading_delimiters(data);
    assert_eq!(av1::leading_delimiters(&data[cut..]), 0);
    if let Ok(key) = vp9::KeyFrame::parse(data) {
        let level = vp9::level(key.width, key.height, Some((u32::MAX, 1)));
        assert_eq!(key.record(level, key.colour).len(), 8);
        assert!(key.codecs(level, key.colour).starts_with("vp09."));
    }
}

fn audio(data: &[u8]) {
    if let Ok(config) = aac::Config::parse(data) {
        assert!(config.rate > 0);
        assert_eq!(config.samples_at(config.rate), Some(config.frame_length));
        let _ = config.samples_at(u32::MAX);
    }
    if let Ok(config) = flac::Config::parse([data]) {
        let again = flac::Config::parse([config.blocks.as_slice()]);
        assert_eq!(again.expect("what is written is read"), config);
    }
    if let Ok(samples) = flac::samples(data) {
        assert!(flac::has_sync(data) && (1..=65_536).contains(&samples));
    }
    if let Ok(config) = ac3::Config::parse(data) {
        assert!(config.rate > 0 && (1..=6).contains(&config.channels));
    }
    if let Ok(config) = eac3::Config::parse(data) {
        assert!(config.rate > 0 && config.channels > 0);
        eac3::samples(data).expect("its frames are read");
    }
}
