//! A policy changed in one place at a time: rules and criteria left out or negated, dispositions left out or turned
//! round, clocks, steps and limits changed. A scenario ought to notice every one; one that none notices is a rule that
//! nothing proves.
//!
//! Left alone is what no decision depends on: titles, glosses, texts of templates, links, addresses of accounts and
//! groups, definitions of segments, single holidays, how long records are kept.

mod condition;
mod tables;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use simpang_policy::compile;

use crate::run::Suite;

/// A policy's file with one thing changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mutant {
    /// Path of the file within the policy folder.
    pub file: String,
    /// What kind of thing is changed, such as `rule` or `disposition`.
    pub kind: &'static str,
    /// What is changed, and how.
    pub what: String,
    /// The file's new text.
    text: String,
}

/// What became of a mutant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// The policy is refused, with the first problem.
    Refused(String),
    /// A scenario fails: its sentence.
    Failed(String),
    /// Nothing noticed.
    Survived,
}

/// Every change of a policy's files, in the order of the files.
#[must_use]
pub fn of(files: &[(String, String)]) -> Vec<Mutant> {
    let mut all = Vec::new();
    for (file, text) in files {
        let ending = file.rsplit_once('.').map_or("", |(_, ending)| ending);
        let in_policy = ["desks/", "shared/", "lists/"].iter().any(|folder| file.starts_with(folder));
        match ending {
            "toml" if in_policy => all.extend(tables::of(file, text)),
            "csv" if in_policy => all.extend(lines(file, text)),
            _ => {}
        }
    }
    all
}

/// A list without each of its lines.
fn lines(file: &str, text: &str) -> Vec<Mutant> {
    let all: Vec<&str> = text.lines().collect();
    let items = all.iter().enumerate().skip(1).filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let without = items.map(|(at, line)| {
        let rest: Vec<&str> =
            all.iter().enumerate().filter(|(i, _)| *i != at).map(|(_, line)| *line).collect();
        let what = format!("`{}` left out", line.split(',').next().unwrap_or(line));
        Mutant { file: file.to_owned(), kind: "list", what, text: rest.join("\n") + "\n" }
    });
    without.collect()
}

impl Mutant {
    /// Desks that read the changed file.
    #[must_use]
    pub fn desks<'a>(&self, all: &'a [String]) -> Vec<&'a str> {
        let own = self.file.strip_prefix("desks/").map(|rest| {
            let name = rest.split('/').next().unwrap_or(rest);
            name.strip_suffix(".toml").unwrap_or(name)
        });
        all.iter().map(String::as_str).filter(|desk| own.is_none_or(|own| own == *desk)).collect()
    }

    /// The policy's files with this change.
    #[must_use]
    pub fn applied(&self, files: &[(String, String)]) -> Vec<(String, String)> {
        let text_of =
            |path: &str, text: &str| if path == self.file { self.text.clone() } else { text.to_owned() };
        files.iter().map(|(path, text)| (path.clone(), text_of(path, text))).collect()
    }

    /// Tries the changed policy on every desk that reads it. `last` is where a scenario failed before, and becomes
    /// where one failed now.
    fn fate(&self, files: &[(String, String)], desks: &[String], suite: &Suite, last: &mut usize) -> Fate {
        let changed = self.applied(files);
        for desk in self.desks(desks) {
            match compile(desk, &changed) {
                Err(problems) => {
                    return Fate::Refused(problems.first().map_or_else(String::new, |p| p.message.clone()));
                }
                Ok(compiled) => {
                    if let Some((at, failed)) = suite.first_failure(&compiled.policy, *last) {
                        *last = at;
                        return Fate::Failed(failed.name);
                    }
                }
            }
        }
        Fate::Survived
    }
}

/// Tries every mutant on as many threads; tells of each as it is known, with its place in the list.
pub fn try_all(
    mutants: &[Mutant],
    files: &[(String, String)],
    desks: &[String],
    suite: &Suite,
    threads: usize,
    mut tell: impl FnMut(usize, Fate),
) {
    let next = AtomicUsize::new(0);
    let (send, receive) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            let (next, send) = (&next, send.clone());
            scope.spawn(move || {
                let mut last = 0;
                while let Some((at, mutant)) = {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    mutants.get(at).map(|mutant| (at, mutant))
                } {
                    if send.send((at, mutant.fate(files, desks, suite, &mut last))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(send);
        for (at, fate) in receive {
            tell(at, fate);
        }
    });
}
