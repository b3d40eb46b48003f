//! Mail as a receiver sees it, and what a mail server's answers mean.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::smtp::{Mail, Mood, Sink};
use common::{Case, Desk, file, keyer, mail_case, start};
use mail_parser::{HeaderValue, Message, MessageParser, MimeHeaders};
use prost::Message as _;
use simpang_channels::email::SignedRef;
use simpang_log::{Door, LogStore, MemoryStore};
use simpang_proto::log::v1::{self, DeliveryKind, DeliveryOutcome, ReplyKind};

const POLICY: &str = r#"
[desk]
signature = "Salam,\nTENESA"
[defaults]
priority = "normal"
[[priority]]
name = "normal"
[[queue]]
name = "all"
[[template]]
name = "received"
subject = "Kasus {{case}} kami terima"
text = "Yth. {{customer}}, pesan Anda di {{account}} kami terima."
[[template]]
name = "tell"
text = "Kasus {{case}} dari {{desk}}: {{text}}"
[[group]]
name = "leaders"
mailbox = "leaders@tenesa.example"
[[rule]]
name = "everything"
when = "true"
queue = "all"
"#;

/// Applies the policy of these tests.
async fn apply_policy(desk: &Desk) {
    apply(desk, POLICY).await;
}

async fn apply(desk: &Desk, policy: &str) {
    let file = |path: &str, text: &str| v1::PolicyFile { path: path.into(), text: text.into() };
    let manifest = "name = \"test\"\nversion = 1\ndesks = [\"tenesa\"]\n";
    let files = vec![file("desks/tenesa.toml", policy), file("policy.toml", manifest)];
    let document = v1::PolicyDocument { version: 1, files, ..Default::default() };
    let cause = desk.bring(Door::Gateway, v1::input::Body::Policy(document)).await;
    let applied = v1::PolicyApplied { version: 1, ..Default::default() };
    desk.commit(vec![common::happened(cause, 1, v1::event::Body::PolicyApplied(applied))]).await;
}

/// What one delivery of a mail case becomes.
async fn deliver(desk: &Desk, sink: &Sink) -> v1::DeliveryReport {
    desk.judge();
    let deliver = start(desk, sink.channels()).await;
    let report = desk.reported(1).await.remove(0);
    deliver.stop().await;
    report
}

fn parsed(mail: &Mail) -> Message<'_> {
    MessageParser::default().parse(&mail.bytes).unwrap()
}

fn raw_header<'m>(message: &'m Message<'_>, name: &'static str) -> &'m str {
    match message.header(name) {
        Some(HeaderValue::Text(text)) => text,
        other => panic!("{name}: {other:?}"),
    }
}

#[tokio::test]
async fn a_reply_cites_its_thread_names_its_case_and_is_no_automatic_mail() {
    let desk = Desk::new(&MemoryStore::new(), "tenesa");
    let sink = Sink::start(Mood::Fine).await;
    apply_policy(&desk).await;
    let case = mail_case();
    let to = case.arrive(&desk).await;
    let delivery =
        case.reply(&desk, to, ReplyKind::Normal, "Sudah kami koreksi – terima kasih.\n.titik").await;
    let report = deliver(&desk, &sink).await;
    assert_eq!((report.outcome(), report.detail.as_str()), (DeliveryOutcome::Delivered, "250 accepted"));

    let mail = sink.mails().remove(0);
    assert_eq!(
        (mail.from.as_str(), mail.to.clone()),
        ("cs@tenesa.example", vec!["budi@pelanggan.example".into()])
    );
    let message = parsed(&mail);
    assert_eq!(message.subject(), Some("Re: [#41] Tagihan bulan ini – dobel?"));
    let recipient = message.to().unwrap().first().unwrap();
    assert_eq!(
        (recipient.name(), recipient.address()),
        (Some("Budi Santoso"), Some("budi@pelanggan.example"))
    );
    assert_eq!(message.in_reply_to().as_text(), Some("abc.123@pelanggan.example"));
    let references = message.references().as_text_list().unwrap().to_vec();
    assert_eq!(references, ["first@pelanggan.example", "abc.123@pelanggan.example"]);
    assert_eq!(raw_header(&message, "Auto-Submitted"), "no");
    assert!(message.header("X-Loop").is_none(), "a person wrote it");
    assert!(message.date().is_some());
    let text = message.body_text(0).unwrap().replace("\r\n", "\n");
    let (ours, quoted) = text.split_once("\n\nOn ").unwrap();
    assert_eq!(ours, "Sudah kami koreksi – terima kasih.\n.titik\n\nSalam,\nTENESA");
    let (date, quoted) = quoted.split_once(", ").unwrap();
    assert!(date.starts_with("20") && date.ends_with(" UTC"), "{date}");
    assert_eq!(quoted.trim_end(), "Budi Santoso wrote:\n> Kenapa tagihan saya dobel?");

    let id = message.message_id().unwrap();
    assert_eq!(report.source_id, id);
    assert_eq!(report.source[..], keyer().thread("email", id));
    let reference = SignedRef::parse_message_id(id).unwrap();
    assert_eq!((reference.desk.as_str(), reference.case), ("tenesa", 41));
    assert!(reference.carries(&keyer().case_signature("tenesa", 41)), "the door takes it for ours");
    let input = delivery.input.unwrap();
    assert_eq!(reference.nonce, format!("{}-{}-0", input.seq, input.index), "the same for each attempt");
    assert!(id.ends_with("@tenesa.example"));
}

/// The text of a reply under this policy to a customer who wrote this, after these events about what they wrote.
async fn reply_to(
    policy: &str,
    content: v1::MessageContent,
    then: impl FnOnce(v1::InputId) -> Vec<v1::Event>,
) -> String {
    let desk = Desk::new(&MemoryStore::new(), "tenesa");
    let sink = Sink::start(Mood::Fine).await;
    apply(&desk, policy).await;
    let case = Case { content, ..mail_case() };
    let to = case.arrive(&desk).await;
    let opened = v1::CaseOpened { case: case.number, ..Default::default() };
    desk.commit(vec![common::happened(to, 1, v1::event::Body::CaseOpened(opened))]).await;
    case.reply(&desk, to, ReplyKind::Normal, "Halo").await;
    desk.commit(then(to)).await;
    assert_eq!(deliver(&desk, &sink).await.outcome(), DeliveryOutcome::Delivered);
    let mail = sink.mails().remove(0);
    parsed(&mail).body_text(0).unwrap().replace("\r\n", "\n").trim_end().to_owned()
}

#[tokio::test]
async fn an_answer_quotes_the_new_text_in_the_desks_words_or_not_at_all() {
    let long = "panjang ".repeat(300);
    let content = v1::MessageContent {
        from_name: String::new(),
        text: format!("Baris satu\n\n{long}\n> lama"),
        full_text: "semuanya".into(),
        ..mail_case().content
    };
    let words = POLICY.replace("[defaults]", "quote = \"{{customer}} menulis:\"\n[defaults]");
    let text = reply_to(&words, content.clone(), |_| Vec::new()).await;
    let quoted = format!("budi@pelanggan.example menulis:\n> Baris satu\n>\n> {long}\n>> lama");
    assert_eq!(text, format!("Halo\n\nSalam,\nTENESA\n\n{quoted}"));

    let none = POLICY.replace("[defaults]", "quote = \"none\"\n[defaults]");
    assert_eq!(reply_to(&none, content, |_| Vec::new()).await, "Halo\n\nSalam,\nTENESA");
}

#[tokio::test]
async fn what_the_customer_took_back_is_not_quoted_and_what_they_edited_is_quoted_as_it_stands() {
    let removed = |to| {
        let removed = v1::MessageRemoved { case: 41, message: Some(to), part: 0 };
        vec![common::happened(to, 1, v1::event::Body::MessageRemoved(removed))]
    };
    let text = reply_to(POLICY, mail_case().content, removed).await;
    assert_eq!(text, "Halo\n\nSalam,\nTENESA");

    let desk = Desk::new(&MemoryStore::new(), "tenesa");
    let sink = Sink::start(Mood::Fine).await;
    apply_policy(&desk).await;
    let case = mail_case();
    let to = case.arrive(&desk).await;
    let opened = v1::CaseOpened { case: case.number, ..Default::default() };
    let mut edit = mail_case();
    edit.content.text = "Sudah beres".into();
    let by = edit.arrive(&desk).await;
    let edited = v1::MessageEdited { case: case.number, message: Some(to), part: 0 };
    desk.commit(vec![
        common::happened(to, 1, v1::event::Body::CaseOpened(opened)),
        common::happened(by, 1, v1::event::Body::MessageEdited(edited)),
    ])
    .await;
    case.reply(&desk, to, ReplyKind::Normal, "Halo").await;
    assert_eq!(deliver(&desk, &sink).await.outcome(), DeliveryOutcome::Delivered);
    let mail = sink.mails().remove(0);
    let text = parsed(&mail).body_text(0).unwrap().into_owned();
    assert!(text.contains("> Sudah beres") && !text.contains("dobel"), "{text}");
}

#[tokio::test]
async fn what_was_read_again_is_quoted_as_it_is_read_now() {
    let desk = Desk::new(&MemoryStore::new(), "tenesa");
    let sink = Sink::start(Mood::Fine).await;
    apply_policy(&desk).await;
    let case = mail_case();
    let to = case.arrive(&desk).await;
    let opened = v1::CaseOpened { case: case.number, ..Default::default() };
    let content = v1::MessageContent { text: "Kenapa tagihan saya naik?".into(), ..case.content.clone() };
    let content =
        Some(v1::Sealed { sealing: v1::Sealing::None.into(), body: content.encode_to_vec().into() });
    let reread =
        v1::Reread { message: Some(to), of: Some(to), case: case.number, content, ..Default::default() };
    let by = desk.bring(Door::Ingest, v1::input::Body::Reread(reread)).await;
    let reread = v1::MessageReread { case: case.number, message: Some(to), part: 0 };
    desk.commit(vec![
        common::happened(to, 1, v1::event::Body::CaseOpened(opened)),
        common::happened(by, 1, v1::event::Body::MessageReread(reread)),
    ])
    .await;
    case.reply(&desk, to, ReplyKind::Normal, "Halo").await;
    assert_eq!(deliver(&desk, &sink).await.outcome(), DeliveryOutcome::Delivered);
    let mail = sink.mails().remove(0);
    let text = parsed(&mail).body_text(0).unwrap().into_owned();
    assert!(text.contains("> Kenapa tagihan saya naik?") && !text.contains("dobel"), "{text}");
}

#[tokio::test]
async fn a_forward_that_waits_is_not_sent_once_the_customer_took_the_message_back() {
    let store = MemoryStore::new();
    let desk = Desk::new(&store, "tenesa");
    let sink = Sink::start(Mood::Fine).await;
    let digest = simpang_log::chain::digest(RAW);
    store.put_raw(digest, RAW.into()).await.unwrap();
    let case = Case { raw_digest: digest.to_vec(), ..mail_case() };
    let to = case.arrive(&desk).await;
    let opened = v1::CaseOpened { case: case.number, ..Default::default() };
    desk.commit(vec![common::happened(to, 1, v1::event::Body::CaseOpened(opened))]).await;
    let by = ("", "dcs@mitra.example");
    case.queue(&desk, to, to, DeliveryKind::Forward, ReplyKind::Unspecified, by).await;
    let removed = v1::MessageRemoved { case: case.number, message: Some(to), part: 0 };
    desk.commit(vec![common::happened(to, 1, v1::event::Body::MessageRemoved(removed))]).await;
    let report = deliver(&desk, &sink).await;
    let expected = (DeliveryOutcome::Refused, "the customer withdrew the message");
    assert_eq!((report.outcome(), report.detail.as_str()), expected);
    assert!(sink.mails().is_empty());
}

#[tokio::test]
async fn an_acknowledgement_and_an_answer_by_a_rule_are_marked_as_automatic_and_start_no_loop() {
    for kind in [DeliveryKind::Acknowledgement, DeliveryKind::Template] {
        answers_by_itself(kind).await;
    }
}

/// Whether our own door, told nothing else, knows by its marks that we sent this mail.
fn is_ours(mail: &Mail) -> bool {
    let read = simpang_channels::email::parse(&mail.bytes, &Default::default());
    let signature = keyer().case_signature("tenesa", 41);
    !read.own.is_empty() && read.own.iter().all(|own| own.desk == "tenesa" && own.carries(&signature))
}

async fn answers_by_itself(kind: DeliveryKind) {
    let desk = Desk::new(&MemoryStore::new(), "tenesa");
    let sink = Sink::start(Mood::Fine).await;
    apply_policy(&desk).await;
    let case = mail_case();
    let to = case.arrive(&desk).await;
    case.queue(&desk, to, to, kind, ReplyKind::Unspecified, ("received", "")).await;
    assert_eq!(deliver(&desk, &sink).await.outcome(), DeliveryOutcome::Delivered);
    let mail = sink.mails().remove(0);
    assert_eq!(mail.from, "", "nobody answers its bounce");
    let message = parsed(&mail);
    assert_eq!(raw_header(&message, "Auto-Submitted"), "auto-replied");
    assert_eq!(message.subject(), Some("[#41] Kasus 41 kami terima"));
    let text = message.body_text(0).unwrap();
    assert_eq!(text.trim_end(), "Yth. Budi Santoso, pesan Anda di cs@tenesa.example kami terima.");
    let read = simpang_channels::email::parse(&mail.bytes, &Default::default());
    assert!(read.automatic, "our own door would not answer it either");
    assert_eq!(raw_header(&message, "X-Loop"), message.message_id().unwrap());
    assert!(is_ours(&mail));
}

/// What a reply with these files becomes; those that are kept are.
async fn reply_with(files: Vec<v1::Attachment>, kept: &[&'static [u8]]) -> (v1::DeliveryReport, Vec<Mail>) {
    let store = MemoryStore::new();
    for bytes in kept {
        store.put_raw(simpang_log::chain::digest(bytes), (*bytes).into()).await.unwrap();
    }
    let desk = Desk::new(&store, "tenesa");
    let sink = Sink::start(Mood::Fine).await;
    let case = mail_case();
    let to = case.arrive(&desk).await;
    case.reply_with(&desk, to, ReplyKind::Normal, "Terlampir.", files).await;
    let report = deliver(&desk, &sink).await;
    (report, sink.mails())
}

#[tokio::test]
async fn a_reply_carries_its_files_byte_for_byte_as_parts_of_the_mail() {
    let pdf: &[u8] = b"%PDF\r\n.\r\n\x00\xff\r.\n";
    let note: &[u8] = b"From here\n.\nto there";
    let files = vec![
        file("tagihan – Juli.pdf", "application/pdf", pdf),
        file("catatan.txt", "text/plain", note),
        file("aneh", "multipart/mixed; boundary=x", note),
        file("rusak", "no type\r\nBcc: a@b.example", note),
    ];
    let (report, mails) = reply_with(files, &[pdf, note]).await;
    assert_eq!(report.outcome(), DeliveryOutcome::Delivered, "{}", report.detail);
    let message = parsed(&mails[0]);
    assert_eq!(message.body_text(0).unwrap().trim_end(), "Terlampir.");
    assert_eq!(message.attachment_count(), 4);
    let part = |index| {
        let part = message.attachment(index).unwrap();
        let kind = part.content_type().unwrap();
        let kind = format!("{}/{}", kind.ctype(), kind.subtype().unwrap());
        (part.attachment_name().unwrap().to_owned(), kind, part.contents().to_vec())
    };
    assert_eq!(part(0), ("tagihan – Juli.pdf".into(), "application/pdf".into(), pdf.to_vec()));
    assert_eq!(part(1), ("catatan.txt".into(), "text/plain".into(), note.to_vec()));
    assert_eq!(part(2), ("aneh".into(), "application/octet-stream".into(), note.to_vec()));
    assert_eq!(part(3), ("rusak".into(), "application/octet-stream".into(), note.to_vec()));
    assert!(message.header("Bcc").is_none());
    assert_eq!(
        message.in_reply_to().as_text(),
        Some("abc.123@pelanggan.example"),
        "in the thread all the same"
    );
}

#[tokio::test]
async fn a_reply_whose_file_is_not_kept_or_too_large_is_refused_and_nothing_is_sent() {
    let (report, mails) = reply_with(vec![file("a.pdf", "application/pdf", b"gone")], &[]).await;
    assert_eq!(report.outcome(), DeliveryOutcome::Refused);
    assert!(report.detail.contains("not kept") && mails.is_empty(), "{}", report.detail);
    static LARGE: [u8; 10 << 20] = [0; 10 << 20];
    let files = vec![file("a", "", &LARGE), file("b", "", &LARGE)];
    let (report, mails) = reply_with(files, &[&LARGE]).await;
    assert_eq!(report.outcome(), DeliveryOutcome::Refused);
    assert!(report.detail.contains("together") && mails.is_empty(), "{}", report.detail);
}

const RAW: &[u8] =
    b"From: Budi <budi@pelanggan.example>\r\nSubject: Tagihan\r\nMessage-ID: <r@p.example>\r\n\
\r\nLampiran asli.\r\n.titik di depan\r\n";

async fn forwarded(raw: &'static [u8], mood: Mood) -> Mail {
    let store = MemoryStore::new();
    let desk = Desk::new(&store, "tenesa");
    let sink = Sink::start(mood).await;
    let digest = simpang_log::chain::digest(raw);
    store.put_raw(digest, raw.into()).await.unwrap();
    let case = Case { raw_digest: digest.to_vec(), ..mail_case() };
    let to = case.arrive(&desk).await;
    let by = ("", "dcs@mitra.example");
    case.queue(&desk, to, to, DeliveryKind::Forward, ReplyKind::Unspecified, by).await;
    assert_eq!(deliver(&desk, &sink).await.outcome(), DeliveryOutcome::Delivered);
    sink.mails().remove(0)
}

#[tokio::test]
async fn a_forward_encloses_the_customers_mail_byte_for_byte() {
    let mail = forwarded(RAW, Mood::Fine).await;
    assert_eq!(mail.to, ["dcs@mitra.example"]);
    let message = parsed(&mail);
    assert_eq!(message.subject(), Some("Fwd: Tagihan bulan ini – dobel?"));
    assert_eq!(raw_header(&message, "Auto-Submitted"), "auto-generated");
    assert!(message.header("In-Reply-To").is_none(), "another person's thread");
    assert!(is_ours(&mail), "a mailbox that redirects it brings it back as ours");
    let id = message.message_id().unwrap().to_owned();
    let own_id = format!("Message-ID: <{id}>");
    let again = String::from_utf8(mail.bytes.clone()).unwrap();
    assert!(again.contains(&own_id), "{again}");
    let again =
        Mail { bytes: again.replace(&own_id, "Message-ID: <anew@mitra.example>").into(), ..mail.clone() };
    assert!(is_ours(&again), "and so does one that sends it anew");
    let written = message.body_text(0).unwrap();
    let anew = format!("From: <dcs@mitra.example>\r\nMessage-ID: <x@y>\r\n\r\n{written}");
    let read = simpang_channels::email::parse(anew.as_bytes(), &Default::default());
    assert_eq!(
        read.signed.iter().map(|r| r.case).collect::<Vec<_>>(),
        [41],
        "its text alone leads to its case"
    );
    assert!(read.own.is_empty());
    let enclosed = message.attachment(0).unwrap();
    let kind = enclosed.content_type().unwrap();
    assert_eq!((kind.ctype(), kind.subtype()), ("message", Some("rfc822")));
    let text = String::from_utf8(mail.bytes.clone()).unwrap();
    assert!(text.contains(std::str::from_utf8(RAW).unwrap()), "{text}");
}

#[tokio::test]
async fn nothing_is_sent_to_the_mailbox_that_it_came_from() {
    let desk = Desk::new(&MemoryStore::new(), "tenesa");
    let sink = Sink::start(Mood::Fine).await;
    let case = mail_case();
    let to = case.arrive(&desk).await;
    let by = ("", "Budi@Pelanggan.example");
    case.queue(&desk, to, to, DeliveryKind::Forward, ReplyKind::Unspecified, by).await;
    let report = deliver(&desk, &sink).await;
    assert_eq!(report.outcome(), DeliveryOutcome::Refused);
    assert!(report.detail.contains("circle") && sink.mails().is_empty(), "{}", report.detail);
}

#[tokio::test]
async fn a_forward_that_mail_can_not_carry_plainly_is_enclosed_as_a_file() {
    let eight_bit: &[u8] = "Subject: é\r\n\r\nisi é\r\n".as_bytes();
    let plainly = forwarded(eight_bit, Mood::Fine).await;
    let kind = |mail: &Mail| {
        let message = parsed(mail);
        let part = message.attachment(0).unwrap();
        let kind = part.content_type().unwrap();
        (format!("{}/{}", kind.ctype(), kind.subtype().unwrap()), part.contents().to_vec())
    };
    assert_eq!(kind(&plainly).0, "message/rfc822");
    let (media_type, bytes) = kind(&forwarded(eight_bit, Mood::SevenBit).await);
    assert_eq!((media_type.as_str(), bytes.as_slice()), ("application/octet-stream", eight_bit));
}

#[tokio::test]
async fn a_post_that_is_forwarded_goes_as_text_from_the_mailbox_for_notices() {
    let desk = Desk::new(&MemoryStore::new(), "tenesa");
    let sink = Sink::start(Mood::Fine).await;
    let content = v1::MessageContent {
        from_name: "Siti".into(),
        from_address: "siti".into(),
        full_text: "@TelkomCare internet mati".into(),
        permalink: "https://x.com/siti/status/9".into(),
        ..Default::default()
    };
    let case = Case { channel: v1::Channel::X, account: "telkomcare".into(), content, ..mail_case() };
    let to = case.arrive(&desk).await;
    let by = ("", "dcs@mitra.example");
    case.queue(&desk, to, to, DeliveryKind::Forward, ReplyKind::Unspecified, by).await;
    assert_eq!(deliver(&desk, &sink).await.outcome(), DeliveryOutcome::Delivered);
    let mail = sink.mails().remove(0);
    assert_eq!(mail.from, "notices@tenesa.example");
    let text = parsed(&mail).body_text(0).unwrap().into_owned();
    assert!(text.contains("internet mati") && text.contains("https://x.com/siti/status/9"), "{text}");
}

#[tokio::test]
async fn a_group_is_told_by_mail() {
    let desk = Desk::new(&MemoryStore::new(), "tenesa");
    let sink = Sink::start(Mood::Fine).await;
    apply_policy(&desk).await;
    let case = mail_case();
    let to = case.arrive(&desk).await;
    let by = ("tell", "leaders");
    case.queue(&desk, to, to, DeliveryKind::Notification, ReplyKind::Unspecified, by).await;
    assert_eq!(deliver(&desk, &sink).await.outcome(), DeliveryOutcome::Delivered);
    let mail = sink.mails().remove(0);
    assert_eq!(mail.to, ["leaders@tenesa.example"]);
    let message = parsed(&mail);
    assert_eq!(message.subject(), Some("[tenesa] case 41"));
    assert_eq!(message.body_text(0).unwrap().trim_end(), "Kasus 41 dari tenesa: Kenapa tagihan saya dobel?");
}

#[tokio::test]
async fn what_the_policy_does_not_have_is_refused() {
    for by in [("no-such", "leaders"), ("tell", "no-such")] {
        let desk = Desk::new(&MemoryStore::new(), "tenesa");
        let sink = Sink::start(Mood::Fine).await;
        apply_policy(&desk).await;
        let case = mail_case();
        let to = case.arrive(&desk).await;
        case.queue(&desk, to, to, DeliveryKind::Notification, ReplyKind::Unspecified, by).await;
        let report = deliver(&desk, &sink).await;
        assert_eq!(report.outcome(), DeliveryOutcome::Refused);
        assert!(report.detail.starts_with("the policy in force has no such"), "{}", report.detail);
    }
}

#[tokio::test]
async fn a_mail_servers_answers_are_told_apart_and_name_nobody() {
    let table = [
        (Mood::Busy, DeliveryOutcome::Retry, "451 4.3.0 for the recipient"),
        (Mood::NoSuchUser, DeliveryOutcome::Refused, "550 5.1.1 for the recipient"),
        (Mood::Spam, DeliveryOutcome::Refused, "554 5.7.1 for the message"),
        (Mood::HangsUp, DeliveryOutcome::Unknown, "the connection broke after the message was sent"),
        (
            Mood::HangsUpBefore,
            DeliveryOutcome::Retry,
            "the message: the connection broke or could not be made",
        ),
    ];
    for (mood, outcome, detail) in table {
        let desk = Desk::new(&MemoryStore::new(), "tenesa");
        let sink = Sink::start(mood).await;
        let case = mail_case();
        let to = case.arrive(&desk).await;
        case.reply(&desk, to, ReplyKind::Normal, "Halo").await;
        let report = deliver(&desk, &sink).await;
        assert_eq!((report.outcome(), report.detail.as_str()), (outcome, detail), "{mood:?}");
        assert!(!report.source.is_empty(), "an answer to it would find the case");
    }
}

#[tokio::test]
async fn a_customer_without_a_usable_address_is_refused_and_no_header_can_be_smuggled_in() {
    let desk = Desk::new(&MemoryStore::new(), "tenesa");
    let sink = Sink::start(Mood::Fine).await;
    let mut case = mail_case();
    case.content.from_address = "budi@pelanggan.example\r\nBcc: x@y.example".into();
    let to = case.arrive(&desk).await;
    case.reply(&desk, to, ReplyKind::Normal, "Halo").await;
    let report = deliver(&desk, &sink).await;
    assert_eq!(report.outcome(), DeliveryOutcome::Refused);
    assert!(sink.mails().is_empty());

    let desk = Desk::new(&MemoryStore::new(), "tenesa");
    let mut case = mail_case();
    case.content.subject = "Halo\r\nBcc: x@y.example".into();
    case.content.from_name = "Budi\r\nBcc: z@y.example".into();
    case.content.references = vec!["<a@b>\r\nBcc: w@y.example".into()];
    let to = case.arrive(&desk).await;
    case.reply(&desk, to, ReplyKind::Normal, "Halo").await;
    assert_eq!(deliver(&desk, &sink).await.outcome(), DeliveryOutcome::Delivered);
    let mail = sink.mails().remove(0);
    assert_eq!(mail.to, ["budi@pelanggan.example"]);
    assert!(parsed(&mail).bcc().is_none());
}
