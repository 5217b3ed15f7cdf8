//! The tests' own tools: the media are what they claim to be, the server serves, the reader agrees.

mod common;

use std::io::{Read, Write};
use std::process::Command;

use common::{FileServer, GrowingFile, Random, media, packets, v1};

/// What ffprobe says of the first video stream's packets: (pts, dts, key) in stream order.
fn probe(recipe: &media::Recipe) -> Vec<(Option<f64>, Option<f64>, bool)> {
    let output = Command::new("ffprobe")
        .args([
            "-v",
            "error",
            "-select_streams",
            "v:0",
            "-show_entries",
            "packet=pts_time,dts_time,flags",
        ])
        .args(["-of", "csv=p=0"])
        .arg(recipe.path())
        .output()
        .expect("ffprobe is installed");
    let text = String::from_utf8(output.stdout).expect("ffprobe prints text");
    let row = |line: &str| {
        let mut fields = line.split(',');
        let mut number = || fields.next().and_then(|f| f.parse().ok());
        (
            number(),
            number(),
            fields.next().is_some_and(|f| f.starts_with('K')),
        )
    };
    text.lines().map(row).collect()
}

#[test]
fn every_recipe_makes_a_file_that_gstreamer_demuxes() {
    for recipe in media::ALL {
        let (run, streams) = packets::capture(&format!("{} ! parsebin name=d", recipe.source()));
        run.good();
        assert!(!streams.is_empty(), "{}", recipe.name);
        for stream in &streams {
            assert!(
                stream.ended() && stream.packets.iter().all(|p| p.caps.is_some()),
                "{}",
                recipe.name
            );
            assert!(
                stream.packets.len() >= 3 || recipe.name == media::H264_ONE_FRAME.name,
                "{}: {} packets",
                recipe.name,
                stream.packets.len()
            );
        }
    }
}

#[test]
fn reordered_media_is_reordered() {
    for recipe in [
        media::H264_AAC,
        media::H264_OPEN_GOP,
        media::H265,
        media::H265_OPEN_GOP,
        media::H264_VFR,
    ] {
        let rows = probe(&recipe);
        let pts: Vec<f64> = rows.iter().filter_map(|r| r.0).collect();
        assert!(
            pts.windows(2).any(|w| w[1] < w[0]),
            "{} has no B-frames",
            recipe.name
        );
    }
}

#[test]
fn open_gops_have_leading_packets() {
    for recipe in [media::H264_OPEN_GOP, media::H265_OPEN_GOP] {
        let rows = probe(&recipe);
        let leading = rows.windows(2).any(|w| w[0].2 && w[1].0 < w[0].0);
        assert!(
            leading,
            "{} has no packet after a key that is shown before it",
            recipe.name
        );
    }
}

#[test]
fn the_edit_list_puts_the_first_dts_before_zero() {
    let (run, streams) = packets::capture(&format!(
        "{} ! qtdemux name=d",
        media::H264_EDIT_LIST.source()
    ));
    run.good();
    let first = &streams[0].packets[0];
    assert!(first.dts < Some(0), "{first:?}");
    assert_eq!(first.pts, Some(0));
}

#[test]
fn a_file_is_served_whole_and_in_ranges() {
    let path = common::data("h4mk/gops.h4mk");
    let whole = std::fs::read(&path).unwrap();
    let ask = |server: &FileServer, range: &str| {
        let address = server.url()[7..].split('/').next().unwrap().to_owned();
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        write!(stream, "GET / HTTP/1.1\r\n{range}\r\n").unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|w| w == b"\r\n\r\n").unwrap() + 4;
        (
            String::from_utf8(answer[9..12].to_vec()).unwrap(),
            answer[end..].to_vec(),
        )
    };
    let server = FileServer::new(&path, true);
    assert_eq!(ask(&server, ""), ("200".into(), whole.clone()));
    assert_eq!(
        ask(&server, "Range: bytes=100-199\r\n"),
        ("206".into(), whole[100..200].to_vec())
    );
    assert_eq!(
        ask(&server, "Range: bytes=19000-\r\n"),
        ("206".into(), whole[19000..].to_vec())
    );
    assert_eq!(ask(&server, "Range: bytes=99999-\r\n").0, "416");
    assert_eq!(server.seeks(), 3);
    let plain = FileServer::new(&path, false);
    assert_eq!(ask(&plain, "Range: bytes=100-\r\n"), ("200".into(), whole));
}

#[test]
fn a_file_grows_as_told() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = Random::new(1).bytes(1000);
    let mut file = GrowingFile::new(&folder.path().join("grows"), bytes.clone());
    file.grow_to(300);
    file.grow_to(200);
    assert_eq!(std::fs::read(file.path()).unwrap(), bytes[..300]);
    file.finish();
    assert_eq!(std::fs::read(file.path()).unwrap(), bytes);
}

#[test]
fn random_numbers_stay_below_their_bound() {
    let mut random = Random::new(7);
    let numbers: Vec<u64> = (0..1000).map(|_| random.below(10)).collect();
    assert!((0..10).all(|n| numbers.contains(&n)) && numbers.iter().all(|n| *n < 10));
}

#[test]
fn the_independent_reader_reads_the_vectors_and_refuses_the_bad_ones() {
    for entry in std::fs::read_dir(common::data("h4mk")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if name.starts_with("bad-") {
            assert!(v1::refusal(&path).contains("offset "), "{name}");
        } else if name.ends_with(".h4mk") {
            let json = std::fs::read(path.with_extension("json")).unwrap();
            let mut expected: serde_json::Value = serde_json::from_slice(&json).unwrap();
            expected.as_object_mut().unwrap().remove("queries");
            assert_eq!(v1::read(&path, true), expected, "{name}");
        }
    }
    let script = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/python/test_v1_reader.py"
    );
    assert!(
        Command::new("python3")
            .arg(script)
            .status()
            .unwrap()
            .success()
    );
}
