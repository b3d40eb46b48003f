//! Cases that go to another desk: an event on one log, carried over in order as an input on the other's.
//!
//! How far the other desk has come is read from its own log, where the handovers stand; the desk itself judges a
//! repeat as one. So nothing is kept here either, and two deliverers do no harm to each other.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use metrics::counter;
use simpang_log::{Appender, DeskLog, DeskName, Door, Limits};
use simpang_proto::log::v1::{self, event::Body as Event, input::Body as Input};
use tracing::{error, warn};

use crate::follow::Context;
use crate::messages::{self, FetchError};
use crate::{inputs, metric};

/// Where a handover stands on the sending desk's log: sequence of the commit, index of the event.
type Place = (u64, u32);

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

    fn note(&self, to: &str, from: &str, place: Place) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let through = known.through.entry((to.to_owned(), from.to_owned())).or_default();
        *through = place.max(*through);
    }

    fn has(&self, to: &str, from: &str, place: Place) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.through.get(&(to.to_owned(), from.to_owned())).is_some_and(|through| *through >= place)
    }
}

/// Carries one desk's cases to others.
pub(crate) struct Carrier {
    context: Arc<Context>,
    log: Arc<dyn DeskLog>,
    /// Messages of open cases, oldest first.
    messages: HashMap<u64, Vec<v1::InputId>>,
    /// What has to go, in order.
    waiting: VecDeque<Handover>,
    appenders: BTreeMap<String, Appender>,
}

struct Handover {
    place: Place,
    case: u64,
    to: String,
    messages: Vec<v1::InputId>,
}

impl Carrier {
    pub(crate) fn new(context: Arc<Context>, log: Arc<dyn DeskLog>) -> Self {
        let (messages, waiting, appenders) = (HashMap::new(), VecDeque::new(), BTreeMap::new());
        Self { context, log, messages, waiting, appenders }
    }

    /// Notes what other desks' cases have arrived here.
    pub(crate) fn arrive(&self, door: Door, inputs: &[v1::Input]) {
        if door != Door::Deliver {
            return;
        }
        for input in inputs {
            if let Some(Input::Handover(handover)) = &input.body {
                let place = (handover.seq, handover.index);
                self.context.carried.note(self.log.desk().as_str(), &handover.desk, place);
            }
        }
    }

    /// Follows which messages are on which case, and what has to go.
    pub(crate) fn fold(&mut self, seq: u64, events: &[v1::Event]) {
        for (index, event) in (0..).zip(events) {
            match &event.body {
                Some(Event::MessageJoined(joined)) => {
                    self.messages.entry(joined.case).or_default().extend(joined.message);
                }
                Some(Event::CaseSplit(split)) => {
                    if let Some(left) = self.messages.get_mut(&split.case) {
                        left.retain(|message| !split.messages.contains(message));
                    }
                }
                Some(Event::CaseMerged(merged)) => {
                    let moved = self.messages.remove(&merged.case).unwrap_or_default();
                    let into = self.messages.entry(merged.into).or_default();
                    into.extend(moved);
                    into.sort_by_key(|message| (message.seq, message.index));
                    into.dedup();
                }
                Some(Event::CaseHandedOver(handed)) => {
                    let messages = self.messages.get(&handed.case).cloned().unwrap_or_default();
                    let (case, to) = (handed.case, handed.desk.clone());
                    self.waiting.push_back(Handover { place: (seq, index), case, to, messages });
                }
                Some(Event::CaseForgotten(forgotten)) => drop(self.messages.remove(&forgotten.case)),
                _ => {}
            }
        }
    }

    /// Carries what waits, in order for each desk; whether all went.
    pub(crate) async fn carry(&mut self) -> bool {
        // What goes to one desk keeps its order; a desk that can't be reached holds up nobody else's.
        let mut held: HashSet<String> = HashSet::new();
        let mut at = 0;
        while let Some(handover) = self.waiting.get(at) {
            let (from, to) = (self.log.desk().as_str(), handover.to.clone());
            let known = !self.context.follows(&to) || self.context.carried.is_read(&to);
            let has = self.context.carried.has(&to, from, handover.place);
            if !held.contains(&to) && known && (has || self.carry_one(at).await) {
                self.waiting.remove(at);
            } else {
                held.insert(to);
                at += 1;
            }
        }
        self.waiting.is_empty()
    }

    /// Whether one stands on the other log, or never will.
    async fn carry_one(&mut self, at: usize) -> bool {
        let Some(Handover { place, case, to, messages }) = self.waiting.get(at) else { return true };
        let (place, case, to) = (*place, *case, to.clone());
        let messages = match self.fetch(messages).await {
            Ok(messages) => messages,
            Err(FetchError::Log(problem)) if problem.is_transient() => return false,
            Err(problem) => {
                error!(desk = %self.log.desk(), case, %problem, "a case can't be handed over");
                return true;
            }
        };
        let Some(appender) = self.appender(&to).await else { return false };
        let desk = self.log.desk().to_string();
        let handover = v1::Handover { desk: desk.clone(), seq: place.0, index: place.1, case, messages };
        match appender.append(inputs::handover(&self.context.keyer, handover)).await {
            Ok(_) => {
                self.context.carried.note(&to, &desk, place);
                counter!(metric::HANDOVERS).increment(1);
                true
            }
            Err(problem) => {
                warn!(%desk, to, case, %problem, "a case is not handed over yet, will try again");
                false
            }
        }
    }

    async fn fetch(&self, places: &[v1::InputId]) -> Result<Vec<v1::Message>, FetchError> {
        let mut found = Vec::with_capacity(places.len());
        for place in places {
            found.extend(messages::all(self.log.as_ref(), place).await?);
        }
        Ok(found)
    }

    async fn appender(&mut self, desk: &str) -> Option<Appender> {
        if let Some(appender) = self.appenders.get(desk) {
            return Some(appender.clone());
        }
        let opened = match DeskName::new(desk) {
            Ok(name) => self.context.store.open(&name).await,
            Err(problem) => {
                error!(%problem, "a case was handed over to no desk");
                return None;
            }
        };
        let log = opened.inspect_err(|problem| warn!(desk, %problem, "can't hand over yet")).ok()?;
        let appender = Appender::new(log, Door::Deliver, &self.context.name, Limits::default());
        self.appenders.insert(desk.to_owned(), appender.clone());
        Some(appender)
    }
}
