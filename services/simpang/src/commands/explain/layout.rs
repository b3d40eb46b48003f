//! An account of a case, as people read it.

use std::collections::BTreeMap;

use simpang_replay::explain::agents::{Bar, Standpoint};
use simpang_replay::explain::around::{Head, Neighbour};
use simpang_replay::explain::choice::{Choice, Recorded};

use super::{Account, Step};
use crate::output;

/// Most agents listed one by one; the others are counted by reason.
const AGENTS: usize = 25;

/// Most queues listed.
const QUEUES: usize = 12;

/// Where the details of a step begin.
const INDENT: &str = "                       ";

pub(super) fn layout(account: &Account) -> Vec<String> {
    let mut page = vec![format!(
        "Case {} of desk {}, from the log up to sequence {}",
        account.case, account.desk, account.seq
    )];
    let mut policy = None;
    for step in &account.steps {
        if policy.replace(step.policy) != Some(step.policy) {
            page.push(format!("  policy {}", step.policy));
        }
        page.extend(told(step));
    }
    if let Some(waits) = &account.waits {
        page.push(String::new());
        page.push("It still waits:".to_owned());
        page.extend(choice(waits));
    }
    page
}

fn told(step: &Step) -> Vec<String> {
    let head = format!("{}  {}  [input {}]", output::time(step.at_ms), step.text, step.input);
    let details = step.details.iter().map(|detail| format!("{INDENT}{detail}"));
    std::iter::once(head).chain(details).chain(step.choice.iter().flat_map(choice)).collect()
}

fn choice(choice: &Choice) -> Vec<String> {
    let mut lines = vec![format!("why    {}", choice.because), format!("order  {}", order(choice))];
    lines.push(format!("needs  {}", needs(choice)));
    if !choice.queues.is_empty() {
        lines.push("queues it was chosen from, in order:".to_owned());
        lines.extend(choice.queues.iter().take(QUEUES).map(|line| head(line, choice)));
        if choice.queues.len() > QUEUES {
            lines.push(format!("  and {} more behind them", choice.queues.len() - QUEUES));
        }
    }
    if !choice.agents.is_empty() {
        lines.push(format!("agents ({}):", choice.agents.len()));
        lines.extend(agents(&choice.agents));
    }
    lines.extend(neighbours("ahead of it", &choice.ahead, choice.ahead_in_all));
    lines.extend(neighbours("behind it", &choice.behind, choice.behind_in_all));
    if let Some(said) = &choice.recorded {
        lines.push(format!("log    {}", recorded(said)));
    }
    match choice.agrees {
        Some(true) => lines.push("check  recomputed from the log: the same".to_owned()),
        Some(false) => {
            lines.push("check  recomputed from the log: NOT THE SAME; run `simpang verify`".to_owned())
        }
        None => {}
    }
    lines.into_iter().map(|line| format!("{INDENT}{line}")).collect()
}

fn order(choice: &Choice) -> String {
    let head_start = match choice.head_start_ms {
        0 => format!("priority {} gives no head start", choice.priority),
        ms => format!("less {} of priority {}", output::length(ms), choice.priority),
    };
    let (key, arrived) = (output::exact(choice.key_ms), output::exact(choice.arrived_ms));
    format!("key {key}: waiting since {arrived}, {head_start}")
}

fn needs(choice: &Choice) -> String {
    let skills = if choice.skills.is_empty() { "no skill".to_owned() } else { choice.skills.join(", ") };
    format!("queue {}, {skills}, room on {}, widening step {}", choice.queue, choice.channel, choice.step)
}

fn head(head: &Head, choice: &Choice) -> String {
    let what = if choice
        .recorded
        .as_ref()
        .is_some_and(|said| said.queue == head.queue && said.key_ms == head.key_ms)
    {
        " <- this one"
    } else {
        ""
    };
    let passed = if head.passed_over.is_empty() {
        String::new()
    } else {
        format!(" (passed over: {})", head.passed_over)
    };
    format!(
        "  rank {:>3}  {} by {}: case {}, key {}, {} waiting{passed}{what}",
        head.rank,
        head.queue,
        head.channel,
        head.case,
        output::exact(head.key_ms),
        head.waiting
    )
}

fn agents(agents: &[Standpoint]) -> Vec<String> {
    let width = agents.iter().take(AGENTS).map(|agent| agent.agent.chars().count()).max().unwrap_or(0);
    let mut lines: Vec<String> = agents
        .iter()
        .take(AGENTS)
        .map(|agent| format!("  {:<width$}  {}", agent.agent, standpoint(agent)))
        .collect();
    let mut others: BTreeMap<String, usize> = BTreeMap::new();
    for agent in agents.iter().skip(AGENTS) {
        let reason = agent.reasons.first().map_or_else(|| "ranked lower".to_owned(), Bar::to_string);
        *others.entry(reason).or_default() += 1;
    }
    lines.extend(others.into_iter().map(|(reason, count)| format!("  and {count} more: {reason}")));
    lines
}

fn standpoint(agent: &Standpoint) -> String {
    let figures = format!(
        "proficiency {}, load {}, idle since {}",
        agent.proficiency,
        agent.load,
        output::exact(agent.idle_since_ms)
    );
    match (agent.got_it, agent.rank) {
        (true, Some(rank)) => format!("GOT IT, ranked {rank}: {figures}"),
        (true, None) => format!("GOT IT: {figures}"),
        (false, Some(rank)) => format!("ranked {rank}: {figures}"),
        (false, None) => agent.reasons.iter().map(Bar::to_string).collect::<Vec<_>>().join("; "),
    }
}

fn neighbours(where_: &str, cases: &[Neighbour], in_all: usize) -> Vec<String> {
    if in_all == 0 {
        return Vec::new();
    }
    let named: Vec<String> = cases
        .iter()
        .map(|case| {
            let differs = if case.differs.is_empty() { String::new() } else { format!(", {}", case.differs) };
            format!("case {} (key {}, {}{differs})", case.case, output::exact(case.key_ms), case.priority)
        })
        .collect();
    let more =
        if in_all > cases.len() { format!(" and {} more", in_all - cases.len()) } else { String::new() };
    vec![format!("{where_}: {}{more}", named.join("; "))]
}

fn recorded(said: &Recorded) -> String {
    let named: Vec<String> = said
        .candidates
        .iter()
        .map(|c| format!("{} (proficiency {}, load {})", c.agent, c.proficiency, c.load))
        .collect();
    let others = if said.other_candidates == 0 {
        String::new()
    } else {
        format!(" and {} others", said.other_candidates)
    };
    format!(
        "rule {}, candidates {}{others}; ready but not asking {}, at capacity {}, not ready {}",
        said.rule,
        named.join(", "),
        said.not_asking,
        said.at_capacity,
        said.not_ready
    )
}
