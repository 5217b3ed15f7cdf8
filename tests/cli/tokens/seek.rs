//! What is on the screen, and what to decode to see it.

use serde_json::Value;

use super::{tokens, told};
use crate::common::ffprobe::probe;
use crate::common::{Recipe, media};

/// Of each frame in presentation order: its time in microseconds, the place of its key frame in that order, and how many
/// are decoded; from ffprobe's packets.
fn expected(recipe: &Recipe) -> Vec<(i64, usize, usize)> {
    let probe = &probe(&recipe.path())[0];
    let packets = &probe.packets;
    let time = |place: usize| packets[place].pts.unwrap();
    let mut order: Vec<usize> = (0..packets.len()).collect();
    order.sort_by_key(|place| time(*place));
    let frame = |place: &usize| {
        let keys = (0..=*place).filter(|key| packets[*key].key && time(*key) <= time(*place));
        let key = keys.max().unwrap();
        let index = order.iter().position(|other| *other == key).unwrap();
        (probe.ns(time(*place)) / 1000, index, place - key + 1)
    };
    order.iter().map(frame).collect()
}

#[test]
fn every_frame_is_found_with_what_to_decode() {
    for recipe in [media::H264_OPEN_GOP, media::H265_OPEN_GOP, media::H264_VFR] {
        let expected = expected(&recipe);
        // A millisecond after the begin of each frame.
        let times = expected
            .iter()
            .map(|(time, ..)| format!("{}us", time + 1000));
        let times = times.collect::<Vec<_>>().join(",");
        let told = told(&recipe.path(), &["--seek", &times]);
        assert_eq!(told.get("tokens"), None);
        let answers = told["seek"].as_array().unwrap();
        assert_eq!(answers.len(), expected.len());
        for (place, (on, (time, key, decode))) in answers.iter().zip(&expected).enumerate() {
            assert_eq!(on["frame"]["index"], place, "{}", recipe.name);
            assert_eq!(on["frame"]["pts_us"], *time, "{}: {place}", recipe.name);
            assert_eq!(on["start"]["index"], *key, "{}: {place}", recipe.name);
            assert_eq!(on["start"]["key"], true, "{}: {place}", recipe.name);
            assert_eq!(on["decode"], *decode, "{}: {place}", recipe.name);
            let end = expected.get(place + 1).map(|next| Value::from(next.0));
            assert_eq!(on["frame"]["end_us"], end.unwrap_or(told["end_us"].clone()));
        }
    }
}

#[test]
fn times_may_be_written_in_any_way() {
    let file = media::H264_EDIT_LIST.path();
    for time in [
        "1.5",
        "1.5s",
        "1500ms",
        "1500000us",
        "0:01.5",
        "0:00:01.500",
    ] {
        let told = told(&file, &["--seek", time]);
        assert_eq!(told["seek"][0]["frame"]["pts_us"], 1_480_000, "{time}");
    }
    for wrong in ["", "-1", "1.5m", "soon", "1:60"] {
        let option = format!("--seek={wrong}");
        tokens(&file, &[&option]).fails(2, &["--seek"]);
    }
}

#[test]
fn before_the_first_frame_and_behind_the_last_nothing_is_shown() {
    // Sound begins 21 ms before the pictures.
    let file = media::H264_AAC.path();
    let told = told(
        &file,
        &["--seek", "0.0209", "--seek", "0.021,4.0253,4.0254"],
    );
    let on: Vec<&Value> = told["seek"].as_array().unwrap().iter().collect();
    let frames = on.iter().map(|on| on["frame"]["index"].as_u64());
    assert_eq!(Vec::from_iter(frames), [None, Some(0), Some(119), None]);
    for on in [on[0], on[3]] {
        assert_eq!((&on["start"], &on["decode"]), (&Value::Null, &Value::Null));
    }
    let text = tokens(&file, &["--seek", "0,1"]).good();
    let lines = [
        "nothing: frames are shown from 0:00:00.021",
        "frame 29, from 0:00:00.989",
    ];
    for line in lines {
        assert!(text.contains(line), "no {line:?} in {text}");
    }
}
