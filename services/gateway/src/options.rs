//! What a gateway needs to start.

use std::sync::Arc;
use std::time::Duration;

use simpang_access::Gatekeeper;
use simpang_log::snapshot::Snapshots;
use simpang_log::{LogError, LogStore};
use simpang_wire::key::Keyer;
use thiserror::Error;

/// What a gateway needs to start.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where the desks' logs are.
    pub store: Arc<dyn LogStore>,
    /// Makes idempotency keys and the directory's identities; the same secret as every other role's.
    pub keyer: Keyer,
    /// Knows tokens and the table of calls.
    pub gatekeeper: Arc<Gatekeeper>,
    /// Names this process, such as `gateway@host/1`: the gateway id of its sessions. No two running gateways may
    /// share one, since each says with its first heartbeat that sessions under the name before are over.
    pub instance: String,
    /// How often a gateway with sessions says that they are alive. Well under the policy's grace period.
    pub heartbeat: Duration,
    /// How long a command waits for its decision before it answers UNAVAILABLE.
    pub deadline: Duration,
    /// The same for a policy, which may have a whole desk judged anew.
    pub policy_deadline: Duration,
    /// A session without a command and without a Watch stream for so long is ended.
    pub idle: Duration,
    /// Keep snapshots of what is known of the desks, so that a start need not read all of a log.
    pub snapshots: Option<Snapshots>,
}

impl Options {
    /// Options with the usual times: heartbeat 10 s, deadline 5 s (policies 60 s), idle 30 min, no
    /// snapshots.
    #[must_use]
    pub fn new(
        store: Arc<dyn LogStore>,
        keyer: Keyer,
        gatekeeper: Arc<Gatekeeper>,
        instance: String,
    ) -> Self {
        Self {
            store,
            keyer,
            gatekeeper,
            instance,
            heartbeat: Duration::from_secs(10),
            deadline: Duration::from_secs(5),
            policy_deadline: Duration::from_secs(60),
            idle: Duration::from_secs(30 * 60),
            snapshots: None,
        }
    }
}

/// Why a gateway did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// An option makes no sense.
    #[error("the gateway's option `{option}` {reason}")]
    Option {
        /// Which.
        option: &'static str,
        /// What it has to be.
        reason: &'static str,
    },
    /// The store of logs can't be used, and trying again won't help.
    #[error("the gateway can't list the desks: {0}")]
    Log(#[from] LogError),
}

impl Options {
    /// Refuses what could never work.
    pub(crate) fn check(&self) -> Result<(), StartError> {
        let wrong = |option, reason| Err(StartError::Option { option, reason });
        if self.instance.is_empty() {
            return wrong("instance", "is empty: name the process, such as `gateway@host/1`");
        }
        if self.heartbeat.is_zero() {
            return wrong("heartbeat", "is zero: sessions need a sign of life, such as every 10 s");
        }
        if self.deadline.is_zero() || self.policy_deadline.is_zero() {
            return wrong("deadline", "is zero: no decision can be seen in no time, 5 s is usual");
        }
        if self.idle.is_zero() {
            return wrong("idle", "is zero: every session would end at once, 30 min is usual");
        }
        Ok(())
    }
}
