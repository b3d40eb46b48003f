//! Any event of any kind. A new kind does not compile until it is listed here.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{BoxedStrategy, Strategy, any};
use simpang_domain::event::{Candidate, DeliveryQueued, Event, Explanation, Happened, OnDuty};
use simpang_domain::facts::{Facts, Value};
use simpang_domain::words::{
    Answered, AssignedBy, CaseId, Channel, CloseReason, DeliveryId, DeliveryKind, DeliveryOutcome, FaultEnd,
    InputId, JoinedBy, Name, Occasion, OfferEnd, Presence, PullEnd, Rejection, ReplyKind, SessionLimit,
    SignOutReason, SlaClock, UnassignedBy, WaitingOn,
};

/// A value of a field's type. Optional ones are never "some" with what the log writes for none.
trait Any: Sized {
    fn any() -> BoxedStrategy<Self>;
}

fn some<T: Any>() -> BoxedStrategy<T> {
    T::any()
}

/// Any name, seldom empty, with text of every kind.
pub(crate) fn name() -> BoxedStrategy<Name> {
    proptest::prop_oneof![8 => "[a-z][a-z0-9._-]{0,12}", 1 => "\\PC{0,20}", 1 => ""]
        .prop_map(|text: String| Name::from(text))
        .boxed()
}

macro_rules! any_of {
    ($($plain:ty),+) => {$(
        impl Any for $plain {
            fn any() -> BoxedStrategy<Self> {
                any::<$plain>().boxed()
            }
        }
    )+};
}

any_of!(u32, u64, i64, bool, [u8; 16], [u8; 32]);

macro_rules! any_word {
    ($($word:ident),+) => {$(
        impl Any for $word {
            fn any() -> BoxedStrategy<Self> {
                proptest::sample::select($word::ALL).boxed()
            }
        }
        impl Any for Option<$word> {
            fn any() -> BoxedStrategy<Self> {
                option::of(some::<$word>()).boxed()
            }
        }
    )+};
}

any_word!(
    Answered,
    AssignedBy,
    Channel,
    CloseReason,
    DeliveryKind,
    DeliveryOutcome,
    FaultEnd,
    JoinedBy,
    Occasion,
    OfferEnd,
    Presence,
    PullEnd,
    Rejection,
    ReplyKind,
    SignOutReason,
    SlaClock,
    UnassignedBy,
    WaitingOn
);

macro_rules! any_by {
    ($($type:ty = $strategy:expr;)+) => {$(
        impl Any for $type {
            fn any() -> BoxedStrategy<Self> {
                $strategy.boxed()
            }
        }
    )+};
}

any_by! {
    Name = name();
    Option<Name> = option::of(name().prop_filter("none is written as empty", |name| !name.is_empty()));
    Vec<Name> = vec(name(), 0..4);
    Option<i64> = option::of(any::<i64>().prop_filter("none is written as 0", |ms| *ms != 0));
    CaseId = any::<u64>().prop_map(CaseId);
    Option<CaseId> = option::of((1..=u64::MAX).prop_map(CaseId));
    InputId = any::<(u64, u32)>().prop_map(|(seq, index)| InputId { seq, index });
    Option<InputId> = option::of(some::<InputId>());
    Vec<InputId> = vec(some::<InputId>(), 0..4);
    DeliveryId = (some(), any::<u32>()).prop_map(|(input, part)| DeliveryId { input, part });
    Vec<(Name, u32)> = vec((name(), any::<u32>()), 0..4);
    Facts = vec(("[a-z][a-z0-9_]{0,12}", value()), 0..4).prop_map(|all| {
        Facts::new(all.into_iter().map(|(name, value)| (Name::from(name), value)))
    });
    SessionLimit = (option::of(any::<u32>()), vec((some(), any::<u32>()), 0..3))
        .prop_map(|(total, channels)| SessionLimit { total, channels });
    OnDuty = (some(), some()).prop_map(|(agent, shift)| OnDuty { agent, shift });
    Vec<OnDuty> = vec(some::<OnDuty>(), 0..3);
    Candidate = (some(), some(), some(), some())
        .prop_map(|(agent, proficiency, load, idle_since)| Candidate { agent, proficiency, load, idle_since });
    Vec<Candidate> = vec(some::<Candidate>(), 0..4);
    Box<Explanation> = explanation().prop_map(Box::new);
    Option<Box<Explanation>> = option::of(explanation().prop_map(Box::new));
}

fn value() -> BoxedStrategy<Value> {
    proptest::prop_oneof![
        name().prop_map(Value::Text),
        any::<i64>().prop_map(Value::Number),
        any::<bool>().prop_map(Value::Flag),
        vec(name(), 0..3).prop_map(|all| Value::Texts(all.into())),
    ]
    .boxed()
}

fn explanation() -> BoxedStrategy<Explanation> {
    let names = (some(), some(), some(), some());
    let counts = (some(), some(), some(), some(), some());
    (names, counts)
        .prop_map(|((rule, queue, key, candidates), counts)| {
            let (other_candidates, not_asking, at_capacity, not_ready, sticky) = counts;
            Explanation {
                rule,
                queue,
                key,
                candidates,
                other_candidates,
                not_asking,
                at_capacity,
                not_ready,
                sticky,
            }
        })
        .boxed()
}

fn queued() -> BoxedStrategy<Happened> {
    let first = (some(), some(), some(), some(), some());
    let second = (some(), some(), some(), some(), some());
    (first, second)
        .prop_map(|((delivery, case, kind, channel, account), (to, reply, agent, template, target))| {
            let queued =
                DeliveryQueued { delivery, case, kind, channel, account, to, reply, agent, template, target };
            Happened::DeliveryQueued(Box::new(queued))
        })
        .boxed()
}

/// Any event.
pub(crate) fn event() -> BoxedStrategy<Event> {
    let body = proptest::strategy::Union::new(bodies());
    (some(), any::<i64>(), body).prop_map(|(caused_by, at, body)| Event { caused_by, at, body }).boxed()
}

macro_rules! kinds {
    ($($kind:ident { $($field:ident),* })+) => {
        /// All kinds, in the order of [`bodies`].
        pub(crate) const KINDS: &[&str] = &[$(stringify!($kind),)+ "DeliveryQueued"];

        /// What kind it is.
        pub(crate) fn kind(body: &Happened) -> &'static str {
            match body {
                $(Happened::$kind { .. } => stringify!($kind),)+
                Happened::DeliveryQueued(_) => "DeliveryQueued",
            }
        }

        /// Any of each kind.
        pub(crate) fn bodies() -> Vec<BoxedStrategy<Happened>> {
            vec![
                $(($({ let _ = stringify!($field); some() },)*)
                    .prop_map(|($($field,)*)| Happened::$kind { $($field),* })
                    .boxed(),)+
                queued(),
            ]
        }
    };
}

kinds! {
    DeskTaken { writer, epoch, core_version }
    PolicyApplied { version, digest, cites }
    PolicyRefused { version, errors }
    InputDuplicated { of, case, was_rejected }
    InputRefused { reason }
    CommandRejected { principal, case, rejection, detail }
    AgentChanged { agent }
    AgentSignedIn { agent, session, gateway }
    AgentSignedOut { agent, session, reason }
    AgentPresenceChanged { agent, presence, reason, auto, limit, until }
    PullWaiting { agent, count, expires, queues, pull }
    PullEnded { agent, pull, reason }
    AgentAdmitted { agent, admissions }
    CaseOpened { case, channel, account, campaign, follows, arrived, split_from }
    MessageJoined { case, message, by, count, automatic }
    MessageEdited { case, message, part }
    MessageRemoved { case, message, part }
    MessageReread { case, message, part }
    CaseIdentified { case, customer, segment, agent }
    CaseCategorised { case, category, agent }
    CaseClassified { case, rule, occasion, segment, priority, queue, skills, sla, actions }
    CaseQueued { case, queue, key, skills }
    CaseOffered { case, agent, expires, explanation }
    OfferEnded { case, agent, reason, cause }
    CaseAssigned { case, agent, by, explanation, pull }
    CaseUnassigned { case, agent, by }
    CaseParked { case, on }
    CaseResumed { case }
    CaseScheduled { case, at, keep_for }
    CaseResolved { case, agent, outcome }
    CaseReopened { case, agent }
    CaseClosed { case, reason, agent }
    CaseForgotten { case }
    CaseEscalated { case, step, group, agent, cause }
    DutyCalled { case, group, called }
    CaseFollowed { case, agent, step }
    CaseUnfollowed { case, agent }
    CaseOverflowed { case, queue, to_queue, to_desk }
    CasePlacedLast { case, agent }
    CaseHandedOver { case, desk }
    HandoverFailed { case, desk, reason }
    CaseMerged { case, into }
    CaseSplit { case, into, messages }
    NoteAdded { case, agent }
    ReferenceLinked { case, system, number, status }
    FaultReported { case, agent, product, subject, facts, system, repeats }
    FaultEnded { case, product, reason }
    PriorityChanged { case, priority, agent }
    CaseWidened { case, step }
    DeliveryStarted { delivery, attempt, deliverer, case }
    DeliveryEnded { delivery, attempt, outcome, detail, case, not_before }
    ClaimRefused { delivery, deliverer }
    DispositionRecorded { case, campaign, path, agent, attempt, contacted, answered, effects, dialled }
    NumbersSuppressed { count, lifted }
    SystemTaskDue { case, system, task }
    SlaStarted { case, clock, sla, target_ms, calendar, deadline, from }
    SlaPaused { case, clock, remaining_ms }
    SlaResumed { case, clock, deadline }
    SlaMet { case, clock, elapsed_ms, late }
    SlaWarned { case, clock, percent }
    SlaBreached { case, clock, deadline }
    SlaCancelled { case, clock }
    DayTurned { day }
}
