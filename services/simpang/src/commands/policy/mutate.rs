//! `simpang policy mutate`: whether the scenarios beside a policy notice every single change of it.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, bail};
use serde_json::json;
use simpang_scenario::mutants::{self, Fate};

use super::{compile_all, read_whole_folder, wanted};
use crate::output;

/// What became of the changes of one kind.
#[derive(Debug, Default)]
struct Count {
    refused: usize,
    failed: usize,
    survived: usize,
}

/// Tries every change; the exit code says whether all were noticed.
pub(crate) fn run(dir: &Path, as_json: bool) -> Result<ExitCode> {
    let files = read_whole_folder(dir)?;
    let suite = match simpang_scenario::suite_of(&files) {
        Ok(suite) => suite,
        Err(broken) => {
            bail!("{}: {}; `simpang policy test` tells all of it", broken[0].file, broken[0].message)
        }
    };
    for policy in compile_all(dir, &files, None)? {
        if let Some((_, failed)) = suite.first_failure(&policy, 0) {
            bail!("{:?} fails before anything is changed: `simpang policy test` tells more", failed.name);
        }
    }
    let (all, desks) = (mutants::of(&files), wanted(&files, None)?);
    let bar = output::progress(all.len() as u64, "changing the policy, one place at a time");
    let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let mut counts: BTreeMap<&str, Count> = BTreeMap::new();
    let mut survivors = Vec::new();
    mutants::try_all(&all, &files, &desks, &suite, threads, |at, fate| {
        bar.inc(1);
        let count = counts.entry(all[at].kind).or_default();
        match fate {
            Fate::Refused(_) => count.refused += 1,
            Fate::Failed(_) => count.failed += 1,
            Fate::Survived => {
                count.survived += 1;
                survivors.push(at);
            }
        }
    });
    bar.finish_and_clear();
    survivors.sort_unstable();
    for mutant in survivors.iter().map(|at| &all[*at]) {
        if as_json {
            output::json(&json!({ "survived": mutant.what, "kind": mutant.kind, "file": mutant.file }));
        } else {
            output::line(format!("not noticed: {}/{}: {}", dir.display(), mutant.file, mutant.what));
        }
    }
    tell(&counts, all.len(), survivors.len(), as_json);
    Ok(if survivors.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn tell(counts: &BTreeMap<&str, Count>, all: usize, survived: usize, as_json: bool) {
    if as_json {
        return output::json(&json!({ "changes": all, "noticed": all - survived, "survived": survived }));
    }
    let row = |(kind, count): (&&str, &Count)| {
        let Count { refused, failed, survived } = count;
        vec![(*kind).to_owned(), failed.to_string(), refused.to_string(), survived.to_string()]
    };
    let rows: Vec<Vec<String>> = counts.iter().map(row).collect();
    output::table(&["what is changed", "a scenario fails", "the policy is refused", "not noticed"], &rows);
    output::line(format!("{} of {all} changes are noticed", all - survived));
}
