//! What a gateway does for its sessions without being asked: signs of life, the end of sessions that nobody uses,
//! and the end of pulls that nobody watches any more.

use std::collections::BTreeSet;
use std::sync::Arc;

use simpang_domain::words::Name;
use simpang_log::{AppendError, Place};
use simpang_proto::log::v1::{self as log, command};
use simpang_wire::key::Purpose;
use tokio::time::Instant;
use tracing::{info, warn};

use super::{Follower, Watching, input_id, place_of};
use crate::metric;

/// A gateway's sign of life.
pub(super) fn heartbeat(gateway: &str, began: bool) -> log::Input {
    let heartbeat = log::Heartbeat { gateway: gateway.to_owned(), began };
    log::Input { body: Some(log::input::Body::Heartbeat(heartbeat)), ..log::Input::default() }
}

impl Follower {
    /// Every so often: a sign of life while this gateway has sessions, and the end of those that are idle.
    pub(super) async fn keep_sessions(self: Arc<Self>) {
        let options = &self.context.options;
        let mut beat = tokio::time::interval(options.heartbeat);
        beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        // The first tick is at once, when there is no session yet.
        beat.tick().await;
        loop {
            tokio::select! {
                biased;
                () = self.context.stop.cancelled() => return,
                _ = beat.tick() => {}
            }
            let sessions = self.own_sessions();
            metrics::gauge!(metric::SESSIONS, "desk" => self.desk().to_string()).set(sessions.len() as f64);
            if !sessions.is_empty() {
                self.send(heartbeat(&options.instance, false), "heartbeat").await;
            }
            for (agent, session) in &self.idle(sessions) {
                info!(desk = %self.desk(), %agent, "ends a session that nobody uses");
                self.send(self.sign_out(agent, session), "sign-out of an idle session").await;
            }
        }
    }

    async fn send(&self, input: log::Input, what: &str) {
        let sent = tokio::time::timeout(self.context.options.heartbeat, self.append(input)).await;
        match sent {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.not_sent(what, &error),
            Err(_) => self.not_sent(what, &AppendError::Unknown("no answer in time".into())),
        }
    }

    fn not_sent(&self, what: &str, error: &AppendError) {
        warn!(desk = %self.desk(), %error, "could not write a {what}, will try again with the next");
    }

    /// Agents with a session of this gateway, and the session.
    fn own_sessions(&self) -> Vec<(Name, String)> {
        let own = |session: &super::board::Session| session.gateway == self.context.options.instance;
        let inner = self.inner();
        let sessions = inner.board.agents().filter_map(|(id, agent)| {
            agent
                .session
                .as_ref()
                .filter(|session| own(session))
                .map(|session| (id.clone(), session.id.clone()))
        });
        sessions.collect()
    }

    /// Those without a stream and without a command for the idle time.
    fn idle(&self, sessions: Vec<(Name, String)>) -> Vec<(Name, String)> {
        let now = Instant::now();
        let idle = self.context.options.idle;
        let mut inner = self.inner();
        let mut ended = Vec::new();
        for (agent, session) in sessions {
            if inner.watchers.watches(&agent) {
                inner.heard.insert(agent.to_string(), now);
                continue;
            }
            let heard = *inner.heard.entry(agent.to_string()).or_insert(now);
            if now.duration_since(heard) >= idle {
                ended.push((agent, session));
            }
        }
        ended
    }

    /// Notes that an agent asked something.
    pub(crate) fn hear(&self, agent: &str) {
        self.inner().heard.insert(agent.to_owned(), Instant::now());
    }

    fn sign_out(&self, agent: &str, session: &str) -> log::Input {
        let key = [self.desk().as_str().as_bytes(), b"idle", agent.as_bytes(), session.as_bytes()];
        let body = command::Body::SignOut(log::SignOut { session: session.to_owned() });
        self.own_command(agent, &key, body)
    }

    /// Closes a stream. When it was the agent's last, a pull of theirs that waits is cancelled, and so is one that
    /// brought a case which the client can't have seen (`unseen`): the core takes back what nobody has touched.
    pub(crate) fn close_stream(self: &Arc<Self>, watching: &Watching, unseen: &[u64]) {
        for pull in self.unwatched(watching, unseen) {
            let input = self.cancel_pull(&watching.agent, pull);
            let follower = Arc::clone(self);
            let cancel = async move { follower.send(input, "cancellation of a pull").await };
            // Streams are dropped without a runtime only when the process ends, and its sessions with it.
            if let Ok(runtime) = tokio::runtime::Handle::try_current() {
                self.context.tasks.spawn_on(cancel, &runtime);
            }
        }
    }

    /// The pulls that end with a stream.
    fn unwatched(&self, watching: &Watching, unseen: &[u64]) -> BTreeSet<Place> {
        let mut inner = self.inner();
        inner.watchers.close(&watching.agent, watching.id);
        if inner.watchers.watches(&watching.agent) {
            return BTreeSet::new();
        }
        let Some(agent) = inner.board.agent(&watching.agent) else { return BTreeSet::new() };
        let waiting = agent.pull().and_then(|waiting| waiting.pull);
        let waiting = waiting.map(|pull| Place { seq: pull.seq, index: pull.index });
        let crossed = unseen.iter().filter_map(|case| agent.brought_by(*case)).map(place_of);
        waiting.into_iter().chain(crossed).collect()
    }

    fn cancel_pull(&self, agent: &str, pull: Place) -> log::Input {
        let place = [pull.seq.to_be_bytes().as_slice(), &pull.index.to_be_bytes()].concat();
        let key = [self.desk().as_str().as_bytes(), b"unwatched", agent.as_bytes(), &place];
        let body = command::Body::CancelPull(log::CancelPull { pull: Some(input_id(pull)) });
        self.own_command(agent, &key, body)
    }

    /// A command in an agent's name that the agent did not send; its key can't be that of one they send.
    fn own_command(&self, agent: &str, key: &[&[u8]], body: command::Body) -> log::Input {
        let command =
            log::Command { principal: agent.to_owned(), body: Some(body), ..log::Command::default() };
        let key = self.context.options.keyer.key(Purpose::Idempotency, key);
        log::Input {
            key: key.to_vec().into(),
            traceparent: String::new(),
            body: Some(log::input::Body::Command(command)),
        }
    }
}
