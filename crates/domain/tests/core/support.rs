//! A desk to try things on: small rules written by hand, and a log that lives in a vector.

use simpang_domain::desk::Desk;
use simpang_domain::event::{Event, Happened, OnDuty};
use simpang_domain::facts::{AgentFacts, CaseFacts, Customer, Facts, Value};
use simpang_domain::input::{
    AgentRecord, Ask, Body, Command, Contact, DeliveryClaim, DeliveryReport, Input, Message, PolicyVersion,
};
use simpang_domain::rules::{
    Action, BreachStep, CampaignRule, Classification, ClockRule, DispositionRule, Effect, EscalationRule,
    FaultField, FaultForm, FieldKind, NoPolicy, PriorityRule, QueueRule, Rules, SlaRule, SystemTask, Tables,
};
use simpang_domain::words::{
    Answered, CaseId, Channel, DeliveryId, DeliveryOutcome, FieldShape, InputId, MessageKind, Millis, Name,
    QueueMode, Rejection, Role, SlaClock, Visibility,
};

pub(crate) const MIN: i64 = 60_000;
pub(crate) const HOUR: i64 = 60 * MIN;
pub(crate) const DAY: i64 = 24 * HOUR;
/// A Monday, 00:00 UTC.
pub(crate) const START: Millis = 1_700_438_400_000;

/// Who is on duty, by which shift, from and to which hour of the day.
pub(crate) type Shift = (&'static str, &'static str, i64, i64);

/// Queues `general` (rank 2), `vip` (rank 1, sticky, widens after a minute), `calls` (rank 3), `hold` (nobody pulls).
#[derive(Debug, Clone)]
pub(crate) struct TestRules {
    pub(crate) tables: Tables,
    /// Rosters by group.
    pub(crate) rosters: Vec<(&'static str, Vec<Shift>)>,
    none: NoPolicy,
}

pub(crate) fn queue(name: &str, rank: i32) -> QueueRule {
    QueueRule {
        name: name.into(),
        rank,
        skills: Vec::new(),
        mode: QueueMode::Both,
        offer_ms: 30_000,
        sticky: false,
        widen_after_ms: Vec::new(),
        held: false,
        overflow: None,
        unanswered_ms: None,
        wrap_up_ms: 0,
    }
}

fn clock(clock: SlaClock, target_ms: i64, on_breach: Vec<BreachStep>) -> ClockRule {
    ClockRule {
        clock,
        target_ms,
        calendar: "always".into(),
        warn_percent: vec![50, 80],
        pause_on_customer: clock == SlaClock::Resolution,
        pause_on_third_party: false,
        pause_on_scheduled: clock == SlaClock::Resolution,
        on_breach,
    }
}

fn node(label: &str, contacted: bool, effect: Effect, then: Vec<DispositionRule>) -> DispositionRule {
    DispositionRule {
        label: label.into(),
        contacted,
        requires: Vec::new(),
        answered: Vec::new(),
        tells: Vec::new(),
        escalate: None,
        effect,
        then,
    }
}

fn campaign() -> CampaignRule {
    let mut done = node("Paham", true, Effect::Close, Vec::new());
    done.requires = vec!["nomor tiket".into()];
    let mut agreed = node("Setuju", true, Effect::Close, Vec::new());
    agreed.answered = vec![Answered::Reporter, Answered::DecisionMaker];
    let mut again = node("Buka lagi", true, Effect::Keep, Vec::new());
    again.tells = vec![SystemTask { system: "mycx".into(), task: "reopen".into() }];
    again.escalate = Some("leader".into());
    let contacted = vec![done, node("Reschedule", true, Effect::Reschedule, Vec::new()), agreed, again];
    CampaignRule {
        name: "callback".into(),
        criteria: vec!["traffic".into(), "vvip".into()],
        attempts_max: 2,
        retry_ms: 2 * HOUR,
        lease_ms: Some(HOUR),
        asks_dialled: false,
        reports_to: Some("callback".into()),
        dispositions: vec![
            node("Contacted", true, Effect::Keep, contacted),
            node("RNA", false, Effect::Retry(None), Vec::new()),
            node("Junk", false, Effect::Junk, Vec::new()),
            node("Follow up", false, Effect::FollowUp(2 * HOUR), Vec::new()),
        ],
    }
}

/// A fault report states the product, a phone and an urgency; a booking asks for a schedule.
fn fault_form() -> FaultForm {
    let field = |name: &str, required, kind| FaultField {
        name: name.into(),
        required,
        required_with: Vec::new(),
        kind,
        fact: None,
    };
    let choice = |values: &[&str]| FieldKind::Choice(values.iter().map(|v| Name::from(*v)).collect());
    let mut urgency = field("urgency", true, choice(&["Normal", "Hard"]));
    urgency.fact = Some("urgency".into());
    let mut schedule = field("schedule", false, FieldKind::Shape(FieldShape::Time));
    schedule.required_with = vec![("booking".into(), "BOK".into())];
    FaultForm {
        product: "product".into(),
        subject: "{{agent}} / {{product}}".into(),
        system: Some("mycx".into()),
        links_repeats: false,
        ended_by: vec!["closed".into()],
        inform: Some("ticket".into()),
        fields: vec![
            field("phone", true, FieldKind::Shape(FieldShape::Phone)),
            urgency,
            field("booking", false, choice(&["BOK", "BNOK"])),
            schedule,
        ],
    }
}

impl Default for TestRules {
    fn default() -> Self {
        let none = NoPolicy::default();
        let mut vip = queue("vip", 1);
        vip.sticky = true;
        vip.widen_after_ms = vec![MIN];
        let mut hold = queue("hold", 4);
        hold.held = true;
        let mut skilled = queue("skilled", 5);
        skilled.skills = vec!["fibre".into()];
        let mut tables = none.tables().clone();
        tables.version = 1;
        tables.queues = vec![queue("calls", 3), queue("general", 2), hold, skilled, vip];
        tables.priorities = vec![
            PriorityRule { name: "high".into(), head_start_ms: 4 * HOUR },
            PriorityRule { name: "normal".into(), head_start_ms: 0 },
        ];
        let escalate = vec![BreachStep::Priority("high".into()), BreachStep::Escalate("leader".into())];
        tables.slas = vec![SlaRule {
            name: "standard".into(),
            clocks: vec![
                clock(SlaClock::FirstResponse, HOUR, escalate),
                clock(SlaClock::NextResponse, HOUR, Vec::new()),
                clock(SlaClock::Resolution, DAY, Vec::new()),
            ],
        }];
        tables.escalations = vec![EscalationRule {
            name: "leader".into(),
            group: "leaders".into(),
            template: "help".into(),
            queue: None,
            follow: false,
        }];
        tables.campaigns = vec![campaign()];
        tables.fault = Some(fault_form());
        tables.capacities = vec![(Channel::Email, 2), (Channel::X, 2), (Channel::Call, 1)];
        Self { tables, rosters: Vec::new(), none }
    }
}

/// Working time of the calendar `office`, 08:00 to 16:00 UTC every day, from 1970 until then.
fn office_time(until: Millis) -> i64 {
    until.div_euclid(DAY) * 8 * HOUR + (until.rem_euclid(DAY) - 8 * HOUR).clamp(0, 8 * HOUR)
}

fn text<'a>(facts: &'a Facts, name: &str) -> Option<&'a str> {
    match facts.get(name) {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    }
}

impl Rules for TestRules {
    fn tables(&self) -> &Tables {
        &self.tables
    }

    fn classify(&self, facts: &CaseFacts<'_>) -> Classification {
        let segment = facts.customer.and_then(|c| c.segment.clone());
        let asked = text(facts.case, "queue").or_else(|| text(facts.message, "queue"));
        let queue = match (facts.campaign, segment.as_deref(), asked) {
            (Some(_), ..) => "calls",
            _ if text(facts.case, "urgency") == Some("Hard") => "vip",
            (_, _, Some(queue)) => queue,
            (_, Some("VIP"), _) => "vip",
            (_, Some("UNKNOWN"), _) => "hold",
            _ => "general",
        };
        // A later policy may not have all queues.
        let queue = if self.tables.queue(queue).is_some() { queue } else { "general" };
        let priority = if queue == "vip" { "high" } else { "normal" };
        let actions = match segment.as_deref() {
            Some("DCS") => vec![
                Action::Educate { template: "dcs".into() },
                Action::Forward { mailbox: "dcs@example.com".into() },
                Action::Notify { group: "cross".into(), template: "dcs".into() },
            ],
            Some("ELSEWHERE") => vec![Action::HandOver { desk: "other".into() }],
            _ => Vec::new(),
        };
        Classification {
            rule: format!("to-{queue}").into(),
            segment,
            priority: priority.into(),
            queue: queue.into(),
            skills: Vec::new(),
            sla: Some("standard".into()),
            actions,
        }
    }

    /// `vip` takes the group `senior`, at step 1 anybody; other queues take anybody who is not in `nowhere`.
    fn admits(&self, queue: &str, agent: &AgentFacts<'_>) -> Option<u32> {
        let member = |group: &str| agent.record.groups.iter().any(|g| &**g == group);
        match queue {
            _ if member("nowhere") => None,
            "vip" if member("senior") => Some(0),
            "vip" => Some(1),
            _ => Some(0),
        }
    }

    fn deadline(&self, calendar: &str, from: Millis, work_ms: i64) -> Millis {
        if calendar != "office" {
            return self.none.deadline(calendar, from, work_ms);
        }
        let until = office_time(from) + work_ms;
        let (day, rest) = (until.div_euclid(8 * HOUR), until.rem_euclid(8 * HOUR));
        let at = if rest == 0 { (day - 1) * DAY + 16 * HOUR } else { day * DAY + 8 * HOUR + rest };
        at.max(from)
    }

    fn worked(&self, calendar: &str, from: Millis, to: Millis) -> i64 {
        match calendar {
            "office" => (office_time(to) - office_time(from)).max(0),
            _ => self.none.worked(calendar, from, to),
        }
    }

    fn day(&self, at: Millis) -> (i64, Millis) {
        self.none.day(at)
    }

    fn on_duty(&self, group: &str, at: Millis) -> Option<Vec<OnDuty>> {
        let (_, shifts) = self.rosters.iter().find(|(of, _)| *of == group)?;
        let hour = at.rem_euclid(DAY) / HOUR;
        let now = shifts.iter().filter(|(_, _, from, to)| (*from..*to).contains(&hour));
        Some(
            now.map(|(agent, shift, ..)| OnDuty { agent: (*agent).into(), shift: (*shift).into() }).collect(),
        )
    }

    /// Calls from 08:00 to 20:00 UTC.
    fn may_call_from(&self, _: &str, _: Option<&str>, at: Millis) -> Millis {
        let midnight = at.div_euclid(DAY) * DAY;
        match at - midnight {
            early if early < 8 * HOUR => midnight + 8 * HOUR,
            late if late >= 20 * HOUR => midnight + DAY + 8 * HOUR,
            _ => at,
        }
    }

    /// One who says how long their call took has to have spoken for over ten minutes (J7).
    fn enters(&self, contact: &CaseFacts<'_>) -> bool {
        !matches!(contact.message.get("minutes"), Some(Value::Number(minutes)) if *minutes <= 10)
    }
}

/// A desk under test, with all that was judged on it.
#[derive(Debug)]
pub(crate) struct Trial {
    pub(crate) desk: Desk<TestRules>,
    pub(crate) now: Millis,
    pub(crate) history: Vec<(Input, Vec<Event>)>,
    /// The rules that inputs brought.
    brought: Vec<(InputId, TestRules)>,
    seq: u64,
}

impl Trial {
    /// A desk with the test policy in force, at nine on a Monday.
    pub(crate) fn new() -> Self {
        Self::with(TestRules::default())
    }

    /// A desk under test rules with something changed.
    pub(crate) fn ruled_by(change: impl FnOnce(&mut Tables)) -> Self {
        let mut rules = TestRules::default();
        change(&mut rules.tables);
        Self::with(rules)
    }

    pub(crate) fn with(rules: TestRules) -> Self {
        let (history, brought) = (Vec::new(), Vec::new());
        let desk = Desk::new(rules.clone());
        let mut trial = Self { desk, now: START + 9 * HOUR, history, brought, seq: 0 };
        let version = PolicyVersion { version: 1, digest: [1; 32], cites: "test".into(), errors: Vec::new() };
        trial.judge_with(None, Body::Policy(version), Some(rules));
        trial
    }

    pub(crate) fn judge_with(
        &mut self,
        key: Option<u8>,
        body: Body,
        rules: Option<TestRules>,
    ) -> Vec<Happened> {
        self.seq += 1;
        let input =
            Input { id: InputId { seq: self.seq, index: 0 }, at: self.now, key: key.map(|k| [k; 16]), body };
        self.brought.extend(rules.clone().map(|rules| (input.id, rules)));
        let events = self.desk.judge(&input, rules);
        let bodies = events.iter().map(|e| e.body.clone()).collect();
        self.history.push((input, events));
        bodies
    }

    pub(crate) fn judge(&mut self, body: Body) -> Vec<Happened> {
        self.judge_with(None, body, None)
    }

    /// Sequence of what was brought last.
    pub(crate) fn last_seq(&self) -> u64 {
        self.seq
    }

    /// The rules that an input brought.
    pub(crate) fn rules_of(&self, input: InputId) -> Option<TestRules> {
        self.brought.iter().find(|(id, _)| *id == input).map(|(_, rules)| rules.clone())
    }

    /// Lets time pass; gives what timers led to.
    pub(crate) fn pass(&mut self, ms: i64) -> Vec<Happened> {
        self.now += ms;
        self.judge(Body::Tick)
    }

    pub(crate) fn agent(&mut self, id: &str, groups: &[&str]) -> Vec<Happened> {
        self.judge(Body::Agent(record(id, groups, &[Role::Agent])))
    }

    pub(crate) fn leader(&mut self, id: &str) -> Vec<Happened> {
        self.judge(Body::Agent(record(id, &["senior"], &[Role::TeamLeader])));
        self.sign_in(id, false)
    }

    pub(crate) fn ask(&mut self, agent: &str, case: u64, ask: Ask) -> Vec<Happened> {
        self.judge(Body::Command(Command {
            principal: agent.into(),
            seen_messages: 0,
            case: CaseId(case),
            ask,
        }))
    }

    pub(crate) fn sign_in(&mut self, agent: &str, auto: bool) -> Vec<Happened> {
        let session = format!("s-{agent}").into();
        self.ask(agent, 0, Ask::SignIn { session, gateway: "g1".into(), ready: true, auto })
    }

    /// An agent of that name, signed in and ready.
    pub(crate) fn ready(&mut self, agent: &str) {
        self.agent(agent, &[]);
        self.sign_in(agent, false);
    }

    pub(crate) fn pull(&mut self, agent: &str, count: u32, wait_ms: i64) -> Vec<Happened> {
        self.ask(agent, 0, Ask::Pull { count, wait_ms, queues: Vec::new() })
    }

    pub(crate) fn mail(&mut self, author: u8) -> Vec<Happened> {
        self.judge(Body::Message(message(author)))
    }

    pub(crate) fn mail_of(&mut self, author: u8, segment: &str) -> Vec<Happened> {
        let mut mail = message(author);
        mail.customer = Some(customer(segment));
        self.judge(Body::Message(mail))
    }

    pub(crate) fn contact(&mut self) -> Vec<Happened> {
        self.judge(Body::Contact(contact()))
    }

    /// Claims and delivers what was queued last.
    pub(crate) fn deliver(&mut self, outcome: DeliveryOutcome) -> Vec<Happened> {
        let queued = self.history.iter().rev().flat_map(|(_, events)| events.iter().rev()).find_map(|e| {
            match &e.body {
                Happened::DeliveryQueued(queued) => Some(queued.delivery),
                _ => None,
            }
        });
        self.deliver_this(queued.unwrap(), outcome)
    }

    pub(crate) fn deliver_this(&mut self, delivery: DeliveryId, outcome: DeliveryOutcome) -> Vec<Happened> {
        let started = self.judge(Body::Claim(DeliveryClaim { delivery, deliverer: "d1".into() }));
        let attempt = started.iter().find_map(|e| match e {
            Happened::DeliveryStarted { attempt, .. } => Some(*attempt),
            _ => None,
        });
        self.judge(Body::Report(DeliveryReport {
            delivery,
            attempt: attempt.unwrap_or(0),
            outcome,
            detail: "".into(),
            source: None,
            retry_after_ms: 1_000,
        }))
    }

    /// Whose case it is.
    pub(crate) fn holder(&self, case: u64) -> Option<String> {
        let state = self.desk.state();
        let holder = state.cases.get(&CaseId(case))?.holder()?;
        Some(state.agents.id(holder).to_string())
    }

    /// Folds the history anew and compares.
    pub(crate) fn assert_fold_is_equal(&self) {
        let mut folded = Desk::new(TestRules::default());
        for (input, events) in &self.history {
            folded.fold(input, events, self.rules_of(input.id));
        }
        assert_eq!(folded.state(), self.desk.state());
    }
}

pub(crate) fn record(id: &str, groups: &[&str], roles: &[Role]) -> AgentRecord {
    AgentRecord {
        agent: id.into(),
        roles: roles.to_vec(),
        skills: Vec::new(),
        site: None,
        groups: groups.iter().map(|g| Name::from(*g)).collect(),
        since: None,
        qa_met: Vec::new(),
        facts: Facts::default(),
        capacities: Vec::new(),
        inactive: false,
    }
}

pub(crate) fn customer(segment: &str) -> Customer {
    Customer {
        id: Some(format!("c-{segment}").into()),
        segment: Some(segment.into()),
        profession: None,
        facts: Facts::default(),
    }
}

/// A mail with thread and source keys made from its author.
pub(crate) fn message(author: u8) -> Message {
    Message {
        channel: Channel::Email,
        account: "tenesa@example.com".into(),
        kind: MessageKind::New,
        visibility: Visibility::Private,
        source: Some([author.wrapping_add(100); 16]),
        joins: Vec::new(),
        provides: vec![[author; 16]],
        signed_case: None,
        author: Some([author; 16]),
        customer: None,
        facts: Facts::default(),
        automatic: false,
    }
}

/// Another mail of the same thread.
pub(crate) fn answer(author: u8) -> Message {
    Message { joins: vec![[author; 16]], provides: Vec::new(), source: None, ..message(author) }
}

pub(crate) fn contact() -> Contact {
    Contact {
        campaign: "callback".into(),
        author: Some([77; 16]),
        customer: None,
        criterion: Some("vvip".into()),
        facts: Facts::default(),
        waiting_since: None,
        zone: None,
        numbers: vec![[77; 16], [78; 16]],
    }
}

pub(crate) fn rejection(events: &[Happened]) -> Option<Rejection> {
    events.iter().find_map(|e| match e {
        Happened::CommandRejected { rejection, .. } => Some(*rejection),
        _ => None,
    })
}

/// Names of events, for tests that are about their order.
pub(crate) fn names(events: &[Happened]) -> Vec<String> {
    events.iter().map(|e| format!("{e:?}").chars().take_while(|c| c.is_alphanumeric()).collect()).collect()
}

pub(crate) fn assigned(events: &[Happened]) -> Vec<(u64, String)> {
    events
        .iter()
        .filter_map(|e| match e {
            Happened::CaseAssigned { case, agent, .. } => Some((case.0, agent.to_string())),
            _ => None,
        })
        .collect()
}
