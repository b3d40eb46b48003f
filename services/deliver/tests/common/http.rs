//! An HTTP server for tests: keeps what it gets and answers as it is told.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: serde_json::Value,
    /// The body as it came.
    pub(crate) raw: Bytes,
}

/// What is answered: status, header fields, body.
pub(crate) type Answer = (u16, Vec<(&'static str, String)>, &'static str);

/// The server.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fake {
    asked: Arc<Mutex<Vec<Asked>>>,
    answers: Arc<Mutex<VecDeque<Answer>>>,
}

impl Fake {
    /// Starts it; it gives these answers in their order.
    pub(crate) async fn start(answers: Vec<Answer>) -> (Self, String) {
        let fake = Self { asked: Arc::default(), answers: Arc::new(Mutex::new(answers.into())) };
        let router = Router::new().fallback(answer).with_state(fake.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (fake, url)
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

async fn answer(
    State(fake): State<Fake>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, HeaderMap, &'static str) {
    let (raw, body) = (body.clone(), serde_json::from_slice(&body).unwrap_or_default());
    fake.asked.lock().unwrap().push(Asked { path: uri.to_string(), headers, body, raw });
    let next = fake.answers.lock().unwrap().pop_front();
    let (status, fields, body) = next.unwrap_or((418, Vec::new(), "nothing more to say"));
    let fields = fields
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()));
    (StatusCode::from_u16(status).unwrap(), fields.collect(), body)
}

/// A server that reads a request and hangs up; with `partly`, after the first line of an answer.
pub(crate) async fn hangs_up(partly: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            if partly {
                let _ = stream.write_all(b"HTTP/1.1 2").await;
            }
        }
    });
    format!("http://{address}")
}

/// An address at which nobody listens.
pub(crate) async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}
