//! Connections to a mail server: kept for the next mail as long as they hold, protected and logged in as they are told.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::time::Duration;

use common::smtp::{Certificate, LOGIN, Mood, Sink};
use common::{Case, Desk, mail_case, options, until};
use simpang_deliver::options::MailTls;
use simpang_deliver::{Channels, Deliver};
use simpang_log::MemoryStore;
use simpang_proto::log::v1::{DeliveryOutcome, DeliveryReport, InputId, ReplyKind};

/// A desk that answers one customer, mail after mail.
struct Answering {
    desk: Desk,
    case: Case,
    to: InputId,
    deliver: Deliver,
    count: usize,
}

impl Answering {
    async fn start(channels: Channels, idle: Duration) -> Self {
        let desk = Desk::new(&MemoryStore::new(), "tenesa");
        desk.judge();
        let case = mail_case();
        let to = case.arrive(&desk).await;
        let mut options = options(&desk, "deliver@test/1", channels);
        options.timing.mail_idle = idle;
        let deliver = Deliver::start(options).await.unwrap();
        Self { desk, case, to, deliver, count: 0 }
    }

    /// What the next reply's first attempt becomes.
    async fn reply(&mut self) -> DeliveryReport {
        self.count += 1;
        self.case.reply(&self.desk, self.to, ReplyKind::Normal, &format!("Halo {}", self.count)).await;
        self.desk.reported(self.count).await.remove(self.count - 1)
    }
}

const LONG: Duration = Duration::from_secs(600);

#[tokio::test]
async fn mails_follow_each_other_over_one_connection() {
    let sink = Sink::start(Mood::Fine).await;
    let mut answering = Answering::start(sink.channels(), LONG).await;
    for _ in 0..3 {
        assert_eq!(answering.reply().await.outcome(), DeliveryOutcome::Delivered);
    }
    assert_eq!((sink.mails().len(), sink.made()), (3, 1));
    assert!(
        sink.mails().iter().all(|mail| mail.to == ["budi@pelanggan.example"]),
        "each has its own recipient"
    );
    answering.deliver.stop().await;
}

#[tokio::test]
async fn a_connection_over_which_nothing_goes_is_closed_and_another_is_made_in_time() {
    let sink = Sink::start(Mood::Fine).await;
    let mut answering = Answering::start(sink.channels(), Duration::from_millis(50)).await;
    for made in 1..=2 {
        assert_eq!(answering.reply().await.outcome(), DeliveryOutcome::Delivered);
        until("the connection to be closed", || (sink.open() == 0).then_some(())).await;
        assert_eq!((sink.mails().len(), sink.made()), (made, made));
    }
    answering.deliver.stop().await;
}

#[tokio::test]
async fn a_refused_mail_leaves_nothing_behind_for_the_next_on_its_connection() {
    let sink = Sink::start(Mood::NoSuchUser).await;
    let mut answering = Answering::start(sink.channels(), LONG).await;
    assert_eq!(answering.reply().await.outcome(), DeliveryOutcome::Refused);
    sink.set(Mood::Spam);
    assert_eq!(answering.reply().await.outcome(), DeliveryOutcome::Refused);
    sink.set(Mood::Fine);
    assert_eq!(answering.reply().await.outcome(), DeliveryOutcome::Delivered);
    assert_eq!((sink.mails().len(), sink.made()), (1, 1));
    answering.deliver.stop().await;
}

#[tokio::test]
async fn a_kept_connection_that_does_not_hold_costs_no_attempt_and_makes_nothing_unknown() {
    for mood in [Mood::OneEach, Mood::GoneAtReset, Mood::GoneAtSender, Mood::ClosingAtSender] {
        let sink = Sink::start(mood).await;
        let mut answering = Answering::start(sink.channels(), LONG).await;
        for attempt in 1..=3 {
            let report = answering.reply().await;
            let expected = (DeliveryOutcome::Delivered, "250 accepted", 1);
            assert_eq!((report.outcome(), report.detail.as_str(), report.attempt), expected, "{mood:?}");
            assert_eq!((sink.mails().len(), sink.made()), (attempt, attempt), "{mood:?}");
        }
        answering.deliver.stop().await;
    }
}

#[tokio::test]
async fn a_connection_that_breaks_after_the_message_is_unknown_though_it_was_kept() {
    let sink = Sink::start(Mood::Fine).await;
    let mut answering = Answering::start(sink.channels(), LONG).await;
    assert_eq!(answering.reply().await.outcome(), DeliveryOutcome::Delivered);
    sink.set(Mood::HangsUp);
    assert_eq!(answering.reply().await.outcome(), DeliveryOutcome::Unknown);
    assert_eq!(sink.made(), 1, "it was the kept one");
    answering.deliver.stop().await;
}

#[tokio::test]
async fn a_server_with_its_own_authority_is_reached_over_tls_and_logged_in_to() {
    let certificate = Certificate::make("IP:127.0.0.1");
    for tls in [MailTls::Implicit, MailTls::StartTls] {
        let sink = Sink::start_protected(tls, &certificate).await;
        let channels = sink.channels_over(tls, Some(&certificate.file()), Some("rahasia"));
        let mut answering = Answering::start(channels, LONG).await;
        for _ in 0..2 {
            let report = answering.reply().await;
            assert_eq!(report.outcome(), DeliveryOutcome::Delivered, "{tls:?}: {}", report.detail);
        }
        let mails = sink.mails();
        assert!(mails.iter().all(|mail| mail.protected && mail.login == LOGIN), "{mails:?}");
        assert_eq!((sink.made(), sink.logins().len()), (1, 1), "kept and logged in once");
        answering.deliver.stop().await;
    }
}

/// What the first attempt becomes; nothing may have been sent.
async fn refused_by(sink: &Sink, channels: Channels) -> DeliveryReport {
    let mut answering = Answering::start(channels, LONG).await;
    let report = answering.reply().await;
    answering.deliver.stop().await;
    assert!(sink.mails().is_empty());
    assert_eq!(report.outcome(), DeliveryOutcome::Retry, "{}", report.detail);
    report
}

#[tokio::test]
async fn a_server_that_is_not_who_it_should_be_gets_neither_password_nor_mail() {
    let (ours, theirs) = (Certificate::make("IP:127.0.0.1"), Certificate::make("DNS:mail.elsewhere.example"));
    for tls in [MailTls::Implicit, MailTls::StartTls] {
        // Nobody vouches for it; another one does; it is vouched for, but has another name.
        for (served, trusted) in [(&ours, None), (&ours, Some(&theirs)), (&theirs, Some(&theirs))] {
            let sink = Sink::start_protected(tls, served).await;
            let file = trusted.map(Certificate::file);
            let report = refused_by(&sink, sink.channels_over(tls, file.as_deref(), Some("rahasia"))).await;
            assert!(report.detail.contains("certificate is not trusted"), "{tls:?}: {}", report.detail);
            assert!(report.retry_after_ms >= 60_000, "an operator has to mend it");
            assert!(sink.logins().is_empty());
        }
    }
}

#[tokio::test]
async fn mail_waits_for_a_server_that_has_no_protection_knows_no_password_or_whose_authority_can_not_be_read()
{
    let certificate = Certificate::make("IP:127.0.0.1");
    let file = certificate.file();
    let sink = Sink::start_protected(MailTls::None, &certificate).await;
    let report = refused_by(&sink, sink.channels_over(MailTls::StartTls, Some(&file), Some("rahasia"))).await;
    assert!(report.detail.contains("can't do what is needed"), "{}", report.detail);
    assert!(sink.logins().is_empty(), "no password in the clear");

    let sink = Sink::start_protected(MailTls::Implicit, &certificate).await;
    let report = refused_by(&sink, sink.channels_over(MailTls::Implicit, Some(&file), Some("salah"))).await;
    assert_eq!(report.detail, "535 5.7.8 for connecting");
    assert!(report.retry_after_ms >= 60_000, "an operator has to mend it");
    assert_eq!(sink.logins().len(), 1);

    let missing = file.with_file_name("no-such.pem");
    let report = refused_by(&sink, sink.channels_over(MailTls::Implicit, Some(&missing), None)).await;
    assert_eq!(report.detail, "the mail server's `ca_file` can't be read");
    let key = file.with_file_name("key.pem");
    let report = refused_by(&sink, sink.channels_over(MailTls::Implicit, Some(&key), None)).await;
    assert_eq!(report.detail, "the mail server's `ca_file` holds no PEM certificates");
}
