//! The demo's agents: people with a token who work over gRPC.

use anyhow::{Context, Result};
use simpang_proto::agent::v1 as api;
use simpang_proto::agent::v1::fact::Value;
use simpang_proto::view::v1::{Case, GetCaseRequest, entry};

use crate::client::{Client, refused};
use crate::up::Whole;

/// An agent at work on a desk.
pub(crate) struct Hand {
    pub(crate) desk: &'static str,
    client: Client,
    /// Position of the last decision on this agent's commands, so that they read their own writes.
    position: u64,
}

fn id() -> String {
    uuid::Uuid::now_v7().to_string()
}

impl Hand {
    /// Signs an agent in, ready.
    pub(crate) async fn sign_in(whole: &Whole, name: &'static str, desk: &'static str) -> Result<Self> {
        let client = whole.client(name).await?;
        let request = api::SignInRequest { desk: desk.into(), request_id: id(), ready: true, auto: false };
        let answer = client.agent().sign_in(request).await.map_err(refused)?.into_inner();
        Ok(Self { desk, client, position: answer.position })
    }

    /// Pulls up to `count` cases, waiting a little for what is not there yet.
    pub(crate) async fn pull(&mut self, count: u32) -> Result<Vec<api::Assignment>> {
        let request = api::PullRequest {
            desk: self.desk.into(),
            request_id: id(),
            count,
            wait_ms: 0,
            queues: Vec::new(),
        };
        let answer = self.client.agent().pull(request).await.map_err(refused)?.into_inner();
        self.position = answer.position;
        Ok(answer.assignments)
    }

    /// The case as the ticket view shows it.
    pub(crate) async fn read(&self, case: u64) -> Result<Case> {
        let request = GetCaseRequest { desk: self.desk.into(), case, at_least: self.position };
        let answer = self.client.view().get_case(request).await.map_err(refused)?.into_inner();
        answer.case.context("the view has the case")
    }

    /// What the customer wrote last, in one line.
    pub(crate) async fn last_words(&self, case: u64) -> Result<String> {
        let case = self.read(case).await?;
        let last = case.conversation.iter().rev().find_map(|e| match &e.what {
            Some(entry::What::Message(message)) => Some(message.text.clone()),
            _ => None,
        });
        let text = last.unwrap_or_default();
        let words: String = text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(76).collect();
        Ok(words)
    }

    pub(crate) async fn classify(
        &mut self,
        case: u64,
        category: &[&str],
        facts: &[(&str, &str)],
    ) -> Result<()> {
        let facts = facts.iter().map(|(name, value)| api::Fact {
            name: (*name).into(),
            value: Some(match *value {
                "true" => Value::Flag(true),
                text => Value::Text(text.into()),
            }),
        });
        let request = api::ClassifyRequest {
            desk: self.desk.into(),
            request_id: id(),
            case,
            seen_messages: 0,
            category: category.iter().map(|c| (*c).into()).collect(),
            facts: facts.collect(),
        };
        self.position = self.client.agent().classify(request).await.map_err(refused)?.into_inner().position;
        Ok(())
    }

    pub(crate) async fn identify(&mut self, case: u64, segment: &str) -> Result<()> {
        let request = api::IdentifyRequest {
            desk: self.desk.into(),
            request_id: id(),
            case,
            segment: segment.into(),
            ..api::IdentifyRequest::default()
        };
        self.position = self.client.agent().identify(request).await.map_err(refused)?.into_inner().position;
        Ok(())
    }

    pub(crate) async fn link(&mut self, case: u64, system: &str, number: &str) -> Result<()> {
        let request = api::LinkReferenceRequest {
            desk: self.desk.into(),
            request_id: id(),
            case,
            system: system.into(),
            number: number.into(),
            status: "open".into(),
        };
        self.position =
            self.client.agent().link_reference(request).await.map_err(refused)?.into_inner().position;
        Ok(())
    }

    /// Reports a fault of a product; a refusal comes back as its words.
    pub(crate) async fn report_fault(
        &mut self,
        case: u64,
        product: &str,
        fields: &[(&str, &str)],
        choices: &[(&str, &str)],
    ) -> Result<Result<(), String>> {
        let all = |pairs: &[(&str, &str)]| {
            pairs
                .iter()
                .map(|(name, value)| api::Field { name: (*name).into(), value: (*value).into() })
                .collect()
        };
        let request = api::ReportFaultRequest {
            desk: self.desk.into(),
            request_id: id(),
            case,
            product: product.into(),
            fields: all(fields),
            choices: all(choices),
            ..api::ReportFaultRequest::default()
        };
        match self.client.agent().report_fault(request).await {
            Ok(answer) => {
                self.position = answer.into_inner().position;
                Ok(Ok(()))
            }
            Err(status) => Ok(Err(status.message().to_owned())),
        }
    }

    pub(crate) async fn reply(&mut self, case: u64, text: &str, resolve: bool) -> Result<()> {
        let request = api::ReplyRequest {
            desk: self.desk.into(),
            request_id: id(),
            case,
            kind: api::ReplyKind::Normal.into(),
            text: text.into(),
            resolve,
            ..api::ReplyRequest::default()
        };
        self.position = self.client.agent().reply(request).await.map_err(refused)?.into_inner().position;
        Ok(())
    }

    pub(crate) async fn resolve(&mut self, case: u64, outcome: &str) -> Result<()> {
        let request = api::ResolveRequest {
            desk: self.desk.into(),
            request_id: id(),
            case,
            outcome: outcome.into(),
            ..api::ResolveRequest::default()
        };
        self.position = self.client.agent().resolve(request).await.map_err(refused)?.into_inner().position;
        Ok(())
    }

    pub(crate) async fn spam(&mut self, case: u64) -> Result<()> {
        let request = api::MarkSpamRequest {
            desk: self.desk.into(),
            request_id: id(),
            case,
            ..api::MarkSpamRequest::default()
        };
        self.position = self.client.agent().mark_spam(request).await.map_err(refused)?.into_inner().position;
        Ok(())
    }

    pub(crate) async fn close(&mut self, case: u64) -> Result<()> {
        let request = api::CloseRequest {
            desk: self.desk.into(),
            request_id: id(),
            case,
            ..api::CloseRequest::default()
        };
        self.position = self.client.agent().close(request).await.map_err(refused)?.into_inner().position;
        Ok(())
    }

    /// Records a call's outcome; a refusal comes back as its words.
    pub(crate) async fn dispose(&mut self, case: u64, outcome: Outcome<'_>) -> Result<Result<(), String>> {
        let fields = outcome.fields.iter();
        let request = api::DisposeRequest {
            desk: self.desk.into(),
            request_id: id(),
            case,
            seen_messages: 0,
            path: outcome.path.iter().map(|label| (*label).into()).collect(),
            remark: outcome.remark.into(),
            fields: fields
                .map(|(name, value)| api::Field { name: (*name).into(), value: (*value).into() })
                .collect(),
            again_at_ms: outcome.again_at_ms,
            answered: outcome.answered.into(),
            dialled: 0,
        };
        match self.client.agent().dispose(request).await {
            Ok(answer) => {
                self.position = answer.into_inner().position;
                Ok(Ok(()))
            }
            Err(status) => Ok(Err(status.message().to_owned())),
        }
    }
}

/// A call's outcome.
pub(crate) struct Outcome<'a> {
    /// Labels of the campaign's tree, from its root.
    pub(crate) path: &'a [&'a str],
    pub(crate) fields: &'a [(&'a str, &'a str)],
    pub(crate) remark: &'a str,
    pub(crate) again_at_ms: i64,
    pub(crate) answered: api::Answered,
}
