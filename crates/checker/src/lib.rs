//! The checker: recomputes from a desk's log, and from the journals of its senders and receivers, what must always hold
//! (`ARCHITECTURE.md`, "What must always hold"). It depends on the protobuf shapes only and on none of our logic, so
//! that a mistake in the core cannot hide itself here.
//!
//! [`Checker::feed`] takes the records of a log one by one, in order, from its first; [`Checker::finish`] answers with
//! a [`Report`]. Memory grows with open cases, with inputs not yet judged (their bytes are kept for the digest), with
//! about a hundred bytes for each keyed input and with a few for each record and delivery.
//!
//! One module a group of invariants: `judging` and `acknowledged` (1), `messages` (2), `assignment` (3), `order` (4),
//! `sla` and `owed` (6), `chain` (8), `deliveries` (9), `lifecycle` (what the shapes promise of a case). Not here: that views equal
//! the fold of the log (5), which is shown by comparing two builds of a view, and that judging again gives the same
//! events (7), which `simpang verify` does.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic))]

mod code;
mod ids;
mod journal;
mod report;

mod arrived;
mod names;

mod agent;
mod desk;
mod faults;

mod acknowledged;
mod assignment;
mod calendar;
mod calls;
mod chain;
mod deliveries;
mod judging;
mod lifecycle;
mod messages;
mod order;
mod owed;
mod sla;
mod terms;

pub use calendar::{Calendars, RoundTheClock};
pub use code::Code;
pub use ids::{DeliveryId, InputId};
pub use journal::{JournalError, Journals, ReceivedEntry, SentEntry, read_journal};
pub use report::{Counts, Report, Violation};
pub use terms::{Policies, SharedCapacity, Terms};

use std::collections::HashSet;

use prost::Message as _;
use prost::bytes::Bytes;
use simpang_proto::log::v1::{self, event::Body};

use crate::acknowledged::{Acknowledged, Door};
use crate::arrived::{Arrived, Kind};
use crate::assignment::Assignment;
use crate::calls::Calls;
use crate::chain::Chain;
use crate::deliveries::Deliveries;
use crate::desk::Desk;
use crate::faults::Faults;
use crate::ids::Decided;
use crate::judging::Judging;
use crate::lifecycle::Lifecycle;
use crate::messages::Messages;
use crate::order::Order;
use crate::owed::Owed;
use crate::report::Findings;
use crate::sla::Sla;

/// The newest layout of a record that this crate knows.
const SCHEMA: u32 = 1;

/// One record as it stands on a desk's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawRecord {
    /// Stream sequence, from 1.
    pub seq: u64,
    /// The broker's timestamp, ms since 1970 UTC.
    pub at_ms: i64,
    /// Subject.
    pub subject: String,
    /// The bytes.
    pub payload: Bytes,
}

impl RawRecord {
    /// A record.
    pub fn new(seq: u64, at_ms: i64, subject: impl Into<String>, payload: impl Into<Bytes>) -> Self {
        Self { seq, at_ms, subject: subject.into(), payload: payload.into() }
    }
}

/// What the log does not say and the caller may know.
#[derive(Debug)]
pub struct Options {
    /// The desk has nothing left to do: everything is judged and every delivery has ended.
    pub quiescent: bool,
    /// What holds until a policy says otherwise.
    pub terms: Terms,
    /// Reads policies. None: the terms hold whatever policies come.
    pub policies: Option<Box<dyn Policies>>,
    /// How many violations of each code are kept; all are counted.
    pub kept_per_code: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { quiescent: false, terms: Terms::default(), policies: None, kept_per_code: 10 }
    }
}

/// Checks one desk's log.
#[derive(Debug)]
pub struct Checker {
    desk_name: String,
    quiescent: bool,
    /// Time of the last input that was judged to its end.
    judged_ms: i64,
    /// The input whose events are being looked at.
    current: Option<InputId>,
    chain: Chain,
    judging: Judging,
    acknowledged: Acknowledged,
    messages: Messages,
    desk: Desk,
    lifecycle: Lifecycle,
    assignment: Assignment,
    calls: Calls,
    faults: Faults,
    order: Order,
    sla: Sla,
    owed: Owed,
    deliveries: Deliveries,
    policies: Option<Box<dyn Policies>>,
    found: Findings,
}

impl Checker {
    /// For the log of a desk, knowing nothing but the log.
    #[must_use]
    pub fn new(desk: &str) -> Self {
        Self::with(desk, Options::default())
    }

    /// For the log of a desk.
    #[must_use]
    pub fn with(desk: &str, options: Options) -> Self {
        Self {
            desk_name: desk.to_owned(),
            quiescent: options.quiescent,
            judged_ms: i64::MIN,
            current: None,
            chain: Chain::default(),
            judging: Judging::new(),
            acknowledged: Acknowledged::default(),
            messages: Messages::new(options.terms.key_memory_ms),
            desk: Desk::new(&options.terms),
            lifecycle: Lifecycle::default(),
            assignment: Assignment::default(),
            calls: Calls::default(),
            faults: Faults::default(),
            order: Order::default(),
            sla: Sla::new(options.terms.calendars),
            owed: Owed::default(),
            deliveries: Deliveries::default(),
            policies: options.policies,
            found: Findings::new(options.kept_per_code),
        }
    }

    /// Takes the next record. Whatever stands in it is counted or reported; nothing stops the check.
    pub fn feed(&mut self, record: RawRecord) {
        self.found.look_at(record.seq);
        self.found.counts.records += 1;
        self.chain.record(record.seq, &mut self.found);
        let own = record.subject.strip_prefix("simpang.").and_then(|rest| rest.strip_prefix(&self.desk_name));
        let own = own.and_then(|rest| rest.strip_prefix('.'));
        match own.map(|rest| (rest, rest.strip_prefix("in.").and_then(Door::of))) {
            Some(("commit", _)) => self.feed_commit(&record),
            Some((_, Some(door))) => self.feed_inputs(record, door),
            _ => {
                let (subject, desk) = (&record.subject, &self.desk_name);
                self.found
                    .broken(Code::SubjectUnknown, format_args!("{subject} is no subject of desk {desk}"));
            }
        }
    }

    fn feed_inputs(&mut self, record: RawRecord, door: Door) {
        let decoded = arrived::decode_record(&record.payload);
        self.known_schema(decoded.as_ref().map_or(0, |r| r.schema));
        let now_ms = self.judging.now(record.at_ms);
        let inputs = arrived::read_record(record.seq, now_ms, decoded);
        self.acknowledged.record(record.seq, inputs.len(), door);
        let counts = &mut self.found.counts;
        counts.inputs += inputs.len() as u64;
        for input in &inputs {
            counts.messages += u64::from(matches!(input.kind, Kind::Message));
            counts.contacts += u64::from(matches!(input.kind, Kind::Contact(_)));
            counts.commands += u64::from(matches!(input.kind, Kind::Command(_)));
        }
        self.judging.waiting.extend(inputs);
        self.chain.input(record.seq, record.subject, record.payload);
    }

    fn known_schema(&mut self, schema: u32) {
        if schema > SCHEMA {
            self.found
                .broken(Code::SchemaUnknown, format_args!("layout {schema}, known are those up to {SCHEMA}"));
        }
    }

    fn feed_commit(&mut self, record: &RawRecord) {
        self.found.counts.commits += 1;
        match v1::Commit::decode(record.payload.clone()) {
            Ok(commit) => self.look_at_commit(&commit, record.seq),
            Err(error) => self.found.broken(Code::CommitUnreadable, format_args!("{error}")),
        }
        self.chain.sealed(record.seq, &record.payload);
    }

    fn look_at_commit(&mut self, commit: &v1::Commit, seq: u64) {
        self.known_schema(commit.schema);
        if commit.schema == 0 {
            self.found.broken(Code::SchemaUnknown, format_args!("the commit states no layout"));
        }
        let through = Decided::of(commit.decided_through);
        self.chain.commit(commit, through, &mut self.found);
        self.judging.begin(commit, seq, through, &mut self.found);
        for event in &commit.events {
            self.look_at_event(event);
        }
        while let Some(input) = self.judging.next_judged() {
            self.judged_ms = input.now_ms;
            judging::answered(&input, &mut self.found);
            self.messages.judged(&input, &mut self.found);
            Deliveries::judged(&input, &mut self.found);
        }
        if self.current.is_some_and(|input| self.judging.decided.covers(input)) {
            self.end_input();
        }
    }

    fn look_at_event(&mut self, event: &v1::Event) {
        self.found.counts.events += 1;
        let at = self.judging.event(event, &mut self.found);
        let input = at.map(|at| self.judging.waiting[at].id);
        if self.current.is_some() && input.is_some() && input != self.current {
            self.end_input();
        }
        self.current = input.or(self.current);
        let Some(body) = &event.body else {
            self.found.broken(Code::EventUnreadable, format_args!("an event of no kind that is known"));
            return;
        };
        self.found.counts.cases += u64::from(matches!(body, Body::CaseOpened(_)));
        self.found.counts.closed += u64::from(matches!(body, Body::CaseClosed(_)));
        self.check_event(event, body, at);
    }

    fn check_event(&mut self, event: &v1::Event, body: &Body, at: Option<usize>) {
        let found = &mut self.found;
        let mut cause: Option<&mut Arrived> = at.and_then(|at| self.judging.waiting.get_mut(at));
        if let Some(cause) = cause.as_deref_mut() {
            judging::refusals(body, cause, found);
        }
        Chain::applied(body, cause.as_deref(), found);
        self.messages.event(body, cause.as_deref_mut(), found);
        self.deliveries.event(event, body, cause.as_deref_mut(), found);
        let cause = cause.as_deref();
        self.lifecycle.event(&self.desk, body, cause, found);
        self.assignment.event(&self.desk, body, found);
        self.calls.event(body, cause, found);
        self.faults.event(body, cause, found);
        self.order.event(&self.desk, body, cause, found);
        self.sla.event(body, event.at_ms, found);
        self.owed.event(body);
        self.desk.apply(body, cause);
        if let (Body::PolicyApplied(_), Some(Kind::Policy { document, .. })) = (body, cause.map(|c| &c.kind))
            && let Some(terms) = self.policies.as_ref().and_then(|policies| policies.read(document))
        {
            self.messages.remember_for(terms.key_memory_ms, event.at_ms);
            self.desk.take_terms(&terms);
            self.sla.take_calendars(terms.calendars);
        }
    }

    /// At the end of an input's events.
    fn end_input(&mut self) {
        self.current = None;
        order::nobody_idle(&mut self.desk, &mut self.found);
        self.messages.end(&mut self.found);
        self.lifecycle.end(&self.desk, &mut self.found);
        self.owed.end(&self.desk, &self.sla, &mut self.found);
        let loose = self.desk.take_loose();
        self.assignment.end(&self.desk, &loose, &mut self.found);
    }

    /// Ends the check: looks the journals up, and what must hold at the end.
    #[must_use]
    pub fn finish(mut self, journals: &Journals) -> Report {
        let found = &mut self.found;
        self.judging.finish(self.quiescent, found);
        let waiting: HashSet<arrived::Key> =
            self.judging.waiting.iter().filter_map(|input| input.key).collect();
        let waits = |key: &arrived::Key| waiting.contains(key);
        self.acknowledged.finish(&journals.sent, &self.desk_name, &self.messages, waits, found);
        self.sla.finish(&self.desk, self.judged_ms, found);
        self.deliveries.finish(&self.desk_name, journals, self.quiescent, found);
        self.found.report(self.desk_name, self.quiescent)
    }
}
