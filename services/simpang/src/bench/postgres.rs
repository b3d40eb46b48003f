//! What else a team would build: a queue in a PostgreSQL table. The same work on both in turn, in one run: agents take
//! the case that is first for them among many, and resolve it. `SELECT … FOR UPDATE SKIP LOCKED`, one probe a skill, an
//! event row for everything that happened to a case; worked by PostgreSQL's own `pgbench` over a local socket with
//! prepared statements, which costs less than a gRPC service before it would.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;
use tokio::process::Command;

use super::Run;
use super::agents::sign_in;
use super::pulls::{EAGER, pulls, steady};
use super::report::{Measure, Target};
use super::throughput::per_second;
use super::whole::Trial;
use crate::node::Role;

/// Where Debian keeps the servers' programs, a folder a version.
const DEBIAN: &str = "/usr/lib/postgresql";
/// Skills among the cases, and how many of them an agent has.
const SKILLS: u32 = 20;
const SKILLS_EACH: u32 = 3;

/// The user that PostgreSQL runs as when we are root, which it refuses.
const USER: &str = "postgres";

/// The roles that hand cases out, without those that tell of them: a queue in a table has no views either.
const HANDING_OUT: [Role; 3] = [Role::Ingest, Role::Router, Role::Gateway];

pub(super) async fn measure(run: &mut Run, cases: u64) -> Result<()> {
    run.progress.set_length(3 + run.size.rounds as u64);
    run.progress.set_message("filling the queue in PostgreSQL");
    let theirs = Postgres::start(run.sync_always).await?;
    theirs.fill(cases).await?;
    run.progress.inc(1);
    let whole = filled(run, &Role::ALL, cases).await?;
    let part = filled(run, &HANDING_OUT, cases).await?;
    for round in 0..run.size.rounds {
        run.step(round, "handing cases out, PostgreSQL and ours in turn");
        let theirs = theirs.hand_out(run.size.pulls.as_secs().max(1)).await?;
        let what = format!(
            "PostgreSQL {}: cases handed out to {EAGER} agents, each resolved, {cases} open",
            theirs.version
        );
        run.report.add(Measure::rate("postgres.handed", what, "cases/s"), theirs.rate);
        let what = format!("ours: the same over gRPC, {cases} open, every role (÷ PostgreSQL)");
        hand_out(run, &whole, "handed", what).await?;
        let what = "… without views and deliverers (÷ PostgreSQL)";
        hand_out(run, &part, "handed.part", what.to_owned()).await?;
        steady(run, &whole.agents, cases).await?;
    }
    whole.stop().await?;
    part.stop().await?;
    theirs.stop().await
}

/// Our desk with so many cases waiting and its agents at their places.
async fn filled(run: &Run, roles: &[Role], cases: u64) -> Result<Trial> {
    run.progress.set_message("filling our desk");
    let mut trial = Trial::start_roles(run, roles, EAGER, 4).await?;
    trial.fill(cases).await?;
    for client in &trial.agents {
        sign_in(client).await?;
    }
    run.progress.inc(1);
    Ok(trial)
}

async fn hand_out(run: &mut Run, trial: &Trial, id: &str, what: String) -> Result<()> {
    let began = Instant::now();
    let ours = pulls(&trial.agents, None, run.size.pulls).await?;
    let measure = Measure::rate(id, what, "cases/s").over("postgres.handed", Target::Ratio(1.0, 3.0));
    run.report.add(measure, per_second(ours.len() as u64, began.elapsed()));
    Ok(())
}

/// A server of its own in a temporary folder, on a local socket only.
struct Postgres {
    programs: PathBuf,
    folder: TempDir,
    version: String,
}

/// What a round of theirs came to.
struct Handed {
    version: String,
    rate: f64,
}

impl Postgres {
    async fn start(sync_always: bool) -> Result<Self> {
        let programs = programs().await?;
        let folder =
            tempfile::Builder::new().prefix("simpang-bench-").tempdir().context("can't make a folder")?;
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755))?;
        let data = folder.path().join("postgres");
        std::fs::create_dir(&data)?;
        if is_root() {
            done(Command::new("chown").arg(USER).arg(&data)).await?;
        }
        let mut one = Self { programs, folder, version: String::new() };
        let data = one.data();
        done(
            one.command("initdb")
                .args(["-D", &data, "-U", "bench", "-A", "trust", "-E", "UTF8"])
                .args(["--locale=C", "--no-sync"]),
        )
        .await?;
        let commit = if sync_always { "on" } else { "off" };
        let options = format!(
            "-c listen_addresses= -c unix_socket_directories={data} -c synchronous_commit={commit} \
             -c shared_buffers=2GB -c max_wal_size=8GB -c checkpoint_timeout=30min -c wal_level=minimal \
             -c max_wal_senders=0"
        );
        let log = format!("{data}/log");
        done(one.command("pg_ctl").args(["-D", &data, "-l", &log, "-w", "start", "-o", &options])).await?;
        let version = one.sql("SHOW server_version").await?;
        one.version = version.split_whitespace().next().unwrap_or_default().to_owned();
        Ok(one)
    }

    fn data(&self) -> String {
        self.folder.path().join("postgres").display().to_string()
    }

    /// One of its programs, as a user that it accepts.
    fn command(&self, program: &str) -> Command {
        let path = self.programs.join(program);
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", USER, "--"]).arg(path);
            command
        } else {
            Command::new(path)
        };
        command.current_dir(self.folder.path()).env("PGHOST", self.data()).env("PGUSER", "bench");
        command.env("PGDATABASE", "postgres");
        command
    }

    async fn sql(&self, text: &str) -> Result<String> {
        done(self.command("psql").args(["-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", text])).await
    }

    /// Makes the queue with this many cases waiting.
    async fn fill(&self, cases: u64) -> Result<()> {
        self.sql(&format!(
            "CREATE TABLE cases (id bigint PRIMARY KEY, skill int NOT NULL, rank bigint NOT NULL,
                 state smallint NOT NULL DEFAULT 0, agent int) WITH (fillfactor = 50);
             CREATE TABLE events (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, case_id bigint NOT NULL,
                 kind smallint NOT NULL, agent int NOT NULL, at timestamptz NOT NULL DEFAULT now());
             INSERT INTO cases (id, skill, rank) SELECT n, n % {SKILLS}, n FROM generate_series(1, {cases}) n;
             CREATE INDEX waiting ON cases (skill, rank) WHERE state = 0"
        ))
        .await?;
        self.sql("VACUUM ANALYZE").await?;
        self.sql("CHECKPOINT").await.map(drop)
    }

    /// Lets all agents take and resolve for so many seconds.
    async fn hand_out(&self, seconds: u64) -> Result<Handed> {
        let script = self.folder.path().join("work.sql");
        std::fs::write(&script, work())?;
        let agents = EAGER.to_string();
        let threads = std::thread::available_parallelism().map_or(1, usize::from).to_string();
        let said = done(
            self.command("pgbench")
                .args(["-n", "-M", "prepared", "-c", &agents, "-j", &threads])
                .args(["-T", &seconds.to_string(), "-f"])
                .arg(&script),
        )
        .await?;
        let rate = said.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
        let rate = rate.with_context(|| format!("pgbench tells no rate: {said}"))?;
        Ok(Handed { version: self.version.clone(), rate })
    }

    async fn stop(self) -> Result<()> {
        done(self.command("pg_ctl").args(["-D", &self.data(), "-m", "immediate", "-w", "stop"])).await?;
        Ok(())
    }
}

impl Drop for Postgres {
    /// Ends a server that was not stopped: its folder goes with it.
    fn drop(&mut self) {
        let pid = std::fs::read_to_string(Path::new(&self.data()).join("postmaster.pid")).unwrap_or_default();
        if let Some(pid) = pid.lines().next().filter(|pid| pid.bytes().all(|byte| byte.is_ascii_digit())) {
            let mut kill = std::process::Command::new("kill");
            let _ = kill.args(["-QUIT", pid]).stderr(Stdio::null()).status();
        }
    }
}

/// What an agent does over and over: one statement takes the case that is first among their skills and writes the
/// event, another resolves it.
fn work() -> String {
    let skills: Vec<String> =
        (0..SKILLS_EACH).map(|n| format!("((:client_id * 7 + {n}) % {SKILLS})")).collect();
    format!(
        "WITH best AS (
             SELECT first.id FROM (VALUES {}) AS mine (skill)
             CROSS JOIN LATERAL (
                 SELECT id, rank FROM cases WHERE skill = mine.skill AND state = 0
                 ORDER BY rank LIMIT 1 FOR UPDATE SKIP LOCKED) first
             ORDER BY first.rank LIMIT 1),
         taken AS (
             UPDATE cases SET state = 1, agent = :client_id FROM best WHERE cases.id = best.id
             RETURNING cases.id)
         INSERT INTO events (case_id, kind, agent) SELECT id, 1, :client_id FROM taken RETURNING case_id \\gset
         WITH done AS (UPDATE cases SET state = 2 WHERE id = :case_id AND state = 1 RETURNING id)
         INSERT INTO events (case_id, kind, agent) SELECT id, 2, :client_id FROM done;\n",
        skills.join(", ")
    )
}

/// The folder of the newest PostgreSQL on this machine.
async fn programs() -> Result<PathBuf> {
    if let Ok(said) = done(Command::new("pg_config").arg("--bindir")).await {
        let folder = PathBuf::from(said.trim());
        if folder.join("initdb").is_file() {
            return Ok(folder);
        }
    }
    let version = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let mut found: Vec<(u32, PathBuf)> = std::fs::read_dir(DEBIAN)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some((version(&entry.as_ref().ok()?.path())?, entry.ok()?.path().join("bin"))))
        .filter(|(_, folder)| folder.join("initdb").is_file() && folder.join("pgbench").is_file())
        .collect();
    found.sort();
    let (_, newest) = found.pop().with_context(|| {
        format!("there is no PostgreSQL here: no `pg_config` that names its programs, nothing in {DEBIAN}; install `postgresql`")
    })?;
    Ok(newest)
}

/// Whether we are root, as whom PostgreSQL will not run.
fn is_root() -> bool {
    std::fs::read_to_string("/proc/self/status")
        .unwrap_or_default()
        .lines()
        .any(|line| line.strip_prefix("Uid:").is_some_and(|ids| ids.split_whitespace().nth(1) == Some("0")))
}

/// Runs a program to its end; what it printed.
async fn done(command: &mut Command) -> Result<String> {
    let name = format!("{:?}", command.as_std().get_program());
    let output = command.stdin(Stdio::null()).output().await.with_context(|| format!("can't run {name}"))?;
    ensure!(
        output.status.success(),
        "{name} ended with {}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr).trim()
    );
    match String::from_utf8(output.stdout) {
        Ok(text) => Ok(text),
        Err(_) => bail!("{name} printed what is no text"),
    }
}
