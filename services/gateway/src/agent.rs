//! `simpang.agent.v1`: agents at work. Each method names what it asks and what its answer shows; the rest is
//! [`crate::command`].

use std::sync::Arc;

use simpang_proto::agent::v1 as api;
use simpang_proto::agent::v1::agent_server::Agent;
use tonic::{Request, Response, Status};

use crate::command::{Ask, Commands};
use crate::forms::Forms;

mod answer;
mod bulk;
mod case;
mod fault;
mod talk;
mod watch;
mod work;

use watch::WorkStream;

type Answer<T> = Result<Response<T>, Status>;

/// The service of agents and leads.
#[derive(Debug, Clone)]
pub struct AgentApi {
    commands: Arc<Commands>,
    forms: Arc<Forms>,
}

impl AgentApi {
    pub(crate) fn new(commands: Arc<Commands>) -> Self {
        Self { commands, forms: Arc::default() }
    }

    /// A command whose answer says no more than that it was done.
    async fn done<R: Ask>(&self, request: Request<R>) -> Answer<api::CommandResponse> {
        let done = self.commands.command(request).await?;
        Ok(Response::new(answer::done(&done)))
    }

    /// A command that brings the agent a case.
    async fn taken<R: Ask>(&self, request: Request<R>) -> Answer<api::TakenResponse> {
        let done = self.commands.command(request).await?;
        Ok(Response::new(answer::taken(&done)))
    }
}

#[tonic::async_trait]
impl Agent for AgentApi {
    type WatchStream = WorkStream;

    async fn sign_in(&self, request: Request<api::SignInRequest>) -> Answer<api::SignInResponse> {
        let done = self.commands.command(request).await?;
        Ok(Response::new(answer::signed_in(&done)))
    }

    async fn sign_out(&self, request: Request<api::SignOutRequest>) -> Answer<api::CommandResponse> {
        self.done(request).await
    }

    async fn set_presence(&self, request: Request<api::SetPresenceRequest>) -> Answer<api::CommandResponse> {
        self.done(request).await
    }

    async fn pull(&self, request: Request<api::PullRequest>) -> Answer<api::PullResponse> {
        let done = self.commands.command(request).await?;
        Ok(Response::new(answer::pulled(&done)))
    }

    async fn cancel_pull(&self, request: Request<api::CancelPullRequest>) -> Answer<api::CommandResponse> {
        self.done(request).await
    }

    async fn watch(&self, request: Request<api::WatchRequest>) -> Answer<WorkStream> {
        self.open_watch(request).await.map(Response::new)
    }

    async fn get_work(&self, request: Request<api::GetWorkRequest>) -> Answer<api::GetWorkResponse> {
        self.work_now(request).await.map(Response::new)
    }

    async fn get_forms(&self, request: Request<api::GetFormsRequest>) -> Answer<api::GetFormsResponse> {
        self.forms.get(&self.commands, request).await.map(Response::new)
    }

    async fn accept(&self, request: Request<api::AcceptRequest>) -> Answer<api::TakenResponse> {
        self.taken(request).await
    }

    async fn decline(&self, request: Request<api::DeclineRequest>) -> Answer<api::CommandResponse> {
        self.done(request).await
    }

    async fn classify(&self, request: Request<api::ClassifyRequest>) -> Answer<api::CommandResponse> {
        self.done(request).await
    }

    async fn identify(&self, request: Request<api::IdentifyRequest>) -> Answer<api::CommandResponse> {
        self.done(request).await
    }

    async fn add_note(&self, request: Request<api::AddNoteRequest>) -> Answer<api::CommandResponse> {
        self.done(request).await
    }

    async fn reply(&self, request: Request<api::ReplyRequest>) -> Answer<api::CommandResponse> {
        self.done(request).await
    }

    async fn dispose(&self, request: Request<api::DisposeRequest>) -> Answer<api::CommandResponse> {
        self.done(request).await
    }

    async fn schedule(&self, request: Request<api::ScheduleRequest>) -> Answer<api::CommandResponse> {
        self.done(request).await
    }

    async fn wait(&self, request: Request<api::WaitRequest>) -> Answer<api::CommandResponse> {
        self.done(request).await
    }

    async fn escalate(&self, request: Request<api::EscalateRequest>) -> Answer<api::CommandResponse> {
        self.done(request).await
    }

    async fn transfer(&self, request: Request<api::TransferRequest>) -> Answer<api::CommandResponse> {
        self.done(request).await
    }

    async fn take_over(&self, request: Request<api::TakeOverRequest>) -> Answer<api::TakenResponse> {
        self.taken(request).await
    }

    async fn merge(&self, request: Request<api::MergeRequest>) -> Answer<api::CommandResponse> {
        self.done(request).await
    }

    async fn split(&self, request: Request<api::SplitRequest>) -> Answer<api::CommandResponse> {
        self.done(request).await
    }

    async fn mark_spam(&self, request: Request<api::MarkSpamRequest>) -> Answer<api::CommandResponse> {
        self.done(request).await
    }

    async fn resolve(&self, request: Request<api::ResolveRequest>) -> Answer<api::CommandResponse> {
        self.done(request).await
    }

    async fn reopen(&self, request: Request<api::ReopenRequest>) -> Answer<api::CommandResponse> {
        self.done(request).await
    }

    async fn close(&self, request: Request<api::CloseRequest>) -> Answer<api::CommandResponse> {
        self.done(request).await
    }

    async fn link_reference(
        &self,
        request: Request<api::LinkReferenceRequest>,
    ) -> Answer<api::CommandResponse> {
        self.done(request).await
    }

    async fn report_fault(&self, request: Request<api::ReportFaultRequest>) -> Answer<api::CommandResponse> {
        self.done(request).await
    }

    async fn set_priority(&self, request: Request<api::SetPriorityRequest>) -> Answer<api::CommandResponse> {
        self.done(request).await
    }

    async fn release(&self, request: Request<api::ReleaseRequest>) -> Answer<api::CommandResponse> {
        self.done(request).await
    }

    async fn follow(&self, request: Request<api::FollowRequest>) -> Answer<api::CommandResponse> {
        self.done(request).await
    }

    async fn unfollow(&self, request: Request<api::UnfollowRequest>) -> Answer<api::CommandResponse> {
        self.done(request).await
    }

    async fn bulk(&self, request: Request<api::BulkRequest>) -> Answer<api::BulkResponse> {
        self.many(request).await.map(Response::new)
    }
}
