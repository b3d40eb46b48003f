//! The layout of a policy folder, and which of its files a desk needs.
//!
//! - `policy.toml`: what the policy is called, its version, its desks, what it cites;
//! - `desks/<desk>.toml`: a desk with its accounts and rules; `desks/<desk>/….toml`: more of it;
//! - `shared/….toml`: what several desks use;
//! - `lists/<name>.csv`: a list that conditions look in: a header line, then one text a line in the first column;
//! - `….md`: for people; not read.

use sha2::{Digest, Sha256};
use simpang_domain::words::Name;
use toml::de::DeTable;

use crate::draft::Part;
use crate::draft::names::{Kind, Names};
use crate::draft::routing::LIST_MAX;
use crate::problem::{Report, Spot, Text, hint};
use crate::read::Section;

/// The file every policy folder has.
pub(crate) const MANIFEST: &str = "policy.toml";

/// Most files of a policy.
const FILES_MAX: usize = 1_000;

/// Most text of a policy together, bytes: it travels in one record of the log.
const BYTES_MAX: usize = 768 * 1_024;

/// One document that a policy follows (L1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cite {
    /// Document code.
    pub document: Name,
    /// Title.
    pub title: Option<Name>,
    /// Revision.
    pub revision: Option<Name>,
    /// Date it came into force, as the document writes it.
    pub effective: Option<Name>,
    /// Who approved it.
    pub approver: Option<Name>,
}

/// `policy.toml`.
#[derive(Debug)]
pub(crate) struct Manifest {
    pub(crate) name: Name,
    pub(crate) version: u64,
    pub(crate) cites: Vec<Cite>,
}

/// SHA-256 over a policy's files by path: for each, path length and path, text length and text, lengths as 4 bytes
/// big endian. The same as `PolicyApplied.digest` on the log.
#[must_use]
pub fn digest(files: &[(String, String)]) -> [u8; 32] {
    let mut sorted: Vec<&(String, String)> = files.iter().collect();
    sorted.sort();
    let mut hash = Sha256::new();
    for part in sorted.iter().flat_map(|(path, text)| [path, text]) {
        hash.update(u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().into()
}

/// Reports what makes the folder as a whole unusable.
pub(crate) fn check_size(report: &Report<'_>, files: &[(String, String)]) {
    let bytes: usize = files.iter().map(|(path, text)| path.len() + text.len()).sum();
    if files.len() > FILES_MAX || bytes > BYTES_MAX {
        let message =
            format!("a policy has at most {FILES_MAX} files and {BYTES_MAX} bytes of text together");
        report.folder(MANIFEST, message);
    }
    let mut paths: Vec<&str> = files.iter().map(|(path, _)| path.as_str()).collect();
    paths.sort_unstable();
    for pair in paths.windows(2).filter(|pair| pair[0] == pair[1]) {
        report.folder(pair[0], "this file is there twice");
    }
}

/// What a file is to a desk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Role {
    Manifest,
    Table(Part),
    List(String),
    /// Of another desk, by its name.
    Other(String),
    ForPeople,
    Unknown,
}

/// What a file is to a desk, by its path.
pub(crate) fn role_of(path: &str, desk: &str) -> Role {
    if path == MANIFEST {
        return Role::Manifest;
    }
    // Scenarios and the list of what serves which requirement try a policy; they are no part of it.
    if path.ends_with(".md") || path.starts_with("scenarios/") || path == "requirements.toml" {
        return Role::ForPeople;
    }
    match (path.split_once('/'), path.rsplit_once('.')) {
        (Some(("shared", _)), Some((_, "toml"))) => Role::Table(Part::Shared),
        (Some(("lists", file)), Some((_, "csv"))) if !file.contains('/') => {
            Role::List(file.trim_end_matches(".csv").to_owned())
        }
        (Some(("desks", file)), Some((_, "toml"))) => match file.split_once('/') {
            None if file.strip_suffix(".toml") == Some(desk) => Role::Table(Part::Desk),
            None => Role::Other(file.trim_end_matches(".toml").to_owned()),
            Some((folder, _)) if folder == desk => Role::Table(Part::More),
            Some((folder, _)) => Role::Other(folder.to_owned()),
        },
        _ => Role::Unknown,
    }
}

/// Parses a file as TOML, reporting every error of its syntax.
pub(crate) fn parse<'a>(report: &Report<'a>, file: usize) -> DeTable<'a> {
    let (table, errors) = DeTable::parse_recoverable(report.text(file));
    for error in errors {
        let at = error.span().map_or(0, |span| span.start);
        report.error(
            Spot { file, at },
            error.message().trim().lines().next().unwrap_or("can't be read").to_owned(),
        );
    }
    table.into_inner()
}

/// Reads `policy.toml`: name, version, desks, `[[cite]]`.
pub(crate) fn read_manifest(top: &Section<'_>, names: &mut Names, desk: &str) -> Option<Manifest> {
    let name = top.need_text("name").map(|t| t.name());
    let version = top.number("version", 1..i64::MAX);
    if !top.has("version") {
        top.missing("version");
    }
    let desks = top.texts("desks");
    for desk in &desks {
        names.define(top.report, Kind::Desk, desk);
    }
    if !desks.iter().any(|d| d.as_str() == desk) {
        let hint = hint(desk, desks.iter().map(Text::as_str));
        top.report.error(top.spot_of("desks"), format!("no desk `{desk}` in this policy{hint}"));
    }
    let cites = top.sections("cite").into_iter().filter_map(read_cite).collect();
    Some(Manifest { name: name?, version: version?.unsigned_abs(), cites })
}

fn read_cite(section: Section<'_>) -> Option<Cite> {
    let document = section.need_text("document").map(|t| t.name());
    let text = |key| section.text(key).map(|t| t.name());
    let (title, revision) = (text("title"), text("revision"));
    let (effective, approver) = (text("effective"), text("approver"));
    section.finish();
    Some(Cite { document: document?, title, revision, effective, approver })
}

/// Reads the first column of a CSV, without its header and without lines that begin with `#`.
pub(crate) fn read_list(report: &Report<'_>, file: usize) -> Vec<Name> {
    let text = report.text(file);
    let mut reader = csv::ReaderBuilder::new()
        .comment(Some(b'#'))
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let mut items = Vec::new();
    for record in reader.records() {
        match record {
            Ok(record) => match record.get(0).filter(|first| !first.is_empty()) {
                Some(first) => items.push(first.into()),
                None => report
                    .error(spot_in(file, record.position()), "a line without a text in its first column"),
            },
            Err(error) => report.error(spot_in(file, error.position()), format!("not CSV: {error}")),
        }
        if items.len() > LIST_MAX {
            break;
        }
    }
    items
}

fn spot_in(file: usize, position: Option<&csv::Position>) -> Spot {
    Spot { file, at: position.map_or(0, |p| usize::try_from(p.byte()).unwrap_or(0)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_tells_what_a_file_is_to_a_desk() {
        for (path, role) in [
            ("policy.toml", Role::Manifest),
            ("README.md", Role::ForPeople),
            ("scenarios/mail.toml", Role::ForPeople),
            ("requirements.toml", Role::ForPeople),
            ("shared/people.toml", Role::Table(Part::Shared)),
            ("shared/more/slas.toml", Role::Table(Part::Shared)),
            ("desks/a.toml", Role::Table(Part::Desk)),
            ("desks/a/campaigns.toml", Role::Table(Part::More)),
            ("desks/b.toml", Role::Other("b".to_owned())),
            ("desks/b/x.toml", Role::Other("b".to_owned())),
            ("lists/bod.csv", Role::List("bod".to_owned())),
            ("lists/more/bod.csv", Role::Unknown),
            ("a.toml", Role::Unknown),
            ("shared/a.yaml", Role::Unknown),
        ] {
            assert_eq!(role_of(path, "a"), role, "{path}");
        }
    }

    #[test]
    fn the_digest_depends_on_paths_and_texts_and_not_on_their_order() {
        let file = |path: &str, text: &str| (path.to_owned(), text.to_owned());
        let (a, b) = (file("a", "xy"), file("b", "z"));
        assert_eq!(digest(&[a.clone(), b.clone()]), digest(&[b.clone(), a.clone()]));
        assert_ne!(digest(&[a, b]), digest(&[file("a", "x"), file("yb", "z")]));
        let one = [&[0, 0, 0, 1][..], b"a", &[0, 0, 0, 2], b"xy"].concat();
        assert_eq!(digest(&[file("a", "xy")]), <[u8; 32]>::from(Sha256::digest(one)));
    }
}
