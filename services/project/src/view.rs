//! `simpang.view.v1.View`.

use std::sync::Arc;

use futures_util::stream::BoxStream;
use simpang_channels::email::html;
use simpang_log::DeskName;
use simpang_proto::view::v1 as api;
use simpang_proto::view::v1::view_server::View;
use simpang_views::read::Person;
use tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status};

use crate::calls::Calls;
use crate::{attachment, rebuild, watch};

/// Serves the views of all desks.
#[derive(Debug)]
pub struct ViewService {
    calls: Arc<Calls>,
}

type Answer<T> = Result<Response<T>, Status>;

impl ViewService {
    pub(crate) fn new(calls: Arc<Calls>) -> Self {
        Self { calls }
    }

    /// The desk a request names, once the caller may ask this of it; and the request.
    async fn enter<T>(
        &self,
        method: &str,
        request: Request<T>,
        names: impl Fn(&T) -> (&String, u64),
    ) -> Result<(Arc<crate::desk::Desk>, T), Status> {
        let (metadata, _, request) = request.into_parts();
        let method = format!("simpang.view.v1.View/{method}");
        let (desk, at_least) = names(&request);
        let desk = self.calls.desk(&metadata, &method, desk, at_least).await?;
        Ok((desk, request))
    }

    /// The key of the address that a history is asked for; none when none is.
    fn author(&self, request: &api::CustomerHistoryRequest) -> Result<Option<[u8; 16]>, Status> {
        if request.address.is_empty() {
            return Ok(None);
        }
        let channel = match request.channel() {
            api::Channel::Unspecified => {
                return Err(Status::invalid_argument("channel: say on which channel `address` is"));
            }
            api::Channel::Email => "email",
            api::Channel::X => "x",
            api::Channel::Facebook => "facebook",
            api::Channel::Call => "call",
            api::Channel::Other => "other",
        };
        Ok(Some(self.calls.keyer.person(channel, &request.address)))
    }

    /// What other desks had with a person, of those that the caller may read.
    async fn elsewhere(
        &self,
        metadata: &MetadataMap,
        here: &DeskName,
        person: &Person,
        limit: u32,
        answer: &mut api::CustomerHistoryResponse,
    ) {
        let mut names: Vec<DeskName> = self.calls.all().iter().map(|desk| desk.name.clone()).collect();
        names.retain(|name| name != here);
        names.sort();
        for name in names {
            match self.there(metadata, &name, person, limit).await {
                Ok(history) if history.cases.is_empty() => {}
                Ok(history) => answer.elsewhere.push(history),
                Err(_) => answer.unread.push(name.to_string()),
            }
        }
    }

    async fn there(
        &self,
        metadata: &MetadataMap,
        name: &DeskName,
        person: &Person,
        limit: u32,
    ) -> Result<api::DeskHistory, Status> {
        let method = "simpang.view.v1.View/CustomerHistory";
        let desk = self.calls.desk(metadata, method, name.as_str(), 0).await?;
        let (name, person) = (name.to_string(), person.clone());
        let read = desk.read(0, move |snapshot| {
            let cases = snapshot.history_of(&person, limit)?;
            Ok(api::DeskHistory { desk: name, position: snapshot.position()?, cases })
        });
        read.await
    }
}

#[tonic::async_trait]
impl View for ViewService {
    type GetAttachmentStream = BoxStream<'static, Result<api::GetAttachmentResponse, Status>>;
    type RebuildStream = ReceiverStream<Result<api::RebuildResponse, Status>>;
    type WatchStream = ReceiverStream<Result<api::WatchResponse, Status>>;

    async fn get_case(&self, request: Request<api::GetCaseRequest>) -> Answer<api::GetCaseResponse> {
        let (desk, asked) = self.enter("GetCase", request, |r| (&r.desk, r.at_least)).await?;
        let read = desk.read(asked.at_least, move |snapshot| {
            let case = snapshot.case(asked.case)?;
            let summary = case.as_ref().and_then(|case| case.summary.as_ref());
            let customer = match summary.map(|summary| summary.customer.as_str()) {
                None | Some("") => None,
                Some(id) => snapshot.customer(id)?,
            };
            Ok(api::GetCaseResponse { position: snapshot.position()?, case, customer })
        });
        let answer = read.await?;
        match &answer.case {
            Some(_) => Ok(Response::new(answer)),
            None => Err(Status::not_found(format!("case: desk {} has no case {}", asked.desk, asked.case))),
        }
    }

    async fn get_attachment(
        &self,
        request: Request<api::GetAttachmentRequest>,
    ) -> Answer<Self::GetAttachmentStream> {
        let (desk, asked) = self.enter("GetAttachment", request, |r| (&r.desk, r.at_least)).await?;
        let file = attachment::find(&desk, asked, self.calls.store.as_ref()).await?;
        Ok(Response::new(Box::pin(file)))
    }

    async fn get_html(&self, request: Request<api::GetHtmlRequest>) -> Answer<api::GetHtmlResponse> {
        let (desk, asked) = self.enter("GetHtml", request, |r| (&r.desk, r.at_least)).await?;
        let (case, part) = (asked.case, asked.part);
        let message = asked.message.map(|place| (place.seq, place.index, part));
        let read = desk.read(asked.at_least, move |snapshot| {
            Ok((snapshot.position()?, snapshot.html_as_received(case, message)?))
        });
        let (position, html) = read.await?;
        let html = html.ok_or_else(|| {
            Status::not_found(format!(
                "message: case {case} has none there with HTML; GetCase shows its text"
            ))
        })?;
        Ok(Response::new(api::GetHtmlResponse { position, html: html::sanitised(&html) }))
    }

    async fn list_cases(&self, request: Request<api::ListCasesRequest>) -> Answer<api::ListCasesResponse> {
        let (desk, asked) = self.enter("ListCases", request, |r| (&r.desk, r.at_least)).await?;
        desk.read(asked.at_least, move |snapshot| snapshot.list_cases(&asked)).await.map(Response::new)
    }

    async fn search(&self, request: Request<api::SearchRequest>) -> Answer<api::SearchResponse> {
        let (desk, asked) = self.enter("Search", request, |r| (&r.desk, r.at_least)).await?;
        desk.read(asked.at_least, move |snapshot| snapshot.search(&asked.query, asked.limit))
            .await
            .map(Response::new)
    }

    async fn customer_history(
        &self,
        request: Request<api::CustomerHistoryRequest>,
    ) -> Answer<api::CustomerHistoryResponse> {
        let metadata = request.metadata().clone();
        let (desk, asked) = self.enter("CustomerHistory", request, |r| (&r.desk, r.at_least)).await?;
        let author = self.author(&asked)?;
        let (elsewhere, limit, at_least) = (asked.elsewhere, asked.limit, asked.at_least);
        let read = desk.read(at_least, move |snapshot| {
            let author = author.as_ref().map(|author| &author[..]);
            let answer = snapshot.customer_history(&asked, author)?;
            let person = snapshot.person(&asked, &answer, author)?;
            Ok((answer, person))
        });
        let (mut answer, person) = read.await?;
        if elsewhere {
            self.elsewhere(&metadata, &desk.name, &person, limit, &mut answer).await;
        }
        Ok(Response::new(answer))
    }

    async fn list_replies(
        &self,
        request: Request<api::ListRepliesRequest>,
    ) -> Answer<api::ListRepliesResponse> {
        let (desk, asked) = self.enter("ListReplies", request, |r| (&r.desk, r.at_least)).await?;
        desk.read(asked.at_least, move |snapshot| snapshot.list_replies(&asked)).await.map(Response::new)
    }

    async fn find_customers(
        &self,
        request: Request<api::FindCustomersRequest>,
    ) -> Answer<api::FindCustomersResponse> {
        let (desk, asked) = self.enter("FindCustomers", request, |r| (&r.desk, r.at_least)).await?;
        desk.read(asked.at_least, move |snapshot| snapshot.find_customers(&asked)).await.map(Response::new)
    }

    async fn sla_board(&self, request: Request<api::SlaBoardRequest>) -> Answer<api::SlaBoardResponse> {
        let (desk, asked) = self.enter("SlaBoard", request, |r| (&r.desk, r.at_least)).await?;
        desk.read(asked.at_least, move |snapshot| snapshot.sla_board(&asked)).await.map(Response::new)
    }

    async fn list_agents(&self, request: Request<api::ListAgentsRequest>) -> Answer<api::ListAgentsResponse> {
        let (desk, asked) = self.enter("ListAgents", request, |r| (&r.desk, r.at_least)).await?;
        desk.read(asked.at_least, move |snapshot| snapshot.list_agents(&asked)).await.map(Response::new)
    }

    async fn campaign_progress(
        &self,
        request: Request<api::CampaignProgressRequest>,
    ) -> Answer<api::CampaignProgressResponse> {
        let (desk, asked) = self.enter("CampaignProgress", request, |r| (&r.desk, r.at_least)).await?;
        desk.read(asked.at_least, move |snapshot| snapshot.campaign_progress(&asked.campaign))
            .await
            .map(Response::new)
    }

    async fn list_desks(&self, request: Request<api::ListDesksRequest>) -> Answer<api::ListDesksResponse> {
        let caller = self.calls.anywhere(request.metadata(), "simpang.view.v1.View/ListDesks")?;
        let mut desks = Vec::new();
        for desk in self.calls.all() {
            if caller.may_enter(desk.name.as_str()) {
                desks.push(how_far(&desk).await);
            }
        }
        Ok(Response::new(api::ListDesksResponse { desks }))
    }

    async fn rebuild(&self, request: Request<api::RebuildRequest>) -> Answer<Self::RebuildStream> {
        let (desk, _) = self.enter("Rebuild", request, |r| (&r.desk, 0)).await?;
        desk.at_least(0).await?;
        let (sender, receiver) = tokio::sync::mpsc::channel(4);
        self.calls.tasks.spawn(rebuild::run(desk, sender, self.calls.stop.clone()));
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn watch(&self, request: Request<api::WatchRequest>) -> Answer<Self::WatchStream> {
        let (desk, asked) = self.enter("Watch", request, |r| (&r.desk, r.at_least)).await?;
        watch::check(&asked)?;
        desk.at_least(asked.at_least).await?;
        let (sender, receiver) = tokio::sync::mpsc::channel(4);
        self.calls.tasks.spawn(watch::run(desk, asked, sender, self.calls.stop.clone()));
        Ok(Response::new(ReceiverStream::new(receiver)))
    }
}

/// A desk as the list of desks shows it: one that stands still or is not open says so instead of its numbers.
async fn how_far(desk: &crate::desk::Desk) -> api::Desk {
    let health = desk.health();
    let position = health.position.unwrap_or_default();
    let unread = api::Desk {
        desk: health.desk,
        position,
        broken: health.broken.unwrap_or_default(),
        ..api::Desk::default()
    };
    if health.position.is_none() || !unread.broken.is_empty() {
        return unread;
    }
    let mut shown = desk.read(0, |snapshot| snapshot.desk()).await.unwrap_or(unread);
    if let Ok(log) = desk.log() {
        let last = log.last_seq().await.unwrap_or(shown.position);
        shown.behind_records = last.saturating_sub(shown.position);
    }
    shown
}
