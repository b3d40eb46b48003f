//! Agents at work while everything breaks. They send again by the same request id, sign in again when their session is
//! over, read again when the customer wrote meanwhile, and wait for an answer that is on its way before they write
//! another.

use std::collections::HashMap;
use std::time::Duration;

use simpang_proto::agent::v1::GetWorkRequest;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tonic::{Code, Status};

use super::Progress;
use crate::client::Agent;
use crate::stand::Stand;

/// Pause when there is nothing to do.
const IDLE: Duration = Duration::from_millis(300);
/// An answer that resolves its case when it has gone out is waited for so long. After that it is written once more: a
/// deliverer was killed while it sent it, and nobody knows what became of it.
const ON_ITS_WAY: Duration = Duration::from_secs(5);
/// What the form of a call asks for.
const FORM: [(&str, &str); 4] = [
    ("nomor jastel", "122243215678"),
    ("nomor tiket", "IN1"),
    ("Keterangan", "sudah dijelaskan"),
    ("Reason Call atau Solusi", "paket"),
];

/// Starts agents on every desk; each answers with how many cases it finished.
pub(super) fn start(stand: &Stand, progress: &Progress, tasks: &mut JoinSet<usize>) {
    for (name, desk) in [
        ("rina", "tenesa"),
        ("budi", "tenesa"),
        ("tari", "telkomcare"),
        ("budi", "telkomcare"),
        ("sari", "tier2-outbound"),
    ] {
        tasks.spawn_local(work(stand.agent(name, desk), progress.clone()));
    }
}

async fn work(agent: Agent, progress: Progress) -> usize {
    let mut finished = 0;
    let mut answered = HashMap::new();
    while !progress.is_over() {
        match round(&agent, &mut answered).await {
            Ok(0) => sleep(IDLE).await,
            Ok(count) => finished += count,
            Err(status) if status.code() == Code::FailedPrecondition => {
                // The session ended with its gateway.
                if let Err(status) = agent.sign_in().await {
                    panic!("{} can't sign in: {status}", agent.name);
                }
            }
            Err(status) => panic!("{}: {status}", agent.name),
        }
    }
    finished
}

/// Finishes what the agent holds, or else gets new cases. `answered` tells when the agent did its part of a case.
async fn round(agent: &Agent, answered: &mut HashMap<u64, Instant>) -> Result<usize, Status> {
    let work = GetWorkRequest { desk: agent.desk().to_owned(), at_least: 0 };
    let held = match agent.client.agent().get_work(work).await {
        Ok(answer) => answer.into_inner().work.unwrap_or_default().assignments,
        // A read is no command: it is asked again in the next round.
        Err(status) if status.code() == Code::FailedPrecondition => return Err(status),
        Err(_) => return Ok(0),
    };
    answered.retain(|_, since| since.elapsed() < ON_ITS_WAY);
    let held = if held.is_empty() { agent.pull(2).await?.assignments } else { held };
    let mut finished = 0;
    for assignment in held {
        if answered.contains_key(&assignment.case) {
            continue;
        }
        let seen = assignment.summary.map_or(0, |summary| summary.messages);
        match finish(agent, assignment.case, seen).await {
            Ok(()) => {
                answered.insert(assignment.case, Instant::now());
                finished += 1;
            }
            // The customer wrote, or the case went elsewhere: it is looked at again.
            Err(status) if matches!(status.code(), Code::Aborted | Code::FailedPrecondition) => {}
            Err(status) => return Err(status),
        }
    }
    Ok(finished)
}

async fn finish(agent: &Agent, case: u64, seen: u32) -> Result<(), Status> {
    if agent.desk() == "tier2-outbound" {
        return agent.dispose(case, &["Contacted"], &FORM, 0).await.map(drop);
    }
    // Each text is written once, so that receivers can name what they got.
    let text = format!("Mohon maaf, kami bantu. Ref {} {case} {}", agent.desk(), agent.request_id());
    if case.is_multiple_of(2) {
        return agent.reply(case, seen, &text, true).await.map(drop);
    }
    agent.classify(case, &["Komplain", "Internet"], &[]).await?;
    agent.reply(case, seen, &text, false).await?;
    agent.resolve(case).await.map(drop)
}
