//! A correct log passes, and what the checker says of it is right.

use simpang_checker::{
    Checker, Code, Journals, Options, Policies, ReceivedEntry, Report, RoundTheClock, SentEntry,
    SharedCapacity, Terms, read_journal,
};
use simpang_proto::log::v1::event::Body;
use simpang_proto::log::v1::{
    DeliveryOutcome, InputRefused, PolicyDocument, Presence, Rejection, SessionLimit, SetPresence, SignIn,
    SlaClock, command,
};

use crate::story::tale::tell;
use crate::story::words::{asked, presence, signed_in};
use crate::story::{Entry, check};

#[test]
fn a_correct_log_holds() {
    let report = tell().story.check();
    assert!(report.holds, "{report}");
    assert!(report.violations.is_empty() && report.totals.is_empty());
}

#[test]
fn an_empty_log_holds() {
    assert!(Checker::new("demo").finish(&Journals::default()).holds);
}

#[test]
fn the_counts_are_those_of_the_tale() {
    let tale = tell();
    let counts = tale.story.check().counts;
    assert_eq!(counts.records, tale.story.entries.len() as u64);
    assert_eq!((counts.cases, counts.closed), (10, 3));
    assert_eq!((counts.duplicates, counts.refused, counts.rejected), (1, 1, 1));
    assert_eq!((counts.contacts, counts.unjudged), (1, 0));
    assert_eq!((counts.assignments, counts.offers), (6, 4));
    assert_eq!((counts.deliveries, counts.delivered), (2, 1));
    assert_eq!((counts.clocks, counts.breaches), (3, 1));
    assert_eq!((counts.deadlines_recomputed, counts.deadlines_skipped), (5, 0));
    assert_eq!((counts.acknowledged, counts.received), (1, 1));
}

#[test]
fn a_log_that_is_not_quiescent_may_have_work_left() {
    let mut tale = tell();
    edit!(tale.story, DeliveryEnded(e) if e.outcome == DeliveryOutcome::Delivered as i32 => {
        e.outcome = DeliveryOutcome::Retry as i32;
    });
    tale.story.entries.pop();
    let report = tale.story.check();
    assert_eq!((report.total(Code::Unjudged), report.total(Code::Undelivered)), (1, 1));
    tale.story.quiescent = false;
    let report = tale.story.check();
    assert!(report.holds, "{report}");
    assert_eq!(report.counts.unjudged, 1);
}

#[test]
fn a_command_may_come_again_when_the_desk_was_busy() {
    let mut tale = tell();
    let first = crate::story::id(tale.reply.seq, 1);
    let key = tale.story.input_mut(first).key.clone();
    tale.story.input_mut(tale.last).key = key;
    assert_eq!(tale.story.check().total(Code::RepeatJudged), 1);
    edit!(tale.story, CommandRejected(e) if e.case == 1 => e.rejection = Rejection::Busy as i32);
    let report = tale.story.check();
    assert!(report.holds, "{report}");
}

#[test]
fn who_set_themselves_a_limit_is_not_left_idle_when_they_get_no_more() {
    let limited = SessionLimit { total: Some(0), channels: Vec::new() };
    for (limit, idle) in [(None, 1), (Some(limited), 0)] {
        let mut tale = tell();
        let s = &mut tale.story;
        let begin = command::Body::SignIn(SignIn { session: "ani-1".into(), ..SignIn::default() });
        let bodies = vec![signed_in("ani"), presence("ani", Presence::NotReady, false)];
        s.judge("gateway", asked("ani", 0, begin), bodies);
        let says =
            SetPresence { presence: Presence::Ready as i32, auto: true, limit, ..SetPresence::default() };
        let ready = vec![presence("ani", Presence::Ready, true)];
        s.judge("gateway", asked("ani", 0, command::Body::SetPresence(says)), ready);
        let report = s.check();
        assert_eq!(report.total(Code::LeftIdle), idle, "{report}");
        assert_eq!(report.holds, idle == 0, "{report}");
    }
}

#[test]
fn an_input_may_come_again_when_it_could_not_be_read() {
    let mut tale = tell();
    let refused = crate::story::id(tale.repeat.seq, 3);
    let key = tale.story.input_mut(refused).key.clone();
    tale.story.input_mut(tale.last).key = key;
    let report = tale.story.check();
    assert!(report.holds, "{report}");
}

#[test]
fn a_record_that_cannot_be_read_is_one_input_that_is_set_aside() {
    let mut tale = tell();
    match &mut tale.story.entries[tale.last.seq as usize - 1] {
        Entry::Inputs { record, .. } => record.schema = 0,
        Entry::Commit { .. } => panic!("the last input is one"),
    }
    assert_eq!(tale.story.check().total(Code::InputUnanswered), 1);
    let refused = Body::InputRefused(InputRefused { reason: "it states no schema".into() });
    after!(tale.story, DayTurned(e) if e.day == 1 => refused);
    let report = tale.story.check();
    assert!(report.holds, "{report}");
}

#[test]
fn deadlines_in_calendars_that_are_not_known_are_counted_and_not_judged() {
    let mut tale = tell();
    edit!(tale.story, SlaStarted(e) if e.clock == SlaClock::FirstResponse as i32 => e.deadline_ms += 1);
    let mut options = tale.story.options();
    options.terms.calendars = Box::new(RoundTheClock::new(["office"]));
    let report = check(tale.story.seal(), &tale.story.journals, options);
    assert!(report.holds, "{report}");
    assert_eq!((report.counts.deadlines_recomputed, report.counts.deadlines_skipped), (0, 5));
}

/// Reads the tale's policies: what an agent may hold under the first and under the second.
#[derive(Debug)]
struct Totals([u32; 2]);

impl Policies for Totals {
    fn read(&self, document: &PolicyDocument) -> Option<Terms> {
        let total = self.0[usize::try_from(document.version).unwrap() - 1];
        let shared_capacity = Some(SharedCapacity { total, ..SharedCapacity::default() });
        Some(Terms { shared_capacity, ..Terms::default() })
    }
}

#[test]
fn the_terms_of_a_policy_hold_from_its_event_on_and_not_before() {
    let tale = tell();
    let under = |totals| {
        let options = Options { policies: Some(Box::new(Totals(totals))), ..tale.story.options() };
        check(tale.story.seal(), &tale.story.journals, options)
    };
    let generous_first = under([100, 0]);
    assert!(generous_first.holds, "nobody gets a case after the second policy: {generous_first}");
    assert!(under([0, 100]).total(Code::OverCapacity) > 0, "all that was given under the first is too much");
}

#[test]
fn nobody_is_idle_for_a_case_of_a_queue_that_is_held() {
    let mut tale = tell();
    edit!(tale.story, CaseQueued(e) if e.case == 8 => e.queue = "unrouted".into());
    let admitted = crate::story::words::admitted("budi", &[("mail", 0), ("unrouted", 0)]);
    after!(tale.story, AgentAdmitted(e) if e.agent == "budi" => admitted);
    let report = tale.story.check();
    assert!(report.holds, "{report}");
}

#[test]
fn other_desks_entries_are_passed_over() {
    let mut tale = tell();
    tale.story.journals.sent[0].desk = "other".into();
    tale.story.journals.sent[0].key = Some("00".into());
    tale.story.journals.received.as_mut().unwrap()[0].desk = "other".into();
    tale.story.journals.received_channels.clear();
    let report = tale.story.check();
    assert!(report.holds, "{report}");
    assert_eq!((report.counts.acknowledged, report.counts.received), (0, 0));
}

#[test]
fn an_unknown_outcome_allows_that_a_send_arrived_twice() {
    let mut tale = tell();
    edit!(tale.story, DeliveryEnded(e) if e.outcome == DeliveryOutcome::Delivered as i32 => {
        e.outcome = DeliveryOutcome::Unknown as i32;
    });
    let received = tale.story.journals.received.as_mut().unwrap();
    received.push(received[0].clone());
    let report = tale.story.check();
    assert!(report.holds, "{report}");
}

#[test]
fn the_pieces_of_a_thread_are_one_send() {
    let mut tale = tell();
    let received = tale.story.journals.received.as_mut().unwrap();
    received.push(ReceivedEntry { piece: 1, wire_id: "<2@demo>".into(), ..received[0].clone() });
    let report = tale.story.check();
    assert!(report.holds, "{report}");
}

#[test]
fn the_list_of_violations_is_bounded_and_the_totals_are_not() {
    let mut tale = tell();
    for commit in tale.story.commits() {
        commit.epoch += 1;
    }
    tale.story.damage(|records| records.iter_mut().for_each(|r| r.subject = "elsewhere".into()));
    let options = Options { kept_per_code: 2, ..tale.story.options() };
    let report = check(tale.story.seal(), &Journals::default(), options);
    assert_eq!(report.total(Code::SubjectUnknown), report.counts.records);
    assert_eq!(report.violations.len(), 2);
    assert!(report.to_string().contains(&format!("… and {} more", report.counts.records - 2)));
}

#[test]
fn the_verdict_reads_as_one_and_goes_through_json_unchanged() {
    let mut tale = tell();
    assert!(tale.story.check().to_string().starts_with("verdict: holds\ndesk demo: "));
    remove!(tale.story, MessageJoined(e) if e.case == 1);
    let report = tale.story.check();
    let text = report.to_string();
    assert!(text.starts_with("verdict: broken: "), "{text}");
    assert!(
        text.contains("message-lost (1, invariant 2): A message is on no case and was not refused."),
        "{text}"
    );
    let json = serde_json::to_string(&report).unwrap();
    assert!(json.contains(r#""message-lost":1"#), "{json}");
    assert_eq!(serde_json::from_str::<Report>(&json).unwrap(), report);
}

#[test]
fn journals_are_read_line_by_line() {
    let sent = r#"{"desk":"demo","door":"ingest","key":"00ff"}

{"desk":"demo","door":"gateway","input":{"seq":7,"index":1}}"#;
    let sent: Vec<SentEntry> = read_journal(sent.as_bytes()).unwrap();
    assert_eq!(sent.len(), 2);
    assert_eq!(sent[0].key.as_deref(), Some("00ff"));
    let got = r#"{"channel":"x","delivery":{"seq":7,"index":1,"part":0},"wire_id":"99"}"#;
    let got: Vec<ReceivedEntry> = read_journal(got.as_bytes()).unwrap();
    assert_eq!((got[0].delivery.seq, got[0].attempt, got[0].piece), (7, 0, 0));
}

#[test]
fn a_journal_that_cannot_be_read_says_in_which_line() {
    let error = read_journal::<SentEntry>("\n{\"desk\":1}\n".as_bytes()).unwrap_err();
    assert!(error.to_string().starts_with("line 2 of the journal is no entry"), "{error}");
}

#[test]
fn every_code_has_its_own_name_and_says_what_it_means() {
    let names: std::collections::BTreeSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(names.len(), Code::ALL.len());
    assert!(Code::ALL.iter().all(|code| code.meaning().ends_with('.')));
}
