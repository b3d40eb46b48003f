//! Mailboxes on a real Dovecot: what lies in their folders reaches the desk once, and the folders stay as they are.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use simpang_ingest::{ImapMailbox, ImapTls, Token};
use simpang_log::MemoryStore;
use tempfile::TempDir;

use crate::harness::{DEADLINE, Doors, eventually};

const USER: &str = "care@tenesa.example";
/// Has a mailbox of their own, which belongs to the same account of ours.
const OTHER: &str = "dua@tenesa.example";
const PASSWORD: &str = "pass \"word\\";

/// A Dovecot with two users, in a folder of its own; killed when dropped.
pub(crate) struct Dovecot {
    dir: TempDir,
    imap: u16,
    imaps: u16,
    child: Child,
}

fn free_port() -> u16 {
    std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{command:?}: {said}{}", String::from_utf8_lossy(&output.stderr));
    said
}

impl Dovecot {
    pub(crate) async fn start() -> Self {
        Self::start_with("").await
    }

    /// With more in its configuration.
    async fn start_with(more: &str) -> Self {
        let dir = tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o755)).tempdir().unwrap();
        let at = dir.path().to_owned();
        for folder in ["mail-care", "mail-care/.Help", "mail-dua"] {
            for part in ["", "cur", "new", "tmp"] {
                open_folder(&at.join(folder).join(part));
            }
        }
        run(Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"])
            .args(["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"])
            .args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout"])
            .arg(at.join("key.pem"))
            .arg("-out")
            .arg(at.join("cert.pem")));
        let [imap, imaps] = [free_port(), free_port()];
        fs::write(at.join("users"), format!("{USER}:{{PLAIN}}{PASSWORD}\n{OTHER}:{{PLAIN}}{PASSWORD}\n"))
            .unwrap();
        fs::write(at.join("dovecot.conf"), configuration(&at, imap, imaps) + more).unwrap();
        let mut server = Command::new("dovecot");
        server.arg("-F").arg("-c").arg(at.join("dovecot.conf")).stdout(Stdio::null()).stderr(Stdio::null());
        let child = server.spawn().unwrap_or_else(|error| {
            panic!("Dovecot can't be started ({error}): `apt-get install dovecot-imapd`, as tools/run_tests.sh does")
        });
        let mut dovecot = Self { dir, imap, imaps, child };
        let began = std::time::Instant::now();
        while tokio::net::TcpStream::connect(("127.0.0.1", imap)).await.is_err() {
            let ended = dovecot.child.try_wait().unwrap();
            let log = || fs::read_to_string(at.join("log")).unwrap_or_default();
            assert!(ended.is_none() && began.elapsed() < DEADLINE, "Dovecot: {ended:?}\n{}", log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        dovecot
    }

    /// Puts a mail into a folder, as a mail server does.
    pub(crate) fn deliver(&self, folder: &str, number: u32) {
        put(&self.folder(folder), number, "");
    }

    fn folder(&self, folder: &str) -> PathBuf {
        let mail = self.dir.path().join("mail-care");
        if folder == "INBOX" { mail } else { mail.join(format!(".{folder}")) }
    }

    /// Makes the folder forget which UID means which mail.
    fn renumber(&self, folder: &str) {
        let folder = self.folder(folder);
        let list = folder.join("dovecot-uidlist");
        let known = fs::read_to_string(&list).unwrap();
        let validity: u32 = known.split_once(" V").unwrap().1.split(' ').next().unwrap().parse().unwrap();
        fs::write(&list, format!("3 V{} N1\n", validity + 1)).unwrap();
        for file in fs::read_dir(folder).unwrap().flatten() {
            if file.file_name().to_string_lossy().starts_with("dovecot.index") {
                fs::remove_file(file.path()).unwrap();
            }
        }
    }

    pub(crate) fn mailbox(&self, tls: ImapTls) -> ImapMailbox {
        ImapMailbox {
            account: USER.into(),
            host: "localhost".into(),
            port: if tls == ImapTls::Implicit { self.imaps } else { self.imap },
            tls,
            ca_file: Some(self.dir.path().join("cert.pem")),
            user: USER.into(),
            password: Token::new(PASSWORD),
            folders: vec!["INBOX".into(), "Help".into()],
            every: Duration::from_millis(100),
            from_start: true,
            trusted_authserv: String::new(),
            message_bytes: 1 << 20,
            unit: Duration::from_millis(50),
        }
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        // The master ends its own children when it is asked to.
        let asked = Command::new("sh").arg("-c").arg(format!("kill -TERM {}", self.child.id())).status();
        if asked.is_err() {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

/// A mail with so much more text, in the folder's `new`.
fn put(folder: &Path, number: u32, more: &str) {
    let text = format!(
        "From: Budi <budi@pelanggan.example>\r\nTo: {USER}\r\nSubject: Keluhan {number}\r\n\
         Message-ID: <{number}@pelanggan.example>\r\n\r\nInternet mati {number}.\r\n{more}"
    );
    let name = format!("{number}.test");
    fs::write(folder.join("tmp").join(&name), text).unwrap();
    fs::rename(folder.join("tmp").join(&name), folder.join("new").join(&name)).unwrap();
}

fn open_folder(path: &Path) {
    fs::create_dir_all(path).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
}

/// As little as one user takes. Without root everything runs as whoever runs the test.
fn configuration(at: &Path, imap: u16, imaps: u16) -> String {
    let at = at.display();
    let me = run(Command::new("id").arg("-un")).trim().to_owned();
    let (internal, login, reader) =
        if me == "root" { ("dovecot", "dovenull", "mail") } else { (&*me, &*me, &*me) };
    let id = |of: &str| run(Command::new("id").arg(of).arg(reader)).trim().to_owned();
    let (uid, gid) = (id("-u"), id("-g"));
    format!(
        r#"
base_dir = {at}/run
state_dir = {at}/state
log_path = {at}/log
protocols = imap
listen = 127.0.0.1
default_internal_user = {internal}
default_login_user = {login}
first_valid_uid = 1
disable_plaintext_auth = no
ssl = yes
ssl_cert = <{at}/cert.pem
ssl_key = <{at}/key.pem
mail_location = maildir:{at}/mail-%n
auth_mechanisms = plain login
maildir_stat_dirs = yes
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
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
"#
    )
}

pub(crate) fn subjects(doors: &Doors) -> Vec<String> {
    let mut subjects: Vec<String> =
        doors.messages("tenesa").into_iter().map(|(_, content)| content.subject).collect();
    subjects.sort();
    subjects
}

fn marked_read(dovecot: &Dovecot) -> usize {
    let folders = ["INBOX", "Help"].map(|folder| dovecot.folder(folder).join("cur"));
    folders.iter().map(|cur| fs::read_dir(cur).unwrap().count()).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mail_of_all_folders_arrives_once_also_over_restarts_and_is_not_marked_read() {
    let (dovecot, store) = (Dovecot::start().await, MemoryStore::new());
    dovecot.deliver("INBOX", 1);
    dovecot.deliver("Help", 2);
    let doors = Doors::open_reading(&store, vec![dovecot.mailbox(ImapTls::None)]).await;
    eventually("what lay there", || subjects(&doors).len() == 2).await;
    // Now the readers wait to be told.
    dovecot.deliver("Help", 3);
    eventually("what came", || subjects(&doors).len() == 3).await;
    doors.ingest.stop().await;

    dovecot.deliver("INBOX", 4);
    let doors = Doors::open_reading(&store, vec![dovecot.mailbox(ImapTls::None)]).await;
    eventually("what came meanwhile", || subjects(&doors).len() == 4).await;
    dovecot.deliver("INBOX", 5);
    eventually("what came last", || subjects(&doors).len() == 5).await;
    let all: Vec<String> = (1..=5).map(|number| format!("Keluhan {number}")).collect();
    assert_eq!(subjects(&doors), all, "each once");
    doors.ingest.stop().await;
    assert_eq!(marked_read(&dovecot), 0, "all lie in `new`, where mail lies that nobody has seen");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_are_protected_and_a_folder_made_anew_is_read_again_as_repeats() {
    let (dovecot, store) = (Dovecot::start().await, MemoryStore::new());
    dovecot.deliver("INBOX", 1);
    let doors = Doors::open_reading(&store, vec![dovecot.mailbox(ImapTls::Implicit)]).await;
    eventually("the mail over TLS", || subjects(&doors).len() == 1).await;
    doors.ingest.stop().await;

    dovecot.renumber("INBOX");
    dovecot.deliver("INBOX", 2);
    let doors = Doors::open_reading(&store, vec![dovecot.mailbox(ImapTls::StartTls)]).await;
    eventually("both mails by STARTTLS", || subjects(&doors).len() == 3).await;
    assert_eq!(subjects(&doors), ["Keluhan 1", "Keluhan 1", "Keluhan 2"]);
    let mut keys: Vec<_> = doors.inputs("tenesa").into_iter().map(|input| input.key).collect();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 2, "the desk knows the repeat by its key");
    doors.ingest.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_mailboxes_on_a_server_that_tells_of_nothing_are_asked_again_and_a_mail_over_the_limit_stays() {
    let dovecot = Dovecot::start_with("imap_capability = IMAP4rev1 LITERAL+ UIDPLUS\n").await;
    let store = MemoryStore::new();
    let first = ImapMailbox { message_bytes: 4_096, ..dovecot.mailbox(ImapTls::None) };
    let second = ImapMailbox { user: OTHER.into(), folders: vec!["INBOX".into()], ..first.clone() };
    let of_other = dovecot.dir.path().join("mail-dua");
    put(&dovecot.folder("INBOX"), 1, &"x".repeat(5_000));
    put(&of_other, 2, "");
    let doors = Doors::open_reading(&store, vec![first, second]).await;
    eventually("what lay there", || subjects(&doors) == ["Keluhan 2"]).await;
    dovecot.deliver("INBOX", 3);
    put(&of_other, 4, "");
    eventually("what came", || subjects(&doors).len() == 3).await;
    assert_eq!(subjects(&doors), ["Keluhan 2", "Keluhan 3", "Keluhan 4"]);
    doors.ingest.stop().await;
    assert!(dovecot.folder("INBOX").join("new/1.test").is_file(), "it lies where it lay");
}
