//! Who is on duty by roster, who follows a case to its end, and reasons of the policy (D4, D5, D7, E4).

use simpang_domain::event::Happened;
use simpang_domain::input::{Ask, Body};
use simpang_domain::rules::EscalationRule;
use simpang_domain::words::{Presence, Rejection, Role};

use crate::support::{HOUR, MIN, TestRules, Trial, answer, assigned, names, record, rejection};

/// First the team leader on duty (tari by day, agus by night), then the PIC, who follows.
fn rules() -> TestRules {
    let step = |name: &str, group: &str, follow| EscalationRule {
        name: name.into(),
        group: group.into(),
        template: "help".into(),
        queue: None,
        follow,
    };
    let mut rules = TestRules::default();
    rules.tables.escalations = vec![step("leader", "leaders", false), step("pic", "pics", true)];
    rules.rosters = vec![
        ("leaders", vec![("tari", "day", 7, 15), ("gone", "day", 7, 15), ("agus", "evening", 15, 20)]),
        ("pics", vec![("dewi", "always", 0, 24)]),
    ];
    rules
}

/// A case that rina holds; tari and agus lead, dewi is the PIC.
fn held() -> Trial {
    let mut desk = Trial::with(rules());
    for (name, role) in [("tari", Role::TeamLeader), ("agus", Role::TeamLeader), ("dewi", Role::Pic)] {
        desk.judge(Body::Agent(record(name, &[], &[role])));
    }
    desk.mail(1);
    desk.ready("rina");
    assert_eq!(assigned(&desk.pull("rina", 1, 0)).len(), 1);
    desk
}

/// Group by group, who was called and by which shift.
fn called(events: &[Happened]) -> Vec<(String, Vec<(String, String)>)> {
    let each = |event: &Happened| match event {
        Happened::DutyCalled { group, called, .. } => {
            let called = called.iter().map(|on| (on.agent.to_string(), on.shift.to_string())).collect();
            Some((group.to_string(), called))
        }
        _ => None,
    };
    events.iter().filter_map(each).collect()
}

fn one(group: &str, agent: &str, shift: &str) -> (String, Vec<(String, String)>) {
    (group.to_owned(), vec![(agent.to_owned(), shift.to_owned())])
}

fn followed(events: &[Happened]) -> Vec<String> {
    let each = |event: &Happened| match event {
        Happened::CaseFollowed { agent, .. } => Some(agent.to_string()),
        _ => None,
    };
    events.iter().filter_map(each).collect()
}

#[test]
fn the_team_leader_on_duty_is_called_first_and_then_the_pic() {
    let mut desk = held();
    let first = desk.ask("rina", 1, Ask::Escalate { step: None });
    assert_eq!(
        called(&first),
        [one("leaders", "tari", "day")],
        "one whom the desk does not know is left out"
    );
    assert_eq!(followed(&first), Vec::<String>::new());
    let second = desk.ask("rina", 1, Ask::Escalate { step: None });
    assert_eq!(called(&second), [one("pics", "dewi", "always")]);
    assert_eq!(followed(&second), ["dewi"]);
    let again = desk.ask("rina", 1, Ask::Escalate { step: None });
    assert_eq!((called(&again).len(), followed(&again).len()), (1, 0), "after the last the last again");
    assert_eq!(desk.holder(1).as_deref(), Some("rina"), "it stays with its agent");
}

#[test]
fn another_hour_has_another_leader_and_where_nobody_is_on_duty_the_next_step_is_asked_too() {
    let mut desk = held();
    desk.pass(7 * HOUR);
    desk.sign_in("rina", false);
    desk.pull("rina", 1, 0);
    let evening = desk.ask("rina", 1, Ask::Escalate { step: Some("leader".into()) });
    assert_eq!(called(&evening), [one("leaders", "agus", "evening")]);
    desk.pass(5 * HOUR);
    desk.sign_in("rina", false);
    desk.pull("rina", 1, 0);
    let night = desk.ask("rina", 1, Ask::Escalate { step: Some("leader".into()) });
    assert_eq!(called(&night), [("leaders".to_owned(), Vec::new()), one("pics", "dewi", "always")]);
    let causes: Vec<&str> = night
        .iter()
        .filter_map(|event| match event {
            Happened::CaseEscalated { cause, .. } => Some(&**cause),
            _ => None,
        })
        .collect();
    assert_eq!(causes, ["", "nobody-on-duty"]);
}

#[test]
fn who_follows_a_case_does_so_whoever_holds_it_until_it_closes() {
    let mut desk = held();
    assert_eq!(rejection(&desk.ask("rina", 1, Ask::Follow)), Some(Rejection::NotAllowed));
    assert_eq!(names(&desk.ask("dewi", 1, Ask::Follow)), ["CaseFollowed"]);
    assert_eq!(rejection(&desk.ask("dewi", 1, Ask::Follow)), Some(Rejection::WrongState));
    let followers = |desk: &Trial| desk.desk.state().cases.values().next().unwrap().rare().followers.len();
    desk.ask("rina", 1, Ask::Release);
    desk.ready("budi");
    desk.pull("budi", 1, 0);
    desk.ask("budi", 1, Ask::Resolve { outcome: "".into() });
    assert_eq!(followers(&desk), 1, "resolved is not the end");
    desk.judge(Body::Message(answer(1)));
    assert_eq!(followers(&desk), 1, "nor is a reopening a new beginning");
    assert_eq!(names(&desk.ask("dewi", 1, Ask::Unfollow)), ["CaseUnfollowed"]);
    assert_eq!(rejection(&desk.ask("dewi", 1, Ask::Unfollow)), Some(Rejection::WrongState));
    desk.ask("dewi", 1, Ask::Follow);
    desk.ask("dewi", 1, Ask::Close);
    assert_eq!(followers(&desk), 0);
    assert_eq!(rejection(&desk.ask("dewi", 1, Ask::Follow)), Some(Rejection::WrongState));
}

#[test]
fn to_follow_is_not_to_act_for_the_leaders_clock() {
    use simpang_domain::rules::ClockRule;
    use simpang_domain::words::SlaClock;
    let mut rules = rules();
    let first = rules.tables.slas[0].clocks[0].clone();
    rules.tables.slas[0].clocks.push(ClockRule {
        clock: SlaClock::LeaderFollowUp,
        on_breach: Vec::new(),
        ..first
    });
    let mut desk = Trial::with(rules);
    desk.judge(Body::Agent(record("dewi", &[], &[Role::Pic])));
    desk.mail(1);
    desk.ready("rina");
    desk.pull("rina", 1, 0);
    desk.ask("rina", 1, Ask::Escalate { step: Some("pic".into()) });
    desk.now += MIN;
    desk.ask("dewi", 1, Ask::Unfollow);
    assert_eq!(names(&desk.ask("dewi", 1, Ask::Follow)), ["CaseFollowed"]);
    let noted = names(&desk.ask("dewi", 1, Ask::Note { coaching: true }));
    assert_eq!(noted, ["NoteAdded", "SlaMet"]);
}

#[test]
fn coaching_is_written_by_who_leads() {
    let mut desk = held();
    assert_eq!(rejection(&desk.ask("rina", 1, Ask::Note { coaching: true })), Some(Rejection::NotAllowed));
    assert_eq!(names(&desk.ask("rina", 1, Ask::Note { coaching: false })), ["NoteAdded"]);
    assert_eq!(names(&desk.ask("tari", 1, Ask::Note { coaching: true })), ["NoteAdded"]);
}

#[test]
fn reasons_are_those_of_the_policy_where_it_lists_any() {
    let mut rules = TestRules::default();
    rules.tables.reasons.not_ready = vec!["break".into(), "training".into()];
    rules.tables.reasons.decline = vec!["conflict".into()];
    let mut desk = Trial::with(rules);
    desk.agent("rina", &[]);
    desk.sign_in("rina", true);
    let away = |reason: &str| Ask::SetPresence {
        presence: Presence::NotReady,
        reason: reason.into(),
        auto: false,
        limit: None,
    };
    let refused = desk.ask("rina", 0, away("lunch"));
    let Happened::CommandRejected { rejection: Rejection::Invalid, detail, .. } = &refused[0] else {
        panic!("{refused:?}")
    };
    assert!(detail.contains("`break`, `training`"), "{detail}");
    assert_eq!(rejection(&desk.ask("rina", 0, away(""))), Some(Rejection::Invalid));
    desk.mail(1);
    let whim = desk.ask("rina", 1, Ask::Decline { reason: "whim".into() });
    assert_eq!(rejection(&whim), Some(Rejection::Invalid));
    let events = desk.ask("rina", 1, Ask::Decline { reason: "conflict".into() });
    let why = events.iter().find_map(|event| match event {
        Happened::AgentPresenceChanged { reason, .. } => Some(reason.to_string()),
        _ => None,
    });
    assert_eq!(why.as_deref(), Some("declined: conflict"));
    assert_eq!(names(&desk.ask("rina", 0, away("break"))), ["AgentPresenceChanged"]);
}
