//! How cases of a queue come to agents, and one capacity for the cases of all channels.

use simpang_domain::event::Happened;
use simpang_domain::input::{Ask, Body, Message};
use simpang_domain::rules::SharedCapacity;
use simpang_domain::words::{Channel, Presence, QueueMode, Rejection, SessionLimit};

use crate::support::{HOUR, MIN, Trial, assigned, message, names, rejection};

fn of_mode(mode: QueueMode) -> Trial {
    Trial::ruled_by(|tables| {
        tables.queues.iter_mut().find(|q| &*q.name == "general").unwrap().mode = mode;
    })
}

fn offered(events: &[Happened]) -> Vec<(u64, String)> {
    let of = |event: &Happened| match event {
        Happened::CaseOffered { case, agent, .. } => Some((case.0, agent.to_string())),
        _ => None,
    };
    events.iter().filter_map(of).collect()
}

fn to(case: u64, agent: &str) -> Vec<(u64, String)> {
    vec![(case, agent.to_owned())]
}

#[test]
fn a_queue_that_offers_gives_its_cases_to_who_is_ready_without_their_asking() {
    let mut desk = of_mode(QueueMode::Offer);
    desk.ready("rina");
    assert_eq!(offered(&desk.mail(1)), to(1, "rina"));
    desk.ask("rina", 1, Ask::Accept);
    assert_eq!(desk.holder(1).as_deref(), Some("rina"));
    assert_eq!(offered(&desk.mail(2)), to(2, "rina"), "as long as they have room");
    desk.ask("rina", 2, Ask::Accept);
    assert_eq!(offered(&desk.mail(3)), []);
    assert_eq!(
        offered(&desk.ask("rina", 1, Ask::Close)),
        to(3, "rina"),
        "and as soon as they have some again"
    );
    desk.assert_fold_is_equal();
}

#[test]
fn a_queue_that_offers_offers_nothing_to_who_is_not_ready_and_offers_when_they_are() {
    let mut desk = of_mode(QueueMode::Offer);
    desk.agent("rina", &[]);
    let (session, gateway) = ("s".into(), "g1".into());
    desk.ask("rina", 0, Ask::SignIn { session, gateway, ready: false, auto: false });
    assert_eq!(offered(&desk.mail(1)), []);
    let ready = Ask::SetPresence { presence: Presence::Ready, reason: "".into(), auto: false, limit: None };
    assert_eq!(offered(&desk.ask("rina", 0, ready)), to(1, "rina"));
    desk.ask("rina", 1, Ask::Decline { reason: "".into() });
    assert_eq!(offered(&desk.pass(MIN)), [], "who declined is not ready any more");
    desk.assert_fold_is_equal();
}

#[test]
fn no_pull_brings_cases_of_a_queue_that_offers_them() {
    let mut desk = of_mode(QueueMode::Offer);
    desk.ready("rina");
    desk.pull("rina", 1, HOUR);
    let events = desk.mail(1);
    assert_eq!((offered(&events), assigned(&events)), (to(1, "rina"), Vec::new()));
    desk.ask("rina", 1, Ask::Accept);
    let events = desk.mail_of(2, "VIP");
    assert_eq!(assigned(&events), [], "the queue of others widens first");
    assert_eq!(assigned(&desk.pass(MIN)), to(2, "rina"), "the pull still waits for what it can bring");
    let named = Ask::Pull { count: 1, wait_ms: HOUR, queues: vec!["general".into()] };
    desk.ready("budi");
    assert_eq!(rejection(&desk.ask("budi", 0, named)), Some(Rejection::Invalid));
    desk.assert_fold_is_equal();
}

#[test]
fn a_queue_that_is_pulled_from_offers_nothing_even_to_who_takes_offers() {
    let mut desk = of_mode(QueueMode::Pull);
    desk.agent("rina", &[]);
    desk.sign_in("rina", true);
    assert_eq!(offered(&desk.mail(1)), []);
    assert_eq!(assigned(&desk.pull("rina", 1, 0)), to(1, "rina"));
    desk.pull("rina", 1, HOUR);
    assert_eq!(assigned(&desk.mail(2)), to(2, "rina"), "a pull that waits gets it at once");
    desk.assert_fold_is_equal();
}

#[test]
fn a_queue_of_both_offers_only_to_who_takes_offers() {
    let mut desk = of_mode(QueueMode::Both);
    desk.ready("asks");
    assert_eq!(offered(&desk.mail(1)), []);
    desk.agent("auto", &[]);
    assert_eq!(offered(&desk.sign_in("auto", true)), to(1, "auto"));
    assert_eq!(assigned(&desk.pull("asks", 1, HOUR)), []);
    desk.ask("auto", 1, Ask::Accept);
    desk.assert_fold_is_equal();
}

/// Mails weigh 1, posts 2, calls everything.
fn weighed() -> Trial {
    Trial::ruled_by(|tables| {
        tables.capacities = vec![(Channel::Email, 3)];
        let weights = vec![(Channel::X, 2), (Channel::Call, 4)];
        tables.shared = Some(SharedCapacity { total: 4, weights });
    })
}

fn post(desk: &mut Trial, author: u8) -> Vec<Happened> {
    desk.judge(Body::Message(Message { channel: Channel::X, ..message(author) }))
}

#[test]
fn what_cases_weigh_together_never_exceeds_the_total() {
    let mut desk = weighed();
    desk.ready("rina");
    desk.mail(1);
    desk.mail(2);
    post(&mut desk, 3);
    post(&mut desk, 4);
    desk.mail(5);
    desk.pull("rina", 5, HOUR);
    let held: Vec<bool> = (1..=5).map(|case| desk.holder(case).is_some()).collect();
    assert_eq!(held, [true, true, true, false, false], "1 + 1 + 2 of 4");
    desk.ask("rina", 1, Ask::Resolve { outcome: "".into() });
    assert_eq!(desk.holder(4), None, "a post still does not fit");
    assert_eq!(desk.holder(5).as_deref(), Some("rina"), "and a mail does");
    desk.assert_fold_is_equal();
}

#[test]
fn a_call_that_weighs_everything_excludes_the_rest() {
    let mut desk = weighed();
    desk.contact();
    desk.mail(1);
    desk.ready("t2o");
    let both = Ask::Pull { count: 2, wait_ms: HOUR, queues: vec!["calls".into()] };
    assert_eq!(assigned(&desk.ask("t2o", 0, both)), to(1, "t2o"));
    let refused = desk.pull("t2o", 1, 0);
    assert_eq!(rejection(&refused), Some(Rejection::AtCapacity));
    desk.ready("budi");
    desk.pull("budi", 1, 0);
    assert_eq!(desk.holder(2).as_deref(), Some("budi"));
    let call = Ask::Transfer { to: simpang_domain::input::TransferTo::Agent("budi".into()) };
    let refused = desk.ask("t2o", 1, call);
    assert_eq!(
        rejection(&refused),
        Some(Rejection::AtCapacity),
        "nobody who holds a mail takes a call beside it"
    );
    desk.assert_fold_is_equal();
}

#[test]
fn a_channels_own_limit_an_agents_record_and_their_own_word_hold_beside_the_total() {
    let mut desk = weighed();
    desk.ready("rina");
    for author in 1..=4 {
        desk.mail(author);
    }
    desk.pull("rina", 4, 0);
    assert_eq!(desk.holder(4), None, "three mails at most, though four would weigh no more than the total");
    desk.ready("budi");
    let limit = Some(SessionLimit { total: Some(1), channels: Vec::new() });
    desk.ask(
        "budi",
        0,
        Ask::SetPresence { presence: Presence::Ready, reason: "".into(), auto: false, limit },
    );
    desk.mail(5);
    desk.pull("budi", 2, 0);
    assert_eq!(desk.holder(4).as_deref(), Some("budi"));
    assert_eq!(desk.holder(5), None, "one at most, by their own word");
    let mut record = crate::support::record("citra", &[], &[simpang_domain::words::Role::Agent]);
    record.capacities = vec![(Channel::X, 1)];
    desk.judge(Body::Agent(record));
    desk.sign_in("citra", false);
    post(&mut desk, 6);
    post(&mut desk, 7);
    desk.pull("citra", 2, 0);
    assert!(
        !names(&desk.pull("citra", 1, 0)).contains(&"CaseAssigned".to_owned()),
        "one post, by the record"
    );
    desk.assert_fold_is_equal();
}
