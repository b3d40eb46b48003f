//! A desk of its own for one scenario, on time that only the scenario moves.

use std::collections::BTreeMap;

use prost::Message;
use prost_reflect::DynamicMessage;
use simpang_domain::desk::Desk;
use simpang_domain::event::{Event, Happened};
use simpang_domain::input::{Body, Input, PolicyVersion};
use simpang_domain::rules::Rules;
use simpang_domain::words::{CaseId, DeliveryId, InputId, Millis};
use simpang_policy::Policy;
use simpang_proto::log::v1;
use simpang_wire::input::Door;
use toml::{Table, Value};

use crate::script::Step;
use crate::shape::{self, Cast};
use crate::time;

/// The gateway that holds every session of a scenario, and the deliverer that sends.
const GATEWAY: &str = "scenario";

/// A desk, its time, and what has happened so far.
pub(crate) struct Stage {
    pub(crate) desk: Desk<Policy>,
    pub(crate) cast: Cast,
    records: BTreeMap<String, Table>,
    seq: u64,
    sessions: bool,
    waiting: Vec<DeliveryId>,
    /// The case that was touched last.
    pub(crate) case: u64,
    /// What happened in this step.
    pub(crate) events: Vec<Event>,
}

impl Stage {
    /// A desk with this policy in force and nothing on its log.
    pub(crate) fn new(policy: &Policy, start: Millis, cast: Cast, records: BTreeMap<String, Table>) -> Self {
        let mut stage = Self {
            desk: Desk::new(policy.clone()),
            cast: Cast { now: start, ..cast },
            records,
            seq: 0,
            sessions: false,
            waiting: Vec::new(),
            case: 0,
            events: Vec::new(),
        };
        let (version, digest) = (policy.version(), policy.digest());
        let body =
            Body::Policy(PolicyVersion { version, digest, cites: policy.cites().into(), errors: Vec::new() });
        let id = stage.next();
        let input = Input { id, at: start, key: None, body };
        let events = stage.desk.judge(&input, Some(policy.clone()));
        stage.remember(events);
        stage
    }

    /// Lets one step happen.
    ///
    /// # Errors
    /// What of the step can't be done as it is written.
    pub(crate) fn play(&mut self, step: &Step) -> Result<(), String> {
        self.events.clear();
        self.pass_time(step)?;
        for (agents, auto) in [(&step.ready, false), (&step.auto, true)] {
            for agent in agents {
                self.sign_in(agent, auto)?;
            }
        }
        if let Some(record) = &step.record {
            self.agent_record(record)?;
        }
        if let Some(message) = &step.message {
            self.message(message)?;
        }
        if let Some(contact) = &step.contact {
            self.take("contact", contact.clone(), Door::Ingest)?;
        }
        if let Some(agent) = &step.takes {
            let pull = table([("count", Value::Integer(1))]);
            self.command(agent, 0, table([("pull", Value::Table(pull))]))?;
        }
        if let Some(ask) = &step.ask {
            let by = step.by.as_deref().ok_or("`ask` needs `by`: who asks")?;
            let case = step.case.unwrap_or(if names_no_case(ask) { 0 } else { self.case });
            self.command(by, case, ask.clone())?;
        } else if step.by.is_some() {
            return Err("`by` needs `ask`: what they ask".to_owned());
        }
        if let Some(outcome) = &step.deliver {
            self.deliver(outcome)?;
        }
        if let Some(input) = &step.input {
            for (kind, body) in input {
                let body = body.as_table().ok_or_else(|| format!("input.{kind} must be a table"))?;
                self.take(kind, body.clone(), door_of(kind))?;
            }
        }
        if let Some(case) = step.case {
            self.case = case;
        }
        Ok(())
    }

    fn pass_time(&mut self, step: &Step) -> Result<(), String> {
        let now = self.cast.now;
        let later = |span: &String| {
            let ms = time::span(span).ok_or_else(|| format!("{span:?} is no span such as \"15m\""));
            ms.map(|ms| now.saturating_add(ms))
        };
        let to = match (&step.wait, &step.until, &step.silent) {
            (None, None, None) => return Ok(()),
            (Some(span), None, None) | (None, None, Some(span)) => later(span)?,
            (None, Some(at), None) => {
                time::time(at, now).ok_or_else(|| format!("until: {at:?} is no time"))?
            }
            _ => return Err("a step has one of `wait`, `until` and `silent`".to_owned()),
        };
        if to < now {
            return Err("time does not go back".to_owned());
        }
        // A gateway that lives says so before its silence ends the sessions it holds.
        let beat_ms = (self.desk.rules().tables().limits.grace_ms / 2).max(1);
        while self.sessions && step.silent.is_none() && self.cast.now < to {
            let beat = v1::Heartbeat { gateway: GATEWAY.to_owned(), began: false };
            self.judge(&input_of(v1::input::Body::Heartbeat(beat)), Door::Gateway);
            self.cast.now = to.min(self.cast.now.saturating_add(beat_ms));
        }
        self.cast.now = to;
        self.judge(&input_of(v1::input::Body::Tick(v1::Tick {})), Door::Router);
        Ok(())
    }

    fn sign_in(&mut self, agent: &str, auto: bool) -> Result<(), String> {
        self.agent_record(&table([("agent", Value::String(agent.to_owned()))]))?;
        let mut ask =
            table([("session", agent), ("gateway", GATEWAY)].map(|(k, v)| (k, Value::String(v.to_owned()))));
        ask.insert("ready".to_owned(), Value::Boolean(true));
        ask.insert("auto".to_owned(), Value::Boolean(auto));
        self.sessions = true;
        self.command(agent, 0, table([("sign_in", Value::Table(ask))]))
    }

    /// An agent's record: the file's, with what the step changes.
    fn agent_record(&mut self, changes: &Table) -> Result<(), String> {
        let id = changes.get("agent").and_then(Value::as_str).ok_or("a record names its `agent`")?;
        let record = self.records.get_mut(id).ok_or_else(|| format!("no [agent.{id}] in the file"))?;
        record.extend(changes.clone());
        let mut record = record.clone();
        if let Some(Value::Integer(months)) = record.get("qa_met") {
            let months = usize::try_from(*months).unwrap_or(0);
            record.insert("qa_met".to_owned(), Value::Array(vec![Value::Boolean(true); months]));
        }
        self.take("agent", record, Door::Gateway)
    }

    /// A customer's message: new, to the desk's first account of its channel, unless it says otherwise.
    fn message(&mut self, message: &Table) -> Result<(), String> {
        let mut message = message.clone();
        let channel =
            message.get("channel").and_then(Value::as_str).ok_or("a message needs its `channel`")?;
        let accounts = self.desk.rules().accounts();
        let account = accounts.iter().find(|account| account.channel.as_str() == channel);
        let account = account.map_or_else(|| "nowhere".to_owned(), |account| account.account.to_string());
        let visibility = if channel == "email" { "private" } else { "public" };
        for (key, value) in [("account", account.as_str()), ("kind", "new"), ("visibility", visibility)] {
            message.entry(key).or_insert_with(|| Value::String(value.to_owned()));
        }
        self.take("message", message, Door::Ingest)
    }

    fn command(&mut self, by: &str, case: u64, ask: Table) -> Result<(), String> {
        let mut command = ask;
        command.insert("principal".to_owned(), Value::String(by.to_owned()));
        command.insert("case".to_owned(), Value::Integer(i64::try_from(case).unwrap_or(i64::MAX)));
        self.take("command", command, Door::Gateway)
    }

    /// An input of a kind, from a table; `key` is its idempotency key.
    fn take(&mut self, kind: &str, mut body: Table, door: Door) -> Result<(), String> {
        let key = body.remove("key");
        let mut whole = table([(kind, Value::Table(body))]);
        whole.extend(key.map(|key| ("key".to_owned(), key)));
        let of = shape::descriptor("Input").ok_or("the descriptors have no `Input`")?;
        let built: DynamicMessage = shape::build(&of, &whole, &self.cast)?;
        let input = v1::Input::decode(built.encode_to_vec().as_slice()).map_err(|error| error.to_string())?;
        self.judge(&input, door);
        Ok(())
    }

    /// Every delivery that waits is claimed, sent, and comes to this outcome.
    fn deliver(&mut self, outcome: &str) -> Result<(), String> {
        for delivery in std::mem::take(&mut self.waiting) {
            let input = Some(v1::InputId { seq: delivery.input.seq, index: delivery.input.index });
            let name = v1::DeliveryId { input, part: delivery.part };
            let claim = v1::DeliveryClaim { delivery: Some(name), deliverer: GATEWAY.to_owned() };
            self.judge(&input_of(v1::input::Body::Claim(claim)), Door::Deliver);
            let attempt = self.events.iter().rev().find_map(|event| match event.body {
                Happened::DeliveryStarted { delivery: of, attempt, .. } if of == delivery => Some(attempt),
                _ => None,
            });
            let Some(attempt) = attempt else { continue };
            let outcome = shape::word("DeliveryReport", "outcome", outcome)?;
            let report = v1::DeliveryReport {
                delivery: Some(name),
                attempt,
                outcome,
                ..v1::DeliveryReport::default()
            };
            self.judge(&input_of(v1::input::Body::Report(report)), Door::Deliver);
        }
        Ok(())
    }

    fn next(&mut self) -> InputId {
        self.seq += 1;
        InputId { seq: self.seq, index: 0 }
    }

    fn judge(&mut self, input: &v1::Input, door: Door) {
        let id = self.next();
        // A scenario's policy is the one it began with.
        let unread = |_: &v1::PolicyDocument| PolicyVersion {
            version: 0,
            digest: [0; 32],
            cites: "".into(),
            errors: vec!["a scenario can't change its policy".into()],
        };
        let input = simpang_wire::input::read(id, self.cast.now, door, input, unread);
        if matches!(input.body, Body::Message(_) | Body::Contact(_)) {
            self.cast.inputs.push(id);
        }
        let events = self.desk.judge(&input, None);
        self.remember(events);
    }

    fn remember(&mut self, events: Vec<Event>) {
        for event in &events {
            match &event.body {
                Happened::CaseOpened { case, .. } | Happened::MessageJoined { case, .. } => {
                    self.case = case.0
                }
                Happened::CaseAssigned { case, .. } | Happened::CaseOffered { case, .. } => {
                    self.case = case.0
                }
                Happened::DeliveryQueued(queued) => self.waiting.push(queued.delivery),
                _ => {}
            }
        }
        self.events.extend(events);
    }

    /// The case that expectations are about.
    pub(crate) fn case_now(&self) -> Option<&simpang_domain::state::Case> {
        self.desk.state().cases.get(&CaseId(self.case)).map(AsRef::as_ref)
    }
}

/// Commands of an agent's own work name no case.
fn names_no_case(ask: &Table) -> bool {
    ["sign_in", "sign_out", "set_presence", "pull", "cancel_pull"].iter().any(|kind| ask.contains_key(*kind))
}

/// The service that brings such an input.
fn door_of(kind: &str) -> Door {
    match kind {
        "message" | "contact" | "handover" | "reference_report" => Door::Ingest,
        "claim" | "report" => Door::Deliver,
        "tick" => Door::Router,
        _ => Door::Gateway,
    }
}

fn input_of(body: v1::input::Body) -> v1::Input {
    v1::Input { body: Some(body), ..v1::Input::default() }
}

fn table<const N: usize>(pairs: [(&str, Value); N]) -> Table {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}
