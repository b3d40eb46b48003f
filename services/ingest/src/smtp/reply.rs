//! The lines a session answers with: code (RFC 5321 §4.2), enhanced status (RFC 3463), words.

use std::borrow::Cow;

use smtp_proto::Error as SyntaxError;

use super::session::Outcome;
use crate::counters::Reason;

/// Code, enhanced status, words.
pub(super) type Line = (u16, &'static str, Cow<'static, str>);

/// A line as it is sent.
pub(super) fn render((code, status, text): &Line) -> Vec<u8> {
    format!("{code} {status} {text}\r\n").into_bytes()
}

/// Why a command was refused, for the counter.
pub(super) fn reason_of(code: u16) -> Reason {
    match code {
        550 => Reason::UnknownAccount,
        552 => Reason::TooLarge,
        _ => Reason::Invalid,
    }
}

/// Of several outcomes the one with the most is told.
pub(super) fn severity(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Accepted => 0,
        Outcome::TooLarge => 1,
        Outcome::Later => 2,
    }
}

/// What a message is answered with.
pub(super) fn outcome_line(outcome: Outcome) -> Line {
    match outcome {
        Outcome::Accepted => (250, "2.0.0", "accepted".into()),
        Outcome::Later => (451, "4.3.0", "the log can't be reached, send it again later".into()),
        Outcome::TooLarge => (552, "5.3.4", "the message is too large".into()),
    }
}

/// What a line that is no command is answered with.
pub(super) fn syntax_line(error: &SyntaxError) -> Line {
    match error {
        SyntaxError::UnknownCommand => (500, "5.5.1", "unknown command".into()),
        SyntaxError::InvalidSenderAddress => (501, "5.1.7", "the sender's address can't be read".into()),
        SyntaxError::InvalidRecipientAddress => {
            (501, "5.1.3", "the recipient's address can't be read".into())
        }
        SyntaxError::SyntaxError { syntax } => (501, "5.5.4", format!("syntax: {syntax}").into()),
        SyntaxError::InvalidParameter { param } => (501, "5.5.4", format!("{param} can't be read").into()),
        SyntaxError::UnsupportedParameter { .. } => (555, "5.5.4", "unknown parameter".into()),
        SyntaxError::NeedsMoreData { .. }
        | SyntaxError::ResponseTooLong
        | SyntaxError::InvalidResponse { .. } => (501, "5.5.2", "the line can't be read".into()),
    }
}
