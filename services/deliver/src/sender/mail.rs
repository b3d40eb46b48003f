//! Mail over SMTP. One connection a mail, command by command, so that it is known how far a broken one had come: until
//! the end of the message is written nothing was sent; after it only the server's answer says (RFC 5321 section 6.1).

mod compose;

use std::time::Duration;

use futures_util::future::BoxFuture;
use lettre::address::Envelope;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use tokio::time::timeout;

use super::{Outcome, Sender, Sent};
use crate::options::{Channels, MailServer, MailTls};
use crate::parcel::{Parcel, Target};

/// For connecting and each command.
const COMMAND: Duration = Duration::from_secs(20);
/// For everything before the message.
const BEFORE: Duration = Duration::from_secs(30);
/// For the message and the answer to it; RFC 5321 section 4.5.3.2 asks for ten minutes, a lease does not allow it.
const MESSAGE: Duration = Duration::from_secs(60);
/// Wait while nobody has put in a mail server.
const SERVER_MS: i64 = 600_000;

/// Sends mail.
#[derive(Debug)]
pub(crate) struct MailSender {
    channels: Channels,
}

impl MailSender {
    /// Takes the mailboxes and servers.
    #[must_use]
    pub(crate) fn new(channels: Channels) -> Self {
        Self { channels }
    }

    async fn try_once(&self, parcel: &Parcel) -> Result<Outcome, Outcome> {
        let from = self.from(parcel)?;
        let mailbox = self.channels.mailboxes.get(&from);
        let server = mailbox.and_then(|mailbox| mailbox.server.as_ref()).or(self.channels.mail.as_ref());
        let server = server
            .ok_or_else(|| Outcome::retry("no mail server: add one to the configuration", SERVER_MS))?;
        let name = mailbox.and_then(|mailbox| mailbox.name.clone());
        let letter = compose::letter(parcel, &from, name)?;
        let mut connection = match timeout(BEFORE, open(server, &from)).await {
            Ok(Ok(connection)) => connection,
            Ok(Err(error)) => return Err(before("connecting", &error)),
            Err(_) => return Err(Outcome::retry("the mail server does not answer", 0)),
        };
        let eight_bit = connection.server_info().supports_feature(Extension::EightBitMime);
        let bytes = letter.bytes(eight_bit)?;
        let outcome = transfer(&mut connection, &letter.envelope, &bytes).await;
        // Only a courtesy: the mail is the server's by now, or never will be.
        let _ = timeout(Duration::from_secs(2), connection.abort()).await;
        let id = letter.message_id;
        Ok(outcome.with_id(Sent { channel: "email", found_by: id.clone(), source_id: id }))
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

async fn open(server: &MailServer, from: &str) -> Result<AsyncSmtpConnection, Error> {
    let domain = from.rsplit('@').next().unwrap_or(from);
    let hello = ClientId::Domain(domain.to_owned());
    let tls = match server.tls {
        MailTls::None => None,
        MailTls::Implicit | MailTls::StartTls => Some(TlsParameters::new(server.host.clone())?),
    };
    let (implicit, start) = if server.tls == MailTls::Implicit { (tls, None) } else { (None, tls) };
    let address = (server.host.as_str(), server.port);
    let mut connection =
        AsyncSmtpConnection::connect_tokio1(address, Some(COMMAND), &hello, implicit, None).await?;
    if let Some(tls) = start {
        connection.starttls(tls, &hello).await?;
    }
    if let Some((user, password)) = &server.login {
        let credentials = Credentials::new(user.clone(), password.reveal().to_owned());
        connection.auth(DEFAULT_MECHANISMS, &credentials).await?;
    }
    Ok(connection)
}

async fn transfer(connection: &mut AsyncSmtpConnection, envelope: &Envelope, bytes: &[u8]) -> Outcome {
    match timeout(BEFORE, announce(connection, envelope, bytes)).await {
        Ok(Ok(())) => {}
        Ok(Err(outcome)) => return outcome,
        Err(_) => return Outcome::retry("the mail server stopped answering", 0),
    }
    match timeout(MESSAGE, connection.message(bytes)).await {
        Ok(Ok(response)) => Outcome::delivered(format!("{} accepted", response.code()), None),
        Ok(Err(error)) if error.status().is_some() => before("the message", &error),
        Ok(Err(_)) => Outcome::unknown("the connection broke after the message was sent"),
        Err(_) => Outcome::unknown("the mail server did not say whether it took the message"),
    }
}

/// Everything up to the message itself.
async fn announce(
    connection: &mut AsyncSmtpConnection,
    envelope: &Envelope,
    bytes: &[u8],
) -> Result<(), Outcome> {
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
    let mail = Mail::new(envelope.from().cloned(), parameters);
    connection.command(mail).await.map_err(|error| before("the sender", &error))?;
    for to in envelope.to() {
        let rcpt = Rcpt::new(to.clone(), Vec::new());
        connection.command(rcpt).await.map_err(|error| before("the recipient", &error))?;
    }
    connection.command(Data).await.map_err(|error| before("the message", &error))?;
    Ok(())
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
