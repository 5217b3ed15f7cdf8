//! What watches the soak: memory, threads that stand still, and what went wrong.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The soak stands still when no tick of it ends for so long.
const PATIENCE: Duration = Duration::from_secs(120);
/// So many problems are told in words; all are counted.
const TOLD: usize = 20;

/// What went wrong.
#[derive(Clone, Default)]
pub struct Problems(Arc<Mutex<(u64, Vec<String>)>>);

impl Problems {
    pub fn add(&self, problem: String) {
        let mut problems = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        problems.0 += 1;
        if problems.1.len() < TOLD {
            println!("problem: {problem}");
            problems.1.push(problem);
        }
    }

    /// How many there were, and the first of them.
    pub fn told(&self) -> (u64, Vec<String>) {
        let problems = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        problems.clone()
    }
}

/// Ends the process, with the names of its threads and what they wait for, when `ticks` stands still.
pub fn watch(ticks: Arc<AtomicU64>) {
    std::thread::spawn(move || {
        let (mut seen, mut since) = (u64::MAX, Instant::now());
        loop {
            std::thread::sleep(Duration::from_secs(1));
            let now = ticks.load(Ordering::Relaxed);
            if now != seen {
                (seen, since) = (now, Instant::now());
            } else if since.elapsed() > PATIENCE {
                eprintln!("the soak stands still at {now} ms; its threads:");
                for (name, state) in threads() {
                    eprintln!("  {name}: {state}");
                }
                std::process::abort();
            }
        }
    });
}

/// Names of the threads, and what the kernel says of them.
fn threads() -> Vec<(String, String)> {
    let Ok(folder) = std::fs::read_dir("/proc/self/task") else {
        return Vec::new();
    };
    let read = |path: std::path::PathBuf| std::fs::read_to_string(path).unwrap_or_default();
    let told = folder.filter_map(Result::ok).map(|task| {
        let state = read(task.path().join("status"));
        let state = state.lines().find_map(|line| line.strip_prefix("State:"));
        let waits = read(task.path().join("wchan"));
        let name = read(task.path().join("comm")).trim().to_owned();
        (
            name,
            format!("{} {waits}", state.unwrap_or_default().trim()),
        )
    });
    told.collect()
}

/// How many threads there are.
pub fn thread_count() -> usize {
    threads().len()
}

/// Resident memory over the time of the soak.
#[derive(Default)]
pub struct Memory(Vec<(f64, f64)>);

impl Memory {
    /// Keeps how much is resident after so many seconds of media.
    pub fn sample(&mut self, seconds: f64) {
        let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
        let pages = statm.split(' ').nth(1).and_then(|p| p.parse::<f64>().ok());
        // Pages of 4 KiB, as on every machine that this project is built for.
        self.0.push((seconds, pages.unwrap_or(0.0) / 256.0));
    }

    /// What came after the warm-up, the first quarter.
    fn warm(&self) -> &[(f64, f64)] {
        self.0.get(self.0.len() / 4..).unwrap_or_default()
    }

    /// MiB at the end of the warm-up, at most after it, and at the end.
    pub fn figures(&self) -> [f64; 3] {
        let warm = self.warm();
        let at = |sample: Option<&(f64, f64)>| sample.map_or(0.0, |s| s.1);
        let most = warm.iter().map(|s| s.1).fold(0.0, f64::max);
        [at(warm.first()), most, at(warm.last())]
    }

    /// Slope of the least-squares line after the warm-up, in MiB for an hour of media.
    pub fn slope(&self) -> f64 {
        let warm = self.warm();
        let number = warm.len().max(1) as f64;
        let mean_x = warm.iter().map(|s| s.0).sum::<f64>() / number;
        let mean_y = warm.iter().map(|s| s.1).sum::<f64>() / number;
        let both = warm.iter().map(|s| (s.0 - mean_x) * (s.1 - mean_y));
        let squares = warm.iter().map(|s| (s.0 - mean_x).powi(2)).sum::<f64>();
        if squares > 0.0 {
            both.sum::<f64>() / squares * 3600.0
        } else {
            0.0
        }
    }
}
