//! META, SAFE, VERI and NOTE: the user's texts, and the pipeline's tags and table of contents in META.

use gst::prelude::*;
use serde_json::{Map, Value};

use super::settings::Settings;
use crate::elements::collector::Fault;
use crate::tags;

/// What the pipeline says of the file as a whole.
#[derive(Debug, Default)]
pub(super) struct Pipeline {
    tags: Option<gst::TagList>,
    toc: Option<gst::Toc>,
}

impl Pipeline {
    pub fn tag(&mut self, tags: &gst::TagList) {
        tags::replace(&mut self.tags, tags);
    }

    pub fn toc(&mut self, toc: gst::Toc) {
        self.toc = Some(toc);
    }

    /// The META text: the user's object with tags and table of contents; `None` where there is nothing to say.
    /// What the application set on `element` itself goes before what came down the pipeline.
    pub fn meta(
        &self,
        settings: &Settings,
        element: &gst::Element,
    ) -> Result<Option<String>, Fault> {
        let mut object = match &settings.meta {
            Some(text) => object("meta", text)?,
            None => Map::new(),
        };
        let toc = element
            .dynamic_cast_ref::<gst::TocSetter>()
            .and_then(|s| s.toc());
        tags::add_to_meta(
            &mut object,
            tags::of_file(element, self.tags.as_ref()).as_ref(),
            toc.as_ref().or(self.toc.as_ref()),
        );
        let empty = object.is_empty() && settings.meta.is_none();
        Ok((!empty).then(|| Value::Object(object).to_string()))
    }
}

/// The object in a property.
fn object(property: &str, text: &str) -> Result<Map<String, Value>, Fault> {
    match json(property, text)? {
        Value::Object(object) => Ok(object),
        other => Err(wrong(
            property,
            &format!("found {other}, expected a JSON object"),
        )),
    }
}

/// The JSON in a property.
pub(super) fn json(property: &str, text: &str) -> Result<Value, Fault> {
    serde_json::from_str(text)
        .map_err(|e| wrong(property, &format!("found no JSON ({e}), expected some")))
}

fn wrong(property: &str, what: &str) -> Fault {
    Fault::Mux {
        slot: None,
        reason: format!("property {property}: {what}"),
    }
}
