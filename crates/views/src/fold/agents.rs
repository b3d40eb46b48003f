//! Agents: record, session, presence with its spans of time, waiting pull, queues they may serve.

use prost::Message;
use rusqlite::{OptionalExtension, params};
use serde_json::json;
use simpang_proto::log::v1 as log;
use simpang_proto::log::v1::input::Body as Arrived;

use super::{At, Done, Fold};
use crate::row::{AgentRow, PresenceRow, int};

/// Presence of somebody who is signed out.
const SIGNED_OUT: i32 = 0;

impl Fold<'_> {
    pub(super) fn agent_changed(&mut self, at: At, e: &log::AgentChanged) -> Done {
        let input = self.input(at.input)?;
        self.agent(&e.agent, |agent| {
            if let Some(log::Input { body: Some(Arrived::Agent(record)), .. }) = input.as_deref() {
                agent.record = record.encode_to_vec();
                agent.inactive = record.inactive;
            }
        })
    }

    pub(super) fn signed_in(&mut self, at: At, e: &log::AgentSignedIn) -> Done {
        self.agent(&e.agent, |agent| {
            agent.session.clone_from(&e.session);
            agent.gateway.clone_from(&e.gateway);
            agent.signed_in_ms = at.at_ms;
        })?;
        self.limited(&e.agent, None)?;
        self.presence(at, &e.agent, log::Presence::NotReady as i32, "", false)
    }

    pub(super) fn signed_out(&mut self, at: At, e: &log::AgentSignedOut) -> Done {
        self.agent(&e.agent, |agent| {
            agent.session.clear();
            agent.gateway.clear();
            agent.signed_in_ms = 0;
            no_pull(agent);
        })?;
        self.limited(&e.agent, None)?;
        self.presence(at, &e.agent, SIGNED_OUT, "", false)
    }

    pub(super) fn presence_changed(&mut self, at: At, e: &log::AgentPresenceChanged) -> Done {
        self.limited(&e.agent, e.limit.as_ref())?;
        self.presence(at, &e.agent, e.presence, &e.reason, e.auto)
    }

    /// What they take at once by their own word; none is kept as nothing.
    fn limited(&mut self, agent: &str, limit: Option<&log::SessionLimit>) -> Done {
        let limit = limit.map(Message::encode_to_vec).unwrap_or_default();
        self.agent(agent, |agent| agent.session_limit = limit)
    }

    pub(super) fn pull_waiting(&mut self, e: &log::PullWaiting) -> Done {
        let pull = e.pull.unwrap_or_default();
        self.agent(&e.agent, |agent| {
            agent.pulling = i64::from(e.count);
            agent.pull_expires_ms = e.expires_ms;
            agent.pull_seq = int(pull.seq);
            agent.pull_idx = i64::from(pull.index);
        })
    }

    pub(super) fn pull_ended(&mut self, e: &log::PullEnded) -> Done {
        let pull = e.pull.unwrap_or_default();
        self.agent(&e.agent, |agent| {
            if (agent.pull_seq, agent.pull_idx) == (int(pull.seq), i64::from(pull.index)) {
                no_pull(agent);
            }
        })
    }

    /// A case answers a pull: one less is asked for.
    pub(super) fn pull_given(&mut self, agent: &str, at: At, pull: Option<log::InputId>) -> Done {
        self.agent(agent, |agent| {
            agent.last_assigned_ms = at.at_ms;
            let given = pull.map(|pull| (int(pull.seq), i64::from(pull.index)));
            if given == Some((agent.pull_seq, agent.pull_idx)) {
                agent.pulling = (agent.pulling - 1).max(0);
            }
        })
    }

    pub(super) fn admitted(&mut self, e: &log::AgentAdmitted) -> Done {
        let admissions: Vec<_> = e.admissions.iter().map(|a| json!([a.queue, a.step])).collect();
        self.agent(&e.agent, |agent| agent.admissions = serde_json::Value::from(admissions).to_string())
    }

    fn agent(&mut self, name: &str, change: impl FnOnce(&mut AgentRow)) -> Done {
        self.changes.agents = true;
        let mut statement = self.conn.prepare_cached(&format!("{} WHERE agent = ?", AgentRow::SELECT))?;
        let row = statement.query_row([name], AgentRow::read).optional()?;
        let new = || AgentRow { agent: name.to_owned(), admissions: "[]".into(), ..AgentRow::default() };
        let mut row = row.unwrap_or_else(new);
        change(&mut row);
        row.write(self.conn)
    }

    /// Ends the span of the presence before and begins the next.
    fn presence(&mut self, at: At, name: &str, presence: i32, reason: &str, auto: bool) -> Done {
        self.agent(name, |agent| {
            agent.presence = presence;
            reason.clone_into(&mut agent.reason);
            agent.auto = auto;
            agent.since_ms = at.at_ms;
        })?;
        let end = "UPDATE presence SET to_ms = ? WHERE agent = ? AND to_ms = 0";
        self.conn.prepare_cached(end)?.execute(params![at.at_ms, name])?;
        if presence == SIGNED_OUT {
            return Ok(());
        }
        let (agent, reason) = (name.to_owned(), reason.to_owned());
        PresenceRow { agent, seq: at.seq, idx: at.idx, from_ms: at.at_ms, to_ms: 0, presence, reason }
            .write(self.conn)
    }
}

fn no_pull(agent: &mut AgentRow) {
    agent.pulling = 0;
    agent.pull_expires_ms = 0;
    agent.pull_seq = 0;
    agent.pull_idx = 0;
}
