//! One message of the API on its way to a desk's log; what Push, PushStream and the JSON door share.

use bytes::Bytes;
use simpang_access::Principal;
use simpang_channels::AttachmentBody;
use simpang_log::DeskName;
use simpang_log::appender::Place;
use simpang_proto::ingest::v1 as api;
use simpang_proto::log::v1::{Channel, Input};
use tonic::Status;

use crate::counters::{self, Reason, Source};
use crate::directory::Mailbox;
use crate::intake::{Away, Intake};
use crate::mapping::{Origin, Pushed, Refusal, message_input, pushed};

/// A message that only has to be appended.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// Desk that gets it.
    pub(crate) desk: DeskName,
    /// What is appended.
    pub(crate) input: Input,
}

/// Why a message was not taken.
#[derive(Debug)]
pub(crate) enum NotTaken {
    /// It never will be as it is.
    Refused(Refusal),
    /// Not now.
    Away(Away),
}

impl From<Away> for NotTaken {
    fn from(away: Away) -> Self {
        Self::Away(away)
    }
}

/// Checks a message, finds its desk and keeps its raw bytes.
pub(crate) async fn prepare(
    intake: &Intake,
    principal: &Principal,
    message: api::Message,
    traceparent: &str,
) -> Result<Prepared, NotTaken> {
    intake.check_ready()?;
    let message = pushed(message).map_err(NotTaken::Refused)?;
    let mailbox = mailbox(intake, principal, &message).map_err(NotTaken::Refused)?;
    check_attachments(intake, &message).await?;
    let raw = match message.raw.is_empty() {
        true => None,
        false => Some(intake.keep(Bytes::from(message.raw)).await?),
    };
    let origin =
        Origin { channel: message.channel, mailbox: &mailbox, aliases: &message.aliases, raw, traceparent };
    let input = message_input(&intake.keyer, &intake.directory, &origin, &message.parsed);
    Ok(Prepared { desk: mailbox.desk, input })
}

/// Refuses a message that names a file which is not kept: nobody could ever open it.
async fn check_attachments(intake: &Intake, message: &Pushed) -> Result<(), NotTaken> {
    for attachment in &message.parsed.content.attachments {
        if let AttachmentBody::Kept { digest, .. } = &attachment.body
            && !intake.is_kept(*digest).await?
        {
            let detail = format!(
                "`attachments` names {}, and nothing is kept under it: upload the file first, then send the message",
                hex::encode(digest)
            );
            return Err(NotTaken::Refused(Refusal::new(api::RefusalReason::UnknownAttachment, detail)));
        }
    }
    Ok(())
}

/// Whose the message's account is, if the caller may bring messages to that desk.
fn mailbox(intake: &Intake, principal: &Principal, message: &Pushed) -> Result<Mailbox, Refusal> {
    let found = match message.channel {
        Channel::Email => intake.directory.mail_account(&message.account),
        channel => intake.directory.account(channel, &message.account),
    };
    let mailbox = found.ok_or_else(|| {
        let detail = "no desk has this `account` on this channel: see the desk's policy for its accounts";
        Refusal::new(api::RefusalReason::UnknownAccount, detail)
    })?;
    if !principal.may_enter(mailbox.desk.as_str()) {
        let detail = format!("this token is not good for desk {}, which has the account", mailbox.desk);
        return Err(Refusal::new(api::RefusalReason::Forbidden, detail));
    }
    Ok(mailbox)
}

/// The API's word for where an input stands.
pub(crate) fn place(desk: &DeskName, place: Place) -> api::Place {
    api::Place { desk: desk.to_string(), seq: place.seq, index: place.index }
}

/// Counts what was not taken.
pub(crate) fn count(source: Source, not_taken: &NotTaken) {
    match not_taken {
        NotTaken::Away(away) => counters::deferred(source, away.later()),
        NotTaken::Refused(refusal) => counters::refused(source, reason(refusal.reason)),
    }
}

/// A kind of reason as a word.
pub(crate) fn reason_word(of: api::RefusalReason) -> &'static str {
    reason(of).as_str()
}

fn reason(reason: api::RefusalReason) -> Reason {
    match reason {
        api::RefusalReason::Unspecified | api::RefusalReason::Invalid => Reason::Invalid,
        api::RefusalReason::UnknownAccount => Reason::UnknownAccount,
        api::RefusalReason::TooLarge => Reason::TooLarge,
        api::RefusalReason::Forbidden => Reason::Forbidden,
        api::RefusalReason::UnknownAttachment => Reason::UnknownAttachment,
    }
}

/// gRPC's word for what was not taken.
pub(crate) fn status(not_taken: NotTaken) -> Status {
    match not_taken {
        NotTaken::Away(away) => Status::unavailable(away.to_string()),
        NotTaken::Refused(refusal) => match refusal.reason {
            api::RefusalReason::Unspecified | api::RefusalReason::Invalid => {
                Status::invalid_argument(refusal.detail)
            }
            api::RefusalReason::UnknownAccount => Status::not_found(refusal.detail),
            api::RefusalReason::TooLarge => Status::resource_exhausted(refusal.detail),
            api::RefusalReason::Forbidden => Status::permission_denied(refusal.detail),
            api::RefusalReason::UnknownAttachment => Status::failed_precondition(refusal.detail),
        },
    }
}
