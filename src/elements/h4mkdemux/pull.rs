//! Pull mode: the demuxer's own thread reads where it wants to.

use std::sync::atomic::Ordering;
use std::time::Duration;

use gst::glib;
use gst::glib::translate::*;
use gst::prelude::*;
use gst::subclass::prelude::*;

use super::deliver::{Outcome, Stop};
use super::imp::{CAT, H4mkDemux};
use super::reader::{Reader, Source};
use super::source::PullSource;

/// How often the end of a growing file is looked at.
const POLL: Duration = Duration::from_millis(50);
/// Steps in one round of the task, whose own bookkeeping costs as much as a small block.
const STEPS: usize = 32;

impl H4mkDemux {
    pub(super) fn activate(&self, pad: &gst::Pad) -> Result<(), gst::LoggableError> {
        let mut query = gst::query::Scheduling::new();
        let pull = pad.peer_query(&mut query)
            && query
                .has_scheduling_mode_with_flags(gst::PadMode::Pull, gst::SchedulingFlags::SEEKABLE);
        let mode = if pull {
            gst::PadMode::Pull
        } else {
            gst::PadMode::Push
        };
        pad.activate_mode(mode, true)?;
        Ok(())
    }

    pub(super) fn activate_mode(
        &self,
        pad: &gst::Pad,
        mode: gst::PadMode,
        active: bool,
    ) -> Result<(), gst::LoggableError> {
        if mode != gst::PadMode::Pull {
            return Ok(());
        }
        if active {
            *self.reader() = None;
            self.start_task();
            Ok(())
        } else {
            pad.stop_task()
                .map_err(|_| gst::loggable_error!(CAT, "Can't stop the task"))
        }
    }

    /// Starts the task, or lets a paused one go on.
    ///
    /// `Pad::start_task` allocates a closure that a pad which has its task already never frees, so that each
    /// seek would leak one; the element outlives its pad's task and is handed over as it is.
    pub(super) fn start_task(&self) {
        unsafe extern "C" fn task(data: glib::ffi::gpointer) {
            // SAFETY: `data` is the element, which stops the task before it is disposed of.
            let element: Borrowed<super::H4mkDemux> =
                unsafe { from_glib_borrow(data.cast::<<H4mkDemux as ObjectSubclass>::Instance>()) };
            element.imp().run_task();
        }
        let obj = self.obj();
        let pad: &gst::Pad = &self.sinkpad;
        // SAFETY: the pad and the element are alive, and `task` takes the element.
        let started: bool = unsafe {
            from_glib(gst::ffi::gst_pad_start_task(
                pad.to_glib_none().0,
                Some(task),
                obj.as_ptr().cast(),
                None,
            ))
        };
        if !started {
            gst::warning!(CAT, imp = self, "The task did not start");
        }
    }

    fn run_task(&self) {
        let result = gst::panic_to_error!(self, Ok(()), { self.pull_once() });
        let Err(stop) = result else {
            return;
        };
        let downstream_ended = matches!(stop, Stop::Flow(gst::FlowError::Eos));
        match self.stop(stop) {
            Ok(_) => return,
            // All pads have enough of this segment: no group before this one is wanted either.
            Err(gst::FlowError::Eos) if downstream_ended => self.finish_streams(),
            Err(gst::FlowError::Eos) => {
                if self.finish_segment() {
                    return;
                }
            }
            Err(gst::FlowError::Flushing) => {}
            Err(_) => self.end_streams(),
        }
        // The task is there: it is the one that runs.
        let _ = self.sinkpad.pause_task();
    }

    fn pull_once(&self) -> Result<(), Stop> {
        self.open_pulled()?;
        for _ in 0..STEPS {
            // A seek that came while another was carried out waits for this thread to pause.
            if self.stopping.load(Ordering::Acquire) {
                return Err(Stop::Flow(gst::FlowError::Flushing));
            }
            match self.step() {
                Ok(Outcome::Continue | Outcome::Wait) => {}
                Err(Stop::Cut(_)) if self.settings().follow => return self.wait_for_more(),
                Err(stop) => return Err(stop),
            }
        }
        Ok(())
    }

    /// Opens the file when this is the first step.
    fn open_pulled(&self) -> Result<(), Stop> {
        let mut guard = self.reader();
        if guard.is_some() {
            return Ok(());
        }
        let mut reader = Reader::new(Source::Pull(PullSource::new(&self.sinkpad)));
        reader.open()?;
        *guard = Some(reader);
        Ok(())
    }

    /// Waits a moment at the end of a growing file, or until a seek or a state change comes.
    fn wait_for_more(&self) -> Result<(), Stop> {
        self.follow_duration();
        let flag = self.interrupted.lock().map_err(|_| Stop::Done)?;
        let (flag, _) = self
            .wake
            .wait_timeout_while(flag, POLL, |interrupted| *interrupted == 0)
            .map_err(|_| Stop::Done)?;
        if *flag > 0 {
            return Err(Stop::Flow(gst::FlowError::Flushing));
        }
        Ok(())
    }

    /// Tells the application when the file has become longer.
    fn follow_duration(&self) {
        let changed = {
            let mut state = self.state();
            let known = state.segment.duration();
            let now = state.duration_ns.map(super::state::clock_time);
            if state.exposed && now > known {
                state.segment.set_duration(now);
            }
            now > known
        };
        if changed {
            let message = gst::message::DurationChanged::builder().src(&*self.obj());
            let _ = self.obj().post_message(message.build());
        }
    }
}
