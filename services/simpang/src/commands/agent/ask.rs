//! What an agent can ask from the terminal.

use clap::{ArgGroup, Args, Subcommand, ValueEnum};

/// A case, and how far it was read.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Seen {
    /// Case number.
    pub(crate) case: u64,
    /// How many of the customer's messages you have read, as `show` says: refused when there are more by now.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seen: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Presence {
    /// Takes cases.
    Ready,
    /// Takes none.
    NotReady,
    /// Finishes what there is.
    AfterWork,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReplyKind {
    /// One reply.
    Normal,
    /// Numbered parts when the text is longer than the channel allows.
    Thread,
    /// A direct message.
    Private,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum WaitFor {
    /// The customer.
    Customer,
    /// A unit or another company.
    ThirdParty,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Answered {
    /// The one who reported (pelapor).
    Reporter,
    /// Another who may decide.
    DecisionMaker,
    /// Somebody who may not decide.
    Other,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Ask {
    /// Begin to work. A session of yours elsewhere ends.
    #[command(after_help = "Example: simpang agent sign-in --ready")]
    SignIn {
        /// Begin ready ("Auto-in") rather than not ready.
        #[arg(long)]
        ready: bool,
        /// Be offered cases without asking for them.
        #[arg(long)]
        auto: bool,
    },
    /// End work. What you hold goes back to its place.
    #[command(after_help = "Example: simpang agent sign-out")]
    SignOut,
    /// Say whether you take cases.
    #[command(after_help = "Examples: simpang agent presence not-ready --reason istirahat\n          \
                      simpang agent presence ready --capacity 3 --capacity email=2")]
    Presence {
        /// Whether you take cases.
        presence: Presence,
        /// Why not, for your team leader.
        #[arg(long, default_value = "")]
        reason: String,
        /// Be offered cases without asking for them.
        #[arg(long)]
        auto: bool,
        /// Take no more than so many at once, in all (`3`) or of a channel (`email=2`); may be given several times.
        /// 0: nothing more. `none` takes your limit back. Left out: as it was.
        #[arg(long, value_name = "[CHANNEL=]N")]
        capacity: Vec<String>,
    },
    /// Ask for the case that comes next, or for several.
    #[command(
        after_help = "Examples: simpang agent pull\n          simpang agent pull --count 2 --wait 60 --queue social"
    )]
    Pull {
        /// How many.
        #[arg(long, default_value_t = 1)]
        count: u32,
        /// When there are too few now, wait so many seconds for more; Ctrl-C ends the wait.
        #[arg(long, value_name = "SECONDS", default_value_t = 0)]
        wait: u32,
        /// Only from this queue; may be given several times.
        #[arg(long)]
        queue: Vec<String>,
    },
    /// Stop a pull that waits.
    #[command(after_help = "Example: simpang agent cancel-pull")]
    CancelPull,
    /// Show what you hold and are offered, then everything that changes, until Ctrl-C.
    #[command(after_help = "Example: simpang agent watch")]
    Watch,
    /// Show what you hold and are offered.
    #[command(after_help = "Example: simpang agent work")]
    Work,
    /// Show a case: conversation, customer, notes, clocks.
    #[command(after_help = "Example: simpang agent show 17")]
    Show {
        /// Case number.
        case: u64,
    },
    /// Take a case that is offered to you.
    #[command(after_help = "Example: simpang agent accept 17")]
    Accept {
        /// Case number.
        case: u64,
    },
    /// Refuse a case that is offered to you; it goes back to its place.
    #[command(after_help = "Example: simpang agent decline 17 --reason \"on a call\"")]
    Decline {
        /// Case number.
        case: u64,
        /// Why.
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Say what a case is about; the rules run again.
    #[command(
        after_help = "Example: simpang agent classify 17 --category \"Komplain > Internet > Tidak Bisa Connect\" --fact hard_complaint=yes"
    )]
    Classify {
        #[command(flatten)]
        of: Seen,
        /// Category from the top of the tree down, parts joined by `>`.
        #[arg(long, value_name = "PATH", default_value = "")]
        category: String,
        /// A fact that rules read: yes and no are flags, digits a number, anything else a text; empty removes it.
        #[arg(long, value_name = "NAME=VALUE")]
        fact: Vec<String>,
    },
    /// Say who the customer is; the rules run again.
    #[command(
        after_help = "Examples: simpang agent identify 17 --customer c-1001\n          simpang agent identify 17 --segment DES"
    )]
    Identify {
        #[command(flatten)]
        of: Seen,
        /// Customer of the directory.
        #[arg(long, default_value = "", conflicts_with_all = ["segment", "profession"], required_unless_present = "segment")]
        customer: String,
        /// Segment of one whom the directory does not know.
        #[arg(long, default_value = "")]
        segment: String,
        /// Profession criterion of one whom the directory does not know.
        #[arg(long, default_value = "")]
        profession: String,
    },
    /// Write a note for colleagues.
    #[command(after_help = "Example: simpang agent note 17 \"Line tested, normal\"")]
    Note {
        /// Case number.
        case: u64,
        /// Text; `-` reads standard input.
        text: String,
        /// Coaching by a team leader rather than work on the matter.
        #[arg(long)]
        coaching: bool,
    },
    /// Show the form of an answer, filled in as far as the case is known: what was written, the ways to answer and
    /// their limits, and the answer as it begins, with the customer's handle and a template of the policy.
    #[command(
        after_help = "Examples: simpang agent form 17\n          simpang agent form 17 --template nomor-tiket\n          simpang agent form 17 --template nomor-tiket --feedback > answer.txt"
    )]
    Form {
        /// Case number.
        case: u64,
        /// Begin with this template of the policy, its fields filled in.
        #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
        template: String,
        /// Print only the answer as it begins.
        #[arg(long)]
        feedback: bool,
    },
    /// Answer the customer.
    #[command(
        after_help = "Examples: simpang agent reply 17 \"Selamat pagi, …\" --seen 1 --resolve\n          simpang agent reply 17 - < answer.txt\n          simpang agent reply 17 --template nomor-tiket --category Komplain"
    )]
    Reply {
        #[command(flatten)]
        of: Seen,
        /// Text; `-` reads standard input.
        #[arg(required_unless_present = "template")]
        text: Option<String>,
        /// Instead of a text: this template of the policy, as `form` shows it filled in.
        #[arg(long, value_name = "NAME", conflicts_with = "text")]
        template: Option<String>,
        /// How it goes out.
        #[arg(long, value_enum, default_value_t = ReplyKind::Normal)]
        kind: ReplyKind,
        /// Subject, where the channel has one; without it: "Re: " and the customer's.
        #[arg(long, default_value = "")]
        subject: String,
        /// Also resolve the case once the channel has accepted the answer.
        #[arg(long)]
        resolve: bool,
        /// Classification of this answer, parts joined by `>`.
        #[arg(long, value_name = "PATH", default_value = "")]
        category: String,
        /// A field of the form; may be given several times.
        #[arg(long, value_name = "NAME=VALUE")]
        field: Vec<String>,
        /// A file that goes with it; may be given several times. Mail and other gateways take files.
        #[arg(long, value_name = "FILE")]
        attach: Vec<std::path::PathBuf>,
    },
    /// Record how a call went, by the campaign's tree.
    #[command(
        after_help = "Examples: simpang agent dispose 17 \"Contacted\" --field \"nomor tiket=IN123\" --note \"sudah normal\"\n          simpang agent dispose 17 \"Contacted > Reschedule\" --again-at 2026-11-21T15:00:00+07:00"
    )]
    Dispose {
        #[command(flatten)]
        of: Seen,
        /// Outcome from the top of the campaign's tree down, parts joined by `>`.
        path: String,
        /// A field of the form; may be given several times.
        #[arg(long, value_name = "NAME=VALUE")]
        field: Vec<String>,
        /// When to call again, RFC 3339, for outcomes that ask for it.
        #[arg(long, value_name = "TIME")]
        again_at: Option<String>,
        /// Who answered.
        #[arg(long, value_enum)]
        answered: Option<Answered>,
        /// Which of the contact's numbers was dialled: 1 for the first.
        #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
        dialled: u32,
        /// Remark (Keterangan); `-` reads standard input.
        #[arg(long, default_value = "")]
        note: String,
    },
    /// Put a case away until a time.
    #[command(after_help = "Example: simpang agent schedule 17 2026-11-21T15:00:00+07:00 --keep")]
    Schedule {
        #[command(flatten)]
        of: Seen,
        /// When it comes back, RFC 3339.
        at: String,
        /// It comes back to you, if you are there then.
        #[arg(long)]
        keep: bool,
    },
    /// Let a case wait for somebody; it stays yours, outside your capacity.
    #[command(after_help = "Example: simpang agent wait 17 third-party")]
    Wait {
        #[command(flatten)]
        of: Seen,
        /// For whom.
        on: WaitFor,
    },
    /// Ask for help above: first the team leader on duty.
    #[command(after_help = "Example: simpang agent escalate 17 \"Customer asks for compensation\"")]
    Escalate {
        #[command(flatten)]
        of: Seen,
        /// Why, and what is asked; `-` reads standard input.
        text: String,
        /// A step that the policy names; without it: the first.
        #[arg(long, default_value = "")]
        step: String,
    },
    /// Give a case to a queue, an agent or another desk.
    #[command(
        group(ArgGroup::new("target").required(true).args(["queue", "agent", "to_desk"])),
        after_help = "Examples: simpang agent transfer 17 --queue hard-complaint --note \"see notes\"\n          simpang agent transfer 17 --agent budi\n          simpang agent transfer 17 --to-desk telkomcare"
    )]
    Transfer {
        #[command(flatten)]
        of: Seen,
        /// To this queue.
        #[arg(long)]
        queue: Option<String>,
        /// To this agent.
        #[arg(long)]
        agent: Option<String>,
        /// To this desk.
        #[arg(long, value_name = "DESK")]
        to_desk: Option<String>,
        /// With `--queue`: it gives up its place and waits behind what waits there already.
        #[arg(long, requires = "queue")]
        last: bool,
        /// Why; `-` reads standard input.
        #[arg(long, default_value = "")]
        note: String,
    },
    /// Take a case from whoever holds it, for leads.
    #[command(after_help = "Example: simpang agent take-over 17")]
    TakeOver {
        #[command(flatten)]
        of: Seen,
    },
    /// Follow a case to its end, whoever holds it, for leads: `work` lists it, `watch` tells what happens on it.
    #[command(after_help = "Example: simpang agent follow 17")]
    Follow {
        /// Case number.
        case: u64,
    },
    /// Follow a case no longer.
    #[command(after_help = "Example: simpang agent unfollow 17")]
    Unfollow {
        /// Case number.
        case: u64,
    },
    /// Join a case into another and close it.
    #[command(after_help = "Example: simpang agent merge 18 17    (18 closes, 17 goes on)")]
    Merge {
        #[command(flatten)]
        of: Seen,
        /// The case that goes on.
        into: u64,
    },
    /// Take messages out into a case of their own.
    #[command(
        after_help = "Example: simpang agent split 17 412.0    (the message at that place, as `show` says)"
    )]
    Split {
        #[command(flatten)]
        of: Seen,
        /// Places of the messages that leave.
        #[arg(required = true, value_name = "PLACE")]
        messages: Vec<String>,
    },
    /// Close a case as spam.
    #[command(after_help = "Example: simpang agent spam 17")]
    Spam {
        #[command(flatten)]
        of: Seen,
    },
    /// Solved: closes by itself unless the customer writes.
    #[command(after_help = "Example: simpang agent resolve 17 --outcome fixed")]
    Resolve {
        #[command(flatten)]
        of: Seen,
        /// Outcome.
        #[arg(long, default_value = "")]
        outcome: String,
    },
    /// Not solved after all.
    #[command(after_help = "Example: simpang agent reopen 17")]
    Reopen {
        /// Case number.
        case: u64,
    },
    /// Finished.
    #[command(after_help = "Example: simpang agent close 17")]
    Close {
        #[command(flatten)]
        of: Seen,
    },
    /// Link a ticket of another system.
    #[command(after_help = "Example: simpang agent link 17 nossa IN123456 --status open")]
    Link {
        /// Case number.
        case: u64,
        /// System, such as mycx or nossa.
        system: String,
        /// The ticket's number there.
        number: String,
        /// Its status there as last known.
        #[arg(long, default_value = "")]
        status: String,
    },
    /// Report a fault of a product on the policy's form; what is missing or open already comes back as the refusal.
    #[command(
        after_help = "Example: simpang agent fault 17 122243215678 --field \"Nama Pelapor=Suwarni\" --choice Urgency=Normal"
    )]
    Fault {
        #[command(flatten)]
        of: Seen,
        /// The product's number (No Jastel, product ID).
        product: String,
        /// A field of the form that is no choice; may be given several times.
        #[arg(long, value_name = "NAME=VALUE")]
        field: Vec<String>,
        /// A field of the form with one of its values; may be given several times.
        #[arg(long, value_name = "NAME=VALUE")]
        choice: Vec<String>,
        /// The case that has the open report of this product: this one is recorded as its repeat.
        #[arg(long, value_name = "CASE", default_value_t = 0, hide_default_value = true)]
        repeats: u64,
    },
    /// Change a case's priority by hand.
    #[command(after_help = "Example: simpang agent priority 17 vvip")]
    Priority {
        /// Case number.
        case: u64,
        /// A priority of the policy.
        priority: String,
    },
    /// Give a case back to its queue, in its place.
    #[command(after_help = "Example: simpang agent release 17")]
    Release {
        /// Case number.
        case: u64,
    },
    /// Ask the same of many cases at once, for leads; each is decided for itself. Cases are numbers, ranges such as
    /// 20-40, or `-` for what stands on standard input.
    #[command(
        subcommand,
        after_help = "Examples: simpang agent bulk close 17 20-40\n          simpang show cases tenesa --queue identification --json | jq -r .case | simpang agent bulk transfer enterprise -"
    )]
    Bulk(Many),
}

/// What is asked of many cases.
#[derive(Debug, Subcommand)]
pub(crate) enum Many {
    /// Finished.
    Close {
        /// Cases.
        #[arg(required = true)]
        cases: Vec<String>,
    },
    /// Close as spam.
    Spam {
        /// Cases.
        #[arg(required = true)]
        cases: Vec<String>,
    },
    /// Solved: they close by themselves unless the customer writes.
    Resolve {
        /// Cases.
        #[arg(required = true)]
        cases: Vec<String>,
        /// Outcome.
        #[arg(long, default_value = "")]
        outcome: String,
    },
    /// Not solved after all.
    Reopen {
        /// Cases.
        #[arg(required = true)]
        cases: Vec<String>,
    },
    /// Give them back to their queues, in their places.
    Release {
        /// Cases.
        #[arg(required = true)]
        cases: Vec<String>,
    },
    /// Change their priority.
    Priority {
        /// A priority of the policy.
        priority: String,
        /// Cases.
        #[arg(required = true)]
        cases: Vec<String>,
    },
    /// Move them to a queue, whoever holds them.
    Transfer {
        /// The queue.
        queue: String,
        /// Cases.
        #[arg(required = true)]
        cases: Vec<String>,
        /// They give up their places and wait behind what waits there already.
        #[arg(long)]
        last: bool,
        /// Why.
        #[arg(long, default_value = "")]
        note: String,
    },
    /// Join them into another case and close them.
    Merge {
        /// The case that goes on.
        into: u64,
        /// Cases.
        #[arg(required = true)]
        cases: Vec<String>,
    },
    /// Write the same note on each.
    Note {
        /// Text.
        text: String,
        /// Cases.
        #[arg(required = true)]
        cases: Vec<String>,
    },
    /// Link the same ticket of another system: one fault, many reporters.
    Link {
        /// System, such as mycx or nossa.
        system: String,
        /// The ticket's number there.
        number: String,
        /// Cases.
        #[arg(required = true)]
        cases: Vec<String>,
        /// Its status there as last known.
        #[arg(long, default_value = "")]
        status: String,
    },
    /// Say what they are about; the rules run again for each.
    Classify {
        /// Category from the top of the tree down, parts joined by `>`.
        category: String,
        /// Cases.
        #[arg(required = true)]
        cases: Vec<String>,
    },
}
