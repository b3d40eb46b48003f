//! One command for many cases (M12). Each is an input of its own and decided for itself; they are appended together.

use prost::Message;
use simpang_proto::agent::v1 as api;
use simpang_proto::agent::v1::bulk_request::Action;
use simpang_proto::log::v1::{self as log, command};
use tonic::{Request, Status};

use super::{AgentApi, answer};
use crate::check::{self, Invalid};
use crate::command::{Ask, judge};
use crate::follower::{Decided, Follower};
use crate::refusal;

const METHOD: &str = "simpang.agent.v1.Agent/Bulk";
/// Cases in one request.
const ITEMS_MAX: usize = 500;
/// Bytes that one request may put on the log: as much as a few records.
const BYTES_MAX: usize = 4 * 1024 * 1024;

impl AgentApi {
    pub(super) async fn many(&self, request: Request<api::BulkRequest>) -> Result<api::BulkResponse, Status> {
        self.commands.measured(METHOD, self.ask_many(request)).await
    }

    async fn ask_many(&self, request: Request<api::BulkRequest>) -> Result<api::BulkResponse, Status> {
        let commands = &self.commands;
        let deadline = commands.context.deadline();
        let (metadata, _, request) = request.into_parts();
        let principal = commands.enter(&metadata, METHOD, &request.desk)?.name;
        let api::BulkRequest { desk, request_id, items, action } = request;
        check::request_id(&request_id)?;
        check_items(&items)?;
        let body = body(action)?;
        let follower = commands.desks.get(&desk, deadline).await?;
        follower.hear(&principal);
        let command =
            log::Command { principal: principal.clone(), body: Some(body), ..log::Command::default() };
        // What the gateway adds to a command depends on none of the cases.
        let complete = commands.complete(&desk, command, &[0; 16], deadline).await?;
        let inputs = items.iter().map(|item| {
            let key = commands.key(&[&desk, "command", &principal, &request_id, &item.case.to_string()]);
            commands.input(&metadata, key, about(complete.clone(), item))
        });
        let inputs: Vec<log::Input> = inputs.collect();
        check_size(&inputs)?;
        let decided = follower.decide_all(inputs, deadline).await?;
        Ok(response(&follower, &items, &decided))
    }
}

fn check_items(items: &[api::BulkItem]) -> Result<(), Invalid> {
    check::count("items", items.len(), 1, ITEMS_MAX)?;
    if let Some(index) = items.iter().position(|item| item.case == 0) {
        return Err(Invalid::new(
            format_args!("items[{index}].case"),
            "is missing: case numbers begin with 1",
        ));
    }
    check::once("items", items.iter().map(|item| item.case))
}

fn check_size(inputs: &[log::Input]) -> Result<(), Status> {
    let bytes: usize = inputs.iter().map(Message::encoded_len).sum();
    if bytes <= BYTES_MAX {
        return Ok(());
    }
    Err(Status::resource_exhausted(format!(
        "the request would put {bytes} bytes on the log, at most {BYTES_MAX} may: send fewer items at a time"
    )))
}

fn about(body: log::input::Body, item: &api::BulkItem) -> log::input::Body {
    match body {
        log::input::Body::Command(command) => {
            let (case, seen_messages) = (item.case, item.seen_messages);
            log::input::Body::Command(log::Command { case, seen_messages, ..command })
        }
        other => other,
    }
}

/// What is asked for each case.
fn body(action: Option<Action>) -> Result<command::Body, Invalid> {
    match action {
        None => Err(Invalid::new("action", "is missing: say what is asked for each case")),
        Some(Action::Classify(request)) => headless(request),
        Some(Action::Identify(request)) => headless(request),
        Some(Action::AddNote(request)) => headless(request),
        Some(Action::Reply(request)) if request.to.is_some() => {
            Err(Invalid::new("reply.to", "has to stay empty: each case has its own latest message"))
        }
        Some(Action::Reply(request)) => headless(request),
        Some(Action::Schedule(request)) => headless(request),
        Some(Action::Wait(request)) => headless(request),
        Some(Action::Escalate(request)) => headless(request),
        Some(Action::Transfer(request)) => headless(request),
        Some(Action::TakeOver(request)) => headless(request),
        Some(Action::Merge(request)) => headless(request),
        Some(Action::MarkSpam(request)) => headless(request),
        Some(Action::Resolve(request)) => headless(request),
        Some(Action::Reopen(request)) => headless(request),
        Some(Action::Close(request)) => headless(request),
        Some(Action::LinkReference(request)) => headless(request),
        Some(Action::SetPriority(request)) => headless(request),
        Some(Action::Release(request)) => headless(request),
        Some(Action::Dispose(request)) => headless(request),
    }
}

/// What a request asks that says nothing of desk, request id and case: those are the bulk's.
fn headless<R: Ask>(request: R) -> Result<command::Body, Invalid> {
    let head = request.head();
    let empty = head.desk.is_empty()
        && head.request_id.is_empty()
        && head.case.unwrap_or(0) == 0
        && head.seen_messages == 0;
    if !empty {
        let reason =
            "has to leave `desk`, `request_id`, `case` and `seen_messages` empty: the bulk request says them";
        return Err(Invalid::new("action", reason));
    }
    request.body()
}

fn response(follower: &Follower, items: &[api::BulkItem], decided: &[Decided]) -> api::BulkResponse {
    let position = decided.iter().map(|decided| decided.outcome.position).max().unwrap_or(0);
    let outcomes = items.iter().zip(decided).map(|(item, decided)| outcome(follower, item.case, decided));
    api::BulkResponse { position, outcomes: outcomes.collect() }
}

fn outcome(follower: &Follower, case: u64, decided: &Decided) -> api::BulkOutcome {
    let repeat = decided.repeat;
    match judge(follower, decided) {
        Ok(()) => {
            let cases = answer::cases(case, &decided.outcome);
            api::BulkOutcome { case, repeat, cases, ..api::BulkOutcome::default() }
        }
        Err(status) => api::BulkOutcome {
            case,
            code: i32::from(status.code()),
            message: status.message().to_owned(),
            reason: refusal::refusal(&status).map_or(0, |refusal| refusal.reason),
            repeat,
            cases: Vec::new(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(cases: &[u64]) -> Vec<api::BulkItem> {
        cases.iter().map(|case| api::BulkItem { case: *case, seen_messages: 0 }).collect()
    }

    #[test]
    fn items_name_each_case_once() {
        assert!(check_items(&items(&[1, 2])).is_ok());
        for wrong in [vec![], vec![1, 0], vec![1, 2, 1], (1..=501).collect()] {
            assert!(check_items(&items(&wrong)).is_err(), "{} items", wrong.len());
        }
    }

    #[test]
    fn an_action_leaves_the_head_to_the_bulk() {
        assert!(body(Some(Action::Close(api::CloseRequest::default()))).is_ok());
        assert!(body(None).is_err());
        let headed = [
            api::CloseRequest { desk: "d".into(), ..api::CloseRequest::default() },
            api::CloseRequest { request_id: "r".into(), ..api::CloseRequest::default() },
            api::CloseRequest { case: 1, ..api::CloseRequest::default() },
            api::CloseRequest { seen_messages: 1, ..api::CloseRequest::default() },
        ];
        for request in headed {
            assert!(body(Some(Action::Close(request.clone()))).is_err(), "{request:?}");
        }
        let reply = api::ReplyRequest {
            text: "hello".into(),
            to: Some(api::MessageId::default()),
            ..api::ReplyRequest::default()
        };
        assert!(body(Some(Action::Reply(reply))).is_err());
    }

    #[test]
    fn contacts_of_a_list_may_get_one_outcome() {
        let junk = api::DisposeRequest {
            path: vec!["Junk".into(), "Tulalit".into()],
            remark: "the whole list".into(),
            ..api::DisposeRequest::default()
        };
        let Ok(command::Body::Disposition(asked)) = body(Some(Action::Dispose(junk))) else {
            panic!("a disposition is asked");
        };
        assert_eq!(asked.path, ["Junk", "Tulalit"]);
        assert!(body(Some(Action::Dispose(api::DisposeRequest::default()))).is_err(), "without a path");
    }

    #[test]
    fn a_merge_of_a_case_into_itself_is_left_to_the_core() {
        let merge = api::MergeRequest { into: 7, ..api::MergeRequest::default() };
        assert!(body(Some(Action::Merge(merge))).is_ok());
    }

    #[test]
    fn more_than_a_few_records_hold_is_refused() {
        let big = log::Input { key: vec![0; BYTES_MAX / 2].into(), ..log::Input::default() };
        assert!(check_size(std::slice::from_ref(&big)).is_ok());
        let refused = check_size(&[big.clone(), big]).unwrap_err();
        assert_eq!(refused.code(), tonic::Code::ResourceExhausted);
    }
}
