//! Reading what stands on the log by its place.

use prost::Message as _;
use simpang_log::{DeskLog, LogError, RecordKind};
use simpang_proto::log::v1;
use thiserror::Error;

/// An input could not be had.
#[derive(Debug, Error)]
pub(crate) enum FetchError {
    /// The log can't be read now.
    #[error("the log can't be read: {0}")]
    Log(#[from] LogError),
    /// Nothing of the kind stands there.
    #[error("no such input stands at sequence {0}, index {1}")]
    Missing(u64, u32),
}

/// When an input came, ms since 1970 UTC, and its body.
pub(crate) async fn input(log: &dyn DeskLog, id: &v1::InputId) -> Result<(i64, v1::input::Body), FetchError> {
    let (at_ms, input) = whole(log, id).await?;
    Ok((at_ms, input.body.ok_or(FetchError::Missing(id.seq, id.index))?))
}

/// When an input came, and all of it.
pub(crate) async fn whole(log: &dyn DeskLog, id: &v1::InputId) -> Result<(i64, v1::Input), FetchError> {
    let missing = || FetchError::Missing(id.seq, id.index);
    let record = log.get(id.seq).await?.ok_or_else(missing)?;
    if record.kind == RecordKind::Commit {
        return Err(missing());
    }
    let mut inputs = v1::InputRecord::decode(record.payload).map_err(|_| missing())?.inputs;
    let index = usize::try_from(id.index).unwrap_or(usize::MAX);
    if index >= inputs.len() {
        return Err(missing());
    }
    Ok((record.at_ms, inputs.swap_remove(index)))
}

/// The messages of an input: one, or all of a case that another desk handed over.
pub(crate) async fn all(log: &dyn DeskLog, id: &v1::InputId) -> Result<Vec<v1::Message>, FetchError> {
    match input(log, id).await?.1 {
        v1::input::Body::Message(message) => Ok(vec![message]),
        v1::input::Body::Handover(handover) => Ok(handover.messages),
        _ => Err(FetchError::Missing(id.seq, id.index)),
    }
}

/// A message: when it came, what rules may read, and its personal part. Of a case from another desk, its last one.
pub(crate) async fn message(
    log: &dyn DeskLog,
    id: &v1::InputId,
) -> Result<(i64, v1::Message, v1::MessageContent), FetchError> {
    let (at_ms, body) = input(log, id).await?;
    let message = match body {
        v1::input::Body::Message(message) => message,
        v1::input::Body::Handover(mut handover) => {
            handover.messages.pop().ok_or(FetchError::Missing(id.seq, id.index))?
        }
        _ => return Err(FetchError::Missing(id.seq, id.index)),
    };
    let content = open(message.content.as_ref()).unwrap_or_default();
    Ok((at_ms, message, content))
}

/// Personal content, opened; none when there is none, or it is sealed in a way this program does not know.
pub(crate) fn open<M: prost::Message + Default>(sealed: Option<&v1::Sealed>) -> Option<M> {
    let sealed = sealed.filter(|sealed| sealed.sealing() == v1::Sealing::None)?;
    M::decode(sealed.body.clone()).ok()
}
