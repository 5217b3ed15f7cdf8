//! MP4 files of ffmpeg's muxer, and what they and ffprobe say of a codec.

use std::process::Command;

use crate::common::media::Recipe;

/// The payload of the first box of this type, from an MP4 file with its `moov`.
pub fn first_box(recipe: Recipe, kind: &[u8; 4]) -> Vec<u8> {
    let file = std::fs::read(recipe.path()).expect("the file is there");
    let moov = file
        .windows(4)
        .position(|w| w == b"moov")
        .expect("the file has a moov");
    let at = file[moov..]
        .windows(4)
        .position(|w| w == kind)
        .map(|at| moov + at)
        .unwrap_or_else(|| panic!("{}: no {}", recipe.name, String::from_utf8_lossy(kind)));
    let size = u32::from_be_bytes(file[at - 4..at].try_into().unwrap()) as usize;
    file[at + 4..at - 4 + size].to_vec()
}

/// The packets of the first stream of an MP4 file.
pub fn packets(recipe: Recipe, count: usize) -> Vec<Vec<u8>> {
    let path = recipe.path();
    let show = ["-v", "error", "-select_streams", "0", "-show_packets"];
    let output = Command::new("ffprobe")
        .args(show)
        .args(["-show_entries", "packet=pos,size", "-of", "csv=p=0"])
        .arg(&path)
        .output()
        .expect("ffprobe is installed");
    let file = std::fs::read(&path).expect("the file is there");
    let text = String::from_utf8(output.stdout).expect("ffprobe writes text");
    let lines = text.lines().filter(|line| !line.is_empty());
    let packets = lines.take(count).map(|line| {
        let mut numbers = line.split(',').map(|n| n.trim().parse::<usize>().unwrap());
        let (size, at) = (numbers.next().unwrap(), numbers.next().unwrap());
        file[at..at + size].to_vec()
    });
    packets.collect()
}

/// A field of the first stream, from ffprobe.
pub fn probe(recipe: Recipe, field: &str) -> String {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-select_streams", "0", "-show_entries"])
        .arg(format!("stream={field}"))
        .args(["-of", "default=nw=1:nk=1"])
        .arg(recipe.path())
        .output()
        .expect("ffprobe is installed");
    String::from_utf8(output.stdout)
        .expect("ffprobe writes text")
        .trim()
        .to_string()
}

/// The first stream as another of ffmpeg's muxers writes it, copied.
pub fn stream(recipe: Recipe, format: &str) -> Vec<u8> {
    let output = Command::new("ffmpeg")
        .args(["-hide_banner", "-v", "error", "-nostdin", "-i"])
        .arg(recipe.path())
        .args(["-c", "copy", "-bitexact", "-f", format, "-"])
        .output()
        .expect("ffmpeg is installed");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {errors}", recipe.name);
    output.stdout
}

/// Ticks from each of the first packets to the next, which MP4 files of ffmpeg's count at the sample rate.
pub fn durations(recipe: Recipe, count: usize) -> Vec<u32> {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-select_streams", "0"])
        .args(["-show_entries", "packet=dts", "-of", "csv=p=0"])
        .arg(recipe.path())
        .output()
        .expect("ffprobe is installed");
    let text = String::from_utf8(output.stdout).expect("ffprobe writes text");
    let lines = text.lines().filter(|line| !line.is_empty());
    let times = lines.take(count + 1).map(|line| {
        let number = line.split(',').next().unwrap_or_default();
        number.trim().parse().expect("packets have times")
    });
    let times: Vec<i64> = times.collect();
    let steps = times
        .windows(2)
        .map(|pair| u32::try_from(pair[1] - pair[0]));
    steps.map(|step| step.expect("times rise")).collect()
}
