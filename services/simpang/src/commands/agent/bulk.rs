//! The same command for many cases, each decided for itself (M12).

use std::collections::BTreeSet;
use std::io::Read as _;

use anyhow::{Context, Result, bail};
use simpang_proto::agent::v1 as api;
use simpang_proto::agent::v1::bulk_request::Action;

use super::ask::Many;
use super::{Me, parse, request_id, until_known};
use crate::output;

/// Cases asked for at a time.
const ITEMS: usize = 500;

/// Most cases of one command: a slip in a range must not reach a whole desk.
const CASES_MAX: usize = 10_000;

pub(super) async fn run(me: &Me, what: Many) -> Result<()> {
    let (action, cases) = action(what)?;
    let cases = cases_of(&cases)?;
    let bar = output::progress(cases.len() as u64, "cases");
    let mut refused = 0;
    for cases in cases.chunks(ITEMS) {
        let items = cases.iter().map(|case| api::BulkItem { case: *case, seen_messages: 0 }).collect();
        let request = api::BulkRequest {
            desk: me.desk.clone(),
            request_id: request_id(),
            items,
            action: Some(action.clone()),
        };
        let answer = until_known(request, |request| {
            let mut client = me.client.agent();
            async move { client.bulk(request).await }
        });
        let answer = answer.await?;
        bar.inc(cases.len() as u64);
        refused += answer.outcomes.iter().filter(|outcome| outcome.code != 0).count();
        bar.suspend(|| me.tell("BulkResponse", &answer, || told(&answer)));
    }
    bar.finish_and_clear();
    if refused > 0 {
        bail!("{} of {} cases done, {refused} refused", cases.len() - refused, cases.len());
    }
    if !me.json {
        output::line(format!("{} cases done", cases.len()));
    }
    Ok(())
}

fn told(answer: &api::BulkResponse) -> Vec<String> {
    let refused = answer.outcomes.iter().filter(|outcome| outcome.code != 0);
    refused.map(|outcome| format!("case {}: {}", outcome.case, outcome.message)).collect()
}

/// What is asked for each, and of which cases.
fn action(what: Many) -> Result<(Action, Vec<String>)> {
    Ok(match what {
        Many::Close { cases } => (Action::Close(api::CloseRequest::default()), cases),
        Many::Spam { cases } => (Action::MarkSpam(api::MarkSpamRequest::default()), cases),
        Many::Resolve { cases, outcome } => {
            (Action::Resolve(api::ResolveRequest { outcome, ..Default::default() }), cases)
        }
        Many::Reopen { cases } => (Action::Reopen(api::ReopenRequest::default()), cases),
        Many::Release { cases } => (Action::Release(api::ReleaseRequest::default()), cases),
        Many::Priority { priority, cases } => {
            (Action::SetPriority(api::SetPriorityRequest { priority, ..Default::default() }), cases)
        }
        Many::Transfer { queue, cases, last, note } => {
            let target = Some(api::transfer_request::Target::Queue(queue));
            (Action::Transfer(api::TransferRequest { target, last, text: note, ..Default::default() }), cases)
        }
        Many::Merge { into, cases } => {
            (Action::Merge(api::MergeRequest { into, ..Default::default() }), cases)
        }
        Many::Note { text, cases } => {
            (Action::AddNote(api::AddNoteRequest { text, ..Default::default() }), cases)
        }
        Many::Link { system, number, cases, status } => {
            let request = api::LinkReferenceRequest { system, number, status, ..Default::default() };
            (Action::LinkReference(request), cases)
        }
        Many::Classify { category, cases } => {
            let category = parse::path(&category)?;
            (Action::Classify(api::ClassifyRequest { category, ..Default::default() }), cases)
        }
    })
}

/// Case numbers: `17`, `20-40`, and `-` for what stands on standard input.
fn cases_of(texts: &[String]) -> Result<Vec<u64>> {
    let mut cases = BTreeSet::new();
    for text in texts {
        if text == "-" {
            let mut read = String::new();
            std::io::stdin()
                .read_to_string(&mut read)
                .context("can't read case numbers from standard input")?;
            for word in read.split_whitespace() {
                add(&mut cases, word)?;
            }
        } else {
            add(&mut cases, text)?;
        }
    }
    if cases.is_empty() {
        bail!("no case: give numbers such as 17 or 20-40, or `-` and numbers on standard input");
    }
    Ok(cases.into_iter().collect())
}

fn add(cases: &mut BTreeSet<u64>, text: &str) -> Result<()> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let range = first.parse::<u64>().ok().zip(last.parse::<u64>().ok());
    let Some((first, last)) = range.filter(|(first, last)| 1 <= *first && first <= last) else {
        bail!("`{text}` is no case number and no range such as 20-40");
    };
    if last - first >= CASES_MAX as u64 || cases.len() + (last - first) as usize >= CASES_MAX {
        bail!("these are more than {CASES_MAX} cases: ask for fewer at a time");
    }
    cases.extend(first..=last);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::cases_of;

    fn read(texts: &[&str]) -> Result<Vec<u64>, String> {
        let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        cases_of(&texts).map_err(|error| error.to_string())
    }

    #[test]
    fn numbers_and_ranges_name_each_case_once() {
        assert_eq!(read(&["17", "3-5", "4"]).unwrap(), [3, 4, 5, 17]);
    }

    #[test]
    fn what_is_no_number_or_too_many_is_told() {
        for (text, said) in [
            ("0", "no case number"),
            ("x", "no case number"),
            ("5-3", "no case number"),
            ("1-10001", "more than 10000"),
            ("1-18446744073709551615", "more than 10000"),
        ] {
            assert!(read(&[text]).unwrap_err().contains(said), "{text}");
        }
    }
}
