//! Fault reports: the form, one open report a product, tickets and what their status does (G, K11, M10).

use simpang_domain::event::Happened;
use simpang_domain::input::{Ask, Body, FaultReport, ReferenceReport};
use simpang_domain::words::{CaseId, FaultEnd, FieldShape, Name, Rejection, WaitingOn};

use crate::support::{DAY, MIN, Trial, names, rejection};

/// A report of a product as the test form wants it.
fn report(product: u8, urgency: &str, repeats: Option<u64>) -> Ask {
    Ask::ReportFault(Box::new(FaultReport {
        product: Some([product; 16]),
        filled: vec![("phone".into(), vec![FieldShape::Phone])],
        choices: vec![("urgency".into(), urgency.into())],
        repeats: repeats.map(CaseId),
    }))
}

fn link(number: &str, status: &str) -> Ask {
    Ask::LinkReference { system: "mycx".into(), number: number.into(), status: status.into() }
}

fn told(number: &str, status: &str) -> Body {
    let [system, number, status]: [Name; 3] = ["mycx".into(), number.into(), status.into()];
    Body::ReferenceReport(ReferenceReport { system, number, status })
}

/// A desk with so many mails, each with an agent.
fn desk_with(cases: u8) -> Trial {
    let mut desk = Trial::ruled_by(|tables| tables.limits.grace_ms = 100 * DAY);
    for n in 1..=cases {
        desk.mail(n);
        let agent = format!("a{n}");
        desk.ready(&agent);
        desk.pull(&agent, 1, 0);
    }
    desk
}

fn refusal(events: &[Happened]) -> String {
    match events.first() {
        Some(Happened::CommandRejected { detail, .. }) => detail.to_string(),
        other => panic!("{other:?} is no refusal"),
    }
}

#[test]
fn a_report_that_is_not_as_the_form_wants_it_says_everything_that_is_wrong() {
    let mut desk = desk_with(1);
    let empty = FaultReport { product: None, filled: Vec::new(), choices: Vec::new(), repeats: None };
    let events = desk.ask("a1", 1, Ask::ReportFault(Box::new(empty.clone())));
    assert_eq!(rejection(&events), Some(Rejection::Invalid));
    let wanted = "`product` is missing; `phone` is missing; `urgency` is missing";
    assert!(refusal(&events).ends_with(wanted), "{}", refusal(&events));
    let wrong = FaultReport {
        product: Some([1; 16]),
        filled: vec![("colour".into(), Vec::new()), ("phone".into(), vec![FieldShape::Mail])],
        choices: vec![("urgency".into(), "soon".into())],
        ..empty.clone()
    };
    let events = desk.ask("a1", 1, Ask::ReportFault(Box::new(wrong)));
    let wanted = "`phone` takes a telephone number; `urgency` is a choice: `Normal`, `Hard`; `colour` is not on the form";
    assert!(refusal(&events).ends_with(wanted), "{}", refusal(&events));
    let late = FaultReport {
        product: Some([1; 16]),
        filled: vec![("phone".into(), vec![FieldShape::Phone])],
        choices: vec![("booking".into(), "BOK".into()), ("urgency".into(), "Hard".into())],
        ..empty
    };
    let events = desk.ask("a1", 1, Ask::ReportFault(Box::new(late)));
    assert!(refusal(&events).ends_with("`schedule` is missing"), "{}", refusal(&events));
}

#[test]
fn a_desk_without_a_form_takes_no_reports() {
    let mut desk = Trial::ruled_by(|tables| tables.fault = None);
    desk.mail(1);
    desk.leader("tl");
    assert_eq!(rejection(&desk.ask("tl", 1, report(1, "Normal", None))), Some(Rejection::UnknownTarget));
}

#[test]
fn only_who_holds_the_case_or_leads_reports() {
    let mut desk = desk_with(2);
    assert_eq!(rejection(&desk.ask("a2", 1, report(1, "Normal", None))), Some(Rejection::NotAssignee));
    desk.leader("tl");
    assert_eq!(rejection(&desk.ask("tl", 1, report(1, "Normal", None))), None);
}

#[test]
fn a_new_report_asks_for_a_ticket_and_its_choices_are_facts_that_rules_read() {
    let mut desk = desk_with(1);
    let events = desk.ask("a1", 1, report(1, "Hard", None));
    assert_eq!(names(&events)[..3], ["FaultReported", "SystemTaskDue", "CaseClassified"]);
    let Happened::FaultReported { subject, facts, .. } = &events[0] else { panic!("{events:?}") };
    assert_eq!((&**subject, facts.iter().count()), ("{{agent}} / {{product}}", 1));
    let case = &desk.desk.state().cases[&CaseId(1)];
    assert_eq!(&*case.queue, "vip", "the test rules send what is urgent there");
    desk.assert_fold_is_equal();
}

#[test]
fn a_product_has_one_open_report_and_the_second_names_the_case_of_the_first() {
    let mut desk = desk_with(2);
    desk.ask("a1", 1, report(1, "Normal", None));
    let again = desk.ask("a1", 1, report(1, "Normal", None));
    assert_eq!(rejection(&again), Some(Rejection::AlreadyReported));
    let second = desk.ask("a2", 2, report(1, "Normal", None));
    assert_eq!(rejection(&second), Some(Rejection::AlreadyReported));
    assert!(refusal(&second).starts_with("case 1 has an open report"), "{}", refusal(&second));
    assert_eq!(rejection(&desk.ask("a2", 2, report(1, "Normal", Some(9)))), Some(Rejection::Invalid));
    assert_eq!(rejection(&desk.ask("a2", 2, report(7, "Normal", Some(1)))), Some(Rejection::Invalid));
    desk.ask("a1", 1, link("IN1", "open"));
    let repeat = desk.ask("a2", 2, report(1, "Normal", Some(1)));
    assert_eq!(names(&repeat), ["FaultReported", "ReferenceLinked", "DeliveryQueued"], "no second ticket");
    desk.assert_fold_is_equal();
}

#[test]
fn a_policy_may_link_repeats_by_itself() {
    let mut desk = Trial::ruled_by(|tables| {
        tables.fault.as_mut().unwrap().links_repeats = true;
        tables.limits.grace_ms = 100 * DAY;
    });
    desk.mail(1);
    desk.mail(2);
    desk.leader("tl");
    desk.ask("tl", 1, report(1, "Normal", None));
    let events = desk.ask("tl", 2, report(1, "Normal", None));
    assert!(matches!(events[0], Happened::FaultReported { repeats: Some(CaseId(1)), .. }), "{events:?}");
}

#[test]
fn the_customer_is_told_a_new_ticket_of_their_fault_once() {
    let mut desk = desk_with(1);
    assert_eq!(names(&desk.ask("a1", 1, link("IN0", "open"))), ["ReferenceLinked"], "nothing was reported");
    desk.ask("a1", 1, report(1, "Normal", None));
    let other = Ask::LinkReference { system: "nossa".into(), number: "N1".into(), status: "".into() };
    assert_eq!(names(&desk.ask("a1", 1, other)), ["ReferenceLinked"]);
    assert_eq!(names(&desk.ask("a1", 1, link("IN1", "open"))), ["ReferenceLinked", "DeliveryQueued"]);
    assert_eq!(names(&desk.ask("a1", 1, link("IN1", "assigned"))), ["ReferenceLinked"]);
}

#[test]
fn a_status_reaches_every_case_of_the_ticket_and_one_that_ends_it_ends_the_report() {
    let mut desk = desk_with(2);
    desk.ask("a1", 1, report(1, "Normal", None));
    desk.ask("a1", 1, link("IN1", "open"));
    desk.ask("a2", 2, report(1, "Normal", Some(1)));
    desk.ask("a2", 2, Ask::Wait { on: WaitingOn::ThirdParty });
    assert_eq!(names(&desk.judge(told("IN1", "assigned"))), ["ReferenceLinked", "ReferenceLinked"]);
    let events = desk.judge(told("IN1", " Closed "));
    assert_eq!(names(&events), ["ReferenceLinked", "FaultEnded", "ReferenceLinked", "CaseResumed"]);
    assert!(matches!(events[1], Happened::FaultEnded { reason: FaultEnd::Ticket, .. }));
    assert_eq!(rejection(&desk.ask("a2", 2, report(1, "Normal", None))), None, "the product is free again");
    desk.assert_fold_is_equal();
}

#[test]
fn a_status_of_a_ticket_that_nobody_linked_is_set_aside() {
    let mut desk = desk_with(1);
    assert_eq!(names(&desk.judge(told("IN9", "closed"))), ["InputRefused"]);
}

#[test]
fn a_report_without_a_ticket_ends_with_its_case_and_one_with_a_ticket_when_the_case_is_forgotten() {
    let mut desk = desk_with(2);
    desk.ask("a1", 1, report(1, "Normal", None));
    desk.ask("a1", 1, report(2, "Normal", None));
    desk.ask("a1", 1, link("IN1", "open"));
    let closed = desk.ask("a1", 1, Ask::Close);
    let ended: Vec<_> = closed.iter().filter(|e| matches!(e, Happened::FaultEnded { .. })).collect();
    assert_eq!(ended.len(), 1, "the second report has no ticket");
    assert_eq!(
        rejection(&desk.ask("a2", 2, report(1, "Normal", None))),
        Some(Rejection::AlreadyReported),
        "its ticket is open elsewhere"
    );
    desk.pass(30 * DAY);
    assert_eq!(rejection(&desk.ask("a2", 2, report(1, "Normal", None))), None);
    assert_eq!(names(&desk.judge(told("IN1", "closed"))), ["InputRefused"], "its case is forgotten");
    desk.assert_fold_is_equal();
}

#[test]
fn a_merged_case_takes_its_reports_and_tickets_along() {
    let mut desk = desk_with(2);
    desk.ask("a1", 1, report(1, "Normal", None));
    desk.ask("a1", 1, link("IN1", "open"));
    desk.ask("a1", 1, Ask::Merge { into: CaseId(2) });
    let events = desk.ask("a2", 2, report(1, "Normal", None));
    assert_eq!(rejection(&events), Some(Rejection::AlreadyReported));
    assert!(refusal(&events).starts_with("this case has"), "{}", refusal(&events));
    desk.pass(MIN);
    let events = desk.judge(told("IN1", "closed"));
    assert_eq!(names(&events), ["ReferenceLinked", "FaultEnded"]);
    assert!(matches!(events[1], Happened::FaultEnded { case: CaseId(2), .. }));
    desk.assert_fold_is_equal();
}
