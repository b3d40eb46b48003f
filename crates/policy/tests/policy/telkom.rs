//! The shipped policy, scenario by scenario: facts of a case and what the rules say, with the requirement ids that
//! each scenario proves.

use crate::common::{Case, agent, at, telkom, telkom_files};
use simpang_domain::facts::{AgentFacts, Facts, Value};
use simpang_domain::input::AgentRecord;
use simpang_domain::rules::{Classification, Effect, Rules};
use simpang_domain::words::{Channel, Role, SlaClock};
use simpang_policy::{Outcome, Policy, compile};

const DESKS: [&str; 3] = ["tenesa", "telkomcare", "tier2-outbound"];

/// Rule, segment, priority, queue, SLA, actions.
type Said<'a> = (&'a str, &'a str, &'a str, &'a str, &'a str, &'a [&'a str]);

fn check(policy: &Policy, table: &[(&str, Case, Said<'_>)]) {
    for (why, case, expected) in table {
        let said = policy.classify(&case.facts());
        let Classification { rule, segment, priority, queue, skills, sla, actions } = said;
        let actions: Vec<_> = actions.iter().map(|a| a.name().to_string()).collect();
        let actions: Vec<&str> = actions.iter().map(String::as_str).collect();
        let segment = segment.as_deref().unwrap_or("-").to_owned();
        let sla = sla.as_deref().unwrap_or("-").to_owned();
        let found: Said<'_> = (&rule, &segment, &priority, &queue, &sla, &actions);
        assert_eq!(found, *expected, "{why}");
        assert!(skills.is_empty(), "{why}");
        let failed =
            policy.trace(&case.facts()).into_iter().find(|s| matches!(s.outcome, Outcome::Failed(_)));
        assert_eq!(failed, None, "{why}: no condition of the shipped policy fails while it runs");
    }
}

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

#[test]
fn every_desk_compiles_without_warnings_and_every_rule_cites_its_requirements() {
    for desk in DESKS {
        let compiled = telkom(desk);
        assert_eq!(compiled.warnings, [], "{desk}");
        for (rule, cites) in compiled.policy.rules() {
            let well_formed =
                |id: &str| id.starts_with(|c: char| c.is_ascii_uppercase()) && id[1..].parse::<u32>().is_ok();
            assert!(!cites.is_empty() && cites.iter().all(|id| well_formed(id)), "{desk}/{rule}: {cites:?}");
        }
        assert!(compiled.policy.cites().contains("IN.OCC.TELK.W-19 rev 00 (Suyanti, QMR)"), "L1");
    }
}

#[test]
fn tenesa_follows_segment_then_request_then_type() {
    let mail = || Case::on(Channel::Email);
    let dcs: &[&str] = &[
        "educate:edukasi-dcs",
        "forward:penanganan-dcs@telkom.example",
        "notify:lintas-koordinasi:koordinasi-dcs",
    ];
    let dbs: &[&str] = &[
        "educate:edukasi-permintaan-dbs",
        "forward:permintaan-dbs@telkom.example",
        "notify:lintas-koordinasi:koordinasi-permintaan-dbs",
    ];
    let hard: &[&str] = &["notify:tl-on-duty:hard-complaint"];
    let angry = || mail().segment("DGS").category(&["Komplain"]).fact("hard_complaint", text("Marah"));
    let question = "email-question";
    check(
        &telkom("tenesa").policy,
        &[
            (
                "B9, M8: nobody known",
                mail(),
                ("unknown-segment", "-", "normal", "identification", question, &[]),
            ),
            (
                "M8: a segment that TENESA does not serve",
                mail().segment("RETAIL"),
                ("unknown-segment", "RETAIL", "normal", "identification", question, &[]),
            ),
            (
                "C1: DES goes on",
                mail().segment("DES"),
                ("enterprise", "DES", "normal", "enterprise", question, &[]),
            ),
            (
                "C1: DGS goes on",
                mail().segment("DGS"),
                ("enterprise", "DGS", "normal", "enterprise", question, &[]),
            ),
            (
                "C1: DBS goes on",
                mail().segment("DBS"),
                ("enterprise", "DBS", "normal", "enterprise", question, &[]),
            ),
            (
                "C2: DCS is educated, forwarded, escalated",
                mail().segment("DCS"),
                ("dcs", "DCS", "normal", "cross-coordination", question, dcs),
            ),
            (
                "C8: DCS before what it is about",
                mail().segment("DCS").category(&["Permintaan"]),
                ("dcs", "DCS", "normal", "cross-coordination", question, dcs),
            ),
            (
                "C3: DBS and a request",
                mail().segment("DBS").category(&["Permintaan", "Internet"]),
                ("dbs-request", "DBS", "normal", "cross-coordination", question, dbs),
            ),
            (
                "C3: a request of another segment stays",
                mail().segment("DES").category(&["Permintaan"]),
                ("enterprise", "DES", "normal", "enterprise", question, &[]),
            ),
            (
                "C4: information",
                mail().segment("DBS").category(&["Informasi"]),
                ("information", "DBS", "normal", "enterprise", question, &[]),
            ),
            (
                "C6: a new fault",
                mail().segment("DES").category(&["Komplain", "Internet"]),
                ("fault-new", "DES", "normal", "enterprise", "email-complaint", &[]),
            ),
            (
                "C7: how far a fault is",
                mail().segment("DES").category(&["Komplain"]).fact("progress", Value::Flag(true)),
                ("fault-progress", "DES", "normal", "enterprise", "email-complaint", &[]),
            ),
            (
                "D6, M3: hard complaint",
                angry(),
                ("hard-complaint", "DGS", "urgent", "hard-complaint", "email-priority-complaint", hard),
            ),
            (
                "G8: rather angry is not hard",
                mail().segment("DGS").fact("hard_complaint", text("Agak Marah")),
                ("enterprise", "DGS", "normal", "enterprise", question, &[]),
            ),
            (
                "G8: emergency",
                mail().segment("DGS").fact("urgency", text("Emergency")),
                ("hard-complaint", "DGS", "urgent", "hard-complaint", "email-priority-complaint", hard),
            ),
            ("D9: VVIP", mail().segment("DES").vvip(), ("vvip", "DES", "vvip", "enterprise", question, &[])),
            (
                "A4: social media of TENESA has social clocks",
                Case::on(Channel::X).segment("DES"),
                ("enterprise", "DES", "normal", "enterprise", "social-question", &[]),
            ),
            (
                "J2: a complaint there too",
                Case::on(Channel::Facebook).segment("DES").category(&["Komplain"]),
                ("fault-new", "DES", "normal", "enterprise", "social-complaint", &[]),
            ),
        ],
    );
}

#[test]
fn telkomcare_finds_priority_customers_each_by_their_own_criterion() {
    let post = || Case::on(Channel::X).segment("DCS");
    let (priority, calm) = ("social-priority-question", "social-question");
    let mut table = vec![
        ("A2, J5: a customer", post(), ("social", "DCS", "normal", "social", calm, &[] as &[&str])),
        (
            "M8: nobody known",
            Case::on(Channel::Facebook),
            ("unknown-segment", "-", "normal", "identification", calm, &[]),
        ),
        (
            "F4: complaint",
            post().category(&["Komplain", "Internet", "Tidak Bisa Connect"]),
            ("complaint", "DCS", "normal", "social", "social-complaint", &[]),
        ),
        (
            "A3, M7: a BOD account is named, by anybody",
            Case::on(Channel::X).mentions(&["telkomcare", "telkom_dirut_contoh"]),
            ("bod-mention", "-", "priority", "priority", priority, &[]),
        ),
        (
            "M7: other mentions are none",
            post().mentions(&["telkomcare", "somebody"]),
            ("social", "DCS", "normal", "social", calm, &[]),
        ),
        (
            "M7: a complaint by category runs the rules again",
            post().profession("activist").category(&["Komplain"]),
            ("priority-activist", "DCS", "priority", "priority", "social-priority-complaint", &[]),
        ),
        (
            "D9: VVIP before profession",
            post().vvip().profession("ngo"),
            ("vvip", "DCS", "vvip", "priority", priority, &[]),
        ),
        (
            "D6, M3: hard complaint before VVIP",
            post().vvip().fact("hard_complaint", text("Marah")),
            (
                "hard-complaint",
                "DCS",
                "urgent",
                "hard-complaint",
                priority,
                &["notify:tl-on-duty:hard-complaint"],
            ),
        ),
        (
            "D1: another profession is none",
            post().profession("teacher"),
            ("social", "DCS", "normal", "social", calm, &[]),
        ),
    ];
    for (profession, rule) in [
        ("bod", "priority-bod"),
        ("government-official", "priority-government-official"),
        ("private-official", "priority-private-official"),
        ("artist", "priority-artist"),
        ("musician", "priority-artist"),
        ("director", "priority-artist"),
        ("writer", "priority-writer"),
        ("blogger", "priority-writer"),
        ("pr-media", "priority-pr-media"),
        ("agency", "priority-pr-media"),
        ("activist", "priority-activist"),
        ("ngo", "priority-ngo"),
        ("professional", "priority-professional"),
        ("practitioner", "priority-professional"),
        ("public-figure", "priority-public-figure"),
    ] {
        table.push((
            "D1",
            post().profession(profession),
            (rule, "DCS", "priority", "priority", priority, &[]),
        ));
    }
    check(&telkom("telkomcare").policy, &table);
}

#[test]
fn each_campaign_has_its_queue_and_vvip_comes_first_in_callback() {
    let mut table = vec![
        (
            "A7 e, D9",
            Case::of_campaign("callback", Some("vvip")),
            ("callback-vvip", "-", "vvip", "callback", "-", &[] as &[&str]),
        ),
        (
            "D9",
            Case::of_campaign("callback", Some("long-call")).vvip(),
            ("callback-vvip", "-", "vvip", "callback", "-", &[]),
        ),
        (
            "A7 a, H1",
            Case::of_campaign("callback", Some("guiding-high-traffic")),
            ("callback", "-", "normal", "callback", "-", &[]),
        ),
        ("A5", Case::on(Channel::Email), ("unplanned", "-", "normal", "unplanned", "-", &[])),
    ];
    for campaign in ["nossa", "ivr-gamas", "c4-carring", "force-close", "fresh-lapul", "ideas"] {
        table.push(("A5", Case::of_campaign(campaign, None), (campaign, "-", "normal", campaign, "-", &[])));
    }
    check(&telkom("tier2-outbound").policy, &table);
}

fn admits(policy: &Policy, queue: &str, record: &AgentRecord, now: &str) -> Option<u32> {
    policy.admits(queue, &AgentFacts { agent: &record.agent, record, now: at(now) })
}

/// An agent who has all that D3 asks, and each way to lack one thing.
#[test]
fn priority_customers_go_to_agents_who_qualify() {
    let policy = telkom("telkomcare").policy;
    let mut good = agent();
    good.since = Some(at("2026-01-01T00:00:00+07:00"));
    good.qa_met = vec![true; 6];
    good.skills = vec![("analysis".into(), 7), ("complaint-handling".into(), 7), ("second-layer".into(), 5)];
    good.facts.set("social_media_active".into(), Value::Flag(true));
    let day = "2026-07-02T09:00:00+07:00";
    assert_eq!(admits(&policy, "priority", &good, day), Some(0), "D2, D3");
    type Change = fn(&mut AgentRecord);
    let lacks: [(&str, Change); 7] = [
        ("a QA month missed", |r| r.qa_met[5] = false),
        ("the newest QA month missed", |r| r.qa_met[0] = false),
        ("five QA months only", |r| r.qa_met.truncate(5)),
        ("analysis", |r| r.skills[0].1 = 6),
        ("complaint handling", |r| drop(r.skills.remove(1))),
        ("second layer", |r| r.skills[2].1 = 4),
        ("tenure unknown", |r| r.since = None),
    ];
    for (why, change) in lacks {
        let mut lacking = good.clone();
        change(&mut lacking);
        assert_eq!(admits(&policy, "priority", &lacking, day), None, "D3: {why}");
    }
    let mut passive = good.clone();
    passive.facts.set("social_media_active".into(), Value::Flag(false));
    assert_eq!(admits(&policy, "priority", &passive, day), None, "D3: no active user of social media");
    assert_eq!(
        admits(&policy, "priority", &good, "2026-07-01T23:59:59+07:00"),
        None,
        "D3: six months and not more"
    );
    assert_eq!(
        admits(&policy, "priority", &good, "2026-07-02T00:00:00+07:00"),
        Some(0),
        "D3: more than six months"
    );
}

#[test]
fn leaders_come_in_when_a_priority_customer_waits_and_everybody_serves_the_rest() {
    let policy = telkom("telkomcare").policy;
    let now = "2026-07-02T09:00:00+07:00";
    let leader = AgentRecord { roles: vec![Role::TeamLeader], ..agent() };
    let pic = AgentRecord { roles: vec![Role::Pic], ..agent() };
    for (queue, record, expected, why) in [
        ("priority", &leader, Some(1), "D5"),
        ("priority", &pic, Some(1), "D4"),
        ("priority", &agent(), None, "D2"),
        ("hard-complaint", &leader, Some(0), "M3"),
        ("hard-complaint", &agent(), Some(1), "M3: everybody after a while"),
        ("identification", &agent(), Some(0), "M8"),
        ("social", &agent(), Some(0), "J5"),
        ("nowhere", &agent(), None, "no such queue"),
    ] {
        assert_eq!(admits(&policy, queue, record, now), expected, "{why}: {queue}");
    }
    let widening = policy.tables().queue("priority").unwrap().widen_after_ms.clone();
    assert_eq!(widening, [300_000]);
}

#[test]
fn help_is_asked_of_the_team_leader_on_duty_first_and_of_the_pic_then() {
    for desk in DESKS {
        let policy = telkom(desk).policy;
        let steps: Vec<&str> = policy.tables().escalations.iter().map(|e| &*e.name).collect();
        assert_eq!(steps, ["tl-on-duty", "pic", "supervisor", "ambil-alih"], "D4 in {desk}");
        for step in &policy.tables().escalations {
            assert!(
                policy.groups().contains_key(&step.group) && policy.templates().contains_key(&step.template)
            );
        }
    }
}

#[test]
fn the_numbers_are_those_that_were_decided() {
    const HOUR: i64 = 3_600_000;
    for desk in DESKS {
        let policy = telkom(desk).policy;
        let tables = policy.tables();
        let target = |sla: &str, clock| {
            let clocks = &tables.sla(sla).unwrap().clocks;
            clocks.iter().find(|c| c.clock == clock).map(|c| (c.target_ms, c.calendar.to_string()))
        };
        let social = |ms| Some((ms, "social".to_owned()));
        assert_eq!(target("social-priority-question", SlaClock::FirstResponse), social(HOUR / 4));
        assert_eq!(target("social-question", SlaClock::FirstResponse), social(HOUR));
        assert_eq!(
            target("email-question", SlaClock::FirstResponse),
            Some((4 * HOUR, "tenesa-email".to_owned()))
        );
        assert_eq!(target("social-complaint", SlaClock::PeriodicUpdate), social(24 * HOUR));
        assert_eq!(target("social-complaint", SlaClock::Resolution), social(72 * HOUR));
        assert_eq!(target("social-priority-complaint", SlaClock::Resolution), social(24 * HOUR));
        assert_eq!(target("email-complaint", SlaClock::Resolution), social(72 * HOUR));
        for (channel, most) in
            [(Channel::X, 4), (Channel::Facebook, 4), (Channel::Email, 6), (Channel::Call, 1)]
        {
            assert_eq!(tables.capacity(channel), most, "M6: {} of {desk}", channel.as_str());
        }
    }
}

#[test]
fn mail_is_worked_in_office_hours_and_calls_are_made_from_eight_to_eight_where_the_customer_is() {
    let tenesa = telkom("tenesa").policy;
    let four_hours = 4 * 3_600_000;
    let deadline = |from: &str| tenesa.deadline("tenesa-email", at(from), four_hours);
    assert_eq!(
        deadline("2026-08-14T15:00:00+07:00"),
        at("2026-08-18T10:00:00+07:00"),
        "weekend and 17 August"
    );
    assert_eq!(
        tenesa.deadline("social", at("2026-08-16T23:00:00+07:00"), 3_600_000),
        at("2026-08-17T00:00:00+07:00")
    );

    let outbound = telkom("tier2-outbound").policy;
    for (zone, now, expected) in [
        (None, "2026-08-14T06:00:00+07:00", "2026-08-14T08:00:00+07:00"),
        (None, "2026-08-14T12:00:00+07:00", "2026-08-14T12:00:00+07:00"),
        (None, "2026-08-14T20:00:00+07:00", "2026-08-15T08:00:00+07:00"),
        (Some("Asia/Jayapura"), "2026-08-14T06:00:00+07:00", "2026-08-14T06:00:00+07:00"),
        (Some("Asia/Jayapura"), "2026-08-14T18:30:00+07:00", "2026-08-15T08:00:00+09:00"),
        (Some("not a zone"), "2026-08-14T06:00:00+07:00", "2026-08-14T08:00:00+07:00"),
    ] {
        assert_eq!(
            outbound.may_call_from("callback", zone, at(now)),
            at(expected),
            "M6, H9: {zone:?} at {now}"
        );
    }
}

#[test]
fn campaigns_have_the_documents_labels_and_what_follows_each() {
    let policy = telkom("tier2-outbound").policy;
    let names: Vec<&str> = policy.campaigns().iter().map(|c| &*c.name).collect();
    assert_eq!(
        names,
        ["c4-carring", "callback", "force-close", "fresh-lapul", "ideas", "ivr-gamas", "nossa"],
        "A5"
    );
    let callback = policy.tables().campaign("callback").unwrap();
    assert_eq!((callback.attempts_max, callback.retry_ms), (3, 7_200_000), "M6");
    assert_eq!(callback.criteria.len(), 7, "A7");
    let nodes: Vec<_> =
        callback.dispositions.iter().map(|d| (&*d.label, d.contacted, d.effect.clone())).collect();
    assert_eq!(
        nodes,
        [
            ("Contacted", true, Effect::Close),
            ("Not Contacted", false, Effect::Retry(None)),
            ("Closed by Tier 1", false, Effect::Close),
            ("Not valid", false, Effect::Close),
            ("RNA", false, Effect::Retry(None)),
            ("Reschedule", true, Effect::Reschedule),
        ],
        "I1, M4, H7"
    );
    for node in &callback.dispositions {
        for field in ["Keterangan", "nomor jastel", "nomor tiket"] {
            assert!(node.requires.iter().any(|r| &**r == field), "I1, H6: {} needs {field}", node.label);
        }
    }
}

#[test]
fn every_campaign_says_where_its_results_go() {
    let policy = telkom("tier2-outbound").policy;
    let targets: Vec<(&str, &str)> = policy
        .campaigns()
        .iter()
        .map(|campaign| (&*campaign.name, campaign.reports_to.as_deref().unwrap_or("-")))
        .collect();
    assert_eq!(
        targets,
        [
            ("c4-carring", "sephia"),
            ("callback", "callback"),
            ("force-close", "form laporan"),
            ("fresh-lapul", "sephia"),
            ("ideas", "team leader"),
            ("ivr-gamas", "callback"),
            ("nossa", "nossa"),
        ],
        "K13, I1–I7"
    );
}

/// Every leaf of every campaign that does more than close, retry or reschedule, or that only some may answer for.
#[test]
fn outcomes_have_their_effects_and_tell_other_systems() {
    let policy = telkom("tier2-outbound").policy;
    let who = "answered by reporter, decision-maker";
    let expected: &[(&str, &str, &[&str])] = &[
        ("callback", "Contacted", &["close", who]),
        ("nossa", "Resolve", &["close", who, "nossa:resolve"]),
        ("nossa", "Dispatch", &["close", who, "nossa:dispatch"]),
        ("ivr-gamas", "Contacted", &["close", who]),
        ("ivr-gamas", "Junk", &["junk"]),
        ("c4-carring", "Contacted > Open", &["close", "nossa:worklog"]),
        ("c4-carring", "Contacted > Close", &["close", who, "nossa:worklog"]),
        ("c4-carring", "Contacted > Reschedule", &["reschedule", "nossa:worklog"]),
        ("c4-carring", "Junk", &["junk"]),
        ("c4-carring", "Follow up", &["follow-up"]),
        ("force-close", "close", &["close", who, "nossa:close"]),
        ("force-close", "contacted open", &["close", who, "mycx:reopen"]),
        ("fresh-lapul", "Contacted > Sukses > Paham dan meminta SLG", &["close", "nossa:worklog"]),
        ("fresh-lapul", "Contacted > Menolak > HC – Buzzer", &["close", "nossa:worklog", "tl-on-duty"]),
        ("fresh-lapul", "Contacted > Menolak > Reschedule", &["reschedule", "nossa:worklog"]),
        ("fresh-lapul", "Not Contacted > Reject", &["retry"]),
        ("fresh-lapul", "Junk > Fullfilment", &["junk"]),
        ("ideas", "Contacted > FCR", &["close", who]),
    ];
    for (campaign, path, wanted) in expected {
        let rule = policy.tables().campaign(campaign).unwrap();
        let leaf = leaf_of(&rule.dispositions, path);
        let answered: Vec<&str> = leaf.answered.iter().map(|who| who.as_str()).collect();
        let mut found = vec![leaf.effect.as_str().to_owned()];
        found.extend((!answered.is_empty()).then(|| format!("answered by {}", answered.join(", "))));
        found.extend(leaf.tells.iter().map(|task| format!("{}:{}", task.system, task.task)));
        found.extend(leaf.escalate.iter().map(ToString::to_string));
        assert_eq!(found, *wanted, "B7, H4, H5, I1–I7: {campaign} {path}");
    }
    let results = |name: &str| policy.tables().campaign(name).unwrap().reports_to.clone().unwrap();
    assert_eq!(&*results("ivr-gamas"), "callback", "K13");
    assert_eq!(&*results("ideas"), "team leader", "I7");
    for campaign in &policy.tables().campaigns {
        assert_eq!(campaign.lease_ms, Some(3_600_000), "{}", campaign.name);
        assert!(campaign.asks_dialled, "{}", campaign.name);
    }
}

fn leaf_of<'a>(
    nodes: &'a [simpang_domain::rules::DispositionRule],
    path: &str,
) -> &'a simpang_domain::rules::DispositionRule {
    let (label, rest) = path.split_once(" > ").unwrap_or((path, ""));
    let node = nodes.iter().find(|node| &*node.label == label).unwrap();
    if rest.is_empty() { node } else { leaf_of(&node.then, rest) }
}

#[test]
fn a_long_call_becomes_a_call_back_only_when_it_was_long_and_the_team_leader_recommends_it() {
    let policy = telkom("tier2-outbound").policy;
    for (criterion, minutes, recommended, enters) in [
        ("long-call", "11", "ya", true),
        ("long-call", "10", "ya", false),
        ("long-call", "11", "tidak", false),
        ("long-call", "", "", false),
        ("vvip", "", "", true),
    ] {
        let text = |name: &str, value: &str| (name.into(), Value::Text(value.into()));
        let facts = Facts::new([text("call_minutes", minutes), text("tl_recommended", recommended)]);
        let case = Case { message: facts, ..Case::of_campaign("callback", Some(criterion)) };
        assert_eq!(policy.enters(&case.facts()), enters, "A7, J7: {criterion} {minutes} {recommended}");
    }
}

/// Every path of a campaign's tree, as the documents write it.
#[test]
fn disposition_trees_have_every_path_of_the_documents() {
    let policy = telkom("tier2-outbound").policy;
    let expected: &[(&str, &[&str])] = &[
        ("nossa", &["Resolve", "Dispatch", "Not Contacted", "Reschedule"]),
        ("ivr-gamas", &["Contacted", "Not Contacted", "Junk", "Reschedule"]),
        (
            "c4-carring",
            &[
                "Contacted > Open",
                "Contacted > Close",
                "Contacted > Reschedule",
                "Not Contacted",
                "Junk",
                "Follow up",
            ],
        ),
        ("force-close", &["close", "contacted open", "Not Contacted", "Reschedule"]),
        (
            "fresh-lapul",
            &[
                "Contacted > Sukses > Paham yang kita sampaikan",
                "Contacted > Sukses > Paham dan meminta SLG",
                "Contacted > Sukses > Paham minta percepatan",
                "Contacted > Menolak > Perbaikan terlalu lama",
                "Contacted > Menolak > HC – Buzzer",
                "Contacted > Menolak > Sibuk",
                "Contacted > Menolak > Masih dijalan",
                "Contacted > Menolak > Meeting",
                "Contacted > Menolak > Tidak merasa lapor",
                "Contacted > Menolak > Diterima lalu diputus",
                "Contacted > Menolak > Reschedule",
                "Contacted > Reschedule",
                "Not Contacted > RNA",
                "Not Contacted > Reject",
                "Not Contacted > Mailbox",
                "Not Contacted > Hening",
                "Junk > Tiket sudah close",
                "Junk > Belum terdaftar",
                "Junk > Tulalit",
                "Junk > Fullfilment",
            ],
        ),
        (
            "ideas",
            &["Contacted > FCR", "Contacted > Eskalasi", "Contacted > Reschedule", "Not Contacted > RNA"],
        ),
    ];
    for (campaign, paths) in expected {
        let rule = policy.tables().campaign(campaign).unwrap();
        let mut found = Vec::new();
        paths_of(&rule.dispositions, "", &mut found);
        assert_eq!(found, *paths, "I2–I7, M9: {campaign}");
    }
}

fn paths_of(nodes: &[simpang_domain::rules::DispositionRule], above: &str, found: &mut Vec<String>) {
    for node in nodes {
        let path =
            if above.is_empty() { node.label.to_string() } else { format!("{above} > {}", node.label) };
        if node.then.is_empty() {
            found.push(path);
        } else {
            paths_of(&node.then, &path, found);
        }
    }
}

#[test]
fn the_category_tree_has_the_documents_example_and_four_levels() {
    let policy = telkom("telkomcare").policy;
    let path =
        |labels: &[&str]| labels.iter().map(|l| (*l).into()).collect::<Vec<simpang_domain::words::Name>>();
    let allowed = &policy.tables().categories;
    for top in ["Informasi", "Komplain", "Permintaan", "Billing"] {
        assert!(allowed.contains(&path(&[top])), "F4: {top}");
    }
    assert!(allowed.contains(&path(&["Komplain", "Internet", "Tidak Bisa Connect"])), "F4");
    assert!(allowed.iter().any(|p| p.len() == 4), "F3");
}

#[test]
fn a_seen_combination_of_facts_is_remembered_and_says_the_same() {
    let policy = telkom("telkomcare").policy;
    let cases = [
        Case::on(Channel::X),
        Case::on(Channel::X).segment("DCS"),
        Case::on(Channel::X).segment("DCS").profession("ngo"),
        Case::on(Channel::X).segment("DCS").mentions(&["telkom_dirut_contoh"]),
    ];
    let first: Vec<Classification> = cases.iter().map(|case| policy.classify(&case.facts())).collect();
    assert_eq!(policy.evaluations(), 4);
    for _ in 0..1_000 {
        for (case, said) in cases.iter().zip(&first) {
            assert_eq!(policy.classify(&case.facts()), *said);
        }
    }
    assert_eq!(policy.evaluations(), 4, "no rule ran again");
    // What no rule reads makes no other combination; what one reads does.
    let mut unread = Case::on(Channel::X).segment("DCS");
    unread.message.set("followers".into(), Value::Number(5));
    policy.classify(&unread.facts());
    assert_eq!(policy.evaluations(), 4);
    policy.classify(&Case::on(Channel::X).segment("DES").facts());
    assert_eq!(policy.evaluations(), 5);
}

#[test]
fn memory_is_bounded_and_forgetting_changes_no_answer() {
    let policy = telkom("telkomcare").policy;
    let case = |n: u32| Case::on(Channel::X).segment("DCS").mentions(&[&format!("somebody{n}")]);
    let said = policy.classify(&case(0).facts());
    for n in 1..40_000 {
        assert_eq!(policy.classify(&case(n).facts()), said);
    }
    let before = policy.evaluations();
    assert_eq!(policy.classify(&case(0).facts()), said);
    assert_eq!(policy.evaluations(), before + 1, "it was forgotten, and found again");
}

#[test]
fn compiling_twice_gives_the_same_tables_and_answers() {
    let files = telkom_files();
    let mut shuffled = files.clone();
    shuffled.reverse();
    for desk in DESKS {
        let (a, b) = (compile(desk, &files).unwrap().policy, compile(desk, &shuffled).unwrap().policy);
        assert_eq!(a.tables(), b.tables());
        assert_eq!(a.digest(), b.digest());
        let case = Case::on(Channel::Email).segment("DCS");
        assert_eq!(a.classify(&case.facts()), b.classify(&case.facts()));
    }
}
