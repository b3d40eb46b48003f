//! Sources that are asked for messages rather than sending them. What was read is known by a cursor that stands on
//! the directory's log, written only after everything up to there stands on the desks' logs: one that dies half way
//! reads the rest again, and idempotency keys make that harmless.

pub(crate) mod imap;
mod pace;
pub(crate) mod x;

use std::time::Duration;

use reqwest::{Client, redirect};

pub use imap::{ImapMailbox, ImapTls};
pub use x::{XPull, XWay};

/// How long to wait for a connection.
const CONNECT: Duration = Duration::from_secs(10);

/// A secret that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// Takes a token.
    #[must_use]
    pub fn new(token: impl Into<String>) -> Self {
        Self(token.into())
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token")
    }
}

/// A client that follows no redirect: a token belongs to one address.
pub(crate) fn client() -> Result<Client, reqwest::Error> {
    // The process chooses one; where it has not, ours is as good as any. An error says that one is there.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .redirect(redirect::Policy::none())
        .connect_timeout(CONNECT)
        .user_agent("simpang")
        .build()
}
