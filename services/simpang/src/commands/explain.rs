//! `simpang explain`: why a case went where it went, as `simpang-replay` works it out from the desk's log. The log's
//! own explanation is shown beside it and compared.
//!
//! Nothing is worked out here: [`details`] and [`layout`] print.

mod details;
mod layout;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use anyhow::{Result, bail};
use serde::Serialize;
use simpang_domain::words::InputId;
use simpang_log::{Ahead, Anchor, DeskLog, DeskName, LogStore, Tail};
use simpang_replay::explain::choice::Choice;
use simpang_replay::explain::{self as replay, Explainer};

use crate::cli::Explain;
use crate::config::Config;
use crate::{output, store};

pub(crate) async fn run(config: &Config, args: Explain) -> Result<()> {
    let store = store::connect(config, &store::instance("explain", "1")).await?;
    let store: Arc<dyn LogStore> = store;
    case(&store, &args.desk, args.case, args.json.json).await
}

/// Explains one case.
pub(crate) async fn case(store: &Arc<dyn LogStore>, desk: &str, case: u64, json: bool) -> Result<()> {
    let log = store.open(&DeskName::new(desk)?).await?;
    let account = account(&log, case).await?;
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

async fn account(log: &Arc<dyn DeskLog>, case: u64) -> Result<Account> {
    let last = log.last_seq().await?;
    let bar = output::progress(last, "folding the log");
    let mut explainer = Explainer::new(log.desk(), case);
    let mut tail = Ahead::start(Tail::start(log.clone(), Anchor::Start));
    let mut steps = Vec::new();
    while let Some(entry) = tail.read_until(last).await? {
        bar.set_position(entry.seq);
        steps.extend(explainer.take(&entry)?.into_iter().map(told));
    }
    bar.finish_and_clear();
    if steps.is_empty() {
        bail!("desk {} has no case {case} (its newest is {})", log.desk(), explainer.newest());
    }
    Ok(Account { desk: log.desk().to_string(), case, steps, waits: explainer.waits(), seq: last })
}

/// A step as people read it.
fn told(step: replay::Step) -> Step {
    let InputId { seq, index } = step.event.caused_by;
    Step {
        at_ms: step.event.at,
        input: format!("{seq}.{index}"),
        policy: step.policy,
        kind: step.kind,
        text: simpang_views::sentence::sentence(&simpang_wire::event::write(&step.event)),
        details: step.details.iter().flat_map(details::lines).collect(),
        choice: step.choice,
    }
}
