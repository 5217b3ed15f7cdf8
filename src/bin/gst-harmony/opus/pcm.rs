//! Where decoded samples go: a file for each segment, one file, or standard output.

use std::fs;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use gstharmony::opus_store::{Decoder, Refusal};

use super::wav::{self, Channels};
use crate::failure::{Failure, Outcome};
use crate::partial::Partial;

/// The form of the samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A WAV file of 16 bits: RF64 beyond 4 GiB, channels in WAV's order.
    Wav,
    /// 16 bits, signed, little-endian, interleaved in the order of the stream.
    Raw,
    /// 32 bits, IEEE 754, little-endian, interleaved in the order of the stream.
    F32,
}

impl Format {
    /// What names of files end in.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Wav => "wav",
            Self::Raw => "raw",
            Self::F32 => "f32",
        }
    }
}

/// A sample that is decoded and has bytes.
pub trait Bytes: Copy {
    /// Appends its bytes.
    fn write(self, to: &mut Vec<u8>);

    /// Appends the samples of a packet; gives those of a channel.
    fn decode(decoder: &mut Decoder, packet: &[u8], to: &mut Vec<Self>) -> Result<usize, Refusal>;
}

impl Bytes for i16 {
    fn write(self, to: &mut Vec<u8>) {
        to.extend_from_slice(&self.to_le_bytes());
    }

    fn decode(decoder: &mut Decoder, packet: &[u8], to: &mut Vec<Self>) -> Result<usize, Refusal> {
        decoder.decode_i16(packet, to)
    }
}

impl Bytes for f32 {
    fn write(self, to: &mut Vec<u8>) {
        to.extend_from_slice(&self.to_le_bytes());
    }

    fn decode(decoder: &mut Decoder, packet: &[u8], to: &mut Vec<Self>) -> Result<usize, Refusal> {
        decoder.decode_f32(packet, to)
    }
}

/// What is written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Standard output: everything, one after the other.
    Stdout,
    /// One file: everything, one after the other.
    File(PathBuf),
    /// A folder: a file for each segment.
    Folder(PathBuf),
}

impl Target {
    /// The target of `--output`; without it standard output, unless that is a terminal.
    pub fn new(output: Option<&Path>, segments: bool) -> Outcome<Self> {
        match output {
            Some(path) if segments => {
                fs::create_dir_all(path).map_err(|error| Failure::open(path, &error))?;
                Ok(Self::Folder(path.to_owned()))
            }
            Some(path) if path.is_dir() => Err(Failure::Usage(format!(
                "{}: found a folder, expected the name of a file (--segments writes a folder)",
                path.display()
            ))),
            Some(path) => Ok(Self::File(path.to_owned())),
            None if io::stdout().is_terminal() => Err(Failure::Usage(
                "found a terminal, expected --output FILE or a pipe for the samples".to_owned(),
            )),
            None => Ok(Self::Stdout),
        }
    }
}

/// One file or pipe being written.
struct Open {
    out: Box<dyn Write>,
    partial: Option<Partial>,
    path: PathBuf,
}

/// Writes samples in their form to the target.
pub struct Writer {
    target: Target,
    format: Format,
    channels: Channels,
    rate: u32,
    open: Option<Open>,
    bytes: Vec<u8>,
}

impl Writer {
    /// For samples at `rate` Hz.
    pub fn new(target: Target, format: Format, channels: Channels, rate: u32) -> Self {
        Self {
            target,
            format,
            channels,
            rate,
            open: None,
            bytes: Vec::new(),
        }
    }

    /// Each segment is a file of its own.
    pub const fn is_folder(&self) -> bool {
        matches!(self.target, Target::Folder(_))
    }

    /// Begins what will have `frames` samples of each channel; all of it where the target is one. Gives its file.
    pub fn begin(&mut self, name: &str, frames: u64) -> Outcome<Option<PathBuf>> {
        let path = match &self.target {
            Target::Stdout => None,
            Target::File(path) => Some(path.clone()),
            Target::Folder(folder) => {
                Some(folder.join(format!("{name}.{}", self.format.extension())))
            }
        };
        let mut open = match &path {
            None => Open {
                out: Box::new(crate::output::stdout()),
                partial: None,
                path: PathBuf::from("standard output"),
            },
            Some(path) => {
                let (partial, file) = Partial::file(path)?;
                Open {
                    out: Box::new(BufWriter::with_capacity(1 << 16, file)),
                    partial: Some(partial),
                    path: path.clone(),
                }
            }
        };
        if self.format == Format::Wav {
            let header = wav::header(&self.channels, self.rate, frames);
            open.write(&header)?;
        }
        self.open = Some(open);
        Ok(path)
    }

    /// Writes interleaved samples.
    pub fn write<T: Bytes>(&mut self, samples: &mut [T]) -> Outcome {
        if self.format == Format::Wav {
            self.channels.reorder(samples);
        }
        let Some(open) = &mut self.open else {
            return Ok(());
        };
        // Pieces that stay in the processor's cache.
        for piece in samples.chunks(1 << 14) {
            self.bytes.clear();
            for sample in piece {
                sample.write(&mut self.bytes);
            }
            open.write(&self.bytes)?;
        }
        Ok(())
    }

    /// Ends what was begun: a file gets its name.
    pub fn end(&mut self) -> Outcome {
        let Some(mut open) = self.open.take() else {
            return Ok(());
        };
        let flushed = open.out.flush();
        flushed.map_err(|error| open.failure(&error))?;
        match &mut open.partial {
            Some(partial) => partial.commit(),
            None => Ok(()),
        }
    }
}

impl Open {
    fn write(&mut self, bytes: &[u8]) -> Outcome {
        let written = self.out.write_all(bytes);
        written.map_err(|error| self.failure(&error))
    }

    fn failure(&self, error: &io::Error) -> Failure {
        match self.partial {
            Some(_) => Failure::data(&self.path, error),
            None => Failure::output(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_written_in_their_form() {
        let folder = tempfile::tempdir().unwrap();
        let written = |format: Format| {
            let target = Target::new(Some(folder.path()), true).unwrap();
            let mut writer = Writer::new(target, format, Channels::new(3, 1), 48_000);
            let path = writer.begin("a", 2).unwrap().unwrap();
            match format {
                Format::F32 => writer.write(&mut [0.5f32, -1.0, 0.0]).unwrap(),
                _ => writer.write(&mut [1i16, -2, 3]).unwrap(),
            }
            writer.write(&mut [4i16, 5, 6]).unwrap();
            assert!(!path.exists(), "it is not complete");
            writer.end().unwrap();
            fs::read(path).unwrap()
        };
        assert_eq!(
            written(Format::Raw),
            [1, 0, 0xFE, 0xFF, 3, 0, 4, 0, 5, 0, 6, 0]
        );
        assert_eq!(
            written(Format::F32),
            [
                0, 0, 0, 0x3F, 0, 0, 0x80, 0xBF, 0, 0, 0, 0, 4, 0, 5, 0, 6, 0
            ]
        );
        // Left, right, centre.
        let wav = written(Format::Wav);
        assert_eq!(
            wav[wav.len() - 12..],
            [1, 0, 3, 0, 0xFE, 0xFF, 4, 0, 6, 0, 5, 0]
        );
        assert_eq!(wav[wav.len() - 16..wav.len() - 12], [12, 0, 0, 0]);
    }

    #[test]
    fn one_file_is_not_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Target::new(Some(folder.path()), false).is_err());
        let path = folder.path().join("new/a");
        assert_eq!(
            Target::new(Some(&path), true).unwrap(),
            Target::Folder(path.clone())
        );
        assert!(path.is_dir());
    }
}
