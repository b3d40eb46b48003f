//! Sessions, presence, pulls and offers.

use simpang_domain::event::Happened;
use simpang_domain::facts::{Facts, Value};
use simpang_domain::input::{Ask, Body, Heartbeat, Message, PolicyVersion, TransferTo};
use simpang_domain::words::{Channel, OfferEnd, Presence, PullEnd, Rejection, Role, SessionLimit};

use crate::support::{HOUR, MIN, TestRules, Trial, assigned, message, names, record, rejection};

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
fn of_queues_of_one_rank_the_one_with_the_smallest_key_goes_first() {
    let mut desk = Trial::ruled_by(|tables| tables.queues.iter_mut().for_each(|queue| queue.rank = 1));
    desk.mail(1);
    // More than the head start of its priority later, so that the first is still the one in front.
    desk.now += 5 * HOUR;
    desk.mail_of(2, "VIP");
    desk.agent("rina", &["senior"]);
    desk.sign_in("rina", false);
    assert_eq!(assigned(&desk.pull("rina", 1, 0)), [(1, "rina".to_owned())]);
    assert_eq!(assigned(&desk.pull("rina", 1, 0)), [(2, "rina".to_owned())]);
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

/// Ready, with a limit of their own.
fn limited(total: Option<u32>, channels: &[(Channel, u32)], auto: bool) -> Ask {
    let limit = Some(SessionLimit { total, channels: channels.to_vec() });
    Ask::SetPresence { presence: Presence::Ready, reason: "".into(), auto, limit }
}

#[test]
fn an_agent_who_limits_themselves_gets_no_more_than_they_want() {
    let mut desk = Trial::new();
    (1..=4).for_each(|n| drop(desk.mail(n)));
    desk.ready("rina");
    desk.ask("rina", 0, limited(Some(1), &[], false));
    assert_eq!(assigned(&desk.pull("rina", 5, 0)), [(1, "rina".to_owned())]);
    assert_eq!(rejection(&desk.pull("rina", 1, 0)), Some(Rejection::AtCapacity));
    desk.ready("budi");
    desk.ask("budi", 0, limited(None, &[(Channel::Email, 0)], false));
    assert_eq!(assigned(&desk.pull("budi", 1, 0)), []);
    desk.assert_fold_is_equal();
}

#[test]
fn an_agents_own_limit_allows_no_more_than_the_policy() {
    let mut desk = Trial::new();
    (1..=4).for_each(|n| drop(desk.mail(n)));
    desk.ready("rina");
    desk.ask("rina", 0, limited(Some(50), &[(Channel::Email, 50)], false));
    assert_eq!(assigned(&desk.pull("rina", 10, 0)).len(), 2);
}

#[test]
fn a_lowered_limit_takes_nothing_away_and_a_raised_one_gives_waiting_work_at_once() {
    let mut desk = Trial::new();
    desk.ready("rina");
    desk.mail(1);
    desk.pull("rina", 1, 0);
    assert_eq!(names(&desk.ask("rina", 0, limited(Some(0), &[], true))), ["AgentPresenceChanged"]);
    assert_eq!(desk.holder(1).as_deref(), Some("rina"));
    assert!(!names(&desk.mail(2)).contains(&"CaseOffered".to_owned()), "0: takes nothing more");
    let events = desk.ask("rina", 0, limited(Some(2), &[], true));
    assert_eq!(names(&events), ["AgentPresenceChanged", "CaseOffered"]);
    let again = Ask::SetPresence { presence: Presence::Ready, reason: "".into(), auto: true, limit: None };
    let events = desk.ask("rina", 0, again);
    assert!(matches!(&events[0], Happened::AgentPresenceChanged { limit, .. } if limit.total == Some(2)));
    desk.assert_fold_is_equal();
}

#[test]
fn a_limit_that_is_lowered_below_an_offer_withdraws_it_for_the_next() {
    let mut desk = Trial::new();
    for agent in ["rina", "budi"] {
        desk.agent(agent, &[]);
        desk.sign_in(agent, true);
        desk.now += 1;
    }
    desk.mail(1);
    let events = desk.ask("rina", 0, limited(Some(0), &[], true));
    assert_eq!(names(&events), ["AgentPresenceChanged", "OfferEnded", "CaseQueued", "CaseOffered"]);
    assert!(matches!(&events[3], Happened::CaseOffered { agent, .. } if &**agent == "budi"));
    desk.assert_fold_is_equal();
}

#[test]
fn an_offer_that_a_changed_record_leaves_no_room_for_is_withdrawn() {
    let mut desk = Trial::new();
    desk.agent("rina", &[]);
    desk.sign_in("rina", true);
    desk.mail(1);
    let mut none = record("rina", &[], &[Role::Agent]);
    none.capacities = vec![(Channel::Email, 0)];
    assert_eq!(names(&desk.judge(Body::Agent(none))), ["AgentChanged", "OfferEnded", "CaseQueued"]);
    assert_eq!(rejection(&desk.ask("rina", 1, Ask::Accept)), Some(Rejection::OfferEnded));
}

#[test]
fn a_limit_says_whether_it_limits_anything() {
    let limit = |total, channels: &[(Channel, u32)]| SessionLimit { total, channels: channels.to_vec() };
    assert!(limit(None, &[]).is_none());
    assert!(!limit(Some(0), &[]).is_none() && !limit(None, &[(Channel::X, 1)]).is_none());
}

#[test]
fn what_somebody_has_is_accepted_by_nobody_else_and_can_not_be_declined_any_more() {
    let mut desk = Trial::new();
    desk.ready("rina");
    desk.ready("budi");
    desk.mail(1);
    desk.pull("rina", 1, 0);
    assert_eq!(rejection(&desk.ask("budi", 1, Ask::Accept)), Some(Rejection::OfferEnded));
    let decline = Ask::Decline { reason: "cannot-now".into() };
    assert_eq!(rejection(&desk.ask("rina", 1, decline)), Some(Rejection::OfferEnded));
    assert_eq!(rejection(&desk.ask("rina", 1, Ask::Accept)), None);
    assert_eq!(desk.holder(1).as_deref(), Some("rina"));
}

#[test]
fn a_limit_of_their_own_ends_with_the_session_and_holds_against_people_too() {
    let mut desk = Trial::new();
    desk.leader("tl");
    desk.ready("rina");
    desk.mail(1);
    desk.ask("rina", 0, limited(Some(0), &[], false));
    let to_rina = || Ask::Transfer { to: TransferTo::Agent("rina".into()) };
    assert_eq!(rejection(&desk.ask("tl", 1, to_rina())), Some(Rejection::AtCapacity));
    desk.sign_in("rina", false);
    assert_eq!(assigned(&desk.ask("tl", 1, to_rina())), [(1, "rina".to_owned())]);
}

#[test]
fn who_pulls_is_not_counted_among_those_who_did_not_ask() {
    let mut desk = Trial::new();
    desk.mail(1);
    desk.ready("budi");
    desk.ready("rina");
    let events = desk.pull("rina", 1, 0);
    let Happened::CaseAssigned { explanation: Some(why), .. } = &events[0] else { panic!("{events:?}") };
    assert_eq!((why.not_asking, why.at_capacity, why.not_ready), (1, 0, 0), "only budi did not ask");
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
    let events = desk.ask("rina", 1, Ask::Decline { reason: "cannot-now".into() });
    assert!(
        matches!(&events[0], Happened::OfferEnded { reason: OfferEnd::Declined, cause, .. } if &**cause == "cannot-now"),
        "{events:?}"
    );
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
    let away =
        Ask::SetPresence { presence: Presence::NotReady, reason: "lunch".into(), auto: false, limit: None };
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

#[test]
fn what_another_policy_sets_free_goes_to_the_best_of_all_who_wait() {
    let mut rules = TestRules::default();
    rules.tables.capacities = vec![(Channel::Email, 0)];
    let mut desk = Trial::with(rules.clone());
    let facts = Facts::new([("queue".into(), Value::Text("skilled".into()))]);
    desk.judge(Body::Message(Message { facts, ..message(1) }));
    for (agent, level) in [("ani", 3), ("budi", 5)] {
        let mut record = record(agent, &[], &[Role::Agent]);
        record.skills = vec![("fibre".into(), level)];
        desk.judge(Body::Agent(record));
        desk.sign_in(agent, false);
        desk.pull(agent, 1, HOUR);
    }
    assert_eq!(desk.holder(1), None, "nobody may have a mail yet");
    rules.tables.version = 2;
    rules.tables.capacities = vec![(Channel::Email, 1)];
    let version = PolicyVersion { version: 2, digest: [2; 32], cites: "".into(), errors: Vec::new() };
    let events = desk.judge_with(None, Body::Policy(version), Some(rules));
    assert_eq!(assigned(&events), [(1, "budi".to_owned())], "not to who came first");
    desk.assert_fold_is_equal();
}
