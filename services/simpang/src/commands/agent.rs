//! A command-line agent: everything that `simpang.agent.v1` offers, from a terminal. One process asks one thing; the
//! session is kept by the gateway, so that the next command goes on where this one ended.

mod ask;
mod bulk;
mod case;
mod files;
mod form;
pub(crate) mod parse;
mod view;
mod work;

use std::future::Future;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tonic::{Code, Response, Status};

use crate::cli::AgentArgs;
use crate::client::{Client, refused};
use crate::config::Config;
use crate::{installation, output};

pub(crate) use ask::Ask;

/// How often a command is sent again, with the same request id, when its outcome is not known.
const TRIES: u32 = 5;

/// Who asks, of which desk.
struct Me {
    client: Client,
    desk: String,
    json: bool,
}

pub(crate) async fn run(config: &Config, args: AgentArgs) -> Result<()> {
    if args.desk.is_empty() {
        bail!("which desk? Use --desk, or export SIMPANG_DESK=tenesa");
    }
    let token = token(config, &args)?;
    let me = Me { client: Client::connect(&args.addr, &token).await?, desk: args.desk, json: args.json };
    match args.ask {
        ask @ (Ask::SignIn { .. }
        | Ask::SignOut
        | Ask::Presence { .. }
        | Ask::Pull { .. }
        | Ask::CancelPull
        | Ask::Watch
        | Ask::Work) => work::run(&me, ask).await,
        Ask::Show { case } => view::show(&me, case).await,
        Ask::Form { case, template, feedback } => form::show(&me, case, &template, feedback).await,
        Ask::Bulk(what) => bulk::run(&me, what).await,
        ask => case::run(&me, ask).await,
    }
}

fn token(config: &Config, args: &AgentArgs) -> Result<String> {
    match (&args.as_agent, &args.token) {
        (Some(name), _) => installation::local_token(config, name),
        (None, Some(token)) => Ok(token.clone()),
        (None, None) => bail!(
            "who are you? Use --token or SIMPANG_TOKEN; on the machine of `simpang up` also --as rina, which reads \
             that agent's token from the data folder"
        ),
    }
}

impl Me {
    /// Prints an answer: as JSON where asked for, else as text for people.
    fn tell(&self, name: &str, answer: &impl prost::Message, text: impl FnOnce() -> Vec<String>) {
        if self.json {
            output::message(&format!("simpang.agent.v1.{name}"), answer);
        } else {
            text().iter().for_each(output::line);
        }
    }
}

pub(crate) fn request_id() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// Sends a command until its outcome is known: the same request id makes a repeat harmless.
async fn until_known<Q, A, F, Fut>(request: Q, call: F) -> Result<A>
where
    Q: Clone,
    F: Fn(Q) -> Fut,
    Fut: Future<Output = Result<Response<A>, Status>>,
{
    let mut tries = 0;
    loop {
        tries += 1;
        match call(request.clone()).await {
            Ok(answer) => return Ok(answer.into_inner()),
            Err(status) if status.code() == Code::Unavailable && tries < TRIES => {
                tokio::time::sleep(Duration::from_millis(300)).await;
            }
            Err(status) if status.code() == Code::Unavailable => {
                return Err(refused(status)).context("asked several times; whether it was done is not known");
            }
            Err(status) => return Err(refused(status)),
        }
    }
}

/// Sends one command of the agent's service.
macro_rules! send {
    ($me:expr, $method:ident, $request:ident { $($field:ident : $value:expr),* $(,)? }) => {{
        #[allow(clippy::needless_update)]
        let request = simpang_proto::agent::v1::$request {
            desk: $me.desk.clone(),
            request_id: crate::commands::agent::request_id(),
            $($field: $value,)*
            ..Default::default()
        };
        crate::commands::agent::until_known(request, |request| {
            let mut client = $me.client.agent();
            async move { client.$method(request).await }
        })
        .await
    }};
}
use send;
