//! Finding the `nats-server` binary and making sure that it is recent enough.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::ServerError;

/// The oldest version without known security flaws that matter here.
pub const VERSION_MIN: (u32, u32, u32) = (2, 14, 3);

/// Finds a binary: `given`; else what NATS_SERVER names; else `.tools/nats-server` in `workspace` (none: the current
/// folder) or a folder above it; else `nats-server` on PATH. The first that exists has to be fit.
///
/// # Errors
/// When there is none, or it is too old or does not run.
pub fn find(given: Option<&Path>, workspace: Option<&Path>) -> Result<PathBuf, ServerError> {
    let named = given.map(Path::to_owned).or_else(|| env::var_os("NATS_SERVER").map(PathBuf::from));
    let path = match named {
        Some(path) if path.is_file() => path,
        Some(path) => return Err(ServerError::NotFound(path.display().to_string())),
        None => search(workspace)?,
    };
    check_version(&path)?;
    Ok(path)
}

fn search(workspace: Option<&Path>) -> Result<PathBuf, ServerError> {
    let begin = workspace.map(Path::to_owned).or_else(|| env::current_dir().ok()).unwrap_or_default();
    let tools = begin.ancestors().map(|dir| dir.join(".tools/nats-server"));
    let path = env::var_os("PATH").unwrap_or_default();
    let on_path = env::split_paths(&path).map(|dir| dir.join("nats-server"));
    tools.chain(on_path).find(|candidate| candidate.is_file()).ok_or_else(|| {
        let begin = begin.display();
        ServerError::NotFound(format!(".tools/nats-server in {begin} and above, and nats-server on PATH"))
    })
}

fn check_version(path: &Path) -> Result<(), ServerError> {
    let unusable = |reason: String| ServerError::Unusable { path: path.to_owned(), reason };
    let output = Command::new(path).arg("--version").output().map_err(|error| unusable(error.to_string()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let version =
        parse_version(&text).ok_or_else(|| unusable(format!("it states no version: {}", text.trim())))?;
    if version < VERSION_MIN {
        let ((a, b, c), (x, y, z)) = (version, VERSION_MIN);
        return Err(unusable(format!("it is {a}.{b}.{c}, {x}.{y}.{z} or newer is needed")));
    }
    Ok(())
}

/// Reads `nats-server: v2.15.1`; a pre-release counts as its release.
fn parse_version(text: &str) -> Option<(u32, u32, u32)> {
    let version = text.split_whitespace().last()?.trim_start_matches('v');
    let numbers = version.split('-').next()?;
    let mut parts = numbers.split('.').map(str::parse);
    Some((parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        let cases = [
            ("nats-server: v2.15.1\n", Some((2, 15, 1))),
            ("nats-server: v2.9.25", Some((2, 9, 25))),
            ("nats-server: v2.16.0-RC.3", Some((2, 16, 0))),
            ("something else", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_version(text), expected, "{text:?}");
        }
        assert!((2, 9, 25) < VERSION_MIN);
    }

    #[test]
    fn a_named_binary_that_is_absent_is_not_replaced_by_another() {
        let found = find(Some(Path::new("/nowhere/nats-server")), None);
        assert!(matches!(found, Err(ServerError::NotFound(_))), "{found:?}");
    }

    #[test]
    fn a_binary_that_is_no_server_is_unusable() {
        let found = find(Some(Path::new("/bin/true")), None);
        assert!(matches!(found, Err(ServerError::Unusable { .. })), "{found:?}");
    }
}
