//! Mailboxes that are asked by IMAP (RFC 9051 and RFC 3501): each folder over a connection of its own, told of new mail
//! by IDLE (RFC 2177) where the server has it, asked again and again where not.
//!
//! Nothing in a mailbox is ever changed: folders are opened to be read only and mail is fetched without being marked
//! read. What was taken is known by the folder's UIDVALIDITY and the last UID, written down on the log only after all
//! mail up to there stands on the desks' logs; one that dies half way reads the rest again, and idempotency keys make
//! that harmless.

mod client;
mod position;
mod wire;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use self::client::{Client, Folder, Io};
use self::position::{Begin, Position};
use self::wire::Trouble;
use super::Token;
use crate::counters::{self, Reason, Source};
use crate::intake::{Away, Intake};
use crate::smtp::{Mail, Outcome, Recipient, deliver};

/// Mail brought between two writings of the cursor.
const CHUNK: usize = 50;
/// Servers end an IDLE after half an hour; many routers forget a silent connection much sooner.
const IDLE: Duration = Duration::from_secs(9 * 60);
/// Longest wait after a trouble, in units.
const WAIT_MAX: u32 = 300;

/// A mailbox that is asked.
#[derive(Debug, Clone)]
pub struct ImapMailbox {
    /// The account of a desk to which its mail belongs: a mail address.
    pub account: String,
    /// Host name of the server, as its certificate names it.
    pub host: String,
    /// Port.
    pub port: u16,
    /// How the connection is protected.
    pub tls: ImapTls,
    /// Further authorities to trust, as PEM; none: those that the web trusts.
    pub ca_file: Option<PathBuf>,
    /// User.
    pub user: String,
    /// Password.
    pub password: Token,
    /// Folders, as the server names them.
    pub folders: Vec<String>,
    /// Wait between two questions, where the server has no IDLE.
    pub every: Duration,
    /// A folder that is met for the first time is read from its beginning rather than from its next mail on.
    pub from_start: bool,
    /// Authserv-id of the mail server that filled it, whose `Authentication-Results` are believed; empty: none.
    pub trusted_authserv: String,
    /// Largest mail that is taken, bytes.
    pub message_bytes: usize,
    /// A second, of which all waits after troubles are made; tests take less.
    pub unit: Duration,
}

/// How a connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImapTls {
    /// Not at all: a server on the same machine.
    None,
    /// From the first byte (RFC 8314).
    Implicit,
    /// By STARTTLS, which is then required.
    StartTls,
}

/// Why a folder is not read on for now.
#[derive(Debug)]
enum Halt {
    Server(Trouble),
    Log(Away),
    /// No desk has the account.
    NoAccount,
}

impl From<Trouble> for Halt {
    fn from(trouble: Trouble) -> Self {
        Self::Server(trouble)
    }
}

impl From<Away> for Halt {
    fn from(away: Away) -> Self {
        Self::Log(away)
    }
}

impl std::fmt::Display for Halt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Server(trouble) => trouble.fmt(f),
            Self::Log(away) => away.fmt(f),
            Self::NoAccount => f.write_str("no desk has this account: add it to a desk's policy"),
        }
    }
}

/// Reads one folder until told to stop.
pub(crate) async fn run(
    mailbox: Arc<ImapMailbox>,
    folder: String,
    intake: Arc<Intake>,
    stop: CancellationToken,
) {
    let mut reader = Reader { mailbox, folder, intake, troubles: 0 };
    loop {
        let halt = tokio::select! {
            () = stop.cancelled() => return,
            halt = reader.read() => halt,
        };
        let wait = reader.wait_after(&halt);
        tracing::warn!(
            account = reader.mailbox.account,
            host = reader.mailbox.host,
            folder = reader.folder,
            again_in_s = wait.as_secs_f64(),
            "a mailbox is not read now: {halt}"
        );
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// What reads one folder.
struct Reader {
    mailbox: Arc<ImapMailbox>,
    folder: String,
    intake: Arc<Intake>,
    /// Troubles in a row.
    troubles: u32,
}

impl Reader {
    /// Connects and reads until something comes between.
    async fn read(&mut self) -> Halt {
        match self.session().await {
            Ok(never) => match never {},
            Err(halt) => halt,
        }
    }

    async fn session(&mut self) -> Result<std::convert::Infallible, Halt> {
        self.intake.check_ready()?;
        let mut client = client::connect(&self.mailbox).await?;
        let idles = client.log_in(&self.mailbox.user, self.mailbox.password.reveal()).await?;
        let folder = client.examine(&self.folder).await?;
        let mut position = self.begin(&mut client, folder).await?;
        loop {
            let asked_s = now_s();
            let uids = client.uids_from(position.next()).await?;
            self.bring_all(&mut client, &uids, &mut position).await?;
            if position.is_whole_at(asked_s) {
                self.keep(&position).await?;
            }
            counters::asked("imap", "ok");
            self.troubles = 0;
            if idles {
                client.idle(IDLE).await?;
            } else {
                tokio::time::sleep(self.mailbox.every).await;
                client.noop().await?;
            }
        }
    }

    /// Where reading begins; brings what a folder that was made anew holds since about the last mail that was read.
    async fn begin(&self, client: &mut Client<Box<dyn Io>>, folder: Folder) -> Result<Position, Halt> {
        let known = self.intake.directory.cursor(&self.cursor_name());
        let begin = position::begin(known.as_deref(), folder, self.mailbox.from_start, now_s());
        match begin {
            Begin::At(position) => {
                self.keep(&position).await?;
                Ok(position)
            }
            Begin::Since(day, mut position) => {
                tracing::warn!(
                    account = self.mailbox.account,
                    folder = self.folder,
                    since = day,
                    "the folder was made anew: its latest mail is read again, known mail is recognised"
                );
                let last = position.clone();
                let uids = client.uids_since(&day).await?;
                position.uid = 0;
                self.bring_all(client, &uids, &mut position).await?;
                position.uid = position.uid.max(last.uid);
                self.keep(&position).await?;
                Ok(position)
            }
        }
    }

    async fn bring_all(
        &self,
        client: &mut Client<Box<dyn Io>>,
        uids: &[u32],
        position: &mut Position,
    ) -> Result<(), Halt> {
        for chunk in uids.chunks(CHUNK) {
            let mut outcome = Ok(());
            let before = position.uid;
            for uid in chunk {
                outcome = self.bring(client, *uid).await;
                if outcome.is_err() {
                    break;
                }
                position.uid = *uid;
            }
            if position.uid != before {
                self.keep(position).await?;
            }
            outcome?;
        }
        Ok(())
    }

    /// Brings one mail to its desk's log.
    async fn bring(&self, client: &mut Client<Box<dyn Io>>, uid: u32) -> Result<(), Halt> {
        let account = &self.mailbox.account;
        let mailbox = self.intake.directory.mail_account(account).ok_or(Halt::NoAccount)?;
        let Some(size) = client.size(uid).await? else { return Ok(()) };
        if size > self.mailbox.message_bytes {
            counters::refused(Source::Imap, Reason::TooLarge);
            tracing::error!(
                account,
                folder = self.folder,
                uid,
                size,
                "a mail is over the limit and stays in its folder"
            );
            return Ok(());
        }
        let Some(text) = client.mail(uid).await? else { return Ok(()) };
        let recipients = vec![Recipient { address: account.clone(), mailbox }];
        let mail = Mail { source: Source::Imap, from: None, recipients, text };
        let traceparent = simpang_trace::make();
        let outcomes = deliver(&self.intake, mail, &self.mailbox.trusted_authserv, &traceparent).await;
        match outcomes.first() {
            Some(Outcome::Accepted) => Ok(()),
            Some(Outcome::TooLarge) => {
                tracing::error!(
                    account,
                    folder = self.folder,
                    uid,
                    "a mail fits no record and stays in its folder"
                );
                Ok(())
            }
            _ => Err(Away::Reader("the log did not take it".into()).into()),
        }
    }

    async fn keep(&self, position: &Position) -> Result<(), Halt> {
        Ok(self.intake.keep_cursor(&self.cursor_name(), &position.write()).await?)
    }

    fn cursor_name(&self) -> String {
        let ImapMailbox { host, user, .. } = &*self.mailbox;
        format!("imap/{user}@{host}/{}", self.folder)
    }

    fn wait_after(&mut self, halt: &Halt) -> Duration {
        let unit = self.mailbox.unit;
        match halt {
            Halt::Log(_) => unit,
            Halt::NoAccount | Halt::Server(Trouble::Refused(_)) => {
                counters::asked("imap", "refused");
                unit * 60
            }
            Halt::Server(_) => {
                counters::asked("imap", "failed");
                self.troubles = self.troubles.saturating_add(1);
                unit * (1 << (self.troubles - 1).min(8)).min(WAIT_MAX)
            }
        }
    }
}

/// s since 1970 UTC.
fn now_s() -> i64 {
    chrono::Utc::now().timestamp()
}
