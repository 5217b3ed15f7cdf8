//! Pads: names, requests at any time, caps, queries, states, and input that no one should have to bear.

use gst::prelude::*;

use crate::rig::{AUDIO, JSON, Rig, VIDEO, audio, bytes, json, video};

#[test]
fn pads_come_in_pairs_by_number() {
    let rig = Rig::new("");
    let first = rig.silent("sink_%u", None);
    let named = rig.silent("sink_7", None);
    assert_eq!(
        (first.sink.name(), first.src.name()),
        ("sink_0".into(), "src_0".into())
    );
    assert_eq!(named.src.name(), "src_7");
    let linked: Vec<gst::Pad> = named
        .src
        .iterate_internal_links()
        .into_iter()
        .flatten()
        .collect();
    assert!(linked.len() == 1 && linked[0] == named.sink);
    rig.element.release_request_pad(&named.sink);
    assert!(rig.element.static_pad("src_7").is_none());
}

#[test]
fn pads_come_and_go_while_others_flow() {
    let rig = Rig::playing("");
    let stays = rig.file(AUDIO);
    for turn in 0..20 {
        let comes = rig.file(VIDEO);
        comes.push(video(0));
        stays.push(audio(turn * 20));
        assert_eq!(comes.times(1), [0]);
        rig.element.release_request_pad(&comes.sink);
    }
    assert_eq!(stays.buffers(20).len(), 20);
}

#[test]
fn a_released_pad_lets_go_of_a_thread_that_waits_in_it() {
    let rig = Rig::playing("");
    let lane = rig.file(AUDIO);
    lane.block(true);
    let pad = lane.pad.clone();
    let thread = std::thread::spawn(move || (0..).find_map(|n| pad.push(audio(n * 20)).err()));
    // Downstream lets go, as it has to before its pad goes.
    lane.wait_full(&rig);
    lane.block(false);
    rig.element.release_request_pad(&lane.sink);
    assert_eq!(thread.join().unwrap(), Some(gst::FlowError::Flushing));
}

#[test]
fn ready_and_back_begins_anew() {
    let rig = Rig::playing("reference-pad=none");
    let lane = rig.file(VIDEO);
    rig.set_offset(&lane, 100);
    lane.push(video(0));
    assert_eq!(lane.times(1), [100]);
    rig.set_state(gst::State::Ready);
    rig.set_state(gst::State::Playing);
    lane.clear();
    lane.event(gst::event::StreamStart::new("again"));
    lane.caps(VIDEO);
    lane.segment(0);
    lane.push(video(0));
    assert_eq!(lane.times(1), [0]);
    assert_eq!(rig.stat(&lane, "in"), 1);
}

#[test]
fn caps_that_change_come_out_in_their_place() {
    let other = "audio/x-raw,format=F32LE,layout=interleaved,rate=24000,channels=1";
    let rig = Rig::playing("");
    let (reference, lane) = (rig.file(AUDIO), rig.file(AUDIO));
    reference.push(audio(0));
    rig.set_offset(&lane, 10);
    lane.push(audio(0));
    lane.push(audio(20));
    lane.caps(other);
    lane.push(bytes(40, 20, vec![0; 480 * 4]));
    lane.end();
    lane.wait_for(gst::EventType::Eos);
    let out = lane.all();
    let mut seconds = 0.0;
    for (at, buffer) in out.iter().enumerate() {
        let rate = if at + 1 == out.len() {
            24_000.0
        } else {
            48_000.0
        };
        seconds += (buffer.size() / 4) as f64 / rate;
    }
    assert!((seconds - 0.06).abs() < 1e-4, "{seconds}");
    assert_eq!(lane.src.current_caps(), Some(other.parse().unwrap()));
}

#[test]
fn caps_are_what_downstream_takes() {
    let rig = Rig::playing("");
    let lane = rig.silent("sink_%u", None);
    let template = lane.sink.query_caps(None);
    assert!(template.can_intersect(&VIDEO.parse::<gst::Caps>().unwrap()));
    assert!(
        !lane
            .sink
            .query_accept_caps(&"video/x-h264".parse::<gst::Caps>().unwrap())
    );
    for too_much in ["rate=768000,channels=1", "rate=48000,channels=5000"] {
        for name in ["audio/x-raw,layout=interleaved", "application/x-sensor"] {
            let caps = format!("{name},format=F32LE,{too_much}");
            let caps: gst::Caps = caps.parse().expect("valid caps");
            assert!(!lane.sink.query_accept_caps(&caps), "{caps}");
        }
    }
    let gl = "video/x-raw(memory:GLMemory),format=RGBA,width=8,height=8,framerate=1/1";
    assert!(
        !lane
            .sink
            .query_accept_caps(&gl.parse::<gst::Caps>().unwrap())
    );
}

#[test]
fn pools_of_downstream_are_not_used_for_what_is_held_here() {
    let rig = Rig::playing("");
    let lane = rig.silent("sink_%u", None);
    offer_a_pool(&lane.out);
    let mut query = gst::query::Allocation::new(Some(&VIDEO.parse().unwrap()), true);
    assert!(lane.pad.peer_query(&mut query));
    let pools: Vec<_> = query.allocation_pools().collect();
    assert_eq!(pools.len(), 1);
    assert!(pools[0].0.is_none());
    assert_eq!((pools[0].1, pools[0].2, pools[0].3), (256, 6, 0));
}

/// Downstream offers a pool of two to three buffers.
fn offer_a_pool(pad: &gst::Pad) {
    pad.add_probe(gst::PadProbeType::QUERY_DOWNSTREAM, |_, info| {
        if let Some(query) = info.query_mut()
            && let gst::QueryViewMut::Allocation(query) = query.view_mut()
        {
            let pool = gst::BufferPool::new();
            query.add_allocation_pool(Some(&pool), 256, 2, 3);
            return gst::PadProbeReturn::Handled;
        }
        gst::PadProbeReturn::Ok
    });
}

#[test]
fn upstream_events_go_to_the_stream_s_own_upstream() {
    let rig = Rig::playing("");
    let (reference, lane) = (rig.file(AUDIO), rig.file(VIDEO));
    reference.push(audio(0));
    rig.set_offset(&lane, 100);
    lane.push(video(0));
    lane.buffers(1);
    let qos = gst::event::Qos::builder(gst::QOSType::Underflow, 1.0, 5)
        .timestamp(gst::ClockTime::from_mseconds(500));
    assert!(lane.out.push_event(qos.build()));
    let seek = |rate| {
        gst::event::Seek::new(
            rate,
            gst::SeekFlags::FLUSH,
            gst::SeekType::Set,
            gst::ClockTime::from_seconds(3),
            gst::SeekType::None,
            gst::ClockTime::NONE,
        )
    };
    assert!(
        !lane.out.push_event(seek(2.0)),
        "at that rate nothing aligns"
    );
    assert!(lane.out.push_event(seek(1.0)));
    let came = lane.upstream.lock().unwrap();
    let seen = |type_| came.iter().find(|e| e.type_() == type_);
    let Some(gst::EventView::Qos(qos)) = seen(gst::EventType::Qos).map(|e| e.view()) else {
        panic!("{came:?}");
    };
    assert_eq!(qos.timestamp(), Some(gst::ClockTime::from_mseconds(400)));
    assert!(seen(gst::EventType::Seek).is_some());
    assert!(
        reference
            .upstream
            .lock()
            .unwrap()
            .iter()
            .all(|e| e.type_() != gst::EventType::Seek)
    );
}

#[test]
fn mad_timestamps_hold_up_nobody() {
    let rig = Rig::playing("");
    let (mad, sane) = (rig.file(VIDEO), rig.file(AUDIO));
    let times = [
        Some(0),
        None,
        Some(u64::MAX / 2),
        Some(3),
        Some(1 << 50),
        Some(0),
        None,
    ];
    for (n, time) in times.into_iter().cycle().take(200).enumerate() {
        let mut buffer = video(0);
        let made = buffer.make_mut();
        made.set_pts(time.map(gst::ClockTime::from_nseconds));
        made.set_dts(time.map(gst::ClockTime::from_nseconds));
        mad.push(buffer);
        sane.push(audio(n as u64 * 20));
    }
    let out = sane.times(200);
    assert_eq!(out, (0..4000).step_by(20).collect::<Vec<u64>>());
    mad.end();
    mad.wait_for(gst::EventType::Eos);
    let out = crate::rig::pts_ms(&mad.all());
    assert!(out.windows(2).all(|w| w[0] <= w[1]), "{out:?}");
    assert!(mad.all().iter().all(|b| b.dts().is_none()));
}

#[test]
fn a_segment_without_times_is_an_error_that_names_the_pad() {
    let rig = Rig::playing("");
    let lane = rig.silent("sink_%u", None);
    lane.event(gst::event::StreamStart::new("bytes"));
    lane.caps(AUDIO);
    let segment = gst::FormattedSegment::<gst::format::Bytes>::new();
    lane.event(gst::event::Segment::new(&segment));
    let message = rig
        .bus
        .timed_pop_filtered(gst::ClockTime::from_seconds(60), &[gst::MessageType::Error]);
    let text = match message.expect("an error").view() {
        gst::MessageView::Error(error) => format!("{} {:?}", error.error(), error.debug()),
        _ => unreachable!("filtered"),
    };
    assert!(text.contains("sink_0: the segment is in Bytes"), "{text}");
}

#[test]
fn custom_events_and_gaps_pass_on_the_line() {
    let rig = Rig::playing("");
    let (reference, lane) = (rig.file(AUDIO), rig.file(JSON));
    reference.push(audio(0));
    rig.set_offset(&lane, 100);
    lane.push(json(0));
    let gap = gst::event::Gap::builder(gst::ClockTime::from_mseconds(500))
        .duration(gst::ClockTime::from_mseconds(250));
    lane.event(gap.build());
    lane.event(gst::event::CustomDownstreamOob::new(
        gst::Structure::new_empty("now"),
    ));
    lane.wait_for(gst::EventType::Gap);
    lane.wait_for(gst::EventType::CustomDownstreamOob);
    let events = lane.events();
    let gap = events.iter().find_map(|e| match e.view() {
        gst::EventView::Gap(gap) => Some(gap.get()),
        _ => None,
    });
    let expected = [600, 250].map(gst::ClockTime::from_mseconds);
    assert_eq!(gap, Some((expected[0], Some(expected[1]))));
}

#[test]
fn a_drain_query_waits_until_all_is_out() {
    let rig = Rig::playing("");
    let lane = rig.file(AUDIO);
    lane.block(true);
    (0..100).step_by(20).for_each(|ms| lane.push(audio(ms)));
    let opener = lane.clone();
    let thread = std::thread::spawn(move || opener.block(false));
    let mut query = gst::query::Drain::new();
    // Whether downstream knows such queries is not what counts here.
    let _ = lane.pad.peer_query(&mut query);
    assert_eq!(lane.all().len(), 5);
    thread.join().unwrap();
}

#[test]
fn offsets_are_set_on_pads_that_are_there_and_not_the_reference() {
    let rig = Rig::playing("");
    let (reference, lane) = (rig.file(AUDIO), rig.file(VIDEO));
    reference.push(audio(0));
    let set = |name: &str| {
        rig.element
            .emit_by_name::<bool>("set-offset", &[&name, &5_i64])
    };
    assert!(set(&lane.sink.name()));
    assert!(!set(&reference.sink.name()));
    assert!(!set("sink_77"));
    let absurd = [&lane.sink.name() as &dyn ToValue, &i64::MIN];
    assert!(!rig.element.emit_by_name::<bool>("set-offset", &absurd));
    let state = |lane: &crate::rig::Lane| {
        lane.sink
            .property::<gstharmony::elements::syncaligner::PadState>("state")
    };
    use gstharmony::elements::syncaligner::PadState;
    assert_eq!(state(&reference), PadState::Reference);
    assert_eq!(state(&lane), PadState::Provisional);
    rig.element.emit_by_name::<()>("relock", &[]);
    assert_eq!(state(&lane), PadState::Unlocked);
}

#[test]
fn calibration_is_added_to_what_is_measured() {
    let rig = Rig::playing("");
    let (reference, lane) = (rig.file(AUDIO), rig.file(VIDEO));
    reference.push(audio(0));
    lane.sink.set_property("calibration", -30_000_000_i64);
    lane.push(video(40));
    assert_eq!(lane.times(1), [40], "nothing is measured");
    rig.set_offset(&lane, 100);
    lane.push(video(80));
    // The hole is filled.
    assert_eq!(lane.times(4), [40, 80, 120, 150]);
    assert_eq!(lane.sink.property::<i64>("offset"), 70_000_000);
}

#[test]
fn the_reference_is_the_pad_that_is_named() {
    use gstharmony::elements::syncaligner::PadState;
    let rig = Rig::playing("reference-pad=sink_1");
    let (sound, pictures) = (rig.file(AUDIO), rig.file(VIDEO));
    sound.push(audio(0));
    pictures.push(video(0));
    let state = |lane: &crate::rig::Lane| lane.sink.property::<PadState>("state");
    assert_eq!(state(&pictures), PadState::Reference);
    assert_eq!(state(&sound), PadState::Unlocked);
}

#[test]
fn when_the_reference_goes_the_others_stay_where_they_are() {
    use gstharmony::elements::syncaligner::PadState;
    let rig = Rig::playing("");
    let (reference, heir) = (rig.file(AUDIO), rig.file(VIDEO));
    reference.push(audio(0));
    rig.set_offset(&heir, 100);
    heir.push(video(0));
    assert_eq!(heir.times(1), [100]);
    rig.element.release_request_pad(&reference.sink);
    heir.push(video(40));
    heir.push(video(80));
    assert_eq!(heir.times(3), [100, 140, 180]);
    assert_eq!(heir.sink.property::<PadState>("state"), PadState::Reference);
    assert!(!rig.has_message("syncaligner-step") || heir.all().len() == 3);
}

#[test]
fn a_reference_that_nothing_relates_to_the_last_begins_where_it_is() {
    let rig = Rig::playing("");
    let (reference, heir) = (rig.file(AUDIO), rig.file(VIDEO));
    reference.push(audio(0));
    rig.set_offset(&heir, 100);
    heir.push(video(0));
    assert_eq!(heir.times(1), [100]);
    for lane in [&reference, &heir] {
        rig.element.release_request_pad(&lane.sink);
    }
    let (stranger, follower) = (rig.file(AUDIO), rig.file(VIDEO));
    stranger.push(audio(200));
    assert_eq!(stranger.times(1), [200]);
    rig.set_offset(&follower, 50);
    follower.push(video(200));
    assert_eq!(follower.times(1), [250], "on the line of the stranger");
}

#[test]
fn a_gap_that_can_not_be_is_passed_over() {
    let rig = Rig::playing("");
    let lane = rig.file(AUDIO);
    lane.push(audio(0));
    lane.event(gst::event::Gap::new(
        gst::ClockTime::from_seconds(36_000),
        gst::ClockTime::SECOND,
    ));
    lane.push(audio(20));
    assert_eq!(lane.times(2), [0, 20]);
}

#[test]
fn a_name_that_is_taken_leaves_nothing_behind() {
    let rig = Rig::playing("");
    let lane = rig.file(AUDIO);
    let template = rig.element.pad_template("sink_%u").expect("a template");
    let again = rig.element.request_pad(&template, Some("sink_00"), None);
    assert!(again.is_none(), "the number is taken");
    lane.push(audio(0));
    assert_eq!(lane.times(1), [0]);
    assert_eq!(rig.element.num_pads(), 2);
    // A thread that were left would hold it.
    let element = rig.element.downgrade();
    drop((rig, lane));
    assert!(element.upgrade().is_none());
}

#[test]
fn a_name_of_no_pad_is_warned_of_once() {
    let rig = Rig::playing("reference-pad=sink_7");
    let (sound, pictures) = (rig.file(AUDIO), rig.file(VIDEO));
    pictures.sink.set_property("follow", "sink_9");
    for turn in 0..3 {
        sound.push(audio(turn * 20));
        pictures.push(video(turn * 40));
    }
    let next = || rig.bus.pop_filtered(&[gst::MessageType::Warning]);
    let warnings: Vec<String> = std::iter::from_fn(next)
        .map(|message| match message.view() {
            gst::MessageView::Warning(warning) => {
                warning.debug().expect("it says which").to_string()
            }
            _ => unreachable!("filtered"),
        })
        .collect();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[0].contains("reference-pad") && warnings[0].contains("sink_7"));
    let second = ["sink_1", "follow", "sink_9"];
    assert!(
        second.iter().all(|word| warnings[1].contains(word)),
        "{warnings:?}"
    );
}
