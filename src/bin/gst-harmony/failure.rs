//! How a command ends when it does not succeed.

use std::fmt::Display;
use std::io;
use std::path::Path;
use std::process::ExitCode;

/// What every subcommand returns.
pub type Outcome<T = ()> = Result<T, Failure>;

/// Why a command stopped. Messages name the file, the offset, what was found and what was expected.
#[derive(Debug)]
pub enum Failure {
    /// The data, or the pipeline, is at fault: exit status 1.
    Data(String),
    /// The command line is at fault: exit status 2.
    Usage(String),
    /// Nobody reads our output any more (`gst-harmony list FILE | head`): nothing to say, exit status 0.
    OutputClosed,
}

impl Failure {
    /// Bad data in `file`; `what` carries offset, found and expected.
    pub fn data(file: &Path, what: impl Display) -> Self {
        Self::Data(format!("{}: {what}", file.display()))
    }

    /// The same, told of `file` if it is of data.
    pub fn of(self, file: &Path) -> Self {
        match self {
            Self::Data(what) => Self::data(file, what),
            other => other,
        }
    }

    /// A file that the user named and that cannot be opened or created.
    pub fn open(file: &Path, error: &io::Error) -> Self {
        Self::Usage(format!("{}: {error}", file.display()))
    }

    /// Standard output refused our text.
    pub fn output(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::OutputClosed,
            _ => Self::Data(format!("standard output: {error}")),
        }
    }

    /// Prints the message and gives the exit status.
    pub fn report(&self) -> ExitCode {
        match self {
            Self::Data(message) => {
                eprintln!("gst-harmony: {message}");
                ExitCode::from(1)
            }
            Self::Usage(message) => {
                eprintln!("gst-harmony: {message}");
                ExitCode::from(2)
            }
            Self::OutputClosed => ExitCode::SUCCESS,
        }
    }
}
