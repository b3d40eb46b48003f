//! Traces that cross the log: reading and making W3C trace contexts, and telling of finished spans.
//!
//! An input carries the context of the request that brought it (`Input.traceparent`). Whoever handles the input later,
//! in whichever process, tells of its work with [`record`] as a child of that context, so that one trace shows the
//! way of a message over all roles. Where spans go is the program's matter: it installs a [`Sink`]. While none is
//! installed, [`parent`] is one relaxed load and gives nothing, and no span is ever put together.
//!
//! It knows no log, no wire format of any collector and no tracing library. Whether a trace is taken is the caller's
//! choice, by the sampled flag of its context. A span's attributes hold no personal data.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic))]

mod traceparent;
mod waiting;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};

pub use traceparent::{Parent, make, of_header};
pub use waiting::{Place, Waiting};

/// Names of attributes: one name for one thing in the spans of all roles.
pub mod attribute {
    /// Desk.
    pub const DESK: &str = "simpang.desk";
    /// Where the input stands on the desk's log: `<sequence>.<index>`.
    pub const INPUT: &str = "simpang.input";
    /// Case number.
    pub const CASE: &str = "simpang.case";
    /// How many events followed.
    pub const EVENTS: &str = "simpang.events";
    /// Stream sequence of the commit that judged the input.
    pub const COMMIT: &str = "simpang.commit";
    /// Delivery: `<sequence>-<index>-<part>`.
    pub const DELIVERY: &str = "simpang.delivery";
    /// Channel.
    pub const CHANNEL: &str = "simpang.channel";
    /// Which attempt.
    pub const ATTEMPT: &str = "simpang.attempt";
    /// What came of it, one word.
    pub const OUTCOME: &str = "simpang.outcome";
}

/// Which side of an exchange a span is, as OpenTelemetry's `SpanKind` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Answers a request.
    Server,
    /// Asks another system.
    Client,
    /// Writes what others read later.
    Producer,
    /// Reads what was written earlier.
    Consumer,
}

/// Work that was done, as told by whoever did it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// `<role>.<object>.<verb>`, such as `router.input.judge`.
    pub name: &'static str,
    /// Which side of an exchange it is.
    pub kind: Kind,
    /// What it belongs to.
    pub parent: Parent,
    /// Begin, ns since 1970 UTC.
    pub start_ns: u64,
    /// End, ns since 1970 UTC.
    pub end_ns: u64,
    /// It did not do what it was to do.
    pub failed: bool,
    /// Facts about it, without personal data, by the names in [`attribute`].
    pub attributes: Vec<(&'static str, String)>,
}

/// A finished span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Its own id in the trace; never 0.
    pub id: u64,
    /// What was done.
    pub work: Recorded,
}

/// Takes finished spans. It is called in the middle of services' work, so it must neither wait nor fail.
pub trait Sink: Send + Sync {
    /// Takes one.
    fn take(&self, span: Span);
}

static ENABLED: AtomicBool = AtomicBool::new(false);
static SINK: RwLock<Option<Arc<dyn Sink>>> = RwLock::new(None);

/// Sends the process's spans there from now on, in place of wherever they went.
pub fn install(sink: Arc<dyn Sink>) {
    *SINK.write().unwrap_or_else(PoisonError::into_inner) = Some(sink);
    ENABLED.store(true, Ordering::Relaxed);
}

/// Ends the telling of spans.
pub fn uninstall() {
    ENABLED.store(false, Ordering::Relaxed);
    *SINK.write().unwrap_or_else(PoisonError::into_inner) = None;
}

/// Whether spans go anywhere.
#[must_use]
pub fn enabled() -> bool {
    ENABLED.load(Ordering::Relaxed)
}

/// The parent of spans about an input with this context. `None` when spans go nowhere, the context can't be read, or
/// whoever made it did not want the trace taken.
#[must_use]
pub fn parent(traceparent: &str) -> Option<Parent> {
    if enabled() { Parent::read(traceparent).filter(|parent| parent.sampled) } else { None }
}

/// Tells of finished work.
pub fn record(work: Recorded) {
    if !enabled() {
        return;
    }
    let sink = SINK.read().unwrap_or_else(PoisonError::into_inner).clone();
    if let Some(sink) = sink {
        // The machine's clock may have been set back in between.
        let end_ns = work.end_ns.max(work.start_ns);
        sink.take(Span { id: rand::random::<u64>() | 1, work: Recorded { end_ns, ..work } });
    }
}

/// This machine's clock, ns since 1970 UTC. For spans only.
#[must_use]
pub fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    const GIVEN: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[derive(Default)]
    struct Heard(Mutex<Vec<Span>>);

    impl Sink for Heard {
        fn take(&self, span: Span) {
            self.0.lock().unwrap().push(span);
        }
    }

    fn work(parent: Parent) -> Recorded {
        Recorded {
            name: "router.input.judge",
            kind: Kind::Consumer,
            parent,
            start_ns: 10,
            end_ns: 7,
            failed: false,
            attributes: vec![(attribute::DESK, "tenesa".into())],
        }
    }

    // One test, because what is installed is installed for the whole process.
    #[test]
    fn spans_go_to_what_is_installed_and_nowhere_otherwise() {
        assert!(!enabled());
        assert_eq!(parent(GIVEN), None, "nobody listens");
        record(work(Parent::read(GIVEN).unwrap()));

        let heard = Arc::new(Heard::default());
        install(heard.clone());
        let context = parent(GIVEN).unwrap();
        assert_eq!(parent(&GIVEN.replace("-01", "-00")), None, "its maker did not want it taken");
        assert_eq!(parent("x"), None);
        let mut waiting = Waiting::default();
        for (place, text) in
            [((3, 1), GIVEN), ((4, 0), GIVEN), ((3, 0), GIVEN), ((3, 2), ""), ((5, 0), GIVEN)]
        {
            waiting.arrive(place, text);
        }
        assert_eq!(waiting.take_before((4, 0)).into_keys().collect::<Vec<_>>(), [(3, 0), (3, 1)]);
        assert_eq!((waiting.take((4, 0)), waiting.take((4, 0))), (Some(context), None));
        record(work(context));
        record(work(context));
        let spans = std::mem::take(&mut *heard.0.lock().unwrap());
        assert_eq!(spans.len(), 2);
        assert_eq!(spans[0].work.parent.trace_id, 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736);
        assert_eq!(
            (spans[0].work.start_ns, spans[0].work.end_ns),
            (10, 10),
            "it does not end before it begins"
        );
        assert_ne!(spans[0].id, spans[1].id);

        uninstall();
        waiting.arrive((6, 0), GIVEN);
        assert_eq!(waiting.take((6, 0)), None, "nobody listens any more");
        record(work(context));
        assert!(heard.0.lock().unwrap().is_empty());
    }
}
