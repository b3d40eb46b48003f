//! From files to a policy, with every problem at once.

use simpang_domain::rules::{Action, Classification, QueueRule, Tables};
use toml::de::DeTable;

use crate::condition::slot::Slot;
use crate::condition::vocabulary::{FactType, Root};
use crate::condition::{Compiler, Condition};
use crate::draft::campaign::{CampaignDraft, EntryDraft};
use crate::draft::names::Kind;
use crate::draft::routing::{ActionDraft, QueueDraft, RuleDraft};
use crate::draft::tables::ChoiceDraft;
use crate::draft::{Draft, Part};
use crate::folder::{self, MANIFEST, Manifest, Role};
use crate::parts::Destination;
use crate::policy::{Entry, Policy, QueueConditions, Ruling, Shape, SlaChoice};
use crate::problem::{Problem, Report, Severity, Spot};
use crate::read::Section;
use crate::stranded;

/// Stack for compiling: CEL's parser takes up to 0.2 MB for each level of nesting, more than a service's threads have.
const STACK_BYTES: usize = 64 * 1_024 * 1_024;

/// A policy that can be used, with what its author should look at.
#[derive(Debug, Clone)]
pub struct Compiled {
    /// The policy.
    pub policy: Policy,
    /// What is probably not meant, by file, line and column.
    pub warnings: Vec<Problem>,
}

/// Compiles a desk's policy from all files of its folder: path within the folder, and text.
///
/// # Errors
/// Every error there is, by file, line and column; warnings are among them, so that one round shows everything.
pub fn compile(desk: &str, files: &[(String, String)]) -> Result<Compiled, Vec<Problem>> {
    let digest = folder::digest(files);
    let policy = |manifest, draft, shape| Policy::new(desk, manifest, digest, draft, shape);
    compiled(desk, files, policy).map(|(policy, warnings)| Compiled { policy, warnings })
}

/// Reads and checks a desk's policy, and makes something of it; gives that, with the warnings.
///
/// # Errors
/// As [`compile`].
pub(crate) fn compiled<T: Send>(
    desk: &str,
    files: &[(String, String)],
    make: impl FnOnce(Manifest, Draft, Shape) -> T + Send,
) -> Result<(T, Vec<Problem>), Vec<Problem>> {
    std::thread::scope(|scope| {
        let compiling = std::thread::Builder::new().stack_size(STACK_BYTES);
        let spawned = compiling.spawn_scoped(scope, || compile_here(desk, files, make));
        let ended = spawned
            .map_err(|error| error.to_string())
            .and_then(|t| t.join().map_err(|_| "it panicked".into()));
        ended.unwrap_or_else(|why| {
            let message =
                format!("compiling did not come to an end: {why}; report this with the policy's files");
            let file = MANIFEST.to_owned();
            Err(vec![Problem { file, line: 1, column: 1, severity: Severity::Error, message }])
        })
    })
}

fn compile_here<T>(
    desk: &str,
    files: &[(String, String)],
    make: impl FnOnce(Manifest, Draft, Shape) -> T,
) -> Result<(T, Vec<Problem>), Vec<Problem>> {
    let report = Report::new(files);
    let checked = compile_into(&report, desk, files);
    let failed = report.has_errors();
    let problems = report.into_problems();
    match checked {
        Some((manifest, draft, shape)) if !failed => {
            let warnings = problems.into_iter().filter(|p| p.severity == Severity::Warning).collect();
            Ok((make(manifest, draft, shape), warnings))
        }
        _ => Err(problems),
    }
}

/// Compiles a policy of one desk from the text of its desk file alone: for tests and examples.
///
/// # Errors
/// As [`compile`]; the file is called `desks/<desk>.toml`.
pub fn compile_inline(desk: &str, version: u64, text: &str) -> Result<Compiled, Vec<Problem>> {
    let manifest = format!("name = \"inline\"\nversion = {version}\ndesks = [\"{desk}\"]\n");
    compile(desk, &[(MANIFEST.to_owned(), manifest), (format!("desks/{desk}.toml"), text.to_owned())])
}

fn compile_into(
    report: &Report<'_>,
    desk: &str,
    files: &[(String, String)],
) -> Option<(Manifest, Draft, Shape)> {
    folder::check_size(report, files);
    if report.has_errors() {
        return None;
    }
    let mut order: Vec<usize> = (0..files.len()).collect();
    order.sort_by_key(|file| report.path(*file));
    let mut draft = Draft::default();
    let manifest = read_files(report, desk, &order, &mut draft);
    draft.names.check(report);
    for other in draft.names.uses(Kind::Desk).filter(|other| other.as_str() == desk) {
        let problem =
            format!("`{desk}` is this desk itself: a case that is handed over to it comes back for ever");
        report.error(other.spot, problem);
    }
    for (spot, queue) in draft.circles() {
        let problem = format!("what overflows from `{queue}` comes back to it: it would go round for ever");
        report.error(spot, problem);
    }
    for (spot, group) in draft.unfollowed() {
        let problem = format!("`follow` needs a [[roster]] of group `{group}`: it says who is to follow");
        report.error(spot, problem);
    }
    let shape = check(report, &mut draft);
    let (manifest, shape) = (manifest?, shape?);
    (!report.has_errors()).then_some((manifest, draft, shape))
}

fn read_files(report: &Report<'_>, desk: &str, order: &[usize], draft: &mut Draft) -> Option<Manifest> {
    let mut manifest = None;
    let mut tables: Vec<(usize, Part, DeTable<'_>)> = Vec::new();
    let mut others = Vec::new();
    for file in order.iter().copied() {
        match folder::role_of(report.path(file), desk) {
            Role::Manifest => manifest = Some((file, folder::parse(report, file))),
            Role::Table(part) => tables.push((file, part, folder::parse(report, file))),
            Role::List(name) => {
                let items = folder::read_list(report, file);
                if let Some(problem) = draft.add_list(&name, items) {
                    report.error(Spot { file, at: 0 }, problem);
                }
            }
            Role::Other(desk) => others.push((file, desk)),
            Role::ForPeople => {}
            Role::Unknown => report.warn(
                Spot { file, at: 0 },
                "no desk reads this file; a policy has policy.toml, desks/, shared/, lists/ and *.md",
            ),
        }
    }
    let manifest = read_manifest(report, desk, manifest, draft);
    for (file, other) in others {
        if !draft.names.has(Kind::Desk, &other) {
            report.warn(Spot { file, at: 0 }, format!("desk `{other}` is not in policy.toml"));
        }
    }
    if !tables.iter().any(|(_, part, _)| *part == Part::Desk) {
        report.folder(
            &format!("desks/{desk}.toml"),
            "this file is missing: it holds the desk's accounts and rules",
        );
    }
    // The desk's own file first: its zone holds in all of them.
    tables.sort_by_key(|(_, part, _)| *part != Part::Desk);
    read_tables(report, &tables, draft);
    manifest
}

fn read_manifest<'a>(
    report: &'a Report<'a>,
    desk: &str,
    table: Option<(usize, DeTable<'a>)>,
    draft: &mut Draft,
) -> Option<Manifest> {
    let Some((file, table)) = table else {
        report.folder(MANIFEST, "this file is missing: it holds the policy's name, version and desks");
        return None;
    };
    let top = Section::new(report, Spot { file, at: 0 }, &table, MANIFEST);
    let manifest = folder::read_manifest(&top, &mut draft.names, desk);
    top.finish();
    manifest
}

fn read_tables(report: &Report<'_>, tables: &[(usize, Part, DeTable<'_>)], draft: &mut Draft) {
    let sections: Vec<(Section<'_>, Part)> = tables
        .iter()
        .map(|(file, part, table)| {
            (Section::new(report, Spot { file: *file, at: 0 }, table, report.path(*file)), *part)
        })
        .collect();
    for (section, part) in &sections {
        draft.read_first(section, *part);
    }
    for (section, part) in &sections {
        draft.read_rest(section, *part);
    }
    for (section, part) in sections {
        match part {
            Part::Desk if !section.has("rule") => {
                report.error(section.spot, "a desk needs rules; the last one has `when = \"true\"`");
            }
            Part::Desk => {}
            Part::Shared | Part::More => refuse_desk_keys(&section),
        }
        section.finish();
    }
}

/// Says of what belongs into the desk's own file that it does, rather than that it is unknown.
fn refuse_desk_keys(section: &Section<'_>) {
    for key in ["account", "capacity", "defaults", "desk", "limits", "rule"] {
        if section.has(key) {
            section.report.error(section.spot_of(key), format!("`{key}` belongs into desks/<desk>.toml"));
        }
    }
}

/// What conditions and tables come to; none when an error was reported on the way.
fn check(report: &Report<'_>, draft: &mut Draft) -> Option<Shape> {
    warn_unused(report, draft);
    draft.queues.sort_by(|a, b| a.rule.name.cmp(&b.rule.name));
    close_words(draft);
    let mut rules = Compiler::new(report, &draft.vocabulary, &draft.lists, Root::OF_RULES);
    let segment = rules.slot(Slot::Fact(Root::Customer, "segment".to_owned(), FactType::Text));
    let rulings: Vec<Option<Ruling>> =
        draft.rules.iter().map(|rule| ruling(&mut rules, draft, rule)).collect();
    let choices = draft.choices.iter().map(|choice| sla_choice(&mut rules, draft, choice)).collect();
    let mut agents = Compiler::new(report, &draft.vocabulary, &draft.lists, Root::OF_AGENTS);
    let queues = draft.queues.iter().map(|queue| queue_conditions(&mut agents, queue)).collect();
    let mut entering = Compiler::new(report, &draft.vocabulary, &draft.lists, Root::OF_RULES);
    let entries = draft.campaigns.iter().flat_map(|c| entry_conditions(&mut entering, c)).collect();
    let (rules, agents, entering) = (rules.finish(), agents.finish(), entering.finish());
    let rulings: Option<Vec<Ruling>> = rulings.into_iter().collect();
    warn_unreachable(report, &draft.rules, rulings.as_deref().unwrap_or_default());
    let rulings = rulings?;
    let last_is_always = rulings.iter().any(|r| r.when.is_always());
    if !last_is_always && let Some(last) = draft.rules.last() {
        report
            .error(last.spot, "the last rule must match always: add a rule with `when = \"true\"` after it");
    }
    let shape = Shape { segment, rules, rulings, choices, agents, queues, entering, entries };
    stranded::check(report, draft, &shape);
    Some(shape)
}

/// What the policy itself defines, conditions can't name otherwise.
fn close_words(draft: &mut Draft) {
    let names = |kind| draft.names.defined(kind).map(str::to_owned).collect::<Vec<_>>();
    let criteria: Vec<String> = draft
        .campaigns
        .iter()
        .flat_map(|campaign| campaign.rule.criteria.iter().map(ToString::to_string))
        .collect();
    let (campaigns, segments) = (names(Kind::Campaign), names(Kind::Segment));
    draft.vocabulary.close(Root::Contact, "campaign", campaigns);
    draft.vocabulary.close(Root::Contact, "criterion", criteria);
    draft.vocabulary.close(Root::Customer, "segment", segments);
}

fn ruling(compiler: &mut Compiler<'_>, draft: &Draft, rule: &RuleDraft) -> Option<Ruling> {
    let when = compiler.compile(&rule.when)?;
    let priority = rule.priority.clone().or_else(|| draft.desk.priority.clone())?;
    let actions =
        rule.actions.iter().map(|action| action_of(compiler.report, draft, action)).collect::<Option<_>>()?;
    let says = Classification {
        rule: rule.name.clone(),
        segment: rule.segment.clone(),
        priority,
        queue: rule.queue.clone(),
        skills: rule.skills.clone(),
        sla: rule.sla.clone().or_else(|| draft.desk.sla.clone()),
        actions,
    };
    Some(Ruling { when, says, cites: rule.cites.clone() })
}

fn action_of(report: &Report<'_>, draft: &Draft, action: &ActionDraft) -> Option<Action> {
    Some(match action {
        ActionDraft::Educate(template) => Action::Educate { template: template.clone() },
        ActionDraft::Notify(group, template) => {
            Action::Notify { group: group.clone(), template: template.clone() }
        }
        ActionDraft::HandOver(desk) => Action::HandOver { desk: desk.clone() },
        ActionDraft::Resolve(outcome) => Action::Resolve { outcome: outcome.clone() },
        ActionDraft::Forward(target) => {
            let Some(group) = draft.groups.iter().find(|g| *g.name == *target.value) else {
                return Some(Action::Forward { mailbox: target.name() });
            };
            match &group.notify {
                Destination::Mailbox(mailbox) => Action::Forward { mailbox: mailbox.clone() },
                Destination::Webhook(_) => {
                    report
                        .error(target.spot, format!("group `{}` has no mailbox to forward to", target.value));
                    return None;
                }
            }
        }
    })
}

fn queue_conditions(compiler: &mut Compiler<'_>, queue: &QueueDraft) -> QueueConditions {
    let all = std::iter::once(&queue.serve).chain(&queue.widen);
    let steps: Vec<Option<Condition>> =
        all.map(|text| text.as_ref().and_then(|text| compiler.compile(text))).collect();
    QueueConditions { queue: queue.rule.name.clone(), steps }
}

fn entry_conditions(compiler: &mut Compiler<'_>, campaign: &CampaignDraft) -> Vec<Entry> {
    let name = &campaign.rule.name;
    let entry = |entry: &EntryDraft| {
        let (campaign, criterion) = (name.clone(), entry.criterion.clone());
        Some(Entry { campaign, criterion, when: compiler.compile(&entry.when)? })
    };
    campaign.entries.iter().filter_map(entry).collect()
}

fn sla_choice(compiler: &mut Compiler<'_>, draft: &Draft, choice: &ChoiceDraft) -> SlaChoice {
    let mut among = Vec::new();
    for (when, sla) in &choice.among {
        if draft.choices.iter().any(|c| *c.name == *sla.value) {
            let message = format!("SLA `{}` is a choice itself; name one that has clocks", sla.value);
            compiler.report.error(sla.spot, message);
        }
        among.push((when.as_ref().and_then(|when| compiler.compile(when)), sla.name()));
    }
    SlaChoice { name: choice.name.clone(), among }
}

/// Queues of the desk that nothing uses.
fn warn_unused(report: &Report<'_>, draft: &Draft) {
    let used = draft.names.used(Kind::Queue);
    for queue in draft.queues.iter().filter(|q| q.own && !used.contains(&*q.rule.name)) {
        report.warn(queue.spot, format!("nothing routes to queue `{}`", queue.rule.name));
    }
}

fn warn_unreachable(report: &Report<'_>, drafts: &[RuleDraft], rulings: &[Ruling]) {
    let Some(last) = rulings.iter().position(|r| r.when.is_always()) else { return };
    for rule in &drafts[last + 1..] {
        let before = &drafts[last].name;
        report.warn(
            rule.spot,
            format!("rule `{}` is never reached: `{before}` before it matches always", rule.name),
        );
    }
}

/// The core's tables of a draft.
pub(crate) fn tables_of(draft: &mut Draft, version: u64) -> Tables {
    let mut campaigns: Vec<_> = draft.campaigns.iter().map(|c| c.rule.clone()).collect();
    campaigns.sort_by(|a, b| a.name.cmp(&b.name));
    let queues: Vec<QueueRule> = draft.queues.iter().map(|q| q.rule.clone()).collect();
    draft.priorities.sort_by(|a, b| a.name.cmp(&b.name));
    draft.slas.sort_by(|a, b| a.name.cmp(&b.name));
    draft.categories.sort();
    draft.categories.dedup();
    Tables {
        version,
        queues,
        priorities: std::mem::take(&mut draft.priorities),
        slas: std::mem::take(&mut draft.slas),
        campaigns,
        escalations: std::mem::take(&mut draft.escalations),
        categories: std::mem::take(&mut draft.categories),
        capacities: std::mem::take(&mut draft.capacities),
        shared: draft.shared_capacity.take(),
        limits: draft.desk.limits.clone(),
        reasons: std::mem::take(&mut draft.reasons),
        fault: draft.fault.take(),
    }
}
