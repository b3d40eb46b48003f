//! The demo's scenes of calling: what was loaded, who is called, what came of it.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use simpang_proto::agent::v1::Answered;
use simpang_proto::ingest::v1 as ingest;

use super::PATIENCE;
use super::hand::{Hand, Outcome};
use super::story::{Story, first, now_ms, wait_for_cases};
use crate::client::{Client, refused};

impl Story<'_> {
    /// Callback: a list with bad rows, oldest first, a disposition that needs its fields, a family member who asks to
    /// call again (A5, A7, H, I1).
    pub(super) async fn callback(&mut self, admin: &Client) -> Result<()> {
        self.scene("A call list for Callback: bad rows are named, good ones are called (A7, H1, I1)").await;
        let list = "nama,no_hp,kriteria,keterangan\n\
                    Suwarni,0812-3456-7890,vvip,minta dipandu\n\
                    Joko,0813 1111 2222,guiding-high-traffic,modem baru\n\
                    Ani,bukan nomor,vvip,\n\
                    Wati,+62 815 333 4444,package-anomaly,paket tidak sesuai\n";
        self.load(admin, "callback", list).await?;
        wait_for_cases(admin, "tier2-outbound", 3).await?;
        let mut sari = Hand::sign_in(self.whole, "sari", "tier2-outbound").await?;
        let case = first(&sari.pull(1).await?, "sari")?.case;
        let contact = sari.read(case).await?.contact.unwrap_or_default();
        self.say(format!("sari pulls case {case}: call {} first, VVIP", contact.name)).await;
        let empty = Outcome {
            path: &["Contacted"],
            fields: &[],
            remark: "",
            again_at_ms: 0,
            answered: Answered::Reporter,
        };
        if let Err(why) = sari.dispose(case, empty).await? {
            self.say(format!("An incomplete result is refused: {why}")).await;
        }
        let form = [
            ("nomor jastel", "122243215678"),
            ("nomor tiket", "IN-448900"),
            ("Reason Call atau Solusi", "dipandu"),
            ("Keterangan", "normal"),
        ];
        let full = Outcome {
            path: &["Contacted"],
            fields: &form,
            remark: "normal",
            again_at_ms: 0,
            answered: Answered::Reporter,
        };
        sari.dispose(case, full).await?.map_err(anyhow::Error::msg)?;
        self.say("With its fields filled in it is recorded, and the contact is done").await;
        self.family_member(&mut sari).await
    }

    /// A contact whose family member asks to call again comes back when due (H4, H7).
    async fn family_member(&self, sari: &mut Hand) -> Result<()> {
        let case = first(&sari.pull(1).await?, "sari")?.case;
        let again_at_ms = now_ms() + 2_500;
        let form =
            [("nomor jastel", "122243215679"), ("nomor tiket", "-"), ("Keterangan", "anaknya yang angkat")];
        let later = Outcome {
            path: &["Reschedule"],
            fields: &form,
            remark: "anaknya yang angkat, bapak pulang nanti",
            again_at_ms,
            answered: Answered::Other,
        };
        sari.dispose(case, later).await?.map_err(anyhow::Error::msg)?;
        self.say(format!("Case {case}: a family member answers and asks to call again in a moment (H4, H7)"))
            .await;
        let other = first(&sari.pull(1).await?, "sari")?.case;
        let form = [("nomor jastel", "0"), ("nomor tiket", "-"), ("Keterangan", "tidak diangkat")];
        let unanswered = Outcome {
            path: &["RNA"],
            fields: &form,
            remark: "tidak diangkat",
            again_at_ms: 0,
            answered: Answered::Unspecified,
        };
        sari.dispose(other, unanswered).await?.map_err(anyhow::Error::msg)?;
        self.say(format!(
            "Case {other}: nobody answers (RNA); it comes back in two hours, three attempts at most"
        ))
        .await;
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(back) = sari.pull(1).await?.first() {
                self.say(format!("Case {} is due and comes back; sari calls again", back.case)).await;
                let form = [
                    ("nomor jastel", "122243215679"),
                    ("nomor tiket", "IN-448901"),
                    ("Reason Call atau Solusi", "dipandu"),
                    ("Keterangan", "selesai"),
                ];
                let done = Outcome {
                    path: &["Contacted"],
                    fields: &form,
                    remark: "selesai",
                    again_at_ms: 0,
                    answered: Answered::Reporter,
                };
                return sari.dispose(back.case, done).await?.map_err(anyhow::Error::msg);
            }
            if Instant::now() > deadline {
                bail!("the rescheduled contact did not come back");
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Fresh Lapul: a disposition of three levels, refused where it stops half way (I6, H8).
    pub(super) async fn fresh_lapul(&mut self, admin: &Client) -> Result<()> {
        self.scene("Fresh Lapul: a result has three levels, and half of one is refused (I6, H8)").await;
        self.load(admin, "fresh-lapul", "nama,no_hp,keterangan\nRatna,0856 7777 888,lapor kemarin\n").await?;
        wait_for_cases(admin, "tier2-outbound", 4).await?;
        let mut sari = Hand::sign_in(self.whole, "sari", "tier2-outbound").await?;
        let case = first(&sari.pull(1).await?, "sari")?.case;
        let contact = sari.read(case).await?.contact.unwrap_or_default();
        self.say(format!("sari pulls case {case}: call {}", contact.name)).await;
        let form = [("Keterangan", "mengerti, menunggu teknisi"), ("worklog NOSSA", "sudah dijelaskan")];
        let whole = ["Contacted", "Sukses", "Paham minta percepatan"];
        for depth in 1..=whole.len() {
            let outcome = Outcome {
                path: &whole[..depth],
                fields: &form,
                remark: "mengerti, menunggu teknisi",
                again_at_ms: 0,
                answered: Answered::Reporter,
            };
            let said = whole[..depth].join(" > ");
            match sari.dispose(case, outcome).await? {
                Err(why) => self.say(format!("{said} is refused: {why}")).await,
                Ok(()) => self.say(format!("{said} is recorded, and the contact is done")).await,
            }
        }
        Ok(())
    }

    async fn load(&self, admin: &Client, campaign: &str, list: &str) -> Result<()> {
        use ingest::load_contacts_request::Body;
        let begin = ingest::BeginLoad {
            desk: "tier2-outbound".into(),
            campaign: campaign.into(),
            list: format!("{campaign}.csv"),
            zone: "Asia/Jakarta".into(),
            criterion: String::new(),
        };
        let parts = [Body::Begin(begin), Body::Csv(list.as_bytes().to_vec())];
        let parts = parts.map(|body| ingest::LoadContactsRequest { body: Some(body) });
        let mut verdicts =
            admin.ingest().load_contacts(tokio_stream::iter(parts)).await.map_err(refused)?.into_inner();
        while let Some(verdict) = verdicts.message().await.map_err(refused)? {
            match verdict.body {
                Some(ingest::load_contacts_response::Body::Row(row)) if row.key.is_empty() => {
                    self.say(format!("Line {}: not loaded: {}", row.line, row.reason)).await;
                }
                Some(ingest::load_contacts_response::Body::Totals(t)) => {
                    self.say(format!("{} rows: {} loaded, {} not", t.rows, t.accepted, t.invalid)).await;
                }
                _ => {}
            }
        }
        Ok(())
    }
}
