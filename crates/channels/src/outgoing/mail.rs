//! Answers by mail: header fields, and what an SMTP reply means.

use super::{Answer, reason};
use crate::email::ids;
use crate::email::subject;

/// Header fields of an answer that tie it to what it answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplyHeaders {
    /// `Subject`.
    pub subject: String,
    /// `Message-ID`, in angle brackets.
    pub message_id: String,
    /// `In-Reply-To`, in angle brackets; empty when the mail answered had no id.
    pub in_reply_to: String,
    /// `References`, ids in angle brackets with a blank between; empty when there are none.
    pub references: String,
}

/// Most ids of a References field; the first and the latest stay.
const REFERENCES_MAX: usize = 20;

/// The header fields of an answer. `subject` is the customer's, `references` and `source_id` those of the message
/// answered, `message_id` ours without angle brackets (see [`crate::email::SignedRef::message_id`]).
#[must_use]
pub fn reply_headers(
    subject: &str,
    source_id: &str,
    references: &[String],
    message_id: &str,
) -> ReplyHeaders {
    // A digest stands in for an id that the mail did not have; nobody else knows it.
    let answered = ids::message_id(source_id).filter(|id| !id.starts_with("sha256:"));
    let mut chain: Vec<String> = references.iter().flat_map(|r| ids::tokens(r)).collect();
    if let Some(id) = &answered {
        chain.retain(|known| known != id);
        chain.push(id.clone());
    }
    if chain.len() > REFERENCES_MAX {
        chain.drain(1..=chain.len() - REFERENCES_MAX);
    }
    let bracketed: Vec<String> = chain.iter().map(|id| format!("<{id}>")).collect();
    ReplyHeaders {
        subject: subject::answer(subject),
        message_id: format!("<{message_id}>"),
        in_reply_to: answered.map(|id| format!("<{id}>")).unwrap_or_default(),
        references: bracketed.join(" "),
    }
}

/// What an SMTP reply to the end of the data means (RFC 5321 section 4.2.1).
#[must_use]
pub fn read_answer(code: u16, text: &str, message_id: &str) -> Answer {
    let reason = reason(&format!("SMTP {code} {text}"));
    match code {
        200..=299 => Answer::Delivered { id: message_id.to_owned() },
        400..=499 => Answer::Retry { after_ms: None, reason },
        500..=599 => Answer::Refused { reason },
        _ => Answer::Unknown { reason },
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, read_answer, reply_headers};

    #[test]
    fn an_answer_cites_its_thread() {
        let references = ["<a@x>".to_owned(), "<b@x>".to_owned()];
        let headers = reply_headers("RE: Tagihan", "b@x", &references, "case.d.1.n.00@us");
        assert_eq!(headers.subject, "Re: Tagihan");
        assert_eq!(headers.in_reply_to, "<b@x>");
        assert_eq!(headers.references, "<a@x> <b@x>");
        assert_eq!(headers.message_id, "<case.d.1.n.00@us>");
    }

    #[test]
    fn a_long_thread_keeps_its_first_and_latest_ids() {
        let references: Vec<String> = (0..50).map(|n| format!("<{n}@x>")).collect();
        let headers = reply_headers("s", "49@x", &references, "m@us");
        assert_eq!(headers.references.split(' ').count(), 20);
        assert!(headers.references.starts_with("<0@x> <31@x>") && headers.references.ends_with("<49@x>"));
    }

    #[test]
    fn a_mail_without_an_id_is_answered_without_a_thread() {
        let headers = reply_headers("s", "sha256:00ff", &[], "m@us");
        assert_eq!((headers.in_reply_to.as_str(), headers.references.as_str()), ("", ""));
    }

    #[test]
    fn smtp_codes_mean_what_the_standard_says() {
        assert_eq!(read_answer(250, "ok", "m@us"), Answer::Delivered { id: "m@us".into() });
        assert!(matches!(read_answer(451, "later", ""), Answer::Retry { after_ms: None, .. }));
        assert!(matches!(read_answer(550, "no", ""), Answer::Refused { .. }));
        assert!(matches!(read_answer(0, "?", ""), Answer::Unknown { .. }));
    }
}
