//! The desks there are.

use simpang_proto::admin::v1 as api;
use simpang_proto::log::v1 as log;
use tonic::{Request, Status};

use super::AdminApi;
use crate::follower::Follower;
use crate::refusal;

pub(super) const CREATE: &str = "simpang.admin.v1.Admin/CreateDesk";
pub(super) const LIST: &str = "simpang.admin.v1.Admin/ListDesks";
pub(super) const GET: &str = "simpang.admin.v1.Admin/GetDesk";

impl AdminApi {
    pub(super) async fn create(
        &self,
        request: Request<api::CreateDeskRequest>,
    ) -> Result<api::CreateDeskResponse, Status> {
        let deadline = self.commands.context.deadline();
        self.commands.enter(request.metadata(), CREATE, &request.get_ref().desk)?;
        let follower = self.commands.desks.create(&request.get_ref().desk, deadline).await?;
        follower.reach(0, deadline).await?;
        Ok(api::CreateDeskResponse { desk: Some(glance(&follower)) })
    }

    pub(super) async fn list(
        &self,
        request: Request<api::ListDesksRequest>,
    ) -> Result<api::ListDesksResponse, Status> {
        let deadline = self.commands.context.deadline();
        let principal = self.commands.enter(request.metadata(), LIST, "")?;
        let names = tokio::time::timeout_at(deadline, self.commands.desks.names()).await;
        let names =
            names.map_err(|_| Status::unavailable("the log does not answer; send the same request again"))?;
        let names = names.map_err(|error| refusal::log(&error))?;
        let mut desks = Vec::with_capacity(names.len());
        for name in names.iter().filter(|name| principal.may_enter(name.as_str())) {
            // One desk in trouble must not hide the others.
            let desk = match self.commands.desks.get(name.as_str(), deadline).await {
                Ok(follower) => glance(&follower),
                Err(status) => api::Desk {
                    desk: name.to_string(),
                    trouble: status.message().to_owned(),
                    ..api::Desk::default()
                },
            };
            desks.push(desk);
        }
        Ok(api::ListDesksResponse { desks })
    }

    pub(super) async fn desk(
        &self,
        request: Request<api::GetDeskRequest>,
    ) -> Result<api::GetDeskResponse, Status> {
        let deadline = self.commands.context.deadline();
        let desk = &request.get_ref().desk;
        self.commands.enter(request.metadata(), GET, desk)?;
        let follower = self.commands.desks.get(desk, deadline).await?;
        follower.reach(0, deadline).await?;
        let record = self.commands.directory.desk(desk).unwrap_or_default();
        Ok(api::GetDeskResponse {
            desk: Some(glance(&follower)),
            accounts: record.accounts.into_iter().map(account).collect(),
            campaigns: record.campaigns,
            agents: agents(&follower),
        })
    }
}

/// A desk at a glance.
fn glance(follower: &Follower) -> api::Desk {
    let trouble = follower.trouble().unwrap_or_default();
    let inner = follower.inner();
    let (policy_version, policy_cites) = inner.board.policy();
    api::Desk {
        desk: follower.desk().to_string(),
        policy_version,
        policy_cites: policy_cites.to_owned(),
        position: inner.position(),
        router: inner.board.router().to_owned(),
        open_cases: inner.board.open_cases(),
        signed_in: inner.board.signed_in(),
        trouble,
    }
}

fn agents(follower: &Follower) -> Vec<api::AgentState> {
    let inner = follower.inner();
    let agents = inner.board.agents().map(|(id, agent)| api::AgentState {
        agent: id.to_string(),
        roles: agent.roles.iter().map(|role| i32::from(*role)).collect(),
        inactive: agent.inactive,
        signed_in: agent.session.is_some(),
        held: agent.held(),
    });
    agents.collect()
}

fn account(account: log::Account) -> api::Account {
    api::Account { channel: account.channel, account: account.account, aliases: account.aliases }
}
