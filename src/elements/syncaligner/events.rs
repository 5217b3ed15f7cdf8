//! Events of both sides.

use super::input::seconds;
use super::queue::Entry;
use super::reference::Kind;
use super::shared::Shared;
use super::stream::Stream;
use crate::elements::time::nanoseconds;

/// The rate at which streams can be aligned.
const NORMAL: f64 = 1.0;

type Answer = Result<gst::FlowSuccess, gst::FlowError>;

/// Stream time of running time 0, for the one segment of a source pad.
fn time_at_zero(segment: &gst::FormattedSegment<gst::ClockTime>) -> gst::ClockTime {
    let time = segment.time().or(segment.start());
    let base = segment.base().unwrap_or_default();
    time.unwrap_or_default().saturating_sub(base)
}

impl Stream {
    pub fn sink_event(&self, shared: &Shared, pad: &gst::Pad, event: gst::Event) -> Answer {
        use gst::EventView;
        match event.view() {
            EventView::FlushStart(_) => self.flush_start(shared, &event),
            EventView::FlushStop(_) => return self.flush_stop(shared, pad, event),
            EventView::StreamStart(start) => {
                let sparse = start.stream_flags().contains(gst::StreamFlags::SPARSE);
                self.input().set_sparse(sparse);
                self.restart();
            }
            EventView::Caps(caps) => self.caps(shared, caps.caps())?,
            EventView::Segment(segment) => self.segment(shared, segment.segment())?,
            EventView::Eos(_) => {
                shared.gate.ended(shared, self.id);
            }
            _ => {}
        }
        if shared.measures_only() || !event.is_serialized() {
            return self.forward(shared, pad, event);
        }
        self.queue_event(shared, event)
    }

    fn forward(&self, shared: &Shared, pad: &gst::Pad, event: gst::Event) -> Answer {
        let element = shared.element().ok_or(gst::FlowError::Flushing)?;
        match gst::Pad::event_default(pad, Some(&element), event) {
            true => Ok(gst::FlowSuccess::Ok),
            false => Err(gst::FlowError::Error),
        }
    }

    fn queue_event(&self, shared: &Shared, event: gst::Event) -> Answer {
        use gst::EventView;
        let entry = match event.view() {
            EventView::Segment(segment) => {
                let mut input = self.input();
                let segment = segment.segment().downcast_ref::<gst::ClockTime>();
                let Some(segment) = segment.filter(|_| !input.began) else {
                    return Ok(gst::FlowSuccess::Ok);
                };
                input.began = true;
                Entry::Segment(time_at_zero(segment))
            }
            EventView::Gap(gap) => {
                let (start, duration) = gap.get();
                let mut input = self.input();
                let Some(running) = input.running(start) else {
                    return Ok(gst::FlowSuccess::Ok);
                };
                let duration = duration.map_or(0, nanoseconds);
                let Some((from, to)) = input.gap(running, duration, self.live(shared)) else {
                    gst::info!(
                        super::CAT,
                        obj = self.sink,
                        "a GAP at {start} that can't be"
                    );
                    return Ok(gst::FlowSuccess::Ok);
                };
                drop(input);
                self.stats().passed(to);
                Entry::Gap { from, to }
            }
            EventView::Caps(_) => Entry::Caps(event),
            EventView::Eos(_) => {
                let mut queue = self.queue();
                let flow = queue.flow;
                queue.ended |= flow.is_ok();
                drop(queue);
                if let Err(flow) = flow {
                    self.tell_failure(shared, flow);
                    return Err(flow);
                }
                Entry::Eos(event)
            }
            _ => Entry::Event(event),
        };
        self.enqueue(entry)
    }

    fn flush_start(&self, shared: &Shared, _event: &gst::Event) {
        shared.gate.flush(shared, self.id, true);
        self.queue().flow = Err(gst::FlowError::Flushing);
        self.wake();
    }

    /// The task does nothing any more when FLUSH_START has been through; what comes next begins anew.
    fn flush_stop(&self, shared: &Shared, pad: &gst::Pad, event: gst::Event) -> Answer {
        self.wait_for_task();
        self.input().flush();
        self.output().flush();
        shared.analysis.flushed(self.id);
        shared.gate.flush(shared, self.id, false);
        let answer = self.forward(shared, pad, event);
        self.queue().reopen();
        self.wake();
        answer
    }

    /// A new stream after EOS.
    fn restart(&self) {
        // Nothing fills in before its first buffer: downstream, which is at its end, would refuse that for good.
        self.input().forget_length();
        let mut queue = self.queue();
        if queue.flow == Err(gst::FlowError::Eos) {
            // Downstream ended the old one before upstream did: what is left of it goes.
            queue.reopen();
        } else if std::mem::take(&mut queue.ended) {
            queue.task_done = queue.flow.is_err();
        } else {
            return;
        }
        drop(queue);
        self.wake();
        self.input().ask_again();
    }

    fn caps(&self, shared: &Shared, caps: &gst::CapsRef) -> Result<(), gst::FlowError> {
        let Some(kind) = Kind::of(caps) else {
            return Err(gst::FlowError::NotNegotiated);
        };
        let mut input = self.input();
        input.set_caps(kind, caps);
        let sparse = input.is_sparse();
        drop(input);
        if sparse {
            shared.gate.set_apart(shared, self.id, true);
        }
        let words = self.words().clone();
        shared.analysis.caps(self.id, caps, &words);
        Ok(())
    }

    fn segment(&self, shared: &Shared, segment: &gst::Segment) -> Result<(), gst::FlowError> {
        let rate = segment.rate();
        let normal = shared.measures_only() || rate == NORMAL;
        if let Some(segment) = segment.downcast_ref::<gst::ClockTime>()
            && normal
        {
            self.input().set_segment(segment.clone());
            return Ok(());
        }
        if let Some(element) = shared.element() {
            gst::element_error!(
                element,
                gst::StreamError::Format,
                [
                    "{}: the segment is in {:?} at rate {rate}, expected time at rate {NORMAL}: nothing else can be aligned",
                    self.name(),
                    segment.format()
                ]
            );
        }
        Err(gst::FlowError::Error)
    }

    pub fn src_event(&self, shared: &Shared, pad: &gst::Pad, event: gst::Event) -> bool {
        if let gst::EventView::Reconfigure(_) = event.view() {
            self.relinked();
        }
        if let gst::EventView::Latency(latency) = event.view() {
            shared.latency.configure(latency.latency());
        }
        let event = match event.view() {
            // Samples that pass faster than time have no place on a line.
            gst::EventView::Seek(seek) if !shared.measures_only() && seek.get().0 != NORMAL => {
                gst::info!(super::CAT, obj = pad, "no seek to rate {}", seek.get().0);
                return false;
            }
            gst::EventView::Qos(qos) if !shared.measures_only() => self.own_qos(shared, qos),
            _ => event,
        };
        match shared.element() {
            Some(element) => gst::Pad::event_default(pad, Some(&element), event),
            None => false,
        }
    }

    /// Downstream is another: what the old one said no longer counts.
    fn relinked(&self) {
        let mut queue = self.queue();
        if queue.flow == Err(gst::FlowError::NotLinked) {
            queue.flow = Ok(gst::FlowSuccess::Ok);
            queue.task_done = false;
        }
        drop(queue);
        self.wake();
    }

    /// Downstream's QoS with its time on the stream's own line, as upstream counts.
    fn own_qos(&self, shared: &Shared, qos: &gst::event::Qos) -> gst::Event {
        let (type_, proportion, diff, timestamp) = qos.get();
        let added = self.input().times.added();
        let map = shared.known(self).map;
        let own = timestamp.map(|time| {
            let running = map.invert(seconds(nanoseconds(time))) - seconds(added);
            gst::ClockTime::from_seconds_f64(running.max(0.0))
        });
        gst::event::Qos::builder(type_, proportion, diff)
            .timestamp(own)
            .seqnum(qos.seqnum())
            .build()
    }
}
