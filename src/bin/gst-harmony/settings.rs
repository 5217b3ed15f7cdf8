//! `--set element.property=value`: finds the element, checks the value, sets it.

use std::str::FromStr;

use gst::glib::{self, ParamSpec, Value};
use gst::prelude::*;

/// One `--set` of the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    element: String,
    property: String,
    value: String,
}

impl FromStr for Setting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("found {text:?}, expected ELEMENT.PROPERTY=VALUE");
        let (target, value) = text.split_once('=').ok_or_else(wrong)?;
        // The property may be a child's (`mux.sink_0::track-name`); an element's name holds no dot.
        let (element, property) = target.split_once('.').ok_or_else(wrong)?;
        if element.is_empty() || property.is_empty() {
            return Err(wrong());
        }
        Ok(Self {
            element: element.to_owned(),
            property: property.to_owned(),
            value: value.to_owned(),
        })
    }
}

impl Setting {
    /// Sets the property on the element of that name, else on the only element that this factory made.
    pub fn apply(&self, pipeline: &gst::Bin) -> Result<(), String> {
        let element = find(pipeline, &self.element)?;
        let (object, pspec) = self.property(&element)?;
        let flags = pspec.flags();
        if !flags.contains(glib::ParamFlags::WRITABLE)
            || flags.contains(glib::ParamFlags::CONSTRUCT_ONLY)
        {
            return Err(format!(
                "property {} of element {} cannot be set",
                self.property, self.element
            ));
        }
        let value = parse(&self.value, &pspec).ok_or_else(|| self.mismatch(&pspec))?;
        if !in_range(&value, &pspec) {
            return Err(self.mismatch(&pspec));
        }
        object.set_property_from_value(pspec.name(), &value);
        Ok(())
    }

    fn property(&self, element: &gst::Element) -> Result<(glib::Object, ParamSpec), String> {
        if self.property.contains("::") {
            return self.child_property(element);
        }
        let pspec = element.find_property(&self.property).ok_or_else(|| {
            let names: Vec<String> = element
                .list_properties()
                .iter()
                .map(|p| p.name().to_owned())
                .collect();
            format!(
                "element {} has no property {}; it has: {}",
                self.element,
                self.property,
                names.join(", ")
            )
        })?;
        Ok((element.clone().upcast(), pspec))
    }

    /// A property of a pad, say, that the element offers as its child.
    fn child_property(&self, element: &gst::Element) -> Result<(glib::Object, ParamSpec), String> {
        let Some(proxy) = element.dynamic_cast_ref::<gst::ChildProxy>() else {
            return Err(format!("element {} has no children", self.element));
        };
        proxy.lookup(&self.property).map_err(|_| {
            let children = (0..proxy.children_count()).filter_map(|n| proxy.child_by_index(n));
            let names: Vec<String> = children
                .filter_map(|child| child.downcast::<gst::Object>().ok())
                .map(|child| child.name().to_string())
                .collect();
            let (element, property) = (&self.element, &self.property);
            let names = names.join(", ");
            format!("element {element} has no child property {property}; its children: {names}")
        })
    }

    fn mismatch(&self, pspec: &ParamSpec) -> String {
        format!(
            "{}.{}: found {:?}, expected {}",
            self.element,
            self.property,
            self.value,
            expected(pspec)
        )
    }
}

/// The element called `name`, else the only one made by a factory called `name`.
fn find(pipeline: &gst::Bin, name: &str) -> Result<gst::Element, String> {
    if let Some(element) = pipeline.by_name(name) {
        return Ok(element);
    }
    let all: Vec<gst::Element> = pipeline.iterate_recurse().into_iter().flatten().collect();
    let mut made: Vec<&gst::Element> = all
        .iter()
        .filter(|element| {
            element
                .factory()
                .is_some_and(|factory| factory.name() == name)
        })
        .collect();
    match (made.pop(), made.len()) {
        (Some(element), 0) => Ok(element.clone()),
        (Some(_), more) => Err(format!(
            "{} elements are {name}: give the one you mean a name (name=…)",
            more + 1
        )),
        (None, _) => {
            let mut names: Vec<String> = all
                .iter()
                .map(|element| element.name().to_string())
                .collect();
            names.sort();
            Err(format!(
                "no element is called {name}; there are: {}",
                names.join(", ")
            ))
        }
    }
}

/// Text into a value of the property's type.
fn parse(text: &str, pspec: &ParamSpec) -> Option<Value> {
    // Plain strings are taken as they are: GStreamer's own parser would look for quotes and escapes in them.
    if pspec.value_type() == glib::Type::STRING {
        return Some(text.to_value());
    }
    Value::deserialize_with_pspec(text, pspec).ok()
}

/// The least and the greatest value of a numeric property, and whether `value` lies between them.
macro_rules! bounds {
    ($pspec:expr, $value:expr, $($spec:ty => $number:ty),+ $(,)?) => {
        $(if let Some(spec) = $pspec.downcast_ref::<$spec>() {
            let inside = $value.and_then(|value| value.get::<$number>().ok())
                .is_none_or(|number| number >= spec.minimum() && number <= spec.maximum());
            return Some((inside, format!("{} .. {}", spec.minimum(), spec.maximum())));
        })+
    };
}

fn range(pspec: &ParamSpec, value: Option<&Value>) -> Option<(bool, String)> {
    bounds!(
        pspec, value,
        glib::ParamSpecInt => i32,
        glib::ParamSpecUInt => u32,
        glib::ParamSpecInt64 => i64,
        glib::ParamSpecUInt64 => u64,
        glib::ParamSpecLong => glib::ILong,
        glib::ParamSpecULong => glib::ULong,
        glib::ParamSpecFloat => f32,
        glib::ParamSpecDouble => f64,
    );
    None
}

fn in_range(value: &Value, pspec: &ParamSpec) -> bool {
    range(pspec, Some(value)).is_none_or(|(inside, _)| inside)
}

/// What a property takes, in words.
fn expected(pspec: &ParamSpec) -> String {
    let kind = pspec.value_type();
    if let Some((_, range)) = range(pspec, None) {
        return format!("a number in {range}");
    }
    if let Some(class) = glib::EnumClass::with_type(kind) {
        let nicks: Vec<&str> = class.values().iter().map(|value| value.nick()).collect();
        return format!("one of {}", nicks.join(", "));
    }
    match kind {
        glib::Type::BOOL => "true or false".to_owned(),
        kind => format!("a value of type {}", kind.name()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_parse() {
        let setting: Setting = "mux.sink_0::track-name=a=b.c".parse().unwrap();
        assert_eq!(setting.element, "mux");
        assert_eq!(setting.property, "sink_0::track-name");
        assert_eq!(setting.value, "a=b.c");
        for wrong in ["", "a", "a.b", "a=b", ".b=c", "a.=c"] {
            assert!(wrong.parse::<Setting>().is_err(), "{wrong}");
        }
    }
}
