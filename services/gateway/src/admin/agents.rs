//! Agents' records.

use prost::Message;
use simpang_proto::admin::v1 as api;
use simpang_proto::log::v1 as log;
use tonic::{Request, Status};

use super::AdminApi;
use crate::check::{self, Invalid, LIST_MAX};
use crate::command::judge;
use crate::facts::facts;

pub(super) const UPSERT: &str = "simpang.admin.v1.Admin/UpsertAgents";

/// Agents in one request.
const AGENTS_MAX: usize = 500;

impl AdminApi {
    pub(super) async fn agents(
        &self,
        request: Request<api::UpsertAgentsRequest>,
    ) -> Result<api::UpsertAgentsResponse, Status> {
        let deadline = self.commands.context.deadline();
        let (metadata, _, request) = request.into_parts();
        let principal = self.commands.enter(&metadata, UPSERT, &request.desk)?.name;
        let api::UpsertAgentsRequest { desk, request_id, agents } = request;
        check::request_id(&request_id)?;
        check::count("agents", agents.len(), 1, AGENTS_MAX)?;
        check::once("agents", agents.iter().map(|agent| &agent.agent))?;
        let records = agents.into_iter().map(record).collect::<Result<Vec<_>, _>>()?;
        let follower = self.commands.desks.get(&desk, deadline).await?;
        let inputs = records.into_iter().map(|record| {
            let key = self.commands.key(&[&desk, "agent", &principal, &request_id, &record.agent]);
            self.commands.input(&metadata, key, log::input::Body::Agent(record))
        });
        let decided = follower.decide_all(inputs.collect(), deadline).await?;
        decided.iter().try_for_each(|decided| judge(&follower, decided))?;
        Ok(api::UpsertAgentsResponse {
            position: decided.iter().map(|decided| decided.outcome.position).max().unwrap_or(0),
            repeat: decided.iter().all(|decided| decided.repeat),
        })
    }
}

/// An agent's record for the log, with its lists sorted.
fn record(agent: api::Agent) -> Result<log::AgentRecord, Invalid> {
    let id = agent.agent;
    if !is_agent_id(&id) {
        let shown: String = id.chars().take(64).collect();
        let reason = format!(
            "`{shown}` is no agent id: 1 to 64 of a-z, 0-9 and `._-`, beginning with a letter or digit"
        );
        return Err(Invalid::new("agent", reason));
    }
    let of = |field: &str| format!("agents.{id}.{field}");
    let mut groups = agent.groups;
    check::count(of("groups"), groups.len(), 0, LIST_MAX)?;
    groups.iter().try_for_each(|group| check::chars(of("groups"), group, 1, 64))?;
    groups.sort();
    groups.dedup();
    check::chars(of("site"), &agent.site, 0, 64)?;
    check::chars(of("name"), &agent.name, 0, 200)?;
    check::chars(of("initials"), &agent.initials, 0, 16)?;
    check::count(of("qa_met"), agent.qa_met.len(), 0, 120)?;
    if agent.since_ms < 0 {
        return Err(Invalid::new(of("since_ms"), "has to be ms since 1970 UTC, or 0 for unknown"));
    }
    let content = log::AgentContent { name: agent.name, initials: agent.initials };
    Ok(log::AgentRecord {
        roles: roles(&of("roles"), agent.roles)?,
        skills: skills(&of("skills"), agent.skills)?,
        site: agent.site,
        groups,
        since_ms: agent.since_ms,
        qa_met: agent.qa_met,
        facts: facts(&of("facts"), agent.facts)?,
        capacities: capacities(&of("capacities"), &agent.capacities)?,
        inactive: agent.inactive,
        content: Some(log::Sealed {
            sealing: log::Sealing::None.into(),
            body: content.encode_to_vec().into(),
        }),
        agent: id,
    })
}

fn is_agent_id(id: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let fits = |b: u8| plain(b) || matches!(b, b'.' | b'_' | b'-');
    (1..=64).contains(&id.len()) && id.bytes().all(fits) && id.bytes().next().is_some_and(plain)
}

fn roles(field: &str, mut roles: Vec<i32>) -> Result<Vec<i32>, Invalid> {
    for role in &roles {
        check::named::<api::Role>(field, *role)?;
    }
    roles.sort_unstable();
    roles.dedup();
    Ok(roles)
}

fn skills(field: &str, skills: Vec<api::Skill>) -> Result<Vec<log::Skill>, Invalid> {
    check::count(field, skills.len(), 0, LIST_MAX)?;
    check::once(field, skills.iter().map(|skill| &skill.name))?;
    for skill in &skills {
        check::chars(field, &skill.name, 1, 64)?;
        if !(1..=10).contains(&skill.level) {
            return Err(Invalid::new(
                field,
                format!("has `{}` at level {}: 1 to 10", skill.name, skill.level),
            ));
        }
    }
    let mut skills: Vec<_> =
        skills.into_iter().map(|skill| log::Skill { name: skill.name, level: skill.level }).collect();
    skills.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(skills)
}

fn capacities(field: &str, capacities: &[api::Capacity]) -> Result<Vec<log::Capacity>, Invalid> {
    check::once(field, capacities.iter().map(|capacity| capacity.channel))?;
    let mut checked = Vec::with_capacity(capacities.len());
    for api::Capacity { channel, limit } in capacities {
        check::named::<api::Channel>(field, *channel)?;
        if *limit > 1_000 {
            return Err(Invalid::new(field, format!("has a limit of {limit}: 0 to 1000")));
        }
        checked.push(log::Capacity { channel: *channel, limit: *limit });
    }
    checked.sort_by_key(|capacity| capacity.channel);
    Ok(checked)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent(id: &str) -> api::Agent {
        api::Agent { agent: id.into(), ..api::Agent::default() }
    }

    #[test]
    fn a_record_has_its_lists_sorted() {
        let skill = |name: &str| api::Skill { name: name.into(), level: 5 };
        let given = api::Agent {
            groups: vec!["b".into(), "a".into(), "b".into()],
            skills: vec![skill("z"), skill("c")],
            roles: vec![5, 2, 5],
            name: "Sari Wulandari".into(),
            ..agent("sari")
        };
        let record = record(given).unwrap();
        assert_eq!(record.groups, ["a", "b"]);
        assert_eq!(record.roles, [2, 5]);
        assert_eq!(record.skills[0].name, "c");
        let content = log::AgentContent::decode(record.content.unwrap().body).unwrap();
        assert_eq!(content.name, "Sari Wulandari");
    }

    #[test]
    fn a_record_out_of_bounds_is_refused() {
        let skill = |name: &str, level| api::Skill { name: name.into(), level };
        let table = [
            agent(""),
            agent("Sari"),
            agent("-sari"),
            agent(&"s".repeat(65)),
            api::Agent { roles: vec![0], ..agent("s") },
            api::Agent { roles: vec![99], ..agent("s") },
            api::Agent { skills: vec![skill("a", 0)], ..agent("s") },
            api::Agent { skills: vec![skill("a", 11)], ..agent("s") },
            api::Agent { skills: vec![skill("a", 1), skill("a", 2)], ..agent("s") },
            api::Agent { capacities: vec![api::Capacity { channel: 0, limit: 1 }], ..agent("s") },
            api::Agent { capacities: vec![api::Capacity { channel: 1, limit: 1_001 }], ..agent("s") },
            api::Agent { since_ms: -1, ..agent("s") },
            api::Agent { initials: "x".repeat(17), ..agent("s") },
        ];
        for row in table {
            assert!(record(row.clone()).is_err(), "{row:?}");
        }
    }
}
