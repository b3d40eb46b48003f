//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::commands::figures::Cut;

/// An event-sourced omnichannel message router for contact centres.
///
/// Everything customers say, and everybody who has to be called, becomes an event on a NATS log; a router turns those
/// events into cases and gives each to the right agent; views and audit are read from the same log.
///
/// Begin with `simpang up --policy policies/telkom --sample`, then try the commands that it prints.
#[derive(Debug, Parser)]
#[command(name = "simpang", version, propagate_version = true)]
pub(crate) struct Cli {
    /// Settings file; `simpang config` prints one with every key. Without it: simpang.toml in this folder, if it is
    /// there.
    #[arg(long, global = true, env = "SIMPANG_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// nats-server to use, such as nats://127.0.0.1:4222.
    #[arg(long, global = true, env = "NATS_URL", value_name = "URL")]
    pub(crate) nats_url: Option<String>,
    /// Folder for views, secrets and, with `up`, the log.
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run every role in this process, with a nats-server of its own unless one is given.
    Up(Up),
    /// Run the doors: SMTP and LMTP, webhooks, call lists, push; or look at what they took in.
    Ingest(IngestArgs),
    /// Run the router: inputs become commits.
    Router,
    /// Run the views and the audit; or build a desk's views anew.
    Project(ProjectArgs),
    /// Run the deliverers: SMTP, X, Facebook, notifications.
    Deliver,
    /// Run the gateway for agents, leads and administrators.
    Gateway,
    /// Print what happened, from the log itself.
    Replay(Replay),
    /// Say why a case went where it went, recomputed from the log.
    Explain(Explain),
    /// Judge the log again, check its chain and everything that must always hold.
    Verify(Verify),
    /// Check a policy, try it on its scenarios, compare it with another, or put it on a desk's log.
    #[command(subcommand)]
    Policy(Policy),
    /// Make desks, list them, add agents and customers.
    #[command(subcommand)]
    Desk(Desk),
    /// Load a campaign's call list, and keep the do-not-call list.
    #[command(subcommand)]
    Campaign(Campaign),
    /// Work cases from the terminal.
    Agent(AgentArgs),
    /// Show tickets and SLA clocks.
    #[command(subcommand)]
    Show(Show),
    /// Print a report as CSV: targets kept, agents' time, answers, campaigns, outcomes of calls.
    #[command(
        after_help = "Examples: simpang report sla tenesa --by agent --period week > kept.csv; simpang report agents tier2-outbound --from 2026-11-21T00:00:00+07:00 --to 2026-11-22T00:00:00+07:00 > agents.csv"
    )]
    Report(Report),
    /// Measure this machine: the bare broker, then the full path, and their ratios.
    Bench(Bench),
    /// Say whether everything is reachable, durable and on time, and what to do where it is not.
    Doctor(Doctor),
    /// Take all streams' snapshots into a folder, or put them back where they are gone.
    #[command(subcommand)]
    Backup(Backup),
    /// Archive closed periods, verify the archive, and prune the live log of what a verified archive holds.
    #[command(subcommand)]
    Archive(Archive),
    /// Start everything fresh, send real messages through the real doors, and tell what happens.
    Demo(Demo),
    /// Print the commented default settings.
    Config,
}

#[derive(Debug, Args)]
pub(crate) struct Up {
    /// Make the policy's desks and apply it, where a desk has none yet.
    #[arg(long, value_name = "DIR")]
    pub(crate) policy: Option<PathBuf>,
    /// Add a few agents and customers to try things with.
    #[arg(long)]
    pub(crate) sample: bool,
}

/// The role, or one of its tools.
#[derive(Debug, Args)]
pub(crate) struct IngestArgs {
    #[command(subcommand)]
    pub(crate) command: Option<IngestCommand>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum IngestCommand {
    /// Compare the ids that a source says it sent with what stands on a desk's log; exit code 1 when some are missing.
    Gaps(Gaps),
    /// Read stored raw bytes of mails, X and Facebook again after a parser was mended: bring what is on no desk's log,
    /// and correct what was read differently. Run it as the broker's user `reread`, who may do both.
    Replay(ReplayRaw),
    /// Say what another system tells of a ticket of its own: every case that the ticket is linked to has the new status.
    #[command(
        after_help = "Example: simpang ingest reference tenesa mycx IN-448812 closed --id mycx-change-991"
    )]
    Reference(TicketStatus),
}

/// The role, or one of its tools.
#[derive(Debug, Args)]
pub(crate) struct ProjectArgs {
    #[command(subcommand)]
    pub(crate) command: Option<ProjectCommand>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ProjectCommand {
    /// Have a running `project` build a desk's tables anew from the beginning of its log, beside those in use, and put
    /// them in their place. Reads go on meanwhile, and the building goes on when this command is stopped.
    #[command(after_help = "Example: simpang project rebuild tenesa telkomcare")]
    Rebuild(Rebuild),
}

#[derive(Debug, Args)]
pub(crate) struct Rebuild {
    /// Desks, one after the other.
    #[arg(required = true)]
    pub(crate) desks: Vec<String>,
    #[command(flatten)]
    pub(crate) server: Server,
    #[command(flatten)]
    pub(crate) json: Json,
}

#[derive(Debug, Args)]
pub(crate) struct TicketStatus {
    /// Desk whose cases have the ticket.
    pub(crate) desk: String,
    /// System, such as mycx or nossa.
    pub(crate) system: String,
    /// The ticket's number there.
    pub(crate) number: String,
    /// Its status there.
    pub(crate) status: String,
    /// The system's own id of this change, so that sending it again is harmless; left out: a new change.
    #[arg(long, value_name = "ID")]
    pub(crate) id: Option<String>,
    #[command(flatten)]
    pub(crate) server: Server,
    #[command(flatten)]
    pub(crate) json: Json,
}

#[derive(Debug, Args)]
pub(crate) struct Gaps {
    /// Desk.
    #[arg(long)]
    pub(crate) desk: String,
    /// Channel: email, x, facebook or other.
    #[arg(long)]
    pub(crate) channel: String,
    /// Only messages that came to this account of ours.
    #[arg(long)]
    pub(crate) account: Option<String>,
    /// File of the source's own ids (Message-IDs, post ids, comment ids), one a line; `-` for standard input.
    pub(crate) ids: PathBuf,
    #[command(flatten)]
    pub(crate) json: Json,
}

#[derive(Debug, Args)]
pub(crate) struct ReplayRaw {
    /// Only say what would be brought and corrected.
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) json: Json,
}

/// Where a running Simpang is, and who asks.
#[derive(Debug, Clone, Args)]
pub(crate) struct Server {
    /// Its gRPC address.
    #[arg(long, env = "SIMPANG_ADDR", value_name = "URL", default_value = "http://127.0.0.1:7411")]
    pub(crate) addr: String,
    /// Token that says who asks. Without it: the one that `simpang up` made, from the data folder.
    #[arg(long, env = "SIMPANG_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,
}

/// For machines.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Json {
    /// Print JSON, one object a line.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// Desk.
    pub(crate) desk: String,
    /// Only this case.
    #[arg(long)]
    pub(crate) case: Option<u64>,
    /// Only what this agent did or got.
    #[arg(long)]
    pub(crate) agent: Option<String>,
    /// Only this kind of event or input, such as CaseAssigned; may be given several times.
    #[arg(long)]
    pub(crate) kind: Vec<String>,
    /// From this sequence on.
    #[arg(long, default_value_t = 1)]
    pub(crate) from: u64,
    /// Up to this sequence; without it: to the end of the log as it is now.
    #[arg(long)]
    pub(crate) to: Option<u64>,
    /// From this time on, RFC 3339 such as 2026-11-21T08:00:00+07:00.
    #[arg(long)]
    pub(crate) since: Option<String>,
    /// Up to this time, RFC 3339.
    #[arg(long)]
    pub(crate) until: Option<String>,
    /// Show texts, names and addresses as well.
    #[arg(long)]
    pub(crate) content: bool,
    #[command(flatten)]
    pub(crate) json: Json,
}

#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// Desk.
    pub(crate) desk: String,
    /// Case.
    pub(crate) case: u64,
    #[command(flatten)]
    pub(crate) json: Json,
}

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// Desks; none: all there are.
    pub(crate) desks: Vec<String>,
    /// Journals of what senders were told and receivers got, as JSON lines.
    #[arg(long, value_name = "FILE")]
    pub(crate) journal: Vec<PathBuf>,
    /// The receivers' journals hold all that arrived by this channel (email, x, facebook, call, other): what was
    /// recorded as delivered must stand in them. May be given several times.
    #[arg(long, value_name = "CHANNEL")]
    pub(crate) complete: Vec<String>,
    /// Nothing is under way any more: everything must be judged and every delivery ended.
    #[arg(long)]
    pub(crate) quiescent: bool,
    #[command(flatten)]
    pub(crate) json: Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Policy {
    /// Check a policy folder and print every error at once.
    Check {
        /// Folder.
        dir: PathBuf,
        /// Only this desk; none: every desk of the policy.
        #[arg(long)]
        desk: Option<String>,
        #[command(flatten)]
        json: Json,
    },
    /// Run the scenarios that stand beside a policy, on the real core, and say which requirements they serve.
    Test {
        /// Folder.
        #[arg(default_value = "policies/telkom")]
        dir: PathBuf,
        /// Only scenarios of this desk.
        #[arg(long)]
        desk: Option<String>,
        #[command(flatten)]
        json: Json,
    },
    /// Change a policy in one place at a time, and say which changes none of its scenarios notices.
    Mutate {
        /// Folder.
        #[arg(default_value = "policies/telkom")]
        dir: PathBuf,
        #[command(flatten)]
        json: Json,
    },
    /// Say what changed between two versions of a policy, by meaning: comments, layout and files make no difference.
    ///
    /// With --desk and one folder, the old version is the one that is in force on the desk's log. With a part of the log
    /// as well (--from, --to, --since, --until), say which cases would have been classified differently: wherever the
    /// rules ran, the new version's rules run over the same facts.
    #[command(
        after_help = "Exit code: 0 when nothing differs, 1 when something does, 2 on an error.\n\nExamples: simpang policy diff policies/telkom my-telkom\n          simpang policy diff --desk telkomcare my-telkom\n          simpang policy diff --desk telkomcare --since 2026-11-01T00:00:00+07:00 my-telkom"
    )]
    Diff(PolicyDiff),
    /// Put a policy on desks' logs.
    Apply {
        /// Folder.
        dir: PathBuf,
        /// Only this desk; none: every desk of the policy.
        #[arg(long)]
        desk: Option<String>,
        #[command(flatten)]
        server: Server,
    },
}

#[derive(Debug, Args)]
pub(crate) struct PolicyDiff {
    /// Folders of the old and the new version; with --desk also the new one alone.
    #[arg(required = true, num_args = 1..=2, value_name = "DIR")]
    pub(crate) dirs: Vec<PathBuf>,
    /// Only this desk; none: every desk of either version.
    #[arg(long)]
    pub(crate) desk: Option<String>,
    /// Take classifications again, of inputs from this sequence on; 1 is the beginning of the log.
    #[arg(long, requires = "desk")]
    pub(crate) from: Option<u64>,
    /// The same, up to this sequence.
    #[arg(long, requires = "desk")]
    pub(crate) to: Option<u64>,
    /// The same, from this time on, RFC 3339 such as 2026-11-21T08:00:00+07:00.
    #[arg(long, requires = "desk")]
    pub(crate) since: Option<String>,
    /// The same, up to this time, RFC 3339.
    #[arg(long, requires = "desk")]
    pub(crate) until: Option<String>,
    #[command(flatten)]
    pub(crate) json: Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Desk {
    /// Make a desk.
    Create {
        /// Its name.
        desk: String,
        #[command(flatten)]
        server: Server,
    },
    /// List the desks.
    List {
        #[command(flatten)]
        server: Server,
        #[command(flatten)]
        json: Json,
    },
    /// Add or change agents and customers from a TOML file; see deploy/samples/people.toml.
    People {
        /// File.
        file: PathBuf,
        #[command(flatten)]
        server: Server,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Backup {
    /// Take snapshots from the running broker; nothing has to stop. As user `backup` of the broker.
    Take {
        /// Folder, made anew; a folder in it for each stream.
        dir: PathBuf,
        /// Only these streams, such as SIMPANG_tenesa; none: all.
        #[arg(long, value_name = "STREAM")]
        stream: Vec<String>,
    },
    /// Put streams back that are not there. Roles have to be stopped.
    Restore {
        /// Folder that `take` (or `nats stream backup`) wrote.
        dir: PathBuf,
        /// Only these streams; none: all that are in the folder.
        #[arg(long, value_name = "STREAM")]
        stream: Vec<String>,
    },
}

/// Where the archive is.
#[derive(Debug, Clone, Args)]
pub(crate) struct ArchiveDir {
    /// The archive's folder; without it the one that log.archive in the settings names.
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Archive {
    /// Archive what is not archived yet of the months that have ended, in the desk's zone.
    #[command(after_help = "Example: simpang archive take --before 2026-11-01T00:00:00+07:00")]
    Take {
        /// Desks; none: all there are.
        desks: Vec<String>,
        /// Instead everything that was decided before this time, RFC 3339.
        #[arg(long, value_name = "TIME")]
        before: Option<String>,
        #[command(flatten)]
        dir: ArchiveDir,
        #[command(flatten)]
        json: Json,
    },
    /// Read everything that is archived, check it, and see whether the live log goes on where it ends. Exit code 1 when
    /// something does not hold.
    Verify {
        /// Desks; none: all that are archived.
        desks: Vec<String>,
        /// Only the archive; no broker is asked.
        #[arg(long)]
        alone: bool,
        #[command(flatten)]
        dir: ArchiveDir,
        #[command(flatten)]
        json: Json,
    },
    /// Remove from a desk's live log what its archive holds, after reading all of that back and comparing it. Refuses,
    /// with the reason, when anything does not hold. As user `archive` of the broker.
    #[command(after_help = "Example: simpang archive prune tenesa --before 2026-08-01T00:00:00+07:00")]
    Prune {
        /// Desk.
        desk: String,
        /// Only what ended before this time as well, RFC 3339; needed where the policy says nothing of retention.
        #[arg(long, value_name = "TIME")]
        before: Option<String>,
        #[command(flatten)]
        json: Json,
    },
    /// Say what is archived, until when it has to be kept, and who is responsible.
    List {
        #[command(flatten)]
        dir: ArchiveDir,
        #[command(flatten)]
        json: Json,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Campaign {
    /// Load a CSV call list; says for every row what became of it. Loading it again is harmless.
    Load {
        /// Desk.
        desk: String,
        /// Campaign of the desk's policy.
        campaign: String,
        /// CSV file.
        file: PathBuf,
        /// Entry criterion of every row whose list does not say (A7).
        #[arg(long)]
        criterion: Option<String>,
        /// IANA zone of times that the list writes without one.
        #[arg(long, default_value = "Asia/Jakarta")]
        zone: String,
        /// Also write every row's verdict into this CSV file: line, outcome, key, reason.
        #[arg(long, value_name = "FILE")]
        verdicts: Option<PathBuf>,
        #[command(flatten)]
        server: Server,
        #[command(flatten)]
        json: Json,
    },
    /// Put numbers on the do-not-call list, or take them off: no list loads them, and no agent gets them.
    #[command(
        after_help = "Examples: simpang campaign suppress tier2-outbound 0812-3456-7890 --reason \"asked for it\"\n          simpang campaign suppress --file do-not-call.csv"
    )]
    Suppress {
        /// Desk whose list it is; without it every desk's that has campaigns. Before numbers it has to be named.
        #[arg(default_value = "")]
        desk: String,
        /// Numbers, as people write them.
        numbers: Vec<String>,
        /// CSV file with a column of numbers.
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
        /// Take them off the list.
        #[arg(long)]
        lift: bool,
        /// Why, for people.
        #[arg(long, default_value = "")]
        reason: String,
        #[command(flatten)]
        server: Server,
        #[command(flatten)]
        json: Json,
    },
}

#[derive(Debug, Args)]
pub(crate) struct AgentArgs {
    /// Desk.
    #[arg(long, env = "SIMPANG_DESK", global = true, default_value = "")]
    pub(crate) desk: String,
    /// Where Simpang is: its gRPC address.
    #[arg(
        long,
        env = "SIMPANG_ADDR",
        global = true,
        value_name = "URL",
        default_value = "http://127.0.0.1:7411"
    )]
    pub(crate) addr: String,
    /// The agent's token.
    #[arg(long, env = "SIMPANG_TOKEN", global = true, value_name = "TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,
    /// Who you are, by the name of a token that `simpang up` made in the data folder, such as rina.
    #[arg(long = "as", global = true, value_name = "NAME")]
    pub(crate) as_agent: Option<String>,
    /// Print JSON.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) ask: crate::commands::agent::Ask,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Show {
    /// The ticket table.
    Cases {
        /// Desk.
        desk: String,
        /// Also closed ones.
        #[arg(long)]
        all: bool,
        /// Only of these queues.
        #[arg(long, value_name = "QUEUE", value_delimiter = ',')]
        queue: Vec<String>,
        /// Only with these agents.
        #[arg(long, value_name = "AGENT", value_delimiter = ',')]
        agent: Vec<String>,
        /// Only with these words in subject or conversation.
        #[arg(long, value_name = "WORDS", default_value = "", hide_default_value = true)]
        text: String,
        /// Only those with this ticket number in another system.
        #[arg(long, default_value = "", hide_default_value = true)]
        reference: String,
        /// Only those with a fault report on this product number.
        #[arg(long, default_value = "", hide_default_value = true)]
        product: String,
        #[command(flatten)]
        server: Server,
        #[command(flatten)]
        json: Json,
    },
    /// Customers of the directory, by part of their name, an address, or a value of their profile.
    #[command(
        after_help = "Examples: simpang show customers telkomcare --name budi\n          simpang show customers telkomcare --value 122243215678"
    )]
    Customers {
        /// Desk, for its copy of the directory.
        desk: String,
        /// Part of the name.
        #[arg(long, default_value = "", hide_default_value = true)]
        name: String,
        /// An address on any channel, or the value of a field of the profile.
        #[arg(long, default_value = "", hide_default_value = true)]
        value: String,
        /// Directory id.
        #[arg(long, default_value = "", hide_default_value = true)]
        id: String,
        #[command(flatten)]
        server: Server,
        #[command(flatten)]
        json: Json,
    },
    /// What a customer had with every desk that you may read, across channels: cases, and who handled them.
    #[command(
        group(clap::ArgGroup::new("who").required(true).args(["case", "customer", "address"])),
        after_help = "Examples: simpang show history telkomcare --customer c-1001\n          simpang show history telkomcare --case 17\n          simpang show history telkomcare --address ani@example.com --channel email"
    )]
    History {
        /// Desk to begin with.
        desk: String,
        /// Whoever wrote on this case.
        #[arg(long)]
        case: Option<u64>,
        /// Directory id.
        #[arg(long)]
        customer: Option<String>,
        /// Address on a channel.
        #[arg(long, requires = "channel")]
        address: Option<String>,
        /// Channel of the address: email, x, facebook, call or other.
        #[arg(long)]
        channel: Option<String>,
        #[command(flatten)]
        server: Server,
        #[command(flatten)]
        json: Json,
    },
    /// The bytes of a file of a case, into a file.
    Attachment {
        /// Desk.
        desk: String,
        /// Case number.
        case: u64,
        /// SHA-256 of the file, in hexadecimal, as `simpang agent show` prints it; its beginning is enough.
        digest: String,
        /// Where to; left out: the file's own name, in the folder where you are.
        #[arg(long, value_name = "FILE")]
        out: Option<std::path::PathBuf>,
        /// Write over a file that is there.
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        server: Server,
    },
    /// A mail of a case as HTML that can be put into a page: nothing in it runs or loads anything.
    Html {
        /// Desk.
        desk: String,
        /// Case number.
        case: u64,
        /// Which message, such as `412.0`, as `simpang agent show` says; left out: the last one that has HTML.
        message: Option<String>,
        #[command(flatten)]
        server: Server,
    },
    /// The forms that agents fill in by the policy in force: categories, answers, outcomes of calls, fault report.
    Forms {
        /// Desk.
        desk: String,
        #[command(flatten)]
        server: Server,
        #[command(flatten)]
        json: Json,
    },
    /// The SLA table: clocks now, how targets were kept, and what was solved at the first contact.
    Sla {
        /// Desk.
        desk: String,
        #[command(flatten)]
        cut: Box<Cut>,
        #[command(flatten)]
        server: Server,
        #[command(flatten)]
        json: Json,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Report {
    /// What about.
    #[arg(value_enum)]
    pub(crate) kind: ReportKind,
    /// Desk.
    pub(crate) desk: String,
    #[command(flatten)]
    pub(crate) cut: Cut,
    #[command(flatten)]
    pub(crate) server: Server,
}

/// What a report is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportKind {
    /// How targets were kept and how long it took, by period, clock, and what `--by` names.
    Sla,
    /// How many cases were solved at the first contact, by period and what `--by` names.
    FirstContact,
    /// Agents' time in each state, and what they got; `--from` left out: 24 hours before.
    Agents,
    /// What waits in each queue now.
    Queues,
    /// The ticket table: cases that were opened in the time, closed ones too.
    Cases,
    /// Every answer that an agent wrote in the time, with the classification of its own.
    Replies,
    /// How campaigns go.
    Campaigns,
    /// How calls went, by campaign and outcome.
    Outcomes,
}

#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// End within a minute; figures are rougher.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Flush every record to disk before it is acknowledged.
    #[arg(long)]
    pub(crate) sync_always: bool,
    /// Only measure how fast a desk with so many open cases is taken up again, and what its snapshots cost.
    #[arg(long, value_name = "CASES", group = "only")]
    pub(crate) restart: Option<u64>,
    /// Only show curves: what is routed and how late against the load that is offered, and with many desks in one
    /// process.
    #[arg(long, group = "only")]
    pub(crate) curves: bool,
    /// Only compare handing cases out with a queue in PostgreSQL, with so many open cases on both. Needs PostgreSQL's
    /// server programs on this machine (Debian: `postgresql`).
    #[arg(long, value_name = "CASES", group = "only")]
    pub(crate) compare: Option<u64>,
    /// Only measure this part; may be given more than once. A ratio is told where what it is to was measured too.
    #[arg(long, value_name = "PART", group = "only")]
    pub(crate) part: Vec<BenchPart>,
    #[command(flatten)]
    pub(crate) json: Json,
}

/// A part of the benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum BenchPart {
    /// One decision of the core, without any log.
    Core,
    /// The bare broker, ingest, ingest and router; taking up, verifying, building views anew.
    Rates,
    /// Verifying and building views from a log of single messages.
    Reading,
    /// Messages over PushStream.
    Push,
    /// Every role at once.
    Whole,
    /// From a pushed message to an agent's stream.
    Latency,
    /// What agents wait for who ask for a case.
    Pulls,
}

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    #[command(flatten)]
    pub(crate) server: Server,
    #[command(flatten)]
    pub(crate) json: Json,
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Policy folder.
    #[arg(long, value_name = "DIR", default_value = "policies/telkom")]
    pub(crate) policy: PathBuf,
    /// How fast the story is told.
    #[arg(long, value_enum, default_value_t = Pace::Brisk)]
    pub(crate) pace: Pace,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Pace {
    /// As fast as it happens.
    Brisk,
    /// With pauses, to read along.
    Slow,
}
