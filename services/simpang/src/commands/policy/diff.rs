//! `simpang policy diff`: what changed between two versions of a policy, and which cases the new one would have
//! classified otherwise. Nothing is worked out here: `simpang-policy` compares, `simpang-replay` takes decisions
//! again; [`layout`] prints for people, [`machine`] for machines, [`cases`] reads a desk's log.

mod cases;
mod layout;
mod machine;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Result, bail};
use simpang_log::tail::Body;
use simpang_log::{Ahead, Anchor, DeskLog, DeskName, LogStore, Tail};
use simpang_policy::Problem;
use simpang_policy::diff::{Change, Portrait};
use simpang_proto::log::v1::{self, event, input};
use simpang_replay::rules::{ActiveRules, compile};

use super::{read_folder, wanted};
use crate::cli::PolicyDiff;
use crate::config::Config;
use crate::{output, store};

/// Exit code of an error: 1 says that something differs.
const ERROR: u8 = 2;

type Files = Vec<(String, String)>;

/// What differs on one desk.
#[derive(Debug)]
struct OfDesk {
    desk: String,
    old: Portrait,
    new: Portrait,
    changes: Vec<Change>,
}

/// The same change on one or several desks.
#[derive(Debug)]
struct Shared<'a> {
    desks: Vec<&'a str>,
    change: &'a Change,
}

pub(crate) async fn run(config: &Config, args: &PolicyDiff) -> ExitCode {
    match differs(config, args).await {
        Ok(false) => ExitCode::SUCCESS,
        Ok(true) => ExitCode::FAILURE,
        Err(error) => {
            crate::eprint(&error);
            ExitCode::from(ERROR)
        }
    }
}

async fn differs(config: &Config, args: &PolicyDiff) -> Result<bool> {
    let span = cases::span(args)?;
    match (args.dirs.as_slice(), &args.desk) {
        ([_, _], _) if span.is_some() => bail!(
            "the log says which policy judged its cases: with --from, --to, --since or --until name only the new version"
        ),
        ([old, new], desk) => folders(old, new, desk.as_deref(), args.json.json),
        ([new], Some(desk)) => {
            let store = store::connect(config, &store::instance("policy-diff", "1")).await?;
            let (name, files) = (DeskName::new(desk)?, read_folder(new)?);
            wanted(&files, Some(desk))?;
            let old = in_force(store.as_ref(), &name).await?;
            let compared = of_desk(desk, ("the desk's log", &old), (&shown(new), &files))?;
            let differs = tell(&[compared], args.json.json);
            let Some(span) = span else { return Ok(differs) };
            let policy =
                simpang_policy::compile(desk, &files).map_err(|p| refused(&shown(new), desk, &p))?.policy;
            Ok(cases::tell(store.as_ref(), &name, policy, span, args.json.json).await? || differs)
        }
        _ => bail!(
            "name the old version's folder too, or with --desk the desk whose policy in force is the old one"
        ),
    }
}

/// Compares two folders, desk by desk.
fn folders(old: &Path, new: &Path, desk: Option<&str>, json: bool) -> Result<bool> {
    let (old_files, new_files) = (read_folder(old)?, read_folder(new)?);
    let mut desks = [wanted(&old_files, None)?, wanted(&new_files, None)?].concat();
    desks.sort();
    desks.dedup();
    if let Some(desk) = desk {
        if !desks.iter().any(|known| known == desk) {
            bail!("neither version has a desk `{desk}`, only {}", desks.join(", "));
        }
        desks.retain(|known| known == desk);
    }
    let compared = desks
        .iter()
        .map(|desk| of_desk(desk, (&shown(old), &old_files), (&shown(new), &new_files)))
        .collect::<Result<Vec<_>>>()?;
    Ok(tell(&compared, json))
}

fn of_desk(desk: &str, old: (&str, &Files), new: (&str, &Files)) -> Result<OfDesk> {
    let portrait = |(place, files): (&str, &Files)| {
        // A version without the desk has nothing of it.
        if !files.iter().any(|(path, _)| *path == format!("desks/{desk}.toml")) {
            return Ok(Portrait::default());
        }
        Portrait::of(desk, files).map_err(|problems| refused(place, desk, &problems))
    };
    let (old, new) = (portrait(old)?, portrait(new)?);
    let changes = old.changes_to(&new);
    Ok(OfDesk { desk: desk.to_owned(), old, new, changes })
}

fn shown(dir: &Path) -> String {
    dir.display().to_string()
}

fn refused(place: &str, desk: &str, problems: &[Problem]) -> anyhow::Error {
    let told: Vec<String> = problems.iter().map(|problem| format!("{place}/{problem}")).collect();
    anyhow::anyhow!("the policy can't be used on desk {desk}:\n{}", told.join("\n"))
}

/// The files of the policy that is in force on a desk; none: there is no policy yet.
async fn in_force(store: &dyn LogStore, desk: &DeskName) -> Result<Files> {
    let log = store.open(desk).await?;
    let last = log.last_seq().await?;
    let rules = last_rules(log, desk, last).await?;
    let files = rules.document().into_iter().flat_map(|document| &document.files);
    Ok(files.map(|file| (file.path.clone(), file.text.clone())).collect())
}

/// The rules of the last policy that was applied.
pub(crate) async fn last_rules(log: Arc<dyn DeskLog>, desk: &DeskName, last: u64) -> Result<ActiveRules> {
    let mut documents = HashMap::new();
    let mut applied = None;
    let mut tail = Ahead::start(Tail::start(log, Anchor::Start));
    while let Some(entry) = tail.read_until(last).await? {
        match entry.body {
            Body::Inputs { record, .. } => {
                for (index, input) in (0u32..).zip(record.inputs) {
                    if let Some(input::Body::Policy(document)) = input.body {
                        documents.insert((entry.seq, index), document);
                    }
                }
            }
            Body::Commit { commit, .. } => {
                let applies = |event: &v1::Event| matches!(event.body, Some(event::Body::PolicyApplied(_)));
                for event in commit.events.iter().filter(|event| applies(event)) {
                    let by = event.caused_by.unwrap_or_default();
                    applied = documents.remove(&(by.seq, by.index)).or(applied);
                }
            }
            Body::Unreadable { .. } => {}
        }
    }
    Ok(applied.and_then(|document| compile(desk.as_str(), &document).1).unwrap_or_default())
}

/// Tells what differs; says whether anything does.
fn tell(compared: &[OfDesk], json: bool) -> bool {
    let shared = shared(compared);
    if json {
        shared.iter().map(machine::change).for_each(|line| output::json(&line));
    } else {
        layout::layout(compared, &shared).iter().for_each(output::line);
    }
    !shared.is_empty()
}

/// Every change once, with all desks that it is on: what desks share is in the policy of each.
fn shared(compared: &[OfDesk]) -> Vec<Shared<'_>> {
    let mut all: Vec<Shared<'_>> = Vec::new();
    for OfDesk { desk, changes, .. } in compared {
        for change in changes {
            match all.iter_mut().find(|known| known.change == change) {
                Some(known) => known.desks.push(desk),
                None => all.push(Shared { desks: vec![desk], change }),
            }
        }
    }
    all
}
