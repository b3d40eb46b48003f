//! Dovecot: one user's mailbox, read by IMAP.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::{folder, is_root, open_folder, run};
use crate::program::{Program, free_port};
use crate::wait::eventually;

/// A mailbox on a Dovecot of its own.
#[derive(Debug)]
pub struct Dovecot {
    server: Program,
    port: u16,
    user: String,
    dir: TempDir,
}

impl Dovecot {
    /// The password of its user.
    pub const PASSWORD: &str = "sandi";

    /// Starts it for this user.
    ///
    /// # Panics
    /// When it is not there or does not start.
    pub async fn start(user: &str) -> Self {
        let (dir, port) = (folder(), free_port());
        let at = dir.path();
        for name in ["mail", "mail/cur", "mail/new", "mail/tmp"] {
            open_folder(&at.join(name));
        }
        fs::write(at.join("users"), format!("{user}:{{PLAIN}}{}\n", Self::PASSWORD)).expect("its users");
        fs::write(at.join("dovecot.conf"), configuration(at, port)).expect("its settings");
        let mut command = Command::new("dovecot");
        command.arg("-F").arg("-c").arg(at.join("dovecot.conf"));
        let mut server = Program::start("dovecot", &mut command, &at.join("output"));
        eventually("Dovecot to answer", async || {
            server.must_run();
            tokio::net::TcpStream::connect(("127.0.0.1", port)).await.ok()
        })
        .await;
        Self { server, port, user: user.to_owned(), dir }
    }

    /// Its port for IMAP.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its user.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The mailbox's folder, a Maildir.
    #[must_use]
    pub fn maildir(&self) -> PathBuf {
        self.dir.path().join("mail")
    }

    /// Puts a mail into the mailbox, as a mail server does.
    ///
    /// # Panics
    /// When it can't be written.
    pub fn deliver(&self, name: &str, raw: &str) {
        let (written, there) = (self.maildir().join("tmp").join(name), self.maildir().join("new").join(name));
        fs::write(&written, raw).expect("a mail");
        fs::rename(&written, there).expect("a mail in its place");
    }

    /// How many mails lie where nobody has seen them, and how many elsewhere.
    ///
    /// # Panics
    /// When the folders are not there.
    #[must_use]
    pub fn unseen_and_seen(&self) -> (usize, usize) {
        let count = |name: &str| fs::read_dir(self.maildir().join(name)).expect("a folder").count();
        (count("new"), count("cur"))
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        // The master ends its own children when it is asked to.
        self.server.ask_to_stop();
    }
}

/// As little as one user takes. Without root everything runs as whoever runs the test.
fn configuration(at: &Path, port: u16) -> String {
    let me = run(Command::new("id").arg("-un")).trim().to_owned();
    let (internal, login, reader) =
        if is_root() { ("dovecot", "dovenull", "mail") } else { (&*me, &*me, &*me) };
    let id = |of: &str| run(Command::new("id").arg(of).arg(reader)).trim().to_owned();
    let (uid, gid, at) = (id("-u"), id("-g"), at.display());
    format!(
        r"
base_dir = {at}/run
state_dir = {at}/state
log_path = {at}/log
protocols = imap
listen = 127.0.0.1
default_internal_user = {internal}
default_login_user = {login}
first_valid_uid = 1
disable_plaintext_auth = no
ssl = no
mail_location = maildir:{at}/mail
auth_mechanisms = plain login
maildir_stat_dirs = yes
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  chroot =
}}
passdb {{
  driver = passwd-file
  args = username_format=%u {at}/users
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={at}/home
}}
"
    )
}
