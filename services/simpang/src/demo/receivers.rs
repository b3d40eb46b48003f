//! Where the demo's answers arrive: a mail server, X and Facebook that live in this process and remember what they
//! got.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What arrived somewhere.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    /// `mail`, `x` or `facebook`.
    pub(crate) by: &'static str,
    /// To whom, or in answer to what.
    pub(crate) to: String,
    /// The text; of mail headers and body.
    pub(crate) text: String,
}

/// All that arrived.
#[derive(Debug, Clone, Default)]
pub(crate) struct Inbox(Arc<Mutex<Vec<Received>>>);

impl Inbox {
    fn add(&self, by: &'static str, to: String, text: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Received { by, to, text });
    }

    pub(crate) fn all(&self) -> Vec<Received> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The receivers' addresses.
#[derive(Debug)]
pub(crate) struct Receivers {
    pub(crate) inbox: Inbox,
    pub(crate) mail: SocketAddr,
    pub(crate) web: SocketAddr,
}

impl Receivers {
    pub(crate) async fn start() -> Result<Self> {
        let inbox = Inbox::default();
        let mail = TcpListener::bind("127.0.0.1:0").await?;
        let web = TcpListener::bind("127.0.0.1:0").await?;
        let receivers = Self { inbox: inbox.clone(), mail: mail.local_addr()?, web: web.local_addr()? };
        let mailbox = inbox.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = mail.accept().await {
                let inbox = mailbox.clone();
                tokio::spawn(async move { serve_mail(socket, &inbox).await });
            }
        });
        let app = Router::new()
            .route("/2/tweets", post(post_on_x))
            .route("/{version}/{object}/{edge}", post(post_on_facebook))
            .with_state(inbox);
        tokio::spawn(async move { axum::serve(web, app).await });
        Ok(receivers)
    }
}

async fn post_on_x(State(inbox): State<Inbox>, Json(body): Json<Value>) -> (StatusCode, Json<Value>) {
    let text = body["text"].as_str().unwrap_or_default().to_owned();
    let to = body["reply"]["in_reply_to_tweet_id"].as_str().unwrap_or("nothing").to_owned();
    let id = format!("9{:018}", inbox.all().len());
    inbox.add("x", format!("post {to}"), text.clone());
    (StatusCode::CREATED, Json(json!({ "data": { "id": id, "text": text } })))
}

async fn post_on_facebook(
    State(inbox): State<Inbox>,
    Path((_, object, edge)): Path<(String, String, String)>,
    body: String,
) -> Json<Value> {
    let id = format!("{object}_{}", inbox.all().len());
    inbox.add("facebook", format!("{object}/{edge}"), body);
    Json(json!({ "id": id, "message_id": id, "recipient_id": "1" }))
}

/// A mail server that takes everything (RFC 5321, as much as a well-behaved client needs).
async fn serve_mail(socket: TcpStream, inbox: &Inbox) -> Option<()> {
    let (read, mut write) = socket.into_split();
    let mut lines = BufReader::new(read).lines();
    let mut to = Vec::new();
    write.write_all(b"220 demo\r\n").await.ok()?;
    while let Some(line) = lines.next_line().await.ok()? {
        let verb: String = line.chars().take(4).collect::<String>().to_uppercase();
        let answer = match verb.as_str() {
            "EHLO" => "250-demo\r\n250 8BITMIME\r\n",
            "RCPT" => {
                to.push(line[8.min(line.len())..].trim_matches(['<', '>', ' ']).to_owned());
                "250 ok\r\n"
            }
            "DATA" => {
                write.write_all(b"354 go on\r\n").await.ok()?;
                let mut text = String::new();
                while let Some(line) = lines.next_line().await.ok()? {
                    if line == "." {
                        break;
                    }
                    text.push_str(&line);
                    text.push('\n');
                }
                inbox.add("mail", to.join(", "), text);
                to.clear();
                "250 kept\r\n"
            }
            "QUIT" => {
                write.write_all(b"221 bye\r\n").await.ok()?;
                return Some(());
            }
            _ => "250 ok\r\n",
        };
        write.write_all(answer.as_bytes()).await.ok()?;
    }
    Some(())
}
