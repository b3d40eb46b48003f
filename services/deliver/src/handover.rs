//! Cases that go to another desk: an event on one log, carried over in order as an input on the other's.
//!
//! How far the other desk has come is read from its own log, where the handovers stand; the desk itself judges a
//! repeat as one. So nothing is kept here either, and two deliverers do no harm to each other.
//!
//! What trying again can't mend (no such desk, a case that is larger than a record may be, a message that is not there
//! any more) is given back to the sending desk, which opens the case again. What operators can mend (a stream that is
//! away or wrongly set up) is tried again until it goes.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use metrics::counter;
use simpang_domain::stored;
use simpang_log::{AppendError, Appender, DeskLog, DeskName, Door, Limits, LogError};
use simpang_proto::log::v1::{self, event::Body as Event, input::Body as Input};
use tracing::{error, warn};

use crate::cases::{self, Change, Part};
use crate::follow::Context;
use crate::messages::{self, FetchError};
use crate::{inputs, metric};

/// Where a handover stands on the sending desk's log: sequence of the commit, index of the event.
pub(crate) type Place = (u64, u32);

/// How far each desk has what each other one gave it, as their logs say.
#[derive(Debug, Default)]
pub(crate) struct Carried(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// By receiving desk and sending desk.
    through: HashMap<(String, String), Place>,
    /// Desks whose log was read to its end.
    read: HashSet<String>,
}

impl Carried {
    /// Notes that a desk's log was read to its end.
    pub(crate) fn note_read(&self, desk: &str) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.read.contains(desk) {
            known.read.insert(desk.to_owned());
        }
    }

    fn is_read(&self, desk: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).read.contains(desk)
    }

    pub(crate) fn note(&self, to: &str, from: &str, place: Place) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let through = known.through.entry((to.to_owned(), from.to_owned())).or_default();
        *through = place.max(*through);
    }

    fn has(&self, to: &str, from: &str, place: Place) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.through.get(&(to.to_owned(), from.to_owned())).is_some_and(|through| *through >= place)
    }
}

/// What a desk's own log says of cases that come and go.
#[derive(Debug, Default)]
pub(crate) struct Handovers {
    /// Messages of open cases, oldest first.
    messages: HashMap<u64, Vec<Place>>,
    /// Those of them that are not as they came.
    changed: BTreeMap<Part, Change>,
    /// What has to go, in order. Whether it went, the other desk's log says.
    waiting: VecDeque<Handover>,
    /// How far what each other desk gave has arrived here.
    received: BTreeMap<String, Place>,
}

stored!(struct Handovers { messages, changed, waiting, received });

#[derive(Debug)]
struct Handover {
    place: Place,
    case: u64,
    to: String,
    messages: Vec<Place>,
}

stored!(struct Handover { place, case, to, messages });

/// The handovers that a record brings: from which desk, and where each stands there.
pub(crate) fn received(record: &v1::InputRecord) -> impl Iterator<Item = (&str, Place)> {
    record.inputs.iter().filter_map(|input| match &input.body {
        Some(Input::Handover(handover)) => Some((handover.desk.as_str(), (handover.seq, handover.index))),
        _ => None,
    })
}

pub(crate) fn place(id: v1::InputId) -> Place {
    (id.seq, id.index)
}

impl Handovers {
    /// How far what each other desk gave has arrived here.
    pub(crate) fn received(&self) -> &BTreeMap<String, Place> {
        &self.received
    }

    /// Notes what other desks' cases have arrived here, and which of ours were given back.
    pub(crate) fn arrive(&mut self, door: Door, inputs: &[v1::Input]) {
        if door != Door::Deliver {
            return;
        }
        for input in inputs {
            match &input.body {
                Some(Input::Handover(handover)) => {
                    let through = self.received.entry(handover.desk.clone()).or_default();
                    *through = (handover.seq, handover.index).max(*through);
                }
                Some(Input::HandoverFailure(failure)) => {
                    self.waiting.retain(|waits| waits.place != (failure.seq, failure.index));
                }
                _ => {}
            }
        }
    }

    /// Follows which messages are on which case, and what has to go.
    pub(crate) fn fold(&mut self, seq: u64, events: &[v1::Event]) {
        for (index, event) in (0..).zip(events) {
            match &event.body {
                Some(Event::MessageJoined(joined)) => {
                    self.messages.entry(joined.case).or_default().extend(joined.message.map(place));
                }
                Some(Event::CaseSplit(split)) => {
                    if let Some(left) = self.messages.get_mut(&split.case) {
                        left.retain(|message| !split.messages.iter().any(|moved| place(*moved) == *message));
                    }
                }
                Some(Event::CaseMerged(merged)) => {
                    let moved = self.messages.remove(&merged.case).unwrap_or_default();
                    let into = self.messages.entry(merged.into).or_default();
                    into.extend(moved);
                    into.sort_unstable();
                    into.dedup();
                }
                Some(Event::CaseHandedOver(handed)) => {
                    let messages = self.messages.get(&handed.case).cloned().unwrap_or_default();
                    let (case, to) = (handed.case, handed.desk.clone());
                    self.waiting.push_back(Handover { place: (seq, index), case, to, messages });
                }
                Some(Event::CaseForgotten(forgotten)) => self.forget(forgotten.case),
                _ => {
                    if let Some((message, change)) = cases::changed(event) {
                        let now = self.changed.get(&message).map_or(change, |before| before.then(change));
                        self.changed.insert(message, now);
                    }
                }
            }
        }
    }

    fn forget(&mut self, case: u64) {
        let messages = self.messages.remove(&case).unwrap_or_default();
        // What still has to go is carried as it stands.
        let waits = |message: &Place| self.waiting.iter().any(|waits| waits.messages.contains(message));
        let gone: Vec<_> = messages.into_iter().filter(|message| !waits(message)).collect();
        for message in gone {
            let parts = self.changed.range((message, 0)..=(message, u32::MAX));
            for part in parts.map(|(part, _)| *part).collect::<Vec<_>>() {
                self.changed.remove(&part);
            }
        }
    }
}

/// Carries one desk's cases to others.
pub(crate) struct Carrier {
    context: Arc<Context>,
    log: Arc<dyn DeskLog>,
    /// Writes to the sending desk, for what comes back.
    own: Appender,
    appenders: BTreeMap<String, Appender>,
}

/// Why a case is not on the other desk's log.
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
        while let Some(handover) = waiting.get(at) {
            let (from, to) = (self.log.desk().as_str(), handover.to.clone());
            let has = self.context.carried.has(&to, from, handover.place);
            if !held.contains(&to)
                && self.may_go_to(&to).await
                && (has || self.carry_one(handover, changed).await)
            {
                waiting.remove(at);
            } else {
                held.insert(to);
                at += 1;
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

    /// Whether one stands on the other log, or never will and was given back.
    async fn carry_one(&mut self, handover: &Handover, changed: &BTreeMap<Part, Change>) -> bool {
        let (place, case, to) = (handover.place, handover.case, handover.to.clone());
        match self.try_one(handover, changed).await {
            Ok(()) => {
                self.context.carried.note(&to, self.log.desk().as_str(), place);
                counter!(metric::HANDOVERS).increment(1);
                true
            }
            Err(Failure::Passing) => false,
            Err(Failure::Final(reason)) => self.give_back(place, case, to, reason).await,
        }
    }

    async fn try_one(
        &mut self,
        handover: &Handover,
        changed: &BTreeMap<Part, Change>,
    ) -> Result<(), Failure> {
        let (place, case, to) = (handover.place, handover.case, handover.to.as_str());
        let messages = self.fetch(&handover.messages, changed).await.map_err(|problem| match problem {
            FetchError::Log(problem) => self.passing(case, to, &problem),
            missing => Failure::Final(format!("the case can't be read in whole: {missing}")),
        })?;
        if messages.is_empty() {
            return Err(Failure::Final("no message is on the case".into()));
        }
        let appender = self.appender(case, to).await?;
        let desk = self.log.desk().to_string();
        let handover = v1::Handover { desk, seq: place.0, index: place.1, case, messages };
        let stands = appender.append(inputs::handover(&self.context.keyer, handover)).await;
        stands.map(drop).map_err(|problem| match problem {
            AppendError::TooLarge(reason) => Failure::Final(format!("the case is too large: {reason}")),
            problem => self.passing(case, to, &problem),
        })
    }

    fn passing(&self, case: u64, to: &str, problem: &dyn std::fmt::Display) -> Failure {
        warn!(desk = %self.log.desk(), to, case, %problem, "a case is not handed over yet, will try again");
        Failure::Passing
    }

    /// Whether the sending desk's log has it that the case comes back.
    async fn give_back(&self, (seq, index): Place, case: u64, desk: String, reason: String) -> bool {
        error!(desk = %self.log.desk(), to = desk, case, reason, "a case can't be handed over and comes back");
        let failure = v1::HandoverFailure { case, desk, seq, index, reason };
        let input = inputs::handover_failure(&self.context.keyer, self.log.desk(), failure);
        match self.own.append(input).await {
            Ok(_) => {
                counter!(metric::HANDOVER_FAILURES).increment(1);
                true
            }
            Err(problem) => {
                warn!(desk = %self.log.desk(), case, %problem, "a case can't be given back yet, will try again");
                false
            }
        }
    }

    async fn fetch(
        &self,
        places: &[Place],
        changed: &BTreeMap<Part, Change>,
    ) -> Result<Vec<v1::Message>, FetchError> {
        let mut found = Vec::with_capacity(places.len());
        for &(seq, index) in places {
            let mut messages = messages::all(self.log.as_ref(), &v1::InputId { seq, index }).await?;
            for (part, message) in (0..).zip(&mut messages) {
                if let Some(change) = changed.get(&((seq, index), part)) {
                    messages::stand(self.log.as_ref(), message, *change).await?;
                }
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
