//! Pipelines run to their end, watched through their bus.

use std::path::Path;

use gst::MessageView;
use gst::prelude::*;

/// No test pipeline takes this long on any machine; one that does hangs.
pub const PATIENCE: gst::ClockTime = gst::ClockTime::from_seconds(120);

/// How a pipeline ended and what it said on the way.
#[derive(Debug, Default)]
pub struct Run {
    /// The error message with the name of its element and the debug details; `None` after EOS.
    pub error: Option<String>,
    /// Warnings, formatted like the error.
    pub warnings: Vec<String>,
    /// Every message but state changes, in order.
    pub messages: Vec<gst::Message>,
}

impl Run {
    /// Fails the test unless the pipeline ended with EOS and without a warning.
    pub fn good(self) -> Self {
        assert_eq!(self.error, None, "the pipeline fails");
        assert!(
            self.warnings.is_empty(),
            "the pipeline warns: {:?}",
            self.warnings
        );
        self
    }

    /// The error; fails the test when there is none.
    pub fn failure(self) -> String {
        self.error.expect("the pipeline ends with an error")
    }
}

/// A pipeline from its description.
pub fn launch(description: &str) -> gst::Pipeline {
    super::init();
    gst::parse::launch(description)
        .unwrap_or_else(|e| panic!("{description}: {e}"))
        .downcast()
        .unwrap_or_else(|_| panic!("not a pipeline: {description}"))
}

/// A path as a value for [`launch`].
pub fn quoted(path: &Path) -> String {
    format!("\"{}\"", path.display())
}

/// Plays until EOS or an error, then goes to NULL. A pipeline that does neither fails the test.
pub fn run(pipeline: &gst::Pipeline) -> Run {
    let bus = pipeline.bus().expect("a pipeline has a bus");
    // A refused state change has put its error on the bus.
    let started = pipeline.set_state(gst::State::Playing);
    let run = watch(&bus);
    pipeline
        .set_state(gst::State::Null)
        .expect("the pipeline stops");
    assert!(
        started.is_ok() || run.error.is_some(),
        "a refused start says why"
    );
    run
}

/// Collects messages until EOS or an error.
pub fn watch(bus: &gst::Bus) -> Run {
    let mut run = Run::default();
    loop {
        let Some(message) = bus.timed_pop(PATIENCE) else {
            panic!("the pipeline hangs; it said {:?}", run.messages);
        };
        let name = message
            .src()
            .map(|s| s.name().to_string())
            .unwrap_or_default();
        let told = |error: &gst::glib::Error, debug: Option<gst::glib::GString>| {
            format!("{name}: {error} ({})", debug.as_deref().unwrap_or_default())
        };
        match message.view() {
            MessageView::Eos(_) => return run,
            MessageView::Error(e) => {
                run.error = Some(told(&e.error(), e.debug()));
                return run;
            }
            MessageView::Warning(w) => run.warnings.push(told(&w.error(), w.debug())),
            MessageView::StateChanged(_) => continue,
            _ => {}
        }
        run.messages.push(message);
    }
}
