//! Which cases of a span of a desk's log the new version would have classified otherwise.

use anyhow::{Result, bail};
use simpang_log::{Anchor, DeskName, LogStore, Tail};
use simpang_policy::Policy;
use simpang_replay::reclassify::{Reclassifier, Span, Totals};

use super::{layout, machine};
use crate::cli::PolicyDiff;
use crate::commands::agent::parse;
use crate::output;

/// The span that was asked for; none: no decision is taken again.
pub(super) fn span(args: &PolicyDiff) -> Result<Option<Span>> {
    let PolicyDiff { from, to, since, until, .. } = args;
    if from.is_none() && to.is_none() && since.is_none() && until.is_none() {
        return Ok(None);
    }
    let time = |text: &Option<String>| text.as_deref().map(parse::time).transpose();
    let (since, until) = (time(since)?.unwrap_or(i64::MIN), time(until)?.unwrap_or(i64::MAX));
    let (from, to) = (from.unwrap_or(1), to.unwrap_or(u64::MAX));
    if from > to || since > until {
        bail!("the span ends before it begins");
    }
    Ok(Some(Span { seqs: from..=to, times: since..=until }))
}

/// Takes the decisions again and tells of those that differ as they come; says whether any does.
pub(super) async fn tell(
    store: &dyn LogStore,
    desk: &DeskName,
    policy: Policy,
    span: Span,
    json: bool,
) -> Result<bool> {
    let log = store.open(desk).await?;
    let last = log.last_seq().await?;
    let end = last.min(*span.seqs.end());
    let bar = output::progress(end, &format!("desk {desk}: classifying again"));
    let (mut again, mut totals) = (Reclassifier::new(desk, policy, span), Totals::default());
    let mut tail = Tail::start(log, Anchor::Start);
    if !json {
        output::line("");
    }
    while let Some(entry) = tail.read_until(last).await? {
        bar.set_position(entry.seq.min(end));
        for decision in again.take(&entry)? {
            let differing = totals.add(&decision);
            if differing.is_empty() {
                continue;
            }
            bar.suspend(|| match json {
                true => output::json(&machine::decision(desk.as_str(), &decision, &differing)),
                false => layout::decision(&decision, &differing).iter().for_each(output::line),
            });
        }
        if again.is_done() {
            break;
        }
    }
    bar.finish_and_clear();
    if json {
        output::json(&machine::totals(desk.as_str(), &totals));
    } else {
        layout::totals(&totals).iter().for_each(output::line);
    }
    Ok(totals.different > 0)
}
