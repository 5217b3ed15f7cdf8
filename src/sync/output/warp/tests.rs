use super::*;

const TONE: f64 = 1000.0;

fn shifted(offset: f64) -> Affine {
    Affine { offset, drift: 0.0 }
}

fn tone(time: f64) -> f32 {
    (0.5 * (std::f64::consts::TAU * TONE * time).sin()) as f32
}

/// Plays a tone of the stream's own line in buffers of `frames`, from `from` to `to`.
fn play(warp: &mut Warp, steer: &mut Steer, frames: usize, from: usize, to: usize) -> Vec<Chunk> {
    let (rate, channels) = (warp.rate, warp.channels);
    (from..to)
        .step_by(frames)
        .flat_map(|at| {
            let samples: Vec<f32> = (at..(at + frames).min(to))
                .flat_map(|k| std::iter::repeat_n(tone(k as f64 / rate), channels))
                .collect();
            warp.push(at as f64 / rate, &samples, steer)
        })
        .collect()
}

/// All samples of the first channel, after a check that each chunk begins where the one before ended.
fn joined(chunks: &[Chunk], rate: f64, channels: usize) -> (f64, Vec<f32>) {
    let start = chunks.first().map_or(0.0, |chunk| chunk.time);
    let mut all = Vec::new();
    for chunk in chunks {
        let expected = start + all.len() as f64 / rate;
        assert!(
            (chunk.time - expected).abs() < 1e-9,
            "{} {expected}",
            chunk.time
        );
        assert_eq!(chunk.samples.len() % channels, 0);
        all.extend(chunk.samples.iter().step_by(channels));
    }
    (start, all)
}

fn decibels(errors: impl Iterator<Item = f64>) -> f64 {
    let (sum, number) = errors.fold((0.0, 0.0), |(s, n), e| (s + e * e, n + 1.0));
    // Against the power of the tone.
    10.0 * (sum / number / 0.125_f64).log10()
}

#[test]
fn without_a_target_samples_pass_untouched() {
    let (mut warp, mut steer) = (Warp::new(44_100, 2, Kernel::Sinc), Steer::new());
    let (mut sent, mut made) = (Vec::new(), Vec::new());
    let mut time = 0.25;
    for k in 0..50_usize {
        let mut samples: Vec<f32> = (0..2 * (k * 37 % 500 + 1))
            .map(|j| (((k * j * 7919) % 65_536) as f32 - 32_768.0) / 32_768.0)
            .collect();
        samples[0] = f32::NAN;
        let chunks = warp.push(time, &samples, &mut steer);
        assert_eq!(chunks.len(), 1);
        assert_eq!((chunks[0].time, chunks[0].own), (time, time));
        assert_eq!(chunks[0].discont, k == 0);
        made.extend(chunks[0].samples.iter().map(|s| s.to_bits()));
        // A rate that is not the nominal one.
        time += (samples.len() / 2) as f64 / 44_100.0 * 1.0008;
        sent.extend(samples.iter().map(|s| s.to_bits()));
    }
    assert_eq!(made, sent);
    assert!(warp.drain(&mut steer).is_empty());
    let counts = warp.counts();
    assert_eq!((counts.taken, counts.dropped), (counts.made, 0));
}

#[test]
fn an_offset_of_whole_samples_is_exact() {
    for offset in [0.0, 480.0, 12_345.0] {
        let (mut warp, mut steer) = (Warp::new(48_000, 1, Kernel::Sinc), Steer::new());
        steer.target(shifted(offset / 48_000.0), 0.0);
        let chunks = play(&mut warp, &mut steer, 441, 0, 96_000);
        let (start, made) = joined(&chunks, 48_000.0, 1);
        assert_eq!(start, offset / 48_000.0);
        // Nothing waits for the filter's future.
        assert_eq!(made.len(), 96_000);
        for (k, sample) in made.iter().enumerate() {
            assert_eq!(*sample, tone(k as f64 / 48_000.0));
        }
    }
}

#[test]
fn distortion_and_noise_lie_below_90_db() {
    for (rate, ppm) in [
        (48_000, 200.0),
        (48_000, -500.0),
        (44_100, 1000.0),
        (16_000, 37.0),
    ] {
        let (mut warp, mut steer) = (Warp::new(rate, 2, Kernel::Sinc), Steer::new());
        let map = Affine::through(0.0, 0.012_345_678, ppm * 1e-6);
        steer.target(map, 0.0);
        let length = rate as usize * 2;
        let mut chunks = play(&mut warp, &mut steer, rate as usize / 100, 0, length);
        chunks.extend(warp.drain(&mut steer));
        let (start, made) = joined(&chunks, f64::from(rate), 2);
        assert!((made.len() as f64 - length as f64 * (1.0 + ppm * 1e-6)).abs() < 2.0);
        let inner = made.iter().enumerate().skip(64).take(made.len() - 128);
        let level = decibels(inner.map(|(k, sample)| {
            let own = map.invert(start + k as f64 / f64::from(rate));
            f64::from(*sample) - f64::from(tone(own))
        }));
        assert!(level < -90.0, "{rate} Hz, {ppm} ppm: {level} dB");
    }
}

#[test]
fn a_bending_line_and_a_slew_make_no_click() {
    let (mut warp, mut steer) = (Warp::new(48_000, 1, Kernel::Sinc), Steer::new());
    steer.target(shifted(0.1), 0.0);
    let (mut chunks, mut time) = (Vec::new(), 0.0);
    for k in 0..1000_u32 {
        // The own line bends every 0.4 s, by 400 ppm.
        let bend = (f64::from(k / 100 % 8) - 4.0).abs() * 4e-4 - 8e-4;
        let spacing = (1.0 + bend) / 48_000.0;
        let samples: Vec<f32> = (0..200)
            .map(|j| tone(time + f64::from(j) * spacing))
            .collect();
        chunks.extend(warp.push(time, &samples, &mut steer));
        time += 200.0 * spacing;
        if k % 150 == 149 {
            let error = if k % 300 == 149 { 4e-4 } else { -4e-4 };
            assert_eq!(
                steer.target(shifted(steer.applied().shift(time) + error), time),
                None
            );
        }
    }
    let (_, made) = joined(&chunks, 48_000.0, 1);
    assert!(chunks[1..].iter().all(|chunk| !chunk.discont));
    // A pure tone of slightly moving pitch obeys its own recursion.
    let turn = 2.0 * (std::f64::consts::TAU * TONE / 48_000.0).cos();
    let worst = made[64..]
        .windows(3)
        .map(|w| (f64::from(w[0]) + f64::from(w[2]) - turn * f64::from(w[1])).abs())
        .fold(0.0, f64::max);
    // A leap by 1/100 of a sample is 6.5e-4.
    assert!(worst < 1.5e-4, "{worst}");
}

#[test]
fn a_step_forwards_fades_to_silence_and_back() {
    let (mut warp, mut steer) = (Warp::new(48_000, 2, Kernel::Sinc), Steer::new());
    let mut chunks = play(&mut warp, &mut steer, 480, 0, 48_000);
    steer.target(shifted(0.3), 1.0);
    chunks.extend(play(&mut warp, &mut steer, 480, 48_000, 96_000));
    let (start, made) = joined(&chunks, 48_000.0, 2);
    assert_eq!(start, 0.0);
    assert_eq!(made.len(), 96_000 + 14_400);
    let silent: usize = chunks
        .iter()
        .filter(|chunk| chunk.silent)
        .map(|chunk| chunk.samples.len() / 2)
        .sum();
    assert_eq!(silent, 14_400 - 240);
    assert_eq!(warp.counts().silent, silent as u64);
    assert_eq!(warp.counts().dropped, 0);
    // The fade out, the silence, the fade in, then the tone again, 0.3 s later.
    assert!(made[48_240..62_400].iter().all(|s| *s == 0.0));
    assert!(made[48_000..48_240].iter().any(|s| s.abs() > 0.3));
    assert!(
        made[62_640..]
            .iter()
            .enumerate()
            .all(|(k, s)| *s == tone((k + 48_240) as f64 / 48_000.0))
    );
    let leap = made
        .windows(2)
        .map(|w| (w[1] - w[0]).abs())
        .fold(0.0, f32::max);
    assert!(leap < 0.08, "{leap}");
    let disconts: Vec<f64> = chunks
        .iter()
        .filter(|c| c.discont)
        .map(|c| c.time)
        .collect();
    assert_eq!(disconts, [0.0, 1.3]);
    assert!(
        chunks
            .iter()
            .all(|chunk| chunk.samples.len() <= 2 * (480 + TAPS))
    );
}

#[test]
fn a_step_backwards_fades_across_and_drops_what_lies_between() {
    let (mut warp, mut steer) = (Warp::new(48_000, 1, Kernel::Sinc), Steer::new());
    let mut chunks = play(&mut warp, &mut steer, 480, 0, 48_000);
    steer.target(shifted(-0.25), 1.0);
    let waiting = play(&mut warp, &mut steer, 480, 48_000, 59_520);
    assert!(waiting.is_empty());
    chunks.extend(play(&mut warp, &mut steer, 480, 59_520, 96_000));
    let (_, made) = joined(&chunks, 48_000.0, 1);
    assert_eq!(made.len(), 96_000 - 12_000);
    assert_eq!(warp.counts().dropped, 12_000);
    assert!(
        made[48_240..]
            .iter()
            .enumerate()
            .all(|(k, s)| *s == tone((k + 60_240) as f64 / 48_000.0))
    );
    // 0.25 s are whole periods of the tone: the two contents are one, and their fades add up to it.
    for (k, s) in made[48_000..48_240].iter().enumerate() {
        assert!((s - tone((k + 48_000) as f64 / 48_000.0)).abs() < 1e-5);
    }
    let disconts: Vec<f64> = chunks
        .iter()
        .filter(|c| c.discont)
        .map(|c| c.time)
        .collect();
    assert_eq!(disconts, [0.0, 1.0]);
}

#[test]
fn small_steps_do_not_click() {
    for step in [0.002, -0.002, 0.0041, -0.0041, 0.006] {
        let (mut warp, mut steer) = (Warp::new(48_000, 1, Kernel::Sinc), Steer::new());
        steer.target(shifted(0.1), 0.0);
        let mut chunks = play(&mut warp, &mut steer, 480, 0, 48_000);
        assert!(steer.target(shifted(0.1 + step), 1.0).is_some());
        chunks.extend(play(&mut warp, &mut steer, 480, 48_000, 96_000));
        let (_, made) = joined(&chunks, 48_000.0, 1);
        let expected = 96_000.0 + step * 48_000.0;
        assert!((made.len() as f64 - expected).abs() <= 17.0, "{step}");
        let leap = made
            .windows(2)
            .map(|w| (w[1] - w[0]).abs())
            .fold(0.0, f32::max);
        assert!(leap < 0.08, "{step}: {leap}");
    }
}

#[test]
fn a_new_target_while_it_waits_takes_it_back() {
    let (mut warp, mut steer) = (Warp::new(48_000, 1, Kernel::Sinc), Steer::new());
    let mut chunks = play(&mut warp, &mut steer, 480, 0, 48_000);
    steer.target(shifted(-1.0), 1.0);
    assert!(play(&mut warp, &mut steer, 480, 48_000, 52_800).is_empty());
    steer.target(shifted(0.5), 1.1);
    chunks.extend(play(&mut warp, &mut steer, 480, 52_800, 96_000));
    let (_, made) = joined(&chunks, 48_000.0, 1);
    assert_eq!(made.len(), 96_000 + 24_000);
    let counts = warp.counts();
    assert_eq!(
        counts.taken + counts.silent + 240,
        counts.made + counts.dropped
    );
}

#[test]
fn times_before_0_are_clipped() {
    for passing in [true, false] {
        let (mut warp, mut steer) = (Warp::new(1000, 1, Kernel::Sinc), Steer::new());
        let from = if passing {
            -0.25
        } else {
            steer.target(shifted(-0.25), 0.0);
            0.0
        };
        let samples: Vec<f32> = (0..1000_u16).map(f32::from).collect();
        let chunks: Vec<Chunk> = samples
            .chunks(100)
            .enumerate()
            .flat_map(|(k, part)| warp.push(from + k as f64 * 0.1, part, &mut steer))
            .collect();
        let (start, made) = joined(&chunks, 1000.0, 1);
        assert!(start.abs() < 1e-9);
        assert_eq!(made, samples[250..]);
        assert_eq!(warp.counts().dropped, 250);
    }
}

#[test]
fn a_broken_line_drains_and_goes_on_later_but_never_earlier() {
    let (mut warp, mut steer) = (Warp::new(48_000, 1, Kernel::Sinc), Steer::new());
    steer.target(Affine::through(0.0, 0.1, 1e-5), 0.0);
    let mut chunks = play(&mut warp, &mut steer, 480, 0, 4800);
    let made: usize = chunks.iter().map(|chunk| chunk.samples.len()).sum();
    assert_eq!(made, 4800 - AHEAD + 1);
    // A hole: the rest comes out, and the new line begins at its own time.
    let later = warp.push(0.5, &[0.1; 480], &mut steer);
    assert_eq!(later[0].samples.len(), AHEAD);
    assert!(later[1].discont && (later[1].time - 0.600_005).abs() < 1e-9);
    chunks.extend(later);
    // Back: what lies before the end is dropped.
    let mut back = warp.push(0.4, &[0.2; 480], &mut steer);
    for k in 1..20 {
        back.extend(warp.push(0.4 + f64::from(k) * 0.01, &[0.2; 480], &mut steer));
    }
    assert!(back[1].discont);
    chunks.extend(back);
    let mut end = 0.0;
    for chunk in &chunks {
        assert!(chunk.time >= end - 1e-9);
        end = chunk.time + chunk.samples.len() as f64 / 48_000.0;
    }
    assert!((warp.end().unwrap() - end).abs() < 1e-9);
}

#[test]
fn the_end_within_a_wait_fades_out() {
    let (mut warp, mut steer) = (Warp::new(48_000, 1, Kernel::Sinc), Steer::new());
    play(&mut warp, &mut steer, 480, 0, 48_000);
    steer.target(shifted(-0.5), 1.0);
    assert!(play(&mut warp, &mut steer, 480, 48_000, 52_800).is_empty());
    let rest = warp.drain(&mut steer);
    assert_eq!(rest.len(), 1);
    assert_eq!(rest[0].samples.len(), 240);
    assert!((rest[0].time - 1.0).abs() < 1e-12);
    assert!(rest[0].samples[239].abs() < 1e-3);
    assert!(warp.drain(&mut steer).is_empty());
}

#[test]
fn sensors_follow_straight_lines_and_do_not_fade() {
    let (mut warp, mut steer) = (Warp::new(100, 3, Kernel::Linear), Steer::new());
    let map = Affine::through(0.0, 0.003, 4e-4);
    steer.target(map, 0.0);
    let value = |k: u32| f64::from(k) * 0.5 - 3.0;
    let mut chunks = Vec::new();
    for k in 0..2000_u32 {
        if k == 1000 {
            let step = Affine::through(10.0, 1.003, 4e-4);
            assert!(steer.target(step, 10.0).is_some());
        }
        let v = value(k) as f32;
        chunks.extend(warp.push(f64::from(k) * 0.01, &[v, -v, 1.0], &mut steer));
    }
    chunks.extend(warp.drain(&mut steer));
    let (start, made) = joined(&chunks, 100.0, 3);
    assert!((start - 0.003).abs() < 1e-12);
    let mut silent = 0;
    for chunk in &chunks {
        for (k, frame) in chunk.samples.chunks(3).enumerate() {
            let time = chunk.time + k as f64 * 0.01;
            let after = time >= 11.0;
            let own = if after {
                Affine::through(10.0, 1.003, 4e-4).invert(time)
            } else {
                map.invert(time)
            };
            if chunk.silent {
                silent += 1;
                continue;
            }
            let want = own.min(19.99) / 0.01 * 0.5 - 3.0;
            assert!(
                (f64::from(frame[0]) - want).abs() < 1e-3,
                "{time}: {frame:?} {want}"
            );
            assert_eq!((frame[1], frame[2]), (-frame[0], 1.0));
        }
    }
    assert!((99..=100).contains(&silent), "{silent}");
    assert!((made.len() as i64 - 2100).abs() <= 2, "{}", made.len());
}

#[test]
fn drifting_for_hours_stays_on_the_map() {
    let (mut warp, mut steer) = (Warp::new(100, 1, Kernel::Linear), Steer::new());
    let map = Affine::through(0.0, 0.5, -3e-4);
    steer.target(map, 0.0);
    let mut made = 0_usize;
    for k in 0..36_000_u32 {
        for chunk in warp.push(f64::from(k), &[0.25; 100], &mut steer) {
            assert!((chunk.time - 0.5 - made as f64 / 100.0).abs() < 1e-6);
            assert!((map.apply(chunk.own) - chunk.time).abs() < 1e-6);
            made += chunk.samples.len();
            warp.reuse(chunk.samples);
        }
    }
    assert!((made as f64 / 100.0 - 36_000.0 * (1.0 - 3e-4)).abs() < 0.05);
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(64))]

    #[test]
    fn whatever_comes_the_output_is_in_order(
        rate in proptest::sample::select(vec![0_u32, 1, 100, 8000, 44_100, u32::MAX]),
        channels in proptest::sample::select(vec![0_usize, 1, 2, 5, 64, 1000]),
        sinc in proptest::bool::ANY,
        acts in proptest::collection::vec((0_u8..10, 0_usize..150, -2.0..2.0_f64), 1..60),
    ) {
        let kernel = if sinc { Kernel::Sinc } else { Kernel::Linear };
        let (mut warp, mut steer) = (Warp::new(rate, channels, kernel), Steer::new());
        let (mut time, mut end) = (0.0_f64, 0.0_f64);
        let mut made = 0;
        for (act, frames, number) in acts {
            let samples = vec![number as f32; frames * warp.channels + frames % warp.channels];
            let period = 1.0 / warp.rate;
            let mut chunks = Vec::new();
            match act {
                0 => drop(steer.target(Affine::through(time, number, number * 2e-4), time)),
                1 => drop(steer.target(Affine::through(time, number / 1000.0, 0.0), time)),
                2 => chunks = warp.drain(&mut steer),
                3 => { time += number; steer.restart(time); }
                4 => chunks = warp.push(f64::NAN, &samples, &mut steer),
                5 => chunks = warp.push(number * 1e300, &samples, &mut steer),
                _ => {
                    chunks = warp.push(time + number * 1e-4, &samples, &mut steer);
                    time += frames as f64 * period;
                }
            }
            for chunk in chunks {
                let frames = chunk.samples.len() / warp.channels;
                proptest::prop_assert!(frames > 0);
                proptest::prop_assert!(chunk.time >= end - 1e-3 * period - 1e-9, "{} {end}", chunk.time);
                // Untouched samples keep the spacing and the jitter of their times.
                let length = if steer.is_identity() { 0.0 } else { frames as f64 * period };
                end = chunk.time + length;
                made += frames as u64;
            }
            proptest::prop_assert_eq!(warp.counts().made, made);
        }
    }
}
