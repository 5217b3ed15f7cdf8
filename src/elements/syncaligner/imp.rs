//! Virtual functions of `syncaligner`.

use std::sync::LazyLock;

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;

use super::analysis::Known;
use super::pads;
use super::settings::properties;
use super::shared::Shared;

#[derive(Default)]
pub struct SyncAligner {
    shared: Shared,
}

impl SyncAligner {
    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// What is known of the stream of a sink pad, and where it is on its own line, in seconds.
    pub(super) fn known(&self, pad: &gst::Pad) -> (Known, f64) {
        let stream = self.shared.of_pad(pad);
        let known =
            |stream: &super::stream::Stream| (self.shared.known(stream), stream.stats().position());
        stream.map(|s| known(&s)).unwrap_or_default()
    }

    fn stats(&self) -> gst::Structure {
        let mut all = gst::Structure::new_empty("stats");
        for stream in self.shared.streams() {
            let known = self.shared.known(&stream);
            let buffered = stream.queue().bytes();
            all.set(stream.name(), stream.stats().structure(&known, buffered));
        }
        all
    }
}

#[glib::object_subclass]
impl ObjectSubclass for SyncAligner {
    const NAME: &'static str = "GstSyncAligner";
    type Type = super::SyncAligner;
    type ParentType = gst::Element;
    type Interfaces = (gst::ChildProxy,);
}

impl ObjectImpl for SyncAligner {
    fn constructed(&self) {
        self.parent_constructed();
        self.shared.attach(&self.obj());
    }

    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(properties);
        &PROPERTIES
    }

    fn signals() -> &'static [glib::subclass::Signal] {
        static SIGNALS: LazyLock<Vec<glib::subclass::Signal>> = LazyLock::new(pads::signals);
        &SIGNALS
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        self.shared.settings().set(value, pspec);
        if pspec.name() == "latency" {
            self.shared.latency.tell(&self.shared);
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        let value = self.shared.settings().get(pspec);
        value.unwrap_or_else(|| self.stats().to_value())
    }
}

impl GstObjectImpl for SyncAligner {}

impl ChildProxyImpl for SyncAligner {
    fn child_by_index(&self, index: u32) -> Option<glib::Object> {
        crate::elements::collector::child_by_index(&*self.obj(), index)
    }

    fn child_by_name(&self, name: &str) -> Option<glib::Object> {
        crate::elements::collector::child_by_name(&*self.obj(), name)
    }

    fn children_count(&self) -> u32 {
        u32::from(self.obj().num_sink_pads())
    }
}

impl ElementImpl for SyncAligner {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "Sync aligner",
                "Filter/Sync",
                "Puts streams onto one time line, measured from their content",
                "The gst-plugin-harmony authors",
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(pads::templates);
        &TEMPLATES
    }

    fn change_state(
        &self,
        transition: gst::StateChange,
    ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        match transition {
            gst::StateChange::ReadyToPaused => self.shared.start(),
            gst::StateChange::PlayingToPaused => self.shared.set_playing(false),
            gst::StateChange::PausedToReady => self.shared.unblock(),
            _ => {}
        }
        let changed = self.parent_change_state(transition);
        match transition {
            gst::StateChange::PausedToPlaying => self.shared.set_playing(true),
            gst::StateChange::PausedToReady => self.shared.stop(),
            gst::StateChange::ReadyToPaused if changed.is_err() => {
                self.shared.unblock();
                self.shared.stop();
            }
            _ => {}
        }
        changed
    }

    fn request_new_pad(
        &self,
        template: &gst::PadTemplate,
        name: Option<&str>,
        _caps: Option<&gst::Caps>,
    ) -> Option<gst::Pad> {
        pads::request(self, template, name)
    }

    fn release_pad(&self, pad: &gst::Pad) {
        pads::release(self, pad);
    }
}
