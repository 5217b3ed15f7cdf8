use super::*;

const WIDTH: usize = 96;
const HEIGHT: usize = 64;

/// Repeatable noise.
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
        self.uniform() + self.uniform()
    }
}

/// A camera before a wall with a shadow and a box that wander.
struct Camera {
    every: f64,
    exposure: f64,
    readout: f64,
    corner: bool,
}

impl Camera {
    /// The luma of a frame while lights are on from and to these times.
    fn shoot(&self, pts: f64, lights: &[(f64, f64)], noise: &mut Noise) -> Vec<u8> {
        let box_at = ((0.5 + 0.45 * (0.9 * pts).sin()) * (WIDTH - 20) as f64) as usize;
        let wall: Vec<f64> = (0..WIDTH)
            .map(|x| {
                let u = x as f64 / WIDTH as f64;
                0.06 + 0.03 * (9.0 * u).sin() + 0.02 * (6.3 * (u - 0.11 * pts)).sin()
            })
            .collect();
        let gamma: Vec<f64> = (0..=1000_u16)
            .map(|light| 16.0 + 219.0 * (f64::from(light) / 1000.0).powf(1.0 / 2.2))
            .collect();
        let mut luma = Vec::with_capacity(WIDTH * HEIGHT);
        for y in 0..HEIGHT {
            let start = pts + y as f64 / HEIGHT as f64 * self.readout;
            let lit: f64 = lights
                .iter()
                .map(|(on, off)| (off.min(start + self.exposure) - on.max(start)).max(0.0))
                .sum::<f64>()
                / self.exposure;
            for (x, wall) in wall.iter().enumerate() {
                let mut light = *wall;
                if (box_at..box_at + 20).contains(&x) && (30..55).contains(&y) {
                    light += 0.08;
                }
                if !self.corner {
                    light += 0.35 * lit;
                } else if (80..90).contains(&x) && (8..24).contains(&y) {
                    light += 0.7 * lit;
                }
                let value = gamma[(light.clamp(0.0, 1.0) * 1000.0) as usize];
                luma.push((value + 2.0 * noise.next()).clamp(0.0, 255.0) as u8);
            }
        }
        smear(&luma)
    }
}

/// What an encoder does: half of each pixel is the mean over 4 x 4, all in coarse steps.
fn smear(luma: &[u8]) -> Vec<u8> {
    let mut means = vec![0_u32; WIDTH * HEIGHT / 16];
    for (row, line) in luma.chunks(WIDTH).enumerate() {
        for (column, four) in line.chunks(4).enumerate() {
            means[row / 4 * (WIDTH / 4) + column] +=
                four.iter().map(|v| u32::from(*v)).sum::<u32>();
        }
    }
    luma.iter()
        .enumerate()
        .map(|(at, own)| {
            let mean = means[at / WIDTH / 4 * (WIDTH / 4) + at % WIDTH / 4] / 16;
            ((mean.midpoint(u32::from(*own)) + 2) / 4 * 4).min(255) as u8
        })
        .collect()
}

fn flat(data: &[u8]) -> Luma<'_> {
    Luma {
        data,
        stride: WIDTH,
        step: 1,
        depth: Depth::Eight,
    }
}

/// Lights at irregular times, seen by a camera; the events.
fn watch(camera: &Camera, declared: bool, lights: &[(f64, f64)], seconds: f64) -> Vec<Event> {
    let mut noise = Noise(1);
    let exposure = declared.then_some(camera.exposure);
    let mut picture = Picture::new(WIDTH, HEIGHT, exposure, camera.readout);
    let mut events = Vec::new();
    for k in 0..(seconds / camera.every) as u32 {
        let pts = f64::from(k) * camera.every;
        let luma = camera.shoot(pts, lights, &mut noise);
        events.extend(picture.push(pts, camera.every, &flat(&luma)));
    }
    events.extend(picture.finish());
    events
}

fn lights(count: u32, lasts: f64) -> Vec<(f64, f64)> {
    (0..count)
        .map(|k| {
            let on = 1.0 + f64::from(k) * 0.8 + f64::from(k * 7919 % 101) / 101.0 * 0.3;
            (on, on + lasts)
        })
        .collect()
}

const CAMERAS: [(f64, f64, f64); 5] = [
    (1.0 / 30.0, 0.008, 0.016),
    (0.04, 0.008, 0.0),
    (1001.0 / 30_000.0, 0.002, 0.016),
    (0.04, 0.020, 0.016),
    (1.0 / 30.0, 0.033, 0.0),
];

#[test]
fn an_onset_lies_in_its_interval() {
    for (every, exposure, readout) in CAMERAS {
        for corner in [false, true] {
            let camera = Camera {
                every,
                exposure,
                readout,
                corner,
            };
            let lights = lights(8, 0.1);
            let events = watch(&camera, true, &lights, 8.0);
            assert_eq!(events.len(), 8, "{every} {exposure} {readout} {corner}");
            for (event, (on, _)) in events.iter().zip(&lights) {
                assert!(
                    event.earliest <= *on && *on <= event.latest,
                    "{event:?} {on}"
                );
            }
            let mut widths: Vec<f64> = events.iter().map(|e| e.latest - e.earliest).collect();
            widths.sort_by(f64::total_cmp);
            // What no row was exposed for nobody can tell.
            let rows = if corner { 0.0 } else { readout * 7.0 / 8.0 };
            let blind = (every - exposure - rows).max(0.0);
            assert!(widths[4] <= 0.45 * exposure + blind, "{widths:?}");
        }
    }
}

#[test]
fn a_flash_shorter_than_an_exposure_is_one_too() {
    let camera = Camera {
        every: 1.0 / 30.0,
        exposure: 0.02,
        readout: 0.013,
        corner: false,
    };
    let lights = lights(10, 0.008);
    let events = watch(&camera, true, &lights, 10.0);
    assert_eq!(events.len(), 10);
    for (event, (on, _)) in events.iter().zip(&lights) {
        assert!(
            event.earliest <= *on && *on <= event.latest,
            "{event:?} {on}"
        );
        assert!(event.latest - event.earliest < 0.04);
    }
}

#[test]
fn without_an_exposure_the_right_frame_is_told() {
    for corner in [false, true] {
        let camera = Camera {
            every: 1.0 / 30.0,
            exposure: 0.01,
            readout: 0.016,
            corner,
        };
        let lights = lights(10, 0.08);
        let events = watch(&camera, false, &lights, 10.0);
        assert_eq!(events.len(), 10);
        for (event, (on, _)) in events.iter().zip(&lights) {
            assert!(event.earliest <= *on && *on <= event.latest);
            assert!((event.latest - event.earliest - 2.0 * camera.every).abs() < 1e-9);
        }
    }
}

#[test]
fn moving_things_slow_light_and_pans_are_no_flashes() {
    let camera = Camera {
        every: 1.0 / 30.0,
        exposure: 0.01,
        readout: 0.0,
        corner: false,
    };
    assert_eq!(watch(&camera, true, &[], 6.0), []);
    let mut picture = Picture::new(WIDTH, HEIGHT, None, 0.0);
    let mut events = Vec::new();
    for k in 0..200_usize {
        // A pattern that is panned over faster and faster, while the light doubles in 3 s.
        let luma: Vec<u8> = (0..WIDTH * HEIGHT)
            .map(|at| {
                let (x, y) = (at % WIDTH + k * k / 80, at / WIDTH + k);
                let tile = (x / 37 + y / 23) * 2_654_435_761 % 97;
                (40 + tile + k.min(90) / 2) as u8
            })
            .collect();
        events.extend(picture.push(k as f64 / 30.0, 1.0 / 30.0, &flat(&luma)));
    }
    assert_eq!(events, []);
}

#[test]
fn every_way_to_store_luma_gives_the_same() {
    let camera = Camera {
        every: 1.0 / 30.0,
        exposure: 0.008,
        readout: 0.016,
        corner: true,
    };
    let lights = lights(3, 0.1);
    let plain = watch(&camera, true, &lights, 4.0);
    assert_eq!(plain.len(), 3);
    type Store = fn(&[u8]) -> Vec<u8>;
    let stores: [(Store, usize, usize, Depth); 4] = [
        (
            |l| l.iter().flat_map(|v| [*v, 128]).collect(),
            2 * WIDTH,
            2,
            Depth::Eight,
        ),
        (
            |l| l.iter().flat_map(|v| [*v, 1, 2, 3]).collect(),
            4 * WIDTH,
            4,
            Depth::Eight,
        ),
        (
            |l| {
                l.iter()
                    .flat_map(|v| (u16::from(*v) << 2).to_le_bytes())
                    .collect()
            },
            2 * WIDTH,
            2,
            Depth::Sixteen(2),
        ),
        (
            |l| l.iter().flat_map(|v| [0, *v]).collect(),
            2 * WIDTH,
            2,
            Depth::Sixteen(8),
        ),
    ];
    for (store, stride, step, depth) in stores {
        let mut noise = Noise(1);
        let mut picture = Picture::new(WIDTH, HEIGHT, Some(0.008), 0.016);
        let mut events = Vec::new();
        for k in 0..120 {
            let pts = f64::from(k) / 30.0;
            let data = store(&camera.shoot(pts, &lights, &mut noise));
            let luma = Luma {
                data: &data,
                stride,
                step,
                depth,
            };
            events.extend(picture.push(pts, 1.0 / 30.0, &luma));
        }
        assert_eq!(events, plain, "{depth:?} {step}");
    }
}

#[test]
fn hostile_frames_do_no_harm() {
    let data = vec![200_u8; 5000];
    for (width, height) in [
        (0, 0),
        (1, 1),
        (3, 7),
        (64, 64),
        (usize::MAX, 8),
        (8, usize::MAX / 2),
    ] {
        for exposure in [
            None,
            Some(f64::NAN),
            Some(-1.0),
            Some(0.0),
            Some(0.01),
            Some(1e300),
        ] {
            if height > 1 << 20 {
                continue;
            }
            let mut picture = Picture::new(width, height, exposure, f64::NAN);
            for (k, pts) in [0.0, 0.04, 0.04, f64::NAN, -1.0, 1e300, 1e301, 0.1, 0.14]
                .into_iter()
                .enumerate()
            {
                for (stride, step) in [(64, 1), (0, 0), (0, 1), (usize::MAX, usize::MAX), (200, 3)]
                {
                    for depth in [Depth::Eight, Depth::Sixteen(0), Depth::Sixteen(99)] {
                        let luma = Luma {
                            data: &data[k * 300..],
                            stride,
                            step,
                            depth,
                        };
                        picture.push(pts, f64::INFINITY, &luma);
                    }
                }
            }
            picture.finish();
        }
    }
}

#[test]
fn the_whole_width_is_looked_at() {
    // 20 pixels a block, of which not every one is looked at.
    let (width, height) = (320, 32);
    for column in [0, 150, 304] {
        let mut picture = Picture::new(width, height, None, 0.0);
        let mut events = Vec::new();
        for k in 0..10 {
            let mut luma = vec![60_u8; width * height];
            for row in luma.chunks_mut(width).skip(8).take(16) {
                row[column..column + 16].fill(if k < 6 { 60 } else { 200 });
            }
            let luma = Luma {
                data: &luma,
                stride: width,
                step: 1,
                depth: Depth::Eight,
            };
            events.extend(picture.push(f64::from(k) * 0.04, 0.04, &luma));
        }
        assert_eq!(events.len(), 1, "{column}");
    }
}

#[test]
fn light_that_goes_out_is_no_flash_of_what_stays() {
    let mut picture = Picture::new(WIDTH, HEIGHT, None, 0.0);
    let mut events = Vec::new();
    for k in 0..40 {
        let lit = (10..25).contains(&k);
        let luma: Vec<u8> = (0..WIDTH * HEIGHT)
            .map(|at| if lit && at % WIDTH < 60 { 200 } else { 60 })
            .collect();
        events.extend(picture.push(f64::from(k) * 0.04, 0.04, &flat(&luma)));
    }
    assert_eq!(events.len(), 1);
    assert!(events[0].earliest < 0.4 && events[0].latest > 0.4);
}
