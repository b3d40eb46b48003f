//! The policy in force, as far as sending needs it: templates, groups, the desk's signature. Follows the log: a policy
//! holds from the commit on that applied it.

use std::collections::BTreeMap;

use simpang_log::DeskName;
use simpang_policy::Policy;
use simpang_proto::log::v1::{self, event::Body as Event, input::Body as Input};
use tracing::error;

/// Policies that arrived, and the one that holds.
#[derive(Debug, Default)]
pub(crate) struct Book {
    /// Arrived and not yet judged, by place.
    arrived: BTreeMap<(u64, u32), v1::PolicyDocument>,
    policy: Option<Policy>,
}

impl Book {
    /// Keeps the policies that a record brings until they are judged.
    pub(crate) fn arrive(&mut self, seq: u64, inputs: &[v1::Input]) {
        for (index, input) in (0..).zip(inputs) {
            if let Some(Input::Policy(document)) = &input.body {
                self.arrived.insert((seq, index), document.clone());
            }
        }
    }

    /// Takes up the policy that a commit applied, and forgets those that it judged.
    pub(crate) fn fold(&mut self, desk: &DeskName, commit: &v1::Commit) {
        for event in &commit.events {
            if let (Some(Event::PolicyApplied(_)), Some(cause)) = (&event.body, &event.caused_by) {
                self.apply(desk, (cause.seq, cause.index));
            }
        }
        let decided = commit.decided_through.unwrap_or_default();
        self.arrived = self.arrived.split_off(&(decided.seq, decided.index.saturating_add(1)));
    }

    fn apply(&mut self, desk: &DeskName, place: (u64, u32)) {
        let Some(document) = self.arrived.get(&place) else { return };
        let files = document.files.iter().map(|file| (file.path.clone(), file.text.clone()));
        let files: Vec<_> = files.collect();
        match simpang_policy::compile(desk.as_str(), &files) {
            Ok(compiled) => self.policy = Some(compiled.policy),
            Err(problems) => {
                let first = problems.first().map(ToString::to_string).unwrap_or_default();
                error!(%desk, version = document.version, first, "the router applied a policy that this program can't read: use the same version for both");
                self.policy = None;
            }
        }
    }

    /// The policy that holds; none before the first.
    pub(crate) fn policy(&self) -> Option<&Policy> {
        self.policy.as_ref()
    }
}
