//! Every way in which a call fails, mapped to gRPC's codes once.

use prost::Message;
use simpang_log::{AppendError, LogError};
use simpang_proto::agent::v1 as api;
use simpang_proto::log::v1::{Channel, CommandRejected, Rejection};
use tonic::{Code, Status};

/// `google.rpc.Status`, the form of gRPC's status details.
#[derive(Clone, PartialEq, Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<prost_types::Any>,
}

const REFUSAL_URL: &str = "type.googleapis.com/simpang.agent.v1.Refusal";

/// The code of a refusal by the desk's core. One table, for every command.
#[must_use]
pub(crate) fn code(rejection: Rejection) -> Code {
    match rejection {
        Rejection::Unspecified => Code::Unknown,
        Rejection::UnknownCase | Rejection::UnknownTarget => Code::NotFound,
        Rejection::UnknownAgent | Rejection::NotAllowed | Rejection::NotAdmitted => Code::PermissionDenied,
        Rejection::NotAssignee
        | Rejection::WrongState
        | Rejection::NotSignedIn
        | Rejection::NotReady
        | Rejection::OfferEnded => Code::FailedPrecondition,
        Rejection::AtCapacity | Rejection::Busy => Code::ResourceExhausted,
        Rejection::CaseChanged => Code::Aborted,
        Rejection::AlreadyReported => Code::AlreadyExists,
        Rejection::Invalid | Rejection::Disposition => Code::InvalidArgument,
    }
}

/// An answer with files on a channel that takes none.
pub(crate) fn no_files(channel: Channel) -> Status {
    let name = match channel {
        Channel::X => "X",
        Channel::Facebook => "Facebook",
        _ => "the case's channel",
    };
    Status::failed_precondition(format!(
        "`attachments`: {name} takes no files from here: put the file where the customer can open it and send the link"
    ))
}

/// An answer with a file that nobody uploaded.
pub(crate) fn not_kept(digest: &[u8; 32]) -> Status {
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    Status::failed_precondition(format!(
        "`attachments` names {digest}, and nothing is kept under it: upload the file first, then send the answer"
    ))
}

/// The status of a refusal by the desk's core, with a `Refusal` in its details. `messages` is how many messages of
/// customers the case has now.
pub(crate) fn rejected(event: &CommandRejected, position: u64, messages: u32) -> Status {
    let rejection = event.rejection();
    let refusal = api::Refusal {
        reason: event.rejection,
        detail: event.detail.clone(),
        case: event.case,
        position,
        messages,
    };
    metrics::counter!(crate::metric::REFUSALS, "reason" => rejection.as_str_name()).increment(1);
    let code = code(rejection);
    let message =
        if event.detail.is_empty() { rejection.as_str_name().to_owned() } else { event.detail.clone() };
    let detail = prost_types::Any { type_url: REFUSAL_URL.to_owned(), value: refusal.encode_to_vec() };
    let details = RpcStatus { code: i32::from(code), message: message.clone(), details: vec![detail] };
    Status::with_details(code, message, details.encode_to_vec().into())
}

/// The `Refusal` in a status's details, if there is one.
pub(crate) fn refusal(status: &Status) -> Option<api::Refusal> {
    let details = RpcStatus::decode(status.details()).ok()?;
    let any = details.details.into_iter().find(|any| any.type_url == REFUSAL_URL)?;
    api::Refusal::decode(any.value.as_slice()).ok()
}

/// The log can't be read.
pub(crate) fn log(error: &LogError) -> Status {
    match error {
        LogError::Unavailable { .. } => Status::unavailable(format!("{error}; send the same request again")),
        LogError::Denied { .. } => Status::unavailable(error.to_string()),
        LogError::NoSuchDesk { .. } => Status::not_found(error.to_string()),
        LogError::Misconfigured { .. } | LogError::Trimmed { .. } | LogError::NotTrimmed { .. } => {
            Status::failed_precondition(error.to_string())
        }
        LogError::Broken { .. } => Status::data_loss(error.to_string()),
    }
}

/// The log did not take an input.
pub(crate) fn append(error: &AppendError) -> Status {
    let advice = match error {
        AppendError::TooLarge(_) => "nothing was written; send less",
        AppendError::Refused(_) => "nothing was written; send the same request again",
        AppendError::Unknown(_) => "send the same request again, with the same request id",
    };
    Status::unavailable(format!("the log is away: {error}; {advice}"))
}

/// No decision was seen in time.
pub(crate) fn undecided() -> Status {
    Status::unavailable("decision not seen yet; ask again with the same request id")
}

/// The request id was used for something else.
pub(crate) fn reused() -> Status {
    Status::invalid_argument(
        "`request_id` was used for another request before: choose a new one for a new request",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rejection_has_its_code_and_carries_its_details() {
        let table = [
            (Rejection::Unspecified, Code::Unknown),
            (Rejection::UnknownAgent, Code::PermissionDenied),
            (Rejection::UnknownCase, Code::NotFound),
            (Rejection::UnknownTarget, Code::NotFound),
            (Rejection::NotAllowed, Code::PermissionDenied),
            (Rejection::NotAssignee, Code::FailedPrecondition),
            (Rejection::WrongState, Code::FailedPrecondition),
            (Rejection::NotSignedIn, Code::FailedPrecondition),
            (Rejection::AtCapacity, Code::ResourceExhausted),
            (Rejection::CaseChanged, Code::Aborted),
            (Rejection::Invalid, Code::InvalidArgument),
            (Rejection::Disposition, Code::InvalidArgument),
            (Rejection::NotAdmitted, Code::PermissionDenied),
            (Rejection::NotReady, Code::FailedPrecondition),
            (Rejection::Busy, Code::ResourceExhausted),
            (Rejection::OfferEnded, Code::FailedPrecondition),
        ];
        let known = (0..).map_while(|n| Rejection::try_from(n).ok()).count();
        assert_eq!(table.len(), known, "a rejection without a line here");
        for (number, (rejection, code)) in table.into_iter().enumerate() {
            assert_eq!(rejection as usize, number);
            let event = CommandRejected {
                principal: "sari".into(),
                case: 7,
                rejection: rejection.into(),
                detail: "do this".into(),
            };
            let status = rejected(&event, 42, 3);
            assert_eq!((status.code(), status.message()), (code, "do this"), "{rejection:?}");
            let refusal = refusal(&status).unwrap();
            assert_eq!(refusal.reason, i32::from(rejection));
            assert_eq!((refusal.case, refusal.position, refusal.messages), (7, 42, 3));
        }
    }

    #[test]
    fn a_rejection_without_words_still_says_its_name() {
        let event = CommandRejected { rejection: Rejection::Busy.into(), ..CommandRejected::default() };
        assert_eq!(rejected(&event, 1, 0).message(), "REJECTION_BUSY");
    }

    #[test]
    fn a_log_that_is_away_may_be_tried_again_and_a_broken_one_may_not() {
        let desk = || "tenesa".to_owned();
        let away = log(&LogError::Unavailable { desk: desk(), reason: "no route".into() });
        assert_eq!(away.code(), Code::Unavailable);
        assert!(away.message().contains("same request again"));
        assert_eq!(log(&LogError::NoSuchDesk { desk: desk() }).code(), Code::NotFound);
        assert_eq!(
            log(&LogError::Broken { desk: desk(), seq: 1, reason: "gap".into() }).code(),
            Code::DataLoss
        );
        assert_eq!(append(&AppendError::Unknown("timeout".into())).code(), Code::Unavailable);
    }
}
