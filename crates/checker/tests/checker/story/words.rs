//! Short ways to write inputs and events.

use simpang_proto::log::v1::event::Body;
use simpang_proto::log::v1::*;

use super::Story;

pub fn tick() -> input::Body {
    input::Body::Tick(Tick {})
}

pub fn message() -> input::Body {
    let kind = MessageKind::New as i32;
    input::Body::Message(Message { channel: Channel::Email as i32, kind, ..Message::default() })
}

pub fn asked(principal: &str, case: u64, body: command::Body) -> input::Body {
    input::Body::Command(Command {
        principal: principal.into(),
        case,
        body: Some(body),
        ..Command::default()
    })
}

pub fn pull(agent: &str, count: u32) -> input::Body {
    asked(agent, 0, command::Body::Pull(Pull { count, wait_ms: 60_000, queues: Vec::new() }))
}

pub fn delivery(seq: u64, index: u32, part: u32) -> DeliveryId {
    DeliveryId { input: Some(InputId { seq, index }), part }
}

pub fn claim(delivery: DeliveryId) -> input::Body {
    input::Body::Claim(DeliveryClaim { delivery: Some(delivery), deliverer: "deliver@a/1".into() })
}

pub fn report(delivery: DeliveryId) -> input::Body {
    input::Body::Report(DeliveryReport { delivery: Some(delivery), ..DeliveryReport::default() })
}

pub fn agent_changed(agent: &str) -> Body {
    Body::AgentChanged(AgentChanged { agent: agent.into() })
}

pub fn admitted(agent: &str, queues: &[(&str, u32)]) -> Body {
    let admissions =
        queues.iter().map(|(queue, step)| Admission { queue: (*queue).into(), step: *step }).collect();
    Body::AgentAdmitted(AgentAdmitted { agent: agent.into(), admissions })
}

pub fn signed_in(agent: &str) -> Body {
    Body::AgentSignedIn(AgentSignedIn {
        agent: agent.into(),
        session: format!("{agent}-1"),
        gateway: "gateway@a/1".into(),
    })
}

pub fn signed_out(agent: &str) -> Body {
    let reason = SignOutReason::Asked as i32;
    Body::AgentSignedOut(AgentSignedOut { agent: agent.into(), session: format!("{agent}-1"), reason })
}

pub fn presence(agent: &str, presence: Presence, auto: bool) -> Body {
    let presence = presence as i32;
    Body::AgentPresenceChanged(AgentPresenceChanged {
        agent: agent.into(),
        presence,
        reason: String::new(),
        auto,
        limit: None,
        until_ms: 0,
    })
}

/// A case that a message opened.
pub fn opened(case: u64, message: InputId, arrived_ms: i64) -> Vec<Body> {
    let channel = Channel::Email as i32;
    let opened = CaseOpened { case, channel, arrived_ms, ..CaseOpened::default() };
    vec![Body::CaseOpened(opened), joined(case, message, JoinedBy::Opening, 1)]
}

pub fn joined(case: u64, message: InputId, by: JoinedBy, count: u32) -> Body {
    let by = by as i32;
    Body::MessageJoined(MessageJoined { case, message: Some(message), by, count, automatic: false })
}

pub fn queued(case: u64, queue: &str, key_ms: i64, skills: &[&str]) -> Body {
    let skills = skills.iter().map(|skill| (*skill).into()).collect();
    Body::CaseQueued(CaseQueued { case, queue: queue.into(), key_ms, skills })
}

pub fn explained(key_ms: i64) -> Option<Explanation> {
    Some(Explanation { rule: "mail".into(), queue: "mail".into(), key_ms, ..Explanation::default() })
}

pub fn assigned(case: u64, agent: &str, by: AssignedBy) -> Body {
    let by = by as i32;
    Body::CaseAssigned(CaseAssigned { case, agent: agent.into(), by, explanation: None, pull: None })
}

pub fn pulled(case: u64, agent: &str, pull: InputId, key_ms: i64) -> Body {
    Body::CaseAssigned(CaseAssigned {
        case,
        agent: agent.into(),
        by: AssignedBy::Pull as i32,
        explanation: explained(key_ms),
        pull: Some(pull),
    })
}

pub fn offered(case: u64, agent: &str, key_ms: i64) -> Body {
    let explanation = explained(key_ms);
    Body::CaseOffered(CaseOffered { case, agent: agent.into(), expires_ms: i64::MAX, explanation })
}

pub fn unassigned(case: u64, agent: &str, by: UnassignedBy) -> Body {
    Body::CaseUnassigned(CaseUnassigned { case, agent: agent.into(), by: by as i32 })
}

pub fn closed(case: u64, reason: CloseReason) -> Body {
    Body::CaseClosed(CaseClosed { case, reason: reason as i32, agent: String::new() })
}

pub fn delivery_queued(case: u64, delivery: DeliveryId, kind: DeliveryKind) -> Body {
    let channel = if kind == DeliveryKind::Notification { Channel::Unspecified } else { Channel::Email };
    Body::DeliveryQueued(DeliveryQueued {
        delivery: Some(delivery),
        case,
        kind: kind as i32,
        channel: channel as i32,
        ..DeliveryQueued::default()
    })
}

pub fn started(case: u64, delivery: DeliveryId, attempt: u32) -> Body {
    let deliverer = "deliver@a/1".into();
    Body::DeliveryStarted(DeliveryStarted { delivery: Some(delivery), attempt, deliverer, case })
}

pub fn ended(
    case: u64,
    delivery: DeliveryId,
    attempt: u32,
    outcome: DeliveryOutcome,
    not_before_ms: i64,
) -> Body {
    Body::DeliveryEnded(DeliveryEnded {
        delivery: Some(delivery),
        attempt,
        outcome: outcome as i32,
        case,
        not_before_ms,
        ..DeliveryEnded::default()
    })
}

pub fn sla_started(case: u64, clock: SlaClock, target_ms: i64, deadline_ms: i64) -> Body {
    Body::SlaStarted(SlaStarted {
        case,
        clock: clock as i32,
        sla: "mail".into(),
        target_ms,
        calendar: "24x7".into(),
        deadline_ms,
        from_ms: deadline_ms - target_ms,
    })
}

pub fn sla_met(case: u64, clock: SlaClock, late: bool) -> Body {
    Body::SlaMet(SlaMet { case, clock: clock as i32, elapsed_ms: 1, late })
}

impl Story {
    /// The deadline to which a clock was resumed last.
    pub fn find_deadline(&mut self) -> i64 {
        let resumed = self.commits().flat_map(|c| &c.events).filter_map(|e| match &e.body {
            Some(Body::SlaResumed(r)) => Some(r.deadline_ms),
            _ => None,
        });
        resumed.last().expect("a clock was resumed")
    }

    /// The key by which a case was queued first.
    pub fn find_key(&mut self, case: u64) -> i64 {
        let mut queued = self.commits().flat_map(|c| &c.events).filter_map(|e| match &e.body {
            Some(Body::CaseQueued(q)) if q.case == case => Some(q.key_ms),
            _ => None,
        });
        queued.next().expect("the case was queued")
    }
}
