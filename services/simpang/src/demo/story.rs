//! What happens in the demo, one scene a kind of work. Each scene cites what it shows.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use simpang_proto::view::v1::{CaseFilter, ListCasesRequest, entry};

use super::PATIENCE;
use super::hand::Hand;
use super::receivers::Inbox;
use super::senders::{Doors, X_SECRET, taken};
use crate::client::{Client, refused};
use crate::output;
use crate::up::Whole;

/// Which cases the end of the demo looks at.
pub(crate) struct Told {
    /// A case of tenesa with a whole life.
    pub(crate) replayed: u64,
    /// A priority case of telkomcare.
    pub(crate) explained: u64,
}

pub(crate) struct Story<'a> {
    pub(super) whole: &'a Whole,
    doors: Doors,
    inbox: Inbox,
    slow: bool,
    scenes: u32,
}

const TENESA: &str = "tenesa@telkom.example";

impl<'a> Story<'a> {
    pub(crate) fn new(whole: &'a Whole, doors: Doors, inbox: Inbox, slow: bool) -> Self {
        Self { whole, doors, inbox, slow, scenes: 0 }
    }

    pub(crate) async fn tell(mut self) -> Result<Told> {
        let admin = self.whole.client("admin").await?;
        let replayed = self.fault_by_mail(&admin).await?;
        self.dcs_mail(&admin).await?;
        self.strange_mails(&admin).await?;
        let explained = self.minister(&admin).await?;
        self.social_floor(&admin).await?;
        self.callback(&admin).await?;
        self.fresh_lapul(&admin).await?;
        Ok(Told { replayed, explained })
    }

    pub(super) async fn scene(&mut self, title: &str) {
        self.scenes += 1;
        output::line("");
        output::line(format!("{}. {title}", self.scenes));
        self.pause().await;
    }

    pub(super) async fn say(&self, text: impl AsRef<str>) {
        output::line(format!("   {}", text.as_ref()));
        self.pause().await;
    }

    async fn pause(&self) {
        if self.slow {
            tokio::time::sleep(Duration::from_millis(700)).await;
        }
    }

    /// A fault report by mail becomes a ticket whose number is sent to the customer (A1, C5, C6, G1, K11).
    async fn fault_by_mail(&mut self, admin: &Client) -> Result<u64> {
        self.scene("A fault report by mail becomes a ticket whose number the customer gets (C5, C6)").await;
        let from = "it@sinarmaju.example";
        let text =
            "Selamat pagi, internet kami di kantor Bandung mati sejak jam 7. No. Internet 122243215678.";
        self.doors.mail(from, TENESA, "m1@sinarmaju.example", "Internet mati", text, "").await?;
        self.say(format!("SMTP took a mail from {from}; the directory knows PT Sinar Maju, segment DES"))
            .await;
        wait_for_cases(admin, "tenesa", 1).await?;
        let mut rina = Hand::sign_in(self.whole, "rina", "tenesa").await?;
        let got = rina.pull(1).await?;
        let case = first(&got, "rina")?.case;
        self.say(format!("rina signs in and pulls case {case}: \"{}\"", rina.last_words(case).await?)).await;
        rina.classify(case, &["Komplain", "Internet", "Tidak Bisa Connect"], &[]).await?;
        self.say("She classifies it Komplain > Internet > Tidak Bisa Connect; the rules run again").await;
        self.report_fault(&mut rina, case).await?;
        rina.link(case, "mycx", "IN-448812").await?;
        self.say("MyCX gives number IN-448812; linked, it goes to the customer by itself (G1, K11)").await;
        let mail = self.received("mail", from, "IN-448812").await?;
        let id = header(&mail, "Message-ID").context("our answer has a Message-ID")?;
        self.say(format!("The answer reached {from}, threaded, with our signed id {id}")).await;
        let more = format!("In-Reply-To: {id}\r\nReferences: {id}\r\n");
        let thanks = "Terima kasih, sudah normal kembali.";
        self.doors.mail(from, TENESA, "m2@sinarmaju.example", "Re: Internet mati", thanks, &more).await?;
        wait_until("the thanks are on the case", async || Ok(rina.last_words(case).await? == thanks)).await?;
        self.say("The customer's thanks join the same case, by that id").await;
        rina.resolve(case, "normal").await?;
        self.say(format!("rina resolves case {case}")).await;
        Ok(case)
    }

    /// The form of MyCX: refused with what is missing, then whole (G1, G3).
    async fn report_fault(&self, rina: &mut Hand, case: u64) -> Result<()> {
        let product = "122243215678";
        let Err(missing) = rina.report_fault(case, product, &[], &[]).await? else {
            bail!("a fault report without its fields was taken");
        };
        self.say(format!("A fault report without its fields is refused: {missing}")).await;
        let fields = [
            ("Nama Pelapor", "Ibu Suwarni"),
            ("Telpon Pelapor", "+62 812 3456 7890"),
            ("Email", "it@sinarmaju.example"),
            ("Symptom Gangguan", "tidak bisa connect"),
        ];
        let choices = [("Jenis Cari", "No. Internet")];
        if let Err(refused) = rina.report_fault(case, product, &fields, &choices).await? {
            bail!("the fault report was refused: {refused}");
        }
        self.say("Whole, it is on the case, and MyCX is to create the ticket").await;
        Ok(())
    }

    /// A DCS customer is educated, the mail forwarded, the coordination group told: all three recorded (C2).
    async fn dcs_mail(&mut self, admin: &Client) -> Result<()> {
        self.scene("A DCS customer writes to the enterprise desk: educate, forward, notify (C2)").await;
        let from = "pemilik@tokobahagia.example";
        let text = "Mohon dibantu, tagihan Indihome toko saya naik dua kali lipat.";
        self.doors.mail(from, TENESA, "m1@tokobahagia.example", "Tagihan", text, "").await?;
        wait_for_cases(admin, "tenesa", 2).await?;
        self.received_times(3, "mail", "").await?;
        for mail in self.inbox.all().iter().filter(|r| r.by == "mail").skip(1).take(3) {
            self.say(format!("Mail to {}: {}", mail.to, header(&mail.text, "Subject").unwrap_or_default()))
                .await;
        }
        let from = "tamu@unknown.example";
        let text = "Halo, saya mau tanya paket internet untuk kantor.";
        self.doors.mail(from, TENESA, "m1@unknown.example", "Tanya paket", text, "").await?;
        wait_for_cases(admin, "tenesa", 3).await?;
        let mut rina = Hand::sign_in(self.whole, "rina", "tenesa").await?;
        for assignment in rina.pull(2).await? {
            let (case, queue) = (assignment.case, assignment.summary.unwrap_or_default().queue);
            if queue == "identification" {
                self.say(format!("Nobody knows the sender of case {case}: it waits in `{queue}` (B9, M8)"))
                    .await;
                rina.identify(case, "DBS").await?;
                self.say(
                    "rina finds out that the customer is DBS; the rules run again and she keeps the case",
                )
                .await;
                rina.reply(case, "Baik, berikut informasi paket kami.", true).await?;
            } else {
                rina.close(case).await?;
            }
        }
        Ok(())
    }

    /// What is malformed is still a case; what is not signed never comes in.
    async fn strange_mails(&mut self, admin: &Client) -> Result<()> {
        self.scene("What is broken is kept, what is forged stays out").await;
        let broken = b"From: \xff\xfe <nobody\r\nSubject: =?utf-8?Q?=ZZ\r\nContent-Type: multipart/mixed\r\n\r\n--\x00--";
        self.doors.raw_mail("odd@unknown.example", TENESA, broken).await?;
        wait_for_cases(admin, "tenesa", 4).await?;
        let mut budi = Hand::sign_in(self.whole, "budi", "tenesa").await?;
        let case = first(&budi.pull(1).await?, "budi")?.case;
        let malformed = budi.read(case).await?.conversation.iter().find_map(|e| match &e.what {
            Some(entry::What::Message(message)) => Some(message.malformed.clone()),
            _ => None,
        });
        self.say(format!(
            "A malformed mail is case {case} all the same: \"{}\"",
            malformed.unwrap_or_default()
        ))
        .await;
        budi.spam(case).await?;
        let status =
            self.doors.mention(1, ("9", "Penipu", 1), "@TelkomCare klik ini", "wrong secret").await?;
        self.say(format!("A webhook with a wrong signature is answered {status}; nothing was written")).await;
        Ok(())
    }

    /// A minister's complaint reaches a qualified agent at once while an unqualified one stays idle (D1–D3).
    async fn minister(&mut self, admin: &Client) -> Result<u64> {
        self.scene("A minister complains on X: a qualified agent gets it, another stays idle (D1, D2, D3)")
            .await;
        let text = "@TelkomCare internet kementerian lambat sekali hari ini, mohon perhatian";
        taken(self.doors.mention(2001, ("2222", "Menteri Contoh", 250_000), text, X_SECRET).await?)?;
        wait_for_cases(admin, "telkomcare", 1).await?;
        let mut budi = Hand::sign_in(self.whole, "budi", "telkomcare").await?;
        let idle = budi.pull(1).await?;
        self.say(format!("budi, three months here, pulls and gets {} cases", idle.len())).await;
        let mut rina = Hand::sign_in(self.whole, "rina", "telkomcare").await?;
        let got = rina.pull(1).await?;
        let assignment = first(&got, "rina")?;
        let (case, summary) = (assignment.case, assignment.summary.clone().unwrap_or_default());
        self.say(format!(
            "rina pulls case {case}: queue `{}`, priority `{}`",
            summary.queue, summary.priority
        ))
        .await;
        rina.classify(case, &["Komplain", "Internet", "Tidak Bisa Connect"], &[]).await?;
        let answer = "Mohon maaf Bapak, tim kami sedang menangani. -RW";
        rina.reply(case, answer, true).await?;
        self.received("x", "post 2001", answer).await?;
        self.say("Her answer was posted on X in reply to the minister's post").await;
        Ok(case)
    }

    /// A busy hour: mentions and comments, two agents.
    async fn social_floor(&mut self, admin: &Client) -> Result<()> {
        self.scene("A busy hour on X and Facebook: two agents work it off, oldest and most urgent first")
            .await;
        let posts = [
            "tagihan saya salah",
            "mau pasang baru",
            "wifi putus terus",
            "cs tidak bisa dihubungi",
            "terima kasih",
        ];
        for (n, text) in (0u64..).zip(posts.iter().cycle().take(12)) {
            let user = format!("{}", 3_000 + n);
            let name = format!("Pelanggan {n}");
            taken(
                self.doors
                    .mention(2100 + n, (&user, &name, 20 + n), &format!("@TelkomCare {text}"), X_SECRET)
                    .await?,
            )?;
        }
        taken(
            self.doors
                .mention(2100, ("3000", "Pelanggan 0", 20), "@TelkomCare tagihan saya salah", X_SECRET)
                .await?,
        )?;
        let comments: Vec<(String, String)> =
            (0..8).map(|n| (format!("{n}"), format!("Warga {n}"))).collect();
        let comments: Vec<(&str, &str, &str)> = comments
            .iter()
            .map(|(id, name)| (&**id, &**name, "Kapan gangguan di area kami selesai?"))
            .collect();
        taken(self.doors.comments(&comments).await?)?;
        wait_for_cases(admin, "telkomcare", 21).await?;
        self.say("12 mentions, one of them delivered twice by X, and 8 comments in one Facebook batch: 20 new cases").await;
        let mut done = [("rina", 0u32), ("budi", 0u32)];
        let mut hands = [
            Hand::sign_in(self.whole, "rina", "telkomcare").await?,
            Hand::sign_in(self.whole, "budi", "telkomcare").await?,
        ];
        for _ in 0..10 {
            for (hand, (_, count)) in hands.iter_mut().zip(&mut done) {
                for assignment in hand.pull(2).await? {
                    hand.reply(assignment.case, "Terima kasih, kami cek dan segera kabari.", false).await?;
                    hand.resolve(assignment.case, "answered").await?;
                    *count += 1;
                }
            }
        }
        let [(first, a), (second, b)] = done;
        self.say(format!("{first} answered {a}, {second} answered {b}; none twice, none left")).await;
        self.received_times(8, "facebook", "comments").await?;
        Ok(())
    }

    /// Waits for something that arrived `by` a channel, to `to`, with these words; gives its text.
    async fn received(&self, by: &str, to: &str, words: &str) -> Result<String> {
        let mut found = None;
        wait_until(&format!("an answer by {by} to {to}"), async || {
            found = self
                .inbox
                .all()
                .into_iter()
                .find(|r| r.by == by && r.to.contains(to) && r.text.contains(words));
            Ok(found.is_some())
        })
        .await?;
        Ok(found.map(|r| r.text).unwrap_or_default())
    }

    /// Waits until so many more things arrived.
    async fn received_times(&self, times: usize, by: &str, to: &str) -> Result<()> {
        wait_until(&format!("{times} things by {by}"), async || {
            Ok(self.inbox.all().iter().filter(|r| r.by == by && r.to.contains(to)).count() >= times)
        })
        .await
    }
}

pub(super) fn first<'t>(
    got: &'t [simpang_proto::agent::v1::Assignment],
    who: &str,
) -> Result<&'t simpang_proto::agent::v1::Assignment> {
    got.first().with_context(|| format!("{who} pulled and got nothing"))
}

/// A header of a mail.
fn header(mail: &str, name: &str) -> Option<String> {
    let prefix = format!("{}:", name.to_lowercase());
    let line = mail.lines().take_while(|l| !l.is_empty()).find(|l| l.to_lowercase().starts_with(&prefix))?;
    Some(line[prefix.len()..].trim().to_owned())
}

pub(super) fn now_ms() -> i64 {
    chrono::Utc::now().timestamp_millis()
}

/// Waits, with a limit, until something holds.
pub(super) async fn wait_until(what: &str, mut holds: impl AsyncFnMut() -> Result<bool>) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !holds().await? {
        if Instant::now() > deadline {
            bail!("waited {} seconds: {what}", PATIENCE.as_secs());
        }
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    Ok(())
}

/// Waits until the view shows so many cases of a desk.
pub(super) async fn wait_for_cases(admin: &Client, desk: &str, count: usize) -> Result<()> {
    wait_until(&format!("{count} cases on {desk}"), async || Ok(list(admin, desk).await?.len() >= count))
        .await
}

async fn list(admin: &Client, desk: &str) -> Result<Vec<simpang_proto::view::v1::CaseSummary>> {
    let request = ListCasesRequest {
        desk: desk.into(),
        filter: Some(CaseFilter { with_closed: true, ..CaseFilter::default() }),
        page_size: 200,
        ..ListCasesRequest::default()
    };
    match admin.view().list_cases(request).await {
        Ok(answer) => Ok(answer.into_inner().cases),
        // The view finds a new desk a moment after it was made.
        Err(status) if status.code() == tonic::Code::NotFound => Ok(Vec::new()),
        Err(status) => Err(refused(status)),
    }
}

/// How many deliveries of a desk have no final outcome yet.
pub(crate) async fn open_deliveries(admin: &Client, desk: &str) -> Result<usize> {
    use simpang_proto::view::v1::{DeliveryState, GetCaseRequest};
    let mut open = 0;
    for case in list(admin, desk).await? {
        let request = GetCaseRequest { desk: desk.into(), case: case.case, at_least: 0 };
        let answer = admin.view().get_case(request).await.map_err(refused)?.into_inner();
        let entries = answer.case.map(|c| c.conversation).unwrap_or_default();
        open += entries
            .iter()
            .filter(|e| match &e.what {
                Some(entry::What::Delivery(d)) => {
                    matches!(d.state(), DeliveryState::Queued | DeliveryState::Sending)
                }
                _ => false,
            })
            .count();
    }
    Ok(open)
}
