//! Agents and customers from a TOML file, onto the desks and into the directory.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use simpang_proto::admin::v1::{
    Agent, Channel, Customer, Fact, Identity, ProfileField, Role, Skill, UpsertAgentsRequest,
    UpsertCustomersRequest, fact,
};

use crate::client::{Client, until_answered};
use crate::output;

/// A few people to try things with; the same file stands in `deploy/samples/`.
const SAMPLES: &str = include_str!("../../../deploy/samples/people.toml");

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct People {
    #[serde(default)]
    agent: Vec<AgentEntry>,
    #[serde(default)]
    customer: Vec<CustomerEntry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AgentEntry {
    id: String,
    /// Desks they work on.
    desks: Vec<String>,
    name: String,
    #[serde(default)]
    initials: String,
    roles: Vec<String>,
    #[serde(default)]
    site: String,
    #[serde(default)]
    groups: Vec<String>,
    /// Level by skill.
    #[serde(default)]
    skills: BTreeMap<String, u32>,
    /// First day of work, such as 2024-03-01.
    #[serde(default)]
    since: String,
    /// QA score met, newest month first.
    #[serde(default)]
    qa_met: Vec<bool>,
    /// Further facts that the policy declares for agents.
    #[serde(default)]
    facts: BTreeMap<String, toml::Value>,
    #[serde(default)]
    inactive: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CustomerEntry {
    id: String,
    name: String,
    #[serde(default)]
    segment: String,
    #[serde(default)]
    profession: String,
    /// Mail address, X handle or id, Facebook id, number: by channel.
    #[serde(default)]
    email: Vec<String>,
    #[serde(default)]
    x: Vec<String>,
    #[serde(default)]
    facebook: Vec<String>,
    #[serde(default)]
    call: Vec<String>,
    #[serde(default)]
    profile: BTreeMap<String, String>,
}

/// Adds the people of a file.
pub(crate) async fn add_file(client: &Client, file: &Path) -> Result<()> {
    let text = std::fs::read_to_string(file).with_context(|| format!("can't read {}", file.display()))?;
    add(client, &file.display().to_string(), &text).await
}

/// Adds the sample people.
pub(crate) async fn add_samples(client: &Client) -> Result<()> {
    add(client, "the sample people", SAMPLES).await
}

async fn add(client: &Client, name: &str, text: &str) -> Result<()> {
    let people: People = toml::from_str(text).map_err(|error| anyhow::anyhow!("{name}: {error}"))?;
    let mut by_desk: BTreeMap<&str, Vec<Agent>> = BTreeMap::new();
    for entry in &people.agent {
        let agent = agent(entry).with_context(|| format!("{name}: agent `{}`", entry.id))?;
        for desk in &entry.desks {
            by_desk.entry(desk).or_default().push(agent.clone());
        }
    }
    let customers: Vec<Customer> = people.customer.iter().map(customer).collect();
    for (desk, agents) in by_desk {
        let count = agents.len();
        let request_id = uuid::Uuid::now_v7().to_string();
        let request = UpsertAgentsRequest { desk: desk.to_owned(), request_id, agents };
        until_answered(async || client.admin().upsert_agents(request.clone()).await).await?;
        output::line(format!("desk {desk}: {count} agents"));
    }
    if !customers.is_empty() {
        let count = customers.len();
        let request = UpsertCustomersRequest { customers };
        until_answered(async || client.admin().upsert_customers(request.clone()).await).await?;
        output::line(format!("directory: {count} customers"));
    }
    Ok(())
}

fn agent(entry: &AgentEntry) -> Result<Agent> {
    let roles = entry.roles.iter().map(|role| match role.as_str() {
        "agent" => Ok(Role::Agent.into()),
        "team-leader" => Ok(Role::TeamLeader.into()),
        "pic" => Ok(Role::Pic.into()),
        "supervisor" => Ok(Role::Supervisor.into()),
        other => bail!("there is no role `{other}` for agents: agent, team-leader, pic, supervisor"),
    });
    let since_ms = match entry.since.as_str() {
        "" => 0,
        day => {
            let day = chrono::NaiveDate::parse_from_str(day, "%Y-%m-%d")
                .context("`since` is no day like 2024-03-01")?;
            day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_millis()
        }
    };
    Ok(Agent {
        agent: entry.id.clone(),
        roles: roles.collect::<Result<_>>()?,
        skills: entry
            .skills
            .iter()
            .map(|(name, level)| Skill { name: name.clone(), level: *level })
            .collect(),
        site: entry.site.clone(),
        groups: entry.groups.clone(),
        since_ms,
        qa_met: entry.qa_met.clone(),
        facts: entry.facts.iter().map(|(name, value)| fact(name, value)).collect::<Result<_>>()?,
        inactive: entry.inactive,
        name: entry.name.clone(),
        initials: entry.initials.clone(),
        ..Agent::default()
    })
}

fn fact(name: &str, value: &toml::Value) -> Result<Fact> {
    let value = match value {
        toml::Value::String(text) => fact::Value::Text(text.clone()),
        toml::Value::Integer(number) => fact::Value::Number(*number),
        toml::Value::Boolean(flag) => fact::Value::Flag(*flag),
        _ => bail!("fact `{name}`: a text, a whole number or true and false"),
    };
    Ok(Fact { name: name.to_owned(), value: Some(value) })
}

fn customer(entry: &CustomerEntry) -> Customer {
    let ways = [
        (Channel::Email, &entry.email),
        (Channel::X, &entry.x),
        (Channel::Facebook, &entry.facebook),
        (Channel::Call, &entry.call),
    ];
    let identities = ways.into_iter().flat_map(|(channel, addresses)| {
        addresses.iter().map(move |address| Identity { channel: channel.into(), address: address.clone() })
    });
    let profile =
        entry.profile.iter().map(|(name, value)| ProfileField { name: name.clone(), value: value.clone() });
    Customer {
        id: entry.id.clone(),
        segment: entry.segment.clone(),
        profession: entry.profession.clone(),
        name: entry.name.clone(),
        identities: identities.collect(),
        profile: profile.collect(),
        ..Customer::default()
    }
}
