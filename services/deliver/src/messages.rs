//! Reading what stands on the log by its place.

use prost::Message as _;
use simpang_log::{DeskLog, LogError, RecordKind};
use simpang_proto::log::v1;
use thiserror::Error;

use crate::cases::Change;

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
    let (at_ms, message, _) = last(log, id).await?;
    let content = open(message.content.as_ref()).unwrap_or_default();
    Ok((at_ms, message, content))
}

/// As [`message`], as it stands after what its author did to it.
pub(crate) async fn message_as_it_stands(
    log: &dyn DeskLog,
    id: &v1::InputId,
    change: Option<Change>,
) -> Result<(i64, v1::Message, v1::MessageContent), FetchError> {
    let (at_ms, mut message, is_first) = last(log, id).await?;
    if let Some(change) = change.filter(|_| is_first) {
        stand(log, &mut message, change).await?;
    }
    let content = open(message.content.as_ref()).unwrap_or_default();
    Ok((at_ms, message, content))
}

/// The last message of an input, and whether it is the first as well: the one that edits and removals name.
async fn last(log: &dyn DeskLog, id: &v1::InputId) -> Result<(i64, v1::Message, bool), FetchError> {
    let missing = || FetchError::Missing(id.seq, id.index);
    match input(log, id).await? {
        (at_ms, v1::input::Body::Message(message)) => Ok((at_ms, message, true)),
        (at_ms, v1::input::Body::Handover(mut handover)) => {
            let last = handover.messages.pop().ok_or_else(missing)?;
            Ok((at_ms, last, handover.messages.is_empty()))
        }
        _ => Err(missing()),
    }
}

/// Puts a message as it stands after its author changed it: what was withdrawn or edited away is in it no more.
pub(crate) async fn stand(
    log: &dyn DeskLog,
    message: &mut v1::Message,
    change: Change,
) -> Result<(), FetchError> {
    let mut content: v1::MessageContent = open(message.content.as_ref()).unwrap_or_default();
    let subject = std::mem::take(&mut content.subject);
    let attachments = std::mem::take(&mut content.attachments);
    message.raw_digest.clear();
    match change {
        Change::Withdrawn => {
            (content.text, content.full_text, content.html) = Default::default();
            content.permalink.clear();
            message.malformed.clear();
        }
        Change::Edited((seq, index)) => {
            let (_, edit, new) = self::message(log, &v1::InputId { seq, index }).await?;
            (content.text, content.full_text, content.html) = (new.text, new.full_text, new.html);
            content.subject = if new.subject.is_empty() { subject } else { new.subject };
            content.attachments = if new.attachments.is_empty() { attachments } else { new.attachments };
            message.raw_digest = edit.raw_digest;
        }
    }
    let body = content.encode_to_vec().into();
    message.content = Some(v1::Sealed { sealing: v1::Sealing::None.into(), body });
    Ok(())
}

/// Personal content, opened; none when there is none, or it is sealed in a way this program does not know.
pub(crate) fn open<M: prost::Message + Default>(sealed: Option<&v1::Sealed>) -> Option<M> {
    let sealed = sealed.filter(|sealed| sealed.sealing() == v1::Sealing::None)?;
    M::decode(sealed.body.clone()).ok()
}
