//! Postfix: hands mail for the desks to Simpang by LMTP over STARTTLS and puts mail for customers into a Maildir.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::{folder, run};
use crate::program::Program;
use crate::wait::eventually;

/// A Postfix with a queue and settings of its own.
#[derive(Debug)]
pub struct Postfix {
    server: Program,
    dir: TempDir,
}

impl Postfix {
    /// Starts it on this port; what is for `telkom.example` goes to `simpang`, what is for this customer to the
    /// Maildir; what is for others of the customer's domain is taken, and comes back as a bounce. Takes root.
    ///
    /// # Panics
    /// When it is not there or does not start.
    pub async fn start(port: u16, simpang: SocketAddr, customer: &str, maildir: &Path) -> Self {
        let dir = folder();
        let at = dir.path();
        for name in ["conf", "queue", "lib"] {
            fs::create_dir_all(at.join(name)).expect("a folder");
        }
        run(Command::new("chown").arg("postfix").arg(at.join("lib")));
        fs::write(at.join("conf/main.cf"), settings(at, simpang, customer, maildir)).expect("main.cf");
        fs::write(at.join("conf/master.cf"), services(port)).expect("master.cf");
        let mut command = Command::new("postfix");
        command.arg("-c").arg(at.join("conf")).arg("start-fg");
        let mut server = Program::start("postfix", &mut command, &at.join("output"));
        eventually("Postfix to answer", async || {
            server.must_run();
            tokio::net::TcpStream::connect(("127.0.0.1", port)).await.ok()
        })
        .await;
        Self { server, dir }
    }

    /// What it logged.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    /// Message-IDs of what it took and could not bring, with their brackets.
    #[must_use]
    pub fn bounced_ids(&self) -> Vec<String> {
        let log = self.log();
        let after = |line: &str, word: &str| Some(line.split_once(word)?.1.to_owned());
        // `… postfix/virtual[1]: <queue id>: to=<…>, … status=bounced (…)`
        let queue_id = |line: &str| Some(line.split("]: ").nth(1)?.split(':').next()?.to_owned());
        let bounced = log.lines().filter(|line| line.contains("status=bounced")).filter_map(queue_id);
        let named = |id: String| log.lines().find_map(|line| after(line, &format!("{id}: message-id=")));
        bounced.filter_map(named).collect()
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        let _ = Command::new("postfix").arg("-c").arg(self.dir.path().join("conf")).arg("stop").output();
        self.server.ask_to_stop();
    }
}

fn settings(at: &Path, simpang: SocketAddr, customer: &str, maildir: &Path) -> String {
    let id = |of: &str| run(Command::new("id").arg(of).arg("mail")).trim().to_owned();
    let (uid, gid, port) = (id("-u"), id("-g"), simpang.port());
    let (at, base) = (at.display(), maildir.parent().unwrap_or(maildir).display());
    let name = maildir.file_name().unwrap_or_default().to_string_lossy();
    let (_, domain) = customer.split_once('@').unwrap_or_default();
    format!(
        r"
compatibility_level = 3.6
queue_directory = {at}/queue
data_directory = {at}/lib
maillog_file = {at}/log
maillog_file_prefixes = {at}
mail_owner = postfix
setgid_group = postdrop
myhostname = mx.telkom.example
mydestination =
local_recipient_maps =
alias_maps =
alias_database =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
disable_dns_lookups = yes
smtp_host_lookup = native
recipient_delimiter = +
relay_domains = telkom.example
transport_maps = inline:{{telkom.example=lmtp:inet:127.0.0.1:{port}}}
lmtp_tls_security_level = encrypt
lmtp_tls_loglevel = 1
smtpd_reject_unlisted_recipient = no
virtual_mailbox_domains = {domain}
virtual_mailbox_base = {base}
virtual_mailbox_maps = inline:{{{customer}={name}/}}
virtual_minimum_uid = 1
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
"
    )
}

fn services(port: u16) -> String {
    format!(
        r"
127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"
    )
}
