//! Mail servers that are not ours, from Debian, each in a folder and on ports of its own, ended with the test.

mod dovecot;
mod postfix;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

pub use dovecot::Dovecot;
pub use postfix::Postfix;

/// A certificate for `localhost` and its key, as PEM.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// The certificate.
    pub chain: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

impl Certificate {
    /// Makes one in this folder.
    ///
    /// # Panics
    /// When `openssl` can't.
    #[must_use]
    pub fn make(dir: &Path) -> Self {
        let made = Self { chain: dir.join("cert.pem"), key: dir.join("key.pem") };
        run(Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"])
            .args(["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"])
            .args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout"])
            .arg(&made.key)
            .arg("-out")
            .arg(&made.chain));
        made
    }
}

/// Whether this is root: mail servers keep their users apart and take that to start.
#[must_use]
pub fn is_root() -> bool {
    run(Command::new("id").arg("-u")).trim() == "0"
}

/// Runs a command to its end; what it printed.
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{command:?}: {said}{}", String::from_utf8_lossy(&output.stderr));
    said
}

/// A folder for a server's files, which its users may pass.
fn folder() -> tempfile::TempDir {
    let everybody = fs::Permissions::from_mode(0o755);
    tempfile::Builder::new().prefix("simpang-server-").permissions(everybody).tempdir().expect("a folder")
}

/// A folder that every user may write to.
fn open_folder(path: &Path) {
    fs::create_dir_all(path).expect("a folder");
    fs::set_permissions(path, fs::Permissions::from_mode(0o777)).expect("a folder for all");
}
