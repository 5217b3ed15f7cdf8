//! A bar on the terminal, for work that takes more than a second.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// Work shorter than this shows no bar.
const PATIENCE: Duration = Duration::from_secs(1);

/// How a bar counts bytes.
const BYTES: &str = "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} eta {eta}";
/// How it counts anything else.
const COUNT: &str = "{msg} {wide_bar} {human_pos}/{human_len} {per_sec} eta {eta}";

/// How much is done of all there is to do. Silent unless standard error is a terminal and the work lasts.
pub struct Progress {
    total: u64,
    verb: &'static str,
    template: &'static str,
    started: Instant,
    terminal: bool,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Work over `total` bytes; `verb` says what is being done ("checking").
    pub fn new(total: u64, verb: &'static str) -> Self {
        Self::with(total, verb, BYTES)
    }

    /// Work over `total` things that are no bytes.
    pub fn counting(total: u64, verb: &'static str) -> Self {
        Self::with(total, verb, COUNT)
    }

    fn with(total: u64, verb: &'static str, template: &'static str) -> Self {
        let terminal = std::io::stderr().is_terminal();
        Self {
            total,
            verb,
            template,
            started: Instant::now(),
            terminal,
            bar: None,
        }
    }

    /// So much is done.
    pub fn update(&mut self, done: u64) {
        if !self.terminal {
            return;
        }
        if let Some(bar) = &self.bar {
            bar.set_position(done);
        } else if self.started.elapsed() > PATIENCE {
            let bar = ProgressBar::new(self.total).with_message(self.verb);
            // The template is ours; one that does not parse falls back to indicatif's own.
            if let Ok(style) = ProgressStyle::with_template(self.template) {
                bar.set_style(style);
            }
            bar.set_position(done);
            self.bar = Some(bar);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        // The bar is not part of the result: leave the terminal as it was.
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
