//! What templates may say of a case that is remembered: a fold of the desk's commits. Facts and numbers that stand on
//! the log already are read there when something is sent; only their places are kept.

use std::collections::{HashMap, HashSet};

use simpang_domain::stored;
use simpang_domain::stored::ways::{Each, Maybe, Numbered, Own, Pair};
use simpang_domain::words::Name;
use simpang_log::DeskLog;
use simpang_proto::log::v1::fact::Value;
use simpang_proto::log::v1::{self, event::Body as Event, input::Body as Input};
use simpang_wire::stored::Encoded;

use crate::changes::{Change, Changes, Part, changed};
use crate::messages::{self, FetchError};

/// Case facts that templates may name.
pub(crate) const FACTS: [&str; 3] = ["internet_number", "phone_number", "ticket"];

/// What is known of a case.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known {
    /// Channel it came by.
    pub(crate) channel: v1::Channel,
    /// Campaign; empty: none.
    pub(crate) campaign: Name,
    /// Priority.
    pub(crate) priority: Name,
    /// Queue.
    pub(crate) queue: Name,
    /// Segment.
    pub(crate) segment: Name,
    /// Category path.
    pub(crate) category: Vec<Name>,
    /// Number of the ticket that was linked last.
    pub(crate) ticket: Name,
    /// Its latest message of the customer.
    pub(crate) latest: Option<v1::InputId>,
    /// What opened it.
    opening: Option<v1::InputId>,
    /// What set facts, oldest first.
    told: Vec<v1::InputId>,
    /// Messages that are not as they came.
    changed: Vec<(Part, Changes)>,
    /// Deadlines of the clocks that run.
    deadlines: Vec<(v1::SlaClock, i64)>,
}

stored!(struct Known {
    channel as Numbered,
    campaign,
    priority,
    queue,
    segment,
    category,
    ticket,
    latest as Maybe<Encoded>,
    opening as Maybe<Encoded>,
    told as Each<Encoded>,
    changed,
    deadlines as Each<Pair<Numbered, Own>>,
});

impl Known {
    /// When the first of its clocks that run is up, ms since 1970 UTC.
    pub(crate) fn due(&self) -> Option<i64> {
        self.deadlines.iter().map(|(_, at)| *at).min()
    }

    /// What became of a message since it came.
    pub(crate) fn changes(&self, message: Part) -> Option<&Changes> {
        self.changed.iter().find(|(changed, _)| *changed == message).map(|(_, changes)| changes)
    }

    fn note(&mut self, message: Part, change: Change) {
        let known = self.changed.iter_mut().find(|(changed, _)| *changed == message);
        if let Some((_, changes)) = known {
            return changes.take(change);
        }
        let mut changes = Changes::default();
        changes.take(change);
        self.changed.push((message, changes));
    }

    /// Reads [`FACTS`] from the log; later words stand over earlier ones.
    pub(crate) async fn facts(&self, log: &dyn DeskLog) -> Result<HashMap<String, String>, FetchError> {
        let mut found = HashMap::new();
        for place in self.opening.iter().chain(&self.told) {
            let said = match messages::input(log, place).await {
                Ok((_, input)) => said(input),
                Err(FetchError::Missing(..)) => Vec::new(),
                Err(away) => return Err(away),
            };
            found.extend(said);
        }
        if !self.ticket.is_empty() {
            found.insert("ticket".to_owned(), self.ticket.to_string());
        }
        Ok(found)
    }

    fn stop(&mut self, clock: v1::SlaClock) {
        self.deadlines.retain(|(running, _)| *running != clock);
    }

    fn run(&mut self, clock: v1::SlaClock, deadline: i64) {
        self.stop(clock);
        self.deadlines.push((clock, deadline));
    }
}

/// The [`FACTS`] that an input states.
fn said(input: Input) -> Vec<(String, String)> {
    let (facts, customer, phone) = match input {
        Input::Message(message) => (message.facts, message.customer, None),
        Input::Handover(handover) => match handover.messages.into_iter().next() {
            Some(message) => (message.facts, message.customer, None),
            None => return Vec::new(),
        },
        Input::Contact(contact) => {
            let content: v1::ContactContent = messages::open(contact.content.as_ref()).unwrap_or_default();
            (contact.facts, contact.customer, content.phones.into_iter().next())
        }
        Input::Command(command) => match command.body {
            Some(v1::command::Body::Classify(classify)) => (classify.facts, None, None),
            Some(v1::command::Body::Identify(identify)) => (Vec::new(), identify.customer, None),
            _ => return Vec::new(),
        },
        _ => return Vec::new(),
    };
    let of_customer = customer.map(|customer| customer.facts).unwrap_or_default();
    let phone = phone.map(|phone| ("phone_number".to_owned(), phone));
    let facts = of_customer.into_iter().chain(facts).filter(|fact| FACTS.contains(&fact.name.as_str()));
    phone.into_iter().chain(facts.map(|fact| (fact.name, shown(fact.value)))).collect()
}

fn shown(value: Option<Value>) -> String {
    match value {
        Some(Value::Text(text)) => text,
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    }
}

/// The cases of a desk.
#[derive(Debug, Default)]
pub(crate) struct Cases {
    known: HashMap<u64, Known>,
    /// The same words stand on many cases.
    words: HashSet<Name>,
}

stored!(struct Cases { known, words });

impl Cases {
    /// What is known of a case.
    pub(crate) fn get(&self, case: u64) -> Option<&Known> {
        self.known.get(&case)
    }

    /// Takes in one event.
    pub(crate) fn fold(&mut self, event: &v1::Event) {
        match &event.body {
            Some(Event::CaseOpened(e)) => {
                let from = self.known.get(&e.split_from).cloned().unwrap_or_default();
                let (channel, campaign) = (e.channel(), self.word(&e.campaign));
                let opening = from.opening.or(event.caused_by);
                self.known.insert(
                    e.case,
                    Known {
                        channel,
                        campaign,
                        opening,
                        told: from.told,
                        changed: from.changed,
                        ..Known::default()
                    },
                );
            }
            Some(Event::MessageJoined(e)) if !e.automatic => {
                self.at(e.case, |known| known.latest = e.message)
            }
            Some(Event::CaseClassified(e)) => {
                let words = [&e.priority, &e.queue, &e.segment].map(|word| self.word(word));
                self.at(e.case, |known| [known.priority, known.queue, known.segment] = words);
            }
            Some(Event::CaseCategorised(e)) => {
                let category = e.category.iter().map(|word| self.word(word)).collect();
                self.at(e.case, |known| {
                    known.category = category;
                    known.told.extend(event.caused_by);
                });
            }
            Some(Event::CaseIdentified(e)) if !e.agent.is_empty() => {
                self.at(e.case, |known| known.told.extend(event.caused_by));
            }
            Some(Event::CaseQueued(e)) => {
                let queue = self.word(&e.queue);
                self.at(e.case, |known| known.queue = queue);
            }
            Some(Event::PriorityChanged(e)) => {
                let priority = self.word(&e.priority);
                self.at(e.case, |known| known.priority = priority);
            }
            Some(Event::ReferenceLinked(e)) => {
                self.at(e.case, |known| known.ticket = e.number.as_str().into());
            }
            Some(Event::CaseForgotten(e)) => drop(self.known.remove(&e.case)),
            _ => self.fold_messages(event),
        }
    }

    /// Which messages are not as they came.
    fn fold_messages(&mut self, event: &v1::Event) {
        if let Some((case, message, change)) = changed(event) {
            return self.at(case, |known| known.note(message, change));
        }
        match &event.body {
            Some(Event::CaseMerged(e)) => {
                let changed = self.known.get(&e.case).map(|known| known.changed.clone()).unwrap_or_default();
                self.at(e.into, |known| known.changed.extend(changed));
            }
            _ => self.fold_clock(event),
        }
    }

    fn fold_clock(&mut self, event: &v1::Event) {
        match &event.body {
            Some(Event::SlaStarted(e)) => self.at(e.case, |known| known.run(e.clock(), e.deadline_ms)),
            Some(Event::SlaResumed(e)) => self.at(e.case, |known| known.run(e.clock(), e.deadline_ms)),
            Some(Event::SlaPaused(e)) => self.at(e.case, |known| known.stop(e.clock())),
            Some(Event::SlaMet(e)) => self.at(e.case, |known| known.stop(e.clock())),
            Some(Event::SlaCancelled(e)) => self.at(e.case, |known| known.stop(e.clock())),
            _ => {}
        }
    }

    fn at(&mut self, case: u64, change: impl FnOnce(&mut Known)) {
        if let Some(known) = self.known.get_mut(&case) {
            change(known);
        }
    }

    fn word(&mut self, word: &str) -> Name {
        if let Some(known) = self.words.get(word) {
            return known.clone();
        }
        let word: Name = word.into();
        self.words.insert(word.clone());
        word
    }
}
