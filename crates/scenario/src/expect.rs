//! What a step was expected to lead to, beside what it led to.

use std::collections::BTreeMap;

use prost::Message;
use prost_reflect::{DynamicMessage, Value};
use simpang_domain::event::{Event, Happened};
use simpang_domain::state::{Case, ClockState, Status};
use simpang_domain::words::Name;
use toml::{Table, Value as Toml};

use crate::script::Expect;
use crate::shape;
use crate::stage::Stage;
use crate::time;

/// Something that is not as expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Difference {
    pub(crate) what: String,
    pub(crate) expected: String,
    pub(crate) actual: String,
}

/// Collects differences.
#[derive(Debug, Default)]
struct Compared(Vec<Difference>);

impl Compared {
    fn text(&mut self, what: &str, expected: Option<&String>, actual: &str) {
        if let Some(expected) = expected.filter(|expected| *expected != actual) {
            self.add(what, format!("{expected:?}"), format!("{actual:?}"));
        }
    }

    fn list(&mut self, what: &str, expected: Option<&Vec<String>>, actual: &[String]) {
        if let Some(expected) = expected.filter(|expected| *expected != actual) {
            self.add(what, format!("{expected:?}"), format!("{actual:?}"));
        }
    }

    fn add(&mut self, what: impl Into<String>, expected: impl Into<String>, actual: impl Into<String>) {
        self.0.push(Difference { what: what.into(), expected: expected.into(), actual: actual.into() });
    }
}

/// Everything about a step that is not as expected; a refusal that nobody expected is one thing.
///
/// # Errors
/// What is expected can't be compared as it is written.
pub(crate) fn compare(stage: &Stage, expect: Option<&Expect>) -> Result<Vec<Difference>, String> {
    let mut compared = Compared::default();
    refusals(&mut compared, stage, expect);
    if let Some(expect) = expect {
        classification(&mut compared, stage, expect);
        case(&mut compared, stage, expect)?;
        sends(&mut compared, stage, expect);
        serves(&mut compared, stage, expect)?;
        events(&mut compared, stage, expect)?;
    }
    Ok(compared.0)
}

fn refusals(compared: &mut Compared, stage: &Stage, expect: Option<&Expect>) {
    let refused = stage.events.iter().find_map(|event| match &event.body {
        Happened::CommandRejected { rejection, detail, .. } => Some((rejection.as_str(), detail.clone())),
        Happened::InputRefused { reason } => Some(("input", reason.clone())),
        Happened::PolicyRefused { errors, .. } => Some(("policy", errors.join("; ").into())),
        _ => None,
    });
    let expected = expect.and_then(|e| e.refused.as_deref());
    match (&refused, expected) {
        (None, None) => {}
        (Some((kind, _)), Some(expected)) if *kind == expected => {}
        (None, Some(expected)) => compared.add("refused", format!("{expected:?}"), "it was not refused"),
        (Some((kind, detail)), expected) => {
            let expected = expected.map_or("no refusal".to_owned(), |e| format!("{e:?}"));
            compared.add("refused", expected, format!("{kind:?}: {detail}"));
        }
    }
    if let Some(part) = expect.and_then(|e| e.because.as_ref()) {
        let detail: Name = refused.map_or_else(|| "".into(), |(_, detail)| detail);
        if !detail.contains(part.as_str()) {
            compared.add("because", format!("… {part} …"), detail.to_string());
        }
    }
}

/// What the rules said in this step.
fn classification(compared: &mut Compared, stage: &Stage, expect: &Expect) {
    let said = stage.events.iter().rev().find_map(|event| match &event.body {
        Happened::CaseClassified { rule, sla, actions, .. } => Some((rule, sla, actions)),
        _ => None,
    });
    let asked = [&expect.rule, &expect.sla].iter().any(|e| e.is_some()) || expect.actions.is_some();
    let Some((rule, sla, actions)) = said else {
        if asked {
            compared.add(
                "rule",
                expect.rule.clone().unwrap_or_default(),
                "rules changed nothing in this step",
            );
        }
        return;
    };
    compared.text("rule", expect.rule.as_ref(), rule);
    compared.text("sla", expect.sla.as_ref(), sla.as_deref().unwrap_or(""));
    let actions: Vec<String> = actions.iter().map(ToString::to_string).collect();
    compared.list("actions", expect.actions.as_ref(), &actions);
}

/// How the case stands after the step.
fn case(compared: &mut Compared, stage: &Stage, expect: &Expect) -> Result<(), String> {
    let asked = [&expect.segment, &expect.priority, &expect.queue, &expect.status, &expect.agent];
    if asked.iter().all(|e| e.is_none())
        && expect.clocks.is_none()
        && expect.order.is_none()
        && expect.skills.is_none()
    {
        return Ok(());
    }
    let Some(case) = stage.case_now() else {
        compared.add("case", format!("a case {}", stage.case), "there is none, or it is forgotten");
        return Ok(());
    };
    compared.text("segment", expect.segment.as_ref(), case.segment.as_deref().unwrap_or(""));
    compared.text("priority", expect.priority.as_ref(), &case.priority);
    compared.text("queue", expect.queue.as_ref(), &case.queue);
    compared.text("status", expect.status.as_ref(), status(case));
    let agent = case.holder().or(case.occupies()).map(|ix| stage.desk.state().agents.id(ix));
    compared.text("agent", expect.agent.as_ref(), agent.as_deref().unwrap_or(""));
    let skills: Vec<String> = case.skills.iter().map(ToString::to_string).collect();
    compared.list("skills", expect.skills.as_ref(), &skills);
    if let Some(expected) = &expect.clocks {
        clocks(compared, stage, case, expected)?;
    }
    if let Some(expected) = &expect.order {
        let mut waiting: Vec<&Case> = stage.desk.state().cases.values().map(|c| c.as_ref()).collect();
        waiting.retain(|c| c.status == Status::Queued && c.queue == case.queue);
        waiting.sort_by_key(|c| (c.key, c.id));
        let waiting: Vec<u64> = waiting.iter().map(|c| c.id.0).collect();
        if waiting != *expected {
            compared.add("order", format!("{expected:?}"), format!("{waiting:?}"));
        }
    }
    Ok(())
}

fn status(case: &Case) -> &'static str {
    match case.status {
        Status::Loose => "loose",
        Status::Queued => "queued",
        Status::Offered { .. } => "offered",
        Status::Assigned { .. } => "assigned",
        Status::Parked { .. } => "parked",
        Status::Scheduled { .. } => "scheduled",
        Status::Resolved { .. } => "resolved",
        Status::Closed { .. } => "closed",
    }
}

/// Every clock, by when it is due; one that is late is `late`.
fn clocks(
    compared: &mut Compared,
    stage: &Stage,
    case: &Case,
    expected: &BTreeMap<String, String>,
) -> Result<(), String> {
    let there: BTreeMap<&str, ClockState> =
        case.clocks.iter().map(|c| (c.clock.as_str(), c.state())).collect();
    let late = |name: &str| case.clocks.iter().any(|c| c.clock.as_str() == name && c.breached);
    for (name, state) in &there {
        let shown = |like| match state {
            ClockState::Paused { .. } => "paused".to_owned(),
            ClockState::Running { deadline, .. } => time::shown(*deadline, like),
        };
        let Some(text) = expected.get(*name) else {
            compared.add(format!("clocks.{name}"), "no such clock", shown(None));
            continue;
        };
        let is_so = match (text.as_str(), state) {
            ("paused", ClockState::Paused { .. }) => true,
            ("late", _) => late(name),
            ("paused", _) => false,
            (_, ClockState::Paused { .. }) => false,
            (text, ClockState::Running { deadline, .. }) => {
                let at = time::time(text, stage.cast.now);
                at.ok_or_else(|| format!("clocks.{name}: {text:?} is no time"))? == *deadline
            }
        };
        if !is_so {
            compared.add(format!("clocks.{name}"), text.clone(), shown(Some(text)));
        }
    }
    for name in expected.keys().filter(|name| !there.contains_key(name.as_str())) {
        compared.add(format!("clocks.{name}"), expected[name].clone(), "no such clock");
    }
    Ok(())
}

/// Everything that is sent because of the step, in order.
fn sends(compared: &mut Compared, stage: &Stage, expect: &Expect) {
    let sent = stage.events.iter().filter_map(|event| match &event.body {
        Happened::DeliveryQueued(queued) => {
            let parts = [Some(queued.kind.as_str()), queued.target.as_deref(), queued.template.as_deref()];
            Some(parts.into_iter().flatten().collect::<Vec<_>>().join(":"))
        }
        _ => None,
    });
    compared.list("sends", expect.sends.as_ref(), &sent.collect::<Vec<_>>());
}

/// Who may serve which queue, and from which widening step on.
fn serves(compared: &mut Compared, stage: &Stage, expect: &Expect) -> Result<(), String> {
    let agents = &stage.desk.state().agents;
    for (agent, queues) in &expect.serves {
        let ix = agents.find(agent).ok_or_else(|| format!("serves: no record of `{agent}` has arrived"))?;
        for (queue, expected) in queues {
            let actual = agents.get(ix).admitted(queue);
            let wanted = match expected {
                Toml::Integer(step) => u32::try_from(*step).ok(),
                Toml::String(never) if never == "never" => None,
                _ => return Err(format!("serves.{agent}.{queue}: write a step, or \"never\"")),
            };
            if actual != wanted {
                let shown = |step: Option<u32>| step.map_or("never".to_owned(), |step| step.to_string());
                compared.add(format!("serves.{agent}.{queue}"), shown(wanted), shown(actual));
            }
        }
    }
    Ok(())
}

/// An event by its kind in the proto, and its body.
fn written(event: &Event) -> Option<(String, DynamicMessage)> {
    let bytes = simpang_wire::event::write(event).encode_to_vec();
    let whole = DynamicMessage::decode(shape::descriptor("Event")?, bytes.as_slice()).ok()?;

    whole.fields().find_map(|(field, value)| match value {
        Value::Message(body) if field.name() != "caused_by" => Some((field.name().to_owned(), body.clone())),
        _ => None,
    })
}

fn events(compared: &mut Compared, stage: &Stage, expect: &Expect) -> Result<(), String> {
    if expect.events.is_empty() && expect.no.is_empty() {
        return Ok(());
    }
    let of = shape::descriptor("Event").ok_or("the descriptors have no `Event`")?;
    let known = |kind: &str| match of.get_field_by_name(kind) {
        Some(_) => Ok(()),
        None => {
            Err(format!("no event is called `{kind}`; the names stand in proto/simpang/log/v1/event.proto"))
        }
    };
    let happened: Vec<(String, DynamicMessage)> = stage.events.iter().filter_map(written).collect();
    for kind in &expect.no {
        known(kind)?;
        if happened.iter().any(|(found, _)| found == kind) {
            compared.add(format!("no {kind}"), "it does not happen", "it happened");
        }
    }
    let mut from = 0;
    for expected in &expect.events {
        for (kind, body) in expected {
            known(kind)?;
            let body = body.as_table().ok_or_else(|| format!("events.{kind} must be a table"))?;
            match find(&happened[from..], kind, body, stage)? {
                Ok(at) => from += at + 1,
                Err(nearest) => compared.add(format!("event {kind}"), shown(body), nearest),
            }
        }
    }
    Ok(())
}

/// Where the next such event stands; else what comes nearest.
fn find(
    happened: &[(String, DynamicMessage)],
    kind: &str,
    body: &Table,
    stage: &Stage,
) -> Result<Result<usize, String>, String> {
    let mut kinds: Vec<&str> = happened.iter().map(|(kind, _)| kind.as_str()).collect();
    kinds.dedup();
    let mut nearest = match kinds.as_slice() {
        [] => "nothing more happened".to_owned(),
        kinds => format!("only {}", kinds.join(", ")),
    };
    let mut fewest = usize::MAX;
    for (at, (found, message)) in happened.iter().enumerate() {
        if found != kind {
            continue;
        }
        let differences =
            shape::differences(body, message, &stage.cast).map_err(|why| format!("{kind}: {why}"))?;
        if differences.is_empty() {
            return Ok(Ok(at));
        }
        if differences.len() < fewest {
            fewest = differences.len();
            let told = differences.iter().map(|[name, _, there]| format!("{name} = {there}"));
            nearest = told.collect::<Vec<_>>().join(", ");
        }
    }
    Ok(Err(nearest))
}

fn shown(body: &Table) -> String {
    let pairs: Vec<String> = body.iter().map(|(key, value)| format!("{key} = {value}")).collect();
    pairs.join(", ")
}
