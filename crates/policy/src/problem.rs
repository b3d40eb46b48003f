//! What is wrong with a policy's files, and where. Nothing here knows what a policy means.

use std::cell::RefCell;
use std::fmt;
use std::ops::Range;

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The policy can't be used.
    Error,
    /// The policy can be used, and probably does not do what its author meant.
    Warning,
}

/// Something wrong in a file. Displays as `file:line:column: message`, a warning with that word before its message.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Problem {
    /// Path within the policy folder.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1, in characters.
    pub column: u32,
    /// How bad.
    pub severity: Severity,
    /// What is wrong and what would be right.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.severity == Severity::Warning { "warning: " } else { "" };
        write!(f, "{}:{}:{}: {kind}{}", self.file, self.line, self.column, self.message)
    }
}

impl std::error::Error for Problem {}

/// A place in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Spot {
    /// Index of the file.
    pub(crate) file: usize,
    /// Byte offset.
    pub(crate) at: usize,
}

/// A text and where it stands: the value's span with its quotes.
#[derive(Debug, Clone)]
pub(crate) struct Text {
    pub(crate) value: String,
    pub(crate) spot: Spot,
    pub(crate) end: usize,
}

impl Text {
    pub(crate) fn as_str(&self) -> &str {
        &self.value
    }

    pub(crate) fn name(&self) -> simpang_domain::words::Name {
        self.value.as_str().into()
    }
}

/// Collects problems; knows the files to tell lines and columns.
#[derive(Debug)]
pub(crate) struct Report<'a> {
    files: &'a [(String, String)],
    problems: RefCell<Vec<Problem>>,
}

impl<'a> Report<'a> {
    pub(crate) fn new(files: &'a [(String, String)]) -> Self {
        Self { files, problems: RefCell::default() }
    }

    pub(crate) fn error(&self, spot: Spot, message: impl Into<String>) {
        self.add(spot, Severity::Error, message.into());
    }

    pub(crate) fn warn(&self, spot: Spot, message: impl Into<String>) {
        self.add(spot, Severity::Warning, message.into());
    }

    /// A problem with the folder as a whole rather than with a place in a file.
    pub(crate) fn folder(&self, file: &str, message: impl Into<String>) {
        let problem = Problem {
            file: file.to_owned(),
            line: 1,
            column: 1,
            severity: Severity::Error,
            message: message.into(),
        };
        self.problems.borrow_mut().push(problem);
    }

    /// The file's text as written in a range.
    pub(crate) fn written(&self, file: usize, range: Range<usize>) -> &'a str {
        self.files.get(file).and_then(|(_, text)| text.get(range)).unwrap_or("")
    }

    pub(crate) fn path(&self, file: usize) -> &'a str {
        self.files.get(file).map_or("", |(path, _)| path.as_str())
    }

    pub(crate) fn text(&self, file: usize) -> &'a str {
        self.files.get(file).map_or("", |(_, text)| text.as_str())
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.problems.borrow().iter().any(|p| p.severity == Severity::Error)
    }

    /// All of them, by file, line and column; each once.
    pub(crate) fn into_problems(self) -> Vec<Problem> {
        let mut problems = self.problems.into_inner();
        problems.sort();
        problems.dedup();
        problems
    }

    fn add(&self, spot: Spot, severity: Severity, message: String) {
        let (line, column) = line_and_column(self.text(spot.file), spot.at);
        let file = self.path(spot.file).to_owned();
        self.problems.borrow_mut().push(Problem { file, line, column, severity, message });
    }
}

fn line_and_column(text: &str, at: usize) -> (u32, u32) {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let before = &text[..at];
    let line = before.matches('\n').count() + 1;
    let line_start = before.rfind('\n').map_or(0, |n| n + 1);
    let column = before[line_start..].chars().count() + 1;
    (u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX))
}

/// `; did you mean `x`?` for the nearest of the known names, or a list of them when few are known and none is near.
pub(crate) fn hint<'n>(wrong: &str, known: impl IntoIterator<Item = &'n str>) -> String {
    let mut known: Vec<&str> = known.into_iter().collect();
    known.sort_unstable();
    known.dedup();
    let nearest = known.iter().map(|name| (distance(wrong, name), *name)).min();
    match nearest {
        Some((steps, name)) if steps <= (wrong.chars().count() / 3).max(2) => {
            format!("; did you mean `{name}`?")
        }
        Some(_) if known.len() <= 12 => format!("; known: {}", known.join(", ")),
        _ => String::new(),
    }
}

/// Edits (insert, remove, replace, swap of neighbours) from one name to the other.
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().flat_map(char::to_lowercase).take(64).collect();
    let b: Vec<char> = b.chars().flat_map(char::to_lowercase).take(64).collect();
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replace = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replace.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_told_by_line_and_column_in_characters() {
        let text = "a\nbé = 1\n";
        for (at, expected) in [(0, (1, 1)), (2, (2, 1)), (5, (2, 3)), (999, (3, 1))] {
            assert_eq!(line_and_column(text, at), expected, "offset {at}");
        }
    }

    #[test]
    fn the_nearest_known_name_is_suggested() {
        assert_eq!(hint("qeue", ["queue", "name"]), "; did you mean `queue`?");
        assert_eq!(hint("zzzzzz", ["queue", "name"]), "; known: name, queue");
        assert_eq!(hint("x", []), "");
    }
}
