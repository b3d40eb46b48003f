//! What the role needs to be told: the log, its name, and the ways out with their addresses and credentials.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use simpang_log::snapshot::Snapshots;
use simpang_log::{DeskName, LogStore};
use simpang_wire::key::Keyer;

use crate::outside::Outside;

/// Everything the role is started with.
#[derive(Debug, Clone)]
pub struct Options {
    /// The log.
    pub store: Arc<dyn LogStore>,
    /// The installation's keyed hashes.
    pub keyer: Keyer,
    /// Such as `deliver@host/1`; the same after a restart, so that this process knows what its former self began.
    pub instance: String,
    /// Desks to deliver for; empty: all there are, looked for again and again.
    pub desks: Vec<DeskName>,
    /// The ways out.
    pub channels: Channels,
    /// Times and bounds.
    pub timing: Timing,
    /// Keep snapshots of what is known of the desks, so that a start need not read all of a log.
    pub snapshots: Option<Snapshots>,
    /// Takes the place of the machine's clock and of all channels, where a deliverer is tried without them.
    pub outside: Option<Arc<dyn Outside>>,
}

/// The ways out.
#[derive(Debug, Clone, Default)]
pub struct Channels {
    /// Mail server for mailboxes that name none of their own; none: such mail waits.
    pub mail: Option<MailServer>,
    /// Mailboxes of ours by address, lower case.
    pub mailboxes: BTreeMap<String, Mailbox>,
    /// The mailbox that forwards and notifications leave from when the case did not come by mail.
    pub notices_from: Option<String>,
    /// X.
    pub x: Option<X>,
    /// Facebook.
    pub facebook: Option<Facebook>,
    /// Where answers on channels of other gateways go, by account: they are posted as JSON.
    pub other: BTreeMap<String, String>,
    /// What posts to webhooks are signed with; none: they are not.
    pub webhook_secret: Option<Secret>,
}

/// One of our mailboxes.
#[derive(Debug, Clone, Default)]
pub struct Mailbox {
    /// Name shown beside the address.
    pub name: Option<String>,
    /// Its own mail server.
    pub server: Option<MailServer>,
}

/// A mail server that takes mail from us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailServer {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// How the connection is protected.
    pub tls: MailTls,
    /// PEM file of further authorities whose certificates are trusted, for a server of your own.
    pub ca_file: Option<PathBuf>,
    /// User and password.
    pub login: Option<(String, Secret)>,
}

/// How a connection to a mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailTls {
    /// Not at all: a server on the same machine or network.
    None,
    /// From the first byte (RFC 8314).
    Implicit,
    /// By STARTTLS, which is then required.
    StartTls,
}

/// X.
#[derive(Debug, Clone)]
pub struct X {
    /// Address of the API without a slash at its end, such as `https://api.x.com`.
    pub base_url: String,
    /// User tokens by account (handle without `@`, lower case).
    pub accounts: BTreeMap<String, Secret>,
    /// Accounts whose tokens have to be renewed.
    pub renewed: BTreeMap<String, Refresh>,
}

/// A token that ends after two hours and is renewed (OAuth 2.0).
#[derive(Debug, Clone)]
pub struct Refresh {
    /// The app's client id.
    pub client_id: String,
    /// The app's client secret, for confidential clients.
    pub client_secret: Option<Secret>,
    /// The file that holds the tokens, JSON with at least `refresh_token`; written anew at each renewal, which makes
    /// the one before worthless.
    pub file: PathBuf,
}

/// Facebook.
#[derive(Debug, Clone)]
pub struct Facebook {
    /// Address of the Graph API without version and without a slash at its end, such as `https://graph.facebook.com`.
    pub base_url: String,
    /// Pages by account as messages name it.
    pub pages: BTreeMap<String, Page>,
}

/// A Facebook page.
#[derive(Debug, Clone)]
pub struct Page {
    /// Its id.
    pub id: String,
    /// Its access token.
    pub token: Secret,
    /// The app's secret, where the app demands a proof with each call.
    pub app_secret: Option<Secret>,
}

/// A password or token: never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a secret.
    #[must_use]
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// Times and bounds.
#[derive(Debug, Clone)]
pub struct Timing {
    /// Most sends at once from one account.
    pub sends_per_account: usize,
    /// Most attempts in fifteen minutes from one account at X, of all deliverers of a desk together, up to 10,000; none:
    /// as many as X takes before it says that its limit is reached.
    pub x_attempts_per_quarter: Option<usize>,
    /// How long one send may take.
    pub send_timeout: Duration,
    /// After this time another deliverer's attempt without a report counts as unknown; well above `send_timeout`.
    pub lease: Duration,
    /// Wait before the second attempt; doubles with each, up to `retry_longest`, where the channel does not say.
    pub retry_first: Duration,
    /// Longest wait before another attempt.
    pub retry_longest: Duration,
    /// Attempts after which a delivery that only ever could be tried again counts as refused.
    pub attempts_max: u32,
    /// How long a connection to a mail server is kept for the next mail; zero: each mail has its own.
    pub mail_idle: Duration,
    /// How long a stop waits for sends, claims and their reports.
    pub stop_grace: Duration,
    /// How often to look for new desks.
    pub look_for_desks: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            sends_per_account: 4,
            x_attempts_per_quarter: None,
            send_timeout: Duration::from_secs(150),
            lease: Duration::from_secs(600),
            retry_first: Duration::from_secs(30),
            retry_longest: Duration::from_secs(3_600),
            attempts_max: 24,
            mail_idle: Duration::from_secs(30),
            stop_grace: Duration::from_secs(160),
            look_for_desks: Duration::from_secs(5),
        }
    }
}

impl Timing {
    /// How long to wait after this attempt, where the channel does not say, ms.
    pub(crate) fn retry_after_ms(&self, attempt: u32) -> i64 {
        let doubled = self.retry_first.saturating_mul(1 << attempt.saturating_sub(1).min(20));
        i64::try_from(doubled.min(self.retry_longest).as_millis()).unwrap_or(i64::MAX)
    }
}
