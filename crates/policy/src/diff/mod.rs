//! What changed between two versions of a policy, by meaning: what a desk's files come to is compared, part by part
//! and by name, so that comments, layout, and which file something stands in make no difference.
//!
//! [`Portrait::changes_to`] is the way in. What is compared is what compiles: defaults are filled in, names are looked up, conditions
//! count as the same when only their spaces differ.

mod calls;
mod compare;
mod hours;
mod item;
mod portrait;
mod routing;

use crate::compile::compiled;
use crate::folder::Manifest;
use crate::problem::Problem;
use item::Item;

/// One thing of a policy that is not in both versions, or not as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What it is, such as `rule`, `queue`, `sla`, `disposition`.
    pub kind: &'static str,
    /// Its name among those of its kind; empty where there is only one, such as the desk's `limits`.
    pub name: String,
    /// What became of it.
    pub how: How,
    /// Where it stands now among others of its kind, if the order counts and it went elsewhere.
    pub moved: Option<Moved>,
    /// What is different of it; all of it, where it was added or removed.
    pub fields: Vec<Field>,
    /// What is different of its parts, such as an SLA's clocks; all of them, where it was added or removed.
    pub parts: Vec<Change>,
}

/// What became of a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// Only the new version has it.
    Added,
    /// Only the old version has it.
    Removed,
    /// Both have it, and it is not the same.
    Changed,
}

impl How {
    /// Its name for machines.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed => "changed",
        }
    }
}

/// Another place in an order that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// Place in the old version, from 1; 0: it was not there.
    pub from: usize,
    /// Place in the new version, from 1.
    pub to: usize,
    /// What now stands just before it; none: it is the first.
    pub after: Option<String>,
}

/// Something of a thing that is different.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// What, as the files call it.
    pub name: &'static str,
    /// How it differs.
    pub difference: Difference,
}

/// How two values differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// One value for another; none: it is not said, or does not hold.
    Value {
        /// In the old version.
        before: Option<String>,
        /// In the new version.
        after: Option<String>,
    },
    /// Other members of a list.
    Members {
        /// Only the new version has these.
        added: Vec<String>,
        /// Only the old version has these.
        removed: Vec<String>,
        /// Those of both stand in another order, and the order counts.
        reordered: bool,
    },
}

/// All that a policy is to a desk, taken apart so that it can be compared. The default one has nothing: no policy.
#[derive(Debug, Clone, Default)]
pub struct Portrait {
    name: String,
    version: u64,
    items: Vec<Item>,
}

impl Portrait {
    /// Of a desk's policy, from all files of its folder: path within the folder, and text.
    ///
    /// # Errors
    /// As [`crate::compile()`]: only what can be used is compared.
    pub fn of(desk: &str, files: &[(String, String)]) -> Result<Self, Vec<Problem>> {
        let portrait = |manifest: Manifest, draft, shape| {
            let items = portrait::of(&manifest, &draft, &shape);
            Self { name: manifest.name.to_string(), version: manifest.version, items }
        };
        compiled(desk, files, portrait).map(|(portrait, _)| portrait)
    }

    /// The policy's name; empty: no policy.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its version; 0: no policy. That it is another is no change.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// What is different in the other, newer one: sorted by kind, and within a kind what is gone first, then in the new
    /// order. Empty: they mean the same.
    #[must_use]
    pub fn changes_to(&self, new: &Self) -> Vec<Change> {
        compare::compare(&self.items, &new.items)
    }
}
