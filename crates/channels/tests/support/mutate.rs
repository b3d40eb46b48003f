//! Inputs that nobody thought of: stored samples with bytes changed, doubled, cut out and put together anew. By a
//! seed, so that what was found once can be found again.
//!
//! `SIMPANG_FUZZ_SECONDS` says how long each target runs (3 where it is not set), `SIMPANG_FUZZ_SEED` where it begins.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Longest input.
const BYTES_MAX: usize = 200_000;

/// Makes inputs.
pub(crate) struct Mutator {
    state: u64,
    samples: Vec<Vec<u8>>,
    words: &'static [&'static str],
}

impl Mutator {
    /// Mutates these samples, with these words of their language.
    pub(crate) fn new(samples: Vec<Vec<u8>>, words: &'static [&'static str]) -> Self {
        let seed = std::env::var("SIMPANG_FUZZ_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
        Self { state: 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed), samples, words }
    }

    /// The next number (xorshift).
    fn next(&mut self) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % (end.max(1) as u64)).unwrap_or(0)
    }

    /// The next input.
    pub(crate) fn input(&mut self) -> Vec<u8> {
        let first = self.below(self.samples.len());
        let mut bytes = self.samples[first].clone();
        for _ in 0..=self.below(8) {
            self.change(&mut bytes);
            bytes.truncate(BYTES_MAX);
        }
        bytes
    }

    fn change(&mut self, bytes: &mut Vec<u8>) {
        let at = self.below(bytes.len() + 1);
        let end = (at + 1 + self.below(64)).min(bytes.len());
        match self.below(9) {
            0 if at < bytes.len() => bytes[at] = self.next().to_le_bytes()[0],
            1 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
            2 if at < end => drop(bytes.drain(at..end)),
            3 if at < end => {
                let copy = bytes[at..end].to_vec();
                let times = 1 + self.below(50);
                bytes.splice(at..at, copy.repeat(times));
            }
            4 => bytes.truncate(at),
            5 => {
                let other = self.below(self.samples.len());
                let from = self.below(self.samples[other].len() + 1);
                let tail = self.samples[other][from..].to_vec();
                bytes.truncate(at);
                bytes.extend(tail);
            }
            6 => {
                let word = self.words[self.below(self.words.len())].repeat(1 + self.below(200));
                bytes.splice(at..at, word.into_bytes());
            }
            7 => {
                let noise: Vec<u8> = (0..self.below(40)).map(|_| self.next().to_le_bytes()[0]).collect();
                bytes.splice(at..at, noise);
            }
            _ => {
                let word = self.words[self.below(self.words.len())];
                bytes.splice(at..at, word.bytes());
            }
        }
    }
}

/// How long a target runs.
pub(crate) fn seconds() -> Duration {
    let set = std::env::var("SIMPANG_FUZZ_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    Duration::from_secs(set.unwrap_or(3))
}

/// Longest time for one input: far above what any takes unoptimised on a busy machine.
const ONE_INPUT_MAX: Duration = Duration::from_secs(20);

/// Reads inputs until the time is over. Writes each down before it is read where `SIMPANG_FUZZ_KEEP` names a folder,
/// so that one which kills the process is there afterwards.
pub(crate) fn run(name: &str, mut mutator: Mutator, mut read: impl FnMut(&[u8])) {
    let keep = std::env::var_os("SIMPANG_FUZZ_KEEP").map(PathBuf::from);
    let (began, before) = (Instant::now(), resident_bytes());
    let mut count = 0_u64;
    while began.elapsed() < seconds() {
        let input = mutator.input();
        if let Some(folder) = &keep {
            std::fs::write(folder.join(name), &input).unwrap();
        }
        let one = Instant::now();
        read(&input);
        assert!(one.elapsed() < ONE_INPUT_MAX, "{name}: input {count} took {:?}", one.elapsed());
        count += 1;
        let grown = resident_bytes().saturating_sub(before);
        assert!(grown < MEMORY_MAX, "{name}: input {count} of {} bytes took memory to {grown}", input.len());
    }
    assert!(count > 0, "{name}: nothing was tried");
    eprintln!("{name}: {count} inputs");
}

/// Most memory that a target may come to hold: some thousand times its largest input.
const MEMORY_MAX: u64 = 800 << 20;

/// The most memory that this process ever held, as Linux says; 0 elsewhere.
fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string(Path::new("/proc/self/status")).unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = peak.and_then(|peak| peak.trim().trim_end_matches("kB").trim().parse::<u64>().ok());
    kib.unwrap_or(0) * 1_024
}
