//! What became of inputs that were decided before this gateway waited for them: read back from the log.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::StreamExt;
use prost::Message;
use simpang_log::{DeskLog, LogError, Place, Record, RecordKind};
use simpang_proto::log::v1 as log;

use super::outcomes::{Outcome, fingerprint, is_judged, tells};
use super::place_of;

/// An input that is looked for.
#[derive(Debug, Default)]
struct Found {
    fingerprint: u64,
    events: Vec<log::Event>,
}

/// The outcomes of these inputs, each of which is known to have been judged. Reads from the first of them until the
/// last is decided; the follower has checked the same records' chain before.
pub(crate) async fn read_back(
    log: &dyn DeskLog,
    places: &BTreeSet<Place>,
) -> Result<BTreeMap<Place, Arc<Outcome>>, LogError> {
    let mut outcomes = BTreeMap::new();
    let Some(first) = places.first() else { return Ok(outcomes) };
    let mut open: BTreeMap<Place, Found> = places.iter().map(|place| (*place, Found::default())).collect();
    let mut records = log.read(first.seq).await?;
    while !open.is_empty() {
        let Some(record) = records.next().await else {
            let (desk, reason) = (log.desk().to_string(), "the stream of records ended".to_owned());
            return Err(LogError::Unavailable { desk, reason });
        };
        take_in(&record?, &mut open, &mut outcomes);
    }
    Ok(outcomes)
}

fn take_in(record: &Record, open: &mut BTreeMap<Place, Found>, outcomes: &mut BTreeMap<Place, Arc<Outcome>>) {
    if let RecordKind::Input(_) = record.kind {
        let Ok(inputs) = log::InputRecord::decode(record.payload.clone()) else { return };
        for (index, input) in (0..).zip(&inputs.inputs) {
            if let Some(found) = open.get_mut(&Place { seq: record.seq, index }) {
                found.fingerprint = fingerprint(input);
            }
        }
        return;
    }
    let Ok(commit) = log::Commit::decode(record.payload.clone()) else { return };
    for event in commit.events.iter().filter(|event| tells(event)) {
        if let Some(found) = event.caused_by.and_then(|id| open.get_mut(&place_of(id))) {
            found.events.push(event.clone());
        }
    }
    while let Some(entry) = open.first_entry().filter(|entry| is_judged(&commit, *entry.key())) {
        let (place, Found { fingerprint, events }) = entry.remove_entry();
        outcomes.insert(place, Arc::new(Outcome { place, fingerprint, position: record.seq, events }));
    }
}
