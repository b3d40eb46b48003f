//! A mail server for tests: keeps what it gets and answers as it is told.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use simpang_deliver::Channels;
use simpang_deliver::options::{MailServer, MailTls};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

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
}

/// A mail as it was taken.
#[derive(Debug, Clone)]
pub(crate) struct Mail {
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    pub(crate) bytes: Vec<u8>,
}

/// The server.
#[derive(Debug, Clone)]
pub(crate) struct Sink {
    pub(crate) address: SocketAddr,
    mails: Arc<Mutex<Vec<Mail>>>,
    mood: Arc<Mutex<Mood>>,
}

impl Sink {
    pub(crate) async fn start(mood: Mood) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let sink = Self {
            address: listener.local_addr().unwrap(),
            mails: Arc::default(),
            mood: Arc::new(Mutex::new(mood)),
        };
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

    pub(crate) fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    pub(crate) fn mails(&self) -> Vec<Mail> {
        self.mails.lock().unwrap().clone()
    }

    pub(crate) fn channels(&self) -> Channels {
        let server = MailServer {
            host: self.address.ip().to_string(),
            port: self.address.port(),
            tls: MailTls::None,
            login: None,
        };
        Channels {
            mail: Some(server),
            notices_from: Some("notices@tenesa.example".into()),
            ..Default::default()
        }
    }

    async fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut stream = BufReader::new(stream);
        stream.write_all(b"220 sink\r\n").await?;
        let mut mail = Mail { from: String::new(), to: Vec::new(), bytes: Vec::new() };
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            let mood = *self.mood.lock().unwrap();
            let verb = line.trim_end().to_owned();
            let answer = match verb.split([' ', ':']).next().unwrap_or_default() {
                "EHLO" if mood == Mood::SevenBit => "250 sink\r\n".into(),
                "EHLO" => "250-sink\r\n250 8BITMIME\r\n".into(),
                "MAIL" => {
                    mail.from = address(&verb);
                    "250 ok\r\n".into()
                }
                "RCPT" if mood == Mood::Busy => "451 4.3.0 later\r\n".into(),
                "RCPT" if mood == Mood::NoSuchUser => format!("550 5.1.1 <{}> unknown\r\n", address(&verb)),
                "RCPT" => {
                    mail.to.push(address(&verb));
                    "250 ok\r\n".into()
                }
                "DATA" if mood == Mood::HangsUpBefore => return Ok(()),
                "DATA" => {
                    stream.write_all(b"354 go on\r\n").await?;
                    mail.bytes = read_data(&mut stream).await?;
                    match mood {
                        Mood::HangsUp => return Ok(()),
                        Mood::Spam => "554 5.7.1 looks like spam\r\n".to_owned(),
                        _ => {
                            if mood == Mood::Slow {
                                tokio::time::sleep(std::time::Duration::from_millis(400)).await;
                            }
                            self.mails.lock().unwrap().push(mail.clone());
                            "250 taken\r\n".into()
                        }
                    }
                }
                "QUIT" => "221 bye\r\n".into(),
                _ => "502 what\r\n".into(),
            };
            stream.write_all(answer.as_bytes()).await?;
        }
    }
}

fn address(line: &str) -> String {
    line.split_once('<')
        .and_then(|(_, rest)| rest.split_once('>'))
        .map(|(a, _)| a.to_owned())
        .unwrap_or_default()
}

async fn read_data(stream: &mut BufReader<TcpStream>) -> std::io::Result<Vec<u8>> {
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
