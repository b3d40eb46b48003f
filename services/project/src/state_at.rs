//! A case as it was: the events that made it, folded into tables in memory.

use std::collections::{BTreeMap, BTreeSet};

use simpang_proto::audit::v1 as api;
use simpang_proto::log::v1 as log;
use simpang_proto::log::v1::event::Body;
use simpang_proto::view::v1 as view;
use simpang_views::read::{Placed, Query, hide_message, without_content};
use simpang_views::{Views, ViewsError, WITHDRAWN, kind};
use tonic::Status;

use crate::desk::Desk;
use crate::replay::{Opened, Source};

/// Most events of one case (with those merged into it and split from) that are folded again.
const EVENTS_MAX: u32 = 100_000;

/// An event with its place and the policy that judged it.
type Folded = (log::InputId, u64, log::Event);

/// Works out a case at a sequence or a time.
pub(crate) async fn state_at(
    desk: &Desk,
    asked: &api::StateAtRequest,
) -> Result<api::StateAtResponse, Status> {
    let places = places(desk, asked).await?;
    let (Some(last), Some(at_ms)) = (places.last(), places.iter().map(|place| place.at_ms).max()) else {
        return Err(Status::not_found(format!(
            "case: there was no case {} then on desk {}",
            asked.case, asked.desk
        )));
    };
    let position = last.seq;
    let mut source = Source::new(desk.log()?, false);
    let events = events(&mut source, &places).await?;
    let inputs = inputs(&mut source, &events).await?;
    let (name, case) = (desk.name.clone(), asked.case);
    let folding = tokio::task::spawn_blocking(move || {
        let mut views = Views::in_memory(&name)?;
        views.fold_selected(inputs, &events)?;
        views.snapshot().case(case)
    });
    let folded = folding.await.map_err(|_| Status::internal("the fold ended early: this is a defect"))?;
    let folded = folded.map_err(|error: ViewsError| Status::unavailable(error.to_string()))?;
    let mut case =
        folded.ok_or_else(|| Status::not_found(format!("case: there was no case {} then", asked.case)))?;
    if asked.content {
        leave_out_withdrawn(desk, &mut case).await?;
    } else {
        without_content(&mut case);
    }
    Ok(api::StateAtResponse { position, at_ms, case: Some(case) })
}

/// What its author has withdrawn since then is not shown as it was then.
async fn leave_out_withdrawn(desk: &Desk, case: &mut view::Case) -> Result<(), Status> {
    let mut messages = Vec::new();
    for entry in &mut case.conversation {
        match &mut entry.what {
            Some(view::entry::What::Message(message)) if message.removed_ms == 0 => {
                messages.push(message);
            }
            _ => {}
        }
    }
    let parts = messages.iter().map(|message| (message.place.unwrap_or_default(), message.part));
    let parts: Vec<_> = parts.collect();
    let withdrawn = desk.read(0, move |snapshot| {
        let withdrawn =
            |(place, part): (view::Place, u32)| snapshot.is_withdrawn((place.seq, place.index), part);
        parts.into_iter().map(withdrawn).collect::<Result<Vec<bool>, _>>()
    });
    for (message, _) in messages.into_iter().zip(withdrawn.await?).filter(|(_, withdrawn)| *withdrawn) {
        if let Some(summary) = case.summary.as_mut().filter(|summary| is_titled_by(&summary.subject, message))
        {
            summary.subject = WITHDRAWN.into();
        }
        let (from_name, from_address) = (message.from_name.clone(), message.from_address.clone());
        hide_message(message);
        (message.from_name, message.from_address) = (from_name, from_address);
        message.text = WITHDRAWN.into();
    }
    Ok(())
}

/// Whether a case's title was taken from a message: its subject, or the beginning of its text.
fn is_titled_by(title: &str, message: &view::CustomerMessage) -> bool {
    let text = message.text.split_whitespace().collect::<Vec<_>>().join(" ");
    !title.is_empty() && (title == message.subject || text.starts_with(title.trim_end_matches('…')))
}

/// The events of the case and its kin up to then, in order.
async fn places(desk: &Desk, asked: &api::StateAtRequest) -> Result<Vec<Placed>, Status> {
    let (case, seq, at_ms) = (asked.case, asked.seq, asked.at_ms);
    let read = desk.read(asked.at_least, move |snapshot| {
        let mut all = BTreeSet::new();
        for kin in snapshot.kin(case)? {
            let query = Query {
                case: kin,
                to_seq: seq,
                to_ms: if at_ms == 0 { 0 } else { at_ms.saturating_add(1) },
                events_only: true,
                ..Query::default()
            };
            all.extend(snapshot.places(&query, None, EVENTS_MAX + 1)?);
        }
        Ok(all)
    });
    let all = read.await?;
    if all.len() > EVENTS_MAX as usize {
        let what = format!("case: it has more than {EVENTS_MAX} events; ask for an earlier time");
        return Err(Status::resource_exhausted(what));
    }
    Ok(all.into_iter().filter(|place| kind::is_event(place.kind)).collect())
}

async fn events(source: &mut Source, places: &[Placed]) -> Result<Vec<Folded>, Status> {
    let wanted: BTreeSet<u64> = places.iter().map(|place| place.seq).collect();
    let records = open(source, wanted).await?;
    let event = |place: &Placed| {
        let (policy, event) = records.get(&place.seq)?.event(place.index)?;
        Some((log::InputId { seq: place.seq, index: place.index }, policy, event))
    };
    Ok(places.iter().filter_map(event).collect())
}

/// The inputs that the events follow from, and the messages they name.
async fn inputs(
    source: &mut Source,
    events: &[Folded],
) -> Result<Vec<(log::InputId, i64, log::Input)>, Status> {
    let mut wanted = BTreeSet::new();
    for (_, _, event) in events {
        wanted.extend(event.caused_by.map(|place| (place.seq, place.index)));
        if let Some(Body::MessageJoined(joined)) = &event.body {
            wanted.extend(joined.message.map(|place| (place.seq, place.index)));
        }
    }
    let records = open(source, wanted.iter().map(|(seq, _)| *seq).collect()).await?;
    let input = |(seq, index): (u64, u32)| {
        let (at_ms, input) = records.get(&seq)?.input(index)?;
        Some((log::InputId { seq, index }, at_ms, input))
    };
    Ok(wanted.into_iter().filter_map(input).collect())
}

async fn open(source: &mut Source, seqs: BTreeSet<u64>) -> Result<BTreeMap<u64, Opened>, Status> {
    let seqs: Vec<u64> = seqs.into_iter().filter(|seq| *seq != 0).collect();
    let records = source.records(&seqs).await?;
    Ok(records.into_iter().map(|record| (record.seq, Opened::of(record))).collect())
}
