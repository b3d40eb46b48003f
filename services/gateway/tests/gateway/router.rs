//! A router for tests: follows the log, decides each input by a small script, and writes commits whose chain holds.
//! It knows repeats by their key, as the real one does.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use simpang_log::{Anchor, Body as EntryBody, ChainWriter, DeskLog, Place, Tail};
use simpang_proto::log::v1::event::Body;
use simpang_proto::log::v1::{self as log, command};
use tokio::sync::{mpsc, watch};

/// What the script knows.
#[derive(Debug, Default)]
pub(crate) struct Script {
    /// Cases that wait for somebody to pull them.
    pub(crate) stock: VecDeque<u64>,
    keys: HashMap<Vec<u8>, (Place, u64, bool)>,
    sessions: BTreeMap<String, String>,
    pulls: BTreeMap<String, (Place, u32)>,
    policy: u64,
}

/// A running router.
#[derive(Clone)]
pub(crate) struct Router {
    script: Arc<Mutex<Script>>,
    running: watch::Sender<bool>,
    emit: mpsc::UnboundedSender<Vec<Body>>,
}

impl Router {
    pub(crate) fn start(log: Arc<dyn DeskLog>) -> Self {
        let script = Arc::new(Mutex::new(Script::default()));
        let running = watch::Sender::new(true);
        let (emit, emitted) = mpsc::unbounded_channel();
        tokio::spawn(run(log, Arc::clone(&script), running.subscribe(), emitted));
        Self { script, running, emit }
    }

    pub(crate) fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap()
    }

    /// Decides nothing from now on.
    pub(crate) fn pause(&self) {
        self.running.send_replace(false);
    }

    /// Goes on.
    pub(crate) fn resume(&self) {
        self.running.send_replace(true);
    }

    /// Commits events that no input asked for.
    pub(crate) fn emit(&self, events: Vec<Body>) {
        self.emit.send(events).unwrap();
    }
}

async fn run(
    log: Arc<dyn DeskLog>,
    script: Arc<Mutex<Script>>,
    mut running: watch::Receiver<bool>,
    mut emitted: mpsc::UnboundedReceiver<Vec<Body>>,
) {
    let mut tail = Tail::start(Arc::clone(&log), Anchor::Start);
    let mut chain = ChainWriter::new(log.desk(), Anchor::Start);
    let mut through = log::Position::default();
    loop {
        let going = running.wait_for(|running| *running).await.is_ok();
        if !going {
            return;
        }
        let mut events = Vec::new();
        tokio::select! {
            entry = tail.next() => {
                let Ok(entry) = entry else { return };
                let EntryBody::Inputs { door, record } = &entry.body else { continue };
                // Paused while it waited: what came stays undecided until it goes on.
                if running.wait_for(|running| *running).await.is_err() {
                    return;
                }
                chain.absorb(entry.seq, *door, &entry.payload);
                for (index, input) in (0..).zip(&record.inputs) {
                    let place = Place { seq: entry.seq, index };
                    let bodies = script.lock().unwrap().decide(place, input);
                    events.extend(bodies.into_iter().map(|body| caused(place, entry.at_ms, body)));
                    through = log::Position { seq: entry.seq, index, step: 0 };
                }
            }
            Some(bodies) = emitted.recv() => {
                let place = Place { seq: through.seq, index: through.index };
                events.extend(bodies.into_iter().map(|body| caused(place, 77, body)));
            }
        }
        let commit = log::Commit {
            decided_through: Some(through),
            writer: "router@test/1".into(),
            events,
            ..log::Commit::default()
        };
        let sealed = chain.seal(commit).unwrap();
        let Ok(seq) = log.commit(sealed.payload.clone(), sealed.previous_seq).await else { return };
        chain.written(&sealed, seq);
    }
}

fn id(place: Place) -> log::InputId {
    log::InputId { seq: place.seq, index: place.index }
}

fn caused(place: Place, at_ms: i64, body: Body) -> log::Event {
    log::Event { caused_by: Some(id(place)), at_ms, body: Some(body) }
}

/// Case `n` as the script tells it: opened on X for the queue `social`.
pub(crate) fn case_opened(case: u64) -> Vec<Body> {
    vec![
        Body::CaseOpened(log::CaseOpened {
            case,
            channel: log::Channel::X.into(),
            account: "telkomcare".into(),
            arrived_ms: 10,
            ..log::CaseOpened::default()
        }),
        Body::MessageJoined(log::MessageJoined { case, count: 1, ..log::MessageJoined::default() }),
        Body::CaseClassified(log::CaseClassified {
            case,
            rule: "complaints".into(),
            queue: "social".into(),
            priority: "high".into(),
            segment: "DES".into(),
            ..log::CaseClassified::default()
        }),
    ]
}

/// The case goes to the agent, for the pull they wait with, if they wait.
pub(crate) fn case_assigned(case: u64, agent: &str, pull: Option<log::InputId>) -> Body {
    let explanation = log::Explanation {
        rule: "complaints".into(),
        queue: "social".into(),
        key_ms: 10,
        ..Default::default()
    };
    Body::CaseAssigned(log::CaseAssigned {
        case,
        agent: agent.into(),
        by: log::AssignedBy::Pull.into(),
        explanation: Some(explanation),
        pull,
    })
}

impl Script {
    /// The pull an agent waits with.
    pub(crate) fn pull(&self, agent: &str) -> Option<log::InputId> {
        self.pulls.get(agent).map(|(place, _)| id(*place))
    }

    fn decide(&mut self, place: Place, input: &log::Input) -> Vec<Body> {
        if let Some((of, case, was_rejected)) = self.keys.get(input.key.as_ref()) {
            let (of, case, was_rejected) = (Some(id(*of)), *case, *was_rejected);
            return vec![Body::InputDuplicated(log::InputDuplicated { of, case, was_rejected })];
        }
        let (case, bodies) = match &input.body {
            Some(log::input::Body::Agent(agent)) => {
                (0, vec![Body::AgentChanged(log::AgentChanged { agent: agent.agent.clone() })])
            }
            Some(log::input::Body::Policy(policy)) => (0, vec![self.policy(policy)]),
            Some(log::input::Body::Command(command)) => (command.case, self.command(place, command)),
            _ => (0, Vec::new()),
        };
        if !input.key.is_empty() {
            let rejected = bodies.iter().any(|body| matches!(body, Body::CommandRejected(_)));
            self.keys.insert(input.key.to_vec(), (place, case, rejected));
        }
        bodies
    }

    fn policy(&mut self, policy: &log::PolicyDocument) -> Body {
        let version = policy.version;
        if version <= self.policy {
            let errors = vec![format!("version {} is in force", self.policy)];
            return Body::PolicyRefused(log::PolicyRefused { version, errors });
        }
        self.policy = version;
        Body::PolicyApplied(log::PolicyApplied { version, cites: policy.cites.clone(), ..Default::default() })
    }

    fn command(&mut self, place: Place, command: &log::Command) -> Vec<Body> {
        let agent = command.principal.clone();
        match command.body.as_ref().unwrap() {
            command::Body::SignIn(sign_in) => self.sign_in(agent, sign_in),
            command::Body::SignOut(_) => self.sign_out(agent),
            command::Body::SetPresence(says) => {
                let (presence, limit) = (says.presence, says.limit.clone());
                let says = log::AgentPresenceChanged { agent, presence, limit, ..Default::default() };
                vec![Body::AgentPresenceChanged(says)]
            }
            command::Body::Pull(pull) => self.pulled(place, &agent, pull),
            command::Body::CancelPull(_) => self.cancel(agent),
            command::Body::TakeOver(_) => vec![case_assigned(command.case, &agent, None)],
            command::Body::Merge(merge) => {
                vec![Body::CaseMerged(log::CaseMerged { case: command.case, into: merge.into })]
            }
            command::Body::Split(split) => vec![Body::CaseSplit(log::CaseSplit {
                case: command.case,
                into: 99,
                messages: split.messages.clone(),
            })],
            command::Body::Resolve(resolve) => resolved(&agent, command.case, &resolve.outcome),
            _ => vec![Body::NoteAdded(log::NoteAdded { case: command.case, agent })],
        }
    }

    fn sign_in(&mut self, agent: String, sign_in: &log::SignIn) -> Vec<Body> {
        self.sessions.insert(agent.clone(), sign_in.session.clone());
        let begun = log::AgentSignedIn {
            agent: agent.clone(),
            session: sign_in.session.clone(),
            gateway: sign_in.gateway.clone(),
        };
        let presence = if sign_in.ready { log::Presence::Ready } else { log::Presence::NotReady };
        let change = log::AgentPresenceChanged { agent, presence: presence.into(), ..Default::default() };
        vec![Body::AgentSignedIn(begun), Body::AgentPresenceChanged(change)]
    }

    fn sign_out(&mut self, agent: String) -> Vec<Body> {
        let session = self.sessions.remove(&agent).unwrap_or_default();
        let reason = log::SignOutReason::Asked.into();
        vec![Body::AgentSignedOut(log::AgentSignedOut { agent, session, reason })]
    }

    fn pulled(&mut self, place: Place, agent: &str, pull: &log::Pull) -> Vec<Body> {
        let mut bodies = Vec::new();
        let mut missing = pull.count;
        while missing > 0
            && let Some(case) = self.stock.pop_front()
        {
            bodies.extend(case_opened(case));
            bodies.push(case_assigned(case, agent, Some(id(place))));
            missing -= 1;
        }
        if missing > 0 && pull.wait_ms > 0 {
            self.pulls.insert(agent.into(), (place, missing));
            bodies.push(Body::PullWaiting(log::PullWaiting {
                agent: agent.into(),
                count: missing,
                expires_ms: 99_000,
                pull: Some(id(place)),
                ..log::PullWaiting::default()
            }));
        }
        bodies
    }

    fn cancel(&mut self, agent: String) -> Vec<Body> {
        let Some((pull, _)) = self.pulls.remove(&agent) else { return Vec::new() };
        let reason = log::PullEnd::Cancelled.into();
        vec![Body::PullEnded(log::PullEnded { agent, pull: Some(id(pull)), reason })]
    }
}

/// `reject:<number>` is refused with that rejection; anything else is resolved.
fn resolved(agent: &str, case: u64, outcome: &str) -> Vec<Body> {
    let Some(number) = outcome.strip_prefix("reject:") else {
        let (agent, outcome) = (agent.to_owned(), outcome.to_owned());
        return vec![Body::CaseResolved(log::CaseResolved { case, agent, outcome })];
    };
    vec![Body::CommandRejected(log::CommandRejected {
        principal: agent.into(),
        case,
        rejection: number.parse().unwrap(),
        detail: "the script says no".into(),
    })]
}
