//! The router over the in-memory log: what it writes holds before the independent checker, judging again gives the
//! same, and of two routers one has the desk.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod snapshots;
mod support;

use std::time::Duration;

use simpang_log::tail::Body;
use simpang_log::{Anchor, Tail};
use simpang_proto::log::v1::event::Body as Happened;
use simpang_proto::log::v1::{Commit, Position};
use simpang_router::DeskStatus;
use support::Desk;

#[tokio::test]
async fn a_mail_becomes_a_case_and_a_pull_gets_it() {
    let desk = Desk::new().await;
    let router = desk.router("one", true).await;
    desk.policy(1).await;
    desk.agent("rina").await;
    desk.mail(1).await;
    desk.sign_in("rina").await;
    let place = desk.pull("rina", 1, 0).await;
    desk.decided(place).await;
    router.stop().await;
    let report = desk.check(true).await;
    assert_eq!((report.counts.cases, report.counts.assignments), (1, 1), "{report}");
}

#[tokio::test]
async fn what_is_due_happens_though_nothing_comes() {
    let desk = Desk::new().await;
    let router = desk.router("one", true).await;
    desk.policy(1).await;
    for (agent, wait_ms) in [("rina", 100), ("budi", 400)] {
        desk.agent(agent).await;
        desk.sign_in(agent).await;
        let place = desk.pull(agent, 1, wait_ms).await;
        desk.decided(place).await;
    }
    let have_ended = async {
        let ended = |event: &Happened| matches!(event, Happened::PullEnded(_));
        while desk.events().await.iter().filter(|event| ended(event)).count() < 2 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let asked = tokio::time::timeout(Duration::from_secs(60), have_ended).await;
    asked.expect("the router asks for the time, and once more");
    router.stop().await;
    desk.check(true).await;
}

#[tokio::test]
async fn what_stood_on_the_log_before_the_router_came_is_judged_once() {
    let desk = Desk::new().await;
    desk.policy(1).await;
    let mut last = None;
    for n in 0..50 {
        last = Some(desk.mail(n).await);
    }
    let router = desk.router("one", true).await;
    desk.decided(last.unwrap()).await;
    router.stop().await;
    let again = desk.router("one", true).await;
    let more = desk.mail(99).await;
    desk.decided(more).await;
    again.stop().await;
    let report = desk.check(true).await;
    assert_eq!(report.counts.cases, 51);
}

#[tokio::test]
async fn inputs_that_can_not_be_read_are_set_aside_and_the_desk_goes_on() {
    let desk = Desk::new().await;
    let router = desk.router("one", true).await;
    desk.policy(1).await;
    desk.log.append(simpang_log::Door::Ingest, bytes::Bytes::from_static(b"\x08\x01\x12")).await.unwrap();
    desk.command_by_wrong_door().await;
    let last = desk.mail(1).await;
    desk.decided(last).await;
    router.stop().await;
    let report = desk.check(true).await;
    assert_eq!(report.counts.cases, 1, "{report}");
    let refused = desk.events().await.iter().filter(|e| matches!(e, Happened::InputRefused(_))).count();
    assert_eq!(refused, 2);
}

#[tokio::test]
async fn a_policy_that_does_not_compile_is_refused_whole() {
    let desk = Desk::new().await;
    let router = desk.router("one", true).await;
    desk.policy(1).await;
    let place = desk.policy_text(2, "[desk]\ntitel = \"x\"\n").await;
    desk.decided(place).await;
    router.stop().await;
    let errors = desk.events().await.into_iter().find_map(|e| match e {
        Happened::PolicyRefused(refused) => Some(refused.errors),
        _ => None,
    });
    assert!(errors.unwrap().iter().any(|e| e.contains("titel")));
    desk.check(true).await;
}

/// Two routers judge one desk eagerly while inputs come: whoever is fenced reads along and may take over again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_routers_never_both_write_and_nothing_is_judged_twice() {
    let desk = Desk::new().await;
    let one = desk.router("one", true).await;
    desk.policy(1).await;
    let two = desk.router("two", true).await;
    let mut last = None;
    for n in 0..200 {
        last = Some(desk.mail((n % 250) as u8).await);
    }
    desk.decided(last.unwrap()).await;
    one.stop().await;
    two.stop().await;
    // One that was fenced asks with a clock input whether there is an owner; it may come when both stop.
    desk.check(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_takes_over_when_the_owner_is_gone() {
    let desk = Desk::new().await;
    let owner = desk.router("owner", true).await;
    desk.policy(1).await;
    let standby = desk.router("standby", false).await;
    let first = desk.mail(1).await;
    desk.decided(first).await;
    owner.stop().await;
    let second = desk.mail(2).await;
    desk.decided(second).await;
    let statuses = standby.statuses();
    assert!(matches!(statuses["test"], DeskStatus::Owning { epoch: 2 }), "{statuses:?}");
    standby.stop().await;
    desk.check(true).await;
}

/// A commit that another writer put where ours should stand ends our epoch without a word of ours after it.
#[tokio::test]
async fn a_commit_of_a_stranger_makes_the_router_step_down() {
    let desk = Desk::new().await;
    let router = desk.router("one", true).await;
    desk.policy(1).await;
    let place = desk.mail(1).await;
    desk.decided(place).await;
    let mut tail = Tail::start(desk.log.clone(), Anchor::Start);
    let last = desk.log.last_seq().await.unwrap();
    while tail.read_until(last).await.unwrap().is_some() {}
    let mut chain = simpang_log::ChainWriter::new(desk.log.desk(), tail.anchor());
    let head = *chain.head().unwrap();
    let stranger = Commit {
        decided_through: Some(Position { ..head.decided_through }),
        policy_version: 1,
        writer: "stranger".into(),
        epoch: 9,
        events: vec![support::desk_taken("stranger", 9, "other")],
        ..Commit::default()
    };
    let sealed = chain.seal(stranger).unwrap();
    desk.log.commit(sealed.payload, sealed.previous_seq).await.unwrap();
    // It does so at the sight of it, not only when its own next commit is refused.
    support::following(&router).await;
    let next = desk.mail(2).await;
    desk.decided(next).await;
    router.stop().await;
    let writers: Vec<u64> = desk.epochs().await;
    assert_eq!(writers, [1, 9, 10]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_router_with_an_older_core_stops_at_what_a_newer_one_judges_and_writes_nothing() {
    let desk = Desk::new().await;
    let owner = desk.router("owner", true).await;
    desk.policy(1).await;
    let place = desk.mail(1).await;
    desk.decided(place).await;
    let standby = desk.router("standby", false).await;
    let mut tail = Tail::start(desk.log.clone(), Anchor::Start);
    let last = desk.log.last_seq().await.unwrap();
    while tail.read_until(last).await.unwrap().is_some() {}
    let mut chain = simpang_log::ChainWriter::new(desk.log.desk(), tail.anchor());
    let head = *chain.head().unwrap();
    let newer = Commit {
        decided_through: Some(head.decided_through),
        policy_version: 1,
        writer: "newer".into(),
        epoch: 2,
        events: vec![support::desk_taken("newer", 2, "core 99, cel 9, tz 2099z")],
        ..Commit::default()
    };
    let sealed = chain.seal(newer).unwrap();
    desk.log.commit(sealed.payload, sealed.previous_seq).await.unwrap();
    let unjudged = desk.mail(2).await;
    for router in [&owner, &standby] {
        let reason = support::stopped(router).await;
        assert!(reason.contains("core 99 judges") && reason.contains("start a program"), "{reason}");
    }
    owner.stop().await;
    standby.stop().await;
    // A probe may stand behind it, a commit not.
    let commit = desk.log.last_commit().await.unwrap().unwrap();
    assert!(commit.seq < unjudged.seq, "{commit:?}");
}

/// What is left of a log that lost its tail is whole: only who knows more can tell.
#[tokio::test]
async fn a_router_that_starts_on_a_log_that_lost_its_tail_refuses_to_judge() {
    let desk = Desk::new().await;
    let marks = tempfile::tempdir().unwrap();
    let router = desk.router_with_marks(marks.path()).await;
    desk.policy(1).await;
    let first = desk.mail(1).await;
    desk.decided(first).await;
    let stood = desk.log.last_seq().await.unwrap();
    router.stop().await;
    let again = desk.router_with_marks(marks.path()).await;
    let second = desk.mail(2).await;
    desk.decided(second).await;
    again.stop().await;

    desk.lose_tail(stood);
    let left = desk.log.last_seq().await.unwrap();
    let refusing = desk.router_with_marks(marks.path()).await;
    let stopped = async {
        loop {
            if let Some(DeskStatus::Stopped(reason)) = refusing.statuses().remove("test") {
                return reason;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let reason = tokio::time::timeout(Duration::from_secs(20), stopped).await.unwrap();
    assert!(reason.contains("its tail is lost") && reason.contains("docs/repair.md"), "{reason}");
    assert_eq!(desk.log.last_seq().await.unwrap(), left, "and it wrote nothing");
    refusing.stop().await;
}

/// Many timers due at once follow one input with more events than a commit should hold.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_too_much_for_one_commit_is_written_in_parts_and_judged_again_alike() {
    let desk = Desk::new().await;
    desk.policy(1).await;
    let mut last = None;
    for batch in 0..8u32 {
        last = Some(desk.mails(batch * 500, 500).await);
    }
    let router = desk.router("one", true).await;
    desk.decided(last.unwrap()).await;
    // Another policy re-derives four thousand cases in one input.
    let place = desk.policy(2).await;
    desk.decided(place).await;
    router.stop().await;
    let mut parts = 0;
    let mut tail = Tail::start(desk.log.clone(), Anchor::Start);
    let end = desk.log.last_seq().await.unwrap();
    while let Some(entry) = tail.read_until(end).await.unwrap() {
        if let Body::Commit { commit, .. } = entry.body {
            parts += u32::from(commit.decided_through.unwrap().step != 0);
        }
    }
    assert!(parts > 0, "the policy's consequences fitted one commit");
    desk.check(true).await;
}

/// A router that stops in the middle of an input's parts is followed by one that writes the rest.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_take_over_in_the_middle_of_an_input_goes_on_where_it_was() {
    let desk = Desk::new().await;
    desk.policy(1).await;
    let mut last = None;
    for batch in 0..8u32 {
        last = Some(desk.mails(batch * 500, 500).await);
    }
    let router = desk.router("one", true).await;
    desk.decided(last.unwrap()).await;
    let cut = desk.policy(2).await;
    desk.decided(cut).await;
    router.stop().await;
    // The log as it stood when the first part was written and no other.
    desk.lose_tail(desk.first_part().await);
    let other = desk.router("two", true).await;
    desk.decided(cut).await;
    other.stop().await;
    desk.check(true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_floors_hold_before_the_checker() {
    for seed in 1..=6 {
        let desk = Desk::new().await;
        let router = desk.router("one", true).await;
        desk.policy(1).await;
        let last = desk.random_floor(seed, 250).await;
        desk.decided(last).await;
        router.stop().await;
        desk.check(false).await;
    }
}
