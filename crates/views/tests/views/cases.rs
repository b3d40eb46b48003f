//! Cases: what a story leaves of them.

use simpang_log::Door;
use simpang_proto::log::v1 as log;
use simpang_proto::log::v1::command::Body as Asked;
use simpang_proto::log::v1::event::Body as Happened;
use simpang_proto::log::v1::input::Body as Arrived;
use simpang_proto::view::v1 as api;
use simpang_proto::view::v1::entry::What;
use simpang_views::Views;

use crate::script::{BEGIN, Script, assigned, joined, mail, opened, queued};
use crate::story::told;

pub(crate) fn case(views: &Views, number: u64) -> api::Case {
    views.snapshot().case(number).unwrap().unwrap()
}

fn messages(case: &api::Case) -> Vec<&api::CustomerMessage> {
    let message = |entry: &'_ api::Entry| matches!(entry.what, Some(What::Message(_)));
    let found = case.conversation.iter().filter(|entry| message(entry));
    found
        .map(|entry| match &entry.what {
            Some(What::Message(message)) => message,
            _ => unreachable!(),
        })
        .collect()
}

#[tokio::test]
async fn a_closed_case_shows_what_it_was_about_and_how_it_ended() {
    let (_, views) = told().await;
    let case = case(&views, 1);
    let summary = case.summary.clone().unwrap();
    assert_eq!(summary.state(), api::CaseState::Closed);
    assert_eq!((summary.channel(), summary.account.as_str()), (api::Channel::Email, "help@telkom"));
    assert_eq!((summary.customer.as_str(), summary.customer_name.as_str()), ("C-1", "BUDI"));
    assert_eq!((summary.segment.as_str(), summary.profession.as_str()), ("DES", "government"));
    assert_eq!((summary.priority.as_str(), summary.queue.as_str()), ("urgent", "email"));
    assert_eq!(summary.subject, "Internet mati");
    assert_eq!(summary.category, ["Komplain", "Internet"]);
    assert_eq!(summary.assignee, "");
    assert_eq!(summary.arrived_ms, BEGIN);
    assert_eq!((case.rule.as_str(), case.sla.as_str()), ("government", "gold"));
    assert_eq!(case.actions, ["notify:tl"]);
    assert_eq!(case.close_reason(), api::CloseReason::Settled);
    assert_eq!((case.outcome.as_str(), case.reopenings, case.assignments), ("fcr", 1, 2));
    assert!(case.closed_ms > case.resolved_ms && case.resolved_ms > case.first_reply_ms);
    assert_eq!(case.categorised_by, "siti");
}

#[tokio::test]
async fn facts_of_the_message_are_overlaid_by_the_agents_and_an_empty_one_removes() {
    let (_, views) = told().await;
    let number =
        api::Fact { name: "product_number".into(), value: Some(api::fact::Value::Text("122".into())) };
    assert_eq!(case(&views, 1).facts, [number]);
}

#[tokio::test]
async fn the_conversation_shows_both_sides_in_order_with_the_state_of_what_was_sent() {
    let (_, views) = told().await;
    let case = case(&views, 1);
    let said: Vec<&str> = case
        .conversation
        .iter()
        .map(|entry| match entry.what.as_ref().unwrap() {
            What::Message(message) => message.text.as_str(),
            What::Delivery(delivery) => delivery.text.as_str(),
        })
        .collect();
    let wanted = [
        "Sejak pagi internet saya mati total.",
        "Baik, kami cek gangguannya",
        "Masih mati. Nomor saya benar",
        "",
    ];
    assert_eq!(said, wanted);
    let Some(What::Delivery(reply)) = &case.conversation[1].what else { panic!("no reply") };
    assert_eq!((reply.state(), reply.attempts), (api::DeliveryState::Delivered, 2));
    assert_eq!((reply.agent.as_str(), reply.source_id.as_str()), ("siti", "<r1@telkom>"));
    assert_eq!(case.notes.iter().map(|note| note.text.as_str()).collect::<Vec<_>>(), ["Modem sudah diganti"]);
}

#[tokio::test]
async fn an_edit_shows_the_new_text_and_keeps_the_old_one() {
    let (_, views) = told().await;
    let case = case(&views, 1);
    let edited = messages(&case)[1];
    assert_eq!(edited.text, "Masih mati. Nomor saya benar");
    assert_eq!(
        edited.edits.iter().map(|e| e.text.as_str()).collect::<Vec<_>>(),
        ["Masih mati. Nomor saya salah"]
    );
    assert!(edited.edited_ms > edited.at_ms);
}

#[tokio::test]
async fn what_a_customer_withdrew_is_in_no_table_any_more_but_who_wrote_it_stays() {
    let (script, _) = told().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("desk.sqlite");
    let (mut views, _) = Views::open(&path, &script.desk).unwrap();
    for entry in script.entries().await {
        views.fold(&[entry]).unwrap();
    }
    let shown = case(&views, 1);
    let removed = messages(&shown)[2].clone();
    assert!(removed.removed_ms > 0);
    assert_eq!((removed.text.as_str(), removed.from_address.as_str()), ("", "budi@example.id"));
    assert!(views.snapshot().search("rahasia123", 10).unwrap().hits.is_empty());
    drop(views);
    let mut files = std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().path());
    let holds = |path: &std::path::PathBuf| {
        let bytes = std::fs::read(path).unwrap();
        bytes.windows(10).any(|window| window == b"rahasia123")
    };
    assert_eq!(files.find(holds), None, "the text is still in this file");
}

#[tokio::test]
async fn a_merge_brings_what_was_said_and_a_split_takes_it_out_again() {
    let (_, views) = told().await;
    let (first, merged, split) = (case(&views, 1), case(&views, 2), case(&views, 3));
    assert_eq!((merged.merged_into, merged.close_reason()), (1, api::CloseReason::Merged));
    assert!(merged.conversation.is_empty());
    assert_eq!(first.merged_from, [2]);
    assert_eq!(first.summary.unwrap().messages, 3);
    assert_eq!(split.split_from, 1);
    assert_eq!(messages(&split)[0].text, "Tagihan saya dobel");
    assert_eq!(split.summary.as_ref().unwrap().subject, "Tagihan");
    assert_eq!(split.summary.unwrap().segment, "DES");
    assert_eq!(split.facts, first.facts);
}

#[tokio::test]
async fn a_contact_shows_whom_to_call_and_every_attempt() {
    let (_, views) = told().await;
    let case = case(&views, 4);
    let contact = case.contact.clone().unwrap();
    assert_eq!((contact.row.as_str(), contact.criterion.as_str()), ("17", "vvip"));
    assert_eq!((contact.name.as_str(), contact.note.as_str()), ("Suwarni", "minta dipandu"));
    assert_eq!(contact.phones, ["+62811"]);
    let summary = case.summary.unwrap();
    assert_eq!((summary.campaign.as_str(), summary.customer_name.as_str()), ("callback", "Suwarni"));
    assert_eq!(summary.state(), api::CaseState::Queued);
    let [first, second] = &case.dispositions[..] else { panic!("two attempts") };
    assert_eq!((first.attempt, first.contacted, second.attempt, second.contacted), (1, false, 2, true));
    assert_eq!(first.path, ["Not Contacted", "RNA"]);
    assert_eq!(first.text, "pelanggan tidak mengangkat");
    assert_eq!(summary.arrived_ms, first.again_ms, "a rescheduled contact arrives when it is due");
    let progress = views.snapshot().campaign_progress("").unwrap().campaigns;
    let [callback] = &progress[..] else { panic!("one campaign") };
    assert_eq!((callback.contacts, callback.waiting, callback.attempts, callback.reached), (1, 1, 2, 1));
    assert_eq!(callback.outcomes.len(), 2);
}

#[tokio::test]
async fn assignments_carry_the_explanation_of_the_log_and_how_they_ended() {
    let (_, views) = told().await;
    let made = case(&views, 5).assignments_made;
    let [offer, held] = &made[..] else { panic!("an offer and an assignment, not {made:?}") };
    assert!(offer.offered && !held.offered);
    assert_eq!((offer.ended_by.as_str(), held.ended_by.as_str()), ("declined: busy", "transfer"));
    let why = held.explanation.clone().unwrap();
    assert_eq!((why.rule.as_str(), why.at_capacity), ("normal", 2));
    assert_eq!(why.candidates[0].proficiency, 3);
}

#[tokio::test]
async fn escalations_references_and_the_other_desk_are_on_the_case() {
    let (_, views) = told().await;
    let case = case(&views, 5);
    let [escalation] = &case.escalations[..] else { panic!("one escalation") };
    assert_eq!(case.followers, ["dewi"], "siti no longer follows it");
    assert_eq!((escalation.group.as_str(), escalation.text.as_str()), ("tl-on-duty", "Mohon bantuan TL"));
    let [closed, reference] = &case.references[..] else { panic!("two references") };
    assert_eq!((closed.system.as_str(), closed.status.as_str()), ("mycx", "closed"));
    assert_eq!((reference.number.as_str(), reference.status.as_str()), ("IN123", "OPEN"));
    assert_eq!(case.handed_over_to, "telkomcare");
    assert_eq!(case.widening_step, 1);
}

/// Where a case stands after each of these.
#[tokio::test]
async fn a_case_stands_where_the_last_event_put_it() {
    use api::CaseState as State;
    let held = || assigned(1, "adi");
    let parked = |on: log::WaitingOn| Happened::CaseParked(log::CaseParked { case: 1, on: on as i32 });
    let left = || crate::script::unassigned(1, "adi", log::UnassignedBy::Release);
    let rows: Vec<(Vec<Happened>, State, &str)> = vec![
        (vec![], State::Open, ""),
        (vec![queued(1, "a")], State::Queued, ""),
        (vec![queued(1, "a"), held()], State::Assigned, "adi"),
        (vec![held(), left()], State::Open, ""),
        (vec![held(), left(), queued(1, "a")], State::Queued, ""),
        (vec![held(), parked(log::WaitingOn::Customer)], State::WaitingOnCustomer, "adi"),
        (vec![held(), parked(log::WaitingOn::ThirdParty)], State::WaitingOnThirdParty, "adi"),
        (
            vec![
                held(),
                parked(log::WaitingOn::ThirdParty),
                Happened::CaseResumed(log::CaseResumed { case: 1 }),
            ],
            State::Assigned,
            "adi",
        ),
        (
            vec![
                left(),
                Happened::CaseScheduled(log::CaseScheduled { case: 1, at_ms: 9, keep_for: String::new() }),
            ],
            State::Scheduled,
            "",
        ),
        (
            vec![held(), left(), Happened::CaseResolved(log::CaseResolved { case: 1, ..Default::default() })],
            State::Resolved,
            "",
        ),
        (
            vec![held(), Happened::CaseResolved(log::CaseResolved { case: 1, ..Default::default() }), left()],
            State::Resolved,
            "",
        ),
        (vec![Happened::CaseClosed(log::CaseClosed { case: 1, ..Default::default() })], State::Closed, ""),
        (
            vec![
                Happened::CaseClosed(log::CaseClosed { case: 1, ..Default::default() }),
                Happened::CaseReopened(log::CaseReopened { case: 1, ..Default::default() }),
            ],
            State::Open,
            "",
        ),
    ];
    for (events, state, assignee) in rows {
        let mut script = Script::new("tenesa").await;
        let message = script.input(Door::Ingest, Arrived::Message(mail("a", "b", "c"))).await;
        let shown = format!("{events:?}");
        let events = [vec![opened(1), joined(1, message, 1)], events].concat();
        script.commit(message, events).await;
        let mut views = Views::in_memory(&script.desk).unwrap();
        views.fold(&script.entries().await).unwrap();
        let summary = case(&views, 1).summary.unwrap();
        assert_eq!((summary.state(), summary.assignee.as_str()), (state, assignee), "{shown}");
    }
}

#[tokio::test]
async fn a_case_that_came_back_says_why_until_it_goes_again() {
    let away = || {
        let closed =
            log::CaseClosed { reason: log::CloseReason::HandedOver as i32, case: 1, ..Default::default() };
        vec![
            Happened::CaseHandedOver(log::CaseHandedOver { case: 1, desk: "nowhere".into() }),
            Happened::CaseClosed(closed),
        ]
    };
    let back = || {
        let (desk, reason) = ("nowhere".into(), "there is no such desk".into());
        vec![
            Happened::HandoverFailed(log::HandoverFailed { case: 1, desk, reason }),
            Happened::CaseReopened(log::CaseReopened { case: 1, ..Default::default() }),
            queued(1, "a"),
        ]
    };
    let rows = [
        (vec![away(), back()], "", "desk nowhere: there is no such desk", api::CaseState::Queued),
        (vec![away(), back(), away()], "nowhere", "", api::CaseState::Closed),
    ];
    for (events, to, failed, state) in rows {
        let mut script = Script::new("tenesa").await;
        let message = script.input(Door::Ingest, Arrived::Message(mail("a", "b", "c"))).await;
        script.commit(message, vec![opened(1), joined(1, message, 1)]).await;
        script.commit(message, events.concat()).await;
        let mut views = Views::in_memory(&script.desk).unwrap();
        views.fold(&script.entries().await).unwrap();
        let case = case(&views, 1);
        assert_eq!((case.handed_over_to.as_str(), case.handover_failed.as_str()), (to, failed));
        assert_eq!(case.summary.unwrap().state(), state);
    }
}

/// A reply on a case that the channel accepted, and what then came back.
async fn after_a_bounce(bounce: log::Message) -> (api::Delivery, api::CaseSummary) {
    let mut script = Script::new("tenesa").await;
    let message = script.input(Door::Ingest, Arrived::Message(mail("a", "b", "c"))).await;
    script.commit(message, vec![opened(1), joined(1, message, 1)]).await;
    let reply = log::Reply { content: crate::script::text("Sudah kami perbaiki."), ..Default::default() };
    let cause = script.command("adi", 1, Asked::Reply(reply)).await;
    let delivery = Some(log::DeliveryId { input: Some(cause), part: 0 });
    let kind = log::DeliveryKind::Reply.into();
    let sent = log::DeliveryQueued { delivery, case: 1, kind, ..Default::default() };
    script.commit(cause, vec![Happened::DeliveryQueued(sent)]).await;
    let report = log::DeliveryReport {
        delivery,
        attempt: 1,
        outcome: log::DeliveryOutcome::Delivered.into(),
        source: vec![7; 16].into(),
        source_id: "r1@telkom".into(),
        ..Default::default()
    };
    let report = script.input(Door::Deliver, Arrived::Report(report)).await;
    let outcome = log::DeliveryOutcome::Delivered.into();
    let ended = log::DeliveryEnded { delivery, attempt: 1, outcome, case: 1, ..Default::default() };
    script.commit(report, vec![Happened::DeliveryEnded(ended)]).await;
    let back = script.input(Door::Ingest, Arrived::Message(bounce)).await;
    let back_on =
        log::MessageJoined { case: 1, message: Some(back), count: 1, automatic: true, ..Default::default() };
    script.commit(back, vec![Happened::MessageJoined(back_on)]).await;
    let mut views = Views::in_memory(&script.desk).unwrap();
    views.fold(&script.entries().await).unwrap();
    let case = case(&views, 1);
    let sent = case.conversation.into_iter().find_map(|entry| match entry.what {
        Some(api::entry::What::Delivery(sent)) => Some(sent),
        _ => None,
    });
    (sent.unwrap(), case.summary.unwrap())
}

#[tokio::test]
async fn a_bounce_changes_what_became_of_the_reply_it_is_about_and_of_no_other() {
    let bounce = |first: u8| log::Message {
        kind: log::MessageKind::Bounce.into(),
        joins: vec![vec![first; 16].into(), vec![9; 16].into()],
        facts: vec![crate::script::fact("bounce_status", "5.1.1")],
        ..mail("mailer-daemon", "Undelivered", "x")
    };
    let (sent, summary) = after_a_bounce(bounce(7)).await;
    assert_eq!((sent.state(), sent.detail.as_str()), (api::DeliveryState::Bounced, "bounced: 5.1.1"));
    assert!(summary.unanswered, "the customer has no answer yet");
    let (sent, summary) = after_a_bounce(bounce(8)).await;
    assert_eq!(sent.state(), api::DeliveryState::Delivered, "it is about another mail");
    assert!(!summary.unanswered);
    let delay = log::Message { kind: log::MessageKind::Automatic.into(), ..bounce(7) };
    assert_eq!(after_a_bounce(delay).await.0.state(), api::DeliveryState::Delivered, "it is only late");
}
