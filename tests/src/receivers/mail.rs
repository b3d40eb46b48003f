//! A mail server that takes everything.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use simpang_channels::email::SignedRef;
use simpang_checker::{DeliveryId, ReceivedEntry};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// A mail as it was taken.
#[derive(Debug, Clone, Default)]
pub struct SunkMail {
    /// Envelope sender.
    pub from: String,
    /// Envelope recipients.
    pub to: Vec<String>,
    /// The mail.
    pub raw: String,
}

impl SunkMail {
    /// A header's value, unfolded; empty when there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> String {
        let mut value = String::new();
        let mut inside = false;
        for line in self.raw.lines().take_while(|line| !line.is_empty()) {
            if line.starts_with([' ', '\t']) {
                if inside {
                    value.push(' ');
                    value.push_str(line.trim());
                }
                continue;
            }
            inside = false;
            if let Some((found, rest)) = line.split_once(':')
                && value.is_empty()
                && found.eq_ignore_ascii_case(name)
            {
                inside = true;
                rest.trim().clone_into(&mut value);
            }
        }
        value
    }

    /// Our reference to a case in its Message-ID.
    #[must_use]
    pub fn reference(&self) -> Option<SignedRef> {
        SignedRef::parse_message_id(&self.header("Message-ID"))
    }

    pub(crate) fn entry(&self) -> Option<ReceivedEntry> {
        let reference = self.reference()?;
        let mut numbers = reference.nonce.split('-');
        let (seq, index, part) = (numbers.next()?, numbers.next()?, numbers.next()?);
        let delivery =
            DeliveryId { seq: seq.parse().ok()?, index: index.parse().ok()?, part: part.parse().ok()? };
        Some(ReceivedEntry {
            desk: reference.desk,
            channel: "email".to_owned(),
            delivery,
            wire_id: self.header("Message-ID"),
            attempt: 0,
            piece: 0,
        })
    }
}

/// The server.
#[derive(Debug, Clone)]
pub struct MailSink {
    pub(crate) address: SocketAddr,
    mails: Arc<Mutex<Vec<SunkMail>>>,
}

impl MailSink {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port for the mail sink");
        let address = listener.local_addr().expect("an address");
        let sink = Self { address, mails: Arc::default() };
        let server = sink.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let server = server.clone();
                tokio::spawn(async move {
                    let _ = server.serve(stream).await;
                });
            }
        });
        sink
    }

    /// What was taken, in order.
    #[must_use]
    pub fn mails(&self) -> Vec<SunkMail> {
        self.mails.lock().unwrap().clone()
    }

    /// Notes a mail that another server took for us.
    ///
    /// # Panics
    /// When a test broke off while it noted one.
    pub fn keep(&self, mail: SunkMail) {
        self.mails.lock().unwrap().push(mail);
    }

    async fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut stream = BufReader::new(stream);
        stream.write_all(b"220 sink.example ESMTP\r\n").await?;
        let mut mail = SunkMail::default();
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            let verb = line.get(..4).unwrap_or_default().to_ascii_uppercase();
            let answer = match verb.as_str() {
                "EHLO" => "250-sink.example\r\n250 8BITMIME\r\n",
                "HELO" | "NOOP" => "250 sink.example\r\n",
                "MAIL" => {
                    mail = SunkMail { from: address_in(&line), ..SunkMail::default() };
                    "250 ok\r\n"
                }
                "RCPT" => {
                    mail.to.push(address_in(&line));
                    "250 ok\r\n"
                }
                "RSET" => {
                    mail = SunkMail::default();
                    "250 ok\r\n"
                }
                "DATA" => {
                    stream.write_all(b"354 go on\r\n").await?;
                    let Some(raw) = read_text(&mut stream).await? else { return Ok(()) };
                    mail.raw = raw;
                    self.mails.lock().unwrap().push(std::mem::take(&mut mail));
                    "250 taken\r\n"
                }
                "QUIT" => {
                    return stream.write_all(b"221 bye\r\n").await;
                }
                _ => "502 what\r\n",
            };
            stream.write_all(answer.as_bytes()).await?;
        }
    }
}

fn address_in(line: &str) -> String {
    let inside = line.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    inside.map(|(address, _)| address.to_owned()).unwrap_or_default()
}

/// The text up to the single point; none when the sender went away before it.
async fn read_text(stream: &mut BufReader<TcpStream>) -> std::io::Result<Option<String>> {
    let mut text = Vec::new();
    loop {
        let mut line = Vec::new();
        if stream.read_until(b'\n', &mut line).await? == 0 {
            return Ok(None);
        }
        if line == b".\r\n" {
            return Ok(Some(String::from_utf8_lossy(&text).into_owned()));
        }
        text.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
    }
}
