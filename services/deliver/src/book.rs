//! The policy in force, as far as sending needs it: templates, groups, the desk's signature. Follows the log: a policy
//! holds from the commit on that applied it.

use std::collections::BTreeMap;

use simpang_domain::stored::ways::{Maybe, Values};
use simpang_domain::stored::{Damaged, Reader, Shape, Way, Writer};
use simpang_log::DeskName;
use simpang_policy::Policy;
use simpang_proto::log::v1::{self, event::Body as Event, input::Body as Input};
use simpang_wire::stored::Encoded;
use tracing::error;

/// Policies that arrived, and the one that holds.
#[derive(Debug, Default)]
pub(crate) struct Book {
    /// Arrived and not yet judged, by place.
    arrived: BTreeMap<(u64, u32), v1::PolicyDocument>,
    /// The document that holds, and what it says.
    applied: Option<v1::PolicyDocument>,
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
        let Some(document) = self.arrived.get(&place).cloned() else { return };
        self.hold(desk, document);
    }

    fn hold(&mut self, desk: &DeskName, document: v1::PolicyDocument) {
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
        self.applied = Some(document);
    }

    /// As it was written down.
    pub(crate) fn load(desk: &DeskName, from: &mut Reader<'_>) -> Result<Self, Damaged> {
        let arrived = Values::<Encoded>::load(from)?;
        let applied: Option<v1::PolicyDocument> = Maybe::<Encoded>::load(from)?;
        let mut book = Self { arrived, ..Self::default() };
        if let Some(document) = applied {
            book.hold(desk, document);
        }
        Ok(book)
    }

    /// Writes down what does not follow from the rest.
    pub(crate) fn store(&self, to: &mut Writer<'_>) {
        let Self { arrived, applied, policy: _ } = self;
        Values::<Encoded>::store(arrived, to);
        Maybe::<Encoded>::store(applied, to);
    }

    /// The layout of that.
    pub(crate) fn shape(shape: &mut Shape) {
        shape.word("Book");
        <Values<Encoded> as Way<BTreeMap<(u64, u32), v1::PolicyDocument>>>::shape(shape);
        <Maybe<Encoded> as Way<Option<v1::PolicyDocument>>>::shape(shape);
    }

    /// The policy that holds; none before the first.
    pub(crate) fn policy(&self) -> Option<&Policy> {
        self.policy.as_ref()
    }
}
