//! The format, as the collector drives it.

use gst::glib;
use gst::prelude::*;

use super::group::{Group, refused};
use super::settings::Settings;
use super::sidecars::{Pipeline, json};
use super::tracks::Streams;
use crate::elements::collector::{Block, Fault, Mux, Output, Slot, buffer_at};
use crate::h4mk::writer::MAX_GROUP;
use crate::h4mk::{Sidecars, Writer};
use crate::meta::H4MK_CAPS;

/// One file.
#[derive(Debug)]
pub struct H4mk {
    settings: Settings,
    element: glib::WeakRef<gst::Element>,
    writer: Writer,
    streams: Streams,
    pipeline: Pipeline,
    sidecars: Sidecars,
    group: Group,
    /// The group's first block is one at which a reader can begin.
    entry: bool,
    started: bool,
    /// The pad whose caps made the TRAK in force out of date.
    new_tracks: Option<Slot>,
    /// Tags are other than in the TRAK in force.
    new_tags: bool,
}

impl H4mk {
    pub(super) fn new(settings: Settings, element: &gst::Element) -> Self {
        Self {
            writer: Writer::new(settings.writer()),
            settings,
            element: element.downgrade(),
            streams: Streams::default(),
            pipeline: Pipeline::default(),
            sidecars: Sidecars::default(),
            group: Group::default(),
            entry: false,
            started: false,
            new_tracks: None,
            new_tags: false,
        }
    }

    fn write_group(&mut self, out: &Output) -> Result<(), Fault> {
        let extensions = self.settings.extensions;
        self.group
            .write(&mut self.writer, extensions, self.entry, out)
    }

    fn meta(&self) -> Result<Option<String>, Fault> {
        match self.element.upgrade() {
            Some(element) => self.pipeline.meta(&self.settings, &element),
            None => Ok(None),
        }
    }

    fn make_sidecars(&self) -> Result<Sidecars, Fault> {
        let settings = &self.settings;
        for (property, text) in [
            ("safety", &settings.safety),
            ("verification", &settings.verification),
        ] {
            if let Some(text) = text {
                json(property, text)?;
            }
        }
        Ok(Sidecars {
            meta: self.meta()?,
            safety: settings.safety.clone(),
            verification: settings.verification.clone(),
            note: settings.notes.clone(),
        })
    }

    /// A new TRAK, in force from here on.
    fn write_tracks(&mut self, slot: Option<Slot>, out: &Output) -> Result<(), Fault> {
        self.write_group(out)?;
        let at = self.writer.position();
        let mut bytes = Vec::new();
        self.writer
            .set_tracks(&self.streams.tracks(), &mut bytes)
            .map_err(|e| refused(slot, &e))?;
        self.new_tags = false;
        // Neither a HEADER nor a new stream header: sinks keep the one from the stream and send the other to
        // clients that are in the middle of it.
        out.push_buffer(buffer_at(bytes, at, gst::BufferFlags::DELTA_UNIT))
    }

    /// True when a block of this time can't join the group.
    fn is_past_group(&self, time: i64) -> bool {
        self.group.len() > 0 && self.group.span(time) >= self.settings.group_duration_ns
    }

    /// True when nothing can join the group.
    fn is_group_full(&self, live: bool) -> bool {
        live || self.group.len() >= MAX_GROUP || self.settings.group_duration_ns == 0
    }
}

impl Mux for H4mk {
    fn caps(
        &mut self,
        slot: Slot,
        pad: &gst::Pad,
        caps: &gst::Caps,
        sparse: bool,
    ) -> Result<(), Fault> {
        let changed = self.streams.describe(slot, pad, caps, sparse);
        let changed = changed.ok_or_else(|| Fault::Mux {
            slot: Some(slot),
            reason: "found track 65536, expected at most 65535 tracks".to_string(),
        })?;
        if changed && self.started {
            self.new_tracks = Some(slot);
        }
        Ok(())
    }

    fn tags(&mut self, slot: Slot, tags: &gst::TagList) {
        if tags.scope() == gst::TagScope::Global {
            self.pipeline.tag(tags);
        } else {
            self.new_tags |= self.streams.tag(slot, tags);
        }
    }

    fn start(&mut self, out: &mut Output) -> Result<(), Fault> {
        self.started = true;
        self.new_tags = false;
        self.sidecars = self.make_sidecars()?;
        let mut bytes = Vec::new();
        self.writer
            .start(&self.streams.tracks(), &self.sidecars, &mut bytes)
            .map_err(|e| refused(None, &e))?;
        let header = buffer_at(bytes, 0, gst::BufferFlags::HEADER);
        let caps = gst::Caps::builder(H4MK_CAPS)
            .field("streamheader", gst::Array::new([header.clone()]))
            .build();
        out.caps(&caps);
        out.push_buffer(header)
    }

    fn block(&mut self, block: Block, out: &mut Output) -> Result<(), Fault> {
        let Block {
            slot,
            buffer,
            pts,
            dts,
            time,
        } = block;
        if let Some(slot) = self.new_tracks.take() {
            self.write_tracks(Some(slot), out)?;
        }
        let Some(stream) = self.streams.get_mut(slot) else {
            return Err(Fault::Mux {
                slot: Some(slot),
                reason: "found a buffer before caps".to_string(),
            });
        };
        let Some(meta) = stream.block(&buffer, pts, dts) else {
            return Err(Fault::Mux {
                slot: Some(slot),
                reason: format!(
                    "found a buffer of {} bytes, expected less than 4 GiB",
                    buffer.size()
                ),
            });
        };
        let key_of_deltas = meta.kind.is_key() && stream.has_deltas;
        if key_of_deltas || self.is_past_group(time) {
            self.write_group(out)?;
        }
        if self.group.len() == 0 {
            self.entry = key_of_deltas || meta.kind.is_key() && !self.streams.any_has_deltas();
        }
        self.group.push(slot, time, meta, buffer);
        if self.is_group_full(out.live) {
            self.write_group(out)?;
        }
        Ok(())
    }

    fn event(&mut self, _slot: Slot, event: gst::Event, out: &mut Output) -> Result<(), Fault> {
        if let gst::EventView::Toc(toc) = event.view() {
            self.pipeline.toc(toc.toc().0.to_owned());
            return Ok(());
        }
        // GstForceKeyUnit and whatever an application sends keep their place between the blocks.
        self.write_group(out)?;
        out.event(event);
        Ok(())
    }

    fn finish(&mut self, out: &mut Output) -> Result<(), Fault> {
        self.write_group(out)?;
        let slot = self.new_tracks.take();
        if slot.is_some() || self.new_tags && self.settings.extensions {
            self.write_tracks(slot, out)?;
        }
        let meta = self.meta()?;
        // Version 1 has no copies at its end: only what was not known at the start.
        let repeat = self.settings.extensions || self.sidecars.meta.is_none();
        let at = self.writer.position();
        let mut bytes = Vec::new();
        self.writer
            .finish(meta.as_deref().filter(|_| repeat), &mut bytes)
            .map_err(|e| refused(None, &e))?;
        out.push_buffer(buffer_at(bytes, at, gst::BufferFlags::DELTA_UNIT))
    }
}
