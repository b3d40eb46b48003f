//! A compiled policy: answers what the core asks, from the policy and the arguments alone.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use chrono_tz::Tz;
use simpang_domain::event::OnDuty;
use simpang_domain::facts::{AgentFacts, CaseFacts};
use simpang_domain::rules::{Classification, Rules, Tables};
use simpang_domain::words::{Millis, Name};

use crate::calendar::{Calendar, day_of};
use crate::compile::tables_of;
use crate::condition::slot::{self, Filled};
use crate::condition::{Condition, Conditions};
use crate::draft::Draft;
use crate::folder::{Cite, Manifest};
use crate::memo::Memo;
use crate::parts::{AccountRule, CampaignForm, Group, Link, Retention, Template, fill};
use crate::roster::Roster;

/// The rules of a desk. Cheap to copy; copies share what they remember.
#[derive(Clone)]
pub struct Policy {
    inner: Arc<Inner>,
}

struct Inner {
    desk: Name,
    name: Name,
    title: Name,
    cites: Vec<Cite>,
    digest: [u8; 32],
    signature: Name,
    quote: Name,
    zone: Tz,
    tables: Tables,
    shape: Shape,
    calendars: BTreeMap<Name, Calendar>,
    windows: BTreeMap<Name, Calendar>,
    accounts: Vec<AccountRule>,
    campaigns: Vec<CampaignForm>,
    groups: BTreeMap<Name, Group>,
    templates: BTreeMap<Name, Template>,
    links: Vec<Link>,
    retention: Option<Retention>,
    /// By group.
    rosters: BTreeMap<Name, Roster>,
    memo: Memo,
}

/// The conditions of a policy, ready to run.
#[derive(Debug)]
pub(crate) struct Shape {
    /// Slot of the customer's segment.
    pub(crate) segment: usize,
    pub(crate) rules: Conditions,
    pub(crate) rulings: Vec<Ruling>,
    /// SLAs that are one of others.
    pub(crate) choices: Vec<SlaChoice>,
    pub(crate) agents: Conditions,
    /// Sorted by queue.
    pub(crate) queues: Vec<QueueConditions>,
    /// What entry criteria ask, over the same roots as the rules.
    pub(crate) entering: Conditions,
    pub(crate) entries: Vec<Entry>,
}

/// A rule: its condition and what it says.
#[derive(Debug)]
pub(crate) struct Ruling {
    pub(crate) when: Condition,
    pub(crate) says: Classification,
    pub(crate) cites: Vec<Name>,
}

/// An SLA that is one of others: the first whose condition holds.
#[derive(Debug)]
pub(crate) struct SlaChoice {
    pub(crate) name: Name,
    pub(crate) among: Vec<(Option<Condition>, Name)>,
}

/// Who may serve a queue: at once, and from each widening step on; none: everybody.
#[derive(Debug)]
pub(crate) struct QueueConditions {
    pub(crate) queue: Name,
    pub(crate) steps: Vec<Option<Condition>>,
}

/// What an entry criterion asks of a contact beyond naming it.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) campaign: Name,
    pub(crate) criterion: Name,
    pub(crate) when: Condition,
}

/// What became of one rule when the rules ran over a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The rule.
    pub rule: Name,
    /// Requirement ids that it cites.
    pub cites: Vec<Name>,
    /// What its condition came to.
    pub outcome: Outcome,
}

/// What a condition came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It holds: this rule decides.
    Matched,
    /// It does not hold.
    NotMatched,
    /// It can't be told, which counts as not holding; why.
    Failed(String),
}

impl Policy {
    pub(crate) fn new(
        desk: &str,
        manifest: Manifest,
        digest: [u8; 32],
        mut draft: Draft,
        shape: Shape,
    ) -> Self {
        let tables = tables_of(&mut draft, manifest.version);
        let (mut campaigns, mut windows) = (Vec::new(), BTreeMap::new());
        for campaign in draft.campaigns.drain(..) {
            windows.insert(campaign.form.name.clone(), campaign.window);
            campaigns.push(campaign.form);
        }
        campaigns.sort_by(|a, b| a.name.cmp(&b.name));
        let inner = Inner {
            desk: desk.into(),
            name: manifest.name,
            title: draft.desk.title.clone().unwrap_or_else(|| desk.into()),
            cites: manifest.cites,
            digest,
            signature: draft.desk.signature.clone(),
            quote: draft.desk.quote.clone(),
            zone: draft.zone(),
            tables,
            shape,
            calendars: draft.calendars.into_iter().map(|c| (c.name.clone(), c)).collect(),
            windows,
            accounts: draft.accounts,
            campaigns,
            groups: draft.groups.into_iter().map(|g| (g.name.clone(), g)).collect(),
            templates: draft.templates.into_iter().map(|t| (t.name.clone(), t)).collect(),
            links: draft.links,
            retention: draft.retention,
            rosters: draft.rosters.into_iter().map(|r| (r.group.clone(), r)).collect(),
            memo: Memo::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The desk it was compiled for.
    #[must_use]
    pub fn desk(&self) -> &str {
        &self.inner.desk
    }

    /// The policy's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// The desk's title for people.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.inner.title
    }

    /// Its version, at least 1.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.inner.tables.version
    }

    /// Digest of its files, as [`crate::digest`].
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        self.inner.digest
    }

    /// The documents it follows, in one line (L1).
    #[must_use]
    pub fn cites(&self) -> String {
        let one = |cite: &Cite| {
            let revision = cite.revision.as_ref().map_or(String::new(), |r| format!(" rev {r}"));
            let approver = cite.approver.as_ref().map_or(String::new(), |a| format!(" ({a})"));
            format!("{}{revision}{approver}", cite.document)
        };
        self.inner.cites.iter().map(one).collect::<Vec<_>>().join("; ")
    }

    /// The documents it follows (L1).
    #[must_use]
    pub fn documents(&self) -> &[Cite] {
        &self.inner.cites
    }

    /// What stands under every reply; empty: nothing.
    #[must_use]
    pub fn signature(&self) -> &str {
        &self.inner.signature
    }

    /// Whether the case's number stands in the subject of our mails.
    #[must_use]
    pub fn subject_tag(&self) -> bool {
        self.tables().limits.subject_tag
    }

    /// The line above the message that a mail quotes, filled in; none: nothing is quoted.
    #[must_use]
    pub fn quote_line(&self, at_ms: i64, customer: &str) -> Option<String> {
        let value = |field: &str| if field == "date" { self.local_time(at_ms) } else { customer.to_owned() };
        Some(&self.inner.quote).filter(|quote| !quote.trim().is_empty()).map(|quote| fill(quote, value))
    }

    /// The desk's zone (IANA).
    #[must_use]
    pub fn zone(&self) -> &'static str {
        self.inner.zone.name()
    }

    /// A time as people at the desk read it, such as `2026-11-22 14:30 WIB`.
    #[must_use]
    pub fn local_time(&self, at_ms: i64) -> String {
        let at = chrono::DateTime::from_timestamp_millis(at_ms);
        at.map(|at| at.with_timezone(&self.inner.zone).format("%Y-%m-%d %H:%M %Z").to_string())
            .unwrap_or_default()
    }

    /// The desk's accounts, as the file lists them.
    #[must_use]
    pub fn accounts(&self) -> &[AccountRule] {
        &self.inner.accounts
    }

    /// Campaigns as people see them, sorted by name.
    #[must_use]
    pub fn campaigns(&self) -> &[CampaignForm] {
        &self.inner.campaigns
    }

    /// Groups by name: where to notify.
    #[must_use]
    pub fn groups(&self) -> &BTreeMap<Name, Group> {
        &self.inner.groups
    }

    /// Templates by name.
    #[must_use]
    pub fn templates(&self) -> &BTreeMap<Name, Template> {
        &self.inner.templates
    }

    /// Links to other systems, as the files list them (M10).
    #[must_use]
    pub fn links(&self) -> &[Link] {
        &self.inner.links
    }

    /// How long records are kept, and who answers for them, if the files say (L2).
    #[must_use]
    pub fn retention(&self) -> Option<&Retention> {
        self.inner.retention.as_ref()
    }

    /// Rules in their order, with the requirement ids each cites.
    pub fn rules(&self) -> impl Iterator<Item = (&Name, &[Name])> {
        self.inner.shape.rulings.iter().map(|ruling| (&ruling.says.rule, ruling.cites.as_slice()))
    }

    /// What became of each rule up to the one that decides; `explain` shows it. Never remembered, always run.
    #[must_use]
    pub fn trace(&self, facts: &CaseFacts<'_>) -> Vec<Step> {
        let shape = &self.inner.shape;
        shape.rules.over(&shape.fill(facts), |filling| {
            let mut steps = Vec::new();
            for ruling in &shape.rulings {
                let outcome = match filling.holds(&ruling.when) {
                    Ok(true) => Outcome::Matched,
                    Ok(false) => Outcome::NotMatched,
                    Err(why) => Outcome::Failed(why),
                };
                let matched = outcome == Outcome::Matched;
                steps.push(Step { rule: ruling.says.rule.clone(), cites: ruling.cites.clone(), outcome });
                if matched {
                    break;
                }
            }
            steps
        })
    }

    /// How often rules really ran, rather than being remembered.
    #[must_use]
    pub fn evaluations(&self) -> u64 {
        self.inner.memo.evaluations()
    }

    /// What the rules read, as conditions write it: one answer is remembered for each combination of these.
    #[must_use]
    pub fn reads(&self) -> Vec<String> {
        self.inner.shape.rules.slots().iter().map(slot::Slot::written).collect()
    }

    fn calendar(&self, name: &str) -> Option<&Calendar> {
        self.inner.calendars.get(name)
    }
}

impl Shape {
    fn fill<'a>(&self, facts: &CaseFacts<'a>) -> Vec<Filled<'a>> {
        self.rules.slots().iter().map(|slot| slot::of_case(slot, facts)).collect()
    }

    /// The first rule that holds; the policy was refused unless one always does.
    fn classify(&self, filled: &[Filled<'_>]) -> Classification {
        let mut says = self.rules.over(filled, |filling| {
            let holds = |condition: &Condition| filling.holds(condition).unwrap_or(false);
            let matched = self.rulings.iter().find(|ruling| holds(&ruling.when));
            let ruling = matched.or(self.rulings.last()).expect("a policy without rules does not compile");
            let mut says = ruling.says.clone();
            if let Some(choice) = self.choices.iter().find(|choice| says.sla.as_ref() == Some(&choice.name)) {
                let chosen = choice.among.iter().find(|(when, _)| when.as_ref().is_none_or(holds));
                says.sla = chosen.map(|(_, sla)| sla.clone());
            }
            says
        });
        if says.segment.is_none()
            && let Some(Filled::Text(segment)) = filled.get(self.segment)
            && !segment.is_empty()
        {
            says.segment = Some((**segment).into());
        }
        says
    }
}

impl Rules for Policy {
    fn tables(&self) -> &Tables {
        &self.inner.tables
    }

    fn classify(&self, facts: &CaseFacts<'_>) -> Classification {
        let shape = &self.inner.shape;
        self.inner.memo.get_or(shape.fill(facts), |filled| shape.classify(filled))
    }

    fn admits(&self, queue: &str, agent: &AgentFacts<'_>) -> Option<u32> {
        let shape = &self.inner.shape;
        let at = shape.queues.binary_search_by(|q| (*q.queue).cmp(queue)).ok()?;
        let steps = &shape.queues[at].steps;
        let zone = self.inner.zone;
        let filled: Vec<Filled<'_>> =
            shape.agents.slots().iter().map(|s| slot::of_agent(s, agent, zone)).collect();
        shape.agents.over(&filled, |filling| {
            let admitted = |condition: &Option<Condition>| {
                condition.as_ref().is_none_or(|condition| filling.holds(condition).unwrap_or(false))
            };
            steps.iter().position(admitted).and_then(|step| u32::try_from(step).ok())
        })
    }

    fn deadline(&self, calendar: &str, from: Millis, work_ms: i64) -> Millis {
        self.calendar(calendar)
            .map_or_else(|| from.saturating_add(work_ms.max(0)), |c| c.deadline(from, work_ms))
    }

    fn worked(&self, calendar: &str, from: Millis, to: Millis) -> i64 {
        self.calendar(calendar).map_or_else(|| to.saturating_sub(from).max(0), |c| c.worked(from, to))
    }

    fn day(&self, at: Millis) -> (i64, Millis) {
        day_of(self.inner.zone, at)
    }

    fn on_duty(&self, group: &str, at: Millis) -> Option<Vec<OnDuty>> {
        self.inner.rosters.get(group).map(|roster| roster.on_duty(at))
    }

    fn may_call_from(&self, campaign: &str, zone: Option<&str>, at: Millis) -> Millis {
        let Some(window) = self.inner.windows.get(campaign) else { return at };
        let zone = zone.and_then(|zone| zone.parse().ok()).unwrap_or(window.zone);
        window.open_from(zone, at)
    }

    fn enters(&self, contact: &CaseFacts<'_>) -> bool {
        let shape = &self.inner.shape;
        let asked = |entry: &&Entry| {
            Some(&*entry.campaign) == contact.campaign && Some(&*entry.criterion) == contact.criterion
        };
        let Some(entry) = shape.entries.iter().find(asked) else { return true };
        let filled: Vec<Filled<'_>> =
            shape.entering.slots().iter().map(|slot| slot::of_case(slot, contact)).collect();
        shape.entering.over(&filled, |filling| filling.holds(&entry.when).unwrap_or(false))
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &self.inner;
        f.debug_struct("Policy").field("desk", &inner.desk).field("name", &inner.name).finish_non_exhaustive()
    }
}
