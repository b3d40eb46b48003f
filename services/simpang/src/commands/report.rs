//! `simpang report`: what the views know, as CSV for a spreadsheet (M12).

use anyhow::Result;
use simpang_proto::view::v1 as api;
use simpang_views::sentence::plain;

use super::figures::{Cut, time};
use crate::cli::{Report, ReportKind};
use crate::client::{Client, refused};
use crate::config::Config;
use crate::output;

pub(crate) async fn run(config: &Config, args: Report) -> Result<()> {
    let client = Client::of(config, &args.server).await?;
    let (desk, cut) = (&args.desk, &args.cut);
    let rows = match args.kind {
        ReportKind::Sla => {
            let (head, rows) = cut.kept_csv(&cut.board(&client, desk).await?.attainment);
            headed(&head, rows.into_iter())
        }
        ReportKind::FirstContact => {
            let (head, rows) = cut.solved_csv(&cut.board(&client, desk).await?.first_contact);
            headed(&head, rows.into_iter())
        }
        ReportKind::Agents => agents(&client, desk, cut).await?,
        ReportKind::Queues => queues(&client, desk, cut).await?,
        ReportKind::Cases => cases(&client, desk, cut).await?,
        ReportKind::Replies => replies(&client, desk, cut).await?,
        ReportKind::Campaigns => campaigns(&client, desk).await?,
        ReportKind::Outcomes => outcomes(&client, desk).await?,
    };
    rows.iter().for_each(|row| output::line(line(row)));
    Ok(())
}

async fn floor(client: &Client, desk: &str, cut: &Cut) -> Result<api::ListAgentsResponse> {
    let (from_ms, to_ms) = (time(cut.from.as_deref())?, time(cut.to.as_deref())?);
    let (desk, agents) = (desk.to_owned(), cut.agent.clone());
    let request = api::ListAgentsRequest { desk, agents, from_ms, to_ms, ..Default::default() };
    Ok(client.view().list_agents(request).await.map_err(refused)?.into_inner())
}

/// Agents' time in each state, and what they got.
async fn agents(client: &Client, desk: &str, cut: &Cut) -> Result<Vec<Vec<String>>> {
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
    Ok(headed(&head, floor(client, desk, cut).await?.agents.into_iter().flat_map(row)))
}

/// What waits in each queue now.
async fn queues(client: &Client, desk: &str, cut: &Cut) -> Result<Vec<Vec<String>>> {
    let wanted = |queue: &api::QueueNow| cut.queue.is_empty() || cut.queue.contains(&queue.queue);
    let row = |queue: api::QueueNow| {
        vec![queue.queue, queue.waiting.to_string(), queue.held.to_string(), moment(queue.oldest_ms)]
    };
    let queues = floor(client, desk, cut).await?.queues.into_iter().filter(wanted);
    Ok(headed(&["queue", "waiting", "held", "oldest_since"], queues.map(row)))
}

/// The ticket table.
async fn cases(client: &Client, desk: &str, cut: &Cut) -> Result<Vec<Vec<String>>> {
    let filter = api::CaseFilter {
        with_closed: true,
        queues: cut.queue.clone(),
        priorities: cut.priority.clone(),
        segments: cut.segment.clone(),
        assignees: cut.agent.clone(),
        campaigns: cut.campaign.clone(),
        opened_from_ms: time(cut.from.as_deref())?,
        opened_to_ms: time(cut.to.as_deref())?,
        ..Default::default()
    };
    let found = super::show::list(client, desk, &filter).await?;
    Ok(headed(CASE_HEAD, found.into_iter().map(case_row)))
}

const CASE_HEAD: &[&str] = &[
    "case",
    "state",
    "channel",
    "queue",
    "priority",
    "segment",
    "campaign",
    "agent",
    "customer",
    "category",
    "opened",
    "last_message",
    "last_reply",
    "changed",
    "due",
    "breached",
    "messages",
    "subject",
];

fn case_row(case: api::CaseSummary) -> Vec<String> {
    vec![
        case.case.to_string(),
        plain(case.state().as_str_name(), "CASE_STATE_"),
        plain(case.channel().as_str_name(), "CHANNEL_"),
        case.queue,
        case.priority,
        case.segment,
        case.campaign,
        case.assignee,
        case.customer,
        case.category.join(" > "),
        moment(case.opened_ms),
        moment(case.last_message_ms),
        moment(case.last_reply_ms),
        moment(case.changed_ms),
        moment(case.deadline_ms),
        if case.breached { "yes".into() } else { String::new() },
        case.messages.to_string(),
        case.subject,
    ]
}

/// Every answer that an agent wrote, by what it is about itself (F8).
async fn replies(client: &Client, desk: &str, cut: &Cut) -> Result<Vec<Vec<String>>> {
    let mut request = api::ListRepliesRequest {
        desk: desk.to_owned(),
        from_ms: time(cut.from.as_deref())?,
        to_ms: time(cut.to.as_deref())?,
        agents: cut.agent.clone(),
        page_size: 500,
        ..Default::default()
    };
    let mut rows = Vec::new();
    loop {
        let page = client.view().list_replies(request.clone()).await.map_err(refused)?.into_inner();
        rows.extend(page.replies.into_iter().map(reply_row));
        if page.next_page_token.is_empty() {
            return Ok(headed(REPLY_HEAD, rows.into_iter()));
        }
        request.page_token = page.next_page_token;
    }
}

const REPLY_HEAD: &[&str] =
    &["case", "written", "agent", "channel", "account", "reply_type", "category", "state", "changed", "text"];

fn reply_row(reply: api::Reply) -> Vec<String> {
    let sent = reply.delivery.unwrap_or_default();
    vec![
        reply.case.to_string(),
        moment(sent.at_ms),
        sent.agent.clone(),
        plain(sent.channel().as_str_name(), "CHANNEL_"),
        sent.account.clone(),
        sent.reply_kind.clone(),
        sent.category.join(" > "),
        plain(sent.state().as_str_name(), "DELIVERY_STATE_"),
        moment(sent.changed_ms),
        sent.text,
    ]
}

/// A time as a spreadsheet reads it, UTC; empty when there is none.
fn moment(ms: i64) -> String {
    if ms == 0 { String::new() } else { output::time(ms) }
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
pub(super) fn line(row: &[String]) -> String {
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
    use super::line;

    #[test]
    fn cells_are_quoted_where_they_have_to_be_and_none_is_a_formula() {
        let row = ["plain", "a,b", "say \"x\"", "=1+1", "two\nlines", ""].map(str::to_owned);
        assert_eq!(line(&row), "plain,\"a,b\",\"say \"\"x\"\"\",'=1+1,\"two\nlines\",");
    }
}
