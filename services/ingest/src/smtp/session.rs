//! One SMTP or LMTP session as a pure state machine: bytes in, actions out. Knows no socket, no clock and no log.
//!
//! SMTP by RFC 5321 with PIPELINING (RFC 2920), SIZE (RFC 1870), 8BITMIME (RFC 6152), SMTPUTF8 (RFC 6531) and
//! ENHANCEDSTATUSCODES (RFC 2034); LMTP by RFC 2033. A client that says LHLO speaks LMTP and gets one answer for each
//! recipient after the text; one that says EHLO or HELO gets one answer in all. STARTTLS (RFC 3207) is offered where
//! the listener has a certificate; AUTH and BDAT are not: the listener stands behind a mail server.

use std::borrow::Cow;

use smtp_proto::{MAIL_BODY_BINARYMIME, MailFrom, Request};

use super::data::DataReader;
use super::reply::{Line, outcome_line, reason_of, render, severity, syntax_line};
use crate::counters::{Later, Reason};
use crate::directory::Mailbox;

/// What a session may use.
#[derive(Debug, Clone)]
pub struct SessionLimits {
    /// Most bytes of a message's text; announced as SIZE.
    pub message_bytes: usize,
    /// Most recipients of a message.
    pub recipients: usize,
    /// Most bytes of a command line.
    pub line_bytes: usize,
    /// Commands refused before the session ends.
    pub errors: u32,
}

impl Default for SessionLimits {
    /// 25 MiB as most mail servers take, the 100 recipients that RFC 5321 §4.5.3.1.8 asks for, and lines with room
    /// for long addresses and extensions.
    fn default() -> Self {
        Self { message_bytes: 25 << 20, recipients: 100, line_bytes: 2_048, errors: 20 }
    }
}

/// What is known of a recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Admission {
    /// An account of a desk.
    Known(Mailbox),
    /// No account of any desk.
    Unknown,
    /// Nobody can say now: the directory has not been read yet.
    Unsure,
}

/// Says whose a recipient is.
pub(crate) trait Mailboxes {
    /// Looks an address up.
    fn find(&self, address: &str) -> Admission;
}

/// A recipient that is an account of a desk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Recipient {
    /// Address as the client wrote it.
    pub(crate) address: String,
    /// Whose it is.
    pub(crate) mailbox: Mailbox,
}

/// A message as its envelope and text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Envelope {
    /// Reverse path; empty for a bounce.
    pub(crate) from: String,
    /// Recipients in the order given.
    pub(crate) recipients: Vec<Recipient>,
    /// The text, dots taken off.
    pub(crate) text: Vec<u8>,
}

/// What became of a message for one recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It stands on the log.
    Accepted,
    /// The log is away, or nobody knows: the client is to send it again.
    Later,
    /// It will never fit.
    TooLarge,
}

/// What the socket's side has to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Send this.
    Reply(Vec<u8>),
    /// Count this refusal and send this.
    Refuse(Reason, Vec<u8>),
    /// Count that this has to come again and send this.
    Defer(Later, Vec<u8>),
    /// Bring this message to the log, then call [`Session::delivered`].
    Deliver(Envelope),
    /// Send this, then protect the connection and call [`Session::protected`].
    Protect(Vec<u8>),
    /// Send this, then close.
    Close(Vec<u8>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Smtp,
    Lmtp,
}

#[derive(Debug)]
enum Phase {
    Command,
    Text(DataReader),
    Delivering(usize),
    Protecting,
    Closed,
}

/// A session.
#[derive(Debug)]
pub(crate) struct Session {
    limits: SessionLimits,
    host: String,
    /// STARTTLS can be offered.
    protects: bool,
    phase: Phase,
    protocol: Option<Protocol>,
    from: Option<String>,
    recipients: Vec<Recipient>,
    buffer: Vec<u8>,
    overlong: bool,
    errors: u32,
}

impl Session {
    /// A new session of the server that calls itself `host`.
    pub(crate) fn new(host: &str, limits: SessionLimits) -> Self {
        Self {
            limits,
            host: host.to_owned(),
            protects: false,
            phase: Phase::Command,
            protocol: None,
            from: None,
            recipients: Vec::new(),
            buffer: Vec::new(),
            overlong: false,
            errors: 0,
        }
    }

    /// Offers STARTTLS.
    pub(crate) fn offering_protection(self) -> Self {
        Self { protects: true, ..self }
    }

    /// The connection is protected: all that was said before is forgotten (RFC 3207 §4.2), also what came in one
    /// piece with STARTTLS, which may be anybody's.
    pub(crate) fn protected(&mut self) {
        self.reset();
        self.buffer.clear();
        (self.phase, self.protocol, self.protects) = (Phase::Command, None, false);
    }

    /// The first line to send.
    pub(crate) fn greeting(&self) -> Vec<u8> {
        format!("220 {} ESMTP Simpang\r\n", self.host).into_bytes()
    }

    /// Takes what came from the client. Call [`Self::next`] until it gives nothing more.
    pub(crate) fn receive(&mut self, bytes: &[u8]) {
        if !matches!(self.phase, Phase::Closed) {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// The next thing to do; `None` when more bytes, or the outcome of a delivery, have to come first.
    pub(crate) fn next(&mut self, mailboxes: &dyn Mailboxes) -> Option<Action> {
        match &mut self.phase {
            Phase::Command => {
                let line = self.take_line()?;
                Some(self.command(&line, mailboxes))
            }
            Phase::Text(reader) => {
                let (used, end) = reader.take(&self.buffer);
                self.buffer.drain(..used);
                if end { Some(self.end_of_text()) } else { None }
            }
            Phase::Delivering(_) | Phase::Protecting | Phase::Closed => None,
        }
    }

    /// Says what became of the message, one outcome for each recipient in order; gives what to send.
    pub(crate) fn delivered(&mut self, outcomes: &[Outcome]) -> Vec<u8> {
        let Phase::Delivering(count) = self.phase else { return Vec::new() };
        self.phase = Phase::Command;
        let outcome_of = |n: usize| outcomes.get(n).copied().unwrap_or(Outcome::Later);
        match self.protocol {
            Some(Protocol::Lmtp) => (0..count).flat_map(|n| render(&outcome_line(outcome_of(n)))).collect(),
            _ => {
                let worst = (0..count).map(outcome_of).max_by_key(|o| severity(*o));
                render(&outcome_line(worst.unwrap_or(Outcome::Later)))
            }
        }
    }

    /// What to send before closing a session that said nothing for too long.
    pub(crate) fn timed_out(&mut self, why: &'static str) -> Vec<u8> {
        self.phase = Phase::Closed;
        render(&(421, "4.4.2", why.into()))
    }

    /// What to send before closing because the service ends.
    pub(crate) fn shut_down(&mut self) -> Vec<u8> {
        self.phase = Phase::Closed;
        render(&(421, "4.3.2", "the service is stopping, try again later".into()))
    }

    /// Whether a message has begun to arrive and is not answered yet.
    pub(crate) fn is_in_message(&self) -> bool {
        matches!(self.phase, Phase::Text(_) | Phase::Delivering(_))
    }

    /// Bytes held of the message that is arriving.
    pub(crate) fn held(&self) -> usize {
        if let Phase::Text(reader) = &self.phase { reader.held() } else { 0 }
    }

    fn take_line(&mut self) -> Option<Result<Vec<u8>, Line>> {
        let too_long = (500, "5.5.2", Cow::Owned(format!("line over {} bytes", self.limits.line_bytes)));
        let Some(end) = self.buffer.iter().position(|b| *b == b'\n') else {
            if self.buffer.len() <= self.limits.line_bytes {
                return None;
            }
            self.buffer.clear();
            if !std::mem::replace(&mut self.overlong, true) {
                return None;
            }
            // Twice over the limit without an end: whatever it is, it is no mail client.
            self.errors = self.limits.errors;
            return Some(Err(too_long));
        };
        let line: Vec<u8> = self.buffer.drain(..=end).collect();
        let fits = !std::mem::take(&mut self.overlong) && line.len() <= self.limits.line_bytes;
        Some(if fits { Ok(line) } else { Err(too_long) })
    }

    fn command(&mut self, line: &Result<Vec<u8>, Line>, mailboxes: &dyn Mailboxes) -> Action {
        let line = match line {
            Ok(line) => line,
            Err(answer) => return self.refuse(answer),
        };
        match Request::parse(&mut line.iter()) {
            Ok(request) => self.request(request, mailboxes),
            Err(error) => self.refuse(&syntax_line(&error)),
        }
    }

    fn request(&mut self, request: Request<Cow<'_, str>>, mailboxes: &dyn Mailboxes) -> Action {
        match request {
            Request::Helo { .. } => {
                self.greet(Protocol::Smtp);
                Action::Reply(format!("250 {}\r\n", self.host).into_bytes())
            }
            Request::Ehlo { .. } => self.extensions(Protocol::Smtp),
            Request::Lhlo { .. } => self.extensions(Protocol::Lmtp),
            Request::Mail { from } => self.mail(&from),
            Request::Rcpt { to } => self.rcpt(&to.address, mailboxes),
            Request::Data => self.data(),
            Request::Rset => {
                self.reset();
                say(250, "2.0.0", "forgotten")
            }
            Request::Noop { .. } => say(250, "2.0.0", "ok"),
            Request::Vrfy { .. } => say(252, "2.5.0", "send mail to it and see"),
            Request::Help { .. } => say(214, "2.0.0", "RFC 5321 and RFC 2033 tell all of it"),
            Request::Quit => {
                self.phase = Phase::Closed;
                Action::Close(render(&(221, "2.0.0", "goodbye".into())))
            }
            // The bytes of the chunk follow at once and must not be read as commands.
            Request::Bdat { .. } => {
                self.phase = Phase::Closed;
                Action::Close(render(&(502, "5.5.1", "BDAT is not offered, use DATA".into())))
            }
            Request::StartTls if self.protects => {
                self.phase = Phase::Protecting;
                Action::Protect(render(&(220, "2.0.0", "go on".into())))
            }
            Request::StartTls
            | Request::Auth { .. }
            | Request::Expn { .. }
            | Request::Etrn { .. }
            | Request::Atrn { .. }
            | Request::Burl { .. } => self.refuse(&(502, "5.5.1", "not offered".into())),
        }
    }

    fn greet(&mut self, protocol: Protocol) {
        self.reset();
        self.protocol = Some(protocol);
    }

    fn extensions(&mut self, protocol: Protocol) -> Action {
        self.greet(protocol);
        let size = format!("SIZE {}", self.limits.message_bytes);
        let mut names = vec!["PIPELINING", &size, "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"];
        if self.protects {
            names.push("STARTTLS");
        }
        let mut text = format!("250-{}\r\n", self.host);
        for (n, name) in names.iter().enumerate() {
            let dash = if n + 1 == names.len() { ' ' } else { '-' };
            text.push_str(&format!("250{dash}{name}\r\n"));
        }
        Action::Reply(text.into_bytes())
    }

    fn mail(&mut self, from: &MailFrom<Cow<'_, str>>) -> Action {
        if self.protocol.is_none() {
            return self.refuse(&(503, "5.5.1", "say EHLO or LHLO first".into()));
        }
        if self.from.is_some() {
            return self.refuse(&(503, "5.5.1", "a message is under way, send RSET to forget it".into()));
        }
        if from.size > self.limits.message_bytes {
            return self.refuse(&self.too_large());
        }
        if from.flags & MAIL_BODY_BINARYMIME != 0 {
            return self.refuse(&(501, "5.5.4", "BODY=BINARYMIME is not offered".into()));
        }
        self.from = Some(from.address.to_string());
        say(250, "2.1.0", "sender ok")
    }

    fn rcpt(&mut self, address: &str, mailboxes: &dyn Mailboxes) -> Action {
        if self.from.is_none() {
            return self.refuse(&(503, "5.5.1", "say MAIL first".into()));
        }
        if self.recipients.len() >= self.limits.recipients {
            let line = (452, "4.5.3", "too many recipients, send another message to the others".into());
            return Action::Defer(Later::Recipients, render(&line));
        }
        match mailboxes.find(address) {
            Admission::Known(mailbox) => {
                self.recipients.push(Recipient { address: address.to_owned(), mailbox });
                say(250, "2.1.5", "recipient ok")
            }
            Admission::Unknown => self.refuse(&(550, "5.1.1", "no desk has this account".into())),
            Admission::Unsure => {
                let line = (451, "4.3.0", "the directory is not read yet, try again later".into());
                Action::Defer(Later::Directory, render(&line))
            }
        }
    }

    fn data(&mut self) -> Action {
        if self.from.is_none() || self.recipients.is_empty() {
            return self.refuse(&(503, "5.5.1", "no valid recipients".into()));
        }
        self.phase = Phase::Text(DataReader::new(self.limits.message_bytes));
        Action::Reply(b"354 send the message, end with a dot alone on a line\r\n".to_vec())
    }

    fn end_of_text(&mut self) -> Action {
        let phase = std::mem::replace(&mut self.phase, Phase::Command);
        let text = if let Phase::Text(reader) = phase { reader.finish() } else { None };
        let from = self.from.take().unwrap_or_default();
        let recipients = std::mem::take(&mut self.recipients);
        self.phase = Phase::Delivering(recipients.len());
        match text {
            Some(text) => Action::Deliver(Envelope { from, recipients, text }),
            None => {
                let outcomes = vec![Outcome::TooLarge; recipients.len()];
                Action::Refuse(Reason::TooLarge, self.delivered(&outcomes))
            }
        }
    }

    fn reset(&mut self) {
        self.from = None;
        self.recipients.clear();
    }

    fn too_large(&self) -> Line {
        (552, "5.3.4", format!("over the limit of {} bytes", self.limits.message_bytes).into())
    }

    /// Answers a command that did not succeed; too many of them end the session.
    fn refuse(&mut self, line: &Line) -> Action {
        self.errors += 1;
        let mut answer = render(line);
        if self.errors <= self.limits.errors {
            return Action::Refuse(reason_of(line.0), answer);
        }
        self.phase = Phase::Closed;
        answer.extend(render(&(421, "4.7.0", "too many errors, closing".into())));
        Action::Close(answer)
    }
}

fn say(code: u16, status: &'static str, text: &'static str) -> Action {
    Action::Reply(render(&(code, status, text.into())))
}
