//! `simpang.admin.v1`: desks, their policy, their agents, and the customers all desks share.

use std::sync::Arc;

use simpang_proto::admin::v1 as api;
use simpang_proto::admin::v1::admin_server::Admin;
use tonic::{Request, Response, Status};

use crate::command::Commands;

mod agents;
mod customers;
mod desks;
mod policy;

type Answer<T> = Result<Response<T>, Status>;

/// The service of administrators.
#[derive(Debug, Clone)]
pub struct AdminApi {
    commands: Arc<Commands>,
}

impl AdminApi {
    pub(crate) fn new(commands: Arc<Commands>) -> Self {
        Self { commands }
    }
}

#[tonic::async_trait]
impl Admin for AdminApi {
    async fn check_policy(
        &self,
        request: Request<api::CheckPolicyRequest>,
    ) -> Answer<api::CheckPolicyResponse> {
        self.commands.measured(policy::CHECK, self.check(request)).await.map(Response::new)
    }

    async fn apply_policy(
        &self,
        request: Request<api::ApplyPolicyRequest>,
    ) -> Answer<api::ApplyPolicyResponse> {
        self.commands.measured(policy::APPLY, self.apply(request)).await.map(Response::new)
    }

    async fn upsert_agents(
        &self,
        request: Request<api::UpsertAgentsRequest>,
    ) -> Answer<api::UpsertAgentsResponse> {
        self.commands.measured(agents::UPSERT, self.agents(request)).await.map(Response::new)
    }

    async fn upsert_customers(
        &self,
        request: Request<api::UpsertCustomersRequest>,
    ) -> Answer<api::UpsertCustomersResponse> {
        self.commands.measured(customers::UPSERT, self.customers(request)).await.map(Response::new)
    }

    async fn create_desk(&self, request: Request<api::CreateDeskRequest>) -> Answer<api::CreateDeskResponse> {
        self.commands.measured(desks::CREATE, self.create(request)).await.map(Response::new)
    }

    async fn list_desks(&self, request: Request<api::ListDesksRequest>) -> Answer<api::ListDesksResponse> {
        self.commands.measured(desks::LIST, self.list(request)).await.map(Response::new)
    }

    async fn get_desk(&self, request: Request<api::GetDeskRequest>) -> Answer<api::GetDeskResponse> {
        self.commands.measured(desks::GET, self.desk(request)).await.map(Response::new)
    }
}
