//! A mail server for tests: keeps what it gets and answers as it is told, in the clear or over TLS.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use simpang_deliver::Channels;
use simpang_deliver::options::{MailServer, MailTls, Secret};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// How the server behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    /// Takes everything.
    Fine,
    /// Takes everything, but knows no 8BITMIME.
    SevenBit,
    /// `451` to the recipient.
    Busy,
    /// `550 5.1.1` to the recipient, whom it names.
    NoSuchUser,
    /// `554` to the message.
    Spam,
    /// Reads the whole message and hangs up.
    HangsUp,
    /// Hangs up at DATA.
    HangsUpBefore,
    /// Takes everything, after a while.
    Slow,
    /// Takes one mail a connection, then hangs up.
    OneEach,
    /// Takes one mail a connection, and hangs up when it is asked whether it is there.
    GoneAtReset,
    /// Takes one mail a connection, says that it is there, and hangs up at the next sender.
    GoneAtSender,
    /// Takes one mail a connection, and says `421` to the next sender.
    ClosingAtSender,
}

/// A mail as it was taken.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mail {
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    pub(crate) bytes: Vec<u8>,
    /// Whether it came over TLS.
    pub(crate) protected: bool,
    /// What was said to log in.
    pub(crate) login: String,
}

/// A certificate for 127.0.0.1 that only its own file vouches for.
#[derive(Debug)]
pub(crate) struct Certificate {
    dir: tempfile::TempDir,
}

impl Certificate {
    /// Makes one that names this address or host, such as `IP:127.0.0.1`.
    pub(crate) fn make(name: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"])
            .args(["-days", "2", "-subj", "/CN=mail server of a test"])
            .args(["-addext", &format!("subjectAltName={name}")])
            .args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout"])
            .arg(dir.path().join("key.pem"))
            .arg("-out")
            .arg(dir.path().join("cert.pem"))
            .output()
            .expect("`openssl` is there, as tools/run_tests.sh installs it");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        Self { dir }
    }

    /// The file that vouches for it.
    pub(crate) fn file(&self) -> PathBuf {
        self.dir.path().join("cert.pem")
    }

    fn acceptor(&self) -> TlsAcceptor {
        let chain: Vec<_> =
            CertificateDer::pem_file_iter(self.file()).unwrap().collect::<Result<_, _>>().unwrap();
        let key = PrivateKeyDer::from_pem_file(self.dir.path().join("key.pem")).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        TlsAcceptor::from(Arc::new(config.with_single_cert(chain, key).unwrap()))
    }
}

/// The server.
#[derive(Clone)]
pub(crate) struct Sink {
    pub(crate) address: SocketAddr,
    tls: MailTls,
    acceptor: Option<TlsAcceptor>,
    mails: Arc<Mutex<Vec<Mail>>>,
    mood: Arc<Mutex<Mood>>,
    logins: Arc<Mutex<Vec<String>>>,
    made: Arc<AtomicUsize>,
    open: Arc<AtomicUsize>,
}

/// A connection in the clear or over TLS.
trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Wire for T {}

/// What is said to log in as `simpang` with the password `rahasia`.
pub(crate) const LOGIN: &str = "AUTH PLAIN AHNpbXBhbmcAcmFoYXNpYQ==";

impl Sink {
    pub(crate) async fn start(mood: Mood) -> Self {
        Self::listen(mood, MailTls::None, None).await
    }

    /// One that speaks TLS, or with [`MailTls::None`] does not though it is asked for it.
    pub(crate) async fn start_protected(tls: MailTls, certificate: &Certificate) -> Self {
        Self::listen(Mood::Fine, tls, Some(certificate.acceptor())).await
    }

    async fn listen(mood: Mood, tls: MailTls, acceptor: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let sink = Self {
            address: listener.local_addr().unwrap(),
            tls,
            acceptor,
            mails: Arc::default(),
            mood: Arc::new(Mutex::new(mood)),
            logins: Arc::default(),
            made: Arc::default(),
            open: Arc::default(),
        };
        let server = sink.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let server = server.clone();
                tokio::spawn(async move {
                    server.made.fetch_add(1, Ordering::SeqCst);
                    server.open.fetch_add(1, Ordering::SeqCst);
                    let _ = server.serve(Box::new(stream)).await;
                    server.open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        sink
    }

    pub(crate) fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    pub(crate) fn mails(&self) -> Vec<Mail> {
        self.mails.lock().unwrap().clone()
    }

    /// Everything that was said to log in, taken or not.
    pub(crate) fn logins(&self) -> Vec<String> {
        self.logins.lock().unwrap().clone()
    }

    /// How many connections were made.
    pub(crate) fn made(&self) -> usize {
        self.made.load(Ordering::SeqCst)
    }

    /// How many connections are open.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    pub(crate) fn channels(&self) -> Channels {
        self.channels_over(MailTls::None, None, None)
    }

    /// The way to it over TLS; a password logs `simpang` in.
    pub(crate) fn channels_over(
        &self,
        tls: MailTls,
        ca_file: Option<&Path>,
        password: Option<&str>,
    ) -> Channels {
        let server = MailServer {
            host: self.address.ip().to_string(),
            port: self.address.port(),
            tls,
            ca_file: ca_file.map(Path::to_owned),
            login: password.map(|password| ("simpang".to_owned(), Secret::new(password))),
        };
        Channels {
            mail: Some(server),
            notices_from: Some("notices@tenesa.example".into()),
            ..Default::default()
        }
    }

    async fn protect(&self, wire: Box<dyn Wire>) -> io::Result<Box<dyn Wire>> {
        let acceptor = self.acceptor.as_ref().ok_or(io::ErrorKind::Unsupported)?;
        Ok(Box::new(acceptor.accept(wire).await?))
    }

    async fn serve(&self, wire: Box<dyn Wire>) -> io::Result<()> {
        let mut protected = self.tls == MailTls::Implicit;
        let wire = if protected { self.protect(wire).await? } else { wire };
        let mut stream = BufReader::new(wire);
        stream.write_all(b"220 sink\r\n").await?;
        stream.flush().await?;
        let (mut mail, mut login, mut taken) = (Mail::default(), String::new(), 0);
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            let mood = *self.mood.lock().unwrap();
            let said = line.trim_end().to_owned();
            let verb = said.split([' ', ':']).next().unwrap_or_default();
            let answer = match verb {
                "EHLO" => self.greeting(mood, protected),
                "STARTTLS" => {
                    stream.write_all(b"220 go on\r\n").await?;
                    stream.flush().await?;
                    stream = BufReader::new(self.protect(stream.into_inner()).await?);
                    protected = true;
                    continue;
                }
                "AUTH" => {
                    self.logins.lock().unwrap().push(said.clone());
                    login.clone_from(&said);
                    if said == LOGIN { "235 welcome\r\n".into() } else { "535 5.7.8 no\r\n".into() }
                }
                "RSET" if taken > 0 && mood == Mood::GoneAtReset => return Ok(()),
                "RSET" => {
                    mail = Mail::default();
                    "250 ok\r\n".into()
                }
                "MAIL" if taken > 0 && mood == Mood::GoneAtSender => return Ok(()),
                "MAIL" if taken > 0 && mood == Mood::ClosingAtSender => "421 4.4.2 too many\r\n".into(),
                "MAIL" => {
                    mail = Mail { from: address(&said), protected, login: login.clone(), ..Mail::default() };
                    "250 ok\r\n".into()
                }
                "RCPT" if mood == Mood::Busy => "451 4.3.0 later\r\n".into(),
                "RCPT" if mood == Mood::NoSuchUser => format!("550 5.1.1 <{}> unknown\r\n", address(&said)),
                "RCPT" => {
                    mail.to.push(address(&said));
                    "250 ok\r\n".into()
                }
                "DATA" if mood == Mood::HangsUpBefore => return Ok(()),
                "DATA" => {
                    stream.write_all(b"354 go on\r\n").await?;
                    stream.flush().await?;
                    mail.bytes = read_data(&mut stream).await?;
                    taken += 1;
                    match self.judge(mood, &mail).await {
                        Some(answer) => answer.to_owned(),
                        None => return Ok(()),
                    }
                }
                "QUIT" => "221 bye\r\n".into(),
                _ => "502 what\r\n".into(),
            };
            stream.write_all(answer.as_bytes()).await?;
            stream.flush().await?;
            if taken > 0 && mood == Mood::OneEach || answer.starts_with("421") || verb == "QUIT" {
                return Ok(());
            }
        }
    }

    fn greeting(&self, mood: Mood, protected: bool) -> String {
        let mut offers = vec!["sink"];
        if mood != Mood::SevenBit {
            offers.push("8BITMIME");
        }
        if self.tls == MailTls::StartTls && !protected {
            offers.push("STARTTLS");
        }
        if protected {
            offers.push("AUTH PLAIN LOGIN");
        }
        let last = offers.pop().unwrap();
        let before: String = offers.iter().map(|offer| format!("250-{offer}\r\n")).collect();
        format!("{before}250 {last}\r\n")
    }

    /// The answer to a mail; none: it hangs up.
    async fn judge(&self, mood: Mood, mail: &Mail) -> Option<&'static str> {
        match mood {
            Mood::HangsUp => return None,
            Mood::Spam => return Some("554 5.7.1 looks like spam\r\n"),
            Mood::Slow => tokio::time::sleep(std::time::Duration::from_millis(400)).await,
            _ => {}
        }
        self.mails.lock().unwrap().push(mail.clone());
        Some("250 taken\r\n")
    }
}

fn address(line: &str) -> String {
    line.split_once('<')
        .and_then(|(_, rest)| rest.split_once('>'))
        .map(|(a, _)| a.to_owned())
        .unwrap_or_default()
}

async fn read_data(stream: &mut BufReader<Box<dyn Wire>>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        let mut line = Vec::new();
        stream.read_until(b'\n', &mut line).await?;
        if line == b".\r\n" || line.is_empty() {
            return Ok(bytes);
        }
        bytes.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
    }
}
