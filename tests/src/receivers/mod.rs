//! Fakes of those at the other end, on 127.0.0.1. They accept everything and keep it.

pub(crate) mod mail;
pub(crate) mod social;

use std::path::Path;

use simpang_checker::ReceivedEntry;

use crate::journal::write_lines;
use crate::logs::Logs;

/// All receivers of a test. They run in the test's process and so survive whatever happens to the program.
#[derive(Debug, Clone)]
pub(crate) struct Receivers {
    pub(crate) mail: mail::MailSink,
    pub(crate) social: social::SocialFakes,
}

impl Receivers {
    pub(crate) async fn start() -> Self {
        Self { mail: mail::MailSink::start().await, social: social::SocialFakes::start().await }
    }

    /// Writes what was received as a journal. A mail names its delivery; what came to X or Facebook is named by its
    /// text, which tests write only once.
    pub(crate) fn write(&self, path: &Path, logs: &Logs) -> Vec<ReceivedEntry> {
        let mut entries: Vec<ReceivedEntry> =
            self.mail.mails().iter().filter_map(mail::SunkMail::entry).collect();
        entries.extend(self.social.posted().iter().map(|posted| posted.entry(logs)));
        write_lines(path, &entries);
        entries
    }
}
