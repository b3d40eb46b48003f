//! Inputs that no commit has judged yet, and those that were set aside.

use std::sync::Arc;

use prost::Message;
use rusqlite::{OptionalExtension, params};
use simpang_proto::log::v1 as log;
use simpang_proto::log::v1::input::Body as Arrived;

use super::{At, Done, Fold, Fresh};
use crate::kind;
use crate::row::int;

impl Fold<'_> {
    /// An input arrived.
    pub(super) fn arrived(&mut self, seq: i64, idx: i64, at_ms: i64, input: &log::Input) -> Done {
        let case = self.index_input(seq, idx, input);
        let fresh = Fresh { at_ms, input: Arc::new(input.clone()), case, indexed: true };
        self.fresh.insert((seq, idx), fresh);
        Ok(())
    }

    /// Gives inputs for events that are folded by themselves.
    pub(crate) fn provide(&mut self, inputs: Vec<(log::InputId, i64, log::Input)>) {
        for (place, at_ms, input) in inputs {
            let fresh = Fresh { at_ms, input: Arc::new(input), case: 0, indexed: false };
            self.fresh.insert((int(place.seq), i64::from(place.index)), fresh);
        }
        self.judged = Some((i64::MAX, i64::MAX));
    }

    /// An input by its place; none when it is judged and gone, or was never there.
    pub(super) fn input(&mut self, place: (i64, i64)) -> rusqlite::Result<Option<Arc<log::Input>>> {
        if let Some(fresh) = self.fresh.get(&place) {
            return Ok(Some(Arc::clone(&fresh.input)));
        }
        if let Some((known, input)) = &self.memory.last_input
            && *known == place
        {
            return Ok(Some(Arc::clone(input)));
        }
        let mut statement =
            self.conn.prepare_cached("SELECT input FROM pending WHERE seq = ? AND idx = ?")?;
        let bytes: Option<Vec<u8>> =
            statement.query_row(params![place.0, place.1], |row| row.get(0)).optional()?;
        let input = bytes.and_then(|bytes| log::Input::decode(bytes.as_slice()).ok()).map(Arc::new);
        if let Some(input) = &input {
            self.memory.last_input = Some((place, Arc::clone(input)));
        }
        Ok(input)
    }

    /// When an input arrived.
    pub(super) fn arrived_ms(&self, place: (i64, i64)) -> rusqlite::Result<Option<i64>> {
        if let Some(fresh) = self.fresh.get(&place) {
            return Ok(Some(fresh.at_ms));
        }
        let mut statement =
            self.conn.prepare_cached("SELECT at_ms FROM pending WHERE seq = ? AND idx = ?")?;
        statement.query_row(params![place.0, place.1], |row| row.get(0)).optional()
    }

    /// The command that an event follows from, if it follows from one.
    pub(super) fn command(&mut self, at: At) -> rusqlite::Result<Option<log::command::Body>> {
        let input = self.input(at.input)?;
        Ok(match input.as_deref() {
            Some(log::Input { body: Some(Arrived::Command(command)), .. }) => command.body.clone(),
            _ => None,
        })
    }

    /// An input was set aside.
    pub(super) fn refused(&mut self, at: At, event: &log::InputRefused) -> Done {
        let kind = self.input(at.input)?.map_or(kind::UNKNOWN, |input| kind::of_input(&input));
        let statement =
            "INSERT OR REPLACE INTO refused (seq, idx, at_ms, kind, reason) VALUES (?, ?, ?, ?, ?)";
        let values = params![at.input.0, at.input.1, at.at_ms, kind, event.reason];
        self.conn.prepare_cached(statement)?.execute(values)?;
        self.withdrawn_late(at)
    }

    /// Keeps what is not judged, and drops what is.
    pub(super) fn write_pending(&mut self) -> Done {
        if let Some((seq, idx)) = self.judged {
            let statement = "DELETE FROM pending WHERE (seq, idx) <= (?, ?)";
            self.conn.prepare_cached(statement)?.execute([seq, idx])?;
            self.memory.last_input = self.memory.last_input.take().filter(|(place, _)| *place > (seq, idx));
        }
        let statement = "INSERT INTO pending (seq, idx, at_ms, input) VALUES (?, ?, ?, ?)";
        for ((seq, idx), fresh) in &self.fresh {
            if self.judged.is_none_or(|judged| (*seq, *idx) > judged) {
                let values = params![seq, idx, fresh.at_ms, fresh.input.encode_to_vec()];
                self.conn.prepare_cached(statement)?.execute(values)?;
            }
        }
        Ok(())
    }
}
