//! The judgement at a test's end.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::Value;
use simpang_checker::ReceivedEntry;

use super::{DESKS, Stand};
use crate::logs::Logs;

/// What a finished stand can tell.
#[derive(Debug)]
pub struct Finished {
    /// What `simpang verify --json` said of each desk.
    pub verdicts: Vec<Value>,
    /// The logs.
    pub logs: Logs,
    /// What receivers got.
    pub received: Vec<ReceivedEntry>,
}

impl Stand {
    /// Waits until nothing is under way any more, and lets the program's checker judge every desk from its log and from
    /// the journals of senders and receivers.
    ///
    /// # Panics
    /// When something does not hold.
    pub async fn finish(&mut self) -> Finished {
        self.finish_within(Duration::from_secs(45)).await
    }

    /// As [`Self::finish`], with longer for what is under way.
    ///
    /// # Panics
    /// When something does not hold.
    pub async fn finish_within(&mut self, longest: Duration) -> Finished {
        self.until_open().await;
        let (sent, got) = (self.dir.path().join("sent.jsonl"), self.dir.path().join("received.jsonl"));
        let begun = tokio::time::Instant::now();
        let mut before = None;
        loop {
            let logs = Logs::read(&self.nats_url()).await;
            self.sent.write(&sent);
            let received = self.receivers.write(&got, &logs);
            let journals = [sent.display().to_string(), got.display().to_string()];
            let mut args = vec!["verify", "--quiescent", "--json"];
            args.extend(["--journal", &journals[0], "--journal", &journals[1]]);
            args.extend(["--complete", "email", "--complete", "x", "--complete", "facebook"]);
            let output = self.simpang(&args).await;
            let printed = String::from_utf8_lossy(&output.stdout).into_owned();
            // Twice with the same journals: nothing came while the logs were read.
            if output.status.success() && before == Some(received.len()) {
                let verdicts = read_verdicts(&printed);
                return Finished { verdicts, logs, received };
            }
            before = output.status.success().then_some(received.len());
            let errors = String::from_utf8_lossy(&output.stderr);
            assert!(begun.elapsed() < longest, "{}\n{errors}", shown(&printed));
        }
    }
}

fn read_verdicts(printed: &str) -> Vec<Value> {
    let verdicts: Vec<Value> =
        printed.lines().map(|line| serde_json::from_str(line).expect("a verdict is JSON")).collect();
    let desks: Vec<&str> = verdicts.iter().filter_map(|v| v["desk"].as_str()).collect();
    assert_eq!(desks, DESKS, "every desk is judged");
    assert!(verdicts.iter().all(|v| v["holds"] == true), "{}", shown(printed));
    verdicts
}

/// Verdicts, for people.
fn shown(printed: &str) -> String {
    let mut text = String::from("what must hold does not:\n");
    for line in printed.lines() {
        match serde_json::from_str::<Value>(line) {
            Ok(verdict) => {
                let _ = writeln!(text, "{verdict:#}");
            }
            Err(_) => {
                let _ = writeln!(text, "{line}");
            }
        }
    }
    text
}
