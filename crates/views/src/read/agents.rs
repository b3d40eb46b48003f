//! The floor: agents with presence, load and time in state; and what waits.

use std::collections::BTreeMap;

use prost::Message;
use rusqlite::types::Value;
use rusqlite::{params, params_from_iter};
use simpang_proto::log::v1 as log;
use simpang_proto::view::v1 as api;
use simpang_proto::view::v1::CaseState;

use super::filter::Condition;
use super::{Read, Snapshot};
use crate::kind;
use crate::row::{AgentRow, PresenceRow, count};
use crate::sentence::plain;

/// Time in state over this long when nothing is said.
const USUAL_SPAN_MS: i64 = 24 * 3_600_000;

impl Snapshot<'_> {
    /// Agents, and what waits in each queue.
    ///
    /// # Errors
    /// When the database fails.
    pub fn list_agents(&self, request: &api::ListAgentsRequest) -> Read<api::ListAgentsResponse> {
        let to_ms = if request.to_ms == 0 { self.folded_to_ms()? } else { request.to_ms };
        let from_ms =
            if request.from_ms == 0 { to_ms.saturating_sub(USUAL_SPAN_MS) } else { request.from_ms };
        let mut condition = Condition::default();
        condition.any("agent", &request.agents);
        if request.signed_in {
            condition.and("session <> ''", []);
        }
        if !request.with_inactive {
            condition.and("inactive = 0", []);
        }
        let statement = format!("{}{} ORDER BY agent", AgentRow::SELECT, condition.clause());
        let rows = self.rows(&statement, params_from_iter(&condition.values), AgentRow::read)?;
        let (held, parked) = self.held()?;
        let mut agents: Vec<api::Agent> = rows.into_iter().map(shown).collect();
        for agent in &mut agents {
            agent.held = held.get(&agent.agent).copied().unwrap_or_default();
            agent.parked = parked.get(&agent.agent).copied().unwrap_or_default();
            agent.times = self.times(&agent.agent, from_ms, to_ms)?;
            agent.assigned_in_span = self.assigned_in(&agent.agent, from_ms, to_ms)?;
            agent.finished_in_span = self.finished_in(&agent.agent, from_ms, to_ms)?;
        }
        Ok(api::ListAgentsResponse { position: self.position()?, agents, queues: self.queues()? })
    }

    /// What an agent's record says they may be; nothing for one who is unknown or inactive.
    ///
    /// # Errors
    /// When the database fails.
    pub fn roles(&self, agent: &str) -> Read<Vec<log::Role>> {
        let statement = format!("{}WHERE agent = ? AND inactive = 0", AgentRow::SELECT);
        let row = self.rows(&statement, [agent], AgentRow::read)?.pop().unwrap_or_default();
        let record = log::AgentRecord::decode(row.record.as_slice()).unwrap_or_default();
        Ok(record.roles().collect())
    }

    fn held(&self) -> Read<(BTreeMap<String, u32>, BTreeMap<String, u32>)> {
        let statement = "SELECT assignee, sum(state IN (?, ?)), sum(state IN (?, ?)) FROM cases
            WHERE assignee <> '' GROUP BY assignee";
        let working = [CaseState::Assigned, CaseState::Offered];
        let waiting = [CaseState::WaitingOnCustomer, CaseState::WaitingOnThirdParty];
        let states = working.into_iter().chain(waiting).map(|state| Value::from(state as i32));
        let rows = self.rows(statement, params_from_iter(states), |row| {
            Ok((row.get::<_, String>(0)?, count(row.get(1)?), count(row.get(2)?)))
        })?;
        let held = rows.iter().map(|(agent, held, _)| (agent.clone(), *held)).collect();
        Ok((held, rows.into_iter().map(|(agent, _, parked)| (agent, parked)).collect()))
    }

    fn times(&self, agent: &str, from_ms: i64, to_ms: i64) -> Read<Vec<api::TimeInState>> {
        let statement = format!(
            "{}WHERE agent = ? AND from_ms < ? AND (to_ms = 0 OR to_ms > ?) ORDER BY seq, idx",
            PresenceRow::SELECT
        );
        let mut totals: BTreeMap<(i32, String), i64> = BTreeMap::new();
        for span in self.rows(&statement, params![agent, to_ms, from_ms], PresenceRow::read)? {
            let end = if span.to_ms == 0 { to_ms } else { span.to_ms.min(to_ms) };
            *totals.entry((span.presence, span.reason)).or_default() += end - span.from_ms.max(from_ms);
        }
        let time = |((presence, reason), ms)| api::TimeInState { presence, reason, ms };
        Ok(totals.into_iter().map(time).collect())
    }

    fn assigned_in(&self, agent: &str, from_ms: i64, to_ms: i64) -> Read<u32> {
        let statement =
            "SELECT count(*) FROM assignments WHERE agent = ? AND at_ms BETWEEN ? AND ? AND offered = 0";
        let mut statement = self.conn.prepare_cached(statement)?;
        Ok(count(statement.query_row(params![agent, from_ms, to_ms], |row| row.get(0))?))
    }

    fn finished_in(&self, agent: &str, from_ms: i64, to_ms: i64) -> Read<u32> {
        let kinds = ["CaseResolved", "CaseClosed"].into_iter().flat_map(kind::of_name);
        let kinds: Vec<String> = kinds.map(|number| number.to_string()).collect();
        let statement = format!(
            "SELECT count(DISTINCT a.case_id) FROM agent_places p JOIN audit a USING (seq, idx)
             WHERE p.agent = ? AND a.kind IN ({}) AND a.at_ms BETWEEN ? AND ?",
            kinds.join(", ")
        );
        let mut statement = self.conn.prepare_cached(&statement)?;
        Ok(count(statement.query_row(params![agent, from_ms, to_ms], |row| row.get(0))?))
    }

    fn queues(&self) -> Read<Vec<api::QueueNow>> {
        let waiting = format!("state IN ({}, {})", CaseState::Queued as i32, CaseState::Offered as i32);
        let held = format!(
            "state IN ({}, {}, {})",
            CaseState::Assigned as i32,
            CaseState::WaitingOnCustomer as i32,
            CaseState::WaitingOnThirdParty as i32
        );
        let statement = format!(
            "SELECT queue, sum({waiting}), sum({held}), coalesce(min(iif({waiting}, queued_ms, NULL)), 0)
             FROM cases WHERE {waiting} OR {held} GROUP BY queue ORDER BY queue"
        );
        self.rows(&statement, [], |row| {
            let (waiting, held) = (count(row.get(1)?), count(row.get(2)?));
            Ok(api::QueueNow { queue: row.get(0)?, waiting, held, oldest_ms: row.get(3)? })
        })
    }
}

fn shown(row: AgentRow) -> api::Agent {
    let record = log::AgentRecord::decode(row.record.as_slice()).unwrap_or_default();
    let body = record.content.as_ref().map(|sealed| sealed.body.as_ref()).unwrap_or_default();
    let content = log::AgentContent::decode(body).unwrap_or_default();
    let roles = record.roles().map(|role| plain(role.as_str_name(), "ROLE_").replace(' ', "-")).collect();
    let admissions: Vec<(String, u32)> = serde_json::from_str(&row.admissions).unwrap_or_default();
    api::Agent {
        agent: row.agent,
        name: content.name,
        initials: content.initials,
        roles,
        skills: record.skills.into_iter().map(|s| api::Skill { name: s.name, level: s.level }).collect(),
        site: record.site,
        groups: record.groups,
        inactive: row.inactive,
        session: row.session,
        gateway: row.gateway,
        signed_in_ms: row.signed_in_ms,
        presence: row.presence,
        reason: row.reason,
        auto: row.auto,
        since_ms: row.since_ms,
        pulling: count(row.pulling),
        pull_expires_ms: row.pull_expires_ms,
        last_assigned_ms: row.last_assigned_ms,
        admissions: admissions.into_iter().map(|(queue, step)| api::Admission { queue, step }).collect(),
        limit: session_limit(&row.session_limit),
        ..api::Agent::default()
    }
}

fn session_limit(kept: &[u8]) -> Option<api::SessionLimit> {
    let limit = log::SessionLimit::decode(kept).ok().filter(|_| !kept.is_empty())?;
    let of = |of: log::Capacity| api::ChannelLimit { channel: of.channel, limit: of.limit };
    Some(api::SessionLimit { total: limit.total, channels: limit.channels.into_iter().map(of).collect() })
}
