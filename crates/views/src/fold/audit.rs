//! The audit index: which inputs and events stand where, and what they are about.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension, ToSql};
use simpang_proto::log::v1 as log;
use simpang_proto::log::v1::event::Body as Happened;
use simpang_proto::log::v1::input::Body as Arrived;

use super::{At, Done, Fold};
use crate::kind;
use crate::row::int;

const MINUTE_MS: i64 = 60_000;

/// Rows that are written by one statement, as many of the most as there are, and so on.
const AT_ONCE: [usize; 3] = [100, 10, 1];

/// What is to be written into the index at the end of the transaction.
#[derive(Debug, Default)]
pub(super) struct Placed {
    /// Sequence, index, kind, time, case.
    rows: Vec<[i64; 5]>,
    /// Case, sequence, index.
    cases: BTreeSet<[i64; 3]>,
    agents: BTreeSet<(String, i64, i64)>,
}

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

    /// Notes whom an input is about; gives the case that it names, 0 for none.
    pub(super) fn index_input(&mut self, seq: i64, idx: i64, input: &log::Input) -> u64 {
        match &input.body {
            Some(Arrived::Command(command)) => {
                self.about_case(command.case, seq, idx);
                self.about_agent(&command.principal, seq, idx);
                command.case
            }
            Some(Arrived::Agent(record)) => {
                self.about_agent(&record.agent, seq, idx);
                0
            }
            _ => 0,
        }
    }

    pub(super) fn index_event(&mut self, at: At, event: &log::Event) -> Done {
        let about = kind::subjects(event);
        let first = about.cases.first().copied().unwrap_or_default();
        self.place(at.seq, at.idx, kind::of_event(event), at.at_ms, first);
        for case in &about.cases {
            self.about_case(*case, at.seq, at.idx);
        }
        for agent in &about.agents {
            self.about_agent(agent, at.seq, at.idx);
        }
        if self.tells_its_input(at, event)? { self.input_is_about(at.input, &about.cases) } else { Ok(()) }
    }

    /// Notes the cases that an event tells of its input.
    fn input_is_about(&mut self, (seq, idx): (i64, i64), cases: &[u64]) -> Done {
        let first = cases.first().copied().unwrap_or_default();
        let fresh = self.fresh.get_mut(&(seq, idx)).filter(|fresh| fresh.indexed);
        if let Some(fresh) = &fresh
            && fresh.case == first
            && cases.len() == 1
        {
            // The event before said so.
            return Ok(());
        }
        match fresh {
            Some(fresh) if fresh.case == 0 => fresh.case = first,
            Some(_) => {}
            None => {
                let statement = "UPDATE audit SET case_id = ? WHERE seq = ? AND idx = ? AND case_id = 0";
                self.conn.prepare_cached(statement)?.execute([int(first), seq, idx])?;
            }
        }
        for case in cases {
            self.about_case(*case, seq, idx);
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

    fn place(&mut self, seq: i64, idx: i64, kind: i64, at_ms: i64, case: u64) {
        self.placed.rows.push([seq, idx, kind, at_ms, int(case)]);
    }

    fn about_case(&mut self, case: u64, seq: i64, idx: i64) {
        if case != 0 {
            self.placed.cases.insert([int(case), seq, idx]);
        }
    }

    fn about_agent(&mut self, agent: &str, seq: i64, idx: i64) {
        if !agent.is_empty() {
            self.placed.agents.insert((agent.to_owned(), seq, idx));
        }
    }

    /// Writes what was indexed.
    pub(super) fn write_places(&mut self) -> Done {
        for ((seq, idx), fresh) in self.fresh.iter().filter(|(_, fresh)| fresh.indexed) {
            let kind = kind::of_input(&fresh.input);
            self.placed.rows.push([*seq, *idx, kind, fresh.at_ms, int(fresh.case)]);
        }
        let Placed { mut rows, cases, agents } = std::mem::take(&mut self.placed);
        rows.sort_unstable();
        let rows = rows.iter().map(|row| row.each_ref().map(|value| value as &dyn ToSql));
        insert(self.conn, "INSERT OR REPLACE INTO audit (seq, idx, kind, at_ms, case_id)", rows)?;
        let cases = cases.iter().map(|row| row.each_ref().map(|value| value as &dyn ToSql));
        insert(self.conn, "INSERT OR IGNORE INTO case_places (case_id, seq, idx)", cases)?;
        let agents = agents.iter().map(|(agent, seq, idx)| [agent as &dyn ToSql, seq, idx]);
        insert(self.conn, "INSERT OR IGNORE INTO agent_places (agent, seq, idx)", agents)
    }
}

/// Inserts rows, many by one statement, which costs as much as a row does.
fn insert<'a, const N: usize>(
    conn: &Connection,
    into: &str,
    rows: impl Iterator<Item = [&'a dyn ToSql; N]>,
) -> Done {
    let values: Vec<&dyn ToSql> = rows.flatten().collect();
    let (mut rest, row) = (values.as_slice(), format!("({})", ["?"; N].join(", ")));
    for size in AT_ONCE {
        let statement = format!("{into} VALUES {}", vec![row.as_str(); size].join(", "));
        let mut statement = conn.prepare_cached(&statement)?;
        while let Some((some, left)) = rest.split_at_checked(size * N)
            && !some.is_empty()
        {
            statement.execute(some)?;
            rest = left;
        }
    }
    Ok(())
}
