//! From inputs to what became of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use simpang_log::{LogError, Place};
use simpang_proto::log::v1 as log;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};
use tonic::Status;

use super::Follower;
use super::outcomes::{Outcome, fingerprint};
use super::read_back::read_back;
use super::traced::Traced;
use crate::refusal;

/// What became of an input.
#[derive(Debug, Clone)]
pub(crate) struct Decided {
    /// What the log says; of the first, when this input repeats an earlier one.
    pub(crate) outcome: Arc<Outcome>,
    /// The input repeats an earlier one.
    pub(crate) repeat: bool,
    /// The earlier one asked something else under the same request id.
    pub(crate) reused: bool,
}

/// A wait for a decision. Dropped before it came, it leaves nothing behind.
struct Awaited<'a> {
    follower: &'a Follower,
    key: Bytes,
    decision: Option<oneshot::Receiver<Arc<Outcome>>>,
}

impl Drop for Awaited<'_> {
    fn drop(&mut self) {
        drop(self.decision.take());
        self.follower.inner().outcomes.sweep(&self.key);
    }
}

impl Awaited<'_> {
    async fn outcome(mut self, deadline: Instant) -> Result<Arc<Outcome>, Status> {
        let Some(decision) = self.decision.as_mut() else { return Err(refusal::undecided()) };
        match timeout_at(deadline, decision).await {
            Ok(Ok(outcome)) => Ok(outcome),
            Ok(Err(_)) | Err(_) => Err(refusal::undecided()),
        }
    }
}

impl Follower {
    /// Appends one input and waits for its decision.
    ///
    /// # Errors
    /// As [`decide_all`](Self::decide_all).
    pub(crate) async fn decide(&self, input: log::Input, deadline: Instant) -> Result<Decided, Status> {
        let decided = self.decide_all(vec![input], deadline).await?;
        decided.into_iter().next().ok_or_else(refusal::undecided)
    }

    /// Appends inputs together and waits for the decision of each. Their keys differ.
    ///
    /// # Errors
    /// UNAVAILABLE when the log is away or a decision was not seen in time; DATA_LOSS for a broken log. Sending the
    /// same again is harmless.
    pub(crate) async fn decide_all(
        &self,
        inputs: Vec<log::Input>,
        deadline: Instant,
    ) -> Result<Vec<Decided>, Status> {
        let traced = Traced::begin(&inputs);
        let decided = self.append_and_await(inputs, deadline).await;
        traced.end(self.desk(), decided.as_deref().ok());
        decided
    }

    async fn append_and_await(
        &self,
        inputs: Vec<log::Input>,
        deadline: Instant,
    ) -> Result<Vec<Decided>, Status> {
        self.reach(0, deadline).await?;
        let prints: Vec<u64> = inputs.iter().map(fingerprint).collect();
        let awaited: Vec<Awaited<'_>> = inputs.iter().map(|input| self.want(&input.key)).collect();
        let appended = timeout_at(deadline, self.appender.append_all(inputs)).await;
        let places = appended.map_err(|_| refusal::undecided())?.map_err(|error| refusal::append(&error))?;
        let mut seen = Vec::with_capacity(places.len());
        for awaited in awaited {
            seen.push(awaited.outcome(deadline).await?);
        }
        let firsts = timeout_at(deadline, self.firsts(&seen)).await;
        let firsts = firsts.map_err(|_| refusal::undecided())?.map_err(|error| refusal::log(&error))?;
        let settle = |((outcome, place), print): ((Arc<Outcome>, &Place), &u64)| {
            let first = outcome.repeats().and_then(|first| firsts.get(&first).cloned());
            let outcome = first.unwrap_or(outcome);
            let (repeat, reused) = (outcome.place != *place, outcome.fingerprint != *print);
            Decided { outcome, repeat, reused }
        };
        Ok(seen.into_iter().zip(&places).zip(&prints).map(settle).collect())
    }

    fn want(&self, key: &Bytes) -> Awaited<'_> {
        let decision = self.inner().outcomes.want(key);
        Awaited { follower: self, key: key.clone(), decision: Some(decision) }
    }

    /// What became of the earlier inputs that these repeat: as remembered, else read back from the log.
    async fn firsts(&self, seen: &[Arc<Outcome>]) -> Result<BTreeMap<Place, Arc<Outcome>>, LogError> {
        let mut firsts = BTreeMap::new();
        let mut unknown = BTreeSet::new();
        {
            let inner = self.inner();
            for first in seen.iter().filter_map(|outcome| outcome.repeats()) {
                match inner.outcomes.recent(first) {
                    Some(outcome) => _ = firsts.insert(first, outcome),
                    None => _ = unknown.insert(first),
                }
            }
        }
        if !unknown.is_empty() {
            let read = read_back(self.log.as_ref(), &unknown).await?;
            let mut inner = self.inner();
            for outcome in read.values() {
                inner.outcomes.remember(Arc::clone(outcome));
            }
            firsts.extend(read);
        }
        Ok(firsts)
    }

    /// Appends an input that nobody waits for, such as a sign of life.
    pub(super) async fn append(&self, input: log::Input) -> Result<(), simpang_log::AppendError> {
        self.appender.append(input).await.map(|_| ())
    }
}
