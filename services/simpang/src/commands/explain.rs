//! `simpang explain`: why a case went where it went. It folds the desk's log with the router's own core up to just
//! before each time the case was given to somebody, and works out from the whole state who could have got it and why
//! this one did: nothing here is taken from the log's own explanation, which is shown beside it and compared.
//!
//! [`classified`] runs the rules again, [`choice`] works out who could have got it, [`layout`] prints.

mod choice;
mod classified;
mod layout;

use std::sync::Arc;

use anyhow::{Result, bail};
use serde::Serialize;
use simpang_domain::event::{Event, Explanation, Happened};
use simpang_domain::state::{State, Status};
use simpang_domain::words::{AgentId, AssignedBy, CaseId, InputId};
use simpang_log::{Anchor, DeskLog, DeskName, LogStore, Tail};
use simpang_replay::fold::{Decided, Fold};
use simpang_replay::rules::ActiveRules;

use crate::cli::Explain;
use crate::config::Config;
use crate::{output, store};

use choice::{Choice, How};

pub(crate) async fn run(config: &Config, args: Explain) -> Result<()> {
    let store = store::connect(config, &store::instance("explain", "1")).await?;
    let store: Arc<dyn LogStore> = store;
    case(&store, &args.desk, args.case, args.json.json).await
}

/// Explains one case.
pub(crate) async fn case(store: &Arc<dyn LogStore>, desk: &str, case: u64, json: bool) -> Result<()> {
    let log = store.open(&DeskName::new(desk)?).await?;
    let account = account(&log, CaseId(case)).await?;
    if json {
        output::json(&serde_json::to_value(&account)?);
    } else {
        layout::layout(&account).iter().for_each(output::line);
    }
    Ok(())
}

/// Why a case went where it went.
#[derive(Debug, Serialize)]
struct Account {
    desk: String,
    case: u64,
    /// What happened to it that has to do with where it went, in order.
    steps: Vec<Step>,
    /// Why nobody has it, when it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    waits: Option<Choice>,
    /// As of this record.
    seq: u64,
}

/// One thing that happened to the case.
#[derive(Debug, Serialize)]
struct Step {
    at_ms: i64,
    /// The input it follows from, as `seq.index`.
    input: String,
    /// The policy in force.
    policy: u64,
    kind: &'static str,
    text: String,
    /// More about it, a line each.
    details: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    choice: Option<Choice>,
}

async fn account(log: &Arc<dyn DeskLog>, id: CaseId) -> Result<Account> {
    let last = log.last_seq().await?;
    let bar = output::progress(last, "folding the log");
    let mut fold = Fold::new(log.desk());
    let mut tail = Tail::start(log.clone(), Anchor::Start);
    let mut steps = Vec::new();
    while let Some(entry) = tail.read_until(last).await? {
        bar.set_position(entry.seq);
        for decided in fold.take(&entry)? {
            steps.extend(judged(&fold, &decided, id));
            fold.desk.fold(&decided.pending.input, &decided.events, decided.pending.rules);
        }
    }
    bar.finish_and_clear();
    if steps.is_empty() {
        let newest = fold.desk.state().last_case;
        bail!("desk {} has no case {} (its newest is {newest})", log.desk(), id.0);
    }
    let waits = fold.desk.state().cases.get(&id).filter(|case| case.status == Status::Queued);
    let waits = waits.map(|_| choice::waiting(fold.desk.state(), fold.desk.rules(), id));
    Ok(Account { desk: log.desk().to_string(), case: id.0, steps, waits, seq: last })
}

/// What of an input's consequences is about the case; before the desk has folded them.
fn judged(fold: &Fold, decided: &Decided, id: CaseId) -> Vec<Step> {
    if !decided.events.iter().any(|event| tells(&event.body, id)) {
        return Vec::new();
    }
    // Folded once more on a copy, event by event, to stand just before each of them.
    let mut state = fold.desk.state().clone();
    let mut rules = fold.desk.rules();
    let input = &decided.pending.input;
    state.begin(input.at);
    let mut steps = Vec::new();
    // Whether the case came to agents who asked; otherwise an agent came to a case that waited.
    let mut arrived = false;
    for event in &decided.events {
        if let (Happened::PolicyApplied { .. }, Some(new)) = (&event.body, &decided.pending.rules) {
            rules = new;
        }
        if tells(&event.body, id) {
            steps.push(step(&state, rules, event, id, arrived));
            arrived |= is_placed(&event.body);
        }
        state.apply(event, input, rules);
    }
    steps
}

/// Whether an event lets a case be matched with those who ask.
fn is_placed(body: &Happened) -> bool {
    matches!(body, Happened::CaseQueued { .. } | Happened::CaseWidened { .. } | Happened::OfferEnded { .. })
}

/// Whether an event says something about where this case goes.
fn tells(body: &Happened, id: CaseId) -> bool {
    kind(body).is_some_and(|(case, _)| case == id)
}

/// The case an event moves, and its kind.
fn kind(body: &Happened) -> Option<(CaseId, &'static str)> {
    Some(match body {
        Happened::CaseOpened { case, .. } => (*case, "opened"),
        Happened::CaseIdentified { case, .. } => (*case, "identified"),
        Happened::CaseCategorised { case, .. } => (*case, "categorised"),
        Happened::CaseClassified { case, .. } => (*case, "classified"),
        Happened::PriorityChanged { case, .. } => (*case, "priority"),
        Happened::CaseQueued { case, .. } => (*case, "queued"),
        Happened::CaseWidened { case, .. } => (*case, "widened"),
        Happened::CaseOffered { case, .. } => (*case, "offered"),
        Happened::OfferEnded { case, .. } => (*case, "offer ended"),
        Happened::CaseAssigned { case, .. } => (*case, "assigned"),
        Happened::CaseUnassigned { case, .. } => (*case, "unassigned"),
        Happened::CaseParked { case, .. } => (*case, "parked"),
        Happened::CaseResumed { case, .. } => (*case, "resumed"),
        Happened::CaseScheduled { case, .. } => (*case, "scheduled"),
        Happened::CaseEscalated { case, .. } => (*case, "escalated"),
        Happened::CaseHandedOver { case, .. } => (*case, "handed over"),
        Happened::CaseMerged { case, .. } => (*case, "merged"),
        Happened::CaseResolved { case, .. } => (*case, "resolved"),
        Happened::CaseReopened { case, .. } => (*case, "reopened"),
        Happened::CaseClosed { case, .. } => (*case, "closed"),
        _ => return None,
    })
}

fn step(state: &State, rules: &ActiveRules, event: &Event, id: CaseId, arrived: bool) -> Step {
    let made = |agent: &AgentId, recorded: Option<&Explanation>, how: How| {
        choice::made(state, rules, id, agent, recorded, how)
    };
    let choice = match &event.body {
        Happened::CaseOffered { agent, explanation, .. } => {
            Some(made(agent, Some(explanation), if arrived { How::CaseCame } else { How::AgentCame }))
        }
        Happened::CaseAssigned { agent, by: AssignedBy::Pull, explanation, .. } => {
            Some(made(agent, explanation.as_deref(), if arrived { How::CaseCame } else { How::AgentCame }))
        }
        _ => None,
    };
    let InputId { seq, index } = event.caused_by;
    Step {
        at_ms: event.at,
        input: format!("{seq}.{index}"),
        policy: state.policy_version,
        kind: kind(&event.body).map_or("", |(_, kind)| kind),
        text: simpang_views::sentence::sentence(&simpang_wire::event::write(event)),
        details: classified::details(state, rules, &event.body),
        choice,
    }
}
