//! Raw objects by digest, on a plain stream: an object is one message up to 512 KiB (less than any broker's
//! `max_payload`), or several parts. A plain stream rather than a JetStream object store, because that writes two
//! messages an object, reads through a consumer, and names chunks at random, so that keeping the same object twice
//! is not harmless.
//!
//! Parts are written last to first, each only if nothing stands on its subject: an object whose part 0 is there is
//! whole, and whoever writes it again changes nothing. The broker keeps about half a KiB of memory an object.

use async_nats::HeaderMap;
use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::LastRawMessageErrorKind;
use bytes::{Bytes, BytesMut};
use serde_json::json;
use simpang_log::chain;
use simpang_log::port::LogError;

use crate::connection::{ApiError, Connection, PublishError, code};
use crate::desk;

/// The stream of raw objects. Desks are named in lower case, so this is none.
pub(crate) const STREAM: &str = "SIMPANG_RAW";
/// Its subjects. Not under `simpang.`, where a desk could be called `raw`.
pub(crate) const SUBJECTS: &str = "simpang-raw.*.*";
/// What errors call it.
pub(crate) const NAME: &str = "(raw objects)";
/// Most bytes of an object in one message.
const PART_BYTES: usize = 512 * 1024;
/// Header of part 0: how many parts there are.
const PARTS: &str = "Simpang-Parts";
/// Header of part 0 of what a channel delivered.
const DELIVERY: &str = "Simpang-Delivery";

fn subject(digest: &[u8; 32], part: usize) -> String {
    format!("simpang-raw.{}.{part}", hex::encode(digest))
}

fn broken(reason: String) -> LogError {
    LogError::Broken { desk: NAME.into(), seq: 0, reason }
}

/// Keeps an object.
pub(crate) async fn put(
    connection: &Connection,
    digest: [u8; 32],
    bytes: Bytes,
    is_delivery: bool,
) -> Result<(), LogError> {
    if chain::digest(&bytes) != digest {
        return Err(broken(format!("the bytes do not have the digest {}", hex::encode(digest))));
    }
    let parts = bytes.len().div_ceil(PART_BYTES).max(1);
    for part in (0..parts).rev() {
        let slice = bytes.slice(part * PART_BYTES..bytes.len().min((part + 1) * PART_BYTES));
        let mut headers = HeaderMap::new();
        if part == 0 {
            headers.insert(PARTS, parts.to_string().as_str());
            if is_delivery {
                headers.insert(DELIVERY, "1");
            }
        }
        match connection.publish(subject(&digest, part), slice, Some(0), headers).await {
            // It stands there already, and under its digest nothing else can.
            Ok(_) | Err(PublishError::Fenced { .. }) => {}
            Err(
                PublishError::Refused(reason)
                | PublishError::TooLarge(reason)
                | PublishError::Unknown(reason),
            ) => {
                return Err(LogError::Unavailable { desk: NAME.into(), reason });
            }
        }
    }
    Ok(())
}

/// An object by its digest; `None` when it is not kept, or a delivery is asked for and it is none.
pub(crate) async fn get(
    connection: &Connection,
    digest: [u8; 32],
    delivery_only: bool,
) -> Result<Option<Bytes>, LogError> {
    let Some(first) = part(connection, &digest, 0).await? else { return Ok(None) };
    if delivery_only && first.headers.get(DELIVERY).is_none() {
        return Ok(None);
    }
    let parts = first.headers.get(PARTS).and_then(|parts| parts.as_str().parse::<usize>().ok()).unwrap_or(1);
    let mut bytes = BytesMut::from(&first.payload[..]);
    for index in 1..parts {
        let Some(next) = part(connection, &digest, index).await? else {
            return Err(broken(format!("part {index} of object {} is missing", hex::encode(digest))));
        };
        bytes.extend_from_slice(&next.payload);
    }
    if chain::digest(&bytes) != digest {
        return Err(broken(format!(
            "object {} does not have its digest: it was edited",
            hex::encode(digest)
        )));
    }
    Ok(Some(bytes.freeze()))
}

/// Removes an object, all its parts.
pub(crate) async fn remove(connection: &Connection, digest: [u8; 32]) -> Result<(), LogError> {
    let what = json!({"filter": format!("simpang-raw.{}.*", hex::encode(digest))});
    desk::purge(connection, STREAM, NAME, &what).await
}

/// Whether an object is whole. Told by the stream's list of subjects, so that a door needs no right to read objects.
pub(crate) async fn has(connection: &Connection, digest: [u8; 32]) -> Result<bool, LogError> {
    let first = subject(&digest, 0);
    let body = json!({"subjects_filter": first});
    match connection.api(&format!("STREAM.INFO.{STREAM}"), &body).await {
        Ok(info) => Ok(info["state"]["subjects"].get(&first).is_some()),
        Err(ApiError::Refused { code: code::STREAM_NOT_FOUND, .. }) => Ok(false),
        Err(error) => Err(error.into_log_error(NAME)),
    }
}

async fn part(
    connection: &Connection,
    digest: &[u8; 32],
    index: usize,
) -> Result<Option<StreamMessage>, LogError> {
    let unavailable = |reason: String| LogError::Unavailable { desk: NAME.into(), reason };
    let stream = connection
        .context
        .get_stream_no_info(STREAM)
        .await
        .map_err(|error| unavailable(error.to_string()))?;
    let subject = subject(digest, index);
    let answer = connection.while_connected(stream.get_last_raw_message_by_subject(&subject)).await;
    match answer.map_err(unavailable)? {
        Ok(message) => Ok(Some(message)),
        Err(error) => match error.kind() {
            LastRawMessageErrorKind::NoMessageFound => Ok(None),
            LastRawMessageErrorKind::JetStream(refusal)
                if [code::NO_MESSAGE, code::STREAM_NOT_FOUND].contains(&refusal.error_code().0) =>
            {
                Ok(None)
            }
            _ => Err(unavailable(error.to_string())),
        },
    }
}

/// The digests of all objects, sorted. The broker lists subjects in pages.
pub(crate) async fn list(connection: &Connection) -> Result<Vec<[u8; 32]>, LogError> {
    let mut found: Vec<[u8; 32]> = Vec::new();
    loop {
        let body = json!({"subjects_filter": "simpang-raw.*.0", "offset": found.len()});
        let info = match connection.api(&format!("STREAM.INFO.{STREAM}"), &body).await {
            Ok(info) => info,
            Err(ApiError::Refused { code: code::STREAM_NOT_FOUND, .. }) => return Ok(found),
            Err(error) => return Err(error.into_log_error(NAME)),
        };
        let page = info["state"]["subjects"].as_object();
        let digests = page.into_iter().flatten().filter_map(|(subject, _)| digest_of(subject));
        let before = found.len();
        found.extend(digests);
        let total = info["total"].as_u64().and_then(|total| usize::try_from(total).ok()).unwrap_or(0);
        if found.len() == before || found.len() >= total {
            found.sort_unstable();
            return Ok(found);
        }
    }
}

/// The digest in the subject of an object's first part.
fn digest_of(subject: &str) -> Option<[u8; 32]> {
    let hexadecimal = subject.strip_prefix("simpang-raw.")?.strip_suffix(".0")?;
    let mut digest = [0; 32];
    hex::decode_to_slice(hexadecimal, &mut digest).ok()?;
    Some(digest)
}

/// The object stream's subjects, as a list.
pub(crate) fn subjects() -> Vec<String> {
    vec![SUBJECTS.to_owned()]
}
