//! `opusindex:` URIs.

use gst::prelude::*;

use crate::common::{init, opus};
use crate::player::{Player, Store, sequential};

fn uri(store: &Store, fragment: &str) -> String {
    let path = store.path().display().to_string();
    let path = path
        .replace('%', "%25")
        .replace(' ', "%20")
        .replace('#', "%23");
    format!("opusindex://{path}{fragment}")
}

#[test]
fn uris_play_what_they_say() {
    init();
    let (store, whole) = (Store::of(opus::ODD_TOOLS), sequential(opus::ODD_TOOLS));
    for (fragment, places) in [
        ("", vec![(0, 100_003)]),
        ("#samples=500-", vec![(500, 99_503)]),
        ("#samples=48000-50000", vec![(48_000, 2000)]),
        (
            "#samples=10-20,50000-50010&link=0",
            vec![(10, 10), (50_000, 10)],
        ),
    ] {
        let uri = uri(&store, fragment);
        let made = gst::Element::make_from_uri(gst::URIType::Src, &uri, Some("source"));
        let source = made.expect("an element takes the URI");
        assert_eq!(source.factory().expect("a factory").name(), "opusindexsrc");
        let again = source.property::<Option<String>>("location");
        assert_eq!(again, Some(store.path().display().to_string()));
        let handler = source
            .dynamic_cast_ref::<gst::URIHandler>()
            .expect("a handler");
        let told = handler.uri().expect("a URI");
        assert_eq!(told, uri.trim_end_matches("&link=0"));
        let decoded = Player::of(source).decode();
        assert_eq!(decoded.places(), places);
        for run in &decoded.runs {
            let stop = run.first + run.samples.len() as u64 / 2;
            assert!(run.samples == whole.part(run.first, stop));
        }
    }
}

#[test]
fn properties_give_a_uri() {
    init();
    let source = gst::ElementFactory::make("opusindexsrc")
        .build()
        .expect("the source");
    let handler = source
        .dynamic_cast_ref::<gst::URIHandler>()
        .expect("a handler");
    assert_eq!(handler.uri(), None, "no location");
    source.set_property("location", "/a b");
    source.set_property("start", 5u64);
    assert_eq!(
        handler.uri().as_deref(),
        Some("opusindex:///a%20b#samples=5-")
    );
    source.set_property("stop", 9i64);
    source.set_property("link", 2u64);
    assert_eq!(
        handler.uri().as_deref(),
        Some("opusindex:///a%20b#samples=5-9&link=2")
    );
    handler.set_uri("opusindex:///c").expect("a good URI");
    assert_eq!(source.property::<i64>("stop"), -1);
    assert_eq!(source.property::<u64>("link"), 0);
}

#[test]
fn wrong_uris_are_refused_with_the_part_that_is_wrong() {
    init();
    let source = gst::ElementFactory::make("opusindexsrc")
        .build()
        .expect("the source");
    let handler = source
        .dynamic_cast_ref::<gst::URIHandler>()
        .expect("a handler");
    for (uri, part) in [
        ("opusindex:///a#samples=9-5", "samples"),
        ("opusindex:///a#t=5", "fragment"),
        ("opusindex://host/a", "host"),
        ("opusindex:///a#link=x", "link"),
    ] {
        let error = handler.set_uri(uri).expect_err("a wrong URI");
        assert!(error.matches(gst::URIError::BadUri), "{error:?}");
        assert!(error.message().contains(part), "{error}");
    }
}

#[test]
fn the_uri_stays_while_the_store_is_open() {
    let store = Store::of(opus::ODD_TOOLS);
    let player = Player::new(&store.source(""));
    player.state(gst::State::Paused);
    let source = player.source();
    let handler = source
        .dynamic_cast_ref::<gst::URIHandler>()
        .expect("a handler");
    let error = handler.set_uri("opusindex:///a").expect_err("it is open");
    assert!(error.matches(gst::URIError::BadState), "{error:?}");
    player.state(gst::State::Ready);
    handler.set_uri("opusindex:///a").expect("it is closed");
}

#[test]
fn playbin_plays_a_range() {
    let store = Store::of(opus::ODD_TOOLS);
    let player = Player::playbin(&uri(&store, "#samples=4800-28800"));
    let decoded = player.decode();
    assert_eq!(decoded.places(), [(4800, 24_000)]);
}
