//! A mail client: as much SMTP (RFC 5321) as sending takes.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::journal::Sent;

/// Longest wait for an answer.
const ANSWER: Duration = Duration::from_secs(20);
/// The mailbox of the desk `tenesa`.
const MAILBOX: &str = "tenesa@telkom.example";

/// A mail to the desk `tenesa`.
#[derive(Debug, Clone)]
pub struct Letter {
    /// Sender.
    pub from: String,
    /// Subject.
    pub subject: String,
    /// Message-ID, without angle brackets.
    pub id: String,
    /// Message-ID that it answers, without angle brackets; empty: none.
    pub answers: String,
    /// Text, in lines.
    pub text: String,
}

impl Letter {
    /// The mail as it goes over the wire, without dots doubled.
    #[must_use]
    pub fn raw(&self) -> String {
        let mut raw = format!(
            "From: <{}>\r\nTo: <{MAILBOX}>\r\nSubject: {}\r\nMessage-ID: <{}>\r\n",
            self.from, self.subject, self.id
        );
        if !self.answers.is_empty() {
            let _ = write!(raw, "In-Reply-To: <{0}>\r\nReferences: <{0}>\r\n", self.answers);
        }
        raw.push_str("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n");
        for line in self.text.lines() {
            let _ = write!(raw, "{line}\r\n");
        }
        raw
    }

    /// Sends it and notes when it is answered 250; whether it was.
    pub async fn send(&self, server: SocketAddr, sent: &Sent) -> bool {
        let raw = self.raw();
        let is_taken = match Smtp::connect(server).await {
            Ok(mut smtp) => {
                smtp.mail(&self.from, MAILBOX, raw.as_bytes()).await.is_ok_and(|code| code == 250)
            }
            Err(_) => false,
        };
        if is_taken {
            sent.mail("tenesa", MAILBOX, raw.as_bytes());
        }
        is_taken
    }
}

/// A connection to a mail server.
#[derive(Debug)]
pub struct Smtp(BufReader<TcpStream>);

impl Smtp {
    /// Connects and says hello.
    ///
    /// # Errors
    /// When nobody answers, or not with 220 and 250.
    pub async fn connect(server: SocketAddr) -> std::io::Result<Self> {
        let mut smtp = Self(BufReader::new(TcpStream::connect(server).await?));
        let greeting = smtp.answer().await?;
        let hello = smtp.ask("EHLO sender.example").await?;
        if (greeting, hello) == (220, 250) { Ok(smtp) } else { Err(unexpected(greeting.max(hello))) }
    }

    /// Says a line; the code of the answer.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn ask(&mut self, line: &str) -> std::io::Result<u16> {
        self.0.get_mut().write_all(format!("{line}\r\n").as_bytes()).await?;
        self.answer().await
    }

    /// Sends a mail; the code that it, or the first command that was refused, was answered with.
    ///
    /// # Errors
    /// When there is no answer; whether the mail was taken is then unknown.
    pub async fn mail(&mut self, from: &str, to: &str, raw: &[u8]) -> std::io::Result<u16> {
        for (line, expected) in
            [(format!("MAIL FROM:<{from}>"), 250), (format!("RCPT TO:<{to}>"), 250), ("DATA".to_owned(), 354)]
        {
            let code = self.ask(&line).await?;
            if code != expected {
                return Ok(code);
            }
        }
        let mut text = Vec::with_capacity(raw.len() + 8);
        for line in raw.split_inclusive(|byte| *byte == b'\n') {
            if line.starts_with(b".") {
                text.push(b'.');
            }
            text.extend_from_slice(line);
        }
        let end: &[u8] = if raw.ends_with(b"\r\n") { b".\r\n" } else { b"\r\n.\r\n" };
        text.extend_from_slice(end);
        self.0.get_mut().write_all(&text).await?;
        self.answer().await
    }

    async fn answer(&mut self) -> std::io::Result<u16> {
        let read = async {
            loop {
                let mut line = String::new();
                if self.0.read_line(&mut line).await? == 0 {
                    return Err(std::io::ErrorKind::UnexpectedEof.into());
                }
                if line.as_bytes().get(3) != Some(&b'-') {
                    return line.get(..3).and_then(|code| code.parse().ok()).ok_or_else(|| unexpected(0));
                }
            }
        };
        timeout(ANSWER, read).await?
    }
}

fn unexpected(code: u16) -> std::io::Error {
    std::io::Error::other(format!("the mail server answered {code}"))
}
