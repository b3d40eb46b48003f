//! Events as English sentences, for replay and for whoever follows a desk's story. Without personal content: events
//! carry none but what agents and rules named.

use simpang_proto::log::v1 as log;
use simpang_proto::log::v1::event::Body;

/// One sentence that says what happened.
#[must_use]
pub fn sentence(event: &log::Event) -> String {
    let Some(body) = &event.body else { return "Something happened that this program does not know.".into() };
    match body {
        Body::DeskTaken(e) => {
            format!("{} took the desk over (epoch {}, core {}).", e.writer, e.epoch, e.core_version)
        }
        Body::PolicyApplied(e) => {
            format!("Policy {} is in force{}.", e.version, optional(", following ", &e.cites))
        }
        Body::PolicyRefused(e) => policy_refused(e),
        Body::InputDuplicated(e) => duplicated(e),
        Body::InputRefused(e) => format!("An input was set aside: {}.", e.reason),
        Body::CommandRejected(e) => rejected(e),
        Body::AgentChanged(e) => format!("The record of agent {} changed.", e.agent),
        Body::AgentSignedIn(e) => format!("{} signed in.", e.agent),
        Body::AgentSignedOut(e) => signed_out(e),
        Body::AgentPresenceChanged(e) => presence(e),
        Body::PullWaiting(e) => pull_waiting(e),
        Body::PullEnded(e) => pull_ended(e),
        Body::AgentAdmitted(e) => admitted(e),
        Body::CaseOpened(e) => opened(e),
        Body::MessageJoined(e) => joined(e),
        Body::MessageEdited(e) => format!("A message on case {} was edited.", e.case),
        Body::MessageRemoved(e) => format!("A message on case {} was withdrawn by its author.", e.case),
        Body::MessageReread(e) => format!("A message on case {} was read again and corrected.", e.case),
        Body::CaseIdentified(e) => identified(e),
        Body::CaseCategorised(e) => categorised(e),
        Body::CaseClassified(e) => classified(e),
        Body::CaseQueued(e) => format!("Case {} waits in queue {}{}.", e.case, e.queue, needing(&e.skills)),
        Body::CaseOffered(e) => offered(e),
        Body::OfferEnded(e) => offer_ended(e),
        Body::CaseAssigned(e) => assigned(e),
        Body::CaseUnassigned(e) => unassigned(e),
        Body::CaseParked(e) => parked(e),
        Body::CaseResumed(e) => format!("Case {} goes on.", e.case),
        Body::CaseScheduled(e) => scheduled(e),
        Body::CaseResolved(e) => resolved(e),
        Body::CaseReopened(e) => reopened(e),
        Body::CaseClosed(e) => closed(e),
        Body::CaseForgotten(e) => format!("Case {} left the router's memory.", e.case),
        Body::CaseEscalated(e) => escalated(e),
        Body::DutyCalled(e) => duty_called(e),
        Body::CaseFollowed(e) => {
            format!("{} follows case {} to its end{}.", e.agent, e.case, optional(", by step ", &e.step))
        }
        Body::CaseOverflowed(e) => {
            let to = if e.to_desk.is_empty() { e.to_queue.clone() } else { format!("desk {}", e.to_desk) };
            format!("Case {} waited too long in {} and goes to {to}.", e.case, e.queue)
        }
        Body::CasePlacedLast(e) => {
            format!("Case {} gives up its place, at the word of {}.", e.case, e.agent)
        }
        Body::CaseUnfollowed(e) => format!("{} no longer follows case {}.", e.agent, e.case),
        Body::CaseHandedOver(e) => format!("Case {} goes to desk {}.", e.case, e.desk),
        Body::HandoverFailed(e) => {
            format!("Case {} came back: desk {} could not get it: {}.", e.case, e.desk, e.reason)
        }
        Body::CaseMerged(e) => format!("Case {} was merged into case {}.", e.case, e.into),
        Body::CaseSplit(e) => split(e),
        Body::NoteAdded(e) => format!("{} wrote a note on case {}.", e.agent, e.case),
        Body::ReferenceLinked(e) => linked(e),
        Body::FaultReported(e) => fault(e),
        Body::FaultEnded(e) => fault_ended(e),
        Body::PriorityChanged(e) => priority(e),
        Body::CaseWidened(e) => {
            format!("More agents may take case {}: widening step {} holds.", e.case, e.step)
        }
        Body::DeliveryQueued(e) => delivery_queued(e),
        Body::DeliveryStarted(e) => delivery_started(e),
        Body::DeliveryEnded(e) => delivery_ended(e),
        Body::ClaimRefused(e) => format!("{} came too late to send a delivery.", e.deliverer),
        Body::DispositionRecorded(e) => disposition(e),
        Body::NumbersSuppressed(e) => suppressed(e),
        Body::SystemTaskDue(e) => format!("{} has to be told of case {}: {}.", e.system, e.case, e.task),
        Body::SlaStarted(e) => sla_started(e),
        Body::SlaPaused(e) => sla_paused(e),
        Body::SlaResumed(e) => {
            format!("The {} clock of case {} goes on, due {}.", clock(e.clock()), e.case, time(e.deadline_ms))
        }
        Body::SlaMet(e) => sla_met(e),
        Body::SlaWarned(e) => {
            format!("The {} clock of case {} passed {} % of its target.", clock(e.clock()), e.case, e.percent)
        }
        Body::SlaBreached(e) => {
            format!(
                "The {} clock of case {} breached: due {}.",
                clock(e.clock()),
                e.case,
                time(e.deadline_ms)
            )
        }
        Body::SlaCancelled(e) => {
            format!("The {} clock of case {} no longer applies.", clock(e.clock()), e.case)
        }
        Body::DayTurned(_) => "A new day began at the desk.".into(),
    }
}

/// One sentence that says what arrived.
#[must_use]
pub fn input(input: &log::Input) -> String {
    use log::input::Body;
    let Some(body) = &input.body else { return "An input arrived that this program does not know.".into() };
    match body {
        Body::Message(e) => message(e),
        Body::Contact(e) => format!("A contact of campaign {} arrived, row {}.", e.campaign, e.row),
        Body::Command(e) => command(e),
        Body::Claim(e) => format!("{} asks to send a delivery.", e.deliverer),
        Body::Report(e) => {
            let outcome = plain(e.outcome().as_str_name(), "DELIVERY_OUTCOME_");
            format!("A deliverer reports attempt {}: {outcome}.", e.attempt)
        }
        Body::Agent(e) => format!("The record of agent {} arrived.", e.agent),
        Body::Policy(e) => format!("Policy {} was applied by {}.", e.version, e.applied_by),
        Body::Tick(_) => "Time passed.".into(),
        Body::Heartbeat(e) => format!("Gateway {} is alive.", e.gateway),
        Body::Handover(e) => format!("Case {} of desk {} was handed over.", e.case, e.desk),
        Body::HandoverFailure(e) => {
            format!("Case {} could not be handed over to desk {}: {}.", e.case, e.desk, e.reason)
        }
        Body::HandoverChange(e) => {
            let what = match e.change() {
                log::MessageChange::Edited => "was edited by its author",
                log::MessageChange::Removed => "was withdrawn by its author",
                log::MessageChange::Reread => "was read again and corrected",
                log::MessageChange::Unspecified => "changed",
            };
            format!("A message that desk {} had handed over {what} there.", e.desk)
        }
        Body::Suppression(e) => {
            let what = if e.lifted { "come off the do-not-call list" } else { "go on the do-not-call list" };
            format!("{} has {} numbers {what}{}.", e.principal, e.numbers.len(), optional(": ", &e.reason))
        }
        Body::Reread(e) => {
            let what = if e.corrected.is_empty() { "nothing".into() } else { e.corrected.join(", ") };
            let of = e.message.unwrap_or_default();
            format!(
                "The message at {}.{} was read again from its raw bytes; corrected: {what}.",
                of.seq, of.index
            )
        }
        Body::ReferenceReport(e) => {
            format!("{} says of ticket {} in {}: {}.", e.principal, e.number, e.system, e.status)
        }
    }
}

fn message(e: &log::Message) -> String {
    let what = match e.kind() {
        log::MessageKind::Unspecified | log::MessageKind::New => "A message",
        log::MessageKind::Edit => "An edit of a message",
        log::MessageKind::Remove => "A withdrawal of a message",
        log::MessageKind::Bounce => "A bounce",
        log::MessageKind::Automatic => "An automatic message",
    };
    format!("{what} arrived by {}{}.", channel(e.channel()), optional(" at ", &e.account))
}

fn command(e: &log::Command) -> String {
    let kind = crate::kind::name(crate::kind::of_command(e));
    let asked = kind.strip_prefix("command.").unwrap_or("something unknown").replace('_', " ");
    let case = if e.case == 0 { String::new() } else { format!(" on case {}", e.case) };
    format!("{} asked: {asked}{case}.", e.principal)
}

/// What an enumeration's value says, in words: its name in the proto without the prefix.
#[must_use]
pub fn plain(name: &str, prefix: &str) -> String {
    name.strip_prefix(prefix).unwrap_or(name).to_lowercase().replace('_', " ")
}

/// The name of an SLA clock, as people say it.
#[must_use]
pub fn clock(clock: log::SlaClock) -> String {
    plain(clock.as_str_name(), "SLA_CLOCK_").replace(' ', "-")
}

fn channel(channel: log::Channel) -> &'static str {
    match channel {
        log::Channel::Unspecified => "no channel",
        log::Channel::Email => "email",
        log::Channel::X => "X",
        log::Channel::Facebook => "Facebook",
        log::Channel::Call => "call",
        log::Channel::Other => "another channel",
    }
}

/// A time in UTC.
fn time(ms: i64) -> String {
    let known = chrono::DateTime::from_timestamp_millis(ms);
    known.map_or_else(|| "at no known time".into(), |t| t.format("%Y-%m-%d %H:%M:%S UTC").to_string())
}

/// A length of time in its two largest units.
fn length(ms: i64) -> String {
    let sign = if ms < 0 { "-" } else { "" };
    let seconds = ms.unsigned_abs() / 1_000;
    let units = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let mut rest = seconds;
    let mut parts = Vec::new();
    for (size, name) in units {
        let whole = rest / size;
        rest %= size;
        if whole > 0 && parts.len() < 2 {
            parts.push(format!("{whole} {name}"));
        }
    }
    if parts.is_empty() { "0 s".into() } else { format!("{sign}{}", parts.join(" ")) }
}

fn optional(before: &str, text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("{before}{text}") }
}

/// Who did it: an agent, or a rule.
fn by<'a>(agent: &'a str, otherwise: &'a str) -> &'a str {
    if agent.is_empty() { otherwise } else { agent }
}

fn needing(skills: &[String]) -> String {
    if skills.is_empty() { String::new() } else { format!(", needing {}", skills.join(", ")) }
}

fn policy_refused(e: &log::PolicyRefused) -> String {
    let first = e.errors.first().map(|error| format!(": {error}")).unwrap_or_default();
    format!("Policy {} was refused, with {} errors{first}.", e.version, e.errors.len())
}

fn duplicated(e: &log::InputDuplicated) -> String {
    let of = e.of.unwrap_or_default();
    let case = if e.case == 0 { String::new() } else { format!(" (case {})", e.case) };
    let refused = if e.was_rejected { ", which was refused" } else { "" };
    format!("An input repeats the one at {}.{}{case}{refused}.", of.seq, of.index)
}

fn rejected(e: &log::CommandRejected) -> String {
    let case = if e.case == 0 { String::new() } else { format!(" on case {}", e.case) };
    let why = plain(e.rejection().as_str_name(), "REJECTION_");
    format!("A command of {}{case} was refused ({why}): {}.", e.principal, e.detail.trim_end_matches('.'))
}

fn signed_out(e: &log::AgentSignedOut) -> String {
    let why = match e.reason() {
        log::SignOutReason::Unspecified | log::SignOutReason::Asked => "",
        log::SignOutReason::Elsewhere => ": they signed in elsewhere",
        log::SignOutReason::Silent => ": their gateway fell silent",
        log::SignOutReason::Inactive => ": their record became inactive",
    };
    format!("{} signed out{why}.", e.agent)
}

fn presence(e: &log::AgentPresenceChanged) -> String {
    let presence = plain(e.presence().as_str_name(), "PRESENCE_");
    let auto = if e.auto { ", and is offered cases without asking" } else { "" };
    let limit = e.limit.as_ref().map(at_most).unwrap_or_default();
    format!("{} is {presence}{}{auto}{limit}.", e.agent, optional(": ", &e.reason))
}

/// A limit of an agent's own.
fn at_most(limit: &log::SessionLimit) -> String {
    let total = limit.total.map(|total| format!("{total} in all"));
    let of =
        |of: &log::Capacity| format!("{} of {}", of.limit, plain(of.channel().as_str_name(), "CHANNEL_"));
    let parts: Vec<String> = total.into_iter().chain(limit.channels.iter().map(of)).collect();
    if parts.is_empty() { String::new() } else { format!(", and takes at most {}", parts.join(", ")) }
}

fn pull_waiting(e: &log::PullWaiting) -> String {
    let queues = if e.queues.is_empty() { String::new() } else { format!(" from {}", e.queues.join(", ")) };
    format!("{} waits for {} more {}{queues}.", e.agent, e.count, cases(e.count))
}

fn cases(count: u32) -> &'static str {
    if count == 1 { "case" } else { "cases" }
}

fn pull_ended(e: &log::PullEnded) -> String {
    let why = match e.reason() {
        log::PullEnd::Unspecified => "it ended",
        log::PullEnd::Filled => "all were given",
        log::PullEnd::Expired => "its time passed",
        log::PullEnd::Cancelled => "it was cancelled",
        log::PullEnd::Absent => "they are not there",
    };
    format!("{} no longer waits for cases: {why}.", e.agent)
}

fn admitted(e: &log::AgentAdmitted) -> String {
    if e.admissions.is_empty() {
        return format!("{} may serve no queue.", e.agent);
    }
    let queue = |a: &log::Admission| match a.step {
        0 => a.queue.clone(),
        step => format!("{} (from step {step})", a.queue),
    };
    let queues: Vec<String> = e.admissions.iter().map(queue).collect();
    format!("{} may serve {}.", e.agent, queues.join(", "))
}

fn opened(e: &log::CaseOpened) -> String {
    let way = match (e.campaign.as_str(), e.account.as_str()) {
        ("", "") => format!("by {}", channel(e.channel())),
        ("", account) => format!("by {} to {account}", channel(e.channel())),
        (campaign, _) => format!("for campaign {campaign}"),
    };
    let follows =
        if e.follows == 0 { String::new() } else { format!(", following closed case {}", e.follows) };
    let split = if e.split_from == 0 { String::new() } else { format!(", split from case {}", e.split_from) };
    format!("Case {} was opened {way}{follows}{split}.", e.case)
}

fn joined(e: &log::MessageJoined) -> String {
    let what = if e.automatic { "An automatic message" } else { "A message" };
    let by = match e.by() {
        log::JoinedBy::Unspecified => "",
        log::JoinedBy::Opening => ", which it opened",
        log::JoinedBy::Signature => " by our own signature in it",
        log::JoinedBy::Thread => " by its thread",
        log::JoinedBy::Customer => " as its customer's open case",
        log::JoinedBy::Agent => ", moved by an agent",
        log::JoinedBy::Tag => " by its number in the subject",
    };
    format!("{what} joined case {}{by}.", e.case)
}

fn identified(e: &log::CaseIdentified) -> String {
    let who =
        if e.customer.is_empty() { "described".into() } else { format!("{} of the directory", e.customer) };
    let segment = optional(", segment ", &e.segment);
    format!("The customer of case {} is {who}{segment}, says {}.", e.case, by(&e.agent, "the directory"))
}

fn categorised(e: &log::CaseCategorised) -> String {
    if e.category.is_empty() {
        return format!("{} set facts of case {}.", e.agent, e.case);
    }
    format!("{} put case {} under {}.", e.agent, e.case, e.category.join(" > "))
}

fn classified(e: &log::CaseClassified) -> String {
    let actions = if e.actions.is_empty() { String::new() } else { format!("; {}", e.actions.join(", ")) };
    format!(
        "Rule {} classified case {}: {}priority {}, queue {}{}{actions}.",
        e.rule,
        e.case,
        if e.segment.is_empty() { "segment unknown, ".into() } else { format!("segment {}, ", e.segment) },
        e.priority,
        e.queue,
        needing(&e.skills),
    )
}

fn why(explanation: Option<&log::Explanation>) -> String {
    let Some(e) = explanation else { return String::new() };
    let waiting = u32::try_from(e.candidates.len()).unwrap_or(u32::MAX).saturating_add(e.other_candidates);
    let sticky = if e.sticky { ", who last handled this customer" } else { "" };
    let busy = [(e.at_capacity, "at capacity"), (e.not_ready, "not ready"), (e.not_asking, "not asking")];
    let busy: Vec<String> =
        busy.iter().filter(|(n, _)| *n > 0).map(|(n, why)| format!("{n} {why}")).collect();
    let busy = if busy.is_empty() { String::new() } else { format!(" ({})", busy.join(", ")) };
    format!("{sticky}, of {waiting} who could take it from {}{busy}", e.queue)
}

fn offered(e: &log::CaseOffered) -> String {
    format!(
        "Case {} was offered to {}{}, until {}.",
        e.case,
        e.agent,
        why(e.explanation.as_ref()),
        time(e.expires_ms)
    )
}

fn offer_ended(e: &log::OfferEnded) -> String {
    let why = match e.reason() {
        log::OfferEnd::Unspecified => "ended",
        log::OfferEnd::Declined => "was declined",
        log::OfferEnd::Expired => "ran out of time",
        log::OfferEnd::Withdrawn => "was withdrawn: the case changed",
        log::OfferEnd::Absent => "ended: the agent left",
    };
    format!("The offer of case {} to {} {why}{}.", e.case, e.agent, optional(": ", &e.cause))
}

fn assigned(e: &log::CaseAssigned) -> String {
    let how = match e.by() {
        log::AssignedBy::Unspecified => "got",
        log::AssignedBy::Pull => "pulled",
        log::AssignedBy::Offer => "accepted",
        log::AssignedBy::TakeOver => "took over",
        log::AssignedBy::Transfer => "was given",
        log::AssignedBy::Return => "got back",
    };
    format!("{} {how} case {}{}.", e.agent, e.case, why(e.explanation.as_ref()))
}

fn unassigned(e: &log::CaseUnassigned) -> String {
    let why = match e.by() {
        log::UnassignedBy::Unspecified => "",
        log::UnassignedBy::Release => ": given back",
        log::UnassignedBy::SignOut => ": their session ended",
        log::UnassignedBy::TakeOver => ": taken over",
        log::UnassignedBy::Transfer => ": transferred",
        log::UnassignedBy::Rules => ": rules moved it",
        log::UnassignedBy::End => ": it is put away or finished",
        log::UnassignedBy::Unanswered => ": they did not answer in time",
        log::UnassignedBy::PullCancelled => ": the pull was cancelled before they saw it",
        log::UnassignedBy::Lease => ": they did nothing with it for as long as it is lent",
    };
    format!("{} no longer has case {}{why}.", e.agent, e.case)
}

fn parked(e: &log::CaseParked) -> String {
    let whom = match e.on() {
        log::WaitingOn::Unspecified => "somebody",
        log::WaitingOn::Customer => "the customer",
        log::WaitingOn::ThirdParty => "a third party",
    };
    format!("Case {} waits for {whom}.", e.case)
}

fn scheduled(e: &log::CaseScheduled) -> String {
    format!(
        "Case {} is put away until {}{}.",
        e.case,
        time(e.at_ms),
        optional(", then back to ", &e.keep_for)
    )
}

fn resolved(e: &log::CaseResolved) -> String {
    format!("{} resolved case {}{}.", by(&e.agent, "A rule"), e.case, optional(": ", &e.outcome))
}

fn reopened(e: &log::CaseReopened) -> String {
    match e.agent.as_str() {
        "" => format!("Case {} is open again.", e.case),
        agent => format!("{agent} reopened case {}.", e.case),
    }
}

fn closed(e: &log::CaseClosed) -> String {
    let why = match e.reason() {
        log::CloseReason::Unspecified | log::CloseReason::Closed => "",
        log::CloseReason::Settled => ": it stayed resolved",
        log::CloseReason::Spam => ": spam",
        log::CloseReason::Merged => ": merged into another",
        log::CloseReason::HandedOver => ": handed over to another desk",
        log::CloseReason::Disposition => ": its call's outcome ends it",
        log::CloseReason::Attempts => ": no attempts are left",
        log::CloseReason::DoNotCall => ": a number of it is on the do-not-call list",
        log::CloseReason::Junk => ": it does not belong in the campaign",
    };
    format!("Case {} was closed{}{why}.", e.case, optional(" by ", &e.agent))
}

fn duty_called(e: &log::DutyCalled) -> String {
    let called = |on: &log::OnDuty| format!("{} ({})", on.agent, on.shift);
    let called: Vec<String> = e.called.iter().map(called).collect();
    match called.is_empty() {
        true => format!("Nobody is on duty for {} to be told of case {}.", e.group, e.case),
        false => format!("On duty for {}, told of case {}: {}.", e.group, e.case, called.join(", ")),
    }
}

fn escalated(e: &log::CaseEscalated) -> String {
    let nobody = e.cause == "nobody-on-duty";
    let clock = if nobody { "An SLA clock".to_owned() } else { format!("The {} clock", by(&e.cause, "SLA")) };
    let who = if e.agent.is_empty() { clock } else { e.agent.clone() };
    let why = if nobody { ": nobody was on duty for the step before" } else { "" };
    format!("{who} escalated case {} to {} (step {}){why}.", e.case, e.group, e.step)
}

fn split(e: &log::CaseSplit) -> String {
    format!("{} of case {}'s messages left for case {}.", e.messages.len(), e.case, e.into)
}

fn linked(e: &log::ReferenceLinked) -> String {
    format!("Case {} is ticket {} in {}{}.", e.case, e.number, e.system, optional(", status ", &e.status))
}

fn fault(e: &log::FaultReported) -> String {
    let what = if e.repeats == 0 {
        optional(", whose ticket is opened in ", &e.system)
    } else {
        format!(", which is open on case {} already", e.repeats)
    };
    format!("{} reported a fault on case {}{what}.", e.agent, e.case)
}

fn fault_ended(e: &log::FaultEnded) -> String {
    let why = match e.reason() {
        log::FaultEnd::Unspecified => "",
        log::FaultEnd::Ticket => ": its ticket says so",
        log::FaultEnd::Case => ": its case ended",
    };
    format!("A fault report on case {} is no longer open{why}.", e.case)
}

fn priority(e: &log::PriorityChanged) -> String {
    format!("{} set the priority of case {} to {}.", by(&e.agent, "An SLA clock"), e.case, e.priority)
}

fn delivery_queued(e: &log::DeliveryQueued) -> String {
    let what = match e.kind() {
        log::DeliveryKind::Unspecified => "Something".into(),
        log::DeliveryKind::Reply => format!("{}'s reply", by(&e.agent, "A")),
        log::DeliveryKind::Template => format!("The answer {}", e.template),
        log::DeliveryKind::Forward => format!("The customer's message, forwarded to {},", e.target),
        log::DeliveryKind::Notification => format!("A notification of {}", e.target),
        log::DeliveryKind::Acknowledgement => "An acknowledgement".into(),
    };
    let way = match e.channel() {
        log::Channel::Unspecified => String::new(),
        known => format!(" by {}", channel(known)),
    };
    format!("{what} is to be sent on case {}{way}.", e.case)
}

fn delivery_started(e: &log::DeliveryStarted) -> String {
    format!("{} sends on case {} (attempt {}).", e.deliverer, e.case, e.attempt)
}

fn delivery_ended(e: &log::DeliveryEnded) -> String {
    let detail = optional(": ", &e.detail);
    match e.outcome() {
        log::DeliveryOutcome::Delivered => {
            format!("What was sent on case {} was accepted by the channel.", e.case)
        }
        log::DeliveryOutcome::Retry => {
            format!("Sending on case {} failed and is tried again{detail}.", e.case)
        }
        log::DeliveryOutcome::Refused => {
            format!("The channel refused what was sent on case {}{detail}.", e.case)
        }
        log::DeliveryOutcome::Unknown | log::DeliveryOutcome::Unspecified => {
            format!("Nobody can say whether what was sent on case {} arrived{detail}.", e.case)
        }
    }
}

fn disposition(e: &log::DispositionRecorded) -> String {
    let reached = if e.contacted { "reached" } else { "not reached" };
    let effects = if e.effects.is_empty() { String::new() } else { format!("; {}", e.effects.join(", ")) };
    let (path, agent) = (e.path.join(" > "), &e.agent);
    format!("{agent} called on case {} (attempt {}, {reached}): {path}{effects}.", e.case, e.attempt)
}

fn suppressed(e: &log::NumbersSuppressed) -> String {
    let numbers = if e.count == 1 { "1 number".to_owned() } else { format!("{} numbers", e.count) };
    match e.lifted {
        false => format!("{numbers} went on the do-not-call list."),
        true => format!("{numbers} came off the do-not-call list."),
    }
}

fn sla_started(e: &log::SlaStarted) -> String {
    let (clock, target, due) = (clock(e.clock()), length(e.target_ms), time(e.deadline_ms));
    format!("The {clock} clock of case {} runs: {target} of {}, due {due}.", e.case, e.calendar)
}

fn sla_paused(e: &log::SlaPaused) -> String {
    format!(
        "The {} clock of case {} stands still with {} left.",
        clock(e.clock()),
        e.case,
        length(e.remaining_ms)
    )
}

fn sla_met(e: &log::SlaMet) -> String {
    let late = if e.late { ", too late" } else { "" };
    format!("The {} clock of case {} was met after {}{late}.", clock(e.clock()), e.case, length(e.elapsed_ms))
}

#[cfg(test)]
mod tests;
