//! Answers that go out in several parts: what is out already is remembered, so that the next attempt goes on after it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use simpang_proto::log::v1::DeliveryOutcome;

use super::{Outcome, Sent};
use crate::parcel::Parcel;

/// Answers that are remembered.
const ANSWERS_MAX: usize = 1_000;

/// Ids of the parts that are out, in order, by the delivery's stable id.
#[derive(Debug, Default)]
pub(super) struct Parts(Mutex<HashMap<String, Vec<String>>>);

impl Parts {
    fn all(&self) -> MutexGuard<'_, HashMap<String, Vec<String>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The parts that are out as an earlier attempt of this process left them; none when it left none.
    pub(super) fn known(&self, parcel: &Parcel) -> Option<Vec<String>> {
        self.all().get(&parcel.stable_id).cloned()
    }

    pub(super) fn forget(&self, parcel: &Parcel) {
        self.all().remove(&parcel.stable_id);
    }

    /// One that may go on waits for its next attempt; one that may not is neither delivered nor to be sent again.
    pub(super) fn broke_off(
        &self,
        channel: &'static str,
        out: &[String],
        parts: usize,
        ended: Outcome,
        parcel: &Parcel,
    ) -> Outcome {
        let Some(first) = out.first() else { return ended };
        let detail = format!("{} of {parts} parts are out, then: {}", out.len(), ended.detail);
        if ended.class == DeliveryOutcome::Retry {
            let mut all = self.all();
            if all.len() >= ANSWERS_MAX {
                all.clear();
            }
            all.insert(parcel.stable_id.clone(), out.to_vec());
            return Outcome { detail, ..ended };
        }
        self.forget(parcel);
        Outcome::unknown(detail).with_id(Sent::same(channel, first.clone()))
    }
}

/// What a deliverer left that stopped in the middle; none when nothing of it is there.
pub(super) fn left(channel: &'static str, out: &[String], parts: usize) -> Option<Outcome> {
    let sent = Sent::same(channel, out.first()?.clone());
    Some(if out.len() == parts {
        Outcome::delivered("found at the channel", Some(sent))
    } else {
        let detail = format!(
            "the deliverer stopped when {} of {parts} parts were out: look which are missing",
            out.len()
        );
        Outcome::unknown(detail).with_id(sent)
    })
}
