//! What commands about one case ask, those without a person's words.

use simpang_proto::agent::v1 as api;
use simpang_proto::log::v1::command::Body;
use simpang_proto::log::v1::{self as log, InputId};

use crate::check::{self, Invalid};
use crate::command::{Ask, Head};
use crate::facts::facts;

/// Messages that one split may take out.
const SPLIT_MAX: usize = 1_000;

pub(super) fn on_case<'a>(desk: &'a str, request_id: &'a str, case: u64, seen_messages: u32) -> Head<'a> {
    Head { desk, request_id, case: Some(case), seen_messages }
}

impl Ask for api::AcceptRequest {
    const METHOD: &'static str = "simpang.agent.v1.Agent/Accept";

    fn head(&self) -> Head<'_> {
        on_case(&self.desk, &self.request_id, self.case, 0)
    }

    fn body(self) -> Result<Body, Invalid> {
        Ok(Body::Accept(log::Accept {}))
    }
}

impl Ask for api::DeclineRequest {
    const METHOD: &'static str = "simpang.agent.v1.Agent/Decline";

    fn head(&self) -> Head<'_> {
        on_case(&self.desk, &self.request_id, self.case, 0)
    }

    fn body(self) -> Result<Body, Invalid> {
        check::chars("reason", &self.reason, 0, 200)?;
        Ok(Body::Decline(log::Decline { reason: self.reason }))
    }
}

impl Ask for api::ClassifyRequest {
    const METHOD: &'static str = "simpang.agent.v1.Agent/Classify";

    fn head(&self) -> Head<'_> {
        on_case(&self.desk, &self.request_id, self.case, self.seen_messages)
    }

    fn body(self) -> Result<Body, Invalid> {
        check::path("category", &self.category, 0)?;
        Ok(Body::Classify(log::Classify { category: self.category, facts: facts("facts", self.facts)? }))
    }
}

impl Ask for api::IdentifyRequest {
    const METHOD: &'static str = "simpang.agent.v1.Agent/Identify";

    fn head(&self) -> Head<'_> {
        on_case(&self.desk, &self.request_id, self.case, self.seen_messages)
    }

    fn body(self) -> Result<Body, Invalid> {
        check::chars("customer", &self.customer, 0, 64)?;
        check::chars("segment", &self.segment, 0, 64)?;
        check::chars("profession", &self.profession, 0, 64)?;
        let described = !self.segment.is_empty() || !self.profession.is_empty() || !self.facts.is_empty();
        match (self.customer.is_empty(), described) {
            (true, false) => {
                return Err(Invalid::new("customer", "is missing, and `segment` as well: set one"));
            }
            (false, true) => {
                let reason =
                    "is set, so `segment`, `profession` and `facts` are the directory's: leave them empty";
                return Err(Invalid::new("customer", reason));
            }
            _ => {}
        }
        let customer = log::Customer {
            id: self.customer,
            segment: self.segment,
            profession: self.profession,
            facts: facts("facts", self.facts)?,
        };
        Ok(Body::Identify(log::Identify { customer: Some(customer) }))
    }
}

impl Ask for api::ScheduleRequest {
    const METHOD: &'static str = "simpang.agent.v1.Agent/Schedule";

    fn head(&self) -> Head<'_> {
        on_case(&self.desk, &self.request_id, self.case, self.seen_messages)
    }

    fn body(self) -> Result<Body, Invalid> {
        if self.at_ms <= 0 {
            return Err(Invalid::new("at_ms", "has to be a time, in ms since 1970 UTC"));
        }
        Ok(Body::Schedule(log::Schedule { at_ms: self.at_ms, keep_owner: self.keep_owner }))
    }
}

impl Ask for api::WaitRequest {
    const METHOD: &'static str = "simpang.agent.v1.Agent/Wait";

    fn head(&self) -> Head<'_> {
        on_case(&self.desk, &self.request_id, self.case, self.seen_messages)
    }

    fn body(self) -> Result<Body, Invalid> {
        Ok(Body::Wait(log::Wait { on: check::named::<api::WaitingOn>("on", self.on)? }))
    }
}

impl Ask for api::TakeOverRequest {
    const METHOD: &'static str = "simpang.agent.v1.Agent/TakeOver";

    fn head(&self) -> Head<'_> {
        on_case(&self.desk, &self.request_id, self.case, self.seen_messages)
    }

    fn body(self) -> Result<Body, Invalid> {
        Ok(Body::TakeOver(log::TakeOver {}))
    }
}

impl Ask for api::MergeRequest {
    const METHOD: &'static str = "simpang.agent.v1.Agent/Merge";

    fn head(&self) -> Head<'_> {
        on_case(&self.desk, &self.request_id, self.case, self.seen_messages)
    }

    fn body(self) -> Result<Body, Invalid> {
        match self.into {
            0 => Err(Invalid::new("into", "is missing: name the case that goes on")),
            into if into == self.case => Err(Invalid::new("into", "has to be another case than `case`")),
            into => Ok(Body::Merge(log::Merge { into })),
        }
    }
}

impl Ask for api::SplitRequest {
    const METHOD: &'static str = "simpang.agent.v1.Agent/Split";

    fn head(&self) -> Head<'_> {
        on_case(&self.desk, &self.request_id, self.case, self.seen_messages)
    }

    fn body(self) -> Result<Body, Invalid> {
        check::count("messages", self.messages.len(), 1, SPLIT_MAX)?;
        let messages = self.messages.iter().map(|id| InputId { seq: id.seq, index: id.index }).collect();
        Ok(Body::Split(log::Split { messages }))
    }
}

impl Ask for api::MarkSpamRequest {
    const METHOD: &'static str = "simpang.agent.v1.Agent/MarkSpam";

    fn head(&self) -> Head<'_> {
        on_case(&self.desk, &self.request_id, self.case, self.seen_messages)
    }

    fn body(self) -> Result<Body, Invalid> {
        Ok(Body::MarkSpam(log::MarkSpam {}))
    }
}

impl Ask for api::ResolveRequest {
    const METHOD: &'static str = "simpang.agent.v1.Agent/Resolve";

    fn head(&self) -> Head<'_> {
        on_case(&self.desk, &self.request_id, self.case, self.seen_messages)
    }

    fn body(self) -> Result<Body, Invalid> {
        check::chars("outcome", &self.outcome, 0, 200)?;
        Ok(Body::Resolve(log::Resolve { outcome: self.outcome }))
    }
}

impl Ask for api::ReopenRequest {
    const METHOD: &'static str = "simpang.agent.v1.Agent/Reopen";

    fn head(&self) -> Head<'_> {
        on_case(&self.desk, &self.request_id, self.case, 0)
    }

    fn body(self) -> Result<Body, Invalid> {
        Ok(Body::Reopen(log::Reopen {}))
    }
}

impl Ask for api::CloseRequest {
    const METHOD: &'static str = "simpang.agent.v1.Agent/Close";

    fn head(&self) -> Head<'_> {
        on_case(&self.desk, &self.request_id, self.case, self.seen_messages)
    }

    fn body(self) -> Result<Body, Invalid> {
        Ok(Body::Close(log::Close {}))
    }
}

impl Ask for api::LinkReferenceRequest {
    const METHOD: &'static str = "simpang.agent.v1.Agent/LinkReference";

    fn head(&self) -> Head<'_> {
        on_case(&self.desk, &self.request_id, self.case, 0)
    }

    fn body(self) -> Result<Body, Invalid> {
        check::chars("system", &self.system, 1, 64)?;
        check::chars("number", &self.number, 1, 200)?;
        check::chars("status", &self.status, 0, 200)?;
        let reference = log::LinkReference { system: self.system, number: self.number, status: self.status };
        Ok(Body::LinkReference(reference))
    }
}

impl Ask for api::SetPriorityRequest {
    const METHOD: &'static str = "simpang.agent.v1.Agent/SetPriority";

    fn head(&self) -> Head<'_> {
        on_case(&self.desk, &self.request_id, self.case, 0)
    }

    fn body(self) -> Result<Body, Invalid> {
        check::chars("priority", &self.priority, 1, 64)?;
        Ok(Body::SetPriority(log::SetPriority { priority: self.priority }))
    }
}

impl Ask for api::FollowRequest {
    const METHOD: &'static str = "simpang.agent.v1.Agent/Follow";

    fn head(&self) -> Head<'_> {
        on_case(&self.desk, &self.request_id, self.case, 0)
    }

    fn body(self) -> Result<Body, Invalid> {
        Ok(Body::Follow(log::Follow {}))
    }
}

impl Ask for api::UnfollowRequest {
    const METHOD: &'static str = "simpang.agent.v1.Agent/Unfollow";

    fn head(&self) -> Head<'_> {
        on_case(&self.desk, &self.request_id, self.case, 0)
    }

    fn body(self) -> Result<Body, Invalid> {
        Ok(Body::Unfollow(log::Unfollow {}))
    }
}

impl Ask for api::ReleaseRequest {
    const METHOD: &'static str = "simpang.agent.v1.Agent/Release";

    fn head(&self) -> Head<'_> {
        on_case(&self.desk, &self.request_id, self.case, 0)
    }

    fn body(self) -> Result<Body, Invalid> {
        Ok(Body::Release(log::Release {}))
    }
}
