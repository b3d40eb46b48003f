//! What a policy answers. The trait is the core's; `simpang-policy` implements it over TOML and CEL. Every answer is a
//! function of the policy and the arguments alone.

use crate::event::OnDuty;
use crate::facts::{AgentFacts, CaseFacts};
use crate::words::{Answered, Channel, FieldShape, Millis, Name, QueueMode, Role, SlaClock};

/// A compiled policy, as the core sees it.
pub trait Rules {
    /// Everything that is not a condition.
    fn tables(&self) -> &Tables;

    /// Runs the rules in order, first match wins; the policy's own last rule matches always.
    fn classify(&self, facts: &CaseFacts<'_>) -> Classification;

    /// From which widening step on this agent may serve the queue (0: at once); none: never.
    fn admits(&self, queue: &str, agent: &AgentFacts<'_>) -> Option<u32>;

    /// When `work_ms` of working time have passed from `from` on, in a calendar.
    fn deadline(&self, calendar: &str, from: Millis, work_ms: i64) -> Millis;

    /// Working time from `from` to `to`, ms; 0 when `to` is not later.
    fn worked(&self, calendar: &str, from: Millis, to: Millis) -> i64;

    /// The day (since 1970-01-01) of a time in the desk's zone, and when the next one begins.
    fn day(&self, at: Millis) -> (i64, Millis);

    /// Who is on duty for a group by its roster, in the roster's order; none: the group has no roster.
    fn on_duty(&self, _group: &str, _at: Millis) -> Option<Vec<OnDuty>> {
        None
    }

    /// The earliest time from `at` on at which a campaign may call into this zone (none: the campaign's).
    fn may_call_from(&self, campaign: &str, zone: Option<&str>, at: Millis) -> Millis;

    /// Whether a contact meets what its campaign asks of its entry criterion beyond naming it (A7, J7).
    fn enters(&self, contact: &CaseFacts<'_>) -> bool;
}

/// What the rules say of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Classification {
    /// The rule that matched.
    pub rule: Name,
    /// Segment; none: unknown.
    pub segment: Option<Name>,
    /// Priority: one of the tables.
    pub priority: Name,
    /// Queue: one of the tables.
    pub queue: Name,
    /// Skills that are needed besides the queue's own, sorted.
    pub skills: Vec<Name>,
    /// SLA: one of the tables.
    pub sla: Option<Name>,
    /// What else follows.
    pub actions: Vec<Action>,
}

/// What a rule has done besides routing; once a case each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Answer the customer from a template (C2, C3).
    Educate {
        /// Template of the policy.
        template: Name,
    },
    /// Forward the customer's message to a mailbox (C2, C3).
    Forward {
        /// Mail address.
        mailbox: Name,
    },
    /// Give the case to another desk, after everything else.
    HandOver {
        /// Desk.
        desk: Name,
    },
    /// Tell a group (C2, D6).
    Notify {
        /// Group of the policy.
        group: Name,
        /// Template of the policy.
        template: Name,
    },
    /// Resolve at once, after everything else.
    Resolve {
        /// Outcome.
        outcome: Name,
    },
}

impl Action {
    /// Its name on the log: `educate:dcs`, `forward:a@b`, `hand-over:desk`, `notify:group`, `resolve:outcome`.
    #[must_use]
    pub fn name(&self) -> Name {
        match self {
            Self::Educate { template } => format!("educate:{template}"),
            Self::Forward { mailbox } => format!("forward:{mailbox}"),
            Self::HandOver { desk } => format!("hand-over:{desk}"),
            Self::Notify { group, template } => format!("notify:{group}:{template}"),
            Self::Resolve { outcome } => format!("resolve:{outcome}"),
        }
        .into()
    }
}

/// Everything in a policy that is not a condition. All lists are sorted by name unless said otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tables {
    /// Version; 0 for the rules that hold before any policy.
    pub version: u64,
    /// Queues.
    pub queues: Vec<QueueRule>,
    /// Priorities.
    pub priorities: Vec<PriorityRule>,
    /// SLAs.
    pub slas: Vec<SlaRule>,
    /// Campaigns.
    pub campaigns: Vec<CampaignRule>,
    /// Steps of escalation, in order: the first is the first asked (D4).
    pub escalations: Vec<EscalationRule>,
    /// Categories: every allowed path. Empty: any path is allowed (F3).
    pub categories: Vec<Vec<Name>>,
    /// Most cases of each channel an agent holds at once, where their record does not say.
    pub capacities: Vec<(Channel, u32)>,
    /// What cases of all channels weigh together, and the most of that an agent takes; none: not limited.
    pub shared: Option<SharedCapacity>,
    /// The desk's numbers.
    pub limits: Limits,
    /// What agents may give as reasons.
    pub reasons: Reasons,
    /// The form of a fault report (G); none: the desk takes none.
    pub fault: Option<FaultForm>,
}

/// The form on which agents report a fault (G).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultForm {
    /// Label of the product's number, which every report states.
    pub product: Name,
    /// Its subject, with fields to be filled in (G4); empty: none.
    pub subject: Name,
    /// The system that tickets are opened in; none: nobody is told.
    pub system: Option<Name>,
    /// A report of a product with an open one is recorded as its repeat; else it is refused with the case to name (G3).
    pub links_repeats: bool,
    /// Statuses of that system's tickets that end a report, in small letters.
    pub ended_by: Vec<Name>,
    /// Template that tells the customer the ticket's number; none: an agent does.
    pub inform: Option<Name>,
    /// Its fields, in the form's order.
    pub fields: Vec<FaultField>,
}

/// A field of the form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultField {
    /// Label, as the form has it (M9).
    pub name: Name,
    /// It has to be filled in.
    pub required: bool,
    /// It has to be filled in when that choice has one of those values.
    pub required_with: Vec<(Name, Name)>,
    /// What it takes.
    pub kind: FieldKind,
    /// The case fact that its value becomes; choices only.
    pub fact: Option<Name>,
}

/// What a field takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldKind {
    /// Any text.
    Text,
    /// A value of that shape.
    Shape(FieldShape),
    /// One of these.
    Choice(Vec<Name>),
}

impl FaultForm {
    /// Whether a ticket's status ends its report.
    #[must_use]
    pub fn is_over(&self, status: &str) -> bool {
        let status = status.trim().to_lowercase();
        self.ended_by.iter().any(|ending| **ending == *status)
    }
}

/// What agents may give as reasons, in the policy's order; empty: anything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reasons {
    /// Why they are not ready.
    pub not_ready: Vec<Name>,
    /// Why they decline an offered case.
    pub decline: Vec<Name>,
}

/// Numbers of a desk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// How long idempotency keys of inputs are remembered, ms.
    pub key_memory_ms: i64,
    /// Above this number of remembered keys a desk reports itself full; keys are never forgotten early.
    pub keys_max: u64,
    /// How long a closed case stays in memory and may be reopened by its customer, ms.
    pub reopening_ms: i64,
    /// How long a resolved case waits for the customer before it closes, ms.
    pub settle_ms: i64,
    /// How long a gateway may be silent before its sessions end, ms.
    pub grace_ms: i64,
    /// A message joins the customer's open case on its channel when no thread ties it.
    pub join_by_customer: bool,
    /// Our mails carry the case's number in their subject, and one of its customer with it joins the case.
    pub subject_tag: bool,
    /// Template of the automatic acknowledgement of a new case; none: none is sent.
    pub acknowledgement: Option<Name>,
    /// What answers a new case instead while a calendar is closed.
    pub out_of_hours: Option<OutOfHours>,
    /// Least time between two acknowledgements to one sender, ms.
    pub acknowledgement_gap_ms: i64,
    /// After another policy is applied, rules run again over open cases that nobody holds.
    pub rederive: bool,
}

/// What answers a new case while nobody works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutOfHours {
    /// The calendar that says when somebody does.
    pub calendar: Name,
    /// Template of the acknowledgement.
    pub template: Name,
}

/// One capacity for the cases of all channels, beside the most of each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedCapacity {
    /// The most that an agent's cases weigh together.
    pub total: u32,
    /// What a case of a channel weighs; of a channel that is not named, 1.
    pub weights: Vec<(Channel, u32)>,
}

impl SharedCapacity {
    /// What a case of this channel weighs.
    #[must_use]
    pub fn weight(&self, channel: Channel) -> u32 {
        self.weights.iter().find(|(c, _)| *c == channel).map_or(1, |(_, weight)| *weight)
    }
}

/// A queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueRule {
    /// Name.
    pub name: Name,
    /// Which queue first, of those an agent serves: smaller first.
    pub rank: i32,
    /// Skills its cases need, sorted.
    pub skills: Vec<Name>,
    /// How its cases come to agents.
    pub mode: QueueMode,
    /// How long an offer waits for an answer, ms.
    pub offer_ms: i64,
    /// Prefer the agent who last handled this customer, if they are free.
    pub sticky: bool,
    /// After how long in the queue each widening step begins, ms, increasing: step 1, 2, …
    pub widen_after_ms: Vec<i64>,
    /// Nobody takes cases here by pull or offer; people do by transfer or take-over.
    pub held: bool,
    /// Where a case goes that waited too long; later than every widening step.
    pub overflow: Option<OverflowRule>,
    /// How long a case may sit on an agent without an answer, ms; none: as long as it does.
    pub unanswered_ms: Option<i64>,
    /// How long an agent who finished a case has to wrap up before the next, ms.
    pub wrap_up_ms: i64,
}

/// Where a case goes that waited too long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverflowRule {
    /// After how long in the queue, ms.
    pub after_ms: i64,
    /// Where to.
    pub to: OverflowTo,
}

/// Where a case goes that waited too long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OverflowTo {
    /// Another queue.
    Queue(Name),
    /// Another desk.
    Desk(Name),
}

/// A priority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriorityRule {
    /// Name.
    pub name: Name,
    /// How much earlier than it did a case counts as arrived, ms.
    pub head_start_ms: i64,
}

/// An SLA: its clocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlaRule {
    /// Name.
    pub name: Name,
    /// Clocks, by kind, each kind at most once.
    pub clocks: Vec<ClockRule>,
}

/// One clock of an SLA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClockRule {
    /// Which.
    pub clock: SlaClock,
    /// Working time allowed, ms.
    pub target_ms: i64,
    /// Calendar it counts in.
    pub calendar: Name,
    /// Warn at these percentages of the target, increasing, 1 to 99.
    pub warn_percent: Vec<u32>,
    /// Stands still while the case waits for the customer.
    pub pause_on_customer: bool,
    /// Stands still while the case waits for a third party.
    pub pause_on_third_party: bool,
    /// Stands still while the case is scheduled.
    pub pause_on_scheduled: bool,
    /// What follows a breach, in order.
    pub on_breach: Vec<BreachStep>,
}

/// What follows a breach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BreachStep {
    /// Another priority.
    Priority(Name),
    /// An escalation step.
    Escalate(Name),
    /// Another queue.
    Queue(Name),
}

/// A step of escalation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EscalationRule {
    /// Name.
    pub name: Name,
    /// Group that is told.
    pub group: Name,
    /// Template of what it is told.
    pub template: Name,
    /// Queue the case moves to; none: it stays with its agent.
    pub queue: Option<Name>,
    /// Who is on duty for the group follows the case to its end (D7).
    pub follow: bool,
}

/// A campaign of calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CampaignRule {
    /// Name.
    pub name: Name,
    /// Entry criteria (A7), sorted; empty: a contact states none.
    pub criteria: Vec<Name>,
    /// Attempts without contact after which a contact closes; 0: no limit (H9).
    pub attempts_max: u32,
    /// Time before the next attempt, ms, where a disposition does not say.
    pub retry_ms: i64,
    /// How long an agent may hold a contact without doing anything with it, ms; none: for ever.
    pub lease_ms: Option<i64>,
    /// An outcome says which number was dialled, where a contact has several.
    pub asks_dialled: bool,
    /// The system that takes the result of every call (K13).
    pub reports_to: Option<Name>,
    /// The tree's top, in the form's order (I1–I7).
    pub dispositions: Vec<DispositionRule>,
}

/// A node of a disposition tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DispositionRule {
    /// Label, as the form has it (M9).
    pub label: Name,
    /// The customer was reached.
    pub contacted: bool,
    /// Form fields that must be filled in at this node.
    pub requires: Vec<Name>,
    /// Who has to have answered; empty: anybody, or nobody (B7, H4, H5).
    pub answered: Vec<Answered>,
    /// What other systems have to be told; on a leaf only.
    pub tells: Vec<SystemTask>,
    /// Step of escalation that it asks; on a leaf only.
    pub escalate: Option<Name>,
    /// What follows; on a leaf only.
    pub effect: Effect,
    /// Next level; empty: a leaf.
    pub then: Vec<DispositionRule>,
}

/// What somebody else's system has to be told (M10).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemTask {
    /// System, such as `nossa`.
    pub system: Name,
    /// What to do there, such as `worklog`.
    pub task: Name,
}

/// What follows a disposition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// The contact is done.
    Close,
    /// Another attempt after this many ms; none: the campaign's `retry_ms`.
    Retry(Option<i64>),
    /// Called again at the time the agent states, which is then required (H7).
    Reschedule,
    /// Stays with the agent, who goes on with it (an escalation, a ticket to open).
    Keep,
    /// The contact does not belong in the campaign.
    Junk,
    /// Comes back to the same agent after this many ms, and is no attempt without contact (I4).
    FollowUp(i64),
}

/// Name of [`Effect::FollowUp`] on the log.
pub(crate) const FOLLOW_UP: &str = "follow-up";

impl Effect {
    /// Its name on the log and on forms.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Close => "close",
            Self::Retry(_) => "retry",
            Self::Reschedule => "reschedule",
            Self::Keep => "keep",
            Self::Junk => "junk",
            Self::FollowUp(_) => FOLLOW_UP,
        }
    }
}

impl Tables {
    /// A queue by name.
    #[must_use]
    pub fn queue(&self, name: &str) -> Option<&QueueRule> {
        find(&self.queues, name, |q| &q.name)
    }

    /// A priority by name.
    #[must_use]
    pub fn priority(&self, name: &str) -> Option<&PriorityRule> {
        find(&self.priorities, name, |p| &p.name)
    }

    /// An SLA by name.
    #[must_use]
    pub fn sla(&self, name: &str) -> Option<&SlaRule> {
        find(&self.slas, name, |s| &s.name)
    }

    /// A campaign by name.
    #[must_use]
    pub fn campaign(&self, name: &str) -> Option<&CampaignRule> {
        find(&self.campaigns, name, |c| &c.name)
    }

    /// A step of escalation by name; the first when none is named.
    #[must_use]
    pub fn escalation(&self, name: Option<&str>) -> Option<&EscalationRule> {
        match name {
            None => self.escalations.first(),
            Some(name) => self.escalations.iter().find(|e| *e.name == *name),
        }
    }

    /// A step of escalation by its place in their order; after the last the last.
    #[must_use]
    pub fn escalation_at(&self, place: usize) -> Option<&EscalationRule> {
        self.escalations.get(place).or(self.escalations.last())
    }

    /// Most cases of a channel at once, where the agent's record does not say. What the policy does not name is
    /// limited by the shared capacity alone; where there is none, 1.
    #[must_use]
    pub fn capacity(&self, channel: Channel) -> u32 {
        let unnamed = if self.shared.is_some() { u32::MAX } else { 1 };
        self.capacities.iter().find(|(c, _)| *c == channel).map_or(unnamed, |(_, limit)| *limit)
    }
}

fn find<'a, T>(sorted: &'a [T], name: &str, name_of: impl Fn(&T) -> &Name) -> Option<&'a T> {
    sorted.binary_search_by(|item| (**name_of(item)).cmp(name)).ok().map(|at| &sorted[at])
}

/// Roles that lead: they may take over, transfer others' cases, act in bulk.
pub const LEADERS: &[Role] = &[Role::TeamLeader, Role::Pic, Role::Supervisor];

/// Roles that work cases.
pub const WORKERS: &[Role] = &[Role::Agent, Role::TeamLeader, Role::Pic, Role::Supervisor];

/// The rules that hold before any policy: one queue, `unrouted`, one priority, no SLA, so that what arrives is kept
/// and waits for a policy.
#[derive(Debug, Clone)]
pub struct NoPolicy {
    tables: Tables,
}

impl Default for NoPolicy {
    fn default() -> Self {
        const DAY_MS: i64 = 86_400_000;
        let queue = QueueRule {
            name: "unrouted".into(),
            rank: 0,
            skills: Vec::new(),
            mode: QueueMode::Both,
            offer_ms: 30_000,
            sticky: false,
            widen_after_ms: Vec::new(),
            held: true,
            overflow: None,
            unanswered_ms: None,
            wrap_up_ms: 0,
        };
        let limits = Limits {
            key_memory_ms: 7 * DAY_MS,
            keys_max: 50_000_000,
            reopening_ms: 7 * DAY_MS,
            settle_ms: 3 * DAY_MS,
            grace_ms: 60_000,
            join_by_customer: false,
            subject_tag: true,
            acknowledgement: None,
            out_of_hours: None,
            acknowledgement_gap_ms: DAY_MS,
            rederive: true,
        };
        let tables = Tables {
            version: 0,
            queues: vec![queue],
            priorities: vec![PriorityRule { name: "normal".into(), head_start_ms: 0 }],
            slas: Vec::new(),
            campaigns: Vec::new(),
            escalations: Vec::new(),
            categories: Vec::new(),
            capacities: Vec::new(),
            shared: None,
            limits,
            reasons: Reasons::default(),
            fault: None,
        };
        Self { tables }
    }
}

impl Rules for NoPolicy {
    fn tables(&self) -> &Tables {
        &self.tables
    }

    fn classify(&self, _: &CaseFacts<'_>) -> Classification {
        Classification {
            rule: "no-policy".into(),
            segment: None,
            priority: "normal".into(),
            queue: "unrouted".into(),
            skills: Vec::new(),
            sla: None,
            actions: Vec::new(),
        }
    }

    fn admits(&self, _: &str, _: &AgentFacts<'_>) -> Option<u32> {
        Some(0)
    }

    fn deadline(&self, _: &str, from: Millis, work_ms: i64) -> Millis {
        from.saturating_add(work_ms)
    }

    fn worked(&self, _: &str, from: Millis, to: Millis) -> i64 {
        to.saturating_sub(from).max(0)
    }

    fn day(&self, at: Millis) -> (i64, Millis) {
        const DAY_MS: i64 = 86_400_000;
        let day = at.div_euclid(DAY_MS);
        (day, (day + 1) * DAY_MS)
    }

    fn may_call_from(&self, _: &str, _: Option<&str>, at: Millis) -> Millis {
        at
    }

    fn enters(&self, _: &CaseFacts<'_>) -> bool {
        true
    }
}
