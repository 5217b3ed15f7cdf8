//! Where samples lie.

/// Layouts of raw pictures, with the names that GStreamer gives them. Samples of 10 bits are 16 bits, low byte first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Layout {
    /// `I420`: luma, and at half the width and height Cb and Cr.
    I420,
    /// `YV12`: luma, and at half the width and height Cr and Cb.
    Yv12,
    /// `NV12`: luma, and at half the width and height pairs of Cb and Cr.
    Nv12,
    /// `NV21`: luma, and at half the width and height pairs of Cr and Cb.
    Nv21,
    /// `Y42B`: luma, and at half the width Cb and Cr.
    Y42b,
    /// `NV16`: luma, and at half the width pairs of Cb and Cr.
    Nv16,
    /// `Y444`: luma, Cb and Cr.
    Y444,
    /// `P010_10LE`: as NV12, with 10 bits in the upper part of 16.
    P010,
    /// `I420_10LE`: as I420, with 10 bits in the lower part of 16.
    I420Deep,
    /// `I422_10LE`: as Y42B, with 10 bits in the lower part of 16.
    I422Deep,
    /// `RGB`.
    Rgb,
    /// `RGBA`.
    Rgba,
    /// `BGR`.
    Bgr,
    /// `BGRA`.
    Bgra,
}

/// How much chroma there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sampling {
    /// One sample for two columns and two rows.
    S420,
    /// One for two columns.
    S422,
    /// One for each pixel.
    S444,
}

/// What a plane has to hold.
pub(super) struct Shape {
    /// In a row.
    pub samples: usize,
    /// Bytes of what counts as one sample.
    pub bytes: usize,
    pub rows: usize,
}

impl Layout {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::I420,
        Self::Yv12,
        Self::Nv12,
        Self::Nv21,
        Self::Y42b,
        Self::Nv16,
        Self::Y444,
        Self::P010,
        Self::I420Deep,
        Self::I422Deep,
        Self::Rgb,
        Self::Rgba,
        Self::Bgr,
        Self::Bgra,
    ];

    /// The layout that GStreamer gives this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|layout| layout.name() == name)
    }

    /// Its name in caps.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::I420 => "I420",
            Self::Yv12 => "YV12",
            Self::Nv12 => "NV12",
            Self::Nv21 => "NV21",
            Self::Y42b => "Y42B",
            Self::Nv16 => "NV16",
            Self::Y444 => "Y444",
            Self::P010 => "P010_10LE",
            Self::I420Deep => "I420_10LE",
            Self::I422Deep => "I422_10LE",
            Self::Rgb => "RGB",
            Self::Rgba => "RGBA",
            Self::Bgr => "BGR",
            Self::Bgra => "BGRA",
        }
    }

    /// Red, green and blue already.
    pub(super) fn is_packed(self) -> bool {
        matches!(self, Self::Rgb | Self::Rgba | Self::Bgr | Self::Bgra)
    }

    /// More than 8 bits.
    pub(super) fn is_deep(self) -> bool {
        matches!(self, Self::P010 | Self::I420Deep | Self::I422Deep)
    }

    /// Cb and Cr in one plane.
    pub(super) fn is_paired(self) -> bool {
        matches!(self, Self::Nv12 | Self::Nv21 | Self::Nv16 | Self::P010)
    }

    /// Cr before Cb.
    pub(super) fn is_swapped(self) -> bool {
        matches!(self, Self::Yv12 | Self::Nv21)
    }

    pub(super) fn sampling(self) -> Sampling {
        match self {
            Self::I420 | Self::Yv12 | Self::Nv12 | Self::Nv21 | Self::P010 | Self::I420Deep => {
                Sampling::S420
            }
            Self::Y42b | Self::Nv16 | Self::I422Deep => Sampling::S422,
            Self::Y444 | Self::Rgb | Self::Rgba | Self::Bgr | Self::Bgra => Sampling::S444,
        }
    }

    /// Its planes for a size in pixels.
    pub(super) fn planes(self, width: usize, height: usize) -> Vec<Shape> {
        let sample = if self.is_deep() { 2 } else { 1 };
        let (samples, rows) = self.sampling().of(width, height);
        let first = Shape {
            samples: width,
            bytes: match self {
                Self::Rgb | Self::Bgr => 3,
                Self::Rgba | Self::Bgra => 4,
                _ => sample,
            },
            rows: height,
        };
        let chroma = |bytes| Shape {
            samples,
            bytes,
            rows,
        };
        if self.is_packed() {
            vec![first]
        } else if self.is_paired() {
            vec![first, chroma(2 * sample)]
        } else {
            vec![first, chroma(sample), chroma(sample)]
        }
    }
}

impl Sampling {
    /// Columns and rows of luma for one sample of chroma.
    pub(super) fn steps(self) -> (usize, usize) {
        match self {
            Self::S420 => (2, 2),
            Self::S422 => (2, 1),
            Self::S444 => (1, 1),
        }
    }

    /// Columns and rows of chroma; half of an odd number is rounded up.
    pub(super) fn of(self, width: usize, height: usize) -> (usize, usize) {
        let (across, down) = self.steps();
        (width.div_ceil(across), height.div_ceil(down))
    }
}
