//! A stream's snapshot, taken from a running broker and put back where there is none. The files are those of the
//! broker's own command-line tool (`nats stream backup`): `backup.json` with the stream's configuration and state,
//! and `stream.tar.s2` with its bytes. Every record keeps its sequence and its time.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::time::Duration;

use async_nats::{Client, Message, Subscriber};
use bytes::Bytes;
use futures_util::StreamExt;
use serde_json::{Value, json};
use thiserror::Error;

use crate::connection::ApiError;
use crate::store::NatsStore;

/// The stream's configuration and state.
const ABOUT: &str = "backup.json";
/// The stream's bytes, as the broker packs them.
const BYTES: &str = "stream.tar.s2";
/// Bytes of a stream in one message.
const CHUNK: usize = 128 * 1024;
/// Longest wait for the next chunk, or for its acknowledgement.
const CHUNK_WITHIN: Duration = Duration::from_secs(30);
/// Longest wait for the broker to unpack what it was given.
const RESTORED_WITHIN: Duration = Duration::from_secs(600);

/// A snapshot was not taken or not restored.
#[derive(Debug, Error)]
pub enum BackupError {
    /// The broker says no, or nothing.
    #[error("stream {stream}: {reason}")]
    Broker {
        /// The stream.
        stream: String,
        /// What the broker said.
        reason: String,
    },
    /// A file can't be written or read.
    #[error("{what}: {source}")]
    File {
        /// What was tried.
        what: String,
        /// What the system said.
        source: io::Error,
    },
}

/// What a snapshot holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Saved {
    /// Records.
    pub records: u64,
    /// Sequence of the last one; 0 for none.
    pub last_seq: u64,
    /// Bytes of the file.
    pub bytes: u64,
}

impl NatsStore {
    /// Streams of this installation that are there: desks, directory, raw objects.
    ///
    /// # Errors
    /// When the broker does not tell.
    pub async fn stream_names(&self) -> Result<Vec<String>, BackupError> {
        let mut names: Vec<String> = Vec::new();
        loop {
            let body = json!({"offset": names.len()});
            let answer = self.connection().api("STREAM.NAMES", &body).await;
            let answer = answer.map_err(|error| broker("(any)", said(error)))?;
            let page = crate::desk::names(&answer);
            let is_last = page.is_empty();
            names.extend(page);
            if is_last || names.len() as u64 >= answer["total"].as_u64().unwrap_or(0) {
                break;
            }
        }
        names.retain(|name| name.starts_with("SIMPANG_"));
        names.sort();
        Ok(names)
    }

    /// Takes a stream's snapshot into a folder, which is made and must hold none yet. The desk goes on meanwhile.
    ///
    /// # Errors
    /// When the broker refuses, its delivery breaks off, or the folder can't be written.
    pub async fn back_up(&self, stream: &str, dir: &Path) -> Result<Saved, BackupError> {
        std::fs::create_dir_all(dir).map_err(file("make", dir))?;
        let path = dir.join(BYTES);
        let mut out = File::create_new(&path).map_err(file("make", &path))?;
        let client = self.connection().client().clone();
        let inbox = client.new_inbox();
        let mut chunks =
            client.subscribe(inbox.clone()).await.map_err(|error| broker(stream, error.to_string()))?;
        let ask = json!({"deliver_subject": inbox, "no_consumers": true, "chunk_size": CHUNK});
        let answer = self.connection().api(&format!("STREAM.SNAPSHOT.{stream}"), &ask).await;
        let answer = answer.map_err(|error| broker(stream, said(error)))?;
        let bytes = receive(&client, stream, &mut chunks, &mut out).await?;
        out.sync_all().map_err(file("write", &path))?;
        let about = json!({"config": answer["config"], "state": answer["state"]});
        // Last, so that a folder with this file in it is whole.
        let path = dir.join(ABOUT);
        let mut out = File::create_new(&path).map_err(file("make", &path))?;
        let write = out.write_all(about.to_string().as_bytes()).and_then(|()| out.sync_all());
        write.map_err(file("write", &path))?;
        Ok(saved(&about, bytes))
    }

    /// Puts a stream back from a folder that [`back_up`](Self::back_up) or `nats stream backup` wrote.
    ///
    /// # Errors
    /// When the stream is there, the folder is not whole, or the broker refuses it.
    pub async fn restore(&self, dir: &Path) -> Result<(String, Saved), BackupError> {
        let path = dir.join(ABOUT);
        let text = std::fs::read(&path).map_err(file("read", &path))?;
        let no_backup = |error: serde_json::Error| BackupError::File {
            what: format!("{} is no backup", path.display()),
            source: error.into(),
        };
        let about: Value = serde_json::from_slice(&text).map_err(no_backup)?;
        let stream = about["config"]["name"].as_str().unwrap_or_default().to_owned();
        let answer = self.connection().api(&format!("STREAM.RESTORE.{stream}"), &about).await;
        let answer = answer.map_err(|error| broker(&stream, said(error)))?;
        let Some(to) = answer["deliver_subject"].as_str() else {
            return Err(broker(&stream, format!("the broker does not say where to bring it: {answer}")));
        };
        let path = dir.join(BYTES);
        let mut bytes = File::open(&path).map_err(file("open", &path))?;
        let client = self.connection().client().clone();
        let sent = send(&client, &stream, to, &mut bytes, &path).await?;
        Ok((stream, saved(&about, sent)))
    }
}

fn saved(about: &Value, bytes: u64) -> Saved {
    let state = |key: &str| about["state"][key].as_u64().unwrap_or(0);
    Saved { records: state("messages"), last_seq: state("last_seq"), bytes }
}

/// Writes chunks until the empty one that ends them.
async fn receive(
    client: &Client,
    stream: &str,
    chunks: &mut Subscriber,
    out: &mut File,
) -> Result<u64, BackupError> {
    let mut bytes = 0;
    loop {
        let next = tokio::time::timeout(CHUNK_WITHIN, chunks.next()).await.ok().flatten();
        let Some(Message { payload, reply, status, description, .. }) = next else {
            return Err(broker(stream, "the broker stopped sending it; take it again"));
        };
        if payload.is_empty() {
            let is_whole = status.is_none_or(|status| status.is_success());
            let why = description.unwrap_or_default();
            return if is_whole {
                Ok(bytes)
            } else {
                Err(broker(stream, format!("the broker gave it up: {why}")))
            };
        }
        out.write_all(&payload)
            .map_err(|source| BackupError::File { what: "write the snapshot".into(), source })?;
        bytes += payload.len() as u64;
        if let Some(reply) = reply {
            client.publish(reply, Bytes::new()).await.map_err(|error| broker(stream, error.to_string()))?;
        }
    }
}

/// Sends a file in chunks, each acknowledged, and an empty one to end them.
async fn send(
    client: &Client,
    stream: &str,
    to: &str,
    from: &mut File,
    path: &Path,
) -> Result<u64, BackupError> {
    let mut bytes = 0;
    loop {
        let mut chunk = vec![0; CHUNK];
        let count = from.read(&mut chunk).map_err(file("read", path))?;
        chunk.truncate(count);
        let wait = if count == 0 { RESTORED_WITHIN } else { CHUNK_WITHIN };
        let request = async_nats::Request::new().payload(chunk.into()).timeout(Some(wait));
        let answer = client
            .send_request(to.to_owned(), request)
            .await
            .map_err(|error| broker(stream, error.to_string()))?;
        // Acknowledgements of chunks are empty; what refuses one, and the last answer, are JSON.
        let said: Value = serde_json::from_slice(&answer.payload).unwrap_or_default();
        if let Some(reason) = said["error"]["description"].as_str() {
            return Err(broker(stream, reason));
        }
        if count == 0 {
            return Ok(bytes);
        }
        bytes += count as u64;
    }
}

fn said(error: ApiError) -> String {
    match error {
        ApiError::Refused { text, .. } => text,
        ApiError::Absent(reason) | ApiError::Unknown(reason) => reason,
    }
}

fn broker(stream: &str, reason: impl Into<String>) -> BackupError {
    BackupError::Broker { stream: stream.to_owned(), reason: reason.into() }
}

fn file(what: &str, path: &Path) -> impl FnOnce(io::Error) -> BackupError + use<> {
    let what = format!("can't {what} {}", path.display());
    move |source| BackupError::File { what, source }
}
