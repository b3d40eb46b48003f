//! What goes wrong, and what is seen to come of it; every kind is counted, so that none is only believed to happen.

use std::collections::BTreeMap;
use std::fmt::{self, Display};

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// A kind of fault, or of what is seen to come of faults.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Fault { $($(#[$doc])* $name,)* }

        impl Fault {
            /// All kinds.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// In words.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

kinds! {
    /// A write never reached the broker, and no answer came.
    WriteLost = "a write was lost",
    /// A write stands, and its acknowledgement never came.
    AckLost = "an acknowledgement was lost",
    /// Its acknowledgement came much later than others that were sent after it.
    AckLate = "an acknowledgement was overtaken",
    /// A write came to stand after its sender had given up on it.
    WriteLate = "a write arrived after its sender gave up",
    /// An input record was written twice.
    InputTwice = "an input record was written twice",
    /// A commit was sent twice by the network; its sender is told that the fence refused it.
    CommitTwice = "a commit was sent twice, the second was refused",
    /// Connections of one process were cut.
    Cut = "connections were cut",
    /// The broker answered nobody for a while.
    Away = "the broker was away",
    /// A process read the log slowly.
    SlowReader = "a reader was slow",
    /// A process stood still, as by SIGSTOP, and went on later.
    Frozen = "a process was frozen and went on",
    /// A second router took a desk over while its owner was alive.
    TwoOwners = "two routers owned at once",
    /// A process died with a write about to be sent.
    CrashBeforeWrite = "a crash before a write",
    /// A process died with a write sent and its answer not seen.
    CrashAfterWrite = "a crash after a write",
    /// A process died while it read.
    CrashReading = "a crash while reading",
    /// A deliverer died with a send not begun or not ended.
    CrashSending = "a crash while sending",
    /// Every process died at once.
    CrashAll = "everything crashed at once",
    /// A client dropped a call in the middle.
    CallDropped = "a call was dropped in the middle",
    /// A client sent a call again that may have been decided.
    CallRepeated = "a call was sent again",
    /// A source sent a message again that had been acknowledged.
    SentAgain = "a message was sent again",
    /// A record that nobody can read.
    Unreadable = "an input record could not be read",
    /// A command by the door of messages.
    WrongDoor = "an input came by a door that is not its own",
    /// A channel took a send and did not say so.
    SendUnknown = "a channel did not say whether it took a send",
    /// Machines' clocks differ.
    Skew = "a machine's clock was wrong",
    /// The broker lost its last records and gives their sequences out again.
    TailLost = "the broker lost its tail",
    /// After a lost tail a stale owner's commit was accepted, since its expected sequence matched again.
    StaleMatched = "a stale owner's expected sequence matched again",
    /// What a process kept beside the log was damaged while it did not run.
    KeptDamaged = "a snapshot was damaged",
    /// Seen: a gateway or deliverer went on from a snapshot.
    Resumed = "(seen) a gateway or deliverer went on from a snapshot",
    /// Seen: the fence refused a commit.
    Fenced = "(seen) the fence refused a commit",
    /// Seen: a router stopped, since the log was not what it was.
    Stopped = "(seen) a router stopped at a broken log",
    /// Seen: a desk was taken over while inputs waited.
    TakenOver = "(seen) a desk was taken over",
    /// Seen: an input was known as a repeat.
    Repeat = "(seen) an input was known as a repeat",
    /// Seen: a message that had gone to another desk with its case was edited or withdrawn there too.
    Followed = "(seen) an edit or a withdrawal followed its case to another desk",
}

/// How often each kind happened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults(BTreeMap<Fault, u64>);

impl Faults {
    pub(crate) fn count(&mut self, fault: Fault) {
        *self.0.entry(fault).or_default() += 1;
    }

    /// How often this kind happened.
    #[must_use]
    pub fn of(&self, fault: Fault) -> u64 {
        self.0.get(&fault).copied().unwrap_or(0)
    }

    /// Adds another run's.
    pub fn add(&mut self, other: &Self) {
        for (fault, times) in &other.0 {
            *self.0.entry(*fault).or_default() += times;
        }
    }

    /// Kinds that never happened.
    #[must_use]
    pub fn never(&self) -> Vec<Fault> {
        Fault::ALL.iter().copied().filter(|fault| self.of(*fault) == 0).collect()
    }
}

impl Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for fault in Fault::ALL {
            writeln!(f, "{:>10}  {}", self.of(*fault), fault.as_str())?;
        }
        Ok(())
    }
}
