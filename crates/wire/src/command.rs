//! Commands: what a person asks, protobuf to domain. Texts stay behind: decisions never read them.

use simpang_domain::input::{Ask, Command, FaultReport, TransferTo};
use simpang_domain::words::{CaseId, ReplyKind, SessionLimit};
use simpang_proto::log::v1;
use simpang_proto::log::v1::command::Body as Wire;

use crate::common::{
    ascending, customer, fact_changes, fits, input_id, key, optional_input_id, optional_word, word,
};
use crate::error::ReadError;
use crate::input::{capacities, check, field, given};
use crate::names::Names;

/// Most ms that a pull waits.
const LONGEST_WAIT: i64 = 3_600_000;

/// Reads a command.
pub(crate) fn read(names: &mut Names, wire: &v1::Command) -> Result<Command, ReadError> {
    given("principal", &wire.principal)?;
    let body = wire
        .body
        .as_ref()
        .ok_or_else(|| ReadError::new("body", "nothing is asked, or nothing that this program knows"))?;
    Ok(Command {
        principal: names.name(&wire.principal),
        seen_messages: wire.seen_messages,
        case: CaseId(wire.case),
        ask: read_ask(names, body)?,
    })
}

fn read_ask(names: &mut Names, body: &Wire) -> Result<Ask, ReadError> {
    Ok(match body {
        Wire::SignIn(wire) => sign_in(names, wire).map_err(|error| error.within("sign_in"))?,
        Wire::SignOut(wire) => Ask::SignOut { session: names.optional(&wire.session) },
        Wire::SetPresence(wire) => set_presence(names, wire).map_err(|error| error.within("set_presence"))?,
        Wire::Pull(wire) => pull(names, wire).map_err(|error| error.within("pull"))?,
        Wire::CancelPull(wire) => Ask::CancelPull { pull: optional_input_id(wire.pull.as_ref()) },
        Wire::Accept(v1::Accept {}) => Ask::Accept,
        Wire::Decline(wire) => decline(names, wire)?,
        Wire::Classify(wire) => classify(names, wire).map_err(|error| error.within("classify"))?,
        Wire::Identify(wire) => identify(names, wire).map_err(|error| error.within("identify"))?,
        Wire::Note(wire) => Ask::Note { coaching: wire.coaching },
        Wire::Reply(wire) => reply(names, wire).map_err(|error| error.within("reply"))?,
        Wire::Disposition(wire) => disposition(names, wire).map_err(|error| error.within("disposition"))?,
        Wire::Schedule(wire) => Ask::Schedule { at: wire.at_ms, keep_owner: wire.keep_owner },
        Wire::Wait(wire) => Ask::Wait { on: field("wait.on", word(wire.on))? },
        Wire::Escalate(wire) => Ask::Escalate { step: names.optional(&wire.step) },
        Wire::Transfer(wire) => Ask::Transfer { to: transfer_to(names, wire) },
        Wire::TakeOver(v1::TakeOver {}) => Ask::TakeOver,
        Wire::Merge(wire) => Ask::Merge { into: CaseId(wire.into) },
        Wire::Split(wire) => split(wire)?,
        Wire::MarkSpam(v1::MarkSpam {}) => Ask::MarkSpam,
        Wire::Resolve(wire) => resolve(names, wire)?,
        Wire::Reopen(v1::Reopen {}) => Ask::Reopen,
        Wire::Close(v1::Close {}) => Ask::Close,
        Wire::LinkReference(wire) => link_reference(names, wire),
        Wire::ReportFault(wire) => {
            let read = report_fault(names, wire).map_err(|error| error.within("report_fault"))?;
            Ask::ReportFault(Box::new(read))
        }
        Wire::SetPriority(wire) => Ask::SetPriority { priority: names.name(&wire.priority) },
        Wire::Release(v1::Release {}) => Ask::Release,
        Wire::Follow(v1::Follow {}) => Ask::Follow,
        Wire::Unfollow(v1::Unfollow {}) => Ask::Unfollow,
    })
}

fn sign_in(names: &mut Names, wire: &v1::SignIn) -> Result<Ask, ReadError> {
    given("session", &wire.session)?;
    given("gateway", &wire.gateway)?;
    Ok(Ask::SignIn {
        session: names.name(&wire.session),
        gateway: names.name(&wire.gateway),
        ready: wire.ready,
        auto: wire.auto,
    })
}

fn set_presence(names: &mut Names, wire: &v1::SetPresence) -> Result<Ask, ReadError> {
    check(fits(&wire.reason, 100), "reason", "it has at most 100 characters")?;
    Ok(Ask::SetPresence {
        presence: field("presence", word(wire.presence))?,
        reason: names.name(&wire.reason),
        auto: wire.auto,
        limit: wire
            .limit
            .as_ref()
            .map(|limit| session_limit(limit).map_err(|error| error.within("limit")))
            .transpose()?,
    })
}

fn session_limit(wire: &v1::SessionLimit) -> Result<SessionLimit, ReadError> {
    check(wire.total.is_none_or(|total| total <= 1_000), "total", "it is 0 to 1,000")?;
    let mut channels = capacities("channels", &wire.channels)?;
    channels.sort_unstable();
    Ok(SessionLimit { total: wire.total, channels })
}

fn pull(names: &mut Names, wire: &v1::Pull) -> Result<Ask, ReadError> {
    check((1..=100).contains(&wire.count), "count", "it is 1 to 100")?;
    check((0..=LONGEST_WAIT).contains(&wire.wait_ms), "wait_ms", "it is 0 to 3,600,000")?;
    Ok(Ask::Pull { count: wire.count, wait_ms: wire.wait_ms, queues: names.all(&wire.queues) })
}

fn decline(names: &mut Names, wire: &v1::Decline) -> Result<Ask, ReadError> {
    check(fits(&wire.reason, 200), "decline.reason", "it has at most 200 characters")?;
    Ok(Ask::Decline { reason: names.name(&wire.reason) })
}

fn classify(names: &mut Names, wire: &v1::Classify) -> Result<Ask, ReadError> {
    Ok(Ask::Classify { category: names.all(&wire.category), facts: fact_changes(names, &wire.facts)? })
}

fn identify(names: &mut Names, wire: &v1::Identify) -> Result<Ask, ReadError> {
    let who = wire.customer.as_ref().ok_or_else(|| ReadError::new("customer", "is missing"))?;
    Ok(Ask::Identify { customer: customer(names, who).map_err(|error| error.within("customer"))? })
}

fn reply(names: &mut Names, wire: &v1::Reply) -> Result<Ask, ReadError> {
    Ok(Ask::Reply {
        kind: field("kind", optional_word(wire.kind))?.unwrap_or(ReplyKind::Normal),
        to: optional_input_id(wire.to.as_ref()),
        category: names.all(&wire.category),
        resolve: wire.resolve,
    })
}

fn disposition(names: &mut Names, wire: &v1::Disposition) -> Result<Ask, ReadError> {
    check(ascending::<str>(&wire.filled), "filled", "names have to be sorted and unique")?;
    Ok(Ask::Disposition {
        path: names.all(&wire.path),
        filled: names.all(&wire.filled),
        again_at: (wire.again_at_ms != 0).then_some(wire.again_at_ms),
        answered: field("answered", optional_word(wire.answered))?,
        dialled: wire.dialled,
    })
}

/// The core refuses an unclear one, with its reason for the person who asked.
fn transfer_to(names: &mut Names, wire: &v1::Transfer) -> TransferTo {
    match (wire.queue.as_str(), wire.agent.as_str(), wire.desk.as_str()) {
        (queue, "", "") if !queue.is_empty() && wire.last => TransferTo::EndOf(names.name(queue)),
        _ if wire.last => TransferTo::Unclear,
        (queue, "", "") if !queue.is_empty() => TransferTo::Queue(names.name(queue)),
        ("", agent, "") if !agent.is_empty() => TransferTo::Agent(names.name(agent)),
        ("", "", desk) if !desk.is_empty() => TransferTo::Desk(names.name(desk)),
        _ => TransferTo::Unclear,
    }
}

fn split(wire: &v1::Split) -> Result<Ask, ReadError> {
    check(!wire.messages.is_empty(), "split.messages", "at least one has to be named")?;
    Ok(Ask::Split { messages: wire.messages.iter().map(input_id).collect() })
}

fn resolve(names: &mut Names, wire: &v1::Resolve) -> Result<Ask, ReadError> {
    check(fits(&wire.outcome, 200), "resolve.outcome", "it has at most 200 characters")?;
    Ok(Ask::Resolve { outcome: names.name(&wire.outcome) })
}

fn link_reference(names: &mut Names, wire: &v1::LinkReference) -> Ask {
    Ask::LinkReference {
        system: names.name(&wire.system),
        number: names.name(&wire.number),
        status: names.name(&wire.status),
    }
}

fn report_fault(names: &mut Names, wire: &v1::ReportFault) -> Result<FaultReport, ReadError> {
    let filled: Vec<&str> = wire.filled.iter().map(|field| field.name.as_str()).collect();
    check(ascending::<str>(&filled), "filled", "names have to be sorted and unique")?;
    let choices: Vec<&str> = wire.choices.iter().map(|choice| choice.name.as_str()).collect();
    check(ascending::<str>(&choices), "choices", "names have to be sorted and unique")?;
    let mut shapes = |field: &v1::FilledField| {
        let shapes = field.shapes.iter().map(|shape| word(*shape)).collect::<Result<_, _>>()?;
        Ok((names.name(&field.name), shapes))
    };
    let filled = wire.filled.iter().map(&mut shapes).collect::<Result<_, std::borrow::Cow<'static, str>>>();
    Ok(FaultReport {
        product: field("product", key(&wire.product))?,
        filled: field("filled", filled)?,
        choices: wire.choices.iter().map(|c| (names.name(&c.name), names.name(&c.value))).collect(),
        repeats: (wire.repeats != 0).then_some(CaseId(wire.repeats)),
    })
}
