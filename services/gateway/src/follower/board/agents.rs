//! Events about agents.

use simpang_domain::words::Name;
use simpang_proto::agent::v1 as api;
use simpang_proto::agent::v1::watch_response::Change as What;
use simpang_proto::log::v1::event::Body;
use simpang_proto::log::v1::{self as log};

use super::{Agent, Board, Change, Record, Session};

impl Board {
    pub(super) fn apply_to_agent(&mut self, event: &log::Event, body: &Body, changes: &mut Vec<Change>) {
        let at_ms = event.at_ms;
        match body {
            Body::AgentChanged(changed) => self.changed(&changed.agent, event.caused_by),
            Body::AgentSignedIn(begun) => self.signed_in_again(begun, at_ms, changes),
            Body::AgentSignedOut(out) => {
                let over = api::SessionOver { session: out.session.clone(), reason: out.reason };
                let (id, agent) = self.agent_mut(&out.agent);
                if agent.session.as_ref().is_some_and(|session| session.id == out.session) {
                    agent.leave();
                }
                changes.push(Change { agent: id, at_ms, change: What::Ended(over) });
            }
            Body::AgentPresenceChanged(change) => {
                let (id, agent) = self.agent_mut(&change.agent);
                agent.presence = change.presence;
                agent.auto = change.auto;
                agent.limit = change.limit.as_ref().map(session_limit);
                let limit = agent.limit.clone();
                let presence = api::PresenceChanged {
                    presence: change.presence,
                    reason: change.reason.clone(),
                    auto: change.auto,
                    limit,
                    until_ms: change.until_ms,
                };
                changes.push(Change { agent: id, at_ms, change: What::Presence(presence) });
            }
            Body::PullWaiting(waiting) => {
                let pull = waiting_pull(waiting);
                let (id, agent) = self.agent_mut(&waiting.agent);
                agent.pull = Some(pull.clone());
                changes.push(Change { agent: id, at_ms, change: What::PullWaiting(pull) });
            }
            Body::PullEnded(ended) => {
                let over = api::PullOver { pull: ended.pull.map(message_id), reason: ended.reason };
                let (id, agent) = self.agent_mut(&ended.agent);
                if agent.pull.as_ref().is_some_and(|pull| pull.pull == over.pull) {
                    agent.pull = None;
                }
                changes.push(Change { agent: id, at_ms, change: What::PullOver(over) });
            }
            _ => {}
        }
    }

    /// The record is the causing input's.
    fn changed(&mut self, id: &str, caused_by: Option<log::InputId>) {
        let record = caused_by.and_then(|id| self.records.remove(&(id.seq, id.index)));
        let (_, agent) = self.agent_mut(id);
        if let Some(Record { roles, inactive }) = record {
            agent.roles = roles;
            agent.inactive = inactive;
        }
    }

    fn signed_in_again(&mut self, begun: &log::AgentSignedIn, at_ms: i64, changes: &mut Vec<Change>) {
        let (id, agent) = self.agent_mut(&begun.agent);
        if let Some(before) = agent.session.take() {
            // The core says so itself before; streams of the older session must never outlive it.
            let over = api::SessionOver { session: before.id, reason: api::SignOutReason::Elsewhere.into() };
            changes.push(Change { agent: id, at_ms, change: What::Ended(over) });
        }
        agent.leave();
        agent.session = Some(Session { id: begun.session.clone(), gateway: begun.gateway.clone() });
    }

    pub(super) fn agent_mut(&mut self, id: &str) -> (Name, &mut Agent) {
        let id = self.words.one(id);
        (id.clone(), self.agents.entry(id).or_default())
    }
}

impl Agent {
    /// The session is over, and with it what only a session can have. Cases and offers leave by events of their own:
    /// who signs in elsewhere keeps both.
    fn leave(&mut self) {
        self.session = None;
        self.presence = api::Presence::NotReady.into();
        self.auto = false;
        self.limit = None;
        self.pull = None;
    }
}

fn session_limit(limit: &log::SessionLimit) -> api::SessionLimit {
    let of = |of: &log::Capacity| api::ChannelLimit { channel: of.channel, limit: of.limit };
    api::SessionLimit { total: limit.total, channels: limit.channels.iter().map(of).collect() }
}

pub(super) fn message_id(id: log::InputId) -> api::MessageId {
    api::MessageId { seq: id.seq, index: id.index }
}

/// A pull that waits, as the API says it.
pub(crate) fn waiting_pull(waiting: &log::PullWaiting) -> api::WaitingPull {
    api::WaitingPull {
        pull: waiting.pull.map(message_id),
        count: waiting.count,
        expires_ms: waiting.expires_ms,
        queues: waiting.queues.clone(),
    }
}
