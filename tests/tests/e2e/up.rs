//! `simpang up`: it looks after its nats-server, finds everything again after a crash, and leaves nothing running.

use std::time::Duration;

use simpang_proto::agent::v1::watch_response::Change;
use simpang_proto::agent::v1::{GetWorkRequest, PullRequest, WatchRequest};
use simpang_tests::{Agent, Letter, Role, Stand, eventually};
use tokio::time::timeout;

fn letter(number: u32) -> Letter {
    Letter {
        from: "it@sinarmaju.example".into(),
        subject: format!("Keluhan {number}"),
        id: format!("up-{number}@sinarmaju.example"),
        answers: String::new(),
        text: "Internet mati.".into(),
    }
}

/// Sends a mail again until it is taken, as a mail server does.
async fn send(stand: &Stand, number: u32) {
    eventually("the mail to be taken", async || {
        letter(number).send(stand.smtp(), stand.sent()).await.then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_simpang_finds_everything_again() {
    let mut stand = Stand::up().await;
    send(&stand, 1).await;
    let rina = stand.signed_in("rina", "tenesa").await;
    let case = rina.pull_one().await.case;

    stand.kill(Role::Up);
    assert_eq!(stand.own_brokers().len(), 1, "the nats-server is left behind");
    stand.run_all();
    stand.until_ready().await;
    assert_eq!(stand.own_brokers().len(), 1, "and another has taken its place");

    // The same mail again is known; the agent's next command goes on where they were.
    send(&stand, 1).await;
    let signed_in = rina.sign_in().await.unwrap();
    let work = GetWorkRequest { desk: "tenesa".into(), at_least: signed_in.position };
    let work = rina.client.agent().get_work(work).await.unwrap().into_inner().work.unwrap();
    let held: Vec<u64> = work.assignments.iter().map(|assignment| assignment.case).collect();
    assert_eq!(held, [case], "what the agent held stays theirs");
    rina.reply(case, 1, "Kami cek.", true).await.unwrap();
    let finished = stand.finish().await;
    assert_eq!(finished.received.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nats_server_that_ends_is_started_again() {
    let mut stand = Stand::up().await;
    send(&stand, 1).await;
    let before = stand.own_brokers();
    stand.kill_own_broker();
    eventually("another nats-server", async || {
        let now = stand.own_brokers();
        (!now.is_empty() && now != before).then_some(())
    })
    .await;
    send(&stand, 2).await;
    let rina = stand.signed_in("rina", "tenesa").await;
    for number in 1..=2 {
        let case = rina.pull_one().await.case;
        rina.reply(case, 1, &format!("Kami cek {number}."), true).await.unwrap();
    }
    let finished = stand.finish().await;
    assert_eq!(finished.received.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_simpang_leaves_nothing_running() {
    let mut stand = Stand::up().await;
    send(&stand, 1).await;
    assert_eq!(stand.own_brokers().len(), 1);
    stand.stop_all().await;
    assert!(stand.own_brokers().is_empty());
    stand.run_all();
    stand.until_ready().await;
    let finished = stand.finish().await;
    let verdict = finished.verdicts.iter().find(|v| v["desk"] == "tenesa").unwrap();
    assert_eq!(verdict["checker"]["counts"]["messages"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_that_waits_gets_its_case_on_the_stream_the_moment_it_arrives() {
    let mut stand = Stand::up().await;
    let rina = stand.signed_in("rina", "tenesa").await;
    let watch = WatchRequest { desk: "tenesa".into(), ..WatchRequest::default() };
    let mut changes = rina.client.agent().watch(watch).await.unwrap().into_inner();
    let first = changes.message().await.unwrap().unwrap().change;
    assert!(matches!(first, Some(Change::Work(work)) if work.assignments.is_empty()));
    let waiting = wait_for_one(&rina).await;
    assert!(waiting, "nothing is there, so the pull waits");

    send(&stand, 1).await;
    let assigned = async {
        loop {
            let change = changes.message().await.unwrap().expect("the stream goes on").change;
            if let Some(Change::Assigned(assignment)) = change {
                return assignment;
            }
        }
    };
    let assignment = timeout(Duration::from_secs(20), assigned).await.expect("the case comes on the stream");
    assert_eq!((assignment.case, assignment.summary.unwrap().queue.as_str()), (1, "enterprise"));
    drop(changes);
    stand.finish().await;
}

async fn wait_for_one(agent: &Agent) -> bool {
    let id = agent.request_id();
    let request = PullRequest {
        desk: "tenesa".into(),
        request_id: id.clone(),
        count: 1,
        wait_ms: 60_000,
        ..PullRequest::default()
    };
    let pulled = agent.command(&id, async |mut api| api.pull(request.clone()).await).await.unwrap();
    pulled.assignments.is_empty() && pulled.waiting.is_some()
}
