//! Full-text search over what was said.

use rusqlite::params;
use simpang_proto::view::v1 as api;

use super::filter::words;
use super::{Read, Snapshot, limited};
use crate::row::{count, uint};

impl Snapshot<'_> {
    /// Where words occur, best first.
    ///
    /// # Errors
    /// [`crate::ViewsError::Request`] when there is nothing to search for.
    pub fn search(&self, query: &str, limit: u32) -> Read<api::SearchResponse> {
        let statement = "
            SELECT said.case_id, said.seq, said.idx, said.at_ms, said.kind,
                   snippet(search, -1, '[', ']', '…', 16)
            FROM search JOIN said ON said.id = search.rowid
            WHERE search MATCH ? ORDER BY bm25(search), said.id DESC LIMIT ?";
        let limit = i64::from(limited(limit, 50));
        let found = self.rows(statement, params![words(query)?, limit], |row| {
            let place = api::Place { seq: uint(row.get(1)?), index: count(row.get(2)?) };
            let hit = api::SearchHit {
                case: None,
                place: Some(place),
                at_ms: row.get(3)?,
                kind: row.get(4)?,
                snippet: row.get(5)?,
            };
            Ok((row.get(0)?, hit))
        })?;
        let hits = found.into_iter().map(|(case, hit)| {
            let case = Some(self.summary_of(case)?);
            Ok(api::SearchHit { case, ..hit })
        });
        Ok(api::SearchResponse { position: self.position()?, hits: hits.collect::<Read<_>>()? })
    }
}
