//! The broker's client protocol by hand, because a client library hides the refusals that are looked for here.

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use crate::within;

/// A connection as one user.
pub(crate) struct Client {
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
    subscriptions: u32,
}

/// A message that came.
pub(crate) struct Message {
    pub(crate) reply: String,
    pub(crate) headers: String,
    pub(crate) payload: Vec<u8>,
}

enum Frame {
    Pong,
    Refused(String),
    Message(Message),
}

impl Client {
    /// Connects; the error is what the server says.
    pub(crate) async fn connect(port: u16, user: &str, password: &str) -> Result<Self, String> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.map_err(|error| error.to_string())?;
        let (reader, writer) = stream.into_split();
        let mut client = Self { reader: BufReader::new(reader), writer, subscriptions: 0 };
        let login = json!({
            "user": user, "pass": password, "verbose": false, "pedantic": false, "headers": true,
            "no_responders": true, "lang": "by hand", "version": "0", "protocol": 1,
        });
        client.send(format!("CONNECT {login}\r\n").as_bytes()).await;
        client.settle().await.map(|()| client)
    }

    /// Publishes; the error is the server's refusal.
    pub(crate) async fn publish(&mut self, subject: &str, payload: &[u8]) -> Result<(), String> {
        self.put(subject, "", payload).await;
        self.settle().await
    }

    /// Subscribes; the error is the server's refusal.
    pub(crate) async fn subscribe(&mut self, subject: &str) -> Result<(), String> {
        self.subscriptions += 1;
        self.send(format!("SUB {subject} {}\r\n", self.subscriptions).as_bytes()).await;
        self.settle().await
    }

    /// Asks and waits for the one answer, as JSON.
    pub(crate) async fn ask(&mut self, subject: &str, body: &[u8]) -> Value {
        let inbox = self.inbox().await;
        self.put(subject, &inbox, body).await;
        serde_json::from_slice(&self.next().await.payload).unwrap()
    }

    /// A subject of its own to be answered on.
    pub(crate) async fn inbox(&mut self) -> String {
        let inbox = format!("_INBOX.byhand.{}", self.subscriptions + 1);
        self.subscribe(&inbox).await.unwrap();
        inbox
    }

    /// Publishes without waiting; `reply` may be empty.
    pub(crate) async fn put(&mut self, subject: &str, reply: &str, payload: &[u8]) {
        let mut bytes = format!("PUB {subject} {reply} {}\r\n", payload.len()).into_bytes();
        bytes.extend_from_slice(payload);
        bytes.extend_from_slice(b"\r\n");
        self.send(&bytes).await;
    }

    /// Waits for the next message.
    pub(crate) async fn next(&mut self) -> Message {
        loop {
            match self.frame().await.unwrap() {
                Frame::Message(message) => return message,
                Frame::Refused(text) => panic!("refused: {text}"),
                Frame::Pong => {}
            }
        }
    }

    /// Waits until the server has seen everything; the error is what it refused of it.
    async fn settle(&mut self) -> Result<(), String> {
        self.send(b"PING\r\n").await;
        let mut refused = None;
        loop {
            match self.frame().await {
                Some(Frame::Pong) => return refused.map_or(Ok(()), Err),
                Some(Frame::Refused(text)) => refused = Some(text),
                Some(Frame::Message(_)) => {}
                None => return Err(refused.unwrap_or_else(|| "the server closed the connection".into())),
            }
        }
    }

    async fn send(&mut self, bytes: &[u8]) {
        // A server that has hung up says why before.
        let _ = self.writer.write_all(bytes).await;
    }

    async fn frame(&mut self) -> Option<Frame> {
        loop {
            let mut line = String::new();
            let read = within(20, self.reader.read_line(&mut line)).await;
            if read.unwrap_or(0) == 0 {
                return None;
            }
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                ["PONG"] => return Some(Frame::Pong),
                ["PING"] => self.send(b"PONG\r\n").await,
                ["-ERR", ..] => return Some(Frame::Refused(line.trim().to_owned())),
                ["MSG", _, _, rest @ .., size] => return Some(self.message(rest, "0", size).await),
                ["HMSG", _, _, rest @ .., head, size] => return Some(self.message(rest, head, size).await),
                _ => {}
            }
        }
    }

    async fn message(&mut self, reply: &[&str], head: &str, size: &str) -> Frame {
        let (head, size): (usize, usize) = (head.parse().unwrap(), size.parse().unwrap());
        let mut bytes = vec![0; size + 2];
        within(20, self.reader.read_exact(&mut bytes)).await.unwrap();
        bytes.truncate(size);
        let payload = bytes.split_off(head);
        let headers = String::from_utf8_lossy(&bytes).into_owned();
        Frame::Message(Message { reply: reply.first().copied().unwrap_or("").into(), headers, payload })
    }
}
