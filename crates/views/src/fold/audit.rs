//! The audit index: which inputs and events stand where, and what they are about.

use rusqlite::{OptionalExtension, params};
use simpang_proto::log::v1 as log;
use simpang_proto::log::v1::event::Body as Happened;
use simpang_proto::log::v1::input::Body as Arrived;

use super::{At, Done, Fold};
use crate::kind;
use crate::row::int;

const MINUTE_MS: i64 = 60_000;

impl Fold<'_> {
    /// Remembers the first record of each minute, so that a time finds its sequence. The broker's clock may step
    /// back: a minute that is not later than the last one is not noted.
    pub(super) fn minute(&mut self, at_ms: i64, seq: u64) -> Done {
        let minute = at_ms.div_euclid(MINUTE_MS);
        let last = match self.memory.last_minute {
            Some(last) => last,
            None => {
                let mut statement = self.conn.prepare_cached("SELECT max(minute) FROM minutes")?;
                let last: Option<i64> = statement.query_row([], |row| row.get(0)).optional()?.flatten();
                last.unwrap_or(i64::MIN)
            }
        };
        if minute > last {
            let statement = "INSERT INTO minutes (minute, seq) VALUES (?, ?)";
            self.conn.prepare_cached(statement)?.execute([minute, int(seq)])?;
        }
        self.memory.last_minute = Some(minute.max(last));
        Ok(())
    }

    pub(super) fn index_input(&mut self, seq: i64, idx: i64, at_ms: i64, input: &log::Input) -> Done {
        let case = match &input.body {
            Some(Arrived::Command(command)) => command.case,
            _ => 0,
        };
        self.place(seq, idx, kind::of_input(input), at_ms, case)?;
        match &input.body {
            Some(Arrived::Command(command)) => {
                self.about_case(command.case, seq, idx)?;
                self.about_agent(&command.principal, seq, idx)
            }
            Some(Arrived::Agent(record)) => self.about_agent(&record.agent, seq, idx),
            _ => Ok(()),
        }
    }

    pub(super) fn index_event(&mut self, at: At, event: &log::Event) -> Done {
        let about = kind::subjects(event);
        let first = about.cases.first().copied().unwrap_or_default();
        self.place(at.seq, at.idx, kind::of_event(event), at.at_ms, first)?;
        for case in &about.cases {
            self.about_case(*case, at.seq, at.idx)?;
        }
        for agent in &about.agents {
            self.about_agent(agent, at.seq, at.idx)?;
        }
        if self.tells_its_input(at, event)? {
            for case in &about.cases {
                self.about_case(*case, at.input.0, at.input.1)?;
            }
            let statement = "UPDATE audit SET case_id = ? WHERE seq = ? AND idx = ? AND case_id = 0";
            self.conn.prepare_cached(statement)?.execute([int(first), at.input.0, at.input.1])?;
        }
        Ok(())
    }

    /// Whether the case of this event is what its input was about. A timer's events name whatever input was being
    /// judged when it fired.
    fn tells_its_input(&mut self, at: At, event: &log::Event) -> rusqlite::Result<bool> {
        Ok(match &event.body {
            Some(
                Happened::MessageJoined(_)
                | Happened::MessageEdited(_)
                | Happened::MessageRemoved(_)
                | Happened::MessageReread(_)
                | Happened::CaseOpened(_)
                | Happened::InputDuplicated(_)
                | Happened::DeliveryStarted(_),
            ) => true,
            Some(Happened::DeliveryEnded(_)) => {
                let input = self.input(at.input)?;
                matches!(input.as_deref(), Some(log::Input { body: Some(Arrived::Report(_)), .. }))
            }
            _ => false,
        })
    }

    fn place(&self, seq: i64, idx: i64, kind: i64, at_ms: i64, case: u64) -> Done {
        let statement =
            "INSERT OR REPLACE INTO audit (seq, idx, kind, at_ms, case_id) VALUES (?, ?, ?, ?, ?)";
        self.conn.prepare_cached(statement)?.execute(params![seq, idx, kind, at_ms, int(case)])?;
        Ok(())
    }

    fn about_case(&self, case: u64, seq: i64, idx: i64) -> Done {
        if case != 0 {
            let statement = "INSERT OR IGNORE INTO case_places (case_id, seq, idx) VALUES (?, ?, ?)";
            self.conn.prepare_cached(statement)?.execute([int(case), seq, idx])?;
        }
        Ok(())
    }

    fn about_agent(&self, agent: &str, seq: i64, idx: i64) -> Done {
        if !agent.is_empty() {
            let statement = "INSERT OR IGNORE INTO agent_places (agent, seq, idx) VALUES (?, ?, ?)";
            self.conn.prepare_cached(statement)?.execute(params![agent, seq, idx])?;
        }
        Ok(())
    }
}
