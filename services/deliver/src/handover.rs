//! Cases that go to another desk: an event on one log, carried over in order as an input on the other's.
//!
//! What becomes of its messages here afterwards, since their channel goes on telling this desk, follows them in the same
//! order: edits, withdrawals and what is read again. A withdrawal that this desk can't place any more goes to every desk
//! that ever got a case from here, since one of those may have the message still.
//!
//! How far the other desk has come is read from its own log, where the handovers stand; the desk itself judges a
//! repeat as one. So nothing is kept here either, and two deliverers do no harm to each other.
//!
//! What trying again can't mend (no such desk, a case that is larger than a record may be, a message that is not there
//! any more) is given back to the sending desk, which opens the case again. What operators can mend (a stream that is
//! away or wrongly set up) is tried again until it goes.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use metrics::counter;
use simpang_domain::stored;
use simpang_log::{AppendError, Appender, DeskLog, DeskName, Door, Limits, LogError};
use simpang_proto::log::v1::{self, event::Body as Event, input::Body as Input};
use tracing::{error, warn};

use crate::changes::{Change, Changes, Part, changed};
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
    changed: BTreeMap<Part, Changes>,
    /// Cases that were given to another desk, as long as this one remembers them: to which.
    gone: BTreeMap<u64, String>,
    /// Desks that were ever given one.
    partners: BTreeSet<String>,
    /// Withdrawals that came from outside and are not judged.
    withdrawals: BTreeSet<Place>,
    /// What has to go, in order. Whether it went, the other desk's log says.
    waiting: VecDeque<Load>,
    /// How far what each other desk gave has arrived here.
    received: BTreeMap<String, Place>,
}

stored!(struct Handovers { messages, changed, gone, partners, withdrawals, waiting, received });

/// Something that has to go to another desk.
#[derive(Debug)]
struct Load {
    place: Place,
    case: u64,
    to: String,
    what: What,
}

stored!(struct Load { place, case, to, what });

#[derive(Debug)]
enum What {
    /// A case with these messages.
    Case(Vec<Place>),
    /// What became of a message of a case that went before.
    Change(Part, Change),
    /// The input that withdraws a message which is not known here any more.
    Withdrawal(Place),
}

stored!(enum What {
    0 = Case(messages: Vec<Place>),
    1 = Change(message: Part, change: Change),
    2 = Withdrawal(by: Place),
});

/// What a record brings from other desks: from which, and where each stands there.
pub(crate) fn received(inputs: &[v1::Input]) -> impl Iterator<Item = (&str, Place)> {
    inputs.iter().filter_map(|input| match &input.body {
        Some(Input::Handover(handover)) => Some((handover.desk.as_str(), (handover.seq, handover.index))),
        Some(Input::HandoverChange(change)) => Some((change.desk.as_str(), (change.seq, change.index))),
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

    /// Notes what other desks' cases have arrived here, and which of ours were given back; and what is withdrawn.
    pub(crate) fn arrive(&mut self, door: Door, seq: u64, inputs: &[v1::Input]) {
        if door != Door::Deliver {
            let withdraws = |input: &v1::Input| matches!(&input.body, Some(Input::Message(m)) if m.kind() == v1::MessageKind::Remove);
            let withdrawals = (0..).zip(inputs).filter(|(_, input)| withdraws(input));
            self.withdrawals.extend(withdrawals.map(|(index, _)| (seq, index)));
            return;
        }
        for (from, place) in received(inputs) {
            let through = self.received.entry(from.to_owned()).or_default();
            *through = place.max(*through);
        }
        for input in inputs {
            if let Some(Input::HandoverFailure(failure)) = &input.body {
                self.gone.remove(&failure.case);
                drop_since(&mut self.waiting, failure.case, (failure.seq, failure.index));
            }
        }
    }

    /// Follows which messages are on which case, and what has to go.
    pub(crate) fn fold(&mut self, seq: u64, commit: &v1::Commit) {
        for (index, event) in (0..).zip(&commit.events) {
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
                    self.gone.insert(case, to.clone());
                    self.partners.insert(to.clone());
                    let what = What::Case(messages);
                    self.waiting.push_back(Load { place: (seq, index), case, to, what });
                }
                Some(Event::CaseForgotten(forgotten)) => self.forget(forgotten.case),
                Some(Event::InputRefused(_)) => self.tell_partners((seq, index), event.caused_by),
                _ => {
                    if let Some((case, message, change)) = changed(event) {
                        self.changed.entry(message).or_default().take(change);
                        self.follow((seq, index), case, message, change);
                    }
                }
            }
        }
        if let Some(through) = &commit.decided_through {
            // Of an input that is judged in part the rest follows in the next commit.
            let judged = (through.seq, through.index);
            self.withdrawals.retain(|by| *by > judged || (*by == judged && through.step > 0));
        }
    }

    /// A withdrawal that was set aside here may be of a message that another desk has still.
    fn tell_partners(&mut self, place: Place, input: Option<v1::InputId>) {
        let Some(by) = input.map(self::place).filter(|by| self.withdrawals.contains(by)) else { return };
        let load = |to: &String| Load { place, case: 0, to: to.clone(), what: What::Withdrawal(by) };
        self.waiting.extend(self.partners.iter().map(load));
    }

    /// What becomes of a message goes where its case went.
    fn follow(&mut self, place: Place, case: u64, message: Part, change: Change) {
        if let Some(to) = self.gone.get(&case).cloned() {
            self.waiting.push_back(Load { place, case, to, what: What::Change(message, change) });
        }
    }

    fn forget(&mut self, case: u64) {
        self.gone.remove(&case);
        let messages = self.messages.remove(&case).unwrap_or_default();
        // What still has to go is carried as it stands.
        let waits = |message: &Place| {
            self.waiting.iter().any(|load| matches!(&load.what, What::Case(all) if all.contains(message)))
        };
        let gone: Vec<_> = messages.into_iter().filter(|message| !waits(message)).collect();
        for message in gone {
            let parts = self.changed.range((message, 0)..=(message, u32::MAX));
            for part in parts.map(|(part, _)| *part).collect::<Vec<_>>() {
                self.changed.remove(&part);
            }
        }
    }
}

/// Only what names a message.
fn named(message: v1::Message) -> v1::Message {
    let v1::Message { channel, account, source, .. } = message;
    v1::Message { channel, account, source, ..v1::Message::default() }
}

/// A case that comes back takes along what became of its messages since it was to go.
fn drop_since(waiting: &mut VecDeque<Load>, case: u64, place: Place) {
    waiting.retain(|load| load.case != case || load.place < place);
}

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
