//! The rules and the people of the simulated desks: small, with short times, so that timers fire all the time.

use simpang_proto::log::v1::{self, AgentRecord, Capacity, PolicyDocument, PolicyFile, Role, Skill};

/// The desk where people work.
pub(crate) const MAIN: &str = "alpha";
/// The desk that cases are handed over to.
pub(crate) const OTHER: &str = "beta";

/// Everybody who works; each name is their token too. The last is a team leader.
pub(crate) const AGENTS: [&str; 5] = ["ani", "budi", "citra", "dewi", "lead"];
/// The team leader.
pub(crate) const LEAD: &str = "lead";

/// Most mails at once, where an agent's record does not say.
pub(crate) const CAPACITY: u32 = 3;

/// Head start of a priority, ms.
pub(crate) fn head_start_ms(priority: &str) -> i64 {
    match priority {
        "vip" => 4_000,
        "raised" => 2_000,
        _ => 0,
    }
}

/// Rank of a queue; the smallest comes first.
pub(crate) fn rank(queue: &str) -> i32 {
    match queue {
        "vip" => 1,
        "general" => 2,
        _ => 3,
    }
}

const POLICY: &str = r#"
[desk]
title = "Simulated"
zone = "UTC"

[defaults]
priority = "normal"
sla = "quick"

[[account]]
channel = "email"
account = "DESK@example.com"

[capacity]
email = 3

[limits]
key_memory = "30d"
reopening = "20s"
settle = "6s"
grace = "4s"

[[calendar]]
name = "always"
zone = "UTC"
always = true

[[priority]]
name = "normal"
head_start = "0s"

[[priority]]
name = "raised"
head_start = "2s"

[[priority]]
name = "vip"
head_start = "4s"

[[group]]
name = "leaders"
title = "Leaders"
mailbox = "leaders@example.com"

[[template]]
name = "escalated"
subject = "Case {{case}}"
text = "Case {{case}} waits in {{queue}}."

[[escalation]]
name = "leaders"
group = "leaders"
template = "escalated"

[[sla]]
name = "quick"
calendar = "always"

[[sla.clock]]
clock = "first-response"
target = "3s"
warn = [50]
breach = [{ priority = "raised" }, { escalate = "leaders" }]

[[sla.clock]]
clock = "resolution"
target = "9s"
warn = [80]

[[queue]]
name = "vip"
rank = 1
offer = "1s"
serve = '"team-leader" in agent.roles || agent.skills.vip >= 5'

[[queue.widen]]
after = "2s"

[[queue]]
name = "general"
rank = 2
offer = "1s"

[[queue]]
name = "later"
rank = 3
offer = "1s"

[[rule]]
name = "vip"
when = 'customer.segment == "VIP"'
priority = "vip"
queue = "vip"

[[rule]]
name = "rest"
when = "true"
queue = "QUEUE"
"#;

/// The policy of a desk; each version sends ordinary cases to another queue than the one before.
pub(crate) fn policy(desk: &str, version: u64) -> PolicyDocument {
    let queue = if version % 2 == 1 { "general" } else { "later" };
    let manifest = format!("name = \"sim\"\nversion = {version}\ndesks = [\"{desk}\"]\n");
    let text = POLICY.replace("QUEUE", queue).replace("DESK", desk);
    let file = |path: String, text: String| PolicyFile { path, text };
    let files = vec![file(format!("desks/{desk}.toml"), text), file("policy.toml".into(), manifest)];
    PolicyDocument { version, files, applied_by: "sim".into(), cites: String::new() }
}

/// An agent's record; `change` is how often it was changed.
pub(crate) fn record(agent: &str, change: u64) -> AgentRecord {
    let level = match agent {
        "ani" => 7,
        "budi" if change % 2 == 1 => 7,
        _ => 2,
    };
    let roles = if agent == LEAD { vec![Role::Agent, Role::TeamLeader] } else { vec![Role::Agent] };
    let limit = match agent {
        "citra" => Some(1),
        "dewi" if change % 2 == 1 => Some(2),
        _ => None,
    };
    let capacity = |limit| Capacity { channel: v1::Channel::Email.into(), limit };
    AgentRecord {
        agent: agent.to_owned(),
        roles: roles.into_iter().map(Into::into).collect(),
        skills: vec![Skill { name: "vip".into(), level }],
        capacities: limit.map(capacity).into_iter().collect(),
        ..AgentRecord::default()
    }
}
