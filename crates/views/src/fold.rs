//! What each record does to the tables. `Fold` lives for one transaction: cases are changed in memory and written
//! once at its end, everything else at once.
//!
//! An event names the input it follows from; texts and other content are that input's. Inputs are therefore kept from
//! when they arrive until the commit that has judged them to their end.

mod agents;
mod audit;
mod cases;
mod deliveries;
mod directory;
mod faults;
mod figures;
mod inputs;
mod messages;
mod sla;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension};
use simpang_log::tail::{Body, Entry};
use simpang_proto::log::v1 as log;
use simpang_proto::log::v1::event::Body as Happened;

use crate::row::{CaseRow, ClockRow, int};
use crate::store::set_meta;

pub(crate) use directory::{directory, folded};
pub(crate) use faults::product_number;
pub(crate) use figures::SLOT_MS;
use sla::{CANCELLED, MET};
pub(crate) use sla::{PAUSED, RUNNING};

/// Cases kept in memory between transactions; beyond that they are read again.
const CASES_MAX: usize = 8_192;

type Done = rusqlite::Result<()>;

/// What a fold changed, for those who watch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Cases.
    pub cases: BTreeSet<u64>,
    /// Agents or what they hold.
    pub agents: bool,
    /// SLA clocks.
    pub sla: bool,
    /// A customer withdrew something: its text is gone from the tables.
    pub withdrawn: bool,
}

/// What a writer keeps in memory: never more than it could read again.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    cases: HashMap<i64, Box<CaseEntry>>,
    dims: figures::Dims,
    last_input: Option<((i64, i64), Arc<log::Input>)>,
    last_minute: Option<i64>,
    next_said: Option<i64>,
}

#[derive(Debug, Default)]
struct CaseEntry {
    row: CaseRow,
    clocks: BTreeMap<i32, ClockRow>,
    dirty: bool,
    dirty_clocks: bool,
}

/// Where an event stands and what it follows from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct At {
    seq: i64,
    idx: i64,
    at_ms: i64,
    policy: i64,
    input: (i64, i64),
}

/// An input that arrived in this transaction.
struct Fresh {
    at_ms: i64,
    input: Arc<log::Input>,
    /// The case that it turns out to be about; 0: none so far.
    case: u64,
    /// It goes into the audit index at the end, by when its case is known.
    indexed: bool,
}

/// One transaction's work.
pub(crate) struct Fold<'a> {
    conn: &'a Connection,
    memory: &'a mut Memory,
    changes: Changes,
    /// Inputs that arrived in this transaction.
    fresh: BTreeMap<(i64, i64), Fresh>,
    /// Inputs up to here are judged to their end.
    judged: Option<(i64, i64)>,
    added: figures::Added,
    placed: audit::Placed,
}

impl<'a> Fold<'a> {
    pub(crate) fn new(conn: &'a Connection, memory: &'a mut Memory) -> Self {
        let (changes, fresh) = (Changes::default(), BTreeMap::new());
        let (added, placed) = (figures::Added::default(), audit::Placed::default());
        Self { conn, memory, changes, fresh, judged: None, added, placed }
    }

    /// Folds one record.
    pub(crate) fn entry(&mut self, entry: &Entry) -> Done {
        self.minute(entry.at_ms, entry.seq)?;
        match &entry.body {
            Body::Inputs { record, .. } => {
                for (index, input) in (0..).zip(&record.inputs) {
                    self.arrived(int(entry.seq), index, entry.at_ms, input)?;
                }
                Ok(())
            }
            Body::Unreadable { .. } => self.arrived(int(entry.seq), 0, entry.at_ms, &log::Input::default()),
            Body::Commit { commit, .. } => self.commit(entry.seq, commit),
        }
    }

    fn commit(&mut self, seq: u64, commit: &log::Commit) -> Done {
        for (index, event) in (0..).zip(&commit.events) {
            self.event(seq, index, commit.policy_version, event)?;
        }
        let through = commit.decided_through.unwrap_or_default();
        let (seq, index) = (int(through.seq), i64::from(through.index));
        // An input judged in part is still needed.
        let index = if through.step == 0 { index } else { index - 1 };
        self.judged = Some((seq, index));
        Ok(())
    }

    /// Folds one event that stands at a place.
    pub(crate) fn event(&mut self, seq: u64, index: u32, policy: u64, event: &log::Event) -> Done {
        let caused_by = event.caused_by.unwrap_or_default();
        let at = At {
            seq: int(seq),
            idx: i64::from(index),
            at_ms: event.at_ms,
            policy: int(policy),
            input: (int(caused_by.seq), i64::from(caused_by.index)),
        };
        self.index_event(at, event)?;
        match &event.body {
            Some(body) => {
                self.happened(at, body)?;
                moves(body).map_or(Ok(()), |case| self.regroup(case))
            }
            None => Ok(()),
        }
    }

    fn happened(&mut self, at: At, body: &Happened) -> Done {
        match body {
            Happened::PolicyApplied(e) => set_meta(self.conn, "policy_version", int(e.version)),
            Happened::InputRefused(e) => self.refused(at, e),
            Happened::DeskTaken(e) => set_meta(self.conn, "router", &e.writer),
            Happened::PolicyRefused(_)
            | Happened::InputDuplicated(_)
            | Happened::CommandRejected(_)
            | Happened::ClaimRefused(_)
            | Happened::DayTurned(_)
            | Happened::NumbersSuppressed(_)
            | Happened::SystemTaskDue(_) => Ok(()),
            Happened::CaseForgotten(e) => self.faults_forgotten(at, e.case),
            Happened::AgentChanged(e) => self.agent_changed(at, e),
            Happened::AgentSignedIn(e) => self.signed_in(at, e),
            Happened::AgentSignedOut(e) => self.signed_out(at, e),
            Happened::AgentPresenceChanged(e) => self.presence_changed(at, e),
            Happened::PullWaiting(e) => self.pull_waiting(e),
            Happened::PullEnded(e) => self.pull_ended(e),
            Happened::AgentAdmitted(e) => self.admitted(e),
            Happened::CaseOpened(e) => self.opened(at, e),
            Happened::MessageJoined(e) => self.joined(at, e),
            Happened::MessageEdited(e) => self.edited(at, e),
            Happened::MessageRemoved(e) => self.removed(at, e),
            Happened::MessageReread(e) => self.reread(at, e),
            Happened::CaseIdentified(e) => self.identified(at, e),
            Happened::CaseCategorised(e) => self.categorised(at, e),
            Happened::CaseClassified(e) => self.classified(at, e),
            Happened::CaseQueued(e) => self.queued(at, e),
            Happened::CaseOffered(e) => self.offered(at, e),
            Happened::OfferEnded(e) => self.offer_ended(at, e),
            Happened::CaseAssigned(e) => self.assigned(at, e),
            Happened::CaseUnassigned(e) => self.unassigned(at, e),
            Happened::CaseParked(e) => self.parked(at, e),
            Happened::CaseResumed(e) => self.resumed(at, e),
            Happened::CaseScheduled(e) => self.scheduled(at, e),
            Happened::CaseResolved(e) => self.resolved(at, e),
            Happened::CaseReopened(e) => self.reopened(at, e),
            Happened::CaseClosed(e) => self.closed(at, e),
            Happened::CaseEscalated(e) => self.escalated(at, e),
            Happened::DutyCalled(e) => self.case(at, e.case).map(drop),
            Happened::CaseOverflowed(e) => self.case(at, e.case).map(drop),
            Happened::CasePlacedLast(e) => self.case(at, e.case).map(drop),
            Happened::CaseFollowed(e) => self.followed(at, e.case, &e.agent, true),
            Happened::CaseUnfollowed(e) => self.followed(at, e.case, &e.agent, false),
            Happened::CaseHandedOver(e) => self.handed_over(at, e),
            Happened::HandoverFailed(e) => self.handover_failed(at, e),
            Happened::CaseMerged(e) => self.merged(at, e),
            Happened::CaseSplit(e) => self.split(at, e),
            Happened::NoteAdded(e) => self.noted(at, e),
            Happened::ReferenceLinked(e) => self.linked(at, e),
            Happened::FaultReported(e) => self.fault_reported(at, e),
            Happened::FaultEnded(e) => self.fault_ended(at, e),
            Happened::PriorityChanged(e) => self.priority_changed(at, e),
            Happened::CaseWidened(e) => self.widened(at, e),
            Happened::DeliveryQueued(e) => self.delivery_queued(at, e),
            Happened::DeliveryStarted(e) => self.delivery_started(at, e),
            Happened::DeliveryEnded(e) => self.delivery_ended(at, e),
            Happened::DispositionRecorded(e) => self.dispositioned(at, e),
            Happened::SlaStarted(e) => self.sla_started(at, e),
            Happened::SlaPaused(e) => self.sla_paused(at, e),
            Happened::SlaResumed(e) => self.sla_resumed(at, e),
            Happened::SlaMet(e) => self.sla_met(at, e),
            Happened::SlaWarned(e) => self.sla_warned(at, e),
            Happened::SlaBreached(e) => self.sla_breached(at, e),
            Happened::SlaCancelled(e) => self.sla_cancelled(at, e),
        }
    }

    /// Writes what is still in memory.
    pub(crate) fn finish(mut self) -> rusqlite::Result<Changes> {
        self.write_cases()?;
        self.write_figures()?;
        self.write_places()?;
        self.write_pending()?;
        self.memory.dims.trim();
        if self.memory.cases.len() > CASES_MAX {
            self.memory.cases.clear();
        }
        Ok(self.changes)
    }

    fn write_cases(&mut self) -> Done {
        let conn = self.conn;
        for entry in self.memory.cases.values_mut() {
            if std::mem::take(&mut entry.dirty) {
                entry.row.write(conn)?;
            }
            if std::mem::take(&mut entry.dirty_clocks) {
                for clock in entry.clocks.values() {
                    clock.write(conn)?;
                }
            }
        }
        Ok(())
    }

    /// A case's row to be changed by an event. One that the log never opened begins empty.
    fn case(&mut self, at: At, case: u64) -> rusqlite::Result<&mut CaseRow> {
        self.changes.cases.insert(case);
        let entry = self.case_entry(int(case))?;
        entry.dirty = true;
        entry.row.changed_ms = entry.row.changed_ms.max(at.at_ms);
        Ok(&mut entry.row)
    }

    fn case_entry(&mut self, id: i64) -> rusqlite::Result<&mut CaseEntry> {
        if !self.memory.cases.contains_key(&id) {
            let entry = self.load(id)?;
            self.memory.cases.insert(id, Box::new(entry));
        }
        Ok(self.memory.cases.entry(id).or_default())
    }

    fn load(&self, id: i64) -> rusqlite::Result<CaseEntry> {
        let mut statement = self.conn.prepare_cached(&format!("{} WHERE id = ?", CaseRow::SELECT))?;
        let Some(row) = statement.query_row([id], CaseRow::read).optional()? else {
            let empty = || "[]".to_owned();
            let (category, skills, actions, facts) = (empty(), empty(), empty(), "{}".to_owned());
            let row = CaseRow { id, category, skills, actions, facts, ..CaseRow::default() };
            return Ok(CaseEntry { row, ..CaseEntry::default() });
        };
        let mut statement = self.conn.prepare_cached(&format!("{} WHERE case_id = ?", ClockRow::SELECT))?;
        let clocks = statement.query_map([id], ClockRow::read)?;
        let clocks = clocks.map(|clock| clock.map(|c| (c.clock, c))).collect::<rusqlite::Result<_>>()?;
        Ok(CaseEntry { row, clocks, ..CaseEntry::default() })
    }
}

/// The case whose figures an event may move: its queue, priority, segment or holder is another now.
fn moves(body: &Happened) -> Option<u64> {
    match body {
        Happened::CaseIdentified(e) => Some(e.case),
        Happened::CaseClassified(e) => Some(e.case),
        Happened::CaseQueued(e) => Some(e.case),
        Happened::CaseOffered(e) => Some(e.case),
        Happened::CaseAssigned(e) => Some(e.case),
        Happened::CaseUnassigned(e) => Some(e.case),
        Happened::CaseScheduled(e) => Some(e.case),
        Happened::CaseResumed(e) => Some(e.case),
        Happened::CaseResolved(e) => Some(e.case),
        Happened::CaseReopened(e) => Some(e.case),
        Happened::CaseClosed(e) => Some(e.case),
        Happened::PriorityChanged(e) => Some(e.case),
        _ => None,
    }
}
