//! Damaged files: an answer or an error, never a panic, and what is printed is whole.

use std::fs;
use std::path::Path;

use crate::tool::tool;

/// A generator of numbers that are the same in every run (Knuth's MMIX multiplier).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }
}

/// Bytes changed, taken out or put in, and the CRC of a chunk made to hold again now and then.
fn damage(original: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    let mut bytes = original.to_vec();
    for _ in 0..=numbers.below(3) {
        let at = numbers.below(bytes.len());
        match numbers.below(4) {
            0 => bytes[at] = numbers.below(256) as u8,
            1 => bytes.truncate(at.max(1)),
            2 => drop(bytes.drain(at..(at + numbers.below(64)).min(bytes.len()))),
            _ => bytes.insert(at, numbers.below(256) as u8),
        }
        if bytes.len() < 32 {
            break;
        }
    }
    mend(&mut bytes);
    bytes
}

/// Gives every chunk that can be reached a CRC that holds, so that what is inside is looked at.
fn mend(bytes: &mut [u8]) {
    let mut at = 16;
    while let Some(head) = bytes.get(at..at + 12) {
        let end = at + 12 + u32::from_le_bytes(head[8..].try_into().unwrap()) as usize;
        if end + 4 > bytes.len() {
            return;
        }
        let crc = crc32fast::hash(&bytes[at..end]);
        bytes[end..end + 4].copy_from_slice(&crc.to_le_bytes());
        at = end + 4;
    }
}

#[test]
fn damaged_files_give_an_answer_or_an_error() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("damaged.h4mk");
    let name = file.to_str().unwrap();
    let mut numbers = Numbers(1);
    for original in ["h4x/two-tracks.h4mk", "h4mk/multitrack.h4mk"] {
        let original = fs::read(data.join(original)).unwrap();
        for round in 0..40 {
            fs::write(&file, damage(&original, &mut numbers)).unwrap();
            let chain = ["chain", "--json", name, "--track", "1", "--at-ms", "700"];
            let runs: [&[&str]; 4] = [
                &["list", "--json", "--hash", "--partial", name],
                &["list", "--chunks", name],
                &["verify", "--json", name],
                &chain,
            ];
            for args in runs {
                let ran = tool(args);
                let code = ran
                    .code
                    .unwrap_or_else(|| panic!("killed in round {round}: {ran:?}"));
                assert!(
                    code == 0 || code == 1 || (code == 2 && args[0] == "chain"),
                    "{ran:?}"
                );
                assert!(!ran.stderr.contains("panicked"), "{ran:?}");
                assert_eq!(code == 0, ran.stderr.is_empty(), "{ran:?}");
                if args.contains(&"--json") && (code == 0 || args[0] == "verify") {
                    serde_json::from_str::<serde_json::Value>(&ran.stdout).unwrap();
                }
            }
        }
    }
}
