//! Sessions, presence, pulls and offers.

use simpang_domain::event::Happened;
use simpang_domain::input::{Ask, Body, Heartbeat};
use simpang_domain::words::{OfferEnd, Presence, PullEnd, Rejection, Role};

use crate::support::{HOUR, MIN, Trial, assigned, message, names, record, rejection};

#[test]
fn a_pull_gives_the_smallest_key_of_the_best_ranked_queue() {
    let mut desk = Trial::new();
    desk.mail(1);
    desk.now += MIN;
    desk.mail_of(2, "VIP");
    desk.agent("rina", &["senior"]);
    desk.sign_in("rina", false);
    assert_eq!(assigned(&desk.pull("rina", 1, 0)), [(2, "rina".to_owned())]);
    assert_eq!(assigned(&desk.pull("rina", 1, 0)), [(1, "rina".to_owned())]);
}

#[test]
fn an_unqualified_agent_stays_idle_while_a_priority_case_waits() {
    let mut desk = Trial::new();
    desk.ready("junior");
    desk.pull("junior", 1, HOUR);
    desk.agent("senior", &["senior"]);
    desk.sign_in("senior", false);
    desk.pull("senior", 1, HOUR);
    assert_eq!(assigned(&desk.mail_of(2, "VIP")), [(1, "senior".to_owned())]);
}

#[test]
fn after_the_widening_step_others_may_take_it() {
    let mut desk = Trial::new();
    desk.ready("junior");
    desk.pull("junior", 1, HOUR);
    assert_eq!(assigned(&desk.mail_of(2, "VIP")), []);
    let events = desk.pass(MIN);
    assert_eq!(names(&events)[0], "CaseWidened");
    assert_eq!(assigned(&events), [(1, "junior".to_owned())]);
    desk.assert_fold_is_equal();
}

#[test]
fn a_waiting_pull_gets_what_arrives_and_ends_when_filled() {
    let mut desk = Trial::new();
    desk.ready("rina");
    assert_eq!(names(&desk.pull("rina", 1, HOUR)), ["PullWaiting"]);
    let events = desk.mail(1);
    assert_eq!(assigned(&events), [(1, "rina".to_owned())]);
    assert!(matches!(events.last(), Some(Happened::PullEnded { reason: PullEnd::Filled, .. })));
    assert_eq!(assigned(&desk.mail(2)), []);
}

#[test]
fn a_waiting_pull_expires() {
    let mut desk = Trial::new();
    desk.ready("rina");
    desk.pull("rina", 1, MIN);
    let events = desk.pass(2 * MIN);
    assert!(matches!(events[0], Happened::PullEnded { reason: PullEnd::Expired, .. }));
    assert_eq!(assigned(&desk.mail(1)), []);
}

#[test]
fn an_assignment_that_crosses_the_cancellation_goes_back_to_its_place() {
    let mut desk = Trial::new();
    desk.ready("rina");
    desk.pull("rina", 1, HOUR);
    let pull = desk.history.last().unwrap().0.id;
    desk.mail(1);
    let events = desk.ask("rina", 0, Ask::CancelPull { pull: Some(pull) });
    assert_eq!(names(&events), ["CaseUnassigned", "CaseQueued"]);
    assert_eq!(desk.holder(1), None);
    desk.assert_fold_is_equal();
}

#[test]
fn an_assignment_that_was_accepted_survives_the_cancellation() {
    let mut desk = Trial::new();
    desk.ready("rina");
    desk.pull("rina", 1, HOUR);
    let pull = desk.history.last().unwrap().0.id;
    desk.mail(1);
    desk.ask("rina", 1, Ask::Accept);
    assert_eq!(names(&desk.ask("rina", 0, Ask::CancelPull { pull: Some(pull) })), Vec::<String>::new());
    assert_eq!(desk.holder(1).as_deref(), Some("rina"));
    desk.assert_fold_is_equal();
}

#[test]
fn nobody_gets_more_than_they_may_hold() {
    let mut desk = Trial::new();
    (1..=3).for_each(|n| drop(desk.mail(n)));
    desk.ready("rina");
    assert_eq!(assigned(&desk.pull("rina", 10, 0)).len(), 2);
    desk.ready("budi");
    desk.ask("budi", 0, Ask::Pull { count: 1, wait_ms: 0, queues: vec!["vip".into()] });
    assert_eq!(assigned(&desk.pull("budi", 5, 0)).len(), 1);
}

#[test]
fn an_auto_agent_is_offered_a_case_and_accepts() {
    let mut desk = Trial::new();
    desk.agent("rina", &[]);
    desk.sign_in("rina", true);
    assert!(names(&desk.mail(1)).contains(&"CaseOffered".to_owned()));
    let events = desk.ask("rina", 1, Ask::Accept);
    assert!(matches!(&events[0], Happened::CaseAssigned { explanation: Some(_), .. }), "{events:?}");
    desk.assert_fold_is_equal();
}

#[test]
fn an_offer_that_passes_unanswered_goes_on_and_its_agent_is_no_longer_ready() {
    let mut desk = Trial::new();
    desk.agent("rina", &[]);
    desk.sign_in("rina", true);
    desk.mail(1);
    let events = desk.pass(30_000);
    assert!(matches!(events[0], Happened::OfferEnded { reason: OfferEnd::Expired, .. }));
    assert_eq!(names(&events)[1..], ["AgentPresenceChanged", "CaseQueued"]);
    assert_eq!(rejection(&desk.ask("rina", 1, Ask::Accept)), Some(Rejection::OfferEnded));
    desk.assert_fold_is_equal();
}

#[test]
fn a_declined_case_keeps_its_place_and_goes_to_the_next() {
    let mut desk = Trial::new();
    for agent in ["rina", "budi"] {
        desk.agent(agent, &[]);
        desk.sign_in(agent, true);
        desk.now += 1;
    }
    desk.mail(1);
    let key = desk.desk.state().cases.values().next().unwrap().key;
    let events = desk.ask("rina", 1, Ask::Decline);
    let offered = events.iter().find_map(|e| match e {
        Happened::CaseOffered { agent, .. } => Some(agent.to_string()),
        _ => None,
    });
    assert_eq!(offered.as_deref(), Some("budi"));
    assert_eq!(desk.desk.state().cases.values().next().unwrap().key, key);
}

#[test]
fn signing_out_gives_cases_back_to_their_places() {
    let mut desk = Trial::new();
    desk.mail(1);
    desk.ready("rina");
    desk.pull("rina", 1, 0);
    let events = desk.ask("rina", 0, Ask::SignOut { session: None });
    assert_eq!(names(&events), ["AgentSignedOut", "CaseUnassigned", "CaseQueued"]);
    desk.assert_fold_is_equal();
}

#[test]
fn signing_in_elsewhere_takes_the_session_over_and_keeps_the_cases() {
    let mut desk = Trial::new();
    desk.mail(1);
    desk.ready("rina");
    desk.pull("rina", 1, 0);
    let events = desk.sign_in("rina", false);
    assert_eq!(names(&events), ["AgentSignedOut", "AgentSignedIn", "AgentPresenceChanged"]);
    assert_eq!(desk.holder(1).as_deref(), Some("rina"));
}

#[test]
fn a_gateway_that_falls_silent_loses_its_sessions_and_one_that_beats_keeps_them() {
    let mut desk = Trial::new();
    desk.ready("rina");
    desk.now += 50_000;
    desk.judge(Body::Heartbeat(Heartbeat { gateway: "g1".into(), began: false }));
    assert_eq!(names(&desk.pass(50_000)), Vec::<String>::new());
    assert_eq!(names(&desk.pass(50_000)), ["AgentSignedOut"]);
    desk.assert_fold_is_equal();
}

#[test]
fn a_pull_says_why_it_is_refused() {
    let mut desk = Trial::new();
    assert_eq!(rejection(&desk.pull("nobody", 1, 0)), Some(Rejection::UnknownAgent));
    desk.agent("rina", &[]);
    assert_eq!(rejection(&desk.pull("rina", 1, 0)), Some(Rejection::NotSignedIn));
    desk.sign_in("rina", false);
    let unknown = Ask::Pull { count: 1, wait_ms: 0, queues: vec!["nowhere".into()] };
    assert_eq!(rejection(&desk.ask("rina", 0, unknown)), Some(Rejection::UnknownTarget));
    assert_eq!(rejection(&desk.pull("rina", 0, 0)), Some(Rejection::Invalid));
    let away = Ask::SetPresence { presence: Presence::NotReady, reason: "lunch".into(), auto: false };
    desk.ask("rina", 0, away);
    assert_eq!(rejection(&desk.pull("rina", 1, 0)), Some(Rejection::NotReady));
}

#[test]
fn skills_decide_and_proficiency_ranks() {
    let mut desk = Trial::new();
    for (agent, level) in [("low", 3), ("high", 9), ("none", 0)] {
        let mut record = record(agent, &[], &[Role::Agent]);
        if level > 0 {
            record.skills = vec![("fibre".into(), level)];
        }
        desk.judge(Body::Agent(record));
        desk.sign_in(agent, false);
        desk.pull(agent, 1, HOUR);
    }
    let mut mail = message(1);
    mail.facts.set("queue".into(), simpang_domain::facts::Value::Text("skilled".into()));
    let events = desk.judge(Body::Message(mail));
    assert_eq!(assigned(&events), [(1, "high".to_owned())]);
    let Some(Happened::CaseAssigned { explanation: Some(why), .. }) =
        events.iter().find(|e| matches!(e, Happened::CaseAssigned { .. }))
    else {
        panic!("an assignment by pull is explained")
    };
    let named: Vec<&str> = why.candidates.iter().map(|c| &*c.agent).collect();
    assert_eq!((named, &*why.queue), (vec!["high", "low"], "skilled"));
}

#[test]
fn the_customers_last_agent_comes_first_where_the_queue_asks_for_it() {
    let mut desk = Trial::new();
    for agent in ["ani", "budi"] {
        desk.agent(agent, &["senior"]);
        desk.sign_in(agent, false);
    }
    desk.mail_of(1, "VIP");
    desk.pull("budi", 1, 0);
    desk.ask("budi", 1, Ask::Resolve { outcome: "".into() });
    desk.pull("ani", 1, HOUR);
    desk.now += 1;
    desk.pull("budi", 1, HOUR);
    assert_eq!(assigned(&desk.mail_of(1, "VIP")), [(2, "budi".to_owned())]);
}

#[test]
fn an_agent_whose_record_no_longer_qualifies_gets_no_more() {
    let mut desk = Trial::new();
    desk.agent("rina", &["senior"]);
    desk.sign_in("rina", false);
    desk.pull("rina", 1, HOUR);
    let events = desk.agent("rina", &["nowhere"]);
    assert_eq!(names(&events), ["AgentChanged", "AgentAdmitted"]);
    assert_eq!(assigned(&desk.mail(1)), []);
    desk.assert_fold_is_equal();
}
