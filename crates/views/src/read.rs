//! What the tables show, as the messages that the API answers with. Every function reads one snapshot: the position it
//! says and the rows it shows belong together.

mod agents;
mod audit;
mod campaigns;
mod cases;
mod conversation;
mod customers;
mod figures;
mod filter;
mod replies;
mod search;
mod sla;

use std::fmt;

use rusqlite::{Connection, Params, Row};
use simpang_proto::view::v1 as api;

use crate::row::{count, uint};
use crate::store::{ViewsError, meta};

pub use audit::{Placed, Query, Refused};
pub use conversation::{hide_message, without_content};
pub use customers::Person;

type Read<T> = Result<T, ViewsError>;

/// The tables as they are at one position.
pub struct Snapshot<'a> {
    conn: &'a Connection,
}

impl fmt::Debug for Snapshot<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Snapshot")
    }
}

impl<'a> Snapshot<'a> {
    pub(crate) fn new(conn: &'a Connection) -> Self {
        Self { conn }
    }

    /// The last record that was folded.
    ///
    /// # Errors
    /// When the database fails.
    pub fn position(&self) -> Read<u64> {
        Ok(uint(meta(self.conn, "seq")?.unwrap_or_default()))
    }

    /// The time of the last record that was folded.
    ///
    /// # Errors
    /// When the database fails.
    pub fn folded_to_ms(&self) -> Read<i64> {
        Ok(meta(self.conn, "at_ms")?.unwrap_or_default())
    }

    /// How far the view is; what the log has beyond that is the caller's to fill in.
    ///
    /// # Errors
    /// When the database fails.
    pub fn desk(&self) -> Read<api::Desk> {
        Ok(api::Desk {
            desk: meta(self.conn, "desk")?.unwrap_or_default(),
            position: self.position()?,
            folded_to_ms: self.folded_to_ms()?,
            pending_inputs: self.number("SELECT count(*) FROM pending")?,
            refused_inputs: self.number("SELECT count(*) FROM refused")?,
            policy_version: uint(meta(self.conn, "policy_version")?.unwrap_or_default()),
            ..api::Desk::default()
        })
    }

    fn number(&self, statement: &str) -> Read<u32> {
        Ok(count(self.conn.prepare_cached(statement)?.query_row([], |row| row.get(0))?))
    }

    /// All rows of a statement.
    fn rows<T>(
        &self,
        statement: &str,
        values: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Read<Vec<T>> {
        let mut statement = self.conn.prepare_cached(statement)?;
        let rows = statement.query_map(values, read)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

/// A limit as asked for: 0 is `usual`, more than 500 is 500.
fn limited(asked: u32, usual: u32) -> u32 {
    if asked == 0 { usual } else { asked.min(500) }
}
