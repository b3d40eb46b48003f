//! Call lists: CSV as people and programs really write it, row by row, each with its own verdict.
//!
//! Reads from any source of bytes and keeps nothing of it but the keys that were seen, so that a list of a million
//! rows needs little memory. A bad row never stops the list. Knows no campaign, no suppression list and no clock.

mod columns;
mod phone;
mod rows;
mod zone;

pub use phone::{PhoneError, numbers_in_cell, to_e164};
pub use zone::zone_of_place;

use std::collections::HashMap;
use std::io::Read;

use columns::{Column, Columns};
use rows::{RawRow, RowReader};
use sha2::{Digest, Sha256};

/// Why a list can't be read at all. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The bytes could not be read.
    #[error("the list can't be read: {0}")]
    Io(#[from] std::io::Error),
    /// Nothing in it.
    #[error("the list is empty: it needs a header row and one row for each contact")]
    Empty,
    /// A format that is not CSV.
    #[error("the list is {0}, not CSV: save it as \"CSV UTF-8\" and load that")]
    NotCsv(&'static str),
    /// No column of phone numbers.
    #[error(
        "line {line}: no column of phone numbers; name one `phone`, `no_hp` or `telepon` (found: {found})"
    )]
    NoPhoneColumn {
        /// Line of the header row.
        line: u64,
        /// The headers that are there.
        found: String,
    },
}

/// What makes a row the same contact when the list is loaded again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowKey {
    /// A column of the list says it: an id or a ticket number.
    Given(String),
    /// The best phone number in E.164. Personal: hash it before it leaves the door.
    Phone(String),
}

/// Somebody to be called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// Line of the list where the row begins, counted from 1.
    pub line: u64,
    /// Unique in the campaign.
    pub row_key: RowKey,
    /// Person to ask for; may be empty.
    pub name: String,
    /// Numbers in E.164, best first, at least one.
    pub phones: Vec<String>,
    /// The note that came with it.
    pub note: String,
    /// Why this contact is in the campaign; empty where the list does not say.
    pub criterion: String,
    /// Ticket number in another system; empty where the list does not say.
    pub ticket: String,
    /// Since when it waits, as written; empty where the list does not say.
    pub waiting_since: String,
    /// IANA zone for call windows, from a zone or place column, else the area code; empty when unknown.
    pub zone: String,
    /// Every column as it came, by header in the list's order, the raw phone cell among them.
    pub attributes: Vec<(String, String)>,
}

/// What became of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Row {
    /// To be called.
    Accepted(Box<Contact>),
    /// Its key or its best number stood in the list before.
    Duplicate {
        /// Line of this row.
        line: u64,
        /// Line of the row it repeats.
        of_line: u64,
    },
    /// Not usable.
    Invalid {
        /// Line of this row.
        line: u64,
        /// Why, without quoting personal data.
        reason: String,
    },
}

/// A list being read: an iterator over its rows. Blank rows are passed over.
#[derive(Debug)]
pub struct CallList<R> {
    reader: RowReader<R>,
    columns: Columns,
    seen_numbers: HashMap<u64, u64>,
    seen_keys: HashMap<[u8; 16], u64>,
    done: bool,
}

impl<R: Read> CallList<R> {
    /// Reads the header row.
    ///
    /// # Errors
    /// When there is no header row with a column of phone numbers, or the bytes are no CSV.
    pub fn new(source: R) -> Result<Self, ListError> {
        let mut reader = RowReader::new(source)?;
        if let Some(format) = reader.other_format() {
            return Err(ListError::NotCsv(format));
        }
        let header = match reader.next_row()? {
            Some(RawRow::Fields { line, fields }) => (line, fields),
            Some(RawRow::Broken { line, .. }) => (line, Vec::new()),
            None => return Err(ListError::Empty),
        };
        let columns = Columns::read(&header.1);
        if !columns.has(Column::Phone) {
            let found: Vec<String> = header.1.iter().take(20).map(|h| h.chars().take(40).collect()).collect();
            return Err(ListError::NoPhoneColumn { line: header.0, found: found.join(", ") });
        }
        Ok(Self { reader, columns, seen_numbers: HashMap::new(), seen_keys: HashMap::new(), done: false })
    }

    /// Columns that were understood, as (header, what it is read as), for a report to people.
    pub fn understood(&self) -> Vec<(String, &'static str)> {
        self.columns.understood()
    }

    fn judge(&mut self, line: u64, fields: &[String]) -> Row {
        let invalid = |reason: String| Row::Invalid { line, reason };
        if fields.len() > self.columns.len()
            && fields[self.columns.len()..].iter().any(|f| !f.trim().is_empty())
        {
            let (have, want) = (fields.len(), self.columns.len());
            return invalid(format!(
                "{have} fields where the header has {want}: quote fields that hold the separator"
            ));
        }
        let phones = match self.phones(fields) {
            Ok(phones) => phones,
            Err(error) => return invalid(error.to_string()),
        };
        let Some(best) = phones.first().cloned() else { return invalid("no phone number".to_owned()) };
        let given = self.columns.value(Column::Key, fields);
        if let Some(of_line) = self.seen_before(&best, &given, line) {
            return Row::Duplicate { line, of_line };
        }
        Row::Accepted(Box::new(self.contact(line, fields, phones, given, best)))
    }

    /// Numbers of all phone columns; the first cell's complaint when there is none.
    fn phones(&self, fields: &[String]) -> Result<Vec<String>, PhoneError> {
        let mut found: Vec<String> = Vec::new();
        let mut complaint = None;
        for cell in self.columns.values(Column::Phone, fields) {
            match numbers_in_cell(cell) {
                Ok(numbers) => numbers.into_iter().for_each(|n| {
                    if !found.contains(&n) {
                        found.push(n);
                    }
                }),
                Err(PhoneError::Missing) => {}
                Err(error) => complaint = complaint.or(Some(error)),
            }
        }
        if found.is_empty() { Err(complaint.unwrap_or(PhoneError::Missing)) } else { Ok(found) }
    }

    /// Remembers a row; the line that had its key or number before.
    fn seen_before(&mut self, best: &str, given: &str, line: u64) -> Option<u64> {
        let number: u64 = best.trim_start_matches('+').parse().unwrap_or(0);
        let key = key_hash(given);
        let by_key = key.and_then(|k| self.seen_keys.get(&k));
        if let Some(of_line) = by_key.or_else(|| self.seen_numbers.get(&number)) {
            return Some(*of_line);
        }
        self.seen_numbers.insert(number, line);
        if let Some(key) = key {
            self.seen_keys.insert(key, line);
        }
        None
    }

    fn contact(
        &self,
        line: u64,
        fields: &[String],
        phones: Vec<String>,
        given: String,
        best: String,
    ) -> Contact {
        let value = |column: Column| self.columns.value(column, fields);
        let place = [value(Column::Zone), value(Column::City)];
        let zone = place.iter().find_map(|p| zone_of_place(p)).or_else(|| zone::zone_of_number(&best));
        Contact {
            line,
            row_key: if given.is_empty() { RowKey::Phone(best) } else { RowKey::Given(given) },
            name: value(Column::Name),
            phones,
            note: value(Column::Note),
            criterion: value(Column::Criterion),
            ticket: value(Column::Ticket),
            waiting_since: value(Column::Since),
            zone: zone.unwrap_or_default().to_owned(),
            attributes: self.columns.attributes(fields),
        }
    }
}

/// Keys are remembered as half a hash, so that long ones cost no more than short ones.
fn key_hash(given: &str) -> Option<[u8; 16]> {
    if given.is_empty() {
        return None;
    }
    let mut half = [0; 16];
    half.copy_from_slice(&Sha256::digest(given.as_bytes())[..16]);
    Some(half)
}

impl<R: Read> Iterator for CallList<R> {
    type Item = Result<Row, ListError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.done {
            match self.reader.next_row() {
                Ok(Some(RawRow::Fields { line, fields })) => {
                    if fields.iter().any(|f| !f.trim().is_empty()) {
                        return Some(Ok(self.judge(line, &fields)));
                    }
                }
                Ok(Some(RawRow::Broken { line, reason })) => {
                    return Some(Ok(Row::Invalid { line, reason: reason.to_owned() }));
                }
                Ok(None) => self.done = true,
                Err(error) => {
                    self.done = true;
                    return Some(Err(ListError::Io(error)));
                }
            }
        }
        None
    }
}
