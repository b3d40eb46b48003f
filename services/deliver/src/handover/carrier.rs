//! Carries what has to go to other desks: reads it on this desk's log, and brings it to the other's.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use metrics::counter;
use simpang_log::{AppendError, Appender, DeskLog, DeskName, Door, Limits, LogError};
use simpang_proto::log::v1;
use tracing::{error, warn};

use super::{Handovers, Load, Place, What, drop_since};
use crate::changes::{Change, Changes, Part};
use crate::follow::Context;
use crate::messages::{self, FetchError};
use crate::{inputs, metric};

/// Carries one desk's cases to others.
pub(crate) struct Carrier {
    context: Arc<Context>,
    log: Arc<dyn DeskLog>,
    /// Writes to the sending desk, for what comes back.
    own: Appender,
    appenders: BTreeMap<String, Appender>,
}

/// What became of what had to go.
enum Gone {
    /// It stands on the other desk's log, or its desk does without it.
    There,
    /// Its case comes back.
    Back,
    /// It waits.
    Not,
}

/// Why something is not on the other desk's log.
enum Failure {
    /// It will be, or may be: try again.
    Passing,
    /// It never will be, and why.
    Final(String),
}

impl Carrier {
    pub(crate) fn new(context: Arc<Context>, log: Arc<dyn DeskLog>, own: Appender) -> Self {
        Self { context, log, own, appenders: BTreeMap::new() }
    }

    /// Carries what waits, in order for each desk; whether all went.
    pub(crate) async fn carry(&mut self, handovers: &mut Handovers) -> bool {
        let Handovers { waiting, changed, .. } = handovers;
        // What goes to one desk keeps its order; a desk that can't be reached holds up nobody else's.
        let mut held: HashSet<String> = HashSet::new();
        let mut at = 0;
        while let Some(load) = waiting.get(at) {
            let (place, case, to) = (load.place, load.case, load.to.clone());
            let may_go = !held.contains(&to) && self.may_go_to(&to).await;
            let gone = match may_go {
                true if self.context.carried.has(&to, self.log.desk().as_str(), place) => Gone::There,
                true => self.carry_one(load, changed).await,
                false => Gone::Not,
            };
            match gone {
                Gone::There => drop(waiting.remove(at)),
                Gone::Back => drop_since(waiting, case, place),
                Gone::Not => {
                    held.insert(to);
                    at += 1;
                }
            }
        }
        waiting.is_empty()
    }

    /// Whether what the other desk has is known, or there is no such desk to have anything.
    async fn may_go_to(&self, desk: &str) -> bool {
        if !self.context.follows(desk) || self.context.carried.is_read(desk) {
            return true;
        }
        match DeskName::new(desk) {
            Ok(name) => matches!(self.context.store.open(&name).await, Err(LogError::NoSuchDesk { .. })),
            Err(_) => true,
        }
    }

    async fn carry_one(&mut self, load: &Load, changed: &BTreeMap<Part, Changes>) -> Gone {
        let (place, case, to) = (load.place, load.case, load.to.clone());
        let tried = match &load.what {
            What::Case(messages) => self.carry_case(load, messages, changed).await,
            What::Change(message, change) => self.carry_change(load, *message, *change).await,
            What::Withdrawal(by) => self.carry_withdrawal(load, *by).await,
        };
        match (tried, &load.what) {
            (Ok(()), _) => {
                self.context.carried.note(&to, self.log.desk().as_str(), place);
                let counted = match &load.what {
                    What::Case(_) => metric::HANDOVERS,
                    What::Change(..) | What::Withdrawal(_) => metric::HANDOVER_CHANGES,
                };
                counter!(counted).increment(1);
                Gone::There
            }
            (Err(Failure::Passing), _) => Gone::Not,
            (Err(Failure::Final(reason)), What::Case(_)) => self.give_back(place, case, to, reason).await,
            (Err(Failure::Final(reason)), What::Change(..) | What::Withdrawal(_)) => {
                error!(desk = %self.log.desk(), to, case, reason, "a change of a handed-over message can't follow it");
                Gone::There
            }
        }
    }

    async fn carry_case(
        &mut self,
        load: &Load,
        messages: &[Place],
        changed: &BTreeMap<Part, Changes>,
    ) -> Result<(), Failure> {
        let (place, case, to) = (load.place, load.case, load.to.as_str());
        let messages =
            self.fetch(messages, changed).await.map_err(|problem| self.unread(case, to, &problem))?;
        if messages.is_empty() {
            return Err(Failure::Final("no message is on the case".into()));
        }
        let desk = self.log.desk().to_string();
        let handover = v1::Handover { desk, seq: place.0, index: place.1, case, messages };
        self.append(case, to, inputs::handover(&self.context.keyer, handover)).await
    }

    async fn carry_change(&mut self, load: &Load, message: Part, change: Change) -> Result<(), Failure> {
        let (case, to) = (load.case, load.to.as_str());
        let says = self.says(message, change).await.map_err(|problem| self.unread(case, to, &problem))?;
        let name = inputs::handed_name(&self.context.keyer, self.log.desk(), message);
        let change = match change {
            Change::Edited(_) => v1::MessageChange::Edited,
            Change::Withdrawn => v1::MessageChange::Removed,
            Change::Reread(_) => v1::MessageChange::Reread,
        };
        self.append_change(load, name, change, says).await
    }

    async fn carry_withdrawal(&mut self, load: &Load, by: Place) -> Result<(), Failure> {
        let read = messages::edition(self.log.as_ref(), by).await;
        let says = named(read.map_err(|problem| self.unread(load.case, &load.to, &problem))?);
        if says.source.is_empty() {
            return Err(Failure::Final("the withdrawal does not name its message".into()));
        }
        self.append_change(load, says.source.clone(), v1::MessageChange::Removed, says).await
    }

    async fn append_change(
        &mut self,
        load: &Load,
        message: Bytes,
        change: v1::MessageChange,
        says: v1::Message,
    ) -> Result<(), Failure> {
        let (desk, (seq, index)) = (self.log.desk().to_string(), load.place);
        let (change, says) = (change.into(), Some(says));
        let change = v1::HandoverChange { desk, seq, index, message, change, says };
        self.append(load.case, &load.to, inputs::handover_change(&self.context.keyer, change)).await
    }

    /// What a change says of its message; of one that is taken back only by what it is known.
    async fn says(&self, ((seq, index), part): Part, change: Change) -> Result<v1::Message, FetchError> {
        let log = self.log.as_ref();
        match change {
            Change::Edited(by) => messages::edition(log, by).await,
            Change::Reread(by) => messages::reading(log, by).await,
            Change::Withdrawn => {
                let mut messages = messages::all(log, &v1::InputId { seq, index }).await?;
                let part = usize::try_from(part).unwrap_or(usize::MAX);
                if part >= messages.len() {
                    return Err(FetchError::Missing(seq, index));
                }
                Ok(named(messages.swap_remove(part)))
            }
        }
    }

    async fn append(&mut self, case: u64, to: &str, input: v1::Input) -> Result<(), Failure> {
        let appender = self.appender(case, to).await?;
        appender.append(input).await.map(drop).map_err(|problem| match problem {
            AppendError::TooLarge(reason) => Failure::Final(format!("the case is too large: {reason}")),
            problem => self.passing(case, to, &problem),
        })
    }

    fn unread(&self, case: u64, to: &str, problem: &FetchError) -> Failure {
        match problem {
            FetchError::Log(problem) => self.passing(case, to, problem),
            missing => Failure::Final(format!("the case can't be read in whole: {missing}")),
        }
    }

    fn passing(&self, case: u64, to: &str, problem: &dyn std::fmt::Display) -> Failure {
        warn!(desk = %self.log.desk(), to, case, %problem, "a case is not handed over yet, will try again");
        Failure::Passing
    }

    /// Says on the sending desk's log that the case comes back.
    async fn give_back(&self, (seq, index): Place, case: u64, desk: String, reason: String) -> Gone {
        error!(desk = %self.log.desk(), to = desk, case, reason, "a case can't be handed over and comes back");
        let failure = v1::HandoverFailure { case, desk, seq, index, reason };
        let input = inputs::handover_failure(&self.context.keyer, self.log.desk(), failure);
        match self.own.append(input).await {
            Ok(_) => {
                counter!(metric::HANDOVER_FAILURES).increment(1);
                Gone::Back
            }
            Err(problem) => {
                warn!(desk = %self.log.desk(), case, %problem, "a case can't be given back yet, will try again");
                Gone::Not
            }
        }
    }

    async fn fetch(
        &self,
        places: &[Place],
        changed: &BTreeMap<Part, Changes>,
    ) -> Result<Vec<v1::Message>, FetchError> {
        let mut found = Vec::with_capacity(places.len());
        for &(seq, index) in places {
            let mut messages = messages::all(self.log.as_ref(), &v1::InputId { seq, index }).await?;
            for (part, message) in (0..).zip(&mut messages) {
                let part = ((seq, index), part);
                if let Some(changes) = changed.get(&part) {
                    messages::stand(self.log.as_ref(), message, changes).await?;
                }
                message.provides.push(inputs::handed_name(&self.context.keyer, self.log.desk(), part));
            }
            found.extend(messages);
        }
        Ok(found)
    }

    async fn appender(&mut self, case: u64, desk: &str) -> Result<Appender, Failure> {
        if let Some(appender) = self.appenders.get(desk) {
            return Ok(appender.clone());
        }
        let name = DeskName::new(desk).map_err(|problem| Failure::Final(problem.to_string()))?;
        let log = self.context.store.open(&name).await.map_err(|problem| match problem {
            LogError::NoSuchDesk { .. } => Failure::Final("there is no such desk".into()),
            problem => self.passing(case, desk, &problem),
        })?;
        let appender = Appender::new(log, Door::Deliver, &self.context.name, Limits::default());
        self.appenders.insert(desk.to_owned(), appender.clone());
        Ok(appender)
    }
}

/// Only what names a message.
fn named(message: v1::Message) -> v1::Message {
    let v1::Message { channel, account, source, .. } = message;
    v1::Message { channel, account, source, ..v1::Message::default() }
}
