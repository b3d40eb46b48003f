//! What is asked of cases, who may ask it, and what follows.

use simpang_domain::event::Happened;
use simpang_domain::facts::{Facts, Value};
use simpang_domain::input::{Ask, Body, Command, TransferTo};
use simpang_domain::words::{CaseId, CloseReason, Name, Rejection, ReplyKind, Role, WaitingOn};

use crate::support::{DAY, HOUR, MIN, Trial, answer, assigned, customer, names, record, rejection};

fn held() -> Trial {
    let mut desk = Trial::new();
    desk.mail(1);
    desk.ready("rina");
    desk.pull("rina", 1, 0);
    desk
}

#[test]
fn identifying_the_customer_runs_the_rules_again_and_acts_once() {
    let mut desk = held();
    let events = desk.ask("rina", 1, Ask::Identify { customer: customer("DCS") });
    let kinds = names(&events);
    assert_eq!(kinds.iter().filter(|k| *k == "DeliveryQueued").count(), 3, "{kinds:?}");
    let again = desk.ask("rina", 1, Ask::Identify { customer: customer("DCS") });
    assert_eq!(names(&again), ["CaseIdentified"]);
    desk.assert_fold_is_equal();
}

#[test]
fn a_case_that_rules_move_to_where_its_agent_may_not_be_goes_there_without_them() {
    let mut desk = Trial::new();
    desk.mail(1);
    desk.ready("rina");
    desk.pull("rina", 1, 0);
    let facts = Facts::new([("queue".into(), Value::Text("skilled".into()))]);
    let events = desk.ask("rina", 1, Ask::Classify { category: Vec::new(), facts });
    assert_eq!(names(&events), ["CaseCategorised", "CaseClassified", "CaseUnassigned", "CaseQueued"]);
    desk.assert_fold_is_equal();
}

#[test]
fn only_who_holds_a_case_answers_it() {
    let mut desk = held();
    desk.ready("budi");
    let reply = Ask::Reply { kind: ReplyKind::Normal, to: None, category: Vec::new(), resolve: false };
    assert_eq!(rejection(&desk.ask("budi", 1, reply.clone())), Some(Rejection::NotAssignee));
    assert_eq!(names(&desk.ask("rina", 1, reply)), ["DeliveryQueued"]);
}

#[test]
fn a_reply_is_to_a_message_of_its_case() {
    let mut desk = held();
    let first = desk.desk.state().cases[&CaseId(1)].messages[0].id();
    desk.mail(2);
    let other = desk.desk.state().cases[&CaseId(2)].messages[0].id();
    let to = |to| Ask::Reply { kind: ReplyKind::Normal, to: Some(to), category: Vec::new(), resolve: false };
    assert_eq!(rejection(&desk.ask("rina", 1, to(other))), Some(Rejection::Invalid));
    assert_eq!(names(&desk.ask("rina", 1, to(first))), ["DeliveryQueued"]);
}

#[test]
fn a_fact_that_is_set_to_nothing_is_there_no_more() {
    let text = |name: &str, text: &str| (name.into(), Value::Text(text.into()));
    let mut facts = Facts::new([text("area", "Bandung"), text("product", "fibre"), text("none", "")]);
    assert_eq!(facts.get("none"), None, "of what is new an empty text is no fact");
    facts.merge(&Facts::changes([text("product", "dsl"), text("area", ""), text("product", "copper")]));
    assert_eq!((facts.get("area"), facts.get("product")), (None, Some(&Value::Text("copper".into()))));
}

#[test]
fn a_policy_without_categories_takes_any() {
    for (tree, taken) in [(Vec::new(), true), (vec![vec!["Complaint".into()]], false)] {
        let mut desk = Trial::ruled_by(|tables| tables.categories = tree);
        desk.mail(1);
        desk.ready("rina");
        desk.pull("rina", 1, 0);
        let ask = Ask::Classify { category: vec!["Anything".into()], facts: Facts::default() };
        assert_eq!(rejection(&desk.ask("rina", 1, ask)).is_none(), taken);
    }
}

#[test]
fn a_case_has_a_hundred_tickets_and_each_may_go_on() {
    let mut desk = held();
    let link = |number: usize, status: &str| Ask::LinkReference {
        system: "mycx".into(),
        number: number.to_string().into(),
        status: status.into(),
    };
    for number in 0..100 {
        assert_eq!(rejection(&desk.ask("rina", 1, link(number, "open"))), None, "{number}");
    }
    assert_eq!(rejection(&desk.ask("rina", 1, link(100, "open"))), Some(Rejection::Invalid));
    assert_eq!(rejection(&desk.ask("rina", 1, link(7, "solved"))), None, "one that is known");
}

#[test]
fn a_reply_to_a_case_that_changed_is_refused_with_what_is_new() {
    let mut desk = held();
    desk.judge(Body::Message(answer(1)));
    let ask = Ask::Reply { kind: ReplyKind::Normal, to: None, category: Vec::new(), resolve: false };
    let stale = Command { principal: "rina".into(), seen_messages: 1, case: CaseId(1), ask };
    let events = desk.judge(Body::Command(stale));
    assert_eq!(rejection(&events), Some(Rejection::CaseChanged));
}

#[test]
fn a_leader_takes_over_and_an_agent_does_not() {
    let mut desk = held();
    desk.ready("budi");
    assert_eq!(rejection(&desk.ask("budi", 1, Ask::TakeOver)), Some(Rejection::NotAllowed));
    desk.leader("tl");
    assert_eq!(names(&desk.ask("tl", 1, Ask::TakeOver)), ["CaseUnassigned", "CaseAssigned"]);
    assert_eq!(desk.holder(1).as_deref(), Some("tl"));
    desk.assert_fold_is_equal();
}

#[test]
fn a_parked_case_takes_no_capacity_and_stays_its_agents() {
    let mut desk = held();
    desk.mail(2);
    desk.mail(3);
    desk.ask("rina", 1, Ask::Wait { on: WaitingOn::ThirdParty });
    assert_eq!(assigned(&desk.pull("rina", 5, 0)).len(), 2);
    assert_eq!(desk.holder(1).as_deref(), Some("rina"));
    // There is no room when the customer writes: the case goes on from the queue.
    let events = desk.judge(Body::Message(answer(1)));
    assert!(names(&events).contains(&"CaseUnassigned".to_owned()), "{events:?}");
    desk.assert_fold_is_equal();
}

#[test]
fn a_scheduled_case_comes_back_to_its_owner_or_its_queue() {
    for (keep_owner, expected) in [(true, Some("rina".to_owned())), (false, None)] {
        let mut desk = held();
        let at = desk.now + HOUR;
        desk.ask("rina", 1, Ask::Schedule { at, keep_owner });
        assert_eq!(desk.holder(1), None);
        for _ in 0..3 {
            desk.now += 25 * 60_000;
            desk.judge(Body::Heartbeat(simpang_domain::input::Heartbeat {
                gateway: "g1".into(),
                began: false,
            }));
        }
        // The gateway was silent for 25 minutes, so its sessions ended; without one nobody is there to return to.
        assert_eq!(desk.holder(1), None);
        let mut desk = held();
        let at = desk.now + 30_000;
        desk.ask("rina", 1, Ask::Schedule { at, keep_owner });
        desk.pass(30_000);
        assert_eq!(desk.holder(1), expected);
        desk.assert_fold_is_equal();
    }
}

#[test]
fn a_resolved_case_closes_by_itself_and_is_forgotten_later() {
    let mut desk = held();
    desk.ask("rina", 1, Ask::Resolve { outcome: "ok".into() });
    let events = desk.pass(3 * DAY);
    assert!(events.iter().any(|e| matches!(e, Happened::CaseClosed { reason: CloseReason::Settled, .. })));
    assert!(names(&desk.pass(7 * DAY)).contains(&"CaseForgotten".to_owned()));
    assert!(desk.desk.state().cases.is_empty() && desk.desk.state().threads.is_empty());
    desk.assert_fold_is_equal();
}

#[test]
fn spam_comes_back_only_when_a_leader_says_that_it_was_none() {
    let mut desk = held();
    desk.ask("rina", 1, Ask::MarkSpam);
    let events = desk.judge(Body::Message(answer(1)));
    assert!(names(&events).contains(&"CaseOpened".to_owned()));
    assert_eq!(rejection(&desk.ask("rina", 1, Ask::Reopen)), Some(Rejection::NotAllowed));
    desk.judge(Body::Agent(record("boss", &[], &[Role::Supervisor])));
    let events = desk.ask("boss", 1, Ask::Reopen);
    let happened = names(&events);
    assert!(
        ["CaseReopened", "CaseQueued"].iter().all(|event| happened.contains(&(*event).to_owned())),
        "{happened:?}"
    );
    desk.assert_fold_is_equal();
}

#[test]
fn help_goes_to_the_first_step_first() {
    let mut desk = held();
    let events = desk.ask("rina", 1, Ask::Escalate { step: None });
    assert_eq!(names(&events), ["CaseEscalated", "DeliveryQueued"]);
    let unknown = Ask::Escalate { step: Some("nobody".into()) };
    assert_eq!(rejection(&desk.ask("rina", 1, unknown)), Some(Rejection::UnknownTarget));
}

#[test]
fn transfers_reach_queues_agents_and_desks() {
    let mut desk = held();
    desk.ready("budi");
    desk.ask("rina", 1, Ask::Transfer { to: TransferTo::Agent("budi".into()) });
    assert_eq!(desk.holder(1).as_deref(), Some("budi"));
    desk.ask("budi", 1, Ask::Transfer { to: TransferTo::Queue("vip".into()) });
    assert_eq!(desk.holder(1), None);
    desk.leader("tl");
    let events = desk.ask("tl", 1, Ask::Transfer { to: TransferTo::Desk("telkomcare".into()) });
    assert!(names(&events).contains(&"CaseHandedOver".to_owned()));
    let nobody = Ask::Transfer { to: TransferTo::Agent("nobody".into()) };
    assert_eq!(rejection(&desk.ask("tl", 1, nobody)), Some(Rejection::WrongState));
    desk.assert_fold_is_equal();
}

#[test]
fn a_raised_priority_moves_a_waiting_case_ahead() {
    let mut desk = Trial::new();
    desk.mail(1);
    desk.now += 1_000;
    desk.mail(2);
    desk.leader("tl");
    desk.ask("tl", 2, Ask::SetPriority { priority: "high".into() });
    desk.ready("rina");
    assert_eq!(assigned(&desk.pull("rina", 1, 0)), [(2, "rina".to_owned())]);
    assert_eq!(
        rejection(&desk.ask("tl", 1, Ask::SetPriority { priority: "huge".into() })),
        Some(Rejection::UnknownTarget)
    );
}

#[test]
fn releasing_keeps_the_cases_place() {
    let mut desk = held();
    desk.now += 1_000;
    desk.mail(2);
    desk.ask("rina", 1, Ask::Release);
    desk.ready("budi");
    assert_eq!(assigned(&desk.pull("budi", 1, 0)), [(1, "budi".to_owned())]);
}

#[test]
fn nobody_pulls_from_a_held_queue() {
    let mut desk = Trial::new();
    desk.mail_of(1, "UNKNOWN");
    desk.ready("rina");
    assert_eq!(assigned(&desk.pull("rina", 1, 0)), []);
}

#[test]
fn a_case_that_is_scheduled_again_comes_back_at_the_later_time() {
    let mut desk = held();
    let at = desk.now + 10_000;
    desk.ask("rina", 1, Ask::Schedule { at, keep_owner: false });
    desk.leader("tl");
    desk.ask("tl", 1, Ask::Schedule { at: at + HOUR, keep_owner: false });
    assert!(!names(&desk.pass(20_000)).contains(&"CaseResumed".to_owned()));
    assert!(names(&desk.pass(HOUR)).contains(&"CaseResumed".to_owned()));
    desk.assert_fold_is_equal();
}

#[test]
fn a_case_does_not_come_back_to_an_agent_who_may_not_serve_it_any_more() {
    let mut desk = held();
    desk.ask("rina", 1, Ask::Resolve { outcome: "".into() });
    desk.agent("rina", &["nowhere"]);
    desk.judge(Body::Message(answer(1)));
    assert_eq!(desk.holder(1), None);
}

#[test]
fn a_case_that_is_transferred_keeps_its_place_unless_it_is_put_last() {
    let mut desk = Trial::new();
    for author in 1..=3 {
        desk.now += MIN;
        desk.mail(author);
    }
    desk.leader("tl");
    let to = |to: fn(Name) -> TransferTo, queue: &str| Ask::Transfer { to: to(queue.into()) };
    assert_eq!(
        rejection(&desk.ask("tl", 1, to(TransferTo::EndOf, "nowhere"))),
        Some(Rejection::UnknownTarget)
    );
    desk.ask("tl", 1, to(TransferTo::Queue, "vip"));
    desk.ask("tl", 1, to(TransferTo::Queue, "general"));
    desk.now += 1_000;
    let events = desk.ask("tl", 2, to(TransferTo::EndOf, "general"));
    assert_eq!(names(&events)[..2], ["CasePlacedLast", "CaseQueued"]);
    desk.ready("rina");
    let given = |desk: &mut Trial| assigned(&desk.pull("rina", 1, 0)).first().map(|(case, _)| *case);
    assert_eq!(given(&mut desk), Some(1), "it kept its place through another queue");
    assert_eq!(given(&mut desk), Some(3), "the second gave its place up");
    desk.assert_fold_is_equal();
}

#[test]
fn a_contact_keeps_the_place_of_its_list() {
    let mut desk = Trial::new();
    desk.contact();
    desk.leader("tl");
    let last = Ask::Transfer { to: TransferTo::EndOf("general".into()) };
    assert_eq!(rejection(&desk.ask("tl", 1, last)), Some(Rejection::WrongState));
}
