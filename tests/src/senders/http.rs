//! HTTP/1.1 over a socket: one request, one answer.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longest wait for an answer.
const ANSWER: Duration = Duration::from_secs(20);

/// An HTTP server's address.
#[derive(Debug, Clone, Copy)]
pub struct Http(pub SocketAddr);

/// What was answered.
#[derive(Debug, Clone)]
pub struct HttpAnswer {
    /// Status.
    pub status: u16,
    /// Body.
    pub body: String,
}

impl Http {
    /// Asks for a page.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn get(self, path: &str) -> std::io::Result<HttpAnswer> {
        self.call("GET", path, &[], b"").await
    }

    /// Posts a body.
    ///
    /// # Errors
    /// When there is no answer; whether the body was taken is then unknown.
    pub async fn post(
        self,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> std::io::Result<HttpAnswer> {
        self.call("POST", path, headers, body).await
    }

    async fn call(
        self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> std::io::Result<HttpAnswer> {
        let exchange = async {
            let mut stream = TcpStream::connect(self.0).await?;
            let mut request =
                format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.0);
            for (name, value) in headers {
                request.push_str(&format!("{name}: {value}\r\n"));
            }
            request.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
            stream.write_all(request.as_bytes()).await?;
            // A server that refuses a body early answers and closes: the answer counts.
            let written = stream.write_all(body).await;
            let mut answer = Vec::new();
            let read = stream.read_to_end(&mut answer).await;
            parse(&answer).ok_or_else(|| written.and(read.map(drop)).err().unwrap_or_else(cut_off))
        };
        timeout(ANSWER, exchange).await?
    }
}

fn cut_off() -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::UnexpectedEof, "the answer was cut off")
}

/// An answer, if it is whole.
fn parse(bytes: &[u8]) -> Option<HttpAnswer> {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    (length.is_none_or(|length| body.len() >= length)).then(|| HttpAnswer { status, body: body.to_owned() })
}
