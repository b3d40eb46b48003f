//! What the machine is, and what it spent: from /proc, so on Linux only; elsewhere these are absent.

use std::time::Duration;

use serde_json::{Value, json};

/// Clock ticks a second in `/proc/PID/stat`: fixed for programs since Linux 2.6.
const TICKS_A_SECOND: u64 = 100;

/// What a report says of where it was made.
pub(super) fn describe(broker: &str, command: &str) -> Value {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_once(':').map_or_else(String::new, |(_, value)| value.trim().to_owned())
    };
    json!({
        "kind": "machine",
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "cpu": field(&read("/proc/cpuinfo"), "model name"),
        "memory": field(&read("/proc/meminfo"), "MemTotal"),
        "kernel": read("/proc/sys/kernel/osrelease").trim(),
        "load_before": read("/proc/loadavg").split(' ').next().unwrap_or_default(),
        "simpang": env!("CARGO_PKG_VERSION"),
        "build": if cfg!(debug_assertions) { "debug" } else { "release" },
        "core": simpang_replay::core_version(),
        "nats_server": broker,
        "command": command,
        "at": chrono::Utc::now().format("%Y-%m-%dT%H:%M:%SZ").to_string(),
    })
}

/// Processor time that a process has spent so far, all its threads together.
pub(super) fn spent(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name in parentheses may hold spaces; user and system time are the 12th and 13th field after it.
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: u64 = fields.split_whitespace().skip(11).take(2).filter_map(|f| f.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 1_000 / TICKS_A_SECOND)
}

/// Resident memory of this process, bytes.
pub(super) fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) * 1024
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    #[test]
    fn a_process_that_works_spends_time_and_holds_memory() {
        let before = super::spent(std::process::id());
        let began = Instant::now();
        let mut sum = 0_u64;
        while super::spent(std::process::id()) <= before && began.elapsed() < Duration::from_secs(20) {
            sum = (0..100_000).fold(sum, |sum, n| std::hint::black_box(sum.wrapping_add(n)));
        }
        assert!(super::spent(std::process::id()) > before, "{sum}");
        assert!(super::resident() > 100_000);
    }
}
