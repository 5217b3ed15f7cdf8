use super::*;

/// Repeatable noise of variance 1.
struct Noise(u64);

impl Noise {
    fn uniform(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) as f64 / f64::from(1_u32 << 30) - 1.0
    }

    fn next(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() / 2.0
    }
}

/// Adds a clap to every second: noise that decays within 8 ms, so many decibels over `power`. Returns their times.
fn clap(audio: &mut [f64], power: f64, decibels: f64, noise: &mut Noise) -> Vec<f64> {
    let level = (power * 10_f64.powf(decibels / 10.0)).sqrt();
    let seconds = audio.len() / RATE as usize;
    (1..seconds)
        .map(|second| {
            let time = second as f64 + 0.3 * noise.uniform();
            let first = (time * RATE).ceil() as usize;
            for (k, sample) in audio.iter_mut().skip(first).take(1600).enumerate() {
                let since = (first + k) as f64 / RATE - time;
                *sample += level * noise.next() * (-since / 8e-3).exp();
            }
            time
        })
        .collect()
}

fn power(audio: &[f64]) -> f64 {
    audio.iter().map(|s| s * s).sum::<f64>() / audio.len() as f64
}

/// Pulses of a voice through two formants, in syllables and phrases.
fn voice(seconds: usize, noise: &mut Noise) -> Vec<f64> {
    let mut audio = vec![0.0; seconds * RATE as usize];
    let mut phase = 0.0;
    let (mut near, mut far) = ([0.0; 2], [0.0; 2]);
    for (k, sample) in audio.iter_mut().enumerate() {
        let time = k as f64 / RATE;
        let pitch = 120.0 + 30.0 * (std::f64::consts::TAU * 0.7 * time).sin();
        phase += pitch / RATE;
        let pulse = if phase >= 1.0 { 1.0 } else { 0.0 };
        phase %= 1.0;
        let open = (std::f64::consts::PI * 4.0 * time).sin().powi(2);
        let glide = 1.0 + 0.3 * (std::f64::consts::TAU * 1.3 * time).sin();
        let first = resonate(&mut near, 600.0 * glide, 80.0, pulse + 0.01 * noise.next());
        let second = resonate(&mut far, 1700.0 * glide, 120.0, first);
        *sample = 0.01 * open * second;
    }
    audio
}

fn resonate(state: &mut [f64; 2], frequency: f64, width: f64, input: f64) -> f64 {
    let radius = (-std::f64::consts::PI * width / RATE).exp();
    let turn = 2.0 * radius * (std::f64::consts::TAU * frequency / RATE).cos();
    let out = input + turn * state[0] - radius * radius * state[1];
    *state = [out, state[0]];
    out
}

fn hear(audio: &[f64]) -> Vec<Event> {
    let mut onsets = Onsets::new();
    let samples: Vec<f32> = audio.iter().map(|s| *s as f32).collect();
    let mut events: Vec<Event> = samples
        .chunks(160)
        .enumerate()
        .flat_map(|(k, part)| onsets.push(k as f64 * 0.01, part))
        .collect();
    events.extend(onsets.finish());
    for pair in events.windows(2) {
        assert!(pair[1].middle() - pair[0].middle() >= APART - 1e-9);
    }
    for event in &events {
        assert!(event.latest - event.earliest <= 1.0005e-3 && event.latest > event.earliest);
    }
    events
}

/// Claps that an event contains, claps that one is near, and events.
fn score(times: &[f64], events: &[Event]) -> (usize, usize, usize) {
    let close = |time: f64, slack: f64| {
        events
            .iter()
            .any(|e| e.earliest - slack <= time && time <= e.latest + slack)
    };
    (
        times.iter().filter(|t| close(**t, 0.0)).count(),
        times.iter().filter(|t| close(**t, 5e-3)).count(),
        events.len(),
    )
}

#[test]
fn claps_in_noise_are_found_within_a_millisecond() {
    for decibels in [10.0, 20.0, 40.0] {
        let mut noise = Noise(3);
        let mut audio: Vec<f64> = (0..60 * RATE as usize)
            .map(|_| 0.01 * noise.next())
            .collect();
        let level = power(&audio);
        let times = clap(&mut audio, level, decibels, &mut noise);
        let (hit, near, all) = score(&times, &hear(&audio));
        assert!(
            hit * 100 >= times.len() * 95,
            "{decibels} dB: {hit} of {}",
            times.len()
        );
        assert!(all <= near + 2, "{decibels} dB: {all} events");
    }
}

#[test]
fn claps_over_a_voice_are_found() {
    for decibels in [10.0, 20.0] {
        let mut noise = Noise(5);
        let mut audio = voice(60, &mut noise);
        let level = power(&audio);
        let times = clap(&mut audio, level, decibels, &mut noise);
        let (hit, _, _) = score(&times, &hear(&audio));
        assert!(
            hit * 100 >= times.len() * 95,
            "{decibels} dB: {hit} of {}",
            times.len()
        );
    }
}

#[test]
fn a_voice_alone_claps_seldom() {
    let mut noise = Noise(6);
    let events = hear(&voice(40, &mut noise));
    assert!(events.len() < 120, "{}", events.len());
}

#[test]
fn fast_music_is_no_flood() {
    let mut noise = Noise(7);
    let mut audio = vec![0.0; 20 * RATE as usize];
    // 16 notes a second, of noise and tones.
    for note in 0..20 * 16_u32 {
        let first = (f64::from(note) / 16.0 * RATE) as usize;
        let pitch = 200.0 * f64::from(note % 7 + 1);
        for (k, sample) in audio.iter_mut().skip(first).take(900).enumerate() {
            let since = k as f64 / RATE;
            let tone = (std::f64::consts::TAU * pitch * since).sin() + 0.3 * noise.next();
            *sample += 0.2 * tone * (-since / 0.02).exp();
        }
    }
    let events = hear(&audio);
    assert!(events.len() <= 100, "{}", events.len());
}

#[test]
fn noise_and_silence_and_steady_tones_have_no_claps() {
    let mut noise = Noise(11);
    let quiet: Vec<f64> = vec![0.0; 80_000];
    let white: Vec<f64> = (0..80_000).map(|_| 0.1 * noise.next()).collect();
    let tone: Vec<f64> = (0..80_000).map(|k| (f64::from(k) * 0.3).sin()).collect();
    assert_eq!(hear(&quiet).len(), 0);
    assert_eq!(hear(&white).len(), 0);
    assert_eq!(hear(&tone[..]).len(), 0);
}

#[test]
fn a_broken_line_begins_anew() {
    let mut noise = Noise(13);
    let mut audio: Vec<f64> = (0..64_000).map(|_| 0.01 * noise.next()).collect();
    let times = clap(&mut audio, 1e-4, 30.0, &mut noise);
    let samples: Vec<f32> = audio.iter().map(|s| *s as f32).collect();
    let mut onsets = Onsets::new();
    let mut events = onsets.push(50.0, &samples);
    events.extend(onsets.push(7.0, &samples));
    events.extend(onsets.finish());
    let all: Vec<f64> = times
        .iter()
        .map(|t| t + 50.0)
        .chain(times.iter().map(|t| t + 7.0))
        .collect();
    assert_eq!(events.len(), all.len());
    for (event, time) in events.iter().zip(all) {
        assert!(event.earliest <= time && time <= event.latest);
    }
}

#[test]
fn hostile_samples_and_times_do_no_harm() {
    let mut onsets = Onsets::new();
    for time in [f64::NAN, f64::INFINITY, -1e300, 0.0, 0.5, 1e300] {
        for value in [
            f32::NAN,
            f32::INFINITY,
            f32::MAX,
            f32::MIN_POSITIVE,
            0.0,
            -1.0,
        ] {
            let samples: Vec<f32> = (0..4000)
                .map(|k| if k % 999 == 0 { value } else { 0.1 })
                .collect();
            for event in onsets.push(time, &samples) {
                assert!(event.earliest <= event.latest);
            }
            onsets.push(time, &[]);
        }
    }
    onsets.finish();
}

#[test]
fn what_rings_before_a_loud_clap_is_not_its_begin() {
    let mut noise = Noise(17);
    let rate = 48_000.0;
    let mut audio: Vec<f32> = (0..20 * 48_000)
        .map(|_| (1e-3 * noise.next()) as f32)
        .collect();
    let times: Vec<f64> = (1..20)
        .map(|k| f64::from(k) + 0.3 * noise.uniform())
        .collect();
    for time in &times {
        let first = (time * rate).ceil() as usize;
        for (k, sample) in audio.iter_mut().skip(first).take(4800).enumerate() {
            *sample += (0.5 * noise.next() * (-(k as f64) / rate / 0.01).exp()) as f32;
        }
    }
    // 48 dB over the noise, brought to 16 kHz.
    let mut mono = crate::sync::audio::Mono::new(48_000, 1);
    let mut heard = Vec::new();
    mono.push(&audio, &mut heard);
    let heard: Vec<f64> = heard.iter().map(|s| f64::from(*s)).collect();
    let (hit, near, all) = score(&times, &hear(&heard));
    assert_eq!((near, all), (times.len(), times.len()));
    assert!(hit + 1 >= times.len(), "{hit} of {}", times.len());
}
