//! Why the log takes nothing now, for people who look at the health of the doors.

use std::fmt::Display;
use std::sync::Arc;

use dashmap::DashMap;

/// For each thing that the log keeps, why it last refused; gone once it takes something again.
#[derive(Debug, Clone, Default)]
pub(crate) struct Refusals(Arc<DashMap<String, String>>);

impl Refusals {
    /// Takes note of how an attempt came out.
    pub(crate) fn note<T, E: Display>(&self, what: &str, outcome: &Result<T, E>) {
        match outcome {
            Err(reason) => drop(self.0.insert(what.to_owned(), reason.to_string())),
            // Hardly ever is there anything to forget.
            Ok(_) if self.0.is_empty() => {}
            Ok(_) => drop(self.0.remove(what)),
        }
    }

    /// What is refused now, as sentences.
    pub(crate) fn all(&self) -> Vec<String> {
        let mut all: Vec<String> =
            self.0.iter().map(|entry| format!("{}: {}", entry.key(), entry.value())).collect();
        all.sort();
        all
    }
}

#[cfg(test)]
mod tests {
    use super::Refusals;

    #[test]
    fn a_refusal_stands_until_something_is_taken() {
        let refusals = Refusals::default();
        refusals.note::<(), _>("desk b", &Err("full"));
        refusals.note::<(), _>("desk a", &Err("away"));
        refusals.note("desk c", &Ok::<_, String>(1));
        assert_eq!(refusals.all(), ["desk a: away", "desk b: full"]);
        refusals.note("desk b", &Ok::<_, String>(1));
        assert_eq!(refusals.all(), ["desk a: away"]);
    }
}
