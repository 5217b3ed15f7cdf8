//! Packets of sound.

use super::{list, same, shown, told};
use crate::common::ffprobe::probe;
use crate::common::{media, opus};

#[test]
fn packets_of_opus_begin_where_the_playback_does() {
    let file = media::OPUS.path();
    let told = told(&file, &[]);
    let probe = &probe(&file)[0];
    // The pre-skip of 6.5 ms is heard by nobody: the first packet is shorter by it.
    let mut expected = shown(probe, false);
    assert_eq!(expected[0].0, -6_500);
    expected[0].0 = 0;
    same("opus.ogg", &list(&told), &expected);
    assert_eq!(
        (&told["kind"], &told["end_us"]),
        (&"audio".into(), &3_000_000.into())
    );
    assert_eq!(told["keys"].as_array().unwrap().len(), expected.len());
}

#[test]
fn sound_in_matroska_keeps_its_milliseconds() {
    for recipe in [media::AAC_441, media::EAC3, media::FLAC_96] {
        let told = told(&recipe.path(), &[]);
        let probe = &probe(&recipe.path())[0];
        same(recipe.name, &list(&told), &shown(probe, false));
    }
}

#[test]
fn what_an_edit_list_cuts_off_a_packet_is_not_counted() {
    let file = media::H264_EDIT_LIST.path();
    let told = told(&file, &["--stream", "2"]);
    let probe = &probe(&file)[1];
    let mut expected = shown(probe, false);
    // qtdemux leaves out the packet that the end of the edit list cuts.
    assert!(expected.pop().unwrap().0 > 2_990_000);
    same("h264-edit-list.mp4", &list(&told), &expected);
    // The encoder's delay is a packet of its own here.
    assert_eq!(
        (&told["start_us"], &told["left_out"]["outside"]),
        (&0.into(), &1.into())
    );
}

#[test]
fn a_chained_file_goes_on_from_link_to_link() {
    let chain = opus::CHAIN.path();
    let told = told(&chain, &[]);
    let links = opus::CHAIN.walk();
    assert_eq!(
        (&told["links"], &told["streams"]),
        (&links.len().into(), &1.into())
    );
    let heard = |link: &serde_json::Value| link["total"].as_f64().unwrap();
    let seconds = links.iter().map(heard).sum::<f64>() / 48_000.0;
    let end = told["end_us"].as_f64().unwrap() / 1e6;
    assert!((end - seconds).abs() < 1e-6, "{end} and {seconds}");
    let packets = |link: &serde_json::Value| link["packets"].as_array().unwrap().len();
    let packets: usize = links.iter().map(packets).sum();
    assert_eq!(told["frames"], packets);
    assert!(list(&told).windows(2).all(|pair| pair[0].0 < pair[1].0));
}
