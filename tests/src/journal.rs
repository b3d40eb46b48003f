//! What senders were told is accepted.

use std::path::Path;
use std::sync::{Arc, Mutex};

use sha2::{Digest as _, Sha256};
use simpang_channels::email;
use simpang_checker::{InputId, SentEntry};
use simpang_wire::key::{Keyer, Purpose};

/// The journal that all senders of a test share.
#[derive(Debug, Clone)]
pub struct Sent {
    keyer: Keyer,
    entries: Arc<Mutex<Vec<SentEntry>>>,
}

impl Sent {
    pub(crate) fn new(secret: &[u8]) -> Self {
        Self { keyer: Keyer::new(secret), entries: Arc::default() }
    }

    /// A journal that no test ends with: for what a repair is known to lose.
    #[must_use]
    pub fn nowhere() -> Self {
        Self::new(b"the installation's secret in tests")
    }

    /// How many inputs were acknowledged so far.
    #[must_use]
    pub fn count(&self) -> usize {
        self.entries.lock().unwrap().len()
    }

    /// A mail was answered 250.
    pub fn mail(&self, desk: &str, mailbox: &str, raw: &[u8]) {
        let identity = email::parse(raw, &email::Options::default()).idempotency;
        let mut parts: Vec<&str> = vec!["email", mailbox];
        parts.extend(identity.iter().map(String::as_str));
        self.by_key(desk, "ingest", &parts);
    }

    /// A post was answered 200.
    pub fn post(&self, desk: &str, account: &str, id: &str) {
        self.by_key(desk, "ingest", &["x", account, id]);
    }

    /// A comment was answered 200.
    pub fn comment(&self, desk: &str, account: &str, id: &str, text: &str) {
        let hash = hex::encode(Sha256::digest(text));
        self.by_key(desk, "ingest", &["facebook", account, id, "add", &hash]);
    }

    /// A row of a call list was accepted under this key.
    pub fn contact(&self, desk: &str, campaign: &str, row: &str) {
        self.by_key(desk, "ingest", &["contact", campaign, row]);
    }

    /// A command was answered OK.
    pub fn command(&self, desk: &str, principal: &str, request_id: &str) {
        self.by_key(desk, "gateway", &[desk, "command", principal, request_id]);
    }

    /// A pushed message was acknowledged with its place.
    pub fn pushed(&self, desk: &str, seq: u64, index: u32) {
        let input = Some(InputId { seq, index });
        self.add(SentEntry { desk: desk.to_owned(), door: "ingest".to_owned(), key: None, input });
    }

    fn by_key(&self, desk: &str, door: &str, parts: &[&str]) {
        let parts: Vec<&[u8]> = parts.iter().map(|part| part.as_bytes()).collect();
        let key = Some(hex::encode(self.keyer.key(Purpose::Idempotency, &parts)));
        self.add(SentEntry { desk: desk.to_owned(), door: door.to_owned(), key, input: None });
    }

    fn add(&self, entry: SentEntry) {
        self.entries.lock().unwrap().push(entry);
    }

    pub(crate) fn write(&self, path: &Path) {
        write_lines(path, &self.entries.lock().unwrap());
    }
}

pub(crate) fn write_lines<T: serde::Serialize>(path: &Path, entries: &[T]) {
    let lines: Vec<String> =
        entries.iter().map(|entry| serde_json::to_string(entry).expect("an entry is JSON")).collect();
    std::fs::write(path, lines.join("\n") + "\n").expect("a journal can be written");
}
