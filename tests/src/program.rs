//! The real program as a child process.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use crate::wait::within;

/// The folder of the workspace.
#[must_use]
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_owned).unwrap_or_default()
}

/// The program under test: `SIMPANG_BIN`, else `simpang` beside the folder of the running test.
///
/// # Panics
/// When it is not there.
#[must_use]
pub fn simpang_binary() -> PathBuf {
    let named = std::env::var_os("SIMPANG_BIN").map(PathBuf::from);
    let beside = || {
        let test = std::env::current_exe().expect("a test has a path");
        test.ancestors().nth(2).map(|dir| dir.join("simpang")).unwrap_or_default()
    };
    let path = named.unwrap_or_else(beside);
    assert!(
        path.is_file(),
        "{} is not there: `cargo build -p simpang` first, or name the program by SIMPANG_BIN",
        path.display()
    );
    path
}

/// Ports below the range from which systems take ports for outgoing connections, so that a port stays free while the
/// program that had it is restarted.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// A port on 127.0.0.1 that nobody listens on now.
///
/// # Panics
/// When all are taken.
#[must_use]
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let span = PORTS.end - PORTS.start;
    let begin = u16::try_from(std::process::id() % u32::from(span)).unwrap_or(0);
    for _ in 0..span {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = PORTS.start + (begin.wrapping_mul(37) % span + step % span) % span;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no port of {PORTS:?} is free");
}

/// A child process that ends with the test. What it prints is kept in a file.
#[derive(Debug)]
pub struct Program {
    name: String,
    child: Option<Child>,
    output: PathBuf,
}

impl Program {
    /// Starts it; what it prints goes to `output`, after what is there already.
    ///
    /// # Panics
    /// When it can't be started.
    #[must_use]
    pub fn start(name: &str, command: &mut Command, output: &Path) -> Self {
        let file = File::options().create(true).append(true).open(output).expect("a file for the output");
        let errors = file.try_clone().expect("the same file for errors");
        let child = command.stdin(Stdio::null()).stdout(file).stderr(errors).spawn();
        let child = child.unwrap_or_else(|error| panic!("{name} can't be started: {error}"));
        Self { name: name.to_owned(), child: Some(child), output: output.to_owned() }
    }

    /// What it printed so far.
    #[must_use]
    pub fn printed(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.output).unwrap_or_default()).into_owned()
    }

    /// Its exit status, if it ended by itself.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.as_mut().and_then(|child| child.try_wait().ok().flatten())
    }

    /// Fails when it ended by itself.
    ///
    /// # Panics
    /// With what it printed last.
    pub fn must_run(&mut self) {
        if let Some(status) = self.ended() {
            panic!("{} ended by itself: {status}; it printed:\n{}", self.name, tail(&self.printed()));
        }
    }

    /// Stops it where it is (SIGSTOP), as a machine that hangs does; it holds all its connections.
    pub fn freeze(&self) {
        self.signal("STOP");
    }

    /// Lets it go on after [`Self::freeze`].
    pub fn thaw(&self) {
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        let pid = self.child.as_ref().map(Child::id).expect("it runs");
        let sent =
            Command::new("sh").arg("-c").arg(format!("kill -{name} {pid}")).stderr(Stdio::null()).status();
        assert!(sent.is_ok_and(|status| status.success()), "{} can't be signalled", self.name);
    }

    /// Asks it to stop (SIGTERM), if it runs, and waits until it has: a server that ends its own children first.
    pub(crate) fn ask_to_stop(&mut self) {
        if self.child.is_none() || self.ended().is_some() {
            return;
        }
        self.signal("TERM");
        if let Some(mut child) = self.child.take() {
            let _ = child.wait();
        }
    }

    /// Ends it as a crash would (SIGKILL).
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Asks it to stop (SIGTERM), and ends it (SIGKILL) when it has not done so by then, as supervisors do.
    pub async fn stop_or_kill(&mut self, patience: Duration) {
        self.signal("TERM");
        let begun = Instant::now();
        while self.ended().is_none() && begun.elapsed() < patience {
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        self.kill();
    }

    /// Asks it to stop (SIGTERM) and waits for its end.
    ///
    /// # Panics
    /// When it does not end within that time.
    pub async fn terminate(&mut self, longest: Duration) -> ExitStatus {
        self.signal("TERM");
        let what = format!("{} to stop", self.name);
        let status = within(longest, what, async || self.ended()).await;
        self.child = None;
        status
    }
}

/// Processes that have this word on their command line.
pub(crate) fn running_with(word: &Path) -> Vec<u32> {
    let has_word = |pid: &u32| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line.split(|byte| *byte == 0).any(|part| part == word.as_os_str().as_encoded_bytes())
    };
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(has_word).collect()
}

/// Ends a process at once (SIGKILL).
pub(crate) fn kill_process(pid: u32) {
    let _ = Command::new("sh").arg("-c").arg(format!("kill -KILL {pid}")).status();
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprint(&self.name, &tail(&self.printed()));
        }
    }
}

#[allow(clippy::print_stderr)] // a test that fails shows what the program said
fn eprint(name: &str, text: &str) {
    eprintln!("---- {name} printed last:\n{text}");
}

fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().rev().take(60).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("\n")
}
