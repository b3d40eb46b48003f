//! Who is told of a case they do not hold: who is on duty, and who follows it to its end.

use simpang_domain::words::Name;
use simpang_proto::agent::v1 as api;
use simpang_proto::agent::v1::watch_response::Change as What;
use simpang_proto::log::v1 as log;
use simpang_proto::log::v1::event::Body;

use super::{Board, Change};

impl Board {
    /// What an event means to those who are on duty or follow a case. The case has taken it in already.
    pub(super) fn apply_to_followers(&mut self, event: &log::Event, body: &Body, changes: &mut Vec<Change>) {
        let at_ms = event.at_ms;
        match body {
            Body::DutyCalled(called) => self.called(called, at_ms, changes),
            Body::CaseFollowed(followed) => {
                self.follow(followed.case, &followed.agent, true);
                let agent = self.words.one(&followed.agent);
                let change = What::Followed(self.followed(followed.case));
                changes.push(Change { agent, at_ms, change });
            }
            Body::CaseUnfollowed(left) => {
                self.follow(left.case, &left.agent, false);
                let agent = self.words.one(&left.agent);
                let change = What::Unfollowed(api::Unfollowed { case: left.case, closed: false });
                changes.push(Change { agent, at_ms, change });
            }
            Body::CaseClosed(closed) => self.unfollow_all(closed.case, at_ms, changes),
            _ => {
                if let Some(case) = moved(body).filter(|case| self.is_followed(*case)) {
                    self.moved.push(case);
                }
            }
        }
    }

    fn called(&self, called: &log::DutyCalled, at_ms: i64, changes: &mut Vec<Change>) {
        for on in &called.called {
            let notice = api::Notice {
                case: called.case,
                group: called.group.clone(),
                shift: on.shift.clone(),
                summary: self.summary(called.case),
            };
            changes.push(Change { agent: on.agent.as_str().into(), at_ms, change: What::Notice(notice) });
        }
    }

    fn follow(&mut self, case: u64, agent: &str, begins: bool) {
        let (id, state) = self.agent_mut(agent);
        if begins {
            state.following.insert(case);
        } else {
            state.following.remove(&case);
        }
        let Some(case) = self.cases.get_mut(&case) else { return };
        if begins {
            case.followers.insert(id);
        } else {
            case.followers.remove(&id);
        }
    }

    fn unfollow_all(&mut self, id: u64, at_ms: i64, changes: &mut Vec<Change>) {
        let followers = self.cases.get_mut(&id).map(|case| std::mem::take(&mut case.followers));
        for agent in followers.unwrap_or_default() {
            if let Some(state) = self.agents.get_mut(&agent) {
                state.following.remove(&id);
            }
            let change = What::Unfollowed(api::Unfollowed { case: id, closed: true });
            changes.push(Change { agent, at_ms, change });
        }
    }

    fn is_followed(&self, case: u64) -> bool {
        self.cases.get(&case).is_some_and(|case| !case.followers.is_empty())
    }

    /// One update for each follower of a case on which anything happened, whatever the number of its events.
    pub(super) fn updates_of_followed(&mut self, at_ms: i64, changes: &mut Vec<Change>) {
        let mut moved = std::mem::take(&mut self.moved);
        moved.sort_unstable();
        moved.dedup();
        for id in moved {
            let followers: Vec<Name> =
                self.cases.get(&id).map(|case| case.followers.iter().cloned().collect()).unwrap_or_default();
            for agent in followers {
                let change = What::FollowedUpdate(self.followed(id));
                changes.push(Change { agent, at_ms, change });
            }
        }
    }

    /// A case that somebody follows, as it stands.
    pub(super) fn followed(&self, case: u64) -> api::FollowedCase {
        let holder = self.cases.get(&case).and_then(|case| case.holder.as_deref()).unwrap_or_default();
        api::FollowedCase { case, summary: self.summary(case), holder: holder.to_owned() }
    }
}

/// The case of an event that those who follow it want to know of.
fn moved(body: &Body) -> Option<u64> {
    match body {
        Body::MessageJoined(event) => Some(event.case),
        Body::CaseCategorised(event) => Some(event.case),
        Body::CaseClassified(event) => Some(event.case),
        Body::CaseQueued(event) => Some(event.case),
        Body::CaseAssigned(event) => Some(event.case),
        Body::CaseUnassigned(event) => Some(event.case),
        Body::CaseParked(event) => Some(event.case),
        Body::CaseResumed(event) => Some(event.case),
        Body::CaseScheduled(event) => Some(event.case),
        Body::CaseResolved(event) => Some(event.case),
        Body::CaseReopened(event) => Some(event.case),
        Body::CaseEscalated(event) => Some(event.case),
        Body::NoteAdded(event) => Some(event.case),
        Body::ReferenceLinked(event) => Some(event.case),
        Body::FaultReported(event) => Some(event.case),
        Body::FaultEnded(event) => Some(event.case),
        Body::PriorityChanged(event) => Some(event.case),
        Body::DeliveryEnded(event) => Some(event.case),
        Body::DispositionRecorded(event) => Some(event.case),
        Body::SlaWarned(event) => Some(event.case),
        Body::SlaBreached(event) => Some(event.case),
        _ => None,
    }
}
