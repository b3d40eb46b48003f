//! The shipped policy in a folder of its own, with what a test changes in it.

use std::path::{Path, PathBuf};

use crate::program::repository;

/// A copy of `policies/telkom`.
#[derive(Debug)]
pub struct Policy {
    dir: PathBuf,
}

impl Policy {
    /// Copies the shipped policy. Calls may be made round the clock, so that no test depends on the time of day.
    ///
    /// # Panics
    /// When the shipped policy is not as expected.
    #[must_use]
    pub fn shipped(into: &Path) -> Self {
        copy(&repository().join("policies/telkom"), into);
        let policy = Self { dir: into.to_owned() };
        policy.change(
            "desks/tier2-outbound/callback.toml",
            "hours = { daily = \"08:00-20:00\" }",
            "always = true",
        );
        policy
    }

    /// Where it is.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Puts another text in the place of one that stands in a file once.
    ///
    /// # Panics
    /// When it does not stand there exactly once.
    pub fn change(&self, file: &str, from: &str, to: &str) {
        let path = self.dir.join(file);
        let text = std::fs::read_to_string(&path).expect("a file of the policy");
        assert_eq!(text.matches(from).count(), 1, "{file} has {from:?} once");
        std::fs::write(path, text.replace(from, to)).expect("a file of the policy");
    }
}

/// Our user id at X, as the shipped policy has it.
pub(crate) const X_USER: &str = "1114";
/// Our page's id at Facebook, as the shipped policy has it.
pub(crate) const FACEBOOK_PAGE: &str = "444";

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder for the policy");
    for entry in std::fs::read_dir(from).expect("the shipped policy") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::copy(&path, &target).expect("a copy");
        }
    }
}
