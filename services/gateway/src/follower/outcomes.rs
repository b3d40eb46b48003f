//! Who waits for which input's decision.
//!
//! A waiter registers under the input's idempotency key before the input is appended, so that no decision can pass
//! unseen between the two. The first input with that key that the log shows from then on is the one whose decision
//! counts; one that turns out to repeat an earlier input is settled by whoever waited (`read_back`).

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use prost::Message;
use simpang_log::Place;
use simpang_log::chain::position_key;
use simpang_proto::log::v1::event::Body;
use simpang_proto::log::v1::{self as log, command};
use tokio::sync::oneshot;

use super::place_of;

/// Decisions kept for repeats that come soon; older ones are read back from the log.
const RECENT_MAX: usize = 4_096;

/// What the log says became of an input.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The input.
    pub(crate) place: Place,
    /// What the input asked, to know a request id that is used for something else.
    pub(crate) fingerprint: u64,
    /// Stream sequence of the commit that judged it to its end.
    pub(crate) position: u64,
    /// Those of the events it caused that say what became of it, in order.
    pub(crate) events: Vec<log::Event>,
}

/// An input on the log whose decision is awaited.
#[derive(Debug)]
struct Pending {
    fingerprint: u64,
    waiters: Vec<oneshot::Sender<Arc<Outcome>>>,
    events: Vec<log::Event>,
}

/// All that is awaited on one desk.
#[derive(Debug, Default)]
pub(crate) struct Outcomes {
    wanted: BTreeMap<Vec<u8>, Vec<oneshot::Sender<Arc<Outcome>>>>,
    pending: BTreeMap<Place, Pending>,
    recent: HashMap<Place, Arc<Outcome>>,
    recent_order: VecDeque<Place>,
}

impl Outcomes {
    /// Begins to wait for the next input with this key.
    pub(crate) fn want(&mut self, key: &[u8]) -> oneshot::Receiver<Arc<Outcome>> {
        let (sender, receiver) = oneshot::channel();
        self.wanted.entry(key.to_vec()).or_default().push(sender);
        receiver
    }

    /// Drops the waiters of this key who have gone.
    pub(crate) fn sweep(&mut self, key: &[u8]) {
        if let Some(waiters) = self.wanted.get_mut(key) {
            waiters.retain(|waiter| !waiter.is_closed());
            if waiters.is_empty() {
                self.wanted.remove(key);
            }
        }
    }

    /// Takes in an input that stands on the log.
    pub(crate) fn arrived(&mut self, place: Place, input: &log::Input) {
        let Some(waiters) = self.wanted.remove(input.key.as_ref()) else { return };
        let pending = Pending { fingerprint: fingerprint(input), waiters, events: Vec::new() };
        self.pending.insert(place, pending);
    }

    /// Takes in a commit that stands at `position`.
    pub(crate) fn committed(&mut self, position: u64, commit: &log::Commit) {
        if self.pending.is_empty() {
            return;
        }
        for event in commit.events.iter().filter(|event| tells(event)) {
            let place = event.caused_by.map(place_of);
            if let Some(pending) = place.and_then(|place| self.pending.get_mut(&place)) {
                pending.events.push(event.clone());
            }
        }
        let Some(through) = judged_through(commit) else { return };
        while let Some(entry) = self.pending.first_entry().filter(|entry| *entry.key() <= through) {
            let (place, pending) = entry.remove_entry();
            self.decide(place, pending, position);
        }
    }

    fn decide(&mut self, place: Place, pending: Pending, position: u64) {
        let Pending { fingerprint, waiters, events } = pending;
        let outcome = Arc::new(Outcome { place, fingerprint, position, events });
        for waiter in waiters {
            // Whoever asked may have gone; the decision stands all the same.
            let _ = waiter.send(outcome.clone());
        }
        self.remember(outcome);
    }

    /// Keeps a decision for repeats.
    pub(crate) fn remember(&mut self, outcome: Arc<Outcome>) {
        let place = outcome.place;
        if self.recent.insert(place, outcome).is_none() {
            self.recent_order.push_back(place);
        }
        while self.recent_order.len() > RECENT_MAX {
            if let Some(oldest) = self.recent_order.pop_front() {
                self.recent.remove(&oldest);
            }
        }
    }

    /// A decision that was seen lately.
    pub(crate) fn recent(&self, place: Place) -> Option<Arc<Outcome>> {
        self.recent.get(&place).cloned()
    }

    /// How many keys are waited for and not seen on the log yet.
    #[cfg(test)]
    pub(crate) fn wanted(&self) -> usize {
        self.wanted.len()
    }
}

impl Outcome {
    /// The earlier input that this one repeats.
    pub(crate) fn repeats(&self) -> Option<Place> {
        self.events.iter().find_map(|event| match &event.body {
            Some(Body::InputDuplicated(repeat)) => Some(place_of(repeat.of.unwrap_or_default())),
            _ => None,
        })
    }

    /// The refusal, if the core refused the command.
    pub(crate) fn rejected(&self) -> Option<&log::CommandRejected> {
        self.events.iter().find_map(|event| match &event.body {
            Some(Body::CommandRejected(rejected)) => Some(rejected),
            _ => None,
        })
    }

    /// Why the input was set aside, if it was.
    pub(crate) fn set_aside(&self) -> Option<&str> {
        self.events.iter().find_map(|event| match &event.body {
            Some(Body::InputRefused(refused)) => Some(refused.reason.as_str()),
            _ => None,
        })
    }
}

/// The last place that a commit and those before it judged to its end; `None` when that is not known to be one.
pub(crate) fn judged_through(commit: &log::Commit) -> Option<Place> {
    let through = commit.decided_through?;
    match (through.step, through.index) {
        (0, index) => Some(Place { seq: through.seq, index }),
        (_, 0) => Some(Place { seq: through.seq.checked_sub(1)?, index: u32::MAX }),
        (_, index) => Some(Place { seq: through.seq, index: index - 1 }),
    }
}

/// Whether a commit, with those before it, judged this input to its end.
pub(crate) fn is_judged(commit: &log::Commit, place: Place) -> bool {
    let judged = log::Position { seq: place.seq, index: place.index, step: 0 };
    commit.decided_through.is_some_and(|through| position_key(&through) >= position_key(&judged))
}

/// Whether an event says what became of an input, rather than what else followed.
pub(crate) fn tells(event: &log::Event) -> bool {
    matches!(
        event.body,
        Some(
            Body::InputDuplicated(_)
                | Body::InputRefused(_)
                | Body::CommandRejected(_)
                | Body::PolicyApplied(_)
                | Body::PolicyRefused(_)
                | Body::AgentSignedIn(_)
                | Body::PullWaiting(_)
                | Body::CaseAssigned(_)
                | Body::CaseMerged(_)
                | Body::CaseSplit(_)
        )
    )
}

/// What an input asks, without what the gateway adds by itself: equal for a request that is sent again.
pub(crate) fn fingerprint(input: &log::Input) -> u64 {
    let mut body = input.body.clone();
    match &mut body {
        Some(log::input::Body::Command(command)) => match &mut command.body {
            Some(command::Body::SignIn(sign_in)) => sign_in.gateway.clear(),
            Some(command::Body::Identify(identify)) => keep_only_id(identify),
            _ => {}
        },
        Some(log::input::Body::Policy(policy)) => policy.version = 0,
        _ => {}
    }
    let plain = log::Input { key: input.key.clone(), traceparent: String::new(), body };
    let mut hasher = DefaultHasher::new();
    plain.encode_to_vec().hash(&mut hasher);
    hasher.finish()
}

/// What the directory says of a linked customer may be another thing the second time.
fn keep_only_id(identify: &mut log::Identify) {
    if let Some(customer) = identify.customer.as_mut().filter(|customer| !customer.id.is_empty()) {
        *customer = log::Customer { id: std::mem::take(&mut customer.id), ..log::Customer::default() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 16] = [7; 16];

    fn input(reason: &str) -> log::Input {
        let decline = log::Decline { reason: reason.into() };
        let command = log::Command { body: Some(command::Body::Decline(decline)), ..log::Command::default() };
        log::Input {
            key: KEY.to_vec().into(),
            traceparent: "trace".into(),
            body: Some(log::input::Body::Command(command)),
        }
    }

    fn place(seq: u64, index: u32) -> Place {
        Place { seq, index }
    }

    fn commit(seq: u64, index: u32, step: u32, events: Vec<log::Event>) -> log::Commit {
        log::Commit {
            decided_through: Some(log::Position { seq, index, step }),
            events,
            ..log::Commit::default()
        }
    }

    fn refused(seq: u64, index: u32) -> log::Event {
        log::Event {
            caused_by: Some(log::InputId { seq, index }),
            at_ms: 1,
            body: Some(Body::InputRefused(log::InputRefused { reason: "no".into() })),
        }
    }

    #[test]
    fn a_waiter_hears_of_its_own_input_only() {
        let mut outcomes = Outcomes::default();
        let mut waiter = outcomes.want(&KEY);
        outcomes.arrived(place(3, 1), &input("a"));
        outcomes.committed(4, &commit(3, 0, 0, vec![refused(3, 0)]));
        assert!(waiter.try_recv().is_err(), "the one before it was decided, not it");
        outcomes.committed(5, &commit(3, 2, 0, vec![refused(3, 1), refused(3, 2)]));
        let outcome = waiter.try_recv().unwrap();
        assert_eq!((outcome.place, outcome.position, outcome.events.len()), (place(3, 1), 5, 1));
    }

    #[test]
    fn an_input_judged_in_steps_is_decided_with_its_last() {
        let mut outcomes = Outcomes::default();
        let mut waiter = outcomes.want(&KEY);
        outcomes.arrived(place(3, 0), &input("a"));
        outcomes.committed(4, &commit(3, 0, 1, vec![refused(3, 0)]));
        outcomes.committed(5, &commit(3, 0, 2, Vec::new()));
        assert!(waiter.try_recv().is_err());
        outcomes.committed(6, &commit(3, 0, 0, vec![refused(3, 0)]));
        let outcome = waiter.try_recv().unwrap();
        assert_eq!((outcome.position, outcome.events.len()), (6, 2));
    }

    #[test]
    fn two_who_ask_the_same_hear_the_same() {
        let mut outcomes = Outcomes::default();
        let (mut one, mut two) = (outcomes.want(&KEY), outcomes.want(&KEY));
        outcomes.arrived(place(3, 0), &input("a"));
        outcomes.arrived(place(4, 0), &input("a"));
        outcomes.committed(5, &commit(4, 0, 0, Vec::new()));
        assert_eq!(one.try_recv().unwrap().place, place(3, 0));
        assert_eq!(two.try_recv().unwrap().place, place(3, 0));
        assert!(outcomes.recent(place(3, 0)).is_some());
    }

    #[test]
    fn who_has_gone_is_swept() {
        let mut outcomes = Outcomes::default();
        let waiter = outcomes.want(&KEY);
        outcomes.sweep(&KEY);
        assert_eq!(outcomes.wanted(), 1, "still waited for");
        drop(waiter);
        outcomes.sweep(&KEY);
        assert_eq!(outcomes.wanted(), 0);
    }

    #[test]
    fn decisions_kept_for_repeats_are_bounded() {
        let mut outcomes = Outcomes::default();
        for seq in 1..=RECENT_MAX as u64 + 10 {
            let outcome = Outcome { place: place(seq, 0), fingerprint: 0, position: seq, events: Vec::new() };
            outcomes.remember(Arc::new(outcome));
        }
        assert_eq!(outcomes.recent.len(), RECENT_MAX);
        assert!(outcomes.recent(place(10, 0)).is_none());
        assert!(outcomes.recent(place(11, 0)).is_some());
    }

    #[test]
    fn a_fingerprint_knows_another_request_and_not_another_trace() {
        let mut traced = input("a");
        traced.traceparent = "another".into();
        assert_eq!(fingerprint(&input("a")), fingerprint(&traced));
        assert_ne!(fingerprint(&input("a")), fingerprint(&input("b")));
    }

    #[test]
    fn the_gateway_and_the_directorys_words_do_not_make_another_request() {
        let command = |body| log::Input {
            body: Some(log::input::Body::Command(log::Command {
                body: Some(body),
                ..log::Command::default()
            })),
            ..log::Input::default()
        };
        let sign_in = |gateway: &str| {
            command(command::Body::SignIn(log::SignIn { gateway: gateway.into(), ..log::SignIn::default() }))
        };
        assert_eq!(fingerprint(&sign_in("a")), fingerprint(&sign_in("b")));
        let identify = |id: &str, segment: &str| {
            let customer =
                log::Customer { id: id.into(), segment: segment.into(), ..log::Customer::default() };
            command(command::Body::Identify(log::Identify { customer: Some(customer) }))
        };
        assert_eq!(fingerprint(&identify("c1", "DES")), fingerprint(&identify("c1", "DBS")));
        assert_ne!(fingerprint(&identify("", "DES")), fingerprint(&identify("", "DBS")));
    }
}
