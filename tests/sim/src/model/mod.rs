//! A naive picture of what a desk has to be, from its records alone: plain lists that are looked through from one end
//! to the other, no index, nothing of the core's. It knows the simulated policy by heart and says, input by input,
//! whether what was decided can be right.

mod agents;
mod cases;
mod keys;

use prost::Message as _;
use simpang_log::{Record, RecordKind};
use simpang_proto::log::v1::{self, Event, Input, event::Body, input};

use agents::Agent;
use cases::Case;
use keys::Keys;

/// An input's sequence and index.
type Id = (u64, u32);

/// An input that came.
#[derive(Debug)]
struct Came {
    id: Id,
    input: Input,
}

/// One desk.
#[derive(Debug, Default)]
pub(crate) struct Model {
    came: Vec<Came>,
    cases: Vec<Case>,
    agents: Vec<Agent>,
    keys: Keys,
    /// Messages, and the case each is on.
    messages: Vec<(Id, u64)>,
    /// The input whose events are being read.
    current: Option<Id>,
    wrong: Vec<String>,
    pub(crate) opened: u64,
}

fn id_of(id: Option<v1::InputId>) -> Id {
    id.map_or((0, 0), |id| (id.seq, id.index))
}

impl Model {
    /// Reads a desk's records from the first to the last; says what can't be right.
    pub(crate) fn read(&mut self, records: &[Record]) -> Vec<String> {
        for record in records {
            match record.kind {
                RecordKind::Input(_) => self.inputs(record),
                RecordKind::Commit => self.commit(record),
            }
        }
        std::mem::take(&mut self.wrong)
    }

    /// Whether an input with this key was judged.
    pub(crate) fn knows(&self, key: &[u8]) -> bool {
        self.keys.knows(key)
    }

    fn inputs(&mut self, record: &Record) {
        let read = v1::InputRecord::decode(record.payload.clone()).unwrap_or_default();
        for (index, input) in (0..).zip(read.inputs) {
            self.came.push(Came { id: (record.seq, index), input });
        }
    }

    fn commit(&mut self, record: &Record) {
        let Ok(commit) = v1::Commit::decode(record.payload.clone()) else {
            return self.wrong(&format!("commit {} can't be read", record.seq));
        };
        for event in &commit.events {
            let cause = id_of(event.caused_by);
            if self.current.is_some_and(|current| current != cause) {
                self.end_input();
            }
            self.current = Some(cause);
            self.event(event);
        }
        let through = commit.decided_through.unwrap_or_default();
        if through.step == 0 {
            self.end_input();
        }
        let decided = |came: &Came| {
            came.id < (through.seq, through.index)
                || (came.id == (through.seq, through.index) && through.step == 0)
        };
        let judged: Vec<Came> = self.came.extract_if(.., |came| decided(came)).collect();
        for came in judged {
            let said = self.keys.judged(came.id, &came.input);
            self.wrong.extend(said);
        }
    }

    fn wrong(&mut self, what: &str) {
        let at = self.current.unwrap_or_default();
        self.wrong.push(format!("model: input {}.{}: {what}", at.0, at.1));
    }

    fn input(&self, id: Id) -> Option<&Input> {
        self.came.iter().find(|came| came.id == id).map(|came| &came.input)
    }

    fn event(&mut self, event: &Event) {
        let Some(body) = &event.body else { return };
        let cause = id_of(event.caused_by);
        match body {
            Body::InputDuplicated(repeat) => self.keys.repeated(cause, id_of(repeat.of)),
            Body::PolicyRefused(refused) => {
                self.wrong(&format!("policy {} was refused: {:?}", refused.version, refused.errors));
            }
            Body::MessageJoined(joined) => self.joined(joined),
            Body::AgentChanged(changed) => {
                if let Some(input::Body::Agent(record)) =
                    self.input(cause).and_then(|input| input.body.clone())
                {
                    self.agent(&changed.agent).record(record);
                }
            }
            _ => {
                self.agent_event(body);
                self.case_event(body, event.at_ms);
            }
        }
    }

    fn joined(&mut self, joined: &v1::MessageJoined) {
        let message = id_of(joined.message);
        match self.messages.iter_mut().find(|(other, _)| *other == message) {
            Some((_, case)) if joined.by() == v1::JoinedBy::Agent => *case = joined.case,
            Some((_, case)) => {
                let what = format!("message {message:?} is on case {case} and joined case {}", joined.case);
                self.wrong(&what);
            }
            None => self.messages.push((message, joined.case)),
        }
    }

    /// When all that follows from an input has happened.
    fn end_input(&mut self) {
        if self.current.is_none() {
            return;
        }
        self.each_case_in_one_place();
        self.nobody_idle();
        self.current = None;
    }
}
