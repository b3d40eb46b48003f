//! Gateway and deliverer are killed and go on from their own position: from a snapshot, or from the one before where it
//! is damaged. A restart costs the agent a reconnect; nothing is sent twice.

use std::path::PathBuf;

use simpang_proto::agent::v1::{GetWorkRequest, GetWorkResponse};
use simpang_tests::{Agent, Layout, Letter, Role, Stand, eventually};

/// The snapshots of a role, oldest first.
fn kept(stand: &Stand, role: Role) -> Vec<PathBuf> {
    let folder = stand.dir().join("data/snapshots").join(role.label());
    let files = std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    let is_tenesas = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.starts_with("tenesa.") && name.ends_with(".snapshot")
    };
    let mut kept: Vec<PathBuf> = files.filter(is_tenesas).collect();
    kept.sort();
    kept
}

/// A mail arrives and she takes its case.
async fn taken(stand: &Stand, rina: &Agent, number: usize) -> u64 {
    let letter = Letter {
        from: "it@sinarmaju.example".into(),
        subject: format!("Gangguan {number}"),
        id: format!("resume-{number}@sinarmaju.example"),
        answers: String::new(),
        text: "Jaringan putus.".into(),
    };
    assert!(letter.send(stand.smtp(), stand.sent()).await);
    rina.pull_one().await.case
}

/// She answers a case, which is resolved once that went out.
async fn answer(rina: &Agent, case: u64) {
    rina.classify(case, &["Komplain", "Internet", "Tidak Bisa Connect"], &[]).await.unwrap();
    rina.reply(case, 1, "Teknisi kami menuju lokasi.", true).await.unwrap();
}

/// What an agent has, once the gateway can say.
async fn work(agent: &Agent, at_least: u64) -> GetWorkResponse {
    let request = GetWorkRequest { desk: agent.desk().into(), at_least };
    eventually("the agent's work", async || {
        Some(agent.client.agent().get_work(request.clone()).await.ok()?.into_inner())
    })
    .await
}

/// What a role has said since it was started, once it has said this.
async fn said(stand: &mut Stand, role: Role, what: &str) {
    eventually(format!("{role:?} to say `{what}`"), async || {
        stand
            .program(role)
            .printed()
            .lines()
            .any(|line| line.contains("tenesa") && line.contains(what))
            .then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gateway_and_deliverer_resume_from_snapshots_and_send_nothing_twice() {
    let mut stand = Stand::start(Layout::Apart, |_| {}).await;
    let rina = stand.signed_in("rina", "tenesa").await;
    let mut answers = 0;
    let two = |stand: &Stand, role| kept(stand, role).len() == 2;
    while !two(&stand, Role::Gateway) || !two(&stand, Role::Deliver) {
        answers += 1;
        assert!(answers < 200, "no two snapshots of each after {answers} cases");
        let case = taken(&stand, &rina, answers).await;
        answer(&rina, case).await;
    }
    // What is under way when its deliverer is killed is left to the agent, and need not have gone out; and what is not
    // yet reported is resolved meanwhile.
    eventually("every answer to have gone out and be reported", async || {
        let has = work(&rina, 0).await.work?;
        (stand.mail_sink().mails().len() >= answers && has.assignments.is_empty()).then_some(())
    })
    .await;
    let held = taken(&stand, &rina, answers + 1).await;
    let before = work(&rina, 0).await;
    stand.kill(Role::Gateway);
    stand.kill(Role::Deliver);
    let newest = kept(&stand, Role::Deliver).pop().unwrap();
    let mut bytes = std::fs::read(&newest).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&newest, bytes).unwrap();
    stand.run(Role::Gateway);
    stand.run(Role::Deliver);
    stand.until_ready().await;
    said(&mut stand, Role::Deliver, "does not use a snapshot").await;
    for role in [Role::Gateway, Role::Deliver] {
        said(&mut stand, role, "reads on from a snapshot").await;
    }
    let after = work(&rina, before.position).await;
    assert_eq!(after.work, before.work, "her session and her cases are what they were");
    let has = after.work.unwrap();
    assert!(!has.session.is_empty() && has.assignments.len() == 1);
    answer(&rina, held).await;
    let finished = stand.finish().await;
    assert_eq!(finished.received.len(), answers + 1, "each answer went out once");
    stand.stop_all().await;
}
