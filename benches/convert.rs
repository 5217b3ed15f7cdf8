//! Pictures of 1080p to RGB and RGBA.
//!
//! `cargo bench --bench convert --no-default-features`; the figures are in docs/benchmarks.md.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gstharmony::adapter::convert::{Layout, Matrix, Picture, Plane, Range, Target, convert};

const WIDTH: usize = 1920;
const HEIGHT: usize = 1080;

/// Rows of noise.
fn plane(row: usize, rows: usize) -> (Vec<u8>, usize) {
    let noise = (0..row * rows).map(|n| {
        let n = (n as u32).wrapping_mul(2_654_435_769);
        ((n ^ n >> 15).wrapping_mul(2_246_822_519) >> 24) as u8
    });
    (noise.collect(), row)
}

fn pictures(criterion: &mut Criterion) {
    let (half, rows) = (WIDTH / 2, HEIGHT / 2);
    let layouts = [
        (
            Layout::I420,
            vec![plane(WIDTH, HEIGHT), plane(half, rows), plane(half, rows)],
        ),
        (Layout::Nv12, vec![plane(WIDTH, HEIGHT), plane(WIDTH, rows)]),
        (
            Layout::Y42b,
            vec![
                plane(WIDTH, HEIGHT),
                plane(half, HEIGHT),
                plane(half, HEIGHT),
            ],
        ),
        (
            Layout::P010,
            vec![plane(2 * WIDTH, HEIGHT), plane(2 * WIDTH, rows)],
        ),
    ];
    let mut group = criterion.benchmark_group("convert");
    group.throughput(Throughput::Elements(1));
    for (layout, data) in &layouts {
        let planes: Vec<_> = data
            .iter()
            .map(|(data, stride)| Plane {
                data,
                stride: *stride,
            })
            .collect();
        let picture = Picture {
            layout: *layout,
            width: WIDTH,
            height: HEIGHT,
            planes: &planes,
            matrix: Matrix::Bt709,
            range: Range::Limited,
        };
        for target in [Target::Rgb, Target::Rgba] {
            let stride = WIDTH * target.pixel();
            let mut out = vec![0; stride * HEIGHT];
            let name = format!("{} to {target:?}", layout.name());
            group.bench_function(name, |bencher| {
                bencher.iter(|| {
                    convert(black_box(&picture), target, &mut out, stride).expect("it converts");
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, pictures);
criterion_main!(benches);
