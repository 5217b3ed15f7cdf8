//! What is counted of a stream.

use std::collections::VecDeque;

use super::analysis::Known;

/// As many of the latest latencies are kept.
const KEPT: usize = 1024;

#[derive(Debug, Default)]
pub(super) struct Stats {
    /// Buffers that came, and that were sent on as themselves or changed.
    pub received: u64,
    pub pushed: u64,
    /// Buffers that came and did not go out.
    pub dropped: u64,
    /// Frames that went out once more than they came.
    pub duplicated: u64,
    /// Time that GAP events and silence stand for, in seconds.
    pub gap: f64,
    latencies: VecDeque<f64>,
    /// How long it took from when data came again after the last loss until it went out, in seconds.
    pub recovery: Option<f64>,
    /// That is being waited for.
    pub recovering: bool,
    /// End of what came last, on the own line in seconds.
    position: f64,
}

/// A time in nanoseconds, saturating.
fn nanoseconds(seconds: f64) -> u64 {
    (seconds * 1e9).round() as u64
}

impl Stats {
    pub fn position(&self) -> f64 {
        self.position
    }

    /// A buffer came that ends there on the own line.
    pub fn came(&mut self, position: f64) {
        self.received += 1;
        self.position = position;
    }

    /// It was said that nothing comes up to there on the own line.
    pub fn passed(&mut self, position: f64) {
        self.position = self.position.max(position);
    }

    /// A buffer went out so many seconds after it came.
    pub fn went(&mut self, latency: f64) {
        self.pushed += 1;
        if self.latencies.len() == KEPT {
            self.latencies.pop_front();
        }
        self.latencies.push_back(latency);
    }

    fn mean(&self) -> f64 {
        let number = self.latencies.len().max(1) as f64;
        self.latencies.iter().sum::<f64>() / number
    }

    fn percentile_99(&self) -> f64 {
        let mut sorted: Vec<f64> = self.latencies.iter().copied().collect();
        sorted.sort_by(f64::total_cmp);
        // Of n the ⌈0.99 n⌉th.
        let at = (sorted.len() * 99).div_ceil(100).saturating_sub(1);
        sorted.get(at).copied().unwrap_or_default()
    }

    /// The structure that the property shows. Times are in nanoseconds; fields of what is not known are left out.
    pub fn structure(&self, known: &Known, buffered: usize) -> gst::Structure {
        let mut structure = gst::Structure::builder("stream")
            .field("in", self.received)
            .field("out", self.pushed)
            .field("dropped", self.dropped)
            .field("duplicated", self.duplicated)
            .field("gap", nanoseconds(self.gap))
            .field("latency-mean", nanoseconds(self.mean()))
            .field("latency-p99", nanoseconds(self.percentile_99()))
            .field("buffered-bytes", buffered as u64)
            .field("state", known.state)
            .field("quality", known.quality())
            .field("quality-peak", known.factors.peak)
            .field("quality-second", known.factors.second)
            .field("quality-inliers", known.factors.inliers)
            .field("quality-freshness", known.factors.freshness)
            .field("analysis-time", nanoseconds(known.spent))
            .build();
        if let Some([half, most, nearly_all]) = known.residuals {
            structure.set("residual-p50", nanoseconds(half));
            structure.set("residual-p95", nanoseconds(most));
            structure.set("residual-p99", nanoseconds(nearly_all));
        }
        let times = [
            ("lock-time", known.lock_time),
            ("recovery-time", self.recovery),
        ];
        for (name, time) in times {
            if let Some(seconds) = time {
                structure.set(name, nanoseconds(seconds));
            }
        }
        structure
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latency_is_told_as_mean_and_99th_percentile_of_the_latest() {
        gst::init().unwrap();
        let mut stats = Stats::default();
        for i in 0..KEPT + 100 {
            stats.went(if i < 100 { 9.0 } else { (i - 99) as f64 * 1e-3 });
        }
        let said = stats.structure(&Known::default(), 7);
        assert_eq!(said.get::<u64>("latency-p99"), Ok(1_014_000_000));
        assert_eq!(said.get::<u64>("latency-mean"), Ok(512_500_000));
        assert_eq!(said.get::<u64>("buffered-bytes"), Ok(7));
        assert_eq!(said.get::<u64>("out"), Ok(1124));
        assert!(!said.has_field("lock-time"));
    }
}
