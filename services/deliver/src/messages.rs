//! Reading what stands on the log by its place.

use prost::Message as _;
use simpang_log::{DeskLog, LogError, RecordKind};
use simpang_proto::log::v1;
use thiserror::Error;

use crate::cases::Known;
use crate::changes::Changes;
use crate::handover::{Place, place};

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

/// A message as it stands now: when it came, what rules may read, its personal part, and whether it was taken back. Of
/// a case from another desk, its last one.
pub(crate) async fn message_as_it_stands(
    log: &dyn DeskLog,
    id: &v1::InputId,
    known: &Known,
) -> Result<(i64, v1::Message, v1::MessageContent, bool), FetchError> {
    let (at_ms, mut message, part) = last(log, id).await?;
    let changes = known.changes((place(*id), part));
    if let Some(changes) = changes {
        stand(log, &mut message, changes).await?;
    }
    let content = open(message.content.as_ref()).unwrap_or_default();
    Ok((at_ms, message, content, changes.is_some_and(|changes| changes.is_withdrawn)))
}

/// The last message of an input, and which of its messages that is.
async fn last(log: &dyn DeskLog, id: &v1::InputId) -> Result<(i64, v1::Message, u32), FetchError> {
    let missing = || FetchError::Missing(id.seq, id.index);
    match input(log, id).await? {
        (at_ms, v1::input::Body::Message(message)) => Ok((at_ms, message, 0)),
        (at_ms, v1::input::Body::Handover(mut handover)) => {
            let last = handover.messages.pop().ok_or_else(missing)?;
            Ok((at_ms, last, u32::try_from(handover.messages.len()).unwrap_or(u32::MAX)))
        }
        _ => Err(missing()),
    }
}

/// Puts a message as it stands after what became of it: what was withdrawn, edited away or misread is in it no more.
pub(crate) async fn stand(
    log: &dyn DeskLog,
    message: &mut v1::Message,
    changes: &Changes,
) -> Result<(), FetchError> {
    if changes.is_withdrawn {
        withdraw(message);
        return Ok(());
    }
    if let Some(by) = changes.reread {
        let says = reading(log, by).await?;
        (message.malformed, message.raw_digest) = (says.malformed, says.raw_digest);
        message.content = says.content;
    }
    for by in &changes.edits {
        edit(message, edition(log, *by).await?);
    }
    Ok(())
}

fn withdraw(message: &mut v1::Message) {
    let content: v1::MessageContent = open(message.content.as_ref()).unwrap_or_default();
    let kept = v1::MessageContent {
        subject: String::new(),
        text: String::new(),
        full_text: String::new(),
        html: String::new(),
        attachments: Vec::new(),
        permalink: String::new(),
        ..content
    };
    message.raw_digest.clear();
    message.malformed.clear();
    message.content = Some(sealed(&kept));
}

fn edit(message: &mut v1::Message, edit: v1::Message) {
    let new: v1::MessageContent = open(edit.content.as_ref()).unwrap_or_default();
    let old: v1::MessageContent = open(message.content.as_ref()).unwrap_or_default();
    let content = v1::MessageContent {
        subject: if new.subject.is_empty() { old.subject } else { new.subject },
        attachments: if new.attachments.is_empty() { old.attachments } else { new.attachments },
        text: new.text,
        full_text: new.full_text,
        html: new.html,
        ..old
    };
    message.raw_digest = edit.raw_digest;
    message.content = Some(sealed(&content));
}

/// The message that an input edits another with.
pub(crate) async fn edition(log: &dyn DeskLog, by: Place) -> Result<v1::Message, FetchError> {
    let id = v1::InputId { seq: by.0, index: by.1 };
    match input(log, &id).await?.1 {
        v1::input::Body::Message(message) => Ok(message),
        v1::input::Body::HandoverChange(change) => Ok(change.says.unwrap_or_default()),
        _ => Err(FetchError::Missing(by.0, by.1)),
    }
}

/// What an input read again, and nothing else of the message. It says all of it.
pub(crate) async fn reading(log: &dyn DeskLog, by: Place) -> Result<v1::Message, FetchError> {
    let id = v1::InputId { seq: by.0, index: by.1 };
    match input(log, &id).await?.1 {
        v1::input::Body::Reread(read) => Ok(v1::Message {
            malformed: read.malformed,
            raw_digest: read.raw_digest,
            content: read.content,
            ..v1::Message::default()
        }),
        v1::input::Body::HandoverChange(change) => Ok(change.says.unwrap_or_default()),
        _ => Err(FetchError::Missing(by.0, by.1)),
    }
}

fn sealed(content: &v1::MessageContent) -> v1::Sealed {
    v1::Sealed { sealing: v1::Sealing::None.into(), body: content.encode_to_vec().into() }
}

/// Personal content, opened; none when there is none, or it is sealed in a way this program does not know.
pub(crate) fn open<M: prost::Message + Default>(sealed: Option<&v1::Sealed>) -> Option<M> {
    let sealed = sealed.filter(|sealed| sealed.sealing() == v1::Sealing::None)?;
    M::decode(sealed.body.clone()).ok()
}
