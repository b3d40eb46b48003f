//! Sessions as tables: what the client sends, what it is answered, what is brought to the log.

use std::sync::Arc;

use proptest::prelude::*;
use simpang_log::DeskName;

use super::session::{Action, Admission, Envelope, Mailboxes, Outcome, Session, SessionLimits};
use crate::counters::Reason;
use crate::directory::Mailbox;

/// Knows `care@a.example` and `sales@b.example`; is not sure about `later@a.example`.
struct Known;

impl Mailboxes for Known {
    fn find(&self, address: &str) -> Admission {
        let known = |desk: &str| {
            let desk = DeskName::new(desk).unwrap();
            Admission::Known(Mailbox { desk, account: Arc::from(address) })
        };
        match address {
            "care@a.example" => known("a"),
            "sales@b.example" => known("b"),
            "later@a.example" => Admission::Unsure,
            _ => Admission::Unknown,
        }
    }
}

struct Run {
    answers: String,
    delivered: Vec<Envelope>,
    refusals: Vec<Reason>,
    closed: bool,
}

/// Plays a client that sends `wire` in pieces of `piece` bytes, with `outcomes` for each message it gets through.
fn play(limits: SessionLimits, wire: &[u8], piece: usize, outcomes: &[Outcome]) -> Run {
    let mut session = Session::new("mx.example", limits);
    if wire.starts_with(b"EHLO protects") {
        session = session.offering_protection();
    }
    let mut run = Run { answers: String::new(), delivered: vec![], refusals: vec![], closed: false };
    for part in wire.chunks(piece) {
        session.receive(part);
        while let Some(action) = session.next(&Known) {
            let bytes = match action {
                Action::Reply(bytes) => bytes,
                Action::Defer(_, bytes) => bytes,
                Action::Refuse(reason, bytes) => {
                    run.refusals.push(reason);
                    bytes
                }
                Action::Deliver(envelope) => {
                    run.delivered.push(envelope);
                    session.delivered(outcomes)
                }
                Action::Protect(bytes) => {
                    session.protected();
                    bytes
                }
                Action::Close(bytes) => {
                    run.closed = true;
                    bytes
                }
            };
            run.answers.push_str(&String::from_utf8(bytes).unwrap());
        }
    }
    run
}

/// The codes answered, with a `-` after those of lines that others follow.
fn codes(answers: &str) -> String {
    answers.lines().map(|line| line[..4].trim_end()).collect::<Vec<_>>().join(" ")
}

fn accepted(wire: &str) -> Run {
    play(SessionLimits::default(), wire.as_bytes(), 7, &[Outcome::Accepted; 8])
}

#[test]
fn a_client_that_follows_the_protocol_is_answered_as_the_rfc_says() {
    let greeting = "250- 250- 250- 250- 250- 250";
    let cases = [
        ("HELO me\r\n", "250".to_owned()),
        ("EHLO me\r\nNOOP\r\nVRFY x\r\nHELP\r\nRSET\r\nQUIT\r\n", format!("{greeting} 250 252 214 250 221")),
        (
            "EHLO me\r\nMAIL FROM:<b@c.example>\r\nRCPT TO:<care@a.example>\r\nDATA\r\nhi\r\n.\r\nQUIT\r\n",
            format!("{greeting} 250 250 354 250 221"),
        ),
        ("ehlo me\nmail from:<>\nrcpt to:<care@a.example>\n", format!("{greeting} 250 250")),
        (
            "EHLO me\r\nMAIL FROM:<b@c> BODY=8BITMIME SIZE=100 SMTPUTF8\r\nRCPT TO:<care@a.example>\r\n",
            format!("{greeting} 250 250"),
        ),
    ];
    for (wire, expected) in cases {
        assert_eq!(codes(&accepted(wire).answers), expected, "{wire}");
    }
}

#[test]
fn a_client_that_does_not_is_told_what_is_wrong() {
    let cases = [
        ("MAIL FROM:<b@c.example>\r\n", "503"),
        ("HELO me\r\nRCPT TO:<care@a.example>\r\n", "250 503"),
        ("HELO me\r\nDATA\r\n", "250 503"),
        ("HELO me\r\nMAIL FROM:<b@c>\r\nMAIL FROM:<b@c>\r\n", "250 250 503"),
        ("HELO me\r\nMAIL FROM:<b@c>\r\nRCPT TO:<no@a.example>\r\nDATA\r\n", "250 250 550 503"),
        ("HELO me\r\nMAIL FROM:<b@c>\r\nRCPT TO:<later@a.example>\r\n", "250 250 451"),
        ("HELO me\r\nMAIL FROM:<b@c>\r\nRCPT TO:<>\r\n", "250 250 550"),
        ("HELO me\r\nMAIL FROM:<b@c>\r\nRCPT TO:care\r\n", "250 250 501"),
        ("HELO me\r\nMAIL FROM:b\r\n", "250 501"),
        ("HELO me\r\nMAIL FROM:<b@c> SIZE=99999999999\r\n", "250 552"),
        ("HELO me\r\nMAIL FROM:<b@c> BODY=BINARYMIME\r\n", "250 501"),
        ("HELO me\r\nMAIL FROM:<b@c> WHAT=ever\r\n", "250 555"),
        ("EHLO\r\n\r\nFOO\r\nSTARTTLS\r\nAUTH PLAIN\r\nEXPN x\r\n", "501 500 500 502 502 502"),
        ("HELO me\r\nBDAT 10 LAST\r\nMAIL FROM:<b@c>\r\n", "250 502"),
    ];
    for (wire, expected) in cases {
        let run = accepted(wire);
        assert_eq!(codes(&run.answers), expected, "{wire}");
        assert!(run.delivered.is_empty(), "{wire}");
    }
}

#[test]
fn pipelined_commands_and_messages_are_answered_in_order_however_they_are_cut() {
    let wire = "EHLO me\r\nMAIL FROM:<b@c>\r\nRCPT TO:<care@a.example>\r\nRCPT TO:<no@a.example>\r\nDATA\r\n..one\r\n.\r\n\
                MAIL FROM:<>\r\nRCPT TO:<sales@b.example>\r\nDATA\r\n.\r\nQUIT\r\n";
    let expected = "250- 250- 250- 250- 250- 250 250 250 550 354 250 250 250 354 250 221";
    for piece in 1..=wire.len() {
        let run = play(SessionLimits::default(), wire.as_bytes(), piece, &[Outcome::Accepted]);
        assert_eq!(codes(&run.answers), expected, "by {piece}");
        assert_eq!(run.delivered.len(), 2);
        assert_eq!((run.delivered[0].from.as_str(), &run.delivered[0].text[..]), ("b@c", &b".one\r\n"[..]));
        assert_eq!((run.delivered[1].from.as_str(), &run.delivered[1].text[..]), ("", &b""[..]));
        assert!(run.closed);
    }
}

#[test]
fn lmtp_answers_for_each_recipient_and_smtp_once_with_the_worst() {
    let body =
        "MAIL FROM:<b@c>\r\nRCPT TO:<care@a.example>\r\nRCPT TO:<sales@b.example>\r\nDATA\r\nx\r\n.\r\n";
    let mixed = [Outcome::Accepted, Outcome::Later];
    for (hello, outcomes, expected) in [
        ("LHLO me\r\n", &mixed[..], "354 250 451"),
        ("EHLO me\r\n", &mixed[..], "354 451"),
        ("LHLO me\r\n", &[Outcome::Accepted; 2][..], "354 250 250"),
        ("EHLO me\r\n", &[Outcome::Accepted; 2][..], "354 250"),
        ("LHLO me\r\n", &[][..], "354 451 451"),
    ] {
        let wire = format!("{hello}{body}");
        let run = play(SessionLimits::default(), wire.as_bytes(), 1_000, outcomes);
        assert!(codes(&run.answers).ends_with(expected), "{hello}: {}", run.answers);
    }
}

#[test]
fn a_text_over_the_limit_is_refused_to_every_recipient_and_the_session_goes_on() {
    let limits = SessionLimits { message_bytes: 8, ..SessionLimits::default() };
    let wire = "LHLO me\r\nMAIL FROM:<b@c>\r\nRCPT TO:<care@a.example>\r\nRCPT TO:<sales@b.example>\r\nDATA\r\n\
                123456789\r\n.\r\nNOOP\r\n";
    let run = play(limits, wire.as_bytes(), 5, &[Outcome::Accepted; 2]);
    assert!(codes(&run.answers).ends_with("354 552 552 250"), "{}", run.answers);
    assert_eq!(run.refusals, [Reason::TooLarge]);
    assert!(run.delivered.is_empty());
}

#[test]
fn recipients_over_the_limit_wait_for_another_message() {
    let limits = SessionLimits { recipients: 1, ..SessionLimits::default() };
    let wire = "HELO me\r\nMAIL FROM:<b@c>\r\nRCPT TO:<care@a.example>\r\nRCPT TO:<sales@b.example>\r\n";
    assert_eq!(codes(&play(limits, wire.as_bytes(), 9, &[]).answers), "250 250 250 452");
}

#[test]
fn a_line_over_the_limit_is_refused_and_one_without_end_closes_the_session() {
    let limits = SessionLimits { line_bytes: 64, ..SessionLimits::default() };
    let long = format!("NOOP {}\r\nNOOP\r\n", "x".repeat(80));
    for piece in [1, 10, 60, 1_000] {
        let run = play(limits.clone(), long.as_bytes(), piece, &[]);
        assert_eq!(codes(&run.answers), "500 250", "by {piece}");
    }
    let endless = play(limits, "x".repeat(1_000).as_bytes(), 10, &[]);
    assert_eq!(codes(&endless.answers), "500 421");
    assert!(endless.closed);
}

#[test]
fn too_many_errors_close_the_session() {
    let limits = SessionLimits { errors: 2, ..SessionLimits::default() };
    let run = play(limits, b"FOO\r\nFOO\r\nFOO\r\nNOOP\r\n", 100, &[]);
    assert_eq!(codes(&run.answers), "500 500 500 421");
    assert!(run.closed);
}

fn line() -> impl Strategy<Value = Vec<u8>> {
    let word = prop::sample::select(vec![
        "EHLO me",
        "LHLO me",
        "HELO me",
        "MAIL FROM:<b@c>",
        "MAIL FROM:<> SIZE=3",
        "RCPT TO:<care@a.example>",
        "RCPT TO:<sales@b.example>",
        "DATA",
        ".",
        "..",
        "RSET",
        "BDAT 3",
        "QUIT",
        "NOOP",
        "AUTH PLAIN =",
        "text",
    ]);
    let end = prop::sample::select(vec!["\r\n", "\n", "\r", ""]);
    prop_oneof![
        3 => (word, end).prop_map(|(word, end)| format!("{word}{end}").into_bytes()),
        1 => prop::collection::vec(any::<u8>(), 0..40),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn whatever_comes_the_session_answers_in_whole_lines_and_does_not_panic(
        lines in prop::collection::vec(line(), 0..40),
        piece in 1usize..200,
    ) {
        let limits = SessionLimits { message_bytes: 200, recipients: 3, line_bytes: 100, errors: 5 };
        let wire = lines.concat();
        let run = play(limits, &wire, piece, &[Outcome::Accepted, Outcome::Later]);
        prop_assert!(run.answers.is_empty() || run.answers.ends_with("\r\n"));
        for envelope in &run.delivered {
            prop_assert!((1..=3).contains(&envelope.recipients.len()) && envelope.text.len() <= 200);
        }
    }

    #[test]
    fn how_the_bytes_are_cut_changes_no_answer(lines in prop::collection::vec(line(), 0..20), piece in 1usize..50) {
        let limits = SessionLimits { message_bytes: 200, recipients: 3, line_bytes: 4_096, errors: 5 };
        let wire = lines.concat();
        let whole = play(limits.clone(), &wire, wire.len().max(1), &[Outcome::Accepted]);
        let cut = play(limits, &wire, piece, &[Outcome::Accepted]);
        prop_assert_eq!(whole.answers, cut.answers);
        prop_assert_eq!(whole.delivered, cut.delivered);
    }
}

#[test]
fn what_was_said_before_the_protection_began_counts_for_nothing() {
    let wire = "EHLO protects\r\nMAIL FROM:<a@b.example>\r\nSTARTTLS\r\n";
    let run = accepted(wire);
    assert!(run.answers.contains("250 STARTTLS") || run.answers.contains("250-STARTTLS"), "{}", run.answers);
    assert!(run.answers.ends_with("220 2.0.0 go on\r\n"), "{}", run.answers);
    // The rest comes in a piece of its own, over the protected connection.
    let rest = "RCPT TO:<care@a.example>\r\nSTARTTLS\r\nEHLO me\r\n";
    let again = play(SessionLimits::default(), format!("{wire}{rest}").as_bytes(), wire.len(), &[]);
    let after = again.answers.split_once("go on\r\n").unwrap().1;
    assert_eq!(codes(after).split(' ').take(2).collect::<Vec<_>>(), ["503", "502"], "{after}");
    assert!(!after.contains("STARTTLS"), "it is not offered twice: {after}");
    // What comes in one piece with the command may be anybody's.
    let limits = SessionLimits::default();
    let forged = play(limits, format!("{wire}EHLO forged\r\n").as_bytes(), 4_096, &[]);
    assert!(forged.answers.ends_with("220 2.0.0 go on\r\n"), "{}", forged.answers);
}

#[test]
fn without_a_certificate_nothing_is_offered() {
    let run = accepted("EHLO me\r\nSTARTTLS\r\n");
    assert!(!run.answers.contains("STARTTLS") && run.answers.contains("502 5.5.1"), "{}", run.answers);
}
