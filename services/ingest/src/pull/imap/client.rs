//! As much of an IMAP client as reading takes: log in, open a folder to be read only, ask for UIDs, fetch mail without
//! marking it, wait for more.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::wire::{self, Answer, Trouble, quoted};
use super::{ImapMailbox, ImapTls};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(20);
/// How long an answer may take; a large mail over a slow line takes a while.
const ANSWER: Duration = Duration::from_secs(300);
/// What a literal may have beyond the largest mail.
const MARGIN: usize = 1 << 20;

/// A connection, protected or not.
pub(super) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// An open folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Folder {
    /// UIDVALIDITY.
    pub(super) validity: u32,
    /// UIDNEXT.
    pub(super) next: u32,
}

/// A client.
pub(super) struct Client<S> {
    stream: S,
    buffer: BytesMut,
    sent: u32,
    literal_max: usize,
    /// The server told of mail since the last search.
    news: bool,
}

/// Connects, protected as the settings say, and hears the greeting.
pub(super) async fn connect(mailbox: &ImapMailbox) -> Result<Client<Box<dyn Io>>, Trouble> {
    let ImapMailbox { host, port, .. } = mailbox;
    let silent = |_| Trouble::Network(format!("{host}:{port} does not answer"));
    timeout(CONNECT, connected(mailbox)).await.map_err(silent)?
}

async fn connected(mailbox: &ImapMailbox) -> Result<Client<Box<dyn Io>>, Trouble> {
    let socket = TcpStream::connect((mailbox.host.as_str(), mailbox.port)).await?;
    let literal_max = mailbox.message_bytes.saturating_add(MARGIN);
    match mailbox.tls {
        ImapTls::None => greeted::<Box<dyn Io>>(Box::new(socket), literal_max).await,
        ImapTls::Implicit => {
            greeted::<Box<dyn Io>>(Box::new(protected(mailbox, socket).await?), literal_max).await
        }
        ImapTls::StartTls => {
            let mut plain = greeted(socket, literal_max).await?;
            plain.ask("STARTTLS").await?;
            // What came before the protection began may be anybody's.
            if !plain.buffer.is_empty() {
                return Err(Trouble::Network("the server spoke before the connection was protected".into()));
            }
            let stream: Box<dyn Io> = Box::new(protected(mailbox, plain.stream).await?);
            Ok(Client::new(stream, literal_max))
        }
    }
}

async fn greeted<S: Io>(stream: S, literal_max: usize) -> Result<Client<S>, Trouble> {
    let mut client = Client::new(stream, literal_max);
    let greeting = client.answer().await?;
    match greeting.text.get(..4) {
        Some("* OK") => Ok(client),
        _ => Err(Trouble::Network(format!("no IMAP server greets there: {}", start_of(&greeting.text)))),
    }
}

async fn protected(mailbox: &ImapMailbox, socket: TcpStream) -> Result<TlsStream<TcpStream>, Trouble> {
    let name = ServerName::try_from(mailbox.host.clone())
        .map_err(|_| Trouble::Refused(format!("`{}` is no host name", mailbox.host)))?;
    // The process chooses a provider; where it has not, this is the one. An error says that one is there.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = ClientConfig::builder().with_root_certificates(roots(mailbox)?).with_no_client_auth();
    let connecting = TlsConnector::from(Arc::new(config)).connect(name, socket).await;
    connecting.map_err(|error| Trouble::Network(format!("the connection can't be protected: {error}")))
}

fn roots(mailbox: &ImapMailbox) -> Result<RootCertStore, Trouble> {
    let mut roots = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    let Some(path) = &mailbox.ca_file else { return Ok(roots) };
    let unread = |error: &dyn std::fmt::Display| Trouble::Refused(format!("{}: {error}", path.display()));
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| unread(&error))? {
        let certificate = certificate.map_err(|error| unread(&error))?;
        roots.add(certificate).map_err(|error| unread(&error))?;
    }
    Ok(roots)
}

impl<S: Io> Client<S> {
    fn new(stream: S, literal_max: usize) -> Self {
        Self { stream, buffer: BytesMut::new(), sent: 0, literal_max, news: false }
    }

    /// Logs in; whether the server has IDLE.
    pub(super) async fn log_in(&mut self, user: &str, password: &str) -> Result<bool, Trouble> {
        let (Some(user), Some(password)) = (quoted(user), quoted(password)) else {
            return Err(Trouble::Refused("user and password have to be of ASCII characters".into()));
        };
        self.ask(&format!("LOGIN {user} {password}")).await?;
        let answers = self.ask("CAPABILITY").await?;
        let has = |answer: &Answer| {
            answer.text.split_ascii_whitespace().any(|word| word.eq_ignore_ascii_case("IDLE"))
        };
        Ok(answers.iter().any(has))
    }

    /// Opens a folder to be read only.
    pub(super) async fn examine(&mut self, folder: &str) -> Result<Folder, Trouble> {
        let name = quoted(folder)
            .ok_or_else(|| Trouble::Refused("write the folder's name as the server does".into()))?;
        let answers = self.ask(&format!("EXAMINE {name}")).await?;
        let number = |word| {
            let found = answers.iter().find_map(|answer| answer.number_after(word));
            found.and_then(|number| u32::try_from(number).ok())
        };
        match (number("UIDVALIDITY"), number("UIDNEXT")) {
            (Some(validity), Some(next)) => Ok(Folder { validity, next }),
            _ => Err(Trouble::Refused("the server names no UIDVALIDITY and UIDNEXT".into())),
        }
    }

    /// UIDs from this one on, in order.
    pub(super) async fn uids_from(&mut self, first: u32) -> Result<Vec<u32>, Trouble> {
        let mut uids = self.search(&format!("UID {first}:*")).await?;
        // The last mail is named even when it comes before.
        uids.retain(|uid| *uid >= first);
        Ok(uids)
    }

    /// UIDs of all mail that came on this day or later, in order.
    pub(super) async fn uids_since(&mut self, day: &str) -> Result<Vec<u32>, Trouble> {
        self.search(&format!("SINCE {day}")).await
    }

    async fn search(&mut self, what: &str) -> Result<Vec<u32>, Trouble> {
        self.news = false;
        let answers = self.ask(&format!("UID SEARCH {what}")).await?;
        let mut uids: Vec<u32> = answers.iter().filter_map(Answer::search).flatten().collect();
        uids.sort_unstable();
        uids.dedup();
        Ok(uids)
    }

    /// A mail's size; none when it is gone.
    pub(super) async fn size(&mut self, uid: u32) -> Result<Option<usize>, Trouble> {
        let answers = self.ask(&format!("UID FETCH {uid} (RFC822.SIZE)")).await?;
        let size = answers.iter().find_map(|answer| answer.number_after("RFC822.SIZE"));
        Ok(size.map(|size| usize::try_from(size).unwrap_or(usize::MAX)))
    }

    /// A mail, whole; none when it is gone. It is not marked read.
    pub(super) async fn mail(&mut self, uid: u32) -> Result<Option<Vec<u8>>, Trouble> {
        let answers = self.ask(&format!("UID FETCH {uid} (BODY.PEEK[])")).await?;
        let fetched = |answer: &Answer| answer.text.to_ascii_uppercase().contains("BODY[]");
        Ok(answers.into_iter().filter(fetched).find_map(|mut answer| answer.literals.pop()))
    }

    /// Lets the server say what is new.
    pub(super) async fn noop(&mut self) -> Result<(), Trouble> {
        self.ask("NOOP").await.map(drop)
    }

    /// Waits until the server tells of mail, for at most so long; not at all where it told since the last search.
    pub(super) async fn idle(&mut self, longest: Duration) -> Result<(), Trouble> {
        if self.news {
            return Ok(());
        }
        let tag = self.send("IDLE").await?;
        loop {
            let answer = self.answer().await?;
            if answer.text.starts_with('+') {
                break;
            }
            if let Some(outcome) = outcome(&tag, &answer.text) {
                return outcome;
            }
        }
        let news = async {
            loop {
                let answer = wire::answer(&mut self.stream, &mut self.buffer, self.literal_max).await?;
                check_bye(&answer)?;
                if answer.tells_of_mail() {
                    return Ok(());
                }
            }
        };
        if let Ok(ended) = timeout(longest, news).await {
            let ended: Result<(), Trouble> = ended;
            ended?;
        }
        self.stream.write_all(b"DONE\r\n").await?;
        self.until(&tag).await.map(drop)
    }

    async fn send(&mut self, command: &str) -> Result<String, Trouble> {
        self.sent = self.sent.wrapping_add(1);
        let tag = format!("S{}", self.sent);
        self.stream.write_all(format!("{tag} {command}\r\n").as_bytes()).await?;
        self.stream.flush().await?;
        Ok(tag)
    }

    /// Sends a command; what the server tells until it has done it.
    async fn ask(&mut self, command: &str) -> Result<Vec<Answer>, Trouble> {
        let tag = self.send(command).await?;
        self.until(&tag).await
    }

    async fn until(&mut self, tag: &str) -> Result<Vec<Answer>, Trouble> {
        let mut told = Vec::new();
        loop {
            let answer = self.answer().await?;
            match outcome(tag, &answer.text) {
                Some(outcome) => return outcome.map(|()| told),
                None => check_bye(&answer)?,
            }
            self.news |= answer.tells_of_mail();
            told.push(answer);
        }
    }

    async fn answer(&mut self) -> Result<Answer, Trouble> {
        let reading = wire::answer(&mut self.stream, &mut self.buffer, self.literal_max);
        let silent = |_| Trouble::Network("the server does not answer".into());
        timeout(ANSWER, reading).await.map_err(silent)?
    }
}

/// What became of the command of this tag, if the line says so.
fn outcome(tag: &str, line: &str) -> Option<Result<(), Trouble>> {
    let said = line.strip_prefix(tag)?.strip_prefix(' ')?;
    let word = said.split(' ').next().unwrap_or_default();
    Some(if word.eq_ignore_ascii_case("OK") { Ok(()) } else { Err(Trouble::Refused(start_of(said))) })
}

fn check_bye(answer: &Answer) -> Result<(), Trouble> {
    match answer.text.get(..5).is_some_and(|head| head.eq_ignore_ascii_case("* BYE")) {
        true => Err(Trouble::Network(format!("the server ends: {}", start_of(&answer.text)))),
        false => Ok(()),
    }
}

/// The beginning of what a server said, for people.
fn start_of(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}
