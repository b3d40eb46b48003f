//! How far a folder was read: its UIDVALIDITY, the last UID, and when that was written down.

use chrono::{DateTime, Days};

use super::client::Folder;

/// How far a folder was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Position {
    /// While it stays the same, a UID means the same mail (RFC 9051 §2.3.1.1).
    pub(super) validity: u32,
    /// The last mail that was taken; 0 for none.
    pub(super) uid: u32,
}

/// Where reading begins.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Begin {
    /// After this mail.
    At(Position),
    /// UIDs mean other mail now: with all mail from this day on, then after this position.
    Since(String, Position),
}

impl Position {
    /// The first UID that is not taken.
    pub(super) fn next(&self) -> u32 {
        self.uid.saturating_add(1)
    }

    /// As it stands on the log.
    pub(super) fn write(&self, now_s: i64) -> String {
        format!("{}:{}:{now_s}", self.validity, self.uid)
    }
}

fn read(text: &str) -> Option<(Position, i64)> {
    let mut parts = text.split(':');
    let position = Position { validity: parts.next()?.parse().ok()?, uid: parts.next()?.parse().ok()? };
    Some((position, parts.next()?.parse().ok()?))
}

/// Where to begin with a folder, given the cursor.
pub(super) fn begin(known: Option<&str>, folder: Folder, from_start: bool) -> Begin {
    let Folder { validity, next } = folder;
    let end = Position { validity, uid: next.saturating_sub(1) };
    match known.and_then(read) {
        Some((position, _)) if position.validity == validity => Begin::At(position),
        Some((_, written_s)) => Begin::Since(day_before(written_s), end),
        None if from_start => Begin::At(Position { validity, uid: 0 }),
        None => Begin::At(end),
    }
}

/// A day that is surely not later than the server's at that time, as IMAP writes days.
fn day_before(time_s: i64) -> String {
    let day = DateTime::from_timestamp(time_s, 0).unwrap_or_default().date_naive();
    day.checked_sub_days(Days::new(1)).unwrap_or(day).format("%-d-%b-%Y").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOLDER: Folder = Folder { validity: 7, next: 100 };

    #[test]
    fn a_folder_is_read_on_from_where_it_was_read_to() {
        let written = Position { validity: 7, uid: 41 }.write(1_795_329_000);
        assert_eq!(begin(Some(&written), FOLDER, true), Begin::At(Position { validity: 7, uid: 41 }));
    }

    #[test]
    fn a_new_folder_is_read_from_its_next_mail_or_from_its_first() {
        assert_eq!(begin(None, FOLDER, false), Begin::At(Position { validity: 7, uid: 99 }));
        assert_eq!(begin(None, FOLDER, true), Begin::At(Position { validity: 7, uid: 0 }));
        assert_eq!(begin(Some("nonsense"), FOLDER, false), Begin::At(Position { validity: 7, uid: 99 }));
    }

    #[test]
    fn a_folder_made_anew_is_read_from_the_day_before_the_last_reading() {
        let written = Position { validity: 6, uid: 41 }.write(1_793_491_200);
        let begin = begin(Some(&written), FOLDER, false);
        assert_eq!(begin, Begin::Since("31-Oct-2026".into(), Position { validity: 7, uid: 99 }));
    }
}
