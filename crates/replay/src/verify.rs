//! Judging a log again: for every input, what the same program decides now must be what stands on the log, byte for
//! byte, however it was grouped into commits (invariant 7). What an older core decided is folded instead.

use prost::Message;
use simpang_domain::event::{Event, Happened};
use simpang_log::tail::{Body, Entry};
use simpang_log::{DeskName, LogError};

use crate::core_version;
use crate::fold::Fold;

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

    /// Takes the next record in.
    ///
    /// # Errors
    /// When a commit can't be read or covers what did not come.
    pub fn take(&mut self, entry: &Entry) -> Result<(), LogError> {
        if let Body::Commit { commit, .. } = &entry.body
            && let Some(simpang_proto::log::v1::event::Body::DeskTaken(taken)) =
                commit.events.first().and_then(|e| e.body.as_ref())
        {
            self.same_core = taken.core_version == core_version();
        }
        for decided in self.fold.take(entry)? {
            let (input, rules) = (&decided.pending.input, decided.pending.rules);
            if self.same_core {
                let now = self.fold.desk.judge(input, rules);
                self.verdict.events += decided.events.len() as u64;
                compare(&now, &decided.events, &mut self.verdict);
                self.verdict.judged += 1;
            } else {
                self.fold.desk.fold(input, &decided.events, rules);
                self.verdict.folded += 1;
            }
        }
        Ok(())
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
    let bytes = |events: &[Event]| -> Vec<Vec<u8>> {
        events.iter().map(|event| simpang_wire::event::write(event).encode_to_vec()).collect()
    };
    if now == then && bytes(now) == bytes(then) {
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
