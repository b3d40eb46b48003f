//! What commands with a person's words ask: notes, replies, dispositions, escalations. The words go sealed into a
//! field of their own, which no decision reads.

use prost::Message;
use simpang_proto::agent::v1 as api;
use simpang_proto::log::v1::command::Body;
use simpang_proto::log::v1::{self as log, InputId, Sealed, Sealing, TextContent};

use super::case::on_case;
use crate::check::{self, Invalid, LIST_MAX};
use crate::command::{Ask, Head};

/// Files of one answer.
const FILES_MAX: usize = 20;
/// Their bytes together: as base64 and with the text under the 25 MB that mail servers commonly take.
const FILES_BYTES_MAX: u64 = 18 << 20;

impl Ask for api::AddNoteRequest {
    const METHOD: &'static str = "simpang.agent.v1.Agent/AddNote";

    fn head(&self) -> Head<'_> {
        on_case(&self.desk, &self.request_id, self.case, 0)
    }

    fn body(self) -> Result<Body, Invalid> {
        check::text("text", &self.text, 1)?;
        Ok(Body::Note(log::Note { content: words(self.text), coaching: self.coaching }))
    }
}

impl Ask for api::ReplyRequest {
    const METHOD: &'static str = "simpang.agent.v1.Agent/Reply";

    fn head(&self) -> Head<'_> {
        on_case(&self.desk, &self.request_id, self.case, self.seen_messages)
    }

    fn body(self) -> Result<Body, Invalid> {
        check::text("text", &self.text, 1)?;
        check::chars("subject", &self.subject, 0, 500)?;
        check::path("category", &self.category, 0)?;
        let content = TextContent {
            text: self.text,
            subject: self.subject,
            fields: fields(self.fields)?,
            attachments: attachments(self.attachments)?,
        };
        let to = self.to.unwrap_or_default();
        Ok(Body::Reply(log::Reply {
            kind: check::named_or_none::<api::ReplyKind>("kind", self.kind)?,
            content: seal(&content),
            to: Some(InputId { seq: to.seq, index: to.index }),
            category: self.category,
            resolve: self.resolve,
        }))
    }
}

impl Ask for api::DisposeRequest {
    const METHOD: &'static str = "simpang.agent.v1.Agent/Dispose";

    fn head(&self) -> Head<'_> {
        on_case(&self.desk, &self.request_id, self.case, self.seen_messages)
    }

    fn body(self) -> Result<Body, Invalid> {
        check::path("path", &self.path, 1)?;
        check::text("remark", &self.remark, 0)?;
        if self.again_at_ms < 0 {
            return Err(Invalid::new("again_at_ms", "has to be ms since 1970 UTC, or 0 for none"));
        }
        let answered = check::named_or_none::<api::Answered>("answered", self.answered)?;
        let fields = fields(self.fields)?;
        let filled = fields.iter().filter(|field| !field.value.trim().is_empty());
        let mut filled: Vec<String> = filled.map(|field| field.name.clone()).collect();
        filled.sort();
        let content = TextContent { text: self.remark, fields, ..TextContent::default() };
        Ok(Body::Disposition(log::Disposition {
            path: self.path,
            content: seal(&content),
            filled,
            again_at_ms: self.again_at_ms,
            answered,
            dialled: self.dialled,
        }))
    }
}

impl Ask for api::EscalateRequest {
    const METHOD: &'static str = "simpang.agent.v1.Agent/Escalate";

    fn head(&self) -> Head<'_> {
        on_case(&self.desk, &self.request_id, self.case, self.seen_messages)
    }

    fn body(self) -> Result<Body, Invalid> {
        check::chars("step", &self.step, 0, 64)?;
        check::text("text", &self.text, 0)?;
        Ok(Body::Escalate(log::Escalate { step: self.step, content: words(self.text) }))
    }
}

impl Ask for api::TransferRequest {
    const METHOD: &'static str = "simpang.agent.v1.Agent/Transfer";

    fn head(&self) -> Head<'_> {
        on_case(&self.desk, &self.request_id, self.case, self.seen_messages)
    }

    fn body(self) -> Result<Body, Invalid> {
        use api::transfer_request::Target;
        check::text("text", &self.text, 0)?;
        if self.last && !matches!(self.target, Some(Target::Queue(_))) {
            return Err(Invalid::new("last", "goes with `queue` only"));
        }
        let content = words(self.text);
        let mut transfer = log::Transfer { content, last: self.last, ..log::Transfer::default() };
        match self.target {
            None => return Err(Invalid::new("target", "is missing: set `queue`, `agent` or `to_desk`")),
            Some(Target::Queue(queue)) => transfer.queue = target("queue", queue)?,
            Some(Target::Agent(agent)) => transfer.agent = target("agent", agent)?,
            Some(Target::ToDesk(desk)) => transfer.desk = target("to_desk", desk)?,
        }
        Ok(Body::Transfer(transfer))
    }
}

fn target(field: &str, name: String) -> Result<String, Invalid> {
    check::chars(field, &name, 1, 64)?;
    Ok(name)
}

/// Form fields, each name once.
pub(super) fn fields(fields: Vec<api::Field>) -> Result<Vec<log::Attribute>, Invalid> {
    check::count("fields", fields.len(), 0, LIST_MAX)?;
    check::once("fields", fields.iter().map(|field| &field.name))?;
    for field in &fields {
        check::chars("fields.name", &field.name, 1, 100)?;
        if field.value.len() > 4_096 {
            let reason = format!("has {} bytes, at most 4096 are taken", field.value.len());
            return Err(Invalid::new(format_args!("fields.{}", field.name), reason));
        }
    }
    Ok(fields.into_iter().map(|field| log::Attribute { name: field.name, value: field.value }).collect())
}

/// Files of an answer; that they are kept is looked up later.
fn attachments(files: Vec<api::ReplyAttachment>) -> Result<Vec<log::Attachment>, Invalid> {
    check::count("attachments", files.len(), 0, FILES_MAX)?;
    let bytes: u64 = files.iter().fold(0, |sum, file| sum.saturating_add(file.size));
    if bytes > FILES_BYTES_MAX {
        let reason =
            format!("have {bytes} bytes together, at most {FILES_BYTES_MAX} are taken: send a link instead");
        return Err(Invalid::new("attachments", reason));
    }
    files.into_iter().map(attachment).collect()
}

fn attachment(file: api::ReplyAttachment) -> Result<log::Attachment, Invalid> {
    if file.digest.len() != 32 {
        let reason = "has to be the 32 bytes that the upload answered";
        return Err(Invalid::new("attachments.digest", reason));
    }
    // What stands before a slash is somebody's folder.
    let name = file.name.rsplit(['/', '\\']).next().unwrap_or_default().trim().to_owned();
    check::chars("attachments.name", &name, 1, 200)?;
    check::chars("attachments.media_type", &file.media_type, 0, 200)?;
    if name.chars().chain(file.media_type.chars()).any(char::is_control) {
        return Err(Invalid::new("attachments", "has a name or media type with control characters"));
    }
    let media_type = match file.media_type.trim() {
        "" => "application/octet-stream".to_owned(),
        named => named.to_lowercase(),
    };
    let (digest, size) = (file.digest.into(), file.size);
    Ok(log::Attachment { name, media_type, size, digest, url: String::new() })
}

/// A text alone; nothing for an empty one.
fn words(text: String) -> Option<Sealed> {
    if text.is_empty() { None } else { seal(&TextContent { text, ..TextContent::default() }) }
}

fn seal(content: &TextContent) -> Option<Sealed> {
    Some(Sealed { sealing: Sealing::None.into(), body: content.encode_to_vec().into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str, value: &str) -> api::Field {
        api::Field { name: name.into(), value: value.into() }
    }

    #[test]
    fn a_disposition_names_the_fields_that_are_filled_in_and_seals_their_values() {
        let request = api::DisposeRequest {
            path: vec!["Contacted".into()],
            remark: "done".into(),
            fields: vec![field("nomor tiket", "IN1"), field("login", " "), field("jastel", "122")],
            ..api::DisposeRequest::default()
        };
        let Body::Disposition(disposition) = request.body().unwrap() else { panic!("another command") };
        assert_eq!(disposition.filled, ["jastel", "nomor tiket"]);
        let content = TextContent::decode(disposition.content.unwrap().body).unwrap();
        assert_eq!(content.text, "done");
        assert_eq!(content.fields.len(), 3, "what was typed is kept, blank or not");
    }

    #[test]
    fn a_replys_files_have_a_digest_a_name_without_a_path_and_a_size_that_mail_takes() {
        let file = |name: &str, size| api::ReplyAttachment {
            digest: vec![7; 32],
            name: name.into(),
            media_type: String::new(),
            size,
        };
        let taken = attachments(vec![file("C:\\rina\\tagihan.pdf", 5)]).unwrap();
        assert_eq!(
            (taken[0].name.as_str(), taken[0].media_type.as_str()),
            ("tagihan.pdf", "application/octet-stream")
        );
        assert!(attachments(vec![api::ReplyAttachment { digest: vec![7; 31], ..file("a", 1) }]).is_err());
        for name in ["", "a/", "a\r\nBcc: x"] {
            assert!(attachments(vec![file(name, 1)]).is_err(), "{name:?}");
        }
        assert!(attachments(vec![file("a", 9 << 20), file("b", (9 << 20) + 1)]).is_err());
        assert!(attachments(vec![file("a", u64::MAX), file("b", u64::MAX)]).is_err());
        assert!(attachments(vec![file("a", 1); 21]).is_err());
    }

    #[test]
    fn fields_have_each_name_once() {
        assert!(fields(vec![field("a", "1"), field("a", "2")]).is_err());
        assert!(fields(vec![field("", "1")]).is_err());
        assert!(fields(vec![field("a", &"x".repeat(4_097))]).is_err());
    }

    #[test]
    fn a_transfer_without_a_target_is_refused() {
        assert!(api::TransferRequest::default().body().is_err());
        let target = Some(api::transfer_request::Target::Queue(String::new()));
        assert!(api::TransferRequest { target, ..api::TransferRequest::default() }.body().is_err());
    }
}
