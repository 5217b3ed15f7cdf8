//! Virtual functions of `fmp4remux`.

use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;

use super::mux::Fmp4;
use super::properties::properties;
use super::published::{SharedRef, lock};
use super::settings::Settings;
use super::streams;
use crate::elements::collector::{self, Collector, Host, PadNames};

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "fmp4remux",
        gst::DebugColorFlags::empty(),
        Some("MP4 muxer"),
    )
});

pub struct Fmp4Remux {
    srcpad: gst::Pad,
    settings: Mutex<Settings>,
    collector: Collector<Fmp4>,
    names: PadNames,
    shared: SharedRef,
}

impl Fmp4Remux {
    fn settings(&self) -> MutexGuard<'_, Settings> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Host for Fmp4Remux {
    type Mux = Fmp4;

    fn collector(&self) -> &Collector<Fmp4> {
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
impl ObjectSubclass for Fmp4Remux {
    const NAME: &'static str = "GstFmp4Remux";
    type Type = super::Fmp4Remux;
    type ParentType = gst::Element;
    type Interfaces = (gst::TagSetter, gst::ChildProxy);

    fn with_class(class: &Self::Class) -> Self {
        let template = class
            .pad_template("src")
            .unwrap_or_else(|| unreachable!("the class has this template"));
        Self {
            srcpad: collector::src_pad::<Self>(&template),
            settings: Mutex::new(Settings::default()),
            collector: Collector::new::<Self>(),
            names: PadNames::default(),
            shared: SharedRef::default(),
        }
    }
}

impl ObjectImpl for Fmp4Remux {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(properties);
        &PROPERTIES
    }

    fn signals() -> &'static [glib::subclass::Signal] {
        static SIGNALS: LazyLock<Vec<glib::subclass::Signal>> = LazyLock::new(signals);
        &SIGNALS
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
        match pspec.name() {
            "byte-range-map" => lock(&self.shared).byte_ranges().to_value(),
            "stream-origin" => {
                let found = lock(&self.shared).origin();
                found
                    .or_else(|| self.settings().stream_origin.clone())
                    .to_value()
            }
            _ => self.settings().get(pspec),
        }
    }

    fn constructed(&self) {
        self.parent_constructed();
        // Fails only where a pad of this name is there already.
        let _ = self.obj().add_pad(&self.srcpad);
    }
}

/// The element's signals and actions.
fn signals() -> Vec<glib::subclass::Signal> {
    let action = |name: &str| glib::subclass::Signal::builder(name).action();
    vec![
        action("split-at-running-time")
            .param_types([gst::ClockTime::static_type()])
            .class_handler(|args| {
                let element = args.first()?.get::<super::Fmp4Remux>().ok()?;
                let time = args.get(1)?.get::<gst::ClockTime>().ok()?;
                lock(&element.imp().shared).split_at(time);
                None
            })
            .build(),
        action("send-headers")
            .class_handler(|args| {
                let element = args.first()?.get::<super::Fmp4Remux>().ok()?;
                lock(&element.imp().shared).send_headers();
                None
            })
            .build(),
        glib::subclass::Signal::builder("fragment-written")
            .param_types([
                u32::static_type(),
                u64::static_type(),
                u64::static_type(),
                u64::static_type(),
                u64::static_type(),
                bool::static_type(),
            ])
            .build(),
    ]
}

impl GstObjectImpl for Fmp4Remux {}
impl TagSetterImpl for Fmp4Remux {}

impl ChildProxyImpl for Fmp4Remux {
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

impl ElementImpl for Fmp4Remux {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "MP4 remuxer",
                "Codec/Muxer",
                "Muxes encoded streams into fragmented MP4, CMAF, HLS or MP4 with its index first",
                "The gst-plugin-harmony authors",
            )
        });
        Some(&*METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
            // Unnamed links take the first of the sink templates, which takes any kind.
            let sinks = [
                ("sink_%u", streams::any_caps()),
                ("video_%u", streams::video_caps()),
                ("audio_%u", streams::audio_caps()),
                ("subtitle_%u", streams::subtitle_caps()),
            ]
            .map(|(name, caps)| {
                gst::PadTemplate::with_gtype(
                    name,
                    gst::PadDirection::Sink,
                    gst::PadPresence::Request,
                    &caps,
                    super::Fmp4RemuxPad::static_type(),
                )
            });
            let variants = gst::List::new(["iso-fragmented", "cmaf", "iso"]);
            let caps = gst::Caps::builder("video/quicktime").field("variant", variants);
            let src = gst::PadTemplate::new(
                "src",
                gst::PadDirection::Src,
                gst::PadPresence::Always,
                &caps.build(),
            );
            // The values are constant: what is refused here is refused in every test.
            let all = sinks.into_iter().chain([src]);
            all.filter_map(Result::ok).collect()
        });
        &TEMPLATES
    }

    fn change_state(
        &self,
        transition: gst::StateChange,
    ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        let settings = self.settings().clone();
        let grouping = gst::ClockTime::from_nseconds(settings.grouping_ns());
        if transition == gst::StateChange::ReadyToPaused {
            self.collector.set_grouping(grouping);
        }
        collector::change_state(self, transition, || {
            Fmp4::new(settings, self.obj().upcast_ref(), self.shared.clone())
        })
    }

    fn request_new_pad(
        &self,
        template: &gst::PadTemplate,
        name: Option<&str>,
        _caps: Option<&gst::Caps>,
    ) -> Option<gst::Pad> {
        collector::request::<_, super::Fmp4RemuxPad>(self, (template, name), |builder| {
            builder.query_function(|pad, parent, query| match query.view_mut() {
                // What can't be held is told by an error that names pad and field, not by silence.
                gst::QueryViewMut::AcceptCaps(query) => {
                    query.set_result(true);
                    true
                }
                _ => gst::Pad::query_default(pad, parent, query),
            })
        })
    }

    fn release_pad(&self, pad: &gst::Pad) {
        collector::release(self, pad);
    }
}
