use proptest::prelude::*;

use super::layout::Sampling;
use super::*;

const MATRICES: [Matrix; 3] = [Matrix::Bt601, Matrix::Bt709, Matrix::Bt2020];
const RANGES: [Range; 2] = [Range::Limited, Range::Full];
const TARGETS: [Target; 2] = [Target::Rgb, Target::Rgba];
/// What lies between rows.
const PADDING: u8 = 0xE7;

fn layouts() -> impl Iterator<Item = Layout> {
    Layout::ALL.into_iter().filter(|layout| !layout.is_packed())
}

fn colours() -> impl Iterator<Item = (Matrix, Range)> {
    MATRICES
        .into_iter()
        .flat_map(|matrix| RANGES.map(|range| (matrix, range)))
}

/// ITU-T H.273, 8.3, in floating point: contributions of each sample to red, green and blue, of 255.
struct Reference {
    luma: Vec<f64>,
    /// To red, and to green.
    cr: Vec<[f64; 2]>,
    /// To green, and to blue.
    cb: Vec<[f64; 2]>,
}

impl Reference {
    fn new(matrix: Matrix, range: Range, bits: u32) -> Self {
        let (kr, kb) = match matrix {
            Matrix::Bt601 => (0.299, 0.114),
            Matrix::Bt709 => (0.2126, 0.0722),
            Matrix::Bt2020 => (0.2627, 0.0593),
        };
        let kg = 1.0 - kr - kb;
        let (codes, one) = (1_u32 << bits, f64::from(1_u32 << (bits - 8)));
        let (black, luma, chroma) = match range {
            Range::Limited => (16.0 * one, 219.0 * one, 224.0 * one),
            Range::Full => (0.0, f64::from(codes - 1), f64::from(codes - 1)),
        };
        let difference = |code| (f64::from(code) - 128.0 * one) / chroma * 255.0;
        Self {
            luma: (0..codes)
                .map(|code| (f64::from(code).max(black) - black) / luma * 255.0)
                .collect(),
            cr: (0..codes)
                .map(|code| {
                    let red = 2.0 * (1.0 - kr) * difference(code);
                    [red, -kr / kg * red]
                })
                .collect(),
            cb: (0..codes)
                .map(|code| {
                    let blue = 2.0 * (1.0 - kb) * difference(code);
                    [-kb / kg * blue, blue]
                })
                .collect(),
        }
    }

    fn rgb(&self, y: usize, cb: usize, cr: usize) -> [u8; 3] {
        let (y, cb, cr) = (self.luma[y], self.cb[cb], self.cr[cr]);
        [y + cr[0], y + cr[1] + cb[0], y + cb[1]].map(|value| (value.clamp(0.0, 255.0) + 0.5) as u8)
    }
}

/// A picture of samples that are given by functions of their place in their planes.
struct Scene {
    layout: Layout,
    width: usize,
    height: usize,
    planes: Vec<(Vec<u8>, usize)>,
}

impl Scene {
    /// `padding` bytes lie between rows.
    fn new(
        layout: Layout,
        (width, height): (usize, usize),
        padding: usize,
        luma: impl Fn(usize, usize) -> usize,
        chroma: impl Fn(usize, usize) -> (usize, usize),
    ) -> Self {
        let planes = layout.planes(width, height).into_iter().enumerate();
        let planes = planes.map(|(number, shape)| {
            let mut data = Vec::new();
            for row in 0..shape.rows {
                if row > 0 {
                    data.extend(std::iter::repeat_n(PADDING, padding));
                }
                for column in 0..shape.samples {
                    let (cb, cr) = chroma(column, row);
                    let (first, second) = if layout.is_swapped() {
                        (cr, cb)
                    } else {
                        (cb, cr)
                    };
                    match number {
                        0 => push(&mut data, layout, luma(column, row)),
                        1 if layout.is_paired() => {
                            push(&mut data, layout, first);
                            push(&mut data, layout, second);
                        }
                        1 => push(&mut data, layout, first),
                        _ => push(&mut data, layout, second),
                    }
                }
            }
            (data, shape.samples * shape.bytes + padding)
        });
        Self {
            layout,
            width,
            height,
            planes: planes.collect(),
        }
    }

    fn convert(
        &self,
        (matrix, range): (Matrix, Range),
        target: Target,
        padding: usize,
    ) -> (Vec<u8>, usize) {
        let row = self.width * target.pixel();
        let stride = row + padding;
        let mut out = vec![PADDING; stride * (self.height - 1) + row];
        let planes: Vec<_> = self
            .planes
            .iter()
            .map(|(data, stride)| Plane {
                data,
                stride: *stride,
            })
            .collect();
        let picture = Picture {
            layout: self.layout,
            width: self.width,
            height: self.height,
            planes: &planes,
            matrix,
            range,
        };
        convert(&picture, target, &mut out, stride).expect("it is all there");
        (out, stride)
    }
}

fn push(data: &mut Vec<u8>, layout: Layout, sample: usize) {
    if layout.is_deep() {
        let shift = if layout == Layout::P010 { 6 } else { 0 };
        data.extend_from_slice(&((sample as u16) << shift).to_le_bytes());
    } else {
        data.push(sample as u8);
    }
}

/// That each pixel is within 1 of the reference and opaque, and that nothing lies outside.
fn assert_within_one(
    (out, stride): &(Vec<u8>, usize),
    width: usize,
    target: Target,
    what: impl std::fmt::Debug,
    expected: impl Fn(usize, usize) -> [u8; 3],
) {
    for (y, row) in out.chunks(*stride).enumerate() {
        let (pixels, padding) = row.split_at(width * target.pixel());
        assert!(padding.iter().all(|&byte| byte == PADDING), "{what:?}");
        for (x, pixel) in pixels.chunks_exact(target.pixel()).enumerate() {
            let wanted = expected(x, y);
            let near = pixel.iter().zip(wanted).all(|(&a, b)| a.abs_diff(b) <= 1);
            assert!(
                near,
                "{what:?} at {x},{y}: found {pixel:?}, expected {wanted:?}"
            );
            assert!(pixel.get(3).is_none_or(|&alpha| alpha == 255), "{what:?}");
        }
    }
}

#[test]
fn every_colour_of_8_bits_is_within_one() {
    for colour in colours() {
        let reference = Reference::new(colour.0, colour.1, 8);
        for cb in 0..256 {
            // Even luma in one row and odd luma in the next share a row of chroma.
            let luma = |x, y| 2 * x + y % 2;
            let scene = Scene::new(Layout::I420, (128, 512), 0, luma, |_, y| (cb, y));
            let out = scene.convert(colour, Target::Rgb, 0);
            assert_within_one(&out, 128, Target::Rgb, (colour, cb), |x, y| {
                reference.rgb(luma(x, y), cb, y / 2)
            });
        }
    }
}

/// All luma with `steps` x `steps` pairs of chroma that are `step` apart.
fn assert_grid(layout: Layout, steps: usize, step: usize) {
    let bits = if layout.is_deep() { 10 } else { 8 };
    let (across, down) = match layout.sampling() {
        Sampling::S420 => (1, 1),
        Sampling::S422 => (1, 2),
        Sampling::S444 => (2, 2),
    };
    let side = 2 * steps;
    let scenes: Vec<_> = (0..1 << bits)
        .step_by(4)
        .map(|first| {
            let luma = move |x: usize, y: usize| first + x % 2 + 2 * (y % 2);
            let chroma = |x: usize, y: usize| (x / across * step, y / down * step);
            let scene = Scene::new(layout, (side, side), 6, luma, chroma);
            (scene, luma)
        })
        .collect();
    for colour in colours() {
        let reference = Reference::new(colour.0, colour.1, bits);
        for target in TARGETS {
            for (scene, luma) in &scenes {
                let out = scene.convert(colour, target, 5);
                assert_within_one(&out, side, target, (layout, colour), |x, y| {
                    reference.rgb(luma(x, y), x / 2 * step, y / 2 * step)
                });
            }
        }
    }
}

#[test]
fn all_luma_with_chroma_of_a_grid_is_within_one_in_each_layout() {
    for layout in layouts() {
        if layout.is_deep() {
            assert_grid(layout, 22, 48);
        } else {
            assert_grid(layout, 52, 5);
        }
    }
}

#[test]
fn colours_that_the_crate_gets_wrong_are_within_one() {
    for layout in layouts().filter(|layout| !layout.is_deep()) {
        for (cb, cr) in [(60, 219), (136, 241), (152, 241)] {
            let scene = Scene::new(layout, (256, 3), 0, |x, _| x, |_, _| (cb, cr));
            for colour in colours() {
                let reference = Reference::new(colour.0, colour.1, 8);
                for target in TARGETS {
                    let out = scene.convert(colour, target, 0);
                    assert_within_one(&out, 256, target, (layout, colour), |x, _| {
                        reference.rgb(x, cb, cr)
                    });
                }
            }
        }
    }
}

#[test]
fn luma_below_black_is_black() {
    for layout in layouts() {
        let (one, grey) = if layout.is_deep() { (4, 512) } else { (1, 128) };
        let scene = Scene::new(layout, (16 * one, 5), 0, |x, _| x, |_, _| (grey, grey));
        for matrix in MATRICES {
            let (out, _) = scene.convert((matrix, Range::Limited), Target::Rgb, 0);
            assert!(out.iter().all(|&byte| byte == 0), "{layout:?} {matrix:?}");
        }
    }
}

#[test]
fn red_green_and_blue_change_places() {
    let pixels = [1_u8, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
    let convert = |layout, target: Target, width: usize| {
        let planes = [Plane {
            data: &pixels,
            stride: pixels.len(),
        }];
        let picture = Picture {
            layout,
            width,
            height: 1,
            planes: &planes,
            matrix: Matrix::default(),
            range: Range::default(),
        };
        let mut out = vec![0; width * target.pixel()];
        convert(&picture, target, &mut out, width * target.pixel()).expect("it is all there");
        out
    };
    assert_eq!(convert(Layout::Rgb, Target::Rgb, 4), pixels);
    assert_eq!(convert(Layout::Rgba, Target::Rgba, 3), pixels);
    assert_eq!(
        convert(Layout::Rgba, Target::Rgb, 3),
        [1, 2, 3, 5, 6, 7, 9, 10, 11]
    );
    assert_eq!(
        convert(Layout::Bgr, Target::Rgb, 3),
        [3, 2, 1, 6, 5, 4, 9, 8, 7]
    );
    assert_eq!(
        convert(Layout::Bgra, Target::Rgb, 3),
        [3, 2, 1, 7, 6, 5, 11, 10, 9]
    );
    assert_eq!(
        convert(Layout::Rgb, Target::Rgba, 3),
        [1, 2, 3, 255, 4, 5, 6, 255, 7, 8, 9, 255]
    );
    assert_eq!(
        convert(Layout::Bgr, Target::Rgba, 3),
        [3, 2, 1, 255, 6, 5, 4, 255, 9, 8, 7, 255]
    );
    assert_eq!(
        convert(Layout::Bgra, Target::Rgba, 3),
        [3, 2, 1, 4, 7, 6, 5, 8, 11, 10, 9, 12]
    );
}

#[test]
fn what_is_too_short_is_named() {
    let data = [0; 64];
    let attempt = |planes: &[(usize, usize)], size: (usize, usize), out: usize, stride| {
        let planes: Vec<_> = planes
            .iter()
            .map(|&(len, stride)| Plane {
                data: &data[..len],
                stride,
            })
            .collect();
        let picture = Picture {
            layout: Layout::Nv12,
            width: size.0,
            height: size.1,
            planes: &planes,
            matrix: Matrix::default(),
            range: Range::default(),
        };
        convert(&picture, Target::Rgb, &mut vec![0; out], stride)
            .expect_err("it is too short")
            .to_string()
    };
    let whole = [(11, 4), (8, 4)];
    assert_eq!(
        attempt(&[(10, 4), (8, 4)], (3, 3), 33, 12),
        "picture: plane 0 of NV12: found 10 bytes, expected at least 11"
    );
    assert_eq!(
        attempt(&[(11, 4), (8, 3)], (3, 3), 33, 12),
        "picture: plane 1 of NV12: found 3 bytes from row to row, expected at least 4"
    );
    assert_eq!(
        attempt(&whole, (3, 3), 32, 12),
        "picture: the output: found 32 bytes, expected at least 33"
    );
    assert_eq!(
        attempt(&whole, (3, 3), 33, 8),
        "picture: the output: found 8 bytes from row to row, expected at least 9"
    );
    assert_eq!(
        attempt(&whole[..1], (3, 3), 33, 12),
        "picture: found 1 planes, expected 2 of NV12"
    );
    assert_eq!(
        attempt(&whole, (3, 0), 33, 12),
        "picture: found 3x0, expected at least one pixel"
    );
}

#[test]
fn each_layout_is_found_by_its_name() {
    for layout in Layout::ALL {
        assert_eq!(Layout::from_name(layout.name()), Some(layout));
    }
    assert_eq!(Layout::from_name("GRAY8"), None);
}

fn any_layout() -> impl Strategy<Value = Layout> {
    prop::sample::select(Layout::ALL.to_vec())
}

/// A picture of noise, with bytes between its rows and between those of the result.
fn assert_noise(
    layout: Layout,
    size: (usize, usize),
    padding: (usize, usize),
    colour: (Matrix, Range),
    target: Target,
    seed: u32,
) {
    let bits = if layout.is_deep() { 10 } else { 8 };
    let noise = |x: usize, y: usize, plane: usize| {
        let n = (x * 7919 + y * 104_729 + plane * 1_299_709) as u32;
        (n.wrapping_add(seed).wrapping_mul(2_654_435_769) >> (32 - bits)) as usize
    };
    let chroma = |x, y| (noise(x, y, 1), noise(x, y, 2));
    let scene = Scene::new(layout, size, padding.0, |x, y| noise(x, y, 0), chroma);
    let reference = Reference::new(colour.0, colour.1, bits);
    let out = scene.convert(colour, target, padding.1);
    let (across, down) = layout.sampling().steps();
    assert_within_one(&out, size.0, target, (layout, size, colour), |x, y| {
        let (cb, cr) = chroma(x / across, y / down);
        reference.rgb(noise(x, y, 0), cb, cr)
    });
}

/// The crate's own functions panic at some, and leave out a last row that has no padding.
#[test]
fn sizes_beside_those_of_vectors_are_within_one() {
    for layout in layouts() {
        for width in [1, 2, 15, 16, 17, 31, 32, 33, 63, 65] {
            for height in [1, 2, 3, BAND, BAND + 1] {
                for target in TARGETS {
                    let colour = (Matrix::Bt709, Range::Limited);
                    assert_noise(layout, (width, height), (4, 0), colour, target, 0);
                }
            }
        }
    }
}

#[test]
fn a_stride_that_32_bits_do_not_count_is_an_error_in_every_layout() {
    for layout in Layout::ALL {
        let planes = |stride: Option<usize>| -> Vec<_> {
            let shapes = layout.planes(1, 1).into_iter();
            let row = shapes.map(|shape| stride.unwrap_or(shape.samples * shape.bytes));
            row.map(|stride| Plane {
                data: &[0; 8],
                stride,
            })
            .collect()
        };
        let convert = |planes: &[Plane], target, stride| {
            let (matrix, range) = (Matrix::Bt601, Range::Limited);
            let picture = Picture {
                layout,
                width: 1,
                height: 1,
                planes,
                matrix,
                range,
            };
            convert(&picture, target, &mut [0; 4], stride)
        };
        for target in TARGETS {
            assert_eq!(convert(&planes(None), target, 4), Ok(()), "{layout:?}");
            assert!(
                convert(&planes(None), target, usize::MAX).is_err(),
                "{layout:?}"
            );
            assert!(
                convert(&planes(Some(usize::MAX)), target, 4).is_err(),
                "{layout:?}"
            );
        }
    }
}

proptest! {
    #[test]
    fn any_size_and_stride_is_within_one(
        layout in prop::sample::select(layouts().collect::<Vec<_>>()),
        size in (1_usize..150, 1_usize..40),
        padding in (0_usize..40, 0_usize..40),
        colour in prop::sample::select(colours().collect::<Vec<_>>()),
        target in prop::sample::select(TARGETS.to_vec()),
        seed in any::<u32>(),
    ) {
        assert_noise(layout, size, padding, colour, target, seed);
    }

    #[test]
    fn wrong_sizes_are_errors(
        layout in any_layout(),
        size in (prop_oneof![0_usize..20, Just(usize::MAX), Just(1 << 31)], prop_oneof![0_usize..20, Just(usize::MAX)]),
        planes in prop::collection::vec(
            (prop::collection::vec(any::<u8>(), 0..900), prop_oneof![0_usize..90, Just(usize::MAX)]),
            0..4,
        ),
        out in (0_usize..1600, prop_oneof![0_usize..90, Just(usize::MAX)]),
        colour in prop::sample::select(colours().collect::<Vec<_>>()),
        target in prop::sample::select(TARGETS.to_vec()),
    ) {
        let (width, height) = size;
        let given: Vec<_> = planes.iter().map(|(data, stride)| Plane { data, stride: *stride }).collect();
        let picture = Picture { layout, width, height, planes: &given, matrix: colour.0, range: colour.1 };
        let fits = |found: usize, stride: usize, row: u128, rows: usize| {
            stride as u128 >= row && stride as u128 * (rows as u128 - 1) + row <= found as u128
        };
        let shapes = layout.planes(width, height);
        let right = width > 0 && height > 0 && shapes.len() == given.len()
            && shapes.iter().zip(&given).all(|(shape, plane)| {
                let row = shape.samples as u128 * shape.bytes as u128;
                fits(plane.data.len(), plane.stride, row, shape.rows)
            })
            && fits(out.0, out.1, width as u128 * target.pixel() as u128, height);
        // One row may lie anywhere, but bytes from row to row are counted in 32 bits.
        let countable = given.iter().all(|plane| plane.stride != usize::MAX) && out.1 != usize::MAX;
        let result = convert(&picture, target, &mut vec![0; out.0], out.1);
        prop_assert_eq!(result.is_ok(), right && countable, "{:?}", result);
    }
}
