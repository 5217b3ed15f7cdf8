//! `gst-harmony run`: a pipeline from a `.launch` file, to its end.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use clap::Args as ClapArgs;
use gst::MessageView;
use gst::prelude::*;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use crate::failure::{Failure, Outcome};
use crate::output;
use crate::settings::Setting;

/// Run the pipeline in a .launch file until it ends, fails or Ctrl-C.
///
/// Lines that begin with # are comments. Ctrl-C ends the stream, so that files are finished; a second Ctrl-C stops at
/// once.
#[derive(ClapArgs)]
pub struct Args {
    /// The file that holds the pipeline.
    #[arg(value_name = "FILE.launch")]
    file: PathBuf,
    /// Set a property of an element, found by its name, or by its factory's where only one such element exists.
    #[arg(long = "set", value_name = "ELEMENT.PROPERTY=VALUE")]
    settings: Vec<Setting>,
}

/// How often the terminal sees the position, and Ctrl-C is looked at.
const TICK: gst::ClockTime = gst::ClockTime::from_mseconds(200);

/// Starts GStreamer with this tool's own copy of the plugin, which comes before an installed one.
pub fn init() -> Outcome {
    gst::init().map_err(|error| Failure::Data(format!("GStreamer does not start: {error}")))?;
    gstharmony::plugin_register_static()
        .map_err(|error| Failure::Data(format!("the harmony plugin does not register: {error}")))
}

/// Runs the subcommand.
pub fn run(args: &Args, json: bool) -> Outcome {
    let description = read(&args.file)?;
    init()?;
    let pipeline = parse(&args.file, &description)?;
    for setting in &args.settings {
        setting
            .apply(pipeline.upcast_ref())
            .map_err(|what| Failure::Usage(format!("--set: {what}")))?;
    }
    let started = Instant::now();
    let ended = Running::new(pipeline, &args.file)?.until_end();
    if json {
        let (state, message) = match &ended {
            Ok(true) => ("interrupted", None),
            Ok(false) => ("eos", None),
            Err(Failure::Data(message) | Failure::Usage(message)) => ("error", Some(message)),
            Err(Failure::OutputClosed) => ("error", None),
        };
        let seconds = started.elapsed().as_secs_f64();
        output::print_json(
            &json!({"file": args.file, "ended": state, "seconds": seconds, "error": message}),
        )?;
    }
    ended.map(|_| ())
}

/// An error of the bus with its element and what it says for developers.
pub fn error_text(error: &gst::message::Error) -> String {
    let source = error.src().map_or_else(
        || "pipeline".to_owned(),
        |source| source.path_string().to_string(),
    );
    let debug = error
        .debug()
        .map(|debug| format!("\n  {debug}"))
        .unwrap_or_default();
    format!("{source}: {}{debug}", error.error())
}

/// The pipeline's text without its comment lines.
fn read(file: &Path) -> Outcome<String> {
    let text = std::fs::read_to_string(file).map_err(|error| Failure::open(file, &error))?;
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    if lines.is_empty() {
        return Err(Failure::data(
            file,
            "found no pipeline, expected one beside the comment lines",
        ));
    }
    Ok(lines.join(" "))
}

fn parse(file: &Path, description: &str) -> Outcome<gst::Pipeline> {
    let mut context = gst::ParseContext::new();
    let element = gst::parse::launch_full(
        description,
        Some(&mut context),
        gst::ParseFlags::FATAL_ERRORS,
    )
    .map_err(|error| {
        let missing = context.missing_elements();
        let names: Vec<&str> = missing.iter().map(|name| name.as_str()).collect();
        if names.is_empty() {
            Failure::data(file, error)
        } else {
            Failure::data(
                file,
                format!(
                    "{error}; elements that are not installed: {}",
                    names.join(", ")
                ),
            )
        }
    })?;
    match element.downcast::<gst::Pipeline>() {
        Ok(pipeline) => Ok(pipeline),
        Err(element) => {
            let pipeline = gst::Pipeline::new();
            pipeline
                .add(&element)
                .map_err(|error| Failure::data(file, error))?;
            Ok(pipeline)
        }
    }
}

/// A pipeline on its way; it goes back to NULL however it ends.
struct Running<'a> {
    pipeline: gst::Pipeline,
    bus: gst::Bus,
    file: &'a Path,
    interrupts: Arc<AtomicUsize>,
    asked_to_end: bool,
    live: bool,
    buffering: bool,
    bar: Option<ProgressBar>,
    started: Instant,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        // Going down to NULL cannot be refused; the answer tells nothing.
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

impl<'a> Running<'a> {
    fn new(pipeline: gst::Pipeline, file: &'a Path) -> Outcome<Self> {
        let bus = pipeline
            .bus()
            .ok_or_else(|| Failure::data(file, "the pipeline has no bus"))?;
        let interrupts = Arc::new(AtomicUsize::new(0));
        let counter = interrupts.clone();
        ctrlc::set_handler(move || {
            counter.fetch_add(1, Ordering::SeqCst);
        })
        .map_err(|error| Failure::Data(format!("cannot watch for Ctrl-C: {error}")))?;
        let started = Instant::now();
        Ok(Self {
            pipeline,
            bus,
            file,
            interrupts,
            asked_to_end: false,
            live: false,
            buffering: false,
            bar: None,
            started,
        })
    }

    /// Plays to the end. True: it was interrupted.
    fn until_end(mut self) -> Outcome<bool> {
        match self.pipeline.set_state(gst::State::Playing) {
            Ok(success) => self.live = success == gst::StateChangeSuccess::NoPreroll,
            // The message that says why is on the bus.
            Err(error) => {
                return Err(self
                    .first_error()
                    .unwrap_or_else(|| Failure::data(self.file, error)));
            }
        }
        loop {
            if let Some(message) = self.bus.timed_pop(TICK)
                && self.handle(&message)?
            {
                return Ok(self.asked_to_end);
            }
            match self.interrupts.load(Ordering::SeqCst) {
                0 => {}
                1 if !self.asked_to_end => {
                    self.asked_to_end = true;
                    eprintln!("gst-harmony: ending the stream; Ctrl-C again stops at once");
                    self.pipeline.send_event(gst::event::Eos::new());
                }
                1 => {}
                _ => return Err(Failure::data(self.file, "stopped before the stream's end")),
            }
            self.show();
        }
    }

    fn first_error(&self) -> Option<Failure> {
        let message = self.bus.pop_filtered(&[gst::MessageType::Error])?;
        match message.view() {
            MessageView::Error(error) => Some(self.failure(error)),
            _ => None,
        }
    }

    fn failure(&self, error: &gst::message::Error) -> Failure {
        Failure::data(self.file, error_text(error))
    }

    /// One message of the bus. True: the pipeline has ended.
    fn handle(&mut self, message: &gst::Message) -> Outcome<bool> {
        match message.view() {
            MessageView::Eos(_) => return Ok(true),
            MessageView::Error(error) => return Err(self.failure(error)),
            MessageView::Warning(warning) => {
                let source = warning.src().map_or_else(
                    || "pipeline".to_owned(),
                    |source| source.path_string().to_string(),
                );
                self.say(&format!("warning: {source}: {}", warning.error()));
            }
            MessageView::Latency(_) => {
                // What an element then cannot do it reports itself.
                let _ = self.pipeline.recalculate_latency();
            }
            MessageView::ClockLost(_) => self
                .set(gst::State::Paused)
                .and_then(|()| self.set(gst::State::Playing))?,
            MessageView::RequestState(request) => self.set(request.requested_state())?,
            MessageView::Buffering(buffering) if !self.live => {
                let wait = buffering.percent() < 100;
                if wait != self.buffering {
                    self.buffering = wait;
                    self.set(if wait {
                        gst::State::Paused
                    } else {
                        gst::State::Playing
                    })?;
                }
            }
            _ => {}
        }
        Ok(false)
    }

    fn set(&self, state: gst::State) -> Outcome {
        match self.pipeline.set_state(state) {
            Ok(_) => Ok(()),
            Err(error) => Err(self
                .first_error()
                .unwrap_or_else(|| Failure::data(self.file, error))),
        }
    }

    fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| eprintln!("gst-harmony: {line}")),
            None => eprintln!("gst-harmony: {line}"),
        }
    }

    /// Position and duration, on a terminal and after a second.
    fn show(&mut self) {
        if !std::io::stderr().is_terminal() || self.started.elapsed() < Duration::from_secs(1) {
            return;
        }
        let Some(position) = self.pipeline.query_position::<gst::ClockTime>() else {
            return;
        };
        let duration = self
            .pipeline
            .query_duration::<gst::ClockTime>()
            .filter(|duration| !duration.is_zero());
        let bar = self.bar.get_or_insert_with(|| {
            let bar = ProgressBar::no_length();
            let template = if duration.is_some() {
                "{wide_bar} {msg}"
            } else {
                "{spinner} {msg}"
            };
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            bar
        });
        let ns = |time: gst::ClockTime| {
            output::time(i64::try_from(time.mseconds()).unwrap_or(0) * 1_000_000)
        };
        match duration {
            Some(duration) => {
                bar.set_length(duration.mseconds());
                bar.set_position(position.mseconds());
                bar.set_message(format!("{} / {}", ns(position), ns(duration)));
            }
            None => {
                bar.set_message(ns(position));
                bar.tick();
            }
        }
    }
}
