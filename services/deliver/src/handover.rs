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

mod carrier;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};

use simpang_domain::stored;
use simpang_log::Door;
use simpang_proto::log::v1::{self, event::Body as Event, input::Body as Input};

pub(crate) use self::carrier::Carrier;
use crate::changes::{Change, Changes, Part, changed};

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
            let withdrawals = (0..).zip(inputs).filter(|(_, input)| match &input.body {
                Some(Input::Message(message)) => message.kind() == v1::MessageKind::Remove,
                _ => false,
            });
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
                Some(Event::CaseHandedOver(handed)) => self.hand_over((seq, index), handed),
                Some(Event::CaseForgotten(forgotten)) => self.forget(forgotten.case),
                Some(Event::InputRefused(_)) => self.tell_partners((seq, index), event.caused_by),
                _ => {
                    self.place(event);
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

    /// Follows which messages are on which case.
    fn place(&mut self, event: &v1::Event) {
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
            _ => {}
        }
    }

    fn hand_over(&mut self, place: Place, handed: &v1::CaseHandedOver) {
        let messages = self.messages.get(&handed.case).cloned().unwrap_or_default();
        let (case, to) = (handed.case, handed.desk.clone());
        self.gone.insert(case, to.clone());
        self.partners.insert(to.clone());
        self.waiting.push_back(Load { place, case, to, what: What::Case(messages) });
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

/// A case that comes back takes along what became of its messages since it was to go.
fn drop_since(waiting: &mut VecDeque<Load>, case: u64, place: Place) {
    waiting.retain(|load| load.case != case || load.place < place);
}
