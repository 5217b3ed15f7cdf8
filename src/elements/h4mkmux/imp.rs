//! Virtual functions of `h4mkmux`.

use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;

use super::mux::H4mk;
use super::settings::{Settings, properties};
use crate::elements::collector::{self, Collector, Host, PadNames};
use crate::meta::H4MK_CAPS;

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new("h4mkmux", gst::DebugColorFlags::empty(), Some("H4MK muxer"))
});

pub struct H4mkMux {
    srcpad: gst::Pad,
    settings: Mutex<Settings>,
    collector: Collector<H4mk>,
    names: PadNames,
}

impl H4mkMux {
    fn settings(&self) -> MutexGuard<'_, Settings> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Host for H4mkMux {
    type Mux = H4mk;

    fn collector(&self) -> &Collector<H4mk> {
        &self.collector
    }

    fn category(&self) -> gst::DebugCategory {
        *CAT
    }

    fn pad_names(&self) -> &PadNames {
        &self.names
    }

    fn src_pad(&self) -> &gst::Pad {
        &self.srcpad
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
            names: PadNames::default(),
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
        collector::child_by_index(&*self.obj(), index)
    }

    fn child_by_name(&self, name: &str) -> Option<glib::Object> {
        collector::child_by_name(&*self.obj(), name)
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
        collector::change_state(self, transition, || {
            H4mk::new(self.settings().clone(), self.obj().upcast_ref())
        })
    }

    fn request_new_pad(
        &self,
        template: &gst::PadTemplate,
        name: Option<&str>,
        _caps: Option<&gst::Caps>,
    ) -> Option<gst::Pad> {
        collector::request::<_, super::H4mkMuxPad>(self, (template, name), |builder| builder)
    }

    fn release_pad(&self, pad: &gst::Pad) {
        collector::release(self, pad);
    }
}
