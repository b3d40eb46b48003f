//! Call lists as CSV.

use simpang_proto::ingest::v1::load_contacts_request::Body as Ask;
use simpang_proto::ingest::v1::load_contacts_response::Body as Said;
use simpang_proto::ingest::v1::{BeginLoad, LoadContactsRequest, LoadTotals, RowOutcome, RowVerdict};
use tonic::Status;

use crate::client::Client;
use crate::journal::Sent;

/// A list for a campaign of the desk `tier2-outbound`.
#[derive(Debug, Clone)]
pub struct CallList {
    /// Campaign.
    pub campaign: String,
    /// The file.
    pub csv: String,
}

/// What became of a list.
#[derive(Debug, Clone, Default)]
pub struct LoadedList {
    /// One a row.
    pub rows: Vec<RowVerdict>,
    /// The sums.
    pub totals: LoadTotals,
}

impl CallList {
    /// Loads it in small pieces and notes each row that is accepted.
    ///
    /// # Errors
    /// As the call ends. Rows that were acknowledged before are noted all the same.
    pub async fn load(&self, client: &Client, sent: &Sent) -> Result<LoadedList, Status> {
        let begin = BeginLoad {
            desk: "tier2-outbound".to_owned(),
            campaign: self.campaign.clone(),
            list: "list.csv".to_owned(),
            zone: "Asia/Jakarta".to_owned(),
            ..BeginLoad::default()
        };
        let pieces = self.csv.as_bytes().chunks(1_000).map(|piece| Ask::Csv(piece.to_vec()));
        let asks: Vec<LoadContactsRequest> = std::iter::once(Ask::Begin(begin))
            .chain(pieces)
            .map(|body| LoadContactsRequest { body: Some(body) })
            .collect();
        let mut answers = client.ingest().load_contacts(tokio_stream::iter(asks)).await?.into_inner();
        let mut loaded = LoadedList::default();
        while let Some(answer) = answers.message().await? {
            match answer.body {
                Some(Said::Row(row)) => {
                    if row.outcome() == RowOutcome::Accepted {
                        sent.contact("tier2-outbound", &self.campaign, &row.key);
                    }
                    loaded.rows.push(row);
                }
                Some(Said::Totals(totals)) => loaded.totals = totals,
                None => {}
            }
        }
        Ok(loaded)
    }
}
