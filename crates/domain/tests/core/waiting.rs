//! What waits too long: in a queue, and on an agent; and time to wrap up.

use simpang_domain::event::Happened;
use simpang_domain::input::{Ask, Body};
use simpang_domain::rules::{OverflowRule, OverflowTo};
use simpang_domain::words::{CaseId, Presence, Rejection, ReplyKind, UnassignedBy};

use crate::support::{HOUR, MIN, TestRules, Trial, answer, assigned, contact, names, rejection};

fn with(queue: &str, change: impl Fn(&mut simpang_domain::rules::QueueRule)) -> Trial {
    let mut rules = TestRules::default();
    // Sessions outlast what is tried here.
    rules.tables.limits.grace_ms = 24 * HOUR;
    change(rules.tables.queues.iter_mut().find(|q| &*q.name == queue).unwrap());
    Trial::with(rules)
}

fn queue_of(desk: &Trial, case: u64) -> String {
    desk.desk.state().cases[&CaseId(case)].queue.to_string()
}

fn reply() -> Ask {
    Ask::Reply { kind: ReplyKind::Normal, to: None, category: Vec::new(), resolve: false }
}

#[test]
fn a_case_that_waited_too_long_overflows_to_the_other_queue_after_every_widening_step() {
    let to = OverflowTo::Queue("general".into());
    let mut desk = with("vip", |q| q.overflow = Some(OverflowRule { after_ms: 5 * MIN, to: to.clone() }));
    desk.mail_of(1, "VIP");
    assert_eq!(names(&desk.pass(MIN)), ["CaseWidened"]);
    let events = desk.pass(4 * MIN);
    assert_eq!(names(&events), ["CaseOverflowed", "CaseQueued"]);
    assert_eq!(queue_of(&desk, 1), "general");
    desk.ready("junior");
    assert_eq!(assigned(&desk.pull("junior", 1, 0)), [(1, "junior".to_owned())]);
    desk.assert_fold_is_equal();
}

#[test]
fn a_case_that_somebody_took_in_time_does_not_overflow() {
    let to = OverflowTo::Queue("vip".into());
    let mut desk = with("general", |q| q.overflow = Some(OverflowRule { after_ms: 5 * MIN, to: to.clone() }));
    desk.mail(1);
    desk.ready("rina");
    desk.pull("rina", 1, 0);
    let events = names(&desk.pass(10 * MIN));
    assert!(!events.contains(&"CaseOverflowed".to_owned()), "{events:?}");
    desk.assert_fold_is_equal();
}

#[test]
fn a_case_overflows_to_another_desk_but_a_contact_stays() {
    let to = OverflowTo::Desk("other".into());
    let mut desk = with("general", |q| q.overflow = Some(OverflowRule { after_ms: 5 * MIN, to: to.clone() }));
    desk.mail(1);
    let events = names(&desk.pass(5 * MIN));
    assert_eq!(events[..2], ["CaseOverflowed", "CaseHandedOver"]);
    desk.assert_fold_is_equal();
    let mut desk = with("calls", |q| q.overflow = Some(OverflowRule { after_ms: 5 * MIN, to: to.clone() }));
    desk.contact();
    assert_eq!(names(&desk.pass(5 * MIN)), Vec::<String>::new());
    desk.ready("t2o");
    assert_eq!(assigned(&desk.pull("t2o", 1, 0)).len(), 1);
    desk.assert_fold_is_equal();
}

#[test]
fn a_case_that_sits_unanswered_goes_back_and_its_agent_is_taken_not_to_be_there() {
    let mut desk = with("general", |q| q.unanswered_ms = Some(20 * MIN));
    desk.mail(1);
    desk.ready("rina");
    desk.pull("rina", 1, 0);
    desk.ask("rina", 1, Ask::Note { coaching: false });
    let events = desk.pass(20 * MIN);
    assert_eq!(names(&events), ["CaseUnassigned", "AgentPresenceChanged", "CaseQueued"]);
    assert!(matches!(&events[0], Happened::CaseUnassigned { by: UnassignedBy::Unanswered, .. }));
    assert!(matches!(&events[1], Happened::AgentPresenceChanged { presence: Presence::NotReady, reason, .. }
        if &**reason == "unanswered"));
    desk.assert_fold_is_equal();
}

#[test]
fn an_answer_stops_the_cap_and_the_customers_next_message_starts_it_again() {
    let mut desk = with("general", |q| q.unanswered_ms = Some(20 * MIN));
    desk.mail(1);
    desk.ready("rina");
    desk.pull("rina", 1, 0);
    desk.now += 10 * MIN;
    desk.ask("rina", 1, reply());
    desk.pass(HOUR / 2);
    assert_eq!(desk.holder(1).as_deref(), Some("rina"));
    desk.judge(Body::Message(answer(1)));
    desk.now += 10 * MIN;
    desk.judge(Body::Message(answer(1)));
    desk.pass(10 * MIN);
    assert_eq!(desk.holder(1), None, "the oldest message that is not answered counts");
    desk.assert_fold_is_equal();
}

#[test]
fn who_finished_a_case_wraps_up_before_the_next_comes() {
    let mut desk = with("general", |q| q.wrap_up_ms = MIN);
    desk.mail(1);
    desk.agent("rina", &[]);
    desk.sign_in("rina", true);
    desk.ask("rina", 1, Ask::Accept);
    let events = desk.ask("rina", 1, Ask::Resolve { outcome: "".into() });
    let until = desk.now + MIN;
    assert!(
        events.iter().any(|e| matches!(e, Happened::AgentPresenceChanged {
            presence: Presence::AfterWork, until: Some(at), auto: true, .. } if *at == until)),
        "{events:?}"
    );
    assert!(!names(&desk.mail(2)).contains(&"CaseOffered".to_owned()));
    assert_eq!(rejection(&desk.pull("rina", 1, 0)), Some(Rejection::NotReady));
    assert_eq!(names(&desk.pass(MIN)), ["AgentPresenceChanged", "CaseOffered"]);
    desk.assert_fold_is_equal();
}

#[test]
fn a_waiting_pull_waits_through_the_wrap_up_and_saying_ready_ends_it() {
    let mut desk = with("general", |q| q.wrap_up_ms = MIN);
    desk.mail(1);
    desk.ready("rina");
    desk.pull("rina", 2, HOUR);
    desk.ask("rina", 1, Ask::Close);
    assert_eq!(assigned(&desk.mail(2)), []);
    let ready = Ask::SetPresence { presence: Presence::Ready, reason: "".into(), auto: false, limit: None };
    assert_eq!(assigned(&desk.ask("rina", 0, ready)), [(2, "rina".to_owned())]);
    assert_eq!(names(&desk.pass(2 * MIN)), Vec::<String>::new(), "nothing is left to end");
    desk.assert_fold_is_equal();
}

#[test]
fn who_recorded_a_call_wraps_up_too() {
    let mut desk = with("calls", |q| q.wrap_up_ms = MIN);
    desk.judge(Body::Contact(contact()));
    desk.ready("t2o");
    desk.pull("t2o", 1, 0);
    let path = vec!["RNA".into()];
    let missed = Ask::Disposition { path, filled: Vec::new(), again_at: None, answered: None, dialled: 0 };
    assert!(names(&desk.ask("t2o", 1, missed)).contains(&"AgentPresenceChanged".to_owned()));
    desk.assert_fold_is_equal();
}
