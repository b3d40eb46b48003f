//! What commands about sessions, presence and pulls ask.

use simpang_proto::agent::v1 as api;
use simpang_proto::log::v1::command::Body;
use simpang_proto::log::v1::{self as log, InputId};

use crate::check::{self, Invalid, LIST_MAX};
use crate::command::{Ask, Head};

/// Longest wait of a pull.
const WAIT_MS_MAX: i64 = 3_600_000;
/// Most cases that a limit names.
const CASES_MAX: u32 = 1_000;

fn about_none<'a>(desk: &'a str, request_id: &'a str) -> Head<'a> {
    Head { desk, request_id, case: None, seen_messages: 0 }
}

impl Ask for api::SignInRequest {
    const METHOD: &'static str = "simpang.agent.v1.Agent/SignIn";

    fn head(&self) -> Head<'_> {
        about_none(&self.desk, &self.request_id)
    }

    fn body(self) -> Result<Body, Invalid> {
        // Session and gateway are the gateway's to say: see `Commands::complete`.
        Ok(Body::SignIn(log::SignIn { ready: self.ready, auto: self.auto, ..log::SignIn::default() }))
    }
}

impl Ask for api::SignOutRequest {
    const METHOD: &'static str = "simpang.agent.v1.Agent/SignOut";

    fn head(&self) -> Head<'_> {
        about_none(&self.desk, &self.request_id)
    }

    fn body(self) -> Result<Body, Invalid> {
        check::chars("session", &self.session, 0, 64)?;
        Ok(Body::SignOut(log::SignOut { session: self.session }))
    }
}

impl Ask for api::SetPresenceRequest {
    const METHOD: &'static str = "simpang.agent.v1.Agent/SetPresence";

    fn head(&self) -> Head<'_> {
        about_none(&self.desk, &self.request_id)
    }

    fn body(self) -> Result<Body, Invalid> {
        check::chars("reason", &self.reason, 0, 100)?;
        let presence = check::named::<api::Presence>("presence", self.presence)?;
        let limit = self.limit.map(session_limit).transpose()?;
        Ok(Body::SetPresence(log::SetPresence { presence, reason: self.reason, auto: self.auto, limit }))
    }
}

/// A limit of the agent's own, checked.
fn session_limit(limit: api::SessionLimit) -> Result<log::SessionLimit, Invalid> {
    let within = |field: &str, count: u32| match count {
        0..=CASES_MAX => Ok(()),
        _ => Err(Invalid::new(field, format!("has to be 0 to {CASES_MAX}, not {count}"))),
    };
    within("limit.total", limit.total.unwrap_or_default())?;
    let mut channels = Vec::with_capacity(limit.channels.len());
    for of in limit.channels {
        let channel = check::named::<api::Channel>("limit.channels.channel", of.channel)?;
        within("limit.channels.limit", of.limit)?;
        channels.push(log::Capacity { channel, limit: of.limit });
    }
    channels.sort_by_key(|of| of.channel);
    check::once("limit.channels", channels.iter().map(|of| of.channel().as_str_name()))?;
    Ok(log::SessionLimit { total: limit.total, channels })
}

impl Ask for api::PullRequest {
    const METHOD: &'static str = "simpang.agent.v1.Agent/Pull";

    fn head(&self) -> Head<'_> {
        about_none(&self.desk, &self.request_id)
    }

    fn body(self) -> Result<Body, Invalid> {
        if !(1..=100).contains(&self.count) {
            return Err(Invalid::new("count", format!("has to be 1 to 100, not {}", self.count)));
        }
        if !(0..=WAIT_MS_MAX).contains(&self.wait_ms) {
            return Err(Invalid::new(
                "wait_ms",
                format!("has to be 0 to {WAIT_MS_MAX}, not {}", self.wait_ms),
            ));
        }
        check::count("queues", self.queues.len(), 0, LIST_MAX)?;
        self.queues.iter().try_for_each(|queue| check::chars("queues", queue, 1, 64))?;
        Ok(Body::Pull(log::Pull { count: self.count, wait_ms: self.wait_ms, queues: self.queues }))
    }
}

impl Ask for api::CancelPullRequest {
    const METHOD: &'static str = "simpang.agent.v1.Agent/CancelPull";

    fn head(&self) -> Head<'_> {
        about_none(&self.desk, &self.request_id)
    }

    fn body(self) -> Result<Body, Invalid> {
        let pull = self.pull.unwrap_or_default();
        Ok(Body::CancelPull(log::CancelPull { pull: Some(InputId { seq: pull.seq, index: pull.index }) }))
    }
}
