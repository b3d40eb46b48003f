//! `simpang project rebuild`: a desk's tables built anew by the role that serves them.

use std::time::Instant;

use anyhow::{Context, Result};
use serde_json::json;
use simpang_proto::view::v1::RebuildRequest;

use crate::cli::{ProjectCommand, Rebuild};
use crate::client::{Client, refused};
use crate::config::Config;
use crate::output;

pub(crate) async fn run(config: &Config, command: ProjectCommand) -> Result<()> {
    let ProjectCommand::Rebuild(args) = command;
    let client = Client::of(config, &args.server).await?;
    for desk in &args.desks {
        rebuild(&client, desk, &args).await?;
    }
    Ok(())
}

async fn rebuild(client: &Client, desk: &str, args: &Rebuild) -> Result<()> {
    let began = Instant::now();
    let request = RebuildRequest { desk: desk.to_owned() };
    let mut told = client.view().rebuild(request).await.map_err(refused)?.into_inner();
    let bar = output::progress(0, &format!("desk {desk}: building its views anew"));
    let done = loop {
        let answer = told.message().await.map_err(refused)?;
        let answer =
            answer.context("the answers ended before the tables were built: is `project` stopping?")?;
        if answer.done {
            break answer;
        }
        bar.set_length(answer.until);
        bar.set_position(answer.position);
    };
    bar.finish_and_clear();
    let took = began.elapsed();
    if args.json.json {
        let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        output::json(&json!({"desk": desk, "records": done.until, "took_ms": took_ms}));
    } else {
        let seconds = took.as_secs_f64();
        output::line(format!("desk {desk}: views built anew from {} records in {seconds:.1} s", done.until));
    }
    Ok(())
}
