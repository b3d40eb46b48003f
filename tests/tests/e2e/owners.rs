//! Who owns a desk when processes are killed, frozen and started again; and what agents notice when their gateway is.

use simpang_proto::log::v1::UnassignedBy;
use simpang_proto::log::v1::event::Body;
use simpang_proto::view::v1::Case;
use simpang_tests::{Agent, Layout, Letter, Role, Setup, Stand, eventually};

/// What a router says that finds another in its place.
const REPLACED: &str = "another router has the desk";

async fn write(stand: &Stand, number: u32) {
    let letter = Letter {
        from: "it@sinarmaju.example".into(),
        subject: format!("Keluhan {number}"),
        id: format!("owners-{number}@sinarmaju.example"),
        answers: String::new(),
        text: "Internet mati.".into(),
    };
    let (smtp, sent) = (stand.smtp(), stand.sent());
    eventually("the mail to be taken", async || letter.send(smtp, sent).await.then_some(())).await;
}

/// A case is worked from its message to its end: the desk is judged.
async fn is_judged(stand: &Stand, agent: &Agent, number: u32) {
    write(stand, number).await;
    let case = eventually("a case to pull", async || {
        let pulled = agent.pull(1).await.ok()?;
        pulled.assignments.first().map(|assignment| assignment.case)
    });
    let case = case.await;
    eventually("the case to be resolved", async || agent.resolve(case).await.ok()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_goes_on_when_the_owner_is_frozen_or_killed_and_the_log_says_who_judged() {
    let setup = Setup { roles: Role::DOUBLED.to_vec(), ..Setup::apart() };
    let mut stand = Stand::start_with(setup, |_| {}).await;
    let rina = stand.signed_in("rina", "tenesa").await;
    is_judged(&stand, &rina, 1).await;
    // Whichever took tenesa; the other follows.
    let took = stand.program(Role::Router).printed().contains("took the desk over desk=tenesa");
    let (owner, other) = if took { (Role::Router, Role::Standby) } else { (Role::Standby, Role::Router) };

    stand.program(owner).freeze();
    is_judged(&stand, &rina, 2).await;
    stand.program(owner).thaw();
    eventually("the frozen one to step down", async || {
        stand.program(owner).printed().contains(REPLACED).then_some(())
    })
    .await;
    is_judged(&stand, &rina, 3).await;

    stand.kill(other);
    is_judged(&stand, &rina, 4).await;
    stand.run(other);
    stand.until_ready().await;

    let finished = stand.finish().await;
    let tenesa = finished.logs.events.iter().filter(|(desk, _)| desk == "tenesa");
    let takers: Vec<&str> = tenesa
        .filter_map(|(_, event)| match &event.body {
            Some(Body::DeskTaken(taken)) => Some(taken.writer.as_str()),
            _ => None,
        })
        .collect();
    assert!(takers.len() >= 3, "{takers:?}");
    assert!(takers.windows(2).all(|pair| pair[0] != pair[1]), "{takers:?}");
    stand.stop_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_is_killed_costs_its_agents_a_reconnect_and_nothing_else() {
    let mut stand = Stand::start(Layout::Apart, |_| {}).await;
    let rina = stand.signed_in("rina", "tenesa").await;
    write(&stand, 1).await;
    let held = rina.pull_one().await.case;
    stand.kill(Role::Gateway);
    // What comes meanwhile is routed all the same.
    write(&stand, 2).await;
    stand.run(Role::Gateway);
    stand.until_ready().await;

    // The client reconnects: the session and the case are where they were, with no word from the agent.
    let again = stand.agent("rina", "tenesa");
    eventually("the answer to be taken", async || again.reply(held, 1, "Kami cek dulu.", false).await.ok())
        .await;
    let mine = |case: &Case| case.summary.as_ref().is_some_and(|summary| summary.assignee == "rina");
    again.client.case_when("tenesa", held, "is still rina's", mine).await;
    let second = again.pull_one().await.case;
    assert_ne!(second, held);
    // A client that signs in again keeps both.
    again.sign_in().await.unwrap();
    again.resolve(held).await.unwrap();
    again.resolve(second).await.unwrap();
    let finished = stand.finish().await;
    for (_, event) in &finished.logs.events {
        if let Some(Body::CaseUnassigned(left)) = &event.body {
            assert_eq!(left.by(), UnassignedBy::End, "only what was resolved left its agent: {left:?}");
        }
    }
    stand.stop_all().await;
}
