//! How campaigns go.

use rusqlite::params;
use simpang_proto::view::v1 as api;
use simpang_proto::view::v1::CaseState;

use super::{Read, Snapshot};
use crate::row::{count, texts};

impl Snapshot<'_> {
    /// Progress of one campaign, or of all for an empty name.
    ///
    /// # Errors
    /// When the database fails.
    pub fn campaign_progress(&self, campaign: &str) -> Read<api::CampaignProgressResponse> {
        let statement = format!(
            "SELECT campaign, count(*), sum(state IN ({}, {}, {})), sum(state IN ({}, {}, {})), sum(state = {}),
                sum(state IN ({}, {}))
             FROM cases WHERE campaign <> '' AND (?1 = '' OR campaign = ?1) GROUP BY campaign ORDER BY campaign",
            CaseState::Open as i32,
            CaseState::Queued as i32,
            CaseState::Offered as i32,
            CaseState::Assigned as i32,
            CaseState::WaitingOnCustomer as i32,
            CaseState::WaitingOnThirdParty as i32,
            CaseState::Scheduled as i32,
            CaseState::Resolved as i32,
            CaseState::Closed as i32,
        );
        let mut campaigns = self.rows(&statement, [campaign], |row| {
            Ok(api::Campaign {
                campaign: row.get(0)?,
                contacts: count(row.get(1)?),
                waiting: count(row.get(2)?),
                held: count(row.get(3)?),
                scheduled: count(row.get(4)?),
                finished: count(row.get(5)?),
                ..api::Campaign::default()
            })
        })?;
        for campaign in &mut campaigns {
            self.attempts(campaign)?;
        }
        Ok(api::CampaignProgressResponse { position: self.position()?, campaigns })
    }

    fn attempts(&self, campaign: &mut api::Campaign) -> Read<()> {
        let statement = "SELECT count(*), count(DISTINCT iif(contacted, case_id, NULL)) FROM dispositions
            WHERE campaign = ?";
        let totals = self.rows(statement, [&campaign.campaign], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let (attempts, reached) = totals.first().copied().unwrap_or_default();
        campaign.attempts = count(attempts);
        campaign.reached = count(reached);
        let statement =
            "SELECT path, count(*) FROM dispositions WHERE campaign = ? GROUP BY path ORDER BY path";
        campaign.outcomes = self.rows(statement, params![campaign.campaign], |row| {
            Ok(api::OutcomeCount { path: texts(&row.get::<_, String>(0)?), count: count(row.get(1)?) })
        })?;
        Ok(())
    }
}
