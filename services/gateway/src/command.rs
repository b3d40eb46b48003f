//! One command, from the request to the desk's decision. The services' methods differ only in what they ask and in
//! what they make of the decision.

use std::future::Future;
use std::sync::Arc;

use prost::Message as _;
use simpang_access::Principal;
use simpang_proto::log::v1::{self as log, command};
use simpang_wire::key::Purpose;
use tokio::time::Instant;
use tonic::metadata::MetadataMap;
use tonic::{Code, Request, Status};

use crate::accounts::Accounts;
use crate::check::{self, Invalid};
use crate::context::Context;
use crate::desks::Desks;
use crate::directory::Directory;
use crate::follower::{Decided, Follower};
use crate::{metric, refusal};

/// What every command carries beside what it asks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head<'a> {
    pub(crate) desk: &'a str,
    pub(crate) request_id: &'a str,
    /// The case it is about; `None` for a command that is about none.
    pub(crate) case: Option<u64>,
    pub(crate) seen_messages: u32,
}

/// A request that is a command.
pub(crate) trait Ask: Send {
    /// `package.Service/Method`, as in the table of calls.
    const METHOD: &'static str;

    /// What every command carries.
    fn head(&self) -> Head<'_>;

    /// What it asks, checked.
    fn body(self) -> Result<command::Body, Invalid>;
}

/// A command that was decided and not refused.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) principal: String,
    /// The case it was about; 0 for none.
    pub(crate) case: u64,
    pub(crate) decided: Decided,
    pub(crate) follower: Arc<Follower>,
}

/// What calls share.
#[derive(Debug)]
pub(crate) struct Commands {
    pub(crate) context: Arc<Context>,
    pub(crate) desks: Arc<Desks>,
    pub(crate) directory: Arc<Directory>,
    pub(crate) accounts: Arc<Accounts>,
}

impl Commands {
    pub(crate) fn new(context: Arc<Context>) -> Self {
        let desks = Arc::new(Desks::new(Arc::clone(&context)));
        let directory = Arc::new(Directory::new(Arc::clone(&context)));
        let accounts = Accounts::new(Arc::clone(&context), Arc::clone(&desks), Arc::clone(&directory));
        Self { context, desks, directory, accounts: Arc::new(accounts) }
    }

    /// Begins what goes on without being asked, until the gateway stops.
    pub(crate) fn begin(&self) {
        let tasks = &self.context.tasks;
        tasks.spawn(Arc::clone(&self.directory).follow());
        tasks.spawn(Arc::clone(&self.desks).keep_up());
        tasks.spawn(Arc::clone(&self.accounts).keep_in_step());
    }

    /// Asks the desk and waits for its decision.
    ///
    /// # Errors
    /// As `agent.proto` lists them.
    pub(crate) async fn command<R: Ask>(&self, request: Request<R>) -> Result<Done, Status> {
        self.measured(R::METHOD, self.ask(request)).await
    }

    async fn ask<R: Ask>(&self, request: Request<R>) -> Result<Done, Status> {
        let deadline = self.context.deadline();
        let (metadata, _, request) = request.into_parts();
        let principal = self.enter(&metadata, R::METHOD, request.head().desk)?;
        let head = request.head();
        check_head(head)?;
        let (desk, request_id) = (head.desk.to_owned(), head.request_id.to_owned());
        let (case, seen_messages) = (head.case.unwrap_or(0), head.seen_messages);
        let body = request.body()?;
        let follower = self.desks.get(&desk, deadline).await?;
        follower.hear(&principal.name);
        let key = self.key(&[&desk, "command", &principal.name, &request_id]);
        let command =
            log::Command { principal: principal.name.clone(), seen_messages, case, body: Some(body) };
        let input = self.input(&metadata, key, self.complete(&desk, command, &key, deadline).await?);
        let decided = follower.decide(input, deadline).await?;
        judge(&follower, &decided)?;
        Ok(Done { principal: principal.name, case, decided, follower })
    }

    /// Who calls, if they may make this command on this desk.
    pub(crate) fn enter(
        &self,
        metadata: &MetadataMap,
        method: &str,
        desk: &str,
    ) -> Result<Principal, Status> {
        if self.context.closing.is_cancelled() {
            return Err(Status::unavailable(
                "the gateway stops; nothing was written, send the same request again",
            ));
        }
        let gatekeeper = &self.context.options.gatekeeper;
        gatekeeper.authorise(metadata, method, desk, |principal| {
            self.desks.known(desk).map(|follower| follower.inner().board.roles(principal)).unwrap_or_default()
        })
    }

    /// An idempotency key.
    pub(crate) fn key(&self, parts: &[&str]) -> [u8; 16] {
        let parts: Vec<&[u8]> = parts.iter().map(|part| part.as_bytes()).collect();
        self.context.options.keyer.key(Purpose::Idempotency, &parts)
    }

    /// Fills in what only the gateway knows: the session of a sign-in, the directory's words on a customer. Refuses a
    /// transfer to a desk that is not there, or to the one that the case is on.
    pub(crate) async fn complete(
        &self,
        desk: &str,
        mut command: log::Command,
        key: &[u8; 16],
        deadline: Instant,
    ) -> Result<log::input::Body, Status> {
        match &mut command.body {
            Some(command::Body::SignIn(sign_in)) => {
                sign_in.session = session_id(key);
                sign_in.gateway.clone_from(&self.context.options.instance);
            }
            Some(command::Body::Identify(log::Identify { customer: Some(customer) }))
                if !customer.id.is_empty() =>
            {
                *customer = self.directory.customer(&customer.id, deadline).await?;
            }
            Some(command::Body::ReportFault(report)) => self.know_product(report)?,
            Some(command::Body::Reply(reply)) => self.know_files(desk, command.case, reply).await?,
            Some(command::Body::Transfer(transfer)) if transfer.desk == desk => {
                let reason = "is the case's own desk: name a queue or an agent of it, or another desk";
                return Err(Invalid::new("to_desk", reason).into());
            }
            // A case that goes to no desk would be nobody's.
            Some(command::Body::Transfer(transfer)) if !transfer.desk.is_empty() => {
                self.desks.get(&transfer.desk, deadline).await?;
            }
            _ => {}
        }
        Ok(log::input::Body::Command(command))
    }

    /// Puts the key of its product into a fault report.
    fn know_product(&self, report: &mut log::ReportFault) -> Result<(), Invalid> {
        let sealed = report.content.as_ref().map(|sealed| sealed.body.clone()).unwrap_or_default();
        let content = log::FaultContent::decode(sealed).unwrap_or_default();
        let key = self.context.options.keyer.product(&content.product);
        let key = key.ok_or_else(|| Invalid::new("product", "has neither letters nor digits"))?;
        report.product = key.to_vec().into();
        Ok(())
    }

    /// Refuses an answer with files on a channel that takes none, or with a file that is not kept.
    async fn know_files(&self, desk: &str, case: u64, reply: &log::Reply) -> Result<(), Status> {
        let sealed = reply.content.as_ref().map(|sealed| sealed.body.clone()).unwrap_or_default();
        let files = log::TextContent::decode(sealed).unwrap_or_default().attachments;
        if files.is_empty() {
            return Ok(());
        }
        let channel = self.desks.known(desk).and_then(|follower| follower.inner().board.channel(case));
        if let Some(channel @ (log::Channel::X | log::Channel::Facebook | log::Channel::Call)) = channel {
            return Err(refusal::no_files(channel));
        }
        for file in files {
            let digest: [u8; 32] = file.digest.as_ref().try_into().unwrap_or_default();
            let kept = self.context.options.store.has_raw(digest).await.map_err(|error| {
                Status::unavailable(format!("{error}; nothing was written, send the same request again"))
            })?;
            if !kept {
                return Err(refusal::not_kept(&digest));
            }
        }
        Ok(())
    }

    /// Answers a call before the gateway stops, and counts it and its time.
    pub(crate) async fn measured<T>(
        &self,
        method: &'static str,
        call: impl Future<Output = Result<T, Status>>,
    ) -> Result<T, Status> {
        let _answered = self.context.calls.token();
        let begun = Instant::now();
        let result = call.await;
        let code = result.as_ref().err().map_or(Code::Ok, Status::code);
        metrics::counter!(metric::COMMANDS, "method" => method, "code" => format!("{code:?}")).increment(1);
        metrics::histogram!(metric::COMMAND_SECONDS, "method" => method)
            .record(begun.elapsed().as_secs_f64());
        result
    }

    /// An input for the log.
    pub(crate) fn input(&self, metadata: &MetadataMap, key: [u8; 16], body: log::input::Body) -> log::Input {
        let traceparent = metadata.get("traceparent").and_then(|value| value.to_str().ok());
        let traceparent = simpang_trace::of_header(traceparent);
        log::Input { key: key.to_vec().into(), traceparent, body: Some(body) }
    }
}

/// A session's id: the same for the same request, so that a repeated sign-in names the same session.
pub(crate) fn session_id(key: &[u8; 16]) -> String {
    use std::fmt::Write as _;
    key.iter().fold(String::from("s-"), |mut id, byte| {
        // Writing to a String can't fail.
        let _ = write!(id, "{byte:02x}");
        id
    })
}

fn check_head(head: Head<'_>) -> Result<(), Invalid> {
    check::request_id(head.request_id)?;
    match head.case {
        Some(0) => Err(Invalid::new("case", "is missing: case numbers begin with 1")),
        _ => Ok(()),
    }
}

/// The error of a decision, if it is one.
pub(crate) fn judge(follower: &Follower, decided: &Decided) -> Result<(), Status> {
    let outcome = &decided.outcome;
    if decided.reused {
        return Err(refusal::reused());
    }
    if let Some(rejected) = outcome.rejected() {
        let messages = follower.inner().board.messages(rejected.case);
        return Err(refusal::rejected(rejected, outcome.position, messages));
    }
    match outcome.set_aside() {
        None => Ok(()),
        Some(reason) => Err(Status::invalid_argument(format!("the desk could not understand it: {reason}"))),
    }
}
