//! Real nats-servers for tests that stop, starve, part or damage them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use simpang_log_nats::{NatsOptions, NatsStore, server};
use tokio::io::AsyncBufReadExt as _;
use tokio::net::TcpStream;

use crate::link::Link;
use crate::program::{Program, free_port, repository};
use crate::wait::within;

/// Recovering a store on a machine under load takes a while.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// A graceful stop flushes everything first.
const STOPPED_WITHIN: Duration = Duration::from_secs(30);

/// How a server runs.
#[derive(Debug, Clone, Default)]
pub struct BrokerOptions {
    /// Acknowledge only what is on the disk.
    pub sync_always: bool,
    /// Most bytes that all streams may take; none: what the disk has.
    pub max_file_store: Option<u64>,
    /// Where it stores; none: in its folder.
    pub store: Option<PathBuf>,
}

/// A server, killed when dropped.
#[derive(Debug)]
pub struct Broker {
    name: String,
    port: u16,
    dir: PathBuf,
    options: BrokerOptions,
    cluster: String,
    program: Option<Program>,
}

impl Broker {
    /// Starts a server alone, in a folder of its own.
    pub async fn start(dir: &Path, options: BrokerOptions) -> Self {
        let mut broker = Self::new("nats-1", dir, options, String::new());
        broker.run().await;
        broker
    }

    fn new(name: &str, dir: &Path, options: BrokerOptions, cluster: String) -> Self {
        std::fs::create_dir_all(dir).expect("a folder for a broker");
        let dir = dir.to_owned();
        Self { name: name.to_owned(), port: free_port(), dir, options, cluster, program: None }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The port that clients connect to; the same after every start.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Where it stores.
    #[must_use]
    pub fn store(&self) -> PathBuf {
        self.options.store.clone().unwrap_or_else(|| self.dir.join("store"))
    }

    /// The files in which it keeps the records of a stream, in order.
    ///
    /// # Panics
    /// When the stream is not there.
    #[must_use]
    pub fn blocks(&self, stream: &str) -> Vec<PathBuf> {
        let dir = self.store().join("jetstream/$G/streams").join(stream).join("msgs");
        let entries = std::fs::read_dir(&dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
        let files = entries.map(|entry| entry.expect("an entry").path());
        let number = |path: &PathBuf| path.file_stem()?.to_str()?.parse::<u64>().ok();
        let mut blocks: Vec<PathBuf> =
            files.filter(|path| path.extension().is_some_and(|kind| kind == "blk")).collect();
        blocks.sort_by_key(number);
        blocks
    }

    /// What it logged.
    #[must_use]
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.dir.join("log")).unwrap_or_default()).into_owned()
    }

    /// Gives it other room from its next start on.
    pub fn set_max_file_store(&mut self, bytes: Option<u64>) {
        self.options.max_file_store = bytes;
    }

    /// The process.
    ///
    /// # Panics
    /// When it does not run.
    pub fn program(&mut self) -> &mut Program {
        self.program.as_mut().expect("the broker runs")
    }

    /// Kills it as a crash would (SIGKILL).
    pub fn kill(&mut self) {
        self.program = None;
    }

    /// Stops it gracefully: it flushes everything first.
    pub async fn stop(&mut self) {
        if let Some(mut program) = self.program.take() {
            program.terminate(STOPPED_WITHIN).await;
        }
    }

    /// Starts it again where it was, if it does not run, and waits until it answers.
    ///
    /// # Panics
    /// When it ends or never answers.
    pub async fn run(&mut self) {
        self.begin();
        self.until_ready().await;
    }

    /// As [`Self::run`] without waiting: servers of a cluster wait for each other.
    fn begin(&mut self) {
        if self.program.is_some() {
            return;
        }
        let config = self.dir.join("nats.conf");
        std::fs::write(&config, self.config()).expect("the broker's configuration");
        let binary = server::find(None, Some(&repository())).unwrap_or_else(|error| panic!("{error}"));
        let mut command = Command::new(binary);
        command.arg("--config").arg(&config);
        self.program = Some(Program::start(&self.name, &mut command, &self.dir.join("log")));
    }

    async fn until_ready(&mut self) {
        let (what, port) = (format!("{} to answer", self.name), self.port);
        within(READY_WITHIN, what, async || {
            self.program().must_run();
            answers(port).await.then_some(())
        })
        .await;
    }

    fn config(&self) -> String {
        // The server reads JSON's quoting of strings.
        let store = serde_json::json!(self.store().to_string_lossy());
        let mut text = format!(
            "server_name: \"{}\"\nlisten: \"127.0.0.1:{}\"\nmax_payload: 8MiB\njetstream {{\n  store_dir: {store}\n",
            self.name, self.port
        );
        if self.options.sync_always {
            text.push_str("  sync_interval: always\n");
        }
        if let Some(bytes) = self.options.max_file_store {
            let _ = writeln!(text, "  max_file_store: {bytes}");
        }
        text.push_str("}\n");
        text + &self.cluster
    }
}

/// Whether a server with JetStream answers on the port. It listens only after it has recovered its streams.
async fn answers(port: u16) -> bool {
    let greeting = async {
        let mut line = String::new();
        let stream = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
        tokio::io::BufReader::new(stream).read_line(&mut line).await.ok()?;
        Some(line)
    };
    let line = tokio::time::timeout(Duration::from_secs(1), greeting).await.ok().flatten();
    line.is_some_and(|line| line.starts_with("INFO ") && line.contains("\"jetstream\":true"))
}

/// The broker's own interface, as the one who runs it asks.
#[derive(Debug)]
pub struct Operator(async_nats::Client);

impl Operator {
    /// Connects.
    ///
    /// # Panics
    /// When nobody answers.
    pub async fn connect(url: &str) -> Self {
        let servers: Vec<String> = url.split(',').map(str::to_owned).collect();
        Self(async_nats::connect(servers).await.expect("the broker answers"))
    }

    /// Asks, such as `STREAM.INFO.<name>`; what was answered, an error included.
    ///
    /// # Panics
    /// When there is no answer.
    pub async fn ask(&self, subject: &str, body: &Value) -> Value {
        let asked = self.0.request(format!("$JS.API.{subject}"), body.to_string().into()).await;
        serde_json::from_slice(&asked.expect("an answer").payload).expect("the answer is JSON")
    }
}

/// Servers of one installation, and the ways between them.
#[derive(Debug)]
pub struct Brokers {
    servers: Vec<Broker>,
    /// From whom to whom.
    routes: Vec<(usize, usize, Link)>,
}

impl Brokers {
    /// Starts one server, or a cluster of several whose routes can be cut.
    pub async fn start(dir: &Path, count: usize, options: &BrokerOptions) -> Self {
        let ports: Vec<u16> = (0..count).map(|_| free_port()).collect();
        let mut routes = Vec::new();
        for from in 0..count {
            for to in (0..count).filter(|to| *to != from) {
                routes.push((from, to, Link::to(ports[to]).await));
            }
        }
        let mut servers: Vec<Broker> = Vec::new();
        for (index, port) in ports.iter().enumerate() {
            let name = format!("nats-{}", index + 1);
            let cluster = if count == 1 { String::new() } else { cluster(*port, index, &routes) };
            servers.push(Broker::new(&name, &dir.join(&name), options.clone(), cluster));
        }
        let mut brokers = Self { servers, routes };
        brokers.run_all().await;
        brokers
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.servers.len()
    }

    /// One of them.
    pub fn server(&mut self, index: usize) -> &mut Broker {
        &mut self.servers[index]
    }

    /// All of them.
    #[must_use]
    pub fn servers(&self) -> &[Broker] {
        &self.servers
    }

    /// Starts those that don't run, and waits until all answer.
    pub async fn run_all(&mut self) {
        self.servers.iter_mut().for_each(Broker::begin);
        for server in &mut self.servers {
            server.until_ready().await;
        }
        // Servers of a cluster answer before they have chosen who leads.
        let url = self.url();
        within(READY_WITHIN, "the broker to keep streams", async || {
            let options = NatsOptions { timeout: Duration::from_secs(1), ..NatsOptions::default() };
            NatsStore::connect(&url, options).await.ok()?.round_trip().await.ok()
        })
        .await;
    }

    /// All addresses, with commas.
    #[must_use]
    pub fn url(&self) -> String {
        self.servers.iter().map(Broker::url).collect::<Vec<_>>().join(",")
    }

    /// The ways between one server and the others, both directions.
    pub fn routes(&self, of: usize) -> impl Iterator<Item = &Link> {
        let is_of = move |(from, to, _): &&(usize, usize, Link)| *from == of || *to == of;
        self.routes.iter().filter(is_of).map(|(_, _, link)| link)
    }
}

fn cluster(port: u16, index: usize, routes: &[(usize, usize, Link)]) -> String {
    let own = routes.iter().filter(|(from, ..)| *from == index);
    let urls: Vec<String> = own.map(|(_, _, link)| format!("\"nats://127.0.0.1:{}\"", link.port())).collect();
    format!(
        "cluster {{\n  name: simpang\n  listen: \"127.0.0.1:{port}\"\n  no_advertise: true\n  pool_size: -1\n  \
         ping_interval: 2s\n  routes: [{}]\n}}\n",
        urls.join(", ")
    )
}
