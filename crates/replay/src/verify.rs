//! Judging a log again: for every input, what the same program decides now must be what stands on the log, byte for
//! byte, however it was grouped into commits (invariant 7). What an older core decided is folded instead.

use simpang_domain::event::{Event, Happened};
use simpang_log::tail::{Body, Entry};
use simpang_log::{DeskName, LogError};
use simpang_proto::log::v1::Commit;
use simpang_proto::log::v1::event::Body as WireBody;

use crate::core_version;
use crate::fold::{Fold, Pending};

/// What judging a log again came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Inputs judged again, with equal events.
    pub judged: u64,
    /// Inputs that another version of the core decided: folded, not judged.
    pub folded: u64,
    /// Events compared.
    pub events: u64,
    /// The first differences, as sentences; at most ten.
    pub differences: Vec<String>,
    /// How many inputs differ in all.
    pub differing: u64,
}

/// Judges a log again, entry by entry.
#[derive(Debug)]
pub struct Verifier {
    fold: Fold,
    verdict: Verdict,
    same_core: bool,
}

impl Verifier {
    /// Begins at the beginning of a desk's log.
    #[must_use]
    pub fn new(desk: &DeskName) -> Self {
        Self { fold: Fold::new(desk), verdict: Verdict::default(), same_core: false }
    }

    /// Takes the next record in; of a commit, the bytes count, and its events need not be decoded
    /// ([`Tail::leave_out_events`](simpang_log::Tail::leave_out_events)).
    ///
    /// # Errors
    /// When a commit can't be read or covers what did not come.
    pub fn take(&mut self, entry: &Entry) -> Result<(), LogError> {
        let Body::Commit { commit, .. } = &entry.body else {
            return self.fold.take(entry).map(|_| ());
        };
        let encoded = simpang_wire::commit::encoded_events(&entry.payload);
        let first = simpang_wire::commit::first_event(&encoded);
        let taken = match first.and_then(|event| event.body) {
            Some(WireBody::DeskTaken(taken)) => Some(taken.core_version),
            _ => None,
        };
        if let Some(core) = &taken {
            self.same_core = *core == core_version();
        }
        if self.same_core
            && taken.is_none()
            && let Some(covered) = self.fold.covered(commit.decided_through.unwrap_or_default())
        {
            return self.judge_all(entry, covered, &encoded);
        }
        let whole = Commit { events: self.fold.wire_events_of(entry)?, ..(**commit).clone() };
        for decided in self.fold.commit(entry.seq, &whole)? {
            let (input, rules) = (&decided.pending.input, decided.pending.rules);
            if self.same_core {
                let now = self.fold.desk.judge(input, rules);
                self.compare(&now, &decided.events);
            } else {
                self.fold.desk.fold(input, &decided.events, rules);
                self.verdict.folded += 1;
            }
        }
        Ok(())
    }

    /// Judges inputs that one commit covers, and compares what follows with its events as they stand there. Only where
    /// these differ is the commit taken apart to say what does.
    fn judge_all(&mut self, entry: &Entry, covered: Vec<Pending>, encoded: &[u8]) -> Result<(), LogError> {
        let mut all = Vec::with_capacity(covered.len());
        let mut bytes = Vec::with_capacity(encoded.len());
        for Pending { input, rules } in covered {
            let now = self.fold.desk.judge(&input, rules);
            for event in &now {
                simpang_wire::commit::append_event(event, &mut bytes);
            }
            all.push((input.id, now));
        }
        if bytes == encoded {
            self.verdict.judged += all.len() as u64;
            self.verdict.events += all.iter().map(|(_, now)| now.len() as u64).sum::<u64>();
            return Ok(());
        }
        let differing = self.verdict.differing;
        let mut then = self.fold.events_of(entry)?.into_iter().peekable();
        for (id, now) in &all {
            let then: Vec<Event> =
                std::iter::from_fn(|| then.next_if(|event| event.caused_by == *id)).collect();
            self.compare(now, &then);
        }
        if let Some(stray) = then.next() {
            return Err(self.fold.stray(entry.seq, stray.caused_by));
        }
        if self.verdict.differing == differing {
            // Equal as far as this program can read: something stands beside what it knows.
            self.verdict.differing += 1;
            let what =
                format!("commit at {}: its events are not the bytes that judging again writes", entry.seq);
            self.verdict.differences.extend(Some(what).filter(|_| self.verdict.differences.len() < 10));
        }
        Ok(())
    }

    fn compare(&mut self, now: &[Event], then: &[Event]) {
        self.verdict.judged += 1;
        self.verdict.events += then.len() as u64;
        compare(now, then, &mut self.verdict);
    }

    /// The desk as of the last input decided.
    #[must_use]
    pub fn fold(&self) -> &Fold {
        &self.fold
    }

    /// What it came to.
    #[must_use]
    pub fn finish(self) -> Verdict {
        self.verdict
    }
}

fn compare(now: &[Event], then: &[Event], verdict: &mut Verdict) {
    if now == then {
        return;
    }
    verdict.differing += 1;
    if verdict.differences.len() < 10 {
        let at = now.iter().zip(then).take_while(|(a, b)| a == b).count();
        let name = |events: &[Event]| events.get(at).map_or("nothing".to_owned(), |e| shape(&e.body));
        let id = then.first().or(now.first()).map(|e| e.caused_by).unwrap_or_default();
        verdict.differences.push(format!(
            "input {}.{}: event {at} is {} on the log, judged again it is {}",
            id.seq,
            id.index,
            name(then),
            name(now)
        ));
    }
}

fn shape(body: &Happened) -> String {
    let mut text = format!("{body:?}");
    text.truncate(text.char_indices().nth(300).map_or(text.len(), |(at, _)| at));
    text
}
