//! A whole Simpang for one test, in a folder of its own: the real program, a real broker, receivers.

mod finish;
mod role;
mod settings;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use tempfile::TempDir;

use crate::broker::{BrokerOptions, Brokers};
use crate::client::{Agent, Client};
use crate::journal::Sent;
use crate::link::Link;
use crate::policy::Policy;
use crate::program::{Program, free_port, kill_process, repository, running_with, simpang_binary};
use crate::receivers::Receivers;
use crate::receivers::mail::MailSink;
use crate::receivers::social::SocialFakes;
use crate::senders::http::Http;
use crate::senders::mail::Smtp;
use crate::wait::{eventually, within};

pub use finish::Finished;
pub use role::{Layout, Role};

use role::{Addresses, is_ready};
use settings::prepare;

/// The desks of the shipped policy.
const DESKS: [&str; 3] = ["telkomcare", "tenesa", "tier2-outbound"];
/// Starting takes a debug build on a machine under load a while.
const READY_WITHIN: Duration = Duration::from_secs(90);
/// Longest time until desks that were just made are judged and shown: three servers that flush every record to a slow
/// disk take minutes for what takes seconds elsewhere.
const OPENING: Duration = Duration::from_secs(180);
/// A stopping process ends what it has accepted.
const STOPPED_WITHIN: Duration = Duration::from_secs(20);
/// How long a supervisor waits for a process that it asked to stop.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a Simpang is made of.
#[derive(Debug, Clone)]
pub struct Setup {
    /// How the roles run.
    pub layout: Layout,
    /// Which roles, when they run apart.
    pub roles: Vec<Role>,
    /// Servers of the broker, when the test runs it: 1 or 3.
    pub servers: usize,
    /// How they run.
    pub broker: BrokerOptions,
    /// Every role reaches the broker through links of its own.
    pub linked: bool,
    /// The port of a mail server on this machine that takes our mail; none: the test's own receiver does.
    pub mail_port: Option<u16>,
    /// Further settings, as TOML of whole tables.
    pub settings: String,
}

impl Setup {
    /// Roles in processes of their own and one server.
    #[must_use]
    pub fn apart() -> Self {
        let (roles, broker) = (Role::APART.to_vec(), BrokerOptions::default());
        Self {
            layout: Layout::Apart,
            roles,
            servers: 1,
            broker,
            linked: false,
            mail_port: None,
            settings: String::new(),
        }
    }
}

/// A whole Simpang.
#[derive(Debug)]
pub struct Stand {
    layout: Layout,
    programs: BTreeMap<Role, Program>,
    addresses: BTreeMap<Role, Addresses>,
    smtp: SocketAddr,
    brokers: Option<Brokers>,
    /// Each role's ways to each server.
    links: BTreeMap<Role, Vec<Link>>,
    receivers: Receivers,
    policy: Policy,
    sent: Sent,
    // Dropped last: everything above writes into it.
    dir: TempDir,
}

impl Stand {
    /// Starts `simpang up` with the shipped policy and sample people.
    pub async fn up() -> Self {
        Self::start(Layout::Together, |_| {}).await
    }

    /// Starts a Simpang whose policy is changed first.
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn start(layout: Layout, change: impl FnOnce(&Policy)) -> Self {
        Self::start_with(Setup { layout, ..Setup::apart() }, change).await
    }

    /// As [`Self::start`], with the say over what it is made of.
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn start_with(setup: Setup, change: impl FnOnce(&Policy)) -> Self {
        let Setup { layout, mut roles, servers, broker, linked, mail_port, settings } = setup;
        let dir = tempfile::Builder::new().prefix("simpang-test-").tempdir().expect("a folder");
        let policy = Policy::shipped(&dir.path().join("policy"));
        change(&policy);
        let receivers = Receivers::start().await;
        let secret = prepare(dir.path(), &receivers, mail_port, &settings);
        let mut brokers = None;
        if layout == Layout::Together {
            roles = vec![Role::Up];
        } else {
            brokers = Some(Brokers::start(&dir.path().join("nats"), servers, &broker).await);
        }
        let address = || SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        let mut stand = Self {
            layout,
            programs: BTreeMap::new(),
            addresses: roles.iter().map(|r| (*r, Addresses { grpc: address(), http: address() })).collect(),
            smtp: address(),
            brokers,
            links: BTreeMap::new(),
            receivers,
            policy,
            sent: Sent::new(&secret),
            dir,
        };
        if linked {
            stand.link(&roles).await;
        }
        stand.run_all();
        stand.until_ready().await;
        if layout == Layout::Apart {
            stand.set_up_desks().await;
        }
        stand.until_open().await;
        stand
    }

    async fn link(&mut self, roles: &[Role]) {
        for role in roles {
            let mut links = Vec::new();
            for server in self.brokers().servers() {
                links.push(Link::to(server.port()).await);
            }
            self.links.insert(*role, links);
        }
    }

    /// Starts what does not run or has ended, as the supervisor of a deployment does.
    pub fn run_all(&mut self) {
        self.programs.retain(|_, program| program.ended().is_none());
        let roles: Vec<Role> = self.addresses.keys().copied().collect();
        for role in roles {
            self.run(role);
        }
    }

    /// Starts one process, if it does not run.
    pub fn run(&mut self, role: Role) {
        if self.programs.contains_key(&role) {
            return;
        }
        let mut command = self.command();
        let at = self.addresses[&role];
        command
            .env("SIMPANG_LISTEN__GRPC", at.grpc.to_string())
            .env("SIMPANG_LISTEN__HTTP", at.http.to_string())
            .env("SIMPANG_LISTEN__SMTP", self.smtp.to_string());
        if let Some(links) = self.links.get(&role) {
            let urls: Vec<String> =
                links.iter().map(|link| format!("nats://127.0.0.1:{}", link.port())).collect();
            command.arg("--nats-url").arg(urls.join(","));
        } else if let Some(brokers) = &self.brokers {
            command.arg("--nats-url").arg(brokers.url());
        }
        if role == Role::Standby {
            command.env("SIMPANG_NODE__NAME", "standby").env("SIMPANG_ROUTER__EAGER", "false");
        }
        command.arg(role.name());
        if role == Role::Up {
            command.arg("--policy").arg(self.policy.dir()).arg("--sample");
        }
        let output = self.dir.path().join(format!("{}.log", role.label()));
        self.programs.insert(role, Program::start(role.label(), &mut command, &output));
    }

    /// Kills one process as a crash would.
    pub fn kill(&mut self, role: Role) {
        self.programs.remove(&role);
    }

    /// Kills every process of Simpang; a broker that the test runs stays.
    pub fn kill_all(&mut self) {
        self.programs.clear();
    }

    /// One process.
    ///
    /// # Panics
    /// When it does not run.
    pub fn program(&mut self, role: Role) -> &mut Program {
        self.programs.get_mut(&role).expect("it runs")
    }

    /// Asks one process to stop and waits for its end, if it runs.
    pub async fn stop(&mut self, role: Role) {
        if let Some(mut program) = self.programs.remove(&role) {
            program.terminate(STOPPED_WITHIN).await;
        }
    }

    /// Asks one process to stop, if it runs, and ends it when that takes longer than a supervisor has patience: a
    /// deliverer whose broker is away holds on to what it has to report for more than two minutes.
    pub async fn stop_or_kill(&mut self, role: Role) {
        if let Some(mut program) = self.programs.remove(&role) {
            program.stop_or_kill(PATIENCE).await;
        }
    }

    /// The ways of a role to the broker, one for each server.
    #[must_use]
    pub fn links(&self, role: Role) -> &[Link] {
        self.links.get(&role).map_or(&[], Vec::as_slice)
    }

    /// The ways between one server of the broker and the others.
    pub fn routes(&self, server: usize) -> impl Iterator<Item = &Link> {
        self.brokers.iter().flat_map(move |brokers| brokers.routes(server))
    }

    /// The broker that the test runs.
    ///
    /// # Panics
    /// When the roles run together with a broker of their own.
    pub fn brokers(&mut self) -> &mut Brokers {
        self.brokers.as_mut().expect("the test runs the broker")
    }

    /// Processes of the nats-server that `simpang up` runs.
    #[must_use]
    pub fn own_brokers(&self) -> Vec<u32> {
        let dir = self.data().join("nats");
        let dir = dir.canonicalize().unwrap_or(dir);
        running_with(&dir.join("nats-server.conf"))
    }

    /// Kills the nats-server that `simpang up` runs.
    pub fn kill_own_broker(&self) {
        self.own_brokers().into_iter().for_each(kill_process);
    }

    /// Asks every process to stop and waits for its end: each has to end well.
    ///
    /// # Panics
    /// When one does not.
    pub async fn stop_all(&mut self) {
        for (role, mut program) in std::mem::take(&mut self.programs) {
            let status = program.terminate(STOPPED_WITHIN).await;
            assert!(status.success(), "{} ended with {status}:\n{}", role.name(), program.printed());
        }
    }

    /// Waits until every process answers that it serves.
    ///
    /// # Panics
    /// When one ends, or does not in time.
    pub async fn until_ready(&mut self) {
        let roles: Vec<Role> = self.programs.keys().copied().collect();
        for role in roles {
            let at = self.addresses[&role];
            within(READY_WITHIN, format!("{} to serve", role.name()), async || {
                self.programs.get_mut(&role)?.must_run();
                is_ready(role, at).await.then_some(())
            })
            .await;
        }
    }

    /// As [`Self::until_ready`], under a supervisor: what ended is started again.
    ///
    /// # Panics
    /// When one does not serve in time.
    pub async fn until_ready_again(&mut self) {
        let addresses = self.addresses.clone();
        for (role, at) in addresses {
            within(READY_WITHIN, format!("{} to serve again", role.name()), async || {
                self.run_all();
                is_ready(role, at).await.then_some(())
            })
            .await;
        }
    }

    /// Waits until every desk has its policy and the doors know its accounts.
    ///
    /// # Panics
    /// When that takes too long.
    pub async fn until_open(&mut self) {
        let admin = self.client("admin");
        within(OPENING, "the desks to judge by their policy", async || {
            self.programs.values_mut().for_each(Program::must_run);
            let desks = admin.view().list_desks(simpang_proto::view::v1::ListDesksRequest {}).await.ok()?;
            let desks = desks.into_inner().desks;
            let ready = desks.iter().filter(|d| d.policy_version > 0 && d.pending_inputs == 0).count();
            (ready == DESKS.len()).then_some(())
        })
        .await;
        let smtp = self.smtp;
        eventually("the doors to know the accounts", async || {
            let mut client = Smtp::connect(smtp).await.ok()?;
            client.ask("MAIL FROM:<probe@sender.example>").await.ok()?;
            (client.ask("RCPT TO:<tenesa@telkom.example>").await.ok()? == 250).then_some(())
        })
        .await;
        if self.layout == Layout::Together {
            let is_up = |program: &Program| program.printed().contains("Simpang is up");
            eventually("`simpang up` to say so", async || is_up(&self.programs[&Role::Up]).then_some(()))
                .await;
        }
    }

    async fn set_up_desks(&self) {
        let policy = self.policy.dir().display().to_string();
        let people = repository().join("deploy/samples/people.toml").display().to_string();
        for desk in DESKS {
            self.must(&["desk", "create", desk]).await;
        }
        self.must(&["policy", "apply", &policy]).await;
        self.must(&["desk", "people", &people]).await;
    }

    /// Where mail comes in.
    #[must_use]
    pub fn smtp(&self) -> SocketAddr {
        self.smtp
    }

    /// Where webhooks come in.
    #[must_use]
    pub fn http(&self) -> Http {
        Http(self.at(Role::Ingest).http)
    }

    /// The gRPC address of a role.
    #[must_use]
    pub fn grpc(&self, role: Role) -> SocketAddr {
        self.at(role).grpc
    }

    /// The HTTP address of a role.
    #[must_use]
    pub fn health(&self, role: Role) -> SocketAddr {
        self.at(role).http
    }

    fn at(&self, role: Role) -> Addresses {
        self.addresses.get(&role).or_else(|| self.addresses.get(&Role::Up)).copied().expect("it runs")
    }

    /// The journal of what was acknowledged.
    #[must_use]
    pub fn sent(&self) -> &Sent {
        &self.sent
    }

    /// The mail server at the other end.
    #[must_use]
    pub fn mail_sink(&self) -> &MailSink {
        &self.receivers.mail
    }

    /// X and Facebook at the other end.
    #[must_use]
    pub fn social(&self) -> &SocialFakes {
        &self.receivers.social
    }

    /// The policy, for applying a changed one.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The folder of the test.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// A principal's token.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn token(&self, principal: &str) -> String {
        let path = self.data().join(format!("token-{principal}"));
        std::fs::read_to_string(path).expect("a token of this name").trim().to_owned()
    }

    /// The API as a principal sees it.
    #[must_use]
    pub fn client(&self, principal: &str) -> Client {
        self.client_with_token(&self.token(principal))
    }

    /// The API as somebody with this token sees it.
    #[must_use]
    pub fn client_with_token(&self, token: &str) -> Client {
        let [ingest, gateway, project] = [Role::Ingest, Role::Gateway, Role::Project].map(|r| self.grpc(r));
        Client::new(ingest, gateway, project, token)
    }

    /// An agent, not yet signed in.
    #[must_use]
    pub fn agent(&self, principal: &str, desk: &str) -> Agent {
        Agent::new(self.client(principal), principal, desk, self.sent.clone())
    }

    /// An agent who signed in and is ready.
    ///
    /// # Panics
    /// When that is refused.
    pub async fn signed_in(&self, principal: &str, desk: &str) -> Agent {
        let agent = self.agent(principal, desk);
        agent.sign_in().await.expect("signing in");
        agent
    }

    /// The program with this stand's settings.
    fn command(&self) -> Command {
        let mut command = Command::new(simpang_binary());
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SIMPANG_")) {
            command.env_remove(name);
        }
        command.env_remove("NATS_URL").current_dir(repository());
        command.arg("--config").arg(self.dir.path().join("simpang.toml")).arg("--data").arg(self.data());
        if let Some(brokers) = self.brokers.as_ref().filter(|brokers| brokers.count() > 1) {
            command.env("SIMPANG_LOG__REPLICAS", brokers.count().to_string());
        }
        command
    }

    /// Runs a command of the program to its end. Commands that ask a server reach this stand's.
    ///
    /// # Panics
    /// When it can't be run.
    pub async fn simpang(&self, args: &[&str]) -> Output {
        let mut command = self.command();
        let role = match args.first() {
            Some(&("show" | "report")) => Role::Project,
            Some(&("campaign" | "ingest")) => Role::Ingest,
            _ => Role::Gateway,
        };
        if let Some(brokers) = &self.brokers {
            command.arg("--nats-url").arg(brokers.url());
        }
        command.args(args).env("SIMPANG_ADDR", format!("http://{}", self.grpc(role)));
        command.env("SIMPANG_LISTEN__HTTP", self.at(Role::Ingest).http.to_string());
        let mut command = tokio::process::Command::from(command);
        let run = command.stdin(std::process::Stdio::null()).kill_on_drop(true).output();
        let ended = tokio::time::timeout(READY_WITHIN, run).await;
        ended.unwrap_or_else(|_| panic!("simpang {args:?} does not end")).expect("simpang runs")
    }

    /// Runs a command that has to end well; what it printed.
    ///
    /// # Panics
    /// When it does not.
    pub async fn must(&self, args: &[&str]) -> String {
        let output = self.simpang(args).await;
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "simpang {args:?}: {}\n{printed}\n{errors}", output.status);
        printed
    }

    /// Where the broker is.
    ///
    /// # Panics
    /// When no broker runs.
    #[must_use]
    pub fn nats_url(&self) -> String {
        match &self.brokers {
            Some(brokers) => brokers.url(),
            None => {
                std::fs::read_to_string(self.data().join("nats-url")).expect("a broker runs").trim().into()
            }
        }
    }
}

impl Drop for Stand {
    fn drop(&mut self) {
        self.programs.clear();
        // A killed `simpang up` leaves its nats-server behind.
        if self.layout == Layout::Together {
            self.kill_own_broker();
        }
    }
}
