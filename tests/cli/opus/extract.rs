//! `gst-harmony extract`.

use std::fs;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use serde_json::{Value, json};

use super::{Place, extracted, info, opusdec};
use crate::common::opus;
use crate::tool::{piped, tool};

/// The bytes of samples of a stream of these channels.
fn part(all: &[u8], channels: usize, from: usize, to: usize) -> &[u8] {
    &all[from * channels * 2..to * channels * 2]
}

#[test]
fn every_range_of_a_certified_store_is_that_of_a_sequential_decode() {
    let place = Place::new();
    for (source, channels) in [
        (opus::SWITCHED, 1),
        (opus::CELT_LOW, 2),
        (opus::SILK_MUSIC, 2),
    ] {
        let store = place.store(&source, &["--pcm-hash"]);
        let whole = opusdec(&source, "-");
        let total = whole.len() / 2 / channels;
        for (from, to) in [
            (0, 1),
            (0, total),
            (5_000, 5_001),
            (total / 2, total / 2 + 4_800),
            (total - 1, total),
        ] {
            let range = format!("{from}:{to}");
            let options = ["--samples", &range, "--format", "raw"];
            let (found, ran) = extracted(&store, &options);
            assert!(
                found == part(&whole, channels, from, to),
                "{} {range}",
                source.name
            );
            ran.fails(0, &[&format!("{} samples, certified", to - from)]);
        }
        let open = |range: &str| extracted(&store, &["--samples", range, "--format", "raw"]).0;
        assert!(open(":100") == part(&whole, channels, 0, 100));
        let last = format!("{}:", total - 7);
        assert!(open(&last) == part(&whole, channels, total - 7, total));
    }
}

#[test]
fn wav_files_are_those_of_opus_tools() {
    let place = Place::new();
    for source in [opus::ODD_TOOLS, opus::SURROUND] {
        let store = place.store(&source, &["--pcm-hash"]);
        let theirs = opusdec(&source, place.file("theirs.wav").to_str().unwrap());
        let ours = place.file("ours.wav");
        let options = [
            "--samples",
            ":",
            "--output",
            ours.to_str().unwrap(),
            "--json",
        ];
        let (told, ran) = extracted(&store, &options);
        ran.good();
        let told: Value = serde_json::from_slice(&told).unwrap();
        assert_eq!(told["certified"], true, "{told}");
        assert_eq!(told["segments"][0]["file"], ours.to_str().unwrap());
        let ours = fs::read(ours).unwrap();
        let data = |wav: &[u8]| wav.windows(4).position(|id| id == b"data").unwrap() + 8;
        assert!(
            ours[data(&ours)..] == theirs[data(&theirs)..],
            "{}",
            source.name
        );
        // Order, mask and bits of the channels.
        let format = |wav: &[u8]| wav[20..data(wav) - 8].to_vec();
        assert_eq!(format(&ours), format(&theirs), "{}", source.name);
        // A pipe gets the same.
        assert!(extracted(&store, &["--samples", ":"]).0 == ours);
    }
}

#[test]
fn floats_are_the_same_sound() {
    let place = Place::new();
    let store = place.store(&opus::ODD_TOOLS, &[]);
    let range = ["--samples", "50000:60000", "--format"];
    let (floats, _) = extracted(&store, &[&range[..], &["f32"]].concat());
    let (ints, _) = extracted(&store, &[&range[..], &["raw"]].concat());
    assert_eq!((floats.len(), ints.len()), (80_000, 40_000));
    for (float, int) in floats
        .as_chunks::<4>()
        .0
        .iter()
        .zip(ints.as_chunks::<2>().0)
    {
        let (float, int) = (f32::from_le_bytes(*float), i16::from_le_bytes(*int));
        assert!(
            (float * 32_768.0 - f32::from(int)).abs() <= 0.51,
            "{float} {int}"
        );
    }
}

/// A minute and a half, which is decoded in pieces where nothing is changed by that.
#[test]
fn long_ranges_are_those_of_a_sequential_decode() {
    let place = Place::new();
    for (source, options) in [
        (opus::LONG_SILK, &[] as &[_]),
        (opus::LONG_SILK, &["--pcm-hash", "--overwrite"]),
        (opus::LONG_CELT, &[]),
    ] {
        let store = place.store(&source, options);
        for jobs in ["1", "2"] {
            let (found, _) = extracted(
                &store,
                &["--samples", ":", "--format", "raw", "--jobs", jobs],
            );
            assert!(
                found == opusdec(&source, "-"),
                "{} {options:?} {jobs}",
                source.name
            );
        }
    }
}

#[test]
fn segments_become_files_of_their_names() {
    let place = Place::new();
    let store = place.store(&opus::MIXED, &["--pcm-hash"]);
    let list = place.file("list.csv");
    fs::write(
        &list,
        "start,stop,name\n0,4800,first\n100000,104800,\n90000,100000,third\n",
    )
    .unwrap();
    let list = ["--segments", list.to_str().unwrap(), "--format", "raw"];
    let folder = place.file("new/folder");
    for jobs in ["1", "3"] {
        let options = [
            "--output",
            folder.to_str().unwrap(),
            "--jobs",
            jobs,
            "--json",
        ];
        let (told, ran) = extracted(&store, &[&list[..], &options].concat());
        ran.good();
        let told: Value = serde_json::from_slice(&told).unwrap();
        let whole = opusdec(&opus::MIXED, "-");
        let mut together = Vec::new();
        for (segment, (name, from, to)) in told["segments"].as_array().unwrap().iter().zip([
            ("first", 0, 4_800),
            ("000002", 100_000, 104_800),
            ("third", 90_000, 100_000),
        ]) {
            let file = folder.join(format!("{name}.raw"));
            assert_eq!(segment["file"], file.to_str().unwrap());
            assert_eq!(
                (&segment["name"], &segment["certified"]),
                (&json!(name), &json!(true))
            );
            let expected = part(&whole, 1, from, to);
            assert!(fs::read(&file).unwrap() == expected, "{name}");
            together.extend_from_slice(expected);
        }
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 3);
        assert!(
            extracted(&store, &list).0 == together,
            "one after the other"
        );
        fs::remove_dir_all(&folder).unwrap();
    }
}

#[test]
fn what_is_not_certified_says_why() {
    let place = Place::new();
    let store = place.store(&opus::CELT, &[]);
    let range = ["--samples", "96000:97000", "--format", "raw"];
    let (bytes, ran) = extracted(&store, &range);
    ran.fails(0, &["uncertified", "no hashes"]);
    // The recommended 1.2 s are enough for CELT.
    assert!(bytes == part(&opusdec(&opus::CELT, "-"), 2, 96_000, 97_000));
    let (bytes, ran) = extracted(&store, &[&range[..], &["--preroll", "certified"]].concat());
    ran.fails(2, &["no hashes", "pcm-hash"]);
    assert!(bytes.is_empty());
    let (bytes, _) = extracted(&store, &[&range[..], &["--preroll", "0"]].concat());
    assert!(bytes != part(&opusdec(&opus::CELT, "-"), 2, 96_000, 97_000));
}

#[test]
fn gain_is_applied_unless_it_is_left_out() {
    let place = Place::new();
    let store = place.store(&opus::GAIN, &["--pcm-hash"]);
    let range = ["--samples", "96000:97000", "--format", "raw"];
    let plain = part(&opusdec(&opus::CELT, "-"), 2, 96_000, 97_000).to_vec();
    let (with, ran) = extracted(&store, &range);
    ran.fails(0, &["uncertified", "without gain"]);
    let (without, ran) = extracted(&store, &[&range[..], &["--no-gain"]].concat());
    ran.fails(0, &["samples, certified"]);
    assert!(without == plain);
    for (loud, soft) in plain.as_chunks::<2>().0.iter().zip(with.as_chunks::<2>().0) {
        let (loud, soft) = (i16::from_le_bytes(*loud), i16::from_le_bytes(*soft));
        // −6 dB.
        assert!(
            (f32::from(loud) * 0.501_187 - f32::from(soft)).abs() <= 1.0,
            "{loud} {soft}"
        );
    }
}

#[test]
fn links_are_extracted_alone() {
    let place = Place::new();
    let store = place.store(&opus::CHAIN, &["--pcm-hash"]);
    let options = ["--samples", ":", "--format", "raw", "--link", "1"];
    assert!(extracted(&store, &options).0 == opusdec(&opus::ODD_TOOLS, "-"));
}

#[test]
fn wishes_that_can_not_be_fulfilled_are_told() {
    let place = Place::new();
    let store = place.store(&opus::ODD_TOOLS, &[]);
    let name = store.to_str().unwrap();
    for (options, words) in [
        (
            &["--samples", "0:100004"] as &[_],
            &["100004", "100003"] as &[_],
        ),
        (&["--samples", "100003:"], &["100003"]),
        (&["--samples", "200000:"], &["200000", "100003"]),
        (&["--samples", "5:5"], &["5:5", "excluded"]),
        (&["--samples", "a:b"], &["a:b", "START:STOP"]),
        (
            &["--samples", "0:1", "--preroll", "soon"],
            &["soon", "certified"],
        ),
        (&["--samples", "0:1", "--link", "1"], &["link 1"]),
        (&["--samples", "0:1", "--jobs", "0"], &["--jobs"]),
        (&["--samples", "0:1", "--json"], &["--output"]),
        (
            &["--samples", "0:1", "--segments", "a.csv"],
            &["--segments"],
        ),
        (&[], &["--samples"]),
        (&["--segments", "/nonexistent.csv"], &["/nonexistent.csv"]),
    ] {
        tool([&["extract", name], options].concat()).fails(2, words);
    }
    let list = place.file("list.csv");
    for (text, words) in [
        (
            "start,stop\n0,5\n7,x\n",
            &["line 3", "stop", "\"x\""] as &[_],
        ),
        ("0,5\n100000,100010\n", &["line 2", "100010", "100003"]),
        ("0,5,a\n1,2,a\n", &["line 2", "twice"]),
    ] {
        fs::write(&list, text).unwrap();
        let output = place.file("out");
        let options = [
            "extract",
            name,
            "--segments",
            list.to_str().unwrap(),
            "--output",
            output.to_str().unwrap(),
        ];
        tool(options).fails(1, words);
        assert!(!output.exists(), "{text}");
    }
}

#[test]
fn nothing_is_left_of_an_extraction_that_fails() {
    let place = Place::new();
    let store = place.store(&opus::ODD_TOOLS, &[]);
    let chunk = store.join("opus_packets/c/0");
    let bytes = info(&store)["links"][0]["bytes"].as_u64().unwrap();
    let file = fs::File::options().write(true).open(&chunk).unwrap();
    file.set_len(bytes / 2).unwrap();
    let output = place.file("a.wav");
    let options = [
        "extract",
        store.to_str().unwrap(),
        "--samples",
        ":",
        "--output",
        output.to_str().unwrap(),
    ];
    tool(options).fails(1, &["opus_packets"]);
    let left: Vec<_> = fs::read_dir(place.0.path())
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(left, ["odd-tools.opus.zarr"]);
}

/// Changes text in the attributes of a store's group.
fn edit(store: &Path, from: &str, to: &str) {
    let file = store.join("zarr.json");
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(file, text.replace(from, to)).unwrap();
}

/// Another decoder's hashes prove nothing, so that no piece may begin with a decoder of its own.
#[test]
fn long_ranges_have_no_seams_where_hashes_are_of_another_decoder() {
    let place = Place::new();
    let store = place.store(&opus::LONG_SILK, &["--pcm-hash"]);
    let about = info(&store);
    let theirs = &about["links"][0]["attributes"]["decoder_fingerprint"];
    edit(&store, theirs.as_str().unwrap(), "another");
    let options = ["--samples", ":", "--format", "raw", "--jobs", "2"];
    let whole = opusdec(&opus::LONG_SILK, "-");
    for preroll in ["certified", "auto"] {
        let (found, ran) = extracted(&store, &[&options[..], &["--preroll", preroll]].concat());
        ran.fails(0, &["uncertified", "another"]);
        assert!(found == whole, "{preroll}");
    }
}

#[test]
fn a_damaged_index_never_gives_another_number_of_samples() {
    let place = Place::new();
    let store = place.store(&opus::LONG_SILK, &[]);
    let index = store.join("opus_index/c/0/0");
    let sound = fs::read(&index).unwrap();
    for later in [960u64, 0u64.wrapping_sub(960)] {
        let mut bytes = sound.clone();
        // From the packet on that begins a batch, the time line is moved; rows are right by themselves.
        for row in bytes.as_chunks_mut::<40>().0.iter_mut().skip(256) {
            for field in row.as_chunks_mut::<8>().0.iter_mut().skip(3) {
                *field = u64::from_le_bytes(*field).wrapping_add(later).to_le_bytes();
            }
        }
        fs::write(&index, bytes).unwrap();
        for range in [":", ":4000000"] {
            let output = place.file("a.wav");
            let file = output.to_str().unwrap();
            let options = ["--samples", range, "--output", file, "--jobs", "1"];
            extracted(&store, &options).1.fails(1, &["index"]);
            assert!(!output.exists() && !place.file("a.wav.part").exists());
        }
    }
}

#[test]
fn a_pipe_is_written_and_stays_one() {
    let place = Place::new();
    let store = place.store(&opus::ODD_TOOLS, &[]);
    let pipe = place.file("pipe");
    let told = piped(&pipe, || {
        let options = ["--samples", ":", "--output", pipe.to_str().unwrap()];
        extracted(&store, &options).1.good();
    });
    assert!(told == extracted(&store, &["--samples", ":"]).0);
    assert!(pipe.metadata().unwrap().file_type().is_fifo());
    assert!(!place.file("pipe.part").exists());
}
