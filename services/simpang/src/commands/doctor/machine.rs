//! This machine: the data folder, its files and its disk.

use std::path::Path;
use std::time::Duration;

use tokio::process::Command;

use super::Report;
use crate::config::Config;

/// Less free space than this, in KiB, stops a log soon.
const FREE_KIB_MIN: u64 = 1024 * 1024;

pub(super) async fn check(config: &Config, report: &mut Report) {
    let dir = &config.data.dir;
    if !dir.is_dir() {
        report.warn(
            "data folder",
            format!("{} is not there", dir.display()),
            "name the folder with --data, or start `simpang up` once, which makes it",
        );
        return;
    }
    files(config, report);
    disk(dir, report).await;
}

/// What a process on this machine says is wrong with it.
pub(super) async fn health(config: &Config, report: &mut Report) {
    let Ok(client) = reqwest::Client::builder().timeout(Duration::from_secs(5)).build() else { return };
    let asked = client.get(format!("http://{}/healthz", config.listen.http)).send().await;
    // Nothing has to run here: the roles may be on other machines.
    let Ok(answer) = asked else { return };
    if answer.status() != reqwest::StatusCode::SERVICE_UNAVAILABLE {
        return;
    }
    for line in answer.text().await.unwrap_or_default().lines() {
        report.fail("health", line, section(line));
    }
}

/// Where the repair of what a process says is described.
pub(super) fn section(trouble: &str) -> String {
    const SECTIONS: [(&str, &[&str]); 4] = [
        ("A full disk", &["insufficient resources", "resources exceeded", "no space left"]),
        ("A lost tail", &["tail"]),
        ("A damaged store", &["can't read it", "records are missing", "were deleted"]),
        ("A digest that does not match", &["digest", "another record", "commit number", "another commit"]),
    ];
    let found = SECTIONS.iter().find(|(_, words)| words.iter().any(|word| trouble.contains(word)));
    match found {
        Some((section, _)) => format!("follow \"{section}\" in docs/repair.md"),
        None => "look at the log of this process, and see docs/repair.md".to_owned(),
    }
}

fn files(config: &Config, report: &mut Report) {
    for (check, path, todo) in [
        (
            "secret",
            config.secret_file(),
            "copy it from where `simpang up` made it: every role needs the same one",
        ),
        ("tokens", config.tokens_file(), "`simpang up` makes it; name another with access.tokens_file"),
    ] {
        match std::fs::File::open(&path) {
            Ok(_) => private(check, &path, report),
            Err(error) => report.warn(check, format!("{}: {error}", path.display()), todo),
        }
    }
}

fn private(check: &str, path: &Path, report: &mut Report) {
    use std::os::unix::fs::PermissionsExt;
    let mode = path.metadata().map_or(0, |meta| meta.permissions().mode());
    if mode & 0o077 == 0 {
        report.ok(check, format!("{}, readable by its owner only", path.display()));
    } else {
        let found = format!("{} can be read by others (mode {:o})", path.display(), mode & 0o777);
        report.warn(check, found, format!("chmod 600 {}", path.display()));
    }
}

async fn disk(dir: &Path, report: &mut Report) {
    let check = "disk";
    let asked = Command::new("df").arg("-Pk").arg(dir).output().await;
    let answer = asked.ok().filter(|done| done.status.success());
    let space = answer.and_then(|done| space(&String::from_utf8_lossy(&done.stdout)));
    let Some((total, free)) = space else {
        report.warn(
            check,
            "its free space can't be read here",
            "look with `df -h`: a full disk stops the log",
        );
        return;
    };
    let found = format!("{} of {} free under {}", size(free), size(total), dir.display());
    if free < FREE_KIB_MIN {
        report.fail(check, found, "make room: a full disk stops the log (nothing accepted is lost), see \"A full disk\" in docs/repair.md");
    } else if free < total / 10 {
        report.warn(check, found, "make room soon: a full disk stops the log (nothing accepted is lost)");
    } else {
        report.ok(check, found);
    }
}

/// Total and free KiB of what `df -Pk` prints.
fn space(text: &str) -> Option<(u64, u64)> {
    let line = text.lines().nth(1)?;
    let mut cells = line.split_whitespace().skip(1);
    let total = cells.next()?.parse().ok()?;
    let free = cells.nth(1)?.parse().ok()?;
    Some((total, free))
}

fn size(kib: u64) -> String {
    match kib / 1024 {
        mib if mib >= 10 * 1024 => format!("{} GiB", mib / 1024),
        mib => format!("{mib} MiB"),
    }
}

/// The nats-server configuration that `simpang up` wrote for its own.
pub(super) fn nats_config(config: &Config) -> Option<String> {
    std::fs::read_to_string(config.data.dir.join("nats").join("nats-server.conf")).ok()
}

/// Says what of durability can be known.
pub(super) fn durability(config: &Config, replicas_max: u64, report: &mut Report) {
    let check = "durability";
    let runs_own = crate::store::url_file(config).is_file() && config.log.nats_url.is_empty();
    match nats_config(config).filter(|_| runs_own) {
        Some(text) if text.contains("sync_interval: always") => {
            report.ok(check, "every record is on disk before it is acknowledged (sync_interval: always)");
        }
        Some(_) => report.warn(
            check,
            "a crash of nats-server loses nothing; loss of power can lose the last two minutes (sync_interval is the default)",
            "set log.sync_always = true and start `simpang up` again",
        ),
        None if replicas_max >= 3 => report.warn(
            check,
            "sync_interval can't be asked of a server by its clients; three replicas survive the loss of one machine",
            "check that nats-server's configuration has `jetstream { sync_interval: always }`, which survives loss of power everywhere at once",
        ),
        None => report.warn(
            check,
            "sync_interval can't be asked of a server by its clients; its default flushes every two minutes",
            "put `jetstream { sync_interval: always }` into nats-server's configuration to survive loss of power",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::{section, size, space};

    #[test]
    fn the_second_line_of_df_is_read() {
        let text = "Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/a 1000 300 700 30% /\n";
        assert_eq!(space(text), Some((1000, 700)));
        assert_eq!(space("df: no such folder"), None);
    }

    #[test]
    fn what_is_wrong_leads_to_its_repair() {
        for (trouble, expected) in [
            ("ingest: nothing is accepted: desk a: insufficient resources (code 10023)", "\"A full disk\""),
            ("router: desk a is not judged: the log ends here, its tail is lost", "\"A lost tail\""),
            ("project: the broker counts this record and can't read it", "\"A damaged store\""),
            ("project: previous_digest 00, but the commit before has 01", "\"A digest that does not match\""),
            ("router: desk a is not judged: it is raining", "look at the log"),
        ] {
            assert!(section(trouble).contains(expected), "{trouble}");
        }
    }

    #[test]
    fn sizes_are_readable() {
        assert_eq!(size(2_048), "2 MiB");
        assert_eq!(size(20 * 1024 * 1024), "20 GiB");
    }
}
