//! `simpang desk`: make desks, list them, add people.

use anyhow::Result;
use serde_json::json;
use simpang_proto::admin::v1::{CreateDeskRequest, ListDesksRequest};

use crate::cli::Desk;
use crate::client::{Client, refused};
use crate::config::Config;
use crate::{output, people};

pub(crate) async fn run(config: &Config, args: Desk) -> Result<()> {
    match args {
        Desk::Create { desk, server } => {
            let client = Client::of(config, &server).await?;
            client.admin().create_desk(CreateDeskRequest { desk: desk.clone() }).await.map_err(refused)?;
            output::line(format!("desk {desk} is there; put a policy on it with `simpang policy apply`"));
            Ok(())
        }
        Desk::List { server, json } => list(&Client::of(config, &server).await?, json.json).await,
        Desk::People { file, server } => {
            let client = Client::of(config, &server).await?;
            people::add_file(&client, &file).await
        }
    }
}

async fn list(client: &Client, as_json: bool) -> Result<()> {
    let desks = client.admin().list_desks(ListDesksRequest {}).await.map_err(refused)?.into_inner().desks;
    if as_json {
        for desk in desks {
            output::json(&json!({
                "desk": desk.desk, "policy_version": desk.policy_version, "router": desk.router,
                "open_cases": desk.open_cases, "signed_in": desk.signed_in, "trouble": desk.trouble,
            }));
        }
        return Ok(());
    }
    let rows: Vec<Vec<String>> = desks
        .into_iter()
        .map(|desk| {
            vec![
                desk.desk,
                desk.policy_version.to_string(),
                desk.open_cases.to_string(),
                desk.signed_in.to_string(),
                desk.router,
                desk.trouble,
            ]
        })
        .collect();
    output::table(&["desk", "policy", "open", "signed in", "router", "trouble"], &rows);
    Ok(())
}
