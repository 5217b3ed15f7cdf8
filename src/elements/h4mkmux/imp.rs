//! Virtual functions of `h4mkmux`.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;

use super::mux::H4mk;
use super::settings::{Settings, properties};
use crate::elements::collector::{self, Collector, Host};
use crate::meta::H4MK_CAPS;

pub(super) static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new("h4mkmux", gst::DebugColorFlags::empty(), Some("H4MK muxer"))
});

pub struct H4mkMux {
    srcpad: gst::Pad,
    settings: Mutex<Settings>,
    collector: Collector<H4mk>,
    /// By template, the next number of a pad that is requested without a name.
    next_pad: Mutex<HashMap<String, u32>>,
}

impl H4mkMux {
    fn settings(&self) -> MutexGuard<'_, Settings> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A name that no pad has: the wanted one, else the next of its template.
    fn pad_name(&self, template: &gst::PadTemplate, name: Option<&str>) -> String {
        // Some callers hand the template's own name over.
        if let Some(name) = name.filter(|name| !name.contains('%')) {
            return name.to_string();
        }
        let mut next_pad = self.next_pad.lock().unwrap_or_else(PoisonError::into_inner);
        let template = template.name_template();
        let next = next_pad.entry(template.to_string()).or_default();
        loop {
            let name = template.replace("%u", &next.to_string());
            *next += 1;
            if self.obj().static_pad(&name).is_none() {
                return name;
            }
        }
    }
}

impl Host for H4mkMux {
    type Mux = H4mk;

    fn collector(&self) -> &Collector<H4mk> {
        &self.collector
    }
}

#[glib::object_subclass]
impl ObjectSubclass for H4mkMux {
    const NAME: &'static str = "GstH4mkMux";
    type Type = super::H4mkMux;
    type ParentType = gst::Element;
    type Interfaces = (gst::TagSetter, gst::TocSetter, gst::ChildProxy);

    fn with_class(class: &Self::Class) -> Self {
        let template = class
            .pad_template("src")
            .unwrap_or_else(|| unreachable!("the class has this template"));
        Self {
            srcpad: collector::src_pad::<Self>(&template),
            settings: Mutex::new(Settings::default()),
            collector: Collector::new::<Self>(),
            next_pad: Mutex::default(),
        }
    }
}

impl ObjectImpl for H4mkMux {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(properties);
        &PROPERTIES
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        let mut settings = self.settings();
        settings.set(value, pspec);
        let latency = gst::ClockTime::from_nseconds(settings.latency_ns);
        drop(settings);
        if pspec.name() == "latency" {
            self.collector.set_latency(latency);
            let message = gst::message::Latency::builder().src(&*self.obj()).build();
            // Without a bus nobody computes latency.
            let _ = self.obj().post_message(message);
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        self.settings().get(pspec)
    }

    fn constructed(&self) {
        self.parent_constructed();
        // Fails only where a pad of this name is there already.
        let _ = self.obj().add_pad(&self.srcpad);
    }
}

impl GstObjectImpl for H4mkMux {}
impl TagSetterImpl for H4mkMux {}
impl TocSetterImpl for H4mkMux {}

impl ChildProxyImpl for H4mkMux {
    fn child_by_index(&self, index: u32) -> Option<glib::Object> {
        let pads = self.obj().sink_pads();
        pads.into_iter().nth(index as usize).map(Cast::upcast)
    }

    fn child_by_name(&self, name: &str) -> Option<glib::Object> {
        let mut pads = self.obj().sink_pads().into_iter();
        pads.find(|pad| pad.name() == name).map(Cast::upcast)
    }

    fn children_count(&self) -> u32 {
        u32::from(self.obj().num_sink_pads())
    }
}

impl ElementImpl for H4mkMux {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "H4MK muxer",
                "Codec/Muxer",
                "Records any streams into an H4MK file, in one pass, safe against a crash",
                "The gst-plugin-harmony authors",
            )
        });
        Some(&*METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
            // Unnamed links take the first of the sink templates, which takes any kind.
            let sinks = ["sink_%u", "video_%u", "audio_%u", "subtitle_%u"].map(|name| {
                gst::PadTemplate::with_gtype(
                    name,
                    gst::PadDirection::Sink,
                    gst::PadPresence::Request,
                    &gst::Caps::new_any(),
                    super::H4mkMuxPad::static_type(),
                )
            });
            let src = gst::PadTemplate::new(
                "src",
                gst::PadDirection::Src,
                gst::PadPresence::Always,
                &gst::Caps::new_empty_simple(H4MK_CAPS),
            );
            // The values are constant: what is refused here is refused in every test.
            sinks
                .into_iter()
                .chain([src])
                .filter_map(Result::ok)
                .collect()
        });
        &TEMPLATES
    }

    fn change_state(
        &self,
        transition: gst::StateChange,
    ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        let element = self.obj();
        match transition {
            gst::StateChange::ReadyToPaused => {
                let mux = H4mk::new(self.settings().clone(), element.upcast_ref());
                self.collector.start(mux, self.srcpad.clone());
            }
            gst::StateChange::PlayingToPaused => self.collector.pause(),
            gst::StateChange::PausedToReady => self.collector.unblock(),
            _ => {}
        }
        let result = self.parent_change_state(transition);
        match transition {
            gst::StateChange::PausedToPlaying => self.collector.play(element.upcast_ref()),
            gst::StateChange::PausedToReady => self.collector.stop(),
            gst::StateChange::ReadyToPaused if result.is_err() => self.collector.stop(),
            _ => {}
        }
        result
    }

    fn request_new_pad(
        &self,
        template: &gst::PadTemplate,
        name: Option<&str>,
        _caps: Option<&gst::Caps>,
    ) -> Option<gst::Pad> {
        let name = self.pad_name(template, name);
        let slot = self.collector.reserve();
        let builder = gst::PadBuilder::<super::H4mkMuxPad>::from_template(template).name(&name);
        let pad = collector::sink_pad::<Self, _>(builder, slot);
        self.collector.add(slot, pad.clone());
        if self.obj().add_pad(&pad).is_err() {
            gst::warning!(CAT, imp = self, "there is a pad {name} already");
            self.collector.remove(self.obj().upcast_ref(), &pad);
            return None;
        }
        self.obj().child_added(&pad, &name);
        Some(pad)
    }

    fn release_pad(&self, pad: &gst::Pad) {
        let element = self.obj();
        self.collector.remove(element.upcast_ref(), pad);
        // It is ours, and a pad that is gone already is what was wanted.
        let _ = pad.set_active(false);
        let _ = element.remove_pad(pad);
        element.child_removed(pad, &pad.name());
    }
}
