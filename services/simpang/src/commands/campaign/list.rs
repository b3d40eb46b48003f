//! A list that does not say why its contacts are in the campaign, with the reason added to every row (A7).

use anyhow::Result;
use simpang_channels::calls::{CallList, Row};
use simpang_proto::ingest::v1::{ContactRow, RowOutcome, RowVerdict};

/// What the column is called.
const COLUMN: &str = "criterion";

/// Rows to send, and those that are not worth sending.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Rows {
    pub(super) rows: Vec<ContactRow>,
    /// Line of the list where each of `rows` stands.
    pub(super) lines: Vec<u64>,
    /// Repeats and rows that are no contacts.
    pub(super) left_out: Vec<RowVerdict>,
}

/// The rows with a criterion; `None` when the list has a column for it and so says it itself.
pub(super) fn with_criterion(bytes: &[u8], criterion: &str) -> Result<Option<Rows>> {
    let list = CallList::new(bytes)?;
    if list.understood().iter().any(|(_, column)| *column == COLUMN) {
        return Ok(None);
    }
    let mut rows = Rows::default();
    for row in list {
        match row? {
            Row::Accepted(contact) => {
                let mut cells: std::collections::HashMap<_, _> = contact.attributes.into_iter().collect();
                cells.insert(COLUMN.to_owned(), criterion.to_owned());
                rows.rows.push(ContactRow { cells });
                rows.lines.push(contact.line);
            }
            Row::Duplicate { line, of_line } => {
                let reason = format!("the same contact as on line {of_line}");
                rows.left_out.push(verdict(line, RowOutcome::Duplicate, reason));
            }
            Row::Invalid { line, reason } => rows.left_out.push(verdict(line, RowOutcome::Invalid, reason)),
        }
    }
    Ok(Some(rows))
}

fn verdict(line: u64, outcome: RowOutcome, reason: String) -> RowVerdict {
    RowVerdict { line, outcome: outcome.into(), key: String::new(), reason }
}

#[cfg(test)]
mod tests {
    use super::with_criterion;

    #[test]
    fn every_row_gets_the_criterion_and_keeps_its_line() {
        let csv = b"nama;no_hp\nAni;081234567890\n\nBudi;none\nCici;081234567891\n";
        let rows = with_criterion(csv, "vvip").unwrap().unwrap();
        assert_eq!(rows.lines, [2, 5]);
        assert!(rows.rows.iter().all(|row| row.cells["criterion"] == "vvip"));
        assert_eq!(rows.rows[1].cells["nama"], "Cici");
        assert_eq!(rows.left_out.iter().map(|row| row.line).collect::<Vec<_>>(), [4]);
    }

    #[test]
    fn a_list_that_says_it_itself_is_left_as_it_is() {
        assert_eq!(with_criterion(b"phone,kriteria\n081234567890,a\n", "b").unwrap(), None);
    }
}
