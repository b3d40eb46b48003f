//! The audit index, dead letters, pending inputs.

use simpang_log::{Body, Entry};
use simpang_views::kind;
use simpang_views::read::{Placed, Query};
use simpang_views::sentence::sentence;

use crate::story::told;

/// The event at a place, as a sentence; an input as its kind.
fn tell(entries: &[Entry], place: &Placed) -> String {
    let entry = entries.iter().find(|entry| entry.seq == place.seq).unwrap();
    match &entry.body {
        Body::Commit { commit, .. } => sentence(&commit.events[place.index as usize]),
        _ => kind::name(place.kind).into(),
    }
}

#[tokio::test]
async fn a_case_is_found_with_every_input_and_event_that_is_about_it() {
    let (script, views) = told().await;
    let entries = script.entries().await;
    let query = Query { case: 2, ..Query::default() };
    let told: Vec<String> = views
        .snapshot()
        .places(&query, None, 100)
        .unwrap()
        .iter()
        .map(|place| tell(&entries, place))
        .collect();
    let wanted = [
        "message",
        "Case 2 was opened by email to help@telkom.",
        "A message joined case 2, which it opened.",
        "Case 2 waits in queue email.",
        "command.merge",
        "Case 2 was merged into case 1.",
        "Case 2 was closed by siti: merged into another.",
    ];
    assert_eq!(told, wanted);
}

#[tokio::test]
async fn queries_narrow_together_and_pages_join() {
    let (script, views) = told().await;
    let snapshot = views.snapshot();
    let all = snapshot.places(&Query::default(), None, 10_000).unwrap();
    let counted: usize = script
        .entries()
        .await
        .iter()
        .map(|entry| match &entry.body {
            Body::Commit { commit, .. } => commit.events.len(),
            Body::Inputs { record, .. } => record.inputs.len(),
            Body::Unreadable { .. } => 1,
        })
        .sum();
    assert_eq!(all.len(), counted, "every input and event has one place");
    let assigned = kind::of_name("CaseAssigned");
    let middle = all[all.len() / 2];
    let rows = [
        Query { kinds: assigned.clone(), ..Query::default() },
        Query { kinds: assigned, case: 1, agent: "siti".into(), ..Query::default() },
        Query { agent: "siti".into(), events_only: true, ..Query::default() },
        Query { from_ms: middle.at_ms, ..Query::default() },
        Query { to_ms: middle.at_ms, ..Query::default() },
        Query { from_seq: middle.seq, to_seq: middle.seq + 5, ..Query::default() },
        Query { case: 1, from_ms: middle.at_ms, ..Query::default() },
    ];
    for query in rows {
        let found = snapshot.places(&query, None, 10_000).unwrap();
        assert!(!found.is_empty(), "{query:?}");
        assert!(found.is_sorted(), "{query:?}");
        let fits = |p: &&Placed| {
            (query.kinds.is_empty() || query.kinds.contains(&p.kind))
                && (query.from_ms == 0 || p.at_ms >= query.from_ms)
                && (query.to_ms == 0 || p.at_ms < query.to_ms)
                && (query.to_seq == 0 || (query.from_seq..=query.to_seq).contains(&p.seq))
                && (!query.events_only || kind::is_event(p.kind))
        };
        if query.case == 0 && query.agent.is_empty() {
            assert_eq!(found, all.iter().filter(fits).copied().collect::<Vec<_>>(), "{query:?}");
        }
        assert!(found.iter().all(|place| fits(&place)), "{query:?}");
        let mut paged: Vec<Placed> = Vec::new();
        loop {
            let after = paged.last().map(|place| (place.seq, place.index));
            let page = snapshot.places(&query, after, 3).unwrap();
            if page.is_empty() {
                break;
            }
            paged.extend(page);
        }
        assert_eq!(paged, found, "{query:?}");
    }
}

#[tokio::test]
async fn an_input_set_aside_is_kept_with_its_reason_and_an_unjudged_one_is_pending() {
    let (_, views) = told().await;
    let refused = views.snapshot().refused(0, 10).unwrap();
    let [one] = &refused[..] else { panic!("one refused") };
    assert_eq!((one.kind, one.reason.as_str()), (kind::UNKNOWN, "the record is no InputRecord"));
    let desk = views.snapshot().desk().unwrap();
    assert_eq!((desk.pending_inputs, desk.refused_inputs, desk.policy_version), (1, 1, 1));
    assert_eq!((desk.position, desk.desk.as_str()), (views.position().seq, "tenesa"));
}

#[tokio::test]
async fn rules_and_kin_of_a_case_are_known() {
    let (_, views) = told().await;
    let [classified] = &views.snapshot().classifications(1).unwrap()[..] else { panic!("one") };
    assert_eq!((classified.rule.as_str(), classified.occasion.as_str()), ("government", "received"));
    assert_eq!(classified.policy_version, 1);
    assert_eq!(views.snapshot().kin(3).unwrap(), [1, 2, 3]);
    assert_eq!(views.snapshot().kin(4).unwrap(), [4]);
}

#[tokio::test]
async fn an_input_judged_in_part_is_kept_until_it_is_judged_to_its_end() {
    use crate::script::{Script, joined, mail, opened};
    use simpang_log::Door;
    use simpang_proto::log::v1::input::Body as Arrived;

    let mut script = Script::new("tenesa").await;
    let message = script.input(Door::Ingest, Arrived::Message(mail("a", "b", "late text"))).await;
    script.commit_through(message, 1, message, vec![opened(1)]).await;
    let pending = |views: &simpang_views::Views| views.snapshot().desk().unwrap().pending_inputs;
    let mut views = simpang_views::Views::in_memory(&script.desk).unwrap();
    views.fold(&script.entries().await).unwrap();
    assert_eq!(pending(&views), 1);
    script.commit_through(message, 0, message, vec![joined(1, message, 1)]).await;
    views.fold(&script.entries().await).unwrap();
    assert_eq!(pending(&views), 0);
    assert_eq!(views.snapshot().search("late", 1).unwrap().hits.len(), 1);
}
