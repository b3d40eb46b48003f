//! Mail over SMTP, command by command, so that it is known how far a broken connection had come: until the end of the
//! message is written nothing was sent; after it only the server's answer says (RFC 5321 section 6.1). A connection
//! serves one mail after another; one that was kept and breaks before the server waits for the message is replaced by
//! a fresh one within the same attempt, since nothing went over it.

mod compose;
mod pool;

use std::error::Error as _;
use std::io;
use std::time::Duration;

use futures_util::future::BoxFuture;
use lettre::address::Envelope;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use simpang_proto::log::v1::DeliveryOutcome;
use tokio::time::timeout;

use self::compose::Letter;
use self::pool::{Open, Pool, Route};
use super::{Outcome, Sender, Sent};
use crate::options::{Channels, MailServer, MailTls};
use crate::parcel::{Parcel, Target};

/// For connecting and each command.
const COMMAND: Duration = Duration::from_secs(20);
/// For connecting, and for everything that is said before the message.
const BEFORE: Duration = Duration::from_secs(30);
/// The same on a connection that was kept; what is left has to do for a fresh one.
const BEFORE_KEPT: Duration = Duration::from_secs(15);
/// For the message and the answer to it; RFC 5321 section 4.5.3.2 asks for ten minutes, a lease does not allow it.
const MESSAGE: Duration = Duration::from_secs(60);
/// Wait while nobody has put in a mail server.
const SERVER_MS: i64 = 600_000;

/// The answer by which a server says that it hangs up (RFC 5321 section 3.8).
const CLOSING: u16 = 421;

/// Sends mail.
#[derive(Debug)]
pub(crate) struct MailSender {
    channels: Channels,
    pool: Pool,
}

/// A mail that has come to its end without being sent.
#[derive(Debug)]
struct Failed {
    outcome: Outcome,
    /// Whether the connection can't be used any more.
    is_broken: bool,
}

impl MailSender {
    /// Takes the mailboxes and servers, and how long a connection may wait for the next mail.
    #[must_use]
    pub(crate) fn new(channels: Channels, idle: Duration) -> Self {
        Self { channels, pool: Pool::new(idle) }
    }

    async fn try_once(&self, parcel: &Parcel) -> Result<Outcome, Outcome> {
        let from = self.from(parcel)?;
        let mailbox = self.channels.mailboxes.get(&from);
        let server = mailbox.and_then(|mailbox| mailbox.server.as_ref()).or(self.channels.mail.as_ref());
        let server = server
            .ok_or_else(|| Outcome::retry("no mail server: add one to the configuration", SERVER_MS))?;
        let name = mailbox.and_then(|mailbox| mailbox.name.clone());
        let letter = compose::letter(parcel, &from, name)?;
        let hello = from.rsplit('@').next().unwrap_or(&from).to_owned();
        let outcome = self.hand_over(Route { server: server.clone(), hello }, &letter).await?;
        let id = letter.message_id;
        Ok(outcome.with_id(Sent { channel: "email", found_by: id.clone(), source_id: id }))
    }

    /// Hands a letter to the server. What the server answers has the id that the mail would have; only where there was
    /// no connection it has none.
    async fn hand_over(&self, route: Route, letter: &Letter) -> Result<Outcome, Outcome> {
        let (mut open, announced) = match self.announce_kept(&route, letter).await {
            Some(kept) => kept,
            None => {
                let mut open = connect(&route).await?;
                let announced = announce_within(BEFORE, &mut open, letter).await;
                (open, announced)
            }
        };
        let (outcome, is_broken) = match announced {
            Ok(bytes) => transfer(&mut open.connection, &bytes).await,
            Err(failed) => (failed.outcome, failed.is_broken),
        };
        if !is_broken {
            self.pool.give_back(route, open);
        }
        Ok(outcome)
    }

    /// Says everything before the message on a connection that was kept. None: there is none, or it broke, and with it
    /// nothing was sent.
    async fn announce_kept(&self, route: &Route, letter: &Letter) -> Option<(Open, Result<Vec<u8>, Failed>)> {
        let mut open = self.pool.take(route).await?;
        let announced = announce_within(BEFORE_KEPT, &mut open, letter).await;
        if announced.as_ref().is_err_and(|failed| failed.is_broken) {
            self.pool.forget(route);
            return None;
        }
        Some((open, announced))
    }

    /// The mailbox it leaves from: the account, or for what is no mail case the one for notices.
    fn from(&self, parcel: &Parcel) -> Result<String, Outcome> {
        if parcel.account.contains('@') {
            return Ok(parcel.account.clone());
        }
        let missing =
            || Outcome::retry("no mailbox for notices: add `notices_from` to the configuration", SERVER_MS);
        self.channels.notices_from.clone().ok_or_else(missing)
    }
}

impl Sender for MailSender {
    fn send<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            match self.try_once(parcel).await {
                Ok(outcome) | Err(outcome) => outcome,
            }
        })
    }
}

/// The mailbox that a parcel is for, if it is not the customer's.
fn target(parcel: &Parcel) -> Option<&str> {
    match &parcel.target {
        Some(Target::Mailbox(address)) => Some(address),
        _ => None,
    }
}

/// A fresh connection. Nothing that a server answers here is about this mail: it is tried again.
async fn connect(route: &Route) -> Result<Open, Outcome> {
    match timeout(BEFORE, open(&route.server, &route.hello)).await {
        Ok(Ok(connection)) => Ok(Open::new(connection)),
        Ok(Err(outcome)) => Err(outcome),
        Err(_) => Err(Outcome::retry("the mail server does not answer", 0)),
    }
}

async fn open(server: &MailServer, hello: &str) -> Result<AsyncSmtpConnection, Outcome> {
    let hello = ClientId::Domain(hello.to_owned());
    let tls = protection(server).await?;
    let (implicit, start) = if server.tls == MailTls::Implicit { (tls, None) } else { (None, tls) };
    let address = (server.host.as_str(), server.port);
    let connected = AsyncSmtpConnection::connect_tokio1(address, Some(COMMAND), &hello, implicit, None).await;
    let mut connection = connected.map_err(|error| unready(&error))?;
    if let Some(tls) = start {
        connection.starttls(tls, &hello).await.map_err(|error| unready(&error))?;
    }
    if let Some((user, password)) = &server.login {
        let credentials = Credentials::new(user.clone(), password.reveal().to_owned());
        let login = connection.auth(DEFAULT_MECHANISMS, &credentials).await;
        login.map_err(|error| unready(&error))?;
    }
    Ok(connection)
}

/// How a connection is protected. The file is read for each: what an operator puts there counts from then on.
async fn protection(server: &MailServer) -> Result<Option<TlsParameters>, Outcome> {
    if server.tls == MailTls::None {
        return Ok(None);
    }
    let mut tls = TlsParameters::builder(server.host.clone());
    if let Some(file) = &server.ca_file {
        let unread =
            |problem: &str| Outcome::retry(format!("the mail server's `ca_file` {problem}"), SERVER_MS);
        let pem = tokio::fs::read(file).await.map_err(|_| unread("can't be read"))?;
        let authorities = Certificate::from_pem(&pem).ok();
        // A file without any reads as none rather than as wrong.
        let authorities = authorities.filter(|_| CertificateDer::pem_slice_iter(&pem).next().is_some());
        let authorities = authorities.ok_or_else(|| unread("holds no PEM certificates"))?;
        tls = tls.add_root_certificate(authorities);
    }
    tls.build().map(Some).map_err(|error| unready(&error))
}

/// What an error means before the server was told of any mail. What operators can mend is asked for less often.
fn unready(error: &Error) -> Outcome {
    if is_of_tls(error) {
        let detail = "connecting: TLS failed, or the server's certificate is not trusted: look at `ca_file` and `host`";
        return Outcome::retry(detail, SERVER_MS);
    }
    let outcome = before("connecting", error);
    let after_ms = if outcome.class == DeliveryOutcome::Refused { SERVER_MS } else { 0 };
    Outcome::retry(outcome.detail, after_ms)
}

/// Whether TLS is what failed.
fn is_of_tls(error: &Error) -> bool {
    let mut cause = error.source();
    while let Some(problem) = cause {
        let inner = problem.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if inner.is_some_and(|inner| inner.is::<rustls::Error>()) || problem.is::<rustls::Error>() {
            return true;
        }
        cause = problem.source();
    }
    error.is_tls()
}

/// The message, to which the server said that it waits for it; what became of it, and whether the connection can't be
/// used any more.
async fn transfer(connection: &mut AsyncSmtpConnection, bytes: &[u8]) -> (Outcome, bool) {
    match timeout(MESSAGE, connection.message(bytes)).await {
        Ok(Ok(response)) => (Outcome::delivered(format!("{} accepted", response.code()), None), false),
        Ok(Err(error)) if error.status().is_some() => (before("the message", &error), is_broken(&error)),
        Ok(Err(_)) => (Outcome::unknown("the connection broke after the message was sent"), true),
        Err(_) => (Outcome::unknown("the mail server did not say whether it took the message"), true),
    }
}

/// Everything up to the message itself; the message's bytes as this server takes them.
async fn announce_within(limit: Duration, open: &mut Open, letter: &Letter) -> Result<Vec<u8>, Failed> {
    match timeout(limit, announce(&mut open.connection, letter)).await {
        Ok(announced) => announced,
        Err(_) => {
            let outcome = Outcome::retry("the mail server stopped answering", 0);
            Err(Failed { outcome, is_broken: true })
        }
    }
}

async fn announce(connection: &mut AsyncSmtpConnection, letter: &Letter) -> Result<Vec<u8>, Failed> {
    let unfit = |outcome| Failed { outcome, is_broken: false };
    let eight_bit = connection.server_info().supports_feature(Extension::EightBitMime);
    let bytes = letter.bytes(eight_bit).map_err(unfit)?;
    let envelope = &letter.envelope;
    let parameters = parameters(connection, envelope, &bytes).map_err(unfit)?;
    let mail = Mail::new(envelope.from().cloned(), parameters);
    connection.command(mail).await.map_err(|error| failed("the sender", &error))?;
    for to in envelope.to() {
        let rcpt = Rcpt::new(to.clone(), Vec::new());
        connection.command(rcpt).await.map_err(|error| failed("the recipient", &error))?;
    }
    connection.command(Data).await.map_err(|error| failed("the message", &error))?;
    Ok(bytes)
}

fn parameters(
    connection: &AsyncSmtpConnection,
    envelope: &Envelope,
    bytes: &[u8],
) -> Result<Vec<MailParameter>, Outcome> {
    let mut parameters = Vec::new();
    let addresses = envelope.from().into_iter().chain(envelope.to());
    if !addresses.into_iter().all(|address| AsRef::<str>::as_ref(address).is_ascii()) {
        if !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
            return Err(Outcome::refused("the mail server takes no addresses outside ASCII (RFC 6531)"));
        }
        parameters.push(MailParameter::SmtpUtfEight);
    }
    if !bytes.is_ascii() {
        parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
    }
    Ok(parameters)
}

fn failed(what: &str, error: &Error) -> Failed {
    Failed { outcome: before(what, error), is_broken: is_broken(error) }
}

/// Whether a connection ends with this error.
fn is_broken(error: &Error) -> bool {
    error.status().is_none_or(|code| u16::from(code) == CLOSING)
}

/// What an error means as long as nothing was handed over. The server's words stay behind: they may name people.
fn before(what: &str, error: &Error) -> Outcome {
    let Some(code) = error.status() else {
        return if error.is_client() {
            Outcome::refused(format!("{what}: this mail server can't do what is needed (login, TLS)"))
        } else {
            Outcome::retry(format!("{what}: the connection broke or could not be made"), 0)
        };
    };
    let detail = match enhanced(&error.to_string()) {
        Some(status) => format!("{code} {status} for {what}"),
        None => format!("{code} for {what}"),
    };
    if error.is_permanent() { Outcome::refused(detail) } else { Outcome::retry(detail, 0) }
}

/// The enhanced status code of an answer, such as `5.1.1` (RFC 3463).
fn enhanced(answer: &str) -> Option<&str> {
    let is_status = |word: &&str| {
        let parts: Vec<&str> = word.split('.').collect();
        let number = |part: &&str| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        parts.len() == 3 && parts.iter().all(number) && matches!(parts[0], "2" | "4" | "5")
    };
    answer.split([' ', ':', ',', '(', ')']).find(is_status)
}

#[cfg(test)]
mod tests {
    use super::enhanced;

    #[test]
    fn the_enhanced_status_is_found_and_nothing_else_is_told() {
        assert_eq!(enhanced("permanent error (550): 5.1.1 <budi@example.com> unknown"), Some("5.1.1"));
        assert_eq!(enhanced("550 no such user at 10.0.0.1"), None);
    }
}
