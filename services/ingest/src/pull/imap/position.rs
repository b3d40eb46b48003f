//! How far a folder was read: its UIDVALIDITY, the last UID, and until when all of its mail is surely taken.

use chrono::{DateTime, Days};

use super::client::Folder;

/// At least so often it is written down that a quiet folder was read.
const WRITTEN_EVERY_S: i64 = 6 * 3_600;

/// How far a folder was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Position {
    /// While it stays the same, a UID means the same mail (RFC 9051 §2.3.1.1).
    pub(super) validity: u32,
    /// The last mail that was taken; 0 for none.
    pub(super) uid: u32,
    /// All mail that stood in the folder at this time was taken, s since 1970 UTC; 0 until that was so once.
    pub(super) whole_s: i64,
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
    pub(super) fn write(&self) -> String {
        format!("{}:{}:{}", self.validity, self.uid, self.whole_s)
    }

    /// Takes in that all mail was taken which stood there at a time; whether that is news worth writing down. A folder
    /// that stays quiet for weeks is not to be read again from weeks ago when it is made anew.
    pub(super) fn is_whole_at(&mut self, now_s: i64) -> bool {
        let is_news = now_s - self.whole_s >= WRITTEN_EVERY_S;
        if is_news {
            self.whole_s = now_s;
        }
        is_news
    }
}

fn read(text: &str) -> Option<Position> {
    let mut parts = text.split(':');
    Some(Position {
        validity: parts.next()?.parse().ok()?,
        uid: parts.next()?.parse().ok()?,
        whole_s: parts.next()?.parse().ok()?,
    })
}

/// Where to begin with a folder, given the cursor.
pub(super) fn begin(known: Option<&str>, folder: Folder, from_start: bool, now_s: i64) -> Begin {
    let Folder { validity, next } = folder;
    let end = |whole_s| Position { validity, uid: next.saturating_sub(1), whole_s };
    match known.and_then(read) {
        Some(position) if position.validity == validity => Begin::At(position),
        Some(Position { whole_s, .. }) => Begin::Since(day_before(whole_s), end(whole_s)),
        None if from_start => Begin::At(Position { validity, uid: 0, whole_s: 0 }),
        None => Begin::At(end(now_s)),
    }
}

/// A day that is surely not later than the server's at that time, as IMAP writes days.
fn day_before(time_s: i64) -> String {
    let first = DateTime::UNIX_EPOCH.date_naive();
    let day = DateTime::from_timestamp(time_s, 0).map_or(first, |time| time.date_naive());
    day.checked_sub_days(Days::new(1)).unwrap_or(first).max(first).format("%-d-%b-%Y").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOLDER: Folder = Folder { validity: 7, next: 100 };

    fn at(validity: u32, uid: u32, whole_s: i64) -> Position {
        Position { validity, uid, whole_s }
    }

    #[test]
    fn a_folder_is_read_on_from_where_it_was_read_to() {
        let written = at(7, 41, 1_795_329_000).write();
        assert_eq!(begin(Some(&written), FOLDER, true, 9), Begin::At(at(7, 41, 1_795_329_000)));
    }

    #[test]
    fn a_new_folder_is_read_from_its_next_mail_or_from_its_first() {
        assert_eq!(begin(None, FOLDER, false, 9), Begin::At(at(7, 99, 9)));
        assert_eq!(begin(None, FOLDER, true, 9), Begin::At(at(7, 0, 0)));
        assert_eq!(begin(Some("nonsense"), FOLDER, false, 9), Begin::At(at(7, 99, 9)));
    }

    #[test]
    fn a_folder_made_anew_is_read_from_the_day_before_all_of_it_was_taken() {
        let written = at(6, 41, 1_793_491_200).write();
        let begin = begin(Some(&written), FOLDER, false, 1_795_329_000);
        assert_eq!(begin, Begin::Since("31-Oct-2026".into(), at(7, 99, 1_793_491_200)));
    }

    #[test]
    fn a_folder_made_anew_before_its_old_mail_was_taken_is_read_whole() {
        let written = at(6, 41, 0).write();
        assert_eq!(begin(Some(&written), FOLDER, true, 9), Begin::Since("1-Jan-1970".into(), at(7, 99, 0)));
    }

    #[test]
    fn a_quiet_folder_says_now_and_then_that_it_was_read() {
        let mut position = at(7, 41, 1_000);
        assert!(!position.is_whole_at(1_000 + WRITTEN_EVERY_S - 1));
        assert!(position.is_whole_at(1_000 + WRITTEN_EVERY_S));
        assert_eq!(position.whole_s, 1_000 + WRITTEN_EVERY_S);
    }
}
