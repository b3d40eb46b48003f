//! `simpang report`: what the views know, as CSV for a spreadsheet (M12).

use anyhow::{Context, Result};
use simpang_proto::view::v1 as api;
use simpang_views::sentence::plain;

use crate::cli::{Report, ReportKind};
use crate::client::{Client, refused};
use crate::config::Config;
use crate::output;

pub(crate) async fn run(config: &Config, args: Report) -> Result<()> {
    let client = Client::of(config, &args.server).await?;
    let (from_ms, to_ms) = (time(args.from.as_deref())?, time(args.to.as_deref())?);
    let rows = match args.kind {
        ReportKind::Sla => sla(&client, &args.desk, &args.zone, from_ms, to_ms).await?,
        ReportKind::Agents => agents(&client, &args.desk, from_ms, to_ms).await?,
        ReportKind::Campaigns => campaigns(&client, &args.desk).await?,
        ReportKind::Outcomes => outcomes(&client, &args.desk).await?,
    };
    rows.iter().for_each(|row| output::line(line(row)));
    Ok(())
}

fn time(text: Option<&str>) -> Result<i64> {
    let Some(text) = text else { return Ok(0) };
    let parsed = chrono::DateTime::parse_from_rfc3339(text).with_context(|| {
        format!("`{text}` is no time: write such as 2026-11-21T00:00:00+07:00, with the zone")
    })?;
    Ok(parsed.timestamp_millis())
}

/// How targets were kept, by day, queue, priority and clock (J2).
async fn sla(client: &Client, desk: &str, zone: &str, from_ms: i64, to_ms: i64) -> Result<Vec<Vec<String>>> {
    let request = api::SlaBoardRequest {
        desk: desk.to_owned(),
        zone: zone.to_owned(),
        from_ms,
        to_ms,
        limit: 1,
        ..Default::default()
    };
    let board = client.view().sla_board(request).await.map_err(refused)?.into_inner();
    let head = [
        "day",
        "queue",
        "priority",
        "clock",
        "started",
        "met",
        "breached",
        "met_late",
        "cancelled",
        "attained_percent",
        "average_seconds",
    ];
    let row = |kept: api::SlaAttainment| {
        let met = i64::from(kept.met) + i64::from(kept.met_late);
        let average = kept.elapsed_ms.checked_div(met).map_or(String::new(), |ms| (ms / 1_000).to_string());
        // Of clocks that all still run nothing is known yet.
        let attained = match kept.met + kept.breached {
            0 => String::new(),
            _ => format!("{}.{}", kept.attained_permille / 10, kept.attained_permille % 10),
        };
        let clock = plain(kept.clock().as_str_name(), "CLOCK_");
        let counts = [kept.started, kept.met, kept.breached, kept.met_late, kept.cancelled];
        let counts = counts.map(|count| count.to_string());
        [vec![kept.day, kept.queue, kept.priority, clock], counts.to_vec(), vec![attained, average]].concat()
    };
    Ok(headed(&head, board.attainment.into_iter().map(row)))
}

/// Agents' time in each state, and what they got.
async fn agents(client: &Client, desk: &str, from_ms: i64, to_ms: i64) -> Result<Vec<Vec<String>>> {
    let request = api::ListAgentsRequest { desk: desk.to_owned(), from_ms, to_ms, ..Default::default() };
    let floor = client.view().list_agents(request).await.map_err(refused)?.into_inner();
    let row = |agent: api::Agent| {
        let mut rows = Vec::new();
        for time in &agent.times {
            let state = plain(time.presence().as_str_name(), "PRESENCE_");
            let seconds = (time.ms / 1_000).to_string();
            let (got, finished) = (agent.assigned_in_span.to_string(), agent.finished_in_span.to_string());
            rows.push(vec![
                agent.agent.clone(),
                agent.name.clone(),
                agent.site.clone(),
                state,
                time.reason.clone(),
                seconds,
                got,
                finished,
            ]);
        }
        rows
    };
    let head = ["agent", "name", "site", "state", "reason", "seconds", "cases_got", "cases_finished"];
    Ok(headed(&head, floor.agents.into_iter().flat_map(row)))
}

async fn progress(client: &Client, desk: &str) -> Result<Vec<api::Campaign>> {
    let request = api::CampaignProgressRequest { desk: desk.to_owned(), ..Default::default() };
    Ok(client.view().campaign_progress(request).await.map_err(refused)?.into_inner().campaigns)
}

/// How campaigns go.
async fn campaigns(client: &Client, desk: &str) -> Result<Vec<Vec<String>>> {
    let head = ["campaign", "contacts", "waiting", "held", "scheduled", "finished", "attempts", "reached"];
    let row = |c: api::Campaign| {
        let counts = [c.contacts, c.waiting, c.held, c.scheduled, c.finished, c.attempts, c.reached];
        std::iter::once(c.campaign).chain(counts.map(|count| count.to_string())).collect()
    };
    Ok(headed(&head, progress(client, desk).await?.into_iter().map(row)))
}

/// How calls went, by campaign and outcome.
async fn outcomes(client: &Client, desk: &str) -> Result<Vec<Vec<String>>> {
    let row = |c: api::Campaign| {
        let campaign = c.campaign;
        let one = move |o: api::OutcomeCount| vec![campaign.clone(), o.path.join(" > "), o.count.to_string()];
        c.outcomes.into_iter().map(one)
    };
    let rows = progress(client, desk).await?.into_iter().flat_map(row);
    Ok(headed(&["campaign", "outcome", "attempts"], rows))
}

fn headed(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> Vec<Vec<String>> {
    let head = head.iter().map(|name| (*name).to_owned()).collect();
    std::iter::once(head).chain(rows).collect()
}

/// A record of a CSV (RFC 4180). A cell that a spreadsheet would take for a formula gets an apostrophe: names and
/// reasons are other people's words.
fn line(row: &[String]) -> String {
    let cell = |cell: &String| {
        let guarded = if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) {
            format!("'{cell}")
        } else {
            cell.clone()
        };
        if guarded.contains([',', '"', '\n', '\r']) {
            format!("\"{}\"", guarded.replace('"', "\"\""))
        } else {
            guarded
        }
    };
    row.iter().map(cell).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::{line, time};

    #[test]
    fn cells_are_quoted_where_they_have_to_be_and_none_is_a_formula() {
        let row = ["plain", "a,b", "say \"x\"", "=1+1", "two\nlines", ""].map(str::to_owned);
        assert_eq!(line(&row), "plain,\"a,b\",\"say \"\"x\"\"\",'=1+1,\"two\nlines\",");
    }

    #[test]
    fn a_time_has_its_zone() {
        assert_eq!(time(Some("1970-01-01T07:00:01+07:00")).unwrap(), 1_000);
        assert_eq!(time(None).unwrap(), 0);
        assert!(time(Some("2026-11-21")).is_err());
    }
}
