//! Agents: who is there, who asks, who has room, who may take what.

use simpang_proto::log::v1::{self, AgentRecord, Channel, Presence, Role, event::Body};

use super::cases::{Case, Where};
use super::{Id, Model, id_of};
use crate::policy::CAPACITY;

/// A pull that waits.
#[derive(Debug, Clone)]
pub(super) struct Waits {
    id: Id,
    left: u32,
    queues: Vec<String>,
}

#[derive(Debug, Default)]
pub(super) struct Agent {
    pub(super) name: String,
    record: AgentRecord,
    session: String,
    ready: bool,
    auto: bool,
    pull: Option<Waits>,
}

impl Agent {
    pub(super) fn record(&mut self, record: AgentRecord) {
        self.record = record;
    }

    fn limit(&self) -> u32 {
        let own = self.record.capacities.iter().find(|capacity| capacity.channel() == Channel::Email);
        own.map_or(CAPACITY, |capacity| capacity.limit)
    }

    /// Whether the policy lets them serve a queue whose cases were widened so far.
    fn may_serve(&self, queue: &str, step: u32) -> bool {
        let leads = self.record.roles.contains(&Role::TeamLeader.into());
        let skilled = self.record.skills.iter().any(|skill| skill.name == "vip" && skill.level >= 5);
        match queue {
            "vip" => leads || skilled || step > 0,
            "general" | "later" => true,
            _ => false,
        }
    }

    /// Whether they ask for a case of this queue now.
    fn asks_for(&self, queue: &str) -> bool {
        let wanted = |pull: &Waits| {
            pull.left > 0 && (pull.queues.is_empty() || pull.queues.iter().any(|q| q == queue))
        };
        !self.session.is_empty() && self.ready && (self.auto || self.pull.as_ref().is_some_and(wanted))
    }
}

impl Model {
    /// An agent by name; a new one when nobody has it.
    pub(super) fn agent(&mut self, name: &str) -> &mut Agent {
        let at = match self.agents.iter().position(|agent| agent.name == name) {
            Some(at) => at,
            None => {
                self.agents.push(Agent { name: name.to_owned(), ..Agent::default() });
                self.agents.len() - 1
            }
        };
        &mut self.agents[at]
    }

    /// Cases that count against an agent's capacity.
    pub(super) fn load(&self, name: &str) -> u32 {
        let theirs = |case: &&Case| match &case.place {
            Where::Offered(agent) | Where::With(agent) => agent == name,
            _ => false,
        };
        u32::try_from(self.cases.iter().filter(theirs).count()).unwrap_or(u32::MAX)
    }

    pub(super) fn has_room(&self, name: &str) -> bool {
        let limit = self.agents.iter().find(|agent| agent.name == name).map_or(0, Agent::limit);
        self.load(name) < limit
    }

    /// Whether an agent could take a case that waits.
    pub(super) fn could_take(&self, name: &str, case: &Case) -> bool {
        let agent = self.agents.iter().find(|agent| agent.name == name);
        case.place == Where::Waiting && agent.is_some_and(|agent| agent.may_serve(&case.queue, case.step))
    }

    /// Whether an agent is there and ready.
    pub(super) fn is_ready(&self, name: &str) -> bool {
        self.agents.iter().any(|agent| agent.name == name && !agent.session.is_empty() && agent.ready)
    }

    pub(super) fn agent_event(&mut self, body: &Body) {
        match body {
            Body::AgentSignedIn(e) => {
                let agent = self.agent(&e.agent);
                agent.session.clone_from(&e.session);
                agent.pull = None;
            }
            Body::AgentSignedOut(e) => self.signed_out(e),
            Body::AgentPresenceChanged(e) => {
                let agent = self.agent(&e.agent);
                (agent.ready, agent.auto) = (e.presence() == Presence::Ready, e.auto);
            }
            Body::PullWaiting(e) => {
                let queues = e.queues.clone();
                self.agent(&e.agent).pull = Some(Waits { id: id_of(e.pull), left: e.count, queues });
            }
            Body::PullEnded(e) => {
                let id = id_of(e.pull);
                let agent = self.agent(&e.agent);
                if agent.pull.as_ref().is_none_or(|pull| pull.id != id) {
                    let what = format!("a pull of {} ended that did not wait", e.agent);
                    return self.wrong(&what);
                }
                agent.pull = None;
            }
            Body::CaseAssigned(e) if e.pull.is_some() => {
                let id = id_of(e.pull);
                if let Some(pull) = self.agent(&e.agent).pull.as_mut().filter(|pull| pull.id == id) {
                    pull.left = pull.left.saturating_sub(1);
                }
            }
            _ => {}
        }
    }

    fn signed_out(&mut self, event: &v1::AgentSignedOut) {
        let agent = self.agent(&event.agent);
        if agent.session != event.session {
            let what = format!("{} was signed out of a session that is not theirs", event.agent);
            return self.wrong(&what);
        }
        (agent.session, agent.ready, agent.auto, agent.pull) = (String::new(), false, false, None);
    }

    /// Nobody who asks and has room is without a case that waits and that they may take.
    pub(super) fn nobody_idle(&mut self) {
        let mut idle = Vec::new();
        for agent in self.agents.iter().filter(|agent| !agent.session.is_empty() && agent.ready) {
            if !self.has_room(&agent.name) {
                continue;
            }
            let takes = |case: &&Case| agent.asks_for(&case.queue) && self.could_take(&agent.name, case);
            if let Some(case) = self.cases.iter().find(takes) {
                idle.push(format!(
                    "{} asks, has room, and case {} waits in {}",
                    agent.name, case.number, case.queue
                ));
            }
        }
        idle.into_iter().for_each(|what| self.wrong(&what));
    }
}
