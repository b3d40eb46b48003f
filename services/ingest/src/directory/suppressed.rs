//! Numbers that may not be called, by the keyed hashes of them.

use dashmap::DashSet;
use simpang_proto::log::v1::SuppressedNumber;
use simpang_wire::key::Key;

/// The do-not-call lists. An empty desk is every desk.
#[derive(Debug, Default)]
pub(super) struct Suppressed {
    numbers: DashSet<(Key, String)>,
}

impl Suppressed {
    /// Takes a number on a list or off it. One that is not 16 bytes names nobody.
    pub(super) fn apply(&self, number: &SuppressedNumber) {
        let Ok(key) = Key::try_from(&number.number[..]) else { return };
        let entry = (key, number.desk.clone());
        if number.lifted {
            self.numbers.remove(&entry);
            if number.desk.is_empty() {
                self.numbers.retain(|(other, _)| *other != key);
            }
        } else {
            self.numbers.insert(entry);
        }
    }

    /// Whether a desk may not call a number.
    pub(super) fn has(&self, desk: &str, number: &Key) -> bool {
        !self.numbers.is_empty()
            && [desk, ""].iter().any(|desk| self.numbers.contains(&(*number, (*desk).to_owned())))
    }
}
